"""Licence headers: found in a text, and how far a comment recites one of training."""

import re
from collections import Counter

import numpy as np
from pydivsufsort import divsufsort, kasai

from analysis.structure.c.lexer import Lexeme, Masked

MAX_HEADERS = 300
MAX_BYTES = 8 * 1024
"""Of one header: what is longer is no header."""
_LICENCE = re.compile(
    rb"general[\s*]+public[\s*]+licen|free[\s*]+software|any[\s*]+warranty", re.IGNORECASE
)
_HEADER_BYTES = bytes(range(254)) + b"\x00\x00"
_COMMENT_BYTES = bytes(range(254)) + b"\x01\x01"


def header_comments(masked: Masked) -> list[Lexeme]:
    """Block comments that speak of a licence, whole."""
    return [
        lexeme
        for lexeme in masked.lexemes
        if lexeme.kind == "comment"
        and lexeme.outcome == "ok"
        and lexeme.stop - lexeme.start <= MAX_BYTES
        and _LICENCE.search(masked.text, lexeme.start, lexeme.stop)
    ]


def training_headers(masked: Masked) -> tuple[bytes, ...]:
    """The distinct headers of a training text, the most frequent first."""
    counts = Counter(masked.text[start:stop] for _, start, stop, _ in header_comments(masked))
    return tuple(header for header, _ in counts.most_common(MAX_HEADERS))


def longest_match(comment: bytes, headers: tuple[bytes, ...]) -> int:
    """Length of the longest stretch of `comment` that some header has verbatim."""
    if not comment or not headers:
        return 0
    # Two bytes that UTF-8 never has keep a match within one header and out of the comment.
    known = b"\xfe".join(header.translate(_HEADER_BYTES) for header in headers) + b"\xff"
    both = np.frombuffer(known + comment.translate(_COMMENT_BYTES), np.uint8).copy()
    order = divsufsort(both)
    common = kasai(both, order)[:-1]
    from_header = order < len(known)
    across = from_header[:-1] != from_header[1:]
    # Neighbours in suffix order of different origin hold the longest stretch common to both.
    return int(common[across].max())
