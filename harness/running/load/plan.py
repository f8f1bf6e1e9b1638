"""The load plan: everything the load child needs to know, in one JSON file.

The file holds secrets (the resolved headers), so it lies in the run's temporary folder, can be read by its owner only,
and is never kept with the run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec

from harness.planning.pressing import Pressing
from harness.planning.recorded import Recorded
from harness.planning.schedule import Schedule
from harness.protocols.asking import OfferedTool, ResolvedAsk
from harness.record.own_file import write_new

if TYPE_CHECKING:
    from harness.reading.questions import Question


class PlannedQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `Question` of the questions file as clients put it, without what is known of its answer; *id* is what its rows say."""

    id: str
    text: str
    user: str = ""
    turns: tuple[str, ...] = ()  # what the same conversation asks after the text
    system: str = ""
    size: int = 0  # about so many tokens are asked; 0: as many as there are
    max_tokens: int = 0  # of the answer; 0: nothing is said
    tools: tuple[OfferedTool, ...] = ()


def planned(question: Question) -> PlannedQuestion:
    """*question* as clients put it."""
    return PlannedQuestion(
        id=question.id,
        text=question.text,
        user=question.user or "",
        turns=tuple(turn.text for turn in question.turns or ()),
        system=question.system or "",
        size=question.size or 0,
        max_tokens=question.max_tokens or 0,
        tools=tuple(OfferedTool(tool.name, tool.description or "", tool.parameters) for tool in question.tools or ()),
    )


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a client gives up, and how much of an answer it takes in."""

    connect_s: float = 3.0
    stall_s: float = 10.0  # the longest silence between two reads
    deadline_s: float = 10.0  # counted from when the request was due
    body_bytes_max: int = 8_388_608
    answer_chars_max: int = 65_536  # beyond it an answer is counted, not kept


class LoadPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to send, when, to whom, and where to write down what came of it. Paths are absolute."""

    MODULE: ClassVar[str] = "harness.running.load"
    """What carries such a plan out."""

    run_id: str
    schedule: Schedule | Recorded
    entries: dict[str, str]  # the address of each, in the target file's order
    questions: tuple[PlannedQuestion, ...]
    ask: ResolvedAsk
    in_flight_max: int
    rows_dir: str
    ready_path: str
    start_path: str
    crew_path: str = ""  # where the master of several workers says who they are, and how they do; empty: nowhere
    limits: Limits = Limits()
    drain_s: float = 10.5  # how long after the last due time open requests may still end
    instrument_path: str = ""  # the file to which it is added how late this process runs; empty: none
    late_s_max: float = 0.1  # a request that cannot be sent within this of when it is due is not sent at all
    requests_max: int | None = None  # no more are sent, whatever is due
    secrets: dict[str, str] = {}  # by name; no row may tell them
    pressing: Pressing | None = None  # how clients ask again; None: they do not
    headers_elsewhere: dict[str, str] = {}  # those of *ask* for workers of other machines, who fill in the secrets


def write(plan: LoadPlan, path: Path) -> None:
    """Write *plan* to a new file that only its owner can read.

    Raises FileExistsError where there is one, and ValueError for a plan that cannot be carried out.
    """
    for what in ("rows_dir", "ready_path", "start_path"):
        if not Path(getattr(plan, what)).is_absolute():
            raise ValueError(f"{what} of a load plan is {getattr(plan, what)!r}; it has to be an absolute path")
    if not plan.entries or not plan.questions:
        raise ValueError("a load plan needs at least one entry and one question")
    write_new(path, msgspec.json.encode(plan))


def read(path: Path) -> LoadPlan:
    """The plan in *path*. Raises OSError, or msgspec.ValidationError that says where it is wrong."""
    return msgspec.json.decode(path.read_bytes(), type=LoadPlan)
