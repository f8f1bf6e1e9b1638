"""Users of a locustfile on other machines: each has the file itself, their rows come over, and who does not fit is told what would."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import pytest

from harness.problems import HarnessError, UsageProblems
from harness.record.run_folder import read_workers
from harness.running.load.users import elsewhere
from harness.running.load.users.plan import UsersPlan
from harness.running.load.worker import work

sys.path.insert(0, str(Path(__file__).parents[2] / "chaos"))

from load_hosts import Machine, crew_of
from load_workers import Clock, Crew, Holding, UsersCrew, answering, write_users


def said(folder: Path, number: int = 0) -> str:
    """What a worker told the person who started it."""
    return (folder / f"said-{number}.log").read_text()


def test_users_on_two_machines_and_this_one_have_a_row_for_each_request_on_this_clock(tmp_path: Path) -> None:
    clock = Clock(2.0, 1e-4)
    with (
        answering() as url,
        crew_of(tmp_path, url, [Machine(clock=clock), Machine()], 1, total_s=0.6, kind=UsersCrew) as of,
    ):
        of.begin()
        assert of.run() == ""
        workers, rows = read_workers(of.folder), of.rows()
        assert of.differs() == ""
    assert [(worker.lost, worker.torn) for worker in workers] == [("", "")] * 3
    assert {row.worker for row in rows} == {0, 1, 2}
    (other,) = [worker for worker in workers if worker.another_clock]
    assert other.offset_s == pytest.approx(clock.ahead_at(of.zero_s), abs=other.uncertainty_s + 1e-6)
    assert all(-0.1 < row.due_s - of.zero_s < 3 for row in rows)
    assert "the load has ended; " in said(tmp_path)
    assert "rows came back to the run" in said(tmp_path, 1)


def test_one_that_is_killed_is_told_by_its_name_and_what_its_users_had_begun_has_rows(tmp_path: Path) -> None:
    machine = Machine()
    with answering() as url, crew_of(tmp_path, url, [machine], 1, total_s=30.0, kind=UsersCrew) as of:
        of.begin()
        while not of.rows_of(1):
            threading.Event().wait(0.02)
        machine.signals(signal.SIGKILL)
        told = of.run()
        ours, theirs = read_workers(of.folder)
        assert of.differs() == ""
    assert told.startswith(f"worker 1 (pid {theirs.pid} on here), one of 2 that share the load, was lost")
    assert (bool(ours.lost), bool(theirs.lost)) == (False, True)


USERS = "--locustfile users.py"


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "why"),
    [
        (UsersCrew, f" {USERS}", "", "each machine needs their file: start it with --locustfile FILE"),
        (Crew, " --join", f" {USERS} --join", "runs no locustfile: start it without --locustfile"),
        (UsersCrew, "users.py", "others.py", "its locustfile is another one (SHA-256 "),
    ],
)
def test_a_machine_that_has_not_the_file_of_the_run_is_not_let_in_and_both_sides_say_why(
    tmp_path: Path, kind: type[Crew], right: str, wrong: str, why: str
) -> None:
    write_users(tmp_path)
    (tmp_path / "others.py").write_text((tmp_path / "users.py").read_text() + "# another\n")
    machine = Machine("", None, (right, wrong))
    with (
        pytest.raises(HarnessError) as found,
        crew_of(tmp_path, "http://127.0.0.1:1", [machine], kind=kind),
    ):
        pass
    assert why in str(found.value)
    assert machine.process is not None
    assert why in said(tmp_path)


def test_a_file_that_cannot_be_loaded_there_is_told_with_its_line_on_both_sides(tmp_path: Path) -> None:
    text = Path(write_users(tmp_path)).read_text()
    (tmp_path / "users.py").write_text(f"import os\nassert 'LOAD_CLIENT' not in os.environ, 'no licence'\n{text}")
    with answering() as url, crew_of(tmp_path, url, [Machine()], 1, kind=UsersCrew) as of:
        with pytest.raises(
            HarnessError, match=r"here \(pid \d+\): its locustfile cannot be loaded: .*users.py:2: .*no licence"
        ):
            of.begin()
        of.workers.stop(5.0)
    assert "users.py:2: AssertionError: no licence" in said(tmp_path)


@pytest.mark.parametrize(
    ("killed", "why"),
    [
        ("os.kill(os.getpid(), 9)", r": it was killed by SIGKILL; what it said last"),
        ("os.killpg(os.getpgrp(), 9)", r"; what it said last"),  # nobody is left who could say why
    ],
)
def test_a_machine_that_is_lost_while_it_loads_its_file_is_told(tmp_path: Path, killed: str, why: str) -> None:
    text = Path(write_users(tmp_path)).read_text()
    (tmp_path / "users.py").write_text(f"import os\nif 'LOAD_CLIENT' in os.environ:\n    {killed}\n{text}")
    with answering() as url, crew_of(tmp_path, url, [Machine()], 1, kind=UsersCrew) as of:
        with pytest.raises(HarnessError, match=r"left before the load began: here \(pid \d+\)" + why):
            of.begin()
        of.workers.stop(5.0)


def test_one_that_cannot_reach_the_service_is_told_before_the_load(tmp_path: Path) -> None:
    with crew_of(tmp_path, "http://127.0.0.1:1", [Machine()], 1, kind=UsersCrew) as of:
        with pytest.raises(
            HarnessError, match=r"could not begin its load: it cannot reach entry .one. at http://127\.0\.0\.1:1"
        ):
            of.begin()
        of.workers.stop(5.0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "there is no such file"),
        ("import no_such_module\n", "imports no_such_module, and there is no such module here"),
    ],
)
def test_a_file_that_is_not_there_or_lacks_a_module_there_is_told_before_anybody_is_asked(
    tmp_path: Path, text: str | None, why: str
) -> None:
    if text is not None:
        (tmp_path / "users.py").write_text(text)
    with pytest.raises(UsageProblems, match=why):
        work("127.0.0.1:1", "a-word", {}, locustfile=tmp_path / "users.py")


def test_a_plan_of_users_goes_without_a_secret_and_without_a_path_of_the_masters(tmp_path: Path) -> None:
    plan = UsersPlan(
        run_id="r",
        locustfile="/of/the/master/users.py",
        users=1,
        spawn_rate=1.0,
        entries={"one": "http://192.0.2.1:9"},
        total_s=1.0,
        rows_dir="/of/the/master",
        ready_path="/of/the/master/ready",
        start_path="/of/the/master/start",
        instrument_path="/of/the/master/instrument",
        crew_path="/of/the/master/crew",
        secrets={"KEY": "of-the-masters-own", "OTHER": "of-its-service"},
    )
    told = elsewhere.packed(plan)
    assert not [text for text in (b"own", b"of-its-service", b"/of/the/master") if text in told]
    there = elsewhere.unpacked(told, "/here/users.py", {"KEY": "k"}, tmp_path)
    assert (there.locustfile, there.rows_dir, there.secrets) == ("/here/users.py", str(tmp_path), {"KEY": "k"})


def test_what_users_on_another_machine_had_open_when_the_run_was_ended_has_rows(tmp_path: Path) -> None:
    with (
        answering(Holding) as url,
        crew_of(tmp_path, url, [Machine()], 1, total_s=30.0, kind=UsersCrew) as of,
    ):
        of.begin()
        while not all(of.began(number) for number in (0, 1)):
            threading.Event().wait(0.02)
        of.workers.stop(5.0)
        of.workers.account(of.folder, of.zero_s)
        assert [(worker.lost, worker.torn) for worker in read_workers(of.folder)] == [("", "")] * 2
        assert of.differs() == ""
    assert {row.outcome for row in of.rows()} == {"unfinished"}
    assert "the run was ended before its time; " in said(tmp_path)
