"""Toxiproxy, which makes the TCP faults: its binary, a server of our own, its interface, and the proxies of one run."""

from harness.running.toxiproxy.client import InstalledToxic, Proxy, ToxiproxyApi
from harness.running.toxiproxy.errors import ToxiproxyError, ToxiproxyWedged
from harness.running.toxiproxy.injector import ToxiproxyStage
from harness.running.toxiproxy.obtain import Binary, obtain
from harness.running.toxiproxy.release import Release
from harness.running.toxiproxy.server import ENVIRONMENT, command, wait_ready
from harness.running.toxiproxy.version import Version

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
    "obtain",
    "wait_ready",
]
