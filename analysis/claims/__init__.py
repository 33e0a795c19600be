"""Claims and results -> verdicts."""

from pathlib import Path

CLAIMS = Path(__file__).parents[2] / "conf" / "claims.yaml"
"""The claims and their rules."""
