"""A game day on a terminal: what happens as lines, where it stands below them, and what is typed; through a pipe, lines alone."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from harness.gameday.control import LiveFigures, StepShown
from harness.gameday.day import Going
from harness.gameday.events import Began, Event, Opened, PutBack, Stopped
from harness.gameday.outline import read_out
from harness.gameday.sentences import sentence
from harness.gameday.shown import NEXT
from harness.gameday.standing import Standing
from harness.gameday.words import HELP, said
from harness.interfaces.typed_line import TypedLine, keys_one_by_one, lines_of_a_pipe, lines_of_keys
from harness.reading.quantities import share
from harness.report.plain_text import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_DRAWN_EVERY_S, _LINE_EVERY_S = 0.25, 5.0
_LEAVES = "leave it as it stands with Ctrl-C, and go on with it by `harness gameday resume`"


class GamedayTerminal:
    """Shows the day that is *going* on *console*, and says at its desk what the person called *by* types."""

    def __init__(self, going: Going, console: Console, by: str, *, keys: bool) -> None:
        self._going, self._console, self._by, self._keys = going, console, by, keys
        self._typed = TypedLine()
        self._over, self._heard_all = threading.Event(), threading.Event()
        self._answers = list[tuple[int, str]]()
        """Each after so many events."""
        self._seen, self._told_s = 0, 0.0
        self._waits_for = ""

    @property
    def hears(self) -> bool:
        """Whether anybody can still type something."""
        return not self._heard_all.is_set()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Shown and heard inside; all that happened is shown before it closes."""
        with ExitStack() as stack:
            if self._keys:
                stack.enter_context(keys_one_by_one(sys.stdin.fileno()))
            # Who types may never type again, so that nobody waits for that thread.
            threading.Thread(target=self._listen, name="types", daemon=True).start()
            shows = threading.Thread(target=self._show, name="shows", daemon=True)
            shows.start()
            try:
                yield
            finally:
                self._over.set()
                shows.join()

    def tell(self, text: str) -> None:
        """Show a line that is no event, after all that has happened so far."""
        self._answers.append((self._going.desk.standing.seen, visible(text)))

    def tell_way_in(self, url: str) -> None:
        """Show where the day's page is, likewise; with its token, which is hidden wherever else an address is shown."""
        self._answers.append((self._going.desk.standing.seen, f"page: {url}"))

    # What is typed.

    def _listen(self) -> None:
        lines = lines_of_keys(sys.stdin.fileno(), self._typed) if self._keys else lines_of_a_pipe()
        with suppress(OSError, ValueError):
            for line in lines:
                if not self._keys:
                    # A script says one thing after the other, as a person does who sees what came of each.
                    self._going.world.settle()
                self._hear(line.strip())
        # A terminal that hangs up ends the process by a signal; nobody closed the day by that.
        if not self._keys:
            self._going.world.settle()
            self._heard_all.set()

    def _hear(self, line: str) -> None:
        going = self._going
        match line.split():
            case []:
                return
            case ["help" | "?"]:
                for word, about in HELP.items():
                    self.tell(f"  {word:<52} {about}")
            case ["where"]:
                for each in where(going.desk.standing, going.shown.agenda()):
                    self.tell(each)
            case ["wait"]:
                self._until_over()
            case _:
                try:
                    going.desk.say(said(line, going.desk.standing, self._by))
                except ValueError as error:
                    self.tell(f"not said: {error}")
                except OSError as error:
                    self.tell(f"not said, since it cannot be written down: {error.strerror}")

    def _until_over(self) -> None:
        """A script has this before what it says once the step in hand is over."""
        desk = self._going.desk
        while desk.standing.in_hand is not None and not self._over.is_set():
            desk.since(desk.standing.seen, _DRAWN_EVERY_S)

    # What is shown.

    def _show(self) -> None:
        from rich.live import Live

        console = self._console
        # Drawn by this thread alone: one of its own would draw into what is printed meanwhile.
        live = Live(console=console, auto_refresh=False, transient=True) if self._keys and console.is_terminal else None
        with live or ExitStack():
            while True:
                last = self._over.is_set()
                self._lines()
                if live is not None:
                    live.update(self._panel(), refresh=True)
                elif not last:
                    self._figures()
                if last:
                    return
                self._going.desk.since(self._seen, _DRAWN_EVERY_S)

    def _lines(self) -> None:
        desk = self._going.desk
        for event in desk.since(self._seen):
            self._answer()
            self._seen += 1
            for line in told(event, self._going):
                self._print(line, bold=isinstance(event, Stopped) or (isinstance(event, PutBack) and bool(event.left)))
        self._answer()
        waits = waits_for(desk.standing, self._going.shown.agenda())
        if waits and waits != self._waits_for and self._seen == desk.standing.seen:
            self._print(waits, dim=True)
        self._waits_for = waits

    def _answer(self) -> None:
        while self._answers and self._answers[0][0] <= self._seen:
            self._write(self._answers.pop(0)[1], dim=True)

    def _print(self, line: str, *, bold: bool = False, dim: bool = False) -> None:
        self._write(visible(line), bold=bold, dim=dim)

    def _write(self, line: str, *, bold: bool = False, dim: bool = False) -> None:
        from rich.text import Text

        # As text and never as markup: people have their say in it.
        style = "bold red" if bold else "dim" if dim else ""
        with suppress(OSError, ValueError):
            self._console.print(Text(line, style=style), soft_wrap=True, highlight=False)

    def _figures(self) -> None:
        figures = self._going.shown.live()
        if figures is not None and time.monotonic() - self._told_s >= _LINE_EVERY_S:
            self._told_s = time.monotonic()
            self._print("  ".join([line_of(figures), *(f"! {fault}" for fault in _faults(figures))]))

    def _panel(self) -> RenderableType:
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        going = self._going
        now, agenda = going.desk.standing, going.shown.agenda()
        layout = Table.grid()
        for line in where(now, agenda):
            layout.add_row(Text(visible(line)))
        if (figures := going.shown.live()) is not None:
            layout.add_row(Text(visible(line_of(figures)), style="bold"))
            for fault in _faults(figures):
                layout.add_row(Text(f"⚡ {visible(fault)}", style="bold yellow"))
        layout.add_row(Text(f"> {self._typed.text}▏"))
        title = Text(visible(going.files.day.title))
        return Panel.fit(layout, title=title, title_align="left", border_style="red" if now.stopped else "dim")


def told(event: Event, going: Going) -> Iterator[str]:
    """*event* with its time, and what belongs to it: what a step is that begins, and on a tabletop what would happen."""
    at = datetime.fromisoformat(event.at).astimezone()
    yield f"{at:%H:%M:%S}  {sentence(event)}"
    if isinstance(event, Opened):
        about = going.shown.about()
        yield from (f"          objective   {about.objective}", f"          hypothesis  {about.hypothesis}")
        for number, one in enumerate(about.prerequisites, 1):
            yield f"          prerequisite {number}: {one.said}{f' (type tick {number})' if one.ticked else ''}"
        for person in going.shown.people():
            if person.role == "approves":
                yield f"          has to agree to {person.of}: {person.name} (type yes {person.name})"
    if isinstance(event, Began):
        step = next(one for one in going.shown.agenda() if one.id == event.step)
        yield from (f"          {line}" for line in _of_step(step, going))


def _of_step(step: StepShown, going: Going) -> Iterator[str]:
    yield f"{step.kind}: {step.title}"
    if not step.secret and (going.desk.standing.tabletop or step.kind != "scenario"):
        yield from read_out(going.files, step.id)


def where(now: Standing, agenda: list[StepShown]) -> Iterator[str]:
    """A line for each step, and what stands in the way."""
    for stands, step in zip(now.steps, agenda, strict=True):
        mark = (
            "▶" if stands.in_hand else " " if not stands.ended else "✓" if stands.outcome in ("held", "done") else "✗"
        )
        came_to = f": {stands.outcome}" if stands.outcome else ""
        yield f"{mark} {step.id}  {step.kind}: {step.title}{came_to}"
    yield from (f"  not yet: {obstacle}" for obstacle in now.obstacles)
    yield from (f"! {id_}: NOT put back: {'; '.join(faults)}" for id_, faults in now.left.items())


def waits_for(now: Standing, agenda: list[StepShown]) -> str:
    """What the day waits for that somebody has to say; empty where it waits for nobody."""
    if now.closed is not None or not now.day:
        return ""
    if now.in_hand is not None:
        of_people = now.in_hand.kind != "scenario" or now.tabletop
        return f"{now.in_hand.id}: type done, undone or stop" if of_people else ""
    if now.obstacles:
        return f"not yet: {'; '.join(now.obstacles)}"
    if now.stopped is not None:
        goes = f"go to begin {now.next.id}, or close" if now.next is not None else "notes and items, and then close"
        stands = f"NOT all of {', '.join(now.left)} is put back" if now.left else "nothing is in force"
        return f"stopped, and {stands}: type {goes}; {_LEAVES}"
    if now.next is None:
        return "every step is over: type notes and items, and then close"
    place = now.steps.index(now.next)
    step, before = agenda[place], now.steps[place - 1].outcome if place else None
    if step.start == NEXT and before not in ("aborted", "interrupted"):
        return ""
    return f"next is {step.id} ({step.kind}: {step.title}), which begins {step.start}: type go, or help"


def line_of(figures: LiveFigures) -> str:
    """The figures of a run in a line."""
    unseen = "{} -" if figures.attempts_per_s is None else ""  # where nobody asks, there is nothing to be missed
    said_ = [
        f"{figures.step}  {max(0.0, figures.now_s):.0f} of {figures.total_s:.0f} s  {figures.phase}, {figures.left_s:.0f} s left",
        f"offered {figures.offered_per_s:.1f}/s" if figures.offered_per_s is not None else "",
        f"attempts {figures.attempts_per_s:.1f}/s" if figures.attempts_per_s is not None else "",
        f"answered {share(figures.answered_ratio)}" if figures.answered_ratio is not None else "",
        f"good {figures.good_per_s:.1f}/s" if figures.good_per_s is not None else unseen.format("good"),
        f"p95 {figures.p95_s:.2f} s" if figures.p95_s is not None else unseen.format("p95"),
        f"attempts per request {figures.attempts_per_request:.2f}" if figures.attempts_per_request is not None else "",
    ]
    return "  ".join(part for part in said_ if part)


def _faults(figures: LiveFigures) -> Iterator[str]:
    for fault, seen in zip(figures.in_force, figures.confirmed, strict=True):
        yield f"{fault} ({'in force' if seen else 'not seen yet'})"


class Signals:
    """What Ctrl-C and SIGTERM do to a day: the first Ctrl-C stops the step in hand, one between steps leaves the day as it stands."""

    def __init__(self, going: Going, by: str, say: Callable[[str], object]) -> None:
        self._going, self._by, self._say = going, by, say
        self._pressed = self._heeded = 0
        self._ended = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Ours inside, where this is the main thread: in another one they stay whose they were."""
        import signal

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        ours = {signal.SIGINT: self._press, signal.SIGTERM: self._end}
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
            ours[signal.SIGHUP] = self._end
        before = {number: signal.signal(number, handler) for number, handler in ours.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def heed(self) -> None:
        """Do what was asked for since the last time; the day calls this while it waits."""
        world, now = self._going.world, self._going.desk.standing
        if self._ended:
            world.leaving = True
        if self._pressed == self._heeded:
            return
        self._heeded = self._pressed
        if now.in_hand is None:
            world.leaving = True
        elif now.stopped is None:
            self._going.desk.say(Stopped(by=self._by, why="Ctrl-C"))
        else:
            self._say("stopping: the faults are being taken back")

    def _press(self, *_: object) -> None:
        self._pressed += 1

    def _end(self, *_: object) -> None:
        self._ended = True
