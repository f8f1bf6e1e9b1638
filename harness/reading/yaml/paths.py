"""Places inside a document, written as people read them: ``faults[0].kind``, ``links.cache.env["A.B"]``."""

from __future__ import annotations

import json
import re

KeyPath = tuple[str | int, ...]

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STEP = re.compile(r'\.?(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|\[(?P<index>[0-9]+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]')


def written(path: KeyPath) -> str:
    """*path* as text; a key that is not a plain word stands in brackets and quotes. The top is empty."""
    return "".join(_step(step) for step in path).removeprefix(".")


def parse(text: str) -> KeyPath:
    """The path that *text* says; raises ValueError when it is not one."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            near = re.sub(r"\.(\d+)(?=\.|\[|$)", r"[\1]", text)
            raise ValueError(f"{text!r} is not a path; write it such as {near if near != text else 'faults[0].kind'}")
        steps.append(int(match["index"]) if match["index"] else match["name"] or json.loads(match["quoted"]))
        at = match.end()
    return tuple(steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _SIMPLE.fullmatch(step) else f"[{json.dumps(step)}]"
