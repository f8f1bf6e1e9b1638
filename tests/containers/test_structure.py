"""The image and the stack, as they are written down: nobody is root, only /tmp is writable, all is pinned and has its health checked."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from docker.utils.build import exclude_paths

from harness.reading.hosts import host_of
from harness.reading.target import Target
from harness.reading.yaml import load

ROOT = Path(__file__).resolve().parents[2]
STACK: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def _ports(service: dict[str, Any]) -> set[str]:
    """What the service says it listens on."""
    words = [*service.get("entrypoint", []), *service.get("command", [])]
    told = {word.partition("=")[2] for word in words if word.startswith("-port=")}
    return told | {str(after) for word, after in pairwise(words) if word == "--port"}


def wrongs(stack: dict[str, Any]) -> Iterator[str]:
    """All that is not as it has to be."""
    if "version" in stack:
        yield "version: is obsolete"
    services = stack["services"]
    if [name for name, one in services.items() if "build" in one] != ["harness"]:
        yield "one service builds the image for all"
    for name, service in services.items():
        found = [*_open(service), *_untold(name, service, services)]
        yield from (f"{name}: {wrong}" for wrong in found)


def _open(service: dict[str, Any]) -> Iterator[str]:
    """What a service may do, or be, that it has no need of."""
    image = service["image"]
    if image != "resilience-harness" and not re.search(r":\d+\.\d+\.\d+[a-z0-9.-]*@sha256:[0-9a-f]{64}$", image):
        yield "its image is not pinned"
    if image == "resilience-harness" and service.get("pull_policy") != "never":
        yield "a stranger's image could be pulled"
    # What stands in its place when the variable is not set.
    user = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(service.get("user", "")))
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user):
        yield "it runs as root"
    if service.get("read_only") is not True or service.get("tmpfs") != ["/tmp"]:
        yield "more than /tmp can be written to"
    if service.get("cap_drop") != ["ALL"] or "no-new-privileges:true" not in service.get("security_opt", []):
        yield "it has capabilities"
    if {"privileged", "ports", "cap_add", "devices", "pid"} & set(service):
        yield "it reaches beyond its container"
    if service.get("network_mode") not in ("none", "service:toxiproxy"):
        yield "it reaches a network"


def _untold(name: str, service: dict[str, Any], services: dict[str, Any]) -> Iterator[str]:
    """What nobody could wait for, and what the service itself does not wait for."""
    health = service.get("healthcheck", {})
    if not health.get("test") or not health.get("interval") or not health.get("retries") or health.get("disable"):
        yield "nobody can tell whether it is healthy"
    elif any(port not in " ".join(health["test"]) for port in _ports(service)):
        yield "its health is not that of what it listens on"
    needs = service.get("depends_on", {})
    if not isinstance(needs, dict) or any(need.get("condition") != "service_healthy" for need in needs.values()):
        yield "it does not wait until what it needs is healthy"
    if (set(needs) | {service.get("network_mode", "").partition(":")[2]} - {""}) - set(services):
        yield "it needs what is not there"
    if service.get("network_mode") == "service:toxiproxy" and not _reaches(name, "toxiproxy", services):
        yield "it does not wait for its network"


def _reaches(name: str, goal: str, services: dict[str, Any]) -> bool:
    needs = services[name].get("depends_on", {})
    return goal in needs or any(_reaches(need, goal, services) for need in needs if need in services)


def test_the_stack_is_as_it_has_to_be() -> None:
    assert list(wrongs(STACK)) == []


def _set(service: str, **settings: Any) -> Callable[[dict[str, Any]], None]:
    return lambda stack: stack["services"][service].update(settings)


def _without(service: str, key: str) -> Callable[[dict[str, Any]], None]:
    return lambda stack: stack["services"][service].pop(key)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda stack: stack.update(version="3.8"), "version: is obsolete"),
        (_set("publisher", build="."), "one service builds the image for all"),
        (_set("redis-primary", image="redis:7-alpine"), "its image is not pinned"),
        (_set("redis-primary", image="redis:latest"), "its image is not pinned"),
        (_without("publisher", "pull_policy"), "a stranger's image could be pulled"),
        (_without("publisher", "user"), "it runs as root"),
        (_set("publisher", user="0:1000"), "it runs as root"),
        (_set("publisher", user="${HARNESS_USER:-0:0}"), "it runs as root"),
        (_set("publisher", read_only=False), "more than /tmp can be written to"),
        (_set("publisher", tmpfs=["/tmp", "/"]), "more than /tmp can be written to"),
        (_without("publisher", "cap_drop"), "it has capabilities"),
        (_set("publisher", privileged=True), "it reaches beyond its container"),
        (_set("publisher", ports=["7501:7501"]), "it reaches beyond its container"),
        (_without("publisher", "network_mode"), "it reaches a network"),
        (_without("publisher", "healthcheck"), "nobody can tell whether it is healthy"),
        (_set("publisher", healthcheck={"disable": True}), "nobody can tell whether it is healthy"),
        (_set("publisher", entrypoint=["x", "--port", "7502"]), "its health is not that of what it listens on"),
        (_set("publisher", depends_on=["redis-primary"]), "it does not wait until what it needs is healthy"),
        (_set("publisher", depends_on={"redis-primary": {"condition": "service_started"}}), "it does not wait until"),
        (_set("publisher", depends_on={"redis": {"condition": "service_healthy"}}), "it needs what is not there"),
        (_without("publisher", "depends_on"), "it does not wait for its network"),
    ],
)
def test_whatever_is_not_is_seen(spoil: Callable[[dict[str, Any]], None], said: str) -> None:
    stack = deepcopy(STACK)
    spoil(stack)
    assert any(said in wrong for wrong in wrongs(stack))


def test_the_target_of_the_stack_names_the_ports_that_its_services_have() -> None:
    target = load(ROOT / "scenarios" / "targets" / "compose.yaml", Target).value
    services = STACK["services"]
    listened = {port for one in services.values() for port in _ports(one)}
    addresses = [
        *(entry.url for entry in target.entries),
        *(link.upstream for link in target.links.values() if isinstance(link.upstream, str)),
        *([target.publish.post] if target.publish else []),
    ]
    assert {host_of(address) for address in addresses} == {"127.0.0.1"}
    assert {port for address in addresses for port in re.findall(r":(\d+)", address)} <= listened
    told = " ".join(word for one in services.values() for word in [*one.get("entrypoint", []), *one.get("command", [])])
    assert all(str(link.listen) in told for link in target.links.values())


def _stages() -> list[list[str]]:
    """The instructions of each stage of the Dockerfile, with the arguments that stand before all of them filled in."""
    lines = [line for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
    arguments = dict(line.removeprefix("ARG ").split("=", 1) for line in lines if line.startswith("ARG "))
    stages: list[list[str]] = []
    for line in lines:
        filled = re.sub(r"\$\{(\w+)\}", lambda match: arguments.get(match[1], match[0]), line)
        if line.startswith("FROM "):
            stages.append([])
        if stages:
            stages[-1].append(filled)
    return stages


def test_the_image_is_made_of_pinned_ones_and_does_not_run_as_root() -> None:
    assert all(re.match(r"FROM \S+:[\w.-]+@sha256:[0-9a-f]{64}( AS \w+)?$", stage[0]) for stage in _stages())
    users = [line.split()[1] for line in _stages()[-1] if line.startswith("USER ")]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])


def test_toxiproxy_is_in_the_image_from_where_the_harness_has_it() -> None:
    build, last = _stages()
    assert "RUN python -m harness.running.toxiproxy /opt/harness/bin/toxiproxy-server" in build
    assert "COPY --from=build /opt/harness /opt/harness" in last
    assert any(line.startswith("ENV PATH=/opt/harness/bin:") for line in last)


def test_only_what_the_image_is_made_of_is_sent_to_the_builder(tmp_path: Path) -> None:
    for name in ("harness/x.py", "scenarios/a.yaml", "pyproject.toml", "README.md", "LICENSE", ".venv/bin/python", ".git/HEAD",
                 "reports/sample/result.json", "tests/test_x.py", "harness/__pycache__/x.pyc", ".mypy_cache/x", ".env",
                 "my-service.yaml"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shutil.copy(ROOT / ".dockerignore", tmp_path)
    patterns = [line for line in (tmp_path / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    sent = {path for path in exclude_paths(str(tmp_path), patterns) if (tmp_path / path).is_file()}
    # The builder needs the two files that say how; it always has them.
    assert sent - {".dockerignore", "Dockerfile"} == {
        "harness/x.py",
        "scenarios/a.yaml",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    }
    copied = [word for line in DOCKERFILE.splitlines() if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert {word for word in copied if not word.startswith(("--", "/"))} == {path.split("/")[0] for path in sent} - {
        ".dockerignore",
        "Dockerfile",
    }
