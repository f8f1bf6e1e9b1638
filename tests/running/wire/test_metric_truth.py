"""What metrics say of services made of real SDKs is what the providers and the service counted; a flawed one is told from a sound one.

`counted_truth` has who counts. Many runs, of more versions of the SDKs, are what `tests/benchmarks/metric_truth.py` makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest
from counted_truth import truths
from counted_truth.course import (
    LINKS,
    RUN,
    Counted,
    Course,
    Recorded,
    breaking,
    carried_out,
    limited,
    overloading,
    planned,
    refusing,
)
from counted_truth.provider import Providers, providing
from counted_truth.services import FLAWS, KEYS, SDKS, STREAM_FLAWS, Service

from harness.judging.metastable import metastable
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.reading.expectation import Selection
from harness.reading.quantities import plain

# The fault begins shortly after a request is due, and so it ends.
PHASES = {"warmup": 1, "baseline": 4.75, "fault": 15, "recovery": 4}
PUBLISHED_S = 6.25
FLAWED = dict.fromkeys(FLAWS, 0.8) | {"uncached": 1.0, "outdated": 1.0}
EXPECT = {
    "retry_after_obeyed >= 0.6 in fault": "pass",
    "waits_ignored <= 0.25 in fault": "pass",
    "non_retryable_retries <= 0.25 in fault": "pass",
    "duplicate_completions <= 0.25 in fault": "pass",
    "attempts_before_failover <= 4 in fault": "pass",
    "probes_per_s <= 3": "pass",
    "mislabelled_ratio <= 0.25 in fault": "pass",
    "cache_hit_ratio >= 0.13 in fault": "pass",
    "staleness_s.p50 <= 2 in fault": "pass",
    "tokens_per_request <= 70 in fault": "pass",
    "cost_per_good <= 0.1 in fault": "pass",
    "side_effects.duplicated <= 0 in fault": "pass",
    "side_effects.lost <= 0 in fault": "pass",
    "residency_violations <= 0 in fault": "pass",
    "credential_leaks <= 0 in fault": "pass",
}
"""What a sound service holds, and one with all its flaws breaks."""
AWAY = {
    f"{metric} <= 0.4 in {phase}": verdict
    for metric in ("fallback_ratio", "degraded_ratio")
    for phase, verdict in (("baseline", "pass"), ("fault", "fail"))
}
"""What is right of a sound one: it turns elsewhere while the east is broken, and then alone."""
SEEN_IN_BASELINE = ("fallback_ratio", "degraded_ratio", "cache_hit_ratio", "cost_per_good", "retry_amplification")


class Running:
    """Runs of a course with services of one API, all over one wire, since that takes longer to start than most of them."""

    def __init__(self, api: str, providers: Providers, wire: Any) -> None:
        self.sdk = SDKS[api]({link: f"http://127.0.0.1:{wire.tap(link)}" for link in LINKS})
        self.providers, self._recorded = providers, Recorded(wire.attempts, wire.arrivals)
        self._first = count(0, RUN)

    def __call__(self, course: Course, **service: Any) -> Counted:
        def begin() -> Any:
            return Service(self.sdk, **({"flaws": {}} | service)).answer

        return carried_out(course, self.providers, begin, self._recorded, next(self._first))


Start = Callable[[str], Running]


@pytest.fixture
def running(new_wire: Any) -> Iterator[Start]:
    with ExitStack() as ends:

        def start(api: str) -> Running:
            providers = ends.enter_context(providing(api, LINKS))
            run = Running(api, providers, new_wire(providers.urls, api=api, credentials=KEYS))
            ends.callback(run.sdk.close)
            return run

        yield start


def told(run: Counted, metric: str, phase: str | None, **selection: Any) -> Any:
    name, _, part = metric.partition(".")
    picked = Selection(phase if metrics[name].phased else None, **selection)
    return metrics[name].measure(pick(run.evidence, picked), part or None)


def differing(run: Counted, of: dict[str, truths.Truth], phase: str) -> dict[str, tuple[float, Any]]:
    """Metrics that say something else than was counted: what that was, and what they say; of a quantile, whose interval does."""
    both = {metric: (truth(run, phase), told(run, metric, phase)) for metric, truth in of.items()}

    def is_so(metric: str, counted: float, said: Any) -> bool:
        estimated = metric.startswith("staleness_s")
        return bool(said.low <= counted <= said.high if estimated else said.value == pytest.approx(counted))

    return {metric: (counted, said) for metric, (counted, said) in both.items() if not is_so(metric, counted, said)}


def verdicts(run: Counted) -> dict[str, str]:
    """What the expectations of its plan come to, without all else that a result has, which takes longer than the run."""
    picked = {str(one): (one, pick(run.evidence, one.selection)) for one in run.course.plan.expectations}
    return {text: one.judge(metrics[one.metric].measure(sample, one.part)) for text, (one, sample) in picked.items()}


@pytest.mark.parametrize("api", list(SDKS))
def test_what_metrics_say_of_a_service_is_what_was_counted_and_a_flawed_one_is_told_from_a_sound_one(
    running: Start, api: str
) -> None:
    run = running(api)
    course = Course(planned(PHASES, 2, [*EXPECT, *AWAY]), limited, PUBLISHED_S)
    sound, flawed = run(course), run(course, flaws=FLAWED)
    for one in (sound, flawed):
        assert differing(one, truths.TRUTHS, "fault") == {}
        assert differing(one, {metric: truths.TRUTHS[metric] for metric in SEEN_IN_BASELINE}, "baseline") == {}
        for edge, at_s in zip(("injection", "revert"), course.broken_s, strict=True):
            flying = told(one, "good_ratio", None, among=f"in_flight_at_{edge}")
            assert (flying.n, flying.n > 0) == (truths.in_flight(one, at_s), True)
    assert verdicts(sound) == EXPECT | AWAY
    assert {text: verdict for text, verdict in verdicts(flawed).items() if text in EXPECT} == dict.fromkeys(
        EXPECT, "fail"
    )


@pytest.mark.parametrize("api", list(SDKS))
def test_streams_that_a_service_passes_on_are_whole_or_what_it_made_of_them(running: Start, api: str) -> None:
    run = running(api)
    expect = [f"stream_integrity.{part} <= 0.25 in fault" for part in ("truncated_as_success", "spliced", "duplicated")]
    phases = {"warmup": 1, "baseline": 2.25, "fault": 12, "recovery": 1}
    course = Course(planned(phases, 2, expect, api), breaking(5), stream=True)
    careful, careless = run(course), run(course, flaws=dict.fromkeys(STREAM_FLAWS, 0.5), seed=9)
    for one in (careful, careless):
        assert differing(one, truths.OF_STREAMS, "fault") == differing(one, truths.OF_STREAMS, "baseline") == {}
        assert sum(told(one, metric, "fault").value for metric in truths.OF_STREAMS) == pytest.approx(1)
    assert [*verdicts(careful).values()] == ["pass"] * len(expect)
    assert verdicts(careless)[expect[0]] == "fail"
    assert 0 not in [told(careless, metric, "fault").value for metric in truths.OF_STREAMS]


def test_the_way_back_is_as_long_as_the_service_leaves_alone_what_had_failed(running: Start) -> None:
    run = running("openai")
    phases = {"warmup": 1, "baseline": 4.05, "fault": 1, "recovery": 6}
    course = Course(planned(phases, 6), refusing)
    soon, never = (run(course, away_s=away_s, retries=0) for away_s in (2.5, 99.0))
    found, counted = told(soon, "failback_time_s", None), truths.failback_time_s(soon, "")
    assert found.low <= counted <= found.high
    assert found.value == pytest.approx(counted, abs=0.5)
    # Never is as long as was watched.
    assert told(never, "failback_time_s", None).low == pytest.approx(phases["recovery"], abs=0.1)


def test_a_service_whose_retries_keep_its_provider_down_is_told_from_one_that_does_not_retry(running: Start) -> None:
    run = running("openai")
    phases = {"warmup": 1, "baseline": 6.25, "fault": 2, "settling": 5, "stuck": 6, "load_shed": 52, "recovery": 6}
    course = Course(planned(phases, 2, ["recovery_time_s <= 5"]), overloading(run.providers.log, 3))
    alone: dict[str, Any] = {"flaws": dict.fromkeys(("uncached", "speechless", "roaming"), 1.0), "away_s": 0.0}
    stuck, well = (run(course, retries=retries, **alone) for retries in (1, 0))
    (said,) = metastable(stuck.evidence)
    tries = truths.retry_amplification(stuck, "stuck")
    assert f"0 % of answers were good, while each request cost {plain(tries)} attempts (1 in the baseline)" in said
    assert "which confirms that it was its load that held it there" in said
    assert list(metastable(well.evidence)) == []


def test_every_metric_that_counts_attempts_is_held_against_who_was_asked() -> None:
    counting = {name for name, metric in metrics.items() if metric.counts_attempts}
    assert counting - set(truths.TRUTHS) == {"failback_time_s", "retry_burst"}  # the one above, and another test's
