"""A walk among placements: some loads at a time are taken out and put back where that is cheapest, compiled for the processor (Numba)."""
