"""Whole runs in the tests: one for which the machine was too busy is told from one that says something of the service."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path
from typing import Any

import pytest
from real_runs import came_to, seats, too_busy

BUSY = (
    "Other processes took 70% of the processors in the fault, CPU pressure 39%: close what else runs on this machine."
)
BEHIND = "The load fell behind: 3 of 100 requests were not sent; close what else runs on this machine, or lower load.rate_per_s."
UNUSED = "Latency 200 ms broke what is not used: nothing had passed on far; other processes took 70% of the processors."


UNSTEADY = "The baseline was not steady: 67.6% of its answers were good; other processes took 70% of the processors."


def result(verdict: str, reason: str, *kinds: str) -> dict[str, Any]:
    return {"verdict": verdict, "reason": reason, "doubts": [{"kind": kind} for kind in kinds]}


@pytest.mark.parametrize(("reason", "kind"), [(BUSY, "busy_machine"), (BEHIND, "load")])
def test_a_run_for_which_the_machine_was_too_busy_is_made_again_and_fails_nothing(reason: str, kind: str) -> None:
    assert too_busy("invalid", reason)
    assert came_to("pass", result("invalid", reason, kind))
    assert came_to("fail", result("invalid", reason, kind))


def test_a_baseline_that_was_unsteady_since_others_took_the_processors_fails_nothing() -> None:
    assert came_to("pass", result("invalid", UNSTEADY, "unsteady_baseline", "busy_machine"))
    assert not came_to("pass", result("invalid", UNSTEADY.partition(";")[0] + ".", "unsteady_baseline"))


def test_a_run_that_is_invalid_whoever_was_busy_is_not_made_again_and_failed() -> None:
    assert not too_busy("invalid", UNUSED)
    assert not came_to("pass", result("invalid", UNUSED, "unused", "busy_machine"))
    assert not came_to("fail", result("invalid", UNUSED, "unused", "busy_machine"))
    assert came_to("pass", result("invalid", UNUSED, "unused", "busy_machine"), {"unused"})
    assert not came_to("pass", result("invalid", UNUSED, "unused", "lost", "busy_machine"), {"unused"})


@pytest.mark.parametrize(("wanted", "verdict"), [("pass", "fail"), ("fail", "pass"), ("fail", "inconclusive")])
def test_a_run_that_came_to_another_verdict_failed_however_busy_the_machine(wanted: str, verdict: str) -> None:
    assert not too_busy(verdict, BUSY)
    assert not came_to(wanted, result(verdict, BUSY, "busy_machine"))


def test_a_run_that_is_invalid_for_another_reason_failed() -> None:
    reason = "Latency broke what is not used: nothing had passed on far before anything was broken."
    assert not came_to("pass", result("invalid", reason, "unused"))
    assert came_to("invalid", result("invalid", reason, "unused"))


def test_whoever_waits_for_both_seats_has_them_before_one_that_came_later_and_wants_one(tmp_path: Path) -> None:
    machine, order = seats(tmp_path), []

    def sit(who: str, number: int) -> None:
        with machine(number):
            order.append(who)

    both = threading.Thread(target=sit, args=("both", 2))
    later = threading.Thread(target=sit, args=("one", 1))
    with machine(1):
        both.start()
        while _free(tmp_path / "next"):
            assert both.is_alive()
        later.start()
    both.join()
    later.join()
    assert order == ["both", "one"]


def test_two_who_want_one_seat_each_sit_at_once(tmp_path: Path) -> None:
    machine = seats(tmp_path)
    with machine(1), machine(1):
        assert not any(_free(tmp_path / seat) for seat in "01")
    assert all(_free(tmp_path / seat) for seat in "01")


def _free(file: Path) -> bool:
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
