"""Reading samples, part by part: seconds for 100 KB of each kind of text, in windows as measured.

    python benchmarks/structure.py --scale laptop linux latex wikipedia

The text is held-out text, `parsers` all that needs no compiler. Windows are read side by side on
the cores there are. `CPU s` counts the compilers that are started, too.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from analysis.measure.incidence import incidence_rows
from analysis.measure.sample_reader import window_edges
from analysis.structure import prose
from analysis.structure.c import metrics as c
from analysis.structure.delimiters.fates import fates
from analysis.structure.kinds import COMPILED, measurer
from analysis.structure.latex import compile as latex_compile
from analysis.structure.latex import metrics as latex
from analysis.structure.sandbox import parallel
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.settings import Measure
from pipeline.lm.text import PARTS, PreparedText

Row = dict[str, Any]
COLUMNS = ("corpus", "kind", "part", "windows", "kb", "wall_s", "cpu_s")


def parts(
    kind: str, text: PreparedText, settings: Measure
) -> Iterator[tuple[str, Callable[[bytes], Any]]]:
    """What reads a window, by name."""
    training = text.vocabulary.decode(text.part("train"))
    yield "delimiters", partial(fates, kind=kind)
    if kind == "c":
        files = c.Context.of(training)
        yield "parsers", partial(c.measure, context=files)
        yield "gcc", partial(c.measure_gcc, context=files)
    elif kind == "latex":
        documents = {part: text.vocabulary.decode(text.part(part)) for part in PARTS}
        yield "parsers", partial(latex.measure, context=latex.Context.of(documents))
        with latex_compile.dumped_format() as form:
            yield "pdflatex", partial(latex_compile.measure, form=form)
    yield "words", partial(prose.measure_words, context=prose.NOTHING)
    with measurer(kind, text, settings) as parsers:
        yield "all" if kind in COMPILED else "parsers, words", parsers


def rows(name: str, kind: str, text: PreparedText, size: int, settings: Measure) -> Iterator[Row]:
    """Time each part over `size` bytes of held-out text."""
    newline = int(text.vocabulary.encode(b"\n")[0])
    ids = text.part("test")[:size]
    edges = window_edges(ids, settings.structure_window, newline)
    windows = [text.vocabulary.decode(ids[start:stop]) for start, stop in pairwise(edges)]
    about: Row = {"corpus": name, "kind": kind, "windows": len(windows), "kb": edges[-1] / 1e3}
    for part, read in parts(kind, text, settings):
        yield {**about, "part": part, **timed(partial(parallel, read, windows))}
    streams = partial(incidence_rows, name, windows, kind, settings)
    yield {**about, "part": "incidence", **timed(lambda: list(streams()))}


def timed(work: Callable[[], Any]) -> Row:
    """Seconds by the wall, and of CPU time of this process and those it started."""
    wall, before = time.perf_counter(), os.times()
    work()
    after = os.times()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": sum(after[:4]) - sum(before[:4])}


def table(found: list[Row]) -> str:
    """Rows as text, one column a field."""
    cells: list[tuple[str, ...]] = [COLUMNS]
    for row in found:
        values = (row[column] for column in COLUMNS)
        cells.append(tuple(f"{v:.2f}" if isinstance(v, float) else str(v) for v in values))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(value.rjust(width) for value, width in zip(line, widths, strict=True))
        for line in cells
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="+", help="names of prepared corpora")
    params.add_scale_options(parser)
    parser.add_argument("--bytes", type=int, default=100_000, help="of held-out text")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    config = params.load(params.params_file(arguments))
    settings, paths = params.measure(config), Paths.of(config)
    found: list[Row] = []
    for name in arguments.corpora:
        kind = params.select(config, "corpora", name).kind
        text = PreparedText.open(paths.text / name)
        found += rows(name, kind, text, arguments.bytes, settings)
    cores = len(os.sched_getaffinity(0))
    if arguments.json:
        print(json.dumps({"cores": cores, "load": os.getloadavg()[0], "rows": found}))
    else:
        print(f"{cores} cores, load {os.getloadavg()[0]:.1f}", table(found), sep="\n")


if __name__ == "__main__":
    console.run(main)
