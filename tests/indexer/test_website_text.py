"""An HTML page: its text with anchors, and what it says of itself."""

from __future__ import annotations

from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.blocks import Block
from indexer.clean import clean_html
from indexer.page_head import refuses_indexing
from indexer.page_text import WebPage, decoded, parsed_page, read_page
from kb.errors import SourceError

URL = "https://docs.example.org/maps.html"


def read(html: str | bytes, content: str = "", kind: str = "") -> WebPage:
    body = html.encode() if isinstance(html, str) else html
    return read_page(URL, parsed_page(URL, body, kind), content=content)


def blocks(html: str, content: str = "") -> list[tuple[str, str]]:
    """``(anchor, text)`` of each block; only headings have anchors."""
    return [(b.anchor, b.text) for b in clean_html(read(html, content).body)]


# -- the main part ---------------------------------------------------------------

_SITE = (
    "<body><header>Docs</header><nav>Use | Manage</nav>{main}"
    "<aside>On this page</aside><footer>Was this helpful?</footer></body>"
)


@pytest.mark.parametrize(
    "main",
    [
        "<main><p>Text.</p></main>",
        "<div role='main'><p>Text.</p></div>",
        "<article><p>Text.</p></article>",
        "<main><div class='toc'>All</div><article><p>Text.</p></article></main>",
        "<main><nav>a</nav><p>Text.</p><form>b</form><footer>c</footer></main>",
        "<main><aside>x</aside><p>Text.</p><button>Copy</button></main>",
        "<main><p>Text.</p><nav><nav>a</nav><form>b</form></nav></main>",
        "<main><a class='md-content__button'>Edit</a><p>Text.</p></main>",
        "<main><p>Text.<script>var a</script><style>b</style></p></main>",
    ],
)
def test_what_surrounds_the_text_is_left_out(main: str) -> None:
    assert blocks(_SITE.format(main=main)) == [("", "Text.")]


def test_notes_are_part_of_the_text() -> None:
    page = "<main><p>a</p><aside class='admonition warning'>b</aside></main>"
    assert blocks(page) == [("", "a"), ("", "b")]


def test_a_selector_names_the_main_part_where_it_is_found() -> None:
    page = "<main>m</main><div class='body'>b</div>"
    assert blocks(page, "div.body") == [("", "b")]
    assert blocks(page, "div.none") == [("", "m")]
    with pytest.raises(
        SourceError, match="content: expected a CSS selector, got '\\[\\[x'"
    ):
        read(page, "[[x")


def test_the_main_part_of_a_page_that_marks_none_is_found() -> None:
    told = "The report of the month is filled in by those who hold the data. " * 6
    page = _SITE.format(
        main="<div class='menu'><a href='/a'>Start</a> <a href='/b'>About</a></div>"
        f"<div id='c'><h1 id='t'>Reports</h1><p>{told}</p>"
        f"<h2><a name='s'></a>Sending</h2><p>{told}</p><ul><li>One</li></ul></div>"
        "<div class='legal'>All rights reserved</div>"
    )
    assert blocks(page) == [
        ("t", "Reports"),
        ("", told.strip()),
        ("s", "Sending"),
        ("", told.strip()),
        ("", "- One"),
    ]


def test_a_page_with_little_text_is_read_whole() -> None:
    assert blocks("<p>Only this.</p>") == [("", "Only this.")]


@pytest.mark.parametrize(
    ("html", "anchor"),
    [
        ("<h2 id='own'>H</h2>", "own"),
        ("<h2><a name='inner'></a>H</h2>", "inner"),
        ("<h2><span><a id='deep'></a></span>H</h2>", "deep"),
        ("<a id='before'></a> <h2>H</h2>", "before"),
        ("<p>x</p><span id='before'></span><h2>H</h2>", "before"),
        ("<section id='s'><h2>H</h2></section>", "s"),
        ("<span id='t'></span><h2>H<a href='#s%20%C3%A9'>¶</a></h2>", "s é"),
        ("<h2 id='own'>H<a href='#s'>¶</a></h2>", "own"),
        ("<div class='section' id='s'><h2>H</h2></div>", "s"),
        ("<section id='s'><h2 id='own'>H</h2></section>", "own"),
        ("<section id='s'><h2>A</h2><h2>H</h2></section>", ""),
        ("<section id='s'><p>Text</p><h2>H</h2></section>", ""),
        ("<section id='s'>Text<h2>H</h2></section>", ""),
        ("<div id='s'><h2>H</h2></div>", ""),
        ("<a id='word'>word</a><h2>H</h2>", ""),
    ],
)
def test_a_heading_has_the_anchor_that_leads_to_it(html: str, anchor: str) -> None:
    assert blocks(f"<main>{html}</main>")[-1] == (anchor, "H")


@pytest.mark.parametrize("sign", ["¶", "#", "§", "🔗", "\u200b", "\uf0c1", "Permalink"])
def test_the_sign_beside_a_heading_is_no_part_of_it(sign: str) -> None:
    page = read(f"<main><h1 id=a>Maps <a href='#a' title='x'>{sign}</a></h1>x</main>")
    assert clean_html(page.body)[0] == Block("heading", "Maps", 1, "a")
    assert page.title == "Maps"


# -- what it says of itself --------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>Maps - Docs 2.41</title>", "Maps"),
        ("<title>Maps | Docs</title>", "Maps"),
        ("<title>Maps — Docs</title>", "Maps"),
        ("<title>Maps: Docs</title>", "Maps"),
        ("<title>All of it - a primer</title>", "All of it - a primer"),
        (
            "<title>All of it - Docs</title><meta property=og:site_name content=Docs>",
            "All of it",
        ),
        (
            "<meta property=og:title content='How maps work'><title>x</title>",
            "How maps work",
        ),
        (
            "<meta property=og:title content=Docs><meta property=og:site_name "
            "content=Docs><title>T</title>",
            "T",
        ),
        ("<title> </title>", "Maps"),
        ("", "Maps"),
    ],
)
def test_a_title_is_the_pages_own(head: str, title: str) -> None:
    assert read(f"<head>{head}</head><main><h1>Maps</h1>x</main>").title == title


def test_what_the_head_says_is_read() -> None:
    page = read(
        "<html lang='PT-br'><head><meta name=Version content=2.41>"
        "<link rel='canonical nofollow' href=' /a.html '>"
        "<link rel=alternate type='application/rss+xml' href=feed>"
        "<link rel=alternate type='text/markdown' href=maps.md>"
        "<meta name=ROBOTS content='NoIndex, follow'>"
        "<meta http-equiv=Refresh content='0; URL=\"other.html\"'></head><main>x</main>"
    )
    assert page == WebPage(
        title="",
        body="<main>x</main>",
        language="pt",
        version="2.41",
        canonical="/a.html",
        twin="maps.md",
        leads_to="other.html",
        is_indexable=False,
    )


@pytest.mark.parametrize(
    "head",
    [
        "<html lang=''>",
        "<html lang='english'>",
        "<meta name=robots content='index, follow, max-snippet:-1'>",
        "<meta http-equiv=refresh content='300'>",
        "<meta http-equiv=refresh content='300; url=x.html'>",
        "<link rel=alternate hreflang=fr href=/fr>",
    ],
)
def test_a_page_says_nothing_by_accident(head: str) -> None:
    assert read(f"{head}<main>x</main>") == WebPage(title="", body="<main>x</main>")


@pytest.mark.parametrize(
    ("header", "refuses"),
    [
        ("noindex", True),
        ("none", True),
        ("nofollow, NOINDEX", True),
        ("baraza: noindex", True),
        ("googlebot: nofollow, noindex", False),
        ("googlebot: noindex, otherbot: none", False),
        ("max-snippet:-1, noindex", True),
        ("googlebot: max-snippet:-1, noindex", False),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noindex", True),
        ("noarchive", False),
        ("", False),
    ],
)
def test_the_header_for_robots_is_heeded(header: str, refuses: bool) -> None:
    assert refuses_indexing(header) is refuses


def test_any_of_several_rules_for_robots_is_heeded() -> None:
    rules = (
        "<meta name=robots content=max-snippet:-1><meta name=robots content=noindex>"
    )
    assert not read(f"{rules}<main>x</main>").is_indexable


def test_one_broken_letter_does_not_spoil_the_others() -> None:
    body = "<p>Données de l'été</p>".encode() + b"\xe9"
    assert decoded(body, "text/html; charset=utf-8") == "<p>Données de l'été</p>\ufffd"


def test_what_a_tab_holds_is_text() -> None:
    tabs = "<p role=tabpanel>npm</p><p role=tabpanel hidden>yarn</p><p hidden>x</p>"
    assert blocks(f"<main>{tabs}</main>") == [("", "npm"), ("", "yarn")]


@pytest.mark.parametrize(
    "html",
    [
        f"<meta http-equiv=refresh content='{' ' * 200_000}'><main>x</main>",
        f"<main>x{'<nav>y</nav>' * 20_000}</main>",
    ],
)
def test_no_page_takes_long(html: str) -> None:
    started = process_time()
    assert read(html).body == "<main>x</main>"
    assert process_time() - started < 5


# -- charsets ------------------------------------------------------------------------

_FRENCH = "<p>Les données saisies à l’école : « été »</p>" * 8


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (_FRENCH.encode(), ""),
        (_FRENCH.encode("cp1252"), "text/html; charset=windows-1252"),
        (_FRENCH.encode("cp1252"), ""),
        (_FRENCH.encode("cp1252"), "text/html; charset=utf-8"),
        (_FRENCH.encode("cp1252"), "text/html; charset=nonsense"),
        (_FRENCH.encode("utf-8-sig"), "text/html; charset=iso-8859-1"),
        (_FRENCH.encode("utf-16"), ""),
        (b"<meta charset=cp1252>" + _FRENCH.encode("cp1252"), "text/html"),
        (_FRENCH.encode(), "text/html; charset=ascii"),
    ],
)
def test_text_is_read_in_the_charset_it_is_in(body: bytes, kind: str) -> None:
    assert decoded(body, kind).removeprefix("<meta charset=cp1252>") == _FRENCH


# -- whatever a site serves --------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "expected an HTML page, and it is empty"),
        (b" \n", "expected an HTML page, and it is empty"),
        (b"<div>" * 5000, "leaves so many tags open that it cannot be read"),
    ],
)
def test_what_is_no_page_is_an_error(body: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=f"^{URL}: {problem}$"):
        read(body)


_SOUP = """
<main> </main> <article> <nav> </nav> <aside class=note> <h1> <h2 id=a> </h2> text
<a href=#a> </a> <section id=s> </section> <p> <title> </title> <form> <footer>
<table> <td> <svg> <template> <!-- --> <![CDATA[ &#0; <body> </body> <frameset> </i>
<link rel=canonical href=//[> <html lang=x> <noscript> <math> <select> <b> <h3>
"""
_TAGS = st.lists(st.sampled_from([*_SOUP.split(), "\0"]), max_size=30).map(" ".join)


@given(body=st.one_of(st.binary(max_size=300), _TAGS.map(str.encode)), kind=st.text())
def test_no_bytes_break_the_reading_of_a_page(body: bytes, kind: str) -> None:
    with suppress(SourceError):
        page = read(body, "", kind)
        clean_html(page.body)
        assert page.title == " ".join(page.title.split())
