"""What a fault does, as data: effects, each at one place where a fault can bite.

::

    target ──▶     tap ──▶ Toxiproxy ──▶ edge ──▶ provider
        TapMode, TapShape   Toxic, Cut    EdgeRule   Curtail
        TapCertificate
   NameAnswer, NameDelay

Every link has a tap and a proxy; only a link that carries HTTP has an edge, and only a simulated provider can be told anything. The
target's own processes are a place of another kind, at which `Killed`, `Paused` and `Limited` bite. An effect has no verbs of its own: its
place makes it true (inject) and makes it false again (revert). A place of somebody else's has effects of its own: a frozen Struct with a
`place` and an `aim`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from harness.dialects.base import Way
from harness.faults.delays import Distribution
from harness.faults.requests import ALL, Ramp, Requests

OpenConnections = Literal["deliver", "reset", "hold"]
"""What becomes of connections that were opened or used while nothing passed, once that ends."""
Streams = Literal["both", "upstream", "downstream"]
"""Which way: upstream is what clients say, downstream what they are told."""
_NotNegative = Annotated[float, msgspec.Meta(ge=0)]
_Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Effect(msgspec.Struct, frozen=True):
    """Something to be made true at `place`; *aim* is the name of what it is aimed at there: on the wire, a link."""

    place: ClassVar[str]
    alone: ClassVar[bool] = False
    """Whether nothing else can be true of that thing at that place meanwhile, of whatever kind of fault."""
    aim: str


class TapMode(Effect, frozen=True, tag="tap"):
    """How the tap of a link treats its clients.

    ``refuse``: nobody listens, and what is open is reset. ``no_new``: nobody listens, and what is open lives on. ``reset``: what is open
    is reset, answers under way too, and so is who comes, once it has asked. ``silence``: nothing passes on *streams*, and nobody is
    told; when it ends, *open_connections* says what becomes of those that it touched: what was held is delivered, or they are reset, or
    they stay silent until their client leaves. With a *share_ratio* (0-1) below 1, reset and silence are for that share of connections.
    """

    place: ClassVar[str] = "tap"
    mode: Literal["refuse", "no_new", "reset", "silence"]
    streams: Streams = "both"
    open_connections: OpenConnections = "deliver"
    share_ratio: _Ratio = 1.0


class TapAnswers(Effect, frozen=True, tag="answers"):
    """The tap of a Redis link answers *commands* (in capitals; none said: all), or a share of them, the *error*, or never if that is empty.

    *messages*: no command is touched, and none of the messages that come unasked is told.
    """

    place: ClassVar[str] = "tap"
    error: str = ""
    commands: tuple[str, ...] = ()
    share_ratio: _Ratio = 1.0
    messages: bool = False


CertificateFlaw = Literal["expired", "not_yet_valid", "wrong_name", "unknown_ca", "self_signed"]
"""What is wrong with a certificate that is in order but for that: its time, its name, or who vouches for it."""


class TapCertificate(Effect, frozen=True, tag="certificate"):
    """In new TLS handshakes, or a share of them, the tap of a link shows a certificate with a *flaw*.

    *closes_open*: what is open when this begins is closed, once what was asked on it is answered; else it lives on.
    """

    place: ClassVar[str] = "tap"
    flaw: CertificateFlaw
    closes_open: bool = False
    share_ratio: _Ratio = 1.0


LookupAnswer = Literal["no_such_name", "no_address", "server_failure", "nothing", "nowhere", "truncated"]
"""What is told in the place of an address: that there is no such name (NXDOMAIN), or none that has one (NODATA), that the server failed
(SERVFAIL), nothing at all, an address at which nobody listens, or that the answer does not fit, so that it has to be asked for over TCP."""


NOWHERE = "127.254.254.254"
"""An address of whoever is told it, since all of 127.0.0.0/8 is (RFC 1122, 3.2.1.3), at which nobody listens on the port of a tap."""


class NameAnswer(Effect, frozen=True, tag="name_answer"):
    """Who looks up the name of a link, or a share of those, is told *answer*, which may be kept for *ttl_s*.

    *closes_open*: connections that are open when this begins are closed, once what was asked on them is answered; else they live on.
    """

    place: ClassVar[str] = "resolver"
    answer: LookupAnswer
    ttl_s: Annotated[int, msgspec.Meta(ge=0)] = 0
    closes_open: bool = False
    share_ratio: _Ratio = 1.0


class Late(msgspec.Struct, frozen=True, tag="late"):
    """What passes comes later by *base_s*, spread by *jitter_s* as *distribution* says; *ramp*: how base gets to be so."""

    base_s: _NotNegative
    jitter_s: _NotNegative = 0.0
    distribution: Distribution = "uniform"
    ramp: Ramp | None = None


class Narrow(msgspec.Struct, frozen=True, tag="narrow"):
    """What passes comes at *bytes_per_s* at most; *ramp*: how that gets to be so."""

    bytes_per_s: Annotated[float, msgspec.Meta(gt=0)]
    ramp: Ramp | None = None


class Sliced(msgspec.Struct, frozen=True, tag="sliced"):
    """What passes comes in slices of *slice_bytes* at most, *gap_s* apart at least."""

    slice_bytes: Annotated[int, msgspec.Meta(ge=1)]
    gap_s: _NotNegative = 0.0


class CutAfter(msgspec.Struct, frozen=True, tag="cut_after"):
    """After so many bytes the connection ends, by a close or a reset; of what was open they count from when this came into force."""

    after_bytes: Annotated[int, msgspec.Meta(ge=0)]
    by: Literal["close", "reset"] = "close"


class LateEnd(msgspec.Struct, frozen=True, tag="late_end"):
    """That one side has closed, the other one learns *delay_s* later."""

    delay_s: _NotNegative


Shape = Late | Narrow | Sliced | CutAfter | LateEnd


class TapShape(Effect, frozen=True, tag="shape"):
    """What passes on *streams* of a link's connections, or of a share of them, is as *shape* says."""

    place: ClassVar[str] = "tap"
    shape: Shape
    streams: Streams = "both"
    share_ratio: _Ratio = 1.0


class NameDelay(Effect, frozen=True, tag="name_delay"):
    """Who looks up the name of a link, or a share of those, is answered as *late* says."""

    place: ClassVar[str] = "resolver"
    late: Late
    share_ratio: _Ratio = 1.0


class Toxic(Effect, frozen=True, tag="toxic"):
    """One Toxiproxy toxic; *attributes* are Toxiproxy's own, integers, checked before they are sent."""

    place: ClassVar[str] = "toxiproxy"
    kind: Literal["latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data"]
    stream: Literal["upstream", "downstream"]
    attributes: dict[str, int]


class Cut(Effect, frozen=True, tag="cut"):
    """The proxy of a link is disabled: it listens no more and its connections are closed."""

    place: ClassVar[str] = "toxiproxy"


class Rule(msgspec.Struct, frozen=True):
    """What an edge does to exchanges, as data; what each kind does stands where edges are, in a table that others can add to."""

    hits_all: ClassVar[bool] = True
    """Whether it does something to every request that it is for; else its own count decides, too."""
    of_answers: ClassVar[bool] = False
    """Whether it does it to the answer, which may give it nothing to do: no stream, or one that is over before that."""


class Told(msgspec.Struct, frozen=True):
    """How a client is told to wait: in these *ways*, none of them too, or in those of the API (None); or by *text*, as it stands."""

    ways: tuple[Way, ...] | None = None
    text: str = ""


class Throttle(Rule, frozen=True, tag="throttle"):
    """Above *requests_per_min*, allowing *burst* at once, above *tokens_per_min* or *concurrent* ones, the edge answers 429.

    None: no limit. *tokens_burst*: so many tokens at once, None for those of a minute. *told*: how the wait is told.
    Every answer has the *headers*, over what the API says in them.
    """

    hits_all: ClassVar[bool] = False
    requests_per_min: float | None = None
    burst: int = 1
    tokens_per_min: float | None = None
    tokens_burst: int | None = None
    concurrent: int | None = None
    told: Told = Told()
    headers: dict[str, str] = {}


class Fail(Rule, frozen=True, tag="fail"):
    """The edge answers *status*, or what *code* means in the words of the link's API; one of them is said.

    *body*: empty for the one that such an error has. *wait_s* is told as *told* says. *should_retry*: what ``x-should-retry`` says;
    *headers*: further ones.
    """

    status: int | None = None
    code: str = ""
    body: Literal["", "api", "html", "empty", "not_json"] = ""
    wait_s: float | None = None
    told: Told = Told()
    should_retry: bool | None = None
    headers: dict[str, str] = {}


class HangUp(Rule, frozen=True, tag="hang_up"):
    """The connection ends before a byte of the answer, by a close or a reset."""

    by: Literal["close", "reset"] = "close"


class Delay(Rule, frozen=True, tag="delay"):
    """Requests go on to the provider *base_s* later, spread by *jitter_s* as *distribution* says; *ramp*: how base gets to be so."""

    base_s: float
    jitter_s: float = 0.0
    ramp: Ramp | None = None
    distribution: Distribution = "uniform"


class SlowStream(Rule, frozen=True, tag="slow_stream"):
    """A stream's first content comes *first_token_s* later, each further one *token_gap_s* after what came before, at most *bytes_per_s*.

    0: as the provider has it. The ramps say how each gets to be so; a stream has what they are at when it is asked for.
    """

    of_answers: ClassVar[bool] = True
    first_token_s: float = 0.0
    token_gap_s: float = 0.0
    bytes_per_s: int = 0
    first_token_ramp: Ramp | None = None
    token_gap_ramp: Ramp | None = None
    bytes_per_s_ramp: Ramp | None = None

    def at(self, after_s: float) -> SlowStream:
        """How slow it is for what is asked *after_s* after it began."""

        def now(value: float, ramp: Ramp | None) -> float:
            return value if ramp is None else ramp.at(value, after_s)

        return SlowStream(
            now(self.first_token_s, self.first_token_ramp),
            now(self.token_gap_s, self.token_gap_ramp),
            round(now(self.bytes_per_s, self.bytes_per_s_ramp)),
        )


class StallStream(Rule, frozen=True, tag="stall_stream"):
    """A stream says no more after its *after*-th event with content (0: before the first) for *lasts_s*.

    None: as long as this is in force.
    """

    of_answers: ClassVar[bool] = True
    after: int
    lasts_s: float | None = None


class CutStream(Rule, frozen=True, tag="cut_stream"):
    """A stream is over after its *after*-th event with content (0: before the first).

    By a ``reset``; by a ``close`` in the middle of the message; or by its ``end``, in good order, as if that had been all.
    """

    of_answers: ClassVar[bool] = True
    after: int
    by: Literal["reset", "close", "end"]


StreamFlaw = Literal["malformed", "duplicated", "reordered", "error", "no_finish", "no_usage", "no_end"]
"""What is wrong with a stream: an event that is no JSON, comes twice, or after the next; an error; or something that never comes."""


class SpoilStream(Rule, frozen=True, tag="spoil_stream"):
    """A stream has a *flaw*; one that is an event's is that of the next event with content after the *after*-th."""

    of_answers: ClassVar[bool] = True
    flaw: StreamFlaw
    after: int = 0


AnswerFlaw = Literal[
    "empty",
    "length",
    "language",
    "wrong_fact",
    "refusal",
    "other_conversation",
    "off_schema",
    "model",
    "fingerprint",
    "tool_names",
    "tool_arguments",
    "tool_parallel",
    "usage",
]
"""What is wrong with an answer that is good in form."""


class SpoilAnswer(Rule, frozen=True, tag="spoil_answer"):
    """An answer has a *flaw*: it *says* something else, comes to so many *characters*, or is counted so many *times*."""

    of_answers: ClassVar[bool] = True
    flaw: AnswerFlaw
    says: str = ""
    characters: int = 20
    times: float = 1.3


class EdgeRule(Effect, frozen=True, tag="edge"):
    """The edge of a link does to the *requests* that pass, and to their answers, what *rule* says."""

    place: ClassVar[str] = "edge"
    rule: Rule
    requests: Requests = ALL


class Curtail(Effect, frozen=True, tag="capacity"):
    """The simulated provider behind a link works on *share_ratio* (0-1) of what it could at once, each answer taking *slow* times as long.

    The ramps say how both get to be so.
    """

    place: ClassVar[str] = "provider"
    share_ratio: float = 1.0
    slow: float = 1.0
    share_ramp: Ramp | None = None
    slow_ramp: Ramp | None = None


class Damage(Effect, frozen=True, tag="damage"):
    """What the store behind a link holds is lost (``flush``), or what was written since (``lose_writes``), or *key* says *value*."""

    place: ClassVar[str] = "store"
    how: Literal["flush", "poison", "lose_writes"]
    key: str = ""
    field: str = ""
    value: str = ""


Signal = Literal["KILL", "TERM", "INT", "HUP", "QUIT", "ABRT"]
"""By which signal a process is ended, without its SIG."""
Back = Literal["at_end", "at_once", "never"]
"""When a process that was ended is started again: once its fault ends, as soon as it has ended, or not at all."""


class Killed(Effect, frozen=True, tag="killed"):
    """A process that the harness started, and all that it started, is ended by *signal*; *back*: when it is started again."""

    place: ClassVar[str] = "process"
    alone: ClassVar[bool] = True
    signal: Signal
    back: Back = "at_end"


class Paused(Effect, frozen=True, tag="paused"):
    """A process that the harness started, and all that it started, does nothing until this ends; its connections stay open."""

    place: ClassVar[str] = "process"
    alone: ClassVar[bool] = True


class Limited(Effect, frozen=True, tag="limited"):
    """A process that the harness started, with all that it started, has at most *cpu* processors and *memory_bytes*; None: no less."""

    place: ClassVar[str] = "process"
    alone: ClassVar[bool] = True
    cpu: float | None = None
    memory_bytes: int | None = None


class KilledContainer(Killed, frozen=True, tag="killed_container"):
    """A container is ended by *signal*; *back*: when it is started again."""

    place: ClassVar[str] = "container"


class PausedContainer(Paused, frozen=True, tag="paused_container"):
    """All processes of a container do nothing until this ends."""

    place: ClassVar[str] = "container"


class LimitedContainer(Limited, frozen=True, tag="limited_container"):
    """A container has at most *cpu* processors and *memory_bytes*; None: no less than before."""

    place: ClassVar[str] = "container"


class Unplugged(Effect, frozen=True, tag="unplugged"):
    """A container is on none of its networks."""

    place: ClassVar[str] = "container"
    alone: ClassVar[bool] = True


Outcome = Literal[
    "answered",
    "silent",
    "refused",
    "closed",
    # Of a lookup: the link's own address, or what was told in its place.
    "named",
    "no_such_name",
    "no_address",
    "server_failure",
    "nowhere",
    "truncated",
]
"""What an active look came to."""


class Probe(msgspec.Struct, frozen=True):
    """What one active look through a link saw, from where its clients stand.

    The probe of an HTTP link is answered by the edge itself, so that nothing reaches the provider; of a Redis link it is a PING;
    of any other it is a connection, through which a toxic cannot be seen: then the judging calls it ``acknowledged`` when the place
    itself, asked again, said that the effect is there.
    """

    link: str
    outcome: Outcome | Literal["acknowledged"]
    elapsed_s: float


class Drawn(msgspec.Struct, frozen=True):
    """How many *came* to what is for a share of them, and how many of those were *picked*: connections, lookups, or commands of Redis."""

    came: int = 0
    picked: int = 0


class Sight(msgspec.Struct, frozen=True):
    """What one look at a fault saw on one *link*, or at one process, by its name there; what that shows is for the judging to say.

    *outcome* and *elapsed_s* are the probe's, where one was sent; *answered* counts the attempts that the edge did it to so far, and the
    connections, or lookups, that the tap or the resolver did it to; *stands* says whether the places that carry the fault, asked anew, say
    that all of it is there (None: not asked), and *amiss* what else they say that is not as the run made it, or what they said of what is
    gone. *drawn*: what came to the tap of those of which a share is to be hit (None: no share of anything is). *refused* is how often
    clients ended a TLS handshake for what they were shown, by what they said: the name of an alert (RFC 8446, 6), or empty where they left
    without a word.
    """

    QUOTED: ClassVar[tuple[str, ...]] = ("amiss",)

    link: str
    outcome: Outcome | Literal[""] = ""  # empty: no probe was sent
    elapsed_s: float = 0.0
    answered: int | None = None
    stands: bool | None = None
    amiss: str = ""
    drawn: Drawn | None = None
    refused: dict[str, int] = {}


class LinkCounts(msgspec.Struct, frozen=True):
    """What the wire has seen on one link since the run began, and which faults it has in force there now."""

    attempts: int  # started at the tap
    arrivals: int  # at the edge
    forwarded: int  # written upstream whole, redials not counted twice
    by_fault: dict[
        str, int
    ]  # id of a fault -> attempts that the edge did it to, and connections that the tap did it to
    redials: int = 0
    in_force: tuple[str, ...] = ()  # ids of the faults of which the tap or the edge has an effect
    connections: int = 0  # opened by clients
    bytes_out: int = 0  # said by clients
    bytes_in: int = 0  # said to them
    commands: int = 0  # of Redis
    carries: str = "http"
    drawn: dict[str, Drawn] = {}  # id of a fault for a share of what passes the tap -> what came to it
    refused: dict[
        str, dict[str, int]
    ] = {}  # id of a fault (empty: of none) -> TLS handshakes that clients ended, by the alert, as in `Sight`
    lookups: int | None = None  # of the name by which it is reached; None: it has none
