// SPDX-License-Identifier: GPL-3.0-or-later
// A second lane is tried when the first is late: one clean answer, the loser cancelled, both accounted.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { Outcome } from './lib/ledger.mjs';
import {
  chatEvents, chatRequest, chunk, completion, doneEvent, event, json, parseChunks, streamedText, usageOf,
} from './lib/openai.mjs';
import { keysOf, nano, priceFile, secretOf, spentOf } from './lib/policy.mjs';
import { answer, faults, stream } from './lib/scripts.mjs';
import { freshModel, suite } from './lib/suite.mjs';
import { now, slowness, sleep, until, within } from './lib/wait.mjs';

const kAfterMs = 60;
const kCancelMs = 50 * slowness;
const kTests = 16;
const kSse = { 'Content-Type': 'text/event-stream' };

const backend = (upstream, name, more = {}) => ({
  type: 'openai', url: `http://127.0.0.1:${upstream.port}/${name}`, api_key: `sk-${name}`,
  retry: { max_attempts: 1 }, breaker: { consecutive_failures: 1000, min_requests: 1000 }, ...more,
});

/** Public models hedge-1…: at `first` as late-N, at `second` as quick-N. */
const config = (upstream, { hedge = { after_ms: kAfterMs }, key = {} } = {}) => ({
  backends: { first: backend(upstream, 'first'), second: backend(upstream, 'second') },
  models: Object.fromEntries(Array.from({ length: kTests }, (_, i) => [`hedge-${i}`, {
    targets: [{ backend: 'first', model: `late-${i}` }, { backend: 'second', model: `quick-${i}` }],
    strategy: 'priority', hedge,
  }])),
  prices: { file: priceFile({ 'late-*': { input: 1, output: 2 }, 'quick-*': { input: 10, output: 20 } }) },
  keys: keysOf({ test: key }),
});

const later = (ms, script) => async (exchange) => {
  await sleep(ms);
  if (!exchange.isGone) {
    await script(exchange);
  }
};

let next = 0;

/** Sends a request whose lanes follow @p late and @p quick. */
async function ask(t, late, quick, { streamed = false } = {}) {
  const i = next++ % kTests;
  t.upstream.when(`late-${i}`, late(`late-${i}`));
  t.upstream.when(`quick-${i}`, quick(`quick-${i}`));
  const id = freshModel('hedged');
  const sent = {
    id,
    lates: t.upstream.of(`late-${i}`).length,
    quicks: t.upstream.of(`quick-${i}`).length,
    options: {
      body: chatRequest(`hedge-${i}`, streamed ? { stream: true } : {}),
      key: secretOf('test'), headers: { 'X-Request-ID': id },
    },
  };
  sent.late = () => t.upstream.of(`late-${i}`).slice(sent.lates);
  sent.quick = () => t.upstream.of(`quick-${i}`).slice(sent.quicks);
  return sent;
}

const traceOf = (row) => JSON.parse(row.trace || '[]');
const good = (model) => answer(completion(model, model, usageOf(7, 2)));
const events = (model) => stream(chatEvents(model, [model, ' said']));
const roles = (text) => parseChunks(text).filter((one) => one.choices?.[0]?.delta?.role).length;

for (const streamed of [false, true]) {
  suite(`hedging, ${streamed ? 'streams' : 'whole answers'}`, { config, concurrency: 1 }, (t) => {
    const reply = streamed ? events : good;

    it('the second lane wins, the first is cancelled at once, both are accounted', async () => {
      const sent = await ask(t, () => faults.stallBeforeHead(), reply, { streamed });
      const asked = now();
      const answered = await t.gateway.request(sent.options);
      const at = now();
      assert.equal(answered.head.status, 200, answered.text);
      assert.equal(answered.head.get('x-tidegate-backend'), 'second');
      assert.equal(answered.head.get('x-tidegate-attempts'), '2');
      assert.equal(sent.late().length, 1);
      assert.equal(sent.quick().length, 1);
      // From when it was asked: the first lane's request may itself be long on its way. How long the
      // gateway waited for it is in the trace, below.
      assert.ok(sent.quick()[0].at - asked >= kAfterMs - 5, 'not before it is late');
      const gone = await within(2000, 'the loser is cancelled', sent.late()[0].gone);
      assert.ok(gone - at <= kCancelMs, `cancelled after ${(gone - at).toFixed(1)} ms`);
      if (streamed) {
        assert.equal(roles(answered.text), 1);
        assert.match(streamedText(answered.text), /^quick-\d+ said$/);
        assert.equal(answered.text.match(/\[DONE\]/g).length, 1);
      } else {
        assert.match(JSON.parse(answered.text).choices[0].message.content, /^quick-\d+$/);
      }
      const row = await t.gateway.row(sent.id);
      assert.equal(row.outcome, Outcome.success);
      assert.equal(row.backend, 'second');
      assert.equal(row.attempts, 2);
      assert.equal(row.usage_estimated, 1);
      const [first, second] = traceOf(row);
      assert.deepEqual([first.step, first.backend, first.reason], ['tried', 'first', 'cancelled']);
      assert.deepEqual([second.step, second.backend, second.reason], ['hedged', 'second', 'success']);
      assert.ok(second.at_us - first.at_us >= (kAfterMs - 5) * 1000);
      if (!streamed) {
        // 7 tokens in and 2 out at the winner, what the loser was sent at its own price.
        assert.ok(row.input_tokens > 7, `${row.input_tokens} tokens in`);
        const cost = 7n * 10_000n + 2n * 20_000n + BigInt(row.input_tokens - 7) * 1000n;
        assert.equal(nano(answered.head.get('x-tidegate-cost-usd')), cost);
        assert.equal(BigInt(row.cost_nano), cost);
      }
    });

    it('the first lane wins although the second was called', async () => {
      const sent = await ask(t, (model) => later(kAfterMs * 3, reply(model)),
        () => faults.stallBeforeHead(), { streamed });
      const answered = await t.gateway.request(sent.options);
      const at = now();
      assert.equal(answered.head.status, 200, answered.text);
      assert.equal(answered.head.get('x-tidegate-backend'), 'first');
      const gone = await within(2000, 'the hedge is cancelled', sent.quick()[0].gone);
      assert.ok(gone - at <= kCancelMs, `cancelled after ${(gone - at).toFixed(1)} ms`);
      const [first, second] = traceOf(await t.gateway.row(sent.id));
      assert.deepEqual([first.step, first.reason], ['tried', 'success']);
      assert.deepEqual([second.step, second.reason], ['hedged', 'cancelled']);
      if (streamed) {
        assert.equal(roles(answered.text), 1);
      }
    });

    it('a first lane in time is the only one', async () => {
      const sent = await ask(t, reply, reply, { streamed });
      const answered = await t.gateway.request(sent.options);
      assert.equal(answered.head.get('x-tidegate-backend'), 'first');
      await sleep(kAfterMs * 2);
      assert.equal(sent.quick().length, 0);
      const row = await t.gateway.row(sent.id);
      assert.equal(row.attempts, 1);
      assert.equal(row.trace || '', '');
    });

    it('when the first fails, the hedge is simply the attempt', async () => {
      const sent = await ask(t, () => later(kAfterMs * 2, answer({ error: { message: 'no' } }, { status: 500 })),
        (model) => later(kAfterMs * 3, reply(model)), { streamed });
      const answered = await t.gateway.request(sent.options);
      assert.equal(answered.head.status, 200, answered.text);
      assert.equal(answered.head.get('x-tidegate-backend'), 'second');
      assert.equal(sent.quick().length, 1, 'called once');
      const trace = traceOf(await t.gateway.row(sent.id));
      assert.deepEqual(trace.map(({ step, reason }) => [step, reason]),
        [['tried', 'transient'], ['hedged', 'success']]);
    });

    it('a hedge that fails leaves the first alone', async () => {
      const sent = await ask(t, (model) => later(kAfterMs * 3, reply(model)),
        () => answer({ error: { message: 'no' } }, { status: 503 }), { streamed });
      const answered = await t.gateway.request(sent.options);
      assert.equal(answered.head.status, 200, answered.text);
      assert.equal(answered.head.get('x-tidegate-backend'), 'first');
      assert.equal(sent.late().length, 1);
      assert.equal(sent.quick().length, 1, 'one hedge for each request');
    });

    it('a client that leaves while both run cancels both', async () => {
      const stall = () => faults.stallBeforeHead();
      const sent = await ask(t, stall, stall, { streamed });
      const { connection } = await t.gateway.begin(sent.options);
      await until('both run', () => sent.late().length && sent.quick().length, { everyMs: 1 });
      const leftAt = now();
      connection.reset();
      for (const exchange of [sent.late()[0], sent.quick()[0]]) {
        const gone = await within(2000, 'cancelled', exchange.gone);
        assert.ok(gone - leftAt <= kCancelMs, `cancelled after ${(gone - leftAt).toFixed(1)} ms`);
      }
      const row = await t.gateway.row(sent.id);
      assert.equal(row.status, 499);
      assert.equal(row.usage_estimated, 1);
      assert.equal(row.input_tokens % 2, 0, 'both were sent the same prompt');
      assert.deepEqual(traceOf(row).map(({ reason }) => reason), ['cancelled', 'cancelled']);
    });
  });
}

suite('what a hedge is not', { config, concurrency: 1 }, (t) => {
  it('not after the first byte to the client', async () => {
    const sent = await ask(t, (model) => async (exchange) => {
      await exchange.start(200, kSse);
      await exchange.piece(event(chunk(model, { role: 'assistant', content: 'a' })));
      await sleep(kAfterMs * 3);
      await exchange.piece(event(chunk(model, {}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })) + doneEvent);
      await exchange.finish();
    }, events, { streamed: true });
    const answered = await t.gateway.request(sent.options);
    assert.equal(answered.head.get('x-tidegate-backend'), 'first');
    assert.equal(sent.quick().length, 0);
  });

  it('of two streams whose heads came the first event decides', async () => {
    const sent = await ask(t, () => later(kAfterMs * 2, faults.stallAfterHead()),
      (model) => async (exchange) => {
        await exchange.start(200, kSse);
        await sleep(250);
        for (const one of [...chatEvents(model, [model]), doneEvent]) {
          await exchange.piece(one);
        }
        await exchange.finish();
      }, { streamed: true });
    const answered = await t.gateway.request(sent.options);
    assert.equal(answered.head.get('x-tidegate-backend'), 'second', answered.text);
    assert.equal(roles(answered.text), 1);
    await within(1000, 'the loser is cancelled', sent.late()[0].gone);
  });

  it('a request that is at fault is answered at once', async () => {
    const fault = json({ error: { message: 'bad', type: 'invalid_request_error', code: null } });
    const sent = await ask(t, () => faults.stallBeforeHead(), () => answer(fault, { status: 422 }));
    const answered = await t.gateway.request(sent.options);
    assert.equal(answered.head.status, 422);
    assert.equal(answered.text, fault);
    await within(1000, 'the other is cancelled', sent.late()[0].gone);
  });

  it('not more than the retry budget', async () => {
    const sent = [];
    for (let i = 0; i < 12; ++i) {
      sent.push(await ask(t, (model) => later(kAfterMs * 3, good(model)), () => faults.stallBeforeHead()));
    }
    const replies = await Promise.all(sent.map(({ options }) => t.gateway.request(options)));
    assert.ok(replies.every(({ head }) => head.status === 200));
    const rows = await Promise.all(sent.map(({ id }) => t.gateway.row(id)));
    const spent = rows.filter(({ trace }) => trace?.includes('retries_spent'));
    assert.ok(spent.length > 0, 'some were not hedged');
    assert.equal(rows.filter(({ attempts }) => attempts === 2).length, rows.length - spent.length);
  });
});

suite('hedging within a budget', {
  config: (upstream) => config(upstream, { key: { budget: { usd: 0.4, period: 'total' } } }),
  concurrency: 1,
}, (t) => {
  it('holds money for both, and goes without where there is none', async () => {
    // Held without a maximum of output: 16,384 tokens at $20 a million are 0.33, so two do not fit.
    const stall = (model) => later(kAfterMs * 3, good(model));
    const sent = await ask(t, stall, stall);
    const answered = await t.gateway.request(sent.options);
    assert.equal(answered.head.status, 200, answered.text);
    assert.equal(answered.head.get('x-tidegate-backend'), 'first');
    assert.equal(sent.quick().length, 0);
    assert.ok((await t.gateway.row(sent.id)).trace.includes('over_budget'));
  });

  it('books what both cost', async () => {
    const sent = await ask(t, () => faults.stallBeforeHead(), good);
    sent.options.body.max_tokens = 100;
    const before = await spentOf(t.gateway, 'key', 'test');
    const answered = await t.gateway.request(sent.options);
    assert.equal(answered.head.get('x-tidegate-backend'), 'second');
    const after = await spentOf(t.gateway, 'key', 'test');
    assert.equal(nano(after) - nano(before), nano(answered.head.get('x-tidegate-cost-usd')));
    assert.ok(nano(after) - nano(before) > 7n * 10_000n + 2n * 20_000n);
  });
});

suite('late by what is usual', {
  config: (upstream) => config(upstream, { hedge: { enabled: true } }), concurrency: 1,
}, (t) => {
  it('is nothing before enough is known, then the 95th percentile', async () => {
    const slow = await ask(t, (model) => later(200, good(model)), good);
    await t.gateway.request(slow.options);
    assert.equal(slow.quick().length, 0, 'nothing is late yet');
    for (let i = 0; i < 24; ++i) {
      const { options } = await ask(t, good, good);
      assert.equal((await t.gateway.request(options)).head.status, 200);
    }
    const sent = await ask(t, () => faults.stallBeforeHead(), good);
    const answered = await t.gateway.request(sent.options);
    assert.equal(answered.head.get('x-tidegate-backend'), 'second');
    assert.ok(sent.quick()[0].at - sent.late()[0].at < 150, 'as late as 95 of 100 were not');
  });
});
