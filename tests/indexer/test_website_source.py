"""A documentation site is read once, and then asked only for what changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.sandbox import Sandbox
from indexer.pipeline import RefreshReport
from indexer.site import Listed
from indexer.sources import site_walk
from indexer.sources.pages import PageRules
from indexer.sources.site_outcomes import Outcome
from indexer.sources.site_pages import PageReader
from kb.errors import ForumUnavailableError, SourceError
from kb.types import Document, Kind, Part
from tests.indexer.samples import content
from tests.indexer.web_world import RULES, WebWorld

MAPS = "docs-site/2.41/en/use/maps.html"
MAPS_PATH = "2.41/en/use/maps"
TEXT = """# Maps { #maps }

Layers are drawn on a map.

## Thematic layers { #thematic }

They show data by area, in as many colours as there are classes of values.

## Event layers { #events }

They show each event as a point on the map, in the colour of its stage.
"""
CHANGED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture(autouse=True)
def pages(docs: Sandbox) -> None:
    docs.library.put_page(MAPS_PATH, TEXT, CHANGED)
    docs.library.put_page("2.40/fr/use/cartes", "# Cartes\n\nDes couches.\n")


def asked(docs: Sandbox, web: WebWorld, **settings: Any) -> list[str]:
    """What a refresh asks for, without the prefix; conditional ones are marked."""
    before = len(docs.recorded)
    web.harvest(**settings)
    return [
        each.target.removeprefix("/docs-site/")
        + ("?" if {"if-none-match", "if-modified-since"} & set(each.headers) else "")
        for each in docs.recorded[before:]
    ]


# -- what is read ----------------------------------------------------------------


def test_each_page_is_a_document_that_lands_on_its_headings(
    docs: Sandbox, web: WebWorld
) -> None:
    report = web.harvest(twins="never")

    assert report == RefreshReport(
        source="web",
        inserted=2,
        passages_added=4,
        requests=4,
        phases={"lists": 2, "pages": 2},
        remaining=0,
        complete=True,
    )
    document = web.document(MAPS)
    body = document.parts[0].body
    assert document == Document(
        source="web",
        kind=Kind.DOCS,
        key=MAPS,
        url=f"{docs.docs_url}/{MAPS_PATH}.html",
        title="Maps",
        parts=(Part(number=1, body=body, format="html"),),
        language="en",
        version="2.41",
        revision=document.revision,
        verified_at=web.clock.now,
        page="docs-site/*/en/use/maps.html",
        work="docs-site/*/use/maps.html",
    )
    assert "<nav" not in body
    assert "Was this page helpful?" not in body
    assert [(p.anchor, p.heading) for p in web.passages(MAPS)] == [
        ("#maps", "Maps"),
        ("#thematic", "Maps › Thematic layers"),
        ("#events", "Maps › Event layers"),
    ]


def test_the_markdown_twin_is_read_in_place_of_the_page(
    docs: Sandbox, web: WebWorld
) -> None:
    web.harvest(twins="auto")
    twin = web.document(MAPS)
    from_twin = [(p.anchor, p.heading, p.text) for p in web.passages(MAPS)]
    requests = list(docs.requests)

    web.harvest(twins="never")
    page = web.document(MAPS)

    assert [each for each in requests if each.endswith((".html", ".md"))] == [
        f"GET /docs-site/{MAPS_PATH}.md",
        "GET /docs-site/2.40/fr/use/cartes.md",
    ]
    assert (twin.url, twin.title, twin.page) == (page.url, page.title, page.page)
    assert (twin.parts[0].body, twin.parts[0].format) == (TEXT, "markdown")
    assert [(p.anchor, p.heading, p.text) for p in web.passages(MAPS)] == from_twin


def test_a_page_may_name_its_twin_itself(docs: Sandbox, web: WebWorld) -> None:
    """Where llms.txt is missing, the page is read first, and only the first time."""
    docs.faults.fail_next(9, path="/docs-site/llms.txt", status=404)

    first, second = asked(docs, web), asked(docs, web, recheck_every=timedelta(0))

    assert f"{MAPS_PATH}.html" in first
    assert f"{MAPS_PATH}.md" in first
    assert [each for each in second if MAPS_PATH in each] == [f"{MAPS_PATH}.md?"]
    assert web.document(MAPS).parts[0].format == "markdown"


def test_twins_that_are_missing_or_no_markdown_leave_the_page_itself(
    docs: Sandbox, web: WebWorld
) -> None:
    """Many sites answer with a page of HTML where a file is missing."""
    docs.library.put_page("2.41/en/use/none", "# None\n\nText.", has_twin=False)
    docs.faults.fail_next(9, path=f"/docs-site/{MAPS_PATH}.md", status=200)

    web.harvest(twins="always")
    again = asked(docs, web, twins="always", recheck_every=timedelta(days=7))

    assert web.document(MAPS).parts[0].format == "html"
    assert web.document("docs-site/2.41/en/use/none.html").parts[0].format == "html"
    assert not [each for each in again if each.endswith(".md")]


def test_a_twin_that_goes_away_gives_way_to_the_page(
    docs: Sandbox, web: WebWorld
) -> None:
    web.harvest()
    docs.library.put_page(MAPS_PATH, TEXT, CHANGED + timedelta(days=1), has_twin=False)

    report = web.harvest()

    assert (report.updated, report.deleted, web.set_aside()) == (1, 0, {})
    assert web.document(MAPS).parts[0].format == "html"


def test_a_twin_that_shall_not_be_indexed_leaves_the_word_to_the_page(
    docs: Sandbox, web: WebWorld
) -> None:
    docs.faults.fail_next(
        path=f"/docs-site/{MAPS_PATH}.md",
        status=200,
        headers={"X-Robots-Tag": "noindex", "Content-Type": "text/markdown"},
        body="# Maps",
    )
    web.harvest()
    assert web.document(MAPS).parts[0].format == "html"


def test_rules_come_before_what_a_page_says(docs: Sandbox, web: WebWorld) -> None:
    web.rules = PageRules()
    web.harvest(twins="never")
    of_itself = web.document("docs-site/2.40/fr/use/cartes.html")
    web.rules = PageRules(language="pt", version="any", visibility="source:web")
    web.harvest(twins="never")
    by_rule = web.document("docs-site/2.40/fr/use/cartes.html")

    assert (of_itself.language, of_itself.version) == ("fr", "2.40")
    assert (by_rule.language, by_rule.version) == ("pt", "any")
    assert (of_itself.visibility, by_rule.visibility) == ("public", "source:web")


def test_settings_name_the_pages_that_are_wanted(docs: Sandbox, web: WebWorld) -> None:
    web.harvest(include=(re.compile("^docs-site/2.41/"),))
    assert web.keys == [MAPS]
    web.harvest(exclude=(re.compile("/use/maps"),))
    assert web.keys == ["docs-site/2.40/fr/use/cartes.html"]


# -- what is asked again -----------------------------------------------------------


@pytest.mark.parametrize("twins", ["auto", "never"])
def test_a_second_refresh_asks_only_whether_something_changed(
    docs: Sandbox, web: WebWorld, twins: str
) -> None:
    web.harvest(twins=twins)
    before = content(web.store, "web")
    passages = [p.id for p in web.passages(MAPS)]
    generation = web.store.generation
    suffix = "md" if twins == "auto" else "html"

    lists_only = asked(docs, web, twins=twins)
    both = asked(docs, web, twins=twins, recheck_every=timedelta(0))

    assert lists_only == ["sitemap.xml?", "llms.txt?"]
    assert both == [
        *("sitemap.xml?", "llms.txt?", f"{MAPS_PATH}.{suffix}?"),
        f"2.40/fr/use/cartes.{suffix}?",
    ]
    assert [p.id for p in web.passages(MAPS)] == passages
    assert web.store.generation == generation
    after = content(web.store, "web")
    assert _without_times(after) == _without_times(before)
    assert web.document(MAPS).verified_at == web.clock.now


def _without_times(held: list[object]) -> str:
    return re.sub(r"verified_at=datetime\.datetime\([^)]*\)", "", repr(held))


def test_a_page_is_asked_again_when_its_date_moves_or_after_a_while(
    docs: Sandbox, web: WebWorld
) -> None:
    web.harvest()
    docs.library.put_page(MAPS_PATH, TEXT, CHANGED + timedelta(days=2))

    moved = asked(docs, web)
    web.later(days=7)
    old = asked(docs, web)

    assert [each for each in moved if "use" in each] == [f"{MAPS_PATH}.md?"]
    assert len([each for each in old if "use" in each]) == 2


def test_everything_is_read_anew_on_demand_or_with_other_settings(
    docs: Sandbox, web: WebWorld
) -> None:
    web.harvest()
    full = asked(docs, web, full=True)
    web.rules = PageRules(RULES.path_rules, kind=Kind.COURSE)
    other = asked(docs, web)

    assert full == [
        "sitemap.xml",
        "llms.txt",
        f"{MAPS_PATH}.md",
        "2.40/fr/use/cartes.md",
    ]
    assert other[2:] == full[2:]
    assert web.document(MAPS).kind is Kind.COURSE


def test_a_changed_section_changes_its_passages_alone(
    docs: Sandbox, web: WebWorld
) -> None:
    web.harvest(twins="never")
    before = {p.anchor: p.id for p in web.passages(MAPS)}
    edited = TEXT.replace("as a point", "as a small point")
    docs.library.put_page(MAPS_PATH, edited, CHANGED + timedelta(days=1))

    report = web.harvest(twins="never")

    after = {p.anchor: p.id for p in web.passages(MAPS)}
    assert (report.updated, report.passages_added, report.passages_removed) == (1, 1, 1)
    assert {name for name in after if after[name] != before[name]} == {"#events"}


def test_a_new_version_of_a_page_becomes_the_one_that_is_searched(
    docs: Sandbox, web: WebWorld
) -> None:
    web.harvest()
    docs.library.put_page("2.42/en/use/maps", TEXT, CHANGED)

    report = web.harvest()

    states = web.store.documents.states("web")
    current = {
        key: web.store.documents.summaries([state.id])[state.id].current
        for key, state in states.items()
    }
    assert report.inserted == 1
    assert current == {
        MAPS: False,
        "docs-site/2.42/en/use/maps.html": True,
        "docs-site/2.40/fr/use/cartes.html": True,
    }


# -- what leaves ---------------------------------------------------------------------


def test_a_page_that_is_gone_for_good_leaves_at_once(
    docs: Sandbox, web: WebWorld
) -> None:
    web.harvest()
    docs.library.take_down(MAPS_PATH, 410)

    report = web.harvest()

    assert (report.deleted, report.set_aside) == (1, 0)
    assert web.keys == ["docs-site/2.40/fr/use/cartes.html"]
    assert asked(docs, web) == ["sitemap.xml?", "llms.txt?"]


@pytest.mark.parametrize("status", [404, 401, 403])
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_page_that_is_missing_leaves_when_it_still_is_a_day_later(
    docs: Sandbox, web: WebWorld, status: int, is_listed: bool
) -> None:
    web.harvest(recheck_every=timedelta(0))
    docs.library.take_down(MAPS_PATH, status, is_listed=is_listed)

    first = web.harvest(recheck_every=timedelta(0))
    kept, aside = web.keys, web.set_aside()
    web.later(hours=25)
    second = web.harvest(recheck_every=timedelta(0))

    assert (first.deleted, second.deleted) == (0, 1)
    assert MAPS in kept
    assert aside == {
        MAPS: f"answers {status} since 2026-03-01 00:02 UTC; it is kept until that is "
        "certain"
    }
    assert web.keys == ["docs-site/2.40/fr/use/cartes.html"]
    assert web.set_aside() == {}


def test_a_page_that_comes_back_is_as_it_was(docs: Sandbox, web: WebWorld) -> None:
    web.harvest()
    ids = [p.id for p in web.passages(MAPS)]
    docs.library.take_down(MAPS_PATH, 404)
    web.harvest()
    docs.library.put_page(MAPS_PATH, TEXT, CHANGED)
    web.later(hours=25)

    web.harvest()

    assert [p.heading for p in web.passages(MAPS)] == [
        "Maps",
        "Maps › Thematic layers",
        "Maps › Event layers",
    ]
    assert len(ids) == 3
    assert web.set_aside() == {}


def test_a_page_that_is_only_not_listed_any_more_stays(
    docs: Sandbox, web: WebWorld
) -> None:
    web.harvest()
    docs.library.put_page(MAPS_PATH, TEXT, CHANGED, is_listed=False)

    report = web.harvest()

    assert (report.deleted, report.unchanged, web.set_aside()) == (0, 2, {})
    assert web.document(MAPS).verified_at == web.clock.now


def test_most_pages_do_not_leave_at_once(docs: Sandbox, web: WebWorld) -> None:
    """All pages lead to one: a site that is moved, or closed for an hour."""
    for number in range(30):
        docs.library.put_page(f"2.41/en/p/n{number}", f"# N{number}\n\nText {number}.")
    web.harvest(twins="never")
    before = web.keys
    for number in range(30):
        docs.library.put_page(
            f"2.41/en/p/n{number}",
            "# Moved",
            CHANGED,
            head="<meta name='robots' content='noindex'>",
        )

    with pytest.raises(
        SourceError, match="30 of 32 documents have left it all at once"
    ):
        web.harvest(twins="never")
    assert web.keys == before

    assert web.harvest(twins="never", accept_deletions=True).deleted == 30


# -- interruptions ---------------------------------------------------------------------


def test_an_interrupted_walk_goes_on_where_it_was(
    docs: Sandbox, web: WebWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_walk, "BATCH_PAGES", 2)
    for number in range(12):
        docs.library.put_page(f"2.41/en/p/n{number:02}", f"# N\n\nText {number}.")
    down = "/docs-site/2.41/en/p/n0[5-9]|/n1"
    docs.faults.fail_next(99, path=re.compile(down), status=500)
    with pytest.raises(ForumUnavailableError):
        web.harvest(twins="never")
    read = {each for each in docs.requests if "/n0" in each}
    held = web.keys
    docs.faults.clear()

    again = asked(docs, web, twins="never", recheck_every=timedelta(0))

    assert len(held) == 5
    assert len(read) == 10
    assert [each for each in again if "/p/" in each] == [
        f"2.41/en/p/n{number:02}.html" for number in range(5, 12)
    ]
    assert len(web.keys) == 14
    assert web.set_aside() == {}


def test_a_walk_that_is_killed_goes_on_where_it_was(
    docs: Sandbox, web: WebWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while a page was read: what no batch brought is asked for again."""

    class Killed(BaseException):
        pass

    monkeypatch.setattr(site_walk, "BATCH_PAGES", 2)
    for number in range(6):
        docs.library.put_page(f"2.41/en/p/n{number}", f"# N\n\nText {number}.")
    read = PageReader.read

    def killed(self: PageReader, page: Listed) -> Outcome:
        if len(docs.requests) > 6:
            raise Killed
        return read(self, page)

    with monkeypatch.context() as patched:
        patched.setattr(PageReader, "read", killed)
        with pytest.raises(Killed):
            web.harvest(twins="never")
    before = set(docs.requests)
    again = asked(docs, web, twins="never", recheck_every=timedelta(0))

    stored_before = [f"2.41/en/p/n{number}.html" for number in range(4)]
    assert {f"GET /docs-site/{each}" for each in stored_before} <= before
    assert not set(stored_before) & {each.removesuffix("?") for each in again}
    assert len(web.keys) == 8


def test_a_full_refresh_after_an_interrupted_one_reads_all(
    docs: Sandbox, web: WebWorld
) -> None:
    docs.faults.fail_next(
        path="/docs-site/2.40", status=429, headers={"Retry-After": "9999"}
    )
    with pytest.raises(ForumUnavailableError):
        web.harvest(twins="never")

    assert web.keys == [MAPS]
    assert f"{MAPS_PATH}.html" in asked(docs, web, twins="never", full=True)
