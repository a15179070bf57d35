"""The truth: one SQLite file, opened with `Store.open`.

SQL lives in this package alone. Each module is one part of the store and is
reached as an attribute: ``store.documents``, ``store.passages``,
``store.progress``, ``store.ledger``.
"""

from kb.store.connection import Store
from kb.store.documents import Documents
from kb.store.embeddings import EmbeddingCache
from kb.store.ledger import Decision, Ledger
from kb.store.passages import Passages
from kb.store.progress import Progress, SetAside, SourceState

__all__ = [
    "Decision",
    "Documents",
    "EmbeddingCache",
    "Ledger",
    "Passages",
    "Progress",
    "SetAside",
    "SourceState",
    "Store",
]
