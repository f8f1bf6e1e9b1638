"""Workers of a load on other machines: who is let in, what crosses the network, and what of it is held against what was written."""

from __future__ import annotations

import errno
import re
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from harness.prepare import Asked, prepare
from harness.problems import UsageProblems
from harness.protocols.asking import ResolvedAsk
from harness.reading.load_hosts import NO_HOSTS, LoadHosts, load_hosts
from harness.record.masking import Mask
from harness.record.rowfile import RowFile, read_rows
from harness.record.rows import Request
from harness.record.workers import Seal
from harness.running.free_port import free_port
from harness.running.load import LoadPlan, PlannedQuestion, Schedule, elsewhere, heartbeat, word
from harness.running.load.dismissing import dismiss
from harness.running.load.door import GONE_S, HEARD, HERE, Asking, Awaited, Door, callers
from harness.running.load.knocking import Welcome, knock, why_silent
from harness.running.load.receiving import Received, Sending
from harness.running.world.load_hosts import Gathering, reserved
from harness.suites.asking import words

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"
PLAN = LoadPlan(
    run_id="r",
    schedule=Schedule("constant", (), 0.0, 0.5, 1, workers=2),
    entries={"one": "http://192.0.2.1:9"},
    questions=(PlannedQuestion("q", "Is it so?"),),
    ask=ResolvedAsk("json", headers={"authorization": "Bearer of-the-masters-own"}),
    in_flight_max=10,
    rows_dir="/of/the/master",
    ready_path="/of/the/master/ready",
    start_path="/of/the/master/start",
    instrument_path="/of/the/master/instrument",
    secrets={"KEY": "of-the-masters-own", "OTHER": "of-its-service"},
    headers_elsewhere={"authorization": "Bearer ${KEY}", "x": "{question} $${KEY} {{}}"},
)


def test_no_secret_and_no_path_of_the_master_crosses_the_network(tmp_path: Path) -> None:
    there = elsewhere.joined(elsewhere.pieces(PLAN), {"KEY": "{of}-the-worker's"}, tmp_path)
    bare = elsewhere.joined(elsewhere.pieces(PLAN), {"KEY": ""}, Path("/"))
    assert not [text for text in ("own", "of-its-service", "/of/the/master") if text in repr(bare)]
    # It is still a template of what is known of a question.
    assert there.ask.headers == {
        "authorization": "Bearer {{of}}-the-worker's",
        "x": "{question} ${{KEY}} {{}}",
    }
    assert there.secrets == {"KEY": "{of}-the-worker's"}
    assert (there.rows_dir, there.instrument_path) == (str(tmp_path), str(tmp_path / "instrument.jsonl"))


def test_a_secret_that_is_not_set_there_is_named() -> None:
    assert elsewhere.needed(PLAN.headers_elsewhere.values()) == ["KEY"]
    with pytest.raises(ValueError, match="KEY"):
        elsewhere.joined(elsewhere.pieces(PLAN), {}, Path("/"))


def rows_in(path: Path, many: int, detail: str = "") -> Seal:
    file = RowFile(path)
    for index in range(many):
        file.add(Request(index=index, due_s=float(index), outcome="complete", detail=detail, worker=1))
    file.close()
    return file.seal


def over(path: Path, to: Received, size: int = 7) -> int:
    """Send what is in the file at *path* in pieces of *size* bytes; how many pieces that took."""
    sending, many = Sending(path), 0
    while (piece := sending.piece(size))[1]:
        to.take(*piece)
        sending.sent(piece[1])
        many += 1
    return many


def test_rows_that_come_in_pieces_are_those_that_were_written_without_what_is_secret_here(tmp_path: Path) -> None:
    wrote = rows_in(tmp_path / "there", 3, "its password is of-its-service")
    here = Received(tmp_path / "here", Mask(PLAN.secrets))
    assert over(tmp_path / "there", here) > 3
    assert here.differs(wrote) == ""
    rows = list(read_rows(tmp_path / "here", Request))
    assert [(row.index, row.detail) for row in rows] == [(n, "its password is ${OTHER}") for n in range(3)]
    assert here.seal.rows == 3


def test_a_piece_that_comes_twice_counts_once(tmp_path: Path) -> None:
    wrote, here = rows_in(tmp_path / "there", 3), Received(tmp_path / "here")
    content = (tmp_path / "there").read_bytes()
    for at in (0, 0, 20, 10):
        here.take(at, content[at : at + 20])
    here.take(30, content[30:])
    assert here.differs(wrote) == ""


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (lambda content, row: [(0, content[:-1])], "1 of the 3 rows that it wrote did not come over"),
        (lambda content, row: [(0, content[:row]), (row + 1, content[row + 1 :])], "2 of the 3 rows .* did not come"),
        (lambda content, row: [], "3 of the 3 rows that it wrote did not come over"),
        (lambda content, row: [(0, content.replace(b"odd", b"even"[:3]))], "3 rows has another checksum"),
    ],
)
def test_rows_that_did_not_come_or_are_others_are_told(tmp_path: Path, lost: Any, said: str) -> None:
    wrote, here = rows_in(tmp_path / "there", 3, "odd"), Received(tmp_path / "here")
    content = (tmp_path / "there").read_bytes()
    for piece in lost(content, len(content) // 3):
        here.take(*piece)
    assert re.search(said, here.differs(wrote)), here.differs(wrote)


class AtTheDoor:
    """A door for so *many* workers, of version 1, who need KEY."""

    def __init__(self, folder: Path, many: int = 1, **more: Any) -> None:
        self.path, self.answers = folder / "callers", dict[str, tuple[str, object]]()
        self.there: list[str] = []
        self.door = Door(Awaited(many, "1", ["KEY"], str(self.path), "the-second", 60.0), self._answer, **more)

    def _answer(self, client: str, kind: str, said: object) -> None:
        self.answers[client] = kind, said

    def asks(self, number: str, version: str = "1", after: str = "") -> tuple[str, object]:
        asking = Asking(f"host_ffffffff{number}", f"load-{number}", 4711, version, after)
        assert not self.door.lets_pass(f"door-{number}", "join", msgspec.to_builtins(asking))
        return self.answers[f"door-{number}"]

    def comes(self, number: str) -> bool:
        client = f"host_ffffffff{number}"
        self.there.append(client)
        return self.door.lets_pass(client, "client_ready", "locust")

    def seen(self) -> list[str]:
        self.door.look(self.there)
        return [f"{caller.called} {caller.why}".strip() for caller in callers(self.path)]


def test_who_asks_first_and_is_of_the_same_version_is_let_in(tmp_path: Path) -> None:
    at = AtTheDoor(tmp_path)
    assert at.asks("1") == ("welcome", [1, ["KEY"], "the-second", 60.0])
    assert at.comes("1")
    assert at.door.lets_pass("host_ffffffff1", "rows", [0, b""])
    assert at.seen() == ["load-1 (pid 4711)"]


def test_one_of_another_version_is_told_both(tmp_path: Path) -> None:
    at = AtTheDoor(tmp_path)
    kind, why = at.asks("1", version="2")
    assert kind == "refused"
    assert "it is harness 2, and the run is of 1" in str(why)
    assert at.seen() == [f"load-1 (pid 4711) {why}"]


@pytest.mark.parametrize(
    ("awaited", "asking", "why"),
    [
        ("aa", "", "the run is one of users, and each machine needs their file: start it with --locustfile FILE"),
        ("", "aa", "the run asks questions and runs no locustfile: start it without --locustfile"),
        ("aa", "bb", "its locustfile is another one (SHA-256 bb) than the run's (aa): copy that of the run there"),
        ("aa", "aa", "it has Locust 3, and the run 2: both have to be of one version"),
    ],
)
def test_one_that_has_not_the_locustfile_of_the_run_is_told_what_would_be_right(
    tmp_path: Path, awaited: str, asking: str, why: str
) -> None:
    answers = list[tuple[str, object]]()
    waits = Awaited(1, "1", [], str(tmp_path / "callers"), locustfile=awaited, locust="2")
    door = Door(waits, lambda _, kind, said: answers.append((kind, said)))
    fits = Asking("host_ffffffff1", "load-1", 1, "1", locustfile=awaited, locust="2" if awaited else "3")
    for one in (msgspec.structs.replace(fits, locustfile=asking, locust="3"), fits):
        door.lets_pass("door", "join", msgspec.to_builtins(one))
    assert answers[0] == ("refused", why)
    assert answers[1][0] == "welcome"


def test_one_that_cannot_go_on_is_in_no_more_and_says_why(tmp_path: Path) -> None:
    at = AtTheDoor(tmp_path)
    at.asks("1")
    assert at.comes("1")
    at.door.lets_pass("door-1", "lacks", ["host_ffffffff1", "its locustfile cannot be loaded"])
    assert at.seen() == ["load-1 (pid 4711) its locustfile cannot be loaded"]
    assert at.door.order == []


def test_which_signal_killed_a_worker_is_told_until_it_was_heard() -> None:
    port, join, heard = free_port(), word.new_word(), list[tuple[str, object]]()
    killed = subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    with ThreadPoolExecutor(1) as pool, zmq.Context() as context, context.socket(zmq.ROUTER) as master:
        master.linger = 0
        word.lock(master, join)
        master.bind(f"tcp://127.0.0.1:{port}")
        waits = pool.submit(heartbeat.wait, killed, "127.0.0.1", port, join, "host_1")
        while [kind for kind, _ in heard].count("lacks") < 2:
            client, content = master.recv_multipart()
            heard.append(tuple(msgspec.msgpack.decode(content)[:2]))
        master.send_multipart([client, msgspec.msgpack.encode((HEARD, "", ""))])
        assert waits.result(20.0) == -9
    assert heard[-1] == ("lacks", ["host_1", "it was killed by SIGKILL"])


def test_one_that_is_in_comes_as_long_as_its_machine_is_heard_of_and_has_time_to_be_once_somebody_listens(
    tmp_path: Path,
) -> None:
    now_s, at = [0.0], AtTheDoor(tmp_path, clock=lambda: now_s[0])
    at.asks("1")
    assert at.comes("1")
    now_s[0] = 10.0
    assert not at.door.lets_pass("beat-1", HERE, "host_ffffffff1")
    now_s[0] += GONE_S - 0.1
    assert at.door.coming(0.0) == {"host_ffffffff1"}
    now_s[0] += 0.2
    assert at.door.coming(0.0) == set()
    assert at.door.coming(now_s[0]) == {"host_ffffffff1"}


def test_one_more_than_is_waited_for_is_told_so_whether_it_asks_or_comes(tmp_path: Path) -> None:
    at = AtTheDoor(tmp_path)
    assert at.asks("1")[0] == at.asks("2")[0] == "welcome"
    assert at.comes("1")
    assert not at.comes("2")
    assert at.answers["host_ffffffff2"] == at.asks("3") == ("refused", "the run has the 1 that it waited for")


def test_one_that_did_not_ask_is_not_heard_and_one_of_this_machine_is(tmp_path: Path) -> None:
    at = AtTheDoor(tmp_path)
    assert not at.comes("1")
    assert at.answers["host_ffffffff1"][0] == "refused"
    assert not at.door.lets_pass("host_ffffffff2", "done", ["", 1, 2, "3"])
    assert at.door.lets_pass("host_00000000000000000000000000000003", "client_ready", "locust")


def test_one_that_leaves_before_the_load_makes_room_for_another(tmp_path: Path) -> None:
    at = AtTheDoor(tmp_path)
    assert at.asks("1")[0] == "welcome"
    assert at.comes("1")
    at.there.clear()
    assert at.seen() == []
    assert at.asks("2")[0] == "welcome"
    assert at.comes("2")
    assert at.seen() == ["load-2 (pid 4711)"]


def test_who_has_sent_a_share_of_this_load_is_to_ask_again_and_of_the_one_before_comes_in(tmp_path: Path) -> None:
    at = AtTheDoor(tmp_path)
    assert at.asks("1", after="the-second") == ("again", "")
    assert at.seen() == []
    assert not at.comes("1")  # it did not ask for another one
    assert at.asks("1", after="the-first")[0] == "welcome"
    assert at.comes("1")


class Master:
    """Answers what comes to a socket of its own that is locked with *said*, through a door."""

    def __init__(self, folder: Path, said: str, port: int = 0, run: str = "") -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        word.lock(self._socket, said)
        self.port = port or self._socket.bind_to_random_port("tcp://127.0.0.1")
        if port:
            self._socket.bind(f"tcp://127.0.0.1:{port}")
        self.door = Door(Awaited(1, "1", ["KEY"], str(folder / "callers"), run, 60.0), self._answer)
        self.heard: list[str] = []
        self._over = False
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _answer(self, client: str, kind: str, said: object) -> None:
        self._socket.send_multipart([client.encode(), msgspec.msgpack.encode((kind, said, client))])

    def _listen(self) -> None:
        while not self._over:
            if self._socket.poll(20):
                client, message = self._socket.recv_multipart()
                kind, data, _ = msgspec.msgpack.decode(message)
                self.heard.append(kind)
                self.door.lets_pass(client.decode(), kind, data)

    def close(self) -> None:
        self._over = True
        self._thread.join()
        self._context.destroy(linger=0)


@pytest.fixture
def master(tmp_path: Path):
    found = Master(tmp_path, "the-word")
    yield found
    found.close()


ME = Asking("host_ffffffff1", "load-1", 4711, "1")


def welcomed(said: str, port: int, me: Asking = ME) -> Welcome:
    found = knock("127.0.0.1", port, said, me, {"KEY": "k"})
    assert found is not None
    return found


def test_who_knows_the_word_and_has_the_secrets_is_welcome(master: Master) -> None:
    assert welcomed("The-Word ", master.port).many == 1


def test_who_says_another_word_is_not_even_heard(master: Master) -> None:
    with pytest.raises(UsageProblems, match=r"^--join: whoever answers at 127.0.0.1:\d+ does not know this word"):
        knock("127.0.0.1", master.port, "another-word", ME, {"KEY": "k"})
    assert master.heard == []


def test_a_secret_that_a_worker_lacks_is_told_on_both_sides(master: Master, tmp_path: Path) -> None:
    with pytest.raises(UsageProblems, match="not set in the environment here: KEY"):
        knock("127.0.0.1", master.port, "the-word", ME, {})
    for _ in range(1000):
        master.door.look([])
        if callers(tmp_path / "callers"):
            break
        threading.Event().wait(0.002)
    (caller,) = callers(tmp_path / "callers")
    assert (caller.called, caller.why[:12]) == ("load-1 (pid 4711)", "it lacks KEY")


def test_that_nobody_waits_there_is_told() -> None:
    with pytest.raises(
        UsageProblems, match=r"^--master: no load waits for workers at 127.0.0.1:1 .* nothing listens on"
    ):
        knock("127.0.0.1", 1, "the-word", ME, {}, within_s=0.05)


def test_a_machine_that_has_no_such_name_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UsageProblems, match=r"^--master: this machine knows no 'load.example'; give the address that"):
        knock("load.example", 1, "the-word", ME, {}, within_s=600)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "a firewall may drop what is sent there; have it let TCP to port 4000 through"),
        (ConnectionRefusedError(), "nothing listens on that port"),
        (OSError(errno.ENETUNREACH, "x"), "this machine cannot reach it: Network is unreachable"),
    ],
)
def test_why_nothing_is_heard_is_told_by_what_one_connection_comes_to(
    monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", failing)
    assert why_silent("192.0.2.1", 4000).startswith(said)


def test_a_port_at_which_somebody_else_listens_is_told_for_what_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert why_silent("127.0.0.1", port).startswith("what listens there does not answer as a load does")
        with pytest.raises(
            UsageProblems, match="another run waits there, or another program has the port; name another"
        ):
            reserved(load_hosts(1, f"127.0.0.1:{port}"))
    assert reserved(load_hosts(1, f"127.0.0.1:{port}")).port == port


def test_words_are_of_letters_that_are_not_mistaken_and_none_comes_twice() -> None:
    words = {word.new_word() for _ in range(20)}
    assert len(words) == 20
    assert not {"0", "1", "o", "l", "i"} & set("".join(words))


def test_where_workers_come_is_read_as_it_is_written() -> None:
    assert load_hosts(2, "192.0.2.1:4000", "30s") == LoadHosts(2, "192.0.2.1", 4000, 30.0)
    assert load_hosts(2, "192.0.2.1:4000").said == ["--load-hosts", "2", "--load-bind", "192.0.2.1:4000"]
    assert (load_hosts(2).away, load_hosts(2, "192.0.2.1").away, load_hosts(0).said) == (False, True, [])
    for bind, wait, said in [
        ("http://x", "1s", "--load-bind: 'http://x' is not"),
        ("192.0.2.1", "soon", "--load-wait: 'soon' is not a duration"),
    ]:
        with pytest.raises(UsageProblems, match=said):
            load_hosts(1, bind, wait)
    with pytest.raises(UsageProblems, match=r"--load-bind: .* say how many with --load-hosts"):
        load_hosts(0, "192.0.2.1")


def told(asked: Asked, scenario: str = "region-loss") -> str:
    with pytest.raises(UsageProblems) as found:
        prepare(SCENARIOS / f"{scenario}.yaml", None, asked, {})
    return str(found.value)


def test_a_service_on_loopback_is_none_that_other_machines_reach() -> None:
    said = told(Asked(hosts=load_hosts(1, "192.0.2.1")))
    assert "127.0.0.1" in said
    assert "is on each machine that machine itself, so workers on others (--load-hosts) would not reach" in said
    near = prepare(SCENARIOS / "region-loss.yaml", None, Asked(hosts=load_hosts(1)), {})
    assert near.plan.scenario.load.workers == 1


def test_a_load_is_shared_by_as_many_as_are_asked_for_and_by_more_where_the_scenario_says_so() -> None:
    def shared(*overrides: str) -> int:
        asked = Asked(overrides=overrides, hosts=load_hosts(2))
        return prepare(SCENARIOS / "region-loss.yaml", None, asked, {}).plan.schedule.workers

    assert (shared(), shared("load.workers=1"), shared("load.workers=3")) == (2, 2, 3)


def test_a_worker_that_asks_while_its_load_ends_is_let_in_by_the_next_one(tmp_path: Path) -> None:
    first = Master(tmp_path, "the-word", run="first")
    before, found = welcomed("the-word", first.port), list[Welcome]()
    asking = msgspec.structs.replace(ME, after=before.run)
    waiting = threading.Thread(target=lambda: found.append(welcomed("the-word", first.port, asking)))
    waiting.start()
    while first.heard.count("join") < 3 and waiting.is_alive():  # it was told to ask again
        threading.Event().wait(0.01)
    first.close()
    second = Master(tmp_path, "the-word", first.port, "second")
    waiting.join(10)
    second.close()
    assert [welcome.run for welcome in found] == ["second"]


def test_who_stayed_is_told_that_no_other_run_comes() -> None:
    found, port = list[Welcome | None](), free_port()
    waiting = threading.Thread(target=lambda: found.append(knock("127.0.0.1", port, "the-word", ME, {})))
    waiting.start()
    assert dismiss("127.0.0.1", port, "the-word", 1, 10.0) == 1
    waiting.join(10)
    assert found == [None]


def test_who_is_not_there_is_not_waited_for_and_a_port_that_another_has_is_left(master: Master) -> None:
    assert dismiss("127.0.0.1", free_port(), "the-word", 1, 0.01) == 0
    assert dismiss("127.0.0.1", master.port, "the-word", 1, 10.0) == 0


def test_several_runs_have_one_place_and_one_word_and_one_run_has_none_that_stays() -> None:
    asked, several = load_hosts(2), Gathering(several=True)
    at = several.place(asked)
    assert several.place(asked) == at
    assert (at.many, bool(at.port), bool(at.word), at.stays_s) == (2, True, True, 120.0)
    assert several.place(NO_HOSTS) == NO_HOSTS
    alone = Gathering().place(asked)
    assert (alone.word, alone.stays_s) == ("", 0.0)
    Gathering(several=True).close()  # to which nobody came


def test_the_command_that_repeats_trials_says_where_workers_come() -> None:
    asked = Asked(hosts=load_hosts(2, "192.0.2.1:4000"))
    assert "--load-hosts 2 --load-bind 192.0.2.1:4000" in words("harness run", ["a.yaml"], asked, [], 3, Path("out"))
