"""Texts in several languages in the store: paired by unit, told when they change."""

from __future__ import annotations

from kb.store import Store
from kb.types import ParallelText


def put(
    store: Store, file: str, *texts: tuple[str, str, str], source: str = "app"
) -> int:
    """Make *file* say ``(unit, language, text)``."""
    with store.transaction():
        return store.parallel.replace(source, file, [ParallelText(*t) for t in texts])


def forget(store: Store, *keep: str) -> int:
    with store.transaction():
        return store.parallel.forget_files("app", keep=keep)


def pairs(store: Store, a: str, b: str) -> list[tuple[str, str]]:
    return list(store.parallel.pairs(a, b))


def test_units_pair_what_is_said_in_two_languages_whatever_files_say_it(
    store: Store,
) -> None:
    put(store, "en.properties", ("save", "en", "Save"), ("only", "en", "Alone"))
    put(store, "fr.properties", ("save", "fr", "Enregistrer"))
    put(store, "es.properties", ("save", "es", "Guardar"))

    assert pairs(store, "fr", "en") == [("Enregistrer", "Save")]
    assert pairs(store, "en", "fr") == [("Save", "Enregistrer")]
    assert pairs(store, "fr", "pt") == []
    assert store.parallel.languages() == {
        ("en", "es"): 1,
        ("en", "fr"): 1,
        ("es", "fr"): 1,
    }


def test_units_of_two_sources_have_nothing_to_do_with_each_other(store: Store) -> None:
    put(store, "a", ("title", "en", "Dashboard"))
    put(store, "a", ("title", "fr", "Carte"), source="maps")

    assert pairs(store, "en", "fr") == []
    assert store.parallel.languages() == {}


def test_a_region_counts_as_its_language_and_stays_known(store: Store) -> None:
    put(store, "a", ("save", "en", "Save"), ("save", "pt-BR", "Salvar"))
    put(store, "b", ("save", "pt", "Guardar"))

    assert pairs(store, "pt", "en") == [("Guardar", "Save"), ("Salvar", "Save")]
    assert store.parallel.languages() == {("en", "pt"): 2}
    assert store.parallel.counts() == {
        ("app", "en"): 1,
        ("app", "pt"): 1,
        ("app", "pt-BR"): 1,
    }


def test_pairs_are_told_once_and_not_where_both_are_the_same(store: Store) -> None:
    put(store, "a", ("save", "en", "Save"), ("save", "fr", "Enregistrer"))
    put(store, "b", ("save.2", "en", "Save"), ("save.2", "fr", "Enregistrer"))
    put(store, "c", ("sql", "en", "SQL view"), ("sql", "fr", "sql view"))

    assert pairs(store, "en", "fr") == [("Save", "Enregistrer")]
    assert store.parallel.languages() == {("en", "fr"): 1}


def test_the_mark_moves_with_every_change_and_with_nothing_else(store: Store) -> None:
    marks = [store.parallel.mark()]
    changes = []
    for text in ("Save", "Save", "Store"):
        changes.append(put(store, "a", ("save", "en", text), ("stay", "en", "Stay")))
        marks.append(store.parallel.mark())
    changes.append(put(store, "a", ("save", "en", "Store")))
    marks.append(store.parallel.mark())
    changes.extend([forget(store, "a"), forget(store), forget(store)])
    marks.append(store.parallel.mark())

    assert changes == [2, 0, 1, 1, 0, 1, 0]
    assert marks[1] == marks[2]
    assert len(set(marks)) == 5


def test_files_that_are_gone_are_forgotten_with_what_they_said(store: Store) -> None:
    for file in ("a", "b", "c"):
        put(store, file, (file, "en", file.upper()), (file, "fr", f"{file}e"))
    put(store, "a", ("other", "en", "Other"), source="other")

    assert store.parallel.files("app") == {"a": 2, "b": 2, "c": 2}
    assert forget(store, "b") == 4
    assert store.parallel.files("app") == {"b": 2}
    assert store.parallel.files("other") == {"a": 1}
    assert pairs(store, "en", "fr") == [("B", "be")]


def test_what_cannot_be_stored_is_left_out_of_a_text(store: Store) -> None:
    put(store, "a", ("k\0", "en", "Sa\ud800ve"), ("k", "fr", "Garder"), ("x", "fr", ""))

    assert pairs(store, "en", "fr") == [("Save", "Garder")]
    assert store.parallel.files("app") == {"a": 2}
