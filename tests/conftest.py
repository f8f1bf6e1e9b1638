"""What tests of several parts stand on."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme


@pytest.fixture(scope="session")
def new_authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, ssl.SSLContext]]:
    """A new authority: the file to trust it by, and the context of a server that it vouches for under the given names."""

    def make(*names: str) -> tuple[Path, ssl.SSLContext]:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        path = tmp_path_factory.mktemp("authority") / "ca.pem"
        authority.cert_pem.write_to_path(path)
        return path, context

    return make
