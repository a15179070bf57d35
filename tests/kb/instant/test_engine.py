"""Instant search over a real store and index."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kb.errors import InvalidQueryError
from kb.instant.records import Facet, Why
from kb.store import Store
from kb.types import PUBLIC, Kind
from tests.kb.instant.world import NOW, STAFF, Box, document, put
from tests.kb.stored import delete

BACKUP = "Make a dump of the database each night with pg_dump and copy it elsewhere."
TRACKER = "The tracker capture app loses events when the tablet is offline."
SHARING = "Give the user group access to the data set in the sharing settings."


@pytest.fixture
def filled(store: Store, box: Box) -> Box:
    put(store, document("nightly-backup", "How do I back up?", BACKUP, solved=True))
    put(store, document("lost-events", TRACKER, category="Android", tags=("tracker",)))
    put(
        store,
        document(
            "sharing",
            SHARING,
            kind=Kind.DOCS,
            source="docs",
            version="2.41",
            url="https://docs.example.org/sharing",
        ),
    )
    box.index()
    return box


def test_a_hit_leads_to_the_passage_that_answers_and_says_why(filled: Box) -> None:
    results = filled.search("database dump at night")

    hit = results.hits[0]
    assert (hit.hit.document.key, hit.hit.url) == (
        "nightly-backup",
        "https://forum.example.org/t/nightly-backup/2",
    )
    assert [hit.hit.passage.text[a:b] for a, b in hit.highlights] == [
        "dump",
        "database",
        "night",
        "dump",
    ]
    assert set(hit.why) >= {Why.WORDS, Why.SOLVED}
    assert results.query.text == "database dump at night"
    assert set(results.timings) == {"understand", "embed", "retrieve", "rank", "load"}


@pytest.mark.parametrize(
    ("q", "keys"),
    [
        ("events kind:thread", ["lost-events"]),
        ("events tag:Tracker", ["lost-events"]),
        ("events category:android", ["lost-events"]),
        ("events category:elsewhere", []),
        ("access version:2.41", ["sharing"]),
        ("access version:2.40", []),
        ("back solved:yes", ["nightly-backup"]),
        ("events solved:no", ["lost-events"]),
        ("access solved:no kind:docs", []),
        ("events lang:fr", []),
        ("events after:2026-03-01", ["lost-events"]),
        ("events before:2026-03-01", []),
    ],
)
def test_filters_hold(filled: Box, q: str, keys: list[str]) -> None:
    assert filled.keys(q)[:1] == keys


def test_filters_alone_list_what_changed_last(store: Store, box: Box) -> None:
    for days, key in ((3, "old"), (1, "new"), (2, "middle")):
        changed = NOW - timedelta(days=days)
        put(store, document(key, TRACKER, created_at=changed, updated_at=changed))
    put(store, document("undated", TRACKER, created_at=None, updated_at=None))

    assert box.keys("kind:thread") == ["new", "middle", "old", "undated"]
    assert box.keys("kind:thread", k=2, page=2) == ["old", "undated"]
    assert box.search("kind:thread -tablet").total == 0


@pytest.mark.parametrize("q", ["", "  ", "-tablet", "?!", "\0"])
def test_nothing_to_search_for_is_told(filled: Box, q: str) -> None:
    with pytest.raises(InvalidQueryError, match="no word"):
        filled.search(q)


def test_phrases_must_stand_in_a_row(store: Store, box: Box) -> None:
    put(store, document("in-a-row", "Open the data entry app, then the data set."))
    put(store, document("apart", "The entry of data is done in the app."))

    assert box.keys('"data entry"') == ["in-a-row"]
    assert box.keys('"Data-Entry app"') == ["in-a-row"]
    assert box.keys('"data entry" "data set"') == ["in-a-row"]
    assert box.keys('"entry data"') == []
    assert set(box.keys("data entry")) == {"in-a-row", "apart"}


def test_the_passage_with_the_phrase_is_shown(store: Store, box: Box) -> None:
    put(
        store,
        document(
            "long", "Analytics analytics analytics tables.", "Run analytics tables now."
        ),
    )

    (hit,) = box.search('"run analytics"').hits

    assert hit.hit.passage.part_number == 2
    assert Why.EXACT in hit.why


def test_documents_with_excluded_words_are_left_out(store: Store, box: Box) -> None:
    put(store, document("both", "Import events from a tablet.", "It was an emulator."))
    put(store, document("one", "Import events from a phone."))

    assert box.keys("import events -emulator") == ["one"]
    assert box.keys('import events -"an emulator"') == ["one"]
    assert set(box.keys('import events -"emulator an"')) == {"both", "one"}


def test_what_is_not_public_is_found_by_those_alone_who_may(
    store: Store, box: Box
) -> None:
    put(store, document("open", TRACKER))
    put(store, document("secret", "The tracker of the staff room.", visibility=STAFF))
    box.index()

    assert box.keys("tracker") == ["open"]
    assert box.search("tracker").facets["kind"] == (Facet("thread", 1),)
    staff = frozenset({PUBLIC, STAFF})
    assert set(box.keys("tracker", visible_to=staff)) == {"open", "secret"}
    assert set(box.keys("tracker", visible_to=None)) == {"open", "secret"}
    assert box.keys("tracker", visible_to=frozenset()) == []
    assert box.keys("kind:thread") == ["open"]


def test_a_private_word_is_no_correction_and_excludes_nothing(
    store: Store, box: Box
) -> None:
    put(store, document("open", TRACKER))
    put(store, document("secret", "Project Okavango begins.", visibility=STAFF))
    box.index()

    assert box.search("tracker okavnago").did_you_mean is None
    assert box.search("okavnago", visible_to=None).did_you_mean == "okavango"


@pytest.mark.parametrize(
    ("changed", "gone"),
    [
        ({"visibility": STAFF}, True),
        ({"listed": False}, True),
        ({"expires_at": NOW}, True),
        ({"title": "Another title"}, False),
    ],
)
def test_what_the_store_says_now_counts(
    filled: Box, store: Store, changed: dict[str, object], gone: bool
) -> None:
    found = store.documents.find("forum", "lost-events")
    assert found is not None
    stored = store.documents.load(found.id)
    assert stored is not None

    # What is held in memory does not know of it yet.
    put(store, replace(stored, **changed), over=found.id)  # type: ignore[arg-type]

    assert ("lost-events" in filled.keys("tracker events")) is False
    filled.refresh()
    assert ("lost-events" in filled.keys("tracker events")) is not gone


def test_what_was_deleted_is_gone_at_once(filled: Box, store: Store) -> None:
    found = store.documents.find("forum", "lost-events")
    assert found is not None
    delete(store, found.id)

    assert "lost-events" not in filled.keys("tracker events")
    filled.refresh()
    assert "lost-events" not in filled.keys("tracker events")


def test_of_many_pages_none_repeats_another(store: Store, box: Box) -> None:
    for number in range(150):
        put(store, document(f"t{number}", "Tracker " * (1 + number % 7) + str(number)))

    pages = [box.search("tracker", page=page, k=10) for page in range(1, 16)]

    keys = [hit.hit.document.key for page in pages for hit in page.hits]
    assert len({page.total for page in pages}) == 1
    assert len(keys) == len(set(keys)) == pages[0].total > 50


def test_what_is_over_is_neither_shown_nor_counted(store: Store, box: Box) -> None:
    for number in range(24):
        over = NOW if number % 2 else NOW + timedelta(days=1)
        put(store, document(f"t{number}", f"Tracker {number}", expires_at=over))

    pages = [box.search("tracker", page=page, k=5) for page in (1, 2, 3)]
    listed = box.search("kind:thread", k=50)

    assert [len(page.hits) for page in pages] == [5, 5, 2]
    assert pages[0].total == pages[0].facets["kind"][0].count == 12
    assert listed.total == len(listed.hits) == 12


def test_many_passages_with_the_words_of_a_phrase_hide_none_that_has_it(
    store: Store, box: Box
) -> None:
    for number in range(420):
        put(store, document(f"other{number}", f"Data of a set, set of data {number}."))
    long = "Somewhere in a long text about quite other things stands a data set. " * 3
    put(store, document("wanted", long + "It goes on about the weather."))

    assert box.keys('"data set"') == ["wanted"]
    assert "wanted" not in box.keys('data -"data set"', k=50)
    assert "wanted" in box.keys("data weather", k=50)


def test_the_version_that_is_shown_has_what_must_stand_there(
    store: Store, box: Box
) -> None:
    for version, word in (("2.41", "quito"), ("2.40", "zanzibar")):
        put(
            store,
            document(
                f"{version}/analytics",
                f"Analytics has the {word} option.",
                kind=Kind.DOCS,
                version=version,
                page="analytics",
                url=f"https://docs.example.org/{version}/analytics",
            ),
        )
    with store.transaction():
        store.editions.settle("forum", None)

    assert box.keys("analytics version:2.40") == ["2.40/analytics"]
    assert box.keys("analytics version:2.40 -zanzibar") == []
    assert box.keys('analytics "quito option" version:2.40') == []
    assert box.keys('analytics "quito option"') == ["2.41/analytics"]


def test_a_longer_code_is_not_the_one_that_was_typed(store: Store, box: Box) -> None:
    put(store, document("longer", "The log says E1063."))
    put(store, document("typed", "The log says E106."))

    found = {hit.hit.document.key: hit.why for hit in box.search("E106 log").hits}

    assert Why.EXACT in found["typed"]
    assert Why.EXACT not in found.get("longer", ())


def test_other_kinds_are_counted_beside_the_one_that_is_wanted(filled: Box) -> None:
    results = filled.search("lost events, data set sharing, nightly backup kind:docs")

    assert {hit.hit.document.kind for hit in results.hits} == {Kind.DOCS}
    assert results.total == 1
    assert results.facets["kind"] == (Facet("thread", 2), Facet("docs", 1))
    assert results.facets["category"] == ()


def test_the_language_of_private_texts_is_not_told(store: Store, box: Box) -> None:
    put(store, document("open", TRACKER))
    swahili = "Ninawezaje kuweka nakala ya hifadhidata kila usiku kwenye seva yetu?"
    put(store, document("secret", swahili, language="sw", visibility=STAFF))

    assert box.search(swahili).language != "sw"


def test_pages_follow_each_other_without_repeats(store: Store, box: Box) -> None:
    for number in range(23):
        put(store, document(f"t{number}", f"Tracker events of district {number}."))

    pages = [box.search("tracker events", page=page, k=10) for page in (1, 2, 3, 4)]

    keys = [hit.hit.document.key for page in pages for hit in page.hits]
    assert [len(page.hits) for page in pages] == [10, 10, 3, 0]
    assert len(set(keys)) == len(keys) == pages[0].total == 23
    with pytest.raises(ValueError, match="page and k"):
        box.search("tracker", page=0)


@pytest.mark.parametrize(
    ("q", "meant"),
    [
        ("trakcer events", "tracker events"),
        ("tracker evnets", "tracker events"),
        ("tracker events", None),
        ('"trakcer"', None),
        ("E1O63", None),
    ],
)
def test_typing_errors_are_mended_and_told(
    store: Store, box: Box, q: str, meant: str | None
) -> None:
    for number in range(5):
        put(store, document(f"t{number}", f"Tracker events of district {number}."))

    results = box.search(q)

    assert results.did_you_mean == meant
    if meant is not None:
        assert results.total == 5


def test_a_rare_word_is_sought_and_a_common_one_like_it_suggested(
    store: Store, box: Box
) -> None:
    put(store, document("slip", "My trakcer is broken."))
    for number in range(60):
        put(store, document(f"t{number}", f"Tracker events of district {number}."))

    results = box.search("trakcer")

    assert (results.corrected, results.did_you_mean) == ({}, "tracker")
    assert results.hits[0].hit.document.key == "slip"


def test_what_is_meant_keeps_its_operators(store: Store, box: Box) -> None:
    for number in range(5):
        put(store, document(f"t{number}", f"Tracker events of district {number}."))

    meant = box.search('trakcer "district 3" -android kind:thread').did_you_mean

    assert meant is not None
    assert box.keys(meant) == ["t3"]


def test_an_unfinished_word_is_completed(store: Store, box: Box) -> None:
    for number in range(3):
        put(store, document(f"t{number}", f"Configuration of district {number}."))

    assert box.search("config", unfinished=True).did_you_mean == "configuration"
    assert box.search("config", unfinished=True).total == 3
    assert box.search("config ", unfinished=False).did_you_mean is None


def test_codes_and_paths_are_found_as_they_stand(store: Store, box: Box) -> None:
    put(store, document("code", "The import says E1063 and stops."))
    put(store, document("other", "The import says E1064 and stops."))
    put(store, document("path", "POST to /api/tracker/events fails."))

    exact = box.search("E1063")
    path = box.search("/api/tracker/events")

    assert exact.hits[0].hit.document.key == "code"
    assert Why.EXACT in exact.hits[0].why
    assert (exact.weak, exact.in_vain) == (False, False)
    assert path.hits[0].hit.document.key == "path"


def test_what_is_not_here_is_said_and_what_is_near_is_shown(filled: Box) -> None:
    nothing = filled.search("zzyzx qwrtpl")
    elsewhere = filled.search("tracker capture app kind:video")

    assert (nothing.total, nothing.hits, nothing.in_vain) == (0, (), True)
    # As far from it as from anything.
    assert nothing.near == ()
    assert (elsewhere.total, elsewhere.in_vain) == (0, True)
    assert elsewhere.near[0].hit.document.key == "lost-events"
    assert len(elsewhere.near) <= 4


def test_facets_count_what_was_found(filled: Box) -> None:
    facets = filled.search("lost events, data set sharing, nightly backup").facets

    assert facets["kind"] == (Facet("thread", 2), Facet("docs", 1))
    assert facets["lang"] == (Facet("en", 3),)
    assert facets["category"] == (Facet("Android", 1),)
    assert facets["tag"] == (Facet("tracker", 1),)
    assert facets["version"] == (Facet("2.41", 1),)
    assert facets["solved"] == (Facet("no", 1), Facet("yes", 1))


def test_of_a_page_and_its_translations_that_in_the_language_of_the_query_is_shown(
    store: Store, box: Box
) -> None:
    english = document(
        "en/import",
        "Import of data: choose the data file and the format, then import.",
        kind=Kind.DOCS,
        work="import",
    )
    put(store, english)
    french = "Importation des données : choisir le fichier data et le format."
    put(
        store,
        replace(
            english,
            key="fr/import",
            language="fr",
            parts=(replace(english.parts[0], body=french),),
        ),
    )

    assert len(box.keys("import data format")) == 1
    asked = (
        "Comment importer des données dans le bon format, et où choisir le fichier ?"
    )
    assert box.keys(asked) == ["fr/import"]


def test_the_version_that_is_named_is_led_to(store: Store, box: Box) -> None:
    for version in ("2.41", "2.40"):
        put(
            store,
            document(
                f"{version}/backup",
                f"Backup in {version}: dump the database.",
                kind=Kind.DOCS,
                version=version,
                page="backup",
                url=f"https://docs.example.org/{version}/backup",
            ),
        )
    with store.transaction():
        store.editions.settle("forum", None)

    assert box.keys("backup database") == ["2.41/backup"]
    assert box.keys("backup database version:2.40") == ["2.40/backup"]
    assert box.keys("backup database in 2.40") == ["2.40/backup"]


@pytest.mark.parametrize(
    "q",
    [
        "SELECT tracker, events FROM tablet; DROP TABLE documents; --",
        "body:tracker AND events OR (tablet^2 offline~[",
        "😀 tracker 👩‍👩‍👧",
        "tracker \x00 events",
        "tracker " * 2_000,
        "\ud800 tracker",
        "\u202etracker",
    ],
)
def test_signs_and_lengths_of_all_kinds_are_text(filled: Box, q: str) -> None:
    assert filled.keys(q)[0] == "lost-events"
