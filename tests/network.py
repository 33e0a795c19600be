"""No network in tests: what they reach is this machine's loopback, and nothing else.

Names of other hosts are not known to this process, and a connection to another address fails the
test that asks for it. Where the system permits it (to root on Linux), process and children alone
have a network of their own, of the loopback only: then this binds programs that tests start too
(DVC, Chromium, compilers). Where it does not, those are on their honour. Unix sockets are free.
"""

import ctypes
import fcntl
import ipaddress
import os
import socket
import struct
from typing import Any

import pytest

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
SET_FLAGS, UP = 0x8914, 0x1  # SIOCSIFFLAGS, IFF_UP
OUTSIDE = "TESTS_HAVE_NO_NETWORK"
"""Set for this process and its children where the system keeps them inside."""


def close() -> None:
    """Leave the network; for good, as tests have no use for it."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK) == 0:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh", b"lo", UP))
        os.environ[OUTSIDE] = "1"
    for name in ("connect", "connect_ex", "sendto"):
        _guard(name)
    resolve = socket.getaddrinfo

    def known(host: Any, *arguments: Any, **options: Any) -> Any:
        if host is not None and not _is_loopback(host):
            raise socket.gaierror(socket.EAI_NONAME, f"{host} could not be resolved in a test")
        return resolve(host, *arguments, **options)

    socket.getaddrinfo = known


def _guard(name: str) -> None:
    original = getattr(socket.socket, name)

    def guarded(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            pytest.fail(f"a test may reach the loopback only, not {address}")
        return original(self, *arguments)

    setattr(socket.socket, name, guarded)


def _is_loopback(host: str | bytes) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
