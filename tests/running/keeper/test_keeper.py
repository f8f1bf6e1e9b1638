"""The keeper's promises to a harness that goes on: what it starts, reports, stops and removes."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.problems import HarnessError
from harness.running.keeper import keeper as keeper_module
from harness.running.keeper.keeper import Child, Keeper, tail
from harness.running.keeper.means import HttpUndo
from harness.running.keeper.strays import MARK
from harness.running.keeper.undo import UndoLog, owner, pending

Shell = Callable[[str, str], Child]


def test_a_child_has_the_environment_that_it_was_given_the_folder_of_the_harness_and_nothing_else(
    keeper: Keeper, tmp_path: Path, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    told = "import json, os; print(json.dumps([dict(os.environ), os.getcwd(), os.listdir('/proc/self/fd')]))"
    argv = (sys.executable, "-I", "-S", "-c", told)
    keeper.spawn(Child("one", argv, {"ONLY": "ünïque"}, tmp_path / "log"))
    eventually(lambda: keeper.exited() == {"one": 0})
    environment, folder, descriptors = json.loads((tmp_path / "log").read_text())
    assert environment.pop("ONLY") == "ünïque"
    assert environment.pop(MARK) == tmp_path.name
    assert environment.keys() <= {"LC_CTYPE"}  # which Python itself sets
    assert folder == str(tmp_path / "there")
    assert sorted(descriptors) == ["0", "1", "2", "3"]  # the fourth is the listing's own


def test_a_child_that_dies_is_reported_with_its_status_and_the_end_of_its_log(
    keeper: Keeper, shell: Shell, eventually: Any
) -> None:
    keeper.spawn(shell("lives", "exec sleep 1000"))
    keeper.spawn(shell("dies", "echo could not bind; exit 7"))
    keeper.spawn(shell("killed", "kill -9 $$"))
    keeper.spawn(shell("forks", "exit 0"))
    eventually(lambda: keeper.exited() == {"dies": 7, "killed": -9, "forks": 0})
    assert [keeper.alive(name) for name in ("lives", "dies", "killed", "unknown")] == [True, False, False, False]
    assert keeper.how_it_ended("dies") == "'dies' ended with status 7; its log ends:\ncould not bind"
    assert keeper.how_it_ended("killed") == "'killed' was ended by SIGKILL; its log is empty"
    stay = "and a run needs it to stay, in the foreground, until it is told to end"
    assert keeper.how_it_ended("forks") == f"'forks' ended with status 0, {stay}; its log is empty"
    assert keeper.how_it_ended("lives") == "'lives' is still running; its log is empty"


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (("no-such-command-here",), "command 'no-such-command-here' is not on its PATH"),
        (("/no/such/file",), "there is no file '/no/such/file'"),
        (("./plain",), "'./plain' is not executable"),
        (("./garbled",), "'./garbled' is neither a program nor a script"),
        (("./orphan",), "the interpreter that the first line of './orphan' names does not exist"),
        (("a\0b",), "embedded null byte"),
    ],
)
def test_a_command_that_cannot_be_started_gives_one_clear_error(
    keeper: Keeper, tmp_path: Path, shell: Shell, argv: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain").write_text("text")
    for name, text in {"garbled": "\0\1\2", "orphan": "#!/no/such/interpreter\n"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    child = Child("target", argv, dict(os.environ), tmp_path / "log")
    with pytest.raises(HarnessError) as error:
        keeper.spawn(child)
    assert str(error.value).startswith(f"cannot start 'target': {reason}")
    assert keeper.exited() == {}
    keeper.spawn(shell("target", "exec sleep 1000"))  # the keeper goes on, and the name is free
    assert keeper.alive("target")


def test_a_folder_that_cannot_be_entered_or_a_log_that_cannot_be_opened_is_named(
    keeper: Keeper, tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    monkeypatch.chdir(tmp_path / "closed")
    one = shell("one", "true")
    (tmp_path / "closed").rename(tmp_path / "elsewhere")
    with monkeypatch.context() as gone:
        gone.setattr(Path, "cwd", lambda: tmp_path / "closed")
        with pytest.raises(HarnessError, match=r"its folder .*/closed cannot be entered: No such file"):
            keeper.spawn(one)
    with pytest.raises(HarnessError, match=r"its log .*/nowhere/log cannot be opened: No such file"):
        keeper.spawn(replace(shell("one", "true"), log=tmp_path / "nowhere" / "log"))


def test_a_name_can_be_used_again_only_after_its_child_ended(keeper: Keeper, shell: Shell) -> None:
    first = keeper.spawn(shell("one", "exec sleep 1000"))
    with pytest.raises(HarnessError, match="cannot start 'one': a child of this name is running"):
        keeper.spawn(shell("one", "exec sleep 1000"))
    keeper.stop("one", 10)
    assert keeper.exited() == {"one": -signal.SIGTERM}
    assert keeper.spawn(shell("one", "exec sleep 1000")) != first
    assert keeper.exited() == {}
    assert keeper.alive("one")


def test_much_output_blocks_neither_a_child_nor_the_keeper(
    keeper: Keeper, shell: Shell, tmp_path: Path, eventually: Any
) -> None:
    keeper.spawn(shell("loud", "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2"))
    eventually(lambda: keeper.exited() == {"loud": 0})
    assert (tmp_path / "loud.log").stat().st_size == 2_000_000


def test_stop_ends_what_a_child_started_in_its_group_in_a_session_of_its_own_and_below_that(
    keeper: Keeper, shell: Shell, tmp_path: Path, eventually: Any, runs: Any
) -> None:
    keeper.spawn(shell("other", "exec sleep 1000"))
    keeper.spawn(shell("tree", "sleep 1000 & echo $!; setsid sh -c 'sleep 1000 & echo $!; wait' & echo $!; wait"))
    printed = eventually(lambda: len(log := (tmp_path / "tree.log").read_text().split()) == 3 and log)
    pids = [int(pid) for pid in printed]
    assert all(map(runs, pids))
    keeper.stop("tree", 10)
    assert not any(map(runs, pids))
    assert keeper.alive("other")
    assert keeper.exited() == {"tree": -signal.SIGTERM}


def test_stop_waits_for_what_outlives_the_child_that_started_it(
    keeper: Keeper, shell: Shell, tmp_path: Path, eventually: Any
) -> None:
    # The shell ends at SIGTERM; what it started needs a moment more, and has it.
    slow = "sh -c 'trap \"echo tidied; exit\" TERM; echo ready; while :; do sleep 0.05; done' & wait"
    keeper.spawn(shell("slow", slow))
    eventually(lambda: (tmp_path / "slow.log").read_text() == "ready\n")
    keeper.stop("slow", 10)
    assert (tmp_path / "slow.log").read_text().endswith("tidied\n")


def test_stop_kills_what_ignores_sigterm_even_after_all_that_tied_it_to_the_child_is_gone(
    keeper: Keeper, shell: Shell, tmp_path: Path, eventually: Any, runs: Any
) -> None:
    keeper.spawn(shell("parent", "setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1000; done' & wait"))
    stubborn = int(eventually(lambda: (tmp_path / "parent.log").read_text()))
    keeper.stop("parent", 0.3)
    assert not runs(stubborn)
    assert keeper.exited() == {"parent": -signal.SIGTERM}


def test_a_child_that_ignores_sigterm_is_killed(keeper: Keeper, shell: Shell, tmp_path: Path, eventually: Any) -> None:
    keeper.spawn(shell("stubborn", "trap '' TERM; echo ready; while :; do sleep 1000; done"))
    eventually(lambda: (tmp_path / "stubborn.log").read_text())
    keeper.stop("stubborn", 0)
    assert keeper.exited() == {"stubborn": -signal.SIGKILL}


def test_a_child_that_is_suspended_can_be_stopped(keeper: Keeper, shell: Shell, eventually: Any) -> None:
    def state(pid: int) -> str:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

    pid = keeper.spawn(shell("one", "exec sleep 1000"))
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: state(pid) == "T")
    keeper.stop("one", 10)
    assert keeper.exited() == {"one": -signal.SIGTERM}


def test_what_is_to_be_stopped_may_have_ended_but_has_to_have_been_started(
    keeper: Keeper, shell: Shell, eventually: Any
) -> None:
    keeper.spawn(shell("one", "true"))
    eventually(lambda: not keeper.alive("one"))
    keeper.stop("one", 10)
    with pytest.raises(HarnessError, match="cannot signal 'two': no child has this name; there are: one"):
        keeper.stop("two", 10)


def test_close_ends_children_and_daemons_and_removes_the_temporary_folder(
    keeper: Keeper, shell: Shell, tmp_path: Path, eventually: Any, runs: Any
) -> None:
    (tmp_path / "temp" / "deep").mkdir()
    (tmp_path / "temp" / "deep" / "file").touch()
    keeper.spawn(shell("daemon", "setsid sleep 1000 & echo $!"))
    for name in ("first", "second"):
        keeper.spawn(shell(name, "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done"))
        eventually(lambda name=name: (tmp_path / f"{name}.log").read_text())
    eventually(lambda: keeper.exited() == {"daemon": 0})
    daemon, keeper_pid = int((tmp_path / "daemon.log").read_text()), keeper.pid
    assert runs(daemon)

    keeper.close(10)

    assert not runs(daemon)
    assert not runs(keeper_pid)
    assert keeper.exited() == {"daemon": 0, "first": 3, "second": 3}
    assert not keeper.alive("first")
    assert not (tmp_path / "temp").exists()


def test_close_asks_a_child_to_end_only_when_those_started_after_it_have_ended(
    keeper: Keeper, shell: Shell, tmp_path: Path, eventually: Any
) -> None:
    order = tmp_path / "order"
    for name in ("first", "second", "third"):
        keeper.spawn(shell(name, f"trap 'echo {name} >> {order}; exit' TERM; echo ready; while :; do sleep 0.01; done"))
        eventually(lambda name=name: (tmp_path / f"{name}.log").read_text())
    keeper.close(30)
    assert order.read_text().split() == ["third", "second", "first"]


def test_close_puts_back_what_is_still_pending(keeper: Keeper, tmp_path: Path, api: Any) -> None:
    undo = UndoLog(tmp_path / "undo.jsonl")
    undo.promise("a", [api.undo("a")])
    undo.promise("b", [api.undo("b")])
    api.answers["b"] = 500
    undo.close()
    keeper.close()
    assert api.asked[:2] == ["DELETE b", "DELETE a"]
    assert [promise.id for promise in pending(tmp_path / "undo.jsonl")] == ["b"]
    assert "could not put back b: DELETE" in (tmp_path / "keeper.log").read_text()


def test_what_a_hung_child_did_is_known_to_be_gone_once_it_was_ended(
    keeper: Keeper, tmp_path: Path, shell: Shell, eventually: Any
) -> None:
    hung = """
import signal, socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
signal.pause()
"""
    keeper.spawn(Child("hung", (sys.executable, "-I", "-S", "-c", hung), {}, tmp_path / "hung.log"))
    port = int(eventually(lambda: (tmp_path / "hung.log").read_text()))
    undo = UndoLog(tmp_path / "undo.jsonl")
    undo.promise("a", [HttpUndo("DELETE", f"http://127.0.0.1:{port}/proxies/harness-a")])
    undo.close()
    keeper.close()
    assert pending(tmp_path / "undo.jsonl") == []
    said = (tmp_path / "keeper.log").read_text().splitlines()
    why = [line.rpartition(": ")[2] for line in said]
    assert why == ["no answer within 1 s", "nobody listens there any more, so what it did is gone with it"]


def test_one_thread_may_look_while_another_starts_and_stops(keeper: Keeper, shell: Shell) -> None:
    seen: list[dict[str, int]] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.append(keeper.exited())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for n in range(5):
            keeper.spawn(shell(f"child{n}", "exec sleep 1000"))
            keeper.stop(f"child{n}", 10)
    finally:
        done.set()
        thread.join()
    assert keeper.exited() == dict.fromkeys([f"child{n}" for n in range(5)], -signal.SIGTERM)
    assert [len(ended) for ended in seen] == sorted(len(ended) for ended in seen)


def test_close_can_be_called_again_and_nothing_can_be_asked_after_it(keeper: Keeper, shell: Shell) -> None:
    keeper.close()
    keeper.close()
    with pytest.raises(RuntimeError, match="the keeper is not running"):
        keeper.spawn(shell("late", "true"))


def test_a_keeper_that_was_never_started_can_be_closed(tmp_path: Path) -> None:
    Keeper(tmp_path / "undo", tmp_path / "temp", tmp_path / "log").close()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_close_is_finished_by_the_keeper_alone(
    keeper: Keeper, shell: Shell, tmp_path: Path, eventually: Any, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, keeper_pid = keeper.spawn(shell("one", "exec sleep 1000")), keeper.pid

    def interrupted(wait_s: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keeper, "_listen", interrupted)
        with pytest.raises(KeyboardInterrupt):
            keeper.close()
    eventually(lambda: not runs(keeper_pid) and not runs(pid))
    keeper.close()
    assert keeper.exited() == {"one": -signal.SIGTERM}


def test_when_the_keeper_is_killed_the_harness_is_told_and_nothing_is_left(
    keeper: Keeper, shell: Shell, tmp_path: Path, api: Any, eventually: Any, runs: Any
) -> None:
    child = keeper.spawn(shell("one", "sleep 1000 & echo $!; wait"))
    grandchild = int(eventually(lambda: (tmp_path / "one.log").read_text()))
    undo = UndoLog(tmp_path / "undo.jsonl")
    undo.promise("a", [api.undo("a")])
    undo.close()
    os.kill(keeper.pid, signal.SIGKILL)

    def lost() -> str:
        try:
            keeper.exited()
        except HarnessError as error:
            return str(error)
        return ""

    assert "was ended by SIGKILL, and its children with it" in eventually(lost)
    assert not runs(child)
    assert not runs(grandchild)
    assert not keeper.alive("one")
    with pytest.raises(HarnessError, match="was ended by SIGKILL"):
        keeper.spawn(shell("two", "true"))
    keeper.stop("one", 1)
    keeper.close()
    assert api.asked == ["DELETE a"]
    assert not (tmp_path / "temp").exists()


def test_asking_a_keeper_that_has_just_been_killed_says_so(keeper: Keeper, shell: Shell) -> None:
    os.kill(keeper.pid, signal.SIGKILL)
    with pytest.raises(HarnessError, match="was ended by SIGKILL"):
        keeper.spawn(shell("one", "true"))


def test_a_keeper_that_is_stopped_is_killed_with_all_that_it_started(
    keeper: Keeper, shell: Shell, tmp_path: Path, api: Any, eventually: Any, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "SILENT_S", 0.2)
    child = keeper.spawn(shell("one", "setsid sleep 1000 & echo $!; wait"))
    grandchild = int(eventually(lambda: (tmp_path / "one.log").read_text()))
    undo = UndoLog(tmp_path / "undo.jsonl")
    undo.promise("a", [api.undo("a")])
    undo.close()
    os.kill(keeper.pid, signal.SIGSTOP)
    keeper.beat()

    def lost() -> str:
        try:
            keeper.exited()
        except HarnessError as error:
            return str(error)
        return ""

    assert "did not answer for 0.2 s, as when it is stopped, and was killed, and its children with it" in eventually(
        lost
    )
    with pytest.raises(HarnessError, match="as when it is stopped"):
        keeper.spawn(shell("two", "true"))
    keeper.stop("one", 1)
    keeper.close()
    assert not runs(child)
    # In a session of its own, it did not go with the keeper.
    assert not runs(grandchild)
    assert api.asked == ["DELETE a"]
    assert not (tmp_path / "temp").exists()


def test_a_keeper_that_is_stopped_when_it_is_to_end_is_not_waited_for(
    keeper: Keeper, shell: Shell, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "_HEARD_WITHIN_S", 0.2)
    child = keeper.spawn(shell("one", "exec sleep 1000"))
    os.kill(keeper.pid, signal.SIGSTOP)
    keeper.beat()
    keeper.close(600.0)
    assert not runs(child)


def test_a_keeper_that_answers_is_not_missed(keeper: Keeper, shell: Shell, eventually: Any) -> None:
    keeper.beat()
    eventually(lambda: keeper.exited() == {} and keeper._beat_s is None)
    keeper.spawn(shell("one", "true"))
    eventually(lambda: keeper.exited() == {"one": 0})


def test_the_undo_file_says_whose_it_is(keeper: Keeper, tmp_path: Path) -> None:
    mine = owner(tmp_path / "undo.jsonl")
    assert mine
    assert (mine.run, mine.temp) == (tmp_path.name, str(tmp_path / "temp"))
    assert (mine.keeper_pid, mine.harness_pid) == (keeper.pid, os.getpid())


def test_the_temporary_folder_is_told_of_before_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(BaseException):
        pass

    def killed(temp: Path) -> None:
        told = owner(tmp_path / "undo")
        assert told
        assert (told.temp, temp.exists()) == (str(temp), False)
        raise KilledError

    monkeypatch.setattr("harness.running.keeper.keeper.make", killed)
    with pytest.raises(KilledError):
        Keeper(tmp_path / "undo", tmp_path / "temp", tmp_path / "log").start()


def test_a_folder_that_holds_something_is_never_taken_for_the_temporary_one(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    (tmp_path / "temp" / "thesis").write_text("three years of work")
    keeper = Keeper(tmp_path / "undo", tmp_path / "temp", tmp_path / "log")
    with pytest.raises(HarnessError, match="is not empty, and would be removed"):
        keeper.start()
    keeper.close()
    assert (tmp_path / "temp" / "thesis").exists()
    with pytest.raises(ValueError, match="would be removed with temporary folder"):
        Keeper(tmp_path / "temp" / "undo", tmp_path / "temp", tmp_path / "log")


def test_a_keeper_that_cannot_start_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HarnessError, match=r"the keeper cannot be started: .*nowhere/log"):
        Keeper(tmp_path / "undo", tmp_path / "temp", tmp_path / "nowhere" / "log").start()
    with pytest.raises(HarnessError, match=r"the keeper cannot be started: .*nowhere/undo"):
        Keeper(tmp_path / "nowhere" / "undo", tmp_path / "temp", tmp_path / "log").start()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(HarnessError, match=r"the keeper \(pid \d+\) ended with status 1"):
        Keeper(tmp_path / "undo", tmp_path / "temp", tmp_path / "log").start()
    monkeypatch.setattr(sys, "executable", "/no/python")
    with pytest.raises(HarnessError, match=r"the keeper cannot be started: .*/no/python"):
        Keeper(tmp_path / "undo", tmp_path / "temp", tmp_path / "log").start()
    assert {path.name for path in tmp_path.iterdir()} == {"log", "undo"}


def test_the_tail_of_a_log_is_short_and_safe_to_print(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_bytes(b"x" * 100_000 + b"\nbefore\nred \x1b[31m\r\nbad \xff\ttab \xe2\x80\xae\n\n")
    assert tail(log, 2) == "red \\x1b[31m\nbad \\xff\ttab \\u202e"
    assert len(tail(log)) < 9_000
