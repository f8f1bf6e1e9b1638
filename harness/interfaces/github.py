"""What a run tells GitHub's runner by itself: a summary on the page of its step, and what did not hold at the scenario's lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from harness.problems import Problem, cannot
from harness.record.masking import Mask
from harness.settings import Settings

if TYPE_CHECKING:
    from harness.stored import Run

BYTES_MAX = 1_000_000
"""GitHub shows no page of a step that is larger than 1 MiB, and fails to keep it."""

_STOP, _RESUME = "::stop-commands::{}", "::{}::"


@contextmanager
def told(
    runs: Sequence[Run], settings: Settings, say: Callable[[str], None], out: Path | None = None
) -> Iterator[None]:
    """Tells the runner of the *runs* that there are at the end, however it comes; inside, nothing *said* is a command to it.

    Services have their say in what is printed of a run, and the runner obeys a line that begins with two colons. Of several runs the table
    that lies in *out* comes first, and then the summaries of those that did not pass.
    """
    token = token_hex(16)
    if settings.on_github:
        say(_STOP.format(token))
    try:
        yield
    finally:
        if settings.on_github:
            say(_RESUME.format(token))
        tell(runs, settings, say, out)


def tell(runs: Sequence[Run], settings: Settings, say: Callable[[str], None], out: Path | None = None) -> None:
    """Tells the runner of *runs* that have ended: annotations, and a summary; nothing where there is no runner."""
    if settings.on_github:
        for line in (line for run in runs for line in annotations_of(run, settings)):
            say(line)
    if settings.step_summary and (page := _page(runs, settings, out)):
        _append(settings.step_summary, page, say)


def of_trials(summary: Path, runs: Sequence[Run], settings: Settings, say: Callable[[str], None]) -> None:
    """What several *runs* came to that have one verdict: annotations of all together, and their *summary* on the page of the step."""
    if settings.on_github:
        for line in _annotations_of_several(summary.parent, runs, settings):
            say(line)
    if settings.step_summary and runs:
        text = summary.read_text("utf-8")
        for run in runs:
            text = mask_of(run, settings).text(text)
        _append(settings.step_summary, text, say)


def tell_stored(folder: Path, settings: Settings, say: Callable[[str], None]) -> None:
    """Tells the runner of what is stored in *folder*: a run, or trials."""
    from harness.stored import load
    from harness.suites import gate

    if (folder / gate.FILE).is_file():
        runs = [load(folder / run.folder) for cell in gate.read(folder).cells for run in cell.runs]
        of_trials(folder / "summary.md", runs, settings, say)
    else:
        tell([load(folder)], settings, say)


def _annotations_of_several(folder: Path, runs: Sequence[Run], settings: Settings) -> Iterator[str]:
    """The commands for what did not hold over the trials in *folder*, or for what is worse in the comparison there."""
    from harness.report import annotations
    from harness.suites import compare, gate

    made = {run.result.run_id: run for run in runs}
    if (folder / compare.FILE).is_file() and runs:
        found = annotations.of_comparison(compare.read(folder), _in_workspace(runs[0].result.scenario.path, settings))
        yield from map(mask_of(runs[0], settings).text, found)
    if not (folder / gate.FILE).is_file():
        return
    for cell in gate.read(folder).cells:
        # Where a thing was never run, there is no file to annotate.
        tried = [made[run.run_id] for run in cell.runs if run.run_id in made]
        if tried:
            mask, file = mask_of(tried[0], settings), _in_workspace(tried[0].result.scenario.path, settings)
            lines = {finding.expectation: finding.line for run in tried for finding in run.result.findings}
            yield from map(mask.text, annotations.of_trials(cell, file, lines))


def problems(found: Sequence[Problem], settings: Settings) -> list[str]:
    """The commands by which the runner shows what is wrong in files, at their lines; none where there is no runner."""
    from harness.report.annotations import of_problem

    return [of_problem("error", problem) for problem in found if problem.file] if settings.on_github else []


def annotations_of(run: Run, settings: Settings) -> list[str]:
    """The commands by which the runner shows what did not hold in *run*, with no secret in them."""
    from harness.report import annotations

    mask = mask_of(run, settings)
    file = _in_workspace(run.result.scenario.path, settings)
    return [mask.text(line) for line in annotations.of_run(run.result, file)]


def mask_of(run: Run, settings: Settings) -> Mask:
    """What hides the secrets that *run* was given, from what was stored of its target."""
    from harness.reading.placeholders import told_secrets
    from harness.reading.target import Target
    from harness.reading.yaml.recall import recall
    from harness.record import run_folder

    target = recall(run_folder.find(run.path).target, Target)[0].value
    return Mask(told_secrets(target, settings.environment))


def _page(runs: Sequence[Run], settings: Settings, out: Path | None) -> str:
    if len(runs) == 1:
        return _summary(runs[0], settings)
    table = out / "scorecard.md" if out else None
    parts = [table.read_text("utf-8")] if table and table.is_file() and runs else []
    parts += [_summary(run, settings) for run in runs if run.verdict != "pass"]
    return "\n".join(parts)


def _summary(run: Run, settings: Settings) -> str:
    return mask_of(run, settings).text((run.path / "summary.md").read_text("utf-8"))


def _in_workspace(file: str, settings: Settings) -> str:
    """*file* as the runner knows it: seen from the checkout, where it lies in that."""
    workspace, path = settings.environment.get("GITHUB_WORKSPACE"), Path(file).absolute()
    return path.relative_to(workspace).as_posix() if workspace and path.is_relative_to(workspace) else file


def _append(path: Path, text: str, say: Callable[[str], None]) -> None:
    """Nobody's run is lost for a page that cannot be written; it is said."""
    data = f"{text}\n".encode()
    try:
        with path.open("ab") as file:
            if file.tell() + len(data) > BYTES_MAX:
                data = b"\nThere is more than this page can hold; the reports have it.\n"
            file.write(data)
    except OSError as error:
        say(f"the summary of the step cannot be written: {cannot(error)}")
