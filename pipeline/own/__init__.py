"""A text of one's own: where it lies, how it is written, what it seems to be, its settings."""
