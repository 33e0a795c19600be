"""The page that runs a network, in a real browser: as Python computes, and text stays text."""

import time
from collections import Counter
from pathlib import Path

import axe_core_python
import numpy as np
import pytest
from omegaconf import OmegaConf
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from analysis.report.play import as_much_as_fits, write_play
from pipeline.config.composition import composed
from pipeline.lm.io.files import write_json
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.rnn import sampler
from pipeline.lm.rnn.checkpoint import load_network, save_network
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.text import PARTS
from pipeline.lm.vocabulary import TOKEN, Vocabulary
from tests.browser import browser, view
from tests.conftest import PROSE, prepare, small_network

CORPUS = "warpeace"
HOSTILE = "</script><img src=x onerror='document.title=1'>"
TEXT = (PROSE + f"Andr\u00e9 said \u201c{HOSTILE}\u201d \u4eba\n".encode()) * 3
KINDS = ("lstm", "gru", "rnn")
SECONDS = 20
ORDER = 4


class Page:
    """A page, and what is on it as Python has it."""

    def __init__(
        self, folder: Path, kind: str, with_text: bool = True, vocabulary_of=Vocabulary.of
    ) -> None:
        self.config = OmegaConf.create(composed("laptop"))
        for name in ("text", "models", "results", "reports"):
            self.config.paths[name] = str(folder / name)
        self.config.experiments[CORPUS].model.cell = kind
        self.config.report.play.beginnings = {CORPUS: "All"}
        self.text = prepare(folder / "text" / CORPUS, TEXT, vocabulary_of)
        self.network = self.trained(folder / "models" / CORPUS, kind)
        if not with_text:
            (folder / "text" / CORPUS / "manifest.json").unlink()
        self.path = write_play(self.config, CORPUS)

    def trained(self, folder: Path, kind: str) -> RecurrentNetwork:
        """A network that never learnt, but was saved as if it had."""
        card = {
            "experiment": OmegaConf.to_container(self.config.experiments[CORPUS]),
            "data_sha256": {part: self.text.digest(part) for part in PARTS},
            "vocabulary": self.text.vocabulary.size,
            "parameters": 1000,
        }
        card["experiment"]["model"] |= {"layers": 2, "hidden": 12}
        folder.mkdir(parents=True)
        save_network(folder, small_network(self.text.vocabulary.size, kind), card)
        self.text.vocabulary.save(folder / "vocabulary.json")
        return load_network(folder)


@pytest.fixture(scope="module", autouse=True)
def bytes_even_when_few():
    """Small networks, too, as integers of one byte: so are large ones."""
    patch = pytest.MonkeyPatch()
    patch.setattr(sampler, "CACHED", 0)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Page]:
    cells = [
        {"network": "trained", "feature": "run of capitals", "layer": 2, "cell": 7, "fit": -0.9,
         "report": -0.85},
        {"network": "trained", "feature": HOSTILE, "layer": 1, "cell": 3, "fit": 0.3,
         "report": 0.4},
    ]  # fmt: skip
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in KINDS}
    for folder in folders.values():
        about = {"shares": {}, "settings": {"interpretable": 0.8}, "best": cells}
        (folder / "results" / CORPUS).mkdir(parents=True)
        write_json(folder / "results" / CORPUS / "cells.json", about)
    return {kind: Page(folder, kind) for kind, folder in folders.items()}


@pytest.fixture(scope="module")
def driver():
    with browser() as opened:
        yield opened


@pytest.fixture
def lstm(driver, pages):
    """The LSTM's page, fresh."""
    view(driver, 1280, "light")
    driver.get(pages["lstm"].path.as_uri())
    until(driver, "return !document.getElementById('go').disabled")
    until(driver, "return document.querySelectorAll('#counts li').length")
    yield driver
    assert driver.get_log("browser") == []


def until(driver, script: str) -> None:
    """Wait until a script says so."""
    deadline = time.monotonic() + SECONDS
    while not driver.execute_script(script):
        assert time.monotonic() < deadline, script
        time.sleep(0.02)


def ask(driver, *messages: dict, likeliest: int = 10_000) -> list[dict]:
    """Answers of a worker like the page's; with all symbols' probabilities."""
    return driver.execute_async_script(
        """const [messages, likeliest, done] = arguments;
        const worker = new Worker(URL.createObjectURL(new Blob([`(${engine})()`])));
        const part = (id) => document.getElementById(id).textContent;
        const about = { ...JSON.parse(part("data")), likeliest };
        const answers = [];
        worker.onmessage = ({ data }) => {
          answers.push(data);
          if (answers.length > messages.length) done(answers.slice(1));
        };
        worker.postMessage({ do: "load", about, weights: part("weights"), text: part("training") });
        for (const message of messages) worker.postMessage(message);""",
        messages,
        likeliest,
    )


def rows_of(answers: list[list], size: int) -> np.ndarray:
    """[[id, probability], ...] a row -> log-probabilities (T, V)."""
    rows = np.full((len(answers), size), -np.inf)
    for row, pairs in zip(rows, answers, strict=True):
        for symbol, probability in pairs:
            row[symbol] = np.log(probability)
    return rows


def written(driver) -> str:
    return driver.execute_script(
        "return [...document.querySelectorAll('#text i')].map((i) => i.textContent).join('')"
    )


def type_in(driver, text: str) -> None:
    field = driver.find_element(By.ID, "beginning")
    driver.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))",
        field,
        text,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_it_computes_what_python_computes(driver, pages, kind):
    """Log-probabilities of all symbols after each of 200, to 1e-3: as the sampler steps. Going back
    to a place computes the same again."""
    page = pages[kind]
    driver.get(page.path.as_uri())
    ids = np.asarray(page.text.part("test")[:200])
    cell = {"layer": 0, "unit": 0}
    read = {"do": "read", "keep": 0, "ids": ids.tolist(), "cell": cell}
    again = read | {"keep": 150, "ids": ids[150:].tolist()}
    first, second = ask(driver, read, again)
    size = page.text.vocabulary.size
    told = rows_of([symbol["likeliest"] for symbol in first["symbols"]], size)
    rounded = sampler.SamplingLM(page.network, 1)
    state, expected = rounded.start(1), []
    for symbol in ids:
        log_probs, state = rounded.step(state, np.array([symbol]))
        expected.append(log_probs[0])
    np.testing.assert_allclose(told, np.array(expected), atol=1e-3)
    bits = [symbol["bits"] for symbol in first["symbols"][1:]]
    own = -np.array(expected)[np.arange(199), ids[1:]] / np.log(2)
    np.testing.assert_allclose(bits, own, atol=1e-3)
    exact = RecurrentLM(page.network).log_probs(ids)
    assert 1e-6 < np.abs(exact - told).max() < 0.05  # rounded, and not far
    np.testing.assert_array_equal(
        rows_of([symbol["likeliest"] for symbol in second["symbols"]], size), told[150:]
    )


def test_its_ngram_counts_as_the_index_does(driver, pages):
    page = pages["lstm"]
    driver.get(page.path.as_uri())
    ids = np.asarray(page.text.part("test")[:60])
    index = SuffixIndex.build(page.text.part("train"), page.text.vocabulary.size)
    read = {"do": "read", "keep": 0, "ids": ids.tolist(), "cell": {"layer": 0, "unit": 0}}
    for order in (1, ORDER, 40):
        asked = [{"do": "ngram", "at": at, "order": order} for at in range(len(ids))]
        answers = ask(driver, read, *asked)[1:]
        told = rows_of([answer["likeliest"] for answer in answers], index.size)
        np.testing.assert_allclose(told, index.ngram(order).log_probs(ids), atol=1e-9)
        assert max(answer["longest"] for answer in answers) <= order


def test_what_is_copied_is_told(driver, pages):
    """An n-gram of long context goes on as its text does, a network that never learnt does not."""
    page = pages["lstm"]
    driver.get(page.path.as_uri())
    cell = {"layer": 0, "unit": 0}
    begin = np.asarray(page.text.part("train")[100:130]).tolist()
    write = {"do": "write", "temperature": 0, "order": 40, "cell": cell}
    answers = ask(driver, {"do": "read", "keep": 0, "ids": begin, "cell": cell}, *[write] * 30)[1:]
    assert all(answer["beside"]["copied"] for answer in answers)
    assert [answer["beside"]["id"] for answer in answers] == page.text.part("train")[
        130:160
    ].tolist()
    assert not any(answer["symbols"][0]["copied"] for answer in answers[20:])


def test_at_temperature_0_it_writes_what_sampling_writes(lstm, pages):
    page = pages["lstm"]
    lstm.execute_script("document.getElementById('temperature').value = 0")
    for _ in range(30):
        lstm.find_element(By.ID, "step").click()
        n = len(lstm.find_elements(By.CSS_SELECTOR, "#text i"))
        until(lstm, f"return document.querySelectorAll('#text i').length >= {n}")
    until(lstm, "return document.querySelectorAll('#text i').length === 33")
    prompt = page.text.vocabulary.encode_prompt(b"All")
    rounded = sampler.SamplingLM(page.network, 1)
    greedy = np.concatenate(list(sample(rounded, prompt, 1, 30, Decoding(0.0), 1)))
    assert written(lstm) == "All" + page.text.vocabulary.decode(greedy).decode("utf-8", "replace")


def test_it_goes_on_and_stops_and_keeps_its_place(lstm):
    lstm.find_element(By.ID, "go").click()
    until(lstm, "return document.querySelectorAll('#text i').length > 20")
    lstm.find_element(By.ID, "go").click()
    assert lstm.find_element(By.ID, "go").text == "Go"
    count = "return document.querySelectorAll('#text i').length"
    time.sleep(0.1)
    length = lstm.execute_script(count)
    time.sleep(0.1)
    assert lstm.execute_script(count) == length
    beside = "return document.querySelectorAll('#counts-text i').length"
    assert lstm.execute_script(beside) == length
    third = lstm.find_elements(By.CSS_SELECTOR, "#text i")[2]
    third.click()
    assert "held" in third.get_attribute("class")
    second = lstm.find_elements(By.CSS_SELECTOR, "#next button")[1]
    label = second.text
    second.click()
    until(lstm, f"{count} === 4")
    assert written(lstm) == "All" + label.translate({ord("␣"): " ", ord("↵"): "\n"})
    lstm.find_element(By.ID, "over").click()
    until(lstm, f"{count} === 3")


def test_it_works_by_keyboard(lstm):
    text = lstm.find_element(By.ID, "text")
    text.send_keys(Keys.ARROW_LEFT)
    assert lstm.find_element(By.ID, "place").text == "“Al”"
    text.send_keys("1")
    until(lstm, "return document.querySelectorAll('#text i').length === 3")
    text.send_keys(Keys.ENTER)
    until(lstm, "return document.querySelectorAll('#text i').length === 4")
    text.send_keys(Keys.SPACE)
    until(lstm, "return document.querySelectorAll('#text i').length > 9")
    text.send_keys(Keys.SPACE)
    assert lstm.find_element(By.ID, "go").text == "Go"


def test_a_hostile_beginning_stays_text_and_characters_are_whole(lstm):
    beginning = f"{HOSTILE} André “人”\nx"
    type_in(lstm, beginning)
    until(lstm, "return document.getElementById('text').textContent.endsWith('x')")
    assert written(lstm) == beginning
    assert lstm.find_element(By.ID, "counts-text").text.replace("↵", "") == beginning
    assert lstm.title != "1" and not lstm.find_elements(By.TAG_NAME, "img")
    type_in(lstm, "Andr")
    until(lstm, "return document.getElementById('text').textContent === 'Andr'")


def of_characters(text: bytes) -> Vocabulary:
    return Vocabulary.of(text, "characters")


def of_words(text: bytes) -> Vocabulary:
    return Vocabulary.of_words(Counter(TOKEN.findall(text)), 2)


@pytest.mark.parametrize("vocabulary_of", [of_characters, of_words])
def test_characters_and_words_are_symbols_as_in_python(driver, tmp_path, vocabulary_of):
    page = Page(tmp_path, "lstm", vocabulary_of=vocabulary_of)
    beginning = "Andr\u00e9 said \u201c</script> \u4eba;\nAll"
    ids = page.text.vocabulary.encode_prompt(beginning.encode())
    driver.get(page.path.as_uri())
    until(driver, "return !document.getElementById('go').disabled")
    type_in(driver, beginning)
    until(driver, f"return document.querySelectorAll('#text i').length === {len(ids)}")
    assert written(driver) == beginning and len(ids) < len(beginning.encode())
    driver.find_element(By.ID, "step").click()
    beside = "return document.querySelectorAll('#counts-text i').length"
    until(driver, f"{beside} === {len(ids) + 1}")
    assert driver.get_log("browser") == []


def test_a_symbol_it_does_not_know_is_named(lstm):
    type_in(lstm, "All caf\u00eb")
    said = lstm.find_element(By.ID, "said")
    assert "does not know “\u00eb”" in said.text and "wrong" in said.get_attribute("class")
    type_in(lstm, "All")
    assert "wrong" not in said.get_attribute("class")


def test_colours_follow_the_choice(lstm, pages):
    colours = (
        "return [...document.querySelectorAll('#text i')]"
        ".map((letter) => getComputedStyle(letter).backgroundColor)"
    )
    type_in(lstm, "All happy families")
    until(lstm, "return document.querySelectorAll('#text i').length === 18")
    surprise = lstm.execute_script(colours)
    choice = Select(lstm.find_element(By.ID, "colour"))
    assert [option.text for option in choice.options][1:3] == [
        "run of capitals (layer 2, cell 7)", f"{HOSTILE} (layer 1, cell 3)"
    ]  # fmt: skip
    choice.select_by_index(1)
    until(lstm, "return document.querySelectorAll('#text .excited, #text .quiet').length > 9")
    assert len({*surprise, *lstm.execute_script(colours)}) > 20
    page = pages["lstm"]
    ids = page.text.vocabulary.encode(b"All happy families")
    model = sampler.SamplingLM(page.network, 1)
    state = model.start(1)
    for symbol in ids:
        _, state = model.step(state, np.array([symbol]))
    shown = float(np.tanh(state[1][1][0, 6]))
    last = lstm.find_elements(By.CSS_SELECTOR, "#text i")[-1]
    assert ("excited" if shown > 0 else "quiet") in last.get_attribute("class")
    strength = lstm.execute_script("return arguments[0].style.getPropertyValue('--v')", last)
    assert float(strength) == pytest.approx(abs(shown), abs=0.02)
    choice.select_by_visible_text("nothing")
    assert set(lstm.execute_script(colours)) == {"rgba(0, 0, 0, 0)"}


def test_it_does_without_cells_and_text(driver, tmp_path):
    page = Page(tmp_path, "lstm", with_text=False)
    driver.get(page.path.as_uri())
    until(driver, "return document.querySelectorAll('#next li').length === 5")
    driver.find_element(By.ID, "step").click()
    until(driver, "return document.querySelectorAll('#text i').length === 4")
    assert not driver.find_elements(By.ID, "counts")
    assert driver.get_log("browser") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_telephone(lstm, theme):
    axe = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
    for width in (1280, 375):
        view(lstm, width, theme)
        assert lstm.execute_script("return document.documentElement.scrollWidth") <= width
        assert lstm.get_log("browser") == []
        lstm.execute_script(axe)
        check = "axe.run().then(arguments[arguments.length - 1])"
        found = lstm.execute_async_script(check)["violations"]
        assert not [(v["id"], v["nodes"][0]["html"]) for v in found]
        lstm.get_log("browser")  # what axe-core's own styles were refused


def test_nothing_is_fetched_and_only_what_may_be_is_carried(pages):
    page = pages["lstm"].path.read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page and "worker-src blob:" in page and "eval" not in page
    text = pages["lstm"].config.report.play.texts
    assert "paulgraham" not in text and "post-itself" not in text


def test_as_much_of_a_text_as_fits():
    text = np.random.default_rng(1).integers(0, 16, 20_000).astype(np.uint8)
    length, content = as_much_as_fits(text, 5000)
    assert 4700 < len(content) <= 5000 and 8000 < length < 10_000
    assert as_much_as_fits(text, 100_000)[0] == 20_000
    assert as_much_as_fits(text, -1)[0] == 0
