// SPDX-License-Identifier: GPL-3.0-or-later
// Budgets that a thousand requests at once cannot overrun: whole answers, streams and clients that leave,
// for keys, for teams, and for both; and everything that a budget refuses or lets through besides.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { before, it } from 'node:test';

import { Outcome } from './lib/ledger.mjs';
import { chatEvents, chatRequest, completion, usageEvent, usageOf } from './lib/openai.mjs';
import {
  Admin, budgetOf, burst, keysOf, kPrices, metric, nano, priceFile, pricesText, secretOf, spentOf,
  tally,
} from './lib/policy.mjs';
import { answer, stream } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';
import { deferred, inParallel, seededRandom, sleep, until } from './lib/wait.mjs';

const kDollar = { usd: 1, period: 'total' };
const prices = priceFile({ ...kPrices, 'dime-*': kPrices.dime, 'tokens-*': kPrices.tokens });

const config = (upstream) => ({
  default_backend: 'up',
  server: { workers: 2 },
  circuit_breaker: { enabled: false }, // the one backend fails again and again here
  backends: { up: { type: 'openai', url: upstream.url, api_key: 'sk-up' } },
  prices: { file: prices },
  teams: {
    alone: { budget: kDollar },
    mixed: { budget: kDollar },
  },
  keys: keysOf({
    plain: { budget: kDollar }, held: { budget: kDollar }, streams: { budget: kDollar },
    aborts: { budget: kDollar }, leavers: { budget: kDollar }, failing: { budget: kDollar },
    daily: { budget: { usd: 0.1, period: 'day' } },
    endless: { budget: kDollar }, tiny: { budget: { usd: 0.01, period: 'day' } },
    unknown: { budget: kDollar }, free: {}, logged: { budget: kDollar }, shadow: { budget: { ...kDollar, mode: 'shadow' } },
    ...Object.fromEntries([1, 2, 3, 4, 5].map((i) => [`alone${i}`, { team: 'alone' }])),
    ...Object.fromEntries([1, 2, 3, 4, 5].map((i) => [`mixed${i}`,
      { team: 'mixed', budget: { usd: 0.3, period: 'total' } }])),
  }),
});

const dime = (key, more = {}) => ({ key: secretOf(key), body: chatRequest('dime', { max_tokens: 5, ...more }) });

/** Every refusal says whether waiting helps: in flight 429 and a second, spent 402 and never. */
function assertRefusals(readers) {
  for (const reader of readers.filter(({ head }) => head?.status >= 400)) {
    const { code } = JSON.parse(reader.text).error;
    if (reader.head.status === 429) {
      assert.equal(code, 'budget_in_flight');
      assert.equal(reader.head.get('retry-after'), '1');
      assert.ok(!reader.head.has('x-should-retry'));
    } else {
      assert.equal(reader.head.status, 402);
      assert.equal(code, 'budget_exceeded');
      assert.ok(!reader.head.has('retry-after'), 'a total budget is never renewed');
      assert.equal(reader.head.get('x-should-retry'), 'false');
    }
  }
}

suite('a burst of 1,000 on a dollar', { config, concurrency: 1 }, (t) => {
  before(() => { t.admin = new Admin(t.gateway); });

  /** The key, by every place that knows what it has spent, has spent exactly @p usd. */
  const assertSpent = async (key, usd, requests) => {
    assert.equal(await spentOf(t.gateway, 'key', key), usd);
    const usage = await t.admin.usage('key', key, requests);
    assert.equal(usage.requests, requests);
    assert.equal(usage.cost_usd, usd);
    assert.equal(usage.unknown_cost_requests, 0);
    assert.equal(await metric(t.gateway, 'tidegate_key_cost_usd_total', { key }), usd);
  };

  it('answered at once: exactly ten', async () => {
    t.upstream.when('dime', answer(completion('dime')));
    const readers = await (await burst(t.gateway, 1000, () => dime('plain'))).finish();
    const counts = tally(readers);
    assert.equal(counts[200], 10, JSON.stringify(counts));
    assertRefusals(readers);
    assert.equal(readers.filter(({ head }) => [402, 429].includes(head?.status)).length, 990);
    assert.ok(readers.every(({ head }) => head.status !== 200
      || head.get('x-tidegate-cost-usd') === '0.100000000'));
    await assertSpent('plain', '1.000000000', 1000);
    assertError(await t.gateway.request(dime('plain')), 402, 'budget_exceeded');
  });

  it('while ten are running, the others are told to come back', async () => {
    const open = deferred();
    t.upstream.when('dime', async (exchange) => {
      await open.promise;
      await answer(completion('dime'))(exchange);
    });
    const running = await burst(t.gateway, 1000, () => dime('held'));
    await until('990 refusals', () => running.answered(429) === 990, { timeoutMs: 10_000 });
    const budget = await budgetOf(t.gateway, 'key', 'held');
    assert.deepEqual(budget, { limit: '1.000000000', spent: '0.000000000', held: '1.000000000' });
    open.resolve();
    assert.deepEqual(tally(await running.finish()), { 200: 10, '429 budget_in_flight': 990 });
    await assertSpent('held', '1.000000000', 1000);
  });

  it('streams: exactly ten', async () => {
    t.upstream.when('dime', stream([...chatEvents('dime'), usageEvent('dime', usageOf(3, 2))], { gapMs: 2 }));
    const readers = await (await burst(t.gateway, 1000, () => dime('streams', { stream: true }))).finish();
    assert.equal(tally(readers)[200], 10);
    assertRefusals(readers);
    await assertSpent('streams', '1.000000000', 1000);
  });

  for (const [key, streamed] of [['aborts', false], ['leavers', true]]) {
    it(`half of the clients leave at any moment${streamed ? ' of a stream' : ''}`, async () => {
      const random = seededRandom(20261121 + Number(streamed));
      const from = t.upstream.of('dime').length;
      t.upstream.when('dime', async (exchange) => {
        await sleep(random() * 60); // so that about half of those who leave do so before their answer
        if (!exchange.isGone) {
          await (streamed ? stream(chatEvents('dime', ['a', 'b', 'c']), { gapMs: 5 })
            : answer(completion('dime')))(exchange);
        }
      });
      const running = await burst(t.gateway, 1000, () => dime(key, { stream: streamed }), {
        each: (i, connection) => {
          if (i % 2 === 1) {
            setTimeout(() => (random() < 0.5 ? connection.reset() : connection.close()), random() * 60);
          }
        },
      });
      assertRefusals((await running.finish()).filter((reader) => reader.complete));
      let spent = nano(await spentOf(t.gateway, 'key', key));
      const reached = t.upstream.of('dime').length - from;
      assert.ok(spent >= BigInt(reached) * nano('0.1'), `${reached} reached the backend, spent ${spent}`);
      assert.ok(spent <= nano('1'), `spent ${spent}`);

      t.upstream.when('dime', answer(completion('dime')));
      for (; spent < nano('1'); spent += nano('0.1')) {
        assert.equal((await t.gateway.request(dime(key))).head.status, 200);
      }
      assertError(await t.gateway.request(dime(key)), 402, 'budget_exceeded');
      assert.equal(await spentOf(t.gateway, 'key', key), '1.000000000');
      await until('the ledger says the same', async () => (
        await t.admin.usage('key', key)).cost_usd === '1.000000000');
    });
  }

  it('a team of five keys: exactly ten', async () => {
    t.upstream.when('dime', answer(completion('dime')));
    const readers = await (await burst(t.gateway, 1000, (i) => dime(`alone${1 + (i % 5)}`))).finish();
    assert.equal(tally(readers)[200], 10);
    assertRefusals(readers);
    assert.equal(await spentOf(t.gateway, 'team', 'alone'), '1.000000000');
    assert.equal((await t.admin.usage('team', 'alone', 1000)).cost_usd, '1.000000000');
    for (const i of [1, 2, 3, 4, 5]) {
      assertError(await t.gateway.request(dime(`alone${i}`)), 402, 'budget_exceeded');
    }
  });

  it('a team of a dollar with keys of thirty cents: both hold', async () => {
    const readers = await (await burst(t.gateway, 1000, (i) => dime(`mixed${1 + (i % 5)}`))).finish();
    for (const i of [1, 2, 3, 4, 5]) {
      await inParallel(4, 4, () => t.gateway.request(dime(`mixed${i}`))); // fills up what is left
    }
    assertRefusals(readers);
    assert.equal(await spentOf(t.gateway, 'team', 'mixed'), '1.000000000');
    let sum = 0n;
    for (const i of [1, 2, 3, 4, 5]) {
      const spent = nano(await spentOf(t.gateway, 'key', `mixed${i}`));
      assert.ok(spent <= nano('0.3'), `mixed${i}: ${spent}`);
      sum += spent;
    }
    assert.equal(sum, nano('1'));
  });

  it('failures of the backend give everything back', async () => {
    const failures = [answer({ error: { message: 'no', type: 'x' } }, { status: 500 }),
      answer({ error: { message: 'no', type: 'x' } }, { status: 429 }),
      async (exchange) => exchange.reset()];
    let turn = 0;
    t.upstream.when('dime', async (exchange) => failures[turn++ % failures.length](exchange));
    await inParallel(60, 10, async () => {
      const reply = await t.gateway.request(dime('failing'));
      assert.ok([429, 500, 502].includes(reply.head.status), reply.text);
      assert.doesNotMatch(reply.text, /budget/);
    });
    assert.equal(await spentOf(t.gateway, 'key', 'failing'), '0.000000000');
    t.upstream.when('dime', answer(completion('dime')));
    const readers = await (await burst(t.gateway, 50, () => dime('failing'))).finish();
    assert.equal(tally(readers)[200], 10);
    await assertSpent('failing', '1.000000000', 110);
  });
});

suite('what budgets say', { config, concurrency: 1 }, (t) => {
  before(() => { t.admin = new Admin(t.gateway); });

  it('a day\'s budget is renewed at midnight, UTC', async () => {
    t.upstream.when('dime', answer(completion('dime')));
    assert.equal((await t.gateway.request(dime('daily'))).head.status, 200);
    const reply = await t.gateway.request(dime('daily'));
    const error = assertError(reply, 402, 'budget_exceeded');
    const restMs = 86_400_000 - (Date.now() % 86_400_000);
    const waitMs = Number(reply.head.get('retry-after-ms'));
    assert.ok(Math.abs(waitMs - restMs) < 2000, `${waitMs} of ${restMs}`);
    assert.equal(reply.head.get('retry-after'), String(Math.ceil(waitMs / 1000)));
    assert.match(error.message, /\$0\.10 per day/);
    assert.match(error.message, /T00:00:00Z/);
    assert.ok(!reply.head.has('x-should-retry'));
  });

  it('without a maximum of output 16,384 tokens are set aside', async () => {
    // Two dollars per million: 16,384 tokens are $0.032768, so thirty fit into a dollar, not 31.
    const open = deferred();
    t.upstream.when('tokens', async (exchange) => {
      await open.promise;
      await answer(completion('tokens', 'x', usageOf(10, 1000)))(exchange);
    });
    const running = await burst(t.gateway, 60,
      () => ({ key: secretOf('endless'), body: chatRequest('tokens') }));
    await until('30 refusals', () => running.answered(429) === 30);
    const { held } = await budgetOf(t.gateway, 'key', 'endless');
    assert.ok(nano(held) >= 30n * nano('0.032768') && nano(held) <= 30n * nano('0.032800'), held);
    open.resolve();
    assert.deepEqual(tally(await running.finish()), { 200: 30, '429 budget_in_flight': 30 });
    // 30 × (10 × $1 + 1000 × $2) / 1e6
    assert.equal(await spentOf(t.gateway, 'key', 'endless'), '0.060300000');
    // A cent of a day is less than the cap, whatever is spent: permanent, and it says what helps.
    const reply = await t.gateway.request({ key: secretOf('tiny'), body: chatRequest('tokens') });
    assert.match(assertError(reply, 402, 'budget_exceeded').message, /more than the budget.*maximum of output/);
    assert.ok(!reply.head.has('retry-after'));
    assert.equal(reply.head.get('x-should-retry'), 'false');
    const bounded = await t.gateway.request({ key: secretOf('tiny'), body: chatRequest('tokens', { max_tokens: 4000 }) });
    assert.equal(bounded.head.status, 200);
    assert.equal(bounded.head.get('x-tidegate-cost-usd'), '0.002010000');
  });

  it('a backend that answers more than was set aside is booked in full', async () => {
    t.upstream.when('tokens-long', answer(completion('tokens-long', 'x', usageOf(1000, 100_000))));
    const body = chatRequest('tokens-long', { max_tokens: 100 });
    const from = nano(await spentOf(t.gateway, 'key', 'endless'));
    const reply = await t.gateway.request({ key: secretOf('endless'), body });
    assert.equal(reply.head.get('x-tidegate-cost-usd'), '0.201000000');
    assert.equal(nano(await spentOf(t.gateway, 'key', 'endless')) - from, nano('0.201'));
  });

  it('a model without a price is denied to budgets, and its cost is unknown to others', async () => {
    const model = freshModel('unpriced');
    t.upstream.when(model, answer(completion(model)));
    const denied = await t.gateway.request({ key: secretOf('unknown'), body: chatRequest(model) });
    assert.match(assertError(denied, 403, 'model_not_allowed').message, /price/);
    assert.equal(t.upstream.of(model).length, 0);
    const row = await t.gateway.row(denied.head.get('x-request-id'));
    assert.equal(row.cost_nano, 0);
    const allowed = await t.gateway.request({ key: secretOf('free'), body: chatRequest(model) });
    assert.equal(allowed.head.status, 200);
    assert.ok(!allowed.head.has('x-tidegate-cost-usd'), 'unknown is not $0');
    assert.equal((await t.gateway.row(allowed.head.get('x-request-id'))).cost_nano, null);
    assert.equal((await t.admin.usage('key', 'free')).unknown_cost_requests, 1);
  });

  it('a shadow budget refuses nothing and counts everything', async () => {
    t.upstream.when('dime', answer(completion('dime')));
    const readers = await (await burst(t.gateway, 30, () => dime('shadow'))).finish();
    assert.deepEqual(tally(readers), { 200: 30 });
    assert.equal(await spentOf(t.gateway, 'key', 'shadow'), '3.000000000');
    // Nor does it deny models without a price.
    const model = freshModel('unpriced');
    t.upstream.when(model, answer(completion(model)));
    const reply = await t.gateway.request({ key: secretOf('shadow'), body: chatRequest(model) });
    assert.equal(reply.head.status, 200, reply.text);
  });

  it('the log says when a budget is nearly spent and when it is, once each', async () => {
    t.upstream.when('dime', answer(completion('dime')));
    const said = (pattern) => t.gateway.stderr.split('\n').filter((line) => pattern.test(line)).length;
    for (let i = 0; i < 20; ++i) {
      assert.equal((await t.gateway.request(dime('logged'))).head.status, i < 10 ? 200 : 402);
      if (i === 6) {
        assert.equal(said(/logged/), 0, 'nothing at 70 %');
      }
    }
    await until('both lines', () => said(/key 'logged'.*is used up: 1\.000000000 of 1\.000000000/) > 0);
    assert.equal(said(/key 'logged' has spent 0\.800000000 of .* 80 %/), 1);
    assert.equal(said(/logged/), 2);
    assert.ok(said(/key 'shadow'.*nothing is refused/) > 0);
  });

  it('a refusal costs nothing and is in the ledger', async () => {
    const reply = await t.gateway.request(dime('daily'));
    assertError(reply, 402, 'budget_exceeded');
    const row = await t.gateway.row(reply.head.get('x-request-id'));
    assert.equal(row.cost_nano, 0);
    assert.equal(row.status, 402);
    assert.equal(row.outcome, Outcome.clientError);
    assert.equal(row.error_code, 'budget_exceeded');
    assert.equal(row.attempts, 0);
  });
});

suite('unknown prices allowed', {
  config: (upstream) => ({ ...config(upstream), prices: { file: prices, unknown: 'allow' } }),
}, (t) => {
  it('a budgeted key may use the model; nothing is booked, nothing is $0', async () => {
    const model = freshModel('unpriced');
    t.upstream.when(model, answer(completion(model)));
    const reply = await t.gateway.request({ key: secretOf('unknown'), body: chatRequest(model) });
    assert.equal(reply.head.status, 200, reply.text);
    assert.ok(!reply.head.has('x-tidegate-cost-usd'));
    assert.equal((await t.gateway.row(reply.head.get('x-request-id'))).cost_nano, null);
    assert.equal(await spentOf(t.gateway, 'key', 'unknown'), '0.000000000');
  });
});

const reloaded = priceFile();
suite('prices that are read again', {
  config: (upstream) => ({ ...config(upstream), prices: { file: reloaded } }), concurrency: 1,
}, (t) => {
  before(() => {
    t.upstream.when('dime', answer(completion('dime')));
  });
  const cost = async () => (await t.gateway.request(dime('free'))).head.get('x-tidegate-cost-usd');
  /** As editors and deployments do it: a new file in the old one's place. */
  const replace = (text) => {
    fs.writeFileSync(`${reloaded}.new`, text);
    fs.renameSync(`${reloaded}.new`, reloaded);
  };

  it('a new price holds, and rows of before keep theirs', async () => {
    assert.equal(await cost(), '0.100000000');
    replace(pricesText({ dime: { ...kPrices.dime, per_request: 0.25 } }));
    await until('the new price', async () => await cost() === '0.250000000', { everyMs: 50 });
  });

  for (const [what, text] of Object.entries({
    'cut off': '{"updated": "2026-11-01", "models": {"dime": {"input": 0, "outp',
    empty: '',
    'with a negative price': pricesText({ dime: { input: 0, output: 0, per_request: -0.1 } }),
    'not YAML': '\x00\x01\x02 : : [',
    'without models': '{"updated": "2026-11-01"}\n',
  })) {
    it(`a file ${what} changes nothing and a warning says so`, async () => {
      const from = t.gateway.stderr.length;
      replace(text);
      await until('a warning', () => /prices/i.test(t.gateway.stderr.slice(from)), { everyMs: 20 });
      assert.equal(await cost(), '0.250000000');
    });
  }

  it('a good one is taken again afterwards', async () => {
    replace(pricesText({ dime: { ...kPrices.dime, per_request: 0.5 } }));
    await until('the new price', async () => await cost() === '0.500000000', { everyMs: 50 });
  });
});
