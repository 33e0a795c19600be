"""Figures and names of corpora as parts of sentences."""

from collections.abc import Iterable, Mapping, Sequence

from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from analysis.statistics import Interval

MEGABYTE = 1e6
MANY = 4
"""So many names in a row say less than their number."""


def by_outcome(
    results: Results, differences: Mapping[str, Interval], below: str, even: str, above: str
) -> str:
    """A sentence with a part for each outcome: the corpora whose difference lies below 0, holds 0,
    lies above 0; of many that agree only how many they are."""
    parts = []
    for sign, words in ((-1, below), (0, even), (1, above)):
        where = [sized(results, name) for name, gap in differences.items() if side(gap) == sign]
        if MANY <= len(where) == len(differences):
            parts.append(words.format(where=f"on all {len(where)} texts measured"))
        elif where:
            parts.append(words.format(where=f"on {listed(where)}"))
    if not parts:
        raise NotRunError("waits for a network and counts of one corpus")
    return f"{'; '.join(parts)[:1].upper()}{'; '.join(parts)[1:]}."


def side(gap: Interval) -> int:
    """-1, 0 or 1: an interval below 0, with 0 in it, above 0."""
    return int(gap.low > 0) - int(gap.high < 0)


def heading(run: RunResults) -> str:
    """The title of a run's corpus, without what stands in brackets."""
    return run.title.split(" (")[0]


def title(run: RunResults) -> str:
    """The first words of the title of a run's corpus, as they stand within a sentence."""
    name = heading(run).split(", ")[0]
    return name[:1].lower() + name[1:] if name.startswith(("The ", "All ", "First ")) else name


def sized(results: Results, name: str) -> str:
    """The title of a run's corpus, and how large that is."""
    run = results.run(name)
    size = results.manifest(run.corpus)["bytes"] / MEGABYTE
    digits = f"{size:.1g}" if size < 1 else f"{size:.0f}"
    return f"{title(run)} ({digits} MB)"


def listed(names: Iterable[str]) -> str:
    """a, b and c."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def signed(gap: Interval) -> str:
    """A difference with its sign and interval."""
    return f"{gap.estimate:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"


def percent(rate: Interval) -> str:
    """A share with its interval."""
    return f"{rate.estimate:.1%} [{rate.low:.1%}, {rate.high:.1%}]"


def span(shares: Sequence[float]) -> str:
    """The lowest and the highest of some shares."""
    low, high = f"{min(shares):.1%}", f"{max(shares):.1%}"
    return low if low == high else f"{low} to {high}"
