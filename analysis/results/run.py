"""The results of one run, beside those of its corpus's n-grams and held-out text."""

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from analysis.results.files import (
    NotRunError,
    baseline_excerpts,
    json_of,
    table_of,
    tables_of,
)
from analysis.statistics import Interval, paired_difference, ratio_interval
from analysis.structure.events import SHARE, run_length
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.settings import Experiment, Measure, agree
from pipeline.lm.io.files import read_json
from pipeline.lm.sources import HELD_OUT, KENLM, NGRAM, members, of_network

DECISIVE = ("corpus", "seed", "numerics", "model", "train")
"""Settings of an experiment without which its results would be others."""


@dataclass(frozen=True)
class RunResults:
    """What is known of one run, as `Results.run` gives it. NotRunError comes with what is asked
    for, never with the view itself."""

    name: str
    config: DictConfig
    paths: Paths
    settings: Measure

    @property
    def _experiment(self) -> Experiment:
        """Its settings; NotRunError if the configuration has none of this name."""
        if self.name not in self.config.experiments:
            raise NotRunError(f"waits for an experiment {self.name}")
        return params.experiment(self.config, self.name)

    @property
    def corpus(self) -> str:
        """The corpus it was trained on."""
        return self._experiment.corpus

    @property
    def title(self) -> str:
        """Its corpus's title."""
        return str(self.config.corpora[self.corpus].title)

    @property
    def _folder(self) -> Path:
        """Where its own results are; NotRunError if it was made with other settings than the
        configuration's, as at another scale."""
        folder = self.paths.run_results(self.name)
        card = folder / "train.json"
        made = read_json(card).get("experiment", {}) if card.exists() else {}
        wanted = asdict(self._experiment)
        if not all(agree(made[part], wanted[part]) for part in DECISIVE if part in made):
            raise NotRunError(f"waits for {self.name}: {card} tells of other settings")
        return folder

    def _own(self, name: str) -> pd.DataFrame:
        """A table of the run alone."""
        return table_of(self._folder / f"{name}.tsv", self.name)

    def _of_baseline(self, name: str) -> pd.DataFrame:
        """A table of its corpus's n-grams, then held-out text: as much of it as there is, as
        neither family of n-grams waits for the other, nor for a network."""
        corpus = self.corpus
        folders = [self.paths.baseline_results(corpus, family) for family in (NGRAM, KENLM)]
        table = tables_of([f / f"{name}.tsv" for f in folders], f"baseline of {corpus}")
        return table.sort_values("source", key=lambda s: s == HELD_OUT, kind="stable")

    def training(self) -> dict[str, Any]:
        """train.json: what made the network, and how training it went."""
        return json_of(self._folder / "train.json", self.name)

    def history(self) -> pd.DataFrame:
        """Validation and training cross-entropy over the training, one row an evaluation."""
        return self._own("history")

    def excerpts(self) -> dict[str, Any]:
        """What pages quote of the run, its corpus's n-grams and held-out text: see
        `analysis.measure.excerpts`."""
        corpus = self.corpus
        found = baseline_excerpts(self.paths.baseline_results(corpus, NGRAM), corpus)
        own = json_of(self._folder / "excerpts.json", f"excerpts of {self.name}", "loop")
        return own | {name: found[name] | own[name] for name in ("beginnings", "passages")}

    def cells(self) -> dict[str, Any]:
        """cells.json: which cells follow which features of the text."""
        return json_of(self._folder / "cells.json", f"cells of {self.name}")

    def cell_view(self) -> dict[str, Any]:
        """What the page of its cells shows of the text: see `analysis.cells.view`."""
        path = self.paths.cell_view(self.name)
        return json_of(path, f"cells of {self.name}", "script", "scores")

    def own_table(self, name: str) -> pd.DataFrame:
        """`gates`, `errors`, `loops` or another table that only a run has."""
        return table_of(self._folder / f"{name}.tsv", f"{name} of {self.name}")

    def table(self, name: str) -> pd.DataFrame:
        """`scores`, `closing`, `structure` or `incidence`, with those of its corpus's n-grams and
        held-out text: column `source` tells them apart."""
        return pd.concat([self._own(name), self._of_baseline(name)], ignore_index=True)

    def _rows(self, name: str, source: str) -> pd.DataFrame:
        """What `table` has of one source; n-grams and held-out text wait for no network."""
        table = self._own(name) if of_network(source) else self._of_baseline(name)
        rows = table[table["source"] == source]
        if rows.empty:
            raise NotRunError(f"{self.name}: nothing measured of {source}")
        return rows

    def ngrams(self, source: str) -> int:
        """How many n-grams of all orders a KenLM model of its corpus stores."""
        corpus = self.corpus
        path = self.paths.baseline_results(corpus, KENLM) / "sizes.tsv"
        table = table_of(path, f"sizes of {corpus}")
        stored = table.loc[table["model"] == source, "ngrams"]
        if stored.empty:
            raise NotRunError(f"baseline of {corpus} has no {source}")
        return int(stored.iloc[0])

    def scored(self) -> list[str]:
        """The network and its corpus's n-grams, as far as the test part was scored."""
        found: list[str] = []
        for tables in (self._own, self._of_baseline):
            with suppress(NotRunError):
                found += tables("scores")["source"].unique().tolist()
        return found

    def scores(self, source: str, part: str = "test") -> pd.DataFrame:
        """Sums of nats, symbols and impossible symbols of a model over one part, by what is
        resampled."""
        rows = self._rows("scores", source)
        # Before there was this column the test part alone was scored.
        scored = rows["part"] if "part" in rows else pd.Series(None, rows.index, dtype=object)
        rows = rows[(scored == part) | (scored.isna() & (part == "test"))]
        if rows.empty:
            raise NotRunError(f"waits for scores of the {part} part of {self.name}")
        return self._by_unit(rows)[["nats", "symbols", "impossible"]].sum()

    def unit(self, rows: pd.DataFrame) -> str:
        """The column of what is resampled: documents, where there are fewer of them than windows
        and yet enough, else windows."""
        few = "document" in rows and (
            self.settings.least_documents <= rows["document"].nunique() < rows["window"].nunique()
        )
        return "document" if few else "window"

    def _by_unit(self, rows: pd.DataFrame) -> Any:
        """Rows grouped by what is resampled."""
        return rows.groupby(self.unit(rows))

    def bits(self, source: str) -> Interval:
        """Test cross-entropy of a model in bits per symbol; infinite if a symbol was impossible."""
        units = self.scores(source)
        if units["impossible"].sum():
            return Interval(np.inf, np.inf, np.inf, len(units))
        return ratio_interval(
            units["nats"] / np.log(2), units["symbols"], **self.settings.bootstrap()
        )

    def bits_difference(self, source: str, other: str) -> Interval:
        """Difference in test bits per symbol of two models of one text, paired by document or
        window."""
        a, b = (self.scores(name) for name in (source, other))
        nats = _side_by_side(a[["nats"]], b[["nats", "symbols"]])
        bits = nats[["nats_a", "nats"]] / np.log(2)
        return paired_difference(
            bits["nats_a"], bits["nats"], nats["symbols"], **self.settings.bootstrap()
        )

    def best_kenlm(self) -> str:
        """The KenLM model of its corpus with the lowest cross-entropy on the validation part, as
        kenlm:8. What it is compared by is the test part."""
        corpus, table = self.corpus, self._of_baseline("scores")
        kenlm = table["source"].isin(members(table["source"].unique(), KENLM))
        rows = table[kenlm & (table["part"] == "val")] if "part" in table else table[:0]
        if rows.empty:
            raise NotRunError(f"waits for validation scores of the baseline of {corpus}")
        sums = rows.groupby("source", sort=False)[["nats", "symbols"]].sum()
        return str((sums["nats"] / sums["symbols"]).idxmin())

    def windows(self, metric: str, source: str) -> pd.DataFrame:
        """Events and exposure of one metric of one source, one row a window, document or sample."""
        rows = self._rows("structure", source)
        rows = rows[rows["metric"] == metric]
        if rows.empty:
            raise NotRunError(f"{self.name}: no {metric} of {source}")
        return rows[rows["exposure"] > 0]

    def rate(self, metric: str, source: str) -> Interval:
        """One metric of one source."""
        return _rate(self.windows(metric, source), self.settings)

    def rates(self) -> pd.DataFrame:
        """Every metric of every source: see `rates_of`."""
        return rates_of(self.table("structure"), self.settings)

    def closing(self, closers: list[str], figure: str) -> pd.DataFrame:
        """Mean of a closing figure by source and distance: columns source, distance, estimate,
        low, high, n (closings). NaN where closers have no such figure."""
        table = self.table("closing")
        table = table[table["closer"].isin(closers)]
        rows = []
        for (source, distance), group in table.groupby(["source", "distance"], sort=False):
            units = self._by_unit(group)[[figure, "n"]].sum(min_count=1)
            found = ratio_interval(units[figure], units["n"], **self.settings.bootstrap())
            closings = {"n": int(units["n"].sum())}
            rows.append({"source": source, "distance": distance, **found._asdict(), **closings})
        return pd.DataFrame(rows, columns=["source", "distance", *Interval._fields])

    def closing_difference(
        self, closers: list[str], beyond: int, source: str, other: str
    ) -> Interval:
        """Difference of two models' mean probability of the true closer at `beyond` symbols and
        more since the opening, paired by document or window."""
        table = self.table("closing")
        table = table[table["closer"].isin(closers) & (table["distance"] >= beyond)]
        if not {source, other} <= set(table["source"]):
            raise NotRunError(f"{self.name}: no closings of {source} and {other}")
        a, b = (
            self._by_unit(table[table["source"] == name])[["probability", "n"]].sum()
            for name in (source, other)
        )
        both = _side_by_side(a[["probability"]], b)
        return paired_difference(
            both["probability_a"], both["probability"], both["n"], **self.settings.bootstrap()
        )


def rates_of(table: pd.DataFrame, settings: Measure) -> pd.DataFrame:
    """Every metric of every source in a table with the columns of structure.tsv: columns metric,
    unit, source, estimate, low, high, n."""
    table = table[table["exposure"] > 0]
    rows = []
    for (metric, unit, source), group in table.groupby(["metric", "unit", "source"], sort=False):
        found = _rate(group, settings)._asdict()
        rows.append({"metric": metric, "unit": unit, "source": source, **found})
    return pd.DataFrame(rows)


def _rate(rows: pd.DataFrame, settings: Measure) -> Interval:
    """sum(events) / sum(exposure); no bound of a share is above 1, be there ever so few windows."""
    run = run_length(str(rows["metric"].iloc[0])) if len(rows) else 1
    found = ratio_interval(rows["events"], rows["exposure"], run=run, **settings.bootstrap())
    return found._replace(high=1.0) if found.high > 1 and (rows["unit"] == SHARE).all() else found


def _side_by_side(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Rows of the windows both have; a's columns get the suffix _a where b has them too."""
    return a.merge(b, left_index=True, right_index=True, suffixes=("_a", ""))
