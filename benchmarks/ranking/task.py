"""What every way of ranking is given: one history, its questions and one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from bot.config import Config
from bot.labels import Label, read_labels
from bot.past import embed_history
from bot.replay import read_files
from bot.timeline import History, Progress
from kb.embed import Embedder, Float32, open_embedder
from kb.embed.cached import CachedEmbedder
from kb.errors import SourceError
from kb.store import EmbeddingCache


@dataclass(frozen=True)
class Task:
    """A forum's history with the questions to rank for.

    Attributes:
        labels: All whose topic the history has, in the order of time.
        since: Only questions from then on are ranked for and scored; what learns
            may learn from the earlier ones. ``None`` for all.
        embedder: The same for all ways; it remembers what it embedded.
    """

    config: Config
    history: History
    labels: Sequence[Label]
    embedder: Embedder
    since: datetime | None = None
    progress: Progress = lambda _step, _done, _todo: None

    @property
    def depth(self) -> int:
        """Passages per index and kind, as in `baraza replay`."""
        return self.config.search.depth

    @property
    def asked(self) -> list[Label]:
        """The labels to rank for."""
        if self.since is None:
            return list(self.labels)
        return [label for label in self.labels if label.created_at >= self.since]

    @cached_property
    def vectors(self) -> Float32:
        """Of all passages: row ``i`` is that of passage ``i + 1``."""
        return embed_history(self.history, self.embedder, progress=self.progress)


def read_task(
    config: Config,
    cache: EmbeddingCache,
    *,
    archive: Path,
    docs: Path | None,
    labels: Path,
    forum_url: str,
    since: datetime | None = None,
    progress: Progress = lambda _step, _done, _todo: None,
) -> Task:
    """Read the files as `baraza replay` does: same passages, same model, same labels.

    Raises:
        SourceError: A file cannot be read, or the archive has none of the topics.
        RecordError: A label is malformed.
        EmbeddingError: The model is missing.
    """
    wanted = read_labels(labels)
    history = read_files(config, archive, docs, forum_url, progress)
    known = [label for label in wanted if history.thread(label.topic_id) is not None]
    embedder = open_embedder(
        config.embedding.model,
        cache_dir=config.data_dir / "models",
        backend=config.embedding.backend,
    )
    task = Task(
        config, history, known, CachedEmbedder(embedder, cache), since, progress
    )
    if not task.asked:
        raise SourceError(str(archive), "none of the labelled topics is in it")
    return task
