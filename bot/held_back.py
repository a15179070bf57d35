"""How well questions were ranked for whose answers nobody knew then; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from kb.metrics import expected_calibration_error, ndcg_at_k, recall_at_k
from kb.rank import Ranked
from kb.thresholds import Thresholds
from kb.types import DocumentId, Kind

_LISTED = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """How well held-back questions were ranked for, with documents of one kind.

    Attributes:
        questions: With a link to such a document.
        ndcg, recall, first_right: nDCG@10, recall@5 and P@1 over these questions.
        coverage: Share of them for which the first suggestion was sure enough for
            the stated precision.
        precision: Share of right ones among these; ``None`` without any.
        calibration_error: Of the first suggestions, see
            `kb.metrics.expected_calibration_error`.
        unanswered: Questions that nobody answered with a link to anything.
        spoken: Share of these for which the first suggestion was sure enough; whether
            it would have helped, nobody knows. ``None`` without any.
    """

    questions: int
    ndcg: float
    recall: float
    first_right: float
    coverage: float
    precision: float | None
    calibration_error: float
    unanswered: int = 0
    spoken: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """How one question was ranked for, with documents of one kind.

    Attributes:
        ranking: The first ten.
        confidence: Of the first.
        relevant: Documents of this kind that were linked in answer.
        answered: With a link to any document, of whatever kind.
    """

    kind: Kind
    language: str
    ranking: tuple[DocumentId, ...]
    confidence: float
    relevant: frozenset[DocumentId]
    answered: bool

    @classmethod
    def of(
        cls,
        kind: Kind,
        language: str | None,
        ranked: Sequence[Ranked],
        linked: Mapping[Kind, Collection[DocumentId]],
    ) -> Seen:
        """Note it.

        Args:
            ranked: Best first; may be empty.
            linked: What was linked in answer, by kind.
        """
        return cls(
            kind=kind,
            language=language or "",
            ranking=tuple(each.candidate.document_id for each in ranked[:_LISTED]),
            confidence=ranked[0].confidence if ranked else 0.0,
            relevant=frozenset(linked[kind]),
            answered=any(map(len, linked.values())),
        )

    @property
    def is_right(self) -> bool:
        """Whether its first suggestion was linked."""
        return bool(self.ranking) and self.ranking[0] in self.relevant


def figures_of(
    kind: Kind, seen: Iterable[Seen], thresholds: Thresholds
) -> Figures | None:
    """Figures of one kind; ``None`` when no question was answered with it.

    Args:
        thresholds: By which suggestions count as sure enough; where they know
            nothing, the confidence must reach the precision itself.
    """
    of_kind = [each for each in seen if each.kind is kind]
    answered = [each for each in of_kind if each.relevant]
    others = [each for each in of_kind if not each.answered]
    if not answered:
        return None
    shown = [each for each in answered if _is_shown(each, thresholds)]
    outcomes = [(each.confidence, each.is_right) for each in answered if each.ranking]
    return Figures(
        questions=len(answered),
        ndcg=fmean(ndcg_at_k(s.ranking, s.relevant, 10) for s in answered),
        recall=fmean(recall_at_k(s.ranking, s.relevant, 5) for s in answered),
        first_right=fmean(s.is_right for s in answered),
        coverage=len(shown) / len(answered),
        precision=fmean(s.is_right for s in shown) if shown else None,
        calibration_error=expected_calibration_error(outcomes) if outcomes else 0.0,
        unanswered=len(others),
        spoken=fmean(_is_shown(o, thresholds) for o in others) if others else None,
    )


def _is_shown(seen: Seen, thresholds: Thresholds) -> bool:
    return bool(seen.ranking) and thresholds.shows(
        seen.kind, seen.language, seen.confidence
    )
