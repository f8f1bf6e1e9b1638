"""A whole world in memory: what a run needs, and the evidence that it leaves."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from math import inf

from harness.judging.evidence import Evidence
from harness.judging.following import counting, followed
from harness.judging.joining import derive_attempts, derive_requests
from harness.planning.plan import Plan
from harness.reading.target import Link, Simulated, SimulatedUpstream, Target
from harness.record.history import Begun, History
from harness.record.rows import Arrival, Attempt, HealthCheck, Request
from harness.record.tables import table
from harness.running.guard import Guard
from harness.running.joining import Joining
from harness.running.ports import World
from simulated_world.calls import Calls
from simulated_world.clients import RUN_ID, SOUND, Clients, Flaws
from simulated_world.clock import SimClock
from simulated_world.events import Events
from simulated_world.injector import SimInjector
from simulated_world.network import Network
from simulated_world.provider import Provider
from simulated_world.service import Service, Surroundings
from simulated_world.stores import Stores
from simulated_world.tables import tabled
from simulated_world.users import Users
from simulated_world.wire import Wire

QUESTIONS = tuple(f"question-{number}" for number in range(40))


class SimLoad:
    """The clients' side of a simulated world; see `ports.Load`."""

    def __init__(self, clients: Clients, calls: Calls) -> None:
        self._clients, self._calls = clients, calls

    def start(self) -> None:
        with self._calls.one("load.start"):
            self._clients.start()

    def ended(self) -> bool:
        with self._calls.one("load.ended"):
            return self._clients.ended

    def stop(self) -> None:
        with self._calls.one("load.stop"):
            self._clients.stop()


class SimSubject:
    """The target's own side of a simulated world; see `ports.Subject`."""

    def __init__(self, stores: Stores, calls: Calls) -> None:
        self._stores, self._calls = stores, calls

    def publish(self) -> int:
        with self._calls.one("subject.publish"):
            return self._stores.publish()


class SimWatch:
    """Nothing dies here unless a call is made to fail, and clients are looked after as in the real world; see `ports.Watch`."""

    def __init__(self, calls: Calls, plan: Plan, clients: Clients, wire: Wire, events: Events) -> None:
        self._calls, self._clients, self._wire, self._events = calls, clients, wire, events
        self._guard = Guard(followed(plan), list(plan.schedule.due_times()), plan.scenario.good.within)
        self._joining = Joining(plan, counting(plan))
        self._heard = self._heard_attempts = 0

    def check(self) -> None:
        with self._calls.one("watch.check"):
            self._guard.hear(self._clients.rows[self._heard :])
            self._heard = len(self._clients.rows)
            self._guard.check(self._events.now_s)
            self._joining.hear(self._wire.ended[self._heard_attempts :])
            self._heard_attempts = len(self._wire.ended)
            self._joining.check(self._events.now_s)


class SimInterruptions:
    """Signals that are held back while the world is put back; see `ports.Interruptions`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @contextmanager
    def held(self) -> Iterator[None]:
        before = self._calls.held
        try:
            with self._calls.one("interruptions.held"):
                self._calls.held = True
            yield
        finally:
            self._calls.held = before


class SimWorld:
    """*plan*'s target in memory, with one *service* an entry; equal arguments make the same run, call by call.

    *calls* says which call is to fail, *idle* which faults are acknowledged without taking hold, and *flaws* what is
    wrong with the load generator. Users of the service's own ask *own_per_s* questions a second beside it, until *own_until_s*.
    """

    def __init__(
        self,
        plan: Plan,
        service: type[Service],
        seed: int,
        *,
        calls: Calls | None = None,
        idle: Collection[str] = (),
        flaws: Flaws = SOUND,
        questions: Sequence[str] = QUESTIONS,
        own_per_s: float = 0.0,
        own_until_s: float = inf,
    ) -> None:
        self.plan, self.calls = plan, calls or Calls()
        self.events, chance = Events(), random.Random(seed)
        self.network = Network(self.events, chance, plan.seed, 0 if plan.closed else plan.schedule.conversations)
        links = plan.target.links
        self.network.lookups.names = {name: link.dns.ttl for name, link in links.items() if link.dns}
        http = {name: link for name, link in links.items() if link.carries == "http"}
        self.providers = {
            name: Provider(self.events, _settings(link), chance, self.network.shortages[name])
            for name, link in http.items()
        }
        self.network.when_eased.append(lambda link: self.providers[link].fill())
        self.wire = Wire(self.events, self.network, self.providers)
        self.stores = Stores(self.events, self.network, links)
        self.services = services = dict[str, Service]()
        for name, region in _entries(plan.target):
            nearest = _nearest(plan.target, region)
            services[name] = service(Surroundings(region, self.events, self.wire, self.stores, nearest, chance))
        self.clients = Clients(self.events, plan, questions, services, flaws)
        if own_per_s:
            Users(self.events, services, questions, own_per_s, min(own_until_s, plan.ends_s))
        self._looks: list[HealthCheck] = []
        self._look()
        self.injector = SimInjector(self.events, self.network, self.wire, self.calls, idle)
        self.world = World(
            SimClock(self.events, self.calls),
            self.injector,
            SimLoad(self.clients, self.calls),
            SimSubject(self.stores, self.calls),
            SimWatch(self.calls, plan, self.clients, self.wire, self.events),
            SimInterruptions(self.calls),
        )

    def _look(self) -> None:
        """At the health of each service that has one, now and again and again; nothing where the target file names no URL."""
        health, now_s = self.plan.target.health, self.events.now_s
        if health is None or now_s > self.plan.ends_s:
            return
        for name, service in self.services.items():
            well = bool(getattr(service, "healthy", lambda: True)())
            self._looks.append(HealthCheck(name, now_s, now_s, 200 if well else 503, well))
        self.events.at(now_s + health.every, self._look)

    def evidence(self, history: History) -> Evidence:
        """What a run with this *history* left."""
        requests = tabled(self.clients.rows, Request)
        attempts = derive_attempts(self.plan, tabled(self.wire.attempts, Attempt), requests)
        requests = derive_requests(self.plan, requests, attempts)
        arrivals = tabled(self.wire.arrivals, Arrival)
        accepted = {name: provider.accepted for name, provider in self.providers.items()}
        looks = table(self._looks, HealthCheck, 0.0) if self.plan.target.health else None
        return Evidence(
            self.plan, begun(self.plan), history, requests, attempts, arrivals, accepted, health_checks=looks
        )


def begun(plan: Plan) -> Begun:
    """The first line of a simulated run's history; the same for every run of *plan*."""
    return Begun(
        run_id=RUN_ID,
        started_at="2026-01-01T00:00:00+00:00",
        clock_zero_s=0.0,
        seed=plan.seed,
        scenario_path=f"{plan.scenario.name}.yaml",
        scenario_sha256="",
        target_path=f"{plan.target.name}.yaml",
        target_sha256="",
        replay="",
        overrides=[],
        expectations=[],
        with_faults=bool(plan.disturbances),
        versions={},
        proxy_engine="simulated",
        proxy_version="",
    )


def _settings(link: Link) -> Simulated:
    return link.upstream.simulated if isinstance(link.upstream, SimulatedUpstream) else Simulated()


def _entries(target: Target) -> list[tuple[str, str]]:
    """Name and region of every entry."""
    return [(name, entry.region or "") for name, entry in target.entries_by_name.items()]


def _nearest(target: Target, region: str) -> list[str]:
    """Links to all providers, those of *region* first."""
    links = [name for name, link in target.links.items() if link.carries == "http"]
    return sorted(links, key=lambda name: target.links[name].region != region)
