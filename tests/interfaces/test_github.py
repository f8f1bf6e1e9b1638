"""What GitHub's runner is told: a page and annotations by themselves, no secret, and no command that somebody else wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
import typer

from harness import load
from harness.interfaces import github
from harness.interfaces.cli import _say, main
from harness.judging.versus import Comparison, OfMetric, Side
from harness.report import annotations
from harness.settings import Settings, settings
from harness.stored import Run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The sample: it failed."""
    return load(copytree(ROOT / "reports" / "sample", tmp_path / "runs" / "sample"))


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    def made(**variables: str) -> Settings:
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return settings()

    return made


def test_a_run_on_github_marks_the_lines_that_did_not_hold_and_elsewhere_says_nothing(run: Run, at) -> None:
    for variables, marked in (({"GITHUB_ACTIONS": "true"}, 4), ({}, 0), ({"GITHUB_ACTIONS": "false"}, 0)):
        said: list[str] = []
        with github.told([run], at(**variables), said.append):
            said.append("what the run says")
        assert (
            len([line for line in said if line.startswith("::error file=scenarios/region-loss.yaml,line=1")]) == marked
        )


def test_while_a_run_goes_on_nothing_that_is_printed_is_a_command_and_afterwards_the_marks_are(run: Run, at) -> None:
    said: list[str] = []

    def ends() -> None:
        with github.told([run], at(GITHUB_ACTIONS="true"), said.append):
            said.append("::add-mask::e")
            raise typer.Exit(1)

    with pytest.raises(typer.Exit):
        ends()
    stop, inside, again, *marks = said
    assert stop.startswith("::stop-commands::")
    assert again == f"::{stop.removeprefix('::stop-commands::')}::"
    assert inside == "::add-mask::e"
    assert marks
    other: list[str] = []
    with github.told([], at(GITHUB_ACTIONS="true"), other.append):
        pass
    assert other[0] != stop, "who has seen one token could end the next"


def test_a_file_inside_the_checkout_is_named_as_the_runner_knows_it(run: Run, at, tmp_path: Path) -> None:
    path = tmp_path / "checkout" / "chaos" / "x.yaml"
    inside = run.result.model_copy(update={"scenario": run.result.scenario.model_copy(update={"path": str(path)})})
    moved = Run(run.path, inside)
    for workspace, told in ((tmp_path / "checkout", "chaos/x.yaml"), (tmp_path / "elsewhere", str(path))):
        lines = github.annotations_of(moved, at(GITHUB_WORKSPACE=str(workspace)))
        assert all(line.startswith(f"::error file={told},") for line in lines)


def test_the_summary_is_added_to_the_page_of_the_step_and_what_was_there_stays(run: Run, at, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("of a step before\n")
    with github.told([run], at(GITHUB_STEP_SUMMARY=str(page)), print):
        pass
    assert page.read_text() == f"of a step before\n{(run.path / 'summary.md').read_text()}\n"


def test_a_page_that_cannot_be_written_is_said_and_loses_no_run(run: Run, at, tmp_path: Path) -> None:
    said: list[str] = []
    with github.told([run], at(GITHUB_STEP_SUMMARY=str(tmp_path / "none" / "page.md")), said.append):
        pass
    assert "cannot be written" in said[0]


def test_a_page_never_becomes_larger_than_github_shows(run: Run, at, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("x" * github.BYTES_MAX)
    with github.told([run], at(GITHUB_STEP_SUMMARY=str(page)), print):
        pass
    assert page.read_text().endswith("the reports have it.\n")


def test_no_secret_of_the_target_stands_in_a_mark_or_on_the_page(run: Run, at, tmp_path: Path) -> None:
    secret = "s3cr3t-value-of-the-key"
    target = run.path / "target.yaml"
    asked = '  path: /ask\n  headers: {authorization: "Bearer ${MY_KEY}"}\n'
    target.write_text(target.read_text().replace("  path: /ask\n", asked))
    (run.path / "summary.md").write_text(f"it said {secret}\n")
    findings = [one.model_copy(update={"remark": f"it said {secret}"}) for one in run.result.findings]
    leaking = Run(run.path, run.result.model_copy(update={"findings": findings}))
    page = tmp_path / "page.md"
    said: list[str] = []
    with github.told([leaking], at(GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(page), MY_KEY=secret), said.append):
        pass
    assert "MY_KEY" in page.read_text()
    assert secret not in page.read_text() + "".join(said)
    with github.told([leaking], at(GITHUB_ACTIONS="true", MY_KEY="another-value"), said.append):
        pass
    assert secret in "".join(said), "the twin: it is the value of the variable that is hidden"


def test_what_the_command_line_quotes_is_no_command_either(capsys: pytest.CaptureFixture[str]) -> None:
    _say("the log ends with\n  ::add-mask::e\n::error::x, and a::b stays")
    assert capsys.readouterr().out == "the log ends with\n  : :add-mask::e\n: :error::x, and a::b stays\n"


def test_a_file_that_is_wrong_is_marked_at_its_line_whichever_command_it_is_wrong_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("schema: harness.scenario/1\nname: x\nfaullts: []\n")
    for on_github in ("true", "false"):
        monkeypatch.setenv("GITHUB_ACTIONS", on_github)
        monkeypatch.setattr("sys.argv", ["harness", "plan", str(path)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        marked = [
            line
            for line in capsys.readouterr().err.splitlines()
            if line.startswith(f"::error file={path},line=3,title=faullts::")
        ]
        assert bool(marked) == (on_github == "true")


def test_a_number_that_is_worse_is_an_error_where_that_is_red_and_else_a_warning() -> None:
    worse = OfMetric(
        metric="latency_ms.p95 in fault", unit="ms", better="lower", state="worse", base=800, head=1200, as_ratio=True, change=1.5,
        low=1.4, high=1.6, margin=1.2, n=5, missing=0, p=0.001, detectable=1.25,
    )  # fmt: skip
    better = worse.model_copy(update={"metric": "good_ratio in fault", "state": "better"})
    side = Side.model_construct(name="base")
    for fail_on, level in ((["worse"], "error"), ([], "warning")):
        said = Comparison.model_construct(
            verdict="fail" if fail_on else "pass", base=side, head=side.model_copy(update={"name": "head"}), metrics=[better, worse],
            fail_on=fail_on, reason="",
        )  # fmt: skip
        (line,) = annotations.of_comparison(said, "x.yaml")
        assert line.startswith(
            f"::{level} file=x.yaml,line=1,title=head beside base%3A latency_ms.p95 in fault worse::800 ms -> 1,200 ms, 1.50 ×"
        )
