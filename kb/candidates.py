"""The signals of candidates, one kind at a time; pure.

All of a signal is worked out at once, as a column with a value per document, NaN
where nothing is known. `kb.signals` says what each of them means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from kb.corpus import DocumentFacts
from kb.embed import Float32
from kb.graph import LinkGraph
from kb.lexical import LexicalScore
from kb.people import People
from kb.question import Question
from kb.table import Float64, Table
from kb.texts import TextField
from kb.tongues import primary
from kb.types import Candidate, DocumentId, Kind, PassageFacts, PassageId
from kb.versions import is_named

Columns = dict[str, Float64]
"""By the name of a signal, shape ``(documents,)``."""

_DAY = timedelta(days=1)


def candidates(
    kind: Kind,
    documents: Sequence[DocumentId],
    shown: Sequence[PassageId],
    columns: Columns,
) -> list[Candidate]:
    """Candidates with what is known of each.

    Args:
        shown: Of each document its passage that fits best.
    """
    names = list(columns)
    table = Table(names, np.stack([columns[name] for name in names], axis=1))
    return [
        Candidate(document_id, kind, passage_id, row)
        for document_id, passage_id, row in zip(
            documents, shown, table.rows(), strict=True
        )
    ]


@dataclass(frozen=True, slots=True)
class Passages:
    """All passages of the candidates, those of one document beside one another.

    Attributes:
        ids: Within a document in ascending order.
        starts: Where each document begins; none is without passages.
        words: BM25, NaN for what the word index does not hold.
        cosines: To the question, NaN for what has no vector.
        title_cosines: To the title of the question.
    """

    ids: Sequence[PassageId]
    starts: NDArray[np.intp]
    words: Float64
    coverage: Float64
    cosines: Float64
    title_cosines: Float64
    opening: NDArray[np.bool_]
    accepted: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        own: Sequence[Sequence[PassageId]],
        facts: Mapping[PassageId, PassageFacts],
        words: Mapping[PassageId, LexicalScore],
        cosines: Float32,
    ) -> Passages:
        """
        Args:
            own: The passages of each document, at least one.
            cosines: Shape ``(2, passages)``: to the question and to its title.
        """
        ids = [i for some in own for i in some]
        lengths = [len(some) for some in own]
        scores = [words.get(i) for i in ids]
        return cls(
            ids=ids,
            starts=np.cumsum([0, *lengths[:-1]], dtype=np.intp),
            words=_column(None if s is None else s.score for s in scores),
            coverage=_column(None if s is None else s.coverage for s in scores),
            cosines=cosines[0].astype(np.float64),
            title_cosines=cosines[1].astype(np.float64),
            opening=np.array([facts[i].opening for i in ids], dtype=bool),
            accepted=np.array([facts[i].accepted for i in ids], dtype=bool),
        )

    def best(self) -> list[PassageId]:
        """The one of each document to show; on a tie the smaller id.

        Both halves lie in [0, 1] and are equally trusted.
        """
        fit = np.nan_to_num(self.words / self._most) + np.nan_to_num(self.cosines)
        order = np.lexsort((np.arange(len(fit)), -fit, self._documents))
        return [self.ids[place] for place in order[self.starts]]

    def columns(self) -> Columns:
        bm25, second = self._best_two(self.words)
        cosine, second_cosine = self._best_two(self.cosines)
        return {
            "bm25_passage": bm25,
            # Nothing beside it shares a word: that is known.
            "bm25_second": np.where(np.isnan(second) & ~np.isnan(bm25), 0.0, second),
            "bm25_share": bm25 / self._most,
            "coverage": self._best_of(self.coverage),
            "cosine_passage": cosine,
            "cosine_second": second_cosine,
            "cosine_opening": self._best_of(self.cosines, self.opening),
            "cosine_reply": self._best_of(self.cosines, ~self.opening),
            "cosine_solution": self._best_of(self.cosines, self.accepted),
            "cosine_title_passage": self._best_of(self.title_cosines),
        }

    @property
    def _most(self) -> float:
        """The best BM25 of all; 1 where no word is shared."""
        return float(np.nanmax(self.words, initial=0.0)) or 1.0

    @property
    def _lengths(self) -> NDArray[np.intp]:
        return np.diff(self.starts, append=len(self.ids))

    @property
    def _documents(self) -> NDArray[np.intp]:
        """The place of each passage's document."""
        return np.repeat(np.arange(len(self.starts)), self._lengths)

    def _best_of(
        self, values: Float64, which: NDArray[np.bool_] | None = None
    ) -> Float64:
        some = values if which is None else np.where(which, values, np.nan)
        best: Float64 = np.fmax.reduceat(some, self.starts)
        return best

    def _best_two(self, values: Float64) -> tuple[Float64, Float64]:
        # What is no number comes last of its document.
        ordered = values[np.lexsort((-values, self._documents))]
        seconds = np.minimum(self.starts + 1, len(values) - 1)
        second = np.where(self._lengths > 1, ordered[seconds], np.nan)
        return ordered[self.starts], second


def of_texts(
    documents: Sequence[DocumentId],
    scores: Mapping[TextField, Mapping[DocumentId, float]],
) -> Columns:
    """What each field of whole documents shares with the question."""
    return {
        f"bm25_{field}": _column(scores.get(field, {}).get(i, 0.0) for i in documents)
        for field in TextField
    }


def of_links(
    documents: Sequence[DocumentId],
    links: Mapping[str, Mapping[DocumentId, float]],
) -> Columns:
    """What older questions lead to, by the name of the way."""
    return {
        name: np.sqrt(_column(scores.get(i, 0.0) for i in documents))
        for name, scores in links.items()
    }


def of_documents(
    documents: Sequence[DocumentFacts],
    question: Question,
    graph: LinkGraph,
    people: People,
    *,
    hidden: Collection[DocumentId],
    at: datetime,
) -> Columns:
    """What holds of documents whatever is asked, and how they meet the asker.

    Args:
        hidden: Documents whose links count for nothing.
        at: The present, from which ages are counted.
    """
    ids = [document.id for document in documents]
    helpers = [people.helpers(i) for i in ids]
    tags, versions = frozenset(question.tags), question.versions
    spoken = primary(question.language)
    columns = {
        "in_links": np.log1p(
            _column(
                len(into) - sum(i in into for i in hidden)
                for into in map(graph.answered_with, ids)
            )
        ),
        "out_links": np.log1p(
            # A page answers nobody: what it links are its own chapters.
            _column(
                len(graph.out_of(d.id)) if d.kind is Kind.THREAD else 0
                for d in documents
            )
        ),
        "in_question": _column(i in question.linked for i in ids),
        "log_parts": np.log1p(_column(d.parts_count for d in documents)),
        "log_likes": np.log1p(_column(d.likes for d in documents)),
        "solved": _column(d.solved for d in documents),
        "same_category": _column(
            question.category is not None and d.category == question.category
            for d in documents
        ),
        "shared_tags": np.log1p(
            _column(len(tags.intersection(d.tags)) for d in documents)
        ),
        "same_language": _column(
            not spoken or primary(d.language) in ("", spoken) for d in documents
        ),
        "named_version": _column(
            any(is_named(version, versions) for version in d.all_versions)
            for d in documents
        ),
        "log_age": np.log1p(
            _column(
                None
                if d.created_at is None
                else max(at - d.created_at, timedelta(0)) / _DAY
                for d in documents
            )
        ),
        "helper_answers": np.log1p(
            _column(max(map(people.answers, some), default=0) for some in helpers)
        ),
    }
    asker = question.asker
    if asker is not None:
        columns["same_asker"] = _column(people.asker(i) == asker for i in ids)
        columns["took_part"] = _column(asker in some for some in helpers)
    return columns


def _column(values: Iterable[float | None]) -> Float64:
    """``None`` becomes NaN, and a truth 1 or 0."""
    return np.array(list(values), dtype=np.float64)
