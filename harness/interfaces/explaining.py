"""What a person sees of a run that is explained: its diagnoses, the run after a change, and how each prediction fared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from harness.conduct import conduct
from harness.explanation import Explained, explain
from harness.interfaces.live import LivePanel
from harness.interfaces.shown import Shown, console_of
from harness.judging.baseline import Baseline
from harness.prepare import Prepared
from harness.settings import Settings
from harness.stored import Run


def explained(
    run: Path,
    overrides: Sequence[str],
    environment: Settings,
    out: Path,
    *,
    of: Sequence[str],
    allowed_hosts: Sequence[str],
    toxiproxy_url: str | None,
    say: Callable[[str], None],
) -> Explained:
    """As `explanation.explain`, with the run after a change shown as `harness run` shows one."""
    console = console_of()
    shown = Shown(console, quiet=False)

    def made_again(one: Prepared, before: Baseline) -> Run:
        shown.begins(one)
        panel, dim = partial(LivePanel, console), partial(console.print, style="dim")
        return shown.ended(
            conduct(one, environment, out, toxiproxy_url=toxiproxy_url, say=dim, panel=panel, baseline=before)
        )

    return explain(run, overrides, environment.environment, made_again, of=of, allowed_hosts=allowed_hosts, say=say)
