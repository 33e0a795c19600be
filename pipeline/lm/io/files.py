"""Files that are either whole or absent, and folders with one writer."""

import glob
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from pipeline.lm.io.errors import InputError, in_words


@contextmanager
def atomic_write(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; it takes that name only if the block succeeds.

    A process killed inside the block leaves `path` as it was. Of two that write at once the last
    one's file stays, whole.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = _temporary(path)
        try:
            encoding = None if "b" in mode else "utf-8"
            newline = None if "b" in mode else "\n"
            errors = None if "b" in mode else "surrogateescape"  # bytes that are not UTF-8 stay
            with os.fdopen(handle, mode, encoding=encoding, newline=newline, errors=errors) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                temporary.chmod(0o644)
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {path}: {in_words(error)}") from error


def _temporary(path: Path) -> tuple[int, Path]:
    """A new hidden file beside `path`, open and locked; those of killed processes are removed.

    The lock tells the two apart, as the system frees it when a process ends.
    """
    prefix = f".{path.name}."
    for left in path.parent.glob(f"{glob.escape(prefix)}*"):
        with suppress(OSError), left.open("r+b") as file:
            flock(file, LOCK_EX | LOCK_NB)
            left.unlink()
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix)
        with suppress(OSError):  # a file system without locks: then nothing is removed either
            flock(handle, LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # removed by another process before it was locked


@contextmanager
def sole_writer(folder: Path, wait: bool = False) -> Iterator[None]:
    """Keep other processes from writing `folder`; InputError if one is at it, unless we `wait`.

    The lock is a file beside the folder, which the system frees when a process ends, however.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.parent / f".{folder.name}.lock", timeout=-1 if wait else 0)
    try:
        with lock:
            yield
    except Timeout as error:
        raise InputError(
            f"another process is writing {folder} (lock {lock.lock_file}): wait for it or stop it"
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic_write(path, "w") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; InputError names the file if it is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        if not isinstance(found, dict):
            raise ValueError("not an object")
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: run the stage that writes it (dvc repro)") from error
    except (ValueError, OSError) as error:
        raise InputError(
            f"{path} is damaged ({error}): delete it and run its stage again"
        ) from error
    return found


def read_bytes(path: Path) -> bytes:
    """A user's file, - being standard input; InputError if it cannot be read."""
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): name a file") from error


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file, read in blocks."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
