"""Signals that ask the harness to stop: the first one is told and obeyed, and none spoils what must not be spoilt."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.running.ports import AbortedError
from harness.running.world.interruptions import Interruptions

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def terminal() -> Iterator[Callable[[Any], Any]]:
    """Has a terminal that is closed do so much, until the test is over; at first what it usually does, also where tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield lambda does: signal.signal(signal.SIGHUP, does)
    signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_is_closed_ends_nothing_under_nohup(terminal: Callable[[Any], Any]) -> None:
    terminal(signal.SIG_IGN)
    signals = Interruptions()
    with signals.installed():
        send(signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
    assert (signals.received, terminal(signal.SIG_DFL)) == (1, signal.SIG_IGN)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_interrupts_and_is_told_at_once(number: signal.Signals) -> None:
    told: list[str] = []
    signals = Interruptions(told.append)
    with signals.installed():
        with pytest.raises(KeyboardInterrupt):
            send(number)
        send(number)  # another one is only counted
    assert (told, signals.received) == (["stopping: taking the faults back"], 2)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_held_back_is_remembered_and_told(number: signal.Signals) -> None:
    told: list[str] = []
    signals = Interruptions(told.append)
    with signals.installed():
        with signals.held():
            send(number)
        assert signals.received == 1
    assert told == ["stopping when what goes on is done"]


def test_once_held_for_good_none_arrives() -> None:
    signals = Interruptions()
    with signals.installed():
        signals.hold()
        with signals.held():
            pass
        send(signal.SIGINT)
    assert signals.received == 1


def test_one_that_came_while_they_were_held_arrives_when_they_are_let() -> None:
    signals = Interruptions()
    with signals.installed():
        signals.hold()
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signals.let()
    quiet = Interruptions()
    with quiet.installed():
        quiet.hold()
        quiet.let()
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)


def test_a_word_that_cannot_be_said_does_not_keep_the_run_from_being_interrupted() -> None:
    def told(_: str) -> None:
        raise BrokenPipeError

    signals = Interruptions(told)
    with signals.installed(), pytest.raises(KeyboardInterrupt):
        send(signal.SIGTERM)


def test_an_event_that_is_set_interrupts_whoever_heeds_it_once_in_any_thread() -> None:
    stop, told, raised = threading.Event(), list[str](), list[str]()
    signals = Interruptions(told.append, stop)

    def waits() -> None:
        with signals.installed():
            signals.heed()  # nobody has asked yet
            stop.set()
            try:
                signals.heed()
            except KeyboardInterrupt:
                raised.append("stopped")
            signals.heed()

    thread = threading.Thread(target=waits)
    thread.start()
    thread.join()
    assert (raised, told, signals.received) == (["stopped"], ["stopping: taking the faults back"], 1)


def test_an_event_that_is_set_while_interruptions_are_held_is_remembered() -> None:
    stop = threading.Event()
    signals = Interruptions(stop=stop)
    signals.hold()
    stop.set()
    signals.heed()
    assert signals.received == 1
    with pytest.raises(KeyboardInterrupt):
        signals.let()


def test_an_event_that_was_set_before_the_run_ends_it_as_soon_as_it_may() -> None:
    stop = threading.Event()
    stop.set()
    signals = Interruptions(stop=stop)
    signals.hold()
    with pytest.raises(KeyboardInterrupt):
        signals.let()
    assert signals.received == 1


def test_whether_a_run_is_to_end_can_be_asked_by_any_thread_before_it_has_heard() -> None:
    stop = threading.Event()
    signals = Interruptions(stop=stop)
    assert (signals.asked, signals.heard) == (False, False)
    stop.set()
    assert (signals.asked, signals.heard) == (True, False)
    with pytest.raises(KeyboardInterrupt):
        signals.heed()
    assert (signals.asked, signals.heard) == (True, True)


def test_an_order_is_wanted_before_it_is_heeded_too() -> None:
    signals = Interruptions()
    signals.obey(lambda: "stopped by ann")
    assert (signals.asked, signals.heard) == (True, False)
    with pytest.raises(AbortedError, match="stopped by ann"):
        signals.heed()
    assert (signals.asked, signals.heard) == (True, True)


def test_a_run_that_ends_by_itself_knows_it_though_nobody_asked() -> None:
    signals = Interruptions()
    with signals.held():
        assert (signals.asked, signals.heard) == (False, True)
    assert signals.heard
