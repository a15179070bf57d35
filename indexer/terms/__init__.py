"""Files of translations, each format in a module of its own.

A parser takes bytes and a `File`, and gives a `Said`: texts as they are written, with
the key of their unit, and the faults that it met.
"""

from indexer.terms.reading import MAX_FILE_BYTES, SUFFIXES, TERMS_FORMAT, read_terms
from indexer.terms.records import File, Raw, Said, TermsError

__all__ = [
    "MAX_FILE_BYTES",
    "SUFFIXES",
    "TERMS_FORMAT",
    "File",
    "Raw",
    "Said",
    "TermsError",
    "read_terms",
]
