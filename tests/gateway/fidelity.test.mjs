// SPDX-License-Identifier: GPL-3.0-or-later
// Same protocol in and out: not a byte of a body or stream changes, however it is spelt, framed or
// split on the way.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { kClientKey } from './lib/gateway.mjs';
import { chatEvents, chunk, completion, doneEvent, event, usageEvent, usageOf } from './lib/openai.mjs';
import { answer, faults, streamBytes } from './lib/scripts.mjs';
import { freshModel, suite } from './lib/suite.mjs';
import { inParallel, now, quantile, sleep, slowness } from './lib/wait.mjs';

const config = (upstream) => ({
  default_backend: 'up',
  backends: { up: { type: 'openai', url: upstream.url, api_key: 'sk-up' } },
  keys: { test: { key: kClientKey } },
});

const kOddities = {
  'integers beyond 2^53': '"n1":9007199254740993,"n2":-9223372036854775809,"n3":18446744073709551616',
  'numbers a double cannot hold': '"n1":1e400,"n2":-1E+999,"n3":0.1000000000000000055511151231257827,"n4":1e-7',
  'number spellings': '"n1":1.0,"n2":1.50,"n3":-0,"n4":1E2,"n5":0e0',
  'unicode escapes': '"u":"\\u0041\\u00e9\\ud83d\\ude00 \\/ \\u0000 \\b\\f"',
  'a lone surrogate': '"u":"\\ud800 alone"',
  'duplicate keys': '"d":1,"d":2,"metadata":{"x":1,"x":2}',
  'white space': '"w" :\t[ 1 ,\r\n 2 ] , "v"\n:\n{ }',
  'unknown nested fields': '"extra_body":{"a":[{"b":null},[],{}],"c":{"model":"not me","stream":true}}',
  'a null': '"logit_bias":null,"stop":null',
  'UTF-8 of every length': '"t":"é ऄ 😀 \u2028 \ufeff"',
};

suite('requests', { config }, (t) => {
  for (const [what, field] of Object.entries(kOddities)) {
    for (const path of ['/v1/chat/completions', '/v1/embeddings']) {
      it(`${path} keeps ${what}`, async () => {
        const model = freshModel();
        t.upstream.when(model, answer(completion(model)));
        const body = `{"model":"${model}","messages":[{"role":"user","content":"x"}],"input":"x",`
          + `"prompt":"x",${field}}\n`;
        const reply = await t.gateway.post(path, body);
        assert.equal(reply.head.status, 200, reply.text);
        assert.equal(t.upstream.of(model)[0].body.toString(), body);
      });
    }

    it(`a stream that asks for usage keeps ${what}`, async () => {
      const model = freshModel();
      t.upstream.when(model, streamBytes(doneEvent));
      const body = `{${field},"stream_options": { "include_usage" : true },"stream" :true,`
        + `"messages":[],"model":"${model}"}`;
      const reply = await t.gateway.post('/v1/chat/completions', body);
      assert.equal(reply.head.status, 200, reply.text);
      assert.equal(t.upstream.of(model)[0].body.toString(), body);
    });

    it(`a stream that does not ask for usage gains one field next to ${what}`, async () => {
      const model = freshModel();
      t.upstream.when(model, streamBytes(doneEvent));
      const body = `{"model":"${model}","stream":true,"messages":[],${field}}`;
      const reply = await t.gateway.post('/v1/chat/completions', body);
      assert.equal(reply.head.status, 200, reply.text);
      const sent = t.upstream.of(model)[0].body.toString();
      assertOneInsertion(sent, body);
      assert.equal(JSON.parse(sent).stream_options.include_usage, true);
    });
  }
});

/** Asserts that @p longer is @p shorter with something put in at one place. */
function assertOneInsertion(longer, shorter) {
  let front = 0;
  while (front < shorter.length && longer[front] === shorter[front]) {
    front += 1;
  }
  const tail = shorter.slice(front);
  assert.ok(longer.length > shorter.length && longer.endsWith(tail), `${shorter}\n→ ${longer}`);
}

suite('whole answers', { config }, (t) => {
  for (const framing of ['length', 'chunked', 'close']) {
    for (const [what, field] of Object.entries(kOddities)) {
      it(`${framing}: keeps ${what}`, async () => {
        const model = freshModel();
        const body = ` {"id":"x","choices":[],${field},"usage":{"prompt_tokens":3,"completion_tokens":4,`
          + '"total_tokens":7,"vendor":1e400}}\r\n';
        t.upstream.when(model, answer(body, { framing, cuts: [1, 30, 60] }));
        const reply = await t.gateway.post('/v1/chat/completions', { model, messages: [] });
        assert.equal(reply.head.status, 200, reply.text);
        assert.ok(reply.complete);
        assert.equal(reply.text, body);
        const row = await t.gateway.row(reply.head.get('x-request-id'));
        assert.equal(row.input_tokens, 3);
        assert.equal(row.output_tokens, 4);
      });
    }
  }

  it('keeps the first and every later byte of a dripping answer', async () => {
    const model = freshModel();
    const body = JSON.stringify(completion(model));
    t.upstream.when(model, faults.drip(body));
    const reply = await t.gateway.post('/v1/chat/completions', { model, messages: [] });
    assert.equal(reply.text, body);
  });

  it('keeps 8 MB of embeddings', async () => {
    const model = freshModel();
    const body = Buffer.from(`{"data":[{"embedding":"${'QUJD'.repeat(2 << 20)}"}]}`);
    t.upstream.when(model, answer(body, { framing: 'chunked' }));
    const reply = await t.gateway.post('/v1/embeddings', { model, input: 'x' });
    assert.ok(reply.body.equals(body));
  });

  it('keeps a body that is not JSON', async () => {
    const model = freshModel();
    const body = Buffer.from([0, 255, 13, 10, 128, 0xef, 0xbb, 0xbf, 65]);
    t.upstream.when(model, answer(body, { fields: { 'Content-Type': 'application/octet-stream' } }));
    const reply = await t.gateway.post('/v1/embeddings', { model, input: 'x' });
    if (reply.head.status === 200) {
      assert.ok(reply.body.equals(body));
    } else {
      assert.equal(JSON.parse(reply.text).error.code, 'upstream_invalid_response');
    }
  });
});

/** Streams that are spelt in every way the standard allows; none carries a usage chunk. */
function oddStreams(model) {
  const plain = chatEvents(model, ['Grüße', ' 😀', ' \u2028世界']).join('') + doneEvent;
  return {
    LF: plain,
    CRLF: plain.replaceAll('\n', '\r\n'),
    CR: plain.replaceAll('\n', '\r'),
    'mixed ends': plain.replace('\n\n', '\r\n\n').replace('\n\ndata', '\r\r\ndata'),
    comments: `: first\n\n:\n\n${plain.replaceAll('data:', ': keep-alive\ndata:')}: last\n\n`,
    'a BOM': `\ufeff${plain}`,
    'no space after the colon': plain.replaceAll('data: ', 'data:'),
    'two spaces after the colon': plain.replaceAll('data: {', 'data:  {'),
    'other fields': plain.replaceAll('data:', 'event: message\nid: 7\nretry: 10\nunknown\ndata:'),
    'data on several lines': plain.replaceAll('{"id"', '{\ndata: "id"'),
    'no blank line at the end': plain.trimEnd(),
    'no [DONE]': plain.slice(0, -doneEvent.length),
    'empty events': `\n\n\n${plain}\n\n`,
    'extra fields': plain.replaceAll('"created"', '"x_vendor":{"n":9007199254740993,"e":1e400},"created"'),
  };
}

/** Ways to spell a stream that is then cut at every byte. */
const kShapes = {
  LF: (text) => text,
  CRLF: (text) => text.replaceAll('\n', '\r\n'),
  CR: (text) => text.replaceAll('\n', '\r'),
  'a BOM': (text) => `\ufeff${text}`,
  'data on several lines': (text) => text.replaceAll('{"id"', '{\ndata: "id"'),
};

suite('streams', { config, concurrency: 4 }, (t) => {
  for (const asks of [true, false]) {
    for (const name of Object.keys(oddStreams('m'))) {
      it(`keeps ${name}, ${asks ? 'usage asked for' : 'usage not asked for'}`, async () => {
        const model = freshModel();
        const text = oddStreams(model)[name];
        t.upstream.when(model, streamBytes(text));
        const reply = await t.gateway.post('/v1/chat/completions', {
          model, messages: [], stream: true, ...(asks ? { stream_options: { include_usage: true } } : {}),
        });
        assert.equal(reply.head.status, 200, reply.text);
        assert.ok(reply.complete);
        assert.equal(reply.text, text);
        const row = await t.gateway.row(reply.head.get('x-request-id'));
        assert.equal(row.status, 200);
        assert.equal(row.usage_estimated, 1, 'the upstream gave no usage');
      });
    }
  }

  for (const framing of ['length', 'close']) {
    it(`keeps a stream framed by ${framing}`, async () => {
      const model = freshModel();
      const text = oddStreams(model).LF;
      t.upstream.when(model, streamBytes(text, { framing, cuts: [10, 200, 333] }));
      const reply = await t.gateway.post('/v1/chat/completions', { model, messages: [], stream: true });
      assert.ok(reply.complete);
      assert.equal(reply.text, text);
    });
  }

  for (const [name, shape] of Object.entries(kShapes)) {
    it(`cut at every byte: ${name}; usage is read and taken out`, async () => {
      const model = freshModel();
      const usage = usageOf(11, 5);
      const kept = [event(chunk(model, { role: 'assistant', content: '😀é' })),
        event(chunk(model, {}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }))].join('');
      const whole = Buffer.from(shape(kept + usageEvent(model, usage) + doneEvent));
      const expected = shape(kept + doneEvent);
      const ids = [];
      await inParallel(whole.length - 1, 24, async (index) => {
        const cut = index + 1;
        const mine = `${model}-${cut}`;
        t.upstream.when(mine, streamBytes(whole, { cuts: [cut] }));
        const reply = await t.gateway.post('/v1/chat/completions',
          { model: mine, messages: [], stream: true },
          { headers: { 'X-Request-ID': `cut-${mine}` } });
        assert.equal(reply.text, expected, `cut at ${cut}`);
        assert.ok(reply.complete, `cut at ${cut}`);
        ids.push(`cut-${mine}`);
      });
      await t.gateway.row(ids.at(-1));
      const rows = await t.gateway.query('SELECT input_tokens, output_tokens, count(*) AS n FROM requests '
        + `WHERE request_id LIKE 'cut-${model}-%' GROUP BY input_tokens, output_tokens`);
      assert.equal(rows.length, 1, JSON.stringify(rows));
      assert.equal(rows[0].input_tokens, 11);
      assert.equal(rows[0].output_tokens, 5);
    });
  }

  it('every byte in a write of its own', async () => {
    const model = freshModel();
    const text = oddStreams(model).CRLF;
    t.upstream.when(model, faults.drip(text, { fields: { 'Content-Type': 'text/event-stream' } }));
    const reply = await t.gateway.post('/v1/chat/completions', { model, messages: [], stream: true });
    assert.equal(reply.text, text);
  });

  it('an event of 3 MiB', async () => {
    const model = freshModel();
    const text = event(chunk(model, { content: 'x'.repeat(3 << 20) }))
      + event(chunk(model, {}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }));
    t.upstream.when(model, streamBytes(text + usageEvent(model, usageOf(1, 9)) + doneEvent));
    const reply = await t.gateway.post('/v1/chat/completions', { model, messages: [], stream: true });
    assert.equal(reply.size, Buffer.byteLength(text + doneEvent));
    assert.ok(reply.text === text + doneEvent);
    assert.equal((await t.gateway.row(reply.head.get('x-request-id'))).output_tokens, 9);
  });

  it('events arrive as they are sent, not later', async () => {
    const model = freshModel();
    const count = 10;
    const sentAt = [];
    t.upstream.when(model, async (exchange) => {
      await exchange.start(200, { 'Content-Type': 'text/event-stream' });
      for (let index = 0; index < count; index += 1) {
        sentAt.push(now());
        await exchange.piece(event(chunk(model, { content: `w${index}` })));
        await sleep(30);
      }
      await exchange.piece(doneEvent);
      await exchange.finish();
    });
    const reply = await t.gateway.post('/v1/chat/completions', { model, messages: [], stream: true });
    assert.equal(reply.pieces.length, count + 1, 'one piece per event');
    const delays = sentAt.map((at, index) => reply.pieces[index].at - at);
    assert.ok(quantile(delays, 0.5) < 10 * slowness, `delays: ${delays.map((ms) => ms.toFixed(1))}`);
  });
});
