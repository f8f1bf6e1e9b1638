"""How questions are worded and answers are read, without a network."""

from __future__ import annotations

import json
import re
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.asking import Asked, HttpRequest, MalformedError, ResolvedAsk, Said
from harness.protocols.grounding import Grounding
from harness.protocols.nonce import traceparent
from harness.protocols.pointer import at
from harness.protocols.protocols import protocol
from harness.protocols.wording import of_head
from harness.registry import UnknownNameError

ASKED = Asked("Where?", "r-c1", 4, "n-0123456789")
CHAT = ResolvedAsk("openai-chat", "/v1/chat/completions", {"Authorization": "Bearer x"}, "m")
TEMPLATE = {"q": "{question}", "of": {"c": ["{conversation}", 1, None, "{nonce}/{nonce}"]}, "seen": "{seen_version}"}
JSON = ResolvedAsk("json", "/ask", body=TEMPLATE, answer_pointer="/answer")


def body_of(ask, asked=ASKED):
    return json.loads(protocol(ask.protocol).request(ask, asked).body)


def test_openai_chat_asks_with_model_message_and_stream():
    assert body_of(CHAT) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Where? [n-0123456789]"}],
        "stream": True,
    }
    assert body_of(msgspec.structs.replace(CHAT, stream=False))["stream"] is False


def test_openai_chat_sends_along_what_the_body_says():
    ask = msgspec.structs.replace(CHAT, body={"max_tokens": 5, "user": "{conversation}", "model": "ours wins"})
    assert body_of(ask) | {"messages": []} == {
        "max_tokens": 5,
        "user": "r-c1",
        "model": "m",
        "stream": True,
        "messages": [],
    }


MESSAGES = ResolvedAsk("anthropic-messages", "/v1/messages", {"x-api-key": "x"}, "m")
FIELD = {"nonce_place": "field"}


def test_anthropic_messages_asks_with_a_limit_which_the_api_demands():
    assert body_of(MESSAGES) == {
        "max_tokens": 1024,
        "model": "m",
        "messages": [{"role": "user", "content": "Where? [n-0123456789]"}],
        "stream": True,
    }
    assert body_of(msgspec.structs.replace(MESSAGES, body={"max_tokens": 5, "model": "ours wins"}))["max_tokens"] == 5
    ask = msgspec.structs.replace(MESSAGES, model=None, method="GET", body={"stream": False})
    assert len(protocol("anthropic-messages").problems(ask)) == 3
    assert protocol("anthropic-messages").problems(MESSAGES) == []


@pytest.mark.parametrize(
    ("name", "event", "said"),
    [
        (b"message_start", {"message": {"model": "m-1", "usage": {}}}, Said(model="m-1")),
        (b"content_block_start", {"content_block": {"type": "text", "text": ""}}, Said()),
        (b"ping", {}, Said()),
        (b"content_block_delta", {"delta": {"type": "text_delta", "text": "Good"}}, Said("Good")),
        (b"content_block_delta", {"delta": {"type": "input_json_delta", "partial_json": "{"}}, Said(called="{")),
        (b"message_delta", {"delta": {"stop_reason": "end_turn"}}, Said(finished=True, finish="stop")),
        (b"message_delta", {"delta": {"stop_reason": "max_tokens"}}, Said(finished=True, finish="length")),
        (b"message_delta", {"delta": {"stop_reason": "pause_turn"}}, Said(finished=True, finish="pause_turn")),
        (b"message_stop", {}, Said(finished=True, done=True)),
    ],
)  # fmt: skip
def test_an_event_of_anthropics_says_text_or_model_or_why_it_ended(name, event, said):
    data = json.dumps({"type": name.decode(), **event}).encode()
    assert protocol("anthropic-messages").reader(MESSAGES).event(name, data) == said


CALL = {"name": "get_weather", "arguments": '{"city":"Bern"}'}
INPUT = {"city": "Bern"}
CALLED = '\nget_weather {"city":"Bern"}'


@pytest.mark.parametrize(
    ("ask", "reply", "called"),
    [
        (CHAT, {"choices": [{"message": {"content": None, "tool_calls": [{"function": CALL}]}}]}, CALLED),
        (CHAT, {"choices": [{"message": {"content": "", "tool_calls": [{"function": CALL}] * 2}}]}, CALLED * 2),
        (CHAT, {"choices": [{"message": {"content": None, "function_call": CALL}}]}, CALLED),
        (CHAT, {"choices": [{"message": {"tool_calls": [{"type": "custom", "custom": {"name": "f", "input": "x"}}]}}]}, "\nf x"),
        (CHAT, {"choices": [{"message": {"content": None, "tool_calls": []}}]}, ""),
        (CHAT, {"choices": [{"message": {"content": None, "tool_calls": [None, 3, {"function": 4}]}}]}, ""),
        (MESSAGES, {"content": [{"type": "tool_use", "id": "t", "name": "get_weather", "input": INPUT}]}, CALLED),
        (MESSAGES, {"content": [{"type": "thinking", "thinking": "Hm."}]}, ""),
        (JSON, {"output": [{"type": "function_call", **CALL}]}, CALLED),
        (JSON, {"candidates": [{"content": {"parts": [{"functionCall": {"name": "get_weather", "args": INPUT}}]}}]}, CALLED),
        (JSON, {"answer": None, "choices": [{"message": {"tool_calls": [{"function": CALL}]}}]}, CALLED),
        (JSON, {"answer": "", "content": [{"type": "tool_use", "name": "get_weather", "input": INPUT}]}, CALLED),
        (JSON, {"answer": "", "content": "text"}, ""),
    ],
)  # fmt: skip
def test_what_an_answer_has_its_client_call_is_known_in_the_words_of_each_api(ask, reply, called):
    said = protocol(ask.protocol).reader(ask).whole(json.dumps(reply).encode())
    assert (said.text, said.called) == ("", called)


def test_of_a_streamed_message_of_anthropics_the_name_comes_before_the_arguments():
    reader = protocol("anthropic-messages").reader(MESSAGES)
    begins = {"type": "content_block_start", "content_block": {"type": "tool_use", "name": "get_weather", "input": {}}}
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"city":', '"Bern"}')]
    parts = [{"type": "content_block_delta", "delta": delta} for delta in deltas]
    assert "".join(reader.event(b"", json.dumps(one).encode()).called for one in (begins, *parts)) == CALLED


def test_where_nothing_stands_and_nothing_is_called_an_answer_is_still_malformed():
    with pytest.raises(MalformedError, match="nothing at /answer"):
        protocol("json").reader(JSON).whole(b'{"output": [{"type": "message"}]}')


def test_an_error_of_anthropics_is_one_whether_the_event_is_named_or_not():
    data = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    reader = protocol("anthropic-messages").reader(MESSAGES)
    assert [reader.event(name, data).error for name in (b"error", b"")] == [data.decode()] * 2
    assert reader.whole(data).error == data.decode()


def test_a_whole_message_of_anthropics_is_the_text_of_its_blocks():
    reader = protocol("anthropic-messages").reader(MESSAGES)
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Good "},
        {"type": "text", "text": "day"},
    ]
    body = {"type": "message", "model": "m-1", "content": blocks, "stop_reason": "end_turn"}
    assert reader.whole(json.dumps(body).encode()) == Said("Good day", finish="stop", model="m-1")
    for broken in (b"{}", b"[]", b"{", b'{"content": 7}'):
        with pytest.raises(MalformedError):
            reader.whole(broken)
    with pytest.raises(MalformedError):
        reader.event(b"ping", b"no JSON")


def test_a_json_body_is_filled_in_at_any_depth():
    assert body_of(JSON) == {
        "q": "Where? [n-0123456789]",
        "of": {"c": ["r-c1", 1, None, "n-0123456789/n-0123456789"]},
        "seen": 4,
    }


def test_a_get_puts_the_question_into_its_path_and_has_no_body():
    ask = msgspec.structs.replace(JSON, method="GET", path="/ask?q={question}&c={conversation}", body=None)
    request = protocol("json").request(ask, ASKED)
    assert (request.method, request.path, request.body) == ("GET", "/ask?q=Where%3F%20%5Bn-0123456789%5D&c=r-c1", b"")
    assert "content-type" not in request.headers
    assert protocol("json").problems(ask) == []


def test_a_version_not_seen_yet_is_null_alone_and_nothing_in_a_text():
    ask = msgspec.structs.replace(JSON, body={"alone": "{seen_version}", "in": "after {seen_version}."})
    assert body_of(ask, ASKED._replace(seen_version=None)) == {"alone": None, "in": "after ."}
    assert body_of(ask) == {"alone": 4, "in": "after 4."}


def test_a_question_that_looks_like_a_placeholder_is_left_alone():
    assert body_of(JSON, ASKED._replace(question="{nonce} {conversation}?"))["q"].startswith("{nonce} {conversation}?")


def test_the_nonce_travels_where_it_is_told_to():
    header = msgspec.structs.replace(CHAT, nonce_place="header", nonce_name="X-Nonce")
    request = protocol("openai-chat").request(header, ASKED)
    assert request.headers["x-nonce"] == ASKED.nonce
    assert json.loads(request.body)["messages"][0]["content"] == "Where?"
    field = msgspec.structs.replace(JSON, nonce_place="field", nonce_name="of.meta.id")
    assert body_of(field)["of"] == {"c": ["r-c1", 1, None, "n-0123456789/n-0123456789"], "meta": {"id": ASKED.nonce}}
    assert body_of(field)["q"] == "Where?"
    assert TEMPLATE["of"].keys() == {"c"}, "the template is not written to"


def test_every_request_carries_a_trace_and_an_id_and_the_persons_headers():
    for ask in (CHAT, JSON):
        headers = protocol(ask.protocol).request(ask, ASKED).headers
        assert headers["x-request-id"] == ASKED.nonce
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", headers["traceparent"])
        assert headers["content-type"] == "application/json"
    assert protocol("openai-chat").request(CHAT, ASKED).headers["authorization"] == "Bearer x"
    assert traceparent("n-1") == traceparent("n-1") != traceparent("n-2")


def test_a_request_is_encoded_for_the_entry_it_goes_to():
    request = HttpRequest("POST", "/ask", {"a": "b"}, b"{}")
    head, _, body = request.encode("http://user:pw@example.org:8080/base/").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines == [b"POST /base/ask HTTP/1.1", b"host: example.org:8080", b"a: b", b"content-length: 2"]
    assert body == b"{}"
    assert b"host: other" in HttpRequest("POST", "/", {"host": "other"}, b"").encode("http://example.org")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (b"", b"[DONE]", Said(finished=True, done=True)),
        (b"", b"[DONE] ", Said(finished=True, done=True)),
        (b"", b'{"choices": [{"delta": {"content": "hi"}}]}', Said("hi")),
        (b"", b'{"choices": [{"delta": {"role": "assistant", "content": null}}]}', Said()),
        (
            b"",
            b'{"choices": [{"delta": {"content": "hi"}, "finish_reason": "stop"}]}',
            Said("hi", finished=True, finish="stop"),
        ),
        (b"", b'{"choices": null, "error": null}', Said()),
        (b"", b'{"choices": [{"delta": null, "finish_reason": null}]}', Said()),
        (
            b"",
            b'{"choices": [{"delta": {"content": [{"type": "text", "text": "a"}, {"type": "x"}, "b"]}}]}',
            Said("ab"),
        ),
        (b"", b'{"choices": [], "usage": {"total_tokens": 3}}', Said()),
        (b"", b'{"error": {"code": 5}}', Said(error='{"error": {"code": 5}}')),
        (b"error", b"overloaded", Said(error="overloaded")),
    ],
)
def test_openai_events_are_read(name, data, said):
    assert protocol("openai-chat").reader(CHAT).event(name, data) == said


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"choices": [{"delta": {"content": 7}}]}',
        b'{"choices": [{"delta": {"content": "\xff"}}]}',
        b'{"error": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_openai_event_is_malformed(data):
    with pytest.raises(MalformedError):
        protocol("openai-chat").reader(CHAT).event(b"", data)


def test_a_version_can_come_in_any_chunk_of_a_stream():
    reader = protocol("openai-chat").reader(msgspec.structs.replace(CHAT, snapshot_version_pointer="/snapshot/version"))
    assert reader.event(b"", b'{"choices": [], "snapshot": {"version": 3}}').snapshot_version == 3
    assert reader.event(b"", b'{"choices": [{"delta": {"content": "x"}}]}') == Said("x")


def test_a_json_reply_is_read_where_the_pointers_say():
    ask = msgspec.structs.replace(JSON, snapshot_version_pointer="/of/0/v", conversation_pointer="/c")
    reader = protocol("json").reader(ask)
    assert reader.whole(b'{"answer": "x", "of": [{"v": 3}], "c": "k"}') == Said(
        "x", snapshot_version=3, conversation="k"
    )
    assert reader.whole(b'{"answer": null}') == Said("")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"<html>", "no JSON"),
        (b'{"answer": "\xff"}', "no JSON"),
        (b'{"answer": ' + b"[" * 100_000, "no JSON"),
        (b'{"reply": "x"}', "nothing at /answer"),
        (b'{"answer": ["x"]}', "stands no text but list"),
        (b'{"answer": "x", "v": "3"}', "no whole number: '3'"),
        (b'{"answer": "x", "v": true}', "no whole number: True"),
        (b'{"answer": "x", "v": 18446744073709551615}', "stands 18446744073709551615, too large for a version"),
    ],
)
def test_a_json_reply_that_is_not_as_told_is_malformed(reply, why):
    reader = protocol("json").reader(msgspec.structs.replace(JSON, snapshot_version_pointer="/v"))
    with pytest.raises(MalformedError, match=why):
        reader.whole(reply)


MARKS = {"degraded_mark": "/partial", "cached_mark": "X-Cache", "model_pointer": "/by"}


@pytest.mark.parametrize(
    ("partial", "degraded"),
    [
        (b"true", True),
        (b"1", True),
        (b'"partial"', True),
        (b'["sources"]', True),
        (b"false", False),
        (b"null", False),
        (b"0", False),
        (b'"False"', False),
        (b'"full"', False),
        (b"[]", False),
    ],
)
def test_a_reply_is_marked_by_what_stands_at_a_pointer(partial, degraded):
    reader = protocol("json").reader(msgspec.structs.replace(JSON, **MARKS))
    said = reader.whole(b'{"answer": "x", "by": "m", "partial": ' + partial + b"}")
    assert said == Said("x", model="m", degraded=degraded, says_degraded=partial != b"null")
    assert reader.whole(b'{"answer": "x", "by": 3}') == Said("x")


@pytest.mark.parametrize(
    ("header", "cached"),
    [
        ("HIT", True),
        ("Hit from cloudfront", True),
        ("MISS", False),
        ("Miss from cloudfront", False),
        ("", False),
        # Of two caches, in one line and in two.
        ("MISS, MISS", False),
        ("MISS,Hit", True),
        (["MISS", "Miss from cloudfront"], False),
        (["MISS", "HIT"], True),
    ],
)
def test_an_answer_is_marked_by_a_header(header, cached):
    ask = msgspec.structs.replace(JSON, **MARKS)
    assert of_head(ask, {"X-Cache": header}.get) == Said(cached=cached, says_cached=header != "")
    assert of_head(ask, {}.get) == Said()
    assert of_head(JSON, {"X-Cache": header}.get) == Said()


def test_a_stream_is_marked_by_any_of_its_chunks_and_names_its_model():
    reader = protocol("openai-chat").reader(msgspec.structs.replace(CHAT, degraded_mark="/partial"))
    assert reader.event(b"", b'{"choices": [], "model": "m", "partial": true}') == Said(
        model="m", degraded=True, says_degraded=True
    )
    assert protocol("openai-chat").reader(CHAT).event(b"", b'{"choices": [], "model": 7}') == Said()


def _sha256(text):
    return sha256(text.encode()).hexdigest()


def _marked(text):
    return f"sha256:{_sha256(text)[:12]}"


NAMES = {"prompt_version_at": "/prompt/v", "sources_at": "/docs", "context_at": "X-Context"}


@pytest.mark.parametrize(
    ("docs", "sources"),
    [
        ('["a", "b", "a"]', ("a", "b")),
        ('"a"', ("a",)),
        ('[7, null, true, ""]', ("7",)),
        ('[{"title": "T", "id": 3}, {"metadata": {"source": "x.md"}, "page_content": "long"}]', ("3", "x.md")),
        ('{"url_citation": {"url": "https://a/b"}}', ("https://a/b",)),
        ('[{"text": "secret"}]', (_marked('{"text":"secret"}'),)),
        (f'["https://a/b?sig={"s" * 300}", "{"word " * 60}"]', ("https://a/b", _marked("word " * 60))),
        (str([*range(70)]), (*map(str, range(64)), "…")),
        ("{}", ()),
        ("null", ()),
    ],
)
def test_sources_are_known_by_their_names_whatever_form_a_service_gives_them(docs, sources):
    reader = protocol("json").reader(msgspec.structs.replace(JSON, **NAMES))
    assert reader.whole(f'{{"answer": "x", "docs": {docs}}}'.encode()).grounding.sources == sources


def test_an_answer_names_the_version_of_its_prompt_and_its_context_in_its_head_or_its_body():
    ask = msgspec.structs.replace(JSON, **NAMES)
    said = protocol("json").reader(ask).whole(b'{"answer": "x", "prompt": {"v": 3}}')
    assert said.grounding == Grounding(prompt_version="3")
    heads = {"X-Context": ["one", "two"]}
    assert of_head(ask, heads.get).grounding == Grounding(context_sha256=_sha256("one, two"), context_chars=8)
    by_heads = msgspec.structs.replace(ask, prompt_version_at="X-Prompt", sources_at="X-Sources")
    heads = {"X-Prompt": "p-1", "X-Sources": "a, b"}
    assert of_head(by_heads, heads.get).grounding == Grounding("p-1", ("a", "b"))
    assert of_head(by_heads, {"X-Sources": '["a, b"]'}.get).grounding == Grounding(sources=("a, b",))
    assert of_head(JSON, heads.get).grounding == Grounding()


def test_no_more_of_a_context_is_kept_than_its_hash_unless_that_is_asked_for_and_then_a_bounded_part():
    ask, text = msgspec.structs.replace(JSON, context_at="/context"), "word " * 20_000
    body = json.dumps({"answer": "x", "context": f"{text}[n-0123456789]"}).encode()
    told = protocol("json").reader(ask).whole(body).grounding
    assert (told.context, told.context_chars, told.context_sha256) == ("", 99_999, _sha256(text[:-1]))
    kept = protocol("json").reader(msgspec.structs.replace(ask, keep_context=True)).whole(body).grounding
    assert kept == told._replace(context=text[:65_536])
    listed = protocol("json").reader(ask).whole(b'{"answer": "x", "context": ["a", "b"]}').grounding
    assert listed.context_sha256 == _sha256("a\nb")


@pytest.mark.parametrize("ask", [CHAT, MESSAGES], ids=lambda ask: ask.protocol)
def test_a_stream_names_its_sources_one_after_the_other_and_the_last_prompt_that_it_says(ask):
    reader = protocol(ask.protocol).reader(
        msgspec.structs.replace(ask, prompt_version_at="/p", sources_at="/citation", context_at="/c")
    )
    said = Grounding()
    for event in ('{"citation": "a", "c": "k", "p": "1"}', '{"citation": {"url": "b"}}', '{"p": 2}', "{}"):
        said = said.and_then(reader.event(b"", event.encode()).grounding)
    assert said == Grounding("2", ("a", "b"), _sha256("k"), 1)


def test_the_json_protocol_reads_no_stream():
    with pytest.raises(MalformedError, match="stream of events"):
        protocol("json").reader(JSON).event(b"", b"{}")


def test_json_pointers_are_those_of_the_rfc():
    document = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, " ": 7, "e": {"0": "zero"}}
    expected = {"": document, "/foo": ["bar", "baz"], "/foo/0": "bar", "/": 0, "/a~1b": 1, "/m~0n": 8, "/ ": 7}
    assert {pointer: at(document, pointer) for pointer in expected} == expected
    assert at(document, "/e/0") == "zero"
    for nothing in ("/nope", "/foo/2", "/foo/-", "/foo/01", "/foo/0/x", "/foo/-1"):
        assert at(document, nothing) is None


@given(st.dictionaries(st.text(), st.integers()))
def test_every_key_has_a_pointer(document):
    for key, value in document.items():
        assert at(document, "/" + key.replace("~", "~0").replace("/", "~1")) == value


def test_a_sound_ask_has_no_problems():
    assert protocol("openai-chat").problems(CHAT) == []
    assert protocol("json").problems(JSON) == []


@pytest.mark.parametrize(
    ("ask", "changes", "words"),
    [
        (CHAT, {"model": None}, "needs model"),
        (CHAT, {"body": {"messages": []}}, "body.messages would be replaced"),
        (CHAT, {"body": {"model": "m"}}, "body.model would be replaced: say it with ask.model"),
        (CHAT, {"body": {"stream": False}}, "body.stream would be replaced: say it with ask.stream"),
        (JSON, {"body": None}, "needs body"),
        (JSON, {"answer_pointer": None}, "needs reply.answer"),
        (JSON, {"answer_pointer": "answer"}, "'answer' is no JSON Pointer"),
        (JSON, {"snapshot_version_pointer": "/a~2"}, "reply.snapshot_version '/a~2' is no JSON Pointer"),
        (JSON, {"model_pointer": "model"}, "reply.model 'model' is no JSON Pointer"),
        (JSON, {"degraded_mark": "a header"}, "reply.degraded 'a header' is neither"),
        (JSON, {"cached_mark": "/a~2"}, "reply.cached '/a~2' is neither"),
        (JSON, {"cached_mark": ""}, "reply.cached '' is neither"),
        (JSON, {"sources_at": "a b"}, "reply.sources 'a b' is neither"),
        (JSON, {"keep_context": True}, "reply.keep_context keeps nothing unless reply.context"),
        (CHAT, {"path": "v1"}, "path 'v1'"),
        (CHAT, {"path": "/a b"}, "path '/a b'"),
        (CHAT, {"headers": {"a b": "c"}}, "header 'a b'"),
        (CHAT, {"headers": {"key": "hush\r\nx: y"}}, "header 'key'"),
        (CHAT, {"headers": {"Content-Length": "3"}}, "the harness's own"),
        (CHAT, {"nonce_place": "header", "nonce_name": "a:b"}, "header 'a:b'"),
        (JSON, {"nonce_place": "field", "nonce_name": "a..b"}, "'a..b' is no dotted path"),
        # What the nonce would take the place of, so that nobody would be asked that.
        (JSON, FIELD | {"nonce_name": "q", "body": {"q": "{question}"}}, "the place of {question} in q; name a field of its own"),
        (JSON, FIELD | {"nonce_name": "q.id", "body": {"q": "So: {question}"}}, "the place of {question} in q.id"),
        (JSON, FIELD | {"nonce_name": "in", "body": {"in": [{"text": "{question}"}]}}, "the place of {question} in in"),
        (JSON, FIELD | {"nonce_name": "who", "body": {"q": "{question}", "who": "{user}"}}, "the place of {user} in who"),
        (CHAT, FIELD | {"nonce_name": "messages"}, "the place of messages in a chat"),
        (MESSAGES, FIELD | {"nonce_name": "system.id"}, "the place of system.id in a chat"),
        (CHAT, {"nonce_place": "header", "nonce_name": "authorization"}, "header 'authorization' stands in headers"),
        (JSON, FIELD | {"nonce_name": "of.id", "body": {"q": "{question}", "of": "us"}}, "the place of of, which is no object"),
        (CHAT, {"headers": {"X-Request-ID": "{conversation}"}}, "header 'X-Request-ID' carries the mark of each request"),
        (CHAT, {"headers": {"traceparent": "00-0-0-01"}}, "header 'traceparent' carries the mark of each request"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_ask_is_said_without_its_secrets(ask, changes, words):
    (problem,) = protocol(ask.protocol).problems(msgspec.structs.replace(ask, **changes))
    assert words in problem
    assert "hush" not in problem


@pytest.mark.parametrize(
    ("ask", "changes"),
    [
        (JSON, {"nonce_name": "id", "body": {"q": "{question}", "id": "{nonce}"}}),
        (JSON, {"nonce_name": "meta.id", "body": {"q": "{question}", "meta": {"of": "{user}"}}}),
        (JSON, {"nonce_name": "id", "body": {"q": "{question}", "id": "any"}}),
        (CHAT, {"nonce_name": "metadata.request"}),
        (CHAT, {"nonce_place": "header", "nonce_name": "x-id", "headers": {"X-Id": "{nonce}"}}),
        (CHAT, {"nonce_name": "metadata.request", "headers": {"X-Request-Id": "{nonce}"}}),
    ],
)
def test_a_nonce_may_take_the_place_of_what_tells_a_service_nothing(ask, changes):
    assert protocol(ask.protocol).problems(msgspec.structs.replace(ask, **FIELD | changes)) == []


def test_an_unknown_protocol_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'openai-chat'"):
        protocol("openai-chta")


# Where a question goes.


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"body": {"q": "hello"}}, ""),
        ({"body": {"q": "{nonce}", "deep": [{"c": "{conversation}"}]}}, ""),
        ({"body": {"q": "{{question}}"}}, "{{question}} is no placeholder; "),
        ({"body": {"q": "<question>"}}, "<question> is no placeholder; "),
        ({"body": {"q": "%(question)s"}}, "%(question)s is no placeholder; "),
        ({"body": {"{question}": 1}}, ""),
    ],
)
def test_an_ask_that_puts_the_question_nowhere_is_refused(changes, seen):
    (problem,) = protocol("json").problems(msgspec.structs.replace(JSON, **changes))
    assert problem.startswith(
        f"the question is put nowhere, so every answer would be one to nothing: {seen}write {{question}}"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"body": {"a": [{"b": {"c": "Answer: {question}!"}}]}},
        {"body": {}, "path": "/ask?q={question}"},
        {"body": {}, "headers": {"x-question": "{question}"}},
    ],
)
def test_a_question_may_go_anywhere_in_the_body_in_the_path_or_in_a_header(changes):
    assert protocol("json").problems(msgspec.structs.replace(JSON, **changes)) == []


def test_what_is_known_of_a_question_is_filled_into_path_and_headers_as_they_carry_it():
    ask = msgspec.structs.replace(
        JSON,
        path="/of/{user}?q={question}&v={seen_version}",
        headers={"x-user": "{user}", "x-question": "{question}", "x-plain": "{{user}}"},
        nonce_place="header",
        nonce_name="x-nonce",
    )
    asked = ASKED._replace(user="ann/b", question="Wie groß?\r\nevil: 1 {user}", seen_version=None)
    request = protocol("json").request(ask, asked)
    assert request.path == "/of/ann%2Fb?q=Wie%20gro%C3%9F%3F%0D%0Aevil%3A%201%20%7Buser%7D&v="
    sent = request.encode("http://127.0.0.1:1").partition(b"\r\n\r\n")[0].decode()
    assert "x-question: Wie groß? evil: 1 {user}\r\n" in sent
    assert "x-user: ann/b\r\n" in sent
    assert "x-plain: {user}\r\n" in sent


def test_the_user_is_filled_into_the_body_and_doubled_braces_are_braces():
    ask = msgspec.structs.replace(JSON, body={"q": "{question}", "who": "{user}", "as": "{{user}} {x} {"})
    assert body_of(ask, ASKED._replace(user="ann"))["who"] == "ann"
    assert body_of(ask)["as"] == "{user} {x} {"
