// SPDX-License-Identifier: GPL-3.0-or-later
// Backends that are started for requests, and those behind an SSH tunnel.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Gateway, Scratch, kClientKey, runProgram } from './lib/gateway.mjs';
import { chatRequest, completion } from './lib/openai.mjs';
import { answer } from './lib/scripts.mjs';
import { assertError } from './lib/suite.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { until } from './lib/wait.mjs';

const server = fileURLToPath(new URL('./lib/modelserver.mjs', import.meta.url));
const adminToken = 'managed-test-admin-token-0123456789';

async function freePort() {
  const listener = net.createServer();
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

const listens = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('connect', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

/** False for a zombie, too. */
function isAlive(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

/** A gateway with one managed backend "demand"; @p seconds: until its server is ready. */
class Managed {
  static async start({ seconds = 0.3, command, more = {}, models = {}, backends = {}, ...rest } = {}) {
    const self = new Managed();
    self.scratch = rest.scratch ?? new Scratch();
    self.port = await freePort();
    self.starts = path.join(self.scratch.path, 'starts');
    self.command = command
      ?? `"${process.execPath}" "${server}" ${self.port} ${seconds} "${self.starts}"`;
    self.config = {
      backends: {
        demand: {
          type: 'llamacpp', url: `http://127.0.0.1:${self.port}`, models: ['m'],
          managed: { start: self.command, start_timeout_seconds: 20, ...more },
        },
        ...backends,
      },
      models,
      keys: { test: { key: kClientKey } },
    };
    if (rest.launch !== false) {
      await self.launch();
    }
    return self;
  }

  async launch() {
    this.gateway = await Gateway.start({
      config: this.config, scratch: this.scratch, env: { TIDEGATE_ADMIN_TOKEN: adminToken },
    });
  }

  async admin(method, target) {
    const reply = await this.gateway.request({
      method, path: `/admin/v1/${target}`, key: adminToken, body: method === 'POST' ? {} : undefined,
    });
    return { status: reply.head.status, json: JSON.parse(reply.text) };
  }

  async act(what) {
    const { status, json } = await this.admin('POST', `backends/demand/${what}`);
    assert.equal(status, 200, JSON.stringify(json));
    return json.status.managed;
  }

  async state() {
    return (await this.admin('GET', 'backends/demand')).json.status.managed;
  }

  async reaches(state) {
    return until(`state ${state}`, async () => (await this.state()).state === state,
      { timeoutMs: 15_000, everyMs: 50 });
  }

  ask(model = 'm') {
    return this.gateway.post('/v1/chat/completions', chatRequest(model), { timeoutMs: 30_000 });
  }

  /** The process ids of the servers that were started, in order. */
  pids() {
    return fs.existsSync(this.starts)
      ? fs.readFileSync(this.starts, 'utf8').trim().split('\n').map(Number) : [];
  }

  async end() {
    await this.gateway.stop();
    this.scratch.remove();
  }
}

describe('managed backends', { concurrency: 4 }, () => {
  it('run nothing before a person has confirmed their command', async () => {
    const t = await Managed.start();
    const refused = await t.ask();
    const error = assertError(refused, 503, 'no_backend_available');
    assert.match(error.message, /'demand' waits for its command to be confirmed/);
    assert.ok(Number(refused.head.get('retry-after')) >= 1);
    const before = await t.state();
    assert.equal(before.state, 'unconfirmed');
    assert.equal(before.command, t.command);
    const early = await t.admin('POST', 'backends/demand/start');
    assert.ok(early.status >= 400, 'not even by hand');
    assert.match(early.json.error.message, /Confirm its command first/);
    // The client key confirms nothing.
    const byClient = await t.gateway.request({
      path: '/admin/v1/backends/demand/confirm', body: {},
    });
    assert.equal(byClient.head.status, 401);
    assert.deepEqual(t.pids(), []);

    assert.equal((await t.act('confirm')).state, 'stopped');
    assert.deepEqual(t.pids(), [], 'confirmed is not started');
    assert.equal((await t.ask()).head.status, 200);
    await t.end();
  });

  it('are started by the first request, once, and end with the gateway', async () => {
    const t = await Managed.start({ seconds: 1 });
    await t.act('confirm');
    const ready = await t.gateway.get('/ready', { key: null });
    assert.equal(ready.head.status, 200, 'what can be started can serve');
    const replies = await Promise.all(Array.from({ length: 10 }, () => t.ask()));
    for (const reply of replies) {
      assert.equal(reply.head.status, 200, reply.text);
      assert.equal(reply.head.get('x-tidegate-backend'), 'demand');
      assert.equal(reply.head.get('x-tidegate-attempts'), '1');
    }
    assert.equal(t.pids().length, 1, 'ten requests, one start');
    assert.match((await t.state()).state, /^(ready|idle)$/);
    await until('the model it serves', async () => (await t.admin('GET', 'backends/demand'))
      .json.status.discovered.includes('on-demand'));
    await t.end();
    assert.ok(!isAlive(t.pids()[0]), 'no orphan');
  });

  it('do not outlive a gateway that is killed', async () => {
    const t = await Managed.start({ seconds: 0 });
    await t.act('confirm');
    assert.equal((await t.ask()).head.status, 200);
    const [pid] = t.pids();
    assert.ok(isAlive(pid));
    await t.gateway.kill9();
    await until('the server is gone', () => !isAlive(pid));
    t.scratch.remove();
  });

  it('are stopped by hand and started again by the next request', async () => {
    const t = await Managed.start({ seconds: 0 });
    await t.act('confirm');
    await t.act('start');
    await t.reaches('ready');
    await t.act('stop');
    await t.reaches('stopped');
    assert.ok(!isAlive(t.pids()[0]));
    assert.equal((await t.ask()).head.status, 200);
    assert.equal(t.pids().length, 2);
    await t.end();
  });

  it('come back after a crash', async () => {
    const t = await Managed.start({ seconds: 0 });
    await t.act('confirm');
    assert.equal((await t.ask()).head.status, 200);
    process.kill(t.pids()[0], 'SIGKILL');
    await t.reaches('failed');
    assert.match((await t.state()).detail, /signal 9/);
    await until('it serves again', async () => (await t.ask()).head.status === 200,
      { timeoutMs: 15_000, everyMs: 100 });
    assert.equal(t.pids().length, 2);
    await t.end();
  });

  it('that cannot be started are said so', async () => {
    const t = await Managed.start({ command: 'sh -c "echo no GPU here; exit 3"' });
    await t.act('confirm');
    const reply = await t.ask();
    const error = assertError(reply, 503, 'no_backend_available');
    assert.match(error.message, /'demand' could not be started/);
    assert.ok(Number(reply.head.get('retry-after')) >= 1);
    const { state, detail, output } = await t.state();
    assert.equal(state, 'failed');
    assert.match(detail, /exit code 3: no GPU here/);
    assert.deepEqual(output, ['no GPU here']);
    await t.end();
  });

  it('wait in the background while another lane serves', async () => {
    const upstream = await ScriptedUpstream.start();
    upstream.otherwise(answer(completion('elsewhere')));
    const t = await Managed.start({
      seconds: 1,
      backends: {
        cloud: { type: 'openai', url: `http://127.0.0.1:${upstream.port}/v1`, api_key: 'sk-cloud-key' },
      },
      models: { both: { targets: [{ backend: 'demand', model: 'm' }, { backend: 'cloud', model: 'm' }] } },
    });
    await t.act('confirm');
    const first = await t.ask('both');
    assert.equal(first.head.status, 200, first.text);
    assert.equal(first.head.get('x-tidegate-backend'), 'cloud', 'nobody waits who need not');
    await t.reaches('ready');
    assert.equal((await t.ask('both')).head.get('x-tidegate-backend'), 'demand');
    await t.end();
    await upstream.stop();
  });

  it('a client that leaves while it waits leaves nothing behind', async () => {
    const t = await Managed.start({ seconds: 2 });
    await t.act('confirm');
    const { connection } = await t.gateway.begin({ body: chatRequest('m') });
    await t.reaches('starting');
    connection.close();
    await t.reaches('ready');
    assert.equal((await t.ask()).head.status, 200);
    await t.end();
  });

  it('a request that waits for one hears when it is removed', async () => {
    const t = await Managed.start({ seconds: 60, more: { start_timeout_seconds: 300 } });
    await t.act('confirm');
    const waits = t.ask();
    await t.reaches('starting');
    t.gateway.writeConfig({ keys: t.config.keys });
    t.gateway.signal('SIGHUP');
    const error = assertError(await waits, 503, 'no_backend_available');
    assert.match(error.message, /'demand' has been removed/);
    await t.end();
  });

  it('confirm-command confirms exactly one command', async () => {
    const t = await Managed.start({ launch: false });
    const file = path.join(t.scratch.path, 'config.yaml');
    const data = path.join(t.scratch.path, 'data');
    const confirm = (name) => runProgram(['confirm-command', name, '--config', file, '--data-dir', data]);
    fs.writeFileSync(file, JSON.stringify(t.config));
    assert.equal((await confirm('nobody')).code, 1);
    const { code, stdout } = await confirm('demand');
    assert.equal(code, 0);
    assert.ok(stdout.includes(t.command), stdout);
    await t.launch();
    assert.equal((await t.ask()).head.status, 200);
    assert.match((await confirm('demand')).stderr, /confirm/, 'the database is in use');

    // Another command, by an edit of the file, waits again.
    t.config.backends.demand.managed.start = `${t.command} `.replace('llamacpp', '') + 'extra';
    t.gateway.writeConfig(t.config);
    t.gateway.signal('SIGHUP');
    await t.reaches('unconfirmed');
    assert.ok(!isAlive(t.pids()[0]));
    assertError(await t.ask(), 503, 'no_backend_available');
    await t.end();
  });
});

const sshd = ['/usr/sbin/sshd', '/usr/bin/sshd'].find((file) => fs.existsSync(file));

describe('backends behind an SSH tunnel', { skip: sshd ? false : 'openssh-server is not installed' }, () => {
  /** The ssh processes that a gateway has started, by the port in their arguments. */
  const sshProcesses = (port) => fs.readdirSync('/proc').filter((entry) => {
    try {
      const words = fs.readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      return /^\d+$/.test(entry) && words[0].endsWith('ssh') && words.includes(String(port))
        && isAlive(entry);
    } catch {
      return false;
    }
  }).map(Number);

  it('are reached by the names of their URL, again after a cut, and leave no ssh behind', async () => {
    const scratch = new Scratch();
    const file = (name) => path.join(scratch.path, name);
    if (process.getuid() === 0) {
      fs.mkdirSync('/run/sshd', { recursive: true });
    }
    for (const key of ['host', 'id']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
    }
    const sshPort = await freePort();
    fs.copyFileSync(file('id.pub'), file('authorized'));
    fs.writeFileSync(file('known_hosts'),
      `[127.0.0.1]:${sshPort} ${fs.readFileSync(file('host.pub'), 'utf8')}`);
    fs.writeFileSync(file('sshd_config'), `ListenAddress 127.0.0.1
Port ${sshPort}
HostKey ${file('host')}
AuthorizedKeysFile ${file('authorized')}
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
`);
    const daemon = spawn(sshd, ['-D', '-q', '-f', file('sshd_config')], { stdio: 'inherit' });
    const port = await freePort();
    const model = spawn(process.execPath, [server, String(port)], { stdio: 'inherit' });
    let t;
    try {
      await until('the model server listens', () => listens(port), { timeoutMs: 20_000 });
      await until('sshd listens', () => listens(sshPort), { timeoutMs: 20_000 });
      t = await Managed.start({
        scratch,
        backends: {
          demand: {
            type: 'llamacpp', url: `http://inference.invalid:${port}`, models: ['m'],
            ssh: {
              host: '127.0.0.1', port: sshPort, user: os.userInfo().username,
              identity_file: file('id'), known_hosts_file: file('known_hosts'),
              remote_host: '127.0.0.1',
            },
          },
        },
      });
      assertError(await t.ask(), 503, 'no_backend_available');
      assert.deepEqual(sshProcesses(sshPort), [], 'not confirmed yet');
      const confirmed = await t.admin('POST', 'backends/demand/confirm');
      assert.equal(confirmed.status, 200);
      const reply = await t.ask();
      assert.equal(reply.head.status, 200, reply.text);
      assert.equal(JSON.parse(reply.text).choices[0].message.content,
        `${model.pid} inference.invalid:${port}`);

      const [before] = sshProcesses(sshPort);
      process.kill(before, 'SIGKILL');
      await until('it serves again', async () => (await t.ask()).head.status === 200,
        { timeoutMs: 20_000, everyMs: 100 });
      const after = sshProcesses(sshPort);
      assert.equal(after.length, 1);
      assert.notEqual(after[0], before);
      await t.gateway.stop();
      assert.deepEqual(sshProcesses(sshPort), []);
    } finally {
      await t?.gateway.kill9();
      daemon.kill('SIGKILL');
      model.kill('SIGKILL');
      scratch.remove();
    }
  });
});
