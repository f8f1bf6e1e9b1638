"""Both assistants behind their HTTP API, side by side: what the one does, the other does not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from harness.reference import assistant, corpus
from harness.reference.assistant import Options
from harness.reference.failover import Limits
from harness.reference.fragile import Fragile
from harness.reference.publisher import Publisher
from harness.reference.resilient import Resilient
from harness.reference.snapshots import Snapshot, Store

QUESTION = f"{corpus.POLICIES[0].question} [n-0123456789]"
ENDS_WITH_ITS_CALLER = {Fragile: False, Resilient: True}


@contextlib.asynccontextmanager
async def serving(kind, east, west, stores, *, region: str = "west") -> AsyncIterator[aiohttp.ClientSession]:
    addresses = {"east": stores[0].address, "west": stores[1].address}
    on = Options(0, region, {"east": east.url, "west": west.url}, addresses)
    # The limits are generous: what is held to here is not how fast this machine is.
    limits = Limits(first_token_s=10.0, gap_s=10.0, no_try_after_s=10.0)
    made = Fragile(on) if kind is Fragile else Resilient(on, limits, store_timeout_s=5.0)
    app = assistant.application(made, region)
    runner = web.AppRunner(app, handler_cancellation=ENDS_WITH_ITS_CALLER[kind], shutdown_timeout=0.01)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            yield client
    finally:
        await runner.cleanup()


async def ask(client: aiohttp.ClientSession, **body: object) -> tuple[int, dict[str, object]]:
    async with client.post(
        "/ask", json={"question": QUESTION, "conversation": "c", "seen_version": None} | body
    ) as got:
        return got.status, await got.json()


async def publish(server, version: int) -> None:
    store = Store(server.address, timeout_s=30)
    facts = corpus.facts(version)
    await store.publish(Snapshot(corpus.NAME, version, corpus.content_hash(facts)), facts)
    await store.close()


both = pytest.mark.parametrize("kind", [Fragile, Resilient])


@both
def test_a_question_is_answered_from_the_fact_in_the_prompt_with_its_nonce_unchanged(run_with_providers, stores, kind):
    async def test(east, west) -> None:
        await publish(stores[0], 1)
        await publish(stores[1], 1)
        async with serving(kind, east, west, stores) as client:
            assert await ask(client) == (
                200,
                {
                    "answer": "It is 7.",
                    "snapshot": {
                        "corpus": corpus.NAME,
                        "version": 1,
                        "hash": corpus.content_hash(corpus.facts(1)),
                    },
                    "prompt_version": "policies-1",
                    "sources": [corpus.POLICIES[0].id],
                    "context": corpus.facts(1)[corpus.POLICIES[0].id],
                    "conversation": "c",
                    "region": "west",
                },
            )
        assert (len(east.attempts), len(west.attempts)) == (0, 1)
        assert west.prompts == [f"Context:\n- {corpus.facts(1)[corpus.POLICIES[0].id]}\n\nQuestion: {QUESTION}"]

    run_with_providers(test, ["good"], ["good"])


@both
def test_what_is_no_question_is_answered_400(run_with_providers, stores, kind):
    async def test(east, west) -> None:
        async with serving(kind, east, west, stores) as client:
            status, body = await ask(client, question=7)
            assert status == 400
            assert "Expected `str`, got `int`" in body["error"]["message"]

    run_with_providers(test, ["good"], ["good"])


@both
def test_it_is_ready_once_its_own_store_has_a_snapshot_and_not_before(run_with_providers, stores, kind):
    async def test(east, west) -> None:
        await publish(stores[0], 1)
        async with serving(kind, east, west, stores) as client:

            async def status() -> int:
                async with client.get("/healthz") as got:
                    return got.status

            for _ in range(5):
                assert await status() == 503
            await publish(stores[1], 1)
            async with asyncio.timeout(10):
                while await status() != 200:
                    await asyncio.sleep(0.01)
            assert (await ask(client))[0] == 200
        assert (len(east.attempts), len(west.attempts)) == (0, 1)

    run_with_providers(test, ["good"], ["good"])


@both
def test_a_question_before_the_first_snapshot_is_unanswered(run_with_providers, stores, kind):
    async def test(east, west) -> None:
        async with serving(kind, east, west, stores) as client:
            status, body = await ask(client)
            assert status == 503
            assert body["error"]["message"]

    run_with_providers(test, ["good"], ["good"])


def test_fragile_makes_nine_attempts_at_one_place_for_every_question_and_resilient_for_one_at_two(
    run_with_providers, stores
):
    async def test(east, west) -> None:
        await publish(stores[1], 1)
        # The SDK obeys this; it spares the test its waits.
        west.headers = {"retry-after-ms": "1"}
        async with serving(Fragile, east, west, stores) as client:
            assert (await ask(client))[0] == 503
        assert [attempt["x-stainless-retry-count"] for attempt in west.attempts] == ["0", "1", "2"] * 3
        assert east.attempts == []
        west.attempts.clear()
        async with serving(Resilient, east, west, stores) as client:
            assert (await ask(client))[0] == 503
            assert (len(east.attempts), len(west.attempts)) == (4, 5)
            for _ in range(5):
                assert (await ask(client))[0] == 503
        assert len(east.attempts) + len(west.attempts) <= 9 + 3 + 5 * 2, (
            "what is left of the budget, and a free failover each"
        )

    run_with_providers(test, ["500"], ["500"])


def test_fragile_goes_on_for_a_caller_who_left(run_with_providers, stores, eventually):
    async def test(east, west) -> None:
        await publish(stores[1], 1)
        west.headers = {"retry-after-ms": "1"}
        async with serving(Fragile, east, west, stores) as client:
            asking = asyncio.create_task(ask(client))
            await eventually(lambda: len(west.attempts) == 1, "the first attempt is made")
            asking.cancel()
            await asyncio.wait([asking])
            west.script = ["500"]
            await eventually(lambda: len(west.attempts) == 9, "the other eight are made as well")

    run_with_providers(test, ["good"], ["hang"])


def test_resilient_stops_when_its_caller_leaves(run_with_providers, stores, eventually):
    async def test(east, west) -> None:
        await publish(stores[1], 1)
        async with serving(Resilient, east, west, stores) as client:
            asking = asyncio.create_task(ask(client))
            await eventually(lambda: len(west.attempts) == 1, "the attempt is made")
            asking.cancel()
            await eventually(lambda: west.left == 1, "the provider sees the client leave")
            west.script = ["good"]
            assert (await ask(client))[0] == 200
        assert (len(east.attempts), len(west.attempts)) == (0, 2), "the question that was left made no second attempt"

    run_with_providers(test, ["good"], ["hang"])


def test_fragile_goes_back_behind_what_the_conversation_has_seen(run_with_providers, stores):
    async def test(east, west) -> None:
        await publish(stores[0], 2)
        await publish(stores[1], 1)
        async with serving(Fragile, east, west, stores) as client:
            status, body = await ask(client, seen_version=2)
            assert (status, body["snapshot"]["version"]) == (200, 1)

    run_with_providers(test, ["good"], ["good"])


def test_resilient_never_goes_back_whether_it_is_told_or_remembers(run_with_providers, stores, stale_s):
    async def test(east, west) -> None:
        await publish(stores[0], 2)
        await publish(stores[1], 1)
        async with serving(Resilient, east, west, stores) as client:
            versions = [
                (await ask(client, conversation=conversation, seen_version=seen))[1]["snapshot"]["version"]
                for conversation, seen in (("a", None), ("a", 2), ("a", None), ("b", None), ("b", 1))
            ]
            assert versions == [1, 2, 2, 1, 1]

    run_with_providers(test, ["good"], ["good"])


def test_resilient_gives_no_answer_rather_than_an_older_one(run_with_providers, stores):
    async def test(east, west) -> None:
        await publish(stores[1], 1)
        async with serving(Resilient, east, west, stores) as client:
            status, body = await ask(client, seen_version=2)
            assert status == 503
            assert "version 2" in body["error"]["message"]
        assert west.attempts == [], "no provider was asked"

    run_with_providers(test, ["good"], ["good"])


def test_fragile_answers_from_what_it_knew_when_its_store_is_gone(run_with_providers, stores):
    async def test(east, west) -> None:
        store = Store(stores[1].address, timeout_s=30)
        await Publisher(store).begin()
        await store.close()
        async with serving(Fragile, east, west, stores) as client:
            assert (await ask(client))[0] == 200
            stores[1].say("FLUSHALL")
            status, body = await ask(client)
            assert (status, body["snapshot"]["version"]) == (200, 1)
            assert (await ask(client, question=corpus.POLICIES[1].question))[0] == 503, "it knew nothing of this one"

    run_with_providers(test, ["good"], ["good"])
