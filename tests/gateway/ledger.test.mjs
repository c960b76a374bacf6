// SPDX-License-Identifier: GPL-3.0-or-later
// The ledger as an accountant reads it: every request once, with its key, team, tokens and cost, estimates
// marked; complete and exact also when the database is locked, and when the program is killed meanwhile.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';

import { Gateway, Scratch } from './lib/gateway.mjs';
import { Outcome } from './lib/ledger.mjs';
import { chatEvents, chatRequest, chunk, completion, event, usageEvent, usageOf } from './lib/openai.mjs';
import { Admin, budgetOf, keysOf, metric, nano, priceFile, secretOf, spentOf } from './lib/policy.mjs';
import { answer, faults, stream } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { inParallel, now, quantile, sleep, slowness, until } from './lib/wait.mjs';

const kPromptTokens = 7; // of chatRequest()
const prices = priceFile({
  'priced-*': { input: 1, output: 10, cached_input: 0.1, reasoning: 20 },
  dime: { input: 0, output: 0, per_request: 0.10 },
});

const config = (upstream) => ({
  default_backend: 'up',
  circuit_breaker: { enabled: false }, // the one backend fails again and again here
  backends: { up: { type: 'openai', url: upstream.url, api_key: 'sk-up', timeouts: { first_byte_ms: 600 * slowness, idle_ms: 400 * slowness } } },
  prices: { file: prices },
  teams: { payers: {} },
  keys: keysOf({
    payer: { team: 'payers' }, lone: {}, capped: { budget: { usd: 10, period: 'month' } },
    limited: { limits: { requests_per_minute: 1 } },
  }),
});

suite('rows', { config, concurrency: 4 }, (t) => {
  let payers;
  before(async () => {
    const admin = new Admin(t.gateway);
    const rows = (await admin.get('teams')).data;
    payers = rows.find(({ name }) => name === 'payers').id;
  });

  const ask = async (model, more = {}, key = 'payer') => {
    const reply = await t.gateway.request({ key: secretOf(key), body: chatRequest(model, more) });
    return { reply, row: await t.gateway.row(reply.head.get('x-request-id')) };
  };
  const kDetails = {
    ...usageOf(1000, 100), prompt_tokens_details: { cached_tokens: 400 }, completion_tokens_details: { reasoning_tokens: 30 },
  };
  // 600 × 1 + 400 × 0.1 + 70 × 10 + 30 × 20 = 1940 millionths
  const kCost = 1_940_000;

  for (const streamed of [false, true]) {
    for (const [key, hasTeam] of [['payer', true], ['lone', false]]) {
      it(`${streamed ? 'a stream' : 'an answer'} of the key ${key}`, async () => {
        const model = freshModel('priced');
        t.upstream.when(model, streamed ? stream([...chatEvents(model), usageEvent(model, kDetails)])
          : answer(completion(model, 'Hello', kDetails)));
        const { reply, row } = await ask(model, { stream: streamed }, key);
        assert.equal(reply.head.status, 200);
        assert.equal(row.cost_nano, kCost);
        assert.equal(row.team_id, hasTeam ? payers : 0);
        assert.ok(row.key_id !== 0);
        assert.equal(row.stream, Number(streamed));
        assert.equal(row.outcome, Outcome.success);
        assert.deepEqual([row.input_tokens, row.output_tokens, row.cached_input_tokens, row.reasoning_tokens], [1000, 100, 400, 30]);
        assert.equal(row.usage_estimated, 0);
        assert.deepEqual([row.requested_model, row.served_model, row.backend], [model, model, 'up']);
      });
    }
  }

  it('embeddings', async () => {
    const model = freshModel('priced');
    t.upstream.when(model, answer({ object: 'list', model, data: [], usage: { prompt_tokens: 500, total_tokens: 500 } }));
    const reply = await t.gateway.post('/v1/embeddings', { model, input: 'x' }, { key: secretOf('payer') });
    const row = await t.gateway.row(reply.head.get('x-request-id'));
    assert.equal(row.cost_nano, 500_000);
    assert.equal(row.input_tokens, 500);
    assert.equal(row.usage_estimated, 0);
  });

  const words = Array.from({ length: 12 }, (_, i) => event(chunk('m', { content: `w${i}` }))).join('');
  // The estimate of the prompt and an event each: (7 × 1 + 12 × 10) millionths.
  const kCutCost = (kPromptTokens + 120) * 1000;
  for (const [what, script, outcome, status] of [
    ['reset by the backend', faults.resetAfter(words), Outcome.upstreamError, 200],
    ['closed by the backend', faults.closeAfter(words), Outcome.upstreamError, 200],
    ['stalled by the backend', faults.stallAfter(words), Outcome.upstreamError, 200],
    ['left by the client', faults.stallAfter(words), Outcome.clientClosed, 499],
  ]) {
    it(`a stream ${what} is billed what came, as an estimate`, async () => {
      const model = freshModel('priced');
      t.upstream.when(model, script);
      const id = `cut-${model}`;
      const { connection, reader } = await t.gateway.begin({
        key: secretOf('payer'), body: chatRequest(model, { stream: true }), headers: { 'X-Request-ID': id },
      });
      await until('the words', () => /w11/.test(reader.text), { everyMs: 1 });
      if (outcome === Outcome.clientClosed) {
        connection.close();
      }
      const row = await t.gateway.row(id);
      connection.close();
      assert.equal(row.usage_estimated, 1);
      assert.deepEqual([row.input_tokens, row.output_tokens], [kPromptTokens, 12]);
      assert.equal(row.cost_nano, kCutCost);
      assert.equal(row.outcome, outcome);
      assert.equal(row.status, status);
      assert.equal(row.team_id, payers);
    });
  }

  it('a stream that was cut after it told its usage is billed that', async () => {
    const model = freshModel('priced');
    t.upstream.when(model, faults.resetAfter(event(chunk(model, { content: 'x' }, { usage: usageOf(50, 5) }))));
    const { row } = await ask(model, { stream: true });
    assert.deepEqual([row.input_tokens, row.output_tokens], [50, 5]);
    assert.equal(row.cost_nano, 100_000);
  });

  it('who leaves before an answer is billed the prompt', async () => {
    const model = freshModel('priced');
    t.upstream.when(model, faults.stallBeforeHead());
    const { connection } = await t.gateway.begin({
      key: secretOf('payer'), body: chatRequest(model), headers: { 'X-Request-ID': `gone-${model}` },
    });
    await until('the request', () => t.upstream.of(model)[0]);
    connection.close();
    const row = await t.gateway.row(`gone-${model}`);
    assert.deepEqual([row.input_tokens, row.output_tokens, row.usage_estimated], [kPromptTokens, 0, 1]);
    assert.equal(row.cost_nano, kPromptTokens * 1000);
  });

  it('an answer without usage is estimated', async () => {
    const model = freshModel('priced');
    t.upstream.when(model, answer(completion(model, 'x'.repeat(400), null)));
    const { reply, row } = await ask(model);
    assert.equal(row.usage_estimated, 1);
    assert.equal(row.input_tokens, kPromptTokens);
    assert.ok(row.output_tokens >= 100 && row.output_tokens < 200, String(row.output_tokens));
    assert.equal(row.cost_nano, (row.input_tokens + row.output_tokens * 10) * 1000);
    assert.equal(nano(reply.head.get('x-tidegate-cost-usd')), BigInt(row.cost_nano));
  });

  for (const [what, script] of [['answered 500', answer('{}', { status: 500 })], ['answered 404', answer('{}', { status: 404 })],
    ['reset', faults.resetBeforeHead()], ['closed', faults.closeBeforeHead()],
    ['answered with garbage', faults.garbage()]]) {
    it(`a request that the backend ${what} costs nothing`, async () => {
      const model = freshModel('priced');
      t.upstream.when(model, script);
      const { row } = await ask(model);
      assert.equal(row.cost_nano, 0);
      assert.equal(row.usage_estimated, 0);
      assert.equal(row.team_id, payers);
    });
  }

  it('a backend that takes too long is taken to charge for the prompt', async () => {
    const model = freshModel('priced');
    t.upstream.when(model, faults.stallBeforeHead());
    const { reply, row } = await ask(model);
    assertError(reply, 504, 'upstream_timeout');
    assert.deepEqual([row.input_tokens, row.output_tokens, row.usage_estimated], [kPromptTokens, 0, 1]);
    assert.equal(row.cost_nano, kPromptTokens * 1000);
  });

  const half = `{"choices":[{"message":{"content":"${'x'.repeat(365)}`;
  const fields = { 'Content-Type': 'application/json' };
  assert.equal(half.length, 400);
  for (const [what, script] of [['reset', faults.resetAfter(half, { fields })], ['stalled', faults.stallAfter(half, fields)],
    ['closed', faults.closeAfter(half, { fields })]]) {
    it(`an answer that is ${what} in the middle is billed what came`, async () => {
      const model = freshModel('priced');
      t.upstream.when(model, script);
      const { reply, row } = await ask(model);
      assert.ok(reply.head.status >= 502, reply.text);
      assert.deepEqual([row.input_tokens, row.output_tokens, row.usage_estimated], [kPromptTokens, 100, 1]);
      assert.equal(row.cost_nano, (kPromptTokens + 1000) * 1000);
    });
  }

  it('refusals are rows without cost', async () => {
    const model = freshModel('priced');
    t.upstream.when(model, answer(completion(model)));
    await ask(model, {}, 'limited');
    const { reply, row } = await ask(model, {}, 'limited');
    assertError(reply, 429, 'rate_limit_exceeded');
    assert.deepEqual([row.cost_nano, row.attempts, row.error_code], [0, 0, 'rate_limit_exceeded']);
  });
});

/** Holds the database's write lock; release() gives it back. */
async function lockDatabase(file) {
  const shell = spawn('sqlite3', ['-cmd', '.timeout 5000', file], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  shell.stdout.on('data', (data) => { said += data; });
  shell.stdin.write("BEGIN EXCLUSIVE;\nSELECT 'locked';\n");
  await until('the lock', () => said.includes('locked'));
  return {
    release: () => new Promise((resolve) => {
      shell.on('close', resolve);
      shell.stdin.end('ROLLBACK;\n');
    }),
  };
}

describe('a locked database', { concurrency: 1 }, () => {
  const withGateway = async (test) => {
    const upstream = await ScriptedUpstream.start({ keep: false });
    const scratch = new Scratch();
    const running = [];
    try {
      upstream.when('dime', answer(completion('dime')));
      await test(async () => {
        running.push(await Gateway.start({ scratch, config: config(upstream) }));
        return running.at(-1);
      });
      await running.at(-1).stop();
    } finally {
      await running.at(-1)?.kill9();
      await upstream.stop();
      scratch.remove();
    }
  };
  const dime = { key: secretOf('capped'), body: chatRequest('dime') };
  const count = async (gateway) => (await gateway.query(
    'SELECT count(*) AS n, count(DISTINCT request_id) AS ids, sum(cost_nano) AS cost FROM requests'))[0];

  it('slows no request and loses no row', () => withGateway(async (start) => {
    const gateway = await start();
    const measure = async (seconds) => {
      const times = [];
      const end = now() + seconds * 1000;
      await inParallel(2, 2, async () => {
        const connection = await gateway.connect();
        while (now() < end && times.length < 8000) {
          const from = now();
          await connection.write(Gateway.bytes({ key: secretOf('lone'), body: chatRequest('dime') }));
          const reply = await connection.response({ method: 'POST' });
          times.push(now() - from);
          assert.equal(reply.head.status, 200);
          await sleep(1);
        }
        connection.close();
      });
      return times;
    };
    await measure(0.5);
    const free = await measure(1.5);
    const lock = await lockDatabase(gateway.database);
    const locked = await measure(4);
    await inParallel(20, 4, async () => assert.equal((await gateway.request(dime)).head.status, 200));
    assert.equal((await budgetOf(gateway, 'key', 'capped')).spent, '2.000000000');
    const waiting = Number(await metric(gateway, 'tidegate_ledger_queue_rows', {}))
      + Number(await metric(gateway, 'tidegate_ledger_spill_rows', {}));
    assert.ok(waiting > 0, 'the lock held');
    await lock.release();
    const [before, during] = [free, locked].map((times) => quantile(times, 0.5));
    assert.ok(during < before + 2 * slowness, `median ${before.toFixed(2)} ms, locked ${during.toFixed(2)} ms`);
    const [usual, worst] = [free, locked].map((times) => quantile(times, 0.99));
    assert.ok(worst < usual * 3 + 20 * slowness, `p99 ${usual.toFixed(1)} ms, locked ${worst.toFixed(1)} ms`);

    await until('nothing waits', async () => await metric(gateway, 'tidegate_ledger_queue_rows', {}) === '0'
      && await metric(gateway, 'tidegate_ledger_spill_rows', {}) === '0', { timeoutMs: 15_000, everyMs: 50 });
    const sum = await count(gateway);
    assert.equal(sum.n, sum.ids, 'each once');
    assert.equal(Number(await metric(gateway, 'tidegate_ledger_written_rows_total', {})), sum.n);
    assert.equal(await metric(gateway, 'tidegate_ledger_lost_rows_total', {}), '0');
    assert.equal(BigInt(sum.cost), BigInt(sum.n) * nano('0.1'));
  }));

  it('and a kill meanwhile: what was spent is known at the next start, once', () => withGateway(async (start) => {
    const first = await start();
    assert.equal((await first.request(dime)).head.status, 200);
    await until('its row', async () => (await count(first)).n === 1);
    const lock = await lockDatabase(first.database);
    await inParallel(10, 2, async () => assert.equal((await first.request(dime)).head.status, 200));
    // Some rows get as far as the spill file, some do not.
    await until('a spill', () => fs.existsSync(path.join(first.dataDir, 'ledger-spill.jsonl')), { timeoutMs: 10_000 });
    await inParallel(10, 2, async () => assert.equal((await first.request(dime)).head.status, 200));
    await first.kill9();
    await lock.release();
    const second = await start();
    assert.equal((await budgetOf(second, 'key', 'capped')).spent, '2.100000000');
    assert.equal((await second.request(dime)).head.status, 200);
    await until('all rows', async () => (await count(second)).n >= 22);
    const sum = await count(second);
    assert.deepEqual([sum.n, sum.ids], [22, 22]);
    assert.equal(BigInt(sum.cost), 22n * nano('0.1'));
    await second.stop().catch(() => {});
    const third = await start();
    assert.equal(await spentOf(third, 'key', 'capped'), '2.200000000');
    assert.equal((await count(third)).n, 22);
  }));
});
