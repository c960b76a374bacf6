// SPDX-License-Identifier: GPL-3.0-or-later
// The structured log: one JSON object a line, requests as configured, nobody's secrets or bodies.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { Gateway, kClientKey, testConfig } from './lib/gateway.mjs';
import { chatRequest, completion } from './lib/openai.mjs';
import { answer, faults } from './lib/scripts.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';

/** Makes one good, one refused and one failing request; returns the log's lines as objects. */
async function linesWith(log) {
  const upstream = await ScriptedUpstream.start();
  const gateway = await Gateway.start({
    config: testConfig({ up: upstream.port }, { log: { format: 'json', ...log } }),
  });
  try {
    upstream.when('good', answer(completion('good')));
    upstream.when('failing', faults.resetBeforeHead());
    const ask = (model) => gateway.post('/v1/chat/completions',
      chatRequest(model, { user: 'words of the body' }), { headers: { 'X-Request-ID': `id-${model}` } });
    assert.equal((await ask('good')).head.status, 200);
    assert.equal((await ask('failing')).head.status, 502);
    await gateway.post('/v1/chat/completions', '{', {});
    await gateway.row('id-failing');
    gateway.signal('SIGTERM');
    await gateway.expectExit();
    const file = fs.readFileSync(path.join(gateway.dataDir, 'logs', 'tidegate.log'), 'utf8');
    for (const text of [file, gateway.stderr]) {
      assert.ok(!text.includes(kClientKey) && !text.includes('words of the body'));
    }
    const lines = file.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    lines.forEach((line) => {
      assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.ok(['debug', 'info', 'warning', 'error'].includes(line.level));
    });
    return lines.filter(({ category }) => category === 'tidegate.request');
  } finally {
    await gateway.kill9();
    await upstream.stop();
    gateway.cleanUp();
  }
}

describe('logs', { concurrency: 4 }, () => {
  it('tells of failed requests unless told otherwise', async () => {
    const lines = await linesWith({});
    assert.deepEqual(lines.map(({ request_id: id }) => id), ['id-failing']);
    const [line] = lines;
    assert.equal(line.level, 'warning');
    assert.equal(line.msg, 'request');
    assert.equal(line.status, 502);
    assert.equal(line.outcome, 'upstream_error');
    assert.equal(line.error, 'upstream_unavailable');
    assert.equal(line.model, 'failing');
    assert.equal(line.backend, 'up');
    assert.equal(line.peer, '127.0.0.1');
    assert.ok(line.duration_us > 0);
  });

  it('tells of all requests where that is wanted', async () => {
    const lines = await linesWith({ requests: 'all' });
    assert.equal(lines.length, 3);
    const good = lines.find(({ request_id: id }) => id === 'id-good');
    assert.equal(good.level, 'info');
    assert.equal(good.outcome, 'success');
    assert.equal(good.input_tokens, 7);
    assert.equal(good.output_tokens, 2);
    assert.equal(lines.filter(({ outcome }) => outcome === 'client_error').length, 1);
  });

  it('tells of none where that is wanted', async () => {
    assert.deepEqual(await linesWith({ requests: 'off' }), []);
  });

  it('keeps to the level', async () => {
    assert.deepEqual((await linesWith({ requests: 'all', level: 'warning' })).map(({ status }) => status), [502]);
    assert.deepEqual(await linesWith({ requests: 'all', level: 'error' }), []);
  });
});
