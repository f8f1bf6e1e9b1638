"""What can be behind a number, each one small file; `base.py` says what a diagnosis promises."""

from __future__ import annotations

from harness.judging.diagnoses.base import Cause, diagnoses
from harness.judging.diagnoses.breaker_never_closes import BreakerNeverCloses
from harness.judging.diagnoses.breaker_never_opens import BreakerNeverOpens
from harness.judging.diagnoses.breaker_opens_everywhere import BreakerOpensEverywhere
from harness.judging.diagnoses.errors_cached import ErrorsCached
from harness.judging.diagnoses.failover_late import FailoverLate
from harness.judging.diagnoses.failover_overloads import FailoverOverloads
from harness.judging.diagnoses.failover_to_what_is_down import FailoverToWhatIsDown
from harness.judging.diagnoses.hiccup_taken_for_outage import HiccupTakenForOutage
from harness.judging.diagnoses.keeps_itself_down import KeepsItselfDown
from harness.judging.diagnoses.no_jitter import NoJitter
from harness.judging.diagnoses.one_entry import OneEntry
from harness.judging.diagnoses.outlived_clients import OutlivedClients
from harness.judging.diagnoses.pool_exhausted import PoolExhausted
from harness.judging.diagnoses.probes_with_users import ProbesWithUsers
from harness.judging.diagnoses.retried_in_vain import RetriedInVain
from harness.judging.diagnoses.retries_multiply import RetriesMultiply
from harness.judging.diagnoses.retry_after import RetryAfter
from harness.judging.diagnoses.short_timeout import ShortTimeout
from harness.judging.diagnoses.stale_behind_seen import StaleBehindSeen
from harness.judging.evidence import Evidence
from harness.judging.result import Diagnosis
from harness.registry import load_third_parties

for _diagnosis in (
    RetriesMultiply(),
    ShortTimeout(),
    RetryAfter(),
    FailoverLate(),
    FailoverToWhatIsDown(),
    FailoverOverloads(),
    BreakerNeverOpens(),
    BreakerNeverCloses(),
    BreakerOpensEverywhere(),
    ProbesWithUsers(),
    RetriedInVain(),
    OutlivedClients(),
    NoJitter(),
    KeepsItselfDown(),
    OneEntry(),
    StaleBehindSeen(),
    ErrorsCached(),
    PoolExhausted(),
    HiccupTakenForOutage(),
):
    diagnoses.add(_diagnosis.id, _diagnosis)

load_third_parties("diagnoses")


def diagnosed(run: Evidence) -> list[Diagnosis]:
    """All that *run* shows strongly enough, in the order of the table; nothing where no attempt or no request is known."""
    if not len(run.request_table) or not run.plan.disturbances:
        return []
    return [found for diagnosis in (one for _, one in diagnoses.items()) if (found := diagnosis.find(run)) is not None]


__all__ = ["Cause", "diagnosed", "diagnoses"]
