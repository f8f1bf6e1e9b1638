"""Anthropic's Python SDK as it comes, with two retries and a time-out of 30 s; it has no fallback."""

import os

from anthropic import Anthropic
from serving import serve

client = Anthropic(base_url=os.environ["PRIMARY_URL"], api_key="none", max_retries=2, timeout=30)


def answer(messages):
    with client.messages.stream(model="primary-model", max_tokens=1000, messages=messages) as stream:
        yield from stream.text_stream


serve(answer)
