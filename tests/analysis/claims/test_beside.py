"""Ours beside the sources' figures: theirs are data, ours are computed or said to be not run."""

import copy
import inspect
import math

import pytest
from jinja2 import ChainableUndefined
from omegaconf import OmegaConf

from analysis.claims import reference as sources
from analysis.claims.evidence import FIGURES
from analysis.measure.excerpts import following
from analysis.report.figures_table import figures_table
from analysis.report.pages import environment
from analysis.results.reader import Results
from pipeline.config.params import PARAMS_FILES, load
from pipeline.lm.io.files import write_json
from pipeline.lm.sources import NGRAM
from tests.conftest import ROOT, prepare, write_rows

CONFIG = load(ROOT / PARAMS_FILES["full"])
REFERENCE = sources.reference()
CARD = {"experiment": {}, "parameters": 1, "vocabulary": 97, "steps": 10, "seconds": 5}


@pytest.fixture
def results(tmp_path) -> Results:
    config = copy.deepcopy(CONFIG)
    for name in ("results", "text"):
        config.paths[name] = str(tmp_path / name)
    config.measure.resamples = 100
    return Results.of(config)


def row(results: Results, what: str) -> dict:
    (found,) = [row for row in sources.figure_rows(results) if what in row["what"]]
    return found


def test_every_entry_names_a_figure_with_its_arguments():
    for entry in REFERENCE["figures"]:
        names = entry["theirs"] if "over" in entry else [None]
        for name in names:
            over = {entry["over"]: name} if name else {}
            inspect.signature(FIGURES[entry["figure"]]).bind(None, **entry["with"], **over)
        assert entry["source"] in ("post", "reply", "KJF") and entry["unit"]


def test_without_results_every_row_says_what_it_waits_for(results):
    rows = sources.figure_rows(results)
    assert len(rows) == len(REFERENCE["figures"])
    assert all(row["waits"] and pair["ours"] is None for row in rows for pair in row["pairs"])
    tables = sources.tables(results)
    assert all(row["ours"] is None for table in tables["ngrams"] for row in table["rows"])
    assert all("waits for the networks of sweep" in table["waits"] for table in tables["grids"])


def test_what_follows_ello_is_counted_in_the_whole_text(results, tmp_path):
    text = b"hello world, othello's fellow yellow cello. Hello! " * 100
    prepared = prepare(tmp_path / "text", text)
    counts = {context: following(prepared, context.encode()) for context in ("ello", "Firs")}
    found = {"beginnings": {}, "passages": {}, "following": counts}
    write_json(results.paths.baseline_results("shakespeare", NGRAM) / "excerpts.json", found)
    pairs = {pair["name"]: pair["ours"] for pair in row(results, "follows “ello”")["pairs"]}
    inner = text.count(b"ello")
    assert row(results, "occurrences")["pairs"][0]["ours"].estimate == pytest.approx(inner, abs=3)
    assert pairs["w"].estimate == pytest.approx(2 / 6, abs=0.01)
    assert pairs["r"].estimate == 0 and pairs["!"].estimate == pytest.approx(1 / 6, abs=0.01)
    assert "at this scale" in row(results, "follows “Firs”")["waits"]


def test_n_grams_stand_by_symbols_of_context_in_nats(results, tmp_path):
    for folder, source in (("warpeace", "network"), ("baselines/warpeace/kenlm", "kenlm:8")):
        path = tmp_path / "results" / folder / "scores.tsv"
        rows = [{"source": source, "window": w, "symbols": 10, "nats": 12 + w % 2, "impossible": 0,
                 "unseen": 0} for w in range(20)]  # fmt: skip
        write_rows(path, rows)
    table = {row["order"]: row for row in sources.ngram_rows(results, "warpeace")}
    assert table[8]["ours"].estimate == pytest.approx(1.25)
    assert 1.2 < table[8]["ours"].low < 1.25 < table[8]["ours"].high < 1.3
    published = REFERENCE["kjf-warpeace-ngrams"]["nats"]
    assert [table[n]["theirs"] for n in (1, 2, 8, 11, 20)] == [
        None, published[1], published[7], None, published[19],
    ]  # fmt: skip
    assert table[None]["ours"].estimate == pytest.approx(1.25)


def test_the_grid_has_every_cell_and_both_figures(results, tmp_path):
    folder = tmp_path / "results/sweeps/kjf-warpeace"
    runs = [
        {"digest": f"{cell}{layers}", "model.cell": cell, "model.layers": layers,
         "model.hidden": 64, "steps": 1, "seconds": 1, "parameters": 9,
         "symbols_per_step": 1, "device": "CPU", "precision": "float32"}
        for cell in ("lstm", "rnn", "gru")
        for layers in (1, 2, 3)
    ]  # fmt: skip
    write_rows(folder / "runs.tsv", runs)
    scores = [{"digest": run["digest"], "symbols": 10, "nats": 15.0} for run in runs]
    write_rows(folder / "scores.tsv", scores)
    rows = {(row["cell"], row["hidden"]): row["layers"] for row in
            sources.grid_rows(results, "kjf-warpeace")}  # fmt: skip
    assert {cell for cell, _ in rows} == {"LSTM", "RNN", "GRU"}
    assert [one["ours"] for one in rows["GRU", 64]] == pytest.approx([1.5] * 3)
    assert [one["theirs"] for one in rows["LSTM", 64]] == [1.449, 1.442, 1.540]
    assert all(one["theirs"] is None for one in rows["RNN", 64])
    page = environment().get_template("sources.html")
    shown = page.render(scale="full", **sources.tables(results))
    assert "+0.051" in shown and "Theirs, recalled" in shown


def test_what_is_recalled_is_marked(results):
    assert all(
        REFERENCE[name]["recalled"] for name in REFERENCE if name not in ("figures", "samples")
    )
    template = environment().overlay(undefined=ChainableUndefined).get_template("index.html")
    rows = [{**row, "recalled": True} for row in sources.figure_rows(results)]
    none = {"tally": {}, "tiles": {}, "pictures": {}}  # the rest of the page is empty
    shown = template.render(scale="full", figures_beside=rows, **none)
    assert shown.count("(recalled, not checked)") == len(rows)


def test_theirs_and_ours_are_among_all_figures(results, tmp_path):
    write_json(tmp_path / "results/paulgraham/train.json", CARD)
    beside = sources.figure_rows(results)
    table = figures_table(results, [], beside)
    mine = table[table["name"].str.contains("parameters of the 2-layer")].set_index("kind")
    assert mine.loc["theirs", "estimate"] == 3.5
    assert math.isclose(mine.loc["beside", "estimate"], 3.402337)


def test_the_reference_is_plain_data():
    text = (ROOT / sources.REFERENCE).read_text()
    assert OmegaConf.create(text) and "reproduced" not in text
