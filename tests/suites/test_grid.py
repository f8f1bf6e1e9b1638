"""Every scenario on every target: what is run, what is not run again, what the scorecard says of it, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

import harness
from harness.judging.result import EXIT_STATUS, Outcome
from harness.judging.scorecard import Scorecard
from harness.prepare import Asked, Prepared
from harness.problems import UsageProblems
from harness.stored import Run
from harness.suites import grid as grids
from harness.suites import preparing
from suites.pretence import Pretence

ROOT = Path(__file__).resolve().parents[2]
LOSS = "region-loss.yaml"


Prepare = Callable[..., list[Prepared]]


@pytest.fixture
def prepare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Prepare:
    """Both scenarios on the targets of these names, or *of* one of them."""
    monkeypatch.chdir(folder)

    def prepared(*targets: str, asked: Asked | None = None, of: str = ".") -> list[Prepared]:
        files = [Path("targets") / f"{name}.yaml" for name in targets or ("fragile", "resilient")]
        return preparing.prepare_all(preparing.scenario_files([Path(of)]), files, asked or Asked(), {})

    return prepared


def named(runs: Sequence[Run]) -> list[tuple[str, str]]:
    return [(run.result.scenario.name, run.result.target.name) for run in runs]


EVERY = [
    ("rate-limit", "fragile"),
    ("rate-limit", "resilient"),
    ("region-loss", "fragile"),
    ("region-loss", "resilient"),
]


def test_a_folder_is_the_scenarios_in_it_and_each_is_run_on_each_target(prepare: Prepare, tmp_path: Path) -> None:
    pretence = Pretence(tmp_path / "out")
    made = grids.carry_out(prepare(), pretence.out, pretence)
    assert pretence.made == named(made.runs) == EVERY
    card = Scorecard.model_validate_json((tmp_path / "out" / "scorecard.json").read_text())
    assert [(cell.situation, cell.system) for cell in card.cells] == EVERY
    assert [situation.name for situation in card.situations] == ["rate-limit", "region-loss"]
    assert all((tmp_path / "out" / cell.folder / "report.html").is_file() for cell in card.cells)
    assert (made.page.is_file(), made.exit_status, card.missing) == (True, 0, 0)
    suites = fromstring((tmp_path / "out" / "junit.xml").read_text()).findall("testsuite")
    assert [suite.attrib["name"] for suite in suites] == [f"{scenario} on {target}" for scenario, target in EVERY]
    links = [suite.find("properties/property[@name='report']").attrib["value"] for suite in suites]
    assert links == [f"{cell.folder}/report.html" for cell in card.cells]


def test_what_has_a_finished_run_of_the_same_inputs_is_not_run_again(prepare: Prepare, tmp_path: Path) -> None:
    pretence, told = Pretence(tmp_path / "out"), list[tuple[str, str]]()
    first = grids.carry_out(prepare(of=LOSS), pretence.out, pretence)
    again = grids.carry_out(
        prepare(of=LOSS), pretence.out, pretence, resume=True, tell=lambda _, run: told.extend(named([run]))
    )
    assert (len(pretence.made), told) == (2, EVERY[2:])
    assert again.scorecard == first.scorecard


def test_a_grid_ends_with_the_run_that_somebody_ordered_to_end(prepare: Prepare, tmp_path: Path) -> None:
    pretence = Pretence(tmp_path / "out", lambda *_: "aborted")
    pretence.stopped = True
    ended = grids.carry_out(prepare(), pretence.out, pretence)
    assert (len(pretence.made), ended.exit_status) == (1, 5)


def test_a_grid_goes_on_where_it_was_stopped(prepare: Prepare, tmp_path: Path) -> None:
    pretence = Pretence(tmp_path / "out", lambda scenario, _: "interrupted" if pretence.stopped else "pass")
    pretence.stopped = True
    stopped = grids.carry_out(prepare(of=LOSS), pretence.out, pretence, resume=True)
    assert (stopped.stopped, stopped.exit_status, stopped.scorecard.missing) == (True, 130, 1)
    pretence.stopped = False
    whole = grids.carry_out(prepare(of=LOSS), pretence.out, pretence, resume=True)
    # What was interrupted is no finished run.
    assert pretence.made == [EVERY[2], EVERY[2], EVERY[3]]
    assert (named(whole.runs), whole.exit_status) == (EVERY[2:], 0)


@pytest.mark.parametrize(
    ("verdict", "again"),
    [("fail", False), ("inconclusive", False), ("aborted", True), ("invalid", True), ("crashed", True)],
)
def test_a_run_that_says_nothing_of_the_service_is_made_again(
    prepare: Prepare, tmp_path: Path, verdict: Outcome, again: bool
) -> None:
    pretence = Pretence(tmp_path / "out", lambda *_: verdict)
    grids.carry_out(prepare("fragile", of=LOSS), pretence.out, pretence)
    grids.carry_out(prepare("fragile", of=LOSS), pretence.out, pretence, resume=True)
    assert len(pretence.made) == (2 if again else 1)


@pytest.mark.parametrize("changed", ["region-loss.yaml", "targets/fragile.yaml", "facts.yaml"])
def test_what_was_made_from_other_files_is_run_again(
    prepare: Prepare, folder: Path, tmp_path: Path, changed: str
) -> None:
    pretence = Pretence(tmp_path / "out")
    grids.carry_out(prepare("fragile", of=LOSS), pretence.out, pretence)
    (folder / changed).write_text((folder / changed).read_text() + "# another\n")
    grids.carry_out(prepare("fragile", of=LOSS), pretence.out, pretence, resume=True)
    assert pretence.made == [EVERY[2]] * 2


@pytest.mark.parametrize(
    "asked",
    [
        Asked(seed=9),
        Asked(overrides=("load.rate_per_s=21",)),
        Asked(expectations=("relapses <= 1",)),
        Asked(with_faults=False),
    ],
    ids=lambda asked: str(asked),
)
def test_what_was_asked_for_otherwise_is_run_again(prepare: Prepare, tmp_path: Path, asked: Asked) -> None:
    pretence = Pretence(tmp_path / "out")
    grids.carry_out(prepare("fragile", of=LOSS), pretence.out, pretence)
    grids.carry_out(prepare("fragile", asked=asked, of=LOSS), pretence.out, pretence, resume=True)
    grids.carry_out(prepare("fragile", asked=asked, of=LOSS), pretence.out, pretence, resume=True)
    assert len(pretence.made) == 2


def test_the_newest_of_several_finished_runs_stands_for_the_cell(prepare: Prepare, tmp_path: Path) -> None:
    pretence = Pretence(tmp_path / "out")
    for _ in range(2):
        grids.carry_out(prepare("fragile", of=LOSS), pretence.out, pretence)
    made = grids.carry_out(prepare("fragile", of=LOSS), pretence.out, pretence, resume=True)
    assert [run.path.name for run in made.runs] == ["20261126-120002-fragile"]


def test_a_run_that_is_damaged_is_no_finished_one(prepare: Prepare, tmp_path: Path) -> None:
    pretence = Pretence(tmp_path / "out")
    made = grids.carry_out(prepare("fragile", of=LOSS), pretence.out, pretence)
    (made.runs[0].path / "result.json").write_text("{")
    grids.carry_out(prepare("fragile", of=LOSS), pretence.out, pretence, resume=True)
    assert pretence.made == [EVERY[2]] * 2


def test_of_one_target_everything_is_run_anew_and_of_several_nothing_twice_unless_it_is_said() -> None:
    assert [grids.resumes(None, targets) for targets in ((), ("a",), ("a", "b"))] == [False, False, True]
    assert (grids.resumes(True, ("a",)), grids.resumes(False, ("a", "b"))) == (True, False)


def test_the_status_is_that_of_the_worst_cell(prepare: Prepare, tmp_path: Path) -> None:
    pretence = Pretence(tmp_path / "out", lambda scenario, target: "fail" if (scenario, target) == EVERY[2] else "pass")
    assert grids.carry_out(prepare(of=LOSS), pretence.out, pretence).exit_status == EXIT_STATUS["fail"]


def test_a_folder_without_a_scenario_and_two_targets_of_one_name_are_refused(prepare: Prepare, folder: Path) -> None:
    with pytest.raises(UsageProblems, match=r"targets: no scenario lies in this folder"):
        preparing.scenario_files([Path("targets")])
    (folder / "targets" / "other.yaml").write_text((folder / "targets" / "fragile.yaml").read_text())
    with pytest.raises(UsageProblems, match=r"other.yaml name: is called 'fragile', as targets/fragile.yaml is"):
        prepare("fragile", "other")


def test_python_runs_a_grid_by_the_same_rules_as_the_command_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretence = Pretence(tmp_path / "out")
    monkeypatch.setattr("harness.api.conduct", lambda prepared, **_: pretence(prepared))
    targets = [folder / "targets" / "fragile.yaml", folder / "targets" / "resilient.yaml"]
    made = [harness.grid(folder / LOSS, targets=targets, out=pretence.out) for _ in range(2)]
    assert pretence.made == EVERY[2:]
    assert made[0].scorecard == made[1].scorecard
    assert harness.grid([folder / LOSS], targets=targets[0], out=pretence.out).runs[0].path.is_dir()
    assert len(pretence.made) == 3
