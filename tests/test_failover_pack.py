"""The failover pack: every situation fits every system, the documents name them all, and the small services add nothing of their own."""

from __future__ import annotations

import http.client
import json
import re
import runpy
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest

from harness.judging.scorecard import Scorecard
from harness.planning.plan import Plan
from harness.prepare import Asked, prepare
from harness.problems import UsageProblems

ROOT = Path(__file__).resolve().parents[1]
SITUATIONS = sorted((ROOT / "scenarios" / "failover").glob("*.yaml"))
SYSTEMS = sorted((ROOT / "scenarios" / "systems").glob("*.yaml"))
LASTS_S = {"s06": 95.0, "s07": 21.0, "s09": 32.0}
"""How long the slowest system takes, with two retries and a time-out of 30 s; 8 s in all other situations."""
PAGE = (ROOT / "docs" / "failover.md").read_text()


def planned(situation: Path, system: Path) -> Plan:
    return prepare(situation, system, Asked(), None).plan


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda path: path.stem)
def test_every_situation_fits_every_system_and_breaks_its_primary_alone(system: Path) -> None:
    for situation in SITUATIONS:
        made = planned(situation, system)
        assert {link for d in made.disturbances for link in d.broken} == {"primary"}, situation.stem


def test_a_target_without_a_primary_is_refused() -> None:
    with pytest.raises(UsageProblems, match="primary"):
        planned(SITUATIONS[0], ROOT / "scenarios" / "targets" / "resilient.yaml")


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda path: path.stem)
def test_a_situation_is_called_as_its_file_and_lasts_long_enough_for_equal_counts_to_be_exact(situation: Path) -> None:
    made = planned(situation, SYSTEMS[0])
    assert made.scenario.name == situation.stem
    longest_s = LASTS_S.get(situation.stem[:3], 8.0)
    in_force_s = sum(d.end_s - d.start_s for d in made.disturbances)
    assert (in_force_s - longest_s) * made.scenario.load.rate_per_s >= 30


def test_nothing_is_warned_of_in_any_situation() -> None:
    def warned(situation: Path, *settings: str) -> list[str]:
        asked = Asked(overrides=settings)
        return [str(problem) for problem in prepare(situation, SYSTEMS[-1], asked, None).warnings]

    assert {path.stem: warned(path) for path in SITUATIONS if warned(path)} == {}
    (short,) = warned(SITUATIONS[14], "load.rate_per_s=1")
    assert "30 requests are due in the baseline" in short


@pytest.mark.parametrize("paths", [SITUATIONS, SYSTEMS], ids=["situations", "systems"])
def test_the_page_has_a_row_for_each(paths: list[Path]) -> None:
    assert [path.stem for path in paths if f"| `{path.stem}` |" not in PAGE] == []


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda path: path.stem)
def test_a_system_says_with_which_line_it_is_installed_and_in_which_version(system: Path) -> None:
    text = system.read_text()
    if "harness.reference" in text:
        return  # comes with the harness
    (line,) = re.findall(r"^#   (.*(?:pip|npm) install.*)$", text, re.MULTILINE)
    (about,) = re.findall(r"^about: (.*)$", text, re.MULTILINE)
    pinned = line + "".join(path.read_text() for path in system.parent.glob(f"{system.stem}/package.json"))
    (version,) = re.findall(r"\d+\.\d+\.\d+", about)
    assert version in pinned


MEASURED = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "failover_scorecard.py"), run_name="looked at")
CARD: Scorecard = Scorecard.model_validate_json(MEASURED["KEPT"].read_text())


def test_the_page_of_what_was_measured_is_what_its_command_writes() -> None:
    assert MEASURED["PAGE"].read_text() == MEASURED["written"](CARD)


def test_each_difference_from_the_public_attempts_is_explained_and_one_that_is_planted_is_found() -> None:
    assert [cell for cell in MEASURED["differing"](CARD) if cell not in MEASURED["WHY"]] == []
    first, *others = [cell for cell in CARD.cells if (cell.situation[:3], cell.system) == ("s04", "litellm")]
    planted = CARD.model_copy(update={"cells": [first.model_copy(update={"attempts": "4p/1f"}), *others]})
    assert MEASURED["differing"](planted) == [("s04", "litellm")]
    assert "**differs**" in MEASURED["written"](planted)


def test_of_a_situation_that_was_changed_since_its_run_the_page_says_nothing_but_that() -> None:
    (situation, (changed_at, _)), *_ = MEASURED["CHANGED"].items()
    one = CARD.cells[0].model_copy(update={"situation": situation, "started_at": "2026-11-26T10:00:00+00:00"})
    card = CARD.model_copy(update={"cells": [one]})
    again = card.model_copy(update={"cells": [one.model_copy(update={"started_at": changed_at})]})
    assert MEASURED["outdated"](card) == [one]
    assert "was changed since it was run on openai-python" in MEASURED["written"](card)
    assert "1 pass" not in MEASURED["written"](card)
    assert MEASURED["outdated"](again) == []
    assert "was changed since" not in MEASURED["written"](again)
    assert "1 pass" in MEASURED["written"](again)


def test_the_newest_run_that_can_be_trusted_stands_for_its_cell() -> None:
    one = CARD.cells[0].model_copy(update={"started_at": "2026-11-26T10:00:00+00:00", "verdict": "fail"})
    later = one.model_copy(update={"started_at": "2026-11-26T11:00:00+00:00"})
    busy = one.model_copy(update={"started_at": "2026-11-26T12:00:00+00:00", "verdict": "invalid"})
    newest = MEASURED["newest"]
    assert newest([busy, later, one]) == [later]
    assert newest([busy]) == [busy]
    assert newest(reversed(CARD.cells)) == CARD.cells


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = util.spec_from_file_location("serving", ROOT / "scenarios" / "systems" / "serving.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Asks = Callable[[Callable[[object], Iterator[str]]], tuple[int, str]]


@pytest.fixture
def ask(serving: ModuleType) -> Iterator[Asks]:
    """Status and body of a chat with a service whose answer has these pieces."""
    servers = []

    def asked(pieces: Callable[[object], Iterator[str]]) -> tuple[int, str]:
        serving.Chat.pieces = staticmethod(pieces)
        server = serving.Server(("127.0.0.1", 0), serving.Chat)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
        connection.request("POST", "/v1/chat/completions", json.dumps({"messages": [{"role": "user", "content": "?"}]}))
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    yield asked
    for server in servers:
        server.shutdown()
        server.server_close()


def events(body: str) -> list[object]:
    return [json.loads(line[6:]) if line[6] == "{" else line[6:] for line in body.splitlines() if line]


def test_a_service_passes_each_piece_on_and_ends_as_such_streams_do(ask: Asks) -> None:
    status, body = ask(lambda messages: iter(["It is ", "7."]))
    said = [event["choices"][0]["delta"].get("content") for event in events(body) if isinstance(event, dict)]
    assert (status, said, events(body)[-1]) == (200, ["It is ", "7.", None], "[DONE]")


def test_what_fails_before_the_first_piece_is_no_stream(ask: Asks) -> None:
    def pieces(messages: object) -> Iterator[str]:
        raise TimeoutError("nobody spoke")
        yield ""

    status, body = ask(pieces)
    assert (status, json.loads(body)) == (502, {"error": {"message": "TimeoutError: nobody spoke"}})


def test_what_fails_behind_the_first_piece_is_told_in_the_stream_and_never_ends_as_a_whole_one(ask: Asks) -> None:
    def pieces(messages: object) -> Iterator[str]:
        yield "It is "
        raise ConnectionResetError("gone")

    status, body = ask(pieces)
    assert status == 200
    assert events(body)[-1] == {"error": {"message": "ConnectionResetError: gone"}}
    assert "[DONE]" not in body
    assert 'finish_reason": "stop' not in body
