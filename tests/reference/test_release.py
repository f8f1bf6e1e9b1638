"""The next version in the place of the one that serves, in both forms: whoever asks meanwhile is failed, or is not."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from harness.reference import release
from harness.reference.release import FIRST_QUESTION, Releases, Version


class Model:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.open, self.asked, self.chat = asyncio.Event(), list[str](), SimpleNamespace(completions=self)

    async def create(self, *, messages: list[dict[str, str]], **_: object) -> object:
        self.asked.append(messages[-1]["content"].rsplit("Question: ")[-1])
        await self.open.wait()
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content="30 days"))])


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "STARTS_WITHIN_S", 0.0)


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("resilient", [False, True])
def test_what_is_being_answered_is_ended_by_the_old_version_or_lost_with_it(resilient):
    async def switched() -> tuple[str | None, int, bool]:
        model = Model()
        releases = Releases(lambda number: Version(number, model), resilient=resilient)
        await releases.current.start()
        old = releases.current
        asked = asyncio.create_task(old.answer("before"))
        await settled()
        switching = asyncio.create_task(releases.switch())
        await settled()
        model.open.set()
        number = await switching
        answer = await asked
        await settled()
        return answer, number, old.serves

    assert asyncio.run(switched()) == ("30 days" if resilient else None, 2, False)


def test_the_next_version_serves_before_anybody_is_sent_to_it_and_is_asked_a_first_question():
    async def switched() -> None:
        model = Model()
        releases = Releases(lambda number: Version(number, model), resilient=True)
        await releases.current.start()
        switching = asyncio.create_task(releases.switch())
        await settled()
        assert (releases.current.number, releases.current.serves) == (1, True)
        assert model.asked == [FIRST_QUESTION]
        model.open.set()
        assert await switching == 2
        assert (releases.current.number, releases.current.serves) == (2, True)

    asyncio.run(switched())


def test_a_version_that_takes_the_place_before_it_serves_answers_nobody(monkeypatch):
    async def switched() -> None:
        model = Model()
        releases = Releases(lambda number: Version(number, model), resilient=False)
        await releases.current.start()
        monkeypatch.setattr(release, "STARTS_WITHIN_S", 3600.0)
        switching = asyncio.create_task(releases.switch())
        await settled()
        assert (releases.current.number, releases.current.serves) == (2, False)
        switching.cancel()

    asyncio.run(switched())
