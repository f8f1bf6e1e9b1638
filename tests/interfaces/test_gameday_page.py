"""A game day's page over loopback: everybody sees what goes on, anybody stops it at once, and nobody else comes in."""

from __future__ import annotations

import asyncio
import json
import queue
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from game_day_made_up import FIGURES, OPENED, READY, MadeUpDay, made_up, stamped
from yarl import URL

from harness.gameday.desk import Desk
from harness.gameday.events import (
    Agreed,
    Began,
    Called,
    Closed,
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
    WentOn,
    encode,
)
from harness.gameday.standing import told
from harness.interfaces import gameday_page
from harness.interfaces.gameday_page import served
from harness.interfaces.gameday_page.application import Limits
from harness.interfaces.gameday_page.board import board
from harness.interfaces.gameday_page.figures import figures
from harness.interfaces.gameday_page.lines import line

PAGE = Path(gameday_page.__file__).parent
TOKEN = "a-token-of-this-test"
LIMITS = Limits(look_s=0.02, beat_s=600.0)
"""Nobody is told anything merely because it is time for a beat."""
HANGS_S = 120
"""After so long nothing comes any more, however busy a machine is."""


@dataclass
class Visitor:
    """Somebody with a browser at the page in *url*."""

    session: aiohttp.ClientSession
    url: str

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def at(self, name: str = "") -> str:
        return f"{self.origin}{urlsplit(self.url).path}{name}"

    async def say(self, said: Event | bytes, **headers: str) -> tuple[int, str]:
        """The status, and what was wrong."""
        body = said if isinstance(said, bytes) else encode(said)
        sent = {"Content-Type": "application/json", "Origin": self.origin} | headers
        async with self.session.post(self.at("say"), data=body, headers=sent) as answer:
            text = await answer.text()
            return answer.status, json.loads(text)["error"] if answer.content_type == "application/json" else text

    async def told(self, since: int = 0, **headers: str) -> AsyncIterator[tuple[str, Any]]:
        """Each event of the stream, with its data; until it ends."""
        async with self.session.get(self.at(f"stream?since={since}"), headers=headers) as answer:
            assert answer.status == 200
            event = ""
            async for raw in answer.content:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    yield event, json.loads(value)

    async def until(self, event: str, right: Callable[[Any], bool] = lambda _: True, **of: Any) -> Any:
        """The first of that *event* that is *right*."""
        async with asyncio.timeout(HANGS_S):
            stream = self.told(**of)
            async for name, data in stream:
                if name == event and right(data):
                    await stream.aclose()
                    return data
        raise AssertionError(f"the stream ended before {event}")


@asynccontextmanager
async def visitor(url: str, *, enters: bool = True) -> AsyncIterator[Visitor]:
    jar = aiohttp.CookieJar(unsafe=True)  # which it calls one that keeps cookies of addresses
    async with aiohttp.ClientSession(cookie_jar=jar, read_bufsize=2**22) as session:
        if enters:
            async with session.get(url) as answer:
                assert answer.status == 200
                assert "token" not in str(answer.url)
        yield Visitor(session, url)


@pytest.fixture
def day(tmp_path: Path) -> Any:
    """Makes a day after some events; its desk is closed with the test."""
    desks: list[Desk] = []

    def make(*events: Event) -> MadeUpDay:
        made = made_up(tmp_path, *events)
        desks.append(made.desk)
        return made

    yield make
    for desk in desks:
        desk.close()


Visit = Callable[[Visitor], Coroutine[Any, Any, Any]]


def visit(day: MadeUpDay, what: Visit, *, enters: bool = True, limits: Limits = LIMITS) -> Any:
    async def visiting(url: str) -> Any:
        async with visitor(url, enters=enters) as one:
            return await what(one)

    with served(day.desk, day, token=TOKEN, limits=limits) as url:
        return asyncio.run(visiting(url))


def test_whoever_presses_stop_has_stopped_the_day_when_they_are_answered_and_everybody_else_is_told(day: Any) -> None:
    made = day(*READY, Called(step="kill-redis", by="Ada"), Began(step="kill-redis"))

    async def stopping(first: Visitor) -> None:
        watching = asyncio.create_task(first.until("board", lambda seen: seen["stopped"]))
        async with visitor(first.url) as second:
            assert await second.say(b'{"type": "stopped"}') == (204, "")
        assert made.desk.standing.stopped is not None
        seen = await watching
        assert seen["where"]["tone"] == "stopped"
        assert seen["where"]["said"] == "somebody at the page stopped everything. Step 2 (secret step) is being ended."

    visit(made, stopping)


def test_nothing_that_is_wrong_with_it_keeps_a_stop_from_being_one(day: Any) -> None:
    made = day(*READY)
    made.fails.append("agenda")
    said = Stopped(by="  Ada \n Lovelace" + "!" * 200, why="x" * 9_000)
    assert visit(made, lambda one: one.say(said)) == (204, "")
    assert made.desk.standing.stopped.by.startswith("Ada Lovelace!")


SAYABLE: list[tuple[Event, str]] = [
    (Looked(prerequisite=0, ok=True, by="Ada"), "looked"),
    (Agreed(of="Grace", by="Grace", yes=False, why="customers are waiting"), "refused"),
    (Called(step="look-around", by="Ada"), "called"),
    (Over(step="look-around", outcome="skipped", by="Ada", run="../elsewhere"), "over"),
    (Noted(text="<script>alert(1)</script>", by="<b>Ada</b>", surprise=True), "surprise"),
    (Item(text="alert on misses", owner="Linus", due="2026-12-24", by="Ada"), "item"),
    (Closed(held=None, by="Ada"), "closed"),
]


@pytest.mark.parametrize(("said", "kind"), SAYABLE, ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_person_says_is_on_disk_and_in_the_stream(day: Any, said: Event, kind: str) -> None:
    made = day(*READY)

    async def saying(one: Visitor) -> Any:
        assert await one.say(said) == (204, "")
        return await one.until("lines", lambda lines: lines[-1]["n"] == 5)

    assert visit(made, saying)[-1]["kind"] == kind
    (written,) = made.desk.since(4)
    assert (type(written), written.by, getattr(written, "run", "")) == (type(said), said.by, "")


REFUSED: list[tuple[bytes | Event, int, str]] = [
    (Began(step="talk", by="Ada"), 409, "Began is what the harness did"),
    (Warned(what="you are hacked", by="Ada"), 409, "Warned is what the harness did"),
    (Noted(text="what the harness says"), 409, "nobody's name"),
    (b'{"type": "noted", "text": "unsigned"}', 409, "nobody's name"),
    (Noted(text="", by="Ada"), 409, "says nothing"),
    (Noted(text="x" * 5_000, by="Ada"), 409, "5,000 characters; at most 4,000"),
    (Noted(text="hello", by="A" * 81), 409, "at most 80"),
    (Item(text="mend", owner="x" * 5_000, by="Ada"), 409, "owner has 5,000 characters"),
    (Item(text="mend", due="soon", by="Ada"), 409, "'soon' is no date; one is 2026-12-04"),
    (Agreed(of="Grace", yes=False, by="Grace"), 409, "a refusal needs a reason"),
    (Looked(prerequisite=1, ok=True, by="Ada"), 409, "the harness finds out by itself"),
    (Over(step="step 2", outcome="done", by="Ada"), 409, "step 2 is a scenario, which comes to its verdict by itself"),
    (Called(step="nowhere", by="Ada"), 409, "there is no step 'nowhere'; there are look-around, step 2, talk"),
    (Marked(kind="detected", by="Ada"), 409, "nothing has begun yet"),
    (b'{"type": "noted", "by": "Ada"}', 400, "text"),
    (b'{"type": "shout", "by": "Ada"}', 400, "shout"),
    (b"no JSON", 400, "malformed"),
    (b'{"type": "noted", "text": "\xff", "by": "Ada"}', 400, "utf-8"),
    (b'{"type": "noted", "by": "Ada", "text": "' + b"x" * 70_000 + b'"}', 413, "65536"),
]  # fmt: skip


def test_what_cannot_be_said_comes_back_as_a_sentence_and_nothing_is_written(day: Any) -> None:
    made = day(*READY)

    async def saying(one: Visitor) -> None:
        for said, status, why in REFUSED:
            got, sentence = await one.say(said)
            assert (got, why in sentence, "kill-redis" in sentence) == (status, True, False), (said, got, sentence)

    visit(made, saying)
    assert made.desk.standing.seen == 4


def test_a_full_disk_is_told_to_whoever_said_something(day: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = day(*READY)

    def full(_: Event) -> Event:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(made.desk, "say", full)
    told = visit(made, lambda one: one.say(Noted(text="it is late", by="Ada")))
    assert told == (507, "it cannot be written down: No space left on device")


def test_a_secret_step_is_called_by_its_number_until_it_has_come_to_something(day: Any) -> None:
    made = day(*READY)

    async def everything(one: Visitor) -> str:
        came = []
        async with asyncio.timeout(HANGS_S):
            stream = one.told()
            async for name, data in stream:
                came.append(json.dumps(data))
                if name == "lines" and data[-1]["n"] == made.desk.standing.seen:
                    await stream.aclose()
                    return " ".join(came)
        raise AssertionError

    async def saying(one: Visitor) -> None:
        assert await one.say(Called(step="step 2", by="Ada")) == (204, "")
        made.desk.write(Began(step="kill-redis", run="runs/step-2/kill-redis"))
        made.figures = FIGURES
        assert (await one.say(Marked(kind="detected", by="Linus")))[0] == 204
        status, sentence = await one.say(Called(step="talk", by="Ada"))
        assert (status, sentence) == (409, "step 2 goes on; one step at a time")
        await one.until("figures", lambda now: now and now["faults"])
        assert "kill-redis" not in await everything(one)
        made.desk.write(Over(step="kill-redis", outcome="held", run="runs/step-2/kill-redis"))
        seen = await one.until("board", lambda now: now["steps"][1]["state"] == "held")
        assert (seen["steps"][1]["id"], seen["steps"][1]["title"]) == ("kill-redis", "The cache is killed")

    visit(made, saying)
    assert made.desk.standing.marks[0].step == "kill-redis"


@pytest.mark.parametrize("how", ["Last-Event-ID", "since"])
def test_a_page_that_comes_again_is_told_what_it_missed_and_no_more(day: Any, how: str) -> None:
    of = {"Last-Event-ID": "3"} if how == "Last-Event-ID" else {"since": 3}
    lines = visit(day(*READY), lambda one: one.until("lines", **of))
    assert [one["n"] for one in lines] == [4]


@pytest.mark.parametrize("known", ["99", "-1", "٣", "9" * 400, "soon"])
def test_a_page_that_has_seen_another_day_is_told_all(day: Any, known: str) -> None:
    lines = visit(day(*READY), lambda one: one.until("lines", **{"Last-Event-ID": known}))
    assert [one["n"] for one in lines] == [1, 2, 3, 4]


def test_a_page_hears_that_it_is_told_still_though_nothing_happens(day: Any) -> None:
    async def beats(one: Visitor) -> int:
        heard = 0
        async with asyncio.timeout(HANGS_S):
            stream = one.told()
            async for name, _ in stream:
                heard += name == "beat"
                if heard == 3:
                    break
            await stream.aclose()
        return heard

    assert visit(day(), beats, limits=Limits(look_s=0.02, beat_s=0.01)) == 3


def test_a_page_that_takes_nothing_in_holds_up_nobody_and_is_let_go(day: Any, tmp_path: Path) -> None:
    made = day(*[Noted(text="x" * 4_000, by="Ada")] * 2_500)
    limits = Limits(look_s=0.02, beat_s=0.01, slow_s=0.05, streams=2)

    async def beside(one: Visitor) -> None:
        parts = urlsplit(one.url)
        cookie = one.session.cookie_jar.filter_cookies(URL(one.at()))["gameday"]
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((parts.hostname, parts.port))
            ask = f"GET {parts.path}stream HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: gameday={cookie.value}\r\n\r\n"
            deaf.sendall(ask.encode())
            assert await _read_to(one, 2_501) == "x" * 4_000
            assert await one.say(Stopped(by="Ada")) == (204, "")
            # Its place is another's, though it has not hung up.
            async with asyncio.timeout(HANGS_S):
                while await _status(one, "stream", twice=True) != 200:
                    pass

    visit(made, beside, limits=limits)


async def _read_to(one: Visitor, last: int) -> str:
    """The text of the line of that number; comes again where it was let go, as a browser does that was slow for once."""
    seen, text = 0, ""
    async with asyncio.timeout(HANGS_S):
        while seen < last:
            with suppress(aiohttp.ClientError, AssertionError):
                stream = one.told(since=seen)
                async for name, data in stream:
                    if name == "lines":
                        seen, text = data[-1]["n"], data[-1]["text"]
                    if seen == last:
                        await stream.aclose()
                        break
    return text


async def _status(one: Visitor, name: str, *, twice: bool = False) -> int:
    async with one.session.get(one.at(name)) as answer:
        return await _status(one, name) if twice and answer.status == 200 else answer.status


def test_there_are_so_many_streams_and_no_more_until_one_is_left(day: Any) -> None:
    async def one_more(one: Visitor) -> None:
        assert await _status(one, "stream", twice=True) == 503
        async with asyncio.timeout(HANGS_S):
            while await _status(one, "stream") != 200:
                pass
        assert await one.say(Noted(text="still heard", by="Ada")) == (204, "")

    visit(day(), one_more, limits=Limits(look_s=0.02, beat_s=0.01, streams=1))


def test_the_token_is_taken_out_of_the_address_into_a_cookie_that_does_not_tell_it(day: Any) -> None:
    async def coming(one: Visitor) -> None:
        async with one.session.get(one.url, allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == urlsplit(one.url).path
            kept = answer.headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Strict", f"Path={urlsplit(one.url).path}"} <= set(kept.split("; "))
        assert TOKEN not in kept
        async with one.session.get(one.at()) as page:
            assert page.status == 200
            assert TOKEN not in await page.text() + str(page.headers)

    visit(day(), coming, enters=False)


@pytest.mark.parametrize(
    "name", ["", "page.css", "page.js", "stream", "nothing", "?token=another-token-of-this-test", "?token="]
)
def test_nobody_comes_in_without_the_token(day: Any, name: str) -> None:
    assert visit(day(), lambda one: _status(one, name), enters=False) == 403


def test_nobody_says_anything_without_the_token(day: Any) -> None:
    made = day(*READY)
    assert visit(made, lambda one: one.say(Stopped(by="Mallory")), enters=False)[0] == 403
    assert made.desk.standing.seen == 4


FOREIGN: list[dict[str, str]] = [
    {"Host": "evil.example"},
    {"Host": "evil.example", "Origin": "http://evil.example"},  # a name that somebody else has pointed here
    {"Host": "127.0.0.1.evil.example:80"},
    {"Host": "["},
    {"Host": ""},
    {"Origin": "http://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


def test_nothing_is_taken_from_another_page_and_under_no_other_name(day: Any) -> None:
    made = day(*READY)

    async def saying(one: Visitor) -> None:
        for headers in FOREIGN:
            status, _ = await one.say(Stopped(by="Mallory"), **headers)
            assert status == 403, headers
        status, why = await one.say(Stopped(by="Mallory"), **{"Content-Type": "text/plain"})
        assert (status, why) == (415, "say it as application/json")
        assert made.desk.standing.seen == 4
        parts = urlsplit(one.url)
        through = f"localhost:{parts.port}"  # as through a tunnel
        assert (await one.say(Stopped(by="Ada"), Host=through, Origin=f"http://{through}"))[0] == 204

    visit(made, saying)


def test_a_stream_is_nobodys_but_the_pages(day: Any) -> None:
    async def streams(one: Visitor) -> None:
        for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "same-site"}):
            async with one.session.get(one.at("stream"), headers=headers) as answer:
                assert answer.status == 403, headers

    visit(day(), streams)


def test_who_follows_a_link_from_elsewhere_comes_once_more_from_here(day: Any) -> None:
    async def coming(one: Visitor) -> None:
        async with one.session.get(one.at(), headers={"Sec-Fetch-Site": "cross-site"}) as answer:
            assert (answer.status, 'http-equiv="refresh"' in await answer.text()) == (200, True)

    visit(day(), coming, enters=False)


def test_every_answer_keeps_scripts_from_elsewhere_out_and_stays_in_no_cache(day: Any) -> None:
    async def asking(one: Visitor) -> None:
        for name in ("", "page.css", "page.js", "stream", "nothing", "?token=wrong"):
            async with one.session.get(one.at(name)) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
                assert "unsafe" not in policy
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Server"] == "harness"

    visit(day(), asking)


def test_the_page_has_no_script_inside_and_nothing_from_elsewhere() -> None:
    html, script, style = ((PAGE / f"page.{kind}").read_text() for kind in ("html", "js", "css"))
    assert re.findall(r"<script(?![^>]*src=\"page\.js\")|<style|\son\w+=|\sstyle=", html) == []
    assert re.findall(r"https?:|//\w+\.\w+", html + style) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?:", script) == []
    assert len(script.splitlines()) <= 300
    assert html.index('id="stop"') < min(
        html.index(tag) for tag in ("<a ", "<input", "<textarea", "<select") if tag in html
    )


def test_what_cannot_be_shown_keeps_nobody_from_the_rest(day: Any) -> None:
    made = day(*READY)
    made.fails.append("agenda")

    async def looking(one: Visitor) -> None:
        now = await one.until("figures", lambda now: now and "problem" in now)
        assert now["problem"] == "the day cannot be shown whole (LookupError)"
        assert len(await one.until("lines")) == 4

    visit(made, looking)


def test_with_its_block_the_server_ends_and_every_open_page_has_been_told_all(day: Any) -> None:
    made = day(*READY)
    urls: queue.Queue[str] = queue.Queue()
    opened = threading.Event()

    async def to_the_end() -> list[dict[str, Any]]:
        async with visitor(await asyncio.to_thread(urls.get)) as one, asyncio.timeout(HANGS_S):
            boards = []
            async for name, data in one.told():
                boards += [data] * (name == "board")
                if boards:
                    opened.set()
            return boards

    with ThreadPoolExecutor(1) as elsewhere:
        watching = elsewhere.submit(asyncio.run, to_the_end())
        with served(made.desk, made, limits=LIMITS) as url:
            urls.put(url)
            assert opened.wait(HANGS_S)
            made.desk.say(Closed(held=True, by="Ada"))
        assert (
            watching.result()[-1]["closed"] == "the hypothesis is said to have held, and nothing shows it"
        )  # no step of it began
    assert [one.name for one in threading.enumerate() if one.name == "game-day page"] == []


def test_a_place_that_is_taken_and_a_token_that_is_guessed_are_told_at_once(day: Any) -> None:
    made = day()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"), served(made.desk, made, port=taken.getsockname()[1]):
            pass
    with (
        pytest.raises(ValueError, match="a token of 6 characters is easily guessed; at least 16"),
        served(made.desk, made, token="secret"),
    ):
        pass


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", 0), ("localhost", 0), ("0.0.0.0", 1)])
def test_who_can_come_is_told_where_that_is_not_this_machine_alone(day: Any, host: str, warned: int) -> None:
    made, lines = day(), list[str]()
    with served(made.desk, made, host=host, told=lines.append, limits=LIMITS) as url:
        port = urlsplit(url).port
        assert "0.0.0.0" not in url
    assert len(lines) == warned
    if lines:
        assert lines[0].startswith(
            f"the page is served at 0.0.0.0 port {port}, and not for this machine alone: whoever"
        )


def _where(made: MadeUpDay, *events: Event) -> str:
    now = told(stamped(OPENED, *events))
    return board(now, made.about(), made.people(), made.agenda()).where.said


ON = [*READY, Called(step="look-around", by="Ada"), Began(step="look-around", at="2026-11-27T14:05:00.000+00:00")]
WHERE: list[tuple[list[Event], str]] = [
    ([], "Nothing may begin yet: prerequisite 1 is not met; prerequisite 2 is not met; Grace has not agreed."),
    (READY, "No step goes on. Next is step 1 (Turn the cache's alarm off)."),
    (ON[:-1], "Step 1 (Turn the cache's alarm off) is about to begin."),
    (ON, "Step 1 (Turn the cache's alarm off) goes on."),
    ([*ON, Stopped(by="Ada", why="a real incident")],
     "Ada stopped everything: a real incident. Step 1 (Turn the cache's alarm off) is being ended."),
    ([*ON, Stopped(by="Ada"), PutBack(step="look-around")],
     "Ada stopped everything. Nothing is in force any more. Step 1 (Turn the cache's alarm off) is being ended."),
    ([*ON, Stopped(by="Ada"), PutBack(step="look-around"), Called(step="talk", by="Ada"), Began(step="talk"), Stopped(by="Ada")],
     "Ada stopped everything. Step 1 (Turn the cache's alarm off) is being ended."),
    ([*ON, Stopped(by="Ada"), PutBack(step="look-around", left=["late"])],
     "Ada stopped everything. NOT all is put back. Step 1 (Turn the cache's alarm off) is being ended."),
    ([*READY, Stopped(by="Ada")], "Ada stopped everything. Nothing begins until somebody says so."),
    ([*READY, *(Over(step=id_, outcome="skipped", by="Ada") for id_ in ("look-around", "kill-redis", "talk"))],
     "All steps are over; the day can be closed."),
    ([*READY, Closed(held=False, told="lost 2 %", by="Ada")], "The day is over: the hypothesis did not hold (lost 2 %)."),
]  # fmt: skip


@pytest.mark.parametrize(("events", "said"), WHERE, ids=[said for _, said in WHERE])
def test_where_the_day_stands_is_one_sentence(day: Any, events: list[Event], said: str) -> None:
    assert _where(day(), *events) == said


def test_a_step_offers_what_can_be_done_about_it_and_nothing_else(day: Any) -> None:
    made = day()

    def can(*events: Event) -> list[list[str]]:
        now = told(stamped(OPENED, *events))
        return [step.can for step in board(now, made.about(), made.people(), made.agenda()).steps]

    assert can() == [["skip"], ["skip"], ["skip"]]
    assert can(*READY) == [["begin", "skip"]] * 3
    assert can(*ON) == [["done", "not_done"], ["skip"], ["skip"]]
    assert can(*ON, Over(step="look-around", outcome="not_done", by="Ada")) == [
        ["begin"],
        ["begin", "skip"],
        ["begin", "skip"],
    ]
    assert can(*ON, Over(step="look-around", outcome="done", by="Ada"))[0] == []
    assert can(*READY, Closed(by="Ada")) == [[], [], []]


def test_what_is_left_in_force_is_on_the_board_until_it_is_put_back_or_the_day_was_healed(day: Any) -> None:
    made = day()

    def left(*events: Event) -> list[str]:
        return board(told(stamped(OPENED, *events)), made.about(), made.people(), made.agenda()).left

    late = PutBack(step="kill-redis", left=["secret step"], told="no answer")
    assert left(*READY, late) == ["secret step (step 2)"]
    assert left(*READY, late, PutBack(step="talk")) == ["secret step (step 2)"]
    assert left(*READY, late, PutBack(step="kill-redis")) == []
    assert left(*READY, late, WentOn(healed="1 proxy")) == []


def test_an_item_that_is_said_again_is_the_same_one_and_can_be_done(day: Any) -> None:
    made = day()

    def items(*events: Event) -> list[tuple[str, str, bool, str]]:
        seen = board(told(stamped(OPENED, *events)), made.about(), made.people(), made.agenda()).items
        return [(one.text, one.owner, one.done, one.by) for one in seen]

    first = Item(text="Alert on misses", owner="Grace", by="Ada")
    done = Item(text=" Alert  on misses", done=True, by="Grace")
    assert items(first, Item(text="Page earlier", by="Linus"), done) == [
        ("Alert on misses", "Grace", True, "Ada"),
        ("Page earlier", "", False, "Linus"),
    ]
    assert items(first, done, first) == [("Alert on misses", "Grace", False, "Ada")]


LINES: list[tuple[Event, str, str]] = [
    (WentOn(healed="put back: 1 proxy"), "went_on", "the day goes on after its process had ended: put back: 1 proxy"),
    (Looked(prerequisite=1, ok=False, told="503"), "looked", "prerequisite 2 is not met: 503"),
    (Agreed(of="Grace", by="Ada"), "agreed", "agreed for Grace"),
    (Agreed(of="Grace", by="Grace", yes=False, why="no"), "refused", "refused: no"),
    (Over(step="talk", outcome="not_done", told="no time"), "over", "not done: no time"),
    (Item(text="mend", owner="Ada", ticket="A-1", due="2026-12-24"), "item", "to do: mend · Ada · A-1 · to be tested again on 2026-12-24"),
    (
        Told(url="https://chat.example/hooks/abc", moment="ended", error="answered 500"),
        "told",
        "could not tell chat.example (ended): answered 500",
    ),
    (Told(url="https://[${HOOK}", moment="ended"), "told", "told somebody outside: ended"),
    (Noted(text="a\x1b[2J\u202eb", by="Ada"), "noted", "a⟨U+001B⟩[2J⟨U+202E⟩b"),
    (Item(text="mend", done=True, by="Ada"), "item", "done: mend"),
    (Closed(held=True, by="Ada"), "closed", "closed the day: the hypothesis held"),
    (PutBack(step="talk"), "put_back", "nothing is in force any more"),
    (PutBack(step="talk", told="Toxiproxy was killed"), "put_back", "nothing is in force any more: Toxiproxy was killed"),
    (
        PutBack(step="talk", left=["late", "secret step"], told="it does not answer"),
        "left",
        "NOT all is put back, and may be in force still: late; secret step, since it does not answer; it is tried again until the day is "
        "over, and by `harness heal` after that",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("event", "kind", "text"), LINES, ids=[text for *_, text in LINES])
def test_what_happened_is_a_line_in_which_nothing_acts(event: Event, kind: str, text: str) -> None:
    shown = line(7, event, {"talk": 3})
    assert (shown.n, shown.kind, shown.text) == (7, kind, text)
    assert shown.step == (3 if getattr(event, "step", "") == "talk" else 0)


def test_figures_are_words_and_a_dash_stands_for_what_nobody_knows_yet() -> None:
    now = figures(FIGURES, {"kill-redis": 2})
    assert (now.step, now.phase, now.share, [one.seen for one in now.faults]) == (2, "", 0.258, [True])
    assert now.shown == [
        ("offered", "20/s"), ("good, last 5 s", "11.2/s"), ("p95, last 5 s", "1.94 s"), ("attempts per request", "2.31"),
    ]  # fmt: skip
    fresh = replace(FIGURES, phase="warmup", offered_per_s=None, good_per_s=None)
    assert (figures(fresh, {}).phase, figures(fresh, {}).shown[0]) == ("warmup", ("good, last 5 s", "–"))


def test_figures_of_the_services_own_traffic_are_of_links_and_of_probes_where_there_are_any() -> None:
    own = replace(FIGURES, offered_per_s=None, good_per_s=None, attempts_per_s=8.0, answered_ratio=0.5)
    links = [("attempts, last 5 s", "8/s"), ("answered, last 5 s", "50 %")]
    assert figures(own, {}).shown == links
    assert figures(replace(own, good_per_s=0.8), {}).shown == [
        *links,
        ("good, last 5 s", "0.8/s"),
        ("p95, last 5 s", "1.94 s"),
    ]
    assert figures(replace(own, answered_ratio=None), {}).shown[1] == ("answered, last 5 s", "–")
