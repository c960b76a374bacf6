// SPDX-License-Identifier: GPL-3.0-or-later
// A thousand live streams while routes are edited, a provider's key is rotated, backends are drained,
// tripped, moved and removed: none of them notices, and every new request follows the new configuration.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { ask, assertClean, good, steps, told } from './lib/lanes.mjs';
import { chatEvents, chatRequest, doneEvent } from './lib/openai.mjs';
import { Admin, keysOf, secretOf } from './lib/policy.mjs';
import { assertError, suite } from './lib/suite.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { deferred, now, sleep, until } from './lib/wait.mjs';

const kStreams = 1000;
const kWords = Array.from({ length: 20 }, (unused, index) => `w${index} `);
const kGapMs = 500; // ten seconds of stream at least; the edits take about one
const kOldKey = 'sk-old-provider-key-0123456789';
const kNewKey = 'sk-new-provider-key-0123456789';


// What is made over the admin API can be changed over it; the file only brings the client key.
const config = () => ({
  server: { workers: 2 },
  keys: keysOf({ client: {} }),
});
const start = { env: { OLD_KEY: kOldKey, NEW_KEY: kNewKey } };

const key = secretOf('client');

suite('a thousand live streams', { config, start, concurrency: 1 }, (t) => {
  let elsewhere;       // another upstream, to which a backend moves
  let streams = [];    // {connection, reader, lane}
  let startedAt;
  const everyone = deferred();
  let running = 0;

  /** What the upstream does with the streams that live through all of this. */
  const living = async (exchange) => {
    await exchange.start(200, { 'Content-Type': 'text/event-stream' });
    const events = [...chatEvents(exchange.model, kWords), doneEvent];
    await exchange.piece(events.shift() + events.shift());
    running += 1;
    if (running === kStreams) {
      everyone.resolve();
    }
    for (const event of events) {
      await sleep(kGapMs);
      await exchange.piece(event);
    }
    await exchange.finish();
  };

  const askNew = async (model = 'house', streamed = false) => {
    const reply = await ask(t.gateway, model, streamed, { key });
    assertClean(reply, streamed);
    return reply;
  };
  const backendOf = (reply) => reply.head.get('x-tidegate-backend');
  const allLive = () => {
    assert.ok(running === kStreams && streams.every(({ reader, connection }) => !reader.complete && !connection.ended),
      'all streams are still running');
  };
  /** Ten new requests, which is enough for some on each engine thread. */
  const newOnes = () => Promise.all(Array.from({ length: 10 }, (unused, i) => askNew('house', i % 2 === 1)));
  const edit = async (method, target, body) => {
    const answered = await t.admin.call(method, target, body);
    allLive();
    return answered;
  };

  before(async () => {
    t.admin = new Admin(t.gateway);
    elsewhere = await ScriptedUpstream.start();
    elsewhere.otherwise(good());
    t.upstream.keep = false;
    const seen = new Map(); // of new requests: by model, the keys that came
    t.seen = seen;
    t.upstream.otherwise(async (exchange) => {
      if (exchange.json.user === 'living') {
        await living(exchange);
        return;
      }
      seen.set(exchange.model, [...(seen.get(exchange.model) ?? []), exchange.head.get('authorization')]);
      await good()(exchange);
    });
    const url = t.upstream.url;
    await t.admin.call('POST', 'backends', { name: 'one', type: 'openai', url, api_key: '${OLD_KEY}', models: ['one-*'] });
    await t.admin.call('POST', 'backends', { name: 'two', type: 'openai', url, models: ['two-*'] });
    await t.admin.call('POST', 'backends', { name: 'three', type: 'openai', url, models: ['three-*'] });
    await t.admin.call('POST', 'models', { name: 'house', targets: [{ backend: 'one', model: 'one-a' }] });
    startedAt = now();
    // Two thirds by the public name, the others straight; a third on each backend.
    const names = ['house', 'two/two-a', 'three/three-a'];
    for (let index = 0; index < kStreams; index += 1) {
      const begun = await t.gateway.begin({
        key, body: chatRequest(names[index % names.length], { stream: true, user: 'living' }),
        headers: { 'X-Request-ID': `living-${index}` },
      });
      streams.push({ ...begun, index });
    }
    await everyone.promise;
    await until('the first word everywhere', () => streams.every(({ reader }) => reader.text.includes(kWords[0])),
      { timeoutMs: 15_000 });
  });
  after(() => elsewhere.stop());

  it('a model moves to another backend and back', async () => {
    assert.deepEqual([...new Set((await newOnes()).map(backendOf))], ['one']);
    await edit('PATCH', 'models/house', { targets: [{ backend: 'two', model: 'two-b' }] });
    assert.deepEqual([...new Set((await newOnes()).map(backendOf))], ['two']);
    await edit('PATCH', 'models/house', { targets: [{ backend: 'one', model: 'one-b' }, { backend: 'two', model: 'two-b' }] });
    assert.deepEqual([...new Set((await newOnes()).map(backendOf))], ['one']);
  });

  it('the provider\'s key is rotated', async () => {
    t.seen.clear();
    await newOnes();
    assert.deepEqual([...new Set(t.seen.get('one-b'))], [`Bearer ${kOldKey}`]);
    t.seen.clear();
    await edit('PATCH', 'backends/one', { api_key: '${NEW_KEY}' });
    await newOnes();
    assert.deepEqual([...new Set(t.seen.get('one-b'))], [`Bearer ${kNewKey}`], 'from the next request on, and everywhere');
  });

  it('a backend is drained and resumed', async () => {
    await edit('POST', 'backends/one/drain', {});
    const replies = await newOnes();
    assert.deepEqual([...new Set(replies.map(backendOf))], ['two']);
    assert.deepEqual(steps(await told(t, replies[0])), ['skipped one: draining', 'tried two: success 200']);
    assertError(await ask(t.gateway, 'one/one-x', false, { key }), 503, 'no_backend_available');
    await edit('POST', 'backends/one/resume', {});
    assert.deepEqual([...new Set((await newOnes()).map(backendOf))], ['one']);
  });

  it('a breaker is tripped by hand and reset', async () => {
    await edit('POST', 'backends/one/breaker/trip', {});
    const replies = await newOnes();
    assert.deepEqual([...new Set(replies.map(backendOf))], ['two']);
    assert.deepEqual(steps(await told(t, replies[0])), ['skipped one: breaker_open', 'tried two: success 200']);
    await edit('POST', 'backends/one/breaker/reset', {});
    assert.deepEqual([...new Set((await newOnes()).map(backendOf))], ['one']);
  });

  it('places become fewer than streams are running', async () => {
    await edit('PATCH', 'backends/one', { max_concurrency: 1, max_queue: 0 });
    const replies = await newOnes();
    assert.deepEqual([...new Set(replies.map(backendOf))], ['two'], 'no room: the streams hold all places');
    await edit('PATCH', 'backends/one', { max_concurrency: 0 });
    assert.deepEqual([...new Set((await newOnes()).map(backendOf))], ['one']);
  });

  it('a backend moves to another address', async () => {
    const before = elsewhere.seen;
    await edit('PATCH', 'backends/one', { url: elsewhere.url });
    await newOnes();
    assert.equal(elsewhere.seen - before, 10);
    await edit('PATCH', 'backends/one', { url: t.upstream.url, timeouts: { idle_ms: 60_000 } });
    await newOnes();
    assert.equal(elsewhere.seen - before, 10);
  });

  it('a backend is removed with its streams running', async () => {
    await edit('DELETE', 'backends/three');
    const reply = await ask(t.gateway, 'three/three-a', false, { key });
    assertError(reply, 404, 'model_not_found');
  });

  it('the file is read again, and the routes are edited a hundred times', async () => {
    await edit('POST', 'config/reload', {});
    for (let i = 0; i < 100; i += 1) {
      await edit('PATCH', 'models/house', { targets: [{ backend: i % 2 ? 'one' : 'two', model: 'one-c' }] });
      assert.equal(backendOf(await askNew()), i % 2 ? 'one' : 'two');
    }
  });

  it('and every stream gets all of it', async () => {
    await until('all streams to end', () => streams.every(({ reader, connection }) => reader.complete || connection.ended),
      { timeoutMs: 40_000, everyMs: 50 });
    assert.ok(now() - startedAt > kGapMs * kWords.length, 'they lived through all of that');
    for (const { reader, index } of streams) {
      assertClean(reader, true, kWords.join(''));
      assert.equal(reader.head.get('x-tidegate-backend'), ['one', 'two', 'three'][index % 3]);
    }
    streams.forEach(({ connection }) => connection.close());
    const row = await until('all rows', async () => {
      const [rows] = await t.gateway.query('SELECT count(*) AS n, count(DISTINCT request_id) AS ids, min(status) AS low, '
        + "max(status) AS high, max(outcome) AS outcome, max(attempts) AS attempts FROM requests WHERE request_id LIKE 'living-%'");
      return rows.n >= kStreams ? rows : null;
    });
    assert.deepEqual(row, { n: kStreams, ids: kStreams, low: 200, high: 200, outcome: 0, attempts: 1 });
    streams = [];
  });
});
