"""Links are their author's: out of cooked HTML, Markdown and text, any of it."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from indexer.links import MAX_LINKS, document_links, links_in
from kb.links import LinkRules
from kb.types import Document, Format, Kind, LinkRole, Part
from tests.conftest import shared_path
from tests.indexer.samples import NOW

FORUM = "https://forum.example"
TOPIC = f"{FORUM}/t/9"


def found(body: str, format: Format = "html", url: str = TOPIC) -> list[str]:
    """Links as ``relation href text``."""
    return [
        f"{link.relation.value} {link.href} {link.text}".rstrip()
        for link in links_in(body, format, url=url)
    ]


def hrefs(body: str, format: Format = "html", url: str = TOPIC) -> list[str]:
    return [link.href for link in links_in(body, format, url=url)]


# -- cooked HTML -----------------------------------------------------------


def test_links_in_the_text_with_what_they_are_called() -> None:
    cooked = (
        '<p>See <a href="/t/backup/812/4">this  <b>old</b>\n thread</a>, '
        '<a href="https://docs.example/backup#nightly">the docs</a> and '
        '<a class="inline-onebox" href="//docs.example/a">A page</a>.</p>'
        '<ul><li><a class="attachment" href="/uploads/form.xlsx">form</a></li></ul>'
    )

    assert found(cooked) == [
        "link https://forum.example/t/backup/812/4 this old thread",
        "link https://docs.example/backup#nightly the docs",
        "link https://docs.example/a A page",
        "link https://forum.example/uploads/form.xlsx form",
    ]


@pytest.mark.parametrize(
    "text",
    ["https://docs.example/long/path", "docs.example/long/path/", "docs.example/lo…"],
)
def test_an_address_is_no_name(text: str) -> None:
    cooked = f'<a href="https://docs.example/long/path">{text}</a>'

    assert found(cooked) == ["link https://docs.example/long/path"]


def test_a_long_name_is_cut() -> None:
    (link,) = links_in(f'<a href="https://e.org/">{"x" * 999}</a>', "html", url=TOPIC)

    assert len(link.text) == 200
    assert link.text.endswith("x…")


def test_previews_and_players_give_the_address_that_was_pasted() -> None:
    cooked = (
        '<aside class="onebox githubissue" data-onebox-src="https://git.example/i/1">'
        '<a href="https://git.example/i/1">x</a><a href="https://git.example/ann">a</a>'
        '</aside><aside class="onebox wikipedia"><header>'
        '<a href="https://wiki.example/Map">wiki.example</a></header>'
        '<h3><a href="https://wiki.example/Map">Map</a></h3></aside>'
        '<div class="lazy-video-container" data-video-id="a">'
        '<a href="https://www.youtube.com/watch?v=a"><img></a></div>'
        '<div class="lazyYT" data-youtube-id="b"></div>'
        '<iframe src="https://player.example/1"></iframe>'
        '<div class="onebox imgur-album"><a href="https://img.example/a/1">x</a></div>'
    )

    assert found(cooked) == [
        "card https://git.example/i/1",
        "card https://wiki.example/Map",
        "card https://www.youtube.com/watch?v=a",
        "card https://www.youtube.com/watch?v=b",
        "card https://player.example/1",
        "card https://img.example/a/1",
    ]


def test_that_another_post_is_quoted_is_kept_and_nothing_of_what_it_says() -> None:
    inner = '<blockquote><a href="https://e.org/theirs">theirs</a></blockquote>'
    title = '<div class="title"><a href="/t/backup/812/4">Backup</a></div>'
    cooked = (
        '<aside class="quote" data-username="ann" data-post="4" data-topic="812">'
        f"{title}{inner}</aside>"
        f'<aside class="quote" data-username="ben" data-post="2">{inner}</aside>'
        f'<aside class="quote">{inner}</aside>'
        '<p><a href="https://e.org/own">own</a></p>'
    )

    assert found(cooked) == [
        "quote https://forum.example/t/812/4",
        "quote https://forum.example/t/9/2",
        "link https://e.org/own own",
    ]


def test_a_topic_on_a_line_of_its_own_is_a_card_not_a_quote() -> None:
    cooked = (
        '<aside class="quote" data-post="1" data-topic="812"><div class="title">'
        '<a href="https://forum.example/t/backup/812">Backup</a>'
        '<a class="badge-wrapper" href="/c/support/7">Support</a></div>'
        '<blockquote>How do I <a href="https://e.org/theirs">back up</a>?</blockquote>'
        "</aside>"
    )

    assert found(cooked) == ["card https://forum.example/t/backup/812"]


@pytest.mark.parametrize(
    "cooked",
    [
        '<a class="mention" href="/u/ann">@ann</a>',
        '<a class="mention-group" href="/groups/staff">@staff</a>',
        '<a class="hashtag-cooked" href="/c/support/7">#support</a>',
        '<a class="lightbox" href="/uploads/a.png"><img src="/uploads/a.png"></a>',
        '<h2><a class="anchor" name="a" href="#a"></a>A</h2>',
        '<sup class="footnote-ref"><a href="#footnote-1">[1]</a></sup>',
        '<details class="elided"><a href="https://e.org/old">old</a></details>',
        '<div class="poll"><a href="https://e.org/a">a</a></div>',
        '<a href="mailto:ann@example.org">ann</a>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="">x</a><a>x</a><a href="https://[::1/">x</a>',
        '<template><a href="https://e.org/a">a</a></template>',
    ],
)
def test_what_the_forum_adds_and_what_leads_nowhere_is_no_link(cooked: str) -> None:
    assert found(f"<p>Text</p>{cooked}<p>Text</p>") == []


def test_a_link_to_a_post_of_the_same_topic_is_kept() -> None:
    assert hrefs('<a href="#post_3">above</a>') == [f"{TOPIC}#post_3"]


def test_links_in_quoted_mail_and_in_signatures_are_not_the_authors() -> None:
    cooked = (
        '<p>Try <a href="https://e.org/own">this</a>.</p>'
        "<p>On 3 May 2021 at 10:12, Jane Doe wrote:</p>"
        '<blockquote><p>I read <a href="https://e.org/hers">that</a>.</p></blockquote>'
        '<p>-- <br>Ann, <a href="https://e.org/company">Company</a></p>'
    )

    assert found(cooked) == ["link https://e.org/own this"]


def test_links_in_what_an_author_cites_are_kept() -> None:
    cooked = '<blockquote><p>As <a href="https://e.org/a">they</a> say</p></blockquote>'

    assert hrefs(cooked) == ["https://e.org/a"]


def test_each_link_once_and_no_more_than_a_bound() -> None:
    twice = '<a href="https://e.org/a">a</a> ' * 2
    many = "".join(f'<a href="https://e.org/{n}">a</a> ' for n in range(3000))

    assert hrefs(twice) == ["https://e.org/a"]
    assert len(hrefs(many)) == MAX_LINKS


def test_html_that_is_not_worth_a_tree_still_gives_addresses() -> None:
    tangled = "<div><i>" * 20_000 + "see https://e.org/a."

    assert found(tangled) == ["link https://e.org/a"]


def test_an_address_that_ends_in_countless_brackets_costs_no_time() -> None:
    text = f"http://e.org/{')' * 900_000} https://e.org/a"

    found = links_in(text, "text", url="https://f.example/t/9")

    assert [link.href for link in found] == ["https://e.org/a"]


# -- Markdown and text -----------------------------------------------------


@pytest.mark.parametrize(
    ("url", "target", "href"),
    [
        ("use/data.html", "maps.md", "use/maps.html"),
        ("use/data.html", "../api/maps.md#layers", "api/maps.html#layers"),
        ("use/data.html", "/api/maps.html", "api/maps.html"),
        ("use/data.html", "maps", "use/maps"),
        ("use/data/", "maps.md", "use/maps/"),
        ("use/data/", "../api/README.md", "api/"),
        ("use/data", "maps.md?x=1", "use/maps?x=1"),
        ("use/data.html", "https://git.example/a.md", None),
    ],
)
def test_files_that_link_files_are_pages_that_link_pages(
    url: str, target: str, href: str | None
) -> None:
    site = "https://docs.example/"
    page = f"# Data\n\nSee [the maps]({target}) and [below](#here)."

    expected = target if href is None else site + href
    assert hrefs(page, "markdown", site + url) == [expected]


def test_text_gives_bare_addresses_without_the_end_of_the_sentence() -> None:
    text = (
        "See https://e.org/a, (https://e.org/b_(c)) and <https://e.org/d>.\n\n"
        "On 3 May 2021 at 10:12, Jane Doe wrote:\n> https://e.org/hers\n"
    )

    assert found(text, "text") == [
        "link https://e.org/a",
        "link https://e.org/b_(c)",
        "link https://e.org/d",
    ]


# -- documents -------------------------------------------------------------


def thread(*parts: Part, kind: Kind = Kind.THREAD) -> Document:
    return Document("forum", kind, "9", TOPIC, "Backup", parts)


def part(number: int, **fields: Any) -> Part:
    body = f'<a href="https://e.org/{number}">x</a>'
    return Part(number, body, created_at=NOW, **fields)


def roles(document: Document) -> dict[int, LinkRole]:
    return {link.part_number: link.role for link in document_links(document)}


def test_who_links_is_the_asker_staff_or_a_helper() -> None:
    document = thread(
        part(1, author_id=5, author="ann"),
        part(2, author_id=6, author="ben"),
        part(3, author_id=7, author="cleo", staff=True),
        part(4, author_id=5, author="ann-renamed"),
        part(5),
    )

    assert roles(document) == {
        1: LinkRole.ASKER,
        2: LinkRole.HELPER,
        3: LinkRole.STAFF,
        4: LinkRole.ASKER,
        5: LinkRole.HELPER,
    }
    first, second = document_links(document)[:2]
    assert (first.author_id, first.created_at, second.author_id) == (5, NOW, 6)


def test_staff_who_ask_are_askers_and_archives_know_names_alone() -> None:
    document = thread(
        part(1, author="ann", staff=True),
        part(2, author="ann", staff=True),
        part(3, author="ben"),
    )

    assert roles(document) == {
        1: LinkRole.ASKER,
        2: LinkRole.ASKER,
        3: LinkRole.HELPER,
    }


def test_without_the_question_nobody_is_the_asker() -> None:
    document = thread(part(2, author_id=6), part(3, author_id=6))

    assert roles(document) == {2: LinkRole.HELPER, 3: LinkRole.HELPER}


def test_a_page_is_nobody_in_a_conversation() -> None:
    assert roles(thread(part(1, author_id=5), kind=Kind.DOCS)) == {1: LinkRole.PAGE}
    assert document_links(thread()) == ()


# -- laws ------------------------------------------------------------------

_TAGS = st.sampled_from(
    (
        '<a href="https://e.org/a">',
        '<a href="/t/x/1">',
        "</a>",
        '<aside class="quote" data-post="1" data-topic="2">',
        '<aside class="onebox">',
        "</aside>",
        "<blockquote>",
        "</blockquote>",
        "<table><tr><td>",
        "<pre>",
        "On 3 May 2021 at 10:12, Jane Doe wrote:",
        "[a](b.md)",
        "https://e.org/b",
        "\U000f0000",
        "\ud800",
        "<",
        "\n",
    )
)
_BODIES = st.one_of(st.text(), st.lists(_TAGS, max_size=30).map("".join))


@given(_BODIES, st.sampled_from(["html", "markdown", "text"]), st.text())
def test_any_input_gives_links_and_no_error(
    body: str, format: Format, url: str
) -> None:
    for link in links_in(body, format, url=url):
        assert link.href.startswith(("http://", "https://"))
        assert link.text == " ".join(link.text.split())


# -- real posts ------------------------------------------------------------

SAMPLE_FORUM = "https://discourse.urho3d.io"


def real_posts() -> Iterator[tuple[int, dict[str, Any]]]:
    for topic in lines_of("discourse/samples/topics.jsonl.gz"):
        for post in topic["post_stream"]["posts"]:
            yield topic["id"], post


def _left_out_on_purpose(cooked: str) -> set[str]:
    """What the forum counts as links and the author did not set: images that it made
    clickable, mentioned groups, the insides of previews but for what they show, and
    what somebody else wrote, whom an imported post quotes in BBCode.
    """
    tree = LexborHTMLParser(cooked)
    names = "a.lightbox, a.mention-group, aside.onebox a"
    found = {node.attributes.get("href") or "" for node in tree.css(names)}
    for quoted in re.findall(r"\[quote.*?\[/quote\]", cooked, re.DOTALL):
        found |= {
            node.attributes.get("href") or ""
            for node in LexborHTMLParser(quoted).css("a")
        }
    return found


def test_real_posts_have_the_links_that_their_forum_counted() -> None:
    """Their ``link_counts`` against what is found, by key; see docs/operations.md."""
    rules = LinkRules(forums=(SAMPLE_FORUM,))
    counted: Counter[str] = Counter()
    missed: list[str] = []
    for topic_id, post in real_posts():
        url = f"{SAMPLE_FORUM}/t/{topic_id}"
        keys = {
            rules.key(link.href) for link in links_in(post["cooked"], "html", url=url)
        }
        on_purpose = {rules.key(href) for href in _left_out_on_purpose(post["cooked"])}
        for count in post.get("link_counts") or []:
            if count["reflection"]:
                continue
            key = rules.key(count["url"])
            if key in keys:
                counted["found"] += 1
            elif key in on_purpose or not key:
                counted["on purpose"] += 1
            else:
                missed.append(f"{post['id']} {count['url']}")

    assert counted["found"] > 950
    # The one that is missed stands in a post that was hidden since: the forum still
    # counts its links and no longer serves its text.
    assert counted["found"] / (counted["found"] + len(missed)) >= 0.995, missed
    assert counted["on purpose"] < 240


def test_real_posts_of_another_forum_give_links_and_no_error() -> None:
    links = 0
    for post in lines_of("discourse/samples/posts.jsonl.gz"):
        url = f"{FORUM}/t/{post['topic_id']}"
        links += len(links_in(post["cooked"], "html", url=url))
        links_in(post["raw"], "markdown", url=url)
        links_in(post["raw"], "text", url=url)
    assert links > 100


@pytest.mark.slow
def test_the_links_that_answered_questions_are_found() -> None:
    """Labels of another forum: which threads and pages people linked in reply.

    They were taken from all of the HTML, so a few stand in previews and quotations,
    which we leave out: hence the floors.
    """
    rules = LinkRules(
        forums=("https://discourse.slicer.org",),
        fold=((r"(?<=/en/)(v?[0-9.]+|stable)(?=/)", "latest"),),
    )
    pages = {
        page["path"]: rules.key(page["url"])
        for page in lines_of("bench/slicer/docs.jsonl.gz")
    }
    labels = {
        label["topic_id"]: label
        for label in lines_of("bench/slicer/dev_labels.jsonl.gz")
    }
    counted: Counter[str] = Counter()
    for topic in lines_of("bench/slicer/dev_topics.jsonl.gz"):
        label = labels.get(topic["id"])
        if label is None:
            continue
        url = f"https://discourse.slicer.org/t/{topic['id']}"
        keys = {
            rules.key(link.href)
            for post in topic["posts"]
            for link in links_in(post["cooked"], "html", url=url)
        }
        for number in label["threads"]:
            counted["threads"] += 1
            counted["threads found"] += f"discourse.slicer.org/t/{number}" in keys
        for path in label["docs"]:
            counted["docs"] += 1
            counted["docs found"] += pages[path] in keys

    assert counted["threads"] > 1000
    assert counted["docs"] > 1000
    assert counted["threads found"] / counted["threads"] >= 0.965
    assert counted["docs found"] / counted["docs"] >= 0.985


def lines_of(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(shared_path(name), "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
