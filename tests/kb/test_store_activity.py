"""What a report reads: threads and posts of a time, for a reader; and what changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kb.store import Decision, Mark, Store
from kb.types import PUBLIC, DocumentId, Kind, LeftOut, Part, TopicId
from tests.kb.stored import NOON, delete, insert, page

DAY = timedelta(days=1)


@pytest.fixture
def threads(store: Store) -> dict[str, DocumentId]:
    """Two public ones, one for staff, one that is not listed, and a page."""
    made = {}
    for number, (key, visibility, listed) in enumerate(
        [
            ("early", PUBLIC, True),
            ("late", PUBLIC, True),
            ("staff", "category:staff", True),
            ("hidden", PUBLIC, False),
        ]
    ):
        document = replace(
            page(key, "What?", "That.", kind=Kind.THREAD, visibility=visibility),
            created_at=NOON + number * DAY,
            listed=listed,
            parts=(
                Part(1, "What?", author="amina", created_at=NOON + number * DAY),
                Part(2, "That.", author="ben", created_at=NOON + 5 * DAY),
                Part(3, "When?", author="ben"),
            ),
        )
        made[key] = insert(store, document)
    insert(store, page("manual", "How."))
    return made


def keys(store: Store, until: timedelta, visible: frozenset[str] | None) -> list[str]:
    rows = store.activity.threads("handbook", before=NOON + until, visible_to=visible)
    return [row.key for row in rows]


@pytest.mark.parametrize(
    ("until", "visible", "expected"),
    [
        (9 * DAY, frozenset({PUBLIC}), ["early", "late"]),
        (9 * DAY, None, ["early", "late", "staff"]),
        (9 * DAY, frozenset({"category:staff"}), ["staff"]),
        (9 * DAY, frozenset(), []),
        (DAY, None, ["early"]),
        (timedelta(0), None, []),
    ],
)
def test_threads_are_those_of_a_time_and_a_reader(
    store: Store,
    threads: dict[str, DocumentId],
    until: timedelta,
    visible: frozenset[str] | None,
    expected: list[str],
) -> None:
    assert keys(store, until, visible) == expected
    rows = store.activity.posts("handbook", before=NOON + until, visible_to=visible)
    known = {threads[key] for key in expected}
    assert {row.document_id for row in rows} == known
    ids = list(threads.values())
    texts = store.activity.texts(ids, before=NOON + until, visible_to=visible)
    may_be_read = {row.document_id for row in texts}
    assert known <= may_be_read
    if visible is not None:
        assert set(store.activity.openings(ids, visible_to=visible)) == (
            {threads[k] for k in keys(store, 9 * DAY, visible)}
        )


def test_posts_are_those_of_a_time_and_of_none(
    store: Store, threads: dict[str, DocumentId]
) -> None:
    rows = store.activity.posts("handbook", before=NOON + DAY, visible_to=None)

    assert [(row.number, row.author, row.created_at) for row in rows] == [
        (1, "amina", NOON),
        # Nobody knows when it was written.
        (3, "ben", None),
    ]


def test_openings_are_title_and_question(
    store: Store, threads: dict[str, DocumentId]
) -> None:
    found = store.activity.openings([threads["early"]], visible_to=None)

    assert found == {threads["early"]: "Early\nWhat?"}


def test_whose_a_topic_is_may_be_known_of_what_is_left_out(store: Store) -> None:
    document = replace(
        page("gone", "That.", kind=Kind.THREAD),
        created_at=NOON,
        solved=True,
        left_out=(LeftOut(90, 1, "hidden", author_id=5),),
    )
    insert(store, replace(document, parts=(Part(2, "That.", accepted=True),)))
    insert(store, replace(document, key="other", url="https://example.org/o"))

    rows = store.activity.threads("handbook", before=NOON + DAY, visible_to=None)

    # Where a mark is held, it tells by itself, and when.
    assert [(row.asker_id, row.solved) for row in rows] == [(5, False), (5, True)]


def test_its_mark_changes_with_all_that_a_report_tells_of(store: Store) -> None:
    marks = [store.activity.mark()]

    def changed() -> None:
        marks.append(store.activity.mark())

    number = insert(store, page("manual", "How."))
    changed()
    delete(store, number)
    changed()
    with store.transaction():
        store.verdicts.mark("forum", TopicId(1), "not_a_question", "staff", NOON)
    changed()
    with store.transaction():
        store.members.wish(
            "forum",
            username="amina",
            user_id=5,
            answers=False,
            origin="message",
            at=NOON,
        )
    changed()
    with store.transaction():
        store.pauses.start("forum", "moving", "operator", at=NOON)
    changed()
    with store.transaction():
        store.ledger.record(
            Decision("forum", TopicId(1), "t", "shadow", "decided", ("why",), NOON)
        )
    changed()
    with store.transaction():
        liked = Mark(TopicId(1), "like", 7, 1, False, NOON)
        store.feedback.replace("forum", TopicId(1), [liked])
    changed()

    assert len(set(marks)) == len(marks)
