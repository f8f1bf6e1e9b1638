"""What a fault does to who asks, what a look at it shows, and that it is gone when it is taken back: the same in both worlds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
from real_runs import Machine
from simulated_world.events import Events
from simulated_world.network import Network, NotCarriedError
from written_faults import written_fault

from contract.worlds import FAULTS, NOT_SIMULATED, Contract, Simulated, planned, real, stands, took_hold
from harness.faults import Fault, faults
from harness.faults.base import PROCESS, Aim
from harness.planning.disturbance import Disturbance
from harness.reading.target import Link

PROVIDERS, STORES = ("east", "east-2", "west"), ("store-east", "store-west")
SEEN = {
    "latency-1": ("late", "read"),
    "rate_limit-2": ("limited", "read"),
    "http_error-3": ("failed", "read"),
    "regional_loss-4": ("silent", "silent"),
    "regional_loss-5": ("broken off", "broken off"),
    "regional_loss-6": ("broken off", "broken off"),
    "cache_divergence-7": ("complete", "read"),
    "latency-8": ("complete", "late"),
    "latency-9": ("late", "read"),
    "blackhole-10": ("silent", "read"),
    "disconnect-11": ("broken off", "read"),
    "capacity-12": ("late", "read"),
    "regional_loss-13": ("late", "late"),
    "hang_up-14": ("broken off", "read"),
    "bad_lookup-15": ("broken off", "read"),
    "bad_lookup-16": ("silent", "read"),
    "slow_lookup-17": ("late", "read"),
}
"""What who asks the eastern provider sees, and who reads the eastern store, while each fault is in force."""
OF_THE_TARGET = {"switch"}
"""What the target is told by the run itself, and no link: an injector has nothing to do for it."""


@pytest.fixture(scope="module")
def real_links(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Iterator[Contract]:
    with machine(1), real(tmp_path_factory.mktemp("real")) as links:
        yield links


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.whole_run)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Contract:
    """A world in which nothing is broken."""
    if request.param == "real":
        return request.getfixturevalue("real_links")
    return Simulated(planned(tmp_path, {link: 7000 + n for n, link in enumerate((*PROVIDERS, *STORES, "copy"))}))


@pytest.fixture(params=list(FAULTS))
def fault(request: pytest.FixtureRequest, world: Contract) -> Disturbance:
    return next(disturbance for disturbance in world.plan.disturbances if disturbance.id == request.param)


def asked(world: Contract) -> dict[str, str]:
    """What is seen on every link."""
    looks: dict[str, Callable[[], str]] = {link: lambda link=link: world.ask(link).what for link in PROVIDERS}
    looks |= {link: partial(world.read, link) for link in STORES}
    looks["copy"] = lambda: "held back" if world.held_back("copy") else "read"
    return dict(zip(looks, world.side_by_side(*looks.values()), strict=True))


UNBROKEN = dict.fromkeys(PROVIDERS, "complete") | dict.fromkeys((*STORES, "copy"), "read")


def test_every_kind_of_fault_is_held_against_both_worlds() -> None:
    alone = {fault["kind"] for fault in NOT_SIMULATED}
    assert {fault["kind"] for fault in FAULTS.values()} | alone | OF_THE_TARGET == set(faults)
    modes = get_args(faults["regional_loss"].model_fields["mode"].annotation)
    tried = {fault["mode"] for fault in FAULTS.values() if fault["kind"] == "regional_loss"}
    assert tried == set(modes)


@pytest.mark.parametrize("document", NOT_SIMULATED, ids=lambda document: str(document["kind"]))
def test_what_the_simulated_world_does_not_carry_it_refuses(document: dict[str, Any]) -> None:
    made: Fault = written_fault(document)
    network = Network(Events(), random.Random(1), 1)
    links = {"east": Link(kind="provider", upstream="http://127.0.0.1:9")}
    effects = made.effects_at((Aim(PROCESS, "target"),), links)
    assert effects
    for effect in effects:
        with pytest.raises(NotCarriedError, match="run it in the real one"):
            network.lay("fault", effect)
    assert network.laid == []


def test_before_anything_is_injected_all_is_well_and_a_look_shows_nothing(world: Contract, fault: Disturbance) -> None:
    assert asked(world) == UNBROKEN
    assert not took_hold(world, fault)


def test_a_fault_is_seen_by_who_asks_and_by_who_looks_and_is_gone_when_it_is_taken_back(
    world: Contract, fault: Disturbance
) -> None:
    provider, store = SEEN[fault.id]
    broken = UNBROKEN | {"east": provider, "store-east": store}
    if "east-2" in fault.links:
        broken["east-2"] = provider
    if "copy" in fault.links and "late" not in (provider, store):
        broken["copy"] = "held back"
    world.injector.inject(fault)
    try:
        if fault.fault.kind == "rate_limit":
            world.ask("east")  # what the limit allows
        seen, held, there = asked(world), took_hold(world, fault), stands(world, fault)
    finally:
        world.injector.revert(fault)
    assert seen == broken
    assert held
    assert there == {True}
    world.injector.revert(fault)  # one that is not in force is no error
    assert asked(world) == UNBROKEN
    assert not took_hold(world, fault) or not fault.fault.probes


def test_a_limited_client_is_told_how_long_to_wait(world: Contract) -> None:
    limit = next(disturbance for disturbance in world.plan.disturbances if disturbance.id == "rate_limit-2")
    world.injector.inject(limit)
    try:
        world.ask("east")
        told = world.ask("east")
    finally:
        world.injector.revert(limit)
    assert told.what == "limited"
    assert told.retry_after_s is not None
    assert 0 < told.retry_after_s <= 10


def test_what_befalls_one_provider_of_a_region_leaves_the_other_alone(world: Contract) -> None:
    error = next(disturbance for disturbance in world.plan.disturbances if disturbance.id == "http_error-3")
    world.injector.inject(error)
    try:
        seen = world.ask("east").what, world.ask("east-2").what
    finally:
        world.injector.revert(error)
    assert seen == ("failed", "complete")
