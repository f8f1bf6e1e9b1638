"""A harness with a keeper, children and two promises, that waits to be killed: ``standin.py FOLDER URL [WORD...]``."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from harness.running.keeper import keeper as keeper_module
from harness.running.keeper.keeper import Child, Keeper
from harness.running.keeper.means import HttpUndo
from harness.running.keeper.undo import UndoLog

LISTENER = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    server.accept()[0].close()
"""
STUBBORN = "stubborn"
CHILDREN = {
    "listener": (sys.executable, "-I", "-S", "-c", LISTENER),
    "session": ("sh", "-c", "setsid sleep 1000 & echo $!; wait"),
    "daemon": ("sh", "-c", "setsid sleep 1000 & echo $!"),
    "witness": ("sh", "-c", "trap 'echo INT' INT; trap 'echo TERM; exit' TERM; echo $$; while :; do sleep 0.05; done"),
    STUBBORN: ("sh", "-c", "trap '' TERM; sleep 1000 & echo $!; wait; wait"),
}


def main(folder: Path, url: str, *words: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if "patient" in words:  # its children have all the time that this machine takes
        begin = "import harness.running.keeper.__main__ as its; its.GRACE_S = 60.0; from harness"
        keeper_module._START = keeper_module._START.replace("from harness", begin, 1)
    keeper = Keeper(folder / "undo.jsonl", folder / "temp", folder / "keeper.log")
    keeper.start()
    for name, argv in CHILDREN.items():
        if name == STUBBORN and "patient" in words:
            continue
        keeper.spawn(Child(name, argv, dict(os.environ), folder / f"{name}.log"))
    (folder / "temp" / "scratch").write_text("of this run")
    undo = UndoLog(folder / "undo.jsonl")
    undo.promise("link", [HttpUndo("DELETE", f"{url}/proxies/harness-link")], lasting=True)
    undo.promise("first", [HttpUndo("DELETE", f"{url}/proxies/harness-first")])
    undo.promise("kept", [HttpUndo("DELETE", f"{url}/proxies/harness-kept")])
    undo.kept("kept")
    undo.promise("second", [HttpUndo("DELETE", f"{url}/proxies/harness-second")])
    if "beat" in words:
        keeper.beat()
    if "fork" not in words or os.fork():  # a copy holds the lifeline open too
        print(keeper.pid, flush=True)  # noqa: T201 - read by the test
    if "tells" in words:
        while (quiet_s := keeper.took_back_after_s) is None:
            keeper.exited()
            time.sleep(0.05)
        (folder / "quiet").write_text(f"{quiet_s}\n")
    signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
