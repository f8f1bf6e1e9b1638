"""The accounts of the reference services that know who asks: what stands in each belongs to one user, and to nobody else."""

from __future__ import annotations

import msgspec

RECORDS = {
    "ann": ("Your credit limit this month is 500 euros.", "Your account is held at branch 17."),
    "bob": ("Your credit limit this month is 20 euros.", "Your account is held at branch 42."),
    "eve": ("Your credit limit this month is 9000 euros.", "Your account is held at branch 3."),
}


class Asked(msgspec.Struct, frozen=True):
    """One question, and who asks it."""

    question: str
    user: str


def record(user: str) -> str:
    """What is known of *user*, as the facts of a prompt; empty where nothing is."""
    return "\n- ".join(RECORDS.get(user, ()))
