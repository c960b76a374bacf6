// SPDX-License-Identifier: GPL-3.0-or-later
// Planted secrets turn up nowhere: not in the data directory, not in what the program prints, not in
// metrics, exports, lists or live events, and not in what backends' errors quote back to clients.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { Gateway, Scratch, runProgram } from './lib/gateway.mjs';
import { chatEvents, chatRequest, completion, event } from './lib/openai.mjs';
import { answer, faults, stream } from './lib/scripts.mjs';
import { ScriptedUpstream, refusedPort } from './lib/upstream.mjs';
import { sleep, until } from './lib/wait.mjs';

const kNeedle = '5d41402abc4b2a76b9719d911017c592';

const canary = (name) => `canary-${name}-${kNeedle}`;

/** What every form of every canary has in it: as it is, in base64 of any alignment, in hexadecimal. */
const kForms = [kNeedle, ...[0, 1, 2].map((before) => {
  const text = Buffer.concat([Buffer.alloc(before), Buffer.from(kNeedle)]).toString('base64');
  return text.slice(before ? before + 1 : 0, Math.floor(((before + kNeedle.length) * 8) / 6));
}), Buffer.from(kNeedle).toString('hex'), Buffer.from(kNeedle).toString('hex').toUpperCase()];

function assertClean(text, where) {
  for (const form of kForms) {
    const at = text.indexOf(form);
    assert.equal(at, -1, `${where}: …${text.slice(Math.max(0, at - 200), at + 20)}`);
  }
}

/** Every file below @p directory. */
function* filesBelow(directory) {
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const full = path.join(directory, entry.name);
    if (entry.isDirectory()) {
      yield* filesBelow(full);
    } else if (entry.isFile()) {
      yield full;
    }
  }
}

/** An error that quotes the request's credentials in every way one can. */
const quote = (exchange) => {
  const key = exchange.head.get('authorization').replace('Bearer ', '');
  return {
    error: {
      message: `bad key ${key} of ${exchange.head.get('authorization')}, ${exchange.head.get('x-extra-key')}`,
      type: 't', hex: Buffer.from(key).toString('hex'),
      basic: ['', 'a', 'ab'].map((before) => Buffer.from(`${before}${key}:`).toString('base64')),
      url: `https://api.example/v1?key=${encodeURIComponent(key)}`,
    },
  };
};

describe('secrets', () => {
  for (const level of ['info', 'debug']) {
    it(`no canary in files, output or answers at log level ${level}`, async () => {
      const scratch = new Scratch();
      const upstream = await ScriptedUpstream.start();
      scratch.file('key-file', `${canary('file')}\n`);
      const adminToken = canary('admin');
      const gateway = await Gateway.start({
        scratch,
        args: ['--log-level', level],
        env: { CANARY_ENV: canary('environment'), TIDEGATE_ADMIN_TOKEN: adminToken },
        config: {
          default_backend: 'up',
          circuit_breaker: { enabled: false }, // the backends fail again and again here
          backends: {
            up: { type: 'openai', url: upstream.url, api_key: canary('literal'),
              headers: { 'x-extra-key': canary('header') } },
            env: { type: 'openai', url: upstream.url, api_key: '${CANARY_ENV}' },
            file: { type: 'openai', url: upstream.url, api_key: `file:${scratch.path}/key-file` },
            chain: { type: 'openai', url: upstream.url, api_key: 'keychain:no-such-entry' },
            dead: { type: 'openai', url: `http://127.0.0.1:${await refusedPort()}/v1`, api_key: canary('dead') },
            proxied: { type: 'openai', url: upstream.url, api_key: canary('proxied'),
              proxy: `http://${canary('proxyuser')}:${canary('proxypass')}@127.0.0.1:${await refusedPort()}` },
          },
          keys: { test: { key: canary('client') } },
        },
      });
      const answers = [];
      try {
        const key = canary('client');
        const kept = (response) => {
          answers.push(`${response.head.raw.toString('latin1')}\n${response.text}`);
          return response;
        };
        const ask = async (model, options = {}) => kept(await gateway.post(
          `/v1/chat/completions?key=${canary('query')}`, chatRequest(model, options.more), { key, ...options }));
        const admin = async (method, target, body, token = adminToken) => kept(await gateway.request({
          method, path: `/admin/v1/${target}`, body, key: token }));
        const live = await gateway.begin({ method: 'GET', path: '/admin/v1/events', key: adminToken });
        upstream.otherwise(answer(completion('any')));
        for (const model of ['up/a', 'env/a', 'file/a']) {
          assert.equal((await ask(model)).head.status, 200);
        }
        assert.equal(upstream.of('a').length, 3);
        assert.equal(upstream.of('a')[0].head.get('x-extra-key'), canary('header'));
        assert.equal(upstream.of('a')[1].head.get('authorization'), `Bearer ${canary('environment')}`);
        assert.equal(upstream.of('a')[2].head.get('authorization'), `Bearer ${canary('file')}`);

        // Every error path sees them too.
        for (const model of ['dead/a', 'proxied/a', 'chain/a']) {
          assert.ok((await ask(model)).head.status >= 500);
        }
        upstream.when('broken', faults.resetBeforeHead());
        await ask('broken');
        for (const status of [400, 401, 404, 429, 500, 503]) {
          upstream.when(`echoed-${status}`, (exchange) => answer(quote(exchange), {
            status, fields: { 'Content-Type': 'application/json',
              'X-Debug': `sent ${exchange.head.get('authorization')}` },
            cuts: [20, 31, 40, 60, 90, 130],
          })(exchange));
          const echoed = await ask(`echoed-${status}`);
          assert.equal(echoed.head.status, status);
          assert.match(JSON.parse(echoed.text).error.message, /^bad key \*+ of Bearer \*+, \*+$/);
        }
        upstream.when('page', (exchange) => answer(`<html>${JSON.stringify(quote(exchange))}</html>`, {
          status: 502, fields: { 'Content-Type': 'text/html' } })(exchange));
        await ask('page');
        upstream.when('streamed', (exchange) => stream([...chatEvents('streamed').slice(0, 2),
          event(quote(exchange))], { gapMs: 5 })(exchange));
        const streamed = await ask('streamed', { more: { stream: true } });
        assert.match(streamed.text, /bad key \*+ of/);
        upstream.when('open', (exchange) => stream([...chatEvents('open').slice(0, 2),
          event(quote(exchange)).trimEnd()], { gapMs: 5, ending: null })(exchange));
        await ask('open', { more: { stream: true } });

        await ask('a', { key: canary('unknown') });
        await ask('a', { key: null, headers: { 'x-api-key': canary('x-api-key') } });
        await ask('a', { headers: { Cookie: canary('cookie'), 'Proxy-Authorization': canary('proxy') } });
        kept(await gateway.post('/v1/chat/completions', `{"model": ${canary('body')}`, { key }));
        const raw = await gateway.connect();
        await raw.write(`GET / HTTP/1.1\r\nAuthorization: Bearer ${key}\r\nBroken\r\n\r\n`);
        kept(await raw.response());
        raw.close();
        await admin('GET', 'events', undefined, canary('not-admin'));

        // What is set through the admin API is as secret as what is in the file.
        await admin('POST', 'backends', { name: 'made', type: 'openai', url: upstream.url,
          api_key: canary('made'), headers: { authorization: canary('madeheader') } });
        await admin('POST', 'backends', { name: 'bad', type: 'openai',
          url: `http://user:${canary('badurl')}@[`, api_key: canary('badkey') });
        await admin('POST', 'keys', { name: 'bad', nonsense: canary('badvalue') });
        for (const target of ['keys', 'teams', 'backends', 'models', 'prices', 'limits', 'config', 'requests',
          'usage?group_by=key', 'export', 'export?format=csv', 'export?kind=requests&format=csv']) {
          await admin('GET', target);
        }
        kept(await gateway.get('/metrics', { key: null }));
        kept(await gateway.get('/ready', { key: null }));
        kept(await gateway.get('/v1/models', { key }));
        await until('live events', () => live.reader.text.includes('echoed-503'));
        answers.push(live.reader.text);
        live.connection.close();

        // A bad configuration is quoted where it is bad.
        const good = fs.readFileSync(gateway.configFile, 'utf8');
        for (const bad of [
          good.replace(upstream.url, `http://user:${canary('reloadurl')}@host:99999/`),
          good.replace('"api_key"', '"api_kee"'),
          good.replace(canary('literal'), `\${NO_SUCH_VARIABLE}${canary('behind')}`),
          `${good.slice(0, -3)} "oops": ${canary('syntax')}`,
        ]) {
          gateway.writeConfig(bad);
          gateway.signal('SIGHUP');
          await sleep(150);
          await admin('GET', 'config');
        }
        gateway.writeConfig(good);
        gateway.signal('SIGHUP');
        await sleep(200);
        gateway.signal('SIGTERM');
        await gateway.expectExit();

        const own = new Set([gateway.configFile, path.join(scratch.path, 'key-file')]);
        for (const file of filesBelow(scratch.path)) {
          if (!own.has(file)) {
            assertClean(fs.readFileSync(file, 'latin1'), path.basename(file));
          }
        }
        assertClean(gateway.stdout, 'stdout');
        assertClean(gateway.stderr, 'stderr');
        answers.forEach((text) => assertClean(text, 'an answer'));
      } finally {
        await gateway.kill9();
        await upstream.stop();
        scratch.remove();
      }
    });
  }

  it('no canary in what check-config says', async () => {
    const scratch = new Scratch();
    try {
      const file = scratch.file('bad.yaml', `
backends:
  one: { type: openai, url: "http://user:${canary('url')}@host:99999/", api_key: "${canary('key')}", colour: 1 }
  two: { type: openai, url: "https://host/v1?key=${canary('query')}", api_key: [ "${canary('list')}" ] }
  three: { type: openai, url: "https://host/v1", headers: { "bad name": "Bearer ${canary('header')}" } }
keys:
  a: { key: "${canary('short key')}", key_sha256: "${canary('hash')}" }
`);
      const checked = await runProgram(['check-config', file]);
      assert.equal(checked.code, 1);
      assertClean(checked.stdout, 'stdout');
      assertClean(checked.stderr, 'stderr');
    } finally {
      scratch.remove();
    }
  });
});
