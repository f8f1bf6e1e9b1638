"""Break what an AI service depends on, under load, and score how it held up."""

__version__ = "0.1.0"
