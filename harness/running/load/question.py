"""Asks each entry one question before the load, as the load would: ``python -m harness.running.load.question PLAN``."""

from __future__ import annotations

import sys
from pathlib import Path
from time import monotonic, sleep

import msgspec

from harness.protocols.asking import ResolvedAsk
from harness.protocols.nonce import nonce
from harness.protocols.protocols import protocol
from harness.record.rows import RequestOutcome
from harness.running.load import handshake
from harness.running.load.asking import asked_first
from harness.running.load.connections import Connections
from harness.running.load.exchange import Answer
from harness.running.load.job import put
from harness.running.load.plan import Limits, PlannedQuestion
from harness.running.load.webhooks import Webhooks

_LOOK_S = 0.01
_TRIES_MAX = 5
# An answer that fails at once may be one of the few that fail anyway; one that took its time is not worth waiting for again.
_AGAIN_WITHIN_S = 1.5


class QuestionPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to ask of whom, and where to write down what came of it; like a load plan it holds secrets."""

    run_id: str
    entries: dict[str, str]  # the address of each
    question: PlannedQuestion
    ask: ResolvedAsk
    limits: Limits
    start_path: str
    answers_path: str


class Answered(msgspec.Struct, frozen=True):
    """How one entry answered: the last of its *nonces* is that of the try that is told. Instants are of the monotonic clock."""

    entry: str
    request_line: str
    nonces: list[str]
    began_s: float  # of the first try
    sent_s: float  # of this one
    ended_s: float
    first_token_s: float | None
    status: int
    outcome: RequestOutcome
    detail: str
    streamed: bool
    text: str
    reply: str  # how the answer's body began, as it came


def command(plan: Path, python: str = sys.executable) -> list[str]:
    """The command line of a child that carries out the plan in the file *plan* once it may, and then ends with status 0."""
    return [python, "-P", "-m", "harness.running.load.question", str(plan.resolve())]


def main(path: Path) -> None:
    plan = msgspec.json.decode(path.read_bytes(), type=QuestionPlan)
    while handshake.start(Path(plan.start_path)) is None:
        sleep(_LOOK_S)
    answers = [_asked(plan, number, entry, url) for number, (entry, url) in enumerate(plan.entries.items())]
    handshake.write_whole(Path(plan.answers_path), msgspec.json.encode(answers))


def _asked(plan: QuestionPlan, number: int, entry: str, url: str) -> Answered:
    """How *entry*, the one of that *number*, answers: well in one of a few tries, or as the last of them says."""
    connections, began_s, nonces = Connections(url), monotonic(), list[str]()
    while True:
        # The requests of the load have the numbers from 0 on.
        nonces.append(nonce(plan.run_id, -1 - _TRIES_MAX * number - len(nonces)))
        answer, line = _try(plan, url, connections, nonces[-1])
        over = len(nonces) == _TRIES_MAX or monotonic() > began_s + _AGAIN_WITHIN_S
        if answer.outcome in ("complete", "timed_out") or over:
            connections.close()
            return _answered(entry, line, nonces, began_s, answer)


def _try(plan: QuestionPlan, url: str, connections: Connections, mark: str) -> tuple[Answer, str]:
    answer, ways = Answer(), protocol(plan.ask.protocol)
    asked = asked_first(plan.question, f"{plan.run_id}-before", mark)
    request = ways.request(plan.ask, asked)
    webhooks = Webhooks() if plan.ask.job and plan.ask.job.webhook else None
    try:
        put(answer, connections, plan.ask, ways, asked, url, monotonic(), plan.limits, webhooks)
    finally:
        if webhooks is not None:
            webhooks.close()
    return answer, f"{request.method} {url.rstrip('/')}{request.path}"


def _answered(entry: str, line: str, nonces: list[str], began_s: float, answer: Answer) -> Answered:
    assert answer.began_s is not None
    assert answer.ended_s is not None
    return Answered(
        entry=entry,
        request_line=line,
        nonces=nonces,
        began_s=began_s,
        sent_s=answer.began_s,
        ended_s=answer.ended_s,
        first_token_s=answer.first_token_s,
        status=answer.status,
        outcome=answer.outcome,
        detail=answer.detail,
        streamed=answer.chunks > 0,
        text=answer.text,
        reply=answer.begins.decode("utf-8", "replace"),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
