"""What carries a run's faults and no longer answers is ended where it is the run's own, and never waited for again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest

from harness.problems import HarnessError
from harness.running.ports import ProxyWedgedError
from harness.running.toxiproxy import ToxiproxyWedged
from harness.running.wire.client import WireError, WireSilentError
from harness.running.world.carriers import Carriers


@dataclass
class Processes:
    """Those of a run; *dead* says of one that it had died."""

    dead: str = ""
    stopped: list[str] = field(default_factory=list)

    def alive(self, name: str) -> bool:
        return name not in self.stopped

    def check_soon(self) -> None:
        if self.dead:
            raise HarnessError(self.dead)

    def stop(self, name: str, grace_s: float) -> None:
        self.stopped.append(name)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        yield


@dataclass
class Asked:
    processes: Processes
    carriers: Carriers
    given_up: list[str]


@pytest.fixture
def carriers() -> Callable[..., Asked]:
    def make(*, own_proxy: bool, dead: str = "") -> Asked:
        processes, given_up = Processes(dead), list[str]()
        return Asked(processes, Carriers(processes, own_proxy=own_proxy, give_up=given_up.append), given_up)

    return make


def told(asked: Asked, error: Exception) -> str:
    with pytest.raises((HarnessError, ProxyWedgedError)) as raised, asked.carriers.answering():
        raise error
    assert isinstance(raised.value, ProxyWedgedError) != bool(asked.processes.dead)
    return str(raised.value)


def test_a_toxiproxy_of_the_run_that_does_not_answer_is_killed(carriers: Callable[..., Asked]) -> None:
    asked = carriers(own_proxy=True)
    assert told(asked, ToxiproxyWedged("GET /x: no answer")).endswith("GET /x: no answer; its process was killed")
    assert (asked.processes.stopped, len(asked.given_up)) == (["toxiproxy"], 1)
    assert asked.carriers.proxy_gone


def test_one_that_others_use_is_left_alone_and_asked_nothing_more(carriers: Callable[..., Asked]) -> None:
    asked = carriers(own_proxy=False)
    assert "Toxiproxy no longer answered" in told(asked, ToxiproxyWedged("GET /x: no answer"))
    assert "Toxiproxy no longer answered" in told(asked, ToxiproxyWedged("DELETE /y: not tried"))
    assert (asked.processes.stopped, len(asked.given_up)) == ([], 1)
    assert not asked.carriers.proxy_gone


def test_a_wire_that_does_not_answer_is_killed_and_its_faults_with_it(carriers: Callable[..., Asked]) -> None:
    asked = carriers(own_proxy=True)
    assert "the wire no longer answered" in told(asked, WireSilentError("GET /counts: no answer within 3 s"))
    assert asked.processes.stopped == ["wire"]
    assert asked.carriers.wire_gone
    assert "the wire no longer answered" in told(asked, WireSilentError("again"))
    assert asked.processes.stopped == ["wire"]


@pytest.mark.parametrize("error", [ToxiproxyWedged("no answer"), WireSilentError("no answer")])
def test_what_had_died_is_told_as_its_death(carriers: Callable[..., Asked], error: Exception) -> None:
    assert told(carriers(own_proxy=True, dead="process 'wire' was ended by SIGKILL"), error).startswith(
        "process 'wire'"
    )


def test_a_wire_that_refuses_is_no_wire_that_is_silent(carriers: Callable[..., Asked]) -> None:
    asked = carriers(own_proxy=True)
    with pytest.raises(WireError, match="404"), asked.carriers.answering():
        raise WireError("DELETE /x: 404: no such link")
    assert asked.processes.stopped == []


def test_who_hears_of_it_second_goes_on_when_it_is_ended_and_not_before() -> None:
    ending, goes_on = Event(), Event()

    class Slow(Processes):
        def stop(self, name: str, grace_s: float) -> None:
            ending.set()
            goes_on.wait(10)
            super().stop(name, grace_s)

    processes, gone = Slow(), []
    carriers = Carriers(processes, own_proxy=True, give_up=lambda _: None)
    first = Thread(target=carriers.wedged, args=("no answer",))
    first.start()
    assert ending.wait(10)
    second = Thread(target=lambda: (carriers.wedged("not tried"), gone.append(carriers.proxy_gone)))
    second.start()
    second.join(0.05)
    assert second.is_alive()
    goes_on.set()
    first.join(10)
    second.join(10)
    assert gone == [True]
    assert processes.stopped == ["toxiproxy"]


def test_what_was_killed_is_gone_though_nobody_has_heard_of_its_end_yet() -> None:
    class Unheard(Processes):
        def alive(self, name: str) -> bool:
            return True

    carriers = Carriers(Unheard(), own_proxy=True, give_up=lambda _: None)
    assert (carriers.proxy_gone, carriers.wire_gone) == (False, False)
    carriers.wedged("no answer")
    assert (carriers.proxy_gone, carriers.wire_gone) == (True, False)
    carriers.silent("no answer")
    assert carriers.wire_gone


def test_whoever_sees_to_the_end_of_a_run_kills_what_is_its_own_once_and_hears_of_no_death(
    carriers: Callable[..., Asked],
) -> None:
    asked = carriers(own_proxy=True, dead="process 'target' was ended by SIGKILL")
    assert (asked.carriers.kill_wedged(), asked.carriers.kill_wedged()) == (True, False)
    assert (asked.carriers.kill_silent(), asked.carriers.kill_silent()) == (True, False)
    assert (asked.processes.stopped, len(asked.given_up)) == (["toxiproxy", "wire"], 1)
    assert (asked.carriers.proxy_gone, asked.carriers.wire_gone) == (True, True)


def test_and_leaves_alone_what_others_use(carriers: Callable[..., Asked]) -> None:
    asked = carriers(own_proxy=False)
    assert not asked.carriers.kill_wedged()
    assert (asked.processes.stopped, asked.given_up) == ([], [])
