"""A game-day file with all that it names, read and checked before anything is touched: its target, the plan of each scenario, its URLs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.checks import foreign, load_target, target_problems, unmeetable
from harness.prepare import Asked, Prepared, Validated, prepare
from harness.problems import Problem, UsageProblems
from harness.reading.abort import AbortLimit
from harness.reading.gameday import GameDay, Step
from harness.reading.hosts import address, host_of
from harness.reading.kinds import KINDS, kind_of
from harness.reading.load_hosts import NO_HOSTS, LoadHosts
from harness.reading.placeholders import told_secrets
from harness.reading.scenario import Scenario
from harness.reading.suite import overrides
from harness.reading.target import Target
from harness.reading.templates import placeholders, secret_names, secrets
from harness.reading.yaml import Document, load, meant, read
from harness.reading.yaml.overrides import split
from harness.reading.yaml.paths import written
from harness.record.masking import Mask

_METRIC = re.compile(r"[^a-z0-9_]")
"""What stands behind the metric of an expectation."""
Check = Callable[[Document[GameDay], Path], Iterable[Problem]]


@dataclass(frozen=True, slots=True)
class DayFiles:
    """A day's *document*, its *target*, and what each scenario comes to, by the id of its step; *beside*: the folder of the file."""

    document: Document[GameDay]
    beside: Path
    target: Document[Target]
    runs: Mapping[str, Prepared]

    @property
    def day(self) -> GameDay:
        return self.document.value

    @property
    def commands(self) -> list[list[str]]:
        """Every command that the game-day file itself has run."""
        return [one.command for one in self.day.prerequisites if one.command is not None]

    @property
    def copies(self) -> dict[str, str]:
        """The text of each file that makes the day what it is, by the name under which a copy of it is kept."""
        of_steps = {f"{id_}.scenario.yaml": run.scenario.text for id_, run in self.runs.items()}
        return {"gameday.yaml": self.document.text, "target.yaml": self.target.text, **of_steps}

    def mask(self, environment: Mapping[str, str]) -> Mask:
        """What hides the secrets of the target and of those who are told."""
        named = {name for one in self.day.notify for name in secret_names(one.url)}
        of_day = {name: environment[name] for name in sorted(named) if name in environment}
        return Mask(told_secrets(self.target.value, environment) | of_day)


def day_files(
    path: Path,
    environment: Mapping[str, str] | None,
    allowed: Sequence[str] = (),
    text: str | None = None,
    hosts: LoadHosts = NO_HOSTS,
) -> DayFiles:
    """Raises UsageProblems with all that is wrong with the file at *path* and with those that it names.

    *environment* is where ``${VAR}`` comes from; None says that nothing will be touched, so that neither secrets nor hosts are needed.
    Hosts off this machine have to be *allowed* by name. *text* stands in the place of what is in the file now. *hosts*: workers of other
    machines that share the load of each run.
    """
    document = load(path, GameDay) if text is None else read(text, GameDay, str(path))
    beside = path.parent
    problems = [problem for check in CHECKS for problem in check(document, beside)]
    problems += _told(document, environment, allowed)
    target = _target(document, beside, environment, problems)
    runs = dict[str, Prepared]()
    for number, (id_, step) in enumerate(zip(document.value.ids, document.value.agenda, strict=True)):
        if step.scenario is not None:
            made = _run(
                document, beside, number, step, Asked(allowed_hosts=tuple(allowed), hosts=hosts), environment, problems
            )
            runs |= {id_: made} if made is not None else {}
    if target is not None:
        problems += _of_money(document, target.value)
    if problems or target is None:
        raise UsageProblems(*dict.fromkeys(problems))
    return DayFiles(document, beside, target, runs)


def validate_day(path: Path) -> Validated:
    """All that is wrong with the game-day file at *path* and with those that it names; scenarios may be warned of."""
    try:
        made = day_files(path, None)
    except UsageProblems as found:
        return Validated(found.problems)
    return Validated((), warnings=tuple(dict.fromkeys(one for run in made.runs.values() for one in run.warnings)))


def _aborts(document: Document[GameDay], _beside: Path) -> Iterator[Problem]:
    """Conditions that could never be met, or that nobody could look at."""
    for index, why in unmeetable(document.value.abort):
        yield document.problem(f"abort[{index}]", why)


def _approvals(document: Document[GameDay], _beside: Path) -> Iterator[Problem]:
    """People who are asked twice: a day has one answer of each."""
    names = [one.by for one in document.value.approvals]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield document.problem(f"approvals[{index}].by", f"{name!r} is asked twice; say both in one of:")


def _looked_at(document: Document[GameDay], _beside: Path) -> Iterator[Problem]:
    """URLs that cannot be asked."""
    for index, one in enumerate(document.value.prerequisites):
        if one.url is not None and (why := _unaskable(one.url)):
            yield document.problem(f"prerequisites[{index}].url", why)


def _schedule(document: Document[GameDay], beside: Path) -> Iterator[Problem]:
    """A schedule that never comes, or cannot be read."""
    if document.value.schedule is not None:
        from harness.schedules.hours import of_document  # few have one, and it takes long to load

        yield from of_document(document, document.value.schedule, beside.absolute())


CHECKS: list[Check] = [_aborts, _approvals, _looked_at, _schedule]
"""What looks at a game-day file whatever its target: each gets the document and the folder in which it lies."""


def _unaskable(url: str) -> str:
    """Why *url* cannot be asked; empty where it can."""
    try:
        found = address(url)
        usable = found.scheme in ("http", "https") and bool(found.host) and not found.user and not placeholders(url)
    except ValueError:
        usable = False
    if secret_names(url):
        return f"{url!r} holds a secret, and secrets are filled into notify: alone; use a command: in its place"
    return "" if usable else f"{url!r} cannot be asked; write http://host:port/path or https://host/path"


def _told(
    document: Document[GameDay], environment: Mapping[str, str] | None, allowed: Sequence[str]
) -> Iterator[Problem]:
    """What is wrong with the URLs that are told or asked, once their secrets are filled in."""
    for index, one in enumerate(document.value.notify):
        place = f"notify[{index}].url"
        if environment is None and secret_names(one.url):
            continue
        try:
            url = secrets(one.url, environment or {})
        except ValueError as missing:
            yield document.problem(place, str(missing))
            continue
        if _unaskable(url) and not secret_names(url):
            # What stands there may be a secret, and is not quoted.
            yield document.problem(place, "cannot be told; write http://host:port/path or https://host/path")
        elif environment is not None and (host := host_of(url)) is not None:
            yield from foreign(document, place, host, allowed)
    for index, asked in enumerate(document.value.prerequisites):
        host = host_of(asked.url) if environment is not None and asked.url is not None else None
        if host is not None:
            yield from foreign(document, f"prerequisites[{index}].url", host, allowed)


def _target(
    document: Document[GameDay], beside: Path, environment: Mapping[str, str] | None, problems: list[Problem]
) -> Document[Target] | None:
    path = beside / document.value.target
    if wrong := _unfit(document, "target", path, Target):
        problems.append(wrong)
        return None
    try:
        target = load_target(path)
    except UsageProblems as found:
        problems += found.problems
        return None
    problems += target_problems(target, environment)
    return target


def _run(
    document: Document[GameDay], beside: Path, number: int, step: Step, asked: Asked,
    environment: Mapping[str, str] | None, problems: list[Problem],
) -> Prepared | None:  # fmt: skip
    """The plan of the scenario of *step*, with the settings, expectations and abort conditions of the day."""
    path, place = beside / str(step.scenario), f"agenda[{number}]"
    if wrong := _unfit(document, f"{place}.scenario", path, Scenario):
        problems.append(wrong)
        return None
    if not (beside / document.value.target).exists():
        return None  # that has been told, and without a target there is no plan
    try:
        put = (*overrides(step.settings), *_with_aborts(path, step, document.value))
        asked = replace(asked, overrides=put, expectations=tuple(step.expect))
        return prepare(path, beside / document.value.target, asked, environment, starts=environment is not None)
    except UsageProblems as found:
        told = {why for _, why in unmeetable(document.value.abort)}  # where it stands, and once for all steps
        problems += [_placed(document, place, step, problem) for problem in found.problems if problem.what not in told]
        return None


def _with_aborts(path: Path, step: Step, day: GameDay) -> list[str]:
    """The abort conditions of the day beside those of the scenario at *path*, as ``--set`` says them."""
    if not day.abort:
        return []
    try:
        own = load(path, Scenario, split(overrides(step.settings))[0]).value.abort
    except UsageProblems:
        return []  # whoever prepares it tells
    every = [_as_written(one) for one in (*own, *day.abort)]
    return [f"abort={json.dumps(every, ensure_ascii=False)}"]


def _as_written(one: str | AbortLimit) -> object:
    """*one* as a file has it, in which a time has its unit."""
    if isinstance(one, str):
        return one
    return {
        name: f"{value:g}s" if name == "max_duration" else value
        for name, value in one.model_dump(exclude_none=True).items()
    }


def _unfit(
    document: Document[GameDay], place: str, path: Path, wanted: type[Scenario] | type[Target]
) -> Problem | None:
    """That there is no file at *path*, or that it is of another kind than is *wanted* there."""
    if not path.exists():
        near = meant(path, named_in_a_file=True)
        hint = f"did you mean {' or '.join(near)}?" if near else "it is looked for beside the game-day file"
        return document.problem(place, f"there is no {path}; {hint}")
    try:
        kind = kind_of(path)
    except UsageProblems:
        return None  # whoever reads it tells
    names = {one: name for name, one in KINDS.items()}
    if kind is wanted:
        return None
    return document.problem(place, f"{path} is a {names[kind]} file; wanted here is {names[wanted]}")


def _placed(document: Document[GameDay], place: str, step: Step, problem: Problem) -> Problem:
    """What is wrong with settings and expectations of the day is to be mended in its own file."""
    if problem.file:
        return problem
    said = problem.path.removeprefix("--set ")
    if problem.path.startswith("--expect"):
        named = [index for index, text in enumerate(step.expect) if _METRIC.split(text)[0] in problem.what]
        return document.problem(f"{place}.expect{f'[{named[0]}]' if named else ''}", problem.what)
    key = [key for key in step.settings if said.startswith(key) or key.startswith(said)][:1]
    if said.startswith("abort") and not key:
        return document.problem("abort", problem.what)
    at = f"{place}.{written(('settings', *key))}" if key else place
    return document.problem(at, problem.what if [said] == key else f"{said}: {problem.what}")


def _of_money(document: Document[GameDay], target: Target) -> Iterator[Problem]:
    """A budget, or an end by cost, on a target of which nobody knows what it costs."""
    if target.prices:
        return
    what = f"target {target.name!r} has no prices, so nothing is known of what a run costs; give it some"
    if document.value.budget.money is not None:
        yield document.problem("budget.money", what)
    for index, one in enumerate(document.value.abort):
        if isinstance(one, AbortLimit) and one.max_cost is not None:
            yield document.problem(f"abort[{index}]", what)
