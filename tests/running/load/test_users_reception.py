"""Workers of other machines who come to the master of users before Locust is there: who is present, who left, and who gets the plan."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from harness.running.free_port import free_port
from harness.running.load.door import Asking, Awaited, Door, callers
from harness.running.load.knocking import knock
from harness.running.load.users import plan as users_plan
from harness.running.load.users import reception
from harness.running.load.users.plan import UsersPlan

ME = Asking("host_ffffffff1", "load-1", 4711, "1", locustfile="aa", locust="2")
WORD = "a-word"


class Master:
    """The master of users of a plan that is to be in *folder*, which waits for one worker beside one of its own."""

    def __init__(self, folder: Path) -> None:
        self.path, self._callers, self.port = folder / "load.json", folder / "callers", free_port()
        self.doors: list[Door] = []
        awaited = Awaited(1, "1", [], str(self._callers), locustfile="aa", locust="2")
        self._thread = threading.Thread(target=lambda: self.doors.append(self._receives(awaited)))
        self._thread.start()

    def _receives(self, awaited: Awaited) -> Door:
        return reception.receive(awaited, self.path, "127.0.0.1", self.port, WORD)

    def there(self) -> list[str]:
        return [caller.called for caller in callers(self._callers)]

    def plans(self) -> None:
        plan = UsersPlan("r", "/there/users.py", 1, 1.0, {"one": "http://192.0.2.1:9"}, 1.0, "", "", "", workers=2)
        if not self.path.exists():
            users_plan.write(plan, new := self.path.with_suffix(".new"))
            new.rename(self.path)

    def close(self) -> None:
        self.plans()
        self._thread.join()


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    found = Master(tmp_path)
    yield found
    found.close()


@contextmanager
def as_soon_as(met: Callable[[], bool], then: Callable[[], object]) -> Iterator[None]:
    """Do *then* in another thread once that is *met*."""

    def wait() -> None:
        while not met():
            threading.Event().wait(0.01)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def arrive(master: Master) -> tuple[int, bytes]:
    """Be let in, and come."""
    assert knock("127.0.0.1", master.port, WORD, ME, {}) is not None
    return reception.arrive("127.0.0.1", master.port, WORD, ME.client)


def test_who_has_come_gets_a_number_behind_those_of_this_machine_and_the_plan_once_it_is_there(master: Master) -> None:
    with as_soon_as(lambda: master.there() == ["load-1 (pid 4711)"], master.plans):
        number, told = arrive(master)
    master.close()
    assert (number, msgspec.json.decode(told)["entries"]) == (1, {"one": "http://192.0.2.1:9"})
    assert master.doors[0].order == [ME.client]


def test_who_is_ended_before_the_plan_is_there_is_in_no_more(master: Master) -> None:
    come = threading.Event()

    def ends() -> None:
        come.set()
        os.kill(os.getpid(), signal.SIGTERM)

    with (
        as_soon_as(lambda: bool(master.there()), ends),
        pytest.raises(reception.GoneError, match=r"^this worker was ended before the load began$"),
    ):
        arrive(master)
    assert come.is_set()
    with as_soon_as(lambda: not master.there(), master.plans):
        pass
    master.close()
    assert master.doors[0].order == []


def test_who_did_not_ask_before_is_told_so(master: Master) -> None:
    with pytest.raises(reception.GoneError, match="does not let this worker in: it did not ask before"):
        reception.arrive("127.0.0.1", master.port, WORD, ME.client)


def test_one_that_hears_nothing_of_the_run_ends_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "_SILENT_S", 0.2)
    monkeypatch.setattr(reception, "_LINGER_MS", 0)
    with pytest.raises(reception.GoneError, match=r"^this worker heard nothing of the run for 0.2 s; no more is sent$"):
        reception.arrive("127.0.0.1", free_port(), WORD, ME.client)
