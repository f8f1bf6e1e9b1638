"""The page of a trend: the worst first, every value as text, and links to reports alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

import harness
from harness.interfaces.cli import app
from harness.problems import UsageProblems
from harness.record import past
from harness.running.working_tree import commit_of

SAMPLE = Path(__file__).resolve().parents[2] / "reports" / "sample" / "result.json"


def store(out: Path, name: str, **changes: object) -> None:
    """A run of the sample with other *changes*, as it lies among others."""
    made = json.loads(SAMPLE.read_text()) | {"run_id": name} | changes
    folder = out / made["scenario"]["name"] / name
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(made))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    store(tmp_path, "a-1", commit="1f2e3d4c5b6a" + "0" * 28)
    store(tmp_path, "b-1", verdict="pass", scenario={"name": "calm", "path": "calm.yaml", "sha256": ""})
    return tmp_path


def test_the_page_names_each_scenario_on_its_target_the_failing_first_and_leads_to_its_report(out: Path, read) -> None:
    found = harness.trend(out, stale="9999w")
    page = read((out / "index.html").read_text())
    assert found.runs == 2
    assert page.text.index("region-loss") < page.text.index("calm")
    assert "1f2e3d4c5b" in page.text
    links = [one["href"] for one in page.all("a")]
    assert "./region-loss/a-1/report.html" in links
    assert all((out / link).parent.is_dir() for link in links)
    assert page.inside == []


def test_the_same_runs_give_the_same_bytes_and_what_lies_beside_them_is_left_alone(out: Path) -> None:
    (out / "region-loss" / "a-1" / "logs").mkdir()
    harness.trend(out)
    first = (out / "index.html").read_bytes()
    harness.trend(out)
    assert (out / "index.html").read_bytes() == first


def test_hostile_names_are_text_and_no_address(tmp_path: Path, read) -> None:
    evil = "<script>alert(1)</script>"
    store(tmp_path, "javascript:alert(1)", target={"name": evil, "path": "", "sha256": ""}, commit="<b>" + evil)
    harness.trend(tmp_path)
    page = read((tmp_path / "index.html").read_text())
    assert page.all("script") == []
    assert evil in page.text
    assert all(one["href"].startswith("./") and "<" not in one["href"] for one in page.all("a"))


def test_a_result_that_cannot_be_read_is_named_and_the_others_are_told(out: Path) -> None:
    for name, content in (("broken", b"{"), ("other", b'{"schema": 1}'), ("binary", b'{"run_id": "\xff"}')):
        (out / "region-loss" / name).mkdir()
        (out / "region-loss" / name / "result.json").write_bytes(content)
    found = harness.trend(out)
    assert (found.runs, len(found.unread)) == (2, 3)


def test_no_runs_are_a_page_without_any_and_no_folder_is_refused(tmp_path: Path) -> None:
    assert harness.trend(tmp_path).lines == ()
    with pytest.raises(UsageProblems, match="no such folder"):
        harness.trend(tmp_path / "nowhere")
    with pytest.raises(UsageProblems, match="30d"):
        harness.trend(tmp_path, stale="soon")


def test_the_command_prints_a_line_for_each_and_ends_with_1_on_what_it_was_told_to(out: Path) -> None:
    told = CliRunner().invoke(app, ["trend", str(out)])
    assert told.exit_code == 0
    assert "region-loss on fragile" in told.output
    assert CliRunner().invoke(app, ["trend", str(out), "--fail-on", "broken"]).exit_code == 1
    assert CliRunner().invoke(app, ["trend", str(out), "--fail-on", "stale", "--stale", "9999w"]).exit_code == 0


def test_a_commit_is_that_of_the_tree_that_holds_the_file_and_none_where_there_is_no_tree(tmp_path: Path) -> None:
    file = tmp_path / "target.yaml"
    file.write_text("a")
    assert commit_of(file) == ""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    clean = commit_of(file)
    assert len(clean) == 40
    file.write_text("b")
    assert commit_of(file) == f"{clean}-dirty"


def test_a_machine_without_git_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(SAMPLE) == ""


def test_runs_of_before_commits_and_links_were_written_down_are_told_all_the_same(out: Path) -> None:
    runs, _ = past.read(out)
    assert any(one.commit == "" for one in runs)
    assert all(one.dependencies for one in runs)
