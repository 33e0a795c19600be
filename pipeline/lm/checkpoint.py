"""Trained networks and interrupted trainings as safetensors with JSON: never pickles."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pipeline.lm.errors import InputError
from pipeline.lm.files import atomic_write, read_json, write_json
from pipeline.lm.recurrent import RecurrentNetwork

WEIGHTS, CARD = "weights.safetensors", "model.json"


def write_tensors(path: Path, tensors: dict[str, Tensor], about: Any) -> None:
    """Tensors and a JSON value in one file, atomically."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_write(path) as file:
        file.write(save(whole, {"about": json.dumps(about)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    """What `write_tensors` wrote; InputError if the file is damaged or of another kind."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads((file.metadata() or {})["about"])
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: train first (dvc repro)") from error
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{path} is not a whole safetensors checkpoint ({error}): delete it and train again"
        ) from error


def save_network(folder: Path, network: RecurrentNetwork, card: dict[str, Any]) -> None:
    """The weights in half precision, and model.json: the architecture and `card`."""
    architecture = {
        "size": network.size,
        "cell": network.cell,
        "layers": len(network.layers),
        "hidden": network.hidden,
        "dropout": network.dropout,
    }
    weights = {name: tensor.half() for name, tensor in network.state_dict().items()}
    write_tensors(folder / WEIGHTS, weights, architecture)
    write_json(folder / CARD, {"architecture": architecture, **card})


def load_network(folder: Path) -> RecurrentNetwork:
    """What `save_network` wrote, in single precision on the CPU."""
    weights, _ = read_tensors(folder / WEIGHTS)
    try:
        network = RecurrentNetwork(**read_json(folder / CARD)["architecture"])
        network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except (KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{folder}: weights and model.json disagree ({reason})") from error
    if not all(torch.isfinite(weight).all() for weight in network.parameters()):
        raise InputError(f"{folder / WEIGHTS} holds weights that are not numbers: train again")
    return network
