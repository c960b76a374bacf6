// SPDX-License-Identifier: GPL-3.0-or-later
// The official @anthropic-ai/sdk against tidegated: keys in its way of sending them.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import Anthropic, * as anthropic from '@anthropic-ai/sdk';

import { kClientKey } from '../gateway/lib/gateway.mjs';
import { suite } from '../gateway/lib/suite.mjs';

const config = () => ({
  backends: { echo: { type: 'echo', models: ['parrot'] } }, keys: { test: { key: kClientKey } },
});

suite('@anthropic-ai/sdk', { config }, (t) => {
  const client = (more) => new Anthropic({
    baseURL: t.gateway.url.replace(/\/v1$/, ''), maxRetries: 0, ...more,
  });

  for (const option of ['apiKey', 'authToken']) {
    it(`the key as ${option}`, async () => {
      const ids = [];
      for await (const one of client({ [option]: kClientKey }).models.list()) {
        ids.push(one.id);
      }
      assert.deepEqual(ids, ['parrot']);
    });
  }

  it('a wrong key is an AuthenticationError', async () => {
    await assert.rejects(async () => client({ apiKey: 'wrong' }).models.list(),
      anthropic.AuthenticationError);
  });
});
