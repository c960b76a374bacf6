// SPDX-License-Identifier: GPL-3.0-or-later
// Measures Tidegate (client key, ledger and live events on) next to nginx, Portkey's gateway and no proxy
// at all, in one run: the same load on each in turn, repeated in rounds, medians reported. `run` builds
// what it needs and starts it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));

const kUsage = `usage: tests/bench/run [options]

  --quick        about a minute: one round, short measurements
  --rounds N     how often everything is measured; the median counts (3)
  --out DIR      where bench.json and bench.md go (build/bench)
  --build DIR    the release build (build/release)
  --no-portkey   without @portkey-ai/gateway
  --pin          proxies on one processor, load and backend on the others
`;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    out: { type: 'string', default: path.join(here, '../../build/bench') },
    build: { type: 'string', default: path.join(here, '../../build/release') },
    'no-portkey': { type: 'boolean', default: false },
    pin: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (options.help) {
  process.stdout.write(kUsage);
  process.exit(0);
}

options.build = path.resolve(options.build);
options.out = path.resolve(options.out);
const rounds = Number(options.rounds ?? (options.quick ? 1 : 3));
const seconds = options.quick ? 1.5 : 5;
const tool = (name) => path.join(options.build, 'tests/bench', name);
const tidegated = path.join(options.build, 'app/daemon/tidegated');

// --- processes ---------------------------------------------------------------------------------------

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-bench-'));
const children = new Set();

/** Which processors the proxy under test and everything else get; the same for every proxy. */
const pinning = (() => {
  const count = os.cpus().length;
  if (!options.pin || count < 2 || !fs.existsSync('/usr/bin/taskset')) {
    return { proxy: null, rest: null, text: 'nothing is pinned' };
  }
  const rest = count === 2 ? '0' : `0,2-${count - 1}`;
  return { proxy: '1', rest, text: `proxies on processor 1, load and backend on ${rest}` };
})();

function start(command, args, { cpu = null, env = {}, stdout = 'pipe' } = {}) {
  const [file, ...all] = cpu === null ? [command, ...args] : ['taskset', '-c', cpu, command, ...args];
  const child = spawn(file, all, {
    env: { PATH: `${process.env.PATH}:/usr/sbin`, HOME: scratch, TZ: 'UTC', LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', stdout, 'pipe'], cwd: scratch,
  });
  child.text = { stdout: '', stderr: '' };
  child.stdout?.on('data', (data) => { child.text.stdout += data; });
  child.stderr.on('data', (data) => { child.text.stderr = (child.text.stderr + data).slice(-4000); });
  children.add(child);
  child.on('close', () => children.delete(child));
  return child;
}

async function finish(child) {
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, 'close');
  }
  return child.exitCode;
}

async function stopAll() {
  for (const child of children) {
    child.kill('SIGTERM');
  }
  const deadline = Date.now() + 5000;
  while (children.size && Date.now() < deadline) {
    await sleep(20);
  }
  for (const child of children) {
    child.kill('SIGKILL');
  }
  fs.rmSync(scratch, { recursive: true, force: true });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, child, probe) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const value = await probe();
    if (value) {
      return value;
    }
    if (Date.now() > deadline || child.exitCode !== null) {
      throw new Error(`${what} did not start: ${child.text.stderr}`);
    }
    await sleep(30);
  }
}

const listens = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('connect', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

async function freePort() {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** The process and its descendants. */
function tree(pid) {
  const parents = new Map();
  for (const name of fs.readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // ended meanwhile
    }
  }
  const found = [pid];
  for (let i = 0; i < found.length; i += 1) {
    parents.forEach((parent, child) => { if (parent === found[i]) { found.push(child); } });
  }
  return found;
}

/** Processor time of a tree in microseconds; the kernel counts in ticks of 10 ms. */
function cpuUs(pids) {
  let ticks = 0;
  for (const pid of pids) {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10_000;
}

function rssMb(pids) {
  const kib = pids.map((pid) => Number(/^VmRSS:\s+(\d+)/m.exec(
    fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0));
  return kib.reduce((sum, one) => sum + one, 0) / 1024;
}

// --- the four ways to the backend --------------------------------------------------------------------

const kKey = 'tg-benchmark-key-0123456789abcdef0123456789abcdef';

async function startUpstream(args = []) {
  const child = start(tool('bench_upstream'), args, { cpu: pinning.rest });
  await until('bench_upstream', child, () => child.text.stdout.includes('\n'));
  return JSON.parse(child.text.stdout).port;
}

async function startNginx(upstream) {
  const port = await freePort();
  const file = path.join(scratch, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${scratch}/nginx-${name};`).join('\n');
  fs.writeFileSync(file, `daemon off;
worker_processes 1;
pid ${scratch}/nginx.pid;
error_log stderr error;
events { worker_connections 16384; }
http {
${temporary}
  access_log off;
  keepalive_requests 1000000000;
  client_body_buffer_size 64k;
  upstream backend { server 127.0.0.1:${upstream}; keepalive 1024; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`);
  const child = start('nginx', ['-e', 'stderr', '-p', scratch, '-c', file], { cpu: pinning.proxy });
  await until('nginx', child, () => listens(port));
  await sleep(200);
  return { name: 'nginx', port, pids: tree(child.pid), key: '', header: '' };
}

async function startTidegate(upstream) {
  const config = path.join(scratch, 'tidegate.yaml');
  fs.writeFileSync(config, JSON.stringify({
    default_backend: 'bench',
    backends: { bench: { type: 'openai', url: `http://127.0.0.1:${upstream}/v1`, api_key: 'sk-bench' } },
    keys: { bench: { key: kKey } },
  }));
  const child = start(tidegated, ['--config', config, '--data-dir', path.join(scratch, 'tidegate'), '--port', '0'],
    { cpu: pinning.proxy, env: { TIDEGATE_ADMIN_TOKEN: 'bench-admin-token-0123456789' } });
  const [, port] = await until('tidegated', child,
    () => /^Tidegate listening on http:\/\/127\.0\.0\.1:(\d+)/m.exec(child.text.stdout));
  const target = { name: 'Tidegate', port: Number(port), pids: tree(child.pid), key: kKey, header: '' };
  target.idleMb = rssMb(target.pids);

  // Somebody watches: events are made and sent.
  const feed = await new Promise((resolve, reject) => {
    http.get({
      port: target.port, path: '/admin/v1/events', agent: false,
      headers: { Authorization: 'Bearer bench-admin-token-0123456789' },
    }, resolve).on('error', reject);
  });
  if (feed.statusCode !== 200) {
    throw new Error(`/admin/v1/events answered ${feed.statusCode}`);
  }
  target.feedBytes = 0;
  feed.on('data', (data) => { target.feedBytes += data.length; });
  feed.on('error', () => {});
  return target;
}

async function startPortkey(upstream) {
  const script = path.join(here, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  if (options['no-portkey'] || !fs.existsSync(script)) {
    return null;
  }
  const port = await freePort();
  const child = start(process.execPath, [script, '--headless', `--port=${port}`],
    { cpu: pinning.proxy, env: { NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: '127.0.0.1,localhost' } });
  await until('Portkey', child, () => listens(port));
  const header = (backend) => `x-portkey-config: ${JSON.stringify({
    provider: 'openai', custom_host: `http://127.0.0.1:${backend}/v1`, api_key: 'sk-bench',
  })}`;
  // It drops fields that it does not know, so its streams are shaped by backends of their own.
  const streamHeaders = {};
  for (const { id, events, rate } of loads.filter((load) => load.events)) {
    streamHeaders[id] = header(await startUpstream(['--events', String(events), '--rate', String(rate)]));
  }
  return {
    name: 'Portkey', port, pids: tree(child.pid), key: 'sk-bench', header: header(upstream), streamHeaders,
  };
}

// --- loads -------------------------------------------------------------------------------------------

const urlOf = (target) => `http://127.0.0.1:${target.port}/v1/chat/completions`;

async function runTool(name, target, args, header = target.header) {
  const child = start(tool(name), ['--url', urlOf(target), ...args,
    ...(target.key ? ['--key', target.key] : []), ...(header ? ['--header', header] : [])],
  { cpu: pinning.rest });
  await finish(child);
  if (!child.text.stdout.startsWith('{')) {
    throw new Error(`${name} on ${target.name}: ${child.text.stderr}`);
  }
  return JSON.parse(child.text.stdout);
}

async function latency(target, idle) {
  const got = await runTool('bench_latency', target,
    ['--seconds', String(seconds), '--warmup', '0.3', '--idle', String(idle)]);
  return { requests: got.requests, errors: got.errors, rps: got.rps, p50Us: got.p50_us, p99Us: got.p99_us };
}

async function throughput(target, connections) {
  const script = path.join(scratch, `wrk-${target.name}.lua`);
  const body = JSON.stringify({ model: 'bench', messages: [{ role: 'user', content: 'x'.repeat(960) }] });
  const fields = [`wrk.headers["Content-Type"] = "application/json"`];
  if (target.key) {
    fields.push(`wrk.headers["Authorization"] = "Bearer ${target.key}"`);
  }
  if (target.header) {
    const [name, ...value] = target.header.split(': ');
    fields.push(`wrk.headers["${name}"] = [[${value.join(': ')}]]`);
  }
  fs.writeFileSync(script, `wrk.method = "POST"
wrk.body = [[${body}]]
${fields.join('\n')}
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"errors":%d,"p50":%d,"p99":%d}\\n', summary.requests,
    summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
`);
  const child = start('wrk', ['-t1', `-c${connections}`, `-d${Math.ceil(seconds)}s`, '-s', script, urlOf(target)],
    { cpu: pinning.rest });
  await finish(child);
  const line = child.text.stdout.split('\n').find((one) => one.startsWith('{'));
  if (!line) {
    throw new Error(`wrk on ${target.name}: ${child.text.stdout}${child.text.stderr}`);
  }
  const got = JSON.parse(line);
  return { requests: got.requests, errors: got.errors, rps: got.requests / (got.us / 1e6), p50Us: got.p50, p99Us: got.p99 };
}

async function streams(target, { id, count, rate, events }) {
  const got = await runTool('bench_sse', target,
    ['--streams', String(count), '--rate', String(rate), '--events', String(events), '--timeout', '30'],
    target.streamHeaders?.[id]);
  return {
    requests: got.streams, events: got.events, errors: got.failed, p50Us: got.delay_p50_us, p99Us: got.delay_p99_us,
    rps: got.events_per_s,
  };
}

const show = (value, digits = 0) => (value === undefined ? '–'
  : value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }));

// 10,000 events a second, however many streams they come from.
const length = options.quick ? 0.5 : 1;
const loads = [
  { id: 'c1', title: '1 connection', unit: 'request', run: (target) => latency(target, 0) },
  { id: 'c1idle', title: '1 connection, 5,000 idle', unit: 'request', proxiesOnly: true, run: (target) => latency(target, 5000) },
  { id: 'c32', title: '32 connections', unit: 'request', run: (target) => throughput(target, 32) },
  { id: 'c128', title: '128 connections', unit: 'request', run: (target) => throughput(target, 128) },
  ...[[1, 200, 600 * length], [50, 200, 600 * length], [500, 20, 60 * length], [1000, 5, 15]]
    .map(([count, rate, events]) => ({
      id: `s${count}`, title: `${show(count)} stream${count > 1 ? 's' : ''} × ${rate}/s`, unit: 'event',
      count, rate, events,
      run(target) { return streams(target, this); },
    })),
];

// --- the run -----------------------------------------------------------------------------------------

async function measure(load, target) {
  const before = target.pids ? cpuUs(target.pids) : 0;
  const result = await load.run(target);
  if (target.pids) {
    const count = load.unit === 'event' ? result.events : result.requests;
    result.cpuUs = (cpuUs(target.pids) - before) / Math.max(1, count);
  }
  return result;
}

const median = (values) => {
  const sorted = values.filter((one) => one !== undefined).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor((sorted.length - 1) / 2)] : undefined;
};

function summarise(results) {
  const summary = {};
  for (const key of ['rps', 'p50Us', 'p99Us', 'cpuUs']) {
    summary[key] = median(results.map((one) => one[key]));
  }
  summary.errors = results.reduce((sum, one) => sum + one.errors, 0);
  return summary;
}

function report(targets, figures) {
  const lines = [
    `${new Date().toISOString().slice(0, 10)}, ${os.cpus()[0].model}, ${os.cpus().length} processors, `
      + `${rounds} round(s) of ${seconds} s; ${pinning.text}. Medians. Tidegate with a client key, ledger and live `
      + 'events on. CPU is user and system time of the proxy\'s processes for each request or event.',
    '',
    '| load | way | per s | p50 µs | p99 µs | added p50 µs | CPU µs | CPU × nginx | errors |',
    '|---|---|---:|---:|---:|---:|---:|---:|---:|',
  ];
  for (const load of loads) {
    for (const target of targets) {
      const one = figures[load.id][target.name];
      if (!one) {
        continue;
      }
      const nginx = figures[load.id].nginx;
      const direct = figures[load.id].direct ?? (load.id === 'c1idle' ? figures.c1.direct : undefined);
      lines.push(`| ${load.title} | ${target.name} | ${show(one.rps)} | ${show(one.p50Us)} | ${show(one.p99Us)} | `
        + `${show(target.pids && direct ? one.p50Us - direct.p50Us : undefined)} | ${show(one.cpuUs, 1)} | `
        + `${show(one.cpuUs && nginx?.cpuUs ? one.cpuUs / nginx.cpuUs : undefined, 2)} | ${one.errors} |`);
    }
  }
  lines.push('', '| way | RSS idle MB | RSS after MB |', '|---|---:|---:|');
  for (const target of targets.filter((one) => one.pids)) {
    lines.push(`| ${target.name} | ${show(target.idleMb, 1)} | ${show(target.afterMb, 1)} |`);
  }

  const t = (id) => figures[id].Tidegate;
  const added = t('c1').p50Us - figures.c1.direct.p50Us;
  const addedIdle = t('c1idle').p50Us - figures.c1.direct.p50Us;
  const goals = [
    ['CPU per request at 32 connections, × nginx', t('c32').cpuUs / figures.c32.nginx.cpuUs, 2.5, 2],
    ['CPU per event of 50 streams, × nginx', t('s50').cpuUs / figures.s50.nginx.cpuUs, 2, 2],
    ['added p50 at one connection, µs', added, 100, 0],
    ['the same with 5,000 idle, × that without', addedIdle / added, 1.3, 2],
    ['errors of 1,000 streams', t('s1000').errors, 0, 0],
    ['RSS idle, MB', targets.find((one) => one.name === 'Tidegate').idleMb, 30, 1],
  ].map(([what, value, limit, digits]) => ({ what, value, limit, digits, met: value <= limit }));
  lines.push('', '| goal | is | at most | |', '|---|---:|---:|---|');
  for (const goal of goals) {
    lines.push(`| ${goal.what} | ${show(goal.value, goal.digits)} | ${goal.limit} | ${goal.met ? 'met' : 'missed'} |`);
  }
  return { text: `${lines.join('\n')}\n`, goals };
}

async function main() {
  const upstream = await startUpstream();
  const targets = [{ name: 'direct', port: upstream, key: '', header: '' }];
  for (const begin of [startNginx, startTidegate, startPortkey]) {
    const target = await begin(upstream);
    if (target) {
      target.idleMb ??= rssMb(target.pids);
      targets.push(target);
    }
  }
  const measured = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const load of loads) {
      for (let turn = 0; turn < targets.length; turn += 1) {
        const target = targets[(turn + round) % targets.length]; // nobody is always the first
        if (load.proxiesOnly && !target.pids) {
          continue;
        }
        process.stderr.write(`round ${round + 1}/${rounds}: ${load.title}, ${target.name}\n`);
        const result = await measure(load, target);
        ((measured[load.id] ??= {})[target.name] ??= []).push(result);
        await sleep(100);
      }
    }
  }
  const figures = {};
  for (const [id, byTarget] of Object.entries(measured)) {
    figures[id] = Object.fromEntries(Object.entries(byTarget).map(([name, all]) => [name, summarise(all)]));
  }
  for (const target of targets.filter((one) => one.pids)) {
    target.afterMb = rssMb(target.pids);
  }
  if (targets.find((one) => one.name === 'Tidegate').feedBytes === 0) {
    throw new Error('the live events sent nothing: Tidegate was not measured with them on');
  }
  const { text, goals } = report(targets, figures);
  fs.mkdirSync(options.out, { recursive: true });
  fs.writeFileSync(path.join(options.out, 'bench.md'), text);
  fs.writeFileSync(path.join(options.out, 'bench.json'), `${JSON.stringify({
    date: new Date().toISOString(), processors: os.cpus().length, model: os.cpus()[0].model, pinning: pinning.text,
    rounds, seconds, figures, measured, goals,
    memory: Object.fromEntries(targets.filter((one) => one.pids)
      .map((one) => [one.name, { idleMb: one.idleMb, afterMb: one.afterMb }])),
  }, null, 2)}\n`);
  process.stdout.write(text);
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => { stopAll().finally(() => process.exit(130)); });
}
try {
  await main();
} finally {
  await stopAll();
}
process.exit(0);
