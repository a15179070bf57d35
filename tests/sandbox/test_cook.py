"""Cooked HTML: the constructs that a harvester meets, one by one."""

from __future__ import annotations

import time

import pytest

from bot.sandbox.cook import MAX_DEPTH, cook
from bot.sandbox.kitchen import Card, Kitchen
from bot.sandbox.markup import Plain, Quote, blocks
from bot.sandbox.pings import links

KITCHEN = Kitchen(
    "http://forum",
    member=lambda name: "ann" if name.lower() == "ann" else None,
    group=lambda name: name == "testers",
    hashtag=lambda slug: ("/c/help/5", "category", "Help") if slug == "help" else None,
    card=lambda url: (
        Card("A <b> title", 7, 2, "What it says") if "/t/" in url else None
    ),
)


def _emoji(name: str) -> str:
    return (
        f'<img src="http://forum/images/emoji/twitter/{name}.png?v=12" '
        f'title=":{name}:" class="emoji" alt=":{name}:" loading="lazy" '
        'width="20" height="20">'
    )


SMILE = _emoji("smile")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\nb", "<p>a<br>\nb</p>"),
        ('"a" -- b...', "<p>“a” – b…</p>"),
        ("@Ann", '<p><a class="mention" href="/u/ann">@Ann</a></p>'),
        ("@nobody", '<p><span class="mention">@nobody</span></p>'),
        (
            "@testers",
            '<p><a class="mention-group" href="/groups/testers">@testers</a></p>',
        ),
        (":smile:", f"<p>{SMILE}</p>"),
        (
            ":cat: :upside_down_face:",
            f"<p>{_emoji('cat')} {_emoji('upside_down_face')}</p>",
        ),
        ("at 10:30:45 :unknown:", "<p>at 10:30:45 :unknown:</p>"),
        (
            "#help",
            '<p><a class="hashtag-cooked" href="/c/help/5" data-type="category" '
            'data-slug="help"><span class="hashtag-icon-placeholder"></span>'
            "<span>Help</span></a></p>",
        ),
        ("#unknown", "<p>#unknown</p>"),
        ("```\nx < 1\n```", '<pre><code class="lang-auto">x &lt; 1\n</code></pre>'),
        ("```xml\n@ann\n```", '<pre><code class="lang-xml">@ann\n</code></pre>'),
        (
            "|a|\n|-|\n|b|",
            '<div class="md-table">\n<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n'
            "</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>\n</div>",
        ),
        (
            "## First things",
            '<h2><a name="first-things-1" class="anchor" href="#first-things-1" '
            'aria-label="Heading link"></a>First things</h2>',
        ),
        (
            "[a](https://b.c) [d](/t/1)",
            '<p><a href="https://b.c" rel="noopener nofollow ugc">a</a> '
            '<a href="/t/1">d</a></p>',
        ),
        (
            "see https://b.c/d_e--f.",
            '<p>see <a href="https://b.c/d_e--f" rel="noopener nofollow ugc">'
            "https://b.c/d_e--f</a>.</p>",
        ),
        (
            "see http://forum/t/x/7/2 there",
            '<p>see <a href="http://forum/t/x/7/2" class="inline-onebox">'
            "A &lt;b&gt; title</a> there</p>",
        ),
        (
            "[f.csv|attachment](upload://z.csv) (2 KB)",
            '<p><a href="/uploads/short-url/z.csv" class="attachment">f.csv</a> (2 KB)'
            "</p>",
        ),
        ("a<!-- mark -->b", "<p>ab</p>"),
        ("<!-- mark -->\n\nb", "<p>b</p>"),
        ("<script>x()</script>b", "b"),
        ('<b onclick="x()">b</b>', "<p><b>b</b></p>"),
        ('<a href="javascript:x()">b</a>', "<p><a>b</a></p>"),
        ("a\0b", "<p>a\ufffdb</p>"),
        ("", ""),
    ],
)
def test_short_texts_cook_as_the_forum_cooks_them(raw: str, expected: str) -> None:
    assert cook(raw, KITCHEN) == expected


def test_a_bare_link_on_its_own_line_becomes_a_card_between_paragraphs() -> None:
    html = cook("before\nhttps://docs.example.org/how-to.html\nafter", KITCHEN)

    assert html.startswith("<p>before</p>\n<aside class=")
    assert 'data-onebox-src="https://docs.example.org/how-to.html"' in html
    assert "How to</a></h3>" in html
    assert html.endswith("</aside>\n<p>after</p>")


@pytest.mark.parametrize(
    "raw",
    [
        "<https://docs.example.org/a>",
        "[https://docs.example.org/a](https://docs.example.org/a)",
        "- https://docs.example.org/a",
        "> https://docs.example.org/a",
        "`https://docs.example.org/a`",
    ],
)
def test_these_links_become_no_card(raw: str) -> None:
    assert "<aside" not in cook(raw, KITCHEN)


def test_the_card_of_a_topic_of_the_forum_is_a_quote_without_a_name() -> None:
    assert cook("http://forum/t/x/7/2", KITCHEN) == (
        '<aside class="quote" data-post="2" data-topic="7">\n<div class="title">\n'
        '<div class="quote-controls"></div>\n'
        '<a href="http://forum/t/x/7/2">A &lt;b&gt; title</a>\n</div>\n'
        "<blockquote>\nWhat it says\n</blockquote>\n</aside>"
    )


def test_a_quote_names_its_post_and_holds_markdown() -> None:
    html = cook('[quote="ann, post:2, topic:7"]\nso *true*\n[/quote]\nyes', KITCHEN)

    named = 'data-username="ann" data-post="2" data-topic="7"'
    head = f'<aside class="quote no-group" {named}>'
    assert html.startswith(head)
    assert "<blockquote>\n<p>so <em>true</em></p>\n</blockquote>\n</aside>" in html
    assert html.endswith("</aside>\n<p>yes</p>")


def test_quotes_nest_and_fences_hide_them() -> None:
    raw = "[quote]\n[quote]\ninner\n[/quote]\nouter\n[/quote]\n```\n[quote]\n```"

    html = cook(raw, KITCHEN)

    assert html.count("<aside") == html.count("</aside>") == 2
    assert html.endswith('<pre><code class="lang-auto">[quote]\n</code></pre>')


def test_an_unclosed_quote_is_text() -> None:
    assert cook("[quote]\nnever closed", KITCHEN) == "<p>[quote]<br>\nnever closed</p>"


def test_details_fold_markdown() -> None:
    assert cook('[details="More & more"]\nin **side**\n[/details]', KITCHEN) == (
        "<details>\n<summary>\nMore &amp; more</summary>\n"
        "<p>in <strong>side</strong></p>\n</details>"
    )


def test_trimmed_mail_keeps_its_class() -> None:
    raw = (
        "<details class='elided'>\n<summary title='Show trimmed content'>&#183;"
        "</summary>\n\nold mail\n\n</details>"
    )

    html = cook(raw, KITCHEN)

    assert html.startswith('<details class="elided">')
    assert "<p>old mail</p>" in html


def test_an_uploaded_picture_becomes_a_lightbox_with_its_size() -> None:
    html = cook("![shot.png|690x388](upload://abc.png)", KITCHEN)

    assert html.startswith('<p><div class="lightbox-wrapper"><a class="lightbox" href=')
    assert "http://forum/uploads/default/original/1X/abc.png" in html
    assert '<span class="informations">690×388 45 KB</span>' in html
    assert 'alt="shot.png" width="690" height="388"' in html


@pytest.mark.parametrize("tag", ["quote", "details"])
def test_thousands_of_nested_blocks_cook_in_no_time(tag: str) -> None:
    raw = f"[{tag}]\n" * 1000 + "inner\n" + f"[/{tag}]\n" * 1000

    html = cook(raw, KITCHEN)

    outer = "<aside" if tag == "quote" else "<details"
    assert html.count(outer) == MAX_DEPTH
    assert f"[{tag}]" in html


def test_a_block_finds_its_own_end() -> None:
    raw = "[quote]\na [quote=x] b [/quote]\n[/quote]\nc\n[quote]d[/quote]\ne [/quote]"

    assert list(blocks(raw)) == [
        Quote("a [quote=x] b [/quote]"),
        Plain("c"),
        Quote("d"),
        Plain("e [/quote]"),
    ]


def test_thousands_of_quotes_without_an_end_are_text() -> None:
    # Once the search for each end went to the end of the text: half a minute.
    started = time.process_time()

    assert "<aside" not in cook("[quote]\n" * 4000, KITCHEN)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "raw",
    [
        "[a](http://[x)",
        "http://[x",
        "see http://[x there",
        '[quote="ann, post:²"]\nb\n[/quote]',
        f'[quote="ann, post:{"9" * 5000}"]\nb\n[/quote]',
        f"[a](/t/{'9' * 5000})",
    ],
)
def test_nonsense_cooks_too(raw: str) -> None:
    html = cook(raw, KITCHEN)

    assert links(html, "http://forum") is not None
    assert "data-post" not in html
