"""The query endpoint, asked over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from kb.api import Found, create_app
from kb.embed import HashingEmbedder
from kb.errors import (
    EmbeddingError,
    IndexMissingError,
    InvalidQueryError,
    StaleIndexError,
    StoreError,
)
from kb.index import build_index, open_index
from kb.lexical import TantivyIndex
from kb.search import Searcher
from kb.store import EmbeddingCache, Store
from kb.types import (
    Details,
    DocumentId,
    DocumentSummary,
    Kind,
    Passage,
    PassageId,
    SearchHit,
)
from tests.kb.stored import insert, page

MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)

HIT = SearchHit(
    document=DocumentSummary(
        id=DocumentId(4),
        source="forum",
        kind=Kind.THREAD,
        key="812",
        url="https://forum.example.org/t/restore/812",
        title="Restore <b>fast</b>",
        language="en",
        visibility="public",
        category="Support",
        tags=("backup",),
        version=None,
        created_at=MARCH,
        updated_at=MARCH,
        solved=True,
        closed=False,
        listed=True,
        views=3,
        parts_count=2,
    ),
    passage=Passage(
        id=PassageId(9),
        document_id=DocumentId(4),
        part_number=2,
        ordinal=1,
        anchor="/2",
        heading="",
        text="Use pg_restore <script>alert(1)</script>",
        language="en",
        visibility="public",
        content_hash="abc",
        created_at=MARCH,
    ),
    score=1.23456789,
    confidence=0.87654321,
    signals={"bm25_best": 3.0},
)


@dataclass
class Stand:
    """A knowledge base that answers, or fails, as it is told; remembers questions."""

    hits: Sequence[SearchHit] = ()
    language: str | None = None
    error: Exception | None = None
    asked: list[tuple[object, ...]] = field(default_factory=list)

    def search(
        self,
        query: str,
        k: int,
        kinds: frozenset[Kind] | None,
        languages: frozenset[str] | None,
    ) -> Found:
        self.asked.append((query, k, kinds, languages))
        if self.error:
            raise self.error
        return Found(self.hits, self.language)

    def health(self) -> dict[str, Any]:
        if self.error:
            raise self.error
        return {"passages": 12, "model": "hashing-64-v1"}


@contextmanager
def serving(search: Callable[..., Any], health: Callable[..., Any]) -> Iterator[str]:
    """Serve on a free port of the loopback interface."""
    config = uvicorn.Config(
        create_app(search, health), host="127.0.0.1", port=0, log_config=None
    )
    server = uvicorn.Server(config)
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


@pytest.fixture
def stand() -> Stand:
    return Stand()


@pytest.fixture
def client(stand: Stand) -> Iterator[httpx.Client]:
    with (
        serving(stand.search, stand.health) as url,
        httpx.Client(base_url=url, trust_env=False) as opened,
    ):
        yield opened


def test_a_hit_is_told_in_full_and_as_plain_text(
    client: httpx.Client, stand: Stand
) -> None:
    stand.hits, stand.language = [HIT], "en"

    reply = client.get("/api/search", params={"q": "how to restore?", "k": 3})

    answer = reply.json()
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert answer.pop("took_ms") >= 0
    assert answer == {
        "query": "how to restore?",
        "language": "en",
        "hits": [
            {
                "title": "Restore <b>fast</b>",
                "url": "https://forum.example.org/t/restore/812/2",
                "kind": "thread",
                "source": "forum",
                "language": "en",
                "version": None,
                "solved": True,
                "closed": False,
                "updated_at": "2026-03-01T12:00:00Z",
                "passage": "Use pg_restore <script>alert(1)</script>",
                "heading": "",
                "details": {},
                "score": 1.2346,
                "confidence": 0.8765,
            }
        ],
    }
    assert stand.asked == [("how to restore?", 3, None, None)]


def test_what_is_known_of_a_course_is_told_and_nothing_else(
    client: httpx.Client, stand: Stand
) -> None:
    details = Details(
        duration_s=412,
        pacing="self",
        starts_at=datetime(2027, 3, 5, tzinfo=UTC),
        lists=("Training",),
    )
    document = replace(HIT.document, kind=Kind.COURSE, details=details)
    stand.hits = [replace(HIT, document=document)]

    [hit] = client.get("/api/search?q=course").json()["hits"]

    assert hit["details"] == {
        "duration_s": 412,
        "pacing": "self",
        "starts_at": "2027-03-05T00:00:00Z",
        "lists": ["Training"],
    }


def test_kinds_are_passed_on_and_ten_is_the_default(
    client: httpx.Client, stand: Stand
) -> None:
    reply = client.get("/api/search?q=restore&kind=docs&kind=video")

    assert reply.json()["hits"] == []
    assert stand.asked == [("restore", 10, frozenset({Kind.DOCS, Kind.VIDEO}), None)]


def test_languages_are_passed_on_whatever_their_region(
    client: httpx.Client, stand: Stand
) -> None:
    reply = client.get("/api/search?q=restore&language=fr&language=pt-BR")

    assert reply.json()["hits"] == []
    assert stand.asked == [("restore", 10, None, frozenset({"fr", "pt"}))]


def test_what_is_no_language_is_told_in_a_sentence(client: httpx.Client) -> None:
    reply = client.get("/api/search?q=restore&language=french")

    assert reply.json()["detail"] == (
        "language: expected the code of a language, such as fr, not 'french'"
    )


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=" + "x" * 10_001, "q"),
        ("q=restore&k=0", "k"),
        ("q=restore&k=51", "k"),
        ("q=restore&k=many", "k"),
        ("q=restore&kind=docs&kind=podcast", "kind"),
        ("q=restore&language=", "language"),
        ("q=restore&language=qq", "language"),
        ("q=restore&language=fr&language=" + "x" * 30, "language"),
    ],
)
def test_bad_input_is_told_by_parameter_and_never_searched(
    client: httpx.Client, stand: Stand, query: str, parameter: str
) -> None:
    reply = client.get(f"/api/search?{query}")

    problem = reply.json()
    assert reply.status_code == problem["status"] == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert [error["parameter"] for error in problem["errors"]] == [parameter]
    assert problem["detail"].startswith(f"{parameter}: ")
    assert "xxxxx" not in reply.text
    assert stand.asked == []


def test_a_query_without_words_is_the_callers_to_mend(
    client: httpx.Client, stand: Stand
) -> None:
    stand.error = InvalidQueryError("the query holds no word to search for")

    reply = client.get("/api/search?q=%3F%3F")

    assert reply.status_code == 422
    assert reply.json() == {
        # Python 3.13 took up the newer name of RFC 9110.
        "title": HTTPStatus.UNPROCESSABLE_ENTITY.phrase,
        "status": 422,
        "detail": "q: the query holds no word to search for",
        "errors": [
            {"parameter": "q", "problem": "the query holds no word to search for"}
        ],
    }


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (IndexMissingError("/secret/index", "none"), "no index was built yet"),
        (StaleIndexError("/secret/index", "old"), "the index is being replaced"),
        (StoreError("/secret/kb.db", "locked"), "the store is missing, locked"),
        (EmbeddingError("/secret/model", "gone"), "the embedding model is missing"),
    ],
)
@pytest.mark.parametrize("address", ["/api/search?q=restore", "/healthz"])
def test_trouble_of_the_operator_is_a_503_that_tells_no_paths(
    client: httpx.Client, stand: Stand, error: Exception, reason: str, address: str
) -> None:
    stand.error = error

    reply = client.get(address)

    problem = reply.json()
    assert reply.status_code == problem["status"] == 503
    assert reply.headers["content-type"] == "application/problem+json"
    assert problem["error"] == type(error).__name__
    assert problem["detail"].startswith(reason)
    assert "secret" not in reply.text


def test_a_bug_shows_no_traceback(client: httpx.Client, stand: Stand) -> None:
    stand.error = RuntimeError("secret detail")

    reply = client.get("/api/search?q=restore")

    assert reply.status_code == 500
    assert reply.json() == {
        "title": "Internal Server Error",
        "status": 500,
        "detail": "a bug, met at /api/search",
    }


def test_health_says_what_is_served(client: httpx.Client) -> None:
    reply = client.get("/healthz")

    assert reply.status_code == 200
    assert reply.json() == {
        "status": "ok",
        "passages": 12,
        "model": "hashing-64-v1",
    }


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [("GET", "/nothing", 404), ("POST", "/api/search?q=x", 405), ("GET", "/docs", 404)],
)
def test_other_addresses_and_methods_are_refused_as_problems(
    client: httpx.Client, method: str, address: str, status: int
) -> None:
    reply = client.request(method, address)

    assert reply.status_code == reply.json()["status"] == status
    assert reply.headers["content-type"] == "application/problem+json"


def test_many_readers_search_a_real_knowledge_base_at_once(
    store: Store, store_path: Path, tmp_path: Path
) -> None:
    """One index for all threads, a store for each call, public text only."""
    embedder = HashingEmbedder(64)
    for number in range(8):
        insert(store, page(f"page{number}", f"Nightly backup of server s{number}"))
    insert(store, page("staff", "Nightly backup", visibility="category:staff"))
    with EmbeddingCache.open(tmp_path / "embeddings.db") as cache:
        build_index(store, embedder, cache, tmp_path / "index", lexical=TantivyIndex)
    index = open_index(
        tmp_path / "index",
        store_uuid=store.uuid,
        store_generation=store.generation,
        model_id=embedder.model_id,
        dim=embedder.dim,
        lexical_opener=TantivyIndex.open,
    )

    def search(
        query: str,
        k: int,
        kinds: frozenset[Kind] | None,
        languages: frozenset[str] | None,
    ) -> Found:
        with Store.open(store_path, readonly=True) as own:
            searcher = Searcher(own, index, embedder)
            return Found(
                searcher.search(query, limit=k, kinds=kinds, languages=languages)
            )

    found: dict[int, list[str]] = {}

    def read(url: str, number: int) -> None:
        reply = httpx.get(
            f"{url}/api/search",
            params={"q": f"backup of server s{number}", "k": 20},
            trust_env=False,
        )
        found[number] = [hit["title"] for hit in reply.json()["hits"]]

    with serving(search, dict) as url:
        readers = [threading.Thread(target=read, args=(url, n)) for n in range(8)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    index.close()

    assert {number: titles[0] for number, titles in found.items()} == {
        number: f"Page{number}" for number in range(8)
    }
    everything = sorted(f"Page{number}" for number in range(8))
    assert all(sorted(titles) == everything for titles in found.values())
