"""A fail that other processes may have caused is none, one that the service caused stays one, and who was busy is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from concluded import concluded

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.judging.starvation import loads
from harness.planning.plan import Plan
from harness.reading.target import Target
from harness.record.instrument import EDGES_MS, Lateness, Machine, Measurement
from harness.record.rows import Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Judge = Callable[..., Result]
STARVED = {"assistant": (0.3, 0.65)}
# Their fault lasts from 3 to 5 s.
FAULT = (3, 4)


def machine(at_s: float, *, taken: float = 0.02, ours: float = 0.3, **keys: Any) -> Machine:
    """A second in which others took a share of two processors, and what waited."""
    told = {"threads": {"assistant": (0.3, 0.01)}, "pressure": 0.05, "steal": 0.0, "rival": "compiler (pid 7)"} | keys
    return Machine(at_s, 1.0, 2, busy=taken + ours, ours=ours, **told)


def late(at_s: float, process: str = "wire", place: int = 0) -> Lateness:
    counts = [0] * (len(EDGES_MS) + 1)
    counts[place] = 50
    return Lateness(at_s, 1.0, process, counts, EDGES_MS[min(place, len(EDGES_MS) - 1)])


def whole(made: Plan, *, busy: Iterable[int] = (), **keys: Any) -> list[Measurement]:
    """A look a second, of which those that are *busy* are as the keys say."""
    return [machine(s, **keys) if s in busy else machine(s) for s in range(int(made.total_s))] + [
        late(s) for s in range(int(made.total_s))
    ]


@pytest.fixture
def started(make_target: Callable[..., Target]) -> Target:
    """A target that the harness starts, so that its processes can be told from others."""
    return make_target(start={"command": ["serve"], "ready": {"tcp": True}})


@pytest.fixture
def judge(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, started: Target) -> Judge:
    """The result of a run in which *bad* of the answers of the fault phase are bad and all are asked *late_s* late, beside *samples*."""

    def judged(
        samples: Callable[[Plan], list[Measurement]],
        bad: int = 10,
        expect: str = "good_ratio >= 0.9 in fault",
        late_s: float = 0.0,
        **keys: Any,
    ) -> Result:
        made = make_plan(expect=[expect], load={"rate_per_s": 20}, **({"of": started} | keys))
        first = next(i for i in range(made.schedule.requests) if i / 20 >= made.phase("fault").start_s)

        def change(index: int, due_s: float) -> dict[str, Any]:
            sent = {"sent_s": due_s + late_s} if late_s else {}
            return sent | ({"outcome": "timed_out"} if first <= index < first + bad else {})

        return concluded(make_evidence(made, requests=rows(made, change), measurements=samples(made)))

    return judged


def test_without_a_look_at_the_machine_a_run_is_judged_as_it_was(judge: Judge) -> None:
    result = judge(lambda _: [])
    assert result.verdict == "fail"
    assert result.quality.instrument == []


def test_on_a_quiet_machine_a_fail_is_one(judge: Judge) -> None:
    assert judge(whole).verdict == "fail"


def test_a_fail_beside_others_that_starved_the_service_is_invalid_and_names_them(judge: Judge) -> None:
    result = judge(lambda made: whole(made, busy=FAULT, taken=0.7, threads=STARVED, pressure=0.98))
    assert result.verdict == "invalid"
    assert (
        "other processes took 70 % of the processors in the fault, most of it compiler (pid 7)" in result.reason.lower()
    )
    assert "assistant waited for one in 100 % of the time" in result.reason
    assert "the wire ran 1 ms late, 1 time in 100" in result.reason
    assert "CPU pressure 98 %" in result.reason
    assert "close what else runs on this machine" in result.reason


def test_what_helps_is_said_once_where_the_load_fell_behind_too(judge: Judge) -> None:
    def behind(made: Plan) -> list[Measurement]:
        return whole(made, busy=FAULT, taken=0.7, threads=STARVED, pressure=0.98)

    reason = judge(behind, late_s=1.0).reason
    assert "the load fell behind" in reason.lower()
    assert "other processes took 70 %" in reason
    assert reason.lower().count("close what else runs") == 1


def test_what_is_open_beside_others_that_starved_the_service_is_invalid_and_no_want_of_evidence(judge: Judge) -> None:
    def starved(made: Plan) -> list[Measurement]:
        return whole(made, busy=FAULT, taken=0.6, threads=STARVED)

    assert judge(starved, bad=3).verdict == "invalid"
    assert judge(whole, bad=3).verdict == "inconclusive"


def test_what_was_not_measured_at_all_was_not_for_want_of_time(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, started: Target
) -> None:
    made = make_plan(expect=["ttft_ms.p50 <= 900 in fault"], of=started)
    never = rows(made, lambda index, due_s: {"first_token_s": None})
    samples = whole(made, busy=FAULT, taken=0.6, threads=STARVED)
    assert concluded(make_evidence(made, requests=never, measurements=samples)).verdict == "inconclusive"


def test_a_service_that_starves_itself_fails(judge: Judge) -> None:
    result = judge(lambda made: whole(made, busy=FAULT, taken=0.05, ours=0.95, threads=STARVED, pressure=0.98))
    assert result.verdict == "fail"


def test_where_the_run_had_more_than_others_nothing_is_blamed_on_them(judge: Judge) -> None:
    result = judge(lambda made: whole(made, busy=FAULT, taken=0.45, ours=0.55, threads=STARVED, pressure=0.98))
    assert result.verdict == "fail"


def test_others_beside_whom_nothing_had_to_wait_long_excuse_nothing(judge: Judge) -> None:
    result = judge(lambda made: whole(made, busy=FAULT, taken=0.7, threads={"assistant": (0.7, 0.2)}))
    assert result.verdict == "fail"


@pytest.mark.parametrize("name", ["harness", "keeper", "toxiproxy"])
def test_who_holds_up_no_answer_by_waiting_excuses_nothing(judge: Judge, name: str) -> None:
    assert judge(lambda made: whole(made, busy=FAULT, taken=0.7, threads={name: (0.1, 0.8)})).verdict == "fail"


def test_others_that_were_busy_at_another_time_excuse_nothing(judge: Judge) -> None:
    assert judge(lambda made: whole(made, busy=(5, 6), taken=0.7, threads=STARVED)).verdict == "fail"


@pytest.mark.parametrize(("bad", "said"), [(100, "fail"), (25, "invalid")])
def test_a_share_that_is_off_by_more_than_the_starved_time_explains_stays_a_fail(
    judge: Judge, bad: int, said: str
) -> None:
    # One of five seconds is starved.
    def a_fifth(made: Plan) -> list[Measurement]:
        return whole(made, busy=(3,), taken=0.7, threads=STARVED)

    assert judge(a_fifth, bad=bad, phases=(1, 2, 5, 2)).verdict == said


@pytest.mark.parametrize(("tries", "said"), [(5, "fail"), (2, "invalid")])
def test_so_does_an_amplification_that_want_of_time_cannot_explain(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Any, started: Target, tries: int, said: str
) -> None:
    made = make_plan(of=started, expect=["retry_amplification <= 1.5 in fault"], phases=(1, 2, 5, 2))
    requests = rows(made)
    attempts = [attempt(row) for row in requests for _ in range(tries)]
    samples = whole(made, busy=(3,), taken=0.7, threads=STARVED)
    result = concluded(make_evidence(made, requests=requests, attempts=attempts, measurements=samples))
    assert result.verdict == said, (result.findings, result.quality.instrument)


def test_a_pass_beside_others_is_a_pass_since_want_of_time_makes_nothing_better(judge: Judge) -> None:
    result = judge(
        lambda made: whole(made, busy=range(7), taken=0.7, threads=STARVED), bad=0, expect="good_ratio >= 0.5 in fault"
    )
    assert result.verdict == "pass"
    assert [load.phase for load in result.quality.instrument] == ["warmup", "baseline", "fault", "recovery"]
    assert result.quality.instrument[2].taken == pytest.approx(0.7)


def test_who_was_busy_is_named_beside_another_reason_to_distrust_a_run(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, started: Target
) -> None:
    made = make_plan(of=started)
    unsteady = rows(made, lambda index, due_s: {"outcome": "timed_out"} if 1 <= due_s < 3 else {})
    busy, quiet = (
        concluded(make_evidence(made, requests=unsteady, measurements=whole(made, busy=range(7), taken=taken)))
        for taken in (0.7, 0.1)
    )
    assert busy.verdict == quiet.verdict == "invalid"
    assert "other processes took 70 % of the processors" in busy.reason
    assert "other processes" not in quiet.reason


def test_the_processors_that_another_virtual_machine_had_are_taken_too(judge: Judge) -> None:
    result = judge(
        lambda made: whole(made, busy=FAULT, taken=0.0, ours=0.6, steal=0.4, threads={"assistant": (0.1, 0.89)})
    )
    assert result.verdict == "fail"  # most of the wait is its own
    result = judge(
        lambda made: whole(made, busy=FAULT, taken=0.0, ours=0.1, steal=0.9, threads={"assistant": (0.1, 0.89)})
    )
    assert result.verdict == "invalid"


def test_what_a_service_that_runs_already_burns_more_when_it_is_broken_is_not_blamed_on_others(
    judge: Judge, make_target: Callable[..., Target]
) -> None:
    def burning(made: Plan) -> list[Measurement]:
        return whole(made, busy=FAULT, taken=0.7, threads={"wire": (0.3, 0.65)})

    assert judge(burning).verdict == "invalid"
    assert judge(burning, of=make_target()).verdict == "fail"


def test_where_the_machine_tells_nothing_that_is_not_measured_and_never_0(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    made = make_plan()
    samples = [Machine(s, 1.0, 2) for s in range(7)] + [late(s, place=8) for s in range(7)]
    (load, *_) = loads(make_evidence(made, measurements=samples))
    assert (load.busy, load.taken, load.pressure, load.starved) == (None, None, None, None)
    assert load.late["wire"].p99_ms == 500.0


def test_a_loop_that_is_later_than_can_be_told_has_no_figure(make_plan: MakePlan, make_evidence: MakeEvidence) -> None:
    made = make_plan()
    result = concluded(make_evidence(made, measurements=[late(s, place=len(EDGES_MS)) for s in range(7)]))
    assert result.quality.instrument[0].late_ms["wire"].p99 is None
