"""The word indexes: which passages and documents share words with a question.

`TantivyIndex` finds passages, `TantivyTexts` whole documents field by field, both
by BM25; what stemming would blur (error codes, versions, paths, class names) is
matched whole. Questions are never parsed: ``AND``, quotes and brackets in them
are text like any other.

Derived from the store, and rebuilt from it at will.
"""

from kb.lexical.documents import FIELD_CHARS, TEXTS_FORMAT, TantivyTexts
from kb.lexical.passages import (
    COMMON_IDF,
    COMMON_PASSAGES,
    FIELD_WEIGHTS,
    LEXICAL_FORMAT,
    TantivyIndex,
)
from kb.lexical.protocol import LexicalHit, LexicalIndex, LexicalScore
from kb.lexical.question import (
    EXACT_WEIGHT,
    FIRST_WORDS,
    MAX_IDENTIFIERS,
    RARE_WORDS,
    TITLE_WORD_WEIGHT,
)

__all__ = [
    "COMMON_IDF",
    "COMMON_PASSAGES",
    "EXACT_WEIGHT",
    "FIELD_CHARS",
    "FIELD_WEIGHTS",
    "FIRST_WORDS",
    "LEXICAL_FORMAT",
    "MAX_IDENTIFIERS",
    "RARE_WORDS",
    "TEXTS_FORMAT",
    "TITLE_WORD_WEIGHT",
    "LexicalHit",
    "LexicalIndex",
    "LexicalScore",
    "TantivyIndex",
    "TantivyTexts",
]
