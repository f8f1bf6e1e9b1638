"""Game days: what a team breaks together, agreed to, watched, stoppable by anybody, and written up."""
