"""A health URL is asked at a fixed pace, of a real server, and what it says is written down as it was said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from msgspec.structs import replace

from harness.judging.preflight import shortcomings
from harness.reading.target import Health, Target
from harness.record.history import Preflight
from harness.record.rowfile import read_rows
from harness.record.rows import HealthCheck
from harness.running.world import health_checks
from harness.running.world.health_checks import HealthChecks, health_urls, look, with_health
from harness.running.world.processes import Processes

SEVERAL = 4


class Server(ThreadingHTTPServer):
    """Answers with *status*, or not before it is told to; *asked* is set once it was asked several times."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.paths, self.asked, self.held = 200, list[str](), threading.Event(), threading.Event()
        self.drips = False
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if len(self.server.paths) >= SEVERAL:
            self.server.asked.set()
        if self.server.status == 0:
            self.server.held.wait(10)
        self.send_response(self.server.status or 200)
        self.send_header("content-length", "1000" if self.server.drips else "0")
        self.end_headers()
        while self.server.drips and not self.server.held.wait(0.01):
            self.wfile.write(b".")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server()
    threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
    yield serving
    serving.held.set()
    serving.shutdown()
    serving.server_close()


def target_of(*urls: str, health: dict[str, object]) -> Target:
    entries = [{"name": f"e{number}", "url": url} for number, url in enumerate(urls)]
    ask = {"protocol": "json", "reply": {"answer": "/answer"}}
    return Target.model_validate(
        {"schema": "harness.target/1", "name": "small", "entries": entries, "ask": ask, "health": health}
    )


PROCESSES = cast(Processes, SimpleNamespace(outside={"target.port": "7"}))
"""As much of them as is asked for here."""


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (204, True), (503, False), (302, False)])
def test_two_hundreds_are_healthy_and_all_else_is_not(server: Server, status: int, healthy: bool) -> None:
    server.status = status
    said = look("e0", f"{server.url}/healthz", 5.0)
    assert (said.status, said.healthy, said.entry) == (status, healthy, "e0")
    assert server.paths == ["/healthz"]


def test_what_does_not_answer_in_time_or_is_not_there_says_nothing(server: Server) -> None:
    server.status = 0
    said = look("", server.url, 0.05)
    assert (said.status, said.healthy) == (0, False)
    server.server_close()
    assert look("", server.url, 5.0).status == 0


def test_one_that_goes_on_speaking_gives_no_answer_in_time(server: Server) -> None:
    server.drips = True
    assert look("", server.url, 0.05).status == 0


def test_what_it_says_before_the_load_stands_with_the_question_of_its_entry(server: Server) -> None:
    asked = Preflight(-1.0, "e0", "GET /", "?", [], 200, "complete", "", "", "", False, 0.1, None, [])
    target = target_of(server.url, health={"get": "/up"})
    assert [one.health for one in with_health([asked], target, PROCESSES)] == [200]
    assert list(shortcomings(target, replace(asked, health=200))) == []
    server.status = 404
    (wrong,) = with_health([asked], target, PROCESSES)
    (said,) = shortcomings(target, wrong)
    assert said.startswith("the health URL was answered 404 although the question was answered")
    (late,) = shortcomings(target, replace(asked, health=0))
    assert "gave no answer in time" in late
    without = target.model_copy(update={"health": None})
    assert with_health([asked], without, PROCESSES) == [asked]


def test_it_is_asked_again_and_again_from_when_the_load_begins_and_each_look_is_a_row(
    server: Server, tmp_path: Path
) -> None:
    checks = HealthChecks(target_of(server.url, health={"get": "/up", "every": "100ms"}), PROCESSES, tmp_path)
    zero_s = time.monotonic()
    checks.begin(zero_s)
    assert server.asked.wait(10)
    checks.close()
    rows = list(read_rows(tmp_path / "health_checks-0.rows", HealthCheck))
    seen = {(row.entry, row.status, row.healthy) for row in rows}
    # On a machine that is busy an answer may come too late.
    assert ("e0", 200, True) in seen <= {("e0", 200, True), ("e0", 0, False)}
    assert len(rows) >= SEVERAL - 1
    assert all(row.start_s >= zero_s + 0.1 * number for number, row in enumerate(rows))
    assert {*server.paths} == {"/up"}


def test_where_the_target_names_none_nobody_looks(tmp_path: Path) -> None:
    target = target_of("http://127.0.0.1:1", health={"get": "/"}).model_copy(update={"health": None})
    checks = HealthChecks(target, PROCESSES, tmp_path)
    checks.begin(time.monotonic())
    checks.close()
    assert list(tmp_path.iterdir()) == []


def test_a_path_is_of_each_entry_and_an_address_of_all_of_them() -> None:
    two = ("http://127.0.0.1:1/", "http://127.0.0.1:{target.port}")
    of_each = target_of(*two, health={"get": "/healthz"})
    assert health_urls(of_each, Health(get="/healthz"), PROCESSES) == {
        "e0": "http://127.0.0.1:1/healthz",
        "e1": "http://127.0.0.1:7/healthz",
    }
    one = Health(get="http://127.0.0.1:{target.port}/up")
    assert health_urls(of_each, one, PROCESSES) == {"": "http://127.0.0.1:7/up"}


def test_looks_that_are_late_are_left_out_and_do_not_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s: list[float] = [0.0, 10.0, 10.01, 10.6]
    monkeypatch.setattr(health_checks, "time", SimpleNamespace(monotonic=lambda: now_s.pop(0)))
    due: Callable[[float, float], Iterator[float]] = health_checks._paced
    assert list(islice(due(0.0, 0.5), 5)) == [0.0, 0.5, 10.0, 10.5, 11.0]
