"""Faults, each met by every stage that it can meet: nothing is lost, and one line says what to do.

Killed, short of disk or memory, not allowed to write, twice at once, with damaged or exchanged
files, without its programs, with a clock that runs backwards, on a text that has changed since.
"""

import ast
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from analysis.measure.__main__ import measure_models
from analysis.structure import sandbox
from pipeline import console
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_json, write_json
from pipeline.lm.io.tables import read_table
from pipeline.lm.rnn.checkpoint import load_network, save_network
from pipeline.lm.text import PreparedText
from tests.conftest import PROSE, ROOT, prepare
from tests.faults import JOBS, STAGES, TICK, Ended, Project, at_write, memory_left
from tests.processes import PATIENCE, alive, assert_child_ends_with, children_of, wait_until

PAGE = os.sysconf("SC_PAGE_SIZE")
DISK = 4 << 20


@dataclass(frozen=True)
class Whole:
    """A project that nothing disturbed, and the files that each stage wrote."""

    project: Project
    wrote: dict[str, set[str]]
    files: dict[str, bytes]

    def undone(self, stage: str, project: Project) -> None:
        """Take a copy back to before a stage."""
        project.remove(self.wrote[stage])
        for marker in project.folder.glob("checkpoints/*.sent"):
            marker.unlink()

    def holds(self, found: dict[str, bytes]) -> None:
        """Assert that every file there is what it should be; of a sweep, the first runs are."""
        for name, content in found.items():
            begun = "/sweeps/" in name and content.endswith(b"\n")
            expected = self.files[name]
            assert content == expected or (begun and expected.startswith(content)), name


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Whole:
    """Every stage, once."""
    project = Project(tmp_path_factory.mktemp("faults") / "whole")
    wrote: dict[str, set[str]] = {}
    files: dict[str, bytes] = {}
    for stage in STAGES:
        if stage == "run":  # what it would train is there
            for job in JOBS:
                (project.folder / "checkpoints" / f"{job}.done").touch()
        ended = project.run(stage)
        assert ended.code == 0, ended.said
        now = project.files()
        wrote[stage], files = set(now) - set(files), now
    wrote["adopt"] = wrote["train"] | wrote["sweep"]
    assert all(wrote.values()) and not project.leftovers()
    return Whole(project, wrote, files)


@pytest.fixture
def project(whole, tmp_path) -> Project:
    """A copy of it."""
    return Project(tmp_path / "project", whole.project)


@pytest.mark.parametrize(
    ("stage", "writes"),
    [
        ("download", (1, 2, 3)),
        ("preprocess", (1, 3, 7)),
        ("ngram", (2, 4)),
        ("kenlm", (2, 4)),
        ("train", (2, 3, 4, 6)),
        ("sweep", (1, 4)),
        ("sample", (2,)),
        ("measure_ngram", (2,)),
        ("measure_kenlm", (5,)),
        ("measure", (3,)),
        ("compare", (2,)),
        ("gates", (1,)),
        ("errors", (1,)),
        ("loops", (1,)),
        ("excerpts_ngram", (1,)),
        ("excerpts", (1,)),
        ("evolution", (1,)),
        ("cells", (1,)),
        ("page_cells", (2,)),
        ("gradients", (2, 3)),
        ("memory_tasks", (1, 2)),
        ("delayed_copy", (1, 3)),
        ("canaries", (1,)),
        ("course", (1, 3, 3)),
        ("play", (1,)),
        ("page", (2,)),
        ("claims", (1,)),
        ("index", (4,)),
        ("pack", (1,)),
        ("run", (3, 7, 8, 9)),
        ("adopt", (2, 8)),
    ],
)
def test_killed_before_its_nth_file_is_there_it_ends_as_if_never(whole, project, stage, writes):
    """Each time started again, and killed later, until it may end."""
    whole.undone(stage, project)
    for number in writes:
        assert project.run(stage, at_write(number, signal.SIGKILL)).code == -signal.SIGKILL
        whole.holds(project.files())
    assert project.run(stage).code == 0
    assert project.files() == whole.files and not project.leftovers()


@pytest.fixture(scope="module")
def disk(whole, tmp_path_factory) -> Iterator[Project]:
    """A copy on a small disk of its own."""
    folder = tmp_path_factory.mktemp("disk") / "project"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting a disk is not allowed here: {done.stderr.strip()}")
    try:
        yield Project(folder, whole.project)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def filled(folder: Path, left: int) -> Iterator[None]:
    """A disk with so many bytes left."""
    filler = folder / "filler"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    try:
        filler.write_bytes(bytes(free - left))
        yield
    finally:
        filler.unlink()


@pytest.mark.parametrize("stage", STAGES)
def test_a_disk_that_fills_half_way_is_one_line_and_loses_nothing(whole, disk, stage):
    whole.undone(stage, disk)
    pages = sum(-(-len(whole.files[name]) // PAGE) for name in whole.wrote[stage])
    with filled(disk.folder, pages // 2 * PAGE):
        ended = disk.run(stage)
    ended.complains(console.USAGE_ERROR, "No space left on device", "make room, then run the same")
    whole.holds(disk.files())
    assert not disk.leftovers()
    assert disk.run(stage).code == 0
    assert disk.files() == whole.files


WRITING = ("download", "preprocess", "ngram", "kenlm", "train", "sample", "claims")


def test_a_disk_that_is_read_only_is_one_line(whole, disk):
    said = "Read-only file system: allow writing there"
    subprocess.run(["mount", "-o", "remount,ro", str(disk.folder)], check=True)
    try:
        for stage in WRITING:
            disk.run(stage).complains(console.USAGE_ERROR, said)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(disk.folder)], check=True)
    assert disk.files() == whole.files


@pytest.mark.parametrize(
    ("folder", "stage"),
    [
        ("raw", "download"), ("text/warpeace", "preprocess"), ("models", "ngram"),
        ("checkpoints", "train"), ("models", "adopt"), ("samples/warpeace", "sample"),
        ("pages/pages", "page"), ("pages", "claims"), ("packed", "pack"),
    ],
)  # fmt: skip
def test_a_file_where_a_folder_is_needed_is_named(project, folder, stage):
    (project.folder / folder).rename(project.folder / "aside")
    (project.folder / folder).write_bytes(b"in the way")
    ended = project.run(stage)
    ended.complains(console.USAGE_ERROR, folder, "a file stands where a folder is needed")
    assert (project.folder / folder).read_bytes() == b"in the way"


@pytest.mark.parametrize(
    ("stage", "write", "said"),
    [
        ("download", 2, "another process is writing raw/warpeace"),
        ("preprocess", 3, "another process is writing text/warpeace"),
        ("ngram", 2, "another process is writing models/baselines/warpeace/ngram"),
        ("kenlm", 2, "another process is writing models/baselines/warpeace/kenlm"),
        ("sweep", 1, "another process is training kjf-warpeace"),
        ("run", 7, "another process is writing back"),
        ("sample", 2, None),
        ("index", 2, None),
        ("adopt", 3, None),
    ],
)
def test_of_two_at_once_the_later_keeps_off_or_writes_the_same(whole, project, stage, write, said):
    """The first is stopped in the midst of writing, and goes on when the second has ended."""
    whole.undone(stage, project)
    first = project.start(stage, at_write(write, signal.SIGSTOP))
    state = Path(f"/proc/{first.pid}/stat")
    wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")
    second = project.run(stage)
    if said:
        second.complains(console.USAGE_ERROR, said, "wait for it or stop it")
    else:
        assert (second.code, project.files()) == (0, whole.files)
    os.kill(first.pid, signal.SIGCONT)
    assert project.ended(first).code == 0
    assert project.files() == whole.files and not project.leftovers()


class Here:
    """Commands in this process, in a project."""

    def __init__(self, project: Project, monkeypatch, capfd) -> None:
        self.project, self.monkeypatch, self.capfd = project, monkeypatch, capfd
        monkeypatch.chdir(project.folder)

    def __call__(self, module: str, *words: str) -> Ended:
        self.capfd.readouterr()
        self.monkeypatch.setattr(sys, "argv", [module, *words, "--params", "params.yaml"])
        with pytest.raises(SystemExit) as ended:
            console.run(import_module(module).main)
        return Ended(ended.value.code, self.capfd.readouterr().err)


@pytest.fixture
def here(project, monkeypatch, capfd) -> Here:
    return Here(project, monkeypatch, capfd)


def flipped(path: Path) -> None:
    """One bit in the middle is another."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    """The end is missing."""
    path.write_bytes(path.read_bytes()[:-7])


def cut_after_a_line(path: Path) -> None:
    """All but the first line is missing."""
    path.write_bytes(path.read_bytes().splitlines(True)[0])


def emptied(path: Path) -> None:
    """JSON of nothing."""
    path.write_text("{}")


class Trap:
    """To load a pickle of it is to leave a file called `sprung`."""

    def __reduce__(self):
        return Path("sprung").touch, ()


def pickled(path: Path) -> None:
    """A pickle of the same length."""
    path.write_bytes(pickle.dumps(Trap()).ljust(path.stat().st_size, b"\xff"))


def exchanged(other: str) -> Callable[[Path], None]:
    """Another file has got the name."""

    def damage(path: Path) -> None:
        path.write_bytes((path.parent / other).read_bytes())

    damage.__name__ = other
    return damage


def another_seed(path: Path) -> None:
    """The weights of a network of the same shape, trained from another seed."""
    card = read_json(path.parent / "model.json")
    before = path.with_name("model.json").read_bytes()
    card["experiment"]["seed"] += 1
    save_network(path.parent, load_network(path.parent), card)
    path.with_name("model.json").write_bytes(before)


def a_symbol_less(path: Path) -> None:
    """A vocabulary of another text."""
    content = read_json(path)
    write_json(path, content | {"codes": content["codes"][1:]})


TEXT, NETWORK, GRAMS = "text/warpeace", "models/warpeace", "models/baselines/warpeace/kenlm"
RUN, CHECKPOINT = "results/warpeace", "checkpoints/*/training.safetensors"
QUOTED = "results/baselines/warpeace/ngram/excerpts.json"
BY_HAND = ("pipeline.sample", "warpeace", "--length", "1")
KENLM = (*BY_HAND, "--model", "kenlm:3")


@pytest.mark.parametrize(
    ("path", "damage", "command", "said"),
    [
        ("raw/warpeace/own.txt", flipped, "preprocess", "is not the file source.json tells of"),
        ("raw/warpeace/source.json", emptied, "preprocess", "is damaged: run download again"),
        (f"{TEXT}/train.bin", flipped, "train", "is not what the manifest says: run preprocess"),
        (f"{TEXT}/train.bin", flipped, "ngram", "is not what the manifest says"),
        (f"{TEXT}/train.bin", cut, "train", "the manifest says"),
        (f"{TEXT}/val.bin", flipped, "sample", "is not what the manifest says"),
        (f"{TEXT}/test.bin", flipped, "measure", "is not what the manifest says"),
        (f"{TEXT}/test.bin", exchanged("val.bin"), "measure", "run preprocess again"),
        (f"{TEXT}/manifest.json", emptied, "train", "is not a manifest: run preprocess again"),
        (f"{TEXT}/manifest.json", cut, "train", "is damaged"),
        (f"{TEXT}/vocabulary.json", a_symbol_less, "sample", "symbols, the manifest says"),
        (f"{NETWORK}/weights.safetensors", flipped, BY_HAND, "its digest is another"),
        (f"{NETWORK}/weights.safetensors", another_seed, BY_HAND, "they are of two trainings"),
        (f"{NETWORK}/weights.safetensors", pickled, BY_HAND, "train again"),
        (f"{NETWORK}/model.json", cut, BY_HAND, "model.json is damaged"),
        (f"{NETWORK}/vocabulary.json", a_symbol_less, f"./{NETWORK}", "not that of the network"),
        (f"{GRAMS}/kenlm-3.binary", exchanged("kenlm-2.binary"), KENLM, "is not the model that"),
        (f"{GRAMS}/kenlm-3.binary", pickled, KENLM, "is not a readable KenLM model"),
        ("samples/warpeace/temperature-1.jsonl", cut_after_a_line, "measure", "sample again"),
        (f"{RUN}/structure.tsv", cut, "compare", "it is cut short"),
        (f"{RUN}/structure.tsv", exchanged("scores.tsv"), "compare", "it has no column"),
        (f"{RUN}/scores.tsv", cut, "page", "it is cut short"),
        (f"{RUN}/train.json", exchanged("cells.json"), "page", "it has no experiment"),
        (f"{RUN}/excerpts.json", exchanged("cells.json"), "index", "it has no beginnings"),
        (f"{RUN}/excerpts.json", exchanged(f"../../{QUOTED}"), "index", "it has no loop"),
        (
            f"{RUN}/evolution.json",
            exchanged("train.json"),
            "evolution",
            "evolution.json is damaged",
        ),
        ("results/sweeps/kjf-warpeace/runs.tsv", pickled, "sweep", "runs.tsv is damaged"),
        ("results/sweeps/kjf-warpeace/scores.tsv", cut, "sweep", "it is cut short"),
        (CHECKPOINT, flipped, "train", "its digest is another"),
        (CHECKPOINT, cut, "train", "is not a whole safetensors checkpoint"),
        (CHECKPOINT, pickled, "train", "is not a whole safetensors checkpoint"),
        ("packed/texts.tar.xz", cut, "run", "texts.tar.xz is damaged"),
        ("back/results.tar.00", flipped, "adopt", "is missing or not what manifest.json says"),
        ("back/manifest.json", emptied, "adopt", "copy it again"),
    ],
)
def test_damaged_and_exchanged_files_are_named(here, path, damage, command, said):
    if path == CHECKPOINT:
        stopped = here.project.run("train", at_write(3, signal.SIGKILL))
        assert stopped.code == -signal.SIGKILL
    (found,) = here.project.folder.glob(path)
    damage(found)
    before = here.project.files()
    words = STAGES.get(command, command)
    if isinstance(words, str):
        words = ("pipeline.sample", words, "--length", "1")
    here(*words).complains(console.USAGE_ERROR, str(found.relative_to(here.project.folder)), said)
    assert not (here.project.folder / "sprung").exists()
    after = here.project.files()
    if command != "preprocess":
        assert after == before


def test_a_digest_without_letters_is_no_number(tmp_path):
    (tmp_path / "x.tsv").write_text("digest\tn\n0123e4567890\t1\n012345678901\t2\n")
    assert read_table(tmp_path / "x.tsv")["digest"].tolist() == ["0123e4567890", "012345678901"]


@pytest.fixture(scope="module")
def changed(whole, tmp_path_factory) -> Project:
    """The project, when another text has been prepared."""
    project = Project(tmp_path_factory.mktemp("changed") / "project", whole.project)
    (project.folder / "own.txt").write_bytes(PROSE.replace(b"happy", b"merry"))
    for stage in ("download", "preprocess"):
        assert project.run(stage).code == 0
    return project


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sample", "models/warpeace was trained on another text than text/warpeace holds now"),
        ("measure", "was trained on another text"),
        ("gates", "was trained on another text"),
        ("cells", "was trained on another text"),
        (BY_HAND, "name that folder to use it as it is"),
        (("pipeline.score", "warpeace", "own.txt"), "was trained on another text"),
        ((*BY_HAND, "--model", "ngram:2"), "index.npy is damaged or of another text"),
        (KENLM, "kenlm-3.binary is of another text than text/warpeace holds now"),
        ("measure_ngram", "run pipeline.baseline again"),
        ("measure_kenlm", "run python -m pipeline.baseline kenlm warpeace"),
        ("adopt", "train.json is of other text than this repository's"),
    ],
)
def test_a_text_that_changed_after_the_training_is_noticed(
    changed, monkeypatch, capfd, command, said
):
    before = changed.files()
    here = Here(changed, monkeypatch, capfd)
    here(*STAGES.get(command, command)).complains(console.USAGE_ERROR, said)
    assert changed.files() == before


def test_a_network_is_used_for_any_text_where_its_folder_is_named(changed, monkeypatch, capfd):
    here = Here(changed, monkeypatch, capfd)
    assert here("pipeline.score", f"./{NETWORK}", "own.txt").code == 0


@pytest.mark.parametrize(("stage", "megabytes"), [("train", 64), ("train", 256), ("ngram", 64)])
def test_memory_that_does_not_suffice_is_one_line(whole, project, stage, megabytes):
    whole.undone(stage, project)
    if stage == "train":
        project.config.experiments.warpeace.model.hidden = 8192
        project.write()
    else:
        text = project.folder / "text" / "warpeace"
        text.rename(project.folder / "aside")
        prepare(text, PROSE * 6000)
    before = project.files()
    project.run(stage, memory_left(megabytes)).complains(
        console.OUT_OF_MEMORY, "out of memory", "free some, or ask for less"
    )
    assert project.files() == before and not project.leftovers()


def test_a_clock_that_runs_backwards_changes_durations_only(whole, project):
    for stage in ("ngram", "kenlm", "train"):
        whole.undone(stage, project)
        assert project.run(stage, tick=-TICK).code == 0
    found = project.files()
    durations = {name for name, content in found.items() if content != whole.files[name]}
    assert durations == {
        "models/warpeace/model.json", "results/warpeace/train.json",
        "results/warpeace/history.tsv", "results/baselines/warpeace/ngram/baseline.json",
        "results/baselines/warpeace/kenlm/baseline.json",
    }  # fmt: skip
    assert (read_table(project.folder / RUN / "history.tsv")["seconds"] < 0).all()


def test_nothing_reads_the_time_of_day():
    """What is timed is timed by clocks that no one sets."""
    asked = {
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for folder in ("pipeline", "analysis")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in ("time", "time_ns", "now", "today", "utcnow")
    }
    assert not asked


@pytest.mark.parametrize(
    ("kind", "program", "package"),
    [
        ("c", "gcc", "gcc"),
        ("latex", "pdftex", "texlive-latex-base"),
        ("c", "prlimit", "util-linux"),
    ],
)
def test_a_missing_program_is_missed_before_hours_of_scoring(
    here, monkeypatch, tmp_path, kind, program, package
):
    (tmp_path / "bin").mkdir()
    for present in {"gcc", "pdftex", "prlimit"} - {program}:
        (tmp_path / "bin" / present).symlink_to("/bin/true")
    monkeypatch.setitem(sandbox._ENVIRONMENT, "PATH", str(tmp_path / "bin"))
    text = PreparedText.open(Path(TEXT))
    settings = params.measure(here.project.config)
    never = {"network": None}  # a model that cannot be asked
    said = f"^{program} is not installed: run make tools, or install Debian's package {package}$"
    with pytest.raises(InputError, match=said):
        measure_models(never, {}, {"network"}, {}, [], text, kind, settings, tmp_path)


INTERRUPTED = """
import atexit, time
from pipeline import console

def main():
    print("ready", flush=True)
    time.sleep(60)

atexit.register(time.sleep, 0.2)
console.run(main)
"""
LOADING = """
import sys, time
sys.argv = ["-m"]  # as python -m has it while the command loads
import pipeline
print("ready", flush=True)
time.sleep(60)
"""


def python(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words], text=True, start_new_session=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.parametrize("pause", [0.02, 0.1])
@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        (INTERRUPTED, console.INTERRUPTED, "interrupted: run the same command to go on"),
        (LOADING, -signal.SIGINT, "interrupted: nothing was begun"),
    ],
)
def test_interrupted_twice_it_says_one_line(program, code, said, pause):
    with python("-c", program) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(pause)
        _, heard = process.communicate(timeout=PATIENCE)
    assert (process.returncode, heard) == (code, f"{said}\n")


SHARED = """
import os, sys, time
from functools import partial
from pipeline import console
from pipeline.lm.io.processes import at_once

def work(number):
    os.write(1, b"begun\\n")  # at once: two do so
    time.sleep(600)

if __name__ == "__main__":
    console.run(partial(at_once, work, [1, 2, 3], 2))
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_processes_that_share_work_end_with_the_one_that_shares_it(tmp_path, sent):
    script = tmp_path / "shared.py"
    script.write_text(SHARED)
    with python(str(script)) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["begun\n"] * 2
        children = children_of(process.pid)
        if sent == signal.SIGINT:
            os.killpg(process.pid, sent)
            time.sleep(0.02)
        os.kill(process.pid, sent)
        _, heard = process.communicate(timeout=PATIENCE)
    if sent == signal.SIGINT:
        said = "interrupted: run the same command to go on\n"
        assert (process.returncode, heard) == (console.INTERRUPTED, said)
    assert len(children) >= 2
    wait_until(lambda: not any(map(alive, children)))


ESTIMATES = """
import sys
from pathlib import Path
import numpy as np
from pipeline.lm.ngram.kenlm import train

text = np.random.default_rng(0).integers(0, 20, 5_000_000).astype(np.uint8)
train(text, 20, 5, Path(sys.argv[1]), memory="100M", prune=[], quantise=False)
"""


def test_lmplz_ends_with_the_process_that_runs_it(tmp_path):
    with python("-c", ESTIMATES, str(tmp_path / "model")) as process:
        assert_child_ends_with(process, "lmplz")
