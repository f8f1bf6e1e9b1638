"""Where a service names its prompt's version, a run says which there were, and that they changed, if they did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from harness.judging.prompts import VERSIONS_MOST, changed_in_the_run, prompt_versions
from harness.judging.verdict import judge
from harness.record.columns import Table
from harness.report import trust

HALF_S = 25.0


def named(made, version_at: Callable[[float], str]):
    """What was made up, with the version that each answer named by when it was asked for."""
    rows = made.evidence.requests.copy()
    rows["prompt_version"] = np.array([*map(version_at, rows["sent_s"])], object)
    return replace(made.evidence, request_table=Table.of(rows), _made={})


def test_a_prompt_that_was_changed_in_the_run_is_said_in_one_line(passing) -> None:
    evidence = named(passing, lambda at_s: "p-2" if at_s >= HALF_S else "p-1")
    result = judge(evidence)
    assert result.prompt_versions == ["p-1", "p-2"]
    (said,) = [note for note in result.quality.notes if "prompt version" in note]
    sent_s = passing.evidence.requests["sent_s"]
    before, after = sent_s[sent_s < HALF_S], sent_s[sent_s >= HALF_S]
    assert said == (
        f"answers of this run named 2 prompt versions: 'p-1' {len(before)} times, asked from {before.min():.1f} to {before.max():.1f} s; "
        f"'p-2' {len(after)} times, asked from {after.min():.1f} to {after.max():.1f} s"
    )
    assert "named 2 prompt versions" in trust.section(result, evidence)
    assert result.verdict == passing.result.verdict


def test_one_that_stayed_and_one_that_nobody_names_are_no_news(passing) -> None:
    for version_at, versions in ((lambda _: "p-1", ["p-1"]), (lambda at_s: "p-1" if at_s > HALF_S else "", ["p-1"])):
        evidence = named(passing, version_at)
        assert (prompt_versions(evidence), [*changed_in_the_run(evidence)]) == (versions, [])
    assert prompt_versions(passing.evidence) == passing.result.prompt_versions == []


def test_a_version_for_each_answer_takes_no_more_room(passing) -> None:
    evidence = named(passing, lambda at_s: f"v{at_s}\n" + "x" * 10_000)
    assert [len(one) <= 200 for one in prompt_versions(evidence)] == [True] * VERSIONS_MOST
    (said,) = changed_in_the_run(evidence)
    assert len(said) < 600
    assert said.endswith(f"and {len(passing.evidence.requests) - 3} more")
