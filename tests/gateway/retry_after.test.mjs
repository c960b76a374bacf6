// SPDX-License-Identifier: GPL-3.0-or-later
// Retry-After in every spelling is a floor: the backend is not called before, other lanes and keys serve
// meanwhile, and afterwards it is used again without more ado. And the other side of patience: however
// often requests fail, retries stay a small share of them.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { kClientKey } from './lib/gateway.mjs';
import { ask, assertClean, backend, busy, good, keepBusy, pairs, steps, told } from './lib/lanes.mjs';
import { chatRequest, completion } from './lib/openai.mjs';
import { Admin, burst } from './lib/policy.mjs';
import { answer } from './lib/scripts.mjs';
import { suite } from './lib/suite.mjs';
import { deferred, inParallel, now, sleep, slowness, until } from './lib/wait.mjs';

const kJson = { 'Content-Type': 'application/json' };
const refusal = (status, fields = {}, more = {}) => answer(
  { error: { message: 'later', type: 'rate_limit_error', param: null, code: null, ...more } },
  { status, fields: { ...kJson, ...fields } },
);

/** A date of the backend's own clock, which is a day behind, and others counted from it. */
const kServerNow = new Date(Math.floor(Date.now() / 1000) * 1000 - 86_400_000);
const inSeconds = (s) => new Date(kServerNow.getTime() + s * 1000);
const kDate = { Date: kServerNow.toUTCString() };
const kDays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const rfc850 = (date) => {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) (\S+) GMT$/.exec(date.toUTCString());
  return `${kDays[date.getUTCDay()]}, ${day}-${month}-${year.slice(2)} ${time} GMT`;
};
const asctime = (date) => {
  const [, name, day, month, year, time] = /^(\w+), (\d+) (\w+) (\d+) (\S+) GMT$/.exec(date.toUTCString());
  return `${name} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
};
const rfc3339 = (date) => date.toISOString().replace('.000', '');
const retryInfo = (delay) => [429, kJson, {
  code: 429, status: 'RESOURCE_EXHAUSTED',
  details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: delay }],
}];

// The spelling, the answer, and for how many milliseconds it asks.
const kSpellings = [
  ['retry-after-ms', [429, { 'retry-after-ms': '700' }], 700],
  ['seconds', [429, { 'Retry-After': '1' }], 1000],
  ['decimal seconds', [429, { 'Retry-After': '0.8' }], 800],
  ['retry-after-ms besides a coarser Retry-After', [429, { 'Retry-After': '60', 'retry-after-ms': '750' }], 750],
  ['an HTTP date', [429, { ...kDate, 'Retry-After': inSeconds(1).toUTCString() }], 1000],
  ['an RFC 850 date', [429, { ...kDate, 'Retry-After': rfc850(inSeconds(1)) }], 1000],
  ['an asctime date', [429, { ...kDate, 'Retry-After': asctime(inSeconds(1)) }], 1000],
  ['Google\'s RetryInfo', retryInfo('0.9s'), 900],
  ['RetryInfo, the later of two', [429, { 'Retry-After': '0.2' }, retryInfo('0.9s')[2]], 900],
  ['RetryInfo besides a limit\'s reset', [429, { 'x-ratelimit-reset-requests': '6m0s' }, retryInfo('0.9s')[2]], 900],
  ['x-ratelimit-reset-requests', [429, {
    'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '850ms',
    'x-ratelimit-remaining-tokens': '100', 'x-ratelimit-reset-tokens': '6m0s',
  }], 850],
  ['x-ratelimit-reset-tokens', [429, {
    'x-ratelimit-remaining-requests': '9', 'x-ratelimit-reset-requests': '6m0s',
    'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '0.95s',
  }], 950],
  ['x-ratelimit-reset in seconds', [429, { 'x-ratelimit-reset': '1' }], 1000],
  ['x-ratelimit-reset in milliseconds since 1970', [429, { ...kDate, 'x-ratelimit-reset': `${inSeconds(1).getTime()}` }],
    1000],
  ['ratelimit-reset in seconds since 1970', [429, { ...kDate, 'ratelimit-reset': `${inSeconds(1).getTime() / 1000}` }],
    1000],
  ['anthropic-ratelimit-requests-reset', [429, {
    ...kDate, 'anthropic-ratelimit-requests-remaining': '0', 'anthropic-ratelimit-requests-reset': rfc3339(inSeconds(1)),
    'anthropic-ratelimit-tokens-remaining': '50000', 'anthropic-ratelimit-tokens-reset': rfc3339(inSeconds(600)),
  }], 1000],
  ['anthropic-ratelimit-unified-reset', [429, {
    ...kDate, 'anthropic-ratelimit-unified-status': 'rejected',
    'anthropic-ratelimit-unified-reset': `${inSeconds(1).getTime() / 1000}`,
  }], 1000],
  ['503 with seconds', [503, { 'Retry-After': '1' }], 1000],
  ['529 with retry-after-ms', [529, { 'retry-after-ms': '900' }], 900],
].map(([what, says, ms], index) => ({ name: `wait${index}`, what, says, ms }));

const kNonsense = ['', '-1', '1e3', 'soon', '99999999999999999', 'inf'].map((text, index) => ({ name: `odd${index}`, text }));

suite('Retry-After', {
  concurrency: 30,
  config: (upstream) => {
    const { backends, models } = pairs(upstream, [
      ...[...kSpellings, ...kNonsense].map(({ name }) => name), 'ages', 'own', 'refused']);
    return { backends: { ...backends, ...busy }, models, keys: { test: { key: kClientKey } } };
  },
}, (t) => {
  let stopBusy;
  before(async () => {
    t.admin = new Admin(t.gateway);
    stopBusy = await keepBusy(t.gateway);
  });
  after(() => stopBusy());

  for (const { name, what, says, ms } of kSpellings) {
    it(`${what}: not before ${ms} ms are over`, async () => {
      const calls = [];
      let saidAt;
      t.upstream.when(`${name}-a`, async (exchange) => {
        calls.push(exchange.at);
        if (calls.length > 1) {
          await good('back again')(exchange);
          return;
        }
        saidAt = now(); // the gateway cannot know of it any sooner
        await refusal(...says)(exchange);
      }).when(`${name}-b`, good());
      assertClean(await ask(t.gateway, name), false);
      let passed;
      while (calls.length < 2) {
        const reply = await ask(t.gateway, name);
        passed ??= reply;
        assertClean(reply, false, calls.length < 2 ? undefined : 'back again');
        assert.ok(now() - saidAt < ms + 2000 * slowness, 'the lane is used again soon after');
        await sleep(20);
      }
      const waited = calls[1] - saidAt;
      assert.ok(waited >= ms, `${waited} ms`);
      const { trace } = await told(t, passed);
      assert.equal(trace[0].reason, 'cooling_down');
      assert.ok(trace[0].available_in_ms <= ms, `${trace[0].available_in_ms} ms`);
    });
  }

  for (const { name, text } of kNonsense) {
    it(`"${text}" says nothing, and the lane is used at once`, async () => {
      t.upstream.when(`${name}-a`, refusal(429, { 'Retry-After': text })).when(`${name}-b`, good());
      for (let i = 1; i <= 3; ++i) {
        assertClean(await ask(t.gateway, name), false);
        assert.equal(t.upstream.of(`${name}-a`).length, i);
      }
    });
  }

  it('120 hours count as 24', async () => {
    t.upstream.when('ages-a', refusal(429, { 'Retry-After': `${120 * 3600}` })).when('ages-b', good());
    await ask(t.gateway, 'ages');
    const [step] = (await told(t, await ask(t.gateway, 'ages'))).trace;
    assert.equal(step.reason, 'cooling_down');
    const hours = step.available_in_ms / 3_600_000;
    assert.ok(hours > 23.9 && hours <= 24, `${hours} hours`);
  });

  it('what one lane asked for is not held against the next one', async () => {
    // The second lane breaks without a word; it must not inherit the first one's pause.
    let calls = 0;
    t.upstream.when('own-a', refusal(429, { 'Retry-After': '600' })).when('own-b', async (exchange) => {
      calls += 1;
      if (calls > 1) {
        await good()(exchange);
        return;
      }
      await sleep(250);
      exchange.reset();
    });
    assert.equal((await ask(t.gateway, 'own')).head.status, 502);
    assertClean(await ask(t.gateway, 'own'), false);
  });
});

const keyOf = (exchange) => exchange.head.get('authorization')?.replace('Bearer ', '');

suite('one of two keys', {
  concurrency: 8,
  config: (upstream) => {
    const two = (name) => ({ api_key: undefined, api_keys: [`sk-${name}-one-0123`, `sk-${name}-two-0123`] });
    const { backends, models } = pairs(upstream, {
      dead: { a: two('dead') }, broke: { a: two('broke') }, limited: { a: two('limited') }, none: { a: two('none') },
      mute: { a: two('mute') },
    });
    return {
      backends: { ...backends, alone: backend(upstream, 'alone', two('alone')), ...busy },
      models, keys: { test: { key: kClientKey } },
    };
  },
}, (t) => {
  let stopBusy;
  before(async () => {
    t.admin = new Admin(t.gateway);
    stopBusy = await keepBusy(t.gateway);
  });
  after(() => stopBusy());

  const only = (name, good2, bad) => async (exchange) => (keyOf(exchange) === `sk-${name}-one-0123` ? bad : good2)(exchange);

  for (const [name, what, bad] of [
    ['dead', '401', answer({ error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } }, { status: 401 })],
    ['broke', '402', answer({ error: { message: 'Insufficient Balance' } }, { status: 402 })],
  ]) {
    it(`${what}: out at once, the other one answers, the lane stays`, async () => {
      t.upstream.when(`${name}-a`, only(name, good('from the other key'), bad)).when(`${name}-b`, good());
      const replies = [];
      for (let i = 0; i < 8; ++i) {
        const reply = await ask(t.gateway, name, i % 2 === 1);
        assertClean(reply, i % 2 === 1, 'from the other key');
        replies.push(reply);
      }
      const keys = t.upstream.of(`${name}-a`).map(keyOf);
      assert.equal(keys.filter((key) => key.includes('-one-')).length, 1, 'asked once, then left alone');
      assert.equal(t.upstream.of(`${name}-b`).length, 0);
      const first = await Promise.all(replies.slice(0, 2).map((reply) => told(t, reply)));
      const struck = first.find(({ attempts }) => attempts === 2);
      assert.deepEqual(steps(struck).map((step) => step.split(' ').slice(0, 3).join(' ')), [
        `tried ${name}-a: credentials_dead`, `tried ${name}-a: success`]);
    });
  }

  it('429 with Retry-After: the other key at once, this one when its time is over', async () => {
    let refusedAt;
    t.upstream.when('limited-a', async (exchange) => {
      if (keyOf(exchange).includes('-two-') || refusedAt) {
        await good('from a key')(exchange);
        return;
      }
      refusedAt = now();
      await refusal(429, { 'Retry-After': '1' })(exchange);
    }).when('limited-b', good());
    const back = () => t.upstream.of('limited-a').filter((one) => keyOf(one).includes('-one-')).length > 1;
    await until('the first key is used again', async () => {
      assertClean(await ask(t.gateway, 'limited'), false, 'from a key');
      return back();
    }, { everyMs: 20 });
    const [, again] = t.upstream.of('limited-a').filter((one) => keyOf(one).includes('-one-'));
    assert.ok(again.at - refusedAt >= 1000, `${again.at - refusedAt} ms`);
    assert.equal(t.upstream.of('limited-b').length, 0, 'the lane is not the key');
  });

  it('429 without a word: the other key at once', async () => {
    t.upstream.when('mute-a', only('mute', good('from the other key'), refusal(429))).when('mute-b', good());
    for (let i = 0; i < 4; ++i) {
      assertClean(await ask(t.gateway, 'mute'), false, 'from the other key');
    }
    assert.equal(t.upstream.of('mute-a').length, 5);
  });

  it('all keys dead: the next lane, and the lane is passed over from then on', async () => {
    t.upstream.when('none-a', answer({ error: { message: 'no' } }, { status: 401 })).when('none-b', good());
    const first = await ask(t.gateway, 'none');
    assertClean(first, false);
    assert.equal(t.upstream.of('none-a').length, 2, 'each key once');
    assert.deepEqual(steps(await told(t, first)), ['tried none-a: credentials_dead key 401',
      'tried none-a: credentials_dead key 401', 'tried none-b: success 200']);
    const second = await ask(t.gateway, 'none');
    assertClean(second, false);
    assert.deepEqual(steps(await told(t, second)), ['skipped none-a: keys_refused', 'tried none-b: success 200']);
    assert.equal(t.upstream.of('none-a').length, 2);
  });

  it('all keys dead and no other lane: what the backend said, then 503', async () => {
    const body = '{"error":{"message":"no such key","type":"x","param":null,"code":"invalid_api_key"}}';
    t.upstream.when('alone-model', answer(body, { status: 401 }));
    const first = await ask(t.gateway, 'alone-model');
    assert.equal(first.head.status, 401);
    assert.equal(first.text, body);
    const second = await ask(t.gateway, 'alone-model');
    assert.equal(second.head.status, 503);
    assert.equal(JSON.parse(second.text).error.code, 'no_backend_available');
    assert.equal(t.upstream.of('alone-model').length, 2);
  });
});

for (const breakers of [true, false]) {
  suite(`no storm, breakers ${breakers ? 'on' : 'off'}`, {
    config: (upstream) => {
      const eager = { retry: { max_attempts: 5, backoff_ms: 1, max_backoff_ms: 2 } };
      const { backends, models } = pairs(upstream, { down: { a: eager, b: eager } });
      return { backends, models, keys: { test: { key: kClientKey } }, circuit_breaker: { enabled: breakers } };
    },
  }, (t) => {
    it('when everything fails, backends see hardly more than was asked', async () => {
      t.upstream.when('down-a', refusal(503)).when('down-b', refusal(503));
      const kRequests = 800;
      const kWidth = 16;
      await inParallel(kRequests, kWidth, async () => {
        const reply = await ask(t.gateway, 'down');
        assert.equal(reply.head.status, 503, reply.text);
      });
      // A fifth of the requests, one a second of the window, and those that were under way before the second
      // lane had been seen to fail: docs/resilience.md.
      const most = kRequests * 1.2 + 10 + kWidth;
      assert.ok(t.upstream.seen <= most, `${t.upstream.seen} calls for ${kRequests} requests`);
      if (breakers) {
        assert.ok(t.upstream.seen < 100, `${t.upstream.seen}: both lanes are left alone after some failures`);
      } else {
        assert.ok(t.upstream.seen > kRequests, `${t.upstream.seen}: but some are retried`);
      }
    });
  });
}

suite('a burst at a lane that has just died', {
  config: (upstream) => ({ ...pairs(upstream, ['dying']), keys: { test: { key: kClientKey } } }),
}, (t) => {
  it('every request is answered by the other one', async () => {
    const kBurst = 100;
    const all = deferred();
    t.upstream.when('dying-a', async (exchange) => {
      if (t.upstream.of('dying-a').length === kBurst) {
        all.resolve();
      }
      await all.promise; // it dies with all of them in its hands
      exchange.reset();
    }).when('dying-b', good());
    const running = await burst(t.gateway, kBurst, (i) => ({ body: chatRequest('dying', { stream: i % 2 === 1 }) }));
    const readers = await running.finish();
    readers.forEach((reader, i) => assertClean(reader, i % 2 === 1));
    assert.equal(t.upstream.of('dying-b').length, kBurst);
  });
});

suite('the same lane again', {
  config: (upstream) => ({
    backends: Object.fromEntries(['patient', 'hasty', 'sent'].map((name) => [name, backend(upstream, name, {
      retry: { max_attempts: 3, backoff_ms: 20 },
    })])),
    keys: { test: { key: kClientKey } },
  }),
}, (t) => {
  before(() => { t.admin = new Admin(t.gateway); });

  it('503 that asks for half a second: again, but not before', async () => {
    const calls = [];
    t.upstream.when('patient-model', async (exchange) => {
      calls.push(now());
      await (calls.length < 2 ? refusal(503, { 'retry-after-ms': '500' })
        : answer(completion('m', 'there it is')))(exchange);
    });
    const reply = await ask(t.gateway, 'patient-model');
    assertClean(reply, false, 'there it is');
    assert.equal(reply.head.get('x-tidegate-attempts'), '2');
    assert.ok(calls[1] - calls[0] >= 500, `${calls[1] - calls[0]} ms`);
  });

  it('503 that asks for more than a client waits for: passed on', async () => {
    t.upstream.when('hasty-model', refusal(503, { 'Retry-After': '2' }));
    const reply = await ask(t.gateway, 'hasty-model');
    assert.equal(reply.head.status, 503);
    assert.equal(reply.head.get('retry-after'), '2');
    assert.equal(t.upstream.of('hasty-model').length, 1);
  });

  it('what may have been done already is not done twice', async () => {
    for (const script of [refusal(500), refusal(502), refusal(504), refusal(429)]) {
      const before = t.upstream.of('sent-model').length;
      t.upstream.when('sent-model', script);
      await ask(t.gateway, 'sent-model');
      assert.equal(t.upstream.of('sent-model').length, before + 1);
    }
  });
});
