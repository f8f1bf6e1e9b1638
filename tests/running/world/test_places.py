"""The injector makes each effect true at its place, and a place of somebody else's is asked as the ones that are here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from harness.faults.base import LINK, Aim, Fault
from harness.faults.effects import (
    Curtail,
    Cut,
    Damage,
    EdgeRule,
    Effect,
    Fail,
    Killed,
    Limited,
    NameAnswer,
    Sight,
    TapMode,
    Toxic,
    Unplugged,
)
from harness.planning.disturbance import Disturbance
from harness.problems import HarnessError
from harness.reading.target import Link
from harness.registry import UnknownNameError
from harness.running.keeper.means import HttpUndo
from harness.running.keeper.undo import UndoLog, pending
from harness.running.world.faults import FaultInjector
from harness.running.world.places import Place, Reach, places


class Pause(Effect, frozen=True):
    """An effect of somebody else's: a container stands still."""

    place: ClassVar[str] = "engine"
    seconds: float = 1.0


class Blackout(Fault):
    kind: str = "blackout"

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return ()

    def summary(self) -> str:
        return "blackout"


class Carriers:
    """What carries faults, and is there."""

    proxy_gone = wire_gone = False

    @contextmanager
    def answering(self) -> Iterator[None]:
        yield


class Engine(Place):
    """A place that notes what it is asked, and what is promised on disk by then."""

    noted: ClassVar[list[tuple[Any, ...]]] = []
    undo_file: ClassVar[Path]

    def _note(self, *what: Any) -> None:
        self.noted.append((*what, [promise.id for promise in pending(self.undo_file)]))

    def undo(self, fault: str, effect: Effect) -> Sequence[HttpUndo]:
        return [HttpUndo("DELETE", f"http://127.0.0.1:9/links/{effect.aim}/faults/{fault}")]

    def inject(self, fault: str, effect: Effect) -> None:
        self._note("inject", fault, effect.aim)

    def revert(self, fault: str, effect: Effect) -> None:
        self._note("revert", fault, effect.aim)

    def ask(self, fault: str, effect: Effect) -> Sight:
        return Sight(effect.aim, answered=1, stands=effect.aim != "gone")

    def look(self, fault: str, effect: Effect, timeout_s: float) -> Sight:
        return Sight(effect.aim, "silent", timeout_s, stands=True)


class Proxies:
    """Toxiproxy, of which one proxy is not as the run made it."""

    def found(self, fault: str, link: str) -> tuple[bool, str]:
        return True, "somebody disabled its proxy" if link == "two" else ""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[type[Engine]]:
    places.add("engine", Engine)
    Engine.undo_file = tmp_path / "undo.jsonl"
    Engine.noted.clear()
    yield Engine
    del places._things["engine"]


@pytest.fixture
def injector(tmp_path: Path) -> Iterator[FaultInjector]:
    undo = UndoLog(tmp_path / "undo.jsonl")
    made = FaultInjector(Reach(cast("Any", Carriers()), cast("Any", Proxies()), None, {}, {}), undo)
    yield made
    made.close()
    undo.close()


def disturbance(*effects: Effect) -> Disturbance:
    return Disturbance(
        "blackout-1", Blackout(), tuple(Aim(LINK, effect.aim) for effect in effects), effects, 1.0, 2.0, ()
    )


def test_every_effect_there_is_has_its_place() -> None:
    effects = [
        TapMode("a", "reset"),
        NameAnswer("a", "no_such_name"),
        Toxic("a", "latency", "upstream", {}),
        Cut("a"),
        EdgeRule("a", Fail(500)),
        Curtail("a"),
        Damage("a", "flush"),
        Killed("a", "KILL"),
        Limited("a", 0.2),
        Unplugged("a"),
    ]
    assert {effect.place for effect in effects} == set(places)


def test_a_place_is_asked_in_order_and_in_the_opposite_one_to_revert_its_undo_on_disk_before(
    engine: type[Engine], injector: FaultInjector, tmp_path: Path
) -> None:
    twice = disturbance(Pause("one"), Pause("two"))
    injector.inject(twice)
    (promise,) = pending(tmp_path / "undo.jsonl")
    places_of = [request.url.removeprefix("http://127.0.0.1:9") for request in promise.undos]
    assert places_of == ["/links/one/faults/blackout-1", "/links/two/faults/blackout-1"]
    injector.revert(twice)
    there = ["blackout-1"]
    assert engine.noted == [
        ("inject", "blackout-1", "one", there),
        ("inject", "blackout-1", "two", there),
        ("revert", "blackout-1", "two", there),
        ("revert", "blackout-1", "one", there),
    ]
    assert pending(tmp_path / "undo.jsonl") == []


def test_what_was_tried_counts_as_in_force_until_it_was_reverted_whole(
    engine: type[Engine], injector: FaultInjector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(*_: object) -> None:
        raise HarnessError("no answer")

    twice = disturbance(Pause("one"), Pause("two"))
    for verb in ("inject", "revert"):
        with monkeypatch.context() as failing:
            failing.setattr(Engine, verb, no_answer)
            with pytest.raises(HarnessError, match="no answer"):
                getattr(injector, verb)(twice)
        assert injector.in_force == (twice,)
    injector.revert(twice)
    assert injector.in_force == ()


def test_a_look_sees_each_thing_that_is_aimed_at_once(engine: type[Engine], injector: FaultInjector) -> None:
    several = disturbance(Pause("one"), Pause("one", 2.0), Pause("two"))
    injector.look(several)
    while (looked := injector.looked(several)) is None:
        pass
    assert [(sight.link, sight.outcome, sight.stands) for sight in looked] == [
        ("one", "silent", True),
        ("two", "silent", True),
    ]
    assert [sight.amiss for sight in looked] == ["", "somebody disabled its proxy"]
    assert injector.looked(several) is None


def test_a_place_that_is_asked_says_what_is_there_and_what_is_gone(
    engine: type[Engine], injector: FaultInjector
) -> None:
    said = injector.ask(disturbance(Pause("one"), Pause("gone")))
    assert [(sight.link, sight.answered, sight.stands) for sight in said] == [("one", 1, True), ("gone", 1, False)]


def test_an_effect_of_a_place_that_is_not_there_is_refused_before_anything_is_tried(
    engine: type[Engine], injector: FaultInjector, tmp_path: Path
) -> None:
    class Lost(Effect, frozen=True):
        place: ClassVar[str] = "engin"

    with pytest.raises(UnknownNameError, match="did you mean 'engine'"):
        injector.inject(disturbance(Pause("one"), Lost("two")))
    assert engine.noted == []
