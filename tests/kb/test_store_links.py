"""The link graph: read from both ends, by time and reader, and keyed anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kb.links import LinkRules
from kb.store import Store
from kb.types import (
    PUBLIC,
    Document,
    DocumentChange,
    DocumentId,
    Kind,
    LinkDraft,
    LinkRelation,
    LinkRole,
    Part,
)
from tests.kb.stored import NOON, delete, page

FORUM = "https://forum.example"
RULES = LinkRules(forums=(FORUM,), fold=((r"/v\d+/", "/latest/"),))
STAFF_ROOM = "category:Staff"


@pytest.fixture
def store(store: Store) -> Store:
    with store.transaction():
        store.links.use(RULES)
    return store


def topic(number: int, *, posts: int = 2, visibility: str = PUBLIC) -> Document:
    """A thread whose posts, an hour apart, have the ids *number* × 10 + 1, 2, …"""
    return Document(
        source="forum",
        kind=Kind.THREAD,
        key=str(number),
        url=f"{FORUM}/t/{number}",
        title=f"Topic {number}",
        parts=tuple(
            Part(
                n,
                "text",
                external_id=number * 10 + n,
                author_id=n,
                created_at=NOON + timedelta(days=number, hours=n),
                accepted=n == 2,
            )
            for n in range(1, posts + 1)
        ),
        visibility=visibility,
    )


def manual(version: int) -> Document:
    return replace(
        page(f"v{version}/backup", "text"),
        url=f"https://docs.example/v{version}/backup",
    )


def put(store: Store, document: Document, *hrefs: str, part: int = 2) -> DocumentId:
    """Store a document whose part *part* links to *hrefs*."""
    found = next(each for each in document.parts if each.number == part)
    role = LinkRole.ASKER if part == 1 else LinkRole.HELPER
    links = tuple(
        LinkDraft(
            part_number=part,
            relation=LinkRelation.LINK,
            href=href,
            text="see there",
            role=role if document.kind is Kind.THREAD else LinkRole.PAGE,
            author_id=found.author_id,
            created_at=found.created_at,
        )
        for href in hrefs
    )
    state = store.documents.state(document.source, document.key)
    change = DocumentChange(
        document, None if state is None else state.id, "test-1", links=links
    )
    with store.transaction():
        return store.documents.apply(change, walk=1)


def urls(store: Store, url: str, **options: object) -> list[str]:
    """Which topics link to *url*, in the order in which they are told."""
    links = store.links.to(url, **options)  # type: ignore[arg-type]
    found = store.documents.summaries([link.document_id for link in links])
    return [found[link.document_id].key for link in links]


def test_links_lead_to_stored_documents_under_any_address(store: Store) -> None:
    old, new = put(store, manual(40), part=1), put(store, manual(41), part=1)
    target = put(store, topic(1))
    source = put(
        store,
        topic(5),
        f"{FORUM}/t/some-slug/1/2?u=ann",
        "http://www.docs.example/v39/backup/#nightly",
        "https://elsewhere.example/",
    )

    links = store.links.of_document(source)

    assert [(link.url, link.anchor, link.targets) for link in links] == [
        (f"{FORUM}/t/1", "/2", (target,)),
        ("http://www.docs.example/v39/backup/", "#nightly", (old, new)),
        ("https://elsewhere.example/", "", ()),
    ]
    first = links[0]
    assert (first.text, first.role, first.author_id, first.accepted) == (
        "see there",
        LinkRole.HELPER,
        2,
        True,
    )
    assert first.created_at == NOON + timedelta(days=5, hours=2)


def test_a_target_that_is_harvested_later_is_found_then(store: Store) -> None:
    source = put(store, topic(5), f"{FORUM}/t/1")
    assert store.links.of_document(source)[0].targets == ()

    target = put(store, topic(1))

    assert store.links.of_document(source)[0].targets == (target,)


def test_what_helpers_linked_in_reply_before_a_date(store: Store) -> None:
    """The question that ranking learns from."""
    target = put(store, topic(1))
    asked = put(store, topic(3), f"{FORUM}/t/1", part=1)
    helped = put(store, topic(4), f"{FORUM}/t/1", "https://elsewhere.example/")
    late = put(store, topic(9), f"{FORUM}/t/1")

    found = store.links.from_documents(
        [asked, helped, late, target],
        before=NOON + timedelta(days=9),
        roles=(LinkRole.HELPER, LinkRole.STAFF),
    )

    assert [(i, [link.targets for link in links]) for i, links in found.items()] == [
        (helped, [(target,), ()])
    ]


def test_all_links_between_documents_oldest_first(store: Store) -> None:
    put(store, topic(1))
    for number in (8, 5, 6):
        put(store, topic(number), f"{FORUM}/t/1", "https://elsewhere.example/")

    told = list(store.links.between_documents(before=NOON + timedelta(days=8)))

    assert [link.created_at for link in told] == [
        NOON + timedelta(days=5, hours=2),
        NOON + timedelta(days=6, hours=2),
    ]


def test_what_nobody_knows_the_date_of_is_not_before_any(store: Store) -> None:
    put(store, topic(1))
    undated = replace(topic(5), parts=(Part(1, "x"), Part(2, "y")))
    source = put(store, undated, f"{FORUM}/t/1")

    assert store.links.from_documents([source], before=NOON + timedelta(99)) == {}
    assert len(store.links.from_documents([source])[source]) == 1


@pytest.mark.parametrize(
    "url",
    [
        f"{FORUM}/t/1",
        "forum.example/t/backup/1/7?page=2",
        "http://www.forum.example/p/11",
        f"{FORUM}/p/12",
    ],
)
def test_who_links_to_a_topic_newest_first(store: Store, url: str) -> None:
    put(store, topic(1), f"{FORUM}/t/1/1")  # to itself
    put(store, topic(5), f"{FORUM}/t/x/1/2")
    put(store, topic(7), f"{FORUM}/p/12")  # by the address of a post
    put(store, topic(6), f"{FORUM}/t/1")
    put(store, topic(8), f"{FORUM}/t/11", f"{FORUM}/p/13", f"{FORUM}/c/1")

    assert urls(store, url) == ["7", "6", "5"]
    assert urls(store, url, limit=1) == ["7"]
    assert urls(store, url, before=NOON + timedelta(days=6)) == ["5"]


def test_a_posts_short_address_follows_the_post(store: Store) -> None:
    """Posts keep their id when they are moved to another topic."""
    first = put(store, topic(1, posts=3))
    source = put(store, topic(5), f"{FORUM}/p/13")
    assert store.links.of_document(source)[0].targets == (first,)

    put(store, topic(1, posts=2))
    other = topic(2, posts=1)
    moved = replace(topic(1, posts=3).parts[2], number=2)
    second = put(store, replace(other, parts=(*other.parts, moved)))

    assert store.links.of_document(source)[0].targets == (second,)
    assert (urls(store, f"{FORUM}/t/1"), urls(store, f"{FORUM}/t/2")) == ([], ["5"])


def test_equal_post_ids_of_two_forums_are_told_apart(store: Store) -> None:
    put(store, topic(1))
    source = put(store, topic(5), "https://other.example/p/12")

    assert store.links.of_document(source)[0].targets == ()


# -- readers ---------------------------------------------------------------


def test_a_private_thread_does_not_tell_what_it_links(store: Store) -> None:
    put(store, topic(1))
    private = put(store, topic(5, visibility=STAFF_ROOM), f"{FORUM}/t/1")
    staff = frozenset({PUBLIC, STAFF_ROOM})

    assert store.links.of_document(private) == ()
    assert store.links.from_documents([private]) == {}
    assert list(store.links.between_documents()) == []
    assert urls(store, f"{FORUM}/t/1") == []
    assert urls(store, f"{FORUM}/t/1", visible_to=frozenset()) == []
    assert urls(store, f"{FORUM}/t/1", visible_to=staff) == ["5"]
    assert len(store.links.of_document(private, visible_to=staff)) == 1


def test_a_private_target_is_not_told_to_exist(store: Store) -> None:
    private = put(store, topic(1, visibility=STAFF_ROOM))
    source = put(store, topic(5), f"{FORUM}/t/1", f"{FORUM}/p/12")
    staff = frozenset({PUBLIC, STAFF_ROOM})

    assert [link.targets for link in store.links.of_document(source)] == [(), ()]
    told = store.links.of_document(source, visible_to=staff)
    assert [link.targets for link in told] == [(private,), (private,)]


# -- writing ---------------------------------------------------------------


def test_links_go_with_the_words_that_carried_them(store: Store) -> None:
    put(store, topic(1))
    put(store, topic(5), f"{FORUM}/t/1", f"{FORUM}/t/2")
    put(store, topic(5), f"{FORUM}/t/2")
    assert urls(store, f"{FORUM}/t/1") == []

    gone = put(store, topic(6), f"{FORUM}/t/2")
    delete(store, gone)

    assert urls(store, f"{FORUM}/t/2") == ["5"]
    assert _count(store) == 1


def test_pages_of_members_are_not_stored_at_all(store: Store) -> None:
    put(store, topic(5), f"{FORUM}/u/ann", f"{FORUM}/t/x/1?u=ann", "mailto:a@b.org")

    rows = store.db.conn.execute("SELECT * FROM links").fetchall()

    assert len(rows) == 1
    assert "ann" not in str(rows)


def test_counts_tell_relations_roles_and_what_leads_to_a_document(store: Store) -> None:
    put(store, topic(1))
    put(store, topic(5), f"{FORUM}/t/1", "https://elsewhere.example/")
    put(store, topic(6), f"{FORUM}/t/1", part=1)
    put(store, manual(41), f"{FORUM}/t/1", part=1)

    assert store.links.counts() == [
        {"relation": "link", "role": "asker", "links": 1, "to_documents": 1},
        {"relation": "link", "role": "helper", "links": 2, "to_documents": 1},
        {"relation": "link", "role": "page", "links": 1, "to_documents": 1},
    ]


# -- other rules -----------------------------------------------------------


def test_other_rules_key_what_is_stored_anew(store: Store) -> None:
    put(store, topic(1))
    page_id = put(store, manual(41), part=1)
    source = put(
        store,
        topic(5),
        "https://old.example/t/backup/1",
        "https://docs.example/v40/backup",
        "https://old.example/u/ann",
    )
    assert [link.targets for link in store.links.of_document(source)] == [
        (),
        (page_id,),
        (),
    ]

    other = LinkRules(forums=(FORUM,), hosts=(("old.example", "forum.example"),))
    assert _use(store, other) == 4  # two links and a page; a member's page goes
    assert [link.url for link in store.links.of_document(source)] == [
        f"{FORUM}/t/1",
        "https://docs.example/v40/backup",
    ]
    assert urls(store, f"{FORUM}/t/1") == ["5"]
    assert urls(store, "https://docs.example/v41/backup") == []

    assert _use(store, other) == 0
    _use(store, RULES)  # nothing was lost on the way
    assert urls(store, "https://docs.example/v41/backup") == ["5"]
    assert urls(store, f"{FORUM}/t/1") == []
    assert store.links.rules == RULES


def test_documents_from_before_there_were_links_get_their_key(store: Store) -> None:
    put(store, topic(1))
    source = put(store, topic(5), f"{FORUM}/t/1")
    with store.transaction():
        store.db.conn.execute("UPDATE documents SET link_key = ''")
        store.db.conn.execute("DELETE FROM meta WHERE key = 'link_rules'")

    assert _use(store, RULES) == 2
    assert len(store.links.of_document(source)[0].targets) == 1


def test_without_rules_a_forum_still_knows_its_own_topics() -> None:
    assert LinkRules().place(f"{FORUM}/t/x/1", home=FORUM) == RULES.place(
        f"{FORUM}/t/1"
    )


def _use(store: Store, rules: LinkRules) -> int:
    with store.transaction():
        return store.links.use(rules)


def _count(store: Store) -> int:
    return int(store.db.conn.execute("SELECT count(*) FROM links").fetchone()[0])
