"""The model provider that the harness brings: OpenAI-compatible, seeded, with a capacity to overload."""
