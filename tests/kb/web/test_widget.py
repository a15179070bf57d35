"""The widget over a real socket: what a frame holds, and what keeps it harmless."""

from __future__ import annotations

import html
import json
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from kb.api import create_app
from kb.api.backend import ANYBODY, About
from kb.api.settings import ApiSettings
from kb.errors import IndexMissingError, StoreError
from kb.instant.records import Span
from kb.types import Kind
from kb.web.widget import MAX_BODY_BYTES, add_widget
from kb.web.widget_frame import EXCERPT_CHARS, excerpt
from kb.web.widget_words import SPOKEN
from tests.kb.api.stand import HELD, Stand, a_hit, served, topic
from tests.kb.web.widget_hosts import widget_app

FORUM = "https://forum.example.org"
SETTINGS = ApiSettings(community="Health <Forum>", origins=(FORUM,))
BACKUP = {"text": "restore the backup of a server"}


@contextmanager
def widget(
    stand: Stand | None = None, settings: ApiSettings = SETTINGS
) -> Iterator[httpx.Client]:
    app = widget_app(stand or Stand(), settings)
    with served(app) as url, httpx.Client(base_url=url) as client:
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with widget() as opened:
        yield opened


def one(page: httpx.Response | LexborHTMLParser | LexborNode, what: str) -> LexborNode:
    """The first of its kind; there is one."""
    seen = LexborHTMLParser(page.text) if isinstance(page, httpx.Response) else page
    found = seen.css_first(what)
    assert found is not None
    return found


def titles(answer: httpx.Response) -> list[str]:
    unseen = LexborHTMLParser(answer.text)
    for each in unseen.css(".unseen"):
        each.decompose()
    return [link.text(strip=True) for link in unseen.css("li a")]


def question(client: httpx.Client, **more: Any) -> dict[str, Any]:
    """What a frame would ask that waits for a composer."""
    main = one(client.get("/widget"), "main")
    ask: dict[str, Any] = json.loads(main.attributes["data-ask"] or "")
    return ask | {"title": "", "text": "restore a backup"} | more


def ask(client: httpx.Client, body: object, origin: str = "null") -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/widget/related", content=content, headers={"Origin": origin})


def test_a_frame_shows_what_is_related_to_a_page_a_topic_and_a_text() -> None:
    stand = Stand()
    page = "https://docs.example.org/page-2.html#part"
    with widget(stand) as client:
        of_page = client.get("/widget", params={"url": page, "k": 2})
        of_topic = client.get("/widget", params={"topic_id": topic(1)})
        of_text = client.get(
            "/widget",
            params={**BACKUP, "title": "Help", "kind": "docs", "lang": "pt-BR"},
        )

    assert len(titles(of_page)) == 2
    assert "Nightly backup" in titles(of_topic)
    assert titles(of_text) == []
    docs, portuguese = frozenset({Kind.DOCS}), frozenset({"pt"})
    assert stand.asked == [
        ("related", (About(url=page), None, None, 2, ANYBODY)),
        ("related", (About(topic_id=topic(1)), None, None, 5, ANYBODY)),
        (
            "related",
            (About(text=BACKUP["text"], title="Help"), docs, portuguese, 5, ANYBODY),
        ),
    ]


def test_what_only_staff_reads_is_in_no_frame(client: httpx.Client) -> None:
    frame = client.get("/widget", params={"text": "staff backup", "k": 10})

    assert titles(frame)
    assert "Nobody else reads it" not in frame.text


def test_a_hit_is_a_link_with_its_kind_version_and_passage(
    client: httpx.Client,
) -> None:
    frame = client.get("/widget", params={"text": "nightly pg_dump", "k": 1})

    item = one(frame, "li")
    link = one(item, "a")
    assert link.attributes == {
        "href": "https://docs.example.org/page-2.html#part",
        "target": "_blank",
        "rel": "noopener noreferrer",
        "lang": "en",
    }
    assert one(item, ".about").text(separator=" ") == "Documentation 2.41"
    assert [mark.text() for mark in item.css("mark")] == ["pg_dump"]
    assert one(item, ".passage").text() == HELD[1].passage.text


def test_harvested_text_and_names_are_text_in_a_frame(client: httpx.Client) -> None:
    """Titles and passages that would like to be elements; also the community's name."""
    frame = client.get("/widget", params={"text": "tracker backup", "k": 10})

    seen = LexborHTMLParser(frame.text)
    assert [each.attributes for each in seen.css("script")] == [
        {"src": "widget/frame.js", "defer": None}
    ]
    assert seen.css("img, li b, textarea") == []
    assert html.escape("<script>alert(1)</script>") in frame.text
    assert one(seen, "title").text() == "Related resources · Health <Forum>"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//x.example",
        "http://[bad",
        "https://",
    ],
)
def test_only_addresses_of_the_web_are_links(url: str) -> None:
    good = a_hit(1, "Backup", "of a server")
    bad = replace(good, document=replace(good.document, url=url, title="Backup, too"))
    with widget(Stand(held=(bad, good))) as client:
        assert titles(client.get("/widget", params={"text": "backup"})) == ["Backup"]


def test_half_a_character_that_was_harvested_breaks_no_frame() -> None:
    with widget(Stand(held=(a_hit(1, "Backup \ud83d", "a\x00b"),))) as client:
        assert titles(client.get("/widget", params={"text": "backup"})) == ["Backup ?"]


@pytest.mark.parametrize(
    ("ui", "accept", "languages", "language"),
    [
        ("fr-CA", "es", ("pt",), "fr"),
        ("de", "xx, pt-BR;q=0.8, es", ("en",), "pt"),
        ("", "de", ("es", "en"), "es"),
        ("", "", ("sw",), "en"),
        ("<b>", "\u00e9".encode().decode("latin-1"), ("en",), "en"),
    ],
)
def test_a_frame_speaks_the_language_of_its_page_its_reader_or_its_community(
    ui: str, accept: str, languages: tuple[str, ...], language: str
) -> None:
    with widget(settings=ApiSettings(languages=languages)) as client:
        frame = client.get(
            "/widget",
            params={**BACKUP, "ui": ui},
            headers=[(b"Accept-Language", accept.encode("latin-1"))],
        )

    page = LexborHTMLParser(frame.text)
    assert one(page, "html").attributes["lang"] == language
    assert one(page, "h1").text() == SPOKEN[language].heading
    assert frame.headers["vary"] == "Accept-Language"


def test_every_language_has_every_word() -> None:
    for words in SPOKEN.values():
        assert set(words.kinds) == set(Kind)
        said = (words.heading, words.solved, words.nothing, words.opens)
        assert all(said)
        assert words.more.format("X").endswith("X")


@pytest.mark.parametrize(
    ("origins", "ancestors"),
    [
        ((), "'none'"),
        ((FORUM, "http://127.0.0.1:8080"), f"{FORUM} http://127.0.0.1:8080"),
        (("*",), "*"),
        (("https://x.org; script-src *", "https://a b", FORUM), FORUM),
    ],
)
def test_only_the_sites_that_are_named_may_show_a_frame(
    origins: tuple[str, ...], ancestors: str
) -> None:
    settings = ApiSettings(origins=origins, public_url="https://s.example.org/find")
    with widget(settings=settings) as client:
        shows = client.get("/widget", params=BACKUP)
        waits = client.get("/widget")

    ours = "'self' https://s.example.org/find/"
    sandbox = "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox"
    before = f"default-src 'none'; script-src {ours}; style-src {ours}; "
    after = (
        f"base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}; {sandbox}"
    )
    assert shows.headers["content-security-policy"] == before + after
    assert (
        waits.headers["content-security-policy"]
        == f"{before}connect-src {ours}; {after}"
    )


def test_a_frame_leads_to_the_search_page_where_it_is_known() -> None:
    settings = replace(SETTINGS, public_url="https://search.example.org")
    with widget(settings=settings) as client:
        frame = client.get("/widget", params=BACKUP)

    link = one(frame, ".more a")
    assert link.attributes["href"] == "https://search.example.org/"
    assert link.text().startswith("Search Health <Forum>")


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({"topic_id": 801}, "public, no-cache"),
        (BACKUP, "no-store"),
        ({}, "no-store"),
    ],
)
def test_nothing_sets_a_cookie_and_no_text_is_kept(
    client: httpx.Client, params: dict[str, str], kept: str
) -> None:
    frame = client.get("/widget", params=params)

    assert frame.status_code == 200
    assert frame.headers["cache-control"] == kept
    assert frame.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in frame.headers
    assert not re.search(r"(src|href)=\"(?:https?:)?//(?!\w+\.example)", frame.text)


def test_a_composer_gets_hits_as_a_part_of_its_frame(client: httpx.Client) -> None:
    answer = ask(client, question(client, kind=["docs"], k=2, ui="fr"))

    assert answer.status_code == 200
    assert titles(answer) == ["Sauvegarde et restauration", "Nightly backup"][::-1]
    assert "Documentation" in answer.text
    assert "<html" not in answer.text
    assert answer.headers["access-control-allow-origin"] == "null"
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-credentials" not in answer.headers
    assert "set-cookie" not in answer.headers


def test_who_did_not_get_our_frame_learns_nothing() -> None:
    """Any site can make itself the origin ``null``, but not read our frame."""
    stand = Stand()
    with widget(stand) as client, widget(stand) as another:
        elsewhere = ask(client, question(another))
        guessed = ask(client, question(client, token=""))
        named = ask(client, question(client), origin="https://evil.example")

    assert (elsewhere.status_code, elsewhere.text) == (403, "")
    assert (guessed.status_code, guessed.text) == (403, "")
    # It is answered, and no browser lets that site read the answer.
    assert "access-control-allow-origin" not in named.headers
    assert len(stand.asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"text": "x" * 1_001},
        {"title": "x" * 301},
        {"kind": ["book"]},
        {"lang": ["en-anything-at-all-that-is-long"]},
        {"k": 0},
        {"k": "many"},
        {"more": 1},
        {"text": None},
        {"token": None},
    ],
)
def test_a_question_of_another_form_is_refused(
    client: httpx.Client, change: dict[str, object]
) -> None:
    answer = ask(client, question(client, **change))

    assert (answer.status_code, answer.text) == (422, "")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"\xff\x00", b'{"text":"\\ud83d"}', b"x" * (MAX_BODY_BYTES + 1)],
)
def test_what_is_no_question_is_refused(client: httpx.Client, body: bytes) -> None:
    assert ask(client, body).status_code == 422


@pytest.mark.parametrize(
    "params",
    [
        {"k": "11"},
        {"k": "-1"},
        {"topic_id": "x"},
        {"topic_id": "99999999999999999999"},
        {"kind": "book"},
        {"lang": "<script>"},
        {"scheme": "pink"},
        {"text": "x" * 1_001},
        {"url": "x" * 2_001},
        {"lang": ["fr"] * 21},
    ],
)
def test_a_frame_that_cannot_be_is_empty(
    client: httpx.Client, params: dict[str, str | list[str]]
) -> None:
    answer = client.get("/widget", params=params)

    assert (answer.status_code, titles(answer)) == (422, [])
    assert answer.headers["cache-control"] == "no-store"
    # Its script tells the page around it that there is nothing in it.
    assert one(answer, "script").attributes["src"] == "widget/frame.js"


@pytest.mark.parametrize(
    "params", [{"url": "https://nowhere.example/"}, {"topic_id": 1}, {"text": "?!"}]
)
def test_of_what_is_not_held_a_frame_says_that_nothing_is_known(
    client: httpx.Client, params: dict[str, str]
) -> None:
    frame = client.get("/widget", params=params)

    assert frame.status_code == 200
    assert LexborHTMLParser(frame.text).css("li") == []
    assert SPOKEN["en"].nothing in frame.text


@pytest.mark.parametrize(
    "error",
    [StoreError("/secret/kb.db", "locked"), IndexMissingError("/secret/index", "none")],
)
def test_when_nothing_can_be_searched_a_frame_is_empty_and_the_log_has_no_text(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="kb")
    with widget(Stand(error=error)) as client:
        frame = client.get("/widget", params={"text": "my private worry"})
        part = ask(client, question(client, text="my private worry"))

    assert (frame.status_code, part.status_code) == (503, 503)
    assert (frame.headers["cache-control"], titles(frame)) == ("no-store", [])
    assert part.text == ""
    assert "/secret" not in frame.text + caplog.text
    assert [record.getMessage() for record in caplog.records] == [
        f"widget: cannot search: {type(error).__name__}"
    ] * 2


def test_what_is_slow_is_an_empty_frame_and_keeps_nobody_else_waiting() -> None:
    """The first is late; the next finds its place taken."""
    stand = Stand(gate=threading.Event())
    app = widget_app(stand, SETTINGS, timeout_s=0.2)
    with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        token = question(client)
        late = client.get("/widget", params=BACKUP)
        busy = ask(client, token)
        assert stand.gate is not None
        stand.gate.set()

    assert (late.status_code, titles(late)) == (503, [])
    assert late.headers["cache-control"] == "no-store"
    assert (busy.status_code, busy.text) == (503, "")
    assert len(stand.asked) == 1


def test_where_there_is_no_desk_of_its_own_it_shares_that_of_the_search() -> None:
    app = create_app(stand := Stand(), SETTINGS)
    app.state.related_desk = None
    add_widget(app, stand, SETTINGS)
    with served(app) as url:
        assert titles(httpx.get(f"{url}/widget", params=BACKUP))


def test_all_that_is_transferred_is_small() -> None:
    """Uncompressed: the script, and a frame with five long hits and what it loads."""
    long = tuple(
        a_hit(n, f"How to restore a backup, part {n} " * 2, "restore a backup " * 90)
        for n in range(1, 8)
    )
    paths = ("/widget.js", "/widget/frame.js", "/widget/frame.css")
    with widget(Stand(held=long)) as client:
        frame = client.get("/widget", params={"text": "restore a backup"})
        files = {path: client.get(path) for path in paths}

    assert len(titles(frame)) == 5
    sizes = [len(each.content) for each in (frame, *files.values())]
    assert sum(sizes) < 15_000, sizes
    assert {path: each.headers["content-type"] for path, each in files.items()} == {
        "/widget.js": "text/javascript; charset=utf-8",
        "/widget/frame.js": "text/javascript; charset=utf-8",
        "/widget/frame.css": "text/css; charset=utf-8",
    }
    for each in files.values():
        assert each.headers["cross-origin-resource-policy"] == "cross-origin"
        assert each.headers["cache-control"] == "public, max-age=3600"


def test_the_widget_is_no_part_of_the_documented_interface() -> None:
    app = widget_app(Stand(), SETTINGS)

    assert app.openapi()["paths"] == {}


@st.composite
def marked_texts(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(st.text(st.sampled_from("ab \n😀é"), max_size=600))
    cuts = st.integers(0, len(text))
    ends = sorted(draw(st.sets(cuts, max_size=12)))
    return text, list(zip(ends[::2], ends[1::2], strict=False))


@given(marked_texts())
def test_an_excerpt_is_a_short_part_of_its_text_with_the_first_mark(
    example: tuple[str, list[Span]],
) -> None:
    text, highlights = example

    pieces = excerpt(text, highlights)

    words = [piece for piece in pieces if piece.text not in ("… ", " …")]
    shown = "".join(piece.text for piece in words)
    assert shown in text
    assert len(shown) <= EXCERPT_CHARS
    assert all(piece.text for piece in pieces)
    marked = [piece.text for piece in words if piece.marked]
    sought = [text[start:stop] for start, stop in highlights]
    # All but the last, which the end may cut, are whole.
    assert marked[:-1] == sought[: len(marked)][:-1]
    assert bool(marked) == bool(sought)
    if marked:
        assert sought[len(marked) - 1].startswith(marked[-1])
    cut = {"… ": not text.startswith(shown), " …": not text.endswith(shown)}
    for mark, is_cut in cut.items():
        assert not is_cut or mark in [piece.text for piece in pieces]
