"""What the provider counts as accepted is what came whole, whatever its sender did next."""

from __future__ import annotations

import socket
import struct

import pytest

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "Hello? %b"}], "stream": true}'


def request(content: bytes = b"") -> bytes:
    body = BODY % content
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    )
    return head % len(body) + body


def send_and_leave(port: int, *parts: bytes, reset: bool = False) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_of_300_clients_who_leave_at_once_every_request_counts(start, reset):
    running = start(capacity=8, queue=1000, first_token=0.005, token_gap=0.0)
    for number in range(300):
        # In one segment, in two, and with the body cut in the middle.
        whole = request(b"x" * number)
        at = (len(whole), whole.index(b"\r\n\r\n") + 4, len(whole) - 9)[number % 3]
        send_and_leave(running.port, whole[:at], whole[at:], reset=reset)
    counts = running.counts_once(lambda counts: counts["abandoned"] + counts["answered"] == 300)
    assert counts["accepted"] == 300
    assert counts["answered"] + counts["abandoned"] == 300, "the work was done for each of them"


def test_a_request_that_did_not_come_whole_does_not_count(start):
    running = start(first_token=0.001, token_gap=0.0)
    for _ in range(100):
        send_and_leave(running.port, request()[:-1])
    send_and_leave(running.port, request())
    counts = running.counts_once(lambda counts: counts["abandoned"] == 1)
    assert counts == {"accepted": 1, "answered": 0, "rejected": 0, "abandoned": 1, "others": 0}


def test_the_slot_of_a_client_who_left_stays_taken_as_long_as_the_work_takes(start):
    running = start(capacity=1, queue=0, first_token=60)
    send_and_leave(running.port, request())
    send_and_leave(running.port, request())
    counts = running.counts_once(lambda counts: counts["rejected"] == 1)
    assert counts == {"accepted": 2, "answered": 0, "rejected": 1, "abandoned": 0, "others": 0}


def test_the_slot_of_a_client_who_left_is_free_once_the_work_is_done(start):
    running = start(capacity=1, queue=0, first_token=0.01, token_gap=0.0)
    for done in (1, 2):
        send_and_leave(running.port, request())
        counts = running.counts_once(lambda counts, done=done: counts["abandoned"] == done)
        assert counts == {"accepted": done, "answered": 0, "rejected": 0, "abandoned": done, "others": 0}


def test_questions_about_the_counts_are_not_counted(start):
    running = start()
    for _ in range(5):
        running.counts()
    counts = running.counts()
    assert (counts["accepted"], counts["others"]) == (0, 0)


def test_a_look_at_which_models_there_are_is_no_chat_and_counts_among_the_others(start):
    running = start()
    look = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"
    for _ in range(2):
        send_and_leave(running.port, look)
    counts = running.counts_once(lambda counts: counts["others"] == 2)
    assert (counts["accepted"], counts["others"]) == (0, 2)
