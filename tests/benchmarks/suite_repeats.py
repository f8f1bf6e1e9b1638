"""Runs the README's test command again and again, with nothing else to do and beside a busy process, and tells what failed.

    python tests/benchmarks/suite_repeats.py [--quiet 10] [--busy 5] [--only tests/end_to_end/test_region_loss.py --only ...]

Each repeat goes on record in ``reports/suite_repeats.jsonl`` as it ends, so the command can be stopped and called again on the same
commit; it goes on with what is missing. What one said that was not green stands in ``reports/suite_repeats/``. ``--only`` names tests
in place of the whole suite. A last table says how often each that ever failed did, and how long the repeats took. Nobody may work on
the machine meanwhile who is not meant to.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "reports" / "suite_repeats.jsonl"
SAID = ROOT / "reports" / "suite_repeats"
"""What each repeat said that was not green."""
COMMAND = re.compile(r"<!-- command:test -->\n```sh\n(.*?)\n```", re.DOTALL)
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
SPIN = "while True: pass"

Record = dict[str, Any]


def command(only: list[str]) -> str:
    """The README's own words; *only* stands behind them."""
    found = COMMAND.search((ROOT / "README.md").read_text())
    assert found is not None, "the README says how to run the tests"
    return " ".join([found[1], *only])


@contextmanager
def neighbour(*, busy: bool) -> Iterator[None]:
    """A process that never rests, where *busy*."""
    if not busy:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", SPIN]) as process:
        try:
            yield
        finally:
            process.kill()


def repeat(commit: str, only: list[str], *, busy: bool) -> Record:
    began_s = time.monotonic()
    with neighbour(busy=busy):
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command(only)], cwd=ROOT, capture_output=True, text=True, check=False
        )
    record = {
        "commit": commit,
        "only": only,
        "busy": busy,
        "status": ended.returncode,
        "took_s": round(time.monotonic() - began_s, 1),
        "failed": FAILED.findall(ended.stdout),
        "said": (ended.stdout + ended.stderr).splitlines()[-1:],
    }
    with RECORDS.open("a") as file:
        file.write(json.dumps(record) + "\n")
    if ended.returncode:
        SAID.mkdir(exist_ok=True)
        (SAID / f"{commit}-{len(on_record(commit, only))}.txt").write_text(ended.stdout + ended.stderr)
    return record


def on_record(commit: str, only: list[str]) -> list[Record]:
    records = [json.loads(line) for line in RECORDS.read_text().splitlines()] if RECORDS.exists() else []
    return [record for record in records if (record["commit"], record["only"]) == (commit, only)]


def table(records: list[Record]) -> Iterator[str]:
    """How often all were green, how long it took, and what failed how often."""
    for busy in (False, True):
        mine = [record for record in records if record["busy"] is busy]
        if not mine:
            continue
        where = "beside a busy process" if busy else "with nothing else to do"
        took = sorted(record["took_s"] for record in mine)
        green = sum(record["status"] == 0 for record in mine)
        yield f"{where}: green {green} of {len(mine)}, {took[0]:.0f} to {took[-1]:.0f} s"
        for name, times in Counter(name for record in mine for name in record["failed"]).most_common():
            yield f"    failed {times} of {len(mine)}: {name}"
        yield from (
            f"    ended with {record['status']}: {record['said']}"
            for record in mine
            if record["status"] and not record["failed"]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quiet", type=int, default=10)
    parser.add_argument("--busy", type=int, default=5)
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    for busy, times in ((False, options.quiet), (True, options.busy)):
        done = sum(record["busy"] is busy for record in on_record(commit, options.only))
        for number in range(done, times):
            record = repeat(commit, options.only, busy=busy)
            where = "busy" if busy else "quiet"
            print(
                f"{where} {number + 1}: status {record['status']}, {record['took_s']} s", *record["failed"], flush=True
            )
    print(*table(on_record(commit, options.only)), sep="\n")


if __name__ == "__main__":
    main()
