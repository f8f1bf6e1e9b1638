"""Published incidents: each says what happened and where that stands, can be run, and tells a service that holds from one that does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import incident_list
import pytest
from concluded import concluded
from simulated_world import Fragile, Resilient, carried, simulate

from harness.interfaces.listing import listed_incidents, told
from harness.prepare import Asked, prepare, validate
from harness.running import loop

SCENARIOS = incident_list.ROOT / "scenarios"
PATHS = sorted(incident_list.FOLDER.glob("*.yaml"))
EVERY = sorted(incident_list.incidents())
VERDICTS = {"fragile": (Fragile, "fail"), "resilient": (Resilient, "pass")}
LONGEST_S = 60


def plan_of(path: Path, target: str = "fragile"):
    return prepare(path, SCENARIOS / "targets" / f"{target}.yaml", Asked(), None).plan


def test_there_are_a_dozen() -> None:
    assert len(PATHS) >= 12


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_each_can_be_run_and_is_short(path: Path) -> None:
    target = "resilient" if path in PATHS else f"{path.parent.name}-resilient"
    assert validate(path, SCENARIOS / "targets" / f"{target}.yaml").problems == ()
    made = plan_of(path, target)
    assert made.total_s <= LONGEST_S
    assert made.scenario.name == path.stem


@pytest.mark.parametrize("path", [path for path in PATHS if carried(plan_of(path))], ids=lambda path: path.stem)
@pytest.mark.parametrize("service", VERDICTS)
def test_it_tells_a_service_that_holds_from_one_that_does_not(path: Path, service: str) -> None:
    kind, verdict = VERDICTS[service]
    result = concluded(simulate(replace(plan_of(path, service), seed=1), kind, 1, loop.run))
    assert result.verdict == verdict, result.reason


def test_the_list_has_each_by_its_mechanism() -> None:
    listed = listed_incidents(SCENARIOS)
    assert {Path(path) for path, _ in listed} == set(EVERY)
    assert [about for _, about in listed] == sorted(about for _, about in listed)


def test_what_is_no_incident_or_cannot_be_read_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text((SCENARIOS / "region-loss.yaml").read_text())
    (tmp_path / "broken.yaml").write_text(PATHS[0].read_text().replace("mechanism:", "mechanisms:"))
    assert listed_incidents(tmp_path) == []


def test_one_is_told_of_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(incident_list.ROOT)
    path = "scenarios/incidents/cloudflare-2025-11-18.yaml"
    (line,) = told("incidents", path)
    assert line.startswith(f"{path}  flapping, 2025-11-18: ")


def test_the_page_says_what_the_files_say() -> None:
    page = incident_list.PAGE.read_text()
    assert page == incident_list.renewed(page), "write it anew: python tests/incident_list.py"


@pytest.mark.parametrize(
    ("was", "becomes", "what"),
    [
        ("date: 2025-11-18", "date: last November", "incident.date"),
        ('["https://blog', '["blog', "incident.sources[0]"),
        ("  mechanism: flapping\n", "", "incident.mechanism"),
        ("  asks:", "  ask:", "did you mean 'asks'?"),
    ],
)
def test_what_is_wrong_with_one_is_told_with_its_line(tmp_path: Path, was: str, becomes: str, what: str) -> None:
    text = (incident_list.FOLDER / "cloudflare-2025-11-18.yaml").read_text()
    assert was in text
    path = tmp_path / "incident.yaml"
    path.write_text(text.replace(was, becomes))
    assert any(what in str(problem) and problem.line for problem in validate(path).problems)
