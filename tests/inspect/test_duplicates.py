"""Exact and near duplicates: found where they are, verified exactly, bounded and the same in every process."""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.inspect.duplicates import Texts, duplicates, shared
from extune.inspect.near import CHUNK, CROWD, near_across, near_within
from extune.inspect.places import Places
from extune.inspect.sketches import GRAM, THRESHOLD, Sketch, Sketches, similarity, sketch
from extune.records import QA, Record

WORDS = "the a quick slow brown red fox dog jumps runs over under lazy old happy tree house river hill".split()


def texts(*words: str) -> Texts:
    found = Texts()
    for number, text in enumerate(words, 1):
        found.add(Record(str(number), text, where=f"f:{number}"))
    return found


def sketched(texts: Iterable[str]) -> Sketches:
    found = Sketches()
    for text in texts:
        found.add(text)
    return found


def jaccard(one: str, other: str) -> float:
    """By the definition."""

    def grams(text: str) -> set[str]:
        return {text[start : start + GRAM] for start in range(max(1, len(text) - GRAM + 1))}

    return len(grams(one) & grams(other)) / len(grams(one) | grams(other))


def sentence(seed: int, length: int = 30) -> str:
    return " ".join(random.Random(seed).choices([*WORDS, *map(str, range(200))], k=length))


def test_texts_that_differ_in_white_space_only_are_the_same():
    found = duplicates(texts("Ann met Bob.", "Ann  met\nBob. ", "Ann met Zoe."))
    assert (found.exact, found.exact_share) == (1, 0.3333)
    assert (found.examples[0].where, found.examples[0].same_as) == ("f:2", "f:1")


def test_every_repetition_counts_the_first_does_not():
    assert duplicates(texts("same", "same", "same")).exact == 2


def test_one_document_with_two_questions_is_no_duplicate_with_the_same_one_it_is():
    record = Record("1", "A document.", qa=QA("Who?", "A"))
    found = Texts()
    for one in (record, replace(record, qa=QA("Where?", "A"))):
        found.add(one)
    assert duplicates(found).exact == 0
    found.add(record)
    assert duplicates(found).exact == 1


@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_similarity_is_the_jaccard_index_of_the_five_grams(one: str, other: str):
    true = jaccard(one, one + other)
    found = similarity(sketch(one).grams, sketch(one + other).grams)
    assert abs(found - true) < 1e-9 or (found == 0 and true < THRESHOLD)


def test_a_text_with_one_word_changed_is_near_and_other_texts_are_not():
    base = sentence(1)
    changed = base.replace(base.split()[15], "CHANGED", 1)
    assert THRESHOLD < jaccard(base, changed) < 1
    found = duplicates(texts(sentence(2), base, sentence(3), changed))
    assert (found.exact, found.near) == (0, 1)
    (pair,) = found.examples
    assert (pair.where, pair.same_as) == ("f:4", "f:2")
    assert pair.similarity == round(jaccard(base, changed), 3)


def test_almost_every_pair_above_the_threshold_is_found_and_none_below():
    bases = [sentence(seed) for seed in range(150)]
    variants = [
        " ".join(["NEW" if n in (seed % 28, seed % 29) else w for n, w in enumerate(b.split())])
        for seed, b in enumerate(bases)
    ]
    true = {n for n, (one, other) in enumerate(zip(bases, variants, strict=True)) if jaccard(one, other) >= THRESHOLD}
    found = {number: other for number, other, _ in near_across(sketched(variants), sketched(bases))}
    assert 20 < len(true) < 150
    assert found.keys() <= true
    assert len(found) >= 0.97 * len(true)
    assert all(number == other for number, other in found.items())


def test_a_chain_of_similar_texts_is_held_against_those_that_would_stay():
    # b is near a, c is near b but not near a: removing b leaves c
    words = sentence(7, 60).split()
    chain = [" ".join(["@@@@@@@@" if n < changed else w for n, w in enumerate(words)]) for changed in (0, 6, 12)]
    assert jaccard(chain[0], chain[1]) >= THRESHOLD <= jaccard(chain[1], chain[2])
    assert jaccard(chain[0], chain[2]) < THRESHOLD
    assert [found.text for found in near_within(sketched(chain))] == [1]


def test_a_text_shared_with_train_counts_once_exact_before_near():
    base = sentence(11)
    near = base.replace(base.split()[3], "CHANGED", 1)
    found = shared(texts(base, near, base, "other"), texts(sentence(12), base))
    assert (found.exact, found.near, found.exact_share, found.near_share) == (2, 1, 0.5, 0.25)
    assert [pair.same_as for pair in found.examples] == ["f:2", "f:2"]


def test_short_empty_and_broken_texts_have_a_sketch():
    for text in ("", "a", "\ud800", "😀", "一二三四"):
        assert len(sketch(text).grams) == 1


def test_the_buckets_are_the_same_in_every_process_and_version():
    assert [int(key) for key in sketch("张三毕业于清华大学。").bands[:2]] == [
        16375032092251124286,
        10838429660322752954,
    ]


def test_formulaic_texts_do_not_take_quadratic_time():
    form = "the quick brown fox number {:05d} jumps over {:05d} lazy dogs and {:05d} more"
    random_ = random.Random(5)
    many = sketched(form.format(*(random_.randrange(10**5) for _ in range(3))) for _ in range(1500))
    started = time.process_time()
    list(near_within(many))
    assert time.process_time() - started < 8


def plainly(sketches: list[Sketch], others: list[Sketch] | None = None) -> list[tuple[int, int, float]]:
    """By the definition, with a dict of lists: the texts near one of the others, or near an earlier one that is kept."""
    buckets: defaultdict[tuple[int, int], list[int]] = defaultdict(list)

    def insert(number: int, one: Sketch) -> None:
        for key in enumerate(one.bands.tolist()):
            if len(buckets[key]) < CROWD:
                buckets[key].append(number)

    def best(one: Sketch, among: list[Sketch]) -> tuple[int, float] | None:
        together = Counter(number for key in enumerate(one.bands.tolist()) for number in buckets[key])
        ranked = sorted(together, key=lambda number: (-together[number], number))[:CROWD]
        shares = ((number, similarity(one.grams, among[number].grams)) for number in ranked)
        return next(((number, share) for number, share in shares if share >= THRESHOLD), None)

    for number, one in enumerate(others or ()):
        insert(number, one)
    found = []
    for number, one in enumerate(sketches):
        match = best(one, sketches if others is None else others)
        if match:
            found.append((number, *match))
        elif others is None:
            insert(number, one)
    return found


def test_the_search_in_arrays_and_files_finds_what_a_plain_one_does(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("extune.inspect.parts.IN_MEMORY", 1000)
    monkeypatch.setattr("extune.inspect.near.CHUNK", 7)
    random_ = random.Random(3)
    many = [sentence(number % 20, 40) for number in range(200)]
    many = [text.replace(random_.choice(text.split()), random_.choice(WORDS)) for text in many]
    plain = [sketch(text) for text in many]

    assert CHUNK > 7
    assert list(near_within(sketched(many))) == plainly(plain)
    assert list(near_across(sketched(many[:120]), sketched(many[90:]))) == plainly(plain[:120], plain[90:])
    assert 20 < len(plainly(plain)) < 190
    assert list(near_within(sketched([]))) == list(near_across(sketched([]), sketched(many))) == []


@given(st.lists(st.one_of(st.text(max_size=9), st.from_regex(r"[ab]:[0-9]{1,11}", fullmatch=True))))
def test_places_are_given_back_as_they_came(names: list[str]):
    places = Places()
    for name in names:
        places.add(name)

    assert [places[number] for number in range(len(names))] == names
