"""A game day in memory, for what shows one: its file's words, its desk, and figures that a test may set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from harness.gameday.control import HIDDEN, DayShown, LiveFigures, Person, PrerequisiteShown, StepShown
from harness.gameday.desk import Desk
from harness.gameday.events import Agreed, Event, Looked, Opened, encode

OPENED = Opened(
    at="2026-11-27T14:00:00.000+00:00",
    day="20261127-140000",
    name="friday",
    file="friday.yaml",
    sha256="0" * 64,
    steps=["look-around", "kill-redis", "talk"],
    kinds=["manual", "scenario", "discuss"],
    secret=["kill-redis"],
    prerequisites=2,
    found_out=[1],
    approvals=["Grace"],
)
READY = [Looked(prerequisite=0, ok=True, by="Ada"), Looked(prerequisite=1, ok=True), Agreed(of="Grace", by="Grace")]
"""After these a step may begin."""
FIGURES = LiveFigures(
    step="kill-redis", now_s=31.0, total_s=120.0, phase=HIDDEN, left_s=12.4, in_force=(HIDDEN,), confirmed=(True,),
    offered_per_s=20.0, good_per_s=11.2, p95_s=1.94, attempts_per_request=2.31,
)  # fmt: skip


@dataclass
class MadeUpDay:
    """A `Control` whose secret step is shown once it has come to something."""

    desk: Desk
    figures: LiveFigures | None = None
    title: str = "Friday: the cache goes away"
    fails: list[str] = field(default_factory=list)
    """What of it cannot be asked."""

    def about(self) -> DayShown:
        hypothesis = "Answers get slower, and none is lost."
        checks = (PrerequisiteShown("The dashboards are open", True), PrerequisiteShown("The pager works", False))
        return DayShown("friday", self.title, "Whether we see that the cache is gone.", hypothesis, "assistant", checks)

    def people(self) -> list[Person]:
        return [
            Person("Ada", "coordinator"),
            Person("Grace", "owner"),
            Person("Linus", "reporter"),
            Person("Grace", "approves", "that customers may wait"),
        ]

    def agenda(self) -> list[StepShown]:
        if "agenda" in self.fails:
            raise LookupError("planted")
        step = self.desk.standing.step("kill-redis")
        secret = step is None or step.outcome in (None, "skipped")
        second = StepShown(
            "kill-redis", "scenario", HIDDEN if secret else "The cache is killed", "by hand", secret=secret
        )
        return [
            StepShown(
                "look-around", "manual", "Turn the cache's alarm off", "by hand",
                about="So that responders have to find it themselves.",
                verify="The alarm page says muted.", rollback="Unmute it on the same page.",
            ),
            second,
            StepShown("talk", "discuss", "What surprised us?", "as soon as the step before is over"),
        ]  # fmt: skip

    def live(self) -> LiveFigures | None:
        return self.figures


def made_up(folder: Path, *events: Event) -> MadeUpDay:
    """A day in *folder* after *events*; the desk is the caller's to close."""
    file = folder / "events.jsonl"
    file.write_bytes(b"".join(map(encode, stamped(OPENED, *events))))
    return MadeUpDay(Desk(file))


def stamped(*events: Event) -> list[Event]:
    """*events*, a second apart where they do not say when they were."""
    opened = datetime.fromisoformat(OPENED.at)
    return [
        replace(event, at=event.at or (opened + timedelta(seconds=n)).isoformat(timespec="milliseconds"))
        for n, event in enumerate(events)
    ]
