"""Which network machines meet by: torchrun asks for the names of machines, which containers often cannot resolve."""

import socket
from dataclasses import dataclass
from ipaddress import ip_address

from .errors import ConfigError, EnvironmentProblem

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANYWHERE = "192.0.2.1"
"""An address that is nobody's (RFC 5737): the way to it is the default one."""


@dataclass(frozen=True)
class Place:
    """`endpoint`: HOST:PORT as this machine says it. `host`: whether it is that host. `address`: its own, by which the
    others reach it. `interface`: that this address is of; "" for the loopback."""

    endpoint: str
    host: bool
    address: str
    interface: str


def place(meeting: str) -> Place:
    """Where HOST:PORT is for this machine. Raises ConfigError for another form, EnvironmentProblem for no such host."""
    host, _, port = meeting.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ConfigError(f"--at {meeting}: not HOST:PORT", remedy="extune train --nodes 2 --at HOST:29500")
    try:
        there, mine = _addresses(host, int(port))
        here = there == mine or ip_address(there).is_loopback
        if ip_address(mine).is_loopback and host not in LOOPBACK:  # /etc/hosts often names a machine so to itself
            mine = _addresses(ANYWHERE, int(port))[1]
    except (OSError, UnicodeError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise EnvironmentProblem(
            f"--at {meeting}: {why}", remedy="Name one of the machines by an address that all can reach"
        ) from exc
    if ip_address(there).is_unspecified:
        raise ConfigError(f"--at {meeting}: no machine's address", remedy="Name one that all machines can reach")
    return Place(f"localhost:{port}" if here else meeting, here, mine, _interface(mine))


def _addresses(host: str, port: int) -> tuple[str, str]:
    """Of the host, and of this machine on the way there; nothing is sent."""
    family, kind, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(target)
        return str(target[0]), str(probe.getsockname()[0])


def _interface(address: str) -> str:
    import psutil  # type: ignore[import-untyped]

    if ip_address(address).is_loopback:
        return ""
    names = (name for name, found in psutil.net_if_addrs().items() if any(one.address == address for one in found))
    return next(names, "")
