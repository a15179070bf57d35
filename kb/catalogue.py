"""Sentences in the language of who reads them: gettext catalogues.

A message is its English sentence; where a language has none for it, English is read.
Catalogues are read as translators write them (``.po``) and compiled in memory, so
there is no second file that could be older than the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from babel import Locale, UnknownLocaleError

from kb.tongues import primary

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

SOURCE_LANGUAGE = "en"
DOMAIN = "baraza"

# Whose dates a language's readers expect, where it is not the first that comes.
_LOCALES = {"en": "en_GB"}
_PLURALS_TRIED = 201
# Between these a text keeps its own direction and turns nothing around it.
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"
_RIGHT_TO_LEFT_MARK = "\u200f"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is said in one language.

    Attributes:
        language: Its code, as in ``fr``.
        locale: How its dates and the names of languages are written.
    """

    language: str
    locale: Locale
    translations: NullTranslations

    # Named as gettext's own, by which tools find what is to be translated.

    def gettext(self, message: str, **values: Value) -> str:
        """A sentence with *values* in the place of ``{…}``."""
        return self._filled(self.translations.gettext(message), [message], values)

    def pgettext(self, context: str, message: str, **values: Value) -> str:
        """A sentence, or a word that means several things, of which *context* tells
        the one that is meant."""
        sentence = self.translations.pgettext(context, message)
        return self._filled(sentence, [message], values)

    def ngettext(self, one: str, several: str, n: int, /, **values: Value) -> str:
        """A sentence about *n* things."""
        sentence = self.translations.ngettext(one, several, n)
        return self._filled(sentence, [one, several], values)

    def _filled(
        self, sentence: str, originals: Sequence[str], values: Mapping[str, Value]
    ) -> str:
        # One that nobody translated has no foreign months and names in it either.
        speaker = _english() if sentence in originals else self
        told = {
            name: self.isolated(value if isinstance(value, str) else value(speaker))
            for name, value in values.items()
        }
        return sentence.format_map(told)

    @property
    def right_to_left(self) -> bool:
        """Whether it is written so."""
        return self.locale.text_direction == "rtl"

    def isolated(self, text: str) -> str:
        """*text* so that it keeps its direction within this language: between Arabic
        words "DHIS2 (2.41)" would lose its brackets to the other side."""
        if not text or not self.right_to_left:
            return text
        return f"{_ISOLATE}{text}{_END_ISOLATE}"

    @property
    def line_start(self) -> str:
        """Makes a line run in this language's direction, whatever it begins with."""
        return _RIGHT_TO_LEFT_MARK if self.right_to_left else ""

    def language_name(self, code: str | None) -> str:
        """What a language is called in this one, or in English where this one has no
        name for it; empty when it is no language."""
        wanted = primary(code)
        for locale in (self.locale, _english().locale):
            if wanted in locale.languages:
                return str(locale.languages[wanted])
        return ""


Value: TypeAlias = str | Callable[[Catalogue], str]
"""What is filled into a sentence; a date or a name of a language is told by the
catalogue that the sentence turns out to be from."""


@dataclass(frozen=True, slots=True)
class Catalogues:
    """All languages that there are sentences in; English always is among them."""

    by_language: Mapping[str, Catalogue]

    def of(self, language: str | None) -> Catalogue:
        """The catalogue of a language, whatever its region; English where there is
        none."""
        english = self.by_language[SOURCE_LANGUAGE]
        return self.by_language.get(primary(language) or SOURCE_LANGUAGE, english)

    def missing(self, languages: Sequence[str]) -> list[str]:
        """Which of *languages* are answered in English for want of a catalogue."""
        return [each for each in languages if primary(each) not in self.by_language]


@cache
def _english() -> Catalogue:
    """English as it stands in the code."""
    return catalogue(SOURCE_LANGUAGE, NullTranslations())


def shipped_in(folder: Path) -> Catalogues:
    """The catalogues of a package; English is what stands in its code.

    Args:
        folder: Its ``locale``, see `files_in`.
    """
    found = {SOURCE_LANGUAGE: _english()}
    for language, path in files_in(folder).items():
        found[language] = catalogue(language, compiled(read_po(path, language)))
    return Catalogues(found)


def files_in(folder: Path) -> dict[str, Path]:
    """The ``.po`` files of a folder that is laid out as gettext asks, by language."""
    paths = sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))
    return {path.parent.parent.name: path for path in paths}


def catalogue(language: str, translations: NullTranslations) -> Catalogue:
    """A catalogue; dates are written as in English where nothing is known of the
    language."""
    try:
        locale = Locale.parse(_LOCALES.get(language, language))
    except (UnknownLocaleError, ValueError):
        locale = Locale.parse(_LOCALES[SOURCE_LANGUAGE])
    return Catalogue(language, locale, translations)


def read_po(path: Path, language: str) -> Catalog:
    """What a translator wrote.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not in gettext's format.
    """
    # Here and not above: most commands say little, and need no parser for it.
    from babel.messages.pofile import PoFileError
    from babel.messages.pofile import read_po as read

    content = path.read_bytes()
    try:
        return read(
            BytesIO(content), locale=language, domain=DOMAIN, abort_invalid=True
        )
    except (PoFileError, LookupError, TypeError) as exc:
        # The latter two: a charset that nobody knows, and headers that are none.
        raise ValueError(str(exc)) from exc


def compiled(found: Catalog) -> GNUTranslations:
    """A catalogue that can be asked; fuzzy and empty entries are not in it.

    Raises:
        ValueError: Its rule for plurals is none, or fails for some number.
    """
    from babel.messages.mofile import write_mo

    binary = BytesIO()
    write_mo(binary, found)
    binary.seek(0)
    translations = GNUTranslations(binary)
    try:
        # It is worked out for each answer, and must not fail only then.
        for number in range(_PLURALS_TRIED):
            translations.ngettext(DOMAIN, DOMAIN, number)
    except ArithmeticError as exc:
        raise ValueError(f"Plural-Forms: fails for {number} ({exc})") from exc
    return translations
