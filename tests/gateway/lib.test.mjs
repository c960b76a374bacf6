// SPDX-License-Identifier: GPL-3.0-or-later
// The tools of these tests, tried on each other: what the client reads is what the upstream sent.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { Connection } from './lib/connection.mjs';
import { Gateway } from './lib/gateway.mjs';
import { chatEvents, doneEvent, parseEvents, streamedText } from './lib/openai.mjs';
import { answer, faults, stream } from './lib/scripts.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { now } from './lib/wait.mjs';

describe('the tools', () => {
  let upstream;
  before(async () => { upstream = await ScriptedUpstream.start(); });
  after(() => upstream.stop());

  async function ask(model, bytes = Gateway.bytes({ body: { model } })) {
    const connection = await Connection.open(upstream.port);
    await connection.write(bytes);
    const reply = await connection.response();
    connection.close();
    return reply;
  }

  for (const framing of ['length', 'chunked', 'close']) {
    it(`framing ${framing}, with cuts`, async () => {
      upstream.when('whole', answer('{"some":"body"}', { framing, cuts: [1, 5] }));
      const reply = await ask('whole');
      assert.equal(reply.text, '{"some":"body"}');
      assert.ok(reply.complete);
      assert.ok(reply.pieces.length >= 2, 'the cuts are seen');
    });
  }

  it('streams', async () => {
    upstream.when('stream', stream(chatEvents('m', ['a', 'b'])));
    const reply = await ask('stream');
    assert.equal(reply.text, chatEvents('m', ['a', 'b']).join('') + doneEvent);
    assert.equal(streamedText(reply.text), 'ab');
  });

  it('faults are seen as what they are', async () => {
    upstream.when('reset', faults.resetBeforeHead());
    await assert.rejects(ask('reset'), { code: 'ECONNRESET' });
    upstream.when('cut', faults.resetAfter('data: x\n\n'));
    const cut = await ask('cut');
    assert.equal(cut.text, 'data: x\n\n');
    assert.ok(cut.truncated && !cut.complete);
    upstream.when('short', faults.closeAfter('{"a"', { framing: 100 }));
    assert.ok((await ask('short')).truncated);
  });

  it('chunked requests and pipelining', async () => {
    upstream.when('p', answer('{}'));
    const body = '{"model":"p"}';
    const bytes = Gateway.bytes({
      headers: { 'Transfer-Encoding': 'chunked' }, body: `3;x=y\r\n${body.slice(0, 3)}\r\na\r\n${body.slice(3)}\r\n0\r\n\r\n`,
    });
    const connection = await Connection.open(upstream.port);
    await connection.writePieces([...Buffer.concat([bytes, bytes])].map((byte) => Buffer.from([byte])), 0);
    for (let i = 0; i < 2; i += 1) {
      assert.equal((await connection.response()).text, '{}');
    }
    assert.deepEqual(upstream.of('p').map((one) => one.body.toString()), [body, body]);
    connection.close();
  });

  it('the time of a disconnect', async () => {
    upstream.when('stall', faults.stallBeforeHead());
    const connection = await Connection.open(upstream.port);
    await connection.write(Gateway.bytes({ body: { model: 'stall' } }));
    while (!upstream.of('stall').length) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const from = now();
    connection.reset();
    const at = await upstream.of('stall')[0].gone;
    assert.ok(at >= from && at - from < 500);
  });

  it('parses events as the standard says', () => {
    assert.deepEqual(parseEvents('\ufeffdata:a\rdata: b\r\n\r\nevent: x\n: c\ndata\n\nid: 1\n\n'),
      [{ event: 'message', data: 'a\nb' }, { event: 'x', data: '' }]);
  });
});
