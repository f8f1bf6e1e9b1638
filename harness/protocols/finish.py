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
        "guardrail_intervened",  # Bedrock
        "content_filtered",
        "malformed_model_output",
        "malformed_tool_use",
        "safety",  # Gemini, in capitals
        "language",
        "malformed_response",
        "missing_thought_signature",
        "unexpected_tool_call",
        "too_many_tool_calls",
        "image_safety",
        "image_prohibited_content",
        "image_recitation",
        "image_other",
        "no_image",
        "model_armor",
        "jailbreak",
        "escalation",
        "pup_limited_disabled",
        "continuation",
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
