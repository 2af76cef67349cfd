"""Which network machines meet by: torchrun asks for the names of machines, which containers often cannot resolve."""

import socket
from dataclasses import dataclass

from .errors import ConfigError, EnvironmentProblem


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
    if not host or not port.isdecimal():
        raise ConfigError(f"--at {meeting}: not HOST:PORT", remedy="extune train --nodes 2 --at HOST:29500")
    try:
        there, mine = _addresses(host.strip("[]"), int(port))
    except OSError as exc:
        raise EnvironmentProblem(
            f"--at {meeting}: {exc.strerror or exc}",
            remedy="Name one of the machines by a name or address all can reach",
        ) from exc
    here = there == mine
    return Place(f"localhost:{port}" if here else meeting, here, mine, _interface(mine))


def _addresses(host: str, port: int) -> tuple[str, str]:
    """Of the host, and of this machine on the way there; nothing is sent."""
    family, kind, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(target)
        return str(target[0]), str(probe.getsockname()[0])


def _interface(address: str) -> str:
    import psutil  # type: ignore[import-untyped]

    if address.startswith("127.") or address == "::1":
        return ""
    names = (name for name, found in psutil.net_if_addrs().items() if any(one.address == address for one in found))
    return next(names, "")
