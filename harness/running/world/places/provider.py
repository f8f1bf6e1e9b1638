"""The simulated providers: where a provider has less capacity than it had, or takes longer over its answers."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from harness.faults.effects import Curtail, Effect, Sight
from harness.problems import HarnessError
from harness.running.keeper.means import HttpUndo, Undo
from harness.running.world.places.base import Place

_TIMEOUT_S = 5.0


class ProviderPlace(Place):
    """Makes `Curtail` true. What it takes shows in the chats that have to do without it, and nowhere else."""

    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        return [HttpUndo("DELETE", f"http://127.0.0.1:{self._port(effect)}{_path(fault)}")]

    def inject(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, Curtail)
        self._ask("PUT", effect, _path(fault), effect)

    def revert(self, fault: str, effect: Effect) -> None:
        try:
            self._ask("DELETE", effect, _path(fault))
        except ConnectionRefusedError:
            return  # It has gone, and took along what it was told.

    def ask(self, fault: str, effect: Effect) -> Sight:
        felt = self._ask("GET", effect, _FAULTS)
        gone = "" if fault in felt else "the provider was told to have it no more"
        return Sight(effect.aim, answered=felt.get(fault, 0), stands=fault in felt, amiss=gone)

    def _port(self, effect: Effect) -> int:
        return self._reach.provider_ports[effect.aim]

    def _ask(self, method: str, effect: Effect, path: str, told: Effect | None = None) -> Mapping[str, int]:
        """How many chats have felt each fault that the provider has in force. Raises HarnessError, or ConnectionRefusedError."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port(effect), timeout=_TIMEOUT_S)
        what = f"{method} {path} of the provider behind {effect.aim}"
        try:
            connection.request(method, path, msgspec.json.encode(told) if told else None)
            answer = connection.getresponse()
            said = answer.read()
        except ConnectionRefusedError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise HarnessError(f"{what}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise HarnessError(f"{what} was answered {answer.status}: {said[:200]!r}")
        return msgspec.json.decode(said, type=_Felt).faults


class _Felt(msgspec.Struct):
    faults: dict[str, int]


_FAULTS = "/.harness/faults"


def _path(fault: str) -> str:
    return f"{_FAULTS}/{quote(fault, safe='')}"
