"""Options that commands of several modules have in common."""

from __future__ import annotations

from typing import Annotated

import typer

AllowHost = Annotated[
    list[str] | None, typer.Option("--allow-host", metavar="HOST", help="Allow traffic to a host off this machine.")
]
ToxiproxyUrl = Annotated[str | None, typer.Option("--toxiproxy-url", help="A running Toxiproxy server to use.")]
