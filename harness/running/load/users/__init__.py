"""The users of somebody's own locustfile, as clients of a run: Locust runs them as they are, and each of their requests gets a row."""
