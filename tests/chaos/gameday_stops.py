"""Has Toxiproxy stand still in a game day and presses stop: within a second its faults are gone, or it is said that they may not be.

On a machine of which others take the processors the second is as long in proportion.

``python tests/chaos/gameday_stops.py [RESULTS.jsonl] [--share 0.1] [--seed N]``. Each trial is a day of one scenario on a small service,
some fifteen seconds, and a line of the file when it has ended, so the command goes on where it stopped. A Toxiproxy of the run's own has to
be killed. One that others use is told of, and put back as soon as it goes on, also where that is long after the run was over ("shared,
late"); where it never does before the day is over, `harness heal` puts it back later. Prints one table, and ends with 1 where something was
said later than that, anything is left, or the day did not end.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Literal, get_args

import psutil
from pace import Pace
from run import picked, seed_of_today
from site_of_a_trial import Site, Trial, new_site

from harness.gameday.events import Event, Over, PutBack, Stopped, decode
from harness.running.free_port import free_port
from harness.running.toxiproxy import ENVIRONMENT, ToxiproxyApi, command, obtain, wait_ready
from harness.settings import settings

WITHIN_S = 1.0
"""On a machine with nothing else to do, and in proportion on one that is busy."""
_MOMENT_WITHIN_S, _ENDS_WITHIN_S, _LOOK_S = 120.0, 120.0, 0.01
_FAULTS = 4
Whose = Literal["own", "shared, goes on", "shared, late", "shared, stays"]
TRIALS: list[tuple[Whose, float]] = [(whose, moment) for moment in (0.0, 0.5, 1.5, 2.5) for whose in get_args(Whose)]
"""Whose Toxiproxy stands still, and how long before the stop at most."""
_AGENDA = """agenda: [{id: first, scenario: scenario.yaml}]
"""


@dataclass
class Outcome:
    """What came of a trial; times count from the stop."""

    whose: Whose
    before_s: float
    said_s: float | None = None
    said: str = ""
    on_screen: bool = False
    gone_s: float | None = None
    left: list[str] = field(default_factory=list)
    status: int | None = None
    missed: str = ""
    slowness: float = 1.0
    """How many times as long as alone on the machine all took meanwhile."""

    def wrongs(self) -> list[str]:
        """What must not be, in words."""
        if self.missed:
            return [self.missed]
        limit_s = WITHIN_S * self.slowness
        found = [] if self.said_s is not None and self.said_s <= limit_s else [f"said after {self.said_s} s"]
        found += [] if self.on_screen else ["not on the screen"]
        if self.whose != "shared, stays" and self.gone_s is None:
            found.append("never gone")
        if self.whose == "own" and (self.gone_s or 0.0) > limit_s:
            found.append(f"gone after {self.gone_s} s")
        if ("was killed" in self.said) != (self.whose == "own"):
            found.append(f"said {self.said!r}")
        return found + [f"left {one}" for one in self.left] + ([] if self.status == 5 else [f"status {self.status}"])


@contextmanager
def shared_server(site: Site) -> Iterator[tuple[ToxiproxyApi, psutil.Process]]:
    """A Toxiproxy that is none of the run's own."""
    binary = obtain(settings().cache, print, path=os.environ.get("PATH"))
    port = free_port()
    process = subprocess.Popen(
        command(binary.path, port), env={**os.environ, **ENVIRONMENT}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    api = ToxiproxyApi(f"http://127.0.0.1:{port}")
    try:
        wait_ready(api, time.monotonic() + 60, lambda: process.poll() is None)
        yield api, psutil.Process(process.pid)
    finally:
        api.close()
        process.kill()
        process.wait()


def tried(site: Site, whose: Whose, before_s: float, pace: Pace) -> Outcome:
    """One day on *site* in which a Toxiproxy stands still, and *before_s* later somebody stops it."""
    site.write(Trial("a game day"))
    scenario = json.loads((site.folder / "scenario.yaml").read_text())
    scenario["phases"]["fault"] = "40s"
    (site.folder / "scenario.yaml").write_text(json.dumps(scenario))
    site.write_day(_AGENDA)
    if whose == "own":
        return _day(site, Outcome(whose, before_s), None, None, pace)
    with shared_server(site) as (api, process):
        outcome = _day(site, Outcome(whose, before_s), process, api.url, pace)
        process.send_signal(signal.SIGCONT)
        if whose == "shared, stays":
            words = site.command("heal", "--out", str(site.reports))
            healed = subprocess.run(words, env=site.environment, cwd=site.folder, capture_output=True, check=False)
            outcome.left += [] if healed.returncode == 0 else ["after heal"]
        outcome.left += [f"proxy {name}" for name in api.proxies()]
        return outcome


def _day(site: Site, outcome: Outcome, server: psutil.Process | None, url: str | None, pace: Pace) -> Outcome:
    screen = site.folder / "screen.txt"
    words = ["gameday", "run", str(site.folder / "day.yaml"), "--out", str(site.reports)]
    with screen.open("wb") as shown:
        process = subprocess.Popen(
            site.command(*words, *(["--toxiproxy-url", url] if url else [])),
            cwd=site.folder, env=site.environment, stdin=subprocess.PIPE, stdout=shown, stderr=shown,
        )  # fmt: skip
        try:
            _said(process, "go")
            if not _within(_MOMENT_WITHIN_S, lambda: _injected(site) == _FAULTS):
                outcome.missed = "its moment did not come"
                return outcome
            still = server or _own(site)
            still.suspend()
            _within(outcome.before_s, lambda: process.poll() is not None)
            _said(process, "stop tickets come in")
            stopped_s = time.monotonic()
            if _within(_MOMENT_WITHIN_S, lambda: bool(_put_back(site))) and outcome.whose == "shared, goes on":
                still.resume()
            outcome.slowness = round(pace.slowness(stopped_s, time.monotonic()), 2)
            if outcome.whose == "shared, late":
                _within(_ENDS_WITHIN_S, lambda: any(isinstance(event, Over) for event in _events(site)))
                still.resume()
            _within(_ENDS_WITHIN_S, lambda: _is_over(site, outcome.whose))
            _said(process, "close unknown")
            with suppress(subprocess.TimeoutExpired):
                outcome.status = process.wait(_ENDS_WITHIN_S)
        finally:
            process.kill()
            process.wait()
    _look(site, outcome, screen.read_text(errors="replace"))
    return outcome


def _said(process: subprocess.Popen[bytes], line: str) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.write(f"{line}\n".encode())
        process.stdin.flush()


def _own(site: Site) -> psutil.Process:
    for process in site.processes():
        with suppress(psutil.Error):
            if "toxiproxy" in process.name():
                return process
    raise LookupError("the run has no Toxiproxy")


def _injected(site: Site) -> int:
    files = site.reports.glob("gamedays/*/*/*/*/history.jsonl")
    return sum(file.read_bytes().count(b'"type":"injected"') for file in files)


def _events(site: Site) -> list[Event]:
    return [event for path in site.reports.glob("gamedays/*/*/day.jsonl") for event in decode(path.read_bytes())]


def _put_back(site: Site) -> list[PutBack]:
    return [event for event in _events(site) if isinstance(event, PutBack)]


def _is_over(site: Site, whose: Whose) -> bool:
    """Whether there is nothing more to wait for but that somebody closes the day."""
    over = any(isinstance(event, Over) for event in _events(site))
    told = _put_back(site)
    return over and (whose == "shared, stays" or not told or not told[-1].left)


def _look(site: Site, outcome: Outcome, screen: str) -> None:
    stopped = next((event for event in _events(site) if isinstance(event, Stopped)), None)
    told = _put_back(site)
    if stopped is None or not told:
        outcome.missed = "nothing was said of what was stopped"
        return
    outcome.said_s, outcome.said = _after(stopped, told[0]), told[0].told
    outcome.on_screen = "NOT all is put back" in screen if told[0].left else "nothing is in force any more" in screen
    outcome.gone_s = next((_after(stopped, event) for event in told if not event.left), None)
    outcome.left += [f"process {name}" for _, name in site.names()]
    if outcome.whose != "shared, stays":
        outcome.left += [str(path) for path in site.reports.rglob("undo.jsonl")]


def _after(stopped: Stopped, event: Event) -> float:
    return round((datetime.fromisoformat(event.at) - datetime.fromisoformat(stopped.at)).total_seconds(), 3)


def _within(limit_s: float, condition: Callable[[], bool]) -> bool:
    late_s = time.monotonic() + limit_s
    while not (true := condition()) and time.monotonic() < late_s:
        time.sleep(_LOOK_S)
    return true


def table(outcomes: list[Outcome]) -> Iterator[str]:
    yield "| Toxiproxy | stood still before | said after | gone after | status | wrong |"
    yield "|---|---|---|---|---|---|"
    for one in outcomes:
        times = ["–" if at_s is None else f"{at_s:.2f} s" for at_s in (one.said_s, one.gone_s)]
        wrong = ", ".join(one.wrongs()).replace("|", "/") or "–"
        yield f"| {one.whose} | {one.before_s:.1f} s | {' | '.join(times)} | {one.status} | {wrong} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", type=Path)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, help="default: the number of commits")
    asked = parser.parse_args()
    seed = seed_of_today() if asked.seed is None else asked.seed
    record = asked.results or Path(tempfile.mkdtemp(prefix="chaos-")) / "results.jsonl"
    chance = Random(seed)
    trials = [(whose, round(chance.uniform(0.0, most_s), 2)) for whose, most_s in picked(TRIALS, asked.share, seed)]
    outcomes = [Outcome(**json.loads(line)) for line in record.read_text().splitlines()] if record.exists() else []
    for whose, before_s in trials[len(outcomes) :]:
        with new_site() as site, Pace() as pace:
            outcomes.append(tried(site, whose, before_s, pace))
        with record.open("a") as file:
            file.write(json.dumps(asdict(outcomes[-1])) + os.linesep)
        print(
            f"{whose}, {before_s} s: {', '.join(outcomes[-1].wrongs()) or 'as it should be'}",
            file=sys.stderr,
            flush=True,
        )
    print("\n".join(table(outcomes)))
    wrong = sum(bool(one.wrongs()) for one in outcomes)
    print(f"\n{len(outcomes)} days, seed {seed}; {wrong} not as they should be; results in {record}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
