"""A run whose attempts cannot be joined to requests is ended in its baseline where that is needed, and no other run is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from concluded import concluded
from simulated_world import Memory, Plain, SimWorld
from simulated_world.events import Process
from simulated_world.service import Answer, said

from harness.judging.evidence import Evidence
from harness.judging.following import counting
from harness.planning.plan import Plan
from harness.protocols.asking import Asked
from harness.record.history import Alarm, Injecting
from harness.record.rowfile import RowFile
from harness.record.rows import Attempt
from harness.running import loop
from harness.running.joining import ENOUGH, Joining
from harness.running.ports import UntrustworthyError
from harness.running.world.watch import Joined

MakePlan = Callable[..., Plan]
NEEDS_IT = ["retry_amplification <= 1.5 in fault"]


class Forgets(Plain):
    """Passes the nonce on as long as little is asked of it, and later with one question of *one_of*, or none."""

    one_of, until_s = 0, 1.0
    asked = 0

    def answer(self, asked: Asked) -> Process[Answer | None]:
        around = self._around
        Forgets.asked += 1
        keeps = around.events.now_s < self.until_s or (self.one_of and Forgets.asked % self.one_of == 0)
        exchange = around.wire.send(around.providers[0], asked.nonce if keeps else "")
        try:
            yield around.events.within(float("inf"), exchange.ended)
        finally:
            exchange.leave()
        return said(asked.question, 1) if exchange.complete else None


class ForgetsMost(Forgets):
    one_of = 10


class ForgetsLater(Forgets):
    until_s = 3.0


def run(plan: Plan, service: type[Plain]) -> Evidence:
    sim = SimWorld(plan, service, 1)
    return sim.evidence(loop.run(plan, sim.world, Memory()))


@pytest.mark.parametrize(("service", "after_s"), [(Forgets, 5.0), (ForgetsLater, 6.0)])
def test_where_attempts_of_the_baseline_can_be_joined_no_more_and_that_is_needed_the_run_ends_there(
    make_plan: MakePlan, service: type[Plain], after_s: float
) -> None:
    evidence = run(make_plan(phases=(2, 20, 20, 20), expect=NEEDS_IT), service)
    assert evidence.ended is not None
    assert evidence.ended.reason == "invalidated"
    # 30 at ten a second, and the time that the last of them takes.
    assert after_s <= evidence.ended.at_s <= after_s + 1.5
    assert not [event for event in evidence.history if isinstance(event, Injecting)]
    (alarm,) = [event for event in evidence.history if isinstance(event, Alarm)]
    assert "carried no nonce, although earlier ones did" in alarm.what
    assert f"{NEEDS_IT[0]} cannot be judged: have the service pass it on" in alarm.what
    result = concluded(evidence)
    assert result.verdict == "invalid"
    assert "have the service pass it on with each attempt" in result.reason


@pytest.mark.parametrize(
    ("service", "expect"),
    [(Plain, NEEDS_IT), (ForgetsMost, NEEDS_IT), (Forgets, ["good_ratio >= 0.5 in fault"])],
    ids=["that passes it on", "that passes it on now and then", "of which nobody needs it"],
)
def test_a_run_on_a_service_goes_on_to_its_end(make_plan: MakePlan, service: type[Plain], expect: list[str]) -> None:
    evidence = run(make_plan(phases=(2, 8, 2, 2), expect=expect), service)
    assert evidence.ended is not None
    assert (evidence.ended.reason, evidence.ended.at_s > 14) == ("completed", True)


def attempts(number: int, at_s: float = 5.0, **keys: Any) -> list[Attempt]:
    usual = {"sent_s": at_s, "end_s": at_s + 0.1, "method": "POST", "path": "/v1/chat/completions"}
    return [Attempt("east", at_s, **(usual | keys)) for _ in range(number)]


@pytest.fixture
def joining(make_plan: MakePlan) -> Joining:
    """Of a baseline from 2 s to 10 s, before which a question was asked whose attempt carried its nonce."""
    plan = make_plan(phases=(2, 8, 2, 2), expect=NEEDS_IT)
    one = Joining(plan, counting(plan))
    one.hear(attempts(1, -1.0, nonce="n-00000000aa"))
    return one


def test_enough_are_needed_and_what_they_are_is_told(joining: Joining) -> None:
    joining.hear(attempts(ENOUGH - 1))
    joining.check(6.0)
    joining.hear(attempts(1))
    with pytest.raises(
        UntrustworthyError, match=r"4\.0 s into the baseline the last attempts \(30 on east\) carried no"
    ):
        joining.check(6.0)


@pytest.mark.parametrize(
    "others",
    [
        attempts(99, method="GET"),
        attempts(99, path="/telemetry"),
        attempts(99, 1.0),
        attempts(99, 11.0),
        attempts(99, sent_s=None),
    ],
    ids=["looks", "other things", "before the baseline", "behind it", "never whole"],
)
def test_what_may_carry_no_nonce_counts_for_nothing(joining: Joining, others: list[Attempt]) -> None:
    joining.hear(others)
    joining.check(6.0)
    assert not joining.settled


def test_a_row_of_them_counts_only_where_it_is_longer_than_those_that_could_be_joined(joining: Joining) -> None:
    joining.hear(attempts(99) + attempts(1, nonce="n-00000000bb") + attempts(ENOUGH - 1))
    joining.check(6.0)
    joining.hear(attempts(ENOUGH, nonce="n-00000000bb") + attempts(ENOUGH + 1))
    joining.check(6.0)
    joining.hear(attempts(1))
    with pytest.raises(UntrustworthyError, match="32 on east"):
        joining.check(6.0)


def test_behind_the_baseline_nothing_is_looked_at_any_more(make_plan: MakePlan) -> None:
    late = Joining(make_plan(phases=(2, 8, 2, 2), expect=NEEDS_IT), NEEDS_IT)
    late.check(11.5)
    assert late.settled


class Still:
    """A clock that stands, and a watch that sees nothing."""

    def now(self) -> float:
        return 6.0

    def sleep_until(self, at_s: float) -> None: ...

    def check(self) -> None: ...


def test_the_rows_that_the_wire_writes_are_what_it_is_told_by(joining: Joining, tmp_path: Path) -> None:
    file, zero_s = RowFile(tmp_path / "attempts.rows"), time.monotonic() - 6.0
    watch = Joined(Still(), joining, tmp_path, Still())
    # Instants of a row file are on the machine's clock.
    for row in attempts(ENOUGH, zero_s + 5.0):
        file.add(row)
    with pytest.raises(UntrustworthyError, match="carried no nonce"):
        watch.check()
    watch.close()
    file.close()
