"""The report's page as a browser shows it: to eyes, to a keyboard, to a reader."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bot.report import model
from bot.report.page import render_page
from tests.bot.report.browser import Scheme, Seen, find_chromium, opened, started
from tests.bot.report.sample import (
    empty_report,
    hostile_report,
    open_question,
    sample_report,
)

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

REPORTS: Mapping[str, Callable[[], model.Report]] = {
    "sample": sample_report,
    "hostile": hostile_report,
    "empty": lambda: empty_report(private=True),
}
TABLES = {
    "topics": 'key,title\r\n1,"Où ? ""là"""\r\n2,مرحبا\r\n',
    "gaps": "words,size\r\n",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None
    with started(CHROMIUM) as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    written = {}
    for name, made in REPORTS.items():
        written[name] = folder / f"{name}.html"
        written[name].write_text(render_page(made(), csv=TABLES), encoding="utf-8")
    return written


@pytest.fixture
def seen(browser: Browser, files: Mapping[str, Path]) -> Iterator[Seen]:
    with opened(browser, files["sample"]) as page:
        yield page


@pytest.mark.parametrize("name", REPORTS)
def test_nobody_is_kept_out_and_nothing_is_fetched(
    browser: Browser, files: Mapping[str, Path], name: str
) -> None:
    """At a desk and on a phone, folded and unfolded."""
    with opened(browser, files[name]) as seen:
        assert seen.too_wide() == []
        for width in (1280, 390):
            seen.look(width, "light")
            assert seen.too_wide() == []
            seen.unfold()
            assert seen.too_wide() == []
            if name == "sample" or width == 390:
                assert seen.barriers() == []
        assert seen.asked == [files[name].as_uri()]
        assert seen.said == []


def test_all_can_be_read_in_daylight_and_at_night(seen: Seen) -> None:
    """Colours come from the page, not from what it tells, and only the contents have
    others on a phone than at a desk."""
    seen.unfold()
    seen.thin_out()
    screens: list[tuple[int, Scheme, str]] = [
        (1280, "light", "body"),
        (1280, "dark", ".contents"),
        (390, "dark", "body"),
        (390, "light", ".contents"),
    ]
    for width, scheme, where in screens:
        seen.look(width, scheme)
        assert seen.pale(where) == []


def test_a_page_that_keeps_people_out_would_be_found(
    browser: Browser, tmp_path: Path
) -> None:
    """The checks above can fail."""
    file = tmp_path / "bad.html"
    file.write_text(
        '<!doctype html><html><title>Bad</title><body style="width: 3000px">'
        '<p style="color: #ccc">pale</p><img src="http://example.org/a.png">'
    )
    with opened(browser, file) as seen:
        found = " ".join(seen.barriers())
        assert "html-has-lang" in found
        assert "image-alt" in found
        assert "color-contrast" in seen.pale()[0]
        assert "page" in seen.too_wide()
        assert seen.asked == [file.as_uri(), "http://example.org/a.png"]
        assert "ERR_NAME_NOT_RESOLVED" in seen.said[0]


def test_the_first_screen_tells_what_to_open_now(seen: Seen) -> None:
    for width in (1280, 390):
        seen.look(width, "light")
        first = seen.page.locator(".question").first
        expect(first.get_by_role("heading", level=3)).to_be_in_viewport()
        expect(first.get_by_text("newcomer", exact=True)).to_be_in_viewport()


def test_the_keyboard_reaches_contents_then_the_first_question(seen: Seen) -> None:
    def tab() -> str:
        seen.page.keyboard.press("Tab")
        return seen.focused()

    assert tab() == "Skip to the open questions"
    expect(seen.page.locator(".skip")).to_be_in_viewport()
    assert tab() == "as of (definition)"
    assert [tab() for _ in range(8)][::7] == [
        "12 open questions, 4 of them high",
        "1 source not read",
    ]
    assert [tab() for _ in range(11)] == [
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
    assert [tab(), tab(), tab()] == [
        "open (definition)",
        "need (definition)",
        open_question(0).topic.title,
    ]
    focus = seen.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert focus == "3px"


def test_the_skip_link_leads_past_the_contents(seen: Seen) -> None:
    for key in ("Tab", "Enter", "Tab"):
        seen.page.keyboard.press(key)
    assert seen.focused() == "open (definition)"


def test_a_definition_is_one_click_away(seen: Seen) -> None:
    seen.page.get_by_role("link", name="Precision (definition)").click()
    told = seen.page.locator(":target")
    expect(told).to_be_in_viewport()
    expect(told).to_contain_text("Share of the rated replies that helped")


def test_rows_are_one_click_away_from_figures(seen: Seen) -> None:
    """Where they are folded in, a link unfolds them."""
    tile = seen.page.locator("#health ~ .figures > li").nth(1)
    row = tile.get_by_role("link", name="Dashboard maps stay empty after the upgrade")
    expect(row).to_be_hidden()
    tile.get_by_text("40 topics behind “Answered by a person”").click()
    expect(row).to_be_visible()
    expect(tile).to_contain_text("in_period = yes and answered = yes")

    behind = seen.page.locator("#language-2")
    expect(behind).to_be_hidden()
    seen.page.get_by_role("link", name="French", exact=True).click()
    expect(behind).to_be_visible()


def test_a_table_is_saved_as_it_is(seen: Seen) -> None:
    with seen.page.expect_download() as started_download:
        seen.page.get_by_role("link", name="topics.csv").click()
    saved = started_download.value
    assert saved.suggested_filename == "topics.csv"
    assert saved.path().read_bytes().decode() == TABLES["topics"]


def test_a_table_of_a_large_forum_can_be_saved(
    browser: Browser, tmp_path: Path
) -> None:
    """Browsers cut some long addresses."""
    text = io.StringIO()
    csv.writer(text).writerows((i, "x" * 200, "é") for i in range(12_000))
    file = tmp_path / "large.html"
    file.write_text(render_page(empty_report(), csv={"topics": text.getvalue()}))
    with opened(browser, file) as seen:
        with seen.page.expect_download() as started_download:
            seen.page.get_by_role("link", name="topics.csv").click()
        saved = started_download.value.path().read_bytes()
    assert saved.decode() == text.getvalue()


def test_paper_has_the_numbers_of_charts_and_no_lists_to_click(seen: Seen) -> None:
    """Nor is it dark."""
    numbers = seen.page.get_by_role("rowheader", name="2024-04-10")
    expect(numbers).to_have_count(0)
    rows = seen.page.locator(".rows").first
    expect(rows).to_be_visible()
    seen.page.emulate_media(media="print", color_scheme="dark")
    expect(numbers).to_be_visible()
    expect(seen.page.get_by_role("navigation")).to_have_count(0)
    expect(rows).to_be_hidden()
    expect(seen.page.locator("body")).to_have_css("color", "rgb(29, 34, 40)")


def test_on_a_phone_rows_of_wide_tables_are_cards_with_named_cells(seen: Seen) -> None:
    seen.look(390, "light")
    sections = ("gaps", "trends", "health", "upkeep")
    wide = seen.page.evaluate(
        """sections => sections.flatMap(id =>
             [...document.querySelectorAll(`section[aria-labelledby=${id}] .wide`)])
             .filter(each => each.scrollWidth > each.clientWidth).length""",
        list(sections),
    )
    assert wide == 0
    cell = seen.page.locator("section[aria-labelledby=upkeep] td").first
    label = cell.evaluate("each => getComputedStyle(each, '::before').content")
    assert label == '"Problem"'
