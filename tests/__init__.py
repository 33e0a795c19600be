import pipeline  # noqa: F401  its way for threads to wait, before torch loads
