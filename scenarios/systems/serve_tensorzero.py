"""TensorZero's embedded gateway: a variant with two retries of a model that is routed to two providers, with a time-out of 30 s each."""

import os
import tempfile
from pathlib import Path

from serving import serve
from tensorzero import TensorZeroGateway

PROVIDER = """
[models.chat.providers.{name}]
type = "openai"
model_name = "{name}-model"
api_base = "{url}"
api_key_location = "none"
timeouts = {{ non_streaming = {{ total_ms = 30000 }}, streaming = {{ ttft_ms = 30000 }} }}
"""
CONFIG = """
[gateway]
observability.enabled = false

[functions.chat]
type = "chat"

[functions.chat.variants.only]
type = "chat_completion"
model = "chat"
retries = { num_retries = 2, max_delay_s = 10 }

[models.chat]
routing = ["primary", "fallback"]
"""

with tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False) as file:
    file.write(
        CONFIG + "".join(PROVIDER.format(name=n, url=os.environ[f"{n.upper()}_URL"]) for n in ("primary", "fallback"))
    )
gateway = TensorZeroGateway.build_embedded(config_file=file.name)
Path(file.name).unlink()


def answer(messages):
    for chunk in gateway.inference(function_name="chat", input={"messages": messages}, stream=True):
        for part in chunk.content:
            if getattr(part, "text", None):
                yield part.text


serve(answer)
