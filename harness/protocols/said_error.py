"""What an error of a provider says of itself: its code, in the words of whichever API, and whether another try can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from harness.protocols.model_stream import UNREADABLE

CHARACTERS_MAX = 60
FINAL = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "billing_not_active",
        "billing_hard_limit_reached",
        "enforced_spend_limit_reached",
    }
)
"""Codes of what no wait mends, though their status is that of a limit: money that is used up at OpenAI and Azure, and at Anthropic."""
_OF_A_DAY = "PerDay"
"""Google's quotas are called by what they are of; one of a day, or of none at all, comes back on another day (`quotaId`)."""
RETRYABLE = frozenset({408, 409, 425, 429})
"""Client errors after which another try may go well; the SDKs of OpenAI and Anthropic retry 408, 409 and 429, RFC 8470 says so of 425."""


def code_said(body: bytes) -> str:
    """The code of the error that *body* is: the one that is final, where it says several; empty where it says none."""
    try:
        document = msgspec.json.decode(body)
    except UNREADABLE:
        return ""
    codes = [code[:CHARACTERS_MAX] for code in _codes(document) if isinstance(code, str) and code]
    return next((code for code in codes if is_final(code)), codes[0] if codes else "")


def is_final(code: str) -> bool:
    """Whether what *code* stands for stays, however long one waits for an answer."""
    return code in FINAL or _OF_A_DAY in code


def mends(status: int, code: str = "", should_retry: str = "") -> bool:
    """Whether another try may mend an answer with *status* and *code*; *should_retry*: what ``x-should-retry`` says.

    A provider that says ``false`` knows better; that it says ``true`` mends no request that is wrong.
    """
    if should_retry == "false":
        return False
    return not is_final(code) and (not 400 <= status < 500 or status in RETRYABLE)


def _codes(document: Any) -> Iterator[object]:
    """All that may be a code in an error of OpenAI, Anthropic or Google, the most telling first."""
    for one in document if isinstance(document, list) else [document]:
        error = one.get("error") if isinstance(one, dict) else None
        if not isinstance(error, dict):
            continue
        details = error.get("details")
        if isinstance(details, dict):
            yield details.get("error_code")
        yield from _quotas(details)
        for name in ("code", "type", "status"):
            yield error.get(name)


def _quotas(details: object) -> Iterator[object]:
    """Which quotas a Google error says are used up."""
    for detail in details if isinstance(details, list) else []:
        violations = detail.get("violations") if isinstance(detail, dict) else None
        for violation in violations if isinstance(violations, list) else []:
            if isinstance(violation, dict):
                yield violation.get("quotaId")
