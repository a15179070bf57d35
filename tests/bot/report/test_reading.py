"""Threads as they stood at a moment, whoever wrote in them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bot.report.model import Searches, Sought
from bot.report.reading import IndexMeanings, StoreTexts, read_past, read_searches
from bot.report.records import Past, Period
from kb.store import Store
from kb.types import PUBLIC, DocumentId, Kind, LeftOut, Part
from tests.bot.report.world import DAY, HOUR, START, WEEK, keep, post, thread
from tests.kb.world import EMBEDDER, World, passage_id


def past_of(store: Store, **options: object) -> Past:
    return read_past(store, ["forum"], WEEK, **options)  # type: ignore[arg-type]


def voices(past: Past) -> list[list[str]]:
    return [[reply.voice for reply in thread.replies] for thread in past.threads]


def test_whose_post_it_is_is_told_by_account_and_else_by_name(store: Store) -> None:
    keep(
        store,
        [
            thread(
                1,
                post(1, "amina", author_id=5),
                post(2, "renamed", author_id=5),
                post(3, "ben", author_id=6),
                post(4, "system", author_id=-1),
                post(5, "BaRaza", author_id=9),
                post(6, "triagebot", author_id=10),
            ),
            thread(2, post(1, "amina"), post(2, "amina"), post(3, "Amina2")),
        ],
    )

    past = past_of(store, bots=["baraza", "TriageBot"])

    assert voices(past) == [
        ["asker", "person", "bot", "bot", "bot"],
        ["asker", "person"],
    ]
    assert past.threads[0].first_human == past.threads[0].replies[1]


def test_what_is_later_than_the_period_did_not_happen(store: Store) -> None:
    keep(
        store,
        [
            thread(
                1,
                post(1, "amina"),
                post(2, "ben", at=WEEK.until - HOUR),
                post(3, "chidi", at=WEEK.until, accepted=True),
            ),
            thread(2, post(1, "ben", at=WEEK.until), at=WEEK.until),
            thread(3, post(1, "ben", at=START - 90 * DAY), at=START - 90 * DAY),
        ],
    )

    past = past_of(store)

    assert [(t.key, len(t.replies)) for t in past.threads] == [("3", 0), ("1", 1)]
    assert [t.key for t in past.asked] == ["1"]


def test_a_post_that_was_moved_counts_from_the_start_of_its_topic(store: Store) -> None:
    moved = post(2, "ben", at=START - DAY)
    keep(store, [thread(1, post(1, "amina"), moved)])

    assert past_of(store).threads[0].replies[0].at == START


def test_a_topic_without_its_first_post_is_nobodys(store: Store) -> None:
    keep(store, [thread(1, post(2, "ben"))])

    found = past_of(store).threads[0]

    assert (found.asker, found.newcomer, found.replies[0].voice) == (
        "",
        False,
        "person",
    )


def test_whose_topic_it_is_may_be_known_without_its_first_post(store: Store) -> None:
    hidden = thread(1, post(2, "amina", author_id=5), post(3, "ben", author_id=6))
    hidden = replace(hidden, left_out=(LeftOut(90, 1, "hidden", author_id=5),))
    keep(store, [hidden])

    assert voices(past_of(store)) == [["asker", "person"]]


def test_where_one_post_tells_no_account_the_name_tells(store: Store) -> None:
    keep(
        store,
        [
            thread(1, post(1, "amina", author_id=5), post(2, "Amina"), post(3, "ben")),
            # Two accounts are two people, whatever their names are.
            thread(2, post(1, "ben", author_id=6), post(2, "ben", author_id=7)),
        ],
    )

    assert voices(past_of(store)) == [["asker", "person"], ["person"]]


@pytest.mark.parametrize(
    ("reply", "solved"),
    [
        (post(2, "ben", accepted=True), True),
        (post(2, "amina", accepted=True), True),
        # A program's reply never makes a question look answered.
        (post(2, "baraza", accepted=True), False),
        # Nobody knew of it then.
        (post(2, "ben", accepted=True, at=WEEK.until), False),
    ],
)
def test_solved_is_what_a_person_solved_by_then(
    store: Store, reply: Part, solved: bool
) -> None:
    keep(store, [thread(1, post(1, "amina"), reply)])

    assert past_of(store, bots=["baraza"]).threads[0].solved is solved


def test_a_mark_on_a_post_that_is_not_held_counts(store: Store) -> None:
    keep(store, [replace(thread(1, post(1, "amina")), solved=True)])

    assert past_of(store).threads[0].solved


def test_a_member_is_known_by_any_name(store: Store) -> None:
    keep(
        store,
        [
            thread(1, post(1, "amina"), post(2, "zawadi", author_id=6)),
            thread(2, post(1, "amina"), post(2, "renamed", author_id=6)),
        ],
    )

    assert past_of(store, unsuggested=["Zawadi"]).opted_out == {"forum:6"}


def test_a_newcomer_wrote_nothing_before(store: Store) -> None:
    keep(
        store,
        [
            thread(1, post(1, "amina"), post(2, "ben", at=START + HOUR)),
            thread(2, post(1, "ben", at=START + DAY), at=START + DAY),
            thread(3, post(1, "amina", at=START + DAY), at=START + DAY),
            thread(4, post(1, "chidi", at=START + DAY), at=START + DAY),
        ],
    )

    newcomers = {t.key for t in past_of(store).threads if t.newcomer}

    assert newcomers == {"1", "4"}


@pytest.mark.parametrize(
    ("visible", "keys"),
    [(frozenset({PUBLIC}), ["1"]), (None, ["1", "2"]), (frozenset(), [])],
)
def test_only_what_may_be_seen_is_there(
    store: Store, visible: frozenset[str] | None, keys: list[str]
) -> None:
    ids = keep(
        store,
        [
            thread(1, post(1, "amina")),
            thread(2, post(1, "ben"), visibility="category:staff"),
            thread(3, post(1, "ben"), listed=False),
        ],
    )

    texts = StoreTexts(store, WEEK.until, visible_to=visible)

    assert [t.key for t in past_of(store, visible_to=visible).threads] == keys
    assert len(texts.posts(ids)) == len(keys)
    assert len(texts.openings(ids)) == len(keys)


def test_of_a_topic_in_two_sources_that_of_the_first_counts(store: Store) -> None:
    same = thread(1, post(1, "amina"))
    keep(store, [same, thread(1, post(1, "amina"), source="old")])
    keep(store, [thread(7, post(1, "ben"), source="old")])

    past = read_past(store, ["forum", "old"], WEEK)

    assert [(t.source, t.key) for t in past.threads] == [("forum", "1"), ("old", "7")]


def test_who_wants_less_of_us_is_not_suggested(store: Store) -> None:
    keep(
        store,
        [
            thread(1, post(1, "amina", author_id=5), post(2, "ben", author_id=6)),
            thread(2, post(1, "chidi", author_id=7), post(2, "dora", author_id=8)),
        ],
    )
    with store.transaction():
        for name, user_id, answers in (("ben", 6, False), ("dora", None, False)):
            store.members.wish(
                "forum",
                username=name,
                user_id=user_id,
                answers=answers,
                origin="message",
                at=START,
            )

    past = past_of(store, unsuggested=["CHIDI"])

    assert past.opted_out == {"forum:6", "forum:7", "forum:8"}


def test_who_opted_out_on_the_forum_is_not_suggested_from_its_archive(
    store: Store,
) -> None:
    keep(store, [thread(1, post(1, "amina"), post(2, "Ben"), source="old")])
    with store.transaction():
        store.progress.begin("forum", at=START)
        store.members.wish(
            "forum",
            username="ben",
            user_id=6,
            answers=False,
            origin="message",
            at=START,
        )

    assert read_past(store, ["old"], WEEK).opted_out == {"old:@Ben"}


def test_texts_end_with_the_period(store: Store) -> None:
    (one,) = keep(
        store,
        [thread(1, post(1, "amina", "<p>a</p>"), post(2, "ben", at=WEEK.until))],
    )

    texts = StoreTexts(store, WEEK.until, visible_to=None)

    assert {n: p.body for n, p in texts.posts([one])[one].items()} == {1: "<p>a</p>"}
    assert texts.openings([one]) == {one: "How do I restore a backup?\n<p>a</p>"}


def test_without_a_search_nothing_is_told_of_any(store: Store) -> None:
    assert read_searches(store, WEEK) is None
    with store.transaction():
        for far in (WEEK.since - DAY, WEEK.until + DAY):
            store.searches.count(far.date(), 9, 9)
            store.searches.miss(far.date(), "offline sync", 5, 6)

    assert read_searches(store, WEEK) is None


def test_searches_of_the_days_that_a_period_touches_are_told(store: Store) -> None:
    first, last = WEEK.since.date(), WEEK.until.date()
    with store.transaction():
        store.searches.count(first, 100, 7)
        store.searches.count(last, 20, 6)
        for far in (WEEK.since - DAY, WEEK.since, WEEK.until, WEEK.until + DAY):
            store.searches.miss(far.date(), "offline sync", 5, 6)
        for number in range(30):
            store.searches.miss(last, f"query{number:02}", 4, 4)

    found = read_searches(store, WEEK)

    assert found is not None
    assert (found.searches, found.in_vain, len(found.sought)) == (120, 13, 20)
    assert found.sought[:2] == (Sought("offline sync", 5, 12), Sought("query00", 4, 4))


def test_of_two_periods_that_meet_at_midnight_none_counts_a_search_twice(
    store: Store,
) -> None:
    midnight = START.replace(hour=0)
    with store.transaction():
        for day in range(4):
            store.searches.count((midnight + day * DAY).date(), 10**day, 0)
    bounds = [midnight, midnight + 2 * DAY, midnight + 4 * DAY]

    found = [read_searches(store, Period(*each)) for each in pairwise(bounds)]

    assert found == [Searches(11, 0), Searches(1_100, 0)]


def test_the_period_before_is_as_long() -> None:
    assert WEEK.before == Period(START - 7 * DAY, START)
    assert [WEEK.holds(t) for t in (START, WEEK.until)] == [True, False]


def test_meanings_are_those_of_the_index() -> None:
    world = World()
    world.put(1, "restore a backup", title="Backup")
    world.put(2, "login fails", title="Login")
    world.put(7, "restore a backup", "rotate the logs", kind=Kind.DOCS)
    meanings = IndexMeanings(world.corpus())

    ids, vectors = meanings.of([DocumentId(2), DocumentId(1), DocumentId(99)])
    asked = EMBEDDER.embed_query("restore a backup")[None]
    near = meanings.nearest_pages(asked, Kind.DOCS, 5)

    assert ids.tolist() == [1, 2]
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert [i for i, _ in near[0]] == [passage_id(7, 1), passage_id(7, 2)]
    assert near[0][0][1] > near[0][1][1]
    assert meanings.nearest_pages(asked, Kind.VIDEO, 5) == [[]]
    assert meanings.nearest_pages(asked[:0], Kind.DOCS, 5) == []
