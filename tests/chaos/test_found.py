"""What garbling ever found is mended; that garbling can find something, and that trials of chaos can be wrong, is held too."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from random import Random

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fault_changes import tried as changed
from fuzz import FOUND, garbled_file, tried
from gameday_stops import Outcome as Stop
from gameday_stops import Whose
from mutations import mutated
from pace import Pace
from run import picked, wrongs
from site_of_a_trial import Outcome, Site, Trial, holds_more, made_on
from trials import TRIALS


@pytest.mark.parametrize(("kind", "seed"), FOUND)
def test_what_was_found_once_is_read_or_refused(kind: str, seed: int) -> None:
    assert tried(kind, range(seed, seed + 1)) == []


def test_a_file_that_is_neither_read_nor_refused_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr("fuzz.validate", defect)
    assert "KeyError: 'a defect'" in garbled_file(0, tmp_path)


def test_faults_that_come_and_go_leave_nothing_and_hang_no_stream() -> None:
    assert asyncio.run(changed(12, 8, 1)) == []


def test_garbled_answers_that_faults_act_on_break_nothing() -> None:
    assert tried("answers", range(6)) == []


def test_equal_seeds_garble_alike_and_others_do_not() -> None:
    garbled = [mutated(b"name: small\nload: {rate_per_s: 20}\n", Random(seed)) for seed in (1, 1, *range(2, 30))]
    assert garbled[0] == garbled[1]
    assert len(set(garbled)) > 20


KEEPER_STOPPED = Trial("SIGSTOP keeper in fault", "keeper", signal.SIGSTOP, "fault")


@pytest.mark.parametrize(
    ("trial", "outcome", "said"),
    [
        (KEEPER_STOPPED, Outcome(70, 9.0), []),
        (KEEPER_STOPPED, Outcome(70, 11.0), ["waited for 11.0 s"]),
        (KEEPER_STOPPED, Outcome(70, 29.0, slowness=3.0), []),
        (KEEPER_STOPPED, Outcome(70, 31.0, slowness=3.0), ["waited for 31.0 s"]),
        (Trial("x"), Outcome(70, 11.0), []),
        (Trial("x"), Outcome(-2), ["status -2"]),
        (Trial("x", "harness", signal.SIGKILL), Outcome(-9), []),
        (Trial("x"), Outcome(0, hung=True), ["hung"]),
        (Trial("x"), Outcome(0, left=["process sleep"]), ["left before heal"]),
        (Trial("x", both_killed=True), Outcome(0, left=["process sleep"]), []),
        (Trial("x", both_killed=True), Outcome(0, left_after_heal=["process sleep"]), ["left after heal"]),
        (Trial("x"), Outcome(0, told=["history.jsonl"]), ["told"]),
        (Trial("x"), Outcome(0, traceback=True), ["traceback"]),
        (
            Trial("x"),
            Outcome(0, missed="nobody was there to be harmed"),
            ["nothing was tried: nobody was there to be harmed"],
        ),
    ],
)
def test_a_trial_that_is_not_as_it_should_be_is_told(trial: Trial, outcome: Outcome, said: list[str]) -> None:
    assert wrongs(trial, outcome) == said


@pytest.mark.parametrize(("after_s", "slowness", "said"), [(0.9, 1.0, 0), (1.1, 1.0, 2), (1.9, 2.0, 0), (2.1, 2.0, 2)])
def test_a_stop_that_takes_longer_than_a_second_in_proportion_to_the_machine_is_told(
    after_s: float, slowness: float, said: int
) -> None:
    stop = Stop("own", 0.0, after_s, "was killed", on_screen=True, gone_s=after_s, status=5, slowness=slowness)
    assert stop.wrongs() == [f"{what} after {after_s} s" for what in ("said", "gone")][:said]


@pytest.mark.parametrize(("whose", "wrongs"), [("shared, late", ["never gone"]), ("shared, stays", [])])
def test_what_a_shared_proxy_holds_has_to_be_gone_once_it_goes_on_and_not_before(
    whose: Whose, wrongs: list[str]
) -> None:
    assert Stop(whose, 0.0, 0.5, "does not answer", on_screen=True, status=5).wrongs() == wrongs
    assert Stop(whose, 0.0, 0.5, "does not answer", on_screen=True, gone_s=14.0, status=5).wrongs() == []


def test_how_slow_a_machine_is_is_measured_of_what_went_on_meanwhile() -> None:
    pace = Pace()
    pace._took = [(0.0, 0.02), (1.0, 0.06), (2.0, 0.1), (9.0, 0.4)]
    assert pace.slowness(1.01, 2.05) == pytest.approx(4.0)
    assert pace.slowness(0.0, 0.5) == pace.slowness(5.0, 6.0) == 1.0


@pytest.mark.parametrize("seed", range(10))
def test_a_share_of_the_trials_is_of_many_kinds_and_the_same_for_the_same_seed(seed: int) -> None:
    share = picked(TRIALS, 0.1, seed)
    assert len(share) == -(-len(TRIALS) // 10)
    assert len({trial.subject for trial in share}) >= 4
    assert share == picked(TRIALS, 0.1, seed)
    assert share != picked(TRIALS, 0.1, seed + 1)


@pytest.mark.parametrize("first", [0, 7, 1234])
def test_seeds_in_a_row_have_all_the_trials(first: int) -> None:
    names = {trial.name for seed in range(first, first + 10) for trial in picked(TRIALS, 0.1, seed)}
    assert names == {trial.name for trial in TRIALS}
    assert len(names) == len(TRIALS)
    assert picked(TRIALS, 1.0, first) == TRIALS


def test_a_folder_that_can_be_written_is_no_disk_that_is_full(tmp_path: Path) -> None:
    assert holds_more(tmp_path, 4) == f"{tmp_path.name} could be written, more than 4 KiB"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="nobody but root can write what nobody may")
def test_of_root_who_cannot_mount_a_disk_no_right_is_taken_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("site_of_a_trial._begun", lambda *_: pytest.fail("nothing is to be begun"))
    trial = Trial("a folder of reports that cannot be written", disk=("reports", 0))
    outcome = made_on(Site(tmp_path), trial, Pace())
    assert wrongs(trial, outcome) == ["nothing was tried: reports could be written, more than 0 KiB"]
