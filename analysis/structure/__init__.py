"""Text to counted events: one module for each kind of text, no model in sight.

Each offers `measure(text, context) -> list[Measure]` for one window of text, and parsers of what
can be wrong `events(text) -> list[Event]`; gcc and pdflatex are asked in a sandbox. The caller cuts
windows and bootstraps the ratio of sums over them.
"""
