// SPDX-License-Identifier: GPL-3.0-or-later
// The real tidegated as a test sees it: started on a free port with a private data directory, asked
// over bare sockets, read through its ledger, and checked for a clean end.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { Connection } from './connection.mjs';
import { deferred, slowness, until, within } from './wait.mjs';

const run = promisify(execFile);

/** The client key that testConfig() sets. */
export const kClientKey = 'tg-test-client-key-0123456789abcdef0123456789abcdef';

const kSanitizerReport = /(ERROR|WARNING): (Address|Thread|Leak|Memory)Sanitizer|runtime error:/;

/** Path of the program under test. */
export function program() {
  const found = process.env.TIDEGATED ?? process.argv[2];
  if (!found) {
    throw new Error('set TIDEGATED to the path of tidegated');
  }
  return path.resolve(found);
}

/** A configuration with one client key and @p upstreams as backends {name: port or settings}. */
export function testConfig(upstreams = {}, more = {}) {
  const backends = {};
  for (const [name, what] of Object.entries(upstreams)) {
    backends[name] = typeof what === 'number'
      ? { type: 'openai', url: `http://127.0.0.1:${what}/v1`, api_key: `sk-${name}-upstream-key` }
      : what;
  }
  const names = Object.keys(backends);
  return {
    ...(names.length ? { backends, default_backend: names[0] } : {}),
    keys: { test: { key: kClientKey } },
    ...more,
  };
}

/** An environment without anything of the person who runs the tests. */
export function cleanEnvironment(home, more = {}) {
  const kept = {};
  for (const name of ['PATH', 'LD_LIBRARY_PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS',
    'LSAN_OPTIONS']) {
    if (process.env[name] !== undefined) {
      kept[name] = process.env[name];
    }
  }
  return {
    ...kept, HOME: home, TZ: 'UTC', LANG: 'C.UTF-8',
    XDG_CONFIG_HOME: path.join(home, '.config'), XDG_DATA_HOME: path.join(home, '.local/share'),
    XDG_STATE_HOME: path.join(home, '.local/state'), XDG_CACHE_HOME: path.join(home, '.cache'),
    XDG_RUNTIME_DIR: home, ...more,
  };
}

/** A new private directory; remove() it when the test is over. */
export class Scratch {
  constructor() {
    this.path = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-test-'));
  }

  file(name, content) {
    const full = path.join(this.path, name);
    if (content !== undefined) {
      fs.writeFileSync(full, content);
    }
    return full;
  }

  remove() {
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}

/** Runs tidegated to its end: {code, stdout, stderr}. */
export async function runProgram(args, { env = {}, home, timeoutMs = 15_000, cwd } = {}) {
  const scratch = home ? null : new Scratch();
  try {
    const child = spawn(program(), args, {
      env: cleanEnvironment(home ?? scratch.path, env), stdio: ['ignore', 'pipe', 'pipe'], cwd,
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => { output.stdout += data; });
    child.stderr.on('data', (data) => { output.stderr += data; });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs * slowness);
    const [code, signal] = await once(child, 'close');
    clearTimeout(timer);
    assert.notEqual(signal, 'SIGKILL', `tidegated ${args.join(' ')} did not end by itself`);
    assert.doesNotMatch(output.stderr, kSanitizerReport);
    return { code, ...output };
  } finally {
    scratch?.remove();
  }
}

/** A running tidegated. */
export class Gateway {
  #child;
  #exit = deferred();
  #stopping = false;

  /**
   * Starts and waits for the ready line.
   * @param config    object, YAML text, or null for no --config at all
   * @param scratch   where config file and data directory live; made and removed when not given
   * @param ready     false: returns without waiting for the ready line
   */
  static async start({
    config = testConfig(), scratch = null, args = [], env = {}, ready = true, port = 0,
  } = {}) {
    const gateway = new Gateway(scratch);
    const all = ['--data-dir', gateway.dataDir];
    if (port !== null) {
      all.push('--port', String(port));
    }
    if (config !== null) {
      gateway.writeConfig(config);
      all.push('--config', gateway.configFile);
    }
    gateway.#spawn([...all, ...args], env);
    if (ready) {
      try {
        await gateway.untilReady();
      } catch (error) {
        await gateway.kill9();
        gateway.cleanUp();
        throw error;
      }
    }
    return gateway;
  }

  constructor(scratch) {
    this.ownsScratch = !scratch;
    this.scratch = scratch ?? new Scratch();
    this.dataDir = path.join(this.scratch.path, 'data');
    this.configFile = path.join(this.scratch.path, 'config.yaml');
    this.stdout = '';
    this.stderr = '';
    this.exit = this.#exit.promise; // {code, signal}
  }

  #spawn(args, env) {
    this.#child = spawn(program(), args, {
      env: cleanEnvironment(this.scratch.path, env), stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout.on('data', (data) => { this.stdout += data; });
    this.#child.stderr.on('data', (data) => { this.stderr += data; });
    this.#child.on('close', (code, signal) => {
      this.exited = { code, signal };
      this.#exit.resolve(this.exited);
    });
  }

  get pid() {
    return this.#child.pid;
  }

  writeConfig(config) {
    const text = typeof config === 'string' ? config : `${JSON.stringify(config, null, 2)}\n`;
    fs.writeFileSync(this.configFile, text);
  }

  async untilReady() {
    const line = await until('ready line', () => {
      if (this.exited) {
        throw new Error(`tidegated ended with ${JSON.stringify(this.exited)}\n${this.stderr}`);
      }
      return /^Tidegate listening on (http:\/\/\S+:(\d+)\/v1)$/m.exec(this.stdout);
    }, { timeoutMs: 15_000 });
    this.url = line[1];
    this.port = Number(line[2]);
    this.firstKey = /^Client key: (tg-\S+)$/m.exec(this.stdout)?.[1];
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** SIGTERM, then a clean exit is asserted. */
  async stop() {
    if (!this.exited) {
      this.#stopping = true;
      this.signal('SIGTERM');
      const { code, signal } = await within(40_000, 'exit after SIGTERM', this.exit)
        .catch(async (error) => {
          await this.kill9();
          throw new Error(`${error.message}\n${this.stderr.slice(-4000)}`);
        });
      assert.equal(signal, null, `ended by ${signal}\n${this.stderr.slice(-4000)}`);
      assert.equal(code, 0, `exit code ${code}\n${this.stderr.slice(-4000)}`);
    } else {
      assert.ok(this.#stopping, `tidegated ended by itself: ${JSON.stringify(this.exited)}\n`
        + this.stderr.slice(-4000));
    }
    this.assertNoReport();
    this.cleanUp();
  }

  /** No chance to say good-bye. The data directory stays when the scratch is the test's own. */
  async kill9() {
    this.#stopping = true;
    if (!this.exited) {
      this.signal('SIGKILL');
      await this.exit;
    }
  }

  /** The test ends the program itself and has seen this.exit. */
  expectExit() {
    this.#stopping = true;
    return within(40_000, 'exit', this.exit);
  }

  assertNoReport() {
    assert.doesNotMatch(this.stderr, kSanitizerReport);
    assert.doesNotMatch(this.stderr, /^QObject::|^QSocketNotifier|ASSERT/m);
  }

  cleanUp() {
    if (this.ownsScratch) {
      this.scratch.remove();
    }
  }

  connect() {
    return Connection.open(this.port);
  }

  /** The bytes of a request as a plain client sends it. */
  static bytes({
    method = 'POST', path: target = '/v1/chat/completions', headers = {}, body, key = kClientKey,
    version = '1.1',
  } = {}) {
    const payload = body === undefined || Buffer.isBuffer(body) || typeof body === 'string'
      ? body : JSON.stringify(body);
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    const lines = [`${method} ${target} HTTP/${version}`];
    const add = (name, value) => {
      if (!names.includes(name.toLowerCase())) {
        lines.push(`${name}: ${value}`);
      }
    };
    add('Host', 'localhost');
    if (key) {
      add('Authorization', `Bearer ${key}`);
    }
    if (payload !== undefined) {
      add('Content-Type', 'application/json');
      if (!names.includes('transfer-encoding')) {
        add('Content-Length', Buffer.byteLength(payload));
      }
    }
    for (const [name, value] of Object.entries(headers)) {
      for (const one of [].concat(value)) {
        lines.push(`${name}: ${one}`);
      }
    }
    return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
      Buffer.from(payload ?? '')]);
  }

  /** One request on a connection of its own, answered to the end. */
  async request(options = {}) {
    const connection = await this.connect();
    try {
      await connection.write(Gateway.bytes(options));
      return await connection.response({
        method: options.method ?? 'POST', timeoutMs: options.timeoutMs ?? 15_000,
      });
    } finally {
      connection.close();
    }
  }

  /** Sends a request and returns at once: {connection, reader}. */
  async begin(options = {}) {
    const connection = await this.connect();
    const reader = connection.expect(options.method ?? 'POST');
    await connection.write(Gateway.bytes(options));
    return { connection, reader };
  }

  get(target, options = {}) {
    return this.request({ method: 'GET', path: target, ...options });
  }

  post(target, body, options = {}) {
    return this.request({ method: 'POST', path: target, body, ...options });
  }

  get database() {
    const found = fs.readdirSync(this.dataDir).filter((name) => /\.(db|sqlite3?)$/.test(name));
    assert.equal(found.length, 1, `one database in ${fs.readdirSync(this.dataDir)}`);
    return path.join(this.dataDir, found[0]);
  }

  /** Rows of a query on the database, as objects. */
  async query(sql) {
    const { stdout } = await run('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 5000',
      this.database, sql], { maxBuffer: 256 << 20 });
    return stdout.trim() ? JSON.parse(stdout) : [];
  }

  /** The ledger row of a request, as soon as it is written. */
  async row(requestId) {
    const rows = await until(`ledger row of ${requestId}`, async () => {
      const found = await this.query(
        `SELECT * FROM requests WHERE request_id = '${requestId.replaceAll("'", "''")}'`);
      return found.length ? found : null;
    }, { everyMs: 50 });
    assert.equal(rows.length, 1, `one row for ${requestId}`);
    return rows[0];
  }

  /** Resident memory in KiB. */
  get rssKib() {
    const status = fs.readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]);
  }

  get openFiles() {
    return fs.readdirSync(`/proc/${this.pid}/fd`).length;
  }
}
