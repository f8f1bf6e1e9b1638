"""Which run comes when, and with which seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.prepare import Asked, Prepared, prepare
from harness.suites.turns import Cell, in_pairs, interleaved, salted, with_seed


@pytest.fixture
def prepared(folder: Path) -> Prepared:
    return prepare(folder / "region-loss.yaml", folder / "targets" / "resilient.yaml", Asked(), None)


@pytest.fixture
def other(folder: Path) -> Prepared:
    return prepare(folder / "rate-limit.yaml", folder / "targets" / "resilient.yaml", Asked(), None)


def test_the_first_trial_has_the_seed_itself_and_each_other_one_of_its_own() -> None:
    seeds = [salted(1, trial) for trial in range(1, 101)]
    assert seeds[0] == 1
    assert len(set(seeds)) == 100
    assert seeds == [salted(1, trial) for trial in range(1, 101)]
    assert salted(2, 2) != salted(1, 2)


def test_trials_are_interleaved_and_who_has_fewer_is_left_out_of_the_last_rounds(
    prepared: Prepared, other: Prepared
) -> None:
    a, b = Cell(prepared, trials=3), Cell(other, trials=2)
    assert [(turn.cell.name, turn.trial) for turn in interleaved([a, b])] == [
        ("region-loss on resilient", 1),
        ("rate-limit on resilient", 1),
        ("region-loss on resilient", 2),
        ("rate-limit on resilient", 2),
        ("region-loss on resilient", 3),
    ]


def test_what_is_not_wanted_any_more_is_not_tried_again(prepared: Prepared, other: Prepared) -> None:
    a, b = Cell(prepared, trials=3), Cell(other, trials=3)
    made = 0

    def wanted(cell: Cell) -> bool:
        return cell is a or made < 2

    names = []
    for turn in interleaved([a, b], wanted):
        names.append(turn.cell)
        made += 1
    assert names == [a, b, a, a]


def test_pairs_come_as_base_head_head_base_and_both_of_a_pair_have_one_seed(prepared: Prepared) -> None:
    base, head = Cell(prepared, "base", 3), Cell(prepared, "head", 3)
    turns = list(in_pairs(base, head))
    assert [turn.cell.settings for turn in turns] == ["base", "head", "head", "base", "base", "head"]
    seeds = [turn.prepared.plan.seed for turn in turns]
    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds)) == 3


def test_another_seed_draws_another_schedule_and_leaves_all_else(prepared: Prepared) -> None:
    salted_one = with_seed(prepared, 77)
    assert (salted_one.plan.seed, salted_one.plan.schedule.seed, salted_one.asked.seed) == (77, 77, 77)
    assert salted_one.plan.expectations == prepared.plan.expectations
    assert salted_one.plan.phases == prepared.plan.phases
    assert list(salted_one.plan.schedule.due_times()) != list(prepared.plan.schedule.due_times())
    assert with_seed(prepared, prepared.plan.seed) is prepared
