"""Lists of terms: a row or an object says the same in several languages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping

from indexer.terms.naming import known_tag
from indexer.terms.records import File, Raw, Said, TermsError

# What columns are called where the config does not say.
_USUAL = {
    **dict.fromkeys(("lang", "language", "locale"), "language"),
    **dict.fromkeys(("text", "translation", "target"), "text"),
    **dict.fromkeys(("key", "id", "unit"), "key"),
}
_MAX_FAULTS = 20


def read_csv(data: bytes, file: File, *, delimiter: str = ",") -> Said:
    """A table whose header names the columns; see `roles`.

    Raises:
        TermsError: It is not UTF-8, or no column is known.
    """
    # Lines end as csv has it, not at every sign that Python takes for an end.
    rows = csv.reader(io.StringIO(_decoded(data), newline=""), delimiter=delimiter)
    faults: list[str] = []
    texts: list[Raw] = []
    try:
        header = next(rows, [])
        found = roles(header, file)
        for row in rows:
            if len(row) > len(header):
                _add(faults, rows.line_num, f"{len(row)} columns of {len(header)}")
                continue
            texts.extend(
                _row(dict(zip(header, row, strict=False)), found, file, rows.line_num)
            )
    except csv.Error as exc:
        _add(faults, rows.line_num, str(exc))
    return Said(tuple(texts), tuple(faults))


def read_tsv(data: bytes, file: File) -> Said:
    """As `read_csv`, with tabulators."""
    return read_csv(data, file, delimiter="\t")


def read_json_lines(data: bytes, file: File) -> Said:
    """JSON Lines: objects whose names are as the columns of a table.

    Raises:
        TermsError: It is not UTF-8, or no line has a name that is known.
    """
    faults: list[str] = []
    texts: list[Raw] = []
    unknown: TermsError | None = None
    known = False
    for number, line in enumerate(_decoded(data).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            if not isinstance(fields, dict):
                raise ValueError("no object")
        except (ValueError, RecursionError) as exc:
            _add(faults, number, f"not JSON: {exc}")
            continue
        row = {name: text for name, text in fields.items() if isinstance(text, str)}
        try:
            found = roles(list(row), file)
        except TermsError as exc:
            unknown = unknown or exc
            _add(faults, number, str(exc))
            continue
        known = True
        texts.extend(_row(row, found, file, number))
    if unknown is not None and not known:
        raise unknown
    return Said(tuple(texts), tuple(faults))


def roles(header: list[str], file: File) -> dict[str, str]:
    """What each column holds, of those that hold anything.

    That is ``language``, ``text`` (in that language, else the file's), ``key`` (of the
    unit), or the code of a language, whose text it is.

    Raises:
        TermsError: They cannot be told, or tell no pair.

    >>> roles(["lang", "en", "text", "notes"], File("terms.csv"))
    {'lang': 'language', 'en': 'en', 'text': 'text'}
    """
    found = {}
    for name in header:
        role = file.columns.get(name) or _USUAL.get(name.strip().lower())
        role = role or known_tag(name)
        if role:
            found[name] = role
    held = set(found.values())
    languages = held - {"language", "text", "key"}
    told = "language" in held or file.language is not None
    if "text" in held and told and (languages or "key" in held):
        return found
    if languages and (len(languages) > 1 or "key" in held):
        return found
    shown = ", ".join(header)[:200] or "none"
    raise TermsError(
        "expected columns named after languages (en, fr), or a language, a text and "
        f"a key or the text in another language; got {shown}: set columns"
    )


def _row(
    row: Mapping[str, str], found: Mapping[str, str], file: File, number: int
) -> Iterator[Raw]:
    held = {role: row[name] for name, role in found.items() if name in row}
    language = known_tag(held.pop("language", "")) or file.language
    text = held.pop("text", "")
    key = held.pop("key", "")
    if not key:
        # Rows about one term of several languages are one unit by that term.
        key = "\x04".join(sorted(held.values())) if text else f"line {number}"
    for code, words in held.items():
        if words.strip():
            yield Raw(key, code, words)
    if text.strip() and language is not None:
        yield Raw(key, language, text)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise TermsError(f"not utf-8 at byte {exc.start}") from exc


def _add(faults: list[str], line: int, problem: str) -> None:
    # A file of another kind has one in every line.
    if len(faults) < _MAX_FAULTS:
        faults.append(f"line {line}: {problem}")
