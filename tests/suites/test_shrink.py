"""A scenario that failed is made as small as still fails: what is needed stays, what does nothing goes, and chance is not shrunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness.interfaces.cli import app
from harness.interfaces.shown import left_lines, shrunk_lines
from harness.judging.result import Outcome
from harness.planning.plan import Plan
from harness.prepare import Asked, Prepared, prepare
from harness.problems import UsageProblems
from harness.reading.load_hosts import load_hosts
from harness.stored import Run, load
from harness.suites.shrink import Shrinking, Smaller, carry_out, read, shrinking, with_phase
from harness.suites.validating import validate_file
from suites.pretence import HELD, RATIO, Pretence

SCENARIO, TARGET = Path("region-loss.yaml"), Path("targets/fragile.yaml")
FAULTS = """\
faults:
  - {kind: regional_loss, region: east, mode: blackhole, at: fault}
  - {kind: latency, on: {kind: provider}, base: 20ms, at: fault}
  - {kind: http_error, on: {kind: provider, region: west}, status: 503, share: 0.3, at: fault}
"""
LOSS, SLOW, ERRORS = "regional_loss-1", "latency-2", "http_error-3"
Fails = Callable[[Plan, int], bool]


def faults_of(plan: Plan) -> set[str]:
    return {disturbance.of for disturbance in plan.disturbances}


class World:
    """Runs that nobody makes; *fails* says of each by its plan and its number whether its good ratio is too low."""

    def __init__(self, fails: Fails, otherwise: Outcome = "pass") -> None:
        self._fails, self._otherwise, self._now = fails, otherwise, False
        self._numbers = count()
        self.made: list[Prepared] = []
        self.pretence = Pretence(Path("out"), self._came_to, self._measured)
        # Each run has a folder of its own, also where a search is gone on with.
        self.pretence.made += [("", "")] * len(list(Path().glob("out/*/*/*/*/history.jsonl")))

    def __call__(self, prepared: Prepared, into: Path) -> Run:
        self._now = self._fails(prepared.plan, next(self._numbers))
        self.made.append(prepared)
        return self.pretence(prepared, into)

    def _came_to(self, _scenario: str, _target: str) -> Outcome:
        return "fail" if self._now else self._otherwise

    def _measured(self, _number: int, _prepared: Prepared) -> dict[str, float]:
        return {**HELD, RATIO: 0.5 if self._now else 0.98}


@pytest.fixture
def failed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """The folder of a run of three faults that came to this."""
    monkeypatch.chdir(folder)
    # A run of which nobody stored the rows cannot be judged anew.
    monkeypatch.setattr("harness.suites.shrink.what_if", lambda path, _expected, say: load(path))
    text = SCENARIO.read_text()
    old = text[text.index("faults:") : text.index("good:")]
    SCENARIO.write_text(text.replace(old, FAULTS))

    def run(fails: bool = True, *, with_faults: bool = True) -> Path:
        prepared = prepare(SCENARIO, TARGET, Asked(with_faults=with_faults), {}, starts=False)
        return World(lambda _plan, _number: fails)(prepared, Path("before") / str(fails)).path

    return run


@pytest.fixture
def shrink(failed: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Smaller, World]]:
    def shrinks(
        fails: Fails, *, resume: bool = False, otherwise: Outcome = "pass", faults_alone: bool = True, **keys: Any
    ) -> tuple[Smaller, World]:
        if faults_alone:
            monkeypatch.setattr("harness.suites.shrink._bounded", lambda made: made)
        at = next(iter(Path("before/True").glob("*/*")), None) or failed()
        world = World(fails, otherwise)
        made = shrinking(at, {}, force=True, **{"trials": 2, **keys})
        return carry_out(made, Path("out"), world, resume=resume), world

    return shrinks


def both(plan: Plan, _number: int) -> bool:
    return {LOSS, ERRORS} <= faults_of(plan)


def test_a_fault_that_is_needed_with_another_stays_and_one_that_does_nothing_goes(shrink) -> None:
    found, world = shrink(both, trials=3)
    assert found.shrunk.found.faults == (LOSS, ERRORS)
    assert (found.verdict, found.exit_status) == ("pass", 0)
    assert len(world.made) <= found.shrunk.runs_most
    gate = f"harness run region-loss.shrunk.yaml --target {TARGET} --trials 3"
    assert f"as a gate: {gate}" in list(shrunk_lines(found.shrunk))
    text = Path("region-loss.shrunk.yaml").read_text()
    assert "#   - {kind: latency" in text
    assert "broken in 3 of 3 trials, so at 95 % it is in at least 37 % of runs" in text
    assert validate_file(Path("region-loss.shrunk.yaml"), TARGET).ok
    plan = prepare(Path("region-loss.shrunk.yaml"), TARGET, Asked(), None).plan
    assert faults_of(plan) == {LOSS, ERRORS}
    assert [str(one) for one in plan.expectations] == [RATIO]


def test_phases_and_rate_are_as_small_as_still_fails_and_no_smaller_than_can_be_judged(shrink) -> None:
    def fails(plan: Plan, _number: int) -> bool:
        lasts = plan.phase("fault")
        return LOSS in faults_of(plan) and lasts.end_s - lasts.start_s >= 6 and plan.scenario.load.rate_per_s >= 10

    found, _ = shrink(fails, trials=1, runs_most=99, faults_alone=False)
    left, whole = found.shrunk.found, found.shrunk.whole
    assert 6 <= left.phases["fault"] <= 7
    assert 10 <= left.rate_per_s <= 11
    assert left.phases["warmup"] == whole.phases["warmup"]
    assert sum(left.phases.values()) < sum(whole.phases.values())
    text = Path("region-loss.shrunk.yaml").read_text()
    assert "fault was 15s" in text
    assert "20 requests a second were sent" in text


def test_what_fails_by_chance_is_not_shrunk_to_nothing(shrink) -> None:
    found, world = shrink(lambda _plan, number: number % 2 == 0, trials=3)
    assert (found.verdict, found.exit_status, found.file) == ("inconclusive", 3, None)
    assert "does not fail each time" in found.shrunk.reason
    assert len(world.made) == 2
    assert not Path("region-loss.shrunk.yaml").exists()


def test_a_whole_whose_trial_could_not_be_trusted_is_not_said_to_fail_by_chance(shrink) -> None:
    found, world = shrink(lambda _plan, number: number == 0, trials=3, otherwise="invalid")
    # Trial 2, and in each of two rounds trial 3 with one more in its place.
    assert (found.verdict, found.exit_status, found.file, len(world.made)) == ("inconclusive", 3, None, 5)
    assert "trial 3 of it could not be trusted, and --resume makes it again" in found.shrunk.reason
    assert "by chance" not in found.shrunk.reason
    again, world = shrink(lambda _plan, _number: True, trials=3, resume=True)
    assert (again.path, again.verdict) == (found.path, "pass")


def test_a_whole_whose_trial_could_not_be_settled_is_not_said_to_fail_by_chance(
    shrink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.suites.shrink._holds", lambda _run, _expectations: False)
    found, world = shrink(lambda _plan, number: number == 0, trials=3, otherwise="inconclusive")
    assert (found.verdict, found.exit_status, found.file, len(world.made)) == ("inconclusive", 3, None, 3)
    assert "trial 3 of it came to inconclusive; let it send more requests, or last longer" in found.shrunk.reason
    assert "by chance" not in found.shrunk.reason


def test_a_trial_that_could_not_be_settled_is_made_again_when_the_search_is_gone_on_with(
    shrink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.suites.shrink._holds", lambda _run, _expectations: False)
    shrink(lambda _plan, number: number == 0, trials=3, otherwise="inconclusive")
    again, world = shrink(lambda _plan, _number: True, trials=3, resume=True)
    assert (again.verdict, again.shrunk.found.faults) == ("pass", ())
    assert again.shrunk.steps[0].came_to == "fails"
    # The run that is shrunk and trial 2 stand, trial 3 is made anew; and three trials with nothing broken.
    assert len(world.made) == 4


def test_what_is_not_known_is_tried_again_once_all_else_is_known(shrink) -> None:
    """The first runs without the latency cannot be trusted, and later ones can."""
    seen: list[set[str]] = []

    def fails(plan: Plan, _number: int) -> bool:
        seen.append(faults_of(plan))
        return {LOSS, ERRORS} <= faults_of(plan) and (SLOW in faults_of(plan) or seen.count({LOSS, ERRORS}) > 2)

    found, world = shrink(fails, trials=1, otherwise="invalid")
    assert found.shrunk.found.faults == (LOSS, ERRORS)
    told = [(step.what, step.came_to) for step in found.shrunk.steps if set(step.candidate.faults) == {LOSS, ERRORS}]
    assert [came_to for _, came_to in told] == ["not settled", "fails"]
    assert told[1][0].endswith(" again")
    assert len(world.made) <= found.shrunk.runs_most


def test_what_stays_unknown_is_not_taken_for_what_does_not_fail_and_is_said(shrink) -> None:
    found, world = shrink(both, trials=1, otherwise="invalid")
    assert (found.verdict, found.exit_status, found.shrunk.found.faults) == ("inconclusive", 3, (LOSS, ERRORS))
    assert "is not known" in found.shrunk.reason
    assert "--resume makes them once more" in found.shrunk.reason
    text = Path("region-loss.shrunk.yaml").read_text()
    assert "Not as small as it may get: what is left fails in 1 of 1 trials" in text
    assert validate_file(Path("region-loss.shrunk.yaml"), TARGET).ok
    made = len(world.made)
    known, further = shrink(both, trials=1, resume=True)
    assert (known.verdict, known.shrunk.found.faults) == ("pass", (LOSS, ERRORS))
    assert 0 < len(further.made) < made


def test_a_second_round_that_is_cut_short_leaves_what_the_first_one_found(shrink) -> None:
    whole, world = shrink(both, trials=1, otherwise="invalid")
    for most in (len(world.made) - 1, len(world.made) - 3):
        found, _ = shrink(both, trials=1, otherwise="invalid", runs_most=most)
        assert found.shrunk.found.faults == (LOSS, ERRORS)
        assert "are used up" in found.shrunk.reason
    assert whole.shrunk.found.faults == (LOSS, ERRORS)


def test_a_candidate_that_fails_but_for_one_trial_is_not_taken(shrink) -> None:
    """Without the loss it fails two times of three, which would be enough for who asks once."""
    seen: dict[frozenset[str], int] = {}

    def fails(plan: Plan, _number: int) -> bool:
        faults = frozenset(faults_of(plan))
        seen[faults] = seen.get(faults, 0) + 1
        return LOSS in faults or seen[faults] % 3 != 0

    found, _ = shrink(fails, trials=3)
    assert found.shrunk.found.faults == (LOSS,)


@pytest.mark.parametrize("otherwise", ["invalid", "inconclusive"])
def test_what_cannot_be_trusted_or_settled_is_no_failure(shrink, otherwise: Outcome) -> None:
    found, _ = shrink(both, otherwise=otherwise)
    assert found.shrunk.found.faults == (LOSS, ERRORS)
    came_to = {step.came_to for step in found.shrunk.steps}
    assert "fails" in came_to
    assert ("not settled" in came_to) == (otherwise == "invalid")


def test_the_run_that_failed_stands_for_a_trial_and_what_was_made_is_not_made_again(shrink) -> None:
    whole, before = shrink(both, trials=1)
    assert len(whole.runs) == len(before.made) + 1
    again, made = shrink(both, trials=1, resume=True)
    assert (again.path, len(made.made)) == (whole.path, 0)
    assert again.shrunk.found == whole.shrunk.found


def test_no_more_runs_are_made_than_allowed_and_the_smallest_so_far_is_written_and_gone_on_with(shrink) -> None:
    found, world = shrink(both, trials=1, runs_most=2)
    assert (len(world.made), found.verdict, found.exit_status) == (2, "inconclusive", 3)
    assert "Not as small as it may get" in Path("region-loss.shrunk.yaml").read_text()
    assert any(
        line.startswith("go on: harness shrink ") and line.endswith(" --resume") for line in shrunk_lines(found.shrunk)
    )
    more, further = shrink(both, trials=1, resume=True)
    assert more.verdict == "pass"
    assert len(further.made) > 0
    assert read(more.path) == more.shrunk


def test_files_that_it_names_are_found_from_wherever_it_is_written_and_a_recorded_curve_is_left_out(
    shrink,
) -> None:
    Path("curve.csv").write_text("second,requests,failed\n" + "".join(f"{at},20,0\n" for at in range(50)))
    SCENARIO.write_text(SCENARIO.read_text() + "recorded: curve.csv\n")
    Path("elsewhere").mkdir()
    found, _ = shrink(both, trials=1, to=Path("elsewhere/small.yaml"))
    assert found.shrunk.found.faults == (LOSS, ERRORS)
    assert "recorded:" not in Path("elsewhere/small.yaml").read_text()
    assert validate_file(Path("elsewhere/small.yaml"), TARGET).ok


def test_a_run_that_breaks_down_ends_it_and_nothing_is_written(shrink) -> None:
    found, world = shrink(lambda _plan, number: number < 1, otherwise="crashed")
    assert (found.verdict, found.exit_status, len(world.made)) == ("crashed", 70, 2)
    assert found.file is None


def test_where_it_fails_with_nothing_broken_no_fault_is_left(shrink) -> None:
    found, _ = shrink(lambda _plan, _number: True)
    assert found.shrunk.found.faults == ()
    assert validate_file(Path("region-loss.shrunk.yaml"), TARGET).ok


def test_a_run_that_passed_and_an_expectation_that_held_are_refused_with_one_line(failed) -> None:
    with pytest.raises(UsageProblems, match="came to pass, so no expectation was broken"):
        shrinking(failed(fails=False), {})
    with pytest.raises(UsageProblems, match=f"was not broken in this run; known: {RATIO}"):
        shrinking(failed(), {}, expect="failover_time_s <= 5")


def test_each_run_of_a_search_asks_for_the_workers_of_other_machines_that_the_search_was_given(failed) -> None:
    hosts = load_hosts(2, None, "5min")
    run = failed()
    made: Shrinking = shrinking(run, {}, hosts=hosts)
    smaller = made.at(made.whole.model_copy(update={"faults": made.whole.faults[:1]}))
    for one in (made.prepared, smaller):
        assert (one.asked.hosts, one.plan.scenario.load.workers) == (hosts, 2)
    for words in (made.replay, " ".join(made.with_options)):
        assert "--load-hosts 2" in words
    assert "--load-hosts" not in shrinking(run, {}).replay


def test_a_load_that_was_recorded_stays_and_its_rate_is_its_own(failed, folder: Path) -> None:
    text = SCENARIO.read_text()
    (folder / "due.csv").write_text("due_s\n" + "".join(f"{n / 10:.1f}\n" for n in range(500)))
    SCENARIO.write_text(text.replace("rate_per_s: 20,", "shape: {trace: due.csv},"))
    made = shrinking(failed(), {})
    assert made.told()[0].endswith(", 50 s, a load that stays, since it is not of one rate")
    assert (made.whole.rate_per_s, made.lowest_per_s) == (10, 0)
    assert [*left_lines(made.whole, made.whole)][-1] == "  rate        10 a second, as before"


def test_what_it_may_cost_is_said_first_and_where_it_is_much_nothing_begins_without_consent(
    failed, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = failed()
    made: Shrinking = shrinking(run, {})
    assert made.told()[0].endswith(", 20 a second")
    assert f"at most {made.runs_at_most} runs" in made.told()[-1]
    assert made.runs_at_most == made.runs_most
    waiting = replace(made, expectations=("recovery_time_s <= 5",))
    with pytest.raises(UsageProblems, match="52 are needed to show how good the service is when it is well"):
        waiting.at(with_phase(made.whole, "baseline", 1.0))
    assert all(made.shortest[name] < lasts_s for name, lasts_s in made.whole.phases.items() if name != "warmup")
    asked = ["shrink", str(run)]
    monkeypatch.setattr("harness.suites.shrink._bounded", lambda made: made)
    with pytest.raises(UsageProblems, match=r"it may take .*; say --yes, or fewer runs with --runs-max"):
        CliRunner().invoke(app, asked, catch_exceptions=False)
    Path("region-loss.shrunk.yaml").write_text("mine")
    with pytest.raises(UsageProblems, match="is there already; say --force"):
        CliRunner().invoke(app, asked, catch_exceptions=False)


def test_what_failed_with_nothing_broken_is_made_smaller_with_nothing_broken(failed) -> None:
    made = shrinking(failed(with_faults=False), {}, trials=2)
    smaller = made.whole.model_copy(update={"rate_per_s": made.whole.rate_per_s / 2})
    assert made.at(smaller).plan.disturbances == ()


def test_an_invalid_run_is_made_again_only_where_one_more_may_be(shrink) -> None:
    found, world = shrink(lambda _plan, _number: False, otherwise="invalid", runs_most=1)
    assert len(world.made) == 1
    assert found.verdict == "inconclusive"


def test_where_it_is_to_be_written_is_looked_at_before_any_run(failed) -> None:
    with pytest.raises(UsageProblems, match="its folder is not there"):
        shrinking(failed(), {}, to=Path("nowhere") / "x.yaml")
