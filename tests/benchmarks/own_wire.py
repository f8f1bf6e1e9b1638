"""A wire in a process of its own, for benchmarks that put clients in front of it and providers behind."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.running.wire import Config, LinkConfig, Ready, WireStage, command, ready, write

SEED = 7


@contextmanager
def wire(links: Sequence[LinkConfig], folder: Path) -> Iterator[tuple[WireStage, Ready]]:
    """A wire with these *links*, whose taps dial their edges; its rows are in *folder*."""
    told = folder / "ready.json"
    write(
        Config(list(links), str(folder), SEED, str(told), instrument=str(folder / "instrument")), folder / "config.json"
    )
    process = subprocess.Popen(command(folder / "config.json"))
    try:
        late_s = time.monotonic() + 30
        while not (ports := ready(told)):
            assert process.poll() is None
            assert time.monotonic() < late_s, "the wire did not serve in time"
            time.sleep(0.02)
        stage = WireStage(ports.control_url)
        for link, ends in ports.links.items():
            assert ends.edge is not None
            stage.connect_link(link, ends.edge)
        yield stage, ports
    finally:
        process.kill()
        process.wait()


def taps(ports: Ready) -> dict[str, str]:
    """At which URL each link is asked."""
    return {link: f"http://127.0.0.1:{ends.tap}" for link, ends in ports.links.items()}
