"""Section 6, trends: what is asked for more than in the period before. Pure.

A rise is told when it is no chance: by how many of the questions have a word, or are
in a cluster, now and before. Error messages are told when nobody had them before,
with what differs from one machine to another taken out of them.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bot.escape import shortened, visible
from bot.report.clusters import (
    Common,
    as_written,
    clusters,
    common_words,
    in_batches,
    labelled,
    subject_near,
    words_of,
)
from bot.report.health import topic_of
from bot.report.model import Rising, Trends
from bot.report.records import Int64, Meanings, Past, Texts, Thread
from kb.types import DocumentId

# Fewer questions, or all of fewer people, are no trend ...
_QUESTIONS, _PEOPLE = 4, 3
# ... but two people with the same new message are worth a look.
_REPORTS = 2
# How sure a rise must be: a z-score. Of thousands of words some rise by chance.
_SURE, _SURE_OF_CLUSTER = 3.0, 2.0
# And how many times as often at least.
_RISE = 1.5
_CLUSTER = 5
_TOPICS, _WORDS, _WRITTEN = 5, 6, 30
# Two of which so much is the same questions are told once.
_SAME = 0.8
MESSAGE_CHARS = 160


def trends(
    past: Past,
    texts: Texts,
    meanings: Meanings | None,
    *,
    common: Common | None = None,
    limit: int = 10,
) -> Trends:
    """What rises, which error messages are new, and which versions are named.

    Where the period before holds no question, no rise can be told: words and clusters
    are empty, and of errors and versions all ``before`` and scores are 0.

    Args:
        meanings: ``None``, without an index: no clusters.
        common: See `common_words`; made from all threads unless given.
        limit: Of each, at most so many.
    """
    now, before = past.asked, past.asked_in(past.period.before)
    if not now:
        return Trends(0, len(before), (), (), (), ())
    sides = _Sides({each.id: each for each in now}, frozenset(t.id for t in before))
    read = _read(past, texts, sides)
    return Trends(
        asked=len(now),
        asked_before=len(before),
        words=_words(texts, read, sides, limit),
        clusters=_clusters(past, texts, meanings, sides, common, limit),
        errors=_errors(read, sides, limit),
        versions=_versions(read, sides, limit),
    )


@dataclass(frozen=True, slots=True)
class _Sides:
    """The questions of a period, and of the one before it."""

    now: Mapping[DocumentId, Thread]
    before: frozenset[DocumentId]

    def here(self, ids: Collection[DocumentId]) -> list[Thread]:
        """Those of the period, newest first."""
        own = [self.now[i] for i in ids if i in self.now]
        return sorted(own, key=lambda thread: (thread.created_at, thread.id))[::-1]

    def is_some(self, ids: Collection[DocumentId], least: int, people: int) -> bool:
        """Whether enough questions of the period are among them, by enough people."""
        own = self.here(ids)
        # Where nobody knows who asked, each is somebody.
        askers = {thread.asker or f"?{thread.id}" for thread in own}
        return len(own) >= least and len(askers) >= people

    def score(self, ids: Collection[DocumentId]) -> float:
        """How sure it is that a question is likelier among them now than before."""
        if not self.before:
            return 0.0
        now = sum(i in self.now for i in ids)
        before = sum(i in self.before for i in ids)
        return _rise(now, len(self.now), before, len(self.before))

    def rises(self, ids: Collection[DocumentId], sure: float) -> bool:
        """Whether they are so much more often asked now that it is no chance."""
        now = sum(i in self.now for i in ids) / len(self.now)
        before = sum(i in self.before for i in ids) / max(len(self.before), 1)
        return now >= _RISE * before and self.score(ids) >= sure

    def rising(self, what: str, label: str, ids: Collection[DocumentId]) -> Rising:
        """What is told of them."""
        own = self.here(ids)
        return Rising(
            what,
            label,
            now=len(own),
            before=sum(i in self.before for i in ids),
            score=round(self.score(ids), 2),
            topics=tuple(map(topic_of, own[:_TOPICS])),
        )


def _rise(now: int, of: int, before: int, of_before: int) -> float:
    """How sure it is that one rate is higher than another: a z-score.

    Of square roots of counts, which vary as much where little is counted.

    Args:
        now, before: How often something was met, among *of* and *of_before*.

    Source:
        Gu, Ng, Tang and Schucany, Testing the ratio of two Poisson rates,
        Biometrical Journal 2008.

    >>> round(_rise(13, 100, 1, 100), 2), round(_rise(13, 100, 13, 100), 2)
    (3.51, 0.0)
    """
    ratio = of / of_before
    difference = math.sqrt(now + 3 / 8) - math.sqrt((before + 3 / 8) * ratio)
    return 2 * difference / math.sqrt(1 + ratio)


Having = defaultdict[str, set[DocumentId]]


def _nothing() -> Having:
    return defaultdict(set)


@dataclass(frozen=True, slots=True)
class _Read:
    """What questions say.

    Attributes:
        earlier: How many were asked before the period.
        words, numbers: Of the two periods; stems, and what may be versions.
        certain: Those of *numbers* that a question shows to be versions.
        messages: Of all questions.
        forms: How each message is written in the period.
    """

    earlier: int
    words: Having = field(default_factory=_nothing)
    numbers: Having = field(default_factory=_nothing)
    certain: Having = field(default_factory=_nothing)
    messages: Having = field(default_factory=_nothing)
    forms: defaultdict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )


def _read(past: Past, texts: Texts, sides: _Sides) -> _Read:
    asked = {thread.id: thread for thread in past.threads if not thread.by_bot}
    read = _Read(earlier=len(asked.keys() - sides.now.keys()))
    for i, text in in_batches(texts, asked):
        for message in messages_in(text):
            key = key_of(message)
            read.messages[key].add(i)
            if i in sides.now:
                read.forms[key][message] += 1
        if i in sides.now or i in sides.before:
            # Without a period before, no word rises.
            if sides.before:
                for word in words_of(text, asked[i].language):
                    read.words[word].add(i)
            for number, is_certain in numbers_in(text):
                read.numbers[number].add(i)
                if is_certain:
                    read.certain[number].add(i)
    return read


def _told_once(found: Iterable[str], has: Having, sides: _Sides) -> Iterator[str]:
    """Those of *found* whose questions are not much the same as those of an earlier."""
    kept: list[set[DocumentId]] = []
    for each in found:
        own = {i for i in has[each] if i in sides.now}
        if all(len(own & other) < _SAME * len(own | other) for other in kept):
            kept.append(own)
            yield each


# -- words and clusters --------------------------------------------------------


def _words(texts: Texts, read: _Read, sides: _Sides, limit: int) -> tuple[Rising, ...]:
    scores = {
        word: sides.score(ids)
        for word, ids in read.words.items()
        if len(ids) >= _QUESTIONS
        and sides.rises(ids, _SURE)
        and sides.is_some(ids, _QUESTIONS, _PEOPLE)
    }
    found = sorted(scores, key=lambda word: (-scores[word], word))
    stems = list(islice(_told_once(found, read.words, sides), limit))
    some = {
        thread.id: thread
        for word in stems
        for thread in sides.here(read.words[word])[:_WRITTEN]
    }
    said = [(text, some[i].language) for i, text in in_batches(texts, some)]
    return tuple(
        sides.rising("word", label, read.words[word])
        for word, label in zip(stems, as_written(stems, said), strict=True)
    )


def _clusters(
    past: Past,
    texts: Texts,
    meanings: Meanings | None,
    sides: _Sides,
    common: Common | None,
    limit: int,
) -> tuple[Rising, ...]:
    if meanings is None or not sides.before:
        return ()
    ids, vectors = meanings.of({*sides.now, *sides.before})
    enough = subject_near(past, meanings)
    found = [
        members
        for rows in clusters(vectors, threshold=enough, size=_CLUSTER)
        if sides.is_some(members := _ids(ids[rows]), _QUESTIONS, _PEOPLE)
        and sides.rises(members, _SURE_OF_CLUSTER)
    ]
    found = sorted(found, key=lambda members: (-sides.score(members), members))[:limit]
    if not found:
        return ()
    common = common or common_words(past.threads, texts)
    openings = dict(in_batches(texts, (i for members in found for i in members)))
    by_id = {thread.id: thread for thread in past.threads}

    def label(members: Sequence[DocumentId]) -> str:
        threads = [by_id[i] for i in members]
        told = labelled(threads, openings, common, limit=_WORDS)
        return ", ".join(told) or visible(threads[0].title)

    return tuple(sides.rising("cluster", label(each), each) for each in found)


def _ids(found: Int64) -> list[DocumentId]:
    return [DocumentId(int(i)) for i in found]


# -- errors ----------------------------------------------------------------------


def _errors(read: _Read, sides: _Sides, limit: int) -> tuple[Rising, ...]:
    """Messages of the period that no question had before, or hardly any."""
    new = {
        key: len(sides.here(ids))
        for key, ids in read.messages.items()
        if sides.is_some(ids, _REPORTS, _REPORTS) and _is_new(ids, read, sides)
    }
    found = sorted(new, key=lambda key: (-new[key], key))
    return tuple(
        sides.rising("error", _most_common(read.forms[key]), read.messages[key])
        for key in islice(_told_once(found, read.messages, sides), limit)
    )


def _is_new(ids: Collection[DocumentId], read: _Read, sides: _Sides) -> bool:
    now = sum(i in sides.now for i in ids)
    ever = len(ids) - now
    if not ever:
        return True
    sure = _rise(now, len(sides.now), ever, read.earlier) >= _SURE
    # What was new a period ago is no longer.
    return (
        now >= _QUESTIONS
        and sure
        and (not sides.before or sides.rises(ids, _SURE_OF_CLUSTER))
    )


def _most_common(forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form))


# A message may stand far down in a log.
_CHARS, _LINES, _LINE_CHARS = 20_000, 400, 600
_MESSAGES = 40
# In the languages that most communities write; a message that somebody quotes has one.
_FAILING = (
    *("error", "exception", "fail", "cannot", "can't", "can’t", "could not", "unable"),
    *("couldn't", "couldn’t", "invalid", "denied", "not found", "missing", "refused"),
    *("timed out", "timeout", "undefined", "no such", "conflict", "forbidden"),
    *("not allowed", "not supported", "not exist", "not defined", "not valid"),
    *("not permitted", "not available", "unauthorized", "bad request", "unavailable"),
    *("erreur", "impossible", "échec", "introuvable", "interdit", "n'existe pas"),
    *("fallo", "falló", "no se pud", "no se puede", "no se encontr", "inválid"),
    *("erro ", "erro:", "falha", "não foi", "não encontr", "não permit", "fehler"),
)
# No message is sought in a line without one of these, or a code.
_HINTS = (
    *_FAILING,
    "fatal",
    "http 4",
    "http 5",
    "http/",
    "http status",
    "status",
    "code",
)
_THROWN = re.compile(
    r"(?<![\w.$])(?:[a-z_$][\w$]*\.)*(?P<name>[A-Z][A-Za-z0-9_]*(?:Exception|Error))\b"
    r"(?P<message>\s*:\s*\S.*)?"
)
_CODE = re.compile(
    r"\b(?P<code>(?:ORA|PLS|TNS|SP2|MSB|LNK|ERR|E)-?\d{4,5})\b"
    r"|\bSQLSTATE\W{0,3}(?P<state>[0-9A-Z]{5})\b"
)
_STATUSES = (
    "Bad Request|Unauthorized|Forbidden|Not Found|Method Not Allowed|Conflict|Gone"
    "|(?:Request Entity|Payload) Too Large|Unsupported Media Type|Unprocessable"
    "|Too Many Requests|Internal Server Error|Not Implemented|Bad Gateway"
    "|Service Unavailable|Gateway Time-?out"
)
_STATUS = re.compile(
    r"\b(?:HTTP(?:/\d(?:\.\d)?)?|(?:status|error|response|erreur|erro|estado|statut)"
    r"(?:[ -]?(?:code|c[óo]digo))?|c[óo]digo(?: de)?(?: error| erro| estado)?)"
    r"\W{0,3}(?:(?:status|error|code)\W{0,3}){0,2}(?P<told>[45]\d\d)\b(?![.,]?\d)"
    rf"|\b(?P<named>[45]\d\d)\W{{1,3}}(?:{_STATUSES})\b",
    re.IGNORECASE,
)
_MARKED = re.compile(
    r"(?:\b(?i:error|erreur|erro|fehler|errore|fatal)\b(?i: message| code)?\s*[:：]"
    r"|\bERROR\b[\]\s:-]+)\s*(?P<message>\S.{7,})"
)
_QUOTED = re.compile(r"[\"“«„`](?P<message>[^\"”»“`]{10,200})[\"”»“`]")
_LETTERS = re.compile(r"[^\W\d_]{2,}")

# What differs between two who have the same problem, the longest kinds first.
_OWN = re.compile(
    r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|\b(?:https?|file|ftp)://[^\s\"'<>)\]]+"
    r"|\b[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|\b[A-Za-z]:[\\/][^\s\"'<>|,;)\]]*"
    r"|(?<![\w.])(?:~|\.{1,2})?(?:/[\w.@%+~-]+){2,}/?"
    r"|\b0x[0-9a-fA-F]+\b"
    r"|\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{7,}\b"
    # A uid of eleven signs, as DHIS2 makes them.
    r"|\b(?=[A-Za-z]*\d)[A-Za-z][A-Za-z0-9]{10}\b"
    r"|\d+(?:[.,:/-]\d+)*"
)
_QUOTES = re.compile(r"[\"`´‘’“”«»„]")
_RUN = re.compile(r"…(?:[\s,;:/\\().-]*…)+")


def messages_in(text: str) -> list[str]:
    """The error messages that a question tells, without what is its author's own.

    Names of exceptions, codes, statuses of HTTP, what stands behind "Error:", and what
    is quoted and speaks of failure; each once, in order.

    >>> messages_in("java.lang.IllegalStateException: no /home/ann/a.csv in 12 s")
    ['IllegalStateException: no … in … s']
    >>> messages_in("It says “Could not load user 12”, then 409 Conflict, E1063")
    ['Could not load user …', 'HTTP 409', 'E1063']
    """
    text = text[:_CHARS]
    lines = text.split("\n")
    found: dict[str, str] = {}
    for number in _lines_of_note(text)[:_LINES]:
        for message in _of_line(visible(lines[number][:_LINE_CHARS])):
            found.setdefault(key_of(message), message)
    return list(found.values())[:_MESSAGES]


def key_of(message: str) -> str:
    """By what messages are the same: neither case nor kind of quotes makes them two.

    >>> key_of("No module named ‘cv2’") == key_of("no module named 'cv2'")
    True
    """
    return _QUOTES.sub("'", message).casefold()


def _lines_of_note(text: str) -> list[int]:
    """Numbers of the lines that may tell of an error; most texts have none, and are
    passed over at once."""
    # Folding changes the length of a text, but not the number of its lines.
    said = text.casefold()
    numbers: set[int] = set()
    for hint in _HINTS:
        line, seen, at = 0, 0, said.find(hint)
        while at >= 0:
            line, seen = line + said.count("\n", seen, at), at
            numbers.add(line)
            end = said.find("\n", at)
            at = said.find(hint, end) if end >= 0 else -1
    numbers.update(text.count("\n", 0, code.start()) for code in _CODE.finditer(text))
    return sorted(numbers)


def _is_failing(message: str) -> bool:
    said = message.casefold()
    return any(word in said for word in _FAILING)


def _of_line(line: str) -> list[str]:
    """By place; what is within another is not told once more."""
    found: list[tuple[int, int, str]] = []

    def add(match: re.Match[str], message: str) -> None:
        start, end = match.span()
        inside = any(a < end and start < b for a, b, _ in found)
        if not inside and message:
            found.append((start, end, message))

    for match in _THROWN.finditer(line):
        told = _without_own((match["message"] or "").lstrip(" :"))
        add(
            match,
            shortened(f"{match['name']}: {told}", MESSAGE_CHARS)
            if told
            else match["name"],
        )
    for match in _STATUS.finditer(line):
        add(match, f"HTTP {match['told'] or match['named']}")
    for match in _CODE.finditer(line):
        add(match, match["code"] or f"SQLSTATE {match['state']}")
    for match in _QUOTED.finditer(line):
        if _is_failing(match["message"]):
            add(match, _told(match["message"]))
    for match in _MARKED.finditer(line):
        add(match, _told(match["message"]))
    return [message for _, _, message in sorted(found)]


def _told(message: str) -> str:
    """A message that says something, or nothing."""
    told = shortened(_without_own(message), MESSAGE_CHARS)
    return told if len(_LETTERS.findall(told)) > 1 else ""


def _without_own(message: str) -> str:
    told = _RUN.sub("…", _OWN.sub("…", message))
    return told.strip(" .,;:!-")


# -- versions ----------------------------------------------------------------------

# `kb.versions` reads all of a text with care, which takes 15 ms of a long one.
_VERSION_CHARS = 2_000
_NUMBER = re.compile(
    r"(?<![\w.,/:])(?P<v>[vV]?)(?P<number>\d{1,4}(?:\.\d{1,8}){1,3})"
    r"(?![\w%°×]|[.,:/]\d)"
)
_WORD_BEFORE = re.compile(r"([^\W\d_][\w+#]*)[ \-:=]{1,2}$")
_BEFORE_CHARS = 40
_SAYS_VERSION = re.compile(r"vers|release|lan[çz]|build|rev", re.IGNORECASE)
_ADDRESS_PARTS, _BYTE = 4, 255
# Of the questions that have a number, those that show it to be a version: of 4.11 it is
# nearly half on the Slicer forum, of 0.5 one in forty.
_CERTAIN = 0.25


def numbers_in(text: str) -> list[tuple[str, bool]]:
    """Dotted numbers in the beginning of a text, and whether each is told as a version.

    One of three parts is, and one behind a ``v``, a word for version, or a name.

    >>> numbers_in("On Slicer 5.0.3 and v2.41, version: 4.8; 0.5 mm at 10.0.0.1")
    [('5.0.3', True), ('2.41', True), ('4.8', True), ('0.5', False)]
    """
    found: dict[str, bool] = {}
    for match in _NUMBER.finditer(text[:_VERSION_CHARS]):
        number, start = match["number"], match.start()
        before = _WORD_BEFORE.search(text[max(0, start - _BEFORE_CHARS) : start])
        word = before[1] if before else ""
        parts = [int(part) for part in number.split(".")]
        if _is_date(parts) or (len(parts) == _ADDRESS_PARTS and max(parts) <= _BYTE):
            continue
        certain = (
            len(parts) > 2
            or bool(match["v"])
            or bool(_SAYS_VERSION.match(word))
            or word[:1].isupper()
        )
        found[number] = found.get(number, False) or certain
    return list(found.items())


def _is_date(parts: Sequence[int]) -> bool:
    """Whether it is a day: 2022.03.08 or 8.3.2022."""
    if len(parts) != 3:
        return False
    first, month, last = parts
    years = range(1970, 2100)
    return month <= 12 and (
        (first in years and last <= 31) or (last in years and first <= 31)
    )


def _versions(read: _Read, sides: _Sides, limit: int) -> tuple[Rising, ...]:
    """The versions that are named most often in the period."""
    counts = {
        number: len(sides.here(ids))
        for number, ids in read.numbers.items()
        if sides.is_some(ids, _REPORTS, _REPORTS)
        and len(read.certain[number]) >= _CERTAIN * len(ids)
    }
    found = sorted(counts, key=lambda number: (-counts[number], number))
    return tuple(
        sides.rising("version", number, read.numbers[number])
        for number in found[:limit]
    )
