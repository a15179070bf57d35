"""The search page over HTTP: what a browser is told, and what it is not."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from kb.api.backend import ANYBODY
from kb.errors import KBError
from kb.instant.records import Filters
from kb.web.page import POLICY
from tests.kb.api.stand import HELD, SCRIPT, Stand
from tests.kb.web.looking import SETTINGS, page_of

CARRIED = "search?q=%3Cb%3E&kind=docs"


@pytest.fixture(scope="module")
def stand() -> Stand:
    return Stand()


@pytest.fixture(scope="module")
def client(stand: Stand) -> Iterator[httpx.Client]:
    with page_of(stand) as base, httpx.Client(base_url=base, timeout=20) as opened:
        yield opened


def test_the_page_lets_nothing_in_and_nothing_out(client: httpx.Client) -> None:
    assert POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    for path in ("/search", "/search?q=backup", "/search?q=???", "/search.json?q=a"):
        answer = client.get(path)
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"
        assert "accept-language" in answer.headers["vary"].lower()
        assert "set-cookie" not in answer.headers


def test_the_page_needs_nothing_that_its_policy_forbids(client: httpx.Client) -> None:
    """No style or script between its lines, and no address that is not its own but
    those that were found."""
    html = client.get("/search?q=backup").text

    assert (
        re.findall(r"<script(?! type=\"application/json\"| type=\"module\" src)", html)
        == []
    )
    assert re.findall(r"\son\w+=|\sstyle=|<style|<base|javascript:", html) == []
    loaded = re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="([^"]+)"', html)
    assert all(re.match(r"(static/|opensearch\.xml$)", each) for each in loaded)
    assert 'type="application/opensearchdescription+xml" href="opensearch.xml"' in html


def test_the_root_leads_to_the_page_with_what_was_asked(client: httpx.Client) -> None:
    answer = client.get("/?q=%3Cb%3E&kind=docs")

    assert answer.status_code == 307
    assert answer.headers["location"] == CARRIED
    assert client.get("/").headers["location"] == "search"


def test_files_are_kept_for_good_by_the_mark_of_their_text(
    client: httpx.Client,
) -> None:
    addresses = re.findall(r'"(static/[^"]+)"', client.get("/search").text)
    assert len(addresses) == 3
    for address in addresses:
        marked = client.get(address)
        assert marked.headers["cache-control"].endswith("immutable")
        assert marked.headers["x-content-type-options"] == "nosniff"
        assert len(marked.content) < 20_000
        for other in (address.partition("?")[0], address + "0"):
            plain = client.get(other)
            assert plain.headers["cache-control"] == "no-cache"
            assert plain.content == marked.content
            tag = {"If-None-Match": plain.headers["etag"]}
            assert client.get(other, headers=tag).status_code == 304
    assert client.get(addresses[0]).headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("name", ["nothing.js", "..%2fpage.py", "page.js%00", "%2e%2e"])
def test_there_are_no_other_files(client: httpx.Client, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_crawlers_are_kept_from_results(client: httpx.Client) -> None:
    assert "Disallow: /search\n" in client.get("/robots.txt").text
    assert (
        '<meta name="robots" content="noindex, nofollow">' in client.get("/search").text
    )


def test_heads_are_asked_for_as_well(client: httpx.Client) -> None:
    for path in ("/search", "/robots.txt", "/static/page.js"):
        assert client.head(path).status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("q=???", 422, "There is no word in this to search for."),
        ("q=" + "x" * 1_001, 422, "This is too long to search for: shorten it."),
        ("q=%00%00", 200, "Searches 34 threads"),
        ("q=backup&page=-1&kind=banana", 200, "“kind:banana” is not known here"),
        ("q=zzz", 200, "Nothing was found for “zzz”."),
        ("q=+&k=x", 200, "Searches 34 threads"),
    ],
)
def test_bad_input_gets_a_page_that_says_so(
    client: httpx.Client, query: str, status: int, told: str
) -> None:
    answer = client.get(f"/search?{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "text/html; charset=utf-8",
    )
    assert told in answer.text


@pytest.mark.parametrize(
    "query",
    [
        f'"><img src=x onerror=alert(1)>{SCRIPT}',
        "</script></title></textarea>{{7*7}}{% raw %}${7*7}",
        "\x00\x1b[31m\u202e\ufffe🙈",
    ],
)
def test_what_is_asked_is_repeated_as_text_alone(
    client: httpx.Client, query: str
) -> None:
    parameters = {"q": query, "tag": query, "kind": query, "ui": query, "page": query}
    html = client.get("/search", params=parameters).text

    assert re.findall(r"<img|<script>|</textarea>|>49<|\x00|\x1b", html) == []
    assert html.count("</script>") == 2


def test_the_data_of_the_script_cannot_end_its_element() -> None:
    settings = replace(SETTINGS, community=f"</script>{SCRIPT}<!--")
    with page_of(settings=settings) as base:
        html = httpx.get(f"{base}/search").text
    assert html.count("<script") == html.count("</script>") == 2
    [data] = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html)
    assert json.loads(data)["language"] == "en"


def test_the_script_gets_what_the_page_shows(client: httpx.Client) -> None:
    body = client.get("/search.json?q=nightly&ui=fr").json()

    assert body["title"] == "nightly – recherche dans Clinic & Co"
    assert body["trouble"] is None
    [hit] = body["found"]["hits"]
    assert hit["title"][0] == {"text": "Nightly", "marked": True}
    assert hit["facts"] == ["en anglais", "version 2.41"]
    assert body["found"]["status"] == "1 résultat"


def test_trouble_is_told_without_details() -> None:
    stand = Stand(error=KBError("/secret/kb.db is locked"))
    with page_of(stand) as base:
        page = httpx.get(f"{base}/search?q=backup")
        script = httpx.get(f"{base}/search.json?q=backup")
        start = httpx.get(f"{base}/search")
    assert [each.status_code for each in (page, script, start)] == [503, 503, 503]
    assert page.headers["retry-after"] == script.headers["retry-after"] == "2"
    assert "The search cannot answer just now." in page.text
    assert script.json()["trouble"].startswith("The search cannot answer just now.")
    assert "secret" not in page.text + script.text + start.text
    assert '<form role="search"' in start.text


def test_what_takes_too_long_is_given_up_with_a_page() -> None:
    stand = Stand(gate=threading.Event())
    with page_of(stand, replace(SETTINGS, search_timeout_s=0.2)) as base:
        answer = httpx.get(f"{base}/search?q=backup", timeout=20)
        assert stand.gate is not None
        stand.gate.set()
    assert answer.status_code == 504
    assert "One moment: the search is busy." in answer.text


def test_a_visitor_sees_what_everybody_may_and_is_counted_once(
    client: httpx.Client, stand: Stand
) -> None:
    """The first page of a search is told, for what is searched in vain."""
    stand.told.clear()
    client.get("/search?q=backup", headers={"Authorization": "Bearer a-key"})
    client.get("/search.json?q=backup&page=2")
    client.get("/search")

    assert [results.total for results in stand.told] == [6]
    staff_only = HELD[8].document.title
    assert staff_only not in client.get("/search?q=backup").text


def test_searches_in_vain_are_counted_for_the_page_as_for_the_endpoint() -> None:
    stand = Stand()
    weak = replace(stand.search("map", Filters(), page=1, k=5, reader=ANYBODY), total=3)
    stand.results = replace(weak, weak=True)
    settings = replace(SETTINGS, metrics="open")
    with page_of(stand, settings) as base:
        httpx.get(f"{base}/search?q=map")
        httpx.get(f"{base}/search.json?q=map&typing=true")
        httpx.head(f"{base}/search?q=map")
        metrics = httpx.get(f"{base}/metrics").text
    assert "baraza_searches_in_vain_total 1.0" in metrics
    assert "baraza_search_found_count 1.0" in metrics
    assert len(stand.told) == 1


def test_a_language_that_is_asked_for_goes_along(client: httpx.Client) -> None:
    spanish = client.get("/search?q=backup", headers={"Accept-Language": "es-PE"}).text
    assert '<html lang="es"' in spanish
    assert "ui=es&amp;kind" not in spanish
    chosen = client.get(
        "/search?q=backup&ui=pt", headers={"Accept-Language": "es"}
    ).text
    assert '<html lang="pt"' in chosen
    assert '<input type="hidden" name="ui" value="pt">' in chosen
    links = re.findall(r'href="(search\?[^"]*)"', chosen)
    assert all("ui=" in link for link in links)


def test_the_first_language_of_the_community_is_that_of_who_asks_for_none() -> None:
    settings = replace(SETTINGS, languages=("sw", "fr", "en"))
    with page_of(settings=settings) as base:
        html = httpx.get(f"{base}/search", headers={"Accept-Language": "sw"}).text
    assert '<html lang="fr"' in html
