"""The searcher over a real store and index: what it returns, and what it must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kb.embed import HashingEmbedder
from kb.errors import InvalidQueryError
from kb.index import OpenIndex, build_index, open_index
from kb.lexical import TantivyIndex
from kb.model import KindModel, RankingModel, plain_model
from kb.question import Question
from kb.rank import Ranked
from kb.search import Explained, Searcher, merge
from kb.store import EmbeddingCache, Store
from kb.types import (
    PUBLIC,
    Candidate,
    Document,
    DocumentChange,
    DocumentId,
    Kind,
    Part,
    PassageDraft,
    PassageId,
)
from tests.kb.linked import RULES, docs, link, put, thread
from tests.kb.stored import delete, insert, page

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EMBEDDER = HashingEmbedder(64)

Open = Callable[[], Searcher]


@pytest.fixture
def searching(store: Store, tmp_path: Path) -> Iterator[Open]:
    """Index what is stored now, and search it."""
    opened: list[OpenIndex[TantivyIndex]] = []

    def searcher() -> Searcher:
        folder = tmp_path / "index"
        with EmbeddingCache.open(tmp_path / "embeddings.db") as cache:
            build_index(store, EMBEDDER, cache, folder, lexical=TantivyIndex)
        opened.append(
            open_index(
                folder,
                store_uuid=store.uuid,
                store_generation=store.generation,
                model_id=EMBEDDER.model_id,
                dim=EMBEDDER.dim,
                lexical_opener=TantivyIndex.open,
            )
        )
        return Searcher(store, opened[-1], EMBEDDER, clock=lambda: NOW)

    yield searcher
    for index in opened:
        index.close()


def change(store: Store, document_id: DocumentId, document: Document) -> None:
    """Change a document, none of its passages."""
    kept = tuple(
        (passage.id, passage.ordinal)
        for passage in store.passages.of_document(document_id)
    )
    with store.transaction():
        store.documents.apply(
            DocumentChange(document, document_id, "test-1", keep=kept), walk=1
        )


def manual(version: str, text: str, *, url: str | None = None) -> Document:
    spelled = version.replace(".", "")
    return Document(
        source="manual",
        kind=Kind.DOCS,
        key=f"{version}/backup",
        url=url or f"https://docs.example.org/en/version-{spelled}/backup.html",
        title="Backup",
        parts=(Part(1, text, format="markdown"),),
        language="en",
        version=version,
    )


def keys(searcher: Searcher, query: str | Question, **more: object) -> list[str]:
    return [hit.document.key for hit in searcher.search(query, **more)]  # type: ignore[arg-type]


def test_a_hit_carries_its_document_its_best_passage_and_its_reasons(
    store: Store, searching: Open
) -> None:
    thread = page(
        "restore", "My disk died.", "Use pg_restore.", "Thanks!", kind=Kind.THREAD
    )
    document_id = insert(store, thread)
    insert(store, page("weather", "It rains.", kind=Kind.THREAD))

    hits = searching().search("how to use pg_restore")

    best = hits[0]
    assert best.document == store.documents.summaries([document_id])[document_id]
    assert best.passage == store.passages.of_document(document_id)[1]
    assert best.url == "https://example.org/restore#2"
    assert [hit.document.key for hit in hits] == ["restore", "weather"]
    assert 1 >= best.confidence > hits[1].confidence >= 0
    assert {"bm25_passage", "cosine_passage", "coverage"} <= set(best.signals)
    # What each added is all there is to the score, where no odds come in.
    assert sum(best.contributions.values()) == pytest.approx(best.score)


def test_a_solved_thread_shows_its_solution(store: Store, searching: Open) -> None:
    """It is found by its question, which looks like the one that was asked."""
    thread = page(
        "restore",
        "How do I restore a dump after my disk died?",
        "No idea, the disk of mine died as well.",
        "Run this command: pg_restore --clean.",
        kind=Kind.THREAD,
    )
    solved = replace(
        thread,
        solved=True,
        parts=(*thread.parts[:2], replace(thread.parts[2], accepted=True)),
    )
    document_id = insert(store, solved)

    (hit,) = searching().search("My disk died, how do I restore the dump?")

    assert hit.passage == store.passages.of_document(document_id)[2]
    assert hit.url == "https://example.org/restore#3"


def test_the_same_search_gives_the_same_hits(store: Store, searching: Open) -> None:
    for number in range(20):
        insert(store, page(f"p{number}", f"Backup of server {number % 3}"))
    searcher = searching()

    hits = searcher.search("backup of server 1", title="backup")

    assert searcher.search("backup of server 1", title="backup") == hits
    assert searching().search("backup of server 1", title="backup") == hits


def test_what_left_the_store_is_not_shown_even_by_an_old_index(
    store: Store, searching: Open
) -> None:
    documents = {
        key: page(key, f"nightly backup {key}", kind=Kind.THREAD)
        for key in ("stays", "deleted", "private", "unlisted")
    }
    ids = {key: insert(store, document) for key, document in documents.items()}
    searcher = searching()
    assert sorted(keys(searcher, "nightly backup")) == sorted(documents)

    delete(store, ids["deleted"])
    change(
        store, ids["private"], replace(documents["private"], visibility="category:x")
    )
    change(store, ids["unlisted"], replace(documents["unlisted"], listed=False))

    assert keys(searcher, "nightly backup") == ["stays"]


def test_each_reader_sees_what_the_search_says_and_no_more(
    store: Store, searching: Open
) -> None:
    insert(store, page("open", "nightly backup"))
    insert(store, page("staff", "nightly backup", visibility="category:staff"))
    searcher = searching()

    assert keys(searcher, "backup") == ["open"]
    assert keys(searcher, "backup", visible_to=frozenset({"category:staff"})) == [
        "staff"
    ]
    assert sorted(
        keys(searcher, "backup", visible_to=frozenset({PUBLIC, "category:staff"}))
    ) == ["open", "staff"]
    assert keys(searcher, "backup", visible_to=frozenset()) == []


STAFF = "category:Staff"
ASKED = ("How do I make a nightly backup of E1063?", "Nightly backup")


def private_threads(store: Store, number: int) -> None:
    page_of_all = "https://docs.example/backup"
    asked = thread(
        1_000 + number, *ASKED, title=ASKED[1], visibility=STAFF, authors=(1, 2)
    )
    put(store, asked, link(asked, 2, page_of_all, "nightly backup"))


def private_pages(store: Store, number: int) -> None:
    put(store, replace(docs(f"staff/{number}", *ASKED), visibility=STAFF))


@pytest.mark.parametrize(
    "private",
    [(private_threads,), (private_pages,), (private_threads, private_pages)],
    ids=["threads", "pages", "both"],
)
def test_private_text_changes_nothing_for_a_public_reader(
    store: Store,
    searching: Open,
    private: tuple[Callable[[Store, int], None], ...],
) -> None:
    """Neither what is found nor any number: each would tell what is written there.

    More of it than is looked at, word for word what is asked.
    """
    with store.transaction():
        store.links.use(RULES)
    put(store, docs("backup", "Dump the database by night", "Then copy it"))
    put(store, docs("other", "Zebras graze", "A backup of E1063"))
    for number in range(1, 6):
        asked = thread(number, f"My backup number {number} fails", "Do it at night")
        put(store, asked, link(asked, 2, "https://docs.example/backup", "a backup"))

    def explained(searcher: Searcher, *visible_to: str) -> Explained:
        return searcher.explain(
            ASKED[0], title=ASKED[1], limit=50, visible_to=frozenset(visible_to)
        )

    def threads_and_pages(found: Explained) -> list[int]:
        return [len(ranking.ranked) for ranking in found.rankings[:2]]

    before = explained(searching(), PUBLIC)
    assert threads_and_pages(before) == [5, 2]
    signals = before.rankings[1].ranked[0].candidate.signals
    assert min(signals["linked_by_meaning"], signals["bm25_anchors"]) > 0

    for number in range(300):
        for add in private:
            add(store, number)
    searcher = searching()

    # First with facts of the store, then with those that are held in memory.
    assert explained(searcher, PUBLIC) == before
    assert explained(searcher, PUBLIC) == before
    threads, pages = threads_and_pages(explained(searcher, PUBLIC, STAFF))
    assert (threads > 50) == (private_threads in private)
    assert (pages > 50) == (private_pages in private)


def test_limit_kinds_quotas_and_exclusions_bound_the_hits(
    store: Store, searching: Open
) -> None:
    ids = {
        f"{kind}{number}": insert(
            store, page(f"{kind}{number}", f"nightly backup {number}", kind=kind)
        )
        for kind in Kind
        for number in range(3)
    }
    searcher = searching()

    def kinds(**more: object) -> list[str]:
        return sorted(key[:-1] for key in keys(searcher, "nightly backup", **more))

    assert len(kinds(limit=5)) == 5
    assert (
        kinds(kinds=frozenset({Kind.DOCS, Kind.VIDEO})) == ["docs"] * 3 + ["video"] * 3
    )
    assert (
        kinds(limit=12, per_kind={Kind.THREAD: 1, Kind.DOCS: 2, Kind.COURSE: 0})
        == ["docs"] * 2 + ["thread"] + ["video"] * 3
    )
    without = keys(
        searcher, "nightly backup", limit=12, exclude=frozenset({ids["docs1"]})
    )
    assert sorted(without) == sorted(set(ids) - {"docs1"})


def test_only_documents_in_the_languages_asked_for_are_shown(
    store: Store, searching: Open
) -> None:
    for key, language in (("a", "en"), ("b", "pt_BR"), ("c", "fr"), ("d", None)):
        text = f"Nightly backup of server {key}"
        insert(store, replace(page(key, text), language=language))
    searcher = searching()

    def shown(*languages: str) -> set[str | None]:
        found = searcher.search("backup", languages=frozenset(languages))
        return {hit.document.language for hit in found}

    everything = searcher.search("backup")
    assert {hit.document.language for hit in everything} == {"en", "pt_BR", "fr", None}
    assert shown("pt") == {"pt_BR"}
    assert shown("fr", "en") == {"fr", "en"}
    assert shown("sw") == set()


def test_the_newest_version_is_shown_unless_the_question_names_one(
    store: Store, searching: Open
) -> None:
    for version in ("2.39", "2.41", "2.40", "master"):
        insert(store, manual(version, f"Run the nightly backup, says {version}."))
    insert(store, page("other", "weather"))
    searcher = searching()

    assert keys(searcher, "nightly backup") == ["2.41/backup", "other"]
    assert keys(searcher, "nightly backup on 2.39")[0] == "2.39/backup"
    assert keys(searcher, "nightly backup", title="Upgraded to v2.40.3")[0] == (
        "2.40/backup"
    )
    assert keys(searcher, "nightly backup on 2.12")[0] == "2.41/backup"


def edition(store: Store, version: str, *texts: tuple[str, str]) -> DocumentId:
    """A version of one page, whose passages are ``(anchor, text)``."""
    document = replace(manual(version, "x"), page="*/backup")
    drafts = tuple(
        PassageDraft(1, ordinal, anchor, "", text)
        for ordinal, (anchor, text) in enumerate(texts)
    )
    with store.transaction():
        document_id = store.documents.apply(
            DocumentChange(document, None, "test-1", insert=drafts), walk=1
        )
        store.editions.settle("manual", None)
    return document_id


def test_who_names_a_version_is_led_to_the_same_place_in_it(
    store: Store, searching: Open
) -> None:
    edition(
        store,
        "2.40",
        ("#intro", "About the nightly backup."),
        ("#night", "Run the nightly backup with cron."),
        ("#day", "Never by day."),
    )
    edition(
        store, "2.41", ("#night", "Run the nightly backup with a timer of systemd.")
    )
    edition(store, "master", ("#x", "Run the nightly backup by itself."))
    insert(store, page("other", "weather"))
    searcher = searching()

    def found(query: str) -> list[tuple[str, str, str]]:
        hits = searcher.search(query)
        return [(h.document.key, h.passage.anchor, h.passage.text) for h in hits[:1]]

    assert found("nightly backup timer")[0][:2] == ("2.41/backup", "#night")
    assert found("nightly backup timer on 2.40.2") == [
        ("2.40/backup", "#night", "Run the nightly backup with cron.")
    ]
    assert found("nightly backup timer on v40")[0][:2] == ("2.40/backup", "#night")
    assert found("nightly backup timer on 2.12")[0][:2] == ("2.41/backup", "#night")
    assert [h.document.key for h in searcher.search("nightly backup on 2.40")] == [
        "2.40/backup",
        "other",
    ]


def translation(
    store: Store, language: str, *texts: tuple[str, str], version: str = "2.41"
) -> DocumentId:
    """A page in one of its languages, whose passages are ``(anchor, text)``."""
    document = replace(
        manual(version, "x", url=f"https://docs.example.org/{language}/{version}/b"),
        key=f"{language}/{version}",
        language=language,
        work="*/b",
        page=f"{language}/*/b",
    )
    drafts = tuple(
        PassageDraft(1, ordinal, anchor, "", text)
        for ordinal, (anchor, text) in enumerate(texts)
    )
    with store.transaction():
        document_id = store.documents.apply(
            DocumentChange(document, None, "test-1", insert=drafts), walk=1
        )
        store.editions.settle("manual", None)
    return document_id


def in_language(
    searcher: Searcher, language: str | None, text: str, **more: object
) -> list[tuple[str, str]]:
    """Key and anchor of what is shown to who asks in a language."""
    hits = searcher.search(Question("", text, language=language), **more)  # type: ignore[arg-type]
    return [(hit.document.key, hit.passage.anchor) for hit in hits]


def test_of_translations_the_one_in_the_language_of_the_question_is_shown(
    store: Store, searching: Open
) -> None:
    """At the place of what was found, however little of it the question shares."""
    english = translation(
        store,
        "en",
        ("#intro", "About copies."),
        ("#night", "Run the nightly backup."),
        ("#night", "Then look at the nightly backup by hand, with a nightly test."),
    )
    translation(store, "fr", ("#intro", "Copies."), ("#night", "Un."), ("#night", "X."))
    translation(store, "pt", ("#outro", "nightly backup"))
    translation(store, "es", ("#intro", "Copias."), ("#day", "De día."))
    insert(store, page("other", "weather"))
    searcher = searching()
    query = "nightly backup test by hand"

    hits = searcher.search(Question("", query, language="fr"))

    assert [hit.document.key for hit in hits] == ["fr/2.41", "other"]
    assert hits[0].passage.text == "X."
    assert hits[0].stands_for == hits[0].ranked_id == english
    assert in_language(searcher, "fr_CA", query)[0] == ("fr/2.41", "#night")
    # Nobody knows the language, or there is none in it: what fits best.
    for language in (None, "sw", "en"):
        assert in_language(searcher, language, query)[0] == ("en/2.41", "#night")
    # What has other anchors throughout is led to where it was found itself, and what
    # lacks this section alone does not say it.
    assert in_language(searcher, "pt", query)[0] == ("pt/2.41", "#outro")
    assert in_language(searcher, "es", query)[0] == ("en/2.41", "#night")


@pytest.mark.parametrize(("english", "french"), [("#backup", "#copie"), ("", "")])
def test_the_beginning_of_a_page_is_that_of_its_translation(
    store: Store, searching: Open, english: str, french: str
) -> None:
    """The anchor of a headline, if it has one, is in the language of the page."""
    translation(store, "en", (english, "Run the nightly backup."), ("#day", "Never."))
    translation(store, "fr", (french, "La nuit."), ("#day", "Jamais."))
    query = "run the nightly backup"

    assert in_language(searching(), "fr", query) == [("fr/2.41", french)]


def test_a_translation_is_shown_only_to_whom_it_may_be(
    store: Store, searching: Open
) -> None:
    text = ("#night", "Run the nightly backup.")
    translation(store, "en", text)
    french = translation(store, "fr", ("#night", "Chaque nuit."))
    searcher = searching()

    def asked(**more: object) -> list[tuple[str, str]]:
        return in_language(searcher, "fr", "run the nightly backup", **more)

    assert asked() == [("fr/2.41", "#night")]
    assert asked(exclude=frozenset({french})) == [("en/2.41", "#night")]
    assert asked(languages=frozenset({"en"})) == [("en/2.41", "#night")]
    delete(store, french)
    assert asked() == [("en/2.41", "#night")]


def test_who_names_a_version_is_led_to_it_in_the_language_of_the_question(
    store: Store, searching: Open
) -> None:
    for version in ("2.40", "2.41"):
        text = ("#night", f"Run the nightly backup {version}.")
        translation(store, "en", text, version=version)
    for version in ("2.40", "2.41"):
        translation(store, "fr", ("#night", f"Nuit {version}."), version=version)
    # Of Spanish there is an elder version alone, which may be out of date.
    translation(store, "es", ("#night", "Noche."), version="2.40")
    searcher = searching()
    query = "run the nightly backup"

    assert in_language(searcher, "fr", query) == [("fr/2.41", "#night")]
    assert in_language(searcher, "fr", f"{query} on 2.40") == [("fr/2.40", "#night")]


def test_a_page_of_elder_versions_alone_comes_later_unless_one_is_named(
    store: Store, searching: Open
) -> None:
    for version, name in [("2.40", "dumps"), ("2.41", "export")]:
        document = manual(version, "Run the nightly backup.")
        insert(store, replace(document, key=name, title=name, page=f"version-*/{name}"))
    with store.transaction():
        store.editions.settle("manual", None)
    searcher = searching()

    assert keys(searcher, "nightly backup") == ["export", "dumps"]
    assert keys(searcher, "nightly backup 2.40") == ["dumps", "export"]


def test_nobody_is_led_to_a_version_that_does_not_answer(
    store: Store, searching: Open
) -> None:
    old = edition(store, "2.40", ("#a", "Run the nightly backup with cron."))
    edition(store, "2.41", ("#a", "Run the nightly backup with a timer."))
    with store.transaction():
        store.targets.mark(old, manual("2.40", "").url, problem="404", at=NOW)

    assert keys(searching(), "nightly backup on 2.40") == ["2.41/backup"]


def test_what_is_over_or_does_not_answer_is_not_shown(
    store: Store, searching: Open
) -> None:
    event = replace(page("event", "nightly backup"), expires_at=NOW)
    insert(store, event)
    insert(store, replace(page("later", "nightly backup"), expires_at=NOW + DAY))
    dead = insert(store, page("dead", "nightly backup"))
    with store.transaction():
        store.targets.mark(dead, "https://example.org/dead", problem="404", at=NOW)
    searcher = searching()

    assert keys(searcher, "nightly backup") == ["later"]

    with store.transaction():
        store.targets.mark(dead, "https://example.org/dead", problem="", at=NOW)
    assert sorted(keys(searcher, "nightly backup")) == ["dead", "later"]


def test_a_source_may_weigh_more_than_another(store: Store, searching: Open) -> None:
    insert(store, page("words", "backup backup backup"))
    insert(store, replace(page("other", "one backup"), source="blog"))
    index = searching()._index

    def found(**weights: float) -> list[str]:
        return keys(Searcher(store, index, EMBEDDER, weights=weights), "backup")

    assert found() == ["words", "other"]
    assert found(blog=100.0) == ["other", "words"]
    assert found(handbook=0.01) == ["other", "words"]
    assert found(blog=1.0, handbook=1.0) == ["words", "other"]


def test_pages_of_one_title_at_other_addresses_are_all_shown(
    store: Store, searching: Open
) -> None:
    for section in ("use", "develop"):
        document = manual(
            "2.40",
            "Run the nightly backup.",
            url=f"https://docs.example.org/{section}/240/backup.html",
        )
        insert(store, replace(document, key=section))

    assert sorted(keys(searching(), "nightly backup")) == ["develop", "use"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "  \n",
        "?!…",
        "👍🎉",
        "![](://)",
        "```\n{}();\n```",
        "\0",
        "\ud800",
        "x" * 200_000,
    ],
)
def test_a_query_without_words_is_an_error(
    store: Store, searching: Open, query: str
) -> None:
    insert(store, page("open", "nightly backup"))

    with pytest.raises(InvalidQueryError, match="holds no word"):
        searching().search(query)


@pytest.mark.parametrize(
    "query",
    [
        'backup AND ("',
        "title:backup^9 OR [a TO b]",
        "backup " * 20_000,
        "backup " + "x" * 200_000,
        "backup\0\ud800 <script>",
        "'; DROP TABLE documents; --",
        "```python\nimport backup\nraise ValueError('E1063')\n```",
        "бэкап не работает: backup",
        "nightly " + " ".join(f"word{n}" for n in range(6_000)),
    ],
)
def test_a_strange_query_is_just_a_query(
    store: Store, searching: Open, query: str
) -> None:
    insert(store, page("open", "nightly backup"))

    assert keys(searching(), query) == ["open"]


def test_a_title_alone_can_be_searched(store: Store, searching: Open) -> None:
    insert(store, page("open", "nightly backup"))
    assert keys(searching(), "", title="backup") == ["open"]


def test_an_empty_knowledge_base_has_no_hits(searching: Open) -> None:
    assert searching().search("backup") == ()


@pytest.mark.parametrize("kind", Kind)
def test_a_lone_document_is_found_without_history_links_and_dates(
    store: Store, searching: Open, kind: Kind
) -> None:
    insert(store, replace(page("open", "nightly backup", kind=kind), language=None))

    (hit,) = searching().search("my nightly backup fails")

    assert (hit.document.key, hit.score) == ("open", 0.0)
    assert 0 <= hit.confidence <= 1


def test_a_question_may_be_in_a_language_that_is_unknown(
    store: Store, searching: Open
) -> None:
    insert(store, page("open", "nightly backup"))
    searcher = searching()

    for language in ("tlh", "", None):
        question = Question("Backup", "yIchoH!", language=language)
        assert keys(searcher, question) == ["open"]


def test_a_question_brings_what_is_known_of_it(store: Store, searching: Open) -> None:
    asked = insert(store, page("asked", "nightly backup fails", kind=Kind.THREAD))
    other = insert(store, page("other", "nightly backup", kind=Kind.THREAD))
    linked = insert(store, page("linked", "zebras graze"))
    question = Question(
        "", "nightly backup fails", document=asked, linked=frozenset({linked})
    )

    hits = {hit.document.id: hit for hit in searching().search(question)}

    assert set(hits) == {other, linked}
    assert hits[linked].signals["in_question"] == 1.0


def test_what_was_asked_lends_no_weight_to_what_it_was_answered_with_itself(
    store: Store, searching: Open
) -> None:
    """Of the thread that is looked at, by a caller who just leaves it out."""
    with store.transaction():
        store.links.use(RULES)
    target = put(store, docs("backup", "Zebras graze"))
    asked = thread(1, "How do I save my data?", "See there.", title="Save")
    itself = put(store, asked, link(asked, 2, "https://docs.example/backup"))
    searcher = searching()

    def in_links(exclude: frozenset[DocumentId]) -> float:
        explained = searcher.explain("How do I save my data?", exclude=exclude)
        (found,) = [
            r.candidate.signals
            for ranking in explained.rankings
            for r in ranking.ranked
            if r.candidate.document_id == target
        ]
        return found["in_links"] + found["linked_by_meaning"]

    assert in_links(frozenset()) > 0
    assert in_links(frozenset({itself})) == 0


def test_what_is_explained_is_what_is_shown_and_all_that_was_not(
    store: Store, searching: Open
) -> None:
    for version in ("2.39", "2.41"):
        insert(store, manual(version, f"Run the nightly backup, says {version}."))
    for key in ("first", "second"):
        insert(store, page(key, f"nightly backup {key}", kind=Kind.THREAD))
    insert(store, page("staff", "nightly backup", visibility="category:staff"))
    searcher = searching()

    explained = searcher.explain("nightly backup", limit=2, per_kind={Kind.THREAD: 1})

    assert explained.question == Question("", "nightly backup", language="en")
    assert explained.hits == searcher.search(
        "nightly backup", limit=2, per_kind={Kind.THREAD: 1}
    )
    assert [ranking.kind for ranking in explained.rankings] == list(Kind)
    threads, manuals = explained.rankings[:2]
    names = {i: d.key for i, d in explained.documents.items()}
    assert {names[r.candidate.document_id] for r in threads.kept} == {"first", "second"}
    assert {names[i]: names[j] for i, j in manuals.folded.items()} == {
        "2.39/backup": "2.41/backup"
    }
    assert len(manuals.ranked) == 2
    assert [names[r.candidate.document_id] for r in manuals.kept] == ["2.41/backup"]
    for ranked in (*threads.ranked, *manuals.ranked):
        assert sum(ranked.contributions.values()) == pytest.approx(ranked.score)


def test_of_two_that_say_the_same_the_better_is_shown(
    store: Store, searching: Open
) -> None:
    text = (
        "To make a nightly backup of the whole database run pg_dump from a timer and "
        "copy what it wrote to another machine"
    )
    insert(store, page("copy", text, kind=Kind.THREAD))
    insert(store, replace(page("best", text, kind=Kind.THREAD), title="Nightly backup"))
    insert(store, page("page", text))
    insert(store, page("other", "nightly backup of a phone", kind=Kind.THREAD))

    found = keys(searching(), "How do I make a nightly backup?", title="Nightly backup")

    # What a page says and a thread says again may both be of use.
    assert sorted(found) == ["best", "other", "page"]


def test_a_model_says_how_the_found_is_ordered(store: Store, searching: Open) -> None:
    insert(store, page("words", "backup backup backup", kind=Kind.THREAD))
    insert(store, page("parts", "one backup", "a", "b", "c", kind=Kind.THREAD))
    index = searching()._index

    def found(**weights: float) -> list[str]:
        threads = KindModel(weights, plain_model().of(Kind.THREAD).calibration)
        model = RankingModel({Kind.THREAD: threads, Kind.DOCS: threads})
        return keys(Searcher(store, index, EMBEDDER, model), "backup")

    assert found(bm25_passage=1.0) == ["words", "parts"]
    assert found(log_parts=1.0) == ["parts", "words"]
    assert found(log_parts=-1.0) == ["words", "parts"]


def test_a_limit_below_one_is_an_error(searching: Open) -> None:
    with pytest.raises(ValueError, match="limit must be >= 1, got 0"):
        searching().search("backup", limit=0)


def ranked(number: int, confidence: float) -> Ranked:
    candidate = Candidate(DocumentId(number), Kind.DOCS, PassageId(number), {})
    return Ranked(candidate, -float(number), confidence, {}, {})


def test_kinds_are_merged_by_confidence_and_each_keeps_its_order() -> None:
    threads = [ranked(1, 0.5), ranked(2, 0.9), ranked(3, 0.1)]
    docs = [ranked(4, 0.6), ranked(5, 0.5)]

    merged = merge([threads, [], docs])

    assert [r.candidate.document_id for r in merged] == [4, 1, 2, 5, 3]


def test_passages_have_the_facts_that_ranking_needs(store: Store) -> None:
    document = replace(page("restore", "Q?", "A.", kind=Kind.THREAD), created_at=NOW)
    document_id = insert(store, document)
    question, answer = (p.id for p in store.passages.of_document(document_id))

    facts = store.passages.facts([question, answer, PassageId(999)])

    assert set(facts) == {question, answer}
    assert (facts[question].opening, facts[answer].opening) == (True, False)
    assert facts[answer].part_number == 2
    assert {
        (f.document_id, f.kind, f.visibility, f.parts_count, f.created_at)
        for f in facts.values()
    } == {(document_id, Kind.THREAD, PUBLIC, 2, NOW)}


def test_visibility_in_facts_is_that_of_the_document_now(store: Store) -> None:
    document = page("restore", "text")
    document_id = insert(store, document)
    (passage,) = store.passages.of_document(document_id)

    change(store, document_id, replace(document, visibility="category:x"))

    assert store.passages.facts([passage.id])[passage.id].visibility == "category:x"


def test_long_passages_of_one_document_do_not_crowd_out_the_others(
    store: Store, searching: Open
) -> None:
    long = Document(
        source="forum",
        kind=Kind.THREAD,
        key="long",
        url="https://example.org/long",
        title="Long",
        parts=tuple(
            Part(n, f"nightly backup, reply {n}", format="text") for n in range(1, 101)
        ),
    )
    drafts = tuple(
        PassageDraft(part.number, part.number - 1, f"/{part.number}", "", part.body)
        for part in long.parts
    )
    with store.transaction():
        store.documents.apply(
            DocumentChange(long, None, "test-1", insert=drafts), walk=1
        )
    for number in range(5):
        insert(
            store,
            page(f"short{number}", f"a nightly backup {number}", kind=Kind.THREAD),
        )

    found = keys(searching(), "nightly backup")

    assert sorted(found) == ["long", *(f"short{number}" for number in range(5))]
