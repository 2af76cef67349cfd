"""Every gold answer is a sentence of its own grammar, token by token, for the tokenizer of the embedded base.

A tokenizer converted wrongly masks out tokens with a leading space; nothing but this shows it, and F1 halves.
EXTUNE_ALL_GOLD=1 checks every record of every set instead of a few hundred of each.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extune.errors import AnswerError
from extune.instruct import answer, queries
from extune.notations import NOTATIONS
from extune.prompt import Prompt
from extune.readers import reader
from extune.records import Record
from extune.schema import collect
from extune.tasks import TASKS

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

SETS = ("conll04", "conll2003", "ctinexus", "duie2", "msra_ner", "nyt", "webnlg", "weibo_ner")
WAYS = (("NER", "iepile_json"), ("RE", "iepile_json"), ("RE", "triple_lines"))
CASES = [
    *((name, task, notation) for name in SETS for task, notation in WAYS),
    *(("duie2", task, "iepile_json") for task in ("SPO", "KG")),
    *(("fewfc", task, "iepile_json") for task in ("EE", "EET", "EEA")),
    *(("msra_ner", "NER", notation) for notation in ("entity_lines", "tags")),
    *(("cmrc2018", "QA", notation) for notation in ("iepile_json", "plain_text")),
    *(("ctinexus", "GRAPH", notation) for notation in ("iepile_json", "graph_json")),
]
LIMIT = None if os.environ.get("EXTUNE_ALL_GOLD") else 150


@pytest.fixture(scope="module")
def encoder(embedded_base: Path) -> Any:
    from extune.model import Base, load_encoder

    return load_encoder(Base(str(embedded_base), {}))


@pytest.fixture(scope="module")
def masks(encoder: Any) -> Any:
    import llguidance.hf

    return llguidance.hf.from_tokenizer(encoder.tokenizer, eos_token=encoder.end_id)


def refused(record: Record, prompt: Prompt, encoder: Any, masks: Any) -> str:
    """The first gold answer of a record that its grammar does not accept, or an empty string."""
    from llguidance import LLMatcher

    for query in queries(record, prompt.task, prompt.schema, -1):
        try:
            gold = answer(record, query, prompt.task, prompt.notation, prompt.schema)
        except AnswerError:  # refused by name when data is built: `tags` on a mention that it cannot mark
            assert prompt.notation.name == "tags"
            continue
        ids = encoder.content(gold)
        matcher = LLMatcher(masks, prompt.grammar(query))
        assert not matcher.is_error(), matcher.get_error()
        if matcher.try_consume_tokens(ids) != len(ids) or not matcher.is_accepting():
            return f"{record.id}: {gold}"
    return ""


def grounded(record: Record, prompt: Prompt) -> Record:
    task = prompt.task
    whole = (item for item in task.items(record) if all(s == s.strip() and s in record.text for s in task.spans(item)))
    return task.with_items(record, whole)


@pytest.mark.parametrize(("name", "task", "notation"), CASES)
def test_gold_of_real_data_is_accepted(
    real_data: Path, encoder: Any, masks: Any, name: str, task: str, notation: str
) -> None:
    prompt = Prompt(TASKS[task], NOTATIONS[notation], system="")
    files = [real_data / name / f"{split}.jsonl" for split in ("test", "train", "dev")]
    splits = [[r for r in reader("records")(file) if isinstance(r, Record)][:LIMIT] for file in files]
    records = [grounded(record, prompt) for split in splits for record in split]
    labels = collect(records)
    if not any(map(prompt.task.items, records)):
        pytest.skip(f"{name} has nothing for {task}")
    prompt = replace(prompt, schema=replace(labels, grounded=True))
    bad = [r for record in records if (r := refused(record, prompt, encoder, masks))]
    assert not bad, f"{len(bad)} of {len(records)}: {bad[:3]}"
    assert sum(bool(prompt.task.items(record)) for record in records) > 20
