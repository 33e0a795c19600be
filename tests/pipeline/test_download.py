"""Places that are down, slow, wrong or hostile; what is left on disk; what the user is told."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from pipeline.corpora.essays_web import essay, essay_links
from pipeline.corpora.fetch import Network
from pipeline.corpora.sources import MIRROR_VARIABLE, Obtained, obtain
from pipeline.lm.io.errors import InputError
from tests.prepared_texts import corpus_from, described
from tests.web_server import (
    NETWORK,
    TEXT,
    Server,
    assert_refused,
    corpus_of,
    running_server,
    sha256,
)

FOLDERS = ("samples", "views", "models", "checkpoints", "results", "reports", "by_hand", "stamp")


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    with running_server() as running:
        yield running


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test gives."""
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)


def assert_obtained(obtained: Obtained, raw: Path, source: str) -> None:
    """The text is there whole, said to be of `source`, and nothing else is left."""
    assert obtained.path.read_bytes() == TEXT
    assert Obtained.open(raw / "mine").record == obtained.record
    assert obtained.record["source"] == source
    assert obtained.record["digest"] == sha256(TEXT)
    assert sorted(path.name for path in (raw / "mine").iterdir()) == sorted(
        [obtained.path.name, "source.json"]
    )
    assert not list((raw / ".partial").glob("*"))


def test_the_third_source_serves_when_one_is_down_and_one_breaks_off(
    server: Server, tmp_path: Path
) -> None:
    urls = ["http://127.0.0.1:9/x.txt", f"{server.url}/cut/x.txt", f"{server.url}/good/x.txt"]
    assert_obtained(obtain(corpus_of(*urls), tmp_path, NETWORK), tmp_path, urls[2])
    assert [path for path, _ in server.requests].count("/cut/x.txt") == 1 + NETWORK.retries


@pytest.mark.parametrize("behaviour", ["half", "stalled"])
def test_a_broken_download_goes_on_where_it_was(
    server: Server, tmp_path: Path, behaviour: str
) -> None:
    url = f"{server.url}/{behaviour}/x.txt"
    assert_obtained(obtain(corpus_of(url), tmp_path, NETWORK), tmp_path, url)
    assert [begin for _, begin in server.requests] == [0, len(TEXT) // 2]


def test_a_server_that_sends_another_range_is_asked_for_everything(
    server: Server, tmp_path: Path
) -> None:
    url = f"{server.url}/shifted/x.txt"
    assert_obtained(obtain(corpus_of(url), tmp_path, NETWORK), tmp_path, url)
    assert [begin for _, begin in server.requests] == [0, len(TEXT) // 2, 0]


def test_bytes_of_an_earlier_run_that_no_longer_fit_are_thrown_away(
    server: Server, tmp_path: Path
) -> None:
    url = f"{server.url}/good/x.txt"
    with pytest.raises(InputError):
        obtain(corpus_of(f"{server.url}/cut/x.txt"), tmp_path, NETWORK)
    [partial] = (tmp_path / ".partial").iterdir()
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    (tmp_path / ".partial" / name).write_bytes(b"stale" * 100)
    partial.unlink()
    assert_obtained(obtain(corpus_of(url), tmp_path, NETWORK), tmp_path, url)


def test_a_killed_download_leaves_no_final_file_and_goes_on(server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/stalled/x.txt"
    raw = tmp_path / "raw"
    parameters = written(tmp_path, raw, {"variant": "v", "from": [url], "digest": sha256(TEXT)})
    command = [sys.executable, "-m", "pipeline.download", "--params", str(parameters), "mine"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not any(path.stat().st_size for path in raw.glob(".partial/*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not (raw / "mine").exists()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{len(TEXT):,} bytes from {url}" in done.stdout
    assert (raw / "mine" / "x.txt").read_bytes() == TEXT
    assert server.requests[-1][1] > 0


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("wrong", (f"expected {sha256(TEXT)}", f"got {sha256(TEXT[::-1])}")),
        ("cut", ("it broke off",)),
        ("shut", ("HTTP status 503",)),
        ("outside", ("redirected to what is not the web",)),
        ("circle", ("more than 5 redirects",)),
        ("silent", ("it stopped answering",)),
        ("trickle", ("slower than 1000 bytes a second",)),
        ("endless", ("more than the expected 1,000,000 bytes",)),
    ],
)
def test_a_bad_answer_is_refused(
    server: Server, tmp_path: Path, behaviour: str, words: tuple[str, ...]
) -> None:
    url = f"{server.url}/{behaviour}/x.txt"
    assert_refused(corpus_of(url), tmp_path, url, *words)


def test_an_honest_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/moved/x.txt"
    assert_obtained(obtain(corpus_of(url), tmp_path, NETWORK), tmp_path, url)


def test_the_last_error_lists_every_source_and_what_to_do(server: Server, tmp_path: Path) -> None:
    places = ["mirror:x.txt", f"{server.url}/wrong/x.txt", "http://no-such-host.invalid/x.txt"]
    assert_refused(
        corpus_of(*places),
        tmp_path,
        *places,
        f"{MIRROR_VARIABLE} is not set",
        "not known here",
        f"put x.txt in a folder and set {MIRROR_VARIABLE}",
    )


def test_the_mirror_comes_first_and_a_wrong_file_in_it_is_passed_over(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, raw = tmp_path / "mirror", tmp_path / "raw"
    folder.mkdir()
    monkeypatch.setenv(MIRROR_VARIABLE, str(folder))
    url = f"{server.url}/good/x.txt"
    corpus = corpus_of("mirror:x.txt", url)
    (folder / "x.txt").write_bytes(b"something else")
    assert_obtained(obtain(corpus, raw, NETWORK), raw, url)
    (folder / "x.txt").write_bytes(TEXT)
    assert_obtained(obtain(corpus, raw, NETWORK), raw, "mirror:x.txt")
    assert len(server.requests) == 1


def test_a_full_disk_is_one_line_and_no_file(server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/good/x.txt"
    raw = tmp_path / "raw"
    parameters = written(tmp_path, raw, {"variant": "v", "from": [url], "digest": sha256(TEXT)})
    # A limit on a file's size fails a write as a full disk does.
    limited = (
        "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000));"
        "runpy.run_module('pipeline.download', run_name='__main__')"
    )
    command = [sys.executable, "-c", limited, "--params", str(parameters), "mine"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "error: cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (raw / "mine").exists()
    again = [sys.executable, "-m", "pipeline.download", "--params", str(parameters), "mine"]
    subprocess.run(again, capture_output=True, check=True)
    assert (raw / "mine" / "x.txt").read_bytes() == TEXT
    assert [begin for _, begin in server.requests] == [0, 100_000]


def written(folder: Path, raw: Path, *sources: dict[str, Any]) -> Path:
    """A params file with one corpus."""
    paths = dict.fromkeys(FOLDERS, "x") | {"raw": str(raw), "text": str(folder / "text")}
    config = {
        "scale": "full",
        "paths": paths,
        "corpora": {"mine": described(*sources)},
    }
    OmegaConf.save(OmegaConf.create(config), folder / "params.yaml")
    return folder / "params.yaml"


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The stage, run as a user does."""
    full = [sys.executable, "-m", "pipeline.download", "--params", str(folder / "params.yaml")]
    return subprocess.run([*full, *arguments], capture_output=True, text=True)


def test_the_command_lists_what_there_is_and_what_is_here(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_bytes(TEXT)
    written(tmp_path, tmp_path / "raw", {"variant": "own", "from": [f"file:{tmp_path}/own.txt"]})
    assert "not here" in command(tmp_path, "--list").stdout
    assert command(tmp_path, "mine").returncode == 0
    assert f"downloaded: own, {len(TEXT):,} bytes" in command(tmp_path, "--list").stdout
    rows = {row["corpus"]: row for row in json.loads(command(tmp_path, "--list", "--json").stdout)}
    assert {"mine", "linux-kernel", "tinyshakespeare"} < set(rows)  # those of conf/corpus too
    row = rows["mine"]
    assert row["downloaded"]["digest"] == sha256(TEXT)
    assert row["prepared"] is None


def test_the_commands_mistakes_are_one_line(tmp_path: Path) -> None:
    written(tmp_path, tmp_path / "raw", {"variant": "own", "from": [f"file:{tmp_path}/none.txt"]})
    for arguments, words in [
        (["mine"], "none.txt is not there"),
        (["d"], "no 'd' among the corpora: use latex, "),
        (["--params", "none.yaml", "mine"], "none.yaml is missing"),
    ]:
        done = command(tmp_path, *arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("error: ")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_essays_are_read_from_their_pages(server: Server, tmp_path: Path) -> None:
    place = f"essays:{server.url}/site/articles.html"
    corpus = corpus_from({"variant": "web", "from": [place]})
    obtained = obtain(corpus, tmp_path, NETWORK)
    new, old = map(json.loads, obtained.path.read_text(encoding="utf-8").splitlines())
    assert new == {
        "slug": "new",
        "title": "New & True",
        "year": 2015,
        "month": 5,
        "text": "May 2015\n\nFirst line goes on.\n\nIt\u2019s the second.",
    }
    assert (old["year"], old["month"], old["text"]) == (
        2001,
        4,
        "April 2001, rev. April 2003\nText.",
    )
    paths = [path for path, _ in server.requests]
    assert paths == ["/site/articles.html", "/site/new.html", "/site/old.html"]


def test_between_two_pages_there_is_a_pause(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("pipeline.corpora.essays_web.time.sleep", pauses.append)
    place = f"essays:{server.url}/site/articles.html"
    obtain(
        corpus_from({"variant": "w", "from": [place]}),
        tmp_path,
        Network(),
    )
    assert pauses == [1, 1, 1]


def test_pages_without_a_date_are_no_essays() -> None:
    assert essay("x", "<title>May 2015</title><body>Hello</body>") is None
    assert essay_links("<a href='x.html#note'>", "http://a.b/articles.html") == [
        "http://a.b/x.html"
    ]
