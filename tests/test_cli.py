"""The command line: one clear error for bad input, a status that means something, and nothing touched before all is checked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest

from harness.cli import main

ROOT = Path(__file__).resolve().parents[1]
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
        ("at: fault}", "at: fault + 20s}", "it would last from 35 s to 30 s"),
        ("mode: blackhole", "mode: refuse", "an attempt that is refused leaves no trace"),
        ("good: {within: 4s}", "good: {within: 40s}", "good.within: 40 s is later than the client's deadline of 10 s"),
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


def test_heal_finds_nothing_to_do_where_nothing_was_left(harness: Callable[..., Said], tmp_path: Path) -> None:
    ended = harness("heal", "--out", tmp_path)
    assert (ended.status, ended.out) == (0, "nothing is in force\n")


def test_schema_prints_what_is_committed_for_editors(harness: Callable[..., Said]) -> None:
    for kind in ("scenario", "target", "result"):
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
        (lambda folder: (folder / "history.jsonl").unlink(), "is not a run; name a folder that holds a history.jsonl"),
        (lambda folder: (folder / "arrivals.parquet").unlink(), "holds no tables, so there is nothing to compare with"),
        (lambda folder: (folder / "history.jsonl").write_text("{}\n"), "cannot be read as a run to compare with"),
        (lambda folder: (folder / "requests.parquet").write_text("x"), "cannot be read as a run to compare with"),
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
        assert f"{baseline}: {said}" in ended.err
        assert len(ended.err.strip().splitlines()) == 1
    assert contents(tmp_path) == before
    assert not (tmp_path / "reports").exists()


def test_a_baseline_is_compared_with_one_run(harness: Callable[..., Said], stored: Path, tmp_path: Path) -> None:
    two = ("scenarios/region-loss.yaml", "scenarios/cache-divergence.yaml")
    ended = harness("run", *two, "--out", tmp_path / "reports", "--baseline", stored)
    assert ended.status == 2
    assert "--baseline: is compared with one run; name one scenario, not 2" in ended.err
    assert not (tmp_path / "reports").exists()
