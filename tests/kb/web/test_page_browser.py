"""The search page as a browser shows it: to hands, to a keyboard, to a reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from kb.errors import KBError
from tests.bot.report.browser import Scheme, Seen, find_chromium
from tests.kb.api.stand import HELD, SCRIPT, Stand, a_hit, many
from tests.kb.web.looking import ASK_URL, SETTINGS, SHOWN, page_of, started, visited

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

LANGUAGES = ("en", "es", "fr", "pt")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None
    with started(CHROMIUM) as running:
        yield running


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with page_of() as address:
        yield address


@pytest.fixture(scope="module")
def shown() -> Iterator[str]:
    """Serves a few hits that have everything."""
    with page_of(Stand(held=SHOWN)) as address:
        yield address


@pytest.fixture
def seen(browser: Browser, base: str) -> Iterator[Seen]:
    """The empty page; nothing may be said on its console, or fetched elsewhere."""
    with visited(browser, f"{base}/search") as page:
        yield page
        assert page.said == []
        assert [url for url in page.asked if not url.startswith(base)] == []


def titles(seen: Seen) -> list[str]:
    return seen.page.locator(".hit .title").all_inner_texts()


def path(seen: Seen) -> str:
    return seen.page.url.partition("/search")[2]


def type_and_wait(seen: Seen, text: str, first: str) -> None:
    seen.page.locator("#q").press_sequentially(text)
    expect(seen.page.locator(".hit .title").first).to_have_text(first)


def test_it_searches_as_one_types_and_tells_how_much_there_is(seen: Seen) -> None:
    expect(seen.page.locator("#q")).to_be_focused()
    type_and_wait(seen, "nightly", "Nightly backup")

    expect(seen.page.get_by_role("status").first).to_have_text("1 result")
    expect(seen.page).to_have_title("nightly – search Clinic & Co")
    assert path(seen) == "?q=nightly"
    assert seen.page.evaluate("document.cookie") == ""


def test_the_last_word_typed_wins_over_a_slower_answer(browser: Browser) -> None:
    """Answers that come late are not shown."""
    with page_of() as base, visited(browser, f"{base}/search") as seen:
        held: list[object] = []
        seen.page.route("**/search.json?q=b*", lambda route: held.append(route))
        with seen.page.expect_request("**/search.json?q=backup"):
            seen.page.locator("#q").fill("backup")
        seen.page.locator("#q").fill("tracker")
        expect(seen.page.locator(".hit").first).to_contain_text("tracker")
        for route in held:
            route.continue_()  # type: ignore[attr-defined]
        expect(seen.page.get_by_role("status").first).to_have_text("2 results")


def test_the_keyboard_alone_finds_reads_opens_and_comes_back(seen: Seen) -> None:
    keys = seen.page.keyboard
    type_and_wait(seen, "unique", HELD[7].document.title)
    keys.press("ArrowDown")
    assert seen.focused() == HELD[7].document.title
    whole = seen.page.locator(".whole")
    expect(whole).to_be_hidden()
    keys.press("Space")
    expect(whole).to_be_visible()
    expect(seen.page.locator(".excerpt")).to_be_hidden()
    keys.press("Space")
    expect(whole).to_be_hidden()
    keys.press("ArrowUp")
    expect(seen.page.locator("#q")).to_be_focused()

    keys.press("ArrowDown")
    keys.press("/")
    expect(seen.page.locator("#q")).to_be_focused()
    assert seen.page.locator("#q").input_value() == "unique"
    keys.type("backup")
    expect(seen.page.locator(".hit")).to_have_count(6)
    for key in ("ArrowDown", "ArrowDown", "End", "ArrowDown", "Home", "ArrowDown"):
        keys.press(key)
    assert seen.focused() == titles(seen)[1]
    keys.press("Escape")
    expect(seen.page.locator("#q")).to_be_focused()
    keys.press("Escape")
    expect(seen.page.locator("#start")).to_be_visible()
    assert path(seen) == ""
    keys.press("Tab")
    keys.press("Control+k")
    expect(seen.page.locator("#q")).to_be_focused()


def test_enter_on_a_hit_opens_it_in_the_same_tab(browser: Browser, base: str) -> None:
    with visited(browser, f"{base}/search?q=nightly") as seen:
        seen.page.route("https://docs.example.org/**", lambda route: route.fulfill())
        seen.page.keyboard.press("/")
        seen.page.keyboard.press("ArrowDown")
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_url("https://docs.example.org/page-2.html#part")
        seen.page.go_back()
        assert titles(seen) == ["Nightly backup"]


def test_a_slash_in_the_box_is_a_slash(seen: Seen) -> None:
    seen.page.locator("#q").press_sequentially("a/b")
    expect(seen.page.locator("#q")).to_have_value("a/b")


def test_filters_narrow_and_the_back_button_brings_all_back(seen: Seen) -> None:
    """Each filter and page is a place in the history; letters typed are not."""
    type_and_wait(seen, "backup", HELD[0].document.title)
    page = seen.page
    page.get_by_role("link", name="Documentation 2").click()
    expect(page.locator(".hit")).to_have_count(2)
    assert path(seen) == "?q=backup&kind=docs"
    assert seen.focused() == "Documentation 2"
    page.get_by_role("link", name="French 1").click()
    expect(page.locator(".hit")).to_have_count(1)
    assert path(seen) == "?q=backup&kind=docs&lang=fr"
    expect(page.locator(".filters [aria-current]")).to_have_text("French 1")

    page.go_back()
    expect(page.locator(".hit")).to_have_count(2)
    page.go_back()
    expect(page.locator(".hit")).to_have_count(6)
    page.go_back()
    expect(page.locator("#start")).to_be_visible()
    expect(page.locator("#q")).to_have_value("")
    page.go_forward()
    expect(page.locator("#q")).to_have_value("backup")
    expect(page.locator(".hit")).to_have_count(6)


def test_a_chosen_filter_is_taken_back_by_a_click(browser: Browser, base: str) -> None:
    with visited(browser, f"{base}/search?q=backup&lang=fr&version=2.41") as seen:
        chips = seen.page.get_by_role("group", name="Chosen filters")
        chips.get_by_role("link", name="Remove the filter: French").click()
        expect(seen.page.locator(".hit")).to_have_count(2)
        assert path(seen) == "?q=backup&version=2.41"
        chips.get_by_role("link", name="Remove all filters").click()
        expect(seen.page.locator(".hit")).to_have_count(6)
        assert path(seen) == "?q=backup"


def test_pages_are_turned_and_the_reader_is_at_their_top(browser: Browser) -> None:
    with (
        page_of(Stand(held=many(25))) as base,
        visited(browser, f"{base}/search?q=backup") as seen,
    ):
        seen.page.get_by_role("link", name="Next").click()
        expect(seen.page.locator(".title").first).to_have_text("Backup 11")
        told = seen.page.get_by_role("status").first
        expect(told).to_have_text("25 results, page 2 of 3")
        expect(seen.page.locator("#results")).to_be_focused()
        assert seen.page.evaluate("scrollY") == 0
        assert path(seen) == "?q=backup&page=2"
        seen.page.locator("#q").fill("backup 7")
        expect(seen.page.locator(".title").first).to_have_text("Backup 7")
        assert path(seen) == "?q=backup+7"


def test_script_and_server_show_the_same(browser: Browser, shown: str) -> None:
    """To the letter and the node, in each language: results, and none."""
    queries = ["q=map&kind=docs&lang=fr&since=2026-02-08", "q=zebra", "q=map"]
    address = f"{shown}/search?ui="
    with (
        visited(browser, address, java_script_enabled=False) as plain,
        visited(browser, address) as seen,
    ):
        for language in LANGUAGES:
            seen.page.goto(address + language)
            # Filters are told in one language: the words around them are the same.
            for query in queries[language != "en" :]:
                here = f"{shown}/search?{query}&ui={language}"
                plain.page.goto(here)
                seen.page.evaluate(GO, here)
                expect(seen.page).to_have_title(plain.page.title())
                made = _bare(seen.page.locator("#found").inner_html())
                assert made == _bare(plain.page.locator("#found").inner_html())
        assert seen.said == []


# As the back button does.
GO = """address => {
  history.replaceState(null, '', address)
  dispatchEvent(new PopStateEvent('popstate'))
  document.title = ''
}"""


def _bare(html: str) -> str:
    # Line breaks between nodes are all that may differ.
    html = re.sub(r'<div class="helped".*?</div>', "", re.sub(r"\s+", " ", html))
    return re.sub(r" ?(</?(?!mark)[^>]+>) ?", r"\1", html)


def test_marks_stand_where_they_should_after_an_emoji(
    browser: Browser, shown: str
) -> None:
    """A string of a script counts it twice."""
    for scripted in (True, False):
        address = f"{shown}/search?q=map"
        with visited(browser, address, java_script_enabled=scripted) as seen:
            hit = seen.page.locator(".hit").first
            assert hit.locator(".title mark").all_inner_texts() == ["map"]
            assert hit.locator(".excerpt mark").all_inner_texts() == ["map"]
            expect(hit.locator(".excerpt")).to_contain_text("Then the 🗺️ map came")


def test_all_of_it_works_without_a_script(browser: Browser, base: str) -> None:
    with visited(browser, f"{base}/", java_script_enabled=False) as seen:
        page = seen.page
        expect(page.locator("#keys")).to_be_hidden()
        page.get_by_role("searchbox").fill("backup")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("status")).to_have_text("6 results")
        page.get_by_role("link", name="Documentation 2").click()
        page.get_by_role("link", name="French 1").click()
        assert titles(seen) == ["Sauvegarde et restauration"]
        page.get_by_role("searchbox").fill("serveur")
        page.get_by_role("button", name="Search").click()
        assert path(seen) == "?q=serveur&kind=docs&lang=fr"
        expect(page.locator(".helped")).to_have_count(0)
        page.go_back()
        page.go_back()
        page.go_back()
        expect(page.get_by_role("status")).to_have_text("6 results")

        page.goto(f"{base}/search?q=unique")
        page.get_by_text("Whole passage", exact=True).click()
        expect(page.locator(".whole")).to_be_visible()

        seen.look(390, "light")
        page.goto(f"{base}/search?q=indicator")
        expect(page.get_by_role("navigation", name="Filters")).to_be_hidden()
        page.get_by_text("Filters", exact=True).click()
        expect(page.get_by_role("navigation", name="Filters")).to_be_visible()
        page.get_by_role("link", name="Next").click()
        expect(page.get_by_role("status")).to_have_text("30 results, page 2 of 3")


@pytest.mark.parametrize(
    ("language", "told", "solved", "none"),
    [
        ("en-GB", "5 results", "Solved ✓", "Nothing was found for “zebra”."),
        ("es-MX", "5 resultados", "Resuelto ✓", "No se encontró nada para «zebra»."),
        ("fr-CA", "5 résultats", "Résolu ✓", "Aucun résultat pour «\xa0zebra\xa0»."),
        ("pt-BR", "5 resultados", "Resolvido ✓", "Nada foi encontrado para “zebra”."),
        ("sw", "5 results", "Solved ✓", "Nothing was found for “zebra”."),
    ],
)
def test_it_speaks_the_language_of_the_browser(
    browser: Browser, shown: str, language: str, told: str, solved: str, none: str
) -> None:
    with visited(browser, f"{shown}/search", locale=language) as seen:
        seen.page.locator("#q").fill("map")
        expect(seen.page.get_by_role("status").first).to_have_text(told)
        expect(seen.page.locator(".solved")).to_have_text(solved)
        html = seen.page.locator("html")
        expect(html).to_have_attribute(
            "lang", language[:2] if "-" in language else "en"
        )
        french = seen.page.locator(".hit").nth(1)
        expect(french.locator(".title")).to_have_attribute("lang", "fr")
        seen.page.locator("#q").fill("zebra")
        expect(seen.page.locator(".empty")).to_have_text(none)
        assert seen.said == []


def test_another_language_is_chosen_and_goes_along(seen: Seen) -> None:
    type_and_wait(seen, "backup", HELD[0].document.title)
    seen.page.get_by_role("link", name="Français").click()
    expect(seen.page.get_by_role("status").first).to_have_text("6 résultats")
    seen.page.get_by_role("link", name="Documentation 2").click()
    expect(seen.page.get_by_role("status").first).to_have_text("2 résultats")
    seen.page.locator("#q").fill("nightly")
    expect(seen.page.get_by_role("status").first).to_have_text("1 résultat")
    assert path(seen) == "?q=nightly&kind=docs&ui=fr"


def test_what_others_wrote_stays_text(browser: Browser) -> None:
    """Titles, passages, categories, queries: none of it becomes HTML or a link."""
    bad = "javascript:alert(1)"
    evil = a_hit(1, f'"><img src=x onerror=alert(1)> tracker {SCRIPT}', SCRIPT)
    evil = replace(evil, document=replace(evil.document, url=bad, category=SCRIPT))
    with page_of(Stand(held=(HELD[6], evil))) as base:
        for scripted in (True, False):
            query = f"{base}/search?q=tracker&category={SCRIPT}&kind=%22%3E{SCRIPT}"
            with visited(browser, query, java_script_enabled=scripted) as seen:
                assert titles(seen) == [evil.document.title]
                expect(seen.page.locator(".hit a.open")).to_have_count(0)
                expect(seen.page.locator(".remark")).to_contain_text('kind:">')
                expect(seen.page.locator("img, main script")).to_have_count(0)
                assert seen.said == []
        with visited(browser, f"{base}/search") as seen:
            seen.page.locator("#q").fill("tracker")
            expect(seen.page.locator(".hit")).to_have_count(2)
            assert titles(seen) == [HELD[6].document.title, evil.document.title]
            expect(seen.page.locator(".hit a.open")).to_have_count(1)
            seen.page.locator("#q").fill(SCRIPT + "{query}")
            expect(seen.page.locator(".empty")).to_contain_text(SCRIPT + "{query}")
            expect(seen.page.locator("img, main script")).to_have_count(0)
            assert seen.said == []
            assert [url for url in seen.asked if not url.startswith(base)] == []


def test_a_search_that_is_meant_is_counted_once(browser: Browser) -> None:
    """While it is typed it is not; then by a pause, by going to a hit, by Enter."""
    stand = Stand()
    counted = [6]
    with page_of(stand) as base, visited(browser, f"{base}/search?q=backup") as seen:
        page, box = seen.page, seen.page.locator("#q")

        def told(*more: int) -> None:
            counted.extend(more)
            page.wait_for_load_state("networkidle")
            assert [each.total for each in stand.told] == counted

        told()
        page.clock.install()
        box.fill("nightly")
        page.clock.run_for(200)
        expect(page.locator(".hit")).to_have_count(1)
        told()
        with page.expect_response("**/search.json?q=nightly"):
            page.clock.run_for(3_000)
        told(1)
        box.press("Enter")
        box.press("ArrowDown")
        told()

        box.fill("tracker")
        page.clock.run_for(200)
        expect(page.locator(".hit")).to_have_count(2)
        first = page.locator(".hit").first.element_handle()
        with page.expect_response("**/search.json?q=tracker"):
            box.press("ArrowDown")
        # It is where it was: nothing was shown anew.
        assert first.evaluate("each => each.contains(document.activeElement)")
        page.keyboard.press("ArrowDown")
        page.clock.run_for(4_000)
        told(2)

        box.fill("zebra")
        page.clock.run_for(200)
        page.route(f"{ASK_URL}**", lambda route: route.fulfill())
        with page.expect_request("**/search.json?q=zebra"):
            page.get_by_role("link", name="Ask the community").click()
        page.wait_for_url(f"{ASK_URL}**")
        told(0)


def test_an_answer_is_kept_for_a_minute_and_counted_no_second_time(
    browser: Browser,
) -> None:
    stand = Stand()
    with page_of(stand) as base, visited(browser, f"{base}/search") as seen:
        page, box = seen.page, seen.page.locator("#q")
        page.clock.install()

        def search(text: str) -> int:
            """Gives how often the knowledge base was asked for it."""
            before = len(stand.asked)
            box.fill(text)
            box.press("Enter")
            expect(page).to_have_title(f"{text} – search Clinic & Co")
            page.wait_for_load_state("networkidle")
            return len(stand.asked) - before

        assert [search("backup"), search("nightly"), search("backup")] == [1, 1, 0]
        page.clock.run_for(61_000)
        assert search("nightly") == 1
        assert [each.total for each in stand.told] == [6, 1]


def test_what_is_asked_again_after_trouble_is_still_being_typed(
    browser: Browser,
) -> None:
    stand = Stand(error=KBError("locked"))
    with page_of(stand) as base, visited(browser, f"{base}/search") as seen:
        status = seen.page.get_by_role("status").first
        seen.page.clock.install()
        seen.page.locator("#q").fill("nightly")
        seen.page.clock.run_for(200)
        expect(status).to_contain_text("The search cannot answer just now.")
        stand.error = None
        seen.page.clock.run_for(2_000)
        expect(seen.page.locator(".hit")).to_have_count(1)
        assert stand.told == []


def test_the_key_that_stands_alone_can_be_switched_off(
    browser: Browser, base: str
) -> None:
    with visited(browser, f"{base}/search") as seen:
        page, box = seen.page, seen.page.locator("#q")
        page.get_by_text("With the keyboard").click()
        switch = page.get_by_label("The key / alone leads to the search box")
        expect(switch).to_be_checked()
        page.keyboard.press("/")
        expect(box).to_be_focused()
        switch.uncheck()
        page.keyboard.press("/")
        expect(switch).to_be_focused()
        page.reload()
        expect(switch).not_to_be_checked()
        page.get_by_text("With the keyboard").click()
        page.keyboard.press("/")
        expect(box).not_to_be_focused()
        switch.check()
        page.keyboard.press("/")
        expect(box).to_be_focused()
        assert seen.said == []


RECENT = "localStorage.getItem('baraza.recent')"


def test_recent_searches_stay_in_the_browser_and_can_be_forgotten(
    browser: Browser, base: str
) -> None:
    with visited(browser, f"{base}/search") as seen:
        box = seen.page.locator("#q")
        for n in range(10):
            box.fill(f"backup {n}")
            box.press("Enter")
        box.fill("never sent")
        kept = seen.page.evaluate(f"JSON.parse({RECENT})")
        assert kept == [f"backup {n}" for n in range(9, 1, -1)]
        box.press("Escape")
        links = seen.page.locator("#recent-list a")
        expect(links).to_have_count(8)
        links.nth(1).click()
        expect(box).to_have_value("backup 8")
        box.press("Escape")
        assert links.first.inner_text() == "backup 8"
        seen.page.get_by_role("button", name="Forget them").click()
        expect(seen.page.locator("#recent")).to_be_hidden()
        assert seen.page.evaluate(RECENT) is None
        expect(box).to_be_focused()


@pytest.mark.parametrize(
    "script",
    [
        "Object.defineProperty(window, 'localStorage',"
        " {get() { throw new DOMException('no', 'SecurityError') }})",
        "localStorage.setItem('baraza.recent', '{\"not\": \"a list\"}')",
        "localStorage.setItem('baraza.recent', '[1, null, [')",
    ],
)
def test_storage_that_is_blocked_or_broken_breaks_nothing(
    browser: Browser, base: str, script: str
) -> None:
    with visited(browser, f"{base}/search", script=script) as seen:
        seen.page.locator("#q").fill("nightly")
        seen.page.locator("#q").press("Enter")
        expect(seen.page.locator(".hit")).to_have_count(1)
        seen.page.locator("#q").press("Escape")
        expect(seen.page.locator("#start")).to_be_visible()
        assert seen.said == []


def test_a_word_on_a_hit_is_sent_once(browser: Browser) -> None:
    stand = Stand()
    with (
        page_of(stand) as base,
        visited(browser, f"{base}/search?q=nightly") as seen,
    ):
        group = seen.page.locator(".helped")
        group.get_by_role("button", name="Yes: Nightly backup").click()
        expect(group).to_have_text("Thank you.")
        expect(group.get_by_role("button")).to_have_count(0)
        sent = [each for name, each in stand.asked if name == "feedback"]
        assert [each[:2] for each in sent] == [(2, True)]

        seen.page.route("**/api/feedback", lambda route: route.abort())
        seen.page.goto(f"{base}/search?q=unique")
        group.get_by_role("button", name="No: ").click()
        expect(group).to_contain_text("That could not be sent.")
        expect(group.get_by_role("button").first).to_be_enabled()


def test_nothing_found_offers_what_is_near_and_to_ask(seen: Seen) -> None:
    seen.page.locator("#q").fill("where & how? 🎒")
    expect(seen.page.locator(".empty")).to_have_text(
        "Nothing was found for “where & how? 🎒”."
    )
    near = seen.page.locator(".near a").all_inner_texts()
    assert near == [hit.document.title for hit in HELD[:3]]
    ask = seen.page.get_by_role("link", name="Ask the community")
    expect(ask).to_have_attribute(
        "href", f"{ASK_URL}?title=where%20%26%20how%3F%20%F0%9F%8E%92"
    )


def test_typing_errors_and_odd_queries_are_told(seen: Seen) -> None:
    seen.page.locator("#q").fill('bakcup "night')
    remarks = seen.page.locator(".remark")
    expect(remarks).to_have_text(
        [
            'A quotation mark is not closed: “bakcup "night” was searched as plain'
            " text.",
            "“backup” was searched for as well, for “bakcup”.",
        ]
    )
    seen.page.get_by_role("link", name="backup night").click()
    expect(seen.page.locator("#q")).to_have_value("backup night")
    expect(remarks).to_have_count(0)


def test_trouble_is_told_in_words_and_ends_when_it_ends(browser: Browser) -> None:
    stand = Stand(error=KBError("/secret/path"))
    with page_of(stand) as base, visited(browser, f"{base}/search") as seen:
        status = seen.page.get_by_role("status").first
        seen.page.locator("#q").fill("backup")
        expect(status).to_contain_text("The search cannot answer just now.")
        stand.error = None
        expect(seen.page.locator(".hit")).to_have_count(6)
        seen.page.locator("#q").fill("???")
        expect(status).to_have_text("There is no word in this to search for.")
        seen.page.context.set_offline(True)
        seen.page.locator("#q").fill("tracker")
        expect(status).to_contain_text("The search cannot be reached.")
        seen.page.context.set_offline(False)
        seen.page.locator("#q").fill("trackers app")
        expect(seen.page.locator(".empty")).to_be_visible()


SCREENS: list[tuple[int, Scheme]] = [
    (1280, "light"),
    (1280, "dark"),
    (390, "light"),
    (390, "dark"),
]


@pytest.mark.parametrize("query", ["", "?q=zebra", "?q=bakcup&lang=en&kind=x"])
def test_nobody_is_kept_out(browser: Browser, query: str) -> None:
    """At a desk and on a phone, in daylight and at night, unfolded; and on the smallest
    screen that there is."""
    script = "localStorage.setItem('baraza.recent', '[\"one\", \"two\"]')"
    with (
        page_of(Stand(held=(HELD[7], *many(12)))) as base,
        visited(browser, f"{base}/search{query}", script=script) as seen,
    ):
        seen.unfold()
        # What is on every page is looked at on the last of them.
        for width, scheme in SCREENS if "lang" in query else SCREENS[::3]:
            seen.look(width, scheme)
            fold = seen.page.locator("#fold")
            if width < 960 and fold.count():
                fold.check(force=True)
            assert seen.too_wide() == []
            assert seen.barriers() == []
            # Of many hits one is looked at: they have the same colours.
            seen.page.evaluate(ONE_HIT)
            assert seen.pale() == []
        seen.look(320, "light")
        assert seen.too_wide() == []
        assert seen.said == []


ONE_HIT = """document.querySelectorAll('.hit + .hit').forEach(each => each.remove())"""


def test_what_is_to_be_hit_is_large_enough(browser: Browser, shown: str) -> None:
    """24 pixels each way, for what is no link in a sentence."""
    with visited(browser, f"{shown}/search?q=map&lang=en") as seen:
        seen.look(390, "light")
        seen.page.get_by_text("Filters (1)").click()
        small = seen.page.evaluate(
            """() => [...document.querySelectorAll(
                'button, summary, .choice, .chip, .clear, .button, .foot a, .unfold')]
              .map(each => [each.outerHTML, each.getBoundingClientRect()])
              .filter(([, box]) => box.width && Math.min(box.width, box.height) < 23.5)
              .map(([html, box]) => `${html} ${box.width} ${box.height}`)"""
        )
        assert small == []


def test_a_screen_of_double_size_loses_nothing(browser: Browser, shown: str) -> None:
    """As at 200 %: half as many pixels across."""
    with visited(
        browser,
        f"{shown}/search?q=map",
        viewport={"width": 640, "height": 450},
        device_scale_factor=2,
    ) as seen:
        assert seen.too_wide() == []
        expect(seen.page.locator("#q")).to_be_in_viewport()
        expect(seen.page.locator(".hit .title").first).to_be_in_viewport()


def test_who_wants_no_motion_sees_none(browser: Browser) -> None:
    stand = Stand(delay_s=0.8)
    with (
        page_of(stand, replace(SETTINGS, search_timeout_s=5)) as base,
        visited(browser, f"{base}/search", reduced_motion="reduce") as seen,
    ):
        seen.page.locator("#q").fill("backup")
        expect(seen.page.locator("html")).to_have_class("busy")
        expect(seen.page.locator("#q")).to_have_css("animation-name", "none")
        expect(seen.page.locator(".hit")).to_have_count(6)
        expect(seen.page.locator("html")).not_to_have_class("busy")
