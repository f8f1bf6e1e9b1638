"""The corpus of the reference system: the policies of a company that does not exist, in numbered versions.

Every fact holds one number. From one version to the next half of the facts change theirs, so an answer shows which
version it stands on.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import blake2b, sha256
from typing import NamedTuple

import msgspec

NAME = "larch-and-lantern-policies"


class Policy(NamedTuple):
    """One fact: in *text*, ``{n}`` is *first* at first and *step* more with every change; with *wrap*, 1 to *wrap*."""

    id: str
    question: str
    text: str
    first: int
    step: int = 1
    wrap: int | None = None


POLICIES = (
    Policy(
        "refund-window", "How many days do I have to ask for a refund?", "Refunds can be asked for within {n} days.", 30
    ),
    Policy("exchange-window", "Until when can I exchange an item?", "An item can be exchanged within {n} weeks.", 6),
    Policy(
        "delivery-standard", "How long does standard delivery take?", "Standard delivery takes {n} working days.", 4
    ),
    Policy("delivery-express", "How fast is express shipping?", "Express shipping takes {n} hours.", 24, 3),
    Policy(
        "free-delivery", "From what order value is postage free?", "Postage is free for orders above {n} euros.", 50, 5
    ),
    Policy("warranty", "How long is the warranty on lanterns?", "Lanterns carry a warranty of {n} months.", 24, 6),
    Policy("gift-card", "How long is a gift card valid?", "A gift card is valid for {n} months.", 36, 3),
    Policy(
        "loyalty-points", "How many loyalty points does a purchase earn?", "A purchase earns {n} loyalty points.", 10, 5
    ),
    Policy("student-discount", "What discount do students get?", "Students get a discount of {n} percent.", 12),
    Policy(
        "bulk-discount", "At how many pieces does bulk pricing begin?", "Bulk pricing begins at {n} pieces.", 100, 10
    ),
    Policy(
        "price-match",
        "Within how many days do you match a competitor's price?",
        "A competitor's price is matched for {n} days.",
        7,
    ),
    Policy("invoice-term", "When is an invoice due?", "An invoice is due after {n} days.", 14, 2),
    Policy(
        "late-fee", "What is the reminder fee for late payment?", "The reminder fee for late payment is {n} euros.", 8
    ),
    Policy("instalments", "In how many instalments can I pay?", "Payment in up to {n} instalments is possible.", 3),
    Policy(
        "cancel-order",
        "How long can I cancel an order after placing it?",
        "An order can be cancelled for {n} minutes.",
        45,
        5,
    ),
    Policy(
        "parcel-storage",
        "How long does the pickup point keep my parcel?",
        "The pickup point keeps a parcel for {n} days.",
        9,
    ),
    Policy(
        "damage-report",
        "By when must I report transport damage?",
        "Transport damage must be reported within {n} days.",
        5,
    ),
    Policy(
        "repair-time", "How long does a repair in the workshop take?", "A repair in the workshop takes {n} days.", 11
    ),
    Policy("spare-parts", "For how many years are spare parts kept?", "Spare parts are kept for {n} years.", 10),
    Policy(
        "battery-return",
        "What deposit is paid for an old battery?",
        "The deposit for an old battery is {n} cents.",
        75,
        5,
    ),
    Policy("hotline-hours", "At what hour does the hotline open?", "The hotline opens at {n} o'clock.", 7, 1, 12),
    Policy("reply-time", "How soon are emails answered?", "Emails are answered within {n} hours.", 18, 2),
    Policy("shop-count", "How many shops does the company run?", "The company runs {n} shops.", 21),
    Policy("stocktake", "On which day in January is the stocktake?", "The stocktake is on {n} January.", 8, 1, 28),
    Policy("summer-sale", "When in July does the summer sale begin?", "The summer sale begins on {n} July.", 3, 1, 28),
    Policy("founders-day", "On which date in May is founders' day?", "The founders' day is on {n} May.", 12, 1, 28),
    Policy(
        "annual-leave",
        "How many days of annual leave do employees have?",
        "Employees have {n} days of annual leave.",
        28,
    ),
    Policy(
        "remote-work",
        "How many days a month may staff work remotely?",
        "Staff may work remotely on {n} days a month.",
        6,
    ),
    Policy(
        "notice-period", "What notice period applies to contracts?", "The notice period of contracts is {n} weeks.", 5
    ),
    Policy(
        "probation", "How long is the probation of new colleagues?", "The probation of new colleagues is {n} weeks.", 13
    ),
    Policy(
        "training-budget",
        "What is the yearly training budget a person?",
        "The yearly training budget is {n} euros.",
        900,
        50,
    ),
    Policy(
        "travel-allowance",
        "What is the daily allowance on business travel?",
        "The daily travel allowance is {n} euros.",
        34,
        2,
    ),
    Policy("hotel-limit", "What may a hotel night cost?", "A hotel night may cost up to {n} euros.", 120, 5),
    Policy(
        "expense-deadline",
        "By when must expense receipts be handed in?",
        "Expense receipts are due within {n} days.",
        20,
    ),
    Policy(
        "password-length", "What is the minimum length of a password?", "A password has at least {n} characters.", 14
    ),
    Policy(
        "session-timeout",
        "After how long is an idle session locked?",
        "An idle session is locked after {n} minutes.",
        10,
    ),
    Policy("backup-retention", "For how long are backups retained?", "Backups are retained for {n} days.", 60, 5),
    Policy(
        "incident-report",
        "How fast must a security incident be reported?",
        "A security incident is reported within {n} hours.",
        3,
    ),
    Policy("visitor-badge", "For how long is a visitor badge issued?", "A visitor badge is issued for {n} hours.", 9),
    Policy(
        "parking", "How many parking spaces has the headquarters?", "The headquarters has {n} parking spaces.", 64, 2
    ),
)


def facts(version: int) -> dict[str, str]:
    """All facts of *version* (1, 2, ...), by id."""
    return {
        policy.id: policy.text.format(n=_number(policy, changes))
        for policy, changes in zip(POLICIES, _changes(version), strict=True)
    }


def content_hash(of: dict[str, str]) -> str:
    """Equal for equal facts, whatever their order."""
    return sha256(msgspec.json.encode(of, order="sorted")).hexdigest()[:16]


def retrieve(question: str) -> str | None:
    """The id of the fact that shares most words with *question*, counting rare words more; None when it shares none."""
    words = _words(question)
    score, best = max(
        (sum(weight for word, weight in index.items() if word in words), id_) for id_, index in _index().items()
    )
    return best if score > 0 else None


@cache
def _changes(version: int) -> tuple[int, ...]:
    """How often each fact has changed up to *version*."""
    if version < 1:
        raise ValueError(f"version {version} does not exist; the first one is 1")
    if version == 1:
        return (0,) * len(POLICIES)
    by_lot = sorted(POLICIES, key=lambda policy: blake2b(f"{version}/{policy.id}".encode()).digest())
    changed = {policy.id for policy in by_lot[: len(by_lot) // 2]}
    return tuple(
        before + (policy.id in changed) for policy, before in zip(POLICIES, _changes(version - 1), strict=True)
    )


def _number(policy: Policy, changes: int) -> int:
    number = policy.first + policy.step * changes
    return number if policy.wrap is None else (number - 1) % policy.wrap + 1


@cache
def _index() -> dict[str, dict[str, float]]:
    words = {policy.id: _words(f"{policy.question} {policy.text}") for policy in POLICIES}
    spread: dict[str, int] = {}
    for word in (word for of in words.values() for word in of):
        spread[word] = spread.get(word, 0) + 1
    return {id_: {word: 1 / spread[word] for word in of} for id_, of in words.items()}


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]{3,}", text.lower()))
