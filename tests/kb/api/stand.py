"""A knowledge base that stands in for a real one: four languages, four kinds, titles
that would like to be HTML; it answers, waits or fails as it is told, and remembers.

It searches for words as they are written, so that filters, pages, facets and a search
in vain behave as those of a real one do.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI

from kb.api.backend import ANYBODY, About, Reader, Stats, StoredDocument
from kb.errors import InvalidQueryError, NotFoundError
from kb.instant.records import (
    Facet,
    Filters,
    InstantHit,
    Note,
    NoteCode,
    ParsedQuery,
    Results,
    Span,
    Why,
)
from kb.types import (
    NO_DETAILS,
    PUBLIC,
    Details,
    DocumentId,
    DocumentSummary,
    Kind,
    Passage,
    PassageId,
    SearchHit,
    TopicId,
)

MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAFF = "category:staff"
KEY = "a-key-that-lets-in-to-what-staff-reads"
METRICS_KEY = "a-key-that-lets-in-to-metrics-alone"
SCRIPT = "<script>alert(1)</script>"


def a_hit(
    number: int,
    title: str,
    text: str,
    *,
    kind: Kind = Kind.THREAD,
    language: str | None = "en",
    category: str | None = None,
    tags: tuple[str, ...] = (),
    version: str | None = None,
    solved: bool = False,
    visibility: str = PUBLIC,
    year: int = 2026,
    details: Details = NO_DETAILS,
) -> SearchHit:
    """A document with one passage; its id is *number*, and its key, if it is a thread,
    that of topic 800 + *number*."""
    at = datetime(year, 3, 1, 12, tzinfo=UTC)
    topic = 800 + number
    url = {
        Kind.THREAD: f"https://forum.example.org/t/topic/{topic}",
        Kind.DOCS: f"https://docs.example.org/page-{number}.html",
        Kind.COURSE: f"https://academy.example.org/course-{number}",
        Kind.VIDEO: f"https://videos.example.org/watch?v={number}",
    }[kind]
    anchor = {
        Kind.THREAD: "/2",
        Kind.DOCS: "#part",
        Kind.COURSE: "",
        Kind.VIDEO: "&t=93",
    }[kind]
    summary = DocumentSummary(
        id=DocumentId(number),
        source="forum" if kind is Kind.THREAD else kind.value,
        kind=kind,
        key=str(topic),
        url=url,
        title=title,
        language=language,
        visibility=visibility,
        category=category,
        tags=tags,
        version=version,
        created_at=at,
        updated_at=at,
        solved=solved,
        closed=False,
        listed=True,
        views=3,
        parts_count=2,
        details=details,
    )
    passage = Passage(
        id=PassageId(number * 10),
        document_id=summary.id,
        part_number=2,
        ordinal=1,
        anchor=anchor,
        heading="" if kind is Kind.THREAD else f"{title} › Part",
        text=text,
        language=language,
        visibility=visibility,
        content_hash=f"{number:032x}",
        created_at=at,
    )
    return SearchHit(summary, passage, score=3 - number / 10, confidence=0.87654321)


HELD: tuple[SearchHit, ...] = (
    a_hit(
        1,
        "Restore a <b>backup</b> fast",
        f"Stop the server, then restore the backup with pg_restore. {SCRIPT}",
        category="Support",
        tags=("backup", "postgres"),
        solved=True,
    ),
    a_hit(
        2,
        "Nightly backup",
        'Use pg_dump each night; "&amp;" stays as it is. The backup is a file.',
        kind=Kind.DOCS,
        version="2.41",
        year=2025,
    ),
    a_hit(
        3,
        "Sauvegarde et restauration",
        "Restaurer la sauvegarde (backup) après une panne du serveur.",
        kind=Kind.DOCS,
        language="fr",
        version="2.41",
        year=2025,
    ),
    a_hit(
        4,
        "¿Cómo restaurar un backup? 🎒",
        "El servidor no arranca después de restaurar el backup, ¿qué hago?",
        language="es",
        category="Soporte",
        tags=("backup",),
        year=2024,
    ),
    a_hit(
        5,
        "Cópia de segurança (backup)",
        "Como fazer a cópia de segurança do servidor: um vídeo curto.",
        kind=Kind.VIDEO,
        language="pt",
        details=Details(duration_s=412, lists=("Formação",)),
    ),
    a_hit(
        6,
        "Server administration, including backup",
        "A course on servers: installation, backup, monitoring.",
        kind=Kind.COURSE,
        details=Details(pacing="self", starts_at=datetime(2027, 3, 5, tzinfo=UTC)),
    ),
    a_hit(
        7,
        f'"><img src=x onerror=alert(2)> tracker {SCRIPT}',
        "</textarea>{{7*7}} ${alert(3)} javascript:alert(4) the tracker shows HTML",
        category="Bugs & <i>more</i>",
        tags=("tracker", "a&b"),
    ),
    a_hit(
        8,
        "Long threads wrap: " + "supercalifragilistic" * 6,
        "The tracker app shows E1006 when the attribute is not unique. " * 12,
        category="Support",
        tags=("tracker",),
        version="2.40",
        solved=True,
        year=2023,
    ),
    a_hit(9, "Backup of what staff says", "Nobody else reads it.", visibility=STAFF),
    *(
        a_hit(
            number,
            f"Indicator question {number - 9}",
            f"How to make indicator number {number - 9} from two data elements?",
            category="Analytics",
            year=2020 + number % 5,
        )
        for number in range(10, 40)
    ),
)

_MISTYPED = {"bakcup": "backup", "restor": "restore", "trakcer": "tracker"}


@dataclass
class Stand:
    """See the module; what it is asked is in `asked`, as (method, arguments), and
    whether searches were still being typed in `typed`.

    Attributes:
        error: Raised by all that may raise.
        delay_s: Waited, in the thread, before each answer.
        gate: Waited for likewise; `entered` counts who came as far.
        results: The answer to any search, in place of what is held.
    """

    held: Sequence[SearchHit] = HELD
    error: Exception | None = None
    delay_s: float = 0.0
    gate: threading.Event | None = None
    results: Results | None = None
    generation: int = 7
    keys: dict[str, Reader] = field(
        default_factory=lambda: {
            KEY: Reader(frozenset({PUBLIC, STAFF}), name="staff"),
            METRICS_KEY: Reader(scopes=frozenset({"metrics"}), name="metrics"),
        }
    )
    asked: list[tuple[str, tuple[object, ...]]] = field(default_factory=list)
    told: list[Results] = field(default_factory=list)
    typed: list[bool] = field(default_factory=list)
    words: set[tuple[int, str]] = field(default_factory=set)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

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
        self.typed.append(typing)
        self._note("search", q, filters, page, k, reader)
        if self.results is not None:
            return self.results
        if not any(each.isalnum() for each in q) and filters == Filters():
            raise InvalidQueryError("the query holds no word to search for")
        asked = q.casefold().replace('"', " ").split()
        corrected = {each: _MISTYPED[each] for each in asked if each in _MISTYPED}
        sought = [corrected.get(each, each) for each in asked]
        found = [
            _found(hit, sought)
            for hit in self.held
            if _is_visible(hit, reader)
            and _passes(hit, filters)
            and all(word in _searched(hit) for word in sought)
        ]
        near = () if found else tuple(_found(hit, ()) for hit in self.held[:3])
        return Results(
            ParsedQuery(
                text=q.replace('"', " "),
                filters=filters,
                notes=(Note(NoteCode.OPEN_QUOTE, q[-20:]),) if q.count('"') % 2 else (),
            ),
            hits=tuple(found[(page - 1) * k : page * k]),
            language="en",
            total=len(found),
            facets=_facets(found),
            did_you_mean=" ".join(sought) if corrected else None,
            corrected=corrected,
            near=near,
            timings={"words": 1.25, "ranking": 2.5},
            generation=self.generation,
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
        self._note("related", about, kinds, languages, k, reader)
        if about.text is not None:
            text = f"{about.title} {about.text}".casefold()
            if not any(each.isalnum() for each in text):
                raise InvalidQueryError("the query holds no word to search for")
            itself = None
        else:
            itself = self._named(about, reader)
            text = _searched(itself)
        wanted = Filters(kinds=kinds, languages=languages)
        scored = [
            (sum(word in _searched(hit) for word in text.split()), hit)
            for hit in self.held
            if hit is not itself and _is_visible(hit, reader) and _passes(hit, wanted)
        ]
        best = sorted(scored, key=lambda each: (-each[0], each[1].document.id))
        return [_found(hit, text.split()) for count, hit in best[:k] if count]

    def document(self, document_id: DocumentId, reader: Reader) -> StoredDocument:
        self._note("document", document_id, reader)
        hit = self._held(document_id, reader)
        return StoredDocument(hit.document, (hit.passage,))

    def feedback(
        self, document_id: DocumentId, *, helped: bool, client: str, reader: Reader
    ) -> bool:
        self._note("feedback", document_id, helped, client, reader)
        self._held(document_id, reader)
        word = (document_id, client)
        is_new = word not in self.words
        self.words.add(word)
        return is_new

    def searched(self, results: Results, *, client: str) -> None:
        self.told.append(results)

    def stats(self, reader: Reader) -> Stats:
        self._note("stats", reader)
        seen = [hit.document for hit in self.held if _is_visible(hit, reader)]
        return Stats(
            documents=Counter(each.kind for each in seen),
            languages=Counter(each.language for each in seen if each.language),
            passages=len(seen),
            model="hashing-64-v1",
            generation=self.generation,
            lag=0,
            newest=max(
                (each.updated_at for each in seen if each.updated_at), default=None
            ),
        )

    def ready(self) -> Mapping[str, str | int]:
        self._note("ready")
        return {
            "model": "hashing-64-v1",
            "passages": len(self.held),
            "generation": self.generation,
            "lag": 0,
        }

    def reader(self, key: str) -> Reader | None:
        return self.keys.get(key)

    def _note(self, method: str, *arguments: object) -> None:
        self.asked.append((method, arguments))
        self.entered.release()
        if self.gate is not None:
            self.gate.wait(30)
        if self.delay_s:
            time.sleep(self.delay_s)
        if self.error is not None:
            raise self.error

    def _held(self, document_id: int, reader: Reader) -> SearchHit:
        for hit in self.held:
            if hit.document.id == document_id and _is_visible(hit, reader):
                return hit
        raise NotFoundError("/secret/kb.db", f"no document {document_id}")

    def _named(self, about: About, reader: Reader) -> SearchHit:
        for hit in self.held:
            is_topic = hit.document.kind is Kind.THREAD
            by_id = is_topic and hit.document.key == str(about.topic_id)
            by_url = about.url is not None and about.url.startswith(hit.document.url)
            if (by_id or by_url) and _is_visible(hit, reader):
                return hit
        raise LookupError("it is not held")


def topic(number: int) -> TopicId:
    """Of the thread with this id."""
    return TopicId(800 + number)


def _searched(hit: SearchHit) -> str:
    return f"{hit.document.title}\n{hit.passage.text}".casefold()


def _is_visible(hit: SearchHit, reader: Reader) -> bool:
    allowed = reader.visible_to
    return allowed is None or hit.document.visibility in allowed


def _passes(hit: SearchHit, filters: Filters) -> bool:
    document = hit.document
    changed = document.updated_at or MARCH
    tags = {tag.casefold() for tag in document.tags}
    return (
        (filters.kinds is None or document.kind in filters.kinds)
        and (filters.languages is None or document.language in filters.languages)
        and (
            not filters.categories
            or (document.category or "").casefold() in filters.categories
        )
        and (not filters.tags or bool(tags & filters.tags))
        and (not filters.versions or document.version in filters.versions)
        and (filters.solved is None or document.solved is filters.solved)
        and (filters.since is None or changed >= filters.since)
        and (filters.before is None or changed < filters.before)
    )


def _found(hit: SearchHit, sought: Sequence[str]) -> InstantHit:
    in_title = _spans(hit.document.title, sought)
    in_text = _spans(hit.passage.text, sought)
    why = [Why.TITLE] * bool(in_title) + [Why.WORDS] * bool(in_text)
    why += [Why.SOLVED] * hit.document.solved
    return InstantHit(hit, in_text, in_title, tuple(why) or (Why.MEANING,))


def _spans(text: str, sought: Sequence[str]) -> tuple[Span, ...]:
    # None of the texts above changes its length by lower case.
    lower = text.lower()
    starts = sorted(
        (at, at + len(word)) for word in set(sought) if (at := lower.find(word)) >= 0
    )
    kept: list[Span] = []
    for span in starts:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return tuple(kept)


def _facets(found: Sequence[InstantHit]) -> dict[str, tuple[Facet, ...]]:
    documents = [each.hit.document for each in found]
    threads = [each for each in documents if each.kind is Kind.THREAD]
    counted = {
        "kind": Counter(each.kind.value for each in documents),
        "lang": Counter(each.language for each in documents if each.language),
        "category": Counter(each.category for each in documents if each.category),
        "tag": Counter(tag for each in documents for tag in each.tags),
        "version": Counter(each.version for each in documents if each.version),
        "solved": Counter("yes" if each.solved else "no" for each in threads),
    }
    return {
        name: tuple(Facet(value, count) for value, count in counts.most_common())
        for name, counts in counted.items()
    }


def many(count: int) -> tuple[SearchHit, ...]:
    """So many documents that all hold the word *backup*."""
    return tuple(
        replace(
            HELD[1],
            document=replace(HELD[1].document, id=DocumentId(n), title=f"Backup {n}"),
        )
        for n in range(1, count + 1)
    )


@contextmanager
def served(
    app: FastAPI, configure: Callable[..., uvicorn.Config] = uvicorn.Config, **more: Any
) -> Iterator[str]:
    """Serve on a free port of the loopback interface; gives the address."""
    more = {"log_config": None, "lifespan": "off"} | more
    server = uvicorn.Server(configure(app, host="127.0.0.1", port=0, **more))
    started = threading.Event()
    startup = server.startup

    async def startup_and_tell(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = startup_and_tell  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(10)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


__all__ = [
    "ANYBODY",
    "HELD",
    "KEY",
    "METRICS_KEY",
    "Stand",
    "a_hit",
    "many",
    "served",
    "topic",
]
