"""A connection to an entry is had by the first of its addresses that any way leads to, as every client has it."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from harness.running.load.connections import Connections

SIX, FOUR = (socket.AF_INET6, ("::1", 80)), (socket.AF_INET, ("127.0.0.1", 80))


class Addressed(Connections):
    """To a name that has *addresses*, each with what comes of going there."""

    def __init__(self, addresses: dict[Any, Any]) -> None:
        super().__init__("http://127.0.0.1:1")
        self._addresses, self._there, self.tried = list(addresses), addresses, list[Any]()

    def _connect_to(self, family: int, address: tuple[object, ...], deadline_s: float) -> Any:
        self.tried.append((family, address))
        came = self._there[family, address]
        if isinstance(came, OSError):
            raise came
        return came


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.ECONNREFUSED])
def test_an_address_to_which_no_way_leads_is_passed_over(number: int) -> None:
    connected = object()
    assert Addressed({SIX: OSError(number, "no"), FOUR: connected}).take(1.0) == (connected, False)


@pytest.mark.parametrize(("first", "second"), [(SIX, FOUR), (FOUR, SIX)])
def test_where_somebody_refused_that_is_what_is_told(first: Any, second: Any) -> None:
    came = {SIX: OSError(errno.ENETUNREACH, "no way"), FOUR: ConnectionRefusedError("refused")}
    with pytest.raises(ConnectionRefusedError):
        Addressed({first: came[first], second: came[second]}).take(1.0)


@pytest.mark.parametrize("came", [TimeoutError("late"), ConnectionResetError(errno.ECONNRESET, "reset")])
def test_who_was_reached_is_asked_once(came: OSError) -> None:
    one = Addressed({SIX: came, FOUR: object()})
    with pytest.raises(type(came)):
        one.take(1.0)
    assert one.tried == [SIX]


def test_a_certificate_is_looked_at_for_the_name_without_its_last_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = Connections(f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setattr(one, "_host", "api.example.")
        wrap = lambda sock, *, server_hostname: (asked.append(server_hostname), sock)[1]  # noqa: E731
        monkeypatch.setattr(one, "_tls", SimpleNamespace(wrap_socket=wrap))
        one.take(5.0)[0].close()
    assert asked == ["api.example"]
