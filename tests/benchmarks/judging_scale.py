"""How long judging takes, and how much memory: of a hundred thousand, a million and ten million requests, and of hundreds of windows.

::

    python tests/benchmarks/judging_scale.py RESULTS.jsonl              # goes on where it was stopped
    python tests/benchmarks/judging_scale.py RESULTS.jsonl 1000000      # these sizes alone
    python tests/benchmarks/judging_scale.py RESULTS.jsonl 180000x20 180000x200     # with so many windows in which a fault was in force

Each run is made up (`stored_run.py`), judged twice in a process of its own and told by the better of both: the seconds of two machines
are no ratio, so what is to be compared stands in one call. A judging that needs more than `MEMORY_MOST` is ended.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from stored_run import write_run

Size = tuple[int, int]
"""Requests, and windows in which a fault was in force; a plan lets one fault come 200 times."""
SIZES: tuple[Size, ...] = ((100_000, 1), (1_000_000, 1), (10_000_000, 1), (180_000, 20), (180_000, 200))
WANTED = {(1_000_000, 1): (8.0, 500e6), (10_000_000, 1): (60.0, 1.5e9), (180_000, 200): (10.0, 500e6)}
"""Seconds and bytes."""
PAGE_MOST, TIMES = 400_000, 2
LINEAR = 1.3
"""Ten times the requests, or the windows, may take so many times ten times as long."""
MEMORY_MOST, LONGEST_S = 16 << 30, 900.0
COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""As whoever judges more than once has it: the second time nothing has to be compiled."""
COMMAND = [sys.executable, "-c", "from harness.interfaces.cli import main; main()", "judge"]


def judged(folder: Path) -> dict[str, Any]:
    """Seconds, CPU and peak of memory of one ``harness judge``, and how large its page is; *ended*: it was stopped."""

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MOST, MEMORY_MOST))
        resource.setrlimit(resource.RLIMIT_CPU, (int(LONGEST_S), int(LONGEST_S)))

    began_s = time.monotonic()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen([*COMMAND, str(folder)], stdout=said, stderr=said, preexec_fn=bounded, env=COMPILED)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        verdict = (said.read().split() or [b""])[0].decode()
    return {
        "seconds": round(time.monotonic() - began_s, 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "bytes": used.ru_maxrss * 1024,
        "verdict": verdict,
        "ended": child.returncode not in (0, 1, 3, 4),
        "page": (folder / "report.html").stat().st_size if (folder / "report.html").exists() else 0,
    }


def measured(size: Size) -> dict[str, Any]:
    """The better of `TIMES` judgings of one run of that *size*."""
    with tempfile.TemporaryDirectory() as folder:
        run = write_run(Path(folder) / "run", *size)
        found = [judged(run) for _ in range(TIMES)]
    return {"requests": size[0], "windows": size[1], **min(found, key=lambda one: (one["ended"], one["seconds"]))}


def main() -> int:
    results = Path(sys.argv[1])
    sizes = [*map(_size, sys.argv[2:])] or SIZES
    lines = results.read_text().splitlines() if results.exists() else ()
    done = {(one["requests"], one.get("windows", 1)): one for one in map(json.loads, lines)}
    for size in sizes:
        if size not in done:
            done[size] = measured(size)
            with results.open("a") as file:
                file.write(json.dumps(done[size]) + "\n")
    missed = sum([_told(done[size], done.get(_tenth(size))) for size in sizes])
    return 1 if missed else 0


def _size(text: str) -> Size:
    """A size as it is asked for: ``180000x200``, or its requests alone."""
    requests, _, windows = text.partition("x")
    return int(requests), int(windows or 1)


def _tenth(size: Size) -> Size:
    """A tenth as many windows, where there are several, else of the requests."""
    requests, windows = size
    return (requests, windows // 10) if windows > 1 else (requests // 10, windows)


def _told(one: dict[str, Any], smaller: dict[str, Any] | None) -> int:
    """One size in a line; how much of what is wanted it misses."""
    windows = one.get("windows", 1)
    seconds, most = WANTED.get((one["requests"], windows), (float("inf"), float("inf")))
    wanted = f"  (wanted: {seconds:g} s, {most / 1e6:.0f} MB)" if seconds < float("inf") else ""
    ratio = one["cpu_s"] / smaller["cpu_s"] if smaller and not smaller["ended"] else 0.0
    linear = f", {ratio:.1f} times the CPU of a tenth as many{' windows' if windows > 1 else ''}" if ratio else ""
    there = f", {windows} windows" if windows > 1 else ""
    ended = ", ENDED before its verdict" if one["ended"] else ""
    print(
        f"{one['requests']:>10,} requests{there}: {one['seconds']:.1f} s, {one['cpu_s']:.1f} s of CPU, {one['bytes'] / 1e6:.0f} MB, "
        f"page {one['page'] / 1e3:.0f} kB, {one['verdict']}{linear}{ended}{wanted}"
    )
    checks = (one["seconds"] > seconds, one["bytes"] > most, one["page"] > PAGE_MOST, one["ended"], ratio > 10 * LINEAR)
    return sum(checks)


if __name__ == "__main__":
    sys.exit(main())
