"""An image out of what is on this machine, where none can be pulled: a Python, the packages that the harness needs, and their libraries.

It stands in for the one that the Dockerfile makes: the same paths on PATH, the same user, the same folder. Redis is in it, too.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from harness.running.redis_server import find
from harness.running.toxiproxy import obtain
from harness.settings import settings

ROOT = Path(__file__).resolve().parents[2]
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
LIBRARY = f"usr/local/lib/{PYTHON}"
_LEFT_OUT = ("site-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3")
_PASSWD = "root:x:0:0:root:/root:/sbin/nologin\nharness:x:1000:1000::/tmp:/sbin/nologin\n"
_COMMAND = f"#!/usr/local/bin/{PYTHON}\nfrom harness.interfaces.cli import main\nmain()\n"
CHANGES = (
    "ENV PATH=/opt/harness/bin:/usr/local/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1",
    "WORKDIR /harness",
    "USER 1000:1000",
    'ENTRYPOINT ["harness"]',
)
"""What the Dockerfile says of the image beside its files."""


def needed(name: str) -> dict[str, Distribution]:
    """The distribution *name* and all that it needs here, by name; extras are left out."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(name)]
    while waiting:
        requirement = waiting.pop()
        key = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if key in found:
            continue
        try:
            found[key] = distribution(requirement.name)
        except PackageNotFoundError:
            continue  # a requirement of another machine, whose mark was not evaluated
        extras = {"", *requirement.extras}
        for text in found[key].requires or ():
            one = Requirement(text)
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(one)
    return found


def files() -> Iterator[tuple[Path, str]]:
    """What goes into the image, and where: Python itself, the packages, our own code, and the two servers."""
    base = Path(sys.base_prefix)
    yield (base / "bin" / PYTHON).resolve(), f"usr/local/bin/{PYTHON}"
    standard = base / "lib" / PYTHON
    for path in standard.rglob("*"):
        inner = path.relative_to(standard)
        if path.is_file() and not (set(inner.parts) & set(_LEFT_OUT)) and not inner.parts[0].startswith("config-"):
            yield path, f"{LIBRARY}/{inner}"
    for one in needed("resilience-harness").values():
        for entry in one.files or ():
            path = Path(str(one.locate_file(entry)))
            if path.is_file() and ".." not in entry.parts and path.suffix != ".pth":
                yield path, f"{LIBRARY}/site-packages/{entry}"
    for path in (ROOT / "harness").rglob("*"):
        if path.is_file():
            yield path, f"{LIBRARY}/site-packages/{path.relative_to(ROOT)}"
    for path in (ROOT / "scenarios").rglob("*"):
        if path.is_file():
            yield path, f"harness/{path.relative_to(ROOT)}"
    known = settings()
    yield obtain(known.cache, print, path=known.search_path).path, "opt/harness/bin/toxiproxy-server"
    redis = find()
    assert redis, "there is no redis-server on this machine; harness doctor says how to get one"
    yield Path(redis).resolve(), "usr/local/bin/redis-server"
    if (client := shutil.which("redis-cli")) is not None:
        yield Path(client).resolve(), "usr/local/bin/redis-cli"


def libraries(binaries: list[Path]) -> set[Path]:
    """The shared libraries that the *binaries* are linked to here, as the loader finds them, and the loader."""
    found: set[Path] = set()
    for start in range(0, len(binaries), 200):
        told = subprocess.run(
            ["ldd", *map(str, binaries[start : start + 200])], capture_output=True, text=True, check=False
        )
        found |= {Path(path) for path in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", told.stdout, re.MULTILINE)}
    return found


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def write(to: Path) -> int:
    """The image's file tree as a tar at *to*; how many files it has."""
    placed = {where: path for path, where in files()}
    binaries = [path for path in placed.values() if _is_binary(path)]
    inside = {path.resolve() for path in placed.values()}
    for library in libraries(binaries):
        if library.resolve() not in inside:
            placed[_where_the_loader_looks(library)] = library.resolve()
    with tarfile.open(to, "w", format=tarfile.GNU_FORMAT) as tar:
        for folder, mode in (("tmp", 0o1777), ("harness", 0o755), ("harness/reports", 0o755), ("etc", 0o755)):
            _add(tar, folder, None, mode, owner=1000 if folder == "harness/reports" else 0)
        for name, text in (
            ("etc/passwd", _PASSWD),
            ("etc/group", "root:x:0:\nharness:x:1000:\n"),
            ("opt/harness/bin/harness", _COMMAND),
        ):
            _add(tar, name, text.encode(), 0o755 if name.startswith("opt") else 0o644)
        _link(tar, "usr/local/bin/python", PYTHON)
        _link(tar, "usr/local/bin/python3", PYTHON)
        for where, path in placed.items():
            _copy(tar, where, path)
    return len(placed)


def _where_the_loader_looks(library: Path) -> str:
    """Its own place; of one that was found by a path of this machine, such as Python's own, one that is searched anyway."""
    own = any(library.is_relative_to(folder) for folder in ("/lib", "/lib64", "/usr/lib", "/usr/lib64"))
    return str(library if own else Path("/usr/lib", library.name)).lstrip("/")


def _add(tar: tarfile.TarFile, name: str, content: bytes | None, mode: int, owner: int = 0) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.uid, entry.gid = mode, owner, owner
    entry.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    entry.size = len(content or b"")
    tar.addfile(entry, io.BytesIO(content or b""))


def _link(tar: tarfile.TarFile, name: str, to: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, to
    tar.addfile(entry)


def _copy(tar: tarfile.TarFile, name: str, path: Path) -> None:
    """*path* as it is, but root's and readable; its time stays, by which Python knows whether it has compiled it."""
    entry = tar.gettarinfo(path, name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", path.stat().st_size
    with path.open("rb") as file:
        tar.addfile(entry, file)
