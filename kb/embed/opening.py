"""From what stands in the config to an embedder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from kb.embed.hashing import HashingEmbedder, count_words
from kb.embed.models import (
    HASHING,
    OF_THE_MODEL,
    ModelSource,
    Prompts,
    find_model,
    locate,
)
from kb.embed.protocol import Embedder, TokenCounter, readable
from kb.errors import EmbeddingError

logger = logging.getLogger(__name__)

Backend = Literal["auto", "openvino", "torch"]


def open_embedder(
    model: str,
    *,
    cache_dir: Path,
    backend: Backend = "auto",
    allow_download: bool = True,
    prompts: Prompts = OF_THE_MODEL,
    multilingual: bool | None = None,
) -> Embedder:
    """Open the model that the config names.

    Args:
        model: ``packaged`` (MiniLM, no network needed), ``hashing`` (no model), a
            local folder, or any sentence-transformers name.
        cache_dir: For converted models; may be deleted at any time.
        backend: ``auto`` takes OpenVINO where the model can be converted (mean
            pooling), and PyTorch otherwise, with the reason in the log.
        allow_download: False leaves the model hub alone.
        prompts: Instead of those that the model was trained with.
        multilingual: What `Embedder.multilingual` says; ``None``: what is known of
            the model.

    Raises:
        EmbeddingError: The model is nowhere, damaged, or not for this *backend*.
    """
    if model == HASHING:
        return HashingEmbedder()
    source = find_model(
        model,
        cache_dir=cache_dir,
        allow_download=allow_download,
        prompts=prompts,
        multilingual=multilingual,
    )
    if backend == "torch":
        return _open_torch(source)
    try:
        # Half a second of import: only for models that need it.
        from kb.embed.convert import NotConvertibleError, converted
        from kb.embed.openvino import OpenVinoEmbedder
    except ImportError as exc:
        return _instead(source, backend, f"no openvino here ({exc})", exc)
    try:
        return OpenVinoEmbedder(source, converted(source, cache_dir))
    except NotConvertibleError as exc:
        return _instead(source, backend, str(exc), exc)


def open_tokenizer(
    model: str, cache_dir: Path, *, allow_download: bool = True
) -> TokenCounter:
    """A function that counts a text's tokens as *model* does, without its weights.

    Args:
        model: As for `open_embedder`.
        cache_dir: As for `open_embedder`.
        allow_download: As for `open_embedder`.

    Raises:
        EmbeddingError: The model is nowhere, or has no readable tokenizer.
    """
    if model == HASHING:
        return count_words
    _, folder = locate(model, allow_download=allow_download)
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as exc:
        # The library raises bare exceptions.
        raise EmbeddingError(
            model, f"{folder / 'tokenizer.json'} does not read: {exc}"
        ) from exc
    # The file may carry the length and padding that the model was trained with.
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count_tokens(text: str) -> int:
        # Without the places of tokens in the text, which take a third of the time.
        (encoding,) = tokenizer.encode_batch_fast(
            [readable(text)], add_special_tokens=False
        )
        return len(encoding.ids)

    return count_tokens


def _instead(
    source: ModelSource, backend: Backend, problem: str, cause: Exception
) -> Embedder:
    if backend == "openvino":
        raise EmbeddingError(
            source.name, f"cannot run on OpenVINO: {problem}; set the backend to auto"
        ) from cause
    logger.warning("model=%s runs on torch: %s", source.name, problem)
    return _open_torch(source)


def _open_torch(source: ModelSource) -> Embedder:
    from kb.embed.pytorch import TorchEmbedder

    return TorchEmbedder(source)
