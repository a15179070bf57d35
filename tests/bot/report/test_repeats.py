"""Section 2: new questions that repeat solved ones, and open ones that ask the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from bot.report.health import topic_of
from bot.report.model import OpenCluster, Repeat, Repeats, Resource
from bot.report.records import Thread
from bot.report.repeats import repeats
from kb.types import DocumentId, Kind
from tests.bot.report.test_clusters import (
    FILLERS,
    GREETING,
    Openings,
    Points,
    past,
    placed,
    thread,
)

OLD, NEW = 1, 2
ASKED = "Analytics predictor fails\nMy predictor stops in analytics with overflow."
AGAIN = "Predictor of analytics\nWhy does my predictor fail in analytics, overflow?"
ANSWER = "<p>Hi!</p><p>Turn off the overflow check of the predictor.</p>"
OTHERS = [thread(100 + i, days=-60 + i / 10) for i in range(len(FILLERS))]


class World:
    """An old question that is solved, a new one like it, and what others ask."""

    def __init__(self, *more: Thread, old: Thread | None = None) -> None:
        self.old = old or thread(OLD, "Analytics predictor fails", days=-30)
        self.new = thread(NEW, "Predictor of analytics", days=1)
        self.threads = [self.old, self.new, *more, *OTHERS]
        self.openings = {OLD: ASKED, NEW: AGAIN}
        self.openings |= {100 + i: text for i, text in enumerate(FILLERS)}
        self.posts: dict[int, Mapping[int, str]] = {OLD: {1: "x", 2: ANSWER}}
        self.subjects: dict[int, int | None] = {OLD: 0, NEW: 0}
        self.solved: dict[int, int] = {OLD: 2}
        self.asked: list[int] = []

    def is_solved(self, asked: Thread) -> int | None:
        self.asked.append(asked.id)
        return self.solved.get(asked.id)

    def points(self, likeness: float = 0.9) -> Points:
        ids = sorted(each.id for each in self.threads)
        vectors = placed([self.subjects.get(i) for i in ids], likeness=likeness)
        return Points(dict(zip(ids, vectors, strict=True)))

    def found(
        self, *, likeness: float = 0.9, open_ids: Sequence[int] = (), limit: int = 50
    ) -> Repeats:
        return repeats(
            past(self.threads),
            Openings(self.openings, self.posts),
            self.points(likeness),
            is_solved=self.is_solved,
            open_ids=[DocumentId(i) for i in open_ids],
            limit=limit,
        )

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(each.topic.key, each.earlier.key) for each in self.found().repeats]


def test_a_new_question_that_repeats_a_solved_one_is_told_with_its_answer() -> None:
    world = World()
    assert world.found() == Repeats(
        (
            Repeat(
                topic=topic_of(world.new),
                earlier=topic_of(world.old),
                similarity=0.9,
                answer=Resource(
                    Kind.THREAD,
                    "Analytics predictor fails",
                    "https://forum.example.org/t/1/2",
                    passage="Hi! Turn off the overflow check of the predictor.",
                ),
                shared=("analytics", "fail", "predictor", "overflow"),
                marked=False,
            ),
        ),
        (),
    )


def unsolved(world: World) -> None:
    world.solved = {}


def solved_itself(world: World) -> None:
    world.solved[NEW] = 3


def by_a_program(world: World) -> None:
    world.threads[0] = replace(world.old, by_bot=True)


def asked_by_a_program(world: World) -> None:
    world.threads[1] = replace(world.new, by_bot=True)


def asked_before_the_period(world: World) -> None:
    world.threads[1] = thread(NEW, "Predictor of analytics", days=-1)


def solved_later(world: World) -> None:
    world.threads[0] = thread(OLD, "Analytics predictor fails", days=2)


def of_other_meaning(world: World) -> None:
    world.subjects = {}


def not_indexed(world: World) -> None:
    world.threads[0] = thread(3, "Analytics predictor fails", days=-30)
    world.solved = {3: 2}


def answer_not_to_be_told(world: World) -> None:
    world.posts = {}


def answer_without_words(world: World) -> None:
    world.posts = {OLD: {2: "<p><img src='a.png'></p>"}}


def opening_not_to_be_told(world: World) -> None:
    del world.openings[OLD]


def no_word_in_common(world: World) -> None:
    world.openings |= {OLD: "Brain surface", NEW: "Kidney mask"}


def one_rare_word(world: World) -> None:
    world.openings |= {OLD: "The use of predictor", NEW: "Use of my predictor"}


def greetings_only(world: World) -> None:
    world.openings |= {OLD: f"{GREETING} Brain", NEW: f"{GREETING} Kidney"}


def much_else(world: World) -> None:
    world.openings[OLD] = "predictor analytics " + " ".join(f"x{i}" for i in range(90))
    world.openings[NEW] = "predictor analytics " + " ".join(f"y{i}" for i in range(90))


@pytest.mark.parametrize(
    "change",
    [
        unsolved,
        solved_itself,
        by_a_program,
        asked_by_a_program,
        asked_before_the_period,
        solved_later,
        of_other_meaning,
        not_indexed,
        answer_not_to_be_told,
        answer_without_words,
        opening_not_to_be_told,
        no_word_in_common,
        one_rare_word,
        greetings_only,
        much_else,
    ],
)
def test_what_is_no_repeat(change: Callable[[World], None]) -> None:
    world = World()
    change(world)
    assert world.found() == Repeats((), ())


def test_questions_must_be_more_alike_than_any_two_of_the_forum() -> None:
    assert len(World().found(likeness=0.66).repeats) == 1
    assert World().found(likeness=0.64).repeats == ()


def test_the_nearest_that_is_solved_is_told_and_each_is_looked_at_once() -> None:
    world = World(thread(3, "Predictor", days=-40), thread(4, "Predictor", days=2))
    world.openings |= {3: AGAIN, 4: AGAIN}
    world.subjects |= {3: 0, 4: 0}
    assert world.pairs == [("4", "1"), ("2", "1")]
    assert sorted(world.asked) == [1, 2, 3, 4]


def test_an_earlier_question_of_the_same_period_counts() -> None:
    world = World(old=thread(OLD, "Analytics predictor fails", days=0.5))
    world.solved = {OLD: 2}
    assert world.pairs == [("2", "1")]


def test_the_most_alike_come_first_and_only_so_many() -> None:
    world = World(thread(3, "Predictor", days=2))
    world.openings[3] = AGAIN
    ids = [OLD, NEW, 3, *(each.id for each in OTHERS)]
    vectors = np.zeros((len(ids), 3 + len(ids)), dtype=np.float32)
    vectors[0, 0] = 1.0
    vectors[1, :2] = 0.8, 0.6
    vectors[2, [0, 2]] = 0.96, 0.28
    for row in range(3, len(ids)):
        vectors[row, row] = 1.0

    def told(limit: int) -> list[tuple[str, float]]:
        made = repeats(
            past(world.threads),
            Openings(world.openings, world.posts),
            Points(dict(zip(ids, vectors, strict=True))),
            is_solved=world.is_solved,
            open_ids=(),
            limit=limit,
        )
        return [(each.topic.key, each.similarity) for each in made.repeats]

    assert told(9) == [("3", 0.96), ("2", 0.8)]
    assert told(1) == [("3", 0.96)]


@pytest.mark.parametrize(
    ("body", "passage"),
    [
        ("<p>Short &amp; <b>plain</b>.\u202e</p>", "Short & plain."),
        (
            f"<p>{'Good morning to all. ' * 15}</p><p>The predictor: set it.</p>",
            "The predictor: set it.",
        ),
        (f"<p>{'word ' * 90}</p>", "word " * 55 + "word…"),
        (
            "<aside class='quote'><blockquote>predictor</blockquote></aside><p>No.</p>",
            "No.",
        ),
    ],
)
def test_the_passage_is_short_and_is_what_speaks_of_the_question(
    body: str, passage: str
) -> None:
    world = World()
    world.posts = {OLD: {2: body}}
    (repeat,) = world.found().repeats
    assert repeat.answer.passage == passage
    assert len(passage) <= 280


def test_open_questions_that_ask_the_same_are_a_cluster() -> None:
    world = World(
        thread(3, "Predictor, please", days=2),
        thread(4, "Something else", days=3),
        thread(5, "Predictor overflow", days=4),
    )
    world.openings |= {3: AGAIN, 4: "Kidney mask", 5: AGAIN}
    world.subjects |= {3: 0, 4: 0, 5: 0}

    (cluster,) = world.found(open_ids=[2, 3, 4]).clusters

    assert cluster == OpenCluster(
        words=("analytics", "fail", "overflow", "predictor"),
        similarity=0.9,
        topics=(topic_of(world.new), topic_of(world.threads[2])),
    )


def test_the_largest_cluster_of_open_questions_comes_first_and_only_so_many() -> None:
    world = World(*(thread(i, "Kidney mask colour", days=2) for i in (3, 4, 5, 6)))
    world.openings |= dict.fromkeys((3, 4, 5), "Kidney mask colour")
    world.openings |= {6: AGAIN}
    world.subjects |= {3: 1, 4: 1, 5: 1, 6: 0}
    made = world.found(open_ids=[2, 3, 4, 5, 6])
    assert [[t.key for t in each.topics] for each in made.clusters] == [
        ["3", "4", "5"],
        ["2", "6"],
    ]
    assert len(world.found(open_ids=[2, 3, 4, 5, 6], limit=1).clusters) == 1


def test_in_a_forum_of_two_questions_the_second_may_repeat_the_first() -> None:
    world = World()
    world.threads = world.threads[:2]
    assert world.pairs == [("2", "1")]


def test_of_a_hostile_question_only_words_are_shared() -> None:
    world = World()
    hostile = "<script>|\u202eanalytics\u202c| " + "\N{PILE OF POO}" * 255
    world.openings[NEW] = f"{hostile} predictor overflow fails"
    (repeat,) = world.found().repeats
    assert set(repeat.shared) == {"analytics", "predictor", "overflow", "fails"}


@pytest.mark.parametrize("threads", [0, 1])
def test_without_an_index_or_without_questions_nothing_is_told(threads: int) -> None:
    world = World()
    world.threads = world.threads[1 : 1 + threads]
    assert world.found(open_ids=[NEW]) == Repeats((), ())
    whole = World()
    without = repeats(
        past(whole.threads),
        Openings(whole.openings, whole.posts),
        None,
        is_solved=whole.is_solved,
        open_ids=[DocumentId(NEW)],
    )
    assert without == Repeats((), ())


def test_nothing_is_told_where_the_index_knows_none_of_the_threads() -> None:
    world = World()
    made = repeats(
        past(world.threads),
        Openings(world.openings, world.posts),
        Points({}),
        is_solved=world.is_solved,
        open_ids=[DocumentId(NEW)],
    )
    assert made == Repeats((), ())
