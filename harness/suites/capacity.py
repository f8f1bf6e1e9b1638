"""A search for the highest rate that a target keeps up with: each rate is tried in a run of its own, in which nothing is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from os.path import relpath
from pathlib import Path

from harness.judging.capacity import capacity as judging
from harness.judging.capacity import rate
from harness.judging.capacity.capacity import AboutSearch, Capacity, RateRun, doubted
from harness.judging.capacity.rate import PHASE, Shown
from harness.judging.capacity.search import Rate, Search
from harness.judging.gate import BROKEN_DOWN, CutShort
from harness.judging.result import Outcome
from harness.judging.scoring.shares import SHARED_S, Z
from harness.prepare import Asked, Prepared, prepare
from harness.problems import Problem, UsageProblems
from harness.reading.shapes import RATE_MOST
from harness.reading.yaml.recall import recall
from harness.record import run_folder
from harness.stored import Run
from harness.suites.asking import words
from harness.suites.earlier import finished
from harness.suites.folder import CAPACITY, folder
from harness.suites.inputs import checksum, inputs_of
from harness.suites.series import NOBODY, Made, Watcher, carried_out, gathered
from harness.suites.turns import Cell, Turn, salted

FILE = CAPACITY
EVEN_LOAD = Path(__file__).parent / "even_load" / "scenario.yaml"
"""The scenario of whoever names none."""
SPAN_S = 10.0
_LONGER = 3.0
"""So much longer a rate is tried the second time."""
_MARGIN = 1.4
"""So many times the requests that could show it at all: a few may be bad."""
_BEFORE = 0.25
"""Of the rate that is tried, so much is sent while it is seen how the target does when it has little to do."""
_SETTLING_S = 3.0


@dataclass(frozen=True, slots=True)
class Sought:
    """What is sought: the capacity of a target for the questions and the good answers of a scenario; *first* is that at its own rate."""

    scenario: Path
    target: Path
    asked: Asked
    environment: Mapping[str, str]
    first: Prepared
    search: Search
    at_least: float | None = None
    replay: str = ""

    @property
    def name(self) -> str:
        return f"capacity-of-{self.first.plan.target.name}"

    @property
    def about(self) -> AboutSearch:
        scenario = self.first.plan.scenario
        asked = rate.Objective(scenario.good.ratio, scenario.good.within, scenario.load.deadline)
        entries = len(self.first.plan.target.entries_by_name)
        return AboutSearch(
            self.first.plan.target.name, scenario.name, asked, entries, self.at_least, self.inputs, self.replay
        )

    @property
    def inputs(self) -> str:
        """A checksum of all that the search is made from."""
        return sha256(repr([checksum([self.first]), self.search]).encode()).hexdigest()

    def at(self, per_s: float, again: int) -> Prepared:
        """A run that tries *per_s*, for the time that number *again* of that rate takes."""
        seed = salted(self.first.plan.seed, again + 1)
        return _prepared(self, per_s, span_s(per_s, again, self.first.plan.scenario.good.ratio), seed)


def span_s(per_s: float, again: int, ratio: float) -> float:
    """How long a rate is tried: longer where few requests are due or nearly all have to be good, and when it is tried again."""
    enough = _MARGIN * Z**2 * ratio / (1 - ratio)  # by Wilson's interval, were all good
    return round(max(SPAN_S, enough / min(per_s, 1 / SHARED_S)) * (_LONGER if again else 1.0), 3)


def sought(
    target: Path,
    scenario: Path | None,
    asked: Asked,
    environment: Mapping[str, str],
    *,
    at_least: float | None = None,
    most_per_s: float | None = None,
    out: Path = Path("reports"),
) -> Sought:
    """What is sought, with all files read and checked; raises UsageProblems with all that is wrong."""
    path = scenario or EVEN_LOAD
    for option, per_s in (("--at-least", at_least), ("--most", most_per_s)):
        if per_s is not None and not 0 < per_s <= RATE_MOST:
            raise UsageProblems(
                Problem(f"should be a rate from above 0 to {RATE_MOST:,} a second, but is {per_s:g}", path=option)
            )
    if at_least is not None and most_per_s is not None and at_least > most_per_s:
        what = f"{at_least:g} a second can never be shown, since no more than {most_per_s:g} are sent (--most)"
        raise UsageProblems(Problem(what, path="--at-least"))
    written = prepare(path, target, replace(asked, with_faults=False), environment, starts=True)
    if written.plan.scenario.load.watched:
        what = "is the service's own traffic, and a capacity is searched by sending more and more; name a scenario that sends its load"
        raise UsageProblems(written.scenario.problem("load", what))
    if written.plan.scenario.load.closed:
        what = "is of a locustfile, whose users decide how much they send; name a scenario whose questions the harness asks"
        raise UsageProblems(written.scenario.problem("load", what))
    own, most = written.plan.scenario.load.rate_per_s, most_per_s or RATE_MOST
    # What is asked for is tried first: where it is kept up with, or is not, much is known at once.
    search = Search(first_per_s=min(at_least or own, most), most_per_s=most)
    said = {"--scenario": scenario, "--at-least": at_least, "--most": most_per_s}
    options = [word for option, value in said.items() if value is not None for word in (option, _said(value))]
    replay = f"{words('harness capacity', [str(target), *options], asked, (), None, out)} --resume"
    made = Sought(path, target, asked, environment, written, search, at_least, replay)
    return replace(made, first=made.at(search.first_per_s, 0))


def _said(value: Path | float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _prepared(made: Sought, per_s: float, lasts_s: float, seed: int) -> Prepared:
    """The scenario at *per_s* and nothing else, with nothing broken, and all else as it is written."""
    before_s = max(3.0, 2 / (_BEFORE * per_s))
    phases = {"warmup": 2.0, "baseline": before_s, "settle": _SETTLING_S, PHASE: lasts_s, "recovery": 1.0}
    steps = dict.fromkeys(("warmup", "baseline", "recovery"), _BEFORE * per_s)
    ratio = made.first.plan.scenario.good.ratio
    settings = (
        f"load.rate_per_s={per_s!r}",
        f"load.shape={{steps: {_flow(steps)}}}",
        f"phases={_flow({name: f'{at_s:g}s' for name, at_s in phases.items()})}",
        "faults=[]",
        f"expect=['good_ratio >= {ratio:g} in {PHASE}']",
    )
    asking = replace(made.asked, overrides=(*made.asked.overrides, *settings), with_faults=False, seed=seed)
    return prepare(made.scenario, made.target, asking, made.environment, starts=True)


def _flow(mapping: Mapping[str, object]) -> str:
    return f"{{{', '.join(f'{name}: {value}' for name, value in mapping.items())}}}"


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search came to: its *runs* in the order in which they were made, and the *capacity*, stored in *path*."""

    path: Path
    runs: tuple[Run, ...]
    capacity: Capacity
    stopped: bool = False

    @property
    def verdict(self) -> Outcome:
        return self.capacity.verdict

    @property
    def page(self) -> Path:
        return self.path / "report.html"

    @property
    def exit_status(self) -> int:
        """That of the verdict; where somebody stopped it, that of the run in which they did."""
        return self.runs[-1].exit_status if self.stopped else self.capacity.exit_status


Look = Callable[[Run, rate.Objective], Shown]


def look(run: Run, asked: rate.Objective) -> Shown:
    """What the stored *run* in which a rate was tried says of it."""
    return rate.shown(run.result, run.requests, asked)


def carry_out(
    sought: Sought,
    out: Path,
    run: Callable[[Prepared, Path], Run],
    watcher: Watcher = NOBODY,
    *,
    resume: bool = False,
    look: Look = look,
) -> Searched:
    """Try one rate after the other in a folder of its own below *out*, and write what they came to there after each.

    With *resume* the newest such folder of the same inputs is gone on with. Raises RefusedError and HarnessError as a run does where not
    even the first can be made; one that comes later ends it, and is written down.
    """
    into = folder(
        out / sought.name, FILE, sought.inputs, lambda at: read(at).inputs, sought.first.plan.target.name, resume=resume
    )
    progress = _Progress(sought, into, look)
    before = finished(into) if resume else {}
    made = carried_out(
        progress.turns(),
        lambda turn: run(turn.prepared, into),
        watcher,
        reruns=0,
        earlier=lambda turn: before.get(inputs_of(turn.prepared)),
    )
    return gathered(made, progress.add, progress.searched)


class _Progress:
    """What has been tried in *folder* so far, and what it comes to."""

    def __init__(self, sought: Sought, folder: Path, look: Look) -> None:
        self.folder = folder
        self._sought, self._look = sought, look
        self._runs, self._tried = list[Run](), list[RateRun]()
        self._now = self._written(None)

    def turns(self) -> Iterator[Turn]:
        """The rate to try next, as long as one would say more."""
        search = self._sought.search
        while not any(map(doubted, self._tried)) and (per_s := search.next_per_s(self._rates)) is not None:
            prepared = self._sought.at(per_s, self._times(per_s))
            yield Turn(Cell(prepared, f"{per_s:g}/s"), len(self._tried) + 1, prepared.plan.seed)

    def add(self, made: Made) -> None:
        run, plan = made.run, made.turn.prepared.plan
        self._runs.append(run)
        if run.verdict not in BROKEN_DOWN:
            per_s, lasts = plan.scenario.load.rate_per_s, plan.phase(PHASE)
            shown = self._look(run, self._sought.about.asked)
            where = Path(relpath(run.path, self.folder)).as_posix()
            self._tried.append(RateRun(per_s, lasts.end_s - lasts.start_s, shown, run.result, where))
        self._now = self._written(None)

    def searched(self, cut_short: CutShort | None) -> Searched:
        """What it came to in the end; *cut_short*: what kept a run from being made."""
        last = self._runs[-1] if self._runs else None
        if cut_short is None and last is not None and last.verdict in BROKEN_DOWN:
            cut_short = CutShort(verdict=last.verdict, reason=last.result.reason)
        self._now = self._written(cut_short)
        return Searched(self.folder, tuple(self._runs), self._now, any(run.stopped for run in self._runs))

    @property
    def _rates(self) -> list[Rate]:
        return [Rate(one.per_s, one.shown.came_to) for one in self._tried]

    def _times(self, per_s: float) -> int:
        return sum(one.per_s == per_s for one in self._tried)

    def _written(self, cut_short: CutShort | None) -> Capacity:
        from harness.conduct import versions

        made = judging.capacity(self._sought.about, self._tried, cut_short=cut_short, versions=versions())
        write(self.folder, made)
        return made


def write(folder: Path, capacity: Capacity) -> None:
    """The capacity as JSON, as a page, and as a summary in Markdown."""
    from harness.report import capacity as report

    run_folder.write(folder / FILE, capacity.to_json())
    run_folder.write(folder / "report.html", report.page(capacity))
    run_folder.write(folder / "summary.md", report.summary(capacity))


def read(folder: Path) -> Capacity:
    """The capacity that is stored in *folder*; raises UsageProblems where there is none."""
    return recall(folder / FILE, Capacity)[0].value
