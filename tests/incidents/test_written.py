"""The scenario that logs become: it validates as it is, keeps the load, is shortened as asked, and is written over by nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from incidents.synthetic import START_S, Stretch, csv_file, made

import harness
from harness.incidents.calls import hashed
from harness.incidents.imported import LoadAs
from harness.interfaces.cli import main
from harness.planning.plan import Plan
from harness.reading.traces import read as read_trace

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "scenarios" / "logs" / "provider-outage.csv"
COLUMNS = {"start": "ts", "duration_ms": "took_ms", "status": "code"}
TARGET = ROOT / "scenarios" / "targets" / "resilient.yaml"
SHAPES = {
    "whole": [Stretch(40), Stretch(70, {"503": 0.5}), Stretch(120)],
    "no baseline": [Stretch(30, {"503": 0.5}), Stretch(80)],
    "no recovery": [Stretch(40), Stretch(60, {"503": 0.5})],
    "even": [Stretch(40)],
    "blip": [Stretch(40), Stretch(41.5, {"503": 1.0}), Stretch(90)],
}


def planned(path: Path) -> Plan:
    assert harness.validate(path, target=TARGET).problems == ()
    return harness.plan(path, target=TARGET)


CASES: list[tuple[str, float, LoadAs]] = [
    *((shape, 1, "trace") for shape in SHAPES),
    ("no baseline", 10, "shape"),
    ("whole", 10, "trace"),
]


@pytest.mark.parametrize(("shape", "compress", "load"), CASES)
def test_what_is_written_can_be_run_as_it_is(tmp_path: Path, shape: str, compress: float, load: LoadAs) -> None:
    out = tmp_path / "incident.yaml"
    log = csv_file(tmp_path / "log.csv", made(SHAPES[shape], 12))
    harness.import_(log, out=out, compress=compress, load=load)
    plan = planned(out)
    assert plan.scenario.phases["baseline"] >= 12
    assert plan.scenario.phases["recovery"] >= 30


def test_each_request_is_due_when_it_came(tmp_path: Path) -> None:
    calls = made(SHAPES["whole"], 12)
    harness.import_(csv_file(tmp_path / "log.csv", calls), out=tmp_path / "i.yaml")
    truth = np.array([one.at_s for one in calls])
    assert read_trace(tmp_path / "i.trace.csv").at_s == pytest.approx(truth - truth[0], abs=0.002)


def test_a_shortened_incident_keeps_its_rates_and_says_what_does_not_shrink(tmp_path: Path) -> None:
    log = csv_file(tmp_path / "log.csv", made([Stretch(900), Stretch(1500, {"503": 0.5}), Stretch(2400)], 8))
    found = harness.import_(log, out=tmp_path / "i.yaml", compress=20)
    phases = yaml.safe_load(found.scenario)["phases"]
    assert float(phases["outage"].removesuffix("s")) == pytest.approx(30, abs=0.2)
    due = read_trace(tmp_path / "i.trace.csv").at_s
    assert due.size / found.course.length_s == pytest.approx(8, rel=0.15)
    assert "time-outs" in found.scenario
    planned(tmp_path / "i.yaml")


def test_nothing_is_written_over_unless_it_is_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "i.yaml"
    (tmp_path / "i.questions.yaml").write_text("mine")
    with pytest.raises(harness.UsageProblems, match="is there already"):
        harness.import_(SAMPLE, columns=COLUMNS, out=out)
    assert not out.exists()
    assert harness.import_(SAMPLE, columns=COLUMNS, out=out, force=True).phases[2].name == "outage"


def test_what_was_asked_is_asked_again_only_with_prompts(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("start,status,prompt\n" + "".join(f"{START_S + n},200,how old am I {n % 3}\n" for n in range(60)))
    harness.import_(log, out=tmp_path / "without.yaml")
    assert "how old" not in "".join(path.read_text() for path in tmp_path.glob("without*"))
    harness.import_(log, out=tmp_path / "with.yaml", with_prompts=True)
    assert "how old am I 2" in (tmp_path / "with.questions.yaml").read_text()
    assert (tmp_path / "with.trace.csv").read_text().splitlines()[0] == "due_s,question"
    planned(tmp_path / "with.yaml")


def test_a_good_answer_may_take_as_long_as_while_all_was_well_and_not_as_in_the_outage(tmp_path: Path) -> None:
    slow = [Stretch(30), Stretch(90, {"503": 0.1}, 9_000.0), Stretch(120)]
    assert "within:" not in harness.import_(csv_file(tmp_path / "log.csv", made(slow, 12))).scenario
    always = [Stretch(120, {}, 9_000.0)]
    assert "within:" in harness.import_(csv_file(tmp_path / "log.csv", made(always, 12))).scenario


@pytest.mark.parametrize("shape", ["no baseline", "no recovery"])
def test_what_is_made_up_of_a_log_with_few_requests_has_some_all_the_same(tmp_path: Path, shape: str) -> None:
    stretches = [one._replace(end_s=30 * one.end_s) for one in SHAPES[shape]]
    found = harness.import_(csv_file(tmp_path / "log.csv", made(stretches, 0.06)), out=tmp_path / "i.yaml")
    due_s, ends = found.course.due_s, np.cumsum([0.0, *(one.span_s for one in found.course.stretches)])
    counts = np.histogram(due_s, ends)[0]
    made_up = [count for one, count in zip(found.course.stretches, counts, strict=True) if one.made_up_s]
    assert made_up
    assert min(made_up) >= 4
    planned(tmp_path / "i.yaml")


def test_conversations_are_numbered_as_they_begin_whatever_the_process(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    names = ["zoe", "", "adam", "zoe", "mia", "adam"]
    rows = [f"{START_S + n},200,{names[n % 6]}{n // 6 if names[n % 6] else ''}\n" for n in range(60)]
    log.write_text("".join(["start,status,conversation\n", *rows]))
    harness.import_(log, out=tmp_path / "i.yaml")
    written = [line.split(",")[1] for line in (tmp_path / "i.trace.csv").read_text().splitlines()[1:]]
    assert written[:12] == ["c1", "", "c2", "c1", "c3", "c2", "c4", "", "c5", "c4", "c6", "c5"]
    assert hashed("zoe") == 1152324927826477082


def test_questions_are_named_as_the_scenario_sees_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = "schema: harness.questions/1\nquestions: [{id: a, text: How?}]\n"
    (tmp_path / "ours.yaml").write_text(asked)
    log = csv_file(tmp_path / "log.csv", made(SHAPES["whole"], 12))
    harness.import_(log, out="sub/deep/i.yaml", questions="ours.yaml")
    assert yaml.safe_load((tmp_path / "sub/deep/i.yaml").read_text())["load"]["questions"] == "../../ours.yaml"
    planned(tmp_path / "sub/deep/i.yaml")
    harness.import_(log, out="i.yaml", questions=str(tmp_path / "ours.yaml"))
    planned(tmp_path / "i.yaml")


def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["harness", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_a_dry_run_draws_what_was_found_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    columns = [word for what, name in COLUMNS.items() for word in ("--column", f"{what}={name}")]
    status, out, _ = said(capsys, monkeypatch, "import", str(SAMPLE), *columns, "--dry-run")
    assert status == 0
    assert [
        word for word in ("baseline", "onset", "outage", "return", "recovery", "requests a second") if word not in out
    ] == []
    assert list(tmp_path.iterdir()) == []
    assert "Columns that are read: " in out
    assert "start=ts" in out
    assert "rows: " in out
    assert "Every call in it failed" not in out
    picture = out.split("\n\n")[1].splitlines()
    assert max(map(len, picture)) <= 80
    monkeypatch.setenv("COLUMNS", "50")
    _, narrow, _ = said(capsys, monkeypatch, "import", str(SAMPLE), *columns, "--dry-run")
    assert max(map(len, narrow.split("\n\n")[1].splitlines())) <= 50


def test_of_a_log_of_errors_alone_it_is_told_that_shares_are_of_the_failures(tmp_path: Path) -> None:
    log = csv_file(tmp_path / "log.csv", made([Stretch(60, {"503": 0.6, "timeout": 0.4})], 12))
    assert "Every call in it failed" in harness.import_(log).scenario


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--as", "otpl"], "did you mean 'otlp'"),
        (["--zone", "Mars"], "no time zone 'Mars'"),
        (["--compress", "0.5"], "--compress"),
        (["--out", "x.json"], ".yaml"),
        (["--load", "no"], "trace or shape"),
        (["--questions", "none.yaml"], "none.yaml --questions: there is no such file"),
        (["--column", "start"], "WHAT=NAME"),
        (["--link", "a=b c"], "name of a link"),
    ],
)
def test_what_is_wrong_with_what_was_asked_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = said(capsys, monkeypatch, "import", str(SAMPLE), *words)
    assert (status, len(err.splitlines())) == (2, 1)
    assert told in err
