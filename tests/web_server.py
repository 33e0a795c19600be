"""A local web server that answers well, badly or not at all."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline.corpora.corpus import Corpus
from pipeline.corpora.fetch import Network
from pipeline.corpora.sources import obtain
from pipeline.lm.io.errors import InputError
from tests.prepared_texts import corpus_from

TEXT = b"".join(b"line %d of a corpus\n" % i for i in range(20_000))


class Handler(BaseHTTPRequestHandler):
    """One behaviour a path; the server counts requests and the ranges they asked for."""

    server: "Server"

    def do_GET(self) -> None:
        """Serve."""
        begin = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.server.requests.append((self.path, begin))
        behaviour = self.path.strip("/").partition("/")[0]
        getattr(self, behaviour)(begin)

    def head(self, status: int, **headers: object) -> None:
        """Status line and headers."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def good(self, begin: int) -> None:
        """The text, or the rest of it."""
        if begin >= len(TEXT):
            self.head(416)
            return
        span = f"bytes {begin}-{len(TEXT) - 1}/{len(TEXT)}"
        self.head(206 if begin else 200, Content_Length=len(TEXT) - begin, Content_Range=span)
        self.wfile.write(TEXT[begin:])

    def half(self, begin: int) -> None:
        """Breaks off half way, once; goes on where it was."""
        if begin:
            self.good(begin)
            return
        self.head(200, Content_Length=len(TEXT))
        self.wfile.write(TEXT[: len(TEXT) // 2])

    def cut(self, begin: int) -> None:
        """Always breaks off, and knows no ranges."""
        self.head(200, Content_Length=len(TEXT))
        self.wfile.write(TEXT[: len(TEXT) // 2])

    def shifted(self, begin: int) -> None:
        """Answers a range with another one, then with all."""
        if begin:
            self.head(206, Content_Length=5, Content_Range=f"bytes 0-4/{len(TEXT)}")
            self.wfile.write(TEXT[:5])
        elif len(self.server.requests) == 1:
            self.cut(0)
        else:
            self.good(0)

    def wrong(self, begin: int) -> None:
        """Something else of the right size."""
        self.head(200, Content_Length=len(TEXT))
        self.wfile.write(TEXT[::-1])

    def shut(self, begin: int) -> None:
        """Says no."""
        self.head(503)

    def outside(self, begin: int) -> None:
        """Redirects to a file of this machine."""
        self.head(302, Location="file:///etc/passwd", Content_Length=0)

    def moved(self, begin: int) -> None:
        """Redirects to the text."""
        self.head(302, Location="/good/corpus.txt", Content_Length=0)

    def circle(self, begin: int) -> None:
        """Redirects to itself."""
        self.head(302, Location=self.path, Content_Length=0)

    def silent(self, begin: int) -> None:
        """Accepts and says nothing."""
        self.server.closing.wait(20)

    def trickle(self, begin: int) -> None:
        """A few bytes a second, without end."""
        self.head(200, Content_Length=len(TEXT))
        while not self.server.closing.wait(0.05):
            self.wfile.write(b"x")

    def stalled(self, begin: int) -> None:
        """Half of it, then nothing; the rest when asked for it."""
        if begin:
            self.good(begin)
            return
        self.head(200, Content_Length=len(TEXT))
        self.wfile.write(TEXT[: len(TEXT) // 2])
        self.wfile.flush()
        self.server.closing.wait(20)

    def endless(self, begin: int) -> None:
        """More than was expected, of no stated length."""
        self.head(200)
        for _ in range(200):
            self.wfile.write(TEXT)

    def site(self, begin: int) -> None:
        """Pages of essays."""
        content = PAGES[self.path].encode("cp1252")
        self.head(200, Content_Length=len(content))
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


PAGES = {
    "/site/articles.html": """<html><body><a href="index.html">Home</a>
        <a href="new.html">New</a> <a href="old.html">Old</a> <a href="new.html">again</a>
        <a href="https://elsewhere.example/x.html">no</a><a href="lisp.pdf">no</a></body></html>""",
    "/site/new.html": """<html><head><title>New &amp; True</title><script>var x = "May 2001";
        </script></head><body><img src=x><font size=2>May 2015<br><br>First    line
        goes on.<br><br>It\u2019s the second.</font></body></html>""",
    "/site/old.html": "<title>Old</title><p>April 2001, rev. April 2003<p>Text.</p>",
}


class Server(ThreadingHTTPServer):
    """A local server that remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, int]] = []
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *arguments: object) -> None:
        """A client that leaves is no error here."""


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for a while."""
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.closing.set()
    running.shutdown()
    thread.join()
    running.server_close()


NETWORK = Network(connect=2, read=1, retries=2, slowest=1000, pause=0)


def sha256(content: bytes) -> str:
    """A written digest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def corpus_of(*places: str, **source: Any) -> Corpus:
    """A corpus of one variant with these places."""
    entry = {"variant": "v", "from": list(places), "digest": sha256(TEXT)} | source
    return corpus_from(entry, at_most=1_000_000)


def assert_refused(corpus: Corpus, raw: Path, *words: str) -> None:
    """No source is right, the one line of the error says why, and no file has a final name."""
    with pytest.raises(InputError) as caught:
        obtain(corpus, raw, NETWORK)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    assert not (raw / "mine").exists()
