"""A real container that is broken in each way and put back, by the run that did it and by what stands on the disk; `stack.py` calls it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from harness.faults.effects import Effect, KilledContainer, LimitedContainer, PausedContainer, Unplugged
from harness.reading.target import Container
from harness.running.keeper.means import read
from harness.running.world.places import Reach
from harness.running.world.places.container import ContainerPlace

NAME, NETWORK = "harness-broken", "harness-broken"
FILES = {
    "cpu": ["cpu.cfs_quota_us"],
    "memory": ["memory.limit_in_bytes"],
    "": ["cpu.max", "memory.max"],
}
"""Where limits stand, by controller of version 1; all of them in one place in version 2."""
EFFECTS: dict[str, Effect] = {
    "kill": KilledContainer(NAME, "KILL"),
    "kill, back at once": KilledContainer(NAME, "TERM", "at_once"),
    "pause": PausedContainer(NAME),
    "less processors": LimitedContainer(NAME, 0.2),
    "less memory": LimitedContainer(NAME, None, 64 * 2**20),
    "unplug": Unplugged(NAME),
}


def each_way(image: str, environment: Mapping[str, str]) -> list[str]:
    """What was not as it should be; prints a line for each way."""
    wrong = []
    with running(image, environment):
        for way, effect in EFFECTS.items():
            for who in ("the run", "the disk"):
                amiss = tried(effect, environment, by_run=who == "the run")
                print(f"broken    {way}, put back by {who}: {amiss or 'as it was'}", flush=True)
                wrong += [f"{way}, {who}: {amiss}"] if amiss else []
        amiss = out_of_memory(environment)
        print(f"broken    for want of memory, put back by the run: {amiss or 'as it was'}", flush=True)
    return wrong + ([f"for want of memory: {amiss}"] if amiss else [])


def out_of_memory(environment: Mapping[str, str]) -> str:
    """What is not as it should be of a container that asks for more memory than it may have; empty where all is."""
    effect = LimitedContainer(NAME, None, 64 * 2**20)
    with placed(environment) as place:
        before = state(environment)
        place.inject("0", effect)
        asks_for_more = ["docker", "kill", "--signal", "USR1", NAME]
        subprocess.run(asks_for_more, env=environment, check=True, stdout=subprocess.DEVNULL)
        late_s = time.monotonic() + 30
        while state(environment)[0] == "running" and time.monotonic() < late_s:
            time.sleep(0.1)
        sight = place.ask("0", effect)
        ended = state(environment)[0]
        place.revert("0", effect)
        after = state(environment)
    if ended == "running" or not sight.stands or sight.amiss:
        return f"it was {ended}, and was seen so: {sight}"
    return "" if after == before else f"{before} became {after}"


def tried(effect: Effect, environment: Mapping[str, str], *, by_run: bool) -> str:
    """What is not as it should be of one container that is broken and put back; empty where all is."""
    with placed(environment) as place:
        return _tried(place, effect, environment, by_run=by_run)


@contextmanager
def placed(environment: Mapping[str, str]) -> Iterator[ContainerPlace]:
    """The place at which a fault of the container bites."""
    nobody = cast("Any", None)
    found = {NAME: Container(name=NAME)}
    reach = Reach(nobody, nobody, None, {}, {}, containers=found, engine=environment.get("DOCKER_HOST", ""))
    with reach.at_end:
        yield ContainerPlace(reach)


def _tried(place: ContainerPlace, effect: Effect, environment: Mapping[str, str], *, by_run: bool) -> str:
    before = state(environment)
    undos = [read(undo.written()) for undo in place.undo("0", effect)]
    if why := place.misfit(effect):
        return why
    place.inject("0", effect)
    sight = place.ask("0", effect)
    back_at_once = isinstance(effect, KilledContainer) and effect.back == "at_once"
    if not sight.stands and not back_at_once:
        return f"it did not take hold: {sight}"
    if isinstance(effect, LimitedContainer) and state(environment) == before:
        return "the kernel does not hold it to less"
    if by_run or back_at_once:
        place.revert("0", effect)
    for undo in undos:
        gone, why = undo.carry_out(10.0)
        if not gone:
            return f"{undo}: {why}"
    after = state(environment)
    return "" if after == before else f"{before} became {after}"


def state(environment: Mapping[str, str]) -> tuple[str, list[str], list[str], list[str]]:
    """Whether it runs, on which networks under which names, and what the kernel lets it have."""
    asked = ["docker", "inspect", NAME]
    told = json.loads(subprocess.run(asked, env=environment, capture_output=True, check=True, text=True).stdout)[0]
    networks = told["NetworkSettings"]["Networks"]
    names = {alias for one in networks.values() for alias in one["Aliases"] or () if not told["Id"].startswith(alias)}
    return told["State"]["Status"], sorted(networks), sorted(names), sorted(held_to(told["State"]["Pid"]))


def held_to(pid: int) -> Iterator[str]:
    """What the control groups of process *pid* say of processors and memory; nothing of one that has ended."""
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text() if pid else ""
    except OSError:  # it ended since the engine was asked
        groups = ""
    for line in groups.splitlines():
        _, controllers, group = line.split(":", 2)
        for controller in controllers.split(","):
            for file in FILES.get(controller, ()):
                path = Path("/sys/fs/cgroup", controller, group.lstrip("/"), file)
                if path.exists():
                    said = path.read_text().split()[0]
                    # What no machine has is no limit, whichever number says so.
                    yield f"{file} {'none' if said in ('max', '-1') or int(said) >= 2**60 else said}"


@contextmanager
def running(image: str, environment: Mapping[str, str]) -> Iterator[None]:
    """A container that does nothing until it is told to end."""

    def docker(*words: str, check: bool = True) -> None:
        subprocess.run(
            ["docker", *words], env=environment, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    waits = (
        "import signal; signal.signal(signal.SIGTERM, lambda *_: exit()); signal.signal(signal.SIGUSR1, lambda *_: bytearray(2**28))\n"
        "while True: signal.pause()"
    )
    docker("network", "create", NETWORK)
    try:
        docker(
            *(
                "run",
                "--detach",
                "--name",
                NAME,
                "--network",
                NETWORK,
                "--network-alias",
                "shop",
                "--stop-timeout",
                "1",
            ),
            *("--entrypoint", "python", image, "-ISc", waits),
        )
        yield
    finally:
        docker("rm", "--force", NAME, check=False)
        docker("network", "rm", NETWORK, check=False)
