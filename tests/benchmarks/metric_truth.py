"""Whether metrics say what was counted: services made of each version of the SDKs, over the real wire, with many seeds.

::

    python tests/benchmarks/metric_truth.py [--seeds 20] [--measure 0] [--document docs/metric-truth.md]

Each version gets an environment of its own below ``.systems/``, as for `sdk_contracts.py`. A service with flaws, each of them in half of
its requests, asks two providers that count (`tests/counted_truth`), and what every metric says is held against their counts and the
service's own. One line a metric: in how many runs it said what was counted, and what share of its intervals hold the mean of all runs.
Every run is written down as it ends, so a command that was stopped goes on where it was; what an older version of the code said is measured
again. With ``--measure 0`` nothing is run, and what is known is printed. Some ten seconds for each seed of each SDK.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from math import isclose
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for who counts
sys.path.insert(0, str(Path(__file__).parent))  # for what stands beside this

from counted_truth import services, truths
from counted_truth.course import (
    LINKS,
    PATIENCE_S,
    RUN,
    Counted,
    Course,
    Recorded,
    breaking,
    carried_out,
    dawdling,
    limited,
    overloading,
    planned,
    refusing,
)  # fmt: skip
from counted_truth.provider import Providers, providing
from own_wire import taps, wire
from sdk_contracts import SDKS, Sdk, environment

from harness.judging.metastable import metastable
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.reading.expectation import Selection
from harness.record.rowfile import read_rows
from harness.record.rows import Arrival, Attempt
from harness.running.wire import ARRIVALS, ATTEMPTS, LinkConfig

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / "build" / "metric-truth.jsonl"
TRIED = [sdk for sdk in SDKS if sdk.api in services.SDKS]
CODE = [ROOT / "harness", ROOT / "tests" / "counted_truth", Path(__file__)]
HALF = dict.fromkeys(services.FLAWS, 0.5)
STEADY = {"warmup": 1, "baseline": 4.75, "fault": 22, "recovery": 4}
BACK = {"warmup": 1, "baseline": 6.05, "fault": 3, "recovery": 12}
LEFT = {"warmup": 1, "baseline": 4.75, "fault": 5, "recovery": 2}
STUCK = {"warmup": 1, "baseline": 8.25, "fault": 4, "stuck": 11, "load_shed": 52, "recovery": 6}
COUNTS = ("side_effects", "residency_violations", "credential_leaks", "probes_per_s")
"""Metrics whose number is of one run alone, so that other runs say nothing of it."""
Told = dict[str, list[float]]
"""What was counted and what a metric said: its value, and the ends of its interval; by metric."""


class Row(NamedTuple):
    """One run of the table."""

    sdk: str
    seed: int
    code: str
    told: Told


class Child:
    """A service in the environment of its SDK."""

    def __init__(self, sdk: Sdk, urls: dict[str, str]) -> None:
        words = [str(environment(sdk)), services.__file__, sdk.api]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._say({"urls": urls})

    def begin(self, **service: Any) -> None:
        """Be another service from now on."""
        self._say({"service": service})

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdout
        self._say(asked)
        reply: dict[str, Any] = json.loads(self.process.stdout.readline())
        return reply

    def _say(self, said: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(said) + "\n")
        self.process.stdin.flush()


class Runs:
    """Runs with one SDK, all over one wire."""

    def __init__(self, child: Child, providers: Providers, folder: Path) -> None:
        self.child, self.providers = child, providers
        self._recorded = Recorded(
            lambda: read_rows(folder / ATTEMPTS, Attempt), lambda: read_rows(folder / ARRIVALS, Arrival)
        )
        self._first = count(0, RUN)

    def __call__(self, course: Course, **service: Any) -> Counted:
        def begin() -> Callable[[dict[str, Any]], dict[str, Any]]:
            self.child.begin(**({"flaws": {}} | service))
            return self.child.answer

        return carried_out(course, self.providers, begin, self._recorded, next(self._first))


@contextmanager
def running(sdk: Sdk) -> Iterator[Runs]:
    with providing(sdk.api, LINKS) as providers, tempfile.TemporaryDirectory() as folder:
        links = [
            LinkConfig(link, url, api=sdk.api, credential=services.KEYS[link]) for link, url in providers.urls.items()
        ]
        with wire(links, Path(folder)) as (_, ports):
            child = Child(sdk, taps(ports))
            try:
                yield Runs(child, providers, Path(folder))
            finally:
                child.process.kill()
                child.process.communicate()


def said(run: Counted, metric: str, counted: float, phase: str | None = "fault", **picked: Any) -> list[float]:
    name, _, part = metric.partition(".")
    selection = Selection(phase if metrics[name].phased else None, **picked)
    found = metrics[name].measure(pick(run.evidence, selection), part or None)
    value = found.n if picked else found.value
    return [float(one) for one in (counted, value if value is not None else "nan", found.low, found.high)]


def steady(run: Runs, seed: int) -> Told:
    """All that is answered at once, by a service of many flaws, and by one of none."""
    course = Course(planned(STEADY, 2, seed=seed), limited, 8.25)
    found: Told = {}
    for name, flaws in (("", HALF), (" of a sound service", {})):
        counted = run(course, flaws=flaws, seed=seed)
        told = {metric: said(counted, metric, truth(counted, "fault")) for metric, truth in truths.TRUTHS.items()}
        found |= {f"{metric}{name}": one for metric, one in told.items()}
        for edge, at_s in zip(("injection", "revert"), course.broken_s, strict=True):
            flying = said(counted, "good_ratio", truths.in_flight(counted, at_s), None, among=f"in_flight_at_{edge}")
            found[f"in flight at {edge}{name}"] = flying
    return found


def streams(run: Runs, seed: int) -> Told:
    course = Course(planned(STEADY, 2, api=run.providers.api, seed=seed), breaking(seed), stream=True)
    counted = run(course, flaws=dict.fromkeys(services.STREAM_FLAWS, 0.4), seed=seed)
    return {metric: said(counted, metric, truth(counted, "fault")) for metric, truth in truths.OF_STREAMS.items()}


def back(run: Runs, seed: int) -> Told:
    """One time of the way back for each seed, evenly from half a second to six."""
    counted = run(Course(planned(BACK, 12, seed=seed), refusing), away_s=0.5 + 5.5 * (seed % 20) / 19, retries=0)
    return {"failback_time_s": said(counted, "failback_time_s", truths.failback_time_s(counted, ""), None)}


def left(run: Runs, seed: int) -> Told:
    """Clients that go before half of the answers come, which the service waits for all the same."""
    course = Course(planned(LEFT, 2, seed=seed), dawdling(seed), patience_s=PATIENCE_S)
    counted = run(course, flaws={"uncached": 1.0})
    truth = truths.orphaned_attempts(counted, "fault")
    return {"orphaned_attempts by clients that left": said(counted, "orphaned_attempts", truth)}


def stuck(run: Runs, seed: int) -> Told:
    """A service whose retries keep its provider down, and one that does not retry: 1 where it is named."""
    course = Course(planned(STUCK, 2, seed=seed), overloading(run.providers.log, 3))
    alone: dict[str, Any] = {"flaws": {"uncached": 1.0, "speechless": 1.0}, "away_s": 0.0, "seed": seed}
    found: Told = {}
    for name, retries in (("metastable", 2), ("metastable of a sound service", 0)):
        told = " ".join(metastable(run(course, retries=retries, **alone).evidence))
        found[name] = [float(retries > 0), *[float("confirms that it was its load" in told)] * 3]
    return found


COURSES: tuple[Callable[[Runs, int], Told], ...] = (steady, streams, left, back, stuck)


def code() -> str:
    """A mark of what the runs hang on."""
    paths = [path for place in CODE for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    return hashlib.blake2b(b"".join(path.read_bytes() for path in paths), digest_size=6).hexdigest()


def known(mark: str) -> dict[tuple[str, int], Row]:
    rows = [Row(**json.loads(line)) for line in STORE.read_text().splitlines()] if STORE.exists() else []
    return {(row.sdk, row.seed): row for row in rows if row.code == mark}


def measure(sdk: Sdk, seeds: list[int], mark: str) -> Iterator[Row]:
    if not seeds:
        return
    with running(sdk) as run:
        for seed in seeds:
            told: Told = {}
            for course in COURSES:
                told |= course(run, seed)
            yield Row(sdk.name, seed, mark, told)


def exact(metric: str, counted: float, value: float, low: float, high: float) -> bool:
    """Whether it says what was counted; of a time, and of a quantile, whether its interval does."""
    if metric.startswith(("failback_time_s", "staleness_s")):
        return low - 1e-9 <= counted <= high + 1e-9
    return isclose(counted, value, abs_tol=1e-9)


def covered(metric: str, told: list[list[float]]) -> str:
    """The share of the intervals that hold the mean of what was counted in all runs; a dash where that says nothing of one."""
    if metric.startswith((*COUNTS, "failback_time_s", "staleness_s", "in flight", "metastable")) or " of a " in metric:
        return "–"
    middle = mean(counted for counted, *_ in told)
    return f"{mean(low - 1e-9 <= middle <= high + 1e-9 for _, _, low, high in told):.2f}"


def table(rows: list[Row]) -> Iterator[str]:
    by_metric: dict[str, list[list[float]]] = defaultdict(list)
    for row in rows:
        for metric, told in row.told.items():
            by_metric[metric].append(told)
    yield "| metric | counted, on average | runs that say so | intervals that hold it |"
    yield "| :-- | --: | --: | --: |"
    for metric, told in by_metric.items():
        so = sum(exact(metric, *one) for one in told)
        yield f"| {metric} | {mean(counted for counted, *_ in told):.3g} | {so} of {len(told)} | {covered(metric, told)} |"


HEAD = """# What metrics say, and what was counted

Services made of a real SDK ask two providers over the wire; the east is broken for 22 s, and tells to wait, or refuses for good. Every
provider writes down each request that it reads, and the service what it did with the answers; what each metric says of what the wire saw is
held against those. A service shows each of its flaws in half of its requests: it waits for nothing, tries again what was refused for good,
asks what is down, asks twice, leaves the region, shows another's key, names another model, orders twice or not at all, answers from an old
snapshot; of streams it hides that they broke, or joins what it got. *Of a sound service* is the twin that does none of it. Made by

```sh
python tests/benchmarks/metric_truth.py --document docs/metric-truth.md
```

*Runs that say so*: the number is what was counted; of `staleness_s` and `failback_time_s`, which are estimates, its interval holds that.
*Intervals that hold it*: the share of the 95 % intervals that hold the mean of all runs; a count is of its own run alone. `metastable` is 1
where it was named and confirmed by a phase of little load. A run in which something came within 30 ms of an edge of the fault, or in which
the machine was slow, is made again, up to twice. Seeds {seeds}; {sdks}.
"""


def document(rows: list[Row]) -> str:
    sdks = ", ".join(dict.fromkeys(row.sdk for row in rows))
    seeds = sorted({row.seed for row in rows})
    return HEAD.format(seeds=f"{seeds[0]} to {seeds[-1]}", sdks=sdks) + "\n" + "\n".join(table(rows)) + "\n"


def main(words: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--measure", type=int, default=1, help="0: run nothing")
    options.add_argument("--document", type=Path, help="write the table as Markdown to this file")
    asked = options.parse_args(words)
    mark = code()
    found = known(mark)
    STORE.parent.mkdir(exist_ok=True)
    for sdk in TRIED if asked.measure else ():
        for row in measure(sdk, [seed for seed in range(asked.seeds) if (sdk.name, seed) not in found], mark):
            found[row.sdk, row.seed] = row
            with STORE.open("a") as file:
                file.write(json.dumps(row._asdict()) + "\n")
            off = [metric for metric, told in row.told.items() if not exact(metric, *told)]
            print(f"{row.sdk}, seed {row.seed}: {len(row.told)} metrics, {len(off)} off {', '.join(off)}", flush=True)
    print("\n".join(table(list(found.values()))))
    whole = len(found) == len(TRIED) * len({seed for _, seed in found})
    if asked.document and whole:
        asked.document.write_text(document(list(found.values())))
    elif asked.document:
        print(f"{asked.document} is left as it is: not every SDK has every seed")
    return int(any(not exact(metric, *told) for row in found.values() for metric, told in row.told.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
