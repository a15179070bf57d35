"""What was found, as it is shown: read from the store, marked, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kb.instant.asking import Query
from kb.instant.highlight import highlights
from kb.instant.ordering import Place
from kb.instant.records import FACETS, Facet, InstantHit, ParsedQuery, Span, Why
from kb.instant.wording import NO_DEMANDS, Demands, holds, suits
from kb.question import Question
from kb.search import edition_of, may_be_shown
from kb.store import Store
from kb.types import Clock, SearchHit
from kb.versions import is_named, versions_in
from kb.words import identifiers, words

# Near enough to say that it means something close.
_CLOSE = 0.5
# Values of a facet that are told.
_MAX_VALUES = 12


def shown(
    places: Sequence[Place],
    query: Query,
    store: Store,
    clock: Clock,
    *,
    wishes: Demands = NO_DEMANDS,
) -> tuple[InstantHit, ...]:
    """Those of some documents that may be shown now.

    What is searched may be a moment behind the store: what was deleted, unlisted or
    made private meanwhile is left out.

    Args:
        wishes: What was asked for word for word. The version of a page that is named
            is another text than the one that was searched.

    Raises:
        StoreError: It cannot be read.
    """
    held = wishes.phrases or {}
    best = {p.document_id: held.get(p.document_id, p.passage) for p in places}
    documents = store.documents.summaries([*best])
    passages = store.passages.load([*best.values()])
    at = clock()
    hits: list[InstantHit] = []
    for place in places:
        document = documents.get(place.document_id)
        passage = passages.get(best[place.document_id])
        if document is None or passage is None:
            continue
        if not may_be_shown(document, query.visible_to, at):
            continue
        document, passage = edition_of(store, query.named, document, passage)
        is_edition = document.id != place.document_id
        if is_edition and not suits(query.parsed, document, passage):
            continue
        hit = SearchHit(
            document,
            passage,
            place.score,
            place.confidence,
            place.signals or {},
            stands_for=place.document_id if is_edition else None,
            contributions=place.contributions or {},
        )
        hits.append(_marked(hit, query))
    return tuple(hits)


def marked(hit: SearchHit, text: str) -> InstantHit:
    """A hit of the whole ranking, as instant search shows its own."""
    question = Question("", text)
    return _marked(
        hit, Query(ParsedQuery(text), question, None, named=versions_in(text))
    )


def _marked(hit: SearchHit, query: Query) -> InstantHit:
    if not query.text:
        return InstantHit(hit)
    phrases, codes = query.parsed.phrases, query.identifiers
    spoken = {hit.passage.language} if hit.passage.language else ()
    in_text = highlights(hit.passage.text, query.words, phrases, codes, spoken)
    in_title = highlights(hit.document.title, query.words, phrases, codes, spoken)
    return InstantHit(
        hit, in_text, in_title, tuple(_why(hit, query, in_text, in_title))
    )


def _why(
    hit: SearchHit, query: Query, in_text: Sequence[Span], in_title: Sequence[Span]
) -> Iterator[Why]:
    if _stands_in(hit, query):
        yield Why.EXACT
    if in_title:
        yield Why.TITLE
    if in_text:
        yield Why.WORDS
    if hit.signals.get("cosine_passage", 0.0) >= _CLOSE:
        yield Why.MEANING
    if hit.signals.get("in_links", 0.0) > 0:
        yield Why.LINKED
    if hit.document.solved:
        yield Why.SOLVED
    if query.named and is_named(hit.document.version, query.named):
        yield Why.VERSION


def _stands_in(hit: SearchHit, query: Query) -> bool:
    """Whether a code, a path or a phrase stands there as it was typed."""
    passage = hit.passage
    texts = (hit.document.title, passage.heading, passage.text)
    if query.identifiers:
        there = set(identifiers("\n".join(texts), prefixes=True))
        if not there.isdisjoint(query.identifiers):
            return True
    return any(
        holds(words(phrase), text) for phrase in query.parsed.phrases for text in texts
    )


def counted(places: Sequence[Place]) -> dict[str, tuple[Facet, ...]]:
    """How many of some documents have each value, by the names of `FACETS`."""
    counts: Counter[tuple[str, str]] = Counter()
    for place in places:
        counts.update(place.row.values)
    found: dict[str, list[Facet]] = {name: [] for name in FACETS}
    for (name, value), count in counts.items():
        found[name].append(Facet(value, count))
    return {
        name: tuple(sorted(values, key=lambda f: (-f.count, f.value))[:_MAX_VALUES])
        for name, values in found.items()
    }
