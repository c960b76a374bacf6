// SPDX-License-Identifier: GPL-3.0-or-later
// Backends by hand, over the admin API: drain and resume, trip and reset, what there is to see of them
// meanwhile, and the events about it. Every answer is held against /openapi.json.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { Gateway, kClientKey, Scratch, testConfig } from './lib/gateway.mjs';
import { ask, assertClean, good, pairs, steps, told } from './lib/lanes.mjs';
import { parseEvents } from './lib/openai.mjs';
import { Admin, metric } from './lib/policy.mjs';
import { Schemas } from './lib/schema.mjs';
import { answer } from './lib/scripts.mjs';
import { assertError, suite } from './lib/suite.mjs';
import { deferred, until } from './lib/wait.mjs';

const kPairs = ['running', 'kept', 'tripped', 'timed', 'keys', 'watched', 'lone'];

const config = (upstream) => {
  const { backends, models } = pairs(upstream, kPairs);
  backends['keys-a'].api_keys = ['sk-first-key-of-two-1111', 'sk-second-key-of-two-2222'];
  delete backends['keys-a'].api_key;
  models.lone.targets.pop();
  return { backends, models, circuit_breaker: { consecutive_failures: 2, open_seconds: 60 }, keys: { test: { key: kClientKey } } };
};

/** POST without more than is wanted; the answer is checked against the description. */
async function post(t, target, body = {}, status = 200) {
  t.schemas ??= new Schemas(JSON.parse((await t.gateway.get('/openapi.json', { key: null })).text));
  const path = `/admin/v1/backends/${target}`;
  const reply = await t.gateway.request({ method: 'POST', path, body, key: t.admin.token });
  assert.deepEqual(t.schemas.answerProblems('POST', path, reply.head.status,
    reply.head.get('content-type'), reply.text), [], reply.text);
  assert.equal(reply.head.status, status, reply.text);
  return JSON.parse(reply.text);
}

const status = async (t, name) => (await t.admin.get(`backends/${name}`)).status;

/** Server-sent events of /admin/v1/events, as they come. */
async function watch(t) {
  const { connection, reader } = await t.gateway.begin({ method: 'GET', path: '/admin/v1/events', key: t.admin.token });
  await until('the events begin', () => reader.head);
  return {
    /** The events of that type so far. */
    of: (type) => parseEvents(reader.text).filter(({ event }) => event === type).map(({ data }) => JSON.parse(data)),
    close: () => connection.close(),
  };
}

suite('backends by hand', { config }, (t) => {
  before(() => {
    t.admin = new Admin(t.gateway);
    for (const name of kPairs) {
      t.upstream.when(`${name}-a`, good('from the first lane')).when(`${name}-b`, good());
    }
  });

  it('all there is to see of a backend', async () => {
    const item = await t.admin.get('backends/kept-b');
    assert.equal(item.status.draining, false);
    assert.equal(item.status.breaker.state, 'closed');
    assert.deepEqual(item.status.breaker.history, []);
    assert.equal(item.status.latency_ms, null);
    assert.deepEqual(item.status.keys.map(({ tail, state }) => [tail, state]), [['-key', 'ready']]);
    assert.equal(item.status.managed, null);
    const all = (await t.admin.get('backends')).data;
    assert.equal(all.length, kPairs.length * 2);
    assert.ok(all.every((one) => one.status.breaker));
  });

  it('a drained backend finishes what runs and gets nothing new', async () => {
    const go = deferred();
    t.upstream.when('running-a', async (exchange) => {
      await go.promise;
      await good('slowly')(exchange);
    });
    const slow = ask(t.gateway, 'running');
    await until('the slow request is under way', async () => (await status(t, 'running-a')).in_flight === 1);
    const drained = await post(t, 'running-a/drain');
    assert.equal(drained.status.draining, true);
    assert.equal(drained.status.in_flight, 1);
    assert.equal(await metric(t.gateway, 'tidegate_backend_draining', { backend: 'running-a' }), '1');

    const other = await ask(t.gateway, 'running', true);
    assertClean(other, true);
    assert.equal(other.head.get('x-tidegate-backend'), 'running-b');
    assert.deepEqual(steps(await told(t, other)),
      ['skipped running-a: draining', 'tried running-b: success 200']);
    go.resolve();
    assertClean(await slow, false, 'slowly');
    await until('nothing runs any more', async () => (await status(t, 'running-a')).in_flight === 0);

    assert.equal((await post(t, 'running-a/resume')).status.draining, false);
    const back = await ask(t.gateway, 'running');
    assert.equal(back.head.get('x-tidegate-backend'), 'running-a');
  });

  it('draining outlives a reload, and a change of the backend', async () => {
    await post(t, 'kept-a/drain', {});
    await t.admin.call('POST', 'config/reload', {});
    assert.equal((await status(t, 'kept-a')).draining, true);
    assert.equal((await ask(t.gateway, 'kept')).head.get('x-tidegate-backend'), 'kept-b');
    await post(t, 'kept-a/resume');
    assert.equal((await ask(t.gateway, 'kept')).head.get('x-tidegate-backend'), 'kept-a');
  });

  it('with every backend of a model drained: 503 that says so', async () => {
    await post(t, 'lone-a/drain');
    const error = assertError(await ask(t.gateway, 'lone'), 503, 'no_backend_available');
    assert.match(error.message, /taken out of service/);
    await post(t, 'lone-a/resume');
    assert.equal((await ask(t.gateway, 'lone')).head.status, 200);
  });

  it('a tripped breaker sends requests on until it is reset', async () => {
    const tripped = (await post(t, 'tripped-a/breaker/trip')).status.breaker;
    assert.equal(tripped.state, 'open');
    assert.equal(tripped.reason, 'by_hand');
    assert.equal(tripped.open_until, null);
    const reply = await ask(t.gateway, 'tripped');
    assert.deepEqual(steps(await told(t, reply)),
      ['skipped tripped-a: breaker_open', 'tried tripped-b: success 200']);
    const lane = { backend: 'tripped-a' };
    assert.equal(await metric(t.gateway, 'tidegate_breaker_state', { ...lane, state: 'open' }), '1');
    assert.equal(await metric(t.gateway, 'tidegate_breaker_state', { ...lane, state: 'closed' }), '0');
    assert.equal(await metric(t.gateway, 'tidegate_breaker_transitions_total', { ...lane, to: 'open' }), '1');
    const closed = (await post(t, 'tripped-a/breaker/reset')).status.breaker;
    assert.equal(closed.state, 'closed');
    assert.deepEqual(closed.history.map(({ from, to, reason }) => `${from} ${to} ${reason}`),
      ['open closed by_hand', 'closed open by_hand']);
    assert.equal((await ask(t.gateway, 'tripped')).head.get('x-tidegate-backend'), 'tripped-a');
  });

  it('for a time', async () => {
    const before = Date.now();
    const { breaker } = (await post(t, 'timed-a/breaker/trip', { seconds: 1 })).status;
    assert.ok(Math.abs(Date.parse(breaker.open_until) - before - 1000) < 1000, breaker.open_until);
    assert.equal((await ask(t.gateway, 'timed')).head.get('x-tidegate-backend'), 'timed-b');
    await until('it is tried again', async () =>
      (await ask(t.gateway, 'timed')).head.get('x-tidegate-backend') === 'timed-a', { everyMs: 50 });
  });

  it('a reset makes refused keys ready', async () => {
    t.upstream.when('keys-a', (exchange) => (exchange.head.get('authorization').endsWith('1111')
      ? answer({ error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } }, { status: 401 })(exchange)
      : good('from the first lane')(exchange)));
    assert.equal((await ask(t.gateway, 'keys')).head.get('x-tidegate-backend'), 'keys-a');
    const { keys } = await status(t, 'keys-a');
    assert.deepEqual(keys.map(({ tail, state, fault }) => [tail, state, fault]),
      [['1111', 'dead', 'key'], ['2222', 'ready', null]]);
    assert.ok(Date.parse(keys[0].until) > Date.now());
    assert.equal(await metric(t.gateway, 'tidegate_backend_keys', { backend: 'keys-a', state: 'dead' }), '1');
    const after = (await post(t, 'keys-a/breaker/reset')).status.keys;
    assert.deepEqual(after.map(({ state, until: when }) => [state, when]), [['ready', null], ['ready', null]]);
  });

  it('what is asked for wrongly', async () => {
    for (const action of ['drain', 'resume', 'breaker/trip', 'breaker/reset']) {
      assert.equal((await post(t, `none/${action}`, undefined, 404)).error.code, 'not_found');
      assert.equal((await post(t, `kept-b/${action}`, { more: 1 }, 400)).error.code, 'invalid_request');
      const get = await t.gateway.get(`/admin/v1/backends/kept-b/${action}`, { key: t.admin.token });
      assertError(get, 405, 'method_not_allowed');
      const nobody = await t.gateway.request({ method: 'POST', path: `/admin/v1/backends/kept-b/${action}` });
      assertError(nobody, 401, 'invalid_api_key');
    }
    for (const seconds of [0, -1, 1.5, 86401, '60', null]) {
      assert.equal((await post(t, 'kept-b/breaker/trip', { seconds }, 400)).error.param, 'seconds');
    }
    assert.equal((await status(t, 'kept-b')).breaker.state, 'closed');
  });

  it('the events tell of it, and so they do when requests open a breaker', async () => {
    const live = await watch(t);
    await post(t, 'watched-b/drain');
    await until('a backend event', () =>
      live.of('backend').some((one) => one.backend === 'watched-b' && one.draining === true));
    await post(t, 'watched-b/resume');
    t.upstream.when('watched-a', answer({ error: { message: 'down' } }, { status: 500 }));
    for (let i = 0; i < 3; ++i) {
      assert.equal((await ask(t.gateway, 'watched')).head.status, 200);
    }
    const [opened] = await until('a breaker event', () => {
      const found = live.of('breaker').filter(({ backend }) => backend === 'watched-a');
      return found.length ? found : null;
    });
    assert.equal(`${opened.from} ${opened.to} ${opened.reason}`, 'closed open consecutive_failures');
    assert.equal(opened.fault, 'server_error');
    assert.ok(live.of('backend').some((one) => one.backend === 'watched-a' && one.breaker.state === 'open'));
    await post(t, 'watched-a/breaker/reset');
    await until('it is closed again', () => live.of('breaker').filter(({ backend }) => backend === 'watched-a').length === 2);
    live.close();
  });
});

describe('across restarts', () => {
  it('what is drained stays so; what was tripped does not', async () => {
    const scratch = new Scratch();
    const settings = testConfig({}, {
      backends: { a: { type: 'echo' }, b: { type: 'echo' } },
      models: { m: { targets: [{ backend: 'a', model: 'x' }, { backend: 'b', model: 'x' }] } },
    });
    const start = async () => {
      const gateway = await Gateway.start({ config: settings, scratch });
      return { gateway, admin: new Admin(gateway) };
    };
    let t = await start();
    await post(t, 'a/drain');
    await post(t, 'b/breaker/trip', {});
    const { config: exported } = await t.admin.get('export?what=config').then((config) => ({ config }));
    assert.ok(!JSON.stringify(exported).includes('drained'));
    await t.gateway.stop();

    t = await start();
    assert.equal((await status(t, 'a')).draining, true);
    assert.equal((await status(t, 'b')).breaker.state, 'closed');
    assert.equal((await ask(t.gateway, 'm')).head.get('x-tidegate-backend'), 'b');
    await post(t, 'a/resume');
    await t.gateway.stop();
    t = await start();
    assert.equal((await status(t, 'a')).draining, false);
    await t.gateway.stop();
    scratch.remove();
  });
});

describe('what keys and teams use now', () => {
  it('is in their items, and the end of a budget in the events', async () => {
    const scratch = new Scratch();
    const gateway = await Gateway.start({
      scratch,
      config: testConfig({}, {
        backends: { echo: { type: 'echo' } },
        default_backend: 'echo',
        prices: { file: scratch.file('prices.yaml', 'updated: 2026-11-01\nmodels:\n  "house": { input: 0, output: 0, per_request: 0.4 }\n') },
        teams: { crew: { limits: { requests_per_minute: 100 } } },
        keys: {
          test: { key: kClientKey, team: 'crew', limits: { requests_per_minute: 50, tokens_per_day: 100000 },
            budget: { usd: 1, period: 'day' } },
          idle: { key: `${kClientKey}-idle` },
        },
      }),
    });
    const t = { gateway, admin: new Admin(gateway) };
    const live = await watch(t);
    for (let i = 0; i < 2; ++i) {
      assert.equal((await ask(gateway, 'house')).head.status, 200);
    }
    assertError(await ask(gateway, 'house'), 402, 'budget_exceeded');
    const key = await until('the use is settled', async () => {
      const found = (await t.admin.get('keys')).data.find(({ name }) => name === 'test');
      return found.usage.budget.held_usd === '0.000000000' ? found : null;
    });
    assert.equal(key.usage.budget.limit_usd, '1.000000000');
    assert.equal(key.usage.budget.spent_usd, '0.800000000');
    assert.ok(Date.parse(key.usage.budget.period_end) > Date.now());
    assert.equal(key.usage.requests_this_minute, 2);
    assert.ok(key.usage.tokens_today > 0);
    assert.equal(key.usage.in_flight, 0);
    const idle = (await t.admin.get('keys')).data.find(({ name }) => name === 'idle');
    assert.equal(idle.usage.budget, null);
    assert.equal(idle.usage.requests_this_minute, 0);
    const team = await t.admin.get('teams/crew');
    assert.equal(team.usage.requests_this_minute, 2);
    assert.equal(team.usage.budget, null);

    const events = await until('both budget events', () => (live.of('budget').length >= 2 ? live.of('budget') : null));
    assert.deepEqual(events.map(({ kind, scope, name }) => `${kind} ${scope} ${name}`).sort(),
      ['exhausted key test', 'soft_limit key test']);
    assert.ok(events.every(({ limit_usd: limit }) => limit === '1.000000000'));
    live.close();
    await gateway.stop();
    scratch.remove();
  });
});
