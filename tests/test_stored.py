"""What is kept with a stored run: the comparison with a baseline run, whatever becomes of that one."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from harness import stored
from harness.problems import UsageProblems

ROOT = Path(__file__).resolve().parents[1]
HEADING = "What changed since the baseline run"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(copytree(ROOT / "reports" / "sample", tmp_path / "run"))


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    """Another run of the same, with a name of its own."""
    path = Path(copytree(ROOT / "reports" / "sample", tmp_path / "baseline"))
    events = (path / "history.jsonl").read_text()
    run_id = json.loads(events.splitlines()[0])["run_id"]
    (path / "history.jsonl").write_text(events.replace(run_id, "the-first-run"))
    return path


def judged(run: Path, baseline: Path | None = None) -> tuple[str, str, list[str]]:
    """The report and the summary of *run*, and what was said."""
    said: list[str] = []
    stored.judge(run, baseline=baseline, say=said.append)
    return (run / "report.html").read_text(), (run / "summary.md").read_text(), said


def test_a_run_that_was_never_compared_says_nothing_of_a_baseline(run: Path) -> None:
    page, summary, _ = judged(run)
    assert HEADING not in page
    assert "Since the baseline run" not in summary


def test_a_comparison_is_kept_when_the_run_is_judged_again(run: Path, baseline: Path) -> None:
    compared = judged(run, baseline)
    assert HEADING in compared[0]
    assert judged(run) == compared


def test_a_comparison_is_kept_when_the_baseline_is_gone_and_that_is_told(run: Path, baseline: Path) -> None:
    compared = judged(run, baseline)
    rmtree(baseline)
    page, summary, said = judged(run)
    assert (page, summary) == compared[:2]
    assert said == [
        f"{baseline}: the baseline run the-first-run is not there any more; this run is held against what was kept of it"
    ]


def test_another_run_in_the_place_of_the_baseline_is_not_taken_for_it(run: Path, baseline: Path) -> None:
    compared = judged(run, baseline)
    rmtree(baseline)
    copytree(ROOT / "reports" / "sample", baseline)
    page, _, said = judged(run)
    assert page == compared[0]
    assert "the-first-run is not there any more" in said[0]


def test_a_later_baseline_takes_the_place_of_the_one_before(run: Path, baseline: Path, tmp_path: Path) -> None:
    judged(run, baseline)
    later = Path(copytree(ROOT / "reports" / "sample", tmp_path / "later"))
    judged(run, later)
    assert "the-first-run" not in judged(run)[1]


@pytest.mark.parametrize("kept", ["{}", "not JSON: {", '{"path": "x", "result": {"run_id": "x"}}'])
def test_a_kept_baseline_that_cannot_be_read_is_told_with_its_file(run: Path, baseline: Path, kept: str) -> None:
    judged(run, baseline)
    (run / "baseline.json").write_text(kept)
    with pytest.raises(UsageProblems, match=rf"{run / 'baseline.json'}"):
        judged(run)


def test_a_baseline_kept_by_an_earlier_version_is_read(run: Path, baseline: Path) -> None:
    judged(run, baseline)
    rmtree(baseline)
    kept = json.loads((run / "baseline.json").read_text())
    kept["result"] = json.loads((ROOT / "tests" / "compatibility" / "0.1.0" / "result.json").read_text())
    (run / "baseline.json").write_text(json.dumps(kept))
    assert HEADING in judged(run)[0]
