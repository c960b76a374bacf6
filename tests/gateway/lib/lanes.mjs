// SPDX-License-Identifier: GPL-3.0-or-later
// Two lanes for one public model, both played by the scripted upstream: what the first one does is the
// test's, the second one answers. Each pair has backends of its own, so that breakers, keys and retry
// budgets of one test are not those of another.

import assert from 'node:assert/strict';

import { Gateway } from './gateway.mjs';
import { chatEvents, chatRequest, completion, parseChunks, parseEvents, streamedText, usageOf } from './openai.mjs';
import { answer, stream } from './scripts.mjs';
import { sleep, slowness } from './wait.mjs';

/** How long a silent backend of these tests may be silent. */
export const kPatienceMs = 1000 * slowness;

const timeouts = { connect_ms: kPatienceMs, first_byte_ms: kPatienceMs, idle_ms: kPatienceMs };

/** A scripted backend; @p more overrides. */
export const backend = (upstream, name, more = {}) => ({
  type: 'openai', url: upstream.url, api_key: `sk-${name}-upstream-key`, models: [`${name}-model`], timeouts, ...more,
});

/**
 * Pairs of lanes: {backends, models} of a configuration. Public model NAME has the targets NAME-a and
 * NAME-b, which the upstream knows by the same names.
 * @param names  {name: {a: settings, b: settings}} or a list of names
 */
export function pairs(upstream, names) {
  const all = Array.isArray(names) ? Object.fromEntries(names.map((name) => [name, {}])) : names;
  const backends = {};
  const models = {};
  for (const [name, { a = {}, b = {} }] of Object.entries(all)) {
    backends[`${name}-a`] = backend(upstream, `${name}-a`, a);
    backends[`${name}-b`] = backend(upstream, `${name}-b`, b);
    models[name] = { targets: ['a', 'b'].map((lane) => ({ backend: `${name}-${lane}`, model: `${name}-${lane}` })) };
  }
  return { backends, models };
}

/** What a good lane says, whole or streamed as it was asked. */
export const kGoodText = 'from the second lane';
export const kGoodUsage = usageOf(11, 5);
export const good = (text = kGoodText) => (exchange) => {
  const words = text.split(/(?= )/);
  return exchange.json.stream
    ? stream(chatEvents(exchange.model, words))(exchange)
    : answer(completion(exchange.model, text, kGoodUsage))(exchange);
};

export const ask = (gateway, model, streamed = false, more = {}) => gateway.post('/v1/chat/completions',
  chatRequest(model, streamed ? { stream: true } : {}), more);

/** One clean answer: status 200, all of the text, and of a stream one role chunk and one end. */
export function assertClean(reply, streamed, text = kGoodText) {
  assert.equal(reply.head.status, 200, reply.text);
  assert.ok(reply.complete && !reply.truncated, 'the answer is complete');
  if (!streamed) {
    assert.equal(JSON.parse(reply.text).choices[0].message.content, text);
    return;
  }
  assert.match(reply.head.get('content-type'), /^text\/event-stream/);
  assert.equal(streamedText(reply.text), text);
  const chunks = parseChunks(reply.text);
  assert.equal(chunks.filter(({ choices }) => choices?.[0]?.delta?.role).length, 1, 'one role chunk');
  assert.equal(chunks.filter(({ choices }) => choices?.[0]?.finish_reason).length, 1, 'one finish');
  assert.ok(chunks.every(({ error }) => !error), 'no error');
  assert.deepEqual(parseEvents(reply.text).filter(({ data }) => data === '[DONE]').length, 1);
  assert.equal(parseEvents(reply.text).at(-1).data, '[DONE]');
}

/** What the admin API tells of the request that @p reply answers, as soon as its row is there. */
export async function told(t, reply) {
  const id = reply.head.get('x-request-id');
  const row = await t.gateway.row(id); // exactly one
  const request = await t.admin.get(`requests/${id}`);
  assert.equal(request.attempts, row.attempts);
  return request;
}

/** The trace as one line a step: 'tried one-a: transient timeout', 'skipped one-a: breaker_open'. */
export const steps = (request) => request.trace.map((step) => [
  `${step.step} ${step.backend}: ${step.reason}`, step.fault && step.fault !== 'none' ? step.fault : '', step.status ?? '',
].filter((part) => part !== '').join(' '));

/**
 * Keeps requests coming that need no backend, until stop(). The retry budget of all backends together is a
 * fifth of all requests: without these a table of failures is more than a quiet gateway may retry.
 */
export async function keepBusy(gateway) {
  const connection = await gateway.connect();
  const batch = 250;
  const bytes = Buffer.concat(Array(batch).fill(Gateway.bytes({ body: chatRequest('busy/m') })));
  let stopped = false;
  let first = null;
  const running = (async () => {
    while (!stopped) {
      await connection.write(bytes);
      for (let i = 0; i < batch && !stopped; i += 1) {
        const reply = await connection.response({ method: 'POST' });
        if (connection.ended) {
          return; // the gateway is being stopped
        }
        assert.equal(reply.head.status, 200, reply.text);
      }
      first?.();
      await sleep(400);
    }
    connection.close();
  })();
  await new Promise((resolve, reject) => {
    first = resolve;
    running.catch(reject);
  });
  return async () => {
    stopped = true;
    await running;
  };
}

/** The backend that keepBusy() asks. */
export const busy = { busy: { type: 'noop' } };
