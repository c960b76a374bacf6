// SPDX-License-Identifier: GPL-3.0-or-later
// Requests in /admin/v1/events: each one that anybody makes is seen, whichever worker it comes to, and nothing is
// made for nobody.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { kClientKey } from './lib/gateway.mjs';
import { parseEvents } from './lib/openai.mjs';
import { Admin } from './lib/policy.mjs';
import { suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const kWorkers = 3;
const kRequests = 40;

const config = () => ({
  server: { workers: kWorkers }, backends: { echo: { type: 'echo' } }, default_backend: 'echo',
  keys: { test: { key: kClientKey } },
});

async function watch(t) {
  const { connection, reader } = await t.gateway.begin({
    method: 'GET', path: '/admin/v1/events', key: new Admin(t.gateway).token,
  });
  await until('the events begin', () => reader.head);
  return {
    /** The requests for @p model that have ended, as far as they were told. */
    done: (model) => parseEvents(reader.text).filter(({ event }) => event === 'exchange')
      .map(({ data }) => JSON.parse(data)).filter((one) => one.model === model && one.phase === 'done'),
    close: () => connection.close(),
  };
}

/** Each on a connection of its own, so that the kernel spreads them over the workers. */
const askAll = (t, model) => Promise.all(Array.from({ length: kRequests }, async () => {
  const reply = await t.gateway.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'hello' }] });
  assert.equal(reply.head.status, 200, reply.text);
  return reply.head.get('x-request-id');
}));

suite('requests in the live events', { config, concurrency: 1 }, (t) => {
  it('one reader hears of the requests of all workers', async () => {
    const live = await watch(t);
    const asked = await askAll(t, 'all-workers');
    const seen = await until('every request', () => (live.done('all-workers').length >= kRequests ? live.done('all-workers') : null));
    assert.deepEqual(seen.map((one) => one.request_id).sort(), [...asked].sort());
    live.close();
  });

  it('readers hear the same, and who comes later hears what happens later', async () => {
    await askAll(t, 'unwatched');
    const readers = [await watch(t), await watch(t), await watch(t)];
    const asked = (await askAll(t, 'watched')).sort();
    for (const live of readers) {
      const seen = await until('every request', () => (live.done('watched').length >= kRequests ? live.done('watched') : null));
      assert.deepEqual(seen.map((one) => one.request_id).sort(), asked);
      assert.equal(live.done('unwatched').length, 0);
    }
    readers[0].close();
    const again = (await askAll(t, 'one-has-left')).sort();
    for (const live of readers.slice(1)) {
      const seen = await until('every request', () => (live.done('one-has-left').length >= kRequests ? live.done('one-has-left') : null));
      assert.deepEqual(seen.map((one) => one.request_id).sort(), again);
      live.close();
    }
  });
});
