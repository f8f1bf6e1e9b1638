"""Rows become tables on the run's clock, each attempt with its request, each request in the phase in which it was due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan, nan

import pandas as pd
import pytest
from simulated_world import tabled

from harness.judging import marks
from harness.judging.joining import derive_attempts, derive_requests
from harness.planning.plan import Plan
from harness.record.rows import Arrival, Attempt, Request
from harness.record.tables import table

MakePlan = Callable[..., Plan]

ROWS: list[Request | Attempt | Arrival] = [
    Request(0, 0, 100.5, sent_s=100.6, snapshot_version=3, overlapped=True),
    Attempt("link", 100.7, retry_count=1),
    Arrival("link", 100.8, tokens_in=7),
]


@pytest.mark.parametrize("row", ROWS)
def test_a_table_has_the_same_columns_and_types_however_many_rows_it_has(row: Request | Attempt | Arrival) -> None:
    one, none = table([row], type(row), 100.0), table([], type(row), 100.0)
    assert list(one.columns) == list(none.columns) == list(row.__struct_fields__)
    assert one.dtypes.to_dict() == none.dtypes.to_dict()


def test_every_instant_is_moved_to_the_clock_of_the_run() -> None:
    request, attempt, arrival = (table([row], type(row), 100.0).iloc[0] for row in ROWS)
    assert request["due_s"] == pytest.approx(0.5)
    assert request["sent_s"] == pytest.approx(0.6)
    assert isnan(request["end_s"])
    assert attempt["start_s"] == pytest.approx(0.7)
    assert arrival["start_s"] == pytest.approx(0.8)


def test_what_was_not_said_is_not_a_number() -> None:
    frame = table([Request(0, 0, 1.0), Request(1, 0, 1.0, snapshot_version=2)], Request, 0.0)
    assert frame["snapshot_version"].isna().to_list() == [True, False]
    assert frame["snapshot_version"].dropna().to_list() == [2]


def requests(plan: Plan, *rows: Request, attempts: list[Attempt] | None = None) -> pd.DataFrame:
    asked = tabled(rows, Request)
    tried = derive_attempts(plan, tabled(attempts or [], Attempt), asked)
    return derive_requests(plan, asked, tried).frame


@pytest.mark.parametrize(
    ("due_s", "phase"),
    [(-0.001, "warmup"), (0.0, "warmup"), (0.999, "warmup"), (1.0, "baseline"), (2.999, "baseline"), (3.0, "fault"),
     (5.0, "recovery"), (6.999, "recovery"), (7.5, "recovery")],
)  # fmt: skip
def test_a_request_belongs_to_the_phase_in_which_it_was_due(make_plan: MakePlan, due_s: float, phase: str) -> None:
    # However late it was sent and answered.
    assert requests(make_plan(), Request(0, 0, due_s, sent_s=6.0, end_s=6.5))["phase"].to_list() == [phase]


@pytest.mark.parametrize(
    ("row", "good", "latency_ms"),
    [
        (Request(0, 0, 1.0, end_s=3.0, first_token_s=1.5, outcome="complete"), True, 2000.0),
        (Request(0, 0, 1.0, end_s=5.0, first_token_s=1.5, outcome="complete"), True, 4000.0),
        (Request(0, 0, 1.0, end_s=5.001, first_token_s=1.5, outcome="complete"), False, 4001.0),
        (Request(0, 0, 1.0, sent_s=4.0, end_s=5.5, outcome="complete"), False, 4500.0),  # counted from when it was due
        (Request(0, 0, 1.0, end_s=1.1, outcome="error", status=503), False, nan),  # a quick refusal is no low latency
        (Request(0, 0, 1.0, end_s=1.1, outcome="empty", status=200), False, nan),
        (Request(0, 0, 1.0, outcome="unfinished"), False, nan),
        (Request(0, 0, 1.0, outcome="not_sent"), False, nan),
    ],
)
def test_good_is_complete_and_in_time(make_plan: MakePlan, row: Request, good: bool, latency_ms: float) -> None:
    derived = requests(make_plan(), row).iloc[0]
    assert derived["good"] == good
    assert derived["latency_ms"] == pytest.approx(latency_ms, nan_ok=True)


def test_attempts_are_joined_by_nonce_and_counted_where_their_request_was_due(make_plan: MakePlan) -> None:
    plan = make_plan()
    asked = tabled([Request(0, 0, 2.9, nonce="n-a"), Request(1, 0, 3.1, nonce="n-b")], Request)
    tries = [
        Attempt("east", 4.0, "n-a", retry_count=1, end_s=4.5),
        Attempt("east", 3.0, "n-a", retry_count=0, end_s=3.9),
        Attempt("west", 5.0, "n-a", retry_count=0),
        Attempt("west", 5.5, "n-a", retry_count=0),
        Attempt("east", 3.5, "n-c"),
        Attempt("east", 3.6, ""),
    ]
    found = derive_attempts(plan, tabled(tries, Attempt), asked)
    tried = found.frame
    assert list(zip(tried["start_s"], tried["request"], tried["layer"], tried["phase"], strict=True)) == [
        (3.0, 0, "first", "baseline"),
        (3.5, -1, "", ""),
        (3.6, -1, "", ""),
        (4.0, 0, "sdk", "baseline"),
        (5.0, 0, "failover", "baseline"),
        (5.5, 0, "repeat", "baseline"),
    ]
    assert derive_requests(plan, asked, found).numbers("attempts").tolist() == [4, 0]


def test_a_nonce_that_two_requests_carry_joins_to_neither(make_plan: MakePlan) -> None:
    rows = [Request(0, 0, 3.0, nonce="n-a"), Request(1, 0, 3.1, nonce="n-a"), Request(2, 0, 3.2, nonce="n-b")]
    tries = [Attempt("east", 3.5, "n-a"), Attempt("east", 3.5, "n-b")]
    assert requests(make_plan(), *rows, attempts=tries)["attempts"].to_list() == [0, 0, 1]


def test_a_request_that_was_written_twice_keeps_its_attempts(make_plan: MakePlan) -> None:
    rows = [Request(0, 0, 3.0, nonce="n-a")] * 2
    assert requests(make_plan(), *rows, attempts=[Attempt("east", 3.5, "n-a")])["attempts"].to_list() == [1, 1]


@pytest.mark.parametrize("indexes", [range(5), (2, 3, 5, 8, 13), (0, 1, 1, 2, 4)])
def test_attempts_are_counted_wherever_their_request_lies_in_whichever_piece_of_the_table(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch, indexes: Sequence[int]
) -> None:
    monkeypatch.setattr(marks, "_AT_ONCE", 2)
    plan = make_plan()
    asked = tabled([Request(index, 0, 3.0 + index, nonce=f"n-{index}") for index in indexes], Request)
    tries = [Attempt("east", 3.5 + index + 0.1 * n, f"n-{index}") for index in {*indexes} for n in range(index % 3)]
    found = derive_attempts(plan, tabled([*tries, Attempt("east", 9.0, "n-x")], Attempt), asked)
    assert derive_requests(plan, asked, found).numbers("attempts").tolist() == [index % 3 for index in indexes]
    layers = zip(found.numbers("request").tolist(), found.words("layer").tolist(), strict=True)
    alone, twice = [index for index in {*indexes} if index % 3 == 1], [index for index in {*indexes} if index % 3 == 2]
    expected = [(index, "first") for index in (*alone, *twice)] + [(index, "repeat") for index in twice]
    assert sorted(layers) == sorted([*expected, (-1, "")])


def test_without_rows_there_are_tables_all_the_same(make_plan: MakePlan) -> None:
    plan = make_plan()
    asked = tabled([], Request)
    found = derive_attempts(plan, tabled([], Attempt), asked)
    derived, tried = derive_requests(plan, asked, found).frame, found.frame
    assert (len(derived), len(tried)) == (0, 0)
    assert {"phase", "good", "latency_ms", "ttft_ms", "attempts"} <= set(derived.columns)
    assert {"request", "layer", "phase"} <= set(tried.columns)
    assert derived["good"].dtype == bool
