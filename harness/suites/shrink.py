"""A scenario that breaks what it expects, made as small as still does: fewest faults, shortest phases, lowest rate, each by trials."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from os.path import relpath
from pathlib import Path
from shlex import quote
from typing import TypeVar

from harness.judging.gate import BROKEN_DOWN, CutShort
from harness.judging.result import ON_THE_SERVICE, Outcome
from harness.judging.shrunk import CameTo, Candidate, Shrunk, Step, status_of
from harness.prepare import Asked, Prepared, prepare
from harness.problems import Problem, UsageProblems
from harness.reading.load_hosts import NO_HOSTS, LoadHosts
from harness.reading.scenario import Load
from harness.reading.yaml.overrides import OF_TARGET
from harness.reading.yaml.recall import recall
from harness.record import run_folder
from harness.record.history import Begun
from harness.registry import suggestion
from harness.stored import Run, load, what_if
from harness.suites.asking import check_trials
from harness.suites.earlier import finished, inputs_in
from harness.suites.folder import folder
from harness.suites.inputs import Inputs, inputs_of
from harness.suites.series import NOBODY, Made, Watcher, carried_out, gathered
from harness.suites.shrunk_scenario import overrides_of, text_of
from harness.suites.smallest import fewest, fewest_tries, least, least_tries
from harness.suites.spending import FIRST_BEYOND_S, spelt
from harness.suites.turns import Cell, Turn

FILE = "shrink.json"
RUNS_MOST = 60
ROUNDS_MOST = 2
"""So often it is gone through: what is not known at the end of one is tried again in the next."""
_NAMED = 3
_LEAST_S, _LEAST_PER_S = 1.0, 1.0
_KEPT = "warmup"
"""How long it takes a service to be warm is its own affair."""
T = TypeVar("T")
Asking = Generator[Candidate, bool, T]
"""Yields what is to be tried, and is sent whether it fails."""


@dataclass(frozen=True, slots=True)
class Shrinking:
    """What is to be made smaller: the scenario and the target of a run that broke one of *expectations*."""

    run: Run
    begun: Begun
    prepared: Prepared
    whole: Candidate
    expectations: tuple[str, ...]
    environment: Mapping[str, str]
    allowed_hosts: tuple[str, ...]
    hosts: LoadHosts
    trials: int
    runs_most: int
    to: Path
    replay: str
    shortest: Mapping[str, float] = field(default_factory=dict)
    """The shortest that each phase may be, by its name; what is not here stays as it is."""
    lowest_per_s: float = 0.0
    """0: the load stays as it is, since it is not of one rate."""

    @property
    def name(self) -> str:
        return f"shrink-of-{self.prepared.plan.scenario.name}"

    @property
    def inputs(self) -> str:
        """A checksum of all that the search is made from."""
        return sha256(repr([inputs_of(self.prepared), self.expectations, self.trials]).encode()).hexdigest()

    @property
    def runs_at_most(self) -> int:
        """How many runs it may take, were each candidate broken but in its last trial, each run invalid once, and none known in the end."""
        tries = 1 + fewest_tries(len(self.whole.faults))
        tries += sum(least_tries(short_s, self.whole.phases[name]) for name, short_s in self.shortest.items())
        tries += least_tries(self.lowest_per_s, self.whole.rate_per_s) if self.lowest_per_s else 0
        return min(self.runs_most, 2 * tries * self.trials * ROUNDS_MOST)

    @property
    def seconds_at_most(self) -> float:
        return self.runs_at_most * (self.prepared.plan.total_s + FIRST_BEYOND_S)

    def told(self) -> list[str]:
        """What is to be shrunk, to what, and what that may cost, for a person."""
        plan, whole = self.prepared.plan, self.whole
        each = f"{spelt(plan.total_s)} each at most, {plan.schedule.requests:,} requests"
        rate = (
            f"{whole.rate_per_s:g} a second" if self.lowest_per_s else "a load that stays, since it is not of one rate"
        )
        faults = f"{len(whole.faults)} fault{'s' if len(whole.faults) != 1 else ''}"
        size = f"{faults}, {spelt(plan.total_s)}, {rate}"
        return [
            f"{plan.scenario.name} on {plan.target.name}: {size}",
            *(f"  breaks: {text}" for text in self.expectations),
            f"at most {self.runs_at_most} runs ({each}): {spelt(self.seconds_at_most)}; most searches end with fewer",
        ]

    @property
    def with_options(self) -> list[str]:
        """Words of a command line that say how the target is run beside its file."""
        put = [word for one in self.begun.overrides if one.startswith(OF_TARGET) for word in ("--set", one)]
        return [*put, *(word for host in self.allowed_hosts for word in ("--allow-host", host)), *self.hosts.said]

    def at(self, candidate: Candidate) -> Prepared:
        """The run of *candidate*; raises UsageProblems where it could not be judged."""
        begun = self.begun
        if candidate == self.whole:
            return self.prepared
        changes = overrides_of(self.prepared, self.whole, candidate, self.expectations)
        asked = Asked(begun.seed, (*begun.overrides, *changes), (), begun.with_faults, self.allowed_hosts, self.hosts)
        made = prepare(Path(begun.scenario_path), Path(begun.target_path), asked, self.environment, starts=True)
        # What may not have been meant, such as a baseline too short to show anything, is not what is looked for.
        known = {_place(warning) for warning in self.prepared.warnings}
        if doubtful := [warning for warning in made.warnings if _place(warning) not in known]:
            raise UsageProblems(*doubtful)
        return made


def _place(warning: Problem) -> str:
    return warning.path.removeprefix("--set ")


def shrinking(
    path: Path,
    environment: Mapping[str, str],
    *,
    expect: str | None = None,
    trials: int = 3,
    runs_most: int = RUNS_MOST,
    to: Path | None = None,
    force: bool = False,
    allowed_hosts: tuple[str, ...] = (),
    hosts: LoadHosts = NO_HOSTS,
    out: Path = Path("reports"),
    say: Callable[[str], None] = lambda _: None,
) -> Shrinking:
    """What is to be made smaller, with all files read and checked; raises UsageProblems with what is wrong, as for a run that passed."""
    check_trials(trials, 1)
    run = what_if(path, (), say=say)
    begun, _ = run_folder.read_history(run_folder.find(path))
    expectations = _broken(run, expect)
    asked = Asked(
        begun.seed, tuple(begun.overrides), tuple(begun.expectations), begun.with_faults, allowed_hosts, hosts
    )
    prepared = prepare(Path(begun.scenario_path), Path(begun.target_path), asked, environment, starts=True)
    for document, then in ((prepared.scenario, begun.scenario_sha256), (prepared.target, begun.target_sha256)):
        if document.sha256 != then:
            say(f"{document.file}: was edited since the run; what is shrunk is what it says now")
    source = Path(begun.scenario_path)
    written = to or source.with_name(f"{source.stem}.shrunk.yaml")
    if written.exists() and not force:
        raise UsageProblems(
            Problem("is there already; say --force to write over it, or --to another", file=str(written))
        )
    if not os.access(written.parent, os.W_OK | os.X_OK):
        what = "its folder is not there, or cannot be written to; name another with --to"
        raise UsageProblems(Problem(what, file=str(written)))
    words = [
        "harness",
        "shrink",
        str(path),
        "--trials",
        str(trials),
        "--runs-max",
        str(runs_most),
        "--out",
        str(out),
        "--to",
        str(written),
    ]
    words += [
        *(["--expect", expect] if expect else []),
        *(word for host in allowed_hosts for word in ("--allow-host", host)),
        *hosts.said,
    ]
    replay = " ".join(map(quote, [*words, "--resume"]))
    made = Shrinking(
        run, begun, prepared, _whole(prepared), expectations, environment, allowed_hosts, hosts, trials, runs_most,
        written, replay,
    )  # fmt: skip
    return _bounded(made)


def _broken(run: Run, expect: str | None) -> tuple[str, ...]:
    """The expectations of *run* that were broken, or of them the one that is asked for."""
    broken = [finding.expectation for finding in run.result.findings if finding.verdict == "fail"]
    if run.verdict != "fail" or not broken:
        what = (
            f"came to {run.verdict}, so no expectation was broken in it that could be shrunk to; name a run that failed"
        )
        raise UsageProblems(Problem(what, file=str(run.path)))
    if expect is None:
        return tuple(broken)
    if expect not in broken:
        raise UsageProblems(
            Problem(f"{expect!r} was not broken in this run; {suggestion(expect, broken)}", path="--expect")
        )
    return (expect,)


def _whole(prepared: Prepared) -> Candidate:
    plan = prepared.plan
    faults = prepared.scenario.value.fault_ids if prepared.asked.with_faults else ()
    phases = {phase.name: round(phase.end_s - phase.start_s, 6) for phase in plan.phases}
    load = plan.scenario.load
    mean_per_s = round(plan.schedule.requests / plan.total_s, 3)
    rate_per_s = load.usual_per_s if _of_one_rate(load) or load.watched else mean_per_s
    return Candidate(faults=tuple(faults), phases=phases, rate_per_s=rate_per_s)


def _of_one_rate(load: Load) -> bool:
    """Whether it is so many requests a second, and nothing else, that the harness sends."""
    return load.shape is None and not load.who


def _bounded(made: Shrinking) -> Shrinking:
    """With the shortest phases and the lowest rate that could still be judged, each with all else as it is."""
    whole = made.whole
    shortest = {
        name: _least_possible(made, _LEAST_S, lasts_s, partial(with_phase, whole, name))
        for name, lasts_s in whole.phases.items()
        if name != _KEPT
    }
    if not _of_one_rate(made.prepared.plan.scenario.load):
        return replace(made, shortest=shortest)
    lowest = _least_possible(made, _LEAST_PER_S, whole.rate_per_s, partial(with_rate, whole))
    return replace(made, shortest=shortest, lowest_per_s=lowest)


def with_phase(candidate: Candidate, name: str, lasts_s: float) -> Candidate:
    return candidate.model_copy(update={"phases": {**candidate.phases, name: lasts_s}})


def with_rate(candidate: Candidate, per_s: float) -> Candidate:
    return candidate.model_copy(update={"rate_per_s": per_s})


def _least_possible(made: Shrinking, low: float, high: float, candidate: Callable[[float], Candidate]) -> float:
    """The least number of which a run could be judged."""
    search = least(low, high)
    try:
        value = next(search)
        while True:
            value = search.send(_possible(made, candidate(value)))
    except StopIteration as end:
        return float(end.value)


def _possible(made: Shrinking, candidate: Candidate) -> bool:
    with suppress(UsageProblems):
        made.at(candidate)
        return True
    return False


def candidates(made: Shrinking) -> Asking[Candidate | None]:
    """What is to be tried, one after the other; the smallest that fails at the end, and None where not even the whole does."""
    found = made.whole
    if not (yield found):
        return None
    places = tuple(range(len(found.faults)))
    kept = yield from _each(fewest(places), partial(_with_faults, made.whole))
    found = _with_faults(found, kept)
    for name, short_s in made.shortest.items():
        lasts_s = yield from _each(least(short_s, found.phases[name]), partial(with_phase, found, name))
        found = with_phase(found, name, lasts_s)
    if made.lowest_per_s:
        per_s = yield from _each(least(made.lowest_per_s, found.rate_per_s), partial(with_rate, found))
        found = with_rate(found, per_s)
    return found


def _with_faults(candidate: Candidate, places: tuple[int, ...]) -> Candidate:
    return candidate.model_copy(update={"faults": tuple(candidate.faults[place] for place in places)})


def _each(search: Generator[T, bool, T], made: Callable[[T], Candidate]) -> Asking[T]:
    """*search*, of which each thing is tried as the candidate that is *made* of it."""
    try:
        asked = next(search)
        while True:
            asked = search.send((yield made(asked)))
    except StopIteration as end:
        found: T = end.value
        return found


@dataclass(frozen=True, slots=True)
class Smaller:
    """What a search came to: its *runs*, and what was found as *shrunk*, stored in *path*; *file*: the scenario that was written."""

    path: Path
    runs: tuple[Run, ...]
    shrunk: Shrunk
    stopped: bool = False

    @property
    def verdict(self) -> Outcome:
        return self.shrunk.verdict

    @property
    def file(self) -> Path | None:
        return Path(self.shrunk.file) if self.shrunk.file else None

    @property
    def exit_status(self) -> int:
        """That of the verdict; where somebody stopped it, that of the run in which they did."""
        return self.runs[-1].exit_status if self.stopped else self.shrunk.exit_status


def carry_out(
    made: Shrinking,
    out: Path,
    run: Callable[[Prepared, Path], Run],
    watcher: Watcher = NOBODY,
    *,
    resume: bool = False,
) -> Smaller:
    """Try one candidate after the other in a folder of its own below *out*, and write what they came to there after each run.

    With *resume* the newest such folder of the same inputs is gone on with. The run that is shrunk stands for a trial of the whole. Raises
    RefusedError and HarnessError as a run does where not even the first can be made; one that comes later ends it, and is written down.
    """
    into = folder(
        out / made.name, FILE, made.inputs, lambda at: read(at).inputs, made.prepared.plan.target.name, resume=resume
    )
    progress = _Progress(made, into)
    earlier = finished(into) if resume else {}
    progress.known |= {inputs: path for inputs, path in earlier.items() if _settled(load(path), made.expectations)}
    every = carried_out(
        progress.turns(),
        lambda turn: run(turn.prepared, into),
        watcher,
        reruns=1,
        earlier=lambda turn: progress.known.get(inputs_of(turn.prepared)),
        allowed=lambda _: progress.may_run(),
    )
    return gathered(every, progress.add, progress.smaller)


@dataclass(slots=True)
class _Tried:
    """A candidate with the runs that were made of it."""

    what: str
    candidate: Candidate
    runs: list[Made] = field(default_factory=list)
    came_to: CameTo = "not finished"
    why: str = ""
    broken: list[set[str]] = field(default_factory=list)


class _Progress:
    """What has been tried in *folder* so far, and what it comes to."""

    def __init__(self, made: Shrinking, folder: Path) -> None:
        self.folder = folder
        self._asked = made
        self._tried: list[_Tried] = []
        self._fresh = 0
        self._found: Candidate | None = None
        self._smallest: Candidate | None = None
        """Of the round that is under way."""
        self._whole = self._used_up = False
        self._unknown: list[_Tried] = []
        self.known: dict[Inputs, Path] = {inputs_in(made.begun): made.run.path}
        """The runs that say whether an expectation was broken, by what they were made from; each stands for its turn."""
        self._written(None)

    def turns(self) -> Iterator[Turn]:
        """The trials of what is to be tried next, as long as something is; what nobody knows then is tried again, a round later."""
        known: dict[str, bool] = {}
        for round_ in range(ROUNDS_MOST):
            self._smallest, self._unknown = None, []
            yield from self._round(known, " again" if round_ else "")
            if self._used_up or not self._unknown:
                return

    def _round(self, known: dict[str, bool], again: str) -> Iterator[Turn]:
        """The search from its beginning on, of which what is *known* is not tried; what is not known to fail is not taken."""
        search = candidates(self._asked)
        unknown: set[str] = set()
        try:
            candidate = next(search)
            while True:
                key = candidate.model_dump_json()
                if key not in known and key not in unknown:
                    tried = _Tried(self._said(candidate), candidate)
                    tried.what += again if any(one.candidate == candidate for one in self._tried) else ""
                    self._tried.append(tried)
                    yield from self._trials(tried)
                    if self._used_up:
                        return
                    if tried.came_to == "not settled":
                        self._unknown.append(tried)
                        unknown.add(key)
                    else:
                        known[key] = tried.came_to == "fails"
                fails = known.get(key, False)
                if fails:
                    self._smallest = candidate
                    self._found = self._found if again else candidate
                candidate = search.send(fails)
        except StopIteration:
            self._whole, self._found = True, self._smallest

    def may_run(self) -> bool:
        """Whether one more run may be made, be it again."""
        self._used_up = self._used_up or self._fresh >= self._asked.runs_most
        return not self._used_up

    def _trials(self, tried: _Tried) -> Iterator[Turn]:
        """As many trials as have to be broken each; the first that is not ends it."""
        try:
            prepared = self._asked.at(tried.candidate)
        except UsageProblems as found:
            tried.came_to, tried.why = "not possible", found.problems[0].what
            return
        cell = Cell(prepared, tried.what, self._asked.trials)
        for trial in range(1, self._asked.trials + 1):
            if not self.may_run():
                return
            yield Turn(cell, trial)
            last = tried.runs[-1]
            broken = _breaks(last.run, self._asked.expectations)
            if not broken:
                settled = _settled(last.run, self._asked.expectations)
                tried.came_to = "holds" if settled else "not settled"
                tried.why = "" if settled else f"trial {trial} came to {last.run.verdict}"
                return
            tried.broken.append(broken)
        tried.came_to = "fails"

    def add(self, made: Made) -> None:
        self._tried[-1].runs.append(made)
        if _settled(made.run, self._asked.expectations):
            self.known[inputs_of(made.turn.prepared)] = made.run.path
        self._fresh += not made.found
        self._written(None)

    def smaller(self, cut_short: CutShort | None) -> Smaller:
        """What it came to in the end; *cut_short*: what kept a run from being made."""
        runs = tuple(made.run for tried in self._tried for made in tried.runs)
        if cut_short is None and runs and runs[-1].verdict in BROKEN_DOWN:
            cut_short = CutShort(verdict=runs[-1].verdict, reason=runs[-1].result.reason)
        stopped = any(run.stopped for run in runs)
        over = cut_short is None and not stopped
        file = ""
        if over and self._found is not None:
            file = str(self._asked.to)
            run_folder.write(self._asked.to, text_of(self._asked.prepared, self._shrunk(None, file), self._asked.to))
        return Smaller(self.folder, runs, self._written(cut_short, file), stopped)

    def _written(self, cut_short: CutShort | None, file: str = "") -> Shrunk:
        made = self._shrunk(cut_short, file)
        run_folder.write(self.folder / FILE, made.to_json())
        return made

    def _shrunk(self, cut_short: CutShort | None, file: str) -> Shrunk:
        from harness.conduct import versions

        asked, found = self._asked, self._found
        verdict, reason = self._verdict(cut_short)
        broken = [one.broken for one in self._tried if one.candidate == found and one.came_to == "fails"]
        breaks = [text for text in asked.expectations if broken and all(text in some for some in broken[0])]
        return Shrunk(
            scenario=asked.prepared.plan.scenario.name,
            target=asked.prepared.plan.target.name,
            target_file=asked.begun.target_path,
            with_options=asked.with_options,
            run=str(asked.run.path),
            expectations=list(asked.expectations),
            trials=asked.trials,
            runs_most=asked.runs_most,
            verdict=verdict,
            exit_status=status_of(verdict),
            reason=reason,
            whole=asked.whole,
            found=found,
            breaks=breaks,
            steps=[self._step(one) for one in self._tried],
            file=file,
            cut_short=cut_short,
            inputs=asked.inputs,
            replay=asked.replay,
            versions=versions(),
        )

    def _step(self, one: _Tried) -> Step:
        return Step(
            what=one.what,
            candidate=one.candidate,
            came_to=one.came_to,
            made=sum(made.counts for made in one.runs),
            broken=len(one.broken),
            why=one.why,
            runs=[Path(relpath(made.run.path, self.folder)).as_posix() for made in one.runs],
        )

    def _verdict(self, cut_short: CutShort | None) -> tuple[Outcome, str]:
        asked, tried = self._asked, self._tried
        if cut_short is not None:
            return cut_short.verdict, cut_short.reason
        if self._used_up:
            return (
                "inconclusive",
                f"the {asked.runs_most} runs that were allowed are used up, so that more might be left out",
            )
        if not self._whole:
            return "interrupted", "the search was not carried to its end"
        if self._found is None:
            return "inconclusive", self._not_steady(tried[0])
        left = f"what is left fails in {asked.trials} of {asked.trials} trials"
        if self._unknown:
            return "inconclusive", f"{left}, and {self._not_known()}"
        return "pass", f"{left}, and in less of it not every trial did"

    def _not_known(self) -> str:
        """Of which smaller ones nobody knows whether they fail, and what to do about it."""
        names = [one.what.removesuffix(" again") for one in self._unknown]
        listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        return (
            f"whether less of it does is not known ({listed}): trials that could not be trusted or settled were made again and "
            "came to no more; --resume makes them once more"
        )

    def _not_steady(self, whole: _Tried) -> str:
        """Why the *whole* is not shrunk: a trial of it broke nothing, or nobody knows whether it did."""
        broke = f"{len(whole.broken)} of {len(whole.broken) + 1} trials broke an expectation"
        last = whole.runs[-1].run
        if last.verdict == "invalid":
            return (
                f"whether the whole scenario fails each time is not known: trial {len(whole.broken) + 1} of it could not be trusted, "
                f"and --resume makes it again ({last.result.reason})"
            )
        if whole.came_to == "not settled":
            return (
                f"whether the whole scenario fails each time is not known: trial {len(whole.broken) + 1} of it came to {last.verdict}; "
                f"let it send more requests, or last longer ({last.result.reason})"
            )
        return f"the whole scenario does not fail each time ({broke}): what fails by chance is not shrunk"

    def _said(self, candidate: Candidate) -> str:
        """What it has less than the smallest so far: ``without slow-1``, ``fault 6 s``, ``12 a second``."""
        before, whole = self._smallest, self._asked.whole
        if before is None:
            return "the whole scenario"
        if candidate.faults != before.faults:
            gone = ", ".join(name for name in whole.faults if name not in candidate.faults)
            return f"without {gone}" if candidate.faults else "without any fault"
        for name, lasts_s in candidate.phases.items():
            if lasts_s != before.phases[name]:
                return f"{name} {lasts_s:g} s"
        return f"{candidate.rate_per_s:g} a second"


def _breaks(run: Run, expectations: tuple[str, ...]) -> set[str]:
    """Which of *expectations* were broken in *run*; a run that says nothing of the service broke none."""
    if run.verdict not in ON_THE_SERVICE:
        return set()
    return {one.expectation for one in run.result.findings if one.verdict == "fail" and one.expectation in expectations}


def _settled(run: Run, expectations: tuple[str, ...]) -> bool:
    """Whether *run* says if one of *expectations* was broken."""
    return bool(_breaks(run, expectations)) or run.verdict == "pass" or _holds(run, expectations)


def _holds(run: Run, expectations: tuple[str, ...]) -> bool:
    found = [one.verdict for one in run.result.findings if one.expectation in expectations]
    return run.verdict in ON_THE_SERVICE and set(found) == {"pass"}


def read(folder: Path) -> Shrunk:
    """What is stored in *folder*; raises UsageProblems where there is nothing."""
    return recall(folder / FILE, Shrunk)[0].value
