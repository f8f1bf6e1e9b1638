"""The table of the incidents that ship, made of what their scenarios say: ``python tests/incident_list.py`` writes it into its page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from harness.reading.incident import Incident
from harness.reading.scenario import Scenario
from harness.reading.yaml import load

ROOT = Path(__file__).resolve().parents[1]
PAGE, FOLDER = ROOT / "docs" / "incidents.md", ROOT / "scenarios" / "incidents"
OF_A_KIND = [
    path.name for path in FOLDER.parent.iterdir() if (FOLDER.parent / "targets" / f"{path.name}-fragile.yaml").exists()
]
"""Folders of scenarios that ask for a service of a special kind, some of which replay an incident."""
CURVES = ROOT / "docs" / "incident-curves.json"
"""What runs came to, phase by phase; ``python tests/benchmarks/incident_curves.py`` writes it."""
BEGIN_CURVES, END_CURVES = "<!-- curves -->\n", "<!-- end of curves -->"
BAR = 20
BEGIN, END = "<!-- incidents -->\n", "<!-- end of incidents -->"


def incidents() -> dict[Path, Incident]:
    """Those that ship, by their files, and in the order of their mechanisms."""
    paths = [path for name in (FOLDER.name, *OF_A_KIND) for path in (FOLDER.parent / name).glob("*.yaml")]
    found = {path: load(path, Scenario).value.incident for path in paths}
    known = {path: incident for path, incident in found.items() if incident is not None}
    assert all(path in known for path in FOLDER.glob("*.yaml")), "each scenario of the library says what it replays"
    return dict(sorted(known.items(), key=lambda one: (one[1].mechanism, one[1].date)))


def renewed(page: str) -> str:
    """*page* with the table as it should be."""
    rows = ["| incident | what happened, and what was published | what it asks of a service |", "| --- | --- | --- |"]
    rows += [_row(path, incident) for path, incident in incidents().items()]
    return between(BEGIN_CURVES, END_CURVES, list(_curves()), between(BEGIN, END, rows, page))


def between(begin: str, end: str, lines: Sequence[str], page: str) -> str:
    """*page* with *lines* and nothing else between its marks."""
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}" + "\n".join(lines) + f"\n{end}{after}"


def _curves() -> Iterator[str]:
    """Each published curve beside what came of it in runs."""
    known = json.loads(CURVES.read_text()) if CURVES.exists() else {}
    head = [
        "published",
        "at the provider, asked by `resilient`",
        "asked by `fragile`",
        "clients of `resilient`",
        "clients of `fragile`",
    ]
    for path, incident in incidents().items():
        if incident.curve:
            fragile, resilient = known[path.stem]["fragile"], known[path.stem]["resilient"]
            yield from ("", f"**{path.stem}**: {incident.published}. ({_where(incident)})", "")
            yield from (f"| phase | {' | '.join(head)} |", "| --- |" + " --- |" * len(head))
            for phase, share in incident.curve.items():
                shares = [share, *(one[phase][of] for of in ("provider", "users") for one in (resilient, fragile))]
                yield f"| {phase} | {' | '.join(map(_bar, shares))} |"
    yield ""


def _bar(share: float) -> str:
    return f"`{'█' * round(share * BAR):<{BAR}}` {share:.0%}"


def _row(path: Path, incident: Incident) -> str:
    named = f"[{path.stem}](../scenarios/{path.parent.name}/{path.name})<br>{incident.mechanism}, {incident.date}"
    return f"| {named} | {incident.what}. {incident.published}. ({_where(incident)}) | {incident.asks} |"


def _where(incident: Incident) -> str:
    return ", ".join(f"[{urlsplit(source).hostname}]({source})" for source in incident.sources)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
