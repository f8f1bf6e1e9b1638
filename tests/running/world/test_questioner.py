"""What is made of the rows that the wire wrote while a question was answered before the load."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import msgspec
import pytest

from harness.faults.effects import LinkCounts
from harness.protocols.asking import ResolvedAsk
from harness.record.rowfile import RowFile
from harness.record.rows import Arrival, Attempt
from harness.running.load.plan import Limits, PlannedQuestion
from harness.running.load.question import Answered
from harness.running.wire.client import WireStage
from harness.running.world.preflight import Questioner
from harness.running.world.processes import Processes

WHY = "api.example:443: the name could not be resolved (Name or service not known)"


class Answering:
    """Processes of which the client writes, once it is started, how one entry answered."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def spawn(self, *_: object, **__: object) -> None:
        said = {"status": 502, "outcome": "error", "detail": "http 502", "streamed": False, "text": "", "reply": ""}
        asked = Answered("e", "POST /ask", ["n-a"], began_s=1.0, sent_s=1.0, ended_s=2.0, first_token_s=None, **said)
        self.path.write_bytes(msgspec.json.encode([asked]))

    def check(self) -> None: ...

    def check_soon(self) -> None: ...


class Seen:
    """A wire with one link, that has seen so many attempts each time it is asked."""

    def __init__(self, attempts: list[int]) -> None:
        self.attempts = attempts

    def counts(self) -> dict[str, LinkCounts]:
        return {"openai": LinkCounts(self.attempts.pop(0) if len(self.attempts) > 1 else self.attempts[0], 0, 0, {})}


@pytest.mark.parametrize(
    ("arrival", "told"),
    [
        (Arrival("openai", 1.5, "n-a", detail=WHY), WHY),
        (Arrival("openai", 1.5, "", detail=WHY), WHY),  # while nobody else asked
        (Arrival("openai", 0.5, "", detail=WHY), ""),  # of the service's own start
        (Arrival("openai", 1.5, "n-b", detail=WHY), ""),
        (Arrival("openai", 1.5, "n-a"), ""),
    ],
)
def test_why_a_provider_was_not_reached_is_told_with_what_its_link_answered(
    tmp_path: Path, arrival: Arrival, told: str
) -> None:
    for name, row in (("attempts", Attempt("openai", 1.4, "n-a", outcome="closed")), ("arrivals", arrival)):
        file = RowFile(tmp_path / f"{name}.rows")
        file.add(row)
        file.close()
    processes, wire = Answering(tmp_path / "question-answers.json"), Seen([0, 1])
    doubles = cast("Processes", processes), cast("WireStage", wire)
    asks = ({"e": "http://127.0.0.1:1"}, ResolvedAsk("json"), PlannedQuestion("q", "Why?"), Limits())
    questioner = Questioner(*doubles, tmp_path, tmp_path, *asks, "run")
    questioner.spawn()
    (preflight,) = questioner.ask()
    (link,) = preflight.links
    assert (link.answers, link.detail) == ({"closed": 1}, told)
