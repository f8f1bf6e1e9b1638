"""A load plan as it goes to another machine: without a secret, and without a path of this one; and as that machine fills it in."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from harness.reading.templates import fill_for_later, secret_names
from harness.running.load.plan import LoadPlan

_PIECE_BYTES = 1 << 20
_INSTRUMENT = "instrument.jsonl"


def needed(headers: Iterable[str]) -> list[str]:
    """The names of the secrets that are to be filled into *headers*."""
    return sorted({name for text in headers for name in secret_names(text)})


def missing(names: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """Those of *names* that are not set in the *environment*."""
    return [name for name in names if name not in environment]


def pieces(plan: LoadPlan) -> Iterator[bytes]:
    """*plan* for another machine, in pieces that are small enough for a message; an empty one ends it."""
    names = needed(plan.headers_elsewhere.values())
    bare = replace(
        plan,
        ask=replace(plan.ask, headers=plan.headers_elsewhere),
        headers_elsewhere={},
        secrets=dict.fromkeys(names, ""),
        rows_dir="",
        ready_path="",
        start_path="",
        crew_path="",
        instrument_path=plan.instrument_path and _INSTRUMENT,
    )
    packed = zlib.compress(msgspec.json.encode(bare), 1)
    yield from (packed[at : at + _PIECE_BYTES] for at in range(0, len(packed), _PIECE_BYTES))
    yield b""


def joined(parts: Iterable[bytes], environment: Mapping[str, str], folder: Path) -> LoadPlan:
    """The plan of the `pieces` *parts*, with the secrets of the *environment* here, and its files in *folder*.

    Raises ValueError that names the secrets which are not set.
    """
    plan = msgspec.json.decode(zlib.decompress(b"".join(parts)), type=LoadPlan)
    headers = {name: fill_for_later(text, {}, environment) for name, text in plan.ask.headers.items()}
    return replace(
        plan,
        ask=replace(plan.ask, headers=headers),
        secrets={name: environment[name] for name in plan.secrets},
        rows_dir=str(folder),
        instrument_path=plan.instrument_path and str(folder / plan.instrument_path),
    )
