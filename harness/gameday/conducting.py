"""The real world of a game day: each scenario is a run of its own, in a thread; people speak at the desk; what is left behind is healed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.conduct import conduct
from harness.gameday.carrying import came_to
from harness.gameday.control import HIDDEN, LiveFigures
from harness.gameday.desk import Desk, utc_now
from harness.gameday.events import Began, Looked, Outcome, Over, PutBack, Stopped, Warned
from harness.gameday.figures import Figures
from harness.gameday.files import DayFiles
from harness.gameday.folder import DayFolder
from harness.gameday.looking import met
from harness.gameday.patience import Patience
from harness.gameday.standing import Standing
from harness.judging import result
from harness.problems import HarnessError, RefusedError, UsageProblems
from harness.record.masking import Mask
from harness.running.keeper.heal import heal
from harness.running.keeper.undo import pending
from harness.running.leases import healed
from harness.running.state.place import state_of
from harness.running.world.load_hosts import Gathering
from harness.settings import Settings
from harness.stored import Run
from harness.suites.earlier import every
from harness.suites.spending import Spending

if TYPE_CHECKING:
    from harness.running.world.haste import TakenBack

TICK_S = 0.2
"""How soon whoever waits sees that a process has to end, or that nobody is there any more."""
_HEALED_WITHIN_S, _LOOK_S = 30.0, 0.2
_LOOKS_END_WITHIN_S = 1.0
AGAIN_S = 5.0
"""How long after it was tried in vain what a run left in force is put back once more."""
OUTCOMES: dict[result.Outcome, Outcome] = {
    "pass": "held",
    "fail": "failed",
    "inconclusive": "inconclusive",
    "invalid": "invalid",
    "crashed": "invalid",
    "aborted": "aborted",
    "interrupted": "aborted",
}
"""What the verdict of a run is to the day."""


class RealWorld:
    """The `World` of the day in *folder*; *say* is told what a run says of itself, but of a secret one."""

    def __init__(
        self,
        files: DayFiles,
        folder: DayFolder,
        desk: Desk,
        settings: Settings,
        *,
        toxiproxy_url: str | None = None,
        say: Callable[[str], None] = lambda _: None,
        waits_s: float | None = None,
    ) -> None:
        self._files, self._folder, self._desk, self._settings = files, folder, desk, settings
        self._toxiproxy_url = toxiproxy_url
        self.say = say
        self.somebody: Callable[[], bool] = lambda: True
        """Whether anybody can still speak."""
        self.heed: Callable[[], None] = lambda: None
        """Called again and again while the day waits, by the thread that carries it out."""
        self._mask: Mask = files.mask(settings.environment)
        self._stop: threading.Event | None = None
        self._over = threading.Event()
        self._runs, self._looks = list[threading.Thread](), list[threading.Thread]()
        self._broken: BaseException | None = None
        self._settled = threading.Condition()
        self._settled_at = 0
        self._spending: Spending | None = None
        self._gathering = Gathering(several=True)
        self.leaving, self.patience = False, Patience(waits_s)
        self.live: LiveFigures | None = None

    def __enter__(self) -> RealWorld:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends what goes on, faults first."""
        self._over.set()
        if self._stop is not None:
            self._stop.set()
        for thread in self._runs:
            thread.join()
        for thread in self._looks:
            thread.join(_LOOKS_END_WITHIN_S)
        self._gathering.close()

    @property
    def attended(self) -> bool:
        return self.somebody()

    def now(self) -> datetime:
        return utc_now()

    def wait(self, seen: int, until: datetime | None) -> None:
        if self._broken is not None:
            raise self._broken
        self.heed()
        with self._settled:
            self._settled_at = seen
            self._settled.notify_all()
        left_s = TICK_S if until is None else (until - self.now()).total_seconds()
        self._desk.since(seen, max(0.0, min(TICK_S, left_s)))

    def settle(self) -> None:
        """Return once the day waits, and all that happened so far was heeded; or once nobody carries it out any more."""
        with self._settled:
            while (
                self._settled_at < self._desk.standing.seen and self._desk.standing.closed is None and not self.leaving
            ):
                self._settled.wait(TICK_S)

    def look(self, prerequisite: int) -> None:
        self._looks = [look for look in self._looks if look.is_alive()]
        self._looks.append(self._in_a_thread(partial(self._look, prerequisite)))

    def refused(self, step: str) -> str:
        named = HIDDEN if self._files.day.step(step).secret else step
        return self._spent().refusal(self._files.runs[step].plan, named)

    def begin(self, step: str) -> None:
        if step in self._files.runs and not self._desk.standing.tabletop:
            self._stop = threading.Event()
            self._runs.append(self._in_a_thread(partial(self._run, step, self._stop)))

    def take_back(self, step: str) -> None:
        if self._stop is not None:
            self._stop.set()

    def heal(self) -> str:
        said, left = list[str](), False
        for run in self._folder.runs():
            over_s = time.monotonic() + _HEALED_WITHIN_S
            # A keeper that outlived its harness puts things back by itself, and is not disturbed.
            while (one := heal(run)).now == "goes on" and time.monotonic() < over_s:
                time.sleep(_LOOK_S)
            said += [line.removeprefix(f"{run}: ") for line in one.said]
            left = left or one.now != "nothing"
        target = self._files.target.value
        lease = healed(state_of(target.name, target.state, self._settings))
        said += lease.said.splitlines() if lease is not None else []
        if left or (lease is not None and lease.left):
            raise HarnessError(f"not all that was broken is put back, so the day does not go on: {'; '.join(said)}")
        return self._mask.text("; ".join(said))

    def cut_short(self, step: str) -> str:
        """The folder of the run of *step* that a process was killed in, below that of the day; empty where it had none yet."""
        scenario = self._files.runs[step].plan.scenario.name if step in self._files.runs else ""
        told = {event.run for event in self._desk.since(0) if isinstance(event, Began | Over)}
        names = [
            run.relative_to(self._folder.path).as_posix() for run in self._folder.runs() if run.parent.name == scenario
        ]
        return max((name for name in names if name not in told), default="")

    def _in_a_thread(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._kept, args=(work,), name="of a game day", daemon=True)
        thread.start()
        return thread

    def _kept(self, work: Callable[[], None]) -> None:
        """*work*, whose failure whoever waits gets to hear."""
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by `wait`, in the thread that carries the day out
            self._broken = error

    def _look(self, prerequisite: int) -> None:
        one = self._files.day.prerequisites[prerequisite]
        ok, told = met(one, self._files.beside, self._settings.environment, self._over, self._mask)
        self._desk.write(Looked(prerequisite=prerequisite, ok=ok, told=told))

    def _spent(self) -> Spending:
        """What the day has taken so far; its time counts from when it was opened, whatever processes carried it out."""
        if self._spending is None:
            opened = datetime.fromisoformat(self._desk.standing.opened)
            budget = self._files.day.budget
            self._spending = Spending(budget, lambda: (self.now() - opened).total_seconds(), began_s=0.0)
            self._spending.before(every(self._folder.path))
        return self._spending

    def _run(self, step: str, stop: threading.Event) -> None:
        prepared, hidden = self._files.runs[step], self._files.day.step(step).secret
        one_run = partial(
            conduct,
            prepared,
            self._settings,
            self._folder.path,
            toxiproxy_url=self._toxiproxy_url,
            say=partial(self._told, hidden=hidden),
            panel=partial(Figures, step, self._see, hidden=hidden),
            stop=stop,
            gathering=self._gathering,
            taken_back=partial(self._taken_back, step),
            warned=self._warned,
        )
        try:
            run = self._spent().on(prepared, one_run)
        except RefusedError as error:
            came_to(self._desk, step, "aborted", told=str(error))
        except (HarnessError, UsageProblems) as error:
            # First that nothing more begins by itself: a process may be killed between two lines.
            self._desk.write(Stopped(why=f"{step} could not be carried out"))
            came_to(self._desk, step, "invalid", told=str(error))
        else:
            self._ended(step, run)

    def _ended(self, step: str, run: Run) -> None:
        folder = run.path.relative_to(self._folder.path).as_posix()
        came_to(self._desk, step, OUTCOMES[run.verdict], folder, _reason(run, self._desk.standing))
        if run.verdict == "crashed":
            self._desk.write(Stopped(why=f"{step} broke down"))
        self._after(step, run.path)

    def _after(self, step: str, run: Path) -> None:
        """Say what a *run* that is over left in force, unless that was said before, and put it back as soon as that can be done."""
        faults = {one.id: one.summary for one in self._files.runs[step].plan.disturbances}
        left = [faults.get(one.id, f"the proxy of {one.id}") for one in pending(run / "undo.jsonl")]
        if self._shown(step, left) != self._desk.standing.left.get(step, ()):
            self._put_back(step, left, "what carries it did not answer" if left else "")
        if left:
            self._looks.append(self._in_a_thread(partial(self._again, step, run)))

    def _again(self, step: str, run: Path) -> None:
        while not self._over.wait(AGAIN_S):
            if heal(run, ended=True).now == "nothing":
                self._put_back(step, ())
                return

    def _taken_back(self, step: str, found: TakenBack) -> None:
        """Of a run that was stopped, whose last figures are from when it was not."""
        if self.live is not None and not found.left:
            self.live = replace(self.live, in_force=(), confirmed=())
        self._put_back(step, found.left, found.why)

    def _warned(self, what: str) -> None:
        """A line of the day, whatever step it is in: its name and its faults are not in it."""
        with suppress(OSError):
            self._desk.write(Warned(what=what))

    def _put_back(self, step: str, left: Sequence[str], why: str = "") -> None:
        """Write down what is left in force of *step*, or that nothing is."""
        # Where the day cannot be written down any more, whoever carries it out ends for it.
        with suppress(OSError):
            self._desk.write(PutBack(step=step, left=list(self._shown(step, left)), told=why))

    def _shown(self, step: str, faults: Sequence[str]) -> tuple[str, ...]:
        """*faults* as they may be shown; of a secret step that there are some."""
        return (HIDDEN,) * bool(faults) if self._files.day.step(step).secret else tuple(faults)

    def _see(self, figures: LiveFigures | None) -> None:
        self.live = figures

    def _told(self, text: str, *, hidden: bool) -> None:
        """What a run says of itself; it is written down whoever may read it on a screen."""
        with suppress(OSError), self._folder.log.open("a", encoding="utf-8") as log:
            log.write(f"{self.now():%H:%M:%S} {text}\n")
        if not hidden:
            self.say(text)


def _reason(run: Run, now: Standing) -> str:
    """Why it came to what it came to; of one that was stopped, by whom."""
    if run.verdict == "interrupted" and now.stopped is not None:
        return f"stopped by {now.stopped.by}" + (f": {now.stopped.why}" if now.stopped.why else "")
    return run.result.reason
