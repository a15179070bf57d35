"""Ways of ranking, side by side on one history: see `benchmarks.ranking.__main__`."""
