"""The plan of a load of users as it goes to another machine: without a secret, and without a path of this one; and as it is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from harness.running.load.users.plan import UsersPlan

_INSTRUMENT = "instrument.jsonl"


def packed(plan: UsersPlan) -> bytes:
    """*plan* for another machine, which has the locustfile itself."""
    bare = replace(
        plan,
        locustfile="",
        secrets=dict.fromkeys(plan.secrets, ""),
        rows_dir="",
        ready_path="",
        start_path="",
        crew_path="",
        instrument_path=plan.instrument_path and _INSTRUMENT,
        web_port=None,
    )
    return msgspec.json.encode(bare)


def unpacked(told: bytes, locustfile: str, environment: Mapping[str, str], folder: Path) -> UsersPlan:
    """The plan that was `packed`, of the *locustfile* here, with its files in *folder*.

    No row tells what the *environment* has of its secrets.
    """
    plan = msgspec.json.decode(told, type=UsersPlan)
    return replace(
        plan,
        locustfile=locustfile,
        secrets={name: environment[name] for name in plan.secrets if name in environment},
        rows_dir=str(folder),
        instrument_path=plan.instrument_path and str(folder / plan.instrument_path),
    )
