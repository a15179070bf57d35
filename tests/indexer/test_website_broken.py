"""A site that answers badly loses no page, and says what is wrong with it."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox import Sandbox
from bot.sandbox.library import WRITTEN
from indexer.http import Transport
from indexer.sources import site_lists
from indexer.sources.pages import PageRules
from indexer.sources.website import WebsiteSettings, WebsiteSource
from kb.errors import ForumUnavailableError, KBError, RateLimitedError, SourceError
from tests.indexer.loopback import Loopback, Reply, as_text
from tests.indexer.samples import content
from tests.indexer.web_world import WebWorld

LIMIT = 100_000


def html(text: str, **headers: str) -> Reply:
    body = f"<title>{text}</title><main><h1>{text}</h1><p>Text of {text}.</p></main>"
    kind = {"Content-Type": "text/html; charset=utf-8"}
    return Reply(200, body.encode(), {**kind, **headers})


def xml(text: str) -> Reply:
    return as_text(text, kind="application/xml")


def sitemap(host: Loopback, *names: str, other: str = "") -> Reply:
    rows = "".join(f"<url><loc>{host.url}/{name}</loc></url>" for name in names)
    return xml(f"<urlset>{rows}{other}</urlset>")


@pytest.fixture(autouse=True)
def pages(host: Loopback) -> None:
    """Two pages, and a sitemap that names them; nothing can be asked conditionally."""
    host.on("/sitemap.xml", sitemap(host, "a.html", "b.html"))
    host.on("/a.html", html("A"))
    host.on("/b.html", html("B"))


# -- lists -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (xml("<urlset><url>"), "{url}/sitemap.xml: is broken XML"),
        (xml(""), "{url}/sitemap.xml: expected a sitemap, and it is empty"),
        (
            as_text("<!DOCTYPE html><p>Home", kind="text/html"),
            "{url}/sitemap.xml: expected a sitemap, found an HTML page",
        ),
        (
            Reply(200, gzip.compress(b" " * 60_000_000)),
            "{url}/sitemap.xml: is larger than 52,428,800 bytes unpacked",
        ),
        (
            Reply(200, b"x" * (LIMIT + 1)),
            "web: {url}/sitemap.xml: answer is larger than 100,000 bytes (a list may "
            "have as many as max_page_bytes)",
        ),
        (
            as_text("", 404),
            "web: sitemaps: {url}/sitemap.xml: the list answers 404 Not Found",
        ),
        (
            as_text("", 403),
            "web: sitemaps: {url}/sitemap.xml: the list answers 403 Forbidden",
        ),
        (
            xml("<urlset/>"),
            "web: no sitemap, llms.txt or feed of {url}/ names a page; is "
            "sources.web.url right?",
        ),
    ],
)
def test_a_list_that_cannot_be_read_changes_nothing(
    host: Loopback, site: WebWorld, reply: Reply, problem: str
) -> None:
    site.harvest()
    before = content(site.store, "web")
    host.on("/sitemap.xml", reply)
    host.on("/a.html", as_text("", 410))

    with pytest.raises(SourceError, match=re.escape(problem.format(url=host.url))):
        site.harvest(max_bytes=LIMIT)

    assert content(site.store, "web") == before


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_list_that_does_not_answer_changes_nothing(
    host: Loopback, site: WebWorld, status: int
) -> None:
    site.harvest()
    before = content(site.store, "web")
    host.on("/sitemap.xml", Reply(status, b"", {"Retry-After": "7"}))

    with pytest.raises(ForumUnavailableError):
        site.harvest()

    assert content(site.store, "web") == before


def test_robots_txt_names_the_sitemaps(host: Loopback, site: WebWorld) -> None:
    host.on(
        "/robots.txt",
        as_text(f"Sitemap: {host.url}/index.xml\nSitemap: http://o.org/s"),
    )
    nested = "".join(f"<sitemap><loc>{host.url}/{n}.xml</loc></sitemap>" for n in "xyx")
    host.on("/index.xml", xml(f"<sitemapindex>{nested}</sitemapindex>"))
    host.on("/x.xml", sitemap(host, "a.html"))
    host.on("/y.xml", Reply(200, gzip.compress(sitemap(host, "b.html").body)))

    site.harvest(sitemaps=None)

    assert site.keys == ["a.html", "b.html"]
    assert host.requests == [
        *("GET /robots.txt", "GET /index.xml", "GET /x.xml", "GET /y.xml"),
        *("GET /llms.txt", "GET /a.html", "GET /b.html"),
    ]


def test_without_a_word_in_robots_txt_the_usual_sitemap_is_read(
    host: Loopback, site: WebWorld
) -> None:
    site.harvest(sitemaps=None)
    assert site.keys == ["a.html", "b.html"]


def test_a_site_below_a_folder_is_that_folder(host: Loopback, site: WebWorld) -> None:
    site.url = f"{host.url}/docs"
    names = ("docs/a.html", "blog/b.html", "docs/a.html#top", "docsx.html")
    other = "<url><loc>https://other.example.org/docs/x</loc></url>"
    host.on("/sitemap.xml", sitemap(host, *names, other=other))
    host.on("/docs/a.html", html("A"))

    report = site.harvest(sitemaps=None)

    assert site.keys == ["docs/a.html"]
    assert report.skipped == {"is of another site": 3}


def test_a_site_without_any_list_says_what_to_do(
    host: Loopback, site: WebWorld
) -> None:
    host.on("/sitemap.xml", as_text("", 404))
    with pytest.raises(SourceError, match=r"name some under sources\.web\.sitemaps"):
        site.harvest(sitemaps=None)


def test_pages_that_are_all_left_out_lead_to_the_setting(
    host: Loopback, site: WebWorld
) -> None:
    with pytest.raises(SourceError, match=r"all 2 pages .* sources\.web\.include"):
        site.harvest(include=(re.compile("^docs/"),))


def test_pages_that_are_all_elsewhere_lead_to_the_url(
    host: Loopback, site: WebWorld
) -> None:
    elsewhere = "<url><loc>https://elsewhere.example/a</loc></url>"
    host.on("/sitemap.xml", xml(f"<urlset>{elsewhere}</urlset>"))

    with pytest.raises(SourceError, match=r"none of 1 pages .* sources\.web\.url"):
        site.harvest()


def test_pages_leave_only_when_all_lists_were_read(
    host: Loopback, site: WebWorld
) -> None:
    """A part of the sitemap is missing: what it named is not asked whether it is."""
    host.on("/robots.txt", as_text(f"Sitemap: {host.url}/index.xml"))
    nested = "".join(f"<sitemap><loc>{host.url}/{n}.xml</loc></sitemap>" for n in "xy")
    host.on("/index.xml", xml(f"<sitemapindex>{nested}</sitemapindex>"))
    host.on("/x.xml", sitemap(host, "a.html"))
    host.on("/y.xml", sitemap(host, "b.html"))
    site.harvest(sitemaps=None)
    host.on("/y.xml", as_text("", 404))
    host.on("/b.html", as_text("", 410))

    site.harvest(sitemaps=None)
    kept, aside = site.keys, site.set_aside()
    host.on("/y.xml", sitemap(host))
    site.harvest(sitemaps=None)

    assert kept == ["a.html", "b.html"]
    assert aside == {f"{host.url}/y.xml": "the list answers 404 Not Found"}
    assert (site.keys, site.set_aside()) == (["a.html"], {})


def test_sitemaps_of_sitemaps_end_somewhere(host: Loopback, site: WebWorld) -> None:
    for depth in range(9):
        nested = f"<sitemap><loc>{host.url}/{depth + 1}.xml</loc></sitemap>"
        host.on(f"/{depth}.xml", xml(f"<sitemapindex>{nested}</sitemapindex>"))

    with pytest.raises(SourceError, match=r"0\.xml: names sitemaps more than 3 deep"):
        site.harvest(sitemaps=(f"{host.url}/0.xml",))

    assert len(host.requests) == 4


def test_too_many_sitemaps_are_an_error(
    host: Loopback, site: WebWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_lists, "MAX_SITEMAPS", 5)
    nested = "".join(
        f"<sitemap><loc>{host.url}/{n}.xml</loc></sitemap>" for n in range(9)
    )
    host.on("/sitemap.xml", xml(f"<sitemapindex>{nested}</sitemapindex>"))
    with pytest.raises(SourceError, match="or more than 5"):
        site.harvest()


def test_lists_without_end_are_an_error_before_all_are_read(
    host: Loopback, site: WebWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_lists, "MAX_LISTED", 5)
    nested = "".join(
        f"<sitemap><loc>{host.url}/{n}.xml</loc></sitemap>" for n in range(9)
    )
    host.on("/sitemap.xml", xml(f"<sitemapindex>{nested}</sitemapindex>"))
    for n in range(9):
        host.on(f"/{n}.xml", sitemap(host, f"{n}/a", f"{n}/b"))
    with pytest.raises(SourceError, match="name more than 5 addresses"):
        site.harvest()
    assert host.requests[-1] == "GET /2.xml"


def test_too_many_pages_are_an_error_that_names_the_setting(
    host: Loopback, site: WebWorld
) -> None:
    with pytest.raises(
        SourceError, match=r"2 pages are listed, more than max_pages \(1\)"
    ):
        site.harvest(max_pages=1)
    assert site.keys == []


def test_feeds_and_named_pages_are_read_too(host: Loopback, site: WebWorld) -> None:
    feed = "<item><link>/c.html</link></item><item><link>/a.html</link></item>"
    feed = f"<rss version='2.0'><channel>{feed}</channel></rss>"
    host.on("/news.xml", xml(feed))
    host.on("/c.html", html("C"))
    host.on("/d", html("D"))

    site.harvest(feeds=(f"{host.url}/news.xml",), pages=(f"{host.url}/d",))

    assert site.keys == ["a.html", "b.html", "c.html", "d"]


@pytest.mark.parametrize("setting", ["sitemaps", "feeds", "pages"])
def test_settings_of_another_site_are_an_error(
    host: Loopback, site: WebWorld, setting: str
) -> None:
    settings: dict[str, Any] = {setting: ("https://other.example.org/x",)}
    with pytest.raises(SourceError, match=f"web: {setting}: expected an address of"):
        site.harvest(**settings)


def test_llms_txt_alone_names_pages_by_their_twins(
    host: Loopback, site: WebWorld
) -> None:
    """Each twin leads to the page that people read, which is looked for once."""
    links = (
        "[c](/c.md) [d](/d/index.html.md) [a](/a.html) [gone](/gone.md) [o](//o.org/x)"
    )
    host.on("/llms.txt", as_text(links))
    for name in ("c", "d/index.html"):
        host.on(
            f"/{name}.md", as_text(f"# {name}\n\nText of {name}.", kind="text/markdown")
        )
    host.on("/c", html("C"))
    host.on("/d/", html("D"))

    report = site.harvest(sitemaps=())
    before = len(host.requests)
    site.harvest(sitemaps=())

    assert [(key, site.document(key).url) for key in site.keys] == [
        ("a.html", f"{host.url}/a.html"),
        ("c", f"{host.url}/c"),
        ("d/", f"{host.url}/d/"),
    ]
    assert site.document("c").parts[0].format == "markdown"
    assert report.skipped == {"has no page beside": 1, "is of another site": 1}
    assert "GET /c" not in host.requests[before:]


# -- pages -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(500), "{url}/a.html: 500 Internal Server Error"),
        (Reply(drop=True), "{url}/a.html: RemoteProtocolError"),
        (Reply(200, b"x" * (LIMIT + 1)), "{url}/a.html: answer is larger than 100,000"),
        (
            Reply(302, b"", {"Location": "/a.html"}),
            "{url}/a.html: more than 5 redirects",
        ),
        (Reply(400), "answers 400 Bad Request"),
        (Reply(451), "answers 451 Unavailable For Legal Reasons"),
        (
            as_text("<div>" * 5000, kind="text/html"),
            "{url}/a.html: leaves so many tags",
        ),
        (
            as_text("", kind="text/html"),
            "{url}/a.html: expected an HTML page, and it is",
        ),
    ],
)
def test_a_page_that_cannot_be_read_is_set_aside_and_kept(
    host: Loopback, site: WebWorld, reply: Reply, reason: str
) -> None:
    site.harvest()
    host.on("/a.html", reply)
    host.on("/b.html", html("New B"))

    site.harvest(max_bytes=LIMIT)

    assert site.keys == ["a.html", "b.html"]
    assert site.document("b.html").title == "New B"
    assert list(site.set_aside()) == ["a.html"]
    assert site.set_aside()["a.html"].startswith(reason.format(url=host.url))

    host.on("/a.html", html("A again"))
    site.harvest()
    assert (site.document("a.html").title, site.set_aside()) == ("A again", {})


def test_a_site_that_fails_for_five_pages_in_a_row_is_down(
    host: Loopback, site: WebWorld
) -> None:
    names = [f"p{number}.html" for number in range(9)]
    host.on("/sitemap.xml", sitemap(host, "a.html", *names))
    for name in names:
        host.on(f"/{name}", Reply(503))

    with pytest.raises(ForumUnavailableError, match=r"p4\.html: 503"):
        site.harvest()

    assert site.keys == ["a.html"]
    assert len(site.set_aside()) == 5
    assert f"GET /{names[5]}" not in host.requests


def test_a_page_that_leads_to_a_login_leaves_when_it_does_so_for_a_day(
    host: Loopback, site: WebWorld
) -> None:
    site.harvest()
    host.on("/a.html", Reply(302, b"", {"Location": "/login"}))
    host.on("/login", html("Log in"))

    first = site.harvest()
    aside = site.set_aside()["a.html"]
    site.later(days=1)
    second = site.harvest()

    assert (first.deleted, first.set_aside) == (0, 1)
    assert "for people with an account only since" in aside
    assert second.deleted == 1
    assert site.keys == ["b.html"]


def test_an_unlisted_page_that_moved_to_another_site_leaves_after_a_day(
    host: Loopback, site: WebWorld
) -> None:
    site.harvest()
    host.on("/a.html", Reply(301, b"", {"Location": "https://elsewhere.example/a"}))
    listed = site.harvest()
    host.on("/sitemap.xml", sitemap(host, "b.html"))
    site.later(days=1)

    unlisted = site.harvest()

    assert (listed.deleted, listed.set_aside) == (0, 1)
    assert unlisted.deleted == 1
    assert site.keys == ["b.html"]


def in_maintenance(host: Loopback, *names: str) -> None:
    for name in names:
        host.on(f"/{name}.html", html("We are back soon"))


def test_a_site_that_shows_one_page_for_all_loses_none_within_a_day(
    host: Loopback, site: WebWorld
) -> None:
    names = [f"page{number}" for number in range(6)]
    host.on("/sitemap.xml", sitemap(host, *(f"{name}.html" for name in names)))
    for name in names:
        host.on(f"/{name}.html", html(name))
    site.harvest()
    before = [site.document(key).parts for key in site.keys]
    in_maintenance(host, *names)

    down = site.harvest()
    site.later(hours=22)
    still = site.harvest()

    # The first of them may have been rewritten: who could tell?
    assert (down.updated, down.deleted, down.set_aside) == (1, 0, 5)
    assert (still.deleted, still.set_aside) == (0, 5)
    assert "holds the same as another page, as others do since" in min(
        site.set_aside().values()
    )
    for name in names:
        host.on(f"/{name}.html", html(name))
    site.harvest()
    assert [site.document(key).parts for key in site.keys] == before
    assert site.set_aside() == {}


def test_pages_that_stay_one_and_the_same_for_a_day_become_that(
    host: Loopback, site: WebWorld
) -> None:
    names = [f"page{number}" for number in range(5)]
    host.on("/sitemap.xml", sitemap(host, *(f"{name}.html" for name in names)))
    for name in names:
        host.on(f"/{name}.html", html(name))
    site.harvest()
    in_maintenance(host, *names)
    site.harvest()
    site.later(days=1)

    report = site.harvest()

    assert (report.deleted, report.set_aside) == (4, 0)
    assert site.keys == ["page0.html"]


def test_a_site_that_wants_to_be_left_alone_is(host: Loopback, site: WebWorld) -> None:
    host.on("/a.html", html("A"))
    host.on("/b.html", Reply(429, b"", {"Retry-After": "86000"}))

    with pytest.raises(RateLimitedError):
        site.harvest()

    assert site.keys == ["a.html"]
    assert site.waits == []


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (as_text("%PDF-1.7", kind="application/pdf"), "is application/pdf, not a page"),
        (as_text("x", kind="image/png"), "is image/png, not a page"),
        (as_text("{}", kind="application/json"), "is application/json, not a page"),
        (Reply(200, b"\x7fELF", {}), "is of an unknown type, not a page"),
        (as_text("<main> </main>", kind="text/html"), "holds no text"),
        (as_text("", 404), "is not there"),
        (as_text("", 410), "is not there"),
        (as_text("", 401), "is for people with an account only"),
        (as_text("", 403), "is for people with an account only"),
    ],
)
def test_what_is_no_page_is_skipped_with_a_reason(
    host: Loopback, site: WebWorld, reply: Reply, reason: str
) -> None:
    host.on("/a.html", reply)
    assert site.harvest().skipped == {reason: 1}
    assert (site.keys, site.set_aside()) == (["b.html"], {})


def test_a_page_in_the_wrong_charset_is_read_right(
    host: Loopback, site: WebWorld
) -> None:
    text = "<title>Données</title><main>L’été à l’école, où l’on saisit</main>"
    kind = {"Content-Type": "text/html; charset=utf-8"}
    host.on("/a.html", Reply(200, text.encode("cp1252"), kind))

    site.harvest()

    assert site.document("a.html").title == "Données"
    assert "L’été à l’école" in site.document("a.html").parts[0].body


def test_a_page_without_a_title_is_called_after_its_address(
    host: Loopback, site: WebWorld
) -> None:
    host.on("/sitemap.xml", sitemap(host, "use/my-maps.html", ""))
    host.on("/use/my-maps.html", as_text("<main>Text.</main>", kind="text/html"))
    host.on("/", as_text("<main>Home.</main>", kind="text/html"))

    site.harvest()

    assert [(key, site.document(key).title) for key in site.keys] == [
        ("index", "Index"),
        ("use/my-maps.html", "My maps"),
    ]
    assert site.document("index").url == f"{host.url}/"


# -- robots.txt --------------------------------------------------------------------


def test_what_robots_txt_forbids_is_not_asked_for_and_not_lost(
    docs: Sandbox, web: WebWorld
) -> None:
    for name in ("a", "b", "c"):
        docs.library.put_page(f"2.41/en/{name}", f"# {name}\n\nText {name}.")
    web.harvest(exclude=(re.compile("c.html"),), robots=True, twins="never")
    rules = (
        "User-agent: *\nDisallow: /docs-site/2.41/en/a\nDisallow: /docs-site/2.41/en/c"
    )
    docs.settings = replace(docs.settings, overridden_robots_txt=rules)
    before = len(docs.requests)

    report = web.harvest(robots=True, twins="never", full=True)

    assert web.keys == ["docs-site/2.41/en/a.html", "docs-site/2.41/en/b.html"]
    assert web.set_aside() == {
        "docs-site/2.41/en/a.html": "robots.txt does not let it be read any more"
    }
    assert report.skipped == {"robots.txt does not let it be read": 1}
    assert not [
        each for each in docs.requests[before:] if each.endswith(("/a.html", "/c.html"))
    ]


def test_a_sitemap_that_robots_txt_forbids_is_an_error_when_it_is_configured(
    docs: Sandbox, web: WebWorld
) -> None:
    rules = "User-agent: *\nDisallow: /docs-site/sitemap.xml"
    docs.settings = replace(docs.settings, overridden_robots_txt=rules)
    with pytest.raises(SourceError, match=r"robots\.txt does not let Baraza read it"):
        web.harvest(robots=True)


# -- settings ----------------------------------------------------------------------


def test_a_selector_that_is_none_is_found_out_at_once(host: Loopback) -> None:
    with (
        Transport(host.url) as transport,
        pytest.raises(KBError, match="content: expected a CSS selector"),
    ):
        WebsiteSource(
            "web", transport, WebsiteSettings(content="[["), rules=PageRules()
        )
    assert host.requests == []


def test_sitemaps_may_be_packed_and_of_sitemaps(docs: Sandbox, web: WebWorld) -> None:
    docs.library.put_page("2.41/en/a", "# A\n\nText.", WRITTEN)
    index = (f"{docs.docs_url}/sitemap-index.xml",)

    web.harvest(sitemaps=index)
    before = len(docs.recorded)
    web.harvest(sitemaps=index)

    assert web.keys == ["docs-site/2.41/en/a.html"]
    assert [
        (each.target, "if-none-match" in each.headers)
        for each in docs.recorded[before:]
    ] == [
        ("/docs-site/sitemap-index.xml", True),
        ("/docs-site/sitemap.xml.gz", True),
        ("/docs-site/llms.txt", True),
    ]
