"""What can be behind a number, each one small file; `base.py` says what a diagnosis promises."""

from __future__ import annotations

from harness.judging.diagnoses.base import Diagnosis, diagnoses
from harness.judging.diagnoses.retries_multiply import RetriesMultiply
from harness.judging.evidence import Evidence
from harness.judging.result import Diagnosis as Document
from harness.registry import load_third_parties

for _diagnosis in (RetriesMultiply(),):
    diagnoses.add(_diagnosis.id, _diagnosis)

load_third_parties("diagnoses")


def diagnosed(run: Evidence) -> list[Document]:
    """All that *run* shows strongly enough, in the order of the table; nothing where no attempt or no request is known."""
    if not len(run.requests) or not run.plan.disturbances:
        return []
    return [found for diagnosis in (one for _, one in diagnoses.items()) if (found := diagnosis.find(run)) is not None]


__all__ = ["Diagnosis", "diagnosed", "diagnoses"]
