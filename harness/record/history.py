"""What happened in a run, in order, written as it happens, nothing inferred.

A history is JSON lines. Its first line says how to repeat the run and holds the only wall time; every other instant is seconds of
the run's clock, which is 0 when the load begins. QUOTED of a kind names its fields that hold what others said, in which a secret may
stand, or values that do so themselves.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from harness.faults.effects import Sight
from harness.record.rows import RequestOutcome

Reason = Literal["completed", "invalidated", "aborted", "interrupted", "crashed", "service_ended"]
"""``service_ended``: a process of the system under test ended, which is for the judging to call its failure or a crash."""


class PlannedFault(msgspec.Struct, frozen=True):
    """A fault as the plan had it, for who has not its kind, or other rules for where a fault may stand."""

    id: str
    kind: str = ""
    summary: str = ""
    links: list[str] = []
    start_s: float = 0.0
    end_s: float = 0.0
    publishes_at_s: list[float] = []
    hides_attempts: bool = False
    aftereffect: bool = False
    processes: list[str] = []
    containers: list[str] = []


class Begun(msgspec.Struct, frozen=True, tag="begun"):
    """The first line: all that is needed to repeat the run."""

    run_id: str
    started_at: str  # wall time, ISO 8601, UTC
    clock_zero_s: float  # the machine's monotonic clock at 0 of the run's clock
    seed: int
    scenario_path: str
    scenario_sha256: str
    target_path: str
    target_sha256: str
    replay: str  # the command that repeats the run
    overrides: list[str]  # of settings, as KEY=VALUE; those of the target begin with target.
    expectations: list[str]  # added on the command line
    with_faults: bool
    versions: dict[str, str]
    proxy_engine: str
    proxy_version: str
    questions_sha256: str = ""  # empty: the run was made before this was written down
    trace_sha256: str = ""  # empty: its load was no trace
    requests: int = 0  # that the load was to send, were it not cut short; 0: as with the checksum
    faults: list[PlannedFault] = []  # none: the run was made without, or before they were written down
    machine: dict[str, str] = {}  # its class: processors, their model, system; empty: as with the checksum
    commit: str = ""  # of the working tree that holds the target file, with -dirty where it was changed since; empty: none is known
    recorded_sha256: str = ""  # empty: it is held against no recorded curve
    zero_at: str = ""  # wall time at 0 of the run's clock, as started_at; empty: as with the checksum


class LinkSeen(msgspec.Struct, frozen=True):
    """What was seen on one HTTP link while a question was answered.

    *answers* counts attempts by how they were answered: a status, or how it ended where no status came. *asked*: those that were not mere
    looks (GET, HEAD). *joined*: those that carried the question's nonce. *detail*: why one had no answer, as the wire knows. *refused*: how
    many TLS handshakes its clients ended for what they were shown, by the alert, which is empty where they left without a word.
    *looked_up*: how often somebody has looked up the name by which it is reached, since the run began; None where it has none.
    """

    QUOTED: ClassVar[tuple[str, ...]] = ("detail",)

    link: str
    attempts: int
    asked: int
    joined: int
    answers: dict[str, int]
    detail: str = ""
    refused: dict[str, int] = {}
    looked_up: int | None = None


class Preflight(msgspec.Struct, frozen=True, tag="preflight"):
    """One question through the whole path, asked of one entry before the load began (*at_s* is negative), as the last try went."""

    QUOTED: ClassVar[tuple[str, ...]] = ("request_line", "question", "detail", "reply", "answer", "links")

    at_s: float
    entry: str
    request_line: str  # method and URL
    question: str
    nonces: list[str]  # one a try
    status: int  # 0: no answer's head came
    outcome: RequestOutcome
    detail: str
    reply: str  # how the answer's body began
    answer: str  # how its text began
    streamed: bool
    took_s: float
    first_token_s: float | None  # from when it was sent
    links: list[LinkSeen]
    health: int | None = None  # the status of its health URL behind that; 0: no answer in time, None: it has none


class OfFault(msgspec.Struct, frozen=True):
    """What has happened at *at_s* with the fault of this id."""

    at_s: float
    fault: str


class Injecting(OfFault, frozen=True, tag="injecting"):
    """Written before the fault is tried; the fault counts as active from here."""


class Injected(OfFault, frozen=True, tag="injected"):
    """Everything that carries the fault had acknowledged it."""


class Look(OfFault, frozen=True, tag="look"):
    """What one look at a fault saw on one of its links; a look at several links is as many events of one instant."""

    QUOTED: ClassVar[tuple[str, ...]] = ("sight",)

    sight: Sight


class Confirmed(OfFault, frozen=True, tag="confirmed"):
    """It was seen that the fault took hold, or (*held* false) that it did not.

    Stands in the histories of versions that decided that while the run went on; now what a look saw is written down, and judged.
    """

    held: bool
    how: str


class Published(msgspec.Struct, frozen=True, tag="published"):
    """The next snapshot was published at the primary: asked at *asked_s*, acknowledged at *at_s*."""

    at_s: float
    asked_s: float
    version: int


class Reverting(OfFault, frozen=True, tag="reverting"):
    """Written before the fault is taken back."""


class Reverted(OfFault, frozen=True, tag="reverted"):
    """Everything that carried the fault had acknowledged its end; or (*error*) it could not be put back."""

    QUOTED: ClassVar[tuple[str, ...]] = ("error",)

    error: str = ""


class Alarm(msgspec.Struct, frozen=True, tag="alarm"):
    """Something that makes the measurement untrustworthy: a proxy that wedged, a process that died."""

    QUOTED: ClassVar[tuple[str, ...]] = ("what",)

    at_s: float
    what: str


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The last line."""

    QUOTED: ClassVar[tuple[str, ...]] = ("detail",)

    at_s: float
    reason: Reason
    detail: str = ""
    decided_s: float | None = (
        None  # when that was decided, of one that did not complete; None also before this was written down
    )


Event = Begun | Preflight | Injecting | Injected | Look | Confirmed | Published | Reverting | Reverted | Alarm | Ended
History = tuple[Event, ...]

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class NoEventError(msgspec.DecodeError):
    """A whole *line*, counted from 1, that is no event."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def encode(event: Event) -> bytes:
    """One line, with its end."""
    return _encode(event) + b"\n"


def decode(lines: bytes) -> History:
    """The events of *lines*; a last line without an end, cut short by a crash, is left out.

    Raises NoEventError for a whole line that is no event.
    """
    return tuple(_event(number, line) for number, line in enumerate(lines.split(b"\n")[:-1], 1) if line.strip())


def _event(number: int, line: bytes) -> Event:
    try:
        return _decoder.decode(line)
    except ValueError as error:  # not only msgspec's own: bytes that are not UTF-8
        raise NoEventError(number, str(error)) from error
