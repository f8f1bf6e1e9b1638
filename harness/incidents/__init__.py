"""Logs of an incident into a scenario: what was called and what came of it, the phases of the trouble, and each fault with its evidence."""
