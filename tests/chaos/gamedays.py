"""Kills a game day at random moments, and has it gone on with: nothing may be left in force, and no note may be lost.

``python tests/chaos/gamedays.py [RESULTS.jsonl] [--kills 20] [--seed 1]``. Each kill is a day of two scenarios on a small service, some
twenty seconds, and a line of the file when it has ended, so the command goes on where it stopped. Of every second one the keeper of the run
in hand is killed with it, so that nobody puts anything back but who goes on. Prints one table: when it was killed and in what, what
`harness gameday resume` put back, what was left then, and how many of the notes that had been shown are kept. Ends with 1 where anything is
left, a note is lost, or the day does not come to its end.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from site_of_a_trial import Site, Trial, new_site

from harness.gameday.events import Event, Noted, WentOn, decode
from harness.gameday.standing import told
from harness.running.keeper import undo

LASTS_S = 14.0
"""About how long the day takes, once it is opened, that nobody kills."""
_OPENED_WITHIN_S = 30.0
NOTED_EVERY_S = 0.2
ENDS_WITHIN_S = 90.0
_SHOWN = re.compile(r"notes: (n\d+)$", re.MULTILINE)
_AGENDA = """prerequisites: [{command: ["true"]}]
agenda:
  - {id: first, scenario: scenario.yaml}
  - {id: second, scenario: scenario.yaml, start: next, secret: true}
"""


@dataclass
class Outcome:
    """What came of a kill."""

    killed_after_s: float
    keeper_too: bool = False
    killed_in: str = ""
    status: int = 0
    healed: str = ""
    left: list[str] = field(default_factory=list)
    shown: int = 0
    lost: list[str] = field(default_factory=list)
    said: str = ""

    def wrongs(self) -> list[str]:
        """What must not be, in words."""
        found = [f"{len(self.lost)} notes lost"] if self.lost else []
        found += ["left"] if self.left else []
        # Once it is closed there is nothing to go on with.
        usual = {2} if self.killed_in == "after it was closed" else {0, 1, 3}
        return found + ([] if self.status in usual else [f"status {self.status}"])


def killed(site: Site, after_s: float, *, keeper_too: bool) -> Outcome:
    """The day of *site*, killed so long after it was opened, and gone on with."""
    site.write(Trial("a game day"))
    site.write_day(_AGENDA)
    outcome = Outcome(round(after_s, 2), keeper_too)
    screen = site.folder / "screen.txt"
    with screen.open("wb") as shown:
        process = subprocess.Popen(
            _words(site, "run", "--yes"),
            cwd=site.folder,
            stdin=subprocess.PIPE,
            stdout=shown,
            stderr=shown,
            env=site.environment,
        )
        over = threading.Event()
        writes = threading.Thread(target=_notes, args=(process, over))
        writes.start()
        late_s = time.monotonic() + _OPENED_WITHIN_S
        while not _events(site) and time.monotonic() < late_s:
            over.wait(0.01)
        over.wait(after_s)
        for pid in [process.pid, *(_keepers(site) if keeper_too else [])]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        over.set()
        writes.join()
    outcome.killed_in = _in_what(site)
    notes = _SHOWN.findall(screen.read_text(errors="replace"))
    resumed = subprocess.run(
        _words(site, "resume", "--yes"), cwd=site.folder, input="note after\nclose unknown\n", capture_output=True, text=True,
        env=site.environment, timeout=ENDS_WITHIN_S, check=False,
    )  # fmt: skip
    outcome.status = resumed.returncode
    outcome.said = next(iter(resumed.stderr.strip().splitlines()[-1:]), "")
    _look(site, outcome, notes)
    return outcome


def _notes(process: subprocess.Popen[bytes], over: threading.Event) -> None:
    """Begin the first step, and write a note again and again for as long as somebody reads."""
    assert process.stdin is not None
    with suppress(OSError):
        for number in range(1_000):
            line = "go\n" if number == 1 else f"note n{number}\n"
            process.stdin.write(line.encode())
            process.stdin.flush()
            if over.wait(NOTED_EVERY_S):
                break


def _words(site: Site, *words: str) -> list[str]:
    return site.command("gameday", words[0], str(site.folder / "day.yaml"), "--out", str(site.reports), *words[1:])


def _events(site: Site) -> list[Event]:
    return [event for path in site.reports.glob("gamedays/*/*/day.jsonl") for event in decode(path.read_bytes())]


def _keepers(site: Site) -> list[int]:
    """The keepers of runs that go on."""
    owners = [undo.owner(path) for path in site.reports.rglob("undo.jsonl")]
    return [owner.keeper_pid for owner in owners if owner is not None and owner.keeper_pid]


def _in_what(site: Site) -> str:
    now = told(_events(site))
    in_hand = now.in_hand
    return "after it was closed" if now.closed else f"in {in_hand.id}" if in_hand else "between steps"


def _look(site: Site, outcome: Outcome, notes: list[str]) -> None:
    events = _events(site)
    kept = {event.text for event in events if isinstance(event, Noted)}
    outcome.shown, outcome.lost = len(notes), [note for note in notes if note not in kept]
    outcome.healed = "; ".join(event.healed for event in events if isinstance(event, WentOn))
    promised = [f"undo of {one.id}" for path in site.reports.rglob("undo.jsonl") for one in undo.pending(path)]
    leases = [f"lease {path.parent.name}" for path in site.folder.glob("state/*/lease.json")]
    outcome.left = (
        [f"process {name}" for _, name in site.names()]
        + promised
        + leases
        + [f"temp/{path.name}" for path in site.temp.iterdir()]
    )


def table(outcomes: list[Outcome]) -> Iterator[str]:
    yield "| killed after | keeper too | in what | status of resume | put back | left | notes shown | lost | wrong |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for one in outcomes:
        cells = [
            f"{one.killed_after_s:.1f} s",
            "yes" if one.keeper_too else "no",
            one.killed_in,
            str(one.status),
            one.healed[:100] or "–",
            ", ".join(one.left) or "–",
            str(one.shown),
            str(len(one.lost)),
            ", ".join(one.wrongs()) or "–",
        ]
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    record = asked.results or Path(tempfile.mkdtemp(prefix="chaos-")) / "results.jsonl"
    random = Random(asked.seed)
    moments = [random.uniform(0.0, LASTS_S) for _ in range(asked.kills)]
    outcomes = [Outcome(**json.loads(line)) for line in record.read_text().splitlines()] if record.exists() else []
    for after_s in moments[len(outcomes) :]:
        began_s = time.monotonic()
        with new_site() as site:
            outcomes.append(killed(site, after_s, keeper_too=len(outcomes) % 2 == 1))
        with record.open("a") as file:
            file.write(json.dumps(asdict(outcomes[-1])) + os.linesep)
        said = ", ".join(outcomes[-1].wrongs()) or "as it should be"
        print(f"killed after {after_s:.1f} s: {said} ({time.monotonic() - began_s:.0f} s)", file=sys.stderr, flush=True)
    print("\n".join(table(outcomes)))
    wrong = sum(bool(one.wrongs()) for one in outcomes)
    print(f"\n{len(outcomes)} kills; {wrong} not as it should be; results in {record}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
