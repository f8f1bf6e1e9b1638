"""What the command line looks up in a stored run: one request, a table, another run beside it; each writes no more than it says."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.interfaces.cli import app
from harness.problems import UsageProblems
from harness.record.run_folder import RunFolder

SAMPLE = Path(__file__).resolve().parents[2] / "reports" / "sample"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "run"))


def came_of(*words: str) -> str:
    done = CliRunner().invoke(app, ["report", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_request_is_printed_with_its_attempts_and_nothing_is_written(run: Path) -> None:
    rows = pd.read_parquet(RunFolder(run).table("requests"))
    tried = rows.sort_values("attempts").iloc[-1]
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    told = came_of(str(run), "--request", tried["nonce"])
    assert told.count("\ntry ") >= tried["attempts"] > 1
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_request_or_a_table_that_there_is_not_is_refused_with_what_would_be_right(run: Path) -> None:
    for words, said in ((["--request", "nobody"], "no request has 'nobody'"), (["--csv", "request"], "requests")):
        with pytest.raises(UsageProblems, match=said):
            CliRunner().invoke(app, ["report", str(run), *words], catch_exceptions=False)
    with pytest.raises(UsageProblems, match="give one of them"):
        CliRunner().invoke(app, ["report", str(run), "--csv", "requests", "--request", "a"], catch_exceptions=False)


def test_a_table_is_printed_whole_as_csv(run: Path) -> None:
    rows = pd.read_parquet(RunFolder(run).table("requests"))
    read = list(csv.DictReader(io.StringIO(came_of(str(run), "--csv", "requests"))))
    assert [row["nonce"] for row in read] == rows["nonce"].tolist()


def test_another_run_is_put_beside_it_on_a_page_of_its_own_that_leads_to_both(run: Path) -> None:
    report = (run / "report.html").read_bytes()
    assert came_of(str(run), "--beside", str(SAMPLE)).strip().endswith("beside.html")
    html = (run / "beside.html").read_text()
    assert 'href="report.html"' in html
    (other,) = {part.split('"')[0] for part in html.split('href="')[1:] if "sample" in part.split('"')[0]}
    assert (run / other).resolve() == (SAMPLE / "report.html").resolve()
    assert (run / "report.html").read_bytes() == report
