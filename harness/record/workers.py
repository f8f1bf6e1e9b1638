"""What is known of each worker of a load: where it ran, which rows it says that it wrote, and how its clock stood to the harness's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

_PIECE_BYTES = 1 << 20


class Seal(msgspec.Struct, frozen=True):
    """What a worker wrote: so many *rows* of so many *bytes*, and the checksum of those."""

    rows: int
    bytes: int
    sha256: str


class Worker(msgspec.Struct, frozen=True):
    """One worker of a run. Instants are of the run's clock, which is 0 when the load begins.

    *lost*: why it did not send its share to the end; empty where it did. *torn*: what is wrong with its rows as they lie in
    the run's folder; empty where they are what it wrote. Where it had *another_clock* than the harness, its instants were put on the
    harness's: *offset_s* at 0, *drift_ppm*, and each true to within *uncertainty_s*.
    """

    number: int
    host: str
    pid: int
    requests: int = 0  # that were its share
    lost: str = ""
    lost_s: float | None = None
    torn: str = ""
    another_clock: bool = False
    offset_s: float = 0.0
    drift_ppm: float = 0.0
    uncertainty_s: float = 0.0

    @property
    def called(self) -> str:
        """What a person reads: ``worker 1 (pid 4711 on load-2)``."""
        return f"worker {self.number} (pid {self.pid} on {self.host})"

    @property
    def lost_words(self) -> str:
        """What the rows say that it left over."""
        return f"worker {self.number} was lost: it {self.lost}"


def torn(path: Path, seal: Seal) -> str:
    """How the row file at *path* differs from what its worker says that it wrote; empty where it does not."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        return f"{seal.rows} rows were written, and the file cannot be read: {error.strerror}"
    if size != seal.bytes:
        return f"{seal.rows} rows of {seal.bytes} bytes were written, and {size} bytes are there"
    if digest.hexdigest() != seal.sha256:
        return f"{seal.rows} rows of {seal.bytes} bytes were written, and as many bytes with another checksum are there"
    return ""


def encode(workers: list[Worker]) -> bytes:
    """The file that a run keeps of its workers."""
    return msgspec.json.format(msgspec.json.encode(workers)) + b"\n"


def decode(content: bytes) -> list[Worker]:
    """What `encode` wrote. Raises ValueError for anything else."""
    return msgspec.json.decode(content, type=list[Worker])
