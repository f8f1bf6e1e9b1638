"""The engine of containers of this machine, as the run asks it: by the socket at which it listens, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from harness.problems import HarnessError

if TYPE_CHECKING:
    from docker import DockerClient

SOCKET = "unix:///var/run/docker.sock"
TIMEOUT_S = 10.0
OF_COMPOSE = "com.docker.compose"
"""What the labels begin with by which Compose knows what is its own."""


class Engine:
    """The engine at *where* (empty: where it usually is), asked once somebody needs it; *at_end* lets go of it."""

    def __init__(self, where: str, at_end: ExitStack) -> None:
        self.where, self._at_end = where or SOCKET, at_end
        self._lock = Lock()
        self._client: DockerClient | None = None

    @property
    def socket(self) -> str:
        """The path of its socket."""
        return self.where.removeprefix("unix://")

    @property
    def client(self) -> DockerClient:
        """Raises HarnessError for an engine that is not there, or not this machine's."""
        with self._lock:
            if self._client is None:
                if not self.where.startswith("unix://"):
                    raise HarnessError(
                        f"the engine at {self.where} (DOCKER_HOST) is not this machine's; nothing is broken elsewhere"
                    )
                if not Path(self.socket).exists():
                    raise HarnessError(
                        f"no engine of containers listens at {self.where}; start it, or say in DOCKER_HOST where it is"
                    )
                import docker  # takes a fifth of a second, and only who has to do with containers waits for it

                self._client = docker.DockerClient(base_url=self.where, timeout=TIMEOUT_S)
                self._at_end.callback(self._client.close)
            return self._client

    @contextmanager
    def asked(self) -> Iterator[None]:
        """What the engine refuses inside, or does not answer, is a HarnessError."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            yield
        except (DockerException, RequestException) as error:
            raise HarnessError(f"the engine of containers at {self.where}: {error}") from error
