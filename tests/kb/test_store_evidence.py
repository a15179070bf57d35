"""What ranking reads of the store: facts, edges, people, and texts by field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from kb.corpus import DocumentFacts
from kb.graph import Edge
from kb.store import Store
from kb.texts import DocumentText, Text, TextField
from kb.types import PUBLIC, DocumentId, Kind, LinkRole
from tests.kb.linked import FORUM, RULES, STAFF_ROOM, docs, link, put, thread
from tests.kb.stored import NOON, delete, passage_ids

STAFF = frozenset({PUBLIC, STAFF_ROOM})


@pytest.fixture
def store(store: Store) -> Store:
    with store.transaction():
        store.links.use(RULES)
    return store


def ends(edges: Iterable[Edge]) -> set[tuple[DocumentId, DocumentId]]:
    return {(edge.source, edge.target) for edge in edges}


def fields_of(store: Store, document: DocumentId) -> dict[TextField, list[Text]]:
    [text] = store.evidence.texts([document])
    return {name: list(texts) for name, texts in text.fields.items()}


# -- facts -------------------------------------------------------------------


def test_facts_of_documents(store: Store) -> None:
    asked = put(
        store,
        replace(
            thread(3, "a", "b", "c"),
            category="Support",
            tags=("import",),
            version="2.41",
            solved=True,
        ),
    )
    counted = put(store, replace(thread(4, "a"), likes=70))
    hidden = put(store, thread(5, listed=False))

    assert store.evidence.document_facts([asked, counted, hidden, DocumentId(99)]) == {
        asked: DocumentFacts(
            id=asked,
            kind=Kind.THREAD,
            visibility=PUBLIC,
            language="en",
            version="2.41",
            category="Support",
            tags=("import",),
            created_at=NOON + timedelta(days=3),
            parts_count=3,
            likes=1 + 2 + 3,
            solved=True,
        ),
        counted: DocumentFacts(
            id=counted,
            kind=Kind.THREAD,
            visibility=PUBLIC,
            language="en",
            created_at=NOON + timedelta(days=4),
            likes=70,
        ),
    }


def test_passages_of_documents_in_their_order(store: Store) -> None:
    first, second = put(store, thread(1, "a", "b")), put(store, thread(2, "c"))
    bare = put(store, thread(3), cut=False)

    found = store.evidence.passages_of([second, bare, first])

    assert found == {i: passage_ids(store, i) for i in (first, second)}
    assert [len(found[first]), len(found[second])] == [2, 1]


def test_a_passage_tells_whether_its_post_was_the_solution(store: Store) -> None:
    solved = put(store, thread(1, "a", "b", "c", accepted=2))
    ids = passage_ids(store, solved)

    facts = store.passages.facts(ids)

    assert [facts[i].accepted for i in ids] == [False, True, False]


# -- edges -------------------------------------------------------------------


def test_edges_lead_from_answers_and_pages_to_stored_documents(store: Store) -> None:
    old, new = put(store, docs("v40/backup", "x")), put(store, docs("v41/backup", "x"))
    target = put(store, thread(1))
    asked = thread(5, "q", "a", "b", accepted=3)
    source = put(
        store,
        asked,
        link(asked, 1, f"{FORUM}/t/1"),  # part of the question
        link(asked, 2, "https://docs.example/v39/backup#nightly"),
        link(asked, 3, f"{FORUM}/p/12", role="staff"),  # a post of topic 1
        link(asked, 3, f"{FORUM}/t/5/1"),  # to itself
        link(asked, 3, "https://elsewhere.example/"),
        link(asked, 3, "https://other.example/p/12"),
    )
    page = docs("v41/restore", "x")
    manual = put(store, page, link(page, 1, "https://docs.example/v41/backup"))

    noon = NOON + timedelta(days=5)
    assert sorted(store.evidence.edges(), key=lambda e: (e.source, e.target)) == [
        Edge(source, old, LinkRole.HELPER, noon + timedelta(hours=2)),
        Edge(source, new, LinkRole.HELPER, noon + timedelta(hours=2)),
        Edge(source, target, LinkRole.STAFF, noon + timedelta(hours=3), True),
        Edge(manual, old, LinkRole.PAGE),
        Edge(manual, new, LinkRole.PAGE),
    ]


def test_the_opening_post_is_the_first_that_is_stored(store: Store) -> None:
    put(store, thread(1))
    late = thread(5, "q", "a")
    late = replace(late, parts=late.parts[1:])
    put(store, late, link(late, 2, f"{FORUM}/t/1"))

    assert list(store.evidence.edges()) == []


def test_edges_tell_nothing_that_the_reader_may_not_see(store: Store) -> None:
    open_, closed = put(store, thread(1)), put(store, thread(2, visibility=STAFF_ROOM))
    both = (f"{FORUM}/t/1", f"{FORUM}/p/22")
    asked, inside = thread(5), thread(6, visibility=STAFF_ROOM)
    public = put(store, asked, *(link(asked, 2, href) for href in both))
    private = put(store, inside, *(link(inside, 2, href) for href in both))

    assert ends(store.evidence.edges()) == {(public, open_)}
    assert ends(store.evidence.edges(visible_to=frozenset())) == set()
    assert ends(store.evidence.edges(visible_to=STAFF)) == {
        (public, open_),
        (public, closed),
        (private, open_),
        (private, closed),
    }


def test_what_is_not_listed_has_no_edges(store: Store) -> None:
    put(store, thread(1))
    put(store, thread(2, listed=False))
    asked, unlisted = thread(5), thread(6, listed=False)
    put(store, asked, link(asked, 2, f"{FORUM}/t/2"), link(asked, 2, f"{FORUM}/p/21"))
    put(store, unlisted, link(unlisted, 2, f"{FORUM}/t/1"))

    assert list(store.evidence.edges()) == []


# -- people ------------------------------------------------------------------


def test_people_of_public_threads(store: Store) -> None:
    first = put(store, thread(1, "q", "a", "b", "c", authors=(7, 8, 7, 8)))
    second = put(store, thread(2, "q", "a", "b", authors=(8, None, 9)))
    inside = put(store, thread(3, visibility=STAFF_ROOM, authors=(8, 9)))
    unlisted = put(store, thread(4, listed=False, authors=(8, 9)))

    people = store.evidence.people()

    assert [people.asker(i) for i in (first, second, inside, unlisted)] == [
        "forum:7",
        "forum:8",
        None,
        None,
    ]
    assert [people.helpers(i) for i in (first, second)] == [
        {"forum:8": 2},
        {"forum:9": 1},
    ]
    persons = ("forum:7", "forum:8", "forum:9")
    assert [people.answers(person) for person in persons] == [0, 2, 1]


def test_members_of_two_forums_are_two_people(store: Store) -> None:
    """Forums count their members alike."""
    here = put(store, thread(1, "q", "a", authors=(7, 8)))
    there = put(store, replace(thread(1, "q", "a", authors=(8, 7)), source="second"))

    people = store.evidence.people()

    assert [people.asker(i) for i in (here, there)] == ["forum:7", "second:8"]
    assert people.answers("forum:8") == people.answers("second:7") == 1
    assert people.answers("forum:7") == people.answers("second:8") == 0


def test_nobody_knows_who_asked_where_the_first_post_is_gone(store: Store) -> None:
    late = thread(1, "q", "a", "b", authors=(7, 8, 7))
    document = put(store, replace(late, parts=late.parts[1:]))

    people = store.evidence.people()

    assert people.asker(document) is None
    assert people.helpers(document) == {"forum:8": 1, "forum:7": 1}


# -- texts -------------------------------------------------------------------


def test_the_fields_of_a_thread(store: Store) -> None:
    target = put(store, thread(1, "How?", "So.", title="Backup fails", language="fr"))

    assert list(store.evidence.texts()) == [
        DocumentText(
            id=target,
            kind=Kind.THREAD,
            visibility=PUBLIC,
            fields={
                TextField.TITLE: (Text("Backup fails", "fr"),),
                TextField.OPENING: (Text("How?", "fr"),),
                TextField.WHOLE: (Text("How?\n\nSo.", "fr"),),
            },
            language="fr",
        )
    ]


def test_a_page_opens_with_what_stands_before_its_first_heading(store: Store) -> None:
    page = put(store, docs("backup", "Why.", "Nightly.", "Restore."))

    fields = fields_of(store, page)

    assert fields[TextField.OPENING] == [Text("Why.", "en")]
    assert fields[TextField.WHOLE] == [
        Text("Why.\n\nSection 1\n\nNightly.\n\nSection 2\n\nRestore.", "en")
    ]


def test_a_document_knows_the_questions_that_were_answered_with_it(
    store: Store,
) -> None:
    page = put(store, docs("backup", "x"))
    href = "https://docs.example/backup"
    older = thread(5, "It is " + "slow " * 400, "a", title="Old", language="fr")
    newer = thread(6, "q", "a", "b", title="New")
    for document in (older, newer):
        put(
            store,
            document,
            link(document, 2, href, "the manual"),
            link(document, len(document.parts), href, href),
        )
    # What a question links is a part of it, and nothing that was said in answer.
    asked = thread(7, "q", "a", title="Links it itself")
    put(store, asked, link(asked, 1, href, "what I read"))
    other = docs("restore", "x")
    put(store, other, link(other, 1, href, "y" * 300))

    fields = fields_of(store, page)

    assert fields[TextField.ASKED] == [
        Text("New\nq", "en"),
        Text("Old\n" + ("It is " + "slow " * 400)[:1500].strip(), "fr"),
    ]
    assert fields[TextField.ANCHORS] == [
        Text("the manual", "en"),
        Text("the manual", "fr"),
        Text("y" * 200, "en"),
    ]


def test_a_thread_is_known_by_the_addresses_of_its_posts(store: Store) -> None:
    target = put(store, thread(1))
    source = thread(5, "q", "a")
    put(store, source, link(source, 2, f"{FORUM}/p/12", "that post"))
    elsewhere = thread(6, "q", "a")
    put(store, elsewhere, link(elsewhere, 2, "https://other.example/p/12", "no"))

    fields = fields_of(store, target)

    assert fields[TextField.ASKED] == [Text("Topic 5\nq", "en")]
    assert fields[TextField.ANCHORS] == [Text("that post", "en")]


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example/x",
        "www.a.example",
        "docs.example/en/use",
        "http://a.example/…",
    ],
)
def test_a_bare_address_says_nothing(store: Store, address: str) -> None:
    target = put(store, thread(1))
    source = thread(5)
    put(store, source, link(source, 2, f"{FORUM}/t/1", address))

    assert TextField.ANCHORS not in fields_of(store, target)


@pytest.mark.parametrize("text", ["2.41/2.42", "see http://a.example", "api/me.json"])
def test_what_only_looks_like_an_address_is_kept(store: Store, text: str) -> None:
    target = put(store, thread(1))
    source = thread(5)
    put(store, source, link(source, 2, f"{FORUM}/t/1", text))

    assert fields_of(store, target)[TextField.ANCHORS] == [Text(text, "en")]


@pytest.mark.parametrize(
    "change",
    [{"visibility": STAFF_ROOM}, {"listed": False}],
    ids=["private", "unlisted"],
)
def test_what_not_everybody_reads_says_nothing_of_others(
    store: Store, change: dict[str, object]
) -> None:
    """Not even of what its own readers may see: one index serves all of them."""
    target = put(store, thread(1, visibility=STAFF_ROOM))
    source = replace(thread(5, title="Secret"), **change)  # type: ignore[arg-type]
    put(store, source, link(source, 2, f"{FORUM}/t/1", "secret"))

    fields = fields_of(store, target)

    assert {TextField.ASKED, TextField.ANCHORS}.isdisjoint(fields)


def test_of_many_questions_the_newest_are_kept(store: Store) -> None:
    target = put(store, thread(1))
    for number in range(2, 210):
        source = thread(number, "q", "a")
        put(store, source, link(source, 2, f"{FORUM}/t/1"))

    asked = fields_of(store, target)[TextField.ASKED]

    assert [text.text for text in asked] == [
        f"Topic {number}\nq" for number in range(209, 9, -1)
    ]


def test_texts_come_by_id_and_leave_out_what_is_not_listed(store: Store) -> None:
    ids = [put(store, thread(number)) for number in range(1, 120)]
    hidden = put(store, thread(500, listed=False))

    assert [text.id for text in store.evidence.texts()] == ids
    some = store.evidence.texts([ids[70], hidden, ids[3], ids[3]])
    assert [text.id for text in some] == [ids[3], ids[70]]


def test_titles_and_questions_of_what_is_listed(store: Store) -> None:
    page = put(store, docs("backup", "x"))
    asked = put(store, thread(1, "How?", "So.", title="Backup fails"))
    untitled = put(store, thread(2, "Hm.", title=" "))
    put(store, thread(3, listed=False))
    bare = put(store, thread(4, title="No words below"), cut=False)

    assert list(store.evidence.titles()) == [
        (page, "Backup"),
        (asked, "Backup fails"),
        (bare, "No words below"),
    ]
    assert [(p.document_id, p.input) for p in store.evidence.questions()] == [
        (asked, "Backup fails\nHow?"),
        (untitled, " \nHm."),
    ]


def test_nothing_is_left_of_a_document_that_is_gone(store: Store) -> None:
    target, source = put(store, thread(1)), thread(5, title="Gone")
    gone = put(store, source, link(source, 2, f"{FORUM}/t/1", "there"))
    assert ends(store.evidence.edges()) == {(gone, target)}

    delete(store, gone)

    assert list(store.evidence.edges()) == []
    assert store.evidence.people().asker(gone) is None
    assert "Gone" not in str(list(store.evidence.texts()))
    assert "there" not in str(list(store.evidence.texts()))
