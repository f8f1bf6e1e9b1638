"""What went wrong is told in the words of who said it: alike failures are one line, and each request counts once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judging.errors import failures, normal
from harness.judging.verdict import judge
from harness.record.columns import Table
from harness.report.page import page
from harness.report.sections import by_what_failed

LOSS = "[{kind: regional_loss, region: east, mode: blackhole}]"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            'http 503: {"error": {"message": "Timeout reading from 127.0.0.1:38295"}}',
            "Timeout reading from 127.0.0.1:‹port›",
        ),
        (
            "Error code: 429 - Limit 1,200, used 1.5; try again in 498ms",
            "Error code: 429 - Limit ‹n›, used ‹n›; try again in ‹n›ms",
        ),
        ("no model gpt-4o for req_011CSHoEeqs5C35K2UUqR7Fy", "no model gpt-4o for ‹id›"),
        ("at 2026-11-02T10:11:12.5Z, 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "at ‹time›, ‹id›"),
        ('{"detail": "cut off in the mid', "cut off in the mid"),
        ("", ""),
    ],
)
def test_what_differs_from_one_to_the_next_is_taken_out_and_what_says_what_it_is_stays(said, kept) -> None:
    assert normal(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        "Authorization: Bearer abc.DEF-1",
        "bad key sk-proj-Abc123def",
        "api_key=hunter2 refused",
        "mail to ann@example.org",
    ],
)
def test_what_looks_like_a_secret_or_an_address_is_not_repeated(said: str) -> None:
    assert not any(secret in normal(said) for secret in ("abc.DEF-1", "Abc123def", "hunter2", "ann@"))
    assert "‹" in normal(said)


def test_alike_failures_are_one_kind_and_every_request_that_was_not_good_is_in_one(failing) -> None:
    rows = failing.evidence.requests
    bad = ~rows["good"].astype(bool)
    found = failing.result.failures
    assert sum(failure.requests for failure in found) == int(bad.sum()) > 100
    assert [failure.came_to for failure in found] == ["timed out"]
    assert found[0].share == pytest.approx(bad.mean())
    assert (found[0].first_s, found[0].last_s) == pytest.approx(
        (rows["due_s"][bad].min(), rows["due_s"][bad].max()), abs=1e-3
    )
    assert found[0].examples == rows["nonce"][bad].tolist()[:3]
    assert sum(found[0].phases.values()) == sum(found[0].entries.values()) == found[0].requests


def test_what_was_told_otherwise_is_another_kind_and_the_most_frequent_comes_first(failing) -> None:
    rows = failing.evidence.requests.copy()
    bad = rows.index[~rows["good"].astype(bool)]
    rows.loc[bad, "detail"] = [f"pool {'empty' if n % 3 else 'closed'} after {n} ms" for n in range(len(bad))]
    found = failures(replace(failing.evidence, request_table=Table.of(rows), _made={}))
    assert [failure.said for failure in found] == ["pool empty after ‹n› ms", "pool closed after ‹n› ms"]
    assert found[0].requests > found[1].requests


def test_where_all_went_well_nothing_went_wrong(undisturbed, read) -> None:
    assert undisturbed.result.failures == []
    assert "What went wrong" not in read(page(undisturbed.result, undisturbed.evidence)).text


def test_the_table_stands_on_the_page_and_quotes_as_text(failing, read) -> None:
    evil = '=cmd|"<script>alert(1)</script>'
    told = failing.result.failures[0].model_copy(
        update={"said": evil, "came_to": evil, "entries": {evil: 3, "west": 1}}
    )
    found = read(page(failing.result.model_copy(update={"failures": [told]}), failing.evidence))
    assert evil in found.text
    assert len(found.all("script")) == 1


def test_the_parts_that_show_what_failed_come_first(failing, diverging, passing) -> None:
    def first(result) -> list[str]:
        return [name for name in by_what_failed(result) if name not in ("scores", "findings", "diagnoses")][:2]

    assert first(failing.result) == ["errors", "timeline"]
    assert first(diverging.result) == ["disagreements", "traces"]
    retried = [f for f in failing.result.findings if f.metric == "retry_amplification"]
    assert first(failing.result.model_copy(update={"findings": retried})) == ["retries", "timeline"]
    assert by_what_failed(passing.result)[:4] == ["scores", "findings", "diagnoses", "errors"]


def test_a_run_of_before_there_were_kinds_of_failure_has_no_such_table(failing, read) -> None:
    old = failing.result.model_copy(update={"failures": []})
    assert "What went wrong" not in read(page(old, None)).text


def test_judged_again_it_is_the_same(failing) -> None:
    assert judge(failing.evidence).failures == failing.result.failures
