"""Which mark in a request is its nonce, and that nothing else is."""

from __future__ import annotations

import itertools
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.nonce import (
    PRESSES_MAX,
    REQUESTS_MAX,
    Nonces,
    NonceSearch,
    index,
    lot,
    marked,
    nonce,
    press,
    traceparent,
    unmarked,
    unpressed,
    without,
)
from harness.reading.retries import AGAIN_MAX

OURS = Nonces("region-loss-20251126")
OWN = nonce(OURS.run_id, 298)
EARLIER = nonce(OURS.run_id, 297)
OLD = nonce("region-loss-20251125", 299)


def _found(*pieces: bytes | str, nonces: Nonces = OURS, **headers: str) -> str:
    search = NonceSearch(nonces)
    for name, value in headers.items():
        search.header(name.replace("_", "-").encode(), value.encode())
    for piece in pieces:
        search.piece(piece.encode() if isinstance(piece, str) else piece)
    return search.found


def test_a_nonce_tells_its_request_and_no_two_of_a_run_are_alike() -> None:
    nonces = {nonce(run, index) for run in ("a", "b") for index in range(2000)}
    assert len(nonces) == 4000
    assert lot(nonce("a", 298)) == lot(nonce("b", 298)) != lot(nonce("a", 299))
    assert lot("") == ""


def test_a_request_beyond_those_that_can_be_told_apart_is_refused() -> None:
    assert nonce("a", REQUESTS_MAX - 1)
    with pytest.raises(ValueError, match="at most 16773120 requests"):
        nonce("a", REQUESTS_MAX)
    assert nonce("a", -1) < nonce("a", 0)  # what is asked before the load is quoted by what comes after it


@pytest.mark.parametrize(
    "text",
    [
        "session-1764108000",
        "conversation-1764108000123",
        "run-00000000aa",
        "a n-1764108000 of nobody's",
        "n-00000000a n-00000000AA m-00000000aa n_00000000aa",
        f"earlier you asked: refunds? [{OLD}]",
    ],
)
def test_what_only_looks_like_a_nonce_of_the_run_is_none(text: str) -> None:
    assert _found(text) == ""
    assert _found(f"When? [{OWN}] {text}") == OWN == _found(f"{text} When? [{OWN}]")
    assert _found(x_request_id=text) == ""


def test_where_the_run_is_not_known_nonces_of_any_run_count_but_no_end_of_a_word() -> None:
    assert _found(f"[{OLD}]", nonces=Nonces()) == OLD
    assert _found("session-1764108000 run-00000000aa", nonces=Nonces()) == ""


def test_of_several_nonces_the_newest_counts_since_a_request_can_only_quote_those_before_it() -> None:
    assert _found(f"When? [{OWN}] Before: What? [{EARLIER}]") == OWN
    assert _found(f"What? [{EARLIER}] It is. When? [{OWN}]") == OWN


@pytest.mark.parametrize(
    "body", [r'{"a": "\n%s"}', r'{"a": "\u005b%s"}', '{"a": "(%s)"}', "a=b&c=%s", "a=%%5B%s%%5D", "“%s”", "_%s"]
)
def test_a_nonce_is_found_behind_whatever_an_encoding_puts_in_front(body: str) -> None:
    assert _found(body % OWN) == OWN


def test_a_form_of_the_question_carries_the_nonce_too() -> None:
    assert _found(quote(f"When? [{OWN}]")) == OWN


@given(cut=st.lists(st.integers(0, 90), max_size=8))
def test_a_nonce_is_found_however_the_body_is_cut(cut: list[int]) -> None:
    text = f"session-{OWN[2:]} old [{OLD}] in-{EARLIER} and \\n{OWN} end {EARLIER}".encode()
    ends = [0, *sorted(cut), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(ends)]

    assert _found(*pieces) == OWN


@given(cut=st.lists(st.integers(0, 40), max_size=8))
def test_the_end_of_a_word_is_no_nonce_however_the_body_is_cut(cut: list[int]) -> None:
    text = f"the sessio{OWN} of yesterday".encode()
    ends = [0, *sorted(cut), len(text)]
    assert _found(*(text[start:end] for start, end in itertools.pairwise(ends))) == ""


def test_a_nonce_does_not_lie_across_two_headers() -> None:
    assert _found(a=OWN[:7], b=OWN[7:]) == ""


def test_the_place_that_the_target_file_names_comes_first() -> None:
    other = nonce(OURS.run_id, 400)
    in_header = Nonces(OURS.run_id, "x-nonce")
    everywhere = {"x_request_id": other, "x_nonce": OWN, "traceparent": traceparent(other)}
    assert _found(f"[{other}]", nonces=in_header, **everywhere) == OWN
    # Where none is named, a header that has nothing to do with it does not win over the prompt.
    assert _found(f"[{OWN}]", x_nonce=other) == OWN


@pytest.mark.parametrize("header", [{"traceparent": traceparent(OWN)}, {"x_request_id": OWN}])
def test_a_body_that_quotes_an_earlier_nonce_and_lost_its_own_does_not_win_over_the_trace(
    header: dict[str, str],
) -> None:
    assert _found(f"history: [{EARLIER}] rewritten question", **header) == OWN
    # A trace that was begun for an earlier request does not win over the prompt either.
    assert _found(f"[{OWN}]", traceparent=traceparent(EARLIER), x_request_id=EARLIER) == OWN


@pytest.mark.parametrize(
    "target", [f"/search?q=gift%20card%20[{OWN}]", f"/search/%5B{OWN}%5D?k=5", f"/s?q={quote(f'x [{OWN}]')}"]
)
def test_a_nonce_that_stands_only_in_what_is_asked_for_is_found_and_the_end_of_a_word_there_is_none(
    target: str,
) -> None:
    def found(of: str) -> str:
        search = NonceSearch(OURS)
        search.target(of.encode())
        return search.found

    assert found(target) == OWN
    assert found(target.replace(OWN, "session-1764108000")) == found(f"/v1/sessio{OWN}") == ""


def test_then_come_x_request_id_and_traceparent_and_then_the_body_and_any_other_header() -> None:
    in_header = Nonces(OURS.run_id, "x-nonce")
    later = nonce(OURS.run_id, 400)
    assert _found(f"[{later}]", nonces=in_header, x_request_id=OWN, traceparent=traceparent(later)) == OWN
    assert _found(f"[{later}]", nonces=in_header, traceparent=traceparent(OWN)) == OWN
    assert _found(f"[{OWN}]", nonces=in_header, x_correlation_id=later) == OWN
    assert _found(nonces=in_header, x_correlation_id=OWN) == OWN


def test_a_trace_that_goes_on_with_spans_of_the_services_own_still_tells_the_request() -> None:
    trace = traceparent(OWN)
    version, trace_id, _, flags = trace.split("-")
    assert _found(traceparent=f"{version}-{trace_id}-00f067aa0ba902b7-{flags}") == OWN
    assert _found(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01") == ""
    assert _found(traceparent=traceparent(OLD)) == ""


def test_nonces_are_taken_out_of_texts_and_words_that_end_like_one_are_not() -> None:
    assert without(f"a [{OWN}] session-1764108000 {EARLIER}".encode()) == b"a [] session-1764108000 "
    assert unmarked(f"a [{OWN}] session-1764108000 {EARLIER}.") == "a session-1764108000."


def test_how_nonces_are_known_can_be_told_to_another_process() -> None:
    told = msgspec.json.decode(msgspec.json.encode(OURS), type=Nonces)
    assert told == OURS


# Where clients ask again.

AGAIN = marked(OWN, 2)


def _pressed(*pieces: bytes | str, nonces: Nonces = OURS, **headers: str) -> tuple[str, int]:
    """What a search found, and of which press."""
    search = NonceSearch(nonces)
    for name, value in headers.items():
        search.header(name.replace("_", "-").encode(), value.encode())
    for piece in pieces:
        search.piece(piece.encode() if isinstance(piece, str) else piece)
    return search.found, search.press


@given(st.integers(0, REQUESTS_MAX - 1), st.integers(0, PRESSES_MAX - 1))
def test_a_mark_tells_its_press_and_its_request_and_chance_hangs_on_the_request_alone(which: int, number: int) -> None:
    mark = marked(nonce("a run", which), number)
    assert (unpressed(mark), press(mark)) == (nonce("a run", which), number)
    assert (index(mark), lot(mark)) == (which, lot(nonce("another run", which)))


def test_a_nonce_of_a_run_whose_clients_ask_once_is_what_it_was_and_tells_of_the_first_press() -> None:
    assert (len(OWN), unpressed(OWN), press(OWN), unpressed(""), press("")) == (12, OWN, 0, "", 0)
    assert _pressed(f"[{OWN}]") == (OWN, 0)


def test_a_press_beyond_those_that_can_be_told_apart_is_refused_and_a_scenario_cannot_ask_for_it() -> None:
    assert marked(OWN, AGAIN_MAX)
    with pytest.raises(ValueError, match="at most 16 presses"):
        marked(OWN, AGAIN_MAX + 1)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (f"When? [{AGAIN}]", {}),
        (rf'{{"id": "\n{AGAIN}"}}', {}),
        ("", {"x_request_id": AGAIN}),
        ("", {"traceparent": traceparent(AGAIN)}),
        ("", {"x_correlation_id": AGAIN}),
        (f"history: [{EARLIER}] rewritten", {"traceparent": traceparent(AGAIN)}),
        (f"history: [{marked(OWN, 1)}] and anew: [{AGAIN}]", {}),
        (f"anew: [{AGAIN}], history: [{marked(OWN, 0)}] [{marked(OWN, 1)}]", {}),
    ],
)
def test_a_press_is_told_in_every_place_in_which_a_nonce_travels(body: str, headers: dict[str, str]) -> None:
    assert _pressed(body, **headers) == (OWN, 2)
    assert _pressed(body, nonces=Nonces("another run"), **headers) == ("", 0)


def test_the_header_that_the_target_file_names_tells_the_press_whatever_other_places_quote() -> None:
    in_header = Nonces(OURS.run_id, "x-nonce")
    assert _pressed(f"[{marked(OWN, 3)}]", nonces=in_header, x_nonce=AGAIN, x_request_id=marked(OWN, 1)) == (OWN, 2)


@given(cut=st.lists(st.integers(0, 60), max_size=8))
def test_a_press_is_found_however_the_body_is_cut(cut: list[int]) -> None:
    text = f"old [{EARLIER}] [{marked(OWN, 1)}] \\n{AGAIN} end {EARLIER}".encode()
    ends = [0, *sorted(cut), len(text)]
    assert _pressed(*(text[start:end] for start, end in itertools.pairwise(ends))) == (OWN, 2)


def test_a_digit_that_stands_behind_a_nonce_is_no_press() -> None:
    assert [_pressed(f"{OWN}{digit:x}") for digit in range(16)] == [(OWN, 0)] * 16


def test_presses_are_taken_out_of_texts_whole() -> None:
    assert without(f"a [{AGAIN}] {marked(EARLIER, 0)}!".encode()) == b"a [] !"
    assert unmarked(f"a [{AGAIN}] b {marked(EARLIER, 15)}.") == "a b."
