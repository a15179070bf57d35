"""Section 5: what people ask and nothing answers, or nothing that they find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from bot.report.gaps import MISSING, NOT_FOUND, gaps
from bot.report.health import topic_of
from bot.report.model import Gap, Gaps, Resource
from bot.report.records import Float32
from kb.types import DocumentId, Kind, PassageId
from tests.bot.report.test_clusters import Openings, Points, past, placed, thread

DIM = 400


def page(number: int, kind: Kind = Kind.DOCS, *, section: str = "") -> Resource:
    return Resource(
        kind, f"Page {number}", f"https://docs.example.org/{number}{section}"
    )


class World:
    """Four questions on subject 0, three on subject 1, and some that nobody shares."""

    def __init__(self) -> None:
        self.subjects: dict[int, int | None] = dict.fromkeys((1, 2, 3, 4), 0)
        self.subjects |= dict.fromkeys((5, 6, 7), 1) | dict.fromkeys(range(20, 40))
        self.words = {0: "Predictor overflow", 1: "Kidney mask"}
        self.answered = {1, 2, 5, 6, 7}
        self.pages: dict[Kind, dict[int, Float32]] = {}
        self.described: dict[int, Resource] = {}
        self.linked: dict[DocumentId, tuple[Resource, ...]] = {}
        self.before: dict[int, Float32] = {}

    def add_page(
        self,
        number: int,
        subject: int,
        cosine: float,
        *,
        kind: Kind = Kind.DOCS,
        resource: Resource | None = None,
    ) -> None:
        """A passage with this cosine to all questions on a subject."""
        vector = np.zeros(DIM, dtype=np.float32)
        vector[subject] = cosine / np.sqrt(0.9)
        vector[-number] = np.sqrt(1 - vector[subject] ** 2)
        self.pages.setdefault(kind, {})[number] = vector
        self.described[number] = resource or page(number, kind)

    def link(self, question: int, *resources: Resource) -> None:
        self.linked[DocumentId(question)] = resources

    def describe(self, ids: Sequence[PassageId]) -> Mapping[PassageId, Resource]:
        return {i: self.described[i] for i in ids if i in self.described}

    @property
    def vectors(self) -> dict[int, Float32]:
        rows = placed(list(self.subjects.values()))
        wide = np.zeros((len(rows), DIM), dtype=np.float32)
        wide[:, : rows.shape[1]] = rows
        return dict(zip(self.subjects, wide, strict=True)) | self.before

    def found(self, *, limit: int = 30, asked: Sequence[int] | None = None) -> Gaps:
        old = [thread(i, days=-9) for i in self.before]
        new = [
            thread(
                i,
                f"Question {i}",
                answered=i in self.answered,
                days=-9 if asked is not None and i not in asked else 1,
            )
            for i in self.subjects
        ]
        said = {
            i: self.words.get(subject, f"About {i}") if subject is not None else f"A{i}"
            for i, subject in self.subjects.items()
        }
        return gaps(
            past([*old, *new]),
            Openings(said),
            Points(self.vectors, self.pages),
            linked=self.linked,
            describe=self.describe,
            limit=limit,
        )

    @property
    def verdicts(self) -> list[tuple[int, str]]:
        return [(each.size, each.verdict) for each in self.found().gaps]


def test_a_gap_tells_its_questions_words_nearest_pages_and_links() -> None:
    world = World()
    world.add_page(1, 0, 0.3)
    world.add_page(2, 0, 0.4, kind=Kind.VIDEO)

    made = world.found()

    assert made.questions == 27
    assert made.gaps[0] == Gap(
        verdict=MISSING,
        words=("overflow", "Predictor"),
        size=4,
        unanswered=2,
        topics=tuple(topic_of(thread(i, f"Question {i}")) for i in (1, 2, 3, 4)),
        nearest=(
            Resource(Kind.VIDEO, "Page 2", "https://docs.example.org/2", None, 0.4),
            Resource(Kind.DOCS, "Page 1", "https://docs.example.org/1", None, 0.3),
        ),
        linked=(),
    )
    assert [(each.size, each.words) for each in made.gaps[1:]] == [
        (3, ("Kidney", "mask"))
    ]


def test_without_any_page_everything_is_missing() -> None:
    assert World().verdicts == [(4, MISSING), (3, MISSING)]


@pytest.mark.parametrize("kind", [Kind.DOCS, Kind.COURSE, Kind.VIDEO])
def test_what_has_a_near_page_of_any_kind_is_there_and_not_found(kind: Kind) -> None:
    world = World()
    world.add_page(1, 0, 0.6, kind=kind)
    world.add_page(2, 1, 0.5, kind=kind)
    assert world.verdicts == [(4, NOT_FOUND), (3, MISSING)]


def test_what_helpers_link_is_there_however_far_it_seems() -> None:
    world = World()
    world.add_page(1, 0, 0.1)
    world.link(1, page(8), page(9))
    world.link(2, page(9), page(9))
    world.link(3)

    first, second = world.found().gaps

    assert (first.verdict, first.linked) == (NOT_FOUND, ((page(9), 2), (page(8), 1)))
    assert (second.verdict, second.linked) == (MISSING, ())


def test_one_link_in_ten_questions_is_hardly_any() -> None:
    world = World()
    world.subjects = dict.fromkeys(range(1, 11), 0)
    world.link(1, page(9))
    assert world.verdicts == [(10, MISSING)]
    world.link(2, page(9))
    assert world.verdicts == [(10, NOT_FOUND)]


@pytest.mark.parametrize(("answered", "verdict"), [(29, NOT_FOUND), (40, MISSING)])
def test_how_near_is_near_is_learned_where_enough_was_answered_with_a_page(
    answered: int, verdict: str
) -> None:
    """Who was answered with a page had one at 0.8: then 0.6 is none."""
    world = World()
    world.add_page(1, 0, 0.6)
    near = np.zeros(DIM, dtype=np.float32)
    near[300] = 1.0
    world.pages[Kind.DOCS][50] = near
    for i in range(1_000, 1_000 + answered):
        question = np.zeros(DIM, dtype=np.float32)
        question[300], question[200 + i % 90] = 0.8, 0.6
        world.before[i] = question
        world.link(i, page(50))
    assert (4, verdict) in world.verdicts


def test_pages_that_nobody_may_be_shown_are_left_out_and_each_page_is_told_once() -> (
    None
):
    world = World()
    for number, cosine in ((1, 0.9), (2, 0.85), (3, 0.8), (4, 0.7)):
        world.add_page(number, 0, cosine)
    world.described = {
        2: page(7, section="#one"),
        3: page(7, section="#two"),
        4: page(8),
    }
    (first, _) = world.found().gaps
    assert [(each.url, each.similarity) for each in first.nearest] == [
        ("https://docs.example.org/7#one", 0.85),
        ("https://docs.example.org/8", 0.7),
    ]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (1, [(6, NOT_FOUND)]),
        (2, [(6, NOT_FOUND), (3, MISSING)]),
        (3, [(6, NOT_FOUND), (5, NOT_FOUND), (3, MISSING)]),
        (9, [(6, NOT_FOUND), (5, NOT_FOUND), (4, NOT_FOUND), (3, MISSING)]),
    ],
)
def test_of_each_verdict_the_largest_are_told_largest_first(
    limit: int, expected: list[tuple[int, str]]
) -> None:
    world = World()
    sizes = [6, 5, 4, 3]
    subjects = [subject for subject, size in enumerate(sizes) for _ in range(size)]
    world.subjects = dict(enumerate(subjects, start=1))
    for subject in range(3):
        world.add_page(subject + 1, subject, 0.9)
    made = world.found(limit=limit)
    assert [(each.size, each.verdict) for each in made.gaps] == expected


def test_only_what_is_asked_for_is_looked_at() -> None:
    made = World().found(asked=[1, 2, 3, 5, 6])
    assert (made.questions, [each.size for each in made.gaps]) == (5, [3])


def test_of_a_large_gap_some_topics_are_told() -> None:
    world = World()
    world.subjects = dict.fromkeys(range(1, 41), 0)
    (gap,) = world.found().gaps
    assert (gap.size, gap.unanswered, len(gap.topics)) == (40, 35, 25)


def test_without_an_index_or_without_questions_there_are_no_gaps() -> None:
    world = World()
    threads = [thread(1), thread(2, by_bot=True), thread(3, days=-3)]

    def found(meanings: Points | None, some: int) -> Gaps:
        return gaps(
            past(threads[:some]),
            Openings({}),
            meanings,
            linked={},
            describe=world.describe,
        )

    assert found(None, 3) == Gaps(1, ())
    assert found(Points({}), 3) == Gaps(1, ())
    assert found(Points({1: np.ones(1, dtype=np.float32)}), 3) == Gaps(1, ())
    assert found(Points({}), 0) == Gaps(0, ())
