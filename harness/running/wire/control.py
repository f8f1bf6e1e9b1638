"""The wire's control interface: HTTP and JSON on loopback, where saying a thing twice is as good as once.

::

    PUT    /links/LINK/via               {"port": 21001}       where the tap of LINK dials: its Toxiproxy proxy
    PUT    /links/LINK/owed              {"seconds": 1.7}      how long an abandoned request is still on its way
    PUT    /links/LINK/faults/FAULT      an effect             of a tap or an EdgeRule, in place of this fault's last one
    DELETE /links/LINK/faults/FAULT                            whatever of that is in force
    GET    /counts                                             LinkCounts by link
    POST   /finish                                             write what is open, and end

An answer of 2xx means that it is in force.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from harness.faults.effects import LinkCounts, NameAnswer, NameDelay, TapAnswers, TapCertificate, TapMode, TapShape
from harness.record.rows import Attempt
from harness.running.wire.config import Carries
from harness.running.wire.edge.edge import Edge
from harness.running.wire.edge.rules.in_force import RuleAsWritten, read_rule
from harness.running.wire.ledger import Ledger
from harness.running.wire.tap.tap import Tap

Asked = TypeVar("Asked")


class Via(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A port of 127.0.0.1."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Owed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time that is not negative."""

    seconds: Annotated[float, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of one link; only one that carries HTTP has an *edge*."""

    tap: Tap
    edge: Edge | None
    attempts: Ledger[Attempt]
    carries: Carries
    named: bool = False
    """Whether it is looked up by a name."""

    @property
    def counts(self) -> LinkCounts:
        passage = self.tap.passage
        passed, attempts = passage.traffic.total, self.attempts.begun[self.tap.passage.link]
        in_force = tuple(dict.fromkeys([*self.tap.faults, *(self.edge.account.rules.faults if self.edge else ())]))
        counted = (passed.connections, passed.bytes_out, passed.bytes_in, passed.commands)
        refused = {fault: dict(said) for fault, said in passage.refused.items()}
        passing = (
            in_force,
            *counted,
            self.carries,
            dict(passage.drawn),
            refused,
            passed.lookups if self.named else None,
        )
        done_to = passage.done_to
        if self.edge is None:
            return LinkCounts(attempts, 0, 0, dict(done_to), 0, *passing)
        account = self.edge.account
        arrivals, tally = account.arrivals.begun[account.link], account.upstream.tally
        return LinkCounts(
            attempts, arrivals, tally.forwarded, dict(account.by_fault + done_to), tally.redials, *passing
        )


class Control:
    """Answers for *links*; *finished* is set when they are to end, and *ended* once they have.

    *problem* says why rows cannot be written; nothing while they can.
    """

    def __init__(self, links: Mapping[str, Ends], problem: Callable[[], str]) -> None:
        self._links = links
        self._problem = problem
        self.finished = asyncio.Event()
        self.ended = asyncio.Event()

    def application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.put("/links/{link}/via", self._via),
                web.put("/links/{link}/owed", self._owed),
                web.put("/links/{link}/faults/{fault}", self._inject),
                web.delete("/links/{link}/faults/{fault}", self._revert),
                web.get("/counts", self._counts),
                web.post("/finish", self._finish),
            ]
        )
        return application

    async def _via(self, request: web.Request) -> web.Response:
        self._ends(request).tap.passage.via = (await _asked(request, _VIA)).port
        return web.Response(status=204)

    async def _owed(self, request: web.Request) -> web.Response:
        self._ends(request).tap.passage.owed_s = (await _asked(request, _OWED)).seconds
        return web.Response(status=204)

    async def _inject(self, request: web.Request) -> web.Response:
        ends, fault = self._ends(request), request.match_info["fault"]
        effect = await _asked(request, _EFFECT)
        if effect.aim != request.match_info["link"]:
            raise _refusal(400, f"the effect is for link {effect.aim!r}, not {request.match_info['link']!r}")
        match effect:
            case TapCertificate() if not ends.tap.passage.contexts:
                raise _refusal(
                    400, f"link {effect.aim!r} is not reached by TLS, so nobody is shown a certificate there"
                )
            case NameAnswer() | NameDelay() if not ends.named:
                raise _refusal(400, f"link {effect.aim!r} is not reached by a name, so nobody looks one up")
            case TapMode() | TapShape() | TapAnswers() | TapCertificate() | NameAnswer() | NameDelay():
                if isinstance(effect, TapAnswers) and not ends.tap.passage.gated:
                    why = f"carries {ends.carries}, and only commands of Redis are answered"
                    if ends.carries == "redis":
                        why = "is not read from the beginning: whoever starts the wire has to say that it is gated"
                    raise _refusal(400, f"link {effect.aim!r} {why}")
                await _made_true(ends.tap.put(fault, effect))
            case RuleAsWritten():
                self._put_rule(ends, fault, effect)
        return web.Response(status=204)

    def _put_rule(self, ends: Ends, fault: str, effect: RuleAsWritten) -> None:
        if ends.edge is None:
            raise _refusal(400, f"link {effect.aim!r} carries no HTTP, so it has no edge")
        try:
            ends.edge.account.rules.put(fault, read_rule(effect.rule), effect.requests, time.monotonic())
        except msgspec.DecodeError as error:
            raise _refusal(400, f"a rule for {effect.aim!r}: {error}") from error

    async def _revert(self, request: web.Request) -> web.Response:
        ends, fault = self._ends(request), request.match_info["fault"]
        if ends.edge is not None:
            ends.edge.account.rules.drop(fault)
        await _made_true(ends.tap.drop(fault))
        return web.Response(status=204)

    async def _counts(self, request: web.Request) -> web.Response:
        if problem := self._problem():
            raise _refusal(507, problem)
        counts = {name: ends.counts for name, ends in self._links.items()}
        return web.Response(body=msgspec.json.encode(counts), content_type="application/json")

    async def _finish(self, request: web.Request) -> web.Response:
        self.finished.set()
        await self.ended.wait()
        return web.Response(status=204)

    def _ends(self, request: web.Request) -> Ends:
        name = request.match_info["link"]
        if name not in self._links:
            raise _refusal(404, f"no link is called {name!r}; there are: {', '.join(self._links) or 'none'}")
        return self._links[name]


_VIA = msgspec.json.Decoder(Via)
_OWED = msgspec.json.Decoder(Owed)
_Effect = TapMode | TapShape | TapAnswers | TapCertificate | NameAnswer | NameDelay | RuleAsWritten
_EFFECT: msgspec.json.Decoder[_Effect] = msgspec.json.Decoder(_Effect)


async def _asked(request: web.Request, decoder: msgspec.json.Decoder[Asked]) -> Asked:
    try:
        return decoder.decode(await request.read())
    except msgspec.DecodeError as error:
        raise _refusal(400, f"{request.method} {request.path}: {error}") from error


async def _made_true(change: Awaitable[None]) -> None:
    try:
        await change
    except OSError as error:
        raise _refusal(500, str(error)) from error


def _refusal(status: int, why: str) -> web.HTTPException:
    refusal = _REFUSALS[status]()
    refusal.body = msgspec.json.encode({"error": why})
    refusal.content_type = "application/json"
    return refusal


_REFUSALS: dict[int, type[web.HTTPException]] = {
    400: web.HTTPBadRequest,
    404: web.HTTPNotFound,
    500: web.HTTPInternalServerError,
    507: web.HTTPInsufficientStorage,
}
