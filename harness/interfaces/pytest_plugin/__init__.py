"""The harness in pytest: runs as a fixture and by a marker, scenario files as tests, and what came of them where pytest tells of it."""

from harness.interfaces.pytest_plugin.asking import Resilience
from harness.interfaces.pytest_plugin.wanted import Wanted

__all__ = ["Resilience", "Wanted"]
