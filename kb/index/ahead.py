"""Embedding for an index that is still to come, while another one answers.

A change of model means that every text is embedded again, which may take hours. Here
that is done into the cache alone, in small steps that may end and go on at any time;
once the cache knows all, `build_index` takes no longer than the writing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, islice

from kb.embed import Embedder
from kb.embed.cached import CachedEmbedder
from kb.index.known import new_titles
from kb.store import EmbeddingCache, Store
from kb.types import PassageId, content_hash

# Texts that are lost when the process is killed; a large model reads a few a second.
_BATCH = 128


def embed_ahead(
    store: Store,
    embedder: Embedder,
    cache: EmbeddingCache,
    *,
    go_on: Callable[[], bool] = lambda: True,
    progress: Callable[[int, int], None] | None = None,
) -> bool:
    """Let the cache know the vectors of all that is searched.

    The store may be written meanwhile; it is read in pages, so its write-ahead log
    does not grow for hours.

    Args:
        go_on: Asked before each batch; False ends it.
        progress: Called with the texts done, those that were known before among
            them, and all texts: passages, and titles that are new.

    Returns:
        False if it was ended before all was embedded.

    Raises:
        EmbeddingError: The model failed.
        StoreError: The store or the cache cannot be read or written.
    """
    model_id = embedder.model_id
    cached = CachedEmbedder(embedder, cache)
    titles = new_titles(store, cache, model_id)
    total = store.passages.count() + len(titles)
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            # What came meanwhile was not counted at the start.
            progress(done, max(done, total))

    for count, texts in chain(_pages(store), _batches(titles)):
        before = done
        # Known ones are not read: their vectors are of no use here.
        new = set(cache.missing(model_id, texts))
        if new:
            if not go_on():
                return False
            missing = [text for hashed, text in texts.items() if hashed in new]
            cached.embed_passages(missing, progress=tick)
        tick(count - (done - before))
    return True


def _pages(store: Store) -> Iterator[tuple[int, dict[str, str]]]:
    """Passages, a page at a time: how many, and their texts by hash. Each page is one
    short look."""
    last = PassageId(0)
    while True:
        with closing(store.passages.indexable(after_id=last)) as passages:
            page = list(islice(passages, _BATCH))
        if not page:
            return
        last = page[-1].id
        yield len(page), {passage.content_hash: passage.input for passage in page}


def _batches(texts: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    for start in range(0, len(texts), _BATCH):
        some = texts[start : start + _BATCH]
        yield len(some), {content_hash(text): text for text in some}
