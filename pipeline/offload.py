"""Train on another machine, without DVC there: pack the texts, run the jobs, adopt what came back.

    here    python -m pipeline.offload pack FOLDER
    there   python -m pipeline.offload run FOLDER --out OUT --minutes 9.5     (as often as needed)
    here    python -m pipeline.offload adopt OUT

There it needs torch, NumPy, pandas, safetensors, filelock, tqdm, hydra-core and omegaconf. Jobs are
those of conf/offload, most valuable first; one that the time limit cuts off goes on at the next
call where its checkpoint is, else from its beginning. Results are adopted only if settings and
texts are those of this repository.
"""

import argparse
import io
import lzma
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from omegaconf import DictConfig

from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import POSITIVE_FINITE
from pipeline.jobs import Job, jobs
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write, file_sha256, read_json, sole_writer, write_json
from pipeline.lm.io.processes import ends_with_this
from pipeline.lm.text import PreparedText

TEXTS, RESULTS, MANIFEST = "texts.tar.xz", "results.tar", "manifest.json"
BLOCK = 1 << 20
STOP_SECONDS = 10
"""A job that is told to stop gets this long before it is killed."""


def pack(config: DictConfig, folder: Path) -> None:
    """Write the prepared texts of all jobs into one compressed file."""
    root = Paths.of(config).text
    corpora = sorted({job.experiment.corpus for job in jobs(config)})
    with atomic_write(folder / TEXTS) as file, tarfile.open(fileobj=file, mode="w:xz") as archive:
        for corpus in corpora:
            PreparedText.open(root / corpus)
            for path in sorted((root / corpus).iterdir()):
                archive.add(path, f"{corpus}/{path.name}", filter=timeless)
    print(f"{folder / TEXTS}: {', '.join(corpora)}, {(folder / TEXTS).stat().st_size / 1e6:.1f} MB")


def timeless(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without owner and times: equal files make equal archives."""
    info.mtime = info.uid = info.gid = 0  # by hand: Debian's Python 3.11.2 has no `replace`
    info.uname = info.gname = ""
    return info


def run(config: DictConfig, params_file: Path, inputs: Path, out: Path, minutes: float) -> None:
    """Carry out what fits into the time, then pack all that is finished or has partial results."""
    settings = params.offload(config)
    deadline = time.monotonic() + 60 * minutes - settings.reserve_seconds
    with sole_writer(out):
        unpack(inputs / TEXTS, Paths.of(config).text)
        state: dict[str, str] = {}
        for job in jobs(config):
            state[job.name] = carried_out(job, params_file, deadline)
            print(f"{job.name}: {state[job.name]}", flush=True)
        write_results(jobs(config), state, out, int(settings.chunk_mb * 1e6))


def unpack(packed: Path, folder: Path) -> None:
    """Texts into their folder, each file whole or not at all: a training may be reading them."""
    try:
        with lzma.open(packed) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for path, content in members(archive):
                    with atomic_write(folder / path) as file:
                        shutil.copyfileobj(content, file)
            while stream.read(BLOCK):
                pass  # to the end, where its digest is
    except FileNotFoundError as error:
        raise InputError(
            f"{packed} is missing: run offload pack, and copy what it wrote"
        ) from error
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise InputError(f"{packed} is damaged ({error}): copy it again") from error


def members(archive: tarfile.TarFile) -> Iterator[tuple[Path, IO[bytes]]]:
    """The files of an archive, in order; InputError at a name that leads out of it."""
    for member in archive:
        path = Path(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"an archive holds {member.name}, outside itself: refused")
        if content := archive.extractfile(member):
            yield path, content


def carried_out(job: Job, params_file: Path, deadline: float) -> str:
    """`done`, `failed`, `stopped` at the deadline, or `not begun`."""
    marker = job.paths.checkpoints / f"{job.name}.done"
    if marker.exists():
        return "done"
    if time.monotonic() >= deadline:
        return "not begun"
    process = subprocess.Popen(
        job.command(params_file, params.offload(job.config).processes), preexec_fn=ends_with_this()
    )
    try:
        process.wait(max(0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return "stopped"
    if process.returncode:
        return "failed"
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    return "done"


def write_results(jobs: Iterable[Job], state: dict[str, str], out: Path, chunk: int) -> None:
    """Everything new since the last call as numbered chunks, and a manifest with their digests.

    What was sent before and has not changed is not sent again; it counts as sent when the manifest
    is there, not before.
    """
    out.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    sent: dict[str, str] = {}
    markers: dict[Path, dict[str, str]] = {}
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for job in jobs:
            marker = job.paths.checkpoints / f"{job.name}.sent"
            contents = {str(path): file_sha256(path) for path in job.files()}
            if marker.exists() and read_json(marker) == contents:
                continue
            for name in contents:
                archive.add(name, filter=timeless)
            sent |= contents
            markers[marker] = contents
    chunks = {}
    for number, start in enumerate(range(0, buffer.tell() if sent else 0, chunk)):
        path = out / f"{RESULTS}.{number:02}"
        with atomic_write(path) as file:
            file.write(buffer.getvalue()[start : start + chunk])
        chunks[path.name] = file_sha256(path)
    write_json(out / MANIFEST, {"jobs": state, "files": sent, "chunks": chunks})
    for marker, contents in markers.items():
        write_json(marker, contents)
    print(f"{out}: {len(sent)} files in {len(chunks)} chunks")


def adopt(config: DictConfig, out: Path) -> None:
    """Put results where the DAG wants them, once all are checked; say how DVC will believe them."""
    paths, manifest = Paths.of(config), read_json(out / MANIFEST)
    if missing := {"jobs", "chunks"} - set(manifest):
        raise InputError(f"{out / MANIFEST} has no {min(missing)}: copy it again")
    adopted = arrived(out, manifest["chunks"])
    for path in adopted:
        if not any(path.is_relative_to(root) for root in (paths.models, paths.results)):
            raise InputError(f"{out} holds {path}, which no job writes: not adopted")
    said = []
    for job in jobs(config):
        if not any(path.is_relative_to(folder) for path in adopted for folder in job.outputs()):
            continue
        state = manifest["jobs"][job.name]
        if state == "done":
            job.check(adopted)
        said.append(
            f"{job.name}: dvc commit -f {job.stage}"
            if state == "done"
            else f"{job.name}: {state}, kept for the next call"
        )
    for path, content in adopted.items():
        with atomic_write(path) as file:
            file.write(content)
    print(*said, sep="\n")


def arrived(out: Path, chunks: dict[str, str]) -> dict[Path, bytes]:
    """The files that came back, by where they belong; InputError unless all chunks are whole."""
    whole = io.BytesIO()
    for name, digest in chunks.items():
        path = out / Path(name).name
        if not path.exists() or file_sha256(path) != digest:
            raise InputError(f"{path} is missing or not what {MANIFEST} says: copy it again")
        whole.write(path.read_bytes())
    if not chunks:
        return {}
    whole.seek(0)
    with tarfile.open(fileobj=whole) as archive:
        return {path: content.read() for path, content in members(archive)}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.offload",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=["pack", "run", "adopt"])
    parser.add_argument("folder", type=Path, help="of the packed texts, or (adopt) what came back")
    parser.add_argument("--out", type=Path, default=Path("outputs/offload"))
    parser.add_argument("--minutes", type=float, default=9.5, help="limit of one call of run")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    if not POSITIVE_FINITE.holds(arguments.minutes):
        raise InputError(f"--minutes is {arguments.minutes}: use {POSITIVE_FINITE.words}")
    params_file = params.params_file(arguments)
    config = params.load(params_file)
    if arguments.verb == "pack":
        pack(config, arguments.folder)
    elif arguments.verb == "run":
        run(config, params_file, arguments.folder, arguments.out, arguments.minutes)
    else:
        adopt(config, arguments.folder)


if __name__ == "__main__":
    console.run(main)
