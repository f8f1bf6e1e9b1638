"""The two sides of a comparison: a target that is to be run, or runs that are stored; and what has to be equal for their numbers to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.judging.result import ON_THE_SERVICE
from harness.judging.versus import Side
from harness.prepare import Asked, Prepared, prepare
from harness.problems import Problem, UsageProblems
from harness.reading.kinds import kind_of
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.record import run_folder
from harness.record.history import Begun
from harness.stored import Run, load


@dataclass(frozen=True, slots=True)
class Made:
    """Stored runs of one scenario on one target, with the first line of the first of them."""

    path: Path
    runs: tuple[Run, ...]
    begun: Begun


@dataclass(frozen=True, slots=True)
class Two:
    """Both sides: each is what is *to be run*, or what was *made*. *unequal*: what differs though it should not."""

    base: Prepared | Made
    head: Prepared | Made
    scenario: str
    unequal: tuple[str, ...]

    @property
    def sides(self) -> tuple[Side, Side]:
        return _side(self.base), _side(self.head)

    @property
    def seeds(self) -> list[int] | None:
        """The seeds of what is stored, in the order in which they were made, as far as both have them; None where nothing is."""
        stored = [one for one in (self.base, self.head) if isinstance(one, Made)]
        if not stored:
            return None
        return [seed for seed in _seeds(stored[0]) if all(seed in _seeds(one) for one in stored)]


def sides(
    base: Path,
    head: Path,
    scenario: Path | None,
    asked: Asked,
    environment: Mapping[str, str] | None,
    here: Mapping[str, str],
) -> Two:
    """What lies at *base* and *head*: a target file, or the folder of a run or of trials; *here* is the class of this machine.

    The scenario of what is stored need not be named again. Raises UsageProblems where one of them is neither, and with all that is wrong.
    """
    stored = {path: made(path) for path in (base, head) if path.is_dir()}
    if scenario is None and not stored:
        what = "there is no such file; name a target file, or the folder of a run or of trials"
        raise UsageProblems(
            Problem("is missing; name the scenario in which both are to be run", path="--scenario"),
            *(Problem(what, file=str(path)) for path in dict.fromkeys((base, head)) if not path.exists()),
        )
    if scenario is None:
        scenario = Path(next(iter(stored.values())).begun.scenario_path)
    problems: list[Problem] = []
    found: list[Prepared | Made] = []
    for path in (base, head):
        try:
            found.append(stored.get(path) or _to_be_run(path, scenario, asked, environment))
        except UsageProblems as wrong:
            problems += [problem for problem in wrong.problems if problem not in problems]
    if problems:
        raise UsageProblems(*problems)
    name = found[0].plan.scenario.name if isinstance(found[0], Prepared) else found[0].runs[0].result.scenario.name
    two = Two(found[0], found[1], name, tuple(_unequal(found[0], found[1], here)))
    if two.seeds == []:
        raise UsageProblems(Problem("no seed is the same on both sides, so that no run has its pair", file=str(head)))
    return two


def _to_be_run(path: Path, scenario: Path, asked: Asked, environment: Mapping[str, str] | None) -> Prepared:
    if (kind := kind_of(path)) is not Target:
        what = "is no target file, and no folder of runs; name one of these"
        raise UsageProblems(
            Problem(f"{what} (a scenario stands at --scenario)" if kind is Scenario else what, file=str(path))
        )
    return prepare(scenario, path, asked, environment, starts=environment is not None)


def made(path: Path) -> Made:
    """The runs in a folder: of one run, or of trials of one thing. Raises UsageProblems where there is none, or of several things."""
    folders = (
        [path] if (path / "history.jsonl").is_file() else sorted({one.parent for one in path.glob("*/*/history.jsonl")})
    )
    runs = [run for run in map(load, folders) if run.verdict in ON_THE_SERVICE]
    if not runs:
        raise UsageProblems(
            Problem("holds no run that says something; name the folder of a run, or of trials", file=str(path))
        )
    things = {(run.result.scenario.name, run.result.target.name) for run in runs}
    if len(things) > 1:
        told = ", ".join(sorted(f"{scenario} on {target}" for scenario, target in things))
        raise UsageProblems(Problem(f"holds runs of several things: {told}; name a folder of one", file=str(path)))
    runs.sort(key=lambda run: run.result.started_at)
    return Made(path, tuple(runs), _begun(runs[0]))


def _begun(run: Run) -> Begun:
    return run_folder.read_history(run_folder.find(run.path))[0]


def _seeds(made: Made) -> list[int]:
    return [run.result.seed for run in made.runs]


def _side(one: Prepared | Made) -> Side:
    if isinstance(one, Made):
        result = one.runs[0].result
        return Side(name=result.target.name, path=str(one.path), sha256=result.target.sha256, stored=True)
    return Side(name=one.plan.target.name, path=one.target.file, sha256=one.target.sha256, stored=False)


def _unequal(base: Prepared | Made, head: Prepared | Made, here: Mapping[str, str]) -> Iterator[str]:
    """What differs of all that has to be equal for a difference to be one of the targets."""
    one, other = (_made_of(side, here) for side in (base, head))
    for what in one:
        if one[what] != other[what]:
            yield f"{what}: {_told(one[what])} for the base, {_told(other[what])} for the head"
    yield from dict.fromkeys([*_drawn_anew(base), *_drawn_anew(head)])


def _drawn_anew(side: Prepared | Made) -> Iterator[str]:
    """That nobody can have two runs send the same."""
    if isinstance(side, Prepared) and side.plan.closed:
        yield "load: the users of a locustfile draw by themselves, so that two runs of one seed do not send the same"
    if isinstance(side, Prepared) and side.plan.scenario.load.watched:
        yield "load: the service's own traffic is nobody's to repeat, so that two runs of one seed do not see the same"


def _told(value: object) -> str:
    return str(value) if value not in ("", ()) else "nothing is known"


def _made_of(side: Prepared | Made, here: Mapping[str, str]) -> dict[str, object]:
    if isinstance(side, Made):
        begun = side.begun
        of_run: dict[str, object] = {
            "scenario": begun.scenario_sha256[:12],
            "questions": begun.questions_sha256[:12],
            "trace": begun.trace_sha256[:12],
            "recorded": begun.recorded_sha256[:12],
            "settings": tuple(begun.overrides),
            "expectations": tuple(begun.expectations),
            "faults": "as in the scenario" if begun.with_faults else "none",
        }
        return of_run | {f"machine's {name}": begun.machine.get(name, "") for name in here}
    asked = side.asked
    of_plan: dict[str, object] = {
        "scenario": side.scenario.sha256[:12],
        "questions": side.questions.sha256[:12],
        "trace": side.trace_sha256[:12],
        "recorded": side.recorded_sha256[:12],
        "settings": asked.overrides,
        "expectations": asked.expectations,
        "faults": "as in the scenario" if asked.with_faults else "none",
    }
    return of_plan | {f"machine's {name}": value for name, value in here.items()}
