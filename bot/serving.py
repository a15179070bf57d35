"""Searching for many threads at once, over an index that is replaced meanwhile."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from bot.listening import listen
from bot.schedule import Stop, stopping_on_signals
from kb.api import Found, create_app
from kb.types import Kind

if TYPE_CHECKING:
    from bot.app import App

log = logging.getLogger(__name__)


class LiveSearch:
    """The knowledge base as the query endpoint sees it.

    Each call has a store of its own, because a connection belongs to one thread.

    Raises, from both methods:
        StoreError, SearchIndexError, EmbeddingError: They cannot be used.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._index = app.live_index

    def search(
        self,
        query: str,
        limit: int,
        kinds: frozenset[Kind] | None,
        languages: frozenset[str] | None,
    ) -> Found:
        """What the public may find, best first."""
        with self._app.open_store(readonly=True) as store:
            searcher = self._app.searcher_of(store, self._index.current(store))
            found = searcher.explain(
                query, limit=limit, kinds=kinds, languages=languages
            )
            return Found(found.hits, found.question.language)

    def health(self) -> dict[str, Any]:
        """What searches are answered from."""
        with self._app.open_store(readonly=True) as store:
            index = self._index.current(store)
            return {
                "passages": index.stamp.passages,
                "model": index.stamp.model_id,
                "generation": index.stamp.generation,
                "lag": store.generation - index.stamp.generation,
            }


def serve_forever(app: App, *, host: str, port: int) -> None:
    """Serve the query endpoint until SIGTERM or Ctrl-C.

    Raises:
        KBError: The port is taken, or *host* is no address of this machine.
        ConfigError: See `bot.report.served.serve_report`.
        StoreError, SearchIndexError, EmbeddingError: Nothing can be searched yet.
    """
    import uvicorn

    live = LiveSearch(app)
    live.health()  # A service that cannot answer anything should not start.
    endpoint = create_app(live.search, live.health)
    if app.config.report.key_env is not None:
        # It brings all that a report is made with.
        from bot.report.served import serve_report

        serve_report(app, endpoint)
    listener = listen(host, port)
    bound = listener.getsockname()[1]
    log.info("listening on http://%s:%d", host, bound)
    click.echo(f"http://{host}:{bound}/api/search?q=…", err=True)
    if app.config.report.key_env is not None:
        click.echo(f"http://{host}:{bound}/report", err=True)
    config = uvicorn.Config(endpoint, log_config=None, access_log=False)
    # uvicorn ends on a signal and raises it again: then it must find a handler, or
    # an ordered end would look like a crash.
    with listener, stopping_on_signals(Stop()):
        uvicorn.Server(config).run(sockets=[listener])
