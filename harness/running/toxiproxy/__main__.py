"""``python -m harness.running.toxiproxy FILE``: the pinned server for this machine into a file, checked against its sum."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.running.toxiproxy.release import DownloadError, Release


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m harness.running.toxiproxy", description=__doc__)
    parser.add_argument("file", type=Path, help="where it is to be; nothing is left there unless the sum is right")
    to: Path = parser.parse_args().file
    try:
        install(to, Release())
    except (DownloadError, OSError) as error:
        sys.exit(f"no Toxiproxy server: {error}")


def install(to: Path, release: Release) -> None:
    """The binary of *release* for this machine at *to*, executable. Raises DownloadError or OSError, and then nothing is there."""
    part = to.with_name(f".{to.name}.part")
    try:
        release.download(part, lambda text: print(text, flush=True))  # noqa: T201 - for who builds an image
        part.chmod(0o755)
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
