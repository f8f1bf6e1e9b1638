"""``python -m harness.simulated_provider``: one simulated provider on a port of 127.0.0.1, until it is told to end."""

from __future__ import annotations

import argparse
import asyncio
import signal

import msgspec

from harness.simulated_provider.provider import Provider, ProviderSettings
from harness.simulated_provider.server import listen


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m harness.simulated_provider", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--region", default="")
    parser.add_argument(
        "--config", default="{}", help='JSON, durations in seconds: {"capacity": 24, "first_token": 0.25}'
    )
    options = parser.parse_args()
    try:
        settings = msgspec.json.decode(options.config, type=ProviderSettings)
    except msgspec.DecodeError as problem:
        parser.error(
            f"--config {options.config!r}: {problem}; known: {', '.join(ProviderSettings.__struct_encode_fields__)}"
        )
    asyncio.run(_serve(Provider(settings, seed=options.seed, region=options.region), options.port))


async def _serve(provider: Provider, port: int) -> None:
    ended = asyncio.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(told, ended.set)
    server = await listen(provider.accept, provider.answer, port=port)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    main()
