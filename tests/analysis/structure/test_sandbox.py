"""The sandbox bounds what it runs and says what became of it."""

import socket
import sys
from pathlib import Path

import pytest

from analysis.structure.sandbox import Limits, network_is_cut, parallel, run
from pipeline.lm.io.errors import InputError
from tests.processes import alive, wait_until

SMALL = Limits(cpu_seconds=5, memory_bytes=1 << 30, output_bytes=1 << 16)


def shell(script: str, cwd: Path, limits: Limits = SMALL):
    return run(["sh", "-c", script], cwd, limits)


def test_output_and_status_come_back(tmp_path):
    result = shell("echo out; echo err >&2; exit 3", tmp_path)
    assert result == ("exited", 3, b"out\n", b"err\n")


def test_environment_is_reduced(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "1")
    result = shell("env; pwd", tmp_path)
    assert b"SECRET_OF_THE_CALLER" not in result.stdout
    for line in (f"HOME={tmp_path}", f"TMPDIR={tmp_path}", "openin_any=p", "openout_any=p"):
        assert line.encode() in result.stdout.splitlines()


def test_endless_run_is_stopped_with_its_children(tmp_path):
    script = "sh -c 'while :; do sleep 1; done' & echo $! > child; wait"
    result = shell(script, tmp_path, SMALL._replace(wall_seconds=3.0))
    assert result.reason == "timeout"
    child = (tmp_path / "child").read_text().strip()
    wait_until(lambda: not alive(child))


def test_processor_time_is_bounded(tmp_path):
    result = run(
        [sys.executable, "-S", "-c", "while True: pass"],
        tmp_path,
        SMALL._replace(cpu_seconds=1),
    )
    assert result.status == "killed"
    assert result.reason in ("killed by SIGXCPU", "killed by SIGKILL")


def test_memory_is_bounded(tmp_path):
    script = "b = bytearray(1 << 31); print('got it')"
    result = run([sys.executable, "-S", "-c", script], tmp_path)
    assert b"got it" not in result.stdout
    assert b"MemoryError" in result.stderr


def test_output_is_bounded(tmp_path):
    result = shell("yes; echo survived >&2", tmp_path)
    assert len(result.stdout) <= SMALL.output_bytes
    result = shell("exec yes", tmp_path)
    assert result.reason == "killed by SIGXFSZ"


def test_network_is_cut_where_it_can_be(tmp_path):
    if not network_is_cut():
        pytest.skip("this system does not let a process give its network up")
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = f"import socket; socket.create_connection({server.getsockname()!r}, 2)"
        socket.create_connection(server.getsockname(), 2).close()
        result = run([sys.executable, "-S", "-c", script], tmp_path)
    assert result.code != 0
    assert b"OSError" in result.stderr or b"Error" in result.stderr


def test_missing_program_is_named(tmp_path):
    with pytest.raises(InputError, match="no-such-compiler is not installed"):
        run(["no-such-compiler"], tmp_path)


def test_parallel_keeps_the_order():
    assert parallel(lambda x: x * x, range(50)) == [x * x for x in range(50)]
    assert parallel(str, [], workers=1) == []
