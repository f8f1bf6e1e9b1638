"""Where state may be kept, as people write it: a path, or the URL of a server that keeps documents."""

from __future__ import annotations

from harness.reading.hosts import address


def is_url(place: str) -> bool:
    """Whether state is kept at a URL there, and not at a path."""
    return "://" in place


def misplaced(place: str) -> str:
    """Why no state can be kept at *place*; empty where it can."""
    if not is_url(place):
        return "" if place.strip() else "is empty; write a path or a URL, or leave it out"
    try:
        found = address(place)
        usable = found.scheme in ("http", "https") and not found.user and not set("?#{") & set(place)
    except ValueError:
        usable = False
    what = "is no place for state; write a path, or http://host:port/path or https://host/path without user and query"
    return "" if usable else what
