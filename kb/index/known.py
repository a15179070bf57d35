"""Which texts an index needs the vectors of, and which of them are known.

Needs no index library: ``baraza status`` asks it, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from kb.store import EmbeddingCache, Store
from kb.types import content_hash


def title_hashes(store: Store) -> Iterator[str]:
    """Keys in the embedding cache of the titles that are stored now."""
    return (content_hash(title) for _, title in store.evidence.titles())


def new_titles(store: Store, cache: EmbeddingCache, model_id: str) -> list[str]:
    """The titles that the cache holds no vector of, each once."""
    by_hash = {content_hash(title): title for _, title in store.evidence.titles()}
    return [by_hash[hashed] for hashed in cache.missing(model_id, by_hash)]


def known_of(store: Store, cache: EmbeddingCache, model_id: str) -> tuple[int, int]:
    """Of how many texts the cache has a vector by that model, and how many there are,
    equal ones counted once.

    Raises:
        StoreError: The store or the cache cannot be read.
    """
    wanted = _hashes(store)
    missing = sum(1 for _ in cache.missing(model_id, wanted))
    return len(wanted) - missing, len(wanted)


def count_texts(store: Store) -> int:
    """How many texts there are, as `known_of` counts them.

    Raises:
        StoreError: The store cannot be read.
    """
    return len(_hashes(store))


def _hashes(store: Store) -> set[str]:
    return {*store.passages.content_hashes(), *title_hashes(store)}
