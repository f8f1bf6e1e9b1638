"""Asks with one SDK, as its README says, and tells what came of it; run by `sdk_contracts.py` in an environment that has nothing else.

``python asked_by_sdk.py SDK`` reads one question a line, ``{"url": …, "way": "call" | "retry" | "stream" | "responses", "timeout_s": 5,
"model": "m"}``, and writes one answer a line: the text that came, what was raised and how long it would have slept.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

SAID = "Hello there"
Ask = Callable[[str, str, float, str], Iterator[str]]
"""Pieces of the answer at a URL, asked for in one way, with a time-out, and of a model."""


def openai_sdk() -> Ask:
    import openai

    def ask(url: str, way: str, timeout_s: float, model: str) -> Iterator[str]:
        with openai.OpenAI(base_url=f"{url}/v1", api_key="k", timeout=timeout_s) as client:
            yield from _chat(client, way, model)

    return ask


def azure_sdk() -> Ask:
    import openai

    def ask(url: str, way: str, timeout_s: float, model: str) -> Iterator[str]:
        said: Any = {"azure_endpoint": url, "api_key": "k", "api_version": "2026-10-01", "timeout": timeout_s}
        with openai.AzureOpenAI(**said) as client:
            yield from _chat(client, way, model)

    return ask


def _chat(client: Any, way: str, model: str) -> Iterator[str]:
    if way == "responses":
        with client.responses.create(model=model, input=SAID, stream=True) as events:
            yield from (event.delta for event in events if event.type == "response.output_text.delta")
        return
    messages = [{"role": "user", "content": SAID}]
    if way != "stream":
        said = client.chat.completions.create(model=model, messages=messages).choices[0].message
        yield said.content or ""
        yield from (_called(call.function.name, call.function.arguments) for call in said.tool_calls or ())
        return
    with client.chat.completions.create(model=model, messages=messages, stream=True) as stream:
        yield from (choice.delta.content or "" for chunk in stream for choice in chunk.choices)


def _called(name: str, arguments: object) -> str:
    """The call of a tool, as text."""
    return f"{name}({arguments!r})"


def anthropic_sdk() -> Ask:
    import anthropic

    def ask(url: str, way: str, timeout_s: float, model: str) -> Iterator[str]:
        said: Any = {"model": model, "messages": [{"role": "user", "content": SAID}], "max_tokens": 99}
        with anthropic.Anthropic(base_url=url, api_key="k", timeout=timeout_s) as client:
            if way != "stream":
                content: Any = client.messages.create(**said).content
                yield from (part.text if part.type == "text" else _called(part.name, part.input) for part in content)
                return
            with client.messages.create(**said, stream=True) as events:
                yield from (event.delta.text for event in events if event.type == "content_block_delta")

    return ask


def genai_sdk() -> Ask:
    from google import genai
    from google.genai import types

    def ask(url: str, way: str, timeout_s: float, model: str) -> Iterator[str]:
        # Of its own it tries once; five times where it is told to retry and no more.
        retry = types.HttpRetryOptions() if way == "retry" else None
        options = types.HttpOptions(base_url=url, timeout=int(timeout_s * 1000), retry_options=retry)
        with genai.Client(api_key="k", http_options=options) as client:
            if way != "stream":
                yield client.models.generate_content(model=model, contents=SAID).text or ""
                return
            for chunk in client.models.generate_content_stream(model=model, contents=SAID):
                yield chunk.text or ""

    return ask


def botocore_sdk() -> Ask:
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session()
    session.set_credentials("a", "k")

    def ask(url: str, way: str, timeout_s: float, model: str) -> Iterator[str]:
        config = Config(read_timeout=timeout_s)
        client = session.create_client("bedrock-runtime", region_name="eu-west-1", endpoint_url=url, config=config)
        messages = [{"role": "user", "content": [{"text": SAID}]}]
        if way != "stream":
            # An answer that was cut off may come without anything in it, and without a word.
            answer = client.converse(modelId=model, messages=messages).get("output", {})
            yield "".join(part["text"] for part in answer.get("message", {}).get("content", ()))
        else:
            for event in client.converse_stream(modelId=model, messages=messages)["stream"]:
                yield event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
        client.close()

    return ask


SDKS: dict[str, Callable[[], Ask]] = {
    "openai": openai_sdk,
    "azure-openai": azure_sdk,
    "anthropic": anthropic_sdk,
    "gemini": genai_sdk,
    "bedrock": botocore_sdk,
}


def told(ask: Ask, question: dict[str, Any]) -> dict[str, Any]:
    """What *question* came to: the text, and of an exception its name, the status and the code that it has."""
    text, raised, status, code = "", "", None, None
    slept_s.clear()
    try:
        for piece in ask(question["url"], question["way"], question["timeout_s"], question["model"]):
            text += piece
    except Exception as error:  # noqa: BLE001 - which one it is, is what is asked
        raised = f"{type(error).__module__.partition('.')[0]}.{type(error).__name__}"
        status, code = _status_and_code(error)
    return {"text": text, "raised": raised, "status": status, "code": code, "slept_s": [round(s, 1) for s in slept_s]}


def _status_and_code(error: Any) -> tuple[int | None, str | None]:
    """Of botocore's errors they stand in the answer, of Google's the number is the code and the word is the status."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        return answer.get("ResponseMetadata", {}).get("HTTPStatusCode"), answer["Error"]["Code"]
    if isinstance(getattr(error, "code", None), int):
        return error.code, error.status
    return getattr(error, "status_code", None), getattr(error, "code", None) or getattr(error, "type", None)


slept_s: list[float] = []


def main() -> None:
    time.sleep = slept_s.append  # a client that waits says so, and goes on
    ask = SDKS[sys.argv[1]]()
    for line in sys.stdin:
        print(json.dumps(told(ask, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
