"""What passes on each link, counted in slices of time, so that one phase of a run can be told from another."""

from __future__ import annotations

import time
from pathlib import Path

from harness.record.rowfile import RowFile
from harness.record.rows import SLICE_S, Traffic


class TrafficFile:
    """Where the slices of all links of one process are written, each once it is over."""

    def __init__(self, path: Path) -> None:
        self._file = RowFile(path)
        self._links: list[LinkTraffic] = []
        self.problem = ""
        """Why a slice could not be written; empty while all is well."""

    def of(self, link: str) -> LinkTraffic:
        """The traffic of *link*, from now on."""
        self._links.append(LinkTraffic(link, self))
        return self._links[-1]

    def write(self, row: Traffic) -> None:
        try:
            self._file.add(row)
        except OSError as error:
            # Said at the next count: raised here it would break a connection of the target's, which is not at fault.
            self.problem = self.problem or f"what passes on links cannot be written: {error}"

    def finish(self) -> None:
        """Write what has not been, and close the file."""
        for link in self._links:
            link.flush()
        self._links.clear()
        self._file.close()


class LinkTraffic:
    """The traffic of *link*, whose slices go to *file*; `total` has all of it."""

    def __init__(self, link: str, file: TrafficFile) -> None:
        self._file = file
        self.total = Traffic(link, 0.0)
        self._slice: Traffic | None = None

    def opened(self) -> None:
        """A client has connected."""
        self._now().connections += 1
        self.total.connections += 1

    def said(self, size: int) -> None:
        """A client said *size* bytes."""
        self._now().bytes_out += size
        self.total.bytes_out += size

    def heard(self, size: int) -> None:
        """A client was told *size* bytes."""
        self._now().bytes_in += size
        self.total.bytes_in += size

    def commanded(self, commands: int, housekeeping: int) -> None:
        """So many commands of Redis have come whole, and so many of those are *housekeeping*."""
        now = self._now()
        now.commands += commands
        now.housekeeping += housekeeping
        self.total.commands += commands

    def pushed(self) -> None:
        """A client that listens for what comes unasked was told something."""
        self._now().pushed += 1
        self.total.pushed += 1

    def refused(self) -> None:
        """A client has ended a TLS handshake for what it was shown."""
        self._now().handshakes_refused += 1

    def shown_bad(self) -> None:
        """A client is shown a certificate with a flaw."""
        self._now().bad_certificates += 1

    def accepted_bad(self) -> None:
        """A client has asked something although it was shown such a one."""
        self._now().bad_certificates_accepted += 1

    def looked_up(self, *, hit: bool) -> None:
        """Somebody asked for the address of its name; *hit*: and was answered otherwise, or late."""
        now = self._now()
        now.lookups += 1
        now.lookups_hit += hit
        self.total.lookups += 1

    def flush(self) -> None:
        if self._slice is not None:
            self._file.write(self._slice)
            self._slice = None

    def _now(self) -> Traffic:
        """The slice of this moment; one that is over is written by the next thing that passes."""
        start_s = time.monotonic() // SLICE_S * SLICE_S
        if self._slice is None or self._slice.start_s != start_s:
            self.flush()
            self._slice = Traffic(self.total.link, start_s)
        return self._slice
