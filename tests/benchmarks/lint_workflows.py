"""Hold the action and the workflows of docs/ci against actionlint, which needs Go: ``python tests/benchmarks/lint_workflows.py``.

actionlint knows workflows alone, so the action's steps are looked at as those of a workflow with the same inputs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
MODULE = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


def as_workflow(action: dict[str, Any]) -> dict[str, Any]:
    """The steps of a composite *action* as a workflow that is called with its inputs."""
    inputs = {name: {"type": "string", "required": False} for name in action["inputs"]}
    job = {"runs-on": "ubuntu-latest", "steps": action["runs"]["steps"]}
    return {"name": "action", "on": {"workflow_call": {"inputs": inputs}}, "jobs": {"action": job}}


def actionlint(folder: Path) -> str:
    """Where it is: on PATH, or built into *folder* by Go."""
    if found := shutil.which("actionlint"):
        return found
    subprocess.run(["go", "install", MODULE], env=os.environ | {"GOBIN": str(folder)}, check=True)
    return str(folder / "actionlint")


def main() -> int:
    workflows = sorted(path for path in (ROOT / "docs" / "ci").glob("*.yml") if path.name != "gitlab.yml")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = folder / "action.yml"
        made.write_text(yaml.safe_dump(as_workflow(yaml.safe_load((ROOT / "action.yml").read_text())), sort_keys=False))
        done = subprocess.run([actionlint(folder), "-color=false", *map(str, [*workflows, made])], check=False)
    if done.returncode == 0:
        print(f"{len(workflows)} workflows and the action: nothing found")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
