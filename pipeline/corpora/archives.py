"""Files inside archives and compressed files, read one after another and never unpacked to disk.

What is inside is not trusted: names that leave the archive, links, and more bytes than the corpus
is known to expand to are refused or passed over.
"""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pipeline.lm.io.errors import InputError

MAGIC: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
ZIP_MAGIC = b"PK\x03\x04"
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
MOST_MEMBERS = 1_000_000
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
)


class Bounded:
    """A readable stream that refuses to give more than `most` bytes in all."""

    def __init__(self, stream: IO[bytes], most: int, path: Path) -> None:
        self.stream, self.left, self.most, self.path = stream, most, most, path

    def read(self, size: int = -1) -> bytes:
        """As a file's; InputError once the bound is passed."""
        try:
            block = self.stream.read(self.left + 1 if size < 0 else min(size, self.left + 1))
        except DAMAGE as error:
            raise _damaged(self.path, error) from error
        self.left -= len(block)
        if self.left < 0:
            raise InputError(
                f"{self.path} expands to more than {self.most:,} bytes: refused as not what it "
                "should be (corpora.*.at_most raises the bound)"
            )
        return block


def is_plain(path: Path) -> bool:
    """Whether a file is neither an archive nor compressed."""
    head = _head(path)
    return not (head.startswith((ZIP_MAGIC, *MAGIC)) or _is_tar(head))


def members(path: Path, most: int) -> Iterator[tuple[str, Bounded]]:
    """(name, stream) of every regular file in an archive; a compressed or plain file is one member.

    Streams must be read before the next is asked for. InputError for a damaged archive, a name
    that leaves it, or more than `most` bytes.
    """
    try:
        if _head(path).startswith(ZIP_MAGIC):
            yield from _zip_members(path, most)
        else:
            yield from _stream_members(path, most)
    except DAMAGE as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{path} is damaged ({reason}): delete it and download again")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(TAR_MAGIC_AT + len(TAR_MAGIC))


def _is_tar(head: bytes) -> bool:
    return head[TAR_MAGIC_AT:] == TAR_MAGIC


def _zip_members(path: Path, most: int) -> Iterator[tuple[str, Bounded]]:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        left = most
        for count, info in enumerate(infos):
            _check(info.filename, count, path)
            if info.is_dir():
                continue
            with archive.open(info) as stream:
                bounded = Bounded(stream, left, path)
                yield info.filename, bounded
                left = bounded.left


def _stream_members(path: Path, most: int) -> Iterator[tuple[str, Bounded]]:
    opener = next((MAGIC[magic] for magic in MAGIC if _head(path).startswith(magic)), open)
    with opener(path, "rb") as stream:
        head = stream.read(TAR_MAGIC_AT + len(TAR_MAGIC))
    with opener(path, "rb") as stream:
        # The bound is on the whole stream, so bytes that no member owns count too.
        bounded = Bounded(stream, most, path)
        if not _is_tar(head):
            yield path.name, bounded
            return
        with tarfile.open(fileobj=bounded, mode="r|") as archive:  # type: ignore[call-overload]
            for count, info in enumerate(archive):
                _check(info.name, count, path)
                if info.isreg():
                    yield info.name, Bounded(archive.extractfile(info), most, path)
                archive.members.clear()  # a stream goes one way: tarfile need not remember


def _check(name: str, count: int, path: Path) -> None:
    pure = PurePosixPath(name.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or "\0" in name:
        raise InputError(f"{path} holds a file named {name!r}, outside itself: refused")
    if count >= MOST_MEMBERS:
        raise InputError(f"{path} holds more than {MOST_MEMBERS:,} files: refused")
