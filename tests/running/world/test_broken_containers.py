"""What is done to containers by their engine, and how each is found and put back; `tests/containers/stack.py` does it to real ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from running.world.broken_engine import NETWORK, Box, Engine, serving
from waiting import eventually

from harness.faults.effects import Back, Effect, KilledContainer, LimitedContainer, PausedContainer, Unplugged
from harness.problems import HarnessError
from harness.reading.target import Container
from harness.running.keeper.means import EngineUndo, read
from harness.running.world.places import Reach
from harness.running.world.places.container import ContainerPlace
from harness.running.world.places.container_limits import UNBOUNDED_BYTES, UNBOUNDED_WITH_SWAP_BYTES

COMPOSE = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "api",
    "com.docker.compose.oneoff": "False",
}
LIMITED = LimitedContainer("cache", 0.2, 200_000_000)
KILLED, PAUSED, UNPLUGGED = KilledContainer("cache", "KILL"), PausedContainer("cache"), Unplugged("cache")
WAYS = {
    "cache": Container(name="shop-cache-1"),
    "api": Container(service="api"),
    "one": Container(label="app=one"),
    "many": Container(label="app"),
    "gone": Container(name="gone"),
    "stranger": Container(name=Box("shop-api-1").id[:4]),
    "none": Container(service="api", project="other"),
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    boxes = Box("shop-cache-1", {"app": "cache"}), Box("shop-api-1", {**COMPOSE, "app": "one"})
    with serving(Engine(tmp_path / "socket", *boxes)) as made:
        yield made


@pytest.fixture
def place(engine: Engine) -> Iterator[ContainerPlace]:
    reach = reaching(f"unix://{engine.path}")
    with reach.at_end:
        yield ContainerPlace(reach)


def reaching(where: str) -> Reach:
    return Reach(cast("Any", None), cast("Any", None), None, {}, {}, containers=WAYS, engine=where)


def cache(engine: Engine) -> Box:
    return engine.boxes["shop-cache-1"]


@pytest.mark.parametrize("effect", [KILLED, PAUSED, UNPLUGGED], ids=lambda effect: type(effect).__name__)
def test_a_container_is_broken_seen_to_be_and_put_back_as_it_was(
    engine: Engine, place: ContainerPlace, effect: Effect
) -> None:
    before = dict(cache(engine).networks)
    assert place.misfit(effect) == ""
    place.inject("0", effect)
    assert cache(engine).status != "running" or not cache(engine).networks
    sight = place.ask("0", effect)
    assert (sight.answered, sight.stands, sight.amiss) == (1, True, "")
    place.revert("0", effect)
    assert (cache(engine).status, cache(engine).networks) == ("running", before)
    place.revert("0", effect)  # once more does no harm
    assert (cache(engine).status, cache(engine).networks) == ("running", before)


@pytest.mark.parametrize("effect", [KILLED, PAUSED, UNPLUGGED], ids=lambda effect: type(effect).__name__)
def test_what_is_on_disk_puts_it_back_when_nobody_else_can(
    engine: Engine, place: ContainerPlace, effect: Effect
) -> None:
    before = dict(cache(engine).networks)
    undos = [read(undo.written()) for undo in place.undo("0", effect)]
    assert undos == list(place.undo("0", effect))
    place.inject("0", effect)
    for undo in (*undos, *undos):
        assert undo.refusal() == ""
        assert undo.carry_out(5.0)[0], undo
    assert (cache(engine).status, cache(engine).networks) == ("running", before)


@pytest.mark.parametrize(
    ("effect", "meddle"),
    [
        (PAUSED, lambda box: setattr(box, "status", "running")),
        (KILLED, lambda box: (setattr(box, "status", "running"), setattr(box, "starts", 7))),
        (UNPLUGGED, lambda box: box.networks.update(other={"NetworkID": NETWORK})),
    ],
)
def test_one_that_somebody_else_puts_back_is_told_of(
    engine: Engine, place: ContainerPlace, effect: Effect, meddle: Callable[[Box], None]
) -> None:
    place.inject("0", effect)
    meddle(cache(engine))
    sight = place.ask("0", effect)
    assert sight.stands is False
    assert "somebody else" in sight.amiss


def test_one_comes_back_at_once_where_that_is_asked(engine: Engine, place: ContainerPlace) -> None:
    back: Back = "at_once"
    effect = KilledContainer("cache", "TERM", back)
    place.inject("0", effect)
    eventually(lambda: cache(engine).starts == 2)
    assert place.ask("0", effect).stands
    place.revert("0", effect)
    assert (cache(engine).status, cache(engine).starts) == ("running", 2)


def test_one_that_does_not_end_when_asked_is_killed_at_the_end_of_the_fault(
    engine: Engine, place: ContainerPlace
) -> None:
    cache(engine).deaf = True
    effect = KilledContainer("cache", "TERM")
    place.inject("0", effect)
    assert place.ask("0", effect).stands is None  # it may still end
    place.revert("0", effect)
    assert (cache(engine).status, cache(engine).starts) == ("running", 2)


@pytest.mark.parametrize(("name", "found"), [("cache", "shop-cache-1"), ("api", "shop-api-1"), ("one", "shop-api-1")])
def test_a_container_is_found_by_its_name_its_label_or_its_service(
    engine: Engine, place: ContainerPlace, name: str, found: str
) -> None:
    place.inject("0", PausedContainer(name))
    assert {box.name for box in engine.boxes.values() if box.status == "paused"} == {found}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gone", "No such container"),
        ("stranger", "none is called that"),
        ("many", "there are several: shop-api-1, shop-cache-1"),
        ("none", "container none (service api of project other): none is running"),
    ],
)
def test_one_that_is_not_there_or_not_alone_is_told_before_the_load(place: ContainerPlace, name: str, why: str) -> None:
    with pytest.raises(HarnessError) as told:
        place.misfit(PausedContainer(name))
    assert why in str(told.value)


def test_one_that_does_not_run_or_has_no_network_of_its_own_is_told_before_the_load(
    engine: Engine, place: ContainerPlace
) -> None:
    cache(engine).mode = "host"
    assert "no network that it could leave (network mode host)" in place.misfit(UNPLUGGED)
    cache(engine).status = "exited"
    assert "is exited; have it run" in place.misfit(KILLED)


def test_an_engine_that_is_not_there_or_not_here_is_told(engine: Engine, tmp_path: Path) -> None:
    for where, why in (
        ("tcp://10.0.0.1:2375", "is not this machine's"),
        (f"unix://{tmp_path}/none", "no engine of containers listens at unix://"),
    ):
        with pytest.raises(HarnessError, match=why):
            ContainerPlace(reaching(where)).misfit(PAUSED)


@pytest.mark.parametrize(
    "written",
    [
        {"path": "/containers/x/start"},
        {"path": f"/containers/{'a' * 64}/kill"},
        {"path": f"/containers/{'a' * 64}/start", "body": "{}"},
        {"path": f"/networks/{'a' * 64}/connect"},
        {"path": f"/networks/{'a' * 64}/connect", "body": '{"Container": "x", "EndpointConfig": {}}'},
        {"path": f"/containers/{'a' * 64}/start", "socket": "10.0.0.1:2375"},
        {"path": f"/containers/{'a' * 64}/../{'b' * 64}/start"},
        {"path": f"/containers/{'a' * 64}/update"},
        {"path": f"/containers/{'a' * 64}/update", "body": "{}"},
        {"path": f"/containers/{'a' * 64}/update", "body": '{"Memory": true}'},
        {"path": f"/containers/{'a' * 64}/update", "body": '{"RestartPolicy": {"Name": "always"}}'},
    ],
)
def test_an_undo_that_the_harness_never_writes_is_refused(written: dict[str, str]) -> None:
    undo = read({"kind": "engine", "socket": "/var/run/docker.sock", **written})
    assert isinstance(undo, EngineUndo)
    assert undo.refusal()
    assert undo.carry_out(1.0) == (False, undo.refusal())


def test_an_undo_of_an_engine_that_is_gone_is_kept_for_later(tmp_path: Path) -> None:
    gone, why = EngineUndo(str(tmp_path / "none"), f"/containers/{'a' * 64}/start").carry_out(1.0)
    assert not gone
    assert "harness heal" in why


def test_a_container_that_has_gone_needs_no_undo(engine: Engine) -> None:
    assert EngineUndo(str(engine.path), f"/containers/{'a' * 64}/start").carry_out(5.0)[0]


def test_one_that_somebody_else_started_again_is_not_ended_once_more(engine: Engine, place: ContainerPlace) -> None:
    place.inject("0", KILLED)
    cache(engine).status, cache(engine).starts = "running", 7
    place.revert("0", KILLED)
    assert (cache(engine).status, cache(engine).starts) == ("running", 7)


def test_one_that_is_removed_when_it_ends_is_refused_before_the_load(engine: Engine, place: ContainerPlace) -> None:
    cache(engine).removed_at_end = True
    assert "nobody could start it again" in place.misfit(KILLED)
    assert place.misfit(PAUSED) == ""


def test_one_that_was_asked_to_end_and_has_not_is_put_back_by_what_is_on_disk_too(
    engine: Engine, place: ContainerPlace
) -> None:
    cache(engine).deaf = True
    effect = KilledContainer("cache", "TERM")
    (undo,) = place.undo("0", effect)
    place.inject("0", effect)
    assert read(undo.written()).carry_out(5.0)[0]
    assert (cache(engine).status, cache(engine).starts, cache(engine).deaf) == ("running", 2, False)


WITHOUT = {"Memory": UNBOUNDED_BYTES, "MemorySwap": UNBOUNDED_WITH_SWAP_BYTES}
NONE_BEFORE = {"CpuPeriod": 100_000, "CpuQuota": -1, **WITHOUT}


@pytest.mark.parametrize(
    ("before", "said", "after"),
    [
        ({}, {"CpuPeriod": 100_000, "CpuQuota": 20_000}, NONE_BEFORE),
        ({"NanoCpus": 500_000_000}, {"NanoCpus": 200_000_000}, {"NanoCpus": 500_000_000}),
        ({"CpuPeriod": 50_000, "CpuQuota": 25_000}, {"CpuQuota": 10_000}, {"CpuPeriod": 50_000, "CpuQuota": 25_000}),
        ({"Memory": 10**9, "MemorySwap": 2 * 10**9}, {"Memory": 2 * 10**8}, {"Memory": 10**9, "MemorySwap": 2 * 10**9}),
        ({"Memory": 10**9, "MemorySwap": -1}, {"Memory": 2 * 10**8}, {**WITHOUT, "Memory": 10**9}),
    ],
)
@pytest.mark.parametrize("by_run", [True, False])
def test_a_container_is_held_to_less_seen_to_be_and_has_what_it_had_again(
    engine: Engine,
    place: ContainerPlace,
    before: dict[str, int],
    said: dict[str, int],
    after: dict[str, int],
    by_run: bool,
) -> None:
    box = cache(engine)
    box.limits = dict(before)
    assert place.misfit(LIMITED) == ""
    undos = [read(undo.written()) for undo in place.undo("0", LIMITED)]
    place.inject("0", LIMITED)
    assert {**box.limits, **said} == box.limits
    sight = place.ask("0", LIMITED)
    assert (sight.answered, sight.stands, sight.amiss) == (1, True, "")
    if by_run:
        place.revert("0", LIMITED)
    else:
        assert [undo.carry_out(5.0)[0] for undo in undos] == [True, True]
    assert {**box.limits, **after} == box.limits
    assert (box.status, box.starts) == ("running", 1)
    place.revert("0", LIMITED)  # once more does no harm


def test_a_container_that_ends_for_want_of_memory_was_broken_as_asked_and_is_started_again(
    engine: Engine, place: ContainerPlace
) -> None:
    place.inject("0", LIMITED)
    cache(engine).status = "exited"
    sight = place.ask("0", LIMITED)
    assert (sight.answered, sight.stands, sight.amiss) == (1, True, "")
    place.revert("0", LIMITED)
    assert (cache(engine).status, cache(engine).starts) == ("running", 2)


def test_limits_that_somebody_else_changed_are_told_of(engine: Engine, place: ContainerPlace) -> None:
    place.inject("0", LIMITED)
    cache(engine).limits["CpuQuota"] = -1
    sight = place.ask("0", LIMITED)
    assert (sight.answered, sight.stands) == (0, False)
    assert "somebody else has changed its limits" in sight.amiss


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"NanoCpus": 200_000_000}, "has 0.2 processors at most already; say less than that"),
        ({"CpuQuota": 5_000}, "has 0.05 processors at most already"),
        ({"NanoCpus": 0, "CpuQuota": 0}, f"has {os.cpu_count()} processors at most already"),
        ({"Memory": 100_000_000}, "has 100 MB of memory at most already"),
        ({"MemoryReservation": 300_000_000}, "has 300 MB of memory reserved"),
    ],
)
def test_a_limit_that_would_hold_nothing_back_is_refused_before_the_load(
    engine: Engine, place: ContainerPlace, limits: dict[str, int], why: str
) -> None:
    cache(engine).limits = limits
    wanted = msgspec.structs.replace(LIMITED, cpu=64.0) if "NanoCpus" in limits and not limits["NanoCpus"] else LIMITED
    assert why in place.misfit(wanted)


def test_one_that_is_removed_when_it_ends_is_not_held_to_less_memory(engine: Engine, place: ContainerPlace) -> None:
    cache(engine).removed_at_end = True
    assert "nobody could start it again" in place.misfit(LIMITED)
    assert place.misfit(LimitedContainer("cache", 0.2)) == ""
