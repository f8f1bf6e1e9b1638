"""The commands `harness gameday …`: a day planned, checked, carried out, gone on with after a crash, and written up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.interfaces import screen
from harness.interfaces.options import AllowHost, LoadBindOption, LoadHostsOption, LoadWaitOption, ToxiproxyUrl

if TYPE_CHECKING:
    from harness.gameday.day import Going, With
    from harness.settings import Settings

gameday = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A game day: a team breaks a system together, agreed to, watched, stoppable by anybody, and written up. "
    "`harness schedule` begins one by the clock.",
)

_PORT, _PORT_MAX = 8707, 65_535
_UNMET = 4

File = Annotated[Path, typer.Argument(metavar="FILE", help="A game-day file.")]
FileOrFolder = Annotated[
    Path,
    typer.Argument(metavar="FILE|FOLDER", help="The folder of a day, or its game-day file: then the newest of it."),
]
Out = Annotated[Path, typer.Option("--out", help="Where days and runs are stored.")]
Yes = Annotated[bool, typer.Option("--yes", help="Agree to the commands of the game-day file, which `plan` shows.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who types; default: the file's coordinator.")]
Page = Annotated[
    str | None,
    typer.Option(
        "--page",
        metavar="[HOST]:PORT",
        help="Also serve a page to watch and stop the day, on loopback unless a host is named; port 0: any.",
    ),
]
Waits = Annotated[
    str | None,
    typer.Option(
        "--waits",
        metavar="TIME",
        help="How long people are waited for who say nothing, such as 2h; then the day is stopped and closed. Default: for ever.",
    ),
]


@gameday.command()
def plan(file: File) -> None:
    """Show what a day would do: who has to agree, each step in order, when, at what cost, and every command. Nothing is touched."""
    from harness.gameday.files import day_files
    from harness.gameday.outline import outline
    from harness.interfaces.saying import say

    for line in outline(day_files(file, None)):
        say(line)


@gameday.command()
def check(file: File, yes: Yes = False, allow_host: AllowHost = None) -> None:
    """Look now whether the prerequisites are met, and say what is missing. Nothing is broken.

    Ends with 0 when all that the harness can find out is as it should be, and with 4 when something is not; what a person has to tick and
    who has to agree is told, and does not count.
    """
    from harness.gameday.checking import checked
    from harness.gameday.day import agreed_files
    from harness.interfaces.saying import say
    from harness.settings import settings

    environment = settings()
    files = agreed_files(file, environment, tuple(allow_host or ()), yes=yes, ask=asked_here())
    raise typer.Exit(0 if checked(files, environment.environment, say) else _UNMET)


@gameday.command()
def run(
    file: File,
    tabletop: Annotated[
        bool, typer.Option("--tabletop", help="Break nothing: read out what would happen, and note what is decided.")
    ] = False,
    by: By = None,
    yes: Yes = False,
    page: Page = None,
    waits: Waits = None,
    allow_host: AllowHost = None,
    toxiproxy_url: ToxiproxyUrl = None,
    out: Out = Path("reports"),
    load_hosts: LoadHostsOption = 0,
    load_bind: LoadBindOption = None,
    load_wait: LoadWaitOption = "120s",
) -> None:
    """Open a day and carry it out with the people who watch: they tick, agree, begin each step, note, and stop it.

    Type help while it goes on. Ctrl-C stops the step in hand, faults first; between steps it leaves the day open, and `harness gameday
    resume` goes on with it. Ends with 0 when the hypothesis held, with 1 when it did not, with 3 when nobody can say, with 5 when the day
    was stopped, with 130 when it was left open.
    """
    from harness.gameday.day import agreed_files, opened
    from harness.reading.load_hosts import load_hosts as hosts_asked
    from harness.settings import settings

    environment, at = settings(), address(page)
    hosts = hosts_asked(load_hosts, load_bind, load_wait)
    files = agreed_files(
        file, environment, tuple(allow_host or ()), hosts, tabletop=tabletop, yes=yes, ask=asked_here()
    )
    given = _given(environment, by or files.day.coordinator, toxiproxy_url, waits)
    with opened(files, out, given, tabletop=tabletop) as going:
        _carry_out(going, given, at)
    _end(going)


@gameday.command()
def resume(
    day: FileOrFolder,
    by: By = None,
    yes: Yes = False,
    page: Page = None,
    waits: Waits = None,
    allow_host: AllowHost = None,
    toxiproxy_url: ToxiproxyUrl = None,
    out: Out = Path("reports"),
    load_hosts: LoadHostsOption = 0,
    load_bind: LoadBindOption = None,
    load_wait: LoadWaitOption = "120s",
) -> None:
    """Go on with a day whose process has ended: put back what it left in force, say what that was, and carry on as `run` does."""
    from harness.gameday.day import files_of, resumed
    from harness.gameday.days import day_at
    from harness.reading.load_hosts import load_hosts as hosts_asked
    from harness.settings import settings

    environment, at = settings(), address(page)
    folder = day_at(day, out)
    hosts = hosts_asked(load_hosts, load_bind, load_wait)
    files = files_of(day, folder, environment, tuple(allow_host or ()), hosts, yes=yes, ask=asked_here())
    given = _given(environment, by or files.day.coordinator, toxiproxy_url, waits)
    with resumed(files, folder, given) as going:
        _carry_out(going, given, at)
    _end(going)


@gameday.command()
def report(day: FileOrFolder, out: Out = Path("reports")) -> None:
    """Write the document of a day again from its events alone, with nothing running; show what happened, and where it is."""
    from harness.gameday.day import written_up
    from harness.gameday.days import day_at, read
    from harness.gameday.sentences import sentence
    from harness.interfaces.saying import say

    screen.harmless()
    folder = day_at(day, out)
    for event in read(folder.path).events:
        say(f"{event.at}  {sentence(event)}")
    say(f"day: {written_up(folder).path}")


@gameday.command()
def item(
    day: FileOrFolder,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be done; the same text is the same item.")],
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Who does it.")] = "",
    ticket: Annotated[str, typer.Option("--ticket", metavar="ID", help="Where it is tracked.")] = "",
    due: Annotated[
        str, typer.Option("--due", metavar="DATE", help="When it is tested again, such as 2027-01-15.")
    ] = "",
    done: Annotated[
        bool, typer.Option("--done", help="It is done; said again without this, it is open again.")
    ] = False,
    by: By = None,
    out: Out = Path("reports"),
) -> None:
    """Write down what is to be done after a day, what has changed of that, or that it is done, and the day's document again.

    `harness list due` has what is open, of all days.
    """
    from harness.gameday import afterwards
    from harness.gameday.days import day_at
    from harness.gameday.events import Item
    from harness.gameday.sentences import sentence
    from harness.interfaces.saying import say
    from harness.settings import settings

    folder = day_at(day, out)
    who = _named(by or afterwards.coordinator(folder))
    event = Item(by=who, text=text, owner=owner, ticket=ticket, due=_date(due), done=done)
    say(sentence(afterwards.say(folder, event, settings().environment)))


def _date(written: str) -> str:
    """The date of --due. Raises UsageProblems where it is none."""
    from datetime import date

    from harness.problems import Problem, UsageProblems

    try:
        return date.fromisoformat(written).isoformat() if written else ""
    except ValueError:
        raise UsageProblems(Problem(f"{written!r} is no date; write it as 2027-01-15", path="--due")) from None


def _given(environment: Settings, by: str, toxiproxy_url: str | None, waits: str | None) -> With:
    from harness.gameday.day import With
    from harness.interfaces.options import time_s
    from harness.interfaces.saying import say

    waits_s = time_s("--waits", waits) if waits is not None else None
    return With(environment, _named(by), toxiproxy_url, say, waits_s)


def _named(by: str) -> str:
    """*by*, where it can be somebody's name. Raises UsageProblems where it cannot."""
    from harness.gameday.standing import BY_CHARS_MAX
    from harness.problems import Problem, UsageProblems

    if not by.strip() or len(by) > BY_CHARS_MAX or by == "harness":
        raise UsageProblems(Problem(f"{by[:BY_CHARS_MAX]!r} is nobody's name", path="--by"))
    return by


def asked_here() -> Callable[[list[str]], bool] | None:
    """Who is asked whether commands may be run; nobody where there is no terminal."""
    return _agreed if sys.stdin.isatty() else None


def _agreed(commands: list[str]) -> bool:
    from harness.interfaces.saying import say

    say("the game-day file has these commands run, with your environment:")
    for command in commands:
        say(f"  {command}")
    return typer.confirm("agree to them, once and for this file as it is?")


def _carry_out(going: Going, given: With, page: tuple[str, int] | None) -> None:
    """Carry the day out with a terminal, and a page where one is asked for."""
    from harness.interfaces.gameday_terminal import GamedayTerminal, Signals
    from harness.interfaces.shown import console_of

    screen.harmless()
    keys = sys.stdin.isatty() and sys.stdout.isatty()
    terminal = GamedayTerminal(going, console_of(), given.by, keys=keys)
    signals = Signals(going, given.by, terminal.tell)
    going.world.heed, going.world.say = signals.heed, terminal.tell
    with signals.installed(), terminal.open(), _served(going, page, terminal.tell) as url:
        if url:
            terminal.tell_way_in(url)
        going.world.somebody = lambda: terminal.hears or (bool(url) and _awaited(going))
        going.carry_out()


def _awaited(going: Going) -> bool:
    """Whether people are waited for at a page: where the day cannot go on without them, or somebody has said something."""
    from harness.gameday.events import HARNESS
    from harness.gameday.moves import waits_for_people

    return any(waits_for_people(going.files.day)) or any(event.by != HARNESS for event in going.desk.since(1))


def address(page: str | None) -> tuple[str, int] | None:
    """Host and port of --page. Raises UsageProblems where they are none, or nothing can be served there."""
    from harness.interfaces.gameday_page import try_to_listen
    from harness.problems import Problem, UsageProblems

    if page is None:
        return None
    host, _, port = page.rpartition(":")
    if not port.isdecimal() or int(port) > _PORT_MAX:
        raise UsageProblems(Problem(f"{page!r} is not [HOST]:PORT, such as :{_PORT}", path="--page"))
    at = host.strip("[]") or "127.0.0.1", int(port)
    try:
        try_to_listen(*at)
    except OSError as error:
        why = str(error.strerror).partition(" (while ")[0]
        what = f"nothing can be served at {page!r} ({why}); name another place, or port 0 for one that is free"
        raise UsageProblems(Problem(what, path="--page")) from error
    return at


@contextmanager
def _served(going: Going, page: tuple[str, int] | None, told: Callable[[str], object]) -> Iterator[str]:
    """The URL of a page of the day at that host and port, and nothing where nobody asked for one; who else can come there is *told*."""
    from harness.interfaces.gameday_page import served

    if page is None:
        yield ""
        return
    with served(going.desk, going.shown, host=page[0], port=page[1], told=told) as url:
        yield url


def _end(going: Going) -> None:
    """Write the day up, say where it is, and end with the status that it comes to."""
    from harness.gameday.day import written_up
    from harness.interfaces.saying import say

    day = written_up(going.folder)
    say(f"day: {day.path}")
    for step, faults in day.standing.left.items():
        say(
            f"NOT put back, and perhaps in force still: {'; '.join(faults)} ({step}); later: harness heal --out {day.path}",
            err=True,
        )
    if day.standing.closed is None:
        say(f"the day is left open; go on with it: harness gameday resume {day.path}", err=True)
    raise typer.Exit(day.exit_status)
