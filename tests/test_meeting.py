"""Machines meet by the address that leads from one to the other."""

import socket

import pytest

from extune.errors import ConfigError, EnvironmentProblem
from extune.meeting import ANYWHERE, Place, place


def test_on_one_machine_they_meet_by_the_loopback() -> None:
    assert place("127.0.0.1:29500") == Place("localhost:29500", True, "127.0.0.1", "")
    found = place("localhost:29500")
    assert (found.endpoint, found.host, found.interface) == ("localhost:29500", True, "")


@pytest.mark.parametrize("known", ["127.0.0.1", "127.0.1.1"])
def test_a_machine_whose_own_name_is_its_loopback_tells_the_others_another_address(
    known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = {"trainer": (known, "127.0.0.1"), ANYWHERE: (ANYWHERE, "10.9.0.1")}
    monkeypatch.setattr("extune.meeting._addresses", lambda host, port: ways[host])
    monkeypatch.setattr("psutil.net_if_addrs", lambda: {"eth0": [_Address("10.9.0.1")]})
    assert place("trainer:29500") == Place("localhost:29500", True, "10.9.0.1", "eth0")


def test_an_address_elsewhere_is_met_from_an_interface_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extune.meeting._addresses", lambda host, port: ("10.9.0.1", "10.9.0.2"))
    monkeypatch.setattr(
        "psutil.net_if_addrs",
        lambda: {"lo": [_Address("127.0.0.1")], "eth7": [_Address("fe80::1"), _Address("10.9.0.2")]},
    )
    assert place("trainer-1:29500") == Place("trainer-1:29500", False, "10.9.0.2", "eth7")
    monkeypatch.setattr("extune.meeting._addresses", lambda host, port: ("10.9.0.2", "10.9.0.2"))
    assert place("10.9.0.2:29500") == Place("localhost:29500", True, "10.9.0.2", "eth7")


class _Address:
    def __init__(self, address: str) -> None:
        self.address = address


@pytest.mark.parametrize("given", ["", "here", "29500", ":29500", "host:", "host:port", "host:0", "host:99999"])
def test_what_is_no_host_and_port_is_told(given: str) -> None:
    with pytest.raises(ConfigError, match="not HOST:PORT"):
        place(given)


def test_an_address_of_no_machine_is_told() -> None:
    with pytest.raises(ConfigError, match="no machine's address"):
        place("0.0.0.0:29500")
    with pytest.raises(EnvironmentProblem, match=r"host\.\.x"):
        place("host..x:29500")


def test_a_host_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(EnvironmentProblem, match="Name or service not known"):
        place("nowhere.invalid:29500")
