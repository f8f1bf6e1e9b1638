"""Numbers and arrays in, intervals out: recovery, amplification, consistency and latency, with what they rest on."""
