"""What conversations remember."""

from __future__ import annotations

from harness.running.load.conversations import Before, Conversations


def test_a_conversation_that_nobody_answered_yet_has_seen_nothing():
    assert Conversations("r").open(3, 0) == Before("r-c3", None, overlapped=False)


def test_the_newest_version_counts_whatever_order_answers_come_in():
    conversations = Conversations("r")
    for turn, version in enumerate([4, 7, None, 5]):
        conversations.open(3, turn)
        conversations.close(3, turn, version, None)
    assert conversations.open(3, 4).seen_version == 7
    assert conversations.open(4, 0).seen_version is None


def test_version_0_is_a_version():
    conversations = Conversations("r")
    conversations.close(1, 0, 0, None)
    assert conversations.open(1, 1).seen_version == 0


def test_only_the_turn_before_makes_a_turn_overlap():
    conversations = Conversations("r")
    conversations.open(1, 0)
    assert conversations.open(1, 1).overlapped
    conversations.close(1, 1, None, None)
    assert not conversations.open(1, 2).overlapped
    assert not conversations.open(2, 1).overlapped


def test_a_name_that_the_target_gave_is_used_from_then_on_and_ours_stays_ours():
    conversations = Conversations("r")
    conversations.close(1, 0, None, "theirs-9")
    conversations.close(1, 1, None, None)
    assert conversations.open(1, 2).name == "theirs-9"
    assert conversations.name(1) == "r-c1"
