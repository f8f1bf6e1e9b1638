"""What tests of several parts stand on."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, settings
from real_runs import Machine, seats
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from harness.running.free_port import free_port
from harness.running.redis_server import arguments, find

# Hundreds of processes import the same modules; told to write no bytecode, each of them would compile them all anew,
# and every worker would rewrite the asserts of all tests in every session.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# What is tried on GitHub is not told of as the runs of its job.
for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(name, None)

_STATES = f"{tempfile.gettempdir()}/harness-tests-{os.getuid()}-{os.getpid()}"
# Fixtures that live longer than a test make runs, too; where two of them go on at once, they say more.
os.environ["HARNESS_STATE"] = f"{_STATES}/longer"

# How long an example takes says something of the machine and nothing of what is tested. A commit has the same examples wherever and
# whenever it is tried, so a red one is red for its author; CONTRIBUTING.md has the command that draws others.
settings.register_profile(
    "the same for all", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("drawn-anew", settings.get_profile("the same for all"), derandomize=False)
settings.load_profile("the same for all")


_handle_error = socketserver.BaseServer.handle_error


def _unless_hung_up(server: socketserver.BaseServer, *of: Any) -> None:
    """Clients of the servers in tests hang up in the middle, as real ones do: nobody need read of it."""
    if not isinstance(sys.exception(), ConnectionError):
        _handle_error(server, *of)


socketserver.BaseServer.handle_error = _unless_hung_up  # type: ignore[method-assign]  # of every server there is


_close = asyncio.SelectorEventLoop.close


def _with_its_connections(loop: Any) -> None:
    """A connection that comes in the very moment in which a test closes its server is nobody's, and ends with its loop."""
    left = [] if loop.is_closed() or loop.is_running() else [*loop._transports.values()]
    for transport in left:
        transport.abort()
    if left:
        loop.run_until_complete(asyncio.sleep(0))
    _close(loop)


asyncio.SelectorEventLoop.close = _with_its_connections  # type: ignore[method-assign]  # of every loop there is


@pytest.fixture(autouse=True)
def own_state(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a state of its own for targets: what one of them holds or freezes is nothing to another, or to who runs the tests."""
    monkeypatch.setenv("HARNESS_STATE", f"{_STATES}/{sha256(request.node.nodeid.encode()).hexdigest()[:16]}")


def _rewrite_a_share(config: pytest.Config) -> None:
    """In a fresh checkout each worker rewrites the asserts of a part of all files, and the others read what it came to.

    The names are pytest's own: where it has them no more, each worker rewrites all that it reads, as without this.
    """
    try:
        from _pytest.assertion.rewrite import (
            PYC_TAIL,
            _rewrite_test,
            _write_pyc,
            assertstate_key,
            get_cache_dir,
            try_makedirs,
        )
    except ImportError:
        return
    if config.getoption("assertmode") != "rewrite":
        return
    given = config.workerinput  # type: ignore[attr-defined]  # as pytest-xdist adds it
    paths = sorted(path for folder in ("harness", "tests") for path in (config.rootpath / folder).rglob("*.py"))
    for path in paths[int(given["workerid"][2:]) :: given["workercount"]]:
        rewritten = get_cache_dir(path) / (path.stem + PYC_TAIL)
        ours = path.is_relative_to(config.rootpath / "harness") or path.name.startswith(("test_", "conftest."))
        if ours and not rewritten.exists() and try_makedirs(rewritten.parent):
            with suppress(SyntaxError):  # which is told of where the file is collected
                of, code = _rewrite_test(path, config)
                _write_pyc(config.stash[assertstate_key], code, of, rewritten)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Nothing of what is collected goes again, and nobody looks for what might."""
    gc.disable()
    if hasattr(session.config, "workerinput"):
        _rewrite_a_share(session.config)
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """What was collected lives as long as the session: nobody has to look again and again whether it still does."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    rmtree(_STATES, ignore_errors=True)


WHOLE_RUNS = ("tests/contract/", "tests/end_to_end/", "tests/quality/")
ALONE = ("tests/end_to_end/test_every_fault.py", "tests/end_to_end/test_region_loss.py")
"""Files whose runs take both seats: they come before those whose runs go on beside one another, which would have to stop for them."""
WAITING = ("tests/running/", "tests/reference/")
"""Files that wait for processes and sockets of their own for most of their time, and leave the processors to the others."""
LONG = ("tests/test_", "tests/simulated_world/", "tests/suites/")
"""Of all other files the ones that take longest and whose names come last."""


class _WholeRunsTogether(LoadFileScheduling):
    """Files stay together. All whole runs are one worker's: two that make them would wait for one another's seats. All that waits is one
    worker's, too, which ends with that where there are three: the other two have enough to do for two processors."""

    def _split_scope(self, nodeid: str) -> str:
        for scope, firsts in (("whole runs", WHOLE_RUNS), ("what waits", WAITING)):
            if nodeid.startswith(firsts):
                return scope
        return super()._split_scope(nodeid)

    def _reschedule(self, node: WorkerController) -> None:
        if len(self.nodes) > 2 and "what waits" in self.assigned_work[node]:
            if not node.shutting_down:
                node.shutdown()
        else:
            super()._reschedule(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    return _WholeRunsTogether(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs come first, since they take longest, and what waits next; long files come before short ones, so that the workers end
    together."""
    firsts = (WHOLE_RUNS, ALONE, WAITING, LONG)
    items.sort(key=lambda item: [not item.nodeid.startswith(first) for first in firsts])


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The machine's seats for whole real runs, the same for all workers of the suite. A run that is scored takes both.

    Whatever else the suite does goes on beside it, as on anybody's machine.
    """
    base = tmp_path_factory.getbasetemp()
    return seats((base.parent if base.name.startswith("popen-") else base) / "seats")


@pytest.fixture(scope="session")
def new_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], int]]:
    """Starts a Redis server that follows nobody, which ends with the session; its port."""
    binary = find()
    assert binary is not None, "these tests need a redis-server"
    with ExitStack() as ends:

        def start() -> int:
            port = free_port()
            line = arguments(binary, port=port, folder=str(tmp_path_factory.mktemp("redis")))
            server = ends.enter_context(subprocess.Popen(line, stdout=subprocess.DEVNULL))
            ends.callback(server.terminate)
            late_s = time.monotonic() + 30
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                except ConnectionRefusedError:
                    assert time.monotonic() < late_s, f"no redis-server on {port} within 30 s"
                    time.sleep(0.01)
                else:
                    return port

        yield start


@pytest.fixture(scope="session")
def new_authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, ssl.SSLContext]]:
    """A new authority: the file to trust it by, and the context of a server that it vouches for under the given names."""

    def make(*names: str) -> tuple[Path, ssl.SSLContext]:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        path = tmp_path_factory.mktemp("authority") / "ca.pem"
        authority.cert_pem.write_to_path(path)
        return path, context

    return make
