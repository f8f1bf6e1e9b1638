"""Attempts joined to the requests that they were made for, by nonce, and each request in the phase in which it was due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from math import inf
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.judging.answers import as_asked
from harness.judging.marks import NO_MARK, marks, number_in
from harness.planning.plan import Plan
from harness.protocols.asked_for import in_words
from harness.reading.questions import Question

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.scoring.answers import Bools, Floats, Publication
    from harness.record.columns import Table, Words

CLIENT = "client"
"""The layer of an attempt that a service would not have made, had its client not asked again."""
_FIRST = ("due_s", "start_s")
_LATER = ("sent_s", "last_sent_s", "forwarded_s", "first_byte_s", "first_token_s", "end_s")
"""Instants of a row that come after its first one. Their own order is open: an answer may begin before its request is whole."""
_HAIR_S = 0.005  # a sleep may end a hair before it is due to
_ODD = "instants out of order"
_OVERDUE_S = 5.0  # a client that is hardly ever scheduled may take an answer that came behind its deadline


def derive_requests(
    plan: Plan,
    requests: Table,
    attempts: Table,
    publications: Sequence[Publication] = (),
    asked: Mapping[str, Question] = MappingProxyType({}),
) -> Table:
    """*requests* in order of index with ``phase``, ``good``, ``latency_ms``, ``ttft_ms`` and ``attempts``.

    *attempts* are those that `derive_attempts` made. What answers have to say is known from *publications* and from the questions
    *asked*. Latency counts from when a request was due, and is NaN unless its answer completed, and where the instants cannot be as
    they are written.
    """

    from harness.record.columns import narrow

    rows = _in_order(requests, "index")
    index, due_s = rows.numbers("index"), rows.numbers("due_s")
    latency_ms = _after_due_ms(rows, "end_s")
    many = _attempts_of(index, attempts.numbers("request"))
    rows = rows.with_columns(
        phase=phases_of(plan, due_s),
        latency_ms=latency_ms,
        ttft_ms=lambda: _after_due_ms(rows, "first_token_s"),
        attempts=narrow(many, int(many.max(initial=0))),
    )
    in_time = latency_ms <= 1000 * plan.scenario.good.within
    return rows.with_columns(good=in_time & as_asked(plan, rows, publications, asked))


def _attempts_of(index: npt.NDArray[np.int64], request: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """How many attempts each request has, by its *index*, of which one may come twice; *request* is that of each attempt."""
    import numpy as np

    once = bool((index[1:] > index[:-1]).all())
    rows = (
        request if once and index.size and index[0] == 0 and index[-1] == index.size - 1 else number_in(index, request)
    )
    many = np.bincount(rows[rows >= 0], minlength=index.size)
    return many if once else many[index.searchsorted(index)]


def _after_due_ms(rows: Table, name: str) -> Floats:
    """How long after it was due each answer came to the instant of that *name*; NaN where it did not complete, or cannot have done so."""
    import numpy as np

    complete = (rows.words("outcome") == "complete") & ~_out_of_order(rows)
    return np.where(complete, 1000 * (rows.numbers(name) - rows.numbers("due_s")), np.nan)


def _in_order(rows: Table, by: str) -> Table:
    """*rows* in order of one of their columns; those that are equal stay as they are."""
    import numpy as np

    values = rows.numbers(by)
    return rows if (values[1:] >= values[:-1]).all() else rows.taken(np.argsort(values, kind="stable"))


def impossible(rows: Table) -> int:
    """How many of the rows of one table have instants out of the order in which they come."""
    return int(_out_of_order(rows).sum())


def endless(plan: Plan, requests: Table) -> int:
    """How many answers are said to be whole and never ended, or ended long after their client had given them up."""
    import numpy as np

    # Users of a locustfile give up when they like.
    most_s = inf if plan.closed else plan.scenario.load.deadline + _OVERDUE_S
    lasted_s = (requests.numbers("end_s") - requests.numbers("due_s"))[requests.words("outcome") == "complete"]
    return int((np.isnan(lasted_s) | (lasted_s > most_s)).sum())


def _out_of_order(rows: Table) -> Bools:
    """Which of *rows* have an instant before the one at which they began, or an answer that ended before it began."""
    if _ODD in rows:
        return rows.numbers(_ODD)
    pairs = [(first, later) for first in _FIRST for later in _LATER]
    pairs += [("first_byte_s", "end_s"), ("first_token_s", "end_s"), ("last_sent_s", "end_s")]
    at_s = {name: rows.numbers(name) for name in (*_FIRST, *_LATER) if name in rows}
    # A comparison with an instant that never came is false.
    odd: Bools = reduce(or_, (at_s[b] < at_s[a] - _HAIR_S for a, b in pairs if a in at_s and b in at_s))
    rows.hold(_ODD, odd)
    return odd


def derive_attempts(plan: Plan, attempts: Table, requests: Table) -> Table:
    """*attempts* in order of start with ``request`` (-1: joined to none), ``layer`` and ``phase`` (in which the request was due).

    Of a load that is the service's own, ``phase`` is that in which the attempt began.
    """
    import numpy as np

    from harness.judging.scoring.amplification import LAYERS, layer_places
    from harness.record.columns import Words, narrow

    rows = _in_order(attempts, "start_s")
    known, index, due_s = _known(requests)
    places = number_in(known, marks(rows))
    request = np.append(index, -1)[places]
    step = _steps(plan, rows, request)
    made = np.full(request.size, LAYERS.index("first"), np.int8)
    # What is the only attempt of its request is the first one.
    mine = _several(request)
    those, count = rows.taken(mine, held=True), rows.numbers("retry_count")[mine]
    made[mine] = layer_places(
        _wants(plan, those, request[mine]) * (step.max(initial=0) + 1) + step[mine],
        those.numbers("start_s"),
        those.words("link").codes,
        np.where(np.isnan(count), -1, count).astype(np.int64),
        those.numbers("end_s"),
    )
    # The first of a later press was made since its client asked again.
    made[(made == LAYERS.index("first")) & (rows.numbers("press") > 0)] = len(LAYERS)
    made[request < 0] = len(LAYERS) + 1
    # Of what is joined to no request anyhow nobody asks when that was due.
    at_s = np.append(due_s, np.nan)[places] if "joined" in plan.known else rows.numbers("start_s")
    return rows.with_columns(
        request=narrow(request, int(request.max(initial=0)) + 2),
        layer=Words(made, (*LAYERS, CLIENT, "")).map(str),
        phase=phases_of(plan, at_s),
        step=step,
    )


def _several(request: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """The places of those attempts whose *request* (-1: none) has another one, too."""
    import numpy as np

    from harness.record.columns import told_apart

    _, of = told_apart(request)
    return np.flatnonzero((np.bincount(of) > 1)[of] & (request >= 0)) if of.size else of


def _steps(plan: Plan, attempts: Table, request: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Which step of its request each attempt is a try of; a run of before bodies had marks knows of one step alone."""
    import numpy as np

    from harness.judging.scoring.steps import Attempts, steps

    body = attempts.numbers("asks")
    if not body.any():
        return np.broadcast_to(np.int64(0), request.size)
    status = attempts.numbers("status")
    good = (status >= 200) & (status < 300) & (attempts.words("outcome") == "complete")
    return steps(
        Attempts(
            request=request,
            press=attempts.numbers("press"),
            wants=_kinds(plan, attempts)[0],
            link=attempts.words("link").codes,
            asks=np.where(body == 0, -1, body),
            start_s=attempts.numbers("start_s"),
            end_s=attempts.numbers("end_s"),
            good=good,
        )
    )


def _known(requests: Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """The marks of *requests* in order, with the index and the due time of each.

    A nonce that two requests carry joins to neither: to guess would invent retries.
    """
    import numpy as np

    mark, index, due_s = marks(requests), requests.numbers("index"), requests.numbers("due_s")
    if mark.size and mark[0] != NO_MARK and (mark[1:] > mark[:-1]).all():  # as a run writes them
        return mark, index, due_s
    order = np.lexsort((index, mark))
    order = order[mark[order] != NO_MARK]
    of, at = mark[order], index[order]
    again = np.r_[False, of[1:] == of[:-1]][: order.size]
    another = again & np.r_[False, at[1:] != at[:-1]][: order.size]
    alone = ~again & ~np.isin(of, of[another])
    return of[alone], at[alone], due_s[order[alone]]


def _wants(plan: Plan, attempts: Table, request: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Of each of *attempts*, made for these requests, what its request wanted by it: those of one number are tries at the same thing.

    A chat after an embedding, or after what a tool said, is no failover, and what a client asks anew is asked from the start.
    """
    what, many = _kinds(plan, attempts)
    press = attempts.numbers("press")
    of_press = request * (press.max(initial=0) + 1) + press
    wants: npt.NDArray[np.int64] = of_press * many + what
    return wants


def _kinds(plan: Plan, attempts: Table) -> tuple[npt.NDArray[np.int64], int]:
    """What kind of thing each attempt asks for, by the kind of its link and by its path, as a number below the second one."""
    import numpy as np

    kinds = {name: str(link.kind) for name, link in plan.target.links.items()}
    numbers = {kind: 2 * number for number, kind in enumerate(sorted({"", *kinds.values()}))}
    what = attempts.words("link").each(lambda link: numbers[kinds.get(link, "")], np.int64)
    return what + attempts.words("path").each(in_words, np.int64), 2 * len(numbers)


def made_for_requests(attempts: Table, cut_s: float) -> Bools:
    """Which of *attempts* were made for requests: those that are joined to one, and those that ask for what joined ones ask for.

    A service may look by itself whether its provider is there, and such a call carries no nonce. *cut_s*: as `cut_off`.
    """
    import numpy as np

    joined: Bools = attempts.numbers("request") >= 0
    if joined.all():
        return joined
    method, path = attempts.words("method"), attempts.words("path")
    asks_for = method.codes.astype(np.int64) * max(1, len(path.vocabulary)) + path.codes
    made: Bools = joined | (np.isin(asks_for, np.unique(asks_for[joined])) & ~cut_off(attempts, cut_s))
    return made


def cut_off(attempts: Table, cut_s: float) -> Bools:
    """Which of *attempts* were still being said when the run ended, and had not come to their nonce: nobody can know what they were for.

    From *cut_s* on the run ended what was under way (`Evidence.cut_s`).
    """
    import numpy as np

    at_the_end = (attempts.words("outcome") == "unfinished") | (attempts.numbers("end_s") >= cut_s)
    unsaid: Bools = np.isnan(attempts.numbers("sent_s")) & at_the_end
    return unsaid & (marks(attempts) == NO_MARK) if unsaid.any() else unsaid


def since_the_load_began(rows: Table, requests: Table) -> Table:
    """*rows*, attempts or arrivals, without those of before: of the question that is asked then, and of a service that starts."""
    import numpy as np

    kept = rows.numbers("start_s") >= 0
    if kept.all():
        return rows
    mark = marks(rows)
    return rows.taken(kept | (np.isin(mark, marks(requests)) & (mark != NO_MARK)))


def phases_of(plan: Plan, due_s: Floats) -> Words:
    """The phase that each instant belongs to; an empty text where it belongs to none."""
    import numpy as np

    from harness.record.columns import Words

    edges, names = [phase.start_s for phase in plan.phases], [*(phase.name for phase in plan.phases), ""]
    places = np.searchsorted(edges, due_s, side="right") - 1
    # What users ask while they are heard out, after the end of a load that they decide on, is no part of it.
    nowhere = np.isnan(due_s) | (due_s >= plan.phases[-1].end_s if plan.closed else False)
    # A jittered arrival may be due a hair before 0 or after the end; it still belongs to the run. NaN sorts last and belongs nowhere.
    places = np.where(nowhere, len(names) - 1, np.clip(places, 0, len(names) - 2))
    return Words.numbered(places, names)
