"""Words of a text, as the word index stores and seeks them; pure.

A passage's words are lower-cased, stripped of accents and cut to their stem in
the passage's own language. A question may meet passages of every language, so
its words are sought in the stem of each (`variants`).

What stemming would blur is kept whole beside it: error codes, versions, API
paths, class names and other identifiers (`identifiers`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from kb.tongues import primary

# Languages with a stemmer; the words of all others are indexed as they stand.
STEMMERS = {
    "en": "english",
    "fr": "french",
    "es": "spanish",
    "pt": "portuguese",
}
_ENDINGS = {
    "fr": ((re.compile(r"(?<=\w{3})ees?$"), "ée"),),
    "pt": (
        # sessões is the plural of sessão, which the stemmer does not know.
        (re.compile(r"(?<=\w{3})oes$"), "ao"),
        (re.compile(r"(?<=\w{3})cao$"), "ção"),
    ),
}
# Bytes. Longer runs are base64, hashes or minified code, sought by nobody.
_MAX_WORD_BYTES = 64
_MAX_IDENTIFIER_CHARS = 200
# A log of 40 MB must not become a field of a million tokens.
_MAX_IDENTIFIERS = 5_000

# What Tantivy's tokenizer takes for a word, as far as signs are of ASCII.
_WRITTEN = re.compile(r"[A-Za-z0-9]+")
# A run without the signs that end an identifier in prose and in code, and that
# holds what no plain word does: most of the text is passed over at once.
_SIGNS = r"[^\s,;()\[\]<>\"'`|=&?#*!\\^~]"
_RUN = re.compile(
    rf"(?<!{_SIGNS})"
    rf"(?={_SIGNS}*?(?:[\d/_]|\.\w|[a-z][A-Z]|[A-Z][A-Z][a-z]))"
    rf"{_SIGNS}+"
)
_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[^/]*")
_VERSION = re.compile(r"[vV]?(\d+(?:\.\d+)+)")
_PATH = re.compile(r"/[\w.{}@:%+-]+(?:/[\w.{}@:%+-]+)*")
# E1063, COVID-19, log4j2: letters first, then a digit.
_CODE = re.compile(r"[^\W\d_]+-?\d\w*")
# slicer.util.loadVolume, data_element, org.hisp.dhis.DataValue
_JOINED = re.compile(r"[^\W\d]\w*(?:[._][^\W_]\w*)+")
# dataElementGroup, NullPointerException, vtkMRMLNode
_CAMEL = re.compile(r"[^\W\d_]*[a-z][A-Z]\w*|[A-Z]+[A-Z][a-z]\w*")
_ABBREVIATIONS = frozenset({"e.g", "i.e"})


def words(text: str) -> list[str]:
    """The words of *text* in order: lower case, without accents, not stemmed.

    >>> words("Importer les données, e-mail & 2.40!")
    ['importer', 'les', 'donnees', 'e', 'mail', '2', '40']
    """
    # Composed letters first, so that an accent typed as a mark of its own does
    # not end the word; full-width and ligature forms become plain ones.
    plain = unicodedata.normalize("NFKC", text.encode("utf-8", "ignore").decode())
    return list(_splitter().analyze(plain))


def stemmed(text: str, language: str | None) -> str:
    """What is indexed of *text*: stems of *language*, parted by spaces.

    A language without stemmer, or ``None``, leaves the words as they stand.

    >>> stemmed("Importing the données", "en")
    'import the donne'
    >>> stemmed("Importing the données", "de")
    'importing the donnees'
    """
    return " ".join(stem(word, language) for word in words(text))


def stem(word: str, language: str | None) -> str:
    """The stem of a word of `words`; itself where the language has no stemmer.

    >>> stem("donnees", "fr"), stem("daten", "de"), stem("data", None)
    ('don', 'daten', 'data')
    """
    known = primary(language)
    return _stem(word, known) if known in STEMMERS else word


def spans(text: str) -> list[tuple[str, str]]:
    """The words of *text* in order, each with the text that it is written as.

    >>> spans("L'unité d’organisation")
    [('l', 'L'), ('unite', 'unité'), ('d', 'd'), ('organisation', 'organisation')]
    """
    plain = unicodedata.normalize("NFKC", text.encode("utf-8", "ignore").decode())
    found = []
    for written in _written(plain):
        found += [(word, written) for word in _splitter().analyze(written)]
    return found


def _written(text: str) -> Iterator[str]:
    if text.isascii():
        yield from _WRITTEN.findall(text)
        return
    for inside, run in groupby(text, _is_of_word):
        if inside:
            yield "".join(run)


@lru_cache(maxsize=50_000)
def _is_of_word(sign: str) -> bool:
    """Whether it does not end a word: asked of the tokenizer, because vowel signs of
    Hindi, Tamil or Arabic are letters to it, and none to `re`."""
    return bool(_splitter().analyze(sign))


@lru_cache(maxsize=50_000)
def variants(word: str) -> tuple[str, ...]:
    """The forms under which a word of `words` may be indexed, without repeats.

    >>> variants("configurations")
    ('configurations', 'configur')
    """
    return tuple(dict.fromkeys([word, *(_stem(word, name) for name in STEMMERS)]))


def identifiers(text: str, *, prefixes: bool = False) -> tuple[str, ...]:
    """Codes, versions, paths and names of code in *text*, kept whole, in order.

    Case is folded, repeats are dropped, a URL counts as its path. With
    *prefixes*, as a passage is indexed, a version or path also stands for its
    beginnings: a question on 2.40 finds what is said of 2.40.1.

    >>> identifiers("E1063 on 2.40.1: POST /api/analytics.json fails.")
    ('e1063', '2.40.1', '/api/analytics.json')
    >>> identifiers("v2.40.1 and /api/tracker/events", prefixes=True)
    ('2.40.1', '2.40', '/api/tracker/events', '/api/tracker')
    >>> identifiers("See NullPointerException, data_element; and/or e.g. this")
    ('nullpointerexception', 'data_element')
    """
    found: dict[str, None] = {}
    for run in _RUN.findall(unicodedata.normalize("NFKC", text)):
        identifier = _identifier(run)
        if identifier is None:
            continue
        found[identifier] = None
        if prefixes:
            found.update(dict.fromkeys(_prefixes(identifier)))
        if len(found) >= _MAX_IDENTIFIERS:
            break
    return tuple(found)


def _identifier(run: str) -> str | None:
    run = run.rstrip(".:-/")
    host = _HOST.match(run)
    run = run[host.end() :] if host else run.lstrip(".:-")
    # The bound also keeps the expressions below from a long walk.
    if not 2 <= len(run) <= _MAX_IDENTIFIER_CHARS or run.lower() in _ABBREVIATIONS:
        return None
    version = _VERSION.fullmatch(run)
    if version:
        return version[1]
    if any(shape.fullmatch(run) for shape in (_PATH, _CODE, _JOINED, _CAMEL)):
        return run.casefold()
    return None


def _prefixes(identifier: str) -> Iterator[str]:
    """Beginnings of a version or path that still say something: two parts or more."""
    separator = "/" if identifier.startswith("/") else "."
    if separator == "." and not identifier[0].isdigit():
        return
    parts = identifier.strip("/").split(separator)
    lead = "/" if separator == "/" else ""
    for length in range(len(parts) - 1, 1, -1):
        yield lead + separator.join(parts[:length])


@lru_cache(maxsize=200_000)
def _stem(word: str, language: str) -> str:
    """The stem of a word of `words`.

    Accents go before the stemmer and not after, because whoever types "donnees"
    must get the stem of "données". The few endings by which a stemmer needs
    them are put back.

    >>> _stem("configuracoes", "pt") == _stem("configuracao", "pt")
    True
    """
    for ending, accented in _ENDINGS.get(language, ()):
        word = ending.sub(accented, word)
    (stem,) = _stemmer(language).analyze(word)
    return str(stem)


@cache
def _splitter() -> TextAnalyzer:
    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(_MAX_WORD_BYTES))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .build()
    )


@cache
def _stemmer(language: str) -> TextAnalyzer:
    return (
        TextAnalyzerBuilder(Tokenizer.raw())
        .filter(Filter.stemmer(STEMMERS[language]))
        .filter(Filter.ascii_fold())
        .build()
    )


@cache
def is_stopword(word: str) -> bool:
    """Whether a lower-case word is one of grammar in a language of the bridge: it tells
    nothing, and in a text of another language hardly occurs.

    >>> [word for word in ("con", "the", "une", "backup", "não") if is_stopword(word)]
    ['con', 'the', 'une', 'não']
    """
    return any(not each.analyze(word) for each in _stoppers())


@cache
def _stoppers() -> tuple[TextAnalyzer, ...]:
    return tuple(
        TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.stopword(language)).build()
        for language in ("english", "french", "portuguese", "spanish")
    )
