"""How an answer of a model says that it is at its end, in the words of each API, and which of them say that it was cut short."""

from __future__ import annotations

CUT_SHORT = frozenset(
    {
        "length",  # OpenAI's chats, Ollama
        "content_filter",
        "incomplete",  # OpenAI's responses
        "failed",
        "max_tokens",  # Anthropic; Gemini in capitals
        "model_context_window_exceeded",
        "pause_turn",
        "refusal",
        "safety",  # Gemini, in capitals
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "malformed_function_call",
        "other",
    }
)


def cut_short(finish: str) -> bool:
    """Whether who gives *finish* as the reason for the end says that the answer is not all that there was to say."""
    return finish.lower() in CUT_SHORT
