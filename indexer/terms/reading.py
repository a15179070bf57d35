"""A file of translations as parallel texts, whatever its format. Pure."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Mapping

from indexer.terms.android import read_android
from indexer.terms.gettext import read_gettext
from indexer.terms.naming import named
from indexer.terms.properties import read_properties
from indexer.terms.records import File, Said, TermsError
from indexer.terms.tables import read_csv, read_json_lines, read_tsv
from indexer.terms.wording import words_of
from kb.types import ParallelText, content_hash

TERMS_FORMAT = 1
"""Grows with every change of what a file is read as."""

MAX_FILE_BYTES = 50 * 2**20
"""Of a file, unpacked; larger ones are set aside."""
MAX_UNITS = 200_000
"""Of a file: what is over is left out, and told."""
MAX_CHARS = 2_000
"""Of a text: longer ones are no terms, and nothing pairs their words."""

FORMATS: Mapping[str, Callable[[bytes, File], Said]] = {
    ".po": read_gettext,
    ".properties": read_properties,
    ".xml": read_android,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_json_lines,
}
_HTML = re.compile(rb"\s*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE)
SUFFIXES = (*FORMATS, *(f"{suffix}.gz" for suffix in FORMATS))


def read_terms(
    data: bytes, file: File
) -> tuple[tuple[ParallelText, ...], tuple[str, ...]]:
    """What *file* says, with its faults.

    Raises:
        TermsError: Nothing in it can be read, or its format is unknown.
    """
    name = file.name.lower()
    if name.endswith(".gz"):
        data, name = _unpacked(data), name.removesuffix(".gz")
    if len(data) > MAX_FILE_BYTES:
        raise TermsError(f"{len(data)} bytes, more than {MAX_FILE_BYTES}")
    read = next((FORMATS[each] for each in FORMATS if name.endswith(each)), None)
    if read is None:
        raise TermsError(f"expected one of {', '.join(FORMATS)}")
    if _HTML.match(data):
        # A login in its place; it would read as properties, too.
        raise TermsError("is a page of HTML")
    said = read(data, file)
    family = named(file.name).family
    units: dict[str, str] = {}
    texts = []
    left_out = 0
    for raw in said.texts:
        if len(raw.text) > MAX_CHARS or not (words := words_of(raw.text)):
            continue
        if raw.key not in units:
            if len(units) >= MAX_UNITS:
                left_out += 1
                continue
            units[raw.key] = content_hash(family, raw.key)[:20]
        texts.append(ParallelText(units[raw.key], raw.language, words))
    faults = said.faults
    if faults and not texts:
        # Something else in its place, mostly: what the file said before stays.
        raise TermsError(f"nothing in it can be read: {faults[0]}")
    if left_out:
        faults = (*faults, f"more than {MAX_UNITS} units: {left_out} texts left out")
    return tuple(texts), faults


def _unpacked(data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            return packed.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as exc:
        raise TermsError(f"cannot be unpacked: {exc}") from exc
