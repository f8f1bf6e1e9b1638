"""A worker of a load on another machine: its rows come over while it sends, on the run's clock, and it is waited for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import pytest

from harness.judging.scoring.audit import Audit, audit
from harness.problems import HarnessError, UsageProblems
from harness.reading.load_hosts import load_hosts
from harness.record.run_folder import read_workers
from harness.running.load import handshake
from harness.running.load.door import Caller
from harness.running.world.load_hosts import Hosts, reserved
from harness.running.world.processes import Processes

sys.path.insert(0, str(Path(__file__).parents[2] / "chaos"))

import msgspec
from load_hosts import Machine, crew_of
from load_workers import Clock, answering


class Started:
    """Processes that do nothing, beside a master at which *came* have come."""

    def __init__(self, folder: Path, came: list[Caller], ended: bool = False) -> None:
        self._folder, self._came, self.ended = folder, came, ended
        self.environment: dict[str, str] = {}
        self.argv: list[str] = []

    def spawn(self, _name: str, argv: list[str], env: dict[str, str], **_: object) -> None:
        self.argv, self.environment = argv, env
        handshake.write_whole(self._folder / "load-callers.json", msgspec.json.encode(self._came))

    def check_starting(self) -> None:
        """All is well with them."""

    def alive(self, _name: str) -> bool:
        return not self.ended


def gathered(
    folder: Path, came: list[Caller], many: int = 2, within_s: float = 0.0, ended: bool = False
) -> tuple[Hosts, list[str], Started]:
    said, started = list[str](), Started(folder, came, ended)
    hosts = Hosts(reserved(load_hosts(many, wait="0s"))._replace(within_s=within_s), many, ["KEY"], said.append)
    try:
        hosts.gather(cast(Processes, started), "load", folder / "load.json")
    finally:
        said.append("")
    return hosts, said, started


def test_who_has_come_is_told_with_the_command_that_has_them_come(tmp_path: Path) -> None:
    hosts, said, started = gathered(tmp_path, [Caller("a", "load-1", 1), Caller("b", "load-2", 2)])
    assert f"harness load-worker --master 127.0.0.1:{hosts.here[0]} --join {hosts.word}" in said[0]
    assert said[1:3] == ["load-1 (pid 1) has come: 2 of 2", "load-2 (pid 2) has come: 2 of 2"]
    # The word is in no file, and on no command line of ours.
    assert hosts.word not in " ".join(started.argv)
    assert not [path for path in tmp_path.iterdir() if hosts.word in path.read_text()]


def test_too_few_are_told_by_their_names_when_their_time_is_over(tmp_path: Path) -> None:
    with pytest.raises(
        HarnessError, match=r"^1 of the 2 workers of other machines came within 0 s \(load-1 \(pid 1\)\)"
    ):
        gathered(tmp_path, [Caller("a", "load-1", 1), Caller("b", "load-2", 2, "it is harness 9")])


def test_one_that_is_gone_before_the_load_begins_is_told(tmp_path: Path) -> None:
    hosts, _, _ = gathered(tmp_path, [Caller("a", "load-1", 1)], 1)
    hosts.check_starting()
    # The master ends with the last of its workers, and may not have written down that it left.
    with pytest.raises(HarnessError, match=r"left before the load began: load-1 \(pid 1\)"):
        hosts.check_starting(master=False)
    handshake.write_whole(tmp_path / "load-callers.json", b"[]")
    with pytest.raises(HarnessError, match=r"left before the load began: load-1 \(pid 1\)"):
        hosts.check_starting()


def test_nobody_else_is_waited_for_where_the_last_that_had_come_is_gone_with_the_master(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"left before the load began: load-1 \(pid 1\)"):
        gathered(tmp_path, [Caller("a", "load-1", 1)], within_s=600, ended=True)


def test_an_address_that_is_none_of_this_machine_is_told() -> None:
    with pytest.raises(
        UsageProblems, match=r"^--load-bind: nothing can listen at 192.0.2.1 of this machine: it has no such address"
    ):
        reserved(load_hosts(1, "192.0.2.1"))


def test_a_worker_with_a_clock_of_its_own_sends_its_share_and_its_rows_are_ours(tmp_path: Path) -> None:
    clock = Clock(2.0, 1e-4)
    with answering() as url, crew_of(tmp_path, url, [Machine(clock=clock)], total_s=0.5) as of:
        of.begin()
        assert of.run() == ""
        (theirs,) = read_workers(of.folder)
        assert (theirs.host, theirs.lost, theirs.torn) == ("here", "", "")
        assert theirs.offset_s == pytest.approx(clock.ahead_at(of.zero_s), abs=theirs.uncertainty_s + 1e-6)
        rows = of.rows()
    assert audit([row.index for row in rows], of.plan.schedule.requests) == Audit()
    assert {row.outcome for row in rows} == {"complete"}
    assert all(abs(row.due_s - of.zero_s) < 0.6 for row in rows)
    assert "the load has ended; 50 rows of 50 came back to the run" in (tmp_path / "said-0.log").read_text()
