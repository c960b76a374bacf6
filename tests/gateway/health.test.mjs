// SPDX-License-Identifier: GPL-3.0-or-later
// Active health checks from outside: what each type of server is asked, how requests go around one that is
// down or still loading its model, and what /ready, the admin API and the metrics tell meanwhile.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Gateway, testConfig } from './lib/gateway.mjs';
import { ask, assertClean, good, steps, told } from './lib/lanes.mjs';
import { Admin, metric } from './lib/policy.mjs';
import { answer } from './lib/scripts.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { sleep, until } from './lib/wait.mjs';

const kModels = { object: 'list', data: [{ id: 'm' }] };
const loading = answer({ error: { code: 503, message: 'Loading model', type: 'unavailable_error' } }, { status: 503 });
const ok = answer({ status: 'ok' });
const health = { interval_seconds: 1, timeout_ms: 1000, healthy_after: 1, unhealthy_after: 2 };

/** A server of its own for each lane; its health is `server.health`, an answer script per path. */
async function server(paths = {}) {
  const up = await ScriptedUpstream.start();
  up.paths = { '/health': ok, ...paths };
  up.asked = [];
  up.models = answer(kModels);
  up.otherwise(async (exchange) => {
    if (exchange.head.method === 'GET') {
      up.asked.push(exchange);
      await (up.paths[exchange.head.target] ?? answer({ error: { message: 'nothing here' } }, { status: 404 }))(exchange);
    } else {
      await good(up.says)(exchange);
    }
  });
  return up;
}

const status = async (t, name) => (await t.admin.get(`backends/${name}`)).status;
const untilIs = (t, name, health_) => until(`${name} is ${health_}`, async () => {
  const found = await status(t, name);
  return found.health === health_ ? found : null;
}, { timeoutMs: 10_000, everyMs: 50 });

/** Runs @p test with lanes `first` and `second` of model `m`; first is what the test makes of it. */
async function withLanes(first, test, { second = { type: 'local' } } = {}) {
  const servers = { first: await server(first.paths), second: await server() };
  servers.first.says = 'from first';
  servers.second.says = 'from second';
  first.prepare?.(servers.first);
  const entry = (name, more) => ({ url: `http://127.0.0.1:${servers[name].port}/v1`, models: ['m'], health, ...more });
  const gateway = await Gateway.start({
    config: testConfig({}, {
      backends: { first: entry('first', first.config), second: entry('second', second) },
      models: { m: { targets: [{ backend: 'first', model: 'm' }, { backend: 'second', model: 'm' }] } },
      circuit_breaker: { enabled: false },
    }),
  });
  const t = { gateway, admin: new Admin(gateway), ...servers };
  try {
    await test(t);
  } finally {
    await gateway.stop();
    await servers.first.stop();
    await servers.second.stop();
  }
}

/** What /ready says: its status, and the entry of backend @p name. */
async function readiness(t, name) {
  const reply = await t.gateway.get('/ready', { key: null });
  return [reply.head.status, JSON.parse(reply.text).backends.find((one) => one.name === name)];
}

const from = (reply) => reply.head.get('x-tidegate-backend');

describe('health checks', { concurrency: 4 }, () => {
  it('llama.cpp that loads its model is passed over until it is loaded', () => withLanes({
    config: { type: 'llamacpp' }, paths: { '/health': loading },
  }, async (t) => {
    const found = await untilIs(t, 'first', 'loading');
    assert.match(found.health_reason, /loading/i);
    assert.ok(Date.parse(found.checked_at) > Date.now() - 10_000);
    const reply = await ask(t.gateway, 'm', true);
    assertClean(reply, true, 'from second');
    assert.deepEqual(steps(await told(t, reply)), ['skipped first: loading', 'tried second: success 200']);
    assert.equal(t.first.of('m').length, 0);
    const [code, entry] = await readiness(t, 'first');
    assert.equal(code, 200); // the second one is well
    assert.deepEqual([entry.health, entry.reason], ['loading', 'loading']);
    assert.equal(await metric(t.gateway, 'tidegate_backend_health', { backend: 'first', state: 'loading' }), '1');
    assert.equal(await metric(t.gateway, 'tidegate_backend_health', { backend: 'first', state: 'healthy' }), '0');

    t.first.paths['/health'] = ok;
    await untilIs(t, 'first', 'healthy');
    assertClean(await ask(t.gateway, 'm'), false, 'from first');
  }));

  it('a server that fails its checks is passed over, and tried when nothing else is left', () => withLanes({
    config: { type: 'vllm' },
  }, async (t) => {
    await untilIs(t, 'first', 'healthy');
    t.first.paths['/health'] = answer('engine dead', { status: 500 });
    const found = await untilIs(t, 'first', 'unhealthy');
    assert.match(found.health_reason, /500/);
    assert.equal(from(await ask(t.gateway, 'm')), 'second');
    t.second.paths['/health'] = answer('', { status: 500 });
    t.second.models = answer('', { status: 500 });
    await untilIs(t, 'second', 'unhealthy');
    const [code, entry] = await readiness(t, 'first');
    assert.equal(code, 503);
    assert.equal(entry.reason, 'unhealthy');
    // Both fail their checks and answer requests all the same: that is better than no answer.
    assert.equal(from(await ask(t.gateway, 'm')), 'first');
  }));

  it('vLLM must list the model that is asked for', () => withLanes({
    config: { type: 'vllm', health: { ...health, model: 'tuned' } },
  }, async (t) => {
    const found = await untilIs(t, 'first', 'loading');
    assert.match(found.health_reason, /tuned/);
    assert.deepEqual(found.discovered, ['m']);
    t.first.models = answer({ object: 'list', data: [{ id: 'm' }, { id: 'tuned' }] });
    assert.deepEqual((await untilIs(t, 'first', 'healthy')).discovered, ['m', 'tuned']);
    const listed = JSON.parse((await t.gateway.get('/v1/models')).text).data.map(({ id }) => id);
    assert.ok(listed.includes('m'));
  }));

  it('Ollama must have pulled it; in memory it need not be', () => withLanes({
    config: { type: 'ollama', health: { ...health, model: 'qwen' } },
    paths: { '/api/tags': answer({ models: [{ name: 'phi:3b' }] }), '/api/ps': answer({ models: [] }) },
  }, async (t) => {
    assert.match((await untilIs(t, 'first', 'unhealthy')).health_reason, /qwen/);
    t.first.paths['/api/tags'] = answer({ models: [{ name: 'qwen:latest' }] });
    assert.match((await untilIs(t, 'first', 'healthy')).health_reason, /not in memory/);
  }));

  it('a path of one\'s own, with the backend\'s key and fields and nothing else', () => withLanes({
    config: { type: 'openai', api_key: 'sk-own', headers: { 'X-Own': 'yes' }, health: { ...health, path: '/alive' } },
    paths: { '/alive': ok },
  }, async (t) => {
    await untilIs(t, 'first', 'healthy');
    const { head } = await until('it is asked', () => t.first.asked[0]);
    assert.equal(head.target, '/alive');
    assert.equal(head.get('authorization'), 'Bearer sk-own');
    assert.equal(head.get('x-own'), 'yes');
    t.first.paths['/alive'] = answer('', { status: 404 });
    assert.match((await untilIs(t, 'first', 'unhealthy')).health_reason, /404/);
  }));

  it('a redirect is not followed, and no key goes elsewhere', () => withLanes({
    config: { type: 'vllm', api_key: 'sk-canary' },
    paths: {},
    prepare: (up) => {
      up.paths['/health'] = async (exchange) => {
        await exchange.start(302, { Location: `http://127.0.0.1:${up.elsewhere}/health` }, 0);
        await exchange.finish();
      };
    },
  }, async (t) => {
    t.first.elsewhere = t.second.port;
    await until('it is asked', () => t.first.asked.length >= 2, { timeoutMs: 5000 });
    assert.ok(t.second.asked.every(({ head }) => head.get('authorization') === undefined));
  }));

  it('takes several failures in a row, and asks a silent server one question at a time', () => withLanes({
    config: { type: 'vllm', health: { ...health, unhealthy_after: 3, timeout_ms: 300 } },
  }, async (t) => {
    await untilIs(t, 'first', 'healthy');
    t.first.asked.length = 0;
    let running = 0;
    let most = 0;
    t.first.paths['/health'] = async (exchange) => {
      most = Math.max(most, ++running);
      await exchange.gone;
      --running;
    };
    await until('two of three', () => t.first.asked.length >= 2);
    assert.equal((await status(t, 'first')).health, 'healthy');
    await untilIs(t, 'first', 'unhealthy');
    assert.ok(t.first.asked.length >= 3);
    assert.equal(most, 1);
  }));

  it('a request that is answered brings a backend back before the next check', () => withLanes({
    config: { type: 'vllm', health: { ...health, unhealthy_after: 1, interval_seconds: 3600 } },
    paths: { '/health': answer('', { status: 500 }) },
  }, async (t) => {
    await untilIs(t, 'first', 'unhealthy');
    t.second.otherwise(answer({ error: { message: 'down' } }, { status: 500 }));
    assert.equal(from(await ask(t.gateway, 'm')), 'first');
    await untilIs(t, 'first', 'healthy');
  }));

  it('hosted services are not polled unless it is asked for', () => withLanes({
    config: { type: 'openai', api_key: 'sk-hosted', health: undefined },
  }, async (t) => {
    await untilIs(t, 'first', 'healthy'); // by the one look at its models
    const looks = t.first.probes;
    await sleep(2500);
    assert.equal(t.first.asked.length, 0);
    assert.ok(t.first.probes <= looks + 1, `${t.first.probes} looks`);
  }));

  it('switched off is switched off', () => withLanes({
    config: { type: 'llamacpp', health: { enabled: false } }, paths: { '/health': loading },
  }, async (t) => {
    await untilIs(t, 'second', 'healthy');
    assert.equal(t.first.asked.length, 0);
    assert.equal(from(await ask(t.gateway, 'm')), 'first');
  }));
});
