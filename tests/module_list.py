"""The page that lists every module with what it is for, made from the modules' own first sentences: ``python tests/module_list.py``.

The order of the lines is a person's, and stays; a new module is added at the end of its folder's lines.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "modules.md"


def sentence(path: Path) -> str:
    """The first sentence of the module in *path*, on one line."""
    # What stands below it need not be read, and there is much of that.
    found = re.match(r'""".*?"""', path.read_text(), re.DOTALL)
    said = ast.literal_eval(found[0]) if found else ""
    return " ".join(said.split("\n\n", 1)[0].split()).rstrip(".:")


def folders(page: str) -> list[str]:
    """The folders that have a heading on *page*, in its order, then those that have none yet."""
    headed = re.findall(r"^## `(harness[^`]*)/`", page, re.MULTILINE)
    there = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("harness/**/*.py")}
    return [name for name in headed if name in there] + sorted(there - set(headed))


def modules(page: str, folder: str) -> list[str]:
    """The modules of *folder* in the order of *page*, then those that are new."""
    listed = re.findall(rf"^- `{re.escape(folder)}/(\w+)\.py`", page, re.MULTILINE)
    there = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}
    return [name for name in listed if name in there] + sorted(there - set(listed))


def renewed(page: str) -> str:
    """*page* as it should be: its introduction, then each folder with what it is for, and its modules, a line each."""
    introduction = page.split("\n## ", 1)[0].rstrip()
    parts = [introduction]
    for folder in folders(page):
        lines = [f"- `{folder}/{name}.py`: {sentence(ROOT / folder / f'{name}.py')}." for name in modules(page, folder)]
        about = sentence(ROOT / folder / "__init__.py")
        parts.append("\n\n".join([f"## `{folder}/`", f"{about}.", *(["\n".join(lines)] if lines else [])]))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
