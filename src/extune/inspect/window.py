"""How many tokens a record has for a base model."""

from collections.abc import Callable
from pathlib import Path

from ..errors import DataError
from ..records import Record


def token_counter(base: Path) -> Callable[[Record], int]:
    """Tokens of a record's text; a row has some more, for the instruction and the answer.

    Raises DataError if the folder has no tokenizer.json.
    """
    from tokenizers import Tokenizer

    path = base / "tokenizer.json"
    if not path.is_file():
        raise DataError("no tokenizer.json", where=str(base), remedy="Name a base model's folder, such as models/base")
    tokenizer = Tokenizer.from_file(str(path))
    return lambda record: len(tokenizer.encode(record.text, add_special_tokens=False).ids)
