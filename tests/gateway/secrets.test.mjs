// SPDX-License-Identifier: GPL-3.0-or-later
// Planted secrets turn up nowhere: not in the data directory, not in what the program prints.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { Gateway, Scratch } from './lib/gateway.mjs';
import { chatRequest, completion } from './lib/openai.mjs';
import { answer, faults } from './lib/scripts.mjs';
import { ScriptedUpstream, refusedPort } from './lib/upstream.mjs';
import { sleep } from './lib/wait.mjs';

const canary = (name) => `canary-${name}-5d41402abc4b2a76b9719d911017c592`;

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

describe('secrets', () => {
  for (const level of ['info', 'debug']) {
    it(`no canary in files or output at log level ${level}`, async () => {
      const scratch = new Scratch();
      const upstream = await ScriptedUpstream.start();
      scratch.file('key-file', `${canary('file')}\n`);
      const gateway = await Gateway.start({
        scratch,
        args: ['--log-level', level],
        env: { CANARY_ENV: canary('environment'), TIDEGATE_ADMIN_TOKEN: canary('admin') },
        config: {
          default_backend: 'up',
          backends: {
            up: { type: 'openai', url: upstream.url, api_key: canary('literal'),
              headers: { 'x-extra-key': canary('header') } },
            env: { type: 'openai', url: upstream.url, api_key: '${CANARY_ENV}' },
            file: { type: 'openai', url: upstream.url, api_key: `file:${scratch.path}/key-file` },
            dead: { type: 'openai', url: `http://127.0.0.1:${await refusedPort()}/v1`, api_key: canary('dead') },
          },
          keys: { test: { key: canary('client') } },
        },
      });
      try {
        const key = canary('client');
        const ask = (model, options = {}) => gateway.post(
          `/v1/chat/completions?key=${canary('query')}`, chatRequest(model), { key, ...options });
        upstream.otherwise(answer(completion('any')));
        for (const model of ['up/a', 'env/a', 'file/a']) {
          assert.equal((await ask(model)).head.status, 200);
        }
        assert.equal(upstream.of('a').length, 3);
        assert.equal(upstream.of('a')[1].head.get('authorization'), `Bearer ${canary('environment')}`);
        assert.equal(upstream.of('a')[2].head.get('authorization'), `Bearer ${canary('file')}`);

        // Every error path sees them too.
        await ask('dead/a');
        upstream.when('broken', faults.resetBeforeHead());
        await ask('broken');
        for (const status of [401, 500]) {
          upstream.when('echoed', (exchange) => answer({
            error: { message: `bad key ${exchange.head.get('authorization')}`, type: 't' },
          }, { status })(exchange));
          await ask('echoed');
        }
        await ask('a', { key: canary('unknown') });
        await ask('a', { key: null, headers: { 'x-api-key': canary('x-api-key') } });
        await ask('a', { headers: { Cookie: canary('cookie'), 'Proxy-Authorization': canary('proxy') } });
        await gateway.post('/v1/chat/completions', `{"model": ${canary('body')}`, { key });
        const raw = await gateway.connect();
        await raw.write(`GET / HTTP/1.1\r\nAuthorization: Bearer ${key}\r\nBroken\r\n\r\n`);
        await raw.response();
        await gateway.get('/admin/v1/events', { key: canary('not-admin') });
        gateway.signal('SIGHUP');
        await sleep(300);
        gateway.signal('SIGTERM');
        await gateway.expectExit();

        const needle = '5d41402abc4b2a76b9719d911017c592';
        const own = new Set([gateway.configFile, path.join(scratch.path, 'key-file')]);
        for (const file of filesBelow(scratch.path)) {
          if (!own.has(file)) {
            const text = fs.readFileSync(file, 'latin1');
            const at = text.indexOf(needle);
            assert.equal(at, -1, `${path.basename(file)}: …${text.slice(Math.max(0, at - 60), at)}`);
          }
        }
        for (const output of ['stdout', 'stderr']) {
          const at = gateway[output].indexOf(needle);
          assert.equal(at, -1, `${output}: …${gateway[output].slice(Math.max(0, at - 200), at)}`);
        }
      } finally {
        await gateway.kill9();
        await upstream.stop();
        scratch.remove();
      }
    });
  }
});
