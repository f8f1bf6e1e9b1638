"""The little that the services here share: OpenAI's chat endpoint on 127.0.0.1, in front of a function that yields an answer's pieces.

What fails before the first piece is answered 502; what fails behind it is told by an error event inside the stream, as such services do.
The service that uses this adds no retry, no time-out and no fallback of its own: what is measured is the library's.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Chat(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pieces = None  # messages in, pieces of the answer out

    def do_GET(self):
        self._whole(200, {"serves": True})

    def do_POST(self):
        messages = json.loads(self.rfile.read(int(self.headers["content-length"])))["messages"]
        pieces = type(self).pieces(messages)
        try:
            first = next(pieces, "")
        except Exception as error:  # noqa: BLE001 - whatever the library raises is what its user has to tell
            self._whole(502, _told(error))
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in _events(first, pieces):
            self._chunk(b"data: " + event.encode() + b"\n\n")
        self._chunk(b"")

    def _chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _whole(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def _events(first, pieces):
    """The data of each event of a stream: whole to its ``[DONE]``, or with an error as its last."""
    try:
        yield _chunk_of({"content": first})
        for piece in pieces:
            yield _chunk_of({"content": piece})
    except Exception as error:  # noqa: BLE001 - as above; the head is out already
        yield json.dumps(_told(error))
        return
    yield _chunk_of({}, "stop")
    yield "[DONE]"


def _chunk_of(delta, finish=None):
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _told(error):
    return {"error": {"message": f"{type(error).__name__}: {error}"[:300]}}


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def serve(pieces):
    """Serve on the port that the command line names, for as long as the process lives."""
    Chat.pieces = staticmethod(pieces)
    Server(("127.0.0.1", int(sys.argv[1])), Chat).serve_forever()
