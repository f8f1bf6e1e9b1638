"""Toxiproxy, which makes the TCP faults: its binary, a server of our own, its interface, and the proxies of one run."""

from harness.adapters.toxiproxy.client import InstalledToxic, Proxy, ToxiproxyApi
from harness.adapters.toxiproxy.errors import ToxiproxyError, ToxiproxyWedged
from harness.adapters.toxiproxy.injector import ToxiproxyStage
from harness.adapters.toxiproxy.obtain import Binary, obtain
from harness.adapters.toxiproxy.probe import look
from harness.adapters.toxiproxy.release import Release
from harness.adapters.toxiproxy.server import ENVIRONMENT, command, wait_ready
from harness.adapters.toxiproxy.version import Version

__all__ = [
    "ENVIRONMENT",
    "Binary",
    "InstalledToxic",
    "Proxy",
    "Release",
    "ToxiproxyApi",
    "ToxiproxyError",
    "ToxiproxyStage",
    "ToxiproxyWedged",
    "Version",
    "command",
    "look",
    "obtain",
    "wait_ready",
]
