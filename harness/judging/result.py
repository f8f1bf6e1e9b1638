"""The result document: what a run came to, in the stable form ``harness.result/1`` that machines read.

Ratios are 0 to 1. Instants are seconds of the run's clock, 0 when the load begins. An end of an interval that is unbounded, and a value
that was not measured, are null.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.judging.json_document import DocumentPart, JsonDocument

Outcome = Literal["pass", "fail", "inconclusive", "invalid", "aborted", "crashed", "interrupted"]

EXIT_STATUS: dict[Outcome, int] = {
    "pass": 0,
    "fail": 1,
    "inconclusive": 3,
    "invalid": 4,
    "aborted": 5,
    "crashed": 70,
    "interrupted": 130,
}
# The worst first: what a run as a whole is called when several hold.
PRECEDENCE: tuple[Outcome, ...] = ("interrupted", "crashed", "aborted", "invalid", "fail", "inconclusive", "pass")
ON_THE_SERVICE: tuple[Outcome, ...] = ("pass", "fail", "inconclusive")
"""The verdicts that say something of the service."""


class File(DocumentPart):
    """A file that the run was made from: its name inside, its path as given, and the hash of its text."""

    name: str
    path: str
    sha256: str


class Proxy(DocumentPart):
    engine: str
    version: str


class LatencyMs(DocumentPart):
    """Milliseconds from when a request was due to the end of its answer, over complete answers."""

    p50: float | None
    p95: float | None
    p99: float | None


class TtftMs(DocumentPart):
    """Milliseconds from when a request was due to its first token, over complete answers."""

    p50: float | None
    p95: float | None


class Phase(DocumentPart):
    """One phase; a request belongs to the phase in which it was due."""

    name: str
    start_s: float
    end_s: float
    requests: int
    good_ratio: float | None
    latency_ms: LatencyMs
    ttft_ms: TtftMs
    attempts: dict[str, int] = Field(
        default_factory=dict,
        description="made for its requests, by the layer that made them: first, sdk, repeat, failover; "
        "empty where nobody knows for which request an attempt was made",
    )


class Measured(DocumentPart):
    """A number with its 95 % interval, from *n* samples; *censored*: the true value lies beyond what was observed."""

    value: float | None
    low: float | None
    high: float | None
    censored: bool
    n: int


class Breakdown(DocumentPart):
    """A metric by phase, by what its rows can be told apart by, among the exposed, and by the window of a fault, where that makes sense."""

    phase: dict[str, Measured] = Field(default_factory=dict)
    region: dict[str, Measured] = Field(default_factory=dict)
    entry: dict[str, Measured] = Field(default_factory=dict)
    link: dict[str, Measured] = Field(default_factory=dict)
    layer: dict[str, Measured] = Field(default_factory=dict)
    among: dict[str, Measured] = Field(
        default_factory=dict, description="exposed: over the requests that lived wholly inside the window of a fault"
    )
    window: dict[str, Measured] = Field(
        default_factory=dict, description="by the faults that were in force in it; several of them are one trouble"
    )


class Metric(Measured):
    """A score, with its parts (such as the number of times a conversation went back to an older snapshot)."""

    unit: str
    by: Breakdown = Field(default_factory=Breakdown)
    parts: dict[str, Measured] = Field(default_factory=dict)
    unseen: list[str] = Field(default_factory=list, description="links on which it sees nothing of what it counts")


class Finding(DocumentPart):
    """One expectation held against one interval: inside passes, outside fails, across is inconclusive."""

    expectation: str
    metric: str
    phase: str | None
    limit: float
    value: float | None
    low: float | None
    high: float | None
    verdict: Literal["pass", "fail", "inconclusive"]
    censored: bool = Field(default=False, description="the true value lies beyond what was observed")
    remark: str = Field(default="", description="what has to be known beside the number")
    labels: dict[str, str] = Field(
        default_factory=dict, description="of the rows that it is about, such as their region"
    )
    among: str | None = Field(
        default=None,
        description="exposed: only requests that lived wholly inside a fault's window; in_flight_at_injection, in_flight_at_revert: only "
        "those that were in flight when a fault began, or ended",
    )
    after: str | None = Field(default=None, description="the fault whose window it is about")
    window: str | None = Field(
        default=None, description="the faults in whose window it was worst, where there were several"
    )
    among_exposed: Measured | None = Field(
        default=None,
        description="the value over the requests that lived wholly inside a fault's window, beside that over all",
    )
    line: int | None = Field(
        default=None, description="of the scenario's file, where it stands; null where it was asked for beside the file"
    )


class Fault(DocumentPart):
    """One fault: when it was asked for, acknowledged and ended, whether it took hold and stood, and how many attempts it touched.

    *lost_at_s* is when it was seen that it did not stand as it was made although its end had not come, and *lost* says what was seen;
    null and empty where it stood. *attempts_affected* is null where nothing can be seen (a refused connection, a Redis link, a share
    of the connections).
    """

    id: str
    kind: str
    summary: str
    links: list[str]
    asked_at_s: float | None
    injected_at_s: float | None
    confirmed: bool
    confirmed_at_s: float | None
    evidence: str
    reverted_at_s: float | None
    attempts_affected: int | None
    lost_at_s: float | None = None
    lost: str = ""
    share_asked: float | None = Field(
        default=None, description="of what share_of names, 0 to 1; null for a fault that asks for none"
    )
    share_of: Literal["attempts", "connections", "lookups", "commands"] = Field(
        default="attempts",
        description="what the share is of: attempts, connections of the service's, or commands of Redis",
    )
    share_delivered: Measured | None = Field(
        default=None,
        description="of those that came to the fault: of attempts, what an earlier rule had answered did not",
    )
    answers_acted_on: Measured | None = Field(
        default=None,
        description="of the answers that a fault of answers was put on, the share of those that it did something to: the others "
        "were no stream, or over before its place; null for other faults",
    )
    aftereffect: bool = Field(
        default=False, description="a consequence of another fault; recovery counts from the end of those"
    )


class SendLagMs(DocumentPart):
    p50: float | None
    p99: float | None
    max: float | None


class LinkSeen(DocumentPart):
    """What one HTTP link saw of a question: attempts, those with its nonce, and by how they were answered."""

    link: str
    attempts: int
    joined: int
    answers: dict[str, int]


class Preflight(DocumentPart):
    """How one entry answered the question that was asked before the load."""

    entry: str
    request_line: str
    status: int
    outcome: str
    streamed: bool
    took_s: float
    first_token_s: float | None
    tries: int
    links: list[LinkSeen]


class Late(DocumentPart):
    """How late the loop of a process ran: 1 time in 100 by *p99* or more, and at most; p99 is null beyond 5 s."""

    p99: float | None
    max: float


class MachineLoad(DocumentPart):
    """How busy the machine was in a phase; shares of all processors, null where it does not tell. *taken*: by other processes."""

    phase: str
    busy: float | None
    taken: float | None
    pressure: float | None
    starved: float | None = Field(description="share of the time in which a process of the run waited for others")
    waited: str = Field(description="which process of the run that was, most often")
    rival: str = Field(description="which other process took most")
    late_ms: dict[str, Late]


class LoadWorker(DocumentPart):
    """One of several workers that shared the load: where it ran, what came of its share, and how its clock stood to the run's.

    A clock that is *another* than the run's was *offset_s* ahead of it when the load began, and went *drift_ppm* too fast; its rows are on
    the run's clock, to within *uncertainty_s*.
    """

    number: int
    host: str
    pid: int
    requests: int = Field(description="its share; of the users of a locustfile what they had begun")
    rows: int = Field(description="of them that it wrote itself")
    lost: str = Field(default="", description="why it did not send its share to the end; empty where it did")
    torn: str = Field(default="", description="what is wrong with its rows; empty where they are what it wrote")
    another_clock: bool = False
    offset_s: float = 0.0
    drift_ppm: float = 0.0
    uncertainty_s: float = 0.0


class Quality(DocumentPart):
    """Why the numbers can, or cannot, be trusted."""

    offered: int
    sent: int
    dropped: int
    unfinished: int
    missing: int
    doubled: int
    unplanned: int = Field(default=0, description="made by the load generator although no plan asked for them")
    late: int = Field(description="sent more than 50 ms after they were due")
    send_lag_ms: SendLagMs
    steady_baseline: bool | None
    join_ratio: float | None = Field(description="share of attempts that were joined to a request")
    attempts: int = Field(description="seen at the tap")
    arrivals: int = Field(description="seen at the edge")
    forwarded: int = Field(description="written to the providers whole by the edge; redials not counted again")
    redials: int
    accepted: int | None = Field(
        description="counted by the simulated providers themselves; null in front of real ones"
    )
    notes: list[str]
    earlier: int = Field(default=0, description="attempts seen before the load began, which count nowhere else")
    instrument: list[MachineLoad] = Field(
        default_factory=list, description="how busy the machine was, by phase; empty where nobody looked"
    )
    preflight: list[Preflight] = Field(
        default_factory=list, description="the question asked of each entry before the load; empty where none was"
    )
    impossible: int = Field(default=0, description="rows with times that cannot be; such a time is measured nowhere")
    closed: str = Field(
        default="",
        description="that the load was closed, the users of a locustfile, and what follows; empty: it was open",
    )
    watched: str = Field(
        default="",
        description="that the load was the service's own, which was watched, and what follows; empty: the harness sent it",
    )
    workers: list[LoadWorker] = Field(
        default_factory=list,
        description="each of several workers that shared the load; empty where one process sent it all",
    )
    clocks_add_s: float = Field(
        default=0.0,
        description="what workers with clocks of their own add to both ends of what is counted from one clock to another: "
        "recovery_time_s, failover_time_s, failback_time_s and staleness_s",
    )


class EntryOutcomes(DocumentPart):
    """What the requests to one entry that were due in one phase came to; *otherwise* counts those that were not good."""

    entry: str
    region: str | None
    phase: str
    requests: int
    good: int
    otherwise: dict[str, int]


class LinkOutcomes(DocumentPart):
    """How the attempts on one HTTP link that began in one phase were answered: a status, or how they ended without a whole answer."""

    link: str
    region: str | None
    phase: str
    attempts: int
    answers: dict[str, int]


class Failure(DocumentPart):
    """One kind of failure: requests that got no good answer, and came to the same and were told the same."""

    came_to: str
    said: str = Field(description="what the service or the connection said, without what differs from one to the next")
    requests: int
    share: float = Field(description="of all requests that were due")
    phases: dict[str, int]
    entries: dict[str, int]
    first_s: float = Field(description="when the first of them was due, and then the last")
    last_s: float
    examples: list[str] = Field(description="nonces of the first of them")


class Prediction(DocumentPart):
    """What a metric would come to in the next run, were one thing changed: the value with an interval for that run's value."""

    metric: str = Field(description="as an expectation names it")
    phase: str | None = Field(default=None, description="in which; null: over all that is scored")
    value: float
    low: float
    high: float
    now: float | None = Field(default=None, description="what it is in this run")
    supposes: str = Field(description="the one change that it supposes")


class Diagnosis(DocumentPart):
    """What is behind a number, as far as rows can show it: evidence, what to change, and what would come of that."""

    id: str
    title: str
    evidence: list[str] = Field(description="what shows it, in sentences with their counts")
    requests: int = Field(description="how many requests show it")
    attempts: int = Field(description="how many of their attempts show it")
    examples: list[int] = Field(default_factory=list, description="indexes of a few of the requests")
    example: list[str] = Field(
        default_factory=list, description="one of the requests, and each of its attempts, in a line"
    )
    change: str = Field(description="what to change, in one sentence")
    predictions: list[Prediction] = Field(default_factory=list)


class FidelityEdge(DocumentPart):
    """When a phase begins, to the second, by what was recorded and by the run; null where nothing is seen to change there."""

    phase: str
    planned_s: float
    logged_s: float | None
    run_s: float | None
    shift_s: float | None = Field(description="so much later in the run; null where it is not seen in both")


class BinCounts(DocumentPart):
    """Bins of time in which two curves agree, are apart in something, or of which too little is known."""

    agree: int
    apart: int
    open: int


class Fidelity(DocumentPart):
    """How close a run came to the curve that its scenario names; the metric of that name has the share of bins that agree."""

    said: str = Field(description="how close, in a line")
    of: Literal["requests", "calls"] = Field(
        description="requests of clients, or calls to dependencies, against which the run's attempts are held"
    )
    bin_s: float
    while_broken: BinCounts = Field(
        description="bins in which a fault was planned, and whether rate, share of failures and latency agree in them"
    )
    while_well: BinCounts = Field(description="all others that are scored")
    seconds: dict[str, int] = Field(
        description="scored seconds that were held against the curve, are not_recorded in it, and were not_run"
    )
    rate_ratio: float | None = Field(description="the run's over that recorded")
    failed_logged: float | None = Field(description="the share of failures recorded, 0 to 1")
    failed_run: float | None
    latency_ratio: float | None = Field(description="of medians, the run's over that recorded")
    edges: list[FidelityEdge]
    apart_most: list[str] = Field(description="where both part most, in words, the worst first")


DoubtKind = Literal[
    "alarm",
    "not_in_force",
    "not_in_force_any_more",
    "other_share",
    "not_joined",
    "other_links",
    "unused",
    "unmet",
    "left_in_force",
    "late",
    "impossible_times",
    "load",
    "users",
    "worker",
    "wire",
    "one_answer",
    "pattern",
    "no_baseline",
    "no_traffic",
    "unsteady_baseline",
    "busy_machine",
]


class Doubt(DocumentPart):
    """One reason for which the numbers cannot be trusted, in a sentence; *kind* says what it is about."""

    kind: DoubtKind
    said: str


class Result(JsonDocument):
    """What a run came to."""

    schema_: Literal["harness.result/1"] = Field(default="harness.result/1", alias="schema")
    run_id: str
    verdict: Outcome
    exit_status: int
    reason: str = Field(description="the verdict's reason in one sentence")
    scenario: File
    target: File
    asked_with: dict[str, str] = Field(
        default_factory=dict,
        description="the hash of what else the run was made from: questions, trace and recorded, as far as it had them and that is known",
    )
    prompt_versions: list[str] = Field(
        default_factory=list,
        description="versions of the service's prompt that its answers named, in order, 20 at most; empty where none did",
    )
    answered_with: dict[str, dict[str, int]] = Field(
        default_factory=dict,
        description="how many answers of the baseline named each model and each snapshot, by what it is; 20 of each at most",
    )
    seed: int
    started_at: str
    duration_s: float
    proxy: Proxy
    phases: list[Phase]
    metrics: dict[str, Metric]
    findings: list[Finding]
    unasked: list[str] = Field(
        default_factory=list, description="what got much worse than in the baseline though no expectation is about it"
    )
    metastable: str = Field(
        default="",
        description="that the service kept itself down when nothing was broken any more; empty where it did not",
    )
    by_entry: list[EntryOutcomes] = Field(
        default_factory=list, description="what requests came to at each entry, by the phase in which they were due"
    )
    by_link: list[LinkOutcomes] = Field(
        default_factory=list,
        description="how attempts on each HTTP link were answered, by the phase in which they began",
    )
    failures: list[Failure] = Field(
        default_factory=list,
        description="requests that got no good answer, by what became of them and what they were told, the most frequent first",
    )
    faults: list[Fault]
    quality: Quality
    replay: str = Field(description="the command that repeats the run")
    versions: dict[str, str]
    commit: str = Field(
        default="",
        description="git commit of the working tree that holds the target file, with -dirty where it was changed; empty: none is known",
    )
    links: dict[str, str] = Field(default_factory=dict, description="every link of the target, with its kind")
    doubts: list[Doubt] = Field(default_factory=list, description="each reason for which the run cannot be trusted")
    diagnoses: list[Diagnosis] = Field(
        default_factory=list,
        description="what is behind the numbers, most telling first; only of runs with a verdict on the service",
    )
    fidelity: Fidelity | None = Field(
        default=None, description="how close it came to the recorded curve; null where the scenario names none"
    )
    service_ended: str = Field(
        default="", description="how a process of the service ended of what was broken; empty where none did"
    )
