// SPDX-License-Identifier: GPL-3.0-or-later
// A copy for a shadow lane: the client and its budget never notice, and the ledger knows what it cost.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { Outcome } from './lib/ledger.mjs';
import { chatEvents, chatRequest, completion, usageEvent, usageOf } from './lib/openai.mjs';
import { keysOf, nano, priceFile, secretOf, spentOf } from './lib/policy.mjs';
import { answer, faults, stream } from './lib/scripts.mjs';
import { freshModel, suite } from './lib/suite.mjs';
import { now, slowness, until, within } from './lib/wait.mjs';

const backend = (upstream, name, more = {}) => ({
  type: 'openai', url: `http://127.0.0.1:${upstream.port}/${name}`, api_key: `sk-${name}`, models: ['unlisted'],
  breaker: { enabled: false }, ...more,
});

const target = (name) => ({ targets: [{ backend: 'main', model: name }] });

const config = (upstream) => ({
  backends: {
    main: backend(upstream, 'main'),
    shadow: backend(upstream, 'shadow'),
    narrow: backend(upstream, 'narrow', { max_concurrency: 1 }),
    toolless: backend(upstream, 'toolless', { type: 'vllm', tool_call_parser: 'none' }),
    echo: { type: 'echo' },
  },
  models: {
    copied: { ...target('real'), mirror: { backend: 'shadow', model: 'candidate' } },
    half: { ...target('real-half'), mirror: { backend: 'shadow', model: 'candidate-half', percent: 50 } },
    never: { ...target('real-never'), mirror: { backend: 'shadow', model: 'candidate-never', percent: 0 } },
    bounded: { ...target('real-bounded'), mirror: { backend: 'narrow', model: 'candidate-bounded' } },
    tooled: { ...target('real-tooled'), mirror: { backend: 'toolless', model: 'candidate-tooled' } },
    echoed: { targets: [{ backend: 'echo' }], mirror: { backend: 'shadow', model: 'candidate-echoed' } },
    many: { ...target('real-many'), mirror: { backend: 'shadow', model: 'candidate-many' } },
  },
  prices: { file: priceFile({ 'real*': { input: 1, output: 2 }, 'candidate*': { input: 100, output: 200 } }) },
  keys: keysOf({ test: { budget: { usd: 1, period: 'total' } } }),
});

async function ask(t, model, more = {}) {
  const id = freshModel('mirrored');
  const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model, { max_tokens: 10, ...more }),
    { key: secretOf('test'), headers: { 'X-Request-ID': id } });
  return { id, reply };
}

const good = (model, usage = usageOf(7, 2)) => answer(completion(model, `from ${model}`, usage));
const stepsOf = (row) => JSON.parse(row.trace || '[]').map(({ step, backend: at, reason }) => [step, at, reason]);

suite('mirroring', { config, concurrency: 1 }, (t) => {
  it('sends the same request with the other model and key, and drops the answer', async () => {
    t.upstream.when('real', good('real')).when('candidate', good('candidate', usageOf(9, 5)));
    const before = nano(await spentOf(t.gateway, 'key', 'test'));
    const { id, reply } = await ask(t, 'copied', { seed: 7 });
    assert.equal(JSON.parse(reply.text).choices[0].message.content, 'from real');
    assert.equal(reply.head.get('x-tidegate-attempts'), '1');
    const copy = await until('the copy', () => t.upstream.of('candidate')[0]);
    const original = t.upstream.of('real')[0];
    assert.deepEqual({ ...copy.json, model: 'real' }, original.json);
    assert.equal(copy.head.get('authorization'), 'Bearer sk-shadow');
    assert.equal(copy.head.target, '/shadow/chat/completions');

    const row = await t.gateway.row(id);
    assert.equal(row.attempts, 1);
    assert.equal(row.cost_nano, 7 * 1000 + 2 * 2000);
    assert.deepEqual(stepsOf(row), [['tried', 'main', 'success'], ['mirrored', 'shadow', undefined]]);
    assert.equal(nano(await spentOf(t.gateway, 'key', 'test')) - before, BigInt(row.cost_nano), 'not on the budget');

    const shadow = await t.gateway.row(`${id}.mirror`);
    assert.equal(shadow.outcome, Outcome.success);
    assert.equal(shadow.backend ?? shadow.backend_name, 'shadow');
    assert.equal(shadow.served_model, 'candidate');
    assert.equal(shadow.key_id ?? 0, 0);
    assert.deepEqual([shadow.input_tokens, shadow.output_tokens], [9, 5]);
    assert.equal(shadow.cost_nano, 9 * 100_000 + 5 * 200_000);
    assert.deepEqual(stepsOf(shadow), [['mirrored', 'shadow', 'success']]);
  });

  it('streams too', async () => {
    t.upstream.when('real', stream(chatEvents('real')));
    t.upstream.when('candidate', stream([...chatEvents('candidate'), usageEvent('candidate', usageOf(11, 3))]));
    const { id, reply } = await ask(t, 'copied', { stream: true });
    assert.equal(reply.text, [...chatEvents('real'), 'data: [DONE]\n\n'].join(''));
    const shadow = await t.gateway.row(`${id}.mirror`);
    assert.equal(shadow.outcome, Outcome.success);
    assert.equal(shadow.stream, 1);
    assert.deepEqual([shadow.input_tokens, shadow.output_tokens], [11, 3]);
  });

  it('whatever becomes of the copy, the client does not wait for it or hear of it', async () => {
    t.upstream.when('real', good('real'));
    for (const [script, status, outcome] of [
      [answer({ error: { message: 'no' } }, { status: 500 }), 500, Outcome.upstreamError],
      [answer({ error: { message: 'no' } }, { status: 400 }), 400, Outcome.clientError],
      [faults.closeAfter('{"choices":', { fields: { 'Content-Type': 'application/json' } }), 200, Outcome.upstreamError],
      [faults.garbage(), 502, Outcome.upstreamError],
    ]) {
      t.upstream.when('candidate', script);
      const { id, reply } = await ask(t, 'copied');
      assert.equal(reply.head.status, 200);
      const shadow = await t.gateway.row(`${id}.mirror`);
      assert.equal(shadow.status, status);
      assert.equal(shadow.outcome, outcome);
    }
    let release;
    t.upstream.when('candidate', async (exchange) => {
      await new Promise((resolve) => { release = resolve; });
      await good('candidate')(exchange);
    });
    const startedAt = now();
    const { id } = await ask(t, 'copied');
    assert.ok(now() - startedAt < 500 * slowness);
    await until('the copy is there', () => release);
    release();
    assert.equal((await t.gateway.row(`${id}.mirror`)).outcome, Outcome.success);
  });

  it('goes on when the client leaves', async () => {
    t.upstream.when('real', faults.stallBeforeHead()).when('candidate', async (exchange) => {
      await within(5000, 'the client left', t.upstream.of('real').at(-1).gone);
      await good('candidate')(exchange);
    });
    const reals = t.upstream.of('real').length;
    const { connection } = await t.gateway.begin({
      body: chatRequest('copied'), key: secretOf('test'), headers: { 'X-Request-ID': 'left' },
    });
    await until('both were sent', () => t.upstream.of('real').length > reals, { everyMs: 1 });
    connection.reset();
    assert.equal((await t.gateway.row('left')).status, 499);
    assert.equal((await t.gateway.row('left.mirror')).outcome, Outcome.success);
  });

  it('a share of the requests', async () => {
    t.upstream.otherwise(good('any'));
    await Promise.all(Array.from({ length: 100 }, () => ask(t, 'half')));
    await Promise.all(Array.from({ length: 10 }, () => ask(t, 'never')));
    const copies = t.upstream.of('candidate-half').length;
    assert.ok(copies > 20 && copies < 80, `${copies} of 100`);
    assert.equal(t.upstream.of('candidate-never').length, 0);
  });

  it('nobody waits for a place: a busy shadow gets no copy', async () => {
    let release;
    t.upstream.when('real-bounded', good('real')).when('candidate-bounded', async (exchange) => {
      await new Promise((resolve) => { release = resolve; });
      await good('candidate')(exchange);
    });
    const first = await ask(t, 'bounded');
    await until('the first copy', () => release);
    const second = await ask(t, 'bounded');
    assert.deepEqual(stepsOf(await t.gateway.row(second.id)),
      [['tried', 'main', 'success'], ['mirrored', 'narrow', 'queue_full']]);
    assert.equal(t.upstream.of('candidate-bounded').length, 1);
    release();
    await t.gateway.row(`${first.id}.mirror`);
  });

  it('a model without tools gets no copy of a request with tools', async () => {
    t.upstream.when('real-tooled', good('real'));
    const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }];
    const { id, reply } = await ask(t, 'tooled', { tools });
    assert.equal(reply.head.status, 200, reply.text);
    assert.deepEqual(stepsOf(await t.gateway.row(id)).sort(),
      [['mirrored', 'toolless', 'tools_unsupported'], ['tried', 'main', 'success']]);
    assert.equal(t.upstream.of('candidate-tooled').length, 0);
  });

  it('a request that Tidegate answers itself is copied as well', async () => {
    t.upstream.when('candidate-echoed', good('candidate'));
    const { id, reply } = await ask(t, 'echoed');
    assert.match(reply.text, /Echo: Say hello/);
    assert.equal((await t.gateway.row(`${id}.mirror`)).outcome, Outcome.success);
  });

  it('64 copies at most are on their way', async () => {
    const waiting = [];
    t.upstream.when('real-many', good('real')).when('candidate-many', async (exchange) => {
      await new Promise((resolve) => { waiting.push(resolve); });
      await good('candidate')(exchange);
    });
    const all = await Promise.all(Array.from({ length: 80 }, () => ask(t, 'many')));
    assert.ok(all.every(({ reply }) => reply.head.status === 200));
    await until('64 copies', () => waiting.length === 64);
    assert.equal(t.upstream.of('candidate-many').length, 64);
    const rows = await Promise.all(all.map(({ id }) => t.gateway.row(id)));
    assert.equal(rows.filter(({ trace }) => trace.includes('queue_full')).length, 16);
    waiting.forEach((release) => release());
    await until('64 rows', async () => (await t.gateway.query(
      "SELECT count(*) AS n FROM requests WHERE request_id LIKE '%.mirror' AND served_model = 'candidate-many'"))[0]?.n === 64);
  });

  it('the dry run tells of it', async () => {
    const { Admin } = await import('./lib/policy.mjs');
    const told = await new Admin(t.gateway).call('POST', 'models/explain', { model: 'half' });
    assert.deepEqual(told.mirror, { backend: 'shadow', model: 'candidate-half', percent: 50 });
    assert.deepEqual(told.skipped, []);
  });
});
