"""A game day as somebody would have lived through it, told at instants that are chosen: its events, its file and the runs that it made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.gameday.desk import Desk
from harness.gameday.events import Agreed, Began, Closed, Event, Item, Looked, Marked, Noted, Opened, Over

SAMPLE = Path(__file__).resolve().parents[1] / "reports" / "sample"
INJECTED_S = 15.00015772
"""Of the sample's run: when its fault counts as in force, on the run's clock."""
FILE = """schema: harness.gameday/1
name: provider-loss
title: One provider is lost
objective: To see whether we notice before our users do
hypothesis: Users see nothing of a lost region
owner: ann
coordinator: bob
reporter: cyd
observers: [gus]
target: fragile.yaml
prerequisites: [{tick: Nobody is on call for something else}]
approvals: [{by: dee}]
agenda:
  - {id: loss, scenario: region-loss.yaml, start: 10min, about: the east is lost}
  - {id: unplug, manual: Unplug the cache, verify: it is gone, rollback: plug it in}
  - {id: quiet, wait: 5min, start: next}
  - {id: night-shift, scenario: openai-outage.yaml, secret: true, about: nobody may know of this one}
  - {id: talk, discuss: What did we learn?}
"""
STEPS = {"loss": "scenario", "unplug": "manual", "quiet": "wait", "night-shift": "scenario", "talk": "discuss"}


class MadeDay:
    """A day in *folder* that was opened at *start*; everything is said so many seconds after that."""

    def __init__(
        self, folder: Path, start: datetime, *, tabletop: bool = False, file: str = FILE, name: str = "provider-loss"
    ) -> None:
        folder.mkdir(parents=True)
        self.folder, self.start, self._now = folder, start, start
        self._desk = Desk(folder / "day.jsonl", now=lambda: self._now)
        if file:
            (folder / "files").mkdir()
            (folder / "files" / "gameday.yaml").write_text(file)
        self.at(
            0,
            Opened(
                day=folder.name,
                name=name,
                file="days/provider-loss.yaml",
                sha256="ab" * 32,
                steps=list(STEPS),
                prerequisites=1,
                approvals=["dee"],
                tabletop=tabletop,
                secret=["night-shift"],
                kinds=list(STEPS.values()),
            ),
        )

    def at(self, after_s: float, *events: Event) -> None:
        """These happened *after_s*, in order."""
        self._now = self.start + timedelta(seconds=after_s)
        for event in events:
            (self._desk.write if event.by == "harness" else self._desk.say)(event)

    def iso(self, after_s: float) -> str:
        return (self.start + timedelta(seconds=after_s)).isoformat(timespec="milliseconds")

    def run(self, name: str, zero_s: float | None, *, judged: bool = True, ended: bool = True) -> str:
        """A stored run whose clock was 0 at *zero_s* of the day, or of which nobody knows when; its folder below that of the day."""
        folder = self.folder / "runs" / name
        folder.mkdir(parents=True)
        first, *rest = (SAMPLE / "history.jsonl").read_text().splitlines()
        begun = json.loads(first) | {"started_at": self.iso(600), "zero_at": "" if zero_s is None else self.iso(zero_s)}
        kept = rest if ended else [line for line in rest if json.loads(line)["type"] not in ("reverted", "ended")]
        (folder / "history.jsonl").write_text("\n".join([json.dumps(begun), *kept, ""]))
        if judged:
            (folder / "result.json").write_bytes((SAMPLE / "result.json").read_bytes())
        return f"runs/{name}"


def lived_through(folder: Path, start: datetime, *, later_s: float = 0.0) -> MadeDay:
    """Two steps of it, with all that people say; *later_s*: so much later each mark of the first step came."""
    day = MadeDay(folder, start)
    day.at(60, Looked(by="bob", prerequisite=0, ok=True), Agreed(by="dee", of="dee"))
    day.at(600, Began(step="loss"))
    run = day.run("loss/region-loss/r1", 612)
    day.at(650 + later_s, Marked(by="eve", kind="detected", text="alerts fire"))
    day.at(655 + later_s, Marked(by="eve", kind="acknowledged"))
    day.at(660 + later_s, Noted(by="cyd", text="the dashboard was empty", surprise=True))
    day.at(680 + later_s, Over(step="loss", outcome="failed", run=run, told="failover took too long"))
    day.at(700 + later_s, Marked(by="eve", kind="resolved"))
    day.at(1200, Began(step="unplug"))
    day.at(1290, Marked(by="fox", kind="mitigated", text="plugged in again"))
    day.at(1300, Over(by="bob", step="unplug", outcome="done"))
    day.at(1400, Item(by="cyd", text="Raise the failover time-out", owner="ann", ticket="OPS-12", due="2026-11-01"))
    day.at(1410, Item(by="cyd", text="Write a runbook"))
    return day


FIRST, SECOND = datetime(2026, 10, 2, 14, 0, tzinfo=UTC), datetime(2026, 11, 27, 14, 0, tzinfo=UTC)


def closed(day: MadeDay, after_s: float, held: bool | None) -> MadeDay:
    day.at(after_s, Closed(by="bob", held=held, told="as we see it"))
    return day
