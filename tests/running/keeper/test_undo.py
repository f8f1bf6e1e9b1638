"""A promise is on disk before anything is done, and each one is kept whatever becomes of the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.running.keeper.means import HttpUndo
from harness.running.keeper.undo import UndoLog, owner_alive, pending, put_back


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "undo.jsonl"


def promise(path: Path, *keys: str, url: str = "http://127.0.0.1:9") -> None:
    undo = UndoLog(path)
    for key in keys:
        undo.promise(key, [HttpUndo("DELETE", f"{url}/proxies/harness-{key}")])
    undo.close()


def ids(path: Path) -> list[str]:
    return [promise.id for promise in pending(path)]


def test_what_was_promised_and_not_kept_is_pending_last_first(path: Path) -> None:
    undo = UndoLog(path)
    proxy = "/proxies/harness-a"
    requests = (
        HttpUndo("PATCH", f"http://127.0.0.1:9{proxy}", '{"enabled": true}'),
        HttpUndo("DELETE", f"http://[::1]:9{proxy}"),
    )
    undo.promise("a", requests)
    undo.promise("b", [])
    undo.promise("c", [])
    undo.kept("b")
    assert [(promise.id, promise.undos) for promise in pending(path)] == [("c", ()), ("a", requests)]
    undo.promise("a", requests)  # a fault that comes back is as late as its last coming
    undo.close()
    assert ids(path) == ["a", "c"]


def test_no_file_means_nothing_is_pending(path: Path) -> None:
    assert pending(path) == []
    assert put_back(path) == []
    assert not owner_alive(path)


def test_a_file_cut_at_any_byte_loses_only_the_line_that_was_cut(path: Path) -> None:
    promise(path, "a", "b")
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        complete = (end >= first - 1) + (end >= len(whole) - 1)  # the newline itself may be missing
        assert ids(path) == ["b", "a"][2 - complete :]


@pytest.mark.parametrize("torn", [b'{"id": "x", "undo": [', b"\0\0\0\0", b"\xff\xfe", b"[1]", b'{"id": 3, "undo": []}'])
def test_a_torn_line_does_not_swallow_the_next_promise(path: Path, torn: bytes) -> None:
    promise(path, "a")
    with path.open("ab") as file:
        file.write(torn)
    promise(path, "b")
    assert ids(path) == ["b", "a"]


def test_putting_back_asks_last_first_once_and_in_the_order_of_each_promise(path: Path, api: Any) -> None:
    promise(path, "a", url=api.url)
    undo = UndoLog(path)
    undo.promise("b", [HttpUndo("PATCH", api.undo("b").url, '{"enabled": true}'), api.undo("gone")])
    undo.close()
    api.answers["gone"] = 404
    outcomes = put_back(path)
    assert api.asked == ["PATCH b", "DELETE gone", "DELETE a"]
    assert api.bodies == ['{"enabled": true}', "", ""]
    assert [(outcome.id, outcome.gone, outcome.why) for outcome in outcomes] == [
        ("b", True, "answered 204"),
        ("b", True, "already gone (404)"),
        ("a", True, "answered 204"),
    ]
    assert put_back(path) == []
    assert len(api.asked) == 3


def test_one_that_fails_is_reported_stays_pending_and_stops_no_other(
    path: Path, api: Any, silent_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = HttpUndo.carry_out

    def in_time(undo: HttpUndo, timeout_s: float) -> tuple[bool, str]:
        """Who answers at all has all the time that this machine takes."""
        return asked(undo, timeout_s if undo.url.startswith(silent_url) else 60.0)

    monkeypatch.setattr(HttpUndo, "carry_out", in_time)
    promise(path, "a", url=api.url)
    promise(path, "silent", url=silent_url)
    promise(path, "broken", url=api.url)
    api.answers["broken"] = 500
    promise(path, "z", url=api.url)
    outcomes = put_back(path, timeout_s=0.2)
    assert [(outcome.id, outcome.gone, outcome.why) for outcome in outcomes] == [
        ("z", True, "answered 204"),
        ("broken", False, "answered 500"),
        ("silent", False, "no answer within 0.2 s"),
        ("a", True, "answered 204"),
    ]
    assert ids(path) == ["broken", "silent"]


def test_within_a_budget_each_is_still_tried(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    promise(path, "a", "s", "t", "u")
    now_s, had_s = [1000.0], list[float]()

    def takes_all_it_has(undo: HttpUndo, timeout_s: float) -> tuple[bool, str]:
        now_s[0] += timeout_s
        had_s.append(timeout_s)
        return undo.url.endswith("a"), ""

    monkeypatch.setattr(HttpUndo, "carry_out", takes_all_it_has)
    monkeypatch.setattr("harness.running.keeper.undo.time", SimpleNamespace(monotonic=lambda: now_s[0]))
    outcomes = put_back(path, timeout_s=30.0, budget_s=45.0)
    assert had_s == [30.0, 15.0, 0.1, 0.1]
    assert [outcome.gone for outcome in outcomes] == [False, False, False, True]


def test_a_server_that_is_gone_took_its_fault_with_it_and_the_outcome_says_so(path: Path, silent_url: str) -> None:
    promise(path, "a", url="http://127.0.0.1:1")
    [outcome] = put_back(path)
    assert (outcome.gone, outcome.why) == (True, "nobody listens there any more, so what it did is gone with it")
    assert ids(path) == []


def test_an_answer_that_is_no_http_is_a_failure(path: Path, tmp_path: Path) -> None:
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"+PONG\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        promise(path, "a", url=f"http://127.0.0.1:{server.getsockname()[1]}")
        [outcome] = put_back(path)
        thread.join()
    assert not outcome.gone
    assert outcome.why.startswith("BadStatusLine")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://192.0.2.1:8474/x", "host '192.0.2.1' is not this machine, and nothing is undone elsewhere"),
        ("http://127.0.0.1.example:8474/x", "is not this machine"),
        ("http://127.0.0.1@192.0.2.1/x", "host '192.0.2.1' is not this machine"),
        ("https://127.0.0.1/x", "not a URL of the form http://"),
        ("http:///x", "not a URL of the form http://"),
        ("http://127.0.0.1:eighty/", "not a URL"),
        ("http://[::1/", "not a URL"),
    ],
)
def test_nothing_is_promised_or_sent_to_where_it_may_not_go(path: Path, api: Any, url: str, reason: str) -> None:
    undo = UndoLog(path)
    with pytest.raises(ValueError, match="DELETE ") as error:
        undo.promise("a", [api.undo("a"), HttpUndo("DELETE", url)])
    assert reason in str(error.value)
    undo.close()
    assert pending(path) == []

    strange = {"kind": "container", "id": "7"}
    path.write_text(json.dumps({"id": "a", "undo": [{"method": "DELETE", "url": url}, strange]}) + "\n")
    outcomes = put_back(path)
    assert [outcome.gone for outcome in outcomes] == [False, False]
    assert reason in outcomes[0].why
    assert (str(outcomes[1].undo), outcomes[1].why) == (
        str(strange),
        "nothing here knows how to undo that; known: http, continue, memory, engine, project",
    )
    assert ids(path) == ["a"]


def test_proxies_of_the_environment_are_not_used(path: Path, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    promise(path, "a", url=api.url)
    assert put_back(path)[0].why == "answered 204"


def test_a_full_disk_refuses_the_promise_but_not_the_keeping() -> None:
    undo = UndoLog(Path("/dev/full"))
    with pytest.raises(OSError, match="No space left"):
        undo.promise("a", [])
    undo.kept("a")
    undo.close()


def test_the_owner_is_alive_while_its_harness_or_its_keeper_is(path: Path, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE) as keeper:
        undo = UndoLog(path)
        undo.begin("run", tmp_path, keeper.pid)
        undo.close()
        assert owner_alive(path)
        header = json.loads(path.read_text())

        def alive(**change: int) -> bool:
            path.write_text(json.dumps(header | change) + "\n")
            return owner_alive(path)

        no_harness = {"harness_pid": 2**22 + 1}
        assert header["harness_pid"] == os.getpid()
        assert alive(**no_harness)
        assert alive(harness_started=1)
        assert not alive(**no_harness, keeper_started=1)  # another process has its number
        assert not alive(harness_started=1, keeper_pid=2**22 + 1)
        keeper.kill()
        os.waitid(os.P_PID, keeper.pid, os.WEXITED | os.WNOWAIT)
        assert not alive(**no_harness)  # ended, though nobody has taken leave of it


def test_what_is_to_stand_as_long_as_the_run_lives_is_left_when_only_the_rest_is_put_back(path: Path, api: Any) -> None:
    undo = UndoLog(path)
    undo.promise("link", [api.undo("link")], lasting=True)
    undo.promise("fault", [api.undo("fault")])
    assert [promise.lasting for promise in pending(path)] == [False, True]
    assert [outcome.id for outcome in put_back(path, lasting=False)] == ["fault"]
    assert [outcome.id for outcome in put_back(path)] == ["link"]
    assert api.asked == ["DELETE fault", "DELETE link"]


@pytest.mark.parametrize(
    ("method", "place", "body"),
    [
        ("POST", "/admin/shutdown", None),
        ("GET", "/proxies/harness-a", None),
        ("DELETE", "/proxies/theirs", None),
        ("DELETE", "/proxies/harness-a/../theirs", None),
        ("DELETE", "/proxies/harness-a?x=1", None),
        ("DELETE", "/proxies/harness-a#", None),
        ("DELETE", "/proxies/harness-a", "{}"),
        ("DELETE", "/proxies/harness-a\x1b[31m", None),
        ("POST", "/proxies/harness-a", '{"enabled": true}'),
        ("PATCH", "/proxies/harness-a", '{"enabled": false}'),
        ("PATCH", "/proxies/harness-a", '{"enabled": true, "upstream": "prod:80"}'),
        ("PATCH", "/proxies/harness-a", "[" * 100_000),
        ("POST", "/proxies", '{"name": "theirs", "upstream": "a:1", "listen": "127.0.0.1:1", "enabled": true}'),
        ("POST", "/proxies", '{"name": "harness-a", "upstream": "a:1", "listen": "0.0.0.0:1", "enabled": true}'),
        (
            "POST",
            "/proxies",
            '{"name": "harness-a", "upstream": "a:1", "listen": "127.0.0.1:1", "enabled": true, "x": 1}',
        ),
        ("DELETE", "/links/a", None),
        ("POST", "/finish", None),
    ],
)
def test_a_request_of_no_kind_that_the_harness_writes_is_neither_promised_nor_sent(
    path: Path, api: Any, method: str, place: str, body: str | None
) -> None:
    forged = HttpUndo(method, f"{api.url}{place}", body)
    undo = UndoLog(path)
    with pytest.raises(ValueError, match="no such request"):
        undo.promise("a", [forged])
    undo.close()
    path.write_text(json.dumps({"id": "a", "undo": [forged.written()]}) + "\n")
    [outcome] = put_back(path)
    assert (outcome.gone, api.asked) == (False, [])
    assert ids(path) == ["a"]


@pytest.mark.parametrize(
    ("method", "place", "body"),
    [
        ("DELETE", "/proxies/harness-20261126-small-1a2b-openai", None),
        ("DELETE", "/proxies/harness-a/toxics/latency-1.latency.downstream", None),
        ("PATCH", "/proxies/harness-a", '{"enabled": true}'),
        ("POST", "/proxies", '{"name": "harness-a", "upstream": "[::1]:1", "listen": "127.0.0.1:1", "enabled": true}'),
    ],
)
def test_a_request_of_each_kind_that_the_harness_writes_is_sent(
    path: Path, api: Any, method: str, place: str, body: str | None
) -> None:
    undo = UndoLog(path)
    undo.promise("a", [HttpUndo(method, f"{api.url}{place}", body)])
    undo.close()
    assert [outcome.why for outcome in put_back(path)] == ["answered 204"]
    assert api.asked == [f"{method} {place.removeprefix('/proxies/harness-')}"]


@pytest.mark.parametrize(
    "says", ["", "ok", '{"version": "of something else"}', "{" + 300 * " " + '"version": "2.12.0"}']
)
def test_a_server_of_another_kind_is_told_nothing(path: Path, api: Any, says: str) -> None:
    api.version = says
    promise(path, "a", url=api.url)
    [outcome] = put_back(path)
    assert api.asked == []
    assert (outcome.gone, outcome.why) == (
        True,
        "what listens there now is no Toxiproxy, so what that did is gone with it",
    )


def test_a_wire_is_known_by_its_links_and_nothing_else_is_told_to_end_a_fault(path: Path, api: Any) -> None:
    undo = UndoLog(path)
    undo.promise("a", [HttpUndo("DELETE", f"{api.url}/links/openai/faults/latency-1")])
    undo.close()
    [outcome] = put_back(path)
    assert api.asked == ["GET /counts"]
    assert outcome.why == "what listens there now is no wire, so what that did is gone with it"
