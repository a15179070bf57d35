"""The report as one page: what it says, where it leads, and what it never does."""

from __future__ import annotations

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.report import model, page
from bot.report.charts import activity_chart, bar, sureness_chart, waiting_chart
from bot.report.definitions import DEFINITIONS
from bot.report.page import render_page
from bot.report.tables import tables
from tests.bot.report.sample import (
    EMOJIS,
    EVIL,
    LONG,
    earlier_figures,
    empty_report,
    health_figures,
    hostile_report,
    open_question,
    resource,
    sample_report,
    scorecard,
    topic,
)

TABLES = {"topics": 'key,title\r\n1,é\r\n2,"a\r\nb"\r\n', "gaps": "words\r\n"}
SECTIONS = {
    "open-now": "1. Open now",
    "same": "2. Probably the same",
    "unmarked": "3. Answered, but not marked solved",
    "helpers": "4. Who could help",
    "gaps": "5. Gaps",
    "trends": "6. Trends",
    "health": "7. Community health",
    "bot": "8. The bot",
    "upkeep": "9. Upkeep",
    "tables": "Tables",
    "definitions": "Definitions",
}


REPORTS = {
    "sample": sample_report(),
    "hostile": hostile_report(),
    "empty": empty_report(),
}


@cache
def written(name: str) -> str:
    """The page of a report, drawn once for all tests that only read it."""
    return render_page(REPORTS[name], csv=TABLES)


def tree(report: model.Report | str) -> LexborHTMLParser:
    """The page, of a report or of one of `REPORTS`, as a browser reads it."""
    if isinstance(report, str):
        return LexborHTMLParser(written(report))
    return LexborHTMLParser(render_page(report))


def text(node: LexborNode | LexborHTMLParser | None) -> str:
    assert node is not None
    return " ".join(node.text().split())


def section(anchor: str, report: model.Report | str) -> LexborNode:
    found = tree(report).css_first(f'section[aria-labelledby="{anchor}"]')
    assert found is not None
    return found


def attributes(parsed: LexborHTMLParser, name: str) -> list[str]:
    return [node.attributes[name] or "" for node in parsed.css(f"[{name}]")]


@pytest.fixture(scope="module", params=REPORTS)
def parsed(request: pytest.FixtureRequest) -> LexborHTMLParser:
    return tree(str(request.param))


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(
    parsed: LexborHTMLParser,
) -> None:
    forbidden = "script, link, img, iframe, object, embed, form, image, base, audio"
    assert parsed.css(forbidden) == []
    assert not [
        name
        for node in parsed.css("*")
        for name in node.attributes
        if name.startswith("on") or name in ("src", "srcset")
    ]
    style = text(parsed.css_first("style"))
    assert "url(" not in style
    assert "@import" not in style
    policy = parsed.css_first("meta[http-equiv=Content-Security-Policy]")
    assert policy is not None
    assert "default-src 'none'" in (policy.attributes["content"] or "")


def test_every_link_leads_to_the_web_into_the_page_or_to_a_table(
    parsed: LexborHTMLParser,
) -> None:
    ids = attributes(parsed, "id")
    assert len(ids) == len(set(ids))
    for node in parsed.css("a"):
        address = node.attributes["href"] or ""
        if address.startswith("#"):
            assert address[1:] in ids
        elif "download" in node.attributes:
            assert address.startswith("data:text/csv;charset=utf-8;base64,")
        else:
            assert urlsplit(address).scheme in ("http", "https")
            assert node.attributes["rel"] == "nofollow noopener noreferrer"
        assert text(node)
    for value in attributes(parsed, "aria-labelledby"):
        assert set(value.split()) <= set(ids)
    for node in parsed.css("use"):
        assert (node.attributes["xlink:href"] or "")[1:] in ids


def test_sections_have_headings_in_order_and_regions_names_of_their_own(
    parsed: LexborHTMLParser,
) -> None:
    assert len(parsed.css("h1")) == 1
    headings = {node.attributes["id"]: text(node) for node in parsed.css("h2")}
    assert headings == SECTIONS
    assert list(headings) == list(SECTIONS)
    assert attributes(parsed, "aria-labelledby")[0] == "open-now"
    assert attributes(parsed, "lang")[0] == "en"
    named = attributes(parsed, "aria-label")
    assert len(named) == len(set(named))
    levels = [(node.tag or "")[1:] for node in parsed.css("h1, h2, h3, h4, h5, h6")]
    assert all(int(low) <= int(high) + 1 for high, low in pairwise(levels))


def test_the_contents_say_in_which_sections_something_is_to_be_done() -> None:
    def contents(report: model.Report | str) -> list[str]:
        return [text(node) for node in tree(report).css("nav a")]

    assert contents("sample") == [
        "1. Open now 12",
        "2. Probably the same 3",
        "3. Answered, but not marked solved 2",
        "4. Who could help",
        "5. Gaps 2",
        "6. Trends",
        "7. Community health",
        "8. The bot",
        "9. Upkeep 4",
        "Tables",
        "Definitions",
    ]
    assert contents(empty_report()) == list(SECTIONS.values())


def test_what_is_to_be_done_stands_on_top_and_leads_to_its_section() -> None:
    todo = tree("sample").css("header .todo a")
    assert [(text(node), node.attributes["href"]) for node in todo] == [
        ("12 open questions, 4 of them high", "#open-now"),
        ("6 drafts to approve", "#open-now"),
        ("2 repeats", "#same"),
        ("1 group of questions that ask the same", "#same"),
        ("2 replies to mark", "#unmarked"),
        ("2 gaps", "#gaps"),
        ("3 links to mend", "#upkeep"),
        ("1 source not read", "#upkeep"),
    ]


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_page(sample_report(), csv=TABLES) == written("sample")


def test_words_of_members_are_shown_and_never_obeyed() -> None:
    parsed = tree("hostile")
    shown = text(parsed.body)
    assert "<script>alert(1)</script>" in shown
    assert "{{ 7 * 7 }}" in shown
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", written("hostile"))
    assert EMOJIS[:100] in shown
    assert LONG not in shown
    assert "untitled" in shown
    # Markup that somebody wrote would be markup that the plain report has not.
    assert {node.tag for node in parsed.css("*")} == {
        node.tag for node in tree("sample").css("*")
    }


def test_what_a_member_wrote_in_has_its_own_direction_and_language() -> None:
    asked = topic(1, language="fr")
    odd = topic(2, language='x" onclick="y')
    report = empty_report(
        open_now=model.OpenNow(
            model.Rows(2), (open_question(0, topic=asked), open_question(1, topic=odd))
        )
    )
    first, second = tree(report).css(".question h3 a")
    assert (first.attributes["lang"], first.attributes["dir"]) == ("fr", "auto")
    assert "lang" not in second.attributes


def test_a_card_tells_what_to_open_why_and_what_is_known() -> None:
    card = tree("sample").css_first(".question")
    assert text(card) == (
        "Dashboard maps stay empty after the upgrade to 2.41 7 hours agonewcomer"
        "by member0SupportEnglish4 views urgent: “blocked since Monday” first post of "
        "a newcomer 51 hours old highneed (definition) (93 %) "
        "Best suggestion (definition) Using maps documentation, 41 % sure to help, "
        "63 % alike (definition) Why it is not in the topic: less sure than 60 %, "
        "which documentation needs Open the settings of maps and clear the cache "
        "before you start. Open: Dashboard maps stay empty after the upgrade to 2.41 "
        "Approve the draft: Dashboard maps stay empty after the upgrade to 2.41 Not a "
        "question: "
        "baraza mark 100 not-a-question Who could help (definition) helper1 HISP West "
        "Africa – answered 12 of the 40 most similar questions first helper2 – "
        "answered 6 of the 40 most similar questions first helper3 – answered 4 of the "
        "40 most similar questions first"
    )


@pytest.mark.parametrize(
    ("action", "shown", "leads_to"),
    [
        (model.Action("open", "https://f.org/t/1", "x"), "Open", "https://f.org/t/1"),
        (model.Action("approve", "", "baraza approve 1"), "Approve the draft:", None),
        (model.Action("open", "javascript:x()"), None, None),
        (model.Action("other", "https://f.org/x"), "other", "https://f.org/x"),
    ],
)
def test_an_action_is_a_link_or_else_a_command(
    action: model.Action, shown: str | None, leads_to: str | None
) -> None:
    asked = open_question(0, actions=(action,))
    card = tree(empty_report(open_now=model.OpenNow(model.Rows(1), (asked,))))
    told = card.css(".actions > li")
    assert [text(node)[: len(shown or "")] for node in told] == (
        [shown] if shown else []
    )
    buttons = [node.attributes["href"] for node in card.css("a.button")]
    assert buttons == ([leads_to] if leads_to else [])
    assert [text(node) for node in card.css(".actions code")] == (
        [action.command] if shown and not leads_to else []
    )


def test_every_figure_has_its_definition_and_its_rows() -> None:
    parsed = tree("sample")
    tiles = parsed.css(".figures > li")
    figures = sample_report().health.overall + scorecard().figures
    assert len(tiles) == len(figures)
    for tile, figure in zip(tiles, figures, strict=True):
        term = tile.css_first("a.term")
        assert term is not None
        assert term.attributes["href"] == f"#def-{figure.name}"
        assert text(tile.css_first("summary")).startswith(f"{figure.rows.count} topic")
        now = tile.css("details")[0]
        assert len(now.css("li")) == len(figure.rows.first)
        if figure.rows.where is None:
            assert "All:" not in text(now)
            continue
        assert text(now.css_first("code")) == figure.rows.where
        assert text(now).endswith(f"in the table of {figure.rows.table}.")
    assert text(tiles[1]) == (
        "Answered by a person (definition) 67 % 56 % – 76 % of 60; before: 77 % "
        "40 topics behind “Answered by a person” "
        + " ".join(
            f"{each.title} {each.created_at:%Y-%m-%d}" for each in figures[1].rows.first
        )
        + " 5 of 40 topics are listed here. All: in_period = yes and answered = yes in "
        "the table of topics. 34 topics before behind “Answered by a person” "
        + " ".join(
            f"{each.title} {each.created_at:%Y-%m-%d}" for each in figures[1].rows.first
        )
        + " 5 of 34 topics are listed here."
    )
    told = {node.attributes["id"] for node in parsed.css("dl.defined > div")}
    assert told == {f"def-{name}" for name in DEFINITIONS}


def test_groups_lead_to_their_rows_where_there_are_any() -> None:
    health = section("health", "sample")
    named = {node.attributes["href"]: text(node) for node in health.css("tbody th a")}
    assert named == {
        "#language-1": "English",
        "#language-2": "French",
        "#language-3": "Spanish",
        "#language-4": "Portuguese",
        "#category-1": "Support",
        "#category-2": "Ayuda",
        "#category-3": "Development",
    }
    behind = text(health.css_first("#language-2"))
    assert 'in_period = yes and language = "fr" and answered = yes' in behind
    # Weeks are told by the dates of topics.
    assert health.css_first("#time-1") is None
    assert "The topics of a row: in_period = yes, with created_at from its" in text(
        health
    )
    assert "2024-04-10" in text(health.css("table")[0])


def test_the_rows_of_all_others_are_shown_and_no_condition_is_made_up() -> None:
    sample = sample_report()
    rest = replace(
        sample.health.by_category[0],
        name="all others",
        rest=True,
        figures=tuple(
            replace(figure, rows=replace(figure.rows, where=None))
            for figure in sample.health.by_category[0].figures
        ),
    )
    groups = (*sample.health.by_category[1:], rest)
    health = section(
        "health", replace(sample, health=replace(sample.health, by_category=groups))
    )
    behind = health.css_first("#category-3")
    assert behind is not None
    assert text(behind.css_first("h4")) == "all others"
    assert behind.css("code") == []
    assert len(behind.css("ul ul li")) > 7
    # All rows of a table need no condition.
    everything = model.Rows(2, "", (topic(0),), table="decisions")
    figure = model.Figure("bot_decided", 2, "count", 2, everything)
    bot = section("bot", empty_report(scorecard=scorecard(figures=(figure,))))
    assert "1 of 2 topics are listed here. All: the table of decisions." in text(bot)


def test_a_repeat_says_where_the_earlier_question_was_solved() -> None:
    sample = sample_report()
    asked = topic(1)
    found = replace(
        sample,
        open_now=replace(sample.open_now, questions=(open_question(0, topic=asked),)),
    )
    first, second = section("same", found).css(".card")[:2]
    assert "87 % alikealso under Open now Repeats" in text(first)
    link = first.css("p a")[-1]
    assert text(link) == "solved there in post 4"
    assert link.attributes["href"] == "https://forum.example.org/t/141/4"
    # The title of the earlier one is told once.
    assert text(first).count("conflit 409") == 2
    assert "also under" not in text(second)
    assert text(second.css("p a")[-1]) == "probably solved there"


def test_a_suggestion_that_the_bot_posted_was_not_held_back() -> None:
    def card(silence: str, **changes: Any) -> str:
        asked = open_question(0, silence=silence, **changes)
        report = empty_report(open_now=model.OpenNow(model.Rows(1), (asked,)))
        return text(tree(report).css_first(".question"))

    replied = card("the bot answered, and no person has")
    assert "newcomerbot replied" in replied
    assert "The bot replied, and no person has." in replied
    assert "not in the topic" not in replied
    waits = card("a draft waits for a moderator's word")
    assert "newcomerdraft waits" in waits
    assert "A draft waits for a moderator's word." in waits
    assert "Why the bot is silent: no idea" in card("no idea", suggestion=None)


def test_actions_have_names_for_people() -> None:
    names = ("open", "read_draft", "approve", "reject", "not_a_question")
    made = tuple(model.Action(name, f"https://f.org/{name}") for name in names)
    asked = open_question(0, actions=made)
    report = empty_report(open_now=model.OpenNow(model.Rows(1), (asked,)))
    told = [text(node).partition(":")[0] for node in tree(report).css(".button")]
    assert told == [
        "Open",
        "Read the draft",
        "Approve the draft",
        "Reject the draft",
        "Not a question",
    ]


def test_of_few_topics_there_are_numbers_and_neither_shares_nor_charts() -> None:
    sample = sample_report()
    few = replace(
        sample,
        topics=9,
        health=replace(
            sample.health,
            overall=health_figures(9),
            before=earlier_figures(6),
            by_language=sample.health.by_language[:1],
            by_category=(),
        ),
        scorecard=scorecard(calibration=(model.Bin(0.3, 0.25, 0.07, 0.59, 8),)),
    )
    health = section("health", few)
    assert health.css("svg.chart, table, h3") == []
    assert text(health.css(".figures > li")[1]).startswith(
        "Answered by a person (definition) 6 of 9 before: 4 of 6 6 topics"
    )
    bot = section("bot", few)
    assert bot.css("svg.chart") == []
    assert "30 %2 of 8–8–" in text(bot.css("table")[-1].css_first("tbody"))


def test_without_a_time_before_nothing_is_new() -> None:
    sample = sample_report()
    first = replace(sample, trends=replace(sample.trends, asked_before=0))
    told = section("trends", first)
    assert "there is nothing to compare with" in text(told)
    assert "Error messages named most often" in text(told)
    assert "New" not in {text(node) for node in told.css("h3, th")}
    assert "Before" not in {text(node) for node in told.css("th")}
    assert "Before" in {text(node) for node in section("trends", "sample").css("th")}


def test_a_gap_shows_its_questions_a_few_of_them_at_once() -> None:
    sample = sample_report()
    large = replace(
        sample.gaps.gaps[0],
        size=40,
        topics=tuple(topic(number) for number in range(30)),
    )
    [card] = section("gaps", replace(sample, gaps=model.Gaps(48, (large,)))).css(
        ".card"
    )
    side = card.css_first(".side")
    assert side is not None
    assert [len(each.css("li")) for each in (side, *side.css("details"))] == [25, 20]
    assert text(side.css_first("summary")) == (
        "20 more of 40: population · validation · rule"
    )
    assert "6 of them without any reply (definition)" in text(card)
    # A small one shows all of them.
    assert section("gaps", "sample").css(".card")[1].css("details") == []


def test_what_was_searched_in_vain_stands_with_the_gaps_if_anything_was() -> None:
    sample = sample_report()
    shown = section("gaps", "sample")
    assert [text(node) for node in shown.css("h3")][-1] == (
        "Searched for, and not found (definition)"
    )
    rows = [[text(c) for c in r.css("th, td")] for r in shown.css("tbody tr")]
    assert rows == [["dhis2 hors ligne", "12", "31"], ["2.41 e1063 import", "5", "5"]]
    assert "1,234 searches, 86 of them in vain (7 %)." in text(shown)

    rare = model.Gaps(0, (), model.Searches(12, 3))
    rarely = section("gaps", replace(sample, gaps=rare))
    assert text(rarely.css_first("p.empty")) == "There was no question to look at."
    assert (
        "12 searches, 3 of them in vain (25 %). No query of these was of so many "
        "people that it may be named."
    ) in text(rarely)
    assert not rarely.css("table")

    unserved = section("gaps", replace(sample, gaps=model.Gaps(0, ())))
    assert "earched" not in text(unserved)


def test_the_scorecard_shows_what_people_said_and_replies_that_were_as_sure() -> None:
    bot = section("bot", "sample")
    said = bot.css("table")[2]
    assert [text(row.css_first("th")) for row in said.css("tbody tr")] == [
        "liked, or reacted to well, by members",
        "removed, by moderators",
    ]
    bins = bot.css("table")[3].css("tbody tr")
    assert [len(row.css("details li")) for row in bins] == [0, 0, 2]
    headings = [node.attributes["href"] for node in bot.css("h3 a.term")]
    assert headings == [
        f"#def-{name}"
        for name in ("silences", "outcomes", "ratings", "calibration", "mistakes")
    ]


@pytest.mark.parametrize(
    ("anchor", "sentence"),
    [
        ("open-now", "Nothing was asked in this time, so nobody waits."),
        ("same", "No new question repeats an earlier one that was solved, or looks"),
        ("unmarked", "No reply without a mark looks like a solution."),
        ("helpers", "No question is open, so nobody is asked for."),
        ("gaps", "There was no question to look at."),
        ("trends", "0 questions now; no question is held of the time before, so there"),
        (
            "health",
            "Nobody began a topic in this time, so there is nothing to measure.",
        ),
        ("bot", "No bot watches this forum, or it decided nothing yet."),
        (
            "upkeep",
            "No answer leads to a dead, moved or outdated page, as far as links",
        ),
        (
            "tables",
            "They are not in this page; baraza report --format csv --out tables writes",
        ),
    ],
)
def test_an_empty_section_says_what_that_means(anchor: str, sentence: str) -> None:
    assert text(section(anchor, empty_report()).css_first(".empty")).startswith(
        sentence
    )


def test_what_is_missing_in_a_full_report_is_said_too() -> None:
    quiet = empty_report(
        topics=60,
        open_now=model.OpenNow(model.Rows(0), ()),
        gaps=model.Gaps(48, ()),
        scorecard=scorecard(calibration=(), mistakes=(), paused="asked to, by <mail>"),
    )
    assert "a person has answered every question" in text(section("open-now", quiet))
    assert "None: of 48 questions" in text(section("gaps", quiet))
    bot = text(section("bot", quiet))
    assert "The bot posts nothing now: asked to, by <mail>" in bot
    assert "No reply was rated yet" in bot
    assert "None: nobody said of a reply" in bot
    busy = replace(quiet, open_now=model.OpenNow(model.Rows(3), ()), who_could_help=())
    assert "3 questions are open; none is listed." in text(section("open-now", busy))
    assert "No member who was active lately" in text(section("helpers", busy))


def test_notes_and_privacy_stand_at_the_top() -> None:
    def top(report: model.Report | str) -> str:
        return text(tree(report).css_first("header"))

    assert top(empty_report(topics=1, notes=("One <b>note</b>.", "Two."))) == (
        "Triage report: Example community 1 topic asked, 2024-04-03 12:00 UTC to "
        "2024-05-01 12:00 UTC, as of (definition) 2024-05-01 12:00 UTC. Nothing is "
        "to be done. One <b>note</b>. Two."
    )
    assert "For moderators only." in top(empty_report(private=True))
    assert "For moderators only." not in top("sample")


def test_times_are_told_to_machines() -> None:
    moments = attributes(tree("sample"), "datetime")
    assert moments[:4] == [
        "2024-04-03T12:00:00Z",
        "2024-05-01T12:00:00Z",
        "2024-05-01T12:00:00Z",
        "2024-05-01T05:00:00Z",
    ]


def test_upkeep_tells_links_and_how_sources_are() -> None:
    links, sources = section("upkeep", "sample").css("table")
    assert [text(row) for row in links.css("tbody tr")] == [
        "Configuring maps Dead (definition): answers with 404 since 2024-04-02 14 "
        "Using maps Dashboard maps stay empty after the upgrade to 2.411 more with "
        "Configuring maps Dashboard maps stay empty after the upgrade to 2.41 (2) "
        "2024-04-28",
        "Web API 2.36 Old version (definition): of version 2.36; the newest is 2.41 6 "
        "– Which endpoint lists tracked entities by attribute?",
        "http://docs.example.org/sharing Moved (definition): leads to another page 2 "
        "Using sharing –",
    ]
    assert [text(row) for row in sources.css("tbody tr")] == [
        "forum10,9942024-05-01 2 hours ago00none",
        "docs1702024-04-22 9 days ago32failed docs.example.org: 503 Service "
        "Unavailable",
        "videos0never00none",
    ]


# -- tables ------------------------------------------------------------------------


def test_tables_are_saved_from_the_page_as_they_are() -> None:
    links = tree("sample").css("a[download]")
    saved = {
        node.attributes["download"]: base64.b64decode(
            (node.attributes["href"] or "").partition(",")[2]
        ).decode()
        for node in links
    }
    assert saved == {f"{name}.csv": text for name, text in TABLES.items()}
    told = tree("sample").css('section[aria-labelledby="tables"] li')
    assert [text(node) for node in told] == ["topics.csv, 2 rows", "gaps.csv, 0 rows"]


def test_all_tables_of_a_report_can_be_saved() -> None:
    report = replace(hostile_report(), health=empty_report().health, scorecard=None)
    carried = LexborHTMLParser(render_page(report, csv=tables(report)))
    links = carried.css("a[download]")
    assert [node.attributes["download"] for node in links] == [
        f"{name}.csv" for name in tables(report)
    ]


def test_a_page_of_fifty_thousand_topics_stays_below_ten_megabytes() -> None:
    """What does not fit is left to a command, and what comes after it may still fit."""
    row = f"forum,100,{'x' * 60},{'y' * 60},2024-05-01T05:00:00Z,yes,no,,12\r\n"
    large = render_page(
        empty_report(),
        csv={"topics": "head\r\n" + row * 50_000, "gaps": TABLES["gaps"]},
    )
    assert len(large) < 10_000_000
    told = LexborHTMLParser(large).css('section[aria-labelledby="tables"] li')
    assert [text(node) for node in told] == [
        "topics.csv, 50,000 rows: too long for this page; baraza report --format csv "
        "--out tables writes it",
        "gaps.csv, 0 rows",
    ]
    carried = render_page(empty_report(), csv={"topics": "head\r\n" + row * 11_000})
    assert 'download="topics.csv"' in carried
    assert len(carried) < page.MAX_TABLES_BYTES


# -- charts ------------------------------------------------------------------------


def test_charts_follow_the_page_in_colour_and_say_what_they_show() -> None:
    charts = re.findall(
        r'<svg class="chart".*?</svg>', written("sample"), flags=re.DOTALL
    )
    assert len(charts) == 3
    for chart in charts:
        assert re.search(r"<title id=[^>]+>\w", chart)
        assert not re.search(r"#[0-9a-f]{6}\b(?!-)", re.sub(r'#\w+-[^")]*', "", chart))
        assert "var(--curve)" in chart
        assert "DejaVu" not in chart
    assert "59 asked, 44 answered by a person, 19 solved" in charts[0]
    assert "median from 3.5 to 6.5 hours; 90th percentile from 31.0" in charts[1]
    assert "32\u00a0% sure: 25\u00a0% of 8 right" in charts[2]


def test_charts_that_are_drawn_at_once_do_not_disturb_each_other() -> None:
    """The drawing library's settings are those of the whole process."""
    weeks = sample_report().health.over_time
    with ThreadPoolExecutor(4) as pool:
        drawn = pool.map(lambda _: activity_chart("a", "A", weeks), range(8))
        assert len(set(drawn)) == 1


def test_charts_of_nothing_are_left_out() -> None:
    def weeks(*hours: float | None) -> tuple[model.Group, ...]:
        return tuple(
            model.Group(
                f"2024-04-{1 + place:02}",
                (model.Figure("first_reply_median", wait, "hours", 1, model.Rows(1)),),
            )
            for place, wait in enumerate(hours)
        )

    assert activity_chart("a", "A", ()) == ""
    assert activity_chart("a", "A", weeks(1.0)) == ""
    assert waiting_chart("w", "W", weeks(None, None)) == ""
    assert sureness_chart("s", "S", ()) == ""
    # No time at all has no place on a logarithmic axis, nor has an unknown one.
    assert "<desc" in waiting_chart("w", "W", weeks(0.0, None, 20_000.0))
    assert "median from 2.0 to 2.0 hours." in waiting_chart("w", "W", weeks(2.0))


def test_a_chart_of_many_months_names_some_of_them() -> None:
    months = [
        model.Group(f"{2014 + each // 12}-{1 + each % 12:02}", health_figures(each))
        for each in range(120)
    ]
    names = re.findall(r">(\d{4}-\d\d)</", activity_chart("a", "A", months))
    assert names == ["2014-01", "2016-07", "2019-01", "2021-07"]


@pytest.mark.parametrize(
    ("part", "share", "widths"),
    [
        (0.5, 0.5, ("50.0", "25.0")),
        (None, None, ("0.0", "0.0")),
        (2.0, -1.0, ("100.0", "0.0")),
    ],
)
def test_a_bar_stays_within_its_row(
    part: float | None, share: float | None, widths: tuple[str, str]
) -> None:
    assert tuple(re.findall(r' width="([\d.]+)"', bar(part, share))) == widths


def test_a_suggestion_without_a_passage_or_a_confidence_says_less() -> None:
    asked = open_question(
        0,
        suggestion=resource(confidence=None, similarity=None, passage=""),
        silence="",
        helpers=(),
        why=(),
        actions=(),
    )
    card = tree(empty_report(open_now=model.OpenNow(model.Rows(1), (asked,))))
    assert text(card.css_first(".sides")) == (
        "Best suggestion (definition) Using maps documentation"
    )
    assert card.css("blockquote, .chips, .actions, .helpers") == []


def test_a_name_that_is_markup_stays_a_name() -> None:
    parsed = tree(empty_report(community=EVIL))
    assert parsed.css("script, img") == []
    title = text(parsed.css_first("title"))
    assert title.startswith("Triage report: </script></style></title>")
