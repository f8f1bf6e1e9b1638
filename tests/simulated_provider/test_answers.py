from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.simulated_provider.answers import Message, pieces, read

NONCE = "[n-0123456789]"
CONTEXT = "Use it.\n\nContext:\n- Refunds are accepted within {days} days.\n- The office opens at 9."


def answer(question: str, *, days: int = 30, tokens: int = 20, system: str = CONTEXT) -> str:
    messages = [Message("system", system.format(days=days)), Message("user", question)]
    return "".join(pieces(read(messages), tokens))


def test_the_answer_is_the_fact_that_the_question_is_about():
    assert answer("When are refunds accepted?").startswith("Refunds are accepted within 30 days.")
    assert answer("When does the office open?").startswith("The office opens at 9.")


def test_the_nonce_does_not_change_the_answer():
    assert answer(f"When are refunds accepted? {NONCE}") == answer("When are refunds accepted?")


def test_another_fact_in_the_context_gives_another_answer():
    assert answer("When are refunds accepted?", days=30) != answer("When are refunds accepted?", days=14)


def test_facts_in_the_users_own_message_are_context_too():
    question = "Context:\n- Lanterns come in 12 colours.\n\nQuestion: How many colours do lanterns come in?"
    assert answer(question, system="Be brief.").startswith("Lanterns come in 12 colours.")


def test_the_padding_holds_no_number_that_could_be_taken_for_a_fact():
    digits = [char for char in answer("When are refunds accepted?", tokens=300) if char.isdigit()]
    assert digits == ["3", "0"]


def test_without_a_context_any_change_of_the_prompt_changes_the_answer():
    asked = answer("Hello?", system="Be brief.")
    assert asked == answer(f"Hello? {NONCE}", system="Be brief.")
    assert asked != answer("Hello?", system="Be long.")
    assert asked != answer("Hullo?", system="Be brief.")


def test_content_in_parts_reads_as_content_in_one():
    import msgspec

    parts = msgspec.json.decode(
        b'[{"role": "user", "content": [{"type": "text", "text": "Hello?"}, {"type": "image_url", "image_url": {}}]}]',
        type=list[Message],
    )
    assert read(parts).question == read([Message("user", "Hello?")]).question == "Hello?"


def test_the_digest_is_of_the_messages_without_their_nonces():
    assert read([Message("user", f"Hello? {NONCE}")]).digest == read([Message("user", "Hello?")]).digest
    assert read([Message("user", "a")]).digest != read([Message("user", "b")]).digest


@given(st.integers(1, 200), st.integers(0, 60))
def test_an_answer_has_the_number_of_pieces_asked_for_and_none_is_empty(tokens, words):
    fact = "Refunds " + "very " * words + "soon."
    made = pieces(read([Message("user", f"Context:\n- {fact}\n\nQuestion: refunds?")]), tokens)
    assert len(made) == tokens or (len(made) == len(fact.split()) < tokens)
    assert "".join(made).startswith(fact.removesuffix(".")), "no fact is cut short"


@pytest.mark.parametrize("messages", [[], [Message("assistant", None)]])
def test_a_chat_without_a_question_is_answered_all_the_same(messages):
    assert "".join(pieces(read(messages), 5))
