"""What a run came to, for tests that ask for no number beside what was expected: to judge it whole takes twice as long."""

from __future__ import annotations

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.judging.verdict import judge


def concluded(evidence: Evidence) -> Result:
    """The result without metrics; all else of it is the same."""
    return judge(evidence, numbers=())
