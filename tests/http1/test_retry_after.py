"""How long an answer says to wait, in every form that providers and gateways write."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from harness.http1.retry_after import stated_wait_ms

NOW_S = 1_800_000_000.0


@pytest.mark.parametrize(
    ("name", "value", "wait_ms"),
    [
        (b"retry-after", b"3", 3000),
        (b"retry-after", b" 0.5 ", 500),
        (b"retry-after-ms", b"250", 250),
        (b"retry-after", formatdate(NOW_S + 4, usegmt=True).encode(), 4000),
        (b"retry-after", formatdate(NOW_S - 4, usegmt=True).encode(), None),
        (b"retry-after", b"1209600", 1_209_600_000),
        (b"retry-after", b"0", None),
        (b"retry-after", b"-1", None),
        (b"retry-after", b"", None),
        (b"retry-after", b"soon", None),
        (b"retry-after", b"nan", None),
        (b"retry-after", b"1e999", None),
        (b"retry-after", b"Fri, 99 Dec 99999 99:99:99 GMT", None),
        (b"retry-after", b"\xff\xfe", None),
        (b"retry-after-ms", formatdate(NOW_S + 4, usegmt=True).encode(), None),
    ],
)
def test_a_wait_is_read_in_every_form_and_nothing_else_is_one(name: bytes, value: bytes, wait_ms: float | None) -> None:
    assert stated_wait_ms(name, value, NOW_S) == wait_ms
