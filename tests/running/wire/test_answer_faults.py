"""What a fault does to what an answer says, whole and streamed, as three APIs word it, and as the official client reads it."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_shapes.streams import STREAMS
from wire_shapes.whole_answers import CALLS, TEXT, WHOLE, chat, streamed_call

from harness.dialects import dialects
from harness.faults.effects import AnswerFlaw, EdgeRule, SpoilAnswer
from harness.faults.requests import Attempted, Lots
from harness.protocols.event_stream import EventStream
from harness.running.wire.edge.rules.base import Asked, Following
from harness.running.wire.edge.rules.spoil_answer import ANOTHER_LANGUAGE, REFUSAL, AnswerSpoilt

JSON = [(b"Content-Type", b"application/json")]
EVENTS = [(b"Content-Type", b"text/event-stream")]
APIS = ["chat", "responses", "messages"]


def spoilt(flaw: AnswerFlaw, **told: Any) -> AnswerSpoilt:
    return AnswerSpoilt(SpoilAnswer(flaw, **told), Lots(1, "east", "f"), 0.0)


def put_on(rule: AnswerSpoilt, *, whose: int | None = 1) -> Following:
    attempt = Attempted("a lot", conversation=whose)
    return rule.follow(Asked(attempt, [], b"", "req_1", 0.0, dialects["openai"]))


def told(following: Following, headers: Any, body: bytes, size: int = 10**6) -> bytes:
    following.head(200, headers)
    pieces = [following.piece(body[at : at + size], whole=False) for at in range(0, len(body), size)]
    return b"".join(
        deed for deeds in [*pieces, following.piece(b"", whole=True)] for deed in deeds if isinstance(deed, bytes)
    )


def whole(rule: AnswerSpoilt, document: dict[str, Any], size: int = 10**6) -> tuple[dict[str, Any], bool]:
    following = put_on(rule)
    return json.loads(told(following, JSON, json.dumps(document).encode(), size)), following.touched


def streamed(rule: AnswerSpoilt, events: list[bytes], size: int = 10**6) -> tuple[list[dict[str, Any]], bool]:
    following = put_on(rule)
    said = told(following, EVENTS, b"".join(events), size)
    return [json.loads(event.data) for event in EventStream().feed(said) if event.data != b"[DONE]"], following.touched


def text(documents: list[dict[str, Any]] | dict[str, Any]) -> str:
    """What the model says in it."""
    if isinstance(documents, list):
        return "".join(map(_delta, documents))
    if "choices" in documents:
        return str(documents["choices"][0]["message"]["content"])
    if "output" in documents:
        return str(documents["output"][0]["content"][0]["text"])
    return str(documents["content"][0]["text"])


def _delta(document: dict[str, Any]) -> str:
    for choice in document.get("choices", []):
        return choice["delta"].get("content") or ""
    if document.get("type") == "response.output_text.delta":
        return str(document["delta"])
    return str(document.get("delta", {}).get("text", "")) if document.get("type") == "content_block_delta" else ""


def finish(documents: list[dict[str, Any]] | dict[str, Any]) -> str:
    """The reason that it gives for its end."""
    for document in documents if isinstance(documents, list) else [documents]:
        for choice in document.get("choices", []):
            if choice["finish_reason"]:
                return str(choice["finish_reason"])
        response = document if document.get("object") == "response" else document.get("response", {})
        if response.get("status") not in (None, "in_progress"):
            return str((response.get("incomplete_details") or {}).get("reason", response["status"]))
        for holder in (document, document.get("delta", {})):
            if isinstance(holder, dict) and holder.get("stop_reason"):
                return str(holder["stop_reason"])
    return ""


SAID = [
    ("empty", {}, "", ("stop", "completed", "end_turn")),
    ("length", {"characters": 8}, "On day 3", ("length", "max_output_tokens", "max_tokens")),
    ("language", {}, ANOTHER_LANGUAGE, ("stop", "completed", "end_turn")),
    ("language", {"says": "Tag 30"}, "Tag 30", ("stop", "completed", "end_turn")),
    ("refusal", {}, REFUSAL, ("stop", "completed", "refusal")),
]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("flaw", "settings", "said", "ends"), SAID)
@pytest.mark.parametrize("size", [1, 10**6])
def test_an_answer_says_something_else_in_form_of_its_api(api, flaw, settings, said, ends, size) -> None:
    rule = spoilt(flaw, **settings)
    for made, touched in (whole(rule, WHOLE[api], size), streamed(rule, STREAMS[api], size)):
        assert touched
        assert text(made) == said
        assert finish(made) == ends[APIS.index(api)]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_every_number_of_an_answer_is_another_one_and_all_else_is_as_it_was(api, size) -> None:
    rule = spoilt("wrong_fact")
    for made, touched in (whole(rule, WHOLE[api], size), streamed(rule, STREAMS[api], size)):
        assert touched
        other = text(made)
        assert other != TEXT
        assert other.replace(other[7:9], "30") == TEXT
        assert other[7:9].isdigit()
        assert other[7] != "0"
    assert b"day 30" not in told(put_on(rule), EVENTS, b"".join(STREAMS["responses"]))


def test_which_number_it_is_hangs_on_the_seed_alone() -> None:
    first, again = (
        [text(whole(rule, WHOLE["chat"])[0]) for _ in range(5)] for rule in (spoilt("wrong_fact"), spoilt("wrong_fact"))
    )
    assert first == again
    assert len(set(first)) > 1


@pytest.mark.parametrize("api", APIS)
def test_an_answer_of_another_conversation_is_given_and_never_ones_own(api) -> None:
    rule = spoilt("other_conversation")
    own = json.dumps(WHOLE[api]).encode()
    theirs = b"".join(STREAMS[api]).replace(b"well", b"lost")
    first = put_on(rule, whose=1)
    assert told(first, JSON, own) == own
    again = put_on(rule, whose=1)
    assert told(again, JSON, own) == own
    assert (first.touched, again.touched) == (False, False)
    other = put_on(rule, whose=2)
    said = [
        json.loads(event.data) for event in EventStream().feed(told(other, EVENTS, theirs)) if event.data != b"[DONE]"
    ]
    assert (text(said), other.touched) == (TEXT, True)
    back = put_on(rule, whose=1)
    assert (text(json.loads(told(back, JSON, own))), back.touched) == ("On day 30 all is lost", True)


@pytest.mark.parametrize(("said", "made"), [
    ('{"day": 30, "well": true}', {"well": True, "unexpected": True}), ("[1, 2]", {"items": [1, 2]}), ("{}", {"unexpected": True}),
])  # fmt: skip
def test_json_in_an_answer_is_of_another_form_and_still_json(said, made) -> None:
    document, touched = whole(spoilt("off_schema"), chat(said))
    assert (json.loads(text(document)), touched) == (made, True)
    for api in APIS:
        events = [event.replace(b'"On"', json.dumps(said[:3]).encode()) for event in STREAMS[api]]
        for number, word in enumerate((" day", " 30", " all", " is", " well")):
            piece = said[3:] if number == 1 else ""
            events = [event.replace(b'"%b"' % word.encode(), json.dumps(piece).encode()) for event in events]
        documents, _ = streamed(spoilt("off_schema"), events, 7)
        assert json.loads(text(documents)) == made


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("flaw", "has"), [("model", '"model":"gpt-3"'), ("fingerprint", '"system_fingerprint":"gpt-3"')]
)
def test_another_model_or_configuration_is_named(api, flaw, has) -> None:
    rule = spoilt(flaw, says="gpt-3")
    for headers, body in ((JSON, json.dumps(WHOLE[api]).encode()), (EVENTS, b"".join(STREAMS[api]))):
        following = put_on(rule)
        said = told(following, headers, body)
        there = flaw == "model" or api == "chat"
        assert (has.encode() in said, following.touched) == (there, there)
        assert there or said == body
        assert (b'"model": "m"' in said) == (not there)


@pytest.mark.parametrize("api", APIS)
def test_tokens_are_counted_so_many_times_and_rounded_up(api) -> None:
    made, _ = whole(spoilt("usage"), WHOLE[api])
    counts = made["usage"]
    assert sorted(count for count in counts.values() if isinstance(count, int))[:2] == [8, 10]
    assert counts.get("prompt_tokens_details", {"cached_tokens": 3}) == {"cached_tokens": 3}
    documents, touched = streamed(spoilt("usage", times=2.0), STREAMS[api])
    assert touched
    assert any(":12" in json.dumps(document, separators=(",", ":")) for document in documents)


def test_calls_of_tools_have_other_names_arguments_that_are_text_or_are_made_twice() -> None:
    name, arguments, twice = ({api: whole(spoilt(flaw), CALLS[api])[0] for api in APIS} for flaw in (
        "tool_names", "tool_arguments", "tool_parallel"))  # fmt: skip
    assert name["chat"]["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "find_v2"
    assert name["responses"]["output"][0]["name"] == name["messages"]["content"][0]["name"] == "find_v2"
    for said in (
        arguments["chat"]["choices"][0]["message"]["tool_calls"][0]["function"],
        arguments["responses"]["output"][0],
    ):
        assert json.loads(json.loads(said["arguments"])) == {"day": 30}
    assert json.loads(arguments["messages"]["content"][0]["input"]) == {"day": 30}
    calls = [
        twice["chat"]["choices"][0]["message"]["tool_calls"],
        twice["responses"]["output"],
        twice["messages"]["content"],
    ]
    assert [[call.get("call_id", call["id"]) for call in each] for each in calls] == [["t", "t_2"]] * 3


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_calls_of_tools_are_so_in_a_stream_too(size) -> None:
    def calls(flaw: AnswerFlaw) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for document in streamed(spoilt(flaw), streamed_call(), size)[0]:
            for call in document["choices"][0]["delta"].get("tool_calls", []):
                one = found.setdefault(call["index"], ["", "", ""])
                parts = (call.get("id", ""), call["function"].get("name", ""), call["function"].get("arguments", ""))
                found[call["index"]] = [old + new for old, new in zip(one, parts, strict=True)]
        return found

    assert calls("tool_names") == {0: ["t", "find_v2", '{"day":30}']}
    assert calls("tool_arguments") == {0: ["t", "find", '"{\\"day\\":30}"']}
    assert calls("tool_parallel") == {0: ["t", "find", '{"day":30}'], 1: ["t_2", "find", '{"day":30}']}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"null", b'{"data":[{"embedding":[0.5]}],"usage":null}', b'{"choices":[]}']
)
@pytest.mark.parametrize("flaw", ["empty", "wrong_fact", "off_schema", "usage", "tool_parallel", "length"])
def test_what_has_nothing_to_spoil_passes_byte_by_byte_and_is_not_touched(flaw, body) -> None:
    following = put_on(spoilt(flaw))
    assert (told(following, JSON, body, 3), following.touched) == (body, False)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("flaw", ["empty", "language", "refusal", "off_schema", "length", "wrong_fact"])
def test_a_stream_has_as_many_events_as_it_had_so_that_nobody_takes_it_for_stalled(flaw, api) -> None:
    had = [event.data for event in EventStream().feed(b"".join(STREAMS[api])) if event.data != b"[DONE]"]
    documents, touched = streamed(spoilt(flaw), STREAMS[api])
    assert touched is (flaw != "off_schema")
    assert len(documents) >= len(had)


@pytest.mark.parametrize("size", [1, 10**6])
@pytest.mark.parametrize("kind", [b"", b"text/plain; charset=utf-8", b"text/json", b"application/vnd.api+json"])
@pytest.mark.parametrize("before", [b"", b"\n ", b"\xef\xbb\xbf"])
def test_an_answer_is_one_whatever_its_head_calls_it(before, kind, size) -> None:
    following = put_on(spoilt("empty"))
    made = told(following, [(b"Content-Type", kind)], before + json.dumps(chat()).encode(), size)
    assert (text(json.loads(made)), following.touched) == ("", True)
    following = put_on(spoilt("empty"))
    events = told(following, [(b"Content-Type", kind)], before.strip(b" ") + b"".join(STREAMS["chat"]), size)
    assert following.touched
    assert b"well" not in events


_VALUES = ["", "text", "tool_use", "message", "response.completed", "{", "12"]
_KEYS = [
    "type",
    "object",
    "choices",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "arguments",
    "name",
    "index",
    "input",
]
_KEYS += ["output", "response", "item", "usage", "text", "finish_reason", "status"]
_FLAWS = [
    "empty",
    "length",
    "wrong_fact",
    "off_schema",
    "model",
    "usage",
    "tool_names",
    "tool_arguments",
    "tool_parallel",
]
_DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(_VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(_DOCUMENTS, st.sampled_from(_FLAWS))
def test_whatever_an_answer_is_a_fault_can_be_put_on_it(document: Any, flaw: Any) -> None:
    body = json.dumps(document).encode()
    told(put_on(spoilt(flaw)), JSON, body)
    told(put_on(spoilt(flaw)), EVENTS, b"data: " + body + b"\n\ndata: " + body + b"\n\ndata: [DONE]\n\n", 7)


# Through the wire.


def test_a_whole_answer_is_framed_anew_and_its_row_names_the_fault(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        line.write(kit.answer(json.dumps(chat()).encode()))

    provider.script = script
    wire.stage.inject("f", EdgeRule("east", SpoilAnswer("wrong_fact")))
    client = clients(wire.tap())
    for times in (1, 2):
        client.say(kit.post())
        client.hear(b"0\r\n\r\n", times=times)
    assert b"content-length" not in client.heard.lower()
    assert b"day 30" not in client.heard
    kit.eventually(lambda: [row.hit_by for row in wire.arrivals()] == ["f", "f"])


def test_a_fault_that_ends_in_the_middle_of_an_answer_sees_that_one_through(wire, provider, clients, kit) -> None:
    going = []
    head, rest = STREAMS["chat"][:4], STREAMS["chat"][4:]

    async def script(request, line) -> None:
        going.append(line)
        line.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + b"".join(head))

    provider.script = script
    rule = SpoilAnswer("language", "Anders.")
    wire.stage.inject("f", EdgeRule("east", rule))
    client = clients(wire.tap())
    client.say(kit.post())
    client.hear(b"Anders.")
    wire.stage.revert("f", EdgeRule("east", rule))
    provider.call(lambda: (going[0].write(b"".join(rest)), going[0].close()))
    client.hear(b"[DONE]")
    assert b"well" not in client.heard


@pytest.mark.parametrize(("rule", "content", "finish"), [
    (SpoilAnswer("empty"), "", "stop"), (SpoilAnswer("length", characters=2), "On", "length"), (SpoilAnswer("refusal"), REFUSAL, "stop"),
], ids=repr)  # fmt: skip
def test_the_official_client_takes_it_for_a_good_answer_and_asks_once(
    wire, provider, kit, rule, content, finish
) -> None:
    async def script(request, line) -> None:
        if b'"stream":true' in request.body:
            line.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
                + b"".join(STREAMS["chat"])
            )
            line.close()
        else:
            line.write(kit.answer(json.dumps(chat()).encode()))

    provider.script = script
    wire.stage.inject("f", EdgeRule("east", rule))
    with openai.OpenAI(base_url=f"http://127.0.0.1:{wire.tap()}/v1", api_key="sk-x", timeout=10) as client:
        said = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "n-00000000aa"}])
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "n-00000000aa"}], stream=True
        )
        choices = [choice for chunk in stream for choice in chunk.choices]
    assert (said.choices[0].message.content, said.choices[0].finish_reason) == (content, finish)
    assert ("".join(choice.delta.content or "" for choice in choices), choices[-1].finish_reason) == (content, finish)
    assert len(provider.accepted) == 2
