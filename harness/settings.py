"""What the environment says; nothing else reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of one call of the harness."""

    environment: Mapping[str, str]
    cache: Path
    toxiproxy_url: str | None
    state: str = ""
    """Path or URL of the state of targets whose files name none."""
    on_github: bool = False
    """Whether GitHub's runner reads what is printed, and takes some of it for commands."""
    step_summary: Path | None = None
    """The file in which GitHub's runner collects what its page says of the step."""

    @property
    def own_state(self) -> Path:
        """The folder of this machine's user in which state is kept where nobody names another place."""
        base = Path(self.environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        return base / "resilience-harness"

    @property
    def search_path(self) -> str:
        """Where programs are looked for."""
        return self.environment.get("PATH", os.defpath)


def settings() -> Settings:
    """The settings that this process was started with.

    ``TOXIPROXY_URL`` names a running server; ``XDG_CACHE_HOME`` moves the cache, which is ``~/.cache/resilience-harness``;
    ``HARNESS_STATE`` is where state is kept, else ``XDG_STATE_HOME`` moves it, which is ``~/.local/state/resilience-harness``.
    ``GITHUB_ACTIONS`` is ``true`` where GitHub's runner reads what is printed, and ``GITHUB_STEP_SUMMARY`` names the page of its step.
    """
    environment = dict(os.environ)
    base = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    page = environment.get("GITHUB_STEP_SUMMARY")
    found = Settings(
        environment,
        base / "resilience-harness",
        environment.get("TOXIPROXY_URL") or None,
        on_github=environment.get("GITHUB_ACTIONS") == "true",
        step_summary=Path(page) if page else None,
    )
    return replace(found, state=environment.get("HARNESS_STATE") or str(found.own_state))
