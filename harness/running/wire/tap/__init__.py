"""The tap, in front of Toxiproxy: every attempt of the target is recorded, and every byte passed on as it is."""
