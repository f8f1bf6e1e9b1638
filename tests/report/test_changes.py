"""What changed since a baseline run: said only where judging says so, and never of runs that cannot be trusted."""

from __future__ import annotations

import pytest

from harness.report import words
from harness.report.changes import changes
from harness.report.page import page
from harness.report.summary import summary

HEADING = "What changed since the baseline run"


def test_each_expectation_says_which_way_it_went_and_whether_that_is_better(passing, failing) -> None:
    now = {row.what: row for row in changes(passing.result, failing.result).findings}
    assert now["recovery_time_s", None].said == "lower, better"
    assert now["good_ratio", "fault"].said == "higher, better"
    assert "it was at most 1.5" in now["retry_amplification", "fault"].where
    back = {row.what: row for row in changes(failing.result, passing.result).findings}
    assert back["recovery_time_s", None].said == "higher, worse"
    assert back["good_ratio", "fault"].said == "lower, worse"


def test_a_run_beside_itself_has_not_changed(failing) -> None:
    alone = changes(failing.result, failing.result)
    assert [row for row in alone.rows if row.changed] == []
    assert alone.notes == ()
    assert alone.headline.startswith("The verdict is fail, as it was. None of ")
    assert "changed by more than runs of one target differ" in alone.headline


def test_every_metric_and_phase_is_there_with_its_values_and_intervals(passing, failing) -> None:
    found = changes(passing.result, failing.result)
    shown = {name.partition(".")[0] for name, _ in (row.what for row in found.metrics)}
    assert shown == set(passing.result.metrics)
    assert {phase for _, phase in (row.what for row in found.phases)} == {"warmup", "baseline", "fault", "recovery"}
    good = next(row for row in found.phases if row.what == ("good_ratio", "fault"))
    ratios = [run.result.metrics["good_ratio"].by.phase["fault"].value for run in (passing, failing)]
    assert [good.now.value, good.then.value] == [words.ratio(value) for value in ratios]
    assert " to " in good.now.interval


def test_a_number_that_stands_in_two_tables_counts_once(passing, failing) -> None:
    found = changes(passing.result, failing.result)
    assert [row.what for row in found.findings if row.what == ("recovery_time_s", None)]
    assert [row.what for row in found.metrics if row.what == ("recovery_time_s", None)]
    assert len({row.what for row in found.rows}) == len(found.rows)


def test_a_number_without_an_interval_is_shown_and_not_judged(passing, failing) -> None:
    rows = [row for row in changes(passing.result, failing.result).phases if row.what[0] == "latency_ms.p99"]
    assert {row.state for row in rows} == {"unknown"}
    assert any(row.now.value != row.then.value for row in rows)


def test_a_value_between_two_limits_is_held_against_the_limit_of_its_own_side(failing) -> None:
    good = next(finding for finding in failing.result.findings if finding.metric == "good_ratio")
    upper = good.model_copy(update={"expectation": "good_ratio <= 0.99 in fault", "limit": 0.99, "verdict": "pass"})
    band = failing.result.model_copy(update={"findings": [good, upper]})
    rows = changes(band, band).findings
    assert [row.where for row in rows] == ["at least 0.9 in the fault", "at most 0.99 in the fault"]


@pytest.mark.parametrize("kind", ["refused", "cut_short"])
def test_of_a_run_that_cannot_be_trusted_nothing_is_said_to_have_changed(kind: str, passing, failing, request) -> None:
    doubtful = request.getfixturevalue(kind).result
    for found in (changes(passing.result, doubtful), changes(doubtful, passing.result)):
        assert [row for row in found.rows if row.changed] == []
        assert "cannot be trusted" in found.headline
    assert [row for row in changes(passing.result, failing.result).rows if row.changed]


def test_another_scenario_target_or_setting_is_said(failing) -> None:
    result = failing.result
    other = result.model_copy(
        update={
            "scenario": result.scenario.model_copy(update={"sha256": "00" * 32}),
            "target": result.target.model_copy(update={"sha256": "11" * 32, "name": "mended"}),
            "replay": f"{result.replay} --set load.rate_per_s=40",
            "versions": result.versions | {"harness": "0.2.0"},
        }
    )
    notes = " ".join(changes(other, result).notes)
    assert "The scenario's text is another one:" in notes
    assert "The target's text is another one (mended; it was fragile):" in notes
    assert "different settings" in notes
    assert "different versions of the harness: 0.2.0; it was 0.1.0." in notes
    assert "different settings" not in " ".join(
        changes(result.model_copy(update={"replay": result.replay.replace("--seed 7", "--seed 8")}), result).notes
    )


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        ({"questions": "aa"}, {"questions": "bb"}, "The questions are other ones: a change may come from that."),
        ({"questions": "aa", "trace": "aa"}, {"questions": "aa", "trace": "bb"}, "The trace is another one"),
        ({"questions": "aa"}, {}, "Which questions the baseline run asked was not written down"),
        ({"questions": "aa", "trace": "cc"}, {"questions": "aa", "trace": "cc"}, ""),
        ({}, {}, ""),
    ],
)
def test_other_questions_or_another_trace_are_said_though_no_file_says_so(failing, now, then, said: str) -> None:
    result = failing.result
    both = [result.model_copy(update={"asked_with": asked}) for asked in (now, then)]
    notes = changes(*both).notes
    assert [note.startswith(said) for note in notes] == ([True] if said else [])


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        (
            ["p-2"],
            ["p-1"],
            ["Answers named another prompt version ('p-2'; it was 'p-1'): a change may come from that."],
        ),
        (["p-1"], ["p-1"], []),
        (["p-1"], [], []),
    ],
)
def test_another_version_of_the_prompt_is_said(failing, now, then, said: list[str]) -> None:
    both = [failing.result.model_copy(update={"prompt_versions": named}) for named in (now, then)]
    assert list(changes(*both).notes) == said


def test_another_model_is_said(failing) -> None:
    both = [failing.result.model_copy(update={"answered_with": {"model": {name: 60}}}) for name in ("m-2", "m-1")]
    assert list(changes(*both).notes) == [
        "Answers named another model ('m-2'; it was 'm-1'): a change may come from that."
    ]
    assert list(changes(both[0], both[0]).notes) == []


def test_the_page_has_the_section_with_a_baseline_and_not_without_and_says_the_rest_as_before(passing, failing) -> None:
    bare = page(passing.result, passing.evidence)
    with_it = page(passing.result, passing.evidence, failing.result)
    assert HEADING not in bare
    assert HEADING in with_it
    start = with_it.index('<section id="changes">')
    without = with_it[:start] + with_it[with_it.index("</section>", start) + len("</section>") :]
    assert "".join(without.split()) == "".join(bare.split())
    assert with_it == page(passing.result, passing.evidence, failing.result)


def test_words_of_the_baseline_run_do_no_harm(passing, failing, read) -> None:
    evil = '"><script>alert(1)</script>\u202e\x1b' + "x" * 100_000
    result = failing.result
    named = {"name": evil, "sha256": evil, "path": evil}
    other = result.model_copy(
        update={
            "run_id": evil,
            "replay": evil,
            "started_at": evil,
            "scenario": result.scenario.model_copy(update=named),
            "target": result.target.model_copy(update=named),
            "findings": [result.findings[0].model_copy(update={"metric": evil, "phase": evil})],
            "metrics": {evil: result.metrics["good_ratio"].model_copy(update={"unit": evil})},
        }
    )
    html = page(passing.result, passing.evidence, other)
    assert len(read(html).all("script")) == 1
    assert "\u202e" not in html
    assert len(html) < len(page(passing.result, passing.evidence, result)) + 2_000
    assert "\x1b" not in summary(passing.result, other)


def test_the_summary_says_the_same_in_a_few_lines(passing, failing) -> None:
    text = summary(passing.result, failing.result)
    assert "**Since the baseline run `20261121-053102-fragile`**" in text
    assert "The verdict is pass; it was fail." in text
    assert "| Recovery time at most 5 s |" in text
    assert "lower, better |" in text
    assert "Since the baseline" not in summary(passing.result)
    assert "| changed |" not in summary(passing.result, passing.result)
