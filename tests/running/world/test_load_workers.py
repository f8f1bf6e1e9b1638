"""Several workers of a load: one that is lost is told by its number, its share has rows that say so, and torn rows are known."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from array import array
from pathlib import Path
from typing import cast

import msgspec
import pytest

from harness.judging.scoring.audit import Audit, audit
from harness.planning.curve import Linear
from harness.planning.recorded import Recorded
from harness.planning.schedule import Share, turns
from harness.problems import HarnessError
from harness.record.clocks import Look
from harness.record.rowfile import RowFile, read_rows
from harness.record.rows import Request, Sent
from harness.record.run_folder import RunFolder, read_workers
from harness.running.load import LoadPlan, PlannedQuestion, ResolvedAsk, Schedule, crew
from harness.running.load.crew import Member, own_clock
from harness.running.load.unsent import unsent
from harness.running.ports import UntrustworthyError
from harness.running.world.load_workers import LoadWorkers
from harness.running.world.processes import Processes

sys.path.insert(0, str(Path(__file__).parents[2] / "chaos"))

from load_workers import Clock, Crew, UsersCrew, answering, killed_in

ZERO_S = 100.0


class Started:
    """Processes that do nothing, and end when a test says so."""

    def __init__(self) -> None:
        self.pids: dict[str, int] = {}
        self.how: dict[str, str] = {}
        self.stopped: list[str] = []

    def spawn(self, name: str, *_: object, **__: object) -> None:
        self.pids[name] = 1000 + len(self.pids)

    def died(self, name: str) -> str:
        return f"{name!r} {self.how[name]}; its log is empty" if name in self.how else ""

    def ending(self, name: str) -> str:
        return self.how[name]

    def alive(self, name: str) -> bool:
        return name not in [*self.how, *self.stopped]

    def stop(self, name: str, grace_s: float) -> None:
        self.stopped.append(name)


class Load:
    """Two workers that were to send 20 requests in 2 s, each of which has written rows for the first so many of its own."""

    def __init__(self, folder: Path, wrote: tuple[int, int] = (10, 10)) -> None:
        self.folder, self.started = RunFolder(folder), Started()
        self.folder.rows.mkdir()
        self.plan = LoadPlan(
            run_id="r",
            schedule=Schedule("constant", (Linear(2.0, 10.0, 10.0),), 0.0, 0.5, 1, workers=2),
            entries={"one": "http://127.0.0.1:9"},
            questions=(PlannedQuestion("q", "Is it so?"),),
            ask=ResolvedAsk("json", "/"),
            in_flight_max=10,
            rows_dir=str(self.folder.rows),
            ready_path=str(folder / "ready"),
            start_path=str(folder / "start"),
            crew_path=str(folder / "crew"),
        )
        self.workers = LoadWorkers(cast(Processes, self.started), self.plan, 2, "load")
        self.workers.spawn(folder / "plan.json")
        self.members = [Member(number, "here", 1001 + number) for number in (0, 1)]
        for member, many in zip(self.members, wrote, strict=True):
            file = RowFile(self.rows(member.number))
            for turn in list(turns(self.plan, Share(member.number, 2)))[:many]:
                file.add(
                    msgspec.structs.replace(unsent(self.plan, member.number, turn, ZERO_S, ""), outcome="complete")
                )
            member.seal = file.seal
            file.close()
        self.tell()

    def rows(self, number: int) -> Path:
        return self.folder.rows / f"requests-{number}.rows"

    def tell(self) -> None:
        crew.write(self.folder.path / "crew", self.members)

    def accounted(self) -> list[Request]:
        self.workers.account(self.folder, ZERO_S)
        return [row for path in sorted(self.folder.rows.glob("*.rows")) for row in read_rows(path, Request)]


def test_a_worker_that_died_is_told_by_its_number(tmp_path: Path) -> None:
    load = Load(tmp_path)
    load.workers.check(ZERO_S)
    load.started.how["load-1"] = "was ended by SIGKILL"
    with pytest.raises(
        UntrustworthyError,
        match=r"^worker 1 \(pid 1002 on here\), one of 2 .* it was ended by SIGKILL, and from then on",
    ):
        load.workers.check(time.monotonic())


def test_a_worker_of_which_its_master_hears_nothing_is_told(tmp_path: Path) -> None:
    load = Load(tmp_path)
    load.members[0].lost, load.members[0].lost_s = "was not heard of", ZERO_S + 1.5
    load.tell()
    with pytest.raises(
        UntrustworthyError, match=r"^worker 0 .* was lost 1.5 s after the load began: it was not heard of"
    ):
        load.workers.check(ZERO_S)


def test_what_the_master_tells_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load, read, reads = Load(tmp_path), crew.read, []
    monkeypatch.setattr(crew, "read", lambda path: reads.append(path) or read(path))
    for _ in range(3):
        load.workers.check(ZERO_S)
    assert len(reads) == 1
    load.members[0].lost, load.members[0].lost_s = "left", ZERO_S
    load.tell()
    with pytest.raises(UntrustworthyError):
        load.workers.check(ZERO_S)
    assert len(reads) == 2


def test_of_a_clock_that_is_the_masters_the_first_looks_are_kept_and_those_that_speak_against_it() -> None:
    looks = [Look(at_s, at_s + 0.1, at_s + 0.2) for at_s in range(100)]
    odd = Look(50.0, 51.0, 50.1)
    same, other = Member(0, clock="c"), Member(1, clock="d")
    for member in (same, other):
        for look in looks[:20]:
            member.saw(look)
        member.settle("c")
        for look in [*looks[20:50], odd, *looks[50:]]:
            member.saw(look)
    assert same.looks == [*looks[:20], odd]
    assert len(other.looks) == 101


def test_a_worker_that_dies_before_it_could_begin_keeps_the_load_from_beginning(tmp_path: Path) -> None:
    load = Load(tmp_path)
    load.workers.check_starting()
    load.started.how["load-0"] = "ended with status 1"
    with pytest.raises(
        HarnessError, match="a worker of the load could not begin: process 'load-0' ended with status 1"
    ):
        load.workers.check_starting()


def test_a_worker_that_could_not_go_on_before_the_load_began_keeps_it_from_beginning(tmp_path: Path) -> None:
    load = Load(tmp_path)
    load.members[1].lost, load.members[1].lost_s = "could not go on", ZERO_S
    load.tell()
    with pytest.raises(
        HarnessError, match=r"^worker 1 \(pid 1002 on here\) could not begin its load: it could not go on"
    ):
        load.workers.check_starting()


def test_a_worker_of_users_that_is_killed_is_told_and_what_it_had_begun_has_rows(tmp_path: Path) -> None:
    with answering() as url:
        crew = UsersCrew(tmp_path, url, 2.0)
        assert killed_in(crew, 1, after_s=0.6) == []
    whole, lost = read_workers(crew.folder)
    assert (whole.lost, whole.torn, lost.lost) == ("", "", "ended with -9")
    assert whole.requests == sum(row.worker == 0 for row in crew.rows())


def test_a_worker_that_fails_while_it_sends_is_lost_and_not_done(tmp_path: Path) -> None:
    # Conversation 1, and so worker 1, is to ask a question that there is not.
    due, whose, asked = array("d", [0.0, 0.1]), array("q", [0, 1]), array("q", [0, 7])
    schedule = Recorded(due.tobytes(), whose.tobytes(), question=asked.tobytes(), workers=2)
    with answering() as url:
        crew = Crew(tmp_path, url, schedule=schedule)
        crew.begin()
        while not crew.workers.ended():
            time.sleep(0.01)
        with pytest.raises(UntrustworthyError, match=r"^worker 1 [^;]* it could not go on, and the end of its log"):
            crew.workers.check(crew.zero_s)
    assert "IndexError" in (tmp_path / "load-1.log").read_text()


def test_a_worker_that_is_told_to_end_by_itself_is_lost_and_not_done(tmp_path: Path) -> None:
    with answering() as url:
        crew = Crew(tmp_path, url, 60.0)
        crew.begin()
        late_s = time.monotonic() + 60
        while not crew.rows_of(1):
            assert time.monotonic() < late_s, "worker 1 wrote no row"
            time.sleep(0.01)
        os.kill(crew.started.pids["load-1"], signal.SIGTERM)
        told = crew.run()
    assert re.match(r"worker 1 \(pid [^;]* it was ended by SIGTERM, and from then on its share was not sent$", told), (
        told
    )


def test_where_no_kernel_says_it_processes_of_one_mac_go_by_one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    one = Member(0, clock=own_clock(), looks=[Look(1.0, 1.1, 1.2)])
    one.settle(own_clock())
    assert not one.another_clock
    monkeypatch.setattr("socket.gethostname", lambda: "there")
    one.settle(own_clock())
    assert one.another_clock


def test_what_a_lost_worker_left_over_has_a_row_each_that_says_so(tmp_path: Path) -> None:
    load = Load(tmp_path, wrote=(10, 3))
    load.members[1].lost, load.members[1].lost_s = "was ended by SIGKILL", ZERO_S + 1.0
    load.tell()
    with pytest.raises(UntrustworthyError):
        load.workers.check(ZERO_S)
    rows = load.accounted()
    # The last that anybody sent was due at 1.8 s; behind that nothing was to be sent any more.
    assert audit([row.index for row in rows], 19) == Audit()
    left = {row.index: (row.outcome, row.detail) for row in rows if row.outcome != "complete"}
    why = "worker 1 was lost: it was ended by SIGKILL"
    assert left == {7: ("unfinished", why), 9: ("unfinished", why)} | dict.fromkeys((11, 13, 15, 17), ("not_sent", why))
    assert {row.nonce for row in rows} == {turn.nonce for turn in turns(load.plan) if turn.index < 19}
    assert [(worker.lost, worker.lost_s) for worker in read_workers(load.folder)] == [
        ("", None),
        ("was ended by SIGKILL", 1.0),
    ]


def test_rows_that_are_what_their_workers_wrote_are_whole(tmp_path: Path) -> None:
    load = Load(tmp_path)
    rows = load.accounted()
    assert audit([row.index for row in rows], 20) == Audit()
    assert [(worker.requests, worker.torn, worker.lost) for worker in read_workers(load.folder)] == [
        (10, "", ""),
        (10, "", ""),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content[:-3], "were written, and {n} bytes are there"),
        (lambda content: content.replace(b"\xa1q", b"\xa1p", 1), "with another checksum are there"),
        (lambda content: content + content[-1:], "were written, and {n} bytes are there"),
    ],
)
def test_rows_that_were_cut_or_changed_are_told(tmp_path: Path, change, said: str) -> None:
    load = Load(tmp_path)
    content = change(load.rows(1).read_bytes())
    load.rows(1).write_bytes(content)
    load.accounted()
    whole, torn = read_workers(load.folder)
    assert whole.torn == ""
    assert said.format(n=len(content)) in torn.torn


@pytest.mark.parametrize(("lost", "said"), [(0, ""), (3, "of what its users had begun 10 rows of")])
def test_what_users_had_begun_is_held_against_what_their_worker_says_of_it(
    tmp_path: Path, lost: int, said: str
) -> None:
    load = Load(tmp_path)
    path = load.folder.rows / "begun-1.rows"
    file = RowFile(path)
    for nth in range(10):
        file.add(Sent(2 * nth + 1, ZERO_S, "one", 1))
    load.members[1].begun = file.seal
    file.close()
    path.write_bytes(path.read_bytes()[: None if not lost else -lost])
    load.tell()
    load.workers.account(load.folder, ZERO_S)
    whole, of_users = read_workers(load.folder)
    assert whole.torn == ""
    assert of_users.torn.startswith(said)
    assert bool(of_users.torn) is bool(lost)


def test_a_worker_that_says_that_all_is_well_and_wrote_too_few_rows_is_told(tmp_path: Path) -> None:
    load = Load(tmp_path, wrote=(10, 4))
    load.accounted()
    assert [worker.torn for worker in read_workers(load.folder)] == [
        "",
        "it wrote 4 for the 10 requests that were its share",
    ]


def test_rows_that_are_gone_and_a_worker_that_says_nothing_of_them_are_told(tmp_path: Path) -> None:
    load = Load(tmp_path)
    load.rows(0).unlink()
    load.members[1].seal = None
    load.tell()
    load.accounted()
    gone, silent = read_workers(load.folder)
    assert "the file cannot be read" in gone.torn
    assert silent.torn == "it did not say what it wrote"


def test_of_a_load_that_was_stopped_a_worker_need_not_say_what_it_wrote(tmp_path: Path) -> None:
    load = Load(tmp_path)
    load.members[1].seal = None
    load.tell()
    load.workers.stop(0.0)
    assert load.started.stopped == ["load", "load-0", "load-1"]
    load.accounted()
    assert [worker.torn for worker in read_workers(load.folder)] == ["", ""]


def test_rows_of_another_clock_are_put_on_ours_and_those_of_ours_are_left(tmp_path: Path) -> None:
    load = Load(tmp_path)
    load.members[0].looks = [Look(99.0, 99.0001, 99.0002)]
    # One second behind at 99 s, and another tenth of a millisecond each second; what is left of what was known beforehand is 10 ms.
    load.members[1].another_clock, load.members[1].ahead_s = True, -1.0
    load.members[1].looks = [Look(at_s, at_s + 0.0101 - 1e-4 * (at_s - 99.0), at_s + 0.0002) for at_s in (99.0, 103.0)]
    load.tell()
    rows = {row.index: row.due_s - ZERO_S for row in load.accounted()}
    ours, theirs = read_workers(load.folder)
    assert (ours.another_clock, ours.uncertainty_s) == (False, 0.0)
    assert theirs.another_clock
    assert theirs.torn == ""
    assert theirs.offset_s == pytest.approx(-1.0 + 0.0099, abs=theirs.uncertainty_s)
    assert theirs.drift_ppm == pytest.approx(-100, abs=55)
    assert theirs.uncertainty_s == pytest.approx(0.0001, rel=0.01)
    assert rows[0] == 0.0
    assert rows[1] == pytest.approx(0.1 - 0.0099, abs=0.0002)


def test_a_worker_that_is_killed_while_it_sends_is_told_and_the_other_ones_clock_is_known(tmp_path: Path) -> None:
    clock = Clock(2.0, 1e-4)
    with answering() as url:
        crew = Crew(tmp_path, url, 2.0, {"load-0": clock})
        assert killed_in(crew, 1, after_s=0.3) == []
    ahead, killed = read_workers(crew.folder)
    assert (ahead.another_clock, killed.another_clock) == (True, False)
    assert ahead.offset_s == pytest.approx(clock.ahead_at(crew.zero_s), abs=ahead.uncertainty_s + 1e-6)
    due_s = {turn.index: crew.zero_s + turn.due_s for turn in turns(crew.plan)}
    assert all(row.due_s == pytest.approx(due_s[row.index], abs=1.0) for row in crew.rows())
