"""The Markdown summary of a run."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.report.summary import code, escaped, summary


def test_it_says_the_verdict_the_findings_and_how_to_repeat_the_run(failing) -> None:
    text = summary(failing.result)
    assert text.startswith(
        "## FAIL: region-loss on fragile\n\nAfter the fault had ended, answers took 9.6 s to recover"
    )
    assert re.search(r"\| `recovery_time_s <= 5` \| 9\.6 s \| 9\.\d to 9\.\d s \| \*\*fail\*\* \|", text)
    assert f"```sh\n{failing.result.replay}\n```" in text


def test_what_lies_beyond_what_was_observed_is_more_than_it(run_with, finding) -> None:
    beyond = finding(value=20.0, low=20.0, high=None, censored=True)
    assert "| > 20 s | at least 20 s |" in summary(run_with(beyond)).replace(r"\>", ">").replace("&gt;", ">")
    assert "| 20 s | 19 to 21 s |" in summary(run_with(finding(value=20.0, low=19.0, high=21.0)))


def test_in_a_run_that_cannot_be_trusted_nothing_counts(refused, passing) -> None:
    text = summary(refused.result)
    assert "not counted" in text
    assert "| pass |" not in text
    assert "nothing is said about the service" in text
    assert "not counted" not in summary(passing.result)
    assert "| pass |" in summary(passing.result)


def test_every_row_of_the_table_has_the_same_number_of_cells(run_with, finding) -> None:
    odd = finding().model_copy(update={"expectation": "a | b ` c <= 5", "metric": "x|y"})
    rows = [line for line in summary(run_with(odd, finding())).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_what_is_quoted_is_no_markdown() -> None:
    assert escaped("<b>*a* [x](y) | `z` #1 @you</b>") == r"\<b\>\*a\* \[x\](y) \| \`z\` \#1 \@you\</b\>"
    assert escaped("a\n\n# b") == r"a \# b"
    assert "\x1b" not in escaped("\x1b[31m")
    assert code("a`b|c") == r"`a’b\|c`"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pydantic_fallback of a__b", "pydantic_fallback of a__b"),
        ("good_ratio{region=east}", "good_ratio{region=east}"),
        ("größe_über_2", "größe_über_2"),
        ("_this_ and __that__", r"\_this\_ and \_\_that\_\_"),
        ("a_ _b -_c_- x_.", r"a\_ \_b -\_c\_- x\_."),
    ],
)
def test_what_is_one_word_is_shown_as_one_also_where_nobody_renders_it(text: str, said: str) -> None:
    assert escaped(text) == said


@example("a_b_ c").via("an underscore that ends a word")
@given(st.text("_*a1é.- (", max_size=12))
def test_however_underscores_stand_they_are_read_as_they_are(text: str) -> None:
    shown = MarkdownIt("commonmark").renderInline(escaped(text))
    assert unescape(shown) == " ".join(text.split())


def test_a_command_with_backticks_stays_inside_its_fence(failing) -> None:
    text = summary(failing.result.model_copy(update={"replay": "harness run ```x``` --seed 1"}))
    assert "````sh\nharness run ```x``` --seed 1\n````" in text
