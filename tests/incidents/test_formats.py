"""What each format of logs says: clocks, units, what calls came to, tries inside calls; and what is broken is counted, with its line."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from incidents.synthetic import START_S, attributes, otlp, span, stamp

from harness.incidents.calls import CUT, LEFT, OK, TIMED_OUT, UNREACHABLE
from harness.incidents.calls import FAILED as FAILED_SOMEHOW
from harness.incidents.importing import Log, read
from harness.incidents.outcomes import of_error
from harness.incidents.stamps import NoTimeError, seconds, zone_named
from harness.problems import UsageProblems


def log(folder: Path, text: str | bytes, form: str = "auto", **more: Any) -> Log:
    path = folder / "log"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read([path], form, **more)


KEY = "AIzaSECRET"
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "gen_ai.request.model": "m",
}


def test_spans_have_the_names_of_today_and_those_of_before(tmp_path: Path) -> None:
    new = {**CHAT, "gen_ai.response.time_to_first_chunk": 0.25, "gen_ai.usage.input_tokens": 7, "error.type": "429"}
    old = {
        "gen_ai.system": "openai",
        "net.peer.name": "api.openai.com",
        "gen_ai.request.model": "m",
        "gen_ai.usage.prompt_tokens": 7,
    }
    http = {"http.method": "POST", "http.url": "https://key@api.openai.com/v1", "http.status_code": 503}
    found = log(
        tmp_path, otlp([span(1, START_S, 500, new), span(2, START_S + 1, 500, old), span(3, START_S + 2, 500, http)])
    )
    calls = found.calls
    assert calls.came_to.tolist() == [429, OK, 503]
    assert {calls.links[link] for link in calls.link} == {"api.openai.com"}
    assert calls.tokens_in.tolist() == [7, 7, -1]
    assert calls.first_ms[0] == pytest.approx(250)
    assert calls.at_s.tolist() == pytest.approx([START_S, START_S + 1, START_S + 2])
    assert calls.duration_ms.tolist() == pytest.approx([500] * 3)


def test_the_tries_inside_a_call_are_the_calls_and_the_outermost_server_is_the_request(tmp_path: Path) -> None:
    served, http = {"http.request.method": "POST", "http.response.status_code": 200}, {"http.request.method": "POST"}
    spans = [
        span(1, START_S, 900, served, kind=2, trace=9),
        span(2, START_S, 800, served, kind=2, trace=9, parentSpanId=f"{1:016x}"),
        span(3, START_S, 700, CHAT, trace=9, parentSpanId=f"{2:016x}"),
        span(
            4,
            START_S,
            100,
            {**http, "server.address": "a", "http.response.status_code": 503},
            trace=9,
            parentSpanId=f"{3:016x}",
        ),
        span(
            5,
            START_S + 1,
            100,
            {**http, "server.address": "a", "http.response.status_code": 200},
            trace=9,
            parentSpanId=f"{3:016x}",
        ),
        span(6, START_S, 5, {"gen_ai.operation.name": "execute_tool"}, trace=9),
        span(7, START_S, 5, {"db.system": "redis"}, trace=9),
    ]
    found = log(tmp_path, otlp(spans))
    assert found.calls.came_to.tolist() == [503, OK]
    assert {found.calls.models[model] for model in found.calls.model} == {"m"}
    assert found.requests.duration_ms.tolist() == pytest.approx([900])
    assert found.passed == {
        "spans of tools and agents": 1,
        "spans of neither a model nor HTTP": 1,
        "spans of models of which the tries are read": 1,
        "spans of servers inside of others": 1,
    }


HTTP = {"http.request.method": "POST", "server.address": "a", "http.response.status_code": 503}


@pytest.mark.parametrize(
    ("between", "calls", "requests"),
    [
        ({}, [503], 1),
        ({"gen_ai.operation.name": "invoke_agent"}, [503], 1),
        ({"gen_ai.operation.name": "execute_tool"}, [OK, 503], 2),
    ],
    ids=["a function", "an agent", "a tool"],
)
def test_what_lies_in_a_span_through_one_of_a_function_lies_in_it_and_through_one_of_a_tool_does_not(
    tmp_path: Path, between: dict[str, object], calls: list[int], requests: int
) -> None:
    def inside(number: int, parent: int, said: dict[str, object], kind: int = 1) -> dict[str, Any]:
        return span(
            number,
            START_S + number / 100,
            90,
            said,
            kind=kind,
            trace=1,
            parentSpanId=f"{parent:016x}" if parent else "",
        )

    functions = [inside(number, parent, between) for number, parent in ((2, 1), (3, 2), (5, 4), (6, 5), (9, 3))]
    spans = [
        inside(7, 6, HTTP, 3), inside(8, 9, HTTP, 2), *functions, inside(4, 3, {**CHAT, "server.address": "a"}, 3), inside(1, 0, HTTP, 2)
    ]  # fmt: skip
    found = log(tmp_path, otlp(spans))
    assert (found.calls.came_to.tolist(), found.requests.size) == (calls, requests)


def test_functions_that_lie_in_one_another_in_a_circle_end_nowhere(tmp_path: Path) -> None:
    around = [span(number, START_S, 9, {}, parentSpanId=f"{3 - number:016x}") for number in (1, 2)]
    found = log(tmp_path, otlp([*around, span(3, START_S, 9, HTTP, parentSpanId=f"{1:016x}")]))
    assert found.calls.came_to.tolist() == [503]


@pytest.mark.parametrize("form", ["otlp", "langfuse", "litellm"])
def test_of_copies_of_a_row_one_is_read_and_the_others_are_counted(tmp_path: Path, form: str) -> None:
    failed, later = {"status": "failure", "level": "ERROR"}, {"startTime": stamp(START_S + 5)}
    of_litellm = {**SPEND, "request_id": "r", "startTime": stamp(START_S), "endTime": stamp(START_S + 1)}
    begun = {name: value for name, value in GENERATION.items() if name != "endTime"}
    one, again, other, more = {
        "otlp": [
            otlp([span(1, START_S + at, 5, HTTP, spanId=f"{name:016x}")])
            for at, name in ((0, 1), (0, 1), (5, 1), (0, 2))
        ],
        "langfuse": [
            json.dumps(row) for row in (GENERATION | failed, begun, GENERATION | later, {**GENERATION, "id": "x"})
        ],
        "litellm": [json.dumps(of_litellm | row) for row in (failed, failed, later, {"request_id": "x"})],
    }[form]
    found = log(tmp_path, "\n".join([one, again, other, more]))
    assert (found.forms, found.calls.size, found.passed) == ({str(tmp_path / "log"): form}, 3, {"copies of rows": 1})
    assert found.calls.came_to[:2].max() > OK or found.calls.came_to[:2].min() < OK
    assert log(tmp_path, "\n".join([one, other, more])).passed == {}


def test_spans_of_openinference_are_calls_of_models(tmp_path: Path) -> None:
    said = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "m",
        "llm.provider": "openai",
        "llm.token_count.prompt": 7,
    }
    spans = [span(1, START_S, 5, said, kind=1), span(2, START_S, 5, {"openinference.span.kind": "CHAIN"}, kind=1)]
    found = log(tmp_path, otlp(spans))
    assert (found.calls.tokens_in.tolist(), found.calls.models) == ([7], ("", "m"))
    assert found.passed == {"spans of tools and agents": 1}


SPANS = [
    span(1, START_S, 500, {**CHAT, "error.type": "503"}),
    span(2, START_S + 1, 500, CHAT, parentSpanId=f"{9:016x}"),
]


def in_jaegers(one: dict[str, Any], **more: object) -> dict[str, object]:
    tags = [
        {"key": tag["key"], "type": "string", "value": next(iter(tag["value"].values()))} for tag in one["attributes"]
    ]
    return {
        "traceID": one["traceId"], "spanID": one["spanId"], "startTime": int(one["startTimeUnixNano"]) // 1000, "duration": 500_000,
        "references": [{"refType": "CHILD_OF", "spanID": one["parentSpanId"]}] if "parentSpanId" in one else [], "operationName": "chat",
        "tags": [*tags, {"key": "span.kind", "type": "string", "value": "client"}], "logs": [], **more,
    }  # fmt: skip


@pytest.mark.parametrize("store", ["tempo", "tempo's trace", "jaeger"])
def test_spans_are_read_as_tempo_and_jaeger_have_them(tmp_path: Path, store: str) -> None:
    scopes = json.loads(otlp(SPANS))["resourceSpans"]
    text = {
        "tempo": {"batches": scopes},
        "tempo's trace": {"trace": {"resourceSpans": scopes}},
        "jaeger": {
            "data": [{"traceID": "1", "spans": [in_jaegers(one) for one in SPANS], "processes": {}}],
            "errors": None,
        },
    }[store]
    found = log(tmp_path, json.dumps(text, indent=1))
    assert (found.calls.came_to.tolist(), found.calls.duration_ms.tolist()) == ([503, OK], pytest.approx([500, 500]))
    assert found.calls.at_s.tolist() == pytest.approx([START_S, START_S + 1])


def test_a_span_of_jaegers_that_is_broken_leaves_the_others_and_failed_by_its_tag(tmp_path: Path) -> None:
    bad = [in_jaegers(SPANS[1], startTime=KEY), in_jaegers(SPANS[1], tags=[{"value": 1}]), {"spanID": 1}, 7]
    timed_out = {"fields": [{"key": "exception.message", "value": "Request timed out."}]}
    well = in_jaegers(SPANS[1], logs=[timed_out])
    failed = {**well, "tags": [*well["tags"], {"key": "error", "type": "bool", "value": True}], "spanID": "a"}
    found = log(tmp_path, json.dumps({"data": [{"spans": [well, *bad, failed]}]}), "otlp")
    assert (found.calls.came_to.tolist(), found.broken_rows) == ([OK, TIMED_OUT], 4)
    assert KEY not in "".join(map(str, found.broken))


def test_one_span_that_is_broken_leaves_the_others_of_its_document(tmp_path: Path) -> None:
    whole = json.loads(otlp([span(1, START_S, 5, CHAT), span(2, START_S, 5, CHAT)]))
    whole["resourceSpans"][0]["scopeSpans"][0]["spans"] += [
        {"startTimeUnixNano": "x", "attributes": attributes(CHAT)},
        7,
        {},
    ]
    found = log(tmp_path, f'{otlp([span(3, START_S, 5, CHAT)])}\n{json.dumps(whole)}\n{{"resourceSpans": [\n')
    assert (found.calls.size, found.broken_rows) == (3, 4)
    assert [problem.line for problem in found.broken] == [2, 2, 2, 3]


SPEND = {
    "startTime": "2026-03-03T14:00:00.500Z", "endTime": "2026-03-03 14:00:01.500", "completionStartTime": "2026-03-03 14:00:00.900",
    "status": "success", "model": "gpt-4o", "api_base": "https://api.openai.com/v1/", "custom_llm_provider": "openai",
    "prompt_tokens": 7, "completion_tokens": 9, "session_id": "s", "messages": "{}",
}  # fmt: skip
REFUSED = {"error_code": "429", "error_class": "RateLimitError", "error_message": "try again in 6s"}
FAILED = {
    **SPEND, "status": "failure",
    "metadata": json.dumps({"error_information": REFUSED}),
}  # fmt: skip
ERROR = {
    "startTime": "2026-03-03 14:00:02",
    "litellm_model_name": "gpt-4o",
    "api_base": "",
    "exception_type": "Timeout",
    "status_code": "408",
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("listed", [False, True])
def test_litellms_rows_say_what_failed_and_how_long_to_wait(tmp_path: Path, listed: bool, packed: bool) -> None:
    rows = [SPEND, FAILED, ERROR]
    text = (json.dumps(rows, indent=1) if listed else "\n".join(map(json.dumps, rows))).encode()
    calls = log(tmp_path, gzip.compress(text) if packed else text).calls
    assert calls.came_to.tolist() == [OK, 429, TIMED_OUT]
    assert calls.duration_ms[0] == pytest.approx(1000)
    assert calls.first_ms[0] == pytest.approx(400)
    assert calls.retry_after_s[1] == 6
    assert calls.links[calls.link[0]] == "api.openai.com"


def test_langfuses_generations_are_the_calls_and_times_without_zone_are_utc(tmp_path: Path) -> None:
    row = {"id": "1", "trace_id": "t", "type": "GENERATION", "start_time": "2026-03-03 14:00:00.250000", "level": "DEFAULT",
           "end_time": "2026-03-03 14:00:01.250000", "completion_start_time": "2026-03-03 14:00:00.500000",
           "provided_model_name": "m", "usage_details": {"input": 3, "output": 4}}  # fmt: skip
    failed = {**row, "id": "2", "level": "ERROR", "status_message": "Error code: 529 - overloaded"}
    unknown = {**row, "id": "3", "level": "ERROR", "status_message": "Request timed out."}
    found = log(tmp_path, "\n".join(map(json.dumps, [row, failed, unknown, {**row, "type": "SPAN"}])))
    assert found.forms == {str(tmp_path / "log"): "langfuse"}
    assert found.calls.came_to.tolist() == [OK, 529, TIMED_OUT]
    assert found.calls.at_s[0] == pytest.approx(START_S + 0.25)
    assert (found.calls.duration_ms[0], found.calls.first_ms[0]) == pytest.approx((1000, 250))
    assert (found.calls.tokens_in[0], found.passed, found.zoneless) == (3, {"of type span": 1}, [str(tmp_path / "log")])


LINE = '[2026-03-03T14:00:00.250Z] "POST /v1 HTTP/1.1" {} {} 10 20 {} 5 "-" "py" "id-{}" "api.openai.com" "1.2.3.4:443"'


def test_envoys_flags_tell_what_a_status_does_not(tmp_path: Path) -> None:
    rows = [("200", "-"), ("504", "UT"), ("503", "UF,URX"), ("0", "DC"), ("200", "UC"), ("429", "-"), ("503", "-")]
    found = log(
        tmp_path,
        "\n".join(LINE.format(status, flags, 7, number) for number, (status, flags) in enumerate(rows))
        + "\nnonsense\n",
    )
    assert found.calls.came_to.tolist() == [OK, TIMED_OUT, UNREACHABLE, LEFT, CUT, 429, 503]
    assert found.calls.duration_ms.tolist() == [7] * 7
    assert [(problem.line, found.broken_rows) for problem in found.broken] == [(8, 1)]
    as_json = {
        "start_time": "2026-03-03T14:00:00Z",
        "response_code": 503,
        "response_flags": "UF",
        "duration": 3,
        "upstream_cluster": "outbound|443||east",
    }
    found = log(tmp_path, json.dumps(as_json))
    assert (found.calls.came_to[0], found.calls.links[found.calls.link[0]]) == (UNREACHABLE, "outbound|443||east")
    found = log(tmp_path, json.dumps(as_json | {"upstream_cluster": "-", "authority": "me:secret@east:8443"}))
    assert found.calls.links[found.calls.link[0]] == "east:8443"


def test_a_table_has_its_columns_named_or_known(tmp_path: Path) -> None:
    named = {"start": "when", "duration_s": "took"}
    found = log(tmp_path, "when;took;x\n1772546400;1,5;a\n1772546401000;1.5;b\n", columns=named)
    assert (found.calls.size, found.broken_rows) == (1, 1)
    assert found.calls.duration_ms[0] == 1500
    found = log(tmp_path, 'ts,status,prompt\n2026-03-03 15:00:00,200,"a\nb"\n', zone=zone_named("Europe/Berlin"))
    assert found.calls.at_s[0] == START_S
    assert isnan(found.calls.duration_ms[0])


ROWS = [[f"{START_S:.0f}", "200", "250"], [f"{START_S + 1:.0f}", "503", "40"]]
NAMES = ["ts", "status", "took_ms"]


@pytest.mark.parametrize(
    "text",
    [*("\n".join(map(separator.join, [NAMES, *ROWS])) + "\n" for separator in (",", ";", "\t", "|")),
     "sep=;\r\n" + "\r\n".join(map(";".join, [NAMES, *ROWS])), "sep=|\n" + "\n".join(map("|".join, [NAMES, *ROWS])),
     "\n".join(map(";".join, [[*NAMES, '"of a,b,c,d,e"'], *([*row, "1,5"] for row in ROWS)])),
     "\n".join([f"| {' | '.join(NAMES)} |", "| --- | :-: | --: |", *(f"| {' | '.join(row)} |" for row in ROWS)]),
     "\n".join([" ts | status | took_ms ", "----+--------+---------", *(f" {' | '.join(row)}" for row in ROWS), "(2 rows)"])],
    ids=["comma", "semicolon", "tab", "stroke", "excel", "excel's stroke", "commas in a name", "markdown", "psql"],
)  # fmt: skip
def test_a_table_is_read_with_whatever_stands_between_its_values(tmp_path: Path, text: str) -> None:
    found = log(tmp_path, text)
    assert (found.calls.came_to.tolist(), found.calls.duration_ms.tolist(), found.broken_rows) == (
        [OK, 503],
        [250, 40],
        0,
    )


def test_rows_of_json_have_their_columns_named_or_known_and_may_leave_some_out(tmp_path: Path) -> None:
    row = {"TS": START_S, "status": 200, "took_ms": 250, "ctx": {"a": 1}}
    rows = [
        row,
        {**row, "model": "m", "status": 503},
        {**row, "TS": None},
        {"level": "info"},
        {**row, "status": "timeout"},
    ]
    for text in ("\n".join(map(json.dumps, rows)), json.dumps(rows, indent=1)):
        found = log(tmp_path, text)
        assert (found.calls.came_to.tolist(), found.broken_rows) == ([OK, 503, TIMED_OUT], 2)
    inside = "\n".join(json.dumps({"log": json.dumps(one) + "\n", "stream": "stdout"}) for one in rows)
    assert log(tmp_path, inside).calls.duration_ms.tolist() == [250] * 3
    named = json.dumps({"when": START_S, "code": 503})
    assert log(tmp_path, named, columns={"start": "when"}).calls.came_to.tolist() == [503]
    with pytest.raises(UsageProblems, match="is in no form that is known"):
        log(tmp_path, named)


def test_an_empty_value_at_the_edge_of_a_table_with_strokes_is_a_value(tmp_path: Path) -> None:
    found = log(tmp_path, f"status|ts|error\n503|{START_S}|\n|{START_S}|\n|{START_S}\n")
    assert (found.calls.came_to.tolist(), found.broken_rows) == ([503, OK], 1)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"strat": "ts"}, "did you mean 'start'"),
        ({"start": "tss"}, "no column 'tss'; did you mean 'ts'"),
        ({}, "--column start=NAME"),
    ],
)
def test_a_column_that_is_not_there_is_told_with_what_is(tmp_path: Path, columns: dict[str, str], said: str) -> None:
    with pytest.raises(UsageProblems, match=said):
        log(
            tmp_path,
            "when,ts2,ts\n1,2,3\n".replace("ts\n", "ts\n" if columns else "x\n").replace("ts2", "y"),
            "csv",
            columns=columns,
        )


@pytest.mark.parametrize(
    ("value", "at_s"),
    [(1772546400, START_S), ("1772546400000", START_S), (1772546400_000_000, START_S), ("1772546400000000000", START_S),
     ("2026-03-03T15:00:00+01:00", START_S), ("2026-03-03 14:00:00.123456789 UTC", START_S + 0.123456),
     ("2026-03-03 14:00:00,5", START_S + 0.5), ("2026/03/03 14:00:00.5", START_S + 0.5), ("03/Mar/2026:15:00:00 +0100", START_S),
     ("Tue, 03 Mar 2026 14:00:00 GMT", START_S), ("3/3/2026, 2:00:00.500 PM", START_S + 0.5), ("03/03/2026 02:00:00 PM", START_S),
     ("Mar 3, 2026 @ 14:00:00.500", START_S + 0.5)],
)  # fmt: skip
def test_a_clock_is_read_in_the_unit_and_zone_that_it_has(value: object, at_s: float) -> None:
    assert seconds(value)[0] == pytest.approx(at_s)


@pytest.mark.parametrize(
    ("value", "said"),
    [("03/04/2026 14:00:00", "may be of two days: write the year first"), ("14:00:00.5", "names no day"), ("3.4.2026 14:00", "two days"),
     ("Tue, 99 Mar 2026", "is no time"), ("13/13/2026 02:00:00 PM", "is no time"), ("99/Mar/2026:15:00:00 +0100", "is no time")],
)  # fmt: skip
def test_of_a_time_that_may_be_of_several_days_it_is_told_what_would_be_right(value: str, said: str) -> None:
    with pytest.raises(NoTimeError, match=said):
        seconds(value)


@pytest.mark.parametrize(
    "value", ["", None, "soon", "1e99", 17, True, "0001-01-01", "2026-13-01", [], {}, "9" * 400, float("inf")]
)
def test_what_is_no_time_is_refused_and_no_text_of_it_is_quoted(value: object) -> None:
    with pytest.raises((NoTimeError, ValueError)) as refused:
        seconds(value)
    assert "soon" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [("APITimeoutError", TIMED_OUT), ("openai.RateLimitError", 429), ("httpx.RemoteProtocolError", CUT), ("ConnectError", UNREACHABLE),
     ("503", 503), ("asyncio.CancelledError", LEFT), ("HTTP 499", LEFT)],
)  # fmt: skip
def test_the_name_of_an_error_tells_what_it_is(text: str, what: int) -> None:
    assert of_error(text) == what


def test_keys_and_prompts_are_in_no_text_of_ours_unless_asked_for(tmp_path: Path) -> None:
    secret = "sk-abc123"
    text = f"start,status,prompt,link\n{stamp(START_S)},200,my {secret},a\n{secret},200,x,a\n{stamp(START_S)},{secret},x,a\n"
    found = log(tmp_path, text)
    assert found.calls.prompts == ("",)
    assert not any(secret in str(problem) for problem in found.broken)
    assert f"my {secret}" in log(tmp_path, text, with_prompts=True).calls.prompts


@pytest.mark.parametrize(
    ("status", "error", "what"),
    [("", "true", FAILED_SOMEHOW), ("", "false", OK), ("200", "False", OK), ("200", "true", FAILED_SOMEHOW), ("200.0", "", OK),
     ("503.0", "", 503), ("200 OK", "", OK), ("503 Service Unavailable", "", 503), ("true", "nan", OK), ("nan", "0", OK),
     ("false", "", FAILED_SOMEHOW), ("", "1", FAILED_SOMEHOW), ("200", "ReadTimeout", TIMED_OUT), ("1 timeout", "", TIMED_OUT)],
)  # fmt: skip
def test_a_column_of_errors_that_holds_truths_says_which_rows_failed(
    tmp_path: Path, status: str, error: str, what: int
) -> None:
    found = log(tmp_path, f"ts,status,error\n{START_S},{status},{error}\n")
    assert found.calls.came_to.tolist() == [what]


@pytest.mark.parametrize(
    "address",
    [f"https://a.example.com/v1?key={KEY}", f"HTTPS://{KEY}:{KEY}@a.example.com/v1", f"a.example.com?key={KEY}", f"a.example.com/{KEY}#x"],
)  # fmt: skip
def test_of_an_address_only_the_host_is_kept(tmp_path: Path, address: str) -> None:
    http = {"http.request.method": "POST", "http.response.status_code": 200}
    texts = [
        f"ts,status,api_base\n{START_S},200,{address}\n",
        json.dumps({**SPEND, "api_base": address}),
        otlp([span(1, START_S, 5, {**http, "url.full": address})]),
        otlp([span(1, START_S, 5, {**http, "server.address": address})]),
    ]
    for text in texts:
        calls = log(tmp_path, text).calls
        assert [calls.links[link] for link in calls.link] == ["a.example.com"]


@pytest.mark.parametrize("where", ["gen_ai.usage.input_tokens", "http.response.status_code", "startTimeUnixNano"])
def test_a_span_with_a_text_for_a_number_is_told_without_the_text(tmp_path: Path, where: str) -> None:
    bad = span(1, START_S, 5, {**CHAT, **({where: KEY} if "." in where else {})})
    found = log(tmp_path, otlp([{**bad, **({} if "." in where else {where: KEY})}, span(2, START_S, 5, CHAT)]))
    assert found.broken_rows == 1
    assert KEY not in str(found.broken[0])


def test_failures_of_litellm_without_an_address_are_of_the_link_of_their_model(tmp_path: Path) -> None:
    bare = {key: value for key, value in FAILED.items() if key != "api_base"}
    other = {**SPEND, "model": "x", "api_base": "https://b"}
    rows = [SPEND, other, bare, {**bare, "model": "x"}, {**bare, "model": "y"}, SPEND]
    calls = log(tmp_path, "\n".join(map(json.dumps, rows))).calls
    links = [calls.links[link] for link in calls.link]
    assert links == ["api.openai.com", "b", "api.openai.com", "b", "api.openai.com", "api.openai.com"]
    only = log(tmp_path, json.dumps(bare)).calls
    assert only.came_to.tolist() == [429]


def test_counts_out_of_all_measure_are_none(tmp_path: Path) -> None:
    text = json.dumps({**SPEND, "prompt_tokens": 1e30, "completion_tokens": -4})
    calls = log(tmp_path, text).calls
    assert (calls.tokens_in.tolist(), calls.tokens_out.tolist()) == ([-1], [-1])


def test_a_call_that_failed_over_an_answer_that_began_well_is_a_failure(tmp_path: Path) -> None:
    http = {"http.request.method": "POST", "server.address": "a"}

    def tries(number: int, statuses: list[int], outer: dict[str, object]) -> list[dict[str, object]]:
        said = {**CHAT, "gen_ai.response.time_to_first_chunk": 0.25, **outer}
        of_model = span(number, START_S + number, 900, said, trace=number, status={"code": 2 if outer else 0})
        inner = [
            span(number + place, START_S + number + place / 10, 50, {**http, "http.response.status_code": status},
                 trace=number, parentSpanId=f"{number:016x}")
            for place, status in enumerate(statuses, start=1)
        ]  # fmt: skip
        return [of_model, *inner]

    cut = {"error.type": "httpx.RemoteProtocolError"}
    spans = [
        *tries(10, [200], cut),
        *tries(20, [503, 200], cut),
        *tries(30, [503, 429], cut),
        *tries(40, [503, 200], {}),
    ]
    calls = log(tmp_path, otlp(spans)).calls
    assert calls.came_to.tolist() == [CUT, 503, CUT, 503, 429, 503, OK]
    assert calls.first_ms[-1] == pytest.approx(50, abs=1)
    assert isnan(calls.first_ms[-2])


def test_a_row_keeps_the_empty_columns_at_its_end(tmp_path: Path) -> None:
    found = log(tmp_path, f"ts\tstatus\terror\tmodel\r\n{START_S}\t200\t\t\r\n{START_S}\t\tTimeout\tm\r\n \t \r\n")
    assert (found.calls.came_to.tolist(), found.broken_rows) == ([OK, TIMED_OUT], 0)


def test_a_wait_is_read_as_seconds_and_as_a_date_and_one_that_has_passed_is_none(tmp_path: Path) -> None:
    rows = ["6", '"Tue, 03 Mar 2026 14:00:08 GMT"', '"Tue, 03 Mar 2026 13:00:00 GMT"', "", "soon"]
    text = "start,duration_ms,status,retry-after\n" + "".join(f"1772546400,2000,429,{row}\n" for row in rows)
    found = log(tmp_path, text)
    assert (found.calls.size, found.broken_rows) == (4, 1)
    assert found.calls.retry_after_s[:2].tolist() == [6, 6]
    assert all(map(isnan, found.calls.retry_after_s[2:]))


@pytest.mark.parametrize("back", [False, True])
def test_of_the_hour_that_comes_twice_that_is_meant_which_is_nearer_to_the_row_before(
    tmp_path: Path, back: bool
) -> None:
    zone, first_s = zone_named("Europe/Berlin"), 1761436700  # ten minutes before two o'clock of summer time
    at_s = [first_s + 600 * number for number in range(18)]
    written = [datetime.fromtimestamp(at, zone).replace(tzinfo=None).isoformat() for at in at_s]
    text = "start,status\n" + "".join(f"{stamp},200\n" for stamp in (reversed(written) if back else written))
    assert log(tmp_path, text, zone=zone).calls.at_s.tolist() == at_s


@pytest.mark.parametrize("indent", [None, 1])
def test_of_a_list_that_was_cut_short_all_is_read_that_is_whole(tmp_path: Path, indent: int | None) -> None:
    row = {"startTime": "2026-03-03 14:00:00", "endTime": "2026-03-03 14:00:01", "model": "m"}
    text = json.dumps([row | {"request_id": f"r{n}", "spend": 0.1} for n in range(5)], indent=indent)
    found = log(tmp_path, text[:-40], "litellm")
    assert (found.calls.size, found.broken_rows) == (4, 1)
    assert [str(one).removeprefix(f"{tmp_path}/") for one in found.broken] == [
        "log:5: the list is cut short, or is no JSON, from here on"
    ]
    assert log(tmp_path, text, "litellm").broken_rows == 0


def test_a_quote_that_is_not_closed_is_told_with_how_much_it_swallowed(tmp_path: Path) -> None:
    rows = [f"{START_S},200,a\n"] * 5
    found = log(tmp_path, "".join(["ts,status,link\n", *rows[:2], f'{START_S},200,"a\n', *rows]))
    assert (found.calls.size, found.broken_rows, found.broken[0].line) == (2, 1, 4)
    assert "nothing from here to line 9 was read: is a quote not closed?" in str(found.broken[0])


PAYLOAD = {
    "id": "1", "startTime": START_S, "endTime": START_S + 1, "model_group": "m", "custom_llm_provider": "openai", "status": "failure",
    "metadata": {}, "error_str": "Request timed out.",
    "error_information": {"error_code": "503", "error_class": "ServiceUnavailableError", "error_message": "overloaded"},
}  # fmt: skip
NOTHING = {"error_code": "", "error_class": "", "error_message": "", "traceback": ""}


@pytest.mark.parametrize(
    ("row", "what"),
    [({}, 503), ({"error_information": NOTHING}, TIMED_OUT), ({"error_information": NOTHING, "error_str": ""}, FAILED_SOMEHOW),
     ({"status": "success", "error_information": NOTHING, "error_str": None}, OK),
     ({"error_information": {"error_code": "None", "error_class": "APIConnectionError"}}, UNREACHABLE)],
    ids=["status", "message alone", "nothing said", "success", "no status"],
)  # fmt: skip
@pytest.mark.parametrize("message", [False, True])
def test_what_litellms_callbacks_write_says_what_failed(
    tmp_path: Path, row: dict[str, object], what: int, message: bool
) -> None:
    text = json.dumps({**PAYLOAD, **row})
    found = log(tmp_path, json.dumps({"ddsource": "litellm", "message": text}) if message else text)
    assert (list(found.forms.values()), found.calls.came_to.tolist()) == (["litellm"], [what])


GENERATION = {
    "id": "g", "traceId": "t", "type": "GENERATION", "startTime": stamp(START_S), "endTime": stamp(START_S + 1), "model": "m",
    "level": "DEFAULT",
}  # fmt: skip


def test_the_observations_inside_of_langfuses_traces_are_read_with_the_traces_session(tmp_path: Path) -> None:
    failed = {**GENERATION, "id": "f", "level": "ERROR", "statusMessage": "Error code: 503", "parentObservationId": "s"}
    inside = [{**GENERATION, "type": "SPAN", "id": "s"}, GENERATION, failed, 7]
    of_traces = [[{**one, "id": name + one["id"]} for one in inside[:3]] for name in "ab"]
    traces = [{"id": "t", "sessionId": str(at), "observations": each} for at, each in enumerate(of_traces)]
    found = log(tmp_path, json.dumps(traces))
    assert (found.calls.came_to.tolist(), found.passed) == ([OK, 503] * 2, {"of type span": 2})
    assert len({*found.calls.conversation.tolist()}) == 2
    odd = log(tmp_path, json.dumps([*traces, {**traces[0], "observations": inside}]))
    assert (odd.calls.size, odd.passed["of no type"]) == (4, 1)


def test_envoys_long_flags_are_those_and_what_it_said_before_its_first_request_is_counted(tmp_path: Path) -> None:
    rows = [
        ("504", "UpstreamRequestTimeout"),
        ("503", "UpstreamConnectionFailure,UpstreamRetryLimitExceeded"),
        ("503", "-"),
    ]
    row = {"start_time": stamp(START_S), "duration": 3, ":authority": "east", "x-request-id": "r"}
    found = log(
        tmp_path, "\n".join(json.dumps({**row, "response_code": one, "response_flags": flags}) for one, flags in rows)
    )
    assert found.calls.came_to.tolist() == [TIMED_OUT, UNREACHABLE, 503]
    assert ({found.calls.links[link] for link in found.calls.link}, len({*found.calls.request.tolist()})) == (
        {"east"},
        1,
    )
    said = "[2026-03-03 14:00:00.123][1][info][main] [source/server/server.cc:404] initializing\n"
    found = log(tmp_path, said + LINE.format("200", "-", 7, 1))
    assert (found.calls.came_to.tolist(), found.broken_rows) == ([OK], 1)


@pytest.mark.parametrize("names", ["start_time,trace_id,level,status", "startTime,traceId,level,status,type"])
def test_a_table_with_a_trace_and_a_level_is_not_langfuses(tmp_path: Path, names: str) -> None:
    found = log(tmp_path, f"{names}\n{stamp(START_S)},t,GENERATION,503{',x' * (names.count(',') - 3)}\n")
    assert (found.forms, found.calls.came_to.tolist()) == ({str(tmp_path / "log"): "csv"}, [503])


@pytest.mark.parametrize(
    ("said", "link"),
    [("azure/east", "azure/east"), ("openai/gpt-4o/eu_west", "openai/gpt-4o/eu_west"), ("gateway/v1/a", "gateway"),
     ("localhost/a", "localhost"), ("gateway:4000/a", "gateway:4000"), ("10.0.0.1/a", "10.0.0.1"),
     ("proxy/sk-1234567890abcdef", "proxy"), ("proxy/0123456789abcdef", "proxy"), ("ollama/api/chat", "ollama"),
     ("gateway/chat/completions", "gateway"), ("gateway/Embeddings", "gateway"), ("azure/apis", "azure/apis"),
     (f"gateway/{KEY * 3}", "gateway"), (f"gateway/a?key={KEY}", "gateway")],
)  # fmt: skip
def test_a_name_with_a_stroke_in_it_is_no_address(tmp_path: Path, said: str, link: str) -> None:
    calls = log(tmp_path, f"ts,status,link\n{START_S},200,{said}\n").calls
    assert calls.links[calls.link[0]] == link
