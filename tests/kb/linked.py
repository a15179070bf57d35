"""Threads and pages that link to one another, for the stores of these tests."""

from __future__ import annotations

from datetime import timedelta

from kb.links import LinkRules
from kb.store import Store
from kb.types import (
    PUBLIC,
    Document,
    DocumentChange,
    DocumentId,
    Kind,
    LinkDraft,
    LinkRelation,
    LinkRole,
    Part,
    PassageDraft,
)
from tests.kb.stored import NOON

FORUM = "https://forum.example"
RULES = LinkRules(forums=(FORUM,), fold=((r"/v\d+/", "/latest/"),))
STAFF_ROOM = "category:Staff"


def thread(
    number: int,
    *texts: str,
    title: str | None = None,
    visibility: str = PUBLIC,
    listed: bool = True,
    authors: tuple[int | None, ...] = (),
    accepted: int | None = None,
    language: str | None = "en",
) -> Document:
    """A thread of the *number*-th day. Its posts, an hour apart, are numbered from 1,
    and have the ids *number* × 10 + their number."""
    texts = texts or ("A question.", "An answer.")
    return Document(
        source="forum",
        kind=Kind.THREAD,
        key=str(number),
        url=f"{FORUM}/t/{number}",
        title=f"Topic {number}" if title is None else title,
        parts=tuple(
            Part(
                n,
                text,
                format="text",
                external_id=number * 10 + n,
                author_id=authors[n - 1] if authors else n,
                created_at=NOON + timedelta(days=number, hours=n),
                accepted=n == accepted,
                likes=n,
            )
            for n, text in enumerate(texts, start=1)
        ),
        language=language,
        visibility=visibility,
        listed=listed,
        created_at=NOON + timedelta(days=number),
    )


def docs(key: str, *texts: str, language: str | None = "en") -> Document:
    """A page with a section for each text."""
    return Document(
        source="docs",
        kind=Kind.DOCS,
        key=key,
        url=f"https://docs.example/{key}",
        title=key.rpartition("/")[2].title(),
        parts=(Part(1, "\n".join(texts), format="markdown"),),
        language=language,
    )


def link(
    document: Document, part: int, href: str, text: str = "", role: str = ""
) -> LinkDraft:
    usual = LinkRole.ASKER if part == 1 else LinkRole.HELPER
    found = next(each for each in document.parts if each.number == part)
    return LinkDraft(
        part_number=part,
        relation=LinkRelation.LINK,
        href=href,
        text=text,
        role=LinkRole(role)
        if role
        else usual
        if document.kind is Kind.THREAD
        else LinkRole.PAGE,
        author_id=found.author_id,
        created_at=found.created_at,
    )


def put(
    store: Store, document: Document, *links: LinkDraft, cut: bool = True
) -> DocumentId:
    """Store a document, in a transaction of its own; what is stored of it keeps its
    passages.

    Args:
        cut: With passages: one a post of a thread, one a line of a page.
    """
    state = store.documents.state(document.source, document.key)
    drafts: list[PassageDraft] = []
    if cut and state is None:
        for part in document.parts:
            lines = (
                [part.body] if document.kind is Kind.THREAD else part.body.splitlines()
            )
            for n, line in enumerate(lines):
                heading = f"Section {n}" if document.kind is Kind.DOCS and n else ""
                drafts.append(PassageDraft(part.number, len(drafts), "", heading, line))
    change = DocumentChange(
        document,
        None if state is None else state.id,
        "test-1",
        insert=tuple(drafts),
        links=links,
    )
    with store.transaction():
        return store.documents.apply(change, walk=1)
