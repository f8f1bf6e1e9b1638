"""A package of somebody else's adds a fault kind, a metric, a protocol, a dialect and a section of the report by its metadata alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FAULTS = '''
from typing import Literal
from harness.faults.effects import Toxic
from harness.faults.base import Aimed, every_probe, faults

class DialUp(Aimed):
    """Everything sent over a link comes at most at a rate."""
    kind: Literal["dial_up"] = "dial_up"
    kilobytes_per_s: int
    def effects(self, links):
        return tuple(Toxic(link, "bandwidth", "upstream", {"rate": self.kilobytes_per_s}) for link in links)
    def took_hold(self, looked):
        return every_probe(looked, {"answered", "silent"})
    def summary(self):
        return f"dial_up {self.kilobytes_per_s} kB/s on {self.on}"

faults.add("dial_up", DialUp)
'''
METRICS = '''
from harness.judging.metrics.base import Metric, metrics
from harness.judging.scoring.shares import exact

class Answers(Metric):
    """How many requests were answered completely; exact."""
    name = "answers"
    unit = "answers"
    broken_first = 1
    def measure(self, sample, part=None):
        rows = sample.requests
        return exact(int((rows["outcome"] == "complete").sum()), len(rows))

metrics.add("answers", Answers())
'''
PROTOCOLS = '''
from harness.protocols.protocols import PROTOCOLS, JsonAsk

class Shout(JsonAsk):
    """As json, but louder."""

PROTOCOLS.add("shout", Shout())
'''
SECTIONS = """
from markupsafe import Markup
from harness.report.sections import sections

def section(result, evidence):
    return Markup("<section><h2>Of the line</h2><p>{} requests</p></section>").format(len(evidence.requests))

sections.add("line", section)
"""
DIALECTS = '''
from harness.dialects import Dialect, Word, dialects

class House(Dialect):
    """The API of one house alone."""
    codes = {"gone_home": Word(503, "gone", "Nobody is in.")}
    def document(self, word, on):
        return {"why": self.message(word, on)}

dialects.add("house", House())
'''
PLACES = """
from harness.running.world.places import Place, places
places.add("rack", Place)
"""
EDGE_RULES = """
from harness.running.wire.edge.rules import edge_rules
edge_rules.add("of_the_line", object)
"""
DIAGNOSES = """
from harness.judging.diagnoses import diagnoses
diagnoses.add("of_the_line", object())
"""
KNOWN = """
from harness.judging.diagnoses import diagnoses
from harness.running.wire.edge.rules import edge_rules
from harness.running.world.places import places
print("rack" in places, "of_the_line" in edge_rules, "of_the_line" in diagnoses)
"""
TABLES = {
    "places": PLACES,
    "edge_rules": EDGE_RULES,
    "dialects": DIALECTS,
    "faults": FAULTS,
    "metrics": METRICS,
    "protocols": PROTOCOLS,
    "sections": SECTIONS,
}
SCENARIO = """\
schema: harness.scenario/1
name: slow-line
load: {questions: facts.yaml}
phases: {baseline: 5s, fault: 5s, recovery: 5s}
faults: [{kind: dial_up, on: {kind: provider}, kilobytes_per_s: 2}]
expect: [answers >= 100 in fault]
"""


ONE_BY_ONE = """
import contextlib, json, sys
from harness.interfaces.cli import main
for sys.argv in json.loads(sys.argv[1]):
    with contextlib.suppress(SystemExit):
        main()
"""


def _python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    return subprocess.run(
        [sys.executable, "-c", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def _harness(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return _python(folder, "from harness.interfaces.cli import main; main()", *words)


def _one_by_one(folder: Path, *commands: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """All *commands* in one process, where what is installed is loaded once."""
    return _python(folder, ONE_BY_ONE, json.dumps([["harness", *command] for command in commands]))


def _installed(folder: Path, **tables: str) -> None:
    metadata = folder / "line-0.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: line\nVersion: 0.1\n")
    tables = tables or TABLES
    for table, text in tables.items():
        (folder / f"line_{table}.py").write_text(text)
    points = "".join(f"{table} = line_{table}\n" for table in tables)
    (metadata / "entry_points.txt").write_text(f"[harness]\n{points}")


@pytest.fixture(scope="module")
def judged_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample run with one more expectation, which is broken, judged where that package is installed."""
    folder = tmp_path_factory.mktemp("third-party")
    _installed(folder)
    run = Path(shutil.copytree(ROOT / "reports" / "sample", folder / "run"))
    scenario = run / "scenario.yaml"
    scenario.write_text(scenario.read_text().replace("expect:\n", "expect:\n  - answers <= 3 in fault\n"))
    _harness(folder, "judge", "run")
    return run


def test_a_third_partys_places_rules_and_diagnoses_are_loaded_where_its_metadata_names_them(tmp_path: Path) -> None:
    def known() -> str:
        ended = _python(tmp_path, KNOWN)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    assert known() == "False False False"
    _installed(tmp_path, **TABLES, diagnoses=DIAGNOSES)
    assert known() == "True True True"


def test_a_third_partys_fault_and_metric_can_be_listed_and_planned(tmp_path: Path) -> None:
    _installed(tmp_path)
    (tmp_path / "slow-line.yaml").write_text(SCENARIO)
    (tmp_path / "facts.yaml").symlink_to(ROOT / "scenarios" / "questions" / "facts.yaml")
    target = str(ROOT / "scenarios" / "targets" / "resilient.yaml")
    ended = _one_by_one(
        tmp_path,
        *(("list", what) for what in ("faults", "metrics", "apis")),
        ("plan", "slow-line.yaml", "--target", target),
    )
    assert "Everything sent over a link comes at most at a rate." in ended.stdout
    assert "How many requests were answered completely; exact." in ended.stdout
    assert "The API of one house alone. Codes: gone_home." in ended.stdout
    assert "inject dial_up 2 kB/s on kind provider" in ended.stdout, ended.stderr


def test_without_that_package_its_names_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "slow-line.yaml").write_text(SCENARIO)
    (tmp_path / "facts.yaml").symlink_to(ROOT / "scenarios" / "questions" / "facts.yaml")
    ended = _harness(tmp_path, "validate", "slow-line.yaml")
    assert ended.returncode == 2
    assert "unknown fault kind 'dial_up'" in ended.stderr


def test_a_third_partys_metric_has_a_finding_a_card_and_a_sentence_in_the_headline(judged_again: Path) -> None:
    result = json.loads((judged_again / "result.json").read_text())
    (finding,) = [finding for finding in result["findings"] if finding["metric"] == "answers"]
    assert (finding["verdict"], finding["phase"]) == ("fail", "fault")
    assert list(result["metrics"]["answers"]["by"]["phase"]) == ["warmup", "baseline", "fault", "recovery"]
    page = (judged_again / "report.html").read_text()
    assert "<h2>Answers</h2>" in page
    assert "how many requests were answered completely; exact, in the fault" in page
    assert "id: answers" not in page


def test_a_third_partys_broken_metric_is_told_of_first_where_it_says_that_it_is_felt_first(judged_again: Path) -> None:
    metrics = json.loads((judged_again / "result.json").read_text())["metrics"]
    value = metrics["answers"]["by"]["phase"]["fault"]["value"]
    said = (judged_again / "summary.md").read_text()
    assert f"Answers during the fault was {value:.0f}; it should be at most 3." in said


def test_a_third_partys_section_stands_in_the_report(judged_again: Path) -> None:
    assert "<h2>Of the line</h2><p>1000 requests</p>" in (judged_again / "report.html").read_text()


def test_a_third_partys_protocol_can_be_asked_with(tmp_path: Path) -> None:
    target = (ROOT / "scenarios" / "targets" / "template.yaml").read_text()
    (tmp_path / "target.yaml").write_text(re.sub(r"protocol: [a-z-]+", "protocol: shout", target, count=1))
    without = _harness(tmp_path, "validate", "target.yaml")
    assert "unknown ask protocol 'shout'" in without.stderr
    _installed(tmp_path)
    assert "shout" not in _harness(tmp_path, "validate", "target.yaml").stderr
