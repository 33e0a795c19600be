"""Corpora: where they come from, how they are verified, read, split and turned into symbols."""
