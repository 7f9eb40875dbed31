"""Figures that say how fast we are, each beside what it is compared with. Run `python -m benchmarks`."""
