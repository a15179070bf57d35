"""``GET /api/search`` over a socket: what is asked, told, and refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from kb.api import ApiSettings, create_app
from kb.api.backend import ANYBODY
from kb.errors import (
    CorruptIndexError,
    EmbeddingError,
    IndexMissingError,
    InvalidQueryError,
    SchemaVersionError,
    StaleIndexError,
    StoreError,
)
from kb.instant.records import Filters
from kb.types import Kind
from tests.kb.api.stand import KEY, SCRIPT, Stand, many, served


def filters_of(stand: Stand) -> Filters:
    [(method, arguments)] = stand.asked
    assert method == "search"
    filters = arguments[1]
    assert isinstance(filters, Filters)
    return filters


def test_a_hit_is_told_in_full_and_as_plain_text(
    client: httpx.Client, stand: Stand
) -> None:
    reply = client.get("/api/search", params={"q": "backup restore", "k": 1})

    answer = reply.json()
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert answer.pop("took_ms") >= 0
    assert answer.pop("facets")["kind"] == [{"value": "thread", "count": 1}]
    assert answer == {
        "query": "backup restore",
        "understood": {
            "text": "backup restore",
            "phrases": [],
            "excluded": [],
            "filters": {},
            "notes": [],
        },
        "language": "en",
        "page": 1,
        "k": 1,
        "total": 1,
        "weak": False,
        "more": False,
        "did_you_mean": None,
        "corrected": {},
        "near": [],
        "generation": 7,
        "timings": {"words": 1.25, "ranking": 2.5},
        "hits": [
            {
                "id": 1,
                "title": "Restore a <b>backup</b> fast",
                "title_highlights": [[0, 7], [13, 19]],
                "url": "https://forum.example.org/t/topic/801/2",
                "kind": "thread",
                "source": "forum",
                "language": "en",
                "version": None,
                "category": "Support",
                "tags": ["backup", "postgres"],
                "solved": True,
                "closed": False,
                "created_at": "2026-03-01T12:00:00Z",
                "updated_at": "2026-03-01T12:00:00Z",
                "heading": "",
                "passage": "Stop the server, then restore the backup with pg_restore. "
                + SCRIPT,
                "highlights": [[22, 29], [34, 40]],
                "details": {},
                "score": 2.9,
                "confidence": 0.8765,
                "why": ["title", "words", "solved"],
            }
        ],
    }
    assert stand.asked == [("search", ("backup restore", Filters(), 1, 1, ANYBODY))]


def test_what_is_known_of_a_course_is_told_and_nothing_else(
    client: httpx.Client,
) -> None:
    [hit] = client.get("/api/search?q=course&kind=course").json()["hits"]

    assert hit["details"] == {"pacing": "self", "starts_at": "2027-03-05T00:00:00Z"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=a", Filters()),
        ("kind=docs&kind=video", Filters(kinds=frozenset({Kind.DOCS, Kind.VIDEO}))),
        ("lang=fr&language=pt-BR", Filters(languages=frozenset({"fr", "pt"}))),
        ("category=Bugs%20%26%20More", Filters(categories=frozenset({"bugs & more"}))),
        ("tag=A&tag=b", Filters(tags=frozenset({"a", "b"}))),
        ("version=2.41", Filters(versions=frozenset({"2.41"}))),
        ("solved=yes", Filters(solved=True)),
        ("solved=false", Filters(solved=False)),
        ("since=2024", Filters(since=datetime(2024, 1, 1, tzinfo=UTC))),
        ("before=2024-05", Filters(before=datetime(2024, 5, 1, tzinfo=UTC))),
        ("since=2024-02-29", Filters(since=datetime(2024, 2, 29, tzinfo=UTC))),
        (
            "since=2024-05-02T01:30:00.5%2B02:00",
            Filters(since=datetime(2024, 5, 1, 23, 30, 0, 500_000, tzinfo=UTC)),
        ),
        (
            "since=2024-05-02T01:30:00+02:00",
            Filters(since=datetime(2024, 5, 1, 23, 30, tzinfo=UTC)),
        ),
        (
            "before=0001-01-01T00:00:00%2B05:00",
            Filters(before=datetime.min.replace(tzinfo=UTC)),
        ),
    ],
)
def test_filters_are_passed_on_with_words_or_without(
    client: httpx.Client, stand: Stand, query: str, expected: Filters
) -> None:
    reply = client.get(f"/api/search?{query}")

    assert reply.status_code == 200
    assert filters_of(stand) == expected


def test_pages_follow_each_other_and_the_last_says_so(
    client: httpx.Client, stand: Stand
) -> None:
    stand.held = many(25)

    answers = [
        client.get(f"/api/search?q=backup&k=10&page={page}").json()
        for page in (1, 2, 3)
    ]

    titles = [hit["title"] for answer in answers for hit in answer["hits"]]
    assert titles == [f"Backup {number}" for number in range(1, 26)]
    assert [answer["more"] for answer in answers] == [True, True, False]
    assert {answer["total"] for answer in answers} == {25}
    assert [told.total for told in stand.told] == [25]


@pytest.mark.parametrize(
    ("method", "address", "is_typed"),
    [
        ("GET", "/api/search?q=backup&typing=true", True),
        ("HEAD", "/api/search?q=backup", False),
        ("GET", "/api/search?q=backup&page=2", False),
        ("GET", "/api/search?q=backup&typing=false", False),
    ],
)
def test_only_what_somebody_asked_for_and_reads_is_counted(
    method: str, address: str, is_typed: bool
) -> None:
    stand = Stand()
    counts = address.endswith("false")
    with (
        served(create_app(stand, ApiSettings(metrics="open"))) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        reply = client.request(method, address)
        figures = client.get("/metrics").text

    assert (reply.status_code, stand.typed) == (200, [is_typed])
    assert len(stand.told) == counts
    assert f"baraza_search_found_count {float(counts)}" in figures


def test_a_search_in_vain_tells_what_is_near_and_what_was_meant(
    client: httpx.Client,
) -> None:
    vain = client.get("/api/search?q=zebra").json()
    meant = client.get("/api/search?q=bakcup%20%22").json()

    assert (vain["hits"], vain["total"], len(vain["near"])) == ([], 0, 3)
    assert (meant["did_you_mean"], meant["corrected"]) == (
        "backup",
        {"bakcup": "backup"},
    )
    assert meant["understood"]["notes"] == [{"code": "open_quote", "token": 'bakcup "'}]


@pytest.mark.parametrize(
    ("query", "parameters", "problem"),
    [
        ("q=a&langauge=fr", ["langauge"], "unknown; did you mean language?"),
        ("q=a&author=me", ["author"], "unknown; known are before, category,"),
        ("q=a&q=b", ["q"], "given more than once"),
        ("q=a&k=5&k=6", ["k"], "given more than once"),
        ("q=" + "x" * 1_001, ["q"], "String should have at most 1000 characters"),
        ("q=a&k=0", ["k"], "Input should be greater than or equal to 1"),
        ("q=a&k=51", ["k"], "Input should be less than or equal to 50"),
        ("q=a&k=many", ["k"], "expected a whole number, in digits"),
        ("q=a&k=%D9%A3", ["k"], "expected a whole number, in digits"),
        ("q=a&k=1_0&page=1e1", ["k", "page"], "expected a whole number, in digits"),
        ("q=a&page=-1", ["page"], "Input should be greater than or equal to 1"),
        ("q=a&page=21", ["page"], "Input should be less than or equal to 20"),
        ("q=a&page=5&k=50", ["page"], "page times k is more than 200"),
        ("q=a&kind=docs&kind=podcast", ["kind"], "Input should be 'thread', 'docs',"),
        ("q=a&lang=french", ["lang"], "expected the code of a language, such as fr"),
        ("q=a&lang=qq", ["lang"], "expected the code of a language, such as fr, not"),
        ("q=a&language=", ["language"], "expected the code of a language, such as fr"),
        ("q=a&tag=" + "x" * 101, ["tag"], "String should have at most 100 characters"),
        ("q=a&category=%20", ["category"], "String should match pattern"),
        ("q=a" + "&tag=a" * 21, ["tag"], "List should have at most 20 items"),
        ("q=a&solved=maybe", ["solved"], "Input should be 'yes', 'no', 'true' or"),
        ("q=a&since=yesterday", ["since"], "expected YYYY, YYYY-MM, YYYY-MM-DD or"),
        ("q=a&before=2024-02-30", ["before"], "expected YYYY, YYYY-MM, YYYY-MM-DD or"),
        ("q=a&since=2024-W01", ["since"], "expected YYYY, YYYY-MM, YYYY-MM-DD or"),
        ("q=???", ["q"], "the query holds no word to search for"),
        ("", ["q"], "the query holds no word to search for"),
    ],
)
def test_bad_input_is_told_by_parameter(
    client: httpx.Client, query: str, parameters: list[str], problem: str
) -> None:
    reply = client.get(f"/api/search?{query}")

    told = reply.json()
    assert reply.status_code == told["status"] == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert [each["parameter"] for each in told["errors"]] == parameters
    assert told["errors"][0]["problem"].startswith(problem)
    assert told["detail"].startswith(f"{parameters[0]}: {problem}")
    assert "xxxxx" not in reply.text
    assert len(reply.content) < 1_000


@pytest.mark.parametrize(
    ("sent", "searched"),
    [
        ('"a phrase" -not kind:docs AND (x OR y)', None),
        ("'; DROP TABLE documents; -- backup", None),
        ("backup%_*?[a-z]\\", None),
        ("back\x00up", "back up"),
        ("back\r\nSet-Cookie: a=b", "back  Set-Cookie: a=b"),
        ("🎒 backup 👩‍👩‍👧", None),
        ("كيف أستعيد backup", None),
        ("{{7*7}} ${7*7} <%= 7 %>", None),
        (SCRIPT, None),
        ("x" * 1_000, None),
    ],
)
def test_no_query_is_more_than_text(
    client: httpx.Client, stand: Stand, sent: str, searched: str | None
) -> None:
    reply = client.get("/api/search", params={"q": sent})

    assert reply.status_code == 200
    assert reply.json()["query"] == (searched or sent)
    assert stand.asked[0][1][0] == (searched or sent)
    assert "set-cookie" not in reply.headers


def test_what_is_not_utf8_is_not_guessed_at(client: httpx.Client, stand: Stand) -> None:
    reply = client.get("/api/search?q=caf%E9")

    assert (reply.status_code, stand.asked) == (400, [])


def test_markup_in_titles_and_passages_stays_text(client: httpx.Client) -> None:
    reply = client.get("/api/search?q=tracker&tag=a%26b")

    [hit] = reply.json()["hits"]
    assert hit["title"] == f'"><img src=x onerror=alert(2)> tracker {SCRIPT}'
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (IndexMissingError("/secret/index", "none"), "no index was built yet"),
        (StaleIndexError("/secret/index", "old"), "the index is being replaced"),
        (CorruptIndexError("/secret/index", "bad"), "the index is damaged"),
        (StoreError("/secret/kb.db", "locked"), "the store is missing, locked"),
        (SchemaVersionError("/secret/kb.db", "new"), "the store is missing, locked"),
        (EmbeddingError("/secret/model", "gone"), "the embedding model is missing"),
    ],
)
@pytest.mark.parametrize(
    "address",
    [
        "/api/search?q=restore",
        "/api/related?text=restore",
        "/api/documents/1",
        "/api/stats",
        "/readyz",
    ],
)
def test_trouble_of_the_operator_is_a_503_that_tells_no_paths(
    client: httpx.Client, stand: Stand, error: Exception, reason: str, address: str
) -> None:
    stand.error = error

    reply = client.get(address)

    problem = reply.json()
    assert reply.status_code == problem["status"] == 503
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["retry-after"] == "2"
    assert problem["error"] == type(error).__name__
    assert problem["detail"].startswith(reason)
    assert "secret" not in reply.text


@pytest.mark.parametrize(
    "bug", [RuntimeError("secret"), KeyError("secret"), IndexError("secret")]
)
@pytest.mark.parametrize("address", ["/api/search?q=x", "/api/documents/1"])
def test_a_bug_shows_no_traceback_and_is_no_404(
    client: httpx.Client,
    stand: Stand,
    bug: Exception,
    address: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stand.error = bug

    reply = client.get(address)

    assert reply.status_code == 500
    assert reply.json() == {
        "title": "Internal Server Error",
        "status": 500,
        "detail": "a bug; the operator finds it in the log",
        "type": "about:blank",
    }
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "secret" in caplog.text


def test_what_cannot_be_counted_is_searched_all_the_same(
    client: httpx.Client, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StoreError("/secret/kb.db", "full")

    monkeypatch.setattr(stand, "searched", full)

    assert client.get("/api/search?q=backup").json()["total"] == 6


def test_what_the_query_names_and_is_not_searched_is_told_by_the_engine(
    client: httpx.Client, stand: Stand
) -> None:
    stand.error = InvalidQueryError("the query holds no word to search for")

    reply = client.get("/api/search?q=the")

    assert (reply.status_code, reply.json()["errors"][0]["parameter"]) == (422, "q")


def test_a_key_shows_what_it_lets_in_to_and_no_cache_keeps_it(
    client: httpx.Client,
) -> None:
    open_to_all = client.get("/api/search?q=staff")
    keyed = client.get("/api/search?q=staff", headers={"X-Api-Key": KEY})

    assert open_to_all.json()["total"] == 0
    assert [hit["id"] for hit in keyed.json()["hits"]] == [9]
    assert keyed.headers["cache-control"] == "private, no-store"
    assert "etag" not in keyed.headers
    assert "Authorization, X-Api-Key" in open_to_all.headers["vary"]


def test_an_answer_that_is_known_is_not_sent_again(
    client: httpx.Client, stand: Stand
) -> None:
    first = client.get("/api/search?q=backup")
    etag = first.headers["etag"]

    known = client.get(
        "/api/search?q=backup", headers={"If-None-Match": f'"x", {etag}'}
    )
    stand.generation = 8
    changed = client.get("/api/search?q=backup", headers={"If-None-Match": etag})

    assert (known.status_code, known.content) == (304, b"")
    same = ("etag", "cache-control", "vary", "content-security-policy")
    assert [known.headers[each] for each in same] == [
        etag,
        "public, max-age=0, must-revalidate",
        "Origin, Accept-Encoding, Authorization, X-Api-Key",
        "default-src 'none'; frame-ancestors 'none'",
    ]
    assert (changed.status_code, changed.headers["etag"] != etag) == (200, True)


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("gzip", "gzip"), ("gzip;q=0", None), ("br", None)]
)
def test_longer_answers_are_small_for_who_can_read_them(
    client: httpx.Client, accepted: str, encoding: str | None
) -> None:
    reply = client.get("/api/search?q=backup", headers={"Accept-Encoding": accepted})

    assert reply.headers.get("content-encoding") == encoding
    assert reply.json()["total"] == 6


def test_a_head_has_no_body_and_the_same_headers(client: httpx.Client) -> None:
    of_get = client.get("/api/stats")
    of_head = client.head("/api/stats")

    assert (of_head.status_code, of_head.content) == (200, b"")
    assert of_head.headers["etag"] == of_get.headers["etag"]
    assert of_head.headers["content-length"] == of_get.headers["content-length"]


def test_a_passage_of_any_language_keeps_its_places_in_code_points(
    client: httpx.Client, stand: Stand
) -> None:
    [hit] = client.get("/api/search?q=backup&lang=es").json()["hits"]

    [[start, end]] = hit["title_highlights"]
    assert hit["title"][start:end] == "backup"
    assert hit["title"].endswith("🎒")


def test_the_answer_of_the_engine_is_told_as_it_is_also_where_it_is_long(
    client: httpx.Client, stand: Stand
) -> None:
    stand.held = many(50)
    long = "x" * 20_000
    stand.held = [
        replace(hit, passage=replace(hit.passage, text=f"backup {long}"))
        for hit in stand.held
    ]

    hits = client.get("/api/search?q=backup&k=50").json()["hits"]

    assert [len(hit["passage"]) for hit in hits] == [20_007] * 50
