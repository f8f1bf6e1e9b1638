"""A load that is a trace: which rows are due when, of which conversation, sent by whom, and what of it cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_world import Memory, Plain, SimWorld

from harness.judging.sample import planned, rate_per_s
from harness.planning.outline import outline
from harness.planning.plan import Plan, laid_out, plan
from harness.planning.recorded import Recorded
from harness.planning.replay import recorded
from harness.planning.schedule import Schedule, Share, turns
from harness.problems import Problem
from harness.protocols.asking import ResolvedAsk
from harness.reading.expectation import Selection
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.reading.traces import Trace
from harness.record.run_folder import RunFolder
from harness.record.trace_file import read_due, write_due
from harness.running import loop
from harness.running.load.plan import LoadPlan, PlannedQuestion

# warm-up to 1 s, baseline to 3 s, fault to 5 s, recovery to 7 s
EVEN_S = [index / 8 for index in range(80)]
MakeScenario = Callable[..., Scenario]


def traced(at_s: list[float], **columns: Any) -> Trace:
    arrays = {name: values if name == "question" else np.array(values, np.int64) for name, values in columns.items()}
    return Trace("t.csv", "harness", "", np.array(at_s, np.float64), **arrays)


def replayed(
    make_scenario: MakeScenario, trace: Trace, *, questions: tuple[str, ...] = (), load: Any = None, **options: Any
) -> tuple[Recorded, list[Problem]]:
    scenario = scenario_of(make_scenario, load=load, **options)
    return recorded(trace, scenario.load, laid_out(scenario), questions)


def scenario_of(make_scenario: MakeScenario, *, load: Any = None, **options: Any) -> Scenario:
    drive = {"questions": "q.yaml", "deadline": "4s", "shape": {"trace": {"file": "t.csv"} | options}} | (load or {})
    usual = make_scenario().model_dump(by_alias=True, exclude={"load", "phases"}, exclude_unset=True)
    phases = {"warmup": "1s", "baseline": "2s", "fault": "2s", "recovery": "2s"}
    return Scenario.model_validate(usual | {"load": drive, "phases": phases, "faults": []})


def load_plan(of: Recorded | Schedule, questions: int = 4) -> LoadPlan:
    return LoadPlan(
        run_id="r",
        schedule=of,
        entries={"east": "http://127.0.0.1:1", "west": "http://127.0.0.1:2"},
        questions=tuple(PlannedQuestion(f"q{number}", "?") for number in range(questions)),
        ask=ResolvedAsk("json"),
        in_flight_max=10,
        rows_dir="/tmp",
        ready_path="/tmp/ready",
        start_path="/tmp/start",
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [at_s for at_s in EVEN_S if at_s < 7]),
        ({"from": "1s"}, [at_s - 1 for at_s in EVEN_S if 1 <= at_s < 8]),
        ({"speed": 0.5}, [2 * at_s for at_s in EVEN_S if 2 * at_s < 7]),
        ({"speed": 1.25}, [at_s / 1.25 for at_s in EVEN_S if at_s / 1.25 < 7]),
        ({"from": "2s", "to": "9s"}, [at_s - 2 for at_s in EVEN_S if 2 <= at_s < 9]),
        ({"to": "2s", "loop": True}, [at_s + 2 * again for again in range(4) for at_s in EVEN_S[:16] if at_s + 2 * again < 7]),
        (
            {"from": "1s", "to": "3s", "loop": True, "speed": 2},
            [(at_s - 1 + 2 * again) / 2 for again in range(7) for at_s in EVEN_S[8:24] if (at_s - 1 + 2 * again) / 2 < 7],
        ),
    ],
)  # fmt: skip
def test_requests_are_due_when_the_trace_says_exactly(
    make_scenario: MakeScenario, options: dict[str, Any], expected: list[float]
) -> None:
    made, problems = replayed(make_scenario, traced(EVEN_S), **options)
    assert problems == []
    assert list(made.due_times()) == expected
    assert made.requests == len(expected)


def test_a_trace_that_begins_anew_does_so_after_an_average_gap(make_scenario: MakeScenario) -> None:
    made, problems = replayed(make_scenario, traced([0.0, 1.0, 4.0]), loop=True)
    assert problems == []
    assert list(made.due_times()) == [0.0, 1.0, 4.0, 6.0]


def test_scaled_to_a_rate_it_keeps_its_shape(make_scenario: MakeScenario) -> None:
    made, problems = replayed(make_scenario, traced(EVEN_S), rate="scaled", to="10s", load={"rate_per_s": 10})
    assert problems == []
    assert list(made.due_times()) == [at_s / 1.25 for at_s in EVEN_S if at_s / 1.25 < 7]
    assert made.requests == 70


@given(
    st.lists(st.floats(0, 6.9), min_size=1, max_size=60).map(sorted),
    st.lists(st.integers(0, 5), min_size=60, max_size=60),
    st.integers(1, 5),
    st.booleans(),
)
def test_workers_send_every_request_once_and_each_conversation_stays_on_one(
    at_s: list[float], conversations: list[int], workers: int, told: bool
) -> None:
    columns = {"conversation": np.array(conversations[: len(at_s)], np.int64).tobytes()} if told else {}
    plan_ = load_plan(Recorded(np.array(at_s).tobytes(), **columns))
    shares = [list(turns(plan_, Share(number, workers))) for number in range(workers)]
    everything = sorted((turn for share in shares for turn in share), key=lambda turn: turn.index)
    assert [(turn.index, turn.due_s) for turn in everything] == list(enumerate(at_s))
    homes = {(turn.conversation, number) for number, share in enumerate(shares) for turn in share}
    assert len(homes) == len({turn.conversation for turn in everything})
    if not told:
        assert all(turn.index % workers == number for number, share in enumerate(shares) for turn in share)


def test_the_trace_says_which_request_is_a_turn_of_which_conversation(make_scenario: MakeScenario) -> None:
    made, _ = replayed(make_scenario, traced([0, 1, 2, 3, 8], conversation=[0, 1, 0, 0, 1]))
    sent = list(turns(load_plan(made)))
    assert [(turn.conversation, turn.turn, turn.entry) for turn in sent] == [(0, 0, 0), (1, 0, 1), (0, 1, 1), (0, 2, 0)]
    assert made.conversations == 2


def test_conversations_of_the_next_round_are_others(make_scenario: MakeScenario) -> None:
    made, _ = replayed(make_scenario, traced([0, 1], conversation=[0, 0]), loop=True, to="2s")
    assert [(turn.conversation, turn.turn) for turn in turns(load_plan(made))] == [
        *((again, turn) for again in range(3) for turn in range(2)),
        (3, 0),
    ]


def test_without_conversations_two_turns_of_one_are_a_gap_apart() -> None:
    at_s = sorted([*EVEN_S, 3.01, 3.02, 3.03])
    made = Recorded(np.array(at_s).tobytes(), turn_gap_s=1.0)
    by_conversation: dict[int, list[float]] = {}
    for turn in turns(load_plan(made)):
        by_conversation.setdefault(turn.conversation, []).append(turn.due_s)
    assert len(by_conversation) == made.conversations == 11
    assert all(later - earlier >= 1.0 for due in by_conversation.values() for earlier, later in pairwise(due))


def test_questions_that_the_trace_names_are_asked_and_others_are_drawn(make_scenario: MakeScenario) -> None:
    trace = traced([0, 1, 2, 8], question=("b", "", "a", "b"))
    made, problems = replayed(make_scenario, trace, questions=("a", "b"))
    assert problems == []
    asked = [turn.question for turn in turns(load_plan(made, questions=2))]
    assert (asked[0], asked[2]) == (1, 0)
    assert asked[1] in (0, 1)
    _, (problem,) = replayed(make_scenario, trace, questions=("a", "c"))
    assert "names question 'b', which the questions file does not have" in problem.what


def test_a_trace_that_names_another_question_ends_the_turns_of_the_one_before(make_scenario: MakeScenario) -> None:
    trace = traced([0, 1, 2, 3, 4, 8], conversation=[0] * 6, question=("a", "", "a", "b", "a", ""))
    made, _ = replayed(make_scenario, trace, questions=("a", "b"))
    several = (PlannedQuestion("a", "?", turns=("and?", "then?")), PlannedQuestion("b", "?", turns=("so?",)))
    sent = turns(msgspec.structs.replace(load_plan(made), questions=several))
    assert [(turn.question, turn.step) for turn in sent] == [(0, 0), (0, 1), (0, 2), (1, 0), (0, 0)]


def test_sizes_are_asked_for_or_left_alone(make_scenario: MakeScenario) -> None:
    trace = traced([0, 1, 8], tokens_in=[100, -1, 5], tokens_out=[7, 8, 9])
    with_, _ = replayed(make_scenario, trace, sizes=True)
    without, _ = replayed(make_scenario, trace)
    assert [(turn.tokens_in, turn.tokens_out) for turn in turns(load_plan(with_))] == [(100, 7), (-1, 8)]
    assert [(turn.tokens_in, turn.tokens_out) for turn in turns(load_plan(without))] == [(-1, -1), (-1, -1)]
    _, (problem,) = replayed(make_scenario, traced([0, 8]), sizes=True)
    assert problem.path == "load.shape.trace.sizes"


@pytest.mark.parametrize(
    ("at_s", "options", "path", "said"),
    [
        ([0, 1, 2], {}, "", "t.csv is 3 s long, and the load lasts 7 s; write loop: true to begin it anew, a lower"),
        (EVEN_S, {"speed": 2}, "", "t.csv is 5 s long at 2 times its speed, and the load lasts 7 s; write loop: true"),
        (EVEN_S, {"from": "20s"}, "", "no row of the trace comes at 20 s or later; it is 10 s long"),
        ([0, 9], {"from": "1s", "to": "2s"}, "", "no row of the trace comes at 1 s or later and before 2 s; it is 18 s long"),
        (EVEN_S, {"to": "11s"}, ".to", "11 s is behind the end of the trace, which is 10 s long"),
        ([0, 0], {"loop": True}, ".to", "all of its rows come at its very beginning; write to: how long it is"),
        ([0, 1e-7], {"loop": True}, "", "35,000,000 times its 2 rows are more than the 16773120 that a run can tell apart"),
    ],
)  # fmt: skip
def test_a_trace_that_does_not_fit_the_run_is_refused_with_what_would(
    make_scenario: MakeScenario, at_s: list[float], options: dict[str, Any], path: str, said: str
) -> None:
    _, (problem,) = replayed(make_scenario, traced(at_s), **options)
    assert problem.path == f"load.shape.trace{path}"
    assert problem.what.startswith(said)


def test_one_row_is_a_load_where_it_is_said_how_long_it_lasts(make_scenario: MakeScenario) -> None:
    made, problems = replayed(make_scenario, traced([0.0]), to="500ms", loop=True)
    assert problems == []
    assert list(made.due_times()) == [index / 2 for index in range(14)]


@pytest.mark.parametrize(
    ("load", "said"),
    [
        ({"arrivals": "poisson"}, "so arrivals would change nothing"),
        ({"jitter": 0.1, "cv": 3}, "so cv and jitter would change nothing"),
        ({"rate_per_s": 5}, "so rate_per_s would change nothing; for another rate write trace"),
    ],
)
def test_what_a_trace_makes_idle_is_refused(make_scenario: MakeScenario, load: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        scenario_of(make_scenario, load=load)


@pytest.mark.parametrize("options", [{"from": "3s", "to": "3s"}, {"rate": "scaled", "speed": 2.0}])
def test_a_part_ends_after_it_begins_and_one_thing_says_how_fast(make_scenario: MakeScenario, options: Any) -> None:
    with pytest.raises(ValueError, match=r"has to be later than|write one of them"):
        scenario_of(make_scenario, **options)


def test_in_a_phase_in_which_load_is_shed_so_much_of_it_is_left(make_scenario: MakeScenario) -> None:
    scenario = scenario_of(make_scenario, load={"shed_to": 0.25})
    phases = {"warmup": 1.0, "baseline": 2.0, "load_shed": 2.0, "recovery": 2.0}
    made, _ = recorded(traced(EVEN_S), scenario.load, laid_out(scenario.model_copy(update={"phases": phases})), ())
    assert [made.due_between(at_s, at_s + 2) for at_s in (1, 3, 5)] == [16, 4, 16]


def planned_with(make_scenario: MakeScenario, target: Target, trace: Trace, **options: Any) -> Plan:
    scenario = scenario_of(make_scenario, **options)
    made, problems = recorded(trace, scenario.load, laid_out(scenario), ())
    whole, unfit = plan(scenario, target, (), recorded=made)
    assert [*problems, *unfit] == []
    return whole


def test_how_many_requests_there_will_be_is_known_exactly(make_scenario: MakeScenario, target: Target) -> None:
    trace = traced([*EVEN_S[:30], *(4 + index / 100 for index in range(100)), 9.0])
    made = planned_with(make_scenario, target, trace, to="9s")
    assert [planned(made, Selection(name)) for name in ("baseline", "fault", "recovery")] == [16, 106, 0]
    assert rate_per_s(made, Selection("fault")) == 53
    assert made.schedule.most_per_s == 100
    assert made.schedule.per_s_at(4.5) == 100
    assert made.schedule.per_s_at(6.9) == 0


def test_a_plan_draws_the_curve_of_a_trace_and_says_which(make_scenario: MakeScenario, target: Target) -> None:
    trace = traced([*EVEN_S[:32], *(4 + index / 80 for index in range(80)), *(5 + index / 8 for index in range(40))])
    text = "\n".join(outline(planned_with(make_scenario, target, trace, **{"from": "1s"}, speed=1.25)))
    (drawn,) = [line for line in text.splitlines() if line.startswith("load, to")]
    assert drawn.split()[-1].count("█") >= 5
    assert "per second on average, as in t.csv from 1 s at 1.25 times its speed)" in text


def test_a_baseline_in_which_the_trace_is_silent_is_refused(make_scenario: MakeScenario, target: Target) -> None:
    scenario = scenario_of(make_scenario)
    made, _ = recorded(traced([0.5, 3.5, 8.0]), scenario.load, laid_out(scenario), ())
    _, (problem,) = plan(scenario, target, (), recorded=made)
    assert problem.path == "phases.baseline"


def test_what_is_drawn_once_a_conversation_is_refused_where_the_trace_says_which_those_are(
    make_scenario: MakeScenario, target: Target
) -> None:
    fault = {"kind": "http_error", "on": {"kind": "provider"}, "status": 503, "share": 0.5, "per": "conversation"}
    for columns, refused in (({"conversation": [0] * 80}, True), ({}, False)):
        written = scenario_of(make_scenario).model_dump(by_alias=True, exclude_unset=True, exclude={"phases"})
        phases = {"warmup": "1s", "baseline": "2s", "fault": "2s", "recovery": "2s"}
        written["load"] = {"questions": "q.yaml", "deadline": "4s", "shape": {"trace": "t.csv"}}
        scenario = Scenario.model_validate(written | {"faults": [fault], "phases": phases})
        made, _ = recorded(traced(EVEN_S, **columns), scenario.load, laid_out(scenario), ())
        _, problems = plan(scenario, target, (), recorded=made)
        assert ["drawn once a conversation" in problem.what for problem in problems] == [True] * refused


def test_what_is_sent_goes_to_the_load_child_and_back_whole() -> None:
    made = Recorded(np.array(EVEN_S).tobytes(), np.arange(80).tobytes(), tokens_in=np.arange(80).tobytes(), seed=3)
    whole = load_plan(made)
    assert msgspec.json.decode(msgspec.json.encode(whole), type=LoadPlan) == whole


def test_a_run_folder_holds_all_that_is_needed_to_know_when_each_was_due(tmp_path: Path) -> None:
    at_s = [index * math.pi / 7 for index in range(80)]
    folder = RunFolder(tmp_path)
    for made in (
        Recorded(np.array(at_s).tobytes()),
        Recorded(np.array(at_s).tobytes(), np.arange(80).tobytes(), b"", np.arange(80).tobytes()),
    ):
        write_due(folder, made)
        assert read_due(folder) == made


def test_a_simulated_run_sends_each_request_when_the_trace_says(make_scenario: MakeScenario, target: Target) -> None:
    made = planned_with(make_scenario, target, traced(EVEN_S, conversation=[index % 7 for index in range(80)]))
    sim = SimWorld(made, Plain, 1)
    evidence = sim.evidence(loop.run(made, sim.world, Memory()))
    assert evidence.requests["due_s"].tolist() == EVEN_S[:56]
    assert evidence.requests["conversation"].nunique() == 7
