"""Which language a text is in, or that one cannot tell; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection
from functools import cache
from tempfile import gettempdir

from kb.errors import KBError
from kb.tongues import primary

LANGUAGES = ("en", "fr", "es", "pt")

# A word or two say nothing: "dashboard" looks Lithuanian to the model.
_MIN_LETTERS = 12
# The model spreads its belief over some 130 languages and is cautious with short
# texts, so a third of it in one place is much; near kin (es and pt) must be
# well behind. "Data import fails" stays undecided, as it should.
_MIN_PROBABILITY = 0.3
_MIN_LEAD = 3.0
# Enough to decide; a 40 MB post need not be read to its end.
_MAX_CHARS = 4_000
# A paragraph with fewer has no vote where several languages are written.
_MIN_VOTE_LETTERS = 24
# A sign of these says as much as three letters.
_IDEOGRAPHS = "\u2e80"

_LEVELS = "TRACE|DEBUG|INFO|WARN|WARNING|ERROR|SEVERE|FATAL"
# Of a run without spaces, or of what is left of it after code.
_START = r"(?<![^\s`])"
_NOT_PROSE = re.compile(
    r"```.*?(?:```|\Z)"  # fenced code
    r"|`[^`\n]*`"  # inline code
    # What programs say, in English wherever they run: by its time, by its level …
    r"|^[ \t*]*\[?\d{2,4}[-/.]\d\d[-/.]\d{2,4}[T \t,]+\d\d:\d\d[^\n]*$"
    rf"|^[ \t*]*(?:\[(?:{_LEVELS})\]|(?:{_LEVELS})[ \t]*[:\d\[({{*])[^\n]*$"
    # … or as the traces of Java and Python.
    r"|^[ \t]*at[ \t]+[\w.$/]+\([^\n]*$"
    r"|^[ \t]*(?:Caused by:|Traceback \(|Exception in thread)[^\n]*$"
    r"|^[ \t]+File[ \t]+[\",][^\n]*$"
    r"|^[ \t]*(?:[\w$]+\.)*[A-Z]\w*(?:Exception|Error):[^\n]*$"
    r"|^[^\n]*[)\]}'\"];[ \t]*$"  # statements
    # Each run is looked at once, from its start: a line of base64 is long.
    rf"|{_START}\S*(?:://|www\.|@)\S*"  # addresses
    rf"|{_START}\S*[\d_/\\{{}}<>=]\S*"  # codes, paths, tags
    r"|\b\w*[a-z][A-Z]\w*\b",  # namesLikeThis
    re.DOTALL | re.MULTILINE,
)
# What somebody else said; names of menus and messages, in the program's language.
_CITED = re.compile(
    r'^[ \t]*>[^\n]*$|"[^"\n]{1,200}"|“[^”\n]{1,200}”|«[^»\n]{1,200}»', re.MULTILINE
)
_GLUED = re.compile(r"(?<=[^\W\d_])[,;!?](?=[^\W\d_])")
_BETWEEN_PARAGRAPHS = re.compile(r"\n\s*\n")


def detect(text: str, *, among: tuple[str, ...] = LANGUAGES) -> str | None:
    """The language of *text*, or ``None``: too short, mixed, or none of *among*.

    Where paragraphs are in several languages, the one that most is written in. Code,
    logs, quotes and addresses are passed over. The first call loads the model (about
    a second); later ones take a millisecond or so.

    >>> detect("How do I import the data of last year?")
    'en'
    >>> detect("Comment importer les données ?")
    'fr'
    >>> detect("Wie importiere ich meine Daten in das System?") is None
    True
    >>> detect("`import numpy` E1063 https://example.org/how-do-i") is None
    True
    """
    paragraphs = _paragraphs(text[:_MAX_CHARS])
    # A language may have several codes, and the model knows one: "tl" for "fil".
    spoken = {primary(code): code for code in among}
    votes: Counter[str] = Counter()
    if len(paragraphs) > 1:
        for paragraph in paragraphs:
            letters = _letters(paragraph)
            found = _most_likely(paragraph, spoken, at_least=_MIN_VOTE_LETTERS)
            if found is not None:
                votes[found] += letters
    if len(votes) < 2:
        found = _most_likely(" ".join(paragraphs), spoken, at_least=_MIN_LETTERS)
        return None if found is None else spoken.get(found)
    (best, most), (_, next_most) = votes.most_common(2)
    return spoken.get(best) if most > next_most else None


def _paragraphs(text: str) -> list[str]:
    """What somebody wrote in words, each paragraph on one line."""
    # Surrogates would break the model.
    text = text.encode("utf-8", "ignore").decode()
    prose = _prose(_CITED.sub(" ", text))
    if _letters(prose) < _MIN_LETTERS:
        prose = _prose(text)
    lines = (" ".join(each.split()) for each in _BETWEEN_PARAGRAPHS.split(prose))
    return [line.lower() if _is_shouted(line) else line for line in lines if line]


def _is_shouted(line: str) -> bool:
    """Most of it is in capitals, which the model takes for another language; forums
    refuse what is so from the first letter to the last."""
    capitals = sum(char.isupper() for char in line)
    return capitals > sum(char.islower() for char in line)


def _prose(text: str) -> str:
    return _GLUED.sub(lambda found: f"{found[0]} ", _NOT_PROSE.sub(" ", text))


def _letters(text: str) -> int:
    """How many letters there are in a text, ideographs counted as words."""
    return sum(3 if char >= _IDEOGRAPHS else 1 for char in text if char.isalpha())


def _most_likely(prose: str, among: Collection[str], *, at_least: int) -> str | None:
    """The language, of all that there are, in which *prose* is most likely written, as
    `primary` has it; ``None`` if another one of *among* is nearly as likely, or it has
    too few letters.
    """
    if _letters(prose) < at_least:
        return None
    ranking = _model()(prose)
    best, probability = ranking[0]
    if probability < _MIN_PROBABILITY:
        return None
    found = primary(best)
    others = {*among} - {found}
    rival = max((p for name, p in ranking if primary(name) in others), default=0.0)
    return found if probability >= _MIN_LEAD * rival else None


@cache
def _model() -> Callable[[str], list[tuple[str, float]]]:
    # Here and not above: whoever only searches need not wait for the model.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    # A model of our own: the module's shared one gives raw scores, and anybody
    # may restrict its languages.
    try:
        identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    except OSError as exc:
        raise KBError(
            f"the language model cannot be unpacked into {gettempdir()}: {exc}"
        ) from exc
    rank: Callable[[str], list[tuple[str, float]]] = identifier.rank
    return rank
