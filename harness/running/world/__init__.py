"""The real world of a run, put together from the adapters: processes, links, faults, load, and a watch over them."""
