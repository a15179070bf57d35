"""Translations of gettext: ``.po`` files."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, lookup
from collections.abc import Iterator

import polib

from indexer.terms.naming import known_tag
from indexer.terms.records import File, Raw, Said, TermsError

_CHARSET = re.compile(rb"charset=([\w.:-]{1,40})", re.IGNORECASE)
_HEAD_BYTES = 8_000
# A string that begins on a line, and does not end there.
_OPEN = re.compile(r'\s*(?:msg\w+(?:\[\d+\])?\s+)?"(?:[^"\\]|\\.)*$')
_LINE = re.compile(r"line (\d+)")
# Some translate from keys: "button.save", "saveAll", "SAVE_ALL"; these are no words.
# No sign fits in two ways: a line to fill in ("______ date") would take hours else.
_KEY = re.compile(
    r"_*[^\W_]+(?:(?:_+|_*[.-]_*)[^\W_]+)+_*|[a-z]+[A-Z]\w*",
)


def read_gettext(data: bytes, file: File) -> Said:
    """All that is translated for certain: nothing fuzzy, obsolete or empty.

    Where an entry is broken, the others are read all the same.

    Raises:
        TermsError: It is in another encoding than it says, or tells no language.
    """
    text = _decoded(data)
    entries: list[polib.POEntry] = []
    faults: list[str] = []
    language = None
    for parsed in _parsed(text, faults):
        language = language or known_tag(parsed.metadata.get("Language", ""))
        entries.extend(parsed)
    if file.is_ruled or language is None:
        language = file.language
    if language is None:
        raise TermsError("no Language in its header, nor in its name")
    return Said(tuple(_texts(entries, language, file.source_language)), tuple(faults))


def _decoded(data: bytes) -> str:
    told = _CHARSET.search(data[:_HEAD_BYTES])
    charset = told[1].decode("ascii") if told else "utf-8"
    try:
        lookup(charset)
    except LookupError:
        # A template's CHARSET, mostly, that nobody filled in.
        charset = "utf-8"
    if data.startswith(BOM_UTF8):
        charset = "utf-8-sig"
    try:
        return data.decode(charset)
    except UnicodeDecodeError as exc:
        raise TermsError(f"not {charset} at byte {exc.start}") from exc
    except (ValueError, LookupError) as exc:  # a codec of no text: punycode, base64
        raise TermsError(f"not {charset}: {exc}") from exc


def _parsed(text: str, faults: list[str]) -> Iterator[polib.POFile]:
    """The whole or, where that fails, each of its blocks that can be read."""
    try:
        yield _parse(text)
        return
    except (OSError, ValueError):
        pass
    for start, block in _blocks(text):
        try:
            yield _parse(block)
        except (OSError, ValueError) as exc:
            within = _LINE.search(str(exc))
            number = start + (int(within[1]) - 1 if within else 0)
            faults.append(f"line {number}: broken entry")


def _parse(text: str) -> polib.POFile:
    # polib takes the last letter for the sign that closes a string.
    for number, line in enumerate(text.splitlines(), start=1):
        if _OPEN.match(line):
            raise ValueError(f"line {number}: a string does not end")
    # polib opens what is the name of a file: no name ends like this.
    return polib.pofile(text + "\n\n")


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """What blank lines separate, with the number of its first line."""
    block: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), "\n".join(block)
            block = []
    if block:
        yield text.count("\n") + 1 - len(block) + 1, "\n".join(block)


def _texts(
    entries: list[polib.POEntry], language: str, source_language: str
) -> Iterator[Raw]:
    for entry in entries:
        if entry.obsolete or entry.fuzzy:
            continue
        key = f"{entry.msgctxt or ''}\x04{entry.msgid}"
        forms = entry.msgstr_plural
        if not forms:
            yield from _pair(key, entry.msgid, entry.msgstr, language, source_language)
            continue
        numbers = sorted(forms)
        if len(numbers) > 1:
            yield from _pair(
                key, entry.msgid, forms[numbers[0]], language, source_language
            )
        yield from _pair(
            f"{key}\x00",
            entry.msgid_plural,
            forms[numbers[-1]],
            language,
            source_language,
        )


def _pair(
    key: str, original: str, translated: str, language: str, source_language: str
) -> Iterator[Raw]:
    if not translated.strip():
        return
    if not _KEY.fullmatch(original):
        yield Raw(key, source_language, original)
    yield Raw(key, language, translated)
