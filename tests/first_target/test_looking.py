"""A look at a service that runs finds how it is asked, whatever its shape, or says what is missing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.first_target import service
from harness.first_target.draft import Draft
from harness.first_target.looking import Known, Seen, look
from harness.first_target.service import TRIES_MAX
from harness.first_target.text import document
from harness.problems import UsageProblems
from harness.protocols.asking import resolved
from harness.reading.target import Ask
from harness.record.masking import Mask
from harness.running.free_port import free_port
from harness.running.load import handshake
from harness.running.load.plan import Limits, PlannedQuestion
from harness.running.load.question import Answered, QuestionPlan, command

Served = Callable[..., tuple[str, list[str]]]


def _question(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def _completion(text: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{"message": {"role": "assistant", "content": text}}],
    }


def _stream(text: str) -> str:
    pieces = [{"choices": [{"delta": {"content": word + " "}}]} for word in text.split()]
    return "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces) + "data: [DONE]\n\n"


def chat(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
    """OpenAI's chat completions, streamed when asked to."""
    if path != "/v1/chat/completions":
        return 404, {}
    if body["model"] not in ("our-model", "default"):
        return 404, {"error": {"message": "no such model"}}
    said = f"You asked {_question(body)}"
    return 200, _stream(said) if body["stream"] else _completion(said)


def chat_whole(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
    """The same, never streamed, under another path."""
    return (200, _completion(f"You asked {_question(body)}")) if path == "/api/v1/chat/completions" else (404, {})


def chat_refusing_streams(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
    if path != "/v1/chat/completions" or body["stream"]:
        return (404, {}) if path != "/v1/chat/completions" else (400, {"error": "streams are not supported"})
    return 200, _completion(f"You asked {_question(body)}")


def nested(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
    """Fails as a small service fails that reads a field which is not there."""
    if path != "/query":
        return 404, {}
    if "q" not in body:
        return 500, "KeyError: 'q'"
    said = {
        "id": "a1",
        "query": body["q"],
        "data": {"text": f"On {body['q']}"},
        "sources": ["a long text, " * 9],
        "version": 7,
    }
    return 200, said


def tolerant(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
    """Takes any body, and answers to nothing as if it were a question."""
    return (200, {"reply": f"I heard {body.get('message', 'nothing')}"}) if path == "/chat" else (404, {})


def fastapi(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
    missing = [name for name in ("user_text", "tenant") if name not in body]
    if path != "/v2/assist":
        return 404, {"detail": "Not Found"}
    if missing:
        return 422, {
            "detail": [{"type": "missing", "loc": ["body", name], "msg": "Field required"} for name in missing]
        }
    return 200, {"session_id": "s1", "output": {"message": f"Well, {body['user_text']}"}}


DESCRIBED = {
    "openapi": "3.1.0",
    "paths": {
        "/admin/publish": {"post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}},
        "/v2/assist": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}}
            }
        },
    },
    "components": {
        "schemas": {
            "Body": {
                "properties": {
                    "user_text": {"type": "string"},
                    "tenant": {"type": "string", "examples": ["acme"]},
                    "session_id": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "limit": {"type": "integer", "default": 5},
                },
                "required": ["user_text"],
            }
        }
    },
}


def asked_for_real(seen: Seen, folder: Path) -> Answered:
    """How the service answers what asks it before a run, put as the file says that was made of what was *seen*."""
    target = document(Draft("mine", seen.asking, url=seen.url), "mine.yaml").value
    plan = QuestionPlan(
        run_id="run",
        entries={"entry-1": target.entries[0].url},
        question=PlannedQuestion("q", "Is it so?"),
        ask=resolved(target.ask, target.ask.headers),
        limits=Limits(deadline_s=20.0),
        start_path=str(folder / "start.json"),
        answers_path=str(folder / "answers.json"),
    )
    (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
    handshake.start_at(folder / "start.json", 0.0)
    subprocess.run(command(folder / "plan.json"), check=True)
    (answered,) = msgspec.json.decode((folder / "answers.json").read_bytes(), type=list[Answered])
    return answered


@pytest.mark.parametrize(
    ("post", "gets", "streamed"),
    [
        (chat, {"/v1/models": {"data": [{"id": "our-model"}]}}, True),
        (chat_whole, {}, False),
        (nested, {}, False),
        (fastapi, {"/openapi.json": DESCRIBED}, False),
    ],
)
def test_what_was_found_is_answered_when_a_run_asks_it(
    served: Served, post: Any, gets: dict[str, Any], streamed: bool, tmp_path: Path
) -> None:
    url, _ = served(post, gets)
    seen = look(url, {}, 20.0)
    assert (len(seen.found), seen.missing) == (1, ())
    answered = asked_for_real(seen, tmp_path)
    assert (answered.outcome, answered.streamed) == ("complete", streamed)
    assert "Is it so?" in answered.text


def test_a_chat_is_found_with_its_model_and_whether_it_streams(served: Served) -> None:
    url, _ = served(chat, {"/v1/models": {"data": [{"id": "our-model"}]}, "/health": {}})
    seen = look(url, {}, 20.0)
    assert seen.asking is not None
    assert (seen.asking.protocol, seen.asking.path, seen.asking.model) == (
        "openai-chat",
        "/v1/chat/completions",
        "our-model",
    )
    assert (seen.asking.stream, seen.ready) == (True, "/health")
    for post in (chat_whole, chat_refusing_streams):
        other = look(served(post)[0], {}, 20.0).asking
        assert other is not None
        assert (other.protocol, other.stream, other.model) == ("openai-chat", False, "default")


def test_the_address_may_end_in_the_path_that_is_asked_or_in_the_base_of_an_sdk(served: Served) -> None:
    url, asked = served(chat)
    paths = [look(url + given, {}, 20.0).asking for given in ("/v1", "/v1/chat/completions", "/v1/chat/completions/")]
    assert [asking and asking.path for asking in paths] == ["/v1/chat/completions"] * 3
    assert set(asked) == {"/v1/chat/completions"}


def test_of_json_the_field_and_the_places_in_the_reply_are_found(served: Served) -> None:
    seen = look(served(nested)[0], {}, 20.0)
    assert seen.asking is not None
    assert (seen.asking.path, seen.asking.body) == ("/query", {"q": "{question}"})
    assert (seen.asking.reply.answer, seen.asking.reply.snapshot_version) == ("/data/text", "/version")


def test_a_field_that_the_service_does_not_read_is_passed_over(served: Served) -> None:
    seen = look(served(tolerant)[0], {}, 20.0)
    assert seen.asking is not None
    assert (seen.asking.body, seen.missing) == ({"message": "{question}"}, ())


def test_where_two_questions_get_one_answer_however_they_are_put_that_is_said(served: Served) -> None:
    url, asked = served(lambda path, body, _: (200, {"answer": "Hello!"}) if path == "/ask" else (404, {}))
    seen = look(url, {}, 20.0)
    assert seen.asking is not None
    assert seen.asking.body == {"question": "{question}"}
    assert seen.missing == ("POST /ask gave two questions one answer: see that the question really goes in 'question'",)
    assert len(asked) <= TRIES_MAX


def test_what_a_service_says_of_itself_is_believed_and_tried(served: Served) -> None:
    url, asked = served(fastapi, {"/openapi.json": DESCRIBED})
    seen = look(url, {}, 20.0)
    assert seen.asking is not None
    assert (seen.asking.path, seen.asking.reply.answer) == ("/v2/assist", "/output/message")
    assert seen.asking.body == {"user_text": "{question}", "tenant": "", "session_id": "{conversation}"}
    assert seen.asking.reply.conversation == "/session_id"
    assert "/admin/publish" not in asked


def test_a_service_that_names_what_it_misses_is_given_that(served: Served) -> None:
    def post(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
        if "utterance" not in body:
            return 422, {"detail": [{"type": "missing", "loc": ["body", "utterance"], "msg": "Field required"}]}
        return 200, {"answer": f"So {body['utterance']}"}

    seen = look(served(post)[0] + "/talk", {}, 20.0)
    assert seen.asking is not None
    assert (seen.asking.path, seen.asking.body) == ("/talk", {"utterance": "{question}"})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {"error": "no key"}), "answered 401: {\"error\": \"no key\"}; say what it wants, such as --header"),
        ((502, {"error": "no provider"}), "answered 502: {\"error\": \"no provider\"}; see its log"),
        ((400, {"error": "no"}), "answered 400: {\"error\": \"no\"}; say how it is asked"),
        ((200, "hello"), "answered 200: "),
        ((307, "moved"), "answered 307"),
    ],
)  # fmt: skip
def test_a_service_that_does_not_answer_well_is_quoted(served: Served, answer: tuple[int, Any], said: str) -> None:
    url, asked = served(lambda *_: answer)
    seen = look(url, {}, 20.0)
    (missing,) = seen.missing
    assert said in missing
    assert (seen.found, len(asked) <= TRIES_MAX) == ((), True)


def test_a_service_that_wants_a_key_is_asked_no_further_and_answers_who_has_it(served: Served) -> None:
    def post(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
        return chat(path, body, headers) if headers.get("authorization") == "Bearer k" else (401, {})

    url, asked = served(post)
    assert look(url, {}, 20.0).missing[0].startswith("POST /v1/chat/completions answered 401")
    assert len(asked) <= 2
    assert look(url, {"Authorization": "Bearer k"}, 20.0).missing == ()


def test_a_secret_that_a_service_echoes_is_in_nothing_that_was_seen(served: Served) -> None:
    def post(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
        return (404, {}) if path != "/v1/chat/completions" else (500, "x" * 140 + " X-KEY: sk-0123456789, STAGE: prod")

    seen = look(served(post)[0], {"X-Key": "sk-0123456789"}, 20.0, mask=Mask({"MY_KEY": "sk-0123456789"}))
    # Masked before it is cut: half of a key is one too many.
    assert "X-KEY: ${MY_KEY" in seen.missing[0]
    assert "sk-01" not in str(seen)


def test_an_answer_that_goes_on_and_on_is_waited_for_as_long_as_one_may_take(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "monotonic", iter((0.0, 20.1)).__next__)
    with closing(service.Service(served(chat)[0], {}, 20.0)) as one:
        answer = one.ask(Ask(protocol="openai-chat", path="/v1/chat/completions", model="our-model"), "What?")
    assert (answer.well, answer.told) == (False, "its answer had not ended in time")


def test_a_stream_is_one_whatever_its_type_says(served: Served) -> None:
    def post(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
        status, said = chat(path, body, headers)
        return status, f": hello\n\n{said}" if isinstance(said, str) else said

    asking = look(served(post)[0], {}, 20.0, Known(model="our-model")).asking
    assert asking is not None
    assert asking.stream


def test_where_no_path_takes_a_question_that_is_said(served: Served) -> None:
    seen = look(served(lambda *_: (404, {}))[0], {}, 20.0)
    assert seen.asking is None
    assert seen.missing == ("nothing there takes a question at the paths that were tried; say where with --path",)


def test_what_was_said_is_not_looked_for(served: Served) -> None:
    url, asked = served(tolerant)
    known = Known(protocol="json", field="message")
    seen = look(url + "/chat", {}, 20.0, known)
    assert seen.asking is not None
    assert (seen.asking.body, set(asked), len(asked)) == ({"message": "{question}"}, {"/chat"}, 3)
    model = look(served(chat)[0], {}, 20.0, Known(model="our-model", stream=False)).asking
    assert model is not None
    assert (model.model, model.stream) == ("our-model", False)


def test_where_nothing_runs_that_is_told_before_anything_is_asked() -> None:
    with pytest.raises(UsageProblems, match=r"nothing there speaks HTTP \(.*refused\); start the service first"):
        look(f"http://127.0.0.1:{free_port()}", {}, 20.0)
