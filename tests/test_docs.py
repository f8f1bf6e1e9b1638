"""What the documents say is true: commands exist, snippets load, tables are complete."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from typer.main import get_command

from harness.api import judge
from harness.cli import app
from harness.documents import read
from harness.faults import faults
from harness.metrics import metrics
from harness.records import Arrival, Attempt, Request
from harness.result import EXIT_STATUS
from harness.target import Target

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("reports/*.md")])


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def _harness_commands() -> list[tuple[str, list[str]]]:
    lines = [
        (path.name, line)
        for path in DOCUMENTS
        for block in _blocks(path.read_text(), "sh")
        for line in block.splitlines()
    ]
    found = [(name, re.search(r"(?:^|&& |bin/)harness (.*?)(?: > .*)?(?:\s+#.*)?$", line)) for name, line in lines]
    return [(name, shlex.split(match[1])) for name, match in found if match]


@pytest.mark.parametrize(
    ("document", "words"), _harness_commands(), ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_every_harness_command_in_a_document_is_one_that_the_command_line_takes(
    document: str, words: list[str]
) -> None:
    command = get_command(app)
    subcommand = command.commands[words[0]]  # type: ignore[attr-defined]
    subcommand.make_context(words[0], words[1:], resilient_parsing=False)


def test_the_two_commands_of_the_readme_are_one_line_each() -> None:
    for name in ("run", "test"):
        (block,) = re.findall(rf"<!-- command:{name} -->\n```sh\n(.*?)```", README, re.DOTALL)
        assert len(block.strip().splitlines()) == 1


def test_the_target_in_the_readme_is_one() -> None:
    (text,) = [block for block in _blocks(README, "yaml") if "harness.target/1" in block]
    assert read(text, Target, "my-service.yaml").value.name == "my-service"


def test_the_python_in_the_readme_parses_and_calls_what_there_is() -> None:
    import harness

    for block in _blocks(README, "python"):
        ast.parse(block)
    assert callable(harness.run)


@pytest.mark.parametrize("name", list(faults))
def test_every_fault_kind_stands_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("name", list(metrics))
def test_every_metric_stands_in_the_readme(name: str) -> None:
    assert re.search(rf"^\| `{name}[`.]", README, re.MULTILINE)


def test_every_exit_status_stands_in_the_readme() -> None:
    for verdict, status in EXIT_STATUS.items():
        assert re.search(rf"^\| {status} \| {verdict} \|", README, re.MULTILINE), verdict


@pytest.mark.parametrize(
    ("title", "fields", "derived"),
    [
        ("requests", Request, {"phase", "latency_ms", "ttft_ms", "good", "attempts"}),
        ("attempts", Attempt, {"request", "layer", "phase"}),
        ("arrivals", Arrival, set()),
    ],
)
def test_every_column_of_a_table_is_documented_and_no_other(
    title: str, fields: type[msgspec.Struct], derived: set[str]
) -> None:
    section = (ROOT / "docs" / "tables.md").read_text().split(f"## {title}:")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    documented = {name for cell in first_cells for name in re.findall(r"`([a-z0-9_]+)`", cell)}
    assert documented == {field.name for field in msgspec.structs.fields(fields)} | derived


def test_every_local_link_in_a_document_leads_somewhere() -> None:
    for path in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
            assert link.startswith("http") or (path.parent / link).exists(), f"{path.name}: {link}"


def test_each_shipped_scenario_opens_with_a_comment_that_says_what_it_shows() -> None:
    for path in (ROOT / "scenarios").glob("*.yaml"):
        assert path.read_text().startswith("# "), path.name


def test_the_table_of_verdicts_is_the_one_that_its_records_make() -> None:
    committed = (ROOT / "docs" / "verdicts.md").read_text()
    command = [sys.executable, "tests/benchmarks/verdict_table.py", "--only-write"]
    subprocess.run(command, cwd=ROOT, check=True)
    assert (ROOT / "docs" / "verdicts.md").read_text() == committed


def test_the_sample_run_can_be_judged_and_is_the_failing_one_that_the_reports_page_names(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reports" / "sample", tmp_path / "sample")
    run = judge(tmp_path / "sample")
    assert (run.verdict, run.result.scenario.name, run.result.target.name) == ("fail", "region-loss", "fragile")
    assert len(run.attempts) > len(run.requests)
