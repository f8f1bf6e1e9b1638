"""What services made of real SDKs do with their attempts, as the wire sees it and metrics tell it; beside each one that does not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import anthropic
import openai
import pytest
from simulated_world import begun, tabled

from harness.judging.evidence import Evidence
from harness.judging.joining import derive_attempts, derive_requests
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.planning.plan import plan
from harness.reading.expectation import WHOLE
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.record.history import Ended
from harness.record.rows import Arrival, Attempt, Request

LINKS = ("east", "west")
USAGE: dict[str, Any] = {
    "openai": {"prompt_tokens": 70, "completion_tokens": 30, "total_tokens": 100},
    "anthropic": {"input_tokens": 70, "output_tokens": 30},
}
WELL: dict[str, dict[str, Any]] = {
    "openai": {"choices": [{"index": 0, "message": {"role": "assistant", "content": "30"}, "finish_reason": "stop"}]},
    "anthropic": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "30"}]},
}
SPENT = {
    "openai": {"error": {"type": "insufficient_quota", "code": "credit_balance_exhausted", "message": "", "param": None}},
    "anthropic": {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "", "details": {"error_code": "enforced_spend_limit_reached"}},
    },
}  # fmt: skip
"""A 429 that no wait mends."""
Ask = Callable[..., None]
"""One call of the SDK, with its two retries, over the link of that name, in these words; raises what the SDK raises."""
Service = Callable[[Ask], None]
FAILED = (openai.APIStatusError, anthropic.APIStatusError)


def once(ask: Ask) -> None:
    ask("east")


def elsewhere(ask: Ask) -> None:
    try:
        ask("east")
    except FAILED:
        ask("west")


def insisting(ask: Ask) -> None:
    for _ in range(3):
        try:
            ask("east")
        except FAILED:
            continue


def both(ask: Ask) -> None:
    ask("west")
    ask("east")


def agent(ask: Ask) -> None:
    for words in ("plan", "tool", "answer"):
        ask("west", words)


def agent_that_fails_over(ask: Ask) -> None:
    ask("west", "plan")
    with suppress(*FAILED):
        ask("east", "tool")
    ask("west", "tool")
    ask("west", "answer")


def agent_that_repeats_itself(ask: Ask) -> None:
    for _ in range(3):
        ask("west", "plan")


@pytest.fixture
def asking(new_wire, new_provider, kit) -> Callable[..., Evidence]:
    """What a run left in which a *service* was asked once, whose east answers *status* and whose west is well.

    All are asked over one wire, since that takes longer to start than all that is asked.
    """
    said: dict[str, tuple[bytes, bytes, bool]] = dict.fromkeys(LINKS, (b"200 OK", b"", False))

    def providing(link: str, api: str) -> int:
        async def script(request: Any, line: Any) -> None:
            status, headers, spent = said[link]
            failed = SPENT[api] if spent else {}
            body = {"id": "a", "model": "m", "usage": USAGE[api], **WELL[api]} if status == b"200 OK" else failed
            line.write(kit.answer(json.dumps(body).encode(), status=status, headers=headers))

        return int(new_provider(script).port)

    def over(api: str) -> Callable[..., Evidence]:
        wire = new_wire({link: f"http://127.0.0.1:{providing(link, api)}" for link in LINKS}, api=api)
        asked = count()

        def run(
            service: Service, status: bytes = b"200 OK", headers: bytes = b"", gone_s: float = 0.0, spent: bool = False
        ) -> Evidence:
            said["east"], nonce = (status, headers, spent), f"n-{next(asked):010x}"
            before = seen(wire)
            zero_s = time.monotonic() - 2  # in the baseline
            with calling(api, wire, nonce) as call, suppress(*FAILED):
                service(call)

            def mine() -> tuple[list[Attempt], list[Arrival]]:
                rows = wire.attempts(), wire.arrivals()
                return [one for one in rows[0] if one.nonce == nonce], [one for one in rows[1] if one.nonce == nonce]

            made = seen(wire) - before
            kit.eventually(lambda: [len(rows) for rows in mine()] == [made, made])
            attempts, arrivals = mine()
            row = Request(0, 0, due_s=2.0, sent_s=2.0, nonce=nonce, status=200, outcome="complete", question="q")
            row.end_s = max(one.end_s or 0 for one in attempts) - zero_s - gone_s
            return evidence(row, attempts, arrivals, zero_s)

        return run

    return over


@contextmanager
def calling(api: str, wire: Any, nonce: str) -> Iterator[Ask]:
    """A client of *api* for both links of *wire*, each of whose calls is made for the request of *nonce*."""
    sdk: Any = openai if api == "openai" else anthropic
    # No certificates are read, which takes longer than all that is asked here.
    with sdk.DefaultHttpxClient(verify=False) as http_client:

        def ask(link: str, words: str = "How long?") -> None:
            messages: Any = [{"role": "user", "content": f"{words} {nonce}"}]
            url, said = f"http://127.0.0.1:{wire.tap(link)}", {"api_key": "k", "http_client": http_client}
            if api == "openai":
                client = openai.OpenAI(base_url=f"{url}/v1", **said)
                client.chat.completions.create(model="m", messages=messages)
            else:
                anthropic.Anthropic(base_url=url, **said).messages.create(model="m", messages=messages, max_tokens=99)

        yield ask


def seen(wire: Any) -> int:
    """How many attempts have begun on *wire*; their rows are written when they have ended."""
    return sum(counts.attempts for counts in wire.stage.counts().values())


def evidence(row: Request, attempts: list[Attempt], arrivals: list[Arrival], zero_s: float) -> Evidence:
    """What a run leaves in which there was this one request."""
    scenario = {
        "schema": "harness.scenario/1",
        "name": "sdk",
        "load": {"rate_per_s": 1, "questions": "q.yaml"},
        "phases": {"warmup": "1s", "baseline": "60s", "fault": "1s", "recovery": "1s"},
        "faults": [],
        "expect": ["good_ratio >= 0.5"],
    }
    target = {
        "schema": "harness.target/1",
        "name": "sdk",
        "entries": [{"url": "http://127.0.0.1:1"}],
        "ask": {"protocol": "openai-chat", "model": "m"},
        "prices": {"m": {"in": 10_000, "out": 20_000}},
        "links": {link: {"kind": "provider", "upstream": "http://127.0.0.1:2", "region": link} for link in LINKS},
    }
    made, problems = plan(Scenario.model_validate(scenario), Target.model_validate(target), ())
    assert problems == []
    requests = tabled([row], Request)
    tries = derive_attempts(made, tabled(attempts, Attempt, zero_s), requests)
    there = tabled(arrivals, Arrival, zero_s)
    requests = derive_requests(made, requests, tries)
    return Evidence(made, begun(made), [Ended(61.0, "completed")], requests, tries, there, {})


def told(run: Evidence, metric: str) -> float | None:
    name, _, part = metric.partition(".")
    return metrics[name].measure(pick(run, WHOLE), part or None).value


NOW = b"retry-after-ms: 1\r\n"
BUSY = {"status": b"503 Service Unavailable", "headers": NOW}
CASES: list[tuple[str, Service, dict[str, Any], float | None]] = [
    ("non_retryable_retries", once, {"status": b"400 Bad Request"}, 0),
    ("non_retryable_retries", insisting, {"status": b"400 Bad Request"}, 2),
    ("non_retryable_retries", once, {"status": b"400 Bad Request", "headers": b"x-should-retry: true\r\n" + NOW}, 2),
    ("non_retryable_retries", once, {"status": b"429 Too Many Requests", "headers": NOW}, 0),
    ("non_retryable_retries", once, {"status": b"429 Too Many Requests", "headers": NOW, "spent": True}, 2),
    ("non_retryable_retries", once, {"status": b"429 Too Many Requests", "headers": b"x-should-retry: false\r\n"}, 0),
    (
        "non_retryable_retries",
        insisting,
        {"status": b"429 Too Many Requests", "headers": b"x-should-retry: false\r\n"},
        2,
    ),
    ("attempts_before_failover", elsewhere, {"status": b"503 Service Unavailable", "headers": NOW}, 3),
    ("attempts_before_failover", elsewhere, {"status": b"400 Bad Request"}, 1),
    ("duplicate_completions", once, {}, 0),
    ("duplicate_completions", both, {}, 1),
    ("duplicate_completions", elsewhere, {"status": b"503 Service Unavailable", "headers": NOW}, 0),
    ("orphaned_attempts", once, {}, 0),
    ("orphaned_attempts", once, {"gone_s": 1.0}, 1),
    ("orphaned_attempts", both, {"gone_s": 1.0}, 2),
    ("retry_amplification", once, {}, 1),
    ("retry_amplification", once, BUSY, 3),  # an SDK's tries have one body
    ("retry_amplification.steps", once, BUSY, 1),
    ("retry_amplification", elsewhere, BUSY, 4),
    ("retry_amplification", agent, {}, 1),
    ("retry_amplification.steps", agent, {}, 3),
    ("duplicate_completions", agent, {}, 0),
    ("retry_amplification", agent_that_fails_over, BUSY, 2),  # one, four and one
    ("retry_amplification.steps", agent_that_fails_over, BUSY, 3),
    ("attempts_before_failover", agent_that_fails_over, BUSY, 3),
    ("retry_amplification", agent_that_repeats_itself, {}, 3),
    ("retry_amplification.steps", agent_that_repeats_itself, {}, 1),
    ("duplicate_completions", agent_that_repeats_itself, {}, 2),
    ("tokens_per_request.in", once, {}, 70),
    ("tokens_per_request.out", both, {}, 60),
    ("cost_per_good", once, {}, 1.3),
    ("cost_per_good", both, {}, 2.6),
]


@pytest.mark.parametrize("api", list(USAGE))
def test_what_an_sdk_did_is_what_the_metrics_say(asking, api) -> None:
    run = asking(api)
    for metric, service, said, expected in CASES:
        assert told(run(service, **said), metric) == expected, (metric, service.__name__, said)
