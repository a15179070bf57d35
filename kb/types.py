"""Frozen records that cross module borders.

Times are aware UTC datetimes. Ids are `NewType`s, so that a topic id cannot be
passed where a document id is meant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, NewType

DocumentId = NewType("DocumentId", int)
PassageId = NewType("PassageId", int)
TopicId = NewType("TopicId", int)
PostId = NewType("PostId", int)

Clock = Callable[[], datetime]
"""Returns the current time, aware and in UTC; injected wherever time matters."""

PUBLIC = "public"
"""The visibility of what everybody may read; others read ``category:NAME``."""


def utc_now() -> datetime:
    """The default `Clock`."""
    return datetime.now(UTC)


class Kind(StrEnum):
    """What a document is to a reader."""

    THREAD = "thread"
    DOCS = "docs"
    COURSE = "course"
    VIDEO = "video"


Format = Literal["html", "markdown", "text"]


@dataclass(frozen=True, slots=True)
class Part:
    """What one author wrote at one time: a post, or the body of a page.

    Attributes:
        number: Position that the source itself uses, unique in the document:
            the post number in a thread (gaps are normal), 1 for a page.
        body: As the source serves it, uncleaned.
        external_id: The source's own id of it: the post id on a forum.
        author_id: The author's id on the forum. Names change, ids do not.
        accepted: The forum marks it as the solution.
        reply_to: Number of the part it answers.
        staff: Its author was a moderator or administrator when it was read.
        anchor: What to append to the document's url to land on it: a unit of a course,
            a moment of a video. Empty where the text itself says where it is.
        heading: What it is called, headings above it first, joined by `` › ``.
    """

    number: int
    body: str
    format: Format = "html"
    external_id: int | None = None
    author_id: int | None = None
    author: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    likes: int = 0
    accepted: bool = False
    reply_to: int | None = None
    staff: bool = False
    # Not in its repr, which documents are hashed by: those without keep their hash.
    anchor: str = field(default="", repr=False)
    heading: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part that its source has and whose text we do not hold.

    Known, so that a document can be told to be complete.

    Attributes:
        cause: Why not: hidden, deleted, small action, ignored author.
        author_id: Of a first post, where it is known: whose the document is.
    """

    external_id: int
    number: int
    cause: str
    # Not in its repr, which documents are hashed by: those without keep their hash.
    author_id: int | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LoosePart:
    """A part that was read before the rest of its document.

    Attributes:
        key: Of its document.
        content: The part, with its `external_id`; or why its text must not be held.
        category_id: Of its document when it was read, for the day it must go.
    """

    key: str
    content: Part | LeftOut
    category_id: int | None = None

    @property
    def external_id(self) -> int:
        """The source's own id of it.

        Raises:
            ValueError: It has none.
        """
        if self.content.external_id is None:
            raise ValueError(f"part {self.content.number} of {self.key} has no id")
        return self.content.external_id


@dataclass(frozen=True, slots=True)
class Details:
    """What people want to know of a course, an event or a video before they open it.

    Attributes:
        duration_s: Length of a video, in seconds.
        level: As its provider calls it; so *effort*, the work it takes.
        pacing: ``self`` or ``instructor``.
        starts_at: First day of a course or an event; *ends_at* its last moment.
        enrolment_starts_at: When one can enrol, until *enrolment_ends_at*.
        utc_offset_s: Of the clocks where an event takes place, which tell its days.
        place: Where that is.
        mode: ``online``, ``in person`` or ``both``.
        lists: Titles of the playlists that a video is in.
    """

    duration_s: int | None = None
    level: str | None = None
    effort: str | None = None
    pacing: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    enrolment_starts_at: datetime | None = None
    enrolment_ends_at: datetime | None = None
    utc_offset_s: int | None = None
    place: str | None = None
    mode: str | None = None
    lists: tuple[str, ...] = ()


NO_DETAILS = Details()


@dataclass(frozen=True, slots=True)
class Document:
    """A thread, a documentation page, a course or a video, with its text.

    Attributes:
        source: Name of the source in the config.
        key: The source's own stable id: topic id, path of a page.
        url: Where people read it, without an anchor.
        visibility: `PUBLIC`, or ``category:NAME`` for a restricted category.
        solved: A thread with an accepted answer.
        listed: False for a topic that its forum keeps out of lists.
        closed: Nobody may answer; also when it is archived.
        revision: Opaque mark that changes when the source knows of a change,
            so that unchanged documents need not be read again.
        left_out: Parts that the source has beside `parts`.
        verified_at: When all of it was last compared with its source; ``None``
            leaves what is stored.
        parts: In the source's order, numbers ascending.
        page: What the versions of a page share, unique in its source; empty for what
            comes in one version only. Of those that share it one is searched, see
            `kb.versions`.
        expires_at: From then on nobody is led to it: an event that is over, a course
            that takes nobody any more.
        work: What the translations of a page share, unique in its source; so do its
            versions in each language. Empty for what no rule gives a language.
    """

    source: str
    kind: Kind
    key: str
    url: str
    title: str
    parts: tuple[Part, ...]
    language: str | None = None
    visibility: str = PUBLIC
    category: str | None = None
    tags: tuple[str, ...] = ()
    version: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    solved: bool = False
    closed: bool = False
    listed: bool = True
    views: int = 0
    revision: str = ""
    category_id: int | None = None
    archived: bool = False
    pinned: bool = False
    likes: int = 0
    left_out: tuple[LeftOut, ...] = ()
    verified_at: datetime | None = None
    page: str = ""
    details: Details = NO_DETAILS
    expires_at: datetime | None = None
    work: str = ""

    @property
    def contents(self) -> tuple[Part | LeftOut, ...]:
        """All parts that its source has, those that we do not hold last."""
        return (*self.parts, *self.left_out)


@dataclass(frozen=True, slots=True)
class Templates:
    """Lines that many posts of a category share, in the form they are compared in.

    Attributes:
        opening: Of first posts: the labels of a form, a welcome, a footer.
        reply: Of all others.
    """

    opening: frozenset[str] = frozenset()
    reply: frozenset[str] = frozenset()

    @property
    def stamp(self) -> str:
        """Names the set in the stamp of what was cut with it; empty if it is.

        >>> Templates().stamp, Templates(frozenset(["version"])).stamp
        ('', ', templates 12163ece')
        """
        if not (self.opening or self.reply):
            return ""
        lines = (*sorted(self.opening), None, *sorted(self.reply))
        return f", templates {content_hash(*lines)[:8]}"

    def __len__(self) -> int:
        return len(self.opening) + len(self.reply)


NO_TEMPLATES = Templates()


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A stored document without its text.

    Attributes:
        page: See `Document`; so `work`.
        current: It is the version of its page that is searched.
        outdated: Newer versions of what it belongs to have no such page any more.
        dead: Nobody is led to it, because its address did not answer as it should.
    """

    id: DocumentId
    source: str
    kind: Kind
    key: str
    url: str
    title: str
    language: str | None
    visibility: str
    category: str | None
    tags: tuple[str, ...]
    version: str | None
    created_at: datetime | None
    updated_at: datetime | None
    solved: bool
    closed: bool
    listed: bool
    views: int
    parts_count: int
    page: str = ""
    current: bool = True
    outdated: bool = False
    details: Details = NO_DETAILS
    expires_at: datetime | None = None
    verified_at: datetime | None = None
    dead: bool = False
    work: str = ""


@dataclass(frozen=True, slots=True)
class ParallelText:
    """What a unit says in one language: a line of an interface, a row of a list.

    Attributes:
        unit: What is the same in several languages, unique in its source: a key, or
            the text that was translated.
        language: As its file has it, in the form of `kb.tongues.tag`: ``fr``,
            ``pt-BR``.
        text: Words alone, without placeholders and the like.
    """

    unit: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class PassageDraft:
    """A passage before the store gives it an id.

    Attributes:
        part_number: The part it was cut from.
        ordinal: Position within the document, from 0.
        anchor: What to append to the document's url to land on it:
            ``/3`` for post 3 of a thread, ``#heading-id`` for a section.
        heading: Headings above it, outermost first, joined by `` › ``.
        text: What is shown, and with title and heading what is searched.
        created_at: When its part was written.
    """

    part_number: int
    ordinal: int
    anchor: str
    heading: str
    text: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A stored passage. Its text never changes: a change makes a new id.

    Attributes:
        opening: It is cut from the first part: the question of a thread.
    """

    id: PassageId
    document_id: DocumentId
    part_number: int
    ordinal: int
    anchor: str
    heading: str
    text: str
    language: str | None
    visibility: str
    content_hash: str
    created_at: datetime | None
    opening: bool = False


@dataclass(frozen=True, slots=True)
class PassageFacts:
    """What ranking must know of a passage, without its text.

    Attributes:
        visibility: Of the document, as it is now.
        opening: It is cut from the first part: the question of a thread.
        parts_count: Posts of its thread; 1 for a page.
        created_at: When the document was started.
        accepted: Its part was accepted as the solution.
    """

    document_id: DocumentId
    kind: Kind
    visibility: str
    opening: bool
    part_number: int
    parts_count: int
    created_at: datetime | None
    accepted: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class IndexablePassage:
    """What the word and vector indexes need to know of a passage.

    Attributes:
        title: Title of the document.
        opening: It is cut from the first part: the question of a thread.
        input: The text that is embedded; `content_hash` is its hash.
    """

    id: PassageId
    document_id: DocumentId
    kind: Kind
    title: str
    heading: str
    text: str
    language: str | None
    visibility: str
    opening: bool
    content_hash: str
    created_at: datetime | None

    @property
    def input(self) -> str:
        return passage_input(self.title, self.heading, self.text)


class LinkRelation(StrEnum):
    """In which way a post or page leads to another."""

    LINK = "link"
    """A link in the text."""
    CARD = "card"
    """An address on a line of its own, shown as a preview or a player."""
    QUOTE = "quote"
    """A post that is quoted."""


class LinkRole(StrEnum):
    """Who linked, seen from the document that the link stands in."""

    ASKER = "asker"
    HELPER = "helper"
    STAFF = "staff"
    PAGE = "page"
    """Nobody in a conversation: a documentation page, a course, a video."""


@dataclass(frozen=True, slots=True)
class LinkDraft:
    """A link as it was found, before the store works out where it leads.

    Attributes:
        part_number: The part it stands in.
        href: Absolute, see `kb.links.normalize`.
        text: What the author wrote as its text, on one line; empty for a bare
            address, a card or a quote.
        created_at: When its part was written.
    """

    part_number: int
    relation: LinkRelation
    href: str
    text: str
    role: LinkRole
    author_id: int | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A stored link, and what it leads to.

    Attributes:
        url: Canonical, without the place within the page.
        anchor: That place: ``/3`` for a post, ``#backup`` for a section.
        link_key: What all addresses of the same thing share, see `kb.links`.
        text: See `LinkDraft`.
        created_at: When its part was written. An edit may have added the link
            later; no forum says when.
        accepted: It stands in a post that was accepted as the solution.
        targets: Stored documents that it leads to, by id: several when versions
            of a page are folded. Never the document that it stands in, nor
            another version of that.
    """

    document_id: DocumentId
    part_number: int
    relation: LinkRelation
    url: str
    anchor: str
    link_key: str
    text: str
    role: LinkRole
    author_id: int | None
    created_at: datetime | None
    accepted: bool
    targets: tuple[DocumentId, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """What to do to the store so that it holds *document*; made by a plan.

    Attributes:
        document_id: The stored document it replaces; ``None`` inserts.
        chunker: Stamp of the code and settings that cut the passages.
        keep: Stored passages that stay, with their (possibly new) ordinal.
        insert: New passages.
        delete: Stored passages that go.
        links: All links of the document, in its order; they replace the stored.
    """

    document: Document
    document_id: DocumentId | None
    chunker: str
    keep: tuple[tuple[PassageId, int], ...] = ()
    insert: tuple[PassageDraft, ...] = ()
    delete: tuple[PassageId, ...] = ()
    links: tuple[LinkDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredState:
    """What a plan must know of a stored document."""

    id: DocumentId
    revision: str
    content_hash: str
    chunker: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that may answer.

    Attributes:
        passage_id: Its passage that fits best, to be shown.
        signals: Values by the names of `kb.signals`; a name is absent where nothing
            is known.
    """

    document_id: DocumentId
    kind: Kind
    passage_id: PassageId
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One document that answers a query, with its best passage.

    Attributes:
        score: Unitless, comparable within one search only; larger is better.
        confidence: In [0, 1], grows with how likely the document helps.
        signals: The named values that the score was made from.
        stands_for: The version or translation of its page that was found, where the
            question names this version, or is in this language.
        contributions: What each signal added to the score; empty where nobody asked.
    """

    document: DocumentSummary
    passage: Passage
    score: float
    confidence: float
    signals: Mapping[str, float] = field(default_factory=dict)
    stands_for: DocumentId | None = None
    contributions: Mapping[str, float] = field(default_factory=dict)

    @property
    def ranked_id(self) -> DocumentId:
        """The document that was found and ranked."""
        return self.document.id if self.stands_for is None else self.stands_for

    @property
    def url(self) -> str:
        """The passage's own address: a post or a section."""
        return self.document.url + self.passage.anchor


@dataclass(frozen=True, slots=True)
class LinkFrom:
    """A link, with the document that it stands in."""

    document: DocumentSummary
    link: Link

    @property
    def url(self) -> str:
        """Where it can be seen: its post, or its page."""
        is_post = self.document.kind is Kind.THREAD
        return self.document.url + (f"/{self.link.part_number}" if is_post else "")


def passage_input(title: str, heading: str, text: str) -> str:
    """The text that is embedded for a passage: it says what it is about first.

    >>> passage_input("Backup", "Backup › Nightly", "Use pg_dump.")
    'Backup › Nightly\\nUse pg_dump.'
    >>> passage_input("Backup", "", "Use pg_dump.")
    'Backup\\nUse pg_dump.'
    """
    if not heading:
        return f"{title}\n{text}"
    about = heading if heading.startswith(title) else f"{title} › {heading}"
    return f"{about}\n{text}"


def content_hash(*fields: object) -> str:
    """A hash over fields that does not confuse their borders.

    >>> content_hash("ab", "c") == content_hash("a", "bc")
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for item in fields:
        data = str(item).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
