// SPDX-License-Identifier: GPL-3.0-or-later
// The admin API: who may use it, the collections, usage and export; every answer is held against
// /openapi.json.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { Gateway, kClientKey, Scratch, testConfig } from './lib/gateway.mjs';
import { Schemas } from './lib/schema.mjs';
import { assertError, suite } from './lib/suite.mjs';
import { now, slowness, until } from './lib/wait.mjs';

const config = () => ({
  default_backend: 'echo',
  backends: { echo: { type: 'echo' }, off: { type: 'openai', url: 'http://127.0.0.1:9/v1', api_key: 'sk-literal-of-the-file' } },
  models: { fixed: { targets: [{ backend: 'echo', model: 'any' }] } },
  teams: { filed: { limits: { requests_per_minute: 1000 } } },
  keys: { test: { key: kClientKey } },
});

/** The admin API of a gateway; each answer is checked against the description. */
class Admin {
  constructor(gateway) {
    this.gateway = gateway;
    this.token = fs.readFileSync(path.join(gateway.dataDir, 'admin-token'), 'utf8').trim();
  }

  async request(method, target, { body, token = this.token, headers = {}, status } = {}) {
    this.schemas ??= new Schemas(JSON.parse((await this.gateway.get('/openapi.json', { key: null })).text));
    const full = target.startsWith('/') ? target : `/admin/v1/${target}`;
    const reply = await this.gateway.request({ method, path: full, body, key: token, headers });
    const problems = this.schemas.answerProblems(method, full, reply.head.status,
      reply.head.get('content-type'), reply.text);
    assert.deepEqual(problems, [], reply.text.slice(0, 2000));
    assert.ok(!full.startsWith('/admin') || reply.head.get('x-request-id'), 'x-request-id');
    if (status) {
      assert.equal(reply.head.status, status, reply.text);
    }
    return reply;
  }

  async json(method, target, body, status = { GET: 200, POST: 201, PATCH: 200, DELETE: 200 }[method]) {
    return JSON.parse((await this.request(method, target, { body, status })).text);
  }

  async error(method, target, body, status, code, param) {
    const error = assertError(await this.request(method, target, { body }), status, code);
    if (param !== undefined) {
      assert.equal(error.param, param, error.message);
    }
    return error;
  }
}

function adminSuite(name, define) {
  suite(name, { config, concurrency: 1 }, (t) => {
    before(() => { t.admin = new Admin(t.gateway); });
    define(t);
  });
}

adminSuite('who may use the admin API', (t) => {
  it('the admin token may', async () => {
    await t.admin.json('GET', 'keys');
  });

  it('nobody, client keys and almost-tokens may not', async () => {
    for (const token of [null, kClientKey, `${t.admin.token}x`, t.admin.token.slice(0, -1), 'tga-', 'a b']) {
      const reply = await t.gateway.get('/admin/v1/keys', { key: token });
      assertError(reply, 401, 'invalid_api_key');
      assert.equal(reply.head.get('www-authenticate'), 'Bearer');
    }
    const basic = Buffer.from(`admin:${t.admin.token}`).toString('base64');
    assertError(await t.gateway.get('/admin/v1/keys',
      { key: null, headers: { Authorization: `Basic ${basic}` } }), 401, 'invalid_api_key');
    assertError(await t.gateway.get('/admin/v1/keys',
      { key: null, headers: { 'x-api-key': t.admin.token } }), 401, 'invalid_api_key');
    assertError(await t.gateway.get(`/admin/v1/keys?token=${t.admin.token}`, { key: null }), 401, 'invalid_api_key');
  });

  it('the admin token opens nothing of the data plane', async () => {
    for (const [method, target, body] of [['GET', '/v1/models'],
      ['POST', '/v1/chat/completions', { model: 'echo/a', messages: [{ role: 'user', content: 'x' }] }]]) {
      assertError(await t.gateway.request({ method, path: target, body, key: t.admin.token }), 401, 'invalid_api_key');
    }
  });

  it('no page of another origin, nor one that pointed its name here', async () => {
    const own = `127.0.0.1:${t.gateway.port}`;
    for (const headers of [{ Origin: 'https://evil.test' }, { Origin: 'null' }, { Origin: 'file://' },
      { Origin: 'http://localhost.evil.test' }, { Origin: 'http://evil.test@localhost' },
      { Host: 'evil.test' }, { Host: `evil.test:${t.gateway.port}` }, { Host: '' },
      { Host: '10.1.2.3' }, { Host: 'evil.test', Origin: 'http://evil.test' }]) {
      for (const target of ['/admin/v1/keys', '/admin/v1/events', '/admin/v1/nothing']) {
        const reply = await t.gateway.get(target, { key: t.admin.token, headers });
        assertError(reply, 403, 'origin_not_allowed');
        assert.ok(!reply.head.has('access-control-allow-origin'));
      }
    }
    for (const headers of [{ Host: own, Origin: `http://${own}` }, { Host: 'LOCALHOST' }, { Host: '[::1]:1' },
      { Origin: 'http://localhost:3000' }]) {
      const reply = await t.gateway.get('/admin/v1/keys', { key: t.admin.token, headers });
      assert.equal(reply.head.status, 200, `${JSON.stringify(headers)} ${reply.text}`);
      assert.ok(!reply.head.has('access-control-allow-origin'));
    }
  });

  it('a preflight gets no permission', async () => {
    for (const target of ['/admin/v1/keys', '/v1/chat/completions', '/openapi.json']) {
      const reply = await t.gateway.request({
        method: 'OPTIONS', path: target, key: null, headers: {
          Origin: 'http://localhost:3000', 'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'authorization', 'Access-Control-Request-Private-Network': 'true',
        },
      });
      assert.ok(reply.head.status >= 400, reply.text);
      assert.ok(!/^access-control-/im.test(reply.head.raw.toString('latin1')), reply.head.raw.toString('latin1'));
    }
  });

  it('a body is JSON by its content type', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '']) {
      const reply = await t.admin.request('POST', 'keys', { body: { name: 'x' }, headers: { 'Content-Type': type } });
      assertError(reply, 415, 'unsupported_media_type');
    }
    assert.ok(!(await t.admin.json('GET', 'keys')).data.some(({ name }) => name === 'x'));
    await t.admin.request('PATCH', 'keys/999999', {
      body: {}, headers: { 'Content-Type': 'application/merge-patch+json; charset=utf-8' }, status: 404,
    });
  });

  it('wrong tokens are slowed down, and the right one never', async () => {
    const statuses = [];
    let wait;
    for (let i = 0; i < 30; ++i) {
      const reply = await t.gateway.get('/admin/v1/keys', { key: `tga-guess-${i}` });
      statuses.push(reply.head.status);
      wait ??= reply.head.get('retry-after');
      await t.admin.json('GET', 'keys?limit=1');
    }
    assert.ok(statuses.filter((status) => status === 401).length <= 12, statuses.join());
    assert.equal(statuses.at(-1), 429);
    assert.match(wait, /^[1-9]$/);
  });
});

describe('tokens of the environment', () => {
  const token = 'an-admin-token-of-the-environment-0123456789';
  it('TIDEGATE_ADMIN_TOKEN counts, and no file is made', async () => {
    const gateway = await Gateway.start({ env: { TIDEGATE_ADMIN_TOKEN: token } });
    try {
      assert.equal((await gateway.get('/admin/v1/keys', { key: token })).head.status, 200);
      assert.ok(!fs.existsSync(path.join(gateway.dataDir, 'admin-token')));
    } finally {
      await gateway.stop();
    }
  });

  it('a client key that is also the admin token does not open the admin API', async () => {
    const gateway = await Gateway.start({ env: { TIDEGATE_ADMIN_TOKEN: kClientKey } });
    try {
      assertError(await gateway.get('/admin/v1/keys'), 401, 'invalid_api_key');
    } finally {
      await gateway.stop();
    }
  });
});

adminSuite('description and page', (t) => {
  it('the description has the program\'s version and needs no token', async () => {
    const reply = await t.admin.request('GET', '/openapi.json', { token: null, status: 200 });
    const { version } = JSON.parse((await t.gateway.get('/health')).text);
    assert.equal(JSON.parse(reply.text).info.version, version);
  });

  it('the page loads nothing from elsewhere and may run only its own script', async () => {
    const reply = await t.admin.request('GET', '/docs', { token: null, status: 200 });
    const policy = reply.head.get('content-security-policy');
    for (const tag of ['script', 'style']) {
      const [, content] = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(reply.text);
      const hash = crypto.createHash('sha256').update(content).digest('base64');
      assert.ok(policy.includes(`${tag}-src 'sha256-${hash}'`), policy);
    }
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.doesNotMatch(reply.text, /(src|href)="(https?:)?\/\//);
    assert.doesNotMatch(reply.text, / style="| on[a-z]+="/);
  });

  it('health and readiness are as described', async () => {
    for (const target of ['/health', '/ready', '/v1/models', '/v1/models/fixed']) {
      const reply = await t.gateway.get(target);
      await t.admin.json('GET', 'keys');
      assert.deepEqual(t.admin.schemas.answerProblems('GET', target, reply.head.status,
        reply.head.get('content-type'), reply.text), []);
    }
  });
});

adminSuite('paths and bodies', (t) => {
  it('404 for what is not there', async () => {
    for (const target of ['/admin/v1/', '/admin/v1/nothing', '/admin/v1/keys/', '/admin/v1/keys/1/2/3',
      '/admin/v1/keys//rotate', '/admin/v2/keys', '/admin/', '/admin']) {
      assertError(await t.gateway.get(target, { key: t.admin.token }), 404, 'not_found');
    }
  });

  it('405 with Allow', async () => {
    for (const [method, target, allow] of [['POST', '/admin/v1/usage', 'GET, HEAD'],
      ['PATCH', '/admin/v1/keys', 'GET, HEAD, POST'], ['DELETE', '/admin/v1/config/reload', 'POST']]) {
      const reply = await t.gateway.request({ method, path: target, body: {}, key: t.admin.token });
      assertError(reply, 405, 'method_not_allowed');
      assert.equal(reply.head.get('allow'), allow);
    }
  });

  it('refuses bodies that are no JSON object, too large or too deep', async () => {
    for (const [body, code] of [['{', 'invalid_json'], ['[]', 'invalid_request'], ['"x"', 'invalid_json'],
      ['{"name":"a"} x', 'invalid_json'], ['['.repeat(100000), 'invalid_json']]) {
      assertError(await t.admin.request('POST', 'keys', { body }), 400, code);
    }
    assertError(await t.admin.request('POST', 'keys', { body: { name: 'x'.repeat(2 << 20) } }), 413, 'body_too_large');
  });

  it('HEAD is GET without a body', async () => {
    const head = await t.gateway.request({ method: 'HEAD', path: '/admin/v1/keys', key: t.admin.token });
    assert.equal(head.head.status, 200);
    assert.equal(head.size, 0);
  });
});

adminSuite('keys', (t) => {
  const ask = (key) => t.gateway.post('/v1/chat/completions',
    { model: 'echo/m', messages: [{ role: 'user', content: 'hi' }] }, { key });

  it('live from creation to deletion', async () => {
    const made = await t.admin.json('POST', 'keys', {
      name: 'ci', models: ['echo/*', 'm'], limits: { requests_per_minute: 50 },
      budget: { usd: '20.5', period: 'day', timezone: 'Europe/Berlin' }, team: 'filed',
    });
    assert.match(made.key, /^tg-[A-Za-z0-9_-]{43}$/);
    assert.equal(made.state, 'active');
    assert.equal(made.source, 'database');
    assert.ok(made.prefix.endsWith(made.key.slice(-4)));
    assert.equal((await ask(made.key)).head.status, 200);

    const read = await t.admin.json('GET', `keys/${made.id}`);
    assert.deepEqual({ ...read, key: made.key, usage: made.usage }, made, 'the key itself is shown once');
    const hash = crypto.createHash('sha256').update(made.key).digest('hex');
    assert.ok(!JSON.stringify(await t.admin.json('GET', 'keys')).includes(hash));

    const patched = await t.admin.json('PATCH', `keys/${made.id}`,
      { name: 'ci 2', limits: { tokens_per_minute: 10000 }, budget: null });
    assert.equal(patched.name, 'ci 2');
    assert.deepEqual(patched.limits, { requests_per_minute: 50, tokens_per_minute: 10000 });
    assert.ok(!('budget' in patched));
    assert.deepEqual(patched.models, ['echo/*', 'm']);

    await t.admin.json('PATCH', `keys/${made.id}`, { disabled: true });
    assertError(await ask(made.key), 401, 'invalid_api_key');
    assert.equal((await t.admin.json('PATCH', `keys/${made.id}`, { disabled: null })).state, 'active');
    assert.equal((await ask(made.key)).head.status, 200);
    assert.equal((await t.admin.json('PATCH', `keys/${made.id}`, { expires: '2020-01-01' })).state, 'expired');
    assertError(await ask(made.key), 401, 'invalid_api_key');

    await t.admin.json('DELETE', `keys/${made.id}`);
    await t.admin.error('GET', `keys/${made.id}`, undefined, 404, 'not_found', 'id');
    assertError(await ask(made.key), 401, 'invalid_api_key');
  });

  it('rotate with an overlap, and without', async () => {
    const first = await t.admin.json('POST', 'keys', { name: 'rotating' });
    const second = await t.admin.json('POST', `keys/${first.id}/rotate`, { overlap_seconds: 3600 }, 200);
    assert.notEqual(second.key, first.key);
    assert.ok(Date.parse(second.previous_until) > Date.now() + 3500_000);
    assert.equal((await ask(first.key)).head.status, 200);
    assert.equal((await ask(second.key)).head.status, 200);
    const third = await t.admin.json('POST', `keys/${first.id}/rotate`, {}, 200);
    assert.equal(third.previous_until, null);
    assertError(await ask(first.key), 401, 'invalid_api_key');
    assertError(await ask(second.key), 401, 'invalid_api_key');
    assert.equal((await ask(third.key)).head.status, 200);
    for (const body of [{ overlap_seconds: -1 }, { overlap_seconds: 1.5 }, { overlap_seconds: '1' },
      { overlap_seconds: 1e9 }, { overlap: 1 }, { overlap_seconds: null }]) {
      await t.admin.error('POST', `keys/${first.id}/rotate`, body, 400, 'invalid_request', 'overlap_seconds');
    }
  });

  it('say what is wrong, and where', async () => {
    for (const [body, param, words] of [
      [{}, 'name', /name/], [{ name: '' }, 'name', /name/], [{ name: 5 }, 'name', /name/],
      [{ name: 'a', modles: [] }, 'modles', /Did you mean "models"/],
      [{ name: 'a', limits: { requests_per_minut: 1 } }, 'limits.requests_per_minut', /requests_per_minute/],
      [{ name: 'a', limits: { requests_per_minute: -1 } }, 'limits.requests_per_minute', /./],
      [{ name: 'a', budget: { usd: '1.0000000001', period: 'day' } }, 'budget.usd', /decimals/],
      [{ name: 'a', budget: { usd: 'one', period: 'day' } }, 'budget.usd', /USD/],
      [{ name: 'a', budget: { usd: 1, period: 'dya' } }, 'budget.period', /day/],
      [{ name: 'a', budget: { usd: 1 } }, undefined, /period/],
      [{ name: 'a', allowed_ips: ['1.2.3'] }, 'allowed_ips[0]', /./],
      [{ name: 'a', expires: 'soon' }, 'expires', /date/],
      [{ name: 'a', team: 'nobody' }, 'team', /nobody/],
      [{ name: 'a', key: 'tg-mine' }, 'key', /Tidegate/], [{ name: 'a', key_sha256: '00' }, 'key_sha256', /Tidegate/],
      [{ name: 'a', id: 7 }, 'id', /Only Tidegate/], [{ name: 'a', source: 'file' }, 'source', /Only Tidegate/],
    ]) {
      const error = await t.admin.error('POST', 'keys', body, 400, 'invalid_request', param);
      assert.match(error.message, words, JSON.stringify(body));
    }
    assert.ok(!(await t.admin.json('GET', 'keys')).data.some(({ name }) => name === 'a'));
  });

  it('of the file are read-only', async () => {
    const { data } = await t.admin.json('GET', 'keys');
    const filed = data.find(({ source }) => source === 'file');
    assert.equal(filed.name, 'test');
    for (const [method, more, body] of [['PATCH', '', { disabled: true }], ['DELETE', '', undefined],
      ['POST', '/rotate', {}]]) {
      await t.admin.error(method, `keys/${filed.id}${more}`, body, 409, 'read_only');
    }
    assert.equal((await ask(kClientKey)).head.status, 200);
  });

  it('page in a stable order', async () => {
    for (let i = 0; i < 5; ++i) {
      await t.admin.json('POST', 'keys', { name: `page ${i}` });
    }
    const all = (await t.admin.json('GET', 'keys')).data.map(({ id }) => id);
    const seen = [];
    for (let after = '', more = true; more;) {
      const page = await t.admin.json('GET', `keys?limit=2${after}`);
      assert.ok(page.data.length <= 2);
      seen.push(...page.data.map(({ id }) => id));
      more = page.has_more;
      after = `&after=${page.data.at(-1).id}`;
    }
    assert.deepEqual(seen, all);
    await t.admin.error('GET', 'keys?limit=0', undefined, 400, 'invalid_request', 'limit');
    await t.admin.error('GET', 'keys?after=no', undefined, 400, 'invalid_request', 'after');
    await t.admin.error('GET', 'keys?offset=1', undefined, 400, 'invalid_request', 'offset');
  });

  it('a change is in force at once', async () => {
    const { id, key } = await t.admin.json('POST', 'keys', { name: 'quick' });
    for (let i = 0; i < 20; ++i) {
      const disabled = i % 2 === 0;
      await t.admin.json('PATCH', `keys/${id}`, { disabled });
      assert.equal((await ask(key)).head.status, disabled ? 401 : 200, `change ${i}`);
    }
  });
});

adminSuite('teams, models, prices and limits', (t) => {
  it('a team', async () => {
    const made = await t.admin.json('POST', 'teams', { name: 'research', budget: { usd: 500, period: 'month' } });
    assert.equal(made.source, 'database');
    await t.admin.error('POST', 'teams', { name: 'research' }, 409, 'already_exists', 'name');
    await t.admin.error('POST', 'teams', { name: 'filed' }, 409, 'already_exists', 'name');
    await t.admin.error('POST', 'teams', { name: 'a b' }, 400, 'invalid_request');
    await t.admin.error('POST', 'teams', { name: 'b', limit: {} }, 400, 'invalid_request', 'limit');
    const member = await t.admin.json('POST', 'keys', { name: 'member', team: 'research' });
    const renamed = await t.admin.json('PATCH', 'teams/research', { name: 'lab', limits: { max_concurrency: 3 } });
    assert.equal(renamed.id, made.id);
    assert.equal((await t.admin.json('GET', `keys/${member.id}`)).team, 'lab');
    await t.admin.error('GET', 'teams/research', undefined, 404, 'not_found', 'name');
    await t.admin.error('DELETE', 'teams/lab', undefined, 409, 'conflict');
    await t.admin.json('DELETE', `keys/${member.id}`);
    await t.admin.json('DELETE', 'teams/lab');
    await t.admin.error('PATCH', 'teams/filed', { limits: null }, 409, 'read_only');
    assert.deepEqual((await t.admin.json('GET', 'teams')).data.map(({ name }) => name), ['filed']);
  });

  it('a model, with a slash in its name', async () => {
    const name = 'house/fast 1'.replace(' ', '-');
    const made = await t.admin.json('POST', 'models', { name, targets: [{ backend: 'echo', model: 'any' }] });
    assert.equal(made.name, name);
    const target = `models/${encodeURIComponent(name)}`;
    assert.deepEqual(await t.admin.json('GET', target), made);
    const reply = await t.gateway.post('/v1/chat/completions', { model: name, messages: [{ role: 'user', content: 'hi' }] });
    assert.equal(reply.head.get('x-tidegate-backend'), 'echo');
    await t.admin.error('POST', 'models', { name: 'bad', targets: [] }, 400, 'invalid_request', 'targets');
    await t.admin.error('POST', 'models', { name: 'fixed', targets: [{ backend: 'echo' }] }, 409, 'already_exists');
    await t.admin.error('PATCH', target, { name: 'other' }, 400, 'invalid_request', 'name');
    const patched = await t.admin.json('PATCH', target, { targets: [{ backend: 'echo', model: 'other' }] });
    assert.equal(patched.targets[0].model, 'other');
    await t.admin.json('DELETE', target);
    await t.admin.error('GET', target, undefined, 404, 'not_found');
  });

  it('models that depend on each other', async () => {
    await t.admin.json('POST', 'models', { name: 'one', targets: [{ backend: 'echo' }], aliases: ['uno'],
      strategy: 'weighted', fallbacks: ['fixed'], hedge: { after_ms: 100 }, affinity: 'x-session' });
    await t.admin.error('POST', 'models', { name: 'two', targets: [{ backend: 'echo' }], fallbacks: ['fixde'] },
      400, 'invalid_request', 'fallbacks');
    await t.admin.error('POST', 'models', { name: 'two', targets: [{ backend: 'echo' }], aliases: ['uno'] },
      400, 'invalid_request', 'aliases');
    await t.admin.json('POST', 'models', { name: 'two', targets: [{ backend: 'echo' }], fallbacks: ['uno'] });
    await t.admin.error('PATCH', 'models/one', { fallbacks: ['two'] }, 400, 'invalid_request');
    await t.admin.json('DELETE', 'models/two');
    await t.admin.json('DELETE', 'models/one');
  });

  it('what would happen to a request', async () => {
    await t.admin.json('POST', 'models', { name: 'asked', strategy: 'weighted', fallbacks: ['fixed'],
      targets: [{ backend: 'echo', model: 'a', weight: 3 }, { backend: 'echo', model: 'b' }] });
    const answer = await t.admin.json('POST', 'models/explain', { model: 'asked' }, 200);
    assert.equal(answer.match, 'public');
    assert.equal(answer.backend, 'echo');
    assert.equal(answer.served_model, 'a');
    assert.deepEqual(answer.lanes.map(({ model, fallback }) => [model, fallback]),
      [['a', false], ['b', false], ['any', true]]);
    assert.ok(Math.abs(answer.lanes[0].share - 0.75) < 0.1, JSON.stringify(answer.lanes));
    assert.equal(answer.error, null);

    const { id } = await t.admin.json('POST', 'keys', { name: 'narrow', models: ['asked'] });
    const narrow = await t.admin.json('POST', 'models/explain', { model: 'asked', key_id: id }, 200);
    assert.equal(narrow.lanes.length, 2);
    assert.equal(narrow.skipped[0].reason, 'not_allowed');
    const refused = await t.admin.json('POST', 'models/explain', { model: 'fixed', key: 'narrow' }, 200);
    assert.equal(refused.error.code, 'model_not_allowed');
    assert.equal(refused.backend, null);

    await t.admin.error('POST', 'models/explain', {}, 400, 'invalid_request', 'model');
    await t.admin.error('POST', 'models/explain', { model: 'asked', key: 'nobody' }, 400, 'invalid_request', 'key');
    await t.admin.error('POST', 'models/explain', { modle: 'asked' }, 400, 'invalid_request', 'modle');
    await t.admin.json('DELETE', `keys/${id}`);
    await t.admin.json('DELETE', 'models/asked');
  });

  it('a price, over the shipped one and back', async () => {
    const all = await t.admin.json('GET', 'prices?limit=1000');
    const shipped = all.data.find(({ source }) => source === 'shipped');
    const target = `prices/${encodeURIComponent(shipped.pattern)}`;
    await t.admin.error('PATCH', target, { input: '1' }, 409, 'read_only');
    const made = await t.admin.json('POST', 'prices', { pattern: shipped.pattern, input: '0.000000001', output: '2' });
    assert.equal(made.source, 'database');
    assert.equal(Number(made.input), 1e-9);
    assert.equal((await t.admin.json('GET', 'prices?limit=1000')).data.length, all.data.length);
    await t.admin.error('POST', 'prices', { pattern: shipped.pattern, input: 1, output: 1 }, 409, 'already_exists', 'pattern');
    assert.equal(Number((await t.admin.json('PATCH', target, { output: '3.5' })).output), 3.5);
    await t.admin.error('PATCH', target, { output: '-1' }, 400, 'invalid_request', 'output');
    await t.admin.error('PATCH', target, { outptu: '1' }, 400, 'invalid_request', 'outptu');
    await t.admin.json('DELETE', target);
    assert.deepEqual(await t.admin.json('GET', target), shipped);
  });

  it('limits', async () => {
    const made = await t.admin.json('POST', 'limits', { name: 'default', requests_per_minute: 600 });
    assert.equal(made.source, 'database');
    await t.admin.json('POST', 'limits', { name: 'model:gpt-*', tokens_per_minute: 1000 });
    assert.deepEqual((await t.admin.json('GET', 'limits')).data.map(({ name }) => name), ['default', 'model:gpt-*']);
    const target = `limits/${encodeURIComponent('model:gpt-*')}`;
    const patched = await t.admin.json('PATCH', target, { algorithm: 'sliding_window' });
    assert.equal(patched.tokens_per_minute, 1000);
    assert.equal(patched.algorithm, 'sliding_window');
    await t.admin.error('POST', 'limits', { name: 'per_day' }, 400, 'invalid_request', 'name');
    await t.admin.error('PATCH', 'limits/default', { rpm: 1 }, 400, 'invalid_request', 'rpm');
    await t.admin.json('DELETE', target);
    await t.admin.json('DELETE', 'limits/default');
    assert.deepEqual((await t.admin.json('GET', 'limits')).data, []);
  });
});

adminSuite('backends', (t) => {
  it('live from creation to deletion', async () => {
    const made = await t.admin.json('POST', 'backends',
      { name: 'own', type: 'openai', url: `127.0.0.1:${t.upstream.port}`, api_key: '${HOME}', models: ['own-*'] });
    assert.equal(made.base_url, `http://127.0.0.1:${t.upstream.port}/v1`);
    assert.equal(made.api_key, '${HOME}', 'the reference, not what it leads to');
    assert.equal(made.key_state, 'ready');
    await t.admin.error('POST', 'backends', { name: 'own', type: 'echo' }, 409, 'already_exists', 'name');
    await t.admin.error('POST', 'backends', { name: 'x', type: 'opneai' }, 400, 'invalid_request', 'type');
    await t.admin.error('POST', 'backends', { name: 'x', type: 'openai', url: 'http://169.254.169.254/' }, 400, 'invalid_request', 'url');
    await t.admin.error('PATCH', 'backends/own', { priorty: 1 }, 400, 'invalid_request', 'priorty');
    assert.equal((await t.admin.json('PATCH', 'backends/own', { priority: 3 })).priority, 3);
    await t.admin.error('PATCH', 'backends/echo', { priority: 3 }, 409, 'read_only');
    await t.admin.json('DELETE', 'backends/own');
    await t.admin.error('GET', 'backends/own', undefined, 404, 'not_found', 'name');
  });

  it('a key in plain text is not stored where there is no keychain', async () => {
    const canary = 'sk-canary-0123456789abcdef';
    const error = await t.admin.error('POST', 'backends', { name: 'plain', type: 'openai', api_key: canary },
      400, 'invalid_request', 'api_key');
    assert.ok(!error.message.includes(canary));
    await t.admin.error('GET', 'backends/plain', undefined, 404, 'not_found');
    for (const name of fs.readdirSync(t.gateway.dataDir)) {
      const file = path.join(t.gateway.dataDir, name);
      if (fs.statSync(file).isFile()) {
        assert.ok(!fs.readFileSync(file).includes(canary), name);
      }
    }
  });

  it('a key of the file is never shown', async () => {
    const listed = await t.admin.request('GET', 'backends', { status: 200 });
    const shown = await t.admin.request('GET', 'config', { status: 200 });
    const exported = await t.admin.request('GET', 'export?what=config', { status: 200 });
    for (const { text } of [listed, shown, exported]) {
      assert.ok(!text.includes('sk-literal-of-the-file'), text);
      assert.ok(!text.includes(kClientKey), text);
    }
  });

  it('test says what the backend says', async () => {
    const echo = await t.admin.json('POST', 'backends/off/test', {}, 200);
    assert.equal(echo.reachable, false);
    assert.match(echo.message, /./);
    await t.admin.error('POST', 'backends/none/test', {}, 404, 'not_found', 'name');
  });
});

adminSuite('usage, requests and export', (t) => {
  const count = 25;
  before(async () => {
    for (let i = 0; i < count; ++i) {
      const reply = await t.gateway.post('/v1/chat/completions',
        { model: i % 5 === 0 ? '=cmd,"x"' : 'echo/m', messages: [{ role: 'user', content: `word ${i}` }] },
        { headers: { 'X-Request-ID': `usage-${i}` } });
      assert.equal(reply.head.status, 200, reply.text);
    }
    await until('all rows', async () => (await t.gateway.query('SELECT count(*) AS n FROM requests'))[0].n === count);
  });

  it('requests page by page, each once', async () => {
    const seen = [];
    for (let after = '', more = true; more;) {
      const page = await t.admin.json('GET', `requests?limit=10${after}`);
      seen.push(...page.data.map(({ request_id: id }) => id));
      more = page.has_more;
      after = `&after=${page.next}`;
    }
    assert.equal(seen.length, count);
    assert.equal(new Set(seen).size, count);
  });

  it('requests by filter', async () => {
    const total = async (query) => (await t.admin.json('GET', `requests?${query}`)).data.length;
    assert.equal(await total(`model=${encodeURIComponent('=cmd,"x"')}`), 5);
    assert.equal(await total('backend=echo&outcome=success&status=200'), count);
    assert.equal(await total('status=500'), 0);
    assert.equal(await total('request_id=usage-7'), 1);
    assert.equal(await total('to=2020-01-01'), 0);
    assert.equal(await total('from=2020-01-01'), count);
    await t.admin.error('GET', 'requests?outcome=sucess', undefined, 400, 'invalid_request', 'outcome');
  });

  it('one request', async () => {
    const row = await t.admin.json('GET', 'requests/usage-3');
    assert.equal(row.request_id, 'usage-3');
    assert.equal(row.endpoint, '/v1/chat/completions');
    assert.ok(row.input_tokens > 0);
    await t.admin.error('GET', 'requests/none', undefined, 404, 'not_found', 'id');
  });

  for (const group of [undefined, 'key', 'team', 'model', 'served_model', 'backend', 'minute', 'hour', 'day']) {
    it(`usage by ${group ?? 'nothing'}`, async () => {
      const usage = await t.admin.json('GET', `usage?timezone=Europe/Berlin${group ? `&group_by=${group}` : ''}`
        + (group === 'minute' ? `&from=${new Date(Date.now() - 3600_000).toISOString()}` : ''));
      assert.equal(usage.total.requests, count);
      const sum = usage.data.reduce((all, { requests }) => all + requests, 0);
      assert.equal(sum, group ? count : 0);
    });
  }

  it('usage says what is wrong', async () => {
    for (const [query, param] of [['group_by=user', 'group_by'], ['timezone=Mars/Olympus', 'timezone'],
      ['from=2027-01-02&to=2027-01-01', 'from'], ['from=2000-01-01&group_by=minute', 'group_by'], ['key=one', 'key']]) {
      await t.admin.error('GET', `usage?${query}`, undefined, 400, 'invalid_request', param);
    }
  });

  it('export as CSV, without formulas', async () => {
    const reply = await t.admin.request('GET', 'export', { status: 200 });
    assert.match(reply.head.get('content-type'), /^text\/csv/);
    assert.ok(reply.complete);
    const lines = reply.text.split('\r\n');
    assert.equal(lines.length, count + 2);
    assert.match(lines[0], /^id,request_id,started_at,/);
    assert.ok(reply.text.includes(`"'=cmd,""x"""`), reply.text.slice(0, 400));
    assert.ok(lines.slice(1, -1).every((line) => !/,[=+@]/.test(line)));
  });

  it('export as JSON and as lines', async () => {
    const whole = JSON.parse((await t.admin.request('GET', 'export?format=json&model=echo/m', { status: 200 })).text);
    const lines = (await t.admin.request('GET', 'export?format=jsonl&model=echo/m', { status: 200 })).text
      .trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(whole, lines);
    assert.equal(whole.length, 20);
    assert.deepEqual(JSON.parse((await t.admin.request('GET', 'export?format=json&to=2020-01-01')).text), []);
    await t.admin.error('GET', 'export?format=xml', undefined, 400, 'invalid_request', 'format');
  });
});

adminSuite('configuration', (t) => {
  it('shows and reloads', async () => {
    const shown = await t.admin.json('GET', 'config');
    assert.equal(shown.config.default_backend, 'echo');
    const { revision } = await t.admin.json('POST', 'config/reload', {}, 200);
    assert.ok(revision > shown.revision);
    t.gateway.writeConfig('servr: {}\n');
    const error = await t.admin.error('POST', 'config/reload', {}, 400, 'invalid_config');
    assert.match(error.message, /servr/);
    assert.equal((await t.gateway.get('/v1/models')).head.status, 200, 'what was in force stays');
    t.gateway.writeConfig(config());
    await t.admin.json('POST', 'config/reload', {}, 200);
  });

  it('goes out and comes in', async () => {
    await t.admin.json('POST', 'teams', { name: 'moved', limits: { requests_per_minute: 5 } });
    await t.admin.json('POST', 'keys', { name: 'moved key', team: 'moved' });
    const exported = JSON.parse((await t.admin.request('GET', 'export?what=config', { status: 200 })).text);
    const other = await Gateway.start({ config: config() });
    try {
      const there = new Admin(other);
      const tried = await there.json('POST', 'import', { ...exported, dry_run: true }, 200);
      assert.deepEqual(tried.keys, []);
      assert.ok(tried.created.length >= 2, JSON.stringify(tried));
      assert.ok(!(await there.json('GET', 'teams')).data.some(({ name }) => name === 'moved'));
      const done = await there.json('POST', 'import', exported, 200);
      assert.deepEqual(done.created.sort(), tried.created.sort());
      const made = done.keys.find(({ name }) => name === 'moved key');
      assert.equal((await other.get('/v1/models', { key: made.key })).head.status, 200);
      assert.equal((await there.json('GET', 'teams/moved')).limits.requests_per_minute, 5);
      await there.error('POST', 'import', { config: { teams: { bad: { limts: {} } } } }, 400, 'invalid_request');
      await there.error('POST', 'import', { teams: {} }, 400, 'invalid_request', 'teams');
      await there.error('POST', 'import', {}, 400, 'invalid_request', 'config');
    } finally {
      await other.stop();
    }
  });
});

describe('long answers', () => {
  const rows = 100_000;

  function openSockets({ pid }) {
    const isSocket = (name) => {
      try {
        return fs.readlinkSync(`/proc/${pid}/fd/${name}`).startsWith('socket:');
      } catch {
        return false; // closed meanwhile
      }
    };
    return fs.readdirSync(`/proc/${pid}/fd`).filter(isSocket).length;
  }

  /** A gateway with a ledger of that many rows, made of copies of one. */
  async function withLongLedger(task) {
    const scratch = new Scratch();
    const options = { config: testConfig({ echo: { type: 'echo' } }), scratch };
    let gateway = await Gateway.start(options);
    try {
      const first = await gateway.post('/v1/chat/completions',
        { model: 'm', messages: [{ role: 'user', content: 'x' }] });
      await gateway.row(first.head.get('x-request-id'));
      const columns = (await gateway.query("SELECT name FROM pragma_table_info('requests')"))
        .map(({ name }) => name).filter((name) => name !== 'id').join();
      const database = gateway.database;
      await gateway.stop();
      await promisify(execFile)('sqlite3', [database,
        `INSERT INTO requests (${columns}) SELECT ${columns} FROM requests, generate_series(2, ${rows})`]);
      gateway = await Gateway.start(options);
      await task(gateway, new Admin(gateway));
    } finally {
      await gateway.stop();
      scratch.remove();
    }
  }

  it('an export waits for its reader, ends when the reader leaves, and holds up nobody', () => withLongLedger(
    async (gateway, admin) => {
      const whole = await admin.request('GET', 'export', { status: 200 });
      assert.equal(whole.text.split('\r\n').length, rows + 2);

      const before = { rss: gateway.rssKib, sockets: openSockets(gateway) };
      const begin = async () => {
        const connection = await gateway.connect();
        connection.socket.pause();
        await connection.write(Gateway.bytes({ method: 'GET', path: '/admin/v1/export?format=json', key: admin.token }));
        return connection;
      };
      const readers = [];
      for (let i = 0; i < 4; ++i) {
        readers.push(await begin());
      }
      await until('four exports', async () => (await gateway.get('/admin/v1/export?format=json&to=2000-01-01',
        { key: admin.token })).head.status === 429);
      const began = now();
      await admin.json('GET', 'requests?limit=5');
      await admin.json('GET', 'usage');
      assert.equal((await gateway.post('/v1/chat/completions',
        { model: 'm', messages: [{ role: 'user', content: 'x' }] })).head.status, 200);
      assert.ok(now() - began < 2000 * slowness, 'nothing waits for slow readers');
      // The sanitizers keep notes on memory, and keep what is free.
      if (slowness === 1) {
        assert.ok(gateway.rssKib - before.rss < 32 * 1024, `${before.rss} → ${gateway.rssKib} KiB`);
      }
      for (const connection of readers) {
        connection.reset();
      }
      await until('the exports end', async () => (await admin.request('GET', 'export?to=2000-01-01')).head.status === 200);
      await until('their connections are closed', () => openSockets(gateway) <= before.sockets);

      // One that is half-way when the program stops is cut, not ended.
      const last = await begin();
      await until('it runs', () => openSockets(gateway) > before.sockets);
    }));
});
