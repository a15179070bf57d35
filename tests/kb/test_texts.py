"""Whole documents by field: what ranks them, what replaces them, what is refused."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.errors import CorruptIndexError, IndexMissingError, SearchIndexError
from kb.lexical import FIELD_CHARS, TantivyTexts
from kb.texts import DocumentText, Text, TextField, TextIndex
from kb.types import PUBLIC, DocumentId, Kind

TITLE, OPENING, WHOLE, ASKED, ANCHORS = TextField


def document(
    number: int,
    *,
    kind: Kind = Kind.THREAD,
    visibility: str = PUBLIC,
    language: str | None = "en",
    **fields: str,
) -> DocumentText:
    return DocumentText(
        id=DocumentId(number),
        kind=kind,
        visibility=visibility,
        fields={TextField(name): [Text(t, language)] for name, t in fields.items()},
    )


def written(
    number: int, fields: dict[TextField, list[Text]], kind: Kind = Kind.THREAD
) -> DocumentText:
    return DocumentText(DocumentId(number), kind, PUBLIC, fields)


@pytest.fixture(params=["memory", "folder"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TextIndex]:
    made = TantivyTexts.create(
        None if request.param == "memory" else tmp_path / "texts"
    )
    yield made
    made.close()


def fill(index: TextIndex, *documents: DocumentText) -> None:
    index.put(documents)
    index.commit()


def found(
    index: TextIndex,
    query: str,
    field: TextField = WHOLE,
    *,
    kind: Kind = Kind.THREAD,
    title: str = "",
    visible_to: frozenset[str] | None = None,
) -> list[int]:
    hits = index.search(query, field, 10, kind=kind, title=title, visible_to=visible_to)
    assert all(score > 0 for _, score in hits)
    return [number for number, _ in hits]


def test_each_field_ranks_by_its_own_words_alone(index: TextIndex) -> None:
    fill(
        index,
        document(1, title="Backup fails", opening="It stops.", whole="It stops. Disk?"),
        document(2, title="Slow disk", opening="Backup is slow", whole="Backup. Yes."),
        document(3, title="Printer", asked="Where do backups go", anchors="the guide"),
        document(4, title="Printer", anchors="backup guide"),
    )

    assert found(index, "backup", TITLE) == [1]
    assert found(index, "backup", OPENING) == [2]
    assert found(index, "backup", WHOLE) == [2]
    assert found(index, "backup", ASKED) == [3]
    # The shorter text says less beside it.
    assert found(index, "backup guide", ANCHORS) == [4, 3]
    assert found(index, "disk", WHOLE) == [1]


def test_rarer_and_more_words_come_first_and_the_questions_title_counts_more(
    index: TextIndex,
) -> None:
    fill(
        index,
        document(1, whole="The data import is slow"),
        document(2, whole="The data export is slow"),
        document(3, whole="The printer and the scanner is a fine thing"),
        document(4, whole="The plotter and the scanner is a fine thing"),
    )

    assert found(index, "why is my import of data slow")[:2] == [1, 2]
    assert found(index, "printer plotter", title="plotter")[:2] == [4, 3]
    assert found(index, "printer plotter", title="printer")[:2] == [3, 4]
    assert found(index, "", title="export") == [2]


def test_equal_documents_come_by_id_and_no_more_than_asked_for(
    index: TextIndex,
) -> None:
    numbers = list(range(1, 40))
    random.Random(5).shuffle(numbers)
    fill(index, *(document(number, title="same words") for number in numbers))

    assert found(index, "words", TITLE) == list(range(1, 11))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("what does E1063 mean", 1),
        ("POST /api/analytics?x=1 gives 409", 2),
        ("since 2.40.1", 3),
        ("since 2.40", 3),
        ("java.lang.OutOfMemoryError in the log", 4),
    ],
)
def test_identifiers_are_matched_whole_in_the_whole_text(
    index: TextIndex, query: str, expected: int
) -> None:
    fill(
        index,
        document(1, whole="Import conflict E1063 for this attribute"),
        document(2, whole="Call /api/analytics with a dimension"),
        document(3, whole="Upgraded to 2.40.1 yesterday"),
        document(4, whole="Then java.lang.OutOfMemoryError appears"),
        # The same pieces, apart.
        document(5, whole="E 1063, api or analytics, 40.1 since 2, memory out of java"),
        document(6, whole="Error in the lang log: 1 40 2 analytics api api analytics"),
    )

    assert found(index, query)[0] == expected


def test_an_identifier_of_the_title_counts_for_the_whole_and_its_parts_do_not(
    index: TextIndex,
) -> None:
    fill(
        index,
        document(1, title="Upgrade to 2.40.1", whole="Nothing else."),
        document(2, title="Upgrade", whole="Version 1 has 40 of them, 2 apart."),
    )
    scores = index.score(
        "2.40.1", [DocumentId(1), DocumentId(2)], kind=Kind.THREAD, fields=[WHOLE]
    )

    assert set(scores[WHOLE]) == {1, 2}
    assert found(index, "e.g. 2.40.1", TITLE) == [1]


def test_each_text_is_stemmed_in_its_own_language(index: TextIndex) -> None:
    mixed = written(
        1,
        {
            WHOLE: [
                Text("Importer les données agrégées", "fr"),
                Text("Restablecer contraseñas olvidadas", "es"),
                Text("Configurações do relatório", "pt"),
                Text("Programming indicators", "en"),
                Text("Gesundheitsdaten verschlüsseln", "de"),
                Text("tshikwama", None),
            ]
        },
        Kind.DOCS,
    )
    fill(index, mixed, document(2, kind=Kind.DOCS, whole="Unrelated matter"))

    for query in (
        "donnees agregee",
        "contrasena olvidada",
        "configuracao",
        "indicator program",
        "gesundheitsdaten",
        "tshikwama",
    ):
        assert found(index, query, kind=Kind.DOCS) == [1], query


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
    index: TextIndex, query: str
) -> None:
    fill(index, document(1, whole="Nightly backup"), document(2, whole="Else \ud800"))
    ids = [DocumentId(1), DocumentId(2)]

    assert found(index, query) == [1]
    assert set(index.score(query, ids, kind=Kind.THREAD)[WHOLE]) == {1}


@pytest.mark.parametrize("query", ["", "   ", "?!… ()", "👍🎉", "\0", "zyzzyva"])
def test_a_question_without_known_words_finds_nothing(
    index: TextIndex, query: str
) -> None:
    fill(index, document(1, title="Nightly backup"), document(2))
    ids = [DocumentId(1), DocumentId(2)]

    assert [found(index, query, field) for field in TextField] == [[]] * 5
    assert index.score(query, ids, kind=Kind.THREAD) == {f: {} for f in TextField}


def test_an_empty_index_finds_nothing(index: TextIndex) -> None:
    assert found(index, "backup") == []
    assert index.score("backup", [DocumentId(1)], kind=Kind.COURSE, fields=[TITLE]) == {
        TITLE: {}
    }
    index.commit()
    assert found(index, "backup") == []


def test_only_the_kind_asked_for_is_searched(index: TextIndex) -> None:
    fill(index, *(document(n, kind=k, title="backup") for n, k in enumerate(Kind, 1)))

    assert [found(index, "backup", TITLE, kind=kind) for kind in Kind] == [
        [1],
        [2],
        [3],
        [4],
    ]


def test_only_what_the_reader_may_see_is_found(index: TextIndex) -> None:
    fill(
        index,
        document(1, title="backup"),
        document(2, title="backup", visibility="category:staff"),
        document(3, title="backup", visibility="category:core team"),
    )
    everything = index.search("backup", TITLE, 10, kind=Kind.THREAD)

    def seen(*visible_to: str) -> list[tuple[DocumentId, float]]:
        return index.search(
            "backup", TITLE, 10, kind=Kind.THREAD, visible_to=frozenset(visible_to)
        )

    assert [number for number, _ in everything] == [1, 2, 3]
    assert seen(PUBLIC) == everything[:1]
    assert seen() == []
    assert seen(PUBLIC, "category:core team") == [everything[0], everything[2]]


def test_a_filter_that_cuts_nothing_off_changes_no_score(index: TextIndex) -> None:
    fill(index, document(1, title="nightly backup"), document(2, title="backup"))
    plain = index.search("nightly backup", TITLE, 5, kind=Kind.THREAD)

    fill(index, document(3, kind=Kind.DOCS, title="backup", visibility="category:x"))

    assert plain == index.search(
        "nightly backup", TITLE, 5, kind=Kind.THREAD, visible_to=frozenset({PUBLIC})
    )


def test_private_documents_change_no_score_of_public_ones(index: TextIndex) -> None:
    query, public = "nightly backup E1063 zebra", frozenset({PUBLIC})
    ids = [DocumentId(i) for i in (1, 2, 3, 11)]

    def seen(visible_to: frozenset[str] | None) -> list[object]:
        kind = Kind.THREAD
        return [
            index.search(query, WHOLE, 100, kind=kind, visible_to=visible_to),
            index.score(query, ids, kind=kind, visible_to=visible_to),
        ]

    fill(
        index,
        document(1, whole="nightly backup E1063"),
        document(2, whole="nightly dump"),
        document(3, whole="other"),
    )
    before = seen(public)
    assert before == seen(None)

    for number in range(11, 60):
        text = f"nightly backup E1063 zebra {number} " + "and so on " * number
        fill(index, document(number, whole=text, visibility=f"category:{number % 3}"))

    assert seen(public) == before
    hits = index.search(query, WHOLE, 100, kind=Kind.THREAD)
    assert {number for number, _ in hits} == {1, 2, *range(11, 60)}
    assert hits == sorted(hits, key=lambda hit: (-hit[1], hit[0]))
    given = index.score(query, ids, kind=Kind.THREAD)[WHOLE]
    assert given == {number: score for number, score in sorted(hits) if number in ids}


def test_a_document_put_twice_at_once_is_held_where_it_was_put_last(
    index: TextIndex,
) -> None:
    index.put([document(1, title="backup"), document(1, title="b", kind=Kind.DOCS)])
    fill(index, document(1, title="backup", visibility="category:staff"))

    assert found(index, "backup", TITLE) == [1]
    assert found(index, "backup", TITLE, visible_to=frozenset({PUBLIC})) == []
    assert found(index, "b", TITLE, kind=Kind.DOCS) == []


def test_a_document_put_again_replaces_all_that_was_held_of_it(
    index: TextIndex,
) -> None:
    fill(index, document(1, title="backup", anchors="nightly"), document(2, title="b"))
    index.put([document(1, title="restore")])
    assert found(index, "backup", TITLE) == [1], "nothing is seen before the commit"
    index.put([document(1, title="restore", visibility="category:staff")])
    index.commit()

    assert found(index, "backup", TITLE) == found(index, "nightly", ANCHORS) == []
    assert found(index, "restore", TITLE) == [1]
    assert found(index, "restore", TITLE, visible_to=frozenset({PUBLIC})) == []

    fill(index, document(1, kind=Kind.DOCS, title="restore"))

    assert found(index, "restore", TITLE) == []
    assert found(index, "restore", TITLE, kind=Kind.DOCS) == [1]


def test_given_documents_get_the_scores_of_a_search_in_every_field(
    index: TextIndex,
) -> None:
    draw = random.Random(3)
    vocabulary = [f"word{i}" for i in range(80)]

    def text() -> str:
        return " ".join(draw.choices(vocabulary, k=draw.randint(0, 30)))

    for start in range(1, 201, 40):
        fill(
            index,
            *(
                written(i, {field: [Text(text())] for field in TextField})
                for i in range(start, start + 40)
            ),
        )
    query, title = "word1 word7 word22 E1063 word40 word41 word2.5", "word3 word1"
    ids = [DocumentId(i) for i in draw.sample(range(1, 201), 60)] + [DocumentId(999)]

    scores = index.score(query, [*ids, ids[0]], kind=Kind.THREAD, title=title)

    assert list(scores) == list(TextField)
    for field in TextField:
        hits = index.search(query, field, 500, kind=Kind.THREAD, title=title)
        expected = {number: score for number, score in hits if number in ids}
        assert scores[field] == pytest.approx(expected, abs=2e-4)
        assert list(scores[field]) == sorted(scores[field])
    assert 20 < len(scores[WHOLE]) < 60
    assert index.score(query, [], kind=Kind.THREAD, fields=[TITLE]) == {TITLE: {}}


def test_the_same_changes_always_lead_to_the_same_scores() -> None:
    """Replaced documents count in BM25 until segments are merged, and not after."""

    def grown() -> list[tuple[DocumentId, float]]:
        draw = random.Random(4)
        vocabulary = [f"word{i}" for i in range(50)]
        index = TantivyTexts.create(None)
        for _ in range(40):
            text = " ".join(draw.choices(vocabulary, k=40))
            number = draw.randint(1, 30)
            fill(index, document(number, whole=text), document(99, whole=text))
        hits = index.search("word1 word2", WHOLE, 50, kind=Kind.THREAD)
        index.close()
        return hits

    first = grown()

    assert first
    assert [grown() for _ in range(3)] == [first] * 3


def test_all_of_a_long_question_is_used(index: TextIndex) -> None:
    """50,000 characters of known words, with the telling ones at the very end."""
    letters = "bcdfghjklm"
    filler = [f"filler{a}{b}{c}" for a in letters for b in letters for c in letters]
    fill(
        index,
        *(document(10 + i, whole=f"{word} again") for i, word in enumerate(filler)),
        *(document(4_000 + i, whole=f"{word} twice") for i, word in enumerate(filler)),
        document(1, whole="The sphygmomanometer says E9999"),
    )
    query = " ".join(filler * 5)[:49_950] + " sphygmomanometer E9999"

    assert found(index, query)[0] == 1
    scores = index.score(query, [DocumentId(1)], kind=Kind.THREAD)
    assert {field for field, by_id in scores.items() if by_id} == {WHOLE}


@pytest.mark.parametrize("field", [WHOLE, ASKED])
def test_a_field_is_cut_between_words_however_many_texts_it_has(
    index: TextIndex, field: TextField
) -> None:
    post = Text("plain words " * 500, "en")
    count = FIELD_CHARS[field] // len(post.text)
    rest = FIELD_CHARS[field] - count * len(post.text)
    # The limit falls into the version number: "2.40" would be another one.
    last = Text(f"{'x ' * ((rest - 4) // 2)}2.40.1 and after".rjust(rest + 12), "en")
    texts = [Text("opening", "en"), *[post] * count, last, Text("late reply", "en")]
    other = [Text("opening of another", "en")]
    fill(index, written(1, {field: texts}), written(2, {field: other}))

    assert found(index, "opening", field) == [2, 1]
    assert found(index, "plain", field) == [1]
    assert found(index, "reply", field) == []
    assert found(index, "2.40", field) == []


def test_a_text_without_any_space_is_still_cut(index: TextIndex) -> None:
    fill(
        index,
        document(1, title="あ" * 5_000),
        document(2, title="backup" + " " * 5_000),
    )

    assert found(index, "backup", TITLE) == [2]


def test_an_index_on_disk_is_the_same_after_it_was_closed(tmp_path: Path) -> None:
    index = TantivyTexts.create(tmp_path / "texts")
    fill(index, document(1, title="nightly backup"), document(2, title="other"))
    before = index.search("backup", TITLE, 5, kind=Kind.THREAD)
    index.put([document(3, title="backup, never committed")])
    index.close()

    again = TantivyTexts.open(tmp_path / "texts")

    assert [number for number, _ in before] == [1]
    assert again.search("backup", TITLE, 5, kind=Kind.THREAD) == before
    fill(again, document(4, title="backup"), document(1, title="gone"))
    assert found(again, "backup", TITLE) == [4]
    again.close()


def test_a_missing_index_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError, match="run baraza index"):
        TantivyTexts.open(tmp_path / "nothing")


@pytest.mark.parametrize("damage", ["no meta", "garbled meta", "no kind", "no segment"])
def test_a_damaged_index_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "texts"
    index = TantivyTexts.create(path)
    fill(index, *(document(i, title=f"backup {i}") for i in range(1, 50)))
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

    with pytest.raises(CorruptIndexError, match=r"index --rebuild|are missing"):
        TantivyTexts.open(path)


def test_an_index_is_not_made_over_another(tmp_path: Path) -> None:
    TantivyTexts.create(tmp_path / "texts").close()

    with pytest.raises(SearchIndexError, match="cannot make it"):
        TantivyTexts.create(tmp_path / "texts")


def test_k_below_one_is_an_error(index: TextIndex) -> None:
    with pytest.raises(ValueError, match="k must be >= 1, got 0"):
        index.search("backup", TITLE, 0, kind=Kind.THREAD)
