"""A forum's history in time order: what would have been suggested for each topic.

For every topic in the labels, older threads and the documentation are ranked by
the searcher's own code, with nothing that came after the topic was created: not
a post, not a topic, not a word count. `RUN` is written for a scorer to compare
with what people linked in reply.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from bot.config import Config, web_address
from bot.history import read_history
from bot.present import Present
from bot.timeline import History, PostWritten
from indexer.chunk import chunk_document
from indexer.sources.archive import ArchiveSource
from indexer.sources.markdown import DocsArchive
from kb.embed import Embedder, Float32, open_embedder, open_tokenizer
from kb.embed.cached import CachedEmbedder
from kb.errors import ConfigError, RecordError, SourceError
from kb.lexical import TantivyIndex
from kb.rank import DEFAULT_WEIGHTS, Ranked, Weights, rank
from kb.retrieve import retrieve
from kb.store import EmbeddingCache
from kb.types import DocumentId, Kind, PassageId
from kb.vectors import FaissIndex

log = logging.getLogger(__name__)

# The scorers read ten; twice that shows near misses.
LISTED = 20
# Texts that are embedded together, and lost with a killed run.
_BATCH = 1024
_NAMES: Mapping[Kind, str] = {Kind.THREAD: "threads", Kind.DOCS: "docs"}

Progress = Callable[[str, int, int], None]
"""Called with a step's name, what is done and what is to do (0: not known)."""


@dataclass(frozen=True, slots=True)
class Label:
    """A topic that people answered with links."""

    topic_id: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay did.

    Attributes:
        topics: Labelled topics that were ranked for.
        missing: Labelled topics that the archive lacks.
        skipped: Records of the files that could not be read.
        embedded: Texts that the model had to read; the others were cached.
    """

    topics: int
    missing: int
    skipped: int
    threads: int
    pages: int
    passages: int
    embedded: int
    seconds: float
    out: str

    def __str__(self) -> str:
        return (
            f"{self.topics} topics ranked against {self.threads} threads and "
            f"{self.pages} pages ({self.passages} passages, {self.embedded} newly "
            f"embedded) in {self.seconds:.0f} s; {self.missing} labelled topics not in "
            f"the archive, {self.skipped} records skipped\n{self.out}"
        )


def replay(
    config: Config,
    *,
    archive: Path,
    docs: Path | None,
    labels: Path,
    forum_url: str,
    out: Path,
    progress: Progress = lambda _step, _done, _todo: None,
) -> ReplayReport:
    """Rank for each labelled topic, and write the run.

    Args:
        config: Model, passage length and the folder of the embedding cache.
        archive: Topics with their posts, JSON Lines, gzipped or not.
        docs: Pages of documentation likewise; ``None`` ranks threads only.
        labels: ``{"topic_id", "created_at", …}`` per line.
        forum_url: Where the archive's topics can be read.
        out: Replaced only by a complete run.

    Raises:
        ConfigError: *forum_url* is no address.
        SourceError: A file cannot be read, *out* cannot be written, or the archive
            has none of the labelled topics.
        RecordError: A label is malformed.
        EmbeddingError: The model is missing or failed.
        StoreError: The cache cannot be used.
    """
    started = time.monotonic()
    try:
        web_address(forum_url)
    except ValueError as exc:
        raise ConfigError("--forum-url", str(exc)) from exc
    if out.exists() and not out.is_file():
        raise SourceError(str(out), "cannot be written: no file")
    wanted = read_labels(labels)
    model = config.embedding.model
    models = config.data_dir / "models"
    count_tokens = open_tokenizer(model, models)
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
        rules=config.links.rules(forums=[forum_url]),
        progress=one_more,
    )
    for key, reason in history.skipped:
        log.warning("key=%s skipped: %s", key, reason)
    known = [label for label in wanted if history.thread(label.topic_id) is not None]
    if not known:
        raise SourceError(
            str(archive),
            f"none of the {len(wanted)} labelled topics is in it "
            f"({sum(1 for _ in history.threads)} read, {len(history.skipped)} skipped)",
        )
    with EmbeddingCache.open(config.data_dir / "embeddings.db") as cache:
        embedder = CachedEmbedder(
            open_embedder(model, cache_dir=models, backend=config.embedding.backend),
            cache,
        )
        vectors = embed_history(history, embedder, progress=progress)
        rows = walk(
            history,
            vectors,
            known,
            embedder,
            depth=config.search.depth,
            progress=progress,
        )
        topics = _write(out, rows)
        return ReplayReport(
            topics=topics,
            missing=len(wanted) - topics,
            skipped=len(history.skipped),
            threads=(threads := sum(1 for _ in history.threads)),
            pages=len(history.documents) - threads,
            passages=len(vectors),
            embedded=embedder.embedded,
            seconds=round(time.monotonic() - started, 1),
            out=str(out),
        )


def read_labels(path: Path) -> list[Label]:
    """The topics to rank for, in the order of time.

    Raises:
        SourceError: The file cannot be read, or holds none.
        RecordError: A line is not as it should be; it names file, line and field.
    """
    labels = []
    for where, row in _json_lines(path):
        if not isinstance(row, dict):
            raise RecordError(where, "line", "expected an object")
        topic_id, created_at = row.get("topic_id"), row.get("created_at")
        if not isinstance(topic_id, int) or isinstance(topic_id, bool):
            raise RecordError(where, "topic_id", "expected a whole number")
        labels.append(Label(topic_id, _moment(where, created_at)))
    if not labels:
        raise SourceError(str(path), "it holds no labels")
    return sorted(labels, key=lambda label: (label.created_at, label.topic_id))


def embed_history(
    history: History, embedder: Embedder, *, progress: Progress
) -> Float32:
    """Vectors of all passages: row ``i`` is that of passage ``i + 1``."""
    total = sum(1 for _ in history.passages)
    vectors = np.empty((total, embedder.dim), dtype=np.float32)
    passages = history.passages
    done = 0
    while batch := [passage.input for passage in islice(passages, _BATCH)]:
        vectors[done : done + len(batch)] = embedder.embed_passages(batch)
        done += len(batch)
        progress("embedding", done, total)
    return vectors


def walk(
    history: History,
    vectors: Float32,
    labels: Sequence[Label],
    embedder: Embedder,
    *,
    depth: int,
    weights: Mapping[Kind, Weights] = DEFAULT_WEIGHTS,
    progress: Progress = lambda _step, _done, _todo: None,
) -> Iterator[dict[str, Any]]:
    """Rank for one topic after another, while the indexes grow with the forum.

    Args:
        labels: In the order of time; each has its thread in *history*.
        depth: Passages per retriever and kind.

    Yields:
        A row of the run per label.
    """
    lexical = TantivyIndex.create(None)
    dense = {kind: FaissIndex(embedder.dim) for kind in _NAMES}
    present = Present(history.documents)
    events = iter(history.events)
    pending = next(events, None)
    for number, label in enumerate(labels, start=1):
        new: list[PostWritten] = []
        # Strictly earlier: the question itself is no candidate, nor is a topic
        # that was opened in the same moment.
        while pending is not None and pending.at < label.created_at:
            new.append(pending)
            pending = next(events, None)
        _take_in(new, present, lexical, dense, vectors)
        asked = history.documents[DocumentId(label.topic_id)]
        candidates = retrieve(
            asked.question,
            lexical=lexical,
            vectors=dense,
            embedder=embedder,
            kinds=_NAMES,
            describe=present.facts,
            visible_to=None,
            depth=depth,
            at=label.created_at,
        )
        # Its own posts may be older than its label says.
        others = [c for c in candidates if c.document_id != label.topic_id]
        yield _row(
            label,
            {
                kind: rank([c for c in others if c.kind is kind], weights[kind])
                for kind in _NAMES
            },
            history,
        )
        progress("ranking", number, len(labels))
    lexical.close()


def _take_in(
    events: Sequence[PostWritten],
    present: Present,
    lexical: TantivyIndex,
    dense: Mapping[Kind, FaissIndex],
    vectors: Float32,
) -> None:
    by_kind: dict[Kind, list[PassageId]] = {kind: [] for kind in dense}
    for event in events:
        present.happen(event)
        lexical.add(event.passages)
        for passage in event.passages:
            by_kind[passage.kind].append(passage.id)
    lexical.commit()
    for kind, ids in by_kind.items():
        if ids:
            rows = np.array(ids, dtype=np.int64)
            dense[kind].add(rows, vectors[rows - 1])


def _row(
    label: Label, rankings: Mapping[Kind, Sequence[Ranked]], history: History
) -> dict[str, Any]:
    row: dict[str, Any] = {"topic_id": label.topic_id}
    confidence = {}
    for kind, name in _NAMES.items():
        ranked = rankings[kind]
        row[name] = [
            {"id": _key(kind, item, history), "score": round(item.score, 6)}
            for item in ranked[:LISTED]
        ]
        if ranked:
            confidence[name] = round(ranked[0].confidence, 6)
    return row | {"confidence": confidence}


def _key(kind: Kind, item: Ranked, history: History) -> int | str:
    key = history.documents[item.candidate.document_id].key
    return int(key) if kind is Kind.THREAD else key


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


def _json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """``(file:line, value)`` of a JSON Lines file, gzipped or not."""
    number = 0
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        opener = gzip.open if zipped else open
        with opener(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path.name}:{number}", json.loads(line)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as exc:
        raise SourceError(str(path), f"cannot be read: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        where = f"{path.name}:{number}"
        reason = exc.msg if isinstance(exc, json.JSONDecodeError) else str(exc)
        raise RecordError(where, "line", f"expected JSON ({reason})") from exc


def _moment(where: str, text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RecordError(where, "created_at", "expected an ISO 8601 time with zone")
    return moment
