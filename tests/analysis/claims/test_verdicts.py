"""Every verdict of every claim, each reached from made-up results, and of one scale alone."""

import copy
import itertools
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from analysis.claims import verdicts
from analysis.claims.evidence import FIGURES, Figure
from analysis.claims.verdicts import (
    INCONCLUSIVE,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
    VERDICTS,
    settle,
)
from analysis.results.reader import NotRunError, Results
from pipeline.config.params import PARAMS_FILES, load
from pipeline.lm.io.files import write_json
from tests.conftest import ROOT

CONFIG = load(ROOT / PARAMS_FILES["full"])
ENTRIES = OmegaConf.to_container(OmegaConf.load(ROOT / verdicts.CLAIMS))
assert isinstance(ENTRIES, dict)
BASELINES = ("held-out", "ngram", "kenlm")
SEEDS = (1, 2, 3)


@pytest.fixture
def results(tmp_path) -> Results:
    """No results yet, in a folder of their own."""
    config = copy.deepcopy(CONFIG)
    config.paths.results = str(tmp_path)
    config.measure.resamples = 100
    return Results.of(config)


def write_rows(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False)


def structure(folder: Path, rates: dict[tuple[str, str, str], float]) -> None:
    """Tables of structure in which each run, source and metric has the rate given."""
    rows: dict[Path, list[dict]] = {}
    for (run, source, metric), rate in rates.items():
        base = folder / "baselines" if source.startswith(BASELINES) else folder
        rows.setdefault(base / run, []).extend(
            {"source": source, "window": w, "metric": metric, "exposure": 100,
             "unit": "share" if rate <= 1 else "per 1,000 characters",
             "events": 100 * rate * (1 + (w % 3 - 1) / 50)}
            for w in range(30)
        )  # fmt: skip
    for run_folder, table in rows.items():
        write_rows(run_folder / "structure.tsv", table)


def inside(rule: dict[str, float]) -> float:
    return (rule.get("from", rule.get("to", 0) - 1) + rule.get("to", rule.get("from", 0) + 1)) / 2


FOUND = {
    REPRODUCED: lambda rule: Figure.exact(inside(rule)),
    NOT_REPRODUCED: lambda rule: Figure.exact(rule["to"] + 1 if "to" in rule else rule["from"] - 1),
    INCONCLUSIVE: lambda rule: Figure(inside(rule), -1e9, 1e9),
}


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("name", list(ENTRIES))
def test_each_verdict_of_each_claim_can_be_reached(name, verdict, monkeypatch):
    rules = itertools.chain.from_iterable(
        [part["rule"]] * (2 if "floor" in part else 1) for part in ENTRIES[name]["parts"]
    )

    def measured(*_: object, **__: object) -> Figure:
        if verdict == NOT_RUN:
            raise NotRunError("waits")
        return FOUND[verdict](next(rules))

    for part in ENTRIES[name]["parts"]:
        monkeypatch.setitem(FIGURES, part["figure"], measured)
    assert settle(name, ENTRIES[name], Results.of(CONFIG)).verdict == verdict


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
        ("linux", T1, "gcc clean"): (0.8, 0.8),
        ("linux", T1, "gcc syntax"): (1.0, 4.0),
        ("linux", T1, "bracket violation"): (0.02, 0.02),
        ("linux", T1, "quote or comment violation"): (0.1, 0.1),
        ("linux", T1, "indentation right"): (0.97, 0.97),
    },
    "P10": {
        ("linux", T1, "gcc undeclared"): (3.0, 3.0),
        ("linux", T1, "gcc syntax"): (1.0, 1.0),
        ("linux", T1, "gcc unused variable"): (1.0, 0.1),
        ("linux", T1, "void returns value"): (0.3, 0.3),
        ("linux", T1, "missing return"): (0.3, 0.3),
        ("linux", "held-out", "gcc syntax"): (0.1, 0.1),
        ("linux", "held-out", "gcc undeclared"): (0.1, 0.1),
        ("linux", "held-out", "gcc unused variable"): (0.5, 0.5),
    },
    "P11": {
        ("linux", T1, "comment"): (0.09, 0.02),
        ("linux", T1, "header recital"): (400, 400),
    },
    "P21": {
        ("linux", T1, "copied at 50"): (0.5, 0.01),
    },
    "G1": {
        ("shakespeare", T1, "non-words"): (0.05, 0.05),
        ("shakespeare", "ngram:10", "non-words"): (0.01, 0.01),
        ("shakespeare", "ngram:7", "non-words"): (0.06, 0.06),
        ("shakespeare", "ngram:4", "non-words"): (0.1, 0.3),
        ("shakespeare", T1, "valid headings"): (0.9, 0.9),
        ("shakespeare", "ngram:10", "valid headings"): (0.97, 0.97),
    },
    "G2": {
        ("linux", "ngram:10", "gcc clean"): (0.1, 0.1),
        ("linux", "ngram:15", "gcc clean"): (0.2, 0.2),
        ("linux", "ngram:20", "gcc clean"): (0.3, 0.3),
        ("linux", "ngram:10", "undeclared hdr"): (12, 12),
        ("linux", "ngram:15", "undeclared hdr"): (11, 14),
        ("linux", "ngram:20", "undeclared hdr"): (10, 10),
        ("linux", T1, "gcc clean"): (0.5, 0.5),
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
@pytest.mark.parametrize("name", ["P16", "V3"])
def test_verdicts_follow_from_sweeps(name, verdict, results, tmp_path):
    sign = 1 if verdict == REPRODUCED else -1
    gains: dict[str, list[tuple[dict, float]]] = {
        "P16": [({"model.layers": n}, -0.1 * n) for n in (1, 2, 3)],
        "V3": [
            ({"train.bptt": n, "train.carry_state": carried}, 0.1 * (not carried) - n / 1000)
            for n in (10, 25, 50, 100)
            for carried in (True, False)
        ],
    }
    runs, scores = [], []
    for (settings, gain), seed in itertools.product(gains[name], SEEDS):
        digest = f"d{len(runs)}"
        runs.append({"digest": digest, **settings, "seed": seed, "steps": 1, "seconds": 1})
        scores.append(
            {"digest": digest, "window": 0, "symbols": 1, "nats": 2 + sign * gain + seed / 1e4}
        )
    folder = tmp_path / "sweeps" / ENTRIES[name]["runs"][0]
    write_rows(folder / "runs.tsv", runs)
    write_rows(folder / "scores.tsv", scores)
    assert settle(name, ENTRIES[name], results).verdict == verdict


@pytest.mark.parametrize("verdict", [REPRODUCED, NOT_REPRODUCED])
def test_k2_follows_from_scores_and_sizes(verdict, results, tmp_path):
    bits = {
        "warpeace": {"network": 1.5, "kenlm:8": 1.7, "kenlm:11": 1.7},
        "linux": {"network": 1.2, "kenlm:8": 1.5, "kenlm:11": 1.4, "kenlm:20": 1.3},
    }
    for run, models in bits.items():
        for source, nats in models.items():
            rows = [{"source": source, "window": w, "symbols": 10, "impossible": 0, "unseen": 0,
                     "nats": 10 * nats + w % 2} for w in range(20)]  # fmt: skip
            folder = tmp_path / ("" if source == "network" else "baselines") / run
            known = pd.read_csv(folder / "scores.tsv", sep="\t").to_dict("records") if (
                folder / "scores.tsv").exists() else []  # fmt: skip
            write_rows(folder / "scores.tsv", [*known, *rows])
    write_json(tmp_path / "warpeace/train.json", {"experiment": {}, "parameters": 5e6})
    size = 20e6 * (10 if verdict == REPRODUCED else 1)
    models = [{"model": "kenlm:20", "bytes": size}]
    write_json(tmp_path / "baselines/warpeace/baseline.json", {"data_sha256": "", "models": models})
    settled = settle("K2", ENTRIES["K2"], results)
    assert settled.verdict == verdict
    assert settled.parts[-1].estimate == pytest.approx(20e6 / size)


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
        value = FOUND[verdict](part["rule"]).estimate
        names = {key: part["with"][key] for key in ("experiment", "metric", "setting")}
        for seed in SEEDS:
            row = {**names, "claim": name, "seed": seed, "step": 1, "floor": 0.5}
            rows.append({**row, "value": value + seed / 1e9})
            if less := part["with"].get("less"):
                rows.append({**row, "setting": less, "value": 0.0})
    write_rows(tmp_path / "course.tsv", rows)
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
        experiment = OmegaConf.to_container(load(ROOT / PARAMS_FILES[scale]).experiments[run])
        write_json(
            tmp_path / run / "train.json",
            {"experiment": experiment, "parameters": 1, "vocabulary": 96},
        )
        settled = settle(name, ENTRIES[name], results)
        assert settled.verdict == expected
        if expected == NOT_RUN:
            assert all("tells of other settings" in part.reason for part in settled.parts)


def test_no_verdict_is_typed_in():
    templates = [
        *(ROOT / "analysis/report/templates").glob("*.html"),
        ROOT / "analysis/report/templates/summary.md",
    ]
    assert len(templates) > 10
    for path in templates:
        words = path.read_text().replace("A claim is reproduced if all", "")
        assert "reproduced" not in words, path
    for path in (ROOT / "analysis").rglob("*.py"):
        if path.name != "verdicts.py":
            assert '"reproduced"' not in path.read_text(), path
