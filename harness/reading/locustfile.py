"""A locustfile, read without running it: what is wrong with its text, and the modules that it needs and that are not here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import get_close_matches
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from harness.problems import Problem, UsageProblems
from harness.reading.questions import ANY, Questions
from harness.reading.yaml import Document, read
from harness.reading.yaml.document import text_of


def asked_before(path: Path) -> Document[Questions]:
    """What is asked before a load of the users in *path*, whose own requests nobody knows; the file's checksum is in it.

    Raises UsageProblems with what is wrong with the locustfile.
    """
    known = checksum(path)
    written = (
        f"# Asked once before the load, which is the users of {path.name} (sha256 {known}).\n"
        f"schema: harness.questions/1\nquestions:\n  - {{id: before, text: {ANY!r}}}\n"
    )
    return read(written, Questions, str(path))


def checksum(path: Path) -> str:
    """The SHA-256 of the text of the locustfile in *path*. Raises UsageProblems with what is wrong with it."""
    text = text_of(path)
    if problems := list(_wrongs(text, path)):
        raise UsageProblems(*problems)
    return sha256(text.encode()).hexdigest()


def meant(path: Path) -> str:
    """Which file whoever wrote *path* may have meant, to be added to a sentence; empty where none is near."""
    near = get_close_matches(path.name, [beside.name for beside in path.parent.glob("*.py")], n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _wrongs(text: str, path: Path) -> Iterator[Problem]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        yield Problem(f"is no Python: {what}", str(path), line)
        return
    for name, line in _needed(tree):
        if not _is_there(name, path.parent):
            yield Problem(
                f"imports {name}, and there is no such module here; a locustfile runs in the environment of the harness: "
                "install it there",
                str(path),
                line,
            )


def _needed(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The packages that are imported whenever the file is, with the line; not those that it tries to."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((name.name.partition(".")[0], node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno


def _is_there(name: str, folder: Path) -> bool:
    if (folder / f"{name}.py").exists() or (folder / name).is_dir():
        return True
    return is_installed(name)


def is_installed(name: str) -> bool:
    """Whether a module of this *name* can be imported here."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of what it is a part of
        return False
    except (ImportError, ValueError):  # a module that is loaded in an odd way is there
        return True
