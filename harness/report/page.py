"""The report: one HTML page that needs nothing beside itself, reads without scripts and styles, and does no harm with what it quotes."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.report import changes, diagnoses, words
from harness.report.advice import advice
from harness.report.comes_and_goes import summaries
from harness.report.glance import glance, subject
from harness.report.headline import beside, headline
from harness.report.palette import custom_properties
from harness.report.provenance import linked
from harness.report.sections import by_what_failed, sections
from harness.report.templating import render, source
from harness.report.whereabouts import who_fared_worse

_WHY = "trust"
# A number and its unit stay on one line.
_UNIT = re.compile(r"(\d) (s|ms|%|×)(?!\w)")


def page(result: Result, evidence: Evidence | None, baseline: Result | None = None) -> str:
    """The report of a run; without *evidence* it has no charts. The same input gives the same text.

    With a *baseline* it also says what changed since that run; everything else stays as it is.
    """
    script = _script()
    trusted = result.verdict in words.TRUSTED
    # Of a run that says nothing of the service the first question is why.
    order = by_what_failed(result) if trusted else sorted(sections, key=lambda name: name != _WHY)
    html = render(
        "page.html",
        result=result,
        headline=_UNIT.sub("\\1\u00a0\\2", headline(result)),
        second=_UNIT.sub("\\1\u00a0\\2", beside(result)),
        where=[_UNIT.sub("\\1\u00a0\\2", line) for line in who_fared_worse(result)],
        to_change=diagnoses.to_change(result),
        broken=summaries(result.faults),
        glance=glance(result, evidence),
        glance_of=subject(result),
        advice=[linked(line) for line in advice(result)],
        trusted=trusted,
        script=script,
        **frame(script),
        sections={name: sections[name](result, evidence) for name in order},
        changes=changes.section(result, baseline),
    )
    return str(html)


def frame(script: Markup | None = None) -> dict[str, Markup | str]:
    """What `frame.html` needs of a page with this *script* or none: its style, and what a browser may do with it.

    That is to use the page's own style and script, and nothing else.
    """
    style = _style()
    own = f"style-src '{_hash(style)}'" + (f"; script-src '{_hash(script)}'" if script is not None else "")
    policy = f"default-src 'none'; {own}; img-src data:; base-uri 'none'; form-action 'none'"
    return {"style": style, "policy": policy}


def _hash(text: Markup) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@lru_cache(maxsize=1)
def _style() -> Markup:
    # Not escaped, as it stands in the package and holds nothing of a run; the same goes for the script.
    return Markup(custom_properties() + source("style.css"))  # noqa: S704


@lru_cache(maxsize=1)
def _script() -> Markup:
    lines = (line.strip() for line in source("script.js").splitlines())
    # Comments and indents are for who edits it.
    return Markup("\n".join(line for line in lines if line and not line.startswith("//")))  # noqa: S704
