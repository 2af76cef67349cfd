"""The only place a prompt is written, for training, serving and evaluation alike.

PROMPT_VERSION is stored with every registered model; a changed wording is a new version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import ConfigError
from .notations import Notation, Shown
from .records import Example, Query, Record, detect_language, record_from_json
from .schema import Schema
from .tasks import Task

PROMPT_VERSION = "1"

# OneKE's sentence about examples, and ours in English.
REFER = {"zh": "你可以参考example进行抽取。", "en": " You can refer to the examples when extracting."}

Message = dict[str, str]


@dataclass(frozen=True)
class Prompt:
    """How queries of one task and notation are put to the model, about the labels of one schema.

    `system`: the system turn; None leaves it to the base's own chat template, "" writes an empty one.
    `instruction`: what is asked, by language, in place of the task's own wording.
    `language`: of the wording; "auto" goes by the text alone, so that training and serving cannot differ.
    """

    task: Task
    notation: Notation
    schema: Schema = field(default_factory=Schema)
    system: str | None = None
    instruction: Mapping[str, str] = field(default_factory=dict)
    language: str = "auto"

    def __post_init__(self) -> None:
        if not self.notation.fits(self.task.shape(("label",), self.schema)):
            raise ConfigError(
                f"notation {self.notation.name!r} cannot spell answers of task {self.task.name!r}",
                remedy="Set task.notation to iepile_json, which fits every task",
            )

    def text(self, query: Query) -> str:
        """What the user turn says."""
        own = self.task.instructions.get(self.notation.name) or self.task.instructions["iepile_json"]
        wording = {**own, **self.instruction}
        language = self.language_of(query.text)
        instruction = wording.get(language) or wording["en"]
        asked = self.task.question(query.labels, self.schema)
        shown = [self._shown(record_from_json(row), query) for row in self.schema.examples]
        if not shown:
            return self.notation.prompt(instruction, asked, query.text)
        if self.notation.exemplify:
            hint = REFER.get(language) or REFER["en"]
            return self.notation.exemplify(instruction + hint, asked, query.text, shown)
        solved = "".join(f"{text}\n{answer}\n\n" for text, answer in shown)
        return self.notation.prompt(instruction, asked, solved + query.text)

    def language_of(self, text: str) -> str:
        """The language in which a text is asked about."""
        return detect_language(text) if self.language == "auto" else self.language

    def _shown(self, record: Record, query: Query) -> Shown:
        """A solved record with its answer to the query's labels; a question of its own stands below its text."""
        labels = self.task.asked(record, self.schema) if self.task.asked else query.labels
        value = self.task.encode(self.task.items(record), labels, self.schema)
        answer = self.notation.spell(value, self.task.shape(labels, self.schema), record.text)
        own = () if labels == query.labels or self.notation.exemplify else labels
        return "\n".join((record.text, *own)), answer

    def messages(self, query: Query) -> list[Message]:
        """The chat up to the assistant's turn."""
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*system, {"role": "user", "content": self.text(query)}]

    def grammar(self, query: Query) -> str:
        """Lark grammar of all valid answers to a query."""
        return self.notation.grammar(self.task.shape(query.labels, self.schema), query.text)

    def row(self, example: Example) -> dict[str, Any]:
        """A training row in TRL's conversational prompt-completion form (https://huggingface.co/docs/trl/dataset_formats)."""
        return {
            "id": example.query.id,
            "prompt": self.messages(example.query),
            "completion": [{"role": "assistant", "content": example.answer}],
        }
