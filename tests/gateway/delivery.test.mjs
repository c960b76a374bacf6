// SPDX-License-Identifier: GPL-3.0-or-later
// At most once: a POST is not repeated behind the client's back, and an upstream that closes idle
// connections is no error.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { testConfig } from './lib/gateway.mjs';
import { chatRequest, completion, doneEvent, event, chunk } from './lib/openai.mjs';
import { answer, faults } from './lib/scripts.mjs';
import { freshModel, suite } from './lib/suite.mjs';
import { inParallel, sleep } from './lib/wait.mjs';

const content = event(chunk('m', { content: 'x' }));

// One backend that fails again and again: what its breaker would do is not what is tested here.
const config = (upstream) => testConfig({ up: upstream.port },
  { circuit_breaker: { enabled: false } });

suite('at most once', { config, concurrency: 1 }, (t) => {
  const ask = (model, more = {}) => t.gateway.post('/v1/chat/completions', chatRequest(model, more));

  /** Leaves one idle connection to the upstream. */
  async function warmUp() {
    const model = freshModel('warm');
    t.upstream.when(model, answer(completion(model)));
    assert.equal((await ask(model)).head.status, 200);
  }

  it('connections are reused', async () => {
    await warmUp();
    const before = t.upstream.connections;
    for (let i = 0; i < 10; i += 1) {
      await warmUp();
    }
    assert.ok(t.upstream.connections - before <= 1, `${t.upstream.connections - before} new connections`);
  });

  for (const [what, script, streamed] of [
    ['a reset on a fresh connection', faults.resetBeforeHead(), false],
    ['a close on a fresh connection', faults.closeBeforeHead(), false],
    ['half a head', async (exchange) => {
      await exchange.raw('HTTP/1.1 200 OK\r\n');
      exchange.reset();
    }, false],
    ['a reset in the middle of an answer',
      faults.resetAfter('{"id"', { fields: { 'Content-Type': 'application/json' } }), false],
    ['a reset in the middle of a stream', faults.resetAfter(content), true],
    ['a close in the middle of a stream', faults.closeAfter(content), true],
    ['500', answer({ error: { message: 'x' } }, { status: 500 }), false],
    ['429', answer({ error: { message: 'x' } }, { status: 429 }), false],
  ]) {
    it(`${what} is not tried again`, async () => {
      t.upstream.dropConnections();
      await sleep(50); // the gateway reads the close, so the next connection is a new one
      const model = freshModel();
      t.upstream.when(model, script);
      await ask(model, streamed ? { stream: true } : {});
      await sleep(100);
      assert.equal(t.upstream.of(model).length, 1);
    });
  }

  it('a reset while a reused connection works on the answer is not tried again', async () => {
    await warmUp();
    const model = freshModel();
    t.upstream.when(model, async (exchange) => {
      await sleep(200);
      exchange.reset();
    });
    const reply = await ask(model);
    assert.equal(reply.head.status, 502, reply.text);
    await sleep(100);
    assert.equal(t.upstream.of(model).length, 1);
  });

  it('an upstream that closes right after answering never causes an error', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model), { thenClose: true }));
    const bad = [];
    await inParallel(600, 8, async () => {
      const reply = await ask(model);
      if (reply.head.status !== 200) {
        bad.push(`${reply.head.status} ${reply.text}`);
      }
    });
    assert.deepEqual(bad, []);
  });

  it('nor one that closes a moment after answering', async () => {
    const model = freshModel();
    let turn = 0;
    t.upstream.when(model, async (exchange) => {
      await answer(completion(model))(exchange);
      turn += 1;
      setTimeout(() => exchange.socket.destroy(), turn % 4);
    });
    const bad = [];
    await inParallel(400, 4, async (index) => {
      const reply = await ask(model);
      if (reply.head.status !== 200) {
        bad.push(`${reply.head.status} ${reply.text}`);
      }
      await sleep(index % 5);
    });
    assert.deepEqual(bad, []);
  });

  it('nor one that closes its idle connections', async () => {
    for (let i = 0; i < 30; i += 1) {
      await warmUp();
      t.upstream.dropConnections();
    }
  });

  it('nor one that says Connection: close and keeps its word', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model), { framing: 'close' }));
    for (let i = 0; i < 30; i += 1) {
      assert.equal((await ask(model)).head.status, 200);
    }
  });
});
