"""What the documents say of each API is what it says."""

from __future__ import annotations

import re
from pathlib import Path

from harness.dialects import MEANINGS, dialects

PAGE = (Path(__file__).parents[2] / "docs" / "service.md").read_text()


def rows(head: str) -> list[list[str]]:
    """The rows of the table on the page whose first column is called *head*."""
    _, _, rest = PAGE.partition(f"| {head} |")
    table = rest.split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip("` ") for cell in re.split(r" *\| *", line.strip("| "))] for line in table]


def test_every_api_has_a_row_that_says_how_it_tells_of_a_wait() -> None:
    told = {name: wait for name, _, wait, _ in rows("`api`")}
    assert list(told) == list(dialects)
    words = {"seconds": "`retry-after`", "ms": "`retry-after-ms`", "body": "message|body"}
    for name, wait in told.items():
        ways = {way for way, word in words.items() if re.search(word, f"`{wait}`")}
        assert ways == set(dialects[name].tells), name


def test_every_code_that_means_one_thing_has_the_status_that_each_api_gives_it() -> None:
    head = ["openai", "azure-openai", "anthropic", "gemini", "bedrock"]
    told = {code: dict(zip(head, statuses, strict=True)) for code, *statuses in rows("code")}
    assert sorted(told) == sorted(MEANINGS)
    for code, statuses in told.items():
        for name, status in statuses.items():
            word = dialects[name].codes.get(code)
            assert status == ("–" if word is None else str(word.status)), (code, name)
