"""Older questions like a new one, and what they were answered with.

Link propagation: a target scores the sum, over the older questions that link it, of
how much the link says times how much the question is like the new one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import (
    Collection,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass

from kb.asked import Asked
from kb.corpus import Corpus
from kb.graph import LinkGraph
from kb.texts import TextField
from kb.types import DocumentId, Kind
from kb.vectors import nearest_seen

# Older questions that are asked what they were answered with.
NEIGHBOURS = 50
# Cosines of unlike questions are not far from those of like ones; a power of them is.
SHARPNESS = 4
# Damps the head of a ranking by BM25, whose scores mean nothing across questions.
_DAMPING = 10


@dataclass(frozen=True, slots=True)
class Similar:
    """Older questions with how much each is like the new one, in [0, 1]."""

    by_meaning: Mapping[DocumentId, float]
    by_words: Mapping[DocumentId, float]
    by_titles: Mapping[DocumentId, float]


def similar_questions(
    asked: Asked,
    corpus: Corpus,
    *,
    visible_to: frozenset[str] | None = None,
    exclude: Collection[DocumentId] = (),
) -> Similar:
    """Find the threads whose opening question is like the one *asked*, itself left out.

    Args:
        visible_to: Only threads with one of these visibilities; ``None`` for all.
        exclude: Threads to leave out beside the question's own.
    """
    question = asked.question
    out = {question.document, *exclude}

    def near(place: int) -> Iterator[tuple[DocumentId, float]]:
        def seen(ids: Sequence[int]) -> Container[int]:
            if visible_to is None and not asked.languages:
                return set(ids)
            facts = corpus.document_facts([DocumentId(i) for i in ids])
            return {
                i
                for i, fact in facts.items()
                if (visible_to is None or fact.visibility in visible_to)
                and asked.suits(place, fact.language)
            }

        vector, depth = asked.vectors[place], NEIGHBOURS + len(out)
        for i, cosine in nearest_seen(corpus.questions, vector, depth, seen):
            if i not in out:
                yield DocumentId(i), cosine

    cosines: dict[DocumentId, float] = {}
    for place in range(len(asked.vectors)):
        for i, cosine in near(place):
            cosines[i] = max(cosine, cosines.get(i, cosine))
    nearest = sorted(cosines, key=lambda i: -cosines[i])[:NEIGHBOURS]

    def by_words(field: TextField) -> dict[DocumentId, float]:
        hits = corpus.texts.search(
            # A title is met by a title, if there is one.
            "" if field is TextField.TITLE and question.title else question.body,
            field,
            NEIGHBOURS + len(out),
            kind=Kind.THREAD,
            visible_to=visible_to,
            title=question.title,
            renderings=asked.renderings,
        )
        others = [i for i, _ in hits if i not in out][:NEIGHBOURS]
        return {i: _DAMPING / (rank + _DAMPING) for rank, i in enumerate(others)}

    return Similar(
        by_meaning={i: max(cosines[i], 0.0) ** SHARPNESS for i in nearest},
        by_words=by_words(TextField.OPENING),
        by_titles=by_words(TextField.TITLE),
    )


def linked_from(
    graph: LinkGraph, similar: Mapping[DocumentId, float]
) -> dict[DocumentId, float]:
    """What the similar questions were answered with."""
    scores: defaultdict[DocumentId, float] = defaultdict(float)
    for source, likeness in similar.items():
        for target, weight in graph.out_of(source).items():
            scores[target] += likeness * weight
    return scores


def linking_to(
    graph: LinkGraph, similar: Mapping[DocumentId, float]
) -> dict[DocumentId, float]:
    """Threads whose answers link to the similar questions: much the same was asked."""
    scores: defaultdict[DocumentId, float] = defaultdict(float)
    for target, likeness in similar.items():
        for source, weight in graph.into(target).items():
            scores[source] += likeness * weight
    return scores


def linked_beside(
    graph: LinkGraph, linked: Iterable[DocumentId]
) -> dict[DocumentId, float]:
    """What is linked by, or links to, what the question itself links."""
    scores: defaultdict[DocumentId, float] = defaultdict(float)
    for document in linked:
        for other, weight in graph.out_of(document).items():
            scores[other] += weight
        for other, weight in graph.into(document).items():
            scores[other] += weight
    return scores
