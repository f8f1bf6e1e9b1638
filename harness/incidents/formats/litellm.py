"""LiteLLM's proxy: rows of ``LiteLLM_SpendLogs`` and ``LiteLLM_ErrorLogs``, and what its callbacks write, as JSON or CSV; times in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import nan
from typing import Any

from harness.incidents.calls import FAILED, OK, Broken, Call, Passed, hashed
from harness.incidents.formats.base import calls_in
from harness.incidents.outcomes import host_of, of_error, of_status
from harness.incidents.source import Source, decoded
from harness.incidents.stamps import count, number

_WAIT = re.compile(r"(?:retry|try again)[\s_-]*(?:after|in)\D{0,20}?(\d+(?:\.\d+)?)\s*(ms|s\b|sec)", re.IGNORECASE)
"""How a provider's message words a wait, which LiteLLM keeps where it keeps no header."""
_MESSAGE_MOST = 2_000


class LiteLLM:
    """LiteLLM's spend and error logs, as JSON, JSON lines or CSV."""

    def suits(self, head: bytes) -> bool:
        return b"startTime" in head and any(
            word in head for word in (b"custom_llm_provider", b"litellm_model_name", b"litellm_call_id", b"model_group")
        )

    def read(self, source: Source) -> Iterator[Call | Broken | Passed]:
        return calls_in(source, _call)


def _call(row: Mapping[str, Any], source: Source) -> Call:
    began_s = source.seconds(row.get("startTime"))
    ended, first = row.get("endTime"), row.get("completionStartTime")
    taken_ms = number(row.get("request_duration_ms"))
    if taken_ms is None and ended:
        taken_ms = 1e3 * (source.seconds(ended) - began_s)
    first_ms = 1e3 * (source.seconds(first) - began_s) if first else nan
    error = error_of(row)
    message = str(error.get("error_message") or row.get("error_str") or row.get("exception_string") or "")[
        :_MESSAGE_MOST
    ]
    came_to = _came_to(row, error, message)
    return Call(
        began_s,
        came_to,
        taken_ms if taken_ms is not None else nan,
        # A call that is not streamed has its end there.
        first_ms if taken_ms is not None and 0 <= first_ms < taken_ms else nan,
        _link(row, came_to != OK),
        str(row.get("model") or row.get("litellm_model_name") or row.get("model_group") or ""),
        count(row.get("prompt_tokens")),
        count(row.get("completion_tokens")),
        _wait_s(message),
        str(row.get("session_id") or ""),
        str(row.get("litellm_call_id") or ""),
        span=hashed(str(row.get("request_id") or row.get("id") or "")),
        prompt=_prompt(row.get("messages")),
    )


def error_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stands at ``metadata.error_information``, or at the row's own as callbacks write it; empty where nothing does."""
    metadata = row.get("metadata")
    if isinstance(metadata, str) and metadata.lstrip()[:1] == "{":
        metadata = decoded(metadata.encode())
    inside = metadata.get("error_information") if isinstance(metadata, dict) else None
    found = inside or row.get("error_information")
    return {name: value for name, value in found.items() if value} if isinstance(found, dict) else {}


def _came_to(row: Mapping[str, Any], error: Mapping[str, Any], message: str) -> int:
    name = str(error.get("error_class") or row.get("exception_type") or "")
    status = str(row.get("status") or "").lower()
    if status == "success" or (status != "failure" and not (error or name)):
        return OK
    by_name = of_error(name) if name else FAILED
    if by_name < OK and by_name != FAILED:
        return by_name  # a time-out has a status of the proxy's own making
    code = str(error.get("error_code") or row.get("status_code") or "")
    found = of_status(int(code)) if code.isdecimal() and len(code) == 3 else OK
    return found if found != OK else by_name if by_name != FAILED else of_error(message)


def _link(row: Mapping[str, Any], failed: bool) -> str:
    host = host_of(str(row.get("api_base") or ""))
    # Rows of failures often have no address, and the provider's name would make another link of them.
    return host or ("" if failed else str(row.get("custom_llm_provider") or ""))


def _wait_s(message: str) -> float:
    found = _WAIT.search(message)
    return float(found[1]) / (1e3 if found[2].lower() == "ms" else 1.0) if found else nan


def _prompt(messages: object) -> str:
    """What the last message of a user says, where messages were logged."""
    if isinstance(messages, str) and messages.lstrip()[:1] == "[":
        messages = decoded(messages.encode())
    if not isinstance(messages, list):
        return ""
    said = [one.get("content") for one in messages if isinstance(one, dict) and one.get("role") == "user"]
    return said[-1] if said and isinstance(said[-1], str) else ""
