"""One run at a time holds a target, whoever is told to stop stops, and what is frozen is left alone; in a folder and at a URL alike."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.problems import RefusedError
from harness.running.state.folder import FolderStore
from harness.running.state.store import StateError, Store
from harness.running.state.target_state import LEASE_S, FrozenError, HeldError, TargetState, me
from harness.running.state.url import UrlStore

Clock = Any
FOLDER = Path("/reports/region-loss/one")


@pytest.fixture
def state(store: Store, clock: Clock) -> TargetState:
    return TargetState(store, "shop", clock)


def test_a_second_run_is_refused_and_told_who_holds_the_target_since_when_and_until_when(
    state: TargetState, clock: Clock
) -> None:
    state.take("one", FOLDER, clock.now)
    clock.pass_s(5)
    with pytest.raises(HeldError) as refused:
        state.take("two", FOLDER)
    assert str(refused.value) == (
        f"target 'shop' is held by run one of {me()} (process {os.getpid()}) since 2026-01-01 12:00:00 UTC, "
        "until 2026-01-01 12:01:00 UTC unless renewed, planned to end at 2026-01-01 12:00:00 UTC; it is 2026-01-01 12:00:05 UTC now"
    )


def test_another_target_is_nobody_elses_business(store: Store, state: TargetState) -> None:
    state.take("one", FOLDER)
    assert TargetState(store, "bank").take("two", FOLDER).target == "bank"


def test_who_let_go_is_followed_at_once(state: TargetState) -> None:
    lease = state.take("one", FOLDER)
    state.stop("enough")
    state.release(lease)
    assert state.take("two", FOLDER).run == "two"
    assert not state.stopped("two")
    state.release(lease)  # by now it is another's
    holder = state.holder()
    assert holder is not None
    assert holder.run == "two"


def test_a_lease_holds_for_as_long_as_it_is_renewed_and_then_is_lost(state: TargetState, clock: Clock) -> None:
    lease = state.take("one", FOLDER)
    clock.pass_s(LEASE_S - 1)
    lease = state.renew(lease)
    clock.pass_s(LEASE_S)
    with pytest.raises(HeldError):
        state.take("two", FOLDER)
    clock.pass_s(1)
    state.take("two", FOLDER)
    with pytest.raises(RefusedError, match="the lease on target 'shop' was lost: it is held by run two"):
        state.renew(lease)


def test_of_many_who_begin_at_once_one_has_it(store: Store) -> None:
    def take(number: int) -> int:
        try:
            TargetState(store, "shop").take(str(number), FOLDER)
        except RefusedError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as beside:
        assert sum(beside.map(take, range(16))) == 1


def test_a_stop_says_by_whom_and_why_and_only_the_run_that_it_names_obeys(state: TargetState) -> None:
    assert state.stop("nobody is there") is None
    state.take("one", FOLDER)
    told = state.stop("tickets come in", by="ann@host")
    assert told is not None
    assert told.run == "one"
    assert state.stopped("one") == "stopped by ann@host at 2026-01-01 12:00:00 UTC: tickets come in"
    assert not state.stopped("two")
    state.stop("", by="bob@host")  # a second one may say so too
    assert state.stopped("one") == "stopped by bob@host at 2026-01-01 12:00:00 UTC: no reason was given"


@pytest.mark.parametrize("whose", ["", "shop"])
def test_what_is_frozen_is_left_alone_until_it_is_unfrozen(
    store: Store, state: TargetState, clock: Clock, whose: str
) -> None:
    freezer = TargetState(store, whose, clock)
    assert freezer.unfreeze() is None
    freezer.freeze("incident 4711", by="ann@host")
    told = r"frozen by ann@host since 2026-01-01 12:00:00 UTC: incident 4711; `harness freeze --lift"
    with pytest.raises(FrozenError, match=told):
        state.take("one", FOLDER)
    assert freezer.freeze("mine too", by="bob@host").by == "ann@host"  # hers stands, and lifting it is told
    lifted = freezer.unfreeze()
    assert lifted is not None
    assert lifted.why == "incident 4711"
    state.take("one", FOLDER)


def test_a_freeze_of_another_target_is_none_of_this_one(store: Store, state: TargetState) -> None:
    TargetState(store, "bank").freeze("audit")
    state.take("one", FOLDER)


@pytest.mark.parametrize("text", ["", "{}", "frozen!", '{"schema": "harness.freeze/9"}'])
def test_a_freeze_that_nobody_can_read_freezes_and_can_be_lifted(store: Store, state: TargetState, text: str) -> None:
    store.write("freeze.json", text, None)
    with pytest.raises(
        FrozenError, match="every target is frozen by a file that is no freeze that this version can read"
    ):
        state.obey()
    assert TargetState(store).unfreeze() is not None
    state.obey()


def test_a_lease_that_nobody_can_read_is_nobodys_to_take(store: Store, state: TargetState) -> None:
    store.write("shop/lease.json", '{"run": "one"}', None)
    with pytest.raises(StateError, match=r"shop/lease.json is no lease that this version can read.* remove it by hand"):
        state.take("two", FOLDER)


TORN = [
    "",
    '{"schema": "harness.stop/1", "by": "ann@ho',
    "stop!",
    "[]",
    '{"run": 1}',
    '{"schema": "harness.stop/9", "run": "one", "by": "ann@host"}',
]


@pytest.mark.parametrize("text", TORN)
def test_a_stop_that_nobody_can_read_is_a_stop_and_goes_with_the_run_that_obeyed_it(
    store: Store, state: TargetState, text: str
) -> None:
    lease = state.take("one", FOLDER)
    store.write("shop/stop.json", text, None)
    assert state.stopped("one").startswith("stopped by a file that is no stop that this version can read: ")
    assert state.stopped("one").endswith(f"look at it, and remove it by hand ({store.where}/shop/stop.json)")
    state.release(lease)
    assert store.read("shop/stop.json") is None
    assert state.take("two", FOLDER).run == "two"


def test_a_stop_that_nobody_can_read_is_none_of_a_run_that_it_does_not_name(store: Store, state: TargetState) -> None:
    store.write("shop/stop.json", '{"schema": "harness.stop/9", "run": "another"}', None)
    state.take("one", FOLDER)
    assert not state.stopped("one")


@pytest.mark.parametrize("text", TORN[:-1])
def test_no_run_begins_where_somebody_may_have_asked_it_to_stop(store: Store, state: TargetState, text: str) -> None:
    store.write("shop/stop.json", text, None)
    with pytest.raises(RefusedError, match=r"^target 'shop' is stopped by a file that is no stop .*remove it by hand"):
        state.take("one", FOLDER)


def test_who_stops_a_run_whose_lease_nobody_can_read_is_obeyed_and_the_next_run_is_another(
    store: Store, state: TargetState
) -> None:
    lease = state.take("one", FOLDER)
    store.write("shop/lease.json", "{", store.read("shop/lease.json"))
    with pytest.raises(StateError, match=r"remove it by hand; whichever run goes on there was told to stop"):
        state.stop("tickets come in", by="ann@host")
    assert state.stopped("one") == "stopped by ann@host at 2026-01-01 12:00:00 UTC: tickets come in"
    torn = store.read("shop/lease.json")
    assert torn is not None
    assert store.remove("shop/lease.json", torn)
    assert not state.stopped(state.take("two", FOLDER).run)
    state.release(lease)
    holder = state.holder()
    assert holder is not None
    assert holder.run == "two"


def _a_folder(path: Path) -> None:
    path.mkdir(parents=True)


def _a_loop(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path)


@pytest.mark.parametrize("put", [_a_folder, _a_loop])
def test_what_is_there_and_cannot_be_read_at_all_stops_and_freezes_and_is_told_with_its_place(
    tmp_path: Path, put: Callable[[Path], None]
) -> None:
    state = TargetState(FolderStore(tmp_path), "shop")
    lease = state.take("one", FOLDER)
    put(tmp_path / "shop" / "stop.json")
    told = "shop/stop.json is there and cannot be read ("
    assert state.stopped("one").startswith(f"stopped by a file that nobody can read: {tmp_path}/{told}")
    state.release(lease)
    assert state.holder() is None  # the lease does not stay for that
    with pytest.raises(RefusedError, match=r"is stopped by a file that nobody can read: .*remove it by hand"):
        state.take("two", FOLDER)
    put(tmp_path / "freeze.json")
    with pytest.raises(FrozenError, match=r"every target is frozen by a file that nobody can read: .*freeze.json is"):
        state.obey()


def test_a_file_that_nobody_may_read_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = TargetState(FolderStore(tmp_path), "shop")
    state.take("one", FOLDER)
    (tmp_path / "shop" / "stop.json").write_text("{}")

    def refused(path: Path, *_: str) -> str:
        if path.name == "stop.json":
            raise PermissionError(13, "Permission denied")
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", refused)
    assert "stop.json is there and cannot be read (Permission denied); look at it" in state.stopped("one")


def test_a_store_that_fails_says_nothing_of_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = TargetState(FolderStore(tmp_path), "shop")

    def fails(*_: object) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_text", fails)
    with pytest.raises(StateError, match="cannot be read: Input/output error"):
        state.stopped("one")


# --- where it is kept


def test_state_that_cannot_be_kept_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = TargetState(FolderStore(tmp_path / "file"), "shop")
    with pytest.raises(
        StateError, match=r"the state in .*file cannot be kept: .*; name another folder with HARNESS_STATE"
    ):
        state.take("one", FOLDER)


def test_what_is_written_appears_whole_and_leaves_no_parts(tmp_path: Path) -> None:
    state = TargetState(FolderStore(tmp_path), "shop")
    state.renew(state.take("one", FOLDER))
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".lock", "lease.json", "shop"]
    assert json.loads((tmp_path / "shop" / "lease.json").read_text())["host"] == socket.gethostname()


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"status": 500}, "answers GET with 500; 200 or 404 would be right"),
        ({"status": 302}, "answers GET with 302"),
        ({"kept": {"/state/freeze.json": ("", b"{}")}}, "has no ETag, so nobody could change it safely"),
    ],
)
def test_a_server_that_keeps_no_state_as_it_should_is_told_of(
    serving: Callable[..., str], attributes: dict[str, Any], told: str
) -> None:
    with pytest.raises(StateError, match=told):
        TargetState(UrlStore(serving(**attributes), {}), "shop").take("one", FOLDER)


def test_a_server_that_lets_nothing_be_changed_is_told_of(serving: Callable[..., str]) -> None:
    with pytest.raises(StateError, match="answers PUT with 405; 2xx, or 412"):
        TargetState(UrlStore(serving(do_PUT=lambda self: self._answer(405)), {}), "shop").take("one", FOLDER)


def test_nobody_there_is_told_and_all_targets_of_a_url_are_not_known(serving: Callable[..., str]) -> None:
    with pytest.raises(StateError, match=r"the state at http://127.0.0.1:1/x/freeze.json gave no answer"):
        TargetState(UrlStore("http://127.0.0.1:1/x", {}), "shop").obey()
    with pytest.raises(StateError, match="name one with --target"):
        UrlStore(serving(), {}).targets()
