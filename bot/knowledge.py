"""The knowledge base as the query endpoint sees it: live, for many threads at once.

What is searched lies in memory, as a snapshot that one thread keeps in step with the
store and the index on disk (`kb.instant.keeping`): it is made beside the one in use and
put in its place, so that nobody who searches waits for it.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config_sources import ArchiveSource, ForumSource
from kb.api.backend import About, Reader, Stats, StoredDocument
from kb.bridge import Bridge
from kb.bridge.guessing import guess
from kb.embed.batching import BatchingEmbedder
from kb.errors import KBError, StaleIndexError, StoreError
from kb.index import OpenIndex, current_directory
from kb.instant.engine import InstantSearch
from kb.instant.keeping import Keeper
from kb.instant.query import merged, parse
from kb.instant.records import Filters, InstantHit, Results
from kb.instant.searched import Searched
from kb.instant.shelves import Snapshot
from kb.instant.showing import marked
from kb.language import detect
from kb.lexical import TantivyIndex
from kb.links import normalize
from kb.question import Question
from kb.search import may_be_shown
from kb.store import Store
from kb.types import PUBLIC, DocumentId, DocumentSummary, Kind, TopicId

if TYPE_CHECKING:
    from bot.app import App

# How often it is looked whether the store went on.
POLL_S = 0.25
# What changes without a new generation (likes, solved, categories) is seen as late.
SETTLED_S = 60.0
# What was searched is written down as often.
_FLUSH_S = 60.0
# While something is wrong it is tried less and less often.
_SLOWEST_POLL_S = 10.0
# A word on a hit waits so long for whoever writes to the store.
_VOTE_S = 2.0
# A question that opens a thread may be pages long.
_MAX_OPENING_CHARS = 5_000
# Long enough that its language can be told.
_FIRST = "how do I begin with all of this"
_NOT_HELD = "it is not held, or not to be seen"

_File = tuple[int, int] | None
"""Device and number of a file, which tell it from another one in its place."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Live:
    """What searches are answered from now."""

    directory: Path
    index: OpenIndex[TantivyIndex]
    keeper: Keeper
    engine: InstantSearch
    embedder: BatchingEmbedder
    snapshot: Snapshot
    uuid: str
    file: _File


class Knowledge:
    """A `kb.api.backend.Backend` over an installation.

    Args:
        searched: Counts what is searched; ``None``: nothing is counted.
    """

    def __init__(self, app: App, *, searched: Searched | None = None) -> None:
        self._app = app
        self._searched = searched
        self._stores = _Stores(app)
        self._live: _Live | None = None
        self._stop = threading.Event()
        self._nudged = threading.Event()
        self._keeping: threading.Thread | None = None
        self._complaints = 0
        self._written: tuple[int, int] | None = None
        self._ballots = _Ballots()

    # -- keeping in step -----------------------------------------------------

    def open(self) -> None:
        """Open the index, and keep it in step from now on.

        Raises:
            StoreError, SearchIndexError, EmbeddingError: Nothing can be searched yet.
        """
        # What is not of the index is read while the index is.
        with ThreadPoolExecutor(1, thread_name_prefix="opening") as beside:
            beside.submit(self._warm)
            with self._app.open_store(readonly=True) as store:
                self._live = self._opened(store)
        self._keeping = threading.Thread(target=self._keep, name="keeping", daemon=True)
        self._keeping.start()

    def _warm(self) -> None:
        """Load what is loaded with the first query: what goes wrong, that one tells."""
        with suppress(KBError):
            self._app.ranking_model()
            detect(_FIRST, among=("en", "fr"))
            bridge = self._app.bridge_on_disk.current()
            if bridge is not None:
                guess(_FIRST, bridge, among=bridge.sources)

    def close(self) -> None:
        """Stop, and write down what was counted."""
        self._stop.set()
        self._nudged.set()
        if self._keeping is not None:
            self._keeping.join()
        self._flush()

    def _keep(self) -> None:
        flushed = settled = time.monotonic()
        while not self._stop.is_set():
            self._nudged.wait(min(POLL_S * 2**self._complaints, _SLOWEST_POLL_S))
            self._nudged.clear()
            now = time.monotonic()
            try:
                if now - flushed >= _FLUSH_S:
                    flushed = now
                    self._flush()
                if self._catch_up(settled=now - settled >= SETTLED_S):
                    settled = now
                self._complaints = 0
            except Exception as exc:
                # Whatever it is, what comes next must still be found.
                self._complain(exc)

    def _catch_up(self, *, settled: bool) -> bool:
        """Bring what is searched up to the store; False where it is already.

        Args:
            settled: What changed without a new generation counts, too.
        """
        live = self._live
        with self._stores.borrowed() as store:
            if (
                live is None
                or live.directory != current_directory(self._app.index_folder)
                or not self._is_of(live, store)
            ):
                self._live = self._opened(store)
                return True
            # Of this connection alone: another one counts anew.
            written = (self._stores.opened, store.data_version)
            if written == self._written and not live.keeper.is_pending:
                return False
            if (
                store.generation == live.snapshot.generation
                and not settled
                and not live.keeper.is_pending
            ):
                return False
            self._live = replace(live, snapshot=live.keeper.refreshed(store))
            self._written = written
        return True

    def _is_of(self, live: _Live, store: Store) -> bool:
        """Whether it was made of this store, as it was then or is since: a backup that
        was put in its place gives the ids of what it lost to others."""
        return (
            live.uuid == store.uuid
            and live.file == self._stores.file
            and store.generation >= live.snapshot.generation
        )

    def _opened(self, store: Store) -> _Live:
        index = self._app.open_index(store)
        directory = index.directory
        embedder = BatchingEmbedder(self._app.models.of(directory, index.stamp))
        keeper = Keeper(index, store, embedder)
        snapshot = keeper.refreshed(store)
        engine = InstantSearch(
            embedder,
            model=self._app.ranking_model,
            bridge=lambda: self._app.bridge_on_disk.current() or Bridge(),
            weights=self._app.source_weights,
            clock=self._app.clock,
        )
        # Whoever asks first should not wait for what is loaded with the first query.
        engine.search(parse(_FIRST), snapshot, store, visible_to=None)
        # The one before is not closed: others may be searching in it.
        return _Live(
            directory,
            index,
            keeper,
            engine,
            embedder,
            snapshot,
            store.uuid,
            _file_at(store.path),
        )

    def _complain(self, exc: Exception) -> None:
        """Told the 1st, 2nd, 4th, 8th, … time: it is tried again and again."""
        self._complaints += 1
        if self._complaints & (self._complaints - 1) == 0:
            log.warning(
                "searches are behind the store times=%d: %s",
                self._complaints,
                exc,
                # A bug, which is to be found.
                exc_info=None if isinstance(exc, KBError) else exc,
            )

    def _current(self, store: Store) -> _Live:
        """What to search; a store that was replaced is not answered by what was built
        of another one."""
        live = self._live
        if live is None or not self._is_of(live, store):
            self._nudged.set()
            raise StaleIndexError(
                self._app.index_folder, "the index is not of this store"
            )
        return live

    # -- answering -----------------------------------------------------------

    def search(
        self,
        q: str,
        filters: Filters,
        *,
        page: int,
        k: int,
        reader: Reader,
        typing: bool = False,
    ) -> Results:
        parsed = parse(q, now=self._app.clock())
        parsed = replace(parsed, filters=merged(parsed.filters, filters))
        with self._stores.borrowed() as store:
            live = self._current(store)
            return live.engine.search(
                parsed,
                live.snapshot,
                store,
                page=page,
                k=k,
                visible_to=reader.visible_to,
                # Whoever ends with a space has typed the last word.
                unfinished=typing and bool(q) and not q[-1].isspace(),
            )

    def related(
        self,
        about: About,
        *,
        kinds: frozenset[Kind] | None,
        languages: frozenset[str] | None,
        k: int,
        reader: Reader,
    ) -> Sequence[InstantHit]:
        with self._stores.borrowed() as store:
            live = self._current(store)
            question = self._question(about, store, reader)
            own = {question.document} if question.document is not None else set()
            # Of a page in several versions the one that is searched, too.
            own |= store.editions.searched(own)
            found = self._app.searcher_of(store, live.index, live.embedder).search(
                question,
                limit=k,
                kinds=kinds,
                languages=languages,
                visible_to=_all_of(reader, store),
                exclude=frozenset(own),
            )
            return [marked(hit, question.text) for hit in found]

    def _question(self, about: About, store: Store, reader: Reader) -> Question:
        """What is asked of the whole ranking.

        Raises:
            LookupError: It is not held, or not to be seen.
        """
        if about.text is not None:
            return Question(about.title, about.text)
        if about.topic_id is not None:
            document = self._topic(about.topic_id, store)
        else:
            document = self._page(about.url or "", store, reader)
        if not self._is_seen(document, reader):
            raise LookupError(_NOT_HELD)
        passages = store.passages.of_document(document.id)
        asks = [p.text for p in passages if p.opening] or [p.text for p in passages[:3]]
        return Question(
            document.title,
            "\n\n".join(asks)[:_MAX_OPENING_CHARS],
            document=document.id,
            category=document.category,
            tags=document.tags,
            language=document.language,
        )

    def _topic(self, topic_id: TopicId, store: Store) -> DocumentSummary:
        config = self._app.config
        named = [config.bot.forum] if config.bot.forum is not None else []
        forums = [*named, *(n for n, s in config.sources.items() if _is_forum(s))]
        for name in dict.fromkeys(forums):
            document = store.documents.find(name, str(topic_id))
            if document is not None:
                return document
        raise LookupError(_NOT_HELD)

    def _page(self, url: str, store: Store, reader: Reader) -> DocumentSummary:
        address = normalize(url)
        if address is None:
            raise LookupError(_NOT_HELD)
        found = store.links.documents_at(
            [address], origin="", visible_to=_all_of(reader, store)
        )
        documents = store.documents.summaries(sorted(found))
        current = [d for d in documents.values() if d.current]
        for document in [*current, *documents.values()]:
            return document
        raise LookupError(_NOT_HELD)

    def document(self, document_id: DocumentId, reader: Reader) -> StoredDocument:
        with self._stores.borrowed() as store:
            document = self._seen(store, document_id, reader)
            return StoredDocument(document, store.passages.of_document(document_id))

    def _seen(
        self, store: Store, document_id: DocumentId, reader: Reader
    ) -> DocumentSummary:
        document = store.documents.summaries([document_id]).get(document_id)
        if document is None or not self._is_seen(document, reader):
            raise LookupError(_NOT_HELD)
        return document

    def _is_seen(self, document: DocumentSummary, reader: Reader) -> bool:
        # An older version of a page is not searched, and may be read all the same.
        shown = replace(document, current=True)
        return may_be_shown(shown, reader.visible_to, self._app.clock())

    def feedback(
        self, document_id: DocumentId, *, helped: bool, client: str, reader: Reader
    ) -> bool:
        with self._stores.borrowed() as store:
            self._seen(store, document_id, reader)
        day = self._app.clock().date()
        if not self._ballots.cast(client, document_id, day):
            return False
        try:
            # Briefly: whoever votes can do so again, and others wait for their turn.
            with (
                Store.open(self._app.store_path, busy_timeout_s=_VOTE_S) as store,
                store.transaction(),
            ):
                store.searches.feedback(document_id, day, helped=helped)
        except BaseException:
            # It was not counted, so it may be said again.
            self._ballots.take_back(client, document_id, day)
            raise
        return True

    def searched(self, results: Results, *, client: str) -> None:
        if self._searched is not None:
            query = results.query
            is_whole = query.filters == Filters() and not query.excluded
            self._searched.note(
                # What a filter left out is no gap: it is counted, and not named.
                query.text if is_whole else "",
                client,
                in_vain=results.in_vain,
                at=self._app.clock(),
            )

    def _flush(self) -> None:
        if self._searched is None:
            return
        try:
            with self._app.open_store() as store:
                self._searched.flush(store, self._app.clock())
        except KBError as exc:
            log.warning("what was searched is written down later: %s", exc)

    def stats(self, reader: Reader) -> Stats:
        with self._stores.borrowed() as store:
            live = self._current(store)
            kinds, languages, passages, newest = store.columns.counts(reader.visible_to)
            return Stats(
                documents=kinds,
                languages=languages,
                passages=passages,
                model=live.embedder.model_id,
                generation=live.snapshot.generation,
                lag=live.snapshot.lag,
                newest=newest,
            )

    def ready(self) -> Mapping[str, str | int]:
        with self._stores.borrowed() as store:
            live = self._current(store)
            return {
                "passages": live.snapshot.public_passages,
                "model": live.embedder.model_id,
                "generation": live.snapshot.generation,
                "lag": live.snapshot.lag,
                "behind": store.generation - live.snapshot.generation,
                "waiting": live.snapshot.waiting,
            }

    def reader(self, key: str) -> Reader | None:
        with self._stores.borrowed() as store:
            found = store.api_keys.find(key)
        if found is None or found.revoked_at is not None:
            return None
        return Reader(found.visible_to, found.scopes, found.name)


class _Stores:
    """A store for each thread, opened once, and again when the file is another one.

    Opening takes as long as a search.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._own = threading.local()
        self._openings = count()

    @property
    def file(self) -> _File:
        """That this thread's store was opened from."""
        found: _File = self._own.file
        return found

    @property
    def opened(self) -> int:
        """Tells one opening of a store from the next."""
        number: int = self._own.opened
        return number

    @contextmanager
    def borrowed(self) -> Iterator[Store]:
        """This thread's.

        Raises:
            StoreError: The store is missing, locked, or damaged.
        """
        file = _file_at(self._app.store_path)
        store: Store | None = getattr(self._own, "store", None)
        if store is None or self._own.file != file:
            if store is not None:
                store.close()
            self._own.store = None
            store = self._app.open_store(readonly=True)
            self._own.store, self._own.file = store, file
            self._own.opened = next(self._openings)
        try:
            yield store
        except StoreError:
            # What is wrong with the connection must not stay.
            self._own.store = None
            store.close()
            raise


class _Ballots:
    """One word of a client on a document a day; in memory, by salted hashes alone."""

    _MOST = 100_000

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(32)
        # The oldest first.
        self._cast: dict[bytes, None] = {}
        self._day: date | None = None
        self._lock = threading.Lock()

    def cast(self, client: str, document_id: DocumentId, day: date) -> bool:
        """False if it was cast before today."""
        mark = self._mark(client, document_id, day)
        with self._lock:
            if day != self._day:
                self._cast.clear()
                self._day = day
            if mark in self._cast:
                return False
            if len(self._cast) >= self._MOST:
                del self._cast[next(iter(self._cast))]
            self._cast[mark] = None
            return True

    def take_back(self, client: str, document_id: DocumentId, day: date) -> None:
        with self._lock:
            self._cast.pop(self._mark(client, document_id, day), None)

    def _mark(self, client: str, document_id: DocumentId, day: date) -> bytes:
        told = f"{day}\n{document_id}\n{client}".encode()
        return hmac.digest(self._salt, told, "sha256")[:16]


def _file_at(path: Path) -> _File:
    """What tells a file from another one in its place; ``None``: there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _all_of(reader: Reader, store: Store) -> frozenset[str]:
    if reader.visible_to is not None:
        return reader.visible_to
    return store.documents.visibilities() | {PUBLIC}


def _is_forum(source: object) -> bool:
    return isinstance(source, ForumSource | ArchiveSource)
