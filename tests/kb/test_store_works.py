"""Translations of pages in the store: who says the same in which language."""

from __future__ import annotations

from dataclasses import replace

from kb.store import Store
from kb.types import DocumentId
from tests.kb.stored import NOON, insert, page


def put(
    store: Store,
    key: str,
    language: str | None,
    *,
    work: str = "backup",
    visibility: str = "public",
    listed: bool = True,
) -> DocumentId:
    document = page(key, f"Text of {key}.", visibility=visibility)
    return insert(store, replace(document, language=language, work=work, listed=listed))


def test_each_translation_knows_the_others_and_itself(store: Store) -> None:
    en, fr = put(store, "en/backup", "en"), put(store, "fr/backup", "fr")
    untold = put(store, "xx/backup", None)
    other = put(store, "en/maps", "en", work="maps")
    alone = put(store, "about", "en", work="")

    found = store.works.of([fr, other, alone])

    assert found == {
        fr: ((en, "en"), (fr, "fr"), (untold, None)),
        other: ((other, "en"),),
    }
    assert store.works.of([]) == {}


def test_the_work_of_a_page_is_kept_with_it(store: Store) -> None:
    fr = put(store, "fr/backup", "fr")

    loaded = store.documents.load(fr)

    assert loaded is not None
    assert (loaded.work, store.documents.summaries([fr])[fr].work) == ("backup",) * 2


def test_translations_are_those_that_the_same_people_are_led_to(store: Store) -> None:
    en = put(store, "en/backup", "en")
    private = put(store, "fr/backup", "fr", visibility="category:staff")
    unlisted = put(store, "es/backup", "es", listed=False)
    dead = put(store, "pt/backup", "pt")
    url = store.documents.summaries([dead])[dead].url
    with store.transaction():
        store.targets.mark(dead, url, problem="404", at=NOON)

    found = store.works.of([en, private, unlisted])

    assert found[en] == ((en, "en"),)
    assert found[private] == ((private, "fr"),)
    # Whoever is on an unlisted page is led to listed ones.
    assert found[unlisted] == ((en, "en"), (unlisted, "es"))


def test_of_several_versions_of_a_translation_the_searched_one_stands(
    store: Store,
) -> None:
    ids = [
        insert(
            store,
            replace(
                page(f"{language}/{version}/backup", f"{language} {version}"),
                language=language,
                version=version,
                page=f"{language}/*/backup",
                work="*/backup",
            ),
        )
        for language in ("en", "fr")
        for version in ("2.40", "2.41")
    ]
    with store.transaction():
        store.editions.settle("handbook", None)

    old, new = ids[0], ids[1]
    assert store.works.of([new]) == {new: ((ids[1], "en"), (ids[3], "fr"))}
    assert store.works.of([old])[old] == ((old, "en"), (ids[1], "en"), (ids[3], "fr"))
