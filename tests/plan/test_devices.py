"""Devices by name, and what is measured where none is named."""

import pytest

from extune.errors import ConfigError
from extune.plan import DEVICES, device_of
from extune.plan.devices import free_memory


def test_a_named_device_is_taken_from_the_table_whatever_the_case() -> None:
    assert device_of("H200") == DEVICES["h200"]
    assert DEVICES["h200"].flops == 790e12
    assert not DEVICES["t4"].bf16


def test_the_memory_may_be_given_instead() -> None:
    assert device_of("h100", 40).memory == 40 * 10**9


def test_an_unknown_device_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no device 'abacus'.*h200"):
        device_of("abacus")


def test_the_free_memory_of_this_machine_is_some_and_not_all() -> None:
    assert 10**8 < free_memory() < 10**14


@pytest.mark.integration
def test_this_processor_is_measured() -> None:
    device = device_of("cpu")
    assert not device.gpu
    assert 1e9 < device.flops < 1e14
    assert 1e8 < device.bandwidth < 1e13
    assert device.compute in (2, 4)
