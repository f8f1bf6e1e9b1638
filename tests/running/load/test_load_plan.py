"""The plan's file, the handshake, and what the harness may import."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.reading.target import Ask
from harness.running.load import Ready, command, handshake, ready, resolved, start_at, write_plan
from harness.running.load import plan as load_plan


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
    ask = resolved(Ask.model_validate(written), {"x-key": "hush"})
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
    names = [f"running.load.{name}" for name in ("child", "conversations", "handshake", "plan", "__main__")]
    names += ["protocols.protocols", "planning.schedule"]
    code = f"import sys\nfor name in {names}: __import__('harness.' + name)\n"
    code += "print([name for name in ('gevent', 'locust', 'geventhttpclient', 'pydantic') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
