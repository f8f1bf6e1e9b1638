"""What a call came to and whom it went to, from what logs have for it: a status, the name of an error, a free text, an address."""

from __future__ import annotations

import re

from harness.incidents.calls import CUT, FAILED, LEFT, OK, TIMED_OUT, UNREACHABLE

_STATUS = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_OF_AN_API = r"v\d|(?:sk|pk|key|api|chat|completions|responses|messages|embeddings|models|openai)(?![A-Za-z0-9])"
_NAME = re.compile(rf"[A-Za-z][A-Za-z0-9_-]{{0,23}}(?:/(?!{_OF_AN_API})[A-Za-z0-9_-]{{1,15}}){{1,3}}$", re.IGNORECASE)
"""A provider and what is its own (``azure/east``); what is longer could be a key, and words of an API begin its path."""
_BY_WORD = (
    (TIMED_OUT, re.compile(r"time[d\s_-]*out|deadline|etimedout", re.IGNORECASE)),
    (CUT, re.compile(r"remoteprotocol|incomplete|chunkedencoding|prematur|mid.?stream|unexpected.?eof|truncat|readerror", re.IGNORECASE)),
    (LEFT, re.compile(r"cancel|clientdisconnect|client.?closed", re.IGNORECASE)),
    (UNREACHABLE, re.compile(r"connect|refused|reset|dns|name.?resol|getaddrinfo|unreachable|no.?route|socket", re.IGNORECASE)),
)  # fmt: skip
_BY_CLASS = {
    "RateLimitError": 429,
    "InternalServerError": 500,
    "ServiceUnavailableError": 503,
    "OverloadedError": 529,
    "BadRequestError": 400,
    "ContextWindowExceededError": 400,
    "ContentPolicyViolationError": 400,
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "UnprocessableEntityError": 422,
}
"""What the errors of OpenAI's and LiteLLM's SDKs stand for (openai-python, `_exceptions.py`; litellm, `exceptions.py`)."""
CLIENT_CLOSED = 499


def of_status(status: int) -> int:
    """What a response with *status* is; 0 is one that never came, as nobody was there any more to get it."""
    if status == CLIENT_CLOSED or status == 0:
        return LEFT
    return status if 400 <= status <= 599 else OK


def of_error(text: str) -> int:
    """What an error with this name, or this *text*, is."""
    text = text[:2_000]
    if text.strip() in ("", "_OTHER"):
        return FAILED
    for name, status in _BY_CLASS.items():
        if name in text:
            return status
    found = _STATUS.search(text)
    if found:
        return of_status(int(found[1]))
    return next((what for what, words in _BY_WORD if words.search(text)), FAILED)


def host_of(address: str) -> str:
    """The host of *address*, and its port where that is said; nothing of its scheme, user, path and query, in which keys stand.

    What is a name with strokes in it, as a router has for its deployments (``azure/east``), is no address, and stays whole.
    """
    if _NAME.match(address.strip()) and not address.strip().startswith("localhost/"):
        return address.strip()
    authority = re.split(r"[/?#\\]", _SCHEME.sub("", address.strip(), count=1), maxsplit=1)[0]
    return authority.rpartition("@")[2]
