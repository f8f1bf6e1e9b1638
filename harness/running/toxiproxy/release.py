"""The released Toxiproxy server that is pinned: where its binaries are, and the sums that they have to have."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

_SUMS = {
    "linux-amd64": "556d891134a3c582dc1e1a3f7335fd55142e5965769855a00b944e13e48302fc",
    "linux-arm64": "53e770c1c3035b5a9f1bc629fce537db1f95f62b26f4ebe6e756afd701cf077c",
    "darwin-amd64": "9625bba4bd96117eedae49f982aba4c2f462b268dd406c9ff18186f9b1ef8afe",
    "darwin-arm64": "aa299966b52f16a8594f1cd0d1e9049dc2e8fe2c04a90c19860e2719b2b95d15",
}
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_CONNECT_S, _STALL_S = 5.0, 10.0
_BYTES_MAX = 64 * 2**20


class DownloadError(Exception):
    """The binary could not be had, or is not the one that was pinned; the message says which."""


@dataclass(frozen=True, slots=True)
class Release:
    """A version, where its binaries can be downloaded, and their sha256 by platform."""

    version: str = "2.12.0"
    base_url: str = "https://github.com/Shopify/toxiproxy/releases/download"
    sha256: Mapping[str, str] = field(default_factory=lambda: dict(_SUMS))
    module: str = "github.com/Shopify/toxiproxy/v2"

    def kept(self, cache: Path) -> Path:
        """Where its server is in *cache*, once it was had."""
        return cache / f"toxiproxy-{self.version}" / "toxiproxy-server"

    @property
    def package(self) -> str:
        """What Go builds the server of."""
        return f"{self.module}/cmd/server@v{self.version}"

    @property
    def flags(self) -> str:
        """How Go is told to build it: the released binaries are told their version so; else the server would call itself git."""
        return f"-s -w -X {self.module}.Version={self.version}"

    def download(self, to: Path, say: Callable[[str], None]) -> None:
        """Write this machine's binary to *to*, checked against its sum; *say* is told how far it is.

        Raises DownloadError; what is in *to* then is not to be used.
        """
        here = this_platform()
        if here not in self.sha256:
            raise DownloadError(f"no binary is pinned for {here}; there are {', '.join(self.sha256)}")
        url = f"{self.base_url}/v{self.version}/toxiproxy-server-{here}"
        found = _fetch(url, to, lambda done: say(f"downloading toxiproxy-server {self.version}: {done}"))
        if found != self.sha256[here]:
            raise DownloadError(f"{url} has sha256 {found}, and not {self.sha256[here]}")


def this_platform() -> str:
    """This machine as release files name it, such as linux-amd64."""
    return platform_name(platform.system(), platform.machine())


def platform_name(system: str, machine: str) -> str:
    """A *machine* with that *system*, as Python calls them, in the words of release files."""
    machine = machine.lower()
    return f"{system.lower()}-{_MACHINES.get(machine, machine)}"


def _fetch(url: str, to: Path, progress: Callable[[str], None]) -> str:
    """The sha256 of what *url* has, now in *to*."""
    digest, size = hashlib.sha256(), 0
    try:
        with requests.get(url, stream=True, timeout=(_CONNECT_S, _STALL_S)) as response, to.open("wb") as file:
            if response.status_code != 200:
                raise DownloadError(f"{url} answered {response.status_code}")
            shown, total = -1, int(response.headers.get("content-length", 0))
            for piece in response.iter_content(2**16):
                size += len(piece)
                if size > _BYTES_MAX:
                    raise DownloadError(f"{url} is larger than {_BYTES_MAX} bytes, so it is not the server")
                digest.update(piece)
                file.write(piece)
                if total and (tenth := 10 * size // total) > shown:
                    shown = tenth
                    progress(f"{10 * tenth} %")
    except requests.RequestException as error:
        raise DownloadError(f"{url} cannot be reached: {error}") from error
    return digest.hexdigest()
