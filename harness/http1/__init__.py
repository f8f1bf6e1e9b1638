"""HTTP/1.1 as it stands on the wire: what the edge, the load and the simulated provider read alike."""
