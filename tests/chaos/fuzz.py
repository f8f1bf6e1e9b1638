"""Garbles files, stored runs, what passes on the wire, and answers that faults act on: each has to be read, or refused in a sentence.

``python tests/chaos/fuzz.py [files] [runs] [wire] [answers] [--seed 0] [--number 200]``. A case is made of its number alone; the first is
the seed. Prints each that was neither read nor refused, by its number, and ends with 1 if there was one. What was ever found is in `FOUND`,
and `test_found.py` tries it again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from garbled_wire import GarbledWire
from mutations import mutated

import harness
from harness.prepare import validate
from harness.problems import HarnessError, UsageProblems

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "scenarios").rglob("*.yaml"))
SAMPLE = ROOT / "reports" / "sample"
FOUND = (("files", 1025), ("wire", 0), ("wire", 136))
"""Kind and number of every case that was once neither read nor refused."""


def garbled_file(seed: int, folder: Path) -> str:
    """What is wrong with how one garbled file was read; nothing where all is well."""
    random = Random(f"files {seed}")
    scenarios = folder / "scenarios"
    shutil.copytree(ROOT / "scenarios", scenarios)
    path = folder / random.choice(FILES)
    path.write_bytes(mutated(path.read_bytes(), random))
    try:
        validate(path, None)
        validate(scenarios / "region-loss.yaml", None)
    except (UsageProblems, HarnessError):
        return ""
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        return f"{path.name}: {type(error).__name__}: {str(error)[:200]}"
    return ""


def garbled_run(seed: int, folder: Path) -> str:
    """What is wrong with how a stored run with one garbled file was judged."""
    random = Random(f"runs {seed}")
    run = folder / "sample"
    shutil.copytree(SAMPLE, run)
    path = run / random.choice(sorted(path.name for path in SAMPLE.iterdir() if path.is_file()))
    if random.random() < 0.1:
        path.unlink()
    else:
        path.write_bytes(mutated(path.read_bytes(), random))
    try:
        harness.judge(run, say=lambda _: None)
    except (UsageProblems, HarnessError):
        return ""
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        return f"{path.name}: {type(error).__name__}: {str(error)[:200]}"
    return ""


def in_a_folder(case: Callable[[int, Path], str]) -> Callable[[int], str]:
    def tried(seed: int) -> str:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            return case(seed, Path(folder))

    return tried


def tried(kind: str, seeds: range) -> list[tuple[int, str]]:
    """Every case of *kind* among *seeds* that was neither read nor refused, and what came of it."""
    if kind in ("wire", "answers"):
        with GarbledWire() as wire:
            passes = wire.passes if kind == "wire" else wire.acts_on_answers
            return [(seed, said) for seed in seeds if (said := passes(seed))]
    case = in_a_folder({"files": garbled_file, "runs": garbled_run}[kind])
    return [(seed, said) for seed in seeds if (said := case(seed))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", choices=["files", "runs", "wire", "answers", []], default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, default=200)
    asked = parser.parse_args()
    wrong = 0
    for kind in asked.kinds or ("files", "runs", "wire", "answers"):
        found = tried(kind, range(asked.seed, asked.seed + asked.number))
        wrong += len(found)
        print(f"{kind}: {asked.number} cases from {asked.seed} on, {len(found)} neither read nor refused", flush=True)
        for seed, said in found:
            print(f"  {kind} {seed}: {said}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
