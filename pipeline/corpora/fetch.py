"""One file from the web: bounded, resumed where it broke off, given up on early."""

import time
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import requests
import urllib3
from tqdm import tqdm

from pipeline.lm.io.errors import InputError, in_words

BLOCK = 1 << 16
MOST_REDIRECTS = 5
USER_AGENT = "rnn-effectiveness-measured (a reproduction; fetches each file once)"


class SourceError(Exception):
    """A place did not give what was asked of it; the next one may."""


class _Broken(Exception):
    """The answer ended early: what came is kept and the rest asked for again."""


@dataclass
class Network:
    """How patient downloads are: seconds, and bytes a second for `slowest`."""

    connect: float = 5
    read: float = 20
    retries: int = 2
    slowest: float = 500
    pause: float = 1
    """Between two requests of a page-by-page download."""


def session() -> requests.Session:
    """A session that follows a few redirects, and those to the web only."""
    made = requests.Session()
    made.max_redirects = MOST_REDIRECTS
    made.headers["User-Agent"] = USER_AGENT
    return made


def partial_path(url: str, folder: Path) -> Path:
    """Where in `folder` the bytes of `url` gather, between runs too."""
    return folder / sha256(url.encode()).hexdigest()[:16]


def download(url: str, partial: Path, most: int, network: Network) -> None:
    """Fetch `url` into `partial`, going on after the bytes it holds.

    Args:
        partial: never a final place; what came is kept if the fetch breaks off.
        most: bytes after which the answer is refused.

    Raises:
        SourceError: no answer, a bad one, too long a one, or one that is too slow.
        InputError: the disk would not take it.
    """
    reason = ""
    with session() as web:
        for attempt in range(network.retries + 1):
            if attempt:
                time.sleep(0.25 * 2**attempt)
            try:
                _fetch(web, url, partial, most, network)
                return
            except requests.exceptions.ConnectTimeout as error:
                raise SourceError(f"no connection within {network.connect:g} s") from error
            except requests.exceptions.InvalidSchema as error:
                raise SourceError("redirected to what is not the web: refused") from error
            except requests.exceptions.TooManyRedirects as error:
                raise SourceError(f"more than {MOST_REDIRECTS} redirects") from error
            except (requests.exceptions.ConnectionError, requests.exceptions.ReadTimeout) as error:
                # Refused, unknown or silent: a machine without the web should not wait.
                raise SourceError(_reason(error)) from error
            except (_Broken, requests.exceptions.RequestException) as error:
                reason = _reason(error)
    raise SourceError(reason)


def _reason(error: Exception) -> str:
    text = str(error)
    for sign, words in (
        ("resolve", "its name is not known here (no network?)"),
        ("refused", "connection refused"),
        ("timed out", "it stopped answering"),
    ):
        if sign in text:
            return words
    return " ".join(text.split())[:120]


def _fetch(web: requests.Session, url: str, partial: Path, most: int, network: Network) -> None:
    """One request for the bytes `partial` lacks; _Broken unless it is whole afterwards."""
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    timeout = (network.connect, network.read)
    with closing(web.get(url, headers=headers, stream=True, timeout=timeout)) as answer:
        status = answer.status_code
        if have and status == requests.codes.requested_range_not_satisfiable:
            return  # nothing is lacking; the digest tells whether it is the right thing
        if status not in (requests.codes.ok, requests.codes.partial_content):
            raise SourceError(f"HTTP status {status}")
        start = 0
        if status == requests.codes.partial_content:
            if not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                partial.unlink(missing_ok=True)
                raise _Broken("it sent other bytes than those asked for")
            start = have
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else None
        if total is not None and total > most:
            raise SourceError(f"it would send {total:,} bytes, expected at most {most:,}")
        size = _save(answer, partial, start, total, most, network)
    if total is not None and size < total:
        raise _Broken(f"it broke off after {size:,} of {total:,} bytes")


def _save(
    answer: requests.Response,
    partial: Path,
    start: int,
    total: int | None,
    most: int,
    network: Network,
) -> int:
    """Append the answer's body from byte `start`; the file's size afterwards."""
    name = Path(urlsplit(answer.url).path).name
    size, began = start, time.monotonic()
    with (
        _opened(partial, "ab" if start else "wb") as file,
        tqdm(desc=name, total=total, initial=start, unit="B", unit_scale=True, leave=False) as bar,
    ):
        while block := _received(answer):
            size += len(block)
            if size > most:
                raise SourceError(f"it sent more than the expected {most:,} bytes")
            _write(file, block, partial)
            bar.update(len(block))
            seconds = time.monotonic() - began
            if seconds > network.read and size - start < seconds * network.slowest:
                raise SourceError(f"slower than {network.slowest:g} bytes a second")
    return size


def _received(answer: requests.Response) -> bytes:
    """The bytes that have arrived, some at least, so that a trickle is noticed; b"" at the end."""
    try:
        return answer.raw.read1(BLOCK)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise _Broken("it stopped sending") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _Broken("it broke off") from error


def _opened(path: Path, mode: str) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open(mode)
    except OSError as error:
        raise InputError(f"cannot write {path}: {in_words(error)}") from error


def _write(file: IO[bytes], block: bytes, path: Path) -> None:
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        raise InputError(f"cannot write {path}: {in_words(error)}") from error
