"""Who began an occurrence, claimed on disk: one can, whoever else tries, and however it ends everybody can tell what became of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from harness.running.keeper.processes import LINUX, look
from harness.running.state.target_state import this_boot

_GIVEN_UP = "given up\n"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim says: which process began it, on which start of the machine, and the *status* that it ended with, where it has.

    *pid* is 0 of an occurrence that was given up, so that nobody begins it.
    """

    pid: int
    started: int = 0
    boot: str = ""
    status: int | None = None

    @property
    def lives(self) -> bool:
        """Whether that process still is."""
        process = look(self.pid) if self.pid and self.boot == this_boot() else None
        return process is not None and (not LINUX or process.started == self.started)


def begin(path: Path) -> bool:
    """Claim *path* for this process; False where it is somebody's already. On disk when this returns. Raises OSError."""
    process = look(os.getpid())
    return _claim(path, f"begun {os.getpid()} {process.started if process else 0} {this_boot()}\n")


def give_up(path: Path) -> bool:
    """Claim *path* so that nobody else can; False where it is somebody's already."""
    return _claim(path, _GIVEN_UP)


def end(path: Path, status: int) -> None:
    """Write down beside our claim with which *status* we end."""
    with path.open("a", encoding="ascii") as file:
        file.write(f"ended {status}\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> Claim | None:
    """What the claim at *path* says; None where nobody has it. One that cannot be understood is somebody's, who is gone."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return None
    words = [line.split() for line in lines]
    try:
        (_, pid, started, *boot), *more = words
        status = next((int(line[1]) for line in more if line[0] == "ended"), None)
        return Claim(int(pid), int(started), "".join(boot), status)
    except (ValueError, IndexError):
        return Claim(0)


def write(path: Path, text: str) -> None:
    """Put *text* in the place of what is at *path*; it is on disk, and whole, when this returns. Raises OSError that names *path*."""
    part = path.with_name(f".{path.name}-{token_hex(8)}")
    try:
        _put(part, text)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def _claim(path: Path, text: str) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}-{token_hex(8)}")
    try:
        _put(part, text)
        os.link(part, path)  # whole from the beginning, and refused where there is one
        _sync(path.parent)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def _put(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
