"""From the store and its index to what the report is made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from bot.report.model import Searches, Sought
from bot.report.records import Float32, Int64, Past, Period, Post, Reply, Thread, Voice
from kb.corpus import Corpus
from kb.store import PostRow, Store, ThreadRow
from kb.store.evidence import person_key
from kb.store.members import folded, name_hash
from kb.types import PUBLIC, DocumentId, Kind, PassageId

# Similarities in memory at once: 4 bytes each.
_BLOCK = 8_000_000
# In float32 the last digits depend on the order of summing.
_DIGITS = 5

Names = defaultdict[str, set[tuple[str, str, int | None]]]
"""Of members by key: source, name and account, each as it was met."""

Visible = frozenset[str] | None
"""What the reader may see, of what `kb.types.Document.visibility` says; ``None``:
everything."""


def read_past(
    store: Store,
    sources: Sequence[str],
    period: Period,
    *,
    visible_to: Visible = frozenset({PUBLIC}),
    bots: Collection[str] = (),
    unsuggested: Collection[str] = (),
) -> Past:
    """All threads of some forums that were begun before the end of a period, as they
    stood then.

    Likes, views, titles and marks are those of the last harvest: no forum tells since
    when they are so.

    Args:
        sources: Names of forums and archives. Where two hold the same topic, that of
            the first counts.
        bots: Names of accounts that are programs, beside the forum's own.
        unsuggested: Names of members who must not be suggested as helpers.

    Raises:
        StoreError: The store cannot be read.
    """
    programs = frozenset(map(folded, bots))
    threads: list[Thread] = []
    met: set[str] = set()
    names: Names = defaultdict(set)
    for source in sources:
        posts = _posts(store, source, period.until, visible_to, programs, names)
        rows = store.activity.threads(
            source, before=period.until, visible_to=visible_to
        )
        for row in rows:
            if row.url not in met:
                met.add(row.url)
                threads.append(_thread(row, posts.get(row.id, ())))
    threads = _with_newcomers(sorted(threads, key=lambda t: (t.created_at, t.id)))
    return Past(
        period,
        tuple(threads),
        _unwilling(store, names, frozenset(map(folded, unsuggested))),
        {thread.id: thread for thread in threads},
    )


def _posts(
    store: Store,
    source: str,
    before: datetime,
    visible_to: Visible,
    programs: frozenset[str],
    names: Names,
) -> dict[DocumentId, list[tuple[PostRow, str, str, bool]]]:
    """The posts of each thread, with who wrote each and whether that is a program."""
    found: defaultdict[DocumentId, list[tuple[PostRow, str, str, bool]]]
    found = defaultdict(list)
    # The same few hundred people write nearly everything.
    known: dict[tuple[int | None, str | None], tuple[str, str, bool]] = {}
    for row in store.activity.posts(source, before=before, visible_to=visible_to):
        who = (row.author_id, row.author)
        if who not in known:
            member = person_key(source, *who) or ""
            name = row.author or ""
            is_program = (row.author_id is not None and row.author_id <= 0) or (
                folded(name) in programs
            )
            known[who] = member, name, is_program
            if member:
                names[member].add((source, name, row.author_id))
        found[row.document_id].append((row, *known[who]))
    return dict(found)


def _thread(row: ThreadRow, posts: Sequence[tuple[PostRow, str, str, bool]]) -> Thread:
    opening = posts[0] if posts and posts[0][0].number == 1 else None
    asker = opening[1] if opening else person_key(row.source, row.asker_id) or ""
    asker_name = opening[2] if opening else ""
    replies = tuple(
        _reply(post, row.created_at, asker, asker_name)
        for post in posts
        if post is not opening
    )
    is_marked = any(reply.accepted and reply.voice != "bot" for reply in replies)
    return Thread(
        id=row.id,
        source=row.source,
        key=row.key,
        url=row.url,
        title=row.title,
        created_at=row.created_at,
        asker=asker,
        asker_name=asker_name,
        by_bot=opening is not None and opening[3],
        staff=opening is not None and opening[0].staff,
        category=row.category,
        tags=row.tags,
        language=row.language,
        visibility=row.visibility,
        views=row.views,
        closed=row.closed,
        pinned=row.pinned,
        # A mark may stand on a post that is not held, such as a hidden one.
        solved=is_marked or row.solved,
        replies=replies,
    )


def _reply(
    post: tuple[PostRow, str, str, bool], started: datetime, asker: str, name: str
) -> Reply:
    row, member, own_name, is_program = post
    voice: Voice = "person"
    if is_program:
        voice = "bot"
    elif _is_same(member, own_name, asker, name):
        voice = "asker"
    return Reply(
        number=row.number,
        member=member,
        name=own_name,
        voice=voice,
        # A post that was moved may be older than its topic.
        at=max(row.created_at or started, started),
        likes=row.likes,
        accepted=row.accepted,
        staff=row.staff,
        reply_to=row.reply_to,
    )


def _is_same(member: str, name: str, asker: str, asker_name: str) -> bool:
    """Whether somebody is who asked: the account tells, or where only one of two posts
    tells an account, the name."""
    if not member or not asker:
        return False
    if member == asker:
        return True
    by_name = [key.partition(":")[2].startswith("@") for key in (member, asker)]
    return any(by_name) and bool(name) and _folded(name) == _folded(asker_name)


# The same few names are met again and again.
_folded = lru_cache(maxsize=65_536)(folded)


def _with_newcomers(threads: Sequence[Thread]) -> list[Thread]:
    """The same threads, those marked that are the first thing their author wrote."""
    first: dict[str, tuple[datetime, int, int]] = {}

    def note(member: str, at: datetime, thread: Thread, number: int) -> None:
        place = (at, thread.id, number)
        if member and (member not in first or place < first[member]):
            first[member] = place

    for thread in threads:
        note(thread.asker, thread.created_at, thread, 1)
        for reply in thread.replies:
            note(reply.member, reply.at, thread, reply.number)
    return [
        replace(thread, newcomer=True)
        if first.get(thread.asker) == (thread.created_at, thread.id, 1)
        else thread
        for thread in threads
    ]


def _unwilling(
    store: Store,
    names: Names,
    unsuggested: frozenset[str],
) -> frozenset[str]:
    """Members who want less of us, or whom the config does not want suggested.

    An archive tells no accounts: there the name is enough, in whichever forum its
    holder said so. Rather one too many is left alone.
    """
    sources = {each.name for each in store.progress.sources()}
    sources |= {source for met in names.values() for source, _, _ in met}
    wishes = {
        source: [m for m in store.members.all(source) if not m.answers]
        for source in sorted(sources)
    }
    ids = {source: {m.user_id for m in found} for source, found in wishes.items()}
    hashes = {m.name_hash for found in wishes.values() for m in found}
    salt = store.uuid if hashes else ""

    def is_unwilling(source: str, name: str, user_id: int | None) -> bool:
        return (
            folded(name) in unsuggested
            or (user_id is not None and user_id in ids[source])
            or (bool(hashes) and name_hash(salt, name) in hashes)
        )

    # Somebody may have been met under several names.
    return frozenset(
        member
        for member, met in names.items()
        if any(is_unwilling(*each) for each in met)
    )


def read_searches(store: Store, period: Period, *, limit: int = 20) -> Searches | None:
    """What was searched in a period, and what many searched in vain; ``None`` where
    nothing was, as where nobody serves searches.

    Counted are all days of UTC that the period touches, whole: nothing finer is kept.

    Raises:
        StoreError: The store cannot be read.
    """
    since, last = period.since.date(), (period.until - timedelta.resolution).date()
    before = last + timedelta(days=1)
    days = store.searches.days(since, before)
    misses = store.searches.misses(since, before, limit)
    searches = sum(day.searches for day in days)
    if not searches and not misses:
        return None
    return Searches(
        searches,
        sum(day.in_vain for day in days),
        tuple(Sought(each.query, each.people, each.times) for each in misses),
    )


class StoreTexts:
    """`bot.report.records.Texts` over a store, as of a moment."""

    def __init__(self, store: Store, before: datetime, *, visible_to: Visible) -> None:
        self._store = store
        self._before = before
        self._visible_to = visible_to

    def posts(
        self, ids: Collection[DocumentId]
    ) -> Mapping[DocumentId, Mapping[int, Post]]:
        """See `Texts.posts`."""
        found: defaultdict[DocumentId, dict[int, Post]] = defaultdict(dict)
        rows = self._store.activity.texts(
            ids, before=self._before, visible_to=self._visible_to
        )
        for row in rows:
            found[row.document_id][row.number] = Post(row.number, row.body, row.format)
        return dict(found)

    def openings(self, ids: Collection[DocumentId]) -> Mapping[DocumentId, str]:
        """See `Texts.openings`."""
        return self._store.activity.openings(ids, visible_to=self._visible_to)


class IndexMeanings:
    """`bot.report.records.Meanings` over an open index.

    What it tells is as old as the index: whoever shows a passage looks in the store
    whether it still may be shown.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._ids, self._vectors = corpus.questions.stored()
        self._pages: dict[Kind, tuple[Int64, Float32]] = {}

    def of(self, ids: Collection[DocumentId]) -> tuple[Int64, Float32]:
        """See `Meanings.of`."""
        wanted = np.array(sorted(ids), dtype=np.int64)
        rows = np.flatnonzero(np.isin(self._ids, wanted))
        return self._ids[rows], self._vectors[rows]

    def nearest_pages(
        self, vectors: Float32, kind: Kind, k: int
    ) -> list[list[tuple[PassageId, float]]]:
        """See `Meanings.nearest_pages`."""
        ids, stored = self._of_kind(kind)
        if not len(ids):
            return [[] for _ in vectors]
        k = min(k, len(ids))
        found: list[list[tuple[PassageId, float]]] = []
        step = max(1, _BLOCK // len(ids))
        for start in range(0, len(vectors), step):
            near = np.round(vectors[start : start + step] @ stored.T, _DIGITS)
            for row in near:
                # All that tie with the last of them: of equals the first id counts.
                last = np.partition(row, -k)[-k]
                best = np.flatnonzero(row >= last)
                order = np.lexsort((ids[best], -row[best]))[:k]
                found.append(
                    [
                        (PassageId(int(ids[i])), round(float(row[i]), _DIGITS))
                        for i in best[order]
                    ]
                )
        return found

    def _of_kind(self, kind: Kind) -> tuple[Int64, Float32]:
        if kind not in self._pages:
            index = self._corpus.vectors.get(kind)
            empty = np.empty(0, np.int64), np.empty((0, 1), np.float32)
            self._pages[kind] = empty if index is None else index.stored()
        return self._pages[kind]
