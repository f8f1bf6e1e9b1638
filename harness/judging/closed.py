"""What a closed load came to: how many of its requests came a second, what has to be said of it, and what spoils it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.judging.evidence import Evidence
from harness.judging.starvation import loads
from harness.planning.curve import Linear
from harness.planning.plan import Plan
from harness.reading import quantities
from harness.record.instrument import Lateness, Machine, Stray
from harness.record.rows import ELSEWHERE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.record.columns import Table

LATE_MS = 50.0
"""Where the clients' own loop is later than this once in a hundred times, what they measure is their own slowness."""
HELD_S = 3.0
"""Where nothing of their process has run for so long up to the end of a run, though it was there, one of them keeps it."""
SILENT_S = 5.0
"""No shorter silence at the end of a run shows that users have left."""
_NAMED = 3
LONGER = 3.0
"""How many times as long as any silence before it that has to be."""


def as_it_was(plan: Plan, requests: Table) -> Plan:
    """*plan*, which knows of a closed load how many of its *requests* came a second in each phase; an open one as it is."""
    if not plan.closed:
        return plan
    spans = [(phase.name, phase.end_s - phase.start_s) for phase in plan.phases if phase.end_s > phase.start_s]
    came = requests.words("phase").counts()
    rates = [(span_s, float(came.get(name, 0)) / span_s) for name, span_s in spans]
    return replace(plan, seen=tuple(Linear(span_s, per_s, per_s) for span_s, per_s in rates))


def begun(evidence: Evidence) -> tuple[npt.NDArray[np.int64], int]:
    """The requests that the users of a closed load began, numbered from 0 on, and how many those were.

    Each of several workers gives numbers of its own, so many apart as there are workers; and says how many it began, as far as it could.
    """
    import numpy as np

    index, many = evidence.column("requests", "index").astype(np.int64), evidence.plan.scenario.load.workers
    said = {worker.number: worker.requests for worker in evidence.workers}
    nth, of = index // many, index % many
    counts = [max(said.get(one, 0), int(nth[of == one].max(initial=-1)) + 1) for one in range(many)]
    return (np.cumsum([0, *counts[:-1]])[of] + nth).astype(np.int64), sum(counts)


def waits(evidence: Evidence) -> float:
    """The share of requests that came when somebody had been answered, and not on a schedule."""
    import numpy as np

    if not evidence.plan.closed:
        return 0.0
    # Of what a lost worker left open nobody knows it.
    on_schedule = evidence.column("requests", "on_schedule")[~np.isnan(evidence.column("requests", "sent_s"))]
    return float((~on_schedule.astype(bool)).mean()) if on_schedule.size else 0.0


def closed(evidence: Evidence) -> Iterator[str]:
    """That the load was closed, in a few words; nothing where it was open."""
    if waits(evidence):
        yield f"the load was closed ({_who(evidence)}): what is slow slowed its own load down"


def _who(evidence: Evidence) -> str:
    """Whose load it was, and of how much of it that it is closed can be said where some users have a schedule."""
    share, who = waits(evidence), evidence.plan.scenario.load.who
    return who if share == 1 else f"{quantities.share(share)} of the requests of {who}"


def consequences(evidence: Evidence) -> str:
    """What follows of that; empty where the load was open."""
    if not waits(evidence):
        return ""
    return (
        f"The load was closed ({_who(evidence)}): who waits for an answer asks nothing meanwhile, so that what is slow "
        "slows its own load down and its worst moments are counted less (coordinated omission), and a recovery is known no finer than "
        "these users ask"
    )


def spoilt(evidence: Evidence) -> Iterator[str]:
    """What the users of a closed load did that keeps its numbers from being trusted."""
    if not evidence.plan.closed:
        return
    yield from _strayed(evidence)
    rows = evidence.request_table
    if said := _held(evidence):
        yield said
        if len(rows):
            yield from _elsewhere(rows)
        return
    if not len(rows):
        yield (
            f"{evidence.plan.scenario.load.who} asked nothing in the whole run: does their file have tasks, do those ask self.client, "
            "and does what comes before them, such as on_start, raise nothing?"
        )
        return
    yield from _elsewhere(rows)
    yield from _left(evidence)


def _held(evidence: Evidence) -> str:
    """That a task let nobody else of its process go on, up to the end; empty where none did, or nobody can know."""
    if evidence.plan.scenario.load.workers > 1 or evidence.ended is None or evidence.ended.reason != "completed":
        return ""
    seen = [one for one in evidence.measurements if isinstance(one, Machine) and "load" in one.threads]
    since_s, total_s = _last_sign_s(evidence), evidence.plan.total_s
    after = [one for one in seen if since_s <= one.at_s < total_s]
    # Its last line may be as old as they are apart.
    if not after or min(after[-1].at_s + after[-1].span_s, total_s) - since_s < HELD_S:
        return ""
    ran_s, all_s = sum(one.threads["load"][0] for one in after), sum(one.span_s for one in after)
    how = "computes" if ran_s > all_s / 2 else "waits in what Locust cannot switch away from"
    return (
        f"a task or listener of the locustfile never yielded: from {since_s:.1f} s on, to the end, nothing else of its process ran, and no "
        f"other user could ask; it {how}: have it call time.sleep or self.client now and then"
    )


def _last_sign_s(evidence: Evidence) -> float:
    """When the process of the users was last known to run more than one task."""
    import numpy as np

    lines = (one for one in evidence.measurements if isinstance(one, Lateness) and one.process == "load")
    of_rows = (float(np.fmax.reduce(evidence.column("requests", name), initial=0.0)) for name in ("sent_s", "end_s"))
    return max(*of_rows, *(one.at_s + one.span_s for one in lines))


def late(evidence: Evidence) -> Iterator[str]:
    """That the process in which the users of a closed load live was late, so that they measured themselves."""
    if not evidence.plan.closed:
        return
    found = [load.late["load"].p99_ms for load in loads(evidence) if "load" in load.late]
    if max(found, default=0.0) > LATE_MS:
        yield (
            f"the process in which the users live ran late: 1 time in 100 by {max(found):.0f} ms or more, and {LATE_MS:.0f} ms is the "
            "most; have fewer users, or let their tasks compute less"
        )


def _elsewhere(rows: Table) -> Iterator[str]:
    """Requests that were not sent since they were for somebody else than the target."""
    detail = rows.words("detail")
    refused = (rows.words("outcome") == "not_sent") & detail.each(lambda said: said.startswith(ELSEWHERE), bool)
    if refused.any():
        counts = detail[refused].counts()
        whither = ", ".join(one.removeprefix(ELSEWHERE) for one in sorted(counts, key=lambda one: -counts[one])[:3])
        yield (
            f"{int(refused.sum())} of {len(rows)} requests were for {whither}, which is no entry of the target, and were not sent: "
            "write paths in the locustfile, such as self.client.get('/hello'), and no whole addresses"
        )


def _strayed(evidence: Evidence) -> Iterator[str]:
    """Connections of the locustfile's own clients that were not made since they went to somebody else than the target."""
    counts = Counter[str]()
    for one in evidence.measurements:
        if isinstance(one, Stray):
            counts[one.address] += one.connections
    if not counts:
        return
    many, most = counts.total(), counts.most_common(_NAMED)
    more = f" and {len(counts) - len(most)} more" if len(counts) > len(most) else ""
    yield (
        f"clients of the locustfile's own wanted {quantities.counted(many, 'connection')} to "
        f"{', '.join(f'{where} ({times})' for where, times in most)}{more}, past the target, and got none: no link sees what they ask; "
        "lead them to self.host, or write load: {reaches: [HOST]} for what has nothing to do with the target"
    )


def _left(evidence: Evidence) -> Iterator[str]:
    """That the users went before the run was over, and nobody waits for an answer."""
    import numpy as np

    if evidence.ended is None or evidence.ended.reason != "completed":
        return
    due_s = np.sort(evidence.column("requests", "due_s"))
    until_s = float(np.nanmax(np.append(evidence.column("requests", "end_s"), due_s[-1])))
    silent_s, gaps = evidence.plan.total_s - until_s, np.diff(due_s)
    open_ones = bool((evidence.words("requests", "outcome") == "unfinished").any())
    if not open_ones and silent_s > max(SILENT_S, LONGER * float(gaps.max(initial=0.0))):
        yield (
            f"the users asked nothing from {due_s[-1]:.1f} s on, {silent_s:.0f} s before the end of the run: did a LoadTestShape of "
            "their file end, or somebody stop them on Locust's page?"
        )
