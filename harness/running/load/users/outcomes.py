"""What Locust and the clients that it uses call a failure, in our words for what became of a request."""

from __future__ import annotations

from collections.abc import Iterator

from harness.record.rows import ELSEWHERE, RequestOutcome

_DETAIL_CHARS = 200

_BY_NAME: tuple[tuple[RequestOutcome, str, frozenset[str]], ...] = (
    ("unfinished", "", frozenset({"GreenletExit", "StopUser", "StopTest", "OverError"})),
    ("timed_out", "connect_timeout: ", frozenset({"ConnectTimeout", "ConnectTimeoutError"})),
    ("stalled", "", frozenset({"ReadTimeout", "ReadTimeoutError", "TimeoutError", "Timeout"})),
    ("refused", "", frozenset({"ConnectionRefusedError"})),
    ("refused", "unreachable: ", frozenset({"gaierror", "NameResolutionError"})),
    (
        "reset",
        "",
        frozenset({"RemoteDisconnected", "ConnectionResetError", "BrokenPipeError", "ConnectionAbortedError"}),
    ),
    ("truncated", "cut: ", frozenset({"IncompleteRead", "ChunkedEncodingError", "HTTPConnectionClosed", "CutError"})),
    ("malformed", "", frozenset({"ContentDecodingError", "DecodeError", "HTTPParseError", "JSONDecodeError"})),
)
"""Names of exceptions, the most telling first: several libraries have one of a name each, and one wraps another's."""


class UnsentError(OSError):
    """A request that was not sent, such as one that was for somebody else than the target."""


class StrayError(UnsentError, ConnectionRefusedError):
    """A connection that was not made: *where* is neither at the target nor allowed."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} is neither an entry of the target nor named in load.reaches; no connection was made to it"
        )


class OverError(Exception):
    """The load ended while a request was open."""


class CutError(Exception):
    """An answer that ended before it was whole, though its client takes it for whole."""


def outcome_of(failure: BaseException | str | None, status: int) -> tuple[RequestOutcome, str]:
    """What became of a request that was answered with *status* (0: with none), and what there is to say about it.

    *failure* is what Locust was told of it: None is a success, whatever the status, since a locustfile may say that a 404 is one.
    """
    if failure is None:
        return "complete", ""
    if isinstance(failure, UnsentError):
        return "not_sent", str(failure)[:_DETAIL_CHARS]
    behind = [*_chain(failure)] if isinstance(failure, BaseException) else []
    if stray := next((error for error in behind if isinstance(error, StrayError)), None):
        return "not_sent", str(stray)[:_DETAIL_CHARS]
    said = str(failure) or type(failure).__name__
    for outcome, before, names in _BY_NAME:
        if any(names & _names(error) for error in behind):
            return outcome, f"{before}{said}"[:_DETAIL_CHARS]
    return "error", (f"http {status}: {said}" if status >= 400 else said)[:_DETAIL_CHARS]


def elsewhere(address: str) -> UnsentError:
    """That a request was for *address*, which is no entry of the target."""
    return UnsentError(f"{ELSEWHERE}{address}")


def _chain(failure: BaseException) -> Iterator[BaseException]:
    """*failure* and what is behind it: its causes, and exceptions that it carries."""
    seen: list[BaseException] = []
    rest = [failure]
    while rest:
        error = rest.pop(0)
        if error in seen:
            continue
        seen.append(error)
        yield error
        carried = [part for part in (*error.args, getattr(error, "reason", None)) if isinstance(part, BaseException)]
        rest += [behind for behind in (error.__cause__, error.__context__) if behind is not None] + carried


def _names(error: BaseException) -> set[str]:
    # So the parser of Locust's fast session calls an end that came too soon.
    cut = {"CutError"} if str(error).startswith("Incomplete response") else set()
    return {kind.__name__ for kind in type(error).__mro__} | cut
