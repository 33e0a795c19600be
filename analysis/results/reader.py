"""Result files as tables, and tables as figures with intervals: the only reader of results/."""

from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from analysis.statistics import Interval, paired_difference, ratio_interval
from analysis.structure.events import SHARE
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.settings import Experiment, Measure, agree
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_json
from pipeline.lm.io.tables import read_table
from pipeline.lm.sources import of_network, temperature_source

COMPARED = temperature_source(1.0)
"""The samples of a network that are compared with other sources."""
DECISIVE = ("corpus", "model", "train")
"""Settings of an experiment without which its results would be others."""


NEEDED = {
    "scores.tsv": ("nats", "symbols"),
    "closing.tsv": ("closer", "distance", "n", "probability"),
    "structure.tsv": ("metric", "events", "exposure", "unit"),
    "incidence.tsv": ("closer", "distance", "at_risk"),
    "history.tsv": ("epoch", "train_bits", "validation_bits"),
    "gates.tsv": ("gate", "left", "right"),
    "errors.tsv": ("kind", "errors", "near"),
    "loops.tsv": ("stream", "start", "period"),
    "evolution.tsv": ("metric", "events", "exposure", "unit"),
    "comparisons.tsv": ("other", "ratio", "p_holm"),
    "precision.tsv": ("half_width", "phi", "text"),
    "confidence.tsv": ("class", "least", "probability"),
    "gradients.tsv": ("cell", "distance", "norm"),
    "memory_tasks.tsv": ("task", "error", "guessing"),
    "runs.tsv": ("digest",),
    "train.json": ("experiment", "parameters"),
    "baseline.json": ("data_sha256", "models"),
    "excerpts.json": ("beginnings", "passages"),
    "manifest.json": ("source", "parts", "vocabulary"),
    "cells.json": ("shares", "settings", "best"),
    "speed.json": ("rows",),
}
"""Columns or keys that readers take for granted: a file without one of them is another file."""


class NotRunError(Exception):
    """A result is not there; the message names the run that would make it."""


@dataclass(frozen=True)
class Results:
    """The results of one scale."""

    config: DictConfig
    paths: Paths
    settings: Measure

    @classmethod
    def of(cls, config: DictConfig) -> "Results":
        """From a composed configuration."""
        return cls(config, Paths.of(config), params.measure(config))

    def _experiment(self, run: str) -> Experiment:
        """The settings of a run; NotRunError if the configuration has none of this name."""
        if run not in self.config.experiments:
            raise NotRunError(f"waits for an experiment {run}")
        return params.experiment(self.config, run)

    def _folder(self, run: str) -> Path:
        """The results of a run; NotRunError if it was made with other settings than the
        configuration's, as at another scale."""
        folder = self.paths.run_results(run)
        card = folder / "train.json"
        made = read_json(card).get("experiment", {}) if card.exists() else {}
        wanted = asdict(self._experiment(run))
        if not all(agree(made[part], wanted[part]) for part in DECISIVE if part in made):
            raise NotRunError(f"waits for {run}: {card} tells of other settings")
        return folder

    def corpus_of(self, run: str) -> str:
        """The corpus of a run."""
        return self._experiment(run).corpus

    def training(self, run: str) -> dict[str, Any]:
        """train.json of a run."""
        return _json(self._folder(run) / "train.json", run)

    def baseline(self, corpus: str) -> dict[str, Any]:
        """baseline.json of a corpus."""
        return _json(self.paths.baseline_results(corpus) / "baseline.json", f"baseline of {corpus}")

    def manifest(self, corpus: str) -> dict[str, Any]:
        """The manifest of a prepared corpus."""
        return _json(self.paths.facts(corpus), f"preprocess of {corpus}")

    def excerpts(self, run: str) -> dict[str, Any]:
        """What pages quote of a run, its corpus's n-grams and held-out text: see
        `analysis.measure.excerpts`."""
        found = self.baseline_excerpts(self.corpus_of(run))
        own = _json(self._folder(run) / "excerpts.json", f"excerpts of {run}", "loop")
        return own | {name: found[name] | own[name] for name in ("beginnings", "passages")}

    def baseline_excerpts(self, corpus: str) -> dict[str, Any]:
        """excerpts.json of a corpus's n-grams and held-out text."""
        folder = self.paths.baseline_results(corpus)
        return _json(folder / "excerpts.json", f"excerpts of the baseline of {corpus}", "following")

    def history(self, run: str) -> pd.DataFrame:
        """Validation and training cross-entropy over a training, one row an evaluation."""
        return _table(self._folder(run) / "history.tsv", run)

    def own_table(self, run: str, name: str) -> pd.DataFrame:
        """`gates`, `errors`, `loops`, `evolution`, `comparisons` or `precision` of a run."""
        return _table(self._folder(run) / f"{name}.tsv", f"{name} of {run}")

    def common_table(self, name: str) -> pd.DataFrame:
        """`gradients` or `memory_tasks`, which belong to no run."""
        return _table(self.paths.results / f"{name}.tsv", name)

    def cells(self, run: str) -> dict[str, Any]:
        """cells.json of a run."""
        return _json(self._folder(run) / "cells.json", f"cells of {run}")

    def speed(self) -> dict[str, Any]:
        """speed.json: what benchmarks/training.py measured."""
        return _json(self.paths.results / "speed.json", "speed")

    def sweep(self, name: str, *settings: str) -> pd.DataFrame:
        """The runs of a sweep: the settings that vary, parameters; of the test part its symbols,
        nats, and bits, the cross-entropy in bits per symbol. NotRunError if one of `settings` does
        not vary in it."""
        folder = self.paths.sweep_results(name)
        runs, scores = (
            _table(folder / file, f"sweep {name}") for file in ("runs.tsv", "scores.tsv")
        )
        if missing := [key for key in settings if key not in runs]:
            raise NotRunError(f"waits for a sweep {name} over {', '.join(missing)}")
        sums = scores.groupby("digest")[["nats", "symbols"]].sum()
        sums["bits"] = sums["nats"] / sums["symbols"] / np.log(2)
        return runs.merge(sums, left_on="digest", right_index=True)

    def gradients(self) -> dict[str, Any]:
        """gradients.json: the networks whose gradients were measured."""
        return _json(self.paths.results / "gradients.json", "gradients")

    def table(self, run: str, name: str) -> pd.DataFrame:
        """`scores`, `closing`, `structure` or `incidence` of a run, with those of its corpus's
        n-grams and held-out text: column `source` tells them apart."""
        corpus = self.corpus_of(run)
        own = _table(self._folder(run) / f"{name}.tsv", run)
        baseline = self.paths.baseline_results(corpus) / f"{name}.tsv"
        return pd.concat([own, _table(baseline, f"baseline of {corpus}")], ignore_index=True)

    def _rows(self, run: str, name: str, source: str) -> pd.DataFrame:
        """What `table` has of one source; n-grams and held-out text wait for no network."""
        if of_network(source):
            table = _table(self._folder(run) / f"{name}.tsv", run)
        else:
            corpus = self.corpus_of(run)
            folder = self.paths.baseline_results(corpus)
            table = _table(folder / f"{name}.tsv", f"baseline of {corpus}")
        rows = table[table["source"] == source]
        if rows.empty:
            raise NotRunError(f"{run}: nothing measured of {source}")
        return rows

    def bootstrap(self) -> dict[str, Any]:
        """How intervals are computed: the arguments of `analysis.statistics`."""
        return {
            "resamples": self.settings.resamples,
            "seed": self.settings.seed,
            "level": self.settings.level,
        }

    def scored(self, run: str) -> list[str]:
        """The network of a run and its corpus's n-grams, as far as the test part was scored."""
        found: list[str] = []
        with suppress(NotRunError):
            found += _scored(self._folder(run), run)
        with suppress(NotRunError):
            found += _scored(self.paths.baseline_results(self.corpus_of(run)), run)
        return found

    def bits(self, run: str, source: str) -> Interval:
        """Test cross-entropy of a model in bits per symbol; infinite if a symbol was impossible."""
        rows = self._rows(run, "scores", source)
        if rows["impossible"].sum():
            return Interval(np.inf, np.inf, np.inf, len(rows))
        return ratio_interval(rows["nats"] / np.log(2), rows["symbols"], **self.bootstrap())

    def bits_difference(self, run: str, source: str, other: str) -> Interval:
        """Difference in test bits per symbol of two models of one text, paired by window."""
        a, b = (self._rows(run, "scores", name).set_index("window") for name in (source, other))
        nats = _side_by_side(a[["nats"]], b[["nats", "symbols"]])
        bits = nats[["nats_a", "nats"]] / np.log(2)
        return paired_difference(bits["nats_a"], bits["nats"], nats["symbols"], **self.bootstrap())

    def windows(self, run: str, metric: str, source: str) -> pd.DataFrame:
        """Events and exposure of one metric of one source, one row a window."""
        rows = self._rows(run, "structure", source)
        rows = rows[rows["metric"] == metric]
        if rows.empty:
            raise NotRunError(f"{run}: no {metric} of {source}")
        return rows[rows["exposure"] > 0]

    def rate(self, run: str, metric: str, source: str) -> Interval:
        """One metric of one source."""
        rows = self.windows(run, metric, source)
        return _rate(rows, self.bootstrap())

    def rates(self, run: str) -> pd.DataFrame:
        """Every metric of every source: columns metric, unit, source, estimate, low, high, n."""
        return self.rates_of(self.table(run, "structure"))

    def rates_of(self, table: pd.DataFrame) -> pd.DataFrame:
        """As `rates`, of any table with the columns of structure.tsv."""
        table = table[table["exposure"] > 0]
        rows = []
        for (metric, unit, source), group in table.groupby(
            ["metric", "unit", "source"], sort=False
        ):
            interval = _rate(group, self.bootstrap())
            rows.append({"metric": metric, "unit": unit, "source": source, **interval._asdict()})
        return pd.DataFrame(rows)

    def closing(self, run: str, closers: list[str], figure: str) -> pd.DataFrame:
        """Mean of a closing figure by source and distance: columns source, distance, estimate,
        low, high, n (closings). NaN where closers have no such figure."""
        table = self.table(run, "closing")
        table = table[table["closer"].isin(closers)]
        rows = []
        for (source, distance), group in table.groupby(["source", "distance"], sort=False):
            windows = group.groupby("window")[[figure, "n"]].sum(min_count=1)
            interval = ratio_interval(windows[figure], windows["n"], **self.bootstrap())
            rows.append(
                {
                    "source": source,
                    "distance": distance,
                    **interval._asdict(),
                    "n": int(windows["n"].sum()),
                }
            )
        return pd.DataFrame(rows, columns=["source", "distance", "estimate", "low", "high", "n"])

    def closing_difference(
        self, run: str, closers: list[str], beyond: int, source: str, other: str
    ) -> Interval:
        """Difference of two models' mean probability of the true closer at `beyond` symbols and
        more since the opening, paired by window."""
        table = self.table(run, "closing")
        table = table[table["closer"].isin(closers) & (table["distance"] >= beyond)]
        sums = table.groupby(["source", "window"])[["probability", "n"]].sum()
        if not {source, other} <= set(sums.index.get_level_values(0)):
            raise NotRunError(f"{run}: no closings of {source} and {other}")
        a, b = (sums.loc[name] for name in (source, other))
        both = _side_by_side(a[["probability"]], b)
        return paired_difference(
            both["probability_a"], both["probability"], both["n"], **self.bootstrap()
        )


def _rate(rows: pd.DataFrame, options: dict[str, Any]) -> Interval:
    """sum(events) / sum(exposure); no bound of a share is above 1, be there ever so few windows."""
    found = ratio_interval(rows["events"], rows["exposure"], **options)
    return found._replace(high=1.0) if found.high > 1 and (rows["unit"] == SHARE).all() else found


def _side_by_side(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Rows of the windows both have; a's columns get the suffix _a where b has them too."""
    return a.merge(b, left_index=True, right_index=True, suffixes=("_a", ""))


def _json(path: Path, run: str, *besides: str) -> dict[str, Any]:
    if not path.exists():
        raise NotRunError(f"waits for {run}")
    found = read_json(path)
    if missing := {*NEEDED.get(path.name, ()), *besides} - set(found):
        raise InputError(
            f"{path} is damaged (it has no {min(missing)}): delete it and run its stage again "
            "(dvc repro)"
        )
    return found


def _scored(folder: Path, run: str) -> list[str]:
    return _table(folder / "scores.tsv", run)["source"].unique().tolist()


def _table(path: Path, run: str) -> pd.DataFrame:
    if not path.exists():
        raise NotRunError(f"waits for {run}")
    return _parsed(path, path.stat().st_mtime_ns)


@cache
def _parsed(path: Path, _modified: int) -> pd.DataFrame:
    return read_table(path, NEEDED.get(path.name, ()))
