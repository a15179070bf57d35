"""The models of an installation: the one that the config names, and the one that the
index in use was made with, as long as that is another.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import Embedding
from kb.embed.models import HASHING, ModelRef, absolute
from kb.errors import EmbeddingError, StaleIndexError

if TYPE_CHECKING:
    from kb.embed import Embedder
    from kb.index import Stamp

log = logging.getLogger(__name__)

# Names in the ids of models, and how those are called in a config. A name of the
# model hub stands in an id as it is.
_CALLED = {"all-MiniLM-L6-v2": "packaged"}


def open_model(settings: Embedding, cache_dir: Path) -> Embedder:
    """Open the model that the config names; see `kb.embed.open_embedder`.

    Raises:
        EmbeddingError: It is nowhere, damaged, or does not fit the backend.
    """
    from kb.embed import open_embedder

    ref = ref_of(settings)
    return open_embedder(
        ref.model,
        cache_dir=cache_dir,
        backend=settings.backend,
        prompts=ref.prompts,
        multilingual=ref.multilingual,
    )


def ref_of(settings: Embedding) -> ModelRef:
    """How the model of the config is opened, by a process started anywhere."""
    said = settings.multilingual
    return ModelRef(
        absolute(settings.model),
        settings.query_prompt,
        settings.passage_prompt,
        multilingual=None if said == "auto" else said,
    )


class Models:
    """Opens each model once; for many threads.

    Args:
        folder: For converted models.
    """

    def __init__(self, settings: Embedding, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self.ref = ref_of(settings)
        self._opening = threading.Lock()
        self._configured: Embedder | None = None
        self._configured_id: str | None = None
        # Its own: the first opening of a model takes minutes, and who searches with
        # the other one does not wait for it.
        self._opening_other = threading.Lock()
        self._other: Embedder | None = None

    @property
    def configured(self) -> Embedder:
        """The model that the config names.

        Raises:
            EmbeddingError: It is nowhere, damaged, or does not fit the backend.
        """
        with self._opening:
            if self._configured is None:
                self._configured = open_model(self._settings, self._folder)
                self._configured_id = self._configured.model_id
            return self._configured

    def configured_id(self) -> str | None:
        """Its id, found without opening it; ``None`` if it is not on this machine."""
        if self._configured_id is None:
            self._configured_id = self._find_id()
        return self._configured_id

    def _find_id(self) -> str | None:
        if self.ref.model == HASHING:
            return self.configured.model_id
        from kb.embed.models import find_model

        try:
            return find_model(
                self.ref.model,
                cache_dir=self._folder,
                allow_download=False,
                prompts=self.ref.prompts,
            ).model_id
        except EmbeddingError as exc:
            log.debug("model=%s: %s", self.ref.model, exc)
            return None

    def ref_in(self, stamp: Stamp) -> ModelRef:
        """How the model of an index is opened."""
        return stamp.model or _guessed(stamp.model_id)

    def made(self, stamp: Stamp) -> bool:
        """Whether an index is one of the model that the config names."""
        ref = self.ref_in(stamp)
        # Under one name stands one model; if somebody put another in its place, the
        # index does not fit it, and who opens the index is told so.
        return ref.makes_vectors_of(self.ref) or self.configured_id() == stamp.model_id

    def of(self, directory: Path, stamp: Stamp) -> Embedder:
        """The model that the index in *directory* is searched with.

        Raises:
            StaleIndexError: It was made with another model than the config names,
                and that one is not to be had any more.
            EmbeddingError: The model that the config names cannot be used.
        """
        other = self._other
        if other is not None and other.model_id == stamp.model_id:
            return other
        if self.made(stamp):
            # Nobody comes back to the other one.
            self._other = None
            return self.configured
        with self._opening_other:
            if self._other is None or self._other.model_id != stamp.model_id:
                self._other = self._open_other(directory, stamp)
            return self._other

    def _open_other(self, directory: Path, stamp: Stamp) -> Embedder:
        from kb.embed import open_embedder

        ref = self.ref_in(stamp)
        made_with = f"made with model {stamp.model_id}, not {self.ref.model}"
        try:
            # Whatever backend suits it: that of the config is meant for another model.
            embedder = open_embedder(
                ref.model,
                cache_dir=self._folder,
                prompts=ref.prompts,
                multilingual=ref.multilingual,
            )
        except EmbeddingError as exc:
            raise StaleIndexError(
                directory, f"{made_with}, and not to be searched ({exc}); {_MEND}"
            ) from exc
        if embedder.model_id != stamp.model_id:
            raise StaleIndexError(
                directory,
                f"{made_with}; at {ref.model} is another model by now; {_MEND}",
            )
        return embedder


_MEND = "put that model back, or run baraza index"


def _guessed(model_id: str) -> ModelRef:
    """How a model is opened whose index was made by an earlier version: as its id says,
    but for the place of a folder. Whether it is the right one is seen by its id."""
    name = model_id.partition("@")[0]
    if "@" not in model_id and name.startswith(f"{HASHING}-"):
        name = HASHING
    return ModelRef(_CALLED.get(name, name))
