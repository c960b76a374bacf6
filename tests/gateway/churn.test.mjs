// SPDX-License-Identifier: GPL-3.0-or-later
// 10,000 requests of which half are dropped by the client at random moments. Nothing crashes, leaks
// or is forgotten, and every abandoned upstream call ends at once.
//
// TIDEGATE_CHURN sets the number of requests, TIDEGATE_SEED the seed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { Gateway, testConfig } from './lib/gateway.mjs';
import { chunk, completion, doneEvent, event, json } from './lib/openai.mjs';
import { answer } from './lib/scripts.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { inParallel, now, quantile, seededRandom, sleep, slowness, until } from './lib/wait.mjs';

const kRequests = Number(process.env.TIDEGATE_CHURN ?? 10_000);
const kSeed = Number(process.env.TIDEGATE_SEED ?? 20_261_121);
const kWidth = 32;
const kSanitized = /sanitiz|asan|tsan/i.test(process.env.ASAN_OPTIONS ?? process.env.TSAN_OPTIONS ?? '')
  || slowness > 1;

/** What one request is and does, decided by the seed. */
function plan(index, random) {
  const kinds = ['whole', 'whole', 'stream', 'stream', 'stall'];
  const drops = random() < 0.5;
  // A call that never answers only ends when its client leaves.
  const kind = kinds[Math.floor(random() * (drops ? kinds.length : kinds.length - 1))];
  return {
    index, kind, drops,
    headDelay: random() < 0.5 ? 0 : random() * 10,
    events: 1 + Math.floor(random() * 8),
    gap: random() * 4,
    dropAfter: random() * 40,                   // ms after the request was written
    partly: drops && random() < 0.05,           // leaves before its request is complete
    how: random() < 0.5 ? 'close' : 'reset',
  };
}

describe('churn', () => {
  it(`${kRequests} requests, half of them dropped`, async () => {
    const random = seededRandom(kSeed);
    const plans = Array.from({ length: kRequests }, (unused, index) => plan(index, random));
    const leftAt = new Map();
    const upstreamSaw = new Set();
    const latencies = [];
    const unexpected = [];
    const upstream = await ScriptedUpstream.start({ keep: false });
    upstream.otherwise(async (exchange) => {
      const one = plans[exchange.json.seed];
      upstreamSaw.add(one.index);
      let over = false;
      exchange.gone.then((goneAt) => {
        if (over) {
          return;
        }
        const left = leftAt.get(one.index);
        if (left === undefined) {
          unexpected.push(one);
        } else {
          latencies.push(goneAt - Math.max(left, exchange.at));
        }
      });
      const pause = async (ms) => {
        if (ms > 0 && !exchange.isGone) {
          await Promise.race([sleep(ms), exchange.gone]);
        }
        return exchange.isGone;
      };
      if (one.kind === 'stall') {
        await exchange.gone;
        return;
      }
      if (await pause(one.headDelay)) {
        return;
      }
      if (one.kind === 'whole') {
        const body = json(completion('m'));
        await exchange.start(200, { 'Content-Type': 'application/json' }, body.length);
        over = true;
        await exchange.piece(body);
        await exchange.finish();
        return;
      }
      await exchange.start(200, { 'Content-Type': 'text/event-stream' });
      for (let i = 0; i < one.events; i += 1) {
        await exchange.piece(event(chunk('m', { content: `w${i}` })));
        if (await pause(one.gap)) {
          return;
        }
      }
      over = true;
      await exchange.piece(doneEvent);
      await exchange.finish();
    });

    const gateway = await Gateway.start({ config: testConfig({ up: upstream.port }) });
    const lag = monitorEventLoopDelay({ resolution: 5 });
    try {
      const ask = async (one) => {
        const bytes = Gateway.bytes({
          body: { model: 'm', seed: one.index, stream: one.kind === 'stream', messages: [] },
          headers: { 'X-Request-ID': `churn-${one.index}` },
        });
        const connection = await gateway.connect();
        const reader = connection.expect('POST');
        if (one.partly) {
          await connection.write(bytes.subarray(0, Math.floor(bytes.length * (one.dropAfter / 40))));
          connection[one.how]();
          return;
        }
        await connection.write(bytes);
        if (one.drops) {
          await sleep(one.dropAfter);
          one.answered = reader.complete;
          leftAt.set(one.index, now());
          connection[one.how]();
          return;
        }
        await until('an answer', () => reader.complete || connection.ended, { timeoutMs: 20_000, everyMs: 2 });
        assert.ok(reader.complete, `request ${one.index} (${one.kind}) was cut: ${reader.text}`);
        assert.equal(reader.head.status, 200, reader.text);
        one.answered = true;
        connection.close();
      };

      // The first requests take memory that is kept.
      upstream.when('warm', answer(completion('warm')));
      await inParallel(200, kWidth, () => gateway.post('/v1/chat/completions', { model: 'warm', messages: [] }));
      upstream.dropConnections();
      await sleep(200);
      const filesBefore = gateway.openFiles;
      const rssBefore = gateway.rssKib;

      lag.enable();
      const from = now();
      await inParallel(plans.length, kWidth, (index) => ask(plans[index]));
      const seconds = (now() - from) / 1000;
      lag.disable();

      // Everybody is gone: so must be every upstream call.
      const abandoned = plans.filter((one) => leftAt.has(one.index) && upstreamSaw.has(one.index)
        && one.kind === 'stall').length;
      await until('every abandoned call to be cancelled', () => latencies.length >= abandoned);
      await sleep(300);
      const rssAfter = gateway.rssKib;
      upstream.dropConnections();
      await until(`open files back to ${filesBefore}`, () => gateway.openFiles <= filesBefore + 2)
        .catch((error) => { throw new Error(`${error.message}; now ${gateway.openFiles}`); });

      const lagMs = lag.max / 1e6;
      const worst = Math.max(...latencies);
      console.log(`# ${kRequests} requests in ${seconds.toFixed(1)} s, seed ${kSeed}; `
        + `${leftAt.size} dropped, ${latencies.length} upstream calls cancelled after `
        + `p50 ${quantile(latencies, 0.5).toFixed(1)}, p99 ${quantile(latencies, 0.99).toFixed(1)}, `
        + `p100 ${worst.toFixed(1)} ms (this process stalled up to ${lagMs.toFixed(1)} ms); `
        + `RSS ${rssBefore} → ${rssAfter} KiB, files ${filesBefore} → ${gateway.openFiles}`);

      assert.deepEqual(unexpected, [], 'no upstream call was dropped while its client stayed');
      assert.ok(quantile(latencies, 0.99) <= 50 * slowness + lag.percentile(99) / 1e6, 'p99 of the cancel latency');
      assert.ok(worst <= 50 * slowness + lagMs, 'worst cancel latency');
      if (!kSanitized) {
        assert.ok(rssAfter - rssBefore < 24 * 1024, 'memory is back to normal');
      }

      // The ledger has each request that was surely complete when its client left, exactly once.
      const must = plans.filter((one) => upstreamSaw.has(one.index) || one.answered);
      const rows = await until('every row in the ledger', async () => {
        const found = await gateway.query(
          "SELECT request_id, status, outcome FROM requests WHERE request_id LIKE 'churn-%'");
        return found.length >= must.length ? found : null;
      }, { everyMs: 200 });
      const byId = new Map(rows.map((row) => [row.request_id, row]));
      assert.equal(byId.size, rows.length, 'no request has two rows');
      const missing = must.filter((one) => !byId.has(`churn-${one.index}`));
      assert.deepEqual(missing, [], 'each request has its row');
      for (const one of plans.filter((candidate) => !candidate.drops)) {
        assert.equal(byId.get(`churn-${one.index}`).status, 200);
      }
      for (const one of plans.filter((candidate) => candidate.kind === 'stall')) {
        const row = byId.get(`churn-${one.index}`);
        assert.ok(!row || row.status === 499, JSON.stringify(row));
      }
      const late = plans.filter((one) => one.drops && !one.partly && one.dropAfter > 10
        && !byId.has(`churn-${one.index}`));
      assert.deepEqual(late, [], 'a request whose client stayed for 10 ms has its row');
    } finally {
      await gateway.stop();
      await upstream.stop();
    }
  });
});
