"""Files that are torn, garbled or made to do harm: one clear error or counted rows, and nothing of them in force in what is written."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from random import Random
from threading import Thread

import pytest
import yaml
from incidents.synthetic import START_S, Stretch, csv_file, made, otlp_file, stamp

from harness.incidents import importing
from harness.incidents.imported import ImportOptions, imported
from harness.incidents.picture import drawn
from harness.prepare import validate
from harness.problems import UsageProblems

WHOLE = made([Stretch(20), Stretch(30, {"503": 0.5}), Stretch(60)], 5)


@pytest.mark.parametrize("name", ["otlp", "csv"])
@pytest.mark.parametrize("seed", range(8))
def test_a_garbled_file_is_one_error_or_counted_rows(tmp_path: Path, name: str, seed: int) -> None:
    chance = Random(seed)
    path = (otlp_file if name == "otlp" else csv_file)(tmp_path / "log", WHOLE)
    text = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 20, 400))):
        text[chance.randrange(len(text))] = chance.randrange(256)
    packed = gzip.compress(bytes(text)) if chance.random() < 0.4 else bytes(text)
    path.write_bytes(packed[: chance.randrange(len(packed))] if chance.random() < 0.6 else packed)
    try:
        found = imported([path], ImportOptions(), tmp_path / "incident.yaml")
    except UsageProblems as problems:
        said = problems.problems
    else:
        said = ()
    if said:
        assert all(str(path) in str(problem) for problem in said)
        return
    assert (
        found.log.calls.size + found.log.requests.size + found.log.broken_rows + sum(found.log.passed.values())
        == found.log.rows
    )
    assert yaml.safe_load(found.scenario)["schema"] == "harness.scenario/1"


@pytest.mark.parametrize(
    "text",
    [b"", b"\n\n", b"\x00" * 50, b"[" * 100_000, b"{}", b"[]", b'{"resourceSpans": []}', b"hello", b"\x1f\x8b\x08junk", b"a,b\n1,2\n",
     b'{"resourceSpans": ' + b"[" * 5000],
)  # fmt: skip
def test_what_holds_no_call_is_one_error_with_the_files_name(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(text)
    with pytest.raises(UsageProblems) as refused:
        importing.read([path])
    assert str(path) in str(refused.value)


def test_folders_and_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    for path, said in ((tmp_path, "is a folder"), (tmp_path / "none", "no such file")):
        with pytest.raises(UsageProblems, match=said):
            importing.read([path])


EVIL = 'x", on: {}}\n  - {kind: blackhole\x1b[31m‮ ${HOME} {port} #'


def test_names_in_a_log_say_nothing_to_yaml_or_to_a_terminal(tmp_path: Path) -> None:
    calls = [one._replace(link=EVIL, model=EVIL) for one in WHOLE] + [one._replace(link="b") for one in WHOLE]
    rows = [
        {"start": stamp(one.at_s), "code": one.status, "link": one.link, "model": one.model} for one in sorted(calls)
    ]
    path = tmp_path / "log.csv"
    lines = [
        ",".join('"' + str(value).replace('"', '""').replace("\n", " ") + '"' for value in row.values()) for row in rows
    ]
    path.write_text("\n".join(["start,status,link,model", *lines]))
    found = imported([path], ImportOptions(), tmp_path / "incident.yaml")
    found.write()
    assert validate(tmp_path / "incident.yaml").problems == ()
    assert "\x1b" not in found.scenario + "".join(drawn(found))
    assert {fault["kind"] for fault in yaml.safe_load(found.scenario)["faults"]} == {"http_error"}


def test_more_names_than_anybody_has_take_no_more_room(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("start,status,model\n" + "".join(f"{START_S + n / 100},200,m{n}\n" for n in range(3000)))
    assert len(importing.read([path]).calls.models) <= 1_002


def test_a_line_without_end_is_a_broken_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.incidents.source.LINE_MOST", 10_000)
    path = tmp_path / "log"
    row = {"startTime": stamp(START_S), "model_group": "m", "status": "success"}
    path.write_text("\n".join([json.dumps(row), json.dumps({**row, "messages": "x" * 20_000}), json.dumps(row)]))
    found = importing.read([path])
    assert (found.calls.size, found.broken_rows, found.broken[0].line) == (2, 1, 2)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["otlp", "csv"])
def test_what_comes_out_of_a_pipe_is_read_once_and_whole(tmp_path: Path, name: str, packed: bool) -> None:
    path = (otlp_file if name == "otlp" else csv_file)(tmp_path / "log", WHOLE)
    text, pipe = path.read_bytes(), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_bytes(gzip.compress(text) if packed else text), daemon=True)
    writer.start()
    found = importing.read([pipe])
    writer.join()
    assert found.calls.at_s.tolist() == importing.read([path]).calls.at_s.tolist()


def test_a_device_is_no_log() -> None:
    with pytest.raises(UsageProblems, match=r"/dev/zero: is a device or a socket; name a file or a pipe"):
        importing.read([Path("/dev/zero")])


FIRST_S = int(START_S)
PLAIN = "start,duration_ms,status\n" + "".join(f"{FIRST_S + n / 5},300,{503 if n % 3 else 200}\n" for n in range(300))
SPAN = {
    "traceId": "a" * 32, "name": "chat", "kind": 3,
    "startTimeUnixNano": f"{FIRST_S}000000000", "endTimeUnixNano": f"{FIRST_S}300000000",
    "attributes": [
        {"key": "http.request.method", "value": {"stringValue": "POST"}},
        {"key": "http.response.status_code", "value": {"intValue": "200"}},
    ],
}  # fmt: skip
OF_LITELLM = {"startTime": stamp(FIRST_S), "endTime": stamp(FIRST_S + 1), "model_group": "m", "status": "success"}
OF_LANGFUSE = {
    "traceId": "t",
    "type": "GENERATION",
    "startTime": stamp(FIRST_S),
    "endTime": stamp(FIRST_S + 1),
}
OF_ENVOY = (
    f'[{stamp(FIRST_S)}] "POST /v1 HTTP/1.1" 200 - 120 500 300 290 "-" "python" "id" "api.openai.com" "10.0.0.1:443"\n'
)


def short(value: object) -> str | None:
    """A name for what is in a file, which is the same in each process though gzip writes down when it packed."""
    return type(value).__name__ if isinstance(value, (str, bytes)) else None


def spans(**changed: object) -> str:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN | changed]}]}]}) + "\n"


def of(row: dict[str, object], **changed: object) -> str:
    return json.dumps(row | changed) + "\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PLAIN.encode("utf-16"), "is UTF-16 or UTF-32; write it as UTF-8"),
        (PLAIN.encode("utf-16-be"), "is UTF-16 or UTF-32; write it as UTF-8"),
        (spans().encode("utf-16"), "is UTF-16 or UTF-32; write it as UTF-8"),
        (of(OF_LITELLM).encode("utf-16-le"), "is UTF-16 or UTF-32; write it as UTF-8"),
        (OF_ENVOY.encode("utf-32"), "is UTF-16 or UTF-32; write it as UTF-8"),
        (gzip.compress(gzip.compress(PLAIN.encode())), "is packed twice with gzip; unpack it once"),
        (b"PK\x03\x04" + b"\x14" * 90, "is a ZIP archive; unpack it"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 90, "is packed with zstd"),
        (b"BZh91AY&SY" + b"x" * 90, "is packed with bzip2"),
        (b"\xfd7zXZ\x00" + b"x" * 90, "is packed with xz"),
        (b"PAR1" + b"x" * 90, "is Parquet; write it as CSV or as JSON"),
        (PLAIN.replace("\n", "\r").encode(), "has lines that end with a carriage return alone"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b""), "is empty"),
        (PLAIN.replace("duration_ms", "status", 1).encode(), ":1: there are several columns called 'status'"),
        (PLAIN.replace("duration_ms", "START", 1).encode(), ":1: there are several columns called 'start'"),
        (b"startTime,status,model,status\n2026-03-03T14:00:00Z,success,m,failure\n", "called 'status'"),
        (PLAIN.replace("start,", ",").encode(), "name it with --column start=NAME"),
        (b"start" + b"," * 20_000 + b"\n", "20,001 columns in its first line: a table of calls has 10,000 at most"),
        (b"start" + b"," * 200_000, "is in no form that is known"),
        (b'{"\xff": 1, "start": 1}', "is in no form that is known"),
        (b"x" * 200_000, "is in no form that is known"),
        (b"start,x" + b"y" * 200_000 + b"\n1,2\n", "is in no form that is known"),
        (b"start,a\rstatus,b\n1,2\n", "is no CSV: new-line character seen in unquoted field"),
        (b"start,status\n" + f"{FIRST_S},200\n".encode() * 30_000, "30,000 requests a second were logged, and a load has 20,000"),
        (PLAIN.encode() + b"4000000000,300,200\n", "days where a scenario has a week at most"),
        (b'{"resourceSpans": ' + b"[" * 3000 + b"]" * 3000 + b"}", "is nested too deeply"),
        (json.dumps({"message": json.dumps({"level": "info"})}).encode(), "is in no form that is known"),
    ],
    ids=short,
)  # fmt: skip
def test_what_is_no_log_or_none_that_can_be_run_is_one_error_that_says_what_it_is(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    with pytest.raises(UsageProblems) as refused:
        imported([path], ImportOptions(), tmp_path / "incident.yaml")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("content", "calls", "broken", "untimed"),
    [
        (PLAIN.encode("utf-8-sig"), 300, 0, 0),
        (PLAIN.replace("\n", "\r\n").encode(), 300, 0, 0),
        (gzip.compress(PLAIN.encode()) + b"junk", 300, 1, 0),
        (gzip.compress(PLAIN.encode())[:-8] + bytes(8), 300, 1, 0),
        (PLAIN.encode() + bytes(100_000), 300, 1, 0),
        (PLAIN.replace(",200", ",200\0").encode(), 200, 100, 0),
        (PLAIN.replace(",300,", ",-5,", 7).encode(), 293, 7, 0),
        (PLAIN.replace(",300,", ",3_00,", 7).encode(), 293, 7, 0),
        (PLAIN.replace(",300,", ",inf,", 7).encode(), 293, 7, 0),
        (PLAIN.replace(",300,", ",1e300,", 7).encode(), 300, 0, 7),
        (PLAIN.encode() + f"{FIRST_S},300,200,{'x' * 10_000_000}\n".encode(), 300, 1, 0),
        (f"start,end,status\n{FIRST_S},{FIRST_S - 1},200\n{FIRST_S},{FIRST_S + 1},200\n".encode(), 2, 0, 1),
        ("start,status\n" + "".join(f"{(FIRST_S + n) * 10 ** (3 * (n % 4))},200\n" for n in range(40)), 40, 0, 0),
        ("start,status\n" + "".join(f"{FIRST_S + n - 30 * (n > 20)},200\n" for n in range(40)), 40, 0, 0),
        (spans() * 3 + spans(startTimeUnixNano="1.5e18") + spans()[:-9], 3, 2, 0),
        (spans() + spans(startTimeUnixNano=FIRST_S * 10**9), 2, 0, 0),
        (spans() + spans(endTimeUnixNano=f"{FIRST_S - 9}000000000") + spans(endTimeUnixNano="0"), 3, 0, 1),
        (spans() + spans(name="x" * 10_000_000), 2, 0, 0),
        (spans() + spans(attributes=None) + spans(traceId={"x": 1}) + spans().replace("chat", "ch\0at"), 1, 3, 0),
        (of(OF_LITELLM) * 2 + of(OF_LITELLM, startTime=True) + of(OF_LITELLM, endTime=stamp(FIRST_S - 9)), 3, 1, 1),
        (of(OF_LITELLM) + of(OF_LITELLM, messages=json.dumps([json.dumps({"role": "user"})])), 2, 0, 0),
        (of(OF_LANGFUSE) + of(OF_LANGFUSE, endTime=stamp(FIRST_S - 9)) + of(OF_LANGFUSE, startTime="x"), 2, 1, 1),
        (OF_ENVOY * 2 + OF_ENVOY[:-60], 2, 1, 0),
        ("\ufeff" + OF_ENVOY + OF_ENVOY.replace("[2026", "[20\0"), 1, 1, 0),
    ],
    ids=short,
)  # fmt: skip
def test_of_what_is_torn_or_odd_each_row_is_a_call_or_counted(
    tmp_path: Path, content: bytes | str, calls: int, broken: int, untimed: int
) -> None:
    path = tmp_path / "log"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    found = imported([path], ImportOptions(), tmp_path / "incident.yaml")
    assert (found.log.calls.size, found.log.broken_rows, found.log.untimed) == (calls, broken, untimed)
    assert sum(map(len, found.texts.values())) < 1 << 20
    told = "\n".join(found.told_of_broken())
    assert (("could not be read" in told), ("took is left out" in told)) == (bool(broken), bool(untimed))
    assert ("took is left out" in found.scenario) == bool(untimed)
