"""Language models over symbols, seen through one protocol. Knows nothing of DVC, Hydra or paths."""
