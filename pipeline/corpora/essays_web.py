"""Paul Graham's essays from his site, a page at a time and politely."""

import calendar
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from tqdm import tqdm

from pipeline.corpora.fetch import Network, SourceError, session
from pipeline.lm.io.files import atomic_write

MOST_PAGE = 2_000_000
MOST_PAGES = 1000
MONTHS = {name: number for number, name in enumerate(calendar.month_name) if name}
DATE = re.compile(rf"\b({'|'.join(MONTHS)})\s+(\d{{4}})\b")
BREAKS = {"br", "p", "div", "tr", "table", "h1", "h2", "h3", "li", "blockquote"}
HIDDEN = {"script", "style", "title", "head"}


class _Page(HTMLParser):
    """Title, links and text of a page, line breaks where a browser would make them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.title = ""
        self.pieces: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self._inside.append(tag)
        elif tag in BREAKS:
            self.pieces.append("\n")
        elif tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]

    def handle_endtag(self, tag: str) -> None:
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.title += data if self._inside[-1] == "title" else ""
        else:
            self.pieces.append(re.sub(r"\s+", " ", data))

    def text(self) -> str:
        """Lines without outer spaces, at most one empty line between two."""
        lines = [line.strip() for line in "".join(self.pieces).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def parse(html: str) -> _Page:
    """A page as text."""
    page = _Page()
    page.feed(html)
    page.close()
    return page


def essay(slug: str, html: str) -> dict[str, object] | None:
    """The row of an essay; None where there is no date, for then it cannot be placed.

    The text begins with the date, as it stands on the page.
    """
    page = parse(html)
    text = page.text()
    match = DATE.search(text)
    if match is None:
        return None
    return {
        "slug": slug,
        "title": page.title.strip(),
        "year": int(match[2]),
        "month": MONTHS[match[1]],
        "text": text[match.start() :],
    }


def essay_links(html: str, url: str) -> list[str]:
    """Addresses of the pages beside an index page, each once, in its order."""
    host = urlsplit(url).netloc
    joined = (urljoin(url, link).partition("#")[0] for link in parse(html).links)
    pages = [link for link in joined if urlsplit(link).netloc == host and link.endswith(".html")]
    return [link for link in dict.fromkeys(pages) if link not in (url, urljoin(url, "index.html"))]


def crawl(index: str, out: Path, network: Network) -> None:
    """Write the essays an index page links to as JSON lines, one request each `network.pause`.

    Raises:
        SourceError: the index or a page does not come, or no essay is found.
    """
    with session() as web:
        links = essay_links(_get(web, index, network), index)
        if not 0 < len(links) <= MOST_PAGES:
            raise SourceError(f"{len(links)} links where an index of essays was expected")
        rows = []
        for link in tqdm(links, desc="essays", unit="page", leave=False):
            rows.append(essay(Path(urlsplit(link).path).stem, _get(web, link, network)))
    found = [row for row in rows if row is not None]
    if not found:
        raise SourceError("no page has a date: not the essays, or their form has changed")
    with atomic_write(out, "w") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)


def _get(web: requests.Session, url: str, network: Network) -> str:
    """A page's text, after a pause, asked for again if the answer fails."""
    for attempt in range(network.retries + 1):
        time.sleep(network.pause)
        try:
            with web.get(url, timeout=(network.connect, network.read), stream=True) as answer:
                if answer.status_code != requests.codes.ok:
                    raise SourceError(f"{url}: HTTP status {answer.status_code}")
                content = answer.raw.read(MOST_PAGE + 1, decode_content=True)
            break
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            if attempt == network.retries:
                raise SourceError(f"{url}: no answer") from error
    if len(content) > MOST_PAGE:
        raise SourceError(f"{url}: more than {MOST_PAGE:,} bytes for a page")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
