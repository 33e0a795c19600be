"""Evidence: every figure, from made-up results of which the answer is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from analysis.claims import verdicts
from analysis.claims.evidence import FIGURES
from analysis.claims.evidence.evolution import halfway, halfway_step
from analysis.claims.verdicts import (
    DESCRIBED,
    INCONCLUSIVE,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
    settle,
)
from analysis.results.reader import NotRunError, Results
from benchmarks.training import Shape, measured
from pipeline.config.params import PARAMS_FILES, load
from pipeline.lm.io.files import write_json
from pipeline.lm.sources import KENLM, NGRAM
from tests.conftest import ROOT, write_rows

ENTRIES = OmegaConf.to_container(OmegaConf.load(ROOT / verdicts.CLAIMS))
assert isinstance(ENTRIES, dict)
SEEDS = (1, 2, 3)


@pytest.fixture
def results(tmp_path) -> Results:
    """No results yet, in a folder of their own."""
    config = load(ROOT / PARAMS_FILES["full"])
    config.paths.results = str(tmp_path)
    config.measure.resamples = 200
    return Results.of(config)


def sweep(folder: Path, name: str, bits: dict) -> None:
    """Runs of a sweep by their settings, as items (key, value) of a tuple, and their bits."""
    runs, scores = [], []
    for number, (settings, value) in enumerate(bits.items()):
        runs.append({"digest": f"d{number}", **dict(settings), "parameters": 1, "steps": 10,
                     "symbols_per_step": 10, "seconds": 10, "device": "CPU",
                     "precision": "float32"})  # fmt: skip
        scores.append({"digest": f"d{number}", "window": 0, "symbols": 100,
                       "nats": value * 100 * 0.6931471805599453})  # fmt: skip
    write_rows(folder / "sweeps" / name / "runs.tsv", runs)
    write_rows(folder / "sweeps" / name / "scores.tsv", scores)


@pytest.mark.parametrize(
    ("gap", "verdict"), [(-0.1, REPRODUCED), (0.1, NOT_REPRODUCED), (0.0, INCONCLUSIVE)]
)
def test_the_cells_of_a_sweep_are_paired_by_seed(results, tmp_path, gap, verdict):
    noise = {1: 0.02, 2: -0.01, 3: 0.0}
    bits = {}
    for seed in SEEDS:
        for cell, off in (("rnn", 0.0), ("lstm", gap + noise[seed])):
            bits[("model.cell", cell), ("model.hidden", 256), ("seed", seed)] = 2.0 + seed + off
    sweep(tmp_path, "cells", bits)
    settled = settle("P17", ENTRIES["P17"], results)
    assert settled.verdict == verdict
    assert settled.parts[0].estimate == pytest.approx(gap + 0.01 / 3, abs=1e-6)


def test_two_seeds_settle_nothing(results, tmp_path):
    bits = {
        (("model.cell", cell), ("model.hidden", 256), ("seed", s)): 1.0
        for cell in ("lstm", "rnn")
        for s in (1, 2)
    }
    sweep(tmp_path, "cells", bits)
    settled = settle("P17", ENTRIES["P17"], results)
    assert settled.verdict == NOT_RUN
    assert settled.parts[0].reason == "waits for cells with all seeds: 3 missing"


def test_figures_of_ngrams_need_no_network(results):
    row = {"window": 0, "symbols": 100, "impossible": 0, "unseen": 0}
    scores = [{"source": f"kenlm:{n}", "nats": nats, **row} for n, nats in ((8, 90), (11, 80))]
    clean = {"metric": "gcc clean", "unit": "share", "exposure": 10}
    shares = {"held-out": 9, "ngram:10": 2, "ngram:15": 5}
    windows = [{"source": s, "window": k, "events": n, **clean} for s, n in shares.items()
               for k in (0, 1)]  # fmt: skip
    write_rows(results.paths.baseline_results("linux-kjf", KENLM) / "scores.tsv", scores)
    write_rows(results.paths.baseline_results("linux-kjf", NGRAM) / "structure.tsv", windows)
    linux = results.run("linux-kjf")
    assert linux.bits_difference("kenlm:11", "kenlm:8").estimate < 0
    orders = settle("G2", ENTRIES["G2"], results).parts
    assert [part.estimate for part in orders[:2]] == [pytest.approx(0.2), pytest.approx(0.3)]
    with pytest.raises(NotRunError, match="waits for linux-kjf"):
        linux.bits("network")


@pytest.mark.parametrize(("ratio", "verdict"), [(0.5, REPRODUCED), (0.9, NOT_REPRODUCED)])
def test_half_the_window_and_half_the_time(results, tmp_path, ratio, verdict):
    keys = {
        (bptt, s): (
            ("train.bptt", bptt),
            ("train.epochs", 20),
            ("train.carry_state", True),
            ("seed", s),
        )
        for bptt in (50, 100)
        for s in SEEDS
    }
    bits = {key: 2.0 + s / 100 for (_, s), key in keys.items()}
    sweep(tmp_path, "window", bits)
    rows = [
        {"network": "2x512", "variant": variant, "times": [time * (1 + k / 100) for k in range(5)]}
        for variant, time in (("ours", 1.0), ("ours, bptt/2", ratio))
    ]
    write_json(tmp_path / "speed.json", {"rows": rows})
    assert settle("P2", ENTRIES["P2"], results).verdict == verdict


@pytest.mark.parametrize(("off", "verdict"), [(0.0, REPRODUCED), (0.2, NOT_REPRODUCED)])
def test_the_table_of_kjf_is_laid_beside_ours(results, tmp_path, off, verdict):
    table = OmegaConf.load(ROOT / "conf/reference.yaml")["kjf-warpeace-lstm"].nats.lstm
    published = {(hidden, n): nats for hidden in (64, 128, 256, 512)
                 for n, nats in enumerate(table[hidden][:2], 1)}  # fmt: skip
    bits = {
        (("model.cell", "lstm"), ("model.layers", layers), ("model.hidden", hidden)): (
            (nats + (-1) ** layers * (off + 0.001 * layers)) / 0.6931471805599453
        )
        for (hidden, layers), nats in published.items()
    }
    sweep(tmp_path, "kjf-warpeace", bits)
    settled = settle("K1", ENTRIES["K1"], results)
    assert settled.verdict == verdict
    assert settled.parts[0].estimate == (not off) and settled.parts[0].note == "8 of 12 networks"
    assert settled.parts[1].estimate == pytest.approx(off + 0.0015, abs=1e-5)


def test_sweeps_say_what_they_wait_for(results, tmp_path):
    sweep(tmp_path, "layers", {(("model.layers", 1), ("seed", 1)): 2.0})
    with pytest.raises(NotRunError, match="waits for layers with"):
        FIGURES["sweep_difference"](results, "layers", {"model.layers": 2}, {"model.layers": 1})
    with pytest.raises(
        NotRunError, match=r"waits for a sweep layers over model\.cell, model\.hidden"
    ):
        FIGURES["table_gap"](results, "layers", "kjf-warpeace-lstm")


@pytest.mark.parametrize(("slower", "verdict"), [(4.0, REPRODUCED), (2.0, NOT_REPRODUCED)])
def test_work_and_time_of_twice_the_units(results, tmp_path, slower, verdict):
    rows = [
        {"network": "2x512", "variant": variant, "gflops_per_step": work,
         "times": [time * (1 + k / 100) for k in range(5)]}
        for variant, work, time in (("ours", 1.0, 1.0), ("ours, hidden x2", 3.9, slower))
    ]  # fmt: skip
    write_json(tmp_path / "speed.json", {"rows": rows})
    settled = settle("P18", ENTRIES["P18"], results)
    assert settled.verdict == verdict
    assert [part.estimate for part in settled.parts] == pytest.approx([3.9, slower])
    assert settle("P19", ENTRIES["P19"], results).parts[0].reason == (
        "waits for timed steps of “ours, cuda”"
    )


@pytest.mark.parametrize(("events", "verdict"), [(20, REPRODUCED), (90, NOT_REPRODUCED)])
def test_low_temperature_is_repetitive_whether_it_loops_or_not(results, tmp_path, events, verdict):
    rows = [
        {"source": source, "stream": s, "symbols": 500, "start": 100, "period": 0}
        for source in ("temperature:0.1", "held-out")
        for s in range(40)
    ]
    write_rows(tmp_path / "post-itself/loops.tsv", rows)
    for folder, source, mine in (
        ("post-itself", "temperature:0.1", events),
        ("baselines/post-itself/ngram", "held-out", 95),
    ):
        write_rows(tmp_path / folder / "structure.tsv", [
            {"source": source, "window": w, "metric": "distinct-4", "unit": "share",
             "events": mine, "exposure": 100} for w in range(20)
        ])  # fmt: skip
    settled = settle("P20", ENTRIES["P20"], results)
    assert settled.verdict == verdict
    assert settled.parts[1].verdict == DESCRIBED and settled.parts[1].floor == 0


@pytest.mark.parametrize(("early", "verdict"), [(100, REPRODUCED), (700, NOT_REPRODUCED)])
def test_metrics_get_better_in_the_order_told(results, tmp_path, early, verdict):
    """Each metric jumps from random symbols to held-out text at a step of its own."""
    jumps = {
        "characters between spaces": early,
        "full stops in place": 300,
        "quote errors": 500,
        "non-words of 2-3 letters": 500,
        "non-words of 6-8 letters": 1200,
    }
    rows = [
        {"source": source, "window": w, "metric": metric, "unit": "share", "exposure": 100,
         "events": (80 if after is None or after >= jump else 20) + w % 3}
        for metric, jump in jumps.items()
        for source, after in [*((f"iteration:{n}", n) for n in (0, 100, 300, 500, 700, 1200)),
                              ("held-out", None)]
        for w in range(30)
    ]  # fmt: skip
    write_rows(tmp_path / "warpeace/evolution.tsv", rows)
    settled = settle("P13", ENTRIES["P13"], results)
    assert settled.verdict == verdict
    halfway = [part.estimate for part in settled.parts if part.unit == "steps"]
    assert halfway == pytest.approx([50 if early == 100 else 600, 200, 400, 400, 950], rel=0.01)


def test_what_never_comes_half_its_way_is_the_last_step():
    rates = np.array([[0.0, 0.0, 0.0], [0.2, 0.5, 1.0], [0.3, 0.9, 1.0]])
    found = halfway(np.array([0, 100, 300]), rates, np.array([1.0, 1.0, 1.0]))
    assert found == pytest.approx([300, 100, 50])


def test_half_way_is_where_it_stays_near():
    """Not where it passes by: below, far beyond the goal, and near at first and then far."""
    rates = np.array([[0.0, 0.0, 3.0], [3.0, 0.9, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, np.nan]])
    found = halfway(np.array([0, 100, 200, 300]), rates, np.array([1.0, 1.0, 1.0]))
    assert found == pytest.approx([175, 250, np.nan], nan_ok=True)


def test_a_sample_with_three_marks_tells_no_share_of_them(results, tmp_path):
    sizes = {"iteration:0": (50, 100), "iteration:1": (0, 3), "iteration:100": (40, 100),
             "iteration:300": (4, 100), "held-out": (0, 100)}  # fmt: skip
    rows = [
        {"source": source, "window": w, "metric": "quote errors", "unit": "share",
         "events": events / 20, "exposure": exposure / 20}
        for source, (events, exposure) in sizes.items() for w in range(20)
    ]  # fmt: skip
    write_rows(tmp_path / "warpeace/evolution.tsv", rows)
    figure = halfway_step(results, "warpeace", "quote errors", least=20)
    assert figure[:3] == pytest.approx([183.33] * 3, abs=0.01) and figure.n == 20


@pytest.mark.parametrize(("share", "verdict"), [(0.05, REPRODUCED), (0.3, NOT_REPRODUCED)])
def test_the_share_of_interpretable_cells(results, tmp_path, share, verdict):
    shares = {
        network: {what: {"estimate": s, "low": s - 0.01, "high": s + 0.01, "n": 384}
                  for what in ("interpretable", "above_threshold")}
        for network, s in (("trained", share), ("untrained", 0.01), ("rotated", 0.005))
    }  # fmt: skip
    occurrences = {"inside a comment": 9, "indentation depth": 50}
    found = {"shares": shares, "settings": {}, "best": [], "occurrences": occurrences}
    write_json(tmp_path / "linux-kjf/cells.json", found)
    settled = settle("P14", ENTRIES["P14"], results)
    assert settled.verdict == verdict and settled.parts[0].floor == 0.01
    assert settled.parts[0].note == "features: inside a comment, indentation depth"
    assert settled.parts[1].estimate == pytest.approx(share - 0.005, abs=0.003)


@pytest.mark.parametrize(("sure", "verdict"), [(0.9, REPRODUCED), (0.4, NOT_REPRODUCED)])
def test_sureness_by_class_of_symbols(results, tmp_path, sure, verdict):
    rows = [
        {"source": "network", "class": name, "window": w, "least": 0, "symbols": 100,
         "probability": 100 * p + w % 3 - 1, "right": 50}
        for name, p in (("www", sure), ("after a space", 0.35))
        for w in range(20)
    ]  # fmt: skip
    write_rows(tmp_path / "wikipedia/confidence.tsv", rows)
    assert settle("P15", ENTRIES["P15"], results).verdict == verdict


@pytest.mark.parametrize(("forget", "verdict"), [(600, REPRODUCED), (10, NOT_REPRODUCED)])
def test_saturation_of_gates(results, tmp_path, forget, verdict):
    rows = [
        {"network": network, "layer": layer, "gate": gate, "unit": unit, "symbols": 1000,
         "left": 10 * layer + unit % 3, "right": right * layer + unit % 5}
        for network in ("trained", "untrained")
        for layer in (1, 2)
        for gate, right in (("i", 100), ("f", forget / 2), ("o", 50))
        for unit in range(30)
    ]  # fmt: skip
    write_rows(tmp_path / "warpeace/gates.tsv", rows)
    settled = settle("K4", ENTRIES["K4"], results)
    assert settled.verdict == verdict
    assert settled.parts[1].estimate == (0.5 if forget == 600 else 0)


@pytest.mark.parametrize(("grams", "verdict"), [(20, REPRODUCED), (90, NOT_REPRODUCED)])
def test_shares_of_errors(results, tmp_path, grams, verdict):
    kinds = {"n-gram": grams, "memory 100": 10, "rare 0": 10, "word start": 20, "punctuation": 5,
             "rest": 95 - grams}  # fmt: skip
    rows = [
        {"source": "network", "window": w, "kind": kind, "symbols": 300, "errors": n + w % 2,
         "near": 0}
        for kind, n in kinds.items()
        for w in range(20)
    ]  # fmt: skip
    write_rows(tmp_path / "warpeace/errors.tsv", rows)
    assert settle("K5", ENTRIES["K5"], results).verdict == verdict


@pytest.mark.parametrize(("rnn", "verdict"), [(0.001, REPRODUCED), (0.5, NOT_REPRODUCED)])
def test_gradients_by_distance(results, tmp_path, rnn, verdict):
    rows = [
        {"cell": cell, "seed": seed, "network": network, "window": w, "state": state,
         "distance": distance, "norm": norm * (1 + w % 3 / 10)}
        for cell, state, far in (("rnn", "h", rnn), ("lstm", "h", 0.1), ("lstm", "c", 0.2))
        for seed in SEEDS
        for network in ("trained", "at initialisation")
        for distance, norm in ((1, 1.0), (50, far))
        for w in range(20)
    ]  # fmt: skip
    write_rows(tmp_path / "gradients.tsv", rows)
    settled = settle("V1", ENTRIES["V1"], results)
    assert settled.verdict == verdict
    assert settled.parts[1].estimate == pytest.approx(0.1 / rnn)
    assert settled.parts[2].estimate == pytest.approx(0.2 / rnn)


@pytest.mark.parametrize(("rnn", "verdict"), [(0.95, REPRODUCED), (0.05, NOT_REPRODUCED)])
def test_errors_of_memory_tasks(results, tmp_path, rnn, verdict):
    rows = [
        {"task": task, "cell": cell, "seed": seed, "length": length,
         "steps": 100, "error": error + seed / 1000, "guessing": 1.0}
        for task in ("copy", "add")
        for cell, error in (("rnn", rnn), ("lstm", 0.02), ("gru", 0.03))
        for length in (10, 50, 100, 200)
        for seed in SEEDS
    ]  # fmt: skip
    write_rows(tmp_path / "memory_tasks.tsv", rows)
    assert settle("V2", ENTRIES["V2"], results).verdict == verdict


@pytest.mark.parametrize(("far", "verdict"), [(0.8, REPRODUCED), (0.2, NOT_REPRODUCED)])
def test_the_lead_at_closing_braces_by_distance(results, tmp_path, far, verdict):
    for folder, source, values in (
        ("linux-kjf", "network", {10: 0.5, 60: far}),
        ("baselines/linux-kjf/kenlm", "kenlm:20", {10: 0.4, 60: 0.4}),
    ):
        rows = [
            {"source": source, "window": w, "closer": "}", "distance": d, "n": 10,
             "probability": 10 * p + w % 2, "likeliest": 5, "typed": 5}
            for d, p in values.items()
            for w in range(30)
        ]  # fmt: skip
        write_rows(tmp_path / folder / "closing.tsv", rows)
    assert settle("K3", ENTRIES["K3"], results).verdict == verdict


@pytest.mark.parametrize(("loss", "verdict"), [(0.01, REPRODUCED), (1.0, NOT_REPRODUCED)])
def test_hello_with_state_and_without(results, tmp_path, loss, verdict):
    rows = [
        {"claim": "P22", "experiment": "hello", "setting": setting, "seed": seed, "at": step,
         "metric": "nats per symbol", "value": value + seed / 1e4, "floor": 0.3466}
        for setting, value in (("with state", loss), ("without state", 0.347))
        for seed in SEEDS
        for step in (1, 2)
    ]  # fmt: skip
    write_rows(tmp_path / "course/some.tsv", rows)
    settled = settle("P22", ENTRIES["P22"], results)
    assert settled.verdict == verdict
    assert settled.parts[1].floor == pytest.approx(0.3466)


def test_code_lengths_wait_for_all_seeds_of_both_sweeps(results, tmp_path):
    sweep(tmp_path, "words", {(("seed", seed),): 6.0 for seed in SEEDS})
    sweep(tmp_path, "layers", {(("model.layers", 3), ("seed", 1)): 2.0})
    (part,) = settle("V4", ENTRIES["V4"], results).parts
    assert part.reason == "waits for words and layers with all seeds: 2, 3 missing"


@pytest.mark.parametrize(("bits", "verdict"), [(6.0, REPRODUCED), (9.0, NOT_REPRODUCED)])
def test_code_lengths_are_compared_over_the_same_bytes(results, tmp_path, bits, verdict):
    """A word costs `bits` on average, as many as 4 bytes at 2 bits each or more."""
    sweep(tmp_path, "words", {(("seed", seed),): bits + seed / 100 for seed in SEEDS})
    whole = {
        (("model.layers", layers), ("seed", seed)): bits_of_a_byte
        for layers, bits_of_a_byte in ((1, 100.0), (3, 2.0))
        for seed in SEEDS
    }
    sweep(tmp_path, "layers", whole)
    table = tmp_path / "sweeps/layers/scores.tsv"
    scores = pd.read_csv(table, sep="\t")
    scores[["symbols", "nats"]] *= 4
    write_rows(table, scores.to_dict("records"))
    settled = settle("V4", ENTRIES["V4"], results)
    assert settled.verdict == verdict
    assert settled.parts[0].estimate == pytest.approx((bits + 0.02 - 8) / 4)


def test_the_benchmark_names_its_rows_as_claims_do(results, tmp_path):
    rows = measured(Shape(2, 512, batch=1, bptt=2), repeats=5)
    write_json(tmp_path / "speed.json", {"rows": rows})
    parts = settle("P18", ENTRIES["P18"], results).parts
    parts += settle("P2", ENTRIES["P2"], results).parts[:1]
    assert NOT_RUN not in [part.verdict for part in parts]
    assert parts[0].estimate == pytest.approx(4, rel=0.1)
