"""The reference system: a retrieval assistant in two regions, built twice, once to break and once to hold."""
