"""A run that says nothing of the service says what to do, so that the next one does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.interfaces.terminal import verdict_lines
from harness.report.advice import advice
from harness.report.page import page
from harness.report.summary import summary

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "invalid.md").read_text()
SENTENCES = [
    said.replace("…", "some").strip()
    for line in re.findall(r"^\| (.+?) \| \[", DOCUMENT, re.MULTILINE)
    for said in re.split(r", (?=… |[a-z])(?!and )", line)
]


def of(result, reason: str, verdict: str = "invalid"):
    return result.model_copy(update={"verdict": verdict, "reason": reason})


@pytest.mark.parametrize("reason", SENTENCES)
def test_each_reason_that_the_document_lists_has_its_advice(failing, reason: str) -> None:
    assert advice(of(failing.result, reason)) != advice(of(failing.result, "Nobody has ever heard of this."))


def test_several_reasons_have_several_pieces_of_advice_and_each_one_once(failing) -> None:
    both = "A fault did not take hold: x; b did not take hold: y; the load fell behind"
    assert len(advice(of(failing.result, both))) == 2


@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive"])
def test_a_verdict_on_the_service_needs_none(failing, verdict: str) -> None:
    assert advice(of(failing.result, "The load fell behind.", verdict)) == []


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("interrupted", "Nothing was left in force"),
        ("aborted", "See below where the service fared worst"),
        ("crashed", "Mend what the sentence above names"),
    ],
)
def test_what_did_not_come_to_an_end_is_told_in_general(failing, verdict: str, said: str) -> None:
    (line,) = advice(of(failing.result, "Something happened.", verdict))
    assert line.startswith(said)


@pytest.mark.parametrize(
    "why",
    [
        "stopped by ann@host at 12:00: tickets come in",
        "every target is frozen by ann@host since 12:00: incident",
        "http://x says no: it answered 503",
    ],
)
def test_who_was_ended_by_somebody_is_sent_to_them(failing, why: str) -> None:
    (line,) = advice(of(failing.result, f"the run was ended at 5.0 s: {why}", "aborted"))
    assert line.startswith("Nothing was left in force; ask whoever ended it")


def test_it_stands_beside_the_verdict_wherever_that_is_read_and_why_comes_first_on_the_page(refused, read) -> None:
    (told,) = advice(refused.result)
    text = read(page(refused.result, refused.evidence)).text
    assert text.index(f"What to do: {told}") < text.index("Broken")
    assert text.index("Can these numbers be trusted?") < text.index("What was expected")
    assert told in [str(line) for line in verdict_lines(refused.result)]
    assert told.split(",", maxsplit=1)[0] in summary(refused.result)
