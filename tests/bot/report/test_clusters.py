"""Questions that mean about the same, and the words that tell them from others."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report.clusters import (
    as_written,
    clusters,
    common_words,
    cosines,
    in_batches,
    labelled,
    near_enough,
    nearest,
    shown,
    telling,
    whole,
    words_of,
)
from bot.report.records import Float32, Int64, Past, Period, Post, Reply, Thread
from kb.types import DocumentId, Kind, PassageId

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = Period(START, START + 7 * DAY)


class Openings:
    """`Texts` in memory; the first line of an opening is its title."""

    def __init__(
        self,
        openings: Mapping[int, str],
        posts: Mapping[int, Mapping[int, str]] | None = None,
    ) -> None:
        self._openings, self._posts = openings, posts or {}
        self.asked: list[int] = []

    def openings(self, ids: Collection[DocumentId]) -> dict[DocumentId, str]:
        self.asked.append(len(ids))
        return {i: self._openings[i] for i in ids if i in self._openings}

    def posts(
        self, ids: Collection[DocumentId]
    ) -> dict[DocumentId, Mapping[int, Post]]:
        return {
            i: {n: Post(n, body, "html") for n, body in self._posts[i].items()}
            for i in ids
            if i in self._posts
        }


class Points:
    """`Meanings` in memory: a vector for each question, and for each page."""

    def __init__(
        self,
        vectors: Mapping[int, Float32],
        pages: Mapping[Kind, Mapping[int, Float32]] | None = None,
    ) -> None:
        self._vectors, self._pages = vectors, pages or {}

    def of(self, ids: Collection[DocumentId]) -> tuple[Int64, Float32]:
        known = sorted({int(i) for i in ids} & self._vectors.keys())
        rows = [self._vectors[i] for i in known]
        return np.array(known, dtype=np.int64), np.array(rows, dtype=np.float32)

    def nearest_pages(
        self, vectors: Float32, kind: Kind, k: int
    ) -> list[list[tuple[PassageId, float]]]:
        found = []
        for vector in vectors:
            near = [
                (PassageId(i), float(vector @ page))
                for i, page in self._pages.get(kind, {}).items()
            ]
            found.append(sorted(near, key=lambda pair: (-pair[1], pair[0]))[:k])
        return found


def thread(
    number: int,
    title: str = "",
    *,
    days: float = 1.0,
    asker: str | None = None,
    language: str | None = "en",
    by_bot: bool = False,
    answered: bool = False,
) -> Thread:
    """A question of some days after the start of the week."""
    at = START + days * DAY
    reply = Reply(2, "h", "helga", "person", at + DAY / 24)
    return Thread(
        id=DocumentId(number),
        source="forum",
        key=str(number),
        url=f"https://forum.example.org/t/{number}",
        title=title,
        created_at=at,
        asker=f"asker {number}" if asker is None else asker,
        asker_name=f"name {number}",
        language=language,
        by_bot=by_bot,
        replies=(reply,) if answered else (),
    )


def past(threads: Sequence[Thread], period: Period = WEEK) -> Past:
    """These threads, seen at the end of the week."""
    ordered = tuple(sorted(threads, key=lambda each: (each.created_at, each.id)))
    return Past(period, ordered, by_id={each.id: each for each in ordered})


def placed(subjects: Sequence[int | None], *, likeness: float = 0.9) -> Float32:
    """Vectors of questions: two on one subject have this cosine, all others 0."""
    known = sorted({subject for subject in subjects if subject is not None})
    vectors = np.zeros((len(subjects), len(known) + len(subjects)), dtype=np.float32)
    for row, subject in enumerate(subjects):
        alone = 1.0 if subject is None else np.sqrt(1 - likeness)
        vectors[row, len(known) + row] = alone
        if subject is not None:
            vectors[row, known.index(subject)] = np.sqrt(likeness)
    return vectors


def found(vectors: Float32, *, threshold: float, size: int = 2) -> list[list[int]]:
    return [each.tolist() for each in clusters(vectors, threshold=threshold, size=size)]


# -- meaning -------------------------------------------------------------------


def test_questions_on_one_subject_are_a_cluster_and_the_largest_comes_first() -> None:
    subjects = [7, None, 3, 7, 3, 7, None, 5]
    assert found(placed(subjects), threshold=0.8) == [[0, 3, 5], [2, 4]]


@pytest.mark.parametrize(
    ("size", "expected"), [(2, [[0, 3, 5], [2, 4]]), (3, [[0, 3, 5]]), (4, [])]
)
def test_a_cluster_has_at_least_so_many_members(
    size: int, expected: list[list[int]]
) -> None:
    vectors = placed([7, None, 3, 7, 3, 7])
    assert found(vectors, threshold=0.8, size=size) == expected


@pytest.mark.parametrize("rows", [0, 1])
def test_of_no_question_or_one_there_is_no_cluster(rows: int) -> None:
    assert found(np.ones((rows, 1), dtype=np.float32), threshold=0.5) == []


def test_a_chain_of_neighbours_is_no_cluster() -> None:
    """Each is near the next one, and the ends have nothing in common."""
    angles = np.deg2rad(np.arange(0, 180, 15))
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    made = found(circle, threshold=0.95)

    assert max(map(len, made)) == 3
    for first, *others in made:
        assert all(circle[first] @ circle[other] > 0.95 for other in others)


def test_the_middle_comes_first_and_then_the_nearer() -> None:
    angles = np.deg2rad([0, 20, 24, 30, 55])
    fan = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert found(fan, threshold=0.8) == [[2, 1, 3, 0, 4]]


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 60),
    threshold=st.floats(0.2, 0.99),
    size=st.integers(2, 5),
)
def test_members_are_near_their_middle_and_in_one_cluster_only(
    seed: int, rows: int, threshold: float, size: int
) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(rows, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    points = vectors.astype(np.float32)

    made = found(points, threshold=threshold, size=size)

    members = [row for each in made for row in each]
    assert len(members) == len(set(members))
    assert all(len(each) >= size for each in made)
    assert [len(each) for each in made] == sorted(map(len, made), reverse=True)
    for first, *others in made:
        assert all(points[first] @ points[each] > threshold - 0.001 for each in others)


def test_thousands_of_the_same_question_are_one_cluster() -> None:
    """More than are kept as neighbours of one."""
    vectors = np.zeros((3_000, 4), dtype=np.float32)
    vectors[:, 0] = 1.0
    vectors[[10, 20, 30]] = [0, 1, 0, 0]
    first, second = found(vectors, threshold=0.9, size=3)
    assert (len(first), first[0], second) == (2_997, 0, [10, 20, 30])


def test_of_more_questions_than_are_middles_all_are_assigned() -> None:
    random = np.random.default_rng(3)
    subjects = random.integers(0, 30, size=9_000)
    vectors = np.eye(40, dtype=np.float32)[subjects]
    made = found(vectors, threshold=0.9, size=10)
    assert sorted(sorted(each) for each in made) == sorted(
        np.flatnonzero(subjects == subject).tolist() for subject in range(30)
    )


def test_cosines_are_exact_sums_of_whole_numbers() -> None:
    """So that neither the order of adding up nor the number of threads shows."""
    random = np.random.default_rng(5)
    vectors = random.normal(size=(700, 384))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    points = whole(vectors.astype(np.float32))

    exact = points.astype(np.int64) @ points.astype(np.int64).T

    assert (cosines(points, points) == (exact / 16_000_000).astype(np.float32)).all()
    assert np.abs(cosines(points, points) - vectors @ vectors.T).max() < 0.001


@pytest.mark.parametrize(
    ("cosine", "told"), [(1.0006, 1.0), (-1.2, -1.0), (0.12345, 0.123), (0.0, 0.0)]
)
def test_a_cosine_is_told_with_three_digits_and_never_above_one(
    cosine: float, told: float
) -> None:
    assert shown(cosine) == told


def crowd(rows: int, *, lean: float) -> Float32:
    """Questions of a model that gives any two of them about this cosine."""
    random = np.random.default_rng(9)
    vectors = random.normal(size=(rows, 256))
    vectors *= np.sqrt(1 - lean) / np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.concatenate([vectors, np.full((rows, 1), np.sqrt(lean))], axis=1)
    return vectors.astype(np.float32)


@pytest.mark.parametrize(
    ("vectors", "low", "high"),
    [
        (crowd(10, lean=0.8), 0.6, 0.6),
        (crowd(200, lean=0.0), 0.6, 0.6),
        (crowd(200, lean=0.8), 0.83, 0.9),
        (crowd(2_500, lean=0.8), 0.83, 0.9),
        (np.ones((50, 1), dtype=np.float32), 0.97, 0.97),
    ],
    ids=["few", "unlike", "leaning", "many", "all the same"],
)
def test_what_is_near_enough_goes_by_what_any_two_questions_have(
    vectors: Float32, low: float, high: float
) -> None:
    assert low <= near_enough(vectors, deviations=4.0, least=0.6) <= high


def test_the_nearest_columns_of_equals_the_first_and_only_those_before() -> None:
    columns = whole(np.array([[1, 0], [0, 1], [1, 0], [0.8, 0.6]], dtype=np.float32))
    rows = columns[[0, 3]]

    def told(most: int, before: list[int] | None = None) -> list[list[int]]:
        limits = None if before is None else np.array(before, dtype=np.int64)
        near = nearest(rows, columns, threshold=0.7, most=most, before=limits)
        return [found.tolist() for found, _ in near]

    assert told(9) == [[0, 2, 3], [0, 2, 3]]
    assert told(1) == [[0], [3]]
    assert told(2) == [[0, 2], [0, 3]]
    assert told(9, before=[0, 3]) == [[], [0, 2]]


# -- words ---------------------------------------------------------------------


def test_words_are_stems_without_numbers_and_addresses() -> None:
    text = "Importing 12 données, see https://example.org/import/x or www.example.org"
    assert words_of(text, "en") == {"import", "donne", "see"}
    assert words_of(text, None) == {"importing", "donnees", "see"}
    assert words_of("", "en") == frozenset()


def test_openings_are_read_in_batches_by_id_and_those_not_told_are_absent() -> None:
    texts = Openings({i: f"t{i}" for i in range(1, 1_200)})
    read = list(
        in_batches(texts, [DocumentId(i) for i in (3, 2000, *range(1_199, 0, -1))])
    )
    assert read == [(i, f"t{i}") for i in range(1, 1_200)]
    assert texts.asked == [500, 500, 200]


GREETING = "Hello everybody, thanks in advance for your help!"
FILLERS = [
    f"{GREETING} Why does my {a}{b} stop the use of an {b}{a}?"
    for a, b in itertools.product("abcdefgh", repeat=2)
]


def test_greetings_tell_nothing_and_what_questions_share_does() -> None:
    texts = [f"{GREETING} The predictor of an indicator fails {i}" for i in range(5)]
    everything = dict(enumerate(FILLERS + texts, start=1))
    common = common_words([thread(i) for i in everything], Openings(everything))
    own = {
        DocumentId(i): words_of(text, "en")
        for i, text in everything.items()
        if text in texts
    }

    assert telling(own, common, limit=99) == ["fail", "indic", "predictor"]
    assert telling(own, common, limit=1) == ["fail"]


@pytest.mark.parametrize("members", [0, 1])
def test_what_only_one_question_says_tells_nothing(members: int) -> None:
    common = common_words([], Openings({}))
    own = {DocumentId(i): words_of("predictor", "en") for i in range(members)}
    assert telling(own, common, limit=5) == []


def test_a_word_is_shown_as_most_people_write_it() -> None:
    said = [
        ("Les unités d'organisation", "fr"),
        ("unité", "fr"),
        ("Unité, unité", "fr"),
        ("DICOM and dicom", "en"),
        ("DICOM", "en"),
    ]
    assert as_written(["unit", "dicom", "unknown"], said) == (
        "unité",
        "DICOM",
        "unknown",
    )


def test_of_two_forms_as_common_the_one_in_small_letters_is_shown() -> None:
    assert as_written(["import"], [("Import", "en"), ("import", "en")]) == ("import",)


def test_a_cluster_is_labelled_with_its_words() -> None:
    texts = {i: text for i, text in enumerate(FILLERS, start=1)}
    texts |= {i: f"{GREETING} The Predictors failed" for i in range(100, 104)}
    common = common_words([thread(i) for i in texts], Openings(texts))
    openings = {DocumentId(i): text for i, text in texts.items()}
    members = [thread(i) for i in (100, 101, 102, 999)]
    assert labelled(members, openings, common, limit=2) == ("failed", "Predictors")


def test_words_are_rare_or_not_in_their_own_language() -> None:
    texts = {i: "the cat" if i % 10 else "merci beaucoup" for i in range(1, 301)}
    languages = {i: "en" if i % 10 else "fr-FR" for i in texts}
    threads = [thread(i, language=languages[i]) for i in texts]
    common = common_words(threads, Openings(texts))
    assert not common.is_rare("merc", "fr")
    assert common.is_rare("merc", "en")
    assert not common.is_rare("cat", "en")
    assert common.weight("merc", "fr") < 0.1 < common.weight("merc", "en")
    assert (common.size, common.counts["cat"], common.sizes) == (
        300,
        270,
        {"en": 270, "fr": 30},
    )


def test_how_common_a_word_is_is_told_by_a_part_of_a_large_forum() -> None:
    texts = {i: "cat" if i <= 3_500 else "dog" for i in range(1, 7_001)}
    common = common_words([thread(i) for i in texts], Openings(texts))
    assert common.size == 2_334
    assert common.counts == {"cat": 1_167, "dog": 1_167}
