// SPDX-License-Identifier: GPL-3.0-or-later
// What clients are told: Retry-After and x-ratelimit-* to the millisecond, by waiting for them, and the
// cost of an answer.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { chatEvents, chatRequest, completion, usageEvent, usageOf } from './lib/openai.mjs';
import { keysOf, kPrices, priceFile, secretOf } from './lib/policy.mjs';
import { answer, stream } from './lib/scripts.mjs';
import { assertError, freshModel, suite } from './lib/suite.mjs';
import { inParallel, now, sleep, slowness } from './lib/wait.mjs';

const kPromptTokens = 7; // of chatRequest()
const kSlackMs = 250 * slowness;
const prices = priceFile({
  ...kPrices, exact: { input: 0.15, output: 0.6, cached_input: 0.075, reasoning: 0.9, per_request: '0.000000001' },
});

const config = (upstream) => ({
  default_backend: 'up',
  backends: { up: { type: 'openai', url: upstream.url, api_key: 'sk-up' }, echo: { type: 'echo' } },
  prices: { file: prices },
  rate_limits: { per_model: { 'echo/limited': { requests_per_minute: 7 } } },
  teams: { team: { limits: { requests_per_minute: 50, tokens_per_minute: 5000 } } },
  keys: keysOf({
    none: {}, rpm: { limits: { requests_per_minute: 40 } }, tpm: { limits: { tokens_per_minute: 6000 } },
    open: { limits: { tokens_per_minute: 600 } }, both: { limits: { requests_per_minute: 40, tokens_per_minute: 3000 } },
    window: { limits: { requests_per_minute: 3, tokens_per_minute: 1000, algorithm: 'sliding_window' } },
    slots: { limits: { max_concurrency: 2 } }, day: { limits: { tokens_per_day: 5000 } },
    member: { team: 'team', limits: { requests_per_minute: 100, tokens_per_minute: 1000 } },
    fields: { limits: { requests_per_minute: 120 } },
  }),
});

const sized = (model, tokens) => chatRequest(model, { max_tokens: tokens - kPromptTokens });
const kRateFields = ['limit', 'remaining', 'reset'].flatMap((what) => ['requests', 'tokens']
  .map((of) => `x-ratelimit-${what}-${of}`));
const seconds = (text) => {
  assert.match(text, /^\d+(\.\d{3})?s$/);
  return Number(text.slice(0, -1));
};

suite('when to come back', { config, concurrency: 8 }, (t) => {
  /** Exhausts with @p fill, then sees that @p body passes when it was told to, and not before. */
  const proveWait = async (key, code, fill, body, lowMs, highMs) => {
    await fill();
    const refused = await t.gateway.request({ key: secretOf(key), body });
    const at = refused.headAt;
    assertError(refused, 429, code);
    const waitMs = Number(refused.head.get('retry-after-ms'));
    assert.equal(refused.head.get('retry-after'), String(Math.ceil(waitMs / 1000)));
    assert.ok(waitMs > lowMs && waitMs <= highMs, `${waitMs} ms`);
    while (now() < at + waitMs - kSlackMs) {
      await sleep(at + waitMs - kSlackMs - now());
    }
    const early = await t.gateway.request({ key: secretOf(key), body });
    if (early.headAt < at + waitMs - 20) {
      assertError(early, 429, code);
      const rest = at + waitMs - early.headAt;
      assert.ok(Math.abs(Number(early.head.get('retry-after-ms')) - rest) < 30 * slowness, 'counts down');
    }
    while (now() < at + waitMs) {
      await sleep(at + waitMs - now());
    }
    const passed = await t.gateway.request({ key: secretOf(key), body });
    assert.equal(passed.head.status, 200, `at its Retry-After: ${passed.text}`);
  };
  const reliable = () => {
    const model = freshModel();
    t.upstream.when(model, async (exchange) => answer(completion(model, 'x', usageOf(
      kPromptTokens, (exchange.json.max_tokens ?? 593)))) (exchange));
    return model;
  };

  it('requests a minute: one comes back every minute ÷ limit', async () => {
    const model = reliable();
    await proveWait('rpm', 'rate_limit_exceeded', () => inParallel(40, 40,
      () => t.gateway.request({ key: secretOf('rpm'), body: chatRequest(model) })),
    chatRequest(model), 1500 - 600 * slowness, 1500);
  });

  it('tokens a minute: as long as the missing ones take', async () => {
    const model = reliable();
    await proveWait('tpm', 'token_limit_exceeded',
      () => t.gateway.request({ key: secretOf('tpm'), body: sized(model, 6000) }),
      sized(model, 150), 1500 - 300 * slowness, 1500);
  });

  it('without a maximum of output: until there is room for an answer', async () => {
    const model = reliable();
    await proveWait('open', 'token_limit_exceeded',
      () => t.gateway.request({ key: secretOf('open'), body: chatRequest(model) }),
      chatRequest(model), 800 - 300 * slowness, 800);
  });

  it('of two limits the one that takes longer', async () => {
    const model = reliable();
    await proveWait('both', 'token_limit_exceeded',
      () => inParallel(40, 40, () => t.gateway.request({ key: secretOf('both'), body: sized(model, 75) })),
      sized(model, 100), 2000 - 600 * slowness, 2000);
  });

  it('a sliding window: a minute after what has to leave it', async () => {
    const model = reliable();
    const admitted = [];
    for (let i = 0; i < 3; ++i) {
      const sentAt = now();
      const reply = await t.gateway.request({ key: secretOf('window'), body: sized(model, 300) });
      admitted.push([sentAt, reply.headAt]);
      assert.equal(reply.head.get('x-ratelimit-remaining-requests'), String(2 - i));
      assert.equal(reply.head.get('x-ratelimit-remaining-tokens'), String(1000 - 300 * (i + 1)));
      assert.ok(seconds(reply.head.get('x-ratelimit-reset-requests')) === 60);
      await sleep(100);
    }
    const wait = async (tokens, of) => {
      const from = now();
      const reply = await t.gateway.request({ key: secretOf('window'), body: sized(model, tokens) });
      const ms = Number(reply.head.get('retry-after-ms'));
      const [low, high] = [admitted[of][0] - reply.headAt, admitted[of][1] - from];
      assert.ok(ms >= 60_000 + low - 1 && ms <= 60_000 + high + 1, `${ms} in 60000 + ${low}…${high}`);
    };
    await wait(50, 0); // a request has to leave
    await wait(600, 1); // two, for their tokens
    await wait(1000, 2);
  });

  it('a slot: a second, because nobody knows', async () => {
    const model = freshModel();
    t.upstream.when(model, async (exchange) => {
      await sleep(100);
      await answer(completion(model))(exchange);
    });
    await inParallel(4, 4, async () => {
      const reply = await t.gateway.request({ key: secretOf('slots'), body: chatRequest(model) });
      assert.ok([200, 429].includes(reply.head.status));
      assert.equal(reply.head.get('retry-after'), reply.head.status === 429 ? '1' : undefined);
      for (const field of kRateFields) {
        assert.ok(!reply.head.has(field), field);
      }
    });
  });
});

describe('the fields of answers', { concurrency: 1 }, () => {
  suite('x-ratelimit-*', { config, concurrency: 1 }, (t) => {
    const reliable = (usage = usageOf(kPromptTokens, 2)) => {
      const model = freshModel();
      t.upstream.when(model, answer(completion(model, 'x', usage), {
        fields: {
          'Content-Type': 'application/json', 'x-ratelimit-limit-requests': '9999', 'X-RateLimit-Remaining-Tokens': '1',
          'anthropic-ratelimit-requests-limit': '5',
        },
      }));
      return model;
    };

    it('are absent where no limit applies, also when the backend has some', async () => {
      const reply = await t.gateway.request({ key: secretOf('none'), body: chatRequest(reliable()) });
      assert.equal(reply.head.status, 200);
      for (const field of [...kRateFields, 'retry-after', 'retry-after-ms']) {
        assert.ok(!reply.head.has(field), field);
      }
    });

    it('count down, and say when all is there again', async () => {
      const model = reliable();
      for (let i = 1; i <= 5; ++i) {
        const reply = await t.gateway.request({ key: secretOf('fields'), body: chatRequest(model) });
        assert.deepEqual(reply.head.all('x-ratelimit-limit-requests'), ['120'], 'ours, once');
        assert.equal(reply.head.get('x-ratelimit-remaining-requests'), String(120 - i));
        const reset = seconds(reply.head.get('x-ratelimit-reset-requests'));
        assert.ok(reset <= 0.5 * i && reset > 0.5 * i - 0.4 * slowness, `${reset} s after ${i}`);
        assert.ok(!reply.head.has('x-ratelimit-limit-tokens'));
      }
    });

    it('are those of the tightest scope', async () => {
      const model = reliable(usageOf(kPromptTokens, 93));
      const reply = await t.gateway.request({ key: secretOf('member'), body: sized(model, 100) });
      assert.equal(reply.head.get('x-ratelimit-limit-requests'), '50', 'the team\'s');
      assert.equal(reply.head.get('x-ratelimit-remaining-requests'), '49');
      assert.equal(reply.head.get('x-ratelimit-limit-tokens'), '1000', 'the key\'s');
      assert.equal(reply.head.get('x-ratelimit-remaining-tokens'), '900');
    });

    it('of a day are reset at midnight, UTC', async () => {
      const reply = await t.gateway.request({ key: secretOf('day'), body: sized(reliable(), 100) });
      assert.equal(reply.head.get('x-ratelimit-limit-tokens'), '5000');
      assert.equal(reply.head.get('x-ratelimit-remaining-tokens'), '4900');
      const rest = 86_400 - (Date.now() / 1000) % 86_400;
      assert.ok(Math.abs(seconds(reply.head.get('x-ratelimit-reset-tokens')) - rest) < 2);
    });

    it('are on streams and on errors of the backend, too', async () => {
      const model = freshModel();
      t.upstream.when(model, stream(chatEvents(model)));
      const streamed = await t.gateway.request({ key: secretOf('fields'), body: chatRequest(model, { stream: true }) });
      assert.equal(streamed.head.get('x-ratelimit-limit-requests'), '120');
      for (const status of [400, 500]) {
        t.upstream.when(model, answer({ error: { message: 'no', type: 'x' } }, { status }));
        const failed = await t.gateway.request({ key: secretOf('fields'), body: chatRequest(model) });
        assert.equal(failed.head.status, status);
        assert.deepEqual(failed.head.all('x-ratelimit-limit-requests'), ['120']);
      }
    });

    it('are of the model as it was asked for', async () => {
      const reply = await t.gateway.request({ key: secretOf('none'), body: chatRequest('echo/limited') });
      assert.equal(reply.head.status, 200, reply.text);
      assert.equal(reply.head.get('x-ratelimit-limit-requests'), '7');
    });
  });

  suite('x-tidegate-cost-usd', { config, concurrency: 1 }, (t) => {
    const costOf = async (usage, more = {}) => {
      t.upstream.when('exact', answer(completion('exact', 'x', usage)));
      const reply = await t.gateway.request({ key: secretOf('none'), body: chatRequest('exact', more) });
      return reply.head.get('x-tidegate-cost-usd');
    };

    it('is exact to the nano-dollar', async () => {
      assert.equal(await costOf(usageOf(0, 0)), '0.000000001');
      assert.equal(await costOf(usageOf(1000, 500)), '0.000450001');
      // 600 × 0.15 + 400 × 0.075 + 300 × 0.6 + 200 × 0.9
      assert.equal(await costOf({
        ...usageOf(1000, 500), prompt_tokens_details: { cached_tokens: 400 },
        completion_tokens_details: { reasoning_tokens: 200 },
      }), '0.000480001');
      // 7 × 0.15 = 1.05 millionths
      assert.equal(await costOf(usageOf(7, 0)), '0.000001051');
    });

    it('is of the model that answered, not of its public name', async () => {
      t.upstream.when('tokens', answer(completion('tokens', 'x', usageOf(10, 5))));
      const reply = await t.gateway.request({ key: secretOf('none'), body: chatRequest('up/tokens') });
      assert.equal(reply.head.get('x-tidegate-cost-usd'), '0.000020000');
      assert.equal((await t.gateway.row(reply.head.get('x-request-id'))).cost_nano, 20_000);
    });

    it('is 0 for the echo backend and absent from streams and errors', async () => {
      const echoed = await t.gateway.request({ key: secretOf('none'), body: chatRequest('echo/x') });
      assert.equal(echoed.head.get('x-tidegate-cost-usd'), '0.000000000');
      t.upstream.when('exact', stream([...chatEvents('exact'), usageEvent('exact', usageOf(3, 2))]));
      const streamed = await t.gateway.request({ key: secretOf('none'), body: chatRequest('exact', { stream: true }) });
      assert.ok(!streamed.head.has('x-tidegate-cost-usd'));
      t.upstream.when('exact', answer({ error: { message: 'no', type: 'x' } }, { status: 400 }));
      const failed = await t.gateway.request({ key: secretOf('none'), body: chatRequest('exact') });
      assert.ok(!failed.head.has('x-tidegate-cost-usd'));
    });
  });
});
