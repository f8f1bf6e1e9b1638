"""Users of a locustfile, really run by Locust as they are: each request that came has a row, which says what became of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from zlib import crc32

import pytest

from harness.judging.scoring.audit import Audit, audit
from harness.planning.curve import Linear
from harness.planning.schedule import Schedule
from harness.protocols.nonce import Nonces, NonceSearch
from harness.record import instrument
from harness.record.rowfile import read_rows
from harness.record.rows import Request
from harness.running.load import ready, start_at
from harness.running.load.users import plan as users_plan
from harness.running.load.users.plan import UsersPlan

REQUESTS = 350
"""So many have begun when the load ends, on however slow a machine: every user has been round all that it does by then."""
COMPLETION = b"""{"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices":
[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}]}"""
LOCUSTFILES = Path(__file__).parent / "locustfiles"


@dataclass
class Shop:
    """A server that remembers who asked for what."""

    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def nonces(self) -> Counter[str]:
        """Of each request that came with a mark, as the wire finds it."""
        return Counter(nonce for _, headers in self.heard if (nonce := _nonce(headers)))

    def status(self, path: str, headers: Mapping[str, str]) -> int:
        """Of what it answers at *path*: its model is busy the first time that it is asked for something."""
        mark = _nonce({name.lower(): text for name, text in headers.items()})
        answers = path.startswith("/v1") and self.nonces()[mark] > 1
        return 200 if answers else 404 if path == "/gone" else 503


def _nonce(headers: dict[str, str]) -> str:
    search = NonceSearch(Nonces("run-7"))
    for name, text in headers.items():
        search.header(name.encode(), text.encode())
    return search.found


@contextmanager
def serving() -> Iterator[tuple[Shop, str]]:
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            shop.heard.append((self.path, {name.lower(): text for name, text in self.headers.items()}))
            match self.path.partition("?")[0]:
                case "/hang":
                    shop.over.wait(20)
                    self.close_connection = True
                case "/gone" | "/broken" | "/v1/chat/completions" as path:
                    self._say(shop.status(path, self.headers), COMPLETION)
                case "/cut":
                    self._head(200, "content-length: 100")
                    self._half()
                case "/stream" | "/streamcut" as path:
                    self._head(200, "transfer-encoding: chunked")
                    self.wfile.write(b"9\r\ndata: one\r\n" + (b"0\r\n\r\n" if path == "/stream" else b"40\r\nhalf"))
                    self.close_connection = path == "/streamcut"
                case _:
                    self._say(200, b"yes")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"] or 0))
            self.do_GET()

        def _head(self, status: int, header: str) -> None:
            self.wfile.write(f"HTTP/1.1 {status} Said\r\n{header}\r\n\r\n".encode())

        def _half(self) -> None:
            self.wfile.write(b"half")
            self.close_connection = True

        def _say(self, status: int, body: bytes) -> None:
            self._head(status, f"retry-after-ms: 1\r\ncontent-length: {len(body)}")  # as an SDK waits
            self.wfile.write(body)

        def handle(self) -> None:
            with suppress(ConnectionError):  # a user who is stopped leaves
                super().handle()

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        request_queue_size = 100

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield shop, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            shop.over.set()
            server.shutdown()
            thread.join()


@dataclass
class Ran:
    """A child that has ended: its status, its rows, and what it printed."""

    plan: UsersPlan
    status: int
    rows: list[Request]
    log: str
    zero_s: float


def run(folder: Path, text: str, url: str, **changes: object) -> Ran:
    """What comes of the users of the locustfile with this *text*, or until it refuses to begin."""
    folder.mkdir()
    locustfile = folder / "users.py"
    locustfile.write_text(text)
    # What Locust would otherwise read of the folder in which it is started.
    (folder / "locust.conf").write_text("master = true\nexpect-workers = 9\n")
    paths = {name: str(folder / name) for name in ("ready_path", "start_path")}
    told = {"users": 4, "spawn_rate": 100.0, "total_s": 60.0, "drain_s": 0.3, "requests_max": REQUESTS}
    told |= {"exclude_tags": ["never"], **changes}
    plan = UsersPlan("run-7", str(locustfile), entries={"shop": url}, rows_dir=str(folder), **paths, **told)
    users_plan.write(plan, folder / "plan.json")
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            users_plan.command(folder / "plan.json"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        late_s = time.monotonic() + 20
        while ready(plan) is None and child.poll() is None and time.monotonic() < late_s:
            time.sleep(0.01)
        zero_s = time.monotonic() + 0.05
        start_at(plan, zero_s)
        status = child.wait(50)
    finally:
        child.kill()
        child.wait()
    rows = [row for file in folder.glob("requests-*.rows") for row in read_rows(file, Request)]
    return Ran(plan, status, rows, (folder / "log").read_text(), zero_s)


@pytest.fixture(scope="module")
def shopping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ran, Shop]]:
    folder = tmp_path_factory.mktemp("users") / "shop"
    with serving() as (shop, url):
        ran = run(folder, (LOCUSTFILES / "shop.py").read_text(), url)
        assert ran.status == 0, ran.log
        yield ran, shop
    shutil.rmtree(folder)


def outcomes(ran: Ran, name: str) -> set[tuple[str, int]]:
    found = {(row.outcome, row.status) for row in ran.rows if row.question == name}
    assert found, f"no request is called {name}: {Counter(row.question for row in ran.rows)}"
    return found


def test_every_request_that_came_has_one_row_and_every_marked_row_came(shopping: tuple[Ran, Shop]) -> None:
    ran, shop = shopping
    marked = {row.nonce: row for row in ran.rows if row.nonce and row.outcome != "not_sent"}
    came = shop.nonces()
    assert set(came) <= set(marked)
    by_sdk = {row.nonce for row in ran.rows if row.question in ("own openai", "/v1/chat/completions")}
    assert {nonce for nonce, times in came.items() if times > 1} <= by_sdk  # it asks again for what was refused
    # One that was stopped may not have come so far.
    assert {nonce for nonce, row in marked.items() if row.outcome != "unfinished"} <= set(came)
    assert audit((row.index for row in ran.rows), len(ran.rows)) == Audit()


def test_no_more_requests_are_begun_than_are_allowed_but_for_those_that_users_were_at(
    shopping: tuple[Ran, Shop],
) -> None:
    ran, _ = shopping
    assert REQUESTS <= len(ran.rows) < 2 * REQUESTS


@pytest.mark.parametrize(
    ("name", "came_to"),
    [
        ("/hello", ("complete", 200)),
        ("/login", ("complete", 200)),
        ("/item", ("complete", 200)),
        ("/gone", ("complete", 404)),  # its locustfile says that this is a success
        ("wrong", ("error", 200)),
        ("/broken", ("error", 503)),
        ("fast broken", ("error", 503)),
        ("/cut", ("truncated", 0)),  # the client of Locust's first session keeps no status then
        ("fast cut", ("truncated", 200)),
        ("/stream", ("complete", 200)),
        ("cut stream", ("truncated", 200)),
        ("fast cut stream", ("truncated", 200)),
        ("/fast", ("complete", 200)),
        ("post", ("complete", 200)),
        ("call", ("complete", 0)),
        ("http://127.0.0.2:9/elsewhere", ("not_sent", 0)),
        ("fast elsewhere", ("not_sent", 0)),
        ("own httpx", ("complete", 200)),
        ("own broken", ("error", 503)),
        ("own requests", ("complete", 200)),
        ("own urllib", ("complete", 0)),  # what it gives back tells no status
        ("own openai", ("complete", 0)),
    ],
)
def test_what_locust_makes_of_a_request_is_in_its_row(
    shopping: tuple[Ran, Shop], name: str, came_to: tuple[str, int]
) -> None:
    # Of the last requests some are still open when the users are stopped.
    assert outcomes(shopping[0], name) - {("unfinished", 0), ("unfinished", 200)} == {came_to}


def test_what_is_open_at_the_end_is_unfinished(shopping: tuple[Ran, Shop]) -> None:
    ran, _ = shopping
    (row,) = (row for row in ran.rows if row.question == "/hang")
    assert (row.outcome, row.end_s) == ("unfinished", None)


def test_an_id_that_the_locustfile_sets_itself_stays_and_the_trace_is_marked(shopping: tuple[Ran, Shop]) -> None:
    _, shop = shopping
    own = [headers for _, headers in shop.heard if headers.get("x-request-id") == "mine"]
    assert own
    assert all(_nonce(headers) for headers in own)


def test_an_open_user_asks_when_its_schedule_says_and_waits_for_nobody(shopping: tuple[Ran, Shop]) -> None:
    ran, _ = shopping
    asked = sorted(row.due_s for row in ran.rows if row.question == "/asked")
    schedule = Schedule("constant", (Linear(60.0, 20, 20),), 0.2, 0.0, 1 + crc32(b"Asking"))
    assert asked
    assert [due_s - ran.zero_s for due_s in asked] == pytest.approx(list(islice(schedule.due_times(), len(asked))))
    assert {row.question for row in ran.rows if row.on_schedule} == {"/asked"}


def test_tasks_with_a_tag_that_is_left_out_are_not_run(shopping: tuple[Ran, Shop]) -> None:
    _, shop = shopping
    assert "/never" not in {path for path, _ in shop.heard}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("own httpx", "/own/httpx"),
        ("own requests", "/own/requests"),
        ("own urllib", "/own/urllib"),
        ("own openai", "/v1/chat/completions"),
    ],
)
def test_what_a_client_of_the_files_own_asks_is_joined_to_its_row(
    shopping: tuple[Ran, Shop], name: str, path: str
) -> None:
    ran, shop = shopping
    came = Counter(_nonce(headers) for asked, headers in shop.heard if asked == path)
    rows = {row.nonce for row in ran.rows if row.question == name and row.outcome != "unfinished"}
    assert rows
    assert rows <= set(came)
    assert "" not in came
    # The openai SDK is refused once, and asks again for the same.
    assert {came[nonce] for nonce in rows} == ({2} if name == "own openai" else {1})


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_users_who_ask_for_somebody_else_and_wait_for_nothing_come_to_an_end(tmp_path: Path, kind: str) -> None:
    text = f"""
from locust import {kind}, task

class Restless({kind}):
    @task
    def asks(self):
        while True:
            self.client.get("http://somebody.invalid/")
"""
    with serving() as (shop, url):
        ran = run(tmp_path / "restless", text, url)
    assert (ran.status, shop.heard) == (0, []), ran.log
    assert {row.outcome for row in ran.rows} == {"not_sent"}
    assert len(ran.rows) >= REQUESTS


STRAYS = """
import socket
import httpx2, requests
from gevent.threadpool import ThreadPool
from harness.locust import mark
from locust import HttpUser, constant, events, task

OTHER = ("127.0.0.1", {port})

def tries(name, ask):
    failure = None
    try:
        ask()
    except OSError as error:
        failure = error
    except httpx2.HTTPError as error:
        failure = error
    events.request.fire(request_type="OWN", name=name, response_time=1, response_length=0, exception=failure, context={{}})

def sends():
    with socket.create_connection(OTHER, 5) as one:
        one.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")

def natively():
    import _socket
    _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM).connect(OTHER)

class Strays(HttpUser):
    wait_time = constant(60)

    @task
    def asks(self):
        self.client.get("/hello")
        tries("httpx", lambda: httpx2.get("http://127.0.0.1:{port}/"))
        tries("requests", lambda: requests.get("http://localhost:{port}/"))
        tries("socket", sends)
        tries("thread", lambda: ThreadPool(1).apply(natively))
        tries("nowhere", lambda: requests.get("http://somebody.invalid/"))
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(OTHER)
"""
ALL_WAYS = ("httpx", "requests", "socket", "thread")


def strayed(folder: Path, **changes: object) -> tuple[Ran, list[str], dict[str, int]]:
    """A run of one user who asks a server past the target; the paths that came there, and the connections that were told."""
    with serving() as (_, url), serving() as (other, past):
        text = STRAYS.format(port=past.rpartition(":")[2])
        named = changes.pop("reaches", [])
        told = {"reaches": [str(one).format(past=past.rpartition("/")[2]) for one in named], **changes}
        tmp = {"users": 1, "total_s": 2.0, "requests_max": None, "instrument_path": str(folder / "instrument")}
        ran = run(folder, text, url, **{**tmp, **told})
        counts = Counter[str]()
        for one in instrument.read(folder / "instrument", 0.0):
            if isinstance(one, instrument.Stray):
                counts[one.address.replace(past.rpartition(":")[2], "PORT")] += one.connections
    return ran, [path for path, _ in other.heard], dict(counts)


def test_a_client_of_the_files_own_connects_to_nobody_but_the_target_and_what_it_wanted_is_counted(
    tmp_path: Path,
) -> None:
    ran, came, counts = strayed(tmp_path / "strays")
    assert ran.status == 0, ran.log
    assert came == []
    assert sum(many for where, many in counts.items() if where.endswith(":PORT")) == len(ALL_WAYS)
    assert counts["somebody.invalid:80"] == 1
    assert {row.outcome for row in ran.rows if row.question == "/hello"} == {"complete"}
    for name in (*ALL_WAYS, "nowhere"):
        (row,) = (row for row in ran.rows if row.question == name)
        assert (row.outcome, "neither an entry of the target nor named in load.reaches" in row.detail) == (
            "not_sent",
            True,
        )


def test_whom_the_scenario_names_a_client_of_the_files_own_may_connect_to(tmp_path: Path) -> None:
    ran, came, counts = strayed(tmp_path / "strays", reaches=["{past}", "somebody.invalid"])
    assert (counts, came.count("/")) == ({}, 3), ran.log
    assert {row.outcome for row in ran.rows if row.question in ALL_WAYS} == {"complete"}


WAKES_AS_IT_ENDS = """
from gevent.event import Event
from harness.locust import mark
from locust import {kind}, TaskSet, constant, task

ends = Event()

class Once(TaskSet):
    def _sleep(self, seconds):
        ends.wait()

    @task
    def ask(self):
        self.client.get("/hello?" + mark())

class Waking({kind}):
    wait_time = constant(0)
    tasks = [Once]

    def stop(self, force=False):
        ends.set()
        return super().stop(force)
"""


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_a_user_that_is_ended_as_it_wakes_asks_nothing_that_it_could_not_wait_for(tmp_path: Path, kind: str) -> None:
    with serving() as (shop, url):
        text = WAKES_AS_IT_ENDS.format(kind=kind)
        ran = run(tmp_path / "users", text, url, users=3, total_s=1.0, requests_max=None)
    assert [row.outcome for row in ran.rows] == ["complete"] * 3, ran.log
    assert audit((row.index for row in ran.rows), 3) == Audit()
    assert set(shop.nonces()) == {row.nonce for row in ran.rows}


def test_users_say_good_bye(shopping: tuple[Ran, Shop]) -> None:
    _, shop = shopping
    assert "/logout" in {path for path, _ in shop.heard}


def test_a_listener_that_raises_before_the_users_begin_is_told_with_its_line(tmp_path: Path) -> None:
    text = """
from locust import HttpUser, events, task

@events.init.add_listener
def logs_in(environment, **_):
    raise RuntimeError("nobody at home")

class Visitor(HttpUser):
    @task
    def asks(self):
        self.client.get("/")
"""
    ran = run(tmp_path / "listens", text, "http://127.0.0.1:9")
    said = json.loads(Path(ran.plan.ready_path).read_text())
    assert said["refused"] == f"{ran.plan.locustfile}:6: RuntimeError: nobody at home"
    assert ran.rows == []


def test_a_locustfile_that_cannot_be_loaded_is_told_with_its_line(tmp_path: Path) -> None:
    text = "from locust import HttpUser\n\n\nclass Visitor(HttpUser):\n    wait_time = betwen(1, 2)\n"
    ran = run(tmp_path / "broken", text, "http://127.0.0.1:9")
    said = json.loads(Path(ran.plan.ready_path).read_text())
    assert ran.status == 0
    assert said["refused"] == f"{ran.plan.locustfile}:5: NameError: name 'betwen' is not defined"
    assert ran.rows == []
