"""A run that says nothing of the service says what to do, so that the next one does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import pytest

from harness.interfaces.terminal import verdict_lines
from harness.judging.result import Doubt, DoubtKind
from harness.report.advice import advice
from harness.report.page import page
from harness.report.provenance import linked
from harness.report.summary import summary

KINDS = get_args(DoubtKind)


GENERAL = "Mend what the sentence above names and run again"


def of(result, reason: str, verdict: str = "invalid", doubts: Iterable[tuple[str, str]] = ()):
    said = [Doubt(kind=kind, said=what) for kind, what in doubts]
    return result.model_copy(update={"verdict": verdict, "reason": reason, "doubts": said})


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "alarm"])
def test_each_kind_of_doubt_has_its_advice_whatever_its_sentence_says(failing, kind: str) -> None:
    # Words of the service, and of other reasons, may stand in it.
    for said in (
        "Something.",
        "the question before the load was not answered; late in the baseline; did not take hold",
    ):
        (line,) = advice(of(failing.result, said, doubts=[(kind, said)]))
        assert not line.startswith(GENERAL)
        assert line == advice(of(failing.result, "", doubts=[(kind, "")]))[0]


@pytest.mark.parametrize(
    "said",
    [
        "the question before the load was not answered: x",
        "attempts were seen on a, and none carried the nonce of the question",
        "somebody else was at the proxies of this run",
        "the harness was stopped for 3 s",
        "its keeper took the faults back",
        "this machine was suspended",
        "Toxiproxy no longer answered",
        "the wire no longer answered",
        "target ended with status 1",
    ],
)
@pytest.mark.parametrize("as_alarm", [True, False])
def test_what_was_said_while_a_run_went_on_has_its_advice(failing, said: str, as_alarm: bool) -> None:
    doubts = [("alarm", said)] if as_alarm else []
    (line,) = advice(of(failing.result, said, doubts=doubts))
    assert not line.startswith(GENERAL)


def test_a_load_of_users_is_told_of_what_users_have(failing) -> None:
    (users,) = advice(of(failing.result, "", doubts=[("users", "10 users of users.py asked nothing")]))
    (load,) = advice(of(failing.result, "", doubts=[("load", "the process in which the users live ran late")]))
    assert "locustfile" in users
    assert "logs/load.log" in users
    assert "load.users" in load


def test_what_nobody_has_heard_of_has_advice_in_general(failing) -> None:
    (line,) = advice(of(failing.result, "Nobody has ever heard of this."))
    assert line.startswith(GENERAL)


def test_a_run_that_broke_down_is_told_of_that_and_not_of_what_is_missing_since(failing) -> None:
    doubts = [("load", "the load fell behind"), ("no_baseline", "nothing was asked in the baseline")]
    (line,) = advice(of(failing.result, "process target ended with status 2", "crashed", doubts=doubts))
    assert line.startswith("Mend how the service starts")


def test_several_doubts_have_several_pieces_of_advice_and_each_one_once(failing) -> None:
    doubts = [("not_in_force", "a"), ("not_in_force", "b"), ("load", "c")]
    assert len(advice(of(failing.result, "a; b; c", doubts=doubts))) == 2


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


def test_a_file_that_advice_names_is_linked_and_nothing_else_is(failing, read) -> None:
    invalid = failing.result.model_copy(update={"verdict": "invalid", "reason": "Nobody has ever heard of this."})
    found = read(page(invalid, None))
    assert [one["href"] for one in found.all("a")].count("logs/") == 2  # in what to do, and among the files of the run
    assert linked("<b>logs/</b> & summary.md") == (
        '&lt;b&gt;<a href="logs/">logs/</a>&lt;/b&gt; &amp; <a href="summary.md">summary.md</a>'
    )
