"""A soak tells a process that grows from one that does not, and a history with something missing from a whole one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks import soak

NOISE = np.random.default_rng(7).normal(0.0, 1.0, 480)
HOUR_S = np.linspace(0.0, 2880.0, 480)


def said(values: Any, bound: float = 8.0) -> str:
    found = soak.growth(HOUR_S.tolist(), np.asarray(values).tolist())
    assert found is not None
    return found.said(bound)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (60 + NOISE, "flat"),
        (60 + 10 * np.sin(HOUR_S / 20) + NOISE, "flat"),
        (60 + HOUR_S / 1000 + NOISE, "flat"),  # 2.9 MB in the hour
        (60 + HOUR_S / 200 + NOISE, "grows"),  # 14 MB
        (60 + 20 * (HOUR_S // 700) + NOISE, "grows"),  # in steps
        (60 + 40 * NOISE, "cannot say"),
    ],
)
def test_what_grows_is_told_from_what_only_varies(values: Any, word: str) -> None:
    assert said(values) == word


def test_a_few_samples_say_nothing() -> None:
    assert soak.growth([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]) is None


def test_memory_and_handles_of_each_process_that_stays_are_judged() -> None:
    samples = [
        {
            "at_s": at_s,
            "processes": {
                "7": ["harness", 60.0, 30 + at_s / 100],
                "8": ["wire", 40.0, 20],
                **({"9": ["x", 1, 1]} if at_s < 9 else {}),
            },
        }
        for at_s in range(2_000)
    ]
    rows = soak.judged(samples, 0.0, 2_000.0)
    assert [(row.process, row.of, row.said) for row in rows] == [
        ("harness", "MB", "flat"),
        ("harness", "handles", "grows"),
        ("wire", "MB", "flat"),
        ("wire", "handles", "flat"),
    ]
    assert "| harness | handles |" in "\n".join(soak.shown(rows))


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
