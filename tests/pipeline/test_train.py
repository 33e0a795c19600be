"""The training stage as a process: killed, doubled, shared, short of disk or memory."""

import os
import platform
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from pipeline.config.composition import composed
from pipeline.lm.rnn.checkpoint import read_tensors
from tests.conftest import PROSE, ROOT, prepare
from tests.processes import PATIENCE

KILLS = 2
MEGABYTE = 2**20
LARGEST = 474_000_000
"""Symbols of the post's largest corpus."""
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
WITHOUT_AVX512 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


class Stage:
    """`pipeline.train` of one small run, in folders of its own."""

    def __init__(self, folder: Path, **train: object) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.params = folder, folder / "params.yaml"
        if not (folder / "text").exists():
            prepare(folder / "text" / "tiny", PROSE * 4)
        config = OmegaConf.create(composed("full"))
        run = config.experiments.shakespeare
        run.corpus = "tiny"
        run.model.update({"layers": 2, "hidden": 32})
        run.train.update(
            {"batch": 4, "bptt": 16, "epochs": 12, "evaluations": 6, "precision": "float32"}
        )
        run.train.update({"checkpoint_seconds": 0.05, **train})
        config.experiments = {"tiny": run}
        for name in ("text", "models", "results", "checkpoints"):
            config.paths[name] = str(folder / name)
        self.params.write_text(OmegaConf.to_yaml(config))

    @property
    def words(self) -> list[str]:
        return ["-m", "pipeline.train", "--params", str(self.params), "tiny"]

    def start(
        self, *launcher: str, limit: int | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        def limited() -> None:
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.Popen(
            [sys.executable, *launcher, *self.words], cwd=ROOT, env=ENVIRONMENT | environment,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limited,
        )  # fmt: skip

    def run(self, *launcher: str, limit: int | None = None, **environment: str) -> tuple[int, str]:
        process = self.start(*launcher, limit=limit, **environment)
        _, said = process.communicate(timeout=PATIENCE)
        return process.returncode, said

    def checkpoint(self) -> Path | None:
        return next(iter((self.folder / "checkpoints").glob("*/training.safetensors")), None)

    def weights(self) -> bytes:
        return (self.folder / "models/tiny/weights.safetensors").read_bytes()

    def history(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "results/tiny/history.tsv", sep="\t")


def last_line(said: str) -> str:
    return said.replace("\r", "\n").strip().splitlines()[-1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Stage:
    """A training that nothing disturbed."""
    stage = Stage(tmp_path_factory.mktemp("whole"))
    code, said = stage.run()
    assert code == 0, said
    return stage


def wait_for(condition, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_at_several_moments_it_ends_bitwise_as_if_never(whole, tmp_path):
    stage, moments = Stage(tmp_path), random.Random(1)
    for _ in range(KILLS):
        before = stage.checkpoint()
        stamp = before.stat().st_mtime_ns if before else 0
        process = stage.start()

        def advanced(stamp: int = stamp) -> bool:
            now = stage.checkpoint()
            return now is not None and now.stat().st_mtime_ns > stamp

        wait_for(advanced, process)
        time.sleep(moments.uniform(0, 0.15))
        assert process.poll() is None, "the training ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.communicate()
    code, said = stage.run()
    assert code == 0 and "going on from step" in said
    assert stage.weights() == whole.weights()
    columns = ["step", "train_bits", "validation_bits", "gradient_norm"]
    pd.testing.assert_frame_equal(stage.history()[columns], whole.history()[columns])


@pytest.mark.skipif(platform.machine() != "x86_64", reason="bfloat16 is refused on x86 only")
def test_a_precision_that_the_processor_lacks_is_one_line_before_anything_is_read(tmp_path):
    stage = Stage(tmp_path, precision="bfloat16")
    shutil.rmtree(tmp_path / "text")
    code, said = stage.run(**WITHOUT_AVX512)
    refused = "train.precision bfloat16 is more than this processor can do: use auto or float32"
    assert (code, said) == (2, f"error: {refused}\n")


def test_two_workers_take_the_steps_of_one(tmp_path):
    """At the same global batch; over few steps, as rounding grows from step to step."""
    one, stage = (Stage(tmp_path / name, epochs=1) for name in ("one", "two"))
    assert one.run()[0] == 0
    code, said = stage.run(
        "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python",
        sys.executable,
    )  # fmt: skip
    assert code == 0, said
    ours, theirs = stage.history(), one.history()
    for column in ("train_bits", "validation_bits"):
        np.testing.assert_allclose(ours[column], theirs[column], atol=1e-5 / np.log(2))


def test_streams_that_workers_cannot_share_are_one_line(tmp_path):
    code, said = Stage(tmp_path, batch=3).run(
        "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python",
        sys.executable,
    )  # fmt: skip
    assert code != 0
    assert "error: 3 streams cannot be shared by 2 processes: set train.batch" in said


def test_two_processes_keep_off_one_run(tmp_path):
    stage = Stage(tmp_path)
    first = stage.start()
    wait_for(stage.checkpoint, first)
    first.send_signal(signal.SIGSTOP)
    code, said = stage.run()
    assert code == 2 and "another process is training tiny" in last_line(said)
    first.kill()
    first.communicate()


def test_an_exploding_training_stops_and_keeps_no_bad_checkpoint(tmp_path):
    stage = Stage(tmp_path, learning_rate=1e30, clip_at=1e30, checkpoint_seconds=1e-9)
    code, said = stage.run()
    assert (
        code == 2
        and "training exploded: the loss is" in last_line(said)
        and "Traceback" not in said
    )
    kept = stage.checkpoint()
    if kept is not None:
        tensors, _ = read_tensors(kept)
        assert all(bool(tensor.isfinite().all()) for tensor in tensors.values())


def test_a_full_disk_is_one_line_and_leaves_the_checkpoint(tmp_path):
    stage = Stage(tmp_path, epochs=60)
    process = stage.start()
    wait_for(stage.checkpoint, process)
    process.kill()
    process.communicate()
    kept = stage.checkpoint()
    assert kept is not None
    content = kept.read_bytes()
    code, said = stage.run(limit=len(content) // 2)
    assert code == 2 and last_line(said).startswith(f"error: cannot write {kept}")
    assert kept.read_bytes() == content
    assert not [path for path in kept.parent.iterdir() if path.name.startswith(".")]


def test_training_on_the_largest_corpus_stays_below_a_gigabyte_and_a_half(tmp_path):
    """Windows all over 474 MB (a sparse file): the text is never in memory as a whole.

    VmHWM is the peak of this program alone; getrusage's has the parent's from before exec in it.
    """
    text = tmp_path / "train.bin"
    with text.open("wb") as file:
        file.truncate(LARGEST)
    program = """
import sys, torch, numpy as np
from pathlib import Path
from omegaconf import OmegaConf
from pipeline.config import params
from pipeline.config.composition import composed
from pipeline.lm.rnn.checkpoint import read_tensors
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.rnn.training import Trainer
recipe = params.experiment(OmegaConf.create(composed("full")), "linux").train
train = Streams.fit(np.memmap(sys.argv[1], np.uint8, "r"), recipe.batch, recipe.bptt)
network = RecurrentNetwork(100, "lstm", 3, 128)
trainer = Trainer(network, train, None, recipe, 1, torch.device("cpu"))
for step in range(0, train.windows, train.windows // 10):
    trainer.progress.step = step
    trainer._step()
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
    result = subprocess.run(
        [sys.executable, "-c", program, str(text)], cwd=ROOT, env=ENVIRONMENT, text=True,
        capture_output=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    kilobytes = int(result.stdout)
    assert kilobytes < 1500 * MEGABYTE / 1024
