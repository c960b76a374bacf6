// SPDX-License-Identifier: GPL-3.0-or-later
// An upstream server at the level of bytes. What it answers is decided per request by a script, an
// async function of the Exchange; scripts.mjs has the usual ones and every fault.

import net from 'node:net';

import { MessageReader } from './message.mjs';
import { deferred, now, sleep, within } from './wait.mjs';

/** One request as it arrived, and the means to answer it well or badly. */
export class Exchange {
  #framing = 'length';

  constructor(connection, reader, at) {
    this.connection = connection;
    this.head = reader.head;
    this.body = reader.body;
    this.at = at;                 // monotonic ms at which its last byte arrived
    this.finished = false;        // answered in full
    try {
      this.json = JSON.parse(this.body.toString('utf8'));
    } catch {
      this.json = undefined;
    }
  }

  get model() {
    return this.json?.model;
  }

  get socket() {
    return this.connection.socket;
  }

  /** Resolves with the monotonic time at which the client side closed or reset the connection. */
  get gone() {
    return this.connection.gone;
  }

  get isGone() {
    return this.connection.goneAt !== null;
  }

  /** Raw bytes. @p cuts are offsets at which the write is split, @p gapMs the time between. */
  async raw(data, { cuts = [], gapMs = 1 } = {}) {
    const bytes = Buffer.from(data);
    let from = 0;
    for (const cut of [...cuts, bytes.length]) {
      const piece = bytes.subarray(from, cut);
      from = cut;
      if (piece.length === 0) {
        continue;
      }
      await new Promise((resolve) => this.socket.write(piece, () => resolve()));
      if (from < bytes.length && gapMs > 0) {
        await sleep(gapMs);
      }
    }
  }

  /** Sends a response head. @p framing: 'chunked', 'close', or the length of the body in bytes. */
  async start(status, fields = {}, framing = 'chunked') {
    this.#framing = framing;
    const lines = [`HTTP/1.1 ${status} Scripted`];
    for (const [name, value] of Object.entries(fields)) {
      for (const one of [].concat(value)) {
        lines.push(`${name}: ${one}`);
      }
    }
    if (framing === 'chunked') {
      lines.push('Transfer-Encoding: chunked');
    } else if (framing === 'close') {
      lines.push('Connection: close');
    } else {
      lines.push(`Content-Length: ${framing}`);
    }
    await this.raw(`${lines.join('\r\n')}\r\n\r\n`);
  }

  /** A piece of the body in the framing of start(), one write each. */
  async piece(data) {
    const bytes = Buffer.from(data);
    if (this.#framing === 'chunked') {
      await this.raw(Buffer.concat([
        Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]));
    } else {
      await this.raw(bytes);
    }
  }

  /** The body is complete. */
  async finish() {
    this.finished = true;
    if (this.#framing === 'chunked') {
      await this.raw('0\r\n\r\n');
    } else if (this.#framing === 'close') {
      this.socket.end();
    }
  }

  reset() {
    this.socket.resetAndDestroy();
  }

  /** FIN, wherever the answer is. */
  close() {
    this.socket.end();
  }
}

async function answerNoModels(exchange) {
  const body = '{"object":"list","data":[]}';
  await exchange.start(200, { 'Content-Type': 'application/json' }, body.length);
  await exchange.piece(body);
  await exchange.finish();
}

/** A server on a free loopback port. */
export class ScriptedUpstream {
  #server;
  #sockets = new Set();
  #scripts = new Map();
  #fallback = async (exchange) => {
    const body = '{"error":{"message":"no script for this model","type":"test"}}';
    await exchange.start(500, { 'Content-Type': 'application/json' }, body.length);
    await exchange.piece(body);
    await exchange.finish();
  };

  static async start(options) {
    const upstream = new ScriptedUpstream(options);
    await new Promise((resolve) => upstream.#server.listen(0, '127.0.0.1', 4096, resolve));
    upstream.port = upstream.#server.address().port;
    return upstream;
  }

  /** @param keep  false: exchanges are not remembered, for tests with many */
  constructor({ keep = true } = {}) {
    this.keep = keep;
    this.exchanges = [];
    this.connections = 0;   // accepted so far
    this.seen = 0;          // requests so far, without looks at the list of models
    this.probes = 0;        // looks at the list of models
    this.models = answerNoModels; // script that answers them
    this.failures = [];     // exceptions of scripts
    this.#server = net.createServer({ allowHalfOpen: false, noDelay: true },
      (socket) => this.#accept(socket));
  }

  get url() {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** What requests for @p model get. */
  when(model, script) {
    this.#scripts.set(model, script);
    return this;
  }

  /** What requests for any other model get. */
  otherwise(script) {
    this.#fallback = script;
    return this;
  }

  /** The remembered requests for @p model. */
  of(model) {
    return this.exchanges.filter((exchange) => exchange.model === model);
  }

  get openConnections() {
    return this.#sockets.size;
  }

  /** Cuts idle and busy connections alike. */
  dropConnections() {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  async stop() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.dropConnections();
    await within(5000, 'upstream stop', closed);
    if (this.failures.length) {
      throw this.failures[0];
    }
  }

  /** Notes a request. The gateway's own look at the list of models is not one. */
  #scriptFor(exchange) {
    if (exchange.head.method === 'GET' && exchange.head.target.endsWith('/models')) {
      this.probes += 1;
      return this.models;
    }
    this.seen += 1;
    if (this.keep) {
      this.exchanges.push(exchange);
    }
    return this.#scripts.get(exchange.model) ?? this.#fallback;
  }

  #accept(socket) {
    const id = ++this.connections;
    const gone = deferred();
    const connection = { id, socket, gone: gone.promise, goneAt: null };
    this.#sockets.add(socket);
    const leave = () => {
      if (connection.goneAt === null) {
        connection.goneAt = now();
        gone.resolve(connection.goneAt);
      }
    };
    let reader = new MessageReader('request');
    let busy = false;
    let early = [];
    const feed = async (data) => {
      early.push(data);
      if (busy) {
        return;
      }
      busy = true;
      while (early.length) {
        reader.feed(early.shift());
        if (!reader.complete) {
          continue;
        }
        const exchange = new Exchange(connection, reader, now());
        if (reader.rest.length) {
          early.unshift(reader.rest);
        }
        reader = new MessageReader('request');
        try {
          await this.#scriptFor(exchange)(exchange);
        } catch (error) {
          this.failures.push(error);
        }
        if (!exchange.finished) {
          return; // the script left the connection in a state of its own
        }
      }
      busy = false;
    };
    socket.on('data', feed);
    socket.on('end', leave);
    socket.on('error', leave);
    socket.on('close', () => {
      leave();
      this.#sockets.delete(socket);
    });
  }
}

/** A port on which nothing listens. */
export async function refusedPort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
