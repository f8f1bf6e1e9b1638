"""The one loop: carries out a plan in a world and writes down what happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from harness.planning.plan import Disturbance, Plan, Step
from harness.problems import HarnessError
from harness.record.history import (
    Alarm,
    Begun,
    Confirmed,
    Ended,
    Event,
    History,
    Injected,
    Injecting,
    Published,
    Reason,
    Reverted,
    Reverting,
)
from harness.running.ports import ProxyWedgedError, Record, World

_TICK_S = 0.1
_LOOKS_MAX = 20
_TRIES = 3


@dataclass(slots=True)
class Progress:
    """Where a run stands; what a person watching it is shown."""

    now_s: float = 0.0
    active: dict[str, Disturbance] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    looks: dict[str, int] = field(default_factory=dict)


class _Log:
    """The history so far, in memory and on the record."""

    def __init__(self, record: Record) -> None:
        self.events: list[Event] = []
        self._record = record

    def write(self, event: Event) -> None:
        self._record.write(event)
        self.events.append(event)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def run(
    plan: Plan,
    world: World,
    record: Record,
    shown: Callable[[Progress], None] = lambda _: None,
    unforeseen: Callable[[Exception], str] = _named,
) -> History:
    """Carry out *plan* and return what happened, however it ended; every fault is gone when this returns.

    *shown* is called about ten times a second; *unforeseen* says what is to be told of a defect that ended the run. Raises OSError only
    when the history cannot be written, after the world was put back.
    """
    log, progress = _Log(record), Progress()
    with ExitStack() as signals:
        try:
            ended = _carry_out(plan, world, log, progress, shown, unforeseen)
            signals.enter_context(world.interruptions.held())
        except KeyboardInterrupt:
            # Also one that came when the run had ended some other way, before it could be held back. There is no second.
            ended = ("interrupted", "")
            signals.enter_context(world.interruptions.held())
        # First everything is put back, then it is written down: a full disk must not spare a fault.
        events = _put_back(world, log, progress)
        for event in [*events, *_farewell(_now(world, log), *ended)]:
            log.write(event)
    return tuple(log.events)


def _carry_out(
    plan: Plan,
    world: World,
    log: _Log,
    progress: Progress,
    shown: Callable[[Progress], None],
    unforeseen: Callable[[Exception], str],
) -> tuple[Reason, str]:
    """Why the run ended, with what there is to say about it."""
    try:
        world.load.start()
        for step in plan.steps:
            _wait(step.at_s, world, log, progress, shown)
            _take(step, world, log, progress)
        _wait(plan.ends_s, world, log, progress, shown, until=world.load.ended)
    except ProxyWedgedError as error:
        return "invalidated", str(error)
    except (HarnessError, OSError) as error:
        return "crashed", str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the world is put back and the history says so
        return "crashed", unforeseen(error)
    return "completed", ""


def _wait(
    at_s: float,
    world: World,
    log: _Log,
    progress: Progress,
    shown: Callable[[Progress], None],
    until: Callable[[], bool] = lambda: False,
) -> None:
    while (now_s := world.clock.now()) < at_s and not until():
        progress.now_s = now_s
        world.watch.check()
        _confirm(world, log, progress)
        shown(progress)
        world.clock.sleep_until(min(at_s, now_s + _TICK_S))


def _take(step: Step, world: World, log: _Log, progress: Progress) -> None:
    disturbance, clock = step.disturbance, world.clock
    match step.verb:
        case "inject":
            log.write(Injecting(clock.now(), disturbance.id))
            # It counts as active before it is tried: an attempt that fails half way has to be put back too.
            progress.active[disturbance.id] = disturbance
            world.injector.inject(disturbance)
            log.write(Injected(clock.now(), disturbance.id))
            world.injector.look(disturbance)
        case "publish":
            asked_s = clock.now()
            version = world.subject.publish()
            log.write(Published(clock.now(), asked_s, version))
        case "revert":
            _confirm(world, log, progress)
            if disturbance.id not in progress.confirmed:
                log.write(Confirmed(clock.now(), disturbance.id, held=False, how=_how(disturbance, held=False)))
            log.write(Reverting(clock.now(), disturbance.id))
            world.injector.revert(disturbance)
            log.write(Reverted(clock.now(), disturbance.id))
            # Only now: were its end not written down, it would be ended once more.
            del progress.active[disturbance.id]


def _confirm(world: World, log: _Log, progress: Progress) -> None:
    """Write down each fault that has been seen to hold; look again at those that have not."""
    for disturbance in progress.active.values():
        if disturbance.id in progress.confirmed:
            continue
        looked = world.injector.looked(disturbance)
        if looked is None:
            continue
        if disturbance.fault.took_hold(looked):
            progress.confirmed.add(disturbance.id)
            log.write(Confirmed(world.clock.now(), disturbance.id, held=True, how=_how(disturbance, held=True)))
        elif (looks := progress.looks.get(disturbance.id, 1)) < _LOOKS_MAX or not disturbance.fault.probes:
            progress.looks[disturbance.id] = looks + 1
            world.injector.look(disturbance)


def _how(disturbance: Disturbance, *, held: bool) -> str:
    means = "a probe through each link" if disturbance.fault.probes else "attempts that the edge answered"
    return f"seen by {means}" if held else f"not seen by {means}"


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
    except Exception:  # noqa: BLE001 - see above
        return max((event.at_s for event in log.events if not isinstance(event, Begun)), default=0.0)


def _insist(action: Callable[[], None]) -> str:
    """What kept *action* from succeeding in each of three tries; nothing when one did."""
    error = ""
    for _ in range(_TRIES):
        try:
            action()
        except Exception as failure:  # noqa: BLE001 - what else there is to put back still has to be
            error = f"{type(failure).__name__}: {failure}"
        else:
            return ""
    return error


def _farewell(now_s: float, reason: Reason, detail: str) -> list[Event]:
    alarms: list[Event] = [Alarm(now_s, detail)] if reason == "invalidated" else []
    return [*alarms, Ended(now_s, reason, detail)]
