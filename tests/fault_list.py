"""The table of what happens to people and which fault does it: ``python tests/fault_list.py`` writes it into the page of the faults."""

from __future__ import annotations

from pathlib import Path

from incident_list import between

from harness.faults.lookup import examples

PAGE = Path(__file__).resolve().parents[1] / "docs" / "faults.md"
BEGIN, END = "<!-- what happened -->\n", "<!-- end of what happened -->"


def renewed(page: str) -> str:
    """*page* with the table as it should be."""
    rows = ["| what happened | kind | as a scenario has it |", "| --- | --- | --- |"]
    rows += [f"| {one.seen_as} | [`{one.kind}`](#{one.kind}) | `{one.written}` |" for one in examples()]
    return between(BEGIN, END, rows, page)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
