"""Runs every shipped scenario on both reference targets with several seeds, and writes the table of verdicts: ``docs/verdicts.md``.

::

    python tests/benchmarks/verdict_table.py --seeds 10

A run takes about a minute. What each run came to is kept in ``docs/verdicts.jsonl``, so the command can be stopped and called again, on
any machine; it goes on with what is missing, and writes the table from what is there. ``--first 11`` begins at another seed than 1, to see
whether a verdict holds with seeds that nobody had seen when its limits were chosen. ``--again`` makes runs that came out invalid (a
busy machine) once more; both stay on record. The runs themselves land in ``reports/verdicts``. ``--at-once 2`` makes two side by side:
each has a neighbour then, as on anybody's machine, and one for which that was too much says so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "reports" / "verdicts"
TABLE, RECORDS = ROOT / "docs" / "verdicts.md", ROOT / "docs" / "verdicts.jsonl"
KINDS = sorted(
    path.name.removesuffix("-fragile.yaml") for path in (ROOT / "scenarios" / "targets").glob("*-fragile.yaml")
)
"""Folders of scenarios that ask for a service of a special kind; the names of its two targets begin with that of the folder."""
SCENARIOS = (
    *sorted(path.stem for path in (ROOT / "scenarios").glob("*.yaml")),
    *(f"{kind}/{path.stem}" for kind in KINDS for path in sorted((ROOT / "scenarios" / kind).glob("*.yaml"))),
    *sorted(f"incidents/{path.stem}" for path in (ROOT / "scenarios" / "incidents").glob("*.yaml")),
)
"""All that ship, but for the failover pack, which has a scorecard of its own."""
SEEDS_MOST = 100
TARGETS = {"fragile": "fail", "resilient": "pass"}

Record = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One run of the table."""

    scenario: str
    target: str
    seed: int

    @property
    def folder(self) -> Path:
        return OUT / f"{self.target}-{self.seed}" / self.scenario

    @property
    def _name_of_kind(self) -> str:
        """What the names of its targets begin with: a service of jobs is another than one that is asked."""
        kind = self.scenario.partition("/")[0]
        return f"{kind}-" if kind in KINDS else ""

    @property
    def scenario_file(self) -> Path:
        return Path("scenarios", f"{self.scenario}.yaml")

    @property
    def target_file(self) -> Path:
        return Path("scenarios", "targets", f"{self._name_of_kind}{self.target}.yaml")

    def run(self) -> Record:
        """Make the run, and put on record what it came to."""
        words = ["run", str(self.scenario_file), "--target", str(self.target_file)]
        words += ["--seed", str(self.seed), "--out", str(self.folder)]
        command = [sys.executable, "-c", "from harness.interfaces.cli import main; main()", *words]
        # Those side by side have each a target of their own, and share no more than its name.
        environment = {**os.environ, "HARNESS_STATE": str((self.folder / ".state").absolute())}
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False, env=environment)
        results = sorted(self.folder.glob("*/*/result.json"))
        if not results:
            sys.exit(
                f"{self.scenario} on {self.target} was not run, as said above; the table has no row for what is refused"
            )
        result = json.loads(results[-1].read_text())
        record = {"scenario": self.scenario, "target": self.target, "seed": self.seed}
        record |= {key: result[key] for key in ("verdict", "findings", "versions", "proxy")}
        with RECORDS.open("a") as file:
            file.write(json.dumps(record) + "\n")
        return record


def on_record() -> dict[Cell, list[Record]]:
    """What every run so far came to, by cell, oldest first."""
    records: dict[Cell, list[Record]] = {}
    for line in RECORDS.read_text().splitlines() if RECORDS.exists() else ():
        record = json.loads(line)
        records.setdefault(Cell(record["scenario"], record["target"], record["seed"]), []).append(record)
    return records


def cells(seeds: int, only: Callable[[str], bool] = lambda _: True, first: int = 1) -> Iterator[Cell]:
    """Seed by seed, so that a table that is stopped early has whole rows."""
    for seed in range(first, first + seeds):
        for scenario in filter(only, SCENARIOS):
            for target in TARGETS:
                yield Cell(scenario, target, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1, help="the first of those seeds")
    parser.add_argument("--only", default="*", help="run those scenarios alone, such as 'incidents/*'")
    parser.add_argument("--again", action="store_true", help="make runs that came out invalid once more")
    parser.add_argument("--at-once", type=int, default=1, help="how many runs go on side by side")
    parser.add_argument("--only-write", action="store_true", help="run nothing; write the table from what is there")
    options = parser.parse_args()
    done = on_record()
    missing = [
        cell
        for cell in cells(options.seeds, lambda scenario: fnmatch(scenario, options.only), options.first)
        if cell not in done or (options.again and done[cell][-1]["verdict"] == "invalid")
    ]
    with ThreadPoolExecutor(options.at_once) as beside:
        for cell, record in zip(missing, beside.map(Cell.run, [] if options.only_write else missing), strict=False):
            print(f"{cell.scenario:<18} {cell.target:<10} seed {cell.seed:<3} {record['verdict']}", flush=True)
    TABLE.write_text("\n".join(table(list(cells(SEEDS_MOST)), on_record())) + "\n")


def table(wanted: list[Cell], records: dict[Cell, list[Record]]) -> Iterator[str]:
    """The table as Markdown: verdicts, and the worst interval end of each expectation over the seeds."""
    done = {cell: records[cell][-1] for cell in wanted if cell in records}
    repeated = sum(len(records[cell]) - 1 for cell in done)
    latest = next(reversed(done.values()), None)
    yield "# Verdicts of the shipped scenarios\n"
    yield "Shipped scenarios on both reference targets, one run per seed, everything real. Made by\n"
    yield "```sh"
    yield from _commands(sorted({cell.seed for cell in done}))
    yield "```\n"
    if latest:
        versions = ", ".join(f"{name} {version}" for name, version in latest["versions"].items())
        yield f"with {versions}, Toxiproxy {latest['proxy']['version']}.\n"
    if repeated:
        yield f"{repeated} runs came out invalid, since the machine was busy with other work, and were made again.\n"
    yield "| scenario | target | runs | as they should be | other verdicts |"
    yield "| --- | --- | --- | --- | --- |"
    for scenario in SCENARIOS:
        for target, wanted_verdict in TARGETS.items():
            verdicts = [
                result["verdict"] for cell, result in done.items() if (cell.scenario, cell.target) == (scenario, target)
            ]
            right = verdicts.count(wanted_verdict)
            others = ", ".join(sorted({verdict for verdict in verdicts if verdict != wanted_verdict})) or "none"
            yield (
                f"| {scenario} | {target} | {len(verdicts)} | {right} {wanted_verdict} | {others} |"
                if verdicts
                else f"| {scenario} | {target} | 0 | not run yet | |"
            )
    yield "\nThe range of each measured value over the seeds, and the end of an interval that came nearest to the limit:\n"
    yield "| scenario | target | expectation | measured | nearest end |"
    yield "| --- | --- | --- | --- | --- |"
    for scenario in SCENARIOS:
        for target in TARGETS:
            results = [result for cell, result in done.items() if (cell.scenario, cell.target) == (scenario, target)]
            yield from _ranges(scenario, target, results)


def _commands(seeds: list[int]) -> Iterator[str]:
    """One for each stretch of *seeds* without a gap."""
    for first in (seed for seed in seeds if seed - 1 not in seeds):
        after = next(seed for seed in range(first, first + len(seeds) + 1) if seed not in seeds)
        begin = f" --first {first}" if first > 1 else ""
        yield f"python tests/benchmarks/verdict_table.py{begin} --seeds {after - first}"


def _ranges(scenario: str, target: str, results: list[dict[str, Any]]) -> Iterator[str]:
    for expectation in dict.fromkeys(finding["expectation"] for result in results for finding in result["findings"]):
        findings = [
            finding for result in results for finding in result["findings"] if finding["expectation"] == expectation
        ]
        values = [finding["value"] for finding in findings if finding["value"] is not None]
        ends = [end for finding in findings for end in (finding["low"], finding["high"]) if end is not None]
        nearest = f"{min(ends, key=lambda end: abs(end - findings[0]['limit'])):.3f}" if ends else "unbounded"
        measured = f"{min(values):.3f} to {max(values):.3f}" if values else "not measured"
        yield f"| {scenario} | {target} | `{expectation}` | {measured} | {nearest} |"


if __name__ == "__main__":
    main()
