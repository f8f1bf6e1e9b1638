"""What is said of a machine: what it has, what it lacks, and how to get that."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.interfaces.doctor import Check, look
from harness.settings import Settings


def checks(tmp_path: Path, **environment: str) -> dict[str, Check]:
    settings = Settings({"PATH": str(tmp_path), **environment}, tmp_path / "cache", environment.get("TOXIPROXY_URL"))
    return {check.what: check for check in look(settings)}


def program(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_a_machine_with_nothing_is_told_how_to_get_toxiproxy(tmp_path):
    found = checks(tmp_path)["Toxiproxy"]
    assert not found.here
    assert "the first run downloads it" in found.detail


@pytest.mark.parametrize("way", ["PATH", "the cache", "TOXIPROXY_URL"])
def test_toxiproxy_is_found_where_a_run_would_find_it(tmp_path, way):
    environment = {"TOXIPROXY_URL": "http://127.0.0.1:8474"} if way == "TOXIPROXY_URL" else {}
    if way != "TOXIPROXY_URL":
        program(tmp_path if way == "PATH" else tmp_path / "cache" / "toxiproxy-2.12.0", "toxiproxy-server")
    found = checks(tmp_path, **environment)["Toxiproxy"]
    assert found.here
    assert found.detail.endswith(f"(by {way})")


def test_a_browser_is_named_where_there_is_one_and_its_installation_where_there_is_none(tmp_path):
    assert "apt-get install chromium" in checks(tmp_path)["Chromium"].detail
    program(tmp_path, "chromium")
    assert checks(tmp_path)["Chromium"].detail == "chromium"


class _Engine(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        body = b'{"Version": "27.1", "ApiVersion": "1.46"}'
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        self.wfile.write(head % len(body) + body)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    """The address of something that answers as a Docker engine does."""
    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "docker.sock"), _Engine) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"unix://{tmp_path}/docker.sock"
        server.shutdown()
        thread.join()


def test_a_docker_engine_that_answers_is_told_with_its_version(tmp_path, engine):
    assert checks(tmp_path, DOCKER_HOST=engine)["Docker engine"] == Check("Docker engine", True, "27.1", needed=False)


def test_a_docker_engine_that_does_not_answer_keeps_no_run_from_starting(tmp_path):
    found = checks(tmp_path, DOCKER_HOST=f"unix://{tmp_path}/none.sock")["Docker engine"]
    assert (found.here, found.needed) == (False, False)
    assert f"none answers at unix://{tmp_path}/none.sock" in found.detail


def test_a_docker_engine_elsewhere_is_not_asked(tmp_path):
    found = checks(tmp_path, DOCKER_HOST="tcp://10.255.255.1:2375")["Docker engine"]
    assert not found.here
    assert "was not asked" in found.detail
