"""The walk that ranks and learns: in the order of time, and from nothing later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.past import Past, embed_titles
from bot.study import Asked, Found, Met, lessons, meet, question_of, unanswered, walk
from bot.timeline import History, PostWritten
from kb.embed.hashing import HashingEmbedder
from kb.errors import LeakError
from kb.learner import Learner
from kb.lexical import TantivyTexts
from kb.model import plain_model
from kb.types import DocumentId, Kind, PassageId
from tests.bot.telling import day, link, page, post, tell, topic

EMBEDDER = HashingEmbedder()
SEVEN, EIGHT, NINE, TEN, PAGE = map(DocumentId, (7, 8, 9, 10, 11))
MANUAL = '<a href="https://docs.example.org/v41/backup.html">the manual</a>'


@pytest.fixture
def history(tmp_path: Path) -> History:
    """One question is answered with a thread and a page, one with a page alone, and
    one with nothing."""
    return tell(
        tmp_path,
        [
            topic(7, "Backup of the database", post(1, "How?"), post(2, "Nightly.")),
            topic(
                8,
                "Database backup hangs",
                post(3, f"Unlike {link(7)}.", by="amina", user_id=5),
                post(4, f"See {link(7)}."),
                post(6, f"And {MANUAL}."),
            ),
            topic(9, "Backup by hand", post(5, "How?"), post(8, MANUAL)),
            topic(10, "Charts of the backup", post(7, "They are empty.")),
        ],
        [page("v41/backup", "# Backup\n\nRun pg_dump for a backup.\n")],
    )


@contextmanager
def past_of(history: History) -> Iterator[Past]:
    vectors = EMBEDDER.embed_passages([p.input for p in history.passages])
    titles = embed_titles(history, EMBEDDER)
    with closing(Past(history, vectors, titles, TantivyTexts.create(None))) as past:
        yield past


def walked(history: History, questions: Sequence[Asked]) -> list[Found]:
    with past_of(history) as past:
        return list(walk(history, past, questions, EMBEDDER, depth=10))


def all_asked(history: History) -> list[Asked]:
    return [Asked(thread.id, thread.started) for thread in history.threads]


def test_questions_are_met_in_the_order_of_time(history: History) -> None:
    """However they are given; each with what there was, and never with itself."""
    asked = all_asked(history)
    steps: list[tuple[str, int, int]] = []
    with past_of(history) as past:
        found = list(
            walk(
                history,
                past,
                asked[::-1],
                EMBEDDER,
                depth=10,
                progress=lambda *step: steps.append(step),
            )
        )

    assert [each.asked for each in found] == asked
    assert steps == [("ranking", n, 4) for n in range(1, 5)]
    there = [
        {
            kind: {candidate.document_id for candidate in candidates}
            for kind, candidates in each.candidates.items()
        }
        for each in found
    ]
    assert there == [
        {Kind.THREAD: set(), Kind.DOCS: {PAGE}},
        {Kind.THREAD: {SEVEN}, Kind.DOCS: {PAGE}},
        {Kind.THREAD: {SEVEN, EIGHT}, Kind.DOCS: {PAGE}},
        {Kind.THREAD: {SEVEN, EIGHT, NINE}, Kind.DOCS: {PAGE}},
    ]


def test_of_one_moment_the_smaller_id_comes_first_and_neither_sees_the_other(
    tmp_path: Path,
) -> None:
    history = tell(
        tmp_path,
        [topic(n, "The backup hangs", post(1, "At night.")) for n in (8, 7)],
    )

    found = walked(history, all_asked(history)[::-1])

    assert [each.asked.document_id for each in found] == [SEVEN, EIGHT]
    assert [each.candidates for each in found] == [{Kind.THREAD: []}] * 2


def test_a_question_is_asked_with_all_that_was_known_of_it(history: History) -> None:
    asked = question_of(history, history.documents[EIGHT])

    assert (asked.title, asked.document, asked.asker, asked.language) == (
        "Database backup hangs",
        EIGHT,
        "forum:5",
        "en",
    )
    assert asked.linked == {SEVEN}


def test_lessons_are_the_threads_that_were_answered_with_links(
    history: History,
) -> None:
    assert lessons(history) == [Asked(EIGHT, day(3)), Asked(NINE, day(5))]


def test_of_what_nobody_answered_with_a_link_some_are_met_evenly(
    history: History, tmp_path: Path
) -> None:
    seven, ten = (Asked(i, history.documents[i].started) for i in (SEVEN, TEN))
    # For two lessons one is enough.
    assert unanswered(history) in ([seven], [seven, ten])

    many = tell(
        tmp_path,
        [topic(1, "Backup", post(0, "How?"))]
        + [
            topic(n, "Backup", post(n, "How?"), post(n + 0.5, link(1) if n % 2 else ""))
            for n in range(2, 42)
        ],
    )
    met = [int(asked.document_id) for asked in unanswered(many)]
    assert len(lessons(many)) == 20
    assert set(met) <= {1, *range(2, 42, 2)}
    assert 5 <= len(met) <= 7
    assert met == sorted(met)
    assert met[-1] > 30


def test_answers_are_told_by_kind(history: History) -> None:
    """A linked page is no answer of a thread, nor the other way round."""
    eight, nine = walked(history, lessons(history))

    assert eight.linked == {Kind.THREAD: {SEVEN: day(4)}, Kind.DOCS: {PAGE: day(6)}}
    assert nine.linked == {Kind.THREAD: {}, Kind.DOCS: {PAGE: day(8)}}

    learner = Learner(plain_model())
    for each in (eight, nine):
        meet(each, learner)
    model = learner.learn(day(9))
    assert (model.of(Kind.THREAD).examples, model.of(Kind.DOCS).examples) == (1, 2)


def test_near_copies_are_left_out_of_what_is_ranked(tmp_path: Path) -> None:
    """The better ranked of the two stands for both."""
    text = "The nightly backup of the database hangs and writes no log at all today."
    history = tell(
        tmp_path,
        [
            topic(7, "Backup hangs", post(1, text)),
            topic(8, "Backup hangs", post(2, text)),
            topic(9, "Nightly backup hangs", post(3, "It writes no log.")),
        ],
    )
    [found] = walked(history, [Asked(NINE, day(3))])

    met = meet(found, Learner(plain_model()))

    assert {c.document_id for c in found.candidates[Kind.THREAD]} == {SEVEN, EIGHT}
    assert len(met.ranked[Kind.THREAD]) == 1


def test_versions_of_a_page_are_one_as_in_a_search_and_a_link_to_any_is_right(
    tmp_path: Path,
) -> None:
    told = tell(
        tmp_path,
        [
            topic(7, "Backup of 4.1", post(1, "How in 4.1?"), post(2, MANUAL)),
            topic(8, "Backup", post(3, "How?"), post(4, MANUAL)),
        ],
        [
            page(f"v{version}/backup", "# Backup\n\nRun pg_dump for a backup.\n")
            for version in ("41", "42")
        ],
    )
    versions = {
        d.id: d.key[1:3] for d in told.documents.values() if d.kind is Kind.DOCS
    }
    history = replace(
        told,
        documents={
            i: replace(document, version=versions.get(i))
            for i, document in told.documents.items()
        },
    )
    assert sorted(versions.values()) == ["41", "42"]

    named, unnamed = walked(history, lessons(history))
    learner = Learner(plain_model())
    first, second = meet(named, learner), meet(unnamed, learner)

    def shown(met: Met) -> list[str]:
        return [versions[r.candidate.document_id] for r in met.ranked[Kind.DOCS]]

    assert (shown(first), shown(second)) == (["41"], ["42"])
    assert learner.learn(day(9)).of(Kind.DOCS).examples == 2


# -- planted leaks -----------------------------------------------------------------


def test_a_post_that_stands_before_its_time_stops_the_walk(history: History) -> None:
    """Were it let in, the second question would be told its own answer."""
    events = list(history.events)
    answer = next(i for i, event in enumerate(events) if event.at == day(6))
    events.insert(0, events.pop(answer))
    doctored = replace(history, events=tuple(in_their_order(events)))

    assert len(walked(history, all_asked(history))) == 4
    with pytest.raises(LeakError) as caught:
        walked(doctored, all_asked(history))
    assert (caught.value.dated, caught.value.at) == (day(6), day(1))


def test_a_walk_does_not_go_back(history: History) -> None:
    with past_of(history) as past:
        list(walk(history, past, [Asked(TEN, day(7))], EMBEDDER, depth=10))
        back = walk(history, past, [Asked(EIGHT, day(3))], EMBEDDER, depth=10)
        with pytest.raises(LeakError):
            next(back)


def test_nothing_is_learned_from_a_question_that_is_not_yet_asked(
    history: History,
) -> None:
    """Its answer is dated before it, as a clock that went wrong would have it."""
    [found] = walked(history, [Asked(TEN, day(7))])
    early = {Kind.THREAD: {SEVEN: day(2)}, Kind.DOCS: {}}
    learner = Learner(plain_model())
    meet(replace(found, linked=early), learner)

    for moment in (day(5), day(7)):
        with pytest.raises(LeakError) as caught:
            learner.learn(moment)
        assert (caught.value.dated, caught.value.at) == (day(7), moment)
    learner.learn(day(7) + timedelta(seconds=1))


def test_an_answer_teaches_nothing_before_it_was_written(history: History) -> None:
    learner = Learner(plain_model())
    for each in walked(history, lessons(history)):
        meet(each, learner)

    taught = [
        [learner.learn(day(n)).of(kind).examples for kind in (Kind.THREAD, Kind.DOCS)]
        for n in (6, 7, 9)
    ]

    assert taught == [[1, 0], [1, 1], [1, 2]]


# -- communities with little -------------------------------------------------------


def test_without_links_there_are_no_lessons_and_all_is_ranked(tmp_path: Path) -> None:
    history = tell(
        tmp_path,
        [topic(n, f"Backup {n}", post(n, "It hangs."), post(n + 9)) for n in (7, 8)],
    )
    learner = Learner(plain_model())

    met = [meet(each, learner) for each in walked(history, all_asked(history))]

    assert lessons(history) == []
    assert [len(each.ranked[Kind.THREAD]) for each in met] == [0, 1]
    assert Kind.DOCS not in met[0].ranked
    assert learner.learn(day(99)) == plain_model()


def test_a_community_of_pages_alone_has_no_questions(history: History) -> None:
    pages = History(
        tuple(event for event in history.events if event.document_id == PAGE),
        {PAGE: history.documents[PAGE]},
    )

    assert lessons(pages) == []
    assert walked(pages, []) == []


def in_their_order(events: Sequence[PostWritten]) -> Iterator[PostWritten]:
    """Events whose passages have the ids that a walk expects of their order."""
    count = 0
    for event in events:
        passages = []
        for passage in event.passages:
            count += 1
            passages.append(replace(passage, id=PassageId(count)))
        yield replace(event, passages=tuple(passages))
