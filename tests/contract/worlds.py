"""One small target in two worlds, each with the same verbs: what holds in the simulated one has to hold on the real wire."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from simulated_world import Plain, SimWorld

from harness.faults.base import Looked
from harness.planning.disturbance import Disturbance
from harness.planning.plan import Plan
from harness.prepare import Asked, prepare
from harness.reading.questions import Question
from harness.record import run_folder
from harness.running.free_port import free_port
from harness.running.ports import Injector
from harness.running.world.interruptions import Interruptions
from harness.running.world.lookup import look_up
from harness.running.world.real import find_proxy, real_world
from harness.settings import settings

PATIENCE_S = 1.8
"""How long a client here waits for an answer."""
LATE_S = 1.0
"""From when on one is late; an answer that nothing delays comes sooner on a machine that does anything at all."""
QUICK = {"simulated": {"capacity": 8, "first_token": "10ms", "sigma": 0, "tokens": 2, "token_gap": "1ms"}}
FAULTS: dict[str, dict[str, Any]] = {
    "latency-1": {"kind": "latency", "on": {"link": "east"}, "base": "1s"},
    "rate_limit-2": {"kind": "rate_limit", "on": {"link": "east"}, "requests_per_min": 6, "burst": 1},
    "http_error-3": {"kind": "http_error", "on": {"link": "east"}, "status": 503, "share": 1.0},
    "regional_loss-4": {"kind": "regional_loss", "region": "east", "mode": "blackhole"},
    "regional_loss-5": {"kind": "regional_loss", "region": "east", "mode": "refuse"},
    "regional_loss-6": {"kind": "regional_loss", "region": "east", "mode": "reset"},
    "cache_divergence-7": {"kind": "cache_divergence", "region": "east", "publish_after": "100ms"},
    "latency-8": {"kind": "latency", "on": {"kind": "store", "region": "east"}, "base": "1s"},
    "latency-9": {
        "kind": "latency",
        "on": {"link": "east"},
        "base": "1200ms",
        "jitter": "20ms",
        "distribution": "pareto",
        "direction": "downstream",
    },
    "blackhole-10": {"kind": "blackhole", "on": {"link": "east"}, "direction": "downstream"},
    "disconnect-11": {"kind": "disconnect", "on": {"link": "east"}, "mode": "no_new"},
    "capacity-12": {"kind": "capacity", "on": {"link": "east"}, "slow": 110},
    "regional_loss-13": {"kind": "regional_loss", "region": "east", "mode": "brownout", "late": "1s", "errors": 0},
    "hang_up-14": {"kind": "hang_up", "on": {"link": "east"}},
    "bad_lookup-15": {"kind": "bad_lookup", "on": {"link": "east"}, "answer": "no_such_name"},
    "bad_lookup-16": {"kind": "bad_lookup", "on": {"link": "east"}, "answer": "nothing"},
    "slow_lookup-17": {"kind": "slow_lookup", "on": {"link": "east"}, "base": "1s"},
}
"""Each kind of fault by its id in the plan."""
EAST = {"on": {"link": "east"}}
NOT_SIMULATED: list[dict[str, Any]] = [
    {"kind": "bandwidth", "kilobytes_per_s": 1} | EAST,
    {"kind": "slices", "max_bytes": 10} | EAST,
    {"kind": "cut", "after_bytes": 10} | EAST,
    {"kind": "slow_close", "delay": "1s"} | EAST,
    {"kind": "blackhole", "share": 0.5} | EAST,
    {"kind": "disconnect", "mode": "reset", "share": 0.5} | EAST,
    {"kind": "bad_certificate", "flaw": "expired"} | EAST,
    {"kind": "damaged_store", "how": "flush"} | EAST,
    {"kind": "store_error", "error": "loading"} | EAST,
    {"kind": "lost_messages"} | EAST,
    {"kind": "slow_stream", "first_token": "1s"} | EAST,
    {"kind": "stalled_stream", "after": 1} | EAST,
    {"kind": "cut_stream", "after": 1} | EAST,
    {"kind": "bad_stream", "flaw": "error"} | EAST,
    {"kind": "bad_answer", "flaw": "empty"} | EAST,
    {"kind": "kill", "on": {"process": "target"}},
    {"kind": "pause", "on": {"process": "target"}},
    {"kind": "resource_limit", "on": {"process": "target"}, "cpu": 0.2},
    {"kind": "unplug", "on": {"container": "cache"}},
]
"""Faults of single connections and their bytes, of streams, stores and processes, of which the simulated world has none; tests of their
places hold them."""


ASKER = """
import pathlib, socketserver, sys
pathlib.Path(sys.argv[2]).write_text(sys.argv[3])
socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), socketserver.BaseRequestHandler).serve_forever()
"""
"""A process of the target that says where names are looked up."""


@dataclass(frozen=True)
class Seen:
    """What a client saw of one try: *what* is complete, limited, failed, late, silent or broken off."""

    what: str
    retry_after_s: float | None = None


class Contract(Protocol):
    """A world with nothing in it but links."""

    plan: Plan
    injector: Injector

    def ask(self, link: str) -> Seen:
        """Put one question to the provider behind *link*, and wait for `PATIENCE_S`."""

    def read(self, link: str) -> str:
        """Look at the store behind *link*: read, late, silent or broken off."""

    def held_back(self, link: str) -> bool:
        """Whether nothing comes from the primary over the replication *link*."""

    def side_by_side(self, *looks: Callable[[], str]) -> list[str]:
        """What comes of each of *looks*, none of which has a say in another."""

    def wait(self, seconds: float) -> None: ...


def planned(folder: Path, ports: dict[str, int]) -> Plan:
    """The plan of a target with two providers in the east, one in the west, and a store that both reach, links at *ports*."""
    link = {"kind": "provider", "api": "openai", "upstream": QUICK}
    of_store = {"kind": "store", "upstream": "redis://127.0.0.1:{redis.port}"}
    links = {
        # Nobody keeps what they were told, so that each lookup shows what is in force now.
        "east": link | {"region": "east", "dns": {"name": "east.example", "ttl": "0s"}},
        "east-2": link | {"region": "east"},
        "west": link | {"region": "west"},
        "store-east": of_store | {"region": "east"},
        "store-west": of_store | {"region": "west"},
        "copy": of_store | {"kind": "replication", "region": "east"},
    }
    target = {
        "schema": "harness.target/1",
        "name": "links",
        "services": {
            "redis": {
                "command": [
                    "{python}",
                    "-m",
                    "harness.running.redis_server",
                    "--port",
                    "{port}",
                    "--dir",
                    "{temp}",
                ],
                "ready": {"tcp": True},
            },
            "asker": {
                "command": ["{python}", "-c", ASKER, "{port}", str(folder / "resolver"), "{resolver}"],
                "ready": {"tcp": True},
            },
        },
        "entries": [{"url": "{west.url}"}],
        "ready": {"get": "/healthz"},
        "ask": {"protocol": "openai-chat", "path": "/v1/chat/completions", "model": "m", "stream": False},
        "links": {name: link | {"listen": ports[name]} for name, link in links.items()},
        "publish": {"post": "http://127.0.0.1:9/publish"},
    }
    scenario = {
        "schema": "harness.scenario/1",
        "name": "contract",
        "load": {"rate_per_s": 1, "questions": "questions.yaml"},
        "phases": {"warmup": "1s", "baseline": "30s", "fault": f"{10 * len(FAULTS)}s", "recovery": "1s"},
        "faults": [fault | {"at": f"fault + {10 * n}s", "for": "9s"} for n, fault in enumerate(FAULTS.values())],
        "expect": ["good_ratio >= 0.1 in fault"],
    }
    questions = {"schema": "harness.questions/1", "questions": [{"id": "q", "text": "For how long?"}]}
    for name, document in (("scenario", scenario), ("target", target), ("questions", questions)):
        (folder / f"{name}.yaml").write_text(json.dumps(document))
    plan = prepare(folder / "scenario.yaml", folder / "target.yaml", Asked(), None).plan
    assert [disturbance.id for disturbance in plan.disturbances] == list(FAULTS)
    return plan


class Simulated:
    """The world in memory."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._sim = SimWorld(plan, Plain, 1)
        self.injector = self._sim.world.injector

    def ask(self, link: str) -> Seen:
        sim = self._sim
        exchange, began_s = sim.wire.send(link, "n-0000000001"), sim.events.now_s
        sim.events.run_until(began_s + PATIENCE_S)
        attempt = exchange.attempt
        ended_s = attempt.end_s if attempt is not None and attempt.end_s is not None else began_s
        if not exchange.ended.happened:
            exchange.leave()
            return Seen("silent")
        if exchange.status == 0:
            return Seen("broken off")
        return _answered(exchange.status, ended_s - began_s, exchange.retry_after_s)

    def read(self, link: str) -> str:
        sim = self._sim
        began_s = sim.events.now_s
        task = sim.events.start(sim.stores.read(link, PATIENCE_S))
        sim.events.run_until(began_s + LATE_S)
        early = task.ended.happened
        sim.events.run_until(began_s + 2 * PATIENCE_S)
        if task.result is not None:
            return "read" if early else "late"
        return "broken off" if early else "silent"

    def held_back(self, link: str) -> bool:
        return self._sim.network.silent_since_s(link) is not None

    def side_by_side(self, *looks: Callable[[], str]) -> list[str]:
        return [look() for look in looks]  # nobody waits in it

    def wait(self, seconds: float) -> None:
        self._sim.events.run_until(self._sim.events.now_s + seconds)


class Real:
    """The real wire: Toxiproxy, tap, edge, simulated providers as processes, and Redis."""

    def __init__(self, plan: Plan, injector: Injector, ports: dict[str, int], resolver_port: int) -> None:
        self.plan, self.injector, self._ports, self._resolver_port = plan, injector, ports, resolver_port

    def ask(self, link: str) -> Seen:
        began_s = time.monotonic()
        if (dns := self.plan.target.links[link].dns) is not None:
            told = look_up(link, dns.name, self._resolver_port, PATIENCE_S).outcome
            if told != "named":
                return Seen("silent" if told == "silent" else "broken off")
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[link], timeout=PATIENCE_S)
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "For how long?"}]})
        try:
            connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
        except TimeoutError:
            return Seen("silent")
        except (OSError, http.client.HTTPException):
            return Seen("broken off")
        finally:
            connection.close()
        after = answer.getheader("retry-after")
        return _answered(answer.status, time.monotonic() - began_s, float(after) if after else None)

    def read(self, link: str) -> str:
        began_s = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", self._ports[link]), timeout=PATIENCE_S) as connection:
                connection.sendall(b"PING\r\n")
                said = connection.recv(5)
                in_time = "read" if time.monotonic() - began_s < LATE_S else "late"
                return in_time if said == b"+PONG" else "broken off"
        except TimeoutError:
            return "silent"
        except OSError:
            return "broken off"

    def held_back(self, link: str) -> bool:
        return self.read(link) not in ("read", "late")

    def side_by_side(self, *looks: Callable[[], str]) -> list[str]:
        with ThreadPoolExecutor(len(looks)) as threads:
            return [looked.result() for looked in [threads.submit(look) for look in looks]]

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


def _answered(status: int, elapsed_s: float, retry_after_s: float | None) -> Seen:
    if status == 429:
        return Seen("limited", retry_after_s)
    if status != 200:
        return Seen("failed")
    return Seen("late" if elapsed_s >= LATE_S else "complete")


def stands(world: Contract, disturbance: Disturbance) -> set[bool | None]:
    """What the places that carry it say of each link: whether it is there."""
    return {sight.stands for sight in world.injector.ask(disturbance)}


def took_hold(world: Contract, disturbance: Disturbance) -> bool:
    """Whether a fresh look shows it."""
    world.injector.look(disturbance)
    while (looked := world.injector.looked(disturbance)) is None:
        world.wait(0.02)
    return disturbance.fault.took_hold(Looked.of(looked, world.plan.target.links))


@contextmanager
def real(folder: Path) -> Iterator[Real]:
    """The real world, started; it ends with the context."""
    ports = {name: free_port() for name in ("east", "east-2", "west", "store-east", "store-west", "copy")}
    plan = planned(folder, ports)
    on = settings()
    run = run_folder.create(folder / "reports", "contract", "run")
    questions = {"q": Question(id="q", text="For how long?")}
    proxy = find_proxy(on, None, print)
    with real_world(plan, questions, run, on, proxy, Interruptions(), lambda _: None) as world:
        _, resolver_port = (folder / "resolver").read_text().rsplit(":", 1)
        yield Real(plan, world.world.injector, ports, int(resolver_port))
