// SPDX-License-Identifier: GPL-3.0-or-later
// A model server that a managed backend starts: PORT [SECONDS until it is ready] [FILE that gets a
// line with its process id]. Its answers say who it is and by which Host it was asked.

import fs from 'node:fs';
import http from 'node:http';

const [port, seconds = '0', starts] = process.argv.slice(2);
const readyAt = Date.now() + Number(seconds) * 1000;
if (starts) {
  fs.appendFileSync(starts, `${process.pid}\n`);
}

http.createServer((request, response) => {
  const ready = Date.now() >= readyAt;
  request.resume().on('end', () => {
    response.writeHead(ready ? 200 : 503, { 'content-type': 'application/json' });
    response.end(JSON.stringify(request.url.endsWith('/models')
      ? { object: 'list', data: [{ id: 'on-demand', object: 'model' }] }
      : {
        id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'm',
        choices: [{
          index: 0, finish_reason: 'stop',
          message: { role: 'assistant', content: `${process.pid} ${request.headers.host}` },
        }],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      }));
  });
}).listen(Number(port), '127.0.0.1');
