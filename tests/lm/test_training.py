"""Training: it learns, resumes bitwise, keeps its trajectory, and stops when it explodes."""

import copy
import math
import subprocess
from dataclasses import asdict, replace
from mmap import PAGESIZE
from resource import RUSAGE_SELF, getrusage

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from pipeline.config import params
from pipeline.config.composition import composed
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn import hardware
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.checkpoint import load_network, read_tensors, save_network, write_tensors
from pipeline.lm.rnn.dropout import dropout
from pipeline.lm.rnn.hardware import Plan, chosen_precision, plan, processor_trains_in_bfloat16
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.rnn.schedule import rate_at
from pipeline.lm.rnn.training import Trainer
from tests.conftest import PROSE, prepare

NUMERICS = 1
GOLDEN = [4.61740, 4.33635, 4.31046, 4.31307]
"""Training bits per symbol of the first epochs at that version of the numerics."""


@pytest.fixture(scope="module")
def experiment():
    return params.experiment(OmegaConf.create(composed("full")), "shakespeare")


@pytest.fixture
def recipe(experiment):
    """The post's recipe, shrunk; each test's own, as some change it."""
    recipe = copy.deepcopy(experiment.train)
    recipe.batch, recipe.bptt, recipe.epochs, recipe.evaluations = 4, 16, 2, 4
    recipe.precision = "float32"
    return recipe


def trainer(text, recipe, cell="lstm", seed=1, dropout=0.2):
    torch.manual_seed(seed)
    network = RecurrentNetwork(text.vocabulary.size, cell, 2, 16, dropout)
    network.initialise(recipe.initialisation, recipe.uniform_range, recipe.forget_bias)
    streams = [Streams.fit(text.part(part), recipe.batch, recipe.bptt) for part in ("train", "val")]
    return Trainer(network, *streams, recipe, seed, torch.device("cpu"))


def bits(trained, column="train_bits"):
    return [row[column] for row in trained.progress.history]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_it_learns(prose, recipe, cell):
    trained = trainer(prose, recipe, cell)
    for _ in trained.run():
        pass
    assert bits(trained)[-1] < bits(trained)[0]
    assert bits(trained, "validation_bits")[-1] < math.log2(prose.vocabulary.size)


@pytest.mark.parametrize("stop", [1, 7, 30])
def test_a_resumed_training_ends_bitwise_the_same(prose, recipe, tmp_path, stop):
    whole = trainer(prose, recipe)
    for _ in whole.run():
        pass
    stopped = trainer(prose, recipe)
    for step in stopped.run():
        if step == stop:
            break
    write_tensors(tmp_path / "c", stopped.tensors(), asdict(stopped.progress))
    resumed = trainer(prose, recipe, seed=5)
    tensors, progress = read_tensors(tmp_path / "c")
    resumed.restore(tensors, progress)
    for _ in resumed.run():
        pass
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(weight, resumed.network.state_dict()[name]), name
    assert bits(whole) == bits(resumed)
    assert bits(whole, "validation_bits") == bits(resumed, "validation_bits")


def test_the_trajectory_is_that_of_this_version_of_the_numerics(prose, experiment, recipe):
    """Who changes what training computes raises `numerics` in conf/experiment and these figures."""
    trained = trainer(prose, recipe)
    for _ in trained.run():
        pass
    assert experiment.numerics == NUMERICS
    assert bits(trained) == pytest.approx(GOLDEN, abs=2e-3)


def test_a_start_at_the_frequencies_costs_their_entropy(prose, recipe):
    """What a network of three layers of 700 never gets below when it has to learn them."""
    counts = prose.counts("train")
    assert counts.sum() == len(prose.part("train")) and len(counts) == prose.vocabulary.size
    shares = counts[counts > 0] / counts.sum()
    recipe.initialisation = "frequencies"
    network = RecurrentNetwork.initial(recipe, 1, counts, cell="lstm", layers=3, hidden=64)
    streams = Streams.fit(prose.part("train"), recipe.batch, recipe.bptt)
    start = Trainer(network, streams, streams, recipe, 1, torch.device("cpu")).validate()
    assert start / math.log(2) == pytest.approx(-(shares * np.log2(shares)).sum(), abs=0.03)


def test_char_rnn_decays_after_epoch_ten(recipe):
    per_epoch, total = 7, 350
    assert rate_at(recipe, 9 * per_epoch + 6, per_epoch, total) == 0.002
    assert rate_at(recipe, 10 * per_epoch, per_epoch, total) == pytest.approx(0.002 * 0.97)
    assert rate_at(recipe, 12 * per_epoch, per_epoch, total) == pytest.approx(0.002 * 0.97**3)


@pytest.mark.parametrize("schedule", ["epoch_decay", "cosine"])
def test_the_rate_warms_up_in_every_schedule(recipe, schedule):
    recipe.schedule, recipe.warm_up = schedule, 4
    rates = [rate_at(recipe, step, 10, 100) for step in range(5)]
    assert rates[:4] == pytest.approx([0.0005, 0.001, 0.0015, 0.002])
    assert rates[4] == pytest.approx(0.002)
    assert rate_at(recipe, 0, 10, 10) == pytest.approx(0.001)  # a fifth of a short run at most


def test_a_budget_of_symbols_ends_a_training_and_changes_nothing_before(prose, recipe):
    whole, bounded = trainer(prose, recipe), trainer(prose, replace(recipe, symbols=64 * 9 - 1))
    for trained in (whole, bounded):
        for _ in trained.run():
            pass
    assert (bounded.progress.step, bounded.stopped_by, whole.stopped_by) == (9, "symbols", "epochs")
    ends = [row["step"] for row in bounded.progress.history]
    assert (
        ends[-1] == 9
        and ends[:-1] == [row["step"] for row in whole.progress.history][: -1 + len(ends)]
    )


def test_patience_ends_a_training_that_no_longer_improves(prose, recipe):
    trained = trainer(prose, replace(recipe, epochs=50, evaluations=200, patience=2))
    losses = iter([3.0, 2.0, 2.5, 1.5, 1.6, 1.7, 1.0])
    trained.validate = lambda: next(losses)
    for _ in trained.run():
        pass
    assert bits(trained, "validation_bits")[-1] == pytest.approx(1.7 / math.log(2))
    assert (trained.stopped_by, trained.progress.stale) == ("patience", 2)
    assert trained.progress.best == 1.5
    assert sum(trained.progress.machines.values()) == trained.progress.step


def test_an_exploding_loss_stops_with_one_line(prose, recipe):
    trained = trainer(prose, recipe)
    with torch.no_grad():
        trained.network.decoder.bias.fill_(float("nan"))
    with pytest.raises(InputError, match="exploded: the loss is nan"):
        for _ in trained.run():
            pass


def test_bfloat16_loses_nothing(prose, recipe):
    """Parity of loss: it ends within 0.02 bits of single precision."""
    if not processor_trains_in_bfloat16():
        pytest.skip("this processor cannot train in bfloat16")
    ends = []
    for precision in ("float32", "bfloat16"):
        recipe.precision = precision
        trained = trainer(prose, recipe, dropout=0)
        for _ in trained.run():
            pass
        ends.append(bits(trained, "validation_bits")[-1])
    assert ends[1] == pytest.approx(ends[0], abs=0.02)


def test_only_arithmetic_that_the_processor_has_is_chosen(monkeypatch):
    cpu = torch.device("cpu")
    with pytest.raises(InputError, match="float16 is for GPUs: use auto"):
        chosen_precision("float16", cpu)
    assert chosen_precision("auto", cpu) == torch.float32 or processor_trains_in_bfloat16()
    monkeypatch.setattr(hardware, "processor_trains_in_bfloat16", lambda: False)
    assert chosen_precision("auto", cpu) == torch.float32
    with pytest.raises(InputError, match="bfloat16 is more than this processor can do: use auto"):
        chosen_precision("bfloat16", cpu)


@pytest.mark.parametrize("during", ["forward", "backward"])
def test_a_training_that_fails_leaves_nothing_behind(prose, recipe, during):
    """Another in the same process ends bitwise as if it had been the first."""

    def fail(*_):
        raise RuntimeError("could not create a primitive")

    alone = trainer(prose, recipe)
    for _ in alone.run():
        pass
    fitted = replace(alone.plan, dtype=torch.bfloat16)
    failing = Trainer(alone.network, alone.train, None, recipe, 2, alone.device, fitted=fitted)
    if during == "forward":
        failing.network.decoder.forward = fail
    else:
        failing.network.decoder.weight.register_hook(fail)
    with pytest.raises(RuntimeError, match="primitive"):
        next(failing.run())
    after = trainer(prose, recipe)
    for _ in after.run():
        pass
    assert bits(after) == bits(alone)
    for name, weight in alone.network.state_dict().items():
        assert torch.equal(weight, after.network.state_dict()[name]), name


@pytest.mark.parametrize("size", [20, 200])
def test_a_tiny_corpus_trains(tmp_path, recipe, size):
    text = prepare(tmp_path / "tiny", PROSE[:size])
    trained = trainer(text, recipe)
    for _ in trained.run():
        pass
    assert trained.progress.step == trained.steps > 0


def test_a_corpus_of_one_symbol_says_why_not():
    with pytest.raises(InputError, match="at least 2"):
        Streams.fit(np.zeros(1, np.uint8), 4, 16)


def test_streams_are_contiguous_and_predict_the_next_symbol():
    text = np.arange(101, dtype=np.uint8)
    streams = Streams.fit(text, 4, 5)
    assert (streams.windows, streams.width) == (5, 4)
    read = np.concatenate([streams.read(i)[:-1] for i in range(streams.windows)])
    np.testing.assert_array_equal(read.T.ravel(), np.arange(100))
    np.testing.assert_array_equal(streams.read(2)[1:], streams.read(2)[:-1] + 1)


def test_networks_are_kept_in_half_precision(tmp_path):
    network = RecurrentNetwork(20, "lstm", 2, 16)
    save_network(tmp_path, network, {"run": "x"})
    loaded = load_network(tmp_path)
    for name, weight in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], weight.half().float())


@pytest.mark.parametrize("damage", ["truncate", "pickle", "other", "nan"])
def test_damaged_weights_are_refused(tmp_path, damage):
    network = RecurrentNetwork(20, "lstm", 2, 16)
    if damage == "nan":
        torch.nn.init.constant_(network.decoder.bias, float("nan"))
    save_network(tmp_path, network, {})
    path = tmp_path / "weights.safetensors"
    if damage == "truncate":
        path.write_bytes(path.read_bytes()[:1000])
    elif damage == "pickle":
        torch.save(network.state_dict(), path)
    elif damage == "other":
        save_network(tmp_path / "other", RecurrentNetwork(20, "lstm", 1, 8), {})
        path.write_bytes((tmp_path / "other" / path.name).read_bytes())
    with pytest.raises(InputError) as caught:
        load_network(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_neighbours_change_no_byte(recipe):
    """Nor do they change the number of threads: of two, that share the processor with others."""
    text = np.random.default_rng(1).integers(80, size=64 * 32 * 8 + 1).astype(np.uint8)
    settings = replace(recipe, batch=64, bptt=32, evaluations=1)
    streams = Streams.fit(text, settings.batch, settings.bptt)
    threads, weights = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        for neighbours in (0, 2):
            torch.manual_seed(1)
            network = RecurrentNetwork(80, "lstm", layers=2, hidden=64)
            steps = Trainer(network, streams, None, settings, 1, torch.device("cpu"))
            busy = [
                subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(neighbours)
            ]
            try:
                for _ in steps.run():
                    pass
            finally:
                for process in busy:
                    process.kill()
                    process.wait()
            weights.append(steps.network.weights())
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name


@pytest.mark.parametrize(
    ("hidden", "n", "count"), [(192, 32, 1), (128, 100, 1), (512, 50, None), (512, 100, None)]
)
def test_small_networks_take_one_thread(
    monkeypatch: pytest.MonkeyPatch, hidden: int, n: int, count: int | None
) -> None:
    """By their work alone; who sets OMP_NUM_THREADS gets as many."""
    network = RecurrentNetwork(80, "lstm", layers=2, hidden=hidden)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert plan("float32", torch.device("cpu"), network, n).threads == count
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert plan("float32", torch.device("cpu"), network, n).threads is None


def test_one_thread_is_for_the_steps_alone(monkeypatch: pytest.MonkeyPatch, prose, recipe) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    steps, seen, before = trainer(prose, recipe), [], torch.get_num_threads()
    take_step = steps._step
    monkeypatch.setattr(steps, "_step", lambda: (seen.append(torch.get_num_threads()), take_step()))
    torch.set_num_threads(2)
    try:
        next(steps.run())
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


def test_padding_for_a_gpu_changes_no_result(prose, recipe):
    """The plan that cuDNN's persistent kernels want, carried out on the CPU."""
    plain = trainer(prose, recipe, dropout=0)
    size, n = plain.network.size, plain.train.width
    fitted = Plan(torch.device("cpu"), torch.float32, size + 7, n + 3, loss_scale=64.0)
    padded = Trainer(
        plain.network, plain.train, None, recipe, 1, torch.device("cpu"), fitted=fitted
    )
    for one, other in zip(plain.run(), padded.run(), strict=True):
        assert one == other
    np.testing.assert_allclose(bits(plain), bits(padded), atol=1e-3)
    assert padded.network.parameter_count() == plain.network.parameter_count()
    loaded = RecurrentNetwork(size, "lstm", 2, 16)
    loaded.load_weights(padded.network.weights())


def test_the_persistent_kernels_of_a_gpu_get_the_shapes_they_want():
    network = RecurrentNetwork(87, "lstm", 2, 512)
    fitted = plan("auto", torch.device("cuda"), network, 100)
    assert (fitted.dtype, fitted.inputs, fitted.streams) == (torch.float16, 128, 104)
    wide = plan("auto", torch.device("cuda"), network, 256)
    assert (wide.dtype, wide.inputs, wide.streams) == (torch.bfloat16, 87, 256)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_keeps_the_mean_and_its_share(rate, dtype):
    torch.manual_seed(0)
    values = torch.ones(100, 501, dtype=dtype, requires_grad=True)
    dropped = dropout(values, rate, training=True)
    assert (dropped == 0).float().mean().item() == pytest.approx(rate, abs=0.01)
    assert dropped.float().mean().item() == pytest.approx(1, abs=0.05)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped)
    assert torch.equal(dropout(values, rate, training=False), values)


def test_dropout_treats_every_place_alike():
    """Also the eighth of the bytes of a draw, which torch's plain integers leave short of a bit."""
    torch.manual_seed(0)
    shares = (dropout(torch.ones(4000, 8), 0.5, training=True) == 0).float().mean(0)
    assert shares.numpy() == pytest.approx(0.5, abs=0.04)


def test_steps_keep_the_memory_they_free(recipe):
    """Or the system hands it out anew, page by page, which costs a fifth of a step."""
    text = np.random.default_rng(1).integers(80, size=64 * 64 * 4 + 1).astype(np.uint8)
    settings = replace(recipe, batch=64, bptt=64, epochs=10, evaluations=1)
    network = RecurrentNetwork(80, "lstm", layers=2, hidden=128)
    streams = Streams.fit(text, settings.batch, settings.bptt)
    steps = Trainer(network, streams, None, settings, 1, torch.device("cpu")).run()
    for _ in range(4):
        next(steps)
    before = getrusage(RUSAGE_SELF).ru_minflt
    for _ in range(10):
        next(steps)
    pages = getrusage(RUSAGE_SELF).ru_minflt - before
    saved_for_backward = 10 * 2 * settings.batch * settings.bptt * 4 * network.hidden * 4
    assert pages * PAGESIZE < saved_for_backward / 10
