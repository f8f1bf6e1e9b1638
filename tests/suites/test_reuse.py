"""What is left of a target from one run to the next, and when it is started anew."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.judging.result import Outcome
from harness.prepare import Asked, Prepared, prepare
from harness.stored import Run
from harness.suites.reuse import Reuse
from suites.pretence import Pretence


@dataclass
class Left:
    """Stands for what is kept: nothing is started."""

    outside: dict[str, str]
    whole: bool = True
    closed: bool = False

    def close(self) -> None:
        self.closed = True


@dataclass
class Hook:
    """Answers every POST with *status*, and counts them."""

    status: int = 204
    posts: list[str] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def hook() -> Iterator[Hook]:
    answers = Hook()

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answers.posts.append(self.path)
            self.send_response(answers.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as server:
        answers.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield answers
        server.shutdown()
        thread.join()


class Told:
    """A run after the other of one target, and what each was made in."""

    def __init__(self, folder: Path, hook: Hook) -> None:
        self._pretence = Pretence(folder, measures=lambda _number, _prepared: {})
        self._hook = hook
        self.made: list[Left] = []
        self.said: list[str] = []
        self.given: list[Left | None] = []
        self.verdict: Outcome = "pass"
        self.reuse = Reuse(self.said.append, self._new)  # type: ignore[arg-type]  # it stands for what is kept

    def _new(self) -> Left:
        self.made.append(Left({"port": str(self._hook.port)}))
        return self.made[-1]

    def run(self, prepared: Prepared) -> None:
        def make(kept: Any) -> Run:
            self.given.append(kept)
            run = self._pretence(prepared)
            return Run(run.path, run.result.model_copy(update={"verdict": self.verdict}))

        self.reuse.run(prepared, make)


@pytest.fixture
def told(tmp_path: Path, hook: Hook) -> Told:
    return Told(tmp_path / "out", hook)


RESET = 'reset: {post: "http://127.0.0.1:{assistant-east.port}/reset"}\n'


@pytest.fixture
def prepared(folder: Path) -> Prepared:
    return _prepared(folder, RESET)


def _prepared(folder: Path, more: str) -> Prepared:
    """The resilient target with *more* in its file."""
    target = folder / "targets" / "kept.yaml"
    target.write_text((folder / "targets" / "resilient.yaml").read_text() + "\n" + more)
    return prepare(folder / "region-loss.yaml", target, Asked(), None)


def outside(told: Told, hook: Hook) -> None:
    for one in told.made:
        one.outside["assistant-east.port"] = str(hook.port)


def test_what_is_left_of_a_run_serves_the_next_once_it_was_put_back(told: Told, prepared: Prepared, hook: Hook) -> None:
    for _ in range(3):
        told.run(prepared)
        outside(told, hook)
    assert told.given == [told.made[0]] * 3
    assert hook.posts == ["/reset", "/reset"]
    told.reuse.end()
    assert told.made[0].closed


def test_what_cannot_be_put_back_is_started_anew(told: Told, prepared: Prepared, hook: Hook) -> None:
    told.run(prepared)
    outside(told, hook)
    hook.status = 500
    told.run(prepared)
    assert told.given == told.made
    assert len(told.made) == 2
    assert told.made[0].closed
    assert "could not be put back" in told.said[0]
    assert "answered 500" in told.said[0]


def test_what_has_ended_is_started_anew(told: Told, prepared: Prepared, hook: Hook) -> None:
    told.run(prepared)
    told.made[0].whole = False
    told.run(prepared)
    assert len(told.made) == 2
    assert hook.posts == []


@pytest.mark.parametrize("verdict", ["invalid", "crashed", "interrupted"])
def test_after_a_run_that_says_nothing_the_target_is_started_anew(
    told: Told, prepared: Prepared, hook: Hook, verdict: Outcome
) -> None:
    told.verdict = verdict
    told.run(prepared)
    assert told.made[0].closed
    told.run(prepared)
    assert len(told.made) == 2


def test_another_target_ends_what_is_left_of_the_one_before(told: Told, prepared: Prepared, folder: Path) -> None:
    told.run(prepared)
    told.run(_prepared(folder, f"# another\n{RESET}"))
    assert told.made[0].closed
    assert len(told.made) == 2


@pytest.mark.parametrize("more", ["", "reset: restart\n"])
def test_where_the_file_does_not_allow_it_every_run_starts_anew(told: Told, folder: Path, more: str) -> None:
    plain = _prepared(folder, more)
    told.run(plain)
    told.run(plain)
    assert told.given == [None, None]


def test_nothing_is_left_at_the_end_whatever_broke(told: Told, prepared: Prepared) -> None:
    def breaks(_kept: Any) -> Run:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"), told.reuse:
        told.reuse.run(prepared, breaks)
    assert told.made[0].closed
