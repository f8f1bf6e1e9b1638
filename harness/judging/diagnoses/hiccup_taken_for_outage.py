"""A hiccup that is taken for an outage: a fault of a moment, after which a provider is left alone for long."""

from __future__ import annotations

from typing import ClassVar

from harness.interval import Interval
from harness.judging.diagnoses.base import Cause, predicted
from harness.judging.diagnoses.breaker_never_closes import HICCUP_S, left_alone
from harness.judging.diagnoses.tries import tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.failback_time import FailbackTime
from harness.judging.metrics.recovery_and_failover import RecoveryTime
from harness.judging.result import Diagnosis

LONG_S = 8.0
OPEN_S = 2.0


class HiccupTakenForOutage(Cause):
    """After a fault of 3 s or less the provider that it lay on is hardly asked for 8 s, although it is whole.

    Shown where from 1 s to 9 s after such a fault its link got at most a tenth of its attempts a second of the baseline, and half of the
    requests to entries that it usually serves, 10 or more, went bad or were served elsewhere.
    """

    id: ClassVar[str] = "hiccup_taken_for_outage"

    def find(self, run: Evidence) -> Diagnosis | None:
        found = tries(run)
        for window in run.windows():
            lasted_s, from_s = window.end_s - window.start_s, window.end_s + 1.0
            if lasted_s > HICCUP_S or min(window.next_s, run.observed_until_s) < from_s + LONG_S:
                continue
            for alone in left_alone(found, window, from_s, from_s + LONG_S):
                metric = RecoveryTime() if alone.bad >= alone.rows.size / 2 else FailbackTime()
                return self.document(
                    run,
                    f"A hiccup of {lasted_s:.1f} s is taken for an outage of {alone.link}",
                    [
                        f"{alone.link} was broken for {lasted_s:.1f} s, and in the {LONG_S:g} s from 1 s after that {alone.attempts} tries "
                        f"were made there ({alone.usual_per_s:.1f} a second in the baseline)",
                        f"{alone.rows.size} requests that it usually serves went bad or were served elsewhere meanwhile",
                    ],
                    alone.rows,
                    alone.attempts,
                    f"Turn away from {alone.link} only after failures in a row or a share of them over a while, and come back within "
                    f"{OPEN_S:g} s (LiteLLM: allowed_fails, cooldown_time; Envoy: consecutive_5xx, base_ejection_time).",
                    [
                        predicted(
                            run,
                            metric,
                            None,
                            Interval(OPEN_S / 2, 0.0, 2 * OPEN_S, alone.rows.size),
                            f"a breaker that is open for {OPEN_S:g} s at most",
                        )
                    ],
                )
        return None
