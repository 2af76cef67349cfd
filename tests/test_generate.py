import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from extune.errors import DataError
from extune.frames import LANGUAGES, UNSAFE, Relations
from extune.generate import generate, instruct_row, read_relations, schema_of
from extune.records import Record, record_to_json

ROOT = Path(__file__).resolve().parents[1]
RELATIONS = ROOT / "data" / "relations.yaml"
SIZES = {"train": 400, "test": 120, "chinese": 0.5, "empty": 0.1}
NEW_LINE = (
    "  - {zh: 师从, en: studied under, head: person, tail: person,"
    ' zh_train: ["{h}师从{t}", "{h}拜{t}为师"], zh_test: ["{h}是{t}的弟子"],'
    ' en_train: ["{h} studied under {t}", "{h} was taught by {t}"], en_test: ["{h} learned from {t}"]}\n'
)


def digest(records: list[Record]) -> str:
    lines = [json.dumps(record_to_json(record), ensure_ascii=False) for record in records]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.fixture(scope="module")
def relations() -> Relations:
    return read_relations(RELATIONS)


@pytest.fixture(scope="module")
def corpus(relations: Relations) -> tuple[list[Record], list[Record]]:
    return generate(relations, **SIZES, seed=42)


@pytest.fixture
def few_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faker is asked for fewer names than usual: that takes most of the time."""
    monkeypatch.setattr("extune.generate.CANDIDATES", 120)


def names(records: list[Record]) -> list[str]:
    return sorted({name for record in records for r in record.relations for name in (r.head, r.tail)})


def of(records: list[Record], lang: str) -> list[Record]:
    return [record for record in records if record.lang == lang]


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(relations, corpus) -> None:
    assert generate(relations, **SIZES, seed=42) == corpus
    assert digest(generate(relations, **SIZES, seed=43)[0]) != digest(corpus[0])


@pytest.mark.integration
def test_bytes_do_not_depend_on_the_hash_seed(corpus) -> None:
    code = (
        "import hashlib, json, sys\n"
        "from extune.generate import generate, read_relations\n"
        "from extune.records import record_to_json\n"
        f"both = generate(read_relations(sys.argv[1]), **{SIZES}, seed=42)\n"
        "for records in both:\n"
        "    lines = [json.dumps(record_to_json(r), ensure_ascii=False) for r in records]\n"
        "    print(hashlib.sha256('\\n'.join(lines).encode()).hexdigest())\n"
    )
    env = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(RELATIONS)], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [digest(records) for records in corpus]


def test_every_name_stands_verbatim_in_its_text_and_breaks_no_notation(corpus) -> None:
    for record in [*corpus[0], *corpus[1]]:
        for r in record.relations:
            assert r.head in record.text
            assert r.tail in record.text
            assert not UNSAFE & set(r.head + r.tail)


def test_triples_stand_in_the_order_in_which_the_text_states_them(corpus) -> None:
    for record in [*corpus[0], *corpus[1]]:
        stated = [max(record.text.find(r.head), record.text.find(r.tail)) for r in record.relations]
        assert stated == sorted(stated), record.text


def test_no_name_of_the_unseen_set_is_in_a_train_text(corpus) -> None:
    texts = "\n".join(record.text for record in corpus[0])
    assert [name for name in names(corpus[1]) if name in texts] == []


@pytest.mark.usefixtures("few_names")
def test_unseen_names_stay_out_of_train_texts_where_names_are_built_from_one_another(relations) -> None:
    built = {("zh", "person"): ("{{stem}}{{ending}}",), ("zh", "university"): ("{{city_name}}大学",)}
    nested = replace(relations, names={**relations.names, **built})
    pool, unseen = generate(nested, train=150, test=60, chinese=1, empty=0, seed=3)
    texts = "\n".join(record.text for record in pool)
    assert [name for name in names(unseen) if name in texts] == []


@pytest.mark.usefixtures("few_names")
def test_names_stay_apart_across_seeds(relations, corpus) -> None:
    _, unseen = generate(relations, train=1, test=60, chinese=0.5, empty=0, seed=5)
    assert not set(names(unseen)) & set(names(corpus[0]))


def test_no_unseen_clause_can_be_found_in_a_train_text(relations, corpus) -> None:
    for lang in LANGUAGES:
        skeletons = []
        for record in of(corpus[0], lang):
            parts = {name for r in record.relations for name in (r.head, r.tail)}
            pattern = "|".join(map(re.escape, sorted(parts, key=lambda name: (-len(name), name))))
            text = re.sub(pattern, "{}", record.text) if parts else record.text
            skeletons.append(re.sub(r"\d{4}", "{year}", text).lower())
        for frames in relations.lines[lang, "test"]:
            for frame in frames:
                clause = re.sub(r"\{[htu]\}", "{}", frame.text).lower()
                assert not [s for s in skeletons if clause in s], frame.text


def test_shares_of_languages_and_of_empty_records_are_as_asked(corpus) -> None:
    for records, count in zip(corpus, (SIZES["train"], SIZES["test"]), strict=True):
        assert len(records) == count
        for lang in LANGUAGES:
            mine = of(records, lang)
            assert len(mine) == count / 2
            assert sum(not r.relations for r in mine) == pytest.approx(len(mine) * 0.1, abs=1)


@pytest.mark.usefixtures("few_names")
@pytest.mark.parametrize(("chinese", "expected"), [(0.0, {"en"}), (1.0, {"zh"})])
def test_one_language_alone_can_be_asked_for(relations, chinese: float, expected: set[str]) -> None:
    pool, unseen = generate(relations, train=30, test=0, chinese=chinese, empty=0, seed=1)
    assert {record.lang for record in pool} == expected
    assert all(record.relations for record in pool)
    assert unseen == []


def test_sentences_with_two_and_three_triples_are_common(corpus) -> None:
    for lang in LANGUAGES:
        counts = [len(record.relations) for record in of(corpus[0], lang)]
        assert max(counts) == 3
        assert counts.count(2) > len(counts) / 5
        assert counts.count(3) > len(counts) / 40


def test_every_label_of_a_language_and_only_those_occur_in_both_sets(relations, corpus) -> None:
    for records in corpus:
        for lang in LANGUAGES:
            used = {r.relation for record in of(records, lang) for r in record.relations}
            assert used == set(relations.labels[lang])


def test_an_alias_is_in_the_schema_but_never_a_label_of_a_sample(relations, corpus) -> None:
    schema = schema_of(relations)
    assert schema.canonical("任职") == "担任"
    assert "任职" not in schema.relations
    assert any("任职" in record.text for record in corpus[0])
    assert schema.relations == (*relations.labels["zh"], *relations.labels["en"])


def test_ids_and_texts_are_unique_and_sentences_short(corpus) -> None:
    both = [*corpus[0], *corpus[1]]
    assert len({record.id for record in both}) == len({record.text for record in both}) == len(both)
    assert corpus[0][0].id == "gen-train-0001"
    assert max(len(record.text) for record in of(both, "zh")) <= 45
    assert max(len(record.text.split()) for record in of(both, "en")) <= 30


def test_types_of_ends_are_in_the_language_of_the_text(corpus) -> None:
    for record in corpus[0]:
        for r in record.relations:
            if r.relation in ("工作于", "works for"):
                expected = ("人物", "公司") if record.lang == "zh" else ("person", "company")
                assert (r.head_type, r.tail_type) == expected


def test_an_instruction_row_has_one_line_per_triple_and_none_for_an_empty_record(corpus) -> None:
    record = next(r for r in corpus[0] if len(r.relations) == 2)
    row = instruct_row(record)
    assert list(row) == ["id", "instruction", "input", "output", "lang"]
    first = record.relations[0]
    assert row["output"].splitlines()[0] == f"({first.head}, {first.relation}, {first.tail})"
    assert len(row["output"].splitlines()) == 2
    empty = next(r for r in corpus[0] if not r.relations)
    assert instruct_row(empty)["output"] == ""


@pytest.mark.usefixtures("few_names")
def test_one_more_line_adds_a_relation(tmp_path: Path) -> None:
    path = tmp_path / "relations.yaml"
    text = RELATIONS.read_text(encoding="utf-8")
    path.write_text(text.replace("relations:\n", "relations:\n" + NEW_LINE, 1), encoding="utf-8")
    relations = read_relations(path)
    assert {"师从", "studied under"} <= set(schema_of(relations).relations)
    for records in generate(relations, train=60, test=60, chinese=0.5, empty=0, seed=1):
        assert {"师从", "studied under"} <= {r.relation for record in records for r in record.relations}


@pytest.mark.usefixtures("few_names")
def test_a_type_with_too_few_names_is_refused(relations) -> None:
    few = replace(relations, names={**relations.names, ("zh", "city"): ("北京",)})
    with pytest.raises(DataError, match="type 'city' has only"):
        generate(few, train=10, test=10, chinese=1, empty=0, seed=1)


@pytest.mark.usefixtures("few_names")
def test_more_samples_than_there_are_texts_are_refused(relations) -> None:
    none = {part: frames[3:4] for part, frames in relations.none.items()}  # a company and nothing else
    openings = dict.fromkeys(relations.openings, ("",))
    few = replace(relations, none=none, openings=openings)
    with pytest.raises(DataError, match="no new text for gen-train-"):
        generate(few, train=1200, test=0, chinese=0, empty=0.9, seed=1)


OPENINGS = 'zh_test: ["据了解，", "据{year}年的资料，", "报道称，"]'
BAD = {
    "a missing key": ("en: works for, ", "", "'en' is missing", "Add `en"),
    "a clause without its head": ('"{h}在{t}工作"', '"他在{t}工作"', "他在{t}工作", "{h} and {t}"),
    "a clause with an open brace": ('"{h}在{t}工作"', '"{h}在{t工作"', "{h}在{t工作", "Braces"),
    "an unknown key": ("{zh: 工作于,", "{zh: 工作于, jp: x,", "unknown key 'jp'", "Known keys"),
    "an unknown type": ("head: book, tail", "head: robot, tail", "unknown type 'robot'", "Known"),
    "a clause in both lists": ('zh_test: ["{h}目前在{t}工作"', 'zh_test: ["{h}在{t}工作"', "zh_test", "out"),
    "a label twice": ("zh: 担任, en: holds position", "zh: 担任, en: works for", "second relation", "Join"),
    "a label with punctuation": ("zh: 导演,", 'zh: "导演,编剧",', "punctuation", "words only"),
    "an empty list": (OPENINGS, "zh_test: []", "'zh_test' is missing or empty", "Add `zh_test"),
    "an alias of nothing": ("{任职: 担任}", "{任职: 干活}", "干活", "Known"),
    "a label as alias": ("{任职: 担任}", "{担任: 工作于}", "relation and an alias", "Keep one"),
    "broken yaml": ("- {zh: 工作于", "- {zh: [工作于", "not YAML", "double quotes"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_place_and_remedy(case: str, tmp_path: Path) -> None:
    old, new, what, remedy = BAD[case]
    text = RELATIONS.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "relations.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_relations(path)
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert caught.value.where.startswith(str(path))


def test_the_line_of_a_bad_relation_is_named(tmp_path: Path) -> None:
    lines = RELATIONS.read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines, 1) if "zh: 毕业于" in line)
    lines[number - 1] = lines[number - 1].replace("tail: university, ", "")
    path = tmp_path / "relations.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=f"relations.yaml:{number}: key 'tail'"):
        read_relations(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="file not found"):
        read_relations(tmp_path / "none.yaml")


@pytest.mark.usefixtures("few_names")
def test_a_pattern_with_an_unknown_word_list_is_refused(relations) -> None:
    wrong = replace(relations, names={**relations.names, ("zh", "city"): ("{{no_such_list}}",)})
    with pytest.raises(DataError, match="no_such_list"):
        generate(wrong, train=10, test=0, chinese=1, empty=0, seed=1)
