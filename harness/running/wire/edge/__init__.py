"""The edge, behind Toxiproxy: what arrived is recorded and passed to the provider, or answered in its place."""
