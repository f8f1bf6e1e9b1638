"""The one loop: carries out a plan in a world and writes down what happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.history import Alarm, Confirmed, Ended, Event, History, Injected, Injecting, Published, Reverted, Reverting
from harness.plan import Disturbance, Plan, Step
from harness.ports import ProxyWedgedError, Record, World
from harness.problems import HarnessError

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


def run(plan: Plan, world: World, record: Record, shown: Callable[[Progress], None] = lambda _: None) -> History:
    """Carry out *plan* and return what happened, however it ended; every fault is gone when this returns.

    *shown* is called about ten times a second. Raises OSError only when the history cannot be written, after the world was put back.
    """
    log, progress = _Log(record), Progress()
    ended: tuple[str, str] = ("completed", "")
    try:
        world.load.start()
        for step in plan.steps:
            _wait(step.at_s, world, log, progress, shown)
            _take(step, world, log, progress)
        _wait(plan.ends_s, world, log, progress, shown, until=world.load.ended)
    except KeyboardInterrupt:
        ended = ("interrupted", "")
    except ProxyWedgedError as error:
        ended = ("invalidated", str(error))
    except (HarnessError, OSError) as error:
        ended = ("crashed", str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the world is put back and the history says so
        ended = ("crashed", f"{type(error).__name__}: {error}")
    with world.interruptions.held():
        # First everything is put back, then it is written down: a full disk must not spare a fault.
        events = _put_back(world, progress)
        world.load.stop()
        for event in [*events, *_farewell(world, *ended)]:
            log.write(event)
    return tuple(log.events)


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
            del progress.active[disturbance.id]
            log.write(Reverted(clock.now(), disturbance.id))


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


def _put_back(world: World, progress: Progress) -> list[Event]:
    """End every fault in force, last first: a later one may stand on an earlier one. Nothing raises; what fails is said."""
    events: list[Event] = []
    for disturbance in reversed(list(progress.active.values())):
        events.append(Reverting(world.clock.now(), disturbance.id))
        events.append(Reverted(world.clock.now(), disturbance.id, _revert(world, disturbance)))
    progress.active.clear()
    return events


def _revert(world: World, disturbance: Disturbance) -> str:
    error = ""
    for _ in range(_TRIES):
        try:
            world.injector.revert(disturbance)
        except Exception as failure:  # noqa: BLE001 - the others still have to be put back
            error = f"{type(failure).__name__}: {failure}"
        else:
            return ""
    return error


def _farewell(world: World, reason: str, detail: str) -> list[Event]:
    now_s = world.clock.now()
    match reason:
        case "completed":
            return [Ended(now_s, "completed")]
        case "invalidated":
            return [Alarm(now_s, detail), Ended(now_s, "invalidated", detail)]
        case "interrupted":
            return [Ended(now_s, "interrupted")]
        case _:
            return [Ended(now_s, "crashed", detail)]
