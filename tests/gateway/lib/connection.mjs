// SPDX-License-Identifier: GPL-3.0-or-later
// A client connection made of bare bytes: pipelining, half-close, resets and splits are one call each.

import net from 'node:net';

import { MessageReader } from './message.mjs';
import { deferred, now, sleep, until, within } from './wait.mjs';

export class Connection {
  #waiting = Buffer.alloc(0);
  #reader = null;
  #closed = deferred();

  /** Connects to @p port on 127.0.0.1 (or @p host). */
  static async open(port, { host = '127.0.0.1' } = {}) {
    const socket = net.connect({ host, port, allowHalfOpen: true });
    socket.setNoDelay(true);
    await within(10_000, 'connect', new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    }));
    return new Connection(socket);
  }

  constructor(socket) {
    this.socket = socket;
    this.received = 0;
    this.ended = false;     // FIN or reset seen
    this.error = null;
    this.closed = this.#closed.promise; // {at, how: 'end' | 'reset'}
    socket.on('data', (data) => {
      this.received += data.length;
      if (this.#reader) {
        this.#feed(data);
      } else {
        this.#waiting = Buffer.concat([this.#waiting, data]);
      }
    });
    const finish = (how) => {
      if (!this.ended) {
        this.ended = true;
        this.#reader?.eof();
        this.#closed.resolve({ at: now(), how });
      }
    };
    socket.on('end', () => finish('end'));
    socket.on('error', (error) => {
      this.error = error;
      finish('reset');
    });
    socket.on('close', () => finish('end'));
  }

  #feed(data) {
    const reader = this.#reader;
    try {
      reader.feed(data);
    } catch (error) {
      this.error = error;
      reader.truncated = true;
    }
    if (reader.complete) {
      this.#waiting = reader.rest;
      this.#reader = null;
    }
  }

  /** Bytes that no response has claimed yet. */
  get unread() {
    return this.#waiting;
  }

  write(data) {
    return new Promise((resolve) => this.socket.write(data, () => resolve()));
  }

  /** One write for each piece, with time for the other side to read it. */
  async writePieces(pieces, gapMs = 1) {
    for (const piece of pieces) {
      await this.write(piece);
      await sleep(gapMs);
    }
  }

  /** Starts to read the next response and returns its reader at once. */
  expect(method = 'GET') {
    const reader = new MessageReader('response', { method });
    this.#reader = reader;
    const waiting = this.#waiting;
    this.#waiting = Buffer.alloc(0);
    if (waiting.length) {
      this.#feed(waiting);
    }
    if (this.ended) {
      reader.eof();
    }
    return reader;
  }

  /** The next response, complete or truncated. */
  async response({ method = 'GET', timeoutMs = 10_000 } = {}) {
    const reader = this.expect(method);
    await until('response', () => reader.complete || reader.truncated || this.ended,
      { timeoutMs, everyMs: 1 });
    if (this.error && !reader.head) {
      throw this.error;
    }
    return reader;
  }

  halfClose() {
    this.socket.end();
  }

  /** Closes with a reset instead of FIN. */
  reset() {
    this.socket.resetAndDestroy();
  }

  close() {
    this.socket.destroy();
  }
}
