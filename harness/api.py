"""The harness from Python: check files, see a plan, ask a question, run scenarios, trials or a grid, search a capacity, judge runs.

::

    import harness

    run = harness.run("scenarios/region-loss.yaml", target="my-service.yaml")
    assert run.verdict == "pass", run.result.reason
    run.requests.groupby("phase")["good"].mean()
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event
from warnings import warn

from harness import explanation, first_question
from harness.conduct import conduct
from harness.explanation import Explained, Held
from harness.first_question import QUESTION, WITHIN_S, Reply
from harness.gameday.checking import checked
from harness.gameday.day import Day, With, agreed_files, files_of, opened, resumed, watched, written_up
from harness.gameday.days import day_at
from harness.gameday.desk import Desk
from harness.gameday.files import day_files
from harness.gameday.items import Due
from harness.gameday.outline import outline
from harness.incidents.imported import Imported, ImportOptions, LoadAs, imported
from harness.interfaces import looking_up, others_say
from harness.interfaces.others_say import Stopped
from harness.interfaces.watching import Progress, Watching
from harness.judging.baseline import Baseline
from harness.judging.trace import Traced
from harness.judging.trend import STALE, Trend
from harness.planning.plan import Plan
from harness.prepare import Asked, Prepared, Validated, prepare
from harness.problems import Problem, UsageProblems
from harness.reading.load_hosts import WAIT_S
from harness.reading.load_hosts import load_hosts as hosts_asked
from harness.reading.state_file import Freeze
from harness.running.load.worker import work
from harness.running.world.kept import Kept
from harness.running.world.load_hosts import Gathering
from harness.schedules.coming import Coming
from harness.settings import Settings, settings
from harness.stored import Run, baseline_at, judge, load
from harness.suites import grid as grids
from harness.suites import preparing
from harness.suites.asking import wanted
from harness.suites.capacity import Searched, sought
from harness.suites.capacity import carry_out as search
from harness.suites.compare import Compared
from harness.suites.compare import carry_out as carry_out_pairs
from harness.suites.contesting import contest
from harness.suites.gate import Gated, carry_out
from harness.suites.grid import Grid
from harness.suites.reuse import Reuse
from harness.suites.shrink import RUNS_MOST, Smaller, shrinking
from harness.suites.shrink import carry_out as carry_out_shrinking
from harness.suites.validating import validate_file

__all__ = [
    "Coming",
    "Compared",
    "Day",
    "Due",
    "Explained",
    "Freeze",
    "Gated",
    "Grid",
    "Held",
    "Imported",
    "Plan",
    "Problem",
    "Progress",
    "Reply",
    "Run",
    "Searched",
    "Smaller",
    "Stopped",
    "Traced",
    "Trend",
    "Validated",
    "ask",
    "capacity",
    "compare",
    "due",
    "explain",
    "freeze",
    "gameday_check",
    "gameday_plan",
    "gameday_report",
    "gameday_resume",
    "gameday_run",
    "gate",
    "grid",
    "import_",
    "judge",
    "load",
    "load_worker",
    "plan",
    "run",
    "schedule",
    "shrink",
    "stop",
    "trace",
    "trend",
    "unfreeze",
    "validate",
]


def _silent(_: str) -> None:
    """Nobody is told."""


def run(
    scenario: str | Path,
    *,
    target: str | Path | None = None,
    seed: int | None = None,
    overrides: Mapping[str, object] | Sequence[str] = (),
    expect: str | Sequence[str] = (),
    with_faults: bool = True,
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    baseline: str | Path | None = None,
    progress: Callable[[Progress], object] | None = None,
    stop: Event | None = None,
    load_hosts: int = 0,
    load_bind: str | None = None,
    load_wait: str = WAIT_S,
    say: Callable[[str], object] | None = None,
) -> Run:
    """Break what *scenario* says, for real, and return the judged and stored run, however it ended.

    *overrides* are settings of the scenario by key, such as ``{"load.rate_per_s": 40}``, or texts such as ``load.rate_per_s=40``. The
    report says what changed since *baseline*, the folder of another run. *progress* is called about ten times a second while the load goes
    on. Setting *stop*, from any thread or from *progress*, ends the run as Ctrl-C does: what was broken is put back, and the verdict is
    ``interrupted``. So many *load_hosts* workers are on other machines, and come to *load_bind* within *load_wait*; *say*, else standard
    output, is told the command that has them come, and who has. Raises UsageProblems before anything is touched when a file is wrong,
    RefusedError when another run holds the target or somebody froze it, and HarnessError when the world cannot be started.
    """
    asked = Asked(seed, _written(overrides), _each(expect), with_faults, _each(allowed_hosts))
    asked = asked.with_hosts(load_hosts, load_bind, load_wait)
    environment = settings()
    prepared = prepare(Path(scenario), Path(target) if target else None, asked, environment.environment, starts=True)
    before = baseline_at(baseline) if baseline is not None else None
    return conduct(
        prepared,
        environment,
        _folder(out),
        toxiproxy_url=toxiproxy_url,
        say=say or (print if load_hosts else _silent),
        panel=partial(Watching, progress) if progress else None,
        baseline=before,
        stop=stop,
    )


def load_worker(
    master: str,
    *,
    join: str,
    name: str = "",
    locustfile: str | Path | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Send a share of the load of a run on another machine, whose master is at ``HOST:PORT``; returns when the load has ended.

    *join* is the word that the run says. Secrets of the target are those of the environment here. Where the load is one of users it takes
    the same *locustfile* as the run, which lies here. Raises UsageProblems where the run does not let it in, or a secret or what the
    locustfile needs is missing, and HarnessError where the share was not sent to its end.
    """
    work(master, join, settings().environment, name=name, locustfile=locustfile, say=say)


def grid(
    scenarios: str | Path | Sequence[str | Path],
    *,
    targets: str | Path | Sequence[str | Path] = (),
    seed: int | None = None,
    overrides: Mapping[str, object] | Sequence[str] = (),
    expect: str | Sequence[str] = (),
    with_faults: bool = True,
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    resume: bool | None = None,
    progress: Callable[[Progress], object] | None = None,
    stop: Event | None = None,
    load_hosts: int = 0,
    load_bind: str | None = None,
    load_wait: str = WAIT_S,
    say: Callable[[str], object] | None = None,
) -> Grid:
    """Run every one of *scenarios* on every one of *targets*, one after the other, as `run` does, and return all runs with their scorecard.

    A folder stands for the scenarios in it. ``scorecard.html`` and ``scorecard.json`` are written into *out* after each run. With *resume*,
    which is the default for several targets, what has a finished run in *out* of the same inputs is not run again. Setting *stop* ends the
    run that goes on, and no other is begun. Workers of other machines come as to `run`, and stay for all. Raises UsageProblems before
    anything is touched when any file is wrong.
    """
    asked = Asked(seed, _written(overrides), _each(expect), with_faults, _each(allowed_hosts))
    asked = asked.with_hosts(load_hosts, load_bind, load_wait)
    environment, onto = settings(), [Path(target) for target in _listed(targets)]
    prepared = preparing.prepare_all(
        preparing.scenario_files([Path(scenario) for scenario in _listed(scenarios)]),
        onto or [None],
        asked,
        environment.environment,
    )
    with closing(Gathering(len(prepared) > 1)) as gathering:
        one_run = partial(
            conduct,
            environment=environment,
            out=_folder(out),
            toxiproxy_url=toxiproxy_url,
            say=say or (print if load_hosts else _silent),
            panel=partial(Watching, progress) if progress else None,
            stop=stop,
            gathering=gathering,
        )
        return grids.carry_out(prepared, _folder(out), one_run, resume=grids.resumes(resume, onto))


def gate(
    scenarios: str | Path | Sequence[str | Path],
    *,
    targets: str | Path | Sequence[str | Path] = (),
    trials: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, object] | Sequence[str] = (),
    expect: str | Sequence[str] = (),
    with_faults: bool = True,
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    resume: bool = False,
    progress: Callable[[Progress], object] | None = None,
    stop: Event | None = None,
    load_hosts: int = 0,
    load_bind: str | None = None,
    load_wait: str = WAIT_S,
    say: Callable[[str], object] | None = None,
) -> Gated:
    """Run a suite file, or so many *trials* of every one of *scenarios* on every one of *targets*, and return what they came to together.

    *trials* and *targets* stand in the place of those that the files name. Everything is written into a folder of its own below *out* after
    each run; with *resume* the newest one of the same inputs is gone on with. Setting *stop* ends the run that goes on, and no other is
    begun. Raises UsageProblems before anything is touched when any file is wrong.
    """
    asked = Asked(seed, _written(overrides), _each(expect), with_faults, _each(allowed_hosts))
    asked = asked.with_hosts(load_hosts, load_bind, load_wait)
    environment = settings()
    named, onto = ([Path(path) for path in _listed(paths)] for paths in (scenarios, targets))
    asking = wanted(named, onto, asked, environment.environment, trials, _folder(out))

    with Reuse() as reuse:
        return carry_out(
            asking, _folder(out), _one_run(environment, toxiproxy_url, progress, stop, reuse, say), resume=resume
        )


def compare(
    base: str | Path,
    head: str | Path,
    *,
    scenario: str | Path | None = None,
    trials: int = 5,
    fail_on: str | Sequence[str] = (),
    margin: float = 1.2,
    error_rate: float = 0.05,
    seed: int | None = None,
    overrides: Mapping[str, object] | Sequence[str] = (),
    expect: str | Sequence[str] = (),
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Callable[[Progress], object] | None = None,
    stop: Event | None = None,
    load_hosts: int = 0,
    load_bind: str | None = None,
    load_wait: str = WAIT_S,
    say: Callable[[str], object] | None = None,
) -> Compared:
    """Run *base* and *head* in turns with the same seeds, and say of each number whether the head is better, the same, worse, or unknown.

    Each is a target file, or the folder of a run or of trials, which is not run again. A number is worse from a factor of *margin* on.
    Raises UsageProblems before anything is touched when any file is wrong, and where what has to be equal is not, but with *force*.
    """
    asked = Asked(seed, _written(overrides), _each(expect), True, _each(allowed_hosts))
    asked = asked.with_hosts(load_hosts, load_bind, load_wait)
    environment = settings()
    between = contest(
        Path(base), Path(head), Path(scenario) if scenario else None, asked, environment.environment,
        trials=trials, fail_on=_each(fail_on), margin=margin, error_rate=error_rate, force=force, out=_folder(out),
    )  # fmt: skip
    with Reuse() as reuse:
        one_run = _one_run(environment, toxiproxy_url, progress, stop, reuse, say)
        return carry_out_pairs(between, _folder(out), one_run, resume=resume)


def capacity(
    target: str | Path,
    *,
    scenario: str | Path | None = None,
    at_least: float | None = None,
    most: float | None = None,
    seed: int | None = None,
    overrides: Mapping[str, object] | Sequence[str] = (),
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    resume: bool = False,
    progress: Callable[[Progress], object] | None = None,
    stop: Event | None = None,
    load_hosts: int = 0,
    load_bind: str | None = None,
    load_wait: str = WAIT_S,
    say: Callable[[str], object] | None = None,
) -> Searched:
    """Search the highest rate that *target* keeps up with, one run a rate and nothing broken, and return between which two it lies.

    Questions, and what a good answer is, are those of *scenario*, else a few of our own. *at_least* and *most* are requests a second: what
    has to be kept up with, and what is never gone beyond. Raises UsageProblems before anything is touched when a file is wrong.
    """
    asked = Asked(seed, _written(overrides), (), True, _each(allowed_hosts))
    asked = asked.with_hosts(load_hosts, load_bind, load_wait)
    environment = settings()
    seeking = sought(
        Path(target), Path(scenario) if scenario else None, asked, environment.environment,
        at_least=at_least, most_per_s=most, out=_folder(out),
    )  # fmt: skip
    with Reuse() as reuse:
        one_run = _one_run(environment, toxiproxy_url, progress, stop, reuse, say)
        return search(seeking, _folder(out), one_run, resume=resume)


def shrink(
    path: str | Path,
    *,
    expect: str | None = None,
    trials: int = 3,
    runs_max: int = RUNS_MOST,
    to: str | Path | None = None,
    force: bool = False,
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    resume: bool = False,
    progress: Callable[[Progress], object] | None = None,
    stop: Event | None = None,
    load_hosts: int = 0,
    load_bind: str | None = None,
    load_wait: str = WAIT_S,
    say: Callable[[str], object] | None = None,
) -> Smaller:
    """Make the scenario of the failed run at *path* as small as still breaks one of the expectations that it broke, and write it.

    In each of so many *trials* one of them has to be broken, or *expect* where that is said, and no more than *runs_max* runs are made.
    The scenario is written *to* a file, by default ``NAME.shrunk.yaml`` beside the one that was run. Raises UsageProblems before anything
    is touched when a file is wrong, and for a run that did not fail.
    """
    environment = settings()
    made = shrinking(
        Path(path), environment.environment, expect=expect, trials=trials, runs_most=runs_max, to=Path(to) if to else None,
        force=force or resume, allowed_hosts=_each(allowed_hosts), hosts=hosts_asked(load_hosts, load_bind, load_wait),
        out=_folder(out), say=lambda text: warn(text, stacklevel=4),
    )  # fmt: skip
    with Reuse() as reuse:
        one_run = _one_run(environment, toxiproxy_url, progress, stop, reuse, say)
        return carry_out_shrinking(made, _folder(out), one_run, resume=resume)


def gameday_plan(path: str | Path) -> list[str]:
    """What the game day of the file *path* would do, in lines for a person, every command among them; nothing is touched.

    Raises UsageProblems with all that is wrong with the file and those that it names.
    """
    return list(outline(day_files(Path(path), None)))


def gameday_check(
    path: str | Path,
    *,
    yes: bool = False,
    allowed_hosts: str | Sequence[str] = (),
    say: Callable[[str], object] = _silent,
) -> bool:
    """Whether all prerequisites of a game day are met that can be found out without a person; *say* is told of each.

    *yes* agrees to the commands of the file, once and as it is. Raises UsageProblems where a file is wrong, or nobody agreed.
    """
    environment = settings()
    files = agreed_files(Path(path), environment, _each(allowed_hosts), yes=yes)
    return checked(files, environment.environment, say)


def gameday_run(
    path: str | Path,
    *,
    by: str,
    watch: Callable[[Desk], object] | None = None,
    tabletop: bool = False,
    yes: bool = False,
    waits: str | None = None,
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    say: Callable[[str], None] = _silent,
    load_hosts: int = 0,
    load_bind: str | None = None,
    load_wait: str = WAIT_S,
) -> Day:
    """Open a game day and carry it out, as `harness gameday run` does, and return it as it stands then.

    *watch* is called in a thread of its own with the day's desk, at which it can say whatever a person can, and hear all that happens; once
    it has returned, or where there is none, nobody can: a step that waits for somebody is not done, and the day is closed. *by* is the name
    of whoever opens it. *waits*, such as ``2h``, is how long people who say nothing are waited for; None: for ever. Raises UsageProblems
    before anything is touched, and HarnessError where the day cannot be written down.
    """
    environment = settings()
    hosts = hosts_asked(load_hosts, load_bind, load_wait)
    files = agreed_files(Path(path), environment, _each(allowed_hosts), hosts, tabletop=tabletop, yes=yes)
    given = With(environment, by, toxiproxy_url, say, _waits_s(waits))
    with opened(files, _folder(out), given, tabletop=tabletop) as going:
        watched(going, watch)
    return written_up(going.folder)


def gameday_resume(
    path: str | Path,
    *,
    by: str,
    watch: Callable[[Desk], object] | None = None,
    yes: bool = False,
    waits: str | None = None,
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    say: Callable[[str], None] = _silent,
    load_hosts: int = 0,
    load_bind: str | None = None,
    load_wait: str = WAIT_S,
) -> Day:
    """Go on with the day in the folder *path*, or with the newest below *out* of that game-day file, with everything put back first.

    Raises RefusedError where it goes on in a living process, HarnessError where something is left in force, and UsageProblems.
    """
    environment, folder = settings(), day_at(Path(path), _folder(out))
    hosts = hosts_asked(load_hosts, load_bind, load_wait)
    files = files_of(Path(path), folder, environment, _each(allowed_hosts), hosts, yes=yes)
    with resumed(files, folder, With(environment, by, toxiproxy_url, say, _waits_s(waits))) as going:
        watched(going, watch)
    return written_up(going.folder)


def _waits_s(waits: str | None) -> float | None:
    from harness.interfaces.options import time_s

    return time_s("waits", waits) if waits is not None else None


def gameday_report(path: str | Path, *, out: str | Path = "reports") -> Day:
    """Write the document of a day again from its events alone, and return the day; *path* is as for `gameday_resume`."""
    return written_up(day_at(Path(path), _folder(out)))


def plan(
    scenario: str | Path,
    *,
    target: str | Path | None = None,
    seed: int | None = None,
    overrides: Mapping[str, object] | Sequence[str] = (),
    expect: str | Sequence[str] = (),
    with_faults: bool = True,
) -> Plan:
    """What a run would do, with nothing touched: its phases, its steps, its schedule. Raises UsageProblems as `run` does."""
    asked = Asked(seed, _written(overrides), _each(expect), with_faults)
    return prepare(Path(scenario), Path(target) if target else None, asked, None).plan


def validate(path: str | Path, *, target: str | Path | None = None) -> Validated:
    """All that is wrong with one file, with nothing raised and nothing touched; a scenario is also held against a target.

    That is *target*, else ``targets/default.yaml`` beside the scenario.
    """
    return validate_file(Path(path), Path(target) if target else None)


def ask(
    target: str | Path,
    question: str = QUESTION,
    *,
    within_s: float = WITHIN_S,
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
) -> Reply:
    """Ask *target* one question through all its links, with nothing broken, and put everything away.

    Each entry is asked and has *within_s* to answer. Raises UsageProblems before anything is touched when the file is wrong, and
    HarnessError when the target does not come to serve.
    """
    return first_question.ask(
        Path(target),
        question,
        settings(),
        _folder(out),
        within_s=within_s,
        allowed_hosts=_each(allowed_hosts),
        toxiproxy_url=toxiproxy_url,
    )


def explain(
    path: str | Path,
    *,
    overrides: Mapping[str, object] | Sequence[str] = (),
    of: str | Sequence[str] = (),
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    progress: Callable[[Progress], object] | None = None,
    stop: Event | None = None,
) -> Explained:
    """What is behind the run at *path*; with *overrides* the same run again with them, and whether what was predicted came true.

    A setting of the target is called ``target.KEY``. *of*: the diagnoses, by their ids, that the change is for; all where none is
    said. Raises UsageProblems for a folder that holds no run, and else what `run` raises.
    """
    environment = settings()

    def made_again(prepared: Prepared, before: Baseline) -> Run:
        panel = partial(Watching, progress) if progress else None
        return conduct(
            prepared, environment, _folder(out), toxiproxy_url=toxiproxy_url, panel=panel, baseline=before, stop=stop
        )

    return explanation.explain(
        Path(path),
        _written(overrides),
        environment.environment,
        made_again,
        of=_each(of),
        allowed_hosts=_each(allowed_hosts),
    )


def import_(
    files: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    form: str = "auto",
    columns: Mapping[str, str] | None = None,
    zone: str = "UTC",
    links: Mapping[str, str] | None = None,
    compress: float = 1.0,
    load: LoadAs = "trace",
    questions: str | None = None,
    with_prompts: bool = False,
    force: bool = False,
) -> Imported:
    """What the logs in *files*, which together are one incident, come to as a scenario; it is written to *out*, with its trace beside it.

    *columns* says of CSV what stands in which column (``{"start": "ts"}``), *links* what a logged dependency is called in a target file.
    With *compress* 60, hours become minutes. Without *out* nothing is written. Raises UsageProblems where a file cannot be read, is in no
    known form or holds no call, and, unless *force* is given, where a file that would be written is there already.
    """
    wanted = ImportOptions(form, columns or {}, zone, links or {}, compress, load, questions, with_prompts)
    found = imported([Path(file) for file in _listed(files)], wanted, _folder(out) if out is not None else None)
    if out is not None:
        found.write(over=force)
    return found


def stop(target: str | Path | None = None, why: str = "") -> list[Stopped]:
    """Tell the run that holds *target* (its file, or its name) to end, or every run, and wait until each has: faults first, then the load.

    Which runs those were; their verdict is ``aborted``, with *why* and by whom. Runs on other machines hear it where they share the state.
    Raises HarnessError where the state cannot be read.
    """
    return others_say.stop(target, why, settings())


def freeze(why: str, target: str | Path | None = None) -> Freeze:
    """Let no run on *target* (its file, or its name), or on any target, begin or go on, until `unfreeze`; the freeze that is in force.

    That is an earlier one where there is one. Raises HarnessError where the state cannot be kept.
    """
    return others_say.freeze(why, target, settings())


def unfreeze(target: str | Path | None = None) -> Freeze | None:
    """Lift the freeze of *target*, or that of all targets, and return it; None where there was none."""
    return others_say.unfreeze(target, settings())


def schedule(*files: str | Path, count: int = 10, now: datetime | None = None) -> list[Coming]:
    """The next *count* times after *now* at which *files* on a schedule come, all together, and why nothing begins at some of them.

    Nothing is begun. Raises UsageProblems with all that is wrong with any of the files.
    """
    from harness.interfaces import scheduling

    return scheduling.coming([Path(file) for file in files], count, now or datetime.now(UTC))


def _one_run(
    environment: Settings,
    toxiproxy_url: str | None,
    progress: Callable[[Progress], object] | None,
    stop: Event | None,
    reuse: Reuse,
    say: Callable[[str], object] | None = None,
) -> Callable[[Prepared, Path], Run]:
    """What makes one of several runs, in the folder that it is given; *say*, else standard output, is told how other machines come."""

    def made(prepared: Prepared, into: Path) -> Run:
        panel = partial(Watching, progress) if progress else None
        told = say or (print if prepared.asked.hosts.many else _silent)

        def run(kept: Kept | None) -> Run:
            return conduct(
                prepared, environment, into, toxiproxy_url=toxiproxy_url, say=told, panel=panel, stop=stop, kept=kept,
                gathering=reuse.gathering,
            )  # fmt: skip

        return reuse.run(prepared, run)

    return made


def _folder(out: str | Path) -> Path:
    """*out* as a path; raises UsageProblems where it is an empty text, which is no folder, and would mean the one that we are in."""
    if not str(out).strip():
        raise UsageProblems(Problem("is empty; name a folder, such as reports", path="out"))
    return Path(out)


def _listed(paths: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    return [paths] if isinstance(paths, str | Path) else paths


def _each(texts: str | Sequence[str]) -> tuple[str, ...]:
    """*texts* one by one; a single one is not its letters."""
    return (texts,) if isinstance(texts, str) else tuple(texts)


def _written(overrides: Mapping[str, object] | Sequence[str]) -> tuple[str, ...]:
    """*overrides* as on the command line; raises UsageProblems for a value that no file could hold."""
    if not isinstance(overrides, Mapping):
        return _each(overrides)
    written = []
    for key, value in overrides.items():
        try:
            written.append(f"{key}={json.dumps(value, allow_nan=False, ensure_ascii=False)}")  # JSON is YAML too
        except (TypeError, ValueError) as error:
            what = (
                f"{value!r} is no value of a file; give a number, a text, a truth value, or a list or mapping of them"
            )
            raise UsageProblems(Problem(what, path=f"overrides[{key!r}]")) from error
    return tuple(written)


def trace(
    path: str | Path,
    request: str | int | None = None,
    *,
    worst: bool = False,
    not_good: bool = False,
    hit_by: str | None = None,
) -> Traced:
    """Requests of the stored run at *path*, each followed whole: at most 50 of those that fit all that is said, with nothing written.

    *request* is an id or a place, or else a question, an entry, a conversation or what requests came to; *hit_by* a fault's id or kind;
    with *worst* the one that fared worst. Raises UsageProblems where none fits, with what there is, and as `judge` does.
    """
    from harness.judging.choosing import RequestFilter

    named = None if request is None else str(request)
    return looking_up.traced(
        Path(path),
        RequestFilter(named, not_good=not_good, hit_by=hit_by, worst=worst),
        lambda text: warn(text, stacklevel=4),
    )


def trend(out: str | Path = "reports", *, stale: str = STALE, now: datetime | None = None) -> Trend:
    """What the judged runs below *out* say over time; ``index.html`` is written there, which leads to their reports.

    A dependency that no run has shown to hold for *stale* (``30d``, ``12h``, ``2w``) before *now* is stale. Raises UsageProblems for a
    folder that is not there, and for a *stale* that is no age.
    """
    from harness.judging.trend import trend as seen
    from harness.record import past, run_folder
    from harness.report.trend import page

    runs, unread = past.read(_folder(out))
    try:
        found = seen(runs, now=now or datetime.now(UTC), stale=stale, unread=unread)
    except ValueError as error:
        raise UsageProblems(Problem(f"stale: {error}")) from error
    run_folder.write(_folder(out) / "index.html", page(found))
    return found


def due(out: str | Path = "reports", *, say: Callable[[str], object] = warn) -> list[Due]:
    """The action items of all game days below *out* that are open, by the date on which they are to be tested again; those without last.

    A day that cannot be read is *said*. Nothing is there to be done where there is no such folder.
    """
    from harness.gameday import days, items

    found, unread = days.find(_folder(out))
    for line in unread:
        say(line)
    return items.due(found)
