"""The table of the incidents that ship, made of what their scenarios say: ``python tests/incident_list.py`` writes it into its page."""

from __future__ import annotations

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
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = ["| incident | what happened, and what was published | what it asks of a service |", "| --- | --- | --- |"]
    rows += [_row(path, incident) for path, incident in incidents().items()]
    return f"{before}{BEGIN}" + "\n".join(rows) + f"\n{END}{after}"


def _row(path: Path, incident: Incident) -> str:
    named = f"[{path.stem}](../scenarios/{path.parent.name}/{path.name})<br>{incident.mechanism}, {incident.date}"
    where = ", ".join(f"[{urlsplit(source).hostname}]({source})" for source in incident.sources)
    return f"| {named} | {incident.what}. {incident.published}. ({where}) | {incident.asks} |"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
