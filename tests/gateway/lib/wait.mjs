// SPDX-License-Identifier: GPL-3.0-or-later
// Waiting for conditions, with a limit on every wait, and the random numbers of the tests.

/** Factor on every time limit: sanitizers and busy machines set TIDEGATE_SLOW=1. */
export const slowness = process.env.TIDEGATE_SLOW && process.env.TIDEGATE_SLOW !== '0' ? 10 : 1;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Monotonic milliseconds. */
export const now = () => performance.now();

/** Rejects with "WHAT: not within N ms" when @p promise takes longer. */
export function within(ms, what, promise) {
  const limit = ms * slowness;
  let timer;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limit} ms`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Polls until @p probe returns something truthy, and returns that. */
export async function until(what, probe, { timeoutMs = 5000, everyMs = 10 } = {}) {
  const deadline = now() + timeoutMs * slowness;
  for (;;) {
    const value = await probe();
    if (value) {
      return value;
    }
    if (now() > deadline) {
      throw new Error(`${what}: not within ${timeoutMs * slowness} ms`);
    }
    await sleep(everyMs);
  }
}

/** A promise with its resolve and reject at hand. */
export function deferred() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  return result;
}

/** Runs @p task(index) for 0 ≤ index < count, at most @p width at a time. */
export async function inParallel(count, width, task) {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      await task(next++);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}

/** Repeatable random numbers in [0, 1): mulberry32. */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

/** The value below which the share @p fraction of @p values lies. */
export function quantile(values, fraction) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))];
}
