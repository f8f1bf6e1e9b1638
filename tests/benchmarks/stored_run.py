"""Stored runs of any size, for what has to be measured of judging: a region is lost, and comes back little by little.

::

    python tests/benchmarks/stored_run.py FOLDER 1000000
    python tests/benchmarks/stored_run.py FOLDER 180000 200     # the region is lost so many times, at a twentieth of the rate

The tables are what a run of the reference system leaves, made in pieces, so that ten million requests take no more memory than a hundred
thousand. Equal sizes are equal runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.faults.stretches import stretch_of
from harness.protocols.sketch import sketch
from harness.record import history
from harness.record.history import Begun, Confirmed, Ended, Event, Injected, Injecting, Reverted, Reverting
from harness.record.rows import SLICE_S, Arrival, Attempt, Request, Traffic

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "compatibility" / "0.1.0"
RATE_PER_S, PIECE, SEED, CONVERSATIONS = 1000, 100_000, 11, 1000
RUN_ID = "20260101-000000-fragile-0000"
FAULT = "regional_loss-1"
FEWER, DUTY = 20, 0.5
"""Where the fault comes and goes: by what the rate is divided, and for which part of a period the region is lost."""
DEADLINE_S, BACK_S = 10.0, 12.0
"""How long a client waits, and how long after the fault some are still answered an error."""
SCENARIO = """schema: harness.scenario/1
name: region-loss
load: {{rate_per_s: {rate}, questions: questions.yaml, deadline: 10s}}
phases: {{warmup: {warmup}s, baseline: {baseline}s, fault: {fault}s, recovery: {recovery}s}}
faults:
  - {{kind: regional_loss, region: east, mode: blackhole, at: fault{flap}}}
good: {{within: 4s}}
expect:
  - good_ratio >= 0.9 in fault
  - retry_amplification <= 1.5 in fault
  - failover_time_s <= 5
  - recovery_time_s <= 5
"""
KINDS = {"requests": Request, "attempts": Attempt, "arrivals": Arrival, "traffic": Traffic}
_TYPES = {int: pa.int64(), int | None: pa.int64(), bool: pa.bool_(), float: pa.float64(), float | None: pa.float64()}
Columns = dict[str, np.ndarray | pa.Array]


class Spans:
    """The phases of a run of so many *requests*, in seconds: a twentieth to warm up, and a tenth of a fault after a third.

    With several *windows* the fault comes and goes over six tenths of the run, after a tenth, and fewer requests come a second.
    """

    def __init__(self, requests: int, windows: int = 1) -> None:
        self.rate_per_s = RATE_PER_S if windows == 1 else RATE_PER_S / FEWER
        total = requests / self.rate_per_s
        baseline, fault = (0.3, 0.1) if windows == 1 else (0.1, 0.6)
        self.warmup, self.baseline, self.fault = round(0.05 * total), round(baseline * total), round(fault * total)
        self.recovery = round(total) - self.warmup - self.baseline - self.fault
        self.from_s = float(self.warmup + self.baseline)
        self.total_s = self.from_s + self.fault + self.recovery
        self.period_s = self.fault / windows
        self.starts_s = self.from_s + self.period_s * np.arange(windows)
        self.ends_s = self.starts_s + self.period_s * (1.0 if windows == 1 else DUTY)
        self.back_s = min(BACK_S, self.period_s / 4) if windows > 1 else BACK_S

    @property
    def flap(self) -> str:
        """What the scenario says of how the fault comes and goes."""
        return f", flap: {{period: {self.period_s:g}s, duty: {DUTY}}}" if self.starts_s.size > 1 else ""

    def lost(self, at_s: np.ndarray) -> np.ndarray:
        """Whether the region is lost at these instants."""
        return self.starts_s.searchsorted(at_s, "right") > self.ends_s.searchsorted(at_s, "right")

    def since_s(self, at_s: np.ndarray) -> np.ndarray:
        """For how long it had been back at these instants; infinite before it was lost."""
        return at_s - np.append(-np.inf, self.ends_s)[self.ends_s.searchsorted(at_s, "right")]


def write_run(folder: Path, requests: int, windows: int = 1) -> Path:
    """A run of so many *requests* (whole thousands) in *folder*, which is new: its tables as they are kept, and what it was made from."""
    folder.mkdir(parents=True)
    spans = Spans(requests, windows)
    spoken = {"warmup": spans.warmup, "baseline": spans.baseline, "fault": spans.fault, "recovery": spans.recovery}
    (folder / "scenario.yaml").write_text(SCENARIO.format(rate=f"{spans.rate_per_s:g}", flap=spans.flap, **spoken))
    for name in ("target.yaml", "questions.yaml"):
        (folder / name).write_bytes((SAMPLE / name).read_bytes())
    (folder / "history.jsonl").write_bytes(b"".join(map(history.encode, _history(spans, requests))))
    writers = {
        name: pq.ParquetWriter(folder / f"{name}.parquet", _schema(kind), compression="zstd", write_page_checksum=True)
        for name, kind in KINDS.items()
    }
    accepted = {"provider-east": 0, "provider-west": 0}
    for pieces in _pieces(spans, requests):
        for name, columns in pieces.items():
            writers[name].write_table(_table(columns, KINDS[name]))
        links = pieces["arrivals"]["link"]
        for link in accepted:
            accepted[link] += pc.sum(pc.equal(links, link)).as_py() or 0
    for writer in writers.values():
        writer.close()
    (folder / "counts.json").write_bytes(msgspec.json.encode(accepted))
    return folder


def _history(spans: Spans, requests: int) -> Iterator[Event]:
    begun = history.decode((SAMPLE / "history.jsonl").read_bytes())[0]
    assert isinstance(begun, Begun)
    yield msgspec.structs.replace(begun, run_id=RUN_ID, requests=requests, scenario_sha256="", questions_sha256="")
    for number, (from_s, until_s) in enumerate(zip(spans.starts_s.tolist(), spans.ends_s.tolist(), strict=True), 1):
        fault = stretch_of(FAULT, number) if spans.starts_s.size > 1 else FAULT
        yield Injecting(from_s, fault)
        yield Injected(from_s + 0.01, fault)
        yield Confirmed(from_s + 0.7, fault, held=True, how="seen by a probe through each link")
        yield Reverting(until_s, fault)
        yield Reverted(until_s + 0.02, fault)
    yield Ended(spans.total_s + DEADLINE_S, "completed")


def _schema(kind: type) -> pa.Schema:
    return pa.schema([(f.name, _TYPES.get(f.type, pa.large_string())) for f in msgspec.structs.fields(kind)])


def _table(columns: Columns, kind: type) -> pa.Table:
    """*columns* with the default of each field that is not among them, as a table of this *kind*; NaN is no value."""
    schema, n = _schema(kind), len(next(iter(columns.values())))
    defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
    arrays = [
        pa.array(columns[f.name], f.type, from_pandas=True)
        if f.name in columns
        else pa.nulls(n, f.type)
        if defaults[f.name] is None
        else pa.repeat(pa.scalar(defaults[f.name], f.type), n)
        for f in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _pieces(spans: Spans, requests: int) -> Iterator[dict[str, Columns]]:
    chance = np.random.default_rng(SEED)
    waiting: dict[str, Columns] = {}
    for first in range(0, requests, PIECE):
        index = np.arange(first, min(first + PIECE, requests))
        asked, tried, arrived = _piece(index, spans, chance)
        later_s = (index[-1] + 1) / spans.rate_per_s if index[-1] + 1 < requests else np.inf
        made = {}
        # What begins when the next piece is due already comes behind that: tables are in order of time.
        for name, columns in (("attempts", tried), ("arrivals", arrived)):
            made[name], waiting[name] = _until(_joined(waiting.get(name), columns), later_s)
        yield {"requests": asked, **made, "traffic": _traffic(spans, index)}


def _joined(before: Columns | None, after: Columns) -> Columns:
    if before is None:
        return after
    return {
        name: np.concatenate([before[name], column])
        if isinstance(column, np.ndarray)
        else pa.concat_arrays([before[name], column])
        for name, column in after.items()
    }


def _until(columns: Columns, at_s: float) -> tuple[Columns, Columns]:
    """Rows that start before *at_s*, in order of that, and the others."""
    start_s = np.asarray(columns["start_s"])
    order = np.argsort(start_s, kind="stable")
    many = int(np.searchsorted(start_s[order], at_s))
    return _taken(columns, order[:many]), _taken(columns, order[many:])


def _taken(columns: Columns, rows: np.ndarray) -> Columns:
    return {name: c[rows] if isinstance(c, np.ndarray) else c.take(pa.array(rows)) for name, c in columns.items()}


def _piece(index: np.ndarray, spans: Spans, chance: np.random.Generator) -> tuple[Columns, Columns, Columns]:
    """The requests of these places, their attempts and the arrivals of those; the service has nowhere else to go."""
    n = index.size
    due_s = (index + 0.5 + chance.uniform(-0.1, 0.1, n)) / spans.rate_per_s
    east = index % 2 == 0
    down, late_s = spans.lost(due_s), spans.since_s(due_s)
    lost = east & down
    refused = ~down & (late_s < spans.back_s) & (chance.random(n) < 0.6 * (1 - late_s / spans.back_s))
    refused |= ~lost & (chance.random(n) < 0.001)
    answered = ~lost & ~refused
    sent_s = due_s + chance.exponential(0.0006, n)
    took_s = np.where(answered, 0.25 * np.exp(chance.normal(0, 0.35, n)) + 0.3, np.where(lost, DEADLINE_S, 1.4))
    end_s, token_s = sent_s + took_s, np.where(answered, sent_s + took_s, np.nan)
    question, conversation = (index // 2) % len(QUESTIONS), index % CONVERSATIONS
    nonce, turn = _nonces(index), index // CONVERSATIONS
    asked: Columns = {
        "index": index,
        "worker": np.zeros(n, np.int64),
        "due_s": due_s,
        "sent_s": sent_s,
        "first_byte_s": np.where(lost, np.nan, end_s),
        "first_token_s": token_s,
        "end_s": end_s,
        "status": np.select([answered, refused], [200, 503], 0),
        "outcome": pa.array(["complete", "error", "timed_out"]).take(np.select([answered, refused], [0, 1], 2)),
        "bytes": np.where(answered, 240, 0),
        "entry": pa.array(["east", "west"]).take((~east).astype(int)),
        "conversation": CONVERSATION_IDS.take(conversation),
        "turn": turn,
        "question": QUESTIONS.take(question),
        "answer": ANSWERS.take(np.where(answered, question, len(QUESTIONS))),
        "snapshot_version": np.where(answered, 1.0, np.nan),
        "seen_version": np.where(turn > 0, 1.0, np.nan),
        "nonce": nonce,
        "detail": DETAILS.take(np.select([answered, refused], [0, 1], 2)),
    }
    return asked, *_tried(asked, lost, refused, question)


def _tried(asked: Columns, lost: np.ndarray, refused: np.ndarray, question: np.ndarray) -> tuple[Columns, Columns]:
    """The attempts of those requests, six of each that is lost and three of each that is refused, and the arrivals of those."""
    n, answered = lost.size, ~lost & ~refused
    sent_s, end_s, nonce = np.asarray(asked["sent_s"]), np.asarray(asked["end_s"]), asked["nonce"]
    east = np.asarray(asked["index"]) % 2 == 0
    tries = np.select([lost, refused], [6, 3], 1)
    of = np.repeat(np.arange(n), tries)
    number = np.arange(of.size) - np.repeat(np.cumsum(tries) - tries, tries)
    start_s = sent_s[of] + 0.003 + number * np.where(lost, 1.6, 0.45)[of]
    well = answered[of]
    tried: Columns = {
        "link": pa.array(["provider-east", "provider-west"]).take((~east[of]).astype(int)),
        "start_s": start_s,
        "nonce": nonce.take(of),
        "retry_count": number % 3,
        "sent_s": start_s + 0.0002,
        "first_byte_s": np.where(lost[of], np.nan, start_s + 0.2),
        "end_s": np.where(well, end_s[of] - 0.001, start_s + np.where(lost, 1.5, 0.4)[of]),
        "status": np.select([well, refused[of]], [200, 503], 0),
        "outcome": pa.array(["complete", "client_left"]).take(lost[of].astype(int)),
        "bytes_out": np.full(of.size, 793),
        "bytes_in": np.where(well, 672, 0),
        "method": pa.repeat("POST", of.size),
        "path": pa.repeat("/v1/chat/completions", of.size),
    }
    came = np.flatnonzero(~lost[of])
    text = np.where(well, question[of], len(QUESTIONS))[came]
    arrived: Columns = {
        **{name: column for name, column in _taken(tried, came).items() if name in ("link", "nonce", "status", "path")},
        "start_s": start_s[came] + 0.0006,
        "forwarded_s": start_s[came] + 0.001,
        "first_byte_s": start_s[came] + 0.19,
        "end_s": np.asarray(tried["end_s"])[came] - 0.0002,
        "outcome": pa.repeat("complete", came.size),
        "tokens_in": np.full(came.size, 39),
        "tokens_out": np.where(well[came], 20.0, np.nan),
        "messages_sha256": DIGESTS.take(question[of][came]),
        "tokens_from": pa.array(["", "provider"]).take(well[came].astype(int)),
        "sketch": SKETCHES.take(text),
        "finish": pa.array(["", "stop"]).take(well[came].astype(int)),
        "model": pa.array(["", "simulated-1"]).take(well[came].astype(int)),
        "connection": of[came] % 64 + 1,
    }
    return tried, arrived


def _nonces(index: np.ndarray) -> pa.Array:
    """As `protocols.nonce` writes them, with a check that is none: nobody looks for these in a text."""
    number = (index + 16**3) << 16 | (index * 40_503 & 0xFFFF)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[number[:, None] >> np.arange(36, -4, -4) & 15]
    raw = np.concatenate([np.tile(np.frombuffer(b"n-", np.uint8), (index.size, 1)), digits], axis=1)
    offsets = pa.py_buffer(np.arange(0, 12 * index.size + 1, 12, dtype=np.int64))
    return pa.Array.from_buffers(pa.large_string(), index.size, [None, offsets, pa.py_buffer(raw.tobytes())])


def _traffic(spans: Spans, index: np.ndarray) -> Columns:
    """What passed while these requests were due: on every link but those that the fault silences something each tenth of a second."""
    until_s = (index[-1] + 1) / spans.rate_per_s
    at_s = np.arange(index[0] / spans.rate_per_s, until_s - SLICE_S / 2, SLICE_S)
    links = pa.array(["provider-east", "provider-west", "store-east", "store-west", "replication"])
    link, start_s = np.tile(np.arange(len(links)), at_s.size), np.repeat(at_s, len(links))
    store = link >= 2
    answers = ~((link % 2 == 0) & spans.lost(start_s))
    return {
        "link": links.take(link),
        "start_s": start_s,
        "connections": np.full(link.size, 1),
        "bytes_out": np.where(store, 3_000, 40_000),
        "bytes_in": np.where(answers, 34_000, 0),
        "commands": np.where(store, 50, 0),
    }


def _words(seed: int, many: int) -> str:
    chance = np.random.default_rng(seed)
    return " ".join(f"word{number}" for number in chance.integers(0, 500, many))


_IDS = [
    line.split("id: ")[1].split(",")[0]
    for line in (SAMPLE / "questions.yaml").read_text().splitlines()
    if "id: " in line
]
QUESTIONS = pa.array(_IDS)
_TEXTS = [f"The policy says {30 + number} days. {_words(number, 40)}." for number in range(len(QUESTIONS))]
ANSWERS = pa.array([*_TEXTS, ""], pa.large_string())
SKETCHES = pa.array([*map(sketch, _TEXTS), ""], pa.large_string())
DIGESTS = pa.array([f"{number:064x}" for number in range(len(QUESTIONS))])
CONVERSATION_IDS = pa.array([f"{RUN_ID}-c{number}" for number in range(CONVERSATIONS)])
DETAILS = pa.array(["", 'http 503: {"error": {"message": "upstream overloaded"}}', "no answer within 10 s"])


if __name__ == "__main__":
    write_run(Path(sys.argv[1]), *map(int, sys.argv[2:]))
