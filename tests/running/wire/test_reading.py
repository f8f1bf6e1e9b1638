"""What is read along: whatever that raises, what passes is not touched, and no row is lost."""

from __future__ import annotations

import gzip

import brotli
import pytest

from harness.running.wire.edge import usage
from harness.running.wire.edge.decompression import ANSWER_BYTES_MAX, PIECE_BYTES_MAX, UnreadableError, decompression
from harness.running.wire.edge.reading import AnswerReading
from harness.running.wire.edge.usage import Tally


def _broken(*_: object, **__: object) -> None:
    raise MemoryError("whatever a reader may raise, sk-aaaa")


@pytest.mark.parametrize(
    "where",
    [
        "harness.running.wire.edge.usage.Tally.read",
        "harness.running.wire.edge.prompt.without",
        "harness.running.wire.edge.prompt.NonceSearch.piece",
        "harness.running.wire.edge.prompt.NonceSearch.header",
        "harness.running.wire.tap.http_exchanges.HttpExchanges._feed_questions",
        "harness.running.wire.tap.http_exchanges.HttpExchanges._feed_answers",
        "harness.running.wire.tap.http_exchanges.NonceSearch.piece",
    ],
)
def test_whatever_a_reader_raises_the_answer_passes_and_both_rows_are_there(
    wire, provider, clients, kit, monkeypatch, caplog, where
) -> None:
    monkeypatch.setattr(where, _broken)
    client = clients(wire.tap())
    client.say(kit.post(headers=b"X-Request-Id: n-00000000aa\r\nConnection: close\r\n"))
    assert client.hear_all().endswith(kit.WHOLE)
    assert provider.accepted[0].body == kit.BODY
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["complete"])
    kit.eventually(lambda: len(wire.attempts()) == 1)
    assert "sk-aaaa" not in caplog.text


def test_that_a_reader_raises_is_said_once_a_connection(wire, clients, kit, monkeypatch, caplog) -> None:
    monkeypatch.setattr("harness.running.wire.edge.usage.Tally.read", _broken)
    client = clients(wire.tap())
    client.say(kit.post(headers=b"Connection: close\r\n"))
    client.hear_all()
    kit.eventually(lambda: wire.arrivals())
    assert caplog.text.count("an answer could not be read along, and passes all the same: MemoryError") == 1


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_little_that_stands_for_much_is_read_no_further(coding: str) -> None:
    pack = gzip.compress if coding == "gzip" else brotli.compress
    unpacking = decompression(coding)
    assert unpacking is not None
    with pytest.raises(UnreadableError):
        unpacking.feed(pack(bytes(PIECE_BYTES_MAX + (1 << 20))))


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_what_stands_for_less_is_read_in_any_pieces(coding: str) -> None:
    text = b"".join(b"%d, " % number for number in range(100_000))
    packed = gzip.compress(text) if coding == "gzip" else brotli.compress(text, quality=5)
    unpacking = decompression(coding)
    assert unpacking is not None
    assert b"".join(unpacking.feed(packed[at : at + 1000]) for at in range(0, len(packed), 1000)) == text


def test_an_answer_that_grows_without_end_is_read_no_further() -> None:
    unpacking, whole = decompression("gzip"), gzip.compress(bytes(ANSWER_BYTES_MAX + (1 << 20)))
    assert unpacking is not None
    with pytest.raises(UnreadableError, match=str(ANSWER_BYTES_MAX)):
        # Pieces of one stream, each within bounds.
        list(map(unpacking.feed, (whole[at : at + 500] for at in range(0, len(whole), 500))))


def test_the_text_of_a_long_document_is_not_counted_but_its_usage_is(monkeypatch) -> None:
    monkeypatch.setattr(usage, "_TEXT_BYTES_MAX", 100)
    tally = Tally()
    tally.read(b'{"content":[{"text":"%b"}],"usage":{"input_tokens":1,"output_tokens":2}}' % (b"x" * 200))
    assert (tally.tokens_in, tally.tokens_out, tally.characters) == (1, 2, None)


@pytest.mark.parametrize("status", [201, 400, 500])
def test_what_is_no_success_is_not_read(status: int) -> None:
    reading = AnswerReading(status, "application/json", "compress")
    reading.feed(b"{}")
    reading.end()
    assert (reading.tokens_out, reading.tokens_from) == (None, "")
