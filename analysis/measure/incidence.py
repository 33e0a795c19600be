"""How delimiters end in text written freely: closed rightly or violated, by distance.

The free-running side of `closing`: of the delimiters that a sample opens, the share closed rightly,
or shown not to be, within so many bytes, those that the sample's end cuts off censored
(Aalen-Johansen). Each sample is one stream, read from the first place where nothing can be open;
the bootstrap is over streams. Held-out text, cut into as many streams as long, is the floor.

incidence.tsv has a row a source, closer and distance:
    source      whose text: held-out, ngram:10, kenlm:11, temperature:1, ...
    closer      class of closers, as in closing.tsv
    distance    bytes since the opening
    opened      delimiters of the class that the source opened
    censored    those cut off by a stream's end within the distance
    at_risk     those still open after it
    right, right_low, right_high            share closed rightly, with its interval
    violated, violated_low, violated_high   share violated: closed by another closer, or passed
                                            where nothing can be open any more
"""

from collections.abc import Iterator, Sequence
from typing import Any

from analysis.structure.delimiters.fates import beginning, fates, group, incidence
from pipeline.config.settings import Measure as Settings

COLUMNS = [
    "source", "closer", "distance", "opened", "censored", "at_risk",
    "right", "right_low", "right_high", "violated", "violated_low", "violated_high",
]  # fmt: skip


def incidence_rows(
    source: str, streams: Sequence[bytes], kind: str, settings: Settings
) -> Iterator[dict[str, Any]]:
    """The rows of one source, from its streams."""
    found = [fates(_judged(stream, kind), kind) for stream in streams]
    classes = {group(fate.closer) for stream in found for fate in stream}
    for closer in sorted(classes):
        rows = incidence(found, closer, settings.incidence_distances, **settings.bootstrap())
        ends = [f.ended > f.opened for s in found for f in s if group(f.closer) == closer]
        for row in rows:
            values = (
                source, closer, int(row.distance), sum(ends), row.censored, row.at_risk,
                *row.right[:3], *row.violated[:3],
            )  # fmt: skip
            yield dict(zip(COLUMNS, values, strict=True))


def _judged(stream: bytes, kind: str) -> bytes:
    """A stream without what may have begun before it, and without a last line that its end cut."""
    stop = stream.rfind(b"\n") + 1 or len(stream)
    return stream[beginning(stream, kind) : stop]
