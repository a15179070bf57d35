"""The report as one page: what it says, where it leads, and what it never does."""

from __future__ import annotations

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import pairwise
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
    "open-now": "Open now",
    "same": "Probably the same",
    "unmarked": "Answered, not marked solved",
    "helpers": "Who could help",
    "gaps": "Gaps",
    "trends": "Trends",
    "health": "Community health",
    "bot": "Bot scorecard",
    "upkeep": "Upkeep",
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


def test_the_contents_say_how_much_is_in_each_section() -> None:
    def contents(report: model.Report | str) -> list[str]:
        return [text(node) for node in tree(report).css("nav a")]

    assert contents("sample") == [
        "Open now 12",
        "Probably the same 3",
        "Answered, not marked solved 2",
        "Who could help 3",
        "Gaps 2",
        "Trends 4",
        "Community health 60",
        "Bot scorecard 52",
        "Upkeep 4",
        "Tables",
        "Definitions",
    ]
    assert contents(empty_report()) == [
        f"{title} 0" if anchor not in ("tables", "definitions") else title
        for anchor, title in SECTIONS.items()
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
        "by member0Supporten4 views urgent: “blocked since Monday” first post of a "
        "newcomer 51 hours old 0.93need (definition) "
        "Best suggestion held back (definition) Using maps documentation, 41 % sure to "
        "help, similarity (definition) 0.63 Held back: less sure than 60 %, which "
        "documentation needs Open the settings of maps and clear the cache before you "
        "start. Open: Dashboard maps stay empty after the upgrade to 2.41 Approve the "
        "draft: Dashboard maps stay empty after the upgrade to 2.41 Not a question: "
        "baraza report dismiss 100 Who could help (definition) helper1 HISP West "
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
        assert len(tile.css("details li")) == len(figure.rows.first)
        assert figure.rows.where in text(tile)
    assert text(tiles[1]) == (
        "Answered by a person (definition) 67 % 56 % – 76 % of 60; before: 77 % "
        "40 topics behind “Answered by a person” "
        + " ".join(
            f"{each.title} {each.created_at:%Y-%m-%d}" for each in figures[1].rows.first
        )
        + " 5 of 40 topics are listed here. All: answered = yes in the table of topics."
    )
    told = {node.attributes["id"] for node in parsed.css("dl.defined > div")}
    assert told == {f"def-{name}" for name in DEFINITIONS}


def test_groups_lead_to_their_rows_where_there_are_any() -> None:
    health = section("health", "sample")
    named = {node.attributes["href"]: text(node) for node in health.css("tbody th a")}
    assert named == {
        "#language-1": "en",
        "#language-2": "fr",
        "#language-3": "es",
        "#language-4": "pt",
        "#category-1": "Support",
        "#category-2": "Ayuda",
        "#category-3": "Development",
    }
    behind = text(health.css_first("#language-2"))
    assert "language = fr and answered = yes" in behind
    # Weeks are told by the dates of topics.
    assert health.css_first("#time-1") is None
    assert "2024-04-10" in text(health.css("table")[0])


@pytest.mark.parametrize(
    ("anchor", "sentence"),
    [
        ("open-now", "Nothing was asked in this time, so nobody waits."),
        ("same", "No new question repeats a solved one, and no two open ones ask the"),
        ("unmarked", "No reply without a mark looks like a solution."),
        ("helpers", "No question is open, so nobody is asked for."),
        ("gaps", "There was no question to look at."),
        ("trends", "Nothing is asked for more often than before: 0 questions now, 0"),
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
        "Triage report: Example community 1 topic, 2024-04-03 to 2024-05-01, as of "
        "2024-05-01 12:00 UTC. One <b>note</b>. Two."
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
        "forum10,9942024-05-012 hours ago00none",
        "docs1702024-04-229 days ago32failed docs.example.org: 503 Service Unavailable",
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
        "Best suggestion held back (definition) Using maps documentation"
    )
    assert card.css("blockquote, .chips, .actions, .helpers") == []


def test_a_name_that_is_markup_stays_a_name() -> None:
    parsed = tree(empty_report(community=EVIL))
    assert parsed.css("script, img") == []
    title = text(parsed.css_first("title"))
    assert title.startswith("Triage report: </script></style></title>")
