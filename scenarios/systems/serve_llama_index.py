"""LlamaIndex's OpenAI with two retries and a time-out of 30 s; it has no fallback."""

import os

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI
from serving import serve

llm = OpenAI(model="gpt-4o", api_base=os.environ["PRIMARY_URL"], api_key="none", max_retries=2, timeout=30)


def answer(messages):
    for chunk in llm.stream_chat(
        [ChatMessage(role=message["role"], content=message["content"]) for message in messages]
    ):
        if chunk.delta:
            yield chunk.delta


serve(answer)
