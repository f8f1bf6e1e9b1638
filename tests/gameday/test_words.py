"""What people type on a game day, and what it says."""

from __future__ import annotations

import io
import sys

import msgspec
import pytest
from day_in_memory import day_of, opened

from harness.gameday.events import Agreed, Began, Called, Closed, Event, Item, Looked, Marked, Noted, Over, Stopped
from harness.gameday.standing import told
from harness.gameday.words import HELP, said
from harness.interfaces.typed_line import lines_of_a_pipe

OPENED = opened(day_of())
IN_HAND = Began(at="2026-11-27T14:00:00+00:00", step="manual")


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("go", Called(by="Grace", step="known")),
        ("go late", Called(by="Grace", step="late")),
        ("stop tickets come in", Stopped(by="Grace", why="tickets come in")),
        ("STOP", Stopped(by="Grace")),
        ("skip", Over(by="Grace", step="known", outcome="skipped")),
        ("skip late no time", Over(by="Grace", step="late", outcome="skipped", told="no time")),
        ("skip no time", Over(by="Grace", step="known", outcome="skipped", told="no time")),
        ("tick 1 looked at it", Looked(by="Grace", prerequisite=0, ok=True, told="looked at it")),
        ("untick 1 a deploy", Looked(by="Grace", prerequisite=0, ok=False, told="a deploy")),
        ("yes", Agreed(by="Grace", of="Ada")),
        ("yes ada", Agreed(by="Grace", of="Ada")),
        ("no Ada: an incident", Agreed(by="Grace", of="Ada", yes=False, why="an incident")),
        ("by Ada: yes", Agreed(by="Ada", of="Ada")),
        ("note [bold]x[/]", Noted(by="Grace", text="[bold]x[/]")),
        ("surprise the pager", Noted(by="Grace", text="the pager", surprise=True)),
        ("decide fail over", Noted(by="Grace", text="fail over", decision=True)),
        (
            "by Ann Lee: detected p95 in Grafana: high",
            Marked(by="Ann Lee", kind="detected", text="p95 in Grafana: high"),
        ),
        ("resolved", Marked(by="Grace", kind="resolved")),
        (
            "item page earlier; owner Ada; due 2027-01-15",
            Item(by="Grace", text="page earlier", owner="Ada", due="2027-01-15"),
        ),
        ("item page earlier; done", Item(by="Grace", text="page earlier", done=True)),
        ("close held within 4 s", Closed(by="Grace", held=True, told="within 4 s")),
        ("close broken", Closed(by="Grace", held=False)),
        ("close we go home", Closed(by="Grace", held=None, told="we go home")),
    ],
)
def test_a_line_says_what_it_should(line: str, event: Event) -> None:
    assert said(line, told([OPENED]), "Grace") == event


def test_a_yes_with_a_name_that_nobody_asked_is_nobodys_though_who_types_was_asked_too() -> None:
    asked = msgspec.structs.replace(OPENED, approvals=["Ada", "Grace"])
    with pytest.raises(ValueError, match="asked were Ada, Grace"):
        said("yes Adda", told([asked]), "Grace")
    assert said("yes", told([asked]), "Grace") == Agreed(by="Grace", of="Grace")
    assert said("no a deploy", told([asked]), "Grace") == Agreed(by="Grace", of="Grace", yes=False, why="a deploy")


def test_a_script_with_a_byte_that_is_no_text_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.TextIOWrapper(io.BytesIO(b"go\nnote M\xfcller\nclose held\n"), encoding="utf-8", errors="strict")
    monkeypatch.setattr(sys, "stdin", piped)
    assert list(lines_of_a_pipe()) == ["go", "note M\ufffdller", "close held"]


def test_done_is_about_the_step_in_hand() -> None:
    assert said("done it went well", told([OPENED, IN_HAND]), "Grace") == Over(
        by="Grace", step="manual", outcome="done", told="it went well"
    )
    assert said("undone", told([OPENED, IN_HAND]), "Grace") == Over(by="Grace", step="manual", outcome="not_done")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("stpo", "did you mean 'stop'"),
        ("the pager was late", "type note and then the text"),
        ("done", "no step goes on"),
        ("tick", "by its number from 1 to 2"),
        ("yes Adam Smith", "asked were Ada"),
        ("item x; due friday", "due 'friday' is no date; write it such as 2027-01-15"),
        ("item x; onwer Ada", "did you mean 'owner'"),
        ("item x; due tomorrow", "tomorrow"),
    ],
)
def test_a_line_that_says_nothing_is_answered_with_what_would(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        said(line, told([OPENED]), "Grace")


def test_every_word_is_in_the_help() -> None:
    helped = " ".join([*HELP, *HELP.values()])
    for word in (
        "go",
        "stop",
        "done",
        "undone",
        "skip",
        "tick",
        "untick",
        "yes",
        "no",
        "note",
        "surprise",
        "decide",
        "item",
        "close",
    ):
        assert word in helped.split() or f"{word} " in helped
