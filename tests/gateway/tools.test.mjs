// SPDX-License-Identifier: GPL-3.0-or-later
// Tools: parallel calls get an index each where the upstream gives none, nothing else is touched, and a
// model that takes no tools is never sent any.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { kClientKey } from './lib/gateway.mjs';
import { chatRequest, chunk, completion, doneEvent, event, parseChunks } from './lib/openai.mjs';
import { answer, stream, streamBytes } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';

const backend = (upstream, name, more) => ({
  url: `http://127.0.0.1:${upstream.port}/${name}`, api_key: `sk-${name}`, ...more,
});

const config = (upstream) => ({
  backends: {
    hosted: backend(upstream, 'hosted', { type: 'openai' }),
    none: backend(upstream, 'none', { type: 'vllm', models: ['toolless-*'], tool_call_parser: 'none' }),
    also: backend(upstream, 'also', { type: 'vllm', models: ['never'], tool_call_parser: 'none' }),
    parsed: backend(upstream, 'parsed', { type: 'vllm', models: ['any'], tool_call_parser: 'hermes' }),
    family: backend(upstream, 'family', { type: 'vllm', models: ['qwen2.5-7b', 'gemma-2-9b-it'] }),
  },
  default_backend: 'hosted',
  models: {
    plain: { targets: [{ backend: 'none', model: 'toolless-1' }], fallbacks: ['helped'] },
    helped: { targets: [{ backend: 'also', model: 'never' }, { backend: 'parsed', model: 'any' }], strategy: 'priority' },
    nobody: { targets: [{ backend: 'none', model: 'toolless-2' }], fallbacks: ['neither'] },
    neither: { targets: [{ backend: 'also', model: 'never' }] },
  },
  keys: { test: { key: kClientKey } },
});

const tools = ['weather', 'time'].map((name) => ({
  type: 'function', function: { name, parameters: { type: 'object', properties: { city: { type: 'string' } } } },
}));

const part = (model, index, { id, name, text = '' }) => event(chunk(model, {
  tool_calls: [{ ...(index === undefined ? {} : { index }), ...(id ? { id, type: 'function' } : {}),
    function: { ...(name ? { name } : {}), arguments: text } }],
}));

/** Two calls whose arguments come in pieces; @p number(call) is the upstream's index. */
const calls = (model, number) => [
  event(chunk(model, { role: 'assistant', content: null })),
  part(model, number(0), { id: 'call_a', name: 'weather' }),
  part(model, number(0), { text: '{"city":' }),
  part(model, number(0), { text: '"Oslo"}' }),
  part(model, number(1), { id: 'call_b', name: 'weather', text: '{"ci' }),
  part(model, number(1), { text: 'ty":"Rome"}' }),
  event(chunk(model, {}, { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] })),
];

/** The calls that a client puts together, by index. */
function together(text) {
  const all = [];
  for (const { choices: [choice] } of parseChunks(text)) {
    for (const { index, id, function: { name, arguments: more } } of choice?.delta.tool_calls ?? []) {
      all[index] ??= { arguments: '' };
      all[index].id ??= id;
      all[index].name ??= name;
      all[index].arguments += more;
    }
  }
  return all;
}

suite('parallel tool calls in a stream', { config }, (t) => {
  const kExpected = [
    { id: 'call_a', name: 'weather', arguments: '{"city":"Oslo"}' },
    { id: 'call_b', name: 'weather', arguments: '{"city":"Rome"}' },
  ];
  for (const [how, number] of [['all 0', () => 0], ['not at all', () => undefined]]) {
    it(`numbered ${how} are repaired, and only the number changes`, async () => {
      const model = freshModel('zeros');
      t.upstream.when(model, stream(calls(model, number)));
      const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model, { stream: true, tools }));
      assert.deepEqual(together(reply.text), kExpected);
      const right = [...calls(model, (call) => call), doneEvent].join('');
      if (number(0) === 0) {
        assert.equal(reply.text, right);
      }
    });
  }

  it('repaired wherever the bytes are cut', async () => {
    const model = freshModel('cuts');
    const bytes = Buffer.from([...calls(model, () => 0), doneEvent].join(''));
    const right = [...calls(model, (call) => call), doneEvent].join('');
    for (let cut = 1; cut < bytes.length; cut += 37) {
      t.upstream.when(model, streamBytes(bytes, { cuts: [cut, cut + 1], gapMs: 0 }));
      const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model, { stream: true, tools }));
      assert.equal(reply.text, right, `cut at ${cut}`);
    }
  });

  it('in one piece, and as the last event without its blank line', async () => {
    const model = freshModel('piece');
    const finish = event(chunk(model, {}, { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }));
    const sent = (number) => [part(model, number(0), { id: 'a', name: 'time', text: '{}' }), finish,
      part(model, number(1), { id: 'b', name: 'time', text: '{}' }).trimEnd()].join('');
    t.upstream.when(model, streamBytes(sent(() => 0)));
    const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model, { stream: true, tools }));
    assert.equal(reply.text, sent((call) => call));
  });

  it('numbered right, not a byte changes', async () => {
    const model = freshModel('right');
    const sent = calls(model, (call) => call).map((one) => one.replace('data: {', 'data:{ "odd" : 1e0 , '));
    t.upstream.when(model, stream(sent));
    const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model, { stream: true, tools }));
    assert.equal(reply.text, [...sent, doneEvent].join(''));
  });
});

suite('models that take no tools', { config, concurrency: 1 }, (t) => {
  const ask = async (model, more = { tools }) => {
    const before = t.upstream.exchanges.length;
    t.upstream.otherwise(answer(completion(model)));
    const id = freshModel('tools');
    const reply = await t.gateway.post('/v1/chat/completions', chatRequest(model, more),
      { headers: { 'X-Request-ID': id } });
    // Health checks come and go on their own.
    const seen = t.upstream.exchanges.slice(before).filter(({ head }) => head.method === 'POST');
    return { id, reply, seen };
  };

  for (const model of ['toolless-9', 'gemma-2-9b-it', 'nobody', 'none/whatever']) {
    it(`${model}: 400 before anything leaves`, async () => {
      const { reply, seen } = await ask(model);
      const error = assertError(reply, 400, 'model_does_not_support_tools');
      assert.equal(error.type, 'invalid_request_error');
      assert.equal(error.param, 'tools');
      assert.equal(seen.length, 0);
    });
  }

  it('without tools, or with an empty list, they are served', async () => {
    for (const more of [{}, { tools: [] }, { tools: null }]) {
      const { reply, seen } = await ask('toolless-9', more);
      assert.equal(reply.head.status, 200, reply.text);
      assert.equal(seen.length, 1);
    }
  });

  it('models that do are sent them', async () => {
    for (const model of ['qwen2.5-7b', 'any', 'gpt-4o']) {
      const { reply, seen } = await ask(model);
      assert.equal(reply.head.status, 200, reply.text);
      assert.deepEqual(seen[0].json.tools, tools);
    }
  });

  it('they are passed over, also among fallbacks, and the trace says so', async () => {
    const { id, reply, seen } = await ask('plain');
    assert.equal(reply.head.status, 200, reply.text);
    assert.equal(reply.head.get('x-tidegate-backend'), 'parsed');
    assert.deepEqual(seen.map(({ head }) => head.target.split('/')[1]), ['parsed']);
    const trace = JSON.parse((await t.gateway.row(id)).trace);
    assert.deepEqual(trace.map(({ step, backend: at, reason }) => [step, at, reason]), [
      ['skipped', 'none', 'tools_unsupported'], ['skipped', 'also', 'tools_unsupported'], ['tried', 'parsed', 'success'],
    ]);
  });
});
