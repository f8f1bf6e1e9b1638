"""One contract for the simulated world and the real one."""
