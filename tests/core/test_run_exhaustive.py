"""One run for every call to the world, failing before and after its effect; whichever it is, the world is put back.

Not at random: enumerating every call found all planted mistakes where random points of failure let three of ten live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from concluded import concluded
from simulated_world import Calls, Failure, Memory, Plain, SimWorld
from simulated_world.injector import SimInjector

from harness.planning.disturbance import Disturbance
from harness.planning.plan import Plan
from harness.problems import HarnessError
from harness.record import history
from harness.record.history import Ended, Event, History, Injecting, Reverted
from harness.running import loop
from harness.running.loop import Progress
from harness.running.ports import ProxyWedgedError

MakePlan = Callable[..., Plan]

FAULTS = [
    {"kind": "latency", "on": {"kind": "provider"}, "base": "20ms", "at": "fault + 100ms"},
    {"kind": "regional_loss", "region": "east"},
    {"kind": "cache_divergence", "region": "west", "publish_after": "200ms", "at": "fault + 100ms", "for": "700ms"},
]
REASONS = {
    KeyboardInterrupt: "interrupted",
    ProxyWedgedError: "invalidated",
    HarnessError: "crashed",
    OSError: "crashed",
    RuntimeError: "crashed",
    MemoryError: "crashed",
    SystemExit: "crashed",
    GeneratorExit: "crashed",
}


Shape = tuple[str, frozenset[type[Event]]]


class FullDisk(Memory):
    """A record that cannot be written at write *fail_at* (from 1), or from then on; each line is encoded as on disk."""

    def __init__(self, fail_at: int | None = None, *, for_good: bool = False) -> None:
        super().__init__()
        self._fail_at, self._for_good = fail_at, for_good
        self.writes = 0
        self.lines = b""

    def write(self, event: Event) -> None:
        self.writes += 1
        if self._fail_at and (self.writes == self._fail_at or (self._for_good and self.writes > self._fail_at)):
            raise OSError(28, "No space left on device")
        self.lines += history.encode(event)
        super().write(event)


@pytest.fixture
def small(make_plan: MakePlan) -> Plan:
    """A run of two seconds with three faults that overlap: short, so that it can be had once for each of its calls."""
    return make_plan(
        faults=FAULTS, phases=(0.1, 0.2, 0.9, 0.3), load={"rate_per_s": 10, "deadline": "1s"}, good={"within": "1s"}
    )


def run(plan: Plan, calls: Calls, record: Memory, world: list[SimWorld] | None = None) -> History:
    sim = SimWorld(plan, Plain, 1, calls=calls)
    if world is not None:
        world.append(sim)

    def shown(_: Progress) -> None:
        with calls.one("shown"):
            pass

    try:
        return loop.run(plan, sim.world, record, shown)
    finally:
        assert sim.injector.in_force == {}
        assert sim.network.laid == []
        assert sim.clients.ended


def failing(plan: Plan, error: type[BaseException]) -> Iterator[tuple[str, Calls]]:
    """One `Calls` for every call of a sound run of *plan*: failing before its effect, and failing after it."""
    sound = Calls()
    run(plan, sound, Memory())
    for number, name in enumerate(sound.names, start=1):
        if name == "interruptions.held" and error is not KeyboardInterrupt:
            continue  # to hold signals back cannot fail; a signal can come just before
        for when in ("before", "after"):
            yield f"{when} {name}, call {number}", Calls(Failure(number, when, error("trouble")))


def changes_nothing(calls: Calls) -> bool:
    """Whether the failure came when the run had done all it had to do, or where it is only shown to somebody."""
    failure = calls.failures[0]
    if calls.names[failure.number - 1] == "shown" and isinstance(failure.error, Exception | SystemExit):
        return True
    return "interruptions.held" in calls.names[: failure.number - (failure.when == "before")]


def test_a_sound_run_makes_every_kind_of_call(small: Plan) -> None:
    calls = Calls()
    assert run(small, calls, Memory())[-1].reason == "completed"
    assert set(calls.names) == {
        "clock.now", "clock.sleep_until", "injector.ask", "injector.inject", "injector.inject.effect", "injector.look",
        "injector.looked", "injector.revert", "injector.revert.effect", "interruptions.held", "load.ended",
        "load.start", "load.stop", "shown", "subject.publish", "watch.check",
    }  # fmt: skip


@pytest.fixture(scope="module")
def verdicts() -> dict[Shape, str]:
    """What was judged already: many points of failure leave the same kinds of events behind, and one of each is enough."""
    return {}


@pytest.mark.parametrize("error", REASONS)
def test_whichever_call_fails_nothing_stays_injected_and_the_history_says_how_it_ended(
    small: Plan, error: type[BaseException], verdicts: dict[Shape, str]
) -> None:
    shapes = set()
    for what, calls in failing(small, error):
        record, worlds = FullDisk(), []
        events = run(small, calls, record, worlds)
        assert history.decode(record.lines) == events, what
        assert [type(event) for event in events].count(Ended) == 1, what
        reason = events[-1].reason
        assert reason == ("completed" if changes_nothing(calls) else REASONS[error]), what
        assert list(events) == sorted(events, key=lambda event: event.at_s), what
        assert put_back(events) == {event.fault for event in events if isinstance(event, Injecting)}, what
        if reason != "completed":
            shape = (reason, frozenset(type(event) for event in events))
            if shape not in verdicts:
                verdicts[shape] = concluded(worlds[0].evidence(events)).verdict
            assert verdicts[shape] == {"invalidated": "invalid"}.get(reason, reason), what
            shapes.add(shape)
    assert len(shapes) >= 4


def put_back(events: History) -> set[str]:
    """Faults whose end was acknowledged."""
    return {event.fault for event in events if isinstance(event, Reverted) and not event.error}


def test_a_line_that_cannot_be_written_ends_the_run_with_everything_put_back(small: Plan) -> None:
    for number in range(1, _lines(small) - 1):
        record = FullDisk(number)
        events = run(small, Calls(), record)
        assert history.decode(record.lines) == events
        assert events[-1].reason == "crashed"
        assert "No space left on device" in events[-1].detail


def test_a_disk_that_stays_full_leaves_nothing_injected_and_is_told(small: Plan) -> None:
    for number in range(1, _lines(small) + 1):
        record = FullDisk(number, for_good=True)
        with pytest.raises(OSError, match="No space left on device"):
            run(small, Calls(), record)
        assert history.decode(record.lines) == tuple(record.events)


def _lines(plan: Plan) -> int:
    record = FullDisk()
    run(plan, Calls(), record)
    return record.writes


def test_whatever_fails_while_the_world_is_put_back_nothing_stays_injected(small: Plan) -> None:
    sound = Calls()
    run(small, sound, Memory())
    # With all three faults in force, and their effects to be lifted one by one.
    first = max(i for i, name in enumerate(sound.names) if name == "injector.inject") + 5
    for second in range(first + 2, first + 24):
        for when in ("before", "after"):
            trouble = Failure(first, "before", HarnessError("trouble")), Failure(second, when, RuntimeError("more"))
            calls = Calls(*trouble)
            events = run(small, calls, Memory())
            assert calls.names[first] == "interruptions.held"
            assert events[-1] == Ended(events[-1].at_s, "crashed", "trouble", events[-1].decided_s)
            assert put_back(events) == {"latency-1", "regional_loss-2", "cache_divergence-3"}


def test_a_second_signal_does_not_spare_a_fault(small: Plan) -> None:
    """Ctrl-C with faults in force, and once more in the instant before signals are held back."""
    sound = Calls()
    run(small, sound, Memory())
    for number, name in enumerate(sound.names, start=1):
        if name == "interruptions.held":
            break
        signals = [Failure(number + after, "before", KeyboardInterrupt()) for after in (0, 1, 2)]
        calls = Calls(*signals)
        events = run(small, calls, Memory())
        assert calls.names[number : number + 2] == ["interruptions.held", "interruptions.held"]
        assert events[-1].reason == "interrupted"


def test_a_display_that_breaks_is_not_asked_again_and_the_run_goes_on(small: Plan) -> None:
    for error in (BrokenPipeError("nobody reads"), SystemExit(1), ValueError("I/O operation on closed file")):
        sound = Calls()
        run(small, sound, Memory())
        calls = Calls(Failure(sound.names.index("shown") + 1, "before", error))
        assert run(small, calls, Memory())[-1].reason == "completed"
        assert calls.names.count("shown") == 1
        assert calls.names.count("injector.inject") == calls.names.count("injector.revert") == 3


def test_a_signal_just_before_signals_are_held_back_finds_everything_put_back(small: Plan) -> None:
    """The run has crashed with faults in force, and Ctrl-C comes in the instant before the world is put back."""
    sound = Calls()
    run(small, sound, Memory())
    for number, name in enumerate(sound.names, start=1):
        if name == "interruptions.held":
            break
        if name == "shown":
            continue  # what breaks there ends nothing
        trouble = Failure(number, "before", HarnessError("trouble")), Failure(number + 1, "before", KeyboardInterrupt())
        calls = Calls(*trouble)
        events = run(small, calls, Memory())
        assert calls.names[number] == "interruptions.held"
        assert events[-1].reason == "interrupted"


class Stubborn(SimInjector):
    """Its first *times* tries to revert *fault* fail."""

    fault, times = "", 0

    def revert(self, disturbance: Disturbance) -> None:
        if disturbance.id == self.fault and self.times > 0:
            self.times -= 1
            raise HarnessError("the proxy says no")
        super().revert(disturbance)


@pytest.mark.parametrize(("times", "left"), [(1, set()), (3, set()), (4, {"regional_loss-2"})])
def test_a_revert_that_fails_is_tried_three_times_more_and_then_said(small: Plan, times: int, left: set[str]) -> None:
    sim = SimWorld(small, Plain, 1)
    sim.injector.__class__, sim.injector.fault, sim.injector.times = Stubborn, "regional_loss-2", times
    events = loop.run(small, sim.world, Memory())
    assert set(sim.injector.in_force) == left
    assert [event.error for event in events if isinstance(event, Reverted) and event.fault == "regional_loss-2"] == [
        "HarnessError: the proxy says no" if left else ""
    ]
    assert events[-1] == Ended(events[-1].at_s, "crashed", "the proxy says no", events[-1].decided_s)
    result = concluded(sim.evidence(events))
    assert result.verdict == "crashed"
