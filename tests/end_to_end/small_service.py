"""A service that asks one provider, and gets into the trouble that it is told to: ``PROVIDER`` is where, ``TROUBLE`` is what."""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TROUBLE = os.environ.get("TROUBLE", "")
TOKEN = os.environ.get("TOKEN", "")
LIMITS: dict[str, str] = {}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> ]]> \x00\x07\x1b[31m\u202e {{ 7 * 7 }} "


def answer(question: str) -> str:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": question}]}).encode()
    asked = urllib.request.Request(f"{os.environ['PROVIDER']}/v1/chat/completions", body)
    with urllib.request.urlopen(asked, timeout=5) as response:
        said = json.load(response)["choices"][0]["message"]["content"]
    if TROUBLE == "hostile":
        # It tells its secret to whoever asks, and to its log.
        sys.stdout.write(f"my token is {TOKEN}\n")
        sys.stdout.flush()
        return f"{HOSTILE}{said} {TOKEN}"
    return said


def die(*_: object) -> None:
    sys.stderr.write(f"the reason why it died {TOKEN}".rstrip() + "\n")
    sys.stderr.flush()
    os._exit(3)


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0

    def do_GET(self) -> None:
        if TROUBLE == "never ready":
            sys.stdout.write(f"not yet with {TOKEN}\n")
            sys.stdout.flush()
        self.reply(503 if TROUBLE == "never ready" else 200, b"{}")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/ask":
            self.reply(404, b"there is no such path")
            return
        question = asked["question"]
        Service.asked += 1
        if TROUBLE == "dies when asked":
            die()
        if TROUBLE == "drops the nonce":
            question = question.split(" [")[0]
        if TROUBLE == "hostile" and Service.asked == 5:
            self.reply(200, b'{"answer": "' + b"x" * 10_000_000 + b'"}')
        elif TROUBLE == "hostile" and Service.asked == 6:
            basic = base64.b64encode(f"me:{TOKEN}".encode()).decode()
            self.reply(500, f"{HOSTILE}{self.headers['authorization']} {basic}".encode())
        else:
            said = answer(question)
            if "user" in asked:
                # A cache by what is asked alone gives everybody what the first one was told.
                key = question.partition(" [")[0] if TROUBLE == "leaks" else asked["user"]
                said = LIMITS.setdefault(key, f"The limit of {asked['user']} is {len(asked['user'])} euros.")
            self.reply(200, json.dumps({"answer": said}).encode())

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing of what goes well."""


if __name__ == "__main__":
    if TROUBLE == "dies":
        signal.signal(signal.SIGTERM, die)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
