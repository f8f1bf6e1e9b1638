"""Attempts that did nobody any good: for a client that had gone, for one that had its answer, and after an answer that was final."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from harness.judging.metrics.attempts import OfSomeKind, asked_for, several, tried_again
from harness.judging.metrics.telling import Said
from harness.judging.presses import over
from harness.judging.serving import for_words
from harness.protocols.said_error import mends

if TYPE_CHECKING:
    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Bools

LATE_S = 0.25
"""So much later than its request an attempt may end before somebody worked on for nobody: a service needs a moment to hear of it."""


def final(run: Evidence) -> Bools:
    """Which attempts of *run* were answered with an error that no other try can mend."""

    def made() -> Bools:
        import numpy as np

        answers = np.zeros(len(run.attempt_table), np.bool_)
        failed = np.flatnonzero(run.column("attempts", "status") >= 400)
        status = run.column("attempts", "status")[failed]
        code, said = (run.words("attempts", name)[failed] for name in ("error", "should_retry"))
        codes, says = max(1, len(code.vocabulary)), max(1, len(said.vocabulary))
        keys = (status.astype(np.int64) * codes + code.codes) * says + said.codes
        _, first, of = np.unique(keys, return_index=True, return_inverse=True)
        last = [not mends(int(status[at]), code[at], said[at]) for at in first.tolist()]
        answers[failed] = np.array(last, np.bool_)[of]
        return answers

    found: Bools = run.once("final answers", made)
    return found


class OrphanedAttempts(OfSomeKind):
    """Attempts begun, or still going on, more than 0.25 s after their client had gone or had its answer; per request that made any.

    A client that asks again has gone from what it asked before. They cost money, take capacity from those who still wait, and help nobody.
    """

    name: ClassVar[str] = "orphaned_attempts"
    title: ClassVar[str] = "Orphaned attempts"
    about: ClassVar[str] = "attempts for each request that went on when its client had gone"
    broken_first: ClassVar[int] = 36
    held_first: ClassVar[int] = 36

    def kind(self, run: Evidence) -> Bools:
        import numpy as np

        ended_s = over(run).end_s
        gone_s = np.where(np.isnan(ended_s), np.inf, ended_s) + LATE_S
        until_s = run.column("attempts", "end_s")
        orphaned: Bools = np.where(np.isnan(until_s), np.inf, until_s) > gone_s
        return orphaned

    def broken(self, said: Said) -> str:
        return f"for each request {said.counted('attempt')} went on when its client had gone{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        many = "no attempt" if said.number == 0 else f"{said.counted('attempt')} a request"
        return f"{many} went on when the client had gone{said.where}"


class DuplicateCompletions(OfSomeKind):
    """Whole answers (200) of providers to a request beyond the first one, each of which was paid for; per request that made any attempt.

    Who has an answer and then asks something else, as an agent does with what a tool said, makes another call, which has a first one, too.
    """

    name: ClassVar[str] = "duplicate_completions"
    title: ClassVar[str] = "Duplicate completions"
    about: ClassVar[str] = "whole answers beyond the first for each request"
    broken_first: ClassVar[int] = 37
    held_first: ClassVar[int] = 37

    def kind(self, run: Evidence) -> Bools:
        import numpy as np

        from harness.record.columns import ordered

        whole = (run.column("attempts", "status") == 200) & (run.words("attempts", "outcome") == "complete")
        whole &= for_words(run)
        rows, end_s, step = run.request_rows(), *(run.column("attempts", name) for name in ("end_s", "step"))
        again = np.zeros(rows.size, np.bool_)
        mine = several(np.where(whole, rows, -1))
        # By when they were whole: the first one is the one that was needed.
        order = mine[ordered(rows[mine], end_s[mine])]
        of = rows[order]
        later = np.flatnonzero(np.append(False, of[1:] == of[:-1])[: order.size]).tolist()
        asked = asked_for(run, np.sort(mine)) if later else {}
        for at, first in zip(later, of.searchsorted(of[later]).tolist(), strict=True):
            before = order[first:at].tolist()
            again[order[at]] = any(
                step[one] == step[order[at]] and _same_call(run, asked, int(order[at]), one) for one in before
            )
        return again

    def broken(self, said: Said) -> str:
        return f"each request got {said.counted('whole answer')} more than it needed{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        many = (
            "no request got more than one whole answer" if said.number == 0 else f"a request got {said.value} too many"
        )
        return f"{many} of the providers{said.where}"


def _same_call(run: Evidence, asked: Mapping[int, str], later: int, earlier: int) -> bool:
    """Whether the attempt *later* may have asked for what *earlier* was answered: something else was asked behind it, in the same words."""
    path = run.words("attempts", "path").codes
    start_s, end_s = (run.column("attempts", name) for name in ("start_s", "end_s"))
    of_later, of_earlier = asked.get(later, ""), asked.get(earlier, "")
    other = bool(of_later and of_earlier) and of_later != of_earlier
    return not (other and path[later] == path[earlier] and start_s[later] >= end_s[earlier])


class NonRetryableRetries(OfSomeKind):
    """Attempts on a link that had just answered the same request with an error that another try cannot mend; per request that made any.

    Such are the client errors but 408, 409, 425 and 429; a 429 whose code says that the money or the quota of a day is used up; and what
    says ``x-should-retry: false``.
    """

    name: ClassVar[str] = "non_retryable_retries"
    title: ClassVar[str] = "Retries in vain"
    about: ClassVar[str] = "attempts for each request after an answer that no retry can mend"
    broken_first: ClassVar[int] = 38
    held_first: ClassVar[int] = 38

    def kind(self, run: Evidence) -> Bools:
        import numpy as np

        before, after = tried_again(run)
        vain = np.zeros(len(run.attempt_table), np.bool_)
        vain[after] = final(run)[before] & (
            run.column("attempts", "end_s")[before] <= run.column("attempts", "start_s")[after]
        )
        return vain

    def broken(self, said: Said) -> str:
        many = f"each request was tried {said.counted('time')} more"
        return f"{many} after an answer that no retry can mend{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        if said.number == 0:
            return f"nothing was tried again after an answer that no retry can mend{said.where}"
        return super().held(said)
