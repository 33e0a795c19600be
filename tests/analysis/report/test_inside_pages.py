"""From tables of what goes on inside networks to figures with intervals and pages."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from analysis.measure import error_kinds as errors
from analysis.report import inside_page, inside_sections
from analysis.report.pages import environment
from analysis.results import inside
from analysis.results.reader import NotRunError, Results
from pipeline.lm.sources import NGRAM
from tests.analysis.report.test_report import HOSTILE
from tests.conftest import ROOT, write_rows

RUNS = {"small": "warpeace-small", "large": "warpeace"}
KINDS = ["n-gram", "memory 100", "memory 500", "rare 0", "word start", "punctuation",
         "white space", "rest"]  # fmt: skip
WINDOWS = 6
BASELINES = {"ngram:4": 0.3, "kenlm:4": 0.4, "kenlm:8": 0.2}


def write_excerpts(results, **found):
    """Excerpts of a run and of its baseline, of which only what is said is used."""
    paths = results.paths
    for folder in (paths.run_results("warpeace"), paths.baseline_results("warpeace", NGRAM)):
        path = folder / "excerpts.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"beginnings": {}, "passages": {}, "loop": "", "following": {}} | found)
        )


def error_table(share):
    """Every kind has 100 symbols a window, `share` of them errors of the network."""
    return [
        {"source": source, "window": window, "kind": kind, "symbols": 100,
         "errors": round(100 * rate) + window % 2, "near": 3}
        for source, rate in {"network": share, **BASELINES}.items()
        for window in range(WINDOWS)
        for kind in KINDS
    ]  # fmt: skip


def gate_table():
    return [
        {"network": network, "layer": layer, "gate": gate, "unit": unit, "symbols": 1000,
         "left": 100 * unit * (network == "trained"), "right": 500 * (network == "trained")}
        for network in ("trained", "untrained")
        for layer in (1, 2)
        for gate in "ifo"
        for unit in range(4)
    ]  # fmt: skip


def loop_table():
    greedy = {"source": "temperature:0", "stream": 0, "symbols": 300, "start": 8, "period": 5}
    others = [
        {"source": source, "stream": stream, "symbols": 300, "start": 300, "period": 0}
        for source in ("temperature:0.5", "temperature:1", "ngram:4", "held-out")
        for stream in range(3)
    ]
    return [greedy, *others]


def gradient_table():
    return [
        {"cell": cell, "seed": seed, "network": network, "window": window, "state": "h",
         "distance": k, "norm": (1 + window) * base**k}
        for cell, base in (("rnn", 0.5), ("lstm", 0.9))
        for seed in (1, 2)
        for network in ("at initialisation", "trained")
        for window in range(5)
        for k in (1, 5, 10)
    ]  # fmt: skip


def memory_table():
    return [
        {"task": task, "cell": cell, "seed": seed, "length": length,
         "steps": 100, "error": 0.1 * seed, "guessing": 0.2}
        for task in ("copy", "add")
        for cell in ("rnn", "gru", "lstm")
        for seed in (1, 2, 3)
        for length in (50, 10)
    ]  # fmt: skip


def training(layers, hidden):
    model = {"layers": layers, "cell": "lstm", "hidden": hidden}
    return {"experiment": {"model": model}, "parameters": 1000 * hidden}


@pytest.fixture
def results(tmp_path) -> Results:
    config = OmegaConf.load(ROOT / "scales/laptop/params.yaml")
    for name in ("results", "reports", "text"):
        config.paths[name] = str(tmp_path / name)
    config.measure.resamples = 100
    folder = tmp_path / "results"
    for run, share, size in ((RUNS["small"], 0.6, (1, 64)), (RUNS["large"], 0.5, (2, 192))):
        write_rows(folder / run / "errors.tsv", error_table(share))
        write_rows(folder / run / "gates.tsv", gate_table())
        write_rows(folder / run / "loops.tsv", loop_table())
        (folder / run / "train.json").write_text(json.dumps(training(*size)))
    scores = {"source": "kenlm:8", "part": "val", "window": 0, "symbols": 10, "nats": 20.0}
    write_rows(folder / "baselines/warpeace/kenlm/scores.tsv", pd.DataFrame([scores]))
    write_rows(folder / "gradients.tsv", gradient_table())
    write_rows(folder / "memory_tasks.tsv", memory_table())
    about = {
        "settings": {"corpus": "warpeace", "layers": 1, "hidden": 8},
        "networks": [{"cell": "rnn", "seed": 1, "parameters": 99, "validation_bits": 3.2}],
    }
    (folder / "gradients.json").write_text(json.dumps(about))
    return Results.of(config)


def test_kinds_have_a_group_each():
    settings = errors.Settings(1, 0.5, 0.4, 9, memory=[100, 5000], rare=[0, 5])
    groups = [inside.kind_group(kind) for kind in errors.kind_names(settings)]
    assert set(groups) == set(inside.KIND_GROUPS.values())


def test_shares_of_errors_sum_to_one_and_errors_to_their_rate(results):
    shares = inside.error_shares(results.run("warpeace"))
    rates = inside.error_rates(results.run("warpeace")).set_index("source")["estimate"]
    for source, mine in shares.groupby("source"):
        assert mine["share"].sum() == pytest.approx(1)
        assert mine["symbols"].sum() == pytest.approx(1)
        assert mine["errors"].sum() == pytest.approx(rates[source])
        assert (mine["low"] <= mine["share"]).all() and (mine["share"] <= mine["high"]).all()
    assert rates["network"] == pytest.approx(0.505)


def test_what_a_larger_network_errs_less_is_paired(results):
    change = inside.error_change(*(results.run(RUNS[size]) for size in ("small", "large")))
    assert change["share"].sum() == pytest.approx(1)
    # 10 errors fewer of each kind a window of 800 symbols; two kinds make the group of memory.
    by_kind = change.set_index("kind")["estimate"]
    assert by_kind["rest"] == pytest.approx(10 / 8)
    assert by_kind["word seen shortly before"] == pytest.approx(20 / 8)
    assert (change["low"] == change["high"]).all()


def test_gates_are_averaged_over_units(results):
    summary = inside.gate_summary(results.run("warpeace")).set_index(
        ["network", "layer", "gate", "side"]
    )
    row = summary.loc[("trained", 1, "f", "left")]
    assert row["estimate"] == pytest.approx(0.15) and row["low"] < 0.15 < row["high"]
    assert summary.loc[("untrained", 1, "f", "right"), "estimate"] == 0


def test_cells_without_gates_wait_for_none(results):
    path = results.paths.run_results("warpeace") / "gates.tsv"
    pd.DataFrame(columns=["network", "layer", "gate", "unit", "symbols", "left", "right"]).to_csv(
        path, sep="\t", index=False
    )
    with pytest.raises(NotRunError, match="no gates"):
        inside.gate_shares(results.run("warpeace"))
    assert inside_sections.gates_picture(results.run("warpeace")) is None
    assert inside_sections.gate_rows(results.run("warpeace")) == []


def test_gradients_are_relative_to_the_nearest(results):
    decay = inside.gradient_decay(results).set_index(["cell", "network", "distance"])
    for base, cell in ((0.5, "rnn"), (0.9, "lstm")):
        for distance in (1, 5, 10):
            found = decay.loc[(cell, "trained", distance)]
            assert found["estimate"] == pytest.approx(base ** (distance - 1))
            assert found["n"] == 2  # seeds, as in the verdict on V1
    again = inside.gradient_decay(results)
    np.testing.assert_array_equal(again["n"], 2)  # the table read is left as it was


def test_memory_errors_are_relative_to_guessing(results):
    table = inside.memory_errors(results)
    assert np.allclose(table["estimate"], 1.0) and (table["n"] == 3).all()


def test_loops_by_source(results):
    rates = inside.loop_rates(results.run("warpeace")).set_index("source")["estimate"]
    assert rates["temperature:0"] == 1 and rates["temperature:1"] == rates["held-out"] == 0
    periods = inside.loop_periods(results.run("warpeace")).set_index("source")
    assert periods.loc["temperature:0", ["looping", "period", "start"]].tolist() == [1, 5, 8]


def test_what_the_greedy_sample_repeats_is_shown_and_escaped(results):
    write_excerpts(results, loop="<b> \n")
    loop = inside_sections.greedy_loop(results.run("warpeace"))
    assert loop["text"] == "<b>␣↵"
    assert "<b>" not in environment().from_string("{{ text }}").render(text=loop["text"])


def test_samples_by_iteration_are_side_by_side_and_escaped(results):
    held_out = "Well, Prince, so Genoa and Lucca. " * 40
    write_excerpts(results, beginnings={"held-out": held_out})
    symbols = results.config.experiments.warpeace.train.sample_symbols
    sample = (HOSTILE + "x" * symbols)[:symbols]
    path = results.paths.run_results("warpeace") / "evolution.json"
    path.write_text(json.dumps({"300": [sample], "100": [sample]}))
    shown = inside_sections.evolution_samples(results.run("warpeace"))
    assert [row["label"] for row in shown] == [
        "after 100 steps",
        "after 300 steps",
        "held-out text",
    ]
    assert {len(row["text"]) for row in shown} == {inside_sections.EXCERPT}
    page = environment().from_string("{% for s in shown %}<pre>{{ s.text }}</pre>{% endfor %}")
    assert "<script" not in page.render(shown=shown)


def test_the_page_on_memory(results):
    page = inside_page.write_page(results).read_text()
    assert "64 units" in page and "192 units" in page and "Share" in page
    assert page.count("<figure>") == 3 and page.count("<svg viewBox") >= 3
    assert "<script" not in page
    figures = results.paths.reports / "figures/inside"
    assert {path.name for path in figures.iterdir()} == {
        "gradients.png",
        "memory.png",
        "errors.png",
    }


def test_a_section_waits_for_its_own_result_only(results):
    (results.paths.results / "memory_tasks.tsv").unlink()
    rows = [
        {"claim": "P22", "experiment": "hello", "setting": way, "seed": seed, "at": step,
         "metric": "nats per symbol", "value": 1 / step, "floor": 0.35, "text": ""}
        for way in ("with state", "without state") for seed in (1, 2) for step in (1, 2)
    ]  # fmt: skip
    write_rows(results.paths.results / "course/hello.tsv", rows)
    sample = {**rows[0], "experiment": "gist", "setting": "gist"}
    write_rows(results.paths.results / "course/gist.tsv", [
        sample | {"metric": "smooth loss"}, sample | {"metric": "test bits"},
        sample | {"metric": "sample", "text": HOSTILE},
    ])  # fmt: skip
    page = inside_page.write_page(results).read_text()
    assert page.count("Not run") == 1 and "waits for memory_tasks" in page
    assert page.count("<figure>") == 2 + 2
    assert 'id="hello"' in page and 'id="gist"' in page and "<script" not in page
    figures = results.paths.reports / "figures/inside"
    assert {"hello.png", "gist.png", "errors.png"} <= {path.name for path in figures.iterdir()}


def test_a_page_of_nothing_says_so(results):
    shutil.rmtree(results.paths.results)
    assert inside_page.write_page(results).read_text().count("Not run") == 3
