"""What the words of a server about its version mean."""

import pytest

from harness.running.toxiproxy.version import parse


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ('{"version": "2.12.0"}\n', (2, 12, 0)),
        ("toxiproxy-server version 2.9.0\n", (2, 9, 0)),
        ("v2.13.0", (2, 13, 0)),
        ("toxiproxy-server version git", None),
    ],
)
def test_a_version_is_read_wherever_it_stands(said: str, number: tuple[int, int, int] | None) -> None:
    assert parse(said).number == number


@pytest.mark.parametrize("said", ["", "nginx", "digital", '{"version": null}'])
def test_words_that_name_no_version_are_refused(said: str) -> None:
    with pytest.raises(ValueError, match="names no version"):
        parse(said)


@pytest.mark.parametrize(
    ("text", "supported", "lets_go"),
    [
        ("2.5.9", False, False),
        ("2.6.0", True, False),
        ("2.12.0", True, False),
        ("2.13.0", True, True),
        ("git", True, False),
    ],
)
def test_what_can_be_relied_on_depends_on_the_version(text: str, supported: bool, lets_go: bool) -> None:
    version = parse(text)
    assert (version.supported, version.lets_go_of_streams) == (supported, lets_go)
