"""A fault is found by the words in which people tell what happened to them."""

from __future__ import annotations

from pathlib import Path

import fault_list
import pytest

from harness.faults.kinds import AnyFault, faults
from harness.faults.lookup import Example, examples, looked_up
from harness.interfaces.listing import told
from harness.problems import UsageProblems
from harness.reading.strict import Strict
from harness.reading.yaml import load


class Entry(Strict):
    """A fault as a file has it."""

    fault: AnyFault


@pytest.mark.parametrize("example", list(examples()), ids=lambda one: one.seen_as)
def test_what_is_told_can_be_put_into_a_scenario_as_it_stands(example: Example, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(f"fault: {example.written}\n")
    assert load(tmp_path / "one.yaml", Entry).value.fault.kind == example.kind


def test_every_kind_tells_how_it_is_seen() -> None:
    assert [name for name in faults if not list(examples(name))] == []


@pytest.mark.parametrize(
    ("words", "kind", "in_it"),
    [
        ("429", "rate_limit", "requests_per_min"),
        ("too many requests", "rate_limit", "requests_per_min"),
        ("TPM", "rate_limit", "tokens_per_min"),
        ("529", "http_error", "overloaded"),
        ("the provider is overloaded", "http_error", "overloaded"),
        ("insufficient_quota", "http_error", "insufficient_quota"),
        ("revoked api keys", "http_error", "invalid_api_key"),
        ("context length", "http_error", "context_length_exceeded"),
        ("503", "http_error", "503"),
        ("507", "http_error", "507"),
        ("ThrottlingException", "http_error", "ThrottlingException"),
        ("bad gateway html", "http_error", "html"),
        ("time-outs", "latency", "base"),
        ("time out", "latency", "base"),
        ("slow model", "latency", "base"),
        ("p99", "latency", "share"),
        ("TTFT", "slow_stream", "first_token"),
        ("slow first token", "slow_stream", "first_token"),
        ("truncated stream", "cut_stream", "after"),
        ("missing [DONE]", "cut_stream", "end"),
        ("stream stalled", "stalled_stream", "after"),
        ("ECONNRESET", "disconnect", "reset"),
        ("connection refused", "disconnect", "disconnect"),
        ("server disconnected", "hang_up", "share"),
        ("region down", "regional_loss", "region"),
        ("availability zone", "regional_loss", "region"),
        ("hallucinations", "bad_answer", "wrong_fact"),
        ("another model", "bad_answer", "model"),
        ("stale cache", "cache_divergence", "region"),
        ("READONLY", "store_error", "error"),
        ("cache stampede", "damaged_store", "flush"),
        ("OOM killed", "kill", "process"),
        ("GC pause", "pause", "process"),
        ("noisy neighbor", "resource_limit", "cpu"),
        ("cold start", "capacity", "slow"),
        ("blue-green", "switch", "switch"),
    ],
)
def test_it_is_found_by_what_people_say(words: str, kind: str, in_it: str) -> None:
    found, _ = looked_up(words)
    assert [one for one in found if one.kind == kind and in_it in one.written], [one.written for one in found]


def test_where_no_fault_has_all_of_the_words_that_is_said_before_those_that_have_most() -> None:
    first, _, *rest = told("faults", "connection refused yesterday")
    assert first.startswith("none has all of the words")
    assert rest == [
        "# connection refused, ECONNREFUSED, provider down, outage",
        "- {kind: disconnect, on: {kind: provider}, mode: refuse}",
    ]


def test_what_nobody_says_is_refused_with_the_nearest_kind() -> None:
    with pytest.raises(UsageProblems, match="did you mean 'latency'"):
        told("faults", "latncy")


def test_one_kind_is_told_whole() -> None:
    lines = told("faults", "hang_up")
    assert (
        lines[0]
        == "hang_up: The provider takes requests, or a share of them, and hangs up before a byte of the answer: by a close or a reset."
    )
    assert any(line.startswith("by ") and "default close; close | reset" in line for line in lines)
    assert lines[-1] == "- {kind: hang_up, on: {kind: provider}, share: 0.3}"


def test_the_page_has_them_all() -> None:
    page = fault_list.PAGE.read_text()
    assert page == fault_list.renewed(page), "write it anew: python tests/fault_list.py"
