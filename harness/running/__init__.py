"""The only part that touches the world: the loop, what it needs, and what makes that true."""
