"""What is done to real processes that the keeper started: one is ended and started again, or stands still, with all that it started."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from waiting import eventually

from harness.checks import load_target
from harness.faults.effects import Back, Killed, Limited, Paused
from harness.problems import HarnessError
from harness.running.keeper.keeper import Keeper
from harness.running.keeper.means import Continue, MemoryUndo, read
from harness.running.keeper.processes import below, everyone, is_stopped, look
from harness.running.ports import ServiceEndedError
from harness.running.world.interruptions import Interruptions
from harness.running.world.places import Reach
from harness.running.world.places.process import ProcessPlace
from harness.running.world.processes import Processes

SERVICE = """
import signal, socket, subprocess, sys
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "busy" in sys.argv:
    subprocess.Popen([sys.executable, "-ISc", "while True: pass"])
child = subprocess.Popen(["sleep", "1000"])
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()[0].close()
"""
TARGET = """
schema: harness.target/1
name: chat
start: {command: ["{python}", "-ISc", %s, "{port}"%s], ready: {tcp: true}}
entries: [{url: "http://127.0.0.1:{port}"}]
ask: {protocol: openai-chat, path: /v1/chat/completions}
"""
KILLED, PAUSED = Killed("target", "KILL"), Paused("target")
SLOW, SHORT = Limited("target", cpu=0.02), Limited("target", memory_bytes=64 * 2**20)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    # Named as no other of this machine, on all of which strays are looked for.
    run = f"{tmp_path.name}-{os.getpid()}"
    with Keeper(tmp_path / "undo.jsonl", tmp_path / "temp", tmp_path / "keeper.log", run=run) as made:
        yield made


@pytest.fixture
def processes(tmp_path: Path, keeper: Keeper, request: pytest.FixtureRequest) -> Processes:
    words = "".join(f", {word}" for word in getattr(request, "param", ()))
    (tmp_path / "target.yaml").write_text(TARGET % (json.dumps(SERVICE), words))
    target = load_target(tmp_path / "target.yaml").value
    made = Processes(keeper, target, 1, tmp_path, tmp_path, dict(os.environ), Interruptions())
    made.values["python"] = sys.executable
    made.start_possible()
    return made


@pytest.fixture
def place(processes: Processes) -> ProcessPlace:
    return ProcessPlace(Reach(cast("Any", None), cast("Any", None), None, {}, {}, processes=processes))


def serves(processes: Processes) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", processes.ports["target"]), timeout=5):
        return True
    return False


def descendants(processes: Processes) -> list[int]:
    pid = processes.pids["target"]
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def test_a_process_that_is_killed_is_gone_with_all_that_it_started_and_serves_again_after_the_fault(
    processes: Processes, place: ProcessPlace
) -> None:
    eventually(lambda: serves(processes) and descendants(processes))
    before, started = processes.pids["target"], descendants(processes)
    assert place.undo("0", KILLED) == []
    place.inject("0", KILLED)
    eventually(lambda: place.ask("0", KILLED).answered)
    assert place.ask("0", KILLED).stands
    eventually(lambda: not any(map(look, started)))
    processes.check()  # nobody misses it
    assert not serves(processes)
    place.revert("0", KILLED)
    eventually(lambda: serves(processes))
    assert processes.pids["target"] != before
    processes.check()


def test_one_that_came_back_and_ends_by_itself_is_missed_as_before(processes: Processes, place: ProcessPlace) -> None:
    place.inject("0", KILLED)
    place.revert("0", KILLED)
    os.kill(processes.pids["target"], signal.SIGKILL)

    def missed() -> bool:
        try:
            processes.check()
        except ServiceEndedError as error:
            return "SIGKILL" in str(error)
        return False

    eventually(missed)


@pytest.mark.parametrize(("back", "returns"), [("at_once", True), ("never", False)])
def test_one_comes_back_at_once_or_never_as_it_was_asked(
    processes: Processes, place: ProcessPlace, back: Back, returns: bool
) -> None:
    effect = Killed("target", "TERM", back)
    eventually(lambda: serves(processes))
    place.inject("0", effect)
    eventually(lambda: place.ask("0", effect).stands)
    if returns:
        eventually(lambda: serves(processes))
        assert place.ask("0", effect).stands  # what was there before has ended
    place.revert("0", effect)
    eventually(lambda: processes.alive("target") == returns)  # the keeper may be about to tell that it ended
    processes.check()


@pytest.mark.parametrize("processes", [("deaf",)], indirect=True)
def test_one_that_does_not_end_when_asked_is_killed_and_started_again(
    processes: Processes, place: ProcessPlace
) -> None:
    eventually(lambda: serves(processes))
    before, effect = processes.pids["target"], Killed("target", "TERM")
    place.inject("0", effect)
    assert place.ask("0", effect).stands is None  # it may still end
    assert not place.ask("0", effect).answered
    place.revert("0", effect)
    assert look(before) is None
    eventually(lambda: serves(processes))


def test_a_process_that_is_paused_stands_still_with_all_that_it_started_until_it_goes_on(
    processes: Processes, place: ProcessPlace
) -> None:
    eventually(lambda: serves(processes) and descendants(processes))
    both = [processes.pids["target"], *descendants(processes)]
    place.inject("0", PAUSED)
    sight = place.ask("0", PAUSED)
    assert (sight.answered, sight.stands, sight.amiss) == (1, True, "")
    eventually(lambda: all(map(is_stopped, both)))
    assert serves(processes)  # its connections are taken by the kernel
    place.revert("0", PAUSED)
    eventually(lambda: not any(map(is_stopped, both)))
    assert all(map(look, both))


def test_one_that_somebody_else_continues_is_told_of(processes: Processes, place: ProcessPlace) -> None:
    place.inject("0", PAUSED)
    os.kill(processes.pids["target"], signal.SIGCONT)
    eventually(lambda: place.ask("0", PAUSED).stands is False)
    assert "somebody else" in place.ask("0", PAUSED).amiss


def test_what_stands_still_goes_on_by_what_is_on_disk_and_nobody_else_does(
    processes: Processes, place: ProcessPlace
) -> None:
    eventually(lambda: serves(processes) and descendants(processes))
    both = [processes.pids["target"], *descendants(processes)]
    (undo,) = place.undo("0", PAUSED)
    assert read(undo.written()) == undo
    place.inject("0", PAUSED)
    eventually(lambda: all(map(is_stopped, both)))
    assert isinstance(undo, Continue)
    stranger = Continue(undo.pid, undo.started + 1)
    assert stranger.carry_out(1.0) == (True, "it has ended, and with it what stood still")
    assert is_stopped(undo.pid)
    assert undo.carry_out(1.0) == (True, "it goes on")
    eventually(lambda: not any(map(is_stopped, both)))


@pytest.mark.parametrize(
    "written", [{"pid": "0", "started": "1"}, {"pid": "1", "started": "1"}, {"pid": "-1", "started": "1"}, {"pid": "7"}]
)
def test_an_undo_that_somebody_wrote_for_what_is_no_process_of_a_run_is_refused(written: dict[str, str]) -> None:
    undo = read({"kind": "continue", **written})
    assert undo.refusal()
    assert not undo.carry_out(1.0)[0]


def test_a_process_that_cannot_be_started_again_is_told_with_the_reason(
    processes: Processes, place: ProcessPlace, tmp_path: Path
) -> None:
    place.inject("0", KILLED)
    processes.values["python"] = str(tmp_path / "gone")
    with pytest.raises(HarnessError, match="cannot start 'target'"):
        place.revert("0", KILLED)


def test_one_that_has_ended_for_good_can_be_broken_no_more(processes: Processes, place: ProcessPlace) -> None:
    never = Killed("target", "KILL", "never")
    place.inject("0", never)
    eventually(lambda: not processes.alive("target"))
    place.revert("0", never)
    for effect in (KILLED, PAUSED):
        with pytest.raises(HarnessError, match="has ended before"):
            place.inject("1", effect)


def test_elsewhere_than_on_linux_a_pause_is_refused_before_the_load(
    place: ProcessPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place.misfit(PAUSED) == ""
    monkeypatch.setattr("harness.running.world.places.process.LINUX", False)
    assert "on Linux alone" in place.misfit(PAUSED)
    assert place.misfit(KILLED) == ""


def test_that_one_of_them_ended_meanwhile_keeps_none_of_the_others_from_going_on(
    processes: Processes, place: ProcessPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventually(lambda: serves(processes) and descendants(processes))
    children = descendants(processes)
    (undo,) = place.undo("0", PAUSED)
    place.inject("0", PAUSED)
    eventually(lambda: all(map(is_stopped, children)))
    found = below({processes.pids["target"]}, everyone())
    ended = found[0]._replace(pid=2**22 + 1)  # beyond the highest number that Linux gives
    monkeypatch.setattr("harness.running.keeper.processes.below", lambda *_: [ended, *found])
    assert undo.carry_out(1.0) == (True, "it goes on")
    eventually(lambda: not any(map(is_stopped, children)))


@pytest.mark.parametrize("processes", [("busy",)], indirect=True)
def test_a_process_that_has_had_its_share_stands_still_with_all_that_it_started_and_goes_on_in_turn(
    processes: Processes, place: ProcessPlace
) -> None:
    eventually(lambda: serves(processes) and len(descendants(processes)) == 2)
    both = [processes.pids["target"], *descendants(processes)]
    assert place.misfit(SLOW) == ""
    (undo,) = place.undo("0", SLOW)
    assert isinstance(undo, Continue)
    place.inject("0", SLOW)
    for _ in range(2):
        eventually(lambda: all(map(is_stopped, both)))
        eventually(lambda: not any(map(is_stopped, both)))
    sight = place.ask("0", SLOW)
    assert (sight.answered, sight.stands, sight.amiss) == (1, True, "")
    place.revert("0", SLOW)
    assert not any(map(is_stopped, both))
    place.revert("0", SLOW)  # once more does no harm
    assert not place.ask("0", SLOW).stands


def addresses(pid: int) -> int:
    return resource.prlimit(pid, resource.RLIMIT_AS)[0]


def test_a_process_may_take_no_more_memory_with_all_that_it_started_until_it_may_again(
    processes: Processes, place: ProcessPlace
) -> None:
    eventually(lambda: serves(processes) and descendants(processes))
    both = [processes.pids["target"], *descendants(processes)]
    assert place.misfit(SHORT) == ""
    place.inject("0", SHORT)
    assert all(0 < addresses(pid) < 2**40 for pid in both)
    sight = place.ask("0", SHORT)
    assert (sight.answered, sight.stands, sight.amiss) == (1, True, "")
    place.revert("0", SHORT)
    assert [addresses(pid) for pid in both] == [resource.RLIM_INFINITY] * 2
    os.kill(both[0], signal.SIGKILL)
    eventually(lambda: not processes.alive("target"))
    with pytest.raises(ServiceEndedError):  # it is missed as before
        processes.check()


def test_what_is_on_disk_lets_it_have_as_much_as_before_and_nobody_less_than_it_has(
    processes: Processes, place: ProcessPlace
) -> None:
    eventually(lambda: serves(processes) and descendants(processes))
    both = [processes.pids["target"], *descendants(processes)]
    (undo,) = place.undo("0", SHORT)
    assert isinstance(undo, MemoryUndo)
    assert read(undo.written()) == undo
    assert undo._replace(soft=2**20).carry_out(1.0)[0]
    assert addresses(both[0]) == resource.RLIM_INFINITY
    place.inject("0", SHORT)
    held = addresses(both[0])
    assert undo._replace(started=undo.started + 1).carry_out(1.0) == (True, "it has ended, and its limit with it")
    assert addresses(both[0]) == held
    assert undo.carry_out(1.0) == (True, "it may use as much as before")
    assert [addresses(pid) for pid in both] == [resource.RLIM_INFINITY] * 2
    assert "somebody else has changed its limit" in place.ask("0", SHORT).amiss


def test_a_process_that_ends_for_want_of_memory_was_broken_as_asked_and_serves_again_after_the_fault(
    processes: Processes, place: ProcessPlace
) -> None:
    eventually(lambda: serves(processes))
    before = processes.pids["target"]
    place.inject("0", SHORT)
    os.kill(before, signal.SIGABRT)
    eventually(lambda: not processes.alive("target"))
    processes.check()  # nobody misses it
    assert place.ask("0", SHORT).answered
    place.revert("0", SHORT)
    eventually(lambda: serves(processes))
    assert processes.pids["target"] != before
    processes.check()


@pytest.mark.parametrize("soft", ["-2", "", "many", "1e9"])
def test_an_undo_of_memory_that_the_harness_never_writes_is_refused(soft: str) -> None:
    undo = read({"kind": "memory", "pid": str(os.getpid()), "started": "1", "soft": soft})
    assert undo.refusal()
    assert not undo.carry_out(1.0)[0]


def test_elsewhere_than_on_linux_a_limit_is_refused_before_the_load(
    place: ProcessPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.running.world.places.process_limits.LINUX", False)
    assert "on Linux alone" in place.misfit(SLOW)


def test_a_limit_of_no_fewer_processors_than_there_are_is_refused(place: ProcessPlace) -> None:
    most = len(os.sched_getaffinity(0))
    assert f"has no more than {most} processors already; hold it to less" in place.misfit(Limited("target", cpu=most))


def test_less_memory_than_a_process_has_already_is_refused_since_none_can_be_taken_from_it(
    processes: Processes, place: ProcessPlace
) -> None:
    eventually(lambda: serves(processes))
    tiny = Limited("target", memory_bytes=2**20)
    assert "of memory, and none can be taken from a process; say more than that" in place.misfit(tiny)
    with pytest.raises(HarnessError, match="none can be taken from a process"):
        place.inject("0", tiny)
    place.revert("0", tiny)
    assert addresses(processes.pids["target"]) == resource.RLIM_INFINITY
    assert place.ask("0", tiny).answered == 0
