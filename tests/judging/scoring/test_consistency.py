from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pandas as pd
import pytest
from known_truth import consistency as characteristics
from known_truth.consistency import compare

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring import consistency as scoring
from harness.judging.scoring.consistency import EXAMPLES, Consistency

Table = Callable[..., pd.DataFrame]

PUBLISHED = [(2, 17.9, 18.0)]
COLUMNS = ("ratio", "monotonic_violations", "disagreements", "disagreed_s")


def run(stale_until_s: float = 0.0, seed: int = 0, every: int = 7) -> pd.DataFrame:
    """A minute at 20/s over 60 questions; version 2 is published at 18 s, and reaches west at *stale_until_s*."""
    generator = np.random.default_rng(seed)
    n = 1_200
    sent_s, question = np.arange(n) / 20, generator.integers(0, 60, n)
    entry = np.where(generator.random(n) < 0.5, "east", "west")
    version = np.where((sent_s > 18) & ~((entry == "west") & (sent_s < stale_until_s)), 2, 1)
    limit = np.where(question % 2, 10 * version + question % every, 5)  # half of the facts change
    return pd.DataFrame(
        {
            "question": [f"q{i}" for i in question],
            "entry": entry,
            "conversation": [f"c{i}" for i in generator.integers(0, 240, n)],
            "turn": 0,
            "sent_s": sent_s,
            "end_s": sent_s + 0.4,
            "overlapped": False,
            "answer": [f"The limit of item {i} is {days} days." for i, days in zip(question, limit, strict=True)],
            "snapshot_version": pd.array(version, dtype="Int64"),
            "seen_version": pd.array([pd.NA] * n, dtype="Int64"),
        }
    )


def consistency(answers: pd.DataFrame, *publications: Any, counted: Any = None, **asked: Any) -> Consistency:
    return compare(answers, *publications, **asked).consistency(counted)


def score(answers: pd.DataFrame, **asked: Any) -> Consistency:
    """Of the answers asked for between 15 and 30 s."""
    counted = (answers["sent_s"] >= 15) & (answers["sent_s"] < 30)
    return consistency(answers, PUBLISHED, **{"counted": counted.to_numpy(), **asked})


def test_replicas_that_follow_a_publication_agree() -> None:
    found = score(run())
    assert found.ratio.value == 1
    assert found.ratio.n == 300
    assert found.ratio.low >= 0.987
    assert (found.monotonic_violations.value, found.disagreements.value, found.disagreed_s.value) == (0, 0, 0)
    assert found.examples == ()


def test_a_replica_left_behind_is_found_in_every_score() -> None:
    found = score(run(stale_until_s=30))
    stale = run(stale_until_s=30)
    behind = stale["sent_s"].between(18.5, 30, inclusive="left") & (stale["snapshot_version"] == 1)
    assert found.ratio.value == pytest.approx(1 - behind.sum() / 300)
    assert found.monotonic_violations.value is not None
    assert found.monotonic_violations.value > 10
    assert found.disagreements.value is not None
    assert found.disagreements.value > 50
    assert found.disagreed_s.low < 11.5 < found.disagreed_s.high
    assert len(found.examples) == EXAMPLES


def test_the_baseline_alone_would_call_what_follows_a_publication_wrong() -> None:
    assert consistency(run(), []).ratio.value < 0.5
    assert consistency(run(), PUBLISHED).ratio.value == 1


def test_the_order_of_answers_changes_nothing() -> None:
    answers = run(stale_until_s=25)
    shuffled = answers.sample(frac=1, random_state=1)
    assert score(shuffled) == score(answers)


def test_no_answers_are_unmeasured() -> None:
    found = consistency(run()[:0], PUBLISHED)
    assert [getattr(found, name) for name in COLUMNS] == [UNMEASURED] * 4
    assert found.examples == ()


def test_marks_that_do_not_match_the_answers_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 marks for 1200 answers"):
        consistency(run(), counted=[True, False])


def test_answers_compared_once_score_in_every_part_as_if_compared_for_it_alone() -> None:
    answers = run(stale_until_s=30).sample(frac=1, random_state=1)
    compared = compare(answers, PUBLISHED)
    for start_s in (0, 15, 30):
        counted = answers["sent_s"].between(start_s, start_s + 15).to_numpy()
        assert compared.consistency(counted) == consistency(answers, PUBLISHED, counted=counted)
    assert compared.consistency(counted) != compared.consistency()


# Which version an answer may stand on.


def answered(table: Table, sent_s: float, version: int | None, **asked: Any) -> float | None:
    """The ratio of one answer among settled ones; version 2 is published from 10 to 11 s."""
    settled = [(float(i), "east", "q", 1, "one") for i in range(10)] + [
        (12.0 + i, "east", "q", 2, "two") for i in range(10)
    ]
    text = "two" if version == 2 else "one"
    answers = table(*settled, (sent_s, "west", "q", version, text))
    return consistency(answers, [(2, 10.0, 11.0)], counted=np.arange(21) == 20, **asked).ratio.value


def test_before_a_publication_only_the_old_version_is_right(table: Table) -> None:
    assert answered(table, 9.0, 1) == 1
    assert answered(table, 9.0, 2) == 0


def test_while_it_is_published_either_version_is_right(table: Table) -> None:
    assert answered(table, 10.5, 1) == 1
    assert answered(table, 10.5, 2) == 1


def test_a_request_that_was_open_when_it_was_published_may_have_either(table: Table) -> None:
    assert answered(table, 9.95, 2) == 1


def test_after_it_was_acknowledged_the_old_version_is_right_for_the_replica_lag_only(table: Table) -> None:
    assert answered(table, 11.4, 1) == 1
    assert answered(table, 11.6, 1) == 0
    assert answered(table, 11.4, 1, replica_lag_s=0.1) == 0
    assert answered(table, 11.6, 2) == 1


def test_what_a_version_says_is_what_it_said_while_it_was_in_force(table: Table) -> None:
    rows = [(float(i), "east", "q", 1, "one") for i in range(3)]
    late = [(20.0 + i, "west", "q", 1, "garbled") for i in range(10)]
    answers = table(*rows, *late)
    assert consistency(answers, [(2, 10.0, 11.0)], counted=np.arange(13) < 3).ratio.value == 1


def test_of_two_answers_as_frequent_the_earlier_is_usual(table: Table) -> None:
    answers = table((0.0, "east", "q", 1, "zebra"), (1.0, "west", "q", 1, "apple"))
    assert consistency(answers, counted=[True, False]).ratio.value == 1
    assert consistency(answers, counted=[False, True]).ratio.value == 0


def test_the_right_version_with_another_text_is_wrong(table: Table) -> None:
    answers = table(
        *((float(i), "east", "q", 1, "the limit is 30 days") for i in range(9)),
        (9.0, "west", "q", 1, "the limit is 14 days"),
    )
    assert consistency(answers).ratio.value == 0.9


def test_an_answer_without_a_version_is_held_against_what_is_usual_then(table: Table) -> None:
    rows = [(float(i), "east", "q", 1 + (i >= 10), "two" if i >= 10 else "one") for i in range(20)]
    answers = table(
        *rows, (5.5, "west", "q", None, "one"), (15.5, "west", "q", None, "two"), (15.6, "west", "q", None, "one")
    )
    found = consistency(answers, [(2, 9.5, 9.6)], counted=np.arange(23) >= 20, replica_lag_s=0)
    assert found.ratio.value == pytest.approx(2 / 3)


def test_without_any_version_the_baseline_says_what_is_usual(table: Table) -> None:
    rows = [(float(i), "east", "q", None, "usual" if i < 5 else "drifted") for i in range(20)]
    answers = table(*rows)
    found = consistency(answers, counted=np.arange(20) >= 5, baseline=np.arange(20) < 5)
    assert found.ratio.value == 0
    assert consistency(answers, counted=np.arange(20) >= 5).ratio.value == 1
    assert found.monotonic_violations == found.disagreed_s == UNMEASURED


# What counts as the same answer.


def test_spelling_makes_no_difference_and_a_fact_does(table: Table) -> None:
    usual = [(float(i), "east", "q", 1, "It takes 1.5 h.") for i in range(9)]
    assert consistency(table(*usual, (9.0, "west", "q", 1, "it  takes 1.5 H"))).ratio.value == 1
    assert consistency(table(*usual, (9.0, "west", "q", 1, "It takes 1 5 h."))).ratio.value == 0.9


def test_a_paraphrase_agrees_by_facts_and_not_by_text(table: Table) -> None:
    usual = [(float(i), "east", "q", 1, "Refunds are accepted within 30 days.") for i in range(9)]
    answers = table(*usual, (9.0, "west", "q", 1, "You have 30 days to return it."))
    assert consistency(answers, by="text").ratio.value == 0.9
    assert consistency(answers, by="facts").ratio.value == 1
    denied = table(*usual, (9.0, "west", "q", 1, "Refunds are not accepted within 30 days."))
    assert consistency(denied, by="facts").ratio.value == 0.9


def test_questions_that_are_always_wrong_widen_the_interval(table: Table) -> None:
    def answers(wrong: Callable[[int], bool]) -> pd.DataFrame:
        usual = [(float(i) / 20, "east", f"q{i % 60}", 1, "usual") for i in range(1_200)]
        asked = [(100 + i / 20, "west", f"q{i % 60}", 1, "odd" if wrong(i) else "usual") for i in range(300)]
        return table(*usual, *asked)

    counted = np.arange(1_500) >= 1_200
    together = consistency(answers(lambda i: i % 60 < 6), counted=counted).ratio
    apart = consistency(answers(lambda i: i % 10 == i // 60), counted=counted).ratio
    assert together.value == pytest.approx(0.9)
    assert together.low < apart.low - 0.02


# Conversations.


def turns(table: Table, *versions: int, **columns: object) -> pd.DataFrame:
    rows = [(5.0 * i, "east" if i % 2 else "west", f"q{i}", version, "a") for i, version in enumerate(versions)]
    return table(*rows, conversation="c", **columns)


def test_going_back_to_an_older_snapshot_is_a_violation(table: Table) -> None:
    back, on = consistency(turns(table, 1, 2, 1, 2)), consistency(turns(table, 1, 1, 2, 2))
    assert (back.monotonic_violations.value, back.monotonic_violations.low, back.monotonic_violations.high) == (1, 1, 1)
    assert back.monotonic_violations.n == 3
    assert on.monotonic_violations.value == 0


def test_a_later_return_is_held_against_the_newest_version_seen(table: Table) -> None:
    assert consistency(turns(table, 1, 3, 2, 2)).monotonic_violations.value == 2


def test_what_the_client_says_it_has_seen_counts(table: Table) -> None:
    answers = turns(table, 1, 1, seen_version=pd.array([pd.NA, 2], dtype="Int64"))
    assert consistency(answers).monotonic_violations.value == 1


def test_overlapping_turns_never_count(table: Table) -> None:
    assert consistency(turns(table, 1, 2, 1, overlapped=True)).monotonic_violations == UNMEASURED


def test_an_answer_that_was_still_open_had_not_been_seen(table: Table) -> None:
    answers = turns(table, 2, 1, end_s=[5.5, 5.6])
    assert consistency(answers).monotonic_violations == UNMEASURED


def test_answers_of_no_conversation_have_seen_nothing(table: Table) -> None:
    assert consistency(turns(table, 2, 1).assign(conversation="")).monotonic_violations == UNMEASURED


# Replicas.


def test_two_entries_that_differ_on_one_question_disagree(table: Table) -> None:
    rows = [(float(i), "east" if i % 2 else "west", "q", 1, "same") for i in range(8)]
    assert consistency(table(*rows)).disagreements.value == 0
    found = consistency(table(*rows, (8.0, "west", "q", 1, "other")))
    assert (found.disagreements.value, found.disagreements.n) == (1, 8)


def test_one_entry_has_nobody_to_disagree_with(table: Table) -> None:
    found = consistency(table(*((float(i), "east", "q", 1, f"answer {i}") for i in range(8))))
    assert found.disagreements == UNMEASURED


def test_answers_to_either_side_of_a_publication_do_not_disagree(table: Table) -> None:
    answers = table(
        *((float(i), "east", "q", 1, "one") for i in range(9)),
        (9.9, "east", "q", 1, "one"),
        (10.2, "west", "q", 2, "two"),
    )
    assert consistency(answers, [(2, 9.95, 10.1)]).disagreements.value == 0


def test_answers_of_two_eras_have_nothing_to_agree_on(table: Table) -> None:
    rows = [(float(i), "east", "q", 1, "one") for i in range(5)] + [(5.0, "east", "q", 1, "odd")]
    answers = table(*rows, (20.0, "west", "q", 2, "two"))
    assert consistency(answers, [(2, 10.0, 11.0)]).disagreements == UNMEASURED
    assert consistency(answers, [(2, 4.9, 11.0)]).disagreements.value == 1


def test_the_time_of_disagreement_lies_between_what_was_seen_and_what_may_have_been() -> None:
    for stale_until_s in (20.0, 25.0, 29.0):
        found = score(run(stale_until_s=stale_until_s)).disagreed_s
        assert found.value is not None
        assert found.low <= found.value <= found.high
        assert found.low <= stale_until_s - 18 <= found.high


def test_a_replica_that_never_catches_up_disagrees_without_end() -> None:
    assert score(run(stale_until_s=100)).disagreed_s.high == inf
    assert score(run(stale_until_s=25)).disagreed_s.high < inf


def test_without_a_publication_nobody_can_be_behind() -> None:
    assert consistency(run(), []).disagreed_s == UNMEASURED


# Examples.


def test_examples_show_the_two_answers_side_by_side(table: Table) -> None:
    rows = [(float(i), "east", "q", 1, "The limit is 30 days.") for i in range(9)]
    found = consistency(table(*rows, (9.0, "west", "q", 1, "The limit is 14 days.")).assign(conversation="c"))
    (pair,) = found.examples
    assert pair.question == "q"
    assert (pair.left.entry, pair.left.answer, pair.left.at_s) == ("east", "The limit is 30 days.", 8.0)
    assert (pair.right.entry, pair.right.answer, pair.right.version) == ("west", "The limit is 14 days.", 1)
    assert pair.right.conversation == "c"


def test_a_wrong_answer_of_a_lone_entry_stands_beside_a_right_one(table: Table) -> None:
    rows = [(float(i), "east", "q", None, "usual") for i in range(9)]
    (pair,) = consistency(table(*rows, (9.0, "east", "q", None, "odd"))).examples
    assert (pair.left.answer, pair.right.answer, pair.right.version) == ("usual", "odd", None)


def test_every_question_is_shown_before_any_is_shown_twice() -> None:
    examples = score(run(stale_until_s=30)).examples
    assert len({pair.question for pair in examples}) == EXAMPLES


# What is the reference.


def garbled(table: Table, begins: int, versions: Callable[[int], int | None], published: float = 10.0) -> pd.DataFrame:
    """A minute at 10/s over 12 questions, 12 s of it baseline; from answer *begins* on, all that is said is garbage."""

    def text(i: int, version: int | None) -> str:
        return f"garbage {i % 12}" if i >= begins else f"the limit is {10 * (i % 12) + (version or 1)} days"

    return table(*((i / 10, "east", f"q{i % 12}", versions(i), text(i, versions(i))) for i in range(600)))


@pytest.mark.parametrize("version", [1, None])
def test_a_later_majority_never_overrules_what_the_baseline_said(table: Table, version: int | None) -> None:
    answers = garbled(table, 180, lambda i: version)
    baseline = (np.arange(600) >= 30) & (np.arange(600) < 150)
    compared = compare(answers, baseline=baseline)
    assert compared.consistency(baseline).ratio.value == 1
    assert compared.consistency(np.arange(600) >= 180).ratio.value == 0
    sound = compare(garbled(table, 600, lambda i: version), baseline=baseline)
    assert sound.consistency().ratio.value == 1


def test_what_is_published_later_has_its_own_first_answers_for_a_reference(table: Table) -> None:
    """Version 2 comes at 20 s; 60 of its answers are sound, and the 340 that follow are garbage under its name."""
    answers = garbled(table, 260, lambda i: 1 + (i >= 201))
    baseline = (np.arange(600) >= 30) & (np.arange(600) < 150)
    compared = compare(answers, [(2, 20.0, 20.05)], baseline=baseline, replica_lag_s=0)
    index = np.arange(600)
    assert compared.consistency((index > 201) & (index < 260)).ratio.value == 1
    assert compared.consistency(index >= 260).ratio.value == 0
    assert compared.consistency(index < 200).ratio.value == 1


@pytest.mark.parametrize("until", [260, 600])
def test_one_excuse_for_every_question_is_no_reference_though_it_names_the_new_snapshot(
    table: Table, until: int
) -> None:
    """Version 2 comes at 20 s, and to the answer *until* all that is said under its name is an excuse."""

    def text(i: int) -> str:
        return "Sorry, try later." if 201 <= i < until else f"the limit is {10 * (i % 12) + 1 + (i >= 201)} days"

    answers = table(*((i / 10, "east", f"q{i % 12}", 1 + (i >= 201), text(i)) for i in range(600)))
    index = np.arange(600)
    baseline = (index >= 30) & (index < 150)
    compared = compare(answers, [(2, 20.0, 20.05)], baseline=baseline, replica_lag_s=0)
    assert compared.consistency((index > 201) & (index < until)).ratio.value == 0
    assert compared.consistency((index < 200) | (index >= until)).ratio.value == 1


def test_one_odd_first_answer_is_not_the_reference(table: Table) -> None:
    rows = [(float(i), "east", "q", 1, "one" if i < 10 else "odd" if i == 10 else "two") for i in range(10)]
    late = [(20.0 + i, "east", "q", 2, "odd" if i == 0 else "two") for i in range(20)]
    answers = table(*rows, *late)
    found = compare(answers, [(2, 15.0, 15.1)], baseline=np.arange(30) < 10)
    assert found.consistency(np.arange(30) >= 10).ratio.value == pytest.approx(19 / 20)


# What is known beforehand: who asks, and what is right.


def told(rows: list[tuple[str, bool | None, bool]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user", "expected", "expected_of_another"], dtype=object)


def test_what_contradicts_what_is_expected_is_wrong_even_in_the_baseline(table: Table) -> None:
    answers = table(*((float(i), "east", "q", None, "14 days") for i in range(10)))
    assert compare(answers, baseline=[True] * 10).consistency().ratio.value == 1
    wrong = compare(answers, baseline=[True] * 10, told=told([("", False, False)] * 10))
    assert wrong.consistency().ratio.value == 0
    assert list(wrong.agrees()) == [False] * 10


def test_what_is_as_expected_is_right_however_it_is_worded(table: Table) -> None:
    answers = table(*((float(i), "east", "q", None, f"wording {i}") for i in range(10)))
    assert compare(answers).consistency().ratio.value == 0.1
    assert compare(answers, told=told([("", True, False)] * 10)).consistency().ratio.value == 1


def test_what_is_as_expected_is_wrong_all_the_same_where_its_snapshot_is_behind(table: Table) -> None:
    answers = table(*((float(i), "east", "q", 1 + (10 <= i < 15), "30 days") for i in range(20)))
    found = compare(answers, [(2, 9.0, 9.1)], told=told([("", True, False)] * 20))
    assert found.consistency(np.arange(20) >= 15).ratio.value == 0
    assert found.consistency(np.arange(20) < 15).ratio.value == 1


def users(table: Table, said: Callable[[int, str], str], n: int = 40) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two users ask in turn; *said* is what one of them is given."""
    names = ["ann" if i % 2 else "bob" for i in range(n)]
    answers = table(*((float(i), "east", f"limit-{name}", None, said(i, name)) for i, name in enumerate(names)))
    return answers, told([(name, None, False) for name in names])


OWN = {"ann": "Your limit is 500.", "bob": "Your limit is 20."}


def test_users_with_answers_of_their_own_agree_and_nothing_leaks(table: Table) -> None:
    answers, known = users(table, lambda i, name: OWN[name])
    found = compare(answers, baseline=np.arange(40) < 10, told=known)
    assert found.consistency().ratio.value == 1
    leaks, rate = found.leaks()
    assert (leaks.value, leaks.high, leaks.n) == (0, 0, 40)
    assert rate.value == 0
    assert rate.high == pytest.approx(3.7, abs=0.1), "none seen in one run leaves room for some in the next"


def test_another_users_answer_is_a_leak(table: Table) -> None:
    answers, known = users(table, lambda i, name: OWN["ann"] if i >= 20 else OWN[name])
    found = compare(answers, baseline=np.arange(40) < 10, told=known)
    assert found.leaks()[0].value == 10
    assert found.leaks(np.arange(40) < 20)[0].value == 0
    assert found.consistency(np.arange(40) >= 20).ratio.value == 0.5


def test_a_wrong_answer_that_is_nobodys_is_no_leak(table: Table) -> None:
    answers, known = users(table, lambda i, name: "Sorry." if i >= 20 else OWN[name])
    found = compare(answers, baseline=np.arange(40) < 10, told=known)
    assert found.leaks()[0].value == 0
    assert found.consistency(np.arange(40) >= 20).ratio.value == 0


def test_what_everybody_is_told_leaks_nothing(table: Table) -> None:
    answers, known = users(table, lambda i, name: "We are open from 9 to 5.")
    assert compare(answers, told=known).leaks()[0].value == 0


def test_a_leak_from_the_first_answer_on_is_seen_where_it_is_known_what_is_right(table: Table) -> None:
    answers, _ = users(table, lambda i, name: OWN["ann"])
    known = told([("ann", True, False) if i % 2 else ("bob", False, True) for i in range(40)])
    found = compare(answers, baseline=[True] * 40, told=known)
    assert found.leaks()[0].value == 20
    assert found.consistency().ratio.value == 0.5


def test_where_nobody_says_who_asks_leaks_are_not_measured(table: Table) -> None:
    answers = table((0.0, "east", "q", None, "a"))
    assert compare(answers).leaks() == (UNMEASURED, UNMEASURED)
    assert compare(answers, told=told([("", True, False)])).leaks() == (UNMEASURED, UNMEASURED)


# Where wrong answers come together.

CELLS = {cell.name.split(", ", 1)[1]: cell for cell in characteristics.cells() if " 40 s," in cell.name}


@pytest.mark.parametrize("kind", CELLS)
def test_the_interval_holds_the_truth_however_wrong_answers_come_together(kind: str) -> None:
    need = CELLS[kind].needs[-1]
    measured, runs = need.measured([CELLS[kind].run(seed) for seed in range(60)])
    assert measured >= need.limit
    assert runs >= 30


def test_one_long_stretch_of_wrong_answers_is_an_effect_and_leaves_nothing_open() -> None:
    sent_s = np.arange(300) / 20

    def seen(stale_s: float) -> Interval:
        answers = run().iloc[:300].assign(sent_s=sent_s, end_s=sent_s + 0.4, answer="right", snapshot_version=pd.NA)
        expected = (sent_s < 5) | (sent_s >= 5 + stale_s)
        known = pd.DataFrame({"user": "", "expected": expected.tolist(), "expected_of_another": False}, dtype=object)
        return compare(answers, told=known).consistency().ratio

    assert seen(8.0).high < 0.85
    # One of a second may be chance: nobody can tell from it how many there are.
    assert seen(1.0).low < 0.85 < 0.95 < seen(1.0).high


def test_the_first_of_each_group_are_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(6)
    group, rows = generator.integers(0, 9, 400), np.flatnonzero(generator.random(400) < 0.8)
    slowly = sorted(int(row) for of in range(9) for row in [row for row in rows if group[row] == of][:5])
    for piece in (1, 7, 400):
        monkeypatch.setattr(scoring, "_PIECE", piece)
        assert scoring._first(rows, group, 5).tolist() == slowly
