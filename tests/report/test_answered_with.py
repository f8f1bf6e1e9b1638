"""Where a service names what it answers with, a run says which prompts, models and snapshots there were, and several say what changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.judging.answered_with import (
    VERSIONS_MOST,
    changed_in_the_run,
    named_before,
    prompt_versions,
    unlike_in_words,
)
from harness.judging.verdict import judge
from harness.record.columns import Table
from harness.record.history import Published
from harness.report import trust

HALF_S = 25.0
PUBLISHED = Published(at_s=6.0, asked_s=5.9, version=8)


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


def test_models_and_snapshots_of_the_baseline_are_kept_and_no_fallback_of_a_fault(failing) -> None:
    rows, tried = failing.evidence.requests.copy(), failing.evidence.arrivals.copy()
    first_fault_s = min(window.start_s for window in failing.evidence.in_force())
    rows["model"] = np.where(rows["due_s"] < first_fault_s, "m-1", "m-fallback")
    rows["snapshot_version"] = 7.0
    tried["model"] = np.where(tried["start_s"] < first_fault_s, "m-1-2026-08-06", "m-fallback")
    evidence = replace(failing.evidence, request_table=Table.of(rows), arrival_table=Table.of(tried), _made={})
    said = named_before(evidence)
    assert {what: [*names] for what, names in said.items()} == {
        "model": ["m-1"], "model at the providers": ["m-1-2026-08-06"], "snapshot": ["7"]
    }  # fmt: skip
    assert judge(evidence).answered_with == said
    assert "snapshot" not in named_before(replace(evidence, history=[*evidence.history, PUBLISHED]))


def many(what: str, *names: str) -> dict[str, dict[str, int]]:
    return {what: dict.fromkeys(names, 60)}


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        ([["p-1"], ["p-2"], ["p-1"]], ["prompt version: 'p-1' in trials 1 and 3, 'p-2' in trial 2"]),
        ([["p-1", "p-2"], ["p-2"]], ["prompt version: 'p-1', 'p-2' in trial 1, 'p-2' in trial 2"]),
        ([["p-1"], [], ["p-1"]], []),
        ([many("model", "a"), many("model", "b")], ["model: 'a' in trial 1, 'b' in trial 2"]),
        ([many("snapshot", "3"), {}, many("snapshot", "4")], ["snapshot: '3' in trial 1, '4' in trial 3"]),
        ([{"model": {"a": 59, "b": 1}}, {"model": {"a": 60}}], []),  # one in sixty may as well come or not
        ([{"model": {"a": 30, "b": 30}}, {"model": {"a": 2}}], []),
        ([{"model": {"a": 30, "b": 30}}, {"model": {"a": 20}}], ["model: 'a', 'b' in trial 1, 'a' in trial 2"]),
        (
            [many("model", *"abcd"), many("model", *"abce")],
            ["model: 'd', 'a', 'b' and 1 more in trial 1, 'e', 'a', 'b' and 1 more in trial 2"],
        ),
    ],
)
def test_what_is_not_the_same_in_all_trials_is_said_and_chance_is_not(passing, trials, said: list[str]) -> None:
    runs = {
        f"in trial {number}": [
            passing.result.model_copy(
                update={"prompt_versions": named} if isinstance(named, list) else {"answered_with": named}
            )
        ]
        for number, named in enumerate(trials, start=1)
    }
    assert [*unlike_in_words(runs)] == said
