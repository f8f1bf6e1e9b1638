"""The search for a capacity: one run a rate, with nothing broken, and what they come to together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result as Ended
from rich.console import Console
from typer.testing import CliRunner

from harness.interfaces.cli import app
from harness.interfaces.shown import CapacityShown, capacity_lines
from harness.interval import Interval
from harness.judging.capacity.capacity import Capacity, suggested_per_s
from harness.judging.capacity.rate import PHASE, Objective, Shown
from harness.judging.capacity.search import CameTo
from harness.judging.result import Doubt, Outcome
from harness.prepare import Asked, Prepared
from harness.problems import UsageProblems
from harness.settings import Settings
from harness.stored import Run
from harness.suites import again, capacity
from harness.suites.capacity import Searched, Sought, sought, span_s
from harness.suites.folder import holds_several
from suites.pretence import Pretence

TARGET = Path("targets/resilient.yaml")
MOST = 48.0


def per_s_of(run: Run) -> float:
    """The rate that was tried in a stored run that nobody made."""
    begun = json.loads((run.path / "history.jsonl").read_text().splitlines()[0])
    return float(next(one.split("=")[1] for one in begun["overrides"] if one.startswith("load.rate_per_s=")))


def up_to(most_per_s: float) -> Callable[[Run, Objective], Shown]:
    def look(run: Run, asked: Objective) -> Shown:
        kept = per_s_of(run) <= most_per_s
        return Shown("kept up" if kept else "fell behind", "so it was", Interval(1.0, 0.97, 1.0, 200))

    return look


@pytest.fixture
def seek(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sought]:
    monkeypatch.chdir(folder)

    def seeking(within: float = 1.5, **keys: Any) -> Sought:
        made = sought(TARGET, keys.pop("scenario", Path("region-loss.yaml")), Asked(), {}, **keys)
        return replace(made, search=replace(made.search, within=within))

    return seeking


def carry(
    seeking: Sought, folder: Path, most_per_s: float = MOST, comes_to: Outcome = "pass", *, resume: bool = False
) -> tuple[Searched, Pretence]:
    pretence = Pretence(folder / "out", lambda *_: comes_to, lambda *_: {})
    return capacity.carry_out(seeking, folder / "out", pretence, resume=resume, look=up_to(most_per_s)), pretence


def test_every_rate_is_tried_in_a_run_of_its_own_in_which_nothing_is_broken(seek: Callable[..., Sought]) -> None:
    plan = seek().at(40.0, 0).plan
    assert plan.disturbances == ()
    assert plan.schedule.per_s_at(plan.phase(PHASE).start_s) == 40.0
    assert plan.schedule.per_s_at(plan.phase("baseline").start_s) == 10.0
    assert plan.phase(PHASE).end_s - plan.phase(PHASE).start_s == 10.0
    assert [str(one) for one in plan.expectations] == [f"good_ratio >= 0.95 in {PHASE}"]


def test_a_rate_is_tried_longer_where_little_is_due_where_nearly_all_has_to_be_good_and_the_second_time() -> None:
    assert span_s(100, 0, 0.95) == 10
    assert span_s(1, 0, 0.95) > 73
    assert span_s(100, 0, 0.99) > 380 / 20
    assert span_s(100, 1, 0.95) == 30
    assert span_s(1000, 0, 0.95) == 10


def test_the_second_time_has_another_seed(seek: Callable[..., Sought]) -> None:
    assert seek().at(40.0, 0).plan.seed != seek().at(40.0, 1).plan.seed


def test_the_capacity_lies_between_two_rates_and_is_stored_for_machines_and_people(
    seek: Callable[..., Sought], tmp_path: Path
) -> None:
    searched, _ = carry(seek(within=1.1), tmp_path)
    said = searched.capacity
    assert said.low is not None
    assert said.high is not None
    assert said.low <= MOST < said.high <= 1.1 * said.low
    assert (said.verdict, searched.exit_status, said.sure) == ("pass", 0, True)
    assert said.reason.startswith("resilient keeps 95 % of answers good within 4 s up to a rate between 4")
    assert Capacity.model_validate_json((searched.path / "capacity.json").read_text()) == said
    page = searched.page.read_text()
    assert all(f"{one.folder}/report.html" in page for one in said.rates)
    assert "load.rate_per_s: 2" in page
    assert "| requests a second |" in (searched.path / "summary.md").read_text()


@pytest.mark.parametrize("comes_to", ["interrupted", "crashed", "aborted", "pass"])
def test_what_was_ended_before_its_time_says_how_to_go_on(
    seek: Callable[..., Sought], tmp_path: Path, comes_to: Outcome
) -> None:
    searched, _ = carry(seek(), tmp_path, comes_to=comes_to)
    told = [line for line in capacity_lines(searched.capacity) if line.startswith("go on with it: ")]
    assert told == [f"go on with it: {searched.capacity.replay}"][: comes_to != "pass"]
    assert searched.capacity.replay.endswith(" --resume")


@pytest.mark.parametrize(("comes_to", "told"), [("fail", True), ("pass", False)])
def test_who_is_good_at_no_rate_is_told_of_early(
    seek: Callable[..., Sought], folder: Path, capsys: pytest.CaptureFixture[str], comes_to: Outcome, told: bool
) -> None:
    pretence = Pretence(folder / "out", lambda *_: comes_to, lambda *_: {})
    shown = CapacityShown(Console(width=300), quiet=False)
    look = up_to(0.0 if told else MOST)
    searched = capacity.carry_out(seek(), folder / "out", pretence, shown, look=look)
    tries = re.split(r"^rate \d+: ", capsys.readouterr().out, flags=re.MULTILINE)[1:]
    rates = [said.split("/s")[0] for said in tries]
    third = rates.index([*dict.fromkeys(rates)][2])
    assert ["not good at any rate so far, " in said for said in tries[: third + 1]] == [*[False] * third, told]
    assert ("so it was" in searched.capacity.reason) == told


@pytest.mark.parametrize(
    ("at_least", "verdict", "status"), [(30.0, "pass", 0), (60.0, "fail", 1), (48.5, "inconclusive", 3)]
)
def test_what_has_to_be_kept_up_with_is_held_against_the_interval(
    seek: Callable[..., Sought], tmp_path: Path, at_least: float, verdict: str, status: int
) -> None:
    seeking = seek(within=1.1, at_least=at_least)
    searched, _ = carry(replace(seeking, search=replace(seeking.search, first_per_s=12.0)), tmp_path)
    assert (searched.verdict, searched.exit_status) == (verdict, status), searched.capacity.reason


@pytest.mark.parametrize(("below", "least"), [("fell behind", "was tried"), ("untrusted", "could be told")])
def test_a_service_that_keeps_up_with_nothing_is_told_the_least_rate_of_which_that_is_known(
    seek: Callable[..., Sought], tmp_path: Path, below: CameTo, least: str
) -> None:
    def look(run: Run, asked: Objective) -> Shown:
        return Shown("fell behind" if per_s_of(run) >= 4 else below, "so it was", Interval(0.1, 0.0, 0.2, 200))

    seeking = seek()
    pretence = Pretence(tmp_path / "out", lambda *_: "pass", lambda *_: {})
    searched = capacity.carry_out(
        replace(seeking, search=replace(seeking.search, first_per_s=4.0)), tmp_path / "out", pretence, look=look
    )
    said = searched.capacity
    assert (said.low, said.verdict) == (None, "inconclusive")
    assert said.reason.endswith(f"requests a second, the least that {least}: so it was")


def test_what_was_tried_is_not_tried_again_when_it_is_gone_on_with(seek: Callable[..., Sought], tmp_path: Path) -> None:
    whole, before = carry(seek(), tmp_path)
    resumed, made = carry(seek(), tmp_path, resume=True)
    assert resumed.path == whole.path
    assert len(made.made) == 0 < len(before.made)
    assert resumed.capacity == whole.capacity


@pytest.mark.parametrize("comes_to", ["crashed", "aborted", "interrupted"])
def test_a_run_that_breaks_down_ends_the_search(seek: Callable[..., Sought], tmp_path: Path, comes_to: Outcome) -> None:
    searched, pretence = carry(seek(), tmp_path, comes_to=comes_to)
    assert len(pretence.made) == 1
    assert searched.verdict == comes_to


def test_a_doubt_that_no_rate_would_mend_ends_it_as_invalid(seek: Callable[..., Sought], tmp_path: Path) -> None:
    pretence = Pretence(tmp_path / "out", lambda *_: "invalid", lambda *_: {})

    def run(prepared: Prepared, into: Path) -> Run:
        made = pretence(prepared, into)
        doubts = [Doubt(kind="wire", said="the wire broke")]
        return replace(made, result=made.result.model_copy(update={"doubts": doubts}))

    searched = capacity.carry_out(seek(), tmp_path / "out", run, look=up_to(MOST))
    assert (searched.verdict, len(pretence.made)) == ("invalid", 1)
    assert "the wire broke" in searched.capacity.reason


def test_what_was_found_can_be_judged_again(
    seek: Callable[..., Sought], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched, _ = carry(seek(), tmp_path)
    assert holds_several(searched.path)
    monkeypatch.setattr("harness.suites.again.judge_run", lambda path, say: searched.runs[0])
    monkeypatch.setattr("harness.suites.capacity.look", lambda run, asked: Shown("fell behind", "by today's rules"))
    judged = again.judge(searched.path, print)
    assert isinstance(judged, Capacity)
    assert (judged.low, judged.verdict) == (None, "inconclusive")


@pytest.mark.parametrize(
    ("low", "entries", "rate"), [(48.0, 2, 24.0), (48.0, 1, 24.0), (48.0, 3, 32.0), (0.77, 2, 0.38)]
)
def test_a_scenario_should_send_what_is_carried_when_one_entry_is_lost(low: float, entries: int, rate: float) -> None:
    assert suggested_per_s(low, entries) == rate
    assert suggested_per_s(None, entries) is None


@pytest.mark.parametrize("option", ["at_least", "most_per_s"])
@pytest.mark.parametrize("rate", [0.0, -1.0, 1e6, float("nan")])
def test_a_rate_that_is_none_is_refused_with_what_would_be_one(
    seek: Callable[..., Sought], option: str, rate: float
) -> None:
    with pytest.raises(UsageProblems, match="should be a rate from above 0 to 20,000 a second"):
        seek(**{option: rate})


def test_a_rate_that_is_never_sent_is_not_asked_for(seek: Callable[..., Sought]) -> None:
    with pytest.raises(UsageProblems, match="5 a second can never be shown, since no more than 1 are sent"):
        seek(at_least=5.0, most_per_s=1.0)


def test_without_a_scenario_a_few_questions_of_our_own_are_asked(seek: Callable[..., Sought]) -> None:
    seeking = seek(scenario=None)
    assert seeking.first.plan.scenario.name == "even-load"
    assert len(seeking.first.questions.value.questions) > 5


@pytest.fixture
def harness(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    monkeypatch.chdir(folder)
    pretence = Pretence(folder / "reports")

    def conduct(prepared: Prepared, _settings: Settings, into: Path, **_: object) -> Run:
        return pretence(prepared, into)

    monkeypatch.setattr("harness.interfaces.running.conduct", conduct)
    monkeypatch.setattr("harness.judging.capacity.rate.shown", lambda *_: Shown("kept up", "all were good"))
    return lambda *words: CliRunner().invoke(app, words)


def test_the_command_shows_every_rate_and_what_a_scenario_should_send(harness: Callable[..., Ended]) -> None:
    ended = harness("capacity", str(TARGET), "--scenario", "region-loss.yaml", "--most", "80")
    assert ended.exit_code == 0, ended.output
    assert "rate 1: 20/s on resilient" in ended.output
    assert (
        "resilient keeps 95 % of answers good within 4 s at 80 requests a second, the most that was tried"
        in ended.output
    )
    assert "For a scenario: load.rate_per_s: 40, or less" in ended.output
    (document,) = Path("reports").glob("capacity-of-resilient/*/capacity.json")
    replay = json.loads(document.read_text())["replay"].split()
    assert replay[:7] == ["harness", "capacity", str(TARGET), "--scenario", "region-loss.yaml", "--most", "80"]
    made = harness(*replay[1:])
    assert made.exit_code == 0, made.output
    assert "80/s (made before)" in made.output


def test_the_document_alone_is_printed_for_programs(harness: Callable[..., Ended]) -> None:
    ended = harness("capacity", str(TARGET), "--most", "8", "--json")
    assert json.loads(ended.stdout)["schema"] == "harness.capacity/1"


def test_no_capacity_is_searched_for_by_a_load_that_the_harness_does_not_send() -> None:
    scenarios = Path(__file__).resolve().parents[2] / "scenarios"
    watched, used = scenarios / "watched" / "slow-provider.yaml", scenarios / "targets" / "used.yaml"
    with pytest.raises(UsageProblems, match=r"load: is the service's own traffic, and a capacity is searched"):
        sought(used, watched, Asked(), {})


def test_no_capacity_is_searched_for_by_the_users_of_a_locustfile(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text("from locust import HttpUser\n")
    scenario = tmp_path / "closed.yaml"
    scenario_folder = Path(__file__).resolve().parents[2] / "scenarios"
    text = (scenario_folder / "region-loss.yaml").read_text()
    scenario.write_text(re.sub(r"load: .*", "load: {locustfile: users.py, users: 3}", text))
    with pytest.raises(UsageProblems, match=r"closed\.yaml:9 load: is of a locustfile, whose users decide"):
        sought(scenario_folder / "targets" / "resilient.yaml", scenario, Asked(), {})
