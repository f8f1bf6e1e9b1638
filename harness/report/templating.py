"""Templates of the package, filled in; every value is escaped."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

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


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
