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
