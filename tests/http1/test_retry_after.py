"""How long an answer says to wait, in every form that providers and gateways write."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from harness.http1.retry_after import stated_wait_ms

NOW_S = 1_800_000_000.0


def _date(at_s: float) -> bytes:
    return formatdate(at_s, usegmt=True).encode()


@pytest.mark.parametrize(
    ("name", "value", "wait_ms"),
    [
        (b"retry-after", b"3", 3000),
        (b"retry-after", b" 0.5 ", 500),
        (b"retry-after-ms", b"250", 250),
        (b"retry-after", _date(NOW_S + 4), 4000),
        (b"retry-after", _date(NOW_S - 4), None),
        (b"retry-after", b"1209600", 1_209_600_000),
        (b"retry-after", b"0", None),
        (b"retry-after", b"-1", None),
        (b"retry-after", b"", None),
        (b"retry-after", b"soon", None),
        (b"retry-after", b"nan", None),
        (b"retry-after", b"1e999", None),
        (b"retry-after", b"Fri, 99 Dec 99999 99:99:99 GMT", None),
        (b"retry-after", b"\xff\xfe", None),
        (b"retry-after-ms", _date(NOW_S + 4), None),
    ],
)
def test_a_wait_is_read_in_every_form_and_nothing_else_is_one(name: bytes, value: bytes, wait_ms: float | None) -> None:
    assert stated_wait_ms({name: value}, NOW_S) == wait_ms


@pytest.mark.parametrize("ahead_s", [-5400, -90, 0, 90, 5400])
def test_a_date_is_held_against_the_date_of_its_answer_whatever_the_clocks_here_and_there_say(ahead_s: float) -> None:
    dated = {b"date": _date(NOW_S + ahead_s), b"retry-after": _date(NOW_S + ahead_s + 4)}
    assert stated_wait_ms(dated, NOW_S) == 4000
    over = {b"date": _date(NOW_S + ahead_s), b"retry-after": _date(NOW_S + ahead_s - 4)}
    assert stated_wait_ms(over, NOW_S) is None


@pytest.mark.parametrize("date", [b"", b"today", b"Fri, 99 Dec 99999 99:99:99 GMT"])
def test_a_date_of_an_answer_without_one_is_held_against_the_clock_here(date: bytes) -> None:
    assert stated_wait_ms({b"date": date, b"retry-after": _date(NOW_S + 4)}, NOW_S) == 4000


def test_the_date_of_an_answer_changes_no_wait_that_is_a_number() -> None:
    for name, wait in ((b"retry-after", b"3"), (b"retry-after-ms", b"3000")):
        assert stated_wait_ms({b"date": _date(NOW_S - 90), name: wait}, NOW_S) == 3000


def test_a_date_that_names_no_zone_is_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert stated_wait_ms({b"retry-after": _date(NOW_S + 4).removesuffix(b" GMT")}, NOW_S) == 4000
    finally:
        monkeypatch.undo()
        time.tzset()
