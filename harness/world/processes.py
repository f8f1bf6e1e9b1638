"""Starts the processes a target needs, each as soon as what it depends on is known, and tells when each one serves."""

from __future__ import annotations

import http.client
import re
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from harness.adapters.keeper.keeper import Child, Keeper, tail
from harness.adapters.toxiproxy.server import free_port
from harness.documents.fill import fill, placeholders, secrets
from harness.problems import HarnessError
from harness.target import Link, Service, SimulatedUpstream, Target

_SIMULATED_READY_S = 15.0


class Processes:
    """The processes of one run, by name; *values* grows as ports and addresses become known."""

    def __init__(
        self, keeper: Keeper, target: Target, seed: int, logs: Path, temp: Path, environment: Mapping[str, str]
    ) -> None:
        self._keeper, self._logs = keeper, logs
        # Everything is on this machine; a proxy of the person's would get in the way.
        self.environment = {**environment, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        self._services = dict(target.services) | ({"target": target.start} if target.start else {})
        self._simulated = {
            name: link for name, link in target.links.items() if isinstance(link.upstream, SimulatedUpstream)
        }
        self._links, self._seed = target.links, seed
        self._waiting: dict[str, tuple[Callable[[], bool], float]] = {}
        self._deadlines: dict[str, float] = {}
        self._expected_to_end: set[str] = set()
        self.ports = {name: free_port() for name in [*self._services, *self._simulated]}
        self.values = {"python": sys.executable, "seed": str(seed), "temp": str(temp)}
        self.values |= {f"{name}.port": str(self.ports[name]) for name in self._services}

    def spawn(
        self, name: str, argv: Iterable[str], env: Mapping[str, str] | None = None, *, may_end: bool = False
    ) -> None:
        """Start one process; its output goes to ``logs/<name>.log``. One that *may_end* is not missed when it has ended."""
        if may_end:
            self._expected_to_end.add(name)
        self._keeper.spawn(Child(name, tuple(argv), {**self.environment, **(env or {})}, self._logs / f"{name}.log"))

    def start_simulated(self) -> None:
        """Start the providers that the harness brings; they depend on nothing."""
        for name, link in self._simulated.items():
            assert isinstance(link.upstream, SimulatedUpstream)
            settings = link.upstream.simulated.model_dump()
            settings.pop("api")
            argv = [
                sys.executable,
                "-m",
                "harness.simulated",
                "--port",
                str(self.ports[name]),
                "--seed",
                str(self._seed),
            ]
            self.spawn(name, [*argv, "--region", link.region or "", "--config", msgspec.json.encode(settings).decode()])
            self._expect(name, partial(_answers, self.ports[name], "/healthz"), _SIMULATED_READY_S)

    @property
    def outside(self) -> dict[str, str]:
        """What can be filled in where the target is spoken to: ``{port}`` is its own process's."""
        return {**self.values, **({"port": str(self.ports["target"])} if "target" in self.ports else {})}

    def upstream(self, name: str) -> str:
        """Where the dependency behind link *name* really is."""
        if name in self._simulated:
            return f"http://127.0.0.1:{self.ports[name]}"
        upstream = self._links[name].upstream
        assert isinstance(upstream, str)
        return fill(upstream, self.values)

    def start_possible(self) -> None:
        """Start each service whose placeholders are all known and whose predecessors serve."""
        for name, service in self._services.items():
            if name in self._waiting or name in self._deadlines:
                continue
            predecessors_serve = all(other in self._deadlines and other not in self._waiting for other in service.after)
            if predecessors_serve and self._fillable(service):
                self._start(name, service)

    def serving(self) -> bool:
        """Whether every service was started and serves. Raises HarnessError for one that ended, or is late."""
        self.check()
        for name, (ready, deadline_s) in list(self._waiting.items()):
            if ready():
                del self._waiting[name]
            elif time.monotonic() > deadline_s:
                raise HarnessError(self._late(name))
        self.start_possible()
        return not self._waiting and all(name in self._deadlines for name in self._services)

    def check(self) -> None:
        """Raises HarnessError when a process has ended that should still be there."""
        for name, status in self._keeper.exited().items():
            if name not in self._expected_to_end or status != 0:
                raise HarnessError(f"process {self._keeper.how_it_ended(name)}")

    def stop(self, name: str, grace_s: float) -> None:
        """End one process that is no longer needed."""
        self._expected_to_end.add(name)
        if self._keeper.alive(name):
            self._keeper.stop(name, grace_s)

    def alive(self, name: str) -> bool:
        return self._keeper.alive(name)

    def ended_well(self, name: str) -> bool | None:
        """None while it runs; then whether its status was 0."""
        status = self._keeper.exited().get(name)
        return None if status is None else status == 0

    def _fillable(self, service: Service) -> bool:
        texts = [*service.command, *service.env.values()]
        known = {*self.values, "port"}
        return all(name in known for text in texts for name in placeholders(text)) and all(
            f"{name}.port" in known for name, link in self._links.items() if link.env
        )

    def _start(self, name: str, service: Service) -> None:
        values = {**self.values, "port": str(self.ports[name])}
        env: dict[str, str] = {}
        for link_name, link in self._links.items():
            env |= {key: fill(text, {**values, **_own(link_name, self.values)}) for key, text in link.env.items()}
        env |= {key: secrets(fill(text, values), self.environment) for key, text in service.env.items()}
        self.spawn(name, [secrets(fill(text, values), self.environment) for text in service.command], env)
        port, path = self.ports[name], service.ready.get
        self._expect(name, (lambda: _answers(port, path)) if path else (lambda: _accepts(port)), service.ready.within)

    def _expect(self, name: str, ready: Callable[[], bool], within_s: float) -> None:
        self._deadlines[name] = within_s
        self._waiting[name] = (ready, time.monotonic() + within_s)

    def _late(self, name: str) -> str:
        service = self._services.get(name)
        path = service.ready.get if service else "/healthz"
        tried = (
            f"GET http://127.0.0.1:{self.ports[name]}{path}"
            if path
            else f"a connection to 127.0.0.1:{self.ports[name]}"
        )
        log = tail(self._logs / f"{name}.log")
        return f"process {name!r} was not ready within {self._deadlines[name]:g} s; tried {tried}; the end of its log:\n{log or '(empty)'}"


def address(link: Link, host: str, port: int) -> dict[str, str]:
    """What ``{link.url}``, ``{link.host}`` and ``{link.port}`` stand for."""
    scheme = {"http": "http://", "redis": "redis://", "tcp": ""}[link.carries]
    return {"url": f"{scheme}{host}:{port}", "host": host, "port": str(port)}


def host_and_port(upstream: str) -> str:
    """``host:port`` of an upstream that is no HTTP one, as Toxiproxy wants it."""
    bare = re.sub(r"^[a-z]+://", "", upstream).split("/")[0]
    return bare if re.search(r":\d+$", bare) else f"{bare}:6379"


def serves(url: str) -> bool:
    """Whether anything accepts connections at *url*."""
    parts = urlsplit(url)
    return _accepts(parts.port or (443 if parts.scheme == "https" else 80), parts.hostname or "127.0.0.1")


def _own(link: str, values: Mapping[str, str]) -> dict[str, str]:
    return {part: values[f"{link}.{part}"] for part in ("url", "host", "port")}


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", path)
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _accepts(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False
