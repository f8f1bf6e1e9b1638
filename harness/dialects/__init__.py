"""How the APIs of providers word their errors and limits, one small file each; `base.py` says what a dialect promises."""

from __future__ import annotations

from harness.dialects.anthropic import Anthropic
from harness.dialects.azure_openai import AzureOpenAI
from harness.dialects.base import MEANINGS, Answer, Dialect, Limit, Occasion, Way, Word, dialects, spoken_at
from harness.dialects.bedrock import Bedrock
from harness.dialects.gemini import Gemini
from harness.dialects.openai import OpenAI
from harness.dialects.plain import Plain, RateLimitFields
from harness.registry import load_third_parties

dialects.add("openai", OpenAI())
dialects.add("azure-openai", AzureOpenAI())
dialects.add("anthropic", Anthropic())
dialects.add("gemini", Gemini())
dialects.add("bedrock", Bedrock())
dialects.add("none", Plain())
dialects.add("ietf", RateLimitFields())

load_third_parties("dialects")

__all__ = ["MEANINGS", "Answer", "Dialect", "Limit", "Occasion", "Way", "Word", "dialects", "spoken_at"]
