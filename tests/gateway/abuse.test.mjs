// SPDX-License-Identifier: GPL-3.0-or-later
// Hostile and odd clients at the front door: refused with the right status, within bounds, and
// without anyone else noticing.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { it } from 'node:test';
import { promisify } from 'node:util';

import { Gateway, kClientKey } from './lib/gateway.mjs';
import { chatEvents, chatRequest, completion, json, streamedText } from './lib/openai.mjs';
import { answer, stream } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';
import { inParallel, now, sleep, slowness, until, within } from './lib/wait.mjs';

const run = promisify(execFile);

const config = (upstream, server = {}) => ({
  server,
  default_backend: 'up',
  backends: { up: { type: 'openai', url: upstream.url, api_key: 'sk-up' } },
  keys: { test: { key: kClientKey } },
});

const auth = `Host: localhost\r\nAuthorization: Bearer ${kClientKey}\r\n`;
const smuggled = `GET /smuggled HTTP/1.1\r\n${auth}\r\n`;
const post = 'POST /v1/chat/completions HTTP/1.1\r\n';

/** Each must be refused, and what follows it must not be taken for a request. */
const kSmuggling = {
  'Content-Length and Transfer-Encoding':
    `${post}${auth}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  'Transfer-Encoding and Content-Length':
    `${post}${auth}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
  'two lengths': `${post}${auth}Content-Length: 2\r\nContent-Length: 50\r\n\r\n{}${smuggled}`,
  'a list of lengths': `${post}${auth}Content-Length: 2, 50\r\n\r\n{}${smuggled}`,
  'a signed length': `${post}${auth}Content-Length: +2\r\n\r\n{}${smuggled}`,
  'a negative length': `${post}${auth}Content-Length: -2\r\n\r\n{}${smuggled}`,
  'a hexadecimal length': `${post}${auth}Content-Length: 0x2\r\n\r\n{}${smuggled}`,
  'a length with a space': `${post}${auth}Content-Length: 2 2\r\n\r\n{}${smuggled}`,
  'an empty length': `${post}${auth}Content-Length:\r\n\r\n{}${smuggled}`,
  'a length beyond 64 bits': `${post}${auth}Content-Length: 18446744073709551618\r\n\r\n{}${smuggled}`,
  'a space before the colon': `${post}${auth}Content-Length : 2\r\n\r\n{}${smuggled}`,
  'a folded line': `${post}${auth}X-A: b\r\n Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}${smuggled}`,
  'a line that starts with a space': `${post} Host: x\r\n${auth}\r\n${smuggled}`,
  'an unknown transfer coding': `${post}${auth}Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n${smuggled}`,
  'a misspelt transfer coding': `${post}${auth}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
  'chunked before another coding': `${post}${auth}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
  'chunked twice': `${post}${auth}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  'a vertical tab in the coding': `${post}${auth}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${smuggled}`,
  'a quoted coding': `${post}${auth}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n${smuggled}`,
  'chunked in HTTP/1.0':
    `POST /v1/chat/completions HTTP/1.0\r\n${auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  'a chunk size that is no number': `${post}${auth}Transfer-Encoding: chunked\r\n\r\nxx\r\n{}\r\n0\r\n\r\n${smuggled}`,
  'a chunk size with a prefix': `${post}${auth}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n${smuggled}`,
  'a signed chunk size': `${post}${auth}Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n${smuggled}`,
  'a chunk size beyond 64 bits':
    `${post}${auth}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n${smuggled}`,
  'a chunk longer than its size': `${post}${auth}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n${smuggled}`,
  'a chunk that ends in LF': `${post}${auth}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n${smuggled}`,
  'a bare LF after the chunk size': `${post}${auth}Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n${smuggled}`,
  'a NUL in a field': `${post}${auth}X-A: a\0b\r\n\r\n${smuggled}`,
  'a bare CR in a field': `${post}${auth}X-A: a\rContent-Length: 2\r\n\r\n${smuggled}`,
  'a field without a colon': `${post}${auth}NoColon\r\n\r\n${smuggled}`,
  'a field without a name': `${post}${auth}: x\r\n\r\n${smuggled}`,
  'a field name with a space': `${post}${auth}X A: x\r\n\r\n${smuggled}`,
  'no Host': `GET /health HTTP/1.1\r\n\r\n${smuggled}`,
  'two Hosts': `GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${smuggled}`,
  'a request line of two words': `GET /health\r\n\r\n${smuggled}`,
  'two spaces in the request line': `GET  /health HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`,
  'a method with odd characters': `G@T /health HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`,
  'a target with a control character': `GET /hea\x01lth HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`,
  'HTTP/2.0': `GET /health HTTP/2.0\r\nHost: a\r\n\r\n${smuggled}`,
  'HTTP/1.1 in small letters': `GET /health http/1.1\r\nHost: a\r\n\r\n${smuggled}`,
  'a TLS greeting': Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 13, 10, 13, 10]),
};

suite('smuggling', { config }, (t) => {
  for (const [what, bytes] of Object.entries(kSmuggling)) {
    it(what, async () => {
      const connection = await t.gateway.connect();
      await connection.write(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1'));
      const reply = await connection.response();
      assert.ok([400, 413, 501, 505].includes(reply.head.status), `${reply.head.line}\n${reply.text}`);
      assert.equal(typeof JSON.parse(reply.text).error.message, 'string');
      await within(3000, 'the connection to be closed', connection.closed);
      assert.equal(connection.unread.length, 0, 'nothing after it was answered');
    });
  }

  it('nothing of it reached an upstream', () => assert.equal(t.upstream.seen, 0));
});

suite('odd but right clients', { config }, (t) => {
  const setUp = (script) => {
    const model = freshModel();
    t.upstream.when(model, script ?? answer(completion(model)));
    return model;
  };

  it('pipelined requests are answered in order', async () => {
    const slow = setUp();
    const body = completion(slow);
    t.upstream.when(slow, async (exchange) => {
      await sleep(100);
      await answer(body)(exchange);
    });
    const fast = setUp();
    const streamed = freshModel();
    t.upstream.when(streamed, stream(chatEvents(streamed, ['s'])));
    const connection = await t.gateway.connect();
    await connection.write(Buffer.concat([
      Gateway.bytes({ body: chatRequest(slow) }),
      Gateway.bytes({ body: chatRequest(streamed, { stream: true }) }),
      Gateway.bytes({ method: 'GET', path: '/health' }),
      Gateway.bytes({ body: chatRequest(fast) }),
      Gateway.bytes({ body: '{' }),
      Gateway.bytes({ method: 'HEAD', path: '/health' }),
      Gateway.bytes({ method: 'GET', path: '/v1/models' }),
    ]));
    assert.equal(JSON.parse((await connection.response()).text).model, slow);
    assert.equal(streamedText((await connection.response()).text), 's');
    assert.ok('status' in JSON.parse((await connection.response()).text));
    assert.equal(JSON.parse((await connection.response()).text).model, fast);
    assertError(await connection.response(), 400, 'invalid_json');
    assert.equal((await connection.response({ method: 'HEAD' })).size, 0);
    assert.equal(JSON.parse((await connection.response()).text).object, 'list');
    connection.close();
  });

  it('many pipelined requests', async () => {
    const model = setUp();
    const connection = await t.gateway.connect();
    const ids = Array.from({ length: 100 }, (unused, index) => `${model}-${index}`);
    await connection.write(Buffer.concat(ids.map((id) => Gateway.bytes({
      body: chatRequest(model), headers: { 'X-Request-ID': id },
    }))));
    for (const id of ids) {
      assert.equal((await connection.response()).head.get('x-request-id'), id);
    }
    connection.close();
  });

  it('a request split at every byte', async () => {
    const model = setUp();
    const bytes = Gateway.bytes({ body: chatRequest(model) });
    await inParallel(bytes.length - 1, 16, async (index) => {
      const connection = await t.gateway.connect();
      await connection.writePieces([bytes.subarray(0, index + 1), bytes.subarray(index + 1)], 2);
      assert.equal((await connection.response()).head.status, 200, `split at ${index + 1}`);
      connection.close();
    });
  });

  it('a chunked body split at every byte', async () => {
    const model = setUp();
    const body = Buffer.from(json(chatRequest(model)));
    const chunks = Buffer.concat([
      Buffer.from('5;ext=1;quoted="a b"\r\n'), body.subarray(0, 5), Buffer.from('\r\n'),
      Buffer.from(`00${(body.length - 5).toString(16).toUpperCase()}\r\n`), body.subarray(5),
      Buffer.from('\r\n000\r\nX-Trailer: t\r\n\r\n'),
    ]);
    const head = Gateway.bytes({ headers: { 'Transfer-Encoding': 'chunked', 'Content-Type': 'application/json' } });
    await inParallel(chunks.length, 16, async (index) => {
      const connection = await t.gateway.connect();
      await connection.writePieces([Buffer.concat([head, chunks.subarray(0, index)]),
        chunks.subarray(index)], 2);
      const reply = await connection.response();
      assert.equal(reply.head.status, 200, `split at ${index}: ${reply.text}`);
      connection.close();
    });
    assert.ok(t.upstream.of(model).every((seen) => seen.body.equals(body)));
    assert.equal(t.upstream.of(model).length, chunks.length);
  });

  it('a chunked body in chunks of one byte', async () => {
    const model = setUp();
    const body = json(chatRequest(model));
    const chunks = [...Buffer.from(body)].map((byte) => `1\r\n${String.fromCharCode(byte)}\r\n`).join('');
    const reply = await t.gateway.post('/v1/chat/completions', `${chunks}0\r\n\r\n`,
      { headers: { 'Transfer-Encoding': 'chunked' } });
    assert.equal(reply.head.status, 200, reply.text);
    assert.equal(t.upstream.of(model)[0].body.toString(), body);
  });

  it('an empty line before the request line', async () => {
    const connection = await t.gateway.connect();
    await connection.write(Buffer.concat([Buffer.from('\r\n'), Gateway.bytes({ method: 'GET', path: '/health' })]));
    assert.equal((await connection.response()).head.status, 200);
    connection.close();
  });

  it('Expect: 100-continue is answered before the body', async () => {
    const model = setUp();
    const bytes = Gateway.bytes({ body: chatRequest(model), headers: { Expect: '100-continue' } });
    const bodyAt = bytes.indexOf('\r\n\r\n') + 4;
    const connection = await t.gateway.connect();
    const reader = connection.expect('POST');
    await connection.write(bytes.subarray(0, bodyAt));
    await until('100 Continue', () => reader.interim.length, { timeoutMs: 900 });
    await connection.write(bytes.subarray(bodyAt));
    await until('answer', () => reader.complete);
    assert.equal(reader.head.status, 200);
    connection.close();
  });

  it('Expect: 100-continue without a key is refused at once', async () => {
    const bytes = Gateway.bytes({ key: null, headers: { Expect: '100-continue', 'Content-Length': 10 } });
    const connection = await t.gateway.connect();
    await connection.write(bytes);
    const reply = await connection.response();
    assert.equal(reply.interim.length, 0);
    assertError(reply, 401, 'invalid_api_key');
    connection.close();
  });

  it('curl sends 2 MB without its wait of a second', async () => {
    const model = setUp();
    const request = json(chatRequest(model, { pad: 'x'.repeat(2 << 20) }));
    const child = run('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code} %{time_total}',
      '-H', `Authorization: Bearer ${kClientKey}`, '-H', 'Content-Type: application/json',
      '-H', 'Expect: 100-continue', '--data-binary', '@-', `${t.gateway.url}/chat/completions`]);
    child.child.stdin.end(request);
    const { stdout } = await child;
    const [status, seconds] = stdout.split(' ');
    assert.equal(status, '200');
    assert.ok(Number(seconds) < 0.9 * slowness, `${seconds} s`);
    assert.equal(t.upstream.of(model)[0].body.length, Buffer.byteLength(request));
  });

  it('HTTP/1.0 gets a whole answer and a close', async () => {
    const model = setUp();
    const connection = await t.gateway.connect();
    await connection.write(Gateway.bytes({ body: chatRequest(model), version: '1.0' }));
    const reply = await connection.response();
    assert.equal(reply.head.status, 200, reply.text);
    assert.ok(!reply.chunked);
    await within(2000, 'close', connection.closed);
  });

  it('HTTP/1.0 gets a stream that ends with the connection', async () => {
    const model = setUp(stream(chatEvents('m', ['x', 'y'])));
    const connection = await t.gateway.connect();
    await connection.write(Gateway.bytes({ body: chatRequest(model, { stream: true }), version: '1.0' }));
    const reply = await connection.response();
    assert.ok(!reply.chunked && !reply.head.has('content-length'), reply.head.raw.toString());
    assert.equal(streamedText(reply.text), 'xy');
  });

  it('Connection: close is honoured, also in a list', async () => {
    for (const value of ['close', 'Close', 'foo, close']) {
      const connection = await t.gateway.connect();
      await connection.write(Gateway.bytes({ method: 'GET', path: '/health', headers: { Connection: value } }));
      const reply = await connection.response();
      assert.equal(reply.head.status, 200);
      assert.match(reply.head.get('connection') ?? '', /close/i);
      await within(2000, 'close', connection.closed);
    }
  });

  it('a connection serves many requests', async () => {
    const model = setUp();
    const connection = await t.gateway.connect();
    for (let i = 0; i < 50; i += 1) {
      await connection.write(Gateway.bytes({ body: chatRequest(model) }));
      const reply = await connection.response();
      assert.equal(reply.head.status, 200);
      assert.doesNotMatch(reply.head.get('connection') ?? '', /close/);
    }
    connection.close();
  });

  it('HEAD is refused where there is no GET', async () => {
    const connection = await t.gateway.connect();
    await connection.write(Gateway.bytes({ method: 'HEAD', path: '/v1/chat/completions' }));
    const reply = await connection.response({ method: 'HEAD' });
    assert.equal(reply.head.status, 405);
    await connection.write(Gateway.bytes({ method: 'GET', path: '/health' }));
    assert.equal((await connection.response()).head.status, 200, 'no body strayed into the next answer');
    connection.close();
  });

  it('a refused body does not become the next request', async () => {
    const connection = await t.gateway.connect();
    await connection.write(Buffer.concat([
      Gateway.bytes({ key: null, body: smuggled }), Gateway.bytes({ method: 'GET', path: '/v1/models' }),
    ]));
    assertError(await connection.response(), 401, 'invalid_api_key');
    const next = await connection.response().catch(() => null);
    if (next?.head) {
      assert.equal(JSON.parse(next.text).object, 'list', next.text);
    }
    connection.close();
  });
});

suite('floods', {
  config: (upstream) => config(upstream, { header_timeout_seconds: 1 }), concurrency: 1,
}, (t) => {
  const healthy = async () => {
    const from = now();
    assert.equal((await t.gateway.get('/health')).head.status, 200);
    return now() - from;
  };

  it('slowloris: slow heads are closed, others are served meanwhile', async () => {
    await healthy();
    const slow = await Promise.all(Array.from({ length: 300 }, () => t.gateway.connect()));
    await Promise.all(slow.map((one) => one.write('GET /health HTTP/1.1\r\nHost: x\r\nX-')));
    let left = slow.length;
    slow.forEach((one) => one.closed.then(() => { left -= 1; }));
    const from = now();
    while (left > 0 && now() - from < 5000 * slowness) {
      slow.filter((one) => !one.ended).forEach((one) => one.socket.write('a'));
      assert.ok(await healthy() < 500 * slowness);
      await sleep(100);
    }
    slow.forEach((one) => one.close());
    assert.equal(left, 0, `${left} of ${slow.length} are still open`);
  });

  it('a 100 MB body costs no memory', async () => {
    const before = t.gateway.rssKib;
    for (const headers of [{ 'Content-Length': 100_000_000 }, { 'Transfer-Encoding': 'chunked' }]) {
      const connection = await t.gateway.connect();
      const reader = connection.expect('POST');
      const piece = Buffer.alloc(1 << 20, 'x');
      const chunked = Buffer.concat([Buffer.from('100000\r\n'), piece, Buffer.from('\r\n')]);
      await connection.write(Gateway.bytes({ headers }));
      for (let sent = 0; sent < 100 && !connection.ended; sent += 1) {
        await Promise.race([connection.write(headers['Content-Length'] ? piece : chunked), connection.closed]);
      }
      await within(5000, 'the connection to be closed', connection.closed);
      if (reader.head) {
        assertError(reader, 413, 'body_too_large');
      } else {
        assert.ok(connection.error, 'refused');
      }
      connection.close();
    }
    await healthy();
    if (slowness === 1) {
      // What it took while it came is bounded by the 32 MB that a body may have, and given back when it is quiet.
      assert.ok(t.gateway.rssKib - before < 80 * 1024, `${t.gateway.rssKib - before} KiB more`);
      await until('the memory is given back', () => t.gateway.rssKib - before < 8 * 1024);
    }
    assert.equal(t.upstream.seen, 0);
  });

  it('JSON a million deep', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model)));
    const deep = 1_000_000;
    for (const body of ['['.repeat(deep), `${'['.repeat(deep)}${']'.repeat(deep)}`,
      '{"a":'.repeat(deep), `{"model":"${model}","x":${'['.repeat(deep)}${']'.repeat(deep)},"messages":[]}`,
      `{"model":"${model}","messages":${'[{"content":'.repeat(deep)}`]) {
      const reply = await t.gateway.post('/v1/chat/completions', body);
      assert.ok([200, 400].includes(reply.head.status), `${reply.head.status} ${reply.text.slice(0, 200)}`);
    }
    await healthy();
  });

  it('bodies in a content coding are refused, not unpacked', async () => {
    const { gzipSync } = await import('node:zlib');
    const bomb = gzipSync(Buffer.alloc(64 << 20, ' '));
    const before = t.gateway.rssKib;
    const reply = await t.gateway.post('/v1/chat/completions', bomb, { headers: { 'Content-Encoding': 'gzip' } });
    assert.ok([400, 413, 415].includes(reply.head.status), reply.text);
    assert.ok(slowness > 1 || t.gateway.rssKib - before < 32 * 1024);
  });

  it('invalid keys reach neither upstream nor ledger', async () => {
    await inParallel(20, 20, async (lane) => {
      const connection = await t.gateway.connect();
      for (let batch = 0; batch < 10; batch += 1) {
        await connection.write(Buffer.concat(Array.from({ length: 25 }, (unused, index) => Gateway.bytes({
          key: `tg-wrong-${lane}-${batch}-${index}`, body: chatRequest('never'),
          headers: { 'X-Request-ID': `flood-${lane}-${batch}-${index}` },
        }))));
        for (let index = 0; index < 25; index += 1) {
          assertError(await connection.response(), 401, 'invalid_api_key');
        }
      }
      connection.close();
    });
    assert.equal(t.upstream.of('never').length, 0);
    const model = freshModel();
    t.upstream.when(model, answer(completion(model)));
    const last = await t.gateway.post('/v1/chat/completions', chatRequest(model));
    await t.gateway.row(last.head.get('x-request-id'));
    const [{ n }] = await t.gateway.query("SELECT count(*) AS n FROM requests WHERE request_id LIKE 'flood-%'");
    assert.equal(n, 0);
  });

  it('connections that say nothing cost little', async () => {
    const before = t.gateway.rssKib;
    const idle = await Promise.all(Array.from({ length: 500 }, () => t.gateway.connect()));
    assert.ok(await healthy() < 500 * slowness);
    assert.ok(slowness > 1 || t.gateway.rssKib - before < 16 * 1024, `${t.gateway.rssKib - before} KiB`);
    idle.forEach((one) => one.close());
  });
});

suite('too many connections', {
  config: (upstream) => config(upstream, { max_connections: 10 }),
}, (t) => {
  it('503 beyond the bound, service again once some have gone', async () => {
    const open = [];
    for (let i = 0; i < 10; i += 1) {
      const connection = await t.gateway.connect();
      await connection.write(Gateway.bytes({ method: 'GET', path: '/health' }));
      assert.equal((await connection.response()).head.status, 200);
      open.push(connection);
    }
    const extra = await t.gateway.connect();
    const reader = extra.expect('GET');
    await extra.write(Gateway.bytes({ method: 'GET', path: '/health' })).catch(() => {});
    await within(3000, 'close', extra.closed);
    assert.equal(reader.head?.status, 503, 'a clear answer');
    assert.ok(JSON.parse(reader.text).error.message);
    open.forEach((one) => one.close());
    await until('service', async () => {
      try {
        return (await t.gateway.get('/health')).head.status === 200;
      } catch {
        return false;
      }
    });
  });
});

suite('browsers on loopback', {
  config: (upstream) => ({ ...config(upstream, { auth: 'off' }), keys: {} }),
}, (t) => {
  const cases = {
    'a foreign Origin': { Origin: 'https://evil.test' },
    'a null Origin': { Origin: 'null' },
    'a foreign Host': { Host: 'evil.test' },
    'a foreign Host with our port': { Host: 'evil.test:8080' },
    'a form post from elsewhere': { Origin: 'https://evil.test', 'Content-Type': 'text/plain' },
  };
  for (const [what, headers] of Object.entries(cases)) {
    it(`${what} is refused while no key is asked for`, async () => {
      const model = freshModel();
      t.upstream.when(model, answer(completion(model)));
      const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model), { key: null, headers });
      assertError(reply, 403, 'origin_not_allowed');
      assert.ok(!reply.head.has('access-control-allow-origin'));
      assert.equal(t.upstream.of(model).length, 0);
    });
  }

  it('local programs are served', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model)));
    for (const Host of [`127.0.0.1:${t.gateway.port}`, `localhost:${t.gateway.port}`, '[::1]:8080', 'LOCALHOST']) {
      const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model), { key: null, headers: { Host } });
      assert.equal(reply.head.status, 200, `${Host}: ${reply.text}`);
    }
  });

  it('a preflight gives nothing away', async () => {
    const reply = await t.gateway.request({
      method: 'OPTIONS', key: null, headers: {
        Origin: 'https://evil.test', 'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Private-Network': 'true',
      },
    });
    assert.ok(reply.head.status >= 400, reply.head.line);
    for (const [name] of reply.head.fields) {
      assert.doesNotMatch(name, /^access-control-/i);
    }
  });
});
