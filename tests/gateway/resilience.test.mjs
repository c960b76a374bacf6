// SPDX-License-Identifier: GPL-3.0-or-later
// Every fault of a backend with a second lane behind it: as long as nothing was sent, the client gets one
// clean answer; afterwards a stream ends with an error event and no other lane is asked. Each backend sees
// exactly the calls that it should, and the trace says what was done.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { kClientKey } from './lib/gateway.mjs';
import {
  ask, assertClean, busy, good, keepBusy, kGoodUsage, kPatienceMs, pairs, steps, told,
} from './lib/lanes.mjs';
import { Outcome } from './lib/ledger.mjs';
import {
  chatEvents, chatRequest, chunk, completion, doneEvent, event, json, parseEvents, streamedText,
} from './lib/openai.mjs';
import { Admin } from './lib/policy.mjs';
import { answer, faults, stream, streamBytes } from './lib/scripts.mjs';
import { suite } from './lib/suite.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { sleep, until } from './lib/wait.mjs';

// Is there when the gateway starts, or it would be known to be down, and gone when the requests come.
const doomed = await ScriptedUpstream.start();
const kJson = { 'Content-Type': 'application/json' };
const kSse = { 'Content-Type': 'text/event-stream' };
const kBoth = [false, true];

const error = (status, body, fields = {}) => answer(body, { status, fields: { ...kJson, ...fields } });
const saying = (message, more = {}) => ({ error: { message, type: 'server_error', param: null, code: null, ...more } });

const role = event(chunk('m', { role: 'assistant', content: '' }));
const content = role + event(chunk('m', { content: 'one ' })) + event(chunk('m', { content: 'two' }));
const whole = json(completion('m'));
const half = whole.slice(0, 40);

/** A head and @p sent in chunks, then a chunk whose size is none. */
const brokenChunk = (sent, fields = kSse) => async (exchange) => {
  await exchange.start(200, fields);
  if (sent) {
    await exchange.piece(sent);
  }
  await exchange.raw('zz\r\nnonsense');
  exchange.close();
};

/** At work for a moment: what breaks at once on a kept connection may never have been read. */
const later = (script) => async (exchange) => {
  await sleep(250);
  await script(exchange);
};

// What happened, what the first lane does, how the trace tells of it; `only`: whole or stream.
const kBeforeTheHead = [
  ['refused', null, 'transient unreachable'],
  ['reset', later(faults.resetBeforeHead()), 'transient reset'],
  ['closed', later(faults.closeBeforeHead()), 'transient reset'],
  ['stalled', faults.stallBeforeHead(), 'transient timeout'],
  ['not HTTP', faults.garbage(), 'transient malformed'],
  ['half a head, closed', async (exchange) => {
    await exchange.raw('HTTP/1.1 200 OK\r\nContent-Ty');
    exchange.close();
  }, 'transient reset'],
  ['half a head, stalled', (exchange) => exchange.raw('HTTP/1.1 200 OK\r\nContent-Ty'), 'transient timeout'],
];

const kHeads = [
  ...[500, 502, 520].map((status) => [`${status}`, error(status, saying('down')), `transient server_error ${status}`]),
  ...[503, 529].map((status) => [`${status}`, error(status, saying('busy')), `transient overloaded ${status}`]),
  ...[408, 504, 524].map((status) => [`${status}`, error(status, saying('late')), `transient timeout ${status}`]),
  ['500 with HTML', answer('<html>Oops</html>', { status: 500, fields: { 'Content-Type': 'text/html' } }),
    'transient server_error 500'],
  ['503 without a body', answer('', { status: 503, fields: {} }), 'transient overloaded 503'],
  ['503 whose body is cut', async (exchange) => {
    await exchange.start(503, kJson, 100);
    await exchange.piece('{"error":');
    exchange.close();
  }, 'transient overloaded 503'],
  ['500 whose body stalls', async (exchange) => {
    await exchange.start(500, kJson, 100);
    await exchange.piece('{"error":');
  }, 'transient server_error 500'],
  ['a redirect', answer('', { status: 302, fields: { Location: 'http://127.0.0.1:1/' } }), 'transient malformed 302'],
  ['429', error(429, saying('slow down', { type: 'rate_limit_error' })), 'rate_limited rate_limit 429'],
  ['401', error(401, saying('Incorrect API key provided', { code: 'invalid_api_key' })), 'credentials_dead key 401'],
  ['403', error(403, saying('Your account is not active')), 'credentials_dead key 403'],
  ['400 about the key', error(400, [{ error: {
    code: 400, message: 'API key not valid. Please pass a valid API key.', status: 'INVALID_ARGUMENT',
    details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }],
  } }]), 'credentials_dead key 400'],
  ['402', error(402, saying('Insufficient credits')), 'credentials_dead billing 402'],
  ['429 insufficient_quota', error(429, saying('You exceeded your current quota',
    { type: 'insufficient_quota', code: 'insufficient_quota' })), 'credentials_dead billing 429'],
  ['context_length_exceeded', error(400, saying('This model\'s maximum context length is 8192 tokens.',
    { type: 'invalid_request_error', code: 'context_length_exceeded' })), 'context_too_long context 400'],
  ['a context error as 500', error(500, saying('the request exceeds the available context size')),
    'context_too_long context 500'],
];

const kAnswersInside = [
  ['an error as JSON with 200', answer(saying('Overloaded', { type: 'overloaded_error' })), 'transient overloaded 529'],
  ['an error that says 429, with 200', answer({ error: { message: 'slow', code: 429 } }), 'rate_limited rate_limit 429'],
  ['HTML with 200', answer('<html>Sign in to the network</html>', { fields: { 'Content-Type': 'text/html' } }),
    'transient malformed 200'],
  ['nothing with 200', answer('', { fields: kJson }), 'transient malformed 200'],
];

const kWholeBodies = [];
for (const framing of ['chunked', whole.length]) {
  const how = framing === 'chunked' ? framing : 'with a length';
  kWholeBodies.push(
    [`reset in the body, ${how}`, faults.resetAfter(half, { fields: kJson, framing }), 'transient cut 200'],
    [`closed in the body, ${how}`, faults.closeAfter(half, { fields: kJson, framing }), 'transient cut 200'],
    [`stalled in the body, ${how}`, async (exchange) => {
      await exchange.start(200, kJson, framing);
      await exchange.piece(half);
    }, 'transient timeout 200'],
  );
}
kWholeBodies.push(['a malformed chunk', brokenChunk(half, kJson), 'transient malformed 200']);

const kStreamsBeforeContent = [
  ['reset after the head', faults.resetAfter(''), 'transient cut 200'],
  ['closed after the head', faults.closeAfter(''), 'transient cut 200'],
  ['stalled after the head', faults.stallAfterHead(), 'transient timeout 200'],
  ['an empty stream', streamBytes(''), 'transient cut 200'],
  ['only comments', streamBytes(': wait\n\n: wait\n\n'), 'transient cut 200'],
  ['a malformed chunk', brokenChunk(''), 'transient malformed 200'],
  ['an error event', stream(['event: error\ndata: {"error":{"message":"Overloaded","type":"overloaded_error"}}\n\n'],
    { ending: null }), 'transient overloaded 529'],
  ['an error in a data event', stream([event({ error: { message: 'no GPU left', code: 500 } })]),
    'transient server_error 500'],
  ['an error without the blank line', streamBytes('data: {"error":{"message":"no GPU left"}}'),
    'transient error_inside 500'],
  ['an error that says 429', stream([event({ error: { message: 'slow', type: 'rate_limit_error' } })]),
    'rate_limited rate_limit 429'],
  ['an error about the context', stream([event({ error: { message: 'x', code: 'context_length_exceeded' } })]),
    'context_too_long context 400'],
  ['comments, then an error', stream([': wait\n\n', ': wait\n\n', event(saying('Overloaded'))], { gapMs: 40 }),
    'transient error_inside 500'],
  ['the role, then an error', stream([role, event(saying('no GPU left'))], { gapMs: 20 }), 'transient error_inside 500'],
  ['the role, then a reset', faults.resetAfter(role), 'transient cut 200'],
  ['the role, then closed', faults.closeAfter(role), 'transient cut 200'],
  ['the role, then silence', faults.stallAfter(role), 'transient timeout 200'],
  ['the role, then a malformed chunk', brokenChunk(role), 'transient malformed 200'],
  ['the role, and an end without content or finish', streamBytes(role), 'transient cut 200'],
];

const kRecoverable = [
  ...kBeforeTheHead.flatMap((one) => kBoth.map((streamed) => ['before the head', streamed, ...one])),
  ...kHeads.flatMap((one) => kBoth.map((streamed) => ['a head that says no', streamed, ...one])),
  ...kAnswersInside.flatMap((one) => kBoth.map((streamed) => ['no answer inside', streamed, ...one])),
  ...kWholeBodies.map((one) => ['in a whole answer', false, ...one]),
  ...kStreamsBeforeContent.map((one) => ['before the first content', true, ...one]),
].map(([phase, streamed, what, script, verdict], index) => ({
  name: `fault${index}`, phase, streamed, what, script, verdict,
}));

suite('a fault before anything was sent: the second lane answers', {
  concurrency: 12,
  config: (upstream) => {
    const refusing = { url: doomed.url };
    const { backends, models } = pairs(upstream, Object.fromEntries(kRecoverable.map(({ name, script }) => [
      name, { a: { retry: { max_attempts: 3, backoff_ms: 10 }, ...(script ? {} : refusing) } }])));
    return { backends: { ...backends, ...busy }, models, keys: { test: { key: kClientKey } } };
  },
}, (t) => {
  let stopBusy;
  before(async () => {
    t.admin = new Admin(t.gateway);
    await until('the look at the models of both', () => doomed.probes === 2);
    await doomed.stop();
    stopBusy = await keepBusy(t.gateway);
  });
  after(() => stopBusy());

  for (const { name, phase, streamed, what, script, verdict } of kRecoverable) {
    it(`${phase}, ${streamed ? 'stream' : 'whole'}: ${what}`, async () => {
      if (script) {
        t.upstream.when(`${name}-a`, script);
      }
      t.upstream.when(`${name}-b`, good());
      const reply = await ask(t.gateway, name, streamed);
      assertClean(reply, streamed);
      assert.equal(t.upstream.of(`${name}-a`).length, script ? 1 : 0, 'calls of the first lane');
      assert.equal(t.upstream.of(`${name}-b`).length, 1, 'calls of the second lane');
      const request = await told(t, reply);
      assert.deepEqual(steps(request), [
        `tried ${name}-a: ${verdict}`, `tried ${name}-b: success 200`,
      ]);
      const [first, second] = request.trace;
      assert.ok(first.at_us + first.duration_us <= second.at_us, 'one after the other');
      assert.equal(request.attempts, 2);
      assert.equal(request.outcome, 'success');
      assert.equal(request.backend, `${name}-b`);
      assert.equal(request.error, null);
      if (!streamed) {
        // What had come of an answer that broke off is paid for as well: docs/limits-and-budgets.md.
        const came = phase === 'in a whole answer' ? half.length / 4 : 0;
        assert.equal(request.output_tokens, kGoodUsage.completion_tokens + came);
        assert.deepEqual(JSON.parse(reply.text).usage, kGoodUsage, 'the client is told of its answer alone');
        assert.equal(reply.head.get('x-tidegate-attempts'), '2');
        assert.equal(reply.head.get('x-tidegate-backend'), `${name}-b`);
      }
      // Nothing of the request is lost on the way to the second lane.
      const [seen] = t.upstream.of(`${name}-b`);
      assert.deepEqual(seen.json.messages, chatRequest(name).messages);
      assert.equal(seen.head.get('authorization'), `Bearer sk-${name}-b-upstream-key`, 'each lane its own key');
    });
  }
});

const kAfterContent = [
  ['reset', faults.resetAfter(content), 'upstream_unavailable', 'cut'],
  ['closed', faults.closeAfter(content), 'upstream_unavailable', 'cut'],
  ['stalled', faults.stallAfter(content), 'upstream_timeout', 'timeout'],
  ['reset in the middle of an event', faults.resetAfter(`${content}data: {"choices":[{"del`), 'upstream_unavailable', 'cut'],
  ['a malformed chunk', brokenChunk(content), 'upstream_invalid_response', 'malformed'],
  ['a proper end without finish_reason or [DONE]', streamBytes(content), 'upstream_invalid_response', 'cut'],
  ['an error event', streamBytes(content + event(saying('Overloaded', { type: 'overloaded_error' }))),
    'upstream_error_event', 'overloaded'],
].map((one, index) => [`late${index}`, ...one]);

suite('a fault after content was sent: an error event, and no other lane', {
  concurrency: 8,
  config: (upstream) => ({ ...pairs(upstream, [...kAfterContent.map(([name]) => name), 'long', 'drip', 'slow', 'odd']),
    keys: { test: { key: kClientKey } } }),
}, (t) => {
  before(() => { t.admin = new Admin(t.gateway); });

  for (const [name, what, script, code, fault] of kAfterContent) {
    it(what, async () => {
      t.upstream.when(`${name}-a`, script).when(`${name}-b`, good());
      const reply = await ask(t.gateway, name, true);
      assert.equal(reply.head.status, 200);
      assert.ok(reply.complete, 'the framing ends properly, so that SDKs read the error event');
      const events = parseEvents(reply.text);
      const last = JSON.parse(events.at(-1).data);
      assert.ok(last.error.message, 'the last event is the error');
      assert.equal(streamedText(reply.text), 'one two', 'what had come is there, once');
      assert.ok(events.every(({ data }) => data !== '[DONE]'), 'nothing says that it was complete');
      assert.equal(reply.text.match(/"role"/g).length, 1);
      const request = await told(t, reply);
      assert.deepEqual(steps(request).map((step) => step.split(' ').slice(0, 4).join(' ')),
        [`tried ${name}-a: broke_off ${fault}`]);
      assert.equal(request.attempts, 1);
      assert.equal(request.outcome, 'upstream_error');
      assert.equal(request.error, code);
      assert.equal(t.upstream.of(`${name}-b`).length, 0);
    });
  }

  it('a whole answer of which a part is out is cut, not mended', async () => {
    t.upstream.when('long-a', async (exchange) => {
      await exchange.start(200, kJson, 4 << 20);
      await exchange.piece(' '.repeat(2 << 20));
      await sleep(20);
      exchange.reset();
    }).when('long-b', good());
    const reply = await ask(t.gateway, 'long');
    assert.ok(reply.truncated, 'the client can tell that it is not complete');
    assert.deepEqual(steps(await told(t, reply)), ['tried long-a: broke_off cut 200']);
    assert.equal(t.upstream.of('long-b').length, 0);
  });

  it('slow is not broken: a stream that drips goes through untouched', async () => {
    const text = chatEvents('drip-a', ['slow']).join('') + doneEvent;
    t.upstream.when('drip-a', faults.drip(text, { fields: kSse, gapMs: 1 })).when('drip-b', good());
    const reply = await ask(t.gateway, 'drip', true);
    assert.equal(reply.text, text);
    assert.equal(t.upstream.of('drip-b').length, 0);
  });

  it('slow is not broken: a first token that takes its time', async () => {
    const events = chatEvents('slow-a', ['slow']);
    t.upstream.when('slow-a', stream(events, { gapMs: kPatienceMs * 0.7 })).when('slow-b', good());
    const reply = await ask(t.gateway, 'slow', true);
    assert.equal(reply.text, events.join('') + doneEvent);
    assert.equal(t.upstream.of('slow-b').length, 0);
  });

  it('an event that is not JSON after content is passed on and ends nothing', async () => {
    const text = `${content}data: {"choices":[{]}\n\n${chatEvents('odd-a').slice(1).join('')}${doneEvent}`;
    t.upstream.when('odd-a', streamBytes(text)).when('odd-b', good());
    const reply = await ask(t.gateway, 'odd', true);
    assert.equal(reply.text, text);
    assert.equal(t.upstream.of('odd-b').length, 0);
  });
});

// A stream's head does not wait for its first token. Until one comes another lane may still answer, but what
// cannot be said in a stream that has begun becomes its last event.
const kHeadIsOut = [
  ['another stream answers', good(), null],
  ['the prompt fits nowhere', error(400, saying('too long', { code: 'context_length_exceeded' })), 'too long', 'upstream_400'],
  ['a 4xx that is not JSON', answer('no such model', { status: 404, fields: { 'Content-Type': 'text/plain' } }),
    'no such model', 'upstream_404'],
  ['JSON over several lines', error(422, '{\n  "error": {\n    "message": "no such role"\n  }\n}'), 'no such role', 'upstream_422'],
  ['an error of the backend', error(500, saying('down as well')), 'down as well', 'upstream_unavailable'],
  ['no answer', faults.stallBeforeHead(), 'took too long', 'upstream_timeout'],
  ['an error event', stream([role, event(saying('no GPU left'))]), 'no GPU left', 'upstream_error_event'],
  ['an answer in one piece', answer(completion('m')), 'does not stream', 'upstream_invalid_response'],
  ['a long answer in one piece', answer(completion('m', 'x'.repeat(2 << 20))), 'does not stream', 'upstream_invalid_response'],
].map((one, index) => [`begun${index}`, ...one]);

suite('a fault after the head of a stream was sent, and no content', {
  concurrency: 8,
  config: (upstream) => ({ ...pairs(upstream, [...kHeadIsOut.map(([name]) => name), 'awake', 'alone', 'left']),
    keys: { test: { key: kClientKey } } }),
}, (t) => {
  before(() => { t.admin = new Admin(t.gateway); });

  for (const [name, what, second, message, code] of kHeadIsOut) {
    it(`${what} of the second lane`, async () => {
      t.upstream.when(`${name}-a`, faults.stallAfter(role)).when(`${name}-b`, second);
      const reply = await ask(t.gateway, name, true);
      assert.equal(reply.head.status, 200);
      assert.equal(t.upstream.of(`${name}-b`).length, 1);
      const request = await told(t, reply);
      assert.equal(request.attempts, 2);
      if (!message) {
        assertClean(reply, true);
        assert.equal(request.outcome, 'success');
        return;
      }
      assert.ok(reply.complete, 'the framing ends properly');
      const events = parseEvents(reply.text);
      assert.equal(events.length, 1, reply.text);
      assert.match(JSON.parse(events[0].data).error.message, new RegExp(message));
      assert.equal(request.error, code);
      assert.equal(request.status, 200, 'what the client got');
      assert.notEqual(request.outcome, 'success');
    });
  }

  it('comments of the first lane keep the client waiting', async () => {
    t.upstream.when('awake-a', async (exchange) => {
      await exchange.start(200, kSse);
      for (let i = 0; i < 4; ++i) {
        await exchange.piece(': alive\n\n');
        await sleep(kPatienceMs / 2);
      }
      exchange.reset();
    }).when('awake-b', good());
    const reply = await ask(t.gateway, 'awake', true);
    assertClean(reply, true);
    assert.equal(reply.text.split(': alive\n\n').length - 1, 4);
    assert.ok(reply.pieces.at(-1).at - reply.pieces[0].at > kPatienceMs, 'as they came');
  });

  it('no lane left: what broke, as an event', async () => {
    t.upstream.when('alone-a-model', faults.stallAfterHead());
    const reply = await ask(t.gateway, 'alone-a-model', true);
    assert.equal(reply.head.status, 200);
    const [only, ...more] = parseEvents(reply.text);
    assert.equal(JSON.parse(only.data).error.code, 'upstream_timeout');
    assert.equal(more.length, 0);
  });

  it('a client that leaves then is no reason to ask the second lane', async () => {
    t.upstream.when('left-a', faults.stallAfter(role)).when('left-b', good());
    const { connection, reader } = await t.gateway.begin({ body: chatRequest('left', { stream: true }) });
    await until('the head', () => reader.head);
    connection.close();
    await t.upstream.of('left-a')[0].gone;
    await sleep(kPatienceMs + 100);
    assert.equal(t.upstream.of('left-b').length, 0);
  });
});

const kClientFaults = [
  [400, json(saying('messages: unknown role', { type: 'invalid_request_error', param: 'messages' }))],
  [400, '{ "detail" : "odd   spacing, no envelope" }'],
  [400, 'not even JSON'],
  [404, json(saying('The model does not exist', { code: 'model_not_found' }))],
  [409, json(saying('conflict'))],
  [413, json(saying('too large'))],
  [415, json(saying('not like this'))],
  [422, '{"detail":[{"loc":["body","messages"],"msg":"field required"}]}'],
  [403, json(saying('Your input was flagged by moderation'))],
  [401, json(saying('You have insufficient permissions for this operation. Missing scopes: model.request'))],
  [501, json(saying('this server does not support embeddings'))],
].flatMap((one) => kBoth.map((streamed) => [...one, streamed])).map((one, index) => [`client${index}`, ...one]);

suite('a fault of the client: relayed as it is, once, and no lane is blamed', {
  concurrency: 8,
  config: (upstream) => ({ ...pairs(upstream, kClientFaults.map(([name]) => name)), keys: { test: { key: kClientKey } } }),
}, (t) => {
  before(() => { t.admin = new Admin(t.gateway); });

  for (const [name, status, body, streamed] of kClientFaults) {
    it(`${status} ${streamed ? 'stream' : 'whole'}: ${body.slice(0, 50)}`, async () => {
      t.upstream.when(`${name}-a`, answer(body, { status, fields: { ...kJson, 'x-kept': 'yes' } }))
        .when(`${name}-b`, good());
      const reply = await ask(t.gateway, name, streamed);
      assert.equal(reply.head.status, status);
      assert.equal(reply.text, body, 'byte for byte');
      assert.equal(reply.head.get('x-tidegate-attempts'), '1');
      assert.equal(t.upstream.of(`${name}-a`).length, 1);
      assert.equal(t.upstream.of(`${name}-b`).length, 0);
      const row = await t.gateway.row(reply.head.get('x-request-id'));
      assert.equal(row.attempts, 1);
      assert.equal(row.outcome, status < 500 ? Outcome.clientError : Outcome.upstreamError);
    });
  }
});

suite('when all lanes fail', {
  concurrency: 8,
  config: (upstream) => ({ ...pairs(upstream, ['both', 'mixed', 'limits', 'context']), keys: { test: { key: kClientKey } } }),
}, (t) => {
  before(() => { t.admin = new Admin(t.gateway); });

  it('the client hears the last one, once', async () => {
    t.upstream.when('both-a', error(500, saying('a'))).when('both-b', error(503, saying('b is busy'), { 'Retry-After': '7' }));
    const reply = await ask(t.gateway, 'both', true);
    assert.equal(reply.head.status, 503);
    assert.equal(JSON.parse(reply.text).error.message, 'b is busy');
    assert.equal(reply.head.get('retry-after'), '7');
    assert.equal(reply.head.get('x-tidegate-attempts'), '2');
    assert.deepEqual(steps(await told(t, reply)), [
      'tried both-a: transient server_error 500', 'tried both-b: transient overloaded 503']);
    assert.equal(t.upstream.of('both-a').length, 1);
  });

  it('a client fault of the second lane is the answer', async () => {
    const body = json(saying('no such tool', { type: 'invalid_request_error' }));
    t.upstream.when('mixed-a', faults.resetBeforeHead()).when('mixed-b', error(400, body));
    const reply = await ask(t.gateway, 'mixed');
    assert.equal(reply.head.status, 400);
    assert.equal(reply.text, body);
  });

  it('a prompt that fits no lane is told so as the last one says it', async () => {
    const body = json(saying('maximum context length is 32768 tokens', { code: 'context_length_exceeded' }));
    t.upstream.when('context-a', error(400, saying('x', { code: 'context_length_exceeded' })))
      .when('context-b', error(400, body));
    const reply = await ask(t.gateway, 'context');
    assert.equal(reply.head.status, 400);
    assert.equal(reply.text, body);
    assert.deepEqual(steps(await told(t, reply)), [
      'tried context-a: context_too_long context 400', 'tried context-b: context_too_long context 400']);
  });

  it('limits of all lanes: the last 429, then our own until the first is back', async () => {
    t.upstream.when('limits-a', error(429, saying('a'), { 'Retry-After': '20' }))
      .when('limits-b', error(429, saying('b'), { 'Retry-After': '30' }));
    const first = await ask(t.gateway, 'limits');
    assert.equal(first.head.status, 429);
    assert.equal(JSON.parse(first.text).error.message, 'b');
    const second = await ask(t.gateway, 'limits');
    assert.equal(second.head.status, 429);
    assert.equal(JSON.parse(second.text).error.code, 'rate_limit_exceeded');
    const wait = Number(second.head.get('retry-after'));
    assert.ok(wait > 15 && wait <= 20, `the soonest lane, not ${wait} s`);
    assert.equal(t.upstream.of('limits-a').length + t.upstream.of('limits-b').length, 2);
  });
});
