// SPDX-License-Identifier: GPL-3.0-or-later
// An HTTP/1.x message reader that hides nothing: it keeps the raw head, every piece of the body with
// its time of arrival, and says whether the message ended properly. Used by client and upstream.

import { now } from './wait.mjs';

const kHeadEnd = Buffer.from('\r\n\r\n');
const kCrLf = Buffer.from('\r\n');

/** Start line and fields of one message. */
export class Head {
  constructor(raw, kind) {
    this.raw = raw;
    const lines = raw.toString('latin1').split('\r\n');
    this.line = lines.shift();
    this.fields = lines.filter((line) => line !== '').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    if (kind === 'response') {
      const match = /^HTTP\/(\d\.\d) (\d{3})(?: (.*))?$/.exec(this.line);
      if (!match) {
        throw new Error(`not a status line: ${JSON.stringify(this.line)}`);
      }
      this.version = match[1];
      this.status = Number(match[2]);
    } else {
      const parts = this.line.split(' ');
      [this.method, this.target] = parts;
      this.version = parts[2].slice('HTTP/'.length);
    }
  }

  /** All values of a field, joined as RFC 9110 says; undefined when absent. */
  get(name) {
    const values = this.all(name);
    return values.length ? values.join(', ') : undefined;
  }

  all(name) {
    const wanted = name.toLowerCase();
    return this.fields.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
  }

  has(name) {
    return this.all(name).length > 0;
  }
}

/** Reads one request or response from pieces of any size. */
export class MessageReader {
  #kind;
  #method;
  #pending = Buffer.alloc(0);
  #framing = 'head'; // head | length | chunk-size | chunk | chunk-end | trailers | close | done
  #left = 0;

  /** @param method of the request that a response answers: HEAD has no body */
  constructor(kind, { method = 'GET' } = {}) {
    this.#kind = kind;
    this.#method = method;
    this.head = null;
    this.interim = [];   // heads of 1xx answers
    this.pieces = [];    // {at, data} of the decoded body
    this.size = 0;       // bytes of the decoded body
    this.rawSize = 0;    // bytes of the whole message as sent
    this.complete = false;
    this.truncated = false;
    this.rest = Buffer.alloc(0); // what follows the message
  }

  get body() {
    return Buffer.concat(this.pieces.map((piece) => piece.data));
  }

  get text() {
    return this.body.toString('utf8');
  }

  get chunked() {
    return /\bchunked\b/i.test(this.head?.get('transfer-encoding') ?? '');
  }

  feed(data) {
    this.rawSize += data.length;
    this.#pending = this.#pending.length ? Buffer.concat([this.#pending, data]) : data;
    while (!this.complete && this.#step()) {
      // each step consumes something
    }
    if (this.complete) {
      this.rest = this.#pending;
      this.rawSize -= this.rest.length;
    }
  }

  /** The other side closed. */
  eof() {
    if (this.complete) {
      return;
    }
    if (this.#framing === 'close') {
      this.complete = true;
    } else {
      this.truncated = true;
    }
  }

  #take(count) {
    const taken = this.#pending.subarray(0, count);
    this.#pending = this.#pending.subarray(count);
    return taken;
  }

  #bodyPiece(data) {
    if (data.length) {
      this.pieces.push({ at: now(), data: Buffer.from(data) });
      this.size += data.length;
    }
  }

  #line() {
    const end = this.#pending.indexOf(kCrLf);
    if (end < 0) {
      return null;
    }
    const line = this.#take(end).toString('latin1');
    this.#take(2);
    return line;
  }

  #step() {
    switch (this.#framing) {
    case 'head': return this.#readHead();
    case 'length':
    case 'chunk': {
      if (this.#pending.length === 0) {
        return false;
      }
      const piece = this.#take(Math.min(this.#left, this.#pending.length));
      this.#left -= piece.length;
      this.#bodyPiece(piece);
      if (this.#left === 0) {
        this.#framing = this.#framing === 'length' ? 'done' : 'chunk-end';
        this.complete = this.#framing === 'done';
      }
      return true;
    }
    case 'chunk-size': {
      const line = this.#line();
      if (line === null) {
        return false;
      }
      if (!/^[0-9a-f]+(;.*)?$/i.test(line)) {
        throw new Error(`not a chunk size: ${JSON.stringify(line)}`);
      }
      this.#left = parseInt(line, 16);
      this.#framing = this.#left ? 'chunk' : 'trailers';
      return true;
    }
    case 'chunk-end': {
      const line = this.#line();
      if (line === null) {
        return false;
      }
      if (line !== '') {
        throw new Error(`chunk is longer than its size: ${JSON.stringify(line)}`);
      }
      this.#framing = 'chunk-size';
      return true;
    }
    case 'trailers': {
      const line = this.#line();
      if (line === '') {
        this.complete = true;
      }
      return line !== null;
    }
    case 'close':
      this.#bodyPiece(this.#take(this.#pending.length));
      return false;
    default:
      return false;
    }
  }

  #readHead() {
    const end = this.#pending.indexOf(kHeadEnd);
    if (end < 0) {
      return false;
    }
    const head = new Head(Buffer.from(this.#take(end + kHeadEnd.length)), this.#kind);
    if (this.#kind === 'response' && head.status < 200) {
      this.interim.push(head);
      return true;
    }
    this.head = head;
    this.headAt = now();
    const length = head.get('content-length');
    const bodyless = this.#kind === 'response'
      && (this.#method === 'HEAD' || head.status === 204 || head.status === 304);
    if (bodyless) {
      this.complete = true;
    } else if (this.chunked) {
      this.#framing = 'chunk-size';
    } else if (length !== undefined) {
      this.#left = Number(length);
      this.#framing = 'length';
      this.complete = this.#left === 0;
    } else if (this.#kind === 'response') {
      this.#framing = 'close';
    } else {
      this.complete = true;
    }
    return true;
  }
}
