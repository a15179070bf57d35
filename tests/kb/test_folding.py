"""One link for one thing: versions of a page, and texts that say the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.folding import LOOKED_AT, fold_copies, fold_translations, fold_versions
from kb.model import plain_model
from kb.rank import Ranked
from kb.ranking import ranking_of
from kb.types import PUBLIC, Candidate, DocumentId, DocumentSummary, Kind, PassageId
from kb.versions import compact

# A busy machine is no failure.
untimed = settings(deadline=None)
TEXT = (
    "To make a nightly backup of the whole database run pg_dump from a timer and copy "
    "what it wrote to another machine"
)
NOBODY: frozenset[str] = frozenset()


def page(
    number: int,
    version: str | None,
    url: str = "https://docs.example/{}/backup",
    *,
    title: str = "Backup",
    kind: Kind = Kind.DOCS,
    language: str | None = "en",
) -> DocumentSummary:
    return DocumentSummary(
        id=DocumentId(number),
        source="docs",
        kind=kind,
        key=str(number),
        url=url.format(version),
        title=title,
        language=language,
        visibility=PUBLIC,
        category=None,
        tags=(),
        version=version,
        created_at=None,
        updated_at=None,
        solved=False,
        closed=False,
        listed=True,
        views=0,
        parts_count=1,
    )


def folded(
    *documents: DocumentSummary, named: frozenset[str] = NOBODY
) -> tuple[list[int], dict[int, int]]:
    """What is kept of documents, best first, and what stands for the others."""
    found = [Candidate(d.id, d.kind, PassageId(d.id), {}) for d in documents]
    kept, out = fold_versions(found, {d.id: d for d in documents}, named)
    return [c.document_id for c in kept], {int(i): int(j) for i, j in out.items()}


def test_the_newest_version_takes_the_place_of_the_best() -> None:
    old, new, other = page(1, "2.38"), page(2, "2.40"), page(3, None)

    assert folded(old, other, new) == ([2, 3], {1: 2})
    assert folded(old, other, new, named=frozenset({"2.38"})) == ([1, 3], {2: 1})


def test_a_newer_version_has_the_larger_number_and_not_the_later_letter() -> None:
    versions = ["2.9", "2.40", "2.39", "master"]
    pages = [page(i, version) for i, version in enumerate(versions)]

    assert folded(*pages)[0] == [1]
    assert folded(*pages, named=frozenset({"12"}))[0] == [1]
    assert folded(pages[3])[0] == [3]


def test_of_equal_versions_the_best_stands_for_the_others() -> None:
    assert folded(page(7, "2.40"), page(3, "2.40")) == ([7], {3: 7})


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.example/en/version-{}/backup.html",
        "https://docs.example/{0}/of-{0}/backup",
        "https://{}.docs.example/backup",
    ],
)
@pytest.mark.parametrize("spelled", [str, compact])
def test_versions_are_found_however_the_address_spells_them(
    url: str, spelled: Callable[[str], str]
) -> None:
    old, new = (
        page(number, version, url.format(spelled(version)))
        for number, version in enumerate(["2.38", "2.40"])
    )

    assert folded(old, new) == ([1], {0: 1})


@pytest.mark.parametrize(
    "other",
    [
        page(2, "2.40", title="Restore"),
        page(2, "2.40", kind=Kind.COURSE),
        page(2, "2.40", language="fr"),
        page(2, "2.40", "https://docs.example/{}/other"),
        page(2, None, "https://docs.example/2.40/backup"),
    ],
)
def test_other_pages_are_kept(other: DocumentSummary) -> None:
    assert folded(page(1, "2.38"), other) == ([1, 2], {})


@untimed
@given(
    st.lists(
        st.tuples(st.sampled_from(["2.38", "2.40", "2.9", "master", None]), st.text()),
        max_size=8,
    ),
    st.sampled_from(["2.38", "2.40", "9"]),
)
def test_each_is_kept_or_stood_for_by_one_that_is_kept(
    pages: list[tuple[str | None, str]], named: str
) -> None:
    documents = [
        page(i, version, title=title) for i, (version, title) in enumerate(pages)
    ]

    kept, out = folded(*documents, named=frozenset({named}))

    assert sorted([*kept, *out]) == list(range(len(documents)))
    assert set(out.values()) <= set(kept)
    assert len(set(kept)) == len(kept)
    assert folded(*(documents[i] for i in kept), named=frozenset({named}))[1] == {}


def copies(texts: Sequence[str]) -> dict[int, int]:
    """Which of texts, best first, nearly repeat which."""
    ranked = [
        Ranked(
            Candidate(DocumentId(i), Kind.THREAD, PassageId(i + 100), {}),
            -float(i),
            0.5,
            {},
            {},
        )
        for i in range(len(texts))
    ]
    by_passage = {PassageId(i + 100): text for i, text in enumerate(texts)}
    found = fold_copies(ranked, by_passage)
    assert fold_copies(ranked, {}) == {}
    return {int(i): int(j) for i, j in found.items()}


def test_what_repeats_a_better_one_is_folded_into_it() -> None:
    typo = TEXT.replace("another", "an other")
    assert copies([TEXT, "zebras graze", TEXT.upper() + "!", typo]) == {2: 0, 3: 0}


def test_a_part_of_a_text_is_no_copy_of_it() -> None:
    half = " ".join(TEXT.split()[:14])
    assert copies([TEXT, half]) == {}


def test_the_same_words_in_another_order_are_another_text() -> None:
    assert copies([TEXT, " ".join(sorted(TEXT.split()))]) == {}


def test_a_few_words_may_be_alike_by_chance() -> None:
    assert copies(["Thanks, that works!"] * 2) == {}
    assert copies(["", ""]) == {}


def test_what_nobody_will_see_is_not_compared() -> None:
    texts = [f"zebra {n}" for n in range(LOOKED_AT - 1)] + [TEXT] * 3

    assert copies([TEXT, *texts]) == {}
    assert copies([TEXT, *texts[2:]]) == {LOOKED_AT - 2: 0, LOOKED_AT - 1: 0}


def test_the_best_of_translations_stands_for_the_others() -> None:
    pages = [
        replace(page(number, None, language=language), work=work, source=source)
        for number, language, work, source in (
            (1, "fr", "backup", "docs"),
            (2, "en", "backup", "docs"),
            (3, "en", "backup", "manual"),
            (4, "en", "", "docs"),
            (5, "fr", "", "docs"),
            (6, "pt", "backup", "docs"),
            (7, "en", "restore", "docs"),
        )
    ]
    ranked = [
        Ranked(Candidate(d.id, d.kind, PassageId(d.id), {}), -float(d.id), 0.5, {}, {})
        for d in pages
    ]

    found = fold_translations(ranked, {d.id: d for d in pages})

    assert found == {2: 1, 6: 1}


def test_next_to_its_translation_a_page_stands_out_as_if_it_were_alone() -> None:
    """One that is there in four languages is no less sure for it."""
    pages = [
        replace(page(number, None, language=language), work=work)
        for number, language, work in (
            (1, "fr", "backup"),
            (2, "en", "backup"),
            (3, "en", "restore"),
            (4, "en", "import"),
        )
    ]
    found = [
        Candidate(
            d.id,
            d.kind,
            PassageId(d.id),
            {"bm25_passage": bm25, "cosine_passage": bm25 / 10, "familiar": 0.8},
        )
        for d, bm25 in zip(pages, (8.0, 7.5, 2.0, 1.0), strict=True)
    ]

    def kept(*candidates: Candidate) -> list[tuple[int, float, float]]:
        ranking = ranking_of(
            Kind.DOCS,
            candidates,
            plain_model().of(Kind.DOCS),
            documents={d.id: d for d in pages},
            versions=NOBODY,
            texts=lambda _: {},
        )
        return [(r.candidate.document_id, r.score, r.confidence) for r in ranking.kept]

    assert kept(*found) == kept(found[0], *found[2:])
    assert [number for number, _, _ in kept(*found)] == [1, 3, 4]
