"""What a token costs by the prices of a target file."""

from __future__ import annotations

from harness.reading.target import Price, Target

MILLION = 1_000_000
"""Prices are for so many tokens."""


def price_of(target: Target, link: str, model: str) -> Price | None:
    """What a token costs on *link* that *model* reads or says: by the link's name, or the longest that is the model's or begins it."""
    if link in target.prices:
        return target.prices[link]
    fitting = [name for name in target.prices if model == name or model.startswith(f"{name}-")]
    return target.prices[max(fitting, key=len)] if fitting else None
