"""Trials: in which order and how often runs are made, what they come to together, and where that is written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from harness.judging import gate as judging
from harness.judging.gate import Gate, TrialRun, Tried
from harness.judging.result import Outcome, Result
from harness.judging.scorecard import Scorecard
from harness.prepare import Asked, Prepared
from harness.problems import HarnessError, RefusedError, UsageProblems
from harness.reading.suite import Budget, Policy
from harness.report.gate import lines
from harness.stored import Run
from harness.suites import again, gate
from harness.suites.asking import wanted
from harness.suites.gate import Gated
from harness.suites.series import Made
from harness.suites.spending import Spending, cost_of_rows
from harness.suites.turns import Turn, salted
from harness.suites.wanted import Wanted
from suites.pretence import HELD, RATIO, SAMPLE, Pretence, found_as


def held(number: int, _prepared: Prepared) -> dict[str, float]:
    """Every expectation holds in each run, by a little more or less."""
    return {text: value * (1 + 0.002 * (number % 3)) for text, value in HELD.items()}


class Listener:
    """Hears what begins and what ends."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []
        self.ended_as: list[Made] = []

    def begins(self, turn: Turn, again: int) -> None:
        self.begun.append((turn.trial, again))

    def ended(self, made: Made) -> None:
        self.ended_as.append(made)


Ask = Callable[..., Wanted]


@pytest.fixture
def ask(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """So many trials of one scenario on the targets of these names, the files of which lie in this folder."""
    monkeypatch.chdir(folder)

    def asked(
        trials: int | None = 3, targets: Sequence[str] = ("resilient",), of: str = "region-loss.yaml", asked: Asked = Asked(),  # noqa: B008
        **keys: object,
    ) -> Wanted:  # fmt: skip
        files = [Path("targets") / f"{name}.yaml" for name in targets]
        return replace(wanted([Path(of)], files, asked, {}, trials), **keys)  # type: ignore[arg-type]  # each of its own type

    return asked


def in_turn(*verdicts: Outcome) -> Callable[[str, str], Outcome]:
    """One verdict after the other, whatever is run; the last stays."""
    left = list(verdicts)
    return lambda _scenario, _target: left.pop(0) if len(left) > 1 else left[0]


def pretended(
    folder: Path,
    comes_to: Callable[[str, str], Outcome] = lambda _scenario, _target: "pass",
    measures: Callable[[int, Prepared], dict[str, float]] = held,
) -> Pretence:
    return Pretence(folder / "out", comes_to, measures)


def carry(
    asked: Wanted, pretence: Pretence, *, resume: bool = False, spending: Spending | None = None
) -> tuple[Gated, Listener]:
    listener = Listener()
    return gate.carry_out(asked, pretence.out, pretence, listener, spending, resume=resume), listener


def test_each_trial_is_a_run_with_a_seed_of_its_own_in_one_folder(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path)
    gated, _ = carry(ask(), pretence)
    assert pretence.seeds == [salted(1, trial) for trial in (1, 2, 3)]
    assert gated.path.parent == tmp_path / "out" / "region-loss"
    assert [run.path.parent.parent for run in gated.runs] == [gated.path] * 3
    (cell,) = gated.gate.cells
    assert [(run.trial, run.seed) for run in cell.runs] == list(enumerate(pretence.seeds, start=1))
    assert all((gated.path / run.folder / "report.html").is_file() for run in cell.runs)
    assert (cell.planned, cell.counted) == (3, 3)


def test_what_it_came_to_is_stored_for_machines_people_and_ci(ask: Ask, tmp_path: Path) -> None:
    gated, _ = carry(ask(), pretended(tmp_path))
    assert Gate.model_validate_json((gated.path / "gate.json").read_text()) == gated.gate
    assert gate.read(gated.path) == gated.gate
    assert RATIO in (gated.path / "summary.md").read_text()
    page = gated.page.read_text()
    assert "region-loss" in page
    assert all(f"limit {limit}</text>" in page for limit in ("0.90", "1.50 ×", "5 s"))
    assert all(f'<a href="{name}">' in page for name in ("gate.json", "junit.xml", "summary.md"))
    suite = ElementTree.parse(gated.path / "junit.xml").getroot()
    cases = suite.findall("testsuite/testcase")
    # A test keeps its history when its limit is moved.
    assert [case.attrib["name"] for case in cases] == [
        "good_ratio in fault", "retry_amplification in fault", "failover_time_s", "recovery_time_s"
    ]  # fmt: skip
    assert all(float(case.attrib["time"]) > 0 and case.attrib["file"] for case in cases)


@pytest.mark.parametrize("named", [("p-1", "p-1", "p-2"), ("p-1", "p-1", "p-1")])
def test_a_prompt_that_changed_between_trials_is_told_and_changes_no_verdict(
    ask: Ask, tmp_path: Path, named: tuple[str, ...]
) -> None:
    pretence, versions = pretended(tmp_path), iter(named)

    def run(prepared: Prepared, into: Path) -> Run:
        made = pretence(prepared, into)
        return replace(made, result=made.result.model_copy(update={"prompt_versions": [next(versions)]}))

    gated = gate.carry_out(ask(), pretence.out, run, Listener())
    told = ["prompt version: 'p-1' in trials 1 and 2, 'p-2' in trial 3"] if "p-2" in named else []
    assert (gated.verdict, gated.gate.cells[0].unequal) == ("pass", told)
    for said in ((gated.path / "summary.md").read_text(), gated.page.read_text()):
        assert ("Not equal: prompt version" in said) == bool(told)
    assert [line for line in lines(gated.gate) if "not equal" in line] == [f"  not equal: {one}" for one in told]


def test_trials_of_several_targets_are_interleaved(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path)
    gated, _ = carry(ask(2, ("fragile", "resilient")), pretence)
    assert [target for _, target in pretence.made] == ["fragile", "resilient", "fragile", "resilient"]
    assert [cell.system for cell in gated.gate.cells] == ["fragile", "resilient"]


def test_a_run_that_cannot_be_trusted_is_made_again_and_shown_and_does_not_count(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path, in_turn("pass", "invalid", "pass"))
    gated, heard = carry(ask(), pretence)
    assert heard.begun == [(1, 0), (2, 0), (2, 1), (3, 0)]
    assert pretence.seeds[1] == pretence.seeds[2]
    (cell,) = gated.gate.cells
    assert [(run.trial, run.again, run.verdict) for run in cell.runs] == [
        (1, 0, "pass"),
        (2, 0, "invalid"),
        (2, 1, "pass"),
        (3, 0, "pass"),
    ]
    assert (cell.counted, gated.verdict) == (3, "pass")


@pytest.mark.parametrize(("reruns", "made"), [(0, 3), (2, 9)])
def test_what_is_never_trusted_is_invalid_and_never_a_failure(ask: Ask, tmp_path: Path, reruns: int, made: int) -> None:
    pretence = pretended(tmp_path, in_turn("invalid"))
    gated, _ = carry(ask(policy=Policy(reruns=reruns)), pretence)
    assert (len(pretence.made), gated.verdict, gated.exit_status) == (made, "invalid", 4)
    suite = ElementTree.parse(gated.path / "junit.xml").getroot()
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "1")


def test_a_run_that_broke_down_ends_the_trials(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path, in_turn("pass", "crashed"))
    gated, _ = carry(ask(), pretence)
    assert (len(pretence.made), gated.verdict, gated.exit_status) == (2, "crashed", 70)
    assert gated.gate.reason.startswith("Trial 2: ")


def test_trials_go_on_where_they_were_stopped(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path, in_turn("pass", "interrupted", "pass"))
    first, _ = carry(ask(), pretence)
    assert (first.verdict, len(first.runs)) == ("interrupted", 2)
    again, heard = carry(ask(), pretence, resume=True)
    assert again.path == first.path
    assert heard.begun == [(2, 0), (3, 0)]
    assert [made.found for made in heard.ended_as] == [True, False, False]
    assert again.verdict == "pass"


def test_more_trials_of_the_same_go_on_with_those_that_there_are(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path, in_turn("pass", "pass", "interrupted", "pass"))
    carry(ask(4), pretence)
    more, heard = carry(ask(8), pretence, resume=True)
    (cell,) = more.gate.cells
    assert heard.begun[0] == (3, 0)
    assert [(one.planned, one.counted) for one in cell.looked] == [(4, 2)]
    assert (cell.counted, more.verdict) == (2 + len(heard.begun), "pass")


def test_trials_that_were_all_looked_at_have_used_up_the_error_rate(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path, measures=lambda number, one: (broken if number == 2 else held)(number, one))
    first, _ = carry(ask(2), pretence)
    assert first.verdict == "inconclusive"
    with pytest.raises(UsageProblems, match=r"the error rate of 0\.05 is used up.* begin anew, without --resume"):
        carry(ask(6), pretence, resume=True)
    assert len(pretence.made) == 2
    more, heard = carry(ask(6, policy=Policy(error_rate=0.1)), pretence, resume=True)
    assert (more.path, heard.begun[0]) == (first.path, (3, 0))
    assert "2 trials had been looked at when 2 were to be made" in (more.path / "summary.md").read_text()
    assert [(one.planned, one.counted, one.error_rate) for one in more.gate.cells[0].looked] == [(2, 2, 0.05)]
    same, _ = carry(ask(6, policy=Policy(error_rate=0.1)), pretence, resume=True)
    assert same.gate.cells[0].looked == more.gate.cells[0].looked


def test_what_was_asked_for_otherwise_is_begun_anew(ask: Ask, folder: Path, tmp_path: Path) -> None:
    pretence = pretended(tmp_path)
    first, _ = carry(ask(2), pretence)
    other, _ = carry(ask(2, asked=Asked(seed=9)), pretence, resume=True)
    anew, _ = carry(ask(2), pretence)
    assert len({first.path, other.path, anew.path}) == 3
    assert len(pretence.made) == 6


def test_a_scenario_says_how_many_trials_it_has_and_the_command_line_may_say_otherwise(ask: Ask, folder: Path) -> None:
    path = folder / "region-loss.yaml"
    assert ask(None).as_one is False
    path.write_text(path.read_text() + "trials: 4\n")
    assert [(cell.trials, one.as_one) for one in (ask(None), ask(2), ask(1)) for cell in one.cells] == [
        (4, True),
        (2, True),
        (1, False),
    ]


def test_no_run_is_begun_that_might_go_over_the_time(ask: Ask, tmp_path: Path) -> None:
    asked = ask()
    takes_s = asked.cells[0].prepared.plan.ends_s + 10
    now = [0.0]
    pretence = pretended(tmp_path)

    def slow(prepared: Prepared, into: Path) -> object:
        now[0] += takes_s
        return pretence(prepared, into)

    budget = Budget.model_validate({"time": f"{2.5 * takes_s}s"})
    spending = Spending(budget, lambda: now[0])
    gated = gate.carry_out(replace(asked, budget=budget), pretence.out, slow, Listener(), spending)  # type: ignore[arg-type]  # a run
    assert len(pretence.made) == 2
    assert now[0] <= 2.5 * takes_s
    assert gated.gate.ended.startswith("trial 3 of region-loss on resilient may take")
    assert "It ended before its time" in (gated.path / "summary.md").read_text()


def test_no_run_is_begun_that_might_cost_too_much(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path)
    budget = Budget(money=2.5)
    gated, _ = carry(ask(budget=budget), pretence, spending=Spending(budget, costs=lambda _: 1.0))
    assert len(pretence.made) == 2
    assert "may cost 1, and 2 of the budget of 2.5 are spent" in gated.gate.ended


def test_what_was_spent_before_trials_were_stopped_is_spent(ask: Ask, tmp_path: Path) -> None:
    budget = Budget(money=3.5)
    pretence = pretended(tmp_path, in_turn("pass", "invalid", "interrupted", "pass"))
    carry(ask(6, budget=budget), pretence, spending=Spending(budget, costs=lambda _: 1.0))
    assert len(pretence.made) == 3
    # One of the three counts, and each was paid for.
    again, _ = carry(ask(6, budget=budget), pretence, resume=True, spending=Spending(budget, costs=lambda _: 1.0))
    assert len(pretence.made) == 3
    assert "3 of the budget of 3.5 are spent" in again.gate.ended


def test_what_a_run_cost_is_told_by_its_attempts_and_the_prices_of_its_target(ask: Ask, folder: Path) -> None:
    target = folder / "targets" / "resilient.yaml"
    priced = "prices: {small: {in: 1, out: 10}, large: {in: 2, out: 20}}\n"
    target.write_text(target.read_text() + priced)
    rows = pd.DataFrame(
        [
            ("provider-east", "small", "answered", 1_000_000, 100_000),
            ("provider-east", "nobody-knows", "answered", 0, 100_000),
            ("provider-east", "small", "answered_by_fault", 1_000_000, 100_000),
            ("provider-east", "small", "cut", None, None),
        ],
        columns=["link", "model", "outcome", "tokens_in", "tokens_out"],
    )
    assert cost_of_rows(ask().cells[0].prepared.target.value, rows) == pytest.approx(1 + 1 + 2)
    assert cost_of_rows(ask().cells[0].prepared.target.value, rows[["link", "outcome"]]) == 0


def test_how_long_it_still_takes_is_told_by_what_runs_took(ask: Ask) -> None:
    plan, now = ask().cells[0].prepared.plan, [0.0]
    spending = Spending(clock=lambda: now[0])
    before = spending.left_s([plan, plan])

    def slow() -> object:
        now[0] += plan.total_s + 30
        return None

    spending.on(ask().cells[0].prepared, slow)  # type: ignore[arg-type]  # nobody looks at it
    assert spending.left_s([plan, plan]) == pytest.approx(2 * plan.total_s + 60)
    assert before < spending.left_s([plan, plan])


def test_the_first_line_of_what_is_stored_says_what_it_is(ask: Ask, tmp_path: Path) -> None:
    gated, _ = carry(ask(2), pretended(tmp_path))
    assert json.loads((gated.path / "gate.json").read_text())["schema"] == "harness.gate/1"


def broken(number: int, prepared: Prepared) -> dict[str, float]:
    return held(number, prepared) | {"retry_amplification <= 1.5 in fault": 2.2 + 0.01 * (number % 3)}


def test_what_is_broken_in_every_trial_is_red_before_all_are_made(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path, in_turn("fail"), broken)
    gated, _ = carry(ask(8), pretence)
    (cell,) = gated.gate.cells
    assert (gated.verdict, gated.exit_status, cell.because) == ("fail", 1, "red")
    assert len(pretence.made) < 8
    assert [one.expectation for one in cell.expectations if one.verdict == "fail"] == [
        "retry_amplification <= 1.5 in fault"
    ]
    assert gated.gate.reason.startswith("retry_amplification <= 1.5 in fault is broken: it was 2.2")
    assert "clear that something is broken" in gated.page.read_text()


def test_what_holds_in_every_trial_is_green_before_all_are_made(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path)
    gated, _ = carry(ask(20), pretence)
    assert (gated.verdict, gated.gate.cells[0].because) == ("pass", "green")
    assert len(pretence.made) < 20
    assert all(one.detectable.value is not None for one in gated.gate.cells[0].expectations)


def test_all_trials_are_made_where_nobody_wants_an_early_end(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path)
    carry(ask(6, policy=Policy(early=False)), pretence)
    assert len(pretence.made) == 6


def test_one_unlucky_run_is_no_failure(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(
        tmp_path, in_turn("pass", "fail", "pass"), lambda number, one: (broken if number == 2 else held)(number, one)
    )
    gated, _ = carry(ask(3), pretence)
    assert (gated.verdict, gated.exit_status) == ("inconclusive", 3)
    assert "is not settled" in gated.gate.reason


def test_a_suite_may_fail_on_what_is_not_settled(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path, measures=lambda number, one: (broken if number == 2 else held)(number, one))
    gated, _ = carry(ask(3, policy=Policy(fail_on=["fail", "inconclusive"])), pretence)
    assert (gated.verdict, gated.exit_status) == ("inconclusive", 1)
    suite = ElementTree.parse(gated.path / "junit.xml").getroot()
    assert int(suite.attrib["failures"]) >= 1


def found(expectation: str, *values: float) -> tuple[TrialRun, ...]:
    """A trial for each of *values* of one expectation; all others hold."""
    sample = json.loads((SAMPLE / "result.json").read_text())
    return tuple(
        TrialRun(
            trial,
            0,
            "",
            Result.model_validate(
                sample
                | {"findings": [found_as(finding, {**HELD, expectation: value}) for finding in sample["findings"]]}
            ),
        )
        for trial, value in enumerate(values, start=1)
    )


LATE = "recovery_time_s <= 5"


def test_a_red_of_many_cells_has_to_be_clearer_than_that_of_one(ask: Ask) -> None:
    tried = Tried("a", "b", 3, found(LATE, 6.2, 6.5, 6.8))
    verdicts = {cells: stands.verdict for cells in (1, 1000) if (stands := judging.standing(tried, Policy(), cells))}
    assert verdicts == {1: "fail", 1000: "inconclusive"}


def test_a_green_of_many_cells_is_as_easy_as_that_of_one_since_all_have_to_hold(ask: Ask) -> None:
    tried = Tried("a", "b", 3, found(LATE, 1.0, 1.1, 1.2))
    told = [judging.standing(tried, Policy(), cells) for cells in (1, 20, 1000)]
    assert [stands and stands.verdict for stands in told] == ["pass"] * 3
    assert len({stands.least_green for stands in told if stands}) == 1


def test_where_each_is_run_once_its_run_tells_and_there_is_a_scorecard(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path, in_turn("fail"), broken)
    pretence.bare = False
    gated, _ = carry(ask(1), pretence)
    (cell,) = gated.gate.cells
    assert (gated.verdict, cell.because, cell.expectations[1].p) == ("fail", "", None)
    card = Scorecard.model_validate_json((gated.path / "scorecard.json").read_text())
    assert [(one.situation, one.verdict) for one in card.cells] == [("region-loss", "fail")]


@pytest.mark.parametrize(
    ("error", "verdict", "status"),
    [
        (RefusedError("target 'resilient' is held by run x of somebody else"), "aborted", 5),
        (HarnessError("Toxiproxy cannot be reached"), "crashed", 70),
    ],
)
def test_what_keeps_the_next_run_from_being_made_is_told_wherever_the_trials_are(
    ask: Ask, tmp_path: Path, error: HarnessError, verdict: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretence = pretended(tmp_path)

    def refused(prepared: Prepared, into: Path) -> object:
        if len(pretence.made) == 1:
            raise error
        return pretence(prepared, into)

    gated = gate.carry_out(ask(3), pretence.out, refused, Listener())  # type: ignore[arg-type]  # a run
    assert (gated.verdict, gated.exit_status, len(gated.runs)) == (verdict, status, 1)
    told = f"The next run was not made: {error}"
    assert gated.gate.reason == told
    assert told in (gated.path / "summary.md").read_text()
    assert str(error).replace("'", "&#39;") in gated.page.read_text()
    problem = (
        ElementTree.parse(gated.path / "junit.xml").getroot().find("testsuite/testcase[@name='the next run']/error")
    )
    assert problem is not None
    assert problem.attrib["message"] == told
    monkeypatch.setattr(
        again, "judge_run", lambda path, **_: next(run for run in gated.runs if run.path == path.resolve())
    )
    assert again.judge(gated.path, print) == gated.gate


def test_where_not_even_the_first_run_can_be_made_who_asked_hears_it_and_the_documents_say_it(
    ask: Ask, tmp_path: Path
) -> None:
    def refused(*_: object) -> object:
        raise RefusedError("target 'resilient' is frozen")

    with pytest.raises(RefusedError, match="is frozen"):
        gate.carry_out(ask(3), tmp_path / "out", refused, Listener())  # type: ignore[arg-type]  # it makes none
    (made,) = (tmp_path / "out" / "region-loss").iterdir()
    assert gate.read(made).reason == "The next run was not made: target 'resilient' is frozen"


def test_a_stop_between_the_first_run_and_the_last_is_told_with_who_asked_for_it(ask: Ask, tmp_path: Path) -> None:
    gated, _ = carry(ask(), pretended(tmp_path, in_turn("pass", "aborted")))
    assert (gated.verdict, gated.exit_status, len(gated.runs)) == ("aborted", 5, 2)
    assert gated.gate.reason.startswith("Trial 2: ")
    for name in ("summary.md", "report.html", "junit.xml"):
        assert "Trial 2: " in (gated.path / name).read_text()


def test_a_reason_says_that_trials_were_lost(ask: Ask, tmp_path: Path) -> None:
    pretence = pretended(tmp_path, in_turn("pass", "invalid", "invalid", "pass"), held)
    gated, _ = carry(ask(2), pretence)
    assert "1 of 2 are made, of 1 no run could be trusted" in gated.gate.reason


def test_trials_are_judged_again_from_what_is_stored(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gated, _ = carry(ask(3), pretended(tmp_path, in_turn("fail"), broken))
    gated.page.unlink()
    monkeypatch.setattr(
        again, "judge_run", lambda path, **_: next(run for run in gated.runs if run.path == path.resolve())
    )
    assert again.judge(gated.path, print) == gated.gate
    assert gated.page.is_file()
