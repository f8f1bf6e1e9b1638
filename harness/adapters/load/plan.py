"""The load plan: everything the load child needs to know, in one JSON file.

The file holds secrets (the resolved headers), so it lies in the run's temporary folder, can be read by its owner only,
and is never kept with the run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.target import Ask as TargetAsk


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One address where the target is asked."""

    name: str
    url: str
    region: str = ""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question of the list; *id* is what its rows say."""

    id: str
    text: str


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a client gives up, and how much of an answer it takes in."""

    connect_s: float = 3.0
    stall_s: float = 5.0  # the longest silence between two reads
    deadline_s: float = 10.0  # counted from when the request was due
    body_bytes_max: int = 8_388_608
    event_bytes_max: int = 65_536
    answer_chars_max: int = 65_536  # beyond it an answer is counted, not kept


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one question is put to the target, with every secret filled in; fields as in the target file."""

    protocol: str
    path: str = "/"
    headers: dict[str, str] = {}
    model: str | None = None
    stream: bool = True
    body: dict[str, object] | None = None
    answer_pointer: str | None = None  # JSON Pointers into the reply
    snapshot_version_pointer: str | None = None
    conversation_pointer: str | None = None
    nonce_place: Literal["prompt", "header", "field"] = "prompt"
    nonce_name: str | None = None  # of the header, or the dotted path of the JSON field


class LoadPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to send, when, to whom, and where to write down what came of it. Paths are absolute."""

    run_id: str
    seed: int
    rate_per_s: float
    total_s: float  # the last instant at which a request may be due
    entries: tuple[Entry, ...]
    questions: tuple[Question, ...]
    ask: Ask
    in_flight_max: int
    rows_dir: str
    ready_path: str
    start_path: str
    shape: Literal["constant", "poisson"] = "constant"
    jitter: float = 0.2  # share of the gap between two arrivals, 0-1
    turn_gap_s: float = 5.0
    limits: Limits = Limits()
    drain_s: float = 10.5  # how long after the last arrival open requests may still end
    late_s_max: float = 0.1  # a request that cannot be sent within this of when it is due is not sent at all


def resolved(ask: TargetAsk, headers: Mapping[str, str]) -> Ask:
    """The target file's *ask* with its *headers* as they are to be sent."""
    return Ask(
        protocol=ask.protocol,
        path=ask.path,
        headers=dict(headers),
        model=ask.model,
        stream=ask.stream,
        body=ask.body,
        answer_pointer=ask.reply.answer,
        snapshot_version_pointer=ask.reply.snapshot_version,
        conversation_pointer=ask.reply.conversation,
        nonce_place=ask.nonce.place,
        nonce_name=ask.nonce.name,
    )


def write(plan: LoadPlan, path: Path) -> None:
    """Write *plan* to a new file that only its owner can read.

    Raises FileExistsError where there is one, and ValueError for a plan that cannot be carried out.
    """
    for what in ("rows_dir", "ready_path", "start_path"):
        if not Path(getattr(plan, what)).is_absolute():
            raise ValueError(f"{what} of a load plan is {getattr(plan, what)!r}; it has to be an absolute path")
    if not plan.entries or not plan.questions:
        raise ValueError("a load plan needs at least one entry and one question")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(plan))


def read(path: Path) -> LoadPlan:
    """The plan in *path*. Raises OSError, or msgspec.ValidationError that says where it is wrong."""
    return msgspec.json.decode(path.read_bytes(), type=LoadPlan)
