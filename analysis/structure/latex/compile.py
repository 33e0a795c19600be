r"""The share of theorem-like blocks that real pdflatex compiles.

A block is compiled alone, on a format that holds the preamble: TeX's errors cascade, so a block
passes or fails and errors are not counted. The text can neither start programs nor read or write
outside a temporary directory and TeX's own tree; time, memory and output are bounded.
"""

import re
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from analysis.structure.events import PER_THOUSAND, SHARE, Event, Measure
from analysis.structure.latex.lexer import synchronised
from analysis.structure.latex.metrics import Block, blocks
from analysis.structure.sandbox import Limits, run
from pipeline.lm.io.errors import InputError

MAX_BYTES = 64 * 1024
"""Longer blocks fail unread: real ones are shorter."""
RUN_BLOCKS = 50
LIMITS = Limits(cpu_seconds=10, output_bytes=4 << 20)
FORMAT_LIMITS = Limits(cpu_seconds=60, output_bytes=64 << 20)

# The packages, environments and macros of the Stacks project's preamble that its blocks need.
PREAMBLE = rb"""\documentclass{amsart}
\usepackage{amssymb}
\usepackage{verbatim}
\newenvironment{reference}{\comment}{\endcomment}
\newenvironment{slogan}{\comment}{\endcomment}
\newenvironment{history}{\comment}{\endcomment}
\usepackage[all]{xy}
\xyoption{2cell}
\UseAllTwocells
\usepackage{multicol}
\usepackage{hyperref}
\theoremstyle{plain}
\newtheorem{theorem}[subsection]{Theorem}
\newtheorem{proposition}[subsection]{Proposition}
\newtheorem{lemma}[subsection]{Lemma}
\theoremstyle{definition}
\newtheorem{definition}[subsection]{Definition}
\newtheorem{example}[subsection]{Example}
\newtheorem{exercise}[subsection]{Exercise}
\newtheorem{situation}[subsection]{Situation}
\theoremstyle{remark}
\newtheorem{remark}[subsection]{Remark}
\newtheorem{remarks}[subsection]{Remarks}
\numberwithin{equation}{subsection}
\def\lim{\mathop{\rm lim}\nolimits}
\def\colim{\mathop{\rm colim}\nolimits}
\def\Spec{\mathop{\rm Spec}}
\def\Hom{\mathop{\rm Hom}\nolimits}
\def\SheafHom{\mathop{\mathcal{H}\!{\it om}}\nolimits}
\def\Sch{\textit{Sch}}
\def\Mor{\mathop{\rm Mor}\nolimits}
\def\Ob{\mathop{\rm Ob}\nolimits}
\def\Sh{\mathop{\textit{Sh}}\nolimits}
\def\NL{\mathop{N\!L}\nolimits}
\def\proetale{{pro\text{-}\acute{e}tale}}
\def\etale{{\acute{e}tale}}
\def\QCoh{\textit{QCoh}}
\def\Ker{\text{Ker}}
\def\Im{\text{Im}}
\def\Coker{\text{Coker}}
\def\Coim{\text{Coim}}
"""

# The control characters that reach a terminal or end a line for TeX but not for us.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Compiled(NamedTuple):
    """What became of one block: `ok`, `error`, `too long`, `timeout` or how it was killed."""

    block: Block
    outcome: str


@contextmanager
def dumped_format(preamble: bytes = PREAMBLE) -> Iterator[Path]:
    """A TeX format that holds `preamble`, for as long as the block lasts.

    InputError if TeX is missing or cannot read the preamble.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "preamble.tex").write_bytes(preamble + b"\\dump\n")
        command = ("pdftex", "-ini", "-interaction=nonstopmode", "-halt-on-error")
        result = run((*command, "&pdflatex preamble.tex"), path, FORMAT_LIMITS)
        if result.status != "exited" or result.code or not (path / "preamble.fmt").exists():
            raise InputError(
                "pdflatex cannot read the preamble: install texlive-latex-recommended and "
                "texlive-pictures, then run again"
            )
        yield path / "preamble.fmt"


def compile_blocks(found: Sequence[Block], form: Path, limits: Limits = LIMITS) -> list[Compiled]:
    """Compile blocks on a dumped format; outcomes in their order. What repeats itself, as a sample
    in a loop does, is compiled once.

    TeX stops at the first error, so a run over many blocks passes those before it and fails the
    one it stops in; the next run starts behind that one.
    """
    different = list({block.text: block for block in found}.values())
    outcomes: list[str] = []
    while len(outcomes) < len(different):
        rest = different[len(outcomes) : len(outcomes) + RUN_BLOCKS]
        if len(rest[0].text) > MAX_BYTES:
            outcomes.append("too long")
            continue
        rest = list(takewhile(lambda block: len(block.text) <= MAX_BYTES, rest))
        passed, failure = _compile_until_error(rest, form, limits)
        outcomes += ["ok"] * passed
        if passed < len(rest):
            outcomes.append(failure)
    known = dict(zip((block.text for block in different), outcomes, strict=True))
    return [Compiled(block, known[block.text]) for block in found]


def _compile_until_error(found: Sequence[Block], form: Path, limits: Limits) -> tuple[int, str]:
    """How many blocks pass before the first that does not, and what stopped that one.

    A block passes if what follows it is reached, outside all groups: it can end the document
    itself, but it cannot know the words said after it.
    """
    word = f"passed {secrets.token_hex(8)}"
    say = b"\\typeout{%s \\the\\currentgrouplevel}\n" % word.encode()
    bodies = [_CONTROL.sub(b"?", block.text) + b"\n\n" + say for block in found]
    source = b"\\begin{document}\n%s%s\\end{document}\n" % (say, b"".join(bodies))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "blocks.tex").write_bytes(source)
        command = ("pdftex", "-draftmode", "-no-shell-escape", "-interaction=nonstopmode")
        result = run((*command, "-halt-on-error", f"-fmt={form}", "blocks.tex"), path, limits)
    levels = re.findall(word.encode() + rb" (\d+)", result.stdout)
    passed = len(list(takewhile(lambda level: level == levels[0], levels[1:])))
    return passed, "error" if result.status == "exited" else result.reason


def events(compiled: Sequence[Compiled]) -> list[Event]:
    """One event for each block, its outcome as in `Compiled`."""
    return [Event(one.block.position, "block", one.outcome) for one in compiled]


def measure(text: bytes, form: Path, limits: Limits = LIMITS) -> list[Measure]:
    """Figures of one window."""
    text = text[synchronised(text) :]
    found = compile_blocks(blocks(text), form, limits)
    passed = sum(one.outcome == "ok" for one in found)
    return [
        Measure("block compiles", passed, len(found), SHARE),
        Measure("blocks", len(found), len(text), PER_THOUSAND),
    ]
