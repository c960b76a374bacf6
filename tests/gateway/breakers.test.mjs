// SPDX-License-Identifier: GPL-3.0-or-later
// The circuit breaker from outside: what opens it and what never does, that exactly one request finds out
// whether a lane is well again however many come at that moment, and what clients and watchers are told.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { Gateway, kClientKey } from './lib/gateway.mjs';
import { ask, assertClean, backend, good, pairs, steps, told } from './lib/lanes.mjs';
import { chatEvents, chatRequest, chunk, event } from './lib/openai.mjs';
import { Admin, burst, tally } from './lib/policy.mjs';
import { answer, faults } from './lib/scripts.mjs';
import { assertError, suite } from './lib/suite.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { deferred, inParallel, now, sleep, slowness, until } from './lib/wait.mjs';

const kFailures = 3;
/** Open for about a second, and not longer after a failed probe. */
const kOpenMs = 1000;
const kBreaker = {
  consecutive_failures: kFailures, open_seconds: 1, max_open_seconds: 1, half_open_successes: 2, min_requests: 1000,
};
const kJitter = 0.1;

const broken = answer({ error: { message: 'down', type: 'server_error' } }, { status: 500 });
const content = event(chunk('m', { role: 'assistant', content: 'one ' }));
const model = (name) => `${name}-model`;

/** What the dry run says of a model's lanes: {backend: 'ready' or why not}. It never takes a probe. */
async function lanes(t, name) {
  const { lanes: all } = await t.admin.call('POST', 'models/explain', { model: name });
  return Object.fromEntries(all.map((lane) => [lane.backend, lane.available ? 'ready' : lane.reason]));
}

/** Fails until the lane is out. Returns when it went out at the latest. */
async function trip(t, name, target = model(name), script = broken) {
  t.upstream.when(target, script);
  for (let i = 0; i < kFailures; ++i) {
    await ask(t.gateway, target);
  }
  const at = now();
  assert.deepEqual(await lanes(t, target), { [name]: 'breaker_open' });
  return at;
}

/** Until the breaker lets a probe through, as the dry run tells. */
const untilHalfOpen = (t, name, target = model(name)) => until('the breaker may half-open',
  async () => (await lanes(t, target))[name] === 'ready', { everyMs: 5 });

const kLoners = ['timed', 'gone', 'fault', 'late', 'stream', 'leavers', 'ratio', 'other', 'failing'];

const config = (upstream) => {
  const alone = Object.fromEntries(kLoners.map((name) => [name, backend(upstream, name)]));
  alone.ratio.breaker = { consecutive_failures: 1000, min_requests: 10, failure_ratio: 0.5 };
  const { backends, models } = pairs(upstream, {
    soonest: { a: { breaker: { open_seconds: 60, max_open_seconds: 60 } }, b: { breaker: { open_seconds: 20, max_open_seconds: 20 } } },
  });
  return {
    circuit_breaker: kBreaker, backends: { ...alone, ...backends }, models, keys: { test: { key: kClientKey } },
  };
};

suite('a breaker', { config, concurrency: 8 }, (t) => {
  before(() => { t.admin = new Admin(t.gateway); });

  it('opens after so many failures, tells for how long, and asks nothing meanwhile', async () => {
    const at = await trip(t, 'timed');
    while (now() - at < kOpenMs * (1 - kJitter) - 100) {
      const reply = await ask(t.gateway, model('timed'));
      assertError(reply, 503, 'no_backend_available');
      assert.match(reply.head.get('retry-after'), /^[12]$/);
      assert.equal(t.upstream.of(model('timed')).length, kFailures);
      await sleep(50);
    }
    await untilHalfOpen(t, 'timed');
    const openMs = now() - at;
    assert.ok(openMs >= kOpenMs * (1 - kJitter) - 100 && openMs < kOpenMs * (1 + kJitter) + 500 * slowness, `${openMs} ms`);
    t.upstream.when(model('timed'), good('well again'));
    assertClean(await ask(t.gateway, model('timed')), false, 'well again');
  });

  it('is not wedged by a probe whose client leaves', async () => {
    await trip(t, 'gone');
    await untilHalfOpen(t, 'gone');
    for (const [what, script] of [
      ['before the head', faults.stallBeforeHead()], ['after the head', faults.stallAfterHead()],
      ['in the middle of a stream', faults.stallAfter(content)],
    ]) {
      const probe = deferred();
      t.upstream.when(model('gone'), async (exchange) => {
        probe.resolve(exchange);
        await script(exchange);
      });
      const { connection, reader } = await t.gateway.begin({ body: chatRequest(model('gone'), { stream: true }) });
      const exchange = await probe.promise;
      assert.deepEqual(await lanes(t, model('gone')), { gone: 'probe_running' }, what);
      assertError(await ask(t.gateway, model('gone')), 503, 'no_backend_available');
      if (what.startsWith('in the middle')) {
        await until('content', () => reader.size > 0);
      }
      connection.close();
      await exchange.gone;
      await until(`${what}: room for the next probe`, async () => (await lanes(t, model('gone'))).gone === 'ready');
    }
    t.upstream.when(model('gone'), good('well again'));
    for (let i = 0; i < 4; ++i) {
      assertClean(await ask(t.gateway, model('gone'), true), true, 'well again');
    }
  });

  it('is not wedged by a probe that was the client\'s own fault', async () => {
    await trip(t, 'fault');
    await untilHalfOpen(t, 'fault');
    t.upstream.when(model('fault'), answer({ error: { message: 'no such role' } }, { status: 400 }));
    for (let i = 0; i < 5; ++i) {
      assert.equal((await ask(t.gateway, model('fault'))).head.status, 400);
      assert.deepEqual(await lanes(t, model('fault')), { fault: 'ready' });
    }
    t.upstream.when(model('fault'), good('well again'));
    assertClean(await ask(t.gateway, model('fault')), false, 'well again');
  });

  it('takes a probe that dies after its head for failed', async () => {
    await trip(t, 'late');
    await untilHalfOpen(t, 'late');
    const failed = now();
    t.upstream.when(model('late'), faults.closeAfter(content));
    assert.equal((await ask(t.gateway, model('late'), true)).head.status, 200);
    assert.deepEqual(await lanes(t, model('late')), { late: 'breaker_open' });
    await untilHalfOpen(t, 'late');
    assert.ok(now() - failed >= kOpenMs * (1 - kJitter), 'it was open again for as long');
  });

  it('counts streams that die after their head', async () => {
    t.upstream.when(model('stream'), faults.closeAfter(content));
    for (let i = 0; i < kFailures; ++i) {
      assert.deepEqual(await lanes(t, model('stream')), { stream: 'ready' });
      assert.equal((await ask(t.gateway, model('stream'), true)).head.status, 200);
    }
    assert.deepEqual(await lanes(t, model('stream')), { stream: 'breaker_open' });
  });

  it('does not count clients that leave, in whatever phase', async () => {
    const phases = [faults.stallBeforeHead(), faults.stallAfterHead(), faults.stallAfter(content)];
    const seen = () => t.upstream.of(model('leavers')).length;
    for (let i = 0; i < 10 * kFailures; ++i) {
      t.upstream.when(model('leavers'), phases[i % phases.length]);
      const before = seen();
      const { connection, reader } = await t.gateway.begin({
        body: chatRequest(model('leavers'), { stream: i % 2 === 0 }),
      });
      await until('the backend has it', () => seen() > before, { everyMs: 1 });
      if (i % phases.length === 2 && i % 2 === 0) {
        await until('content', () => reader.size > 0, { everyMs: 1 });
      }
      if (i % 4 === 3) {
        connection.reset();
      } else {
        connection.close();
      }
      await t.upstream.of(model('leavers')).at(-1).gone;
    }
    assert.deepEqual(await lanes(t, model('leavers')), { leavers: 'ready' });
    t.upstream.when(model('leavers'), good());
    assertClean(await ask(t.gateway, model('leavers')), false);
  });

  it('opens by the share of failures, but not of a few', async () => {
    const half = async (from, to) => {
      for (let i = from; i < to; ++i) {
        t.upstream.when(model('ratio'), i % 2 ? broken : good());
        await ask(t.gateway, model('ratio'));
      }
    };
    await half(0, 9);
    assert.deepEqual(await lanes(t, model('ratio')), { ratio: 'ready' });
    await half(9, 10);
    assert.deepEqual(await lanes(t, model('ratio')), { ratio: 'breaker_open' });
  });

  it('is one lane\'s: the others know nothing of it', async () => {
    await trip(t, 'failing');
    t.upstream.when(model('other'), good());
    const reply = await ask(t.gateway, model('other'));
    assertClean(reply, false);
    assert.deepEqual(await lanes(t, model('other')), { other: 'ready' });
    assert.deepEqual((await told(t, reply)).trace, [], 'the first lane answered: no trace is needed');
  });

  it('of several open ones, the soonest is what clients are told', async () => {
    t.upstream.when('soonest-a', broken).when('soonest-b', broken);
    for (let i = 0; i < kFailures; ++i) {
      await ask(t.gateway, 'soonest');
    }
    const reply = await ask(t.gateway, 'soonest');
    assertError(reply, 503, 'no_backend_available');
    const wait = Number(reply.head.get('retry-after'));
    assert.ok(wait >= 17 && wait <= 22, `${wait} s of 60 and 20`);
    assert.deepEqual(steps(await told(t, reply)), ['skipped soonest-a: breaker_open', 'skipped soonest-b: breaker_open']);
    assert.equal(t.upstream.of('soonest-a').length, kFailures);
    assert.equal(t.upstream.of('soonest-b').length, kFailures);
  });
});

for (const workers of [1, 2]) {
  const kBurst = 100;
  suite(`100 requests when a breaker may half-open, ${workers} engine thread${workers > 1 ? 's' : ''}`, {
    concurrency: 1,
    config: (upstream) => {
      const { backends, models } = pairs(upstream, ['pair']);
      return {
        server: { workers }, circuit_breaker: { ...kBreaker, open_seconds: 2, max_open_seconds: 2 },
        backends: { single: backend(upstream, 'single', { timeouts: {} }), ...backends }, models,
        keys: { test: { key: kClientKey } },
      };
    },
  }, (t) => {
    before(() => { t.admin = new Admin(t.gateway); });

    it('the backend sees exactly one, again and again, until it has proven itself', async () => {
      await trip(t, 'single');
      await untilHalfOpen(t, 'single');
      const seen = () => t.upstream.of(model('single')).length;
      for (let probe = 1; probe <= kBreaker.half_open_successes; ++probe) {
        const open = deferred();
        t.upstream.when(model('single'), async (exchange) => {
          await open.promise;
          await good('well again')(exchange);
        });
        const before = seen();
        const running = await burst(t.gateway, kBurst, (i) => ({ body: chatRequest(model('single'), { stream: i % 2 === 1 }) }));
        await until('all others are refused', () => running.answered(503) === kBurst - 1);
        assert.equal(seen() - before, 1);
        open.resolve();
        const readers = await running.finish();
        assert.deepEqual(tally(readers), { 200: 1, '503 no_backend_available': kBurst - 1 });
        assert.ok(readers.every(({ head }) => head.status === 200 || Number(head.get('retry-after')) >= 1));
        assert.equal(seen() - before, 1, `probe ${probe}`);
      }
      const all = await (await burst(t.gateway, kBurst, () => ({ body: chatRequest(model('single')) }))).finish();
      assert.deepEqual(tally(all), { 200: kBurst }, 'closed');
    });

    it('a failed probe: exactly one, and the breaker is open again', async () => {
      await trip(t, 'single');
      await untilHalfOpen(t, 'single');
      const open = deferred();
      t.upstream.when(model('single'), async (exchange) => {
        await open.promise;
        await broken(exchange);
      });
      const before = t.upstream.of(model('single')).length;
      const running = await burst(t.gateway, kBurst, () => ({ body: chatRequest(model('single')) }));
      await until('all others are refused', () => running.answered(503) === kBurst - 1);
      open.resolve();
      assert.equal(tally(await running.finish())['500 upstream_unavailable'] ?? 1, 1);
      assert.equal(t.upstream.of(model('single')).length - before, 1);
      assert.deepEqual(await lanes(t, model('single')), { single: 'breaker_open' });
    });

    it('with a second lane nobody waits: one probes, the others go there', async () => {
      t.upstream.when('pair-a', broken).when('pair-b', good());
      for (let i = 0; i < kFailures; ++i) {
        assertClean(await ask(t.gateway, 'pair'), false);
      }
      assert.equal((await lanes(t, 'pair'))['pair-a'], 'breaker_open');
      await until('the breaker may half-open', async () => (await lanes(t, 'pair'))['pair-a'] === 'ready', { everyMs: 5 });
      const open = deferred();
      t.upstream.when('pair-a', async (exchange) => {
        await open.promise;
        await good('from the probe')(exchange);
      });
      const before = [t.upstream.of('pair-a').length, t.upstream.of('pair-b').length];
      const running = await burst(t.gateway, kBurst, () => ({ body: chatRequest('pair') }));
      await until('all others are answered', () => running.answered(200) === kBurst - 1);
      assert.equal(t.upstream.of('pair-a').length - before[0], 1);
      assert.equal(t.upstream.of('pair-b').length - before[1], kBurst - 1);
      open.resolve();
      const readers = await running.finish();
      assert.deepEqual(tally(readers), { 200: kBurst });
      const [probe] = readers.filter((reader) => reader.text.includes('from the probe'));
      assert.equal(probe.head.get('x-tidegate-backend'), 'pair-a');
    });
  });
}

suite('/ready', {
  config: (upstream) => ({
    circuit_breaker: { ...kBreaker, open_seconds: 2, max_open_seconds: 2, half_open_successes: 1 },
    backends: { left: backend(upstream, 'left'), right: backend(upstream, 'right') },
    keys: { test: { key: kClientKey } },
  }),
}, (t) => {
  before(() => { t.admin = new Admin(t.gateway); });

  it('lists each breaker, and is 503 only while none lets a request through', async () => {
    const ready = async () => {
      const reply = await t.gateway.get('/ready', { key: null });
      const { status, backends } = JSON.parse(reply.text);
      const breakers = Object.fromEntries(backends.map(({ name, breaker }) => [name, breaker]));
      return { code: reply.head.status, status, breakers, wait: reply.head.get('retry-after') };
    };
    t.upstream.when(model('left'), good()).when(model('right'), good());
    await ask(t.gateway, model('left'));
    await ask(t.gateway, model('right'));
    assert.deepEqual(await ready(), { code: 200, status: 'ready', breakers: { left: 'closed', right: 'closed' }, wait: undefined });
    await trip(t, 'left');
    assert.deepEqual(await ready(), { code: 200, status: 'ready', breakers: { left: 'open', right: 'closed' }, wait: undefined });
    await trip(t, 'right');
    const none = await ready();
    assert.deepEqual([none.code, none.status, none.breakers], [503, 'no_backend_available', { left: 'open', right: 'open' }]);
    assert.match(none.wait, /^[123]$/, 'the soonest breaker');
    await untilHalfOpen(t, 'left');
    const half = await ready();
    assert.deepEqual([half.code, half.breakers.left], [200, 'half_open']);
    // However often somebody looks, the probe is the next request's.
    const probes = t.upstream.of(model('left')).length;
    await Promise.all(Array.from({ length: 20 }, ready));
    t.upstream.when(model('left'), good());
    assertClean(await ask(t.gateway, model('left')), false);
    assert.equal(t.upstream.of(model('left')).length, probes + 1);
    assert.equal((await ready()).breakers.left, 'closed');
  });
});

describe('10,000 faults of clients', () => {
  // Of several kinds, on kept and pipelined connections. The model's name says which; none of it is the lane's.
  const kKinds = [
    [400, { error: { message: 'messages: unknown role', type: 'invalid_request_error' } }],
    [404, { error: { message: 'The model does not exist', code: 'model_not_found' } }],
    [413, { error: { message: 'too large' } }],
    [422, { detail: [{ loc: ['body', 'messages'], msg: 'field required' }] }],
    [400, { error: { message: 'maximum context length is 8192 tokens', code: 'context_length_exceeded' } }],
    [500, { error: { message: 'the request exceeds the available context size' } }],
    [403, { error: { message: 'Your input was flagged by moderation' } }],
    [501, { error: { message: 'This server does not support tools' } }],
  ];
  const kRequests = 10_000;
  const kConnections = 20;
  const kPipelined = 20;

  it('leave every breaker closed, and each is asked once', { timeout: 120_000 * slowness }, async () => {
    const upstream = await ScriptedUpstream.start({ keep: false });
    kKinds.forEach(([status, body], kind) => upstream.when(`kind-${kind}`, answer(body, { status })));
    const names = ['first', 'second', 'third'];
    const gateway = await Gateway.start({
      config: {
        server: { workers: 2 },
        circuit_breaker: { consecutive_failures: 2, min_requests: 2, failure_ratio: 0.01 },
        backends: Object.fromEntries(names.map((name) => [name, backend(upstream, name, { timeouts: {}, models: [] })])),
        keys: { test: { key: kClientKey } },
      },
    });
    try {
      const t = { admin: new Admin(gateway), gateway, upstream };
      let sent = 0;
      let index = 0;
      await inParallel(kConnections, kConnections, async () => {
        const connection = await gateway.connect();
        while (sent < kRequests) {
          const kinds = Array.from({ length: Math.min(kPipelined, kRequests - sent) }, () => (index += 1));
          sent += kinds.length;
          await connection.write(Buffer.concat(kinds.map((i) => Gateway.bytes({
            body: chatRequest(`${names[i % names.length]}/kind-${i % kKinds.length}`, { stream: i % 3 === 0 }),
          }))));
          for (const i of kinds) {
            const reply = await connection.response({ method: 'POST' });
            const [status, body] = kKinds[i % kKinds.length];
            assert.equal(reply.head.status, status, reply.text);
            assert.equal(reply.text, JSON.stringify(body), 'as the backend said it');
          }
        }
        connection.close();
      });
      assert.equal(upstream.seen, kRequests, 'no retries');
      upstream.when('kind-well', good());
      for (const name of names) {
        assert.deepEqual(await lanes(t, `${name}/kind-well`), { [name]: 'ready' });
        const reply = await ask(gateway, `${name}/kind-well`);
        assertClean(reply, false);
        assert.deepEqual((await told(t, reply)).trace, [], 'nothing was passed over');
      }
    } finally {
      await gateway.stop();
      await upstream.stop();
    }
  });
});
