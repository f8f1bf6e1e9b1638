"""Two runs stand side by side on one clock and one scale."""

from __future__ import annotations

import re

import pytest

from harness.report.beside import Side, page


@pytest.fixture(scope="module")
def html(failing, passing) -> str:
    left, right = (
        Side(made.result, made.evidence, f"{name}/report.html") for made, name in ((failing, "a"), (passing, "b"))
    )
    return page(left, right)


def test_both_verdicts_both_headlines_and_what_was_expected_of_both(html: str, failing, passing, read) -> None:
    text = read(html).text
    assert "FAIL" in text
    assert "PASS" in text
    assert "All 4 expectations held" in text
    assert text.index("20") < text.index("What happened")
    assert {one["href"] for one in read(html).all("a")} == {"a/report.html", "b/report.html"}


def test_each_pair_of_charts_has_one_scale(html: str) -> None:
    drawings = re.findall(r'<svg class="drawing".*?</svg>\s*<ul', html, re.DOTALL)
    assert len(drawings) == 8
    # Values are named at the left edge.
    named = [re.findall(r'<text[^>]* x="0"[^>]* y="([\d.]+)"[^>]*>([^<]+)</text>', one) for one in drawings]
    assert all(named)
    for left, right in zip(named[0::2], named[1::2], strict=True):
        assert left == right


def test_every_id_is_there_once_and_nothing_is_fetched(html: str, read) -> None:
    found = read(html)
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert found.inside == []
    assert found.all("script") == found.all("img") == []


def test_the_same_runs_give_the_same_bytes(html: str, failing, passing) -> None:
    assert (
        page(
            Side(failing.result, failing.evidence, "a/report.html"),
            Side(passing.result, passing.evidence, "b/report.html"),
        )
        == html
    )
