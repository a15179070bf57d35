"""The word index: what it finds, what it keeps out, what damage does to it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kb.errors import CorruptIndexError, IndexMissingError, SearchIndexError
from kb.lexical import LexicalHit, LexicalScore, TantivyIndex
from kb.types import PUBLIC, DocumentId, IndexablePassage, Kind, PassageId

Make = Callable[[], TantivyIndex]


def passage(
    number: int,
    text: str,
    *,
    document: int | None = None,
    kind: Kind = Kind.THREAD,
    title: str = "",
    heading: str = "",
    language: str | None = "en",
    visibility: str = PUBLIC,
) -> IndexablePassage:
    return IndexablePassage(
        id=PassageId(number),
        document_id=DocumentId(number if document is None else document),
        kind=kind,
        title=title,
        heading=heading,
        text=text,
        language=language,
        visibility=visibility,
        opening=False,
        content_hash="",
        created_at=None,
    )


@pytest.fixture(params=["memory", "folder"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TantivyIndex]:
    made = TantivyIndex.create(
        None if request.param == "memory" else tmp_path / "words"
    )
    yield made
    made.close()


def fill(index: TantivyIndex, *passages: IndexablePassage) -> None:
    index.add(passages)
    index.commit()


def found(index: TantivyIndex, query: str, **more: object) -> list[int]:
    return [hit.passage_id for hit in index.search(query, 10, **more)]  # type: ignore[arg-type]


def test_the_passage_that_shares_rarer_and_more_words_comes_first(
    index: TantivyIndex,
) -> None:
    fill(
        index,
        passage(1, "The data import is slow", document=7),
        passage(2, "The data export is slow", document=8),
        passage(3, "The weather is fine", document=9),
    )

    hits = index.search("why is my import of data slow", 10)

    assert [(hit.passage_id, hit.document_id) for hit in hits] == [
        (1, 7),
        (2, 8),
        (3, 9),
    ]
    assert hits[0].score > hits[1].score > hits[2].score > 0


def test_equal_passages_come_by_id(index: TantivyIndex) -> None:
    numbers = list(range(1, 40))
    random.Random(5).shuffle(numbers)
    fill(index, *(passage(number, "same words here") for number in numbers))

    assert found(index, "words") == list(range(1, 11))


def test_each_language_is_stemmed_and_accents_do_not_matter(
    index: TantivyIndex,
) -> None:
    fill(
        index,
        passage(1, "Importer les données agrégées", language="fr"),
        passage(2, "Restablecer contraseñas olvidadas", language="es"),
        passage(3, "Configurações do relatório", language="pt"),
        passage(4, "Programming indicators", language="en"),
        passage(5, "Gesundheitsdaten verschlüsseln", language="de"),
    )

    assert found(index, "donnees agregee") == [1]
    assert found(index, "contrasena olvidada") == [2]
    assert found(index, "configuracao") == [3]
    assert found(index, "indicator program") == [4]
    assert found(index, "gesundheitsdaten") == [5]


def test_title_and_heading_are_searched_and_the_questions_title_counts_more(
    index: TantivyIndex,
) -> None:
    fill(
        index,
        passage(1, "Nothing else.", title="Backups"),
        passage(2, "Nothing else.", heading="Restoring"),
        passage(3, "A printer and a scanner"),
        passage(4, "A scanner and a plotter"),
    )

    assert found(index, "backup") == [1]
    assert found(index, "restore") == [2]
    assert found(index, "printer plotter", title="plotter") == [4, 3]
    assert found(index, "printer plotter", title="printer") == [3, 4]
    assert found(index, "", title="backup") == [1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("what does E1063 mean", 1),
        ("e1063", 1),
        ("POST /api/analytics?x=1 gives 409", 2),
        ("since 2.40.1", 3),
        ("since 2.40", 3),
        ("java.lang.OutOfMemoryError in the log", 4),
    ],
)
def test_codes_paths_versions_and_class_names_hit_their_passage_first(
    index: TantivyIndex, query: str, expected: int
) -> None:
    fill(
        index,
        passage(1, "Import conflict E1063 for this attribute"),
        passage(2, "Call /api/analytics with a dimension"),
        passage(3, "Upgraded to 2.40.1 yesterday"),
        passage(4, "Then java.lang.OutOfMemoryError appears"),
        # The same pieces, apart.
        passage(5, "E 1063, api or analytics, 40.1 since 2, memory out of java"),
        passage(6, "Error in the lang log: 1 40 2 analytics api api analytics"),
    )

    assert found(index, query)[0] == expected


@pytest.mark.parametrize(
    "query",
    [
        'backup AND (restore OR "',
        "title:backup +restore -nightly",
        "backup* ~2 ^9 [a TO z] {x}",
        "\0backup\0",
        "backup \ud800",
        "IN [backup]",
    ],
)
def test_operators_and_broken_signs_are_plain_text(
    index: TantivyIndex, query: str
) -> None:
    fill(index, passage(1, "Nightly backup"), passage(2, "Unrelated matter"))

    assert found(index, query)[0] == 1


@pytest.mark.parametrize("query", ["", "   ", "?!… ()", "👍🎉", "\0", "zyzzyva"])
def test_a_query_without_known_words_finds_nothing(
    index: TantivyIndex, query: str
) -> None:
    fill(index, passage(1, "Nightly backup"))

    assert index.search(query, 5) == []


def test_an_empty_index_finds_nothing(index: TantivyIndex) -> None:
    assert index.search("backup", 5) == []
    assert index.score("backup", [PassageId(1)], Kind.THREAD) == {}


def test_all_of_a_long_question_is_used(index: TantivyIndex) -> None:
    """100,000 characters of known words, with the telling ones at the very end."""
    letters = "bcdfghjklm"
    filler = [f"filler{a}{b}{c}" for a in letters for b in letters for c in letters]
    fill(
        index,
        *(passage(10 + i, f"{word} once more") for i, word in enumerate(filler)),
        *(passage(4_000 + i, f"{word} twice over") for i, word in enumerate(filler)),
        passage(1, "The sphygmomanometer says E9999"),
    )
    query = " ".join(filler * 9)[:99_950] + " sphygmomanometer E9999"

    assert index.search(query, 1)[0].passage_id == 1


def test_only_the_kinds_asked_for_are_searched(index: TantivyIndex) -> None:
    fill(
        index,
        passage(1, "backup", kind=Kind.THREAD),
        passage(2, "backup", kind=Kind.DOCS),
        passage(3, "backup", kind=Kind.VIDEO),
    )

    assert sorted(found(index, "backup")) == [1, 2, 3]
    assert found(index, "backup", kinds=frozenset({Kind.DOCS})) == [2]
    assert found(index, "backup", kinds=frozenset()) == []


def test_only_what_the_reader_may_see_is_found(index: TantivyIndex) -> None:
    fill(
        index,
        passage(1, "backup"),
        passage(2, "backup", visibility="category:staff"),
        passage(3, "backup", visibility="category:core team"),
    )
    everything = index.search("backup", 10)
    public = index.search("backup", 10, visible_to=frozenset({PUBLIC}))

    assert [hit.passage_id for hit in everything] == [1, 2, 3]
    assert public == [hit for hit in everything if hit.passage_id == 1]
    assert found(index, "backup", visible_to=frozenset()) == []
    assert found(
        index, "backup", visible_to=frozenset({PUBLIC, "category:core team"})
    ) == [1, 3]


def test_what_the_reader_may_see_is_found_only_if_it_shares_a_word(
    index: TantivyIndex,
) -> None:
    fill(
        index,
        passage(1, "backup"),
        passage(2, "printer"),
        passage(3, "backup", visibility="category:staff"),
    )

    assert found(index, "backup", visible_to=frozenset({PUBLIC})) == [1]


def test_a_filter_that_lets_all_pass_changes_no_score(index: TantivyIndex) -> None:
    fill(index, passage(1, "nightly backup"), passage(2, "backup"))
    plain = index.search("nightly backup", 5)

    assert index.search("nightly backup", 5, visible_to=frozenset({PUBLIC})) == plain
    fill(index, passage(3, "other", visibility="category:x", kind=Kind.DOCS))
    assert index.search("nightly backup", 5, visible_to=frozenset({PUBLIC})) == plain


def test_private_passages_change_no_score_of_public_ones(index: TantivyIndex) -> None:
    query, public = "nightly backup E1063 zebra", frozenset({PUBLIC})
    ids = [PassageId(i) for i in (1, 2, 3, 11)]
    fill(
        index,
        passage(1, "nightly backup E1063"),
        passage(2, "nightly dump"),
        passage(3, "other"),
    )
    hits = index.search(query, 10, visible_to=public)
    scores = index.score(query, ids, Kind.THREAD, visible_to=public)

    for number in range(11, 60):
        text = f"nightly backup E1063 zebra {number} " + "and so on " * number
        fill(index, passage(number, text, visibility=f"category:{number % 3}"))

    assert index.search(query, 10, visible_to=public) == hits
    assert index.score(query, ids, Kind.THREAD, visible_to=public) == scores
    everything = index.search(query, 100)
    assert {hit.passage_id for hit in everything} == {1, 2, *range(11, 60)}
    assert everything == sorted(everything, key=lambda h: (-h.score, h.passage_id))
    given = index.score(query, ids, Kind.THREAD)
    assert given.keys() == {1, 2, 3, 11}
    assert {hit.passage_id: hit.score for hit in everything}[PassageId(11)] == given[
        PassageId(11)
    ].score


def test_a_passage_that_becomes_private_leaves_what_is_public(
    index: TantivyIndex,
) -> None:
    staff = "category:staff"
    fill(index, passage(1, "backup"), passage(2, "backup"))
    # Once committed, once not.
    for before, after in ((PUBLIC, staff), (staff, PUBLIC)):
        fill(index, passage(1, "backup", visibility=after))
        index.add([passage(3, "backup", visibility=before)])
        fill(index, passage(3, "backup", visibility=after))

        held = {PUBLIC: [2], after: [1, 2, 3] if after == PUBLIC else [1, 3]}
        for visibility, ids in held.items():
            assert found(index, "backup", visible_to=frozenset({visibility})) == ids
        assert found(index, "backup") == [1, 2, 3]

    index.remove([PassageId(1), PassageId(3)])
    index.commit()
    assert found(index, "backup") == [2]


def test_changes_are_seen_after_commit_and_removal_is_complete(
    index: TantivyIndex,
) -> None:
    index.add([passage(1, "backup"), passage(2, "backup", kind=Kind.DOCS)])
    assert found(index, "backup") == []
    index.commit()
    assert sorted(found(index, "backup")) == [1, 2]

    index.remove([PassageId(2), PassageId(99)])
    index.commit()

    assert found(index, "backup") == [1]
    assert index.score("backup", [PassageId(2)], Kind.DOCS) == {}


def test_adding_a_passage_again_replaces_it(index: TantivyIndex) -> None:
    fill(index, passage(1, "backup"))
    index.add([passage(1, "restore")])
    index.add([passage(1, "restore")])
    index.commit()

    assert found(index, "backup") == []
    assert found(index, "restore") == [1]


def test_many_small_commits_give_the_scores_of_a_single_one(
    index: TantivyIndex,
) -> None:
    draw = random.Random(3)
    vocabulary = [f"word{i}" for i in range(60)]
    passages = [
        passage(i, " ".join(draw.choices(vocabulary, k=12))) for i in range(1, 31)
    ]
    whole = TantivyIndex.create(None)
    fill(whole, *passages)

    for one in passages:
        fill(index, one)

    query = "word1 word7 word22 word40"
    assert index.search(query, 200) == whole.search(query, 200)


def test_given_passages_get_the_score_of_a_search(index: TantivyIndex) -> None:
    texts = ["nightly backup", "nightly", "restore a backup", "unrelated"]
    fill(index, *(passage(i, text) for i, text in enumerate(texts, start=1)))
    hits = index.search("nightly backup of E1063", 10)

    scores = index.score(
        "nightly backup of E1063", [PassageId(i) for i in (4, 2, 1, 77)], Kind.THREAD
    )

    found_scores = {hit.passage_id: hit.score for hit in hits}
    assert {i: score.score for i, score in scores.items()} == {
        1: found_scores[PassageId(1)],
        2: found_scores[PassageId(2)],
        4: 0.0,
    }


def test_coverage_is_the_share_of_the_question_weighed_by_rarity(
    index: TantivyIndex,
) -> None:
    fill(
        index,
        passage(1, "nightly backup", title="Server"),
        passage(2, "backup"),
        passage(3, "backup"),
        passage(4, "unrelated"),
    )
    ids = [PassageId(i) for i in (1, 2, 4)]

    of_all = index.score("nightly backups server", ids, Kind.THREAD)
    of_unknown = index.score("zyzzyva backup", ids, Kind.THREAD)

    assert of_all[PassageId(1)].coverage == 1.0
    # "backup" is the commonest of the three words.
    assert 0 < of_all[PassageId(2)].coverage < 1 / 3
    assert of_all[PassageId(4)] == LexicalScore(score=0.0, coverage=0.0)
    # A word that nobody ever used is missed all the more.
    assert 0 < of_unknown[PassageId(1)].coverage < 0.5


def test_an_index_on_disk_is_the_same_after_it_was_closed(tmp_path: Path) -> None:
    index = TantivyIndex.create(tmp_path / "words")
    fill(index, passage(1, "nightly backup", document=5), passage(2, "other"))
    before = index.search("backup", 5)
    index.add([passage(3, "backup, never committed")])
    index.close()

    again = TantivyIndex.open(tmp_path / "words")

    assert before == [LexicalHit(PassageId(1), DocumentId(5), before[0].score)]
    assert again.search("backup", 5) == before
    fill(again, passage(4, "backup"))
    assert sorted(found(again, "backup")) == [1, 4]
    again.close()


def test_private_passages_are_found_in_an_index_that_is_opened_again(
    tmp_path: Path,
) -> None:
    """Names of categories may be no names for folders."""
    names = [PUBLIC, "category:a/b", "category:..", f"category:{'é' * 300}", "*"]
    index = TantivyIndex.create(tmp_path / "words")
    fill(index, *(passage(i, "backup", visibility=n) for i, n in enumerate(names)))
    index.close()

    again = TantivyIndex.open(tmp_path / "words")

    for i, name in enumerate(names):
        assert found(again, "backup", visible_to=frozenset({name})) == [i]
    fill(again, passage(9, "backup", visibility="category:new"))
    assert found(again, "backup") == [0, 1, 2, 3, 4, 9]
    again.close()


def test_a_missing_index_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError, match="run baraza index"):
        TantivyIndex.open(tmp_path / "nothing")


@pytest.mark.parametrize("damage", ["no meta", "garbled meta", "no kind", "no segment"])
def test_a_damaged_index_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "words"
    index = TantivyIndex.create(path)
    fill(index, *(passage(i, f"backup {i}") for i in range(1, 50)))
    index.close()
    thread = path / "thread"
    if damage == "no meta":
        (thread / "meta.json").unlink()
    elif damage == "garbled meta":
        (thread / "meta.json").write_text('{"index_settings": {')
    elif damage == "no kind":
        shutil.rmtree(path / "video")
    else:
        for file in thread.glob("*.term"):
            file.unlink()

    with pytest.raises(CorruptIndexError) as caught:
        TantivyIndex.open(path)

    assert caught.value.path.parent == path


def test_an_index_is_not_made_over_another(tmp_path: Path) -> None:
    TantivyIndex.create(tmp_path / "words").close()

    with pytest.raises(SearchIndexError, match="cannot make it"):
        TantivyIndex.create(tmp_path / "words")


def test_a_second_writer_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    first = TantivyIndex.create(tmp_path / "words")
    first.add([passage(1, "backup")])
    second = TantivyIndex.open(tmp_path / "words")

    with pytest.raises(SearchIndexError, match="room and that it may be written"):
        second.add([passage(2, "backup")])

    first.commit()
    assert found(first, "backup") == [1]
    second.close()
    first.close()


def test_k_below_one_is_an_error(index: TantivyIndex) -> None:
    with pytest.raises(ValueError, match="k must be >= 1, got 0"):
        index.search("backup", 0)
