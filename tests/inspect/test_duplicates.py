"""Exact and near duplicates: found where they are, verified exactly, bounded and the same in every process."""

import random
import time
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from extune.inspect.duplicates import Texts, duplicates, shared
from extune.inspect.sketches import GRAM, THRESHOLD, near_across, near_within, similarity, sketch
from extune.records import QA, Record

WORDS = "the a quick slow brown red fox dog jumps runs over under lazy old happy tree house river hill".split()


def texts(*words: str) -> Texts:
    found = Texts()
    for number, text in enumerate(words, 1):
        found.add(Record(str(number), text, where=f"f:{number}"))
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
    found = near_across([sketch(text) for text in variants], [sketch(text) for text in bases])
    assert 20 < len(true) < 150
    assert found.keys() <= true
    assert len(found) >= 0.97 * len(true)
    assert all(number == other for number, (other, _) in found.items())


def test_a_chain_of_similar_texts_is_held_against_those_that_would_stay():
    # b is near a, c is near b but not near a: removing b leaves c
    words = sentence(7, 60).split()
    chain = [" ".join(["@@@@@@@@" if n < changed else w for n, w in enumerate(words)]) for changed in (0, 6, 12)]
    assert jaccard(chain[0], chain[1]) >= THRESHOLD <= jaccard(chain[1], chain[2])
    assert jaccard(chain[0], chain[2]) < THRESHOLD
    assert list(near_within([sketch(text) for text in chain])) == [1]


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
    many = [sketch(form.format(*(random_.randrange(10**5) for _ in range(3)))) for _ in range(1500)]
    started = time.process_time()
    near_within(many)
    assert time.process_time() - started < 8
