// SPDX-License-Identifier: GPL-3.0-or-later
// What a scripted upstream can do: proper answers in every framing, and every fault.

import { doneEvent, json } from './openai.mjs';
import { sleep } from './wait.mjs';

const kSse = { 'Content-Type': 'text/event-stream; charset=utf-8' };
const kJson = { 'Content-Type': 'application/json' };

/** A whole answer. @p framing: 'length', 'chunked' or 'close'. @p thenClose: FIN right after it. */
export function answer(body, {
  status = 200, fields = kJson, framing = 'length', cuts = [], gapMs = 1, thenClose = false,
} = {}) {
  const bytes = Buffer.from(typeof body === 'object' && !Buffer.isBuffer(body) ? json(body) : body);
  return async (exchange) => {
    await exchange.start(status, fields, framing === 'length' ? bytes.length : framing);
    let from = 0;
    for (const cut of [...cuts, bytes.length]) {
      if (cut > from) {
        await exchange.piece(bytes.subarray(from, cut));
        from = cut;
        if (from < bytes.length) {
          await sleep(gapMs);
        }
      }
    }
    await exchange.finish();
    if (thenClose) {
      exchange.close();
    }
  };
}

/** An event stream: one write per event, @p gapMs between two. @p ending comes last, as one write. */
export function stream(events, {
  framing = 'chunked', gapMs = 0, ending = doneEvent, fields = kSse, status = 200,
} = {}) {
  return async (exchange) => {
    const all = ending ? [...events, ending] : events;
    const bytes = all.reduce((sum, event) => sum + Buffer.byteLength(event), 0);
    await exchange.start(status, fields, framing === 'length' ? bytes : framing);
    for (const event of all) {
      if (exchange.isGone) {
        return;
      }
      await exchange.piece(event);
      if (gapMs) {
        await sleep(gapMs);
      }
    }
    await exchange.finish();
  };
}

/** @p bytes as an event stream body, split at @p cuts. */
export function streamBytes(bytes, { cuts = [], framing = 'chunked', gapMs = 1 } = {}) {
  return answer(Buffer.from(bytes), { fields: kSse, framing, cuts, gapMs });
}

/** Faults: each is a script. `sent` is what goes out before the fault strikes. */
export const faults = {
  /** The connection is reset without a byte of an answer. */
  resetBeforeHead: () => async (exchange) => exchange.reset(),
  /** FIN without a byte of an answer. */
  closeBeforeHead: () => async (exchange) => exchange.close(),
  /** Nothing ever comes. */
  stallBeforeHead: () => async () => {},
  /** Head only, then nothing. */
  stallAfterHead: (fields = kSse) => async (exchange) => exchange.start(200, fields),
  /** Head and @p sent, then nothing. */
  stallAfter: (sent, fields = kSse) => async (exchange) => {
    await exchange.start(200, fields);
    await exchange.piece(sent);
  },
  /** Head and @p sent, then a reset. */
  resetAfter: (sent, { fields = kSse, framing = 'chunked' } = {}) => async (exchange) => {
    await exchange.start(200, fields, framing);
    if (sent) {
      await exchange.piece(sent);
    }
    await sleep(20); // so that the reset does not overtake the bytes
    exchange.reset();
  },
  /** Head and @p sent, then FIN in the middle of the framing. */
  closeAfter: (sent, { fields = kSse, framing = 'chunked' } = {}) => async (exchange) => {
    await exchange.start(200, fields, framing);
    if (sent) {
      await exchange.piece(sent);
    }
    exchange.close();
  },
  /** Every byte of the answer in a write of its own. */
  drip: (body, { fields = kJson, gapMs = 0 } = {}) => async (exchange) => {
    const bytes = Buffer.from(body);
    await exchange.start(200, fields, bytes.length);
    for (const byte of bytes) {
      await exchange.piece(Buffer.from([byte]));
      await sleep(gapMs);
    }
    await exchange.finish();
  },
  /** Bytes that are not HTTP. */
  garbage: () => async (exchange) => {
    await exchange.raw('this is not HTTP\r\n\r\n');
    exchange.close();
  },
};
