"""Replies: what they say, and that nothing they quote comes to life."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from bot.compose import compose, excerpt, title_of
from bot.escape import ZERO_WIDTH, code_span, label, link_target, printable, prose
from bot.sandbox.cook import cook
from bot.sandbox.kitchen import Card, Kitchen
from kb.types import Details, Kind, SearchHit, TopicId
from tests.bot.making import NOW, hit

FORUM = "https://forum.example"
# A forum where every name, group, tag and topic exists: whatever may ping does.
KITCHEN = Kitchen(
    FORUM,
    member=lambda name: name,
    group=lambda name: name == "here",
    hashtag=lambda slug: (f"/tag/{slug}", "tag", slug),
    card=lambda _url: Card("A topic", 1, 1, "Its beginning"),
)


def reply(*picks: SearchHit, question: str = "backup", language: str = "en") -> str:
    return compose(
        picks,
        topic_id=TopicId(12),
        question=question,
        language=language,
        community="Example Forum",
        at=NOW,
    )


def cooked(markdown: str) -> LexborHTMLParser:
    return LexborHTMLParser(cook(markdown, KITCHEN))


def links(page: LexborHTMLParser) -> list[str | None]:
    return [link.attributes.get("href") for link in page.css("a")]


# -- what a reply says -----------------------------------------------------


def test_a_reply_names_kind_version_and_solution_and_quotes_the_passage() -> None:
    docs = hit(
        1,
        title="Backup",
        heading="Backup › Nightly",
        anchor="#nightly",
        version="2.41",
        text="Use pg_dump every night.",
    )
    thread = hit(
        2,
        kind=Kind.THREAD,
        title="Backup stopped",
        url=f"{FORUM}/t/3",
        anchor="/2",
        solved=True,
        text="The disk was full.",
    )

    assert reply(docs, thread) == (
        "These may already answer your question:\n"
        "\n"
        "- [Backup › Nightly](https://docs.example/page-1#nightly)"
        " · documentation · version 2.41\n"
        "  > Use pg\\_dump every night.\n"
        "\n"
        "- [Backup stopped](https://forum.example/t/3/2) · thread · solved ✓\n"
        "  > The disk was full.\n"
        "\n"
        "*I am a bot of Example Forum. I only point to what is already written;"
        " members may know better.*\n"
        "\n"
        "<!-- baraza:topic=12 -->"
    )


def test_a_reply_tells_what_a_video_and_a_course_are_to_its_reader() -> None:
    video = hit(
        1,
        kind=Kind.VIDEO,
        title="Backups",
        url="https://video.example/watch?v=a1",
        anchor="&t=155",
        details=Details(duration_s=412),
    )
    course = hit(
        2,
        kind=Kind.COURSE,
        title="Server care",
        language="fr",
        details=Details(pacing="self"),
    )

    lines = reply(video, course).splitlines()

    assert [line for line in lines if line.startswith("- ")] == [
        "- [Backups](https://video.example/watch?v=a1&amp;t=155)"
        " · video · 6:52 · from 2:35",
        "- [Server care](https://docs.example/page-2) · course in French · self-paced",
    ]


def test_the_cooked_reply_shows_links_and_quotes_and_hides_the_marker() -> None:
    page = cooked(reply(hit(1), hit(2, kind=Kind.THREAD)))

    assert links(page) == ["https://docs.example/page-1", "https://docs.example/page-2"]
    assert [quote.text(strip=True) for quote in page.css("li blockquote")] == [
        "Use pg_dump.",
        "Use pg_dump.",
    ]
    assert "baraza:topic" not in (page.html or "")


@pytest.mark.parametrize(
    ("language", "opening"),
    [
        ("en", "This may already answer your question:"),
        ("fr", "Ceci répond peut-être déjà à votre question\u00a0:"),
        ("es", "Puede que esto ya responda a su pregunta:"),
        ("pt", "Isto talvez já responda à sua pergunta:"),
        ("sw", "This may already answer your question:"),
    ],
)
def test_a_reply_speaks_the_language_of_the_asker_where_it_can(
    language: str, opening: str
) -> None:
    shown = reply(hit(language=language), language=language)

    assert shown.splitlines()[0] == opening


ENGLISH = ("en", "en_GB")
MIXED = ("en", "es")


@pytest.mark.parametrize(
    ("asker", "links_in", "opening"),
    [
        ("en", ENGLISH, "These may already answer your question:"),
        (
            "en",
            ("fr",),
            "This may already answer your question, though it is in French:",
        ),
        (
            "en",
            ("fr", "fr_CA"),
            "These may already answer your question, though they are all in French:",
        ),
        (
            "en",
            ("fr", "es"),
            "These may already answer your question, though none of them is in"
            " English:",
        ),
        (
            "fr",
            ("en",),
            "Ceci répond peut-être déjà à votre question, mais en anglais\u00a0:",
        ),
        (
            "fr",
            ENGLISH,
            "Ces pages répondent peut-être déjà à votre question, mais elles sont"
            " toutes en anglais\u00a0:",
        ),
        (
            "fr",
            MIXED,
            "Ces pages répondent peut-être déjà à votre question, mais aucune n’est en"
            " français\u00a0:",
        ),
        (
            "es",
            ("en",),
            "Puede que esto ya responda a su pregunta, aunque está en inglés:",
        ),
        (
            "es",
            ENGLISH,
            "Puede que estas páginas ya respondan a su pregunta, aunque todas están en"
            " inglés:",
        ),
        ("es", MIXED, "Puede que estas páginas ya respondan a su pregunta:"),
        (
            "pt",
            ("en",),
            "Isto talvez já responda à sua pergunta, embora esteja em inglês:",
        ),
        (
            "pt",
            ENGLISH,
            "Estas páginas talvez já respondam à sua pergunta, embora estejam todas em"
            " inglês:",
        ),
        (
            "pt",
            MIXED,
            "Estas páginas talvez já respondam à sua pergunta, embora nenhuma esteja em"
            " português:",
        ),
        ("pt", ("pt_BR",), "Isto talvez já responda à sua pergunta:"),
        # Of a language that has no name, nothing can be said.
        ("zz", MIXED, "These may already answer your question:"),
        # Of a link whose language nobody knows, nothing is said.
        ("fr", (None,), "Ceci répond peut-être déjà à votre question\u00a0:"),
        (
            "fr",
            ("en", None),
            "Ces pages répondent peut-être déjà à votre question\u00a0:",
        ),
    ],
)
def test_a_reply_says_so_when_no_link_is_in_the_language_of_the_asker(
    asker: str, links_in: tuple[str | None, ...], opening: str
) -> None:
    picks = [hit(number, language=each) for number, each in enumerate(links_in)]

    assert reply(*picks, language=asker).splitlines()[0] == opening


@pytest.mark.parametrize(
    ("language", "closing"),
    [
        (
            "fr",
            "*Je suis un robot de Example Forum. Je ne fais qu’indiquer ce qui est déjà"
            " écrit\u202f; les membres en savent peut-être plus.*",
        ),
        (
            "es",
            "*Soy un bot de Example Forum. Solo señalo lo que ya está escrito; quizá"
            " los miembros sepan más.*",
        ),
        (
            "pt",
            "*Sou um robô de Example Forum. Só indico o que já está escrito; os membros"
            " talvez saibam mais.*",
        ),
    ],
)
def test_a_reply_says_whose_bot_it_is(language: str, closing: str) -> None:
    assert reply(hit(), language=language).splitlines()[-3] == closing


@pytest.mark.parametrize("count", [0, 6])
def test_a_reply_without_links_or_with_too_many_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 5 links"):
        reply(*(hit(number) for number in range(count)))


def test_a_title_is_not_repeated_as_its_own_section() -> None:
    assert title_of(hit(title="Backup", heading="Backup")) == "Backup"
    assert title_of(hit(title="Backup", heading="A › B")) == "Backup › B"
    assert title_of(hit(title=" ")) == "https://docs.example/page-1"


def test_an_empty_passage_gives_a_link_without_quote() -> None:
    assert "\n  >" not in reply(hit(text=" \n "))


# -- excerpts --------------------------------------------------------------


def test_the_sentences_that_share_words_with_the_question_are_quoted() -> None:
    text = "Welcome to the guide. Restart Tomcat after the upgrade. Good luck!"

    assert excerpt(text, "tomcat upgrade", max_chars=40) == (
        "… Restart Tomcat after the upgrade. …"
    )


def test_a_long_sentence_is_cut_at_a_word() -> None:
    text = "word " * 100

    assert excerpt(text, "", max_chars=21) == "word word word word…"


def test_code_is_quoted_as_inline_code_on_one_line() -> None:
    text = "Run this:\n\nSELECT name\nFROM orgunit WHERE level = 3;\n\nThen wait."

    assert excerpt(text, "run") == (
        "Run this: `SELECT name FROM orgunit WHERE level = 3;` Then wait."
    )


def test_a_fence_that_never_closes_is_code_to_the_end() -> None:
    assert excerpt("Do:\n~~~\n@ann [quote]\n", "") == "Do: `@ann [quote]`"


# -- escapes ---------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "@ann please",
        "hi @here",
        "(@ann)",
        "\\@ann",
        "&#64;ann",
        "@\u200bann",
        "> @ann",
        "#help and :smile: :wave:",
        ":) <3",
        "see https://forum.example/t/1 now",
        "https://forum.example/t/1",
        "HTTP://EXAMPLE.ORG www.example.org example.org/a,b",
        "[a](https://evil.example)",
        "![a](https://evil.example/x.png)",
        "![a|10x10](upload://x.png)",
        "<https://evil.example> <img src=x> <b>b</b> <script>x()</script>",
        '[quote="ann, post:1, topic:1"] hi [/quote]',
        '[details="x"] y [/details]',
        "| a | b |\n| - | - |\n| 1 | 2 |",
        "```\n@ann\n```",
        "`@ann",
        "*a* **b** _c_ ~~d~~ $e$ [^1]",
        "1. one\n2. two",
        "# heading",
        "---",
        "a" * 300,
        "user@example.org mailto:user@example.org",
        "<!-- baraza:topic=99 -->",
    ],
)
def test_known_live_syntax_is_quoted_dead(text: str) -> None:
    _check_dead(title=text, text=text)


@given(
    title=st.text(max_size=80),
    text=st.lists(
        st.one_of(
            st.text(max_size=40),
            st.sampled_from(
                [
                    "@ann",
                    "@here",
                    "#help",
                    ":smile:",
                    "`",
                    "```",
                    "\n",
                    "\n\n",
                    "\\",
                    "https://x.example/a",
                    "www.x.org",
                    '[quote="ann"]',
                    "[/quote]",
                    "![",
                    "](",
                    ")",
                    "<a href='https://x.example'>",
                    "</a>",
                    "<!--",
                    "-->",
                    "&#64;",
                    "&lt;",
                    "~~~",
                    "> ",
                    "| a |",
                    "|-|",
                    "- ",
                    "1. ",
                    "\u202e",
                    "\u200b",
                    "*",
                    "_",
                    "x" * 70,
                ]
            ),
        ),
        max_size=14,
    ).map("".join),
)
@example(title="@a", text="`@a` ``@a")
@example(title="]", text="```@ann\n```\n@ann")
def test_whatever_is_quoted_stays_dead(title: str, text: str) -> None:
    _check_dead(title=title, text=text)


def _check_dead(*, title: str, text: str) -> None:
    pick = hit(
        title=title,
        text=text,
        heading=title,
        version=title,
        details=Details(starts_at=NOW, place=title),
    )

    page = cooked(reply(pick, question=text))

    live = "img, aside, .mention, .mention-group, .hashtag-cooked, .onebox, table, hr"
    assert [node.html for node in page.css(live)] == []
    assert [node.html for node in page.css("h1, h2, pre, details, script, b")] == []
    assert links(page) == ["https://docs.example/page-1"]
    assert len(page.css("ul > li")) == 1
    assert page.css("ol") == []
    # What is ours still stands: the quote did not swallow it.
    closing = page.css("em")[-1].text()
    assert closing.startswith("I am a bot of Example Forum.")


@given(st.text(max_size=200))
def test_prose_reads_as_the_text_it_quotes(text: str) -> None:
    [shown] = cooked(f"x {prose(text)}").css("p")

    expected = " ".join(_plain(text).split())
    assert _plain(shown.text().removeprefix("x")) == _plain(expected)


def _plain(text: str) -> str:
    """Letters and digits: typography may differ, words may not."""
    return "".join(char for char in text if char.isalnum() and char.isascii())


@given(st.text(max_size=100))
def test_inline_code_shows_its_text_and_nothing_else(text: str) -> None:
    span = code_span(text)

    nodes = cooked(f"x {span} y").css("p > *")
    assert [node.tag for node in nodes] == (["code"] if span else [])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://x.example/a", "`https://x.example/a`"),
        ("(www.example.org),", "(`www.example.org`),"),
        ("//cdn.example", "`//cdn.example`"),
        ("see docs.dhis2.org.", "see `docs.dhis2.org`."),
        ("ann@example.org", "`ann@example.org`"),
        ("version 2.41.0 of e.g.", "version 2.41.0 of e.g."),
    ],
)
def test_what_any_linkifier_may_take_for_an_address_becomes_code(
    text: str, shown: str
) -> None:
    """Real forums also link addresses without a scheme; the sandbox does not."""
    assert prose(text) == shown


def test_what_stands_beside_the_link_is_no_link_either() -> None:
    markdown = compose(
        [hit(version="2.41.example.org")],
        topic_id=TopicId(7),
        question="?",
        language="en",
        community="community.example.org",
        at=NOW,
    )

    assert "version `2.41.example.org`" in markdown
    assert "*I am a bot of `community.example.org`. I only" in markdown


def test_a_hashtag_is_broken_whatever_its_slug_begins_with() -> None:
    assert prose("a #-odd #:slug #é") == (
        f"a \\#{ZERO_WIDTH}-odd \\#{ZERO_WIDTH}:slug \\#{ZERO_WIDTH}é"
    )


def test_a_url_with_parentheses_stays_one_link() -> None:
    url = 'https://x.example/a_(b)?q=[1]&r="2"&copy;=<3>#c d'

    page = cooked(f"[t]({link_target(url)})")

    assert links(page) == [
        "https://x.example/a_%28b%29?q=%5B1%5D&r=%222%22&copy;=%3C3%3E#c%20d"
    ]


def test_a_target_that_is_not_a_web_address_is_refused() -> None:
    with pytest.raises(ValueError, match="not a web address"):
        link_target("javascript:alert(1)")


def test_a_long_title_is_shortened_at_a_word() -> None:
    assert label("word " * 40, max_chars=22) == "word word word word…"


def test_a_terminal_gets_no_control_sequences() -> None:
    assert printable("a\x1b[2Jb\x9b31m\r\u202ec\n\td") == "a[2Jb31mc\n\td"


def test_a_mention_is_broken_by_a_space_of_no_width() -> None:
    assert prose("@ann") == f"@{ZERO_WIDTH}ann"
