"""When the requests of a run were due, where a trace said it: a table in the run's folder, which is a trace that can be replayed itself."""

from __future__ import annotations

from typing import Any

from harness.planning.recorded import Recorded
from harness.problems import Problem, UsageProblems
from harness.record.run_folder import RunFolder, read_table, write

_COLUMNS = ("conversation", "tokens_in", "tokens_out")


def write_due(folder: RunFolder, recorded: Recorded) -> None:
    """Store what *recorded* says of each request, but for its question, which the rows of the run have."""
    import io

    import numpy as np
    import pandas as pd

    columns = {name: np.frombuffer(found, np.int64) for name in _COLUMNS if (found := getattr(recorded, name))}
    frame = pd.DataFrame({"due_s": np.frombuffer(recorded.due_s, np.float64), **columns})
    content = io.BytesIO()
    frame.to_parquet(content, index=False, compression="zstd", write_page_checksum=True)
    write(folder.trace, content.getvalue())


def read_due(folder: RunFolder) -> Recorded:
    """What was stored of the due times of the run in *folder*; raises UsageProblems where that is missing or damaged."""
    import numpy as np

    frame = read_table(folder.trace)
    try:
        columns: dict[str, Any] = {name: frame[name].to_numpy(np.int64).tobytes() for name in _COLUMNS if name in frame}
        return Recorded(frame["due_s"].to_numpy(np.float64).tobytes(), **columns)
    except (KeyError, TypeError, ValueError) as error:
        what = f"does not say when each request was due: {error}"
        raise UsageProblems(Problem(what, str(folder.trace))) from None
