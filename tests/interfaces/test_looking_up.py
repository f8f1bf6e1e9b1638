"""What the command line looks up in a stored run: one request, a table, another run beside it; each writes no more than it says."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

import harness
from harness.interfaces.cli import app
from harness.interfaces.schemas import schema
from harness.judging.trace import Followed, Traced
from harness.problems import UsageProblems
from harness.record.run_folder import RunFolder

SAMPLE = Path(__file__).resolve().parents[2] / "reports" / "sample"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "run"))


def came_of(command: str, *words: str) -> str:
    done = CliRunner().invoke(app, [command, *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_request_is_followed_and_nothing_is_written(run: Path) -> None:
    rows = pd.read_parquet(RunFolder(run).table("requests"))
    tried = rows.sort_values("attempts").iloc[-1]
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    told = came_of("trace", str(run), tried["nonce"])
    assert told.count("\ntry ") >= tried["attempts"] > 1
    document = json.loads(came_of("trace", str(run), tried["nonce"], "--json"))
    Draft202012Validator(schema(Traced)).validate(document)
    (one,) = document["requests"]
    assert (document["matching"], one["nonce"], len(one["attempts"])) == (1, tried["nonce"], tried["attempts"])
    assert harness.trace(run, int(tried["index"])).requests[0].model_dump() == Followed.model_validate(one).model_dump()
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trace", "nobody"], "no request is 'nobody'; a request has an id such as 'n-"),
        (["trace", "annual-leav"], "did you mean 'annual-leave'"),
        (["trace", "5000"], "numbered from 0 to 999"),
        (["trace", "--hit-by", "latency"], "the run has no fault 'latency'; known: regional_loss, regional_loss-1"),
        (["trace", "warmup", "--hit-by", "regional_loss"], "no request is 'warmup' and hit by regional_loss"),
        (["report", "--csv", "request"], "requests"),
    ],
)
def test_what_there_is_not_is_refused_with_what_would_be_right(run: Path, words: list[str], said: str) -> None:
    with pytest.raises(UsageProblems, match=said):
        CliRunner().invoke(app, [words[0], str(run), *words[1:]], catch_exceptions=False)


def test_two_things_of_a_report_are_not_asked_for_at_once(run: Path) -> None:
    with pytest.raises(UsageProblems, match="give one of them"):
        CliRunner().invoke(app, ["report", str(run), "--csv", "requests", "--beside", "a"], catch_exceptions=False)


def test_a_table_is_printed_whole_as_csv(run: Path) -> None:
    rows = pd.read_parquet(RunFolder(run).table("requests"))
    read = list(csv.DictReader(io.StringIO(came_of("report", str(run), "--csv", "requests"))))
    assert [row["nonce"] for row in read] == rows["nonce"].tolist()


def test_another_run_is_put_beside_it_on_a_page_of_its_own_that_leads_to_both(run: Path) -> None:
    report = (run / "report.html").read_bytes()
    assert came_of("report", str(run), "--beside", str(SAMPLE)).strip().endswith("beside.html")
    html = (run / "beside.html").read_text()
    assert 'href="report.html"' in html
    (other,) = {part.split('"')[0] for part in html.split('href="')[1:] if "sample" in part.split('"')[0]}
    assert (run / other).resolve() == (SAMPLE / "report.html").resolve()
    assert (run / "report.html").read_bytes() == report
