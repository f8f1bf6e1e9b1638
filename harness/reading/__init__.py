"""Files that people write, as checked values."""
