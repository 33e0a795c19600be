"""Pages: hostile text is escaped, nothing is fetched, what is missing is said."""

import json
import math
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from omegaconf import OmegaConf

from analysis.measure import memorization
from analysis.report.__main__ import write_index
from analysis.report.corpora import context_table
from analysis.report.pages import definitions, environment, in_order, metric_name, significant
from analysis.report.plots import figures
from analysis.report.plots.corpus import bits_by_model, training_curve
from analysis.report.plots.inside import evolution
from analysis.results.reader import Results
from analysis.results.run import rates_of
from analysis.statistics import Interval
from analysis.structure.delimiters.lexers import LEXERS
from analysis.structure.kinds import floors, measurer
from pipeline.config import params
from pipeline.config.composition import composed
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.sources import KENLM, NGRAM
from tests.conftest import PROSE, ROOT, write_rows
from tests.prepared_texts import corpus_of, prepared

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def results(tmp_path) -> Results:
    """Of no run yet."""
    config = OmegaConf.create(composed("full"))
    for name in ("results", "reports", "text"):
        config.paths[name] = str(tmp_path / name)
    return Results.of(config)


@pytest.fixture
def index(results):
    return write_index(results)


def test_an_index_without_results_says_not_run(index):
    page = index.read_text()
    assert page.count("not run") >= 5 and page.count("No network yet") >= 9
    assert "What we found" not in page
    summary = re.sub(r"\(Then [a-z ]+\.\)", "", (index.parent / "README.md").read_text())
    assert "not run" in summary and "reproduced" not in summary.replace("not reproduced", "")


def test_ngrams_stand_by_context_before_their_network_is_run(results):
    assert context_table(results)["titles"] == []
    row = {"window": 0, "symbols": 100, "impossible": 0, "unseen": 0}
    for corpus, orders in (("linux", (1, 20)), ("warpeace", (1, 3))):
        families = {KENLM: [f"kenlm:{order}" for order in orders], NGRAM: ["ngram:4"]}
        for family, sources in families.items():
            folder = results.paths.baseline_results(corpus, family)
            rows = [{"source": s, "nats": 10 * len(s), **row} for s in sources]
            write_rows(folder / "scores.tsv", rows)
    found = context_table(results)
    assert found["titles"] == ["Linux, all sources and headers", "War and Peace"]
    bits = [[cell and round(cell.estimate, 2) for cell in row["cells"]] for row in found["rows"]]
    assert [row["context"] for row in found["rows"]] == [0, 2, 19, None]
    assert bits == [[1.01, 1.01], [None, 1.01], [1.15, None], [None, None]]
    page = write_index(results).read_text()
    assert '<th scope="row">19</th><td class="number">1.154</td><td class="number">–</td>' in page


def test_unsmoothed_ngrams_are_shown_before_kenlm_is_run(results):
    folder = results.paths.baseline_results("linux", NGRAM)
    row = {"source": "ngram:4", "window": 0, "symbols": 100, "nats": 70, "impossible": 0}
    write_rows(folder / "scores.tsv", [row])
    table = pd.read_csv(write_index(results).parent / "figures.csv")
    found = table[table["source"] == "ngram:4"]
    assert set(found["kind"]) == {"bits per symbol"} and "linux" in set(found["run"])


def test_pages_fetch_nothing(index):
    page = index.read_text()
    assert "default-src 'none'" in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")


def test_sampled_text_is_escaped():
    template = environment().from_string("<pre>{{ text }}</pre>")
    assert "<script" not in template.render(text=HOSTILE)
    assert "<img" not in template.render(text=HOSTILE)


def test_a_figure_is_drawn_once_in_the_colours_of_its_page():
    bits = {"network": Interval(2.0, 1.9, 2.1, 9), "kenlm:5": Interval(2.2, 2.1, 2.3, 9)}
    picture = bits_by_model(bits, [5])
    assert "2.000" in picture.alt and picture.png.startswith(b"\x89PNG")
    (svg,) = picture.panels
    assert "var(--network)" in svg and "var(--text)" in svg and figures.NETWORK_COLOUR not in svg
    # What a content-security policy refuses, and what names things twice on a page.
    assert "style=" not in svg and "<style" not in svg and "<g id=" not in svg
    assert bits_by_model(bits, [5]).panels == [svg]


def test_the_validation_part_of_a_network_that_overfits_lies_within_its_figure(monkeypatch):
    shown, save = [], figures._saved
    monkeypatch.setattr(figures, "_saved", lambda *words: shown.append(words[0]) or save(*words))
    history = pd.DataFrame({
        "epoch": [1, 10, 50], "train_bits": [4.0, 2.5, 0.3], "validation_bits": [4.1, 3.0, 5.5]
    })  # fmt: skip
    training_curve(history, "names")
    low, high = shown[0].axes[0].get_ylim()
    assert low < 0.3 and high >= 5.5


def test_samples_of_a_training_stand_in_the_order_of_its_steps(monkeypatch):
    shown, save = [], figures._saved
    monkeypatch.setattr(figures, "_saved", lambda *words: shown.append(words[0]) or save(*words))
    rates = pd.DataFrame({
        "metric": "characters between spaces", "estimate": [2.0, 5.0, 4.0, 30.0, 4.5], "n": 20,
        "source": ["iteration:100", "iteration:2000", "iteration:300", "iteration:0", "held-out"],
    }).assign(low=lambda t: t["estimate"] - 1, high=lambda t: t["estimate"] + 1)  # fmt: skip
    history = pd.DataFrame({"step": [130, 260], "validation_bits": [4.5, 4.4]})
    evolution(rates, history, "tiny")
    line = shown[0].axes[1].lines[0]
    assert list(line.get_xdata()) == [100, 300, 2000] and list(line.get_ydata()) == [2, 4, 5]


def test_names_at_the_right_stay_apart_and_below_the_title():
    axes = Figure().subplots()
    axes.set_ylim(0, 1)
    ends = [(1.0, "full stops", "red"), (1.0, "commas", "blue"), (0.0, "quote errors", "green")]
    figures.end_labels(axes, ends)
    heights = sorted(text.xy[1] for text in axes.texts)
    assert len(heights) == 3 and heights[0] >= 0 and heights[-1] <= 1 - figures.LABEL_GAP / 2
    assert min(np.diff(heights)) >= figures.LABEL_GAP - 1e-9


def test_panels_flow_and_hostile_names_in_them_stay_text():
    def draw(*panels):
        for axes in panels:
            axes.set_title(f'{HOSTILE} style="x: 1.23456"', parse_math=False)
        panels[-1].set_visible(False)

    picture = figures.picture(draw, "words", "caption", (2, 2))
    assert len(picture.panels) == 3
    assert "<img" not in picture.panels[0] and "<script" not in picture.panels[0]
    assert "x: 1.23456" in picture.panels[0]


def test_words_that_replace_a_figure_say_what_it_shows():
    table = pd.DataFrame({
        "source": ["network", "ngram:2", "ngram:4"] * 2, "distance": [0] * 3 + [40] * 3,
        "estimate": [0.9, 0.5, 0.7, 0.8, 0.1, math.nan],
    })  # fmt: skip
    assert figures.ends_of(table, "distance") == (
        "at 0 network 0.90, n-grams 0.50 to 0.70, at 40 network 0.80, n-grams 0.10 to 0.10"
    )
    rates = pd.DataFrame({"metric": "copied", "source": ["held-out"], "estimate": [0.25]})
    assert figures.values_of(rates, ["copied"], ["held-out", "network"]) == (
        "copied: held-out text 0.25."
    )


def test_no_bound_of_a_share_is_above_one():
    settings = params.measure(OmegaConf.create(composed("full")))
    rows = {"metric": "x", "source": "s", "window": [0], "events": 0, "exposure": 1}
    for unit, bound in (("share", 1.0), ("per 1,000 characters", 3.0)):
        rates = rates_of(pd.DataFrame({**rows, "unit": unit}), settings)
        assert rates["high"].iloc[0] == pytest.approx(bound, abs=0.01)


@given(st.floats(-1e9, 1e9))
def test_numbers_for_readers_are_close(value):
    shown = float(significant(value, 4).replace(",", ""))
    assert math.isclose(shown, value, rel_tol=1e-3, abs_tol=1e-12) or abs(shown - value) < 0.5


def test_numbers_for_readers():
    assert significant(0.12345, 3) == "0.123"
    assert significant(1234.5, 3) == "1,234"
    assert significant(math.inf, 3) == "∞"
    assert significant(0.0, 3) == "0.00"


def test_one_letter_has_no_plural():
    assert metric_name("non-words of 1 letters") == "non-words of 1 letter"
    assert metric_name("non-words of 11 letters") == "non-words of 11 letters"


@pytest.mark.parametrize("kind", LEXERS)
def test_every_metric_is_explained(kind, tmp_path):
    (tmp_path / "own.txt").write_bytes(PROSE)
    text = prepared(corpus_of(tmp_path / "own.txt"), tmp_path)
    settings = params.measure(params.load(ROOT / params.PARAMS_FILES["full"]))
    index = SuffixIndex.build(text.part("train"), text.vocabulary.size)
    copying = memorization.measure(text.part("test"), index, settings.copy_lengths, [0, 100])
    with measurer(kind, text, settings) as parsers:
        window = text.vocabulary.decode(text.part("test"))
        figures = [*copying[0], *parsers(window), *parsers.of_streams([window])[0]]
    metrics = [figure.name for figure in [*figures, *floors(kind, text)]]
    explained = "; ".join(definitions(metrics)).split("; ")
    assert sorted(explained) == sorted(map(metric_name, metrics)) and len(metrics) > 20
    rows = list(in_order(pd.DataFrame({"metric": metrics[::-1]}))["metric"])
    assert rows[:4] == ["match length", "longest copy", "copied at 20", "copied at 30"]


def test_the_readme_tells_the_tally_of_the_verdicts():
    claims = json.loads((ROOT / "reports/claims.json").read_text())["claims"]
    tally = Counter(claim["verdict"] for claim in claims)
    settled = len(claims) - tally["not run"]
    said = f"Of {len(claims)} claims {settled} are settled: {tally['reproduced']} reproduced, "
    said += f"{tally['not reproduced']} not reproduced, {tally['inconclusive']} inconclusive"
    assert said in " ".join((ROOT / "README.md").read_text().split())
