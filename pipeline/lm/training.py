"""Training a recurrent network by truncated BPTT: resumable at any step, the same every time.

The objective is char-rnn's: cross-entropy summed over the T symbols of a window and averaged over
the N streams; clipping acts on the gradient of that.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.lm.batches import Streams
from pipeline.lm.errors import InputError
from pipeline.lm.recurrent import LayerState, RecurrentNetwork

IGNORED = -100
"""Target id that the loss passes over: a symbol outside the vocabulary."""


class Recipe(Protocol):
    """The settings training reads; conf/train/post.yaml explains each."""

    optimizer: str
    learning_rate: float
    rmsprop_decay: float
    schedule: str
    decay: float
    decay_after: int
    warm_up: int
    clip: str
    clip_at: float
    epochs: int
    precision: str
    carry_state: bool
    keep: str
    evaluations: int


def chosen_precision(wanted: str, device: torch.device) -> torch.dtype:
    """The arithmetic of the matrix products. `auto` is bfloat16 where the processor has it."""
    if wanted != "auto":
        return getattr(torch, wanted)
    if device.type == "cuda":
        return torch.bfloat16
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def rate_at(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The learning rate of step `step` (from 0)."""
    if recipe.schedule == "epoch_decay":
        late_epochs = max(0, step // steps_per_epoch - recipe.decay_after + 1)
        return recipe.learning_rate * recipe.decay**late_epochs
    # A short run still spends most of its steps past the warm-up.
    total = recipe.epochs * steps_per_epoch
    warm_up = min(recipe.warm_up, total // 5)
    if step < warm_up:
        return recipe.learning_rate * (step + 1) / warm_up
    return (
        recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (total - warm_up)))
    )


@dataclass
class Progress:
    """Where a training stands; everything but the tensors."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    """Lowest validation cross-entropy so far, in nats per symbol."""
    history: list[dict[str, float]] = field(default_factory=list)


class Trainer:
    """One training of one network on one text."""

    def __init__(
        self,
        network: RecurrentNetwork,
        train: Streams,
        validation: Streams | None,
        recipe: Recipe,
        seed: int,
        device: torch.device,
    ) -> None:
        self.network, self.train, self.validation = network.to(device), train, validation
        self.recipe, self.device = recipe, device
        self.dtype = chosen_precision(recipe.precision, device)
        parameters = list(network.parameters())
        self.optimizer: torch.optim.Optimizer
        if recipe.optimizer == "rmsprop":
            self.optimizer = torch.optim.RMSprop(
                parameters, recipe.learning_rate, alpha=recipe.rmsprop_decay
            )
        else:
            self.optimizer = torch.optim.Adam(parameters, recipe.learning_rate)
        self.progress = Progress()
        self.state = network.start(train.n)
        self.best_weights = _copied(network)
        self._loss_sum = torch.zeros((), device=device)
        self._norm = torch.zeros((), device=device)
        torch.manual_seed(seed + 1)  # dropout's stream, apart from the initialisation's

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.recipe.epochs * self.train.windows

    def evaluation_steps(self) -> set[int]:
        """The steps after which the validation part is scored, the last always."""
        count = min(self.recipe.evaluations, self.steps)
        return {round(self.steps * (k + 1) / count) for k in range(count)}

    def run(self) -> Iterator[int]:
        """Train to the end, yielding after each step the number of steps done."""
        evaluation_steps = self.evaluation_steps()
        while self.progress.step < self.steps:
            began = time.perf_counter()
            self._step()
            if self.progress.step in evaluation_steps:
                self._record(began)
            self.progress.seconds += time.perf_counter() - began
            yield self.progress.step

    def _step(self) -> None:
        index = self.progress.step % self.train.windows
        if index == 0 or not self.recipe.carry_state:
            self.state = self.network.start(self.train.n)
        rate = rate_at(self.recipe, self.progress.step, self.train.windows)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        ids = torch.from_numpy(self.train.read(index)).to(self.device, non_blocking=True)
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss, state = self._loss(ids, self.state)
        (loss * self.train.window).backward()
        self._clip()
        self.optimizer.step()
        self.state = [tuple(tensor.detach() for tensor in layer) for layer in state]
        self._loss_sum += loss.detach()
        self.progress.step += 1

    def _loss(self, ids: Tensor, state: list[LayerState]) -> tuple[Tensor, list[LayerState]]:
        """Mean cross-entropy in nats of ids (T + 1, N), and the state reached."""
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            logits, state = self.network(ids[:-1], state)
        targets = ids[1:]
        targets = torch.where(targets < self.network.size, targets, IGNORED)
        loss = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
        return loss, [tuple(tensor.float() for tensor in layer) for layer in state]

    def _clip(self) -> None:
        parameters = list(self.network.parameters())
        if self.recipe.clip == "value":
            self._norm = nn.utils.get_total_norm(p.grad for p in parameters if p.grad is not None)
            nn.utils.clip_grad_value_(parameters, self.recipe.clip_at)
        else:
            self._norm = nn.utils.clip_grad_norm_(parameters, self.recipe.clip_at)

    @torch.no_grad()
    def validate(self) -> float:
        """Mean cross-entropy of the validation part, nats per symbol, state carried throughout."""
        assert self.validation is not None
        self.network.eval()
        state = self.network.start(self.validation.n)
        total = torch.zeros((), device=self.device)
        for index in range(self.validation.windows):
            ids = torch.from_numpy(self.validation.read(index)).to(self.device)
            loss, state = self._loss(ids, state)
            total += loss
        return total.item() / self.validation.windows

    def _record(self, step_began: float) -> None:
        """Add a row to the history, keep the best weights, stop if the loss exploded."""
        last = self.progress.history[-1] if self.progress.history else {"step": 0, "seconds": 0.0}
        steps = self.progress.step - int(last["step"])
        train_loss = self._loss_sum.item() / steps
        self._loss_sum.zero_()
        seconds = self.progress.seconds + time.perf_counter() - step_began
        if not math.isfinite(train_loss):
            raise InputError(
                f"the loss is {train_loss} at step {self.progress.step}: the last good checkpoint "
                "is kept; lower train.learning_rate or train.clip_at"
            )
        validation_loss = math.nan if self.validation is None else self.validate()
        step = self.progress.step
        symbols = self.train.n * self.train.window
        self.progress.history.append(
            {
                "step": step,
                "epoch": step / self.train.windows,
                "symbols": step * symbols,
                "train_bits": train_loss / math.log(2),
                "validation_bits": validation_loss / math.log(2),
                "learning_rate": self.optimizer.param_groups[0]["lr"],
                "gradient_norm": self._norm.item(),
                "seconds": seconds,
                "symbols_per_second": steps * symbols / (seconds - last["seconds"]),
            }
        )
        best_so_far = validation_loss < self.progress.best
        if best_so_far or self.recipe.keep == "last" or self.validation is None:
            self.progress.best = validation_loss
            self.best_weights = _copied(self.network)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors a training needs to go on as if never stopped."""
        tensors = {f"weights.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best_weights.items()}
        for i, layer in enumerate(self.state):
            tensors |= {f"state.{i}.{j}": tensor for j, tensor in enumerate(layer)}
        for i, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v for k, v in slots.items()}
        tensors["loss_sum"] = self._loss_sum
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        return tensors

    def restore(self, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        """Take up what `tensors` and `Progress` held."""
        groups: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            prefix, _, rest = name.partition(".")
            groups.setdefault(prefix, {})[rest] = tensor
        self.network.load_state_dict(groups["weights"])
        self.best_weights = groups["best"]
        depth = 2 if self.network.cell == "lstm" else 1
        self.state = [
            tuple(groups["state"][f"{i}.{j}"].to(self.device) for j in range(depth))
            for i in range(len(self.network.layers))
        ]
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in groups.get("optimizer", {}).items():
            index, _, key = name.partition(".")
            slots.setdefault(int(index), {})[key] = tensor
        whole = self.optimizer.state_dict()
        self.optimizer.load_state_dict({**whole, "state": slots})
        self._loss_sum = groups["loss_sum"][""].to(self.device)
        torch.set_rng_state(groups["random"]["cpu"])
        if self.device.type == "cuda" and "cuda" in groups["random"]:
            torch.cuda.set_rng_state(groups["random"]["cuda"], self.device)
        self.progress = Progress(**progress)


def _copied(network: RecurrentNetwork) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
