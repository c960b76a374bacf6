// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration: what is refused and how, init, the environment, and changes while running.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { Gateway, kClientKey, runProgram, Scratch, testConfig } from './lib/gateway.mjs';
import { chatEvents, chatRequest, completion, streamedText } from './lib/openai.mjs';
import { answer, stream } from './lib/scripts.mjs';
import { assertError, freshModel } from './lib/suite.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { deferred, sleep, until } from './lib/wait.mjs';

const good = `# a comment
server:
  port: 0
backends:
  echo: { type: echo }
default_backend: echo
keys:
  test: { key: ${kClientKey} }
`;

/** [what, the file, the line, the words to be found] */
const kBad = [
  ['a misspelt key', `${good}servr:\n  port: 1\n`, 9, /servr.*server/s],
  ['a misspelt key inside', good.replace('port: 0', 'prot: 0'), 3, /prot.*port/s],
  ['a port that is no number', good.replace('port: 0', 'port: many'), 3, /port/],
  ['a port out of range', good.replace('port: 0', 'port: 70000'), 3, /port/],
  ['an unknown type of backend', good.replace('type: echo', 'type: ecko'), 5, /ecko.*echo/s],
  ['a default backend that does not exist', good.replace('default_backend: echo', 'default_backend: eco'), 6, /eco/],
  ['broken YAML', good.replace('{ type: echo }', '{ type: echo'), undefined, /./],
  ['a key twice', `${good}default_backend: echo\n`, 9, /default_backend/],
  ['a tab as indent', good.replace('  port: 0', '\tport: 0'), 3, /./],
  ['a list where a map belongs', good.replace('  port: 0', '  - port'), 3, /server/],
  ['a backend without a URL', good.replace('{ type: echo }', '{ type: local }'), 5, /url/],
  ['a URL that is none', good.replace('{ type: echo }', '{ type: vllm, url: "http://" }'), 5, /url/],
  ['a URL of a metadata service', good.replace('{ type: echo }', '{ type: vllm, url: "http://169.254.169.254/v1" }'),
    5, /url/],
  ['an unset variable', good.replace(kClientKey, '"${TIDEGATE_NOT_SET}"'), 8, /TIDEGATE_NOT_SET/],
  ['an expiry that is no date', good.replace('key: tg', 'expires: soon, key: tg'), 8, /expires/],
  ['an address range that is none', good.replace('key: tg', 'allowed_ips: ["1.2.3"], key: tg'), 8, /allowed_ips/],
  ['a negative time limit', good.replace('{ type: echo }', '{ type: vllm, url: "127.0.0.1:1", timeouts: { idle_ms: -1 } }'),
    5, /idle_ms/],
  ['a key of an unknown team', good.replace('key: tg', 'team: reserch, key: tg') + 'teams: { research: {} }\n',
    8, /reserch.*research/s],
  ['a budget with a period that is none', `${good}teams:\n  t: { budget: { usd: 1, period: dai } }\n`, 10, /dai.*day/s],
  ['a budget with ten decimals', `${good}teams:\n  t: { budget: { usd: 0.1234567891, period: day } }\n`, 10, /usd/],
  ['a misspelt limit', `${good}rate_limits:\n  default: { request_per_minute: 1 }\n`, 10, /requests_per_minute/],
  ['a price file that does not exist', `${good}prices: { file: nowhere.yaml }\n`, 9, /nowhere/],
  ['a model with an unknown backend', `${good}models:\n  m: { targets: [ { backend: nope, model: x } ] }\n`, 10, /nope/],
];

describe('check-config', { concurrency: 4 }, () => {
  it('a good file: exit 0', async () => {
    const scratch = new Scratch();
    try {
      const { code, stderr } = await runProgram(['check-config', scratch.file('good.yaml', good)]);
      assert.equal(code, 0, stderr);
    } finally {
      scratch.remove();
    }
  });

  for (const [what, text, line, words] of kBad) {
    it(`${what}: exit 1, file, line and reason; and no start with it`, async () => {
      const scratch = new Scratch();
      try {
        const file = scratch.file('bad.yaml', text);
        for (const args of [['check-config', file],
          ['--config', file, '--data-dir', path.join(scratch.path, 'data'), '--port', '0']]) {
          const { code, stdout, stderr } = await runProgram(args);
          const output = stdout + stderr;
          assert.notEqual(code, 0, `${args[0]} accepted it`);
          if (args[0] === 'check-config') {
            assert.equal(code, 1);
          }
          assert.match(output, words);
          assert.ok(output.includes(line === undefined ? 'bad.yaml:' : `bad.yaml:${line}:`), output);
          assert.ok(!stdout.includes('listening'));
        }
      } finally {
        scratch.remove();
      }
    });
  }

  it('prints every problem, not only the first', async () => {
    const scratch = new Scratch();
    try {
      const file = scratch.file('bad.yaml', good.replace('port: 0', 'port: x').replace('type: echo', 'type: eko'));
      const { stdout, stderr } = await runProgram(['check-config', file]);
      assert.match(stdout + stderr, /bad\.yaml:3:/);
      assert.match(stdout + stderr, /bad\.yaml:5:/);
    } finally {
      scratch.remove();
    }
  });

  it('says what is wrong with a price file, with its own line', async () => {
    const scratch = new Scratch();
    try {
      scratch.file('prices.yaml', 'models:\n  m: { input: -1, output: 2 }\n');
      const file = scratch.file('priced.yaml', `${good}prices: { file: prices.yaml }\n`);
      const { code, stdout, stderr } = await runProgram(['check-config', file]);
      assert.equal(code, 1);
      assert.match(stdout + stderr, /priced\.yaml:9: prices\.file/);
      assert.match(stdout + stderr, /\/prices\.yaml:2: /);
    } finally {
      scratch.remove();
    }
  });

  it('a file that does not exist: exit 1 and its name', async () => {
    const { code, stdout, stderr } = await runProgram(['check-config', '/nowhere/config.yaml']);
    assert.equal(code, 1);
    assert.match(stdout + stderr, /\/nowhere\/config\.yaml/);
  });

  it('takes all sections of the documentation', async () => {
    const scratch = new Scratch();
    try {
      const file = scratch.file('full.yaml', fs.readFileSync(new URL('../data/full-config.yaml', import.meta.url)));
      const { code, stdout, stderr } = await runProgram(['check-config', file], {
        env: { OPENAI_API_KEY: 'sk-x', TIDEGATE_CI_KEY: kClientKey },
      });
      assert.equal(code, 0, stdout + stderr);
    } finally {
      scratch.remove();
    }
  });
});

describe('the program', { concurrency: 4 }, () => {
  it('--version and --help', async () => {
    const version = await runProgram(['--version']);
    assert.equal(version.code, 0);
    assert.match(version.stdout, /\d+\.\d+\.\d+/);
    const help = await runProgram(['--help']);
    assert.equal(help.code, 0);
    for (const option of ['--config', '--data-dir', '--host', '--port', '--log-level', 'check-config', 'init']) {
      assert.ok(help.stdout.includes(option), option);
    }
  });

  it('an unknown option is refused', async () => {
    const { code, stderr } = await runProgram(['--prot', '1']);
    assert.notEqual(code, 0);
    assert.match(stderr, /prot/);
  });

  it('init writes a config that check-config takes', async () => {
    const scratch = new Scratch();
    try {
      const made = await runProgram(['init'], { cwd: scratch.path, home: scratch.path });
      assert.equal(made.code, 0, made.stderr);
      let file = fs.readdirSync(scratch.path).find((name) => name.endsWith('.yaml'));
      let text;
      if (file) {
        file = path.join(scratch.path, file);
        text = fs.readFileSync(file, 'utf8');
      } else {
        file = /(\S+\.yaml)/.exec(made.stdout)?.[1];
        text = file && fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : made.stdout;
        file = scratch.file('starter.yaml', text);
      }
      assert.match(text, /^#/m, 'it is commented');
      const checked = await runProgram(['check-config', file]);
      assert.equal(checked.code, 0, checked.stdout + checked.stderr);
    } finally {
      scratch.remove();
    }
  });

  it('init does not overwrite', async () => {
    const scratch = new Scratch();
    try {
      await runProgram(['init'], { cwd: scratch.path, home: scratch.path });
      const file = fs.readdirSync(scratch.path).find((name) => name.endsWith('.yaml'));
      if (!file) {
        return; // it prints instead
      }
      scratch.file(file, 'mine: 1\n');
      const again = await runProgram(['init'], { cwd: scratch.path, home: scratch.path });
      assert.notEqual(again.code, 0);
      assert.equal(fs.readFileSync(path.join(scratch.path, file), 'utf8'), 'mine: 1\n');
    } finally {
      scratch.remove();
    }
  });

  it('makes a first client key, says it once, and stores only its hash', async () => {
    const scratch = new Scratch();
    const config = { backends: { echo: { type: 'echo' } }, default_backend: 'echo' };
    try {
      const first = await Gateway.start({ scratch, config });
      assert.match(first.firstKey ?? '', /^tg-[A-Za-z0-9_-]{40,}$/);
      const reply = await first.get('/v1/models', { key: first.firstKey });
      assert.equal(reply.head.status, 200, reply.text);
      const key = first.firstKey;
      await first.stop();
      const second = await Gateway.start({ scratch, config });
      assert.equal(second.firstKey, undefined);
      assert.equal((await second.get('/v1/models', { key })).head.status, 200);
      await second.stop();
      const names = fs.readdirSync(second.dataDir).filter((name) => name !== 'logs');
      names.push(path.join('logs', 'tidegate.log'));
      for (const name of names) {
        assert.ok(!fs.readFileSync(path.join(second.dataDir, name)).includes(key), name);
      }
      assert.equal(fs.statSync(second.dataDir).mode & 0o777, 0o700);
      assert.equal(fs.statSync(second.database).mode & 0o777, 0o600);
      assert.equal(fs.statSync(path.join(second.dataDir, 'admin-token')).mode & 0o777, 0o600);
    } finally {
      scratch.remove();
    }
  });

  it('runs without any file', async () => {
    const gateway = await Gateway.start({ config: null });
    assert.ok(gateway.firstKey);
    assert.equal((await gateway.get('/health')).head.status, 200);
    await gateway.stop();
  });

  it('runs from TIDEGATE_BEARER_TOKEN and TIDEGATE_UPSTREAM_URL alone', async () => {
    const upstream = await ScriptedUpstream.start();
    const key = 'my-own-token-0123456789';
    const gateway = await Gateway.start({
      config: null,
      env: { TIDEGATE_BEARER_TOKEN: key, TIDEGATE_UPSTREAM_URL: `http://127.0.0.1:${upstream.port}` },
    });
    try {
      assert.equal(gateway.firstKey, undefined, 'there is a key already');
      upstream.otherwise(answer(completion('any')));
      for (const model of ['anything', 'org/any:thing']) {
        const reply = await gateway.post('/v1/chat/completions', chatRequest(model), { key });
        assert.equal(reply.head.status, 200, reply.text);
        assert.equal(upstream.of(model)[0].head.target, '/v1/chat/completions');
        assert.equal(upstream.of(model)[0].head.get('authorization'), undefined);
      }
      assertError(await gateway.post('/v1/chat/completions', chatRequest('x')), 401, 'invalid_api_key');
    } finally {
      await gateway.stop();
      await upstream.stop();
    }
  });

  it('takes port, body limit and host from the environment', async () => {
    const gateway = await Gateway.start({
      config: null, port: null,
      env: { TIDEGATE_PORT: '0', TIDEGATE_HOST: '127.0.0.1', TIDEGATE_MAX_REQUEST_BODY_BYTES: '100',
        TIDEGATE_BEARER_TOKEN: 'token-token-token' },
    });
    const reply = await gateway.post('/v1/chat/completions', 'x'.repeat(101), { key: 'token-token-token' });
    assertError(reply, 413, 'body_too_large');
    await gateway.stop();
  });

  it('refuses to listen for everyone without keys', async () => {
    const scratch = new Scratch();
    try {
      const file = scratch.file('c.yaml', good.replace('port: 0', 'port: 0\n  host: 0.0.0.0\n  auth: "off"'));
      const { code, stdout, stderr } = await runProgram(['--config', file, '--data-dir', scratch.path]);
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, /auth/i);
      assert.ok(!stdout.includes('listening'));
    } finally {
      scratch.remove();
    }
  });

  it('warns about sections that have no engine yet', async () => {
    const gateway = await Gateway.start({
      config: { ...testConfig({}), backends: { echo: { type: 'echo' } }, cache: { enabled: true } },
    });
    await gateway.stop();
    assert.match(gateway.stderr, /cache/);
  });
});

describe('changes while running', { concurrency: 4 }, () => {
  const slowStream = (model, words, gate) => async (exchange) => {
    await exchange.start(200, { 'Content-Type': 'text/event-stream' });
    const events = chatEvents(model, words);
    await exchange.piece(events.slice(0, 2).join(''));
    await gate;
    await exchange.piece(`${events.slice(2).join('')}data: [DONE]\n\n`);
    await exchange.finish();
  };

  for (const how of ['SIGHUP', 'a changed file', 'a replaced file']) {
    it(`${how}: new routes and keys hold, running streams go on`, async () => {
      const upstream = await ScriptedUpstream.start();
      const old = testConfig({ up: upstream.port });
      const gateway = await Gateway.start({ config: old });
      try {
        const gate = deferred();
        const model = freshModel();
        upstream.when(model, slowStream(model, ['a', 'b'], gate.promise));
        const { reader } = await gateway.begin({ body: chatRequest(model, { stream: true }) });
        await until('first event', () => reader.size > 0);

        const key = 'tg-another-key-0123456789abcdef0123456789abcdef';
        const changed = { backends: { echo: { type: 'echo' } }, default_backend: 'echo', keys: { other: { key } } };
        if (how === 'a replaced file') {
          fs.writeFileSync(`${gateway.configFile}.new`, JSON.stringify(changed));
          fs.renameSync(`${gateway.configFile}.new`, gateway.configFile);
        } else {
          gateway.writeConfig(changed);
        }
        if (how === 'SIGHUP') {
          gateway.signal('SIGHUP');
        }
        await until('the new key', async () => (await gateway.get('/v1/models', { key })).head.status === 200);
        const reply = await gateway.post('/v1/chat/completions', chatRequest(model), { key });
        assert.equal(reply.head.get('x-tidegate-backend'), 'echo', reply.text);
        assertError(await gateway.get('/v1/models'), 401, 'invalid_api_key');

        gate.resolve();
        await until('the rest of the stream', () => reader.complete);
        assert.equal(streamedText(reader.text), 'ab');
      } finally {
        await gateway.stop();
        await upstream.stop();
      }
    });
  }

  it('a bad file keeps the configuration that runs, and the next good one is taken', async () => {
    const gateway = await Gateway.start({ config: good });
    try {
      for (const bad of ['servr: 1\n', '{', 'backends: { x: { type: nonsense } }\n']) {
        const before = gateway.stderr.length;
        gateway.writeConfig(bad);
        gateway.signal('SIGHUP');
        await until('the problem to be said', () => gateway.stderr.slice(before).includes('config.yaml'));
        const reply = await gateway.post('/v1/chat/completions', chatRequest('any'));
        assert.equal(reply.head.status, 200, reply.text);
      }
      gateway.writeConfig(good.replace('default_backend: echo\n', ''));
      gateway.signal('SIGHUP');
      await until('the good file', async () => (
        await gateway.post('/v1/chat/completions', chatRequest('echo/any'))).head.status === 200);
    } finally {
      await gateway.stop();
    }
  });

  it('fifty reloads under load lose no request', async () => {
    const upstream = await ScriptedUpstream.start();
    upstream.otherwise(answer(completion('any')));
    const gateway = await Gateway.start({ config: testConfig({ up: upstream.port }) });
    try {
      let over = false;
      const bad = [];
      const lane = async () => {
        while (!over) {
          const reply = await gateway.post('/v1/chat/completions', chatRequest('any'));
          if (reply.head?.status !== 200) {
            bad.push(reply.text);
          }
        }
      };
      const lanes = Array.from({ length: 4 }, lane);
      for (let i = 0; i < 50; i += 1) {
        gateway.writeConfig(testConfig({ up: upstream.port, [`b${i}`]: { type: 'echo' } }));
        gateway.signal('SIGHUP');
        await sleep(20);
      }
      over = true;
      await Promise.all(lanes);
      assert.deepEqual(bad, []);
    } finally {
      await gateway.stop();
      await upstream.stop();
    }
  });

  it('a stream relays unchanged across a reload', async () => {
    const upstream = await ScriptedUpstream.start();
    const gateway = await Gateway.start({ config: testConfig({ up: upstream.port }) });
    try {
      const model = freshModel();
      upstream.when(model, stream(chatEvents(model, Array(40).fill('w')), { gapMs: 10 }));
      const { reader } = await gateway.begin({ body: chatRequest(model, { stream: true }) });
      for (let i = 0; i < 8; i += 1) {
        gateway.signal('SIGHUP');
        await sleep(40);
      }
      await until('the end', () => reader.complete);
      assert.equal(streamedText(reader.text), 'w'.repeat(40));
    } finally {
      await gateway.stop();
      await upstream.stop();
    }
  });
});
