"""Found sentences follow the figures; tiles and drawings follow the claims."""

from fnmatch import fnmatch

import pytest
from omegaconf import OmegaConf

from analysis.claims.verdicts import CLAIMS, Part, Verdict, verdicts
from analysis.report import found
from analysis.report.corpora import first_lines
from analysis.report.rows import drawing, rows, tiles
from analysis.report.words import by_outcome, listed
from analysis.results.reader import NotRunError, Results
from analysis.statistics import Interval
from analysis.structure.events import JUDGED
from pipeline.config import params
from pipeline.config.composition import composed
from pipeline.lm.io.files import write_json
from pipeline.lm.sources import KENLM, NGRAM
from tests.conftest import ROOT, card, write_rows


@pytest.fixture
def results(tmp_path) -> Results:
    """Of no run yet."""
    config = OmegaConf.create(composed("full"))
    for name in ("results", "reports", "text"):
        config.paths[name] = str(tmp_path / name)
    return Results.of(config)


def part(**changes) -> Part:
    words = {"measured": "x", "unit": "bits", "rule": "at most 1", "verdict": "reproduced"}
    return Part(**{**words, **changes})


def claim(name: str, *parts: Part, verdict: str) -> Verdict:
    return Verdict(name, "post", f"Claim {name}.", [], verdict, list(parts), short=name.lower())


def test_without_results_nothing_was_found(results):
    assert found.findings(results, verdicts(results)) == []


def facts_of(results: Results, corpus: str, size: int) -> None:
    facts = {"bytes": size, "source": {}, "parts": {}, "vocabulary": 1}
    write_json(results.paths.facts(corpus), facts)


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ([(-0.2, -0.1)], "On War and Peace (3 MB) better."),
        ([(-0.1, 0.1)], "On War and Peace (3 MB) even."),
        (
            [(0.1, 0.2), (-0.2, -0.1)],
            "On first names (0.05 MB) better; on War and Peace (3 MB) worse.",
        ),
        ([(0.1, 0.2)] * 4, "On all 4 texts measured worse."),
        (
            [(-0.2, -0.1), (0.1, 0.2), (-0.1, 0.1), (-0.1, 0.1)],
            "On War and Peace (3 MB) better; on Wikipedia (6 MB) and Linux (6 MB) even; "
            "on first names (0.05 MB) worse.",
        ),
    ],
)
def test_a_sentence_has_a_part_for_each_outcome(results, gaps, words):
    sizes = {"warpeace": 3_200_000, "names": 50_000, "wikipedia": 6_100_000, "linux-kjf": 6_200_000}
    for corpus, size in sizes.items():
        facts_of(results, corpus, size)
    differences = {
        run: Interval((low + high) / 2, low, high, 9)
        for run, (low, high) in zip(sizes, gaps, strict=False)
    }
    sides = ("{where} better", "{where} even", "{where} worse")
    assert by_outcome(results, differences, *sides) == words
    with pytest.raises(NotRunError):
        by_outcome(results, {}, *sides)


def test_context_that_no_longer_helps_is_found(results):
    row = {"window": 0, "symbols": 100, "impossible": 0, "unseen": 0}
    for corpus, nats in (("names", (200, 130, 129, 129)), ("latex", (200, 150, 120, 90))):
        folder = results.paths.baseline_results(corpus, KENLM)
        table = [
            {"source": f"kenlm:{order}", "nats": cost, **row}
            for order, cost in zip((1, 4, 8, 20), nats, strict=True)
        ]
        write_rows(folder / "scores.tsv", table)
    sentence = found.context(results)
    assert sentence.words == (
        "Counts gain next to nothing beyond 3 symbols of context, except on the Stacks project, "
        "where they still do."
    )


def test_how_much_c_parses_is_told_beside_counts_and_real_code(results):
    shares = {"temperature:1": 0.7, "ngram:20": 0.25, "held-out": 0.95}
    for folder, sources in (
        (results.paths.run_results("linux-kjf"), ["temperature:1"]),
        (results.paths.baseline_results("linux-kjf", NGRAM), ["ngram:20", "held-out"]),
    ):
        rows = [
            {"source": source, "window": w, "metric": "gcc clean", "unit": "share",
             "exposure": 20, "events": 20 * shares[source]}
            for source in sources for w in range(20)
        ]  # fmt: skip
        write_rows(folder / "structure.tsv", rows)
    facts_of(results, "linux-kjf", 6_200_000)
    words = found.compiling(results).words
    assert "In 70% of the C functions" in words and "is 25%, of real ones 95%" in words


@pytest.mark.parametrize(
    ("counts", "spread", "ending"),
    [(0.4, 1, "the best counts 40%."), (0.7, 1, "the best counts 70%: the counts do better."),
     (0.58, 30, "the best counts 58%, which cannot be told apart.")],
)  # fmt: skip
def test_far_brackets_end_with_who_does_better(results, counts, spread, ending):
    trained = card(results.config.experiments["linux-kjf"])
    write_json(results.paths.run_results("linux-kjf") / "train.json", trained)
    facts_of(results, "linux-kjf", 6_200_000)
    for folder, source, mean in (
        (results.paths.run_results("linux-kjf"), "network", 0.57),
        (results.paths.baseline_results("linux-kjf", NGRAM), "ngram:10", counts),
    ):
        off = spread if source == "network" else -spread
        write_rows(folder / "closing.tsv", [
            {"source": source, "window": w, "closer": "}", "distance": 20, "n": 100,
             "probability": 100 * mean + (off if w % 2 else -off), "likeliest": 50, "typed": 50}
            for w in range(20)
        ])  # fmt: skip
    words = found.closing(results).words
    assert "on Linux" in words and "a probability of 57%" in words and words.endswith(ending)


def test_the_last_sentence_names_what_did_not_hold():
    (sentence,) = found.settled([
        claim("P1", verdict="reproduced"), claim("P2", verdict="not reproduced"),
        claim("P3", verdict="inconclusive"), claim("P4", verdict="not run"),
    ])  # fmt: skip
    assert sentence.words == (
        "Of 3 claims that were put to the test 1 hold, 1 do not, 1 remain open; 1 wait for runs. "
        "What does not hold of the post, in short: “p2”."
    )
    assert sentence.figures == "What does not hold: “Claim P2” (P2)."
    assert found.settled([claim("P4", verdict="not run")]) == []


def test_a_drawing_shows_rule_floor_and_figure_on_one_line():
    drawn = drawing(part(estimate=0.5, low=0.4, high=0.6, floor=0.0, highest=1.0))
    assert drawn is not None
    left, width = drawn.zone
    assert left == 0 and left + width < 100
    assert drawn.floor < drawn.low < drawn.dot < drawn.high < left + width
    far = drawing(part(estimate=1e-7, low=1e-7, high=1e-7, highest=1e-2))
    assert far is not None and far.zone[1] - far.dot > 50, "a scale of magnitudes"
    shares = [drawing(part(unit="share", estimate=0.5, lowest=low)) for low in (0.4, 0.9)]
    assert shares[0].dot == shares[1].dot, "all shares on one scale"
    assert drawing(part(estimate=None, highest=1)) is drawing(part(estimate=1.0)) is None


def test_rows_put_last_what_waits_and_tiles_show_all():
    done, waits = part(estimate=1.0), part(verdict="not run", reason="waits for linux")
    claims = [
        claim("P1", waits, waits, verdict="not run"), claim("P2", done, waits, verdict="not run"),
        claim("P3", done, verdict="reproduced"),
    ]  # fmt: skip
    grouped = {name: [r["claim"].id for r in group] for name, group in rows(claims).items()}
    assert grouped == {"settled": ["P3"], "partly": ["P2"], "waiting": ["P1"]}
    assert rows(claims)["waiting"][0]["waits"] == "linux"
    ((source, shown),) = tiles(claims).items()
    assert "post" in source.lower() and len(shown) == 3


def test_every_claim_has_a_short_name():
    entries = params.load_yaml(CLAIMS)
    names = {name: str(entry.get("short", "")).split() for name, entry in entries.items()}
    assert {name: words for name, words in names.items() if not 1 <= len(words) <= 4} == {}


def test_cards_quote_whole_lines():
    assert first_lines("half a line\none\n\ntwo\nthree\nfour\nfive") == "one\ntwo\nthree"
    assert first_lines("all in one " * 20).endswith(" …")
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c"


def test_metrics_of_sentences_are_explained_and_so_measured():
    """A sentence about a metric of another name would never come, and nobody would miss it."""
    explained = OmegaConf.load(ROOT / "analysis/report/templates/metrics.yaml")
    for metric in (JUDGED, found.COPIED, found.COMPILES):
        assert any(fnmatch(metric, pattern) for pattern in explained), metric
    assert f'metric: "{JUDGED}"' in (ROOT / "conf/claims.yaml").read_text()
