"""A receiver of webhooks, written with the Standard Webhooks library for Python.

    echo whsec_… | .venv/bin/python infra/python/receive_webhooks.py 9100

listens on 127.0.0.1:9100 (0 or nothing: on a free port, which it prints), takes the secret from standard input, prints what it
verified, and answers 204; what it cannot verify it answers with 400.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Receiver(BaseHTTPRequestHandler):
    """Verifies one message."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            told = Webhook(self.server.secret).verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError as error:
            self.answer(400, f"refused: {error}")
        else:
            self.answer(204, f"{told['type']} {self.headers['webhook-id']}")

    def answer(self, status, line):
        print(line, flush=True)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        """The lines above are enough."""


server = HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Receiver)
print(f"http://127.0.0.1:{server.server_port}/", flush=True)
server.secret = sys.stdin.readline().strip()
server.serve_forever()
