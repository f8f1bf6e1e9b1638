"""The characteristics of the consistency of answers, where wrong ones come together: by question, by conversation and in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.judging.scoring import consistency
from harness.judging.scoring.answers import Given, Told
from harness.judging.scoring.consistency import Compared
from harness.record.columns import Words
from known_truth.arrivals import Floats, due
from known_truth.cells import SCORING, Cell, Need, Seen
from known_truth.failures import Bools, iid

RATE_PER_S = 20.0
CONVERSATION = 8  # requests, as many as a client asks one after another
RIGHT = 0.9
STANDS_ON = (
    *(
        SCORING / f"{name}.py"
        for name in ("answers", "consistency", "intervals", "clumps", "design_effect", "distributions", "shares")
    ),
    Path(__file__),
)


def compare(answers: pd.DataFrame, *publications: Any, told: pd.DataFrame | None = None, **asked: Any) -> Compared:
    """Answers in a frame, and what is *told* of each in another, held against what they should have said."""
    known = None if told is None else _told(told)
    return consistency.compare(Given.of(answers), *publications, told=known, **asked)


def _told(rows: pd.DataFrame) -> Told:
    right = rows["expected"].tolist()
    return Told(
        Words.of(rows["user"]),
        np.array([one is not None for one in right], np.bool_),
        np.array([one is True for one in right], np.bool_),
        rows["expected_of_another"].to_numpy(np.bool_),
    )


def _by(generator: np.random.Generator, cluster: np.ndarray, together: float) -> Bools:
    """Each cluster has a share of right answers of its own, `RIGHT` on average; the smaller *together*, the more they differ."""
    shares = generator.beta(RIGHT * together, (1 - RIGHT) * together, int(cluster.max()) + 1)
    right: Bools = generator.random(cluster.size) < shares[cluster]
    return right


def _stale(generator: np.random.Generator, due_s: Floats, length_s: float, every_s: float) -> Bools:
    """All are wrong for *length_s*, once in *every_s* on average; stretches may overlap."""
    number = generator.poisson((float(due_s[-1]) + length_s) / every_s)
    begins_s = generator.uniform(-length_s, due_s[-1], number)
    right: Bools = ~((due_s[:, None] >= begins_s) & (due_s[:, None] < begins_s + length_s)).any(axis=1)
    return right


def agreeing(
    made: Callable[[np.random.Generator, Floats, np.ndarray, np.ndarray], Bools],
    truth: float,
    span_s: float,
    questions: int,
    generator: np.random.Generator,
) -> Seen:
    """Answers of which it is known beforehand which are right."""
    due_s = due(generator, RATE_PER_S, span_s)
    question = generator.integers(0, questions, due_s.size)
    conversation = np.arange(due_s.size) % (due_s.size // CONVERSATION)
    right = made(generator, due_s, question, conversation)
    answers = pd.DataFrame(
        {
            "question": [f"q{i}" for i in question],
            "entry": "east",
            "conversation": [f"c{i}" for i in conversation],
            "turn": 0,
            "sent_s": due_s,
            "end_s": due_s + 0.1,
            "overlapped": False,
            "answer": np.where(right, "right", "wrong"),
            "snapshot_version": pd.array([pd.NA] * due_s.size, dtype="Int64"),
            "seen_version": pd.array([pd.NA] * due_s.size, dtype="Int64"),
        }
    )
    told = pd.DataFrame({"user": "", "expected": right.tolist(), "expected_of_another": False}, dtype=object)
    ratio = compare(answers, told=told).consistency().ratio
    held = ratio.low <= truth <= ratio.high
    return {"covered": held, "covered_where_shown": None if right.all() else held}


def cells() -> Iterator[Cell]:
    for span_s in (15.0, 40.0):
        kinds = {
            "each on its own": (lambda g, t, q, c: iid(g, t, RIGHT), RIGHT),
            "by question": (lambda g, t, q, c: _by(g, q, 4.0), RIGHT),
            "by conversation": (lambda g, t, q, c: _by(g, c, 3.0), RIGHT),
            "stale for 0.4 s every 4 s": (lambda g, t, q, c: _stale(g, t, 0.4, 4.0), exp(-0.1)),
        }
        if span_s == 40:
            kinds["stale for 2 s every 40 s"] = (lambda g, t, q, c: _stale(g, t, 2.0, 40.0), exp(-0.05))
        for kind, (made, truth) in kinds.items():
            for questions in (24, 8) if kind == "by question" else (24,):
                needs = [Need("covered", ">=", 0.88)]
                if "40 s" in kind:  # Every third run shows no stretch, and cannot know of any.
                    needs.append(Need("covered_where_shown", ">=", 0.88))
                yield Cell(
                    "answer_consistency: wrong answers together",
                    f"answer_consistency {span_s:g} s, {questions} questions, {kind}",
                    partial(agreeing, made, truth, span_s, questions),
                    tuple(needs),
                    STANDS_ON,
                )
