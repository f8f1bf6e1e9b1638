"""Names: what a resolver that the harness brings answers for those by which links are reached."""
