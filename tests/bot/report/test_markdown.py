"""The report as posts: what they say, that they fit, and that nothing in them lives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser

from bot.escape import link_target
from bot.report import model
from bot.report.markdown import MAX_CHARS, render_markdown
from bot.sandbox.cook import cook
from bot.sandbox.pings import calls, links
from tests.bot.report.sample import (
    empty_report,
    hostile_report,
    open_question,
    resource,
    sample_report,
    topic,
)
from tests.bot.test_compose import (
    _LINKIFIED,
    HOSTILE,
    KITCHEN,
    _outside_links_and_code,
)

REPORT, HOSTILE_REPORT = sample_report(), hostile_report()
WHOLE = "https://baraza.example.org/report"
HEADINGS = [
    "1. Open now",
    "2. Probably the same",
    "3. Answered, but not marked solved",
    "4. Who could help",
    "5. Gaps",
    "6. Trends",
    "7. Community health",
    "8. The bot",
    "9. Upkeep",
]


def cooked(post: str) -> LexborHTMLParser:
    return LexborHTMLParser(cook(post, KITCHEN))


def lines(report: model.Report, **options: Any) -> list[str]:
    return "\n".join(render_markdown(report, **options)).splitlines()


# -- what they say ---------------------------------------------------------------


def test_a_report_begins_with_what_it_is_and_all_of_it_at_a_glance() -> None:
    [post] = render_markdown(sample_report(), whole=WHOLE)

    assert post.split("\n\n")[:6] == [
        "Triage report of Example community, 2024-04-03 12:00 UTC to "
        "2024-05-01 12:00 UTC, as of 2024-05-01 12:00 UTC.",
        "12 open questions, 4 of them high · 6 drafts to approve · 2 repeats · 1 group "
        "of questions that ask the same · 2 replies to mark · 2 gaps · 3 links to mend"
        " · 1 source not read.",
        "[quote]",
        "Definitions of all figures, and the rows behind them: "
        f"[the whole report]({WHOLE})",
        "[/quote]",
        "## What could not be told",
    ]
    assert [h.text() for h in cooked(post).css("h2")][1:] == HEADINGS


def test_an_open_question_says_why_it_needs_somebody_and_what_can_be_done() -> None:
    report = sample_report()
    first = replace(report.open_now, questions=report.open_now.questions[:1])

    shown = lines(replace(report, open_now=first))

    at = shown.index("## 1. Open now")
    assert shown[at : at + 14] == [
        "## 1. Open now",
        "",
        "12 questions that no person has answered. Those that need somebody most, 1 of"
        " them:",
        "",
        "[quote]",
        "",
        "- [Dashboard maps stay empty after the upgrade to 2.41]"
        "(https://forum.example.org/t/100) · 7 hours · newcomer · 4 views · "
        "need high (93 %)",
        "  Why: urgent: “blocked since Monday”; first post of a newcomer; 51 hours old",
        "  Could help: [helper1](https://forum.example.org/u/helper1)"
        " (HISP West Africa), [helper2](https://forum.example.org/u/helper2)"
        ", [helper3](https://forum.example.org/u/helper3)",
        "  Do: [Approve the draft](https://forum.example.org/t/9000/2)"
        " · Not a question: `baraza mark 100 not-a-question`",
        "  Best suggestion: "
        "[Using maps](https://docs.example.org/maps.html) (documentation, 41 % sure)",
        "  Why it is not in the topic: less sure than 60 %, which documentation needs",
        "  > Open the settings of maps and clear the cache before you start.",
        "",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "- [Which endpoint lists tracked entities by attribute?]"
        "(https://forum.example.org/t/104) · 79 % alike",
        "  Repeats [Which endpoint lists tracked entities by attribute? (5)]"
        "(https://forum.example.org/t/136), "
        "[probably solved there](https://docs.example.org/tracker.html)",
        "  Repeats [L’importation échoue avec « conflit 409 » sur les données agrégées "
        "(6)](https://forum.example.org/t/141), "
        "[solved there in post 4](https://forum.example.org/t/141/4)",
        "- 3 ask the same: android, sessão",
        "- [Scheduled analytics job never finishes (2)]"
        "(https://forum.example.org/t/114): [post 2](https://forum.example.org/t/114/2)"
        " · 62 % sure",
        "- [helper1](https://forum.example.org/u/helper1) · 5 open questions"
        " · HISP West Africa",
        "- Nothing exists: population, validation, rule · 9 questions, 6 without any"
        " reply",
        "  Members linked: [Using sharing](https://docs.example.org/sharing.html)"
        " (documentation, 63 % alike) ×4, [Using clip](https://docs.example.org/clip.html)"
        " (video, 63 % alike) ×1",
        "60 questions, before 44.",
        "- Answered by a person: 67 % of 60 (56 % – 76 %), before 77 %",
        "- Time to first human reply, median: 3.5 hours, before 4.5 hours",
        "- Written by programs: 21, before 16",
        "- Precision: 82 % of 11 (71 % – 91 %)",
        "What people said of replies: liked, or reacted to well, by members (8);"
        " removed, by moderators (1).",
        "Silent because: not sure enough (19); not a question (8); a person was faster"
        " (4).",
        "- Old version: [Web API 2.36](https://docs.example.org/2.36/web-api.html)"
        " · in 6 posts · of version 2.36; the newest is 2.41",
        "- Source docs: 170 documents · read 9 days ago · 3 could not be read"
        " · 2 do not answer · failed: `docs.example.org`: 503 Service Unavailable",
        "- Source videos: 0 documents · never read",
    ],
)
def test_each_section_says_what_was_found(line: str) -> None:
    assert line in lines(sample_report())


def test_of_nothing_it_says_so() -> None:
    [post] = render_markdown(empty_report())

    assert post.split("\n\n")[1:] == [
        "Nothing is to be done.",
        f"Nothing in: {', '.join(HEADINGS)}.",
    ]
    assert "[quote]" not in post


def test_open_questions_are_told_in_full_and_of_all_else_the_first_ones() -> None:
    report = sample_report()
    many = replace(
        report,
        open_now=replace(
            report.open_now, questions=tuple(open_question(n) for n in range(12))
        ),
        unmarked=report.unmarked * 4,
    )

    [post] = render_markdown(many, top=3)

    per_section = [
        len(quote.css("blockquote > ul > li")) for quote in cooked(post).css("aside")
    ]
    assert per_section[0] == 12
    assert max(per_section[1:]) <= 4 * 3
    assert (
        "8 questions have a reply that looks like their solution. The first 3:" in post
    )


def test_sections_with_nothing_in_them_are_named_in_one_line() -> None:
    report = replace(sample_report(), gaps=model.Gaps(48, ()), unmarked=(), notes=())

    [post] = render_markdown(report)

    left = ["3. Answered, but not marked solved", "5. Gaps"]
    assert f"Nothing in: {', '.join(left)}." in post.splitlines()
    told = [h.text() for h in cooked(post).css("h2")]
    assert told == [heading for heading in HEADINGS if heading not in left]


def test_what_the_bot_posted_was_not_held_back() -> None:
    report = sample_report()
    replied = open_question(0, silence="the bot answered, and no person has")
    waits = open_question(1, silence="a draft waits for a moderator's word")
    some = replace(report.open_now, questions=(replied, waits))

    shown = lines(replace(report, open_now=some))

    assert "  The bot replied, and no person has." in shown
    assert "  A draft waits for a moderator's word." in shown
    titles = [line for line in shown if " · need " in line]
    assert [line.rpartition(" · ")[2] for line in titles] == [
        "bot replied",
        "draft waits",
    ]


def test_without_a_time_before_nothing_is_compared() -> None:
    report = sample_report()
    first = replace(report, trends=replace(report.trends, asked_before=0))

    shown = lines(first)

    assert (
        "60 questions; no question is held of the time before, so there is nothing to "
        "compare with. Those named most often:"
    ) in shown
    assert any(re.match(r"- Version “2\\?\.41”: 11 · ", line) for line in shown)


def test_where_nothing_exists_comes_first_and_one_category_is_no_table() -> None:
    report = sample_report()
    turned = replace(
        report,
        gaps=replace(report.gaps, gaps=report.gaps.gaps[::-1]),
        health=replace(report.health, by_category=report.health.by_category[:1]),
    )

    shown = lines(turned)

    gaps = [line for line in shown if re.match("- (Nothing exists|Exists, but)", line)]
    assert [line[2:9] for line in gaps] == ["Nothing", "Exists,"]
    assert any("is it easy to find?" in line for line in shown)
    assert not any(line.startswith("- Category") for line in shown)
    assert any(line.startswith("- Language English: ") for line in shown)


def test_what_was_searched_in_vain_is_told_with_the_gaps_and_is_no_markup() -> None:
    report = sample_report()
    evil = model.Sought("@all [x](https://evil.example) <img>", 7, 9)
    found = model.Searches(1_234, 86, (evil, *[model.Sought("a b", 5, 5)] * 6))
    alone = model.Gaps(0, (), found)

    [post] = render_markdown(replace(report, gaps=alone))
    shown = post.splitlines()

    assert (
        "Searched for, and not found: 1,234 searches, 86 of them in vain (7 %). "
        "The first 5:"
    ) in shown
    assert len([line for line in shown if "5 people, 5 times" in line]) == 4
    [line] = [line for line in shown if line.endswith(" · 7 people, 9 times")]
    html = cooked(line)
    assert "@all [x](https://evil.example) <img>" in (html.text() or "").replace(
        "\u200b", ""
    )
    assert not html.css("a, img, .mention")
    unserved = render_markdown(replace(report, gaps=model.Gaps(0, ())))
    assert "Searched" not in "".join(unserved)


def test_a_right_to_left_title_keeps_to_itself() -> None:
    question = open_question(0, topic=topic(0, title="مرحبا كيف أضيف وحدة؟"))
    report = sample_report()
    [post] = render_markdown(
        replace(report, open_now=replace(report.open_now, questions=(question,)))
    )

    assert "[\u2068مرحبا كيف أضيف وحدة؟\u2069](" in post


# -- parts -----------------------------------------------------------------------


def test_what_does_not_fit_goes_on_in_the_next_post() -> None:
    report = sample_report()

    posts = render_markdown(report, max_chars=4_000, max_parts=9)

    assert len(posts) > 2
    for number, post in enumerate(posts, start=1):
        assert f"Part {number} of {len(posts)}." in post.splitlines()[0]
    assert "## 1. Open now (continued)" in posts[1]
    # Together they say the same as one post that is long enough.
    assert entries(posts) == entries(render_markdown(report))


def test_what_finds_no_room_is_counted_at_the_end() -> None:
    report = sample_report()
    posts = render_markdown(report, max_chars=4_000, max_parts=2, whole=WHOLE)

    *_, last = posts[-1].split("\n\n")
    assert len(posts) == 2
    assert last.startswith("Left out for want of room: ")
    assert last.endswith("; see the whole report.")
    left = sum(int(count) for count in re.findall(r"\((\d+)\)", last))
    everything = render_markdown(report, whole=WHOLE)
    assert len(entries(posts)) + left == len(entries(everything))
    assert left > 5
    assert "Left out" not in "".join([*posts[:-1], *everything])


def test_what_fits_nowhere_holds_up_nothing() -> None:
    """One endless entry among others."""
    report = sample_report()
    hostile = "https://x.example/" + "a" * 480
    helpers = tuple(replace(h, url=hostile) for h in open_question(0).helpers)
    wide = open_question(1, helpers=helpers, topic=topic(1, url=hostile))
    long = replace(wide, suggestion=resource(url=hostile), why=("\\" * 200,) * 3)
    some = (open_question(0), long, open_question(2))

    posts = render_markdown(
        replace(report, open_now=replace(report.open_now, questions=some)),
        max_chars=3_000,
        max_parts=20,
    )

    assert "1. Open now (1)" in posts[-1].splitlines()[-1]
    assert f"t/{100}" in "".join(posts)
    assert [h for h in HEADINGS if not any(f"## {h}" in post for post in posts)] == []


@settings(max_examples=25, deadline=None)
@given(
    max_chars=st.integers(3_000, 12_000),
    max_parts=st.integers(1, 6),
    is_hostile=st.booleans(),
    whole=st.sampled_from(["", WHOLE, "javascript:alert(1)"]),
)
def test_every_post_fits_and_holds_whole_entries(
    max_chars: int, max_parts: int, is_hostile: bool, whole: str
) -> None:
    report = HOSTILE_REPORT if is_hostile else REPORT

    posts = render_markdown(
        report, max_chars=max_chars, max_parts=max_parts, whole=whole
    )

    assert 1 <= len(posts) <= max_parts
    assert max(map(len, posts)) <= max_chars
    everything = HOSTILE_ENTRIES if is_hostile else ENTRIES
    found = entries(posts)
    assert found == [entry for entry in everything if entry in found]
    for post in posts:
        assert post.count("\n[quote]\n") == post.count("\n[/quote]")


@pytest.mark.parametrize(("max_chars", "max_parts"), [(2_999, 1), (30_000, 0)])
def test_too_little_room_for_any_report_is_refused(
    max_chars: int, max_parts: int
) -> None:
    with pytest.raises(ValueError, match="expected 3000 characters in 1 part"):
        render_markdown(sample_report(), max_chars=max_chars, max_parts=max_parts)


def entries(posts: tuple[str, ...]) -> list[str]:
    """The items of all lists that stand in quotes, in order."""
    quotes = re.findall(r"\[quote\]\n\n(.*?)\n\n\[/quote\]", "\n".join(posts), re.S)
    blocks = [block for quote in quotes for block in quote.split("\n\n")]
    return [block for block in blocks if block.startswith("- ")]


ENTRIES = entries(render_markdown(REPORT))
HOSTILE_ENTRIES = entries(render_markdown(HOSTILE_REPORT))


# -- nothing lives ---------------------------------------------------------------


def test_a_hostile_report_is_dead_in_one_post_and_in_many() -> None:
    for size in (MAX_CHARS, 5_000):
        for post in render_markdown(HOSTILE_REPORT, max_chars=size, max_parts=20):
            check_dead(post, HOSTILE_TARGETS)


@pytest.mark.parametrize("title", ["1. one", "- two", "+ three", "> four", "# five"])
def test_what_begins_as_a_list_does_is_none(title: str) -> None:
    """Where it leads nowhere, a title stands alone."""
    nowhere = topic(0, title=title, url="javascript:alert(1)")
    report = sample_report(open_now=model.OpenNow(model.Rows(1), (open_question(0),)))
    some = replace(
        report.open_now, questions=(open_question(0, topic=nowhere, actions=()),)
    )

    [post] = render_markdown(replace(report, open_now=some))

    check_dead(post, frozenset(_targets(report)))
    assert cooked(post).css("aside li")[0].text().startswith(f"{title} · 7 hours")


def test_the_links_of_a_report_are_those_that_it_holds() -> None:
    report = sample_report()
    [post] = render_markdown(report)

    targets = check_dead(post, frozenset(_targets(report)))

    assert f"{topic(0).url}" in targets
    assert len(targets) > 30


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(HOSTILE, min_size=1, max_size=6))
def test_whatever_people_wrote_stays_dead(texts: list[str]) -> None:
    turn = iter(range(10**6))
    report = _filled(SHORT, lambda: texts[next(turn) % len(texts)])

    for post in render_markdown(report):
        check_dead(post, SHORT_TARGETS)


def check_dead(post: str, known: frozenset[str]) -> list[str]:
    """That nothing foreign in a post does anything but being read; its links, which are
    to be among the known ones."""
    html = cook(post, KITCHEN)
    page = LexborHTMLParser(html)
    live = "img, .mention, .mention-group, .hashtag-cooked, .onebox, table, hr, .emoji"
    assert [node.html for node in page.css(live)] == []
    assert [node.html for node in page.css("h1, h3, pre, details, script, b, ol")] == []
    found = calls(html)
    assert (found.mentioned, found.groups, found.quoted) == (
        frozenset(),
        frozenset(),
        (),
    )
    # Silent: none of them is noted by the forum.
    assert links(html, KITCHEN.base_url) == ()
    assert {tuple(q.attributes.items()) for q in page.css("aside")} <= {
        (("class", "quote no-group"),)
    }
    # Lists are ours, and lie in nothing of somebody else's.
    assert page.css("li li, blockquote blockquote blockquote") == []
    targets = [a.attributes.get("href") or "" for a in page.css("a")]
    anchors = [each for each in targets if not each.startswith("#")]
    assert set(anchors) <= known
    told = _outside_links_and_code(page)
    assert not _LINKIFIED.search(told)
    # Names may have letters of any script.
    assert not re.search(r"[@#]\w", told)
    # The same for who knows Markdown and nothing of forums.
    plain = LexborHTMLParser(MarkdownIt("commonmark", {"html": True}).render(post))
    tags = {node.tag for node in plain.css("body *")}
    assert tags <= {"p", "ul", "li", "a", "blockquote", "code", "h2"}
    return anchors


def _targets(record: Any) -> Iterator[str]:
    """What a record may link, as a browser has it."""
    if isinstance(record, tuple):
        for each in record:
            yield from _targets(each)
    elif is_dataclass(record) and not isinstance(record, type):
        for field in fields(record):
            value = getattr(record, field.name)
            if field.name == "url" and value.startswith("http"):
                yield link_target(value).replace("&amp;", "&")
            yield from _targets(value)


_OURS = {"name", "unit", "where", "verdict", "what", "problem", "kind", "url"}


def _filled(record: Any, text: Any) -> Any:
    """A report in which people wrote something else; addresses stay."""
    if isinstance(record, tuple):
        return tuple(_filled(each, text) for each in record)
    if isinstance(record, str):
        return text()
    if not is_dataclass(record) or isinstance(record, type):
        return record
    changed = {
        field.name: _filled(getattr(record, field.name), text)
        for field in fields(record)
        if field.name not in _OURS
    }
    return replace(record, **changed)


def _short() -> model.Report:
    """Of each thing one, so that many can be tried."""
    report = sample_report(rows=())
    return replace(
        report,
        open_now=replace(report.open_now, questions=report.open_now.questions[:1]),
        repeats=model.Repeats(report.repeats.repeats[:1], report.repeats.clusters),
        unmarked=report.unmarked[:1],
        who_could_help=report.who_could_help[:1],
        gaps=replace(report.gaps, gaps=report.gaps.gaps[1:]),
        health=replace(
            report.health,
            by_category=report.health.by_category[:1],
            by_language=report.health.by_language[:1],
        ),
        upkeep=model.Upkeep(report.upkeep.links[:1], report.upkeep.sources[1:2]),
    )


SHORT = _short()
SHORT_TARGETS = frozenset(_targets(SHORT))
HOSTILE_TARGETS = frozenset(_targets(HOSTILE_REPORT))
