"""Learn from a community's own links how to rank for it: what ``baraza learn`` does.

The stored history is walked once. Each question is ranked by what was known when it
was asked and then learned from, so the figures of the newest part are those of
suggestions that nobody had seen the answers to.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.held_back import Figures, Seen, figures_of
from bot.history import history_of_store
from bot.past import embed_history, open_past
from bot.ranking import thresholds_for
from bot.rated import rated_outcomes
from bot.study import Found, lessons, meet, unanswered, walk
from bot.timeline import History, Progress
from kb.embed.cached import CachedEmbedder
from kb.learn import MIN_EXAMPLES
from kb.learner import PRECISIONS, Learner
from kb.model import KindModel, RankingModel, plain_model, starting_model
from kb.rank import rank
from kb.signals import SIGNALS
from kb.signals import without as all_but
from kb.store import EmbeddingCache
from kb.thresholds import Outcome, Thresholds
from kb.types import Kind

if TYPE_CHECKING:
    from bot.app import App

# The newest questions, on which it is told how well the ranking does.
_HELD_BACK = 1 / 5


@dataclass(frozen=True, slots=True)
class Weight:
    """How much one signal counts.

    Attributes:
        weight: Per standard deviation among the candidates of a question.
    """

    name: str
    weight: float
    about: str


@dataclass(frozen=True, slots=True)
class KindReport:
    """What was learned about documents of one kind.

    Attributes:
        examples: Questions that were learned from.
        weights: By size, largest first; those of the start where too few questions
            could be learned from.
        figures: Of the newest questions; ``None`` without any.
        before: The same questions, with the model that learning started from.
    """

    kind: Kind
    examples: int
    weights: tuple[Weight, ...]
    figures: Figures | None = None
    before: Figures | None = None

    @property
    def is_learned(self) -> bool:
        """Whether its weights are its own."""
        return self.examples >= MIN_EXAMPLES


@dataclass(frozen=True, slots=True)
class LearnReport:
    """What `learn` did.

    Attributes:
        questions: That were answered with links, of *threads*.
        saved: False when there is too little history; then nothing changed.
        started_from: ``shipped`` or ``plain`` weights.
        held_back_since: When the first of the newest fifth was asked.
        ratings: Rated replies that the thresholds were chosen from as well.
        embedded: Texts that the model had to read; the others were cached.
    """

    threads: int
    questions: int
    saved: bool
    started_from: str
    precision: float
    learned_on: str = ""
    learned_until: datetime | None = None
    held_back_since: datetime | None = None
    kinds: tuple[KindReport, ...] = ()
    thresholds: tuple[Thresholds, ...] = ()
    ratings: int = 0
    embedded: int = 0
    seconds: float = 0.0


def learn(
    app: App, *, progress: Progress = lambda _step, _done, _todo: None
) -> LearnReport:
    """Learn from all that is stored and public, and save it as the model that ranks.

    The model is replaced as a whole, at the end; killed before, what was embedded
    is kept and the model in use stays.

    Raises:
        StoreError: There is no knowledge base yet, or it or the cache cannot be used.
        EmbeddingError: The model is missing or failed.
        ModelError: What was learned cannot be written.
        LeakError: Something later than a question was about to be used for it.
    """
    began = time.monotonic()
    history = _history(app, progress)
    questions = sorted(
        lessons(history), key=lambda asked: (asked.at, asked.document_id)
    )
    forums = _forums(app)
    start = starting_model(forums, questions[0].at if questions else None)
    started_from = "plain" if start is plain_model() else "shipped"
    threads = sum(1 for _ in history.threads)
    precision = app.config.bot.precision
    if len(questions) < MIN_EXAMPLES:
        seconds = round(time.monotonic() - began, 1)
        return LearnReport(
            threads, len(questions), False, started_from, precision, seconds=seconds
        )
    names = all_but(app.config.ranking.without)
    met = [*questions, *unanswered(history)]
    study = _Study(start.only(names), Learner(start, names), precision, len(questions))
    with EmbeddingCache.open(app.cache_path) as cache:
        embedder = CachedEmbedder(app.answering_embedder(), cache)
        vectors = embed_history(history, embedder, progress=progress)
        with closing(open_past(history, vectors, embedder)) as past:
            depth = app.config.search.depth
            for found in walk(
                history, past, met, embedder, depth=depth, progress=progress
            ):
                study.take(found)
    # Later than all that is learned from, whatever the clocks of forums say.
    until = max(app.clock(), questions[-1].at + timedelta(seconds=1))
    rated = _rated(app)
    model = study.learned(until, " ".join(forums), rated)
    is_worth_it = any(each.examples >= MIN_EXAMPLES for each in model.kinds.values())
    if is_worth_it:
        model.save(app.model_path)
    return LearnReport(
        threads=threads,
        questions=len(questions),
        saved=is_worth_it,
        started_from=started_from,
        precision=precision,
        learned_on=model.learned_on,
        learned_until=until,
        held_back_since=study.since,
        kinds=study.reports(model),
        thresholds=model.thresholds,
        ratings=len(rated),
        embedded=embedder.embedded,
        seconds=round(time.monotonic() - began, 1),
    )


def _rated(app: App) -> list[Outcome]:
    name = app.config.bot.forum
    if name is None:
        return []
    with app.open_store(readonly=True) as store:
        return rated_outcomes(store, name)


def _forums(app: App) -> list[str]:
    return list(app.config.link_rules().forums)


def _history(app: App, progress: Progress) -> History:
    read = 0

    def one_more(count: int) -> None:
        nonlocal read
        read += count
        progress("reading", read, 0)

    with app.open_store(readonly=True) as store:
        return history_of_store(store, progress=one_more)


@dataclass(slots=True)
class _Study:
    """Meets one question after another, and notes how the newest were ranked for.

    Attributes:
        total: Questions to meet that were answered with links; *met* of them were.
    """

    start: RankingModel
    learner: Learner
    precision: float
    total: int
    met: int = 0
    since: datetime | None = None
    thresholds: Thresholds = field(init=False)
    seen: list[Seen] = field(default_factory=list)
    before: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.thresholds = Thresholds(self.precision)

    def take(self, found: Found) -> None:
        is_held_back = self.met >= (1 - _HELD_BACK) * self.total
        self.met += any(found.linked.values())
        if is_held_back and self.since is None:
            # What the held-back questions are judged by, they have no say in.
            self.since = found.asked.at
            [self.thresholds] = self.learner.thresholds(self.since, [self.precision])
        met = meet(found, self.learner)
        if not is_held_back:
            return
        for kind, order in met.ranked.items():
            self.seen.append(Seen.of(kind, found.language, order, met.linked))
            # Near copies are left out of both.
            candidates = [each.candidate for each in order]
            first = rank(candidates, self.start.of(kind))
            self.before.append(Seen.of(kind, found.language, first, met.linked))

    def learned(
        self, until: datetime, learned_on: str, rated: Sequence[Outcome]
    ) -> RankingModel:
        """The model of all that was met, with the thresholds that ratings ask for."""
        model = self.learner.learn(until)
        precisions = sorted({*PRECISIONS, self.precision})
        return replace(
            model,
            learned_on=learned_on,
            thresholds=self.learner.thresholds(until, precisions, rated),
        )

    def reports(self, model: RankingModel) -> tuple[KindReport, ...]:
        """Per kind what was learned, in the order of `Kind`."""
        at_first = thresholds_for(self.start, self.precision)
        return tuple(
            KindReport(
                kind=kind,
                examples=model.kinds[kind].examples,
                weights=_weights(model.kinds[kind]),
                figures=figures_of(kind, self.seen, self.thresholds),
                before=figures_of(kind, self.before, at_first),
            )
            for kind in Kind
            if kind in model.kinds
        )


def _weights(model: KindModel) -> tuple[Weight, ...]:
    ordered = sorted(model.weights.items(), key=lambda item: -abs(item[1]))
    return tuple(Weight(n, round(w, 4), SIGNALS[n].about) for n, w in ordered)
