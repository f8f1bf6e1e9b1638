"""A job as its client sees it: submitted once, asked about until it has come to something, and told apart from one that is lost."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import gevent
import msgspec
import pytest

from harness.planning.curve import Linear
from harness.planning.pressing import Pressing
from harness.planning.schedule import ALL, Schedule
from harness.protocols.asking import Asked, ResolvedAsk, ResolvedJob
from harness.protocols.grounding import Grounding
from harness.protocols.nonce import nonce
from harness.protocols.protocols import protocol
from harness.record.rowfile import read_rows
from harness.record.rows import Request
from harness.running.load import job as job_module
from harness.running.load.connections import Connections
from harness.running.load.exchange import Answer
from harness.running.load.job import put, settle
from harness.running.load.plan import Limits, LoadPlan, PlannedQuestion
from harness.running.load.sending import Sender
from harness.running.load.webhooks import Coming, Delivery, Webhooks

MARK = nonce("run-7", 5)
JOB = ResolvedJob(
    id="/id",
    poll="/jobs/{job}",
    every_s=0.01,
    state="/status",
    waiting=("queued",),
    running=("running",),
    done=("done",),
    failed=("failed",),
)
WAY = ResolvedAsk("json", "/jobs", body={"question": "{question}"}, answer_pointer="/answer", job=JOB)


class Reply(NamedTuple):
    status: int = 200
    said: Any = None
    headers: Mapping[str, str] = MappingProxyType({})
    hangs_up: bool = False
    sends_first: tuple[Any, ...] = ()  # to the webhook of the first who submitted


ACCEPTED = Reply(202, {"id": "a-1", "status": "queued"})
QUEUED, RUNNING = Reply(said={"status": "queued"}), Reply(said={"status": "running"})
DONE = Reply(said={"status": "done", "answer": "within 30 days"})
HANGS_UP = Reply(hangs_up=True)


class Service:
    """Answers each request with the next of its *replies*, the last one again and again."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.heard = list(replies), list[tuple[str, str, dict[str, str]]]()
        self.sends: list[Any] = []  # to the webhook of whoever submits, once the submission is answered
        self.answered: list[int] = []
        self.told: list[str] = []  # the address for results in each submission
        self.done = 0  # with so many of those that it heard, and with what it sends for them
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                try:
                    self.answer()
                finally:
                    service.done += 1

            def answer(self) -> None:
                asked = self.rfile.read(int(self.headers.get("content-length") or 0))
                service.heard.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                reply = service.replies.pop(0) if len(service.replies) > 1 else service.replies[0]
                if b'"callback"' in asked:
                    service.told.append(json.loads(asked)["callback"])
                service.answered += [send(service.told[0], one) for one in reply.sends_first]
                if reply.hangs_up:
                    self.close_connection = True
                    return
                body = b"" if reply.said is None else json.dumps(reply.said).encode()
                self.send_response_only(reply.status)
                for name, value in {**reply.headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value.replace("{url}", service.url))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()
                if service.sends:
                    # Like a service that takes what is submitted again under one key for the job that it has.
                    service.answered += [send(service.told[0], one) for one in service.sends]

            do_POST = do_GET  # noqa: N815 - the library's word

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def quiet(self) -> bool:
        """Whether it has nothing more to answer or to send."""
        return self.done == len(self.heard)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def send(url: str, said: Any) -> int:
    """The status with which *url* answers what is sent to it."""
    asked = urllib.request.Request(url, json.dumps(said).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


Serve = Callable[..., Service]
HearsAll = Callable[[Service], None]


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Service] = []

    def start(*replies: Reply) -> Service:
        made.append(Service(*replies))
        return made[-1]

    yield start
    for service in made:
        service.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client waited each time, for which no time passes."""
    waited: list[float] = []
    monkeypatch.setattr(job_module, "monotonic", lambda: time.monotonic() + sum(waited))
    monkeypatch.setattr(job_module, "gevent", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def hears_all(monkeypatch: pytest.MonkeyPatch) -> Callable[[Service], None]:
    """Whoever waits for what *service* sends has all of it, and then its time is over at once."""
    heard = Coming.next

    def of(service: Service) -> None:
        def next_one(coming: Coming, within_s: float) -> Delivery | None:
            while True:
                quiet = service.quiet
                if (sent := heard(coming, 0.0 if quiet else 0.01)) is not None or quiet:
                    return sent

        monkeypatch.setattr(Coming, "next", next_one)

    return of


def ask(service: Service, deadline_s: float = 5.0, way: ResolvedAsk = WAY, base: str = "", **job: Any) -> Answer:
    assert way.job is not None
    way = msgspec.structs.replace(way, job=msgspec.structs.replace(way.job, **job))
    answer, url = Answer(), service.url + base
    limits = Limits(deadline_s=deadline_s, stall_s=deadline_s)
    asked = Asked("How long?", "c-1", None, MARK)
    connections = Connections(url)
    put(answer, connections, way, protocol("json"), asked, url, time.monotonic(), limits)
    connections.close()
    return answer


def test_what_is_submitted_is_asked_about_until_it_is_done_and_has_its_result(serve: Serve) -> None:
    service = serve(ACCEPTED, QUEUED, QUEUED, RUNNING, DONE)
    answer = ask(service)
    assert (answer.outcome, answer.text, answer.job, answer.polls) == ("complete", "within 30 days", "done", 4)
    assert answer.began_s <= answer.accepted_s <= answer.waiting_s <= answer.running_s <= answer.ended_s
    assert [f"{method} {path}" for method, path, _ in service.heard] == ["POST /jobs", *["GET /jobs/a-1"] * 4]


def test_a_job_is_grounded_by_the_head_and_the_body_of_its_result_and_not_by_what_was_said_before(serve: Serve) -> None:
    way = msgspec.structs.replace(WAY, prompt_version_at="X-Prompt", sources_at="/docs")
    queued = Reply(said={"status": "queued", "docs": ["other"]}, headers={"X-Prompt": "p-0"})
    done = Reply(said={**DONE.said, "docs": ["a", "b"]}, headers={"X-Prompt": "p-1"})
    assert ask(serve(ACCEPTED, queued, done), way=way).grounding == Grounding("p-1", ("a", "b"))


def test_every_exchange_of_a_job_carries_the_nonce_and_the_headers_of_the_target(serve: Serve) -> None:
    service = serve(ACCEPTED, QUEUED, DONE)
    headers = {"Authorization": "Bearer secret"}
    ask(service, way=msgspec.structs.replace(WAY, headers=headers, nonce_place="header", nonce_name="X-Mark"))
    carried = [
        (sent["x-request-id"], MARK.removeprefix("n-") in sent["traceparent"], sent["x-mark"], sent["authorization"])
        for *_, sent in service.heard
    ]
    assert carried == [(MARK, True, MARK, "Bearer secret")] * 3


@pytest.mark.parametrize("where", ["/status/9?of=mine", "{url}/status/9?of=mine"])
def test_a_job_is_asked_about_where_the_service_says_that_it_is(serve: Serve, where: str) -> None:
    service = serve(Reply(202, headers={"Location": where}), QUEUED, DONE)
    answer = ask(service, id="Location", poll=None, base="/v1")
    assert (answer.outcome, answer.polls) == ("complete", 2)
    assert [path for _, path, _ in service.heard] == ["/v1/jobs", "/status/9?of=mine", "/status/9?of=mine"]


def test_nobody_is_asked_about_a_job_whom_the_target_file_does_not_name(serve: Serve) -> None:
    other = serve(DONE)
    service = serve(Reply(202, headers={"Location": f"{other.url}/jobs/1"}), DONE)
    answer = ask(service, id="Location", poll=None)
    assert (answer.outcome, answer.job, answer.polls, other.heard) == ("malformed", "", 0, [])
    assert answer.detail == f"the job is to be asked about at {other.url}, which is not the entry"


@pytest.mark.parametrize("where", ["http://127.0.0.1:${PORT}/jobs/1", "http://[::1/jobs/1"])
def test_an_address_that_nobody_can_ask_is_malformed_and_ends_only_its_request(serve: Serve, where: str) -> None:
    answer = ask(serve(Reply(202, headers={"Location": where}), DONE), id="Location", poll=None)
    assert (answer.outcome, answer.job, answer.polls) == ("malformed", "", 0)
    assert answer.detail


@pytest.mark.parametrize(
    ("told", "path"),
    [("ab/cd+e=", "/jobs/ab%2Fcd%2Be%3D"), ("/jobs/a-1/", "/jobs/a-1"), ("{url}/jobs/a-1", "/jobs/a-1")],
)
def test_of_an_address_its_last_part_is_the_id_and_an_id_is_taken_whole(serve: Serve, told: str, path: str) -> None:
    service = serve(Reply(202, {"id": told}), DONE)
    if "{url}" in told:
        service.replies[0] = Reply(202, {"id": told.replace("{url}", service.url)})
    assert (ask(service).outcome, service.heard[-1][1]) == ("complete", path)


def test_where_no_state_is_told_the_status_says_whether_it_goes_on(serve: Serve) -> None:
    service = serve(ACCEPTED, Reply(202), Reply(202, {}), Reply(200, {"answer": "within 30 days"}))
    answer = ask(service, state=None, waiting=(), running=(), done=(), failed=())
    assert (answer.outcome, answer.text, answer.polls) == ("complete", "within 30 days", 3)


def test_the_wait_that_the_service_states_goes_before_the_interval_of_the_file(serve: Serve) -> None:
    soon = {"Retry-After": "0.01"}
    service = serve(ACCEPTED._replace(headers=soon), QUEUED._replace(headers=soon), DONE)
    assert ask(service, every_s=3600).outcome == "complete"


def test_a_wait_until_a_date_is_held_against_the_date_of_its_answer(serve: Serve, waits: list[float]) -> None:
    later = {"Date": "Sat, 02 Jan 2100 00:00:00 GMT", "Retry-After": "Sat, 02 Jan 2100 00:00:40 GMT"}
    assert ask(serve(ACCEPTED._replace(headers=later), DONE), deadline_s=3600.0).outcome == "complete"
    assert waits == [pytest.approx(40)]


def test_a_stated_wait_that_is_longer_than_the_client_has_is_waited_for_and_no_longer(
    serve: Serve, waits: list[float]
) -> None:
    service = serve(ACCEPTED._replace(headers={"Retry-After": "7200"}), DONE)
    answer = ask(service, deadline_s=3600.0)
    assert waits == [pytest.approx(3600, abs=60)]
    assert (answer.outcome, answer.job, answer.polls) == ("timed_out", "waiting", 0)


def test_a_result_may_stand_elsewhere_than_the_state(serve: Serve) -> None:
    service = serve(ACCEPTED, Reply(said={"status": "done"}), Reply(said={"answer": "within 30 days"}))
    answer = ask(service, result="/jobs/{job}/result")
    assert (answer.outcome, answer.text, answer.polls) == ("complete", "within 30 days", 1)
    assert service.heard[-1][:2] == ("GET", "/jobs/a-1/result")


def test_a_job_that_failed_is_an_error_and_not_lost(serve: Serve) -> None:
    answer = ask(serve(ACCEPTED, RUNNING, Reply(said={"status": "failed", "why": "no model"})))
    assert (answer.outcome, answer.job) == ("error", "failed")
    assert answer.detail.startswith('the job failed: failed: {"status": "failed", "why": "no model"}')


@pytest.mark.parametrize(("told", "far"), [(QUEUED, "waiting"), (RUNNING, "running")])
def test_a_job_that_has_come_to_nothing_when_its_client_gives_up_is_lost(
    serve: Serve, waits: list[float], told: Reply, far: str
) -> None:
    answer = ask(serve(ACCEPTED, told), deadline_s=3600.0, every_s=1000.0)
    assert len(waits) == 4
    assert (answer.outcome, answer.job) == ("timed_out", far)
    assert answer.detail == f"lost: accepted, and no result in time; last told: {told.said['status']}"


def test_a_job_may_have_less_time_than_its_client(serve: Serve, waits: list[float]) -> None:
    hasty = msgspec.structs.replace(WAY, job=msgspec.structs.replace(JOB, deadline_s=600.0, every_s=400.0))
    assert ask(serve(ACCEPTED, RUNNING), 3600.0, hasty).outcome == "timed_out"
    assert sum(waits) == pytest.approx(600, abs=60)


@pytest.mark.parametrize("status", [404, 410])
def test_a_job_that_the_service_accepted_and_does_not_know_any_more_is_lost_at_once(serve: Serve, status: int) -> None:
    answer = ask(serve(ACCEPTED, QUEUED, Reply(status, {"error": "no such job"})))
    assert (answer.outcome, answer.status, answer.job, answer.polls) == ("error", status, "waiting", 2)
    assert answer.detail.startswith(
        f"lost: the service accepted the job and knows nothing of it any more: http {status}"
    )


@pytest.mark.parametrize("trouble", [Reply(503, {}), Reply(429, {}), HANGS_UP])
def test_a_poll_that_fails_says_nothing_of_its_job(serve: Serve, trouble: Reply) -> None:
    answer = ask(serve(ACCEPTED, trouble, trouble, DONE))
    assert (answer.outcome, answer.job, answer.polls) == ("complete", "done", 3)


def test_polls_that_will_always_be_refused_end_the_request(serve: Serve) -> None:
    answer = ask(serve(ACCEPTED, Reply(401, {"error": "who are you?"})))
    assert (answer.outcome, answer.status, answer.job, answer.polls) == ("error", 401, "waiting", 1)


@pytest.mark.parametrize(
    ("reply", "outcome", "detail"),
    [
        (Reply(503, {"error": "full"}), "error", 'http 503: {"error": "full"}'),
        (Reply(202, {"name": "a"}), "malformed", "no id of a job at /id of the answer to its submission"),
        (HANGS_UP, "reset", "closed: before the answer's head"),
    ],
)
def test_what_is_not_accepted_is_refused_and_not_lost(serve: Serve, reply: Reply, outcome: str, detail: str) -> None:
    service = serve(reply, DONE)
    answer = ask(service)
    assert (answer.outcome, answer.detail, answer.job, answer.accepted_s, answer.polls) == (
        outcome,
        detail,
        "",
        None,
        0,
    )
    assert len(service.heard) == 1


def test_a_state_that_the_file_does_not_name_is_told_with_those_that_it_does(serve: Serve) -> None:
    answer = ask(serve(ACCEPTED, Reply(said={"status": "succeeded"})))
    assert answer.outcome == "malformed"
    assert answer.detail == "a job's state 'succeeded' at /status is none of queued, running, done, failed (ask.job)"


def test_a_result_without_a_text_is_no_answer(serve: Serve) -> None:
    assert ask(serve(ACCEPTED, Reply(said={"status": "done", "answer": " "}))).outcome == "empty"
    assert ask(serve(ACCEPTED, Reply(said={"status": "done"}))).outcome == "malformed"


def test_a_result_that_calls_a_tool_is_an_answer(serve: Serve) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look_up", "arguments": '{"order": 7}'}}
    answer = ask(serve(ACCEPTED, Reply(said={"status": "done", "choices": [{"message": {"tool_calls": [call]}}]})))
    assert (answer.outcome, answer.first_token_s) == ("complete", answer.ended_s)
    assert answer.text.startswith("look_up")


SENT = ResolvedJob(
    state="/status", running=("running",), done=("done",), failed=("failed",), webhook=True, settle_s=3600.0
)
HOOKED = ResolvedAsk(
    "json", "/jobs", body={"question": "{question}", "callback": "{webhook}"}, answer_pointer="/answer", job=SENT
)


def wait_for(service: Service, deadline_s: float = 3600.0, way: ResolvedAsk = HOOKED) -> Answer:
    answer, hooks, connections = Answer(), Webhooks(), Connections(service.url)
    asked, limits = Asked("How long?", "c-1", None, MARK), Limits(deadline_s=deadline_s, stall_s=deadline_s)
    try:
        with hooks.expecting(MARK) as coming:
            put(answer, connections, way, protocol("json"), asked, service.url, time.monotonic(), limits, hooks)
            if way.job is not None and answer.deliveries:
                settle(answer, way.job, coming)
    finally:
        hooks.close()
        connections.close()
    return answer


def test_a_result_that_is_sent_is_the_answer_and_nothing_is_polled(serve: Serve, hears_all: HearsAll) -> None:
    service = serve(Reply(202, {}))
    hears_all(service)
    service.sends = [RUNNING.said, DONE.said]
    answer = wait_for(service)
    assert (answer.outcome, answer.text, answer.job, answer.deliveries) == ("complete", "within 30 days", "done", 1)
    assert answer.accepted_s is not None
    assert answer.running_s <= answer.ended_s
    assert ([method for method, *_ in service.heard], answer.polls, service.answered) == (["POST"], 0, [204, 204])


def test_a_result_that_is_sent_again_is_counted_and_changes_nothing(serve: Serve, hears_all: HearsAll) -> None:
    service = serve(Reply(202, {}))
    hears_all(service)
    service.sends = [DONE.said, {"status": "done", "answer": "within 14 days"}, RUNNING.said]
    answer = wait_for(service)
    assert (answer.outcome, answer.text, answer.deliveries) == ("complete", "within 30 days", 2)


def test_a_result_that_is_never_sent_is_lost_and_a_failure_that_is_sent_is_not(
    serve: Serve, hears_all: HearsAll
) -> None:
    service = serve(Reply(202, {}))
    hears_all(service)
    lost = wait_for(service)
    assert (lost.outcome, lost.job, lost.deliveries) == ("timed_out", "waiting", 0)
    service.sends = [{"status": "failed"}]
    service.told.clear()
    failed = wait_for(service)
    assert (failed.outcome, failed.job, failed.deliveries) == ("error", "failed", 1)


def test_without_a_state_what_is_sent_is_the_result(serve: Serve, hears_all: HearsAll) -> None:
    service = serve(Reply(202, {}))
    hears_all(service)
    service.sends = [{"answer": "within 30 days"}]
    answer = wait_for(service, way=msgspec.structs.replace(HOOKED, job=ResolvedJob(webhook=True)))
    assert (answer.outcome, answer.text, answer.job) == ("complete", "within 30 days", "done")


def test_what_was_refused_waits_for_nothing(serve: Serve) -> None:
    answer = wait_for(serve(Reply(503, {"error": "full"})), deadline_s=3600)
    assert (answer.outcome, answer.status, answer.job) == ("error", 503, "")


def test_nobody_can_send_a_result_who_was_not_told_where(serve: Serve, hears_all: HearsAll) -> None:
    urls: list[str] = []
    for _ in range(2):
        hooks = Webhooks()
        with hooks.expecting(MARK) as coming:
            urls.append(coming.url)
        hooks.close()
    secret, other = (url.split("/")[3] for url in urls)
    assert secret != other
    assert len(secret) >= 22  # 128 bits
    service = serve(Reply(202, {}))
    hears_all(service)
    service.sends = [DONE.said]
    wrong = json.loads(json.dumps(HOOKED.body).replace("{webhook}", "{webhook}x"))
    answer = wait_for(service, way=msgspec.structs.replace(HOOKED, body=wrong))
    assert (answer.outcome, service.answered) == ("timed_out", [404])


def hooked(service: Service, folder: Path, patience_s: float = 10.0) -> LoadPlan:
    """A load of one request whose clients ask once more and wait for a result that is sent."""
    return LoadPlan(
        run_id="run-7",
        schedule=Schedule("constant", (Linear(2.0, 1.0, 1.0),), jitter=0.0, turn_gap_s=1.0, seed=1),
        entries={"entry": service.url},
        questions=(PlannedQuestion("q", "How long?"),),
        ask=msgspec.structs.replace(HOOKED, job=SENT),
        in_flight_max=10,
        rows_dir=str(folder),
        ready_path="",
        start_path="",
        limits=Limits(deadline_s=20.0, stall_s=20.0),
        drain_s=20.0,
        late_s_max=5.0,
        requests_max=1,
        pressing=Pressing(1, patience_s, ("error", "timed_out"), 0.3, 1.0, None, 0.0, 1),
    )


def sent_by(load: LoadPlan, folder: Path) -> list[Request]:
    sender = Sender(load, ALL, lambda **_: None)
    sender.send_all(time.monotonic() - 0.5)
    for connections in sender._connections.values():
        connections.close()
    return sorted(read_rows(folder / "requests-0.rows", Request), key=lambda row: row.index)


def pressed(service: Service, folder: Path, patience_s: float, more: int = 1) -> Request:
    """The row of one request, which is pressed as often as *more* again."""
    load = hooked(service, folder, patience_s)
    assert load.pressing is not None
    pressing = msgspec.structs.replace(load.pressing, again_max=more)
    (row,) = sent_by(msgspec.structs.replace(load, pressing=pressing), folder)
    return row


def test_a_result_that_is_sent_to_the_address_of_an_earlier_press_is_that_of_the_request(
    serve: Serve, hears_all: HearsAll, tmp_path: Path
) -> None:
    service = serve(Reply(502, {}), Reply(202, {}))
    hears_all(service)
    service.sends = [DONE.said]
    row = pressed(service, tmp_path, 10.0)
    assert (row.presses, row.outcome, row.answer, row.deliveries) == (2, "complete", "within 30 days", 2)
    assert service.answered == [204, 204]
    assert row.last_sent_s <= row.end_s


def test_a_job_that_one_press_lost_is_told_of_where_the_next_one_is_refused(
    serve: Serve, hears_all: HearsAll, tmp_path: Path
) -> None:
    service = serve(Reply(202, {}), Reply(503, {}))
    hears_all(service)
    row = pressed(service, tmp_path, 10.0)
    assert (row.presses, row.outcome, row.status, row.job) == (2, "error", 503, "waiting")
    assert row.accepted_s < row.last_sent_s


def test_a_job_that_one_press_heard_has_failed_is_not_lost_where_the_next_one_is_refused(
    serve: Serve, hears_all: HearsAll, tmp_path: Path
) -> None:
    service = serve(Reply(202, {}), Reply(503, {}))
    hears_all(service)
    service.sends = [{"status": "failed"}]
    row = pressed(service, tmp_path, 10.0)
    assert (row.presses, row.outcome, row.status, row.job, row.accepted_s) == (2, "error", 503, "", None)


@pytest.mark.parametrize(
    ("sent", "outcome", "status", "far"),
    [(DONE.said, "complete", 200, "done"), ({"status": "failed"}, "error", 0, "failed")],
)
def test_what_comes_while_nobody_waits_is_heard_where_the_next_press_is_refused(
    serve: Serve, hears_all: HearsAll, tmp_path: Path, sent: Any, outcome: str, status: int, far: str
) -> None:
    service = serve(Reply(202, {}), Reply(503, {}, sends_first=(sent,)))
    hears_all(service)
    row = pressed(service, tmp_path, 10.0)
    assert (row.presses, row.outcome, row.status, row.job, row.deliveries) == (2, outcome, status, far, 1)
    assert row.accepted_s < row.last_sent_s


def test_a_failure_that_was_heard_while_nobody_waited_is_no_loss_where_a_third_press_is_refused(
    serve: Serve, hears_all: HearsAll, tmp_path: Path
) -> None:
    service = serve(Reply(202, {}), Reply(503, {}, sends_first=({"status": "failed"},)), Reply(503, {}))
    hears_all(service)
    row = pressed(service, tmp_path, 10.0, more=2)
    assert (row.presses, row.outcome, row.status, row.job, row.accepted_s) == (3, "error", 503, "", None)


def test_while_a_result_may_be_sent_again_the_conversation_goes_on_and_its_place_is_free(
    serve: Serve, hears_all: HearsAll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = serve(Reply(202, {}))
    service.sends = [DONE.said]
    hears_all(service)

    def until_both_were_asked(*_: object) -> None:
        while len(service.heard) < 2:
            gevent.sleep(0.01)

    monkeypatch.setattr("harness.running.load.sending.settle", until_both_were_asked)
    load = msgspec.structs.replace(hooked(service, tmp_path), requests_max=2, in_flight_max=1, pressing=None)
    rows = sent_by(load, tmp_path)
    assert [(row.turn, row.sent_s is not None, row.overlapped) for row in rows] == [(0, True, False), (1, True, False)]
    assert rows[0].outcome == "complete"
