"""Runs whose truth is known, and what a score has to reach over many of them.

`arrivals`, `failures` and `shapes` make due times and outcomes; `cells` says what one characteristic is; the other modules hold the
characteristics of one score each. `tests/benchmarks/operating_characteristics.py` measures them all.
"""
