from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.reference.corpus import POLICIES, content_hash, facts, retrieve

QUESTIONS = Path(__file__).parents[2] / "scenarios" / "questions" / "facts.yaml"


def test_the_question_file_asks_what_the_corpus_knows():
    asked = yaml.safe_load(QUESTIONS.read_text())
    assert asked["schema"] == "harness.questions/1"
    assert asked["questions"] == [{"id": policy.id, "text": policy.question} for policy in POLICIES]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.id)
def test_each_question_retrieves_its_own_fact_with_a_nonce_or_without(policy):
    assert retrieve(policy.question) == retrieve(f"{policy.question} [n-abcdefghij]") == policy.id


def test_a_question_that_shares_no_word_with_the_corpus_retrieves_nothing():
    assert retrieve("Qwerty uiop?") is None


@given(st.integers(1, 60))
def test_from_one_version_to_the_next_half_of_the_facts_change(version):
    before, after = facts(version), facts(version + 1)
    changed = [id_ for id_ in before if before[id_] != after[id_]]
    assert len(changed) == len(POLICIES) // 2
    assert content_hash(before) != content_hash(after)


@given(st.integers(1, 200))
def test_each_fact_holds_one_number_and_dates_are_dates(version):
    known = facts(version)
    numbers = {id_: [int(number) for number in re.findall(r"\d+", text)] for id_, text in known.items()}
    assert {len(found) for found in numbers.values()} == {1}
    assert all(1 <= numbers[policy.id][0] <= policy.wrap for policy in POLICIES if policy.wrap)


def test_there_is_no_version_before_the_first():
    with pytest.raises(ValueError, match="version 0 does not exist"):
        facts(0)


def test_the_hash_is_of_the_facts_and_not_of_their_order():
    known = facts(1)
    assert content_hash(known) == content_hash(dict(reversed(known.items())))
