"""What a fault does to the wire, as data: one kind of effect for each place where a link can be touched.

::

    target ──▶ tap ──▶ Toxiproxy ──▶ edge ──▶ provider
               TapMode   Toxic, Cut    EdgeRule

A link that carries no HTTP has neither tap nor edge, so only `Toxic` and `Cut` can be used on it. An effect has no verbs of its
own: an injector makes it true (inject) and makes it false again (revert).
"""

from __future__ import annotations

from typing import Literal

import msgspec


class TapMode(msgspec.Struct, frozen=True, tag="tap"):
    """How the tap of *link* treats its clients.

    ``refuse``: nobody listens; open connections are reset. ``hold``: when the far side closes a connection on which an answer is
    owed, the client is not told, as in a network that swallows packets; it stays open until the client gives up.
    """

    link: str
    mode: Literal["refuse", "hold"]


class Toxic(msgspec.Struct, frozen=True, tag="toxic"):
    """One Toxiproxy toxic on *link*; *attributes* are Toxiproxy's own, integers, checked before they are sent."""

    link: str
    kind: Literal["latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data"]
    stream: Literal["upstream", "downstream"]
    attributes: dict[str, int]


class Cut(msgspec.Struct, frozen=True, tag="cut"):
    """The proxy of *link* is disabled: it listens no more and its connections are closed."""

    link: str


class RateLimit(msgspec.Struct, frozen=True, tag="rate_limit"):
    """The edge answers 429 above *requests_per_min*, allowing *burst* at once, as OpenAI words it."""

    requests_per_min: float
    burst: int


class HttpError(msgspec.Struct, frozen=True, tag="http_error"):
    """The edge answers *status* to a *share_ratio* (0-1) of attempts, drawn by the run's seed, nonce and try."""

    status: int
    share_ratio: float


class EdgeRule(msgspec.Struct, frozen=True, tag="edge"):
    """The edge of *link* answers in the provider's place, as *rule* says."""

    link: str
    rule: RateLimit | HttpError


Effect = TapMode | Toxic | Cut | EdgeRule


class Probe(msgspec.Struct, frozen=True):
    """What one active look through a link's proxy saw, past the tap.

    The probe of an HTTP link is answered by the edge itself, so that nothing reaches the provider; of a Redis link it is a PING;
    of any other it is a connection, through which a toxic cannot be seen: then the judging calls it ``acknowledged`` when the proxy
    itself, asked again, said that the toxic is there.
    """

    link: str
    outcome: Literal["answered", "silent", "refused", "closed", "acknowledged"]
    elapsed_s: float


class Sight(msgspec.Struct, frozen=True):
    """What one look at a fault saw on one *link*; what that shows is for the judging to say.

    *outcome* and *elapsed_s* are the probe's, where one was sent; *answered* counts the attempts that the edge has answered for the
    fault so far; *stands* says whether the places that carry the fault, asked anew, say that all of it is there (None: not asked),
    and *amiss* what else they say that is not as the run made it, or what they said of what is gone.
    """

    link: str
    outcome: Literal["", "answered", "silent", "refused", "closed"] = ""  # empty: no probe was sent
    elapsed_s: float = 0.0
    answered: int | None = None
    stands: bool | None = None
    amiss: str = ""


class LinkCounts(msgspec.Struct, frozen=True):
    """What the wire has seen on one link since the run began, and which faults it has in force there now."""

    attempts: int  # started at the tap
    arrivals: int  # at the edge
    forwarded: int  # written upstream whole, redials not counted twice
    by_fault: dict[str, int]  # id of a fault -> attempts that the edge answered for it
    redials: int = 0
    in_force: tuple[str, ...] = ()  # ids of the faults of which the tap or the edge has an effect
