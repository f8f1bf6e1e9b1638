"""The Compose stack for real, from images built from scratch: a scenario runs in it, a container is broken, and runs bring up their own.

``python tests/containers/stack.py`` needs Linux, ``docker`` and Compose, and may be run as root alone where no engine answers: then one of
its own is started, and ended again. No image is pulled. What it found is printed; ``--only`` tries one of its parts again. Its status is 1
where a service never became healthy or something was not as it should be, else that of the run: 0 where the scenario passed, 4 where the
machine was too busy to say.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a command, this file is where Python looks first
from containers import broken, composed, from_scratch

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "resilience-harness-from-scratch"
"""Another name than that of the image which the Dockerfile makes, so that nobody's is lost."""
OURS = "resilience-harness"
PROJECT = "harness-stack"
_ENGINE_WITHIN_S, _HEALTHY_WITHIN_S, _RUN_WITHIN_S = 30.0, 150.0, 240.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    if_there = "do nothing, and say so, where no engine answers and none can be had: by who is not root, or has neither dockerd nor apt"
    parser.add_argument("--if-there", action="store_true", help=if_there)
    parser.add_argument("--only", choices=("stack", "broken", "composed"), help="one of its parts alone")
    options = parser.parse_args()
    if options.if_there and not answers(os.environ) and (lacks := lacking(as_root=os.geteuid() == 0)):
        print(lacks.said)
        return lacks.status
    with (
        tempfile.TemporaryDirectory(prefix="harness-stack-") as folder,
        engine(Path(folder)) as environment,
    ):
        began = time.monotonic()
        build(Path(folder), environment)
        print(f"image     {time.monotonic() - began:.0f} s")
        status = tried(Path(folder), environment) if options.only in (None, "stack") else 0
        wrong = broken.each_way(IMAGE, environment) if options.only in (None, "broken") else []
        wrong += composed.each_way(IMAGE, environment, Path(folder)) if options.only in (None, "composed") else []
        print(*(f"not as it should be: {what}" for what in wrong), sep="\n", end="\n" if wrong else "")
        # That the machine was too busy for the run says nothing of the rest.
        return 1 if wrong else status


def answers(environment: Mapping[str, str]) -> bool:
    """Whether a Docker engine answers."""
    if shutil.which("docker") is None:
        return False
    asked = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(asked, env=environment, capture_output=True, check=False).returncode == 0


class Lacks(NamedTuple):
    """Why no engine can be started, and the status with which that ends."""

    said: str
    status: int


def lacking(*, as_root: bool, which: Callable[[str], str | None] = shutil.which) -> Lacks | None:
    """What keeps an engine of our own from being started; None where nothing does. Who could have it, and has it not, has failed."""
    if not as_root:
        return Lacks("no Docker engine answers here, and root alone can start one, so the stack was not started", 0)
    if missing := [name for name in ("docker", "dockerd") if which(name) is None]:
        said = f"no Docker engine answers here, and there is no {' and no '.join(missing)}"
        if which("apt-get") is not None:
            return Lacks(f"{said}: apt-get install docker.io", 1)
        return Lacks(f"{said} and no apt-get to have it from, so the stack was not started", 0)
    return None


@contextmanager
def engine(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which an engine answers: the one that is there, else one of our own that reaches no network."""
    environment = dict(os.environ)
    if answers(environment):
        yield environment
        return
    environment["DOCKER_HOST"] = f"unix://{folder}/docker.sock"
    daemon = started(folder, environment)
    try:
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(30)


def started(folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """An engine that answers; with a storage driver that copies every file where the kernel has none that shares them."""
    command = [
        "dockerd",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/pid",
        f"--host={environment['DOCKER_HOST']}",
        "--iptables=false",
        "--bridge=none",
    ]
    for driver in ("overlay2", "vfs"):
        with (folder / "dockerd.log").open("w") as log:
            words = [*command, f"--storage-driver={driver}", f"--data-root={folder}/{driver}"]
            daemon = subprocess.Popen(words, stdout=log, stderr=log)
        until(lambda: answers(environment) or daemon.poll() is not None, _ENGINE_WITHIN_S, "the engine")  # noqa: B023 - asked at once
        if daemon.poll() is None:
            print(f"engine    our own, {driver}")
            return daemon
    sys.exit(f"dockerd ended: {(folder / 'dockerd.log').read_text()[-2000:]}")


def compose(environment: Mapping[str, str]) -> list[str]:
    """``docker compose`` where the plugin is, else the older program, which reads the same file."""
    plugin = subprocess.run(["docker", "compose", "version"], env=environment, capture_output=True, check=False)
    return ["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]


def tried(folder: Path, environment: Mapping[str, str]) -> int:
    """Runs the stack, and tells what came of it; the status of the whole."""
    reports, command = folder / "reports", [*compose(environment), "--project-name", PROJECT]
    reports.mkdir()
    os.chown(reports, 1000, 1000)
    laid = folder / "laid-over.yml"
    laid.write_text(yaml.safe_dump(laid_over(reports)))
    command += ["-f", str(ROOT / "docker-compose.yml"), "-f", str(laid)]
    print(f"compose   {' '.join(compose(environment))}")
    log = (folder / "up.log").open("w")
    up = subprocess.Popen(
        [*command, "up", "--no-build", "--exit-code-from", "harness"], env=environment, stdout=log, stderr=log, cwd=ROOT
    )
    try:
        healthy = watched(up, environment, time.monotonic())
        status = up.wait(_RUN_WITHIN_S)
    finally:
        up.terminate()
        up.wait(60)
        subprocess.run(
            [*command, "down", "--volumes", "--timeout", "5"],
            env=environment,
            capture_output=True,
            check=False,
            cwd=ROOT,
        )
        log.close()
    return told(folder, healthy, status)


def build(folder: Path, environment: Mapping[str, str]) -> None:
    tree = folder / "image.tar"
    count = from_scratch.write(tree)
    print(f"tree      {count} files, {tree.stat().st_size / 2**20:.0f} MiB")
    changes = [word for change in from_scratch.CHANGES for word in ("--change", change)]
    subprocess.run(
        ["docker", "import", *changes, str(tree), IMAGE], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    tree.unlink()


def laid_over(reports: Path) -> dict[str, Any]:
    """What differs from the file that people use: Redis is in our image, and the reports are put elsewhere."""
    services: dict[str, Any] = {}
    for name, service in written()["services"].items():
        services[name] = {"image": IMAGE, "pull_policy": "never"}
        if service["image"] != OURS:
            program, *words = service["command"]
            port = words[words.index("--port") + 1]
            services[name] |= {"entrypoint": [program], "command": words}
            if shutil.which("redis-cli") is None:
                services[name]["healthcheck"] = {"test": ["CMD", "python", "-ISc", _PING.format(port)]}
    services["harness"]["volumes"] = [f"{reports}:/harness/reports"]
    return {"services": services}


_PING = "import socket; s = socket.create_connection(('127.0.0.1', {}), 2); s.sendall(b'PING\\r\\n'); assert b'PONG' in s.recv(99)"


def written() -> dict[str, Any]:
    """The file that people use."""
    stack: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return stack


def watched(up: subprocess.Popen[bytes], environment: Mapping[str, str], began: float) -> dict[str, float]:
    """After how long each service was healthy, in seconds."""
    wanted = set(written()["services"])
    found: dict[str, float] = {}
    while wanted - set(found) and up.poll() is None and time.monotonic() < began + _HEALTHY_WITHIN_S:
        for service, state in health(environment).items():
            if state == "healthy" and service not in found:
                found[service] = time.monotonic() - began
                print(f"healthy   {service} after {found[service]:.0f} s", flush=True)
        time.sleep(0.5)
    return found


def health(environment: Mapping[str, str]) -> dict[str, str]:
    """What is said of the health of each container of the stack, by service."""
    listed = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}"],
        env=environment, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    if not listed:
        return {}
    told = subprocess.run(
        ["docker", "inspect", *listed], env=environment, capture_output=True, text=True, check=False
    ).stdout
    return {
        one["Config"]["Labels"]["com.docker.compose.service"]: one["State"].get("Health", {}).get("Status", "none")
        for one in json.loads(told or "[]")
    }


def told(folder: Path, healthy: Mapping[str, float], status: int) -> int:
    wanted = set(written()["services"])
    results = [json.loads(path.read_text()) for path in (folder / "reports").glob("*/*/result.json")]
    late = sorted(wanted - set(healthy))
    print(f"ended     {status}; " + "; ".join(f"{one['verdict']}: {one['reason']}" for one in results))
    if late or status or not results:
        print(f"never healthy: {', '.join(late) or 'none'}\n{(folder / 'up.log').read_text()[-6000:]}")
    return 1 if late or not results else status


def until(condition: Any, within_s: float, what: str) -> None:
    late_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > late_s:
            sys.exit(f"{what} did not come within {within_s:g} s")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
