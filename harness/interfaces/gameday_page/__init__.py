"""The page of a game day: what goes on, in everybody's own browser, and one stop button; served by the process that leads the day."""

from harness.interfaces.gameday_page.serving import served, try_to_listen

__all__ = ["served", "try_to_listen"]
