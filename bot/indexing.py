"""Bringing the index up to the store, also on the way from one model to another.

As long as the index in use is one of another model than the config names, it goes on
answering and is kept up with what is harvested, while all texts are embedded for the
index to come. Then that one takes its place, as a whole.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from kb.errors import SearchIndexError
from kb.index.stamp import current_directory, read_stamp
from kb.store import EmbeddingCache, Store

if TYPE_CHECKING:
    from bot.app import App
    from kb.embed import Embedder, ModelRef
    from kb.index import IndexReport

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

# What is new is found within this time, also when nobody calls.
_TURN_S = 600.0


class Turn:
    """How long one goes on embedding for another model before the index in use is
    brought up again: until that is called for, but at least as long as bringing it up
    took, so that a busy forum cannot hold the switch up for good.

    It begins when it is made, before the index in use is brought up.

    Args:
        is_called_for: Whether somebody waits for what is new to be found.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        is_called_for: Callable[[], bool],
        *,
        longest_s: float = _TURN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_called_for = is_called_for
        self._longest_s = longest_s
        self._clock = clock
        self._began = clock()
        self._from: float | None = None

    def __call__(self) -> bool:
        """Whether to go on; asked first when embedding begins."""
        now = self._clock()
        if self._from is None:
            self._from = now
        spent = now - self._from
        if spent <= self._from - self._began:
            return True
        return spent < self._longest_s and not self._is_called_for()


def bring_up(
    app: App,
    *,
    rebuild: bool = False,
    progress: Progress | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> IndexReport | None:
    """Bring the index up to the store and to the model of the config.

    Args:
        rebuild: Make it from nothing, and do nothing for the one in use meanwhile.
        progress: Called with the texts done and the texts to do.
        go_on: Asked now and then while texts are embedded for another model; False
            ends it, and the next call goes on from there.

    Returns:
        ``None`` if it was ended by *go_on*: the index in use was brought up.

    Raises:
        KBError: As `kb.index.build_index`; the index in use still stands.
    """
    from kb.index import build_index, embed_ahead
    from kb.lexical import TEXTS_FORMAT, TantivyIndex, TantivyTexts

    with app.open_store() as store, EmbeddingCache.open(app.cache_path) as cache:

        def build(
            embedder: Embedder, ref: ModelRef, *, keep: Collection[str] | None
        ) -> IndexReport:
            return build_index(
                store,
                embedder,
                cache,
                app.index_folder,
                lexical=TantivyIndex,
                texts=TantivyTexts,
                texts_format=TEXTS_FORMAT,
                rebuild=rebuild,
                progress=progress,
                model=ref,
                keep=keep,
            )

        before = _before(app, store)
        if before is None:
            return build(app.models.configured, app.models.ref, keep=())
        answering, its_ref = before
        if not rebuild:
            # Of a model that is not on this machine yet not even the id is known.
            coming_id = app.models.configured_id()
            build(answering, its_ref, keep=None if coming_id is None else {coming_id})
        coming = app.models.configured
        if not embed_ahead(store, coming, cache, progress=progress, go_on=go_on):
            return None
        report = build(coming, app.models.ref, keep=())
    log.info("model=%s answers, no longer %s", coming.model_id, answering.model_id)
    return replace(report, replaced=answering.model_id)


def _before(app: App, store: Store) -> tuple[Embedder, ModelRef] | None:
    """The model that answers, and how it is opened, if it is not that of the config."""
    try:
        directory = current_directory(app.index_folder)
        if directory is None:
            return None
        stamp = read_stamp(directory)
        if stamp.store_uuid != store.uuid or app.models.made(stamp):
            return None
        return app.models.of(directory, stamp), app.models.ref_in(stamp)
    except SearchIndexError as exc:
        log.warning("nothing answers until a new index is complete: %s", exc)
        return None
