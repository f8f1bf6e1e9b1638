"""The services of a Compose file in a run: laid out so that no two runs meet, told where the links are, and all of it gone afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from running.world.broken_engine import NETWORK, PROJECT, Box, Engine, serving
from waiting import eventually

from harness.problems import HarnessError
from harness.reading.target import Compose, Container, Link
from harness.running.keeper.means import ProjectUndo, read
from harness.running.keeper.undo import UndoLog, pending
from harness.running.ports import ServiceEndedError
from harness.running.world import engine as engines
from harness.running.world.compose import LOGS, UP, Project, laid_out, unreachable
from harness.running.world.interruptions import Interruptions
from harness.running.world.readiness import NotReadyError

MINE = "harness-20261127-120000-shop-ab12-cd34"
COMPOSE = Compose.model_validate({"file": "c.yml", "services": {"app": {"port": 8000}, "redis": None}})
TOLD = {"app": {"URL": "http://172.18.0.1:7101/v1", "PRICE": "5$"}, "redis": {"URL": "http://172.18.0.1:7101/v1"}}


def laid(services: dict[str, Any], compose: Compose = COMPOSE, **more: Any) -> dict[str, Any]:
    """What becomes of *services*, as Compose itself reads it from what was laid out."""
    made = laid_out({"name": "theirs", "services": services, **more}, compose, TOLD, {"app": 40_000}, MINE)
    written: dict[str, Any] = yaml.safe_load(yaml.safe_dump(made))
    return written


def test_a_service_is_told_where_the_links_are_and_is_reached_at_the_port_that_is_free() -> None:
    app = laid({"app": {"image": "a", "ports": ["8000:8000", "9000"]}, "redis": {"image": "r"}})["services"]["app"]
    assert app["environment"] == {"URL": "http://172.18.0.1:7101/v1", "PRICE": "5$$"}
    assert app["ports"] == ["127.0.0.1:40000:8000"]
    assert app["networks"] == {"default": None, "harness-links": None}


@pytest.mark.parametrize(
    "said", [{"URL": "https://api", "LEVEL": "info", "HOME": None}, ["URL=https://api", "LEVEL=info", "HOME"]]
)
def test_what_it_is_told_stands_in_the_place_of_what_the_file_says_and_the_rest_stays(said: Any) -> None:
    app = laid({"app": {"image": "a", "environment": said}, "redis": {"image": "r"}})["services"]["app"]
    assert app["environment"] == {**TOLD["app"], "PRICE": "5$$", "LEVEL": "info", "HOME": None}


@pytest.mark.parametrize("networks", [["back"], {"back": None}, {"back": {"aliases": ["db"]}}])
def test_a_service_stays_on_its_networks_and_is_found_there_by_the_name_that_it_lost(networks: Any) -> None:
    services = {"app": {"image": "a", "networks": networks, "container_name": "shop"}, "redis": {"image": "r"}}
    app = laid(services, networks={"back": {"name": "shop_back"}})["services"]["app"]
    assert "container_name" not in app
    assert app["networks"]["back"]["aliases"][-1] == "shop"
    assert "harness-links" in app["networks"]


def test_nothing_is_laid_out_in_which_two_runs_would_meet() -> None:
    made = laid(
        {
            "app": {"image": "a"},
            "redis": {"image": "r", "container_name": "cache"},
            "admin": {"image": "b", "ports": ["80:80"]},
        },
        networks={"back": {"name": "shop_back"}, "theirs": {"external": True, "name": "company"}},
        volumes={"data": {"name": "shop_data"}, "kept": {"external": True, "name": "kept"}, "plain": None},
    )
    assert "name" not in made
    assert "ports" not in made["services"]["admin"]
    assert "harness-links" not in made["services"]["admin"].get("networks", {})
    assert made["volumes"] == {"data": {}, "kept": {"external": True, "name": "kept"}, "plain": None}
    assert made["networks"] == {
        "back": {},
        "theirs": {"external": True, "name": "company"},
        "harness-links": {"external": True, "name": f"{MINE}-links"},
    }


def test_on_the_network_of_this_machine_a_service_keeps_it_and_its_ports_are_its_own() -> None:
    of_host = {"image": "a", "network_mode": "host"}
    made = laid({"app": of_host, "redis": of_host})
    assert made["services"]["app"]["network_mode"] == "host"
    assert not {"networks", "ports"} & set(made["services"]["app"])
    assert made["networks"] == {}


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("", ""),
        ("host", ""),
        ("none", "is on no network"),
        ("service:redis", "has no port of its own on the network of redis; say port there"),
        (
            "service:proxy",
            "on the network of another container (service:proxy); name that one in compose.services, too",
        ),
        ("container:x", "name that one in compose.services, too"),
    ],
)
def test_a_service_that_cannot_be_told_or_reached_is_refused(mode: str, why: str) -> None:
    said = unreachable(mode, COMPOSE, "app")
    assert why in said if why else said == ""
    assert unreachable("service:app", COMPOSE, "redis") == ""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    boxes = [
        Box("one", {PROJECT: MINE}),
        Box("two", {PROJECT: MINE}, status="exited"),
        Box("theirs", {PROJECT: "shop"}),
    ]
    with serving(Engine(tmp_path / "socket", *boxes)) as made:
        made.others = {"networks": {"a" * 64: MINE, "b" * 64: "shop"}, "volumes": {"data": MINE, "theirs": "shop"}}
        yield made


@pytest.mark.parametrize("busy", [0, 1])
def test_all_of_a_runs_project_is_removed_and_nothing_of_anybody_elses(engine: Engine, busy: int) -> None:
    engine.busy = busy
    undo = read(ProjectUndo(str(engine.path), MINE).written())
    assert isinstance(undo, ProjectUndo)
    assert undo.refusal() == ""
    for _ in range(2):  # once more does no harm
        assert undo.carry_out(5.0) == (True, "nothing of it is left")
    assert set(engine.boxes) == {"theirs"}
    assert engine.others == {"networks": {"b" * 64: "shop"}, "volumes": {"theirs": "shop"}}


def test_what_the_engine_does_not_remove_in_time_is_told_and_left_for_later(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.busy = 1_000_000
    each_look_takes_a_second = SimpleNamespace(monotonic=count().__next__, sleep=lambda _: None)
    monkeypatch.setattr("harness.running.keeper.means.time", each_look_takes_a_second)
    gone, why = ProjectUndo(str(engine.path), MINE).carry_out(5.0)
    assert not gone
    assert "2 containers are left; answered 409" in why


@pytest.mark.parametrize(
    "written",
    [
        {"socket": "/var/run/docker.sock", "project": "shop"},
        {"socket": "/var/run/docker.sock", "project": "harness-"},
        {"socket": "/var/run/docker.sock", "project": "harness-x/../../y-z"},
        {"socket": "10.0.0.1:2375", "project": MINE},
        {"project": MINE},
    ],
)
def test_a_removal_of_what_is_no_project_of_a_run_is_refused(written: dict[str, str]) -> None:
    undo = read({"kind": "project", **written})
    assert undo.refusal()
    assert undo.carry_out(1.0) == (False, undo.refusal())


def test_an_engine_that_is_gone_leaves_the_project_for_later(tmp_path: Path) -> None:
    gone, why = ProjectUndo(str(tmp_path / "none"), MINE).carry_out(1.0)
    assert not gone
    assert "harness heal" in why


def test_who_still_brings_a_removed_project_up_is_ended_and_nobody_else(engine: Engine) -> None:
    def bringing_up(project: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-ISc", "input()", "compose", "--project-name", project, "up"]
        return subprocess.Popen(words, stdin=subprocess.PIPE)

    with bringing_up(MINE) as mine, bringing_up("shop") as theirs:
        assert ProjectUndo(str(engine.path), MINE).carry_out(5.0)[0]
        assert mine.wait(30) == -9
        assert theirs.poll() is None
        theirs.kill()


FILE = """
services:
  app: {image: a, ports: ["8000:8000"], profiles: [web]}
  redis: {image: r}
"""
PROGRAM = """#!/bin/sh
echo "$*" >> "$0.calls"
for word; do last="$word"; done
case "$last" in
  config) cat "$(dirname "$0")/docker-compose.yml";;
esac
"""
LINKS = {
    "openai": Link.model_validate({"kind": "provider", "upstream": "http://127.0.0.1:1", "env": {"URL": "{url}/v1"}})
}
VALUES = {"openai.url": "http://127.0.0.9:7", "openai.host": "127.0.0.9", "openai.port": "7", "app.port": "40000"}


class Started:
    """What is asked of the run's processes; *up* goes on until it is said to have ended."""

    def __init__(self, folder: Path) -> None:
        self.environment = {"PATH": f"{folder}:/usr/bin:/bin"}
        self.values: dict[str, str] = {}
        self.spawned: dict[str, Sequence[str]] = {}
        self.told: dict[str, Mapping[str, str]] = {}
        self.up = True

    def spawn(self, name: str, argv: Sequence[str], env: Mapping[str, str], **_: Any) -> None:
        self.spawned[name], self.told[name] = argv, env

    def alive(self, name: str) -> bool:
        return self.up

    def check(self) -> None: ...

    def default_key(self) -> dict[str, str]:
        return {"OPENAI_API_KEY": "none"}

    def stop(self, name: str, grace_s: float) -> None:
        self.up = False


class World:
    """A project of a run at an engine, and what it asked of others."""

    def __init__(self, folder: Path, engine: Engine, at_end: ExitStack, compose: Compose) -> None:
        self.folder, self.engine, self.started = folder, engine, Started(folder)
        self.undo = UndoLog(folder / "undo.jsonl")
        at_end.callback(self.undo.close)
        there = engines.Engine(f"unix://{engine.path}", at_end)
        processes = cast("Any", self.started)
        self.project = Project(compose, "R1-shop-ab", processes, there, self.undo, folder, folder)

    def asked(self) -> list[str]:
        """What Compose was asked, from the verb on."""
        calls = (self.folder / "docker-compose.calls").read_text().splitlines()
        return [call.partition("--project-directory ")[2].partition(" ")[2] or call.split()[-1] for call in calls]

    def comes_up(self, **states: str) -> None:
        """The services are there as *states* says."""
        for name, status in states.items():
            labels = {PROJECT: self.project.name, "com.docker.compose.service": name}
            self.engine.boxes[name] = Box(name, labels, status, exit_code=int(status == "exited") * 3)
        self.started.up = False

    def serving(self) -> bool:
        self.project._looked_s = float("-inf")  # no test waits until it looks again
        return self.project.serving()

    def close(self) -> None:
        self.project.close(Interruptions(), lambda _: None)

    @property
    def promised(self) -> list[str]:
        return [promise.id for promise in pending(self.folder / "undo.jsonl")]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "docker-compose.yml").write_text(FILE)
    (tmp_path / "docker-compose").write_text(PROGRAM)
    (tmp_path / "docker-compose").chmod(0o700)
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")  # has no such plug-in
    (tmp_path / "docker").chmod(0o700)
    compose = COMPOSE.model_copy(update={"file": str(tmp_path / "docker-compose.yml")})
    with serving(Engine(tmp_path / "socket")) as engine, ExitStack() as at_end:
        yield World(tmp_path, engine, at_end, compose)


def test_a_project_is_promised_to_be_removed_brought_up_with_the_links_followed_and_taken_down(world: World) -> None:
    world.project.prepare()
    assert world.project.at == "127.0.0.9"
    assert world.promised == ["compose"]
    world.project.start(LINKS, VALUES)
    assert world.started.spawned[UP][-4:] == ["up", "--detach", "app", "redis"]
    laid_out_for_it = world.folder / "compose.yaml"
    assert laid_out_for_it.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(laid_out_for_it.read_text())["services"]["redis"]["environment"] == {
        "OPENAI_API_KEY": "none",
        "URL": "http://127.0.0.9:7/v1",
    }
    engine = {"DOCKER_HOST": f"unix://{world.engine.path}"}
    assert world.started.told[UP] == engine
    assert not world.serving()
    world.comes_up(app="running", redis="running")
    world.engine.boxes["app"].health = "starting"
    assert not world.serving()
    world.engine.boxes["app"].health = "healthy"
    assert world.serving()
    assert world.started.spawned[LOGS][-3:] == ["logs", "--follow", "--no-color"]
    world.close()
    assert world.asked() == ["config", "down --rmi local --remove-orphans --timeout 3"]
    assert "--profile web" in (world.folder / "docker-compose.calls").read_text()
    assert (world.engine.boxes, world.engine.others["networks"]) == ({}, {})
    assert world.promised == []


def test_a_fault_finds_a_service_in_the_project_of_its_run_and_in_no_other(world: World) -> None:
    said = {"app": Container(service="app"), "db": Container(name="db")}
    found = world.project.containers(said)
    assert found == {"app": Container(service="app", project=world.project.name), "db": said["db"]}
    assert ProjectUndo("/socket", world.project.name).refusal() == ""


def test_a_service_that_ends_while_it_comes_up_is_told(world: World) -> None:
    world.project.prepare()
    world.project.start(LINKS, VALUES)
    world.comes_up(app="exited", redis="running")
    with pytest.raises(HarnessError, match=r"service app of .* ended with status 3"):
        world.serving()


def test_services_that_are_late_are_told_with_how_each_is(world: World) -> None:
    world.project.prepare()
    world.project.start(LINKS, VALUES)
    world.comes_up(app="created")
    world.project._late_s = 0.0
    with pytest.raises(NotReadyError, match=r"compose\.within.*app is created, its health none; redis is not there"):
        world.serving()


def test_an_address_that_is_not_on_this_machine_is_refused_and_nothing_is_left(world: World) -> None:
    world.engine.gateway = "192.0.2.1"
    with pytest.raises(HarnessError, match="which is not here, as where the engine is in a virtual machine"):
        world.project.prepare()
    assert NETWORK in world.engine.others["networks"]
    world.close()
    assert (world.engine.others["networks"], world.promised) == ({}, [])


def test_what_compose_does_not_know_is_told_before_anything_is_made(world: World) -> None:
    (world.folder / "docker-compose.yml").write_text(FILE.replace("redis:", "rediss:"))
    with pytest.raises(HarnessError, match="has no service 'redis'; did you mean 'rediss'"):
        world.project.prepare()
    assert world.engine.others["networks"] == {}


def test_without_an_engine_nothing_is_promised(world: World, tmp_path: Path) -> None:
    world.project._engine.where = f"unix://{tmp_path}/none"
    with pytest.raises(HarnessError, match="no engine of containers listens"):
        world.project.prepare()
    world.close()
    assert world.promised == []


def test_a_service_that_ends_by_itself_later_is_missed_and_one_that_a_fault_breaks_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.running.world.compose._WATCH_EVERY_S", 0.001)
    world.comes_up(app="running", redis="exited")
    with ExitStack() as at_end:
        world.project.watch({"redis"}, at_end)
        world.comes_up(app="exited", redis="exited")
        eventually(lambda: world.project._ended)
    with pytest.raises(ServiceEndedError, match=r"service app of .* ended with status 3"):
        world.project.check()
