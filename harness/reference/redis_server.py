"""``python -m harness.reference.redis_server``: the server of `harness.running.redis_server`, under its earlier name."""

from __future__ import annotations

from harness.running.redis_server import main

if __name__ == "__main__":
    main()
