"""Of an address that is written down, only its place is: whoever takes it for one reads no key out of it."""

from __future__ import annotations

import pytest

from harness.http1.headers import place_alone


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://u:pw@there/ask/?key=s#t", "http://there/ask/"),
        ("//u@there:80/x", "//there:80/x"),
        ("http://u:p@w@there", "http://there"),
        ("http:\\\\u:pw@there/x", "http:\\\\there/x"),
        ("u:pw@there/x?key=s", "there/x"),
        ("http://u:p?w@there/x", "http://u"),
        ("http://u:p#w@there/x", "http://u"),
        ("http://there:8080?of=ann@there", "http://there:8080"),
        ("http://[::1]:80?key=s", "http://[::1]:80"),
        ("/users/ann@there/x:y?key=s", "/users/ann@there/x:y"),
    ],
)
def test_a_place_is_written_without_the_keys_that_stand_around_it(address: str, place: str) -> None:
    assert place_alone(address) == place
