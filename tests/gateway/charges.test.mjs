// SPDX-License-Identifier: GPL-3.0-or-later
// Who pays for attempts that another lane made good: the request's one row has them all, and nothing
// settles above what was held.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { Outcome } from './lib/ledger.mjs';
import { chatEvents, chatRequest, chunk, completion, event, parseChunks, usageOf } from './lib/openai.mjs';
import { keysOf, nano, priceFile, secretOf, spentOf } from './lib/policy.mjs';
import { answer, faults, stream } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';
import { slowness } from './lib/wait.mjs';

const kFirstByteMs = 150 * slowness;
const kPrompt = 8n; // "Say hello" and its message, as Tidegate estimates it

const backend = (upstream, name) => ({
  type: 'openai', url: `http://127.0.0.1:${upstream.port}/${name}`, api_key: `sk-${name}`,
  timeouts: { first_byte_ms: kFirstByteMs, idle_ms: kFirstByteMs },
  retry: { max_attempts: 1 }, breaker: { enabled: false },
});

const config = (upstream, usd = 10) => ({
  backends: { first: backend(upstream, 'first'), second: backend(upstream, 'second') },
  models: {
    both: {
      targets: [{ backend: 'first', model: 'dear' }, { backend: 'second', model: 'cheap' }], strategy: 'priority',
    },
  },
  prices: { file: priceFile({ dear: { input: 5000, output: 10_000 }, cheap: { input: 500, output: 1000 } }) },
  keys: keysOf({ test: { budget: { usd, period: 'total' } } }),
});

async function ask(t, first, { streamed = false, second, maxTokens = 10 } = {}) {
  const id = freshModel('charged');
  t.upstream.when('dear', first);
  t.upstream.when('cheap', second
    ?? (streamed ? stream(chatEvents('cheap')) : answer(completion('cheap', 'yes', usageOf(7, 2)))));
  const before = nano(await spentOf(t.gateway, 'key', 'test'));
  const reply = await t.gateway.post('/v1/chat/completions',
    chatRequest('both', { max_tokens: maxTokens, ...(streamed ? { stream: true } : {}) }),
    { key: secretOf('test'), headers: { 'X-Request-ID': id } });
  const row = await t.gateway.row(id);
  const spent = nano(await spentOf(t.gateway, 'key', 'test')) - before;
  assert.equal(BigInt(row.cost_nano), spent, 'ledger and budget agree');
  return { reply, row, spent };
}

const kDearIn = 5_000_000n; // nano-dollars a token
const kAnswer = 7n * 500_000n + 2n * 1_000_000n;

suite('attempts that another lane made good', { config, concurrency: 1 }, (t) => {
  it('a time-out before an answer: the prompt, as estimated', async () => {
    const { reply, row, spent } = await ask(t, faults.stallBeforeHead());
    assert.equal(reply.head.status, 200, reply.text);
    assert.equal(reply.head.get('x-tidegate-backend'), 'second');
    const prompt = BigInt(row.input_tokens) - 7n;
    assert.ok(prompt > 0n && prompt <= 4n * kPrompt, `${prompt} tokens`);
    assert.equal(spent, kAnswer + prompt * kDearIn);
    assert.equal(nano(reply.head.get('x-tidegate-cost-usd')), spent);
    assert.equal(JSON.parse(reply.text).usage.prompt_tokens, 7, 'the client is told what its answer used');
    assert.equal(row.usage_estimated, 1);
    assert.equal(row.output_tokens, 2);
    assert.equal(row.attempts, 2);
    assert.equal(row.outcome, Outcome.success);
  });

  it('an answer that broke off: what had come of it, too', async () => {
    const { reply, row, spent } = await ask(t,
      faults.closeAfter('{"id":"x","choices":[{"index":0,"message":', { fields: { 'Content-Type': 'application/json' } }));
    assert.equal(reply.head.status, 200, reply.text);
    assert.equal(row.usage_estimated, 1);
    assert.ok(row.output_tokens > 2, 'a part of the answer');
    assert.ok(spent > kAnswer + kDearIn);
  });

  it('refused, failed or reset: free', async () => {
    for (const script of [answer({ error: { message: 'no' } }, { status: 500 }), faults.resetBeforeHead(),
      answer({ error: { message: 'no', type: 'server_error' } })]) {
      const { reply, row, spent } = await ask(t, script);
      assert.equal(reply.head.status, 200, reply.text);
      assert.equal(spent, kAnswer);
      assert.equal(row.usage_estimated, 0);
      assert.equal(row.input_tokens, 7);
    }
  });

  it('all of them time out: each is paid for', async () => {
    const { reply, row, spent } = await ask(t, faults.stallBeforeHead(), { second: faults.stallBeforeHead() });
    assertError(reply, 504, 'upstream_timeout');
    const prompt = BigInt(row.input_tokens) / 2n;
    assert.equal(BigInt(row.input_tokens), prompt * 2n);
    assert.equal(spent, prompt * (kDearIn + 500_000n));
    assert.equal(row.output_tokens, 0);
  });

  it('of a stream, with one role and one end', async () => {
    const { reply, row } = await ask(t, faults.stallBeforeHead(), { streamed: true });
    assert.equal(reply.head.status, 200, reply.text);
    assert.equal(parseChunks(reply.text).filter((one) => one.choices?.[0]?.delta?.role).length, 1);
    assert.equal(row.attempts, 2);
    assert.equal(row.usage_estimated, 1);
  });
});

// One request may cost its prompt and 14 tokens at the dearer lane, some 0.18 USD.
suite('a budget with room for one attempt only', { config: (upstream) => config(upstream, 0.2), concurrency: 1 }, (t) => {
  it('ends the attempts rather than being overspent', async () => {
    const { reply, row, spent } = await ask(t, faults.stallBeforeHead(), { maxTokens: 14 });
    assertError(reply, 504, 'upstream_timeout');
    assert.equal(row.attempts, 1);
    assert.equal(t.upstream.of('cheap').length, 0);
    assert.ok(spent > 0n && spent <= nano('0.2'));
    assert.deepEqual(JSON.parse(row.trace).map(({ reason }) => reason), ['transient', 'over_budget']);
  });
});
