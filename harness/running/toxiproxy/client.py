"""The HTTP interface of a Toxiproxy server, typed: what is asked is checked first and read back afterwards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests
import toxiproxy
import toxiproxy.toxic

from harness.running.toxiproxy import version as versions
from harness.running.toxiproxy.attributes import check_address, check_name, check_toxic
from harness.running.toxiproxy.consumer import ServerConsumer
from harness.running.toxiproxy.errors import ToxiproxyError
from harness.running.toxiproxy.version import Version


@dataclass(frozen=True, slots=True)
class InstalledToxic:
    """A toxic as the server describes it."""

    name: str
    kind: str
    stream: str
    attributes: Mapping[str, int]
    toxicity: float


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy as the server describes it. *listen_port* is 0 before one with a chosen port first listens."""

    name: str
    listen_host: str
    listen_port: int
    upstream: str
    enabled: bool = True
    toxics: tuple[InstalledToxic, ...] = ()


class ToxiproxyApi:
    """The server at *url*; any number of them can be used in one process, and one by several threads.

    Every method raises ToxiproxyWedged when no answer comes within *timeout_s*, and ToxiproxyError when the server
    refuses, or does something other than what was asked. There is no reset: it would touch proxies that belong to
    others.
    """

    def __init__(self, url: str, *, timeout_s: float = 3.0) -> None:
        self._server = ServerConsumer(url, timeout_s)
        self._version: Version | None = None

    @property
    def url(self) -> str:
        return self._server.url

    def proxy_url(self, name: str) -> str:
        """Where the proxy *name* is addressed, whether it exists or not."""
        return self.url + _path(name)

    def toxic_url(self, proxy: str, name: str) -> str:
        """Where the toxic *name* of *proxy* is addressed, whether it exists or not."""
        return self.url + _path(proxy, "toxics", name)

    @property
    def proxies_url(self) -> str:
        """Where proxies are made."""
        return f"{self.url}/proxies"

    def version(self) -> Version:
        """What the server says it is, asked anew."""
        text = self._server.get("/version").text
        try:
            return versions.parse(text)
        except ValueError as error:
            raise ToxiproxyError(f"{self.url} does not answer as Toxiproxy does: {error}") from error

    def supported_version(self) -> Version:
        """What the server is, asked once. Raises ToxiproxyError when it is too old to be used."""
        if self._version is None:
            found = self.version()
            if not found.supported:
                raise ToxiproxyError(f"Toxiproxy {found} at {self.url} is too old; use 2.6.0 or later, best 2.12.0")
            self._version = found
        return self._version

    def create_proxy(self, name: str, upstream: str, listen: str = "127.0.0.1:0", enabled: bool = True) -> Proxy:
        """A new proxy from *listen* to *upstream*, both host:port; with port 0 of *listen* the server chooses one."""
        check_name(name)
        check_address(upstream)
        # Without a host the server would listen on all interfaces.
        check_address(listen, port_low=0)
        asked = {"name": name, "upstream": upstream, "listen": listen, "enabled": enabled}
        created = _proxy(self._server.post("/proxies", asked))
        _require(created, name=name, upstream=upstream, enabled=enabled)
        return created

    def delete_proxy(self, name: str) -> None:
        """Delete a proxy with its toxics; its connections are closed."""
        self._server.delete(_path(name))

    def enable(self, name: str) -> Proxy:
        """Listen again. The server answers 500 when somebody else has taken the port."""
        return self._changed(name, enabled=True)

    def disable(self, name: str) -> Proxy:
        """Listen no more, and close all connections."""
        return self._changed(name, enabled=False)

    def add_toxic(self, proxy: str, name: str, kind: str, stream: str, attributes: Mapping[str, int]) -> InstalledToxic:
        """Put a toxic on a proxy, where it acts on every connection: a share of them would be drawn by the server, by no seed of ours."""
        check_name(name)
        check_toxic(kind, stream, attributes)
        asked = {"name": name, "type": kind, "stream": stream, "toxicity": 1.0, "attributes": dict(attributes)}
        added = _toxic(self._server.post(_path(proxy, "toxics"), asked))
        _require_toxic(added, InstalledToxic(name, kind, stream, attributes, 1.0))
        return added

    def remove_toxic(self, proxy: str, name: str) -> None:
        """Take a toxic from a proxy. `Version.lets_go_of_streams` says when that is unsafe while streams are open."""
        self._server.delete(_path(proxy, "toxics", name))

    def proxy(self, name: str, *, timeout_s: float | None = None) -> Proxy:
        """The proxy as it is now, with its toxics."""
        return _proxy(self._server.get(_path(name), timeout_s=timeout_s))

    def proxies(self) -> dict[str, Proxy]:
        """All proxies of the server by name, also those of others. One that is wedged wedges this call."""
        return {name: _read_proxy(values) for name, values in _object(self._server.get("/proxies")).items()}

    def give_up(self, why: str) -> None:
        """Every further call fails at once with ToxiproxyWedged."""
        self._server.give_up(why)

    def close(self) -> None:
        """Close the connections to the server; what it does stays as it is."""
        self._server.close()

    def _changed(self, name: str, **wanted: str | bool) -> Proxy:
        changed = _proxy(self._patch(_path(name), dict(wanted)))
        _require(changed, **wanted)
        return changed

    def _patch(self, path: str, json: dict[str, Any]) -> requests.Response:
        self.supported_version()
        return self._server.patch(path, json)


def _path(*parts: str) -> str:
    return "/".join(("/proxies", *(quote(part, safe="") for part in parts)))


def _object(response: requests.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise ToxiproxyError(f"{response.url} does not answer as Toxiproxy does: {response.text[:80]!r}")
    return answer


def _proxy(response: requests.Response) -> Proxy:
    return _read_proxy(_object(response))


def _toxic(response: requests.Response) -> InstalledToxic:
    return _read_toxic(_object(response))


def _read_proxy(values: dict[str, Any]) -> Proxy:
    try:
        # The package's model holds an answer, but would call the process-wide server; so only its data is kept.
        model = toxiproxy.Proxy(**values)
        host, _, port = str(model.listen).rpartition(":")
        toxics = tuple(_read_toxic(toxic) for toxic in values.get("toxics") or ())
        return Proxy(str(model.name), host.strip("[]"), int(port), str(model.upstream), bool(model.enabled), toxics)
    except (KeyError, ValueError, TypeError) as error:
        raise ToxiproxyError(f"this is not how Toxiproxy describes a proxy: {values!r}") from error


def _read_toxic(values: dict[str, Any]) -> InstalledToxic:
    try:
        model = toxiproxy.toxic.Toxic(**values)
        attributes, toxicity = dict(model.attributes), float(model.toxicity)
        return InstalledToxic(str(model.name), str(model.type), str(model.stream), attributes, toxicity)
    except (KeyError, ValueError, TypeError) as error:
        raise ToxiproxyError(f"this is not how Toxiproxy describes a toxic: {values!r}") from error


def _require(found: Proxy, **wanted: str | bool) -> None:
    for field, value in wanted.items():
        has = getattr(found, field)
        if has != value:
            raise ToxiproxyError(f"proxy {found.name}: asked for {field} {value!r}, but the server has {has!r}")


def _require_toxic(found: InstalledToxic, wanted: InstalledToxic) -> None:
    # Toxicity is a 32-bit float in the server; attributes that were not named come back as 0.
    same = (found.name, found.kind, found.stream) == (wanted.name, wanted.kind, wanted.stream)
    close = math.isclose(found.toxicity, wanted.toxicity, rel_tol=1e-6, abs_tol=1e-9)
    if not same or not close or any(found.attributes.get(name) != value for name, value in wanted.attributes.items()):
        raise ToxiproxyError(f"asked for {wanted}, but the server has {found}")
