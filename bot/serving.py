"""Searching for many threads at once, over an index that is replaced meanwhile."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.listening import listen
from bot.schedule import Stop, stopping_on_signals
from kb.api import Found, create_app
from kb.index import OpenIndex, current_directory
from kb.index.stamp import Stamp
from kb.lexical import LEXICAL_FORMAT, TEXTS_FORMAT, TantivyIndex
from kb.store import Store
from kb.types import Kind

if TYPE_CHECKING:
    from bot.app import App

log = logging.getLogger(__name__)


class LiveSearch:
    """The knowledge base as the query endpoint sees it.

    The index is opened once and again whenever a new one took its place; each call
    has a store of its own, because a connection belongs to one thread.

    Raises, from both methods:
        StoreError, SearchIndexError, EmbeddingError: They cannot be used.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._index: OpenIndex[TantivyIndex] | None = None
        self._directory: Path | None = None

    def search(
        self,
        query: str,
        limit: int,
        kinds: frozenset[Kind] | None,
        languages: frozenset[str] | None,
    ) -> Found:
        """What the public may find, best first."""
        with self._app.open_store(readonly=True) as store:
            searcher = self._app.searcher_of(store, self._current(store))
            found = searcher.explain(
                query, limit=limit, kinds=kinds, languages=languages
            )
            return Found(found.hits, found.question.language)

    def health(self) -> dict[str, Any]:
        """What searches are answered from."""
        with self._app.open_store(readonly=True) as store:
            index = self._current(store)
            return {
                "passages": index.stamp.passages,
                "model": index.stamp.model_id,
                "generation": index.stamp.generation,
                "lag": store.generation - index.stamp.generation,
            }

    def _current(self, store: Store) -> OpenIndex[TantivyIndex]:
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


def serve_forever(app: App, *, host: str, port: int) -> None:
    """Serve the query endpoint until SIGTERM or Ctrl-C.

    Raises:
        KBError: The port is taken, or *host* is no address of this machine.
        StoreError, SearchIndexError, EmbeddingError: Nothing can be searched yet.
    """
    import uvicorn

    live = LiveSearch(app)
    live.health()  # A service that cannot answer anything should not start.
    listener = listen(host, port)
    bound = listener.getsockname()[1]
    log.info("listening on http://%s:%d", host, bound)
    click.echo(f"http://{host}:{bound}/api/search?q=…", err=True)
    config = uvicorn.Config(
        create_app(live.search, live.health), log_config=None, access_log=False
    )
    # uvicorn ends on a signal and raises it again: then it must find a handler, or
    # an ordered end would look like a crash.
    with listener, stopping_on_signals(Stop()):
        uvicorn.Server(config).run(sockets=[listener])
