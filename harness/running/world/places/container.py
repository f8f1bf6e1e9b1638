"""The target's containers that run already on this machine's engine: where one is ended, paused, held to less or taken off its networks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from harness.faults.effects import Effect, KilledContainer, LimitedContainer, PausedContainer, Sight, Unplugged
from harness.problems import HarnessError
from harness.running.keeper.means import EngineUndo, Undo
from harness.running.world.engine import OF_COMPOSE, TIMEOUT_S, Engine
from harness.running.world.places import container_limits
from harness.running.world.places.base import Place, Reach
from harness.running.world.places.process import ENDED_WITHIN_S, Restart

if TYPE_CHECKING:
    from docker.models.containers import Container as Found

_HOST_ALONE = ("host", "none", "container")
"""Ways of being on a network that cannot be left."""


class ContainerPlace(Place):
    """Makes `KilledContainer`, `PausedContainer`, `LimitedContainer` and `Unplugged` true by the engine, and puts each back as it was."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(reach)
        self._engine = Engine(reach.engine, reach.at_end)
        self._ids: dict[str, str] = {}
        self._networks: dict[str, dict[str, dict[str, object]]] = {}
        """The networks that each container was on before it was taken off them, by id, with what it was there."""
        self._begun: dict[tuple[str, str], str] = {}
        """When each container that a fault ended had been started."""
        self._restarts: dict[tuple[str, str], Restart] = {}
        self._limited: dict[tuple[str, str], tuple[container_limits.Limits, list[Undo]]] = {}
        """What each fault said that a container may have, and what puts that back."""

    def misfit(self, effect: Effect) -> str:
        found = self._found(effect.aim)
        if found.status != "running":
            return f"container {effect.aim} ({found.name}) is {found.status}; have it run"
        may_end = isinstance(effect, KilledContainer) or (isinstance(effect, LimitedContainer) and effect.memory_bytes)
        if may_end and found.attrs["HostConfig"].get("AutoRemove"):
            return f"container {effect.aim} ({found.name}) is removed when it ends (--rm), so nobody could start it again; run it without"
        if isinstance(effect, LimitedContainer) and (why := container_limits.loose(found.attrs["HostConfig"], effect)):
            return f"container {effect.aim} ({found.name}) {why}"
        if isinstance(effect, Unplugged) and not self._plugs(found):
            how = found.attrs["HostConfig"]["NetworkMode"]
            return f"container {effect.aim} ({found.name}) is on no network that it could leave (network mode {how})"
        return ""

    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        found, socket = self._found(effect.aim), self._engine.socket
        if isinstance(effect, LimitedContainer):
            return self._unlimiting(found, effect)
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
        with self._engine.asked():
            match effect:
                case KilledContainer(signal=signal, back=back):
                    self._begun[at] = _started_at(found)
                    found.kill(f"SIG{signal}")
                    if back == "at_once":
                        self._restarts[at] = Restart(lambda: self._start_again(at, ENDED_WITHIN_S))
                case PausedContainer():
                    found.pause()
                case LimitedContainer():
                    said = container_limits.less(found.attrs["HostConfig"], effect)
                    self._limited[at] = said, self._unlimiting(found, effect)
                    self._carry_out(
                        [EngineUndo(self._engine.socket, f"/containers/{found.id}/update", json.dumps(said))]
                    )
                case Unplugged():
                    self._networks[effect.aim] = self._plugs(found)
                    for network in self._networks[effect.aim]:
                        self._engine.client.networks.get(network).disconnect(found, force=True)

    def revert(self, fault: str, effect: Effect) -> None:
        if isinstance(effect, KilledContainer):
            at = fault, effect.aim
            if at in self._restarts:
                self._restarts.pop(at).finish()
            elif at in self._begun:
                self._start_again(at, 0.0)
            self._begun.pop(at, None)
        elif isinstance(effect, LimitedContainer):
            self._carry_out(self._limited.get((fault, effect.aim), ({}, []))[1])
            self._limited.pop((fault, effect.aim), None)
        elif isinstance(effect, PausedContainer):
            self._carry_out(self.undo(fault, effect))
        else:
            self._carry_out(self._plugging(effect.aim))
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
            case LimitedContainer():
                there, else_ = (
                    self._is_limited(found, (fault, effect.aim), effect),
                    "somebody else has changed its limits",
                )
            case _:
                there, else_ = not self._plugs(found), "somebody else has put it on a network"
        return Sight(effect.aim, answered=int(there), stands=there, amiss="" if there else else_)

    def _unlimiting(self, found: Found, effect: LimitedContainer) -> list[Undo]:
        """What puts back what a container may have; one that ends for want of memory is started again, too."""
        at = f"/containers/{found.id}"
        said = json.dumps(container_limits.before(found.attrs["HostConfig"], effect))
        undos: list[Undo] = [EngineUndo(self._engine.socket, f"{at}/update", said)]
        return undos if effect.memory_bytes is None else [*undos, EngineUndo(self._engine.socket, f"{at}/start")]

    def _is_limited(self, found: Found, at: tuple[str, str], effect: LimitedContainer) -> bool:
        said = self._limited.get(at, ({}, []))[0]
        ended = found.status != "running" and effect.memory_bytes is not None
        return bool(said) and (ended or container_limits.stands(found.attrs["HostConfig"], said))

    def _carry_out(self, requests: Iterable[Undo]) -> None:
        """Raises HarnessError for one that the engine did not do."""
        for request in requests:
            done, why = request.carry_out(TIMEOUT_S)
            if not done:
                raise HarnessError(f"{request}: {why}")

    def _start_again(self, at: tuple[str, str], ended_within_s: float) -> None:
        """Start what was ended, *at* that fault and container; one that was started again since is left as it is."""
        found = self._found(at[1])
        if found.status == "running" and _started_at(found) != self._begun[at]:
            return
        with self._engine.asked():
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
            yield EngineUndo(self._engine.socket, f"/networks/{network}/connect", body)

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
        with self._engine.asked():
            if name not in self._ids:
                self._ids[name] = self._looked_up(name)
            return self._engine.client.containers.get(self._ids[name])

    def _looked_up(self, name: str) -> str:
        said = self._reach.containers[name]
        if said.name is not None:
            one = self._engine.client.containers.get(said.name)
            if one.name != said.name:  # the engine takes the beginning of an id, too
                raise HarnessError(f"container {name} ({said}): none is called that")
            return str(one.id)
        labels = [said.label] if said.label else [f"{OF_COMPOSE}.service={said.service}", f"{OF_COMPOSE}.oneoff=False"]
        labels += [f"{OF_COMPOSE}.project={said.project}"] if said.project else []
        found = self._engine.client.containers.list(filters={"label": labels})
        if len(found) == 1:
            return str(found[0].id)
        names = ", ".join(sorted(str(one.name) for one in found))
        raise HarnessError(
            f"container {name} ({said}): " + (f"there are several: {names}" if found else "none is running")
        )


def _verb(effect: Effect) -> str:
    """What puts it right again, whatever it was doing when nobody was there any more."""
    if isinstance(effect, PausedContainer):
        return "unpause"
    # One that was asked to end may still run, and to start that would change nothing.
    return "start" if isinstance(effect, KilledContainer) and effect.signal == "KILL" else "restart?t=0"


def _started_at(found: Found) -> str:
    return str(found.attrs["State"]["StartedAt"])
