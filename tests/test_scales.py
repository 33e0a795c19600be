"""The scales are apart: folders, and what every page says."""

from pathlib import Path

from pipeline.config.params import PARAMS_FILES, load
from tests.conftest import ROOT


def test_the_folders_of_the_scales_are_apart():
    full, laptop = (load(ROOT / file).paths for file in PARAMS_FILES.values())
    for name in ("text", "models", "checkpoints", "results", "reports"):
        one, other = Path(full[name]), Path(laptop[name])
        assert not one.is_relative_to(other) and not other.is_relative_to(one)


def test_every_page_of_the_laptop_says_so():
    """All pages extend the one template that has the banner; what does not is part of a page."""
    folder = ROOT / "analysis/report/templates"
    texts = {path.name: path.read_text() for path in folder.glob("*.html")}
    assert (
        'scale != "full"' in texts["base.html"] and "No claim about the post" in texts["base.html"]
    )
    for name, text in texts.items():
        if not text.startswith('{% extends "base.html" %}') and name != "base.html":
            assert any(f'"{name}"' in other for other in texts.values()), name
            assert "<html" not in text and "<body" not in text, name
