"""What the page on game days says is true: its commands do it, its keys are those of the file, and each promise has its test."""

from __future__ import annotations

import ast
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from day_in_memory import Harness, day_of

from harness.gameday.words import HELP
from harness.reading.gameday import GameDay
from harness.reading.yaml import read

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "gameday.md").read_text()
SCHEMA: dict[str, Any] = json.loads((ROOT / "harness" / "schemas" / "gameday.json").read_text())


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def rows(first: str) -> dict[str, str]:
    """Default by key, of the table whose first column is called *first*."""
    table = PAGE.split(f"| {first} | default |")[1].split("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE))


@pytest.mark.parametrize(
    ("first", "model"),
    [
        ("key", SCHEMA),
        ("key of a prerequisite", SCHEMA["$defs"]["Prerequisite"]),
        ("key of a step", SCHEMA["$defs"]["Step"]),
    ],
)
def test_every_key_is_explained_with_its_default_and_no_other(first: str, model: dict[str, Any]) -> None:
    said = rows(first)
    assert set(said) == set(model["properties"])
    for key, default in said.items():
        assert (default.strip() == "needed") == (key in model.get("required", [])), key
        given = model["properties"][key].get("default")
        if given not in (None, [], {}) and not isinstance(given, dict) and key != "id":
            assert default.strip(" `") == str(given).lower() or default.strip(" `") in ('""', "none"), key


def test_the_example_is_a_game_day() -> None:
    (text,) = blocks("yaml")
    day = read(text, GameDay, "friday.yaml").value
    assert [step.kind for step in day.agenda] == ["scenario", "discuss", "manual", "wait", "scenario"]


@pytest.mark.parametrize("line", [line for block in blocks("sh") for line in block.splitlines()])
def test_every_command_on_the_page_does_what_it_says(
    line: str, harness: Harness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("harness.gameday.checking.met", lambda *_, **__: (True, "ended with 0"))
    monkeypatch.setattr("harness.gameday.conducting.met", lambda *_, **__: (True, "ended with 0"))
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    typed, _, command = line.rpartition(" | ")
    _, _, *words = shlex.split(command)
    if words[0] in ("resume", "report", "item"):
        harness("run", words[1], "--tabletop")
    lines = shlex.split(typed)[1].encode().decode("unicode_escape") if typed else ""
    # Whoever reads the page types nothing here, so that a day that is held waits for people in vain, and one that was closed stays so.
    expected = {"run": 0 if "--tabletop" in words else 3, "resume": 2}
    assert harness(*words, typed=lines) == expected.get(words[0], 0)


def test_the_python_on_the_page_parses_and_says_what_can_be_said() -> None:
    (block,) = blocks("python")
    assert {node.attr for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Attribute)} >= {
        "say",
        "since",
        "gameday_run",
    }


def test_every_word_that_can_be_typed_is_on_the_page() -> None:
    table = PAGE.split("| type | to |")[1].split("\n\n")[0]
    for usage in HELP:
        assert f"`{usage.split(' ', maxsplit=1)[0]}" in table, usage


def promises(page: str) -> list[tuple[str, list[str]]]:
    """Each promise of a page with what holds it: tests by their ids, and commands."""
    table = page.split("## What is promised, and what is not")[1].split("| --- | --- |\n")[1].split("\n\n")[0]
    lines = [line.strip("|").rpartition(" | ") for line in table.splitlines()]
    return [(promise.strip(), re.findall(r"`([^`]+)`", held)) for promise, _, held in lines]


def held(by: str) -> bool:
    """Whether there is such a test, or such a command, which says itself how it is called."""
    file, _, test = by.removeprefix("python ").removesuffix(" RESULTS.jsonl").partition("::")
    if not (ROOT / file).is_file():
        return False
    text = (ROOT / file).read_text()
    return f"\ndef {test}(" in text if test else by.startswith("python ") and f"``python {file} " in text


@pytest.mark.parametrize("page", ["gameday", "schedule"])
def test_what_holds_each_promise_is_there(page: str) -> None:
    found = promises((ROOT / "docs" / f"{page}.md").read_text())
    assert len(found) > 5
    for promise, by in found:
        assert by, promise
        assert [one for one in by if not held(one)] == [], promise


@pytest.mark.parametrize(
    "by",
    [
        "tests/gameday/test_killed.py",
        "tests/gameday/test_killed.py::test_no_such",
        "tests/gameday/test_killed.py::test_killed",
        "tests/no/such.py::test_killed",
        "python tests/gameday/test_killed.py",
    ],
)
def test_what_holds_nothing_is_found(by: str) -> None:
    assert not held(by)


def test_every_name_of_a_moment_is_on_the_page() -> None:
    moments = SCHEMA["$defs"]["Webhook"]["properties"]["on"]["items"]["enum"]
    assert all(f"`{moment}`" in PAGE for moment in moments)


def test_the_example_that_ships_says_all_that_the_page_shows() -> None:
    shipped = yaml.safe_load((ROOT / "scenarios" / "gamedays" / "friday.yaml").read_text())
    assert {"prerequisites", "approvals", "abort", "budget"} <= set(shipped)
    assert day_of().ids
