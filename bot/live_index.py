"""The index that answers now, opened once and again whenever another took its place."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from kb.index import OpenIndex, current_directory
from kb.index.stamp import Stamp
from kb.lexical import LEXICAL_FORMAT, TEXTS_FORMAT, TantivyIndex
from kb.question import Question

if TYPE_CHECKING:
    from bot.app import App
    from kb.store import Store

# Any will do: what is loaded for it is loaded for all.
_FIRST = Question("How do I begin?", "")


class LiveIndex:
    """For many threads; each brings a store of its own.

    Raises, from both methods:
        StoreError, SearchIndexError, EmbeddingError: They cannot be used.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._index: OpenIndex[TantivyIndex] | None = None
        self._directory: Path | None = None

    def current(self, store: Store) -> OpenIndex[TantivyIndex]:
        """The index that is in use now, open; it is not to be closed."""
        folder = self._app.index_folder
        with self._lock:
            if (
                self._index is None
                or current_directory(folder) != self._directory
                or self._is_stale(self._index.stamp, store)
            ):
                # The one before is not closed: others may be searching in it.
                self._index = self._app.open_index(store)
                self._directory = self._index.directory
            return self._index

    def warm(self) -> None:
        """Ask it something, so that whoever asks next need not wait for what is loaded
        with the first question: models, links, people."""
        with self._app.open_store(readonly=True) as store:
            searcher = self._app.searcher_of(store, self.current(store))
            # What is held of documents is held from the second question on.
            for _ in range(2):
                self._app.look_for(searcher, _FIRST)

    def _is_stale(self, stamp: Stamp, store: Store) -> bool:
        """The store may be another one by now, or restored from a backup."""
        reason = stamp.stale_reason(
            store_uuid=store.uuid,
            store_generation=store.generation,
            # Under a running process the model of an index does not change.
            model_id=stamp.model_id,
            dim=stamp.dim,
            lexical_format=LEXICAL_FORMAT,
            texts_format=TEXTS_FORMAT,
        )
        return reason is not None
