"""Records of instant search: what is asked, and what comes back; frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kb.types import Kind, SearchHit

Span = tuple[int, int]
"""Where something stands in a text: start and end, in code points, end exclusive."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents are wanted; all conditions hold together.

    Of several values of one condition any will do.

    Attributes:
        kinds: ``None`` for all.
        languages: Without regions, as `kb.tongues.primary` has them; ``None`` for all.
        categories: Names or slugs, casefolded; empty for all. So for *tags* and
            *versions*.
        solved: Threads with an accepted answer, or those without; ``None`` for all
            documents.
        since: Only what was last changed at this time or later.
        before: Only what was last changed earlier.
    """

    kinds: frozenset[Kind] | None = None
    languages: frozenset[str] | None = None
    categories: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    solved: bool | None = None
    since: datetime | None = None
    before: datetime | None = None


class NoteCode(StrEnum):
    """What could not be taken as it was written, and was searched as plain text."""

    UNKNOWN_FILTER = "unknown_filter"
    BAD_VALUE = "bad_value"
    OPEN_QUOTE = "open_quote"
    NOTHING_WANTED = "nothing_wanted"
    """Only what is *not* wanted was named."""
    TOO_MANY = "too_many"
    """More phrases, exclusions or filters than are looked at."""


@dataclass(frozen=True, slots=True)
class Note:
    """A part of a query that does not mean what its writer hoped.

    Attributes:
        token: As it was written, shortened.
    """

    code: NoteCode
    token: str


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query as it was understood.

    Attributes:
        text: The words to search, those of phrases included, filters and exclusions
            not.
        phrases: What must stand there word for word.
        excluded: Words and phrases that must not.
        notes: What could not be understood.
    """

    text: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    filters: Filters = Filters()
    notes: tuple[Note, ...] = ()


class Why(StrEnum):
    """Why a document was found, for people; the strongest reasons come first."""

    EXACT = "exact"
    """A code, path or phrase stands there as it was typed."""
    TITLE = "title"
    """Its title has words of the query."""
    WORDS = "words"
    """Its passage has words of the query."""
    MEANING = "meaning"
    """Its passage means something close."""
    LINKED = "linked"
    """Members were sent there in answer to questions."""
    SOLVED = "solved"
    """It has an accepted answer."""
    VERSION = "version"
    """It is of a version that the query names."""


@dataclass(frozen=True, slots=True)
class InstantHit:
    """A document that was found.

    Attributes:
        highlights: In the text of its passage, ascending, without overlaps.
        title_highlights: So in its title.
    """

    hit: SearchHit
    highlights: tuple[Span, ...] = ()
    title_highlights: tuple[Span, ...] = ()
    why: tuple[Why, ...] = ()


FACETS = ("kind", "lang", "category", "tag", "version", "solved")
"""By what documents are counted; also the names of filters."""


@dataclass(frozen=True, slots=True)
class Facet:
    """How many of the documents that were found have a value.

    Attributes:
        value: As a filter takes it: ``docs``, ``fr``, ``2.41``, ``yes``.
    """

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Results:
    """What was found, a page of it.

    Attributes:
        query: As it was understood.
        hits: Best first.
        language: Of the query, where that can be told.
        weak: Nothing of it is likely to help: the words are there, and mean something
            else.
        total: Documents that were found, on all pages; what lies deeper than is
            looked at is not counted.
        facets: By the names of `FACETS`, most first.
        did_you_mean: The query with words that are known, where it has others.
        corrected: Words of the query that were sought as others, too, with these.
        near: Titles of documents near to a query that found nothing.
        timings: Milliseconds by stage.
        generation: Of the knowledge base.
    """

    query: ParsedQuery
    hits: tuple[InstantHit, ...] = ()
    language: str | None = None
    total: int = 0
    weak: bool = False
    facets: Mapping[str, tuple[Facet, ...]] = field(default_factory=dict)
    did_you_mean: str | None = None
    corrected: Mapping[str, str] = field(default_factory=dict)
    near: tuple[InstantHit, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    generation: int = 0

    @property
    def in_vain(self) -> bool:
        """Somebody looked for something that is not here."""
        return not self.total or self.weak
