"""Drawings for pages, light and dark."""
