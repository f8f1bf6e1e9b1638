"""The containers of the target that run already on this machine's engine: where one is ended, paused or taken off its networks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from harness.faults.effects import Effect, KilledContainer, PausedContainer, Sight, Unplugged
from harness.problems import HarnessError
from harness.running.keeper.means import EngineUndo, Undo
from harness.running.world.places.base import Place, Reach
from harness.running.world.places.process import ENDED_WITHIN_S, Restart

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container as Found

SOCKET = "unix:///var/run/docker.sock"
_TIMEOUT_S = 10.0
_COMPOSE = "com.docker.compose"
_HOST_ALONE = ("host", "none", "container")
"""Ways of being on a network that cannot be left."""


class ContainerPlace(Place):
    """Makes `KilledContainer`, `PausedContainer` and `Unplugged` true by the engine, and puts each back as it was."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(reach)
        self._where = reach.engine or SOCKET
        self._lock = Lock()
        self._engine: DockerClient | None = None
        self._ids: dict[str, str] = {}
        self._networks: dict[str, dict[str, dict[str, object]]] = {}
        """The networks that each container was on before it was taken off them, by id, with what it was there."""
        self._begun: dict[tuple[str, str], str] = {}
        """When each container that a fault ended had been started."""
        self._restarts: dict[tuple[str, str], Restart] = {}

    def misfit(self, effect: Effect) -> str:
        found = self._found(effect.aim)
        if found.status != "running":
            return f"container {effect.aim} ({found.name}) is {found.status}; have it run"
        if isinstance(effect, KilledContainer) and found.attrs["HostConfig"].get("AutoRemove"):
            return f"container {effect.aim} ({found.name}) is removed when it ends (--rm), so nobody could start it again; run it without"
        if isinstance(effect, Unplugged) and not self._plugs(found):
            how = found.attrs["HostConfig"]["NetworkMode"]
            return f"container {effect.aim} ({found.name}) is on no network that it could leave (network mode {how})"
        return ""

    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        found = self._found(effect.aim)
        socket = self._where.removeprefix("unix://")
        if not isinstance(effect, Unplugged):
            return [EngineUndo(socket, f"/containers/{found.id}/{_verb(effect)}")]
        return [
            EngineUndo(
                socket, f"/networks/{network}/connect", json.dumps({"Container": found.id, "EndpointConfig": plug})
            )
            for network, plug in self._plugs(found).items()
        ]

    def inject(self, fault: str, effect: Effect) -> None:
        found, at = self._found(effect.aim), (fault, effect.aim)
        with self._asked():
            match effect:
                case KilledContainer(signal=signal, back=back):
                    self._begun[at] = _started_at(found)
                    found.kill(f"SIG{signal}")
                    if back == "at_once":
                        self._restarts[at] = Restart(lambda: self._start_again(at, ENDED_WITHIN_S))
                case PausedContainer():
                    found.pause()
                case Unplugged():
                    self._networks[effect.aim] = self._plugs(found)
                    for network in self._networks[effect.aim]:
                        self._the_engine.networks.get(network).disconnect(found, force=True)

    def revert(self, fault: str, effect: Effect) -> None:
        if isinstance(effect, KilledContainer):
            at = fault, effect.aim
            if at in self._restarts:
                self._restarts.pop(at).finish()
            elif at in self._begun:
                self._start_again(at, 0.0)
            self._begun.pop(at, None)
            return
        for undo in self.undo(fault, effect) if isinstance(effect, PausedContainer) else self._plugging(effect.aim):
            gone, why = undo.carry_out(_TIMEOUT_S)
            if not gone:
                raise HarnessError(f"{undo}: {why}")
        self._networks.pop(effect.aim, None)

    def ask(self, fault: str, effect: Effect) -> Sight:
        found = self._found(effect.aim)
        match effect:
            case KilledContainer(back=back):
                begun = self._begun.get((fault, effect.aim))
                again = begun is not None and _started_at(found) != begun
                if again and back == "at_end":
                    return Sight(effect.aim, answered=0, stands=False, amiss="somebody else has started it again")
                there = begun is not None and (again or found.status != "running")
                # One that was asked to end may take its time.
                return Sight(effect.aim, answered=int(there), stands=there or None)
            case PausedContainer():
                there, else_ = found.status == "paused", "somebody else has continued it"
            case _:
                there, else_ = not self._plugs(found), "somebody else has put it on a network"
        return Sight(effect.aim, answered=int(there), stands=there, amiss="" if there else else_)

    def _start_again(self, at: tuple[str, str], ended_within_s: float) -> None:
        """Start what was ended, *at* that fault and container; one that was started again since is left as it is."""
        found = self._found(at[1])
        if found.status == "running" and _started_at(found) != self._begun[at]:
            return
        with self._asked():
            if ended_within_s and found.status == "running":
                found.stop(timeout=int(ended_within_s))
            elif found.status == "running":
                found.kill()
            found.start()

    def _plugging(self, name: str) -> Iterator[Undo]:
        """What puts a container back on the networks that it was taken off."""
        found = self._found(name)
        for network, plug in self._networks.get(name, {}).items():
            body = json.dumps({"Container": found.id, "EndpointConfig": plug})
            yield EngineUndo(self._where.removeprefix("unix://"), f"/networks/{network}/connect", body)

    def _plugs(self, found: Found) -> dict[str, dict[str, object]]:
        """The networks that it is on, by id, with what is to be said to put it back on each."""
        if str(found.attrs["HostConfig"]["NetworkMode"]).partition(":")[0] in _HOST_ALONE:
            return {}
        of = found.attrs["NetworkSettings"]["Networks"]
        return {
            str(one["NetworkID"]): {
                "Aliases": one.get("Aliases"),
                "Links": one.get("Links"),
                "IPAMConfig": one.get("IPAMConfig"),
            }
            for one in of.values()
            if one.get("NetworkID")
        }

    def _found(self, name: str) -> Found:
        """The container that the target calls *name*, as it is now. Raises HarnessError where there is none, or more than one."""
        with self._asked():
            if name not in self._ids:
                self._ids[name] = self._looked_up(name)
            return self._the_engine.containers.get(self._ids[name])

    def _looked_up(self, name: str) -> str:
        said = self._reach.containers[name]
        if said.name is not None:
            one = self._the_engine.containers.get(said.name)
            if one.name != said.name:  # the engine takes the beginning of an id, too
                raise HarnessError(f"container {name} ({said}): none is called that")
            return str(one.id)
        labels = [said.label] if said.label else [f"{_COMPOSE}.service={said.service}", f"{_COMPOSE}.oneoff=False"]
        labels += [f"{_COMPOSE}.project={said.project}"] if said.project else []
        found = self._the_engine.containers.list(filters={"label": labels})
        if len(found) == 1:
            return str(found[0].id)
        names = ", ".join(sorted(str(one.name) for one in found))
        raise HarnessError(
            f"container {name} ({said}): " + (f"there are several: {names}" if found else "none is running")
        )

    @property
    def _the_engine(self) -> DockerClient:
        with self._lock:
            if self._engine is None:
                if not self._where.startswith("unix://"):
                    raise HarnessError(
                        f"the engine at {self._where} (DOCKER_HOST) is not this machine's; nothing is broken elsewhere"
                    )
                if not Path(self._where.removeprefix("unix://")).exists():
                    raise HarnessError(
                        f"no engine of containers listens at {self._where}; start it, or say in DOCKER_HOST where it is"
                    )
                import docker  # takes a fifth of a second, and only who breaks containers waits for it

                self._engine = docker.DockerClient(base_url=self._where, timeout=_TIMEOUT_S)
                self._reach.at_end.callback(self._engine.close)
            return self._engine

    @contextmanager
    def _asked(self) -> Iterator[None]:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            yield
        except (DockerException, RequestException) as error:
            raise HarnessError(f"the engine of containers at {self._where}: {error}") from error


def _verb(effect: Effect) -> str:
    """What puts it right again, whatever it was doing when nobody was there any more."""
    if isinstance(effect, PausedContainer):
        return "unpause"
    # One that was asked to end may still run, and to start that would change nothing.
    return "start" if isinstance(effect, KilledContainer) and effect.signal == "KILL" else "restart?t=0"


def _started_at(found: Found) -> str:
    return str(found.attrs["State"]["StartedAt"])
