"""A query, understood: its language, what it means in others, what was mistyped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from kb.bridge import Bridge
from kb.bridge.guessing import guess
from kb.bridge.rendering import Rendering, renderings
from kb.instant.query import to_query
from kb.instant.records import ParsedQuery
from kb.instant.shelves import Snapshot
from kb.instant.spelling import corrections
from kb.language import detect
from kb.question import Question
from kb.search import may_be_shown
from kb.store import Store
from kb.tongues import primary
from kb.types import Clock, PassageId
from kb.versions import versions_in
from kb.words import identifiers, is_stopword, words


@dataclass(frozen=True, eq=False)
class Query:
    """A query that is being answered: all that is the same for each kind.

    Attributes:
        question: What was typed, with corrections in the place of what is not known.
        carried: What it means in other languages.
        corrected: Words that stand for others there, by what was typed.
        meant: The whole query as it may be meant, operators and all; ``None``: as it
            was typed.
        named: Versions that it names, or filters by.
        visible_to: Visibilities that the reader may see; ``None`` for all.
    """

    parsed: ParsedQuery
    question: Question
    visible_to: frozenset[str] | None
    carried: tuple[Rendering, ...] = ()
    corrected: Mapping[str, str] = field(default_factory=dict)
    meant: str | None = None
    named: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        return self.question.body

    @property
    def language(self) -> str:
        """Without its region; empty where nobody knows it."""
        return primary(self.question.language)

    @property
    def typed(self) -> str:
        """To be sought by words: what was typed may stand somewhere, errors and all."""
        return f"{self.text} {self.parsed.text}" if self.corrected else self.text

    @cached_property
    def words(self) -> frozenset[str]:
        """Of the query, and what they most likely are in other languages."""
        carried = [
            word
            for rendering in self.carried
            for meant in rendering.body
            for sense in meant.senses[:1]
            for word in sense.words
        ]
        return frozenset([*words(self.typed), *carried])

    @cached_property
    def identifiers(self) -> tuple[str, ...]:
        """Codes, paths and names of code, which stand somewhere as they are."""
        return identifiers(self.parsed.text)


def understood(
    parsed: ParsedQuery,
    snapshot: Snapshot,
    store: Store,
    bridge: Bridge,
    *,
    visible_to: frozenset[str] | None,
    unfinished: bool,
    clock: Clock,
) -> Query:
    """What is asked.

    Args:
        unfinished: Somebody may still be typing the last word.

    Raises:
        StoreError, CorruptIndexError: They cannot be used.
    """
    among = bridge.sources | snapshot.languages
    language = None
    if among:
        language = _language(parsed.text, tuple(sorted(among))) or guess(
            parsed.text, bridge, among=among
        )
    found = corrections(
        words(parsed.text),
        snapshot.lexicals,
        _seen_texts(store, visible_to, clock),
        visible_to=visible_to,
        unfinished=unfinished,
        means_something=_meaning(parsed, bridge, primary(language)),
    )
    text = _replaced(parsed.text, found.certain)
    likely = _replaced(parsed.text, {**found.possible, **found.certain})
    question = Question("", text, language=language)
    return Query(
        parsed,
        question,
        visible_to,
        renderings(question, bridge, snapshot.languages),
        found.certain,
        None if likely == parsed.text else to_query(replace(parsed, text=likely)),
        versions_in(text) | parsed.filters.versions,
    )


# Detecting takes a millisecond, and pages and filters ask again.
@lru_cache(maxsize=2_048)
def _language(text: str, among: tuple[str, ...]) -> str | None:
    return detect(text, among=among)


def _meaning(
    parsed: ParsedQuery, bridge: Bridge, language: str
) -> Callable[[str], bool]:
    """Tells words that are no errors: what was put in quotes is meant as it stands,
    codes are no words, and a word of another language need not stand here."""
    exact = {
        word
        for text in (*parsed.phrases, *identifiers(parsed.text))
        for word in words(text)
    }
    tables = [bridge.table(language, target) for target in bridge.targets(language)]

    def means_something(word: str) -> bool:
        return (
            word in exact
            or is_stopword(word)
            or any(table is not None and table.knows(word) for table in tables)
        )

    return means_something


def _seen_texts(
    store: Store, visible_to: frozenset[str] | None, clock: Clock
) -> Callable[[Sequence[PassageId]], Iterator[str]]:
    def texts(ids: Sequence[PassageId]) -> Iterator[str]:
        passages = store.passages.load(ids).values()
        documents = store.documents.summaries([p.document_id for p in passages])
        for passage in passages:
            document = documents.get(passage.document_id)
            if document is not None and may_be_shown(document, visible_to, clock()):
                yield passage.text
                yield document.title

    return texts


def _replaced(text: str, corrected: Mapping[str, str]) -> str:
    """*text* with other words in the place of some."""
    if not corrected:
        return text
    return " ".join(
        corrected.get(found[0], piece) if len(found := words(piece)) == 1 else piece
        for piece in text.split()
    )
