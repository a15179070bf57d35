"""The query language of the search box; pure.

=========================== ===========================================================
``"date of birth"``         word for word; typographic quotes do as well
``-tracker``, ``-"a b"``    not these words
``kind:docs,video``         threads, docs, courses or videos, also by other names
``lang:fr``                 ``language:`` as well; a code, or the name of a language
``category:"Data entry"``   its name or slug
``tag:tracker``
``version:2.41``            ``v:`` as well
``solved:yes``              or ``no``; ``status:solved``, as in Discourse
``after:2024-05``           ``since:``, ``before:``; a year, month, day, or ``30d``,
                            ``2w``, ``6m``, ``2y`` ago
``-kind:video``             all kinds but these; other filters cannot be excluded
=========================== ===========================================================

Several values of one filter, by commas or by naming it again, mean any of them; of
several dates the widest range.

Nobody is refused: what is not understood is searched as it stands, with a note. People
paste error messages, addresses and commands into a search box, so that only what is
clearly meant as an operator is one:

- A minus excludes at the start of a word that has a letter or digit. ``-5`` and
  ``-0.5`` are numbers, ``--force`` and ``-`` are text, ``e-mail`` is a word. Who wants
  to exclude a number writes ``-"5"``.
- A colon makes a filter only of the names above: ``https://…``, ``C:\\data``,
  ``12:30`` and ``org.hisp:tracker`` are text, and so is ``Kind::Docs``.
- A straight quote opens at the start of a word, in brackets or not, and after an
  apostrophe (``l'"import"``); elsewhere it may be inches, or of code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from babel import Locale

from kb.accents import unaccented
from kb.instant.records import Filters, Note, NoteCode, ParsedQuery
from kb.tongues import language_code, primary
from kb.types import Kind, utc_now

MAX_PHRASES = 8
MAX_EXCLUDED = 16
MAX_VALUES = 16
MAX_NOTES = 16
MAX_TOKEN_CHARS = 40
_MAX_VALUE_CHARS = 100
_MAX_READ = 4 * MAX_VALUES

# What a filter is called, and the field that it is of.
_NAMES = {
    "kind": "kind",
    "lang": "lang",
    "language": "lang",
    "category": "category",
    "tag": "tag",
    "version": "version",
    "v": "version",
    "solved": "solved",
    "status": "status",
    "after": "since",
    "since": "since",
    "before": "before",
}
# One letter is a slip of any other, drives among them.
_MISSPELT = tuple(name for name in _NAMES if len(name) > 1)

# In English, French, Spanish and Portuguese, without accents.
_KINDS = {
    Kind.THREAD: """
        thread threads topic topics post posts question questions discussion discussions
        forum forums fil fils sujet sujets hilo hilos tema temas topico topicos
        discusion discusiones discussao discussoes pregunta preguntas pergunta perguntas
        foro foros
    """,
    Kind.DOCS: """
        doc docs document documents documentation documentations documentacion
        documentacao documento documentos manual manuals manuel manuels manuales manuais
        guide guides guia guias
    """,
    Kind.COURSE: """
        course courses cours curso cursos training trainings formation formations
        formacion formacao
    """,
    Kind.VIDEO: "video videos",
}
_KIND_NAMED = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_YES = frozenset({"yes", "y", "true", "1", "oui", "vrai", "si", "sim", "verdadeiro"})
_NO = frozenset({"no", "n", "false", "0", "non", "faux", "nao", "falso"})
_STATUS = {"solved": True, "resolved": True, "unsolved": False, "unresolved": False}

# Quotes of English, French, Spanish, Portuguese, and of who writes them otherwise
# („German“, ”Swedish”, »Danish«): what closes each.
_CLOSING = {
    '"': re.compile('["”]'),
    "“": re.compile('[”"“]'),
    "„": re.compile('[“”"]'),
    "«": re.compile("»"),
    "”": re.compile('[”"]'),
    "»": re.compile("[«»]"),
}
_QUOTES = re.compile('["“”„«»]')
# These open wherever they stand; the others also close, or are inches.
_ALWAYS_OPEN = "“„«"
_ELISION = ("'", "’")

# NUL, line ends and halves of characters are of no word, and no JSON.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u200b]")
# Marks of direction come with what is pasted, and make a text show as another.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_GAP = re.compile(r"\s+")
_PIECE = re.compile(r'[^\s"“„«]+|.')
_NAME = re.compile(r"([^\W\d_]{1,12}):")
# What follows the colon of addresses, paths and names of code.
_NO_VALUE = ("/", "\\", ":")
_VALUE = re.compile(rf'[^\s,"“„«]{{0,{_MAX_VALUE_CHARS}}}')
_NUMBER = re.compile(r"[0-9][0-9.,]*%?")
_PLAIN_VALUE = re.compile(r"\w[\w.+-]*")
_PLAIN_WORD = re.compile(r"[^\W\d]\w*")

_VERSION = re.compile(r"[\w.+-]{1,40}")
_DOTTED = re.compile(r"v([0-9]+(?:\.[0-9]+)+)")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2}))?(?:-([0-9]{1,2}))?")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}t[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(z|[+-][0-9]{2}:[0-9]{2})?"
)
_AGO = re.compile(r"([0-9]{1,4})([dwmy])")


def parse(q: str, *, now: datetime | None = None) -> ParsedQuery:
    """Take a query apart; never raises, and takes time in proportion to its length.

    Excluded filters of kinds that leave none (``kind:docs -kind:docs``) do not count.

    Args:
        q: As it was typed; what cannot be seen in it is left out.
        now: By which ``after:30d`` is understood, to the day; the clock's by default.

    >>> found = parse('import "date of birth" -csv kind:docs https://x.org', now=None)
    >>> found.text, found.phrases, found.excluded
    ('import date of birth https://x.org', ('date of birth',), ('csv',))
    >>> sorted(found.filters.kinds)
    [<Kind.DOCS: 'docs'>]
    >>> parse("kind:banana").notes
    (Note(code=<NoteCode.BAD_VALUE: 'bad_value'>, token='kind:banana'),)
    """
    seen = _DIRECTION.sub("", _UNSEEN.sub(" ", q))
    reading = _Reading(seen, now or utc_now())
    while reading.at < len(seen):
        reading.step()
    return reading.result()


def to_query(parsed: ParsedQuery) -> str:
    """What can be typed to be understood as *parsed*.

    ``parse(to_query(p))`` is *p* again, but for its notes, for each *p* of `parse`.

    >>> to_query(parse('KIND:Videos "date of birth" chart -csv'))
    'kind:video -csv "date of birth" chart'
    """
    parts = [
        f"{name}:{','.join(_as_value(value) for value in values)}"
        for name, values in filters_as_text(parsed.filters).items()
    ]
    for each in parsed.excluded:
        parts.append(f"-{each}" if _PLAIN_WORD.fullmatch(each) else f'-"{each}"')
    rest = f" {parsed.text} "
    for phrase in parsed.phrases:
        before, _, rest = rest.partition(f" {phrase} ")
        parts += [*_as_words(before), f'"{phrase}"']
        rest = f" {rest}"
    return " ".join([*parts, *_as_words(rest)])


def merged(query: Filters, given: Filters) -> Filters:
    """The conditions of both; where both name one, that of *given* counts.

    >>> merged(Filters(tags=frozenset({"a"}), solved=True), Filters(solved=False))
    ... # doctest: +ELLIPSIS
    Filters(kinds=None, ..., tags=frozenset({'a'}), ..., solved=False, ...)
    """
    return Filters(
        kinds=query.kinds if given.kinds is None else given.kinds,
        languages=query.languages if given.languages is None else given.languages,
        categories=given.categories or query.categories,
        tags=given.tags or query.tags,
        versions=given.versions or query.versions,
        solved=query.solved if given.solved is None else given.solved,
        since=given.since or query.since,
        before=given.before or query.before,
    )


def filters_as_text(filters: Filters) -> dict[str, list[str]]:
    """Names and values of the filters that are set, as a query has them; sorted.

    >>> filters_as_text(Filters(kinds=frozenset({Kind.VIDEO, Kind.DOCS}), solved=True))
    {'kind': ['docs', 'video'], 'solved': ['yes']}
    """
    solved = {None: (), True: ("yes",), False: ("no",)}[filters.solved]
    values: dict[str, Iterable[str]] = {
        "kind": (kind.value for kind in filters.kinds or ()),
        "lang": filters.languages or (),
        "category": filters.categories,
        "tag": filters.tags,
        "version": filters.versions,
        "solved": solved,
        "since": map(_as_date, filter(None, [filters.since])),
        "before": map(_as_date, filter(None, [filters.before])),
    }
    named = {name: sorted(each) for name, each in values.items()}
    return {name: each for name, each in named.items() if each}


def kind_named(text: str) -> Kind | None:
    """The kind of document that somebody calls so.

    >>> kind_named("Vídeos"), kind_named("cours"), kind_named("banana")
    (<Kind.VIDEO: 'video'>, <Kind.COURSE: 'course'>, None)
    """
    return _KIND_NAMED.get(unaccented(text.strip()))


def language_named(text: str) -> str | None:
    """The language of a code, or of a name in English, French, Spanish or Portuguese.

    >>> language_named("PT-br"), language_named("Français"), language_named("banana")
    ('pt', 'fr', None)
    """
    try:
        return language_code(text)
    except ValueError:
        return _languages().get(unaccented(text.strip()))


def solved_named(text: str) -> bool | None:
    """Yes or no, in a language of the bridge.

    >>> solved_named("Sí"), solved_named("não"), solved_named("perhaps")
    (True, False, None)
    """
    said = unaccented(text.strip())
    return True if said in _YES else False if said in _NO else None


def moment(text: str, now: datetime) -> datetime | None:
    """The beginning of a year, month or day (UTC), or of the day so long ago.

    >>> now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    >>> [f"{moment(each, now):%d.%m.%Y}" for each in ("2024", "2024-05", "1m")]
    ['01.01.2024', '01.05.2024', '28.02.2026']
    >>> moment("2024-13", now), moment("yesterday", now)
    (None, None)
    """
    said = text.strip().casefold()
    date, ago = _DATE.fullmatch(said), _AGO.fullmatch(said)
    try:
        if date:
            year, month, day = (int(part or 1) for part in date.groups())
            return datetime(year, month, day, tzinfo=UTC)
        if ago:
            return _days_ago(int(ago[1]), ago[2], now)
        if _TIME.fullmatch(said):
            time = datetime.fromisoformat(said.upper())
            return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        # No such day, or none that a calendar has.
        return None
    return None


def _days_ago(count: int, unit: str, now: datetime) -> datetime:
    # To the day: the same query is the same all day long.
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if unit in "dw":
        return today - timedelta(days=count * (7 if unit == "w" else 1))
    months = today.year * 12 + today.month - 1 - count * (12 if unit == "y" else 1)
    first = today.replace(year=months // 12, month=months % 12 + 1, day=1)
    next_month = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first.replace(day=min(today.day, (next_month - timedelta(days=1)).day))


@cache
def _languages() -> dict[str, str]:
    named: dict[str, str] = {}
    for speech in ("en", "fr", "es", "pt"):
        for code, name in Locale(speech).languages.items():
            if code.isalpha() and primary(code):
                named.setdefault(unaccented(name), primary(code))
    return named


def _as_value(value: str) -> str:
    return value if _PLAIN_VALUE.fullmatch(value) else f'"{value}"'


def _as_date(time: datetime) -> str:
    utc = time.astimezone(UTC)
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0)
    return utc.date().isoformat() if utc == midnight else utc.isoformat()


def _as_words(text: str) -> Iterator[str]:
    """Words that were no operators when they were read: those of a phrase that was one
    too many stay so in quotes, of which there are too many again."""
    for word in text.split():
        plain = ":" not in word and not word.startswith("-")
        yield word if plain or parse(word).text == word else f'"{word}"'


def _tidy(text: str) -> str:
    """Without quotes, which are of no word, and with single spaces."""
    return " ".join(_QUOTES.sub(" ", text).split())


def _says_something(text: str) -> bool:
    return any(map(str.isalnum, text))


def _is_slip(name: str, meant: str) -> bool:
    """Whether a letter too many, too few or wrong makes the difference, or two that
    are swapped."""
    if abs(len(name) - len(meant)) > 1:
        return False
    at = 0
    while at < min(len(name), len(meant)) and name[at] == meant[at]:
        at += 1
    rest, right = name[at:], meant[at:]
    return (
        rest[1:] == right[1:]
        or rest[1:] == right
        or rest == right[1:]
        or (rest[1::-1] + rest[2:] == right)
    )


class _Reading:
    """A query as far as it is read.

    Each step takes something from its front, and looks no further than it takes, but
    for a bounded way: a megabyte of quotes is read as fast as one of words.
    """

    def __init__(self, text: str, now: datetime) -> None:
        self.at = 0
        self._text = text
        self._now = now
        # What is known of the word that is being read; empty at its start.
        self._word: list[str] = []
        self._words: list[str] = []
        self._phrases: dict[str, None] = {}
        self._excluded: dict[str, None] = {}
        self._values: dict[str, dict[str, None]] = {}
        self._kinds: set[Kind] = set()
        self._other_kinds: dict[Kind, str] = {}
        self._solved: set[bool] = set()
        self._since: datetime | None = None
        self._before: datetime | None = None
        self._notes: dict[Note, None] = {}
        # Quotes that nothing closes from here to the end.
        self._open: set[str] = set()

    def step(self) -> None:
        gap = _GAP.match(self._text, self.at)
        if gap:
            self._end_word()
            self.at = gap.end()
        elif self._quote():
            return
        elif self._word or not (self._exclusion() or self._filter()):
            piece = _PIECE.match(self._text, self.at)
            # It matches whatever is no gap; gaps were taken.
            if piece:
                self._word.append(piece[0])
                self.at = piece.end()

    def result(self) -> ParsedQuery:
        self._end_word()
        filters = self._filters()
        text = " ".join(self._words)
        if self._excluded and not text and filters == Filters():
            self._note(NoteCode.NOTHING_WANTED, f"-{next(iter(self._excluded))}")
        return ParsedQuery(
            text=text,
            phrases=tuple(self._phrases),
            excluded=tuple(self._excluded),
            filters=filters,
            notes=tuple(self._notes),
        )

    def _end_word(self) -> None:
        if self._word:
            self._words.append("".join(self._word))
            self._word.clear()

    def _note(self, code: NoteCode, token: str) -> None:
        if len(self._notes) < MAX_NOTES:
            shown = "".join(filter(str.isprintable, token[: 2 * MAX_TOKEN_CHARS]))
            if len(shown) > MAX_TOKEN_CHARS:
                shown = shown[: MAX_TOKEN_CHARS - 1] + "…"
            self._notes[Note(code, shown)] = None

    def _token(self) -> str:
        """What is read next, for people; up to a gap, and bounded."""
        return self._text[self.at : self.at + 2 * MAX_TOKEN_CHARS].split(maxsplit=1)[0]

    def _sign(self, at: int) -> str:
        return self._text[at : at + 1]

    def _closing(self, quote: str, at: int) -> re.Match[str] | None:
        if quote in self._open:
            return None
        found = _CLOSING[quote].search(self._text, at)
        if found is None:
            self._open.add(quote)
        return found

    def _opens(self, sign: str) -> bool:
        if sign not in _CLOSING:
            return False
        if not self._word or sign in _ALWAYS_OPEN:
            return True
        if sign != '"':
            return False
        last = self._word[-1]
        bracketed = len(self._word) == 1 and not last.strip("(")
        return bracketed or (last.endswith(_ELISION) and last[-2:-1].isalpha())

    def _quote(self) -> bool:
        sign = self._sign(self.at)
        if not self._opens(sign):
            return False
        self._end_word()
        closing = self._closing(sign, self.at + 1)
        if closing is None:
            excerpt = self._text[self.at : self.at + 2 * MAX_TOKEN_CHARS]
            self._note(NoteCode.OPEN_QUOTE, excerpt)
            self.at += 1
        else:
            self._add_phrase(_tidy(self._text[self.at + 1 : closing.start()]))
            self.at = closing.end()
        return True

    def _add_phrase(self, phrase: str) -> None:
        # Said twice, it is not wanted more.
        if phrase in self._phrases:
            return
        self._words += phrase.split()
        if not _says_something(phrase):
            return
        if len(self._phrases) == MAX_PHRASES:
            self._note(NoteCode.TOO_MANY, f'"{phrase}"')
        else:
            self._phrases[phrase] = None

    def _exclusion(self) -> bool:
        sign = self._sign(self.at + 1)
        if self._sign(self.at) != "-" or sign in ("", "-"):
            return False
        if sign in _CLOSING:
            closing = self._closing(sign, self.at + 2)
            if closing is None:
                # The quote is read next, and is open.
                self._words.append("-")
                self.at += 1
            else:
                self._exclude(_tidy(self._text[self.at + 2 : closing.start()]))
                self.at = closing.end()
            return True
        if self._filter(excluded=True):
            return True
        found = _PIECE.match(self._text, self.at + 1)
        if not found or not _says_something(found[0]) or _NUMBER.fullmatch(found[0]):
            return False
        self._exclude(_tidy(found[0]))
        self.at = found.end()
        return True

    def _exclude(self, unwanted: str) -> None:
        if not _says_something(unwanted):
            return
        if len(self._excluded) == MAX_EXCLUDED and unwanted not in self._excluded:
            self._note(NoteCode.TOO_MANY, f"-{unwanted}")
        else:
            self._excluded[unwanted] = None

    def _filter(self, *, excluded: bool = False) -> bool:
        found = _NAME.match(self._text, self.at + excluded)
        if found is None or self._sign(found.end()) in _NO_VALUE:
            return False
        name = found[1].casefold()
        field = _NAMES.get(name)
        if field is None:
            if self._sign(found.end()).strip() and not excluded:
                self._doubt(name)
            return False
        values, quoted, end = self._read_values(found.end())
        if values and self._take(field, values, excluded=excluded):
            self.at = end
            return True
        # HTTP has a status, too, and its errors are searched.
        if field != "status" or excluded:
            self._note(NoteCode.BAD_VALUE, self._token())
        if quoted:
            # What is in quotes is read as a phrase, apart.
            self._words.append(self._text[self.at : found.end()])
        else:
            self._word.append(self._text[self.at : found.end()])
        self.at = found.end()
        return True

    def _doubt(self, name: str) -> None:
        if any(_is_slip(name, meant) for meant in _MISSPELT):
            self._note(NoteCode.UNKNOWN_FILTER, self._token())

    def _read_values(self, at: int) -> tuple[list[str] | None, bool, int]:
        """Values from *at* on, whether there are quotes, and where they end; ``None``
        for more or longer ones than anybody means, and where a quote stays open."""
        values: list[str] = []
        quoted = False
        while True:
            sign = self._sign(at)
            if sign in _CLOSING:
                quoted = True
                last = at + 1 + _MAX_VALUE_CHARS
                closing = _CLOSING[sign].search(self._text, at + 1, last)
                if closing is None:
                    return None, quoted, at
                values.append(_tidy(self._text[at + 1 : closing.start()]))
                at = closing.end()
            else:
                found = _VALUE.match(self._text, at)
                end = found.end() if found else at
                if end - at == _MAX_VALUE_CHARS:
                    return None, quoted, at
                values.append(_tidy(self._text[at:end]))
                at = end
            if self._sign(at) != ",":
                return [value for value in values if value], quoted, at
            if len(values) == _MAX_READ:
                return None, quoted, at
            at += 1

    def _take(self, field: str, values: Sequence[str], *, excluded: bool) -> bool:
        """Whether all *values* are of the filter; if one is not, none is taken."""
        if field == "kind":
            return self._take_kinds(values, excluded=excluded)
        if excluded:
            return False
        if field in ("solved", "status"):
            return self._take_solved(
                [
                    solved_named(value)
                    if field == "solved"
                    else _STATUS.get(value.casefold())
                    for value in values
                ]
            )
        if field in ("since", "before"):
            return self._take_dates(field, [moment(v, self._now) for v in values])
        read = {"lang": language_named, "version": _version}.get(field, _name)
        return self._take_texts(field, [read(value) for value in values])

    def _take_kinds(self, values: Sequence[str], *, excluded: bool) -> bool:
        kinds = [kind_named(value) for value in values]
        known = [kind for kind in kinds if kind]
        if len(known) < len(kinds):
            return False
        if excluded:
            self._other_kinds |= dict.fromkeys(known, self._token())
        else:
            self._kinds.update(known)
        return True

    def _take_solved(self, values: Sequence[bool | None]) -> bool:
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return False
        self._solved.update(known)
        return True

    def _take_dates(self, field: str, values: Sequence[datetime | None]) -> bool:
        known = [value for value in values if value]
        if len(known) < len(values):
            return False
        if field == "since":
            self._since = min([*filter(None, [self._since]), *known])
        else:
            self._before = max([*filter(None, [self._before]), *known])
        return True

    def _take_texts(self, field: str, values: Sequence[str | None]) -> bool:
        known = [value for value in values if value]
        if len(known) < len(values):
            return False
        taken = self._values.setdefault(field, {})
        for value in known:
            if len(taken) == MAX_VALUES and value not in taken:
                self._note(NoteCode.TOO_MANY, f"{field}:{value}")
            else:
                taken[value] = None
        return True

    def _filters(self) -> Filters:
        texts = {field: frozenset(values) for field, values in self._values.items()}
        none: frozenset[str] = frozenset()
        return Filters(
            kinds=self._wanted_kinds(),
            languages=texts.get("lang"),
            categories=texts.get("category", none),
            tags=texts.get("tag", none),
            versions=texts.get("version", none),
            # Threads that are solved, or are not, are all.
            solved=self._solved.pop() if len(self._solved) == 1 else None,
            since=self._since,
            before=self._before,
        )

    def _wanted_kinds(self) -> frozenset[Kind] | None:
        named = frozenset(self._kinds)
        if not self._other_kinds:
            return named or None
        left = (named or frozenset(Kind)) - self._other_kinds.keys()
        if left:
            return left
        for token in self._other_kinds.values():
            self._note(NoteCode.BAD_VALUE, token)
        return named or None


def _version(text: str) -> str | None:
    said = text.casefold()
    if not _VERSION.fullmatch(said) or not _says_something(said):
        return None
    dotted = _DOTTED.fullmatch(said)
    return dotted[1] if dotted else said


def _name(text: str) -> str | None:
    name = text.casefold()
    # Folding may make it longer, and it must remain one that can be typed.
    return name if _says_something(name) and len(name) < _MAX_VALUE_CHARS else None
