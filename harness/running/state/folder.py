"""State in a folder, on this machine or on a mount that several share: each change is made under one lock and appears whole."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO

from harness.problems import cannot
from harness.running.state.store import StateError, Stored, UnreadableError

_LOCKED_WITHIN_S, _LOOK_AGAIN_S = 5.0, 0.01


class FolderStore:
    """Documents in files below *root*; see `store.Store`. The lock is flock(2), which NFS 4 and SMB carry between machines."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def where(self) -> str:
        return str(self._root)

    def read(self, name: str) -> Stored | None:
        path = self._root / name
        try:
            text = path.read_text("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if os.path.lexists(path):
                why = f"{path} is there and cannot be read ({cannot(error)})"
                raise UnreadableError(f"{why}; look at it, and remove it by hand") from error
            raise StateError(f"the state in {self._root} cannot be read: {cannot(error)}") from error
        return Stored(text, text)

    def write(self, name: str, text: str, replacing: Stored | None) -> bool:
        with self._locked():
            if self.read(name) != replacing:
                return False
            self._put(self._root / name, text)
            return True

    def remove(self, name: str, replacing: Stored) -> bool:
        with self._locked():
            if self.read(name) != replacing:
                return False
            (self._root / name).unlink()
            return True

    def targets(self) -> list[str]:
        with self._told():
            if not self._root.is_dir():
                return []
            # What begins otherwise than a name does is no target's, as the folder of schedules.
            return sorted(path.name for path in self._root.iterdir() if path.is_dir() and path.name[0].isalnum())

    def _put(self, path: Path, text: str) -> None:
        """The file appears whole or not at all, also for who reads it without the lock."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.parent / f".part-{token_hex(8)}"
        try:
            with part.open("x", encoding="utf-8") as file:
                file.write(text)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._told():
            self._root.mkdir(parents=True, exist_ok=True)
            with (self._root / ".lock").open("a", encoding="utf-8") as lock:
                self._lock(lock)
                yield

    def _lock(self, lock: IO[str]) -> None:
        """Changes take milliseconds: who waits for seconds waits for somebody that was stopped in the midst of one."""
        late_s = time.monotonic() + _LOCKED_WITHIN_S
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > late_s:
                    raise StateError(
                        f"{self._root}/.lock has been locked by somebody else for {_LOCKED_WITHIN_S:g} s; `fuser` tells by whom"
                    ) from None
                time.sleep(_LOOK_AGAIN_S)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except StateError:
            raise
        except OSError as error:
            what = f"the state in {self._root} cannot be kept: {cannot(error)}"
            raise StateError(f"{what}; name another folder with HARNESS_STATE") from error
