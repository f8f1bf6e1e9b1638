"""What of a game-day file is shown while the day goes on: what is secret stays so until it is over."""

from __future__ import annotations

from pathlib import Path

import pytest
from day_in_memory import SCENARIOS, Written, opened

from harness.gameday.control import HIDDEN, LiveFigures, Person
from harness.gameday.events import Began, Event, Over
from harness.gameday.figures import Figures
from harness.gameday.files import DayFiles, day_files
from harness.gameday.outline import outline
from harness.gameday.shown import agenda, people
from harness.gameday.standing import told
from harness.running.loop import Progress

AT = "2026-11-27T14:00:00+00:00"
AGENDA = f"""agenda:
  - {{id: one, scenario: {SCENARIOS}/region-loss.yaml, secret: true, about: east goes, start: 90min}}
  - {{id: two, manual: fail over, verify: west answers, rollback: fail back}}
"""


@pytest.fixture
def files(written: Written) -> DayFiles:
    return day_files(written("observers: [Edsger]\napprovals: [{by: Ada, of: all of it}]\n", AGENDA), None)


@pytest.mark.parametrize(
    ("events", "tabletop", "hidden"),
    [
        ([], False, True),
        ([Began(at=AT, step="one")], False, True),
        ([Over(at=AT, step="one", outcome="skipped")], False, True),
        ([Began(at=AT, step="one"), Over(at=AT, step="one", outcome="held")], False, False),
        ([], True, True),
        ([Began(at=AT, step="one")], True, False),
    ],
)
def test_a_secret_step_is_hidden_until_it_is_over_and_read_out_on_a_tabletop(
    events: list[Event], tabletop: bool, hidden: bool, files: DayFiles
) -> None:
    one, two = agenda(files, told([opened(files.day, tabletop=tabletop), *events]))
    assert (one.secret, one.title, one.about) == ((True, HIDDEN, "") if hidden else (False, "region-loss", "east goes"))
    assert one.start == "1 h 30 min after the day was opened"
    assert (two.title, two.verify, two.rollback, two.planned_s) == ("fail over", "west answers", "fail back", None)


def test_everybody_is_named_in_each_of_their_roles(files: DayFiles) -> None:
    assert list(people(files.day))[3:] == [Person("Edsger", "observer"), Person("Ada", "approves", "all of it")]


@pytest.mark.parametrize("hidden", [True, False])
def test_figures_of_a_secret_run_name_no_fault_and_no_phase(hidden: bool, files: DayFiles, tmp_path: object) -> None:
    seen = list[LiveFigures | None]()
    plan = files.runs["one"].plan
    with Figures("one", seen.append, plan, files.beside, hidden=hidden, clock=lambda: 0.0) as figures:
        fault = plan.disturbances[0]
        figures.show(Progress(now_s=16.0, active={fault.id: fault}, confirmed={fault.id}))
        figures.show(Progress(now_s=16.1))
    assert len(seen) == 2
    assert seen[0] is not None
    assert seen[1] is None
    assert ("region" in " ".join(seen[0].in_force), seen[0].phase == HIDDEN) == (not hidden, hidden)
    assert (seen[0].confirmed, seen[0].offered_per_s, seen[0].good_per_s) == ((True,), 20.0, None)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("abort: [cost > 5]\n", "money  5 at the worst: each scenario is ended at its own limit"),
        ("", "money  nothing limits what secret step may cost; write abort: [cost > NUMBER]"),
        ("budget: {money: 9}\n", "money  no scenario is begun that might take the day beyond 9"),
    ],
)
def test_a_plan_says_what_the_day_costs_at_the_worst(more: str, line: str, written: Written, tmp_path: Path) -> None:
    target = (SCENARIOS / "targets" / "resilient.yaml").read_text()
    (tmp_path / "priced.yaml").write_text(target + "prices: {small: {in: 1, out: 2}}\n")
    path = written(more, AGENDA)
    path.write_text(path.read_text().replace(f"{SCENARIOS}/targets/resilient.yaml", "priced.yaml"))
    assert line in list(outline(day_files(path, None)))


def test_a_day_without_a_scenario_costs_nothing_of_which_a_plan_would_tell(written: Written) -> None:
    assert not any("money" in line for line in outline(day_files(written("", "agenda: [{discuss: what}]\n"), None)))
