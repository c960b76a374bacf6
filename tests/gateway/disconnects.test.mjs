// SPDX-License-Identifier: GPL-3.0-or-later
// A client that leaves cancels its upstream at once, in every phase.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { Gateway } from './lib/gateway.mjs';
import { Outcome } from './lib/ledger.mjs';
import { chatRequest, chunk, completion, doneEvent, event } from './lib/openai.mjs';
import { answer, faults } from './lib/scripts.mjs';
import { freshModel, suite } from './lib/suite.mjs';
import { now, slowness, until, within } from './lib/wait.mjs';

const kCancelMs = 50 * slowness;
const content = event(chunk('m', { content: 'word ' }));

const kPhases = {
  'before the head': { script: faults.stallBeforeHead(), streamed: true, ready: () => true },
  'after the head, before the first event': {
    script: faults.stallAfterHead(), streamed: true, ready: () => true,
  },
  'in the middle of a stream': {
    script: faults.stallAfter(content), streamed: true, ready: (reader) => reader.size > 0,
  },
  'while events flow': {
    script: async (exchange) => {
      await exchange.start(200, { 'Content-Type': 'text/event-stream' });
      while (!exchange.isGone) {
        await exchange.piece(content);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    streamed: true,
    ready: (reader) => reader.size > 500,
  },
  'before a whole answer': { script: faults.stallBeforeHead(), streamed: false, ready: () => true },
  'in the middle of a whole answer': {
    script: faults.stallAfter('{"id":"x",', { 'Content-Type': 'application/json' }),
    streamed: false,
    ready: () => true,
  },
};

suite('a client that leaves', { concurrency: 1 }, (t) => {
  it('with the last event has had a whole answer', async () => {
    const model = freshModel();
    const id = `left-${model}`;
    // The backend's connection stays open: so many do for some milliseconds.
    t.upstream.when(model, faults.stallAfter(content + doneEvent));
    const { connection, reader } = await t.gateway.begin({
      body: chatRequest(model, { stream: true }),
      headers: { 'X-Request-ID': id },
    });
    await until('the last event', () => reader.text.includes('[DONE]'), { everyMs: 1 });
    connection.close();
    const row = await t.gateway.row(id);
    assert.equal(row.status, 200);
    assert.equal(row.outcome, Outcome.success);
    assert.equal(row.error_code, '');
  });
  for (const [phase, { script, streamed, ready }] of Object.entries(kPhases)) {
    for (const how of ['close', 'reset', 'halfClose']) {
      it(`${phase}: ${how}`, async () => {
        const model = freshModel();
        const id = `left-${model}`;
        t.upstream.when(model, script);
        const { connection, reader } = await t.gateway.begin({
          body: chatRequest(model, streamed ? { stream: true } : {}),
          headers: { 'X-Request-ID': id },
        });
        const exchange = await until('upstream request', () => t.upstream.of(model)[0], { everyMs: 1 });
        await until('the phase', () => ready(reader), { everyMs: 1 });
        const leftAt = now();
        connection[how]();
        const goneAt = await within(2000, 'upstream sees the close', exchange.gone);
        assert.ok(goneAt - leftAt <= kCancelMs, `cancelled after ${(goneAt - leftAt).toFixed(1)} ms`);

        const row = await t.gateway.row(id);
        assert.equal(row.status, 499);
        assert.equal(row.outcome, Outcome.clientClosed);
        assert.equal(row.error_code, 'client_closed');
        assert.equal(row.usage_estimated, 1);
        assert.equal(row.attempts, 1);
        assert.equal(t.upstream.of(model).length, 1, 'no retry');
        connection.close();
      });
    }
  }

  it('the next request of the same kind is served', async () => {
    const model = freshModel();
    t.upstream.when(model, faults.stallBeforeHead());
    const { connection } = await t.gateway.begin({ body: chatRequest(model) });
    await until('upstream request', () => t.upstream.of(model)[0], { everyMs: 1 });
    connection.reset();
    t.upstream.when(model, answer(completion(model)));
    const from = now();
    assert.equal((await t.gateway.post('/v1/chat/completions', chatRequest(model))).head.status, 200);
    assert.ok(now() - from < 100 * slowness);
  });

  it('leaving after the answer is no disconnect', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(`${content}${doneEvent}`, { fields: { 'Content-Type': 'text/event-stream' } }));
    const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model, { stream: true }));
    const row = await t.gateway.row(reply.head.get('x-request-id'));
    assert.equal(row.status, 200);
    assert.equal(row.outcome, Outcome.success);
  });

  it('leaving in the middle of a request reaches no upstream', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model)));
    const connection = await t.gateway.connect();
    const body = JSON.stringify(chatRequest(model));
    const bytes = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`;
    await connection.write(bytes);
    connection.reset();
    assert.equal((await t.gateway.get('/health')).head.status, 200);
    assert.equal(t.upstream.of(model).length, 0);
  });

  it('a pipelined neighbour that waits is cancelled too', async () => {
    const [first, second] = [freshModel(), freshModel()];
    t.upstream.when(first, faults.stallBeforeHead());
    t.upstream.when(second, faults.stallBeforeHead());
    const connection = await t.gateway.connect();
    await connection.write(Buffer.concat([first, second].map((model) => Gateway.bytes({
      body: chatRequest(model), headers: { 'X-Request-ID': `pipe-${model}` },
    }))));
    const exchange = await until('upstream request', () => t.upstream.of(first)[0], { everyMs: 1 });
    connection.close();
    await within(2000, 'upstream sees the close', exchange.gone);
    assert.equal((await t.gateway.row(`pipe-${first}`)).status, 499);
    for (const started of t.upstream.of(second)) {
      await within(2000, 'upstream sees the close', started.gone);
    }
  });

  it('a reader that does not read pauses the upstream, and leaving still cancels', async () => {
    const model = freshModel();
    let sent = 0;
    const big = event(chunk('m', { content: 'x'.repeat(60_000) }));
    t.upstream.when(model, async (exchange) => {
      await exchange.start(200, { 'Content-Type': 'text/event-stream' });
      while (!exchange.isGone && sent < 200 << 20) {
        await Promise.race([exchange.piece(big), exchange.gone]);
        sent += big.length;
      }
    });
    const { connection } = await t.gateway.begin({ body: chatRequest(model, { stream: true }) });
    connection.socket.pause();
    const exchange = await until('upstream request', () => t.upstream.of(model)[0]);
    let before = -1;
    await until('the upstream to be paused', () => {
      const still = sent === before && sent > 0;
      before = sent;
      return still;
    }, { everyMs: 300, timeoutMs: 10_000 });
    assert.ok(sent < 60 << 20, `${sent >> 20} MiB were taken for a client that does not read`);
    const leftAt = now();
    connection.reset();
    const goneAt = await within(2000, 'upstream sees the close', exchange.gone);
    assert.ok(goneAt - leftAt <= kCancelMs * 2, `cancelled after ${(goneAt - leftAt).toFixed(1)} ms`);
  });
});
