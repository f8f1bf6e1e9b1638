"""A soak tells a process that grows from one that does not, and a history with something missing from a whole one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks import soak

NOISE = np.random.default_rng(7).normal(0.0, 1.0, 48)
HOUR = np.arange(48.0)  # cycles that are looked at


def said(values: Any, bound: float = 8.0) -> str:
    return soak.growth(np.asarray(values).tolist()).said(bound)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (60 + NOISE, "flat"),
        (60 + 0 * NOISE, "flat"),
        (60 + HOUR / 16 + NOISE, "flat"),  # 2.9 MB until the end
        (60 + HOUR / 3 + NOISE, "grows"),  # 16 MB
        (60 + 20 * (HOUR // 12) + NOISE, "grows"),  # in steps
        (60 + 40 * NOISE, "cannot say"),
        ([60, 60, 60], "cannot say"),
        ([60], "cannot say"),
    ],
)
def test_what_grows_is_told_from_what_only_varies(values: Any, word: str) -> None:
    assert said(values) == word


def test_of_what_wanders_it_is_hardly_ever_said_that_it_grows() -> None:
    """A value that hangs on the one before counts for less: taken as one of its own, one in five of these would have grown."""
    drawn = np.random.default_rng(1)
    words = list[str]()
    for _ in range(200):
        steps, wanders = drawn.normal(0.0, 10.0, 48), np.zeros(48)
        for at in range(1, 48):
            wanders[at] = 0.7 * wanders[at - 1] + steps[at]
        words.append(soak.growth(wanders.tolist()).said(0.0))
    assert words.count("grows") <= 14, "2.5 % of 200, and what chance and a short series add"


def samples(pid_9_stays: bool = False) -> list[dict[str, Any]]:
    """Twenty minutes in which 7 opens a handle in each of them, and all swing with the faults by a hundred."""
    found = []
    for at_s in range(0, 1_200, 2):
        swings = 50 + 50 * np.sin(2 * np.pi * at_s / soak.CYCLE_S)
        processes = {"7": ["harness", 60.0, 30 + at_s / 60 + swings], "8": ["wire", 40.0 + swings, 20 + swings]}
        found.append(
            {"at_s": 5.0 + at_s, "processes": processes | ({"9": ["x", 1, 1]} if at_s < 9 or pid_9_stays else {})}
        )
    return found


@pytest.mark.parametrize(
    ("settling", "word"),
    [(300 * np.ones(24), "cannot say"), (180 + 5 * np.arange(24.0), "cannot say"), (100 * np.ones(24), "grows")],
)
def test_who_has_no_more_than_before_it_settled_is_not_said_to_grow(settling: Any, word: str) -> None:
    """On a machine that is busy for a while fewer connections are kept; a process that loses some never has as few again."""
    values = [*settling, *(120 + 5 * np.arange(36.0) + NOISE[:36])]
    found = [
        {"at_s": soak.CYCLE_S * at + 1.0, "processes": {"7": ["wire", 40.0, handles]}}
        for at, handles in enumerate(values)
    ]
    (row,) = [one for one in soak.judged(found, 0.0, 3_600.0, 24) if (one.process, one.of) == ("wire", "handles")]
    assert (row.said, row.growth.said(row.bound)) == (word, "grows")


def test_memory_and_handles_of_each_process_that_stays_are_judged_however_they_swing_with_the_faults() -> None:
    rows = soak.judged(samples(), 5.0, 1_205.0)
    assert [(row.process, row.of, row.said) for row in rows] == [
        ("all", "MB", "flat"),
        ("all", "handles", "grows"),
        ("all", "processes", "flat"),
        ("harness", "MB", "flat"),
        ("harness", "handles", "grows"),
        ("wire", "MB", "flat"),
        ("wire", "handles", "flat"),
    ]
    assert [row.most for row in rows if row.process == "wire"] == pytest.approx([140.0, 120.0], abs=0.5)
    assert "| harness | handles |" in "\n".join(soak.shown(rows))


def test_processes_that_are_begun_and_never_end_grow_too() -> None:
    more = [
        {
            "at_s": one["at_s"],
            "processes": one["processes"] | {str(pid): ["x", 0.1, 1] for pid in range(100, 100 + i // 60)},
        }
        for i, one in enumerate(samples())
    ]
    assert next(row.said for row in soak.judged(more, 5.0, 1_205.0) if row.of == "processes") == "grows"


def test_cycles_that_nobody_looked_at_say_nothing() -> None:
    assert soak.judged([one for one in samples() if not 300 < one["at_s"] < 420], 5.0, 1_205.0) == []
    assert soak.judged(samples(), 5.0, 30.0) == []


def test_all_faults_come_and_go_as_before_after_a_cycle() -> None:
    for fault in soak.FLAPPING:
        assert soak.CYCLE_S % float(fault["flap"]["period"].removesuffix("s")) == 0


HISTORY: list[dict[str, Any]] = [
    {"type": "begun", "requests": 3, "faults": [{"id": "late.1"}, {"id": "late.2"}]},
    *(
        {"type": verb, "fault": fault}
        for fault in ("late.1", "late.2")
        for verb in ("injecting", "injected", "reverting", "reverted")
    ),
    {"type": "ended", "reason": "completed"},
]


def test_a_whole_history_is_whole_and_whatever_is_missing_is_told() -> None:
    assert soak.incomplete(HISTORY, [2, 0, 1]) == []
    assert soak.incomplete(HISTORY, [0, 1]) == ["2 of 3 requests have a row, 2 rows in all"]
    assert soak.incomplete(HISTORY, [0, 1, 2, 2]) == ["3 of 3 requests have a row, 4 rows in all"]
    assert soak.incomplete([*HISTORY[:5], *HISTORY[6:]], [0, 1, 2]) == ["late.2: not once injecting"]
    failed = [{**event, "error": "no answer"} if event.get("type") == "reverted" else event for event in HISTORY]
    assert soak.incomplete(failed, [0, 1, 2]) == ["late.1: not once reverted", "late.2: not once reverted"]
    assert soak.incomplete([*HISTORY[:-1], {"type": "ended", "reason": "crashed"}], [0, 1, 2])[0].startswith(
        "the run ended"
    )


def test_processes_are_called_by_what_they_are() -> None:
    assert soak.named(["python", "-m", "harness.reference.resilient", "--port", "1", "--region", "east"], "python") == (
        "reference.resilient 1 east"
    )
    assert soak.named(["/cache/toxiproxy-server", "-port", "1"], "toxiproxy-server") == "toxiproxy-server"
    assert soak.named(["/venv/bin/redis-server 127.0.0.1:6380"], "redis-server") == "redis-server 6380"
