"""The one loop: carries out a plan in a world and writes down what happens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from harness.faults.base import Looked
from harness.faults.effects import Sight
from harness.planning.disturbance import Disturbance
from harness.planning.plan import Plan, Step
from harness.problems import HarnessError
from harness.record.history import (
    Alarm,
    Begun,
    Ended,
    Event,
    History,
    Injected,
    Injecting,
    Look,
    Published,
    Reason,
    Reverted,
    Reverting,
)
from harness.running.ports import AbortedError, Record, ServiceEndedError, UntrustworthyError, World

_TICK_S = 0.1
# Often until a fault is seen, so that one knows when it took hold; then about once a second, as long as it is to be in force.
_LOOK_SOON_S, _LOOK_AGAIN_S = 0.2, 1.0
_LOOKS_SOON = 20
_TRIES = 3


@dataclass(slots=True)
class Progress:
    """Where a run stands; what a person watching it is shown."""

    now_s: float = 0.0
    active: dict[str, Disturbance] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    """Faults that have been seen, as far as a glance tells; the judging decides."""
    gone: set[str] = field(default_factory=set)
    """Faults of which what carries them says that they are gone, or that somebody else was there."""


@dataclass(slots=True)
class _Looks:
    """How often somebody looked at a fault, when the last look began, and whether it still goes on."""

    n: int = 0
    began_s: float = 0.0
    open: bool = False


class _Log:
    """The history so far, in memory and on the record."""

    def __init__(self, record: Record) -> None:
        self.events: list[Event] = []
        self._record = record

    def write(self, event: Event) -> None:
        self._record.write(event)
        self.events.append(event)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def run(
    plan: Plan,
    world: World,
    record: Record,
    shown: Callable[[Progress], None] = lambda _: None,
    unforeseen: Callable[[BaseException], str] = _named,
) -> History:
    """Carry out *plan* and return what happened, however it ended; every fault is gone when this returns.

    *shown* is called about ten times a second, until it fails: nothing that displays a run can end it. *unforeseen* says what is to be
    told of a defect that ended the run. Raises OSError only when the history cannot be written, after the world was put back.
    """
    log, progress = _Log(record), Progress()
    course = _Course(plan, world, log, progress, shown)
    ended: tuple[Reason, str] | None = None
    with ExitStack() as signals:
        while True:
            try:
                ended = ended or _carried_out(course, unforeseen)
                signals.enter_context(world.interruptions.held())
                break
            except KeyboardInterrupt:
                # Also one that came when the run had ended some other way, before it could be held back; and another one after that.
                ended = ("interrupted", "")
        # First everything is put back, then it is written down: a full disk must not spare a fault.
        decided_s = None if ended[0] == "completed" else _now(world, log)
        events = _put_back(world, log, progress)
        for event in [*events, *_farewell(_now(world, log), *ended, decided_s)]:
            log.write(event)
    return tuple(log.events)


def _carried_out(course: _Course, unforeseen: Callable[[BaseException], str]) -> tuple[Reason, str]:
    """Why the run ended, with what there is to say about it."""
    try:
        course.run()
    except KeyboardInterrupt:
        raise
    except UntrustworthyError as error:
        return "invalidated", str(error)
    except AbortedError as error:
        return "aborted", str(error)
    except ServiceEndedError as error:
        return "service_ended", str(error)
    except (HarnessError, OSError) as error:
        return "crashed", str(error)
    except BaseException as error:  # noqa: BLE001 - whatever it is, SystemExit too, the world is put back and the history says so
        return "crashed", unforeseen(error)
    return "completed", ""


class _Course:
    """One *plan* on its way through a *world*."""

    def __init__(
        self, plan: Plan, world: World, log: _Log, progress: Progress, shown: Callable[[Progress], None]
    ) -> None:
        self._plan, self._world, self._log, self._progress = plan, world, log, progress
        self._shown: Callable[[Progress], None] | None = shown
        self._looks: defaultdict[str, _Looks] = defaultdict(_Looks)

    def run(self) -> None:
        """Take every step when it is due, and wait for the last answer."""
        self._world.load.start()
        for step in self._plan.steps:
            self._wait(step.at_s)
            # Of a harness that was stopped until after a step was due, or until all was over, this is the first that it hears.
            self._world.watch.check()
            self._take(step)
        self._wait(self._plan.ends_s, until=self._world.load.ended)
        self._world.watch.check()

    def _wait(self, at_s: float, until: Callable[[], bool] = lambda: False) -> None:
        clock = self._world.clock
        while (now_s := clock.now()) < at_s and not until():
            self._progress.now_s = now_s
            self._world.watch.check()
            for disturbance in self._progress.active.values():
                self._watch(disturbance)
            self._show()
            clock.sleep_until(min(at_s, now_s + _TICK_S))

    def _take(self, step: Step) -> None:
        disturbance, world, log = step.disturbance, self._world, self._log
        now = world.clock.now
        match step.verb:
            case "inject":
                log.write(Injecting(now(), disturbance.id))
                # It counts as active before it is tried: an attempt that fails half way has to be put back too.
                self._progress.active[disturbance.id] = disturbance
                world.injector.inject(disturbance)
                log.write(Injected(now(), disturbance.id))
                self._look(disturbance)
            case "publish":
                asked_s = now()
                version = world.subject.publish()
                log.write(Published(now(), asked_s, version))
            case "revert":
                self._hear(disturbance, world.injector.looked(disturbance))
                self._hear(disturbance, world.injector.ask(disturbance))
                log.write(Reverting(now(), disturbance.id))
                world.injector.revert(disturbance)
                log.write(Reverted(now(), disturbance.id))
                # Only now: were its end not written down, it would be ended once more.
                del self._progress.active[disturbance.id]

    def _watch(self, disturbance: Disturbance) -> None:
        """Write down what the look at it saw, and look again when it is time."""
        self._hear(disturbance, self._world.injector.looked(disturbance))
        looks = self._looks[disturbance.id]
        soon = disturbance.id not in self._progress.confirmed and looks.n < _LOOKS_SOON
        if not looks.open and self._world.clock.now() >= looks.began_s + (_LOOK_SOON_S if soon else _LOOK_AGAIN_S):
            self._look(disturbance)

    def _look(self, disturbance: Disturbance) -> None:
        looks = self._looks[disturbance.id]
        looks.began_s, looks.n, looks.open = self._world.clock.now(), looks.n + 1, True
        self._world.injector.look(disturbance)

    def _hear(self, disturbance: Disturbance, sights: tuple[Sight, ...] | None) -> None:
        """Write down what a look saw; None is none."""
        if sights is None:
            return
        self._looks[disturbance.id].open = False
        at_s = self._world.clock.now()
        for sight in sights:
            self._log.write(Look(at_s, disturbance.id, sight))
        if disturbance.fault.took_hold(Looked.of(sights, self._plan.target.links)):
            self._progress.confirmed.add(disturbance.id)
        if any(sight.stands is False or sight.amiss for sight in sights):
            self._progress.gone.add(disturbance.id)

    def _show(self) -> None:
        if self._shown is None:
            return
        try:
            self._shown(self._progress)
        except (Exception, SystemExit):  # noqa: BLE001 - a terminal that is gone, a full disk, a broken pipe: the run is what counts
            self._shown = None


def _put_back(world: World, log: _Log, progress: Progress) -> list[Event]:
    """End every fault in force, last first: a later one may stand on an earlier one. Then the load. Nothing raises; what fails is said."""
    events: list[Event] = []
    for disturbance in reversed(list(progress.active.values())):
        events.append(Reverting(_now(world, log), disturbance.id))
        error = _insist(partial(world.injector.revert, disturbance))
        events.append(Reverted(_now(world, log), disturbance.id, error))
    progress.active.clear()
    if error := _insist(world.load.stop):
        events.append(Alarm(_now(world, log), f"the load could not be stopped: {error}"))
    return events


def _now(world: World, log: _Log) -> float:
    """What time it is; where the clock fails, the last that is known: nothing must keep a fault from being ended."""
    try:
        return world.clock.now()
    except BaseException:  # noqa: BLE001 - see above
        return max((event.at_s for event in log.events if not isinstance(event, Begun)), default=0.0)


def _insist(action: Callable[[], None]) -> str:
    """What kept *action* from succeeding in each of three tries; nothing when one did."""
    error = ""
    for _ in range(_TRIES):
        try:
            action()
        except BaseException as failure:  # noqa: BLE001 - what else there is to put back still has to be; signals are held back
            error = f"{type(failure).__name__}: {failure}"
        else:
            return ""
    return error


def _farewell(now_s: float, reason: Reason, detail: str, decided_s: float | None) -> list[Event]:
    alarms: list[Event] = [Alarm(now_s, detail)] if reason == "invalidated" else []
    return [*alarms, Ended(now_s, reason, detail, decided_s)]
