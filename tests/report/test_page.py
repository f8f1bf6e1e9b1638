"""The page as a whole: it needs nothing beside itself, it is the same every time, and nothing that it quotes can act."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from harness.judging.result import Result
from harness.report.page import page

BESIDE = {
    *("result.json", "summary.md", "junit.xml", "scenario.yaml", "target.yaml", "questions.yaml"),
    *("history.jsonl", "requests.parquet", "attempts.parquet", "arrivals.parquet", "logs/"),
}
KINDS = ("failing", "passing", "diverging", "cut_short", "unheard", "undisturbed", "refused", "attacked")


@pytest.fixture(scope="module", params=KINDS)
def made(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def html(made) -> str:
    return page(made.result, made.evidence)


def test_the_first_things_that_are_read_are_the_verdict_and_why(made, html, read) -> None:
    text = read(html).text
    where = [
        text.find(part) for part in (f"{made.result.verdict.upper()} ", "Broken", "Run it again", "What was expected")
    ]
    assert where == sorted(where)
    assert -1 not in where
    assert made.result.replay in text


def test_before_any_number_a_run_that_failed_says_what_to_change(failing, read) -> None:
    text = read(page(failing.result, failing.evidence)).text
    head = text[: text.index("Run it again")]
    assert [one.change in head for one in failing.result.diagnoses] == [
        True,
        True,
        *[False] * (len(failing.result.diagnoses) - 2),
    ]


def test_a_run_that_passed_is_not_told_to_change_before_its_numbers(failing, passing, read) -> None:
    behind = passing.result.model_copy(update={"diagnoses": failing.result.diagnoses})
    told = read(page(behind, passing.evidence)).text
    assert behind.diagnoses[0].change not in told[: told.index("Run it again")]
    assert behind.diagnoses[0].change in told


def test_the_parts_stand_in_their_order(failing, diverging, read) -> None:
    headings = (
        "What was expected",
        "What went wrong",
        "What happened",
        "By entry, link and status",
        "Where the retries came from",
        "Phase by phase",
        "Can these numbers be trusted?",
    )
    text = read(page(failing.result, failing.evidence)).text
    where = [text.index(heading) for heading in (*headings, "Where this comes from")]
    assert where == sorted(where)
    assert "Questions that got different answers" in read(page(diverging.result, diverging.evidence)).text


def test_the_same_run_gives_the_same_bytes(made, html) -> None:
    again = Result.model_validate_json(made.result.to_json())
    assert page(again, made.evidence) == html


def test_a_default_run_stays_small(html) -> None:
    assert len(html.encode()) < 200_000


def test_nothing_is_fetched_and_nothing_but_the_pages_own_style_and_script_may_be_used(html, read) -> None:
    found = read(html)
    (policy,) = [meta["content"] for meta in found.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (code,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = b64encode(sha256(code.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    places = {f"#{attributes['id']}" for _tag, attributes in found.elements if "id" in attributes}
    for _tag, attributes in found.elements:
        assert not [
            name
            for name in attributes
            if name == "style" or name.startswith("on") or name in ("src", "action", "srcdoc")
        ]
        # A file of the run is there to be opened, a place in the page to be gone to; nothing is fetched for the page.
        assert attributes.get("href", "data:,") in {"data:,", *((*BESIDE, *places) if _tag == "a" else ())}
    assert "http-equiv=refresh" not in html
    assert not re.search(r"url\(|@import", "".join(found.code["style"]))


def test_all_elements_are_closed_in_order_and_every_id_is_there_once(html, read) -> None:
    found = read(html)
    assert found.inside == []
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [key for _, attributes in found.elements for key in attributes.get("aria-labelledby", "").split()]
    assert set(named) <= set(ids)


def test_what_was_not_measured_is_never_nought(unheard, read) -> None:
    html = page(unheard.result, unheard.evidence)
    # How many were late is a count of what there was.
    rest = re.sub(r"<section>(?:(?!<section).)*Can these numbers.*?</section>", "", html, flags=re.DOTALL)
    assert rest != html
    before = read(rest).text
    assert before.count("not measured") >= 8
    assert not re.search(r"(?<![\d.])0(\.0+)? (s|×|ms)(?!\w)", before)


def test_quoted_text_stands_as_text_and_nowhere_else(attacked, read) -> None:
    html = page(attacked.result, attacked.evidence)
    found = read(html)
    assert "dataset.hacked" in found.text
    assert "<img src=x onerror=" in found.text
    assert "{{ 7 * 7 }}" in found.text
    assert "49" not in re.findall(r"\]\]>(.{20})", found.text)[0]
    assert len(found.all("script")) == 1
    assert found.all("img") == []
    assert "hacked" not in "".join(found.code["script"])
    assert not [
        value
        for _, attributes in found.elements
        for value in attributes.values()
        if "hacked" in value or "\x1b" in value
    ]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", html)


def test_hostile_words_anywhere_in_the_result_do_no_harm(failing, read) -> None:
    evil = '"><script>alert(1)</script>\u202e\x1b' + "x" * 100_000
    result = failing.result
    fault = result.faults[0].model_copy(update={"summary": evil, "evidence": evil, "id": evil})
    quality = result.quality.model_copy(update={"notes": [evil]})
    changes = {
        "run_id": evil,
        "verdict": "invalid",
        "reason": evil,
        "started_at": evil,
        "replay": evil,
        "versions": {evil: evil},
        "faults": [fault],
        "quality": quality,
        "scenario": result.scenario.model_copy(update={"name": evil, "path": evil, "sha256": evil}),
        "proxy": result.proxy.model_copy(update={"version": evil}),
        "findings": [
            result.findings[0].model_copy(update={"expectation": evil + " <= 5", "metric": evil, "phase": evil})
        ],
    }
    html = page(result.model_copy(update=changes), failing.evidence)
    found = read(html)
    assert len(found.all("script")) == 1
    assert "alert(1)" not in "".join(found.code["script"])
    assert "<script>alert(1)</script>" in found.text
    assert "\u202e" not in html
    assert len(html) < 200_000


def test_without_evidence_the_result_is_told_all_the_same(failing, read) -> None:
    text = read(page(failing.result, None)).text
    assert "FAIL" in text
    assert "9.6 s" in text
    assert "so nothing is drawn" in text


def test_a_number_and_its_unit_stay_on_one_line_in_the_sentence(failing) -> None:
    assert "9.6\u00a0s to recover" in page(failing.result, failing.evidence)
