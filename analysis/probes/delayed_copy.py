"""What truncated BPTT can learn: to repeat a bit after a lag below its window, or above (claim V3).

Endless streams in which now and then a bit is shown, and as many steps later as the lag says it is
asked for; in between there is nothing. An LSTM is trained on windows of them, its state carried
from window to window or reset. What lies further back than the window has no gradient; the state
may hold it all the same, if by chance.

The error is the mean square; guessing, always one half, errs by a quarter.

Writes results/delayed_copy.tsv, a row a network: window, lag, carried, seed, steps, error and that
of guessing.
Shapes: T steps of a window, N streams.
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from analysis.probes.journal import journal
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import COUNT, POSITIVE, POSITIVE_FINITE, SEED, check
from pipeline.config.settings import UNITS
from pipeline.lm.io.processes import at_once, cores
from pipeline.lm.io.tables import write_table
from pipeline.lm.rnn.network import CELLS

COLUMNS = ["window", "lag", "carried", "seed", "steps", "error", "guessing"]
GUESSING = 0.25
REST = 3
"""Steps between an answer and the next bit."""


@dataclass
class Settings:
    """conf/inside.yaml says what each value means."""

    window: int
    lags: list[int]
    seeds: list[int]
    hidden: int
    forget_bias: float
    batch: int
    steps: int
    learning_rate: float
    clip_at: float
    tests: int

    def __post_init__(self) -> None:
        check(self, "delayed_copy", COUNT, "window", "lags", "batch", "steps", "tests")
        check(self, "delayed_copy", SEED, "seeds")
        check(self, "delayed_copy", UNITS, "hidden")
        check(self, "delayed_copy", POSITIVE_FINITE, "learning_rate")
        check(self, "delayed_copy", POSITIVE, "clip_at")


class Job(NamedTuple):
    """One network to train."""

    lag: int
    carried: bool
    seed: int


def windows(job: Job, settings: Settings) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Windows of endless streams, each from a place of its own: inputs (T, N, 2), a bit as 1 or -1
    and whether it is asked for; which steps are (T, N), and the bits asked for, 0 or 1, (T, N)."""
    random = torch.Generator().manual_seed(job.seed)
    period = job.lag + REST
    place = torch.randint(period, (settings.batch,), generator=random)
    bits = torch.randint(2, (settings.batch,), generator=random).float()
    while True:
        inputs = torch.zeros(settings.window, settings.batch, 2)
        asked = torch.zeros(settings.window, settings.batch, dtype=torch.bool)
        wanted = torch.zeros(settings.window, settings.batch)
        for t in range(settings.window):
            shown = place == 0
            fresh = torch.randint(2, (settings.batch,), generator=random).float()
            bits = torch.where(shown, fresh, bits)
            asked[t] = place == job.lag
            inputs[t, :, 0] = torch.where(shown, 2 * bits - 1, torch.zeros(()))
            inputs[t, :, 1] = asked[t]
            wanted[t] = bits
            place = (place + 1) % period
        yield inputs, asked, wanted


def train(job: Job, settings: Settings) -> dict[str, Any]:
    """Train and test one network. The same seed gives the same row."""
    torch.set_num_threads(1)
    torch.manual_seed(job.seed)
    layer, readout = CELLS["lstm"](2, settings.hidden), nn.Linear(settings.hidden, 1)
    layer.bias_ih_l0.data[settings.hidden : 2 * settings.hidden] = settings.forget_bias
    weights = [*layer.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(weights, settings.learning_rate)
    stream = windows(job, settings)
    state: tuple[Tensor, Tensor] | None = None

    def window() -> Tensor | None:
        """The mean square error of the next window; None if nothing is asked for in it."""
        nonlocal state
        inputs, asked, wanted = next(stream)
        outputs, (h, c) = layer(inputs, state if job.carried else None)
        state = h.detach(), c.detach()
        if not asked.any():
            return None
        told = torch.sigmoid(readout(outputs)[..., 0][asked])
        return functional.mse_loss(told, wanted[asked])

    for _ in range(settings.steps):
        if (error := window()) is None:
            continue
        optimizer.zero_grad()
        error.backward()
        nn.utils.clip_grad_norm_(weights, settings.clip_at)
        optimizer.step()
    with torch.no_grad():
        errors = [float(error) for _ in range(settings.tests) if (error := window()) is not None]
    return {"window": settings.window, **job._asdict(), "steps": settings.steps,
            "error": sum(errors) / len(errors), "guessing": GUESSING}  # fmt: skip


def measure_delayed_copy(config: DictConfig) -> None:
    """Train every network, as many at once as there are processors for."""
    settings = params.view(Settings, config.inside.delayed_copy, "inside.delayed_copy")
    paths = Paths.of(config)
    wanted = [Job(*each) for each in product(settings.lags, (True, False), settings.seeds)]
    with journal(paths.checkpoints, "delayed-copy", [Path(__file__)], asdict(settings)) as kept:
        missing = [job for job in wanted if str(job) not in kept.done]
        with tqdm(total=len(missing), desc="delayed copy", unit="network") as bar:

            def keep(job: Job, row: dict[str, Any]) -> None:
                kept.add(str(job), row)
                bar.update()

            at_once(partial(train, settings=settings), missing, cores(), keep)
        rows = [kept.done[str(job)] for job in wanted]
        write_table(paths.results / "delayed_copy.tsv", rows, COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.probes.delayed_copy", description=__doc__
    )
    params.add_scale_options(parser)
    measure_delayed_copy(params.load(params.params_file(parser.parse_args())))


if __name__ == "__main__":
    console.run(main)
