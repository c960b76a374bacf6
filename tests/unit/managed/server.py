# SPDX-License-Identifier: GPL-3.0-or-later
"""A model server as far as it matters here: PORT [SECONDS until it is ready], 503 before."""
import http.server
import sys
import time

READY_AT = time.monotonic() + float(sys.argv[2] if len(sys.argv) > 2 else 0)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = time.monotonic() >= READY_AT
        self.send_response(200 if ready else 503)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True


print("listening with api_key=sk-hunter2hunter2", flush=True)
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
