"""The document of a game day: what happened, whether the hypothesis held, and what is to be done, from its events and its runs alone."""

from __future__ import annotations

from harness.gameday.document.write import JSON as JSON
from harness.gameday.document.write import MARKDOWN as MARKDOWN
from harness.gameday.document.write import PAGE as PAGE
from harness.gameday.document.write import read as read
from harness.gameday.document.write import write as write
