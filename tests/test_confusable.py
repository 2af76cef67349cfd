"""Hard negatives learned from mistakes and from label names."""

import json
from pathlib import Path

import numpy as np
import pytest

from extune.confusable import from_embeddings, from_mistakes, read_confusable
from extune.errors import DataError, ModelError
from extune.records import Entity, Event, Record, Relation


def entities(*pairs: tuple[str, str]) -> Record:
    return Record("1", "t", entities=tuple(Entity(text, kind) for text, kind in pairs))


def test_a_mention_with_another_type_makes_the_types_confusable_most_frequent_first() -> None:
    gold = entities(("a", "PER"), ("b", "PER"), ("c", "PER"), ("d", "LOC"))
    found = entities(("a", "ORG"), ("b", "GPE"), ("c", "ORG"), ("d", "LOC"), ("e", "LOC"))
    assert from_mistakes([(gold, found)], 3) == {"PER": ("ORG", "GPE")}
    assert from_mistakes([(gold, found)], 1) == {"PER": ("ORG",)}


def test_pairs_of_ends_and_triggers_are_confused_as_mentions_are() -> None:
    gold = Record("1", "t", relations=(Relation("a", "r", "b"),), events=(Event("E", "x"),))
    found = Record("1", "t", relations=(Relation("a", "s", "b"), Relation("b", "r", "a")), events=(Event("F", "x"),))
    assert from_mistakes([(gold, found)], 3) == {"E": ("F",), "r": ("s",)}


@pytest.fixture(params=["F32", "BF16"])
def base(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with a tokenizer of four words, and their embeddings in two directions."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"city": 0, "town": 1, "time": 2, "date": 3, "?": 4}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    table = np.array([[1, 0.1], [1, 0.2], [-1, 0.1], [-1, 0.25], [0, 0]], np.float32)
    data = table.tobytes()
    if request.param == "BF16":
        data = (table.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    entry = {"dtype": request.param, "shape": [5, 2], "data_offsets": [0, len(data)]}
    header = json.dumps({"model.embed_tokens.weight": entry}).encode()
    header += b" " * (-len(header) % 8)
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data)
    return tmp_path


def test_labels_that_stand_near_in_the_embeddings_are_confusable(base: Path) -> None:
    found = from_embeddings(["city", "town", "time", "date"], base, 1)
    assert found == {"city": ("town",), "town": ("city",), "time": ("date",), "date": ("time",)}


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.json in .*Name a folder"):
        from_embeddings(["a", "b"], tmp_path, 1)


@pytest.mark.parametrize("content", ['{"a": "b"}', "[]", '{"a": [1]}'])
def test_another_form_of_dictionary_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hard.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"hard\.json: not a dictionary"):
        read_confusable(path)
    path.write_text('{"a": ["b", "c"]}')
    assert read_confusable(path) == {"a": ("b", "c")}
