"""The command line: one clear error for bad input, a status that means something, and nothing touched before all is checked."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import pytest
import yaml

from harness import api
from harness.checks import foreign_hosts, load_target
from harness.first_question import Reply
from harness.interfaces import others_say
from harness.interfaces.cli import main
from harness.judging.result import Outcome, Result
from harness.prepare import Prepared
from harness.problems import HarnessError, RefusedError
from harness.record import history
from harness.record.history import Ended, LinkSeen, Preflight
from harness.running.keeper.undo import UndoLog
from harness.running.state.folder import FolderStore
from harness.running.state.target_state import TargetState, me

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = (ROOT / "scenarios" / "region-loss.yaml").read_text()


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def call(*words: str | Path) -> Said:
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(sys, "argv", ["harness", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Said(int(ended.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[[str, str], Path]:
    """A copy of region-loss beside copies of what it names, with one text replaced."""

    def write(old: str, new: str) -> Path:
        assert old in SCENARIO
        for name in ("targets", "questions"):
            (tmp_path / name).symlink_to(ROOT / "scenarios" / name)
        path = tmp_path / "mine.yaml"
        path.write_text(SCENARIO.replace(old, new))
        return path

    return write


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: regional_loss", "kind: regional_lss", "faults[0].kind: unknown fault kind 'regional_lss'; did you mean 'regional_loss'?"),
        ("baseline: 12s", "baseline: 12", "phases.baseline: 12 is not a duration"),
        ("load:", "lod:", "lod: unknown key; did you mean 'load'?"),
        ("region: east", "region: north", "faults[0]: regional_loss north · blackhole: target 'resilient' has no such link"),
        ("good_ratio >= 0.9 in fault", "good_ration >= 0.9 in fault", "unknown metric 'good_ration'; did you mean 'good_ratio'?"),
        ("good_ratio >= 0.9 in fault", "good_ratio >= 0.9 in faults", "expect[0]: unknown phase 'faults'; did you mean 'fault'?"),
        ("good_ratio >= 0.9 in fault", "good_ratio >= 0.9999 in fault", "can never settle it"),
        ("recovery: 20s", "recovery: 8s", "8 s after the fault (phases.recovery) can never settle it"),
        ("at: fault}", "at: fault + 20s}", "it would begin at 35 s"),
        ("mode: blackhole", "mode: refuse", "an attempt that is refused leaves no trace"),
        ("good: {within: 4s}", "good: {within: 40s}", "good.within: 40 s is later than the client's deadline of 7.5 s"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_scenario_is_said_with_its_place_and_nothing_is_touched(
    harness: Callable[..., Said], scenario: Callable[[str, str], Path], tmp_path: Path, old: str, new: str, said: str
) -> None:
    ended = harness("run", scenario(old, new), "--out", tmp_path / "reports")
    assert ended.status == 2
    assert said in ended.err
    assert "mine.yaml:" in ended.err
    assert not (tmp_path / "reports").exists()


def test_what_is_wrong_in_the_scenario_and_in_the_target_is_told_together(
    harness: Callable[..., Said], scenario: Callable[[str, str], Path], tmp_path: Path
) -> None:
    target = tmp_path / "target.yaml"
    target.write_text((ROOT / "scenarios" / "targets" / "resilient.yaml").read_text().replace("entries:", "entrees:"))
    ended = harness("plan", scenario("load:", "lod:"), "--target", target)
    assert ended.status == 2
    assert "lod: unknown key; did you mean 'load'?" in ended.err
    assert "entrees: unknown key; did you mean 'entries'?" in ended.err


def test_a_file_that_another_names_and_that_is_not_there_is_said_with_the_key_that_names_it(
    harness: Callable[..., Said], scenario: Callable[[str, str], Path], tmp_path: Path
) -> None:
    path = scenario("questions/facts.yaml", "questions/none.yaml")
    assert "load.questions: there is no file" in harness("plan", path).err
    (tmp_path / "targets").unlink()
    assert "--target: left out, and there is no" in harness("plan", path).err


def test_every_error_is_told_at_once(harness: Callable[..., Said], scenario: Callable[[str, str], Path]) -> None:
    path = scenario("kind: regional_loss", "kind: regional_lss")
    path.write_text(
        path.read_text().replace("baseline: 12s", "baseline: 12").replace("name: region-loss", "name: Region Loss")
    )
    ended = harness("validate", path)
    assert ended.status == 2
    assert len(ended.err.strip().splitlines()) == 3


def test_the_shipped_files_are_in_order(harness: Callable[..., Said]) -> None:
    assert harness("validate", *sorted((ROOT / "scenarios").rglob("*.yaml"))).status == 0


def test_one_wrong_file_among_several_stops_all_of_them(harness: Callable[..., Said], tmp_path: Path) -> None:
    ended = harness("run", "scenarios/region-loss.yaml", tmp_path / "none.yaml", "--out", tmp_path / "reports")
    assert (ended.status, (tmp_path / "reports").exists()) == (2, False)
    assert "none.yaml: there is no such file" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "load.rate=40"), "load.rate: unknown key"),
        (("--set", "seed"), "'seed' is not KEY=VALUE"),
        (("--expect", "recovery_time <= 3"), "unknown metric 'recovery_time'; did you mean 'recovery_time_s'?"),
        (("--expect", "recovery_time_s <= 3 in fault"), "recovery_time_s belongs to the whole run"),
        (("--expect", "latency_ms <= 3"), "say which part of latency_ms"),
    ],
)
def test_what_is_wrong_with_an_option_is_said(harness: Callable[..., Said], words: tuple[str, str], said: str) -> None:
    ended = harness("plan", "scenarios/region-loss.yaml", *words)
    assert ended.status == 2
    assert said in ended.err


def test_a_host_off_this_machine_has_to_be_allowed_by_name(harness: Callable[..., Said], tmp_path: Path) -> None:
    target = (ROOT / "scenarios" / "targets" / "resilient.yaml").read_text()
    path = tmp_path / "target.yaml"
    path.write_text(
        target.replace(
            'upstream: "redis://127.0.0.1:{redis-replica.port}"', 'upstream: "redis://cache.example.com:6379"'
        )
    )
    ended = harness("run", "scenarios/region-loss.yaml", "--target", path, "--out", tmp_path / "reports")
    assert ended.status == 2
    assert (
        "'cache.example.com' is not on this machine; if traffic may be sent there, allow it with --allow-host cache.example.com"
        in ended.err
    )


def test_an_expectation_of_the_command_line_takes_the_place_of_the_scenarios(harness: Callable[..., Said]) -> None:
    planned = harness(
        "plan",
        "scenarios/region-loss.yaml",
        "--expect",
        "recovery_time_s <= 3",
        "--expect",
        "ttft_ms.p50 <= 900 in fault",
    ).out
    assert "recovery_time_s <= 3" in planned
    assert "recovery_time_s <= 5" not in planned
    assert "ttft_ms.p50 <= 900 in fault" in planned


def test_the_plan_tells_every_touch_in_order_and_what_it_touches(harness: Callable[..., Said]) -> None:
    planned = harness("plan", "scenarios/cache-divergence.yaml").out
    places = [
        planned.index(text)
        for text in ("inject cache_divergence west", "publish the next snapshot", "end cache_divergence west")
    ]
    assert places == sorted(places)
    assert "at most 1000 requests" in planned


def test_without_faults_nothing_is_injected(harness: Callable[..., Said]) -> None:
    assert "inject" not in harness("plan", "scenarios/region-loss.yaml", "--without-faults").out


def test_a_folder_that_is_no_run_is_said_to_be_none(harness: Callable[..., Said], tmp_path: Path) -> None:
    ended = harness("judge", tmp_path)
    assert (ended.status, "is not a run" in ended.err) == (2, True)


def test_heal_says_where_it_looked_and_finds_nothing_where_nothing_was_left(
    harness: Callable[..., Said], tmp_path: Path
) -> None:
    ended = harness("heal", "--out", tmp_path)
    assert (ended.status, ended.out) == (0, f"looked at 0 runs below {tmp_path}: nothing is in force\n")
    for name in ("one", "two"):
        copytree(ROOT / "reports" / "sample", tmp_path / "small" / name)
    assert harness("heal", "--out", tmp_path).out == f"looked at 2 runs below {tmp_path}: nothing is in force\n"


def test_heal_looks_at_the_trials_of_a_gate_too(harness: Callable[..., Said], tmp_path: Path) -> None:
    copytree(ROOT / "reports" / "sample", tmp_path / "merge" / "20260101-120000-a-1234" / "region-loss" / "one")
    assert harness("heal", "--out", tmp_path).out == f"looked at 1 run below {tmp_path}: nothing is in force\n"


def test_heal_looks_nowhere_but_in_a_folder_that_there_is(harness: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "nope", tmp_path / "file"):
        ended = harness("heal", "--out", place)
        assert (ended.status, ended.out, ended.err) == (2, "", f"{place}: no such folder\n")


def undo_file(out: Path, *lines: str) -> Path:
    run = out / "small" / "run"
    run.mkdir(parents=True)
    (run / "undo.jsonl").write_text("".join(lines))
    return run / "undo.jsonl"


def test_heal_keeps_what_a_killed_run_promised(harness: Callable[..., Said], tmp_path: Path) -> None:
    # Nobody listens on the port that is put back to, so what was done there is gone.
    path = undo_file(
        tmp_path, '{"id": "1", "undo": [{"method": "DELETE", "url": "http://127.0.0.1:1/proxies/harness-x"}]}\n'
    )
    ended = harness("heal", "--out", tmp_path)
    told = f"{path.parent}: 1: put back\nlooked at 1 run below {tmp_path}: nothing is in force\n"
    assert (ended.status, ended.out, path.exists()) == (0, told, False)


def test_heal_shows_control_characters_of_a_file_and_does_not_send_them(
    harness: Callable[..., Said], tmp_path: Path
) -> None:
    line = {"id": "\x1b[2J\x07 all is well", "undo": [{"method": "\x1b]0;", "url": "http://127.0.0.1:1/\u202e"}]}
    undo_file(tmp_path, json.dumps(line) + "\n")
    out = harness("heal", "--out", tmp_path).out
    assert "⟨U+001B⟩[2J⟨U+0007⟩ all is well: NOT put back: the harness makes no such request" in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_heal_says_what_it_could_not_put_back(harness: Callable[..., Said], tmp_path: Path) -> None:
    path = undo_file(tmp_path, '{"id": "1", "undo": [{"method": "DELETE", "url": "http://example.com/x"}]}\n')
    ended = harness("heal", "--out", tmp_path)
    assert (ended.status, path.exists()) == (70, True)
    assert "1: NOT put back: host 'example.com' is not this machine" in ended.out
    assert ended.out.endswith(f"looked at 1 run below {tmp_path}: something is still in force\n")


def test_heal_does_not_take_a_file_that_it_cannot_read_for_an_empty_one(
    harness: Callable[..., Said], tmp_path: Path
) -> None:
    path = undo_file(tmp_path, "garbage\n", "more\n")
    ended = harness("heal", "--out", tmp_path)
    assert (ended.status, path.exists()) == (70, True)
    assert f"{path}: no line of it can be read" in ended.out
    path.unlink()
    path.mkdir()
    ended = harness("heal", "--out", tmp_path)
    assert (ended.status, f"{path}: cannot be read: Is a directory" in ended.out) == (70, True)


def test_heal_leaves_a_run_alone_that_goes_on(harness: Callable[..., Said], tmp_path: Path) -> None:
    path = undo_file(tmp_path)
    log = UndoLog(path)
    log.begin("run", tmp_path, os.getpid())
    log.close()
    ended = harness("heal", "--out", tmp_path)
    assert (ended.status, path.exists()) == (0, True)
    assert "still running; left alone" in ended.out
    assert ended.out.endswith("nothing is in force but what a run that goes on needs\n")


def test_heal_puts_back_what_is_left_of_a_run_that_has_ended_though_its_process_goes_on(
    harness: Callable[..., Said], tmp_path: Path
) -> None:
    path = undo_file(tmp_path)
    log = UndoLog(path)
    log.begin("run", tmp_path, 0)
    log.close()
    assert "still running; left alone" in harness("heal", "--out", tmp_path).out
    (path.parent / "history.jsonl").write_bytes(history.encode(Ended(1.0, "completed")))
    told = f"looked at 1 run below {tmp_path}: nothing is in force\n"
    assert (harness("heal", "--out", tmp_path).out.endswith(told), path.exists()) == (True, False)


# --- others' say


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TargetState:
    """The state of the shipped default target."""
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "state"))
    return TargetState(FolderStore(tmp_path / "state"), "resilient")


RUN = ("run", "scenarios/region-loss.yaml", "--target", "scenarios/targets/resilient.yaml")


def test_a_run_on_what_is_frozen_is_refused_before_anything_is_touched(
    harness: Callable[..., Said], state: TargetState, tmp_path: Path
) -> None:
    assert harness("freeze", "--why", "incident 4711").out.startswith(f"every target is frozen by {me()} since ")
    ended = harness(*RUN, "--out", tmp_path / "reports")
    assert (ended.status, (tmp_path / "reports").exists()) == (5, False)
    assert re.fullmatch(
        rf"every target is frozen by {me()} since [-0-9]+ [:0-9]+ UTC: incident 4711; "
        r"`harness freeze --lift` lifts it \(.*/state/freeze.json\)\n",
        ended.err,
    )
    assert "was frozen by" in harness("freeze", "--lift").out
    assert harness("freeze", "--lift").out == "every target was not frozen\n"


@pytest.mark.parametrize("whose", ["resilient", "scenarios/targets/resilient.yaml"])
def test_one_target_is_frozen_by_its_name_or_its_file(
    harness: Callable[..., Said], state: TargetState, tmp_path: Path, whose: str
) -> None:
    harness("freeze", "--why", "audit", "--target", whose)
    ended = harness(*RUN, "--out", tmp_path / "reports")
    assert ended.status == 5
    assert ended.err.startswith("target 'resilient' is frozen by")
    harness("freeze", "--lift", "--target", whose)
    state.obey()


def test_what_few_need_and_what_was_called_otherwise_still_is_and_is_not_shown(
    harness: Callable[..., Said], state: TargetState
) -> None:
    harness("freeze", "--why", "audit")
    assert "was frozen by" in harness("unfreeze").out
    assert harness("schema", "lease") == harness("list", "schemas", "lease")
    shown = set(re.findall(r"^  ([a-z]+) ", harness("--help").out, re.MULTILINE))
    assert {"list", "stop"} <= shown
    assert not shown & {"schema", "freeze", "unfreeze"}
    assert "harness freeze" in harness("stop", "--help").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("freeze",), "--why: is missing; say why nobody may break anything"),
        (("freeze", "--why", "x", "--lift"), "--why: is said by who freezes; leave it out to lift a freeze"),
        (("freeze", "--why", "  "), "--why: says nothing; say why nobody may break anything"),
        (("freeze", "--why", "x", "--target", "none.yaml"), "none.yaml --target: no such file; name a target file, or a target"),
        (("stop", "--target", "../resilient"), "../resilient --target: no such file"),
    ],
)  # fmt: skip
def test_what_says_nothing_or_names_nothing_is_refused(
    harness: Callable[..., Said], state: TargetState, words: tuple[str, ...], told: str
) -> None:
    ended = harness(*words)
    assert ended.status == 2
    assert ended.err.startswith(told)


@pytest.mark.parametrize("asked", ["run", "freeze", "unfreeze", "stop"])
def test_where_the_state_gives_no_answer_nothing_begins_and_one_line_says_so(
    harness: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("HARNESS_STATE", "http://127.0.0.1:1/team")
    words = {
        "run": ("run", "scenarios/region-loss.yaml"),
        "freeze": ("freeze", "--why", "audit"),
        "unfreeze": ("unfreeze",),
        "stop": ("stop", "--target", "shop"),
    }
    ended = harness(*words[asked])
    assert ended.status == 2
    assert ended.err.splitlines()[-1:] == [line for line in ended.err.splitlines() if "gave no answer" in line]
    assert ended.err.endswith(
        "gave no answer: Connection refused; who may run is kept there, as HARNESS_STATE or state: in the target file says\n"
    )


def test_where_nobody_knows_all_targets_one_has_to_be_named(
    harness: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_STATE", "http://127.0.0.1:1/team")
    ended = harness("stop")
    assert (ended.status, ended.err) == (
        2,
        "http://127.0.0.1:1/team cannot be asked for all its targets; name one with --target\n",
    )


def test_a_run_on_what_another_one_holds_is_refused_with_its_name(
    harness: Callable[..., Said], state: TargetState, tmp_path: Path
) -> None:
    state.take("another-run", tmp_path)
    ended = harness(*RUN, "--out", tmp_path / "reports")
    assert (ended.status, (tmp_path / "reports").exists()) == (5, False)
    assert ended.err.startswith(f"target 'resilient' is held by run another-run of {me()}")


def test_stop_waits_until_each_run_has_let_go_of_its_target(harness: Callable[..., Said], state: TargetState) -> None:
    assert harness("stop").out == "no run goes on\n"
    lease = state.take("one", Path("reports"))
    assert harness("stop", "--target", "fragile").out == "no run goes on on fragile; one does on resilient\n"

    def obeys() -> None:
        while not state.stopped("one"):
            pass
        state.release(lease)

    run = threading.Thread(target=obeys)
    run.start()
    ended = harness("stop", "--why", "enough")
    run.join()
    assert ended.status == 0
    assert re.fullmatch(rf"resilient: run one of {me()}: ended after [.0-9]+ s\n", ended.out)
    assert state.holder() is None


def test_stop_says_which_run_does_not_end(
    harness: Callable[..., Said], state: TargetState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(others_say, "_ENDED_WITHIN_S", 0.0)
    state.take("one", Path("reports"))
    ended = harness("stop")
    assert (ended.status, ended.out) == (70, f"resilient: run one of {me()}: told, and has NOT ended yet\n")
    assert state.stopped("one").endswith("no reason was given")


def test_heal_breaks_the_lease_of_a_dead_run_and_not_that_of_a_live_one(
    harness: Callable[..., Said], state: TargetState, tmp_path: Path
) -> None:
    lease = state.take("one", tmp_path)
    assert "goes on; left alone" in harness("heal", "--out", tmp_path).out
    assert state.holder() == lease
    dead = lease.model_copy(update={"boot": "another"})
    (tmp_path / "state" / "resilient" / "lease.json").write_text(dead.to_json())
    assert f"target 'resilient': lease of run one of {me()}: broken\n" in harness("heal", "--out", tmp_path).out
    assert state.holder() is None


def test_from_python_the_same_is_done_under_the_same_names(state: TargetState) -> None:
    api.freeze("audit", "resilient")
    with pytest.raises(RefusedError, match="audit"):
        state.take("one", Path("reports"))
    lifted = api.unfreeze("resilient")
    assert lifted is not None
    assert lifted.why == "audit"
    assert api.stop() == []


@pytest.mark.parametrize("place", ["", "s3://bucket/state", "http://ann@host/state", "http://host/state?x=1"])
def test_a_place_that_can_keep_no_state_is_refused_where_a_target_names_it(tmp_path: Path, place: str) -> None:
    text = (ROOT / "scenarios" / "targets" / "resilient.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(f"{text}\nstate: {json.dumps(place)}\n")
    (problem,) = api.validate(tmp_path / "mine.yaml").problems
    assert problem.path == "state"
    assert "write a path" in problem.what


def test_a_target_says_where_its_state_is_kept_beside_its_file_or_on_a_host_that_is_allowed(tmp_path: Path) -> None:
    text = (ROOT / "scenarios" / "targets" / "resilient.yaml").read_text()
    path = tmp_path / "mine.yaml"
    path.write_text(f"{text}\nstate: shared\n")
    assert load_target(path).value.state == str(tmp_path / "shared")
    path.write_text(f"{text}\nstate: https://state.example/harness\n")
    (problem,) = foreign_hosts(load_target(path), ())
    assert "allow it with --allow-host state.example" in problem.what
    assert not list(foreign_hosts(load_target(path), ("state.example",)))


def test_schema_prints_what_is_committed_for_editors(harness: Callable[..., Said]) -> None:
    for kind in ("scenario", "target", "result", "lease", "stop", "freeze"):
        assert harness("schema", kind).out == (ROOT / "harness" / "schemas" / f"{kind}.json").read_text()


def test_the_version_is_told(harness: Callable[..., Said]) -> None:
    assert harness("--version").out.startswith("harness 0.")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A copy of the sample run."""
    return Path(copytree(ROOT / "reports" / "sample", tmp_path / "stored"))


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_a_report_says_what_changed_since_a_baseline_run_only_where_one_is_named(
    harness: Callable[..., Said], stored: Path
) -> None:
    baseline = ROOT / "reports" / "sample"
    before = contents(baseline)
    assert harness("report", stored).status == 0
    result = (stored / "result.json").read_bytes()
    assert "What changed since the baseline run" not in (stored / "report.html").read_text()
    assert "Since the baseline run" not in (stored / "summary.md").read_text()
    assert harness("report", stored, "--baseline", baseline).status == 0
    assert "What changed since the baseline run" in (stored / "report.html").read_text()
    assert "Since the baseline run" in (stored / "summary.md").read_text()
    assert ((stored / "result.json").read_bytes(), contents(baseline)) == (result, before)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda folder: (folder / "history.jsonl").unlink(),
            ": is not a run; name a folder that holds a history.jsonl",
        ),
        (lambda folder: (folder / "arrivals.parquet").unlink(), "/arrivals.parquet: is missing"),
        (lambda folder: (folder / "history.jsonl").write_text("{}\n"), "/history.jsonl:1: is no event of a run"),
        (
            lambda folder: (folder / "requests.parquet").write_text("x"),
            "/requests.parquet: is not a whole Parquet file",
        ),
    ],
)
def test_a_baseline_that_is_no_run_is_one_clear_error_and_nothing_is_touched(
    harness: Callable[..., Said], stored: Path, tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    baseline = Path(copytree(stored, tmp_path / "baseline"))
    spoil(baseline)
    before = contents(tmp_path)
    for words in (("report", stored), ("run", "scenarios/region-loss.yaml", "--out", tmp_path / "reports")):
        ended = harness(*words, "--baseline", baseline)
        assert (ended.status, ended.out) == (2, "")
        assert f"{baseline}{said}" in ended.err
        assert len(ended.err.strip().splitlines()) == 1
    assert contents(tmp_path) == before
    assert not (tmp_path / "reports").exists()


def test_a_baseline_is_compared_with_one_run(harness: Callable[..., Said], stored: Path, tmp_path: Path) -> None:
    two = ("scenarios/region-loss.yaml", "scenarios/cache-divergence.yaml")
    ended = harness("run", *two, "--out", tmp_path / "reports", "--baseline", stored)
    assert ended.status == 2
    assert "--baseline: is compared with one run; name one scenario and one target, not 2" in ended.err
    assert not (tmp_path / "reports").exists()


def test_the_help_of_judge_and_report_says_which_files_are_written_and_how_they_differ(
    harness: Callable[..., Said],
) -> None:
    for command, other in (("judge", "report"), ("report", "judge")):
        told = " ".join(harness(command, "--help").out.split())
        assert "result.json, report.html, junit.xml and summary.md" in told
        assert f"harness {other}" in told


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "requests.parquet").unlink(), "/requests.parquet: is missing, and so are the rows"),
        (lambda folder: (folder / "attempts.parquet").unlink(), "/attempts.parquet: is missing, and so are the rows"),
        (lambda folder: (folder / "arrivals.parquet").unlink(), "/arrivals.parquet: is missing, and so are the rows"),
        (lambda folder: (folder / "attempts.parquet").write_text(""), "/attempts.parquet: is not a whole Parquet file"),
        (lambda folder: (folder / "counts.json").write_text("{"), "/counts.json: does not say how many"),
        (lambda folder: (folder / "effects.json").write_text("{"), "/effects.json: does not say what was done"),
        (lambda folder: (folder / "history.jsonl").write_text("garbage\n"), "/history.jsonl:1: is no event of a run"),
        (lambda folder: (folder / "target.yaml").unlink(), "/target.yaml: there is no such file"),
        (lambda folder: (folder / "undo.jsonl").mkdir(), "/undo.jsonl: cannot be read: Is a directory"),
    ],
)
@pytest.mark.parametrize("command", ["judge", "report"])
def test_a_run_with_a_file_missing_or_damaged_is_refused_in_one_line_and_stays_as_it_is(
    harness: Callable[..., Said], stored: Path, command: str, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(stored)
    before = contents(stored)
    ended = harness(command, stored)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"{stored}{said}")
    assert len(ended.err.splitlines()) == 1
    assert contents(stored) == before


def test_a_run_that_is_whole_is_judged_again_to_the_same_bytes(harness: Callable[..., Said], stored: Path) -> None:
    harness("judge", stored)
    before = {name: content for name, (content, _) in contents(stored).items()}
    ended = harness("judge", stored)
    assert (ended.status, ended.err) == (1, "")
    assert {name: content for name, (content, _) in contents(stored).items()} == before


@pytest.mark.parametrize("name", ["scenario", "target"])
def test_a_file_that_was_edited_since_the_run_is_told_and_judged_by_what_it_says_now(
    harness: Callable[..., Said], stored: Path, name: str
) -> None:
    before = json.loads((stored / "result.json").read_text())[name]["sha256"]
    path = stored / f"{name}.yaml"
    path.write_text(path.read_text() + "# edited\n")
    said = f"{path}: was edited since the run; it is judged by what it says now\n"
    for command in ("judge", "report"):
        assert harness(command, stored).err == said
    now = sha256(path.read_bytes()).hexdigest()
    assert json.loads((stored / "result.json").read_text())[name]["sha256"] == now != before


def test_questions_that_were_edited_since_the_run_are_told_where_it_wrote_down_what_they_were(
    harness: Callable[..., Said], stored: Path
) -> None:
    questions, history = stored / "questions.yaml", stored / "history.jsonl"
    first, _, rest = history.read_text().partition("\n")
    begun = json.loads(first) | {"questions_sha256": sha256(questions.read_bytes()).hexdigest()}
    history.write_text(json.dumps(begun) + "\n" + rest)
    assert harness("judge", stored).err == ""
    questions.write_text(questions.read_text() + "# edited\n")
    assert harness("judge", stored).err == f"{questions}: was edited since the run; it is judged by what it says now\n"


def test_a_baseline_that_was_edited_is_told_too(harness: Callable[..., Said], stored: Path, tmp_path: Path) -> None:
    baseline = Path(copytree(stored, tmp_path / "baseline"))
    with (baseline / "scenario.yaml").open("a") as file:
        file.write("# edited\n")
    ended = harness("report", stored, "--baseline", baseline)
    assert ended.err == f"{baseline / 'scenario.yaml'}: was edited since the run; it is judged by what it says now\n"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "no Toxiproxy server answers at http://127.0.0.1:1; is it running?"),
        ("http://127.0.0.1:99999", "'http://127.0.0.1:99999' is not the address of a Toxiproxy server"),
        ("http://[::1", "'http://[::1' is not the address of a Toxiproxy server"),
    ],
)
def test_a_toxiproxy_that_cannot_be_reached_is_told_before_a_folder_is_made(
    harness: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    words = ("run", "scenarios/region-loss.yaml", "--out", tmp_path / "reports")
    by_option = harness(*words, "--toxiproxy-url", url)
    monkeypatch.setenv("TOXIPROXY_URL", url)
    by_environment = harness(*words)
    for ended, name in ((by_option, "--toxiproxy-url"), (by_environment, "TOXIPROXY_URL")):
        assert ended.status == 2
        assert ended.err.startswith(f"{name}: {said}")
        assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "reports").exists()


@pytest.fixture
def conducted(monkeypatch: pytest.MonkeyPatch, stored: Path) -> list[str]:
    """The names of the scenarios that were run; none is, really: each comes to what the sample run came to.

    Whoever is asked to run the third breaks, and somebody presses Ctrl-C in all that are called ``STOPPED``.
    """
    sample, names = api.Run(stored, Result.model_validate_json((stored / "result.json").read_text())), []

    def conduct(prepared: Prepared, *_: object, **__: object) -> api.Run:
        names.append(prepared.plan.scenario.name)
        if len(names) > 2:
            raise HarnessError("no more")
        return replace(sample, stopped=names[-1] == STOPPED)

    # Whoever was imported before has the name already.
    for place in ("harness.conduct.conduct", "harness.interfaces.running.conduct"):
        monkeypatch.setattr(place, conduct)
    return names


SCENARIOS = ("scenarios/region-loss.yaml", "scenarios/cache-divergence.yaml", "scenarios/provider-latency.yaml")
STOPPED = "rate-limit"


def test_the_result_of_one_scenario_is_a_document_and_of_several_an_array(
    harness: Callable[..., Said], conducted: list[str]
) -> None:
    one = json.loads(harness("run", *SCENARIOS[:1], "--json").out)
    assert one["schema"] == "harness.result/1"
    conducted.clear()
    assert json.loads(harness("run", *SCENARIOS[:2], "--json").out) == [one, one]


def test_several_results_are_one_array_though_one_run_breaks(
    harness: Callable[..., Said], conducted: list[str]
) -> None:
    ended = harness("run", *SCENARIOS, "--json")
    assert (ended.status, ended.err, len(conducted)) == (70, "no more\n", 3)
    assert [result["schema"] for result in json.loads(ended.out)] == ["harness.result/1"] * 2


@pytest.mark.parametrize(("first", "begun"), [(f"scenarios/{STOPPED}.yaml", 1), (SCENARIOS[1], 2)])
def test_no_scenario_is_begun_behind_one_that_somebody_stopped(
    harness: Callable[..., Said], conducted: list[str], first: str, begun: int
) -> None:
    ended = harness("run", first, SCENARIOS[0])
    assert len(conducted) == begun
    assert (ended.status == 130) == (begun == 1)


@pytest.mark.parametrize(("verdict", "status"), [("aborted", 5), ("inconclusive", 3), ("pass", 0)])
def test_a_run_ends_with_the_status_of_its_verdict(
    harness: Callable[..., Said], stored: Path, monkeypatch: pytest.MonkeyPatch, verdict: Outcome, status: int
) -> None:
    result = Result.model_validate_json((stored / "result.json").read_text()).model_copy(update={"verdict": verdict})
    monkeypatch.setattr("harness.interfaces.running.conduct", lambda *_, **__: api.Run(stored, result))
    assert harness("run", SCENARIOS[0]).status == status


@pytest.mark.parametrize("words", [("-h",), ("run", "-h"), ("ask", "-h"), ("list", "-h")])
def test_help_is_there_under_both_of_its_names(harness: Callable[..., Said], words: tuple[str, ...]) -> None:
    said = harness(*words)
    assert (said.status, said.err) == (0, "")
    assert said.out == harness(*words[:-1], "--help").out


def test_a_shell_can_be_told_how_to_complete(harness: Callable[..., Said]) -> None:
    told = " ".join(harness("--help").out.split())
    assert "--install-completion" in told
    assert "--show-completion" in told


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("harness va", {"validate"}),
        ("harness ru", {"run"}),
        ("harness run --tri", {"--trials"}),
        ("harness gameday pl", {"plan"}),
        ("harness zz", set()),
    ],
)
def test_a_shell_is_told_how_what_is_typed_may_go_on(
    harness: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, typed: str, offered: set[str]
) -> None:
    monkeypatch.setenv("_HARNESS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    said = harness()
    assert (said.status, set(said.out.split())) == (0, offered)


def test_a_phase_of_ones_own_that_is_set_comes_before_the_recovery(
    harness: Callable[..., Said],
) -> None:
    said = harness("plan", ROOT / "scenarios" / "region-loss.yaml", "--set", "phases.outage=5s")
    assert said.err.count("warning") == 1  # nothing is broken in it
    order = [said.out.index(f"{name} begins") for name in ("baseline", "fault", "outage", "recovery")]
    assert (said.status, order) == (0, sorted(order))


def test_of_several_files_those_that_are_right_are_told_beside_what_is_wrong_with_others(
    harness: Callable[..., Said], scenario: Callable[[str, str], Path]
) -> None:
    said = harness("validate", ROOT / "scenarios" / "region-loss.yaml", scenario("good: ", "god: "))
    assert said.status == 2
    assert "region-loss.yaml: OK" in said.out
    assert "did you mean 'good'?" in said.err


def test_a_stored_run_can_be_held_against_what_nobody_expected_and_nothing_is_written(
    harness: Callable[..., Said], tmp_path: Path
) -> None:
    sample = Path(copytree(ROOT / "reports" / "sample", tmp_path / "run"))
    before = {path.name: path.read_bytes() for path in sample.iterdir() if path.is_file()}
    said = harness("judge", sample, "--expect", "good_ratio{region=west} >= 0.9 in fault")
    assert "good_ratio{region=west} in fault" in said.out
    assert {path.name: path.read_bytes() for path in sample.iterdir() if path.is_file()} == before
    refused = harness("judge", sample, "--expect", "good_ratio{region=north} >= 0.9 in falt")
    assert (refused.status, "unknown phase 'falt'; did you mean 'fault'?" in refused.err) == (2, True)
    nowhere = harness("judge", sample, "--expect", "good_ratio{region=north} >= 0.9 in fault")
    assert (nowhere.status, "has no region 'north'" in nowhere.err) == (2, True)


def test_what_does_not_go_to_a_terminal_is_not_wrapped(harness: Callable[..., Said], tmp_path: Path) -> None:
    deep = tmp_path / ("a-folder-with-a-long-name-" * 4) / "run"
    copytree(ROOT / "reports" / "sample", deep)
    lines = harness("judge", deep).out.splitlines()
    assert f"report: {deep / 'report.html'}" in lines
    assert max(map(len, lines)) > 100


@pytest.mark.parametrize("command", ["run", "plan", "list", "ask", "validate"])
def test_however_wide_a_terminal_would_be_what_goes_to_none_is_the_same(
    harness: Callable[..., Said],
    stored: Path,
    conducted: list[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    of_links = [LinkSeen("openai", 1, 1, 1, {"200": 1})]
    line, status = "POST http://127.0.0.1:1/ask", 200
    asked = Preflight(
        0, "", line, "What? " * 40, ["n"], status, "complete", "", "", "So. " * 40, False, 1, None, of_links
    )
    monkeypatch.setattr("harness.first_question.ask", lambda *_, **__: Reply("small", (asked,), (), None))
    words = {
        "run": SCENARIOS[:1],
        "plan": (SCENARIOS[0],),
        "list": ("metrics",),
        "ask": ("scenarios/targets/resilient.yaml",),
        "validate": ("scenarios/" + "no-such-file-" * 9,),
    }[command]
    said = []
    for columns in ("20", "400"):
        conducted.clear()
        monkeypatch.setenv("COLUMNS", columns)
        said.append(harness(command, *words))
    assert said[0] == said[1]
    assert max(map(len, (said[0].out + said[0].err).splitlines())) > 80


TOO_LONG = "a" * 5000


@pytest.mark.parametrize(
    "words",
    [
        ("validate", TOO_LONG),
        ("run", TOO_LONG),
        ("run", "scenarios/region-loss.yaml", "--target", TOO_LONG),
        ("run", "scenarios/region-loss.yaml", "--baseline", TOO_LONG),
        ("plan", TOO_LONG),
        ("ask", TOO_LONG),
        ("judge", TOO_LONG),
        ("report", TOO_LONG),
        ("heal", "--out", TOO_LONG),
    ],
    ids=lambda words: " ".join(word[:20] for word in words),
)
def test_a_name_that_is_too_long_is_told_in_a_sentence(harness: Callable[..., Said], words: tuple[str, ...]) -> None:
    ended = harness(*words)
    assert (ended.status, len(ended.err.splitlines())) == (2, 1), ended.err[-500:]
    assert ended.err.endswith("File name too long\n")


@pytest.mark.parametrize("words", [("validate",), ("plan", "scenarios/region-loss.yaml", "--target"), ("ask",)])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(
    harness: Callable[..., Said], tmp_path: Path, words: tuple[str, ...]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    ended = harness(*words, tmp_path / "pipe")
    assert (ended.status, ended.err) == (2, f"{tmp_path / 'pipe'}: is a pipe, not a file\n")


@pytest.mark.parametrize("name", ["questions.yaml", "questions.jsonl", "questions.csv"])
def test_a_pipe_in_the_place_of_questions_is_refused_where_they_are_named(
    harness: Callable[..., Said], scenario: Callable[[str, str], Path], tmp_path: Path, name: str
) -> None:
    os.mkfifo(tmp_path / name)
    ended = harness("validate", scenario("questions/facts.yaml", name))
    assert ended.status == 2
    assert f"{name}: is a pipe, not a file" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_pipe_in_a_stored_run_is_told_and_not_waited_for(harness: Callable[..., Said], tmp_path: Path) -> None:
    run = Path(copytree(ROOT / "reports" / "sample", tmp_path / "run"))
    (run / "history.jsonl").chmod(0o600)
    os.mkfifo(run / "counts.json.new")
    ended = harness("judge", run)
    assert (ended.status, ended.err) == (
        2,
        f"{run / 'counts.json.new'}: is no file and no folder; a run has nothing else\n",
    )


def test_a_plan_lists_what_would_be_started_and_reached_with_secrets_by_their_names(
    harness: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-canary-7f3a")
    text = (ROOT / "scenarios" / "targets" / "template.yaml").read_text()
    document = yaml.safe_load(text)
    document["start"]["command"] = ["sh", "-c", "serve; true", "{port}"]
    document["start"]["env"] = {"TOKEN": "${MY_KEY}"}
    document["ask"]["headers"] = {"authorization": "Bearer ${MY_KEY}"}
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(document))
    planned = harness("plan", "scenarios/provider-latency.yaml", "--target", path).out
    assert "  target           TOKEN=${MY_KEY} sh -c 'serve; true' {port}\n" in planned
    assert "with authorization: Bearer ${MY_KEY}" in planned
    assert "https://api.openai.com" in planned
    assert "asked by the load" in planned
    assert "sk-canary" not in planned


def test_several_targets_are_a_grid_with_a_scorecard(
    harness: Callable[..., Said], conducted: list[str], tmp_path: Path
) -> None:
    targets = [word for name in ("fragile", "resilient") for word in ("--target", f"scenarios/targets/{name}.yaml")]
    ended = harness("run", SCENARIOS[0], *targets, "--out", tmp_path / "out")
    assert conducted == ["region-loss"] * 2
    assert ended.out.endswith(f"scorecard: {tmp_path / 'out' / 'scorecard.html'}\n")
    card = json.loads((tmp_path / "out" / "scorecard.json").read_text())
    assert [system["name"] for system in card["systems"]] == ["fragile", "resilient"]
    assert card["exit_status"] == ended.status
