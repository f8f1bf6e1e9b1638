"""Whose key a client presents is known, whichever way a provider takes it, and no key is in any row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.protocols.nonce import ANY_RUN
from harness.record.rowfile import read_rows
from harness.record.rows import UNKNOWN_KEY, Attempt
from harness.running.wire.credentials import Credentials
from harness.running.wire.ledger import Ledger
from harness.running.wire.tap.http_exchanges import HttpExchanges

OURS, THEIRS = "sk-ours-0123456789abcdef", "sk-theirs-0123456789abcdef"
SAY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Told = Callable[..., str]


@pytest.fixture
def key_of(tmp_path: Path) -> Told:
    """What the row of an attempt says of the key in its *headers*, or in the query of its *target*."""
    ledger: Ledger[Attempt] = Ledger(tmp_path / "attempts.rows")
    talk = HttpExchanges("east", ledger, ANY_RUN, Credentials({"east": OURS, "west": THEIRS, "spare": THEIRS}))

    def told(headers: str, target: str = "/v1/chat") -> str:
        talk.asked(f"POST {target} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 0\r\n\r\n".encode())
        talk.answered(SAY)
        written = (tmp_path / "attempts.rows").read_bytes()
        assert OURS.encode() not in written
        assert THEIRS.encode() not in written
        return list(read_rows(tmp_path / "attempts.rows", Attempt))[-1].key_of

    return told


@pytest.mark.parametrize(
    "headers",
    [
        f"Authorization: Bearer {OURS}\r\n",
        f"authorization: bearer   {OURS}\r\n",
        f"Authorization: {OURS}\r\n",
        f"api-key: {OURS}\r\n",
        f"X-API-Key: {OURS}\r\n",
        f"x-goog-api-key: {OURS}\r\n",
        f"Cookie: a=b\r\nAuthorization: Bearer {OURS}\r\n",
    ],
)
def test_a_key_is_known_in_every_header_in_which_providers_take_one(key_of: Told, headers: str) -> None:
    assert key_of(headers) == "east"
    assert key_of(headers.replace(OURS, THEIRS)) == "west spare"


def test_a_key_in_the_query_is_known_too(key_of: Told) -> None:
    assert key_of("", f"/v1/models/m:generate?alt=sse&key={OURS}") == "east"
    assert key_of("", "/v1/chat?q=x") == ""


def test_a_request_that_is_signed_is_known_by_the_key_that_it_names(tmp_path: Path) -> None:
    signed = "AWS4-HMAC-SHA256 Credential={}/20260101/eu/bedrock/aws4_request, SignedHeaders=host, Signature={}"
    credentials = Credentials({"east": "AKIDEXAMPLE0123"})

    def told(key: str, signature: str) -> str:
        return credentials.in_header(b"authorization", signed.format(key, signature).encode())

    assert told("AKIDEXAMPLE0123", "aa") == told("AKIDEXAMPLE0123", "bb") == "east"
    assert told("AKIDOTHER012345", "aa") == told("AKIDOTHER012345", "bb") != "east"


def test_a_key_that_is_no_links_has_a_mark_of_its_own_in_this_run_alone(key_of: Told) -> None:
    one, again, other = (key_of(f"Authorization: Bearer {key}\r\n") for key in ("sk-a", "sk-a", "sk-b"))
    assert one == again != other
    assert one.startswith(UNKNOWN_KEY)
    assert Credentials().in_header(b"authorization", b"Bearer sk-a") not in (one, "")


@pytest.mark.parametrize(
    "headers", ["", "Cookie: session=x\r\n", "Authorization:\r\n", "Authorization: \r\n", "X-Key: sk-a\r\n"]
)
def test_where_there_is_no_key_there_is_no_mark(key_of: Told, headers: str) -> None:
    assert key_of(headers) == ""


def test_the_wire_knows_the_keys_that_it_is_told_and_writes_none(new_wire, provider, clients, kit) -> None:
    wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"}, credential=OURS)
    client = clients(wire.tap())
    client.say(kit.post(headers=f"Authorization: Bearer {OURS}\r\nConnection: close\r\n".encode()))
    client.hear_all()
    kit.eventually(lambda: [row.key_of for row in wire.attempts()] == ["east"])
    assert [name for name, value in provider.accepted[0].headers if OURS in value] == ["Authorization"]
    assert [path.name for path in wire.rows.glob("*.rows") if OURS.encode() in path.read_bytes()] == []
