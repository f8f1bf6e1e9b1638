"""Who is told of a game day, of what, and that no secret is among it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from day_in_memory import SCENARIOS, Written, opened

from harness.gameday import telling
from harness.gameday.control import HIDDEN
from harness.gameday.desk import Desk
from harness.gameday.events import (
    Agreed,
    Began,
    Closed,
    Event,
    Marked,
    Noted,
    Opened,
    Over,
    Stopped,
    Told,
    Warned,
    decode,
)
from harness.gameday.files import DayFiles, day_files
from harness.gameday.telling import Telling, body, moment_of, posted, whom
from harness.reading.gameday import Moment

HOOK = "T00000000-B00000000-xyzzyxyzzy"
NOTIFY = (
    "notify: [{url: 'http://127.0.0.1:9/${HOOK}', on: [opened, began, ended, stopped, refused, note, mark, closed]}]\n"
)
AGENDA = (
    f"agenda: [{{id: step-a, scenario: {SCENARIOS}/region-loss.yaml, secret: true}}, {{id: talk, discuss: what}}]\n"
)
ALL: list[Event] = [
    Agreed(by="Ada", of="Ada", yes=False, why="a deploy"),
    Agreed(by="Ada", of="Ada"),
    Began(step="step-a"),
    Noted(by="Katherine", text=f"the hook is {HOOK}"),
    Marked(by="Barbara", kind="detected"),
    Over(step="step-a", outcome="held"),
    Stopped(by="Edsger", why="tickets"),
    Warned(what="x"),
    Closed(by="Grace", held=True),
]


@pytest.fixture
def files(written: Written) -> DayFiles:
    return day_files(written(NOTIFY + "approvals: [{by: Ada}]\n", AGENDA), {"HOOK": HOOK})


def told_of(files: DayFiles, folder: Path, post: Callable[[str, str], str]) -> bytes:
    desk = Desk(folder / "day.jsonl", files.mask({"HOOK": HOOK}))
    with Telling(files, desk, {"HOOK": HOOK}, 0, post):
        for event in [opened(files.day), *ALL]:
            desk.write(event)
    desk.close()
    return (folder / "day.jsonl").read_bytes()


def test_each_moment_that_the_file_names_is_told_once_and_in_order(files: DayFiles, tmp_path: Path) -> None:
    sent = list[tuple[str, dict[str, Any]]]()

    def post(url: str, text: str) -> str:
        sent.append((url, json.loads(text)))
        return ""

    lines = told_of(files, tmp_path, post)
    moments = ["opened", "refused", "began", "note", "mark", "ended", "stopped", "closed"]
    assert [body["moment"] for _, body in sent] == moments
    assert {url for url, _ in sent} == {f"http://127.0.0.1:9/{HOOK}"}
    assert [event.moment for event in decode(lines) if isinstance(event, Told)] == moments
    assert sent[-1][1]["text"] == "Slow answers: Grace closes the day: the hypothesis held"
    assert (sent[1][1]["why"], sent[5][1]["outcome"], sent[4][1]["kind"]) == ("a deploy", "held", "detected")


def test_what_people_wrote_is_text_in_a_chat_and_calls_nobody(files: DayFiles, tmp_path: Path) -> None:
    wrote, desk = "<!channel> see <https://evil.example|the report> & <img src=x>", Desk(tmp_path / "day.jsonl")
    desk.write(opened(files.day))
    sent = body(desk.say(Noted(by="<@U024BE7LH>", text=wrote)), files, desk)
    assert not set(str(sent["text"])) & set("<>")
    assert str(sent["text"]).endswith(
        "&lt;!channel&gt; see &lt;https://evil.example|the report&gt; &amp; &lt;img src=x&gt;"
    )
    assert sent["by"] == "<@U024BE7LH>"
    desk.close()


def test_no_secret_is_told_or_written_down(files: DayFiles, tmp_path: Path) -> None:
    sent = list[str]()
    lines = told_of(files, tmp_path, lambda _, text: sent.append(text) or f"no route to {HOOK}")
    assert HOOK not in "".join(sent)
    assert HOOK.encode() not in lines
    assert b"no route to ${HOOK}" in lines


def test_what_a_secret_step_is_nobody_is_told_before_it_is_over(files: DayFiles, tmp_path: Path) -> None:
    sent = list[dict[str, Any]]()
    told_of(files, tmp_path, lambda _, text: sent.append(json.loads(text)) or "")
    assert {body["step_title"] for body in sent if body["moment"] == "ended"} == {"region-loss"}
    desk = Desk(tmp_path / "other.jsonl")
    with Telling(files, desk, {"HOOK": HOOK}, 0, lambda _, text: sent.append(json.loads(text)) or ""):
        sent.clear()
        desk.write(opened(files.day))
        desk.write(Began(step="step-a"))
    desk.close()
    assert sent[-1]["step_title"] == HIDDEN
    assert "region-loss" not in json.dumps(sent)


def test_who_cannot_be_told_is_a_line_and_ends_nothing(files: DayFiles, tmp_path: Path) -> None:
    lines = told_of(files, tmp_path, lambda *_: "answered 500")
    events = decode(lines)
    assert isinstance([one for one in events if not isinstance(one, Told)][-1], Closed)
    assert {one.error for one in events if isinstance(one, Told)} == {"answered 500"}


def test_what_was_told_before_the_process_ended_is_not_told_again(files: DayFiles, tmp_path: Path) -> None:
    sent = list[str]()
    desk = Desk(tmp_path / "day.jsonl")
    desk.write(opened(files.day))
    with Telling(files, desk, {"HOOK": HOOK}, desk.standing.seen, lambda _, text: sent.append(text) or ""):
        desk.write(Stopped(by="Edsger"))
    desk.close()
    assert [json.loads(text)["moment"] for text in sent] == ["stopped"]


def test_every_moment_that_a_file_can_name_is_one_of_some_event() -> None:
    every = [Opened(day="d", name="n", file="f", sha256="", steps=[], prerequisites=0, approvals=[]), *ALL]
    # A day that was missed has no events: what keeps its schedule tells of it.
    assert {moment_of(event) for event in every} - {None} == set(get_args(Moment)) - {"missed"}


def test_an_address_that_is_written_out_is_told_without_its_path() -> None:
    written = "https://hooks.example:8443/services/T0/B0/x1"
    assert whom(written, written) == "https://hooks.example:8443/…"
    assert whom("${HOOK}", written) == "${HOOK}"


def test_nobody_at_the_other_end_is_said_without_the_address() -> None:
    url = "http://127.0.0.1:9/T0-very-secret"
    why = posted(url, "{}", {})
    assert why
    assert "very-secret" not in why


def test_what_a_webhook_that_hangs_was_not_told_is_a_line_each(
    files: DayFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "LAST_WITHIN_S", 0.0)
    over = threading.Event()
    lines = told_of(files, tmp_path, lambda *_: str(over.wait(60)))
    over.set()
    untold = [event for event in decode(lines) if isinstance(event, Told)]
    moments = ["opened", "refused", "began", "note", "mark", "ended", "stopped", "closed"]
    assert [event.moment for event in untold] == moments
    assert {event.error for event in untold} == {"the day was over before it answered"}
