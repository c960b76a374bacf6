// SPDX-License-Identifier: GPL-3.0-or-later
// Usage is always known: asked for when the client did not, taken out again, and written down; the
// matrix of what clients ask against how upstreams answer.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { chunk, completion, doneEvent, event, usageEvent, usageOf } from './lib/openai.mjs';
import { answer, stream } from './lib/scripts.mjs';
import { freshModel, suite } from './lib/suite.mjs';

const kUsage = usageOf(21, 3);

const kAsks = {
  absent: {},
  null: { stream_options: null },
  'other option only': { stream_options: { include_obfuscation: false } },
  true: { stream_options: { include_usage: true } },
  false: { stream_options: { include_usage: false } },
};

const role = (model, more) => event(chunk(model, { role: 'assistant', content: 'a' }, more));
const finish = (model, more = {}) => event(chunk(model, {}, {
  choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], ...more,
}));

/** How upstreams send usage: events kept for the client, events only for who asked, usage known. */
const kSends = {
  'in a trailing chunk': (model) => [[role(model), finish(model)], [usageEvent(model, kUsage)], true],
  'in a trailing chunk, null before': (model) => [
    [role(model, { usage: null }), finish(model, { usage: null })], [usageEvent(model, kUsage)], true],
  'in the last content chunk': (model) => [[role(model), finish(model, { usage: kUsage })], [], true],
  'in a chunk with an empty delta': (model) => [[role(model), finish(model), event(chunk(model, {},
    { choices: [{ index: 0, delta: {}, finish_reason: null }], usage: kUsage }))], [], true],
  never: (model) => [[role(model), finish(model)], [], false],
  'cumulative in each': (model) => [[role(model, { usage: usageOf(21, 1) }),
    role(model, { usage: usageOf(21, 2) }), finish(model, { usage: kUsage })], [], true],
};

suite('include_usage', {}, (t) => {
  for (const [ask, options] of Object.entries(kAsks)) {
    for (const [send, make] of Object.entries(kSends)) {
      it(`client: ${ask}; upstream: ${send}`, async () => {
        const model = freshModel();
        const [always, extra, known] = make(model);
        t.upstream.when(model, async (exchange) => {
          const asked = exchange.json.stream_options?.include_usage === true;
          await stream([...always, ...(asked ? extra : [])])(exchange);
        });
        const reply = await t.gateway.post('/v1/chat/completions',
          { model, messages: [], stream: true, ...options });
        assert.equal(reply.head.status, 200, reply.text);
        const expected = [...always, ...(ask === 'true' ? extra : []), doneEvent].join('');
        assert.equal(reply.text, expected);

        const forwarded = t.upstream.of(model)[0].json;
        if (ask !== 'false') {
          assert.equal(forwarded.stream_options.include_usage, true, 'asked for');
        }
        if (ask === 'other option only') {
          assert.equal(forwarded.stream_options.include_obfuscation, false, 'other options stay');
        }
        const row = await t.gateway.row(reply.head.get('x-request-id'));
        assert.equal(row.stream, 1);
        if (known && (ask !== 'false' || extra.length === 0 || forwarded.stream_options.include_usage)) {
          assert.equal(row.input_tokens, 21);
          assert.equal(row.output_tokens, 3);
          assert.equal(row.usage_estimated, 0);
        } else {
          assert.equal(row.usage_estimated, 1);
          assert.ok(row.output_tokens > 0, `output_tokens ${row.output_tokens}`);
        }
      });
    }
  }

  it('a usage chunk that also has error text is not taken for usage only', async () => {
    const model = freshModel();
    const odd = event({ ...chunk(model, {}), choices: [], usage: null });
    t.upstream.when(model, stream([role(model), odd, finish(model)]));
    const reply = await t.gateway.post('/v1/chat/completions', { model, messages: [], stream: true });
    assert.equal(reply.text, [role(model), odd, finish(model), doneEvent].join(''));
  });

  it('Azure\'s first chunk with empty choices and no usage stays', async () => {
    const model = freshModel();
    const first = event({ choices: [], created: 0, id: '', model: '', object: '',
      prompt_filter_results: [{ prompt_index: 0 }] });
    t.upstream.when(model, stream([first, role(model), finish(model)]));
    const reply = await t.gateway.post('/v1/chat/completions', { model, messages: [], stream: true });
    assert.equal(reply.text, [first, role(model), finish(model), doneEvent].join(''));
  });
});

suite('usage of whole answers', {}, (t) => {
  const ask = async (path, body, usage, more = {}) => {
    const model = freshModel();
    t.upstream.when(model, answer({ ...body, ...(usage === undefined ? {} : { usage }) }));
    const reply = await t.gateway.post(path, { model, ...more });
    assert.equal(reply.head.status, 200, reply.text);
    return t.gateway.row(reply.head.get('x-request-id'));
  };

  it('chat with cached and reasoning tokens', async () => {
    const row = await ask('/v1/chat/completions', completion('m', 'x', null), {
      ...usageOf(100, 40), prompt_tokens_details: { cached_tokens: 64, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 30 },
    });
    assert.equal(row.input_tokens, 100);
    assert.equal(row.output_tokens, 40);
    assert.equal(row.cached_input_tokens, 64);
    assert.equal(row.reasoning_tokens, 30);
    assert.equal(row.usage_estimated, 0);
    assert.equal(row.stream, 0);
  });

  it('chat without usage is estimated', async () => {
    const row = await ask('/v1/chat/completions', completion('m', 'some words of answer', null), undefined,
      { messages: [{ role: 'user', content: 'some words of question' }] });
    assert.equal(row.usage_estimated, 1);
    assert.ok(row.input_tokens > 0 && row.output_tokens > 0, JSON.stringify(row));
  });

  it('completions', async () => {
    const row = await ask('/v1/completions', { choices: [{ text: 'y' }] }, usageOf(5, 6), { prompt: 'x' });
    assert.equal(row.input_tokens, 5);
    assert.equal(row.output_tokens, 6);
  });

  it('embeddings', async () => {
    const row = await ask('/v1/embeddings', { data: [] }, { prompt_tokens: 8, total_tokens: 8 },
      { input: 'x' });
    assert.equal(row.input_tokens, 8);
    assert.ok([0, null].includes(row.output_tokens), `output_tokens ${row.output_tokens}`);
    assert.equal(row.usage_estimated, 0);
  });

  it('usage with odd values is not believed', async () => {
    for (const usage of [{ prompt_tokens: -5, completion_tokens: 'many' }, null, [], 'x', {},
      { prompt_tokens: 1e300, completion_tokens: 1 }]) {
      const row = await ask('/v1/chat/completions', completion('m', 'x', null), usage, { messages: [] });
      assert.ok(row.input_tokens === null || row.input_tokens >= 0, JSON.stringify(row));
      assert.equal(row.status, 200);
    }
  });
});
