"""``python -m harness.reference.jobs``: a service that answers later, by a queue of jobs, in two forms.

``POST /jobs`` takes a question and answers 202 with an id; ``GET /jobs/ID`` says how far it has come, and at the end what came of it.
``/batch/jobs`` is the same for what can wait longer.
As such queues often are: a worker that meets an error dies, its job goes with it, another worker takes its place a while later, who
submits the same again has it done again, and what came first is done first. With ``--resilient``: a job is off the queue when it is done
and not before, an error of the provider puts it back for another try, later each time, what is submitted again under one idempotency key
is one job, and what can wait does.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from itertools import count
from typing import Literal

import msgspec
from aiohttp import web
from openai import AsyncOpenAI, OpenAIError

from harness.reference.assistant import MODEL, PROMPT_VERSION, prompt
from harness.reference.chance import Chance
from harness.reference.corpus import facts, retrieve
from harness.reference.small_service import body, listen, of_two_forms, tries_once, well

TIMEOUT_S = 2.0
TRIES_MAX = 8
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 1.5
RESTART_S = 2.0
BATCH = "/batch"


class Submitted(msgspec.Struct, frozen=True):
    """What a client submits; what has one *key* is one job, where that is looked at."""

    question: str
    key: str = ""


class Job(msgspec.Struct):
    """What is known of one job."""

    id: str
    question: str
    can_wait: bool = False
    status: Literal["queued", "running", "succeeded", "failed"] = "queued"
    answer: str = ""
    tries: int = 0


class Queue:
    """Jobs in the order in which they came, and so many workers; *resilient*: see above."""

    def __init__(self, model: AsyncOpenAI, workers: int, chance: random.Random, *, resilient: bool) -> None:
        self._model, self._chance, self._resilient, self._workers = model, chance, resilient, workers
        self._waiting: asyncio.PriorityQueue[tuple[bool, int, Job]] = asyncio.PriorityQueue()
        self._turns = count()
        self._jobs: dict[str, Job] = {}
        self._later: set[asyncio.Task[None]] = set()

    def submit(self, asked: Submitted, *, can_wait: bool = False) -> Job:
        known = self._jobs.get(asked.key) if self._resilient and asked.key else None
        if known is not None:
            return known
        name = asked.key if self._resilient and asked.key else f"job-{len(self._jobs) + 1}"
        job = self._jobs[name] = Job(name, asked.question, can_wait)
        self._put(job)
        return job

    def known(self, name: str) -> Job | None:
        return self._jobs.get(name)

    async def work(self) -> None:
        """Keep so many workers at work."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            _, _, job = await self._waiting.get()
            job.status, job.tries = "running", job.tries + 1
            try:
                job.answer = await self._answered(job.question)
                job.status = "succeeded"
            except OpenAIError:
                if self._resilient:
                    self._put_back(job)
                else:  # this worker is dead, and its job with it; a moment later another one is there
                    await asyncio.sleep(RESTART_S)

    async def _answered(self, question: str) -> str:
        messages = prompt(question, facts(1).get(retrieve(question) or ""))
        completion = await self._model.chat.completions.create(model=MODEL, messages=messages)
        return completion.choices[0].message.content or ""

    def _put_back(self, job: Job) -> None:
        if job.tries >= TRIES_MAX:
            job.status = "failed"
            return
        job.status = "queued"
        most_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (job.tries - 1))
        task = asyncio.create_task(self._again(job, self._chance.uniform(most_s / 2, most_s)))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _again(self, job: Job, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        self._put(job)

    def _put(self, job: Job) -> None:
        self._waiting.put_nowait((self._resilient and job.can_wait, next(self._turns), job))


def application(queue: Queue) -> web.Application:
    """``POST /jobs`` and ``GET /jobs/ID``, both also below ``/batch``, and ``GET /healthz``."""

    async def submit(request: web.Request) -> web.Response:
        asked = await body(request, Submitted, "job")
        return _told(queue.submit(asked, can_wait=request.path.startswith(BATCH)), 202)

    async def tell(request: web.Request) -> web.Response:
        job = queue.known(request.match_info["name"])
        return web.json_response({"error": "no such job"}, status=404) if job is None else _told(job, 200)

    async def working(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(queue.work())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    app = web.Application()
    app.cleanup_ctx.append(working)
    for kind in ("", BATCH):
        app.add_routes([web.post(f"{kind}/jobs", submit), web.get(f"{kind}/jobs/{{name}}", tell)])
    app.add_routes([web.get("/healthz", well)])
    return app


def _told(job: Job, status: int) -> web.Response:
    source = retrieve(job.question)
    said = {"id": job.id, "status": job.status, "answer": job.answer or None, "prompt_version": PROMPT_VERSION}
    return web.json_response(
        said | {"sources": [source] if source else []}, status=status, headers={"location": f"/jobs/{job.id}"}
    )


def main() -> None:
    parser = of_two_forms(__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    read = parser.parse_args()
    model = tries_once(read.provider, TIMEOUT_S)
    queue = Queue(model, read.workers, Chance(read.seed, "queue").next(), resilient=read.resilient)
    listen(application(queue), read.port)


if __name__ == "__main__":
    main()
