"""The edges: where requests over HTTP are answered in the provider's place, and answers delayed, changed or cut."""

from __future__ import annotations

from harness.running.world.places.wire import WirePlace


class EdgePlace(WirePlace):
    """Makes `EdgeRule` true. What it does to requests leaves its mark on them; to look by a request of our own would be one too many."""
