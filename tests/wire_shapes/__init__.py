"""Shapes of HTTP that pass the wire, or are refused by it: one entry a shape, sent directly and through the wire, and held equal."""
