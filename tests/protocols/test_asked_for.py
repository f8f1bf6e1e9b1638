"""What is asked for in words, and what is not, by the paths of the APIs that there are."""

from __future__ import annotations

import pytest

from harness.protocols.asked_for import in_words, model_in, streams_at

WORDS = [
    "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages",
    "/openai/deployments/gpt-4o/chat/completions",
    "/v1beta/models/gemini-2.5-pro:generateContent", "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
    "/model/anthropic.claude-sonnet-4/converse", "/model/x/invoke-with-response-stream", "/api/chat", "/api/generate",
    "/openai/deployments/embedded-assistant/chat/completions", "/answer", "/", "",
]  # fmt: skip
BESIDE = [
    "/v1/embeddings", "/openai/deployments/text-embedding-3-small/embeddings", "/api/embed",
    "/v1beta/models/text-embedding-004:embedContent",
    "/v1beta/models/x:batchEmbedContents", "/model/amazon.titan-embed-text-v2:0/invoke", "/v1/moderations", "/v1/rerank", "/v2/re-rank",
    "/v1/messages/count_tokens",
    "/v1beta/models/gemini-2.5-pro:countTokens", "/v1/models", "/v1/models/gpt-4o", "/v1/responses/input_tokens",
]  # fmt: skip


@pytest.mark.parametrize("path", WORDS)
def test_an_answer_is_asked_for(path: str) -> None:
    assert in_words(path)


@pytest.mark.parametrize("path", BESIDE)
def test_something_is_asked_for_that_answers_are_made_with(path: str) -> None:
    assert not in_words(path)


@pytest.mark.parametrize(
    ("path", "model", "streams"),
    [
        ("/v1beta/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro", False),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", "gemini-2.5-pro", True),
        (
            "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:streamGenerateContent",
            "gemini-2.5-pro",
            True,
        ),
        (
            "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse",
            "anthropic.claude-3-5-sonnet-20241022-v2:0",
            False,
        ),
        ("/model/anthropic.claude-3-5-sonnet/converse-stream", "anthropic.claude-3-5-sonnet", True),
        ("/model/x/invoke-with-response-stream", "x", True),
        ("/openai/deployments/gpt-4o/chat/completions", "gpt-4o", False),
        ("/v1/chat/completions", "", False),
        ("/v1/models", "", False),
        ("/v1/models/gpt-4o", "", False),
        ("", "", False),
    ],
)
def test_some_apis_name_the_model_and_ask_for_a_stream_in_the_path(path: str, model: str, streams: bool) -> None:
    assert (model_in(path), streams_at(path)) == (model, streams)
