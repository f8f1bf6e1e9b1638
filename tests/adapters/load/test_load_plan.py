"""The plan's file, the handshake, and what the harness may import."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.adapters.load import Ready, SendLag, audit, command, handshake, ready, resolved, start_at, write_plan
from harness.adapters.load import plan as load_plan
from harness.records import Request
from harness.target import Ask as TargetAsk


@pytest.fixture
def plan(bench, tmp_path):
    paths = {name: str(tmp_path / name) for name in ("rows_dir", "ready_path", "start_path")}
    return bench.plan(["http://127.0.0.1:1"], ["q"], **paths)


def test_a_plan_is_read_back_as_it_was_written_and_only_its_owner_can(plan, tmp_path):
    write_plan(plan, tmp_path / "plan.json")
    assert load_plan.read(tmp_path / "plan.json") == plan
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o600


def test_a_plan_is_never_written_over_another_file(plan, tmp_path):
    (tmp_path / "plan.json").write_text("")
    with pytest.raises(FileExistsError):
        write_plan(plan, tmp_path / "plan.json")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows_dir": "rows"}, "'rows'; it has to be an absolute path"),
        ({"start_path": ""}, "start_path"),
        ({"questions": ()}, "at least one"),
        ({"entries": ()}, "at least one"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_not_written(plan, tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        write_plan(msgspec.structs.replace(plan, **changes), tmp_path / "plan.json")
    assert not (tmp_path / "plan.json").exists()


def test_a_plan_with_a_key_that_nobody_knows_is_refused(plan, tmp_path):
    file = tmp_path / "plan.json"
    file.write_bytes(msgspec.json.encode(plan).replace(b'"jitter"', b'"jiter"'))
    with pytest.raises(msgspec.ValidationError, match="jiter"):
        load_plan.read(file)


def test_the_targets_ask_goes_into_the_plan_with_its_headers_resolved():
    written = {
        "protocol": "json",
        "path": "/ask",
        "headers": {"x-key": "${KEY}"},
        "body": {"q": "{question}"},
        "reply": {"answer": "/answer", "snapshot_version": "/v", "conversation": "/c"},
        "nonce": {"in": "field", "name": "meta.id"},
    }
    ask = resolved(TargetAsk.model_validate(written), {"x-key": "hush"})
    assert ask.headers == {"x-key": "hush"}
    assert (ask.answer_pointer, ask.snapshot_version_pointer, ask.conversation_pointer) == ("/answer", "/v", "/c")
    assert (ask.nonce_place, ask.nonce_name) == ("field", "meta.id")
    assert (ask.protocol, ask.path, ask.body, ask.stream) == ("json", "/ask", {"q": "{question}"}, True)


def test_neither_side_is_heard_before_it_has_spoken(plan, tmp_path):
    assert ready(plan) is None
    assert handshake.start(tmp_path / "start_path") is None
    handshake.say_ready(tmp_path / "ready_path", Ready(12, 2))
    start_at(plan, 7.25)
    assert ready(plan) == Ready(12, 2)
    assert handshake.start(tmp_path / "start_path") == handshake.Start(7.25)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ready_path", "start_path"]


def test_the_command_names_the_plan_by_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(Path("plan.json"))[-1] == str(tmp_path / "plan.json")


def test_the_harness_side_imports_neither_gevent_nor_locust():
    names = ["audit", "child", "conversations", "handshake", "plan", "protocols", "schedule", "__main__"]
    code = f"import sys\nfor name in {names}: __import__('harness.adapters.load.' + name)\n"
    code += "print([name for name in ('gevent', 'locust', 'geventhttpclient', 'pydantic') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def row(index, outcome="complete", lag_s=0.0):
    return Request(index, 0, due_s=1.0, sent_s=None if outcome == "not_sent" else 1.0 + lag_s, outcome=outcome)


@given(st.lists(st.integers(-2, 12)))
def test_the_audit_finds_every_index_that_is_missing_doubled_or_unplanned(indices):
    found = audit([row(index) for index in indices], 10)
    assert set(found.missing) == set(range(10)) - set(indices)
    assert set(found.doubled) == {index for index in range(10) if indices.count(index) > 1}
    assert list(found.unplanned) == sorted(index for index in indices if not 0 <= index < 10)
    assert found.sound == (sorted(indices) == list(range(10)))


def test_the_audit_counts_what_was_sent_and_how_late():
    rows = [row(index, lag_s=index / 1000) for index in range(198)]
    found = audit([*rows, row(198, "not_sent"), row(199, "unfinished", lag_s=0.5)], 200)
    assert found.sound
    assert (found.offered, found.sent, found.not_sent, found.unfinished) == (200, 199, 1, 1)
    assert found.send_lag == SendLag(99.0, 197.0, 500.0)


def test_a_load_that_sent_nothing_has_no_lag():
    assert audit([row(0, "not_sent")], 1).send_lag == SendLag(None, None, None)
