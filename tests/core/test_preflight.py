"""The question before the load: what it forbids, what it only tells, and that it counts nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.judging import verdict
from harness.judging.evidence import Evidence
from harness.judging.joining import since_the_load_began
from harness.judging.preflight import answered, obstacles, shortcomings, unanswered
from harness.planning.plan import Plan
from harness.reading.target import Target
from harness.record import history
from harness.record.columns import Table
from harness.record.history import Alarm, Ended, Injecting, LinkSeen, Preflight
from harness.record.rows import Attempt, Request
from harness.record.tables import table

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
COUNTS_ATTEMPTS = ["retry_amplification <= 3 in fault"]


def asked(*links: LinkSeen, **keys: Any) -> Preflight:
    """A question that was answered well."""
    well: dict[str, Any] = {
        "at_s": -0.5,
        "entry": "east",
        "request_line": "POST http://127.0.0.1:1/ask",
        "question": "What?",
        "nonces": ["n-0000000001"],
        "status": 200,
        "outcome": "complete",
        "detail": "",
        "reply": '{"answer": "That."}',
        "answer": "That.",
        "streamed": False,
        "took_s": 0.2,
        "first_token_s": 0.2,
        "links": list(links),
    }
    return Preflight(**(well | keys))


def saw(
    link: str = "openai", attempts: int = 1, joined: int = 1, asks: int | None = None, answer: str = "200"
) -> LinkSeen:
    return LinkSeen(link, attempts, attempts if asks is None else asks, joined, {answer: attempts} if attempts else {})


REFUSED = asked(
    saw(answer="401"), status=502, outcome="error", detail='http 502: {"error": "x"}', reply='{"error": "x"}'
)


def test_a_question_that_is_answered_stands_in_the_way_of_nothing(make_plan: MakePlan) -> None:
    assert list(obstacles(make_plan(expect=COUNTS_ATTEMPTS), [asked(saw())])) == []


@pytest.mark.parametrize("outcome", ["truncated", "empty", "refused", "timed_out", "error", "malformed"])
def test_whatever_is_no_whole_answer_stands_in_the_way(make_plan: MakePlan, outcome: str) -> None:
    assert len(list(obstacles(make_plan(), [asked(saw()), asked(saw(), outcome=outcome)]))) == 1


def test_a_failure_is_told_with_the_request_the_status_the_reply_and_what_each_link_answered() -> None:
    told = unanswered(REFUSED)
    assert "POST http://127.0.0.1:1/ask" in told
    assert "status 502" in told
    assert """the reply begins '{"error": "x"}'""" in told
    assert "openai answered 401" in told


def test_what_the_reply_does_not_show_is_said_too() -> None:
    assert "malformed: nothing at /answr in the reply" in unanswered(
        asked(outcome="malformed", detail="nothing at /answr in the reply")
    )


def test_a_redirect_is_told_with_where_it_leads() -> None:
    led = asked(outcome="error", status=307, reply="", detail="http 307: a redirect to '/ask/', which is not followed")
    assert "came to error: a redirect to '/ask/', which is not followed (status 307)" in unanswered(led)


def test_a_provider_that_was_not_reached_is_told_with_the_reason() -> None:
    lost = LinkSeen("openai", 2, 2, 2, {"closed": 2}, "api.example:443: the connection was refused")
    assert answered(lost) == ("openai answered closed (2 times) (api.example:443: the connection was refused)")
    assert answered(LinkSeen("openai", 1, 1, 1, {"200": 1})) == "openai answered 200"


@pytest.mark.parametrize("size", [200, 201, 10_000])
def test_of_a_reply_the_first_200_characters_are_told(size: int) -> None:
    reply = "a" * 199 + "b" + "c" * (size - 200)
    assert f"the reply begins {'a' * 199 + 'b'!r};" in unanswered(asked(outcome="error", status=500, reply=reply))


def test_where_nothing_came_and_nobody_was_asked_that_is_said() -> None:
    told = unanswered(asked(saw(attempts=0, joined=0), outcome="refused", status=0, reply="", nonces=["a", "b"]))
    assert "no status" in told
    assert "in 2 tries" in told
    assert "no attempt was seen on any link" in told


def test_attempts_without_the_nonce_forbid_a_run_that_counts_them(make_plan: MakePlan) -> None:
    (told,) = obstacles(make_plan(expect=COUNTS_ATTEMPTS), [asked(saw(joined=0))])
    assert "attempts were seen on openai, and none carried the nonce" in told
    assert "ask.nonce" in told


@pytest.mark.parametrize(
    "seen",
    [
        [saw(joined=0), saw("other")],  # one link is enough to know that the service passes it on
        [saw(attempts=0, joined=0)],  # out of a cache
        [saw(joined=0, asks=0)],  # a look whether the provider is there
    ],
)
def test_what_need_not_carry_the_nonce_forbids_nothing(make_plan: MakePlan, seen: list[LinkSeen]) -> None:
    assert list(obstacles(make_plan(expect=COUNTS_ATTEMPTS), [asked(*seen)])) == []


def test_where_nobody_counts_attempts_a_lost_nonce_is_only_told(make_plan: MakePlan, target: Target) -> None:
    assert list(obstacles(make_plan(), [asked(saw(joined=0))])) == []
    (told,) = shortcomings(target, asked(saw(joined=0)))
    assert "no attempt on openai carried the nonce" in told


def test_a_target_that_streams_as_it_says_and_is_seen_lacks_nothing(
    make_target: Callable[..., Target], target: Target
) -> None:
    streaming = make_target(ask={"protocol": "openai-chat", "model": "m"})
    assert list(shortcomings(streaming, asked(saw(), streamed=True))) == []
    assert list(shortcomings(target, asked(saw()))) == []


def test_a_stream_that_is_none_and_one_that_nobody_asked_for_are_told(make_target: Callable[..., Target]) -> None:
    whole = make_target(ask={"protocol": "openai-chat", "model": "m", "stream": False})
    streaming = make_target(ask={"protocol": "openai-chat", "model": "m"})
    assert "came in one piece" in " ".join(shortcomings(streaming, asked(saw())))
    assert "the answer was one" in " ".join(shortcomings(whole, asked(saw(), streamed=True)))


def test_a_service_that_goes_past_its_links_is_told(target: Target) -> None:
    assert "no attempt was seen on any HTTP link" in " ".join(shortcomings(target, asked(saw(attempts=0, joined=0))))


@pytest.mark.parametrize(
    ("answer", "told"), [("401", True), ("404", True), ("429", False), ("503", False), ("200", False)]
)
def test_a_link_that_refuses_what_is_asked_is_told_though_the_question_was_answered(
    target: Target, answer: str, told: bool
) -> None:
    said = " ".join(shortcomings(target, asked(saw(answer=answer), saw("fallback"))))
    assert (f"openai answered {answer}, and the question was answered all the same: by a fallback?" in said) == told
    twice = LinkSeen("openai", 2, 2, 2, {"401": 1, "200": 1})
    assert list(shortcomings(target, asked(twice))) == []


def test_of_a_run_that_was_given_up_before_its_load_nothing_else_is_distrusted(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    given_up = [REFUSED, Alarm(0.0, unanswered(REFUSED)), Ended(0.0, "invalidated", unanswered(REFUSED))]
    result = verdict.judge(make_evidence(make_plan(), requests=[], attempts=[], history=given_up))
    assert (result.verdict, result.exit_status) == ("invalid", 4)
    assert "openai answered 401" in result.reason
    assert "baseline" not in result.reason
    assert "take hold" not in result.reason
    assert result.quality.preflight[0].links[0].answers == {"401": 1}


def test_of_a_run_that_had_begun_the_rest_is_told_too(make_plan: MakePlan, make_evidence: MakeEvidence) -> None:
    begun = [Injecting(3.0, "latency-1"), Alarm(4.0, "it wedged"), Ended(4.0, "invalidated", "it wedged")]
    result = verdict.judge(make_evidence(make_plan(), requests=[], attempts=[], history=begun))
    assert "take hold" in result.reason


def test_what_was_seen_before_the_load_is_no_attempt_of_it() -> None:
    requests = Table.of(table([Request(0, 0, 0.0, nonce="n-a")], Request, 0.0))
    rows = [
        Attempt("openai", -1.0),
        Attempt("openai", -0.5, "n-before"),
        Attempt("openai", -0.001, "n-a"),
        Attempt("openai", 0.5),
    ]
    kept = since_the_load_began(Table.of(table(rows, Attempt, 0.0)), requests)
    assert kept.numbers("start_s").tolist() == [-0.001, 0.5]


def test_a_preflight_is_read_as_it_was_written() -> None:
    assert history.decode(history.encode(REFUSED)) == (REFUSED,)
