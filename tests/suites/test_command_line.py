"""Trials, suites and comparisons on the command line: what is shown, what is printed for programs, and the status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from harness.interfaces.cli import app
from harness.prepare import Prepared
from harness.reading.load_hosts import LoadHosts
from harness.running.world.load_hosts import Gathering
from harness.settings import Settings
from harness.stored import Run
from suites.pretence import HELD, Pretence

SUITE = """schema: harness.suite/1
name: merge
scenarios: region-loss.yaml
targets: targets/resilient.yaml
trials: 3
"""


def held(number: int, _prepared: Prepared) -> dict[str, float]:
    return {text: value * (1 + 0.002 * (number % 3)) for text, value in HELD.items()}


@pytest.fixture
def harness(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line in a folder of scenarios, where no run is made."""
    monkeypatch.chdir(folder)
    pretence = Pretence(folder / "reports", measures=held)

    def conduct(
        prepared: Prepared, _settings: Settings, into: Path, gathering: Gathering | None = None, **_: object
    ) -> Run:
        assert gathering is not None
        PLACES.append(gathering.place(prepared.asked.hosts))
        return pretence(prepared, into)

    monkeypatch.setattr("harness.running.world.load_hosts.dismiss", lambda *at: DISMISSED.append(at))
    for told in (PLACES, DISMISSED):
        told.clear()

    monkeypatch.setattr("harness.interfaces.running.conduct", conduct)
    (folder / "merge.yaml").write_text(SUITE)
    return lambda *words: CliRunner().invoke(app, words)


PLACES: list[LoadHosts] = []
"""Where workers of other machines come in each of the runs that are made."""
DISMISSED: list[tuple[object, ...]] = []
COMPARE = (
    "compare",
    *(f"targets/{one}.yaml" for one in ("fragile", "resilient")),
    "--scenario",
    "region-loss.yaml",
    "--trials",
    "2",
)
RUN = ("run", "region-loss.yaml", "--target", "targets/resilient.yaml")


def test_trials_say_which_they_are_and_how_long_they_still_take(harness: Callable[..., Result]) -> None:
    ended = harness(*RUN, "--trials", "3")
    assert ended.exit_code == 0
    assert (
        "trial 1 of 3: region-loss on resilient, seed 1, about 56 s; 2 more after it, about 3 min in all"
        in ended.output
    )
    assert "PASS  region-loss over its trials" in ended.output
    assert "3 of 3 trials count" in ended.output
    assert "would have been seen 4 times of 5" in ended.output


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        ((*RUN, "--trials", "3"), 3),
        (("run", "merge.yaml"), 3),
        (COMPARE, 4),
    ],
)
def test_workers_of_other_machines_come_to_one_place_in_each_of_several_runs_and_are_told_of_the_end(
    harness: Callable[..., Result], words: tuple[str, ...], runs: int
) -> None:
    harness(*words, "--load-hosts", "2")
    assert (len(PLACES), len(set(PLACES))) == (runs, 1)
    (at,) = set(PLACES)
    assert (at.many, at.stays_s) == (2, 120.0)
    assert [(at.address, at.port, at.word, 2, 3.0)] == DISMISSED


def test_workers_of_other_machines_do_not_stay_after_a_run_that_is_alone(harness: Callable[..., Result]) -> None:
    harness(*RUN, "--load-hosts", "2")
    assert [(at.many, at.word, at.stays_s) for at in PLACES] == [(2, "", 0.0)]
    assert not DISMISSED


def test_one_trial_is_a_run(harness: Callable[..., Result]) -> None:
    ended = harness(*RUN, "--trials", "1")
    assert "trial" not in ended.output
    assert "region-loss on resilient, seed 1" in ended.output


def test_a_suite_is_run_by_its_name_and_printed_for_programs(harness: Callable[..., Result]) -> None:
    ended = harness("run", "merge.yaml", "--json")
    document = json.loads(ended.stdout)
    assert (document["schema"], document["name"], document["verdict"]) == ("harness.gate/1", "merge", "pass")


def test_two_targets_are_compared_and_printed_for_programs(harness: Callable[..., Result]) -> None:
    words = (
        "compare",
        "targets/fragile.yaml",
        "targets/resilient.yaml",
        "--scenario",
        "region-loss.yaml",
        "--trials",
        "3",
    )
    ended = harness(*words)
    assert ended.exit_code == 0
    assert "region-loss: resilient (head) beside fragile (base)" in ended.output
    assert "same" in ended.output
    document = json.loads(harness(*words, "--json").stdout)
    assert (document["schema"], document["verdict"]) == ("harness.comparison/1", "pass")


def test_a_suite_is_planned_and_validated(harness: Callable[..., Result]) -> None:
    assert harness("plan", "merge.yaml").output.startswith("merge: 3 runs, about 3 min, at most ")
    assert harness("validate", "merge.yaml").output == "merge.yaml: OK\n"


def test_a_folder_of_trials_is_judged_again(harness: Callable[..., Result], folder: Path) -> None:
    harness(*RUN, "--trials", "3")
    (gate,) = folder.glob("reports/region-loss/*")
    refused = harness("judge", str(gate), "--expect", "relapses <= 1")
    assert "is for one run" in str(refused.exception)
