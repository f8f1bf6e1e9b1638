"""A run holds its target while it goes on, and the lease of one that is dead is broken, and no other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.problems import RefusedError
from harness.reading.state_file import Lease
from harness.running.holding import Held, held
from harness.running.keeper.processes import look
from harness.running.leases import WATCHED_S, all_healed, healed, started_here
from harness.running.state.folder import FolderStore
from harness.running.state.store import Store
from harness.running.state.target_state import LEASE_S, FrozenError, TargetState, me

Clock = Any
FOLDER = Path("/reports/region-loss/one")


@pytest.fixture
def state(store: Store, clock: Clock) -> TargetState:
    return TargetState(store, "shop", clock)


def test_who_is_refused_is_told_what_to_do(state: TargetState) -> None:
    with held(state, "one", FOLDER, None), pytest.raises(RefusedError) as refused, held(state, "two", FOLDER, None):
        pass
    assert str(refused.value).endswith(
        "; wait for it, or end it with `harness stop --target shop`; "
        "for a copy that is nobody else's, name a state of its own with HARNESS_STATE"
    )


# --- holding it


def test_a_run_that_goes_on_hears_a_stop_a_freeze_and_that_its_lease_is_lost(store: Store, clock: Clock) -> None:
    state = TargetState(store, "shop", clock)
    now_s = 0.0
    holding = Held(state, state.take("one", FOLDER), lambda: now_s)
    assert holding() == ""
    state.freeze("audit")
    with pytest.raises(FrozenError):
        holding()
    state.unfreeze()
    state.stop("enough", by="ann@host")
    assert holding().startswith("stopped by ann@host")
    clock.pass_s(LEASE_S + 1)
    state.take("two", FOLDER)
    assert holding().startswith("stopped by ann@host")
    now_s = LEASE_S
    with pytest.raises(RefusedError, match="was lost"):
        holding()


def test_a_run_renews_its_lease_while_it_goes_on_and_lets_go_when_it_has_ended(store: Store, clock: Clock) -> None:
    state = TargetState(store, "shop", clock)
    instants = iter(range(0, 1_000, 5))
    holding = Held(state, state.take("one", FOLDER), lambda: float(next(instants)))
    for _ in range(40):
        clock.pass_s(5)
        assert holding() == ""
    holder = state.holder()
    assert holder is not None
    assert holder.until > clock.now
    state.release(holder)
    with held(state, "two", FOLDER, None):
        assert state.holder() is not None
    assert state.holder() is None


# --- healing it


@pytest.fixture
def of(store: Store, state: TargetState) -> Callable[..., None]:
    """Puts the lease of somebody else in place."""

    def put(**changed: Any) -> None:
        lease = state.take("one", FOLDER, started=started_here()).model_copy(update=changed)
        store.write("shop/lease.json", lease.to_json(), store.read("shop/lease.json"))

    return put


def ended_process() -> dict[str, int]:
    """The number of a process that has ended, and when it was started."""
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        seen = look(process.pid)
        assert seen is not None
        process.communicate(b"\n")
    return {"pid": process.pid, "started": seen.started}


def test_the_lease_of_a_dead_run_is_broken_and_that_of_a_live_one_never(
    state: TargetState, of: Any, store: Store
) -> None:
    of()
    left = healed(state)
    assert left is not None
    assert left.said.endswith(f"its process {os.getpid()} goes on; left alone")
    assert state.holder() is not None
    lease = state.holder()
    assert isinstance(lease, Lease)
    state.release(lease)
    of(**ended_process())
    broken = healed(state)
    assert broken is not None
    assert (broken.said, broken.left) == (f"target 'shop': lease of run one of {me()}: broken", False)
    assert state.holder() is None
    assert healed(state) is None


def test_a_dead_run_that_left_nothing_in_force_holds_nothing_and_one_that_did_is_told_of(
    state: TargetState, of: Any, clock: Clock, tmp_path: Path
) -> None:
    of(boot="another", folder=str(tmp_path))
    undo = tmp_path / "undo.jsonl"
    undo.write_text('{"id": "1", "undo": [{"method": "DELETE", "url": "http://127.0.0.1:1/proxies/harness-x"}]}\n')
    for _ in ("at once", "after the time of its lease"):
        with (
            pytest.raises(RefusedError, match="that run is dead: `harness heal` puts back what it left"),
            held(state, "two", FOLDER, None),
        ):
            pass
        clock.pass_s(LEASE_S + 1)
    with undo.open("a") as file:
        file.write('{"done": "1"}\n')
    with held(state, "two", FOLDER, None):
        assert not undo.exists()


def test_a_process_of_the_same_number_that_began_later_is_another_one(state: TargetState, of: Any) -> None:
    of(started=1)
    healed(state)
    assert state.holder() is None


def test_before_this_machine_was_started_again_every_run_is_dead(state: TargetState, of: Any, tmp_path: Path) -> None:
    of(boot="another", folder=str(tmp_path))
    healed(state)
    assert state.holder() is None


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"host": "another"},
        {"boot": "another"},  # of the same name, as clones of one image have it: its run's folder is not here
        {"pids": "pid:[1]"},  # a container that goes by the name of its machine
    ],
)
def test_a_run_elsewhere_lives_for_as_long_as_its_lease(
    state: TargetState, of: Any, clock: Clock, elsewhere: dict[str, str]
) -> None:
    of(**{**ended_process(), **elsewhere})
    told = healed(state)
    assert told is not None
    assert "cannot be looked at from here; it is nobody's after 12:01:00 UTC" in told.said
    assert state.holder() is not None
    clock.pass_s(LEASE_S + 1)
    healed(state, lambda _: None)
    assert state.holder() is None


AHEAD_S = 7 * 60.0


def test_a_run_elsewhere_that_renews_its_lease_holds_it_whatever_the_clock_here_says(
    state: TargetState, of: Any, store: Store, clock: Clock
) -> None:
    of(host="another")
    here = TargetState(store, "shop", lambda: clock.now + timedelta(seconds=AHEAD_S))

    def meanwhile(seconds: float) -> None:
        """The run goes on there, and renews its lease every ten seconds by its own clock."""
        clock.pass_s(seconds)
        if (clock.now.second % 10) == 0 and (lease := state.holder()):
            state.renew(lease)

    refused = pytest.raises(
        RefusedError, match=r"held by run one .*; it renews that, so that the clocks of another and"
    )
    with refused, held(here, "two", FOLDER, None, meanwhile):
        pass
    told = healed(here, meanwhile)
    assert told is not None
    assert told.said.endswith("is renewed; its clock, on another, and this machine's differ; left alone")
    holder = state.holder()
    assert holder is not None
    assert holder.run == "one"


def test_a_run_elsewhere_that_renews_it_no_more_holds_nothing_by_any_clock(
    state: TargetState, of: Any, store: Store, clock: Clock
) -> None:
    of(host="another")
    clock.pass_s(LEASE_S + 1)
    paused: list[float] = []
    with held(state, "two", FOLDER, None, paused.append):
        holder = state.holder()
        assert holder is not None
        assert holder.run == "two"
    assert sum(paused) == WATCHED_S


def test_a_dead_run_whose_faults_cannot_be_put_back_keeps_its_target(
    state: TargetState, of: Any, tmp_path: Path
) -> None:
    run = tmp_path / "one"
    run.mkdir()
    (run / "undo.jsonl").write_text("garbage\n")
    of(**ended_process(), folder=str(run))
    told = healed(state)
    assert told is not None
    assert told.left
    assert "NOT broken: not all that it left is put back" in told.said
    assert state.holder() is not None
    (run / "undo.jsonl").unlink()
    healed(state)
    assert state.holder() is None


def test_every_target_of_a_folder_is_healed(tmp_path: Path, clock: Clock) -> None:
    store = FolderStore(tmp_path)
    assert list(all_healed(FolderStore(tmp_path / "none"))) == []
    for name in ("bank", "shop"):
        lease = TargetState(store, name, clock).take(name, tmp_path).model_copy(update={"boot": "another"})
        store.write(f"{name}/lease.json", lease.to_json(), store.read(f"{name}/lease.json"))
    assert [one.said.split(":")[0] for one in all_healed(store, clock)] == ["target 'bank'", "target 'shop'"]
