"""Who speaks HTTP/2 or TLS to a link that carries HTTP/1.1 is refused with one line, which stands in the rows and in the log as well."""

from __future__ import annotations

import pytest

from harness.http1.other_protocols import spoken

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64
INSTEAD = "have it speak HTTP/1.1, or write the link's upstream as host:port"


@pytest.mark.parametrize(
    ("opening", "protocol"),
    [
        (PREFACE, "HTTP/2"),
        (PREFACE + SETTINGS, "HTTP/2"),
        (HELLO, "TLS"),
        (HELLO[:1], "TLS"),
        (PREFACE[:-1], None),
        (b"P", None),
    ],
)
def test_what_a_client_speaks_is_told_from_its_first_bytes(opening: bytes, protocol: str | None) -> None:
    assert spoken(opening) == protocol


@pytest.mark.parametrize(
    "opening", [b"POST / HTTP/1.1\r\n", b"PRIME / HTTP/1.1", b"GET", b"PRI * HTTP/1.1\r\n\r\n", b"SSH-2.0-x"]
)
def test_what_begins_otherwise_is_left_to_be_read(opening: bytes) -> None:
    assert spoken(opening) == ""


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_http_2_without_asking_is_told_that_http_1_1_is_required(
    wire, provider, clients, kit, caplog, size: int
) -> None:
    client = clients(wire.tap())
    said = PREFACE + SETTINGS
    for at in range(0, len(said), size):
        client.say(said[at : at + size])
    heard = client.hear_all()
    assert heard.startswith(SETTINGS)
    goaway = heard[len(SETTINGS) :]
    assert int.from_bytes(goaway[:3], "big") == len(goaway) - 9
    assert (goaway[3:9], goaway[9:17]) == (b"\x07\x00\x00\x00\x00\x00", b"\x00\x00\x00\x00\x00\x00\x00\x0d")
    line = goaway[17:].decode()
    assert line.startswith(f"link east carries HTTP/1.1, and its client speaks HTTP/2: {INSTEAD}")
    assert "\n" not in line
    (arrival,) = wire.arrivals()
    assert (arrival.outcome, arrival.detail, arrival.forwarded_s) == ("refused", line, None)
    kit.eventually(wire.attempts)
    assert [(row.outcome, row.detail) for row in wire.attempts()] == [("malformed", "HTTP/2")]
    assert caplog.text.count(line) == 1
    assert provider.lines == []


def test_tls_on_a_link_is_told_that_it_is_reached_without(wire, provider, clients, kit) -> None:
    client = clients(wire.tap())
    client.say(HELLO)
    heard = client.hear_all()
    assert heard.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    line = heard.partition(b"\r\n\r\n")[2].decode()
    assert line.startswith(
        "link east carries HTTP/1.1, and its client speaks TLS: it is reached on this machine, without TLS"
    )
    assert [row.detail for row in wire.arrivals()] == [line]
    kit.eventually(wire.attempts)
    assert [(row.outcome, row.detail) for row in wire.attempts()] == [("malformed", "TLS")]


def test_a_request_that_comes_letter_by_letter_is_no_other_protocol(wire, clients, kit) -> None:
    client = clients(wire.tap())
    for letter in kit.post():
        client.say(bytes([letter]))
    client.hear(kit.WHOLE)
    kit.eventually(lambda: [(row.outcome, row.detail) for row in wire.attempts()] == [("complete", "")])
