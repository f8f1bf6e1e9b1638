"""Hold the action and the workflows of docs/ci against actionlint: ``python tests/benchmarks/lint_workflows.py [--if-there]``.

Likewise what `harness schedule --print github` prints. actionlint is taken from PATH, or built by Go; with ``--if-there`` nothing is held
where neither can be had, which is said. It knows workflows alone, so the action's steps are looked at as those of a workflow with the same
inputs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from harness.schedules.lines import Call, printed

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from simulated_world.schedules import NOON, daily  # noqa: E402 - it is found from here on

MODULE = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


def as_workflow(action: dict[str, Any]) -> dict[str, Any]:
    """The steps of a composite *action* as a workflow that is called with its inputs."""
    inputs = {name: {"type": "string", "required": False} for name in action["inputs"]}
    job = {"runs-on": "ubuntu-latest", "steps": action["runs"]["steps"]}
    return {"name": "action", "on": {"workflow_call": {"inputs": inputs}}, "jobs": {"action": job}}


def actionlint(folder: Path) -> str | None:
    """Where it is: on PATH, or built into *folder* by Go; None where neither can be."""
    if found := shutil.which("actionlint"):
        return found
    if not shutil.which("go"):
        return None
    built = subprocess.run(["go", "install", MODULE], env=os.environ | {"GOBIN": str(folder)}, check=False)
    return str(folder / "actionlint") if built.returncode == 0 else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--if-there", action="store_true", help="end well where there is no actionlint to be had")
    asked = parser.parse_args()
    workflows = sorted(path for path in (ROOT / "docs" / "ci").glob("*.yml") if path.name != "gitlab.yml")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = folder / "action.yml"
        made.write_text(yaml.safe_dump(as_workflow(yaml.safe_load((ROOT / "action.yml").read_text())), sort_keys=False))
        if not (tool := actionlint(folder)):
            print("no actionlint on PATH, and none could be built by Go: nothing was held")
            return 0 if asked.if_there else 1
        of_schedule = folder / "schedule.yml"
        of_schedule.write_text("\n".join(printed(daily(zone="Europe/Berlin"), "github", Call("harness", folder), NOON)))
        done = subprocess.run([tool, "-color=false", *map(str, [*workflows, made, of_schedule])], check=False)
    if done.returncode == 0:
        print(f"{len(workflows)} workflows, the action and what is printed of a schedule: nothing found")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
