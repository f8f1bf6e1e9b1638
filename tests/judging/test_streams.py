"""What became of a streamed answer, for each way in which it can come, with the twin that came whole."""

from __future__ import annotations

import pytest

from harness.judging.streams import Fate, Got, Spoken, fate
from harness.protocols.sketch import digest, read, sketch, squeezed

ONE = "You have thirty days to ask for a refund, whatever the reason is, as long as you have kept the receipt."
OTHER = "Refunds are possible within thirty days of the purchase; please bring the receipt to any of the shops."


def said(text: str, finish: str = "stop", *, finishes: bool = True) -> Spoken:
    known = read(sketch(text))
    assert known is not None
    return Spoken(known, finish, finishes)


def got(text: str, *, taken: bool = True, finish: str = "stop", kept: bool = True) -> Got:
    return Got(squeezed(text), taken, finish, kept)


STUMP = ONE[:61]
CASES: list[tuple[str, Got, list[Spoken], Fate]] = [
    ("as it was said", got(ONE), [said(ONE)], "whole"),
    ("in other lines", got(ONE.replace(" ", "\n")), [said(ONE)], "whole"),
    ("said by the second attempt", got(ONE), [said(ONE[:20], ""), said(ONE)], "whole"),
    ("said by another provider", got(OTHER), [said(ONE[:20], ""), said(OTHER)], "whole"),
    ("cut short, and said to be", got(ONE, finish="length"), [said(ONE, "length")], "whole"),
    ("the same in another API's word", got(ONE, finish="length"), [said(ONE, "max_tokens")], "whole"),
    ("nothing, as it was said", got(""), [said("")], "whole"),
    ("the client knows", got(STUMP, taken=False), [said(ONE[:70], "")], "error"),
    ("it came whole and ended badly", got(ONE, taken=False), [said(ONE)], "error"),
    ("all that came of it", got(STUMP), [said(STUMP, "")], "truncated_as_success"),
    ("less than came of it", got(STUMP), [said(ONE[:70], "")], "truncated_as_success"),
    ("less than the whole", got(STUMP), [said(ONE)], "truncated_as_success"),
    ("without a reason for the end", got(STUMP, finish=""), [said(STUMP, "")], "truncated_as_success"),
    ("with an excuse", got(STUMP + " [error: please try again]"), [said(STUMP, "")], "truncated_as_success"),
    ("cut short, and said to be whole", got(ONE), [said(ONE, "length")], "truncated_as_success"),
    ("cut short by a guard", got(ONE), [said(ONE, "guardrail_intervened")], "truncated_as_success"),
    ("refused by Gemini", got(""), [said("", "PROHIBITED_CONTENT")], "truncated_as_success"),
    (
        "cut short by a guard, and said to be",
        got(ONE, finish="content_filter"),
        [said(ONE, "content_filtered")],
        "whole",
    ),
    ("ended by a tool", got(ONE), [said(ONE, "tool_use")], "whole"),
    ("nothing of it", got(""), [said(ONE)], "truncated_as_success"),
    ("a beginning and another answer", got(STUMP + OTHER), [said(STUMP, ""), said(OTHER)], "spliced"),
    ("less of the beginning", got(ONE[:50] + OTHER), [said(ONE[:70], ""), said(OTHER)], "spliced"),
    ("two beginnings", got(STUMP + OTHER[:40]), [said(STUMP, ""), said(OTHER[:60], "")], "spliced"),
    ("one answer goes on where another stopped", got(ONE), [said(ONE[:61], ""), said(ONE[61:])], "spliced"),
    ("a beginning and then all again", got(STUMP + ONE), [said(STUMP, ""), said(ONE)], "duplicated"),
    ("twice", got(ONE + ONE), [said(ONE)], "duplicated"),
    ("twice, by two", got(ONE + ONE), [said(ONE), said(ONE)], "duplicated"),
    ("a word twice", got(ONE.replace("thirty ", "thirty thirty ")), [said(ONE)], "duplicated"),
    ("a letter more in a run", got(ONE.replace("refund", "refuund")), [said(ONE)], "duplicated"),
    ("other words than were said", got("Here you are: " + ONE), [said(ONE)], "unknown"),
    ("a piece is missing", got(ONE.replace("thirty ", "")), [said(ONE)], "unknown"),
    ("nobody was asked", got(ONE), [], "unknown"),
    ("nothing, and nobody was asked", got(""), [], "unknown"),
    ("more than is kept", got(ONE, kept=False), [said(ONE)], "unknown"),
    ("an API that gives no reasons", got(ONE), [said(ONE, "", finishes=False)], "unknown"),
]


@pytest.mark.parametrize(("answer", "spoken", "became"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_became_of_it_is_known(answer: Got, spoken: list[Spoken], became: Fate) -> None:
    assert fate(answer, spoken) == became


def test_what_was_said_whole_to_another_request_is_whole_and_a_stump_of_it_is_not_known() -> None:
    earlier = {(len(squeezed(ONE)), digest(squeezed(ONE)))}
    assert fate(got(ONE), [], earlier) == "whole"
    assert fate(got(STUMP), [], earlier) == "unknown"


def test_a_text_of_one_letter_has_an_end() -> None:
    assert fate(got("a" * 20_001), [said("a" * 20_000)]) == "duplicated"
    assert fate(got("a" * 19_999), [said("a" * 20_000)]) == "truncated_as_success"
