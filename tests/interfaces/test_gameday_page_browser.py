"""A game day's page in a real browser: by mouse and by keyboard, on a phone, and with nothing of what people write that acts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from chromium import Browser, Window, driven
from game_day_made_up import FIGURES, READY, MadeUpDay, made_up

from harness.gameday.control import DayShown, Person, PrerequisiteShown, StepShown
from harness.gameday.events import (
    Agreed,
    Began,
    Called,
    Event,
    Item,
    Looked,
    Marked,
    Noted,
    Over,
    PutBack,
    Stopped,
    Told,
    Warned,
)
from harness.interfaces.gameday_page import served
from harness.interfaces.gameday_page.application import Limits

pytestmark = pytest.mark.browser

HACK = "<img src=x onerror=\"document.documentElement.dataset.hacked='yes'\"><script>document.title='hacked'</script>"
LONG = "https://wiki.example/" + "a-very-long-word" * 12
GOES_ON = [*READY, Called(step="kill-redis", by="Ada"), Began(step="kill-redis", at="2026-11-27T14:05:00.000+00:00")]
FULL: list[Event] = [
    *READY,
    Began(step="look-around", at="2026-11-27T14:01:00.000+00:00"),
    Over(step="look-around", outcome="done", by="Ada", told="muted at 14:03", at="2026-11-27T14:03:00.000+00:00"),
    *GOES_ON[-2:],
    Marked(kind="detected", step="kill-redis", by="Linus", at="2026-11-27T14:06:10.000+00:00", text="alert p95"),
    Noted(text="Latency jumped from 0.8 s to 4 s before any alert.", by="Linus", surprise=True),
    Noted(text=LONG, by="Ada"),
    Warned(what="the shared Toxiproxy does not answer"),
    Item(text="Alert on cache misses", owner="Grace", ticket=LONG, due="2026-12-24", by="Ada"),
    PutBack(step="kill-redis", left=["secret step"], told="the shared Toxiproxy does not answer"),
]


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Browser, Window]]:
    with driven(tmp_path_factory.mktemp("browser")) as (runner, browser):
        yield runner, browser, runner.run(browser.window())


@pytest.fixture
def browser(at_hand: tuple[asyncio.Runner, Browser, Window]) -> Browser:
    return at_hand[1]


@pytest.fixture
def see(at_hand: tuple[asyncio.Runner, Browser, Window], tmp_path: Path) -> Iterator[Any]:
    """Runs a function with a window on the page of a day, and holds that the browser complained of nothing.

    Each day is at a port of its own, so that nothing which a browser keeps of one is known to the next.
    """
    runner, _, window = at_hand
    days: list[MadeUpDay] = []

    def seen(events: list[Event], what: Any, *, figures: Any = None, width: int = 1200) -> Any:
        day = made_up(tmp_path, *events)
        day.figures = figures
        days.append(day)

        async def looking(url: str) -> Any:
            window.asked.clear()
            await window.looks(width=width, height=900)
            await window.open(url)
            await window.until("document.title !== 'Game day' && document.querySelector('#lines li') !== null")
            came = await what(window, day, url)
            assert window.complaints == []
            return came

        with served(day.desk, day, limits=Limits(look_s=0.02)) as url:
            return runner.run(looking(url))

    yield seen
    for day in days:
        day.desk.close()


async def named(window: Window, name: str = "Ada") -> None:
    """Says who sits there, by keyboard."""
    await window.tell("document.getElementById('me').focus()")
    await window.write(name)
    await window.key("Enter", 13, "\r")
    await window.until("!document.getElementById('known').hidden")


def test_a_click_on_stop_stops_the_day_and_a_second_browser_is_told_at_once(see: Any, browser: Browser) -> None:
    async def stopping(first: Window, day: MadeUpDay, url: str) -> None:
        second = await browser.window(width=400)
        await second.open(url)
        await second.until("document.body && document.body.dataset.tone === 'on'")
        await second.click("#stop")
        await second.until("document.getElementById('stop-done').textContent === 'Your stop got through.'")
        for window in (first, second):
            await window.until(
                "document.getElementById('alarm').textContent === 'somebody at the page stopped everything.'"
            )
            assert await window.tell("document.title.startsWith('STOPPED')")
        assert day.desk.standing.stopped is not None

    see(GOES_ON, stopping, figures=FIGURES)


def test_stop_is_the_first_thing_that_a_keyboard_reaches_and_wants_one_press(see: Any) -> None:
    async def pressing(window: Window, day: MadeUpDay, _: str) -> None:
        await window.key("Tab", 9)
        assert await window.tell("document.activeElement.id") == "stop"
        assert await window.tell("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await window.key("Enter", 13, "\r")
        await window.until("document.body.dataset.tone === 'stopped'")
        assert [type(event) for event in day.desk.since(6)] == [Stopped]

    see(GOES_ON, pressing)


def test_the_address_that_is_left_has_no_token_and_no_script_reads_the_cookie(see: Any) -> None:
    async def looking(window: Window, _: MadeUpDay, url: str) -> None:
        assert "token" in url
        assert await window.tell("location.href") == urlunsplit(urlsplit(url)._replace(query=""))
        assert await window.tell("document.cookie") == ""
        token = urlsplit(url).query.partition("=")[2]
        later = [one for one in window.asked if "token=" not in one["url"]]
        assert later
        assert [one for one in later if token in str(one)] == []

    see([], looking)


def test_a_link_in_a_chat_leads_to_the_page_as_well(see: Any) -> None:
    async def following(window: Window, _: MadeUpDay, url: str) -> None:
        # To a browser localhost is another site than 127.0.0.1.
        elsewhere = url.partition("?")[0].replace("127.0.0.1", "localhost")
        await window.ask("Network.clearBrowserCookies")
        await window.open(elsewhere)
        await window.until(f"location.href === {elsewhere!r} && document.readyState === 'complete'")
        await window.tell(f"void (location.href = {url!r})")
        await window.until("location.hostname === '127.0.0.1' && document.querySelector('#lines li') !== null")

    see([], following)


def test_without_a_name_nothing_but_stop_is_said_and_it_is_asked_once(see: Any) -> None:
    async def saying(window: Window, day: MadeUpDay, _: str) -> None:
        await window.click("#checks input")
        await window.until("document.querySelector('#checks .refused').textContent.startsWith('Say who you are first')")
        assert await window.tell("document.activeElement.id") == "me"
        assert await window.tell("document.querySelector('#checks input').checked") is False
        await window.write("Linus")
        await window.key("Enter", 13, "\r")
        # Whoever was asked goes on where they were.
        await window.until("document.activeElement === document.querySelector('#checks input')")
        await window.click("#checks input")
        await window.until("document.querySelector('#checks [data-is=who]').textContent.startsWith('Linus, ')")
        await window.ask("Page.reload")
        await window.until(
            "document.querySelector('#lines li') !== null && document.getElementById('my-name').textContent === 'Linus'"
        )
        assert day.desk.standing.looked[0] == Looked(
            prerequisite=0, ok=True, by="Linus", at=day.desk.standing.looked[0].at
        )

    see([], saying)


def test_a_day_is_led_from_the_page(see: Any) -> None:
    async def leading(window: Window, day: MadeUpDay, _: str) -> None:
        await named(window, "Grace")
        await window.click("#asked [data-say=refuse]")
        await window.until("document.querySelector('#asked .refused').textContent === 'a refusal needs a reason'")
        await window.click("#asked [data-say=agree]")
        await window.until("document.querySelector('#asked .word').textContent === 'agreed'")
        await window.click("#steps li:first-child [data-say=begin]")
        await window.until("document.querySelector('#steps li:first-child .word').textContent === 'about to begin'")
        day.desk.write(Began(step="look-around"))
        await window.until("!document.querySelector('#steps li:first-child [data-say=done]').hidden")
        await window.click("#mark [data-say=mark]")
        await window.until("document.querySelector('#marks [data-is=who]').textContent.startsWith('Grace, ')")
        await window.click("#steps li:first-child [data-text]")
        await window.write("muted")
        await window.click("#steps li:first-child [data-say=done]")
        await window.until("document.querySelector('#steps li:first-child .word').textContent === 'done'")
        await window.click("details summary")
        await window.click("#item-text")
        await window.write("Alert on misses")
        await window.tell("document.getElementById('item-due').value = '2026-12-24'")
        await window.click("#item [type=submit]")
        await window.until("document.querySelector('#items [data-is=text]').textContent === 'Alert on misses'")
        await window.click("#items input")
        await window.until("document.querySelector('#lines [data-is=text]').textContent === 'done: Alert on misses'")
        await window.click("#close [value=no]")
        await window.click("#close [type=submit]")
        await window.until("document.body.dataset.tone === 'closed'")

    # Read from the desk, since what a button says is told by its event.
    day = see(READY[:2], lambda window, day, url: _and(leading(window, day, url), day))
    said = [event for event in day.desk.since(3) if event.by == "Grace"]
    assert [type(event).__name__ for event in said] == ["Agreed", "Called", "Marked", "Over", "Item", "Item", "Closed"]
    assert said[0] == Agreed(of="Grace", by="Grace", at=said[0].at)
    assert (said[3].outcome, said[3].told, said[4].due, said[5].done, said[6].held) == (
        "done",
        "muted",
        "2026-12-24",
        True,
        False,
    )


async def _and(doing: Coroutine[Any, Any, Any], value: Any) -> Any:
    await doing
    return value


def test_nothing_that_people_write_acts(see: Any) -> None:
    async def writing(window: Window, day: MadeUpDay, _: str) -> None:
        await named(window, HACK[:80])
        await window.click("#note-text")
        await window.write(HACK)
        await window.click("#note [name=surprise]")
        await window.click("#note [type=submit]")
        await window.until(f"document.querySelector('#lines [data-is=text]').textContent === {HACK!r}")
        day.desk.say(Item(text=HACK, owner=HACK, ticket=HACK, by=HACK[:80]))
        day.desk.say(Agreed(of="Grace", yes=False, why=HACK, by=HACK[:80]))
        day.desk.say(Stopped(why=HACK, by=HACK[:80]))
        await window.until("document.body.dataset.tone === 'stopped'")
        assert await window.tell("document.querySelectorAll('img, li script').length") == 0
        assert await window.tell("document.documentElement.dataset.hacked") is None
        assert "hacked" in await window.tell("document.getElementById('where').textContent")

    see(READY, writing)


def test_nothing_that_stands_in_a_file_or_comes_from_a_webhook_acts(see: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    step = StepShown("kill-redis", "manual", HACK, HACK, about=HACK, verify=HACK, rollback=HACK)
    shown = DayShown("friday", HACK, HACK, HACK, HACK, (PrerequisiteShown(HACK, True), PrerequisiteShown(HACK, False)))
    monkeypatch.setattr(MadeUpDay, "about", lambda _: shown)
    monkeypatch.setattr(MadeUpDay, "people", lambda _: [Person(HACK, "owner"), Person("Grace", "approves", HACK)])
    monkeypatch.setattr(MadeUpDay, "agenda", lambda day: [replace(step, id=one.id) for one in day.desk.standing.steps])

    async def looking(window: Window, day: MadeUpDay, _: str) -> None:
        day.desk.write(Told(url=HACK, moment="opened", error=HACK))
        day.desk.write(Warned(what=HACK))
        day.desk.write(Looked(prerequisite=1, ok=False, told=HACK))
        await window.until("document.querySelectorAll('#faults li').length === 1")
        await window.until("document.querySelectorAll('#checks [data-tone=fail]').length === 1")
        await window.until("document.querySelectorAll('#lines li').length === 9")
        for where in ("#title", "#objective", "#people", "#checks", "#asked", "#steps", "#faults", "#lines"):
            assert "onerror" in await window.tell(f"document.querySelector({where!r}).textContent"), where
        assert await window.tell("document.querySelectorAll('img, main script, main [onerror]').length") == 0
        assert await window.tell("document.documentElement.dataset.hacked") is None

    see(GOES_ON, looking, figures=replace(FIGURES, phase=HACK, in_force=(HACK,)))


def test_what_is_typed_and_where_one_is_stays_while_the_day_goes_on(see: Any) -> None:
    async def typing(window: Window, day: MadeUpDay, _: str) -> None:
        await window.click("#asked [data-text]")
        await window.write("half a rea")
        day.desk.write(Noted(text="meanwhile", by="Ada"))
        day.desk.write(Looked(prerequisite=1, ok=True))
        await window.until("document.querySelector('#checks li:last-child .word').textContent === 'is so'")
        await window.write("son")
        assert await window.tell("document.activeElement.value") == "half a reason"

    see(READY[:1], typing)


def test_on_a_phone_nothing_is_wider_than_it_in_light_or_in_the_dark(see: Any) -> None:
    async def looking(window: Window, _: MadeUpDay, __: str) -> None:
        await window.until("document.querySelector('#faults li') !== null")
        assert await window.tell("document.querySelector('#left li').textContent") == "secret step (step 2)"
        assert await window.tell("document.getElementById('left-said').textContent.startsWith('NOT all is put back')")
        for dark, ground in ((False, "rgb(250, 249, 246)"), (True, "rgb(19, 21, 25)")):
            await window.looks(width=400, height=800, dark=dark)
            assert await window.tell("document.scrollingElement.scrollWidth <= innerWidth")
            assert await window.tell("getComputedStyle(document.body).backgroundColor") == ground
        tops = (
            "[...document.querySelectorAll('button')].filter((one) => one.offsetParent).map((one) => one.offsetHeight)"
        )
        assert min(await window.tell(tops)) >= 24

    see(FULL, looking, figures=FIGURES, width=400)


def test_everything_that_can_be_used_has_a_name_and_the_page_its_landmarks(see: Any) -> None:
    async def hearing(window: Window, _: MadeUpDay, __: str) -> list[tuple[str, str]]:
        nodes = (await window.ask("Accessibility.getFullAXTree"))["nodes"]
        return [
            (node.get("role", {}).get("value", ""), node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"]
        ]

    heard = see(FULL, hearing, figures=FIGURES)
    assert [name for role, name in heard if role == "list"].count("What happened") == 1
    used = {"button", "checkbox", "radio", "textbox", "combobox", "Date", "progressbar"}
    assert [role for role, name in heard if role in used and not name] == []
    assert ("button", "Stop everything") in heard
    assert {"banner", "main", "alert", "status"} <= {role for role, _ in heard}
    assert {"Agenda", "In force now", "Responders", "What happened"} <= {
        name for role, name in heard if role == "region"
    }
