"""Verdicts: each reachable, none typed in."""

import copy
import inspect
import math
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from analysis.claims import verdicts
from analysis.claims.__main__ import lines
from analysis.claims.evidence import FIGURES, Figure
from analysis.claims.reference import printed_rows
from analysis.claims.verdicts import (
    INCONCLUSIVE,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
    judged,
    settle,
    together,
)
from analysis.results.reader import Results
from pipeline.config.params import PARAMS_FILES, load
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import write_json
from tests.conftest import ROOT, card, write_rows


@pytest.fixture
def results(tmp_path) -> Results:
    """No results at all, in a folder of their own."""
    config = copy.deepcopy(CONFIG)
    config.paths.results = str(tmp_path)
    config.measure.resamples = 200
    return Results.of(config)


NGRAMS = [*(f"ngram:{n}" for n in (4, 10, 15, 20)), "kenlm:20"]
STAGES = {"speed", "gradients", "memory_tasks", "course", "canaries", "delayed_copy"}
"""What claims wait for besides experiments and sweeps."""
VERDICTS = {REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE, NOT_RUN}
CONFIG = load(ROOT / PARAMS_FILES["full"])
ENTRIES = OmegaConf.to_container(OmegaConf.load(ROOT / verdicts.CLAIMS))
assert isinstance(ENTRIES, dict)


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure(0.9, 0.87, 0.93), REPRODUCED),
        (Figure(0.5, 0.4, 0.6), NOT_REPRODUCED),
        (Figure(0.9, 0.8, 0.93), INCONCLUSIVE),
        (Figure(0.9, math.nan, math.nan), INCONCLUSIVE),
    ],
)
def test_a_verdict_follows_from_interval_and_rule(figure, verdict):
    assert judged(figure, {"from": 0.85, "to": 0.95}) == verdict


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ([REPRODUCED, REPRODUCED], REPRODUCED),
        ([REPRODUCED, INCONCLUSIVE], INCONCLUSIVE),
        ([INCONCLUSIVE, NOT_RUN], NOT_RUN),
        ([NOT_RUN, NOT_REPRODUCED], NOT_REPRODUCED),
    ],
)
def test_a_claim_holds_if_all_its_parts_do(parts, verdict):
    assert together(parts) == verdict


@pytest.mark.parametrize("name", list(ENTRIES))
def test_without_results_nothing_is_settled(name, results):
    verdict = settle(name, ENTRIES[name], results)
    assert verdict.verdict == NOT_RUN
    assert all(part.reason and part.estimate is None for part in verdict.parts)


@pytest.mark.parametrize("name", list(ENTRIES))
def test_entries_are_complete_and_hold_no_verdict(name):
    config, entry = CONFIG, ENTRIES[name]
    assert set(entry) - {"revised", "short"} == verdicts.FIELDS
    for revision in entry.get("revised", ()):
        assert set(revision) == verdicts.REVISION
        assert revision["verdict"] in VERDICTS
    assert set(entry["runs"]) <= {*config.experiments, *config.sweeps, *STAGES}
    for part in entry["parts"]:
        assert set(part) - {"floor", "floor_is", "rule", "origin"} == verdicts.PART_FIELDS
        assert "floor" in part or "floor_is" not in part
        assert "rule" in part or "origin" not in part
        for arguments in (part["with"], part.get("floor", part["with"])):
            inspect.signature(FIGURES[part["figure"]]).bind(None, **arguments)
        assert "rule" not in part or set(part["rule"]) in ({"from"}, {"to"}, {"from", "to"})
        assert not VERDICTS & set(map(str, part.values()))


def test_every_claim_of_the_sources_has_its_entry():
    known = {f"P{n}" for n in range(1, 26)} | {f"G{n}" for n in range(1, 5)}
    known |= {f"K{n}" for n in range(1, 6)} | {f"V{n}" for n in range(1, 14)}
    assert set(ENTRIES) == known


def structure(folder: Path, rates: dict[str, float], metric: str, windows: int = 40) -> None:
    """A made-up structure table: windows of 100, each source at one rate, a little spread."""
    rows = [
        {"source": source, "window": w, "metric": metric, "unit": "share", "exposure": 100,
         "events": 100 * rate + (w % 3 - 1)}
        for source, rate in rates.items()
        for w in range(windows)
    ]  # fmt: skip
    write_rows(folder / "structure.tsv", rows)


def test_a_revision_stands_with_its_verdict(results):
    settled = settle("P4", ENTRIES["P4"], results)
    (revision,) = settled.revised
    assert revision.verdict == NOT_REPRODUCED and "0.1" in revision.was
    assert "revised 2026-11-25: was: Share of samples at temperature 0.1" in lines(asdict(settled))
    with pytest.raises(InputError, match="revised of P4 needs"):
        settle("P4", {**ENTRIES["P4"], "revised": [{"date": "2026-11-25"}]}, results)


def test_another_variant_is_named_beside_the_verdict(results, tmp_path):
    manifest = {"source": {"variant": "excerpt-2016"}, "bytes": 6_100_000, "parts": {},
                "vocabulary": 1}  # fmt: skip
    write_json(tmp_path / "texts/wikipedia/manifest.json", manifest)
    settled = settle("P6", ENTRIES["P6"], results)
    assert settled.variant == "wikipedia: excerpt-2016, 6.1 MB"
    assert (
        lines(asdict(settled)).splitlines()[0]
        == "P6   not run (on wikipedia: excerpt-2016, 6.1 MB)"
    )
    write_json(
        tmp_path / "texts/wikipedia/manifest.json", manifest | {"source": {"variant": "enwik8"}}
    )
    assert settle("P6", ENTRIES["P6"], results).variant == ""
    write_json(tmp_path / "texts/shakespeare/manifest.json", manifest)
    assert settle("P5", ENTRIES["P5"], results).variant == "shakespeare: excerpt-2016, 6.1 MB"
    assert settle("P3", ENTRIES["P3"], results).variant == ""  # its rule is about another text


def test_a_run_beyond_the_budget_is_read_from_what_stands_in_for_it(results, tmp_path):
    structure(tmp_path / "linux-kjf", {"temperature:1": 0.7}, "gcc clean")
    structure(tmp_path / "baselines/linux-kjf/ngram", {"held-out": 0.9}, "gcc clean")
    manifest = {"source": {"variant": "linux-6.1"}, "bytes": 6_206_996, "parts": {},
                "vocabulary": 1}  # fmt: skip
    write_json(results.paths.facts("linux-kjf"), manifest)
    settled = settle("P9", ENTRIES["P9"], results)
    assert (settled.parts[0].estimate, settled.parts[0].floor) == pytest.approx(
        (0.7, 0.9), abs=0.01
    )
    assert settled.runs == ["linux-kjf"]
    assert settled.variant == "linux-kjf in place of linux: linux-6.1, 6.2 MB"
    row = {
        "window": 0,
        "metric": "gcc syntax",
        "unit": "per 1,000 characters",
        "events": 4,
        "exposure": 2,
    }
    structure(tmp_path / "linux-kjf", {"temperature:1": 0.05}, "gcc syntax")
    (tmp_path / "post").mkdir()
    pd.DataFrame([{"source": "the post", **row}]).to_csv(tmp_path / "post/linux.tsv", sep="\t")
    (printed,) = printed_rows(results)
    assert printed["title"] == results.config.corpora["linux-kjf"].title
    assert printed["ours"].estimate == pytest.approx(0.05, abs=0.01)
    results.config.budget.stands_in = {}
    settled = settle("P9", ENTRIES["P9"], results)
    assert (settled.verdict, settled.runs, settled.variant) == (NOT_RUN, ["linux"], "")


def test_no_bound_is_beyond_what_a_unit_allows(results, monkeypatch):
    monkeypatch.setitem(FIGURES, "course_mean", lambda *_, **__: Figure(0.98, 0.94, 1.03))
    part = settle("V5", ENTRIES["V5"], results).parts[-1]
    assert (part.low, part.high) == (0.94, 1.0)
    monkeypatch.setitem(FIGURES, "course_mean", lambda *_, **__: Figure(1.2, 0.9, 1.5))
    with pytest.raises(InputError, match=r"no figure in 'difference of shares' can be 1\.2"):
        settle("V5", ENTRIES["V5"], results)


@pytest.mark.parametrize(("sign", "verdict"), [(1, REPRODUCED), (-1, NOT_REPRODUCED)])
def test_p3_from_made_up_results(results, tmp_path, sign, verdict):
    temperatures = results.config.experiments.paulgraham.sample.temperatures
    rates = {f"temperature:{t:g}": 0.5 + sign * 0.1 * t for t in temperatures}
    for metric in ENTRIES["P3"]["parts"][0]["with"]["metrics"]:
        structure(tmp_path / "x", rates, metric)
        table = pd.read_csv(tmp_path / "x" / "structure.tsv", sep="\t")
        target = tmp_path / "paulgraham" / "structure.tsv"
        target.parent.mkdir(exist_ok=True)
        table.to_csv(target, sep="\t", index=False, mode="a", header=not target.exists())
    structure(tmp_path / "baselines/paulgraham/ngram", {"held-out": 0.1}, "non-words")
    assert settle("P3", ENTRIES["P3"], results).verdict == verdict


@pytest.mark.parametrize(("network", "verdict"), [(0.8, REPRODUCED), (0.1, NOT_REPRODUCED)])
def test_g3_from_made_up_results(results, tmp_path, network, verdict):
    for folder, sources, p in (
        (tmp_path / "linux-kjf", ["network"], network),
        (
            tmp_path / "baselines/linux-kjf/ngram",
            NGRAMS,
            0.4,
        ),
    ):
        rows = [
            {"source": source, "window": w, "closer": "}", "distance": 20, "n": 10,
             "probability": 10 * p + w % 2, "likeliest": 5, "typed": 5}
            for source in sources
            for w in range(30)
        ]  # fmt: skip
        write_rows(folder / "closing.tsv", rows)
    structure(tmp_path / "linux-kjf", {"temperature:1": 0.95}, "indentation right")
    structure(tmp_path / "baselines/linux-kjf/ngram", {"ngram:20": 0.8}, "indentation right")
    assert settle("G3", ENTRIES["G3"], results).verdict == verdict


def test_p1_counts_the_architecture_of_the_post(results, tmp_path):
    about = {"vocabulary": 96, "parameters": 0}
    write_json(tmp_path / "paulgraham" / "train.json", card(CONFIG.experiments.paulgraham) | about)
    settled = settle("P1", ENTRIES["P1"], results)
    assert settled.verdict == REPRODUCED
    assert settled.parts[0].estimate == settled.parts[0].low == pytest.approx(3.4, abs=0.1)


@pytest.mark.parametrize(("seeds", "verdict"), [(5, INCONCLUSIVE), (40, REPRODUCED)])
def test_that_all_seeds_agree_leaves_the_bound_of_so_many(results, tmp_path, seeds, verdict):
    """Five networks that tell every string (V10) might as well be of a kind that tells 40 %."""
    rows = [
        {"claim": "V10", "experiment": "counting", "setting": "LSTM", "seed": seed, "at": at,
         "metric": "told without an error", "value": 1.0, "floor": 0.0}
        for seed in range(seeds) for at in range(1, 11)
    ]  # fmt: skip
    path = tmp_path / "course/counting.tsv"
    write_rows(path, rows)
    part = settle("V10", ENTRIES["V10"], results).parts[0]
    assert part.verdict == verdict and part.low == pytest.approx(
        1 - min(1, 2.996 / seeds), abs=1e-3
    )
