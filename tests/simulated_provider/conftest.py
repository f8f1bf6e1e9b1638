"""Simulated providers as real processes, ended with the test that started them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from harness.running.free_port import free_port


@dataclass(frozen=True)
class Running:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/counts", timeout=30) as answer:
            return json.load(answer)

    def counts_once(self, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        """The counts as soon as *condition* is true of them, or as they are after 10 s."""
        deadline = time.monotonic() + 30
        while not condition(counts := self.counts()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return counts


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    with ExitStack() as ends:
        yield lambda **settings: _start(ends, **settings)


@pytest.fixture(scope="session")
def fast() -> Iterator[Running]:
    """One that answers at once, for all who do not look at its counts."""
    with ExitStack() as ends:
        yield _start(ends, capacity=100, first_token=0.001, token_gap=0.0, sigma=0.0)


def _start(ends: ExitStack, seed: int = 1, **config: float) -> Running:
    port = free_port()
    line = ["--port", str(port), "--seed", str(seed), "--region", "east", "--config", json.dumps(config)]
    process = ends.enter_context(subprocess.Popen([sys.executable, "-m", "harness.simulated_provider", *line]))
    ends.callback(process.terminate)
    _wait_for(port)
    return Running(port)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=30).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            time.sleep(0.01)
