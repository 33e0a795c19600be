"""Tests have no network: the guard that says so, tested."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from selenium.common.exceptions import WebDriverException

from tests.browser import browser
from tests.network import OUTSIDE
from tests.web_server import TEXT, running_server

ELSEWHERE = "192.0.2.1"
"""An address kept for documentation: no host has it."""

enforced = pytest.mark.skipif(
    OUTSIDE not in os.environ, reason="this system lets no process give its network up"
)


@pytest.mark.parametrize("name", ["connect", "connect_ex"])
def test_another_host_cannot_be_reached(name):
    with socket.socket() as outgoing, pytest.raises(pytest.fail.Exception, match="loopback only"):
        getattr(outgoing, name)((ELSEWHERE, 80))


def test_another_host_cannot_be_asked_for():
    with pytest.raises(socket.gaierror):
        socket.create_connection(("example.org", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as outgoing, pytest.raises(pytest.fail.Exception):
        outgoing.sendto(b"", (ELSEWHERE, 53))


def test_the_loopback_and_unix_sockets_are_open(tmp_path: Path):
    with running_server() as server, socket.create_connection(server.server_address) as client:
        client.sendall(b"GET /good/x HTTP/1.0\r\n\r\n")
        assert b"200" in client.recv(100)
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as client:
        listening.bind(str(tmp_path / "socket"))
        listening.listen()
        client.connect(str(tmp_path / "socket"))


@enforced
def test_a_program_that_a_test_starts_has_no_network():
    script = f"import socket; socket.create_connection(({ELSEWHERE!r}, 80), 5)"
    result = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, check=False)
    assert b"Network is unreachable" in result.stderr


@enforced
def test_a_browser_has_the_loopback_only():
    with running_server() as server, browser() as driver:
        driver.get(f"{server.url}/good/corpus.txt")
        assert TEXT[:20].decode() in driver.page_source
        with pytest.raises(WebDriverException, match=r"INTERNET_DISCONNECTED|UNREACHABLE"):
            driver.get(f"http://{ELSEWHERE}/")
