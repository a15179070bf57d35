"""Cleaning: what stays of a body, what goes, and that nothing makes it raise."""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.blocks import Block, join_blocks
from indexer.clean import (
    MAX_CHARS,
    clean_body,
    clean_html,
    clean_markdown,
    clean_text,
    is_truncated,
)
from kb.types import Format

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared/discourse/samples"

QUOTE_OF_A_POST = """<aside class="quote no-group" data-username="ana" data-post="2"
data-topic="7"><div class="title"><div class="quote-controls"></div>ana:</div>
<blockquote><p>What others said</p></blockquote></aside>"""

ONEBOX = """<aside class="onebox allowlistedgeneric"
data-onebox-src="https://example.org/page"><header class="source">
<img class="site-icon" src="x.png"><a href="https://example.org/page">example.org</a>
</header><article class="onebox-body"><h3>Their title</h3><p>Their text</p></article>
<div class="onebox-metadata"></div></aside>"""

LIGHTBOX = """<div class="lightbox-wrapper"><a class="lightbox" href="https://x/a.png"
title="ALT"><img src="https://x/a.png" alt="ALT" width="690"><div class="meta">
<svg class="fa"><use href="#far-image"></use></svg><span class="filename">ALT</span>
<span class="informations">690×388 45 KB</span></div></a></div>"""


def texts(blocks: tuple[Block, ...]) -> list[str]:
    return [block.text for block in blocks]


@pytest.mark.parametrize(
    ("cooked", "expected"),
    [
        ("<p>One<br>\ntwo.</p>\n<p>Three</p>", ["One\ntwo.", "Three"]),
        ("no tags at all", ["no tags at all"]),
        ("<p>a<br><br>b</p>", ["a", "b"]),
        ("<p>5 &lt; 6 &amp;&nbsp;&nbsp;7</p>", ["5 < 6 & 7"]),
        ("<p>A <em>very</em> <code>x_1</code> <b>b</b></p>", ["A very x_1 b"]),
        ("<p>Line\n   wrapped</p>", ["Line wrapped"]),
        ("<p>up<div>mid</div>down", ["up", "mid", "down"]),
        ("<details><summary>More</summary><p>Hidden</p></details>", ["More", "Hidden"]),
        ("<p>a</p><hr><p>b</p>", ["a", "b"]),
        ("<p> </p><p>\n</p><div></div>", []),
        ("", []),
        ("<p>\x00nu\x07ll &#0;&#7; soft\u00adhyphen</p>", ["null � softhyphen"]),
        ("<p>cafe\u0301</p>", ["café"]),
    ],
)
def test_text_stays_as_it_is_read(cooked: str, expected: list[str]) -> None:
    assert texts(clean_html(cooked)) == expected


def test_headings_keep_level_and_anchor() -> None:
    cooked = (
        '<h2><a name="p-9-steps-1" class="anchor" href="#p-9-steps-1"></a>Steps <b>1'
        '</b></h2><p>x</p><h3 id="own">Own</h3><h1></h1>'
    )

    assert clean_html(cooked) == (
        Block("heading", "Steps 1", 2, "p-9-steps-1"),
        Block("text", "x"),
        Block("heading", "Own", 3, "own"),
    )


def test_code_keeps_its_lines_and_indentation() -> None:
    cooked = (
        '<p>Run</p><pre><code class="lang-python">\nif a &lt; b:\n    <b>go</b>()  \n'
        "\n\tend\n\n</code></pre>"
    )

    assert clean_html(cooked) == (
        Block("text", "Run"),
        Block("code", "if a < b:\n    go()\n\n\tend"),
    )


def test_code_with_breaks_and_blank_code() -> None:
    assert texts(clean_html("<pre>a<br>b</pre><pre> \n </pre>")) == ["a\nb"]


def test_list_structure_stays() -> None:
    cooked = """<ul><li>One</li><li><p>Two</p><p>still two</p>
    <ol start="3"><li>in<br>ner</li><li></li><li>last</li></ol></li></ul><p>After</p>"""

    assert clean_html(cooked) == (
        Block("list", "- One", 1),
        Block("list", "- Two", 1),
        Block("list", "  still two", 1),
        Block("list", "  3. in\n     ner", 2),
        Block("list", "  5. last", 2),
        Block("text", "After"),
    )


def test_code_inside_a_list_item_is_a_block_of_its_own() -> None:
    cooked = "<ol><li>Type<pre>a\n  b</pre>then</li><li>Next</li></ol>"

    assert clean_html(cooked) == (
        Block("list", "1. Type", 1),
        Block("code", "a\n  b"),
        Block("list", "  then", 1),
        Block("list", "2. Next", 1),
    )


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ("chcklst-box fa fa-square-o fa-fw", "[ ] Back up"),
        ("chcklst-box checked fa fa-square-check-o fa-fw", "[x] Back up"),
        ("chcklst-box checked permanent fa fa-check-square fa-fw", "[x] Back up"),
    ],
)
def test_boxes_of_a_checklist_become_what_was_typed(
    classes: str, expected: str
) -> None:
    cooked = f'<ul><li><span class="{classes}"></span> Back up</li></ul>'

    assert clean_html(cooked) == (Block("list", f"- {expected}", 1),)


def test_footnotes_stay_and_the_way_back_goes() -> None:
    cooked = """<p>As known<sup class="footnote-ref"><a href="#footnote-9-1"
    id="footnote-ref-9-1">[1]</a></sup>.</p><hr class="footnotes-sep">
    <ol class="footnotes-list"><li id="footnote-9-1" class="footnote-item">
    <p>By few. <a href="#footnote-ref-9-1" class="footnote-backref">↩︎</a></p></li>"""

    assert texts(clean_html(cooked)) == ["As known[1].", "1. By few."]


def test_formulas_dates_spoilers_and_hashtags_read_as_they_were_written() -> None:
    cooked = """<p>Let <span class="math">f(x)=a\\cdot x</span> on
    <span class="discourse-local-date" data-date="2026-05-01">May 1, 2026 9:00am UTC
    </span> in <a class="hashtag-cooked" href="/c/a/8"><span
    class="hashtag-icon-placeholder"><svg><use href="#x"></use></svg></span>
    <span>Analytics</span></a>.</p><div class="math">
    y = x^2
    </div><div class="spoiler"><p>It was <span class="spoiler">cold</span>.</p></div>"""

    assert texts(clean_html(cooked)) == [
        "Let f(x)=a\\cdot x on May 1, 2026 9:00am UTC in Analytics.",
        "y = x^2",
        "It was cold.",
    ]


def test_tables_become_rows() -> None:
    cooked = """<table><caption>Ports</caption>
    <thead><tr><th>Name</th><th>Port</th></tr></thead><tbody><tr><td><p>web</p></td><td>80</td></tr><tr><td></td><td>443</td></tr>
    <tr><td> </td><td></td></tr></tbody></table>"""

    assert clean_html(cooked) == (
        Block("table", "Ports\nName | Port\nweb | 80\n | 443"),
    )


def test_a_table_says_whether_its_first_row_names_the_columns() -> None:
    head = "<thead><tr><th>Name</th><th>Port</th></tr></thead>"
    rows = "<tr><th>web</th><td>80</td></tr><tr><th>db</th><td>5432</td></tr>"

    assert clean_html(f"<table>{head}{rows}</table>") == (
        Block("table", "Name | Port\nweb | 80\ndb | 5432", 1),
    )
    assert clean_html(f"<table>{rows}</table>") == (
        Block("table", "web | 80\ndb | 5432"),
    )


def test_a_table_of_one_column_is_layout() -> None:
    cooked = "<table><tr><td>One</td></tr><tr><td>Two</td></tr></table>"

    assert clean_html(cooked) == (Block("text", "One"), Block("text", "Two"))


def test_a_table_in_a_cell_is_written_into_it() -> None:
    inner = "<table><tr><td>c</td><td>d</td></tr></table>"
    cooked = f"<table><tr><td>a</td><td>b {inner}</td></tr></table>"

    assert clean_html(cooked) == (Block("table", "a | b c d"),)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('<a href="https://e.org/guide">the guide</a>', "the guide"),
        ('<a href="https://e.org/guide">here</a>', "here (https://e.org/guide)"),
        ('<a href="https://e.org/guide">Ce lien</a>', "Ce lien (https://e.org/guide)"),
        (
            '<a href="https://e.org/guide">https://e.org/guide</a>',
            "https://e.org/guide",
        ),
        ('<a href="http://www.e.org/">www.e.org</a>', "www.e.org"),
        (
            '<a href="https://e.org/a/long/one">e.org/a/lo…</a>',
            "https://e.org/a/long/one",
        ),
        (
            '<a href="http://www.e.org/wiki/index.php?title=The_World">'
            "e.org/wiki/ind … e_World</a>",
            "http://www.e.org/wiki/index.php?title=The_World",
        ),
        ('<a href="https://e.org/guide">and so on…</a>', "and so on…"),
        ('<a href="mailto:a@e.org">here</a>', "here"),
        ('<a href="#below">here</a>', "here"),
        ('<a class="mention" href="/u/ana">@ana</a>', "@ana"),
        ('<a name="x"></a>y', "y"),
        ("<a>z</a>", "z"),
    ],
)
def test_links_keep_their_text_and_what_only_the_target_says(
    link: str, expected: str
) -> None:
    assert texts(clean_html(f"<p>See {link}!</p>")) == [f"See {expected}!"]


@pytest.mark.parametrize(
    ("alt", "expected"),
    [
        ("import dialog with an error.png", ["import dialog with an error"]),
        ("data%20entry_form", ["data entry_form"]),
        ("image", []),
        ("Screenshot 2021-03-21 at 13.04.53", []),
        ("Captura de pantalla 2020-01-02", []),
        ("0bd915b3-d8b7-40c0-a662-9ede2057925c", []),
        ("", []),
    ],
)
def test_images_keep_an_alt_text_that_says_something(
    alt: str, expected: list[str]
) -> None:
    assert texts(clean_html(LIGHTBOX.replace("ALT", alt))) == expected


def test_emoji_become_their_code() -> None:
    cooked = '<p>Thanks <img src="x" class="emoji only-emoji" alt=":smile:"></p>'

    assert texts(clean_html(cooked)) == ["Thanks :smile:"]


@pytest.mark.parametrize(
    "foreign",
    [
        QUOTE_OF_A_POST,
        '<aside class="quote"><blockquote><p>What others said</p></blockquote></aside>',
        QUOTE_OF_A_POST.replace("ana:", '<a href="https://f.org/t/a/7/2">A topic</a>'),
        '<details class="elided"><summary>···</summary><p>old mail</p></details>',
        '<div class="poll"><ul><li>Yes</li><li>No</li></ul></div>',
        "<svg><title>t</title><text>drawn</text></svg>",
        "<script>alert(1)</script><style>p {}</style><template>t</template>",
        "<!-- a comment -->",
        '<img class="avatar" alt="the face of ana">',
    ],
)
def test_what_the_author_did_not_write_goes(foreign: str) -> None:
    assert texts(clean_html(f"<p>Mine.</p>{foreign}<p>Also.</p>")) == ["Mine.", "Also."]


def test_of_previews_the_link_stays() -> None:
    topic = QUOTE_OF_A_POST.replace(
        "ana:", '<a href="https://f.org/t/a/9">A topic</a>'
    ).replace('data-username="ana"', "")
    video = (
        '<div class="youtube-onebox lazy-video-container" data-video-title="Theirs">'
        '<a href="https://video.example.org/w"><img title="Theirs"></a></div>'
    )

    older = (
        '<div class="onebox lazyYT" data-youtube-title="Theirs">'
        '<a href="https://video.example.org/old"><img></a></div>'
    )
    file = (
        '<div class="onebox video-onebox"><video><source src="https://e.org/a.mp4">'
        '<a href="https://e.org/a.mp4">https://e.org/a.mp4</a></source></video></div>'
    )
    album = (
        '<div class="onebox imgur-album"><a href="https://imgur.com/a/x"><span '
        'class="album-title">[Album] Theirs</span><img title="Theirs"></a></div>'
    )
    large = (
        '<div class="large-image-placeholder"><a href="https://e.org/b.gif">'
        '<span class="url">https://e.org/b.gif</span><span class="help">(image larger '
        "than 4096KB)</span></a></div>"
    )
    previews = f"{ONEBOX}{topic}{video}{older}{file}{album}{large}"

    assert texts(clean_html(f"<p>Look:</p>{previews}")) == [
        "Look:",
        "https://example.org/page",
        "https://f.org/t/a/9",
        "https://video.example.org/w",
        "https://video.example.org/old",
        "https://e.org/a.mp4",
        "https://imgur.com/a/x",
        "https://e.org/b.gif",
    ]


# -- BBCode ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("cooked", "expected"),
    [
        ("<p>[quote=“ana, post:2”]Theirs[/quote]Mine</p>", ["Mine"]),
        ('<p>One [quote="a b"]x[/quote] two</p>', ["One\ntwo"]),
        (
            "<p>Mine [quote=ana]a</p><pre>theirs</pre><ul><li>b[/quote]</li></ul>"
            "<p>Mine too</p>",
            ["Mine", "Mine too"],
        ),
        ("<p>[quote=a]1[quote=b]2[/quote]3[/quote]Mine</p>", ["Mine"]),
        ("<p>[quote=a]1[/quote]A[quote=b]2[/quote]B</p>", ["A\nB"]),
        ("<p>See [QUOTE]I cite[/QUOTE] there</p>", ["See\nI cite\nthere"]),
        ("<p>Write [quote=name] before it</p>", ["Write [quote=name] before it"]),
        ("<p>It ends with [/quote]</p>", ["It ends with [/quote]"]),
        ("<pre>[quote=a]b[/quote]</pre>", ["[quote=a]b[/quote]"]),
        ("<p>[quote=a]all of it[/quote]</p>", ["[quote=a]all of it[/quote]"]),
    ],
)
def test_quotes_left_as_bbcode_go(cooked: str, expected: list[str]) -> None:
    assert texts(clean_html(cooked)) == expected


def test_web_pages_keep_bbcode() -> None:
    text = "[quote=a]b[/quote] c"

    assert texts(clean_html(f"<p>{text}</p>", mail=False)) == [text]


# -- mail ------------------------------------------------------------------


@pytest.mark.parametrize(
    "attribution",
    [
        "On Tue, Aug 7, 2018 at 12:16 PM, Ana Lopes &lt;a@e.org&gt;<br>\nwrote:",
        "On 3 May 2021, at 10:12, Ana via Forum wrote:",
        "Le mar. 21 mai 2019 à 03:42, Ana a écrit&nbsp;:",
        "El lun, oct. 23, 2017 a las 7:38 p. m., Ana &lt;<br>a@e.org&gt; escribió:",
        "No dia 08/11/2017, às 19:21, Ana escreveu:",
        "Em qua., 2 de jan. de 2019 às 10:00, Ana escreveu:",
        "Ana Lopes wrote:",
    ],
)
def test_quoted_mail_goes_with_its_attribution(attribution: str) -> None:
    cooked = (
        f"<p>My answer.</p><p>{attribution}</p><blockquote><p>Their question?</p>"
        "<blockquote><p>Older still</p></blockquote></blockquote><p>More of mine.</p>"
    )

    assert texts(clean_html(cooked)) == ["My answer.", "More of mine."]


def test_an_attribution_below_an_answer_in_one_paragraph_goes() -> None:
    cooked = (
        "<p>My answer.<br>On 3 May 2021, at 10:12, Ana wrote:<br>"
        "&gt; Their question<br>&gt;&gt;&gt; older<br>Mine again.</p>"
    )

    assert texts(clean_html(cooked)) == ["My answer.\nMine again."]


@pytest.mark.parametrize(
    "before",
    [
        "The manual says:",
        "Here is what I wrote:",
        "As I wrote:",
        "On page 3 the author wrote:",
        "On the forum he wrote to me.",
    ],
)
def test_a_blockquote_that_the_author_uses_stays(before: str) -> None:
    cooked = f"<p>{before}</p><blockquote><p>Always back up.</p></blockquote>"

    assert clean_html(cooked) == (
        Block("text", before),
        Block("quote", "Always back up."),
    )


def test_prompts_stay_and_quoted_lines_go() -> None:
    prompts = "<p>&gt;&gt;&gt; import a<br>&gt;&gt;&gt; a.b()</p><p>&gt; cd build</p>"
    quoted = "<p>Yes<br>&gt; Does it<br>&gt; work?</p>"

    assert texts(clean_html(prompts)) == [">>> import a\n>>> a.b()", "> cd build"]
    assert texts(clean_html(quoted)) == ["Yes"]


@pytest.mark.parametrize(
    "mark",
    [
        "-----Original Message-----",
        "________________________________",
        "---------- Forwarded message ----------",
        "-----Message d'origine-----",
        "From: Ana<br>Sent: Tuesday<br>To: Ben<br>Subject: Re: it",
        "De : Ana<br>Envoyé : mardi<br>À : Ben<br>Objet : Re: ça",
        "–<br><em>Previous Replies</em>",
    ],
)
def test_nothing_below_an_original_message_is_the_authors(mark: str) -> None:
    cooked = f"<p>My answer.<br>{mark}<br>Theirs</p><p>Theirs too.</p>"

    assert texts(clean_html(cooked)) == ["My answer."]


@pytest.mark.parametrize(
    "signature",
    [
        "<p>--<br>Ana Lopes<br>Ministry</p><p>+00 000</p>",
        "<p>–</p><p>Ana Lopes</p>",
        "<p>Sent from my iPhone</p>",
        "<p>Envoyé de mon iPhone</p>",
        "<p>Enviado desde mi Samsung</p>",
        "<p>Get Outlook for Android</p>",
        "<p>This e-mail is confidential and intended only for its recipient.</p>",
        "<p>Ce message est confidentiel, réservé à ses destinataires.</p>",
        "<p>_______________________________________________<br>Mailing list: "
        "https://lists.example.org/users<br>Unsubscribe: there</p>",
    ],
)
def test_signatures_and_disclaimers_go(signature: str) -> None:
    assert texts(clean_html(f"<p>My answer.</p>{signature}")) == ["My answer."]


def test_a_dash_above_much_text_or_code_is_no_signature() -> None:
    long = "<p>Part one</p><p>—</p><p>" + "Much more to say. " * 80 + "</p>"
    code = "<p>Part one</p><p>--</p><pre>code</pre>"

    assert texts(clean_html(long))[1] == "—"
    assert texts(clean_html(code)) == ["Part one", "--", "code"]


def test_talk_about_confidential_data_is_no_disclaimer() -> None:
    text = "I cannot share the data, they are highly confidential."

    assert texts(clean_html(f"<p>{text}</p>")) == [text]


def test_web_pages_keep_what_looks_like_mail() -> None:
    cooked = "<p>&gt; a<br>&gt; b</p><p>--</p><p>end</p>"

    assert texts(clean_html(cooked, mail=False)) == ["> a\n> b", "--", "end"]


def test_plain_text_is_cut_at_blank_lines() -> None:
    text = "One  line\r\nmore\r\n \r\n\r\nNext\x00.\n\n-- \nAna\n"

    assert clean_text(text) == (Block("text", "One line\nmore"), Block("text", "Next."))


# -- Markdown --------------------------------------------------------------


def test_a_page_of_markdown_in_blocks() -> None:
    source = """---
title: Kept elsewhere
---
# Maps { #maps_app .big }

Text with *stress*, `code` and a [link](other.md).
Same paragraph.

## About *layers*

- one
    - two

| Key | Value |
|-----|-------|
| a   | b     |

```python
def f():
    return 1
```

![A map with two layers](map.png){ width=50% }

## About layers
"""
    assert clean_markdown(source) == (
        Block("heading", "Maps", 1, "maps_app"),
        Block("text", "Text with stress, code and a link. Same paragraph."),
        Block("heading", "About layers", 2, "about-layers"),
        Block("list", "- one", 1),
        Block("list", "  - two", 2),
        Block("table", "Key | Value\na | b", 1),
        Block("code", "def f():\n    return 1"),
        Block("text", "A map with two layers"),
        Block("heading", "About layers", 2, "about-layers_1"),
    )


def test_html_in_markdown_is_read_too() -> None:
    source = """<!-- SECTION-ID:x -->
<table><tr><td>a</td><td>b</td></tr></table>

Press <kbd>Ctrl</kbd> or write <script> or <title> in <b>bold</b>.

<h2 id="own">Own</h2>

Last.
"""
    assert clean_markdown(source) == (
        Block("table", "a | b"),
        Block("text", "Press Ctrl or write <script> or <title> in bold."),
        Block("heading", "Own", 2, "own"),
        Block("text", "Last."),
    )


def test_admonitions_and_tabs_become_text() -> None:
    source = """!!! warning "Mind the gap"

    It is *deep*.

        indented code

    ??? note

        Nested.

Outside.

=== "Linux"

    ```bash
    !!! not an admonition
    ```

!!!!!

!!! tip
    On the next line.
"""
    assert texts(clean_markdown(source)) == [
        "Mind the gap",
        "It is deep.",
        "indented code",
        "Note",
        "Nested.",
        "Outside.",
        "Linux",
        "!!! not an admonition",
        "Tip",
        "On the next line.",
    ]


def test_myst_directives_roles_and_targets() -> None:
    source = """(label)=
# Build

:::{note} Mind
:class: wide
Read {ref}`the guide <guide>` and {func}`run`.
:::

```{warning}
:name: w
Hot *iron*.
```

```{toctree}
a
b
```

```{code-block} python
x = 1
```
"""
    assert clean_markdown(source) == (
        Block("heading", "Build", 1, "build"),
        Block("text", "Mind"),
        Block("text", "Read the guide and run."),
        Block("text", "Hot iron."),
        Block("code", "x = 1"),
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("# Wi-Fi & LAN", Block("heading", "Wi-Fi & LAN", 1, "wi-fi-lan")),
        ("# Été à `x`", Block("heading", "Été à x", 1, "ete-a-x")),
        ("# 汉字", Block("heading", "汉字", 1, "_1")),
        ("# T {: #id }", Block("heading", "T", 1, "id")),
        ("# Set {a, b}", Block("heading", "Set {a, b}", 1, "set-a-b")),
        ("T { #id }\n===", Block("heading", "T", 1, "id")),
    ],
)
def test_headings_get_the_anchor_of_the_rendered_page(
    line: str, expected: Block
) -> None:
    assert clean_markdown(line) == (expected,)


# -- anything --------------------------------------------------------------

FORMATS: tuple[Format, ...] = ("html", "markdown", "text")

PIECES = r"""
<p>
</p>
<div class='meta'>
</div>
<ul>
</ul>
<li>
<ol start='x'>
<table>
<tr>
<td>
</td>
</table>
<blockquote>
</blockquote>
<aside class='quote'>
</aside>
<pre>
</pre>
<a href='https://e.org'>
</a>
<img alt='two words'>
<br>
<h2>
</h2>
<b>
</b>
<svg>
<script>
<!--
-->
<frameset>
<select>
<template>
<plaintext>
&#0;
<![CDATA[
On 1 May 2020 wrote:
[quote=a]
[/quote]
--
```{note}
:::
!!! note
```
|-|-|
#
>
1.
{ #a }
](
"""
TAGS = st.sampled_from(["\n", "\n\n", *PIECES.splitlines()])
ANYTHING = st.one_of(
    st.text(), st.lists(st.one_of(TAGS, st.text(max_size=5))).map("".join)
)


@settings(deadline=None, max_examples=150)
@given(body=ANYTHING, format=st.sampled_from(FORMATS))
@example(body="<table><td>a<p>b</table>", format="html")
@example(body="\ud800\x00<p>\udfff", format="html")
@example(body="```{note}\n:a: b", format="markdown")
def test_whatever_comes_gives_clean_blocks(body: str, format: Format) -> None:
    for block in clean_body(body, format):
        assert block.text.strip()
        assert unicodedata.is_normalized("NFC", block.text)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", block.text)
        assert block.kind != "heading" or 1 <= block.level <= 6


@pytest.mark.parametrize(
    "tag", ["<div>", "<b>", "<ul><li>", "<blockquote>", "<table><tr><td>", "<a href=x>"]
)
@pytest.mark.parametrize("depth", [300, 10_000])
def test_any_depth_is_read(tag: str, depth: int) -> None:
    blocks = clean_html(tag * depth + "deep down")

    assert join_blocks(blocks).split()[-2:] == ["deep", "down"]


def test_a_markdown_page_of_any_depth_is_read() -> None:
    assert clean_markdown("# Top\n\n" + "> " * 10_000 + "deep")[0].text == "Top"
    assert clean_markdown("# Top\n\n" + "[" * 100_000)[1].text == "[" * 100_000


def test_a_huge_post_is_cut_off() -> None:
    body = "<p>word</p>" * (40_000_000 // 11)

    blocks = clean_html(body)

    assert is_truncated(body)
    assert not is_truncated(body[:MAX_CHARS])
    assert len(blocks) == MAX_CHARS // 11 + 1
    assert set(texts(blocks)[:-1]) == {"word"}


# -- real posts ------------------------------------------------------------


def sample_posts() -> Iterator[dict[str, Any]]:
    with gzip.open(SAMPLES / "posts.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)
    with gzip.open(SAMPLES / "topics.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            yield from json.loads(line)["post_stream"]["posts"]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no sample payloads here")
def test_real_posts_leak_no_quotes() -> None:
    """No line that only stands in a quote or preview is left, in any real payload."""
    leaks: list[tuple[int, str]] = []
    count = 0
    foreign = re.compile(
        r'<aside class="(?:quote|onebox)\b.*?</aside>|<div class="meta">.*?</div>', re.S
    )
    for post in sample_posts():
        count += 1
        cooked = post["cooked"]
        kept = join_blocks(clean_html(cooked))
        own = " ".join(foreign.sub(" ", cooked).split())
        for quoted in foreign.findall(cooked):
            for text in re.findall(r"<p>([^<>&]{20,})</p>", quoted):
                line = " ".join(text.split())
                if line not in own and line in kept:
                    leaks.append((post["id"], line))
        assert "<aside" not in kept

    assert count > 4000
    assert leaks == []


@pytest.mark.parametrize("shortened", ["…", "...", " …", "a…"])
def test_a_link_that_is_nothing_but_cut_short_costs_no_time(shortened: str) -> None:
    """Trying each ellipsis with each rest would take hours."""
    text = shortened * 100_000 + " x"

    [block] = clean_html(f'<a href="https://e.org/a">{text}</a>')

    assert block.text == text.strip()
