"""Marks what clients of a locustfile's own send: by http.client, as requests and urllib3 do, or by httpx, as the SDKs of providers do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from http.client import HTTPConnection
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Protocol

_HTTPX = ("httpx", "httpx2")
"""The library, and its next generation, by the name of each."""
_PORTS = {"http": 80, "https": 443}


class Marks(Protocol):
    """The headers that a request to *port* of *host* gets, beside those whose names are *taken*."""

    def __call__(self, host: str, port: int, taken: Collection[str]) -> dict[str, str]: ...


def mark(marks: Marks) -> None:
    """Have every request that is sent in one of these ways get its *marks*, whenever the locustfile imports what sends it."""
    HTTPConnection.endheaders = _ended(HTTPConnection.endheaders, marks)  # type: ignore[method-assign]  # to look on
    for name in _HTTPX:
        if name in sys.modules:
            _mark_httpx(sys.modules[name], marks)
    sys.meta_path.insert(0, _Watch(lambda module: _mark_httpx(module, marks)))


def _ended(end: Callable[..., Any], marks: Marks) -> Callable[..., Any]:
    """*end* of a request's headers, before which its marks are put."""

    def ended(self: HTTPConnection, *args: Any, **kwargs: Any) -> Any:
        # What the connection keeps to send: the request's line, and a line a header.
        taken = [line.partition(b":")[0].decode("latin-1") for line in vars(self)["_buffer"][1:]]
        for name, text in marks(self.host, self.port, taken).items():
            self.putheader(name, text)
        return end(self, *args, **kwargs)

    return ended


def _mark_httpx(module: ModuleType, marks: Marks) -> None:
    """Have what is sent by any client of the *module* get its *marks*."""
    transport: Any = module.HTTPTransport
    send = transport.handle_request

    def sent(self: Any, request: Any) -> Any:
        url = request.url
        for name, text in marks(url.host, url.port or _PORTS.get(url.scheme, 0), list(request.headers)).items():
            request.headers[name] = text
        return send(self, request)

    transport.handle_request = sent


class _Watch(MetaPathFinder):
    """Sees one of the libraries being imported, and changes it when that is done."""

    def __init__(self, change: Callable[[ModuleType], None]) -> None:
        self._change, self._seen = change, set[str]()

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in _HTTPX or name in self._seen:
            return None
        self._seen.add(name)
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((one for one in found if one is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Changing(spec.loader, self._change)
        return spec


class _Changing(Loader):
    """Loads as *loader* does, and changes what it loaded."""

    def __init__(self, loader: Loader, change: Callable[[ModuleType], None]) -> None:
        self._loader, self._change = loader, change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._change(module)
