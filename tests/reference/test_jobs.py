"""The queue of jobs in both its forms, side by side: what the one loses and does twice, the other does, and once."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace

import pytest
from openai import OpenAIError

from harness.reference import jobs
from harness.reference.jobs import Job, Queue, Submitted

ASKED = Submitted("How many days do I have to ask for a refund?", "key-1")


class Model:
    """Fails the first so many calls, and answers the others."""

    def __init__(self, failures: int) -> None:
        self.failures, self.calls, self.asked = failures, 0, list[str]()
        self.chat = SimpleNamespace(completions=self)

    async def create(self, *, messages: list[dict[str, str]], **_: object) -> object:
        self.calls += 1
        self.asked.append(messages[-1]["content"].rsplit("Question: ")[-1])
        await asyncio.sleep(0)
        if self.calls <= self.failures:
            raise OpenAIError("busy")
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content="30 days"))])


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_WAIT_S", "LONGEST_WAIT_S", "RESTART_S"):
        monkeypatch.setattr(jobs, name, 0.0)


def worked(model: Model, resilient: bool, submissions: int = 1) -> list[Job]:
    """What becomes of so many submissions of one thing, once the model has been asked all that is asked of it."""

    async def work() -> list[Job]:
        queue = Queue(model, 2, random.Random(1), resilient=resilient)  # type: ignore[arg-type] # stands for the SDK's client
        given = [queue.submit(ASKED) for _ in range(submissions)]
        working = asyncio.create_task(queue.work())
        for _ in range(200):
            await asyncio.sleep(0)
        working.cancel()
        return given

    return asyncio.run(work())


def test_an_error_takes_a_job_with_its_worker_and_the_next_worker_knows_nothing_of_it():
    (job,) = worked(Model(failures=1), resilient=False)
    assert (job.status, job.answer) == ("running", "")


def test_an_error_puts_a_resilient_job_back_until_it_is_done():
    model = Model(failures=3)
    (job,) = worked(model, resilient=True)
    assert (job.status, job.answer, job.tries, model.calls) == ("succeeded", "30 days", 4, 4)


def test_a_resilient_job_that_never_works_out_has_failed_and_says_so():
    (job,) = worked(Model(failures=1000), resilient=True)
    assert (job.status, job.tries) == ("failed", jobs.TRIES_MAX)


ORDERS = {False: ["batch", "batch", "people", "people"], True: ["people", "people", "batch", "batch"]}


@pytest.mark.parametrize("resilient", ORDERS)
def test_what_can_wait_waits_for_what_came_after_it_where_that_is_looked_at(resilient):
    async def work() -> list[str]:
        model = Model(failures=0)
        queue = Queue(model, 1, random.Random(1), resilient=resilient)  # type: ignore[arg-type] # stands for the SDK's client
        for who in ORDERS[False]:
            queue.submit(Submitted(who), can_wait=who == "batch")
        working = asyncio.create_task(queue.work())
        while len(model.asked) < len(ORDERS[False]):
            await asyncio.sleep(0)
        working.cancel()
        return model.asked

    assert asyncio.run(work()) == ORDERS[resilient]


def test_what_is_submitted_twice_is_done_twice_unless_the_key_is_looked_at():
    twice, once = Model(failures=0), Model(failures=0)
    assert len({job.id for job in worked(twice, resilient=False, submissions=2)}) == twice.calls == 2
    assert len({job.id for job in worked(once, resilient=True, submissions=2)}) == once.calls == 1
