"""Replies: what they say, and that nothing they quote comes to life."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser

from bot.because import Reason, reasons_of
from bot.compose import compose, excerpt, title_of
from bot.escape import ZERO_WIDTH, code_span, label, link_target, printable, prose
from bot.missing import Wanted, lacking, wanted
from bot.sandbox.cook import cook
from bot.sandbox.kitchen import Card, Kitchen
from bot.topic import marked_topic
from kb.types import Details, DocumentId, Kind, SearchHit, TopicId
from tests.bot.making import NOW, REPLY_END, hit

FORUM = "https://forum.example"
# A forum where every name, group, tag and topic exists: whatever may ping does.
KITCHEN = Kitchen(
    FORUM,
    member=lambda name: name,
    group=lambda name: name == "here",
    hashtag=lambda slug: (f"/tag/{slug}", "tag", slug),
    card=lambda _url: Card("A topic", 1, 1, "Its beginning"),
)


# Takes more for an address than the sandbox does: as linkify-it, hosts without a
# scheme, addresses of mail, and whatever begins as one of the web.
_LINKIFIED = re.compile(
    r"//\w|\bwww\.\w|mailto:|[\w.-]@[\w-]+\.\w"
    r"|[a-z0-9-]\.(?:com|net|org|info|biz|edu|gov|[a-z]{2})(?![\w-])",
    re.IGNORECASE | re.ASCII,
)


def reply(
    *picks: SearchHit,
    question: str = "backup",
    language: str = "en",
    community: str = "Example Forum",
    lacks: Sequence[Wanted] = (),
) -> str:
    return compose(
        picks,
        topic_id=TopicId(12),
        question=question,
        language=language,
        community=community,
        at=NOW,
        lacks=lacks,
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
        "[quote]\n"
        "\n"
        "- [Backup › Nightly](https://docs.example/page-1#nightly)"
        " · documentation · version 2.41\n"
        "  > Use pg\\_dump every night.\n"
        "\n"
        "- [Backup stopped](https://forum.example/t/3/2) · thread · solved ✓\n"
        "  > The disk was full.\n"
        "\n" + REPLY_END
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
    assert reply(hit(), language=language).splitlines()[-5] == closing


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


def test_a_link_to_a_reply_names_it() -> None:
    thread = hit(kind=Kind.THREAD, url=f"{FORUM}/t/3", anchor="/4", solved=True)
    answer = replace(thread, passage=replace(thread.passage, part_number=4))

    assert "(https://forum.example/t/3/4) · thread · solved ✓ · post 4\n" in (
        reply(answer)
    )
    # A page has parts as well, which no reader counts.
    page = hit()
    later = replace(page, passage=replace(page.passage, part_number=4))
    assert "· documentation\n" in reply(later)


# -- why it is there ---------------------------------------------------------


@pytest.mark.parametrize(
    ("added", "signals", "solved", "why"),
    [
        ({"cosine_title": 1.0, "bm25_title": 0.5}, {}, False, "close to what you mean"),
        ({"cosine_title": 0.4, "bm25_title": 0.5}, {}, False, "uses your words"),
        ({"bm25_title": 0.5}, {}, True, "uses your words"),
        (
            {"bm25_title": 0.5, "linked_by_words": 0.4, "bm25_asked": 0.2},
            {},
            True,
            "members linked it for questions like yours",
        ),
        ({"in_links": 0.5}, {"in_links": 2.0}, False, "members often link it"),
        # Once is not often, and what others lack is no reason.
        (
            {"in_links": 0.5, "coverage": 0.1},
            {"in_links": 0.7},
            False,
            "uses your words",
        ),
        ({"linked_by_words": 0.5}, {"linked_by_words": 0.0}, False, ""),
        ({"bm25_title": -0.5, "log_age": 3.0}, {}, False, ""),
        ({}, {"bm25_title": 4.0}, True, ""),
    ],
)
def test_each_link_says_why_it_is_there_as_far_as_that_is_known(
    added: dict[str, float], signals: dict[str, float], solved: bool, why: str
) -> None:
    found = replace(
        hit(kind=Kind.THREAD, solved=solved, closed=True),
        contributions=added,
        signals=dict.fromkeys(added, 1.0) | signals,
    )

    [line] = [line for line in reply(found).splitlines() if line.startswith("- ")]

    facts = line.split(" · ")[1:]
    assert facts == ["thread", *["solved ✓"] * solved, *[why] * bool(why)]


def test_the_version_that_a_question_names_is_a_reason() -> None:
    page = hit(version="2.41")

    shown = reply(page, question="How do I back up DHIS2 2.41?")

    assert "· version 2.41 · for the version that you name\n" in shown
    assert "for the version" not in reply(page, question="How do I back up 2.40?")
    assert reasons_of(page, named=frozenset(), reader="en") == ()


def test_what_was_found_by_another_language_does_not_use_the_words_of_the_asker() -> (
    None
):
    english, french = (
        replace(
            hit(language=language),
            contributions={"bm25_title": 1.0},
            signals={"bm25_title": 9.0},
        )
        for language in ("en", "fr")
    )

    def told(found: SearchHit, **more: Any) -> tuple[Reason, ...]:
        return reasons_of(replace(found, **more), named=frozenset(), reader="fr")

    assert told(french) == (Reason.WORDS,)
    assert told(english) == (Reason.MEANING,)
    assert told(french, stands_for=DocumentId(7)) == (Reason.MEANING,)


@pytest.mark.parametrize(
    ("language", "why"),
    [
        ("fr", "emploie vos mots"),
        ("es", "usa las mismas palabras que usted"),
        ("pt", "usa as mesmas palavras que a sua pergunta"),
    ],
)
def test_reasons_are_told_in_the_language_of_the_asker(language: str, why: str) -> None:
    found = replace(
        hit(kind=Kind.THREAD, solved=True, language=language),
        contributions={"bm25_title": 0.5},
        signals={"bm25_title": 2.0},
    )

    assert f" · {why}\n" in reply(found, language=language)


# -- what the question lacks ---------------------------------------------------


RULES = (
    wanted("version", r"\b2\.\d\d\b", categories=["Support"]),
    wanted("logs", "error|exception"),
    wanted(
        "instance",
        "https?://",
        ask={"en": "the *address* of your server", "fr": "l’adresse de votre serveur"},
    ),
)


@pytest.mark.parametrize(
    ("text", "category", "lacks"),
    [
        ("It stops.", ("support", "android"), ["version", "logs", "instance"]),
        ("It stops.", ("general",), ["logs", "instance"]),
        ("An ERROR in 2.41 at https://x.example", ("support",), []),
        ("x" * 20_000 + " error 2.41 https://", ("support",), ["version", "logs"]),
    ],
)
def test_what_a_question_lacks_is_known_by_the_rules_of_its_category(
    text: str, category: tuple[str, ...], lacks: list[str]
) -> None:
    found = [rule.what for rule in lacking(text, category, RULES)]

    assert found[: len(lacks)] == lacks
    assert len(found) == len(lacks) or "x" * 9 in text


@pytest.mark.parametrize(
    ("language", "line"),
    [
        (
            "en",
            "So that others can help, please add: the version that you use, the error"
            " message or the log, the \\*address\\* of your server.",
        ),
        (
            "fr",
            "Pour que d’autres puissent vous aider, merci d’ajouter\u00a0: la version"
            " que vous utilisez, le message d’erreur ou le journal, l’adresse de votre"
            " serveur.",
        ),
        (
            "es",
            "Para que otros puedan ayudarle, añada por favor: la versión que usa, el"
            " mensaje de error o el registro, the \\*address\\* of your server.",
        ),
    ],
)
def test_a_reply_asks_for_what_is_missing(language: str, line: str) -> None:
    shown = reply(hit(language=language), language=language, lacks=RULES)

    assert line in shown.splitlines()


def test_a_wish_of_signs_that_nobody_sees_is_none() -> None:
    assert "please add" not in reply(hit(), lacks=[wanted("\u200b", "$.")])


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "opt out, please"),
        ("fr", "ne plus répondre"),
        ("es", "no responder más"),
        ("pt", "não responder mais"),
    ],
)
def test_a_reply_tells_how_to_be_left_alone(language: str, words: str) -> None:
    marked, left = reply(hit(language=language), language=language).splitlines()[-4:-2]

    assert "👎" in marked
    assert f"`{words}`" in left


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
    assert excerpt("Do:\n~~~\n@ann [quote]\n", "") == f"Do: `@ann [{ZERO_WIDTH}quote]`"


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
        "[/quote]",
        "`[/quote]`",
        "SELECT [quote] FROM x WHERE a[1] = {b};\n[/quote]",
        "</aside></blockquote> and </p>",
        "[ quote][/ quote] [QUOTE=x] [Spoiler]",
        "[poll type=regular]\n* a\n* b\n[/poll]",
        "[date=2026-01-01 timezone=UTC]",
        "`" * 300,
        "a `` b ``` c",
        "[x](javascript:alert(1)) javascript:alert(1)",
        "@everyone @staff @moderators",
        "\u202e@nna\u202c \u2066x",
        "@\u200d@ann \ufeff#help",
        "😀" * 255,
        "👨‍👩‍👧‍👦 👎 ❤",
        "*\n*\n_",
        "&lbrack;/quote&rbrack; &#91;/quote&#93;",
    ],
)
def test_known_live_syntax_is_quoted_dead(text: str) -> None:
    _check_dead(title=text, text=text)


HOSTILE = st.lists(
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
                "[quote]",
                "[details]",
                "[/details]",
                "</aside>",
                "@everyone",
                "[x](javascript:x)",
                "evil.example",
                "😀" * 20,
            ]
        ),
    ),
    max_size=14,
).map("".join)


@given(title=HOSTILE, text=HOSTILE)
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

    asks = wanted("x", "$.", ask={"en": text or "x"})

    markdown = reply(pick, question=text, community=title, lacks=[asks])
    page = cooked(markdown)

    # One quote, of nobody, that is closed where we close it.
    [quote] = page.css("aside")
    assert quote.attributes == {"class": "quote no-group"}
    live = "img, .mention, .mention-group, .hashtag-cooked, .onebox, table, hr"
    assert [node.html for node in page.css(live)] == []
    assert [node.html for node in page.css("h1, h2, pre, details, script, b")] == []
    assert links(page) == ["https://docs.example/page-1"]
    assert len(quote.css("aside > blockquote > ul > li")) == 1
    assert len(page.css("li")) == 1
    assert page.css("ol") == []
    # What is ours still stands: the quote did not swallow it.
    assert [em.text()[:14] for em in page.css("body > p > em")][-3:] == [
        "I am a bot of ",
        "Did this help?",
        "No more answer",
    ]
    assert marked_topic(markdown) == 12
    told = _outside_links_and_code(page)
    assert not _LINKIFIED.search(told)
    # Names may have letters of any script.
    assert not re.search(r"[@#]\w", told)
    # The same for who knows Markdown and nothing of forums.
    plain = LexborHTMLParser(MarkdownIt("commonmark", {"html": True}).render(markdown))
    assert links(plain) == ["https://docs.example/page-1"]
    tags = {node.tag for node in plain.css("body *")}
    assert tags <= {"p", "ul", "li", "a", "blockquote", "code", "em", "_comment"}


def _outside_links_and_code(page: LexborHTMLParser) -> str:
    for node in page.css("a, code"):
        node.replace_with("\n")
    return page.text(separator=" ")


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
