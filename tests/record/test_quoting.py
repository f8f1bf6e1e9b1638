"""Each word that a run stores is somebody else's, and masked, or one that the harness chose itself."""

from __future__ import annotations

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from harness.faults.effects import Sight
from harness.record import history, rows
from harness.record.effects import Effects
from harness.record.history import (
    Alarm,
    Begun,
    Confirmed,
    Ended,
    Injected,
    Injecting,
    LinkSeen,
    Look,
    PlannedFault,
    Preflight,
    Published,
    Reverted,
    Reverting,
)
from harness.record.instrument import Lateness, Machine
from harness.record.masking import Mask
from harness.record.quoting import masked
from harness.record.rows import Arrival, Attempt, HealthCheck, Request, Sent, Traffic
from harness.record.workers import Worker

SECRET = "sk-0123456789"

OWN: dict[type[msgspec.Struct], set[str]] = {
    # Names and ids that stand in the files of the run, marks that the harness made, and its own words for what became of it.
    Request: {"entry", "question", "nonce", "given_up", "context_sha256"},
    # A method is one of those that the parser knows, and the detail names a protocol.
    Attempt: {"link", "nonce", "method", "detail", "key_of", "should_retry"},
    Arrival: {"link", "nonce", "fault", "messages_sha256", "came_to", "hit_by", "sketch", "picked"},
    Traffic: {"link"},
    HealthCheck: {"entry"},
    Sent: {"entry"},
    # What the files and the command line say, into which nothing was filled yet.
    Begun: {
        "run_id", "started_at", "scenario_path", "scenario_sha256", "target_path", "target_sha256", "replay", "overrides",
        "expectations", "versions", "proxy_engine", "proxy_version", "questions_sha256", "trace_sha256", "faults", "machine",
        "commit", "recorded_sha256", "zero_at",
    },
    PlannedFault: {"id", "kind", "summary", "links", "processes", "containers"},
    Preflight: {"entry", "nonces"},
    # A status, or the outcome of an attempt.
    LinkSeen: {"link", "answers", "refused"},
    Injecting: {"fault"},
    Injected: {"fault"},
    Look: {"fault"},
    Sight: {"link", "refused"},
    # Only versions before wrote it.
    Confirmed: {"fault", "how"},
    Published: set(),
    Reverting: {"fault"},
    Reverted: {"fault"},
    Alarm: set(),
    Ended: set(),
    # The name of a machine, how its process ended, and what differs in its file.
    Worker: {"host", "lost", "torn"},
    Lateness: {"process"},
    # Names of processes and threads as the kernel has them, which come to 15 characters.
    Machine: {"threads", "rival"},
    # Nonces of the run.
    Effects: {"of_nonce"},
}  # fmt: skip
"""Of each kind that is stored, the texts that nobody else chose."""


def _quoted(kind: type[msgspec.Struct]) -> set[str]:
    return set(getattr(kind, "QUOTED", ()))


def _fields(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: hint for name, hint in get_type_hints(kind).items() if name in kind.__struct_fields__}


def _within(hint: Any) -> list[Any]:
    """What a value of the type *hint* is made of."""
    parts = [] if get_origin(hint) is Literal else get_args(hint)
    return [one for part in parts for one in _within(part)] if parts else [hint]


def _is_kind(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _texts(kind: type[msgspec.Struct]) -> set[str]:
    """The fields of *kind* in which a text can stand."""
    return {
        name
        for name, hint in _fields(kind).items()
        if any(one is str or (_is_kind(one) and _texts(one)) for one in _within(hint))
    }


def _value(hint: Any, text: str) -> Any:
    """A value of the type *hint* that says *text* wherever it may quote somebody."""
    origin = get_origin(hint)
    if origin is Literal:
        return get_args(hint)[0]
    if origin in (Union, UnionType):
        return _value(get_args(hint)[0], text)
    if origin in (list, dict):
        return [_value(get_args(hint)[0], text)] if origin is list else {}
    if _is_kind(hint):
        return _saying(hint, text)
    return text if hint is str else hint()


def _saying(kind: type[msgspec.Struct], text: str) -> msgspec.Struct:
    quoted = _quoted(kind)
    return kind(**{name: _value(hint, text if name in quoted else "own") for name, hint in _fields(kind).items()})


def test_every_kind_that_is_stored_is_known_here() -> None:
    stored = {*get_args(rows.AnyRow), *get_args(history.Event), Worker, Lateness, Machine, Effects}
    inside = {one for kind in stored for hint in _fields(kind).values() for one in _within(hint) if _is_kind(one)}
    # What was drawn of a fault holds numbers alone.
    assert {kind for kind in stored | inside if _texts(kind) or kind in stored} == set(OWN)


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_a_text_of_a_run_is_masked_or_is_the_harnesss_own(kind: type[msgspec.Struct]) -> None:
    assert not _quoted(kind) & OWN[kind]
    assert _texts(kind) == _quoted(kind) | OWN[kind], "what others say belongs in QUOTED, what the harness says in OWN"


@pytest.mark.parametrize("kind", [kind for kind in OWN if _quoted(kind)], ids=lambda kind: kind.__name__)
def test_no_secret_is_left_in_what_a_run_quotes_however_deep_it_stands(kind: type[msgspec.Struct]) -> None:
    said = _saying(kind, f"see https://api.example/bot{SECRET}/x")
    assert SECRET in str(said)
    hidden = masked(said, Mask({"MY_KEY": SECRET}))
    assert str(hidden) == str(said).replace(SECRET, "${MY_KEY}")
    assert masked(hidden, Mask({"MY_KEY": SECRET})) is hidden


def test_what_quotes_nothing_that_is_secret_is_left_as_it_is() -> None:
    asked = _saying(Preflight, "an answer")
    assert masked(asked, Mask({"MY_KEY": SECRET})) is asked
