"""A game day from its opening to its end: opened or taken over, carried out with whoever watches it, and written up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.gameday import days
from harness.gameday import folder as folders
from harness.gameday.carrying import carry_out, go_on
from harness.gameday.conducting import RealWorld
from harness.gameday.consent import consent
from harness.gameday.control import HIDDEN
from harness.gameday.desk import Desk, utc_now
from harness.gameday.events import Opened, Warned
from harness.gameday.files import DayFiles, day_files
from harness.gameday.folder import DayFolder
from harness.gameday.shown import ShownDay
from harness.gameday.standing import Standing
from harness.gameday.telling import Telling
from harness.problems import HarnessError, Problem, UsageProblems
from harness.reading.load_hosts import NO_HOSTS, LoadHosts
from harness.running import systems
from harness.settings import Settings
from harness.stored import judge

_LEFT_OPEN, _ABORTED, _UNDECIDED, _FAILED = 130, 5, 3, 1


@dataclass(frozen=True, slots=True)
class With:
    """What a day is carried out with; see `RealWorld`. *by*: the name of whoever called. *waits_s*: for how long people are waited for who
    say nothing; None: for ever."""

    settings: Settings
    by: str
    toxiproxy_url: str | None = None
    say: Callable[[str], None] = lambda _: None
    waits_s: float | None = None


@dataclass(frozen=True, slots=True)
class Going:
    """A day that goes on in this process."""

    files: DayFiles
    folder: DayFolder
    desk: Desk
    world: RealWorld
    shown: ShownDay

    def carry_out(self) -> Standing:
        """Until it is closed, or this process has to end; see `carrying.carry_out`."""
        return carry_out(self.files.day, self.desk, self.world)


@dataclass(frozen=True, slots=True)
class Day:
    """A game day as it stands in its folder *path*."""

    path: Path
    standing: Standing

    @property
    def held(self) -> bool | None:
        """Whether its hypothesis held; None where nobody can say, or it is not closed."""
        return self.standing.closed.held if self.standing.closed is not None else None

    @property
    def exit_status(self) -> int:
        """0 where the hypothesis held, or it was a tabletop of which nobody says; 1 where it did not, 5 where the day was stopped, 3 where
        nobody can say or nothing shows that it held, 130 where it was left open."""
        if self.standing.closed is None:
            return _LEFT_OPEN
        if self.held is None and self.standing.stopped is None:
            return 0 if self.standing.tabletop else _UNDECIDED
        if self.held and not self.standing.shown:
            return _UNDECIDED
        return _ABORTED if self.held is None else 0 if self.held else _FAILED


def agreed_files(
    path: Path,
    settings: Settings,
    allowed: tuple[str, ...] = (),
    hosts: LoadHosts = NO_HOSTS,
    *,
    tabletop: bool = False,
    yes: bool = False,
    ask: Callable[[list[str]], bool] | None = None,
) -> DayFiles:
    """The game-day file at *path* with all that it names, and with somebody's consent to its commands; see `consent`.

    A tabletop touches nothing, so it needs neither that nor secrets. Raises UsageProblems with all that is wrong.
    """
    files = day_files(path, None if tabletop else settings.environment, allowed, hosts=hosts)
    if not tabletop:
        consent(files, settings, yes=yes, ask=ask)
    return files


@contextmanager
def opened(files: DayFiles, out: Path, given: With, *, tabletop: bool = False) -> Iterator[Going]:
    """A new day, in a folder of its own below *out*; a Toxiproxy that has to be built is there before it is opened.

    Raises HarnessError where either cannot be had, and UsageProblems where a shared Toxiproxy cannot be used.
    """
    systems.here()
    if not tabletop:
        _have_toxiproxy(files, given)
    folder = folders.create(out, files.day.name, utc_now())
    folders.keep_copies(folder, files.copies)
    with _going(files, folder, given) as going:
        going.desk.write(_first(files, folder, given.by, tabletop=tabletop))
        yield going


@contextmanager
def resumed(files: DayFiles, folder: DayFolder, given: With) -> Iterator[Going]:
    """The day in *folder* whose process has ended, with everything put back. Raises HarnessError where it cannot be, RefusedError where the
    day goes on in another process, and UsageProblems where it is closed."""
    systems.here()
    _refuse_closed(days.read(folder.path).standing, folder)
    with _going(files, folder, given) as going:
        given.say("putting back what may be in force still")
        in_hand = going.desk.standing.in_hand
        run = going.world.cut_short(in_hand.id) if in_hand is not None else ""
        go_on(files.day, going.desk, going.world, run)
        if run:
            given.say("judging the run that was cut short")
            # What it came to until then is worth having, and nothing hangs on it.
            with suppress(HarnessError, UsageProblems):
                judge(folder.path / run, say=given.say)
        secret = {f"{id_}.scenario.yaml" for id_ in files.day.ids if files.day.step(id_).secret}
        for name in folders.changed(folder, files.copies):
            what = f"the file of a {HIDDEN}" if name in secret else name
            going.desk.write(Warned(what=f"{what} is not as it was when the day was opened (in files/)"))
        yield going


def _have_toxiproxy(files: DayFiles, given: With) -> None:
    """Get it now where a step needs it, and not while people watch what they called."""
    from harness.running.world.real import find_proxy

    if any(step.kind == "scenario" for step in files.day.agenda):
        find_proxy(given.settings, given.toxiproxy_url, given.say)


def _refuse_closed(standing: Standing, folder: DayFolder) -> None:
    if standing.closed is not None:
        what = f"was closed at {standing.closed.at}; `harness gameday report` writes its document again"
        raise UsageProblems(Problem(what, file=str(folder.path)))


@contextmanager
def _going(files: DayFiles, folder: DayFolder, given: With) -> Iterator[Going]:
    environment = given.settings.environment
    with ExitStack() as stack:
        stack.enter_context(folders.held(folder))
        desk = stack.enter_context(closing(Desk(folder.events, files.mask(environment))))
        stack.enter_context(Telling(files, desk, environment, desk.standing.seen))
        world = RealWorld(
            files, folder, desk, given.settings, toxiproxy_url=given.toxiproxy_url, say=given.say, waits_s=given.waits_s
        )
        stack.enter_context(world)
        yield Going(files, folder, desk, world, ShownDay(files, desk, lambda: world.live))


def _first(files: DayFiles, folder: DayFolder, by: str, *, tabletop: bool) -> Opened:
    day = files.day
    return Opened(
        by=by,
        day=folder.path.name,
        name=day.name,
        file=files.document.file,
        sha256=files.document.sha256,
        steps=day.ids,
        prerequisites=len(day.prerequisites),
        approvals=[one.by for one in day.approvals],
        tabletop=tabletop,
        secret=[id_ for id_ in day.ids if day.step(id_).secret],
        kinds=[step.kind for step in day.agenda],
        found_out=[number for number, one in enumerate(day.prerequisites) if one.tick is None],
    )


def files_of(
    path: Path,
    folder: DayFolder,
    settings: Settings,
    allowed: tuple[str, ...] = (),
    hosts: LoadHosts = NO_HOSTS,
    *,
    yes: bool = False,
    ask: Callable[[list[str]], bool] | None = None,
) -> DayFiles:
    """The files of the day in *folder*, which *path* names: what its game-day file said when it was opened, and what lies beside the file.

    Raises UsageProblems where that is not there any more or is wrong, or where nobody agrees to its commands.
    """
    first = days.read(folder.path).opened
    file = Path(first.file) if path.is_dir() else path
    if not file.exists():
        what = (
            f"there is no file {file} here, beside which the files of the day are; name it: harness gameday resume FILE"
        )
        raise UsageProblems(Problem(what, file=str(folder.path)))
    text = (folder.files / "gameday.yaml").read_text(encoding="utf-8")
    files = day_files(file, None if first.tabletop else settings.environment, allowed, text, hosts)
    if not first.tabletop:
        consent(files, settings, yes=yes, ask=ask)
    return files


def written_up(folder: DayFolder) -> Day:
    """The day in *folder*, with its document written from its events alone. Raises UsageProblems where it is none."""
    from harness.gameday import document  # it takes long to load, and nobody waits for it before the day is over

    document.write(folder.path)
    return Day(folder.path, days.read(folder.path).standing)


def watched(going: Going, watch: Callable[[Desk], object] | None) -> None:
    """Carry the day out; *watch* is called in a thread of its own with its desk, and nobody speaks any more once it has returned."""
    thread = (
        threading.Thread(target=watch, args=(going.desk,), name="watches", daemon=True) if watch is not None else None
    )
    if thread is not None:
        thread.start()
    going.world.somebody = lambda: thread is not None and thread.is_alive()
    going.carry_out()
