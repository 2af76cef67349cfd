"""Original files of public data sets, held against their neutral forms, which others made."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from extune.readers import FORMATS, detect, reader
from extune.records import Record, Rejected

Items: TypeAlias = frozenset[tuple[object, ...]]


class Case(NamedTuple):
    """`count`: records in the files; `share`: how many neutral records of the splits come from them."""

    folder: str
    name: str
    files: tuple[str, ...]
    splits: tuple[str, ...]
    count: int
    share: float = 1.0


# Train splits are left to whoever changes a reader: add the files and "train", all agree in the same way.
CASES = [
    Case("conll2003", "conll", ("eng.testa", "eng.testb"), ("dev", "test"), 6703),
    Case("msra_ner", "conll_pair", ("test_sentences.txt",), ("test",), 3442),
    Case("msra_ner", "tag_lines", ("springdub_val.txt.xz",), ("dev",), 10976, 371 / 500),
    Case("conll04", "conll04", ("train.txt", "dev.txt", "test.txt"), ("train", "dev", "test"), 1441),
    Case("conll04", "spert", ("valid.CoNLL04.json", "test.CoNLL04.json"), ("dev", "test"), 519),
    Case("conll04", "spert", ("conll04_train.json", "conll04_test.json"), ("train", "test"), 1210),
    Case("webnlg", "casrel", ("val_triples.json", "test_triples.json"), ("dev", "test"), 1203),
    Case("webnlg", "spo_details", ("dev.json", "test.json"), ("dev", "test"), 1203),
]


def letters(text: str) -> str:
    """The table of CoNLL04 parts some last full stops from their words that the other release does not."""
    return text.replace(" ", "").replace(".", "")


def items(record: Record, only_letters: bool) -> Items:
    if only_letters:
        relations = ((letters(r.head), r.relation, letters(r.tail)) for r in record.relations)
        return frozenset([*((letters(e.text), e.type) for e in record.entities), *relations])
    return frozenset([*record.entities, *record.relations])


def records(path: Path, name: str) -> list[Record]:
    results = list(reader(name)(path))
    assert [result for result in results if isinstance(result, Rejected)] == []
    return [result for result in results if isinstance(result, Record)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.folder}-{case.name}-{case.files[0]}")
def test_a_text_has_the_items_of_its_neutral_form(real_data: Path, case: Case) -> None:
    only_letters = case.name == "conll04"
    originals = [record for file in case.files for record in records(real_data / case.folder / "raw" / file, case.name)]
    assert len(originals) == case.count
    read: dict[str, list[Items]] = defaultdict(list)
    for record in originals:
        read[letters(record.text) if only_letters else record.text].append(items(record, only_letters))

    neutral = [
        record for split in case.splits for record in records(real_data / case.folder / f"{split}.jsonl", "records")
    ]
    texts = [letters(record.text) if only_letters else record.text for record in neutral]
    assert sum(text in read for text in texts) / len(texts) == pytest.approx(case.share)
    others = [
        text
        for text, record in zip(texts, neutral, strict=True)
        if text in read and items(record, only_letters) not in read[text]
    ]
    assert others == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.folder}-{case.name}-{case.files[0]}")
def test_an_original_is_recognised(real_data: Path, case: Case) -> None:
    for file in case.files:
        assert detect.recognise(detect.sample(real_data / case.folder / "raw" / file), FORMATS).name == case.name
