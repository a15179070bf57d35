"""A forum's history in time order: what would have been suggested for each topic.

For every topic in the labels, older threads and the documentation are ranked by
the searcher's own code, with nothing that came after the topic was created: not a
post, not a topic, not a word count, and no lesson of what was linked later. The
community's own links teach the ranking on the way, as `baraza learn` does; the
labels are only what it is measured by. `RUN` is written for a scorer to compare
with what people linked in reply.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from bot.config import Config
from bot.config_fields import web_address
from bot.figures import measured, save_figures
from bot.history import read_history
from bot.labels import KIND_NAMES, Label, read_labels
from bot.models import open_model
from bot.past import embed_history, open_past
from bot.replay_report import (
    KindFigures,
    ReplayOutcome,
    ReplaySuggestion,
    render_report,
    summarise,
)
from bot.study import Asked, Met, lessons, meet, unanswered, walk
from bot.timeline import History, Progress
from indexer.chunk import chunk_document
from indexer.sources.archive import ArchiveSource
from indexer.sources.markdown import DocsArchive
from kb.embed import open_tokenizer
from kb.embed.cached import CachedEmbedder
from kb.errors import ConfigError, SourceError
from kb.learner import Learner
from kb.model import RankingModel, starting_model
from kb.rank import Ranked
from kb.signals import without as signals_without
from kb.store import EmbeddingCache
from kb.thresholds import Thresholds
from kb.types import DocumentId, Kind

log = logging.getLogger(__name__)

# The scorers read ten; twice that shows near misses.
LISTED = 20
# The report's figures are of all questions of a kind but the first quarter, for which
# next to nothing had been learned; each was unseen when it came.
_HELD_BACK = 0.75


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay did.

    Attributes:
        topics: Labelled topics that were ranked for.
        lessons: Topics whose answers the ranking learned from.
        missing: Labelled topics that the archive lacks.
        skipped: Records of the files that could not be read.
        embedded: Texts that the model had to read; the others were cached.
        started_from: The weights before anything was learned.
    """

    topics: int
    lessons: int
    missing: int
    skipped: int
    threads: int
    pages: int
    passages: int
    embedded: int
    seconds: float
    started_from: str
    out: str
    report: str | None = None

    def __str__(self) -> str:
        written = self.out if self.report is None else f"{self.out}\n{self.report}"
        return (
            f"{self.topics} topics ranked against {self.threads} threads and "
            f"{self.pages} pages ({self.passages} passages, {self.embedded} newly "
            f"embedded) in {self.seconds:.0f} s; learned on the way from "
            f"{self.lessons} topics, starting from {self.started_from}; "
            f"{self.missing} labelled topics not in the archive, {self.skipped} "
            f"records skipped\n{written}"
        )


def replay(
    config: Config,
    *,
    archive: Path,
    docs: Path | None,
    labels: Path,
    forum_url: str,
    out: Path,
    report: Path | None = None,
    save_model: Path | None = None,
    figures: Path | None = None,
    without: Sequence[str] = (),
    start: RankingModel | None = None,
    progress: Progress = lambda _step, _done, _todo: None,
) -> ReplayReport:
    """Rank for each labelled topic, and write the run.

    Args:
        config: Model, passage length, rules for links and the folder of the
            embedding cache.
        archive: Topics with their posts, JSON Lines, gzipped or not.
        docs: Pages of documentation likewise; ``None`` ranks threads only.
        labels: ``{"topic_id", "created_at", "threads", "docs"}`` per line.
        forum_url: Where the archive's topics can be read.
        out: Replaced only by a complete run.
        report: Where to write an HTML page about it.
        save_model: Where to write what was learned by the end, for use elsewhere.
        figures: Where to write how often it was right, for `baraza readiness`.
        without: Signals or groups not to be used, see `kb.signals`.
        start: The weights to start from; ``None`` takes the shipped ones, unless
            they were learned on this forum and know what is to be replayed.

    Raises:
        ConfigError: *forum_url* is no address, or *without* names no signal.
        SourceError: A file cannot be read, *out* cannot be written, or the archive
            has none of the labelled topics.
        RecordError: A label is malformed.
        EmbeddingError: The model is missing or failed.
        StoreError: The cache cannot be used.
        LeakError: Something later than a question was about to be used for it.
    """
    started = time.monotonic()
    try:
        web_address(forum_url)
    except ValueError as exc:
        raise ConfigError("--forum-url", str(exc)) from exc
    try:
        names = signals_without(without)
    except ValueError as exc:
        raise ConfigError("--without", str(exc)) from exc
    for path in filter(None, (out, report, figures)):
        if path.exists() and not path.is_file():
            raise SourceError(str(path), "cannot be written: no file")
    wanted = read_labels(labels)
    history = read_files(config, archive, docs, forum_url, progress)
    known = [label for label in wanted if history.thread(label.topic_id) is not None]
    if not known:
        raise SourceError(
            str(archive),
            f"none of the {len(wanted)} labelled topics is in it "
            f"({sum(1 for _ in history.threads)} read, {len(history.skipped)} skipped)",
        )
    questions = questions_of(history, known)
    model = start or starting_model([forum_url], min(asked.at for asked in questions))
    with EmbeddingCache.open(config.data_dir / "embeddings.db") as cache:
        embedder = CachedEmbedder(
            open_model(config.embedding, config.data_dir / "models"),
            cache,
        )
        outcomes, others = list[ReplayOutcome](), list[ReplayOutcome]()
        if report is not None:
            met_already = {asked.document_id for asked in questions}
            more = (a for a in unanswered(history) if a.document_id not in met_already)
            questions += more
        vectors = embed_history(history, embedder, progress=progress)
        with closing(open_past(history, vectors, embedder)) as past:
            found = walk(
                history,
                past,
                questions,
                embedder,
                depth=config.search.depth,
                progress=progress,
            )
            learner = Learner(model, names)
            met = (meet(each, learner) for each in found)
            rows = _rows(met, known, history, outcomes, others)
            topics = _write(out, rows)
        # The report tells the same, whether this is saved or not.
        at_the_end = learned(learner, history, forum_url)
        thresholds = at_the_end.thresholds
        if save_model is not None:
            at_the_end.save(save_model)
        late = _summary(outcomes, others, thresholds)
        if figures is not None:
            save_figures(figures, measured(late))
        if report is not None:
            _write_report(report, late, config.community.name)
        threads = sum(1 for _ in history.threads)
        return ReplayReport(
            topics=topics,
            lessons=len(lessons(history)),
            missing=len(wanted) - topics,
            skipped=len(history.skipped),
            threads=threads,
            pages=len(history.documents) - threads,
            passages=len(vectors),
            embedded=embedder.embedded,
            seconds=round(time.monotonic() - started, 1),
            started_from="hand-set weights"
            if not model.learned_on
            else f"weights learned on {model.learned_on}",
            out=str(out),
            report=None if report is None else str(report),
        )


def learned(learner: Learner, history: History, forum_url: str) -> RankingModel:
    """What can be learned from all of a history, with thresholds.

    Where nothing was linked, what the learner began with, under its own name.
    """
    # After the last post: nothing in it is later than the moment of learning.
    end = max(event.at for event in history.events) + timedelta(seconds=1)
    model = learner.learn(end)
    if model.learned_until != end:
        return learner.start
    return replace(model, learned_on=forum_url)


def read_files(
    config: Config,
    archive: Path,
    docs: Path | None,
    forum_url: str,
    progress: Progress,
) -> History:
    """The history that files hold; what cannot be read of them is logged.

    Raises:
        SourceError: A file cannot be read at all.
        EmbeddingError: The model whose tokens passages are cut by is missing.
    """
    count_tokens = open_tokenizer(config.chunking.tokenizer, config.data_dir / "models")
    read = 0

    def one_more(count: int) -> None:
        nonlocal read
        read += count
        progress("reading", read, 0)

    history = read_history(
        ArchiveSource("archive", archive, forum_url=forum_url),
        None if docs is None else DocsArchive("docs", docs),
        chunk=lambda document: chunk_document(
            document,
            count_tokens=count_tokens,
            max_tokens=config.chunking.max_tokens,
        ),
        languages=tuple(config.community.languages),
        rules=config.link_rules(),
        progress=one_more,
    )
    for key, reason in history.skipped:
        log.warning("key=%s skipped: %s", key, reason)
    return history


def questions_of(history: History, labels: Sequence[Label]) -> list[Asked]:
    """Those that are measured and those that are only learned from."""
    asked = {lesson.document_id: lesson for lesson in lessons(history)}
    for label in labels:
        thread = history.thread(label.topic_id)
        if thread is not None:
            asked[thread.id] = Asked(thread.id, label.created_at)
    return list(asked.values())


def _rows(
    met: Iterator[Met],
    labels: Sequence[Label],
    history: History,
    outcomes: list[ReplayOutcome],
    others: list[ReplayOutcome],
) -> Iterator[dict[str, Any]]:
    """A row of the run per label, in the order of time; notes what became of it.

    Args:
        outcomes: Per label and kind that people linked, is added to.
        others: Likewise of what nobody answered with a link.
    """
    by_document = {}
    for label in labels:
        thread = history.thread(label.topic_id)
        if thread is not None:
            by_document[thread.id] = label
    for each in met:
        if each.asked.document_id not in by_document:
            if not history.linked(each.asked.document_id):
                others += _outcomes(each, history, {})
            continue
        label = by_document[each.asked.document_id]
        yield row_of(label, each.ranked, history)
        outcomes += (
            outcome
            for outcome in _outcomes(each, history, label.linked)
            if outcome.relevant
        )


def row_of(
    label: Label, rankings: Mapping[Kind, Sequence[Ranked]], history: History
) -> dict[str, Any]:
    row: dict[str, Any] = {"topic_id": label.topic_id}
    confidence = {}
    for kind, name in KIND_NAMES.items():
        ranked = rankings.get(kind, ())
        row[name] = [
            {
                "id": _key(kind, item.candidate.document_id, history),
                "score": round(item.score, 6),
                "confidence": round(item.confidence, 6),
            }
            for item in ranked[:LISTED]
        ]
        if ranked:
            confidence[name] = round(ranked[0].confidence, 6)
    return row | {"confidence": confidence}


def _outcomes(
    met: Met, history: History, linked: Mapping[Kind, frozenset[str]]
) -> Iterator[ReplayOutcome]:
    """What became of a question, per kind."""
    for kind in met.rankings:
        if kind in KIND_NAMES:
            yield _outcome(met, kind, history, linked.get(kind, frozenset()))


def _outcome(
    met: Met, kind: Kind, history: History, right: frozenset[str]
) -> ReplayOutcome:
    thread = history.documents[met.asked.document_id]
    ranking, calibration = met.rankings[kind], met.model.of(kind).calibration
    there = [
        d.id for d in history.documents.values() if d.kind is kind and d.key in right
    ]
    # Whoever linked a page that another stands for would have been helped by it.
    helpful = {ranking.stands_for(document_id) for document_id in there}

    def place(document_id: DocumentId) -> tuple[str, str]:
        document = history.documents[document_id]
        return document.title, document.url

    suggestions = []
    for item in ranking.kept[:LISTED]:
        document_id = item.candidate.document_id
        title, url = place(document_id)
        suggestions.append(
            ReplaySuggestion(
                title=title,
                url=url,
                confidence=item.confidence,
                right=document_id in helpful,
                contributions=tuple(calibration.added(item.evidence).items()),
            )
        )
    shown_for = {
        chosen.asked
        for chosen in met.model.thresholds
        if suggestions
        and chosen.shows(kind, thread.language or "", suggestions[0].confidence)
    }
    return ReplayOutcome(
        topic_id=int(thread.key),
        kind=kind,
        title=thread.title,
        url=place(thread.id)[1],
        asked_at=met.asked.at,
        language=thread.language or "",
        suggestions=tuple(suggestions),
        linked=tuple(map(place, there)),
        relevant=len(helpful) + len(right) - len(there),
        shown_for=frozenset(shown_for),
    )


def _key(kind: Kind, document_id: DocumentId, history: History) -> int | str:
    key = history.documents[document_id].key
    return int(key) if kind is Kind.THREAD else key


def _summary(
    outcomes: Sequence[ReplayOutcome],
    others: Sequence[ReplayOutcome],
    thresholds: Sequence[Thresholds],
) -> list[KindFigures]:
    """The last part of a run, when there was something to learn from."""
    late: list[ReplayOutcome] = []
    unanswered_late: list[ReplayOutcome] = []
    for kind in KIND_NAMES:
        of_kind = [outcome for outcome in outcomes if outcome.kind is kind]
        held_back = of_kind[round(len(of_kind) * (1 - _HELD_BACK)) :]
        late += held_back
        unanswered_late += (
            other
            for other in others
            if other.kind is kind
            and (not held_back or other.asked_at >= held_back[0].asked_at)
        )
    return summarise(late, thresholds, unanswered=unanswered_late)


def _write_report(path: Path, figures: Sequence[KindFigures], community: str) -> None:
    page = render_report(figures, community=community, made_at=datetime.now(UTC))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as exc:
        raise SourceError(str(path), f"cannot be written: {exc}") from exc


def _write(out: Path, rows: Iterator[dict[str, Any]]) -> int:
    """Write all rows or leave *out* as it was; returns how many."""
    draft = out.with_name(f"{out.name}.part")
    count = 0
    try:
        with _open_text(draft, out.suffix == ".gz") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        os.replace(draft, out)
    except OSError as exc:
        raise SourceError(str(out), f"cannot be written: {exc}") from exc
    finally:
        draft.unlink(missing_ok=True)
    return count


def _open_text(path: Path, zipped: bool) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    if zipped:
        return gzip.open(path, "wt", encoding="utf-8")
    return path.open("w", encoding="utf-8")
