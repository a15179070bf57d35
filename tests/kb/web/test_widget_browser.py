"""The widget as a browser shows it on other sites: to eyes, to scripts, to a reader."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal
from urllib.parse import quote

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Frame,
    Page,
    Request,
    Response,
    expect,
)

from kb.api.backend import About
from kb.api.settings import ApiSettings
from kb.errors import StoreError
from kb.types import Kind, TopicId
from kb.web.widget import MAX_TEXT_CHARS
from kb.web.widget_words import SPOKEN
from tests.bot.report.browser import find_chromium
from tests.kb.api.stand import Stand, served
from tests.kb.web.widget_hosts import (
    Component,
    Site,
    browsing,
    put_composer,
    site,
    somebodys_page,
    widget_app,
)

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

QUESTION = "How do I restore the backup of a server"
SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox"
# Longer than it waits for a pause in typing, and than it waits for an answer.
A_WHILE = 15_000
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[int, Scheme], ...] = (
    (1280, "light"),
    (1280, "dark"),
    (390, "light"),
    (390, "dark"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None
    with browsing(CHROMIUM) as running:
        yield running


@dataclass(frozen=True)
class World:
    """A server, a site that may show its widget, and one that may not."""

    stand: Stand
    server: str
    host: Site
    stranger: Site

    def tag(self, **data: str) -> str:
        attributes = "".join(
            f' data-{name}="{html.escape(value)}"' for name, value in data.items()
        )
        return f'<script src="{self.server}/widget.js" async{attributes}></script>'


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with site() as host, site() as stranger:
        stand = Stand()
        settings = ApiSettings(community="Forum", origins=(host.url,))
        with served(widget_app(stand, settings)) as server:
            yield World(stand, server, host, stranger)


@dataclass
class Visit:
    """A page that is open, and all that it and its frames did."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)

    def asked(self, path: str) -> list[Request]:
        return [each for each in self.requests if path in each.url]

    def frame(self) -> Frame:
        """The one of the widget, with something in it."""
        expect(self.page.frame_locator("iframe").locator("main")).to_be_attached()
        (found,) = [each for each in self.page.frames if "/widget" in each.url]
        return found

    def titles(self) -> list[str]:
        links = self.page.frame_locator("iframe").locator("li a")
        expect(links.first).to_be_attached()
        return [each.removesuffix(" (opens in a new tab)") for each in _texts(links)]


def _texts(links: Any) -> list[str]:
    return [" ".join(text.split()) for text in links.all_text_contents()]


@pytest.fixture(scope="module")
def visits(browser: Browser) -> Iterator[BrowserContext]:
    """One visitor for all tests: what any of them kept, the next would see."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield context


@pytest.fixture
def visit(visits: BrowserContext) -> Iterator[Visit]:
    page = visits.new_page()
    opened = Visit(page)

    def hear(said: ConsoleMessage) -> None:
        heard = opened.told if said.type == "info" else opened.errors
        heard.append(said.text)

    def look(answer: Response) -> None:
        opened.cookies += [answer.headers.get("set-cookie", "")]

    page.on("request", lambda request: opened.requests.append(request))
    page.on("response", look)
    page.on("console", hear)
    page.on("pageerror", lambda error: opened.errors.append(str(error)))
    yield opened
    page.close()
    assert not any(opened.cookies)
    assert visits.cookies() == []


def show(world: World, visit: Visit, body: str, **more: Any) -> None:
    visit.page.goto(world.host.put("/page", somebodys_page(body, **more)))


def heights(visit: Visit) -> tuple[int, int]:
    """Of the frame in its page, and of what is in it."""
    outside: int = visit.page.locator("iframe").evaluate("each => each.clientHeight")
    inside: int = visit.frame().evaluate(
        "Math.ceil(document.querySelector('main').getBoundingClientRect().height)"
    )
    return outside, inside


def settle(visit: Visit) -> None:
    """Wait until the frame is as high as what is in it."""
    expect(visit.page.frame_locator("iframe").locator("li").first).to_be_attached()
    visit.page.wait_for_function(
        "document.querySelector('iframe').clientHeight > 50", timeout=5_000
    )


def meddle(visit: Visit) -> None:
    """Let other frames talk to the page and to the widget's frame, which is the first:
    one that is sandboxed as that is, and one that has the origin of the page."""
    visit.page.evaluate(
        """async () => {
          for (const isSandboxed of [true, false])
            await new Promise(done => {
              const other = document.createElement('iframe');
              if (isSandboxed) other.setAttribute('sandbox', 'allow-scripts');
              other.srcdoc = `<script>
                const size = { baraza: 1, type: 'size', height: 7, hits: 9 };
                const ask = { baraza: 1, type: 'ask', title: 'not typed', text: '' };
                parent.frames[0].postMessage(ask, '*');
                parent.postMessage(size, '*');
                parent.postMessage('last', '*');
              </` + 'script>';
              addEventListener('message', ({ data, source }) => {
                if (data === 'last' && source === other.contentWindow) done();
              });
              document.body.append(other);
            });
          document.querySelectorAll('iframe[srcdoc]').forEach(each => each.remove());
        }"""
    )


def barriers(frame: Frame, where: str = "html") -> list[str]:
    if not frame.evaluate("typeof axe === 'object'"):
        frame.evaluate(AXE_SCRIPT)
    result: dict[str, Any] = frame.evaluate(
        "([where, rules]) => axe.run(where,"
        " {resultTypes: ['violations'], runOnly: rules, iframes: false})",
        [where, _RULES],
    )
    return [
        f"{violation['id']}: {node['target']} {node['html'][:300]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


def test_one_tag_shows_what_is_related_where_it_stands(
    world: World, visit: Visit
) -> None:
    show(world, visit, world.tag(**{"for": "text", "text": QUESTION}, limit="3"))

    assert visit.titles()[0] == "Restore a <b>backup</b> fast"
    frame = visit.page.locator("iframe")
    assert frame.get_attribute("sandbox") == SANDBOX
    assert frame.get_attribute("title") == "Related resources"
    assert frame.evaluate("each => each.nextElementSibling.id") == "end"
    assert {each.url.split("?")[0] for each in visit.requests} == {
        f"{world.host.url}/page",
        f"{world.server}/widget.js",
        f"{world.server}/widget",
        f"{world.server}/widget/frame.js",
        f"{world.server}/widget/frame.css",
    }
    assert (visit.told, visit.errors) == ([], [])


def test_the_frame_is_as_high_as_what_is_in_it_at_each_width(
    world: World, visit: Visit
) -> None:
    show(world, visit, world.tag(**{"for": "text", "text": QUESTION}))
    settle(visit)

    seen: list[int] = []
    for width in (1280, 390, 1280):
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.page.wait_for_function(
            "low => document.querySelector('iframe').clientHeight !== low",
            arg=seen[-1] if seen else -1,
        )
        outside, inside = heights(visit)
        assert outside == inside
        seen.append(outside)
    assert seen[0] == seen[2] < seen[1]


def test_nothing_is_kept_in_the_browser(world: World, visit: Visit) -> None:
    show(world, visit, world.tag(**{"for": "text", "text": QUESTION}))
    visit.titles()

    kept = (
        """what => { try { return String(eval(what)) } catch (e) { return e.name } }"""
    )
    assert visit.page.evaluate("document.cookie") == ""
    assert visit.page.evaluate("Object.keys(localStorage)") == []
    assert visit.frame().evaluate(kept, "document.cookie") == "SecurityError"
    assert visit.frame().evaluate(kept, "localStorage") == "SecurityError"
    assert visit.frame().evaluate(kept, "parent.document") == "SecurityError"
    assert visit.asked("/widget/frame.css")


def test_of_a_page_its_canonical_address_is_told_and_nothing_else(
    world: World, visit: Visit
) -> None:
    own = world.host.put("/page", somebodys_page(world.tag()))
    quoted = quote(own, safe="")
    visit.page.goto(f"{own}?session=secret#here")
    expect(visit.page.locator("iframe")).to_have_count(0)
    canonical = '<link rel="canonical" href="https://docs.example.org/page-2.html">'
    show(world, visit, world.tag(), head=canonical)

    assert "Nightly backup" not in visit.titles()
    asked = [each.url for each in visit.asked("/widget?")]
    assert asked == [
        f"{world.server}/widget?url={quoted}&ui=en",
        f"{world.server}/widget?url=https%3A%2F%2Fdocs.example.org%2Fpage-2.html&ui=en",
    ]
    assert visit.told == ["Baraza widget: nothing related is known"]


@pytest.mark.parametrize(
    ("data", "about"),
    [
        ({"topic": "801"}, About(topic_id=TopicId(801))),
        ({"topic": "801", "text": "backup"}, About(topic_id=TopicId(801))),
        ({"text": "restore a backup"}, About(text="restore a backup")),
        (
            {"for": "text", "topic": "801", "text": "backup"},
            About(text="backup"),
        ),
        (
            {
                "text": "backup <b>",
                "title": '"><script>hacked=1</script>',
            },
            About(text="backup <b>", title='"><script>hacked=1</script>'),
        ),
        (
            {"text": "backup &k=9#😀" + "x" * 2_000},
            About(text=("backup &k=9#😀" + "x" * 2_000)[: MAX_TEXT_CHARS - 1]),
        ),
    ],
)
def test_what_a_page_says_of_itself_reaches_the_search_as_it_is(
    world: World, visit: Visit, data: dict[str, str], about: About
) -> None:
    show(world, visit, world.tag(**data, kind="thread, docs", lang="en", limit="2"))

    assert len(visit.titles()) == 2
    method, arguments = world.stand.asked[-1]
    kinds = frozenset({Kind.THREAD, Kind.DOCS})
    assert (method, arguments[:4]) == (
        "related",
        (about, kinds, frozenset({"en"}), 2),
    )
    assert visit.page.evaluate("typeof hacked") == "undefined"
    assert visit.frame().evaluate("typeof hacked") == "undefined"


@pytest.mark.parametrize(
    ("page", "data", "spoken"),
    [
        ("fr-CA", {}, "fr"),
        ("ES", {}, "es"),
        ("pt_BR", {}, "pt"),
        ("sw", {}, "en"),
        ("fr", {"ui": "es"}, "es"),
    ],
)
def test_a_frame_is_called_in_the_language_of_the_page(
    world: World, visit: Visit, page: str, data: dict[str, str], spoken: str
) -> None:
    show(world, visit, world.tag(text=QUESTION, **data), language=page)

    frame = visit.page.locator("iframe")
    expect(frame).to_have_attribute("title", SPOKEN[spoken].heading)
    heading = visit.page.frame_locator("iframe").locator("h1")
    expect(heading).to_have_text(SPOKEN[spoken].heading)


def test_a_tag_that_is_included_twice_shows_one_frame(
    world: World, visit: Visit
) -> None:
    tag = world.tag(**{"for": "text", "text": QUESTION})
    other = world.tag(**{"for": "text", "text": "nightly backup"}, target="#there")
    show(world, visit, f"{tag}{tag}{other}{other}<div id='there'></div>")

    expect(visit.page.locator("iframe")).to_have_count(2)
    expect(visit.page.locator("#there > iframe")).to_have_count(1)


def test_what_cannot_be_shown_leaves_the_page_as_it_was(
    world: World, visit: Visit
) -> None:
    bad = (
        'data-target="#nowhere"',
        'data-target="<>"',
        'data-for="text" data-text="?!"',
        'data-limit="many"',
    )
    tags = [f'<script src="{world.server}/widget.js" {each}></script>' for each in bad]
    inline = "<script>{}</script>".format(
        (resources.files("kb.web") / "static" / "widget.js").read_text()
    )
    visit.page.clock.install()
    show(world, visit, "".join(tags) + inline, head=world.tag().replace("async", ""))
    visit.page.clock.run_for(A_WHILE)

    expect(visit.page.locator("iframe")).to_have_count(0)
    expect(visit.page.locator("#end")).to_be_visible()
    for why in (
        "no #nowhere in this page",
        "'<>' is not a valid selector",
        "nothing related is known",
        "its tag is not in the body",
        "it must be a script tag of its own",
    ):
        assert any(why in told for told in visit.told), why
    # What a browser says of the answer to data-limit, and nothing of a script.
    assert all("422" in error for error in visit.errors)


def test_where_a_server_is_away_its_frame_goes_quietly(
    world: World, visit: Visit
) -> None:
    """The script came from a cache, the frame does not come; or neither comes."""
    script = (resources.files("kb.web") / "static" / "widget.js").read_text()
    away = world.stranger.put("/widget.js", script, "text/javascript")
    visit.page.clock.install()
    show(world, visit, f'<script src="{away}"></script>')
    visit.page.clock.run_for(A_WHILE)
    expect(visit.page.locator("iframe")).to_have_count(0)

    show(world, visit, '<script src="http://127.0.0.1:9/widget.js" async></script>')
    expect(visit.page.locator("iframe")).to_have_count(0)
    expect(visit.page.locator("#end")).to_be_visible()
    assert all("Failed to load resource" in error for error in visit.errors)


def test_a_site_that_is_not_named_shows_no_frame(world: World, visit: Visit) -> None:
    tag = world.tag(**{"for": "text", "text": QUESTION})
    visit.page.clock.install()
    visit.page.goto(world.stranger.put("/page", somebodys_page(tag)))
    visit.page.clock.run_for(A_WHILE)

    expect(visit.page.locator("iframe")).to_have_count(0)


def test_a_frame_obeys_nobody_but_the_page_around_it(
    world: World, visit: Visit
) -> None:
    """Nor does that page obey anybody but the frame."""
    show(world, visit, world.tag(**{"for": "text", "text": QUESTION}))
    settle(visit)
    before = heights(visit)

    meddle(visit)
    visit.frame().evaluate(
        """async () => {
          const size = { baraza: 1, type: 'size', height: 1, hits: 1 };
          const bad = [{ ...size, height: 'x' }, { ...size, hits: 'x' }];
          for (const data of [null, 7, ...bad])
            parent.postMessage(data, '*');
        }"""
    )

    assert heights(visit) == before
    # It waits for no composer, so it asks nothing.
    assert visit.asked("/widget/related") == []
    assert visit.errors == []


def test_a_strict_policy_of_the_page_needs_two_words(
    world: World, visit: Visit
) -> None:
    server = world.server
    world.host.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {server}; frame-src {server}"
    )
    try:
        show(world, visit, world.tag(**{"for": "text"}), title="Backup of a server")
    finally:
        world.host.headers.clear()

    settle(visit)
    assert len(visit.titles()) == 5
    assert heights(visit)[0] == heights(visit)[1]


def test_without_scripts_a_frame_shows_its_hits(world: World, browser: Browser) -> None:
    with browser.new_page(java_script_enabled=False) as page:
        frame = f'<iframe sandbox src="{world.server}/widget?text=backup"></iframe>'
        page.goto(world.host.put("/page", somebodys_page(frame)))

        expect(page.frame_locator("iframe").locator("li")).to_have_count(5)


def is_to_the_docs(request: Request) -> bool:
    return "docs.example.org" in request.url


def test_a_hit_opens_in_a_tab_of_its_own(world: World, visit: Visit) -> None:
    show(world, visit, world.tag(**{"for": "text", "text": "nightly pg_dump"}))
    settle(visit)

    with (
        visit.page.context.expect_event("request", is_to_the_docs) as asked,
        visit.page.expect_popup() as opened,
    ):
        visit.page.frame_locator("iframe").locator("li a").first.click()
    assert asked.value.url.startswith("https://docs.example.org/page-2.html")
    assert "referer" not in asked.value.headers
    opened.value.close()
    assert visit.page.url.startswith(world.host.url)


def test_a_frame_keeps_nobody_out(world: World, visit: Visit) -> None:
    text = "restore tracker backup server E1006"
    show(world, visit, world.tag(**{"for": "text", "text": text}, limit="8"))
    settle(visit)
    frame = visit.frame()
    papers = {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 27, 32)"}

    for width, scheme in LOOKS:
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.page.emulate_media(color_scheme=scheme)
        # Slow: it looks at each word. Each width and each scheme is seen once.
        if (width, scheme) in (LOOKS[0], LOOKS[-1]):
            assert barriers(frame) == []
        assert frame.evaluate(
            "document.documentElement.scrollWidth"
            " <= document.documentElement.clientWidth"
        )
        paper = frame.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == papers[scheme]


def test_a_page_may_choose_the_look_of_its_frame(world: World, visit: Visit) -> None:
    visit.page.emulate_media(color_scheme="light")
    show(world, visit, world.tag(**{"for": "text", "text": QUESTION}, scheme="dark"))
    settle(visit)

    paper = visit.frame().evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(23, 27, 32)"


# The composer.


def compose(
    world: World, visit: Visit, category: str | None = "support", **more: Any
) -> None:
    """Start a new topic in a *category*; ``None``: not yet."""
    component = Component.of(world.server)
    visit.page.clock.install()
    visit.page.goto(put_composer(world.host, component, **more))
    visit.page.wait_for_function("window.composer")
    if category is not None:
        start(visit, category)


def start(visit: Visit, category: str, action: str = "createTopic") -> None:
    visit.page.evaluate("to => composer.open(...to)", [action, category])


def bodies(visit: Visit) -> list[dict[str, Any]]:
    """What was asked beside the composer."""
    return [
        {name: json.loads(each.post_data or "")[name] for name in ("title", "text")}
        for each in visit.asked("/widget/related")
    ]


def write(visit: Visit, title: str = "", text: str = "") -> None:
    for place, words in (("#reply-title", title), ("textarea", text)):
        if words:
            visit.page.fill(place, words)


def is_about_text(request: Request) -> bool:
    return "/widget/related" in request.url


def pause(visit: Visit) -> None:
    visit.page.clock.run_for(A_WHILE)


def shown(visit: Visit, count: int) -> None:
    """Pause, and see so many hits come."""
    visit.page.clock.run_for(1_000)
    expect(helped(visit)).to_have_count(count)


def helped(visit: Visit) -> Any:
    return visit.page.frame_locator(".baraza:not(.baraza--empty) iframe").locator("li")


def test_who_stops_typing_is_shown_what_may_answer(world: World, visit: Visit) -> None:
    """One request for a burst of keys; what is typed stands in no address."""
    compose(world, visit)
    visit.page.locator("#reply-title").press_sequentially(QUESTION)
    visit.page.fill("textarea", "It stopped at night.")
    shown(visit, 4)

    assert bodies(visit) == [{"title": QUESTION, "text": "It stopped at night."}]
    assert visit.page.locator(".baraza__toggle").text_content() == (
        "4 resources may already answer this"
    )
    (asked,) = visit.asked("/widget/related")
    headers = asked.all_headers()
    assert (asked.method, headers["origin"]) == ("POST", "null")
    assert not {"cookie", "referer"} & set(headers)
    assert not [each.url for each in visit.requests if "restore" in each.url]
    frame = visit.page.locator("iframe")
    assert frame.get_attribute("sandbox") == SANDBOX
    assert heights(visit)[0] == heights(visit)[1] > 100

    # A blank at the end makes no other question.
    for more in (" ", " \n"):
        write(visit, text=f"It stopped at night.{more}")
        pause(visit)
    with visit.page.expect_request_finished(is_about_text):
        write(visit, text="It stopped at noon.")
        pause(visit)
    assert bodies(visit)[1:] == [{"title": QUESTION, "text": "It stopped at noon."}]
    assert visit.errors == []


def test_nothing_is_sent_of_what_is_not_for_everybody(
    world: World, visit: Visit
) -> None:
    """The server is not even contacted."""
    compose(world, visit, category=None)
    for action, category, title in (
        ("privateMessage", "support", QUESTION),
        ("privateMessage", "", QUESTION),
        ("reply", "support", QUESTION),
        ("edit", "support", QUESTION),
        ("createSharedDraft", "support", QUESTION),
        ("createTopic", "staff", QUESTION),
        ("createTopic", "unsaid", QUESTION),
        ("createTopic", "", QUESTION),
        ("createTopic", "support", "Short"),
    ):
        start(visit, category, action)
        write(visit, title)
        pause(visit)
        assert [each.url for each in visit.asked(world.server)] == [], action
        expect(visit.page.locator(".baraza")).to_be_hidden()
        visit.page.evaluate("composer.close()")
    # However that came to be.
    visit.page.evaluate("composer.model.topic = { archetype: 'private_message' }")
    start(visit, "support")
    write(visit, QUESTION)
    pause(visit)
    assert visit.asked(world.server) == []
    assert visit.errors == []


def test_a_topic_that_moves_to_a_closed_category_is_not_followed(
    world: World, visit: Visit
) -> None:
    compose(world, visit, category="staff")
    write(visit, QUESTION)
    visit.page.select_option("#category", "support")
    shown(visit, 4)

    visit.page.select_option("#category", "staff")
    expect(helped(visit)).to_have_count(0)
    write(visit, text="Between us: it was me.")
    pause(visit)

    assert bodies(visit) == [{"title": QUESTION, "text": ""}]


def test_a_forum_may_ask_before_a_category_is_chosen_and_choose_what_is_shown(
    world: World, visit: Visit
) -> None:
    chosen = {"before_category": True, "kinds": "docs", "limit": 1}
    compose(world, visit, category="", locale="fr", **chosen)
    write(visit, QUESTION)
    shown(visit, 1)

    said = visit.page.locator(".baraza__toggle").text_content()
    assert said == "1 ressource y répond peut-être déjà"
    assert helped(visit).locator(".about span").first.text_content() == "Documentation"


def test_who_is_not_helped_is_left_alone_until_the_next_topic(
    world: World, visit: Visit
) -> None:
    compose(world, visit)
    write(visit, QUESTION)
    shown(visit, 4)

    visit.page.get_by_role("button", name="None of these helps").click()
    expect(visit.page.locator(".baraza")).to_have_count(0)
    expect(visit.page.locator("textarea")).to_be_focused()
    write(visit, text="I looked everywhere.")
    pause(visit)
    assert len(bodies(visit)) == 1

    visit.page.evaluate("composer.close(); composer.open()")
    shown(visit, 4)
    assert len(bodies(visit)) == 2
    assert visit.errors == []


def test_panel_and_frame_obey_nobody_but_each_other(world: World, visit: Visit) -> None:
    """Other frames of the page talk to both."""
    compose(world, visit)
    write(visit, QUESTION)
    shown(visit, 4)

    meddle(visit)
    said = visit.page.locator(".baraza__toggle").text_content()
    assert said == "4 resources may already answer this"
    with visit.page.expect_request_finished(is_about_text):
        write(visit, text="What now?")
        pause(visit)
    assert [each["title"] for each in bodies(visit)] == [QUESTION, QUESTION]


def test_of_a_long_text_the_beginning_is_sent_and_no_half_character(
    world: World, visit: Visit
) -> None:
    compose(world, visit)
    text = "backup " + "x" * (MAX_TEXT_CHARS - 8) + "😀" * 9
    write(visit, text=text)
    shown(visit, 4)

    assert bodies(visit) == [{"title": "", "text": text[: MAX_TEXT_CHARS - 1]}]


def test_where_the_server_is_away_the_composer_is_as_ever(
    world: World, visit: Visit
) -> None:
    compose(world, visit, server_url=world.stranger.url)
    with visit.page.expect_request_finished(lambda each: "/widget" in each.url):
        write(visit, QUESTION)
        visit.page.clock.run_for(1_000)
    pause(visit)

    expect(visit.page.locator(".baraza")).to_have_count(0)
    assert [each for each in visit.told if "no answer" in each]
    assert [each for each in visit.errors if "404" not in each] == []


def test_in_vain_or_when_searching_fails_the_panel_is_out_of_sight(
    world: World, visit: Visit
) -> None:
    compose(world, visit)
    with visit.page.expect_request_finished(is_about_text):
        write(visit, "?!?! ?!?! ?!?! ?!?!")
        visit.page.clock.run_for(1_000)
    expect(helped(visit)).to_have_count(0)
    expect(visit.page.locator(".baraza__toggle")).not_to_be_visible()

    write(visit, QUESTION)
    shown(visit, 4)
    world.stand.error = StoreError("/secret/kb.db", "locked")
    try:
        write(visit, text="Nothing starts.")
        shown(visit, 0)
    finally:
        world.stand.error = None

    write(visit, text="Still at it.")
    shown(visit, 4)


def test_panel_and_frame_speak_the_language_of_the_forum(
    world: World, visit: Visit
) -> None:
    compose(world, visit, locale="pt_BR")
    write(visit, QUESTION)
    shown(visit, 4)

    said = "4 recursos talvez já respondam a isto"
    assert visit.page.locator(".baraza__toggle").text_content() == said
    assert visit.page.locator(".baraza__status").text_content() == said
    assert helped(visit).locator(".about span").first.text_content() == "Tópico"


def test_a_panel_keeps_nobody_out_and_covers_no_field(
    world: World, visit: Visit
) -> None:
    for width, scheme in (LOOKS[0], LOOKS[-1]):
        visit.page.set_viewport_size({"width": width, "height": 844})
        compose(world, visit, scheme=scheme)
        write(visit, QUESTION)
        shown(visit, 4)
        toggle = visit.page.locator(".baraza__toggle")
        is_open = str(width == 1280).lower()
        expect(toggle).to_have_attribute("aria-expanded", is_open)
        if width != 1280:
            toggle.focus()
            visit.page.keyboard.press("Enter")
        settle(visit)

        assert heights(visit)[0] == heights(visit)[1]
        assert barriers(visit.frame()) == []
        assert barriers(visit.page.main_frame, "#outlet") == []
        for place in ("#reply-title", "#category", "textarea", ".submit-panel button"):
            assert apart(visit, ".baraza", place), place
        toggle.click()
        expect(visit.page.locator("iframe")).to_be_hidden()


def apart(visit: Visit, one: str, other: str) -> bool:
    a, b = (visit.page.locator(each).bounding_box() for each in (one, other))
    assert a is not None
    assert b is not None
    return any(
        left["x"] + left["width"] <= right["x"]
        or left["y"] + left["height"] <= right["y"]
        for left, right in ((a, b), (b, a))
    )
