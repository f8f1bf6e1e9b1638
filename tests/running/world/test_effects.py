"""A count of what a service has done is read in each form in which it may be given."""

from __future__ import annotations

import pytest

from harness.protocols.nonce import Nonces, nonce
from harness.record.effects import Effects
from harness.running.world.effects import counted

RUN = "20260101-000000-shop-abcd"
ONE, TWO = nonce(RUN, 1), nonce(RUN, 2)
OTHERS = nonce("another run", 1)


@pytest.mark.parametrize(
    ("said", "effects"),
    [
        (7, Effects(7)),
        (0, Effects(0)),
        ([], Effects(0)),
        ([ONE, TWO, ONE], Effects(3, {ONE: 2, TWO: 1})),
        ([{"order": 5, "request": f"req {ONE}"}, {"order": 6, "request": None}], Effects(2, {ONE: 1})),
        ({ONE: 2, f"mail-for {TWO}": 1}, Effects(3, {ONE: 2, TWO: 1})),
        ({ONE: {"at": "noon"}}, Effects(1, {ONE: 1})),
        ([OTHERS, "order-17"], Effects(2)),
    ],
)
def test_what_a_count_says_is_read(said: object, effects: Effects) -> None:
    assert counted(said, Nonces(RUN)) == effects


@pytest.mark.parametrize("said", [None, "7", 7.5, True])
def test_what_is_no_count_is_none(said: object) -> None:
    assert counted(said, Nonces(RUN)) is None
