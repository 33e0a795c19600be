"""A machine judge: how well a classifier tells samples from real text (claim G1).

Hashed n-grams of characters, the share of words that are none, and a logistic regression learn to
tell windows of a source from those of the validation part; then they judge other windows of the
source against the test part, of which no document was seen. The figure is the area under the ROC
curve: .5 cannot tell, 1 always does. It is the mean, over the windows of the source, of the share
of real windows that look more real; the real ones are not resampled. Held-out text itself, told
from held-out text, is the floor.

Without the words an n-gram of order 4 looks more real than one of order 10: it keeps the
frequencies of runs of up to 5 characters as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer

from analysis.structure.events import JUDGED, SHARE, Measure
from pipeline.config.settings import Measure as Settings
from pipeline.lm.text import PreparedText

GRAMS = (3, 5)
FEATURES = 1 << 17
STRENGTH = 10.0
"""Inverse of the regularisation. Of Paul Graham and an n-gram of order 7: shorter n-grams make the
judge worse (.68), the strength, from 1 to 100, little difference (.77 to .78)."""

WEIGHT = 10.0
"""Of the share of non-words among the features: a window's n-grams have the length 1 together."""

Windows = list[bytes]
Share = Callable[[bytes], float]


@dataclass(frozen=True)
class Judge:
    """Judges the sources of one text."""

    known: Windows
    """Real windows that it learns from."""
    real: Windows
    """Real windows that it tells samples from."""
    size: int
    most: int
    """Windows of each side that are learnt from, and that are judged."""
    non_words: Share
    """Of a window's words, those that are none."""

    @classmethod
    def of(cls, text: PreparedText, settings: Settings, non_words: Share) -> "Judge":
        """For samples of a prepared text."""
        size, most = settings.judge_window, settings.judge_windows
        known, real = (
            spread(cut(text.vocabulary.decode(text.part(part)), size), most)
            for part in ("val", "test")
        )
        return cls(known, real, size, most, non_words)

    def of_streams(self, streams: Sequence[bytes]) -> list[list[Measure]]:
        """How well each stream of a source is told from real text; every second one is learnt from
        and has no figure."""
        windows = [cut(stream, self.size) for stream in streams]
        learnt_from = [w for k, stream in enumerate(windows) if not k % 2 for w in stream]
        most = max(1, self.most // max(1, len(streams) // 2))
        judged = [spread(stream, most) if k % 2 else [] for k, stream in enumerate(windows)]
        return self._told(spread(learnt_from, self.most), self.known, judged, self.real)

    def of_real(self, streams: Sequence[bytes]) -> list[list[Measure]]:
        """The floor: how well every second window of real text is told from the others, by what
        tells every second one of the known from the others."""
        windows = [cut(stream, self.size) for stream in streams]
        judged = [stream[::2] for stream in windows]
        real = [window for stream in windows for window in stream[1::2]]
        return self._told(self.known[::2], self.known[1::2], judged, real)

    def _told(
        self, made: Windows, known: Windows, judged: Sequence[Windows], real: Windows
    ) -> list[list[Measure]]:
        """Of each stream of windows that are judged, what share of real ones look more real;
        nothing where there is too little text to learn from."""
        if not (made and known and real and any(judged)):
            return [[] for _ in judged]
        look = learnt(made, known, self.non_words)
        ranked = np.sort(look(real))
        return [
            [Measure(JUDGED, placed(look(stream), ranked), len(stream), SHARE)] if stream else []
            for stream in judged
        ]


def cut(text: bytes, size: int) -> Windows:
    """Windows of `size` bytes, one after the other; what is left over is left out."""
    return [text[at : at + size] for at in range(0, len(text) - size + 1, size)]


def spread(windows: Windows, most: int) -> Windows:
    """At most so many windows, evenly spread."""
    if len(windows) <= most:
        return windows
    return [windows[k * len(windows) // most] for k in range(most)]


def learnt(
    made: Windows, known: Windows, non_words: Share
) -> Callable[[Windows], NDArray[np.float64]]:
    """What tells made windows from real ones: a function of windows (n,) that is the larger the
    more they look made."""
    grams = HashingVectorizer(
        analyzer="char", ngram_range=GRAMS, n_features=FEATURES, lowercase=False,
        encoding="latin-1", alternate_sign=False,
    )  # fmt: skip
    words = FunctionTransformer(
        lambda windows: np.array([[WEIGHT * non_words(window)] for window in windows])
    )
    regression = LogisticRegression(
        C=STRENGTH, class_weight="balanced", solver="liblinear", random_state=0
    )
    model = make_pipeline(make_union(grams, words), regression)
    model.fit([*made, *known], [1] * len(made) + [0] * len(known))
    return model.decision_function


def placed(looks: NDArray, ranked: NDArray) -> float:
    """Sum over windows (n,) of the share of real ones, in order (m,), that look less made; of those
    that look alike half."""
    below, upto = (np.searchsorted(ranked, looks, side=side) for side in ("left", "right"))
    return float((below + upto).sum() / 2 / len(ranked))
