"""Each diagnosis on whole runs of the simulated world: it is found, what it predicts comes true after its change, and it is gone then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from simulated_world import Fragile, Resilient, Service
from simulated_world.events import Process

from harness.judging.diagnoses import diagnosed
from harness.judging.evidence import Evidence
from harness.judging.result import Diagnosis, Prediction

Lived = Callable[..., Evidence]


class WithoutSdk(Fragile):
    sdk_tries = 1


class WithoutRetries(WithoutSdk):
    loops = 1


class Patient(Fragile):
    timeout_s = 5.0


class EndsWithItsCaller(Fragile):
    ends_with_its_caller = True


class TurnsElsewhere(Fragile):
    """Tries each provider once."""

    def _complete(self, nonce: str) -> Process[bool]:
        around = self._around
        for link in around.providers:
            exchange = around.wire.send(link, nonce, 0)
            yield around.events.within(self.timeout_s, exchange.ended)
            exchange.leave()
            if exchange.complete:
                return True
        return False


CHANGES: list[tuple[str, str, type[Service]]] = [
    ("retries_multiply", "region-loss", WithoutSdk),
    ("short_timeout", "provider-latency", Patient),
    ("retry_after", "rate-limit", Resilient),
    ("failover_late", "region-loss", TurnsElsewhere),
    ("breaker_never_opens", "region-loss", Resilient),
    ("outlived_clients", "region-loss", EndsWithItsCaller),
    ("keeps_itself_down", "provider-latency", WithoutRetries),
    ("one_entry", "region-loss", TurnsElsewhere),
    ("stale_behind_seen", "cache-divergence", Resilient),
]
LONGER = {"keeps_itself_down": ("phases.recovery=14s",), "breaker_never_opens": ("phases.fault=14s",)}


@pytest.mark.parametrize(("name", "scenario", "changed"), CHANGES, ids=[name for name, _, _ in CHANGES])
def test_what_is_diagnosed_is_gone_after_the_change_and_what_was_predicted_has_come(
    lived: Lived,
    diagnosis: Callable[[Evidence, str], Diagnosis],
    comes_true: Callable[[Prediction, Evidence], bool],
    name: str,
    scenario: str,
    changed: type[Service],
) -> None:
    settings = LONGER.get(name, ())
    run = lived(scenario, Fragile, *settings)
    before = diagnosis(run, name)
    assert before.requests >= len(before.examples) > 0
    assert before.predictions
    assert not any(comes_true(prediction, run) for prediction in before.predictions)
    target = "resilient" if changed is Resilient else "fragile"
    later = lived(scenario, changed, *settings, target=target, seed=2)
    assert name not in [one.id for one in diagnosed(later)]
    missed = [one for one in before.predictions if not comes_true(one, later)]
    assert missed == []


@pytest.mark.parametrize(
    "scenario", ["region-loss", "provider-latency", "rate-limit", "retry-storm", "cache-divergence"]
)
def test_nothing_is_said_of_a_service_that_is_well(lived: Lived, scenario: str) -> None:
    assert diagnosed(lived(scenario, Resilient, target="resilient")) == []


def test_nothing_is_said_of_a_service_to_which_nothing_happens(lived: Lived) -> None:
    assert diagnosed(lived("region-loss", Fragile, "faults=[]")) == []
