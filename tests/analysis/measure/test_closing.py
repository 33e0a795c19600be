"""Closings as models see them, against sums by hand; and how samples end what they open."""

import numpy as np
import pytest

from analysis.measure.closing import closing_rows, position_figures, true_closings
from analysis.measure.incidence import COLUMNS, incidence_rows
from analysis.structure.delimiters.fates import group
from pipeline.config.settings import Measure
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.scoring import windows
from tests.conftest import prepare

LATEX = (
    b"\\section{One}\n\\begin{lemma}\nLet $x$ be (a) {b}.\n\\end{lemma}\n\n"
    b"\\begin{proof}\nBy [c] and $y$.\n\\end{proof}\n\n"
) * 40
CODE = b'int f(int a)\n{\n\tg(a[1], "x");\t/* c */\n\treturn (a);\n}\n\n' * 60
DISTANCES = [0, 4, 16]


@pytest.fixture(params=[("latex", LATEX), ("c", CODE)], ids=["latex", "c"])
def case(request, tmp_path):
    """Kind, prepared text, a model of it, and what is found of the test part."""
    kind, content = request.param
    text = prepare(tmp_path / kind, content)
    part = text.part("test")
    model = SuffixIndex.build(text.part("train"), text.vocabulary.size).ngram(3)
    spans = windows(len(part), 50, 20)
    figures = position_figures(model, part, spans, text.vocabulary)
    return kind, text, model, part, spans, figures


def test_position_figures_are_the_models_distribution(case):
    _, text, model, part, _, figures = case
    rivals = [i for i in text.vocabulary.encode(b")]}") if i < model.size]
    for position in range(1, 120):
        log_probs, _ = _after(model, part[max(0, position - 20) : position])
        symbol = part[position]
        assert figures.log_prob[position] == pytest.approx(log_probs[symbol])
        assert figures.likeliest[position] == (log_probs[symbol] >= log_probs.max())
        assert figures.rivals[position] == pytest.approx(np.exp(log_probs[rivals]).sum())


def _after(model, context):
    state = model.start(1)
    for symbol in context:
        log_probs, state = model.step(state, np.array([symbol]))
    return log_probs[0], state


def test_rows_are_sums_over_closings(case):
    kind, text, _, part, spans, figures = case
    found = true_closings(part, text.vocabulary, kind, len(part))
    assert len(found) > 20
    rows = list(closing_rows(figures, found, [span.start for span in spans], DISTANCES))
    scored = [c for c in found if c.position >= 1]
    assert sum(row.n for row in rows) == len(scored)
    for row in rows:
        mine = [
            c
            for c in scored
            if group(c.closer) == row.closer
            and spans[row.window].start <= c.position < spans[row.window].stop
            and row.distance <= c.position - c.opened < ([*DISTANCES, np.inf][
                DISTANCES.index(row.distance) + 1])
        ]  # fmt: skip
        places = [slice(c.position, c.position + len(c.closer)) for c in mine]
        assert row.n == len(mine)
        assert row.probability == pytest.approx(
            sum(np.exp(figures.log_prob[place].sum()) for place in places)
        )
        assert row.likeliest == sum(figures.likeliest[place].all() for place in places)


def test_the_type_of_a_closer_is_what_its_rivals_leave_open(case):
    kind, text, _, part, spans, figures = case
    found = true_closings(part, text.vocabulary, kind, len(part))
    sums: dict[str, float] = {}
    for row in closing_rows(figures, found, [span.start for span in spans], [0]):
        sums[row.closer] = sums.get(row.closer, 0.0) + row.typed
    named = [c for c in found if c.closer.startswith("\\end{")]
    if kind == "latex":
        names = [
            np.exp(figures.log_prob[c.position + 5 : c.position + len(c.closer)].sum())
            for c in named
        ]
        assert sums["\\end{...}"] == pytest.approx(sum(names))
        assert np.isnan(sums["$"])
    else:
        assert np.isnan(sums["*/"]) and np.isnan(sums['"'])
        brackets = [c.position for c in found if c.closer == "]"]
        shares = np.exp(figures.log_prob[brackets]) / figures.rivals[brackets]
        assert sums["]"] == pytest.approx(shares.sum())


def test_a_text_without_closings_has_no_rows(case):
    *_, spans, figures = case
    assert not list(closing_rows(figures, [], [span.start for span in spans], DISTANCES))


SETTINGS = Measure(
    window=10, least_windows=2, least_documents=5, besides_symbols=100, context=1,
    closing_symbols=10, distances=[0], least_closings=1,
    least_at_distance=1, incidence_distances=[1, 5, 50], structure_window=10,
    least_structure_windows=1, most_units=50, judge_window=30, judge_windows=100, copy_lengths=[],
    distinct_orders=[], word_lengths=[], dictionary="", half_width=0.1, resamples=50, level=0.95,
    seed=1,
)  # fmt: skip


def test_incidence_of_small_streams():
    streams = [b"a (bcd) e\n\ncut (", b"x (yz\n\n", b"p (q"]
    rows = {row["distance"]: row for row in incidence_rows("s", streams, "prose", SETTINGS)}
    assert list(rows[1]) == COLUMNS
    # At risk at 2: two; the sample's end cuts (q at 2; (yz is violated by the paragraph at 3, when
    # two are at risk; (bcd) closes at 4.
    assert [row["at_risk"] for row in rows.values()] == [3, 0, 0]
    assert rows[5]["opened"] == 3 and rows[5]["censored"] == 1
    assert rows[1]["right"] == rows[1]["violated"] == 0
    assert rows[5]["violated"] == pytest.approx(1 / 2)
    assert rows[5]["right"] == pytest.approx(1 / 2)
    assert rows[5]["right_low"] <= rows[5]["right"] <= rows[5]["right_high"]


def test_a_stream_that_starts_within_is_read_from_where_nothing_is_open():
    latex = b"$ of a formula $$\na $$ begun before.\n\n$$x$$ and $y$.\n\n"
    rows = list(incidence_rows("s", [latex], "latex", SETTINGS))
    assert {(row["closer"], row["opened"]) for row in rows} == {("$$", 1), ("$", 1)}
    assert all(row["violated"] == 0 for row in rows)
    code = b'of a docstring"""\n    x = "\n\ndef f():\n    """A."""\n    return (1)\n'
    rows = list(incidence_rows("s", [code], "python", SETTINGS))
    assert {(row["closer"], row["opened"]) for row in rows} == {('"""', 1), (")", 2)}
    assert all(row["violated"] == 0 for row in rows)


def test_lists_of_names_have_no_delimiters():
    assert not list(incidence_rows("s", [b"Ann\n(Bob)\n"], "names", SETTINGS))
