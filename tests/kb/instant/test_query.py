"""The query language: what is an operator, what is text, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.instant.query import (
    MAX_EXCLUDED,
    MAX_NOTES,
    MAX_PHRASES,
    MAX_TOKEN_CHARS,
    MAX_VALUES,
    filters_as_text,
    kind_named,
    merged,
    moment,
    parse,
    to_query,
)
from kb.instant.records import FACETS, Filters, Note, NoteCode, ParsedQuery
from kb.types import Kind

NOW = datetime(2026, 3, 31, 15, 30, tzinfo=UTC)
UNKNOWN, BAD = NoteCode.UNKNOWN_FILTER, NoteCode.BAD_VALUE
OPEN, NOTHING, MANY = NoteCode.OPEN_QUOTE, NoteCode.NOTHING_WANTED, NoteCode.TOO_MANY


def day(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def filters_of(q: str) -> dict[str, list[str]]:
    return filters_as_text(parse(q, now=NOW).filters)


def noted(q: str) -> list[tuple[NoteCode, str]]:
    return [(note.code, note.token) for note in parse(q, now=NOW).notes]


def test_a_query_is_taken_apart() -> None:
    q = (
        'import  "date of birth" kind:docs,video -csv lang:fr tag:Tracker v:2.41 '
        'category:"Data entry" solved:yes after:2024-05 before:2025-01-15 -"old UI" '
        "E1063"
    )
    assert parse(q) == ParsedQuery(
        text="import date of birth E1063",
        phrases=("date of birth",),
        excluded=("csv", "old UI"),
        filters=Filters(
            kinds=frozenset({Kind.DOCS, Kind.VIDEO}),
            languages=frozenset({"fr"}),
            categories=frozenset({"data entry"}),
            tags=frozenset({"tracker"}),
            versions=frozenset({"2.41"}),
            solved=True,
            since=day(2024, 5),
            before=day(2025, 1, 15),
        ),
    )


@pytest.mark.parametrize(
    "q",
    [
        "https://docs.example.org/a?b=c:d#e",
        "http: and mailto:someone",
        r"C:\data\file.txt",
        "at 12:30 or 12:30:45,123",
        "org.hisp:tracker org.hisp.dhis.DataValue.save(DataValue.java:42)",
        "note: this fails",
        "Kind::Docs std::string tag://x version:/x",
        "/api/analytics.json?dimension=dx:a E1063 2.41 v2.41",
        'status:500 {"status":409,"message":"no"}',
        "x:y ab:c",
        "error -5 or -0.5 and -20% - and -- or --force -> x",
        "e-mail well-known pre- a-b-c",
        'a 5" pipe, 27" screen',
        'print("a b") and x=["a", \'"b c"\']',
        "don't l'unité d’organisation",
        "#slug @name a|b (c) [d] {e} *f* OR AND NOT +g ~h",
        "DROP TABLE x; SELECT * FROM y WHERE z='1'",
        "<script>alert(1)</script> %00 %s ${x} {{y}}",
        "👍🏽 यह हिन्दी है مرحبا 数据",
    ],
)
def test_what_is_pasted_is_text_as_it_stands(q: str) -> None:
    assert parse(q) == ParsedQuery(text=q)


@pytest.mark.parametrize(
    ("q", "phrases", "text"),
    [
        ('"a b"', ["a b"], "a b"),
        ("“a b” c", ["a b"], "a b c"),
        ("«\u00a0a b\u00a0» c", ["a b"], "a b c"),
        ("„a b“ „c d”", ["a b", "c d"], "a b c d"),
        ("»a b« ”c d”", ["a b", "c d"], "a b c d"),
        ('"a b” “c d"', ["a b", "c d"], "a b c d"),
        (
            'l\'«erreur 500» l\'"import de" ("a b")',
            ["erreur 500", "import de", "a b"],
            "l' erreur 500 l' import de ( a b )",
        ),
        ('"a""b"c', ["a", "b"], "a b c"),
        ('"a  \n b"', ["a b"], "a b"),
        ('"a b" "a b" x', ["a b"], "a b x"),
        ('"kind:docs -x"', ["kind:docs -x"], "kind:docs -x"),
        ('"a „b' + '" c', ["a b"], "a b c"),
        ('"" " " x', [], "x"),
        ('"?!" x', [], "?! x"),
    ],
)
def test_what_is_in_quotes_is_wanted_word_for_word(
    q: str, phrases: list[str], text: str
) -> None:
    assert parse(q) == ParsedQuery(text=text, phrases=tuple(phrases))


@pytest.mark.parametrize(
    ("q", "excluded", "text"),
    [
        ("a -b", ["b"], "a"),
        ('a -"b c" -«d e»', ["b c", "d e"], "a"),
        ("a -b -b", ["b"], "a"),
        ("a -2.41rc -log4j2", ["2.41rc", "log4j2"], "a"),
        ('a -"5"', ["5"], "a"),
        ("a -x:y -http://z", ["x:y", "http://z"], "a"),
        ('a -""', [], "a"),
        ("a -?", [], "a -?"),
        ("-a kind:docs", ["a"], ""),
    ],
)
def test_a_minus_excludes(q: str, excluded: list[str], text: str) -> None:
    found = parse(q)
    assert (list(found.excluded), found.text, found.notes) == (excluded, text, ())


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("kind:docs KIND:Videos", {"kind": ["docs", "video"]}),
        ("kind:docs, x", {"kind": ["docs"]}),
        ('kind:"vídeo"', {"kind": ["video"]}),
        ("-kind:video", {"kind": ["course", "docs", "thread"]}),
        ("-kind:video,docs kind:docs,course", {"kind": ["course"]}),
        ("lang:fr,pt-BR language:ES", {"lang": ["es", "fr", "pt"]}),
        ("lang:Français lang:portuguese", {"lang": ["fr", "pt"]}),
        ("category:Support,“Data  Entry”", {"category": ["data entry", "support"]}),
        ('category:"a,b:c"', {"category": ["a,b:c"]}),
        ("tag:a tag:B,a", {"tag": ["a", "b"]}),
        (
            "version:v2.41 v:2.40,V41 v:master",
            {"version": ["2.40", "2.41", "master", "v41"]},
        ),
        ("solved:Sí", {"solved": ["yes"]}),
        ("solved:não status:unsolved", {"solved": ["no"]}),
        ("status:solved", {"solved": ["yes"]}),
        # All threads are either.
        ("solved:yes solved:no", {}),
        ("after:2024 after:2023-06", {"since": ["2023-06-01"]}),
        ("before:2024,2025", {"before": ["2025-01-01"]}),
        ("since:30d", {"since": ["2026-03-01"]}),
        ("after:2024-05-01T12:30:00+02:00", {"since": ["2024-05-01T10:30:00+00:00"]}),
        ("category:Data“entry now”", {"category": ["data"]}),
    ],
)
def test_filters_take_any_of_their_values(
    q: str, expected: dict[str, list[str]]
) -> None:
    assert filters_of(q) == expected
    assert noted(q) == []


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("thread threads Topic topics discussion sujet temas tópicos fil", Kind.THREAD),
        ("docs doc documentation Documentación documentação manual guia", Kind.DOCS),
        ("course COURSES cours curso cursos formação formation", Kind.COURSE),
        ("video videos vídeo vídeos vidéos", Kind.VIDEO),
        ("banana kind", None),
    ],
)
def test_kinds_have_the_names_that_people_give_them(
    names: str, kind: Kind | None
) -> None:
    assert {kind_named(name) for name in names.split()} == {kind}


def test_each_kind_is_named_by_its_own_value() -> None:
    assert [kind_named(kind.value) for kind in Kind] == list(Kind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024", day(2024)),
        ("2024-5", day(2024, 5)),
        ("2024-02-29", day(2024, 2, 29)),
        ("1d", day(2026, 3, 30)),
        ("2W", day(2026, 3, 17)),
        ("1m", day(2026, 2, 28)),
        ("13m", day(2025, 2, 28)),
        ("2y", day(2024, 3, 31)),
        ("0d", day(2026, 3, 31)),
        ("2024-05-01T12:30Z", datetime(2024, 5, 1, 12, 30, tzinfo=UTC)),
        ("2024-05-01t12:30:15.5", datetime(2024, 5, 1, 12, 30, 15, 500000, tzinfo=UTC)),
        ("2023-02-29", None),
        ("2024-13", None),
        ("0000", None),
        ("99999", None),
        ("9999y", None),
        ("9999m", day(1192, 12, 31)),
        ("0001-01-01T00:00:00+23:00", None),
        ("2024-05-01T25:00", None),
        ("yesterday", None),
        ("٢٠٢٤", None),
        ("-5d", None),
        ("", None),
    ],
)
def test_a_moment_is_a_date_or_so_long_ago(
    text: str, expected: datetime | None
) -> None:
    assert moment(text, NOW) == expected


def test_what_is_so_long_ago_is_counted_from_now_if_no_time_is_told() -> None:
    before = datetime.now(UTC)
    since = parse("after:1d").filters.since
    assert since is not None
    assert 1 <= (before - since).days <= 2


@pytest.mark.parametrize(
    ("q", "text", "notes"),
    [
        ("kind:banana x", "kind:banana x", [(BAD, "kind:banana")]),
        ("kind:docs,banana", "kind:docs,banana", [(BAD, "kind:docs,banana")]),
        ("after:yesterday", "after:yesterday", [(BAD, "after:yesterday")]),
        ("lang:klingonish", "lang:klingonish", [(BAD, "lang:klingonish")]),
        ("solved:maybe", "solved:maybe", [(BAD, "solved:maybe")]),
        ("version:a/b", "version:a/b", [(BAD, "version:a/b")]),
        ("tag:- category:!", "tag:- category:!", [(BAD, "tag:-"), (BAD, "category:!")]),
        ("kind: docs", "kind: docs", [(BAD, "kind:")]),
        ("tag:,, x", "tag:,, x", [(BAD, "tag:,,")]),
        ("-lang:fr", "-lang:fr", [(BAD, "-lang:fr")]),
        ("-status:solved", "-status:solved", [(BAD, "-status:solved")]),
        ("-kind:banana", "-kind:banana", [(BAD, "-kind:banana")]),
        ("knid:docs", "knid:docs", [(UNKNOWN, "knid:docs")]),
        (
            "tags:a kin:b Langs:c",
            "tags:a kin:b Langs:c",
            [(UNKNOWN, "tags:a"), (UNKNOWN, "kin:b"), (UNKNOWN, "Langs:c")],
        ),
        (
            "catgory:x vversion:y",
            "catgory:x vversion:y",
            [(UNKNOWN, "catgory:x"), (UNKNOWN, "vversion:y")],
        ),
        ("knid: docs, tags: x", "knid: docs, tags: x", []),
        ('"a b', "a b", [(OPEN, '"a b')]),
        ("x «a kind:docs", "x a", [(OPEN, "«a kind:docs")]),
        ('a -"b c', "a - b c", [(OPEN, '"b c')]),
        (
            'category:"Data entry',
            "category: Data entry",
            [(BAD, 'category:"Data'), (OPEN, '"Data entry')],
        ),
        ('kind:"a b"', "kind: a b", [(BAD, 'kind:"a')]),
        ("-a", "", [(NOTHING, "-a")]),
        ('-"a b" -c', "", [(NOTHING, "-a b")]),
        # Who wants one kind, and not that kind, wants that kind.
        ("x kind:docs -kind:docs", "x", [(BAD, "-kind:docs")]),
        (
            "x -kind:docs,video,course,thread",
            "x",
            [(BAD, "-kind:docs,video,course,thread")],
        ),
    ],
)
def test_what_is_not_understood_is_text_and_is_told(
    q: str, text: str, notes: list[tuple[NoteCode, str]]
) -> None:
    assert (parse(q).text, noted(q)) == (text, notes)


def test_more_than_is_looked_at_is_told() -> None:
    phrases = " ".join(f'"p{n} q"' for n in range(MAX_PHRASES + 1))
    unwanted = " ".join(f"-e{n}" for n in range(MAX_EXCLUDED + 1))
    tags = ",".join(f"t{n}" for n in range(MAX_VALUES + 1))
    found = parse(f"{phrases} {unwanted} tag:{tags} {phrases}")
    # One phrase too many is text; of the others nothing is sought.
    assert found.text == phrases.replace('"', "") + f" p{MAX_PHRASES} q"
    assert found.phrases == tuple(f"p{n} q" for n in range(MAX_PHRASES))
    assert found.excluded == tuple(f"e{n}" for n in range(MAX_EXCLUDED))
    assert found.filters.tags == frozenset(f"t{n}" for n in range(MAX_VALUES))
    assert found.notes == (
        Note(MANY, f'"p{MAX_PHRASES} q"'),
        Note(MANY, f"-e{MAX_EXCLUDED}"),
        Note(MANY, f"tag:t{MAX_VALUES}"),
    )


def test_a_list_that_nobody_means_is_text() -> None:
    q = "tag:" + ",".join(f"t{n}" for n in range(1000))
    assert parse(q).text == q
    assert filters_of(q) == {}
    assert filters_of("tag:" + "x" * 1000) == filters_of(f'tag:"{"x" * 1000}"') == {}


def test_notes_are_few_short_and_can_be_seen() -> None:
    q = " ".join(f"kind:\u202eb\x1b[31m{n}{'x' * 99}" for n in range(MAX_NOTES + 5))
    notes = parse(q).notes
    assert len(notes) <= MAX_NOTES
    assert {note.token for note in notes} == {"kind:b"}
    assert [token for _, token in noted("kind:" + "\u2028é" * 90)] == ["kind:"]
    ((_, token),) = noted("kind:" + "é" * 90)
    assert token == "kind:" + "é" * (MAX_TOKEN_CHARS - 6) + "…"


def test_what_cannot_be_seen_is_left_out() -> None:
    assert (
        parse("a\0b \ud800c\udfff \u202ed\u2066 \ufeffe\x7f\u0085f").text
        == "a b c d e f"
    )


@pytest.mark.parametrize(
    ("query", "given_", "expected"),
    [
        (Filters(), Filters(), Filters()),
        (Filters(solved=True), Filters(), Filters(solved=True)),
        (Filters(solved=True), Filters(solved=False), Filters(solved=False)),
        (
            Filters(kinds=frozenset({Kind.DOCS}), tags=frozenset("a"), since=NOW),
            Filters(kinds=frozenset({Kind.VIDEO}), versions=frozenset("1")),
            Filters(
                kinds=frozenset({Kind.VIDEO}),
                tags=frozenset("a"),
                versions=frozenset("1"),
                since=NOW,
            ),
        ),
        (
            Filters(languages=frozenset({"fr"}), categories=frozenset("a"), before=NOW),
            Filters(languages=frozenset({"en"}), categories=frozenset("b")),
            Filters(languages=frozenset({"en"}), categories=frozenset("b"), before=NOW),
        ),
    ],
)
def test_parameters_count_where_both_name_a_filter(
    query: Filters, given_: Filters, expected: Filters
) -> None:
    assert merged(query, given_) == expected


def test_filters_have_the_names_of_facets_and_dates() -> None:
    q = "kind:docs lang:fr category:a tag:b version:1 solved:no after:1y before:2030"
    assert list(filters_of(q)) == [*FACETS, "since", "before"]
    assert filters_of("") == {}


OPERATORS = [
    *("kind:", "docs", "video", "kind:docs", "-kind:video", "knid:docs", "Kind::Docs"),
    *("lang:", "fr", "category:", "tag:a", 'tag:"c"', "v:", "version:", "2.41", "5"),
    *("solved:yes", "status:solved", "status:500", "after:2024", "since:", "30d"),
    *("before:", "foo", "E1063", '"a\u00a0b"', "https://x", "ß", "ﬁ", "İ", "catégorie"),
    "x" * 101,
]
WRITTEN = st.lists(
    st.one_of(
        st.sampled_from(OPERATORS),
        st.sampled_from(" \t\n\"“”„«»-,:/\\('’.!\0\ud800\u202e\u3000x5"),
        st.characters(),
    ),
    max_size=30,
).map("".join)


def unnoted(parsed: ParsedQuery) -> ParsedQuery:
    return replace(parsed, notes=())


@given(WRITTEN)
def test_a_query_can_be_written_again(q: str) -> None:
    found = parse(q, now=NOW)
    assert unnoted(parse(to_query(found), now=NOW)) == unnoted(found)


@given(WRITTEN)
def test_text_has_no_operator_but_those_that_were_quoted(q: str) -> None:
    found = parse(q, now=NOW)
    again = parse(found.text, now=NOW)
    if not found.phrases:
        assert unnoted(again) == ParsedQuery(text=found.text)
    assert len(found.notes) <= MAX_NOTES
    assert all(
        note.token.isprintable() and len(note.token) <= MAX_TOKEN_CHARS
        for note in found.notes
    )
    found.text.encode()


@given(st.text())
def test_letters_and_digits_of_any_text_are_searched_or_left_out_for_a_reason(
    q: str,
) -> None:
    """Without operators nothing that can be seen is lost."""
    plain = "".join(char for char in q if char.isalnum() or char.isspace())
    kept = plain.encode(errors="ignore").decode()
    for control in map(chr, range(0x1C, 0x20)):
        kept = kept.replace(control, " ")
    assert parse(plain).text.split() == kept.split()


def test_the_phrases_that_are_one_too_many_can_be_written_again() -> None:
    phrases = " ".join(f'"p{n}"' for n in range(MAX_PHRASES))
    found = parse(f'{phrases} "kind:docs -x" -y kind:video "-z"')
    assert found.text.endswith("kind:docs -x -z")
    assert unnoted(parse(to_query(found))) == unnoted(found)


@pytest.mark.parametrize("repeated", ["« ", '-("', "kind:kind:a,«", "x"])
def test_a_query_is_read_in_time_proportional_to_its_length(repeated: str) -> None:
    """If that were squared, a few would take many minutes."""
    hostile = "kind:" * 19 + repeated * (200_000 // len(repeated))
    assert parse(hostile, now=NOW).filters == Filters()
