"""What answers lead to, and what the store knows of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest

from kb.store import Fetch, Store
from kb.store.upkeep import Linked, OfSource, Page, Place, Spot
from kb.types import DocumentId, Kind
from tests.kb.linked import RULES, STAFF_ROOM, docs, link, put, thread
from tests.kb.stored import NOON
from tests.kb.test_store_plans import searched, steps

DAY = timedelta(days=1)
LATER = NOON + 100 * DAY
PUBLIC = frozenset({"public"})
MAPS = "https://docs.example/maps"
LINKED = Linked("docs.example/maps", MAPS, "https://docs.example/")
LEADS = "leads to "


@pytest.fixture(autouse=True)
def _rules(store: Store) -> None:
    with store.transaction():
        store.links.use(RULES)


def linked(
    store: Store, *, before: timedelta = 100 * DAY, may: Collection[str] | None = PUBLIC
) -> list[Linked]:
    return store.upkeep.linked(before=NOON + before, visible_to=may)


def die(store: Store, document_id: DocumentId, problem: str = "404, gone") -> None:
    target = store.targets.get(document_id)
    assert target is not None
    with store.transaction():
        store.targets.mark(document_id, target.url, problem=problem, at=NOON + DAY)


def fetched(store: Store, *fetches: Fetch) -> None:
    with store.transaction():
        store.fetches.put("docs", fetches)


# -- links ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "counts"),
    [("helper", True), ("staff", True), ("asker", False), ("page", False)],
)
def test_only_what_others_than_the_asker_link_is_an_answer(
    store: Store, role: str, counts: bool
) -> None:
    question = thread(1)
    put(store, question, link(question, 2, MAPS + "/#here", role=role))

    assert linked(store) == [replace(LINKED, url=MAPS + "/")] * counts


def test_an_address_is_told_once_and_as_it_was_written(store: Store) -> None:
    first, second = thread(1), thread(2, "Q", "A", "B")
    put(store, first, link(first, 2, MAPS), link(first, 2, MAPS + "#x"))
    put(
        store,
        second,
        link(second, 2, MAPS),
        link(second, 3, "http://forum.example/t/maps/1/2"),
        link(second, 3, "https://forum.example/t/2/1"),
    )

    # The last one leads back into its own thread.
    assert linked(store) == [
        LINKED,
        Linked(
            "forum.example/t/1", "https://forum.example/t/1", "http://forum.example/"
        ),
    ]


def test_nothing_later_nothing_hidden_and_nothing_of_pages_counts(store: Store) -> None:
    late, secret = thread(9), thread(2, visibility=STAFF_ROOM)
    unlisted, page = thread(3, listed=False), docs("intro", "See maps.")
    for each in (late, secret, unlisted):
        put(store, each, link(each, 2, MAPS))
    put(store, page, link(page, 1, MAPS))

    assert linked(store, before=9 * DAY) == []
    assert linked(store, before=9 * DAY + timedelta(hours=3)) == [LINKED]
    assert linked(store, before=9 * DAY, may=PUBLIC | {STAFF_ROOM}) == [LINKED]
    assert linked(store, before=9 * DAY, may=None) == [LINKED]
    assert linked(store, may=()) == []


def test_a_link_that_nobody_knows_when_it_was_written_is_as_old_as_its_thread(
    store: Store,
) -> None:
    question = thread(1)
    put(store, question, replace(link(question, 2, MAPS), created_at=None))

    assert linked(store, before=DAY) == []
    assert linked(store, before=DAY + timedelta(seconds=1)) == [LINKED]


def test_places_are_posts_each_once(store: Store) -> None:
    other = Linked("docs.example/maps", MAPS, "http://docs.example/")
    question = replace(thread(1, "Q", "A", "B"), views=7)
    one = put(
        store,
        question,
        link(question, 2, MAPS),
        link(question, 2, MAPS + "#again"),
        link(question, 3, "http://docs.example/maps"),
        link(question, 3, "https://docs.example/other"),
    )
    secret = thread(2, visibility=STAFF_ROOM)
    two = put(store, secret, link(secret, 2, MAPS))

    def places(*wanted: Linked, may: Collection[str] | None = PUBLIC) -> list[Place]:
        return store.upkeep.places(wanted, before=LATER, visible_to=may)

    # Without a rule for the site, http is as it was written.
    assert [each.url for each in linked(store)] == [
        "http://docs.example/maps",
        MAPS,
        "https://docs.example/other",
    ]
    assert places(LINKED) == [Place(LINKED, one, 2, 7)]
    assert places(LINKED, may=None) == [
        Place(LINKED, one, 2, 7),
        Place(LINKED, two, 2, 0),
    ]
    assert places(replace(other, url="http://docs.example/maps")) == [
        Place(replace(other, url="http://docs.example/maps"), one, 3, 7)
    ]
    assert places() == []


# -- pages ---------------------------------------------------------------------------


def test_a_page_says_whether_it_is_dead_and_since_when(store: Store) -> None:
    maps = put(store, docs("maps", "Maps."))
    page = Page(
        maps,
        "docs.example/maps",
        "docs",
        Kind.DOCS,
        "Maps",
        MAPS,
        None,
        current=True,
        outdated=False,
        problem="",
        dead_at=None,
    )
    keys = ["docs.example/maps", "docs.example/none", ""]

    def pages(after: timedelta) -> list[Page]:
        return store.upkeep.pages(keys, before=NOON + after, visible_to=PUBLIC)

    assert pages(5 * DAY) == [page]
    assert store.upkeep.dead(before=LATER, visible_to=PUBLIC) == []

    die(store, maps)
    dead = replace(page, problem="404, gone", dead_at=NOON + DAY)

    assert pages(5 * DAY) == [dead]
    assert store.upkeep.dead(before=LATER, visible_to=PUBLIC) == [dead]
    assert store.upkeep.pages_with([maps], before=LATER, visible_to=None) == [dead]
    # At that moment it was not known to be dead.
    assert pages(DAY) == [page]
    assert store.upkeep.dead(before=NOON + DAY, visible_to=PUBLIC) == []


def test_what_its_source_has_seen_since_is_alive(store: Store) -> None:
    maps = put(store, docs("maps", "Maps."))
    die(store, maps)
    with store.transaction():
        store.documents.verify([maps], at=NOON + 2 * DAY)

    [page] = store.upkeep.pages_with([maps], before=LATER, visible_to=PUBLIC)

    assert (page.problem, page.dead_at) == ("", None)
    assert store.upkeep.dead(before=LATER, visible_to=PUBLIC) == []


def test_pages_that_the_reader_may_not_see_are_not_told_of(store: Store) -> None:
    secret = put(store, replace(docs("maps", "Maps."), visibility=STAFF_ROOM))
    unlisted = put(store, replace(docs("old", "Old."), listed=False))
    for each in (secret, unlisted):
        die(store, each)

    def dead(may: Collection[str] | None) -> list[DocumentId]:
        return [p.id for p in store.upkeep.dead(before=LATER, visible_to=may)]

    assert (dead(PUBLIC), dead({STAFF_ROOM}), dead(None)) == ([], [secret], [secret])


# -- addresses without a page ---------------------------------------------------------


def strays(store: Store, may: Collection[str] | None = PUBLIC) -> list[tuple[str, str]]:
    found = store.upkeep.strays(LEADS, before=LATER, visible_to=may)
    return [(s.url, "" if s.leads_to is None else s.leads_to.url) for s in found]


MAPS_KEY = "maps"


@pytest.mark.parametrize(
    ("fetch", "leads"),
    [
        (Fetch("https://docs.example/a", NOON, reason=LEADS + MAPS_KEY), MAPS),
        (Fetch("https://docs.example/a", NOON, key=MAPS_KEY), MAPS),
        (Fetch("https://docs.example/a", NOON, failures=2, failed_at=NOON), ""),
        (Fetch(MAPS, NOON, key=MAPS_KEY), None),
        (Fetch("https://docs.example/a", NOON, reason=LEADS + "none"), None),
        (Fetch("https://docs.example/a", NOON, reason="is over"), None),
        (Fetch("https://docs.example/a", NOON, reason="holds the same as maps"), None),
        (Fetch("https://docs.example/a", NOON, failures=1, failed_at=NOON), None),
        (Fetch("https://docs.example/a", NOON, failures=2, failed_at=LATER), None),
        (
            Fetch("https://docs.example/a", NOON, key="x", failures=2, failed_at=NOON),
            None,
        ),
        (
            Fetch(
                "https://docs.example/a",
                NOON,
                key=MAPS_KEY,
                failures=2,
                failed_at=NOON,
            ),
            None,
        ),
    ],
)
def test_an_address_is_astray_when_it_leads_elsewhere_or_nowhere(
    store: Store, fetch: Fetch, leads: str | None
) -> None:
    put(store, docs("maps", "Maps."))
    fetched(store, fetch)

    assert strays(store) == ([] if leads is None else [(fetch.url, leads)])


def test_where_a_secret_page_is_now_is_a_secret(store: Store) -> None:
    put(store, replace(docs("maps", "Maps."), visibility=STAFF_ROOM))
    fetched(store, Fetch("https://docs.example/a", NOON, reason=LEADS + MAPS_KEY))

    assert strays(store) == []
    assert strays(store, None) == [("https://docs.example/a", MAPS)]


# -- threads and sources ---------------------------------------------------------------


def test_threads_are_told_with_who_began_them(store: Store) -> None:
    question = thread(1, title="Where are maps?")
    named = replace(question.parts[0], author="amina")
    one = put(store, replace(question, parts=(named, *question.parts[1:])))
    two = put(store, replace(thread(2), created_at=None))
    three = put(store, thread(3))

    found = store.upkeep.spots([one, two, three, DocumentId(99)])

    assert sorted(found) == [one, three]
    assert found[one] == Spot(
        one,
        "forum",
        "1",
        "Where are maps?",
        "https://forum.example/t/1",
        NOON + DAY,
        "amina",
        None,
        "en",
    )
    assert found[three].author == ""


def test_of_a_source_is_counted_what_is_held_and_what_may_be_seen(store: Store) -> None:
    put(store, docs("maps", "Maps."))
    put(store, thread(1))
    put(store, thread(2, visibility=STAFF_ROOM))

    def held(may: Collection[str] | None) -> dict[str, OfSource]:
        return store.upkeep.held(visible_to=may)

    assert held(PUBLIC) == {"docs": OfSource(1, 1), "forum": OfSource(2, 1)}
    assert held(None) == {"docs": OfSource(1, 1), "forum": OfSource(2, 2)}
    assert held(()) == {"docs": OfSource(1, 0), "forum": OfSource(2, 0)}


def test_an_empty_store_leads_nowhere(store: Store) -> None:
    assert linked(store) == []
    assert strays(store) == []
    assert store.upkeep.pages(["a"], before=LATER, visible_to=None) == []
    assert store.upkeep.held(visible_to=None) == {}
    assert store.upkeep.spots([]) == {}


# -- the way there ---------------------------------------------------------------------


def test_links_are_found_by_their_keys_and_documents_by_theirs(store: Store) -> None:
    """Of a large store only what is asked for is read."""
    known = store.upkeep
    places = steps(
        store, lambda: known.places([LINKED], before=LATER, visible_to=PUBLIC)
    )
    pages = searched(store, lambda: known.pages(["a"], before=LATER, visible_to=PUBLIC))
    strays_ = steps(store, lambda: known.strays(LEADS, before=LATER, visible_to=PUBLIC))

    assert "SEARCH l USING INDEX links_key (link_key=?)" in places, places
    assert pages == ["SEARCH d USING INDEX documents_link_key (link_key=?)"]
    assert any(
        step.startswith(
            "SEARCH d USING INDEX sqlite_autoindex_documents_1 (source=? AND key"
        )
        for step in strays_
    ), strays_
