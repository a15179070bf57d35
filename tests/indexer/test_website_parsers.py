"""Sitemaps, llms.txt and feeds: what they name, and what is wrong with bad ones."""

from __future__ import annotations

import gzip
import re
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.feeds import read_feed
from indexer.llms_txt import read_llms_txt
from indexer.site import Listed, Site, key_of, pages_of, twins_of
from indexer.sitemaps import Sitemap, read_sitemap
from kb.errors import SourceError

URL = "https://docs.example.org/sitemap.xml"
PAGE = "https://docs.example.org/maps.html"
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
URLSET = (
    f'<?xml version="1.0"?><urlset xmlns="{NAMESPACE}" '
    'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
    f"<url>\n <loc> {PAGE} </loc><lastmod>2026-02-03</lastmod>"
    "<image:image><image:loc>https://docs.example.org/a.png</image:loc></image:image>"
    f"</url><url><loc>{PAGE}?a=1&amp;b=2</loc></url><url><loc/></url></urlset>"
).encode()
PAGES = (Listed(PAGE, "2026-02-03"), Listed(f"{PAGE}?a=1&b=2"))


@pytest.mark.parametrize(
    "body",
    [
        URLSET,
        b"\xef\xbb\xbf" + URLSET,
        b"\n" + URLSET.partition(b"?>")[2],
        URLSET.replace(NAMESPACE.encode(), b"http://www.google.com/schemas/old"),
        gzip.compress(URLSET, mtime=0),
        gzip.compress(URLSET[:100], mtime=0)
        + gzip.compress(URLSET[100:], mtime=0)
        + b"\0\0",
        URLSET.decode().replace('"1.0"', '"1.0" encoding="utf-16"').encode("utf-16"),
    ],
    ids=["plain", "mark", "no declaration", "old", "packed", "packed twice", "utf-16"],
)
def test_a_sitemap_names_pages(body: bytes) -> None:
    assert read_sitemap(URL, body) == Sitemap(pages=PAGES)


def test_a_sitemap_of_sitemaps_names_these() -> None:
    body = f"<sitemapindex xmlns='{NAMESPACE}'><sitemap><loc>{URL}</loc></sitemap>"
    assert read_sitemap(URL, f"{body}</sitemapindex>".encode()) == Sitemap(
        nested=(URL,)
    )


def test_a_sitemap_may_be_plain_text() -> None:
    found = read_sitemap(URL, f"{PAGE}\r\n\r\n{PAGE}?x\n".encode())
    assert found == Sitemap(pages=(Listed(PAGE), Listed(f"{PAGE}?x")))


_ENTITIES = b"<!DOCTYPE urlset [<!ENTITY x 'y'>]>"
_FILE = b"<!DOCTYPE u [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><urlset>&x;</urlset>"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "expected a sitemap, and it is empty"),
        (b" \n ", "expected a sitemap, and it is empty"),
        (gzip.compress(b"", mtime=0), "expected a sitemap, and it is empty"),
        (URLSET[:-20], "is broken XML: "),
        (b"<urlset><url>&nbsp;</url></urlset>", "is broken XML: Entity 'nbsp'"),
        (b"<!DOCTYPE html><html><p>Oops", "expected a sitemap, found an HTML page"),
        (b"\n<html><p>Oops</html>", "expected a sitemap, found an HTML page"),
        (b"<error>no</error>", "expected a sitemap, found <error>"),
        (b"<rss version='2.0'/>", "found a feed; name it under feeds"),
        (_ENTITIES + b"<urlset/>", "expected plain XML, found a document type"),
        (_FILE, "expected plain XML, found a document type"),
        (b"Not found", "expected an address in every line, found 'Not found'"),
        (b"caf\xe9", "found neither XML nor text in UTF-8"),
        (gzip.compress(URLSET, mtime=0)[:-30], "its gzip ends too early"),
        (b"\x1f\x8b" + b"x" * 50, "its gzip is broken"),
    ],
)
def test_what_is_no_sitemap_is_told_apart(body: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=f"^{re.escape(URL)}: .*{re.escape(problem)}"):
        read_sitemap(URL, body)


def test_a_gzip_bomb_does_not_fill_memory() -> None:
    bomb = gzip.compress(b"\0" * 80_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="larger than 1,000,000 bytes unpacked"):
            read_sitemap(URL, bomb, max_bytes=1_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_a_bomb_of_many_files_is_no_way_around() -> None:
    bomb = gzip.compress(b"x" * 600_000) * 2
    with pytest.raises(SourceError, match="larger than 1,000,000 bytes unpacked"):
        read_sitemap(URL, bomb, max_bytes=1_000_000)


# -- llms.txt ------------------------------------------------------------------


def test_many_empty_files_in_one_do_not_take_hours() -> None:
    with pytest.raises(SourceError, match="more than 1000 gzip files in one"):
        read_sitemap(URL, gzip.compress(b"", mtime=0) * 50_000)


def test_a_text_in_a_feed_is_not_looked_through() -> None:
    text = "<!--" * 50_000
    feed = (
        '<rss version="2.0"><channel><item><link>/x</link>'
        f"<description><![CDATA[{text}]]></description></item></channel></rss>"
    )
    started = process_time()
    assert read_feed(URL, feed.encode()) == (Listed("https://docs.example.org/x"),)
    assert process_time() - started < 5


def test_llms_txt_names_links_wherever_they_stand() -> None:
    text = (
        "# Docs\n\n> See [home](/).\n\n- [Maps](maps.md): how\n- <https://a.org/x.md>\n"
        "- [Maps](maps.md)\n\n```\n[code](no.md)\n```\n[ref]\n\n[ref]: ref.md\n"
        "<a href='html.md'>no</a> ![picture](p.png)"
    )
    assert read_llms_txt(text.encode()) == (
        "/",
        "maps.md",
        "https://a.org/x.md",
        "ref.md",
    )


@pytest.mark.parametrize(
    "body", [b"", b"<!DOCTYPE html>[x](y.md)", b"caf\xe9 [x](y.md)"]
)
def test_what_is_no_llms_txt_names_nothing(body: bytes) -> None:
    assert read_llms_txt(body) == ()


# -- feeds ---------------------------------------------------------------------

_ATOM = (
    b"<feed xmlns='http://www.w3.org/2005/Atom'><title>News</title>"
    b"<entry><link href='/a.html'/><updated>2026-01-02</updated></entry>"
    b"<entry><title>without an address</title></entry></feed>"
)
_RSS = (
    b"<rss version='2.0'><channel><item><link>https://docs.example.org/b.html</link>"
    b"<pubDate>Mon, 05 Jan 2026 00:01:00 GMT</pubDate></item></channel></rss>"
)


def test_a_feed_names_pages_with_their_dates() -> None:
    assert read_feed(URL, _ATOM) == (
        Listed("https://docs.example.org/a.html", "2026-01-02"),
    )
    assert read_feed(URL, _RSS) == (
        Listed("https://docs.example.org/b.html", "Mon, 05 Jan 2026 00:01:00 GMT"),
    )
    assert read_feed(URL, b"<rss version='2.0'><channel></channel></rss>") == ()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "expected a feed, and it is empty"),
        (b"<!doctype html><p>x", "expected a feed, found an HTML page"),
        (b"<rss version='2.0'><channel>", "is broken XML"),
        (b"<urlset/>", "expected a feed, found something else"),
        (b"https://docs.example.org/feed", "is broken XML"),
        (b"/etc/passwd", "is broken XML"),
        (b"<!DOCTYPE r [<!ENTITY a 'b'>]><rss/>", "found entities of its own"),
    ],
)
def test_what_is_no_feed_is_told_apart(body: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=f"^{re.escape(URL)}: .*{problem}"):
        read_feed(URL, body)


# -- whatever a site serves ------------------------------------------------------

_PIECES = st.lists(
    st.sampled_from(
        [
            *(URLSET[i : i + 40] for i in range(0, len(URLSET), 40)),
            *(_ATOM[i : i + 30] for i in range(0, len(_ATOM), 30)),
            *(b"<!DOCTYPE", b"[<!ENTITY x 'y'>]>", b"&x;", b"\0", b"\xff\xfe", b"]]>"),
            *(b"[a](b.md)", b"<?xml", b"\x1f\x8b\x08", b"- ", b"<html>", b"\n"),
        ]
    ),
    max_size=25,
).map(b"".join)
_READERS: list[Callable[[bytes], object]] = [
    lambda body: read_sitemap(URL, body),
    lambda body: read_feed(URL, body),
    read_llms_txt,
]


@pytest.mark.parametrize("read", _READERS, ids=["sitemap", "feed", "llms.txt"])
@given(body=st.one_of(st.binary(max_size=400), _PIECES))
def test_no_bytes_break_a_reader(read: Callable[[bytes], object], body: bytes) -> None:
    for served in (body, gzip.compress(body)):
        with suppress(SourceError):
            read(served)


# -- addresses -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://a.org/docs/x#top", "https://a.org/docs/x"),
        ("http://A.ORG:80/docs/x", "https://a.org/docs/x"),
        ("/docs/é?q=1", "https://a.org/docs/%C3%A9?q=1"),
        ("y.html", "https://a.org/docs/y.html"),
        ("https://a.org", "https://a.org/"),
        ("https://a.org:8443/docs/x", None),
        ("https://a.org.evil.com/docs/x", None),
        ("https://me@a.org/docs/x", None),
        ("mailto:x@a.org", None),
        ("javascript:alert(1)", None),
        ("https://a.org//evil.com/x", None),
        ("https://[::1", None),
        ("https://xn--/docs/x", None),
        ("https://a.org/" + "x" * 10_000, None),
    ],
)
def test_only_addresses_of_the_site_are_its_own(url: str, own: str | None) -> None:
    site = Site("https://a.org/docs")
    assert site.own(url, seen_at="https://a.org/docs/index.html") == own


def test_a_port_is_part_of_the_site() -> None:
    site = Site("http://127.0.0.1:81")
    assert site.own("http://127.0.0.1:81/x") == "http://127.0.0.1:81/x"
    assert site.own("http://127.0.0.1/x") is None
    assert site.own("https://127.0.0.1:81/x") is None


@given(st.text())
def test_whatever_an_address_it_has_one_form(text: str) -> None:
    site = Site("https://a.org/docs")
    own = site.own(text, seen_at="https://a.org/docs/")
    if own is not None:
        assert site.own(own) == own
        assert key_of(own)
        assert key_of(own).isprintable()


@pytest.mark.parametrize(
    "page",
    ["https://a.org/x.html", "https://a.org/d/", "https://a.org/x", "https://a.org/"],
)
def test_a_page_is_among_those_of_its_twins(page: str) -> None:
    assert all(page in pages_of(twin) for twin in twins_of(page))
