"""One world at a time on a machine: whoever asks for a run waits until nobody else's goes on, whichever process asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.settings import Settings

_LOCK = ".pytest-turn"


@contextmanager
def turn(settings: Settings) -> Iterator[None]:
    """Waits for the turn, and has it inside. Runs beside one another would starve each other, and be invalid.

    The lock is flock(2) on a file of the state folder, so that it ends with whoever has it, however that ends.
    """
    import fcntl  # where there is none, there are no runs either

    from harness.reading.state_place import is_url

    folder = settings.cache if is_url(settings.state) else Path(settings.state).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
