"""Whatever ends the harness, nothing of its run is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.running.keeper.__main__ import QUIET_S
from harness.running.keeper.heal import heal
from harness.running.keeper.undo import owner_alive, pending

NAMES = ("session", "daemon", "stubborn")


def test_after_kill_9_of_the_harness_nothing_is_left_and_the_world_is_put_back_last_first(
    standin: Any, api: Any, eventually: Any, runs: Any, listens: Any
) -> None:
    harness = standin()
    port = harness.printed("listener")
    pids = [harness.keeper_pid, *(harness.printed(name) for name in NAMES)]
    assert listens(port)
    assert all(map(runs, pids))
    assert owner_alive(harness.folder / "undo.jsonl")

    harness.process.kill()
    harness.process.wait()

    eventually(lambda: not any(map(runs, pids)))
    assert not listens(port)
    assert not (harness.folder / "temp").exists()
    assert api.asked == ["DELETE second", "DELETE first", "DELETE link"]
    assert pending(harness.folder / "undo.jsonl") == []
    assert not owner_alive(harness.folder / "undo.jsonl")


def test_ctrl_c_reaches_the_harness_but_not_its_children(standin: Any, api: Any, eventually: Any, runs: Any) -> None:
    harness = standin("patient")
    witness = harness.printed("witness")
    assert os.getsid(witness) == os.getsid(harness.keeper_pid) == harness.keeper_pid  # no terminal reaches that
    os.killpg(harness.process.pid, signal.SIGINT)
    assert harness.process.wait() == -signal.SIGINT
    eventually(lambda: not runs(harness.keeper_pid))
    assert not runs(witness)
    # It was ended by the keeper, and by nothing else.
    told = (harness.folder / "witness.log").read_text().split()
    assert "TERM" in told
    assert "INT" not in told
    assert api.asked == ["DELETE second", "DELETE first", "DELETE link"]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_the_keeper_does_not_heed_signals_that_end_a_program(
    keeper: Any, shell: Callable[..., Any], runs: Any, signum: int
) -> None:
    keeper.spawn(shell("before", "sleep 1000"))
    os.kill(keeper.pid, signum)
    pid = keeper.spawn(replace(shell("after", ""), argv=("sleep", "1000")))  # it answers
    assert keeper.alive("before")
    assert runs(pid)
    os.kill(pid, signum)  # and its children do heed them
    keeper.stop("after", 10)
    assert keeper.exited() == {"after": -signum}


def test_a_harness_that_is_stopped_has_its_faults_taken_back_and_is_told_when_it_goes_on(
    standin: Any, api: Any, eventually: Any, runs: Any
) -> None:
    """Two others keep theirs, for whom the same time was over before: one that beats while its main thread waits for ever,
    and one that never beat, of which no beat is missed.
    """
    others = standin("beat"), standin()
    os.killpg(others[1].process.pid, signal.SIGSTOP)
    harness = standin("beat", "tells")
    session = harness.printed("session")
    os.killpg(harness.process.pid, signal.SIGSTOP)
    eventually(lambda: len(api.asked) == 2)
    # What is to stand as long as the run lives is left, and so are the children.
    assert api.asked == ["DELETE second", "DELETE first"]
    assert runs(session)
    eventually(lambda: [promise.id for promise in pending(harness.folder / "undo.jsonl")] == ["link"])
    assert owner_alive(harness.folder / "undo.jsonl")
    kept = [[promise.id for promise in pending(other.folder / "undo.jsonl")] for other in others]
    assert kept == [["second", "first", "link"]] * 2

    os.killpg(harness.process.pid, signal.SIGCONT)
    told = eventually(lambda: (harness.folder / "quiet").exists() and (harness.folder / "quiet").read_text())
    assert float(told) >= QUIET_S

    harness.process.kill()
    harness.process.wait()
    eventually(lambda: not runs(harness.keeper_pid))
    assert api.asked == ["DELETE second", "DELETE first", "DELETE link"]


def test_a_fork_of_the_harness_that_holds_the_lifeline_does_not_keep_the_world_broken(
    standin: Any, api: Any, eventually: Any, runs: Any
) -> None:
    harness = standin("fork")
    session = harness.printed("session")
    harness.process.kill()
    harness.process.wait()
    eventually(lambda: not runs(harness.keeper_pid))
    assert not runs(session)
    assert api.asked == ["DELETE second", "DELETE first", "DELETE link"]


def test_kill_9_of_the_keeper_takes_the_children_with_it_and_leaves_the_promises_to_heal(
    standin: Any, api: Any, eventually: Any, runs: Any, listens: Any
) -> None:
    harness = standin()
    port = harness.printed("listener")
    pids = [
        harness.printed(name) for name in NAMES
    ]  # while they live: each ends with the keeper, at whatever it was about
    os.kill(harness.keeper_pid, signal.SIGKILL)
    eventually(lambda: not listens(port))
    assert api.asked == []
    assert [promise.id for promise in pending(harness.folder / "undo.jsonl")] == ["second", "first", "link"]
    # Nobody keeps what a child started, then; here the harness waits and does not look.
    assert heal(harness.folder).now == "goes on"
    assert all(map(runs, pids))

    harness.process.kill()
    harness.process.wait()
    assert (harness.folder / "temp" / "scratch").exists()
    healed = heal(harness.folder)
    said = [line.removeprefix(f"{harness.folder}: ") for line in healed.said]
    assert healed.now == "nothing"
    assert said[:3] == ["second: put back", "first: put back", "link: put back"]
    assert {f"process {pid}, which it had started: ended" for pid in pids} <= set(said)
    assert said[-1] == f"temporary folder {harness.folder / 'temp'}: removed"
    assert not any(map(runs, pids))
    assert not (harness.folder / "temp").exists()
    assert not (harness.folder / "undo.jsonl").exists()
    assert api.asked == ["DELETE second", "DELETE first", "DELETE link"]
