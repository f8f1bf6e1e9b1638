"""What the wire could not pass, or passed beside its links and faults: redirects elsewhere, providers not reached, refusals, tunnels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from harness.judging.evidence import Evidence
from harness.reading.quantities import counted

_SWITCHED = 101
_REDIRECTS = (301, 302, 303, 307, 308)
_UNCARRIED = {
    "unreadable": ("answer could not be read", "answers could not be read"),
    "refused": ("request was refused by the wire", "requests were refused by the wire"),
}
_OTHERS = (*_UNCARRIED, "broken")


def astray(evidence: Evidence) -> Iterator[str]:
    """Redirects that sent the service past its link, where nothing is seen and nothing broken."""
    to = evidence.words("arrivals", "astray")
    for link, sent in evidence.words("arrivals", "link").places_of(to != "").items():
        yield (
            f"{counted(sent.size, 'redirect')} on {link}, such as to {to[int(sent[0])]}, led past the link: what the service asked "
            "there was not seen; a server that belongs to it needs a link of its own, or stands in upstream"
        )


def redirected(evidence: Evidence) -> Iterator[str]:
    """Attempts that were answered by a redirect: whoever follows one makes another attempt, and that is no retry."""
    rows = evidence.attempt_table
    sent_on = np.isin(rows.numbers("status"), _REDIRECTS) & (rows.numbers("request") >= 0)
    for link, sent in rows.words("link").places_of(sent_on).items():
        first = rows.records(sent[:1], ("method", "path", "status"))[0]
        yield (
            f"{counted(sent.size, 'attempt')} on {link}, such as {first['method']} {first['path']}, "
            f"{'was' if sent.size == 1 else 'were'} answered by a redirect ({first['status']}), and what follows one counts as a further "
            "attempt: have the service ask for the address that it is sent to"
        )


def unreached(evidence: Evidence) -> Iterator[str]:
    """Why providers were not reached, where no fault was behind it, as the wire was told by the system."""
    rows = evidence.arrival_table
    why = rows.words("detail")
    failed = (why != "") & (rows.words("fault") == "") & np.isnan(rows.numbers("forwarded_s"))
    failed &= ~rows.words("outcome").isin(_OTHERS)
    for link, lost in rows.words("link").places_of(failed).items():
        counts = why[lost].counts()
        yield f"{counted(lost.size, 'attempt')} on {link} did not reach the provider: {max(counts, key=lambda said: counts[said])}"


def untouched(evidence: Evidence) -> Iterator[str]:
    """Faults of an edge that met WebSockets which were open already: they answer an opening, and touch nothing that is said in one."""
    switched = evidence.column("attempts", "status") == _SWITCHED
    start_s, end_s = (evidence.column("attempts", name) for name in ("start_s", "end_s"))
    for disturbance in evidence.plan.disturbances if switched.any() else ():
        window = evidence.window_of(disturbance)
        links = [effect.aim for effect in disturbance.effects if effect.place == "edge"]
        if window is None or not links:
            continue
        open_then = switched & (start_s < window.start_s) & ~(end_s < window.start_s)
        if passed := int((open_then & evidence.words("attempts", "link").isin(links)).sum()):
            yield (
                f"{counted(passed, 'WebSocket')} on {', '.join(links)} had been opened before {disturbance.fault.summary()} began, which "
                "answers openings alone: what was said in them went on"
            )


def uncarried(evidence: Evidence) -> Iterator[str]:
    """What was refused or could not be read, by link and reason: the harness had a part in what failed so."""
    for (link, outcome, why), n in _reasons(evidence, _UNCARRIED).items():
        one, several = _UNCARRIED[outcome]
        yield f"{n} {one if n == 1 else several} on {link}: {why}"


def broken(evidence: Evidence) -> Iterator[str]:
    """What a defect of the wire itself broke: nothing of that is the service's or a provider's."""
    for (link, _, why), n in _reasons(evidence, ("broken",)).items():
        yield f"the wire broke {counted(n, 'request')} on {link}: {why}"


def _reasons(evidence: Evidence, outcomes: Iterable[str]) -> dict[tuple[str, str, str], int]:
    """How many arrivals ended so, by link, outcome and reason, in the order of those."""
    rows = evidence.arrival_table
    such = np.flatnonzero(rows.words("outcome").isin(outcomes))
    found = Counter(zip(*(rows.words(name)[such].tolist() for name in ("link", "outcome", "detail")), strict=True))
    return dict(sorted(found.items()))
