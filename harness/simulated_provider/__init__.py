"""The model provider that the harness brings: it speaks OpenAI's APIs and Anthropic's, seeded, with a capacity to overload."""
