"""The process that an occurrence is: ``python -m harness.schedules.begin CLAIM WORD…`` claims it, and then does what `harness WORD…` does.

Whoever started it may be dead by now, and others may have started it, too: the claim says that one alone goes on, and how it ends.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from harness.problems import cannot
from harness.schedules import claims

_BROKEN, _INTERRUPTED = 70, 130


def main() -> None:
    """End with the status of what was asked for; with 0, and nothing done, where somebody else has begun it."""
    claim, *words = sys.argv[1:]
    try:
        if not claims.begin(Path(claim)):
            return
    except OSError as error:
        sys.stderr.write(f"it was not begun: {cannot(error)}\n")
        sys.exit(_BROKEN)
    for told in (signal.SIGINT, signal.SIGTERM):  # also where whoever started us is deaf to them
        signal.signal(told, signal.default_int_handler)
    sys.argv = ["harness", *words]
    status = _status()
    try:
        claims.end(Path(claim), status)
    except OSError as error:  # whoever waits for this process sees its status all the same
        sys.stderr.write(f"how it ended could not be written down: {cannot(error)}\n")
    sys.exit(status)


def _status() -> int:
    from harness.interfaces import cli  # it is claimed before anything takes its time

    try:
        cli.main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else _BROKEN if ended.code else 0
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    main()
