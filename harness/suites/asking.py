"""What was asked for, by files or by a suite, as the cells that are to be run; all is read and checked before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from os.path import normpath
from pathlib import Path
from shlex import quote

from harness.checks import needs
from harness.planning.outline import outline
from harness.planning.plan import Plan
from harness.prepare import Asked, Prepared, prepare
from harness.problems import Problem, UsageProblems
from harness.reading.kinds import KINDS, kind_of
from harness.reading.quantities import plain
from harness.reading.scenario import TRIALS_MAX
from harness.reading.suite import Suite, overrides
from harness.reading.yaml import Document, load, meant
from harness.reading.yaml.paths import written
from harness.settings import settings
from harness.suites.preparing import prepare_all, scenario_files
from harness.suites.spending import Spending, spelt
from harness.suites.turns import Cell, interleaved
from harness.suites.wanted import Wanted

_WANTED = {"scenarios": "harness.scenario/1", "targets": "harness.target/1"}


def wanted(
    named: Sequence[Path],
    targets: Sequence[Path],
    asked: Asked,
    environment: Mapping[str, str] | None,
    trials: int | None = None,
    out: Path = Path("reports"),
) -> Wanted:
    """What *named* scenarios, folders of them or one suite file ask for on *targets*; *trials* stands in the place of theirs.

    Raises UsageProblems with all that is wrong with all of them.
    """
    if trials is not None:
        check_trials(trials, 1)
    if not any(path.is_file() and kind_of(path) is Suite for path in named):
        prepared = prepare_all(scenario_files(named), targets or [None], asked, environment)
        cells = tuple(Cell(one, trials=trials or one.scenario.value.trials) for one in prepared)
        names = {cell.situation for cell in cells}
        name = names.pop() if len(names) == 1 else "grid"
        as_one = any(cell.trials > 1 for cell in cells)
        return Wanted(name, cells, replay=_replay(prepared, asked, targets, trials, out), as_one=as_one)
    if len(named) > 1:
        raise UsageProblems(Problem("a suite says itself what is run; name it alone", file=str(named[0])))
    (path,) = named
    suite = load(path, Suite)
    cells = tuple(_cells(suite, path.parent, targets, asked, environment, trials))
    replay = words("harness run", [str(path)], asked, targets, trials, out)
    noted = (*_twice(suite), *_never_whole(suite, cells))
    return Wanted(suite.value.name, cells, suite.value.policy, suite.value.budget, replay, as_one=True, noted=noted)


def check_trials(trials: object, least: int) -> None:
    """Raises UsageProblems where *trials* is no number of runs, or less than *least*."""
    if not (isinstance(trials, int) and least <= trials <= TRIALS_MAX):
        what = f"should be a whole number from {least} to {TRIALS_MAX}, but is {trials!r}"
        raise UsageProblems(Problem(what, path="--trials"))


def planned(path: Path, target: Path | None, asked: Asked) -> tuple[list[str], tuple[Problem, ...]]:
    """What a run of the scenario or the suite in *path* would do, in lines for a person, and what may not have been meant.

    Nothing is touched. Raises UsageProblems with all that is wrong.
    """
    if kind_of(path) is not Suite:
        prepared = prepare(path, target, asked, None)
        missing = needs(prepared.target, settings().environment, prepared.scenario)
        trials, plan = prepared.scenario.value.trials, prepared.plan
        several = f"{trials} trials of this, about {spelt(Spending().left_s([plan] * trials))}"
        several += f", at most {trials * plan.schedule.requests:,} requests" if not plan.closed else ""
        said = outline(plan, tuple(missing), settings().environment, settings().state)
        return [*([several, ""] if trials > 1 else []), *said], prepared.warnings
    asking = wanted([path], [target] if target else (), asked, None)
    return list(_outline(asking)), asking.warnings


def _outline(asking: Wanted) -> Iterator[str]:
    """How many runs, how long, and how much they send; a line for each cell."""
    turns = list(interleaved(asking.cells))
    plans = [turn.cell.prepared.plan for turn in turns]
    requests = sum(plan.schedule.requests for plan in plans)
    yield f"{asking.name}: {len(turns)} runs, about {spelt(Spending().left_s(plans))}, at most {requests:,} requests"
    policy, budget = asking.policy, asking.budget
    yield (
        f"an error rate of {policy.error_rate:g} over all expectations together; a run that is invalid is made again at "
        f"most {policy.reruns} times" + ("; ends as soon as the answer is clear" if policy.early else "")
    )
    limits = [
        f"{spelt(budget.time)}" if budget.time else "",
        f"{plain(budget.money, 6)} of money" if budget.money else "",
    ]
    if any(limits):
        yield f"a budget of {' and '.join(limit for limit in limits if limit)}"
    yield ""
    width = max(len(cell.name) for cell in asking.cells)
    for cell in asking.cells:
        plan = cell.prepared.plan
        yield (
            f"  {cell.name:<{width}}  {cell.trials} x {plan.total_s:g} s, {_each(plan)} each, "
            f"{len(plan.expectations)} expectations"
        )


def _each(plan: Plan) -> str:
    return plan.scenario.load.who or f"{plan.schedule.requests:,} requests"


def _cells(
    suite: Document[Suite],
    beside: Path,
    targets: Sequence[Path],
    asked: Asked,
    environment: Mapping[str, str] | None,
    trials: int | None,
) -> Iterator[Cell]:
    said = suite.value
    onto: list[Path | None] = list(targets) or [beside / target for target in said.targets] or [None]
    files = scenario_files([beside / scenario for scenario in said.scenarios])
    problems: list[Problem] = [*_missing(suite, beside, "scenarios"), *_missing(suite, beside, "targets")]
    made: list[Cell] = []
    for name, put in (said.settings or {"": {}}).items():
        with_settings = replace(asked, overrides=(*overrides(put), *asked.overrides))
        try:
            prepared = [] if problems else prepare_all(files, onto, with_settings, environment)
        except UsageProblems as found:
            problems += [_placed(suite, name, put, problem) for problem in found.problems]
            continue
        made += [Cell(one, name, trials or said.trials or one.scenario.value.trials) for one in prepared]
    problems += _priceless(suite, made)
    if problems:
        raise UsageProblems(*dict.fromkeys(problems))
    yield from made


def _twice(suite: Document[Suite]) -> Iterator[Problem]:
    """Files that the suite names again; each is run as if it was named once."""
    for key in _WANTED:
        named = [normpath(name) for name in getattr(suite.value, key)]
        for index, name in enumerate(named):
            if name in named[:index]:
                yield suite.problem(f"{key}[{index}]", f"{name} is named twice")


def _never_whole(suite: Document[Suite], cells: Sequence[Cell]) -> Iterator[Problem]:
    """A budget of time that does not suffice for one run of each."""
    budget_s, once_s = suite.value.budget.time, Spending().left_s([cell.prepared.plan for cell in cells])
    if budget_s is not None and budget_s < once_s:
        what = f"{spelt(budget_s)} do not suffice for one run of each, which take about {spelt(once_s)}"
        yield suite.problem("budget.time", f"{what}: the verdict cannot be more than inconclusive")


def _priceless(suite: Document[Suite], cells: Sequence[Cell]) -> Iterator[Problem]:
    """A budget of money on a target of which nobody knows what it costs."""
    if suite.value.budget.money is None:
        return
    for cell in cells:
        target = cell.prepared.target
        if not target.value.prices:
            what = f"target {target.value.name!r} has no prices, so nothing is known of what a run costs; give it some ({target.file})"
            yield suite.problem("budget.money", what)


def _missing(suite: Document[Suite], beside: Path, key: str) -> Iterator[Problem]:
    """Every file that the suite names and that is not there, or is of another kind."""
    wanted_here = _WANTED[key]
    for index, name in enumerate(getattr(suite.value, key)):
        path, place = beside / name, f"{key}[{index}]"
        if not path.exists():
            near = meant(path, named_in_a_file=True)
            hint = f"did you mean {' or '.join(near)}?" if near else "it is looked for beside the suite"
            yield suite.problem(place, f"there is no {path}; {hint}")
        elif not path.is_dir() and (kind := _kind_said(path)) not in (wanted_here, None):
            yield suite.problem(place, f"{path} is a {kind} file; wanted here is {wanted_here}")


def _kind_said(path: Path) -> str | None:
    """The kind of file that *path* says it is; None where it says none, of which whoever reads it tells."""
    try:
        kind = kind_of(path)
    except UsageProblems:
        return None
    return next(name for name, one in KINDS.items() if one is kind)


def _placed(suite: Document[Suite], name: str, put: Mapping[str, object], problem: Problem) -> Problem:
    """What is wrong with one of the suite's own settings, *put* under *name*, is to be mended in the suite."""
    if not name:
        return problem
    if problem.file:
        return replace(problem, what=f"{problem.what} (with the settings {name!r} of {suite.file})")
    said = problem.path.removeprefix("--set ")
    key = [key for key in put if said.startswith(key) or key.startswith(said)][:1]
    return suite.problem(
        written(("settings", name, *key)), problem.what if [said] == key else f"{said}: {problem.what}"
    )


def _replay(prepared: Sequence[Prepared], asked: Asked, targets: Sequence[Path], trials: int | None, out: Path) -> str:
    scenarios = list(dict.fromkeys(one.scenario.file for one in prepared))
    return words("harness run", scenarios, asked, targets, trials, out)


def words(
    command: str, named: Sequence[str], asked: Asked, targets: Sequence[Path], trials: int | None, out: Path
) -> str:
    """The command line that asks for the same."""
    options: list[tuple[str, object]] = [("--target", target) for target in targets]
    options += [("--seed", asked.seed)] if asked.seed is not None else []
    options += [("--set", one) for one in asked.overrides]
    options += [("--expect", one) for one in asked.expectations]
    options += [("--allow-host", one) for one in asked.allowed_hosts]
    options += [("--trials", trials)] if trials is not None else []
    options += [("--out", out)]
    words = [word for option in options for word in map(str, option)] + asked.hosts.said
    words += [] if asked.with_faults else ["--without-faults"]
    return " ".join([command, *map(quote, [*named, *words])])
