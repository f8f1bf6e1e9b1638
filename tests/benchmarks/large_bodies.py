"""What requests of 10 and 100 MB do to the small ones beside them: ``python tests/benchmarks/large_bodies.py`` (about 45 s).

Small requests go out at a constant rate while a large one is sent once a second, in turn straight to a provider and through
tap, Toxiproxy and edge. All processes are on this machine and share its processors: what a large request costs those is seen
on the direct way too, so what counts is the difference. What the wire itself holds up is how late its own loop ran. Memory is
the most that the wire process held at once, above what it held before.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.synchronize
import socket
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from harness.record.instrument import Lateness, read

sys.path.insert(0, str(Path(__file__).parent))
from both_ways import both_ways, run

RATE_PER_S = 100
STRETCH_S = 3.0
EACH_S = 1.0
SIZES_MB = (0, 10, 100)
ROUNDS = 2
TARGET_MS, TARGET_MB = 10.0, 64.0

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_END_OF_ANSWER = b"\r\n\r\n{}"
_SMALL_BODY = b'{"model":"m","messages":[{"role":"user","content":"%b n-0123456789"}]}' % (b"words " * 300)
_SMALL = b"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(_SMALL_BODY), _SMALL_BODY)
_BEGIN = (
    b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,'
)
_END = b'"}},{"type":"text","text":"What is it? n-0123456789"}]}]}'


class _Provider(asyncio.Protocol):
    """Counts bytes, and answers each request when it has all of it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._left: int | None = None
        self._head = b""

    def data_received(self, data: bytes) -> None:
        if self._left is None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._left, self._head = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]), b""
        self._left -= len(data)
        if self._left <= 0:
            self._left = None
            self._transport.write(_ANSWER)


@dataclass
class _Delays:
    """How long each small request took, in ms, and each large one, in s."""

    small_ms: list[float] = field(default_factory=list)
    large_s: list[float] = field(default_factory=list)


def main() -> None:
    """Print the worst delay of the small ones both ways, and what the wire held."""
    with both_ways(_Provider) as ways:
        ports = {"direct": ways.direct, "through": ways.tap}
        for port in ports.values():
            run(_beside(port, 1, _Delays()))  # to open connections and fill caches
        before_mb = _memory_mb(ways.pid)
        for size_mb in SIZES_MB:
            began_s = time.monotonic()
            _print(size_mb, _measured(ports, size_mb))
            print(f"  the wire's own loop ran at most {_late_ms(ways.folder, began_s):.2f} ms late")
        print(f"memory of the wire process: {before_mb:.1f} MB before, at most {_memory_mb(ways.pid) - before_mb:+.1f} MB "
              f"(target +{TARGET_MB:g} MB)")  # fmt: skip


def _measured(ways: dict[str, int], size_mb: int) -> dict[str, _Delays]:
    found = {way: _Delays() for way in ways}
    for _ in range(ROUNDS):
        for way, port in ways.items():
            run(_beside(port, size_mb, found[way]))
    return found


async def _beside(port: int, size_mb: int, delays: _Delays) -> None:
    """Small requests for a stretch, and large ones one after the other in a process of their own."""
    stop = multiprocessing.Event()
    ours, theirs = multiprocessing.Pipe()
    sender = multiprocessing.Process(target=_send_large, args=(port, size_mb, stop, theirs), daemon=True)
    if size_mb:
        sender.start()
    await _send_small(port, delays)
    stop.set()
    if size_mb:
        delays.large_s += await asyncio.to_thread(ours.recv)
        sender.join()


async def _send_small(port: int, delays: _Delays) -> None:
    loop = asyncio.get_running_loop()
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    tasks: list[asyncio.Task[None]] = []

    async def ask(due_s: float) -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        writer.write(_SMALL)
        await reader.readuntil(_END_OF_ANSWER)
        delays.small_ms.append((time.perf_counter() - due_s) * 1000)
        idle.append((reader, writer))

    began_s = time.perf_counter()
    for number in range(int(RATE_PER_S * STRETCH_S)):
        due_s = began_s + number / RATE_PER_S
        await asyncio.sleep(due_s - time.perf_counter())
        tasks.append(loop.create_task(ask(due_s)))
    await asyncio.gather(*tasks)
    for _, writer in idle:
        writer.close()


def _send_large(port: int, size_mb: int, stop: multiprocessing.synchronize.Event, told: Connection) -> None:
    """One large request after the other, until *stop* is set; how long each took."""
    piece = b"QUJD" * (1 << 14)
    count = size_mb * 1_000_000 // len(piece)
    head = b"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (
        len(_BEGIN) + count * len(piece) + len(_END)
    )
    took_s: list[float] = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while not stop.is_set():
            began_s = time.monotonic()
            connection.sendall(head + _BEGIN)
            for _ in range(count):
                connection.sendall(piece)
            connection.sendall(_END)
            said = b""
            while not said.endswith(_END_OF_ANSWER):
                heard = connection.recv(4096)
                assert heard, "the connection ended before the answer"
                said += heard
            took_s.append(time.monotonic() - began_s)
            stop.wait(max(0.0, began_s + EACH_S - time.monotonic()))
    told.send(took_s)


def _late_ms(folder: Path, since_s: float) -> float:
    """How late the wire's loop ran at the most since then, as it said itself."""
    told = [row for row in read(folder / "instrument", 0.0) if isinstance(row, Lateness) and row.at_s >= since_s]
    return max((row.ms_max for row in told), default=float("nan"))


def _memory_mb(pid: int) -> float:
    """The most that process *pid* ever held."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return float("nan")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _print(size_mb: int, ways: dict[str, _Delays]) -> None:
    print(f"small requests beside {f'one of {size_mb} MB a second' if size_mb else 'nothing else'}")
    for way, delays in ways.items():
        ordered = sorted(delays.small_ms)
        large = f", each large one {sum(delays.large_s) / len(delays.large_s):.2f} s" if delays.large_s else ""
        told = f"p50 {ordered[len(ordered) // 2]:.2f} ms, p99 {ordered[len(ordered) * 99 // 100]:.2f} ms, worst {ordered[-1]:.2f} ms"
        print(f"  {way:8} {len(ordered)} requests, {told}{large}")
    worst = {way: max(delays.small_ms) for way, delays in ways.items()}
    print(f"  {'added':8} to the worst {worst['through'] - worst['direct']:+.2f} ms (target +{TARGET_MS:g} ms)")


if __name__ == "__main__":
    sys.exit(main())
