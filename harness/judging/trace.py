"""Requests of a stored run followed whole, in the stable form ``harness.trace/1`` that machines read.

Instants are milliseconds since the request was due, but for ``due_s``, which is on the run's clock. An instant that never came is null.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.judging.json_document import DocumentPart, JsonDocument


class Asked(DocumentPart):
    """What was asked, of whom, and by which conversation; *earlier* are the questions of its turns before this one, the oldest first."""

    question: str
    text: str = Field(description="the question's; empty where the run folder has it not, as of a locustfile's")
    entry: str
    region: str | None
    conversation: str
    turn: int
    earlier: list[str]
    overlapped: bool = Field(description="the turn before this one was still open when this one was sent")
    model: str = Field(description="that the client asked for; empty where the target file names none")


class Press(DocumentPart):
    """One time that the client asked: when it was sent and over, and what came of it."""

    number: int
    sent_ms: float | None
    end_ms: float | None
    status: int
    outcome: str


class Check(DocumentPart):
    """Something that is asked of an answer, and whether this one has it; *of* says what it counts for."""

    what: str
    held: bool
    of: Literal["good", "right"] = Field(
        description="good: the scenario's `good`; right: the questions file's `expected`"
    )


class Answer(DocumentPart):
    """What the client got in the end, with what the answer says of itself, and how it was graded; tokens are over all that arrived."""

    outcome: str
    status: int
    came_to: str = Field(description="good, or what it came to instead, as the report counts it")
    good: bool
    checks: list[Check]
    first_byte_ms: float | None
    first_token_ms: float | None
    end_ms: float | None
    streamed: bool
    bytes: int
    finish: str
    model: str
    snapshot_version: int | None
    seen_version: int | None = Field(description="the newest that its conversation had seen when it was sent")
    newest_version: int | None = Field(description="the newest that had been published when it was sent")
    degraded: bool
    cached: bool
    prompt_version: str | None = Field(
        default=None,
        description="that its prompt was of; empty where the answer does not say, null where the target file names no place for it",
    )
    sources: list[str] | None = Field(default=None, description="that were retrieved for it; likewise")
    context_sha256: str | None = Field(
        default=None, description="of the context that was put before the model, without nonces; likewise"
    )
    context_chars: int | None = Field(default=None, description="how long that context was")
    context: str = Field(default="", description="the context; empty unless the target file says that it is kept")
    tokens_in: int | None
    tokens_out: int | None
    detail: str
    text: str


class Arrival(DocumentPart):
    """One try as it came out of Toxiproxy, at the edge in front of the provider."""

    link: str
    start_ms: float
    forwarded_ms: float | None = Field(description="when it had been passed on to the provider; null: it never was")
    first_byte_ms: float | None
    end_ms: float | None
    status: int
    outcome: str
    fault: str = Field(description="that answered in the provider's place, or changed, put off or cut its answer")
    hit_by: list[str]
    came_to: list[str] = Field(
        description="the faults in force that were for such a request, whether they hit it or not"
    )
    model: str
    finish: str
    tokens_in: int | None
    tokens_out: int | None
    tokens_from: str
    messages_sha256: str
    tools_offered: list[str] = Field(default=[], description="the names of the tools that the model may call")
    tools_called: list[str] = Field(default=[], description="of those that its answer calls, in their order")
    tool_results: list[str] = Field(default=[], description="of those whose results it brings to the model")
    tools_failed: list[str] = Field(
        default=[], description="of those in tool_results, the ones whose results say that they failed"
    )
    detail: str


class Attempt(DocumentPart):
    """One try of the service's at a provider, as seen in front of any fault; *arrival* is null where it never came or nobody can tell."""

    number: int
    link: str
    region: str | None
    layer: str
    step: int
    press: int
    start_ms: float
    sent_ms: float | None
    first_byte_ms: float | None
    end_ms: float | None
    status: int
    outcome: str
    error: str
    retry_after_ms: float | None
    should_retry: str
    retry_count: int | None
    method: str
    path: str
    bytes_out: int
    bytes_in: int
    body: int = Field(description="a mark of its body: equal for equal ones of this run; 0 where there is none")
    in_force: list[str] = Field(description="faults on its link while it went on")
    arrived: bool | None = Field(description="null: some of several on this link did, and nobody can tell which")
    after_client_ms: float | None = Field(
        description="how long it went on when the client that it was made for had gone or had its answer; null: not at all"
    )
    begun_after_client: bool
    arrival: Arrival | None


class Gap(DocumentPart):
    """A stretch in which the client waited and no try went on; *stated_wait_ms* is the wait that the answer before it stated."""

    where: Literal["before the first try", "between tries", "after the last try", "no try"]
    start_ms: float
    end_ms: float
    after_try: int | None
    stated_wait_ms: float | None


class InForce(DocumentPart):
    """A fault that was in force while the request went on; *hit* are the numbers of the tries that it is known to have hit."""

    id: str
    summary: str
    start_ms: float
    end_ms: float | None
    hit: list[int]


class Job(DocumentPart):
    """What is known of a request that is answered later: it queued for *queued_least_ms* to *queued_most_ms*, and was worked on for as long
    as is left."""

    stage: str
    accepted_ms: float | None
    queued_least_ms: float | None
    queued_most_ms: float | None
    running_ms: float | None = Field(description="when a poll had first told that it is worked on")
    worked_most_ms: float | None = Field(description="from the last poll that told that it waits to its end")
    worked_least_ms: float | None
    polls: int
    deliveries: int


class Followed(DocumentPart):
    """One request from when it was due to when nothing was done for it any more."""

    index: int
    nonce: str
    phase: str
    due_s: float
    sent_ms: float | None
    asked: Asked
    presses: list[Press]
    attempts: list[Attempt]
    arrivals: list[Arrival] = Field(description="of which nobody can tell which try they are of")
    gaps: list[Gap]
    faults: list[InForce]
    job: Job | None
    effects: int | None = Field(description="how often what it asks for was done; null where the service does not say")
    answer: Answer
    hidden: bool = Field(description="a fault was in force that hides tries, so some may be missing")

    @property
    def last_ms(self) -> float:
        """When the last thing that is known of it happened."""
        ends = [self.sent_ms, self.answer.end_ms, *(one.end_ms for one in self.presses)]
        ends += [at_ms for one in self.attempts for at_ms in (one.start_ms, one.end_ms)]
        ends += [at_ms for one in self.arrivals for at_ms in (one.start_ms, one.end_ms)]
        return max((at_ms for at_ms in ends if at_ms is not None), default=0.0)


class Traced(JsonDocument):
    """The requests of a run that were asked for: of *matching* ones those that are told, in the order in which they were due."""

    schema_: Literal["harness.trace/1"] = Field(default="harness.trace/1", alias="schema")
    run: str
    scenario: str
    target: str
    matching: int
    requests: list[Followed]
