"""Text to counted events: one module for each kind of text, pure functions, no model in sight.

Each offers `events(text) -> list[Event]` and `measure(text, context) -> list[Measure]` for one
window of text; the caller cuts windows and bootstraps the ratio of sums over them.
"""
