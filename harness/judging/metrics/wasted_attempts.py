"""Attempts that did nobody any good: for a client that had gone, for one that had its answer, and after an answer that was final."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from harness.judging.evidence import Evidence
from harness.judging.metrics.attempts import OfSomeKind
from harness.judging.metrics.telling import Said

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.judging.scoring.distributions import Bools

LATE_S = 0.25
"""So much later than its request an attempt may end before somebody worked on for nobody: a service needs a moment to hear of it."""
RETRYABLE = frozenset({408, 409, 425, 429})
"""Client errors after which another try may go well; the SDKs of OpenAI and Anthropic retry 408, 409 and 429, RFC 8470 says so of 425."""


class OrphanedAttempts(OfSomeKind):
    """Attempts begun, or still going on, more than 0.25 s after their client had gone or had its answer; per request that made any.

    They cost money, take capacity from those who still wait, and help nobody.
    """

    name: ClassVar[str] = "orphaned_attempts"
    title: ClassVar[str] = "Orphaned attempts"
    about: ClassVar[str] = "attempts for each request that went on when its client had gone"
    broken_first: ClassVar[int] = 36
    held_first: ClassVar[int] = 36

    def kind(self, run: Evidence) -> Bools:
        import numpy as np

        ended_s = np.append(run.column("requests", "end_s"), np.nan)[run.request_rows()]
        gone_s = np.where(np.isnan(ended_s), np.inf, ended_s) + LATE_S
        until_s = run.column("attempts", "end_s")
        orphaned: Bools = np.where(np.isnan(until_s), np.inf, until_s) > gone_s
        return orphaned

    def broken(self, said: Said) -> str:
        return f"for each request {said.value} attempts went on when its client had gone{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        many = "no attempt" if said.number == 0 else f"{said.value} attempts a request"
        return f"{many} went on when the client had gone{said.where}"


class DuplicateCompletions(OfSomeKind):
    """Whole answers (200) of providers to a request beyond the first one, each of which was paid for; per request that made any attempt."""

    name: ClassVar[str] = "duplicate_completions"
    title: ClassVar[str] = "Duplicate completions"
    about: ClassVar[str] = "whole answers beyond the first for each request"
    broken_first: ClassVar[int] = 37
    held_first: ClassVar[int] = 37

    def kind(self, run: Evidence) -> Bools:
        import numpy as np

        whole = (run.column("attempts", "status") == 200) & (run.column("attempts", "outcome") == "complete")
        request = run.column("attempts", "request")
        again = np.zeros(request.size, np.bool_)
        mine = np.flatnonzero(whole & (request >= 0))
        # By when they were whole: the first one is the one that was needed.
        order = mine[np.lexsort((run.column("attempts", "end_s")[mine], request[mine]))]
        again[order[1:]] = request[order[1:]] == request[order[:-1]]
        return again

    def broken(self, said: Said) -> str:
        return f"each request got {said.value} whole answers more than it needed{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        many = (
            "no request got more than one whole answer" if said.number == 0 else f"a request got {said.value} too many"
        )
        return f"{many} of the providers{said.where}"


class NonRetryableRetries(OfSomeKind):
    """Attempts on a link that had just answered the same request with an error that another try cannot mend; per request that made any.

    Such are the client errors but 408, 409, 425 and 429.
    """

    name: ClassVar[str] = "non_retryable_retries"
    title: ClassVar[str] = "Retries in vain"
    about: ClassVar[str] = "attempts for each request after an answer that no retry can mend"
    broken_first: ClassVar[int] = 38
    held_first: ClassVar[int] = 38

    def kind(self, run: Evidence) -> Bools:
        import numpy as np

        def column(name: str) -> npt.NDArray[Any]:
            return run.column("attempts", name)

        request, start_s, end_s = column("request"), column("start_s"), column("end_s")
        link = np.unique(column("link"), return_inverse=True)[1]
        order = np.lexsort((start_s, link, request))
        before, after = order[:-1], order[1:]
        status = run.column("attempts", "status")
        final = (status >= 400) & (status < 500) & ~np.isin(status, list(RETRYABLE))
        same = (request[before] == request[after]) & (link[before] == link[after])
        vain = np.zeros(request.size, np.bool_)
        vain[after] = same & final[before] & (end_s[before] <= start_s[after])
        return vain

    def broken(self, said: Said) -> str:
        many = f"each request was tried {said.value} times more"
        return f"{many} after an answer that no retry can mend{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        if said.number == 0:
            return f"nothing was tried again after an answer that no retry can mend{said.where}"
        return super().held(said)
