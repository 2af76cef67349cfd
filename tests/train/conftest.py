"""Fixtures of the tests of training."""

from typing import Any

import pytest


@pytest.fixture(scope="session")
def looking() -> Any:
    """A look at the model after every step, at three texts with a relation each."""
    from extune.notations import NOTATIONS
    from extune.prompt import Prompt
    from extune.records import Record, Relation
    from extune.schema import Schema
    from extune.tasks import TASKS
    from extune.train.best import Looking

    relation = Relation("founded", "Ann", "Bolt")
    records = [Record(f"d{n}", f"Ann{n} founded Bolt{n}.", relations=(relation,)) for n in range(3)]
    prompt = Prompt(TASKS["RE"], NOTATIONS["triple_lines"], Schema(relations=("founded",)))
    return Looking(1, None, records, prompt)
