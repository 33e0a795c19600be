"""Every verdict of every claim, each reached from made-up results, and of one scale alone."""

import copy
import itertools
import math
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from analysis.claims import verdicts
from analysis.claims.evidence import FIGURES, Figure
from analysis.claims.verdicts import (
    DESCRIBED,
    INCONCLUSIVE,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
    VERDICTS,
    judged,
    possible,
    settle,
)
from analysis.results.reader import NotRunError, Results
from pipeline.config.params import PARAMS_FILES, load
from pipeline.lm.io.files import write_json
from pipeline.lm.sources import family
from tests.conftest import ROOT, card, write_rows

CONFIG = load(ROOT / PARAMS_FILES["full"])
ENTRIES = OmegaConf.to_container(OmegaConf.load(ROOT / verdicts.CLAIMS))
assert isinstance(ENTRIES, dict)
FAMILIES = {"held-out": "ngram", "ngram": "ngram", "kenlm": "kenlm"}
"""Where results of a kind of source are, beside those of networks."""
SEEDS = (1, 2, 3)


@pytest.fixture
def results(tmp_path) -> Results:
    """No results yet, in a folder of their own."""
    config = copy.deepcopy(CONFIG)
    config.paths.results = str(tmp_path)
    config.measure.resamples = 100
    return Results.of(config)


def place(folder: Path, run: str, source: str) -> Path:
    """Where results of a source of text are."""
    kind = FAMILIES.get(family(source))
    return folder / "baselines" / run / kind if kind else folder / run


def structure(folder: Path, rates: dict[tuple[str, str, str], float]) -> None:
    """Tables of structure in which each run, source and metric has the rate given."""
    rows: dict[Path, list[dict]] = {}
    for (run, source, metric), rate in rates.items():
        rows.setdefault(place(folder, run, source), []).extend(
            {"source": source, "window": w, "metric": metric, "exposure": 100,
             "unit": "share" if rate <= 1 else "per 1,000 characters",
             "events": 100 * rate * (1 + (w % 3 - 1) / 50)}
            for w in range(30)
        )  # fmt: skip
    for run_folder, table in rows.items():
        write_rows(run_folder / "structure.tsv", table)


def inside(part: dict) -> float:
    """A figure that the part's unit allows and its rule too."""
    low, high = _rule(part)
    if math.isfinite(low) and math.isfinite(high):
        return (low + high) / 2
    return low + 1 if math.isfinite(low) else high - 1


def outside(part: dict) -> float:
    """A figure that the part's unit allows and its rule does not: there has to be one."""
    least, most = possible(part["unit"])
    low, high = _rule(part)
    assert least < low or high < most, f"no figure in {part['unit']} can fail {part['rule']}"
    if high < most:
        return (high + most) / 2 if math.isfinite(most) else high + 1
    return (least + low) / 2 if math.isfinite(least) else low - 1


def _rule(part: dict) -> tuple[float, float]:
    least, most = possible(part["unit"])
    return max(least, part["rule"].get("from", least)), min(most, part["rule"].get("to", most))


FOUND = {
    REPRODUCED: lambda part: Figure.exact(inside(part)),
    NOT_REPRODUCED: lambda part: Figure.exact(outside(part)),
    INCONCLUSIVE: lambda part: Figure(inside(part), -1e9, 1e9),
}


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("name", list(ENTRIES))
def test_each_part_of_each_claim_can_come_out_each_way(name, verdict, monkeypatch):
    """By its unit: a share cannot be below 0, so a rule of at least 0 would be none."""
    for part in ENTRIES[name]["parts"]:

        def measured(*_: object, part: dict = part, **__: object) -> Figure:
            if verdict == NOT_RUN:
                raise NotRunError("waits")
            return FOUND[verdict](part) if "rule" in part else Figure.exact(0.0)

        monkeypatch.setitem(FIGURES, part["figure"], measured)
        (settled,) = settle(name, {**ENTRIES[name], "parts": [part]}, Results.of(CONFIG)).parts
        assert settled.verdict == (verdict if "rule" in part or verdict == NOT_RUN else DESCRIBED)
    assert any("rule" in part for part in ENTRIES[name]["parts"])


@pytest.mark.parametrize("name", list(ENTRIES))
def test_nothing_seen_on_either_side_reproduces_no_difference(name, monkeypatch):
    """A border of 0 is itself outside: neither nothing at all, nor what may be nothing."""
    for part in ENTRIES[name]["parts"]:
        if 0 in part.get("rule", {}).values():
            assert judged(Figure.exact(0.0), part["rule"]) == NOT_REPRODUCED
            for bounds in ((0.0, 0.1), (-0.1, 0.0), (-0.1, 0.1)):
                assert judged(Figure(0.0, *bounds), part["rule"]) != REPRODUCED


T1 = "temperature:1"
MADE_UP: dict[str, dict[tuple[str, str, str], tuple[float, float]]] = {
    "P5": {
        ("shakespeare", T1, "valid headings"): (0.97, 0.5),
        ("shakespeare", T1, "real speakers"): (0.8, 0.8),
    },
    "P6": {
        ("wikipedia", T1, "]] closed rightly"): (0.97, 0.97),
        ("wikipedia", T1, "}} closed rightly"): (0.97, 0.97),
        ("wikipedia", T1, ") closed rightly"): (0.97, 0.97),
        ("wikipedia", T1, "tags nested rightly"): (0.9, 0.2),
    },
    "P7": {
        ("wikipedia", T1, "new URLs"): (0.9, 0.9),
        ("wikipedia", T1, "new timestamps"): (0.9, 0.9),
        ("wikipedia", T1, "new ids"): (0.9, 0.9),
        ("wikipedia", T1, "valid timestamps"): (0.97, 0.5),
    },
    "P8": {
        ("latex", T1, "block compiles"): (0.8, 0.8),
        ("latex", T1, "environment mismatch"): (0.4, 0.4),
        ("latex", T1, "environment unclosed"): (0.4, 0.4),
        ("latex", T1, "environment violation"): (0.8, 0.8),
        ("latex-small", T1, "environment violation"): (1.6, 0.4),
    },
    "P9": {
        ("linux-kjf", T1, "gcc clean"): (0.8, 0.8),
        ("linux-kjf", T1, "gcc syntax"): (1.0, 4.0),
        ("linux-kjf", T1, "bracket violation"): (0.02, 0.02),
        ("linux-kjf", T1, "quote or comment violation"): (0.1, 0.1),
        ("linux-kjf", T1, "indentation right"): (0.97, 0.97),
    },
    "P10": {
        ("linux-kjf", T1, "undeclared ctx"): (3.0, 3.0),
        ("linux-kjf", T1, "gcc syntax"): (1.0, 1.0),
        ("linux-kjf", T1, "gcc unused variable"): (1.0, 0.1),
        ("linux-kjf", T1, "void returns value"): (0.3, 0.3),
        ("linux-kjf", T1, "missing return"): (0.3, 0.3),
        ("linux-kjf", "held-out", "gcc syntax"): (0.1, 0.1),
        ("linux-kjf", "held-out", "undeclared ctx"): (0.1, 0.1),
        ("linux-kjf", "held-out", "gcc unused variable"): (0.5, 0.5),
    },
    "P11": {
        ("linux-kjf", T1, "comment"): (0.09, 0.02),
        ("linux-kjf", T1, "header recital"): (400, 400),
    },
    "P12": {
        ("names", T1, "novel"): (0.9, 0.6),
        ("names", T1, "novel, unique"): (0.99, 0.99),
        ("names", T1, "novel, whole list"): (0.8, 0.8),
        ("names", "held-out", "natural novelty"): (0.9, 0.9),
    },
    "G1": {
        ("shakespeare", T1, "told from real text, AUC"): (0.8, 0.8),
        ("shakespeare", "ngram:10", "told from real text, AUC"): (0.8, 0.9),
        ("shakespeare", "ngram:7", "told from real text, AUC"): (0.85, 0.85),
        ("shakespeare", "ngram:4", "told from real text, AUC"): (0.87, 0.87),
        ("shakespeare", "ngram:2", "told from real text, AUC"): (0.99, 0.99),
        ("shakespeare", "ngram:10", "copied at 50"): (0.1, 0.1),
    },
    "G2": {
        ("linux-kjf", "ngram:10", "gcc clean"): (0.1, 0.1),
        ("linux-kjf", "ngram:15", "gcc clean"): (0.2, 0.2),
        ("linux-kjf", "ngram:20", "gcc clean"): (0.3, 0.3),
        ("linux-kjf", "ngram:10", "undeclared hdr"): (12, 12),
        ("linux-kjf", "ngram:15", "undeclared hdr"): (11, 14),
        ("linux-kjf", "ngram:20", "undeclared hdr"): (10, 10),
        ("linux-kjf", T1, "gcc clean"): (0.5, 0.5),
    },
    "G4": {
        ("shakespeare", T1, "copied at 50"): (0.01, 0.5),
        ("shakespeare", "ngram:10", "copied at 50"): (0.1, 0.1),
        ("shakespeare", "ngram:20", "copied at 50"): (0.9, 0.9),
    },
}
"""By claim the rates of run, source and metric from which it holds, and from which it does not."""


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("name", list(MADE_UP))
def test_verdicts_follow_from_tables_of_structure(name, place, results, tmp_path):
    rates = {key: pair[place] for key, pair in MADE_UP[name].items()}
    for run, _, metric in MADE_UP[name]:
        rates.setdefault((run, "held-out", metric), 0.1)
    structure(tmp_path, rates)
    settled = settle(name, ENTRIES[name], results)
    assert settled.verdict == (REPRODUCED, NOT_REPRODUCED)[place]
    assert sum(part.verdict == NOT_REPRODUCED for part in settled.parts) == place


@pytest.mark.parametrize("verdict", [REPRODUCED, NOT_REPRODUCED])
@pytest.mark.parametrize("name", ["P2", "P16", "P17", "V3"])
def test_verdicts_follow_from_sweeps(name, verdict, results, tmp_path):
    """Runs with the gain that a claim expects, or its opposite."""
    sign = 1 if verdict == REPRODUCED else -1

    def window(bptt: int, epochs: int, carried: bool = True) -> dict:
        return {"train.bptt": bptt, "train.epochs": epochs, "train.carry_state": carried,
                "steps": 1000 * epochs // bptt}  # fmt: skip

    windows = [
        (window(100, 20), 0.0), (window(50, 20), 0.0 if sign > 0 else -0.1),
        (window(50, 10), 0.0 if sign > 0 else -0.1), (window(25, 20), 0.1),
        (window(25, 20, False), 0.1 - 0.1 * sign), (window(10, 20), 0.0), (window(10, 2), 0.0),
    ]  # fmt: skip
    gains: dict[str, list[tuple[dict, float]]] = {
        "P16": [({"model.layers": n}, 0.1 * n * sign) for n in (1, 2, 3)],
        "P17": [
            ({"model.cell": "lstm", "model.hidden": 256, "parameters": 1000}, 0.1 * sign),
            ({"model.cell": "rnn", "model.hidden": 256, "parameters": 250}, 0.0),
            ({"model.cell": "rnn", "model.hidden": 517, "parameters": 1001}, 0.0),
            ({"model.cell": "gru", "model.hidden": 297, "parameters": 1002}, 0.0),
        ],
        "P2": windows,
        "V3": windows,
    }
    runs, scores = [], []
    for (settings, gain), seed in itertools.product(gains[name], SEEDS):
        digest = f"d{len(runs)}"
        runs.append({"parameters": 1, "steps": 1, "seconds": 1, **settings, "digest": digest,
                     "seed": seed, "symbols_per_step": 1, "device": "CPU",
                     "precision": "float32"})  # fmt: skip
        scores.append({"digest": digest, "window": 0, "symbols": 1, "nats": 2 - gain + seed / 1e4})
    folder = tmp_path / "sweeps" / ENTRIES[name]["runs"][-1]
    write_rows(folder / "runs.tsv", runs)
    write_rows(folder / "scores.tsv", scores)
    write_rows(tmp_path / "delayed_copy.tsv", [
        {"lag": lag, "window": 20, "carried": True, "seed": seed, "error": error, "guessing": 0.25}
        for lag, error in ((5, 0.01), (15, 0.02), (40, 0.2), (80, 0.25))
        for seed in SEEDS
    ])  # fmt: skip
    speeds = [
        {"network": "2x512", "variant": variant, "times": [t * (1 + k / 100) for k in range(5)]}
        for variant, t in (("ours", 1.0), ("ours, bptt/2", 0.5))
    ]
    write_json(tmp_path / "speed.json", {"rows": speeds})
    assert settle(name, ENTRIES[name], results).verdict == verdict


@pytest.mark.parametrize("verdict", [REPRODUCED, NOT_REPRODUCED])
def test_p21_follows_from_canaries_and_scores(verdict, results, tmp_path):
    learnt = verdict == REPRODUCED
    write_rows(tmp_path / "canaries.tsv", [
        {"model": model, "times": times, "canary": k, "right": 20,
         "recited": int(times >= (4 if model == "network" and learnt else 32))}
        for model in ("network", "ngram:4", "ngram:10")
        for times in (0, 1, 2, 4, 8, 16, 32, 64)
        for k in range(8)
    ])  # fmt: skip
    write_rows(tmp_path / "paulgraham/scores.tsv", [
        {"source": "network", "part": part, "window": w, "symbols": 100, "impossible": 0,
         "unseen": 0, "nats": nats + w % 2}
        for part, nats in (("test", 150), ("train", 120 if learnt else 149))
        for w in range(20)
    ])  # fmt: skip
    structure(
        tmp_path,
        {("linux-kjf", T1, "copied at 50"): 0.1, ("linux-kjf", "held-out", "copied at 50"): 0.1},
    )
    settled = settle("P21", ENTRIES["P21"], results)
    assert settled.verdict == verdict
    assert settled.parts[2].estimate == (4 if learnt else 32)
    table = pd.read_csv(tmp_path / "paulgraham/scores.tsv", sep="\t")
    write_rows(tmp_path / "paulgraham/scores.tsv", table.drop(columns="part").to_dict("records"))
    assert settle("P21", ENTRIES["P21"], results).parts[1].verdict == NOT_RUN


@pytest.mark.parametrize("verdict", [REPRODUCED, NOT_REPRODUCED])
def test_k2_follows_from_scores_and_sizes(verdict, results, tmp_path):
    bits = {
        "warpeace": {"network": 1.5, "kenlm:8": 1.7, "kenlm:11": 1.7},
        "linux-kjf": {"network": 1.2, "kenlm:8": 1.5, "kenlm:11": 1.4, "kenlm:20": 1.3},
    }
    for run, models in bits.items():
        for source, nats in models.items():
            rows = [
                {"source": source, "part": part, "window": w, "symbols": 10, "impossible": 0,
                 "unseen": 0, "nats": 10 * nats + w % 2}
                for part in ("test", "val") for w in range(20)
            ]  # fmt: skip
            folder = place(tmp_path, run, source)
            known = pd.read_csv(folder / "scores.tsv", sep="\t").to_dict("records") if (
                folder / "scores.tsv").exists() else []  # fmt: skip
            write_rows(folder / "scores.tsv", [*known, *rows])
    about = card(CONFIG.experiments.warpeace) | {"parameters": 5e6}
    write_json(tmp_path / "warpeace/train.json", about)
    stored = 5_000_000 * (10 if verdict == REPRODUCED else 1)
    write_rows(tmp_path / "baselines/warpeace/kenlm/sizes.tsv", [
        {"model": f"kenlm:{n}", "ngrams": stored, "bytes": 1} for n in (8, 11, 20)
    ])  # fmt: skip
    settled = settle("K2", ENTRIES["K2"], results)
    assert settled.verdict == verdict
    assert settled.parts[-1].estimate == pytest.approx(5e6 / stored)
    assert settled.parts[-1].note.startswith("kenlm:")


@pytest.mark.parametrize(("cpu", "verdict"), [(10.0, REPRODUCED), (2.0, NOT_REPRODUCED)])
def test_p19_follows_from_the_benchmark(cpu, verdict, results, tmp_path):
    rows = [
        {"network": "2x512", "variant": variant, "times": [time * (1 + k / 100) for k in range(5)]}
        for variant, time in (("ours", cpu), ("ours, cuda", 1.0))
    ]
    write_json(tmp_path / "speed.json", {"rows": rows})
    assert settle("P19", ENTRIES["P19"], results).verdict == verdict


@pytest.mark.parametrize("verdict", [REPRODUCED, NOT_REPRODUCED])
@pytest.mark.parametrize("name", ["V5", "V6"])
def test_verdicts_follow_from_the_course(name, verdict, results, tmp_path):
    rows = []
    for part in ENTRIES[name]["parts"]:
        value = FOUND[verdict](part).estimate
        names = {key: part["with"][key] for key in ("experiment", "metric", "setting")}
        for seed in SEEDS:
            row = {**names, "claim": name, "seed": seed, "at": 1, "floor": 0.5}
            rows.append({**row, "value": value + seed / 1e9})
            if less := part["with"].get("less"):
                rows.append({**row, "setting": less, "value": 0.0})
    write_rows(tmp_path / "course/some.tsv", rows)
    assert settle(name, ENTRIES[name], results).verdict == verdict


def test_one_sample_that_loops_settles_nothing(results, tmp_path):
    def loops(streams: int) -> None:
        write_rows(tmp_path / "paulgraham/loops.tsv", [
            {"source": source, "stream": s, "symbols": 900, "start": 100, "period": period}
            for source, period in (("temperature:0", 22), ("held-out", 0))
            for s in range(streams)
        ])  # fmt: skip

    loops(1)
    (part,) = settle("P4", ENTRIES["P4"], results).parts
    assert part.verdict == NOT_RUN and "needs 10 samples of temperature:0" in part.reason
    loops(20)
    (part,) = settle("P4", ENTRIES["P4"], results).parts
    assert part.verdict == REPRODUCED and part.estimate == 1 and part.floor == 0
    assert part.low is not None and 0.8 < part.low < 1


@pytest.mark.parametrize("name", ["P1", "P5", "P15"])
def test_results_of_the_laptop_settle_nothing_at_full_scale(name, results, tmp_path):
    run = ENTRIES[name]["runs"][0]
    structure(tmp_path, {(run, T1, "valid headings"): 0.97, (run, T1, "real speakers"): 0.9,
                         (run, "held-out", "valid headings"): 1.0,
                         (run, "held-out", "real speakers"): 0.5})  # fmt: skip
    rows = [
        {
            "source": "network",
            "class": symbols,
            "window": w,
            "least": 0.5,
            "symbols": 100,
            "probability": p,
        }
        for symbols, p in (("www", 90), ("after a space", 30))
        for w in range(20)
    ]
    write_rows(tmp_path / run / "confidence.tsv", rows)
    for scale, expected in (("full", REPRODUCED), ("laptop", NOT_RUN)):
        experiment = load(ROOT / PARAMS_FILES[scale]).experiments[run]
        write_json(tmp_path / run / "train.json", card(experiment))
        settled = settle(name, ENTRIES[name], results)
        assert settled.verdict == expected
        if expected == NOT_RUN:
            assert all("tells of other settings" in part.reason for part in settled.parts)


WHAT_IT_MEANS = "it is reproduced if the 95 % interval does, not reproduced if"
"""The words of the index on verdicts: no verdict."""


def test_no_verdict_is_typed_in():
    templates = [
        *(ROOT / "analysis/report/templates").glob("*.html"),
        ROOT / "analysis/report/templates/summary.md",
    ]
    assert len(templates) > 10
    for path in templates:
        words = path.read_text().replace(WHAT_IT_MEANS, "")
        assert "reproduced" not in words, path
    for path in (ROOT / "analysis").rglob("*.py"):
        if path.name != "verdicts.py":
            assert '"reproduced"' not in path.read_text(), path


def test_networks_are_told_with_the_verdict(results: Results, tmp_path: Path) -> None:
    """Size, symbols read, seeds and machines, of an experiment and of a sweep; none before."""
    assert settle("P5", ENTRIES["P5"], results).networks == []
    about = {"steps": 6000, "symbols_per_step": 10_000,
             "machines": {"EPYC, bfloat16": 0.75, "Xeon, float32": 0.25}}  # fmt: skip
    path = tmp_path / "shakespeare" / "train.json"
    write_json(path, card(CONFIG.experiments.shakespeare) | about)
    assert settle("P5", ENTRIES["P5"], results).networks == [
        "shakespeare: LSTM 3x512; 60.0 million training symbols; 1 seed; "
        "EPYC, bfloat16 (75% of the steps); Xeon, float32 (25% of the steps)"
    ]
    runs = [
        {"digest": f"{layers}-{seed}", "model.layers": layers, "seed": seed, "steps": 1000 * layers,
         "symbols_per_step": 5000, "device": "EPYC, 1 threads", "precision": "bfloat16"}
        for layers, seed in itertools.product((1, 2), SEEDS)
    ]  # fmt: skip
    write_rows(tmp_path / "sweeps/layers/runs.tsv", runs)
    scores = [{"digest": run["digest"], "window": 0, "nats": 1.0, "symbols": 1} for run in runs]
    write_rows(tmp_path / "sweeps/layers/scores.tsv", scores)
    assert settle("P16", ENTRIES["P16"], results).networks == [
        "layers: 6 networks; 5.0 to 10.0 million training symbols each; 3 seeds; "
        "EPYC, 1 threads, bfloat16"
    ]
