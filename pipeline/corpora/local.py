"""Sources that are not files on the web: the Python that runs this, a folder, a Debian package."""

import io
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path
from subprocess import PIPE
from typing import IO

from pipeline.corpora.fetch import SourceError
from pipeline.lm.io.files import atomic_write

APT_SECONDS = 1200
# Its own unprivileged user could not write where we may; an offline machine must not wait.
APT_OPTIONS = ("-oAPT::Sandbox::User=root", "-oAcquire::Retries=1", "-oAcquire::http::Timeout=20")
BLOCK = 1 << 20
SOURCE = re.compile(r"(\./)?usr/src/[^/]+\.tar(\.\w+)?")


def pack_stdlib(out: Path) -> str:
    """Write the standard library's .py files to the tar file `out`; returns the version.

    What was installed beside it (site-packages) and what describes this build of it are left out.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    files = [
        path
        for path in folder.rglob("*.py")
        if not {"site-packages", "dist-packages", "__pycache__"} & set(path.parts)
        and not path.name.startswith("_sysconfigdata")
    ]
    if not files:
        raise SourceError(f"{folder} holds no .py files")
    pack(folder, files, out)
    return f"Python {platform.python_version()}"


def pack_folder(folder: Path, out: Path) -> None:
    """Write all files of a folder, links and hidden ones left out, to the tar file `out`."""
    files = [
        path
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    pack(folder, files, out)


def pack(folder: Path, files: list[Path], out: Path) -> None:
    """A tar file of `files`, the same bytes for the same contents: sorted, no owner, no times."""
    with atomic_write(out) as file, tarfile.open(fileobj=file, mode="w") as archive:
        for path in sorted(files, key=lambda path: path.as_posix()):
            if path.is_symlink() or not path.is_file():
                continue
            content = path.read_bytes()
            info = tarfile.TarInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def debian_source(package: str, out: Path) -> str:
    """Write the source tarball inside a Debian package to `out`; returns package and version.

    apt verifies the package against the distribution's signed lists.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise SourceError(f"there is no {tool} on this machine")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        _run(["apt-get", *APT_OPTIONS, "download", package], Path(scratch))
        [fetched] = Path(scratch).glob("*.deb")
        _unpack_source(fetched, out)
        return fetched.name.removesuffix(".deb")


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdout=sys.__stderr__,  # apt's own progress
            stderr=PIPE,
            text=True,
            timeout=APT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{command[0]} took more than {APT_SECONDS} s") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        reason = (lines or [f"exit status {done.returncode}"])[0]
        raise SourceError(f"{reason} (apt-get update may help)")


def _unpack_source(package: Path, out: Path) -> None:
    """Copy usr/src/*.tar.* out of a .deb."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with subprocess.Popen(command, stdout=PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for info in archive:
                    if info.isreg() and SOURCE.fullmatch(info.name):
                        _copy(archive.extractfile(info), out)
                        return
        except tarfile.TarError as error:
            raise SourceError(f"{package.name} is damaged ({error})") from error
        finally:
            process.terminate()
    raise SourceError(f"{package.name} holds no usr/src/*.tar file")


def _copy(source: IO[bytes] | None, out: Path) -> None:
    assert source is not None  # a regular member has content
    with atomic_write(out) as file:
        shutil.copyfileobj(source, file, BLOCK)


def own_file(path: Path, out: Path) -> None:
    """Copy a user's file, or pack a user's folder, to `out`."""
    if path.is_dir():
        pack_folder(path, out)
        return
    try:
        with path.open("rb") as source:
            _copy(source, out)
    except FileNotFoundError as error:
        raise SourceError(f"{path.resolve()} is not there") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
