"""Each diagnosis on whole runs of the simulated world: it is found, what it predicts comes true after its change, and it is gone then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from simulated_world import Fragile, Resilient, Service
from simulated_world.ailing import (
    CachesErrors,
    CachesNothing,
    EndsWithItsCaller,
    InStep,
    OnePool,
    OutOfStep,
    Patient,
    PoolEach,
    ProbesWithUsers,
    TriesAgain,
    TurnsABitElsewhere,
    TurnsElsewhere,
    Undaunted,
    Wary,
    WaryAlone,
    WithoutRetries,
    WithoutSdk,
)

from harness.judging.diagnoses import diagnosed
from harness.judging.evidence import Evidence
from harness.judging.result import Diagnosis, Prediction

Lived = Callable[..., Evidence]
EAST_LOST = "faults=[{kind: blackhole, on: {link: provider-east}, at: fault}]"
HICCUP = "faults=[{kind: blackhole, on: {link: provider-east}, at: fault, for: 2s}]"
PARTIAL = "faults=[{kind: http_error, on: {kind: provider}, status: 503, share: 0.4, at: fault}]"
TOGETHER = "faults=[{kind: blackhole, on: {link: provider-east}, at: fault + 1s, for: 3s, open_connections: reset}]"
LONG = "phases.recovery=16s"
NARROW = (
    "target.links.provider-west.upstream.simulated.capacity=9",
    "target.links.provider-west.upstream.simulated.queue=8",
)
STEADY = "phases.baseline=10s"
CHANGES: list[tuple[str, str, tuple[str, ...], type[Service], type[Service]]] = [
    ("retries_multiply", "region-loss", (), Fragile, WithoutSdk),
    ("short_timeout", "provider-latency", (), Fragile, Patient),
    ("retry_after", "rate-limit", (), Fragile, Resilient),
    ("failover_late", "region-loss", (), Fragile, TurnsElsewhere),
    ("breaker_never_opens", "region-loss", ("phases.fault=14s",), Fragile, Resilient),
    ("breaker_never_closes", "region-loss", (EAST_LOST, LONG, STEADY), Wary, TriesAgain),
    ("breaker_opens_everywhere", "region-loss", (PARTIAL,), WaryAlone, Undaunted),
    ("failover_overloads", "region-loss", (EAST_LOST, *NARROW), TurnsElsewhere, TurnsABitElsewhere),
    ("probes_with_users", "region-loss", (EAST_LOST, "phases.fault=24s"), ProbesWithUsers, TriesAgain),
    ("outlived_clients", "region-loss", (), Fragile, EndsWithItsCaller),
    ("no_jitter", "region-loss", (TOGETHER, "load.rate_per_s=40"), InStep, OutOfStep),
    ("keeps_itself_down", "provider-latency", (LONG,), Fragile, WithoutRetries),
    ("one_entry", "region-loss", (), Fragile, TurnsElsewhere),
    ("stale_behind_seen", "cache-divergence", (), Fragile, Resilient),
    ("errors_cached", "region-loss", (HICCUP, LONG), CachesErrors, CachesNothing),
    ("pool_exhausted", "region-loss", (EAST_LOST,), OnePool, PoolEach),
    ("hiccup_taken_for_outage", "region-loss", (HICCUP, LONG, STEADY), Wary, TriesAgain),
]


@pytest.mark.parametrize(
    ("name", "scenario", "settings", "ailing", "mended"), CHANGES, ids=[name for name, *_ in CHANGES]
)
def test_what_is_diagnosed_is_gone_after_the_change_and_what_was_predicted_has_come(
    lived: Lived,
    diagnosis: Callable[[Evidence, str], Diagnosis],
    comes_true: Callable[[Prediction, Evidence], bool],
    name: str,
    scenario: str,
    settings: tuple[str, ...],
    ailing: type[Service],
    mended: type[Service],
) -> None:
    run = lived(scenario, ailing, *settings)
    before = diagnosis(run, name)
    assert before.requests >= len(before.examples) > 0
    assert before.predictions
    assert not any(comes_true(prediction, run) for prediction in before.predictions)
    target = "resilient" if mended is Resilient else "fragile"
    later = lived(scenario, mended, *settings, target=target, seed=2)
    assert name not in [one.id for one in diagnosed(later)]
    assert [one for one in before.predictions if not comes_true(one, later)] == []


@pytest.mark.parametrize(
    "scenario", ["region-loss", "provider-latency", "rate-limit", "retry-storm", "cache-divergence"]
)
def test_nothing_is_said_of_a_service_that_is_well(lived: Lived, scenario: str) -> None:
    assert diagnosed(lived(scenario, Resilient, target="resilient")) == []


def test_nothing_is_said_of_a_service_to_which_nothing_happens(lived: Lived) -> None:
    assert diagnosed(lived("region-loss", Fragile, "faults=[]")) == []
