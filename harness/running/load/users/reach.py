"""Whom the process of a locustfile's users connects to: the target, and who was allowed; other connections are refused and counted.

Python tells of each connection before it is made, by an audit hook, whichever library asks for it, and in the system's threads, too. What a
library written in C connects by itself, and datagrams, are not told of.
"""

from __future__ import annotations

import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent._hub_local import get_hub_if_exists

from harness.reading.hosts import address
from harness.record.instrument import InstrumentFile, Stray
from harness.running.load.users.outcomes import StrayError

_TELL_EVERY_S = 1.0
_REFUSED_AFTER_S = 0.005
"""As long as to be refused takes: who tries again at once would let nobody else of this process go on."""
_PORTS = {"http": 80, "https": 443}
_OTLP = ("http://localhost:4317", "http://localhost:4318")
"""Where OpenTelemetry sends when no variable says where."""
Place = tuple[str, int | None]
"""A host, and its port; None: any."""


class Reach:
    """The *places* that may be connected to; of the others each connection is refused, and told in the file at *path*, where there is one.

    Host names that the process looks up are known by what was found for them. *now* tells the time on the clock of the run.
    """

    def __init__(self, places: Iterable[Place], path: str, now: Callable[[], float] = monotonic) -> None:
        self._places = set[Place]()
        self.allow(*places)
        self._file = InstrumentFile(Path(path)) if path else None
        self._now = now
        self._names: dict[str, set[str]] = {}
        self._untold = Counter[str]()
        self._told: set[str] = set()

    def allow(self, *places: Place) -> None:
        """Let these be connected to, too."""
        self._places |= {(_called(host), port) for host, port in places}

    def allows(self, host: str, port: int | None) -> bool:
        """Whether *port* of *host* may be connected to, by its name or by one that was found to have this address."""
        names = {_called(host), *self._names.get(host, ())}
        return any((name, of) in self._places for name in names for of in {port, None})

    def found(self, name: str, at: Iterable[str]) -> None:
        """*name* is *at* these addresses."""
        for one in at:
            self._names.setdefault(one, set()).add(_called(name))

    def refuse(self, host: str, port: int | None) -> StrayError:
        """Count a connection that is not made, and return what to raise in its place."""
        name = min(self._names.get(host, ()), default=host)
        where = name if port is None else f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        self._untold[where] += 1
        if where not in self._told:
            self._told.add(where)
            self.tell()
        return StrayError(where)

    def tell(self) -> None:
        """Write down what was refused since the last time."""
        while self._file is not None and self._untold:
            where, many = self._untold.popitem()
            self._file.add(Stray(self._now(), where, many))

    def go_on(self) -> None:
        """Tell it once a second, for ever."""
        while True:
            gevent.sleep(_TELL_EVERY_S)
            self.tell()


def keep(reach: Reach) -> None:
    """Have all connections of this process go where *reach* allows it, from now on and for good."""
    resolver: Any = type(gevent.get_hub().resolver)
    resolver.getaddrinfo = _looked_up(resolver.getaddrinfo, reach)
    sys.addaudithook(_audit(reach))


def telemetry(environment: Mapping[str, str]) -> list[Place]:
    """Where OpenTelemetry sends, by its variables in the *environment* or without."""
    return places([*_OTLP, *(text for name, text in environment.items() if name.startswith("OTEL_") and "://" in text)])


def places(urls: Iterable[str], named: Iterable[str] = ()) -> list[Place]:
    """Those of the *urls*, and those *named* as ``host`` or ``host:port``."""
    parts = [urlsplit(url) for url in urls]
    found: list[Place] = [(one.hostname or "", one.port or _PORTS.get(one.scheme)) for one in parts]
    return found + [(one.host.strip("[]"), int(one.port) if one.port else None) for one in map(address, named)]


def _looked_up(look_up: Callable[..., Any], reach: Reach) -> Callable[..., Any]:
    """*look_up* of names, which tells what was found; one that nobody knows and nobody allowed would have been asked for."""

    def looked_up(self: Any, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "localhost")
        try:
            found = look_up(self, host, port, *args, **kwargs)
        except OSError:
            number = int(port) if str(port).isdigit() else None
            if reach.allows(name, number):
                raise
            raise reach.refuse(name, number) from None
        reach.found(name, (str(one[4][0]) for one in found))
        return found

    return looked_up


def _audit(reach: Reach) -> Callable[[str, tuple[Any, ...]], None]:
    """What hears of each connection; what it raises comes out of the call that wanted it."""

    def hears(event: str, args: tuple[Any, ...]) -> None:
        if event != "socket.connect" or not isinstance(args[1], tuple):  # a path is one of this machine's
            return
        who, to = args
        host, port = str(to[0]), int(to[1])
        if who.type != socket.SOCK_STREAM or reach.allows(host, port):
            return
        refused = reach.refuse(host, port)
        hub = get_hub_if_exists()
        if hub is not None and gevent.getcurrent() is not hub:
            gevent.sleep(_REFUSED_AFTER_S)
        raise refused

    return hears


def _called(host: str) -> str:
    """*host* as it is compared: this machine's loopback has several names."""
    return "localhost" if host in ("localhost", "::1", "127.0.0.1") else host.lower()
