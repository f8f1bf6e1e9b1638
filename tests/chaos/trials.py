"""Everything that is done to a run: to whom, what, and when."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from site_of_a_trial import Trial

SUBJECTS = ("harness", "keeper", "wire", "toxiproxy", "load", "target", "provider")
MOMENTS = ("starting", "baseline", "fault")
SIGNALS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM)


ENCODES = """
import base64, json, os, sys, urllib.parse
token = os.environ["TOKEN"]
print(base64.b64encode(b"u:" + token.encode()).decode(), urllib.parse.quote(token, ""), json.dumps(token))
sys.exit(3)
"""


def _signals() -> Iterator[Trial]:
    for moment in MOMENTS:
        for signum in SIGNALS:
            for subject in SUBJECTS:
                yield Trial(f"{signum.name} {subject} in {moment}", subject, signum, moment)
    for moment in ("folder", *MOMENTS, "judging"):
        yield Trial(f"SIGINT harness in {moment}", "harness", signal.SIGINT, moment)
        yield Trial(f"SIGKILL harness and keeper in {moment}", "harness", signal.SIGKILL, moment, both_killed=True)
    yield Trial("SIGINT harness twice in fault", "harness", signal.SIGINT, "fault", twice=True)


def _disks() -> Iterator[Trial]:
    for size in (4, 32, 128, 400):
        yield Trial(f"a disk of {size} KiB for the reports", disk=("reports", size))
    for size in (4, 12):
        yield Trial(f"a disk of {size} KiB for temporary files", disk=("temp", size))
    yield Trial("a folder of reports that cannot be written", disk=("reports", 0))
    yield Trial("a temporary folder that cannot be written", disk=("temp", 0))
    for size in (0, 2_000, 40_000):
        yield Trial(f"no file may be larger than {size} bytes", file_bytes_max=size)


def _outputs() -> Iterator[Trial]:
    yield Trial("standard output on a full disk", stdout="/dev/full")
    yield Trial("both outputs on a full disk", stdout="/dev/full", stderr="/dev/full")
    yield Trial("standard output closed", stdout="closed")


def _secrets() -> Iterator[Trial]:
    yield Trial("a service that tells its secret to whoever asks", secret=True)
    yield Trial("a service that dies with its secret in its last words", trouble="dies when asked", secret=True)
    yield Trial("a service that never serves, and prints its secret", trouble="never ready", secret=True)
    yield Trial(
        "a secret in the command of a service that cannot be started",
        command=("/no/such/${MY_KEY}", "{port}"),
        secret=True,
    )
    yield Trial(
        "a secret in the words of a command that refuses them",
        command=("sh", "-c", "echo $0 >&2; exit 3", "${MY_KEY}", "{port}"),
        secret=True,
    )
    yield Trial(
        "a secret in base64 and in a URL, printed by a service that dies",
        command=("{python}", "-c", ENCODES, "{port}"),
        secret=True,
    )


TRIALS = [*_signals(), *_disks(), *_outputs(), *_secrets()]
