"""From what the config says of a model to the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import Embedding

if TYPE_CHECKING:
    from kb.embed import Embedder


def open_model(settings: Embedding, cache_dir: Path) -> Embedder:
    """Open the model that the config names; see `kb.embed.open_embedder`.

    Raises:
        EmbeddingError: It is nowhere, damaged, or does not fit the backend.
    """
    from kb.embed import Prompts, open_embedder

    said = settings.multilingual
    return open_embedder(
        settings.model,
        cache_dir=cache_dir,
        backend=settings.backend,
        prompts=Prompts(settings.query_prompt, settings.passage_prompt),
        multilingual=None if said == "auto" else said,
    )
