"""Walk through a history and learn on the way: every question met as it was asked.

Replaying and learning are one walk. Each question is ranked by what existed and what
had been learned when it came; then it becomes a lesson, of which the answers count
from the moment they were written. `bot.past` holds the present of the walk, and
fails if anything later gets into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.past import Past
from bot.timeline import History
from kb.embed import Embedder
from kb.folding import LOOKED_AT, fold_copies
from kb.learn import Example
from kb.learner import Learner, Shown
from kb.rank import Ranked, rank
from kb.retrieve import retrieve
from kb.types import Candidate, DocumentId, Kind

Progress = Callable[[str, int, int], None]
"""Called with a step's name, what is done and what is to do (0: not known)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the past.

    Attributes:
        at: When it counts as asked.
    """

    document_id: DocumentId
    at: datetime


@dataclass(frozen=True, slots=True)
class Met:
    """A question as it was met on the walk.

    Attributes:
        ranked: Per kind, best first, near copies left out.
        linked: What people linked in answer to it, then or later, and when.
        learned_from: Per kind, the questions that the ranking had learned from.
    """

    asked: Asked
    ranked: Mapping[Kind, Sequence[Ranked]]
    linked: Mapping[DocumentId, datetime]
    learned_from: Mapping[Kind, int]


def lessons(history: History) -> list[Asked]:
    """The threads whose replies link to what was there when they were opened."""
    return [
        Asked(thread.id, thread.started)
        for thread in history.threads
        if history.linked(thread.id)
    ]


def walk(
    history: History,
    past: Past,
    questions: Sequence[Asked],
    learner: Learner,
    embedder: Embedder,
    *,
    names: Sequence[str],
    depth: int,
    progress: Progress = lambda _step, _done, _todo: None,
) -> Iterator[Met]:
    """Rank for one question after another, in the order of time, and learn.

    Args:
        names: Signals that may be used.
        depth: Passages per retriever and kind.

    Raises:
        LeakError: Something later than a question got into its past.
    """
    kinds = tuple(past.corpus.vectors)
    ordered = sorted(questions, key=lambda asked: (asked.at, asked.document_id))
    for number, asked in enumerate(ordered, start=1):
        past.advance(asked.at)
        thread = history.documents[asked.document_id]
        linked = history.linked(asked.document_id)
        question = replace(
            thread.question,
            document=asked.document_id,
            asker=thread.asker,
            category=thread.category,
            tags=thread.tags,
            language=thread.language,
            linked=history.linked_in_question(asked.document_id),
        )
        candidates = retrieve(
            question,
            corpus=past.corpus,
            embedder=embedder,
            kinds=kinds,
            visible_to=None,
            depth=depth,
            at=asked.at,
        )
        model = learner.at(asked.at).only(tuple(names))
        ranked: dict[Kind, Sequence[Ranked]] = {}
        for kind in kinds:
            some = [c for c in candidates if c.kind is kind]
            order = rank(some, model.of(kind))
            _take(learner, kind, asked.at, thread.language, order, linked, names)
            copies = fold_copies(
                order, past.texts([r.candidate.passage_id for r in order[:LOOKED_AT]])
            )
            ranked[kind] = [r for r in order if r.candidate.document_id not in copies]
        learned = {kind: model.of(kind).examples for kind in kinds}
        yield Met(asked, ranked, linked, learned)
        progress("ranking", number, len(ordered))


def _take(
    learner: Learner,
    kind: Kind,
    at: datetime,
    language: str | None,
    ranked: Sequence[Ranked],
    linked: Mapping[DocumentId, datetime],
    names: Sequence[str],
) -> None:
    found: list[Candidate] = [each.candidate for each in ranked]
    learner.take(
        Example.of(kind, at, found, linked, names),
        Shown.of(kind, at, language, ranked, linked),
    )
