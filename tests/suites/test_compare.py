"""Two things beside one another: in which order they are run, what is not run again, what is refused, and what is written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.judging.result import Outcome
from harness.judging.versus import Comparison
from harness.prepare import Asked, Prepared
from harness.problems import RefusedError, UsageProblems
from harness.record.run_folder import RunFolder
from harness.report.versus import lines
from harness.stored import Run
from harness.suites import again, compare
from harness.suites.compare import Compared, Contest
from harness.suites.contesting import contest
from harness.suites.folder import holds_several
from harness.suites.turns import salted
from suites.pretence import HELD, Pretence

AMPLIFICATION = "retry_amplification in fault"


@pytest.fixture
def ask(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Contest]:
    """The comparison of two targets, or of what lies in folders, in the scenario of this folder."""
    monkeypatch.chdir(folder)

    def asked(
        base: Path = Path("targets/fragile.yaml"),
        head: Path = Path("targets/resilient.yaml"),
        scenario: Path | None = Path("region-loss.yaml"),
        asked: Asked = Asked(),  # noqa: B008 - frozen
        trials: int = 4,
        fail_on: tuple[str, ...] = (),
        force: bool = False,
    ) -> Contest:
        return contest(base, head, scenario, asked, {}, trials=trials, fail_on=fail_on, force=force)

    return asked


def alike(number: int, _prepared: Prepared) -> dict[str, float]:
    """Every run of either comes to the same, give or take."""
    return {text: value * (1 + 0.004 * (number % 3)) for text, value in HELD.items()}


def head_retries_more(number: int, prepared: Prepared) -> dict[str, float]:
    times = 1.6 if prepared.plan.target.name == "resilient" else 1.0
    return alike(number, prepared) | {"retry_amplification <= 1.5 in fault": times * 1.2 * (1 + 0.004 * (number % 3))}


def carry(
    asked: Contest,
    folder: Path,
    measures: Callable[[int, Prepared], dict[str, float]] = alike,
    comes_to: Callable[[str, str], Outcome] = lambda _scenario, _target: "pass",
) -> tuple[Compared, Pretence]:
    pretence = Pretence(folder / "out", comes_to, measures)
    return compare.carry_out(asked, pretence.out, pretence), pretence


Ask = Callable[..., Contest]


def test_both_are_run_in_turns_and_both_of_a_pair_have_one_seed(ask: Ask, tmp_path: Path) -> None:
    made, pretence = carry(ask(trials=2), tmp_path)
    assert [target for _, target in pretence.made] == ["fragile", "resilient", "resilient", "fragile"]
    assert pretence.seeds == [1, 1, salted(1, 2), salted(1, 2)]
    assert [(pair.trial, len(pair.base), len(pair.head)) for pair in made.comparison.pairs] == [(1, 1, 1), (2, 1, 1)]
    assert all(
        (made.path / run.folder / "report.html").is_file() for pair in made.comparison.pairs for run in pair.head
    )


def test_what_is_alike_is_the_same_and_ends_early(ask: Ask, tmp_path: Path) -> None:
    made, pretence = carry(ask(trials=20, fail_on=("worse",)), tmp_path)
    assert {one.state for one in made.comparison.metrics} == {"same"}
    assert (made.verdict, made.exit_status, made.comparison.because) == ("pass", 0, "green")
    assert len(pretence.made) < 40


@pytest.mark.parametrize(("fail_on", "status"), [((), 0), (("worse",), 1)])
def test_what_is_worse_is_told_and_fails_where_it_is_to(
    ask: Ask, tmp_path: Path, fail_on: tuple[str, ...], status: int
) -> None:
    made, _ = carry(ask(trials=5, fail_on=fail_on), tmp_path, head_retries_more)
    states = {one.metric: one.state for one in made.comparison.metrics}
    assert states[AMPLIFICATION] == "worse"
    assert (made.verdict, made.exit_status) == ("fail", status)
    suite = ElementTree.parse(made.path / "junit.xml").getroot()
    assert suite.attrib["failures"] == str(status)
    page = made.page.read_text()
    assert "worse from 1.20 × on</text>" in page
    assert all(f'<a href="{name}">' in page for name in ("comparison.json", "junit.xml", "summary.md"))
    cases = list(suite.iter("testcase"))
    assert {case.attrib["file"] for case in cases} == {made.comparison.file} != {""}
    took_s = sum(run.result.duration_s for run in made.runs)
    assert {case.attrib["time"] for case in [*cases, suite]} == {f"{took_s:.3f}"}


def test_what_nobody_can_tell_is_no_failure(ask: Ask, tmp_path: Path) -> None:
    made, _ = carry(
        ask(trials=2, fail_on=("worse",)),
        tmp_path,
        lambda number, _: {text: value * number for text, value in HELD.items()},
    )
    assert (made.verdict, made.exit_status) == ("inconclusive", 3)


def test_one_target_beside_itself_is_run_on_both_sides(ask: Ask, tmp_path: Path) -> None:
    same = Path("targets/resilient.yaml")
    made, pretence = carry(ask(same, same, trials=2), tmp_path)
    assert (len(pretence.made), made.comparison.counted) == (4, 2)
    again_, _ = carry(ask(same, same, trials=2), tmp_path)
    assert again_.path != made.path
    listened = compare.carry_out(ask(same, same, trials=2), pretence.out, pretence, resume=True)
    assert len(listened.runs) == 4
    assert len(pretence.made) == 4


def test_what_is_stored_is_not_run_again_and_gives_the_seeds(ask: Ask, tmp_path: Path) -> None:
    first, _ = carry(ask(trials=3), tmp_path)
    stored = first.path / "base" / "region-loss"
    found = sorted(stored.glob("*"))
    baseline = tmp_path / "baseline"
    (baseline / "region-loss").mkdir(parents=True)
    for run in found:
        run.rename(baseline / "region-loss" / run.name)
    made, pretence = carry(ask(baseline, scenario=None, trials=5), tmp_path)
    assert {target for _, target in pretence.made} == {"resilient"}
    assert pretence.seeds == [salted(1, trial) for trial in (1, 2, 3)]
    assert (made.comparison.base.stored, made.comparison.head.stored, made.comparison.planned) == (True, False, 3)


def test_two_that_are_stored_are_compared_with_nothing_run(ask: Ask, tmp_path: Path) -> None:
    first, _ = carry(ask(trials=3), tmp_path)
    one, other = (first.path / side for side in ("base", "head"))
    made, pretence = carry(ask(one, other, None), tmp_path)
    assert (pretence.made, made.comparison.counted) == ([], 3)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("scenario_sha256", "0" * 64, "scenario: 000000000000 for the base"),
        ("questions_sha256", "0" * 64, "questions: 000000000000 for the base"),
        ("machine", {"cpu count": "96"}, "machine's cpu count: 96 for the base"),
        ("machine", {}, "machine's cpu model: nothing is known for the base"),
        ("overrides", ["load.rate_per_s=21"], "settings: "),
    ],
)
def test_what_has_to_be_equal_and_is_not_is_refused_unless_it_is_meant(
    ask: Ask, tmp_path: Path, key: str, value: object, told: str
) -> None:
    first, _ = carry(ask(trials=2), tmp_path)
    base = first.path / "base"
    for run in base.glob("*/*"):
        history = RunFolder(run).history
        begun, *events = history.read_text().splitlines()
        history.write_text("\n".join([json.dumps(json.loads(begun) | {key: value}), *events]) + "\n")
    with pytest.raises(UsageProblems, match="what has to be equal is not") as refused:
        ask(base)
    assert told in str(refused.value)
    made, _ = carry(ask(base, force=True, trials=2), tmp_path)
    assert any(told in one for one in made.comparison.unequal)
    assert "Not equal" in (made.path / "summary.md").read_text()


def test_what_is_equal_is_not_refused(ask: Ask, tmp_path: Path) -> None:
    first, _ = carry(ask(trials=2), tmp_path)
    assert ask(first.path / "base").two.unequal == ()


@pytest.mark.parametrize(
    ("base", "head", "told"),
    [
        (["p-1"], ["p-2"], ["prompt version: 'p-1' for the base, 'p-2' for the head"]),
        (["p-1"], ["p-1", "p-2"], ["prompt version: 'p-1' for the base, 'p-1', 'p-2' for the head"]),
        (
            ["p-1"],
            [f"q{n}" for n in range(9)],
            ["prompt version: 'p-1' for the base, 'q0', 'q1', 'q2' and 6 more for the head"],
        ),
        (["p-1", "p-2"], ["p-2", "p-1"], []),
        (["p-1"], [], []),
        ([], [], []),
    ],
)
def test_another_version_of_the_prompt_is_told_and_refuses_nothing(
    ask: Ask, tmp_path: Path, base: list[str], head: list[str], told: list[str]
) -> None:
    first, _ = carry(ask(trials=2), tmp_path)
    for side, versions in (("base", base), ("head", head)):
        for result in (first.path / side).glob("*/*/result.json"):
            result.write_text(json.dumps(json.loads(result.read_text()) | {"prompt_versions": versions}))
    made, _ = carry(ask(first.path / "base", first.path / "head", None, trials=2), tmp_path)
    assert made.comparison.unequal == told
    assert ("Not equal: prompt version" in (made.path / "summary.md").read_text()) == bool(told)


def test_another_model_in_one_pair_is_told_of_the_side_that_had_it_and_in_the_terminal(
    ask: Ask, tmp_path: Path
) -> None:
    first, _ = carry(ask(trials=2), tmp_path)
    for side in ("base", "head"):
        for number, result in enumerate(sorted((first.path / side).glob("*/*/result.json"))):
            named = {"answered_with": {"model": {f"m-{number}": 60}}}
            result.write_text(json.dumps(json.loads(result.read_text()) | named))
    made, _ = carry(ask(first.path / "base", first.path / "head", None, trials=2), tmp_path)
    told = [f"model: 'm-0' for the {side} in pair 1, 'm-1' for the {side} in pair 2" for side in ("base", "head")]
    assert made.comparison.unequal == told
    assert [line for line in lines(made.comparison) if "not equal" in line] == [f"  not equal: {one}" for one in told]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"scenario": None}, "--scenario: is missing"),
        ({"base": Path("region-loss.yaml")}, "is no target file, and no folder of runs"),
        ({"base": Path("targets")}, "holds no run that says something"),
        ({"fail_on": ("wors",)}, "unknown state 'wors'; did you mean 'worse'?"),
    ],
)
def test_what_cannot_be_compared_is_refused(ask: Ask, keys: dict[str, object], told: str) -> None:
    with pytest.raises(UsageProblems) as refused:
        ask(**keys)
    assert told in str(refused.value)


def test_a_comparison_survives_that_its_runs_are_judged_again(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = carry(ask(trials=4, fail_on=("worse",)), tmp_path, head_retries_more)
    (made.path / "junit.xml").unlink()
    # The runs are the sample's, whatever is said of them: judged for real they would all come to what that came to.
    monkeypatch.setattr(
        again, "judge_run", lambda path, **_: next(run for run in made.runs if run.path == path.resolve())
    )
    assert holds_several(made.path)
    judged = again.judge(made.path, print)
    assert isinstance(judged, Comparison)
    assert (judged.exit_status, judged) == (1, made.comparison)
    assert (made.path / "junit.xml").is_file()


def test_nothing_is_written_into_a_baseline_that_somebody_keeps(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = carry(ask(trials=2), tmp_path)
    made, _ = carry(ask(first.path / "base", trials=2), tmp_path)
    runs = {run.path: run for run in (*first.runs, *made.runs)}
    written: list[Path] = []

    def judged(path: Path, **_: object) -> Run:
        written.append(path.resolve())
        return runs[path.resolve()]

    monkeypatch.setattr(again, "judge_run", judged)
    monkeypatch.setattr(again, "baseline_at", lambda path, **_: runs[path.resolve()])
    assert again.judge(made.path, print) == made.comparison
    assert written == [run.path for run in made.runs]


def test_a_run_that_broke_down_ends_the_comparison(ask: Ask, tmp_path: Path) -> None:
    made, pretence = carry(ask(), tmp_path, comes_to=lambda *_: "crashed")
    assert (len(pretence.made), made.verdict, made.exit_status) == (1, "crashed", 70)


def test_what_was_stored_is_read_as_it_was_written(ask: Ask, tmp_path: Path) -> None:
    made, _ = carry(ask(trials=2), tmp_path)
    assert compare.read(made.path) == made.comparison
    assert replace(made, comparison=compare.read(made.path)).page.is_file()


def test_pairs_that_were_all_looked_at_have_used_up_the_error_rate(ask: Ask, tmp_path: Path) -> None:
    def differing(number: int, _prepared: Prepared) -> dict[str, float]:
        return {text: value * number for text, value in HELD.items()}

    first, pretence = carry(ask(trials=2), tmp_path, differing)
    assert first.verdict == "inconclusive"
    with pytest.raises(UsageProblems, match=r"the error rate of 0\.05 is used up.* allow a greater --error-rate"):
        compare.carry_out(ask(trials=6), pretence.out, pretence, resume=True)
    more = replace(ask(trials=6), sure=replace(ask().sure, error_rate=0.1))
    gone_on = compare.carry_out(more, pretence.out, pretence, resume=True)
    assert gone_on.path == first.path
    assert [(one.planned, one.counted) for one in gone_on.comparison.looked] == [(2, 2)]


def test_what_keeps_the_next_run_of_a_pair_from_being_made_is_told_wherever_the_comparison_is(
    ask: Ask, tmp_path: Path
) -> None:
    pretence = Pretence(tmp_path / "out", lambda *_: "pass", alike)

    def refused(prepared: Prepared, into: Path) -> Run:
        if len(pretence.made) == 3:
            raise RefusedError("target 'fragile' is held by run x of somebody else")
        return pretence(prepared, into)

    made = compare.carry_out(ask(), pretence.out, refused)
    assert (made.verdict, made.exit_status, len(made.runs)) == ("aborted", 5, 3)
    for name in ("summary.md", "report.html", "junit.xml", "comparison.json"):
        assert "The next run was not made: target " in (made.path / name).read_text()
    assert compare.read(made.path).cut_short == made.comparison.cut_short


def test_what_is_missing_is_told_with_what_is_not_there() -> None:
    with pytest.raises(UsageProblems) as refused:
        contest(Path("a.yaml"), Path("b.yaml"), None, Asked(), {})
    assert [str(one).partition(": ")[0] for one in refused.value.problems] == ["--scenario", "a.yaml", "b.yaml"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"trials": 1}, "--trials: should be a whole number from 2 to 100, but is 1"),
        ({"trials": 0}, "but is 0"),
        ({"margin": 1.0}, "a margin of 1.0; it is a factor above 1"),
        ({"error_rate": 0.7}, "an error rate of 0.7; it lies between 0 and 0.5"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused_before_anything_is_read(
    wrong: dict[str, float], told: str
) -> None:
    nothing = Path("nothing.yaml")
    with pytest.raises(UsageProblems) as refused:
        contest(nothing, nothing, None, Asked(), {}, **wrong)  # type: ignore[arg-type]  # trials is whole
    assert told in str(refused.value)
