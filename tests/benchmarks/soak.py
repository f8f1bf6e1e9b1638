"""An hour at 50 requests a second with faults that come and go: whether memory and open handles of each process stay flat, and all is told.

``python tests/benchmarks/soak.py RESULTS.jsonl [--minutes 60]``. One game day of one scenario on the resilient reference target, with three
faults that come and go until its end. It goes on by itself: where this command is ended it can be called again, and looks on; what it saw
is in the file, and the day in a folder beside it. Prints, for each process, its memory (PSS) and handles once it has settled, and by how
much they grew until the end, with a 95 % interval; then whether each request that was due has its row, and each time that a fault came and
went its events. Ends with 1 where something grew by more than the bound that is printed, or anything is missing, and with 3 where the
interval reaches beyond the bound, as it may when it is only tried: ``--minutes 2``.
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
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from harness.judging.scoring.distributions import student_quantile

ROOT = Path(__file__).resolve().parents[2]
MEMORY_MB, HANDLES, SHARE = 8.0, 8.0, 0.1
"""A process may come to have so many MB or handles more between settling and the end, or a tenth of what it had, where that is more."""
SETTLES = 0.2
"""So much of the time in which faults come and go is not looked at: pools fill, and what is imported late is imported."""
BLOCKS = 16
"""Samples in a row hang together; the medians of so many stretches hardly do."""
BEFORE_S, AFTER_S = 30.0, 20.0
_SAMPLES, _EVERY_S_MIN = 600, 0.5
_VERBS = ("injecting", "injected", "reverting", "reverted")
FLAPPING: list[dict[str, Any]] = [
    {"kind": "latency", "id": "late", "on": {"kind": "provider", "region": "west"}, "base": "300ms", "jitter": "100ms",
     "at": "fault", "flap": {"period": "20s", "duty": 0.5}},
    {"kind": "regional_loss", "id": "lost", "region": "east", "at": "fault + 3s", "flap": {"period": "30s", "duty": 0.2}},
    {"kind": "http_error", "id": "errors", "on": {"kind": "provider"}, "status": 500, "share": 0.2, "at": "fault + 7s",
     "flap": {"period": "25s", "duty": 0.4}},
]  # fmt: skip
DAY = {
    "schema": "harness.gameday/1", "name": "soak", "title": "Soak", "objective": "see whether anything grows",
    "hypothesis": "nothing grows", "owner": "soak", "coordinator": "soak", "reporter": "soak",
    "target": str(ROOT / "scenarios" / "targets" / "resilient.yaml"),
    "agenda": [{"id": "soak", "scenario": "scenario.yaml", "start": "next"}],
    "abort": ["good_ratio < 0.02 for 20s"],
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
    """By how much something grew between the first and the last sample, with a 95 % interval; *had*: at first."""

    had: float
    grew: float
    low: float
    high: float

    def said(self, bound: float) -> str:
        """``flat``, ``grows``, or that this cannot be said."""
        if self.low > bound:
            return "grows"
        return "flat" if self.high <= bound else "cannot say"


def growth(at_s: Sequence[float], values: Sequence[float]) -> Growth | None:
    """A straight line through the medians of `BLOCKS` stretches of time (least squares, Student's t); None for too few samples."""
    if len(at_s) < 2 * BLOCKS:
        return None
    times, seen = np.asarray(at_s, dtype=np.float64), np.asarray(values, dtype=np.float64)
    parts = np.array_split(np.arange(len(times)), BLOCKS)
    middles, medians = (np.array([np.median(of[part]) for part in parts]) for of in (times, seen))
    (slope, _), residual, *_ = np.polyfit(middles, medians, 1, full=True)
    spread = np.sqrt(residual.sum() / (BLOCKS - 2) / ((middles - middles.mean()) ** 2).sum())
    spans_s = float(times[-1] - times[0])
    grew, wide = float(slope) * spans_s, student_quantile(BLOCKS - 2) * float(spread) * spans_s
    return Growth(float(medians[0]), grew, grew - wide, grew + wide)


@dataclass(frozen=True)
class Row:
    """What a process had, and whether it grows."""

    process: str
    of: str
    growth: Growth
    bound: float

    @property
    def said(self) -> str:
        return self.growth.said(self.bound)


def judged(samples: Sequence[dict[str, Any]], from_s: float, to_s: float) -> list[Row]:
    """Memory and handles of each process that was there from *from_s* to *to_s*, on the machine's monotonic clock."""
    inside = [one for one in samples if from_s <= one["at_s"] <= to_s]
    found = []
    for pid in sorted({pid for one in inside for pid in one["processes"]}, key=int):
        mine = [(one["at_s"], *one["processes"][pid]) for one in inside if pid in one["processes"]]
        at_s, names, memory, handles = (list(column) for column in zip(*mine, strict=True))
        for of, values, least in (("MB", memory, MEMORY_MB), ("handles", handles, HANDLES)):
            if (grew := growth(at_s, values)) is not None:
                found.append(Row(names[-1], of, grew, max(least, SHARE * grew.had)))
    return found


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
    """Look at all processes again and again until the day is over."""
    first = {"pid": process.pid, "started": process.create_time()}
    with record.open("a") as file:
        while goes_on(first) is not None:
            with suppress(psutil.Error):
                line = {"at_s": round(time.monotonic(), 2), "processes": looked_at(process)}
                file.write(json.dumps(line) + "\n")
                file.flush()
            time.sleep(every_s)


def incomplete(history: Sequence[dict[str, Any]], indices: Sequence[int]) -> list[str]:
    """What is missing of a run: rows of requests that were due, and events of times that a fault came and went."""
    first, found = history[0], []
    if Counter(indices) != Counter(range(first["requests"])):
        found.append(f"{len(set(indices))} of {first['requests']} requests have a row, {len(indices)} rows in all")
    events = Counter((event["type"], event.get("fault")) for event in history if not event.get("error"))
    for fault in first["faults"]:
        missing = [verb for verb in _VERBS if events[verb, fault["id"]] != 1]
        found += [f"{fault['id']}: not once {', '.join(missing)}"] if missing else []
    if history[-1]["type"] != "ended" or history[-1]["reason"] != "completed":
        found.append(f"the run ended otherwise: {history[-1]}")
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
    yield "| process | of | had | grew | 95 % interval | bound | |"
    yield "|---|---|---|---|---|---|---|"
    for one in rows:
        grew = one.growth
        interval = f"{grew.low:+.1f} to {grew.high:+.1f}"
        yield f"| {one.process} | {one.of} | {grew.had:.1f} | {grew.grew:+.1f} | {interval} | {one.bound:.1f} | {one.said} |"


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
        follow(process, record, max(_EVERY_S_MIN, 60 * asked.minutes / _SAMPLES))
    found = told(folder)
    if found is None or found[0][-1]["type"] != "ended":
        print(f"the day did not come to its end; see {folder / 'screen.txt'}, and remove {record} to begin anew")
        return 1
    history, indices = found
    from_s = history[0]["clock_zero_s"] + BEFORE_S + SETTLES * 60 * asked.minutes
    samples = [json.loads(line) for line in record.read_text().splitlines()[1:]]
    rows = judged(samples, from_s, history[0]["clock_zero_s"] + BEFORE_S + 60 * asked.minutes)
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
