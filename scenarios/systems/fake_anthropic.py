"""``python fake_anthropic.py PORT``: a provider that speaks Anthropic's messages, whose every answer is one of 60 words, 15 ms apart."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORDS = [f"{'' if number == 1 else ' '}word-{number}" for number in range(1, 61)]
GAP_S = 0.015
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "primary-model", "content": [], "stop_reason": None,
    "stop_sequence": None, "usage": {"input_tokens": 20, "output_tokens": 1},
}  # fmt: skip


def events():
    yield "message_start", {"message": MESSAGE}
    yield "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
    for word in WORDS:
        time.sleep(GAP_S)
        yield "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": word}}
    yield "content_block_stop", {"index": 0}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    yield "message_delta", {"delta": end, "usage": {"output_tokens": len(WORDS)}}
    yield "message_stop", {}


class Messages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for name, data in events():
            self._chunk(f"event: {name}\ndata: {json.dumps({'type': name} | data)}\n\n".encode())
        self._chunk(b"")

    def _chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, *_):
        pass


class Provider(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


Provider(("127.0.0.1", int(sys.argv[1])), Messages).serve_forever()
