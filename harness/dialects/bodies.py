"""Bodies of errors that no API words: a page of what stands in front of it, nothing, and what only looks like JSON."""

from __future__ import annotations

from typing import Literal

from harness.dialects.base import Answer, phrase

Body = Literal["api", "html", "empty", "not_json"]
"""What an error has for a body: what its API says, or one of these."""

_PAGE = (
    "<html>\r\n<head><title>{status} {phrase}</title></head>\r\n<body>\r\n<center><h1>{status} {phrase}</h1></center>\r\n"
    "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
)


def with_body(answer: Answer, body: Body) -> Answer:
    """*answer*, but with that *body* and its content type."""
    if body == "api":
        return answer
    said, kind = {
        "html": (_PAGE.format(status=answer.status, phrase=phrase(answer.status)).encode(), "text/html"),
        "empty": (b"", ""),
        "not_json": (answer.body[: max(1, len(answer.body) // 2)], answer.headers["content-type"]),
    }[body]
    headers = {name: value for name, value in answer.headers.items() if name != "content-type"}
    return Answer(answer.status, answer.reason, said, {**({"content-type": kind} if kind else {}), **headers})
