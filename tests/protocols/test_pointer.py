"""JSON Pointers, the same wherever one stands."""

from __future__ import annotations

import pytest

from harness.protocols.pointer import at, is_pointer, version_at


@pytest.mark.parametrize(
    ("text", "is_one"), [("", True), ("/", True), ("/a~1b/0", True), ("a", False), ("/a~2", False)]
)
def test_what_is_a_pointer_begins_with_a_slash_and_escapes_well(text: str, is_one: bool) -> None:
    assert is_pointer(text) is is_one


def test_an_index_of_a_list_is_written_in_one_way() -> None:
    assert at({"a": [5, 6]}, "/a/1") == 6
    assert [at({"a": [5, 6]}, f"/a/{index}") for index in ("01", "²", "-1", "2", "-")] == [None] * 5


def test_a_version_is_a_whole_number_that_counts_up() -> None:
    assert version_at({"version": 7}, "/version") == 7
    assert version_at({}, "/version") is None


@pytest.mark.parametrize("version", [True, "7", 7.0, [7], 2**60])
def test_what_is_no_version_is_told(version: object) -> None:
    with pytest.raises(ValueError, match="at /version in the reply stands"):
        version_at({"version": version}, "/version")
