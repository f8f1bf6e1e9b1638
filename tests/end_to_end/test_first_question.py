"""Before the load one question goes through the whole path; `harness ask` does that alone. What fails is told at once, with its cause."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.judging.result import Result
from harness.record import run_folder
from harness.record.history import Injecting, Preflight
from harness.record.run_folder import RunFolder

pytestmark = pytest.mark.whole_run
README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
POINTER = {"protocol": "json", "path": "/ask", "body": {"question": "{question}"}, "reply": {"answer": "/answr"}}


def case(conduct: Callable[[Any], Any]) -> Any:
    """The test's own command."""
    return pytest.mark.parametrize("ended", [conduct], indirect=True, ids=[conduct.__name__])


def said(ended: Any) -> str:
    return " ".join((ended.out + ended.err).split())


class Refuses(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(401)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """What it answers is seen by the harness."""


@contextmanager
def refusing_provider() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def never_begun(ended: Any) -> Result:
    """The result of a run that was given up before its load, with nothing injected."""
    assert ended.status == 4, said(ended)
    _, history = run_folder.read_history(RunFolder(ended.folder))
    assert [event for event in history if isinstance(event, Injecting)] == []
    assert [event.outcome for event in history if isinstance(event, Preflight)]
    result = Result.model_validate(ended.result)
    assert (result.verdict, result.quality.sent) == ("invalid", 0)
    assert str(ended.folder / "logs") in result.reason
    return result


def sound(small: Any) -> Any:
    return small.run()


@case(sound)
def test_the_small_service_passes_and_the_question_that_was_asked_before_is_recorded_and_counts_nowhere(
    ended: Any,
) -> None:
    assert ended.came_to("pass"), said(ended)
    quality = ended.result["quality"]
    (asked,) = quality["preflight"]
    assert asked["links"] == [{"link": "openai", "attempts": 1, "joined": 1, "answers": {"200": 1}}]
    assert quality["attempts"] == quality["offered"] == quality["accepted"] == quality["forwarded"]
    assert (quality["earlier"], quality["notes"]) == (1, [])


@case(sound)
def test_every_process_of_the_instrument_tells_how_late_it_ran_and_the_machine_how_busy_it_was(ended: Any) -> None:
    # About once a second: of a run of 2 s not every phase has a sample of each process, nor of the machine.
    late = [process for load in ended.result["quality"]["instrument"] for process in load["late_ms"]]
    assert set(late) == {"harness", "load", "wire"}
    if sys.platform == "linux":
        sampled = [load for load in ended.result["quality"]["instrument"] if load["busy"] is not None]
        assert sampled
        assert all(0 < load["busy"] <= 1 and 0 <= load["starved"] <= 1 for load in sampled)
    assert "Had the run the processors that it needed?" in (ended.folder / "report.html").read_text()


def key_is_wrong(small: Any) -> Any:
    with refusing_provider() as url:
        small.write(
            "target", {**small.target, "links": {"openai": {**small.target["links"]["openai"], "upstream": url}}}
        )
        return small.run()


@case(key_is_wrong)
def test_a_provider_that_refuses_ends_the_run_before_its_load_and_is_named(ended: Any) -> None:
    reason = never_begun(ended).reason
    assert "openai answered 401" in reason
    assert "POST http://127.0.0.1:" in reason


def path_is_wrong(small: Any) -> Any:
    small.write("target", {**small.target, "ask": {**small.target["ask"], "path": "/aks"}})
    return small.ask()


@case(path_is_wrong)
def test_a_wrong_path_is_told_with_what_was_answered_there(ended: Any) -> None:
    assert ended.status == 4, said(ended)
    assert "/aks" in said(ended)
    assert "there is no such path" in said(ended)


def base_url_is_wrong(small: Any) -> Any:
    link = {**small.target["links"]["openai"], "env": {"PROVIDER": "{url}/v2"}}
    small.write("target", {**small.target, "links": {"openai": link}})
    return small.run()


@case(base_url_is_wrong)
def test_a_wrong_base_url_ends_the_run_before_its_load_and_names_the_link_that_answered(ended: Any) -> None:
    assert "openai answered 404" in never_begun(ended).reason


def pointer_is_wrong(small: Any) -> Any:
    small.write("target", {**small.target, "ask": POINTER})
    return small.run()


@case(pointer_is_wrong)
def test_a_wrong_pointer_is_told_with_how_the_reply_began(ended: Any) -> None:
    reason = never_begun(ended).reason
    assert "nothing at /answr in the reply" in reason
    assert '{"answer": "' in reason


def nonce_is_lost(small: Any) -> Any:
    return small.run("--expect", "retry_amplification <= 2 in baseline", TROUBLE="drops the nonce")


@case(nonce_is_lost)
def test_a_lost_nonce_ends_a_run_that_needs_it_before_its_load(ended: Any) -> None:
    assert "ttempts were seen on openai, and none carried the nonce" in never_begun(ended).reason


def nonce_is_not_needed(small: Any) -> Any:
    return small.run(TROUBLE="drops the nonce")


@case(nonce_is_not_needed)
def test_a_lost_nonce_that_nobody_needs_is_noted(ended: Any) -> None:
    assert ended.came_to("pass"), said(ended)
    assert any("no attempt on openai carried the nonce" in note for note in ended.result["quality"]["notes"])


def asked_well(small: Any) -> Any:
    return small.ask("--question", "What is what?"), list(small.out.glob("*/*"))


@case(asked_well)
def test_ask_shows_what_was_asked_what_came_back_and_what_each_link_saw_and_leaves_nothing(ended: Any) -> None:
    ran, left = ended
    assert ran.status == 0, said(ran)
    assert "/ask  'What is what?'" in ran.out
    assert "answered  200 in " in ran.out
    assert "openai answered 200, 1 of 1 with the nonce" in ran.out
    assert "missing" not in ran.out
    assert left == []


def asked_in_vain(small: Any) -> Any:
    small.write("target", {**small.target, "ask": POINTER})
    return small.ask()


@case(asked_in_vain)
def test_ask_ends_with_the_status_of_an_invalid_run_where_nothing_usable_comes_and_keeps_the_logs(ended: Any) -> None:
    assert ended.status == 4, said(ended)
    assert "nothing at /answr in the reply" in ended.out
    assert (ended.folder / "logs" / "target.log").exists()
    assert str(ended.folder / "logs") in ended.out


def asked_without_a_nonce(small: Any) -> Any:
    return small.ask(TROUBLE="drops the nonce")


@case(asked_without_a_nonce)
def test_ask_says_what_a_run_would_miss(ended: Any) -> None:
    assert ended.status == 0, said(ended)
    assert "missing   no attempt on openai carried the nonce" in ended.out


def dies_when_asked(small: Any) -> Any:
    return small.ask(TROUBLE="dies when asked")


@case(dies_when_asked)
def test_a_service_that_does_not_live_through_the_question_is_told_with_the_end_of_its_log(ended: Any) -> None:
    assert ended.status == 70, said(ended)
    assert "process 'target' ended with status 3; its log ends: the reason why it died" in said(ended)


def listens_elsewhere(small: Any) -> Any:
    elsewhere = [*small.target["start"]["command"][:2], "0", "{port}"]
    ready = {"get": "/healthz", "within": "1s"}
    small.write("target", {**small.target, "start": {"command": elsewhere, "ready": ready}})
    return small.ask()


@case(listens_elsewhere)
def test_a_service_that_listens_elsewhere_is_told_where_and_which_setting_says_how_long_it_may_take(ended: Any) -> None:
    assert ended.status == 70, said(ended)
    assert "(start.ready.within, " in ended.err
    assert "target.yaml:1)" in ended.err
    assert "not on its {port}, which is " in ended.err


def test_ask_refuses_a_wrong_file_before_anything_is_touched(only_read: Any) -> None:
    only_read.write("target", {"schema": "harness.target/1"})
    ended = only_read.ask()
    assert ended.status == 2
    assert not only_read.out.exists()


def of_the_readme(small: Any) -> Any:
    for language, file in (("python", "app.py"), ("yaml", "target.yaml")):
        blocks = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
        (text,) = [block for block in blocks if block.startswith(("# app.py\n", "# my-service.yaml\n"))]
        (small.folder / file).write_text(text)
    return small.ask()


@case(of_the_readme)
def test_the_service_in_the_readme_and_its_target_file_answer_as_they_stand_there(ended: Any) -> None:
    assert ended.status == 0, said(ended)
    assert "answered 200" in said(ended)
    assert "link openai answered 200, 1 of 1 with the nonce" in said(ended)


def test_from_python_the_reply_says_the_same(small: Any) -> None:
    reply = harness.ask(small.folder / "target.yaml", out=small.out)
    assert reply.answered
    assert [entry.status for entry in reply.entries] == [200]
    assert (reply.missing, reply.logs) == ((), None)
