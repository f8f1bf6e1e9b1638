"""The client that asks before the load: as the load would, a few times where an answer fails at once, and every entry."""

from __future__ import annotations

import subprocess

import msgspec
import pytest

from harness.planning.schedule import turns
from harness.protocols.asking import OfferedTool, ResolvedAsk
from harness.running.load import Limits, handshake
from harness.running.load.plan import PlannedQuestion
from harness.running.load.question import Answered, QuestionPlan, command

PATIENT = Limits(connect_s=30.0, stall_s=30.0, deadline_s=30.0)
HASTY = Limits(connect_s=30.0, stall_s=30.0, deadline_s=1.4)  # only for what takes longer on any machine


@pytest.fixture
def answers(tmp_path):
    """Asks *question* of the entries at *urls* and returns what came of it within *limits*."""

    def ask(urls, question, limits=PATIENT):
        plan = QuestionPlan(
            run_id="run-7",
            entries={f"entry-{number}": url for number, url in enumerate(urls)},
            question=question if isinstance(question, PlannedQuestion) else PlannedQuestion("q", question),
            ask=ResolvedAsk("openai-chat", "/v1/chat/completions", {"Authorization": "Bearer secret"}, "m"),
            limits=limits,
            start_path=str(tmp_path / "start"),
            answers_path=str(tmp_path / "answers"),
        )
        (tmp_path / "plan").write_bytes(msgspec.json.encode(plan))
        handshake.start_at(tmp_path / "start", 0.0)
        subprocess.run(command(tmp_path / "plan"), check=True, timeout=60)
        return msgspec.json.decode((tmp_path / "answers").read_bytes(), type=list[Answered])

    return ask


def test_a_stream_is_read_to_its_end_with_its_first_token(bench, answers):
    with bench.serving() as server:
        (answered,) = answers([server.url], "answers")
    assert (answered.outcome, answered.text, answered.streamed) == ("complete", "one two three", True)
    # Its last words may come with the first, where whoever reads them was kept waiting.
    assert answered.began_s <= answered.sent_s <= answered.first_token_s <= answered.ended_s
    assert server.heard[0].text_sent_s <= answered.first_token_s
    assert answered.request_line == f"POST {server.url}/v1/chat/completions"
    assert len(server.heard) == 1


def test_it_is_asked_as_the_load_will_ask_it(bench, answers):
    offered = OfferedTool("get_weather", "Looks it up.", {"type": "object"})
    with bench.serving() as server:
        answers(
            [server.url],
            PlannedQuestion("q", "answers", system="answers in brief", size=50, max_tokens=9, tools=(offered,)),
        )
    body = server.heard[0].body
    assert body["messages"][0] == {"role": "system", "content": "answers in brief"}
    assert (body["max_tokens"], body["tools"][0]["function"]["name"]) == (9, "get_weather")
    assert len(body["messages"][1]["content"]) > 100


@pytest.mark.parametrize("question", ["calls", "calls_in_a_stream"])
def test_an_answer_that_has_its_client_call_a_tool_is_one_and_says_so(bench, answers, question):
    with bench.serving() as server:
        (answered,) = answers([server.url], question)
    assert (answered.outcome, answered.text) == ("complete", 'get_weather {"city":"Bern"}')
    assert answered.first_token_s is not None


def test_an_answer_in_one_piece_is_no_stream(bench, answers):
    with bench.serving() as server:
        (answered,) = answers([server.url], "whole")
    assert (answered.outcome, answered.text, answered.streamed) == ("complete", "all at once", False)


def test_what_fails_at_once_is_asked_again_each_time_with_a_nonce_of_its_own_and_told_with_how_the_reply_began(
    bench, answers
):
    with bench.serving() as server:
        (answered,) = answers([server.url], "status_500")
    assert (answered.outcome, answered.status) == ("error", 500)
    assert answered.reply == '{"error": "out of order"}'
    assert 1 < len(answered.nonces) == len({heard.headers["x-request-id"] for heard in server.heard})


def test_what_takes_its_time_has_all_the_time_that_it_may_have_and_is_not_asked_again(bench, answers):
    with bench.serving() as server:
        (answered,) = answers([server.url], "drips_text", HASTY)
    assert answered.outcome == "timed_out"
    assert len(answered.nonces) == len(server.heard) == 1


def test_every_entry_is_asked_and_one_that_is_not_there_is_told(bench, answers):
    with bench.serving() as server:
        well, refused = answers([server.url, f"http://127.0.0.1:{bench.free_port()}"], "whole")
    assert (well.entry, well.outcome) == ("entry-0", "complete")
    assert (refused.entry, refused.outcome, refused.status) == ("entry-1", "refused", 0)
    assert not set(well.nonces) & set(refused.nonces)


def test_no_request_of_the_load_has_the_nonce_of_a_question_before_it(bench, answers):
    with bench.serving() as server:
        (answered,) = answers([server.url], "whole")
        plan = bench.plan([server.url], ["whole"], run_id="run-7", seed=1)
    assert not set(answered.nonces) & {turn.nonce for turn in turns(plan)}
