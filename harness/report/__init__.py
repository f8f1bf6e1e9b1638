"""What a run came to, for people and for other programs: one page, JUnit XML, a Markdown summary, and lines for a terminal."""
