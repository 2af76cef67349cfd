"""Variants of train records: every annotation stays true to its text, or there is no variant."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.augment import AFTER, BEFORE, KINDS, augmented, drawn, is_variant, read_synonyms, variant, variants
from extune.carry import annotated
from extune.errors import ConfigError
from extune.ground import occurrences, sentences
from extune.readers.lines import checked
from extune.records import (
    QA,
    Argument,
    Edge,
    Entity,
    Event,
    Graph,
    Node,
    Record,
    Relation,
    record_from_json,
    record_to_json,
)
from extune.sections import Augment

ALL = Augment(**dict.fromkeys(KINDS, 1.0), synonyms_file="synonyms.yaml")
SYNONYMS = {"bought": ["acquired"], "the": ["that"], "表示": ["称", "说"], "公司": ["企业"]}
WORDS = ("Ann", "Bo 7", "the firm", "bought", "said", "Rome", "发", "头发", "皇后", "公司", "表示", "ＡＢ", "AB", "12")
ENDS = ("。", ". ", "! ", "；", "\n", "", " ")


@st.composite
def texts(draw: st.DrawFn) -> str:
    sentence = st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), st.sampled_from(ENDS))
    return "".join(" ".join(words) + end for words, end in draw(st.lists(sentence, min_size=1, max_size=5)))


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A text with annotations of any kind: strings of the text, and now and then one that is not in it."""
    text = draw(texts())
    places = [(at, at + len(word)) for word in WORDS for at, _ in occurrences(text, word)]
    string = st.sampled_from(places).map(lambda place: text[slice(*place)]) | st.sampled_from([*WORDS, "nowhere"])
    entity = st.sampled_from(places).map(lambda place: Entity(text[slice(*place)], "T", *place))
    name = st.sampled_from(["n1", "n2"])
    graph = st.builds(
        Graph,
        st.lists(st.builds(Node, string, st.just(("L",)), name | st.just(""), string | st.just("")), max_size=2).map(
            tuple
        ),
        st.lists(st.builds(Edge, st.just("E"), name | string, string, st.none(), string), max_size=2).map(tuple),
    )
    event = st.builds(
        Event, st.just("V"), string, st.lists(st.builds(Argument, st.just("r"), string), max_size=2).map(tuple)
    )
    answer = string | st.just("")
    qa = st.builds(QA, st.just("Who?"), answer, st.sampled_from(["", text]), st.lists(string, max_size=2).map(tuple))
    return Record(
        id=draw(st.sampled_from(["1", "二"])),
        text=text,
        lang=draw(st.sampled_from(["zh", "en"])),
        entities=tuple(draw(st.lists(entity | st.builds(Entity, string, st.just("U")), max_size=3))),
        relations=tuple(draw(st.lists(st.builds(Relation, string, st.just("R"), string), max_size=2))),
        events=tuple(draw(st.lists(event, max_size=2))),
        qa=draw(st.none() | qa),
        graph=draw(st.none() | graph),
    )  # fmt: skip


def labels(record: Record) -> list[str]:
    graph = record.graph or Graph()
    return [
        *(e.type for e in record.entities),
        *(r.relation for r in record.relations),
        *(label for e in record.events for label in (e.event_type, *(a.role for a in e.arguments))),
        *(label for node in graph.nodes for label in node.labels),
        *(edge.type for edge in graph.edges),
    ]


LABELS = ("type", "relation", "event_type", "role", "labels", "head_type", "tail_type", "question", "document")


def strings(value: Any) -> list[str]:
    """Every string in a record's annotations, in order: a look at them that does not share the code's."""
    if isinstance(value, dict):
        return [string for key, inner in value.items() if key not in LABELS for string in strings(inner)]
    if isinstance(value, list):
        return [string for inner in value for string in strings(inner)]
    return [value] if isinstance(value, str) else []


def facts(record: Record) -> list[str]:
    row = record_to_json(record)
    return strings([row.get(name) for name in ("entities", "relations", "events", "qa", "graph")])


def assert_true(record: Record, new: Record) -> None:
    """Strings of the new record stand in its text exactly where and as often as the old ones did in theirs."""
    checked(new)
    pairs = list(zip(facts(record), facts(new), strict=True))
    named = set(annotated(record))
    for old, now in pairs:
        if old in named:
            assert len(occurrences(record.text, old)) == len(occurrences(new.text, now)), (old, now)
        elif old not in ("n1", "n2"):
            assert old == now
    assert len(set(pairs)) == len({old for old, _ in pairs}), "one string, two names"
    assert [e.start is None for e in new.entities] == [e.start is None for e in record.entities]
    assert labels(new) == labels(record)
    assert new.qa is None or new.qa.document in ("", new.text)


@given(records(), st.integers(0, 9))
def test_every_annotation_of_a_variant_is_true_to_its_text(record: Record, seed: int) -> None:
    for kind in KINDS:
        new = variant(record, kind, seed, SYNONYMS)
        if new and kind != "empty":
            assert (new.id, new.text == record.text) == (f"{record.id}~{kind}", False)
            assert_true(record, new)


@settings(max_examples=20)
@given(records(), st.integers(0, 9))
def test_an_empty_variant_has_no_string_of_any_annotation(record: Record, seed: int) -> None:
    new = variant(record, "empty", seed, {})
    if new:
        assert new.text in record.text
        assert not any(string in new.text for string in annotated(record))
        assert (labels(new), annotated(new)) == ([], ())
        assert (new.qa and new.qa.question) == (record.qa and record.qa.question)


@settings(max_examples=20)
@given(records(), st.integers(0, 9))
def test_rate_one_gives_each_kind_or_counts_its_refusal_and_rate_zero_nothing(record: Record, seed: int) -> None:
    refused: Counter[str] = Counter()
    made = list(augmented([record], ALL, seed, SYNONYMS, refused=refused))

    assert len(made) + refused.total() == len(KINDS)
    assert list(variants(record, ALL, seed, SYNONYMS)) == made
    assert list(augmented([record], Augment(), seed, SYNONYMS)) == []
    assert len({new.id for new in made}) == len(made)
    assert all(is_variant(new.id) for new in made)


RECORD = Record(
    "7", "Ann bought the firm. It rained all day in Rome. 皇后的头发很长。", "en",
    entities=(Entity("Ann", "P", 0, 3), Entity("皇后", "P", 48, 50)), relations=(Relation("Ann", "owns", "the firm"),),
)  # fmt: skip


def test_a_rate_is_the_share_of_records_each_drawn_for_itself() -> None:
    rates = Augment(typo=0.3)
    all_of_them = [replace(RECORD, id=str(n)) for n in range(400)]
    chosen = {record.id for record in all_of_them if drawn(record, rates, 1)}

    assert 90 < len(chosen) < 150
    assert {new.id.partition("~")[0] for new in augmented(all_of_them[::-1], rates, 1, {})} == chosen
    assert chosen < {record.id for record in all_of_them if drawn(record, Augment(typo=0.5), 1)}


def test_a_synonym_never_touches_an_annotated_span_nor_part_of_a_word() -> None:
    record = replace(RECORD, text="Ann bought the firm, then the rest.", entities=())
    new = variant(record, "synonym", 3, {"the": ["that"], "Ann": ["Bo"], "firm": ["company"]})
    assert new is not None
    assert new.text == "Ann bought the firm, then that rest."


def test_a_synonym_that_is_itself_annotated_is_refused() -> None:
    record = replace(RECORD, text="Ann bought the firm, the rest.", entities=())
    assert variant(record, "synonym", 3, {"rest": ["Ann"]}) is None


def test_annotations_follow_their_sentences() -> None:
    new = variant(RECORD, "reorder", 1, {})
    assert new is not None
    assert sorted(s for s in new.text.replace("。", ".").split(".") if s) != []
    assert {new.text[slice(*span)] for span in sentences(new.text)} == {
        RECORD.text[slice(*span)] for span in sentences(RECORD.text)
    }
    assert [(e.text, new.text[e.start : e.end]) for e in new.entities] == [("Ann", "Ann"), ("皇后", "皇后")]


def test_a_last_sentence_without_an_end_keeps_its_place_and_a_date_is_not_cut() -> None:
    record = Record("1", "It rained. Born Feb. 6 in Rome. No end", "en")
    assert {new.text for seed in range(5) if (new := variant(record, "reorder", seed, {}))} == {
        "Born Feb. 6 in Rome. It rained. No end"
    }


@pytest.mark.parametrize(("lang", "text"), [("zh", "头发很长。"), ("en", "Hair is long.")])
def test_neutral_sentences_stand_before_or_after_in_the_records_language(lang: str, text: str) -> None:
    made = {new.text for seed in range(40) if (new := variant(Record("1", text, lang), "affix", seed, {}))}
    assert all(text in new for new in made)
    assert {new.startswith(text) for new in made} == {True, False}
    added = {new.replace(text, "").strip() for new in made}
    assert added & set(BEFORE[lang])
    assert added & set(AFTER[lang])


def test_no_neutral_sentence_holds_an_annotated_string() -> None:
    record = Record("1", "内容很好。", "zh", entities=(Entity("内容", "T", 0, 2),))
    made = [new for seed in range(20) if (new := variant(record, "affix", seed, {}))]
    assert made
    assert all(new.text.count("内容") == 1 for new in made)


def test_nothing_is_called_empty_when_a_string_of_the_record_is_not_in_its_text() -> None:
    assert variant(RECORD, "empty", 1, {}) is not None
    assert variant(replace(RECORD, relations=(Relation("Ann", "owns", "a firm"),)), "empty", 1, {}) is None


def test_a_variant_has_an_id_of_its_own_even_beside_one_that_looks_like_it() -> None:
    originals = [RECORD, replace(RECORD, id="7~affix")]
    taken = {record.id for record in originals if is_variant(record.id)}
    made = augmented(originals, Augment(affix=1.0), 1, {}, taken)
    assert [new.id for new in made] == ["7~affix~", "7~affix~affix"]


def test_synonyms_are_read_from_the_users_file(tmp_path: Path) -> None:
    path = tmp_path / "synonyms.yaml"
    path.write_text("bought: [acquired]\n表示: [称]\n", encoding="utf-8")
    assert read_synonyms(ALL, tmp_path) == {"bought": ["acquired"], "表示": ["称"]}
    assert read_synonyms(Augment(synonyms_file="missing.yaml"), tmp_path) == {}
    path.write_text("bought: acquired\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"synonyms\.yaml: 'bought' is not followed by a list"):
        read_synonyms(ALL, tmp_path)
    with pytest.raises(ConfigError, match=r"augment\.synonyms_file"):
        read_synonyms(Augment(synonym=0.1), tmp_path)


def test_the_same_variants_under_every_hash_seed() -> None:
    code = (
        "import sys; from extune.augment import *; from extune.sections import Augment; from extune.records import *\n"
        "r = Record('7', sys.argv[1], 'en', (Entity('Ann', 'P', 0, 3),), (Relation('Ann', 'owns', 'the firm'),))\n"
        "a = Augment(**dict.fromkeys(KINDS, 1.0), synonyms_file='x')\n"
        "print(list(augmented([r], a, 5, {'bought': ['acquired', 'took', 'got']})))"
    )
    env = {**os.environ, "PYTHONHASHSEED": "1"}
    run = subprocess.run([sys.executable, "-c", code, RECORD.text], env=env, capture_output=True, check=True, text=True)
    record = Record("7", RECORD.text, "en", (Entity("Ann", "P", 0, 3),), (Relation("Ann", "owns", "the firm"),))
    assert run.stdout == f"{list(augmented([record], ALL, 5, {'bought': ['acquired', 'took', 'got']}))}\n"


def some(folder: Path, count: int = 200) -> Iterable[Record]:
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    picked = random.Random(0).sample(lines, min(count, len(lines)))
    return (record_from_json(json.loads(line)) for line in picked)


@pytest.mark.parametrize(
    ("name", "always"),
    [
        ("conll04", {"affix", "full_width"}),
        ("msra_ner", {"affix"}),
        ("duie2", {"affix"}),
        ("fewfc", {"affix"}),
        ("ctinexus", {"affix", "typo", "ocr"}),
        ("cmrc2018", {"affix"}),
    ],
)
def test_variants_of_real_records_are_true(real_data: Path, name: str, always: set[str]) -> None:
    given_records = {record.id: record for record in some(real_data / name, 25)}
    refused: Counter[str] = Counter()
    for new in augmented(given_records.values(), ALL, 1, SYNONYMS, refused=refused):
        original, _, kind = new.id.rpartition("~")
        if kind != "empty":
            assert_true(given_records[original], new)
    assert not always & set(refused)
