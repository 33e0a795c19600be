"""What a run's results tell: of which part, in which order, of which settings."""

import numpy as np
import pytest

from analysis.results.reader import NotRunError, Results
from pipeline.config.params import PARAMS_FILES, load
from pipeline.lm.io.files import write_json
from pipeline.lm.sources import KENLM, NGRAM
from tests.conftest import ROOT, card, write_rows


@pytest.fixture
def results(tmp_path) -> Results:
    """No results yet, in a folder of their own."""
    config = load(ROOT / PARAMS_FILES["full"])
    config.paths.results = str(tmp_path)
    return Results.of(config)


def test_scores_of_before_there_were_parts_are_of_the_test_part(results):
    row = {"window": 0, "symbols": 100, "nats": 70.0, "impossible": 0, "unseen": 0}
    folder = results.paths.baseline_results
    write_rows(folder("latex", KENLM) / "scores.tsv", [{"source": "kenlm:2", **row}])
    run = results.run("latex")
    alone = run.bits("kenlm:2").estimate
    parts = [{"source": "ngram:4", "part": part, **row} for part in ("test", "val")]
    write_rows(folder("latex", NGRAM) / "scores.tsv", parts)
    assert run.bits("kenlm:2").estimate == alone == pytest.approx(0.7 / np.log(2))
    with pytest.raises(NotRunError, match="val part"):
        run.scores("kenlm:2", "val")


def made_up(source: str) -> list[dict]:
    """Two windows of a source, in a table that is of scores and of structure."""
    row = {"source": source, "part": "test", "symbols": 100, "nats": 90, "impossible": 0,
           "unseen": 0, "metric": "gcc clean", "unit": "share", "events": 5,
           "exposure": 10}  # fmt: skip
    return [row | {"window": window} for window in (0, 1)]


def test_unsmoothed_figures_wait_for_no_kenlm(results):
    linux, folder = results.run("linux-kjf"), results.paths.baseline_results("linux-kjf", NGRAM)
    for name in ("scores", "structure"):
        write_rows(folder / f"{name}.tsv", made_up("ngram:10"))
    assert linux.scored() == ["ngram:10"]
    assert linux.rate("gcc clean", "ngram:10").estimate == pytest.approx(0.5)
    with pytest.raises(NotRunError, match="nothing measured of kenlm:20"):
        linux.bits("kenlm:20")
    with pytest.raises(NotRunError, match="waits for validation scores"):
        linux.best_kenlm()


def test_held_out_text_comes_after_all_that_counts(results):
    folder = results.paths.baseline_results
    sources = {NGRAM: ["ngram:10", "held-out"], KENLM: ["kenlm:20"]}
    for family, names in sources.items():
        rows = [row for name in names for row in made_up(name)]
        write_rows(folder("linux-kjf", family) / "structure.tsv", rows)
    write_rows(results.paths.run_results("linux-kjf") / "structure.tsv", made_up("temperature:1"))
    found = results.run("linux-kjf").table("structure")["source"].unique().tolist()
    assert found == ["temperature:1", "ngram:10", "kenlm:20", "held-out"]


def test_the_best_counts_are_chosen_on_the_validation_part(results):
    row = {"window": 0, "symbols": 100, "impossible": 0, "unseen": 0}
    bits = {"kenlm:2": {"val": 70.0, "test": 90.0}, "kenlm:4": {"val": 80.0, "test": 60.0}}
    rows = [
        {"source": source, "part": part, "nats": nats, **row}
        for source, parts in bits.items()
        for part, nats in parts.items()
    ]
    write_rows(results.paths.baseline_results("latex", KENLM) / "scores.tsv", rows)
    latex = results.run("latex")
    assert latex.best_kenlm() == "kenlm:2"
    assert latex.bits("kenlm:2").estimate == pytest.approx(0.9 / np.log(2))


@pytest.mark.parametrize("other", [{}, {"seed": 7}, {"numerics": 99}, {"model": {"hidden": 3}}])
def test_results_of_other_settings_are_not_read(results, other):
    names = results.run("names")
    about = card(results.config.experiments.names)
    for key, value in other.items():
        made = about["experiment"]
        made[key] = made[key] | value if isinstance(value, dict) else value
    folder = results.paths.run_results("names")
    write_json(folder / "train.json", about)
    write_rows(folder / "structure.tsv", made_up("temperature:1"))
    if other:
        with pytest.raises(NotRunError, match="tells of other settings"):
            names.rate("gcc clean", "temperature:1")
    else:
        assert names.rate("gcc clean", "temperature:1").estimate == 0.5
