"""Who can end a run is asked while it goes on: a no is obeyed, and who cannot be asked for long has said no."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.http1.asked_url import NoAnswerError
from harness.problems import HarnessError, RefusedError
from harness.running.orders import SILENT_S, Asked, Orders, vetoed


class Clock:
    """A clock that only a test moves, a look at a time."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Somebody:
    """Somebody who can end a run, and says what a test has him say, once for each time that he is asked."""

    def __init__(self, says: Callable[[], str]) -> None:
        self.says, self._heard = says, threading.Semaphore(0)

    def __call__(self) -> str:
        try:
            return self.says()
        finally:
            self._heard.release()

    def asked_again(self) -> None:
        """Returns when he was asked and what he said is known: the time after the next is begun only then."""
        for _ in range(2):
            assert self._heard.acquire(timeout=30)


def no_answer() -> str:
    raise NoAnswerError("nobody is there")


def looked(orders: Orders, clock: Clock, seconds: float) -> str:
    """What the run is told that looks ten times a second, for so long."""
    said = ""
    for _ in range(round(seconds * 10)):
        clock.now_s += 0.1
        said = said or orders.why()
    return said


def test_the_first_no_is_obeyed_and_nobody_is_asked_again() -> None:
    somebody, refusals, heard = Somebody(str), iter(("no", "never mind")), threading.Event()

    def refuse() -> str:
        heard.set()
        return next(refusals)

    orders = Orders([Asked("the boss", somebody, 0.001), Asked("another", str, 0.001)])
    somebody.asked_again()
    assert orders.why() == ""
    somebody.says = refuse
    assert heard.wait(30)
    orders.close()
    assert orders.why() == "no"
    assert next(refusals) == "never mind"


def refused() -> str:
    raise RefusedError("it is frozen")


def test_a_refusal_is_a_no() -> None:
    orders = Orders([Asked("the state", refused, 0.001)])
    orders.close()
    assert orders.why() == "it is frozen"


@pytest.mark.parametrize("error", [NoAnswerError("nobody is there"), HarnessError("nobody is there")])
def test_who_cannot_be_asked_for_long_has_said_no(error: Exception) -> None:
    def fails() -> str:
        raise error

    clock, somebody = Clock(), Somebody(fails)
    orders = Orders([Asked("the boss", somebody, 0.001)], clock)
    somebody.asked_again()
    assert looked(orders, clock, SILENT_S - 0.2) == ""
    assert looked(orders, clock, 0.5) == "the boss could not be asked for 10 s, which counts as no: nobody is there"
    orders.close()


def test_who_answers_again_in_time_has_said_nothing() -> None:
    clock, somebody = Clock(), Somebody(no_answer)
    orders = Orders([Asked("the boss", somebody, 0.001)], clock)
    somebody.asked_again()
    assert looked(orders, clock, SILENT_S - 0.2) == ""
    somebody.says = str
    somebody.asked_again()
    somebody.asked_again()
    somebody.says = no_answer
    assert looked(orders, clock, SILENT_S - 0.5) == ""
    orders.close()


def test_that_the_harness_itself_was_stopped_for_a_while_is_nobodys_silence() -> None:
    clock, somebody = Clock(), Somebody(no_answer)
    orders = Orders([Asked("the boss", somebody, 0.001)], clock)
    somebody.asked_again()
    clock.now_s += 1_000
    assert orders.why() == ""
    assert looked(orders, clock, SILENT_S) != ""
    orders.close()


class Boss(BaseHTTPRequestHandler):
    """Answers what its path says."""

    def do_GET(self) -> None:
        body = b"deploy  goes\non"
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def boss() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Boss)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [200, 202])
def test_a_url_that_answers_2xx_lets_the_run_go_on(boss: str, status: int) -> None:
    assert vetoed(f"{boss}/{status}", {}) == ""


@pytest.mark.parametrize("status", [302, 403, 404, 503])
def test_every_other_status_is_a_no_and_nobody_is_led_elsewhere(boss: str, status: int) -> None:
    assert vetoed(f"{boss}/{status}", {}) == f"{boss}/{status} says no: it answered {status}, 'deploy goes on'"


def test_no_answer_is_no_no_by_itself() -> None:
    with pytest.raises(NoAnswerError, match=r"http://127.0.0.1:1/x gave no answer: "):
        vetoed("http://127.0.0.1:1/x", {})
