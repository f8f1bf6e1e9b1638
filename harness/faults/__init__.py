"""The faults that a scenario can ask for, each one small file; see `base.py` for what a fault promises."""
