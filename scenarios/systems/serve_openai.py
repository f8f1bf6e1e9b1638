"""OpenAI's Python SDK as it comes, with two retries and a time-out of 30 s; it has no fallback."""

import os

from openai import OpenAI
from serving import serve

client = OpenAI(base_url=os.environ["PRIMARY_URL"], api_key="none", max_retries=2, timeout=30)


def answer(messages):
    for chunk in client.chat.completions.create(model="primary-model", messages=messages, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content


serve(answer)
