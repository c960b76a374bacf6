// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of limits, budgets and the ledger share: the admin API, prices, bursts of requests, and
// what was spent as each place that knows it says.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { parseExposition, sampleOf } from './exposition.mjs';
import { Gateway, Scratch } from './gateway.mjs';
import { until } from './wait.mjs';

const scratch = new Scratch();
process.on('exit', () => scratch.remove());
let files = 0;

/** A model of ten cents a request, and one of a dollar per million tokens in and two out. */
export const kPrices = {
  dime: { input: 0, output: 0, per_request: 0.10 },
  tokens: { input: 1, output: 2 },
};

/** Path of a new price file that lasts as long as the process. JSON is YAML, too. */
export function priceFile(models = kPrices) {
  return scratch.file(`prices-${++files}.yaml`, pricesText(models));
}

export const pricesText = (models) => `${JSON.stringify({ updated: '2026-11-01', models })}\n`;

/** A client key of the configuration. */
export const secretOf = (name) => `tg-${name}-0123456789abcdef0123456789abcdef`;

/** `keys:` of the configuration from {name: settings}. */
export const keysOf = (all) => Object.fromEntries(Object.entries(all)
  .map(([name, more]) => [name, { key: secretOf(name), ...more }]));

/** The admin API without ceremony: bodies in and out are objects. */
export class Admin {
  constructor(gateway) {
    this.gateway = gateway;
    this.token = fs.readFileSync(path.join(gateway.dataDir, 'admin-token'), 'utf8').trim();
  }

  async call(method, target, body) {
    const reply = await this.gateway.request({
      method, path: `/admin/v1/${target}`, body, key: this.token,
    });
    assert.ok(reply.head.status < 300, `${method} ${target}: ${reply.head.status} ${reply.text}`);
    return reply.text ? JSON.parse(reply.text) : null;
  }

  get(target) {
    return this.call('GET', target);
  }

  async idOf(kind, name) {
    const found = (await this.get(`${kind}?limit=1000`)).data.find((one) => one.name === name);
    assert.ok(found, `${kind}: ${name}`);
    return found.id;
  }

  /** The totals of usage as `GET usage` tells them, once @p requests are in the ledger. */
  async usage(kind, name, requests = 1) {
    const id = await this.idOf(`${kind}s`, name);
    return until(`${requests} requests of ${kind} ${name}`, async () => {
      const { total } = await this.get(`usage?${kind}=${id}`);
      return total.requests >= requests ? total : null;
    }, { timeoutMs: 10_000, everyMs: 50 });
  }
}

/** A sample of /metrics; undefined when there is none. */
export async function metric(gateway, name, labels) {
  const page = await gateway.get('/metrics', { key: null });
  const families = parseExposition(page.text, page.head.get('content-type'));
  return sampleOf(families, name, labels)?.value;
}

/** What the budget of that key or team is about: {limit, spent, held}, as /metrics tells it. */
export async function budgetOf(gateway, scope, name) {
  const page = await gateway.get('/metrics', { key: null });
  const families = parseExposition(page.text, page.head.get('content-type'));
  return Object.fromEntries(['limit', 'spent', 'held'].map((what) => [what,
    sampleOf(families, `tidegate_budget_${what}_usd`, { scope, name })?.value]));
}

/** Waits until nothing of that budget is held any more, and returns what is spent. */
export async function spentOf(gateway, scope, name) {
  const budget = await until(`no holds of ${scope} ${name}`, async () => {
    const now = await budgetOf(gateway, scope, name);
    return now.held === '0.000000000' ? now : null;
  });
  return budget.spent;
}

/** Nano-dollars, as a BigInt, of a decimal. */
export function nano(usd) {
  const [whole, places = ''] = String(usd).split('.');
  return BigInt(whole + places.padEnd(9, '0'));
}

/**
 * Opens @p count connections and sends a request on each at once. Returns the readers; @p request(i) is
 * given to Gateway.bytes(). @p each(i, connection, reader) is called when the request was sent.
 */
export async function burst(gateway, count, request, { each, timeoutMs = 20_000 } = {}) {
  const connections = await Promise.all(Array.from({ length: count }, () => gateway.connect()));
  const readers = connections.map((connection) => connection.expect('POST'));
  connections.forEach((connection, i) => {
    connection.write(Gateway.bytes(request(i)));
    each?.(i, connection, readers[i]);
  });
  const done = (i) => readers[i].complete || readers[i].truncated || connections[i].ended
    || connections[i].socket.destroyed;
  return {
    readers,
    connections,
    /** Waits for all that were not aborted. */
    async finish() {
      await until('all answers', () => readers.every((_, i) => done(i)), { timeoutMs });
      connections.forEach((connection) => connection.close());
      return readers;
    },
    /** So many have a status already. */
    answered: (status) => readers.filter((reader) => reader.head?.status === status).length,
  };
}

/** How many of each status (and code) there are: {'200': 10, '402 budget_exceeded': 990}. */
export function tally(readers) {
  const counts = {};
  for (const reader of readers) {
    const status = reader.head?.status;
    const code = status >= 400 ? ` ${JSON.parse(reader.text).error.code}` : '';
    const name = status ? `${status}${code}` : 'none';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
