"""What faults leave of a provider's capacity and speed, and how many chats felt it: on plain values, and on a real one."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request

import pytest

from harness.running.keeper.means import HttpUndo
from harness.simulated_provider.shortage import Ramp, Shortage, Taken
from harness.simulated_provider.slots import Overloaded, Slots


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_the_greatest_shortage_counts_and_slowness_adds_up():
    shortage = Shortage(Clock())
    assert (shortage.left, shortage.slow()) == (1.0, 1.0)
    shortage.put("a", Taken(0.5, 2.0))
    shortage.put("b", Taken(0.25, 3.0))
    assert (shortage.left, shortage.slow()) == (0.25, 6.0)
    shortage.drop("b")
    assert (shortage.left, shortage.slow()) == (0.5, 2.0)
    shortage.drop("a")
    shortage.drop("a")
    assert (shortage.left, shortage.slow(), shortage.in_force) == (1.0, 1.0, {})


def test_what_climbs_is_as_far_as_its_time_and_told_twice_goes_on_as_it_began():
    clock = Clock()
    shortage, cold = Shortage(clock), Taken(1.0, 1.0, Ramp(0.2, 10.0), Ramp(5.0, 10.0))
    shortage.put("cold", cold)
    clock.now_s += 5.0
    shortage.put("cold", cold)
    assert (shortage.left, shortage.slow()) == (pytest.approx(0.6), pytest.approx(3.0))
    clock.now_s += 60.0
    assert (shortage.left, shortage.slow()) == (1.0, 1.0)


def test_only_what_really_takes_something_is_felt():
    clock = Clock()
    shortage = Shortage(clock)
    shortage.put("narrow", Taken(0.5))
    shortage.put("slow", Taken(1.0, 2.0))
    shortage.short()
    assert shortage.in_force == {"narrow": 1, "slow": 0}
    shortage.slow()
    assert shortage.in_force == {"narrow": 1, "slow": 1}


def test_of_what_is_left_so_many_are_worked_on_and_given_back_those_who_wait_begin():
    async def main() -> None:
        left, short, served, finish = [0.25], [0], [], asyncio.Event()

        def felt() -> None:
            short[0] += 1

        slots = Slots(8, 3, lambda: left[0], felt)

        async def work(name: int) -> None:
            async with slots:
                served.append(name)
                await finish.wait()

        works = [asyncio.create_task(work(name)) for name in range(6)]
        while not works[5].done():
            await asyncio.sleep(0)
        assert isinstance(works[5].exception(), Overloaded)
        assert (served, short) == ([0, 1], [4])
        left[0] = 1.0
        slots.fill()
        await asyncio.sleep(0)
        assert served == [0, 1, 2, 3, 4]
        finish.set()
        await asyncio.gather(*works[:5])

    asyncio.run(main())


def test_one_slot_always_stays_so_that_nobody_waits_for_ever():
    async def main() -> None:
        slots = Slots(4, 1, lambda: 0.01)
        async with slots:
            pass

    asyncio.run(main())


def _tell(provider, method: str, path: str, told: object = None) -> tuple[int, dict[str, object]]:
    body = None if told is None else json.dumps(told).encode()
    request = urllib.request.Request(f"{provider.url}/.harness/faults{path}", body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_provider_is_told_what_to_do_without_and_says_who_felt_it(start):
    provider = start(capacity=4, queue=4, first_token=0.0, token_gap=0.0, sigma=0.0)
    before = provider.counts()
    assert _tell(provider, "PUT", "/short", {"type": "capacity", "aim": "east", "share_ratio": 0.25}) == (
        200,
        {"faults": {"short": 0}},
    )
    assert _tell(provider, "PUT", "/slow", {"slow": 20.0, "slow_ramp": None})[0] == 200
    assert _tell(provider, "PUT", "/short", {"share_ratio": 0})[0] == 400
    assert _tell(provider, "POST", "/short")[0] == 405
    assert provider.counts() == before, "what the harness says is no request of a client's"
    chats = [threading.Thread(target=_chat, args=(provider,)) for _ in range(2)]
    for chat in chats:
        chat.start()
    for chat in chats:
        chat.join()
    assert _tell(provider, "GET", "")[1]["faults"]["slow"] == 2
    for _ in range(2):
        assert "short" not in _tell(provider, "DELETE", "/short")[1]["faults"]


def _chat(provider) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}).encode()
    request = urllib.request.Request(f"{provider.url}/v1/chat/completions", body, {"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=10).read()


def test_whoever_carries_out_the_undo_gives_a_provider_all_of_it_back_and_nobody_else_is_told(start):
    provider = start(capacity=4, queue=4, first_token=0.0, token_gap=0.0, sigma=0.0)
    _tell(provider, "PUT", "/short", {"share_ratio": 0.25})
    undo = HttpUndo("DELETE", f"{provider.url}/.harness/faults/short")
    assert undo.refusal() == ""
    for _ in range(2):
        assert undo.carry_out(10.0) == (True, "answered 200")
    assert _tell(provider, "GET", "") == (200, {"faults": {}})
    elsewhere = HttpUndo("DELETE", f"{provider.url}/links/east/faults/short")
    gone, why = elsewhere.carry_out(10.0)
    assert (gone, why) == (True, "what listens there now is no wire, so what that did is gone with it")


@pytest.mark.parametrize("path", ["/.harness/faults", "/.harness/faults/", "/.harness/faults/a/b", "/v1/models"])
def test_nothing_else_is_asked_of_a_provider_to_put_something_back(path: str):
    assert HttpUndo("DELETE", f"http://127.0.0.1:8001{path}").refusal() == "the harness makes no such request"
