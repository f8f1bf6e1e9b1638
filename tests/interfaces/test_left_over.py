"""Whoever asks what this machine has, or what there is to run, is told of dead runs that left something in force, and what to call."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.interfaces.cli import main
from harness.interfaces.left_over import LeftOver, left_over
from harness.record import history
from harness.running.keeper.undo import UndoLog
from harness.running.state.folder import FolderStore
from harness.running.state.target_state import TargetState, utc_now
from harness.settings import settings

UNDO = {"undo": [{"method": "DELETE", "url": "http://127.0.0.1:1/proxies/harness-x"}]}
FAULT, LINK = {"id": "late.1", **UNDO}, {"id": "link east", **UNDO, "lasting": True}


@pytest.fixture(autouse=True)
def _nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "state"))


def dead(out: Path, *lines: dict[str, Any] | str, name: str = "one") -> Path:
    run = out / "small" / name
    run.mkdir(parents=True)
    (run / "undo.jsonl").write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    )
    return run


def told(out: Path = Path("reports")) -> list[str]:
    return [one.what for one in left_over(settings(), out)]


def test_what_a_dead_run_may_have_left_is_told_in_the_words_of_its_plan() -> None:
    run = dead(Path("reports"), LINK, FAULT, {"id": "other", **UNDO})
    faults = [history.PlannedFault("late.1", summary="latency 300 ms on kind provider")]
    begun = history.Begun("one", "", 0.0, 1, "", "", "", "", "", [], [], True, {}, "toxiproxy", "2.12.0", faults=faults)
    (run / "history.jsonl").write_bytes(history.encode(begun))
    (one,) = left_over(settings())
    assert one.what == "fault other; latency 300 ms on kind provider"
    assert one.heal == "harness heal"
    assert str(one).startswith("run one is dead, and may have left in force: ")


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ((FAULT, {"done": "late.1"}), []),
        ((LINK,), ["the proxy of link east"]),
        ((FAULT,), ["fault late.1"]),
        (tuple({"id": str(n), **UNDO} for n in range(5)), ["fault 4; fault 3; fault 2 and 2 more"]),
        (("garbage", "more"), ["nobody can tell, since undo.jsonl cannot be read"]),
        ((FAULT, '{"from": "elsewhere"}'), ["nobody can tell, since undo.jsonl cannot be read"]),
        ((), []),
    ],
)
def test_nothing_is_told_of_what_was_put_back_and_all_of_what_nobody_can_tell(lines: Any, what: list[str]) -> None:
    dead(Path("reports"), *lines)
    assert told() == what


def test_a_run_that_goes_on_has_left_nothing() -> None:
    log = UndoLog(dead(Path("reports"), FAULT) / "undo.jsonl")
    log.begin("one", Path(), os.getpid())
    log.close()
    assert told() == []


def test_a_run_that_holds_a_target_is_found_wherever_it_is_stored(tmp_path: Path) -> None:
    run = dead(tmp_path / "else where", FAULT)
    store = FolderStore(tmp_path / "state")
    lease = TargetState(store, "shop", lambda: utc_now() - timedelta(days=1)).take("one", run)
    assert told() == []  # of this very process
    name = "shop/lease.json"
    store.write(name, lease.model_copy(update={"boot": "another"}).to_json(), store.read(name))
    assert left_over(settings()) == [LeftOver(run, "fault late.1")]
    assert left_over(settings())[0].heal == f"harness heal --out '{tmp_path}/else where'"
    assert left_over(settings(), tmp_path / "else where") == [LeftOver(run, "fault late.1")]


def test_doctor_and_lists_of_what_can_be_run_say_what_to_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def harness(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["harness", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    assert harness("list", "left") == (0, "no run that is dead left anything in force\n", "")
    assert "ok       dead runs      none of which anything is in force\n" in harness("doctor")[1]
    dead(Path("reports"), FAULT)
    assert harness("list", "left")[1] == "reports/small/one  fault late.1; put back by: harness heal\n"
    status, doctor, _ = harness("doctor")
    assert status == 70
    told = "run one is dead, and may have left in force: fault late.1"
    assert f"LEFT     dead runs      {told}\n                        put back: harness heal\n" in doctor
    assert harness("list", "gamedays") == (0, "", f"warning: {told}; put back by: harness heal\n")
    assert harness("list", "metrics")[2] == ""
    assert harness("heal")[0] == 0
    assert harness("list", "gamedays") == (0, "", "")
