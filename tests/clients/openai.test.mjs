// SPDX-License-Identifier: GPL-3.0-or-later
// The official openai SDK against tidegated. OPENAI_SDK picks the version: openai6 or openai7.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { kClientKey } from '../gateway/lib/gateway.mjs';
import {
  chatEvents, chunk, completion, doneEvent, event, usageEvent, usageOf,
} from '../gateway/lib/openai.mjs';
import { keysOf, priceFile, secretOf } from '../gateway/lib/policy.mjs';
import { answer, faults, stream } from '../gateway/lib/scripts.mjs';
import { freshModel, suite } from '../gateway/lib/suite.mjs';
import { refusedPort } from '../gateway/lib/upstream.mjs';
import { now, slowness, until, within } from '../gateway/lib/wait.mjs';

const sdk = process.env.OPENAI_SDK ?? 'openai7';
const openai = await import(sdk);
const OpenAI = openai.default;
const deadPort = await refusedPort();

const config = (upstream) => ({
  default_backend: 'up',
  circuit_breaker: { enabled: false }, // every test here fails the same backend
  backends: {
    up: { type: 'openai', url: upstream.url, api_key: 'sk-up', models: ['listed-one', 'listed-two'],
      timeouts: { idle_ms: 1000 * slowness } },
    // A backend's Retry-After holds for the next requests too, so these have one each.
    limited: { type: 'openai', url: upstream.url, api_key: 'sk-limited', models: ['none'] },
    limited2: { type: 'openai', url: upstream.url, api_key: 'sk-limited', models: ['none'] },
    dead: { type: 'openai', url: `http://127.0.0.1:${deadPort}/v1`, api_key: 'sk-dead', models: ['none'] },
    echo: { type: 'echo', models: ['parrot'] },
  },
  keys: { test: { key: kClientKey }, narrow: { key: 'tg-narrow-0123456789abcdef0123456789', models: ['parrot'] } },
});

const messages = [{ role: 'user', content: 'Hello there' }];

suite(`${sdk}`, { config, concurrency: 4 }, (t) => {
  const client = (more = {}) => new OpenAI({
    baseURL: t.gateway.url, apiKey: kClientKey, maxRetries: 0, ...more,
  });

  it('chat', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model, 'Hi')));
    const reply = await client().chat.completions.create({ model, messages }, { headers: { 'X-Request-ID': 'sdk-chat-1' } });
    assert.equal(reply.choices[0].message.content, 'Hi');
    assert.equal(reply.usage.total_tokens, 9);
    assert.equal(reply._request_id, 'sdk-chat-1');
    assert.equal((await t.gateway.row('sdk-chat-1')).output_tokens, 2);
  });

  it('request ids without asking', async () => {
    const reply = await client().chat.completions.create({ model: 'parrot', messages });
    assert.match(reply._request_id, /^[0-9a-f-]{36}$/);
    assert.equal(reply.id, reply._request_id, 'the echo backend uses it as id');
    assert.equal(reply.choices[0].message.content, 'Echo: Hello there');
  });

  it('stream', async () => {
    const model = freshModel();
    t.upstream.when(model, stream(chatEvents(model, ['a', 'b', 'c'])));
    let text = '';
    let finish;
    for await (const one of await client().chat.completions.create({ model, messages, stream: true })) {
      text += one.choices[0].delta.content ?? '';
      finish = one.choices[0].finish_reason ?? finish;
      assert.ok(!one.usage, 'no usage unless asked for');
    }
    assert.equal(text, 'abc');
    assert.equal(finish, 'stop');
  });

  it('stream with usage', async () => {
    const model = freshModel();
    t.upstream.when(model, stream([...chatEvents(model), usageEvent(model, usageOf(4, 2))]));
    let usage;
    for await (const one of await client().chat.completions.create({
      model, messages, stream: true, stream_options: { include_usage: true },
    })) {
      usage = one.usage ?? usage;
    }
    assert.equal(usage.total_tokens, 6);
  });

  it('stream helpers', async () => {
    const model = freshModel();
    t.upstream.when(model, stream([...chatEvents(model, ['Hel', 'lo']), usageEvent(model, usageOf(4, 2))]));
    const running = client().chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
    const deltas = [];
    running.on('content', (delta) => deltas.push(delta));
    const final = await running.finalChatCompletion();
    assert.equal(final.choices[0].message.content, 'Hello');
    assert.deepEqual(deltas, ['Hel', 'lo']);
    assert.equal((await running.totalUsage()).total_tokens, 6);
  });

  it('the raw response', async () => {
    const { data, response, request_id: id } = await client().chat.completions
      .create({ model: 'parrot', messages }).withResponse();
    assert.equal(response.headers.get('x-tidegate-backend'), 'echo');
    assert.equal(id, data._request_id);
  });

  it('parallel tool calls, streamed with their arguments in pieces', async () => {
    const model = freshModel();
    const delta = (toolCalls) => event(chunk(model, { tool_calls: toolCalls }));
    const args = ['{"city":"Pa', 'ris","n":1', '}'];
    const other = ['{"city":"T\\u00f6', 'lz"}'];
    t.upstream.when(model, stream([
      event(chunk(model, { role: 'assistant', content: null })),
      delta([{ index: 0, id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } }]),
      delta([{ index: 1, id: 'call_b', type: 'function', function: { name: 'time', arguments: '' } }]),
      delta([{ index: 0, function: { arguments: args[0] } }]),
      delta([{ index: 1, function: { arguments: other[0] } }]),
      delta([{ index: 0, function: { arguments: args[1] } }, { index: 1, function: { arguments: other[1] } }]),
      delta([{ index: 0, function: { arguments: args[2] } }]),
      event(chunk(model, {}, { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] })),
    ]));
    const tools = ['weather', 'time'].map((name) => ({
      type: 'function',
      function: { name, parameters: { type: 'object', properties: { city: { type: 'string' } } } },
    }));
    const final = await client().chat.completions
      .stream({ model, messages, tools, parallel_tool_calls: true }).finalChatCompletion();
    const calls = final.choices[0].message.tool_calls;
    assert.deepEqual(calls.map((one) => [one.id, one.function.name, one.function.arguments]),
      [['call_a', 'weather', args.join('')], ['call_b', 'time', other.join('')]]);
    assert.deepEqual(t.upstream.of(model)[0].json.tools, tools);
  });

  it('parallel tool calls that the upstream numbers all 0 come apart', async () => {
    const model = freshModel();
    const call = (more) => event(chunk(model, { tool_calls: [{ index: 0, ...more }] }));
    t.upstream.when(model, stream([
      event(chunk(model, { role: 'assistant', content: null })),
      ...['a', 'b', 'c'].flatMap((id) => [
        call({ id, type: 'function', function: { name: 'weather', arguments: '' } }),
        call({ function: { arguments: '{"city":' } }), call({ function: { arguments: `"${id}"}` } }),
      ]),
      event(chunk(model, {}, { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] })),
    ]));
    const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
    const final = await client().chat.completions.stream({ model, messages, tools }).finalChatCompletion();
    assert.deepEqual(final.choices[0].message.tool_calls.map((one) => [one.id, one.function.arguments]),
      ['a', 'b', 'c'].map((id) => [id, `{"city":"${id}"}`]));
  });

  it('tools, whole', async () => {
    const model = freshModel();
    const reply = completion(model, null);
    reply.choices[0].message.tool_calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"n":9007199254740993}' } }];
    reply.choices[0].finish_reason = 'tool_calls';
    t.upstream.when(model, answer(reply));
    const got = await client().chat.completions.create({ model, messages });
    assert.equal(got.choices[0].message.tool_calls[0].function.arguments, '{"n":9007199254740993}');
  });

  it('completions', async () => {
    const model = freshModel();
    t.upstream.when(model, answer({ object: 'text_completion', choices: [{ index: 0, text: 'x' }] }));
    assert.equal((await client().completions.create({ model, prompt: 'p' })).choices[0].text, 'x');
  });

  it('embeddings: base64 by default, floats when asked', async () => {
    const model = freshModel();
    const floats = [0.5, -1.25, 3];
    t.upstream.when(model, async (exchange) => {
      const base64 = exchange.json.encoding_format === 'base64';
      const embedding = base64 ? Buffer.from(new Float32Array(floats).buffer).toString('base64') : floats;
      await answer({ object: 'list', model, data: [{ object: 'embedding', index: 0, embedding }],
        usage: { prompt_tokens: 2, total_tokens: 2 } })(exchange);
    });
    const byDefault = await client().embeddings.create({ model, input: 'x' });
    assert.deepEqual([...byDefault.data[0].embedding], floats);
    const asFloats = await client().embeddings.create({ model, input: ['x'], encoding_format: 'float' });
    assert.deepEqual(asFloats.data[0].embedding, floats);
    assert.deepEqual(t.upstream.of(model).map((one) => one.json.encoding_format), ['base64', 'float']);
  });

  it('embeddings of the echo backend', async () => {
    const reply = await client().embeddings.create({ model: 'parrot', input: 'x' });
    assert.ok(reply.data[0].embedding.length > 0, 'not the empty list of a wrong encoding');
  });

  it('models', async () => {
    const ids = [];
    for await (const one of client().models.list()) {
      ids.push(one.id);
    }
    assert.ok(ids.includes('listed-one') && ids.includes('parrot'), ids.join());
    assert.equal((await client().models.retrieve('listed-two')).id, 'listed-two');
    const narrow = await client({ apiKey: 'tg-narrow-0123456789abcdef0123456789' }).models.list();
    assert.deepEqual(narrow.data.map((one) => one.id), ['parrot']);
  });

  it('abort in the middle of a stream', async () => {
    const model = freshModel();
    t.upstream.when(model, faults.stallAfter(event(chunk(model, { content: 'x' }))));
    const running = await client().chat.completions.create({ model, messages, stream: true },
      { headers: { 'X-Request-ID': `abort-${model}` } });
    for await (const one of running) {
      assert.equal(one.choices[0].delta.content, 'x');
      break; // leaves the loop, which aborts
    }
    await within(1000, 'upstream sees the close', t.upstream.of(model)[0].gone);
    assert.equal((await t.gateway.row(`abort-${model}`)).status, 499);
  });

  it('abort before the headers', async () => {
    const model = freshModel();
    t.upstream.when(model, faults.stallBeforeHead());
    const abort = new AbortController();
    const running = client().chat.completions.create({ model, messages }, { signal: abort.signal });
    await until('upstream request', () => t.upstream.of(model)[0]);
    const from = now();
    abort.abort();
    await assert.rejects(running, openai.APIUserAbortError);
    const goneAt = await within(1000, 'upstream sees the close', t.upstream.of(model)[0].gone);
    assert.ok(goneAt - from < 100 * slowness, `${goneAt - from} ms`);
  });

  it('its time-out cancels the upstream', async () => {
    const model = freshModel();
    t.upstream.when(model, faults.stallBeforeHead());
    await assert.rejects(client({ timeout: 200 * slowness }).chat.completions.create({ model, messages }),
      openai.APIConnectionTimeoutError);
    await within(1000, 'upstream sees the close', t.upstream.of(model)[0].gone);
  });

  it('its time-out sees the headers of a slow stream', async () => {
    const model = freshModel();
    t.upstream.when(model, async (exchange) => {
      await exchange.start(200, { 'Content-Type': 'text/event-stream' });
      await new Promise((resolve) => setTimeout(resolve, 600 * slowness));
      await exchange.piece(chatEvents(model, ['late']).join('') + doneEvent);
      await exchange.finish();
    });
    let text = '';
    for await (const one of await client({ timeout: 300 * slowness }).chat.completions
      .create({ model, messages, stream: true })) {
      text += one.choices[0].delta.content ?? '';
    }
    assert.equal(text, 'late');
  });

  for (const [status, name] of [[400, 'BadRequestError'], [401, 'AuthenticationError'],
    [403, 'PermissionDeniedError'], [404, 'NotFoundError'], [409, 'ConflictError'],
    [422, 'UnprocessableEntityError'], [429, 'RateLimitError'], [500, 'InternalServerError'],
    [503, 'InternalServerError']]) {
    for (const streamed of [false, true]) {
      it(`${status} of an upstream is a ${name}${streamed ? ' (stream)' : ''}`, async () => {
        const model = freshModel();
        t.upstream.when(model, answer({ error: { message: `says ${status}`, type: 'x', code: 'why', param: 'p' } },
          { status, fields: { 'Content-Type': 'application/json', 'Retry-After': '5' } }));
        const asked = status === 429 ? `limited${streamed ? '2' : ''}/${model}` : model;
        await assert.rejects(client().chat.completions.create({ model: asked, messages, stream: streamed }), (error) => {
          assert.ok(error instanceof openai[name], error.constructor.name);
          assert.equal(error.status, status);
          assert.match(error.message, new RegExp(`says ${status}`));
          assert.equal(error.code, 'why');
          assert.equal(error.param, 'p');
          assert.match(error.requestID, /^[0-9a-f-]{36}$/);
          assert.equal(error.headers.get('retry-after'), '5');
          return true;
        });
        assert.equal(t.upstream.of(model).length, 1);
      });
    }
  }

  it('our own errors are of the right class', async () => {
    const rejects = (promise, name, code) => assert.rejects(promise, (error) => {
      assert.ok(error instanceof openai[name], `${error.constructor.name}: ${error.message}`);
      assert.equal(error.code, code);
      return true;
    });
    const create = (model, more) => client(more).chat.completions.create({ model, messages });
    await rejects(create('parrot', { apiKey: 'wrong' }), 'AuthenticationError', 'invalid_api_key');
    await rejects(create('gpt', { apiKey: 'tg-narrow-0123456789abcdef0123456789' }),
      'PermissionDeniedError', 'model_not_allowed');
    await rejects(client().models.retrieve('nowhere'), 'NotFoundError', 'model_not_found');
    await rejects(create('', {}), 'BadRequestError', 'invalid_request');
    await rejects(create('dead/x', {}), 'InternalServerError', 'upstream_unavailable');
  });

  it('a dead gateway is an APIConnectionError', async () => {
    await assert.rejects(client({ baseURL: `http://127.0.0.1:${deadPort}/v1` }).models.list(),
      openai.APIConnectionError);
  });

  for (const [what, fault] of [['a reset', faults.resetAfter], ['a stall', faults.stallAfter],
    ['a close', faults.closeAfter]]) {
    it(`${what} in the middle of a stream is an APIError`, async () => {
      const model = freshModel();
      t.upstream.when(model, fault(event(chunk(model, { content: 'x' }))));
      let text = '';
      await assert.rejects(async () => {
        for await (const one of await client().chat.completions.create({ model, messages, stream: true })) {
          text += one.choices[0].delta.content;
        }
      }, (error) => {
        assert.ok(error instanceof openai.APIError, `${error.constructor.name}: ${error.message}`);
        assert.match(error.code, /^upstream_/);
        return true;
      });
      assert.equal(text, 'x');
    });
  }

  it('retries reach the upstream again, with Retry-After obeyed', async () => {
    const model = freshModel();
    let turn = 0;
    t.upstream.when(model, async (exchange) => {
      turn += 1;
      await (turn === 1
        ? answer({ error: { message: 'slow down', type: 'x' } },
          { status: 429, fields: { 'Content-Type': 'application/json', 'Retry-After': '1' } })
        : answer(completion(model)))(exchange);
    });
    const from = now();
    const reply = await client({ maxRetries: 2 }).chat.completions.create({ model, messages });
    assert.equal(reply.choices[0].message.content, 'Hello there');
    assert.ok(now() - from >= 900, 'waited');
    assert.equal(turn, 2);
  });
});

const prices = priceFile();
suite(`${sdk} at limits and budgets`, {
  config: (upstream) => ({
    default_backend: 'up',
    backends: { up: { type: 'openai', url: upstream.url, api_key: 'sk-up' } },
    prices: { file: prices },
    keys: keysOf({
      requests: { limits: { requests_per_minute: 1, algorithm: 'sliding_window' } },
      tokens: { limits: { tokens_per_minute: 6000 } }, small: { limits: { tokens_per_minute: 100 } },
      spent: { budget: { usd: '0.1', period: 'total' } }, held: { budget: { usd: '0.2', period: 'day' } },
    }),
  }),
  concurrency: 4,
}, (t) => {
  const create = (key, body, more = {}) => new OpenAI({
    baseURL: t.gateway.url, apiKey: secretOf(key), maxRetries: 0, ...more,
  }).chat.completions.create({ messages, ...body });
  const reliable = (usage) => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model, 'Hi', usage)));
    return model;
  };
  /** How many requests were refused with @p code. */
  const refused = async (code) => (await t.gateway.query(
    `SELECT count(*) AS n FROM requests WHERE error_code = '${code}'`))[0].n;

  for (const streamed of [false, true]) {
    it(`a limit is a RateLimitError that tells everything${streamed ? ' (stream)' : ''}`, async () => {
      const model = reliable();
      if (!streamed) {
        await create('requests', { model });
      }
      await assert.rejects(create('requests', { model, stream: streamed }), (error) => {
        assert.ok(error instanceof openai.RateLimitError, error.constructor.name);
        assert.equal(error.code, 'rate_limit_exceeded');
        assert.match(error.message, /1 requests per minute/);
        const seconds = Number(error.headers.get('retry-after'));
        assert.ok(seconds > 30 && seconds <= 60, `${seconds} s`);
        assert.equal(error.headers.get('x-ratelimit-limit-requests'), '1');
        assert.equal(error.headers.get('x-ratelimit-remaining-requests'), '0');
        assert.match(error.headers.get('x-ratelimit-reset-requests'), /^[\d.]+s$/);
        assert.match(error.requestID, /^[0-9a-f-]{36}$/);
        return true;
      });
    });
  }

  it('it waits as long as it is told, and no longer, and then succeeds', async () => {
    const model = reliable(usageOf(7, 5993));
    await create('tokens', { model, max_tokens: 5993 });
    const from = now();
    const reply = await create('tokens', { model, max_tokens: 93 }, { maxRetries: 1 });
    assert.equal(reply.choices[0].message.content, 'Hi');
    const waited = now() - from;
    assert.ok(waited > 500 && waited < 1000 + 1000 * slowness, `${waited.toFixed()} ms`);
  });

  it('it does not try again what will never pass', async () => {
    const model = reliable();
    const from = now();
    await assert.rejects(create('small', { model, max_tokens: 1000 }, { maxRetries: 5 }), (error) => {
      assert.ok(error instanceof openai.RateLimitError);
      assert.equal(error.code, 'token_limit_exceeded');
      assert.equal(error.headers.get('retry-after'), null);
      assert.equal(error.headers.get('x-should-retry'), 'false');
      return true;
    });
    assert.ok(now() - from < 400 * slowness, 'at once');
    assert.equal(t.upstream.of(model).length, 0);
  });

  it('nor a budget that is spent', async () => {
    t.upstream.when('dime', answer(completion('dime', 'Hi')));
    await create('spent', { model: 'dime' });
    await assert.rejects(create('spent', { model: 'dime' }, { maxRetries: 5 }), (error) => {
      assert.ok(error instanceof openai.APIError);
      assert.equal(error.status, 402);
      assert.equal(error.code, 'budget_exceeded');
      assert.match(error.message, /budget of \$0\.10/);
      return true;
    });
    await until('its row', () => refused('budget_exceeded'));
    assert.equal(await refused('budget_exceeded'), 1);
  });

  it('but one that is only held it does', async () => {
    const model = 'tokens';
    let turn = 0;
    t.upstream.when(model, async (exchange) => {
      turn += 1;
      if (turn === 1) {
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      await answer(completion(model, 'Hi', usageOf(7, 1)))(exchange);
    });
    const body = { model, max_tokens: 60_000 }; // $0.12 of $0.20
    const first = create('held', body);
    await until('the first', () => turn === 1);
    const second = await create('held', body, { maxRetries: 1 });
    assert.equal(second.choices[0].message.content, 'Hi');
    await first;
    await until('the row of the try before', () => refused('budget_in_flight'));
  });
});
