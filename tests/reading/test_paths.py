"""Places inside a document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reading.yaml.paths import parse, written


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("faults", 0, "kind"), "faults[0].kind"),
        (("services", "redis-primary", "command", 2), "services.redis-primary.command[2]"),
        (("env", "A.B"), 'env["A.B"]'),
        (("a", '"]', 1), 'a["\\"]"][1]'),
    ],
)
def test_a_path_is_written_as_people_read_it(path: tuple[str | int, ...], text: str) -> None:
    assert written(path) == text


@given(st.lists(st.text() | st.integers(min_value=0, max_value=99)).map(tuple))
def test_a_written_path_is_parsed_to_itself(path: tuple[str | int, ...]) -> None:
    assert parse(written(path)) == path


@pytest.mark.parametrize("text", ["a b", "a[", "a[x]", "a..b", "[-1]"])
def test_what_is_not_a_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a path; write it such as faults"):
        parse(text)
