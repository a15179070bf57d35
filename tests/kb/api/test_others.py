"""What is related, documents, feedback, health and figures, over a socket."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from kb.api import ApiSettings, create_app
from kb.api.addresses import opensearch
from kb.api.backend import ANYBODY, About
from kb.errors import StoreError
from kb.types import Kind
from tests.kb.api.stand import KEY, METRICS_KEY, Stand, served, topic

BACKUP_PAGE = "https://docs.example.org/page-2.html"


@pytest.mark.parametrize(
    ("asked", "about"),
    [
        ({"topic_id": topic(1)}, About(topic_id=topic(1))),
        ({"url": f"{BACKUP_PAGE}#x"}, About(url=f"{BACKUP_PAGE}#x")),
        (
            {"text": "backup\x00fails", "title": "Help"},
            About(text="backup fails", title="Help"),
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_related_is_found_by_topic_page_or_text(
    client: httpx.Client,
    stand: Stand,
    asked: dict[str, Any],
    about: About,
    method: str,
) -> None:
    more = {"k": 2, "kind": ["docs", "thread"], "lang": ["fr", "en"]}
    sent: dict[str, Any] = (
        {"params": asked | more} if method == "GET" else {"json": asked | more}
    )

    reply = client.request(method, "/api/related", **sent)

    kinds = frozenset({Kind.DOCS, Kind.THREAD})
    assert reply.status_code == 200
    assert len(reply.json()["hits"]) == 2
    assert stand.asked == [
        ("related", (about, kinds, frozenset({"fr", "en"}), 2, ANYBODY))
    ]


@pytest.mark.parametrize(
    "asked",
    [{}, {"topic_id": 801, "text": "a"}, {"url": BACKUP_PAGE, "topic_id": 801}],
)
def test_one_thing_is_asked_about_and_not_none_or_two(
    client: httpx.Client, stand: Stand, asked: dict[str, Any]
) -> None:
    by_get = client.get("/api/related", params=asked)
    by_post = client.post("/api/related", json=asked)

    for reply in (by_get, by_post):
        named = [each["parameter"] for each in reply.json()["errors"]]
        assert (reply.status_code, named) == (422, ["topic_id", "url", "text"])
    assert stand.asked == []


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"topic_id": "0"}, "topic_id"),
        ({"topic_id": "1e3"}, "topic_id"),
        ({"topic_id": str(2**63)}, "topic_id"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https://" + "a" * 2_000}, "url"),
        ({"text": "x" * 5_001}, "text"),
        ({"text": ""}, "text"),
        ({"text": "???"}, "text"),
        ({"text": "a", "title": "x" * 501}, "title"),
        ({"txet": "a"}, "txet"),
    ],
)
def test_what_cannot_be_asked_about_is_told_by_name(
    client: httpx.Client, asked: dict[str, str], parameter: str
) -> None:
    by_get = client.get("/api/related", params=asked)
    by_post = client.post("/api/related", json=asked)

    for reply in (by_get, by_post):
        assert reply.status_code == 422
        assert reply.json()["errors"][0]["parameter"] == parameter
        assert "xxxx" not in reply.text


@pytest.mark.parametrize(
    "address",
    [
        "/api/related?topic_id=999999",
        "/api/related?topic_id=809",
        "/api/related?url=https://elsewhere.example",
        "/api/documents/999999",
        "/api/documents/9",
    ],
)
def test_what_is_not_held_and_what_is_not_public_are_the_same_404(
    client: httpx.Client, address: str
) -> None:
    reply = client.get(address)

    assert reply.status_code == reply.json()["status"] == 404
    assert "secret" not in reply.text


def test_a_document_is_told_with_its_text(client: httpx.Client) -> None:
    reply = client.get("/api/documents/5")

    told = reply.json()
    assert told["details"] == {"duration_s": 412, "lists": ["Formação"]}
    assert told["passages"] == [
        {
            "url": "https://videos.example.org/watch?v=5&t=93",
            "heading": "Cópia de segurança (backup) › Part",
            "text": "Como fazer a cópia de segurança do servidor: um vídeo curto.",
        }
    ]
    headers = {"If-None-Match": reply.headers["etag"]}
    assert client.get("/api/documents/5", headers=headers).status_code == 304


def test_a_key_may_see_a_document_that_is_not_public(client: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}

    assert client.get("/api/documents/9", headers=headers).json()["id"] == 9
    assert client.get("/api/stats", headers=headers).json()["passages"] == 39
    assert client.get("/api/stats").json()["passages"] == 38


@pytest.mark.parametrize("number", ["x", "0", "-1", "1.5", str(2**63), "1" * 300])
def test_what_is_no_number_of_a_document_is_a_422(
    client: httpx.Client, stand: Stand, number: str
) -> None:
    reply = client.get(f"/api/documents/{number}")

    assert (reply.status_code, stand.asked) == (422, [])


def test_a_word_on_a_hit_is_counted_and_saying_it_again_changes_nothing(
    client: httpx.Client, stand: Stand
) -> None:
    word = {"document_id": 1, "helped": False}

    replies = [client.post("/api/feedback", json=word) for _ in range(2)]

    assert [(reply.status_code, reply.content) for reply in replies] == [(204, b"")] * 2
    assert stand.asked[0] == ("feedback", (1, False, "127.0.0.1", ANYBODY))
    assert stand.words == {(1, "127.0.0.1")}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"\xff{}", 400),
        (b"[" * 16_000, 400),
        (b'{"document_id": ' + b"9" * 5_000 + b', "helped": true}', 400),
        (b"[]", 422),
        (b"null", 422),
        (b"{}", 422),
        (b'{"document_id": "one", "helped": true}', 422),
        (b'{"document_id": true, "helped": true}', 422),
        (b'{"document_id": 1, "helped": "yes"}', 422),
        (b'{"document_id": 1, "helped": true, "more": 1}', 422),
        (b'{"document_id": 999, "helped": true}', 404),
        (b'{"document_id": 9, "helped": true}', 404),
        (b'{"document_id": 1, "helped": true}' + b" " * 16_384, 413),
    ],
)
def test_a_word_that_is_none_is_refused(
    client: httpx.Client, stand: Stand, body: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    reply = client.post("/api/feedback", content=body, headers=headers)

    assert reply.status_code == reply.json()["status"] == status
    assert len(reply.content) < 1_000
    assert stand.words == set()


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", ""]
)
def test_a_body_that_a_foreign_page_could_send_unasked_is_none(
    client: httpx.Client, stand: Stand, media_type: str
) -> None:
    reply = client.post(
        "/api/feedback",
        content=b'{"document_id": 1, "helped": true}',
        headers={"Content-Type": media_type},
    )

    assert (reply.status_code, stand.asked) == (415, [])


def test_the_process_lives_while_nothing_can_be_searched(
    client: httpx.Client, stand: Stand
) -> None:
    stand.error = StoreError("/secret/kb.db", "locked")

    lives, ready = client.get("/healthz"), client.get("/readyz")

    assert (lives.status_code, lives.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["error"]) == (503, "StoreError")
    assert [method for method, _ in stand.asked] == ["ready"]


def test_what_is_ready_says_what_from(client: httpx.Client) -> None:
    assert client.get("/readyz").json() == {
        "status": "ready",
        "model": "hashing-64-v1",
        "passages": 39,
        "generation": 7,
        "lag": 0,
    }


def test_figures_name_routes_and_no_query(client: httpx.Client, stand: Stand) -> None:
    headers = {"X-Api-Key": METRICS_KEY}
    client.get("/api/search?q=unheard-of")
    client.get("/api/documents/77777777")
    client.get("/api/unheard-of")
    client.request("BREW", "/api/search")

    text = client.get("/metrics", headers=headers).text
    stand.error = StoreError("/secret/kb.db", "locked")
    troubled = client.get("/metrics", headers=headers)

    requests = "baraza_http_requests_total"
    for labels in (
        'method="GET",route="/api/search",status="200"',
        'method="GET",route="/api/documents/{document_id}",status="404"',
        'method="GET",route="unmatched",status="404"',
    ):
        assert f"{requests}{{{labels}}}" in text
    for figure in ("generation 7.0", "lag 0.0", "passages 39.0", "ready 1.0"):
        assert f"\nbaraza_{figure}\n" in text
    assert "baraza_searches_in_vain_total" in text
    assert "unheard-of" not in text
    assert "77777777" not in text
    assert (troubled.status_code, "\nbaraza_ready 0.0\n" in troubled.text) == (
        200,
        True,
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-Api-Key": KEY}, 403),
        ({"X-Api-Key": "x"}, 401),
        ({"Authorization": f"Bearer {METRICS_KEY}"}, 200),
    ],
)
def test_figures_are_for_who_has_a_key_to_them(
    client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    assert client.get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(("shown", "status"), [("open", 200), ("off", 404)])
def test_figures_are_for_all_or_for_nobody_as_it_is_set(
    shown: str, status: int
) -> None:
    app = create_app(Stand(), ApiSettings(metrics=shown))
    with served(app) as url:
        reply = httpx.get(f"{url}/metrics", trust_env=False)

    assert reply.status_code == status


def test_browsers_are_told_of_the_page_by_the_address_that_they_use(
    client: httpx.Client,
) -> None:
    reply = client.get("/opensearch.xml", headers={"Host": "search.example.org:8080"})

    media_type = reply.headers["content-type"].partition(";")[0]
    assert media_type == "application/opensearchdescription+xml"
    urls = ElementTree.fromstring(reply.text).findall("{*}Url")  # noqa: S314 -- ours
    base = "http://search.example.org:8080"
    assert [each.attrib["template"] for each in urls] == [
        f"{base}/search?q={{searchTerms}}",
        f"{base}/api/search?q={{searchTerms}}",
    ]


def test_a_description_is_xml_whatever_the_community_is_called() -> None:
    text = opensearch("https://example.org/a&b", 'A <b> & "c"\x00\n' + "é" * 50)

    root = ElementTree.fromstring(text)  # noqa: S314 -- ours
    assert root.findtext("{*}ShortName") == 'A <b> & "c" éééé'
    assert len(root.findtext("{*}LongName") or "") == 48


def test_the_public_address_of_the_settings_counts() -> None:
    app = create_app(Stand(), ApiSettings(public_url="https://kb.example.org/"))
    with served(app) as url:
        text = httpx.get(f"{url}/opensearch.xml", trust_env=False).text

    assert 'template="https://kb.example.org/search?q=' in text


def test_the_document_of_the_endpoint_names_every_answer(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()

    search = document["paths"]["/api/search"]["get"]
    assert [each["name"] for each in search["parameters"]] == [
        *("q", "k", "page", "kind", "lang", "language", "category", "tag", "version"),
        *("solved", "since", "before", "typing"),
    ]
    assert {"200", "304", "401", "422", "429", "503", "504"} <= search[
        "responses"
    ].keys()
    assert set(document["paths"]) == {
        *("/api/search", "/api/related", "/api/documents/{document_id}"),
        *("/api/feedback", "/api/stats", "/healthz", "/readyz", "/metrics"),
    }
