"""Errors and limits as clients on bare sockets are told of them, by the edge in front of a provider."""

from __future__ import annotations

import asyncio
import json
import time
from email.utils import parsedate_to_datetime

import pytest

from harness.faults.effects import EdgeRule, Fail, Throttle, Told
from harness.faults.requests import Requests

PREFILLED = b'{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Well"}]}'
LAST_USER = b'{"model":"m","messages":[{"role":"assistant","content":"Well"},{"role":"user","content":"Hi"}]}'
LONG = b'{"model":"m","max_tokens":%d,"messages":[{"role":"user","content":"%b"}]}'


class Said:
    """An answer, in its parts."""

    def __init__(self, heard: bytes) -> None:
        head, _, self.body = heard.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    @property
    def document(self):
        return json.loads(self.body)


@pytest.fixture
def ask(clients, kit):
    """One request to a link of a wire, and its whole answer."""

    def ask(wire, link: str = "east", body: bytes = kit.BODY) -> Said:
        client = clients(wire.tap(link))
        client.say(kit.post(body, headers=b"Connection: close\r\n"))
        return Said(client.hear_all())

    return ask


@pytest.fixture
def speaking(new_wire, provider):
    """A wire in front of a provider that speaks *api*, with one *rule* in force."""

    def speaking(api: str, rule, requests: Requests | None = None, links=("east",), **same):
        wire = new_wire(dict.fromkeys(links, f"http://127.0.0.1:{provider.port}"), api=api, **same)
        for link in links:
            wire.stage.inject("f", EdgeRule(link, rule, requests or Requests()))
        return wire

    return speaking


@pytest.mark.parametrize(
    ("api", "status", "told"),
    [
        ("openai", 503, lambda said: said.document["error"]["code"] == "server_is_overloaded"),
        ("azure-openai", 429, lambda said: said.document["error"]["code"] == "NoCapacity"),
        ("anthropic", 529, lambda said: said.document["error"]["type"] == "overloaded_error"),
        ("gemini", 503, lambda said: said.document["error"]["status"] == "UNAVAILABLE"),
        ("bedrock", 503, lambda said: said.headers["x-amzn-errortype"] == "ServiceUnavailableException"),
    ],
)
def test_one_code_is_said_in_the_words_and_with_the_status_of_each_api(speaking, ask, api, status, told) -> None:
    said = ask(speaking(api, Fail(code="overloaded")))
    assert said.status == status
    assert told(said)
    assert "retry-after" not in said.headers


def test_what_each_api_says_of_a_wait_stands_where_its_clients_look_for_it(speaking, ask) -> None:
    apis = ("openai", "azure-openai", "anthropic", "gemini", "bedrock", "none")
    told = {api: ask(speaking(api, Fail(429, wait_s=2.5))) for api in apis}
    seen = {api: (said.headers.get("retry-after"), said.headers.get("retry-after-ms")) for api, said in told.items()}
    assert seen == {
        "openai": ("3", "2500"),
        "azure-openai": ("3", "2500"),
        "anthropic": ("3", None),
        "gemini": (None, None),
        "bedrock": (None, None),
        "none": ("3", None),
    }
    assert told["gemini"].document["error"]["details"][-1]["retryDelay"] == "2.5s"


@pytest.mark.parametrize("text", ["3600", "-1", "0", "soon", "1e9", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_value_that_is_no_wait_is_told_as_it_stands(speaking, ask, text: str) -> None:
    said = ask(speaking("openai", Fail(429, told=Told(text=text))))
    assert said.headers["retry-after"] == text
    assert "retry-after-ms" not in said.headers
    assert b"try again in" not in said.body


def test_a_date_is_that_of_now_and_the_wait(speaking, ask) -> None:
    asked_s = time.time()
    said = ask(speaking("none", Fail(503, wait_s=3600.0, told=Told(ways=("date",)))))
    at_s = parsedate_to_datetime(said.headers["retry-after"]).timestamp()
    assert asked_s + 3600 <= at_s <= time.time() + 3601


@pytest.mark.parametrize(
    ("rule", "kind", "body"),
    [
        (Fail(502), "text/html", b"<html>"),
        (Fail(502, body="api"), "application/json", b'{"error"'),
        (Fail(503), "application/json", b'{"error"'),
        (Fail(503, body="html"), "text/html", b"<html>"),
        (Fail(500, body="empty"), None, b""),
        (Fail(401, body="not_json"), "application/json", b'{"error"'),
    ],
)
def test_the_body_of_an_error_is_what_the_fault_says_or_what_the_api_has(speaking, ask, rule, kind, body) -> None:
    said = ask(speaking("openai", rule))
    assert (said.status, said.headers.get("content-type")) == (rule.status, kind)
    assert said.body.startswith(body)
    assert int(said.headers["content-length"]) == len(said.body)
    if rule.body == "not_json":
        with pytest.raises(json.JSONDecodeError):
            json.loads(said.body)


@pytest.mark.parametrize(("should_retry", "told"), [(True, "true"), (False, "false"), (None, None)])
def test_whether_to_try_again_is_told_where_the_fault_says_so(speaking, ask, should_retry, told) -> None:
    said = ask(speaking("openai", Fail(400, should_retry=should_retry)))
    assert said.headers.get("x-should-retry") == told


def test_what_is_for_requests_that_end_with_the_assistant_leaves_all_others_alone(speaking, ask) -> None:
    wire = speaking("anthropic", Fail(code="prefill"), Requests(last_role="assistant"))
    assert [ask(wire, body=body).status for body in (PREFILLED, LAST_USER, b"no JSON", b"{}")] == [400, 200, 200, 200]
    gemini = speaking("gemini", Fail(code="prefill"), Requests(last_role="assistant"))
    ended = b'{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"Well"}]}]}'
    assert ask(gemini, body=ended).document["error"]["status"] == "INVALID_ARGUMENT"


def _long(tokens: int, max_tokens: int = 0) -> bytes:
    return LONG % (max_tokens, b"word" * tokens)


def test_tokens_are_those_of_the_prompt_and_as_many_as_the_answer_may_have(speaking, ask, provider, kit) -> None:
    async def silent(request, line) -> None:
        line.write(kit.answer(b"{}"))

    provider.script = silent
    wire = speaking("openai", Throttle(tokens_per_min=60, tokens_burst=1000))
    first = ask(wire, body=_long(300, 400))
    assert (first.status, first.headers["x-ratelimit-remaining-tokens"]) == (200, "300")
    denied = ask(wire, body=_long(301))
    assert (denied.status, denied.document["error"]["type"]) == (429, "tokens")
    assert "Limit 60, Used" in denied.document["error"]["message"]
    assert "x-ratelimit-limit-requests" not in denied.headers
    assert ask(wire, body=_long(300)).status == 200


def test_of_what_was_reserved_for_an_answer_only_what_it_came_to_is_kept(speaking, ask) -> None:
    # The provider says that it was 7 and 3 tokens.
    wire = speaking("openai", Throttle(tokens_per_min=60, tokens_burst=1000))
    assert [ask(wire, body=_long(1, 999)).status for _ in range(2)] == [200, 429]
    assert [ask(wire, body=_long(1, 979)).status for _ in range(2)] == [200, 200]


def test_no_more_requests_are_under_way_than_may_be_whatever_comes_at_once(speaking, clients, provider, kit) -> None:
    go_on = asyncio.Event()

    async def held(request, line) -> None:
        await go_on.wait()
        line.write(kit.answer())

    provider.script = held
    wire = speaking("anthropic", Throttle(concurrent=4))
    waiting = [clients(wire.tap()) for _ in range(20)]
    for client in waiting:
        client.say(kit.post())
    kit.eventually(lambda: sum(row.status == 429 for row in wire.arrivals()) == 16)
    provider.call(go_on.set)
    assert sorted(Said(client.hear(b"}")).status for client in waiting) == [200] * 4 + [429] * 16
    assert len(provider.accepted) == 4
    kit.eventually(lambda: sum(row.outcome == "complete" for row in wire.arrivals()) == 4)
    again = clients(wire.tap())
    again.say(kit.post())
    again.hear(b"200 OK")


def test_who_leaves_gives_its_place_back_once_the_provider_is_done(speaking, clients, provider, kit) -> None:
    go_on = asyncio.Event()

    async def held(request, line) -> None:
        await go_on.wait()
        line.write(kit.answer())

    provider.script = held
    wire = speaking("openai", Throttle(concurrent=1))
    gone, refused, served = (clients(wire.edge()) for _ in range(3))
    gone.say(kit.post())
    kit.eventually(lambda: len(provider.accepted) == 1)
    gone.leave()
    refused.say(kit.post())
    refused.hear(b"429 Too Many Requests")
    provider.call(go_on.set)
    kit.eventually(lambda: "client_left" in [row.outcome for row in wire.arrivals()])
    served.say(kit.post())
    served.hear(b"200 OK")


@pytest.mark.parametrize(("account", "passed"), [("billing", 1), ("", 2)])
def test_links_of_one_account_share_a_limit_and_others_have_one_each(speaking, ask, account: str, passed: int) -> None:
    wire = speaking("openai", Throttle(60, 1), links=("east", "west"), account=account)
    said = [ask(wire, link) for link in ("east", "west")]
    assert sum(each.status == 200 for each in said) == passed
    # What one of them has used is gone when the fault ends there, and not for the other.
    wire.stage.revert("f", EdgeRule("east", Throttle(60, 1)))
    assert [ask(wire, link).status for link in ("east", "west")] == [200, 429]


@pytest.mark.parametrize(("others", "passed"), [("limit.2", 1), ("limit-2", 2)])
def test_a_limit_that_reaches_one_link_after_the_other_is_one_limit_of_their_account(
    new_wire, provider, ask, others: str, passed: int
) -> None:
    wire = new_wire(dict.fromkeys(("east", "west"), f"http://127.0.0.1:{provider.port}"), account="billing")
    wire.stage.inject("limit.1", EdgeRule("east", Throttle(60, 1)))
    said = [ask(wire, "east")]
    wire.stage.inject(others, EdgeRule("west", Throttle(60, 1)))
    said.append(ask(wire, "west"))
    assert sum(each.status == 200 for each in said) == passed


def test_several_limits_let_through_what_all_let_through_and_refuse_at_no_cost(speaking, ask) -> None:
    wire = speaking("openai", Throttle(60, 3, tokens_per_min=60, tokens_burst=100))
    big = _long(90)
    assert [ask(wire, body=big).status for _ in range(2)] == [200, 200]  # the provider said that it was ten tokens
    denied = ask(wire, body=_long(101))
    assert (denied.status, denied.headers["x-ratelimit-remaining-requests"]) == (429, "1")
    assert ask(wire).status == 200
    assert ask(wire).document["error"]["type"] == "requests"


def test_what_can_never_pass_is_told_of_no_wait_whatever_other_limit_it_broke(speaking, ask) -> None:
    wire = speaking("openai", Throttle(1, 1, tokens_per_min=60, tokens_burst=100))
    assert ask(wire).status == 200
    assert "retry-after" in ask(wire).headers
    never = ask(wire, body=_long(101))
    assert (never.status, never.document["error"]["type"]) == (429, "tokens")
    assert not {"retry-after", "retry-after-ms"} & never.headers.keys()


def test_of_several_rules_that_limit_one_thing_the_tightest_is_told(speaking, ask) -> None:
    wire = speaking("openai", Throttle(600, 90))
    wire.stage.inject("tight", EdgeRule("east", Throttle(60, 3)))
    wire.stage.inject("wide", EdgeRule("east", Throttle(6000, 5000)))
    said = ask(wire)
    assert (said.headers["x-ratelimit-limit-requests"], said.headers["x-ratelimit-remaining-requests"]) == ("60", "2")


def test_headers_that_the_fault_says_stand_over_those_of_the_api_in_every_answer(speaking, ask) -> None:
    absurd = {"x-ratelimit-remaining-requests": "-1", "x-ms-region": "nowhere"}
    wire = speaking("openai", Throttle(60, 1, headers=absurd))
    for status in (200, 429):
        said = ask(wire)
        assert said.status == status
        assert {name: said.headers[name] for name in absurd} == absurd
        assert said.headers["x-ratelimit-limit-requests"] == "60"
    failed = ask(speaking("openai", Fail(503, headers={"x-request-id": "mine"})))
    assert failed.headers["x-request-id"] == "mine"


def test_a_limit_of_requests_at_once_tells_of_no_wait_since_nobody_knows_one(speaking, clients, provider, kit) -> None:
    go_on = asyncio.Event()

    async def held(request, line) -> None:
        await go_on.wait()
        line.write(kit.answer())

    provider.script = held
    wire = speaking("openai", Throttle(concurrent=1))
    first, second = clients(wire.tap()), clients(wire.tap())
    first.say(kit.post())
    kit.eventually(lambda: len(provider.accepted) == 1)
    second.say(kit.post())
    said = Said(second.hear(b"}}"))
    assert said.status == 429
    assert not {"retry-after", "retry-after-ms", "x-ratelimit-limit-concurrent"} & said.headers.keys()
    provider.call(go_on.set)
    first.hear(b"200 OK")
