// SPDX-License-Identifier: GPL-3.0-or-later
// GET /metrics: well-formed in both formats, true to a known run, bounded, and not for everybody.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Gateway, Scratch, kClientKey } from './lib/gateway.mjs';
import { parseExposition, sampleOf, samplesOf } from './lib/exposition.mjs';
import { chatEvents, chatRequest, completion, usageEvent, usageOf } from './lib/openai.mjs';
import { answer, stream } from './lib/scripts.mjs';
import { ScriptedUpstream } from './lib/upstream.mjs';
import { until } from './lib/wait.mjs';

const kAdminToken = 'admin-token-of-the-metrics-test';
const kOpenMetrics = { Accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' };
const kDashboard = path.join(path.dirname(fileURLToPath(import.meta.url)),
  '../../resources/grafana/tidegate.json');

describe('metrics', () => {
  let upstream;
  let gateway;

  const scrape = async (headers = {}) => {
    const page = await gateway.get('/metrics', { key: null, headers });
    assert.equal(page.head.status, 200, page.text);
    return parseExposition(page.text, page.head.get('content-type'));
  };

  before(async () => {
    upstream = await ScriptedUpstream.start();
    upstream.otherwise(answer(completion('any', 'Hello there', {
      ...usageOf(1000, 50), prompt_tokens_details: { cached_tokens: 600 },
      completion_tokens_details: { reasoning_tokens: 20 },
    })));
    gateway = await Gateway.start({
      env: { TIDEGATE_ADMIN_TOKEN: kAdminToken },
      config: {
        default_backend: 'up',
        backends: {
          up: { type: 'openai', url: upstream.url, models: ['known', 'we"ird\\name', 'streamed', 'bad'] },
        },
        models: { public: { targets: [{ backend: 'up', model: 'known' }] } },
        keys: { test: { key: kClientKey } },
      },
    });
  });
  after(async () => {
    try {
      await gateway?.stop();
    } finally {
      await upstream?.stop();
    }
  });

  it('counts a known run exactly', async () => {
    for (let i = 0; i < 7; ++i) {
      assert.equal((await gateway.post('/v1/chat/completions', chatRequest('public'))).head.status, 200);
    }
    for (let i = 0; i < 5; ++i) {
      await gateway.post('/v1/chat/completions', chatRequest(`made-up-${i}`));
    }
    upstream.when('bad', answer({ error: { message: 'no', type: 't' } }, { status: 422 }));
    await gateway.post('/v1/chat/completions', chatRequest('bad'));
    await gateway.post('/v1/chat/completions', chatRequest('we"ird\\name'));
    upstream.when('streamed', stream([...chatEvents('streamed', ['a', 'b', 'c']),
      usageEvent('streamed', usageOf(10, 3))], { gapMs: 30 }));
    await gateway.post('/v1/chat/completions', chatRequest('streamed', { stream: true }));
    await gateway.post('/v1/chat/completions', chatRequest('known'), { key: 'wrong' });

    for (const headers of [{}, kOpenMetrics]) {
      const families = await scrape(headers);
      const labels = { endpoint: 'chat_completions', model: 'public', backend: 'up' };
      const value = (name, more = labels) => sampleOf(families, name, more)?.value;
      assert.equal(value('tidegate_requests_total', { ...labels, class: '2xx', status: '200' }), '7');
      assert.equal(value('tidegate_tokens_total', { ...labels, kind: 'input' }), '7000');
      assert.equal(value('tidegate_tokens_total', { ...labels, kind: 'output' }), '350');
      assert.equal(value('tidegate_tokens_total', { ...labels, kind: 'cached_input' }), '4200');
      assert.equal(value('tidegate_tokens_total', { ...labels, kind: 'reasoning' }), '140');
      assert.equal(value('tidegate_request_duration_seconds_count'), '7');
      assert.equal(value('tidegate_time_to_first_token_seconds_count'), undefined, 'no stream');

      const others = { ...labels, model: 'other' };
      assert.equal(value('tidegate_requests_total', { ...others, class: '2xx', status: '200' }), '5');
      assert.ok(!families.text.includes('made-up'), 'names of clients make no series');
      assert.equal(value('tidegate_requests_total',
        { ...labels, model: 'we"ird\\name', class: '2xx', status: '200' }), '1');
      assert.equal(value('tidegate_requests_total',
        { ...labels, model: 'bad', class: '4xx', status: '422' }), '1');
      assert.equal(value('tidegate_errors_total', { code: 'upstream_4xx' }), '1');

      const streamed = { ...labels, model: 'streamed' };
      assert.equal(value('tidegate_time_to_first_token_seconds_count', streamed), '1');
      assert.equal(value('tidegate_streamed_requests_total', streamed), '1');
      const gaps = Number(value('tidegate_inter_chunk_gap_seconds_sum', streamed));
      assert.ok(gaps > 0.1 && gaps < 10, `${gaps} s of gaps`);

      assert.equal(value('tidegate_key_requests_total', { key: 'test' }), '15');
      assert.equal(value('tidegate_overhead_seconds_count', { endpoint: 'chat_completions' }), '15');
      assert.equal(value('tidegate_refused_requests_total', { class: '4xx', status: '401' }), '1');
      assert.equal(value('tidegate_requests_in_flight', { backend: 'up' }), '0');
      assert.equal(value('tidegate_backend_reachable', { backend: 'up' }), '1');
      assert.equal(value('tidegate_backend_health', { backend: 'up', state: 'healthy' }), '1');
      assert.equal(value('tidegate_backend_health', { backend: 'up', state: 'unhealthy' }), '0');
      assert.equal(value('tidegate_breaker_state', { backend: 'up', state: 'closed' }), '1');
      assert.equal(value('tidegate_breaker_transitions_total', { backend: 'up', to: 'open' }), '0');
      assert.equal(value('tidegate_queue_waiting', { backend: 'up' }), '0');
    }
  });

  it('agrees with the ledger', async () => {
    let families;
    const sum = (name, match = () => true) => samplesOf(families, name)
      .filter(({ labels }) => match(labels)).reduce((total, { value }) => total + Number(value), 0);
    await until('ledger written', async () => {
      families = await scrape();
      return sum('tidegate_ledger_written_rows_total') === sum('tidegate_requests_total');
    });
    const [row] = await gateway.query('SELECT count(*) AS n, sum(input_tokens) AS input FROM requests');
    assert.equal(sum('tidegate_requests_total'), row.n);
    assert.equal(sum('tidegate_tokens_total', ({ kind }) => kind === 'input'), row.input);
    assert.equal(sum('tidegate_ledger_written_rows_total'), row.n);
  });

  it('tells of the process', async () => {
    const families = await scrape();
    const value = (name) => Number(sampleOf(families, name, {}).value);
    const rss = value('tidegate_process_resident_memory_bytes') / 1024;
    assert.ok(Math.abs(rss - gateway.rssKib) < 16 * 1024, `${rss} KiB, really ${gateway.rssKib}`);
    assert.ok(value('tidegate_process_cpu_seconds_total') > 0);
    assert.ok(Math.abs(value('tidegate_process_open_fds') - gateway.openFiles) <= 5);
    assert.ok(Math.abs(value('tidegate_process_start_time_seconds') - Date.now() / 1000) < 300);
    assert.ok(value('tidegate_connections') >= 1);
    assert.equal(samplesOf(families, 'tidegate_build_info').length, 1);
  });

  it('never counts down', async () => {
    const counters = (families) => new Map([...families.values()]
      .filter(({ type }) => type !== 'gauge')
      .flatMap(({ samples }) => samples.map((one) => [one.name + JSON.stringify(one.labels), Number(one.value)])));
    const first = counters(await scrape());
    gateway.writeConfig(fs.readFileSync(gateway.configFile, 'utf8').replace('"known"', '"known2"'));
    gateway.signal('SIGHUP');
    await until('the new configuration', async () => Number(
      sampleOf(await scrape(), 'tidegate_config_revision', {}).value) > 1);
    await gateway.post('/v1/chat/completions', chatRequest('public'));
    const second = counters(await scrape());
    for (const [name, value] of first) {
      assert.ok(second.get(name) >= value, `${name}: ${value}, then ${second.get(name)}`);
    }
  });

  it('is for this machine, for the admin token, and not for web pages', async () => {
    const status = async (headers, key = null) => (await gateway.get('/metrics', { key, headers })).head.status;
    const token = { Authorization: `Bearer ${kAdminToken}` };
    assert.equal(await status({}), 200);
    assert.equal(await status({ Host: '127.0.0.1:1' }), 200);
    assert.equal(await status({ Host: 'evil.example' }), 403);
    assert.equal(await status({ Origin: 'https://evil.example' }), 403);
    assert.equal(await status({ Origin: 'null' }), 403);
    assert.equal(await status({ Origin: 'https://evil.example', ...token }), 403);
    // Through a proxy on this machine anybody could ask.
    assert.equal(await status({ 'X-Forwarded-For': '192.0.2.1' }), 401);
    assert.equal(await status({ 'X-Forwarded-For': '192.0.2.1' }, kClientKey), 401);
    assert.equal(await status({ 'X-Forwarded-For': '192.0.2.1', ...token }), 200);
    assert.equal(await status({ Host: 'tidegate:8080', ...token }), 200);
    assert.equal((await gateway.post('/metrics', {}, { key: null })).head.status, 405);
  });

  it('tells of limits, budgets, cost and prices', async () => {
    const scratch = new Scratch();
    scratch.file('prices.yaml', 'updated: 2026-01-02\nmodels:\n  "known": { input: 0, output: 0, per_request: 0.1 }\n');
    const own = await Gateway.start({
      scratch,
      config: {
        default_backend: 'up',
        backends: { up: { type: 'openai', url: upstream.url, models: ['known'] } },
        prices: { file: `${scratch.path}/prices.yaml` },
        teams: { research: { budget: { usd: 5, period: 'month' } } },
        keys: {
          spender: { key: kClientKey, team: 'research', budget: { usd: 0.3, period: 'day' } },
          slow: { key: `${kClientKey}-2`, limits: { requests_per_minute: 2 } },
        },
      },
    });
    try {
      const ask = async (key) => (await own.post('/v1/chat/completions', chatRequest('known'), { key })).head.status;
      for (const status of [200, 200, 200, 402]) {
        assert.equal(await ask(kClientKey), status);
      }
      for (const status of [200, 200, 429]) {
        assert.equal(await ask(`${kClientKey}-2`), status);
      }
      const page = await own.get('/metrics', { key: null });
      const families = parseExposition(page.text, page.head.get('content-type'));
      const value = (name, labels) => sampleOf(families, name, labels)?.value;
      assert.equal(value('tidegate_cost_usd_total',
        { endpoint: 'chat_completions', model: 'known', backend: 'up' }), '0.500000000');
      assert.equal(value('tidegate_key_cost_usd_total', { key: 'spender' }), '0.300000000');
      assert.equal(value('tidegate_budget_spent_usd', { scope: 'key', name: 'spender' }), '0.300000000');
      assert.equal(value('tidegate_budget_limit_usd', { scope: 'key', name: 'spender' }), '0.300000000');
      assert.equal(value('tidegate_budget_held_usd', { scope: 'key', name: 'spender' }), '0.000000000');
      assert.equal(value('tidegate_budget_spent_usd', { scope: 'team', name: 'research' }), '0.300000000');
      assert.equal(value('tidegate_limit_rejections_total', { code: 'budget_exceeded', scope: 'key' }), '1');
      assert.equal(value('tidegate_limit_rejections_total', { code: 'rate_limit_exceeded', scope: 'key' }), '1');
      const age = Number(value('tidegate_price_table_age_seconds', {}));
      assert.ok(Math.abs(age - (Date.now() - Date.UTC(2026, 0, 2)) / 1000) < 60, `${age} s`);
      assert.ok(Number(value('tidegate_price_table_entries', {})) >= 1);
    } finally {
      await own.stop();
      scratch.remove();
    }
  });

  it('has every metric of the dashboard', async () => {
    const families = await scrape();
    const dashboard = JSON.parse(fs.readFileSync(kDashboard, 'utf8'));
    const expressions = [];
    const walk = (value, name) => {
      if (typeof value === 'string' && (name === 'expr' || name === 'query' || name === 'definition')) {
        expressions.push(value);
      } else if (value && typeof value === 'object') {
        Object.entries(value).forEach(([key, inner]) => walk(inner, key));
      }
    };
    walk(dashboard);
    const used = new Set(expressions.join('\n').match(/\btidegate_\w+/g));
    assert.ok(used.size > 20, `${used.size} metrics in the dashboard`);
    const known = new Set();
    for (const [name, { type }] of families) {
      known.add(name);
      if (type === 'histogram') {
        ['_bucket', '_sum', '_count'].forEach((suffix) => known.add(name + suffix));
      }
    }
    assert.deepEqual([...used].filter((name) => !known.has(name)), []);
  });

  it('does not hold the engine up', async () => {
    const times = [];
    let scraping = true;
    const scrapes = (async () => {
      while (scraping) {
        await scrape();
      }
    })();
    for (let i = 0; i < 200; ++i) {
      const start = process.hrtime.bigint();
      await gateway.get('/health', { key: null });
      times.push(Number(process.hrtime.bigint() - start) / 1e6);
    }
    scraping = false;
    await scrapes;
    times.sort((a, b) => a - b);
    assert.ok(times[100] < 50, `p50 of /health during scrapes: ${times[100]} ms`);
  });
});
