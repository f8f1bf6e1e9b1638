"""The real world of a run: everything started and joined up when it is entered, everything gone when it is left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import Any, NamedTuple

import msgspec

from harness.faults.effects import TapAnswers
from harness.planning.plan import Plan
from harness.problems import HarnessError, Problem, UnavailableProblems, UsageProblems
from harness.protocols.asking import own_nonces
from harness.reading import hosts, templates
from harness.reading.hosts import on_this_machine
from harness.reading.load_hosts import NO_HOSTS, LoadHosts
from harness.reading.placeholders import CA_FILE, RESOLVER
from harness.reading.proxies import proxy_for
from harness.reading.questions import Question
from harness.reading.target import Link, Target
from harness.record import run_folder
from harness.record.history import Preflight
from harness.record.instrument import InstrumentFile
from harness.record.rows import Arrival
from harness.record.run_folder import RunFolder
from harness.running.certificates import issue, whom_this_machine_trusts
from harness.running.free_port import free_port
from harness.running.guard import Guard
from harness.running.joining import Joining
from harness.running.keeper import temporary
from harness.running.keeper.keeper import Keeper
from harness.running.keeper.means import HttpUndo
from harness.running.keeper.undo import UndoLog, pending
from harness.running.load.elsewhere import needed
from harness.running.load.plan import PlannedQuestion, planned
from harness.running.ports import Clock, Watch, World
from harness.running.toxiproxy import (
    Binary,
    ToxiproxyApi,
    ToxiproxyError,
    ToxiproxyStage,
    ToxiproxyWedged,
    obtain,
    server,
)
from harness.running.wire import client as wire
from harness.running.wire import config as wire_config
from harness.running.wire.client import WireStage
from harness.running.wire.config import LinkConfig
from harness.running.world.carriers import TOXIPROXY, WIRE, Carriers
from harness.running.world.compose import LOOPBACK, Project, project
from harness.running.world.effects import SideEffects
from harness.running.world.entries import Entries
from harness.running.world.faults import FaultInjector
from harness.running.world.haste import Haste, TakenBack
from harness.running.world.health_checks import HealthChecks, with_health
from harness.running.world.interruptions import Interruptions
from harness.running.world.kept import Kept
from harness.running.world.load import NAME as LOAD
from harness.running.world.load import LoadChild, addressed, client_limits, plan_path, worded
from harness.running.world.load_hosts import Hosts
from harness.running.world.machine import MachineWatch
from harness.running.world.no_load import NoLoad
from harness.running.world.places import Reach
from harness.running.world.preflight import Questioner
from harness.running.world.processes import Processes, host_and_port, link_address
from harness.running.world.subject import ServiceUnderTest, accepted
from harness.running.world.watch import Guarded, Joined, Watchdog
from harness.settings import Settings

_POLL_S = 0.02
_PROXY_READY_S = 6.0
_WIRE_READY_S = 15.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ProxyServer:
    """The Toxiproxy server of a run: its own, or (*binary* None) one that others use too."""

    url: str
    binary: Binary | None
    version: str


@dataclass(frozen=True, slots=True)
class RealWorld:
    """A world that is up, and what belongs to it."""

    world: World
    preflight: Callable[[], list[Preflight]]
    """Asks every entry one question before the load, and returns how it went; nothing where none is to be asked.

    Raises HarnessError where nobody could ask.
    """
    set_off: Callable[[], float]
    """Sets the run's clock going, and returns where 0 of it is on the machine's monotonic clock: a moment from now."""
    finish: Callable[[], None]
    """Has the wire write down what is still open, and stores what the simulated providers counted."""


def find_proxy(settings: Settings, url: str | None, say: Say) -> ProxyServer:
    """The running server at *url*, or at the one that the environment names, else a binary to start.

    Raises UsageProblems where a server was named that cannot be used, and UnavailableError that names each way that failed to get a binary.
    """
    if url or settings.toxiproxy_url:
        return _shared(url or str(settings.toxiproxy_url), "--toxiproxy-url" if url else "TOXIPROXY_URL")
    binary = obtain(settings.cache, say, path=settings.search_path)
    return ProxyServer(f"http://127.0.0.1:{free_port()}", binary, str(binary.version))


def _shared(url: str, option: str) -> ProxyServer:
    """The running server at *url*, which *option* named."""
    try:
        where = hosts.address(url.removesuffix("/"))
    except ValueError:
        where = None
    if where is None or where.scheme != "http" or where.user or where.path or "{" in url:
        what = f"{url!r} is not the address of a Toxiproxy server; write http://host:port"
        raise UsageProblems(Problem(what, path=option))
    if not on_this_machine(where.host.strip("[]")):
        what = f"{where.host!r} is not on this machine, so nothing here could reach its proxies; name one that is"
        raise UsageProblems(Problem(what, path=option))
    with closing(ToxiproxyApi(url)) as api:
        try:
            return ProxyServer(url, None, str(api.supported_version()))
        except ToxiproxyWedged as error:
            what = f"no Toxiproxy server answers at {url}; is it running?"
            raise UnavailableProblems(Problem(what, path=option)) from error
        except ToxiproxyError as error:
            raise UsageProblems(Problem(str(error), path=option)) from error


@contextmanager
def real_world(
    plan: Plan,
    questions: Mapping[str, Question],
    folder: RunFolder,
    settings: Settings,
    proxy: ProxyServer,
    signals: Interruptions,
    say: Say,
    guard: Guard | None = None,
    cost: Callable[[Arrival], float] = lambda _: 0.0,
    kept: Kept | None = None,
    asked: LoadHosts = NO_HOSTS,
    joining: Joining | None = None,
    taken_back: Callable[[TakenBack], object] = lambda _: None,
    warned: Callable[[str], object] = lambda _: None,
) -> Iterator[RealWorld]:
    """Start and join up everything that *plan* needs, and end it all on the way out, whatever happens inside.

    The *guard* is told what attempts *cost*. The target's own processes are those that are *kept*, or are started to be. Before any of that
    the workers of other machines that were *asked* for have come. *joining* ends a run whose attempts cannot be joined. *taken_back* hears
    what becomes of the faults where somebody ends the run, *warned* that a Toxiproxy which others use does not answer.

    Raises HarnessError when a process cannot be started, dies, or is not ready in time; its message shows the end of its log.
    """
    run_id, hosts = folder.path.name, _hosts(asked, plan, say)
    with (
        _grounds(plan.target, _Chance.of(plan), folder, settings, proxy, signals, say, kept, hosts) as grounds,
        ExitStack() as stack,
    ):
        processes, joined = grounds.processes, grounds.joined
        load = _load(plan, questions, grounds, folder, hosts)
        entries = Entries(plan.target, processes)
        _until(lambda: not hosts or (grounds.serving() and entries.serving()))  # they look whether they reach it
        load.spawn(say)
        first = [planned(question) for question in islice(questions.values(), 1)]
        asking = [_questioner(grounds, plan.target, folder, one, plan.scenario.load.deadline) for one in first]
        _until(lambda: grounds.serving() and entries.serving() and load.ready())
        carriers = Carriers(processes, own_proxy=proxy.binary is not None, give_up=joined.proxies.give_up)
        injector = FaultInjector(_reach(carriers, grounds, plan.target, settings, stack), grounds.undo)
        stack.callback(injector.close)
        injector.check(plan.disturbances)
        if grounds.composed:
            grounds.composed.watch({aim for one in plan.disturbances for aim in one.containers}, stack)
        shared = f"the Toxiproxy at {proxy.url}, which others use too," if proxy.binary is None else ""
        watchdog = _watchdog(stack, grounds, carriers, load, shared, warned)
        watch = _watching(stack, watchdog, folder.rows, load.clock, guard, cost, joining)
        _watch_machine(stack, folder, grounds)
        haste = Haste(signals, lambda: injector.in_force, carriers, joined.proxies, joined.wire, shared, taken_back)
        stack.callback(haste.close)
        health = HealthChecks(plan.target, processes, folder.rows)
        stack.callback(health.close)
        world = World(load.clock, injector, load, ServiceUnderTest(plan.target, processes), watch, signals)
        counted = _Accepted(processes)
        effects = SideEffects(plan.target, processes, own_nonces(plan.target.ask, run_id))
        yield RealWorld(
            world,
            lambda: with_health([entry for one in asking for entry in one.ask()], plan.target, processes),
            lambda: _set_off(counted, effects, load, health),
            lambda: _finish(processes, joined.wire, counted, effects, load, folder),
        )


def _load(
    plan: Plan, questions: Mapping[str, Question], grounds: _Grounds, folder: RunFolder, hosts: Hosts | None
) -> LoadChild | NoLoad:
    """Who asks in a run of *plan*: clients in a process of their own, or nobody."""
    if not plan.asks:
        return NoLoad(plan.total_s)
    return LoadChild(grounds.processes, plan, questions, folder.path.name, folder, grounds.temp, hosts)


def _watchdog(
    stack: ExitStack,
    grounds: _Grounds,
    carriers: Carriers,
    load: LoadChild | NoLoad,
    shared: str,
    warned: Callable[[str], object],
) -> Watchdog:
    """Who looks after what stands on *grounds*, until the *stack* is left."""
    joined, checked = grounds.joined, _both(load, grounds.composed)
    watchdog = Watchdog(
        grounds.processes, joined.proxies, carriers, wire=joined.wire, load=checked, shared=shared, warned=warned
    )
    stack.callback(watchdog.close)
    return watchdog


def _watching(
    stack: ExitStack,
    watch: Watch,
    rows: Path,
    clock: Clock,
    guard: Guard | None,
    cost: Callable[[Arrival], float],
    joining: Joining | None,
) -> Watch:
    """*watch*, and what there is besides that may end a run by the *rows* that are written, until the *stack* is left."""
    if guard is not None:
        watch = stack.enter_context(closing(Guarded(watch, guard, rows, clock, cost)))
    if joining is not None:
        watch = stack.enter_context(closing(Joined(watch, joining, rows, clock)))
    return watch


def _both(load: LoadChild | NoLoad, composed: Project | None) -> Callable[[], None]:
    """What is looked at beside processes: the load's workers, and the services that were brought up."""

    def check() -> None:
        load.check()
        if composed:
            composed.check()

    return check


def _watch_machine(stack: ExitStack, folder: RunFolder, grounds: _Grounds) -> None:
    """Write down how the machine does, until the *stack* is left."""
    samples = InstrumentFile(folder.instrument)
    stack.callback(samples.close)
    machine = MachineWatch(samples, grounds.keeper.pid, grounds.processes.pids)
    stack.callback(machine.close)


def _set_off(counted: _Accepted, effects: SideEffects, load: LoadChild | NoLoad, health: HealthChecks) -> float:
    """Set the clock going, with what was counted before it known, and the health URLs asked from then on."""
    counted.begin()
    effects.begin()
    zero_s = load.set_off()
    health.begin(zero_s)
    return zero_s


def _hosts(asked: LoadHosts, plan: Plan, say: Say) -> Hosts | None:
    """The workers of other machines, who are told which secrets they need; None where there are none."""
    if not asked.many:
        return None
    load = plan.scenario.load
    # Users ask as their file says, and not as the target file does.
    headers = [] if plan.closed else plan.target.ask.headers.values()
    return Hosts(asked, load.workers, needed(headers), say, load.locustfile)


def _reach(carriers: Carriers, grounds: _Grounds, target: Target, settings: Settings, at_end: ExitStack) -> Reach:
    """What the places where faults bite can take hold of; what they open is let go of *at_end*."""
    processes, joined, composed = grounds.processes, grounds.joined, grounds.composed
    providers, stores = processes.provider_ports, processes.store_addresses
    return Reach(
        carriers,
        joined.proxies,
        joined.wire,
        target.links,
        joined.probe_ports,
        providers,
        stores,
        processes,
        composed.containers(target.broken_as_containers) if composed else target.containers,
        settings.environment.get("DOCKER_HOST", ""),
        at_end,
        joined.resolver_probe,
    )


@contextmanager
def asked_once(
    target: Target,
    question: str,
    deadline_s: float,
    folder: RunFolder,
    settings: Settings,
    proxy: ProxyServer,
    signals: Interruptions,
    say: Say,
) -> Iterator[list[Preflight]]:
    """How every entry of *target* answers *question* while nothing is broken and nobody else asks; ends it all on the way out.

    Raises HarnessError as `real_world` does.
    """
    with _grounds(target, _Chance(1), folder, settings, proxy, signals, say) as grounds:
        questioner = _questioner(grounds, target, folder, PlannedQuestion("asked", question), deadline_s)
        entries = Entries(target, grounds.processes)
        _until(lambda: grounds.serving() and entries.serving())
        yield with_health(questioner.ask(), target, grounds.processes)


class _Chance(NamedTuple):
    """What chance hangs on in a run: its *seed*, and of how many *conversations* its requests are turns, one after the other.

    *gated* are the Redis links on which commands are to be answered in the server's place.
    """

    seed: int
    conversations: int = 0
    gated: frozenset[str] = frozenset()

    @classmethod
    def of(cls, plan: Plan) -> _Chance:
        """That of *plan*; nobody knows the conversations of a locustfile's users."""
        effects = [effect for disturbance in plan.disturbances for effect in disturbance.effects]
        gated = frozenset(effect.aim for effect in effects if isinstance(effect, TapAnswers))
        return cls(plan.seed, 0 if plan.closed else plan.schedule.conversations, gated)


@dataclass(frozen=True, slots=True)
class _Grounds:
    """The target with every link joined up, and what was started to that end."""

    keeper: Keeper
    processes: Processes
    joined: _Joined
    undo: UndoLog
    temp: Path
    composed: Project | None

    def serving(self) -> bool:
        """Whether all that was started or brought up serves. Raises HarnessError for what has ended, NotReadyError for what is late."""
        return self.processes.serving() and (self.composed is None or self.composed.serving())


@contextmanager
def _grounds(
    target: Target,
    chance: _Chance,
    folder: RunFolder,
    settings: Settings,
    proxy: ProxyServer,
    signals: Interruptions,
    say: Say,
    kept: Kept | None = None,
    hosts: Hosts | None = None,
) -> Iterator[_Grounds]:
    run_id = folder.path.name
    with ExitStack() as stack:
        temp = temporary.named()
        stack.callback(rmtree, temp, ignore_errors=True)
        keeper = Keeper(folder.undo, temp, folder.logs / "keeper.log", run=run_id)
        stack.callback(_close, keeper, signals, folder, say)
        keeper.start()
        keeper.beat()
        undo = UndoLog(folder.undo)
        stack.callback(undo.close)
        processes = Processes(keeper, target, chance.seed, folder.logs, temp, settings.environment, signals, kept)
        keeper.hide({**processes.secrets, **({"JOIN": hosts.word} if hosts else {})})
        if hosts:
            hosts.gather(processes, LOAD, plan_path(temp))
        say(
            "starting processes, but those that are left of the run before"
            if kept and kept.pids
            else "starting processes"
        )
        if kept:
            kept.keeper.hide(processes.secrets)
            # Whoever found a link there in one run has to find it there in the next.
            links = {
                name: link.model_copy(update={"listen": link.listen or kept.tap(name)})
                for name, link in target.links.items()
            }
            target = target.model_copy(update={"links": links})
        composed = project(target, run_id, processes, undo, temp, folder.logs, stack)
        if composed:
            stack.callback(composed.close, signals, say)
            composed.prepare()
        at = composed.at if composed else LOOPBACK
        # Whom a process that stays from run to run was told to trust has to vouch in the next one, too.
        _certify(processes, target, (kept.temp if kept else temp) / "tls", at)
        joined = _join_up(processes, target, chance, folder, proxy, f"harness-{run_id}-", undo, temp, stack, at)
        if composed:
            say(f"bringing up {', '.join(target.composed)}")
            composed.start(target.links, processes.values)
        if kept:
            kept.outside = processes.outside
        yield _Grounds(keeper, processes, joined, undo, temp, composed)


def _questioner(
    grounds: _Grounds, target: Target, folder: RunFolder, question: PlannedQuestion, deadline_s: float
) -> Questioner:
    """The client that asks before the load, started: it is there by the time that the target serves."""
    processes = grounds.processes
    ways = (addressed(target, processes), worded(target, processes), question, client_limits(deadline_s))
    rows = folder.rows.absolute()
    questioner = Questioner(processes, grounds.joined.wire, rows, grounds.temp, *ways, folder.path.name)
    questioner.spawn()
    return questioner


@dataclass(frozen=True, slots=True)
class _Joined:
    """Every link goes through its proxy."""

    proxies: ToxiproxyStage
    wire: WireStage | None
    probe_ports: Mapping[str, int]
    resolver_probe: int | None = None


def _join_up(
    processes: Processes,
    target: Target,
    chance: _Chance,
    folder: RunFolder,
    proxy: ProxyServer,
    prefix: str,
    undo: UndoLog,
    temp: Path,
    stack: ExitStack,
    at: str,
) -> _Joined:
    """Start what stands between the target and its dependencies, and give every link a port *at* that address of this machine."""
    if proxy.binary:
        port = int(proxy.url.rsplit(":", 1)[1])
        processes.spawn(TOXIPROXY, server.command(proxy.binary.path, port), server.ENVIRONMENT)
    processes.start_simulated()
    ready = _start_wire(processes, target, folder, chance, temp, at)
    processes.start_possible()
    api = ToxiproxyApi(proxy.url)
    stack.callback(api.close)
    if proxy.binary:
        server.wait_ready(api, time.monotonic() + _PROXY_READY_S, partial(_still_there, processes))
    proxies = ToxiproxyStage(api, prefix)
    if not proxy.binary:
        stack.callback(_delete, proxies)
    wired = _served(processes, ready)
    stage = WireStage(wired.control_url) if wired else None
    ends, resolver = (wired.links, wired.resolver) if wired else ({}, None)
    if resolver:
        processes.values[RESOLVER] = f"{at}:{resolver.port}"
    for name, link in target.links.items():
        undo.promise(f"link {name}", [HttpUndo(**request) for request in proxies.undo_requests(name)], lasting=True)
        assert stage is not None, "a target with links has a wire"
        edge = ends[name].edge
        upstream = f"127.0.0.1:{edge}" if edge is not None else host_and_port(processes.upstream(name))
        try:
            _, port = proxies.open_link(name, upstream)
        except ToxiproxyError as error:
            raise HarnessError(f"link {name!r} cannot be opened: {error}") from error
        stage.connect_link(name, port)
        # The target is sent to the tap, which stands in front of the proxy.
        here = link_address(link, at, ends[name].tap)
        processes.values |= {f"{name}.{part}": value for part, value in here.items()}
    probes = {name: ports.probe for name, ports in ends.items()}
    return _Joined(proxies, stage, probes, resolver.probe if resolver else None)


def _certify(processes: Processes, target: Target, folder: Path, at: str) -> None:
    """Have certificates in *folder* for the links that are reached by TLS *at* that address, and be known whom to trust."""
    if by_tls := {name: link.tls for name, link in target.links.items() if link.tls}:
        for name, link in target.links.items():
            if link.tls and link.dns:
                by_tls[name] = link.tls.model_copy(update={"names": [*link.tls.names, link.dns.name]})
        trusted = whom_this_machine_trusts(processes.environment)
        processes.values[CA_FILE] = str(issue(folder, by_tls, [at], trusted))


def _start_wire(
    processes: Processes, target: Target, folder: RunFolder, chance: _Chance, temp: Path, at: str
) -> Path | None:
    """Start the process with both ends of every link; where it will say that it serves. None where there are no links."""
    if not target.links:
        return None
    path, ready = temp / "wire.json", temp / "wire-ready.json"
    links = [_link_config(name, link, processes, at, name in chance.gated) for name, link in target.links.items()]
    nonces, instrument = own_nonces(target.ask, folder.path.name), str(folder.instrument.absolute())
    secrets = dict(processes.secrets)
    config = wire_config.Config(
        links,
        str(folder.rows),
        chance.seed,
        str(ready),
        nonces,
        chance.conversations,
        instrument,
        secrets,
        processes.resolver,
    )
    wire_config.write(config, path)
    processes.spawn(WIRE, wire.command(path), may_end=True)
    return ready


def _link_config(name: str, link: Link, processes: Processes, at: str, gated: bool) -> LinkConfig:
    tls = str(Path(processes.values[CA_FILE]).parent / name) if link.tls else ""
    if link.carries != "http":
        return LinkConfig(name, listen=link.listen, carries=link.carries, at=at, gated=gated, tls=tls, **_named(link))
    upstream = processes.upstream(name)
    proxy, ca = proxy_for(upstream, processes.environment), str(Path(link.ca).absolute()) if link.ca else ""
    credential = templates.secrets(link.credential or "", processes.environment)
    named = (link.account or "", credential)
    return LinkConfig(
        name,
        upstream,
        link.listen,
        link.carries,
        link.speaks,
        link.host,
        ca,
        proxy,
        *named,
        at,
        tls=tls,
        **_named(link),
    )


def _served(processes: Processes, path: Path | None) -> wire.Ready | None:
    """The ports of the wire, once it serves; None where there is none."""
    if path is None:
        return None
    deadline_s = time.monotonic() + _WIRE_READY_S
    while (ready := wire.ready(path)) is None:
        processes.check_starting()
        if time.monotonic() > deadline_s:
            raise HarnessError(f"the wire did not say within {_WIRE_READY_S:g} s that it serves")
        time.sleep(_POLL_S)
    return ready


def _named(link: Link) -> dict[str, Any]:
    """By what *link* is looked up, as the wire is told it."""
    return {"dns": link.dns.name, "ttl_s": round(link.dns.ttl)} if link.dns else {}


def _until(condition: Callable[[], bool]) -> None:
    """Returns once *condition* holds; it raises when it never will."""
    while not condition():
        time.sleep(_POLL_S)


class _Accepted:
    """What the simulated providers counted from when the load began."""

    def __init__(self, processes: Processes) -> None:
        self._ports = processes.provider_ports
        self._before: Mapping[str, int] = {}

    def begin(self) -> None:
        """What was asked so far is none of the load's."""
        self._before = self._now()

    def by_link(self) -> dict[str, int]:
        return {name: count - self._before.get(name, 0) for name, count in self._now().items()}

    def _now(self) -> dict[str, int]:
        return {name: accepted(port) for name, port in self._ports.items()}


def _finish(
    processes: Processes,
    stage: WireStage | None,
    counted: _Accepted,
    effects: SideEffects,
    load: LoadChild | NoLoad,
    folder: RunFolder,
) -> None:
    load.account(folder)
    if (done := effects.since()) is not None:
        run_folder.write(folder.effects, msgspec.json.encode(done).decode())
    with processes.blamed():
        if stage is not None:
            stage.finish()
        by_link = counted.by_link()
    if by_link:
        run_folder.write(folder.counts, json.dumps(by_link))


def _still_there(processes: Processes) -> bool:
    """Raises HarnessError with the end of the log of whoever is not, or says who was stopped."""
    processes.check_starting()
    return True


def _delete(proxies: ToxiproxyStage) -> None:
    # What could not be deleted is still promised on disk, and the keeper tries next.
    with suppress(HarnessError):
        proxies.close()


def _close(keeper: Keeper, signals: Interruptions, folder: RunFolder, say: Say) -> None:
    with signals.held():
        keeper.close(grace_s=2.0)
        if pending(folder.undo):
            say(f"not everything could be put back; later, harness heal --out {folder.path.parents[1]} tries again")
        else:
            folder.undo.unlink(missing_ok=True)
