"""Any request can be found on the page, or by its command, with its attempts; what does not fit is said so."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest

from harness.judging.choosing import named
from harness.judging.tracing import traced
from harness.record.columns import Table
from harness.report.lookup import table_csv, trace_lines
from harness.report.page import page
from harness.report.requests import chosen, packed, spread


def unpacked(block: str) -> dict:
    return json.loads(gzip.decompress(b64decode(block)))


def test_every_request_of_a_default_run_is_in_the_page_with_each_of_its_attempts(failing) -> None:
    html = page(failing.result, failing.evidence)
    (block,) = re.findall(r'<template id="requests-data">([A-Za-z0-9+/=]+)</template>', html)
    held = unpacked(block)
    rows, attempts = failing.evidence.requests, failing.evidence.attempts
    assert [row[0] for row in held["rows"]] == rows["nonce"].tolist()
    assert sum(len(row[-1]) for row in held["rows"]) == int((attempts["request"] >= 0).sum())
    most = int(rows["attempts"].to_numpy().argmax())
    tries = held["rows"][most][-1]
    mine = attempts[attempts["request"] == rows["index"].iloc[most]]
    assert [held["names"][one[0]] for one in tries] == mine["link"].tolist()
    assert tries[0][1] == round(1000 * (mine["start_s"].iloc[0] - rows["due_s"].iloc[most]))


def test_where_not_all_fit_those_that_failed_come_first_and_both_are_spread_over_the_run() -> None:
    good = np.arange(10_000) % 10 != 0
    rows = chosen(good, 1_000)
    assert len(rows) == 1_000
    assert (~good[rows]).sum() == 750
    assert np.diff(rows).max() < 60
    assert chosen(good, 20_000).tolist() == list(range(10_000))
    assert (~good[chosen(good, 4_000)]).sum() == 1_000
    assert spread(np.arange(9), 3).tolist() == [0, 4, 8]


@pytest.fixture(scope="module")
def long_run(failing):
    """As many requests as an hour of load brings."""
    evidence = failing.evidence
    times = -(-100_000 // len(evidence.requests))
    rows = pd.concat([evidence.requests] * times, ignore_index=True)
    rows["index"] = np.arange(len(rows))
    rows["nonce"] = [f"n-{n * 2654435761 % 2**32:08x}" for n in range(len(rows))]
    from dataclasses import replace

    return replace(evidence, request_table=Table.of(rows), _made={})


def test_a_hundred_thousand_requests_leave_room_for_the_rest_of_the_page(long_run) -> None:
    block, held = packed(long_run)
    assert len(block) <= 270_000
    assert len(unpacked(block)["rows"]) == held < len(long_run.requests)
    assert held > 5_000


def test_the_page_says_how_many_it_holds_and_how_to_find_the_others(failing, read, monkeypatch) -> None:
    monkeypatch.setattr("harness.report.requests._LEAST_BYTES", 4_000)
    monkeypatch.setattr("harness.report.requests._BYTES_EACH", 0)
    text = read(page(failing.result, failing.evidence)).text
    assert re.search(r"[\d,]+ of 1,000 requests are in this page, such that failed first", text)
    assert "harness trace RUN ID" in text


def told(made, asked: str) -> list[str]:
    places = named(made.evidence, asked)
    return trace_lines(traced(made.result, made.evidence, places[:50].tolist(), len(places)))


def test_a_request_is_told_whole_by_its_id_or_its_place(failing) -> None:
    rows = failing.evidence.requests
    bad = rows[~rows["good"].astype(bool)].iloc[0]
    lines = told(failing, bad["nonce"])
    assert lines == told(failing, str(bad["index"]))
    assert next(line for line in lines if line.startswith("client")).endswith("timed out · 10,000 ms")
    assert len([line for line in lines if line.startswith("try ") and " arrived " not in line]) == bad["attempts"] > 1
    assert any(line.startswith("Question: ") for line in lines)
    assert max(map(len, lines)) <= 80


def test_several_are_a_line_each_by_question_entry_or_what_they_came_to(failing) -> None:
    evidence = failing.evidence
    rows = evidence.requests
    assert len(named(evidence, "timed out")) == int((~rows["good"].astype(bool)).sum())
    assert len(named(evidence, "east")) == int((rows["entry"] == "east").sum())
    assert len(named(evidence, "HOTEL night")) == len(named(evidence, "hotel-limit")) > 0
    assert "more; a longer word finds fewer" in told(failing, "east")[-1]
    assert told(failing, "nothing like it") == told(failing, " ") == []


def test_an_answer_is_told_with_its_request_and_does_nothing_to_the_terminal(attacked) -> None:
    rows = attacked.evidence.requests
    lines = [line for nonce in rows["nonce"][:16] for line in told(attacked, nonce)]
    assert any("dataset.hacked" in line for line in lines)
    assert not any("\x1b" in line or "\u202e" in line for line in lines)


def test_cells_that_a_spreadsheet_would_carry_out_are_made_harmless() -> None:
    table = pd.DataFrame(
        {
            "answer": ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", 'say "a", b\nc', "plain"],
            "n": [-1.5, 2, np.nan, 4, 5, 6],
        }
    )
    read = list(csv.reader(io.StringIO("".join(table_csv(table)))))
    assert read[0] == ["answer", "n"]
    assert [row[0] for row in read[1:]] == [
        "'=1+1",
        "'+cmd|' /C calc'!A0",
        "'-2+3",
        "'@SUM(A1)",
        'say "a", b\nc',
        "plain",
    ]
    assert [row[1] for row in read[1:4]] == ["-1.5", "2.0", ""]
