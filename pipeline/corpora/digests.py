"""Digests written `algorithm:hex`: sha256, sha1, md5, and git for the id of a blob."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pipeline.lm.io.errors import InputError

LENGTHS = {"sha256": 64, "sha1": 40, "md5": 32, "git": 40}
BLOCK = 1 << 20


def digest(algorithm: str, blocks: Iterable[bytes], size: int) -> str:
    """The digest of `size` bytes that come in blocks; a git blob's id needs the size first."""
    state = hashlib.new("sha1" if algorithm == "git" else algorithm)
    if algorithm == "git":
        state.update(b"blob %d\0" % size)
    for block in blocks:
        state.update(block)
    return f"{algorithm}:{state.hexdigest()}"


def algorithm_of(expected: str) -> str:
    """The algorithm of a written digest; InputError if it is not one."""
    algorithm, _, value = expected.partition(":")
    if len(value) != LENGTHS.get(algorithm, 0) or value.strip("0123456789abcdef"):
        raise InputError(
            f"{expected!r} is not a digest: write sha256:, sha1:, md5: or git: and lower-case hex"
        )
    return algorithm


def file_digest(algorithm: str, path: Path) -> str:
    """The digest of a file, read in blocks."""
    with path.open("rb") as file:
        return digest(algorithm, iter(lambda: file.read(BLOCK), b""), path.stat().st_size)
