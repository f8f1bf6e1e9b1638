"""The workflow in both forms, whose process ends in the middle: what the one forgets and does twice, the other resumes, and does once."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from openai import OpenAIError

from harness.reference import workflow
from harness.reference.clerk import ByChat
from harness.reference.workflow import STEPS, Entry, Log, Ordered, Workflow, Workflows

ORDER = Ordered("One chair, please.", "key-1")


class Model:
    """Answers; the first so many calls fail."""

    def __init__(self, failures: int = 0) -> None:
        self.failures, self.calls = failures, 0
        self.chat = SimpleNamespace(completions=self)

    async def create(self, **_: object) -> object:
        self.calls += 1
        await asyncio.sleep(0)
        if self.calls <= self.failures:
            raise OpenAIError("busy")
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content="a chair", tool_calls=None))])


class Ledger:
    """Keeps what is booked; *dies_at* so many bookings the process of who books ends before it hears of it."""

    def __init__(self, dies_at: int = 0) -> None:
        self.booked: list[str] = []
        self.keys: set[str] = set()
        self._dies_at = dies_at

    async def book(self, order: str, key: str) -> None:
        if not key or key not in self.keys:
            self.booked.append(order)
            self.keys.add(key)
        if self._dies_at and len(self.booked) >= self._dies_at:
            self._dies_at = 0
            raise asyncio.CancelledError


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "AGAIN_S", 0.0)


def process(model: Model, ledger: Ledger, log: Path | None, *orders: Ordered) -> list[Workflow]:
    """What one process makes of *orders* before it ends."""

    written = Log(log)

    async def live() -> list[Workflow]:
        workflows = Workflows(ByChat(model), ledger.book, written)  # type: ignore[arg-type] # stands for the SDK's client
        workflows.resume()
        given = [workflows.submit(order) for order in orders]
        for _ in range(50):
            await asyncio.sleep(0)
        return given

    with closing(written):
        return asyncio.run(live())


@pytest.mark.parametrize("durable", [True, False])
def test_an_order_comes_to_its_end_whatever_the_model_answers_at_first(tmp_path: Path, durable: bool) -> None:
    ledger = Ledger()
    (one,) = process(Model(failures=2), ledger, tmp_path / "log" if durable else None, ORDER)
    assert (one.status, list(one.done), ledger.booked) == ("done", list(STEPS), [ORDER.question])


def test_a_durable_one_is_resumed_and_booked_once_though_its_process_ended_before_it_heard_of_the_booking(
    tmp_path: Path,
) -> None:
    model, ledger, log = Model(), Ledger(dies_at=1), tmp_path / "log"
    (one,) = process(model, ledger, log, ORDER)
    assert (one.status, list(one.done)) == ("running", ["understood"])
    (again,) = process(model, ledger, log, ORDER)
    assert (again.id, again.status, ledger.booked) == (one.id, "done", [ORDER.question])
    assert model.calls == 2  # what had been understood was not asked again
    process(model, ledger, log)
    assert (model.calls, ledger.booked) == (2, [ORDER.question])


def test_one_in_memory_is_forgotten_and_booked_twice_when_it_is_submitted_again() -> None:
    ledger = Ledger(dies_at=1)
    (one,) = process(Model(), ledger, None, ORDER)
    (again,) = process(Model(), ledger, None, ORDER)
    assert (one.status, again.status, one.id != again.id) == ("running", "done", True)
    assert ledger.booked == [ORDER.question, ORDER.question]


def test_what_is_submitted_twice_under_one_key_is_one_order_where_that_is_looked_at(tmp_path: Path) -> None:
    kept, lost = Ledger(), Ledger()
    process(Model(), kept, tmp_path / "log", ORDER, ORDER)
    process(Model(), lost, None, ORDER, ORDER)
    assert (len(kept.booked), len(lost.booked)) == (1, 2)


def test_a_log_that_was_cut_at_any_byte_is_read_up_to_its_last_whole_line_and_written_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process(Model(), Ledger(), log, ORDER)
    whole = log.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in range(len(whole)):
        log.write_bytes(whole[:cut])
        with closing(Log(log)) as made:
            entries = made.entries()
            made.append(Entry("next", ORDER))
        assert entries == [msgspec.json.decode(line, type=Entry) for line in lines[: whole[:cut].count(b"\n")]]
        with closing(Log(log)) as again:
            assert again.entries() == [*entries, Entry("next", ORDER)]
