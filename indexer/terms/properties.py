"""Translations of Java programs: ``.properties`` files."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

import javaproperties

from indexer.terms.records import File, Raw, Said, TermsError

# A backslash that is itself escaped begins nothing.
_BAD_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u(?![0-9a-fA-F]{4})")
_GOES_ON = re.compile(r"(?<!\\)(?:\\\\)*\\$")


def read_properties(data: bytes, file: File) -> Said:
    r"""Each key with its text; of a key that stands twice the last counts, as in Java.

    The format's own encoding is ISO-8859-1 with ``\u`` escapes; UTF-8 is as common.

    Raises:
        TermsError: Neither its name nor the config tells the language.
    """
    if file.language is None:
        raise TermsError("no language in its name: set language, or a rule")
    text, faults = _without_bad_escapes(_decoded(data))
    texts = tuple(
        Raw(found.key, file.language, found.value)
        for found in javaproperties.parse(text)
        if isinstance(found, javaproperties.KeyValue)
    )
    return Said(texts, tuple(faults))


def _decoded(data: bytes) -> str:
    try:
        if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("iso-8859-1")


def _without_bad_escapes(text: str) -> tuple[str, list[str]]:
    r"""*text* without the entries that have a ``\u`` which is none."""
    kept: list[str] = []
    faults: list[str] = []
    start = 0
    lines = re.split(r"\r\n|\r|\n", text)
    for number, line in enumerate(lines):
        if _GOES_ON.search(line) and number + 1 < len(lines):
            continue
        entry = lines[start : number + 1]
        if any(_BAD_ESCAPE.search(each) for each in entry):
            faults.append(f"line {start + 1}: \\u without four hexadecimal digits")
        else:
            kept.extend(entry)
        start = number + 1
    return "\n".join(kept), faults
