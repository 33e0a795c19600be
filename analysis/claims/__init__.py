"""Claims and results -> verdicts."""

from pipeline.config.params import ROOT

CLAIMS = ROOT / "conf" / "claims.yaml"
"""The claims and their rules."""
