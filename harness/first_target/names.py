"""What a thing may be called in a target file, made of what it is called elsewhere."""

from __future__ import annotations

import re

_LENGTH_MAX = 40


def name_of(text: str) -> str:
    """*text* as a name of a target file: letters, digits, - and _, with a letter first."""
    bare = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")
    named = bare if re.match(r"[A-Za-z]", bare) else f"service-{bare}"
    return named[:_LENGTH_MAX].rstrip("-")
