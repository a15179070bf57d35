"""What a community says in its own words: a folder of ``.po`` files.

Each adds a language, or replaces sentences of one that is shipped. A sentence ends up
in posts on a forum, so each is held against the one that it translates, and against
Markdown, before anything is posted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from bot.catalogue import (
    DOMAIN,
    LOCALE_FOLDER,
    Catalogue,
    Catalogues,
    catalogue,
    compiled,
    read_po,
    shipped,
)
from bot.escape import prose
from kb.errors import ConfigError
from kb.tongues import language_code

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

log = logging.getLogger(__name__)

KEY = "community.translations"
_SHOWN_CHARS = 60
_PIECE_CHARS = 20
# Spaces that do not break, and what joins, parts or turns letters: scripts need them.
_SPACES = re.compile("[\u00a0\u202f]")
_JOINERS = re.compile("[\u200c-\u200f]")


def load_catalogues(folder: Path | None) -> Catalogues:
    """The catalogues that are shipped, with what a community adds to them.

    Args:
        folder: Holds ``sw.po`` or ``sw/LC_MESSAGES/baraza.po``; ``None``: nothing is
            added.

    Raises:
        ConfigError: The folder is missing or empty, a file is none of gettext's or not
            named by a language, or a sentence would not do what the English one does.
    """
    if folder is None:
        return shipped()
    found = dict(shipped().by_language)
    for language, path in _files(folder).items():
        found[language] = _added(language, path, found.get(language))
    return Catalogues(found)


def _files(folder: Path) -> Mapping[str, Path]:
    """The files of a folder by language."""
    if not folder.is_dir():
        raise ConfigError(KEY, f"expected a folder, and {folder} is none: make it")
    named = [(path.stem, path) for path in sorted(folder.glob("*.po"))]
    inside = sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))
    named += [(path.parent.parent.name, path) for path in inside]
    if not named:
        raise ConfigError(
            KEY,
            f"expected a file such as sw.po or sw/LC_MESSAGES/{DOMAIN}.po in {folder}",
        )
    files: dict[str, Path] = {}
    for name, path in named:
        language = _language(name, path)
        if language in files:
            raise ConfigError(
                KEY,
                f"{files[language]} and {path} are both for {language}: keep one",
            )
        files[language] = path
    return files


def _language(name: str, path: Path) -> str:
    try:
        language = language_code(name)
    except ValueError as exc:
        raise ConfigError(KEY, f"{path}: named wrongly: {exc}") from exc
    if language != name:
        raise ConfigError(
            KEY, f"{path}: one language has one file: name it {language}, not {name}"
        )
    return language


def _added(language: str, path: Path, before: Catalogue | None) -> Catalogue:
    """A community's catalogue over the one that was shipped, if there is one."""
    try:
        found = read_po(path, language)
        for message in _translated(found):
            _check(message)
        translations = compiled(found)
    except OSError as exc:
        raise ConfigError(KEY, f"{path}: cannot be read ({exc.strerror})") from exc
    except ValueError as exc:
        problem = " ".join(str(exc).split())
        raise ConfigError(KEY, f"{path}: {problem}") from exc
    _tell(found, path)
    if before is not None:
        translations.add_fallback(before.translations)
    return catalogue(language, translations)


def _translated(found: Catalog) -> Iterator[Message]:
    """Entries that will be used."""
    for message in found:
        if message.id and not message.fuzzy and any(strings(message)):
            yield message


def _tell(found: Catalog, path: Path) -> None:
    """Say what is in a file, and what of it is of no use."""
    known = {_identity(message) for message in template() if message.id}
    used = [_identity(message) for message in _translated(found)]
    strange = [identity[1] for identity in used if identity not in known]
    if strange:
        log.warning(
            "%s: %d sentences that Baraza does not say (any more), such as %r",
            path,
            len(strange),
            strange[0],
        )
    fuzzy = sum(bool(message.id) and message.fuzzy for message in found)
    if fuzzy:
        log.warning("%s: %d fuzzy entries are not used: look at them", path, fuzzy)
    log.info("%s: %d of %d sentences", path, len(known & set(used)), len(known))


def template() -> Catalog:
    """All sentences that there are to translate."""
    return read_po(LOCALE_FOLDER / f"{DOMAIN}.pot", "en")


def _identity(message: Message) -> tuple[str | None, str]:
    return message.context, originals(message)[0]


def originals(message: Message) -> list[str]:
    """The English sentence, or that of one thing and that of several."""
    return [message.id] if isinstance(message.id, str) else list(message.id)


def strings(message: Message) -> list[str]:
    """The translations, as many as the language has plural forms."""
    found = message.string
    return [found] if isinstance(found, str) else [each or "" for each in found or ()]


def _check(message: Message) -> None:
    """
    Raises:
        ValueError: A translation cannot stand for its original.
    """
    texts = strings(message)
    if not all(texts):
        # Of that form English would be said, in the middle of another language.
        raise ValueError(
            f"{_line(message)}“{_short(texts[0] or originals(message)[0])}”: lacks a "
            f"plural form: write all {len(texts)} of them, or none"
        )
    for text in texts:
        problem = problem_of(text, originals(message))
        if problem:
            raise ValueError(f"{_line(message)}“{_short(text)}”: {problem}")


def _line(message: Message) -> str:
    return f"line {message.lineno}: " if message.lineno else ""


def _short(text: str) -> str:
    return text if len(text) < _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def problem_of(text: str, originals: Iterable[str]) -> str:
    """Why *text* cannot stand for what it translates; empty when it can.

    >>> problem_of("cours en {langue}", ["course in {language}"])
    'lacks {language}; has {langue}, which is nothing: write the names as in English'
    >>> problem_of("kozi ya [Kiingereza](https://a.example)", ["course"])[:37]
    'would be more than text in a post: ta'
    >>> problem_of("kozi ya {language}", ["course in {language}"])
    ''
    """
    try:
        wanted = {name for original in originals for name in placeholders(original)}
        found = placeholders(text)
    except ValueError as exc:
        return f"{exc}: write {{name}} with the names of the English sentence"
    problems = []
    if wanted - found:
        problems.append(f"lacks {_listed(wanted - found)}")
    if found - wanted:
        problems.append(f"has {_listed(found - wanted)}, which is nothing")
    if problems:
        return f"{'; '.join(problems)}: write the names as in English"
    plain = _JOINERS.sub("", _SPACES.sub(" ", text))
    # A letter stands for what is filled in; that is made safe on its own.
    plain = plain.format_map(dict.fromkeys(found, "x"))
    if plain != " ".join(plain.split()) or any(prose(p) != p for p in _pieces(plain)):
        return (
            "would be more than text in a post: take out addresses, line breaks, "
            "spaces too many and signs such as * _ [ ] < > ` @ # & |"
        )
    return ""


def _pieces(text: str) -> Iterator[str]:
    """*text*, its long words in pieces that overlap: there are languages that put no
    space between words, and `prose` shortens what is too long for one."""
    for word in text.split():
        if len(word) <= 2 * _PIECE_CHARS:
            yield word
        else:
            starts = range(0, len(word), _PIECE_CHARS)
            yield from (word[start : start + 2 * _PIECE_CHARS] for start in starts)


def placeholders(text: str) -> set[str]:
    """The names in braces.

    >>> sorted(placeholders("{place} and {time}"))
    ['place', 'time']

    Raises:
        ValueError: Braces that do not close, or hold more than a name.
    """
    names = set()
    for _, name, specification, conversion in Formatter().parse(text):
        if name is None:
            continue
        # "{a.b}" and "{a[0]}" would look into values, "{a:>999}" would blow them up.
        if not name.isidentifier() or specification or conversion:
            raise ValueError(f"more than a name in braces ({name or 'nothing'})")
        names.add(name)
    return names


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))
