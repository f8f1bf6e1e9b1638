"""HTTP/1.1 as it stands on the wire: what the edge and the simulated provider read alike."""
