// SPDX-License-Identifier: GPL-3.0-or-later
// A thousand streams at once, without an error.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { chatRequest, chunk, doneEvent, event, streamedText } from './lib/openai.mjs';
import { freshModel, suite } from './lib/suite.mjs';
import { deferred, now, sleep, slowness, until } from './lib/wait.mjs';

const kStreams = 1000;
const kEvents = 20;

suite('many streams', { concurrency: 1 }, (t) => {
  it(`${kStreams} streams of ${kEvents} events at once`, async () => {
    const model = freshModel();
    const everyone = deferred();
    let running = 0;
    const expected = Array.from({ length: kEvents }, (unused, index) => `w${index} `).join('');
    t.upstream.keep = false;
    t.upstream.when(model, async (exchange) => {
      await exchange.start(200, { 'Content-Type': 'text/event-stream' });
      running += 1;
      if (running === kStreams) {
        everyone.resolve();
      }
      await everyone.promise; // so that all of them are open at the same time
      for (let index = 0; index < kEvents; index += 1) {
        await exchange.piece(event(chunk(model, { content: `w${index} ` })));
        await sleep(20);
      }
      await exchange.piece(doneEvent);
      await exchange.finish();
    });
    const from = now();
    const all = [];
    for (let index = 0; index < kStreams; index += 1) {
      all.push(await t.gateway.begin({
        body: chatRequest(model, { stream: true }), headers: { 'X-Request-ID': `many-${index}` },
      }));
    }
    await until('all streams to end', () => all.every(({ reader, connection }) => reader.complete || connection.ended),
      { timeoutMs: 40_000, everyMs: 50 });
    const bad = all.filter(({ reader }) => !reader.complete || reader.head.status !== 200
      || streamedText(reader.text) !== expected || !reader.text.endsWith(doneEvent));
    console.log(`# ${kStreams} streams in ${((now() - from) / 1000).toFixed(1)} s; gateway at ${t.gateway.rssKib} KiB`);
    assert.equal(bad.length, 0, bad[0]?.reader.text ?? bad[0]?.reader.head?.line);
    all.forEach(({ connection }) => connection.close());
    await t.gateway.row(`many-${kStreams - 1}`);
    const rows = await until('all rows', async () => {
      const [row] = await t.gateway.query("SELECT count(*) AS n, min(status) AS low, max(status) AS high "
        + "FROM requests WHERE request_id LIKE 'many-%'");
      return row.n === kStreams ? row : null;
    });
    assert.equal(rows.low, 200);
    assert.equal(rows.high, 200);
    if (slowness === 1) {
      assert.ok(t.gateway.rssKib < 160 * 1024, `${t.gateway.rssKib} KiB`);
    }
  });
});
