// SPDX-License-Identifier: GPL-3.0-or-later
// Start, stop and crash: draining, signals, the ledger's promise, and one process per directory.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, it } from 'node:test';

import { Gateway, runProgram, Scratch, testConfig } from './lib/gateway.mjs';
import { chatEvents, chatRequest, completion, streamedText } from './lib/openai.mjs';
import { answer, faults } from './lib/scripts.mjs';
import { assertError, freshModel } from './lib/suite.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { deferred, inParallel, now, sleep, slowness, until, within } from './lib/wait.mjs';

/** A gateway and an upstream with a scratch that outlives the gateway. */
async function withBoth(more, body) {
  const scratch = new Scratch();
  const upstream = await ScriptedUpstream.start();
  const gateway = await Gateway.start({ scratch, config: testConfig({ up: upstream.port }, more) });
  try {
    await body(gateway, upstream, scratch);
  } finally {
    await gateway.kill9();
    await upstream.stop();
    gateway.assertNoReport();
    scratch.remove();
  }
}

/** A stream that sends half, waits for @p gate and sends the rest. */
const gated = (model, gate) => async (exchange) => {
  const events = chatEvents(model, ['a', 'b']);
  await exchange.start(200, { 'Content-Type': 'text/event-stream' });
  await exchange.piece(events.slice(0, 2).join(''));
  await gate;
  await exchange.piece(`${events.slice(2).join('')}data: [DONE]\n\n`);
  await exchange.finish();
};

describe('stopping', { concurrency: 4 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    it(`${signal} lets a running stream finish, then exits 0 with the ledger complete`, async () => {
      await withBoth({}, async (gateway, upstream) => {
        const model = freshModel();
        const gate = deferred();
        upstream.when(model, gated(model, gate.promise));
        const kept = await gateway.connect(); // opened before, asks during the drain
        await until('the backend to be found', async () => {
          await kept.write(Gateway.bytes({ method: 'GET', path: '/ready' }));
          return (await kept.response()).head.status === 200;
        });
        const { reader } = await gateway.begin({
          body: chatRequest(model, { stream: true }), headers: { 'X-Request-ID': 'drained' },
        });
        await until('first event', () => reader.size > 0);
        const probing = await gateway.connect(); // has not said anything yet
        await probing.write('GET /ready HTTP/1.1\r\n');
        await sleep(50);
        gateway.signal(signal);
        await until('no more connections', async () => {
          try {
            (await gateway.connect()).close();
            return false;
          } catch {
            return true;
          }
        });
        const ready = probing.expect('GET');
        await probing.write('Host: localhost\r\n\r\n');
        await until('an answer of /ready', () => ready.complete || probing.ended);
        assert.equal(ready.head?.status, 503, 'said to be draining');
        assert.match(ready.text, /draining/);
        assert.equal(gateway.exited, undefined, 'it waits for the stream');
        gate.resolve();
        await until('the rest of the stream', () => reader.complete);
        assert.equal(streamedText(reader.text), 'ab');
        assert.deepEqual(await gateway.expectExit(), { code: 0, signal: null });
        const [row] = await gateway.query("SELECT * FROM requests WHERE request_id = 'drained'");
        assert.equal(row.status, 200);
      });
    });
  }

  it('idle connections do not hold it up', async () => {
    await withBoth({}, async (gateway) => {
      const idle = await gateway.connect();
      await idle.write(Gateway.bytes({ method: 'GET', path: '/health' }));
      await idle.response();
      await gateway.connect();
      const from = now();
      gateway.signal('SIGTERM');
      assert.deepEqual(await gateway.expectExit(), { code: 0, signal: null });
      assert.ok(now() - from < 3000 * slowness, `${now() - from} ms`);
    });
  });

  it('drain_seconds is the longest it waits; what is cut is in the ledger', async () => {
    await withBoth({ server: { drain_seconds: 1 } }, async (gateway, upstream) => {
      const model = freshModel();
      upstream.when(model, gated(model, new Promise(() => {})));
      const { reader, connection } = await gateway.begin({
        body: chatRequest(model, { stream: true }), headers: { 'X-Request-ID': 'cut' },
      });
      await until('first event', () => reader.size > 0);
      const from = now();
      gateway.signal('SIGTERM');
      assert.deepEqual(await gateway.expectExit(), { code: 0, signal: null });
      const took = now() - from;
      assert.ok(took > 800 && took < 4000 * slowness, `${took} ms`);
      await within(2000, 'close', connection.closed);
      assert.ok(reader.truncated || /"error"/.test(reader.text), 'not a silent end');
      const [row] = await gateway.query("SELECT * FROM requests WHERE request_id = 'cut'");
      assert.equal(row.error_code, 'draining');
    });
  });

  it('a second signal ends at once, with nothing lost', async () => {
    await withBoth({}, async (gateway, upstream) => {
      const model = freshModel();
      upstream.when(model, gated(model, new Promise(() => {})));
      const { reader } = await gateway.begin({
        body: chatRequest(model, { stream: true }), headers: { 'X-Request-ID': 'cut' },
      });
      await until('first event', () => reader.size > 0);
      gateway.signal('SIGTERM');
      await sleep(200);
      assert.equal(gateway.exited, undefined);
      const from = now();
      gateway.signal('SIGTERM');
      const exit = await gateway.expectExit();
      assert.ok(now() - from < 2000 * slowness, `${now() - from} ms`);
      assert.equal(exit.signal, null, 'ended in its own way');
      const rows = await gateway.query("SELECT * FROM requests WHERE request_id = 'cut'");
      assert.equal(rows.length, 1);
    });
  });

  it('requests that come while draining on an open connection are refused, not lost', async () => {
    await withBoth({}, async (gateway, upstream) => {
      const [running, late] = [freshModel(), freshModel()];
      const gate = deferred();
      upstream.when(running, gated(running, gate.promise));
      upstream.when(late, answer(completion(late)));
      const { reader } = await gateway.begin({ body: chatRequest(running, { stream: true }) });
      await until('first event', () => reader.size > 0);
      const open = await gateway.connect();
      const bytes = Gateway.bytes({ body: chatRequest(late) });
      await open.write(bytes.subarray(0, 30));
      await sleep(50);
      gateway.signal('SIGTERM');
      await sleep(100);
      await open.write(bytes.subarray(30));
      const reply = await open.response();
      assert.ok([200, 503].includes(reply.head?.status), reply.text);
      if (reply.head.status === 503) {
        assertError(reply, 503, 'draining');
        assert.match(reply.head.get('retry-after') ?? '', /^\d+$/);
      }
      gate.resolve();
      assert.deepEqual(await gateway.expectExit(), { code: 0, signal: null });
    });
  });
});

describe('the ledger', { concurrency: 4 }, () => {
  it('kill -9 loses at most the last 250 ms', async () => {
    await withBoth({}, async (gateway, upstream, scratch) => {
      upstream.otherwise(answer(completion('any')));
      const answered = new Map();
      let over = false;
      const lanes = Promise.all(Array.from({ length: 4 }, async (unused, lane) => {
        for (let i = 0; !over; i += 1) {
          const id = `kill-${lane}-${i}`;
          try {
            const reply = await gateway.post('/v1/chat/completions', chatRequest('any'),
              { headers: { 'X-Request-ID': id } });
            if (reply.complete) {
              answered.set(id, now());
            }
          } catch {
            return;
          }
        }
      }));
      await sleep(1200);
      const killedAt = now();
      await gateway.kill9();
      over = true;
      await lanes;
      const again = await Gateway.start({ scratch, config: testConfig({ up: upstream.port }) });
      const rows = await again.query("SELECT request_id FROM requests WHERE request_id LIKE 'kill-%'");
      const written = new Set(rows.map((row) => row.request_id));
      assert.equal(written.size, rows.length);
      const lost = [...answered].filter(([id]) => !written.has(id));
      const oldest = Math.max(0, ...lost.map(([, at]) => killedAt - at));
      console.log(`# ${answered.size} answered, ${lost.length} lost, the oldest ${oldest.toFixed(0)} ms before the kill`);
      assert.ok(oldest <= 250 + 100 * slowness, `lost a row of ${oldest.toFixed(0)} ms before`);
      assert.ok(answered.size > 20);
      assert.equal((await again.query('PRAGMA integrity_check'))[0].integrity_check, 'ok');
      await again.stop();
    });
  });

  it('a normal stop loses nothing', async () => {
    await withBoth({}, async (gateway, upstream) => {
      upstream.otherwise(answer(completion('any')));
      await inParallel(300, 8, (index) => gateway.post('/v1/chat/completions', chatRequest('any'),
        { headers: { 'X-Request-ID': `stop-${index}` } }));
      gateway.signal('SIGTERM');
      await gateway.expectExit();
      const [{ n }] = await gateway.query(
        "SELECT count(DISTINCT request_id) AS n FROM requests WHERE request_id LIKE 'stop-%'");
      assert.equal(n, 300);
    });
  });

  it('a locked database holds nothing up, and gets its rows later', async () => {
    await withBoth({}, async (gateway, upstream) => {
      upstream.otherwise(answer(completion('any')));
      await gateway.post('/v1/chat/completions', chatRequest('any'), { headers: { 'X-Request-ID': 'first' } });
      await gateway.row('first');
      const { spawn } = await import('node:child_process');
      const locker = spawn('sqlite3', [gateway.database], { stdio: ['pipe', 'pipe', 'ignore'] });
      locker.stdin.write('BEGIN IMMEDIATE; SELECT 1;\n');
      await once(locker.stdout, 'data');
      const times = [];
      for (let i = 0; i < 50; i += 1) {
        const from = now();
        const reply = await gateway.post('/v1/chat/completions', chatRequest('any'),
          { headers: { 'X-Request-ID': `locked-${i}` } });
        times.push(now() - from);
        assert.equal(reply.head.status, 200);
        await sleep(20);
      }
      assert.ok(Math.max(...times) < 300 * slowness, `slowest ${Math.max(...times)} ms`);
      locker.stdin.end('COMMIT;\n');
      await once(locker, 'close');
      await until('all rows', async () => (await gateway.query(
        "SELECT count(DISTINCT request_id) AS n FROM requests WHERE request_id LIKE 'locked-%'"))[0].n === 50);
      await gateway.stop();
    });
  });
});

describe('starting', { concurrency: 4 }, () => {
  it('a second process on the same data directory is refused', async () => {
    await withBoth({}, async (gateway, upstream, scratch) => {
      const { code, stdout, stderr } = await runProgram(
        ['--data-dir', gateway.dataDir, '--port', '0', '--config', gateway.configFile], { home: scratch.path });
      assert.notEqual(code, 0);
      assert.match(stderr, /data/i);
      assert.ok(!stdout.includes('listening'));
      assert.equal((await gateway.get('/health')).head.status, 200);
      await gateway.stop();
    });
  });

  it('a port in use is said with its number', async () => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    const scratch = new Scratch();
    try {
      const { code, stderr } = await runProgram(['--data-dir', scratch.path, '--port', String(port)],
        { home: scratch.path });
      assert.notEqual(code, 0);
      assert.ok(stderr.includes(String(port)), stderr);
    } finally {
      server.close();
      scratch.remove();
    }
  });

  it('a data directory that cannot be made is said with its name', async () => {
    const scratch = new Scratch();
    const blocked = scratch.file('file', 'not a directory');
    try {
      const { code, stderr } = await runProgram(['--data-dir', `${blocked}/below`, '--port', '0'],
        { home: scratch.path });
      assert.notEqual(code, 0);
      assert.ok(stderr.includes('file'), stderr);
    } finally {
      scratch.remove();
    }
  });

  it('is up within two seconds and small when idle', async () => {
    const from = now();
    await withBoth({}, async (gateway) => {
      assert.ok(now() - from < 2000 * slowness, `${now() - from} ms`);
      await gateway.get('/health');
      console.log(`# idle: ${gateway.rssKib} KiB, ${gateway.openFiles} files`);
      if (slowness === 1) {
        assert.ok(gateway.rssKib < 64 * 1024, `${gateway.rssKib} KiB`);
      }
      await gateway.stop();
    });
  });

  it('/ready is 503 while no backend can serve', async () => {
    const scratch = new Scratch();
    const { refusedPort } = await import('./lib/upstream.mjs');
    const gateway = await Gateway.start({ scratch, config: testConfig({ dead: await refusedPort() }) });
    try {
      await until('503', async () => (await gateway.get('/ready', { key: null })).head.status === 503,
        { timeoutMs: 10_000, everyMs: 100 });
      assert.match((await gateway.get('/ready', { key: null })).text, /dead/, 'names the backend');
      assert.equal((await gateway.get('/health', { key: null })).head.status, 200);
    } finally {
      await gateway.stop();
      scratch.remove();
    }
  });

  it('stalled upstreams do not keep it from stopping by a second signal', async () => {
    await withBoth({}, async (gateway, upstream) => {
      upstream.otherwise(faults.stallBeforeHead());
      for (let i = 0; i < 20; i += 1) {
        await gateway.begin({ body: chatRequest('any') });
      }
      await until('all upstream', () => upstream.seen >= 20);
      gateway.signal('SIGTERM');
      await sleep(100);
      gateway.signal('SIGTERM');
      await gateway.expectExit();
    });
  });
});
