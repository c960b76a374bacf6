// SPDX-License-Identifier: GPL-3.0-or-later
// Every way an upstream can fail, whole and streamed, before and after the first content: the client
// always learns of it, and so does the ledger.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { kClientKey } from './lib/gateway.mjs';
import { Outcome } from './lib/ledger.mjs';
import {
  chatEvents, chatRequest, chunk, completion, doneEvent, event, parseEvents, streamedText,
} from './lib/openai.mjs';
import { answer, faults, stream, streamBytes } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';
import { now, sleep, slowness } from './lib/wait.mjs';
import { refusedPort } from './lib/upstream.mjs';

const kTimeoutMs = 500 * slowness;
const deadPort = await refusedPort();

const config = (upstream) => ({
  circuit_breaker: { enabled: false }, // every test here fails the same backend
  default_backend: 'up',
  backends: {
    up: {
      type: 'openai', url: upstream.url, api_key: 'sk-up',
      timeouts: { connect_ms: kTimeoutMs, first_byte_ms: kTimeoutMs, idle_ms: kTimeoutMs },
    },
    limited: { type: 'openai', url: upstream.url, api_key: 'sk-limited', models: ['none'] },
    dead: { type: 'openai', url: `http://127.0.0.1:${deadPort}/v1`, api_key: 'sk-dead' },
    total: {
      type: 'openai', url: upstream.url, api_key: 'sk-up', timeouts: { total_ms: kTimeoutMs },
    },
  },
  keys: { test: { key: kClientKey } },
});

const ask = (t, model, streamed) => t.gateway.post('/v1/chat/completions',
  chatRequest(model, streamed ? { stream: true } : {}));

async function assertRow(t, reply, { status, outcome, code }) {
  const row = await t.gateway.row(reply.head.get('x-request-id'));
  assert.equal(row.status, status);
  assert.equal(row.outcome, outcome);
  if (code) {
    assert.equal(row.error_code, code);
  }
  assert.ok(row.total_us > 0);
  return row;
}

/** A stream that broke after content: all of it arrived, then an error event, then a proper end. */
function assertBrokenStream(reply, text, code) {
  assert.equal(reply.head.status, 200);
  assert.ok(reply.complete, 'the framing ends properly, so that SDKs read the error event');
  assert.equal(streamedText(reply.text), text);
  const last = parseEvents(reply.text).at(-1);
  const { error } = JSON.parse(last.data);
  assert.equal(error.code, code, reply.text);
  assert.ok(error.message);
  assert.doesNotMatch(reply.text, /"finish_reason":"stop"/);
}

suite('before the head', { config }, (t) => {
  for (const [what, script, status, code] of [
    ['reset', faults.resetBeforeHead(), 502, 'upstream_unavailable'],
    ['close', faults.closeBeforeHead(), 502, 'upstream_unavailable'],
    ['stall', faults.stallBeforeHead(), 504, 'upstream_timeout'],
    ['garbage', faults.garbage(), 502, 'upstream_invalid_response'],
    ['half a head', async (exchange) => {
      await exchange.raw('HTTP/1.1 200 OK\r\nContent-Ty');
      exchange.close();
    }, 502, undefined],
    ['a head that stalls', (exchange) => exchange.raw('HTTP/1.1 200 OK\r\nContent-Ty'), 504,
      'upstream_timeout'],
    ['conflicting lengths', async (exchange) => {
      await exchange.raw('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!');
      exchange.close();
    }, 502, undefined],
  ]) {
    for (const streamed of [false, true]) {
      it(`${what}, ${streamed ? 'stream' : 'whole'}`, async () => {
        const model = freshModel();
        t.upstream.when(model, script);
        const reply = await ask(t, model, streamed);
        assert.equal(reply.head.status, status, reply.text);
        assertError(reply, status, code ?? JSON.parse(reply.text).error.code);
        assert.match(JSON.parse(reply.text).error.code, /^upstream_/);
        await assertRow(t, reply, { status, outcome: Outcome.upstreamError, code });
      });
    }
  }

  for (const streamed of [false, true]) {
    it(`refused, ${streamed ? 'stream' : 'whole'}`, async () => {
      const reply = await ask(t, 'dead/model', streamed);
      const error = assertError(reply, 502, 'upstream_unavailable');
      assert.match(error.message, /dead/, 'the message names the backend');
      await assertRow(t, reply, { status: 502, outcome: Outcome.upstreamError });
    });
  }

  it('a stall ends at its time limit', async () => {
    const model = freshModel();
    t.upstream.when(model, faults.stallBeforeHead());
    const from = now();
    assertError(await ask(t, model, false), 504, 'upstream_timeout');
    const took = now() - from;
    assert.ok(took >= kTimeoutMs * 0.8 && took < kTimeoutMs * 3 + 500, `${took} ms`);
  });
});

suite('error answers', { config }, (t) => {
  for (const status of [500, 502, 503, 504, 529]) {
    for (const [what, type, body] of [
      ['the envelope', 'application/json', '{"error": {"message":"down","type":"server_error","param":null,"code":"x"}}'],
      ['HTML', 'text/html', '<html><body><h1>Oops</h1></body></html>'],
      ['nothing', 'text/plain', ''],
      ['a detail', 'application/json', '{"detail":[{"loc":["body"]}]}'],
    ]) {
      it(`${status} with ${what}`, async () => {
        const model = freshModel();
        t.upstream.when(model, answer(body, { status, fields: { 'Content-Type': type } }));
        for (const streamed of [false, true]) {
          const reply = await ask(t, model, streamed);
          assert.equal(reply.head.status, status, reply.text);
          assert.match(reply.head.get('content-type'), /^application\/json/);
          assert.ok(JSON.parse(reply.text).error.message);
          await assertRow(t, reply, { status, outcome: Outcome.upstreamError });
        }
      });
    }
  }

  it('429 keeps Retry-After', async () => {
    const model = freshModel();
    t.upstream.when(model, answer({ error: { message: 'slow down', type: 'rate_limit' } },
      { status: 429, fields: { 'Content-Type': 'application/json', 'Retry-After': '17' } }));
    const reply = await ask(t, `limited/${model}`, true);
    assert.equal(reply.head.status, 429);
    assert.equal(reply.head.get('retry-after'), '17');
    await assertRow(t, reply, { status: 429, outcome: Outcome.clientError });
  });

  it('503 keeps Retry-After', async () => {
    const model = freshModel();
    t.upstream.when(model, answer({ error: { message: 'loading', type: 'x' } },
      { status: 503, fields: { 'Content-Type': 'application/json', 'Retry-After': '3' } }));
    const reply = await ask(t, model, true);
    assert.equal(reply.head.status, 503);
    assert.equal(reply.head.get('retry-after'), '3');
  });

  it('an error body that never ends is cut short', async () => {
    const model = freshModel();
    t.upstream.when(model, async (exchange) => {
      await exchange.start(500, { 'Content-Type': 'text/plain' });
      while (!exchange.isGone) {
        await exchange.piece('x'.repeat(65536));
        await sleep(5);
      }
    });
    const reply = await ask(t, model, false);
    assert.ok(reply.head.status >= 500);
    assert.ok(reply.size < 1 << 20, `${reply.size} bytes`);
  });
});

suite('in the middle of a whole answer', { config }, (t) => {
  const body = JSON.stringify(completion('m'));
  const half = body.slice(0, 40);
  const fields = { 'Content-Type': 'application/json' };
  for (const framing of ['chunked', body.length]) {
    for (const [what, script] of [
      ['reset', faults.resetAfter(half, { fields, framing })],
      ['close', faults.closeAfter(half, { fields, framing })],
      ['stall', async (exchange) => {
        await exchange.start(200, fields, framing);
        await exchange.piece(half);
      }],
    ]) {
      it(`${what}, ${framing === 'chunked' ? framing : 'with a length'}`, async () => {
        const model = freshModel();
        t.upstream.when(model, script);
        const reply = await ask(t, model, false);
        if (reply.head.status === 200) {
          assert.ok(reply.truncated, 'the client can tell that it is not complete');
        } else {
          assert.match(JSON.parse(reply.text).error.code, /^upstream_/);
        }
        await assertRow(t, reply, { status: reply.head.status, outcome: Outcome.upstreamError });
      });
    }
  }
});

suite('streams before their first content', { config }, (t) => {
  for (const [what, script, code] of [
    ['reset', faults.resetAfter(''), 'upstream_unavailable'],
    ['close', faults.closeAfter(''), 'upstream_unavailable'],
    ['stall', faults.stallAfterHead(), 'upstream_timeout'],
    ['an empty stream', streamBytes(''), 'upstream_invalid_response'],
    ['comments only', streamBytes(': wait\n\n: wait\n\n'), 'upstream_invalid_response'],
  ]) {
    it(what, async () => {
      const model = freshModel();
      t.upstream.when(model, script);
      const reply = await ask(t, model, true);
      if (reply.head.status === 200) {
        assertBrokenStream(reply, '', code);
      } else {
        assertError(reply, code === 'upstream_timeout' ? 504 : 502, code);
      }
      await assertRow(t, reply, { status: reply.head.status, outcome: Outcome.upstreamError, code });
    });
  }

  for (const [what, script] of [
    ['an error event', stream(['event: error\ndata: {"error":{"message":"overloaded","type":"overloaded_error"}}\n\n'],
      { ending: null })],
    ['an error in a data event', stream([event({ error: { message: 'overloaded', code: 529 } })])],
    ['an error as JSON', answer({ error: { message: 'overloaded', type: 'overloaded_error' } })],
  ]) {
    it(`200 with ${what}`, async () => {
      const model = freshModel();
      t.upstream.when(model, script);
      const reply = await ask(t, model, true);
      assert.match(reply.text, /overloaded/, 'the client hears of it');
      const row = await t.gateway.row(reply.head.get('x-request-id'));
      assert.equal(row.outcome, Outcome.upstreamError);
    });
  }
});

suite('streams after their first content', { config }, (t) => {
  const content = (model) => event(chunk(model, { role: 'assistant', content: 'one ' }))
    + event(chunk(model, { content: 'two' }));
  for (const [what, make, code] of [
    ['reset', (sent) => faults.resetAfter(sent), 'upstream_unavailable'],
    ['close', (sent) => faults.closeAfter(sent), 'upstream_unavailable'],
    ['stall', (sent) => faults.stallAfter(sent), 'upstream_timeout'],
    ['reset in the middle of an event', (sent) => faults.resetAfter(`${sent}data: {"choices":[{"del`),
      'upstream_unavailable'],
    ['stall in the middle of an event', (sent) => faults.stallAfter(`${sent}data: {"choi`),
      'upstream_timeout'],
    ['a broken chunk size', (sent) => async (exchange) => {
      await exchange.start(200, { 'Content-Type': 'text/event-stream' });
      await exchange.piece(sent);
      await exchange.raw('zz\r\nnonsense');
      exchange.close();
    }, undefined],
    ['a proper end without finish_reason or [DONE]', (sent) => streamBytes(sent),
      'upstream_invalid_response'],
  ]) {
    it(what, async () => {
      const model = freshModel();
      t.upstream.when(model, make(content(model)));
      const reply = await ask(t, model, true);
      const last = parseEvents(reply.text).at(-1);
      assertBrokenStream(reply, 'one two', code ?? JSON.parse(last.data).error?.code);
      const row = await assertRow(t, reply, { status: 200, outcome: Outcome.upstreamError, code });
      assert.ok(row.usage_estimated);
      assert.ok(row.first_byte_us > 0);
    });
  }

  it('an error event of the upstream is passed and counted', async () => {
    const model = freshModel();
    const text = content(model) + event({ error: { message: 'overloaded', type: 'x' } });
    t.upstream.when(model, streamBytes(text));
    const reply = await ask(t, model, true);
    assert.equal(reply.text, text);
    await assertRow(t, reply, { status: 200, outcome: Outcome.upstreamError });
  });

  it('no [DONE] after finish_reason is a good end', async () => {
    const model = freshModel();
    t.upstream.when(model, stream(chatEvents(model), { ending: null }));
    const reply = await ask(t, model, true);
    assert.equal(reply.text, chatEvents(model).join(''));
    await assertRow(t, reply, { status: 200, outcome: Outcome.success });
  });

  it('close-delimited without finish_reason or [DONE] is a broken stream', async () => {
    const model = freshModel();
    t.upstream.when(model, streamBytes(content(model), { framing: 'close' }));
    assertBrokenStream(await ask(t, model, true), 'one two', 'upstream_invalid_response');
  });

  it('a malformed JSON event passes untouched and the stream goes on', async () => {
    const model = freshModel();
    const text = `${content(model)}data: {"choices":[{]}\n\n${chatEvents(model).join('')}${doneEvent}`;
    t.upstream.when(model, streamBytes(text));
    const reply = await ask(t, model, true);
    assert.ok(reply.complete);
    assert.equal(reply.text, text);
    await assertRow(t, reply, { status: 200, outcome: Outcome.success });
  });

  it('a slow but living stream survives', async () => {
    const model = freshModel();
    t.upstream.when(model, stream(chatEvents(model, ['a', 'b', 'c', 'd']), { gapMs: kTimeoutMs * 0.6 }));
    const reply = await ask(t, model, true);
    assert.equal(streamedText(reply.text), 'abcd');
    assert.equal(parseEvents(reply.text).at(-1).data, '[DONE]');
  });

  it('comments keep a stream alive', async () => {
    const model = freshModel();
    t.upstream.when(model, stream([content(model), ...Array(4).fill(': alive\n\n'), ...chatEvents(model)],
      { gapMs: kTimeoutMs * 0.6 }));
    const reply = await ask(t, model, true);
    assert.equal(parseEvents(reply.text).at(-1).data, '[DONE]');
  });

  it('a total time limit ends even a living stream', async () => {
    const model = freshModel();
    t.upstream.when(model, stream(Array(50).fill(event(chunk(model, { content: 'x' }))),
      { gapMs: kTimeoutMs / 5 }));
    const reply = await ask(t, `total/${model}`, true);
    assert.equal(JSON.parse(parseEvents(reply.text).at(-1).data).error.code, 'upstream_timeout');
  });
});

suite('the gateway after faults', { config }, (t) => {
  it('still answers, and leaves no upstream connection behind', async () => {
    const model = freshModel();
    for (const script of [faults.resetBeforeHead(), faults.stallBeforeHead(), faults.garbage(),
      faults.stallAfter('data: {"choices":[]}\n\n')]) {
      t.upstream.when(model, script);
      await Promise.all(Array.from({ length: 8 }, () => ask(t, model, true)));
    }
    t.upstream.when(model, answer(completion(model)));
    const reply = await ask(t, model, false);
    assert.equal(reply.head.status, 200, reply.text);
    for (let i = 0; i < 100 && t.upstream.openConnections > 1; i += 1) {
      await sleep(20);
    }
    assert.ok(t.upstream.openConnections <= 1, `${t.upstream.openConnections} connections`);
    assert.equal((await t.gateway.get('/health')).head.status, 200);
  });
});
