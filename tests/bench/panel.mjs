// SPDX-License-Identifier: GPL-3.0-or-later
// What the panel costs the engine: the whole program (bench_panel, as `tidegate` puts it together) under a
// paced load, in turns with its window hidden and with the Live page in sight. `panel` starts it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));

const kUsage = `usage: tests/bench/panel [options]

  --rate R         requests a second (5000)
  --rounds N       how often each state is measured; medians count (8)
  --seconds S      of each measurement (2.5)
  --connections N  (64)
  --out DIR        where panel.json and panel.md go (build/bench)
  --build DIR      the release build (build/release)
`;

const { values: options } = parseArgs({
  options: {
    rate: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '2.5' },
    connections: { type: 'string', default: '64' },
    out: { type: 'string', default: path.join(here, '../../build/bench') },
    build: { type: 'string', default: path.join(here, '../../build/release') },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (options.help) {
  process.stdout.write(kUsage);
  process.exit(0);
}

const kStates = [
  { name: 'hidden', order: 'hide', text: 'window hidden' },
  { name: 'live', order: 'show live', text: 'Live page in sight' },
];
const kKey = 'tg-benchmark-key-0123456789abcdef0123456789abcdef';
const program = (name) => path.join(options.build, 'tests', name);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-panel-'));
const children = [];

function start(file, args) {
  const child = spawn(file, args, {
    env: { ...process.env, QT_QPA_PLATFORM: process.env.QT_QPA_PLATFORM ?? 'offscreen',
      QT_QUICK_BACKEND: 'software', LANG: 'C.UTF-8', TZ: 'UTC', XDG_RUNTIME_DIR: scratch },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, next: async () => JSON.parse((await lines.next()).value ?? 'null') };
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Processor time of each kind of thread, in microseconds, as exact as the scheduler knows it. */
function threadsUs(pid) {
  const used = { engine: 0, gui: 0, other: 0 };
  for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${task}`;
    const name = fs.readFileSync(`${folder}/comm`, 'utf8').trim();
    const ns = Number(fs.readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]);
    const kind = name.startsWith('engine-') ? 'engine' : Number(task) === pid ? 'gui' : 'other';
    used[kind] += ns / 1000;
  }
  return used;
}

function load(port, seconds, warmup) {
  return new Promise((resolve, reject) => {
    const child = spawn(program('bench/bench_latency'), ['--url',
      `http://127.0.0.1:${port}/v1/chat/completions`, '--key', kKey, '--rate', options.rate,
      '--connections', options.connections, '--seconds', String(seconds), '--warmup', String(warmup)],
    { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (data) => { text += data; });
    child.on('close', (code) => (code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`load: ${code}`))));
  });
}

async function main() {
  const upstream = start(program('bench/bench_upstream'), []);
  const { port: upstreamPort } = await upstream.next();
  const config = path.join(scratch, 'config.yaml');
  fs.writeFileSync(config, `server: { port: 0 }
backends: { bench: { type: openai, url: "http://127.0.0.1:${upstreamPort}", api_key: none, models: [bench] } }
keys: { bench: { key: ${kKey} } }
`);
  const panel = start(program('panel/bench_panel'), [scratch, config]);
  const { port } = await panel.next();
  const order = async (text) => { panel.child.stdin.write(`${text}\n`); return panel.next(); };

  const seconds = Number(options.seconds);
  const results = Object.fromEntries(kStates.map(({ name }) => [name, []]));
  await load(port, 2, 0); // pools are open, memory is there
  for (let round = 0; round < Number(options.rounds); round += 1) {
    // In turns, and every other round the other way round, so that a drift of the machine costs both alike.
    for (const { name, order: text } of round % 2 === 0 ? kStates : [...kStates].reverse()) {
      await order(text);
      const running = load(port, seconds + 0.4, 0.4);
      await sleep(600);
      await order('measure');
      const before = threadsUs(panel.child.pid);
      const begun = performance.now();
      await sleep((seconds - 0.3) * 1000);
      const after = threadsUs(panel.child.pid);
      const measured = (performance.now() - begun) / 1000;
      const seen = await order('report');
      const run = await running;
      const requests = run.rps * measured;
      results[name].push({ engine_us: (after.engine - before.engine) / requests,
        gui_percent: (after.gui - before.gui) / measured / 1e4,
        other_us: (after.other - before.other) / requests,
        rps: run.rps, p50_us: run.p50_us, p99_us: run.p99_us, stalled_ms: seen.stalled_ms,
        frames_per_s: seen.frames / measured, dropped: seen.dropped });
    }
  }
  panel.child.stdin.write('quit\n');
  await once(panel.child, 'close');

  const summary = kStates.map(({ name, text }) => {
    const of = (field) => results[name].map((result) => result[field]);
    return { name, text, engine_us: median(of('engine_us')), gui_percent: median(of('gui_percent')),
      rps: median(of('rps')), p50_us: median(of('p50_us')), p99_us: median(of('p99_us')),
      stalled_ms: Math.max(...of('stalled_ms')), frames_per_s: median(of('frames_per_s')) };
  });
  const [hidden, live] = summary;
  const more = (live.engine_us / hidden.engine_us - 1) * 100;
  const table = [
    '| window | requests/s | engine CPU µs/request | GUI thread, % of a core | p50 µs | p99 µs | frames/s | longest stall ms |',
    '|---|---:|---:|---:|---:|---:|---:|---:|',
    ...summary.map((s) => `| ${s.text} | ${Math.round(s.rps).toLocaleString('en')} | ${s.engine_us.toFixed(1)} | ${
      s.gui_percent.toFixed(0)} | ${Math.round(s.p50_us)} | ${Math.round(s.p99_us)} | ${s.frames_per_s.toFixed(0)} | ${
      s.stalled_ms.toFixed(0)} |`),
    '', `Engine CPU per request with the page in sight: ${more >= 0 ? '+' : '−'}${Math.abs(more).toFixed(1)} %.`, ''].join('\n');
  fs.mkdirSync(options.out, { recursive: true });
  fs.writeFileSync(path.join(options.out, 'panel.json'), JSON.stringify({ options, summary, results }, null, 1));
  fs.writeFileSync(path.join(options.out, 'panel.md'), table);
  process.stdout.write(table);
}

try {
  await main();
} finally {
  children.forEach((child) => child.kill('SIGKILL'));
  fs.rmSync(scratch, { recursive: true, force: true });
}
