"""The steps of a request: which of its attempts ask a provider for the same thing, told by digests of what each of them says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
_HAIR_S = 0.005  # an answer and the call that follows it may be seen in one breath


class Attempts(NamedTuple):
    """Columns of attempts, in any order: *asks* is a number for each different body, -1 where it is not known.

    *wants* tells kinds of calls apart that are never tries of one another, such as an embedding and a chat. NaN in *end_s*: it did not end.
    """

    request: Ints
    press: Ints
    wants: Ints
    link: npt.NDArray[np.integer]
    asks: Ints
    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    good: npt.NDArray[np.bool_]


def steps(of: Attempts) -> Ints:
    """Which step of its request each attempt is a try of, from 0; where not two bodies are known apart there is one step.

    Attempts of one body are tries of one step, on whichever link and for whichever press. Another body begins another step, unless it is
    the step before in other words: that one has had no good answer, and the attempt goes to a link that it had not tried (failover, in
    another API's words), or its tries on this link have all ended (another model, a shorter prompt). Each press of a client goes through
    the same steps: a body that was not seen before, since a time or a random id stands in it, is of the first that its press has not had.
    """
    found = np.zeros(of.request.size, np.int64)
    among = np.flatnonzero(_of_several(of.request, of.asks))
    order = among[np.lexsort((of.start_s[among], of.press[among], of.request[among]))]
    mine = of.request[order]
    begins = np.flatnonzero(np.r_[True, mine[1:] != mine[:-1]][: mine.size])
    for rows in np.split(order, begins[1:]) if mine.size else ():
        found[rows] = _steps(_taken(of, rows))
    return found


def _taken(of: Attempts, rows: npt.NDArray[np.intp]) -> Attempts:
    return Attempts(
        of.request[rows],
        of.press[rows],
        of.wants[rows],
        of.link[rows],
        of.asks[rows],
        of.start_s[rows],
        of.end_s[rows],
        of.good[rows],
    )


def _of_several(request: Ints, asks: Ints) -> npt.NDArray[np.bool_]:
    """Which attempts are of a request of which two bodies or more are known; of most requests there is one."""
    known = np.flatnonzero((request >= 0) & (asks >= 0))
    of, body = request[known], asks[known]
    some = np.full(int(request.max(initial=0)) + 1, -1, np.int64)
    some[of] = body
    several = np.zeros(some.size, np.bool_)
    several[of[some[of] != body]] = True
    return (request >= 0) & several[request]


def _steps(of: Attempts) -> list[int]:
    """The steps of one request, whose attempts are in order of press and start."""
    known: dict[int, int] = {}
    found: list[int] = []
    tried: dict[int, list[int]] = {}
    ends_s = np.where(np.isnan(of.end_s), np.inf, of.end_s)
    for at, (press, body) in enumerate(zip(of.press.tolist(), of.asks.tolist(), strict=True)):
        last = found[-1] if found and of.press[at - 1] == press else None
        if body in known:
            step = known[body]
        elif last is not None and (body < 0 or _in_other_words(of, ends_s, tried[last], at)):
            step = last
        elif body < 0:
            step = 0
        else:
            had = {one for one, of_press in zip(found, of.press.tolist(), strict=False) if of_press == press}
            step = next(n for n in range(len(tried) + 1) if n not in had)
        if body >= 0:
            known.setdefault(body, step)
        tried.setdefault(step, []).append(at)
        found.append(step)
    return found


def _in_other_words(of: Attempts, ends_s: npt.NDArray[np.float64], tries: list[int], at: int) -> bool:
    before = [one for one in tries if of.press[one] == of.press[at]]
    start_s = of.start_s[at] + _HAIR_S
    if any(of.wants[one] != of.wants[at] or (of.good[one] and ends_s[one] <= start_s) for one in before):
        return False
    here = [one for one in before if of.link[one] == of.link[at]]
    return not here or all(ends_s[one] <= start_s for one in here)
