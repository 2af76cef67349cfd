"""What training does not follow of SFTConfig: named, and kept from SFTConfig."""

import pytest

from extune.unread import UNREAD, followed, unread


def test_what_asks_for_something_is_named_and_nothing_of_it_is_followed() -> None:
    sft = {"push_to_hub": True, "report_to": "wandb", "packing": False, "save_strategy": "no", "eval_steps": None}
    assert list(unread(sft)) == ["report_to", "push_to_hub"]
    assert followed({**sft, "learning_rate": 1e-4}) == {"learning_rate": 1e-4}


@pytest.mark.integration
def test_every_key_is_one_of_sftconfigs_and_none_that_reaches_out_is_forgotten() -> None:
    from trl import SFTConfig

    known = set(SFTConfig.__dataclass_fields__)
    assert UNREAD.keys() <= known
    outward = {key for key in known if key.startswith(("hub_", "push_", "trackio_", "report_", "eval_", "save_"))}
    assert outward <= UNREAD.keys() | {"eval_do_concat_batches"}
