"""What shows how a service does when nothing is broken is what no fault can have met, also of what was due before one began."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness.judging
from harness.judging import serving
from harness.judging.evidence import Evidence
from harness.judging.metastable import metastable
from harness.judging.sample import before_faults_s
from harness.judging.unasked import unasked
from harness.planning.plan import Plan
from harness.record.rows import Attempt, Request

MakePlan = Callable[..., Plan]
Lived = Callable[..., Evidence]
# The fault lasts from 11 s to 17 s.
PHASES, BROKEN_S = (1, 10, 6, 20), 11.0
TOOK_S = 2.5


@pytest.fixture
def lived(
    make_plan: MakePlan,
    make_evidence: Callable[..., Evidence],
    rows: Callable[..., list[Request]],
    attempt: Callable[..., Attempt],
) -> Lived:
    """A run whose good answers take 2.5 s; from *bad_from_s* on there are none, and four tries a request."""

    def made(bad_from_s: float, **keys: Any) -> Evidence:
        plan = make_plan(phases=PHASES, load={"rate_per_s": 20}, **keys)

        def change(index: int, due_s: float) -> dict[str, Any]:
            bad = {"outcome": "error", "status": 503} if due_s >= bad_from_s else {}
            return {"end_s": due_s + TOOK_S} | bad

        asked = rows(plan, change)
        tries = [
            attempt(row, link="provider-west" if row.due_s >= bad_from_s else f"provider-{row.entry}", start_s=row.due_s + n / 100)
            for row in asked
            for n in range(4 if row.due_s >= bad_from_s else 1)
        ]  # fmt: skip
        return make_evidence(plan, requests=asked, attempts=tries)

    return made


@pytest.mark.parametrize(("bad_from_s", "usual"), [(BROKEN_S - TOOK_S + 0.1, "1"), (BROKEN_S - 5.0, "2.01")])
def test_what_was_in_flight_when_it_was_broken_is_not_what_a_request_usually_costs(
    lived: Lived, bad_from_s: float, usual: str
) -> None:
    (said,) = metastable(lived(bad_from_s)) or ("",)
    assert f"4 attempts ({usual} in the baseline)" in said


@pytest.mark.parametrize(("from_s", "usual"), [(BROKEN_S - TOOK_S + 0.1, {"provider-east"}), (4.0, {"provider-west"})])
def test_who_served_what_was_in_flight_is_not_who_usually_serves(
    make_plan: MakePlan,
    make_evidence: Callable[..., Evidence],
    rows: Callable[..., list[Request]],
    attempt: Callable[..., Attempt],
    from_s: float,
    usual: set[str],
) -> None:
    plan = make_plan(phases=PHASES)
    asked = rows(plan, lambda index, due_s: {"end_s": due_s + TOOK_S})
    tries = [
        attempt(
            row,
            link="provider-west" if row.due_s >= from_s or row.entry == "west" else "provider-east",
            end_s=row.due_s + TOOK_S,
        )
        for row in asked
    ]
    found = serving.usual(make_evidence(plan, requests=asked, attempts=tries))
    assert usual <= found["east"]
    assert (found["east"] == usual) is (from_s > 5)


def test_a_rate_of_the_baseline_is_of_the_time_in_which_nothing_could_be_met(lived: Lived) -> None:
    run = lived(99.0)
    assert before_faults_s(run) == pytest.approx(10 - TOOK_S, abs=0.01)
    assert before_faults_s(lived(99.0, faults=[])) == 10


@pytest.mark.parametrize("flying", [True, False])
def test_what_got_much_worse_is_held_against_what_nothing_had_met(
    make_plan: MakePlan, make_evidence: Callable[..., Evidence], rows: Callable[..., list[Request]], flying: bool
) -> None:
    """Two of three are bad in the fault, and all that were in flight as it began; or as many so early that it was so before."""
    plan = make_plan(phases=(1, 6, 6, 6), expect=["recovery_time_s <= 5"], load={"rate_per_s": 20})
    from_s, until_s = (4.6, 7.0) if flying else (1.5, 4.4)

    def change(index: int, due_s: float) -> dict[str, Any]:
        bad = from_s <= due_s < until_s or (7 <= due_s < 13 and index % 3)
        return {"end_s": due_s + 2.5} | ({"outcome": "error", "status": 503} if bad else {})

    told = list(unasked(make_evidence(plan, requests=rows(plan, change))))
    assert any(said.startswith("good_ratio in fault was 0.33 (baseline 1.00)") for said in told) is flying


def test_nobody_judges_by_the_whole_phase_before_the_faults() -> None:
    """`sample.baseline` and `sample.before_faults` say what shows how it usually is; a phase alone says when it was due."""
    folder = Path(harness.judging.__file__).parent
    whole = re.compile(r"""\bphase\b[^\n]{0,12} == "baseline"(?!\]| or| else|:)|Selection\("baseline", labels\)""")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.py") if whole.search(path.read_text())}
    # What a store was told in a stretch is counted over all requests of that stretch.
    of_the_stretch = {"metrics/store_commands.py"}
    assert found == {"sample.py", "answers.py", "sameness.py", "metrics/credential_leaks.py"} | of_the_stretch
    assert whole.search('mine = good & (phase == "baseline") & other')
