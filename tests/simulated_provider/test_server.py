"""HTTP on the provider's port, byte by byte."""

from __future__ import annotations

import socket

import pytest


def exchange(port: int, *parts: bytes, end: bytes | None = None) -> bytes:
    """What comes back for *parts*, up to *end*, or until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for part in parts:
            connection.sendall(part)
        got = b""
        while (end is None or end not in got) and (data := connection.recv(65536)):
            got += data
        return got


def chat(version: bytes = b"1.1", stream: bytes = b"true", head: bytes = b"") -> bytes:
    body = b'{"messages": [{"role": "user", "content": "Hello?"}], "stream": %b}' % stream
    line = b"POST /v1/chat/completions?a=b HTTP/%b\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n"
    return line % (version, head, len(body)) + body


@pytest.fixture
def port(fast) -> int:
    return fast.port


def test_two_requests_in_one_segment_are_both_answered_in_order(port):
    got = exchange(port, chat(stream=b"false") + b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n", end=b'"object":"list"')
    assert got.count(b"HTTP/1.1 200 OK") == 2
    assert got.index(b'"chat.completion"') < got.index(b'"object":"list"')


def test_a_request_in_single_bytes_is_one_request(port):
    got = exchange(port, *(bytes([byte]) for byte in chat()), end=b"0\r\n\r\n")
    assert got.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


def test_a_client_of_http_1_0_gets_a_body_that_ends_with_the_connection(port):
    got = exchange(port, chat(version=b"1.0"))
    assert b"transfer-encoding" not in got
    assert got.endswith(b"data: [DONE]\n\n")


def test_a_client_who_says_close_is_closed(port):
    assert exchange(port, chat(head=b"connection: close\r\n")).endswith(b"0\r\n\r\n")


def test_a_client_who_waits_for_it_is_told_to_go_on(port):
    head, _, body = chat(stream=b"false", head=b"expect: 100-continue\r\n").partition(b"\r\n\r\n")
    assert exchange(port, head + b"\r\n\r\n", end=b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b'"chat.completion"' in exchange(port, head + b"\r\n\r\n", body, end=b"system_fingerprint")


@pytest.mark.parametrize(
    "offer", [b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\n", b"connection: upgrade\r\nupgrade: x\r\n"]
)
def test_what_offers_another_protocol_goes_on_in_this_one_as_at_the_edge(port, offer):
    assert exchange(port, chat(head=offer, stream=b"false"), end=b"system_fingerprint").startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("bytes_", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"])
def test_what_is_no_http_is_answered_400_and_closed(port, bytes_):
    assert exchange(port, bytes_).startswith(b"HTTP/1.1 400 Bad Request")
