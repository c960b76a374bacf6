// SPDX-License-Identifier: GPL-3.0-or-later
// Limits, budgets and the ledger count requests, not attempts: one that fails on the first lane and is
// answered by the second is one request, one row, one place, and costs what it used.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { ask, assertClean, pairs } from './lib/lanes.mjs';
import { chatEvents, chatRequest, completion, usageEvent, usageOf } from './lib/openai.mjs';
import { burst, keysOf, priceFile, secretOf, spentOf, tally } from './lib/policy.mjs';
import { answer, faults, stream } from './lib/scripts.mjs';
import { assertError, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

// Both lanes of each pair at ten cents a request.
const kDime = { input: 0, output: 0, per_request: 0.10 };
const kNames = ['whole', 'streamed', 'minute', 'single', 'tokens'];

/** A thousand clients in one process: the backends of this suite are not hurried. */
const calm = { timeouts: {} };

const config = (upstream) => ({
  server: { workers: 2 },
  circuit_breaker: { enabled: false }, // the first lane fails for as long as the test runs
  ...pairs(upstream, Object.fromEntries(kNames.map((name) => [name, { a: calm, b: calm }]))),
  prices: { file: priceFile(Object.fromEntries(kNames.flatMap((name) => [[`${name}-a`, kDime], [`${name}-b`, kDime]]))) },
  keys: keysOf({
    whole: { budget: { usd: '1', period: 'total' } }, streamed: { budget: { usd: '1', period: 'total' } },
    minute: { limits: { requests_per_minute: 5, algorithm: 'sliding_window' } },
    single: { limits: { max_concurrency: 1 } },
    tokens: { limits: { tokens_per_minute: 100, algorithm: 'sliding_window' } },
  }),
});

suite('a request that the second lane answers', { config, concurrency: 5 }, (t) => {
  const said = (name, usage = usageOf(7, 2)) => (exchange) => (exchange.json.stream
    ? stream([...chatEvents(name), usageEvent(name, usage)]) : answer(completion(name, 'Hello there', usage)))(exchange);
  const fail = (name, script = answer({ error: { message: 'down' } }, { status: 500 })) => t.upstream
    .when(`${name}-a`, script).when(`${name}-b`, said(`${name}-b`));

  for (const [name, script, streamed] of [
    ['whole', faults.resetBeforeHead(), false],
    ['streamed', stream(['data: {"error":{"message":"no GPU left"}}\n\n'], { ending: null }), true],
  ]) {
    it(`of a thousand at once on $1.00 exactly ten pass, ${name}`, async () => {
      fail(name, script);
      const running = await burst(t.gateway, 1000, () => ({
        key: secretOf(name), body: chatRequest(name, { max_tokens: 10, ...(streamed ? { stream: true } : {}) }),
      }), { timeoutMs: 40_000 });
      const readers = await running.finish();
      const counts = tally(readers);
      assert.equal(counts[200], 10, JSON.stringify(counts));
      readers.filter(({ head }) => head.status === 200).forEach((reader) => assertClean(reader, streamed, 'Hello there'));
      assert.equal(await spentOf(t.gateway, 'key', name), '1.000000000');
      assert.equal(t.upstream.of(`${name}-b`).length, 10);
      const [rows] = await until('all rows', async () => {
        const found = await t.gateway.query('SELECT count(*) AS n, count(DISTINCT request_id) AS ids, '
          + `sum(cost_nano) AS cost, sum(status = 200) AS good FROM requests WHERE requested_model = '${name}'`);
        return found[0].n >= 1000 ? found : null;
      }, { timeoutMs: 15_000, everyMs: 50 });
      assert.deepEqual(rows, { n: 1000, ids: 1000, cost: 1_000_000_000, good: 10 });
    });
  }

  it('takes one request of the minute', async () => {
    fail('minute');
    for (let left = 4; left >= 0; --left) {
      const reply = await ask(t.gateway, 'minute', left % 2 === 1, { key: secretOf('minute') });
      assertClean(reply, left % 2 === 1, 'Hello there');
      assert.equal(reply.head.get('x-ratelimit-remaining-requests'), `${left}`);
    }
    assertError(await ask(t.gateway, 'minute', false, { key: secretOf('minute') }), 429, 'rate_limit_exceeded');
    assert.equal(t.upstream.of('minute-a').length, 5);
  });

  it('takes one place, and gives it back', async () => {
    fail('single', faults.closeAfter(''));
    for (let i = 0; i < 6; ++i) {
      assertClean(await ask(t.gateway, 'single', i % 2 === 0, { key: secretOf('single') }), i % 2 === 0, 'Hello there');
    }
  });

  it('takes its own tokens of the minute, not those of the attempt that was refused', async () => {
    fail('tokens');
    t.upstream.when('tokens-b', said('tokens-b', usageOf(7, 13)));
    for (const left of [80, 60, 40]) {
      const reply = await ask(t.gateway, 'tokens', false, { key: secretOf('tokens') });
      assertClean(reply, false, 'Hello there');
      const next = await t.gateway.request({
        key: secretOf('tokens'), body: { ...chatRequest('tokens'), max_tokens: 1000 } });
      assertError(next, 429, 'token_limit_exceeded'); // only to be told what is left
      assert.equal(next.head.get('x-ratelimit-remaining-tokens'), `${left}`);
    }
  });
});
