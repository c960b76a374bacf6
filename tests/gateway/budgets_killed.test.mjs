// SPDX-License-Identifier: GPL-3.0-or-later
// Budgets when the program is killed in the middle of a burst: what was spent is never forgotten, nothing
// stays set aside, nothing is booked twice, and what is left can be spent.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { Gateway, Scratch } from './lib/gateway.mjs';
import { Outcome } from './lib/ledger.mjs';
import { chatEvents, chatRequest, completion, usageEvent, usageOf } from './lib/openai.mjs';
import { Admin, budgetOf, burst, keysOf, nano, priceFile, secretOf, spentOf, tally } from './lib/policy.mjs';
import { answer, stream } from './lib/scripts.mjs';
import { assertError } from './lib/suite.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { deferred, seededRandom, sleep, until } from './lib/wait.mjs';

const prices = priceFile();
const kTenCents = nano('0.1');

const config = (upstream) => ({
  default_backend: 'up',
  backends: { up: { type: 'openai', url: upstream.url, api_key: 'sk-up' } },
  prices: { file: prices },
  teams: { team: { budget: { usd: 1, period: 'month' } } },
  keys: keysOf({
    one: { budget: { usd: 1, period: 'total' } }, a: { team: 'team' }, b: { team: 'team' },
    tokens: { budget: { usd: 1, period: 'day', timezone: 'Pacific/Auckland' } },
  }),
});

/** Runs @p test with an upstream and a starter of gateways on one data directory. */
async function withDataDir(test) {
  const upstream = await ScriptedUpstream.start();
  const scratch = new Scratch();
  let gateway = null;
  try {
    await test(upstream, async () => {
      gateway = await Gateway.start({ scratch, config: config(upstream) });
      return gateway;
    });
    await gateway.stop();
  } finally {
    await gateway?.kill9();
    await upstream.stop();
    scratch.remove();
  }
}

const rowsOf = (gateway) => gateway.query(
  'SELECT request_id, cost_nano, usage_estimated, error_code, outcome, hold_id, key_id, team_id'
  + ' FROM requests WHERE cost_nano <> 0');

describe('killed in the middle of a burst', { concurrency: 1 }, () => {
  for (const [what, { keys, scope, name, streamed }] of Object.entries({
    'of a key': { keys: ['one'], scope: 'key', name: 'one', streamed: false },
    'of a key\'s streams': { keys: ['one'], scope: 'key', name: 'one', streamed: true },
    'of a team': { keys: ['a', 'b'], scope: 'team', name: 'team', streamed: false },
  })) {
    for (const killAfter of [0, 1, 5, 10]) {
      it(`${what}, when ${killAfter} of ten were answered`, () => withDataDir(async (upstream, start) => {
        const random = seededRandom(killAfter + 100);
        const killNow = deferred();
        let answered = 0;
        let began = 0;
        upstream.when('dime', async (exchange) => {
          began += 1;
          await (killAfter === 0 ? exchange.gone : sleep(random() * 40));
          if (!exchange.isGone && !killNow.done) {
            await (streamed ? stream([...chatEvents('dime'), usageEvent('dime', usageOf(3, 2))])
              : answer(completion('dime')))(exchange);
            if (++answered === killAfter) {
              killNow.done = true;
              killNow.resolve();
            }
          }
        });
        if (killAfter === 0) {
          until('all to be running', () => began === 10).then(killNow.resolve);
        }
        const body = chatRequest('dime', { max_tokens: 5, stream: streamed });
        const first = await start();
        const running = await burst(first, 1000, (i) => ({ key: secretOf(keys[i % keys.length]), body }));
        await killNow.promise;
        await sleep(random() * 120); // before, in and after the writing of the ledger
        await first.kill9();
        const readers = await running.finish();
        const truth = upstream.of('dime').length;
        const succeeded = readers.filter((reader) => reader.complete && reader.head.status === 200).length;
        assert.ok(succeeded <= truth && truth <= 10, `${succeeded} ${truth}`);

        const second = await start();
        const budget = await budgetOf(second, scope, name);
        assert.equal(budget.held, '0.000000000', 'nothing of before is held');
        const spent = nano(budget.spent);
        assert.ok(spent >= BigInt(truth) * kTenCents, `${truth} reached the backend, spent ${budget.spent}`);
        assert.ok(spent <= 10n * kTenCents, budget.spent);
        const rows = await until('the rows of before', async () => {
          const found = await rowsOf(second);
          return BigInt(found.length) * kTenCents >= spent ? found : null;
        });
        assert.equal(BigInt(rows.length) * kTenCents, spent, 'ledger and budget agree');
        assert.equal(new Set(rows.map((row) => row.request_id)).size, rows.length, 'each once');
        const orphans = rows.filter((row) => row.error_code === 'gateway_killed');
        for (const row of orphans) {
          assert.equal(row.outcome, Outcome.upstreamError);
          assert.notEqual(row.hold_id, 0);
          assert.equal(row.team_id !== 0, scope === 'team');
        }
        if (killAfter === 0) {
          assert.equal(orphans.length, 10);
          assert.ok(orphans.every((row) => row.usage_estimated === 1));
        }
        assert.match(second.stderr, orphans.length ? /killed while requests were running/ : /^/);

        upstream.when('dime', answer(completion('dime')));
        const rest = await (await burst(second, 30, (i) => ({ key: secretOf(keys[i % keys.length]), body: chatRequest('dime') }))).finish();
        assert.equal(BigInt(tally(rest)[200] ?? 0), 10n - spent / kTenCents, JSON.stringify(tally(rest)));
        assertError(await second.request({ key: secretOf(keys[0]), body: chatRequest('dime') }), 402, 'budget_exceeded');
        assert.equal(await spentOf(second, scope, name), '1.000000000');
        assert.equal((await new Admin(second).usage(scope, name, 30)).cost_usd, '1.000000000');

        // A third start finds nothing left over, also when the second was killed at rest.
        await until('ten rows', async () => (await rowsOf(second)).length === 10);
        await second.kill9();
        const third = await start();
        assert.equal((await budgetOf(third, scope, name)).spent, '1.000000000');
        assert.equal((await rowsOf(third)).length, 10);
        assert.doesNotMatch(third.stderr, /killed while requests were running/);
      }));
    }
  }

  it('what was held for the longest answer is booked, not what would have been used', () => withDataDir(
    async (upstream, start) => {
      upstream.when('tokens', async () => {});
      const first = await start();
      await first.begin({ key: secretOf('tokens'), body: chatRequest('tokens', { max_tokens: 100_000 }) });
      await until('the request', () => upstream.seen === 1);
      const { held } = await budgetOf(first, 'key', 'tokens');
      assert.ok(nano(held) > nano('0.2') && nano(held) < nano('0.2001'), held);
      await first.kill9();
      const second = await start();
      assert.equal((await budgetOf(second, 'key', 'tokens')).spent, held);
    }));

  it('killed again while it recovers', () => withDataDir(async (upstream, start) => {
    upstream.when('dime', async () => {});
    const first = await start();
    const running = await burst(first, 10, () => ({ key: secretOf('one'), body: chatRequest('dime') }));
    await until('ten requests', () => upstream.seen === 10);
    await first.kill9();
    await running.finish();
    for (let i = 0; i < 3; ++i) {
      const again = await start();
      assert.equal((await budgetOf(again, 'key', 'one')).spent, '1.000000000');
      await again.kill9();
    }
    const last = await start();
    assert.equal((await budgetOf(last, 'key', 'one')).spent, '1.000000000');
    assert.equal((await until('the rows', async () => {
      const rows = await rowsOf(last);
      return rows.length >= 10 ? rows : null;
    })).length, 10);
  }));

  it('a damaged journal is set aside with a warning', () => withDataDir(async (upstream, start) => {
    upstream.when('dime', answer(completion('dime')));
    const first = await start();
    assert.equal((await first.request({ key: secretOf('one'), body: chatRequest('dime') })).head.status, 200);
    await until('the row', async () => (await rowsOf(first)).length === 1);
    await first.kill9();
    fs.writeFileSync(path.join(first.dataDir, 'holds'), 'not a journal');
    const second = await start();
    assert.match(second.stderr, /holds/);
    assert.ok(fs.readdirSync(second.dataDir).some((name) => name.startsWith('holds.damaged-')));
    assert.equal((await budgetOf(second, 'key', 'one')).spent, '0.100000000');
  }));
});
