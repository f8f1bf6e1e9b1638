"""Tables of answers."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """Answers from rows of (sent_s, entry, question, version, text), with anything else by name."""

    def make(*rows: tuple[float, str, str, int | None, str], **columns: object) -> pd.DataFrame:
        frame = pd.DataFrame(rows, columns=["sent_s", "entry", "question", "snapshot_version", "answer"])
        frame["snapshot_version"] = frame["snapshot_version"].astype("Int64")
        frame["end_s"] = frame["sent_s"] + 0.1
        frame["conversation"], frame["turn"], frame["overlapped"] = "", 0, False
        frame["seen_version"] = pd.array([pd.NA] * len(frame), dtype="Int64")
        return frame.assign(**columns)

    return make
