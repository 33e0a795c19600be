"""Models, samples and held-out text -> tables of results."""
