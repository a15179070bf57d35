"""One link for one thing: versions of a page, its translations, and texts that say the
same; pure.

Five links should not be five copies. Of several versions of a page one is kept; of
translations, and of two documents whose passages read nearly alike, the better ranked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from kb.rank import Ranked
from kb.types import Candidate, DocumentId, Kind, PassageId
from kb.versions import compact, is_named, numbers
from kb.words import words

# Two texts are nearly alike when they share this much of their runs of words.
RESEMBLANCE = 0.7
_RUN = 3
# Below so many words, texts may be alike by chance ("Thanks, that works").
_MIN_WORDS = 12
# What stands further down is not shown to anybody.
LOOKED_AT = 30


class Page(Protocol):
    """What tells versions and translations of a page; see `DocumentSummary`."""

    @property
    def id(self) -> DocumentId: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def title(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def language(self) -> str | None: ...
    @property
    def version(self) -> str | None: ...
    @property
    def source(self) -> str: ...
    @property
    def work(self) -> str: ...


def fold_versions(
    candidates: Sequence[Candidate],
    documents: Mapping[DocumentId, Page],
    named: frozenset[str],
) -> tuple[list[Candidate], dict[DocumentId, DocumentId]]:
    """Keep one version of each page: a *named* one, else the newest, else the best.

    Two documents are versions of a page if kind, language and title are the same
    and their addresses differ in nothing but their version.

    Args:
        candidates: Best first; the order is kept.
        named: Versions in the question, see `kb.versions.versions_in`.

    Returns:
        What is kept, and for each other one the version that stands for it.
    """
    chosen: dict[tuple[object, ...], Candidate] = {}
    pages: dict[DocumentId, tuple[object, ...]] = {}
    for candidate in candidates:
        document = documents[candidate.document_id]
        if document.version is None:
            chosen.setdefault((document.id,), candidate)
            continue
        page = pages[candidate.document_id] = _page(document)
        other = chosen.setdefault(page, candidate)
        standing = _standing(document, named)
        if standing > _standing(documents[other.document_id], named):
            chosen[page] = candidate
    folded = {
        document_id: chosen[page].document_id
        for document_id, page in pages.items()
        if chosen[page].document_id != document_id
    }
    return list(chosen.values()), folded


def fold_translations(
    ranked: Sequence[Ranked], documents: Mapping[DocumentId, Page]
) -> dict[DocumentId, DocumentId]:
    """Translations of a page that is ranked better: ``{it: that}``.

    Args:
        ranked: Best first.
    """
    kept: dict[tuple[str, str], DocumentId] = {}
    folded: dict[DocumentId, DocumentId] = {}
    for each in ranked:
        document = documents[each.candidate.document_id]
        if not document.work:
            continue
        first = kept.setdefault((document.source, document.work), document.id)
        if first != document.id:
            folded[document.id] = first
    return folded


def fold_copies(
    ranked: Sequence[Ranked], texts: Mapping[PassageId, str]
) -> dict[DocumentId, DocumentId]:
    """Documents whose passage nearly repeats that of a better one: ``{it: that}``.

    Args:
        ranked: Best first; only the first `LOOKED_AT` are compared.
        texts: Of their passages; one that is absent is like nothing.

    Source:
        Broder, On the resemblance and containment of documents, SEQUENCES 1997,
        doi:10.1109/SEQUEN.1997.666900.
    """
    kept: list[tuple[DocumentId, frozenset[tuple[str, ...]]]] = []
    copies: dict[DocumentId, DocumentId] = {}
    for each in ranked[:LOOKED_AT]:
        document_id = each.candidate.document_id
        runs = _runs(texts.get(each.candidate.passage_id, ""))
        original = next((i for i, other in kept if _alike(runs, other)), None)
        if original is not None:
            copies[document_id] = original
        else:
            kept.append((document_id, runs))
    return copies


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    said = words(text)
    if len(said) < _MIN_WORDS:
        return frozenset()
    return frozenset(zip(*(said[start:] for start in range(_RUN)), strict=False))


def _alike(
    some: frozenset[tuple[str, ...]], others: frozenset[tuple[str, ...]]
) -> bool:
    # The cheaper look first: texts of unlike lengths cannot share that much.
    fewer, more = sorted((len(some), len(others)))
    if fewer < RESEMBLANCE * more:
        return False
    shared = len(some & others)
    return shared > 0 and shared >= RESEMBLANCE * len(some | others)


def _page(document: Page) -> tuple[object, ...]:
    address, version = document.url, document.version or ""
    for spelled in (version, compact(version)):
        if spelled and spelled in address:
            address = address.replace(spelled, "*")
            break
    return (document.kind, document.language, document.title, address)


def _standing(document: Page, named: frozenset[str]) -> tuple[bool, tuple[int, ...]]:
    # A version without numbers ("master") is nobody's installed one: last.
    return is_named(document.version, named), numbers(document.version or "")
