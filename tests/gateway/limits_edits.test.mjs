// SPDX-License-Identifier: GPL-3.0-or-later
// Changes through the admin API while requests run: each holds for the next request of every engine thread,
// also on connections that are open already, keeps what is used and spent, and breaks no running stream.

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, it } from 'node:test';

import { Connection } from './lib/connection.mjs';
import { Gateway } from './lib/gateway.mjs';
import { chatEvents, chatRequest, chunk, completion, event, usageEvent, usageOf } from './lib/openai.mjs';
import { Admin, budgetOf, kPrices, nano, priceFile, spentOf } from './lib/policy.mjs';
import { answer, stream } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';
import { deferred, now, sleep, slowness, until } from './lib/wait.mjs';

const prices = priceFile({ ...kPrices, 'dime*': kPrices.dime });
const kLanes = 6; // enough connections that every engine thread has some

const config = (upstream) => ({
  default_backend: 'up',
  server: { workers: 2 },
  backends: { up: { type: 'openai', url: upstream.url, api_key: 'sk-up' } },
  prices: { file: prices },
});

suite('changes', { config, concurrency: 1 }, (t) => {
  let lanes;
  let key;
  before(async () => {
    t.admin = new Admin(t.gateway);
    lanes = await Promise.all(Array.from({ length: kLanes }, () => t.gateway.connect()));
    t.upstream.when('dime', answer(completion('dime')));
  });
  after(() => lanes.forEach((lane) => lane.close()));

  const create = async (more = {}) => t.admin.call('POST', 'keys', { name: freshModel('key'), ...more });

  /** A change has to be in force within 100 ms, and is when its answer is there. */
  const change = async (method, target, body) => {
    const from = now();
    const answered = await t.admin.call(method, target, body);
    assert.ok(now() - from < 100 * slowness, `${method} ${target}: ${(now() - from).toFixed(1)} ms`);
    return answered;
  };
  const patch = (body, target = `keys/${key.id}`) => change('PATCH', target, body);

  const ask = (secret = key.key, body = chatRequest('dime')) => t.gateway.request({ key: secret, body });

  /** A request on each of the open connections, one after the other: [reader]. */
  const askAll = async (secret = key.key, body = chatRequest('dime')) => {
    const replies = [];
    for (const lane of lanes) {
      await lane.write(Gateway.bytes({ key: secret, body }));
      replies.push(await lane.response({ method: 'POST' }));
    }
    return replies;
  };
  const allAre = (replies, status, code) => replies.forEach((reply) => (status === 200
    ? assert.equal(reply.head.status, 200, reply.text) : assertError(reply, status, code)));

  it('limits: set, raised, lowered and removed; what was used counts', async () => {
    key = await create();
    allAre(await askAll(), 200);
    await patch({ limits: { requests_per_minute: 4, algorithm: 'sliding_window' } });
    const replies = await askAll();
    allAre(replies.slice(0, 4), 200);
    allAre(replies.slice(4), 429, 'rate_limit_exceeded');
    await patch({ limits: { requests_per_minute: 4 + kLanes } });
    allAre(await askAll(), 200);
    assertError(await ask(), 429, 'rate_limit_exceeded');
    await patch({ limits: { requests_per_minute: 5 } });
    allAre(await askAll(), 429, 'rate_limit_exceeded');
    await patch({ limits: null });
    const free = await askAll();
    allAre(free, 200);
    assert.ok(free.every(({ head }) => !head.has('x-ratelimit-limit-requests')));
  });

  it('a day\'s tokens: what was used before the limit was set counts', async () => {
    key = await create();
    const model = freshModel();
    t.upstream.when(model, answer(completion(model, 'x', usageOf(7, 93))));
    const body = chatRequest(model, { max_tokens: 93 });
    allAre(await askAll(key.key, body), 200);
    await patch({ limits: { tokens_per_day: 850 } });
    allAre((await askAll(key.key, body)).slice(2), 429, 'daily_token_limit');
    await patch({ limits: { tokens_per_day: 1000 } });
    const replies = await askAll(key.key, body);
    assert.equal(replies[0].head.get('x-ratelimit-remaining-tokens'), '100');
    allAre(replies.slice(0, 2), 200);
    allAre(replies.slice(2), 429, 'daily_token_limit');
    await patch({ limits: null });
    allAre(await askAll(key.key, body), 200);
    await patch({ limits: { tokens_per_day: 1700 } });
    assert.equal((await ask(key.key, body)).head.get('x-ratelimit-remaining-tokens'), '0');
    allAre(await askAll(key.key, body), 429, 'daily_token_limit');
  });

  it('the default limits', async () => {
    key = await create();
    await change('POST', 'limits', { name: 'default', requests_per_minute: 2, algorithm: 'sliding_window' });
    const replies = await askAll();
    allAre(replies.slice(0, 2), 200);
    allAre(replies.slice(2), 429, 'rate_limit_exceeded');
    await change('DELETE', 'limits/default');
    allAre(await askAll(), 200);
  });

  it('fewer requests at a time than are running', async () => {
    key = await create({ limits: { max_concurrency: 3 } });
    const model = freshModel();
    const open = deferred();
    t.upstream.when(model, async (exchange) => {
      await open.promise;
      await answer(completion(model))(exchange);
    });
    const running = [1, 2, 3].map(() => ask(key.key, chatRequest(model)));
    await until('three', () => t.upstream.of(model).length === 3);
    await patch({ limits: { max_concurrency: 2 } });
    allAre(await askAll(), 429, 'concurrency_limit_exceeded');
    await patch({ limits: { max_concurrency: 4 } });
    allAre(await askAll(), 200);
    await patch({ limits: { max_concurrency: 2 } });
    open.resolve();
    allAre(await Promise.all(running), 200);
    allAre(await askAll(), 200);
  });

  it('a budget: set on a key that has spent, raised, lowered, removed', async () => {
    key = await create();
    allAre(await askAll(), 200);
    await patch({ budget: { usd: '0.7', period: 'day' } });
    assert.equal((await budgetOf(t.gateway, 'key', key.name)).spent, '0.600000000', 'known from the ledger');
    assert.equal((await ask()).head.status, 200);
    allAre(await askAll(), 402, 'budget_exceeded');
    await patch({ budget: { usd: '1.3' } });
    allAre(await askAll(), 200);
    allAre(await askAll(), 402, 'budget_exceeded');
    await patch({ budget: { mode: 'shadow' } });
    allAre(await askAll(), 200);
    await patch({ budget: { mode: 'enforce' } });
    allAre(await askAll(), 402, 'budget_exceeded');
    await patch({ budget: { usd: '2', period: 'total' } });
    assert.equal(await spentOf(t.gateway, 'key', key.name), '1.900000000', 'also in another window');
    assert.equal((await ask()).head.status, 200);
    allAre(await askAll(), 402, 'budget_exceeded');
    await patch({ budget: null });
    allAre(await askAll(), 200);
  });

  it('a budget set while requests without one are running', async () => {
    key = await create();
    const open = deferred();
    t.upstream.when('dime-late', async (exchange) => {
      await open.promise;
      await answer(completion('dime-late'))(exchange);
    });
    const running = [1, 2, 3].map(() => ask(key.key, chatRequest('dime-late')));
    await until('three', () => t.upstream.of('dime-late').length === 3);
    await patch({ budget: { usd: '0.5', period: 'month' } });
    open.resolve();
    allAre(await Promise.all(running), 200);
    assert.equal(await spentOf(t.gateway, 'key', key.name), '0.300000000', 'booked when they ended');
    const replies = await askAll();
    allAre(replies.slice(0, 2), 200);
    allAre(replies.slice(2), 402, 'budget_exceeded');
  });

  it('a team\'s limits and budget, and the move to another team', async () => {
    const team = await t.admin.call('POST', 'teams', { name: freshModel('team'), budget: { usd: '0.6', period: 'week' } });
    const other = await t.admin.call('POST', 'teams', { name: freshModel('team') });
    key = await create({ team: team.name });
    const second = await create({ team: team.name });
    allAre(await askAll(), 200);
    allAre(await askAll(second.key), 402, 'budget_exceeded');
    await patch({ budget: { usd: '0.8' } }, `teams/${team.name}`);
    assert.equal((await ask(second.key)).head.status, 200);
    await patch({ limits: { requests_per_minute: 1, algorithm: 'sliding_window' }, budget: { usd: '10' } }, `teams/${team.name}`);
    const replies = [await ask(second.key), await ask(), await ask(second.key)];
    assert.ok(replies.filter(({ head }) => head.status === 200).length <= 1);
    await patch({ team: other.name });
    allAre(await askAll(), 200);
    assertError(await ask(second.key), 429, 'rate_limit_exceeded');
    await until('the ledger tells them apart', async () => (
      await t.admin.usage('team', other.name)).cost_usd === '0.600000000');
  });

  it('disabled, enabled, rotated, expired, revoked', async () => {
    key = await create();
    allAre(await askAll(), 200);
    await patch({ disabled: true });
    allAre(await askAll(), 401, 'invalid_api_key');
    await patch({ disabled: false });
    allAre(await askAll(), 200);

    const overlapEnds = now() + 1000 * slowness;
    const rotated = await change('POST', `keys/${key.id}/rotate`, { overlap_seconds: slowness });
    allAre([...await askAll(), ...await askAll(rotated.key)], 200);
    await sleep(overlapEnds + 100 * slowness - now());
    allAre(await askAll(), 401, 'invalid_api_key');
    allAre(await askAll(rotated.key), 200);

    const again = await change('POST', `keys/${key.id}/rotate`, {});
    allAre(await askAll(rotated.key), 401, 'invalid_api_key');
    key.key = again.key;
    const expires = Math.ceil((Date.now() + 500 * slowness) / 1000) * 1000;
    await patch({ expires: new Date(expires).toISOString() });
    allAre(await askAll(), 200);
    await until('its time', () => Date.now() > expires + 1, { timeoutMs: 3000 });
    allAre(await askAll(), 401, 'invalid_api_key');
    await patch({ expires: null });
    allAre(await askAll(), 200);

    await change('DELETE', `keys/${key.id}`);
    allAre(await askAll(), 401, 'invalid_api_key');
  });

  it('models and addresses that the key may use', async () => {
    key = await create();
    await patch({ models: ['gpt-*', 'dim?'] });
    allAre(await askAll(), 200);
    for (const model of ['dime-2', 'xdime', 'gpt', 'DIME']) {
      assertError(await ask(key.key, chatRequest(model)), 403, 'model_not_allowed');
    }
    await patch({ models: ['other'] });
    allAre(await askAll(), 403, 'model_not_allowed');
    await patch({ models: null });
    allAre(await askAll(), 200);

    await patch({ allowed_ips: ['127.0.0.2', '10.0.0.0/8'] });
    allAre(await askAll(), 403, 'ip_not_allowed');
    const elsewhere = new Connection(net.connect({
      host: '127.0.0.1', port: t.gateway.port, localAddress: '127.0.0.2', allowHalfOpen: true,
    }));
    await elsewhere.write(Gateway.bytes({ key: key.key, body: chatRequest('dime') }));
    assert.equal((await elsewhere.response({ method: 'POST' })).head.status, 200);
    elsewhere.close();
    await patch({ allowed_ips: ['127.0.0.0/8', '::1'] });
    allAre(await askAll(), 200);
  });

  it('running streams go on, and are booked as they began', async () => {
    const team = await t.admin.call('POST', 'teams', { name: freshModel('team'), budget: { usd: '1', period: 'total' } });
    key = await create({ team: team.name, budget: { usd: '1', period: 'total' }, limits: { max_concurrency: 1, tokens_per_minute: 1000 } });
    const model = 'dime-stream';
    const proceed = deferred();
    t.upstream.when(model, async (exchange) => {
      await exchange.start(200, { 'Content-Type': 'text/event-stream' });
      await exchange.piece(event(chunk(model, { content: 'begin' })));
      await proceed.promise;
      for (const one of [...chatEvents(model), usageEvent(model, usageOf(3, 2)), 'data: [DONE]\n\n']) {
        await exchange.piece(one);
      }
      await exchange.finish();
    });
    const { reader, connection } = await t.gateway.begin({
      key: key.key, body: chatRequest(model, { stream: true, max_tokens: 10 }), headers: { 'X-Request-ID': `running-${team.id}` },
    });
    await until('its first event', () => reader.size > 0);
    await patch({ limits: { tokens_per_minute: 1 }, models: ['nothing'], allowed_ips: ['10.0.0.1'] });
    await patch({ budget: { usd: '0.000000001', period: 'month' } });
    await patch({ limits: { requests_per_minute: 1 }, budget: { usd: '0.01' } }, `teams/${team.name}`);
    await patch({ disabled: true });
    await change('POST', `keys/${key.id}/rotate`, {});
    await change('PATCH', 'prices/dime-stream', { input: 0, output: 0, per_request: 9 }).catch(
      () => change('POST', 'prices', { pattern: model, input: 0, output: 0, per_request: 9 }));
    await change('DELETE', `keys/${key.id}`);
    proceed.resolve();
    await until('the end', () => reader.complete);
    assert.match(reader.text, /\[DONE\]/);
    connection.close();
    const row = await t.gateway.row(`running-${team.id}`);
    assert.equal(row.status, 200);
    assert.equal(row.key_id, key.id);
    assert.equal(row.team_id, team.id);
    assert.equal(row.cost_nano, 100_000_000);
    assert.equal(await spentOf(t.gateway, 'team', team.name), '0.100000000');
  });

  it('many changes under load lose and double nothing', async () => {
    key = await create({ budget: { usd: '1000', period: 'total' }, limits: { requests_per_minute: 1_000_000 } });
    let running = true;
    let succeeded = 0;
    const statuses = new Set();
    const lane = async () => {
      const connection = await t.gateway.connect();
      while (running) {
        await connection.write(Gateway.bytes({ key: key.key, body: chatRequest('dime') }));
        const reply = await connection.response({ method: 'POST' });
        statuses.add(reply.head.status);
        succeeded += reply.head.status === 200 ? 1 : 0;
      }
      connection.close();
    };
    const load = Array.from({ length: 4 }, lane);
    const budgets = [{ usd: '1000', period: 'day' }, { usd: '2000', period: 'day' }, { usd: '1500', period: 'total' },
      null, { usd: '1000', period: 'month', timezone: 'Asia/Tokyo' }];
    for (let i = 0; i < 20; ++i) {
      await t.admin.call('PATCH', `keys/${key.id}`, {
        budget: budgets[i % budgets.length], limits: { requests_per_minute: 1_000_000 + i, max_concurrency: 10 + i },
      });
      await sleep(20);
    }
    await t.admin.call('PATCH', `keys/${key.id}`, { budget: { usd: '1000', period: 'total', mode: 'enforce' } });
    running = false;
    await Promise.all(load);
    assert.deepEqual([...statuses], [200]);
    const spent = nano(await spentOf(t.gateway, 'key', key.name));
    const truth = BigInt(succeeded) * nano('0.1');
    // A request that ends in the very moment of an edit may be counted twice, never not at all.
    assert.ok(spent >= truth && spent <= truth + 21n * 4n * nano('0.1'), `${spent} of ${truth}`);
    const usage = await until('the ledger', async () => {
      const sum = await t.admin.usage('key', key.name, succeeded);
      return sum.requests === succeeded ? sum : null;
    });
    assert.equal(nano(usage.cost_usd), truth);
  });
});
