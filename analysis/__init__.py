"""Results -> figures, verdicts and pages."""

import pipeline  # noqa: F401  it answers Ctrl-C while the rest is loading
