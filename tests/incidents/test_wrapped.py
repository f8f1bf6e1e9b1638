"""Logs as collectors and people leave them: documents in lists, one after the other or over many lines, and lines inside of documents."""

from __future__ import annotations

import base64
import csv
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from incidents.synthetic import START_S, attributes, otlp, span, stamp
from incidents.test_formats import CHAT, LINE, log

from harness.incidents import documents, source
from harness.incidents.calls import OK, Broken
from harness.incidents.importing import Log

SPANS = [span(number, START_S + number, 500, CHAT) for number in range(1, 10)]
EXPORTS = [json.loads(otlp(SPANS[at : at + 3])) for at in (0, 3, 6)]
ENVOY = [
    {"start_time": stamp(START_S + n), "response_code": 503 if n % 3 else 200, "response_flags": "-", "duration": 7}
    for n in range(9)
]
LITELLM = [{"startTime": stamp(START_S + n), "model_group": "m", "status": "success"} for n in range(9)]


def in_snakes(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub("[A-Z]", lambda one: f"_{one[0].lower()}", key): in_snakes(one) for key, one in value.items()}
    return [in_snakes(one) for one in value] if isinstance(value, list) else value


def lines(documents: list[Any], mark: str = "") -> str:
    return "".join(f"{mark}{json.dumps(one)}\n" for one in documents)


def told(found: Log) -> list[float]:
    return [round(at_s - START_S, 3) for at_s in found.calls.at_s.tolist()]


@pytest.mark.parametrize(
    "text",
    [json.dumps(EXPORTS), json.dumps(EXPORTS, indent=2), "".join(map(json.dumps, EXPORTS)),
     "\n".join(json.dumps(one, indent=1) for one in EXPORTS),
     json.dumps(EXPORTS[:2]) + "\n" + json.dumps(EXPORTS[2:]), json.dumps([EXPORTS]), lines(EXPORTS, "\ufeff"), lines(EXPORTS, "\x1e"),
     lines([in_snakes(one) for one in EXPORTS]), json.dumps(in_snakes(EXPORTS), indent=2)],
    ids=["list", "list over lines", "joined", "joined over lines", "two lists", "list in a list", "marked files joined", "RFC 7464",
         "snake case", "list in snake case"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["auto", "otlp"])
def test_documents_of_spans_are_read_as_they_were_put_together(tmp_path: Path, text: str, form: str) -> None:
    found = log(tmp_path, text, form)
    assert (told(found), found.broken_rows) == ([*range(1, 10)], 0)
    assert found.calls.tokens_in.tolist() == [-1] * 9


@pytest.mark.parametrize("ids", ["hex", "base64"])
def test_ids_are_read_as_either_library_writes_them_and_numbers_as_texts(tmp_path: Path, ids: str) -> None:
    tries = [
        span(2, START_S, 400, {"http.request.method": "POST", "server.address": "a", "http.response.status_code": status}, trace=1)
        | {"parentSpanId": f"{1:016x}", "spanId": f"{number:016x}"}
        for number, status in ((2, 503), (3, 200))
    ]  # fmt: skip
    spans = [span(1, START_S, 900, {**CHAT, "gen_ai.usage.input_tokens": 7}, trace=1), *tries]
    for one in spans if ids == "base64" else ():
        for key in {"traceId", "spanId", "parentSpanId"} & one.keys():
            one[key] = base64.b64encode(bytes.fromhex(str(one[key]))).decode()
    found = log(tmp_path, otlp(spans))
    assert found.calls.came_to.tolist() == [503, OK]


def test_metrics_and_logs_in_a_file_of_spans_are_counted_and_what_is_none_of_them_is_broken(tmp_path: Path) -> None:
    text = lines([{"resourceMetrics": []}, EXPORTS[0], {"resource_logs": []}, {"resourceSpans": []}, {"other": 1}])
    found = log(tmp_path, text, "otlp")
    assert (told(found), found.passed) == ([1, 2, 3], {"documents of metrics": 1, "documents of logs": 1})
    assert [(one.line, str(one).count("resourceSpans")) for one in found.broken] == [(5, 1)]


def docker(text: str, **more: Any) -> dict[str, Any]:
    return {"log": f"{text}\n", "stream": "stdout", "time": stamp(START_S), **more}


def cloudwatch(texts: list[str]) -> list[dict[str, Any]]:
    return [{"logStreamName": "s", "timestamp": 1, "message": text, "eventId": "e"} for text in texts]


def insights(texts: list[str]) -> dict[str, Any]:
    rows = [[{"field": "@timestamp", "value": "x"}, {"field": "@message", "value": text}] for text in texts]
    return {"results": rows, "status": "Complete"}


def saved(names: list[str], rows: list[list[str]]) -> str:
    text = StringIO()
    csv.writer(text).writerows([names, *rows])
    return text.getvalue()


WRAPPED = {
    "docker": lambda texts: lines([docker(text) for text in texts]),
    "fluent bit": lambda texts: lines([{"log": text, "kubernetes": {"pod_name": "p"}} for text in texts]),
    "fluent bit to cloudwatch": lambda texts: lines(cloudwatch([json.dumps(docker(text)) for text in texts])),
    "read by fluent bit": lambda texts: lines([{"log_processed": json.loads(text), "log": "x"} for text in texts]),
    "CRI": lambda texts: "".join(f"{stamp(START_S)} stdout F {text}\n" for text in texts),
    "kubectl logs --timestamps": lambda texts: "".join(f"{stamp(START_S)} {text}\n" for text in texts),
    "docker compose logs": lambda texts: "".join(f"gateway-1  | {text}\n" for text in texts),
    "aws logs tail": lambda texts: "".join(f"{stamp(START_S)} app/web/[$LATEST]1 {text}\n" for text in texts),
    "filter-log-events": lambda texts: json.dumps({"events": cloudwatch(texts), "searchedLogStreams": []}, indent=4),
    "a subscription": lambda texts: lines([{"messageType": "DATA_MESSAGE", "logEvents": cloudwatch(texts)}]),
    "logs insights": lambda texts: json.dumps(insights(texts), indent=1),
    "google": lambda texts: json.dumps([{"insertId": "i", "jsonPayload": json.loads(text)} for text in texts]),
    "elasticsearch": lambda texts: json.dumps({"hits": {"hits": [{"_source": docker(text)} for text in texts]}}),
    "loki": lambda texts: json.dumps({"data": {"result": [{"stream": {}, "values": [["1", text] for text in texts]}]}}),
    "saved from logs insights": lambda texts: saved(["@timestamp", "@message"], [["2026-03-03 14:00:00", text] for text in texts]),
    "saved from cloudwatch": lambda texts: saved(["timestamp", "message"], [["1772546400000", text] for text in texts]),
    "saved from splunk": lambda texts: saved(["_time", "_raw", "host"], [[stamp(START_S), text, "h"] for text in texts]),
    "saved from grafana": lambda texts: saved(["labels", "Time", "Line"], [["{}", stamp(START_S), text] for text in texts]),
    "saved from datadog": lambda texts: saved(["Date", "Host", "Message"], [[stamp(START_S), "h", text] for text in texts]),
    "logcli": lambda texts: lines([{"labels": {}, "line": text, "timestamp": "x"} for text in texts]),
}  # fmt: skip
OF_TEXTS = [name for name in WRAPPED if name not in ("read by fluent bit", "google")]
INSIDE: dict[str, tuple[list[Any], int]] = {"otlp": (EXPORTS, 1), "envoy": (ENVOY, 0), "litellm": (LITELLM, 0)}


@pytest.mark.parametrize("form", INSIDE)
@pytest.mark.parametrize("collector", WRAPPED)
def test_lines_are_found_in_what_a_collector_put_them_into(tmp_path: Path, collector: str, form: str) -> None:
    rows, first = INSIDE[form]
    text = WRAPPED[collector]([json.dumps(row) for row in rows])
    found = log(tmp_path, text)
    assert found.forms == {str(tmp_path / "log"): form}
    assert (told(found), found.broken_rows) == ([*range(first, first + 9)], 0)


@pytest.mark.parametrize("collector", OF_TEXTS)
def test_texts_are_found_in_what_a_collector_put_them_into(tmp_path: Path, collector: str) -> None:
    texts = [LINE.format(status, "-", 7, number) for number, status in enumerate((200, 503, 200))]
    found = log(tmp_path, WRAPPED[collector](texts))
    assert (found.calls.came_to.tolist(), found.broken_rows) == ([OK, 503, OK], 0)


@pytest.mark.parametrize("collector", OF_TEXTS)
def test_what_else_a_service_wrote_between_is_counted_and_not_quoted(tmp_path: Path, collector: str) -> None:
    said = "INFO: sk-SECRET listens on 4000"
    found = log(tmp_path, WRAPPED[collector]([said, *map(json.dumps, ENVOY), said, json.dumps({"level": "info"})]))
    assert (told(found), found.broken_rows) == ([*range(9)], 3)
    assert "sk-SECRET" not in "".join(map(str, found.broken))


def test_a_saved_table_is_one_of_calls_where_its_own_columns_say_what_they_came_to_or_one_is_named(
    tmp_path: Path,
) -> None:
    texts = [json.dumps(row) for row in ENVOY]
    of_calls = saved(["@timestamp", "status", "@message"], [[stamp(START_S + 50), "429", text] for text in texts])
    assert log(tmp_path, of_calls).calls.came_to.tolist() == [429] * 9
    bare = WRAPPED["saved from logs insights"](texts)
    found = log(tmp_path, bare, columns={"start": "@timestamp"})
    assert (found.forms, found.calls.came_to.tolist()) == ({str(tmp_path / "log"): "csv"}, [OK] * 9)
    assert log(tmp_path, bare).forms == {str(tmp_path / "log"): "envoy"}
    plain = saved(["time", "message"], [[stamp(START_S), "it timed out"]] * 9)
    assert log(tmp_path, plain, "csv").calls.size == 9


def test_rows_of_a_saved_table_that_are_torn_are_counted_with_their_lines(tmp_path: Path) -> None:
    text = WRAPPED["saved from splunk"]([json.dumps(row) for row in ENVOY])
    rows = text.splitlines(keepends=True)
    found = log(tmp_path, "".join([*rows[:3], "torn\n", *rows[3:-1], rows[-1][:40]]))
    assert (found.calls.size, [one.line for one in found.broken]) == (8, [4, 11])


@pytest.mark.parametrize("collector", ["docker", "CRI"])
def test_a_line_that_was_cut_into_parts_is_one_again_and_one_whose_end_is_gone_is_broken(
    tmp_path: Path, collector: str
) -> None:
    text = json.dumps(EXPORTS[0])
    parts = [text[at : at + 300] for at in range(0, len(text), 300)]
    last = len(parts) - 1

    def written(place: int, part: str, stream: str = "stdout") -> str:
        if collector == "docker":
            return json.dumps({"log": part + "\n" * (place == last), "stream": stream})
        return f"{stamp(START_S)} {stream} {'F' if place == last else 'P'} {part}"

    rows = [written(*one) for one in enumerate(parts)]
    between = written(last, "{}", "stderr")
    found = log(tmp_path, "\n".join([rows[0], between, *rows[1:], *rows[:-1]]), "otlp")
    assert (told(found), found.broken_rows) == ([1, 2, 3], 2)
    assert {one.line for one in found.broken} == {2, len(rows) + 2}


def test_a_row_that_has_a_message_of_its_own_is_a_row(tmp_path: Path) -> None:
    rows = [{**one, "message": json.dumps({"response_code": 500}), "log": "x"} for one in ENVOY]
    assert log(tmp_path, lines(rows)).calls.came_to.tolist() == [OK, 503, 503] * 3


def test_a_document_with_a_brace_in_a_text_ends_where_it_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    escaped = [{"x": "\\" * many + '"}{' * place} for many in (0, 1, 2, 31, 32, 33, 70, 71) for place in (0, 1)]
    odd: list[Any] = [*escaped, {"a": '}{"\\', "b": [{"c": "\\\\"}]}, {"a": "]"}, {}, {"d": '\\"{'}]
    path = tmp_path / "log"
    for at_once in (1, 2, 3, 7, 4096):
        monkeypatch.setattr(documents, "_AT_ONCE", at_once)
        for text in (json.dumps(odd), json.dumps(odd, indent=1), "".join(map(json.dumps, odd))):
            path.write_text(text)
            with path.open("rb") as stream:
                found = [*documents.documents(stream, 1 << 20)]
            assert [json.loads(one[1]) for one in found if not isinstance(one, Broken)] == odd


@pytest.mark.parametrize(
    ("text", "whole", "line", "said"),
    [
        (json.dumps(EXPORTS)[:-9], 2, 3, "the list is cut short"),
        (json.dumps(EXPORTS[:2])[:-1], 2, 3, "the list is cut short"),
        ("".join(map(json.dumps, EXPORTS))[:-9], 2, 1, "the file is cut short"),
        (json.dumps([EXPORTS[0], 7, EXPORTS[1]]), 2, 2, "is no JSON object"),
        (json.dumps([EXPORTS[0], {"resourceSpans": [{"x": "y" * 20_000}]}]), 1, 2, "a JSON document is longer than"),
    ],
    ids=["torn", "not closed", "torn after another", "a number", "too large"],
)  # fmt: skip
def test_where_documents_go_wrong_is_told_and_what_was_whole_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, whole: int, line: int, said: str
) -> None:
    monkeypatch.setattr(source, "LINE_MOST", 10_000)
    monkeypatch.setattr(documents, "_AT_ONCE", 5_000)
    found = log(tmp_path, text, "otlp")
    assert (found.calls.size, found.broken[0].line) == (3 * whole, line)
    assert said in str(found.broken[0])


def test_attributes_in_snakes_keep_their_own_names(tmp_path: Path) -> None:
    one = span(1, START_S, 5, {})
    one["attributes"] = attributes({**CHAT, "http.response.status_code": 503, "error.type": "503"})
    assert log(tmp_path, json.dumps(in_snakes(json.loads(otlp([one]))))).calls.came_to.tolist() == [503]
