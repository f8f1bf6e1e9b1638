"""Which requests are due when, and how workers and conversations share them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.planning.curve import Linear
from harness.planning.schedule import Schedule, Share, conversation_count, mine, turns
from harness.protocols.asking import ResolvedAsk
from harness.protocols.nonce import lot
from harness.running.load.plan import LoadPlan, PlannedQuestion


def even(arrivals="constant", rate_per_s=20.0, total_s=50.0, jitter=0.2, seed=7):
    return Schedule(arrivals, (Linear(total_s, rate_per_s, rate_per_s),), jitter, 5.0, seed)


LOAD = LoadPlan(
    run_id="r",
    schedule=even(),
    entries={"east": "http://127.0.0.1:1", "west": "http://127.0.0.1:2"},
    questions=tuple(PlannedQuestion(f"q{number}", f"What is {number}?") for number in range(10)),
    ask=ResolvedAsk("json"),
    in_flight_max=10,
    rows_dir="/tmp",
    ready_path="/tmp/ready",
    start_path="/tmp/start",
)
RATES = st.floats(0.5, 200)
SEEDS = st.integers(0, 2**63 - 1)
JITTERS = st.floats(0, 1)


def rescheduled(**changes):
    return msgspec.structs.replace(LOAD, schedule=even(**changes))


def due_times(shape, rate_per_s, total_s, jitter, seed):
    return even(shape, rate_per_s, total_s, jitter, seed).due_times()


@given(RATES, JITTERS, SEEDS)
def test_constant_arrivals_come_in_order_each_within_its_own_gap(rate, jitter, seed):
    due = list(due_times("constant", rate, 10.0, jitter, seed))
    assert due == sorted(due)
    for index, at_s in enumerate(due):
        assert index / rate <= at_s <= (index + jitter) / rate + 1e-9


@given(RATES, SEEDS, st.sampled_from(["constant", "poisson"]))
def test_equal_seeds_give_equal_arrivals_all_of_them_inside_the_load(rate, seed, shape):
    due = list(due_times(shape, rate, 5.0, 0.2, seed))
    assert due == list(due_times(shape, rate, 5.0, 0.2, seed))
    assert all(0 <= at_s < 5.0 for at_s in due)


def test_other_seeds_give_other_arrivals():
    assert list(due_times("constant", 20, 5.0, 0.2, 1)) != list(due_times("constant", 20, 5.0, 0.2, 2))
    assert list(due_times("poisson", 20, 5.0, 0.2, 1)) != list(due_times("poisson", 20, 5.0, 0.2, 2))


def test_poisson_gaps_vary_as_much_as_they_are_long_and_constant_ones_do_not():
    def variation(shape):
        due = list(due_times(shape, 100.0, 100.0, 0.2, 3))
        gaps = [later - earlier for earlier, later in pairwise(due)]
        mean = sum(gaps) / len(gaps)
        assert mean == pytest.approx(0.01, rel=0.05)
        return (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5 / mean

    assert variation("poisson") == pytest.approx(1.0, abs=0.05)
    assert variation("constant") < 0.2


@pytest.mark.parametrize(("rate", "total_s", "count"), [(20, 50, 1000), (100, 0.29, 29), (0.5, 3, 1), (3, 0.3, 0)])
def test_a_whole_product_of_rate_and_time_is_not_lost_to_rounding(rate, total_s, count):
    load = rescheduled(rate_per_s=float(rate), total_s=float(total_s))
    assert load.schedule.requests == len(list(turns(load))) == count


@given(st.integers(1, 7), st.integers(0, 200))
def test_workers_send_everything_once(workers, count):
    shares = [list(mine(range(count), Share(number, workers))) for number in range(workers)]
    assert sorted(pair for share in shares for pair in share) == [(index, index) for index in range(count)]


@given(RATES, st.floats(0.01, 30), st.integers(1, 7))
def test_turns_of_a_conversation_are_a_gap_apart_or_a_little_more(rate, gap_s, workers):
    count = conversation_count(rate, gap_s, workers)
    assert count % workers == 0
    assert count / rate >= gap_s * (1 - 1e-5)
    assert (count - workers) / rate < gap_s or count == workers


def test_a_whole_product_needs_no_conversation_more():
    assert conversation_count(10, 1.1, 1) == 11
    assert conversation_count(20, 5.0, 1) == 100
    assert conversation_count(0.1, 1.0, 1) == 1


@given(st.integers(1, 5), st.sampled_from(["constant", "poisson"]))
def test_every_worker_alone_computes_its_part_of_the_same_load(workers, shape):
    plan = rescheduled(arrivals=shape)
    shares = [list(turns(plan, Share(number, workers))) for number in range(workers)]
    everything = sorted((turn for share in shares for turn in share), key=lambda turn: turn.index)
    assert [turn.index for turn in everything] == list(range(plan.schedule.requests))
    assert [turn.due_s for turn in everything] == list(due_times(shape, 20.0, 50.0, 0.2, 7))
    homes = {(turn.conversation, number) for number, share in enumerate(shares) for turn in share}
    assert len(homes) == len({turn.conversation for turn in everything}), "each conversation stays on one worker"


def test_a_conversation_alternates_between_two_entries_and_each_gets_half():
    everything = list(turns(LOAD))
    by_conversation = {}
    for turn in everything:
        assert by_conversation.get(turn.conversation) != turn.entry
        by_conversation[turn.conversation] = turn.entry
    assert sum(turn.entry for turn in everything) == 500


def test_questions_are_drawn_evenly_and_depend_on_nothing_but_seed_and_index():
    alone = {turn.index: turn.question for turn in turns(LOAD)}
    shared = {turn.index: turn.question for number in range(3) for turn in turns(LOAD, Share(number, 3))}
    assert alone == shared
    assert all(60 < list(alone.values()).count(question) < 140 for question in range(10))
    assert alone != {turn.index: turn.question for turn in turns(rescheduled(seed=8))}


def test_another_run_with_the_same_seed_differs_in_its_nonces_alone():
    one, other = list(turns(LOAD)), list(turns(msgspec.structs.replace(LOAD, run_id="s")))
    assert {turn.nonce for turn in one}.isdisjoint(turn.nonce for turn in other)
    assert [replace(turn, nonce="") for turn in one] == [replace(turn, nonce="") for turn in other]
    assert [lot(turn.nonce) for turn in one] == [lot(turn.nonce) for turn in other]


def test_a_conversation_is_one_users_and_every_user_asks_only_their_own_questions():
    users = ("ann", "bob", "ann", "", "bob")
    questions = tuple(PlannedQuestion(f"q{number}", "?", user) for number, user in enumerate(users))
    everything = list(turns(msgspec.structs.replace(LOAD, questions=questions)))
    by_conversation = {}
    for turn in everything:
        by_conversation.setdefault(turn.conversation, set()).add(users[turn.question])
    assert all(len(asked_by) == 1 for asked_by in by_conversation.values())
    assert {turn.question for turn in everything} == set(range(5))


SEVERAL = tuple(PlannedQuestion(f"q{n}", "?", turns=("and?", "then?")[: n % 3]) for n in range(6))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_question_of_several_turns_is_asked_to_its_end_in_one_conversation(workers):
    plan = msgspec.structs.replace(LOAD, questions=SEVERAL)
    by_conversation = {}
    for number in range(workers):
        for turn in turns(plan, Share(number, workers)):
            by_conversation.setdefault(turn.conversation, []).append((turn.question, turn.step))
    assert len({question for asked in by_conversation.values() for question, _ in asked}) == 6
    for asked in by_conversation.values():
        assert asked[0][1] == 0
        for (question, step), (next_, its) in pairwise(asked):
            goes_on = step < len(SEVERAL[question].turns)
            assert (next_, its) == (question, step + 1) if goes_on else its == 0


def test_questions_of_one_turn_are_drawn_as_if_there_were_no_turns():
    assert all(turn.step == 0 for turn in turns(LOAD))
    several = list(turns(msgspec.structs.replace(LOAD, questions=SEVERAL + LOAD.questions[6:])))
    plain = {turn.index: turn.question for turn in turns(LOAD)}
    assert all(plain[turn.index] == turn.question for turn in several if turn.step == 0)


def test_who_asks_changes_nothing_of_when_and_where():
    questions = tuple(PlannedQuestion(f"q{number}", "?", "ab"[number % 2]) for number in range(10))
    other = list(turns(msgspec.structs.replace(LOAD, questions=questions)))
    assert [replace(turn, question=0) for turn in other] == [replace(turn, question=0) for turn in turns(LOAD)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_of_a_load_with_a_limit_all_workers_together_send_the_first_so_many(workers):
    plan, limited = rescheduled(), msgspec.structs.replace(rescheduled(), requests_max=7)
    sent = sorted(
        (turn for number in range(workers) for turn in turns(limited, Share(number, workers))),
        key=lambda turn: turn.index,
    )
    assert [turn.index for turn in sent] == list(range(7))
    whole = {turn.index: turn for number in range(workers) for turn in turns(plan, Share(number, workers))}
    assert sent == [whole[index] for index in range(7)]
