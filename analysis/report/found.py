"""What was found, in sentences: each computed from results, left out while its runs are missing."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.claims.evidence.samples import rate_difference
from analysis.claims.verdicts import NOT_REPRODUCED, NOT_RUN, REPRODUCED, Verdict
from analysis.report.corpora import BRACKETS, kenlm_bits
from analysis.report.words import by_outcome, listed, percent, side, signed, span, title
from analysis.results import inside
from analysis.results.reader import COMPARED, NotRunError, Results
from analysis.results.run import RunResults
from analysis.statistics import Interval
from analysis.structure.events import JUDGED
from pipeline.lm.sources import (
    HELD_OUT,
    KENLM,
    NETWORK,
    NGRAM,
    TRAINED,
    UNTRAINED,
    label,
    members,
    ngram_source,
    temperature_source,
)

MOST = 7
"""Sentences that a reader has the patience for."""
FAR, MANY = 20, 100
"""Characters from an opening bracket on that are beyond the n-grams of the reply; so many brackets
of that kind tell enough."""
GAIN = 0.02
"""Bits a symbol that are worth more context."""
COPIED, LONG = "copied at 50", 20
"""The share of text inside copies of 50 characters or more; the n-gram's context that copies."""
RIVAL = 10
"""Symbols of context of the n-gram that the reply calls convincing."""
COMPILES = "gcc clean"
"""The share of functions without syntax error."""


@dataclass(frozen=True)
class Finding:
    """A sentence, the figures behind it, and where to look: an address within the reports."""

    words: str
    figures: str
    link: str


def findings(results: Results, claims: list[Verdict]) -> list[Finding]:
    """At most `MOST` sentences; the last tells which claims hold."""
    found = []
    for find in FOUND:
        with suppress(NotRunError):
            found.append(find(results))
    return [*found[: MOST - 1], *settled(claims)]


def prediction(results: Results) -> Finding:
    """Network against smoothed counts, on every corpus that has both."""
    leads, said = {}, []
    for run in _runs(results, RunResults.training):
        with suppress(NotRunError):
            counts = run.best_kenlm()
            lead = leads[run.name] = run.bits_difference(NETWORK, counts)
            own, other = (run.bits(source).estimate for source in (NETWORK, counts))
            said.append(f"{title(run)} {own:.2f} against {other:.2f}, difference {signed(lead)}")
    words = by_outcome(
        results,
        leads,
        "{where} the network predicts unseen text better than smoothed n-gram counts",
        "{where} network and counts do equally well, as far as can be told",
        "{where} counts do better",
    )
    if len({side(gap) for gap in leads.values()}) > 1:
        words = f"Neither networks nor counts win everywhere. {words}"
    return Finding(words, f"Bits a symbol, network against counts: {'; '.join(said)}.", "#context")


def judged(results: Results) -> Finding:
    """Whose samples a classifier takes for real: the network's or a long n-gram's."""
    gaps, said = {}, []
    for run in _runs(results, RunResults.training):
        with suppress(NotRunError):
            own, other = (run.rate(JUDGED, s) for s in (COMPARED, ngram_source(RIVAL)))
            gap = rate_difference(results, run.name, JUDGED, COMPARED, other=ngram_source(RIVAL))
            gaps[run.name] = Interval(*gap[:3], own.n)
            said.append(f"{title(run)} {percent(own)} against {percent(other)}")
    samples = "{where} the network's samples are"
    judge = "to tell from real text, for a classifier that reads letters and words,"
    rival = f"those of the n-gram with {RIVAL} symbols of context"
    words = by_outcome(
        results,
        gaps,
        f"{samples} harder {judge} than {rival}",
        f"{samples} as hard {judge} as {rival}",
        f"{samples} easier {judge} than {rival}",
    )
    figures = (
        "How well it tells them from real text (50 % is guessing), by runs of 3 to 5 characters "
        "and by words that are none, network against n-gram: "
    )
    return Finding(words, f"{figures}{'; '.join(said)}.", "#G1")


def closing(results: Results) -> Finding:
    """Closing brackets far from their opening, on the corpus that has most of them."""
    run, closers = _brackets(results)
    table = run.table("closing")
    far = table[table["closer"].isin(closers) & (table["distance"] >= FAR)]
    sums = far.groupby("source")[["probability", "n"]].sum()
    means = sums["probability"] / sums["n"]
    counts = members(means.index, NGRAM, KENLM)
    best = max(counts, key=lambda source: means[source])
    lead = run.closing_difference(closers, FAR, NETWORK, best)
    number = int(sums["n"][NETWORK])
    outcome = {1: "", 0: ", which cannot be told apart", -1: ": the counts do better"}[side(lead)]
    return Finding(
        f"Where a bracket was opened {FAR} characters back or more, on {title(run)}, the network "
        f"gives the right closing one a probability of {means[NETWORK]:.0%}, the best counts "
        f"{means[best]:.0%}{outcome}.",
        f"{title(run)}, {number:,} closing brackets: probability of the true one "
        f"{means[NETWORK]:.2f} by the network, {means[best]:.2f} by the best of the counts "
        f"({label(best)}), difference {signed(lead)}.",
        "#far",
    )


def _brackets(results: Results) -> tuple[RunResults, list[str]]:
    """The run with most brackets that were opened long before, and their kinds."""
    most: dict[tuple[str, str], int] = {}
    for run in _runs(results, RunResults.training):
        with suppress(NotRunError):
            table = run.table("closing")
            mine = table[(table["source"] == NETWORK) & (table["distance"] >= FAR)]
            for closer, n in mine.groupby("closer")["n"].sum().items():
                if closer in BRACKETS:
                    most[run.name, str(closer)] = int(n)
    enough = {key: n for key, n in most.items() if n >= MANY}
    if not enough:
        raise NotRunError("waits for a text with brackets")
    name, closer = max(enough, key=lambda key: enough[key])
    return results.run(name), [closer]


def compiling(results: Results) -> Finding:
    """How many of the functions that are written parse, on the first corpus of C with samples."""
    runs = _runs(results, lambda run: run.rate(COMPILES, COMPARED))
    if not runs:
        raise NotRunError("waits for samples of C")
    wanted = {"the network": COMPARED, f"the n-gram with {LONG} symbols of context":
              ngram_source(LONG), "real code": HELD_OUT}  # fmt: skip
    rates = {name: runs[0].rate(COMPILES, source) for name, source in wanted.items()}
    network, counts, real = (f"{rate.estimate:.0%}" for rate in rates.values())
    said = [f"{name} {percent(rate)}" for name, rate in rates.items()]
    return Finding(
        f"In {network} of the C functions that the network writes gcc finds no syntax error; of "
        f"those of the n-gram with {LONG} symbols of context it is {counts}, of real ones {real}.",
        f"{title(runs[0])}, functions without syntax error: {'; '.join(said)}.",
        "#P9",
    )


def context(results: Results) -> Finding:
    """From how many symbols of context on counts gain nothing."""
    enough: list[tuple[str, int]] = []
    still: list[str] = []
    for run in map(results.run, results.config.baselines):
        found = {at: i.estimate for at, i in kenlm_bits(run).items()}
        if found:
            first = min(at for at, bits in found.items() if bits <= min(found.values()) + GAIN)
            if first < max(found):
                enough.append((title(run), first))
            else:
                still.append(title(run))
    if not enough:
        raise NotRunError("waits for a baseline")
    low, high = (bound(at for _, at in enough) for bound in (min, max))
    needed = f"{low} to {high}" if low < high else f"{low}"
    but = f", except on {listed(still)}, where they still do" if still else ""
    said = [f"{name} {at}" for name, at in enough]
    return Finding(
        f"Counts gain next to nothing beyond {needed} symbols of context{but}.",
        f"Context from which on more gains less than {GAIN} bits: {'; '.join(said)}.",
        "#context",
    )


def copying(results: Results) -> Finding:
    """How much of each model's text is copied, over all corpora."""
    wanted = {f"the n-gram with {LONG} symbols of context": ngram_source(LONG),
              "the network": COMPARED, "real text": HELD_OUT}  # fmt: skip
    shares = {
        name: [rate.estimate for rate in _rates(results, COPIED, source)]
        for name, source in wanted.items()
    }
    copier, own = shares[f"the n-gram with {LONG} symbols of context"], shares["the network"]
    if not copier or not own:
        raise NotRunError("waits for samples")
    said = [
        f"{name} {span(known)}, {len(known)} corpora" for name, known in shares.items() if known
    ]
    return Finding(
        f"The n-gram with {LONG} symbols of context copies: {span(copier)} of what it writes "
        "stands in its training text, 50 characters and more at a time. Of the network's samples "
        f"it is {span(own)}.",
        f"Lowest and highest: {'; '.join(said)}.",
        "#G4",
    )


def cells(results: Results) -> Finding:
    """The share of cells that mean something by themselves, over all networks."""
    found = [(title(run), run.cells()["shares"]) for run in _runs(results, RunResults.cells)]
    if not found:
        raise NotRunError("waits for cells")
    own, before = (
        [Interval(**shares[state]["interpretable"]) for _, shares in found]
        for state in (TRAINED, UNTRAINED)
    )
    said = [
        f"{name} {share.estimate:.1%} [{share.low:.1%}, {share.high:.1%}]"
        for (name, _), share in zip(found, own, strict=True)
    ]
    return Finding(
        f"Depending on the text, {span([i.estimate for i in own])} of a network's cells, the units "
        "of its memory, follow a feature such as quotations each by itself; before training it is "
        f"{span([i.estimate for i in before])}. The post guesses 5%.",
        f"Cells that follow a feature of the text: {'; '.join(said)}.",
        "#P14",
    )


def loops(results: Results) -> Finding:
    """How many greedy samples end in a loop, and how many of nearly greedy ones."""
    runs = _runs(results, lambda run: run.own_table("loops"))
    tables = [inside.loop_periods(run) for run in runs]
    if not tables:
        raise NotRunError("waits for samples of a network")
    sums = pd.concat(tables).groupby("source")[["looping", "streams"]].sum().astype(int)
    asked = [temperature_source(temperature) for temperature in (0.0, 0.1)]
    if not set(asked) <= set(sums.index):
        raise NotRunError("waits for greedy samples and such at temperature 0.1")
    greedy, warm = (sums.loc[source] for source in asked)
    shares = [f"{row['looping'] / row['streams']:.0%}" for row in (greedy, warm)]
    return Finding(
        f"A network that always writes the likeliest symbol often ends in a loop: {shares[0]} of "
        f"such samples do, {shares[1]} of those at temperature 0.1.",
        f"Over {len(tables)} networks {greedy['looping']} of {greedy['streams']} samples, and "
        f"{warm['looping']} of {warm['streams']}.",
        "#P4",
    )


def settled(claims: list[Verdict]) -> list[Finding]:
    """How many claims hold, and which do not; nothing while none is settled."""
    done = [claim for claim in claims if claim.verdict != NOT_RUN]
    if not done:
        return []
    hold = sum(claim.verdict == REPRODUCED for claim in done)
    failed = [claim for claim in done if claim.verdict == NOT_REPRODUCED]
    words = (
        f"Of {len(done)} claims that were put to the test {hold} hold, {len(failed)} do not, "
        f"{len(done) - hold - len(failed)} remain open; {len(claims) - len(done)} wait for runs."
    )
    if of_post := [f"“{claim.short}”" for claim in failed if claim.source == "post"]:
        words += f" What does not hold of the post, in short: {listed(of_post)}."
    named = [f"“{claim.claim.rstrip('.')}” ({claim.id})" for claim in failed]
    figures = f"What does not hold: {listed(named)}." if failed else ""
    return [Finding(words, figures, "#claims")]


FOUND: tuple[Callable[[Results], Finding], ...] = (
    prediction, judged, closing, compiling, copying, cells, context, loops,
)  # fmt: skip
"""In the order of interest."""


def _runs(results: Results, needed: Callable[[RunResults], Any]) -> list[RunResults]:
    """The runs named as their corpora that have a result."""
    found = []
    for run in map(results.run, results.config.baselines):
        with suppress(NotRunError):
            needed(run)
            found.append(run)
    return found


def _rates(results: Results, metric: str, source: str) -> list[Interval]:
    """A metric of one source, of every corpus that has it."""
    found = []
    for run in map(results.run, results.config.baselines):
        with suppress(NotRunError):
            found.append(run.rate(metric, source))
    return found
