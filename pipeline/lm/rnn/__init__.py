"""Recurrent networks: their definition, training, sampling and files."""
