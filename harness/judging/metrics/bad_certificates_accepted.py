"""Whether who is shown a certificate with a flaw goes on all the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from harness.faults.effects import TapCertificate
from harness.interval import UNMEASURED, Interval
from harness.judging.metrics.base import Metric, measured
from harness.judging.metrics.counted import Counted
from harness.judging.metrics.telling import Said
from harness.judging.on_links import observed
from harness.judging.sample import Sample, pick
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.result import Breakdown


class BadCertificatesAccepted(Counted):
    """Connections asked on though their certificate was bad: exactly how many in this run; .rate: how many to expect.

    Who refuses it, or leaves without having asked anything, has not accepted it. A connection belongs to the phase in which it was asked
    on.
    """

    name: ClassVar[str] = "bad_certificates_accepted"
    needs: ClassVar[Known] = "attempts"
    of_requests: ClassVar[bool] = False
    unit: ClassVar[str] = "connections"
    title: ClassVar[str] = "Bad certificates accepted"
    about: ClassVar[str] = "connections on which something was asked though the certificate was bad"
    never: ClassVar[str] = "nothing was asked of who showed a bad certificate"
    broken_first: ClassVar[int] = 4
    held_first: ClassVar[int] = 57

    def there(self, plan: Plan) -> bool:
        return any(link.tls for link in plan.target.links.values())

    def events(self, sample: Sample) -> tuple[npt.NDArray[np.float64], int] | None:
        return _on(sample, list(sample.run.plan.target.links))

    def by(self, evidence: Evidence) -> Breakdown:
        from harness.judging.result import Breakdown

        whole = pick(evidence)
        links = {name: measured(_exactly(whole, name)) for name in _shown(evidence.plan)}
        return Breakdown(phase=Metric.by(self, evidence).phase, link=links)

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not _shown(plan):
            return "no fault shows a bad certificate, so none could be accepted; break something with bad_certificate"
        return super().unsettled(plan, expectation)

    def broken(self, said: Said) -> str:
        may = "none may be" if said.bound == 0 else f"at most {said.limit} may be"
        many = f"{said.counted('connection')}{said.where} {said.were}"
        return f"{many} asked on though {said.their} certificate was bad; {may}: does the service check it?"


def _shown(plan: Plan) -> list[str]:
    """The links on which a fault shows a bad certificate."""
    effects = [effect for d in plan.disturbances for effect in d.effects]
    return list(dict.fromkeys(effect.aim for effect in effects if isinstance(effect, TapCertificate)))


def _exactly(sample: Sample, link: str) -> Interval:
    from harness.judging.scoring.shares import exact

    found = _on(sample, [link])
    return UNMEASURED if found is None else exact(int(found[0].sum()), found[1])


def _on(sample: Sample, links: Sequence[str]) -> tuple[npt.NDArray[np.float64], int] | None:
    """How many were accepted in each tenth of a second, and how many were shown; None where none was."""
    from harness.judging.scoring.spans import within

    if sample.run.traffic_table is None:
        return None
    passed = sample.run.passed(links)
    mine = within(passed.numbers("start_s"), observed(sample))
    shown, accepted = (passed.numbers(f"bad_certificates{what}")[mine] for what in ("", "_accepted"))
    return (accepted[accepted > 0].astype(float), int(shown.sum())) if shown.any() or accepted.any() else None
