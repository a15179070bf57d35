"""Versions of pages in the store: one of each is searched, whatever comes and goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from kb.links import LinkRules
from kb.store import Store
from kb.texts import TextField
from kb.types import DocumentId, PassageId
from tests.kb.linked import RULES, docs, link, put, thread
from tests.kb.stored import delete, insert, page, passage_ids


def edition(store: Store, version: str, *, visibility: str = "public") -> DocumentId:
    text = f"As of {version}."
    document = page(f"{version}/backup", text, "More.", visibility=visibility)
    return insert(store, replace(document, version=version, page="*/backup"))


def settle(store: Store, preferred: str | None = None) -> int:
    with store.transaction():
        return store.editions.settle("handbook", preferred)


def current(store: Store, *ids: DocumentId) -> list[DocumentId]:
    found = store.documents.summaries(ids)
    return [i for i in ids if found[i].current]


def indexed(store: Store) -> list[PassageId]:
    return [passage.id for passage in store.passages.indexable()]


def test_one_version_is_searched_and_the_others_are_known(store: Store) -> None:
    old, new = edition(store, "2.40"), edition(store, "2.41")
    alone = insert(store, page("about", "We are."))

    # One is not searched any more, and outdated.
    assert settle(store) == 1

    assert current(store, old, new, alone) == [new, alone]
    assert indexed(store) == [*passage_ids(store, new), *passage_ids(store, alone)]
    assert store.passages.count() == 3
    assert store.editions.of(new) == store.editions.of(old)
    assert store.editions.of(new) == [(old, "2.40"), (new, "2.41")]
    assert store.editions.of(alone) == []
    assert settle(store) == 0


def test_what_is_searched_alone_is_told_to_the_indexes(store: Store) -> None:
    old, new = edition(store, "2.40"), edition(store, "2.41")
    alone = insert(store, page("about", "We are."))
    settle(store)

    texts = [document.id for document in store.evidence.texts()]

    assert texts == [new, alone]
    assert [i for i, _ in store.evidence.titles()] == [new, alone]
    facts = store.evidence.document_facts(None)
    assert list(facts) == [new, alone]
    assert facts[new].all_versions == ("2.40", "2.41")
    assert facts[alone].all_versions == ()
    assert old not in facts


def _generations(store: Store, since: int) -> tuple[Sequence[int], Sequence[int]]:
    come = [p.id for p in store.passages.indexable(after_generation=since)]
    return come, store.passages.removed(after_generation=since)


def test_a_new_version_takes_the_place_of_the_one_before(store: Store) -> None:
    old = edition(store, "2.40")
    settle(store)
    before, since = passage_ids(store, old), store.generation

    new = edition(store, "2.41")
    settle(store)

    come, gone = _generations(store, since)
    assert come == passage_ids(store, new)
    assert gone == before
    # Never searched again under ids that an index may hold or have dropped.
    assert set(passage_ids(store, old)).isdisjoint(before)


def test_when_the_current_version_leaves_the_one_before_is_searched_again(
    store: Store,
) -> None:
    old, new = edition(store, "2.40"), edition(store, "2.41")
    settle(store)
    text = [p.text for p in store.passages.of_document(old)]
    left, since = passage_ids(store, new), store.generation
    delete(store, new)

    assert settle(store) == 1

    come, gone = _generations(store, since)
    assert current(store, old) == [old]
    assert come == passage_ids(store, old)
    assert set(left) <= set(gone)
    assert [p.text for p in store.passages.of_document(old)] == text


def test_the_preferred_version_is_searched(store: Store) -> None:
    old, new = edition(store, "2.40"), edition(store, "2.41")

    settle(store, "2.40")
    assert current(store, old, new) == [old]
    settle(store, None)
    assert current(store, old, new) == [new]


def test_a_page_that_comes_in_no_versions_any_more_is_searched(store: Store) -> None:
    old, new = edition(store, "2.40"), edition(store, "2.41")
    settle(store)
    with store.transaction():
        store.db.conn.execute("UPDATE documents SET page = '' WHERE id = ?", [old])

    settle(store)

    assert current(store, old, new) == [old, new]
    assert store.passages.count() == 4


def test_a_page_that_newer_versions_have_no_more_is_outdated(store: Store) -> None:
    ids = {
        (version, name): insert(
            store,
            replace(
                page(f"{product}{version}/{name}", "Text."),
                version=version,
                page=f"{product}*/{name}",
            ),
        )
        for product, version, name in [
            ("core-", "2.40", "maps"),
            ("core-", "2.41", "maps"),
            ("core-", "2.40", "old"),
            ("core-", "master", "new"),
            ("app-", "1.2", "app"),
        ]
    }

    def outdated(preferred: str | None) -> list[tuple[str, str]]:
        settle(store, preferred)
        found = store.documents.summaries(list(ids.values()))
        return [name for name, i in ids.items() if found[i].outdated]

    assert outdated(None) == [("2.40", "maps"), ("2.40", "old")]
    assert outdated("2.40") == []
    assert outdated("2.41") == [("2.40", "maps"), ("2.40", "old")]
    # It is searched all the same, and nothing was indexed anew for it.
    assert current(store, ids["2.40", "old"]) == [ids["2.40", "old"]]


def test_who_may_not_read_a_version_is_not_led_to_it(store: Store) -> None:
    new = edition(store, "2.41")
    edition(store, "2.40", visibility="source:handbook")

    assert store.editions.of(new) == [(new, "2.41")]


def test_other_sources_settle_their_own(store: Store) -> None:
    old, new = edition(store, "2.40"), edition(store, "2.41")

    with store.transaction():
        assert store.editions.settle("other", None) == 0

    assert current(store, old, new) == [old, new]


def manual(store: Store, version: str) -> DocumentId:
    document = docs(f"v{version}/backup", "Text.")
    return put(store, replace(document, version=version, page="*/backup"))


@pytest.mark.parametrize("rules", [RULES, LinkRules()], ids=["folded", "not folded"])
def test_whatever_version_was_linked_that_page_was_once(
    store: Store, rules: LinkRules
) -> None:
    with store.transaction():
        store.links.use(rules)
    old, new = manual(store, "1"), manual(store, "2")
    with store.transaction():
        store.editions.settle("docs", None)
    asked = thread(1)
    urls = ["https://docs.example/v1/backup", "https://docs.example/v2/backup"]
    links = tuple(link(asked, 2, url) for url in urls)
    topic = put(store, asked, *links)

    edges = [(edge.source, edge.target) for edge in store.evidence.edges()]

    assert edges == [(topic, new), (topic, new)]
    assert store.editions.standing() == {old: new}
    assert store.editions.searched([old, topic]) == {new, topic}


@pytest.mark.parametrize("rules", [RULES, LinkRules()], ids=["folded", "not folded"])
def test_what_is_said_of_any_version_is_said_of_that_page_once(
    store: Store, rules: LinkRules
) -> None:
    with store.transaction():
        store.links.use(rules)
    manual(store, "1")
    new = manual(store, "2")
    with store.transaction():
        store.editions.settle("docs", None)
    asked = thread(1)
    urls = {
        "old": "https://docs.example/v1/backup",
        "new": "https://docs.example/v2/backup",
    }
    links = tuple(link(asked, 2, url, f"The {name} page") for name, url in urls.items())
    put(store, asked, *links)

    [text] = store.evidence.texts([new])

    assert sorted(each.text for each in text.fields[TextField.ANCHORS]) == [
        "The new page",
        "The old page",
    ]


@pytest.mark.parametrize("rules", [RULES, LinkRules()], ids=["folded", "not folded"])
def test_versions_that_are_not_searched_link_to_nothing(
    store: Store, rules: LinkRules
) -> None:
    """Each version of a manual has the same links; they count once."""
    with store.transaction():
        store.links.use(rules)
    backup = manual(store, "2")
    restores = []
    for version in ("1", "2"):
        restore = docs(f"v{version}/restore", "Text.")
        urls = [f"https://docs.example/v{n}/backup" for n in (1, 2)]
        urls.append("https://docs.example/v1/restore")
        restores.append(
            put(
                store,
                replace(restore, version=version, page="*/restore"),
                *(link(restore, 1, url, "Another", "page") for url in urls),
            )
        )
    manual(store, "1")
    with store.transaction():
        store.editions.settle("docs", None)

    edges = [(edge.source, edge.target) for edge in store.evidence.edges()]
    said = {text.id: text.fields for text in store.evidence.texts()}

    assert edges == [(restores[1], backup)] * 2
    assert [each.text for each in said[backup][TextField.ANCHORS]] == ["Another"] * 2
    assert TextField.ANCHORS not in said[restores[1]]
