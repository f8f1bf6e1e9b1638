"""Attempts are not what arrives: the same calls against every fault, counted in front of Toxiproxy, behind it, and at the provider.

The real `openai` client makes 16 calls on each link, all at once; with its two retries that is 48 attempts where all fail.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx2
import openai

from harness.faults.effects import Cut, TapMode, Toxic
from harness.running.toxiproxy import ToxiproxyStage
from harness.running.wire import WireStage

CALLS = 16
ALL = 3 * CALLS
SHORT_S = 0.5  # for an answer; to ask, and to be answered where that comes, takes as long as this machine needs
LONG_S = 60.0
LATENCY_S = 1.0
PACE_S = 0.008


@dataclass(frozen=True)
class Case:
    """One link: what is wrong with it, and how many attempts then get past Toxiproxy; None where that is a race."""

    effects: tuple[Cut | TapMode | Toxic, ...]
    arrive: int | None
    attempts: int | None = ALL
    timeout_s: float = LONG_S
    owed_s: float = 0.0


def _toxic(link: str, kind: str, stream: str, **attributes: int) -> Toxic:
    return Toxic(link, kind, stream, attributes)


_LATENCY_MS = int(LATENCY_S * 1000)
CASES = {
    "no-fault": Case((), arrive=CALLS, attempts=CALLS),
    "black-hole": Case((_toxic("black-hole", "timeout", "upstream", timeout=0),), arrive=0, timeout_s=SHORT_S),
    "cut": Case((Cut("cut"),), arrive=0),
    "reset-up": Case((_toxic("reset-up", "reset_peer", "upstream", timeout=0),), arrive=0),
    "reset-down": Case((_toxic("reset-down", "reset_peer", "downstream", timeout=0),), arrive=ALL),
    "silent-down": Case((_toxic("silent-down", "timeout", "downstream", timeout=0),), arrive=ALL, timeout_s=SHORT_S),
    "slow": Case((_toxic("slow", "latency", "upstream", latency=_LATENCY_MS, jitter=0),), arrive=None, timeout_s=SHORT_S),
    "slow-owed": Case(
        (_toxic("slow-owed", "latency", "upstream", latency=_LATENCY_MS, jitter=0),),
        arrive=ALL,
        timeout_s=SHORT_S,
        owed_s=LATENCY_S,
    ),
    # Nobody listens, so nobody can see an attempt.
    "refused": Case((TapMode("refused", "refuse"),), arrive=0, attempts=0),
    "reset": Case((TapMode("reset", "reset"),), arrive=0),
    "silent": Case((TapMode("silent", "silence"),), arrive=0, timeout_s=SHORT_S),
}  # fmt: skip
RESET_EARLY = ("cut", "reset", "reset-up")
"""Links whose connections are reset once something was asked, which may be before all of it was."""
ANSWERED_LATE = ("slow", "slow-owed")


def _break(stage: WireStage, proxies: ToxiproxyStage, link: str, case: Case) -> None:
    stage.owe(link, case.owed_s)
    for effect in case.effects:
        if isinstance(effect, TapMode):
            stage.inject("f", effect)
        else:
            proxies.inject("f", effect)


def _nonces(link: str) -> list[str]:
    first = list(CASES).index(link) * CALLS
    return [f"n-{number:010x}" for number in range(first, first + CALLS)]


async def _call_all(taps: dict[str, int]) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """How often the calls of each link ended in which way, and how many attempts were sent whole on each."""
    ended: Counter[tuple[str, str]] = Counter()
    sent: Counter[str] = Counter()

    def watch(link: str) -> Callable[[httpx2.Request], Awaitable[None]]:
        async def note(event: str, info: object) -> None:
            if event == "http11.send_request_body.complete":
                sent[link] += 1

        async def begin(request: httpx2.Request) -> None:
            request.extensions["trace"] = note

        return begin

    async def call(client: openai.AsyncOpenAI, link: str, nonce: str, turn: int) -> None:
        await asyncio.sleep(turn * PACE_S)
        message = {"role": "user", "content": f"What is it? ({nonce})"}
        try:
            await client.chat.completions.create(model="m", messages=[message])
        except openai.OpenAIError as error:
            ended[link, type(error).__name__] += 1
        else:
            ended[link, "answer"] += 1

    async def call_link(link: str, port: int) -> None:
        watched = openai.DefaultAsyncHttpxClient(event_hooks={"request": [watch(link)]})
        async with openai.AsyncOpenAI(
            api_key="sk-secret",
            base_url=f"http://127.0.0.1:{port}/v1",
            timeout=openai.Timeout(LONG_S, read=CASES[link].timeout_s),
            max_retries=2,
            http_client=watched,
        ) as client:
            await asyncio.gather(*(call(client, link, nonce, turn) for turn, nonce in enumerate(_nonces(link))))

    # In groups, so that they are not too many for one process to keep up with.
    links = list(taps)
    for first in range(0, len(links), 3):
        await asyncio.gather(*(call_link(link, taps[link]) for link in links[first : first + 3]))
    return ended, sent


def test_attempts_arrivals_and_what_the_provider_accepted(toxiproxy, wire_process, provider, kit, monkeypatch) -> None:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.05)

    async def script(request, line) -> None:
        line.write(kit.answer())

    provider.script = script
    wire, _ = wire_process({link: f"http://127.0.0.1:{provider.port}/{link}" for link in CASES})
    proxies = ToxiproxyStage(toxiproxy, "accounting-")
    for link, case in CASES.items():
        _, port = proxies.open_link(link, f"127.0.0.1:{wire.edge(link)}")
        wire.stage.connect_link(link, port)
        _break(wire.stage, proxies, link, case)

    ended, sent = asyncio.run(_call_all({link: wire.tap(link) for link in CASES}))
    kit.eventually(lambda: wire.stage.counts()["slow-owed"].forwarded == sent["slow-owed"])
    wire.stage.finish()

    attempts = {link: [row for row in wire.attempts() if row.link == link] for link in CASES}
    arrivals = {link: [row for row in wire.arrivals() if row.link == link] for link in CASES}
    accepted = Counter(request.target.split("/")[1] for request in provider.accepted)
    for link, case in CASES.items():
        seen = f"{link}: {sent[link]} sent, {len(attempts[link])} seen, {len(arrivals[link])} arrived"
        assert len(attempts[link]) == sent[link], seen
        # A client that is too busy may hear of the reset that its head has earned it before its attempt leaves it whole, or may
        # look for an answer only once it is there.
        early = link in (*RESET_EARLY, *ANSWERED_LATE)
        assert sent[link] == case.attempts or (early and CALLS < sent[link] < ALL), seen
        if case.arrive is not None:
            assert len(arrivals[link]) == (sent[link] if case.arrive == ALL else case.arrive), seen
        assert sum(row.forwarded_s is not None for row in arrivals[link]) == accepted[link] == len(arrivals[link]), seen
        assert {row.nonce for row in attempts[link]} == (set(_nonces(link)) if case.attempts else set()), seen
        assert {row.nonce for row in arrivals[link]} <= set(_nonces(link)), seen
    tries = Counter(row.retry_count for row in attempts["cut"])
    assert set(tries) == {0, 1, 2}
    assert max(tries.values()) == CALLS
    assert {row.outcome for row in attempts["cut"]} == {"reset"}
    assert {row.outcome for row in attempts["reset"]} == {"reset"}
    assert (
        {row.outcome for row in attempts["black-hole"]}
        == {row.outcome for row in attempts["silent"]}
        == {"client_left"}
    )
    assert ended["no-fault", "answer"] == CALLS
    assert not any(b"sk-secret" in path.read_bytes() for path in wire.rows.glob("*.rows"))
