// SPDX-License-Identifier: GPL-3.0-or-later
// Limits from outside: requests and tokens a minute and a day, and requests at a time, of keys, teams,
// models and addresses, by both algorithms, with what fails and who leaves given back.

import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, it } from 'node:test';

import { Connection } from './lib/connection.mjs';
import { Gateway, Scratch } from './lib/gateway.mjs';
import { chatEvents, chatRequest, chunk, completion, event, usageEvent, usageOf } from './lib/openai.mjs';
import { burst, keysOf, secretOf, tally } from './lib/policy.mjs';
import { answer, faults, stream } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { deferred, now, slowness, until, within } from './lib/wait.mjs';

const kAlgorithms = ['token_bucket', 'sliding_window'];

/** Three tokens of text and four of the message, as Tidegate estimates it. */
const kPromptTokens = 7;
/** A request that reserves exactly @p tokens. */
const sized = (model, tokens, more = {}) => chatRequest(model, { max_tokens: tokens - kPromptTokens, ...more });

const both = (make) => Object.fromEntries(kAlgorithms.flatMap((algorithm) => Object.entries(make)
  .map(([name, limits]) => [`${name}-${algorithm}`, { limits: { ...limits, algorithm } }])));

const config = (upstream) => ({
  default_backend: 'up',
  circuit_breaker: { enabled: false }, // the one backend fails again and again here
  server: { workers: 2 },
  backends: { up: { type: 'openai', url: upstream.url, api_key: 'sk-up', timeouts: { idle_ms: 500 * slowness } } },
  rate_limits: {
    default: { requests_per_minute: 3 },
    per_model: {
      'scarce-*': { requests_per_minute: 4, algorithm: 'sliding_window' },
      'scarce-narrow': { max_concurrency: 1 },
      'wordy-*': { tokens_per_minute: 100, algorithm: 'sliding_window' },
    },
  },
  teams: {
    crowd: { limits: { requests_per_minute: 10, algorithm: 'sliding_window' } },
    talkers: { limits: { tokens_per_minute: 100, algorithm: 'sliding_window' } },
  },
  keys: keysOf({
    default: {},
    ...both({
      streams: { tokens_per_minute: 100 }, estimate: { tokens_per_minute: 100 },
      open: { tokens_per_minute: 100 }, embed: { tokens_per_minute: 100 },
      failing: { tokens_per_minute: 100, requests_per_minute: 1000 }, rpm: { requests_per_minute: 5 },
      huge: { tokens_per_minute: 100 }, cut: { tokens_per_minute: 1000 },
    }),
    single: { limits: { max_concurrency: 1 } },
    few: { limits: { max_concurrency: 3 } },
    crowd1: { team: 'crowd', limits: { requests_per_minute: 6, algorithm: 'sliding_window' } },
    crowd2: { team: 'crowd', limits: { requests_per_minute: 100 } },
    talker1: { team: 'talkers', limits: { requests_per_minute: 100 } },
    talker2: { team: 'talkers', limits: { requests_per_minute: 100 } },
    wide: { limits: { requests_per_minute: 10000 } },
    other: { limits: { requests_per_minute: 10000 } },
  }),
});

const header = (reader, name) => Number(reader.head.get(`x-ratelimit-${name}`));

suite('tokens a minute', { config, concurrency: 1 }, (t) => {
  for (const algorithm of kAlgorithms) {
    const of = (name) => secretOf(`${name}-${algorithm}`);

    it(`${algorithm}: of 20 streams of 50 tokens at once two are let in`, async () => {
      const model = freshModel();
      const open = deferred();
      t.upstream.when(model, async (exchange) => {
        await open.promise;
        await stream([...chatEvents(model), usageEvent(model, usageOf(kPromptTokens, 43))])(exchange);
      });
      const running = await burst(t.gateway, 20,
        () => ({ key: of('streams'), body: sized(model, 50, { stream: true }) }));
      await until('18 refusals', () => running.answered(429) === 18);
      open.resolve();
      const readers = await running.finish();
      assert.deepEqual(tally(readers), { 200: 2, '429 token_limit_exceeded': 18 });
      for (const { head } of readers) {
        assert.ok(head.get('x-ratelimit-remaining-tokens') >= 0, 'never negative');
        assert.equal(head.get('x-ratelimit-limit-tokens'), '100');
        assert.ok(head.status === 200 || Number(head.get('retry-after')) >= 1);
      }
      // All of it was used, so nothing came back.
      const late = await t.gateway.request({ key: of('streams'), body: sized(model, 50) });
      assertError(late, 429, 'token_limit_exceeded');
    });

    it(`${algorithm}: what the estimate missed is charged, and nothing else passes meanwhile`, async () => {
      const model = freshModel();
      const open = deferred();
      t.upstream.when(model, async (exchange) => {
        await open.promise;
        await stream([...chatEvents(model), usageEvent(model, usageOf(kPromptTokens + 30, 43))])(exchange);
      });
      const running = await burst(t.gateway, 20,
        () => ({ key: of('estimate'), body: sized(model, 50, { stream: true }) }));
      await until('18 refusals', () => running.answered(429) === 18);
      open.resolve();
      const readers = await running.finish();
      // 100 and the documented margin: 30 for each of the two that were in flight.
      assert.deepEqual(tally(readers), { 200: 2, '429 token_limit_exceeded': 18 });
      const reply = await t.gateway.request({ key: of('estimate'), body: sized(model, 10) });
      assertError(reply, 429, 'token_limit_exceeded');
      assert.equal(reply.head.get('x-ratelimit-remaining-tokens'), '0');
      // 60 tokens beyond the limit delay what follows: 70 are missing, 100 come in a minute.
      const waitS = Number(reply.head.get('retry-after-ms')) / 1000;
      const mostS = algorithm === 'token_bucket' ? 42 : 60;
      assert.ok(waitS > mostS - 4 * slowness && waitS <= mostS, `${waitS} s`);
    });

    it(`${algorithm}: without a maximum of output one takes what is left, and gives back the rest`, async () => {
      const model = freshModel();
      const open = deferred();
      t.upstream.when(model, async (exchange) => {
        await open.promise;
        await answer(completion(model, 'x', usageOf(kPromptTokens, 23)))(exchange);
      });
      const running = await burst(t.gateway, 20, () => ({ key: of('open'), body: chatRequest(model) }));
      await until('19 refusals', () => running.answered(429) === 19);
      open.resolve();
      assert.deepEqual(tally(await running.finish()), { 200: 1, '429 token_limit_exceeded': 19 });
      const second = await t.gateway.request({ key: of('open'), body: chatRequest(model) });
      assert.equal(second.head.status, 200, 'the 70 that came back are room for another');
      const third = await t.gateway.request({ key: of('open'), body: sized(model, 30) });
      assert.equal(third.head.status, 200);
      const left = header(third, 'remaining-tokens');
      assert.ok(left >= 10 && left <= 10 + 3 * slowness, `100 - 3 × 30 and a refill, not ${left}`);
    });

    it(`${algorithm}: embeddings count their input`, async () => {
      const model = freshModel();
      t.upstream.when(model, answer({ object: 'list', model, data: [{ object: 'embedding', index: 0, embedding: [1] }],
        usage: { prompt_tokens: 60, total_tokens: 60 } }));
      const ask = () => t.gateway.post('/v1/embeddings', { model, input: 'x'.repeat(120) }, { key: of('embed') });
      const first = await ask();
      assert.equal(first.head.status, 200);
      assert.equal(first.head.get('x-ratelimit-remaining-tokens'), '70', '30 were estimated');
      const second = await ask();
      assert.equal(second.head.status, 200, 'reserves 30 of the 40 that are left');
      assertError(await ask(), 429, 'token_limit_exceeded');
    });

    it(`${algorithm}: what failed is given back`, async () => {
      const model = freshModel();
      const scripts = [answer({ error: { message: 'no', type: 'x' } }, { status: 500 }), faults.resetBeforeHead(),
        answer({ error: { message: 'no', type: 'x' } }, { status: 400 }), faults.stallBeforeHead()];
      for (const [i, script] of scripts.entries()) {
        t.upstream.when(model, script);
        const { connection, reader } = await t.gateway.begin({ key: of('failing'), body: sized(model, 100) });
        if (i === 3) {
          await until('the request', () => t.upstream.of(model).length >= 4);
          connection.close();
          // Who leaves while the backend works is charged the prompt.
          await until('the end', async () => (await t.gateway.request(
            { key: of('failing'), body: sized(model, 1000) })).head.get('x-ratelimit-remaining-tokens') > 90);
        } else {
          await until('an answer', () => reader.complete);
          assert.notEqual(JSON.parse(reader.text).error.code, 'token_limit_exceeded', `${i}: ${reader.text}`);
        }
        connection.close();
      }
      t.upstream.when(model, answer(completion(model, 'x', usageOf(kPromptTokens, 1))));
      const reply = await t.gateway.request({ key: of('failing'), body: sized(model, 50) });
      assert.equal(reply.head.status, 200);
      const left = header(reply, 'remaining-tokens');
      assert.ok(left >= 100 - 50 - kPromptTokens && left <= 50, `${left} left: not more than there was`);
    });

    it(`${algorithm}: a stream that is cut is charged what came`, async () => {
      const model = freshModel();
      const words = Array.from({ length: 20 }, (_, i) => event(chunk(model, { content: `w${i}` }))).join('');
      t.upstream.when(model, faults.resetAfter(words));
      const cut = await t.gateway.request({ key: of('cut'), body: sized(model, 1000, { stream: true }) });
      assert.match(cut.text, /upstream_/);
      t.upstream.when(model, answer(completion(model)));
      const reply = await t.gateway.request({ key: of('cut'), body: sized(model, 100) });
      const left = header(reply, 'remaining-tokens');
      const least = 1000 - 100 - kPromptTokens - 20;
      assert.ok(left >= least && left < least + 17 * slowness, String(left));
    });

    it(`${algorithm}: more than the whole limit is refused for ever`, async () => {
      const model = freshModel();
      const reply = await t.gateway.request({ key: of('huge'), body: sized(model, 101) });
      assertError(reply, 429, 'token_limit_exceeded');
      assert.ok(!reply.head.has('retry-after'));
      assert.equal(reply.head.get('x-should-retry'), 'false');
      assert.equal(t.upstream.of(model).length, 0);
      t.upstream.when(model, answer(completion(model)));
      assert.equal((await t.gateway.request({ key: of('huge'), body: sized(model, 100) })).head.status, 200);
    });

    it(`${algorithm}: five requests a minute are five`, async () => {
      const model = freshModel();
      t.upstream.when(model, answer(completion(model)));
      const readers = await (await burst(t.gateway, 40, () => ({ key: of('rpm'), body: chatRequest(model) }))).finish();
      assert.deepEqual(tally(readers), { 200: 5, '429 rate_limit_exceeded': 35 });
      const most = algorithm === 'token_bucket' ? 12_000 : 60_000;
      for (const { head } of readers.filter(({ head: { status } }) => status === 429)) {
        const ms = Number(head.get('retry-after-ms'));
        assert.ok(ms > most - 2000 * slowness && ms <= most, `${ms} ms`);
        assert.equal(Number(head.get('retry-after')), Math.ceil(ms / 1000));
      }
    });
  }
});

suite('whose limits', { config, concurrency: 1 }, (t) => {
  const ask = (key, model, more) => t.gateway.request({ key: secretOf(key), body: chatRequest(model, more) });
  const reliable = (hint) => {
    const model = freshModel(hint);
    t.upstream.when(model, answer(completion(model)));
    return model;
  };

  it('a key without limits of its own has the default ones', async () => {
    const model = reliable();
    const readers = await (await burst(t.gateway, 10, () => ({ key: secretOf('default'), body: chatRequest(model) }))).finish();
    assert.deepEqual(tally(readers), { 200: 3, '429 rate_limit_exceeded': 7 });
  });

  it('a team\'s requests a minute hold for its keys together, and each key\'s own besides', async () => {
    const model = reliable();
    const first = tally(await (await burst(t.gateway, 8, () => ({ key: secretOf('crowd1'), body: chatRequest(model) }))).finish());
    assert.deepEqual(first, { 200: 6, '429 rate_limit_exceeded': 2 });
    const second = await (await burst(t.gateway, 8, () => ({ key: secretOf('crowd2'), body: chatRequest(model) }))).finish();
    assert.deepEqual(tally(second), { 200: 4, '429 rate_limit_exceeded': 4 });
    const refused = second.find(({ head }) => head.status === 429);
    assert.match(JSON.parse(refused.text).error.message, /team/);
    assert.equal(refused.head.get('x-ratelimit-limit-requests'), '10', 'the tightest is told');
  });

  it('a team\'s tokens a minute', async () => {
    const model = reliable();
    t.upstream.when(model, answer(completion(model, 'x', usageOf(kPromptTokens, 43))));
    const readers = await (await burst(t.gateway, 20, (i) => ({ key: secretOf(`talker${1 + (i % 2)}`), body: sized(model, 50) }))).finish();
    assert.deepEqual(tally(readers), { 200: 2, '429 token_limit_exceeded': 18 });
  });

  it('a pattern\'s limit holds for each model by itself, over all keys', async () => {
    for (const model of [reliable('scarce-a'), reliable('scarce-b')]) {
      const readers = await (await burst(t.gateway, 12, (i) => ({ key: secretOf(i % 2 ? 'wide' : 'other'), body: chatRequest(model) }))).finish();
      assert.deepEqual(tally(readers), { 200: 4, '429 rate_limit_exceeded': 8 });
      assert.match(JSON.parse(readers.find(({ head }) => head.status === 429).text).error.message, new RegExp(model));
    }
    assert.equal((await ask('wide', reliable('plenty'))).head.status, 200);
  });

  it('the most specific pattern counts alone', async () => {
    t.upstream.when('scarce-narrow', faults.stallBeforeHead());
    const { connection } = await t.gateway.begin({ key: secretOf('wide'), body: chatRequest('scarce-narrow') });
    await until('the request', () => t.upstream.of('scarce-narrow').length === 1);
    assertError(await ask('other', 'scarce-narrow'), 429, 'concurrency_limit_exceeded');
    connection.close();
    t.upstream.when('scarce-narrow', answer(completion('x')));
    for (let i = 0; i < 6; ++i) {
      await until('room', async () => (await ask('other', 'scarce-narrow')).head.status === 200);
    }
  });

  it('a model\'s tokens', async () => {
    const model = reliable('wordy');
    t.upstream.when(model, answer(completion(model, 'x', usageOf(kPromptTokens, 43))));
    const readers = await (await burst(t.gateway, 6, (i) => ({ key: secretOf(i % 2 ? 'wide' : 'other'), body: sized(model, 50) }))).finish();
    assert.deepEqual(tally(readers), { 200: 2, '429 token_limit_exceeded': 4 });
  });

  it('a refusal takes nothing of the limits that had room', async () => {
    const model = reliable('scarce-c');
    for (let i = 0; i < 20; ++i) {
      await ask('other', model);
    }
    const before = header(await ask('wide', reliable()), 'remaining-requests');
    for (let i = 0; i < 20; ++i) {
      assertError(await ask('wide', model), 429, 'rate_limit_exceeded');
    }
    assert.ok(header(await ask('wide', reliable()), 'remaining-requests') >= before - 1);
  });

  it('what is not let in by the key or cannot be routed is not counted', async () => {
    const model = reliable();
    const before = header(await ask('wide', model), 'remaining-requests');
    for (let i = 0; i < 10; ++i) {
      assertError(await t.gateway.request({ key: secretOf('wide'), body: '{' }), 400, 'invalid_json');
      assertError(await t.gateway.request({ key: 'wrong', body: chatRequest(model) }), 401, 'invalid_api_key');
    }
    assert.ok(header(await ask('wide', model), 'remaining-requests') >= before - 1);
  });
});

suite('requests at a time', { config, concurrency: 1 }, (t) => {
  const word = event(chunk('m', { content: 'word ' }));
  const phases = {
    'before the head': [faults.stallBeforeHead(), true, () => true],
    'after the head, before the first event': [faults.stallAfterHead(), true, () => true],
    'in the middle of a stream': [faults.stallAfter(word), true, (reader) => reader.size > 0],
    'before a whole answer': [faults.stallBeforeHead(), false, () => true],
    'in the middle of a whole answer': [
      faults.stallAfter('{"id":"x",', { 'Content-Type': 'application/json' }), false, () => true],
  };

  const untilAdmitted = async (model, from) => {
    t.upstream.when(model, answer(completion(model)));
    await until('the slot', async () => {
      const reply = await t.gateway.request({ key: secretOf('single'), body: chatRequest(model) });
      if (reply.head.status !== 200) {
        assertError(reply, 429, 'concurrency_limit_exceeded');
        assert.equal(reply.head.get('retry-after'), '1');
      }
      return reply.head.status === 200;
    }, { everyMs: 2 });
    assert.ok(now() - from <= 100 * slowness, `free after ${(now() - from).toFixed(1)} ms`);
  };

  for (const [phase, [script, streamed, ready]] of Object.entries(phases)) {
    for (const how of ['close', 'reset']) {
      it(`the slot is free at once when the client leaves ${phase}: ${how}`, async () => {
        const model = freshModel();
        t.upstream.when(model, script);
        const { connection, reader } = await t.gateway.begin({
          key: secretOf('single'), body: chatRequest(model, { stream: streamed }),
        });
        await until('the request', () => t.upstream.of(model)[0], { everyMs: 1 });
        await until('the phase', () => ready(reader), { everyMs: 1 });
        assertError(await t.gateway.request({ key: secretOf('single'), body: chatRequest(model) }), 429,
          'concurrency_limit_exceeded');
        const from = now();
        connection[how]();
        await untilAdmitted(model, from);
      });
    }
  }

  it('the slot is free when the answer is there, failed or not', async () => {
    for (const script of [(model) => answer(completion(model)), () => answer('{}', { status: 500 }),
      () => answer('{}', { status: 404 }), () => faults.resetBeforeHead(), () => faults.closeAfter(word),
      () => faults.garbage(), (model) => stream(chatEvents(model))]) {
      const model = freshModel();
      t.upstream.when(model, script(model));
      for (let i = 0; i < 20; ++i) { // on connections of all engine threads
        const reply = await t.gateway.request({ key: secretOf('single'), body: chatRequest(model, { stream: true }) });
        assert.notEqual(reply.head.status, 429, reply.text);
      }
    }
  });

  it('three are three', async () => {
    const model = freshModel();
    const open = deferred();
    t.upstream.when(model, async (exchange) => {
      await open.promise;
      await answer(completion(model))(exchange);
    });
    const running = await burst(t.gateway, 50, () => ({ key: secretOf('few'), body: chatRequest(model) }));
    await until('47 refusals', () => running.answered(429) === 47);
    open.resolve();
    assert.deepEqual(tally(await running.finish()), { 200: 3, '429 concurrency_limit_exceeded': 47 });
    assert.equal(t.upstream.of(model).length, 3);
  });

  it('a stalled backend gives the slot back at its time-out', async () => {
    const model = freshModel();
    t.upstream.when(model, faults.stallAfter(word));
    const reply = await within(5000, 'the time-out',
      t.gateway.request({ key: secretOf('single'), body: chatRequest(model, { stream: true }) }));
    assert.match(reply.text, /upstream_timeout/);
    await untilAdmitted(model, now());
  });
});

suite('without keys', {
  config: (upstream) => ({
    default_backend: 'up', server: { auth: 'off' },
    backends: { up: { type: 'openai', url: upstream.url, api_key: 'sk-up' } },
    rate_limits: { default: { requests_per_minute: 1 }, per_ip: { requests_per_minute: 5, algorithm: 'sliding_window' } },
  }),
  concurrency: 1,
}, (t) => {
  const from = async (address, model, headers = {}) => {
    const connection = new Connection(net.connect({
      host: '127.0.0.1', port: t.gateway.port, localAddress: address, allowHalfOpen: true,
    }));
    try {
      await connection.write(Gateway.bytes({ body: chatRequest(model), key: null, headers }));
      return await connection.response({ method: 'POST' });
    } finally {
      connection.close();
    }
  };

  it('each address has its own limit, whatever it says about itself', async () => {
    const model = freshModel();
    t.upstream.when(model, answer(completion(model)));
    for (const address of ['127.0.0.2', '127.0.0.3']) {
      for (let i = 0; i < 5; ++i) {
        const reply = await from(address, model, { Authorization: `Bearer any-${i}` });
        assert.equal(reply.head.status, 200, reply.text);
        assert.equal(header(reply, 'remaining-requests'), 4 - i);
      }
      const reply = await from(address, model, {
        'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=203.0.113.7', 'X-Real-IP': '203.0.113.7',
      });
      assert.match(assertError(reply, 429, 'rate_limit_exceeded').message, /network address/);
    }
  });
});

// Not only the limits of a minute, but what is used of a day, outlives the program.
describe('tokens a day', () => {
  it('hold over restarts and kills, for keys, teams and models', async () => {
    const upstream = await ScriptedUpstream.start();
    const scratch = new Scratch();
    const model = 'daily';
    upstream.when(model, async (exchange) => {
      const used = Number(exchange.json.user);
      await (exchange.json.stream
        ? stream([...chatEvents(model), usageEvent(model, usageOf(kPromptTokens, used - kPromptTokens))])
        : answer(completion(model, 'x', usageOf(kPromptTokens, used - kPromptTokens))))(exchange);
    });
    const settings = {
      default_backend: 'up', backends: { up: { type: 'openai', url: upstream.url } },
      rate_limits: { per_model: { daily: { tokens_per_day: 2490 } } },
      teams: { team: { limits: { tokens_per_day: 1500 } } },
      keys: keysOf({ day: { limits: { tokens_per_day: 1000 } }, a: { team: 'team' }, b: { team: 'team' } }),
    };
    let gateway;
    const start = async () => { gateway = await Gateway.start({ scratch, config: settings }); };
    const use = async (key, tokens, more = {}) => gateway.request({
      key: secretOf(key), body: sized(model, tokens, { user: String(tokens), ...more }),
    });
    const written = (count) => until(`${count} rows`, async () => (
      await gateway.query('SELECT count(*) AS n FROM requests'))[0].n >= count);
    try {
      await start();
      const first = await use('day', 600);
      assert.equal(first.head.get('x-ratelimit-limit-tokens'), '1000');
      assert.equal(first.head.get('x-ratelimit-remaining-tokens'), '400');
      assert.equal((await use('day', 300, { stream: true })).head.status, 200);
      const refused = await use('day', 101);
      assertError(refused, 429, 'daily_token_limit');
      const restMs = 86_400_000 - (Date.now() % 86_400_000);
      assert.ok(Math.abs(Number(refused.head.get('retry-after-ms')) - restMs) < 2000);
      const never = await use('day', 1001);
      assertError(never, 429, 'daily_token_limit');
      assert.equal(never.head.get('x-should-retry'), 'false');
      assert.equal((await use('a', 800)).head.status, 200);
      await gateway.stop();

      await start();
      assertError(await use('day', 101), 429, 'daily_token_limit');
      assert.equal((await use('day', 50)).head.get('x-ratelimit-remaining-tokens'), '50');
      assertError(await use('b', 701), 429, 'daily_token_limit');
      assert.equal((await use('b', 500)).head.get('x-ratelimit-remaining-tokens'), '200');
      await written(9);
      await gateway.kill9();

      await start();
      assertError(await use('day', 51), 429, 'daily_token_limit');
      assert.equal((await use('day', 50)).head.get('x-ratelimit-remaining-tokens'), '0');
      assertError(await use('a', 201), 429, 'daily_token_limit');
      // 600 + 300 + 50 + 50 of the key and 800 + 500 of the team: 190 are left of the model's.
      const spent = assertError(await use('a', 191), 429, 'daily_token_limit');
      assert.match(spent.message, /the model 'daily'/);
      assert.equal((await use('a', 190)).head.status, 200);
      await gateway.stop();
    } finally {
      await gateway?.kill9();
      await upstream.stop();
      scratch.remove();
    }
  });
});
