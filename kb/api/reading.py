"""What was found, as the endpoint says it; pure.

Nothing is checked again: it was when it was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kb.api.answers import (
    DocumentAnswer,
    Hit,
    PassageAnswer,
    RelatedAnswer,
    Remark,
    SearchAnswer,
    StatsAnswer,
    Understood,
    Value,
)
from kb.api.backend import Stats, StoredDocument
from kb.instant.records import FACETS, Filters, InstantHit, ParsedQuery, Results
from kb.store.details import known_details
from kb.types import NO_DETAILS, DocumentSummary

_DIGITS = 4


def search_answer(
    results: Results, *, query: str, page: int, k: int, took_ms: float
) -> SearchAnswer:
    """What ``GET /api/search`` says.

    Args:
        query: As it was asked.
    """
    return SearchAnswer(
        query=query,
        understood=_understood(results.query),
        language=results.language,
        page=page,
        k=k,
        total=results.total,
        more=results.total > page * k,
        weak=results.weak,
        did_you_mean=results.did_you_mean,
        corrected=dict(results.corrected),
        hits=tuple(map(hit_answer, results.hits)),
        near=tuple(map(hit_answer, results.near)),
        facets={
            name: tuple(
                Value(value=each.value, count=each.count)
                for each in results.facets.get(name, ())
            )
            for name in FACETS
        },
        generation=results.generation,
        timings={stage: round(ms, 2) for stage, ms in results.timings.items()},
        took_ms=round(took_ms, 2),
    )


def related_answer(hits: Sequence[InstantHit], *, took_ms: float) -> RelatedAnswer:
    """What ``/api/related`` says."""
    return RelatedAnswer(hits=tuple(map(hit_answer, hits)), took_ms=round(took_ms, 2))


def hit_answer(found: InstantHit) -> Hit:
    """A document that was found, with its passage."""
    hit = found.hit
    document = hit.document
    return Hit(
        id=document.id,
        title=document.title,
        title_highlights=found.title_highlights,
        url=hit.url,
        kind=document.kind,
        source=document.source,
        language=document.language,
        version=document.version,
        category=document.category,
        tags=document.tags,
        solved=document.solved,
        closed=document.closed,
        created_at=document.created_at,
        updated_at=document.updated_at,
        heading=hit.passage.heading,
        passage=hit.passage.text,
        highlights=found.highlights,
        details=_details(document),
        score=round(hit.score, _DIGITS),
        confidence=round(hit.confidence, _DIGITS),
        why=found.why,
    )


def document_answer(stored: StoredDocument) -> DocumentAnswer:
    """What ``GET /api/documents/{id}`` says."""
    document = stored.document
    return DocumentAnswer(
        id=document.id,
        title=document.title,
        url=document.url,
        kind=document.kind,
        source=document.source,
        language=document.language,
        version=document.version,
        category=document.category,
        tags=document.tags,
        solved=document.solved,
        closed=document.closed,
        created_at=document.created_at,
        updated_at=document.updated_at,
        details=_details(document),
        passages=tuple(
            PassageAnswer(
                url=document.url + passage.anchor,
                heading=passage.heading,
                text=passage.text,
            )
            for passage in stored.passages
        ),
    )


def _details(document: DocumentSummary) -> dict[str, Any]:
    # Most have none, and looking at each field takes its time.
    details = document.details
    return {} if details is NO_DETAILS else known_details(details)


def stats_answer(stats: Stats) -> StatsAnswer:
    """What ``GET /api/stats`` says."""
    return StatsAnswer(
        documents=dict(stats.documents),
        languages=dict(stats.languages),
        passages=stats.passages,
        model=stats.model,
        generation=stats.generation,
        lag=stats.lag,
        newest=stats.newest,
    )


def told_filters(filters: Filters) -> dict[str, tuple[str, ...]]:
    """Filters as the query language and the parameters write them; without those that
    let everything through.

    >>> told_filters(Filters(languages=frozenset({"fr"}), solved=True))
    {'lang': ('fr',), 'solved': ('yes',)}
    """
    solved = () if filters.solved is None else ("yes" if filters.solved else "no",)
    told: dict[str, tuple[str, ...]] = {
        "kind": tuple(sorted(kind.value for kind in filters.kinds or ())),
        "lang": tuple(sorted(filters.languages or ())),
        "category": tuple(sorted(filters.categories)),
        "tag": tuple(sorted(filters.tags)),
        "version": tuple(sorted(filters.versions)),
        "solved": solved,
        "since": _told_time(filters.since),
        "before": _told_time(filters.before),
    }
    return {name: values for name, values in told.items() if values}


def _told_time(at: datetime | None) -> tuple[str, ...]:
    if at is None:
        return ()
    is_day = (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)
    return (f"{at:%Y-%m-%d}" if is_day else at.isoformat(),)


def _understood(query: ParsedQuery) -> Understood:
    return Understood(
        text=query.text,
        phrases=query.phrases,
        excluded=query.excluded,
        filters=told_filters(query.filters),
        notes=tuple(Remark(code=note.code, token=note.token) for note in query.notes),
    )
