"""What the wire did not pass as it would have gone without it, and said: redirects past a link, and providers that it did not reach."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judging.evidence import Evidence


def astray(evidence: Evidence) -> Iterator[str]:
    """Redirects that sent the service past its link, where nothing is seen and nothing broken."""
    rows = evidence.arrivals[evidence.arrivals["astray"] != ""]
    for link, sent in rows.groupby("link"):
        yield (
            f"{_times(len(sent), 'redirect')} on {link}, such as to {sent['astray'].iloc[0]}, led past the link: what the service asked "
            "there was not seen; a server that belongs to it needs a link of its own, or stands in upstream"
        )


def unreached(evidence: Evidence) -> Iterator[str]:
    """Why providers were not reached, where no fault was behind it, as the wire was told by the system."""
    rows = evidence.arrivals
    failed = rows[(rows["detail"] != "") & (rows["fault"] == "")]
    for link, lost in failed.groupby("link"):
        yield f"{_times(len(lost), 'attempt')} on {link} did not reach the provider: {lost['detail'].mode()[0]}"


def _times(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
