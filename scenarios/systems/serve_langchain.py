"""LangChain's ChatOpenAI with two retries and a time-out of 30 s, and another one that `with_fallbacks` turns to."""

import os

from langchain_openai import ChatOpenAI
from serving import serve


def model(name):
    url = os.environ[f"{name.upper()}_URL"]
    return ChatOpenAI(model=f"{name}-model", base_url=url, api_key="none", max_retries=2, timeout=30)


chat = model("primary").with_fallbacks([model("fallback")])


def answer(messages):
    for chunk in chat.stream([(message["role"], message["content"]) for message in messages]):
        if chunk.text:
            yield chunk.text


serve(answer)
