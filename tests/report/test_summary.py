"""The Markdown summary of a run."""

from __future__ import annotations

import re

from harness.report.summary import code, escaped, summary


def test_it_says_the_verdict_the_findings_and_how_to_repeat_the_run(failing) -> None:
    text = summary(failing.result)
    assert text.startswith(
        "## FAIL: region-loss on fragile\n\nAfter the fault had ended, answers took 9.6 s to recover"
    )
    assert re.search(r"\| `recovery_time_s <= 5` \| 9\.6 s \| 9\.\d to 9\.\d s \| \*\*fail\*\* \|", text)
    assert f"```sh\n{failing.result.replay}\n```" in text


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


def test_a_command_with_backticks_stays_inside_its_fence(failing) -> None:
    text = summary(failing.result.model_copy(update={"replay": "harness run ```x``` --seed 1"}))
    assert "````sh\nharness run ```x``` --seed 1\n````" in text
