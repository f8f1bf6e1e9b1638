"""Runs Locust on a load plan, deaf to the person's own Locust settings: ``python -m harness.running.load PLAN [OPTION OF LOCUST'S]...``."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.running.load.child import LOCUSTFILE, OPTIONS


def main(plan: Path, more: Sequence[str] = ()) -> None:
    # Locust reads LOCUST_*, ./locust.conf, ./pyproject.toml and ~/.locust.conf; a "master = true" in one of them would
    # have us wait for ever.
    for name in [name for name in os.environ if name.startswith("LOCUST_")]:
        del os.environ[name]
    os.environ["LOAD_PLAN"] = str(plan)
    os.environ["HOME"] = str(plan.parent)
    os.chdir(plan.parent)
    # The load is the instrument: where it is allowed to, it goes before what it measures on a busy machine.
    with suppress(OSError):
        os.nice(-10)
    sys.argv = ["locust", "-f", str(LOCUSTFILE), *OPTIONS, *more]
    runpy.run_module("locust", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
