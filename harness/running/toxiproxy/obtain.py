"""The Toxiproxy server's binary: found, downloaded or built, so that a person has nothing to install."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.problems import UnavailableError
from harness.running.toxiproxy import version as versions
from harness.running.toxiproxy.release import DownloadError, Release
from harness.running.toxiproxy.version import Version

_NAME = "toxiproxy-server"
_BUILD_LIMIT_S = 600.0
_VERSION_LIMIT_S = 10.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Binary:
    """A server that can be started, and where it came from."""

    path: Path
    version: Version
    source: Literal["path", "cache", "release", "go"]


class _NoWayError(Exception):
    """One way to a binary does not lead there; the message says why."""


def obtain(cache: Path, say: Say, *, path: str | None = None, release: Release | None = None) -> Binary:
    """A server's binary: on *path* (as in PATH), in *cache*, downloaded as *release*, or built by the Go on *path*.

    What had to be downloaded or built is in *cache* afterwards, whole or not at all, also when two do it at once.
    *say* is told what takes time. Raises UnavailableError that names every way and why it failed.
    """
    pinned = release or Release()
    kept = pinned.kept(cache)
    ways: dict[str, Callable[[], Binary]] = {
        "on PATH": lambda: _on_path(path, say),
        f"in the cache ({kept})": lambda: _cached(kept),
        "download": lambda: _downloaded(pinned, cache, kept, say),
        "go install": lambda: _built(pinned, cache, kept, path, say),
    }
    failures = []
    for way, attempt in ways.items():
        try:
            return attempt()
        except (_NoWayError, DownloadError, OSError) as failure:
            failures.append(f"  {way}: {failure}")
    tried = "\n".join(failures)
    raise UnavailableError(
        f"no {_NAME} could be had:\n{tried}\nput {_NAME} 2.6.0 or later (best {pinned.version}) on PATH"
    )


def _on_path(path: str | None, say: Say) -> Binary:
    found = _which(_NAME, path)
    if found is None:
        raise _NoWayError("not there")
    try:
        return Binary(found, _examined(found), "path")
    except _NoWayError as failure:
        say(f"not using the {_NAME} on PATH: {failure}")
        raise


def _cached(kept: Path) -> Binary:
    if not kept.exists():
        raise _NoWayError("not there")
    return Binary(kept, _examined(kept), "cache")


def _downloaded(release: Release, cache: Path, kept: Path, say: Say) -> Binary:
    with _workplace(cache) as place:
        fresh = Path(place) / _NAME
        release.download(fresh, say)
        return Binary(kept, _keep(fresh, kept), "release")


def _built(release: Release, cache: Path, kept: Path, path: str | None, say: Say) -> Binary:
    go = _which("go", path)
    if go is None:
        raise _NoWayError("there is no go on PATH")
    say(f"building {_NAME} {release.version} with go (up to a minute)")
    with _workplace(cache) as place:
        # By env(1), so that Go has the environment that the person set up for it, and this module need not read it.
        environment = ["env", f"GOBIN={place}", "CGO_ENABLED=0"]
        try:
            done = _run([*environment, str(go), "install", "-ldflags", release.flags, release.package], _BUILD_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise _NoWayError(f"{release.package} was not built within {_BUILD_LIMIT_S:g} s") from error
        if done.returncode != 0:
            raise _NoWayError(f"{release.package} cannot be built: {_end(done.stderr)}")
        return Binary(kept, _keep(Path(place) / "server", kept), "go")


def _which(name: str, path: str | None) -> Path | None:
    # Without a path, shutil.which would read the environment's.
    found = shutil.which(name, path=path) if path else None
    return Path(found).absolute() if found else None


def _workplace(cache: Path) -> tempfile.TemporaryDirectory[str]:
    """A directory of this run's own on the cache's file system, so that a binary moves into place in one step."""
    cache.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="toxiproxy-", dir=cache)


def _keep(fresh: Path, kept: Path) -> Version:
    fresh.chmod(0o755)
    version = _examined(fresh)
    kept.parent.mkdir(exist_ok=True)
    fresh.replace(kept)
    return version


def _examined(binary: Path) -> Version:
    """The version of *binary*, which has shown that it runs here."""
    try:
        version = versions.parse(_run([str(binary), "-version"], _VERSION_LIMIT_S).stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise _NoWayError(f"{binary} does not say its version: {error}") from error
    if not version.supported:
        raise _NoWayError(f"{binary} is version {version}, and 2.6.0 is the oldest that can be used")
    return version


def _run(command: list[str], limit_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=limit_s
    )


def _end(log: str) -> str:
    return " / ".join(line.strip() for line in log.strip().splitlines()[-3:]) or "it said nothing"
