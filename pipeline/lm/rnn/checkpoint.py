"""Trained networks and interrupted trainings as safetensors with JSON: never pickles."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write, read_json, write_json
from pipeline.lm.rnn.architecture import CARD
from pipeline.lm.rnn.network import RecurrentNetwork

WEIGHTS, CHECKED = "weights.safetensors", "checked"
IDENTITY = ("architecture", "experiment", "data_sha256")
"""Of a card, what the weights say too, so that files of two trainings are not taken for one."""


def write_tensors(path: Path, tensors: dict[str, Tensor], about: Any) -> None:
    """Tensors and a JSON value in one file, atomically, with a digest of both."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One key only: of several, safetensors keeps no order, and equal files should be equal bytes.
    checked = {"about": about, "sha256": _digest(whole, about)}
    with atomic_write(path) as file:
        file.write(save(whole, {CHECKED: json.dumps(checked)}))


def _digest(tensors: dict[str, Tensor], about: Any) -> str:
    digest = sha256(json.dumps(about).encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    """What `write_tensors` wrote; InputError if the file is damaged or of another kind."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
        if "about" in metadata:  # from before there were digests
            return tensors, json.loads(metadata["about"])
        checked = json.loads(metadata[CHECKED])
        if checked["sha256"] != _digest(tensors, checked["about"]):
            raise ValueError("its digest is another")
        return tensors, checked["about"]
    except FileNotFoundError as error:
        raise InputError(
            f"{path} is missing: train it (dvc repro), or bring what has been trained "
            "(dvc pull --allow-missing)"
        ) from error
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
    whole = {"architecture": architecture, **card}
    weights = {name: tensor.half() for name, tensor in network.state_dict().items()}
    write_tensors(folder / WEIGHTS, weights, _identity(whole))
    write_json(folder / CARD, whole)


def _identity(card: dict[str, Any]) -> dict[str, Any]:
    return {key: card[key] for key in IDENTITY if key in card}


def load_network(folder: Path) -> RecurrentNetwork:
    """What `save_network` wrote, in single precision on the CPU."""
    weights, about = read_tensors(folder / WEIGHTS)
    card = read_json(folder / CARD)
    try:
        if about not in (_identity(card), card["architecture"]):
            raise ValueError("they are of two trainings")
        network = RecurrentNetwork(**card["architecture"])
        network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{folder / WEIGHTS} and {CARD} disagree ({reason}): put back those that belong "
            "together, or train again"
        ) from error
    if not all(torch.isfinite(weight).all() for weight in network.parameters()):
        raise InputError(f"{folder / WEIGHTS} holds weights that are not numbers: train again")
    return network
