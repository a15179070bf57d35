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
from bot.timeline import History, HistoryDocument, Progress
from kb.embed import Embedder
from kb.learner import Learner
from kb.model import RankingModel
from kb.question import Question
from kb.rank import Ranked
from kb.ranking import Ranking, ranking_of
from kb.retrieve import retrieve
from kb.types import Candidate, DocumentId, Kind, PassageId

# Meeting a question takes a quarter of a second: of the unanswered ones, one is met
# for so many answered ones.
_UNANSWERED = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the past.

    Attributes:
        at: When it counts as asked.
    """

    document_id: DocumentId
    at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What there was to suggest for a question when it was asked.

    Attributes:
        linked: Per kind, what people linked in answer to it, then or later, and when.
        documents: All of the history.
        versions: That it names, see `kb.question.Question`.
        texts: Gives the texts of passages.
    """

    asked: Asked
    language: str | None
    versions: frozenset[str]
    candidates: Mapping[Kind, Sequence[Candidate]]
    linked: Mapping[Kind, Mapping[DocumentId, datetime]]
    documents: Mapping[DocumentId, HistoryDocument]
    texts: Callable[[Sequence[PassageId]], Mapping[PassageId, str]]


@dataclass(frozen=True, slots=True)
class Met:
    """A question as it was met on the walk.

    Attributes:
        rankings: Per kind.
        linked: Per kind, what people linked in answer, then or later, and when: for
            what was folded the document that stands for it.
        model: What had been learned by then.
    """

    asked: Asked
    rankings: Mapping[Kind, Ranking]
    linked: Mapping[Kind, Mapping[DocumentId, datetime]]
    model: RankingModel

    @property
    def ranked(self) -> Mapping[Kind, Sequence[Ranked]]:
        """Per kind what may be shown, best first."""
        return {kind: ranking.kept for kind, ranking in self.rankings.items()}


def lessons(history: History) -> list[Asked]:
    """The threads whose replies link to what was there when they were opened."""
    return [
        Asked(thread.id, thread.started)
        for thread in history.threads
        if history.linked(thread.id)
    ]


def unanswered(history: History) -> list[Asked]:
    """Some of the threads that nobody answered with a link, evenly over time.

    What ought to have been suggested for them nobody knows. They tell how often
    something would have been, beside those of `lessons`.
    """
    others = sorted(
        (t for t in history.threads if not history.linked(t.id)),
        key=lambda thread: (thread.started, thread.id),
    )
    wanted = max(len(lessons(history)) // _UNANSWERED, 1)
    return [Asked(t.id, t.started) for t in others[:: max(len(others) // wanted, 1)]]


def walk(
    history: History,
    past: Past,
    questions: Sequence[Asked],
    embedder: Embedder,
    *,
    depth: int,
    progress: Progress = lambda _step, _done, _todo: None,
) -> Iterator[Found]:
    """Meet one question after another, in the order of time.

    Args:
        depth: Passages per retriever and kind.

    Raises:
        LeakError: Something later than a question got into its past.
    """
    kinds = tuple(past.corpus.vectors)
    ordered = sorted(questions, key=lambda asked: (asked.at, asked.document_id))
    for number, asked in enumerate(ordered, start=1):
        past.advance(asked.at)
        thread = history.documents[asked.document_id]
        question = question_of(history, thread)
        candidates = retrieve(
            question,
            corpus=past.corpus,
            embedder=embedder,
            kinds=kinds,
            visible_to=None,
            depth=depth,
            at=asked.at,
        )
        by_kind = {k: [c for c in candidates if c.kind is k] for k in kinds}
        answers = history.linked(asked.document_id)
        linked = {
            kind: {
                i: at for i, at in answers.items() if history.documents[i].kind is kind
            }
            for kind in kinds
        }
        yield Found(
            asked=asked,
            language=thread.language,
            versions=question.versions,
            candidates=by_kind,
            linked=linked,
            documents=history.documents,
            texts=past.texts,
        )
        progress("ranking", number, len(ordered))


def question_of(history: History, thread: HistoryDocument) -> Question:
    """What a thread asked, with all that was known of it."""
    return replace(
        thread.question,
        document=thread.id,
        asker=thread.asker,
        category=thread.category,
        tags=thread.tags,
        language=thread.language,
        linked=history.linked_in_question(thread.id),
    )


def meet(found: Found, learner: Learner) -> Met:
    """Rank by what had been learned by then, and take the question in as a lesson."""
    at = found.asked.at
    model = learner.at(at)
    rankings: dict[Kind, Ranking] = {}
    linked: dict[Kind, Mapping[DocumentId, datetime]] = {}
    for kind, candidates in found.candidates.items():
        ranking = rankings[kind] = ranking_of(
            kind,
            candidates,
            model.of(kind),
            documents=found.documents,
            versions=found.versions,
            texts=found.texts,
        )
        linked[kind] = _as_kept(found.linked[kind], ranking)
        learner.take(kind, at, found.language, ranking.kept, linked[kind])
    return Met(found.asked, rankings, linked, model)


def _as_kept(
    linked: Mapping[DocumentId, datetime], ranking: Ranking
) -> dict[DocumentId, datetime]:
    """Whoever linked a page that another stands for would have been helped by it."""
    kept: dict[DocumentId, datetime] = {}
    for document_id, when in linked.items():
        stands = ranking.stands_for(document_id)
        kept[stands] = min(when, kept.get(stands, when))
    return kept
