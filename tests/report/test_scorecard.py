"""The page of a scorecard: every cell with its verdict, its numbers and its report, and nothing that it quotes can act."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from harness.judging.result import Measured
from harness.judging.scorecard import Cell, Named, Scorecard
from harness.report.scorecard import markdown, page, tally

UNMEASURED = Measured(value=None, low=None, high=None, censored=False, n=0)


def exactly(value: float) -> Measured:
    return Measured(value=value, low=value, high=value, censored=False, n=40)


def a_cell(situation: str, system: str, **keys: object) -> Cell:
    usual = {
        "verdict": "pass",
        "reason": "Every expectation held.",
        "run_id": "20261126-131500-a",
        "folder": f"{situation}/20261126-131500-{system}",
        "started_at": "2026-11-26T13:15:00+00:00",
        "seed": 1,
        "exposed": 40,
        "broken": ["primary"],
        "others": ["fallback"],
        "attempts": "3p/1f",
        "at_broken": exactly(3),
        "at_others": exactly(1),
        "wait_s": Measured(value=2.3, low=2.2, high=2.4, censored=False, n=40),
        "gap_s": exactly(0.5),
        "good": Measured(value=1.0, low=0.91, high=1.0, censored=False, n=40),
        "otherwise": {},
    }
    return Cell.model_validate({"situation": situation, "system": system} | usual | keys)


def a_card(*cells: Cell, about: str = "The primary answers 503.", replay: str = "harness run a --resume") -> Scorecard:
    return Scorecard(
        situations=[Named(name="down", about=about), Named(name="slow")],
        systems=[Named(name="one", about="One 1.0"), Named(name="two")],
        cells=list(cells),
        missing=4 - len(cells),
        exit_status=1,
        replay=replay,
        versions={"harness": "0.1.0"},
    )


CARD = a_card(
    a_cell("down", "one"),
    a_cell(
        "down",
        "two",
        verdict="fail",
        reason="Too few.",
        attempts="3p/0f",
        stumps=exactly(0.25),
        otherwise={"status 502": 40},
    ),
    a_cell("slow", "one", attempts="", at_broken=UNMEASURED, at_others=UNMEASURED, wait_s=UNMEASURED, good=UNMEASURED),
)


def test_each_situation_is_a_row_with_a_cell_for_each_system_and_one_that_is_missing_is_said(read) -> None:
    text = re.sub(r"\s+", " ", read(page(CARD)).text)
    assert (
        "down The primary answers 503. pass 3p/1f wait 2.3 s good 40 of 40 fail 3p/0f wait 2.3 s good 40 of 40 25 % stumps as whole"
        in text
    )
    assert "slow pass attempts not measured wait not measured nobody exposed not run yet" in text
    assert tally(CARD) in text
    assert tally(CARD) == "2 pass, 1 fail, 1 not run yet"


def test_each_cell_has_its_intervals_and_what_else_came(read) -> None:
    text = re.sub(r"\s+", " ", read(page(CARD)).text)
    assert (
        "3.00 × (exact) 1.00 × (exact) 2.3 s (2.2 to 2.4 s) 0.50 s (exact) 1.00 (0.91 to 1.00) 0.25 (exact) 40 status 502"
        in text
    )


def test_each_cell_leads_to_the_report_of_its_run(read) -> None:
    links = [attributes["href"] for _, attributes in read(page(CARD)).elements if _ == "a"]
    assert set(links) == {f"{cell.folder}/report.html" for cell in CARD.cells}
    assert all(links.count(f"{cell.folder}/report.html") >= 2 for cell in CARD.cells)


def test_why_a_cell_is_no_pass_is_said_and_only_of_those(read) -> None:
    text = read(page(CARD)).text
    assert "Too few." in text
    assert "Why a cell is no pass" not in read(page(a_card(a_cell("down", "one")))).text


def test_the_same_scorecard_gives_the_same_bytes() -> None:
    assert page(Scorecard.model_validate_json(CARD.to_json())) == page(CARD)


def test_nothing_is_fetched_and_no_script_may_run(read) -> None:
    html = page(CARD)
    found = read(html)
    (policy,) = [meta["content"] for meta in found.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    (style,) = re.findall("<style>(.*?)</style>", html, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert "script-src" not in policy
    assert found.all("script") == []
    assert found.inside == []


@pytest.mark.parametrize("hostile", ["<img src=x onerror=alert(1)>", "</style><script>x()</script>", "{{ 7 * 7 }}"])
def test_hostile_words_stand_as_text(read, hostile: str) -> None:
    card = a_card(
        a_cell("down", "two", verdict="fail", reason=hostile, otherwise={hostile: 1}), about=hostile, replay=hostile
    )
    found = read(page(card))
    assert found.text.count(hostile) == 4
    assert (found.all("script"), found.all("img")) == ([], [])


def test_the_table_in_markdown_has_a_line_for_each_situation() -> None:
    assert markdown(CARD).splitlines() == [
        "| situation | one | two |",
        "| :-- | :-- | :-- |",
        "| down | pass 3p/1f, 2.3 s | **fail** 3p/0f, 2.3 s, 25 % stumps |",
        "| slow | pass | not run yet |",
    ]


def test_a_name_cannot_add_a_column_to_the_table() -> None:
    hostile = CARD.model_copy(update={"systems": [Named(name="one"), Named(name="two | [x](y)")]})
    assert r"two \| \[x\](y)" in markdown(hostile)
