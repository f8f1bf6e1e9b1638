"""A URL asked once: whatever stalls, and wherever in the answer, is told as no answer, and is not waited for."""

from __future__ import annotations

import socket
import threading
from time import monotonic

import pytest

from harness.http1 import asked_url
from harness.http1.asked_url import NoAnswerError, ask


class Drips:
    """An answer of which a piece comes again and again."""

    def __init__(self, pieces: int) -> None:
        self.left = pieces

    def read1(self, most: int) -> bytes:
        self.left -= 1
        return b"x" if self.left >= 0 and most else b""


@pytest.mark.parametrize("head", [b"HTTP/1.1 503 Busy", b"HTTP/1.1 200 OK"])
def test_an_answer_that_stalls_in_its_body_is_no_answer_whatever_its_status(head: bytes) -> None:
    over = threading.Event()

    def serve(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.recv(65_536)
            client.sendall(head + b"\r\nContent-Length: 100\r\n\r\nhalf")
            over.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        with pytest.raises(NoAnswerError, match="gave no answer: timed out"):
            ask(f"http://127.0.0.1:{server.getsockname()[1]}/", within_s=0.2)
        over.set()
        thread.join(10)


def test_a_body_that_drips_on_past_its_time_is_given_up_and_one_that_ends_is_read() -> None:
    with pytest.raises(TimeoutError):
        asked_url._text(Drips(10**9), monotonic() - 1)
    assert asked_url._text(Drips(5), monotonic() + 60) == "xxxxx"
