"""The fault in which the name of a dependency leads to nothing, or to nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from harness.faults.base import Looked, OfLookups, every_probe
from harness.faults.effects import Effect, LookupAnswer, NameAnswer
from harness.reading.target import Link, WholeSeconds

KEPT = ("no_such_name", "no_address", "nowhere")
"""The answers that clients may keep."""


class BadLookup(OfLookups):
    """Who looks up the name of a link is told that there is none, that the server failed, nothing, or where nobody listens."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "DNS: no such host, NXDOMAIN, ENOTFOUND, name or service not known": "on: {kind: provider}, answer: no_such_name",
        "DNS: empty record, no address associated with hostname": "on: {kind: provider}, answer: no_address",
        "DNS: SERVFAIL, EAI_AGAIN, temporary failure in name resolution": "on: {kind: provider}, answer: server_failure",
        "DNS down: nobody answers lookups": "on: {kind: provider}, answer: nothing",
        "stale DNS: an old address is kept until its TTL ends, after a failover or a move": (
            "on: {kind: provider}, answer: nowhere, ttl: 30s, for: 5s"
        ),
        "DNS over TCP blocked, truncated answer": "on: {kind: provider}, answer: truncated",
    }

    kind: Literal["bad_lookup"] = "bad_lookup"
    answer: LookupAnswer = Field(
        description="no_such_name: NXDOMAIN; no_address: the name is there and has none; server_failure: SERVFAIL; nothing: nobody "
        "answers; nowhere: an address at which nobody listens; truncated: it does not fit, so that it has to be asked for over TCP"
    )
    ttl: WholeSeconds = Field(
        default=0.0, description="for how long that may be kept, also when this has ended, in whole seconds"
    )
    open_connections: Literal["keep", "close"] = Field(
        default="keep",
        description="keep: what is open goes on, since nobody looks up a name for it; close: it is closed, once what was asked on it is "
        "answered, so that who goes on has to look up the name",
    )

    @model_validator(mode="after")
    def _kept_if_it_is_an_answer(self) -> BadLookup:
        if self.ttl and self.answer not in KEPT:
            raise ValueError(
                f"ttl: {self.answer} is never kept; {', '.join(KEPT)} are, so leave ttl out or say one of those"
            )
        return self

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        closes = self.open_connections == "close"
        return tuple(NameAnswer(link, self.answer, round(self.ttl), closes, self.share) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        return every_probe(looked, {"silent" if self.answer == "nothing" else self.answer})

    def summary(self) -> str:
        ttl = f", to be kept for {self.ttl:g} s" if self.ttl else ""
        closes = ", open connections closed" if self.open_connections == "close" else ""
        return f"bad_lookup · {self.answer}{ttl}{closes}{self.whom}"
