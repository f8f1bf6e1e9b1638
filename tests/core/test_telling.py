"""The sentences of every metric there is, said of one thing and of several."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.judging.metrics import metrics
from harness.judging.metrics.telling import Said

SEVERAL_OF_ONE = re.compile(r"\b1 (?!s\b)(whole )?\w+s\b|\b1 \w+( in fault)? were\b|\b1 tries\b")
ONE_OF_SEVERAL = re.compile(
    r"\b3 (job|effect|request|attempt|connection|answer|whole answer|time|token|try)\b|\b3 \w+( in fault)? was\b"
)


def said(value: str, *, part: str = "", wants_low: bool = True) -> Said:
    return Said(
        title=f"Effects {part}", value=value, share="50 %", limit="2", limit_share="20 %", should="2 or less", where=" in fault",
        fault="the fault", number=float(value), bound=2, wants_low=wants_low, censored=False,
    )  # fmt: skip


def sentences(value: str) -> list[str]:
    found = [metrics[name] for name in metrics]
    both = [said(value, part="duplicated"), said(value, part="duplicated", wants_low=False)]
    return [tell(one) for metric in found for one in both for tell in (metric.broken, metric.held)]


def test_no_sentence_speaks_of_one_thing_as_of_several() -> None:
    assert [one for one in sentences("1") if SEVERAL_OF_ONE.search(one)] == []


def test_no_sentence_speaks_of_several_things_as_of_one() -> None:
    assert [one for one in sentences("3") if ONE_OF_SEVERAL.search(one)] == []


@pytest.mark.parametrize(
    ("metric", "one", "three"),
    [
        ("side_effects", "1 effect was duplicated in fault", "3 effects were duplicated in fault"),
        ("retry_burst", "at most 1 try again came at one moment in fault", "at most 3 tries again came at one moment in fault"),
        ("queue_depth", "1 job waited at once in fault, at the most", "3 jobs waited at once in fault, at the most"),
    ],
)  # fmt: skip
def test_what_is_counted_is_said_in_the_right_number(metric: str, one: str, three: str) -> None:
    assert [metrics[metric].held(said(value, part="duplicated")) for value in ("1", "3")] == [one, three]


def test_a_number_with_a_fraction_is_of_several() -> None:
    assert metrics["tokens_per_request"].held(said("1.00")) == "a request took 1.00 tokens at the providers in fault"


@pytest.mark.parametrize(
    ("part", "held"),
    [
        ("", "a request became 3 attempts at the providers in fault"),
        ("presses", "clients asked 3 times for a request in fault"),
        ("steps", "a request was made up of 3 calls of providers in fault"),
    ],
)
def test_each_part_of_retry_amplification_is_told_by_what_it_counts(part: str, held: str) -> None:
    metric = metrics["retry_amplification"]
    three = replace(said("3"), title=metric.part_titles.get(part, metric.title))
    assert metric.held(three) == held
    assert metric.broken(three) == f"{held.replace('a request', 'every request')}; the limit is 2"
