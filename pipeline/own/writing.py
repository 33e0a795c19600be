"""How a file is written, encoding and line ends, and the same as UTF-8 with \\n at line ends."""

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16's does, so it is tried before
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte-order marks, and the codec that reads what follows and leaves out the mark."""
NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte-order mark",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 without a byte-order mark",
    "utf-16-be": "UTF-16 without a byte-order mark",
    "utf-32": "UTF-32",
    "cp1252": "Latin-1 (Windows-1252)",
    "latin-1": "Latin-1",
    "": "no text in any encoding known here",
}
LINE_ENDS = {"\n": "LF", "\r\n": "CR LF", "\r": "CR"}
CONTROL = np.isin(np.arange(256), [*range(7), *range(14, 27), *range(28, 32), 127])
MOST_CONTROL = 0.02
"""Share of bytes that texts do not have: more is an image or the like."""
MOST_STRAY = 0.02
"""Share of a UTF-8 text's letters beyond ASCII that may be damaged."""
WIDE, NARROW = 0.3, 0.02
"""Shares of NULs in every other byte, and in those between, from which on it is UTF-16."""


class Writing(NamedTuple):
    """How a text is written."""

    encoding: str
    """A codec of Python's; empty: no text."""
    line_ends: tuple[str, ...]
    """Those that occur, of `LINE_ENDS`."""

    @property
    def is_plain(self) -> bool:
        """Whether it is what a corpus should be: UTF-8, \\n, no mark. Any bytes but text's, too."""
        return self.encoding in ("utf-8", "") and set(self.line_ends) <= {"\n"}

    @property
    def words(self) -> str:
        """In words."""
        ends = " and ".join(LINE_ENDS[end] for end in self.line_ends) or "no"
        return f"{NAMES[self.encoding]}, {ends} line ends" if self.encoding else NAMES[""]


def writing(head: bytes) -> Writing:
    """How a file is written, by its beginning."""
    encoding = _encoding(head)
    text = head.decode(encoding or "latin-1", "replace")
    found = dict.fromkeys(re.findall(r"\r\n|\r|\n", text.removesuffix("\r")))
    if text.endswith("\r") and "\r\n" not in found:
        found["\r"] = None  # the last byte looked at: of CR LF where there are others
    return Writing(encoding, tuple(found))


def _encoding(head: bytes) -> str:
    for mark, codec in MARKS.items():
        if head.startswith(mark):
            return codec
    codes = np.frombuffer(head, np.uint8)
    even, odd = (float((codes[first::2] == 0).mean()) if len(head) > 1 else 0 for first in (0, 1))
    if max(even, odd) >= WIDE and min(even, odd) <= NARROW:
        return "utf-16-be" if even > odd else "utf-16-le"
    if len(codes) and CONTROL[codes].mean() > MOST_CONTROL:
        return ""
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(head)
    beyond = sum(character > "\x7f" for character in text)
    stray = sum("\udc80" <= character <= "\udcff" for character in text)
    if stray <= MOST_STRAY * beyond:
        return "utf-8"
    try:
        head.decode("cp1252")
        return "cp1252"
    except UnicodeDecodeError:
        return "latin-1"


def plain(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A text as UTF-8 with \\n at line ends, block by block; damaged bytes of UTF-8 stay."""
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(errors), True)
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "surrogateescape")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogateescape")
