"""The command line: reads what was asked, calls the harness, prints what came of it, and ends with a status that means something."""

from __future__ import annotations

import errno
import gc
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from harness import __version__
from harness.interfaces import screen
from harness.interfaces.gameday_commands import gameday
from harness.interfaces.options import (
    AllowHost,
    Commands,
    LoadBindOption,
    LoadHostsOption,
    LoadWaitOption,
    ToxiproxyUrl,
    time_s,
)
from harness.interfaces.saying import complain as _complain
from harness.interfaces.saying import say as _say
from harness.problems import HarnessError, RefusedError, UnansweredError, UsageProblems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.incidents.imported import LoadAs
    from harness.judging.baseline import Baseline
    from harness.prepare import Asked
    from harness.problems import Problem
    from harness.suites.wanted import Wanted

app = typer.Typer(
    name="harness",
    cls=Commands,
    help="Break what an AI service depends on, under load, and score how it held up.",
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(gameday, name="gameday")

_USAGE, _REFUSED, _BROKEN, _INTERRUPTED = 2, 5, 70, 130
_ASKED_FROM_S = 600.0
"""What may take longer than this is asked about first."""


Scenarios = Annotated[
    list[Path],
    typer.Argument(metavar="SCENARIO...", help="Scenario files, or folders: the scenarios in them; or one suite file."),
]
TargetsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--target", help="Target file; several: each scenario on each. Default: targets/default.yaml beside it."
    ),
]
TargetOption = Annotated[
    Path | None, typer.Option("--target", help="Target file; default: targets/default.yaml beside the scenario.")
]
SeedOption = Annotated[int | None, typer.Option("--seed", min=0, max=2**63 - 1, help="Instead of the scenario's.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting of the scenario, such as load.rate_per_s=40, or target.KEY of the target.",
    ),
]
ExpectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--expect", metavar="EXPECTATION", help="Replace the expectation of that metric and phase, or add one."
    ),
]
WithoutFaults = Annotated[bool, typer.Option("--without-faults", help="Drive the load and inject nothing.")]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print the result alone on standard output; those of several runs as one array."),
]
ResumeOption = Annotated[
    bool | None,
    typer.Option(
        "--resume/--anew",
        help="Whether what has a finished run of the same inputs in --out is not run again; default: for several targets.",
    ),
]
TrialsOption = Annotated[
    int | None,
    typer.Option(
        "--trials", min=1, max=100, help="Runs of each, judged together; default: what the scenario or the suite says."
    ),
]
BaselineOption = Annotated[
    Path | None,
    typer.Option("--baseline", metavar="RUN", help="Folder of another run; the report says what changed since."),
]


def main() -> None:
    """Run the command line; what is wrong with what was asked ends with status 2, as does a state that gives no answer; what broke ends
    with 70."""
    # Start-up makes many objects that stay; looking through them for garbage again and again is an eighth of its time.
    gc.set_threshold(100_000, 50, 50)
    screen.may_close()
    try:
        _run_app()
    except UsageProblems as problems:
        _complain(*map(str, problems.problems))
        _mark(problems)
        sys.exit(_USAGE)
    except RefusedError as error:
        _complain(str(error))
        sys.exit(_REFUSED)
    except UnansweredError as error:
        _complain(str(error))
        sys.exit(_USAGE)
    except HarnessError as error:
        _complain(str(error))
        sys.exit(_BROKEN)
    except KeyboardInterrupt:
        _complain("interrupted; nothing was left in force")
        sys.exit(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - a defect of ours; Python would end with 1, which says that an expectation is broken
        # Python would try to write the rest once more at its end, and end with a status of its own.
        screen.harmless()
        if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
            sys.exit(_told(error))
        from traceback import print_exc

        print_exc()
        sys.exit(_BROKEN)
    finally:
        # The verdict is out; a Ctrl-C from here on would only put another status in its place.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _mark(found: UsageProblems) -> None:
    """GitHub shows at its line what is wrong in a file, whichever command it was wrong for."""
    from harness.interfaces import github
    from harness.settings import settings

    for line in github.problems(found.problems, settings()):
        typer.echo(line, err=True)


_OF_A_NAME = {errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.ENOENT, errno.EISDIR, errno.EACCES, errno.EPERM}
_OF_THE_MACHINE = {
    *_OF_A_NAME,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
}
_NAME_CHARS_MAX = 200


def _told(error: OSError) -> int:
    """Say which file cannot be had, and return the status: 2 where it is one that the command line names."""
    if error.filename is None:
        _complain(f"cannot be written: standard output: {error.strerror}")
        return _BROKEN
    name = str(error.filename)
    verb = "used" if error.errno in _OF_A_NAME else "written"
    _complain(f"{name[:_NAME_CHARS_MAX]}{'…' * (len(name) > _NAME_CHARS_MAX)}: cannot be {verb}: {error.strerror}")
    named = error.errno in _OF_A_NAME and any(word in name for word in sys.argv[1:])
    return _USAGE if named else _BROKEN


def _run_app() -> None:
    try:
        app(standalone_mode=True)
    finally:
        sys.stdout.flush()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harness {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Break what an AI service depends on, under load, and score how it held up."""


@app.command()
def run(
    scenarios: Scenarios,
    target: TargetsOption = None,
    seed: SeedOption = None,
    overrides: SetOption = None,
    expect: ExpectOption = None,
    without_faults: WithoutFaults = False,
    allow_host: AllowHost = None,
    out: Annotated[Path, typer.Option("--out", help="Where runs are stored.")] = Path("reports"),
    as_json: JsonOption = False,
    toxiproxy_url: ToxiproxyUrl = None,
    baseline: BaselineOption = None,
    resume: ResumeOption = None,
    trials: TrialsOption = None,
    load_hosts: LoadHostsOption = 0,
    load_bind: LoadBindOption = None,
    load_wait: LoadWaitOption = "120s",
) -> None:
    """Run scenarios for real: drive the load, break what they say, judge, and write the report.

    Several scenarios or targets are a grid: each scenario is run on each target, and --out gets scorecard.html and scorecard.json. Several
    trials, and a suite file, have one verdict over all runs, in a folder of their own. Ends with the status of the worst run, or of that
    verdict.
    """
    from harness.interfaces.running import carry_out
    from harness.settings import settings
    from harness.suites.asking import wanted

    asked = _asked(seed, overrides, expect, without_faults, allow_host).with_hosts(load_hosts, load_bind, load_wait)
    environment = settings()
    # All files are read before anything is started.
    wanting = wanted(scenarios, target or (), asked, environment.environment, trials, out)
    before = _baseline(baseline, wanting)
    screen.harmless()
    status = carry_out(
        wanting,
        environment,
        out,
        toxiproxy_url=toxiproxy_url,
        baseline=before,
        resume=resume,
        several_targets=len(target or ()) > 1,
        as_json=as_json,
    )
    raise typer.Exit(status)


@app.command()
def compare(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="A target file, or the folder of a run or of trials.")],
    head: Annotated[Path, typer.Argument(metavar="HEAD", help="What is held against it: likewise.")],
    scenario: Annotated[
        Path | None, typer.Option("--scenario", help="In which both are run; default: that of what is stored.")
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=2, max=100, help="Pairs of runs at most.")] = 5,
    fail_on: Annotated[
        list[str] | None, typer.Option("--fail-on", metavar="STATE", help="Ends with 1 where a number is this: worse.")
    ] = None,
    margin: Annotated[float, typer.Option("--margin", min=1.01, help="From which factor on a number is worse.")] = 1.2,
    error_rate: Annotated[
        float, typer.Option("--error-rate", min=0.001, max=0.49, help="Of all numbers together.")
    ] = 0.05,
    seed: SeedOption = None,
    overrides: SetOption = None,
    expect: ExpectOption = None,
    allow_host: AllowHost = None,
    out: Annotated[Path, typer.Option("--out", help="Where runs are stored.")] = Path("reports"),
    as_json: JsonOption = False,
    toxiproxy_url: ToxiproxyUrl = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest comparison of the same.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also where what has to be equal is not.")] = False,
    load_hosts: LoadHostsOption = 0,
    load_bind: LoadBindOption = None,
    load_wait: LoadWaitOption = "120s",
) -> None:
    """Run two targets in turns with the same seeds, and say of each number whether HEAD is better, the same, worse, or nobody can tell.

    What is stored is not run again. Ends with 0 whatever came of it, but for runs that cannot be trusted; with --fail-on worse it ends with
    1 where a number is worse, and with 3 where that is not settled.
    """
    from harness.interfaces.running import compare_both
    from harness.settings import settings
    from harness.suites.contesting import contest

    asked, environment = _asked(seed, overrides, expect, False, allow_host), settings()
    asked = asked.with_hosts(load_hosts, load_bind, load_wait)
    wanting = contest(
        base, head, scenario, asked, environment.environment,
        trials=trials, fail_on=tuple(fail_on or ()), margin=margin, error_rate=error_rate, force=force, out=out,
    )  # fmt: skip
    screen.harmless()
    status = compare_both(wanting, environment, out, toxiproxy_url=toxiproxy_url, resume=resume, as_json=as_json)
    raise typer.Exit(status)


@app.command()
def capacity(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="A target file.")],
    scenario: Annotated[
        Path | None,
        typer.Option("--scenario", help="Whose questions are asked, and what is good; default: a few of our own."),
    ] = None,
    at_least: Annotated[
        float | None,
        typer.Option(
            "--at-least", metavar="RATE", help="Ends with 1 where so many requests a second are not kept up with."
        ),
    ] = None,
    most: Annotated[
        float | None, typer.Option("--most", metavar="RATE", help="No more than so many requests a second are sent.")
    ] = None,
    seed: SeedOption = None,
    overrides: SetOption = None,
    allow_host: AllowHost = None,
    out: Annotated[Path, typer.Option("--out", help="Where runs are stored.")] = Path("reports"),
    as_json: JsonOption = False,
    toxiproxy_url: ToxiproxyUrl = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest search of the same.")] = False,
    load_hosts: LoadHostsOption = 0,
    load_bind: LoadBindOption = None,
    load_wait: LoadWaitOption = "120s",
) -> None:
    """Search the highest rate that a target keeps up with, with nothing broken; say what a scenario should send.

    One rate after the other is tried, each in a run of its own: doubled until it is too much, then closed in on. Ends with 0 when it was
    found, with 1 when it is below --at-least, with 3 when it is not known.
    """
    from harness.interfaces.running import search
    from harness.settings import settings
    from harness.suites.capacity import sought

    asked, environment = _asked(seed, overrides, None, False, allow_host), settings()
    asked = asked.with_hosts(load_hosts, load_bind, load_wait)
    seeking = sought(target, scenario, asked, environment.environment, at_least=at_least, most_per_s=most, out=out)
    screen.harmless()
    status = search(seeking, environment, out, toxiproxy_url=toxiproxy_url, resume=resume, as_json=as_json)
    raise typer.Exit(status)


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The target file to be.")] = Path("my-service.yaml"),
    url: Annotated[
        str | None, typer.Option("--url", help="Where the service runs already; it is asked a few questions.")
    ] = None,
    command: Annotated[
        str | None, typer.Option("--command", help="How it is started, with {port} where its port is said.")
    ] = None,
    compose: Annotated[Path | None, typer.Option("--compose", help="The Compose file in which it lives.")] = None,
    service: Annotated[str | None, typer.Option("--service", help="Which service of the Compose file it is.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="What it is called; default: as the file.")] = None,
    ready: Annotated[str | None, typer.Option("--ready", help="A path that answers 2xx once it serves.")] = None,
    protocol: Annotated[str | None, typer.Option("--protocol", help="openai-chat, or json.")] = None,
    path: Annotated[str | None, typer.Option("--path", help="The path that is asked.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="openai-chat: the model.")] = None,
    stream: Annotated[
        bool | None, typer.Option("--stream/--no-stream", help="openai-chat: whether answers are streamed.")
    ] = None,
    field: Annotated[str | None, typer.Option("--field", help="json: the field that holds the question.")] = None,
    answer: Annotated[
        str | None, typer.Option("--answer", help="json: where the answer stands, as a JSON Pointer.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", metavar="NAME:VALUE", help="Sent with each question; ${VAR} stays.")
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option("--link", metavar="NAME=UPSTREAM", help="What it depends on, such as openai=simulated."),
    ] = None,
    allow_host: AllowHost = None,
    within: Annotated[str, typer.Option("--within", help="How long an answer may take, such as 30s.")] = "30s",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a first target file: by looking at a service that runs, from a command or a Compose file, or by asking you.

    Says what it found and what is missing. An existing file is left alone unless you say --force.
    """
    from harness.first_target import given as first
    from harness.first_target.outcome import initiated
    from harness.settings import settings

    said = first.Given(
        file=file, name=name, url=url, command=command, compose=compose, service=service, ready=ready,
        protocol=protocol, path=path, model=model, stream=stream, field=field, answer=answer,
        headers=tuple(header or ()), links=tuple(link or ()), allowed_hosts=tuple(allow_host or ()),
    )  # fmt: skip
    if said.ways == 0 and sys.stdin.isatty():
        from harness.interfaces.questionnaire import answered

        said = answered(
            said, lambda text, default: typer.prompt(text, default=default, show_default=bool(default)), typer.echo
        )
    for line in initiated(said, settings().environment, time_s("--within", within), over=force):
        _say(line)


@app.command()
def ask(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="A target file.")],
    question: Annotated[str | None, typer.Option("--question", metavar="TEXT", help="What to ask.")] = None,
    within: Annotated[str, typer.Option("--within", help="How long an answer may take, such as 30s.")] = "30s",
    allow_host: AllowHost = None,
    out: Annotated[Path, typer.Option("--out", help="Where the logs stay when the question is not answered.")] = Path(
        "reports"
    ),
    toxiproxy_url: ToxiproxyUrl = None,
) -> None:
    """Ask a target one question, with nothing broken; show what came back, what each link saw, and what a run would miss.

    It is started (or found) as for a run, asked through all its links, and put away. Ends with 0 when every entry answered, with 4 when one
    did not, with 70 when it does not come to serve.
    """
    from harness import first_question
    from harness.settings import settings

    reply = first_question.ask(
        target,
        question or first_question.QUESTION,
        settings(),
        out,
        within_s=time_s("--within", within),
        allowed_hosts=tuple(allow_host or ()),
        toxiproxy_url=toxiproxy_url,
        say=_complain,
    )
    for line in first_question.told(reply):
        _say(line)
    raise typer.Exit(first_question.EXIT_STATUS[reply.answered])


@app.command()
def plan(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file, or a suite file.")],
    target: TargetOption = None,
    seed: SeedOption = None,
    overrides: SetOption = None,
    expect: ExpectOption = None,
    without_faults: WithoutFaults = False,
) -> None:
    """Show what a run would do: its timeline, what it would touch, how much it would send. Nothing is touched.

    Of a suite: which runs, how long they take together, and how much they send.
    """
    from harness.suites.asking import planned

    asked = _asked(seed, overrides, expect, without_faults, None)
    lines, warnings = planned(scenario, target, asked)
    for line in lines:
        _say(line)
    _warn(warnings)


@app.command()
def validate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Scenario, target, question, suite and game-day files.")
    ],
    target: TargetOption = None,
    output: Annotated[
        str,
        typer.Option(
            "--output", metavar="text|github|json", help="github: annotations at the lines of a pull request."
        ),
    ] = "text",
) -> None:
    """Check files and tell every error at once, each with its file, line and place.

    Scenarios are held against the target, too, and a suite or a game day with all files that it names.
    """
    from harness.interfaces import validation

    wanted = validation.output(output)
    found = validation.checked(files, target)
    if wanted == "json":
        typer.echo(validation.in_json(found))
    elif wanted == "github":
        for line in validation.for_github(found):
            typer.echo(line)
    else:
        for complaint, line in validation.for_people(found):
            _say(line, err=complaint)
        if found.problems:
            raise UsageProblems(*found.problems)
    raise typer.Exit(_USAGE if found.problems else 0)


@app.command()
def judge(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or that of trials or of a comparison.")],
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect",
            metavar="EXPECTATION",
            help="Also hold the run against this; shown beside what it was run with, and not stored.",
        ),
    ] = None,
) -> None:
    """Judge a stored run again, with nothing running; show the verdict and end with its status.

    Writes result.json, report.html, junit.xml and summary.md again; of a run that was killed, the tables too. `harness report` writes the
    same files, but can hold the run against a baseline, prints no more than where the report is, and ends with 0 whatever the verdict.
    With --expect nothing is written: what the run would have come to is shown. Of trials and comparisons each run is judged first.
    `harness explain` shows what is behind a run, and what to change.
    """
    from harness import stored
    from harness.interfaces import memory
    from harness.interfaces.shown import console_of, judge_several, show
    from harness.suites.folder import holds_several

    screen.harmless()
    memory.had_again()
    if holds_several(run):
        raise typer.Exit(judge_several(run, expect, _complain))
    judged = stored.what_if(run, expect, say=_complain) if expect else stored.judge(run, say=_complain)
    show(console_of(), judged)
    raise typer.Exit(judged.result.exit_status)


@app.command(name="import")
def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Logs of one incident, packed with gzip or not.")
    ],
    form: Annotated[
        str,
        typer.Option("--as", metavar="auto|otlp|litellm|langfuse|envoy|access|csv", help="The form that they are in."),
    ] = "auto",
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The scenario to be.")] = Path("incident.yaml"),
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="WHAT=NAME", help="csv: what stands in which column, such as start=ts."),
    ] = None,
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="Of times that name none, such as Europe/Berlin.")
    ] = "UTC",
    link: Annotated[
        list[str] | None,
        typer.Option(
            "--link", metavar="LOGGED=NAME", help="What a dependency of the log is called in the target file."
        ),
    ] = None,
    compress: Annotated[
        float, typer.Option("--compress", metavar="TIMES", help="How many times as short: 60 makes minutes of hours.")
    ] = 1.0,
    load: Annotated[
        str, typer.Option("--load", metavar="trace|shape", help="Each request when it came, or the rate of each phase.")
    ] = "trace",
    questions: Annotated[
        str | None, typer.Option("--questions", metavar="FILE", help="What is asked; default: a few of ours.")
    ] = None,
    with_prompts: Annotated[bool, typer.Option("--with-prompts", help="Ask what the log says was asked.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Draw what was found, and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> None:
    """Make a scenario of the logs of an incident: its load, its phases, and each fault with the counts that it was told by.

    Rows that cannot be read are counted, and the first of them shown. Neither prompts nor keys get into what is written. `harness shrink`
    makes the scenario smaller once a run of it fails.
    """
    from shutil import get_terminal_size

    from harness import api
    from harness.incidents.picture import drawn

    found = api.import_(
        files, out=None if dry_run else out, form=form, columns=_pairs("--column", column), zone=zone,
        links=_pairs("--link", link), compress=compress, load=cast("LoadAs", load), questions=questions, with_prompts=with_prompts,
        force=force,
    )  # fmt: skip
    for line in drawn(found, get_terminal_size().columns):
        _say(line)
    _complain(*found.told_of_broken())
    if dry_run:  # else it stands at the head of what is written
        for line in ("", *found.notes[1:]):
            _say(line)
    else:
        _say(f"\nscenario: {out}")
        _say(f"check it: harness validate {out}")


@app.command(hidden=True)
def shrink(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run that failed.")],
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect", metavar="EXPECTATION", help="Of those that it broke the one to hold to; default: any."
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, max=100, help="In each of so many it has to be broken.")
    ] = 3,
    runs_max: Annotated[int, typer.Option("--runs-max", min=1, max=10_000, help="No more runs than these.")] = 60,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="The scenario to be; default: NAME.shrunk.yaml beside it."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, however long it may take.")] = False,
    allow_host: AllowHost = None,
    out: Annotated[Path, typer.Option("--out", help="Where runs are stored.")] = Path("reports"),
    as_json: JsonOption = False,
    toxiproxy_url: ToxiproxyUrl = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest search of the same.")] = False,
    load_hosts: LoadHostsOption = 0,
    load_bind: LoadBindOption = None,
    load_wait: LoadWaitOption = "120s",
) -> None:
    """Make the scenario of a run that failed as small as still fails: fewest faults, shortest phases, lowest rate; write it for a gate.

    Says first how many runs that may take, and asks where it may be long. Ends with 0 when it is as small as it gets, with 3 when the whole
    does not fail each time or the runs are used up.
    """
    from harness.interfaces.running import shrink_it
    from harness.reading.load_hosts import load_hosts as hosts_asked
    from harness.settings import settings
    from harness.suites.shrink import shrinking
    from harness.suites.spending import spelt

    environment = settings()
    made = shrinking(
        run, environment.environment, expect=expect, trials=trials, runs_most=runs_max, to=to, force=force or resume,
        allowed_hosts=tuple(allow_host or ()), hosts=hosts_asked(load_hosts, load_bind, load_wait), out=out, say=_complain,
    )  # fmt: skip
    _complain(*made.told())
    if made.seconds_at_most > _ASKED_FROM_S and not yes:
        if not sys.stdin.isatty():
            from harness.problems import Problem

            what = f"it may take {spelt(made.seconds_at_most)}; say --yes, or fewer runs with --runs-max"
            raise UsageProblems(Problem(what, path="--yes"))
        typer.confirm("Begin?", abort=True)
    screen.harmless()
    raise typer.Exit(shrink_it(made, environment, out, toxiproxy_url=toxiproxy_url, resume=resume, as_json=as_json))


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """``WHAT=NAME`` of an *option*. Raises UsageProblems."""
    from harness.problems import Problem

    split = [text.partition("=") for text in texts or ()]
    if wrong := ["".join(parts) for parts in split if not all(parts)]:
        raise UsageProblems(*(Problem(f"{text!r} is not of the form WHAT=NAME", path=option) for text in wrong))
    return {what.strip(): name.strip() for what, _, name in split}


@app.command(hidden=True)
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    baseline: BaselineOption = None,
    beside: Annotated[
        Path | None, typer.Option("--beside", metavar="RUN", help="Write a page of this run and another side by side.")
    ] = None,
    as_csv: Annotated[
        str | None,
        typer.Option(
            "--csv", metavar="requests|attempts|arrivals|traffic|health_checks", help="Print a table of the run as CSV."
        ),
    ] = None,
) -> None:
    """Render the report of a stored run again, with nothing running; print where it is.

    The run is judged again for it, so result.json, report.html, junit.xml and summary.md are all written again; of a run that was killed,
    the tables too. Ends with 0 whatever the verdict; `harness judge` shows the verdict and ends with its status. With --csv
    nothing is written, and with --beside only beside.html. `harness trace` follows single requests.
    """
    from harness import stored
    from harness.interfaces import looking_up

    asked = [name for name, value in (("--beside", beside), ("--csv", as_csv), ("--baseline", baseline)) if value]
    if len(asked) > 1:
        from harness.problems import Problem

        raise UsageProblems(Problem(f"{asked[0]} and {asked[1]} ask for different things; give one of them"))
    screen.harmless()
    if as_csv is not None:
        for line in looking_up.table(run, as_csv):
            typer.echo(line, nl=False)
    elif beside is not None:
        typer.echo(stored.beside(run, beside, say=_complain))
    else:
        typer.echo(stored.judge(run, baseline=baseline, say=_complain).path / "report.html")


@app.command(hidden=True)
def trace(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    request: Annotated[
        str | None,
        typer.Argument(
            metavar="[REQUEST]", help="Its id or place; or a question, an entry, a conversation, an outcome."
        ),
    ] = None,
    worst: Annotated[bool, typer.Option("--worst", help="Of those that fit, the one that fared worst.")] = False,
    not_good: Annotated[bool, typer.Option("--not-good", help="Only such that got no good answer.")] = False,
    hit_by: Annotated[
        str | None, typer.Option("--hit-by", metavar="FAULT", help="Only such that this fault hit; its id or kind.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a document harness.trace/1 alone on standard output.")
    ] = False,
) -> None:
    """Follow one request of a stored run whole: each try, what of it arrived and which fault hit it, what lay between, and the grading.

    Also who asked what, queue and worker times, side effects, snapshot and tokens. Where several fit, each is told in a line. Nothing is
    written, and nothing has to run.
    """
    from harness.interfaces import looking_up
    from harness.judging.choosing import RequestFilter
    from harness.report.lookup import trace_lines

    screen.harmless()
    found = looking_up.traced(run, RequestFilter(request, not_good=not_good, hit_by=hit_by, worst=worst), _complain)
    if as_json:
        typer.echo(found.to_json(), nl=False)
        return
    for line in trace_lines(found):
        _say(line)


@app.command(hidden=True)
def explain(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    overrides: SetOption = None,
    of: Annotated[
        list[str] | None,
        typer.Option(
            "--of", metavar="DIAGNOSIS", help="What the change is for, by its id; default: all that is shown."
        ),
    ] = None,
    allow_host: AllowHost = None,
    out: Annotated[Path, typer.Option("--out", help="Where the run after the change is stored.")] = Path("reports"),
    toxiproxy_url: ToxiproxyUrl = None,
) -> None:
    """Show what is behind a stored run, what to change, and what that would come to; with --set make the change, and hold that.

    `harness trace RUN --worst` follows single requests of it.
    With --set the same scenario is run again, with the same seed. Ends with 0 when a prediction held, none failed and the run passes; with
    1 when one was missed, the diagnosis is still there, or an expectation is broken; with 3 when too little was measured.
    """
    from harness.interfaces.explaining import explained
    from harness.settings import settings

    screen.harmless()
    found = explained(
        run,
        tuple(overrides or ()),
        settings(),
        out,
        of=tuple(of or ()),
        allowed_hosts=tuple(allow_host or ()),
        toxiproxy_url=toxiproxy_url,
        say=_complain,
    )
    for line in found.told():
        _say(line)
    raise typer.Exit(found.exit_status)


@app.command()
def trend(
    out: Annotated[Path, typer.Argument(metavar="[OUT]", help="Where runs are stored.")] = Path("reports"),
    stale: Annotated[str, typer.Option("--stale", metavar="AGE", help="After how long what held is stale.")] = "30d",
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on", metavar="stale|uncovered|broken", help="End with 1 where any is so; repeat it for more."
        ),
    ] = None,
) -> None:
    """Tell what the stored runs say over time, and what is covered; write OUT/index.html.

    A line for each scenario and target, with where its numbers changed and at which commit. A dependency under a fault is held (every
    expectation of the newest run that broke it held), broken, or stale; one that nothing was ever shown to hold on is uncovered.
    """
    from harness import api
    from harness.judging.trend import CONDITIONS
    from harness.problems import Problem
    from harness.registry import suggestion
    from harness.report.trend import text

    screen.harmless()
    for wrong in [name for name in fail_on or () if name not in CONDITIONS]:
        raise UsageProblems(
            Problem(f"--fail-on: there is no condition {wrong!r}; {suggestion(wrong, list(CONDITIONS))}")
        )
    found = api.trend(out, stale=stale)
    for line in text(found):
        typer.echo(line)
    for line in found.unread:
        _complain(line)
    typer.echo(f"\npage: {out / 'index.html'}")
    missed = found.missed([name for name in CONDITIONS if name in (fail_on or ())])
    for line in missed:
        _complain(line)
    raise typer.Exit(1 if missed else 0)


@app.command(name="list")
def list_(
    what: Annotated[
        str, typer.Argument(metavar="faults|metrics|apis|scenarios|targets|suites|gamedays|incidents|due|left|schemas")
    ],
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]", help="Tell of this one alone; of faults it may be words for what happened."),
    ] = None,
) -> None:
    """List what can be named: faults, metrics, APIs, what files there are below this folder, the schemas of files.

    `harness list faults slow first token` finds what does that. `harness list schemas scenario` prints that schema.
    `harness list due [OUT]` has what game days left to be done, overdue first, and `harness list left [OUT]` what runs that were killed may
    have left in force.
    """
    from harness.interfaces.listing import told, warnings

    for line in told(what, " ".join(name) if name else None):
        _say(line)
    _complain(*(f"warning: {line}" for line in warnings(what)))


@app.command(hidden=True)
def schema(kind: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Print the JSON Schema of a kind of file, as `harness list schemas NAME` does."""
    list_("schemas", [kind])


@app.command()
def doctor() -> None:
    """Tell what this machine has of what runs need, what it lacks, and the line that installs it; and what dead runs left in force."""
    from harness.interfaces.doctor import left, look, told
    from harness.settings import settings

    checks = [*look(settings()), *left(settings())]
    for line in told(checks):
        _say(line)
    raise typer.Exit(0 if all(check.here or not check.needed for check in checks) else _BROKEN)


@app.command()
def heal(out: Annotated[Path, typer.Option("--out", help="Where runs are stored.")] = Path("reports")) -> None:
    """Put back what runs that were killed may have left: faults in force, processes, temporary folders, and leases on targets."""
    from harness.interfaces import others_say
    from harness.interfaces.left_over import OUT
    from harness.problems import Problem
    from harness.record.run_folder import below, ended
    from harness.running.keeper.heal import heal as healed
    from harness.settings import settings

    if not out.is_dir() and out != OUT:  # where nothing was ever run, a run elsewhere may still hold a target
        raise UsageProblems(Problem("no such folder", file=str(out)))
    runs = below(out, "history.jsonl", "undo.jsonl")
    found = [healed(run, ended=ended(run)) for run in runs]
    for line in (line for one in found for line in one.said):
        _say(line)
    states = {one.now for one in found}
    leases = others_say.heal(settings())
    for lease in leases:
        for line in lease.said.splitlines():
            _say(line)
    states |= {"left"} if any(lease.left for lease in leases) else set()
    looked_at = f"looked at {len(runs)} run{'s' if len(runs) != 1 else ''} below {out}"
    going_on = " but what a run that goes on needs" if "goes on" in states else ""
    typer.echo(
        f"{looked_at}: " + ("something is still in force" if "left" in states else f"nothing is in force{going_on}")
    )
    raise typer.Exit(_BROKEN if "left" in states else 0)


Whose = Annotated[
    str | None, typer.Option("--target", metavar="TARGET", help="A target file, or the name in it; default: every one.")
]


@app.command()
def stop(
    target: Whose = None,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="What its report gives as the reason.")] = "",
) -> None:
    """End the run that goes on: its faults first, then its load; its verdict is aborted, by whom and why.

    Waits until it has. Runs of others, and on other machines, hear it where they share the state of the target (docs/shared.md).
    `harness freeze --why TEXT` also keeps every other run from beginning.
    """
    from harness.interfaces import others_say
    from harness.settings import settings

    stopped = others_say.stop(target, why, settings())
    for one in stopped:
        ended = f"ended after {one.after_s:.1f} s" if one.after_s is not None else "told, and has NOT ended yet"
        _say(f"{one.target}: run {one.run} of {one.by}: {ended}")
    if not stopped:
        others = others_say.under_way(settings()) if target is not None else []
        where = f" on {target}" if target is not None else ""
        _say(f"no run goes on{where}" + (f"; one does on {', '.join(others)}" if others else ""))
    raise typer.Exit(_BROKEN if any(one.after_s is None for one in stopped) else 0)


@app.command(name="load-worker", hidden=True)
def load_worker(
    master: Annotated[
        str, typer.Option("--master", metavar="HOST:PORT", help="As harness run --load-hosts prints it.")
    ],
    join: Annotated[
        str,
        typer.Option(
            "--join",
            envvar="HARNESS_JOIN",
            prompt="Join word",
            hide_input=True,
            metavar="WORD",
            help="The word that it prints; asked for where it is left out.",
        ),
    ],
    name: Annotated[
        str, typer.Option("--name", help="What this machine is called in the run; default: its name.")
    ] = "",
    locustfile: Annotated[
        Path | None,
        typer.Option("--locustfile", metavar="FILE", help="Of a run of users: their file, the same as there."),
    ] = None,
) -> None:
    """Send a share of the load of a run that goes on, on another machine, with the secrets of this one; ends when the load does."""
    from harness.running.load.worker import work
    from harness.settings import settings

    work(master, join, settings().environment, name=name, locustfile=locustfile, say=_say)


@app.command(hidden=True)
def freeze(
    why: Annotated[
        str | None, typer.Option("--why", metavar="TEXT", help="What everybody who wants to run is told.")
    ] = None,
    target: Whose = None,
    lift: Annotated[bool, typer.Option("--lift", help="Lift the freeze, and say whose it was and why.")] = False,
) -> None:
    """Let nothing be broken until `harness freeze --lift`: no run begins, and one that goes on ends within a second."""
    from harness.interfaces import others_say
    from harness.problems import Problem
    from harness.settings import settings

    whose = target or "every target"
    if lift == (why is not None):
        what = (
            "is said by who freezes; leave it out to lift a freeze"
            if lift
            else "is missing; say why nobody may break anything"
        )
        raise UsageProblems(Problem(what, path="--why"))
    if why is not None:
        _say(f"{whose} is {others_say.freeze(why, target, settings())}")
        return
    lifted = others_say.unfreeze(target, settings())
    _say(f"{whose} was {lifted}" if lifted is not None else f"{whose} was not frozen")


@app.command(hidden=True)
def unfreeze(target: Whose = None) -> None:
    """Lift a freeze, as `harness freeze --lift` does."""
    freeze(None, target, lift=True)


PageOfEach = Annotated[
    str | None,
    typer.Option(
        "--page",
        metavar="[HOST]:PORT",
        help="Serve a page of each game day that is begun; one that waits for people needs it.",
    ),
]


@app.command(hidden=True)
def schedule(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Game-day files that say when they begin.")],
    once: Annotated[
        bool, typer.Option("--once", help="Begin what is due now, wait until it has ended, and end with its status.")
    ] = False,
    upcoming: Annotated[
        int | None,
        typer.Option("--next", metavar="N", min=1, max=1000, help="Show the next N times, and begin nothing."),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(
            "--print", metavar="systemd|cron|github|kubernetes", help="Print what has that system begin them instead."
        ),
    ] = None,
    ics: Annotated[
        Path | None, typer.Option("--ics", metavar="FILE", help="Write the times of a year as a calendar.")
    ] = None,
    page: PageOfEach = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the commands of the game days.")] = False,
    allow_host: AllowHost = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where runs are stored; default: reports.")] = None,
) -> None:
    """Begin files by the clock, as their `schedule` says, until this is ended; a time that is missed is told, and none comes twice.

    One goes on at a time on each target. Nothing begins in a blackout, on a holiday, while the target is frozen, or later than `late`. What
    goes on is told to end with this, and puts back what it broke. Ends with 130; with --once with the worst status of what was due, and
    with 5 where that could not begin.
    """
    from harness.interfaces import gameday_commands, scheduling
    from harness.problems import Problem
    from harness.schedules.scheduled import Passed
    from harness.settings import settings

    asked = [
        name for name, value in (("--once", once), ("--next", upcoming), ("--print", system), ("--ics", ics)) if value
    ]
    if len(asked) > 1:
        raise UsageProblems(Problem(f"{asked[0]} and {asked[1]} ask for different things; give one of them"))
    passed = Passed(tuple(allow_host or ()), out, page, yes)
    now = scheduling.utc_now()
    if upcoming is not None:
        for line in scheduling.coming_lines(scheduling.coming(files, upcoming, now)):
            _say(line)
    elif system is not None:
        for line in scheduling.lines(files, system, settings(), now, passed):
            typer.echo(line)
    elif ics is not None:
        count = scheduling.write_calendar(files, ics, now)
        _say(f"{ics}: {count} times until {now + scheduling.YEAR:%Y-%m-%d}")
    else:
        agreed = gameday_commands.asked_here()
        gameday_commands.address(
            page
        )  # what is wrong with it would else be found out when a day begins, while nobody looks
        screen.harmless()
        raise typer.Exit(scheduling.keep(files, settings(), _say, once=once, passed=passed, ask=agreed))


def _asked(
    seed: int | None,
    overrides: list[str] | None,
    expect: list[str] | None,
    without_faults: bool,
    allow_host: list[str] | None,
) -> Asked:
    from harness.prepare import Asked

    return Asked(seed, tuple(overrides or ()), tuple(expect or ()), not without_faults, tuple(allow_host or ()))


def _baseline(path: Path | None, wanting: Wanted) -> Baseline | None:
    """The run at *path*; raises UsageProblems where it cannot be compared with one run."""
    from harness.problems import Problem
    from harness.stored import baseline_at

    if path is not None and (len(wanting.cells) > 1 or wanting.as_one):
        what = f"--baseline: is compared with one run; name one scenario and one target, not {len(wanting.cells)}"
        raise UsageProblems(Problem(f"{what}, and one trial" if wanting.as_one else what))
    return baseline_at(path, say=_complain) if path is not None else None


def _warn(problems: Sequence[Problem]) -> None:
    """What may not have been meant; it changes no status."""
    _complain(*(f"warning: {problem}" for problem in problems))
