"""Who served each request: the link on which the answer was said that its client got; and whether that is where it usually comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.judging.sample import before_faults, nonces
from harness.planning.plan import Plan
from harness.protocols.asked_for import in_words
from harness.protocols.sketch import read, squeezed
from harness.record.kept import DEAR

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Bools
    from harness.record.columns import Words

LATE_S = 0.25
"""So much later than its request an attempt may end that served it: a client may have its answer before the connection is done."""
SELDOM = 0.1
"""A link that answers a smaller share of an entry's requests while nothing is broken is not where they usually go."""


def providers(plan: Plan) -> list[str]:
    """Names of the links on which requests are served: the HTTP links of kind ``provider``; all HTTP links where there is none."""
    carrying = {name: link.kind for name, link in plan.target.links.items() if link.carries == "http"}
    return [name for name, kind in carrying.items() if kind == "provider"] or list(carrying)


def for_words(run: Evidence) -> Bools:
    """Which attempts of *run* asked for what a request may be served with: an answer in words, on a link that serves.

    An embedding is none, nor what a tool or a store says, though an answer is made with them.
    """

    def made() -> Bools:
        import numpy as np

        on_a_server = run.words("attempts", "link").isin(providers(run.plan))
        wanted: Bools = on_a_server & run.words("attempts", "path").each(in_words, np.bool_)
        return wanted

    found: Bools = run.once("asked for words", made)
    return found


def servers(run: Evidence) -> Words:
    """Of each request the link that served it; empty where it has no complete answer, or no provider was seen to give one."""
    found: Words = run.once("servers", lambda: _servers(run), DEAR)
    return found


def usual(run: Evidence) -> dict[str, frozenset[str]]:
    """The links that usually serve the requests to each entry: those that did so in the baseline, and not seldom."""

    def made() -> dict[str, frozenset[str]]:
        return {entry: _usual_at(run, entry) for entry in run.plan.target.entries_by_name}

    found: dict[str, frozenset[str]] = run.once("usual servers", made)
    return found


def elsewhere(run: Evidence) -> Bools:
    """Which requests were served on another link than they were tried on first, or than those to their entry usually are."""
    found: Bools = run.once("served elsewhere", lambda: _elsewhere(run))
    return found


def _servers(run: Evidence) -> Words:
    import numpy as np

    from harness.record.columns import Words, ordered

    index, ended_s = run.column("requests", "index"), run.column("requests", "end_s")
    rows, link = run.request_rows(), run.words("attempts", "link")
    found = np.full(index.size, len(link.vocabulary), np.int32)
    names = [*link.vocabulary, ""]
    if not link.size:
        return Words.numbered(found, names)
    until_s = run.column("attempts", "end_s")
    whole = (run.column("attempts", "status") == 200) & (run.words("attempts", "outcome") == "complete")
    whole &= (rows >= 0) & for_words(run) & (until_s <= np.append(ended_s, np.nan)[rows] + LATE_S)
    whole &= np.append(run.words("requests", "outcome") == "complete", False)[rows]
    mine = np.flatnonzero(whole)
    # The last one: who has a whole answer and asks once more did not like the first; of the press that was served, where that has any.
    press = run.column("attempts", "press")
    order = mine[ordered(rows[mine], press[mine], until_s[mine])]
    found[rows[order]] = link.codes[order]
    several = _several(rows[order], link.codes[order])
    told = _said(run, several) if several else {}
    for row in several:
        if said := _as_said(run, row, told):
            names.append(said)
            found[row] = len(names) - 1
    return Words.numbered(found, names)


def _several(rows: npt.NDArray[np.intp], links: npt.NDArray[np.integer[Any]]) -> list[int]:
    """Rows of requests that more than one link answered; *rows* are in order."""
    import numpy as np

    apart = (rows[1:] == rows[:-1]) & (links[1:] != links[:-1])
    return [int(row) for row in np.unique(rows[1:][apart])]


def _as_said(run: Evidence, row: int, said: Mapping[int, list[tuple[str, str]]]) -> str:
    """The one link on which the very text was *said* that the client of request *row* got; empty where that is none or several."""
    text = squeezed(run.words("requests", "answer")[row])
    links = {
        link
        for link, written in said.get(int(nonces(run)[0][row]), [])
        if (known := read(written)) and known.is_text(text)
    }
    return links.pop() if len(links) == 1 else ""


def _said(run: Evidence, rows: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """By the number of its nonce what was said to each of the requests in *rows*, and on which link."""
    import numpy as np

    requests, arrivals = nonces(run)
    mine = np.flatnonzero(np.isin(arrivals, requests[[*rows]]) & (arrivals >= 0))
    columns = (run.words("arrivals", name)[mine].tolist() for name in ("link", "sketch"))
    found: dict[int, list[tuple[str, str]]] = {}
    for nonce, link, written in zip(arrivals[mine].tolist(), *columns, strict=True):
        if written:
            found.setdefault(nonce, []).append((link, written))
    return found


def _usual_at(run: Evidence, entry: str) -> frozenset[str]:
    here = before_faults(run) & (run.words("requests", "entry") == entry)
    served = servers(run)[here]
    served = served[served != ""]
    return frozenset(name for name in served.unique() if (served == name).mean() >= SELDOM)


def _elsewhere(run: Evidence) -> Bools:
    import numpy as np

    served, entry = servers(run), run.words("requests", "entry")
    unusual = np.zeros(served.size, np.bool_)
    for name, links in usual(run).items():
        # Where nothing is known of an entry, nothing is unusual there.
        unusual |= (entry == name) & ~served.isin(links) & bool(links)
    first = _first_tried(run)
    away: Bools = (served != "") & (unusual | ((first != "") & (first != served)))
    return away


def _first_tried(run: Evidence) -> Words:
    """Of each request the link on which it was tried first; empty where that is unknown."""
    import numpy as np

    from harness.record.columns import Words

    rows, link = run.request_rows(), run.words("attempts", "link")
    first = np.full(len(run.request_table), len(link.vocabulary), np.int32)
    mine = np.flatnonzero((rows >= 0) & for_words(run)) if link.size else np.zeros(0, np.intp)
    # The table is in order of start, so the last that is written is the first that began.
    first[rows[mine[::-1]]] = link.codes[mine[::-1]]
    return Words.numbered(first, [*link.vocabulary, ""])
