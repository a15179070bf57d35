"""The query endpoint of an installation: put together, and served until the end."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from bot.config_sources import ForumSource
from bot.knowledge import Knowledge
from bot.listening import listen
from bot.schedule import Stop, stopping_on_signals
from kb.api import ApiSettings, create_app
from kb.api.serving import server_config
from kb.instant.searched import Searched

if TYPE_CHECKING:
    from fastapi import FastAPI

    from bot.app import App

# Python hands its lock from one thread to another every 5 ms: who waits for four
# others would wait longer than a search takes.
_SWITCH_S = 0.0005
# As malloc.h has it.
_M_ARENA_MAX, _ARENAS = -8, 2

log = logging.getLogger(__name__)


def api_settings(app: App) -> ApiSettings:
    """What the endpoint must know of the config."""
    config, serve = app.config, app.config.serve
    return ApiSettings(
        community=config.community.name,
        languages=tuple(config.community.languages),
        ask_url=serve.ask_url or _new_topic(app),
        public_url=serve.public_url or "",
        origins=tuple(serve.origins),
        requests_per_minute=serve.requests_per_minute,
        search_timeout_s=serve.search_timeout.total_seconds(),
        metrics=serve.metrics,
    )


def _new_topic(app: App) -> str:
    """Where the forum that the bot watches, else the first one, takes new topics."""
    sources = app.config.sources
    forums = {n: s for n, s in sources.items() if isinstance(s, ForumSource)}
    named = forums.get(app.config.bot.forum or "")
    for forum in [named, *(s for s in forums.values() if s.enabled)]:
        if forum is not None:
            return f"{forum.url}/new-topic"
    return ""


@contextmanager
def endpoint(app: App) -> Iterator[FastAPI]:
    """The application with its page and widget, and the moderators' report where it
    has a key; what is searched is kept in step for the time of the block.

    Raises:
        ConfigError: See `bot.report.served.serve_report`.
        StoreError, SearchIndexError, EmbeddingError: Nothing can be searched yet: a
            service that cannot answer anything should not start.
    """
    from kb.web.page import add_page
    from kb.web.widget import add_widget

    people = app.config.serve.min_searchers
    knowledge = Knowledge(app, searched=Searched(people) if people else None)
    settings = api_settings(app)
    if app.store_path.exists():
        # One of an earlier version is brought up to this one: words on hits are
        # written to it.
        app.open_store().close()
    knowledge.open()
    try:
        made = create_app(knowledge, settings)
        add_page(made, knowledge, settings)
        add_widget(made, knowledge, settings)
        if app.config.report.key_env is not None:
            # It brings all that a report is made with.
            from bot.report.served import serve_report

            serve_report(app, made)
        yield made
    finally:
        knowledge.close()


def _share_memory() -> None:
    """Keep glibc from giving each thread a pool of its own, which it never gives back:
    after some thousand searches by a dozen threads that is a tenth of all."""
    with suppress(OSError, AttributeError):  # Another C library has no such setting.
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def serve_forever(app: App, *, host: str, port: int) -> None:
    """Serve the query endpoint until SIGTERM or Ctrl-C.

    Raises:
        KBError: The port is taken, or *host* is no address of this machine.
        ConfigError, StoreError, SearchIndexError, EmbeddingError: See `endpoint`.
    """
    import uvicorn

    from kb.embed.runtime import one_thread_each

    sys.setswitchinterval(_SWITCH_S)
    _share_memory()
    one_thread_each()
    # First: a port that is taken is told at once, and who comes early waits.
    with listen(host, port) as listener, endpoint(app) as made:
        bound = listener.getsockname()[1]
        log.info("listening on http://%s:%d", host, bound)
        click.echo(f"http://{host}:{bound}/search", err=True)
        if app.config.report.key_env is not None:
            click.echo(f"http://{host}:{bound}/report", err=True)
        config = server_config(made, proxies=app.config.serve.trusted_proxies)
        # uvicorn ends on a signal and raises it again: then it must find a handler, or
        # an ordered end would look like a crash.
        with stopping_on_signals(Stop()):
            uvicorn.Server(config).run(sockets=[listener])
