"""What a killed run left is taken away, and nothing that somebody merely claims to be its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.running.keeper import strays
from harness.running.keeper.heal import heal
from harness.running.keeper.keeper import Keeper
from harness.running.keeper.processes import look
from harness.running.keeper.temporary import TEMP_MARK, mark
from harness.running.keeper.undo import UndoLog

# Strays are looked for on the whole machine, on which the same tests may go on for somebody else.
RUN, OTHER = f"the-run-{os.getpid()}", f"another-{os.getpid()}"
GONE = {"keeper_pid": 2**22 + 1, "keeper_started": 1, "harness_pid": 2**22 + 1, "harness_started": 1}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / RUN).mkdir()
    return tmp_path / RUN


@pytest.fixture
def left(run: Path) -> Callable[..., None]:
    """Has the run left a temporary folder, as its undo file says."""

    def write(temp: Path, name: str = RUN) -> None:
        (run / "undo.jsonl").write_text(json.dumps({"run": name, "temp": str(temp), **GONE}) + "\n")

    return write


@pytest.fixture
def marked(runs: Any, eventually: Any) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["sleep", "1000"], env={**os.environ, strays.MARK: name}, start_new_session=True)
        started.append(process)
        eventually(lambda: name in Path(f"/proc/{process.pid}/environ").read_text())
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_temporary_folder_of_a_killed_run_goes_with_all_that_is_in_it(run: Path, left: Any, tmp_path: Path) -> None:
    temp = tmp_path / "temp"
    temp.mkdir()
    mark(temp, RUN)
    (temp / "load.json").write_text("secret")
    left(temp)
    healed = heal(run)
    assert healed == ("nothing", (f"{run}: temporary folder {temp}: removed",))
    assert not temp.exists()
    assert not (run / "undo.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "inside", "goes"), [("harness-1", "", True), ("harness-1", "a", False), ("home", "", False)]
)
def test_a_folder_that_a_run_had_only_just_made_goes_while_it_is_empty(
    run: Path, left: Any, tmp_path: Path, name: str, inside: str, goes: bool
) -> None:
    (tmp_path / name / inside).mkdir(parents=True)
    left(tmp_path / name)
    assert heal(run).now == "nothing"
    assert (tmp_path / name).exists() != goes


@pytest.mark.parametrize("forge", ["no mark", "another's mark", "a link", "a pipe", "relative"])
def test_a_folder_that_does_not_say_that_it_is_the_runs_own_is_left_alone(
    run: Path, left: Any, tmp_path: Path, forge: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis").write_text("three years of work")
    monkeypatch.chdir(tmp_path)
    if forge == "another's mark":
        mark(home, "another-run")
    elif forge == "a link":
        mark(home, RUN)
        (tmp_path / "link").symlink_to(home)
    elif forge == "a pipe":
        os.mkfifo(home / TEMP_MARK)
    elif forge == "relative":
        mark(home, RUN)
    left({"a link": tmp_path / "link", "relative": Path("home")}.get(forge, home))
    assert heal(run).now == "nothing"
    assert (home / "thesis").exists()


def test_a_process_that_a_killed_run_had_started_is_ended_and_no_other(
    run: Path, left: Any, tmp_path: Path, marked: Any, runs: Any
) -> None:
    mine, longer, others = marked(RUN), marked(f"{RUN}-2"), marked(OTHER)
    left(tmp_path / "gone")
    assert heal(run) == ("nothing", (f"{run}: process {mine.pid}, which it had started: ended",))
    assert [runs(process.pid) for process in (mine, longer, others)] == [False, True, True]


def test_the_undo_file_of_another_run_ends_nothing(
    run: Path, left: Any, tmp_path: Path, marked: Any, runs: Any
) -> None:
    others = marked(OTHER)
    left(tmp_path / "gone", OTHER)
    assert heal(run).said == (f"{run}: its undo file is that of run '{OTHER}'; processes and folders are left alone",)
    assert runs(others.pid)


def test_what_has_a_keeper_is_no_stray_whoever_claims_to_have_started_it(
    keeper: Keeper, shell: Any, run: Path, left: Any, tmp_path: Path, runs: Any, eventually: Any
) -> None:
    pid = keeper.spawn(shell("one", "setsid sleep 1000 & echo $!; wait"))
    grandchild = int(eventually(lambda: (tmp_path / "one.log").read_text()))
    assert strays.strays(tmp_path.name) == []
    assert strays.end(tmp_path.name) == []
    assert runs(pid)
    assert runs(grandchild)


def test_a_process_that_does_not_heed_is_killed(run: Path, tmp_path: Path, eventually: Any, runs: Any) -> None:
    stubborn = "import signal, sys; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()"
    environment = {**os.environ, strays.MARK: RUN}
    with subprocess.Popen([sys.executable, "-c", stubborn], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert [stray.pid for stray in strays.end(RUN, 0.05)] == [process.pid]
        assert process.wait() == -9


@pytest.mark.parametrize("content", [b"garbage\nmore\n", b"[" * 200_000 + b"\n", b"\xff\n"])
def test_an_undo_file_of_which_nothing_can_be_read_is_kept(run: Path, content: bytes) -> None:
    (run / "undo.jsonl").write_bytes(content)
    assert heal(run) == (
        "left",
        (f"{run / 'undo.jsonl'}: no line of it can be read, so nobody knows what was left in force",),
    )
    assert (run / "undo.jsonl").exists()


@pytest.mark.parametrize(
    "line",
    [
        b'{"v": 2, "promise": "1", "undo": [{"method": "DELETE", "url": "http://127.0.0.1:9/proxies/harness-a"}]}',
        b'{"id": 1, "undo": [{"method": "DELETE", "url": "http://127.0.0.1:9/proxies/harness-a"}]}',
        b'{"id": "1", "undo": {"method": "DELETE"}}',
        b"[1]",
        b"garbage",
    ],
)
def test_an_undo_file_with_a_line_of_another_make_is_kept_and_the_rest_of_it_is_put_back(
    run: Path, api: Any, line: bytes
) -> None:
    log = UndoLog(run / "undo.jsonl")
    log.promise("east", [api.undo("east")])
    log.close()
    with (run / "undo.jsonl").open("ab") as file:
        file.write(line + b"\n")
    for _ in range(2):
        healed = heal(run)
        assert healed.now == "left"
        assert f"{run}: line 2 of undo.jsonl cannot be read" in healed.said[-1]
    assert api.asked == ["DELETE east"]
    assert (run / "undo.jsonl").exists()


@pytest.mark.parametrize("torn", [b'{"id": "x", "undo": [{"meth', b'{"do', b"\0\0\0", b'{"done": "east'])
def test_what_a_crash_left_of_a_line_keeps_no_undo_file(run: Path, api: Any, torn: bytes) -> None:
    log = UndoLog(run / "undo.jsonl")
    log.promise("east", [api.undo("east")])
    log.close()
    with (run / "undo.jsonl").open("ab") as file:
        file.write(torn)
    assert heal(run) == ("nothing", (f"{run}: east: put back",))
    assert not (run / "undo.jsonl").exists()


def test_a_pipe_in_the_place_of_an_undo_file_is_not_waited_for(run: Path) -> None:
    os.mkfifo(run / "undo.jsonl")
    assert heal(run) == ("left", (f"{run / 'undo.jsonl'}: cannot be read: it is no file",))


def test_what_a_run_left_that_has_ended_is_put_back_though_the_process_that_conducted_it_goes_on(
    run: Path, tmp_path: Path
) -> None:
    own = {"harness_pid": os.getpid(), "harness_started": look(os.getpid()).started}
    owner = {"run": RUN, "temp": str(tmp_path / "gone"), "keeper_pid": 0, "keeper_started": 0, **own}
    (run / "undo.jsonl").write_text(json.dumps(owner) + "\n")
    assert heal(run).now == "goes on"
    assert heal(run, ended=True).now == "nothing"
    assert not (run / "undo.jsonl").exists()
