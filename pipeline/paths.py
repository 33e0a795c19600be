"""Every folder, named once in conf/paths and typed here. Relative to the repository's root."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import params


@dataclass(frozen=True)
class Paths:
    """Folders of one scale."""

    raw: Path
    text: Path
    models: Path
    checkpoints: Path
    results: Path
    reports: Path
    by_hand: Path
    stamp: Path

    @classmethod
    def of(cls, config: Any) -> "Paths":
        """From a composed configuration."""
        named = config.get("paths")
        if isinstance(named, Mapping):  # conf/paths has more, for dvc.yaml
            named = {name: named[name] for name in cls.__dataclass_fields__ if name in named}
        return params.view(cls, named, "paths")

    def run_model(self, run: str) -> Path:
        """A trained network."""
        return self.models / run

    def run_results(self, run: str) -> Path:
        """What training wrote of itself: train.json, history.tsv."""
        return self.results / run

    def sweep_results(self, sweep: str) -> Path:
        """What the runs of a sweep scored."""
        return self.results / "sweeps" / sweep

    def baseline_models(self, corpus: str) -> Path:
        """Suffix index and KenLM models of a corpus."""
        return self.models / "baselines" / corpus

    def baseline_results(self, corpus: str) -> Path:
        """What the n-gram models of a corpus sampled, and how they were measured."""
        return self.results / "baselines" / corpus
