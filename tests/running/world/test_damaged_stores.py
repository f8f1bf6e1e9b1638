"""What is done to a real Redis server: it is emptied, poisoned, or loses what was written since, and never one of somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from redis import Redis

from harness.faults.damaged_store import DamagedStore
from harness.faults.effects import Damage
from harness.problems import HarnessError
from harness.reading.target import Link
from harness.running.world.places import Reach
from harness.running.world.places.store import StorePlace

FLUSH, LOSE = Damage("cache", "flush"), Damage("cache", "lose_writes")
OURS = Link(kind="cache", upstream="redis://127.0.0.1:{cache.port}")


@pytest.fixture(scope="module")
def port(new_redis: Callable[[], int]) -> int:
    return new_redis()


@pytest.fixture
def store(port: int) -> Iterator[Any]:
    with Redis(port=port, decode_responses=True) as server:
        server.flushall()
        server.mset({"answer:1": "yes", "answer:2": "no", "other": "left alone"})
        server.hset("facts", "a", "old")
        yield server


@pytest.fixture
def place(port: int) -> StorePlace:
    return StorePlace(
        Reach(cast("Any", None), cast("Any", None), None, {}, {}, store_addresses={"cache": ("127.0.0.1", port)})
    )


def _felt(place: StorePlace, effect: Damage) -> int:
    sight = place.ask("0", effect)
    assert sight.stands
    return sight.answered or 0


def test_a_store_that_is_flushed_holds_nothing_and_stays_so(place: StorePlace, store: Any) -> None:
    place.inject("0", FLUSH)
    assert (store.dbsize(), _felt(place, FLUSH)) == (0, 4)
    place.revert("0", FLUSH)
    assert store.dbsize() == 0
    assert place.undo("0", FLUSH) == []


def test_where_there_was_nothing_to_lose_nobody_felt_it(place: StorePlace, store: Any) -> None:
    store.flushall()
    place.inject("0", FLUSH)
    assert _felt(place, FLUSH) == 0


@pytest.mark.parametrize(
    ("effect", "felt", "said"),
    [
        (Damage("cache", "poison", "answer:*", value="bad"), 2, ["bad", "bad", "left alone", "old"]),
        (Damage("cache", "poison", "answer:1", value="bad"), 1, ["bad", "no", "left alone", "old"]),
        (Damage("cache", "poison", "facts", "a", "bad"), 1, ["yes", "no", "left alone", "bad"]),
        (Damage("cache", "poison", "no-such:*", value="bad"), 0, ["yes", "no", "left alone", "old"]),
    ],
)
def test_poisoned_entries_say_what_they_should_not_and_the_others_what_they_did(
    place: StorePlace, store: Any, effect: Damage, felt: int, said: list[str]
) -> None:
    store.expire("answer:1", 1000)
    place.inject("0", effect)
    assert [*store.mget("answer:1", "answer:2", "other"), store.hget("facts", "a")] == said
    assert _felt(place, effect) == felt
    assert store.ttl("answer:1") > 900


def test_what_was_written_since_is_lost_at_the_end_and_how_much_there_is_to_lose_is_told(
    place: StorePlace, store: Any
) -> None:
    place.inject("0", LOSE)
    assert _felt(place, LOSE) == 0
    store.set("answer:1", "changed")
    store.set("new", "entry")
    store.delete("other")
    store.hset("facts", "a", "newer")
    assert _felt(place, LOSE) == 4
    place.revert("0", LOSE)
    assert store.mget("answer:1", "answer:2", "other", "new") == ["yes", "no", "left alone", None]
    assert store.hgetall("facts") == {"a": "old"}
    store.set("new", "entry")
    place.revert("0", LOSE)  # one that is not in force is no error
    assert store.get("new") == "entry"


def test_a_store_that_refuses_is_told_of_by_its_link(place: StorePlace, store: Any) -> None:
    with pytest.raises(HarnessError, match="the store behind cache refused: WRONGTYPE"):
        place.inject("0", Damage("cache", "poison", "other", "field", "bad"))


def test_only_a_store_that_the_harness_started_may_be_damaged() -> None:
    fault = DamagedStore.model_validate({"kind": "damaged_store", "on": {}, "how": "flush"})
    assert fault.misfit(OURS) == ""
    assert "did not start, and flush cannot be undone there; add services: {cache: redis}" in fault.misfit(
        Link(kind="cache", upstream="redis://127.0.0.1:6379")
    )
    assert fault.misfit(Link(kind="cache", upstream="http://127.0.0.1:80")).startswith(
        "carries http, and damaged_store"
    )
