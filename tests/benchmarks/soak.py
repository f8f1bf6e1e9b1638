"""An hour at 50 requests a second with faults that come and go: whether memory and open handles of each process stay flat, and all is told.

``python tests/benchmarks/soak.py RESULTS.jsonl [--minutes 60]``. One game day of one scenario on the resilient reference target, with three
faults that come and go until its end. It goes on by itself: where this command is ended it can be called again, and looks on; what it saw
is in the file, and the day in a folder beside it.

A process has as many connections and buffers as its faults make requests wait, so it swells and shrinks with them; they come and go in
cycles of a minute. What is lost is given back at no moment of a cycle, so each whole one is one value, its least, and a straight line is
laid through those. Prints, for each process and for all together, its memory (PSS) and handles in the first cycle once it has settled, the
most that was seen, and by how much the least grew until the last cycle, with a 95 % interval: ``flat`` where all of that is within the
bound that is printed, ``grows`` where all is beyond and no cycle before it settled had as much, else ``cannot say``. Then whether each
request that was due has its row, and each time that a fault came and went its events. Ends with 1 where something grows or anything is
missing, and with 3 where of something it cannot be said, as in the few cycles of ``--minutes 5``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from harness.judging.scoring.distributions import student_quantile

ROOT = Path(__file__).resolve().parents[2]
MEMORY_MB, HANDLES, SHARE = 8.0, 8.0, 0.1
"""A process may come to have so many MB or handles more between settling and the end, or a tenth of what it had, where that is more."""
SETTLES = 0.4
"""So much of the time in which faults come and go is not looked at: pools and allocators fill for 24 minutes on a busy machine."""
LAST = 6
"""So many of the last cycles say what a process came to have."""
CYCLE_S = 60
"""After so long all faults come and go as before: the least common multiple of their periods."""
BEFORE_S, AFTER_S = 30.0, 20.0
_EVERY_S = 2.0
_ALL = "all"
_VERBS = ("injecting", "injected", "reverting", "reverted")
FLAPPING: list[dict[str, Any]] = [
    {"kind": "latency", "id": "late", "on": {"kind": "provider", "region": "west"}, "base": "300ms", "jitter": "100ms",
     "at": "fault", "flap": {"period": "20s", "duty": 0.5}},
    {"kind": "regional_loss", "id": "lost", "region": "east", "at": "fault + 3s", "flap": {"period": "30s", "duty": 0.2}},
    {"kind": "http_error", "id": "errors", "on": {"kind": "provider"}, "status": 500, "share": 0.2, "at": "fault + 7s",
     "flap": {"period": "20s", "duty": 0.4}},
]  # fmt: skip
DAY = {
    "schema": "harness.gameday/1", "name": "soak", "title": "Soak", "objective": "see whether anything grows",
    "hypothesis": "nothing grows", "owner": "soak", "coordinator": "soak", "reporter": "soak",
    "target": str(ROOT / "scenarios" / "targets" / "resilient.yaml"),
    "agenda": [{"id": "soak", "scenario": "scenario.yaml", "start": "next"}],
    "abort": ["good_ratio < 0.001 for 60s"],  # a busy machine alone has nobody answered for a while
}  # fmt: skip


def scenario(minutes: float, rate_per_s: float) -> dict[str, Any]:
    """Faults come and go for so many *minutes*."""
    return {
        "schema": "harness.scenario/1",
        "name": "soak",
        "load": {"rate_per_s": rate_per_s, "questions": str(ROOT / "scenarios" / "questions" / "facts.yaml")},
        "phases": {
            "warmup": "10s", "baseline": f"{BEFORE_S - 10:g}s", "fault": f"{60 * minutes:g}s", "recovery": f"{AFTER_S:g}s"
        },
        "faults": FLAPPING,
        "good": {"within": "4s"},
        "expect": ["good_ratio >= 0.1 in baseline"],
    }  # fmt: skip


@dataclass(frozen=True)
class Growth:
    """By how much something grew from the first cycle to the last one, with a 95 % interval; *had*: in the first."""

    had: float
    grew: float
    low: float
    high: float

    def said(self, bound: float) -> str:
        """``flat``, ``grows``, or that this cannot be said."""
        if self.low > bound:
            return "grows"
        return "flat" if self.high <= bound else "cannot say"


def growth(cycles: Sequence[float]) -> Growth:
    """A straight line through what each of *cycles* comes to (least squares, Student's t).

    What one cycle left behind the next one has too, so they count for fewer where what is left of them beside the line hangs together
    (effective sample size by the autocorrelation at lag 1: Santer et al. 2000, doi:10.1029/1999JD901105). Fewer than two degrees of freedom
    have no bounds.
    """
    seen, at = np.asarray(cycles, dtype=np.float64), np.arange(len(cycles), dtype=np.float64)
    if len(seen) < 2:
        return Growth(float(seen.mean()) if len(seen) else 0.0, 0.0, -np.inf, np.inf)
    slope, level = np.polyfit(at, seen, 1)
    rest = seen - level - slope * at
    squares = float((rest**2).sum())
    together = max(0.0, float((rest[1:] * rest[:-1]).sum()) / squares) if squares > 1e-9 else 0.0
    freedom = len(seen) * (1 - together) / (1 + together) - 2
    grew = float(slope) * (len(seen) - 1)
    if freedom < 2:
        return Growth(float(seen[0]), grew, -np.inf, np.inf)
    spread = np.sqrt(squares / freedom / ((at - at.mean()) ** 2).sum()) * (len(seen) - 1)
    wide = student_quantile(freedom) * float(spread)
    return Growth(float(seen[0]), grew, grew - wide, grew + wide)


@dataclass(frozen=True)
class Row:
    """What a process had, the most that it had at any time, and whether it grows."""

    process: str
    of: str
    growth: Growth
    most: float
    bound: float
    before: float = -np.inf
    """The most that it had at the least in any cycle before it settled."""
    now: float = np.inf
    """What it had at the least in each of the last cycles, their median."""

    @property
    def said(self) -> str:
        """What is lost is never given back: who has no more than before it settled came to have less meanwhile, as on a busy machine."""
        said = self.growth.said(self.bound)
        return "cannot say" if said == "grows" and self.now <= self.before else said


Sample = dict[str, Any]


def judged(samples: Sequence[Sample], from_s: float, to_s: float, settling: int = 0) -> list[Row]:
    """Memory and handles of each process that was there in all cycles from *from_s* to *to_s*, on the machine's monotonic clock; and of all
    processes together their memory, handles and number. The first cycles are those in which they are still *settling*."""
    every = [list[Sample]() for _ in range(int((to_s - from_s) / CYCLE_S + 1e-6))]
    for one in samples:
        if 0 <= (number := int((one["at_s"] - from_s) // CYCLE_S)) < len(every) and one["at_s"] >= from_s:
            every[number].append(one["processes"])
    if not every[settling:] or not all(every[settling:]):
        return []
    looked = [cycle for cycle in every[:settling] if cycle]  # whoever looks on may have looked away meanwhile
    every, settling = [*looked, *every[settling:]], len(looked)
    found = [_row(_ALL, of, every, what, settling) for of, what in _OF_ALL]
    always = set.intersection(*({pid for one in cycle for pid in one} for cycle in every))
    for pid in sorted(always, key=int):
        mine = [[one[pid] for one in cycle if pid in one] for cycle in every]
        found += [_row(mine[-1][-1][0], of, mine, what, settling) for of, what in _OF_ONE]
    return found


_OF_ONE: list[tuple[str, Callable[[Any], float]]] = [("MB", lambda one: one[1]), ("handles", lambda one: one[2])]
_OF_ALL: list[tuple[str, Callable[[Any], float]]] = [
    ("MB", lambda one: sum(process[1] for process in one.values())),
    ("handles", lambda one: sum(process[2] for process in one.values())),
    ("processes", len),
]
_LEAST = {"MB": MEMORY_MB, "handles": HANDLES, "processes": 1.0}


def _row(process: str, of: str, cycles: Sequence[Sequence[Any]], what: Callable[[Any], float], settling: int) -> Row:
    values = [[what(one) for one in cycle] for cycle in cycles]
    least = [min(cycle) for cycle in values]
    grew = growth(least[settling:])
    most = max(max(cycle) for cycle in values[settling:])
    before = max(least[:settling], default=-np.inf)
    return Row(process, of, grew, most, max(_LEAST[of], SHARE * grew.had), before, float(np.median(least[-LAST:])))


def named(command: Sequence[str], name: str) -> str:
    """What a process is called: its module, with its region or port; else its program, with the address that it says it has."""
    words = " ".join(command).split()
    module = next((after for word, after in pairwise(words) if word == "-m"), "")
    more = [after for word, after in pairwise(words) if word in ("--region", "--port")]
    more += [word.rpartition(":")[2] for word in words if re.fullmatch(r"[\d.*]+:\d+", word) and not module]
    return " ".join([module.removeprefix("harness.") or name, *more[:2]])


def looked_at(root: psutil.Process) -> dict[str, tuple[str, float, int]]:
    """Name, memory in MB (PSS, which counts what is shared by shares) and open handles of *root* and all below it, by pid."""
    found = {}
    for one in [root, *root.children(recursive=True)]:
        with suppress(psutil.Error, OSError, IndexError):
            called = "harness" if one == root else named(one.cmdline(), one.name())
            rollup = Path(f"/proc/{one.pid}/smaps_rollup").read_text()
            pss_kb = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            found[str(one.pid)] = (called, round(pss_kb / 1024, 2), one.num_fds())
    return found


def begun(folder: Path, record: Path, minutes: float, rate_per_s: float) -> psutil.Process:
    """A day in a session of its own, which goes on whatever becomes of this command; its process is the first line of *record*."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, document in (("day", DAY), ("scenario", scenario(minutes, rate_per_s))):
        (folder / f"{name}.yaml").write_text(json.dumps(document))  # JSON is YAML too
    words = ("gameday", "run", str(folder / "day.yaml"), "--out", str(folder / "reports"))
    with (folder / "screen.txt").open("wb") as screen:
        process = subprocess.Popen(
            [sys.executable, "-c", "from harness.interfaces.cli import main; main()", *words],
            stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, cwd=folder, start_new_session=True,
            env={**os.environ, "HARNESS_STATE": str(folder / "state")},
        )  # fmt: skip
    first = {"pid": process.pid, "started": psutil.Process(process.pid).create_time(), "minutes": minutes}
    record.write_text(json.dumps(first) + "\n")
    return psutil.Process(process.pid)


def goes_on(first: dict[str, Any]) -> psutil.Process | None:
    """The day that was begun before, if it still goes on."""
    with suppress(psutil.Error):
        process = psutil.Process(first["pid"])
        if process.create_time() == first["started"] and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def follow(process: psutil.Process, record: Path, every_s: float) -> None:
    """Look at all processes every *every_s* until the day is over."""
    first = {"pid": process.pid, "started": process.create_time()}
    with record.open("a") as file:
        while goes_on(first) is not None:
            with suppress(psutil.Error):
                line = {"at_s": round(time.monotonic(), 2), "processes": looked_at(process)}
                file.write(json.dumps(line) + "\n")
                file.flush()
            time.sleep(every_s)


def incomplete(history: Sequence[dict[str, Any]], indices: Sequence[int]) -> list[str]:
    """What is missing of a run: its end, or else rows of requests that were due, and events of times that a fault came and went."""
    first, found = history[0], []
    if history[-1]["type"] != "ended" or history[-1]["reason"] != "completed":
        return [f"the run ended otherwise: {history[-1]}"]
    if Counter(indices) != Counter(range(first["requests"])):
        found.append(f"{len(set(indices))} of {first['requests']} requests have a row, {len(indices)} rows in all")
    events = Counter((event["type"], event.get("fault")) for event in history if not event.get("error"))
    for fault in first["faults"]:
        missing = [verb for verb in _VERBS if events[verb, fault["id"]] != 1]
        found += [f"{fault['id']}: not once {', '.join(missing)}"] if missing else []
    return found


def told(folder: Path) -> tuple[list[dict[str, Any]], Callable[[], list[int]]] | None:
    """The history of the run in *folder*, and what reads the numbers of its requests; None where there is no run."""
    import pandas as pd

    runs = sorted((folder / "reports").glob("gamedays/soak/*/soak/*/history.jsonl"))
    if not runs:
        return None
    history = [json.loads(line) for line in runs[-1].read_text().splitlines()]
    table = runs[-1].parent / "requests.parquet"
    return history, lambda: pd.read_parquet(table, columns=["index"])["index"].tolist() if table.exists() else []


def shown(rows: Sequence[Row]) -> Iterator[str]:
    yield "| process | of | had | most | grew | 95 % interval | bound | |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in rows:
        grew = one.growth
        interval = f"{grew.low:+.1f} to {grew.high:+.1f}" if np.isfinite(grew.high) else "too few cycles"
        had = f"{grew.had:.1f} | {one.most:.1f} | {grew.grew:+.1f}"
        yield f"| {one.process} | {one.of} | {had} | {interval} | {one.bound:.1f} | {one.said} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0, help="for how long faults come and go, up to 60")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second")
    asked = parser.parse_args()
    record, folder = asked.results.absolute(), asked.results.absolute().with_suffix("")
    first = json.loads(record.read_text().splitlines()[0]) if record.exists() else None
    if first is None or (first["minutes"] != asked.minutes):
        process: psutil.Process | None = begun(folder, record, asked.minutes, asked.rate)
    else:
        process = goes_on(first)
    if process is not None:
        print(f"process {process.pid} goes on by itself; looking", file=sys.stderr, flush=True)
        follow(process, record, _EVERY_S)
    found = told(folder)
    if found is None or found[0][-1]["type"] != "ended":
        print(f"the day did not come to its end; see {folder / 'screen.txt'}, and remove {record} to begin anew")
        return 1
    history, indices = found
    begins_s = history[0]["clock_zero_s"] + BEFORE_S
    settling = ceil(SETTLES * 60 * asked.minutes / CYCLE_S)
    samples = [json.loads(line) for line in record.read_text().splitlines()[1:]]
    ended_s = history[0]["clock_zero_s"] + history[-1]["at_s"]
    rows = judged(samples, begins_s, min(begins_s + 60 * asked.minutes, ended_s), settling)
    missing = incomplete(history, indices())
    print(
        "\n".join(
            [
                *shown(rows),
                "",
                *(missing or ["every request has its row, and every time a fault came and went its events"]),
            ]
        )
    )
    words = {row.said for row in rows}
    return 1 if missing or "grows" in words or not rows else 3 if "cannot say" in words else 0


if __name__ == "__main__":
    sys.exit(main())
