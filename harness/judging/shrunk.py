"""What was left of a scenario that still breaks what it expects, and each step to it, in the stable form ``harness.shrunk/1``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.judging.gate import CutShort
from harness.judging.json_document import DocumentPart, JsonDocument
from harness.judging.result import EXIT_STATUS, Outcome

CameTo = Literal["fails", "holds", "not settled", "not possible", "not finished"]


class Candidate(DocumentPart):
    """A scenario that is asked about: which *faults* it has, how long each of its *phases* lasts in seconds, and its rate."""

    faults: tuple[str, ...]
    phases: dict[str, float]
    rate_per_s: float = Field(
        description="requests a second; the mean of a load that is not of one rate, and 0 where nobody knows how many come"
    )


class Step(DocumentPart):
    """One candidate: in *broken* of *made* trials an expectation was broken that was to be; only all of the trials make it *fails*."""

    what: str
    candidate: Candidate
    came_to: CameTo
    made: int
    broken: int
    why: str = Field(description="why it is not possible, or not settled; else empty")
    runs: list[str] = Field(description="folders, relative to this document")


class Shrunk(JsonDocument):
    """The smallest candidate that was found, and how it was come to."""

    schema_: Literal["harness.shrunk/1"] = Field(default="harness.shrunk/1", alias="schema")
    scenario: str
    target: str
    target_file: str = ""
    with_options: list[str] = Field(
        default_factory=list, description="words of a command line: how the target was run beside its file"
    )
    run: str = Field(description="the folder of the run that failed")
    expectations: list[str] = Field(description="one of which has to be broken in each trial")
    trials: int
    runs_most: int
    verdict: Outcome = Field(
        description="pass: shrunk as far as it goes; inconclusive: not steady, or the runs were used up"
    )
    exit_status: int
    reason: str
    whole: Candidate
    found: Candidate | None = Field(
        description="null: it did not fail in each trial, so nothing is known to be smaller"
    )
    breaks: list[str] = Field(description="the expectations that were broken in each trial of what was found")
    steps: list[Step]
    file: str = Field(description="the scenario that was written; empty: none")
    cut_short: CutShort | None = None
    inputs: str = Field(description="a checksum of all that the search is made from")
    replay: str = Field(description="the command that goes on with it")
    versions: dict[str, str]

    @property
    def sure(self) -> float:
        """The least share of runs in which what was found is broken, at 95 %, as all of its trials were: Clopper and Pearson, one-sided."""
        return float(0.05 ** (1 / self.trials))


def status_of(verdict: Outcome) -> int:
    """The status that a command ends with."""
    return EXIT_STATUS[verdict]
