"""Files on a schedule: when each comes, what became of each of its times, and what begins it."""
