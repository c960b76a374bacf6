// SPDX-License-Identifier: GPL-3.0-or-later
// A group of tests that share one gateway and one scripted upstream. Each test uses a model name of
// its own, so they run side by side without seeing each other.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { Gateway, testConfig } from './gateway.mjs';
import { ScriptedUpstream } from './upstream.mjs';

let models = 0;

/** A model name that no other test uses. */
export const freshModel = (hint = 'model') => `${hint}-${++models}`;

/**
 * Declares the tests of @p define(context) with context.gateway and context.upstream running.
 * @param config  (upstream) => configuration
 */
export function suite(name, {
  config = (upstream) => testConfig({ up: upstream.port }), concurrency = 8, start = {},
} = {}, define) {
  describe(name, { concurrency }, () => {
    const context = {};
    before(async () => {
      context.upstream = await ScriptedUpstream.start();
      context.gateway = await Gateway.start({ config: config(context.upstream), ...start });
    });
    after(async () => {
      try {
        await context.gateway?.stop();
      } finally {
        await context.upstream?.stop();
      }
    });
    define(context);
  });
}

/** Asserts the contract's error envelope and returns the error. */
export function assertError(answer, status, code) {
  assert.equal(answer.head?.status, status, answer.text);
  assert.match(answer.head.get('content-type') ?? '', /^application\/json/);
  const { error } = JSON.parse(answer.text);
  assert.equal(typeof error.message, 'string');
  assert.ok(error.message.length > 0, 'the message says something');
  assert.equal(typeof error.type, 'string');
  assert.ok('param' in error, 'param is there, if null');
  assert.equal(error.code, code, answer.text);
  return error;
}
