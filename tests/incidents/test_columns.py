"""Columns of tables and of JSON are found by what they are called; what is not found is told, and never a value of a first line."""

from __future__ import annotations

import json
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from incidents.synthetic import START_S, stamp
from incidents.test_formats import log

from harness.incidents.calls import FAILED, OK, TIMED_OUT
from harness.incidents.columns import known, plain
from harness.incidents.imported import ImportOptions, imported
from harness.problems import UsageProblems

AT, LATER = stamp(START_S), stamp(START_S + 0.25)


@pytest.mark.parametrize(
    ("name", "what"),
    [("http.response.statusCode", "http_response_status_code"), ("DurationMs", "duration_ms"), ("@timestamp", "timestamp"),
     ("timestamp [UTC]", "timestamp_utc"), ("x-request-id", "x_request_id"), ("StartUTC", "start_utc"), ("ts", "ts")],
)  # fmt: skip
def test_a_name_is_told_by_its_words(name: str, what: str) -> None:
    assert plain(name) == what


def test_of_two_names_that_say_one_thing_that_is_taken_which_says_it_to_the_letter() -> None:
    assert known(["@timestamp", "timestamp", "Status", "http.status_code"]) == {
        "start": "timestamp",
        "status": "Status",
    }
    assert known(["@timestamp", "http.status_code"]) == {"start": "@timestamp", "status": "http.status_code"}


ROWS = {
    "honeycomb": {"Timestamp": AT, "duration_ms": 250, "http.status_code": 503},
    "traefik": {"StartUTC": AT, "time": LATER, "OriginDuration": 250_000_000, "DownstreamStatus": 503},
    "kong": {"started_at": START_S * 1e3, "latencies": {"request": 250, "kong": 1}, "response": {"status": 503}, "tries": []},
    "nginx": {"time_iso8601": LATER, "msec": f"{START_S + 0.25:.3f}", "request_time": "0.250", "status": "503"},
    "google": {"timestamp": AT, "httpRequest": {"status": 503, "latency": "0.25s"}, "jsonPayload": {"statusDetails": "x", "message": "{}"}},
    "camels": {"startTime": AT, "durationMs": 250, "statusCode": 503},
}  # fmt: skip


@pytest.mark.parametrize(
    ("writer", "table"),
    [*((writer, False) for writer in ROWS), *((writer, True) for writer in ROWS if writer not in ("kong", "google"))],
)
def test_what_gateways_and_tracers_write_is_read_by_its_names(tmp_path: Path, writer: str, table: bool) -> None:
    row: dict[str, Any] = ROWS[writer]
    text = "\n".join([",".join(row), ",".join(map(str, row.values()))]) + "\n" if table else json.dumps([row, row])
    calls = log(tmp_path, text).calls
    assert (calls.came_to[0], calls.at_s[0], calls.duration_ms[0]) == (503, pytest.approx(START_S), pytest.approx(250))


@pytest.mark.parametrize(
    ("column", "value"),
    [("duration_ms", "250"), ("duration_s", "0.25"), ("duration_us", "250000"), ("duration_ns", "250000000"), ("duration_ms", "0.25s"),
     ("duration_s", "250ms"), ("duration_ns", "250 µs"), ("duration_s", "250000us"), ("duration_s", "0.25 sec")],
)  # fmt: skip
def test_how_long_it_took_is_read_in_the_unit_of_the_column_or_of_the_value(
    tmp_path: Path, column: str, value: str
) -> None:
    ms = 0.25 if "µ" in value else 250
    (took_ms,) = log(tmp_path, f"ts,took,status\n{AT},{value},200\n", columns={column: "took"}).calls.duration_ms
    assert took_ms == pytest.approx(ms)


def test_when_a_call_began_is_told_by_its_end_where_that_is_all_that_is_known(tmp_path: Path) -> None:
    found = log(tmp_path, f"end,duration_ms,status\n{LATER},250,200\n{LATER},,200\n,250,200\n")
    assert (found.calls.at_s.tolist(), found.calls.duration_ms.tolist(), found.broken_rows) == ([START_S], [250], 2)
    # A time that is said to be the end is not taken for the beginning as well.
    found = log(tmp_path, f"ts,took\n{LATER},0.25\n", columns={"end": "ts", "duration_s": "took"})
    assert found.calls.at_s.tolist() == [START_S]
    with pytest.raises(UsageProblems, match=r"no column is known to say when a call began"):
        log(tmp_path, f"end,status\n{LATER},200\n")


def test_the_first_line_of_a_request_is_no_id_of_it(tmp_path: Path) -> None:
    found = log(tmp_path, f"ts,status,request\n{AT},200,POST /chat HTTP/1.1\n{LATER},200,POST /chat HTTP/1.1\n")
    assert found.of_clients.size == 2
    assert log(tmp_path, f"ts,status,request\n{AT},200,r1\n{LATER},200,r1\n").of_clients.size == 1


def test_a_time_whose_day_stands_in_another_column_is_of_that_day(tmp_path: Path) -> None:
    found = log(
        tmp_path, "date,time,status\n2026-03-03,14:00:00,200\n2026-03-03,2026-03-03 14:00:01,200\n,14:00:00,200\n"
    )
    assert (found.calls.at_s.tolist(), found.broken_rows) == ([START_S, START_S + 1], 1)
    assert log(tmp_path, "date,status\n2026-03-03 14:00:00,200\n").calls.at_s.tolist() == [START_S]


def test_a_column_of_successes_says_which_rows_failed(tmp_path: Path) -> None:
    found = log(tmp_path, f"ts,success,status\n{AT},True,200\n{AT},False,\n{AT},False,503\n{AT},no,Timeout\n")
    assert found.calls.came_to.tolist() == [OK, FAILED, 503, TIMED_OUT]


def test_what_is_inside_of_a_row_of_json_is_named_by_dots(tmp_path: Path) -> None:
    rows = [{"when": AT, "reply": {"code": 503, "took": {"ms": 250}, "of": [1]}}, {"when": AT, "reply": None}]
    named = {"start": "when", "status": "reply.code", "duration_ms": "reply.took.ms"}
    calls = log(tmp_path, json.dumps(rows), columns=named).calls
    assert (calls.came_to.tolist(), calls.duration_ms[0]) == ([503, OK], 250)
    with pytest.raises(UsageProblems, match=r"no column 'reply\.cod'; did you mean 'reply\.code'\?"):
        log(tmp_path, json.dumps(rows), columns={**named, "status": "reply.cod"})


def test_which_columns_are_read_is_told_and_what_none_is_known_to_say(tmp_path: Path) -> None:
    (whole,) = log(tmp_path, f"ts,duration_ms,status,x\n{AT},1,200,x\n").told
    assert whole == "Columns that are read: start=ts, duration_ms=duration_ms, status=status."
    found = log(tmp_path, f"ts,latency,result\n{AT},1,200\n", "csv")
    assert isnan(found.calls.duration_ms[0])
    _, came_to, took = found.told
    assert (
        "all are taken for successes: name one with --column status=NAME or error=NAME. Its columns: ts, latency, result"
        in came_to
    )
    assert "--column duration_s=latency, or duration_ms, duration_us or duration_ns" in took
    made = imported([tmp_path / "log"], ImportOptions(columns={"start": "ts"}), tmp_path / "incident.yaml")
    assert "# No column is known to say what calls came to" in made.scenario.replace("\n#  ", "")


SECRETS = ("sk-SECRETabcdef1234567890", "tell me of my illness and of my debts")


@pytest.mark.parametrize(
    "text",
    [f"{SECRETS[0]},{SECRETS[1]},x\n", f"{AT} - DEBUG - {{'content': '{SECRETS[1]}', 'key': '{SECRETS[0]}'}}, x\n",
     f"{AT},250,200,{SECRETS[0]}\n", f"{SECRETS[1]}\t{SECRETS[0]}\t{SECRETS[1]}\n", json.dumps({SECRETS[0]: 1, SECRETS[1]: 2})],
    ids=["prompts", "an SDK's log", "no head", "tabs", "names of JSON"],
)  # fmt: skip
@pytest.mark.parametrize("more", [{}, {"form": "csv"}, {"form": "csv", "columns": {"start": "when"}}])
def test_of_a_first_line_that_names_no_columns_nothing_is_quoted(
    tmp_path: Path, text: str, more: dict[str, Any]
) -> None:
    with pytest.raises(UsageProblems) as refused:
        log(tmp_path, text * 3, **more)
    assert not any(secret in str(refused.value) for secret in SECRETS)


def test_rows_in_no_form_are_told_how_to_be_read_and_then_are(tmp_path: Path) -> None:
    rows = [{"attributes": {"begun": AT, "custom": {"ns": 250_000_000, "http": {"status_code": "503"}}}}] * 2
    for text in (json.dumps({"data": rows}), "\n".join(map(json.dumps, rows))):
        with pytest.raises(
            UsageProblems, match=r"--as csv --column start=NAME .* Its names: attributes\.begun, attributes\.custom\.ns"
        ):
            log(tmp_path, text)
        named = {
            "start": "attributes.begun",
            "duration_ns": "attributes.custom.ns",
            "status": "attributes.custom.http.status_code",
        }
        found = log(tmp_path, text, "csv", columns=named)
        assert (found.calls.came_to.tolist(), found.calls.duration_ms[0]) == ([503, 503], 250)
    with pytest.raises(UsageProblems, match="Other lines of text have to be made a table"):
        log(tmp_path, "INFO: GET / 200 OK\n")
