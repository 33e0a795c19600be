"""What an architecture comes to, without a network: V = `size` symbols, H = `hidden` units."""

CARD = "model.json"
"""Beside a network's weights: its architecture, and what made it."""
BLOCKS = {"lstm": 4, "gru": 3, "rnn": 1}
"""Of H rows each, in the matrices of a layer."""


def parameter_count(size: int, cell: str, layers: int, hidden: int) -> int:
    """Trained numbers (claim P1): each layer has two matrices and two biases, the decoder one."""
    inputs = size + (layers - 1) * hidden
    recurrent = BLOCKS[cell] * hidden * (inputs + layers * (hidden + 2))
    return recurrent + size * (hidden + 1)
