"""What `prepare` makes of a source: splits, schema, counts; an error where there is nothing to train on."""

import json
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.errors import ConfigError, DataError
from extune.gather import QUARANTINE, BadSource, place
from extune.prepare import Prepared, find_schema, prepare
from extune.records import Record
from extune.sections import Augment, Data, Split
from extune.sources import SPLITS, opened
from extune.tasks import TASKS

NER, RE = TASKS["NER"], TASKS["RE"]


def row(name: str, text: str = "", **entities: str) -> dict[str, Any]:
    """A row of the neutral form; `PER="Ada"` is an entity."""
    items = [{"text": value, "type": label} for label, value in entities.items()]
    return {"id": name, "text": text or f"{name}: {' '.join(entities.values())}", "entities": items}


def write(folder: Path, **files: list[Any]) -> Path:
    """`train=[row, ...]` is written to train.jsonl; a string is written as it is."""
    folder.mkdir(exist_ok=True)
    for name, rows in files.items():
        lines = [each if isinstance(each, str) else json.dumps(each) for each in rows]
        (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def run(root: Path, task: Any = NER, *, shots: int = 0, augment: Augment | None = None, **settings: Any) -> Prepared:
    (root / "out").mkdir(exist_ok=True)
    data = Data.model_validate({"source": "src", **settings})
    return prepare(data, task, root, root / "out", shots=shots, augment=augment)


def rows(root: Path, name: str) -> list[Any]:
    """The lines of a file that `run` wrote."""
    return [json.loads(line) for line in (root / "out" / name).read_text(encoding="utf-8").splitlines()]


def ids(prepared: Prepared) -> dict[str, list[str]]:
    return {name: [record.id for record in records] for name, records in prepared.splits.items()}


def test_files_of_a_folder_become_the_splits_of_their_names(tmp_path: Path) -> None:
    for name in ("dev", "val", "valid", "validation", "eval"):
        for suffix in (".jsonl", ".json", ".txt"):
            folder = tmp_path / name / suffix
            folder.mkdir(parents=True)
            for part in ("train", name, "test"):
                (folder / f"{part}{suffix}").write_text(json.dumps(row(part, PER="Ada")))

            parts = opened(f"{name}/{suffix}", "auto", {}, tmp_path)

            found = {key: list(part.results()) for key, part in parts.items()}
            assert {key: [r.id for r in results if isinstance(r, Record)] for key, results in found.items()} == {
                "train": ["train"],
                "dev": [name],
                "test": ["test"],
            }
            assert {part.format for part in parts.values()} == {"records"}


def test_one_file_is_split_and_given_files_are_not_touched(tmp_path: Path) -> None:
    many = [row(f"r{i}", PER="Ada") for i in range(200)]
    write(tmp_path / "one", all=many)
    write(tmp_path / "src", train=many, test=[row("t", PER="Ada")])

    alone = ids(run(tmp_path, source="one/all.jsonl"))
    beside = run(tmp_path)

    assert {name: len(records) > 5 for name, records in alone.items()} == dict.fromkeys(SPLITS, True)
    assert sorted(name for names in alone.values() for name in names) == sorted(r["id"] for r in many)
    assert ids(beside)["test"] == ["t"]
    assert len(ids(beside)["train"]) + len(ids(beside)["dev"]) == 200
    assert ids(beside)["dev"]


@given(st.text(min_size=1), st.text())
def test_the_place_of_a_record_is_that_of_its_document(name: str, question: str) -> None:
    shares = Split(dev=0.3, test=0.3)

    assert place(name, shares) == place(f"{name}#{question}", shares)


def test_shares_are_near_what_was_asked() -> None:
    found = Counter(place(str(i), Split(dev=0.05, test=0.2)) for i in range(10_000))

    assert {name: count / 10_000 for name, count in found.items()} == {
        "train": pytest.approx(0.75, abs=0.011),
        "dev": pytest.approx(0.05, abs=0.011),
        "test": pytest.approx(0.2, abs=0.011),
    }


@pytest.mark.parametrize(
    ("files", "settings", "message"),
    [
        (None, {}, "no such file or folder.* data.source in params.yaml"),
        ({"test": [row("t", PER="Ada")]}, {}, "no train.jsonl, train.json or train.txt"),
        ({"train": []}, {}, r"train.jsonl: the file is empty"),
        ({"train": [row("a", PER="Ada")], "dev": []}, {}, r"dev.jsonl: the file is empty"),
        ({"train": [row("a", PER="Ada")], "dev": [row("d")], "val": [row("v")]}, {}, "both stand for dev"),
        ({"train": [row("a")], "test": [row("t", PER="A")]}, {}, "train has no NER item left"),
        ({"train": [row("a", PER="Ada")]}, {"split": {"dev": 0, "test": 0.99}}, "train has no record left"),
        ({"train": [row("a", PER="Ada")]}, {"schema": "none.yaml"}, "schema file not found"),
    ],
)
def test_a_source_without_something_to_train_on_is_an_error(
    tmp_path: Path, files: dict[str, Any] | None, settings: dict[str, Any], message: str
) -> None:
    if files is not None:
        write(tmp_path / "src", **files)

    with pytest.raises(DataError, match=f"(?s){message}"):
        run(tmp_path, **settings)


def test_an_unknown_reader_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'records'"):
        run(tmp_path, reader="record")


def test_bad_lines_up_to_the_limit_go_to_the_quarantine(tmp_path: Path) -> None:
    write(tmp_path / "src", train=[row(f"r{i}", PER="Ada") for i in range(99)] + ["{"])

    prepared = run(tmp_path)

    (bad,) = rows(tmp_path, QUARANTINE)
    assert bad["where"] == f"{tmp_path / 'src' / 'train.jsonl'}:100"
    assert prepared.stats["rejected"] == 1


def test_more_bad_lines_than_the_limit_are_an_error_and_in_the_quarantine(tmp_path: Path) -> None:
    write(tmp_path / "src", train=[row(f"r{i}", PER="Ada") for i in range(98)] + ["{", "[1]"])

    with pytest.raises(BadSource, match=r"2 of 100 records \(2 %\) are bad, limit 1 %; first: .*:99: not JSON") as info:
        run(tmp_path)

    assert "quarantine.jsonl" in info.value.remedy
    assert len(rows(tmp_path, QUARANTINE)) == 2
    assert run(tmp_path, max_bad=0.02).stats["rejected"] == 2


def test_a_split_that_is_wholly_bad_is_an_error_whatever_the_limit(tmp_path: Path) -> None:
    array = "[1]"
    write(tmp_path / "src", train=[row(f"r{i}", PER="Ada") for i in range(999)], dev=[array])

    with pytest.raises(BadSource, match=r"all of dev\) are bad.*a JSON array where one object a line is wanted"):
        run(tmp_path, max_bad=0.5)


def test_the_schema_is_the_one_named_or_the_one_beside_the_data_or_what_train_implies(tmp_path: Path) -> None:
    folder = write(tmp_path / "src", train=[row("a", PER="Ada", ORG="IBM")], test=[row("t", LOC="Rome")])
    results = list(opened("src", "auto", {}, tmp_path)["train"].results())
    train = [result for result in results if isinstance(result, Record)]

    def entities(**settings: str) -> tuple[str, ...]:
        data = Data.model_validate({"source": "src", **settings})
        return find_schema(data, tmp_path, train).entities

    assert entities() == ("ORG", "PER")
    (folder / "types.json").write_text('{"entity_types": {"PER": 1, "LOC": 1}}')
    assert entities() == entities(source="src/train.jsonl") == ("PER", "LOC")
    (folder / "schema.json").write_text('["PER", "TIME"]\n[]\n{}')
    assert entities() == ("PER", "TIME")
    (tmp_path / "mine.yaml").write_text("entities: [ORG]")
    assert entities(schema="mine.yaml") == ("ORG",)


def test_labels_that_the_schema_lacks_are_dropped_counted_and_told_and_aliases_are_not(
    tmp_path: Path,
) -> None:
    folder = write(
        tmp_path / "src",
        train=[row("a", PER="Ada", ORG="IBM"), row("b", PERSON="Bob")],
        test=[row("t", ORG="HP", LOC="Rome")],
    )
    (folder / "schema.yaml").write_text("{entities: [PER], aliases: {PERSON: PER}}")

    prepared = run(tmp_path, split={"dev": 0})

    labels = [NER.label(item) for records in prepared.splits.values() for r in records for item in r.entities]
    assert labels == ["PER", "PER"]
    assert prepared.stats["unknown_labels"] == {"ORG": 2, "LOC": 1}
    assert "3 items dropped, the schema lacks their label: ORG 2, LOC 1" in prepared.warnings


def test_items_of_other_tasks_stay_on_the_record(tmp_path: Path) -> None:
    relation = {"head": "Ada", "relation": "at", "tail": "IBM"}
    write(tmp_path / "src", train=[{**row("a", PER="Ada", ORG="IBM"), "relations": [relation]}], test=[row("t")])

    (record,) = run(tmp_path, RE, split={"dev": 0}).splits["train"]

    assert (len(record.relations), len(record.entities)) == (1, 2)


def test_texts_that_are_measured_on_are_not_trained_on(tmp_path: Path) -> None:
    write(
        tmp_path / "src",
        train=[row("a", "Ada wrote", PER="Ada"), row("b", "Bob read", PER="Bob"), row("c", "Cy", PER="Cy")],
        dev=[row("d", "Bob  read\n", PER="Bob"), row("e", "Ada wrote", PER="Ada")],
        test=[row("t", "Ada wrote", PER="Ada")],
    )

    prepared = run(tmp_path)

    assert ids(prepared) == {"train": ["c"], "dev": ["d"], "test": ["t"]}
    assert prepared.stats["leaks"] == {"train": 2, "dev": 1}
    assert "2 train records dropped, their text is also in a split they are measured on" in prepared.warnings


@pytest.mark.parametrize(
    ("grounding", "grounded", "items"),
    [
        ("auto", False, {"train": 2, "dev": 1, "test": 1}),
        ("never", False, {"train": 2, "dev": 1, "test": 1}),
        ("always", True, {"train": 1, "dev": 0, "test": 1}),
    ],
)
def test_items_that_are_not_in_their_text_decide_about_grounding(
    tmp_path: Path, grounding: str, grounded: bool, items: dict[str, int]
) -> None:
    write(
        tmp_path / "src",
        train=[row("a", "Ada wrote", PER="Ada"), row("b", "he wrote", PER="Bob")],
        dev=[row("d", "she read", PER="Dee")],
        test=[row("t", "they read", PER="Eve")],
    )

    prepared = run(tmp_path, grounding=grounding)

    assert prepared.schema.grounded is grounded
    assert {name: part["items"] for name, part in prepared.stats["splits"].items()} == items
    assert prepared.stats["ungrounded"] == {"train": 1, "dev": 1, "test": 1}
    assert any("1 train items are not in their text" in each for each in prepared.warnings) == (grounding != "never")


def test_grounding_is_on_where_every_train_item_is_in_its_text(tmp_path: Path) -> None:
    write(tmp_path / "src", train=[row("a", PER="Ada")], test=[row("t", "they read", PER="Eve")])

    assert run(tmp_path, split={"dev": 0}).schema.grounded is True


def test_the_statistics_describe_each_split(tmp_path: Path) -> None:
    train = [row("a", PER="Ada", ORG="IBM"), row("b", PER="Bob"), row("c", "空"), row("d", "empty")]
    write(tmp_path / "src", train=train, test=[row("t", PER="Eve")])

    prepared = run(tmp_path, split={"dev": 0})

    assert prepared.stats["splits"]["train"] == {
        "records": 4,
        "items": 3,
        "empty": 0.5,
        "labels": {"PER": 2, "ORG": 1},
        "languages": {"en": 3, "zh": 1},
    }
    assert "dev has no record" in prepared.warnings


def test_the_same_source_gives_the_same_result(tmp_path: Path) -> None:
    write(tmp_path / "src", train=[row(f"r{i}", PER="Ada") for i in range(50)])

    def written() -> dict[str, bytes]:
        run(tmp_path)
        return {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    assert written() == written()


def test_records_that_prompts_show_are_in_the_schema_and_not_in_train(tmp_path: Path) -> None:
    write(tmp_path / "src", train=[row("a", PER="Ada"), row("b", PER="Bob", ORG="IBM"), row("c", ORG="HP")])

    prepared = run(tmp_path, shots=2, split={"dev": 0, "test": 0})

    (first, second) = [example["id"] for example in prepared.schema.examples]
    assert (first, second in "ac") == ("b", True)
    assert ids(prepared)["train"] == [name for name in "abc" if name not in (first, second)]
    assert prepared.stats["splits"]["train"]["records"] == 1


def test_variants_stand_behind_the_records_and_share_no_id_with_them(tmp_path: Path) -> None:
    write(tmp_path / "src", train=[row("a", PER="Ada"), row("a~affix", PER="Bob")], test=[row("t", PER="Eve")])

    prepared = run(tmp_path, augment=Augment(affix=1.0), split={"dev": 0})

    assert ids(prepared)["train"] == ["a", "a~affix", "a~affix~", "a~affix~affix"]
    assert ids(prepared)["test"] == ["t"]
    assert prepared.stats["augmented"] == {"variants": 2, "refused": {}}
    assert prepared.stats["splits"]["train"]["records"] == 4


def test_what_was_given_has_all_items_and_is_read_as_often_as_wanted(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "src", train=[row("a", PER="Ada", ORG="IBM"), row("b", "Eve", PER="Eve")], test=[row("t")]
    )
    (folder / "schema.yaml").write_text("entities: [PER]")

    prepared = run(tmp_path, split={"dev": 0})

    for _ in range(2):
        assert [len(record.entities) for record in prepared.given["train"]] == [2, 1]
        assert [len(record.entities) for record in prepared.splits["train"]] == [1, 1]
    assert [fault["reason"] for fault in rows(tmp_path, "faults.jsonl")] == [
        "ORG: ('IBM',): the schema lacks its label"
    ]


def test_memory_does_not_grow_with_the_texts(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        many = [row(f"r{i}", f"Ada {i} {'wrote ' * 300}", PER="Ada") for i in range(count)]
        write(tmp_path / "src", train=many)
        del many
        tracemalloc.start()
        run(tmp_path, grounding="always")
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    _, small, large = peak(60), peak(60), peak(360)
    assert large - small < 300 * 300


@pytest.mark.parametrize(
    ("name", "task", "ungrounded"),
    [("conll04", RE, 0), ("weibo_ner", NER, 0), ("duie2", RE, 0), ("nyt", RE, 42)],
)
def test_real_data_sets_are_prepared_as_their_description_says(
    real_data: Path, name: str, task: Any, ungrounded: int, tmp_path: Path
) -> None:
    prepared = prepare(Data(source=name), task, real_data, tmp_path)

    assert prepared.stats["rejected"] == 0
    assert prepared.stats["leaks"] == {"train": 0, "dev": 0}
    assert prepared.stats["unknown_labels"] == {}
    assert sum(prepared.stats["ungrounded"].values()) == ungrounded
    assert prepared.schema.grounded is (ungrounded == 0)
