"""The derived index: words and vectors of all passages, and of whole documents,
swapped as a whole.

`build_index` brings it up to the store; `open_index` opens it for searching and
refuses one that was not made from this store with this model. Whatever happens
to a build, the index in use is untouched until a complete one replaces it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kb.index.ahead import embed_ahead
    from kb.index.building import (
        IndexReport,
        LexicalFactory,
        LexicalWriter,
        build_index,
        forget_vectors,
    )
    from kb.index.documents import TextsFactory
    from kb.index.opening import OpenIndex, open_index
    from kb.index.stamp import Stamp, current_directory
else:
    # On first use: whoever only looks at a stamp need not wait for FAISS.
    _HOMES = {
        "embed_ahead": "ahead",
        "IndexReport": "building",
        "LexicalFactory": "building",
        "LexicalWriter": "building",
        "build_index": "building",
        "forget_vectors": "building",
        "OpenIndex": "opening",
        "open_index": "opening",
        "Stamp": "stamp",
        "TextsFactory": "documents",
        "current_directory": "stamp",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = [
    "IndexReport",
    "LexicalFactory",
    "LexicalWriter",
    "OpenIndex",
    "Stamp",
    "TextsFactory",
    "build_index",
    "current_directory",
    "embed_ahead",
    "forget_vectors",
    "open_index",
]
