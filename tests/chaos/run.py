"""Kills, stops and starves the harness and all that it starts, and sends a secret through every path: nothing may be left, nothing told.

``python tests/chaos/run.py [RESULTS.jsonl] [--share 0.1] [--seed N] [--only WORD] [--at-once 2]``. Each trial is one small run and a line
of the file when it has ended, so the command goes on where it stopped. Prints one table: what was done, the status, what was left and what
was told. Ends with 1 where a status is none that the documents name, a traceback is shown, a stopped process is waited for longer than ten
seconds (or as much longer as this machine is slow, since others want its processors), something is left that `harness heal` does not take
away, the secret stands anywhere, or what was to be done was not done. A share is another one with each
commit, so that ten of them in a row have all the trials in tenths; the seed is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from math import ceil
from pathlib import Path
from random import Random
from typing import TypeVar

from pace import Pace
from site_of_a_trial import HERE, Outcome, Trial, made_on, new_site
from trials import TRIALS

One = TypeVar("One")
STARTS_WITHIN_S = 20.0
"""Of one that has not served yet, which may just be slow to start."""
ENDS_WITHIN_S = 10.0
"""Of a process that is stopped and carries the run; on a machine with nothing else to do, and in proportion on one that is busy."""
STATUSES = {0, 1, 2, 3, 4, 70, 130}
_CARRIES = ("wire", "keeper", "toxiproxy")


def wrongs(trial: Trial, outcome: Outcome) -> list[str]:
    """What must not be, in words."""
    if outcome.missed:
        return [f"nothing was tried: {outcome.missed}"]
    found = []
    killed = trial.subject == "harness" and trial.signum == signal.SIGKILL
    if outcome.status not in STATUSES | ({-signal.SIGKILL} if killed else set()):
        found.append(f"status {outcome.status}")
    if outcome.hung:
        found.append("hung")
    stopped = trial.subject in _CARRIES and trial.signum == signal.SIGSTOP
    if trial.subject == "load" and trial.moment == "starting":
        stopped = trial.signum == signal.SIGSTOP
    limit_s = STARTS_WITHIN_S if trial.moment == "starting" else ENDS_WITHIN_S
    if stopped and outcome.ended_after_s > limit_s * outcome.slowness:
        found.append(f"waited for {outcome.ended_after_s:.1f} s")
    if outcome.left and not trial.both_killed:
        found.append("left before heal")
    if outcome.left_after_heal:
        found.append("left after heal")
    if outcome.told:
        found.append("told")
    if outcome.traceback:
        found.append("traceback")
    return found


def picked(trials: Sequence[One], share: float, seed: int) -> list[One]:
    """A *share* of *trials*: of equal seeds equal ones, and of seeds in a row others, until all have been taken."""
    number = ceil(len(trials) * share)
    mixed = Random(8).sample(range(len(trials)), len(trials))
    taken = {mixed[(seed * number + n) % len(mixed)] for n in range(number)}
    return [trial for n, trial in enumerate(trials) if n in taken]


def seed_of_today() -> int:
    """The number of commits so far; the day where that is not known."""
    asked = ("rev-parse --is-shallow-repository", "rev-list --count HEAD")
    with suppress(OSError):
        shallow, count = (
            subprocess.run(
                ["git", *words.split()], cwd=HERE, capture_output=True, text=True, check=False
            ).stdout.strip()
            for words in asked
        )
        if shallow == "false" and count.isdecimal():
            return int(count)
    return datetime.now(UTC).toordinal()


def done_before(path: Path) -> dict[str, Outcome]:
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["trial"]: Outcome(**line["outcome"]) for line in lines}


def table(rows: Iterable[tuple[Trial, Outcome]]) -> list[str]:
    lines = [
        "| what was done | status | after | left | after heal | told | said | wrong |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for trial, outcome in rows:
        cells = [
            trial.name,
            str(outcome.status),
            f"{outcome.ended_after_s:.1f} s"
            + (f", {outcome.slowness:.1f}-fold slow" if outcome.slowness > 1.5 else ""),
            ", ".join(outcome.left) or "–",
            ", ".join(outcome.left_after_heal) or "–",
            ", ".join(outcome.told) or "–",
            outcome.said.replace("|", "/")[:110],
            ", ".join(wrongs(trial, outcome)) or "–",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _tried(trial: Trial, pace: Pace) -> Outcome:
    """Where somebody was to be harmed who was gone by then, it is tried once more."""
    for _ in range(2 if trial.subject else 1):
        with new_site() as site:
            outcome = made_on(site, trial, pace)
        if not outcome.missed:
            break
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", type=Path)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument(
        "--seed", type=int, default=None, help="which share; default: by the commits so far, or the day"
    )
    parser.add_argument("--only", default="")
    parser.add_argument("--at-once", type=int, default=1)
    asked = parser.parse_args()
    seed = seed_of_today() if asked.seed is None else asked.seed
    trials = picked([trial for trial in TRIALS if asked.only in trial.name], asked.share, seed)
    if asked.share < 1:
        print(f"a share of {asked.share:g}, by --seed {seed}: {', '.join(trial.name for trial in trials)}", flush=True)
    record = asked.results or Path(tempfile.mkdtemp(prefix="chaos-")) / "results.jsonl"
    outcomes = done_before(record)
    missing = [trial for trial in trials if trial.name not in outcomes]
    with Pace() as pace, ThreadPoolExecutor(asked.at_once) as threads:
        for trial, outcome in zip(missing, threads.map(partial(_tried, pace=pace), missing), strict=True):
            outcomes[trial.name] = outcome
            with record.open("a") as file:
                file.write(json.dumps({"trial": trial.name, "outcome": outcome.__dict__}) + os.linesep)
            print(
                f"{trial.name}: {', '.join(wrongs(trial, outcome)) or 'as it should be'}", file=sys.stderr, flush=True
            )
    rows = [(trial, outcomes[trial.name]) for trial in trials]
    print("\n".join(table(rows)))
    wrong = sum(bool(wrongs(*row)) for row in rows)
    print(f"\n{len(rows)} of {len(TRIALS)} trials; {wrong} not as it should be; results in {record}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
