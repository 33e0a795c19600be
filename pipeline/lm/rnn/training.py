"""Training a recurrent network by truncated BPTT: resumable at any step, the same every time.

The objective is char-rnn's: cross-entropy summed over the T symbols of a window and averaged over
the N streams; clipping acts on the gradient of that.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.batches import Streams, Windows
from pipeline.lm.rnn.hardware import Plan, keep_freed_memory, plan, processor, threads
from pipeline.lm.rnn.network import LayerState, RecurrentNetwork
from pipeline.lm.rnn.parallel import Workers
from pipeline.lm.rnn.schedule import Recipe, planned_steps, rate_at

IGNORED = -100
"""Target id that the loss passes over: a symbol outside the vocabulary."""


EXPLODED = 3.0
"""A loss this many times that of a uniform guess has exploded; char-rnn compares with its first."""


@dataclass
class Progress:
    """Where a training stands; everything but the tensors."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    """Validation cross-entropy of the weights that are kept, in nats per symbol: the lowest so far,
    or the last."""
    history: list[dict[str, float]] = field(default_factory=list)
    machines: dict[str, int] = field(default_factory=dict)
    """Steps done by each kind of processor and precision."""

    @property
    def stale(self) -> int:
        """Evaluations since the one with the lowest validation cross-entropy."""
        bits = [row["validation_bits"] for row in self.history]
        return len(bits) - 1 - bits.index(min(bits)) if bits else 0


class Trainer:
    """One training of one network on one text; of several processes, the share of this one.

    `network` stays as it is; `self.network` is the one that learns, in the shapes that suit the
    device.
    """

    def __init__(
        self,
        network: RecurrentNetwork,
        train: Streams,
        validation: Streams | None,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        workers: Workers | None = None,
        fitted: Plan | None = None,
    ) -> None:
        if device.type == "cpu":
            keep_freed_memory()
        self.workers = workers or Workers()
        self.train = train.part(self.workers.share(train.n))
        self.recipe, self.device = recipe, device
        self.plan = fitted or plan(recipe.precision, device, network, self.train.width)
        self.network = network.widened(self.plan.inputs).to(device)
        self.windows = Windows(self.train, device, self.plan.streams, network.size)
        self.held_out: Windows | None = None
        if validation is not None:
            lanes = plan(recipe.precision, device, network, validation.n).streams
            self.held_out = Windows(validation, device, lanes, network.size)
        self.optimizer = _optimizer(recipe, self.network)
        self.progress = Progress()
        self.state = self.network.start(self.plan.streams)
        self.best_weights = self.network.weights()
        self._loss_sum = torch.zeros((), device=device)
        self._norm = torch.zeros((), device=device)
        # Dropout's random numbers: apart from the initialisation's, and each process has its own.
        torch.manual_seed(seed + 1 + self.workers.rank)

    @property
    def steps(self) -> int:
        """Steps of the whole training, unless patience ends it before."""
        return planned_steps(self.recipe, self.train)

    def evaluation_steps(self) -> set[int]:
        """The steps after which the validation part is scored, the last always.

        They lie equally far apart, whatever ends the training before its last epoch.
        """
        whole = self.recipe.epochs * self.train.windows
        count = min(self.recipe.evaluations, whole)
        return {round(whole * (k + 1) / count) for k in range(count)} | {self.steps}

    @property
    def stopped_by(self) -> str | None:
        """What ended the training: `patience`, `symbols` or `epochs`; None if nothing has yet."""
        patience = self.recipe.patience
        if patience is not None and self.held_out is not None and self.progress.stale >= patience:
            return "patience"
        if self.progress.step < self.steps:
            return None
        return "epochs" if self.steps == self.recipe.epochs * self.train.windows else "symbols"

    def run(self) -> Iterator[int]:
        """Train to the end, yielding after each step the number of steps done."""
        evaluation_steps = self.evaluation_steps()
        machine = f"{processor(self.device)}, {str(self.plan.dtype).removeprefix('torch.')}"
        while self.stopped_by is None:
            began = time.perf_counter()
            with threads(self.plan.threads):
                self._step()
                if self.progress.step in evaluation_steps:
                    self._record(began)
            self.progress.machines[machine] = self.progress.machines.get(machine, 0) + 1
            self.progress.seconds += time.perf_counter() - began
            yield self.progress.step

    def _step(self) -> None:
        index = self.progress.step % self.train.windows
        if index == 0 or not self.recipe.carry_state:
            self.state = self.network.start(self.plan.streams)
        rate = rate_at(self.recipe, self.progress.step, self.train.windows, self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss, state = self._loss(self.windows[index], self.state)
        scale = self.plan.loss_scale / self.workers.count
        (loss * self.train.window * scale).backward()
        self._finish_gradients()
        self.optimizer.step()
        self.state = [tuple(tensor.detach() for tensor in layer) for layer in state]
        self._loss_sum += loss.detach()
        self.progress.step += 1

    def _loss(self, ids: Tensor, state: list[LayerState]) -> tuple[Tensor, list[LayerState]]:
        """Mean cross-entropy in nats of ids (T + 1, N), and the state reached."""
        dtype = self.plan.dtype
        with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
            logits, state = self.network(ids[:-1], state)
        targets = ids[1:]
        targets = torch.where(targets < self.network.size, targets, IGNORED)
        loss = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
        return loss, [tuple(tensor.float() for tensor in layer) for layer in state]

    def _finish_gradients(self) -> None:
        """The gradient of all streams, in natural units, clipped."""
        parameters = list(self.network.parameters())
        gradients = [p.grad for p in parameters if p.grad is not None]
        self.workers.sum_(gradients)
        if self.plan.loss_scale != 1:
            torch._foreach_div_(gradients, self.plan.loss_scale)
            for gradient in gradients:
                gradient.nan_to_num_(0.0)
        if self.recipe.clip == "value":
            self._norm = nn.utils.get_total_norm(gradients)
            nn.utils.clip_grad_value_(parameters, self.recipe.clip_at)
        else:
            self._norm = nn.utils.clip_grad_norm_(parameters, self.recipe.clip_at)

    @torch.no_grad()
    def validate(self) -> float:
        """Mean cross-entropy of the validation part, nats per symbol, state carried throughout."""
        assert self.held_out is not None
        self.network.eval()
        state = self.network.start(self.held_out.lanes)
        total = torch.zeros((), device=self.device)
        windows = self.held_out.streams.windows
        for index in range(windows):
            loss, state = self._loss(self.held_out[index], state)
            total += loss
        return total.item() / windows

    def _record(self, step_began: float) -> None:
        """Add a row to the history, keep the best weights, stop if the loss exploded."""
        before = self.progress.history[-1]["seconds"] if self.progress.history else 0.0
        steps = self._steps_since_row()
        self.workers.sum_([self._loss_sum])
        train_loss = self._loss_sum.item() / (steps * self.workers.count)
        self._loss_sum.zero_()
        seconds = self.progress.seconds + time.perf_counter() - step_began
        self._stop_if_exploded(train_loss)
        validation_loss = math.nan if self.held_out is None else self.validate()
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
                "symbols_per_second": steps * symbols / (seconds - before),
            }
        )
        best_so_far = validation_loss < self.progress.best
        if best_so_far or self.recipe.keep == "last" or self.held_out is None:
            self.progress.best = validation_loss
            self.best_weights = self.network.weights()

    def _steps_since_row(self) -> int:
        history = self.progress.history
        return self.progress.step - (int(history[-1]["step"]) if history else 0)

    def _stop_if_exploded(self, loss: float) -> None:
        """InputError if the mean loss says so (char-rnn's rule), or the weights do."""
        weights = torch.stack([weight.detach().sum() for weight in self.network.parameters()])
        worst = EXPLODED * math.log(max(self.network.size, 2))
        if not loss <= worst or not weights.isfinite().all():
            raise InputError(
                f"training exploded: the loss is {loss:.4g} nats per symbol at step "
                f"{self.progress.step}; the last good checkpoint is kept: lower "
                "train.learning_rate or train.clip_at"
            )

    def tensors(self) -> dict[str, Tensor]:
        """All tensors a training needs to go on as if never stopped; InputError if it exploded.

        Of several processes each must call this, and each gets the tensors of all.
        """
        self._stop_if_exploded(self._loss_sum.item() / max(1, self._steps_since_row()))
        tensors = {f"weights.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best_weights.items()}
        for i, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v for k, v in slots.items()}
        for name, own in self._own_tensors().items():
            tensors |= {f"{name}.{k}": t for k, t in enumerate(self.workers.gathered(own))}
        return tensors

    def _own_tensors(self) -> dict[str, Tensor]:
        """What each process has for itself: hidden states, sum of losses, random states."""
        own = {
            f"state.{i}.{j}": tensor
            for i, layer in enumerate(self.state)
            for j, tensor in enumerate(layer)
        }
        own["loss_sum"] = self._loss_sum
        own["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            own["random.cuda"] = torch.cuda.get_rng_state(self.device)
        return own

    def restore(self, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        """Take up what `tensors` and `Progress` held, with as many processes as then."""
        groups: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            prefix, _, rest = name.partition(".")
            groups.setdefault(prefix, {})[rest] = tensor
        self.network.load_state_dict(groups["weights"])
        self.best_weights = groups["best"]
        own = {name: tensors[f"{name}.{self.workers.rank}"] for name in self._own_tensors()}
        self.state = [
            tuple(own[f"state.{i}.{j}"].to(self.device) for j in range(len(layer)))
            for i, layer in enumerate(self.state)
        ]
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in groups.get("optimizer", {}).items():
            index, _, key = name.partition(".")
            slots.setdefault(int(index), {})[key] = tensor
        whole = self.optimizer.state_dict()
        self.optimizer.load_state_dict({**whole, "state": slots})
        self._loss_sum = own["loss_sum"].to(self.device)
        torch.set_rng_state(own["random.cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(own["random.cuda"], self.device)
        self.progress = Progress(**progress)


def _optimizer(recipe: Recipe, network: RecurrentNetwork) -> torch.optim.Optimizer:
    if recipe.optimizer == "rmsprop":
        return torch.optim.RMSprop(
            network.parameters(), recipe.learning_rate, alpha=recipe.rmsprop_decay
        )
    return torch.optim.Adam(network.parameters(), recipe.learning_rate)
