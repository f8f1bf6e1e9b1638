"""Templates of the package, filled in; every value is escaped."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import lru_cache
from importlib.util import cache_from_source
from pathlib import Path
from pickle import UnpicklingError

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from harness.record.run_folder import replacing
from harness.report import words
from harness.report.plain_text import both_ends, one_line


def render(template: str, **values: object) -> Markup:
    """*template* with *values*, the words for numbers, and `one_line` for whatever somebody else wrote."""
    # It was escaped while it was filled in.
    shown = {"words": words, "one_line": one_line, "both_ends": both_ends}
    return Markup(_environment().get_template(template).render(**shown, **values))  # noqa: S704


def source(name: str) -> str:
    """A style or a script as it stands in the package."""
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0].strip()


class Compiled(BytecodeCache):
    """What templates were compiled to, kept as Python keeps its modules and where it may; elsewhere each process compiles them anew."""

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        return cache_from_source(filename or name)

    def load_bytecode(self, bucket: Bucket) -> None:
        # What is not of this text and this Python, or not whole, is passed over.
        with suppress(OSError, EOFError, UnpicklingError), Path(bucket.key).open("rb") as file:
            bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        path = Path(bucket.key)
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            with replacing(path) as whole:  # others may read it meanwhile
                whole.write_bytes(bucket.bytecode_to_string())


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=Compiled(),
    )
