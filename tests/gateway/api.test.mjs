// SPDX-License-Identifier: GPL-3.0-or-later
// The data plane's surface: endpoints, error envelope, headers, echo and noop.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { Gateway, kClientKey } from './lib/gateway.mjs';
import {
  chatEvents, chatRequest, completion, parseChunks, parseEvents, streamedText,
} from './lib/openai.mjs';
import { answer, stream } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';

const kUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const config = (upstream) => ({
  circuit_breaker: { enabled: false }, // every test here fails the same backend
  default_backend: 'up',
  backends: {
    up: { type: 'openai', url: upstream.url, api_key: 'sk-up', models: ['listed-a', 'listed-b'] },
    // A backend's Retry-After holds for the next requests too, so these have one each.
    limited: { type: 'openai', url: upstream.url, api_key: 'sk-limited', models: ['none'] },
    limited2: { type: 'openai', url: upstream.url, api_key: 'sk-limited', models: ['none'] },
    echo: { type: 'echo' },
    nothing: { type: 'noop' },
  },
  keys: { test: { key: kClientKey } },
});

suite('endpoints', { config }, (t) => {
  it('answers a chat completion', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model)));
    const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model));
    assert.equal(reply.head.status, 200, reply.text);
    assert.deepEqual(JSON.parse(reply.text), completion(model));
    const [seen] = t.upstream.of(model);
    assert.equal(seen.head.method, 'POST');
    assert.equal(seen.head.target, '/v1/chat/completions');
    assert.equal(seen.head.get('authorization'), 'Bearer sk-up', 'the key of the backend, not the client');
  });

  it('streams a chat completion', async () => {
    const model = freshModel();
    t.upstream.when(model, stream(chatEvents(model, ['a', 'b', 'c'])));
    const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model, { stream: true }));
    assert.equal(reply.head.status, 200, reply.text);
    assert.match(reply.head.get('content-type'), /^text\/event-stream/);
    assert.ok(reply.complete, 'ended properly');
    assert.equal(streamedText(reply.text), 'abc');
    assert.equal(parseEvents(reply.text).at(-1).data, '[DONE]');
  });

  for (const [path, more, body] of [
    ['/v1/completions', { prompt: 'x' }, { object: 'text_completion', choices: [{ text: 'y' }] }],
    ['/v1/embeddings', { input: 'x', encoding_format: 'base64' },
      { object: 'list', data: [{ object: 'embedding', index: 0, embedding: 'AACAPw==' }] }],
  ]) {
    it(`relays ${path}`, async () => {
      const model = freshModel();
      t.upstream.when(model, answer(body));
      const request = JSON.stringify({ model, ...more });
      const reply = await t.gateway.post(path, request);
      assert.equal(reply.head.status, 200, reply.text);
      assert.deepEqual(JSON.parse(reply.text), body);
      assert.equal(t.upstream.of(model)[0].body.toString(), request);
      assert.equal(t.upstream.of(model)[0].head.target, path);
    });
  }

  it('relays a stream of /v1/completions', async () => {
    const model = freshModel();
    t.upstream.when(model, stream([`data: {"choices":[{"text":"y","index":0}]}\n\n`]));
    const reply = await t.gateway.post('/v1/completions', { model, prompt: 'x', stream: true });
    assert.equal(parseChunks(reply.text)[0].choices[0].text, 'y');
  });

  it('lists the models', async () => {
    const reply = await t.gateway.get('/v1/models');
    assert.equal(reply.head.status, 200, reply.text);
    const list = JSON.parse(reply.text);
    assert.equal(list.object, 'list');
    const ids = list.data.map(({ id }) => id);
    assert.ok(ids.includes('listed-a') && ids.includes('listed-b'), ids.join());
    for (const one of list.data) {
      assert.equal(one.object, 'model');
      assert.equal(typeof one.created, 'number');
      assert.equal(typeof one.owned_by, 'string');
    }
  });

  it('shows one model', async () => {
    const reply = await t.gateway.get('/v1/models/listed-a');
    assert.equal(reply.head.status, 200, reply.text);
    assert.equal(JSON.parse(reply.text).id, 'listed-a');
  });

  it('answers /health and /ready without a key', async () => {
    for (const path of ['/health', '/ready']) {
      const reply = await t.gateway.get(path, { key: null });
      assert.equal(reply.head.status, 200, `${path}: ${reply.text}`);
      assert.equal(typeof JSON.parse(reply.text), 'object');
    }
  });

  it('answers HEAD like GET without a body', async () => {
    const get = await t.gateway.get('/health');
    const head = await t.gateway.request({ method: 'HEAD', path: '/health' });
    assert.equal(head.head.status, 200);
    assert.equal(head.head.get('content-length'), get.head.get('content-length'));
    assert.equal(head.size, 0);
  });

  it('keeps the query of a request away from routing', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model)));
    const reply = await t.gateway.post('/v1/chat/completions?api-version=1', chatRequest(model));
    assert.equal(reply.head.status, 200, reply.text);
  });
});

suite('errors', { config }, (t) => {
  it('404 not_found for unknown paths', async () => {
    for (const path of ['/', '/v1', '/v1/', '/v1/unknown', '/v1/chat/completions/', '/v2/models',
      '/V1/models', '/v1//models', '/v1/chat/../models', '/%2e%2e/etc/passwd']) {
      assertError(await t.gateway.get(path), 404, 'not_found');
    }
  });

  it('405 with Allow for the wrong method', async () => {
    for (const [method, path, allow] of [
      ['GET', '/v1/chat/completions', /\bPOST\b/], ['PUT', '/v1/completions', /\bPOST\b/],
      ['DELETE', '/v1/embeddings', /\bPOST\b/], ['POST', '/v1/models', /\bGET\b/],
      ['PATCH', '/v1/models/x', /\bGET\b/], ['POST', '/health', /\bGET\b/],
      ['BREW', '/v1/chat/completions', /\bPOST\b/],
    ]) {
      const reply = await t.gateway.request({ method, path });
      assert.equal(reply.head.status, 405, `${method} ${path}: ${reply.text}`);
      assert.match(reply.head.get('allow') ?? '', allow, `${method} ${path}`);
      assert.equal(typeof JSON.parse(reply.text).error.message, 'string');
    }
  });

  it('400 invalid_json', async () => {
    for (const body of ['', '{', 'nonsense', '{"model": "m",}', '{"model": "m"} trailing',
      '{"model": "\ud800', '[1, 2', '{"model": "m", "messages": [}', "{'model': 'm'}"]) {
      assertError(await t.gateway.post('/v1/chat/completions', body), 400, 'invalid_json');
    }
  });

  it('400 for JSON that is not a request', async () => {
    for (const body of ['[]', '"text"', 'null', '17', '{}', '{"messages": []}', '{"model": 5}',
      '{"model": null}', '{"model": ""}', '{"model": ["m"]}', '{"model": "m", "stream": "yes"}']) {
      const reply = await t.gateway.post('/v1/chat/completions', body);
      assert.equal(reply.head.status, 400, `${body}: ${reply.text}`);
      assert.match(JSON.parse(reply.text).error.code, /^invalid_(request|json)$/, body);
    }
  });

  it('401 invalid_api_key', async () => {
    for (const headers of [
      {}, { Authorization: 'Bearer wrong' }, { Authorization: 'Bearer ' }, { Authorization: 'Bearer' },
      { Authorization: kClientKey }, { Authorization: `Basic ${kClientKey}` },
      { Authorization: `Bearer ${kClientKey}x` }, { Authorization: `Bearer ${kClientKey.slice(0, -1)}` },
      { Authorization: `Bearer ${kClientKey.toUpperCase()}` }, { 'x-api-key': 'wrong' },
      { Authorization: "Bearer ' OR '1'='1" }, { Authorization: `Bearer ${'k'.repeat(10_000)}` },
    ]) {
      const reply = await t.gateway.post('/v1/chat/completions', chatRequest('never'),
        { key: null, headers });
      const error = assertError(reply, 401, 'invalid_api_key');
      assert.ok(!error.message.includes('wrong'), 'what was sent is not repeated');
    }
    assertError(await t.gateway.get('/v1/models', { key: null }), 401, 'invalid_api_key');
    assertError(await t.gateway.get('/v1/models/x', { key: null }), 401, 'invalid_api_key');
    assert.equal(t.upstream.of('never').length, 0);
  });

  it('takes the key in any spelling of the scheme', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      const reply = await t.gateway.get('/v1/models',
        { key: null, headers: { Authorization: `${scheme} ${kClientKey}` } });
      assert.equal(reply.head.status, 200, scheme);
    }
  });

  it('404 model_not_found for an unlisted model', async () => {
    assertError(await t.gateway.get('/v1/models/no-such-model'), 404, 'model_not_found');
  });

  it('refuses early with Anthropic and OpenAI clients alike able to read it', async () => {
    const reply = await t.gateway.post('/v1/chat/completions', '{', {});
    assert.ok(kUuid.test(reply.head.get('x-request-id')), reply.head.raw.toString());
  });
});

suite('limits of the front door', {
  config: (upstream) => ({
    ...config(upstream),
    server: { max_request_body_bytes: 2000, header_timeout_seconds: 1 },
  }),
}, (t) => {
  it('413 body_too_large by Content-Length, before the body is sent', async () => {
    const connection = await t.gateway.connect();
    await connection.write(Gateway.bytes({ headers: { 'Content-Length': 2001 } }));
    assertError(await connection.response(), 413, 'body_too_large');
    connection.close();
  });

  it('413 body_too_large for a chunked body', async () => {
    const connection = await t.gateway.connect();
    await connection.write(Gateway.bytes({ headers: { 'Transfer-Encoding': 'chunked' } }));
    const reader = connection.expect('POST');
    for (let i = 0; i < 40 && !reader.head; i += 1) {
      await connection.writePieces([`64\r\n${'x'.repeat(100)}\r\n`]);
    }
    await connection.closed;
    assertError(reader, 413, 'body_too_large');
    connection.close();
  });

  it('takes a body of exactly the limit', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model)));
    const request = chatRequest(model, { pad: '' });
    request.pad = 'x'.repeat(2000 - JSON.stringify(request).length);
    const reply = await t.gateway.post('/v1/chat/completions', request);
    assert.equal(reply.head.status, 200, reply.text);
  });

  it('414 uri_too_long', async () => {
    assertError(await t.gateway.get(`/v1/models?${'x'.repeat(20_000)}`), 414, 'uri_too_long');
  });

  it('431 headers_too_large for bytes and for count', async () => {
    assertError(await t.gateway.get('/v1/models', { headers: { 'X-Big': 'x'.repeat(80_000) } }),
      431, 'headers_too_large');
    assertError(await t.gateway.get('/v1/models', { headers: { 'X-Many': Array(500).fill('x') } }),
      431, 'headers_too_large');
  });

  it('408 request_timeout for a head that never ends', async () => {
    const connection = await t.gateway.connect();
    await connection.write('POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    assertError(await connection.response({ timeoutMs: 4000 }), 408, 'request_timeout');
    connection.close();
  });
});

suite('headers', { config }, (t) => {
  it('echoes a usable X-Request-ID', async () => {
    for (const id of ['a', 'req-1', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', 'x'.repeat(128)]) {
      const model = freshModel();
      t.upstream.when(model, answer(completion(model)));
      const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model),
        { headers: { 'X-Request-ID': id } });
      assert.equal(reply.head.get('x-request-id'), id);
    }
  });

  it('replaces an unusable or missing X-Request-ID', async () => {
    for (const id of [undefined, 'x'.repeat(129), 'two words', 'tab\there', 'n\xe4h', '']) {
      const reply = await t.gateway.get('/v1/models',
        { headers: id === undefined ? {} : { 'X-Request-ID': id } });
      assert.equal(reply.head.status, 200, `${id}: ${reply.text}`);
      assert.match(reply.head.get('x-request-id') ?? '', kUuid, String(id));
    }
  });

  it('echoes X-Request-ID on errors', async () => {
    for (const [path, body] of [['/v1/chat/completions', '{'], ['/nowhere', '{}']]) {
      const reply = await t.gateway.post(path, body, { headers: { 'X-Request-ID': 'mine' } });
      assert.equal(reply.head.get('x-request-id'), 'mine', path);
    }
    const reply = await t.gateway.post('/v1/chat/completions', '{}',
      { key: null, headers: { 'X-Request-ID': 'mine' } });
    assert.equal(reply.head.status, 401);
    assert.equal(reply.head.get('x-request-id'), 'mine');
  });

  for (const streamed of [false, true]) {
    it(`says who answered and how (${streamed ? 'stream' : 'whole'})`, async () => {
      const model = freshModel();
      t.upstream.when(model, streamed ? stream(chatEvents(model)) : answer(completion(model)));
      const reply = await t.gateway.post('/v1/chat/completions',
        chatRequest(model, { stream: streamed }));
      const get = (name) => reply.head.get(name);
      assert.match(get('x-request-id') ?? '', kUuid);
      assert.equal(get('x-tidegate-backend'), 'up');
      assert.equal(get('x-tidegate-model'), model);
      assert.equal(get('x-tidegate-attempts'), '1');
      assert.match(get('x-tidegate-overhead-us') ?? '', /^\d+$/);
      assert.match(get('x-tidegate-cache') ?? '', /^(miss|bypass)$/);
      assert.equal(reply.head.all('x-request-id').length, 1);
      assert.equal(reply.head.all('content-type').length, 1);
    });
  }

  it('passes safe upstream headers and keeps its own', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model), {
      fields: {
        'Content-Type': 'application/json', 'OpenAI-Processing-Ms': '12', 'X-Custom': 'kept',
        'X-Request-Id': 'of-upstream', 'Set-Cookie': 'a=b', 'X-Tidegate-Backend': 'forged',
        Connection: 'X-Hop', 'X-Hop': 'not kept', 'Keep-Alive': 'timeout=1',
        'Access-Control-Allow-Origin': '*',
      },
    }));
    const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model));
    assert.equal(reply.head.get('openai-processing-ms'), '12');
    assert.equal(reply.head.get('x-custom'), 'kept');
    assert.notEqual(reply.head.get('x-request-id'), 'of-upstream');
    assert.equal(reply.head.get('x-tidegate-backend'), 'up');
    for (const name of ['set-cookie', 'x-hop', 'keep-alive', 'access-control-allow-origin']) {
      assert.ok(!reply.head.has(name), name);
    }
  });

  it('forwards the client\'s own headers but no credentials or hop-by-hop ones', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model)));
    await t.gateway.post('/v1/chat/completions', chatRequest(model), {
      headers: {
        'OpenAI-Organization': 'org-1', 'X-Custom': 'kept', Cookie: 'session=1',
        'Proxy-Authorization': 'Basic eA==', Connection: 'keep-alive, X-Hop', 'X-Hop': 'not kept',
        'X-Tidegate-Backend': 'up', TE: 'trailers', 'x-api-key': 'client-secret',
      },
    });
    const [{ head }] = t.upstream.of(model);
    assert.equal(head.get('openai-organization'), 'org-1');
    assert.equal(head.get('x-custom'), 'kept');
    assert.equal(head.get('host'), `127.0.0.1:${t.upstream.port}`);
    assert.equal(head.get('content-type'), 'application/json');
    for (const name of ['cookie', 'proxy-authorization', 'x-hop', 'te', 'x-api-key',
      'x-tidegate-backend', 'expect']) {
      assert.ok(!head.has(name), `${name}: ${head.raw}`);
    }
    assert.ok(!head.raw.includes(kClientKey), 'the client key stays here');
  });
});

suite('echo and noop', { config }, (t) => {
  const say = (content, more = {}) => ({
    model: 'echo/any', messages: [{ role: 'system', content: 'ignored' }, { role: 'user', content: 'first' },
      { role: 'assistant', content: 'no' }, { role: 'user', content }], ...more,
  });

  it('echoes the last user message', async () => {
    const reply = await t.gateway.post('/v1/chat/completions', say('Grüße, 世界 "quoted"\n\\ \u0001'),
      { headers: { 'X-Request-ID': 'echo-1' } });
    assert.equal(reply.head.status, 200, reply.text);
    const body = JSON.parse(reply.text);
    assert.equal(body.id, 'echo-1');
    assert.equal(body.object, 'chat.completion');
    assert.equal(body.choices[0].message.role, 'assistant');
    assert.equal(body.choices[0].message.content, 'Echo: Grüße, 世界 "quoted"\n\\ \u0001');
    assert.equal(body.choices[0].finish_reason, 'stop');
    assert.equal(body.usage.total_tokens, body.usage.prompt_tokens + body.usage.completion_tokens);
    assert.equal(reply.head.get('x-tidegate-backend'), 'echo');
  });

  it('echoes text parts', async () => {
    const reply = await t.gateway.post('/v1/chat/completions',
      say([{ type: 'text', text: 'one part' }]));
    assert.equal(JSON.parse(reply.text).choices[0].message.content, 'Echo: one part');
  });

  it('streams word by word', async () => {
    const reply = await t.gateway.post('/v1/chat/completions', say('one two  three', { stream: true }),
      { headers: { 'X-Request-ID': 'echo-2' } });
    assert.match(reply.head.get('content-type'), /^text\/event-stream/);
    const chunks = parseChunks(reply.text);
    assert.equal(streamedText(reply.text), 'Echo: one two  three');
    const words = chunks.filter((one) => one.choices[0]?.delta?.content);
    assert.ok(words.length >= 4, `${words.length} pieces`);
    assert.ok(chunks.every((one) => one.id === 'echo-2' && one.object === 'chat.completion.chunk'));
    assert.equal(chunks.filter((one) => one.choices[0]?.finish_reason === 'stop').length, 1);
    assert.ok(chunks.every((one) => !one.usage), 'no usage unless asked for');
    assert.equal(parseEvents(reply.text).at(-1).data, '[DONE]');
  });

  it('sends usage at the end of a stream when asked', async () => {
    const reply = await t.gateway.post('/v1/chat/completions',
      say('one two', { stream: true, stream_options: { include_usage: true } }));
    const last = parseChunks(reply.text).at(-1);
    assert.deepEqual(last.choices, []);
    assert.ok(last.usage.total_tokens > 0);
  });

  it('writes ledger rows for echo', async () => {
    const reply = await t.gateway.post('/v1/chat/completions', say('count me'));
    const row = await t.gateway.row(reply.head.get('x-request-id'));
    assert.equal(row.status, 200);
    assert.equal(row.backend, 'echo');
  });

  it('noop answers at once', async () => {
    const whole = await t.gateway.post('/v1/chat/completions', { ...say('x'), model: 'nothing/m' });
    assert.equal(whole.head.status, 200, whole.text);
    assert.equal(JSON.parse(whole.text).object, 'chat.completion');
    const streamed = await t.gateway.post('/v1/chat/completions',
      { ...say('x'), model: 'nothing/m', stream: true });
    assert.equal(streamed.head.status, 200, streamed.text);
    assert.equal(parseEvents(streamed.text).at(-1).data, '[DONE]');
  });
});

suite('upstream errors', { config }, (t) => {
  for (const status of [400, 401, 403, 404, 409, 413, 418, 422, 429]) {
    for (const streamed of [false, true]) {
      it(`relays ${status} verbatim, once (${streamed ? 'stream' : 'whole'})`, async () => {
        const model = freshModel();
        const body = `{"error": {"message": "no: ${status}",  "type": "t", "param": null, "code": "c${status}"}}\n`;
        t.upstream.when(model, answer(body, {
          status, fields: { 'Content-Type': 'application/json', 'Retry-After': '7', 'X-Why': 'w' },
        }));
        const backend = streamed ? 'limited2/' : 'limited/';
        const reply = await t.gateway.post('/v1/chat/completions',
          chatRequest((status === 429 ? backend : '') + model, { stream: streamed }));
        assert.equal(reply.head.status, status);
        assert.equal(reply.text, body);
        assert.equal(reply.head.get('retry-after'), '7');
        assert.equal(reply.head.get('x-why'), 'w');
        assert.equal(t.upstream.of(model).length, 1, 'no retry');
        const row = await t.gateway.row(reply.head.get('x-request-id'));
        assert.equal(row.status, status);
      });
    }
  }

  for (const [what, type, body] of [
    ['an HTML page', 'text/html', '<html><body>Bad gateway</body></html>'],
    ['FastAPI detail', 'application/json', '{"detail":"Not Found"}'],
    ['an array', 'application/json', '[{"error":"x"}]'], ['nothing', 'application/json', ''],
  ]) {
    it(`wraps a 4xx of ${what} into the envelope or relays it whole`, async () => {
      const model = freshModel();
      t.upstream.when(model, answer(body, { status: 404, fields: { 'Content-Type': type } }));
      const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model));
      assert.equal(reply.head.status, 404);
      if (reply.text !== body) {
        assert.equal(typeof JSON.parse(reply.text).error.message, 'string', reply.text);
      }
    });
  }

  it('relays 5xx with a status that SDKs retry', async () => {
    for (const status of [500, 502, 503, 529]) {
      const model = freshModel();
      t.upstream.when(model, answer({ error: { message: 'down', type: 'server_error' } }, { status }));
      const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model));
      assert.ok(reply.head.status >= 500, `${status} → ${reply.head.status}`);
      assert.equal(typeof JSON.parse(reply.text).error.message, 'string');
    }
  });
});
