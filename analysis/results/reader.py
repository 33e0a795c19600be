"""Result files as tables, and tables as figures with intervals: the only reader of results/."""

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from analysis.results.files import (
    NotRunError,
    json_of,
    scored_sources,
    table_of,
    tables_of,
)
from analysis.statistics import Interval, paired_difference, ratio_interval
from analysis.structure.events import SHARE, run_length
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.settings import Experiment, Measure, agree
from pipeline.lm.io.files import read_json
from pipeline.lm.sources import KENLM, members, of_network, temperature_source

__all__ = ["COMPARED", "DECISIVE", "NotRunError", "Results"]

COMPARED = temperature_source(1.0)
"""The samples of a network that are compared with other sources."""
DECISIVE = ("corpus", "seed", "numerics", "model", "train")
"""Settings of an experiment without which its results would be others."""


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
        return json_of(self._folder(run) / "train.json", run)

    def baseline(self, corpus: str) -> dict[str, Any]:
        """baseline.json of a corpus."""
        folder = self.paths.baseline_results(corpus)
        return json_of(folder / "baseline.json", f"baseline of {corpus}")

    def manifest(self, corpus: str) -> dict[str, Any]:
        """The manifest of a prepared corpus."""
        return json_of(self.paths.facts(corpus), f"preprocess of {corpus}")

    def ngrams(self, run: str, source: str) -> int:
        """How many n-grams of all orders a KenLM model of a run's corpus stores."""
        corpus = self.corpus_of(run)
        table = table_of(self.paths.baseline_results(corpus) / "sizes.tsv", f"sizes of {corpus}")
        stored = table.loc[table["model"] == source, "ngrams"]
        if stored.empty:
            raise NotRunError(f"baseline of {corpus} has no {source}")
        return int(stored.iloc[0])

    def excerpts(self, run: str) -> dict[str, Any]:
        """What pages quote of a run, its corpus's n-grams and held-out text: see
        `analysis.measure.excerpts`."""
        found = self.baseline_excerpts(self.corpus_of(run))
        own = json_of(self._folder(run) / "excerpts.json", f"excerpts of {run}", "loop")
        return own | {name: found[name] | own[name] for name in ("beginnings", "passages")}

    def baseline_excerpts(self, corpus: str) -> dict[str, Any]:
        """excerpts.json of a corpus's n-grams and held-out text."""
        folder = self.paths.baseline_results(corpus)
        return json_of(
            folder / "excerpts.json", f"excerpts of the baseline of {corpus}", "following"
        )

    def history(self, run: str) -> pd.DataFrame:
        """Validation and training cross-entropy over a training, one row an evaluation."""
        return table_of(self._folder(run) / "history.tsv", run)

    def own_table(self, run: str, name: str) -> pd.DataFrame:
        """`gates`, `errors`, `loops` or another table that only a run has."""
        return table_of(self._folder(run) / f"{name}.tsv", f"{name} of {run}")

    def common_table(self, name: str) -> pd.DataFrame:
        """`gradients`, `memory_tasks`, `canaries` or `delayed_copy`, which belong to no run."""
        return table_of(self.paths.results / f"{name}.tsv", name)

    def course(self, name: str = "*") -> pd.DataFrame:
        """What one small experiment observed, or all of them together."""
        return tables_of(self.paths.results / "course", f"{name}.tsv", "course")

    def printed(self, corpus: str) -> pd.DataFrame:
        """What the post prints of samples of a corpus, as structure.tsv; see conf/post.yaml."""
        path = self.paths.results / "post" / f"{corpus}.tsv"
        return table_of(path, f"post samples of {corpus}")

    def cells(self, run: str) -> dict[str, Any]:
        """cells.json of a run."""
        return json_of(self._folder(run) / "cells.json", f"cells of {run}")

    def cell_view(self, run: str) -> dict[str, Any]:
        """What the page of a run's cells shows of the text: see `analysis.cells.view`."""
        return json_of(self.paths.cell_view(run), f"cells of {run}", "script", "scores")

    def speed(self) -> dict[str, Any]:
        """speed.json: what benchmarks/training.py measured."""
        return json_of(self.paths.results / "speed.json", "speed")

    def sweep(self, name: str, *settings: str) -> pd.DataFrame:
        """The runs of a sweep: the settings that vary, parameters; of the test part its symbols,
        nats, and bits, the cross-entropy in bits per symbol. NotRunError if one of `settings` does
        not vary in it."""
        folder = self.paths.sweep_results(name)
        runs, scores = (
            table_of(folder / file, f"sweep {name}") for file in ("runs.tsv", "scores.tsv")
        )
        if missing := [key for key in settings if key not in runs]:
            raise NotRunError(f"waits for a sweep {name} over {', '.join(missing)}")
        sums = scores.groupby("digest")[["nats", "symbols"]].sum()
        sums["bits"] = sums["nats"] / sums["symbols"] / np.log(2)
        return runs.merge(sums, left_on="digest", right_index=True)

    def gradients(self) -> dict[str, Any]:
        """gradients.json: the networks whose gradients were measured."""
        return json_of(self.paths.results / "gradients.json", "gradients")

    def table(self, run: str, name: str) -> pd.DataFrame:
        """`scores`, `closing`, `structure` or `incidence` of a run, with those of its corpus's
        n-grams and held-out text: column `source` tells them apart."""
        corpus = self.corpus_of(run)
        own = table_of(self._folder(run) / f"{name}.tsv", run)
        baseline = self.paths.baseline_results(corpus) / f"{name}.tsv"
        return pd.concat([own, table_of(baseline, f"baseline of {corpus}")], ignore_index=True)

    def _rows(self, run: str, name: str, source: str) -> pd.DataFrame:
        """What `table` has of one source; n-grams and held-out text wait for no network."""
        if of_network(source):
            table = table_of(self._folder(run) / f"{name}.tsv", run)
        else:
            corpus = self.corpus_of(run)
            folder = self.paths.baseline_results(corpus)
            table = table_of(folder / f"{name}.tsv", f"baseline of {corpus}")
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
            found += scored_sources(self._folder(run), run)
        with suppress(NotRunError):
            found += scored_sources(self.paths.baseline_results(self.corpus_of(run)), run)
        return found

    def scores(self, run: str, source: str, part: str = "test") -> pd.DataFrame:
        """Sums of nats, symbols and impossible symbols of a model over one part, by what is
        resampled."""
        rows = self._rows(run, "scores", source)
        if "part" in rows:
            rows = rows[rows["part"] == part]
        elif part != "test":  # the only part that was scored before there was this column
            rows = rows[:0]
        if rows.empty:
            raise NotRunError(f"waits for scores of the {part} part of {run}")
        return self._by_unit(rows)[["nats", "symbols", "impossible"]].sum()

    def _by_unit(self, rows: pd.DataFrame) -> Any:
        """Rows grouped by what is resampled: documents, where there are fewer of them than windows
        and yet enough, else windows."""
        few = "document" in rows and (
            self.settings.least_documents <= rows["document"].nunique() < rows["window"].nunique()
        )
        return rows.groupby("document" if few else "window")

    def bits(self, run: str, source: str, part: str = "test") -> Interval:
        """Cross-entropy of a model in bits per symbol; infinite if a symbol was impossible."""
        units = self.scores(run, source, part)
        if units["impossible"].sum():
            return Interval(np.inf, np.inf, np.inf, len(units))
        return ratio_interval(units["nats"] / np.log(2), units["symbols"], **self.bootstrap())

    def best_kenlm(self, run: str) -> str:
        """The KenLM model of a run's corpus with the lowest cross-entropy on the validation part,
        as kenlm:8. What it is compared by is the test part."""
        corpus = self.corpus_of(run)
        table = table_of(
            self.paths.baseline_results(corpus) / "scores.tsv", f"baseline of {corpus}"
        )
        kenlm = table["source"].isin(members(table["source"].unique(), KENLM))
        rows = table[kenlm & (table["part"] == "val")] if "part" in table else table[:0]
        if rows.empty:
            raise NotRunError(f"waits for validation scores of the baseline of {corpus}")
        sums = rows.groupby("source", sort=False)[["nats", "symbols"]].sum()
        return str((sums["nats"] / sums["symbols"]).idxmin())

    def bits_difference(self, run: str, source: str, other: str) -> Interval:
        """Difference in test bits per symbol of two models of one text, paired by document or
        window."""
        a, b = (self.scores(run, name) for name in (source, other))
        nats = _side_by_side(a[["nats"]], b[["nats", "symbols"]])
        bits = nats[["nats_a", "nats"]] / np.log(2)
        return paired_difference(bits["nats_a"], bits["nats"], nats["symbols"], **self.bootstrap())

    def windows(self, run: str, metric: str, source: str) -> pd.DataFrame:
        """Events and exposure of one metric of one source, one row a window, document or sample."""
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
            windows = self._by_unit(group)[[figure, "n"]].sum(min_count=1)
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
        more since the opening, paired by document or window."""
        table = self.table(run, "closing")
        table = table[table["closer"].isin(closers) & (table["distance"] >= beyond)]
        if not {source, other} <= set(table["source"]):
            raise NotRunError(f"{run}: no closings of {source} and {other}")
        a, b = (
            self._by_unit(table[table["source"] == name])[["probability", "n"]].sum()
            for name in (source, other)
        )
        both = _side_by_side(a[["probability"]], b)
        return paired_difference(
            both["probability_a"], both["probability"], both["n"], **self.bootstrap()
        )


def _rate(rows: pd.DataFrame, options: dict[str, Any]) -> Interval:
    """sum(events) / sum(exposure); no bound of a share is above 1, be there ever so few windows."""
    run = run_length(str(rows["metric"].iloc[0])) if len(rows) else 1
    found = ratio_interval(rows["events"], rows["exposure"], run=run, **options)
    return found._replace(high=1.0) if found.high > 1 and (rows["unit"] == SHARE).all() else found


def _side_by_side(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Rows of the windows both have; a's columns get the suffix _a where b has them too."""
    return a.merge(b, left_index=True, right_index=True, suffixes=("_a", ""))
