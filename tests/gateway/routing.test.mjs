// SPDX-License-Identifier: GPL-3.0-or-later
// Which backend gets a request, and which key may ask for what.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'node:test';

import { kClientKey } from './lib/gateway.mjs';
import { chatRequest, completion } from './lib/openai.mjs';
import { answer } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';

const backend = (upstream, prefix, models, more = {}) => ({
  type: 'openai', url: `http://127.0.0.1:${upstream.port}/${prefix}`, api_key: `sk-${prefix}`,
  ...(models ? { models } : {}), ...more,
});

const routes = (upstream, more = {}) => ({
  backends: {
    exact: backend(upstream, 'exact', ['gpt-4o', 'org/model']),
    narrow: backend(upstream, 'narrow', ['gpt-4*']),
    wide: backend(upstream, 'wide', ['gpt-*']),
    one: backend(upstream, 'one', ['o?']),
  },
  models: { fast: { targets: [{ backend: 'wide', model: 'gpt-3.5-turbo' }] } },
  keys: { test: { key: kClientKey } },
  ...more,
});

/** Sends a chat request for @p model and returns the answer and what the upstream saw. */
async function ask(t, model, options = {}) {
  const mark = freshModel('mark');
  const request = chatRequest(model, { user: mark });
  const reply = await t.gateway.post('/v1/chat/completions', request, options);
  const seen = t.upstream.exchanges.filter((exchange) => exchange.json?.user === mark);
  return { reply, seen, prefix: seen[0]?.head.target.split('/')[1] };
}

suite('routing', { config: routes }, (t) => {
  for (const [model, prefix, served = model] of [
    ['gpt-4o', 'exact'], ['gpt-4-turbo', 'narrow'], ['gpt-3.5', 'wide'], ['o1', 'one'],
    ['exact/other', 'exact', 'other'], ['wide/gpt-4o', 'wide', 'gpt-4o'],
    ['narrow/a/b', 'narrow', 'a/b'], ['org/model', 'exact'], ['fast', 'wide', 'gpt-3.5-turbo'],
  ]) {
    it(`${model} goes to ${prefix} as ${served}`, async () => {
      t.upstream.otherwise(answer(completion('any')));
      const { reply, seen, prefix: used } = await ask(t, model);
      assert.equal(reply.head.status, 200, reply.text);
      assert.equal(used, prefix);
      assert.equal(seen[0].json.model, served);
      assert.equal(seen[0].head.get('authorization'), `Bearer sk-${prefix}`, 'each backend its own key');
      assert.equal(reply.head.get('x-tidegate-backend'), prefix);
      assert.equal(reply.head.get('x-tidegate-model'), served);
      const row = await t.gateway.row(reply.head.get('x-request-id'));
      assert.equal(row.requested_model, model);
      assert.equal(row.served_model, served);
    });
  }

  it('x-tidegate-backend picks a backend', async () => {
    t.upstream.otherwise(answer(completion('any')));
    const { reply, prefix } = await ask(t, 'gpt-4o', { headers: { 'x-tidegate-backend': 'wide' } });
    assert.equal(reply.head.status, 200, reply.text);
    assert.equal(prefix, 'wide');
  });

  it('an unknown x-tidegate-backend is an error, and never a URL', async () => {
    for (const name of ['nowhere', 'http://169.254.169.254/', 'exact.evil.test']) {
      const { reply, seen } = await ask(t, 'gpt-4o', { headers: { 'x-tidegate-backend': name } });
      assert.ok([400, 404].includes(reply.head.status), `${name}: ${reply.text}`);
      assert.equal(typeof JSON.parse(reply.text).error.message, 'string');
      assert.equal(seen.length, 0);
    }
  });

  it('404 model_not_found without a default backend', async () => {
    for (const model of ['claude-3', 'o12', 'GPT-4o', 'nowhere/gpt-4o', 'exact', '/', 'gpt']) {
      const { reply, seen } = await ask(t, model);
      assertError(reply, 404, 'model_not_found');
      assert.equal(seen.length, 0, model);
    }
  });

  it('only the model\'s name is changed in the body', async () => {
    const body = '{ "messages":[{"role":"user","content":"model"}], "model" : "exact\\/re\\u006eamed" , '
      + '"n":1.0e0,"x":{"model":"exact/kept"}}';
    t.upstream.otherwise(answer(completion('any')));
    const reply = await t.gateway.post('/v1/chat/completions', body);
    assert.equal(reply.head.status, 200, reply.text);
    const seen = t.upstream.of('renamed');
    assert.equal(seen.length, 1);
    assert.equal(seen[0].body.toString(),
      body.replace('"exact\\/re\\u006eamed"', '"renamed"'));
  });
});

suite('default backend', {
  config: (upstream) => routes(upstream, { default_backend: 'wide' }),
}, (t) => {
  it('takes what nobody else does', async () => {
    t.upstream.otherwise(answer(completion('any')));
    for (const model of ['claude-3', 'nowhere/thing', 'GPT-4o']) {
      const { reply, seen, prefix } = await ask(t, model);
      assert.equal(reply.head.status, 200, reply.text);
      assert.equal(prefix, 'wide');
      assert.equal(seen[0].json.model, model);
    }
  });
});

const key = (name) => `tg-key-${name}-0123456789abcdef0123456789abcdef`;

suite('client keys', {
  config: (upstream) => routes(upstream, {
    keys: {
      all: { key: key('all') },
      some: { key: key('some'), models: ['fast', 'gpt-4*'] },
      gone: { key: key('gone'), expires: '2020-01-01' },
      dated: { key: key('dated'), expires: '2099-12-31T23:59:59Z' },
      off: { key: key('off'), disabled: true },
      here: { key: key('here'), allowed_ips: ['127.0.0.0/8'] },
      there: { key: key('there'), allowed_ips: ['192.0.2.0/24', '10.1.2.3'] },
      hashed: { key_sha256: createHash('sha256').update(key('hashed')).digest('hex') },
    },
  }),
}, (t) => {
  it('model lists are enforced', async () => {
    t.upstream.otherwise(answer(completion('any')));
    for (const model of ['fast', 'gpt-4o', 'gpt-4-turbo']) {
      assert.equal((await ask(t, model, { key: key('some') })).reply.head.status, 200, model);
    }
    for (const model of ['gpt-3.5', 'o1', 'wide/gpt-3.5-turbo']) {
      const { reply, seen } = await ask(t, model, { key: key('some') });
      assertError(reply, 403, 'model_not_allowed');
      assert.equal(seen.length, 0);
    }
  });

  it('a model list cannot be passed by with the backend header or prefix', async () => {
    for (const [model, headers] of [['wide/o1', {}], ['o1', { 'x-tidegate-backend': 'wide' }]]) {
      assertError((await ask(t, model, { key: key('some'), headers })).reply, 403, 'model_not_allowed');
    }
  });

  it('models shows only what the key may use', async () => {
    const reply = await t.gateway.get('/v1/models', { key: key('some') });
    const ids = JSON.parse(reply.text).data.map(({ id }) => id);
    assert.ok(ids.includes('fast') && ids.includes('gpt-4o'), ids.join());
    assert.ok(!ids.includes('org/model'), ids.join());
    assertError(await t.gateway.get('/v1/models/org/model', { key: key('some') }), 404, 'model_not_found');
    const all = await t.gateway.get('/v1/models', { key: key('all') });
    assert.ok(JSON.parse(all.text).data.some(({ id }) => id === 'org/model'));
    assert.equal((await t.gateway.get('/v1/models/org%2Fmodel', { key: key('all') })).head.status, 200);
    assert.equal((await t.gateway.get('/v1/models/org/model', { key: key('all') })).head.status, 200);
  });

  it('expired and disabled keys are 401', async () => {
    for (const name of ['gone', 'off']) {
      assertError((await ask(t, 'gpt-4o', { key: key(name) })).reply, 401, 'invalid_api_key');
    }
  });

  it('a key that expires later works', async () => {
    t.upstream.otherwise(answer(completion('any')));
    assert.equal((await ask(t, 'gpt-4o', { key: key('dated') })).reply.head.status, 200);
  });

  it('a key given by its hash works', async () => {
    t.upstream.otherwise(answer(completion('any')));
    assert.equal((await ask(t, 'gpt-4o', { key: key('hashed') })).reply.head.status, 200);
  });

  it('allowed_ips are enforced', async () => {
    t.upstream.otherwise(answer(completion('any')));
    assert.equal((await ask(t, 'gpt-4o', { key: key('here') })).reply.head.status, 200);
    const { reply, seen } = await ask(t, 'gpt-4o', { key: key('there') });
    assertError(reply, 403, 'ip_not_allowed');
    assert.equal(seen.length, 0);
  });

  it('X-Forwarded-For does not move a client', async () => {
    const { reply } = await ask(t, 'gpt-4o',
      { key: key('there'), headers: { 'X-Forwarded-For': '10.1.2.3' } });
    assertError(reply, 403, 'ip_not_allowed');
  });
});

suite('authentication off', {
  config: (upstream) => routes(upstream, { server: { auth: 'off' }, keys: {} }),
}, (t) => {
  it('needs no key on loopback', async () => {
    t.upstream.otherwise(answer(completion('any')));
    assert.equal((await ask(t, 'gpt-4o', { key: null })).reply.head.status, 200);
  });
});
