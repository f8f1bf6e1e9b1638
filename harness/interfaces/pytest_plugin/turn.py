"""One world at a time on a machine: whoever asks for a run waits until nobody else's goes on, whichever process asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.settings import Settings

_LOCK = ".pytest-turn"


@contextmanager
def turn(settings: Settings) -> Iterator[None]:
    """Waits for the turn, and has it inside. Runs beside one another would starve each other, and be invalid.

    The lock is flock(2) on a file, so that it ends with whoever has it, however that ends. It lies in the cache, which is this machine's
    own: several machines may share a state, and need not wait for one another, and copies of a target have states of their own, and must.
    """
    import fcntl  # where there is none, there are no runs either

    settings.cache.mkdir(parents=True, exist_ok=True)
    with (settings.cache / _LOCK).open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
