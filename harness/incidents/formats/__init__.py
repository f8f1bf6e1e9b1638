"""The forms in which logs come, one small file each; `base.py` says what a format promises."""

from __future__ import annotations

from harness.incidents.formats.access import Access
from harness.incidents.formats.base import Format, formats
from harness.incidents.formats.envoy import Envoy
from harness.incidents.formats.langfuse import Langfuse
from harness.incidents.formats.litellm import LiteLLM
from harness.incidents.formats.otlp import Otlp
from harness.incidents.formats.table import Table
from harness.registry import load_third_parties

formats.add("otlp", Otlp())
formats.add("litellm", LiteLLM())
formats.add("langfuse", Langfuse())
formats.add("envoy", Envoy())
formats.add("access", Access())
load_third_parties("formats")
formats.add("csv", Table())

__all__ = ["Format", "formats"]
