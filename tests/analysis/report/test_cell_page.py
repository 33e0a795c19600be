"""The page of cells in a real browser: it answers, by keyboard too, and text stays text."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from omegaconf import OmegaConf
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from analysis.cells.__main__ import CELL_COLUMNS, confidence_table, counts, shares
from analysis.cells.features import of_symbols
from analysis.cells.predictions import Predictions
from analysis.cells.reading import Reading, Settings
from analysis.cells.view import LEVELS, Findings, busiest, label, most_varied, quantised
from analysis.cells.view import view as cell_view
from analysis.report.cells_page import write_page
from pipeline.config import params
from pipeline.config.composition import composed
from pipeline.config.paths import Paths
from pipeline.lm.io.files import write_json
from pipeline.lm.io.tables import write_table
from pipeline.lm.vocabulary import Vocabulary
from tests.browser import browser, view

HOSTILE = (
    b"</script><img src=x onerror='document.title=1'>\n"
    b"<!-- &amp; \xc3\xa9\r\t{{ 7 * 7 }} WWW (www) "
)
LAYERS, HIDDEN = 3, 512
FEATURES = ["run of capitals", "position in the line"]
MEGABYTE = 1_000_000


def findings(settings: Settings) -> Findings:
    """Of random cells over hostile text, as large as the post's largest but one network."""
    random = np.random.default_rng(5)
    text = HOSTILE * 60
    vocabulary = Vocabulary.of(text)
    ids = vocabulary.encode(text)
    reading = Reading.of(ids, symbols=len(ids) - 10, streams=2, context=9)
    length, size = len(reading.symbols), vocabulary.size
    found = of_symbols(FEATURES, reading.ids, vocabulary, "prose")
    features = {name: values[reading.counted] for name, values in found.items()}
    probabilities = -np.sort(-random.dirichlet(np.ones(size), length), axis=1)[:, :5]
    symbols = np.argsort(random.random((length, size)), axis=1)[:, :5]
    true = random.random(length)
    true[::3] = 0
    asked = {
        source: Predictions(symbols + shift, probabilities, true)
        for shift, source in ((0, "network"), (-symbols, "ngram:10"))
    }
    rows = [
        (network, layer, cell, feature, *random.uniform(-1, 1, 2), 0.2)
        for network in ("trained", "untrained")
        for layer in range(1, LAYERS + 1)
        for cell in range(1, HIDDEN + 1)
        for feature in FEATURES
    ]
    cells = pd.DataFrame(rows, columns=CELL_COLUMNS)
    best = [
        {"network": network, "layer": 2, "cell": 7 + place, "feature": feature, "fit": -0.9,
         "report": -0.85, "threshold": 0.2}
        for network in ("trained", "untrained")
        for place, feature in enumerate(FEATURES)
    ]  # fmt: skip
    flags = dict.fromkeys(("trained", "untrained"), np.zeros(LAYERS * HIDDEN, bool))
    about = {
        "run": "python", "corpus": "python", "layers": LAYERS, "hidden": HIDDEN, "best": best,
        "symbols": length, "shown": "tanh(c)", "settings": {**vars(settings)},
        "counts": counts(cells, 0.8),
        "occurrences": dict.fromkeys([*FEATURES, "www"], 3),
        "shares": shares(cells, flags, 0.8, resamples=50, seed=1, level=0.95),
    }  # fmt: skip
    shown = random.uniform(-1, 1, (length, LAYERS * HIDDEN)).astype(np.float32)
    return Findings(about, vocabulary, reading, shown, features, cells, asked)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> tuple[Path, Findings]:
    config = OmegaConf.create(composed("laptop"))
    for name in ("reports", "results", "views"):
        config.paths[name] = str(tmp_path_factory.mktemp(name))
    paths, settings = Paths.of(config), params.view(Settings, config.cells, "cells")
    found = findings(settings)
    confidence = confidence_table(found.predictions, found.reading, found.features, settings.edges)
    folder = paths.run_results("python")
    write_json(folder / "cells.json", found.about)
    write_table(folder / "confidence.tsv", confidence.to_dict("records"), list(confidence))
    write_json(paths.cell_view("python"), cell_view(found, settings))
    return write_page(config, "python"), found


@pytest.fixture(scope="module")
def driver(page):
    with browser() as opened:
        view(opened, 1000, "light")
        opened.get(page[0].as_uri())
        yield opened


def backgrounds(driver) -> list[str]:
    return driver.execute_script(
        "return [...document.querySelectorAll('#reader b')]"
        ".map((letter) => getComputedStyle(letter).backgroundColor)"
    )


def told(driver) -> str:
    return driver.find_element(By.ID, "told").text


def choose_cell(driver, layer: int, cell: int) -> None:
    Select(driver.find_element(By.ID, "layer")).select_by_index(layer - 1)
    field = driver.find_element(By.ID, "cell")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(str(cell))


def test_the_page_is_small_and_complete(page):
    path, _ = page
    text = path.read_text()
    assert len(text.encode()) < 4 * MEGABYTE
    assert "http" not in text.replace("http-equiv", "") and text.count("<script") == 2
    assert "default-src 'none'" in text and "script-src 'sha256-" in text
    for name in ("scores", "confidence", "strips"):
        assert (path.parents[1] / "figures/python-cells" / f"{name}.png").exists()


def test_text_stays_text(driver):
    assert driver.title != "1" and not driver.find_elements(By.CSS_SELECTOR, "#reader img")
    assert not [s for s in driver.find_elements(By.TAG_NAME, "img") if s.get_attribute("onerror")]
    shown = driver.execute_script(
        "return [...document.querySelectorAll('#reader b')].map((b) => b.textContent).join('')"
    )
    assert "</script><img src=x onerror='document.title=1'>↵<!-- &amp; C3A9←⇥{{ 7 * 7 }}" in shown
    assert "</script><img" in driver.find_element(By.CSS_SELECTOR, ".strip").text


def test_choosing_a_cell_changes_the_colours(driver, page):
    _, found = page
    before = backgrounds(driver)
    choose_cell(driver, 3, 41)
    after = backgrounds(driver)
    assert len(after) == 400 and before != after
    assert "Layer 3, cell 41" in told(driver)
    classes = driver.execute_script(
        "return [...document.querySelectorAll('#reader b')].map((b) => b.className)"
    )
    some = busiest(found.features, 2000, slice(len(found.shown) // 2, len(found.shown)))
    expected = found.shown[some, 2 * HIDDEN + 40][:400]
    sure = np.abs(expected) > 0.05
    excited = np.array(["excited" in name for name in classes])
    quiet = np.array(["quiet" in name for name in classes])
    np.testing.assert_array_equal(excited[sure], expected[sure] > 0)
    np.testing.assert_array_equal(quiet[sure], expected[sure] < 0)


def test_a_feature_leads_to_its_best_cell(driver):
    Select(driver.find_element(By.ID, "feature")).select_by_visible_text("position in the line")
    assert "Layer 2, cell 8" in told(driver)
    driver.find_element(By.CSS_SELECTOR, "button.jump").click()
    assert "“W”. Layer 2, cell 7" in told(driver)
    assert driver.find_element(By.ID, "layer").get_attribute("value") == "2"


def test_it_works_by_keyboard(driver):
    reader = driver.find_element(By.ID, "reader")
    choose_cell(driver, 1, 5)
    reader.send_keys(Keys.ARROW_DOWN)
    assert "Layer 1, cell 6" in told(driver)
    reader.send_keys(Keys.ARROW_UP, Keys.ARROW_UP)
    assert driver.find_element(By.ID, "cell").get_attribute("value") == "4"
    reader.send_keys(Keys.PAGE_DOWN)
    assert driver.find_element(By.ID, "page").text.startswith("401 to 800 of ")
    assert told(driver).startswith("Symbol 401,")
    reader.send_keys(Keys.ARROW_RIGHT)
    assert told(driver).startswith("Symbol 402,")
    reader.send_keys(Keys.PAGE_UP, Keys.ARROW_LEFT)
    assert told(driver).startswith("Symbol 1,")
    reader.send_keys(*[Keys.PAGE_DOWN] * 9)
    assert not driver.find_element(By.ID, "on").is_enabled()
    driver.find_element(By.ID, "back").click()
    assert driver.find_element(By.ID, "on").is_enabled()


def test_pointing_at_a_symbol_tells_its_figures(driver, page):
    _, found = page
    driver.find_element(By.ID, "reader").send_keys(*[Keys.PAGE_UP] * 9)
    column = driver.find_elements(By.CSS_SELECTOR, "#reader .symbol")[12]
    column.click()
    assert told(driver).startswith("Symbol 13,") and "Next, by network:" in told(driver)
    start = busiest(found.features, 2000, slice(len(found.shown) // 2, len(found.shown))).start
    chances = found.predictions["network"].probabilities[start + 12]
    assert f"{100 * chances[0]:.1f} %" in told(driver)
    Select(driver.find_element(By.ID, "model")).select_by_visible_text("n-gram, context 10")
    assert "Next, by n-gram, context 10:" in told(driver)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_telephone_in_both_themes(driver, theme):
    view(driver, 375, theme)
    width, colour = driver.execute_script(
        "return [document.documentElement.scrollWidth, getComputedStyle(document.body).color]"
    )
    figure = driver.find_element(By.CSS_SELECTOR, "figure svg").screenshot_as_png
    view(driver, 1000, "light")
    assert width <= 375
    red = int(colour.split("(")[1].split(",")[0])
    assert (red > 128) == (theme == "dark")
    paper = imread(BytesIO(figure))[2, 2, :3]
    assert (paper < 0.5).all() == (theme == "dark")


def test_nothing_went_wrong(driver):
    """Runs last: errors of the script, and what the page's policy refused."""
    assert driver.get_log("browser") == []


def test_values_have_one_character_each():
    values = np.array([[-1.0, 0.0], [0.5, 1.0]])
    first, second = quantised(values)
    assert [LEVELS.index(c) for c in first] == [0, 47] and second == LEVELS[31] + LEVELS[62]


def test_labels_are_visible():
    symbols = (b"a", b" ", b"\n", b"\x00", b"\xc3", "é".encode(), b"word")
    assert [label(s) for s in symbols] == ["a", " ", "↵", "00", "C3", "é", "word"]


def test_stretches_show_features_not_cells():
    one, two = np.zeros(100, bool), np.zeros(100, bool)
    one[[60, 90]] = True
    two[[63, 64]] = True
    some = busiest({"one": one, "two": two}, 10, slice(50, 100))
    assert some.start <= 60 and some.stop > 63
    most = most_varied(two, 10, slice(50, 100))
    assert most.start < 63 and most.stop > 65 and most.stop - most.start == 10
