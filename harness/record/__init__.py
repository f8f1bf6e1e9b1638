"""What a run leaves behind, and all that judging stands on."""
