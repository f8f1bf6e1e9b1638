"""Starts the processes a target needs, each as soon as what it depends on is known, and tells when each one serves."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from harness.problems import HarnessError
from harness.reading import hosts
from harness.reading.placeholders import told_secrets
from harness.reading.proxies import no_proxy
from harness.reading.target import Link, Ready, Service, Simulated, SimulatedUpstream, Target
from harness.reading.templates import fill, placeholders, secrets
from harness.running.free_port import free_port
from harness.running.keeper.keeper import Child, Keeper, tail
from harness.running.ports import ServiceEndedError
from harness.running.world.interruptions import Interruptions
from harness.running.world.kept import Kept
from harness.running.world.listening import elsewhere, listeners
from harness.running.world.readiness import NotReadyError, Readiness
from harness.running.world.stillness import Stillness

_SIMULATED_READY = Ready.model_validate({"get": "/healthz", "within": "15s"})
_LOOK_AGAIN_S = 0.02
_LEARNT_WITHIN_S = 0.5
_REDIS_PORT = 6379
_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
"""Where the SDK of each API looks for its key."""


class Processes:
    """The processes of one run, by name; *values* grows as ports and addresses become known."""

    def __init__(
        self,
        keeper: Keeper,
        target: Target,
        seed: int,
        logs: Path,
        temp: Path,
        environment: Mapping[str, str],
        signals: Interruptions,
        kept: Kept | None = None,
    ) -> None:
        self._kept = kept
        self._keeper, self._logs, self._signals = keeper, logs, signals
        self.environment = {
            **environment,
            **_no_proxy(environment, [link.dns.name for link in target.links.values() if link.dns]),
        }
        self.secrets: Mapping[str, str] = told_secrets(target, environment)
        """By name: what must be told nowhere."""
        self._services = target.processes
        self._simulated = {
            name: link for name, link in target.links.items() if isinstance(link.upstream, SimulatedUpstream)
        }
        self._links, self._seed = target.links, seed
        self._started: set[str] = set()
        self._waiting: dict[str, tuple[Readiness, float]] = {}
        self._may_end: set[str] = set()
        self._may_die: set[str] = set()
        self._stopped: set[str] = set()
        self._felled: set[str] = set()
        self.pids: dict[str, int] = {}
        self._stillness = Stillness(self.pids)
        self.ports = {name: kept.port(name) if kept else free_port() for name in self._services}
        self.ports |= {name: free_port() for name in self._simulated}
        self.values = {"python": sys.executable, "seed": str(seed), "temp": str(kept.temp if kept else temp)}
        self.values |= {f"{name}.port": str(self.ports[name]) for name in self._services}
        self.values |= {f"{name}.port": str(free_port()) for name, one in target.composed.items() if one.port}

    @property
    def resolver(self) -> int | None:
        """The port at which processes that stay were told to look up names; None: any will do."""
        return self._kept.resolver if self._kept else None

    def spawn(
        self,
        name: str,
        argv: Iterable[str],
        env: Mapping[str, str] | None = None,
        *,
        may_end: bool = False,
        may_die: bool = False,
        cwd: str | None = None,
    ) -> None:
        """Start one process; its output goes to ``logs/<name>.log``. One that *may_end* is not missed when it has ended.

        Who starts one that *may_die* looks itself whether it has, and how (`died`).
        """
        if may_die:
            self._may_die.add(name)
        if may_end:
            self._may_end.add(name)
        log, where = self._logs / f"{name}.log", Path(cwd) if cwd else None
        child = Child(name, tuple(argv), {**self.environment, **(env or {})}, log, where)
        self.pids[name] = self._keeper_of(name).spawn(child)

    def _keeper_of(self, name: str) -> Keeper | Kept:
        """Who starts and watches the process: what is to stay between runs has a keeper that does, too."""
        return self._kept if self._kept and name in self._services else self._keeper

    def start_simulated(self) -> None:
        """Start the providers that the harness brings; they depend on nothing."""
        for name, link in self._simulated.items():
            assert isinstance(link.upstream, SimulatedUpstream)
            settings = provider_settings(link.upstream.simulated)
            argv = [
                sys.executable,
                "-P",  # a types.py where the harness was started must not stand in for the library's
                "-m",
                "harness.simulated_provider",
                "--port",
                str(self.ports[name]),
                "--seed",
                str(self._seed),
            ]
            self.spawn(name, [*argv, "--region", link.region or "", "--config", settings])
            self._expect(name, _SIMULATED_READY)

    @property
    def provider_ports(self) -> dict[str, int]:
        """Where the simulated provider behind each link listens."""
        return {name: self.ports[name] for name in self._simulated}

    @property
    def store_addresses(self) -> dict[str, tuple[str, int]]:
        """Where the Redis store behind each link really is."""
        redis = [name for name, link in self._links.items() if link.carries == "redis"]
        where = {name: host_and_port(self.upstream(name)).rpartition(":") for name in redis}
        return {name: (host, int(port)) for name, (host, _, port) in where.items()}

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
            predecessors_serve = self._started.issuperset(service.after) and self._waiting.keys().isdisjoint(
                service.after
            )
            if name not in self._started and predecessors_serve and self._fillable(service):
                self._start(name, service)

    def serving(self) -> bool:
        """Whether every service was started and serves. Raises HarnessError for one that ended, NotReadyError for one that is late."""
        self.check_starting()
        for name, (looked_at, late_s) in list(self._waiting.items()):
            if looked_at.serves():
                del self._waiting[name]
            elif time.monotonic() > late_s:
                raise self._late(name, looked_at)
        self.start_possible()
        return not self._waiting and self._started.issuperset(self._services)

    def check(self) -> None:
        """Raises HarnessError when a process has ended that should still be there, ServiceEndedError for one of the target's.

        Everything that waits asks this, so here is where it hears that somebody asked it to stop.
        """
        self._signals.heed()
        # Before it is asked who has ended: one may be started again by a thread meanwhile.
        excused = self._stopped | self._felled | self._may_die
        ended = self._keeper.exited() | (self._kept.exited() if self._kept else {})
        for name, status in ended.items():
            if name not in excused and (name not in self._may_end or status != 0):
                kind = ServiceEndedError if name in self._services else HarnessError
                raise kind(f"process {self._keeper_of(name).how_it_ended(name)}")

    def check_starting(self) -> None:
        """As `check`, and raises HarnessError also for one that somebody stopped: who waits for it would wait in vain."""
        self.check()
        self._stillness.check()

    @property
    def took_back_after_s(self) -> float | None:
        """After how long a silence of the harness its keeper took the faults back; None: it did not."""
        return self._keeper.took_back_after_s

    def check_soon(self) -> None:
        """As `check`, for a process that no longer answers: the news that it ended may take a moment."""
        late_s = time.monotonic() + _LEARNT_WITHIN_S
        while time.monotonic() < late_s:
            self.check()
            time.sleep(_LOOK_AGAIN_S)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """A call to one of them that fails since it died is told as its death, with the end of its log."""
        try:
            yield
        except HarnessError:
            self.check_soon()
            raise

    def stop(self, name: str, grace_s: float) -> None:
        """End one process that is no longer needed."""
        self._stopped.add(name)
        if self.alive(name):
            self._keeper_of(name).stop(name, grace_s)

    def send(self, name: str, signum: int) -> None:
        """Send *signum* to process *name* and all that it started. Raises HarnessError where the keeper is gone."""
        self._keeper_of(name).send(name, signum)

    def fell(self, name: str, signum: int) -> None:
        """End process *name*, and all that it started, by *signum*; until it is started again nobody misses it."""
        self._felled.add(name)
        self.send(name, signum)

    def limit(self, name: str, cpu: float) -> None:
        """Hold process *name* and all that it started to *cpu* processors, or (0) no longer.

        Raises HarnessError where the keeper is gone.
        """
        self._keeper_of(name).limit(name, cpu)

    def excuse(self, name: str) -> None:
        """Nobody misses process *name* of the target, should it end, until `miss` says otherwise, or it is started again."""
        self._felled.add(name)

    def miss(self, name: str) -> None:
        """Process *name*, which was excused and still runs, is missed again if it ends."""
        self._felled.discard(name)

    def start_again(self, name: str, ended_within_s: float) -> None:
        """Start process *name* of the target again as it was, once it was felled or has ended excused.

        One that has not ended in time is killed first. It does not wait until it serves. Raises HarnessError where it cannot be
        started.
        """
        late_s = time.monotonic() + ended_within_s
        while self.alive(name) and time.monotonic() < late_s:
            time.sleep(_LOOK_AGAIN_S)
        self._keeper_of(name).stop(name, 0.0)
        if self._kept:
            self._kept.forget(name)
        self._run(name, self._services[name])
        self._felled.discard(name)

    def died(self, name: str) -> str:
        """How process *name* ended, which nobody had stopped and which did not end well; empty where that is not so."""
        status = self._keeper.exited().get(name)
        return "" if not status or name in self._stopped else self._keeper.how_it_ended(name)

    def ending(self, name: str) -> str:
        """How process *name* ended, in a few words."""
        return self._keeper.ending(name)

    def alive(self, name: str) -> bool:
        return self._keeper_of(name).alive(name)

    def _fillable(self, service: Service) -> bool:
        texts = [*service.command, *service.env.values()]
        known = {*self.values, "port"}
        return all(name in known for text in texts for name in placeholders(text)) and all(
            f"{name}.port" in known for name, link in self._links.items() if link.env
        )

    def _start(self, name: str, service: Service) -> None:
        self._run(name, service)
        self._expect(name, service.ready)

    def _run(self, name: str, service: Service) -> None:
        values = {**self.values, "port": str(self.ports[name])}
        env = self.default_key()
        for link_name, link in self._links.items():
            env |= {key: fill(text, {**values, **_own(link_name, self.values)}) for key, text in link.env.items()}
        env |= {key: secrets(fill(text, values), self.environment) for key, text in service.env.items()}
        self.spawn(
            name, [secrets(fill(text, values), self.environment) for text in service.command], env, cwd=service.cwd
        )

    def default_key(self) -> dict[str, str]:
        """A key where a simulated provider asks for none, and nobody has set one: SDKs do not start without."""
        needed = {
            _KEYS[link.upstream.simulated.api]
            for link in self._simulated.values()
            if not isinstance(link.upstream, str)
        }
        return dict.fromkeys(sorted(needed - set(self.environment)), "simulated-providers-ask-for-no-key")

    def _expect(self, name: str, ready: Ready) -> None:
        self._started.add(name)
        looked_at = Readiness(f"http://127.0.0.1:{self.ports[name]}", ready)
        self._waiting[name] = (looked_at, time.monotonic() + ready.within)

    def _late(self, name: str, looked_at: Readiness) -> HarnessError:
        log = tail(self._logs / f"{name}.log")
        late = f"process {name!r} was not ready within {looked_at.ready.within:g} s"
        more = f"tried {looked_at.tried}{self._elsewhere(name)}; " + (
            f"its log ends:\n{log}" if log else "its log is empty"
        )
        if name not in self._services:
            return HarnessError(f"{late}; {more}")
        place = "start" if name == "target" else f"services.{name}"
        return NotReadyError(late, f"{place}.ready.within", more)

    def _elsewhere(self, name: str) -> str:
        """Where process *name* listens, if that is not the port that it was given, on loopback."""
        port = self.ports[name]
        refused = not Readiness(f"http://127.0.0.1:{port}", Ready(tcp=True)).serves()
        said = elsewhere(listeners(self.pids[name]), port, refused=refused)
        return f"; {said}" if said else ""


def link_address(link: Link, host: str, port: int) -> dict[str, str]:
    """What ``{link.url}``, ``{link.host}`` and ``{link.port}`` stand for."""
    scheme = {"http": "http://", "redis": "redis://", "tcp": ""}[link.carries]
    scheme = scheme.replace("://", "s://") if link.tls else scheme
    host = link.dns.name if link.dns else host
    return {"url": f"{scheme}{host}:{port}", "host": host, "port": str(port)}


def provider_settings(simulated: Simulated) -> str:
    """What the process of a *simulated* provider is told, as its ``--config``; it speaks every API, whichever its link does."""
    return msgspec.json.encode(simulated.model_dump(exclude={"api"})).decode()


def host_and_port(upstream: str) -> str:
    """``host:port`` of an upstream that is no HTTP one, as Toxiproxy wants it."""
    where = hosts.address(upstream)
    return f"{where.host}:{where.port or _REDIS_PORT}"


def _no_proxy(environment: Mapping[str, str], named: Sequence[str]) -> dict[str, str]:
    """What the person's own HTTP proxy must keep out of, beside what it does already: everything here is on this machine."""
    ours = ["127.0.0.1", "localhost", *named]
    already = no_proxy(environment)
    # All is out of it already, which is said alone or not understood (curl, Python).
    names = already if already == "*" else ",".join([*([already] if already else []), *ours])
    return {"NO_PROXY": names, "no_proxy": names}


def _own(link: str, values: Mapping[str, str]) -> dict[str, str]:
    return {part: values[f"{link}.{part}"] for part in ("url", "host", "port")}
