"""The results of one scale: tables and cards that belong to no run, and `run` for those that do."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from analysis.results.files import NotRunError, baseline_excerpts, json_of, table_of, tables_of
from analysis.results.run import RunResults
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.settings import Measure
from pipeline.lm.sources import NGRAM, temperature_source

__all__ = ["COMPARED", "NotRunError", "Results"]

COMPARED = temperature_source(1.0)
"""The samples of a network that are compared with other sources."""


@dataclass(frozen=True)
class Results:
    """The results of one scale: here those that belong to no run."""

    config: DictConfig
    paths: Paths
    settings: Measure

    @classmethod
    def of(cls, config: DictConfig) -> "Results":
        """From a composed configuration."""
        return cls(config, Paths.of(config), params.measure(config))

    def run(self, name: str) -> RunResults:
        """The results of one run, whether there are any or not."""
        return RunResults(name, self.config, self.paths, self.settings)

    def stand_in(self, run: str) -> str:
        """The run from which claims about `run` are read: it, or where the budget has no room for
        it the one that conf/budget names."""
        return str(self.config.budget.stands_in.get(run, run))

    def baseline_excerpts(self, corpus: str) -> dict[str, Any]:
        """excerpts.json of a corpus's n-grams and held-out text."""
        return baseline_excerpts(self.paths.baseline_results(corpus, NGRAM), corpus)

    def manifest(self, corpus: str) -> dict[str, Any]:
        """The manifest of a prepared corpus."""
        return json_of(self.paths.facts(corpus), f"preprocess of {corpus}")

    def printed(self, corpus: str) -> pd.DataFrame:
        """What the post prints of samples of a corpus, as structure.tsv; see conf/post.yaml."""
        path = self.paths.results / "post" / f"{corpus}.tsv"
        return table_of(path, f"post samples of {corpus}")

    def common_table(self, name: str) -> pd.DataFrame:
        """`gradients`, `memory_tasks`, `canaries` or `delayed_copy`, which belong to no run."""
        return table_of(self.paths.results / f"{name}.tsv", name)

    def course(self, name: str = "*") -> pd.DataFrame:
        """What one small experiment observed, or all of them together."""
        found = sorted((self.paths.results / "course").glob(f"{name}.tsv"))
        return tables_of(found, "course")

    def speed(self) -> dict[str, Any]:
        """speed.json: what benchmarks/training.py measured."""
        return json_of(self.paths.results / "speed.json", "speed")

    def gradients(self) -> dict[str, Any]:
        """gradients.json: the networks whose gradients were measured."""
        return json_of(self.paths.results / "gradients.json", "gradients")

    def sweep(self, name: str, *settings: str) -> pd.DataFrame:
        """The networks of a sweep, as runs.tsv tells of them: the settings that vary, parameters,
        steps and so on; of the test part symbols, nats, and bits (the cross-entropy in bits per
        symbol). NotRunError if one of `settings` does not vary in it."""
        folder = self.paths.sweep_results(name)
        networks = f"the networks of sweep “{name}”"
        runs, scores = (table_of(folder / file, networks) for file in ("runs.tsv", "scores.tsv"))
        if missing := [key for key in settings if key not in runs]:
            raise NotRunError(f"waits for a sweep {name} over {', '.join(missing)}")
        sums = scores.groupby("digest")[["nats", "symbols"]].sum()
        sums["bits"] = sums["nats"] / sums["symbols"] / np.log(2)
        return runs.merge(sums, left_on="digest", right_index=True)
