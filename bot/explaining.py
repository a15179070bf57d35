"""Why what is suggested is suggested, and why not more: behind ``baraza explain``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.asking import question_of_stored, question_of_topic
from bot.policy import (
    PolicySettings,
    Verdict,
    Weighed,
    judge_links,
    needed,
    objections,
    same_address,
    weigh,
)
from bot.ranking import ModelFacts
from kb.calibrate import Calibration
from kb.errors import KBError
from kb.question import Question
from kb.rank import Ranked
from kb.ranking import Ranking
from kb.search import Explained
from kb.signals import SIGNALS
from kb.tongues import primary
from kb.types import DocumentId, DocumentSummary, Kind, TopicId

if TYPE_CHECKING:
    from bot.app import App
    from kb.store import Store


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one signal did for one candidate.

    Attributes:
        added: To the score; 0 where all candidates have the same.
        value: Of the signal itself; ``None`` where nothing is known.
    """

    name: str
    added: float
    value: float | None
    about: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A candidate and what became of it.

    Attributes:
        place: Among all of its kind, from 1.
        linked: It would stand in the answer, if there is one.
        why: Or why not.
        folded_into: Address of the document that stands for it.
        contributions: Of all signals that have a weight, largest first.
        signals: All that is known, with or without a weight.
        evidence: What the confidence was made from, see `kb.rank.EVIDENCE`.
        sure_by: Log-odds that each piece of it added, largest first.
        believed: What the floors leave of the probability, in [0, 1].
    """

    place: int
    title: str
    url: str
    language: str | None
    score: float
    confidence: float
    linked: bool
    why: str
    folded_into: str | None
    contributions: tuple[Contribution, ...]
    signals: Mapping[str, float]
    evidence: Mapping[str, float]
    sure_by: Mapping[str, float]
    believed: float


@dataclass(frozen=True, slots=True)
class KindExplained:
    """The candidates of one kind.

    Attributes:
        found: All candidates; the first of them are in *suggestions*.
        needed: Confidence that opens an answer; ``None``: no confidence does.
        beside: Confidence that is enough beside another link.
        limit: Links of this kind in one answer.
    """

    kind: Kind
    found: int
    needed: float | None
    beside: float
    limit: int
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """What a question means in another language, as far as the bridge knows.

    Attributes:
        share: Of what it says, as far as that is known there, in [0, 1].
        text: Its likeliest words.
    """

    language: str
    share: float
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A question, all that was found, and the verdict.

    Attributes:
        language: As it was understood; so *carried*.
        topic_id: ``None`` for free text.
        stored: It is a topic as it is stored. The forum was not asked whether it is
            closed, too old or answered already: *speaks* is about its links alone.
        speaks: Whether the bot would answer.
        reasons: Why.
    """

    topic_id: int | None
    title: str
    text: str
    language: str | None
    carried: tuple[Carried, ...]
    model: ModelFacts
    precision: float
    min_confidence: float | None
    stored: bool
    speaks: bool
    reasons: tuple[str, ...]
    kinds: tuple[KindExplained, ...]


def explain(
    app: App,
    what: str,
    *,
    kinds: Collection[Kind] = tuple(Kind),
    languages: Collection[str] = (),
    limit: int = 10,
) -> Explanation:
    """Explain what the bot makes of a topic or of a text, as of now.

    A topic that was answered long ago is ranked with what is known today, its own
    replies included: only a replay knows what was known then.

    Args:
        what: The id of a topic of the bot's forum, stored or not; or a question.
        kinds: Only of these; the verdict is about all.
        languages: Only candidates in these, all if none is named; likewise.
        limit: Candidates per kind.

    Raises:
        ConfigError: A topic is asked for, and no forum is configured.
        ForumError: The topic is not stored, and cannot be read.
        InvalidQueryError: There is no word to search for.
        StoreError, SearchIndexError, EmbeddingError: They cannot be used.
    """
    with app.open_store(readonly=True) as store, app.searcher(store) as searcher:
        topic_id = TopicId(int(what)) if _is_id(what) else None
        asked = (
            # Its language is told as that of any search.
            _Asked(Question("", what))
            if topic_id is None
            else _asked(app, store, topic_id)
        )
        question, against = asked.question, asked.against
        found = app.look_for(searcher, question)
    settings = app.policy_settings()
    # Another source, such as an archive, may hold the topic as well.
    others = [hit for hit in found.hits if not same_address(hit, asked.url)]
    language = found.question.language
    verdict = judge_links(others, settings, language=language)
    reasons = (*against, *verdict.reasons)
    verdict = Verdict(verdict.speak and not against, reasons, verdict.picks)
    weighed = weigh(others, settings, language=language)
    by_document = {each.hit.ranked_id: each for each in weighed}
    ranked_by = app.ranking_model()
    return Explanation(
        topic_id=topic_id,
        title=question.title,
        text=question.body,
        language=language,
        carried=tuple(
            Carried(each.language, round(each.carried, 3), each.text)
            for each in found.carried
        ),
        model=app.model_on_disk.facts(),
        precision=settings.precision,
        min_confidence=settings.min_confidence,
        stored=asked.stored,
        speaks=verdict.speak,
        reasons=verdict.reasons,
        kinds=tuple(
            _kind(
                each,
                found,
                by_document,
                settings,
                verdict,
                ranked_by.of(each.kind).calibration,
                languages,
                limit,
            )
            for each in found.rankings
            if each.kind in kinds
        ),
    )


def _is_id(what: str) -> bool:
    return what.isascii() and what.isdecimal() and len(what) < 19


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked, and what speaks against answering it, where that is known."""

    question: Question
    against: tuple[str, ...] = ()
    url: str = ""
    stored: bool = False


def _asked(app: App, store: Store, topic_id: TopicId) -> _Asked:
    name, _ = app.bot_forum()
    stored = store.documents.find(name, str(topic_id))
    if stored is not None:
        question = question_of_stored(store, stored.id)
        if question is None:
            raise KBError(f"topic {topic_id} is stored without a post")
        return _Asked(question, url=stored.url, stored=True)
    with app.forum(only_read=True) as forum:
        topic = forum.topic(topic_id)
    languages = app.config.community.languages
    question = question_of_topic(topic, store, source=name, languages=languages)
    against = objections(topic, app.policy_settings(), app.clock())
    return _Asked(question, against, topic.url)


def _kind(
    ranking: Ranking,
    found: Explained,
    weighed: Mapping[DocumentId, Weighed],
    settings: PolicySettings,
    verdict: Verdict,
    calibration: Calibration,
    languages: Collection[str],
    limit: int,
) -> KindExplained:
    places = [
        (place, each)
        for place, each in enumerate(ranking.ranked, start=1)
        if not languages
        or primary(found.documents[each.candidate.document_id].language) in languages
    ]
    need = needed(ranking.kind, settings, language=found.question.language)
    return KindExplained(
        kind=ranking.kind,
        found=len(ranking.ranked),
        needed=need.confidence,
        beside=need.beside,
        limit=settings.limit(ranking.kind),
        suggestions=tuple(
            _suggestion(
                place, each, ranking, found.documents, weighed, verdict, calibration
            )
            for place, each in places[:limit]
        ),
    )


def _suggestion(
    place: int,
    ranked: Ranked,
    ranking: Ranking,
    documents: Mapping[DocumentId, DocumentSummary],
    weighed: Mapping[DocumentId, Weighed],
    verdict: Verdict,
    calibration: Calibration,
) -> Suggestion:
    document_id = ranked.candidate.document_id
    into = ranking.folded.get(document_id)
    known = weighed.get(document_id)
    if into is not None:
        linked, why = False, f"“{documents[into].title}” stands for it"
    elif known is None:
        linked, why = False, "enough others of its kind fit better"
    elif known.chosen and not verdict.speak:
        linked, why = False, f"{known.why}, but there is no answer"
    else:
        linked, why = known.chosen, known.why
    # Of several versions of a page the one that would be linked.
    shown = documents[document_id] if known is None else known.hit.document
    row = [ranked.evidence[name] for name in calibration.names]
    added = calibration.added(ranked.evidence)
    return Suggestion(
        place=place,
        title=shown.title,
        url=shown.url,
        language=shown.language,
        score=ranked.score,
        confidence=ranked.confidence,
        linked=linked,
        why=why,
        folded_into=None if into is None else documents[into].url,
        contributions=_contributions(ranked),
        signals=ranked.candidate.signals,
        evidence=ranked.evidence,
        sure_by=dict(sorted(added.items(), key=lambda item: -abs(item[1]))),
        believed=float(calibration.believed([row])[0]),
    )


def _contributions(ranked: Ranked) -> tuple[Contribution, ...]:
    signals = ranked.candidate.signals
    ordered: Sequence[tuple[str, float]] = sorted(
        ranked.contributions.items(), key=lambda item: -abs(item[1])
    )
    return tuple(
        Contribution(name, added, signals.get(name), SIGNALS[name].about)
        for name, added in ordered
    )
