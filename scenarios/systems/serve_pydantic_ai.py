"""Pydantic AI's FallbackModel over two models of OpenAI's SDK with two retries and a time-out of 30 s each."""

import asyncio
import os
import queue
import threading

from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from serving import serve


def model(name):
    client = AsyncOpenAI(base_url=os.environ[f"{name.upper()}_URL"], api_key="none", max_retries=2, timeout=30)
    return OpenAIChatModel(f"{name}-model", provider=OpenAIProvider(openai_client=client))


agent = Agent(FallbackModel(model("primary"), model("fallback")))
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


async def tell(question, pieces):
    try:
        async with agent.run_stream(question) as answer:
            async for piece in answer.stream_text(delta=True, debounce_by=None):
                pieces.put(piece)
        pieces.put(None)
    except Exception as error:  # noqa: BLE001 - the thread that answers raises it
        pieces.put(error)


def answer(messages):
    pieces = queue.Queue()
    asyncio.run_coroutine_threadsafe(tell(messages[-1]["content"], pieces), loop)
    while (piece := pieces.get()) is not None:
        if isinstance(piece, Exception):
            raise piece
        yield piece


serve(answer)
