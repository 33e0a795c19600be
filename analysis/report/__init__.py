"""Results and verdicts -> pages."""
