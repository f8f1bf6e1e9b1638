"""What touches the world: one package for each thing that is spoken to, and one for a world in memory."""
