"""Claims and results -> verdicts."""
