"""All candidates of one kind, put in order, with one of those that say the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from kb.folding import LOOKED_AT, Page, fold_copies, fold_translations, fold_versions
from kb.model import KindModel
from kb.rank import Ranked, rank
from kb.types import Candidate, DocumentId, Kind, PassageId


@dataclass(frozen=True, slots=True)
class Ranking:
    """All candidates of one kind in their order, and which of them stand for others.

    Attributes:
        folded: Candidates that are left out: the document that stands for each.
    """

    kind: Kind
    ranked: Sequence[Ranked]
    folded: Mapping[DocumentId, DocumentId] = field(default_factory=dict)

    @property
    def kept(self) -> list[Ranked]:
        """Those that may be shown, best first."""
        return [r for r in self.ranked if r.candidate.document_id not in self.folded]

    def stands_for(self, document_id: DocumentId) -> DocumentId:
        """The document that is kept in its place; itself where it is kept."""
        while document_id in self.folded:
            document_id = self.folded[document_id]
        return document_id


def ranking_of(
    kind: Kind,
    candidates: Sequence[Candidate],
    model: KindModel,
    *,
    documents: Mapping[DocumentId, Page],
    versions: frozenset[str],
    texts: Callable[[Sequence[PassageId]], Mapping[PassageId, str]],
    odds: Mapping[DocumentId, float] | None = None,
    carried: Collection[DocumentId] = (),
) -> Ranking:
    """Rank candidates, and fold versions of a page, its translations and near copies.

    The same for a question of today and one of the past.

    Args:
        candidates: All of that kind.
        documents: Those of the candidates, at least.
        versions: That the question names, see `kb.folding.fold_versions`.
        texts: Gives the texts of passages.
        odds: See `kb.rank.rank`; so *carried*.
    """

    def ranked_without(
        ranked: Sequence[Ranked], twins: Mapping[DocumentId, DocumentId]
    ) -> list[Ranked]:
        # Again, without the twins: next to them no page would stand out.
        kept = [r.candidate for r in ranked if r.candidate.document_id not in twins]
        return rank(kept, model, odds, carried)

    every = top = rank(candidates, model, odds, carried)
    _, folded = fold_versions([r.candidate for r in top], documents, versions)
    if folded:
        top = ranked_without(top, folded)
    if translations := fold_translations(top, documents):
        folded |= translations
        top = ranked_without(top, translations)
    ranked = [*top, *(r for r in every if r.candidate.document_id in folded)]
    found = texts([r.candidate.passage_id for r in top[:LOOKED_AT]])
    return Ranking(kind, ranked, folded | fold_copies(top, found))
