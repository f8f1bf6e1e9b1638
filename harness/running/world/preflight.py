"""One question through the whole path before the load: how each entry answers it, and what each HTTP link sees of that."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from harness.problems import HarnessError
from harness.protocols.asking import ResolvedAsk
from harness.record.history import LinkSeen, Preflight
from harness.record.own_file import write_new
from harness.record.rowfile import read_rows
from harness.record.rows import LOOKS, Arrival, Attempt
from harness.running.load import handshake, question
from harness.running.load.plan import Limits, PlannedQuestion
from harness.running.load.question import Answered, QuestionPlan
from harness.running.wire.client import WireStage
from harness.running.world.processes import Processes

_NAME = "preflight"
_LOOK_S = 0.01
# An attempt has its row a moment after the service has answered, and one that is never answered has none.
_WRITTEN_WITHIN_S = 0.5
_STARTED_WITHIN_S = 20.0
_ANSWER_CHARS = 200


class Questioner:
    """A client in a process of its own, which is there before it is needed; *rows* is where the wire writes what it sees."""

    def __init__(
        self,
        processes: Processes,
        wire: WireStage | None,
        rows: Path,
        temp: Path,
        entries: dict[str, str],
        ask: ResolvedAsk,
        asked: PlannedQuestion,
        limits: Limits,
        run_id: str,
    ) -> None:
        self._processes, self._wire, self._rows, self._temp = processes, wire, rows, temp
        self._plan = QuestionPlan(
            run_id=run_id,
            entries=entries,
            question=asked,
            ask=ask,
            limits=limits,
            start_path=str(temp / "question-start.json"),
            answers_path=str(temp / "question-answers.json"),
        )

    def spawn(self) -> None:
        """Start the client; it asks nothing yet."""
        path = self._temp / "question.json"
        write_new(path, msgspec.json.encode(self._plan))
        self._processes.spawn(_NAME, question.command(path), may_end=True)

    def ask(self) -> list[Preflight]:
        """How every entry answered, on the machine's monotonic clock. Raises HarnessError where nobody could ask."""
        begun, refused = self._counts(), self._refused()
        handshake.start_at(Path(self._plan.start_path), time.monotonic())
        answers = self._answers()
        if not all(answered.status for answered in answers):
            # A service that did not live through the question says why in its log.
            self._processes.check_soon()
        attempts = self._attempts(sum(begun.values()), min(answered.began_s for answered in answers))
        arrivals = [row for path in self._rows.glob("arrivals*.rows") for row in read_rows(path, Arrival)]
        asked = [_preflight(self._plan, answered, attempts, arrivals, sorted(begun)) for answered in answers]
        # Handshakes that come to nothing say nothing of whom they were for.
        asked = _with_refused(asked, {name: said - refused[name] for name, said in self._refused().items()})
        return _with_lookups(asked, self._lookups())

    def _answers(self) -> list[Answered]:
        path = Path(self._plan.answers_path)
        late_s = time.monotonic() + _STARTED_WITHIN_S + 2 * self._plan.limits.deadline_s * len(self._plan.entries)
        while not path.exists():
            self._processes.check()
            if time.monotonic() > late_s:
                raise HarnessError("the question before the load was not asked; see preflight.log")
            time.sleep(_LOOK_S)
        return msgspec.json.decode(path.read_bytes(), type=list[Answered])

    def _counts(self) -> dict[str, int]:
        """Attempts begun so far, by HTTP link."""
        counts = self._wire.counts() if self._wire else {}
        return {name: seen.attempts for name, seen in counts.items() if seen.carries == "http"}

    def _refused(self) -> dict[str, Counter[str]]:
        """TLS handshakes that clients ended so far for what is in order, by link and alert."""
        counts = self._wire.counts() if self._wire else {}
        return {name: Counter(seen.refused.get("", {})) for name, seen in counts.items()}

    def _lookups(self) -> dict[str, int | None]:
        """How often the name of each link was looked up since the run began; None where it has none."""
        counts = self._wire.counts() if self._wire else {}
        return {name: seen.lookups for name, seen in counts.items()}

    def _attempts(self, before: int, since_s: float) -> list[Attempt]:
        """Attempts since *since_s* that have ended; waits a moment for those that are about to. There had been *before*."""
        late_s = time.monotonic() + _WRITTEN_WITHIN_S
        while True:
            ended = [row for path in self._rows.glob("attempts*.rows") for row in read_rows(path, Attempt)]
            since = [row for row in ended if row.start_s >= since_s]
            if len(since) >= sum(self._counts().values()) - before or time.monotonic() > late_s:
                return since
            time.sleep(_LOOK_S)


def _preflight(
    plan: QuestionPlan,
    answered: Answered,
    attempts: Sequence[Attempt],
    arrivals: Sequence[Arrival],
    links: Sequence[str],
) -> Preflight:
    seen = [row for row in attempts if row.nonce in answered.nonces or _meanwhile(row, answered)]
    details = {
        row.link: row.detail
        for row in arrivals
        if row.detail and (row.nonce in answered.nonces or _meanwhile(row, answered))
    }
    return Preflight(
        at_s=answered.began_s,
        entry=answered.entry,
        request_line=answered.request_line,
        question=plan.question.text,
        nonces=answered.nonces,
        status=answered.status,
        outcome=answered.outcome,
        detail=answered.detail,
        reply=answered.reply,
        answer=answered.text[:_ANSWER_CHARS],
        streamed=answered.streamed,
        took_s=round(answered.ended_s - answered.sent_s, 4),
        first_token_s=None if answered.first_token_s is None else round(answered.first_token_s - answered.sent_s, 4),
        links=[
            _seen(link, [row for row in seen if row.link == link], answered.nonces, details.get(link, ""))
            for link in links
        ],
    )


def _with_refused(asked: Sequence[Preflight], refused: Mapping[str, Counter[str]]) -> list[Preflight]:
    def told(link: LinkSeen) -> LinkSeen:
        return replace(link, refused=dict(refused.get(link.link, {})))

    return [replace(one, links=[told(link) for link in one.links]) for one in asked]


def _with_lookups(asked: Sequence[Preflight], lookups: Mapping[str, int | None]) -> list[Preflight]:
    def told(link: LinkSeen) -> LinkSeen:
        return replace(link, looked_up=lookups.get(link.link))

    return [replace(one, links=[told(link) for link in one.links]) for one in asked]


def _meanwhile(row: Attempt | Arrival, answered: Answered) -> bool:
    """Entries are asked one after the other, so what says nothing of its request belongs to the one that was open then."""
    return not row.nonce and answered.began_s <= row.start_s <= answered.ended_s


def _seen(link: str, rows: Sequence[Attempt], nonces: Sequence[str], detail: str) -> LinkSeen:
    answers = Counter(str(row.status) if row.status else row.outcome for row in rows)
    asked = [row for row in rows if row.method not in LOOKS]
    return LinkSeen(link, len(rows), len(asked), sum(row.nonce in nonces for row in rows), dict(answers), detail)
