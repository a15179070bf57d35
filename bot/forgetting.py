"""A member's rights: to be forgotten, and to have what is held of them.

Forgetting is done at once, in one transaction per source, and leaves a tombstone: a
hash of the name and the number of the account, by which no harvest brings them back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.config_sources import ArchiveSource, ForumSource
from indexer.cutting import Cutter, rewrite
from indexer.forgetting import without_forgotten, without_quotes_of
from kb.errors import ConfigError, KBError
from kb.store import EmbeddingCache, Forgotten, Store
from kb.store.forgetting import Person
from kb.types import Document, DocumentId, Part, TopicId

if TYPE_CHECKING:
    from bot.app import App


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What went from one source.

    Attributes:
        accounts: That the name belonged to; 0: it was not met there.
        posts: Of theirs.
        topics: That they began, and that went whole.
        decisions: Of the bot, on their topics, of which all but the fact went.
        replies: Topics where a reply of the bot still shows their words on the forum.
        unknown: Topics that stay though nothing says who began them: their first post
            was gone before it was read. The next harvest asks the forum.
    """

    source: str
    accounts: int
    posts: int
    topics: int
    decisions: int
    replies: tuple[TopicId, ...]
    unknown: int = 0


def sources_of_people(app: App, names: Sequence[str] = ()) -> list[str]:
    """The sources whose documents have authors: those named, else all.

    Raises:
        ConfigError: One of them is no forum, and no history of one.
    """
    kinds = (ForumSource, ArchiveSource)
    known = app.config.sources
    for name in names:
        if not isinstance(known.get(name), kinds):
            raise ConfigError(
                f"sources.{name}", "expected a forum or an archive under this name"
            )
    return list(names) or [n for n, each in known.items() if isinstance(each, kinds)]


def forget(app: App, username: str, sources: Sequence[str]) -> list[ForgetReport]:
    """Remove all that is held of a member, and see that it does not return.

    The store is changed first, then the index and the vectors are; killed between,
    the same command goes on, and no search finds what is not in the store.

    Raises:
        StoreError: The store cannot be changed; nothing was.
        KBError: A report that names the member cannot be removed.
        SearchIndexError, EmbeddingError: The index cannot be brought up.
    """
    with app.open_store() as store:
        cut = app.cutter(store)
        reports = [_forget_in(app, store, cut, name, username) for name in sources]
        store.forgetting.truncate_log()
        if app.cache_path.is_file():
            # Also where no index is, which else sees to it.
            from kb.index import forget_vectors

            with EmbeddingCache.open(app.cache_path) as cache:
                forget_vectors(cache, store)
    from bot.report.writing import remove_written

    remove_written(app.data_dir)
    if app.index_folder.is_dir():
        # Always: an earlier attempt may have ended before it came here.
        app.index()
    return reports


def _forget_in(
    app: App, store: Store, cut: Cutter, source: str, username: str
) -> ForgetReport:
    at = app.clock()
    person = store.forgetting.person(source, username)
    with store.transaction():
        _leave_tombstones(app, store, person)
        forgotten = store.members.forgotten(source)
        posts, gone = 0, []
        for document_id in store.forgetting.documents(person):
            document = store.documents.load(document_id)
            if document is None:
                continue
            kept = without_forgotten(document, forgotten)
            posts += sum(map(person.wrote, document.parts))
            if kept is None:
                gone.append((document_id, document.key))
            elif kept != document:
                rewrite(store, kept, cut)
        keys = [key for _, key in gone]
        _delete(store, source, gone)
        unknown = store.forgetting.beginners_unknown(source)
        store.forgetting.drop_loose(person)
        _rewrite_loose(store, person, forgotten)
        store.forgetting.drop_marks(person)
        store.forgetting.drop_profiles(person)
        store.forgetting.drop_searches(person)
        decisions = store.forgetting.blank_topics(person, keys, at=at)
        replies = store.forgetting.unlink(source, at=at)
        store.forgetting.drop_messages()
        # The next harvest asks the forum.
        store.looks.add(source, unknown, "who began it is not known", at)
    return ForgetReport(
        source=source,
        accounts=len(person.ids) or int(posts > 0),
        posts=posts,
        topics=len(gone),
        decisions=decisions,
        replies=tuple(replies),
        unknown=len(unknown),
    )


def _leave_tombstones(app: App, store: Store, person: Person) -> None:
    # By each name of each account: what tells no account is told by its name.
    accounts: list[int | None] = [*sorted(person.ids)] or [None]
    for name in sorted(person.names):
        for user_id in accounts:
            store.members.wish(
                person.source,
                username=name,
                user_id=user_id,
                answers=False,
                indexed=False,
                origin="operator",
                at=app.clock(),
            )


def _rewrite_loose(store: Store, person: Person, forgotten: Forgotten) -> None:
    loose = store.forgetting.loose(person)
    store.loose.add(
        person.source,
        [
            replace(each, content=without_quotes_of(each.content, forgotten))
            for each in loose
            if isinstance(each.content, Part)
        ],
    )


def _delete(store: Store, source: str, gone: Sequence[tuple[DocumentId, str]]) -> None:
    store.documents.delete([document_id for document_id, _ in gone])
    keys = [key for _, key in gone]
    store.loose.drop(source, keys)
    for key in keys:
        store.progress.take_back(source, key)


def remember(app: App, username: str, sources: Sequence[str]) -> list[str]:
    """Take a tombstone back: what is on the forum may be read again.

    Topics that hold posts of theirs are read by the next harvest; those that they
    began by the next one that is full.

    Returns:
        The sources where there was one.
    """
    found = []
    with app.open_store() as store:
        for source in sources:
            with store.transaction():
                taken = store.members.remember(source, username)
                if taken:
                    found.append(source)
                    keys = store.forgetting.left_out()
                    store.looks.add(
                        source, keys.get(source, ()), "who wrote in it", app.clock()
                    )
    return found


def export(app: App, username: str, sources: Sequence[str]) -> Iterator[dict[str, Any]]:
    """All that is held of a member, as plain JSON values.

    Raises:
        StoreError: There is no knowledge base, or it cannot be read.
        KBError: Nothing is held of anybody of that name.
    """
    count = 0
    with app.open_store(readonly=True) as store:
        for source in sources:
            for item in _held(store, source, username):
                count += 1
                yield {"source": source, **item}
    if not count:
        raise KBError(f"nothing is held of a member called {username}")


def _held(store: Store, source: str, username: str) -> Iterator[dict[str, Any]]:
    person = store.forgetting.person(source, username)
    wish = store.members.find(
        source, username=username, user_id=next(iter(person.ids), None)
    )
    if wish is not None:
        yield {
            "what": "wish",
            "answers": wish.answers,
            "indexed": wish.indexed,
            "origin": wish.origin,
            "at": wish.at,
        }
    for document_id in store.forgetting.documents(person):
        document = store.documents.load(document_id)
        if document is not None:
            yield from _posts(store, document_id, document, person)
    for loose in store.forgetting.loose(person):
        if isinstance(loose.content, Part) and person.wrote(loose.content):
            yield {"what": "post", "key": loose.key, **_post(loose.content)}
    for topic_id in store.forgetting.begun_by(person):
        decision = store.ledger.get(source, topic_id)
        if decision is not None:
            yield {"what": "decision", **_plain(decision)}
    for forum, topic_id, links in store.forgetting.suggested(person):
        # Without the reply's text and the topic's title, which are others'.
        yield {
            "what": "suggestion",
            "forum": forum,
            "topic_id": topic_id,
            "links": links,
        }
    for mark in store.forgetting.marks_of(person):
        yield {"what": "mark", **mark}
    for verdict in store.forgetting.verdicts_on(person):
        yield {"what": "verdict", **verdict}
    for profile in store.forgetting.profiles_of(person):
        yield {"what": "profile", **profile}


def _posts(
    store: Store, document_id: DocumentId, document: Document, person: Person
) -> Iterator[dict[str, Any]]:
    links = store.links.of_document(document_id, visible_to={document.visibility})
    if any(each.author_id in person.ids for each in document.left_out):
        yield {"what": "topic", "topic": document.title, "url": document.url}
    for part in document.parts:
        if not person.wrote(part):
            continue
        yield {
            "what": "post",
            "topic": document.title,
            "url": f"{document.url}/{part.number}",
            **_post(part),
            "links": [link.url for link in links if link.part_number == part.number],
        }


def _post(part: Part) -> dict[str, Any]:
    return {
        "written_at": part.created_at,
        "changed_at": part.updated_at,
        "author": part.author,
        "author_id": part.author_id,
        "likes": part.likes,
        "accepted": part.accepted,
        "body": part.body,
    }


def _plain(decision: Any) -> dict[str, Any]:
    return {
        "topic_id": decision.topic_id,
        "title": decision.title,
        "mode": decision.mode,
        "state": decision.state,
        "reasons": list(decision.reasons),
        "suggestions": list(decision.suggestions),
        "body": decision.body,
        "decided_at": decision.decided_at,
    }
