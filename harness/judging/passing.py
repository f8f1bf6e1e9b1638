"""What the wire could not pass, or passed beside its links and faults: redirects elsewhere, providers not reached, refusals, tunnels."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judging.evidence import Evidence

_SWITCHED = 101
_REDIRECTS = (301, 302, 303, 307, 308)
_UNCARRIED = {
    "unreadable": ("answer could not be read", "answers could not be read"),
    "refused": ("request was refused by the wire", "requests were refused by the wire"),
}
_OTHERS = (*_UNCARRIED, "broken")


def astray(evidence: Evidence) -> Iterator[str]:
    """Redirects that sent the service past its link, where nothing is seen and nothing broken."""
    rows = evidence.arrivals[evidence.arrivals["astray"] != ""]
    for link, sent in rows.groupby("link"):
        yield (
            f"{_times(len(sent), 'redirect')} on {link}, such as to {sent['astray'].iloc[0]}, led past the link: what the service asked "
            "there was not seen; a server that belongs to it needs a link of its own, or stands in upstream"
        )


def redirected(evidence: Evidence) -> Iterator[str]:
    """Attempts that were answered by a redirect: whoever follows one makes another attempt, and that is no retry."""
    rows = evidence.attempts[evidence.attempts["status"].isin(_REDIRECTS) & (evidence.attempts["request"] >= 0)]
    for link, sent in rows.groupby("link"):
        first = sent.iloc[0]
        yield (
            f"{_times(len(sent), 'attempt')} on {link}, such as {first['method']} {first['path']}, "
            f"{'was' if len(sent) == 1 else 'were'} answered by a redirect ({first['status']}), and what follows one counts as a further "
            "attempt: have the service ask for the address that it is sent to"
        )


def unreached(evidence: Evidence) -> Iterator[str]:
    """Why providers were not reached, where no fault was behind it, as the wire was told by the system."""
    rows = evidence.arrivals
    failed = rows[
        (rows["detail"] != "") & (rows["fault"] == "") & rows["forwarded_s"].isna() & ~rows["outcome"].isin(_OTHERS)
    ]
    for link, lost in failed.groupby("link"):
        yield f"{_times(len(lost), 'attempt')} on {link} did not reach the provider: {lost['detail'].mode()[0]}"


def untouched(evidence: Evidence) -> Iterator[str]:
    """Faults of an edge that met WebSockets which were open already: they answer an opening, and touch nothing that is said in one."""
    rows = evidence.attempts[evidence.attempts["status"] == _SWITCHED]
    for disturbance in evidence.plan.disturbances if len(rows) else ():
        window = evidence.window_of(disturbance)
        links = [effect.aim for effect in disturbance.effects if effect.place == "edge"]
        if window is None or not links:
            continue
        open_then = (rows["start_s"] < window.start_s) & ~(rows["end_s"] < window.start_s) & rows["link"].isin(links)
        if passed := int(open_then.sum()):
            yield (
                f"{_times(passed, 'WebSocket')} on {', '.join(links)} had been opened before {disturbance.fault.summary()} began, which "
                "answers openings alone: what was said in them went on"
            )


def uncarried(evidence: Evidence) -> Iterator[str]:
    """What was refused or could not be read, by link and reason: the harness had a part in what failed so."""
    rows = evidence.arrivals
    for (link, outcome, why), such in rows[rows["outcome"].isin(_UNCARRIED)].groupby(["link", "outcome", "detail"]):
        one, several = _UNCARRIED[str(outcome)]
        yield f"{len(such)} {one if len(such) == 1 else several} on {link}: {why}"


def broken(evidence: Evidence) -> Iterator[str]:
    """What a defect of the wire itself broke: nothing of that is the service's or a provider's."""
    rows = evidence.arrivals
    for (link, why), such in rows[rows["outcome"] == "broken"].groupby(["link", "detail"]):
        yield f"the wire broke {_times(len(such), 'request')} on {link}: {why}"


def _times(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
