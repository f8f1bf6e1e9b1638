"""One process that starts every other process of a run, and leaves nothing behind when the harness is gone."""
