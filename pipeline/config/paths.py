"""Every folder, named once in conf/paths and typed here. Relative to the repository's root."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config import params
from pipeline.lm.text import MANIFEST


@dataclass(frozen=True)
class Paths:
    """Folders of one scale."""

    raw: Path
    text: Path
    samples: Path
    views: Path
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
        paths = params.view(cls, named, "paths")
        return cls(**{name: params.ROOT / path for name, path in vars(paths).items()})

    def run_model(self, run: str) -> Path:
        """A trained network."""
        return self.models / run

    def run_results(self, run: str) -> Path:
        """What was measured of a run, and what training wrote of itself."""
        return self.results / run

    def run_samples(self, run: str) -> Path:
        """The samples of a network."""
        return self.samples / run

    def cell_view(self, run: str) -> Path:
        """What the page of a network's cells shows of the text."""
        return self.views / f"{run}.json"

    def sweep_results(self, sweep: str) -> Path:
        """What the runs of a sweep scored."""
        return self.results / "sweeps" / sweep

    def baseline_models(self, corpus: str, family: str = "") -> Path:
        """The n-gram models of a corpus: of a family its suffix index or its KenLM models."""
        return self.models / "baselines" / corpus / family

    def baseline_results(self, corpus: str, family: str = "") -> Path:
        """What was measured of the n-gram models of a corpus, or of a family of them."""
        return self.results / "baselines" / corpus / family

    def baseline_samples(self, corpus: str, family: str = "") -> Path:
        """The samples of the n-gram models of a corpus, or of a family of them."""
        return self.samples / "baselines" / corpus / family

    def facts(self, corpus: str) -> Path:
        """The manifest of a prepared text, kept with results: the text is not."""
        return self.results / "texts" / corpus / MANIFEST
