"""What a topic asks, with all that ranking may know of it.

A question that is asked now and one of the past must look alike to ranking: here
the first is made of what the forum says, in `bot.study` the second of what is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.history import question_of
from bot.languages import with_language
from bot.topic import TopicView
from indexer.blocks import join_blocks
from indexer.clean import clean_html
from indexer.links import links_in
from indexer.templates import without_templates
from kb.question import Question
from kb.store import Store
from kb.store.evidence import person_key
from kb.types import Document, DocumentId, Kind, Part


def question_of_topic(
    topic: TopicView, store: Store, *, source: str, languages: Sequence[str]
) -> Question:
    """A topic as it stands on the forum now.

    Args:
        source: The forum's source in the config.
        languages: Those that its members write in.
    """
    itself = store.documents.find(source, str(topic.id))
    known = store.templates.of_source(source).opening
    blocks = without_templates(clean_html(topic.opening), known)
    links = links_in(topic.opening, "html", url=topic.url)
    return Question(
        topic.title,
        join_blocks(blocks),
        document=None if itself is None else itself.id,
        asker=person_key(source, topic.author_id or None),
        category=topic.category_name or None,
        tags=topic.tags,
        language=_language(topic, source, languages, known),
        linked=store.editions.searched(
            store.links.documents_at([link.href for link in links], origin=topic.url)
        ),
    )


def _language(
    topic: TopicView, source: str, languages: Sequence[str], templates: Collection[str]
) -> str | None:
    """As a harvest would tell it."""
    document = Document(
        source=source,
        kind=Kind.THREAD,
        key=str(topic.id),
        url=topic.url,
        title=topic.title,
        parts=(Part(1, topic.opening),),
    )
    among = tuple(languages)
    return with_language(document, among=among, templates=templates).language


def question_of_stored(store: Store, document_id: DocumentId) -> Question | None:
    """A stored thread, or page, as it would be asked today; ``None`` if it is gone."""
    document = store.documents.load(document_id)
    if document is None or not document.parts:
        return None
    asked = question_of(document, store.templates.of_source(document.source))
    first = document.parts[0]
    linked = (
        target
        for link in store.links.of_document(document_id)
        if link.part_number == first.number
        for target in link.targets
    )
    return replace(
        asked,
        document=document_id,
        asker=person_key(document.source, first.author_id)
        if first.number == 1
        else None,
        category=document.category,
        tags=document.tags,
        language=document.language,
        linked=store.editions.searched(frozenset(linked)),
    )
